//! data.cms.gov: a catalogue, and an API that answers with bare lists of rows, in pages, and counts them.
//!
//! `size` and `offset` are understood, and filters of the form `filter[column]=value`; other filters are refused, since
//! ignoring them would answer something else. The newest year has a second identifier, the `latest`.

use crate::Result;
use crate::print::cms;
use crate::shelf::{Format, Page, not_found};
use crate::soda::Twist;
use serde_json::{Value, json};

pub const HOST: &str = "data.cms.gov";

/// The publisher gives no longer page, whatever is asked for.
const LONGEST: usize = 5_000;

/// The answer to a path of the host.
pub fn answer(path: &str, query: &[(String, String)], twist: Twist) -> Result<Page> {
    if path == "/data.json" {
        return Ok(page(Format::Other, &cms::catalogue(twist.moved)?));
    }
    let Some((id, below)) = path.strip_prefix("/data-api/v1/dataset/").and_then(|rest| rest.split_once('/')) else {
        return Ok(nothing(path));
    };
    let Some((dataset, year)) = cms::find(id)? else { return Ok(nothing(path)) };
    let (mut size, mut offset) = (1_000, 0);
    let mut rows = dataset.rows(&year)?;
    let all = rows.len();
    for (key, value) in query {
        match (key.as_str(), value.parse::<usize>()) {
            ("size", Ok(number)) => size = number.min(LONGEST),
            ("offset", Ok(number)) => offset = number,
            _ => match key.strip_prefix("filter[").and_then(|key| key.strip_suffix(']')) {
                Some(column) if !column.contains('[') => rows.retain(|row| row.get(column) == Some(&json!(value))),
                _ => return Ok(Page::plain(400, "application/json", json!({ "message": key }).to_string())),
            },
        }
    }
    match below {
        "data/stats" => Ok(page(Format::Other, &json!({ "found_rows": rows.len(), "total_rows": all }))),
        "data" => {
            if twist.again && offset == size {
                offset = 0;
            }
            let mut shown: Vec<_> = rows.into_iter().skip(offset).take(size).collect();
            if twist.short {
                shown.truncate(shown.len() / 2);
            }
            Ok(page(Format::Soda, &json!(shown)))
        }
        _ => Ok(nothing(path)),
    }
}

fn page(format: Format, body: &Value) -> Page {
    let mut page = Page::new(format, "application/json", body.to_string().into_bytes());
    page.validators = false;
    page
}

fn nothing(path: &str) -> Page {
    Page::plain(404, "text/html; charset=utf-8", not_found(path))
}
