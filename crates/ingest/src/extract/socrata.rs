//! Socrata portals such as data.cdc.gov: paged SODA JSON, or the portal's CSV.
//!
//! [`Socrata`] asks for the metadata, then for pages of rows in a stable order until one is short, then for the
//! number of rows, and compares. Columns come from the metadata and never from a page, because JSON omits nulls. A
//! table that changed while it was read is an error that a new start may outlive. Imported files, CSV or a single
//! JSON page, pass through the same door. `$` stands unencoded in queries, as in Socrata's own documentation.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use model::{Error, Kind, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::delimited::{self, Batches, Layout, Separator};
use super::{Emit, Expect, Extractor, Note, Page, Piece, Request, Slice};
use json::each_row;

mod json;

/// One dataset of a Socrata portal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Socrata {
    /// The portal's host, such as `data.cdc.gov`.
    pub domain: String,
    /// The dataset's id, such as `xkb8-kh2a`.
    pub id: FourByFour,
    /// How it is asked for.
    #[serde(default)]
    pub format: Format,
    /// Rows of one JSON page.
    #[serde(default = "default_page_size")]
    pub page_size: NonZeroU64,
    /// The largest size of one page, or of the CSV, inflated, in bytes.
    #[serde(default = "default_max_bytes")]
    pub max_bytes: u64,
}

fn default_page_size() -> NonZeroU64 {
    NonZeroU64::MIN.saturating_add(49_999)
}

fn default_max_bytes() -> u64 {
    1 << 30
}

/// How a dataset is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// SODA JSON, in pages: plain values and field names.
    #[default]
    Json,
    /// The portal's CSV, in one file: display values and display names.
    Csv,
}

/// A Socrata id: two groups of four letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct FourByFour(String);

impl TryFrom<String> for FourByFour {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        let group = |part: &str| part.len() == 4 && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        match text.split_once('-') {
            Some((first, second)) if group(first) && group(second) => Ok(Self(text)),
            _ => Err(Error::new(Kind::Usage, format!("`{text}` is no Socrata id"))
                .hint("an id looks like `xkb8-kh2a`; it ends the address of the dataset's page")),
        }
    }
}

/// What a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Metadata,
    Rows,
    Count,
    Csv,
}

impl Extractor for Socrata {
    fn has_notes(&self) -> bool {
        true
    }

    fn slices(&self) -> Vec<Slice> {
        let url = match self.format {
            Format::Json => self.metadata_url(),
            Format::Csv => self.csv_url(),
        };
        vec![Slice::new(&self.id.0, url)]
    }

    fn next_page(&self, _slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        let ask = |url: String, expect: Expect| Ok(Some(Request::get(url, expect)));
        let Some(last) = seen.last() else {
            return match self.format {
                Format::Json => ask(self.metadata_url(), Expect::Json),
                Format::Csv => ask(self.csv_url(), Expect::Text),
            };
        };
        self.check_steady(seen)?;
        let body = self.body(last)?;
        match part(last, &body) {
            Part::Csv => Ok(None),
            Part::Metadata => ask(self.rows_url(0), Expect::Json),
            Part::Count => {
                self.reconcile(seen)?;
                Ok(None)
            }
            Part::Rows => {
                let (found, asked) = (self.count_rows(last, &body)?, self.page_size.get());
                if found > asked {
                    return Err(Error::new(
                        Kind::Changed,
                        format!("{} answered with {found} rows where {asked} were asked for", last.url),
                    )
                    .hint("`tollhouse probe` shows how the publisher pages now"));
                }
                if found < asked {
                    return ask(format!("{}?$select=count(*)", self.resource_url()), Expect::Json);
                }
                // The metadata is the one page that holds no rows, and every page before this one was full.
                ask(self.rows_url((seen.len() as u64 - 1) * asked), Expect::Json)
            }
        }
    }

    fn headers(&self, _slice: &Slice, page: &Page) -> Result<Option<Vec<String>>> {
        let body = self.body(page)?;
        match part(page, &body) {
            Part::Metadata => self.columns(page, &body).map(Some),
            Part::Csv => delimited::header(self.layout(), page).map(Some),
            // A page of rows leaves out what is null in all of them.
            Part::Rows | Part::Count => Ok(None),
        }
    }

    fn probe_pages(&self, slice: &Slice) -> Result<Vec<Request>> {
        let mut pages: Vec<Request> = self.next_page(slice, &[])?.into_iter().collect();
        if self.format == Format::Json {
            let few = format!("{}?$limit=5&$offset=0&$order=:id", self.resource_url());
            pages.push(Request::get(few, Expect::Json));
        }
        Ok(pages)
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        let body = self.body(page)?;
        match part(page, &body) {
            Part::Metadata => self.columns(page, &body).map(|_| ()),
            // Bodies come in chunks without a length, so that only the closing bracket shows that a page is whole.
            Part::Rows => self.count_rows(page, &body).map(|_| ()),
            Part::Count => count(page, &body).map(|_| ()),
            Part::Csv => delimited::header(self.layout(), page).map(|_| ()),
        }
    }

