//! Rows that an export hid.
//!
//! A query of places and years has a row for each of them, and where rows are grouped by something else too, for each value
//! of it that the footer names. One that was put with "Show Zero Values" and "Show
//! Suppressed" must show them all: a row that is not there was cut off. One that was not hides the small ones, and what
//! is absent from it is not zero: such a row is handed on as not shown.

use std::collections::{BTreeMap, BTreeSet};

use model::kind::StateFips;
use model::{Error, Kind, Result};

use super::recipe::{Answer, Axis, AxisValue, Place};
use super::{EXPORT_AGAIN, NOT_SHOWN, places};

/// A row that is not in the export.
pub(super) struct Hidden {
    /// Its year, where rows are of a year each.
    pub year: Option<i32>,
    /// The code of its place; empty for the nation.
    code: String,
    /// What it is of besides: labels and codes, by the name of the column.
    beside: BTreeMap<String, Option<String>>,
    /// The place did not exist then.
    is_missing: bool,
}

impl Hidden {
    /// What would stand in a column.
    pub(super) fn cell(&self, column: &str) -> Option<String> {
        let state = self.code.get(..2).unwrap_or_default();
        match column {
            "Notes" => Some(String::new()),
            "Year" | "Year Code" => self.year.map(|year| year.to_string()),
            "State Code" => Some(state.to_owned()),
            "State" => state.parse::<StateFips>().ok().map(|state| state.name().to_owned()),
            // The name of a county was not printed.
            "County" => None,
            "County Code" => Some(self.code.clone()),
            _ if self.beside.contains_key(column) => self.beside.get(column).cloned().flatten(),
            _ if self.is_missing => Some("Missing".to_owned()),
            _ => Some(NOT_SHOWN.to_owned()),
        }
    }
}

/// The rows that are not there although the query asks for them.
pub(super) fn rows(answer: &Answer, rows: &[(u64, Vec<String>)], url: &str) -> Result<Vec<Hidden>> {
    let codes: Vec<String> = match answer.place {
        Place::Nation => vec![String::new()],
        Place::State => places::states().map(|state| state.to_string()).collect(),
        Place::County(true) => places::counties().map(str::to_owned).collect(),
        Place::County(false) => return Ok(Vec::new()),
    };
    let (Some(years), Some(axes)) = (&answer.years, &answer.axes) else { return Ok(Vec::new()) };
    let years: Vec<Option<i32>> =
        if answer.period.is_some() { vec![None] } else { years.iter().copied().map(Some).collect() };
    let cell = |cells: &[String], at: Option<usize>| at.and_then(|at| cells.get(at)).cloned().unwrap_or_default();
    let rows = rows.iter().map(|(_, cells)| cells).filter(|cells| cells.first().is_some_and(String::is_empty));
    let mut present = BTreeSet::new();
    // The footer names people's groups without their codes; rows that are shown have both.
    let mut printed: BTreeMap<(usize, String), String> = BTreeMap::new();
    for cells in rows {
        let labels: Vec<String> = axes.iter().map(|axis| cell(cells, Some(axis.label_at))).collect();
        for (axis, label) in axes.iter().zip(&labels) {
            printed.entry((axis.label_at, label.clone())).or_insert_with(|| cell(cells, Some(axis.label_at + 1)));
        }
        present.insert((cell(cells, answer.place_at), answer.year_of(cells), labels));
    }
    let combinations = combinations(axes);
    let expected = codes.len() * years.len() * combinations.len();
    let mut hidden = Vec::new();
    for code in codes {
        for year in &years {
            let (first, last) = year.map(|year| (year, year)).or(answer.period).unwrap_or_default();
            let is_missing = places::is_missing(&code, first, last);
            for values in &combinations {
                let labels = values.iter().map(|value| value.label.clone()).collect();
                if present.contains(&(code.clone(), *year, labels)) {
                    continue;
                }
                let mut beside = BTreeMap::new();
                for (axis, value) in axes.iter().zip(values) {
                    let code =
                        value.code.clone().or_else(|| printed.get(&(axis.label_at, value.label.clone())).cloned());
                    beside.insert(axis.group.clone(), Some(value.label.clone()));
                    beside.insert(format!("{} Code", axis.group), code);
                }
                hidden.push(Hidden { year: *year, code: code.clone(), beside, is_missing });
            }
        }
    }
    let cut = hidden.iter().filter(|row| !row.is_missing).count();
    if answer.zeros_shown && answer.suppressed_shown && cut > 0 {
        return Err(Error::new(
            Kind::NotData,
            format!(
                "{url}: {cut} of {expected} rows are not there, although its footer says that rows of zero and suppressed \
                 deaths are shown: the file was cut or edited"
            ),
        )
        .hint(EXPORT_AGAIN));
    }
    Ok(hidden)
}

/// Each combination of a value of every axis; one empty combination where there is no axis.
fn combinations(axes: &[Axis]) -> Vec<Vec<&AxisValue>> {
    axes.iter().fold(vec![Vec::new()], |combinations, axis| {
        let longer = |values: &Vec<_>| {
            axis.values.iter().map(|value| [values.as_slice(), &[value]].concat()).collect::<Vec<_>>()
        };
        combinations.iter().flat_map(longer).collect()
    })
}
