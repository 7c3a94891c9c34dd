//! What follows from the published tables alone, however little we add: how many withheld cells a reader can work out by
//! adding and subtracting. It counts them, and never says which they are or what is in them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{DatasetId, Result};
use serde::Serialize;

use super::contains;
use super::relation::Relation;
use super::worlds::{CellRef, Scene, State};
use crate::Session;

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// The snapshot that was looked at.
    pub snapshot: u64,
    /// How many cells of it are withheld, in the tables that `main` shows.
    pub withheld: usize,
    /// How many of them follow exactly, by any of the sums, or by several one after the other.
    pub follow: usize,
    /// What follows by which sums.
    pub findings: Vec<Finding>,
}

/// One kind of relation between published tables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The relation, in words.
    pub relation: String,
    /// The tables that it is between; the same twice where it is within one.
    pub tables: [DatasetId; 2],
    /// The class of deaths, by its labels; empty where the tables have none.
    pub class: String,
    /// How many such relations there are between rows.
    pub relations: usize,
    /// How many withheld cells are in them.
    pub withheld: usize,
    /// How many of these are the only withheld cell of a relation, and so follow exactly from it.
    pub follow: usize,
}

/// Counts the withheld cells that follow exactly from the tables of a session's snapshot.
pub fn audit(session: &Session) -> Result<Audit> {
    let worlds = session.worlds()?;
    let all: BTreeSet<usize> =
        session.counted().iter().enumerate().filter(|(_, counted)| counted.own).map(|(place, _)| place).collect();
    let scene = worlds.scene(session, &all)?;
    let mut findings = sums(session, &scene);
    findings.extend(releases(session, &scene));
    findings.extend(classes(session, &scene));
    let newest = |cell: &CellRef| scene.tables[cell.table].rows[cell.row].newest;
    let withheld = scene.cells().filter(newest).filter(|cell| is_withheld(&scene, cell)).count();
    Ok(Audit { snapshot: session.snapshot(), withheld, follow: peel(&scene), findings })
}

fn is_withheld(scene: &Scene, cell: &CellRef) -> bool {
    matches!(scene.state(*cell), State::Withheld(..))
}

/// What each group of findings is about, and what was counted in it.
#[derive(Default)]
struct Tally {
    relations: usize,
    withheld: BTreeSet<CellRef>,
    follow: BTreeSet<CellRef>,
}

type Groups = BTreeMap<(String, [DatasetId; 2], String), Tally>;

fn findings(groups: Groups) -> Vec<Finding> {
    let finding = |((relation, tables, class), tally): ((String, [DatasetId; 2], String), Tally)| Finding {
        relation,
        tables,
        class,
        relations: tally.relations,
        withheld: tally.withheld.len(),
        follow: tally.follow.len(),
    };
    groups.into_iter().map(finding).collect()
}

fn dataset(session: &Session, scene: &Scene, table: usize) -> DatasetId {
    session.counted()[scene.tables[table].counted].dataset.clone()
}

fn class(scene: &Scene, cell: &CellRef) -> String {
    scene.tables[cell.table].rows[cell.row].labels.join(", ")
}

/// Sums between the newest rows.
fn sums(session: &Session, scene: &Scene) -> Vec<Finding> {
    let mut groups = Groups::new();
    for relation in &scene.relations {
        let (Some(upper), Some(lower)) = (relation.upper.first(), relation.lower.first()) else { continue };
        let tables = [upper, lower].map(|cell| dataset(session, scene, cell.table));
        let key = (relation.kind.as_str().to_owned(), tables, class(scene, upper));
        let tally = groups.entry(key).or_default();
        let hidden = relation.withheld(&scene.tables);
        tally.relations += 1;
        if let [only] = hidden.as_slice() {
            tally.follow.insert(*only);
        }
        tally.withheld.extend(hidden);
    }
    findings(groups)
}

