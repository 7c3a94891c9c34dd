//! Which deaths followed which prescriptions, and by whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::identity::Tag;
use crate::link::Found;
use crate::read::{Day, Death, Dispensings, Drug, Row};

/// How a death lies to the opioid prescriptions of the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// At most so many days after an opioid was dispensed: the first definition.
    Within,
    /// Later, but at most so many days after the last day that a supply covers: the second definition has these too.
    Later,
    /// In either, and one of these prescriptions was marked as hospice care: attributed to none.
    Hospice,
    /// In neither, or no patient was found.
    None,
}

impl Window {
    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Within => "within_days",
            Self::Later => "later_within_supply",
            Self::Hospice => "hospice",
            Self::None => "none",
        }
    }
}

/// A death with what the tables say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributed {
    /// Where the death lies.
    pub window: Window,
    /// Of attributed deaths: what they followed.
    pub after: Option<After>,
}

/// The prescriptions that a death followed: those in whose window it lies, by the first definition where it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct After {
    /// The drug of the last of them.
    pub drug: Drug,
    /// How many prescribers they had.
    pub prescribers: usize,
    /// Morphine milligram equivalents a day, of those that still lasted when the last was dispensed; none where the file does
    /// not say of one.
    pub mme_per_day: Option<f64>,
    /// How many deaths by the first definition the prescriber of the last one has, by that rule.
    pub of_last_prescriber: usize,
    /// How many the busiest of all its prescribers has, where each of several shares a death.
    pub of_busiest_prescriber: usize,
}

/// The opioid prescriptions that a death lies within, before prescribers are counted.
struct Case {
    window: Window,
    drug: Drug,
    mme_per_day: Option<f64>,
    last: Tag,
    all: BTreeSet<Tag>,
}

/// Rows by patient.
pub(crate) struct History<'a>(Vec<Vec<&'a Row>>);

impl<'a> History<'a> {
    pub fn of(dispensed: &'a Dispensings) -> Self {
        let mut history: Vec<Vec<&Row>> = dispensed.identities.iter().map(|_| Vec::new()).collect();
        for row in &dispensed.rows {
            if let Some(rows) = history.get_mut(row.identity as usize) {
                rows.push(row);
            }
        }
        Self(history)
    }

    /// What was dispensed under all spellings of a patient.
    pub fn rows<'b>(&'b self, identities: &'b [u32]) -> impl Iterator<Item = &'a Row> + 'b {
        identities.iter().filter_map(|identity| self.0.get(*identity as usize)).flatten().copied()
    }
}

/// Attributes each death.
pub(crate) fn attribute(deaths: &[Death], found: &[Found], history: &History<'_>, days: u16) -> Vec<Attributed> {
    let cases: Vec<Result<Case, Window>> = deaths
        .iter()
        .zip(found)
        .map(|(death, found)| match found {
            Found::Patient(identities) => case(death.day, history.rows(identities), Day::from(days)),
            _ => Err(Window::None),
        })
        .collect();
    let mut by_last: BTreeMap<Tag, usize> = BTreeMap::new();
    let mut by_any: BTreeMap<Tag, usize> = BTreeMap::new();
    // Of prescribers, deaths by the first definition count.
    for case in cases.iter().flatten().filter(|case| case.window == Window::Within) {
        *by_last.entry(case.last).or_default() += 1;
        case.all.iter().for_each(|prescriber| *by_any.entry(*prescriber).or_default() += 1);
    }
    let attributed = |case: Result<Case, Window>| match case {
        Err(window) => Attributed { window, after: None },
        Ok(case) => Attributed {
            window: case.window,
            after: Some(After {
                drug: case.drug,
                prescribers: case.all.len(),
                mme_per_day: case.mme_per_day,
                of_last_prescriber: by_last.get(&case.last).copied().unwrap_or(0),
                of_busiest_prescriber: case.all.iter().filter_map(|one| by_any.get(one)).copied().max().unwrap_or(0),
            }),
        },
    };
    cases.into_iter().map(attributed).collect()
}

/// What a death followed; else where it lies.
fn case<'a>(died: Day, rows: impl Iterator<Item = &'a Row>, days: Day) -> Result<Case, Window> {
    let earlier: Vec<&Row> = rows.filter(|row| row.drug.is_opioid() && row.day <= died).collect();
    let lies = |row: &&&Row, supply: Day| died <= row.day + supply + days;
    let within: Vec<&Row> = earlier.iter().filter(|row| lies(row, 0)).copied().collect();
    let lasting: Vec<&Row> = earlier.iter().filter(|row| lies(row, Day::from(row.supply))).copied().collect();
    // Whatever lies within the first lies within the second.
    if lasting.iter().any(|row| row.hospice) {
        return Err(Window::Hospice);
    }
    let (window, rows) = if within.is_empty() { (Window::Later, lasting) } else { (Window::Within, within) };
    // Of several on one day, the strongest; of equals the one of the first hash, so that it is always the same.
    let strength = |row: &Row| row.mme_per_day.unwrap_or(0.0);
    let last = rows.iter().copied().max_by(|one, two| {
        one.day.cmp(&two.day).then(strength(one).total_cmp(&strength(two))).then(two.prescriber.cmp(&one.prescriber))
    });
    let Some(last) = last else { return Err(Window::None) };
    let lasted = rows.iter().filter(|row| row.day == last.day || row.day + Day::from(row.supply) > last.day);
    Ok(Case {
        window,
        drug: last.drug,
        mme_per_day: lasted.map(|row| row.mme_per_day).sum(),
        last: last.prescriber,
        all: rows.iter().map(|row| row.prescriber).collect(),
    })
}