    fn decode(&self, _slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        self.reconcile(pages)?;
        let mut columns = None;
        for (index, page) in pages.iter().enumerate() {
            let body = self.body(page)?;
            if part(page, &body) == Part::Metadata {
                columns = Some(self.columns(page, &body)?);
                for note in notes(index, &body) {
                    emit(Piece::Note(note))?;
                }
            }
        }
        // Metadata alone are a table that is described and not read: they hold no rows, and are no error here.
        let mut some = columns.is_some();
        for (index, page) in pages.iter().enumerate() {
            let body = self.body(page)?;
            match part(page, &body) {
                Part::Metadata | Part::Count => continue,
                Part::Csv => delimited::rows(self.layout(), index, page, &|_| Ok(()), emit)?,
                Part::Rows => {
                    let names = match &columns {
                        Some(columns) => columns,
                        // An imported page has no metadata beside it: all pages' keys together are the best there is.
                        None => columns.insert(self.all_keys(pages)?),
                    };
                    self.rows(index, page, &body, names, emit)?;
                }
            }
            some = true;
        }
        if some {
            return Ok(());
        }
        Err(Error::new(Kind::NotData, format!("no page of {} on {} holds rows", self.id.0, self.domain))
            .hint("fetch it again; an import needs a file of rows"))
    }
}

impl Socrata {
    fn metadata_url(&self) -> String {
        format!("https://{}/api/views/{}.json", self.domain, self.id.0)
    }

    fn csv_url(&self) -> String {
        format!("https://{}/api/views/{}/rows.csv?accessType=DOWNLOAD", self.domain, self.id.0)
    }

    fn resource_url(&self) -> String {
        format!("https://{}/resource/{}.json", self.domain, self.id.0)
    }

    fn rows_url(&self, offset: u64) -> String {
        format!("{}?$limit={}&$offset={offset}&$order=:id", self.resource_url(), self.page_size)
    }

    fn layout(&self) -> Layout {
        Layout { separator: Separator::Comma, quoting: true, limit: self.max_bytes }
    }

    /// The beginning of a CSV, or the whole of a JSON page: enough to tell what it is, and to read it.
    fn body(&self, page: &Page) -> Result<Vec<u8>> {
        use std::io::Read as _;
        let mut head = Vec::new();
        page.text(self.max_bytes)?
            .take(4096)
            .read_to_end(&mut head)
            .map_err(|cause| crate::content::broken(&page.url, cause))?;
        if is_json(&head) { delimited::whole(page, self.max_bytes) } else { Ok(head) }
    }

    /// The field names of the metadata, without the portal's own columns.
    fn columns(&self, page: &Page, body: &[u8]) -> Result<Vec<String>> {
        let changed = |what: String| {
            Err(Error::new(Kind::Changed, format!("{}: the metadata {what}", page.url))
                .hint("`tollhouse probe` shows what the publisher serves now"))
        };
        let view = json::object(page, body)?;
        match view.get("id").and_then(Value::as_str) {
            Some(id) if id == self.id.0 => {}
            Some(id) => return changed(format!("are those of `{id}`, not of `{}`", self.id.0)),
            None => return changed("have no `id`".to_owned()),
        }
        let Some(columns) = view.get("columns").and_then(Value::as_array) else {
            return changed("list no `columns`".to_owned());
        };
        let mut names = Vec::with_capacity(columns.len());
        for column in columns {
            match column.get("fieldName").and_then(Value::as_str) {
                Some(name) if name.starts_with(':') => {}
                Some(name) => names.push(name.to_owned()),
                None => return changed("have a column without `fieldName`".to_owned()),
            }
        }
        if names.is_empty() { changed("list no columns".to_owned()) } else { Ok(names) }
    }

