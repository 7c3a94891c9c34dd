//! data.cdc.gov's dataset xkb8-kh2a in two editions: as the portal's CSV, as SODA rows (JSON, CSV), as metadata.

use crate::soda::Edition;
use crate::table::{Table, at};
use crate::{Error, Result};
use serde_json::{Map, Value, json};

/// A column under the two names that Socrata gives it, and its type.
#[derive(Clone, Copy)]
pub struct Column {
    /// Name in the portal and its CSV.
    pub display: &'static str,
    /// Name in SODA.
    pub field: &'static str,
    /// Socrata's type name.
    pub kind: &'static str,
}

const fn column(display: &'static str, field: &'static str, kind: &'static str) -> Column {
    Column { display, field, kind }
}

const STATE: Column = column("State", "state", "text");
const STATE_NAME: Column = column("State Name", "state_name", "text");
const YEAR: Column = column("Year", "year", "text");
const MONTH: Column = column("Month", "month", "text");
const PERIOD: Column = column("Period", "period", "text");
const INDICATOR: Column = column("Indicator", "indicator", "text");
const VALUE: Column = column("Data Value", "data_value", "number");
const COMPLETE: Column = column("Percent Complete", "percent_complete", "text");
const PENDING: Column = column("Percent Pending Investigation", "percent_pending_investigation", "number");
const FOOTNOTE: Column = column("Footnote", "footnote", "text");
const SYMBOL: Column = column("Footnote Symbol", "footnote_symbol", "text");
const PREDICTED: Column = column("Predicted Value", "predicted_value", "number");

const COLUMNS_2018: [Column; 10] =
    [STATE, STATE_NAME, YEAR, MONTH, PERIOD, INDICATOR, VALUE, COMPLETE, PENDING, FOOTNOTE];
const COLUMNS_2019: [Column; 12] =
    [STATE, YEAR, MONTH, PERIOD, INDICATOR, VALUE, COMPLETE, PENDING, STATE_NAME, FOOTNOTE, SYMBOL, PREDICTED];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// An edition's columns in its own order.
pub fn columns(edition: Edition) -> &'static [Column] {
    match edition {
        Edition::V2018 => &COLUMNS_2018,
        Edition::V2019 => &COLUMNS_2019,
    }
}

/// An edition's rows, values in the order of [`columns`], plain (no separators), empty for null.
fn rows(edition: Edition) -> Result<Vec<Vec<String>>> {
    let states = Table::read("vsrr/states")?;
    let indicators = Table::read("vsrr/indicators")?;
    let remarks = Table::read("vsrr/remarks")?;
    let figures = Table::read(&format!("vsrr/rows_{}", edition.year()))?;
    let columns = columns(edition);
    let mut all = Vec::with_capacity(figures.rows.len());
    for row in &figures.rows {
        let state = states.numbered(at(row, 0))?;
        let remark = remarks.numbered(at(row, 7))?;
        let month = at(row, 2).parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
        let month = month.ok_or_else(|| Error::table("vsrr/rows", format!("month {}", at(row, 2))))?;
        let mut values = Vec::with_capacity(columns.len());
        for column in columns {
            values.push(match column.field {
                "state" => at(state, 1),
                "state_name" => at(state, 2),
                "year" => at(row, 1),
                "month" => month,
                "period" => "12 month-ending",
                "indicator" => at(indicators.numbered(at(row, 3))?, 1),
                "data_value" => at(row, 4),
                "percent_complete" => at(row, 5),
                "percent_pending_investigation" => at(row, 6),
                "footnote" => at(remark, 2),
                "footnote_symbol" => at(remark, 1),
                _ => at(row, 8),
            });
        }
        all.push(values.into_iter().map(str::to_owned).collect());
    }
    Ok(all)
}

/// The portal's CSV: BOM, display names, thousands separators, quotes only where needed, LF.
pub fn portal_csv(edition: Edition) -> Result<Vec<u8>> {
    let columns = columns(edition);
    let mut csv = csv::Writer::from_writer(b"\xef\xbb\xbf".to_vec());
    let wrong = |e: &dyn ToString| Error::print("rows.csv", e.to_string());
    csv.write_record(columns.iter().map(|column| column.display)).map_err(|e| wrong(&e))?;
    for row in rows(edition)? {
        let shown = row.iter().zip(columns).map(|(value, column)| match column.kind {
            "number" => separated(value),
            _ => value.clone(),
        });
        csv.write_record(shown).map_err(|e| wrong(&e))?;
    }
    csv.into_inner().map_err(|e| wrong(&e))
}

/// SODA's rows, one JSON object each, as text: numbers are strings, a null is a key left out.
pub fn json_rows(edition: Edition) -> Result<Vec<String>> {
    let columns = columns(edition);
    let object = |row: Vec<String>| {
        let mut object = Map::new();
        for (value, column) in row.into_iter().zip(columns) {
            if !value.is_empty() {
                object.insert(column.field.to_owned(), Value::String(value));
            }
        }
        Value::Object(object).to_string()
    };
    Ok(rows(edition)?.into_iter().map(object).collect())
}

/// SODA's rows as CSV lines without their ends: every field quoted.
pub fn csv_rows(edition: Edition) -> Result<Vec<String>> {
    Ok(rows(edition)?.into_iter().map(|row| quoted(row.iter().map(String::as_str))).collect())
}

/// SODA's CSV header line.
pub fn csv_header(edition: Edition) -> String {
    quoted(columns(edition).iter().map(|column| column.field))
}

/// `/api/views/xkb8-kh2a.json`. The times are ours (see `source.toml`); `rows` is the edition's number of rows.
pub fn metadata(edition: Edition, updated: i64, rows: usize) -> Vec<u8> {
    let columns: Vec<Value> = (1..)
        .zip(columns(edition))
        .map(|(position, column)| {
            json!({
                "id": 300_000_000 + position,
                "name": column.display,
                "dataTypeName": column.kind,
                "fieldName": column.field,
                "position": position,
                "renderTypeName": column.kind,
                "tableColumnId": 50_000_000 + position,
                "cachedContents": { "count": rows.to_string() },
                "format": {},
            })
        })
        .collect();
    let view = json!({
        "id": crate::soda::DATASET,
        "name": "VSRR Provisional Drug Overdose Death Counts",
        "assetType": "dataset",
        "attribution": "National Center for Health Statistics",
        "category": "NCHS",
        "createdAt": 1_520_294_400,
        "provenance": "official",
        "publicationDate": updated,
        "rowsUpdatedAt": updated,
        "viewLastModified": updated,
        "cachedContents": { "count": rows.to_string() },
        "columns": columns,
        "license": { "name": "Public Domain U.S. Government", "termsLink": "https://www.usa.gov/government-works" },
    });
    view.to_string().into_bytes()
}

fn quoted<'v>(values: impl Iterator<Item = &'v str>) -> String {
    let quoted: Vec<String> = values.map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
    quoted.join(",")
}

/// A number with commas between its thousands.
fn separated(number: &str) -> String {
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        let left = whole.len() - at;
        if at > 0 && left.is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}
