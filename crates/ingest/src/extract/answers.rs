//! Files that may be the answers of a service instead: rows as JSON, or text cut otherwise than the file's.
//!
//! [`wrap`] puts the service beside any extractor of files, by `[source.service]`. It is asked where an address begins with
//! its own, and in place of a file that is refused or out of reach. Which of the three a body is shows in its first bytes,
//! never in its address or type: the service is known to have changed them. An error that comes with status 200, and a
//! body of `null`, are refused.
//!
//! The key is one that the service's documentation prints for everybody. It is sent and, as with any key, no address that is
//! written down has it. Absent: what a column means.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use model::{Error, Kind, Release, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::content;
use crate::stream::Lines;

use super::delimited::{self, Batches, Layout, Separator};
use super::socrata::json;
use super::{Build, Edition, Emit, Expect, Extractor, Instead, Misfit, Page, Piece, Request, Slice};

/// A service beside the files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    /// The address before the name of a query, with its slash.
    base: String,
    /// The key that everybody has.
    key: String,
    /// The query that stands for a file that cannot be had, by the last segment of the file's address.
    #[serde(default)]
    instead: BTreeMap<String, String>,
    /// The slice of a file that a person brings, by an upstream column that only its layout has.
    #[serde(default)]
    slice_with: BTreeMap<String, String>,
    /// Upstream columns, each under any of its headers, whose only value names the slice: `wv-mingo` where all rows are of
    /// one county. For tables of which a person brings parts.
    #[serde(default)]
    slice_by: Vec<Vec<String>>,
}

/// An extractor of files whose bodies may be the service's.
struct OrAnswers {
    files: Box<dyn Extractor>,
    /// What stands between the cells of the files.
    separator: Option<Separator>,
    service: Service,
}

/// The extractor that `build` makes of the options, with a service beside it.
pub(super) fn wrap(service: toml::Value, options: toml::Table, build: Build) -> Result<Box<dyn Extractor>> {
    let invalid = |error| Error::new(Kind::Usage, "[source.service] is not valid").caused_by(error);
    let service: Service = service.try_into().map_err(invalid)?;
    let separator = options.get("separator").cloned().map(toml::Value::try_into).transpose().map_err(invalid)?;
    Ok(Box::new(OrAnswers { files: build(options)?, separator, service }))
}

/// The largest answer, in bytes. A county's transactions as JSON are some tens of megabytes.
const MAX_BYTES: u64 = 1 << 30;

/// How much of a body shows what it is.
const BEGINNING: u64 = 64 << 10;

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    /// A file as declared.
    File,
    /// Rows as JSON.
    Rows,
    /// Text with another separator than the files'.
    Text(Separator),
}