/// The same cell in another release, where it is not withheld: exactly so only if the publisher did not revise it.
fn releases(session: &Session, scene: &Scene) -> Vec<Finding> {
    let mut groups = Groups::new();
    for (table, loaded) in scene.tables.iter().enumerate() {
        let mut same: HashMap<_, Vec<usize>> = HashMap::new();
        for (row, facts) in loaded.rows.iter().enumerate() {
            same.entry((&facts.place, &facts.period, &facts.labels)).or_default().push(row);
        }
        // Rows of one release that nothing tells apart, such as those of persons, are no second word on a cell.
        let told = |rows: &&Vec<usize>| {
            let releases: BTreeSet<_> = rows.iter().map(|row| &loaded.rows[*row].release).collect();
            rows.len() > 1 && releases.len() == rows.len()
        };
        for rows in same.values().filter(told) {
            for count in 0..loaded.cells[rows[0]].len() {
                let cells: Vec<CellRef> = rows.iter().map(|row| CellRef { table, row: *row, count }).collect();
                let dataset = dataset(session, scene, table);
                let key = ("a cell in two releases".to_owned(), [dataset.clone(), dataset], class(scene, &cells[0]));
                let tally = groups.entry(key).or_default();
                tally.relations += 1;
                let hidden = cells.iter().filter(|cell| is_withheld(scene, cell)).copied();
                let published = cells.iter().any(|cell| matches!(scene.state(*cell), State::Published(_)));
                for cell in hidden {
                    tally.withheld.insert(cell);
                    if published {
                        tally.follow.insert(cell);
                    }
                }
            }
        }
    }
    findings(groups)
}

/// A class within another, in one table: a withheld cell follows where what it contains and what contains it leave it one
/// number.
fn classes(session: &Session, scene: &Scene) -> Vec<Finding> {
    let mut groups = Groups::new();
    for (table, loaded) in scene.tables.iter().enumerate() {
        let mut same: HashMap<_, Vec<usize>> = HashMap::new();
        for (row, facts) in loaded.rows.iter().enumerate().filter(|(_, facts)| facts.newest) {
            if !facts.labels.is_empty() {
                same.entry((&facts.place, &facts.period)).or_default().push(row);
            }
        }
        for rows in same.values().filter(|rows| rows.len() > 1) {
            for (row, count) in
                rows.iter().flat_map(|row| (0..loaded.cells[*row].len()).map(move |count| (*row, count)))
            {
                let cell = CellRef { table, row, count };
                let State::Withheld(low, high) = scene.state(cell) else { continue };
                let own = loaded.rows[row].labels.join(", ");
                let (mut least, mut most) = (low as f64, high as f64);
                let mut related = 0;
                for other in rows.iter().filter(|other| **other != row) {
                    let label = loaded.rows[*other].labels.join(", ");
                    let State::Published(number) = scene.state(CellRef { table, row: *other, count }) else { continue };
                    if contains(&label, &own) {
                        most = most.min(number);
                        related += 1;
                    } else if contains(&own, &label) {
                        least = least.max(number);
                        related += 1;
                    }
                }
                if related > 0 {
                    let dataset = dataset(session, scene, table);
                    let key = ("a class within a class".to_owned(), [dataset.clone(), dataset], own);
                    let tally = groups.entry(key).or_default();
                    tally.relations += related;
                    tally.withheld.insert(cell);
                    if least >= most {
                        tally.follow.insert(cell);
                    }
                }
            }
        }
    }
    findings(groups)
}

/// How many withheld cells follow by sums, one after the other: what follows from one is known in the next.
fn peel(scene: &Scene) -> usize {
    let hidden: Vec<Vec<CellRef>> =
        scene.relations.iter().map(|relation: &Relation| relation.withheld(&scene.tables)).collect();
    let mut known: BTreeSet<CellRef> = BTreeSet::new();
    loop {
        let before = known.len();
        for cells in &hidden {
            let mut open = cells.iter().filter(|cell| !known.contains(cell));
            if let (Some(only), None) = (open.next(), open.next()) {
                known.insert(*only);
            }
        }
        if known.len() == before {
            return before;
        }
    }
}
