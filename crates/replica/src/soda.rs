//! data.cdc.gov's answers for one dataset: paged rows, a count, metadata, and its two shapes of error.
//!
//! `$limit`, `$offset`, `$order` and `$select=count(*)` are understood; rows come in the publisher's order whatever
//! `$order` says. Filters are refused as a malformed query, since ignoring them would answer something else.

use crate::print::socrata;
use crate::shelf::{self, Format, Page};
use crate::{Error, Result};
use serde_json::json;
use std::sync::OnceLock;

/// The dataset's id at data.cdc.gov.
pub const DATASET: &str = "xkb8-kh2a";

/// An edition of VSRR: editions differ in columns, spelling of footnotes and figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
pub enum Edition {
    /// Spring of 2018: 10 columns, 8,778 rows, to September 2017.
    #[serde(rename = "2018")]
    V2018,
    /// Spring of 2019: 12 columns, 13,320 rows, to September 2018.
    #[default]
    #[serde(rename = "2019")]
    V2019,
}

impl Edition {
    /// The year that names the edition's table.
    pub(crate) fn year(self) -> &'static str {
        match self {
            Self::V2018 => "2018",
            Self::V2019 => "2019",
        }
    }

    /// When the edition's rows were updated, in seconds of the epoch. Declared by us: 2018-04-11 and 2019-04-17.
    pub(crate) fn updated(self) -> u64 {
        match self {
            Self::V2018 => 1_523_404_800,
            Self::V2019 => 1_555_459_200,
        }
    }
}

/// An edition's rows, printed once.
struct Rows {
    json: Vec<String>,
    csv: Vec<String>,
}

fn rows(edition: Edition) -> Result<&'static Rows> {
    static ROWS: [OnceLock<Result<Rows>>; 2] = [const { OnceLock::new() }; 2];
    let slot = &ROWS[edition as usize];
    let rows = slot.get_or_init(|| Ok(Rows { json: socrata::json_rows(edition)?, csv: socrata::csv_rows(edition)? }));
    rows.as_ref().map_err(Error::clone)
}

/// `/api/views/xkb8-kh2a.json`; `moved` seconds are added to its times.
pub fn metadata(edition: Edition, moved: u64) -> Result<Page> {
    let count = rows(edition)?.json.len();
    let updated = i64::try_from(edition.updated() + moved).unwrap_or(i64::MAX);
    let body = socrata::metadata(edition, updated, count);
    let mut page = Page::new(Format::Metadata, "application/json;charset=utf-8", body);
    page.headers.push(("Cache-Control".to_owned(), "private, no-cache, must-revalidate".to_owned()));
    page.validators = false;
    Ok(page)
}

/// `/resource/xkb8-kh2a.json` or `.csv`. `moved` seconds are added to the truth's time; `again` makes page 2 repeat page 1.
pub fn resource(edition: Edition, query: &[(String, String)], csv: bool, moved: u64, again: bool) -> Result<Page> {
    let (mut limit, mut offset, mut count) = (1000_usize, 0_usize, false);
    for (key, value) in query {
        match key.as_str() {
            "$limit" => match value.parse() {
                Ok(number) => limit = number,
                Err(_) => {
                    return Ok(malformed(&format!("Invalid value for $limit: {value}"), query));
                }
            },
            "$offset" => match value.parse() {
                Ok(number) => offset = number,
                Err(_) => {
                    return Ok(malformed(&format!("Invalid value for $offset: {value}"), query));
                }
            },
            "$select" if value.replace(' ', "").eq_ignore_ascii_case("count(*)") => count = true,
            "$select" if value == "*" => {}
            "$order" | "$$app_token" => {}
            other => {
                return Ok(malformed(&format!("Could not parse SoQL query: {other}={value}"), query));
            }
        }
    }
    if again && offset == limit {
        offset = 0;
    }
    let rows = rows(edition)?;
    let lines = if csv { &rows.csv } else { &rows.json };
    let from = offset.min(lines.len());
    let page = &lines[from..offset.saturating_add(limit).min(lines.len())];
    let body = match (csv, count) {
        (false, false) => format!("[{}]\n", page.join("\n,")),
        (false, true) => format!("[{{\"count\":\"{}\"}}]\n", lines.len()),
        (true, false) => {
            let head = socrata::csv_header(edition);
            page.iter().fold(head + "\n", |text, line| text + line + "\n")
        }
        (true, true) => format!("\"count\"\n\"{}\"\n", lines.len()),
    };
    let (format, kind) =
        if csv { (Format::Csv, "text/csv; charset=UTF-8") } else { (Format::Soda, "application/json;charset=utf-8") };
    let mut page = Page::new(format, kind, body.into_bytes());
    let truth = http_date(edition.updated() + moved);
    page.modified = Some(edition.updated() + moved);
    // A page's validator changes with the dataset, even where the page does not.
    page.etag = Some(shelf::etag(&[page.body.as_ref(), truth.as_bytes()].concat()));
    let columns = socrata::columns(edition);
    let (fields, types): (Vec<_>, Vec<_>) = if count {
        (vec!["count"], vec!["number"])
    } else {
        columns.iter().map(|column| (column.field, column.kind)).unzip()
    };
    for (name, value) in [
        ("X-SODA2-Fields", json!(fields).to_string()),
        ("X-SODA2-Types", json!(types).to_string()),
        ("X-SODA2-Truth-Last-Modified", truth.clone()),
        ("X-SODA2-Secondary-Last-Modified", truth),
        ("X-SODA2-Data-Out-Of-Date", "false".to_owned()),
    ] {
        page.headers.push((name.to_owned(), value));
    }
    Ok(page)
}

/// The 404 of a dataset that does not exist.
pub fn missing(id: &str) -> Page {
    problem(404, json!({ "code": "dataset.missing", "error": true, "message": "Not found", "data": { "id": id } }))
}

fn malformed(message: &str, query: &[(String, String)]) -> Page {
    let query: Vec<String> = query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let data = json!({ "query": query.join("&") });
    problem(400, json!({ "code": "query.compiler.malformed", "error": true, "message": message, "data": data }))
}

fn problem(status: u16, body: serde_json::Value) -> Page {
    let mut page = Page::new(Format::Other, "application/json;charset=utf-8", format!("{body}\n").into_bytes());
    page.headers.push(("Cache-Control".to_owned(), "private, no-cache, must-revalidate".to_owned()));
    page.status = status;
    page.validators = false;
    page
}

/// An instant in seconds of the epoch as HTTP writes it.
pub fn http_date(seconds: u64) -> String {
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
}