impl Extractor for OrAnswers {
    fn slices(&self) -> Vec<Slice> {
        self.files.slices()
    }

    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        let request = self.files.next_page(slice, seen)?;
        Ok(request.map(|request| match request.url.strip_prefix(&self.service.base) {
            Some(query) => self.ask(query),
            None => request,
        }))
    }

    fn instead(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Instead>> {
        let file = slice.url.rsplit('/').next().unwrap_or_default();
        let query = self.service.instead.get(file).filter(|_| seen.is_empty());
        Ok(query.map(|query| Instead { request: self.ask(query), keep: 0 }))
    }

    fn other_hosts(&self) -> Vec<String> {
        let host = self.service.base.split("//").nth(1).and_then(|rest| rest.split('/').next());
        host.map(ToOwned::to_owned).into_iter().chain(self.files.other_hosts()).collect()
    }

    fn recognise(&self, page: &Page) -> Result<Option<Slice>> {
        let slices = self.slices();
        if let (Some(first), false) = (slices.first(), self.service.slice_with.is_empty()) {
            self.inspect(page)?;
            let headers = self.headers(first, page)?.unwrap_or_default();
            let name = headers.iter().find_map(|header| self.service.slice_with.get(header));
            return Ok(slices.into_iter().find(|slice| Some(&slice.name) == name));
        }
        if self.body(page)? == Body::File { self.files.recognise(page) } else { Ok(None) }
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        if self.body(page)? == Body::File { self.files.inspect(page) } else { Ok(()) }
    }

    fn edition_of(&self, headers: &[String], url: &str) -> Result<Option<Release>> {
        self.files.edition_of(headers, url)
    }

    fn recipe(&self) -> Option<String> {
        self.files.recipe()
    }

    fn misfit(&self, page: &Page) -> Result<Option<Misfit>> {
        if self.body(page)? == Body::File { self.files.misfit(page) } else { Ok(None) }
    }

    fn has_notes(&self) -> bool {
        self.files.has_notes()
    }

    fn lines(&self, slice: &Slice, page: &Page) -> Result<Option<Lines>> {
        if self.body(page)? == Body::File { self.files.lines(slice, page) } else { Ok(None) }
    }

    fn decode(&self, slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        let told = Edition { release: self.release_of(pages)?, slice: self.name_of(slice, pages)? };
        if told.release.is_some() || told.slice.is_some() {
            emit(Piece::Edition(told))?;
        }
        self.pieces(slice, pages, emit)
    }
}

impl OrAnswers {
    /// The request for a query.
    fn ask(&self, query: &str) -> Request {
        let Service { base, key, .. } = &self.service;
        let joint = if query.contains('?') { '&' } else { '?' };
        Request::get(format!("{base}{query}{joint}key={key}"), Expect::Text)
    }

    /// What a page is, by its beginning.
    fn body(&self, page: &Page) -> Result<Body> {
        let mut head = Vec::new();
        let read = page.text(BEGINNING * 64)?.take(BEGINNING).read_to_end(&mut head);
        read.map_err(|cause| content::broken(&page.url, cause))?;
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).trim_ascii();
        let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        Ok(match text.first() {
            Some(b'{') => return Err(said(page)),
            _ if text == b"null" => return Err(Error::new(
                Kind::Refused,
                format!("{} is answered with `null`", page.url),
            )
            .hint(
                "the service answers so where it wants more parameters than it was given: its documentation names them",
            )),
            Some(b'[') if matches!(text[1..].trim_ascii_start().first(), Some(b'{' | b']')) => Body::Rows,
            _ => match (self.separator, line.contains(&b'\t')) {
                (Some(Separator::Comma), true) => Body::Text(Separator::Tab),
                (Some(Separator::Tab), false) if line.contains(&b',') => Body::Text(Separator::Comma),
                _ => Body::File,
            },
        })
    }

    /// The name of the slice by the places that all rows have in common; nothing where the declaration names it.
    fn name_of(&self, slice: &Slice, pages: &[Page]) -> Result<Option<String>> {
        let columns = &self.service.slice_by;
        if columns.is_empty() {
            return Ok(None);
        }
        let mut values: Vec<BTreeSet<String>> = vec![BTreeSet::new(); columns.len()];
        self.pieces(slice, pages, &mut |piece| {
            if let Piece::Rows { batch, .. } = piece {
                columns.iter().zip(&mut values).for_each(|(accepted, values)| collect(&batch, accepted, values));
            }
            Ok(())
        })?;
        let common = values.iter().map_while(|values| values.first().filter(|_| values.len() == 1));
        let words: Vec<_> = common.map(|word| word.to_lowercase().replace(' ', "-")).collect();
        Ok(Some(if words.is_empty() { "all".to_owned() } else { words.join("-") }))
    }

    /// The edition that the headers of answers tell. Files tell it themselves.
    fn release_of(&self, pages: &[Page]) -> Result<Option<Release>> {
        for page in pages {
            if self.body(page)? == Body::File {
                continue;
            }
            let mut headers = None;
            let read = self.pieces(&Slice::new("", String::new()), std::slice::from_ref(page), &mut |piece| {
                if let Piece::Rows { batch, .. } = piece {
                    let fields = batch.schema_ref().fields().iter().map(|field| field.name().clone());
                    headers = Some(fields.collect::<Vec<_>>());
                }
                Err(Error::new(Kind::Internal, "the first rows were enough"))
            });
            match headers {
                Some(headers) => return self.edition_of(&headers, &page.url),
                None => read?,
            }
        }
        Ok(None)
    }

    /// Hands on the rows of pages, whatever each is.
    fn pieces(&self, slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        for (index, page) in pages.iter().enumerate() {
            match self.body(page)? {
                Body::Rows => json_rows(index, page, emit)?,
                Body::Text(separator) => {
                    let layout = Layout { separator, quoting: separator == Separator::Comma, limit: MAX_BYTES };
                    delimited::rows(layout, index, page, &|_| Ok(()), emit)?;
                }
                Body::File => {
                    let page = std::slice::from_ref(page);
                    self.files.decode(slice, page, &mut |piece| emit(of_page(piece, index)))?;
                }
            }
        }
        Ok(())
    }
}

