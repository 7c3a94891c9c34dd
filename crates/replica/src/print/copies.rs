//! Analysts' copies of publishers' tables, which lie in public repositories: each printed as its analyst's program did.
//!
//! Absent: the publishers' own formats.

use crate::table::{Table, at};
use crate::{Error, Result};
use csv::{QuoteStyle, Terminator, WriterBuilder};

/// Opioid deaths by state, year and sex: two of WONDER's exports without their footers, in one file.
pub fn opioid_deaths_state_sex() -> Result<Vec<u8>> {
    let (states, rows) = (Table::read("copy_opioid_state_sex/states")?, Table::read("copy_opioid_state_sex/rows")?);
    let mut out = csv::WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let header = ["Year", "Year Code", "State", "State Code", "Sex", "Sex Code", "Deaths", "Population", "Crude Rate"];
    out.write_record(header).map_err(unprintable)?;
    for row in &rows.rows {
        let (year, state, sex) = (at(row, 0), states.numbered(at(row, 1))?, at(row, 2));
        let word = if sex == "F" { "Female" } else { "Male" };
        let line = [year, year, at(state, 2), at(state, 1), word, sex, at(row, 3), at(row, 4), at(row, 5)];
        out.write_record(line).map_err(unprintable)?;
    }
    finish(out)
}

/// Firearm deaths by county and year: a data frame's CSV, everything in quotes, codes without their zeros.
pub fn firearm_deaths_county() -> Result<Vec<u8>> {
    let (counties, rows) = (Table::read("copy_firearm_county/counties")?, Table::read("copy_firearm_county/rows")?);
    let mut out = WriterBuilder::new().quote_style(QuoteStyle::Always).from_writer(Vec::new());
    let mut header = vec!["", "Year", "COUNTY", "County Code", "State", "State_Name", "State Code"];
    header.extend(["Deaths", "Population"]);
    header.extend(["Crude Rate", "Crude Rate Lower 95% Confidence Interval"]);
    header.extend(["Crude Rate Upper 95% Confidence Interval", "Age Adjusted Rate"]);
    header
        .extend(["Age Adjusted Rate Lower 95% Confidence Interval", "Age Adjusted Rate Upper 95% Confidence Interval"]);
    out.write_record(header).map_err(unprintable)?;
    for (number, row) in rows.rows.iter().enumerate() {
        let county = counties.numbered(at(row, 1))?;
        let (number, fips) = (number.to_string(), at(county, 1));
        let (bare, state) = (fips.trim_start_matches('0'), fips.get(..2).unwrap_or_default());
        let mut line = vec![&number, at(row, 0), at(county, 2), bare, at(county, 3), at(county, 4)];
        line.push(state.trim_start_matches('0'));
        line.extend((2..10).map(|column| at(row, column)));
        out.write_record(line).map_err(unprintable)?;
    }
    finish(out)
}

/// Dispensing in the United States by year: three columns, the large numbers in groups of digits.
pub fn dispensing_us() -> Result<Vec<u8>> {
    let rows = Table::read("copy_dispensing_us/rows")?;
    let lines = rows.rows.iter().map(|row| format!("{},{},\"{}\"\n", at(row, 0), at(row, 1), grouped(at(row, 2))));
    Ok(format!("Year,Rate,TotalNRX\n{}", lines.collect::<String>()).into_bytes())
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

fn finish(out: csv::Writer<Vec<u8>>) -> Result<Vec<u8>> {
    out.into_inner().map_err(unprintable)
}

fn unprintable(error: impl std::fmt::Display) -> Error {
    Error::print("a copy", error)
}
