//! Sums that hold between rows of published tables: a nation and its states, a state and its counties, several years
//! together and each of them, all intents and each of them. Who knows all terms of such a sum but one knows that one too.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::counted::{Counted, Level};
use super::worlds::{CellRef, Loaded, State};
use crate::session::Session;

/// What a row is of.
pub(crate) struct RowFacts {
    /// Whether `main` shows it.
    pub(crate) newest: bool,
    /// The edition.
    pub(crate) release: String,
    /// The code of the place; empty for the whole country.
    pub(crate) place: String,
    /// The first and the last day.
    pub(crate) period: Option<Period>,
    /// Of whom or what, in the order of [`super::counted::Counted::labels`].
    pub(crate) labels: Vec<String>,
}

/// The first and the last day, as ISO 8601 writes them.
pub(crate) type Period = (String, String);

/// A sum: the upper cells together are the lower cells together.
pub(crate) struct Relation {
    /// Which sums these are, in words.
    pub(crate) kind: Sum,
    /// The larger: a nation, a state, the years of which others are the sum.
    pub(crate) upper: Vec<CellRef>,
    /// The parts.
    pub(crate) lower: Vec<CellRef>,
}

/// Kinds of sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sum {
    /// All intents are the sum of the intents.
    Intents,
    /// A place is the sum of the groups of its people, such as the sexes, in a table of its own.
    Groups,
    /// A place is the sum of its places, over the same period.
    Places,
    /// A place is the sum of its places, where one of both is given by years and the other for several together.
    PlacesAndYears,
    /// Several years together are the sum of the years.
    Years,
}

impl Sum {
    /// The sum in words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Sum::Intents => "all intents = sum of intents",
            Sum::Groups => "a place = sum of its groups",
            Sum::Places => "a place = sum of its places",
            Sum::PlacesAndYears => "a place, year by year = sum of its places, years together",
            Sum::Years => "several years = sum of the years",
        }
    }
}

/// What stands for all intents.
const ALL: &[&str] = &["all", "all_intents", "all intents"];

/// The period of a row.
pub(crate) fn period(year: Option<String>, start: Option<String>, end: Option<String>) -> Option<Period> {
    match (start, end, year) {
        (Some(start), Some(end), _) => Some((start, end)),
        (_, _, Some(year)) => Some((format!("{year}-01-01"), format!("{year}-12-31"))),
        _ => None,
    }
}

/// The calendar years that a period consists of, where it is more than one.
fn years(period: &Period) -> Option<Vec<Period>> {
    let first: i32 = period.0.strip_suffix("-01-01")?.parse().ok()?;
    let last: i32 = period.1.strip_suffix("-12-31")?.parse().ok()?;
    (last > first).then(|| (first..=last).map(|year| (format!("{year}-01-01"), format!("{year}-12-31"))).collect())
}

type Key = (String, Period, Vec<String>);

/// The sums between the newest rows of these tables that can hold: where what is published leaves the withheld cells a
/// number within their bounds. Parts come before what they are parts of.
pub(crate) fn between(session: &Session, tables: &[Rc<Loaded>]) -> Vec<Relation> {
    let mut found: Vec<(Level, Relation)> = Vec::new();
    for (below, lower) in tables.iter().enumerate() {
        let small = &session.counted()[lower.counted];
        if !small.own {
            continue;
        }
        for (count, _) in small.counts.iter().enumerate() {
            intents(session, tables, below, count, &mut |relation| found.push((small.level, relation)));
        }
        for (above, upper) in tables.iter().enumerate() {
            let large = &session.counted()[upper.counted];
            let Some(shared) = shared(large, small) else { continue };
            let grouped = shared.len() < small.labels().len();
            if large.level > small.level || (large.level == small.level && (above != below) != grouped) {
                continue;
            }
            for (count, meaning) in small.counts.iter().enumerate() {
                let Some(other) = large.counts.iter().position(|other| other.column == meaning.column) else {
                    continue;
                };
                let pair = Pair { tables, above, below, above_count: other, below_count: count, shared: &shared };
                let mut sums = Vec::new();
                pair.sums(large.level, small.level, &mut |relation| sums.push(relation));
                // Groups may be some of all, such as two races: then the sum fails where all of it is published.
                if !grouped || mostly_hold(tables, &sums) {
                    found.extend(sums.into_iter().map(|relation| (small.level, relation)));
                }
            }
        }
    }
    found.retain(|(_, relation)| relation.can_hold(tables));
    found.sort_by(|(a, one), (b, two)| b.cmp(a).then(one.kind.cmp(&two.kind)).then(one.lower.cmp(&two.lower)));
    found.into_iter().map(|(_, relation)| relation).collect()
}

/// Where the labels of the larger table stand among those of the smaller, if that has all of them and both are of one
/// family.
fn shared(large: &Counted, small: &Counted) -> Option<Vec<usize>> {
    if !large.own || large.family() != small.family() {
        return None;
    }
    let labels = small.labels();
    large.labels().iter().map(|label| labels.iter().position(|other| other == label)).collect()
}

/// Whether most of the sums hold of which every term is published.
fn mostly_hold(tables: &[Rc<Loaded>], sums: &[Relation]) -> bool {
    let open = sums.iter().filter(|sum| sum.withheld(tables).is_empty());
    let (hold, fail): (Vec<_>, Vec<_>) = open.partition(|sum| sum.can_hold(tables));
    hold.len() >= fail.len()
}

