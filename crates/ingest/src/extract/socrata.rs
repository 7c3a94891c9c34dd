//! Socrata portals such as data.cdc.gov: paged SODA JSON, or the portal's CSV.
//!
//! [`Socrata`] asks for the metadata and the number of rows, then for pages of rows in a stable order until one is short,
//! then for the number of rows and the metadata again, and compares. Columns come from the metadata and never from a
//! page, because JSON omits nulls. A table that changed while it was read is an error that a new start may outlive. Where
//! the API refuses or stays out of reach, the portal's CSV is the other way to the same rows. Imported files, CSV or
//! JSON, pass through the same door. `$` stands unencoded in queries, as in Socrata's own documentation.
//!
//! Which counts are believed: `count(*)` before and after must both be the number of rows that came. The metadata's count
//! is computed by the portal now and then and may lag, so beside `count(*)` it is only noted; a CSV has nothing
//! else to be held against, and must not have fewer rows.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::num::NonZeroU64;

use model::{Error, Kind, Release, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::delimited::{self, Batches, Layout, Separator};
use super::{Emit, Expect, Extractor, Instead, Note, Page, Piece, Request, Slice};
use json::each_row;

pub(super) mod json;

/// A table of a Socrata portal; its editions may have ids of their own.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Options")]
pub struct Socrata {
    /// The portal's host, such as `data.cdc.gov`.
    domain: String,
    /// The editions, each a slice.
    tables: Vec<Table>,
    format: Format,
    page_size: NonZeroU64,
    max_bytes: u64,
}

/// The options as declared.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    domain: String,
    /// The id, where there is one; else `tables` lists them.
    id: Option<FourByFour>,
    #[serde(default)]
    tables: Vec<Table>,
    /// How it is asked for.
    #[serde(default)]
    format: Format,
    /// Rows of one JSON page.
    #[serde(default = "default_page_size")]
    page_size: NonZeroU64,
    /// The largest size of one page, or of the CSV, inflated, in bytes.
    #[serde(default = "default_max_bytes")]
    max_bytes: u64,
}

/// One edition under an id of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The id, such as `xkb8-kh2a`.
    id: FourByFour,
    /// The edition, where the content does not tell.
    release: Option<Release>,
    /// The first and the last year that its rows may have.
    years: Option<(i32, i32)>,
    /// Headers that this edition has and no other, in any spelling: it must have one of them.
    #[serde(default)]
    marks: Vec<String>,
    /// How many rows it has at least.
    min_rows: Option<u64>,
    /// A word on it, for the catalogue.
    #[serde(default)]
    note: String,
}

impl TryFrom<Options> for Socrata {
    type Error = Error;

