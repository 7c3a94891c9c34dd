//! The Crime Data Explorer's JSON: a state's agencies by county, and the series of a scope by month.
//!
//! Absent: series of the larger places that an answer repeats beside the scope's own, but for their names where nothing
//! else is there.

use crate::cde::number;
use crate::table::{Table, at};
use crate::{Error, Result};
use csv::StringRecord;
use serde_json::{Map, Value, json};
use std::ops::RangeInclusive;

/// The agencies of a state, under each key of counties: one of several counties stands under all of them together and
/// under each. An unknown state has none.
pub fn agencies(state: &str) -> Result<Vec<u8>> {
    let (rows, places) = (Table::read("fbi_agencies/rows")?, Table::read("fbi_agencies/places")?);
    let types = Table::read("fbi_agencies/types")?;
    let mut keys: Map<String, Value> = Map::new();
    for row in &rows.rows {
        let place = places.numbered(at(row, 1))?;
        if at(place, 1) != state {
            continue;
        }
        let counties = at(place, 3);
        let agency = json!({
            "ori": at(row, 0),
            "counties": counties,
            "is_nibrs": at(row, 2) == "1",
            "latitude": coordinate(at(row, 3))?,
            "longitude": coordinate(at(row, 4))?,
            "state_abbr": state,
            "state_name": at(place, 2),
            "agency_name": at(row, 5),
            "agency_type_name": at(types.numbered(at(row, 6))?, 1),
            "nibrs_start_date": text(at(row, 7)),
        });
        let each = counties.split(", ").filter(|county| *county != counties);
        for key in std::iter::once(counties).chain(each) {
            if let Value::Array(list) = keys.entry(key).or_insert_with(|| json!([])) {
                list.push(agency.clone());
            }
        }
    }
    bytes(&Value::Object(keys))
}

/// The series of a scope in a span of months. A scope or an offense without figures has none, and no actuals.
pub fn summarized(scope: &str, offense: &str, months: RangeInclusive<u32>) -> Result<Vec<u8>> {
    let rows = Table::read("fbi_summarized/rows")?;
    let asked = Table::read("fbi_summarized/asked")?;
    let mine = asked.rows.iter().find(|row| at(row, 1) == scope && at(row, 2) == offense);
    let answer = |rates: Value, actuals: Value, coverage: Value, people: Value, participated: Value| {
        json!({
            "offenses": {"rates": rates, "actuals": actuals},
            "tooltips": {
                "leftYAxisHeaders": {
                    "yAxisHeaderRates": "Offenses per 100,000 people",
                    "yAxisHeaderActual": "Offenses",
                },
                "Percent of Population Coverage": coverage,
            },
            "populations": {"population": people, "participated_population": participated},
            "cde_properties": {
                "max_data_date": {"UCR": "09/2026"},
                "last_refresh_date": {"UCR": "09/15/2026"},
            },
        })
    };
    let Some(mine) = mine else {
        let none = || json!({"United States": {}});
        let rates = json!({"United States Offenses": {}, "United States Clearances": {}});
        return bytes(&answer(rates, Value::Null, none(), none(), none()));
    };
    let name = at(mine, 3);
    // Keys are sorted as text, as the publisher's are.
    let mut own: Vec<&StringRecord> =
        rows.of(at(mine, 0)).filter(|row| number(at(row, 1)).is_some_and(|month| months.contains(&month))).collect();
    own.sort_by_key(|row| at(row, 1).to_owned());
    let series = |column: usize| -> Result<Value> {
        let cell = |row: &&StringRecord| Ok((at(row, 1).to_owned(), coordinate(at(row, column))?));
        own.iter().map(cell).collect::<Result<Map<_, _>>>().map(Value::Object)
    };
    let (offenses, clearances) = (format!("{name} Offenses"), format!("{name} Clearances"));
    let coverage = if at(mine, 4) == "1" { json!({name: series(7)?}) } else { json!({}) };
    bytes(&answer(
        json!({&offenses: series(4)?, &clearances: {}}),
        json!({&offenses: series(2)?, &clearances: series(3)?}),
        coverage,
        json!({name: series(5)?}),
        json!({name: series(6)?}),
    ))
}

/// A number as it stands; null where there is none.
fn coordinate(text: &str) -> Result<Value> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(text).map_err(|error| Error::print("a number of the Crime Data Explorer", error))
}

fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::from(text) }
}

fn bytes(value: &Value) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::print("the Crime Data Explorer's JSON", error))
}