/// A piece of the page at an index, which the extractor of files saw alone.
fn of_page(piece: Piece, index: usize) -> Piece {
    match piece {
        Piece::Rows { batch, .. } => Piece::Rows { page: index, batch },
        Piece::Hidden { batch, .. } => Piece::Hidden { page: index, batch },
        Piece::Note(mut note) => {
            note.page = index;
            Piece::Note(note)
        }
        edition @ Piece::Edition(_) => edition,
    }
}

/// Adds the values of the first accepted column; a cell that is not there is a value of its own.
fn collect(batch: &RecordBatch, accepted: &[String], values: &mut BTreeSet<String>) {
    let column = accepted.iter().find_map(|name| batch.column_by_name(name)?.as_string_opt::<i32>());
    let Some(column) = column else { return };
    values.extend((0..column.len()).map(|row| if column.is_valid(row) { column.value(row) } else { "" }.to_owned()));
}

/// Hands on rows that are JSON objects. A row may lack what it has no value for.
fn json_rows(index: usize, page: &Page, emit: Emit<'_>) -> Result<()> {
    let body = delimited::whole(page, MAX_BYTES)?;
    let (mut names, mut places) = (Vec::new(), BTreeMap::new());
    json::each_row(page, &body, &mut |_, row| {
        for name in row.keys().filter(|name| *name != super::RECORD) {
            if !places.contains_key(name) {
                places.insert(name.clone(), names.len());
                names.push(name.clone());
            }
        }
        Ok(())
    })?;
    let mut batches = Batches::new(index, &names);
    json::each_row(page, &body, &mut |element, row| {
        for (column, name) in names.iter().enumerate() {
            batches.cell(column, json::cell(page, element, name, row.get(name))?.as_deref());
        }
        batches.end_row(element, emit)
    })?;
    batches.finish(emit)
}

/// The error that an answer of one object is: the service says mistakes with status 200, as `{"error":["…"]}`.
fn said(page: &Page) -> Error {
    let what = || {
        let object: Value = serde_json::from_slice(&delimited::whole(page, BEGINNING).ok()?).ok()?;
        let error = object.get("error")?;
        let words = error.as_array().map_or(std::slice::from_ref(error), Vec::as_slice);
        Some(
            words
                .iter()
                .map(|word| word.as_str().map_or_else(|| word.to_string(), ToOwned::to_owned))
                .collect::<Vec<_>>(),
        )
    };
    match what() {
        Some(words) => Error::new(Kind::Refused, format!("{} was refused: {}", page.url, words.join("; ")))
            .hint("the service says so with status 200; its documentation tells its places and parameters"),
        None => Error::new(Kind::Changed, format!("{} is one object, not a list of rows", page.url))
            .hint("`tollhouse probe` shows what the publisher serves now"),
    }
}

#[cfg(test)]
mod tests;