    /// The keys of all pages, in order of appearance.
    fn all_keys(&self, pages: &[Page]) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for page in pages {
            let body = self.body(page)?;
            if part(page, &body) == Part::Rows {
                each_row(page, &body, &mut |_, row| {
                    for key in row.keys().filter(|key| !key.starts_with(':')) {
                        if !names.contains(key) {
                            names.push(key.clone());
                        }
                    }
                    Ok(())
                })?;
            }
        }
        Ok(names)
    }

    fn count_rows(&self, page: &Page, body: &[u8]) -> Result<u64> {
        let mut rows = 0;
        each_row(page, body, &mut |_, _| {
            rows += 1;
            Ok(())
        })?;
        Ok(rows)
    }

    fn rows(&self, index: usize, page: &Page, body: &[u8], names: &[String], emit: Emit<'_>) -> Result<()> {
        let mut batches = Batches::new(index, names);
        each_row(page, body, &mut |element, row| {
            let mut known = 0;
            for (column, name) in names.iter().enumerate() {
                let value = row.get(name);
                known += usize::from(value.is_some());
                batches.cell(column, json::cell(page, element, name, value)?.as_deref());
            }
            if known < row.len()
                && let Some(odd) = row.keys().find(|key| !key.starts_with(':') && !names.contains(*key))
            {
                return Err(Error::new(
                    Kind::Changed,
                    format!("{}: row {element} has `{odd}`, which the metadata do not list", page.url),
                )
                .hint("fetch it again; if it stays so, `tollhouse probe` compares the shapes"));
            }
            batches.end_row(element, emit)
        })?;
        batches.finish(emit)
    }

    /// Pages must be of one state of the table: the same `X-SODA2-Truth-Last-Modified`, and no page twice.
    fn check_steady(&self, pages: &[Page]) -> Result<()> {
        let mut digests = BTreeSet::new();
        let mut truth: Option<&str> = None;
        for page in pages {
            if !digests.insert(&page.digest) {
                return Err(self.moved(&format!("{} answered with a page that had come before", page.url)));
            }
            match (truth, page.header("x-soda2-truth-last-modified")) {
                (Some(before), Some(now)) if before != now => {
                    return Err(self.moved(&format!("it was changed at {before} and at {now}")));
                }
                (None, now) => truth = now,
                _ => {}
            }
        }
        Ok(())
    }

    /// As many rows must have come as the portal counts afterwards.
    fn reconcile(&self, pages: &[Page]) -> Result<()> {
        self.check_steady(pages)?;
        let (mut rows, mut counted) = (0, None);
        for page in pages {
            let body = self.body(page)?;
            match part(page, &body) {
                Part::Rows => rows += self.count_rows(page, &body)?,
                Part::Count => counted = Some(count(page, &body)?),
                Part::Metadata | Part::Csv => {}
            }
        }
        match counted {
            Some(counted) if counted != rows => {
                Err(self.moved(&format!("{rows} rows came, and afterwards it counts {counted}")))
            }
            _ => Ok(()),
        }
    }

    fn moved(&self, what: &str) -> Error {
        Error::new(
            Kind::Unreachable,
            format!("{} on {}: the truth moved while we were reading: {what}", self.id.0, self.domain),
        )
        .hint(
            "the table is read again from its first page; if this comes back, the publisher is updating it: try later",
        )
        .retryable()
    }
}

/// Whether a body is JSON, by its first byte.
fn is_json(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    matches!(body.trim_ascii_start().first(), Some(b'[' | b'{'))
}

/// What a page is, by its address where it has one, and by its first byte where it is an imported file.
fn part(page: &Page, body: &[u8]) -> Part {
    if !is_json(body) {
        return Part::Csv;
    }
    let Ok(url) = url::Url::parse(&page.url) else { return Part::Rows };
    if url.query_pairs().any(|(name, value)| name == "$select" && value == "count(*)") {
        Part::Count
    } else if url.path().starts_with("/api/views/") {
        Part::Metadata
    } else {
        Part::Rows
    }
}

/// The answer to `count(*)`: one row of one number.
fn count(page: &Page, body: &[u8]) -> Result<u64> {
    let mut counts = Vec::new();
    each_row(page, body, &mut |_, row| {
        counts.extend(row.values().map(|value| match value {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        }));
        Ok(())
    })?;
    match counts.as_slice() {
        [Some(count)] => Ok(*count),
        _ => Err(Error::new(Kind::Changed, format!("{} did not answer with one number", page.url))
            .hint("`tollhouse probe` shows what the publisher serves now")),
    }
}

/// What the metadata say about the table, for the notes.
fn notes(page: usize, body: &[u8]) -> Vec<Note> {
    let Ok(Value::Object(view)) = serde_json::from_slice(body) else { return Vec::new() };
    let text = |view: &Map<String, Value>, key: &str| match view.get(key) {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    [("title", "name"), ("caveat", "description"), ("metadata", "attribution"), ("metadata", "rowsUpdatedAt")]
        .into_iter()
        .filter_map(|(section, key)| {
            let (section, label) = (section.to_owned(), key.to_owned());
            Some(Note { page, section, label, text: text(&view, key)?, record: 1 })
        })
        .collect()
}

#[cfg(test)]
mod tests;
