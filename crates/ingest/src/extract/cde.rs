//! The FBI's Crime Data Explorer (CDE): JSON from behind the gateway of api.data.gov.
//!
//! [`agencies`] reads the lists of law enforcement agencies, [`summarized`] the counts of offenses by month. The key goes
//! in a header, which is the engine's to add; no address here has one.

use model::{Error, Kind, Result};
use serde_json::{Map, Value};

use super::{Page, delimited};

pub(super) mod agencies;
pub(super) mod summarized;

/// The largest answer, in bytes; the largest state's list is a hundredth of it.
const MAX_BYTES: u64 = 64 << 20;

/// The object that a page is.
fn object(page: &Page) -> Result<Map<String, Value>> {
    // What a person brings may be gzipped.
    let bytes = delimited::whole(page, MAX_BYTES)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let value: Value = serde_json::from_slice(bytes).map_err(|cause| {
        Error::new(Kind::NotData, format!("{} is no whole JSON", page.url))
            .caused_by(cause)
            .hint("the gateway answers mistakes with plain words: `tollhouse probe` shows what it says now")
    })?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(changed(page, "is no JSON object")),
    }
}

fn changed(page: &Page, what: &str) -> Error {
    Error::new(Kind::Changed, format!("{} {what}", page.url))
        .hint("the Crime Data Explorer may have changed its answers: `tollhouse probe` shows what it serves now")
}

/// A number, text or truth value as text; nothing where it is null.
fn cell(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
