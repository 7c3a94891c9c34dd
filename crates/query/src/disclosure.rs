//! The last look at what claims, figures and models show: no count of 1–9 below the national level from an `nchs`
//! dataset (1–10 from a `cms` one), no rate of one, and no numbers from which one follows by a sum.
//!
//! It goes by what an answer depends on, not by the names of its columns: [`guard`] runs the SQL again in worlds whose
//! counts differ ([`worlds`]) and looks at which numbers differ with them, and how. `docs/disclosure.md` says for readers
//! what is refused and what is not seen. [`audit`] counts what follows from the published tables alone.
//!
//! What is absent: any number in an error. A refusal names the row and the column, never what stands there.

mod audit;
pub(crate) mod counted;
mod relation;
mod shown;
mod span;
#[cfg(test)]
mod tests;
pub(crate) mod worlds;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use audit::{Audit, Finding, audit};
use model::{Error, Kind, Result};

use self::counted::Counted;
use self::shown::{Number, Series};
use self::span::{Span, is_function};
use self::worlds::{CellRef, Scene, State, World, Worlds};
use crate::{Answer, Session};

const NCHS_HINT: &str = "42 U.S.C. 242m(d) forbids it below the national level: add places or years together, or leave \
                         the row out";

const CMS_HINT: &str = "CMS shows no cell of 1 to 10: add places, drugs or years together, or leave the row out";

/// Worlds enough to see whether anything differs.
const FEW: u64 = 3;

/// Worlds enough to see what it depends on: for a number of two values, dependence by chance is one in 2³⁰.
const MANY: u64 = 40;

/// Worlds beyond the number of unknowns, so that nothing follows by chance.
const SPARE: usize = 12;

/// The most numbers whose combinations are looked at.
const CAP: usize = 64;

/// The most sums of the published tables that numbers are combined with, those with the fewest withheld terms first.
const SUMS: usize = 48;

/// Functions whose results differ by themselves, or with settings: what an answer depends on could not be seen.
const UNSTEADY: &[&str] = &["random(", "uuid(", "getvariable(", "setseed(", "uuidv4(", "uuidv7(", "tablesample"];

/// Refuses an answer that shows a small count, or from which one follows. `what` says whose SQL it is; no value is
/// ever part of the message.
pub(crate) fn guard(session: &Session, what: &str, sql: &str, answer: &Answer) -> Result<()> {
    let touched = session.counted_in(sql)?;
    let guarded = touched.iter().map(|place| &session.counted()[*place]).filter(|counted| counted.guarded());
    // Of several rules the strictest holds for all.
    let Some(first) = guarded.min_by_key(|counted| Reverse(counted.limit)) else { return Ok(()) };
    let judge = Judge { session, what, sql, answer, first, worlds: session.worlds()? };
    judge.steady()?;
    if answer.rows.is_empty() {
        return Ok(());
    }
    let scene = judge.worlds.scene(session, &touched)?;
    let moved = judge.moved(&scene)?;
    if moved.cells.is_empty() {
        return Ok(());
    }
    let counts = judge.small(&scene, &moved)?;
    judge.residuals(&scene, &moved)?;
    judge.withheld(&scene, &touched, &moved)?;
    judge.nested(&scene, &counts)
}

/// Whether some SQL reads a table whose small counts are protected.
pub(crate) fn is_guarded(session: &Session, sql: &str) -> Result<bool> {
    Ok(session.counted_in(sql)?.iter().any(|place| session.counted()[*place].guarded()))
}

/// A judgement under way.
struct Judge<'a> {
    session: &'a Session,
    what: &'a str,
    sql: &'a str,
    answer: &'a Answer,
    /// The table whose counts are protected most, to be named in errors; the first of several.
    first: &'a Counted,
    worlds: &'a Worlds,
}

/// What rests on counts.
struct Moved {
    /// The worlds that were looked at, by seed from 1.
    seeds: u64,
    /// The cells that differ, by row and column, each with what it is in each world.
    cells: BTreeMap<(usize, usize), Series>,
}