    fn try_from(options: Options) -> Result<Self> {
        let Options { domain, id, tables, format, page_size, max_bytes } = options;
        let only =
            |id| Table { id, release: None, years: None, marks: Vec::new(), min_rows: None, note: String::new() };
        let tables: Vec<Table> = id.map(only).into_iter().chain(tables).collect();
        let ids: BTreeSet<&str> = tables.iter().map(|table| table.id.0.as_str()).collect();
        if tables.is_empty() || ids.len() < tables.len() {
            return Err(Error::new(Kind::Usage, "[source] needs one `id`, or [[source.tables]] with an id each")
                .hint("an id stands once; it ends the address of the dataset's page"));
        }
        Ok(Self { domain, tables, format, page_size, max_bytes })
    }
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
        let slice = |table: &Table| {
            let id = &table.id.0;
            let url = match self.format {
                Format::Json => self.metadata_url(id),
                Format::Csv => self.csv_url(id),
            };
            Slice {
                release: table.release.clone(),
                years: table.years,
                min_rows: table.min_rows,
                note: table.note.clone(),
                ..Slice::new(id, url)
            }
        };
        self.tables.iter().map(slice).collect()
    }

    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        let id = &slice.name;
        let ask = |url: String, expect: Expect| Ok(Some(Request::get(url, expect)));
        let parts = seen.iter().map(part).collect::<Result<Vec<_>>>()?;
        let (Some(last), Some(page)) = (parts.last(), seen.last()) else {
            return match self.format {
                Format::Json => ask(self.metadata_url(id), Expect::Json),
                Format::Csv => ask(self.csv_url(id), Expect::Text),
            };
        };
        self.check_steady(slice, seen)?;
        let described = parts[0] == Part::Metadata;
        match last {
            Part::Metadata if seen.len() == 1 => ask(self.count_url(id), Expect::Json),
            Part::Metadata => {
                self.reconcile(slice, seen)?;
                Ok(None)
            }
            Part::Csv if described => ask(self.metadata_url(id), Expect::Json),
            Part::Csv => Ok(None),
            Part::Count if parts.contains(&Part::Rows) => ask(self.metadata_url(id), Expect::Json),
            Part::Count => ask(self.rows_url(id, 0), Expect::Json),
            Part::Rows => {
                let (found, asked) = (self.count_rows(page, &self.body(page)?)?, self.page_size.get());
                if found > asked {
                    return Err(Error::new(
                        Kind::Changed,
                        format!("{} answered with {found} rows where {asked} were asked for", page.url),
                    )
                    .hint("`tollhouse probe` shows how the publisher pages now"));
                }
                if found < asked {
                    return ask(self.count_url(id), Expect::Json);
                }
                let full = parts.iter().filter(|part| **part == Part::Rows).count() as u64;
                ask(self.rows_url(id, full * asked), Expect::Json)
            }
        }
    }

    fn instead(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Instead>> {
        let parts = seen.iter().map(part).collect::<Result<Vec<_>>>()?;
        if self.format == Format::Csv || parts.contains(&Part::Csv) {
            return Ok(None);
        }
        let request = Request::get(self.csv_url(&slice.name), Expect::Text);
        Ok(Some(Instead { request, keep: usize::from(parts.first() == Some(&Part::Metadata)) }))
    }

    fn headers(&self, slice: &Slice, page: &Page) -> Result<Option<Vec<String>>> {
        let body = self.body(page)?;
        let names = match part(page)? {
            Part::Metadata => self.columns(page, &body)?,
            Part::Csv => delimited::header(self.layout(), page)?,
            // A page of rows leaves out what is null in all of them.
            Part::Rows | Part::Count => return Ok(None),
        };
        let table = self.tables.iter().find(|table| table.id.0 == slice.name);
        let marks = table.map_or(&[][..], |table| &table.marks);
        if marks.is_empty() || names.iter().any(|name| marks.contains(name)) {
            return Ok(Some(names));
        }
        Err(Error::new(
            Kind::Changed,
            format!(
                "{} is another edition than {}: it has none of the headers {}",
                page.url,
                slice.name,
                quoted(marks)
            ),
        )
        .hint("`tollhouse datasets show` lists the editions; `tollhouse probe` compares the publisher's headers"))
    }

    fn probe_pages(&self, slice: &Slice) -> Result<Vec<Request>> {
        let mut pages: Vec<Request> = self.next_page(slice, &[])?.into_iter().collect();
        if self.format == Format::Json {
            let few = format!("{}?$limit=5&$offset=0&$order=:id", self.resource_url(&slice.name));
            pages.push(Request::get(few, Expect::Json));
        }
        Ok(pages)
    }

    fn recognise(&self, page: &Page) -> Result<Option<Slice>> {
        // Its rows say neither which table they are of nor which columns it has besides.
        if !is_address(page) && part(page)? == Part::Rows {
            let message = format!("{} holds rows of some table, without its description", page.url);
            return Err(Error::new(Kind::Changed, message)
                .hint("bring the portal's CSV of the whole table (Export, CSV): its header says which it is"));
        }
        Ok(None)
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        let body = self.body(page)?;
        match part(page)? {
            Part::Metadata => self.columns(page, &body).map(|_| ()),
            // Bodies come in chunks without a length, so that only the closing bracket shows that a page is whole.
            Part::Rows => self.count_rows(page, &body).map(|_| ()),
            Part::Count => count(page, &body).map(|_| ()),
            Part::Csv => delimited::header(self.layout(), page).map(|_| ()),
        }
    }

    fn decode(&self, slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        let tally = self.reconcile(slice, pages)?;
        let mut columns = None;
        let mut held = BTreeSet::new();
        for (index, page) in pages.iter().enumerate() {
            if part(page)? != Part::Metadata {
                continue;
            }
            let body = self.body(page)?;
            // The metadata that were asked for again at the end say the same.
            if columns.is_none() {
                for note in notes(index, &body).into_iter().chain(tally.note(index)) {
                    emit(Piece::Note(note))?;
                }
                columns = Some(self.columns(page, &body)?);
                held = held_columns(&json::object(page, &body)?);
            }
        }
        // Metadata alone are a table that is described and not read: they hold no rows, and are no error here.
        let mut some = columns.is_some();
        let mut last = None;
        for (index, page) in pages.iter().enumerate() {
            match part(page)? {
                Part::Metadata | Part::Count => continue,
                Part::Csv => {
                    if self.format == Format::Json && is_address(page) {
                        let text = "read from the portal's CSV, because its API did not give the rows";
                        emit(Piece::Note(note(index, "metadata", "way", text.to_owned())))?;
                    }
                    delimited::rows(self.layout(), index, page, &|_| Ok(()), emit)?;
                }
                Part::Rows => {
                    let names = match &columns {
                        Some(columns) => columns,
                        // An imported page has no metadata beside it: all pages' keys together are the best there is.
                        None => columns.insert(self.all_keys(pages)?),
                    };
                    let seen = self.rows(index, page, &self.body(page)?, names, emit)?;
                    held.retain(|name| !seen.contains(name));
                    last = Some(page);
                }
            }
            some = true;
        }
        // A probe reads a few rows, which prove nothing.
        if let (Some(page), Some(name), false) = (last, held.first(), tally.counted.is_empty()) {
            return Err(Error::new(
                Kind::Changed,
                format!("{}: no row has `{name}`, which holds values by the metadata", page.url),
            )
            .hint("fetch it again; if it stays so, `tollhouse probe` compares the shapes"));
        }
        if some {
            return Ok(());
        }
        Err(Error::new(Kind::NotData, format!("no page of {} on {} holds rows", slice.name, self.domain))
            .hint("fetch it again; an import needs a file of rows"))
    }
}

