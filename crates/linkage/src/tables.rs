//! Counts of deaths by one thing at a time, and what of them may be shown.
//!
//! All tables count the same deaths: they share the counts of the whole, by group and window, and are withheld together. They
//! have no more in common than that, so that any tables that agree in the shared counts can be of the same deaths, and what
//! follows from all of them follows from these sums. So there is no table by county *and* year, and none is to be had by running
//! the program for each year: two runs over the same deaths are together more than either was checked for.
//!
//! Tables are coarse on purpose. A small cell takes others with it; few columns that matter show more than many.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::attribute::{After, Attributed, Window};
use crate::declare::PrescriberRule;
use crate::link::Found;
use crate::read::{Death, Group};
use crate::withhold::{Cell, LEAST, Sum, withhold};

/// A group or a value for all together.
const ALL: &str = "all";

/// Values with too few deaths, together.
const OTHERS: &str = "others together";

/// A count of deaths, as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// By what the table counts; `all` of the counts that all tables share.
    pub table: &'static str,
    /// Of which value.
    pub value: String,
    /// Which opioids the certificates name.
    pub group: &'static str,
    /// How the deaths lie to prescriptions.
    pub window: &'static str,
    /// How many; none where it is withheld.
    pub deaths: Option<i64>,
}

/// The groups and windows of a column.
type Column = (&'static str, &'static str);

const PRESCRIBABLE: &str = Group::Prescribable.as_str();
const HEROIN: &str = Group::HeroinOrFentanylAlone.as_str();
const NO_OPIOID: &str = Group::NoOpioid.as_str();

/// The first definition, by group.
const WITHIN: [Column; 3] = [(PRESCRIBABLE, "within_days"), (HEROIN, "within_days"), (NO_OPIOID, "within_days")];

/// Of all groups, what is not one of the two columns that the largest tables have.
const REST: Column = (ALL, "rest");

/// Which deaths a window's name stands for. The second definition is `attributed`.
const WINDOWS: [(&str, &[Window]); 8] = [
    ("within_days", &[Window::Within]),
    ("later_within_supply", &[Window::Later]),
    ("attributed", &[Window::Within, Window::Later]),
    ("hospice", &[Window::Hospice]),
    ("none", &[Window::None]),
    ("unattributed", &[Window::Hospice, Window::None]),
    ("rest", &[Window::Within, Window::Later, Window::Hospice, Window::None]),
    (ALL, &[Window::Within, Window::Later, Window::Hospice, Window::None]),
];

/// Whether a column counts a death.
fn counts((group, window): Column, (of, lies): (Group, Window)) -> bool {
    let is_first = WITHIN[..2].contains(&(of.as_str(), "within_days")) && lies == Window::Within;
    let windows = WINDOWS.iter().find(|(name, _)| *name == window).map_or(&[][..], |(_, windows)| windows);
    (group == ALL || of.as_str() == group) && windows.contains(&lies) && !((group, window) == REST && is_first)
}

/// The counts that all tables share: a total and its parts, each.
const SHARED: &[(Column, &[Column])] = &[
    ((ALL, ALL), &[(PRESCRIBABLE, ALL), (HEROIN, ALL), (NO_OPIOID, ALL)]),
    ((ALL, ALL), &[(ALL, "attributed"), (ALL, "unattributed")]),
    ((ALL, ALL), &[WITHIN[0], WITHIN[1], REST]),
    ((ALL, "attributed"), &[(ALL, "within_days"), (ALL, "later_within_supply")]),
    ((ALL, "unattributed"), &[(ALL, "hospice"), (ALL, "none")]),
    ((ALL, "within_days"), &WITHIN),
    ((PRESCRIBABLE, ALL), &[(PRESCRIBABLE, "attributed"), (PRESCRIBABLE, "unattributed")]),
    ((HEROIN, ALL), &[(HEROIN, "attributed"), (HEROIN, "unattributed")]),
    ((NO_OPIOID, ALL), &[(NO_OPIOID, "attributed"), (NO_OPIOID, "unattributed")]),
    ((PRESCRIBABLE, "attributed"), &[WITHIN[0], (PRESCRIBABLE, "later_within_supply")]),
    ((HEROIN, "attributed"), &[WITHIN[1], (HEROIN, "later_within_supply")]),
    ((NO_OPIOID, "attributed"), &[WITHIN[2], (NO_OPIOID, "later_within_supply")]),
    (
        (ALL, "later_within_supply"),
        &[(PRESCRIBABLE, "later_within_supply"), (HEROIN, "later_within_supply"), (NO_OPIOID, "later_within_supply")],
    ),
    ((ALL, "unattributed"), &[(PRESCRIBABLE, "unattributed"), (HEROIN, "unattributed"), (NO_OPIOID, "unattributed")]),
    ((ALL, "attributed"), &[(PRESCRIBABLE, "attributed"), (HEROIN, "attributed"), (NO_OPIOID, "attributed")]),
];

