//! The Post's REST API: rows as JSON, and mistakes with status 200.
//!
//! It knows the places of our tables. The words of its errors are those of its program. The key is the public one of its
//! documentation; the older host has the same paths below another root.

use crate::Result;
use crate::print::arcos_sums::{self as sums, Rows};
use crate::shelf::{Format, Page};
use serde_json::json;

const HOSTS: [(&str, &str); 2] = [("ne.washingtonpost.com", "/arcos/v1/"), ("arcos-api.ext.nile.works", "/v1/")];

const KEY: &str = "WaPo";
const NO_KEY: &str = "Authentication required. Did you include an API key?";
const NO_PLACE: &str = "No such place. Do you have the county or state name spelled right? https://www.washingtonpost.com/graphics/2019/investigations/dea-pain-pill-database/#download-resources";

/// The answer of these hosts, if it is one of them.
pub fn find(host: &str, path: &str, query: &[(String, String)]) -> Option<Result<Page>> {
    let (_, root) = HOSTS.iter().find(|(known, _)| *known == host)?;
    let field = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.to_uppercase());
    let Some(name) = path.strip_prefix(root) else { return Some(Ok(missing())) };
    let keyed = query.iter().any(|(key, value)| key == "key" && value == KEY);
    Some(if keyed { answer(name, field("state").as_deref(), field("county").as_deref()) } else { Ok(error(NO_KEY)) })
}

fn answer(name: &str, state: Option<&str>, county: Option<&str>) -> Result<Page> {
    let rows = match name {
        "county_data" => sums::transactions()?,
        "combined_county_annual" => sums::counties("2006_2014")?,
        "combined_buyer_annual" => sums::buyer_years()?,
        // So it answers where no county is given, whatever else is.
        "combined_buyer_monthly" if county.is_none() => return Ok(body("null")),
        "total_pharmacies_county" | "total_pharmacies_state" => sums::buyer_totals()?,
        "county_population" => sums::county_populations("2006_2014")?,
        "state_population" => sums::state_populations("2006_2014")?,
        "pharmacy_latlon" => sums::pharmacies_2012()?,
        "pharmacy_counties" => sums::pharmacies_2014()?,
        "buyer_details" => sums::buyers()?,
        "reporter_details" => sums::reporters("2006_2014")?,
        "not_pharmacies" => sums::not_pharmacies()?,
        "county_list" => sums::county_fips()?,
        "buyer_list" => sums::activities()?,
        _ => return Ok(missing()),
    };
    let places = sums::county_fips()?;
    let known = |column: usize, asked: Option<&str>| {
        asked.is_none_or(|asked| places.rows.iter().any(|row| row.get(column).is_some_and(|cell| cell == asked)))
    };
    if !known(1, state) || !known(0, county) {
        return Ok(error(NO_PLACE));
    }
    let rows = of(of(rows, "BUYER_STATE", state), "BUYER_COUNTY", county);
    Ok(body(sums::json(&rows)?))
}

/// The rows of a place.
fn of(mut table: Rows, column: &str, asked: Option<&str>) -> Rows {
    let place = table.header.iter().position(|name| name.eq_ignore_ascii_case(column));
    if let (Some(place), Some(asked)) = (place, asked) {
        table.rows.retain(|row| row.get(place).is_some_and(|cell| cell == asked));
    }
    table
}

fn body(text: impl Into<bytes::Bytes>) -> Page {
    let mut page = Page::new(Format::Other, "application/json", text);
    page.validators = false;
    page
}

fn error(words: &str) -> Page {
    body(json!({ "error": [words] }).to_string())
}

fn missing() -> Page {
    Page::plain(404, "application/json", json!({ "error": ["404 - Resource Not Found"] }).to_string())
}
