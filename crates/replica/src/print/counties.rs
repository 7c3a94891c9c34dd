//! County opioid dispensing rates: CDC's pages of 2006-2018 as its site of 2019-2022 had them, and its CSV since 2019.
//!
//! The cells of the pages are the publisher's. Their markup is not: the captures are the pages' text, and the elements
//! here are those that readers of the pages describe (a table in the first panel of an accordion). Each page says so.

use crate::table::{Table, at};
use crate::{Error, Result};

/// The table of a year's page: its header, then its rows, as printed.
pub fn page_rows(year: &str) -> Result<Vec<[String; 4]>> {
    let places = Table::read("dispensing_county_2006/places")?;
    let rates = Table::read("dispensing_county_2006/rates")?;
    let rows = rates.of(year).map(|row| {
        let place = places.numbered(at(row, 1))?;
        let (fips, state, name) = (at(place, 1), at(place, 2), at(place, 3));
        let rate = match at(row, 2) {
            "" => "–",
            rate => rate,
        };
        Ok(match year {
            "2017" => [state, name, plain(fips), rate].map(str::to_owned),
            "2018" => [name, state, plain(fips), rate].map(str::to_owned),
            _ => [format!("{name}, {state}"), state.to_owned(), fips.to_owned(), rate.to_owned()],
        })
    });
    let (first, second) = if year == "2017" { ("State", "County") } else { ("County", "State") };
    let header = [first, second, "County FIPS Code", "Opioid Dispensing Rate per 100"].map(str::to_owned);
    [Ok(header)].into_iter().chain(rows).collect()
}

/// A code without its leading zero.
fn plain(fips: &str) -> &str {
    fips.trim_start_matches('0')
}

/// A year's page.
pub fn page(year: &str) -> Result<Vec<u8>> {
    let title = format!("U.S. County Opioid Dispensing Rates, {year}");
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en-us\">\n<head><meta charset=\"utf-8\">\
         <title>{title} | Drug Overdose | CDC Injury Center</title></head>\n<body>\n\
         <!-- Replica: the cells are the publisher's, the markup is made from a description of it. -->\n\
         <h1>{title}</h1>\n<div class=\"accordion\">\n\
         <div class=\"card-header\"><button aria-controls=\"acc-panel-1\">{title}</button></div>\n\
         <div id=\"acc-panel-1\" class=\"collapse show\"><div class=\"card-body\">\n\
         <table class=\"table table-bordered\">\n"
    );
    let mut rows = page_rows(year)?.into_iter();
    let mut line = |begin: &str, cell: &str, cells: [String; 4], end: &str| {
        let cells = cells.map(|text| format!("<{cell}>{}</{cell}>", text.replace('&', "&amp;")));
        out.push_str(&format!("{begin}<tr>{}</tr>{end}\n", cells.concat()));
    };
    if let Some(header) = rows.next() {
        line("<thead>", "th", header, "</thead>");
    }
    for row in rows {
        line("", "td", row, "");
    }
    out.push_str("</table>\n</div></div>\n</div>\n<p>Last Reviewed: December 7, 2020</p>\n</body>\n</html>\n");
    Ok(out.into_bytes())
}

/// 2019-2023, 15,720 rows, with a byte order mark like the states' file.
pub fn since_2019() -> Result<Vec<u8>> {
    let places = Table::read("dispensing_county_2019/places")?;
    let rates = Table::read("dispensing_county_2019/rates")?;
    let mut csv = csv::Writer::from_writer(b"\xef\xbb\xbf".to_vec());
    let header = [
        "FullGeoName",
        "YEAR",
        "STATE_NAME",
        "STATE_ABBREV",
        "COUNTY_NAME",
        "STATE_COUNTY_FIP_U",
        "opioid_dispensing_rate",
    ];
    let failed = |error: csv::Error| Error::print("CSV", error);
    csv.write_record(header).map_err(failed)?;
    for row in &rates.rows {
        let place = places.numbered(at(row, 1))?;
        let rate = match at(row, 2) {
            "" => "Data unavailable",
            rate => rate,
        };
        let (fips, state, state_name) = (plain(at(place, 1)), at(place, 2), at(place, 3));
        csv.write_record([at(place, 5), at(row, 0), state_name, state, at(place, 4), fips, rate]).map_err(failed)?;
    }
    csv.into_inner().map_err(|error| Error::print("CSV", error.into_error()))
}