/// What a table counts by.
struct Table {
    name: &'static str,
    /// Its columns: what they add up to, and the parts, if it has any.
    total: Column,
    parts: &'static [Column],
    /// The value of each death.
    values: Vec<Option<String>>,
}

/// Tables of all deaths have the first definition for the two groups that matter, and the rest.
const EVERYWHERE: (Column, &[Column]) = ((ALL, ALL), &[WITHIN[0], WITHIN[1], REST]);

/// Tables of what deaths followed have the first definition.
const AFTER: (Column, &[Column]) = ((ALL, "within_days"), &WITHIN);

/// Why the others are in neither.
const NONE: (Column, &[Column]) = ((ALL, "none"), &[]);

/// Counts, withholds, and says what is left to show. `years` has the year of each death.
pub(crate) fn tables(
    deaths: &[Death],
    found: &[Found],
    attributed: &[Attributed],
    years: &[i16],
    rule: PrescriberRule,
) -> Vec<Shown> {
    let mut tables = by_each(deaths, found, attributed, years, rule);
    let of: Vec<(Group, Window)> =
        deaths.iter().zip(attributed).map(|(death, one)| (death.group, one.window)).collect();
    // Where all together cannot be protected, the last table goes.
    loop {
        tables.iter_mut().for_each(|table| merge(table, &of));
        tables.retain(|table| table.values.iter().flatten().collect::<BTreeSet<_>>().len() > 1);
        let counts = count(&tables, &of);
        if let Some(withheld) = withhold(&counts.cells, &counts.sums) {
            let shown = |((key, cell), withheld): ((Key, Cell), bool)| Shown {
                table: key.table,
                value: key.value,
                group: key.column.0,
                window: key.column.1,
                deaths: (!withheld).then_some(cell.count),
            };
            return counts.keys.into_iter().zip(counts.cells).zip(withheld.cells).map(shown).collect();
        }
        if tables.pop().is_none() {
            return Vec::new();
        }
    }
}