/// A count that is shown.
struct Shown {
    row: usize,
    column: usize,
    real: f64,
}

impl Judge<'_> {
    fn refuse(&self, row: usize, column: usize, rule: &str) -> Error {
        let name = &self.answer.columns[column];
        let message = format!("{}: row {}, column `{name}` {rule}", self.what, row + 1);
        Error::new(Kind::CheckFailed, message).hint(if self.first.limit > 9 { CMS_HINT } else { NCHS_HINT })
    }

    /// The smallest counts, in words.
    fn small_count(&self) -> String {
        format!("a count of 1-{} from {}", self.first.limit, self.first.dataset)
    }

    fn steady(&self) -> Result<()> {
        let bare: String = self.sql.to_lowercase().split_whitespace().collect();
        match UNSTEADY.iter().find(|word| bare.contains(**word)) {
            Some(word) => {
                let message =
                    format!("{}: `{}` hides what the answer depends on", self.what, word.trim_end_matches('('));
                Err(Error::new(Kind::CheckFailed, message)
                    .hint("leave it out: what is published gives the same each time"))
            }
            None => Ok(()),
        }
    }

    fn run<'w>(&self, scene: &Scene, worlds: impl IntoIterator<Item = World<'w>>) -> Result<Vec<Answer>> {
        worlds.into_iter().map(|world| self.worlds.run(self.session, scene, world, self.sql)).collect()
    }

    fn align(&self, others: &[Answer]) -> Result<shown::Seen> {
        shown::align(self.answer, others).ok_or_else(|| {
            let message = format!(
                "{}: nothing names the rows, so it cannot be seen what they depend on in {}",
                self.what, self.first.dataset
            );
            Error::new(Kind::CheckFailed, message).hint("add the columns that tell rows apart, such as place and year")
        })
    }

    fn too_many(&self, count: usize) -> Error {
        let message = format!(
            "{}: {count} numbers rest on withheld counts of {}, too many to see what follows from all of them ({CAP})",
            self.what, self.first.dataset
        );
        Error::new(Kind::CheckFailed, message).hint("show fewer rows, larger groups, or tables of one level only")
    }

    /// The cells of the answer that differ where published counts differ.
    fn moved(&self, scene: &Scene) -> Result<Moved> {
        let close =
            scene.cells().any(|cell| scene.small(self.session, cell, 1).is_some()) || !at_risk(scene).is_empty();
        let seeds = if close { MANY } else { FEW };
        let answers = self.run(scene, (1..=seeds).map(World::Moved))?;
        let seen = self.align(&answers)?;
        let mut cells = BTreeMap::new();
        for (row, columns) in seen.series.into_iter().enumerate() {
            for (column, series) in columns.into_iter().enumerate() {
                let real = &self.answer.rows[row][column];
                if real.is_some() && series.iter().any(|cell| cell != real) {
                    cells.insert((row, column), series);
                }
            }
        }
        Ok(Moved { seeds, cells })
    }

    /// Refuses small counts, and what one published small count decides. Returns the counts that are shown.
    fn small(&self, scene: &Scene, moved: &Moved) -> Result<Vec<Shown>> {
        let scaled = |factor: f64| move |cell: CellRef| if self.guards(scene, cell) { factor } else { 1.0 };
        let (seven, thirteen) = (scaled(7.0), scaled(13.0));
        let answers = self.run(scene, [World::Scaled(&seven), World::Scaled(&thirteen)])?;
        let seen = self.align(&answers)?;
        let limit = self.first.limit as f64;
        let is_small = |count: f64| (1.0..=limit).contains(&count.abs());
        let mut counts = Vec::new();
        for ((row, column), series) in &moved.cells {
            let real = self.answer.rows[*row][*column].as_deref().unwrap_or_default();
            let all: Series = series.iter().chain(&seen.series[*row][*column]).cloned().collect();
            for Number { real, worlds, .. } in shown::numbers(*row, *column, real, &all) {
                let (before, after) = worlds.split_at(series.len());
                let whole = real.fract() == 0.0 && before.iter().all(|(value, _)| value.fract() == 0.0);
                let slope = (after[0].0 - real) / 6.0;
                let straight = ((after[1].0 - real) / 12.0 - slope).abs() <= 1e-6 * slope.abs();
                // A rank or a year is a whole number too, and does not grow with the counts.
                if !whole || !straight || slope == 0.0 {
                    continue;
                }
                if is_small(slope.round()) || is_small(real) {
                    return Err(self.refuse(*row, *column, &format!("would show {}", self.small_count())));
                }
                counts.push(Shown { row: *row, column: *column, real });
            }
        }
        let published = scene.cells().filter(|cell| self.guards(scene, *cell));
        let published: Vec<Vec<f64>> = published
            .filter_map(|cell| (1..=moved.seeds).map(|seed| scene.small(self.session, cell, seed)).collect())
            .collect();
        self.decided(&moved.cells, &published, &format!("would show what {} alone decides", self.small_count()))?;
        Ok(counts)
    }

    /// Refuses what one of these counts decides by itself.
    fn decided(&self, shown: &BTreeMap<(usize, usize), Series>, by: &[Vec<f64>], rule: &str) -> Result<()> {
        for ((row, column), series) in shown.iter().filter(|(_, series)| shown::moves(series)) {
            let texts = texts(series);
            if by.iter().any(|count| is_function(&texts, count)) {
                return Err(self.refuse(*row, *column, rule));
            }
        }
        Ok(())
    }

    fn guards(&self, scene: &Scene, cell: CellRef) -> bool {
        self.session.counted()[scene.tables[cell.table].counted].guarded()
    }

    /// Refuses what gives a withheld cell away by what is published around it.
    fn residuals(&self, scene: &Scene, moved: &Moved) -> Result<()> {
        let hidden = at_risk(scene);
        if hidden.is_empty() {
            return Ok(());
        }
        let rule = format!("would give away a withheld count of {}: what a total leaves for it", self.first.dataset);
        let filled = |cell: &CellRef, seeds: u64| -> Vec<f64> {
            (1..=seeds).filter_map(|seed| scene.filling(*cell, seed)).collect()
        };
        let cells: Vec<Vec<f64>> = hidden.iter().map(|cell| filled(cell, moved.seeds)).collect();
        self.decided(&moved.cells, &cells, &rule)?;
        let numbers = self.numbers(&moved.cells);
        if numbers.len() > CAP {
            return Err(self.too_many(numbers.len()));
        }
        let needed = (numbers.len() + SPARE) as u64;
        let (numbers, seeds) = if needed > moved.seeds {
            let answers = self.run(scene, (1..=needed).map(World::Moved))?;
            let seen = self.align(&answers)?;
            let again = moved.cells.keys().map(|(row, column)| ((*row, *column), seen.series[*row][*column].clone()));
            (self.numbers(&again.collect()), needed)
        } else {
            (numbers, moved.seeds)
        };
        let cells: Vec<Vec<f64>> = hidden.iter().map(|cell| filled(cell, seeds)).collect();
        self.combine(&numbers, &cells, Span::default(), &rule)
    }

    /// Refuses what stands for one withheld cell, or tells it together with the other numbers and the published sums.
    fn withheld(&self, scene: &Scene, touched: &BTreeSet<usize>, moved: &Moved) -> Result<()> {
        let hidden: Vec<CellRef> =
            scene.cells().filter(|cell| matches!(scene.state(*cell), State::Withheld(..))).collect();
        if hidden.is_empty() {
            return Ok(());
        }
        let look = |seeds: u64| -> Result<BTreeMap<(usize, usize), Series>> {
            let answers = self.run(scene, (1..=seeds).map(World::Filled))?;
            let mut seen = self.align(&answers)?;
            let cells = moved
                .cells
                .keys()
                .map(|(row, column)| ((*row, *column), std::mem::take(&mut seen.series[*row][*column])));
            // What is null in truth shows nothing, and what no published count moves is the publisher's rule.
            Ok(cells.filter(|(_, series)| shown::moves(series)).collect())
        };
        let few = look(FEW + 1)?;
        if few.is_empty() {
            return Ok(());
        }
        let numbers = self.numbers(&few).len();
        if numbers > CAP {
            return Err(self.too_many(numbers));
        }
        let family = self.worlds.scene(self.session, &self.family(touched))?;
        let mut sums: Vec<(Vec<CellRef>, &relation::Relation)> = family
            .relations
            .iter()
            .map(|relation| (relation.withheld(&family.tables), relation))
            .filter(|(hidden, _)| !hidden.is_empty())
            .collect();
        sums.sort_by_key(|(hidden, _)| hidden.len());
        sums.truncate(SUMS);
        let seeds = MANY.max((numbers + sums.len() + SPARE) as u64);
        let cells = look(seeds)?;
        let rule = format!(
            "stands for a single withheld count of {}, or tells one together with other numbers",
            self.first.dataset
        );
        let filled =
            |cell: &CellRef| -> Vec<f64> { (1..=seeds).filter_map(|seed| scene.filling(*cell, seed)).collect() };
        let fillings: Vec<Vec<f64>> = hidden.iter().map(filled).collect();
        self.decided(&cells, &fillings, &rule)?;
        let mut known = Span::default();
        for (hidden, relation) in &sums {
            let side = |cell: &CellRef| if relation.lower.contains(cell) { 1.0 } else { -1.0 };
            let at = |seed: u64| -> f64 {
                hidden.iter().map(|cell| side(cell) * family.filling(*cell, seed).unwrap_or(0.0)).sum()
            };
            known.add(&(1..=seeds).map(at).collect::<Vec<_>>());
        }
        // What follows from the published tables alone is no excuse for showing it again.
        let numbers = self.numbers(&cells);
        self.combine(&numbers, &fillings, Span::default(), &rule)?;
        self.combine(&numbers, &fillings, known, &rule)
    }

    /// Refuses numbers from which a cell follows that does not follow from what is `known`. The error names the number
    /// with which it does.
    fn combine(&self, numbers: &[Number], cells: &[Vec<f64>], known: Span, rule: &str) -> Result<()> {
        let open: Vec<&Vec<f64>> = cells.iter().filter(|cell| !known.holds(cell)).collect();
        let all = numbers.iter().fold(known.clone(), |mut span, number| {
            span.add(&values(number));
            span
        });
        if !open.iter().any(|cell| all.holds(cell)) {
            return Ok(());
        }
        let mut span = known;
        for number in numbers {
            span.add(&values(number));
            if open.iter().any(|cell| span.holds(cell)) {
                return Err(self.refuse(number.row, number.column, rule));
            }
        }
        Ok(())
    }

    fn numbers(&self, cells: &BTreeMap<(usize, usize), Series>) -> Vec<Number> {
        let found = cells.iter().flat_map(|((row, column), series)| {
            let real = self.answer.rows[*row][*column].as_deref().unwrap_or_default();
            shown::numbers(*row, *column, real, series)
        });
        found.collect()
    }

    /// The tables touched and those that count the same of larger and smaller places.
    fn family(&self, touched: &BTreeSet<usize>) -> BTreeSet<usize> {
        let all = self.session.counted();
        let kin = |counted: &Counted| touched.iter().any(|place| all[*place].family() == counted.family());
        let members = all.iter().enumerate().filter(|(_, counted)| counted.own && kin(counted));
        members.map(|(place, _)| place).chain(touched.iter().copied()).collect()
    }

    /// Refuses two counts of nested classes, or of two releases, that differ by a small count.
    fn nested(&self, scene: &Scene, counts: &[Shown]) -> Result<()> {
        let limit = self.first.limit as f64;
        let pairs = self.pairs(counts, limit);
        if pairs.is_empty() {
            return Ok(());
        }
        let offsets: Vec<usize> = scene
            .tables
            .iter()
            .scan(0, |sum, table| {
                let before = *sum;
                *sum += table.rows.len();
                Some(before)
            })
            .collect();
        let total: usize = scene.tables.iter().map(|table| table.rows.len()).sum();
        let row_of = |cell: CellRef| offsets[cell.table] + cell.row;
        let classes = classes(scene);
        let class_of = |cell: CellRef| classes[row_of(cell)];
        let last_class = classes.iter().copied().max().unwrap_or(0) + 1;
        let by_row = self.factors(scene, counts, total, &row_of)?;
        let by_class = self.factors(scene, counts, last_class, &class_of)?;
        let locate = |flat: usize| {
            let table = offsets.iter().rposition(|offset| *offset <= flat).unwrap_or(0);
            (table, flat - offsets[table])
        };
        let of_class = |class: usize| classes.iter().position(|other| *other == class).map(locate);
        for (one, two) in pairs {
            let rows = by_row[one].zip(by_row[two]).map(|(a, b)| (locate(a), locate(b)));
            let nested = match rows {
                Some((a, b)) => self.is_nested(scene, a, b, true),
                None => match by_class[one].and_then(of_class).zip(by_class[two].and_then(of_class)) {
                    Some((a, b)) => self.is_nested(scene, a, b, false),
                    None => false,
                },
            };
            if nested {
                let (row, column) = (counts[two].row, counts[two].column);
                let other = &self.answer.columns[counts[one].column];
                let rule = format!(
                    "and row {}, column `{other}` are counts of one place, one within the other: they differ by {}",
                    counts[one].row + 1,
                    self.small_count()
                );
                return Err(self.refuse(row, column, &rule));
            }
        }
        Ok(())
    }

    /// Counts that differ by little and may be of one place: in a row, or in rows whose names differ in one column.
    fn pairs(&self, counts: &[Shown], limit: f64) -> Vec<(usize, usize)> {
        let close = |one: usize, two: usize| (1.0..=limit).contains(&(counts[one].real - counts[two].real).abs());
        let names: Vec<usize> = (0..self.answer.columns.len())
            .filter(|column| !self.answer.types[*column].starts_with("DECIMAL"))
            .filter(|column| counts.iter().all(|count| count.column != *column))
            .collect();
        let label = |row: usize, column: usize| self.answer.rows[row][column].as_deref();
        let mut found = BTreeSet::new();
        let mut by_row: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, count) in counts.iter().enumerate() {
            by_row.entry(count.row).or_default().push(place);
        }
        let mut groups: HashMap<Vec<Option<&str>>, Vec<usize>> = HashMap::new();
        for without in &names {
            for (place, count) in counts.iter().enumerate() {
                let mut key = vec![Some(self.answer.columns[*without].as_str())];
                key.push(Some(self.answer.columns[count.column].as_str()));
                key.extend(names.iter().filter(|name| *name != without).map(|name| label(count.row, *name)));
                groups.entry(key).or_default().push(place);
            }
        }
        for group in by_row.values().chain(groups.values()) {
            for (at, one) in group.iter().enumerate() {
                found.extend(group[at + 1..].iter().filter(|two| close(*one, **two)).map(|two| (*one, *two)));
            }
        }
        found.into_iter().collect()
    }

    /// For each count the group of cells that it is a sum of, where it is of one group alone: each group has a factor of
    /// its own, and a second world with other factors confirms it.
    fn factors(
        &self,
        scene: &Scene,
        counts: &[Shown],
        groups: usize,
        group_of: &dyn Fn(CellRef) -> usize,
    ) -> Result<Vec<Option<usize>>> {
        const FIRST: usize = 1009;
        let upward = |cell: CellRef| (FIRST + group_of(cell)) as f64;
        let downward = |cell: CellRef| (FIRST + groups - group_of(cell)) as f64;
        let answers = self.run(scene, [World::Scaled(&upward), World::Scaled(&downward)])?;
        let seen = self.align(&answers)?;
        let found = counts.iter().map(|count| {
            let real = self.answer.rows[count.row][count.column].as_deref().unwrap_or_default();
            let number = shown::numbers(count.row, count.column, real, &seen.series[count.row][count.column])
                .into_iter()
                .find(|number| number.real == count.real)?;
            let factor = |world: usize| {
                let factor = number.worlds[world].0 / number.real;
                (factor.fract() == 0.0 && factor >= FIRST as f64).then(|| factor as usize - FIRST)
            };
            let (up, down) = (factor(0)?, factor(1)?);
            (up + down == groups).then_some(up)
        });
        Ok(found.collect())
    }

    /// Whether one row counts deaths that the other counts too: a class within a class, or another release of it.
    fn is_nested(&self, scene: &Scene, one: (usize, usize), two: (usize, usize), same_place: bool) -> bool {
        let facts = |(table, row): (usize, usize)| &scene.tables[table].rows[row];
        let counted = |(table, _): (usize, usize)| &self.session.counted()[scene.tables[table].counted];
        let (a, b) = (facts(one), facts(two));
        if same_place && (&a.place, &a.period) != (&b.place, &b.period) {
            return false;
        }
        if one.0 == two.0 {
            let differ: Vec<usize> = (0..a.labels.len()).filter(|label| a.labels[*label] != b.labels[*label]).collect();
            return match differ.as_slice() {
                [] => same_place && a.release != b.release,
                [label] => {
                    let (a, b) = (&a.labels[*label], &b.labels[*label]);
                    contains(a, b) || contains(b, a)
                }
                _ => false,
            };
        }
        let (a, b) = (counted(one).family(), counted(two).family());
        let (overdose, opioid) = ("cdc_overdose_deaths", "cdc_opioid_deaths");
        (a, b) == (overdose, opioid) || (b, a) == (overdose, opioid)
    }
}