/// Two tables of a family, of which one holds larger places, or the same table twice.
struct Pair<'a> {
    tables: &'a [Rc<Loaded>],
    above: usize,
    below: usize,
    above_count: usize,
    below_count: usize,
    /// Where the labels of the larger stand among those of the smaller.
    shared: &'a [usize],
}

impl Pair<'_> {
    fn sums(&self, large: Level, small: Level, emit: &mut dyn FnMut(Relation)) {
        let uppers: HashMap<Key, CellRef> = rows(self.tables, self.above, self.above_count)
            .map(|(row, period, cell)| ((row.place.clone(), period.clone(), row.labels.clone()), cell))
            .collect();
        let mut lowers: BTreeMap<Key, Vec<CellRef>> = BTreeMap::new();
        for (row, period, cell) in rows(self.tables, self.below, self.below_count) {
            let place = within(&row.place, large);
            let labels = self.shared.iter().map(|label| row.labels[*label].clone()).collect();
            lowers.entry((place, period.clone(), labels)).or_default().push(cell);
        }
        for ((place, period, labels), lower) in &lowers {
            let at = |period: &Period| uppers.get(&(place.clone(), period.clone(), labels.clone())).copied();
            if self.above != self.below
                && let Some(cell) = at(period)
            {
                let kind = if large < small { Sum::Places } else { Sum::Groups };
                emit(Relation { kind, upper: vec![cell], lower: lower.clone() });
            }
            let each = years(period).and_then(|years| years.iter().map(at).collect::<Option<Vec<_>>>());
            if let Some(upper) = each {
                let kind = if large < small { Sum::PlacesAndYears } else { Sum::Years };
                emit(Relation { kind, upper, lower: lower.clone() });
            }
        }
        if self.above == self.below {
            return;
        }
        for ((place, period, labels), cell) in &uppers {
            let Some(years) = years(period) else { continue };
            let parts = years.iter().map(|year| lowers.get(&(place.clone(), year.clone(), labels.clone())));
            if let Some(parts) = parts.collect::<Option<Vec<_>>>() {
                let lower = parts.into_iter().flatten().copied().collect();
                emit(Relation { kind: Sum::PlacesAndYears, upper: vec![*cell], lower });
            }
        }
    }
}

fn intents(session: &Session, tables: &[Rc<Loaded>], table: usize, count: usize, emit: &mut dyn FnMut(Relation)) {
    let counted = &session.counted()[tables[table].counted];
    let Some(intent) = counted.labels().iter().position(|label| *label == "intent") else { return };
    let mut groups: BTreeMap<Key, (Vec<CellRef>, Vec<CellRef>)> = BTreeMap::new();
    for (row, period, cell) in rows(tables, table, count) {
        let mut labels = row.labels.clone();
        let own = labels.remove(intent).to_lowercase();
        let group = groups.entry((row.place.clone(), period.clone(), labels)).or_default();
        if ALL.contains(&own.as_str()) { group.0.push(cell) } else { group.1.push(cell) }
    }
    for (upper, lower) in groups.into_values() {
        if upper.len() == 1 && lower.len() > 1 {
            emit(Relation { kind: Sum::Intents, upper, lower });
        }
    }
}

/// The newest rows that have a period, with the cell of a count.
fn rows(tables: &[Rc<Loaded>], table: usize, count: usize) -> impl Iterator<Item = (&RowFacts, &Period, CellRef)> {
    tables[table].rows.iter().enumerate().filter(|(_, row)| row.newest).filter_map(move |(place, row)| {
        row.period.as_ref().map(|period| (row, period, CellRef { table, row: place, count }))
    })
}

/// The larger place that a place is in.
fn within(place: &str, level: Level) -> String {
    match level {
        Level::Nation => String::new(),
        Level::State => place.chars().take(2).collect(),
        Level::County => place.to_owned(),
    }
}

impl Relation {
    /// Its withheld cells.
    pub(crate) fn withheld(&self, tables: &[Rc<Loaded>]) -> Vec<CellRef> {
        let hidden = |cell: &&CellRef| matches!(state(tables, cell), State::Withheld(..));
        self.upper.iter().chain(&self.lower).filter(hidden).copied().collect()
    }

    /// Whether what is published leaves the withheld cells numbers within their bounds.
    fn can_hold(&self, tables: &[Rc<Loaded>]) -> bool {
        let (upper, lower) = (bounds(tables, &self.upper), bounds(tables, &self.lower));
        let known = |cell: &CellRef| state(tables, cell) != State::Absent;
        self.upper.iter().any(known) && self.lower.iter().any(known) && upper.0 <= lower.1 && lower.0 <= upper.1
    }
}

/// The least and the most that cells together can be.
fn bounds(tables: &[Rc<Loaded>], cells: &[CellRef]) -> (f64, f64) {
    cells.iter().fold((0.0, 0.0), |(least, most), cell| match state(tables, cell) {
        State::Absent => (least, most),
        State::Published(number) => (least + number, most + number),
        State::Withheld(low, high) => (least + low as f64, most + high as f64),
    })
}

fn state(tables: &[Rc<Loaded>], cell: &CellRef) -> State {
    tables[cell.table].cells[cell.row][cell.count]
}
