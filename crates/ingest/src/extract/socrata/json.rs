//! SODA JSON: arrays of flat objects, and the two shapes of error that come with status 200.

use std::fmt;

use model::{Error, Kind, Result};
use serde::de::{DeserializeSeed, Error as _, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::extract::Page;

/// What to do with a row; its 1-based place comes first.
pub(in crate::extract) type Row<'a> = &'a mut dyn FnMut(u64, &Map<String, Value>) -> Result<()>;

/// Goes through the rows of a page, one at a time.
pub(in crate::extract) fn each_row(page: &Page, body: &[u8], row: Row<'_>) -> Result<()> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.trim_ascii_start().first() == Some(&b'{') {
        object(page, body)?;
        return Err(Error::new(Kind::Changed, format!("{} is one object, not a list of rows", page.url))
            .hint("`tollhouse probe` shows what the publisher serves now"));
    }
    let mut stopped = None;
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = Rows { row, stopped: &mut stopped }.deserialize(&mut reader).and_then(|()| reader.end());
    match (stopped, read) {
        (Some(error), _) => Err(error),
        (None, read) => read.map_err(|error| unreadable(page, error)),
    }
}

/// The object that a page is, unless it reports an error.
pub(super) fn object(page: &Page, body: &[u8]) -> Result<Map<String, Value>> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let object: Map<String, Value> = serde_json::from_slice(body).map_err(|error| unreadable(page, error))?;
    match refusal(page, &object) {
        Some(error) => Err(error),
        None => Ok(object),
    }
}

/// The error that an object reports: `{"code", "error": true, "message"}` or `{"errorCode", "message"}`.
fn refusal(page: &Page, object: &Map<String, Value>) -> Option<Error> {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let code = text("code").or_else(|| text("errorCode"));
    if object.get("error") != Some(&Value::Bool(true)) && text("errorCode").is_none() {
        return None;
    }
    let message = text("message").unwrap_or("no message");
    let message = code.map_or_else(|| message.to_owned(), |code| format!("{code}: {message}"));
    Some(
        Error::new(Kind::Refused, format!("{} was refused: {message}", page.url))
            .hint("the portal may have retired or hidden the dataset: look for its id on the portal"),
    )
}

/// A value as text: nothing where it was null or not there.
pub(in crate::extract) fn cell(page: &Page, element: u64, name: &str, value: Option<&Value>) -> Result<Option<String>> {
    let what = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => return Ok(Some(text.clone())),
        Some(Value::Number(number)) => return Ok(Some(number.to_string())),
        Some(Value::Bool(truth)) => return Ok(Some(truth.to_string())),
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    };
    Err(Error::new(Kind::Changed, format!("{}: row {element} has {what} under `{name}`, not a plain value", page.url))
        .hint("`tollhouse probe` compares the shapes"))
}

fn unreadable(page: &Page, error: serde_json::Error) -> Error {
    let (kind, what) = match error.classify() {
        serde_json::error::Category::Data => (Kind::Changed, "is JSON of another shape than rows"),
        _ => (Kind::NotData, "is cut short or is no JSON"),
    };
    Error::new(kind, format!("{} {what}", page.url)).caused_by(error).hint("fetch it again; nothing of it was kept")
}

struct Rows<'a> {
    row: Row<'a>,
    stopped: &'a mut Option<Error>,
}

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        let mut element = 0;
        while let Some(row) = rows.next_element::<Map<String, Value>>()? {
            element += 1;
            if let Err(error) = (self.row)(element, &row) {
                *self.stopped = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}