/// Whether one class of deaths is within another, by the words of drugs, intents and indicators.
fn contains(large: &str, small: &str) -> bool {
    const ALL: &[&str] = &["any_opioid", "all", "all_intents", "Number of Drug Overdose Deaths"];
    let opioid = ["T40.0", "T40.1", "T40.2", "T40.3", "T40.4", "T40.6"].iter().any(|code| small.contains(code));
    large != small && (ALL.contains(&large) || (large.starts_with("Opioids (") && opioid))
}

/// For each row of each table the number of its class: its table and labels.
fn classes(scene: &Scene) -> Vec<usize> {
    let mut known: HashMap<(usize, &[String]), usize> = HashMap::new();
    let mut classes = Vec::new();
    for (table, loaded) in scene.tables.iter().enumerate() {
        for row in &loaded.rows {
            let next = known.len();
            classes.push(*known.entry((table, row.labels.as_slice())).or_insert(next));
        }
    }
    classes
}

/// Withheld cells that are terms of a sum between the tables that are looked at.
fn at_risk(scene: &Scene) -> BTreeSet<CellRef> {
    scene.relations.iter().flat_map(|relation| relation.withheld(&scene.tables)).collect()
}

/// What is shown in each world as text; rounding of doubles is no difference.
fn texts(series: &Series) -> Vec<String> {
    let steady = |text: &str| match text.parse::<f64>() {
        Ok(number) if text.contains('.') => format!("{number:.11e}"),
        _ => text.to_owned(),
    };
    series.iter().map(|cell| cell.as_deref().map_or_else(|| "\0".to_owned(), steady)).collect()
}

fn values(number: &Number) -> Vec<f64> {
    number.worlds.iter().map(|(value, _)| *value).collect()
}
