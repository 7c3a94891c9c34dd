//! The FBI's Crime Data Explorer behind its gateway: lists of agencies, and offenses by month.
//!
//! It knows what was captured, and answers the rest as the publisher does: an agency that it does not know with 200 and no
//! figures, a bad date or offense with 400 and plain words, another path with a web page. It asks for no key.

use crate::Result;
use crate::print::cde;
use crate::shelf::{Format, Page, not_found};

pub const HOST: &str = "api.usa.gov";

const OFFENSES: [&str; 10] = ["V", "P", "HOM", "RPE", "ROB", "ASS", "BUR", "LAR", "MVT", "ARS"];

/// The answer to a path below the host.
pub fn answer(path: &str, query: &[(String, String)]) -> Result<Page> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["crime", "fbi", "cde", "agency", "byStateAbbr", state] => Ok(json(cde::agencies(state)?)),
        ["crime", "fbi", "cde", "summarized", scope @ .., offense] if (1..=2).contains(&scope.len()) => {
            summarized(&scope.join("/"), offense, query)
        }
        _ => Ok(Page::plain(404, "text/html; charset=utf-8", not_found(path))),
    }
}

fn summarized(scope: &str, offense: &str, query: &[(String, String)]) -> Result<Page> {
    if !OFFENSES.contains(&offense) {
        return Ok(words("An invalid offense was requested. Please refer to the documentation for valid offenses."));
    }
    let asked = |name: &str| query.iter().find(|(key, _)| key == name).and_then(|(_, month)| number(month));
    match (asked("from"), asked("to")) {
        (None, _) => Ok(words("From year and month date is not valid, expected format MM-YYYY.")),
        (_, None) => Ok(words("To year and month date is not valid, expected format MM-YYYY.")),
        (Some(from), Some(to)) => Ok(json(cde::summarized(scope, offense, from..=to)?)),
    }
}

/// Months since year 0, of `MM-YYYY`.
pub fn number(month: &str) -> Option<u32> {
    let (month, year) = month.split_once('-')?;
    let (month, year): (u32, u32) = (month.parse().ok()?, year.parse().ok()?);
    (1..=12).contains(&month).then(|| year * 12 + month - 1)
}

fn json(body: Vec<u8>) -> Page {
    let mut page = Page::new(Format::Other, "application/json", body);
    page.validators = false;
    page.headers.push(("X-RateLimit-Limit".to_owned(), "1000".to_owned()));
    page
}

fn words(text: &str) -> Page {
    Page::plain(400, "text/plain; charset=utf-8", text.to_owned())
}
