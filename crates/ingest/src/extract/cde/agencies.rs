//! Lists of law enforcement agencies, of both generations, and the flat copy of the newer.
//!
//! * now: an object for each state, `{"COUNTY": [agency, …], "COUNTY A, COUNTY B": […]}`. An agency of several counties
//!   stands under several keys; it becomes one row, and must be the same each time.
//! * 2018: one object for all, `{"ST": {"ORI": agency}}`, with other facts.
//! * a comma separated table of the newer objects, which somebody made: secondary.
//!
//! No list says of when it is. The newer ones name the first day of each agency's incident reports (NIBRS): the newest
//! such day names the edition.

use std::collections::BTreeMap;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::UInt64Type;
use model::{Error, Kind, Release, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::delimited::{self, Layout, Separator};
use super::super::{Edition, Emit, Expect, Extractor, Grade, Page, Piece, RECORD, Request, Slice};
use super::{MAX_BYTES, cell, changed, object};

/// Agencies by state.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CdeAgencies {
    /// The address of a state's list, without the state.
    url: String,
    /// USPS abbreviations of the states, in the order in which they are asked for.
    states: Vec<String>,
}

/// What the newer lists tell of an agency, in the order of its columns.
const FACTS: [&str; 10] = [
    "ori",
    "counties",
    "is_nibrs",
    "latitude",
    "longitude",
    "state_abbr",
    "state_name",
    "agency_name",
    "agency_type_name",
    "nibrs_start_date",
];

/// What the list of 2018 tells of an agency, besides its code and its state.
const OLDER: [&str; 8] = [
    "agency_name",
    "agency_type_name",
    "icpsr_lat",
    "icpsr_lng",
    "months_reported",
    "nibrs_months_reported",
    "past_10_years_reported",
    "primary_county",
];

/// Which list a page is.
enum List {
    /// Of one state.
    State(Map<String, Value>),
    /// Of all states, with the facts of 2018.
    Older(Map<String, Value>),
    /// A flat copy.
    Copy,
}

/// Agencies on their way: cells in the order of the columns, and places.
struct Rows {
    names: &'static [&'static str],
    page: usize,
    cells: Vec<Vec<Option<String>>>,
    records: Vec<u64>,
}

impl Extractor for CdeAgencies {
    fn slices(&self) -> Vec<Slice> {
        vec![Slice::new("agencies", self.url.clone())]
    }

    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        let state = self.states.get(seen.len());
        Ok(state.map(|state| Request::get(format!("{}{state}", slice.url), Expect::Json)))
    }

    fn recognise(&self, page: &Page) -> Result<Option<Slice>> {
        let grade = if matches!(self.list(page)?, List::Copy) { Grade::Secondary } else { Grade::Publisher };
        Ok(Some(Slice { grade, ..Slice::new("agencies", page.url.clone()) }))
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        self.list(page).map(|_| ())
    }

    fn headers(&self, _slice: &Slice, page: &Page) -> Result<Option<Vec<String>>> {
        let names: &[&str] = match self.list(page)? {
            List::Older(_) => &OLDER_NAMES,
            List::State(_) | List::Copy => &FACTS,
        };
        Ok(Some(names.iter().map(|name| (*name).to_owned()).collect()))
    }

    fn decode(&self, _slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        let mut known: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
        let mut read = Vec::with_capacity(pages.len());
        let mut kind = None;
        for (place, page) in pages.iter().enumerate() {
            let (name, rows) = match self.list(page)? {
                List::State(object) => ("through-", states(place, page, &object, &mut known)?),
                List::Older(object) => ("first-generation", older(place, page, &object)?),
                List::Copy => ("copy-through-", copy(place, page)?),
            };
            if *kind.get_or_insert(name) != name {
                return Err(changed(page, "is a list of another generation than the pages before it"));
            }
            read.push(rows);
        }
        let started = |rows: &Rows| rows.cells.iter().filter_map(|cells| cells.get(9).cloned().flatten()).max();
        let release: Release = match (kind, read.iter().filter_map(started).max()) {
            (Some("first-generation"), _) => "first-generation".parse()?,
            (Some(kind), Some(day)) => format!("{kind}{day}").parse()?,
            _ => {
                let message = "no agency has a first day of incident reports, and only that tells the edition";
                return Err(Error::new(Kind::NotData, message).hint("fetch or import the lists of all states together"));
            }
        };
        emit(Piece::Edition(Edition { release: Some(release), slice: None }))?;
        for rows in read {
            rows.emit(emit)?;
        }
        Ok(())
    }
}

/// The columns of the list of 2018.
const OLDER_NAMES: [&str; 10] =
    ["ori", "state_abbr", OLDER[0], OLDER[1], OLDER[2], OLDER[3], OLDER[4], OLDER[5], OLDER[6], OLDER[7]];