/// All tables, the most wanted first.
fn by_each(
    deaths: &[Death],
    found: &[Found],
    attributed: &[Attributed],
    years: &[i16],
    rule: PrescriberRule,
) -> Vec<Table> {
    let table = |name, (total, parts): (Column, &'static [Column]), values| Table { name, total, parts, values };
    let after = |name, value: &dyn Fn(&After) -> String| {
        table(name, AFTER, attributed.iter().map(|one| one.after.as_ref().map(value)).collect())
    };
    let mut tables = Vec::new();
    if deaths.iter().any(|death| death.county.is_some()) {
        let values = deaths.iter().map(|death| Some(death.county.clone().unwrap_or_else(|| "unknown".to_owned())));
        tables.push(table("county", EVERYWHERE, values.collect()));
    }
    tables.push(table("year", EVERYWHERE, years.iter().map(|year| Some(year.to_string())).collect()));
    tables.push(after("last_drug", &|after| after.drug.as_str().to_owned()));
    tables.push(after("prescribers", &|after| class(after.prescribers, &[1, 2, 3, 4])));
    // Never both: who is the last is at most as busy as the busiest, so that each bounds the other.
    tables.push(match rule {
        PrescriberRule::Last => {
            after("deaths_of_last_prescriber", &|after| class(after.of_last_prescriber, &[1, 2, 4, 8]))
        }
        PrescriberRule::Shared => {
            after("deaths_of_busiest_prescriber", &|after| class(after.of_busiest_prescriber, &[1, 2, 4, 8]))
        }
    });
    if attributed.iter().filter_map(|one| one.after.as_ref()).any(|after| after.mme_per_day.is_some()) {
        tables.push(after("mme_per_day", &|after| {
            let class = match after.mme_per_day {
                None => "unknown",
                Some(mme) if mme < 50.0 => "below 50",
                Some(mme) if mme < 90.0 => "50 to below 90",
                Some(_) => "90 and above",
            };
            class.to_owned()
        }));
    }
    let why = |found: &Found| match found {
        Found::Patient(_) => "a patient, no opioid in time",
        Found::Review => "for a clerk to look at",
        Found::Nobody => "no patient found",
    };
    tables.push(table("unattributed", NONE, found.iter().map(|found| Some(why(found).to_owned())).collect()));
    tables
}

/// The class of a number, of classes that begin at these: `1`, `2-3`, `4+`.
fn class(number: usize, begins: &[usize]) -> String {
    let place = begins.iter().rposition(|begin| *begin <= number).unwrap_or(0);
    match (begins.get(place), begins.get(place + 1)) {
        (Some(from), Some(next)) if from + 1 == *next => from.to_string(),
        (Some(from), Some(next)) => format!("{from}-{}", next - 1),
        (Some(from), None) => format!("{from}+"),
        (None, _) => String::new(),
    }
}

/// Puts values together that have too few deaths to be shown, with the next larger ones until they have enough.
fn merge(table: &mut Table, of: &[(Group, Window)]) {
    let mut totals: BTreeMap<String, i64> = BTreeMap::new();
    for (value, of) in table.values.iter_mut().zip(of) {
        if !counts(table.total, *of) {
            *value = None;
        }
        if let Some(value) = value {
            *totals.entry(value.clone()).or_default() += 1;
        }
    }
    let mut sorted: Vec<(i64, String)> = totals.into_iter().map(|(value, count)| (count, value)).collect();
    sorted.sort();
    let mut few: BTreeSet<String> = BTreeSet::new();
    let mut together = 0;
    for (count, value) in sorted {
        if count >= LEAST && (together == 0 || together >= LEAST) {
            break;
        }
        together += count;
        few.insert(value);
    }
    table.values.iter_mut().flatten().filter(|value| few.contains(*value)).for_each(|value| OTHERS.clone_into(value));
}

/// What a cell is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    table: &'static str,
    value: String,
    column: Column,
}

#[derive(Default)]
struct Counts {
    keys: Vec<Key>,
    cells: Vec<Cell>,
    sums: Vec<Sum>,
    places: BTreeMap<Key, usize>,
}

impl Counts {
    /// The place of a cell, which is counted where it is new.
    fn place(&mut self, table: &'static str, value: &str, column: Column, count: impl Fn() -> usize) -> usize {
        let key = Key { table, value: value.to_owned(), column };
        if let Some(place) = self.places.get(&key) {
            return *place;
        }
        let place = self.cells.len();
        self.cells.push(Cell { count: i64::try_from(count()).unwrap_or(i64::MAX), fixed: false, dear: table == ALL });
        self.keys.push(key.clone());
        self.places.insert(key, place);
        place
    }
}

/// All cells of all tables with their sums: columns, and values that make up the shared counts.
fn count(tables: &[Table], of: &[(Group, Window)]) -> Counts {
    let mut all = Counts::default();
    let shared = |all: &mut Counts, column| {
        all.place(ALL, ALL, column, || of.iter().filter(|one| counts(column, **one)).count())
    };
    for (total, parts) in SHARED {
        let total = shared(&mut all, *total);
        let parts = parts.iter().map(|part| shared(&mut all, *part)).collect();
        all.sums.push(Sum { total, parts });
    }
    let whole = shared(&mut all, (ALL, ALL));
    all.cells[whole].fixed = true;
    for table in tables {
        let mut by_column: BTreeMap<Column, Vec<usize>> = BTreeMap::new();
        for value in table.values.iter().flatten().collect::<BTreeSet<&String>>() {
            let mine: Vec<(Group, Window)> =
                table.values.iter().zip(of).filter(|(one, _)| one.as_ref() == Some(value)).map(|(_, of)| *of).collect();
            let mut place = |all: &mut Counts, column| {
                let place =
                    all.place(table.name, value, column, || mine.iter().filter(|one| counts(column, **one)).count());
                by_column.entry(column).or_default().push(place);
                place
            };
            let total = place(&mut all, table.total);
            all.cells[total].fixed = true;
            let parts: Vec<usize> = table.parts.iter().map(|part| place(&mut all, *part)).collect();
            if !parts.is_empty() {
                all.sums.push(Sum { total, parts });
            }
        }
        for (column, parts) in by_column {
            let total = shared(&mut all, column);
            all.sums.push(Sum { total, parts });
        }
    }
    all
}
