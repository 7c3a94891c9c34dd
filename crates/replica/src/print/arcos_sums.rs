//! What the Post publishes beside the transactions: its backing files as CSV, and the same rows as its REST API has them.
//!
//! The two editions differ in their word for nothing (`NA`, then a blank) and in quotes. Absent: HTTP, and persons.

use crate::table::{Table, at};
use crate::{Error, Result};
use serde_json::{Map, Value};

/// A table as the publisher names its columns. An empty cell is nothing.
pub struct Rows {
    pub header: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

/// The sums by county of an edition, `2006_2012` or `2006_2014`.
pub fn counties(edition: &str) -> Result<Rows> {
    let places = Table::read("arcos_county_year/places")?;
    let figures = Table::read(&format!("arcos_county_year/{edition}"))?;
    let rows = figures.rows.iter().map(|row| {
        let place = places.numbered(at(row, 0))?;
        Ok([at(place, 2), at(place, 1), at(row, 1), at(row, 2), at(row, 3), at(place, 3)].map(str::to_owned).to_vec())
    });
    let header = vec!["BUYER_COUNTY", "BUYER_STATE", "year", "count", "DOSAGE_UNIT", "countyfips"];
    Ok(Rows { header, rows: rows.collect::<Result<_>>()? })
}

/// The populations of counties of an edition.
pub fn county_populations(edition: &str) -> Result<Rows> {
    let places = Table::read("arcos_populations/places")?;
    let figures = Table::read(&format!("arcos_populations/counties_{edition}"))?;
    let rows = figures.rows.iter().map(|row| {
        let place = places.numbered(at(row, 0))?;
        let of_place = (1..8).map(|column| at(place, column));
        Ok(of_place.chain((1..4).map(|column| at(row, column))).map(str::to_owned).collect())
    });
    let header = vec![
        "BUYER_COUNTY",
        "BUYER_STATE",
        "countyfips",
        "STATE",
        "COUNTY",
        "county_name",
        "NAME",
        "variable",
        "year",
        "population",
    ];
    Ok(Rows { header, rows: rows.collect::<Result<_>>()? })
}

/// A table of ours whose columns are the publisher's.
pub fn list(path: &str, header: &[&'static str]) -> Result<Rows> {
    let table = Table::read(path)?;
    let rows = table.rows.iter().map(|row| row.iter().map(str::to_owned).collect());
    Ok(Rows { header: header.to_vec(), rows: rows.collect() })
}

pub fn state_populations(edition: &str) -> Result<Rows> {
    list(&format!("arcos_populations/states_{edition}"), &["BUYER_STATE", "year", "population"])
}

pub fn county_fips() -> Result<Rows> {
    list("arcos_lists/county_fips", &["BUYER_COUNTY", "BUYER_STATE", "countyfips"])
}

pub fn not_pharmacies() -> Result<Rows> {
    list("arcos_lists/not_pharmacies", &["BUYER_DEA_NO", "mail_hospital"])
}

pub fn activities() -> Result<Rows> {
    list("arcos_lists/activities", &["BUYER_BUS_ACT", "total_bus"])
}

/// West Virginia's pharmacies with coordinates, edition of 2006-2012.
pub fn pharmacies_2012() -> Result<Rows> {
    list("arcos_lists/pharmacies_2006_2012", &["BUYER_DEA_NO", "BUYER_STATE", "BUYER_COUNTY", "lat", "lon"])
}

/// West Virginia's pharmacies with codes of counties, edition of 2006-2014.
pub fn pharmacies_2014() -> Result<Rows> {
    let header = ["BUYER_DEA_NO", "BUYER_COUNTY", "BUYER_STATE", "STATEFP", "COUNTYFP", "county_fips"];
    list("arcos_lists/pharmacies_2006_2014", &header)
}

/// West Virginia's reporters of an edition.
pub fn reporters(edition: &str) -> Result<Rows> {
    let header = [
        "Reporter_family",
        "REPORTER_DEA_NO",
        "REPORTER_BUS_ACT",
        "REPORTER_NAME",
        "REPORTER_ADDL_CO_INFO",
        "REPORTER_ADDRESS1",
        "REPORTER_ADDRESS2",
        "REPORTER_CITY",
        "REPORTER_STATE",
        "REPORTER_ZIP",
        "REPORTER_COUNTY",
    ];
    list(&format!("arcos_lists/reporters_{edition}"), &header)
}

/// Mingo County's buyers, persons masked.
pub fn buyers() -> Result<Rows> {
    let header = [
        "BUYER_DEA_NO",
        "BUYER_BUS_ACT",
        "BUYER_NAME",
        "BUYER_ADDRESS1",
        "BUYER_CITY",
        "BUYER_STATE",
        "BUYER_ZIP",
        "BUYER_COUNTY",
        "BUYER_ADDL_CO_INFO",
        "BUYER_ADDRESS2",
    ];
    list("arcos_lists/buyers", &header)
}

/// Mingo County's sums by buyer and year, persons masked.
pub fn buyer_years() -> Result<Rows> {
    let header = ["BUYER_DEA_NO", "BUYER_BUS_ACT", "BUYER_COUNTY", "BUYER_STATE", "year", "DOSAGE_UNIT"];
    list("arcos_lists/buyer_year", &header)
}

/// West Virginia's sums by buyer, most units first, persons masked.
pub fn buyer_totals() -> Result<Rows> {
    let header = [
        "buyer_state",
        "buyer_county",
        "buyer_dea_no",
        "buyer_name",
        "buyer_city",
        "total_dosage_unit",
        "total_records",
    ];
    list("arcos_lists/buyer_totals", &header)
}

/// Those of one county.
pub fn county_totals(county: &str) -> Result<Rows> {
    let mut state = buyer_totals()?;
    state.rows.retain(|row| row.get(1).is_some_and(|cell| cell == county));
    Ok(state)
}

/// Mingo County's transactions.
pub fn transactions() -> Result<Rows> {
    let text = super::arcos::mingo()?;
    let text = String::from_utf8(text).map_err(|error| Error::print("the transactions", error))?;
    let rows = text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect());
    Ok(Rows { header: super::arcos::HEADER.split('\t').collect(), rows: rows.collect() })
}

/// Comma separated text with quotes where they must be; `nothing` stands for an empty cell.
pub fn csv(table: &Rows, nothing: &str) -> Result<Vec<u8>> {
    write(table, nothing, csv::QuoteStyle::Necessary)
}

/// The same as a spreadsheet's program saved it: carriage returns, and no end of the last line.
pub fn saved_csv(table: &Rows) -> Result<Vec<u8>> {
    let text = String::from_utf8(csv(table, "")?).map_err(|error| Error::print("CSV", error))?;
    Ok(text.trim_end().replace('\n', "\r\n").into_bytes())
}

/// The same with quotes around every text, and none around nothing.
pub fn quoted_csv(table: &Rows) -> Result<Vec<u8>> {
    let text = write(table, NOTHING, csv::QuoteStyle::Always)?;
    let text = String::from_utf8(text).map_err(|error| Error::print("CSV", error))?;
    Ok(text.replace(&format!("\"{NOTHING}\""), "").into_bytes())
}

/// A text that no cell is.
const NOTHING: &str = "\u{1}";

/// Tab separated text without quotes.
pub fn tsv(table: &Rows) -> Vec<u8> {
    let mut out = table.header.join("\t");
    for row in &table.rows {
        let cells: Vec<&str> = row.iter().map(|cell| if cell.is_empty() { "null" } else { cell.as_str() }).collect();
        out.push('\n');
        out.push_str(&cells.join("\t"));
    }
    out.push('\n');
    out.into_bytes()
}

fn write(table: &Rows, nothing: &str, style: csv::QuoteStyle) -> Result<Vec<u8>> {
    let wrong = |error: csv::Error| Error::print("CSV", error);
    let mut writer = csv::WriterBuilder::new().quote_style(style).from_writer(Vec::new());
    writer.write_record(&table.header).map_err(wrong)?;
    for row in &table.rows {
        let cells = row.iter().map(|cell| if cell.is_empty() { nothing } else { cell.as_str() });
        writer.write_record(cells).map_err(wrong)?;
    }
    writer.into_inner().map_err(|error| Error::print("CSV", error.to_string()))
}

/// Columns that the API serves as numbers.
const NUMBERS: [&str; 17] = [
    "year",
    "count",
    "DOSAGE_UNIT",
    "population",
    "STATE",
    "COUNTY",
    "lat",
    "lon",
    "total_bus",
    "total_dosage_unit",
    "total_records",
    "BUYER_ZIP",
    "REPORTER_ZIP",
    "QUANTITY",
    "DRUG_CODE",
    "CALC_BASE_WT_IN_GM",
    "MME_Conversion_Factor",
];

/// An array of objects as R makes it: numbers rounded to four digits behind the point, and no key where there is nothing.
pub fn json(table: &Rows) -> Result<Vec<u8>> {
    let number: Vec<bool> = table.header.iter().map(|name| NUMBERS.contains(name)).collect();
    let rows = table.rows.iter().map(|row| {
        let cells = row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()).map(|(column, cell)| {
            let name = table.header.get(column).copied().unwrap_or_default();
            let value = if number.get(column) == Some(&true) { rounded(cell) } else { None };
            (name.to_owned(), value.unwrap_or_else(|| Value::from(cell.as_str())))
        });
        cells.collect::<Map<_, _>>()
    });
    serde_json::to_vec(&rows.collect::<Vec<_>>()).map_err(|error| Error::print("JSON", error))
}

fn rounded(cell: &str) -> Option<Value> {
    let number: f64 = cell.parse().ok()?;
    let text = format!("{number:.4}");
    serde_json::from_str(text.trim_end_matches('0').trim_end_matches('.')).ok()
}