impl CdeAgencies {
    fn list(&self, page: &Page) -> Result<List> {
        let mut head = [0; 1];
        let mut text = page.text(MAX_BYTES)?;
        let read = std::io::Read::read(&mut text, &mut head).unwrap_or(0);
        if read == 1 && head[0] != b'{' {
            let names = delimited::header(layout(), page)?;
            return if names == FACTS { Ok(List::Copy) } else { Err(changed(page, "is no list of agencies")) };
        }
        let object = object(page)?;
        match object.values().next() {
            Some(Value::Array(agencies)) if agencies.iter().all(|agency| agency.get("ori").is_some()) => {
                Ok(List::State(object))
            }
            Some(Value::Object(first)) if first.values().all(|agency| agency.get("agency_name").is_some()) => {
                Ok(List::Older(object))
            }
            _ => Err(changed(page, "is no list of agencies")),
        }
    }
}

fn layout() -> Layout {
    Layout { separator: Separator::Comma, quoting: true, limit: MAX_BYTES }
}

/// The agencies of one state, each once.
fn states(
    place: usize,
    page: &Page,
    counties: &Map<String, Value>,
    known: &mut BTreeMap<String, Vec<Option<String>>>,
) -> Result<Rows> {
    let mut rows = Rows { names: &FACTS, page: place, cells: Vec::new(), records: Vec::new() };
    let mut record = 0;
    for agencies in counties.values() {
        let Value::Array(agencies) = agencies else { return Err(changed(page, "has a county without a list")) };
        for agency in agencies {
            record += 1;
            let agency = facts(page, agency, &FACTS)?;
            let ori = agency[0].clone().ok_or_else(|| changed(page, "has an agency without an ORI"))?;
            match known.get(&ori) {
                None => {
                    known.insert(ori, agency.clone());
                    rows.cells.push(agency);
                    rows.records.push(record);
                }
                Some(before) if *before == agency => {}
                Some(_) => return Err(changed(page, &format!("lists {ori} twice, with different facts"))),
            }
        }
    }
    Ok(rows)
}

fn older(place: usize, page: &Page, states: &Map<String, Value>) -> Result<Rows> {
    let mut rows = Rows { names: &OLDER_NAMES, page: place, cells: Vec::new(), records: Vec::new() };
    let mut record = 0;
    for (state, agencies) in states {
        let Value::Object(agencies) = agencies else { return Err(changed(page, "has a state without agencies")) };
        for (ori, agency) in agencies {
            record += 1;
            let mut cells = vec![Some(ori.clone()), Some(state.clone())];
            cells.extend(facts(page, agency, &OLDER)?);
            rows.cells.push(cells);
            rows.records.push(record);
        }
    }
    Ok(rows)
}

fn copy(place: usize, page: &Page) -> Result<Rows> {
    let mut rows = Rows { names: &FACTS, page: place, cells: Vec::new(), records: Vec::new() };
    delimited::rows(layout(), place, page, &|_| Ok(()), &mut |piece| {
        let Piece::Rows { batch, .. } = piece else { return Ok(()) };
        let records = batch.column_by_name(RECORD).and_then(|column| column.as_primitive_opt::<UInt64Type>());
        rows.records.extend(records.iter().flat_map(|records| records.values()));
        for row in 0..batch.num_rows() {
            let cell = |column: &ArrayRef| {
                let texts = column.as_string_opt::<i32>()?;
                (!texts.is_null(row) && !texts.value(row).is_empty()).then(|| texts.value(row).to_owned())
            };
            rows.cells.push(batch.columns().iter().take(FACTS.len()).map(cell).collect());
        }
        Ok(())
    })?;
    Ok(rows)
}

/// The facts of an agency; one that is new or gone is a change of format.
fn facts(page: &Page, agency: &Value, names: &[&str]) -> Result<Vec<Option<String>>> {
    let Value::Object(agency) = agency else { return Err(changed(page, "has an agency that is no object")) };
    if let Some(new) = agency.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(changed(page, &format!("tells `{new}` of agencies, which nothing maps")));
    }
    if let Some(gone) = names.iter().find(|name| !agency.contains_key(**name)) {
        return Err(changed(page, &format!("does not tell `{gone}` of an agency")));
    }
    Ok(names.iter().map(|name| cell(agency.get(*name))).collect())
}

impl Rows {
    fn emit(self, emit: Emit<'_>) -> Result<()> {
        let columns =
            self.names.iter().enumerate().map(|(place, name)| {
                ((*name).to_owned(), self.cells.iter().map(|cells| cells[place].clone()).collect())
            });
        let batch = super::super::batch(columns.collect(), self.records)?;
        if batch.num_rows() == 0 { Ok(()) } else { delimited::in_batches(self.page, &batch, emit) }
    }
}
