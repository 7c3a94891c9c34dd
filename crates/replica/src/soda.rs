//! data.cdc.gov's answers: paged rows, a count, metadata, and its two shapes of error.
//!
//! `$limit`, `$offset`, `$order` and `$select=count(*)` are understood; rows come in the publisher's order whatever
//! `$order` says. Filters are refused as a malformed query, since ignoring them would answer something else.

use crate::Result;
use crate::print::socrata::Table;
use crate::shelf::{self, Format, Page};
use serde_json::json;

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

/// What a fault does to the answers about one table.
#[derive(Debug, Clone, Copy, Default)]
pub struct Twist {
    /// Seconds by which its times have moved.
    pub moved: u64,
    /// Page 2 repeats page 1.
    pub again: bool,
    /// A page lacks the second half of its rows.
    pub short: bool,
}

/// `/api/views/<id>.json`.
pub fn metadata(table: &Table, twist: Twist) -> Result<Page> {
    let body = table.metadata(table.updated + twist.moved)?;
    let mut page = Page::new(Format::Metadata, "application/json;charset=utf-8", body);
    page.headers.push(("Cache-Control".to_owned(), "private, no-cache, must-revalidate".to_owned()));
    page.validators = false;
    Ok(page)
}

/// `/api/views/<id>/rows.csv`.
pub fn portal(table: &Table) -> Result<Page> {
    let mut page = Page::new(Format::Csv, "text/csv; charset=utf-8", table.printed()?.portal.clone());
    page.modified = Some(table.updated);
    page.headers.push(("Content-Disposition".to_owned(), format!("attachment; filename={}", table.download())));
    Ok(page)
}

/// `/resource/<id>.json` or `.csv`.
pub fn resource(table: &Table, query: &[(String, String)], csv: bool, twist: Twist) -> Result<Page> {
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
    if twist.again && offset == limit {
        offset = 0;
    }
    let rows = table.printed()?;
    let lines = if csv { &rows.csv } else { &rows.json };
    let from = offset.min(lines.len());
    let page = &lines[from..offset.saturating_add(limit).min(lines.len())];
    let page = if twist.short { &page[..page.len() / 2] } else { page };
    let body = match (csv, count) {
        (false, false) => format!("[{}]\n", page.join("\n,")),
        (false, true) => format!("[{{\"count\":\"{}\"}}]\n", lines.len()),
        (true, false) => {
            let head = table.csv_header();
            page.iter().fold(head + "\n", |text, line| text + line + "\n")
        }
        (true, true) => format!("\"count\"\n\"{}\"\n", lines.len()),
    };
    let (format, kind) =
        if csv { (Format::Csv, "text/csv; charset=UTF-8") } else { (Format::Soda, "application/json;charset=utf-8") };
    let mut page = Page::new(format, kind, body.into_bytes());
    let updated = table.updated + twist.moved;
    let truth = http_date(updated);
    page.modified = Some(updated);
    // A page's validator changes with the dataset, even where the page does not.
    page.etag = Some(shelf::etag(&[page.body.as_ref(), truth.as_bytes()].concat()));
    let (fields, types): (Vec<_>, Vec<_>) = if count {
        (vec!["count"], vec!["number"])
    } else {
        table.columns.iter().map(|column| (column.field, column.kind())).unzip()
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