impl Socrata {
    fn metadata_url(&self, id: &str) -> String {
        format!("https://{}/api/views/{id}.json", self.domain)
    }

    fn csv_url(&self, id: &str) -> String {
        format!("https://{}/api/views/{id}/rows.csv?accessType=DOWNLOAD", self.domain)
    }

    fn resource_url(&self, id: &str) -> String {
        format!("https://{}/resource/{id}.json", self.domain)
    }

    fn rows_url(&self, id: &str, offset: u64) -> String {
        format!("{}?$limit={}&$offset={offset}&$order=:id", self.resource_url(id), self.page_size)
    }

    fn count_url(&self, id: &str) -> String {
        format!("{}?$select=count(*)", self.resource_url(id))
    }

    fn layout(&self) -> Layout {
        Layout { separator: Separator::Comma, quoting: true, limit: self.max_bytes }
    }

    /// The beginning of a CSV, or the whole of a JSON page: enough to tell what it is, and to read it.
    fn body(&self, page: &Page) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        page.text(self.max_bytes)?
            .take(HEAD)
            .read_to_end(&mut head)
            .map_err(|cause| crate::content::broken(&page.url, cause))?;
        if is_json(&head) { delimited::whole(page, self.max_bytes) } else { Ok(head) }
    }

    /// The field names of the metadata, without the portal's own columns. They must be of the table at the address asked.
    fn columns(&self, page: &Page, body: &[u8]) -> Result<Vec<String>> {
        let changed = |what: String| {
            Err(Error::new(Kind::Changed, format!("{}: the metadata {what}", page.url))
                .hint("`tollhouse probe` shows what the publisher serves now"))
        };
        let view = json::object(page, body)?;
        match view.get("id").and_then(Value::as_str) {
            Some(id) if page.url.contains(&format!("/{id}.json")) => {}
            Some(id) => return changed(format!("are those of `{id}`")),
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
            if part(page)? == Part::Rows {
                each_row(page, &self.body(page)?, &mut |_, row| {
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

    /// Hands on the rows of a page; returns the columns that some row has.
    fn rows(
        &self,
        index: usize,
        page: &Page,
        body: &[u8],
        names: &[String],
        emit: Emit<'_>,
    ) -> Result<BTreeSet<String>> {
        let mut batches = Batches::new(index, names);
        let mut seen = vec![false; names.len()];
        each_row(page, body, &mut |element, row| {
            let mut known = 0;
            for (column, name) in names.iter().enumerate() {
                let value = row.get(name);
                known += usize::from(value.is_some());
                seen[column] |= value.is_some();
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
        batches.finish(emit)?;
        Ok(names.iter().zip(seen).filter(|(_, seen)| *seen).map(|(name, _)| name.clone()).collect())
    }

    /// Pages must be of one state of the table: the same `X-SODA2-Truth-Last-Modified`, the same `rowsUpdatedAt` and columns
    /// in the metadata, and no page of rows twice.
    fn check_steady(&self, slice: &Slice, pages: &[Page]) -> Result<()> {
        let mut digests = BTreeSet::new();
        let mut truth: Option<&str> = None;
        let mut described: Option<(Option<Value>, Vec<String>)> = None;
        for page in pages {
            let part = part(page)?;
            if part == Part::Rows && !digests.insert(&page.digest) {
                return Err(self.moved(slice, &format!("{} answered with a page that had come before", page.url)));
            }
            match (truth, page.header("x-soda2-truth-last-modified")) {
                (Some(before), Some(now)) if before != now => {
                    return Err(self.moved(slice, &format!("it was changed at {before} and at {now}")));
                }
                (None, now) => truth = now,
                _ => {}
            }
            if part == Part::Metadata {
                let body = self.body(page)?;
                let now = (json::object(page, &body)?.remove("rowsUpdatedAt"), self.columns(page, &body)?);
                if described.as_ref().is_some_and(|before| *before != now) {
                    return Err(self.moved(slice, "its metadata say that its rows or columns were updated meanwhile"));
                }
                described = Some(now);
            }
        }
        Ok(())
    }

    /// As many rows must have come as the portal counts, before and after.
    fn reconcile(&self, slice: &Slice, pages: &[Page]) -> Result<Tally> {
        self.check_steady(slice, pages)?;
        let mut tally = Tally::default();
        let mut csv = None;
        for page in pages {
            match part(page)? {
                Part::Rows => tally.rows += self.count_rows(page, &self.body(page)?)?,
                Part::Count => tally.counted.push(count(page, &self.body(page)?)?),
                Part::Metadata => tally.described = described_rows(&json::object(page, &self.body(page)?)?),
                Part::Csv => csv = Some(page),
            }
        }
        if let (Some(page), Some(described)) = (csv, tally.described) {
            let mut rows = 0;
            delimited::rows(self.layout(), 0, page, &|_| Ok(()), &mut |piece| {
                if let Piece::Rows { batch, .. } = piece {
                    rows += batch.num_rows() as u64;
                }
                Ok(())
            })?;
            if rows < described {
                let what = format!("the CSV has {rows} rows, and its metadata speak of {described}");
                return Err(self.moved(slice, &what));
            }
        }
        if tally.counted.iter().any(|counted| *counted != tally.rows) {
            let counts: Vec<_> = tally.counted.iter().map(ToString::to_string).collect();
            let what = format!("{} rows came, and it counted {}", tally.rows, counts.join(" before and "));
            return Err(self.moved(slice, &what));
        }
        Ok(tally)
    }

    fn moved(&self, slice: &Slice, what: &str) -> Error {
        Error::new(
            Kind::Unreachable,
            format!("{} on {}: the truth moved while we were reading: {what}", slice.name, self.domain),
        )
        .hint(
            "the table is read again from its first page; if this comes back, the publisher is updating it: try later",
        )
        .retryable()
    }
}

/// How many rows there are, by each who counted.
#[derive(Debug, Default)]
struct Tally {
    /// Rows that came as JSON.
    rows: u64,
    /// What `count(*)` answered, before and after.
    counted: Vec<u64>,
    /// What the metadata say.
    described: Option<u64>,
}

impl Tally {
    /// A word on metadata that lag.
    fn note(&self, page: usize) -> Option<Note> {
        let (described, counted) = (self.described?, *self.counted.last()?);
        (described != counted).then(|| {
            let text =
                format!("{described} by these metadata, {counted} by the portal's count when the rows were read");
            note(page, "metadata", "rows", text)
        })
    }
}

/// The number of rows that the metadata remember: what the fullest column holds.
fn described_rows(view: &Map<String, Value>) -> Option<u64> {
    let number = |value: &Value| value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_u64());
    let rows = |column: &Value| {
        let cached = column.get("cachedContents")?;
        let held: Option<u64> = cached.get("non_null").and_then(number);
        let null: Option<u64> = cached.get("null").and_then(number);
        cached.get("count").and_then(number).max(held.zip(null).map(|(held, null)| held + null))
    };
    view.get("columns")?.as_array()?.iter().filter_map(rows).max()
}

/// The columns that hold values by the metadata: rows leave out what is null, so that a column which vanished from all of
/// them would pass for one without values.
fn held_columns(view: &Map<String, Value>) -> BTreeSet<String> {
    let name = |column: &Value| {
        let held = column.get("cachedContents")?.get("non_null")?.as_str()?.parse::<u64>().ok()?;
        (held > 0).then(|| column.get("fieldName")?.as_str().map(ToOwned::to_owned)).flatten()
    };
    let columns = view.get("columns").and_then(Value::as_array).into_iter().flatten();
    columns.filter_map(name).filter(|name| !name.starts_with(':')).collect()
}

/// Whether a body is JSON, by its first byte.
fn is_json(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    matches!(body.trim_ascii_start().first(), Some(b'[' | b'{'))
}

/// Whether a page came from an address, and not from a file.
fn is_address(page: &Page) -> bool {
    page.url.starts_with("http")
}

/// What a page is, by its address where it has one, and by its first bytes where that does not tell: imported files are
/// CSV or JSON, and a refusal may come in place of a CSV.
fn part(page: &Page) -> Result<Part> {
    let url = url::Url::parse(&page.url).ok().filter(|_| is_address(page));
    let path = url.as_ref().map_or("", url::Url::path);
    if let Some(url) = url.as_ref().filter(|_| path.starts_with("/resource/")) {
        let counts = url.query_pairs().any(|(name, value)| name == "$select" && value == "count(*)");
        return Ok(if counts { Part::Count } else { Part::Rows });
    }
    let mut head = Vec::new();
    page.text(HEAD)?.take(HEAD).read_to_end(&mut head).map_err(|cause| crate::content::broken(&page.url, cause))?;
    Ok(match (is_json(&head), path.starts_with("/api/views/")) {
        (false, _) => Part::Csv,
        (true, true) => Part::Metadata,
        (true, false) => Part::Rows,
    })
}

/// How much of a body tells what it is.
const HEAD: u64 = 4096;

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
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
        .filter_map(|(section, key)| Some(note(page, section, key, text(&view, key)?)))
        .collect()
}

fn note(page: usize, section: &str, label: &str, text: String) -> Note {
    Note { page, section: section.to_owned(), label: label.to_owned(), text, record: 1 }
}

#[cfg(test)]
mod tests;
