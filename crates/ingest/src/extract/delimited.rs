//! Delimited text: tab or comma separated files with a header line, one file a slice.
//!
//! [`Delimited`] is the extractor. [`rows`], [`header`], [`whole`], [`latin1_or_utf8`] and [`in_batches`] are shared with
//! the other extractors. Text streams: a file of any size passes through a few thousand rows at a time. Nothing here
//! knows what a column means.

use std::borrow::Cow;
use std::io::{ErrorKind, Read};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder, UInt64Builder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use csv::{ByteRecord, ReaderBuilder, Terminator};
use model::{Digest, Error, Kind, Release, Result, ResultExt as _};
use serde::Deserialize;

use super::sheet::Sheet;
use super::{Emit, Expect, Extractor, Page, Piece, RECORD, Request, Slice, SourceFile};
use crate::content;
use crate::stream::Lines;

mod editions;
mod rds;
pub(super) mod workbook;

use editions::Told;

/// Files of delimited text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delimited {
    /// What stands between two cells.
    pub separator: Separator,
    /// Whether cells may stand in double quotes. By default they may between commas and may not between tabs, where a
    /// stray quote would otherwise swallow lines.
    pub quoting: Option<bool>,
    /// The files, each a slice of one page.
    #[serde(default)]
    pub files: Vec<SourceFile>,
    /// The largest size of one file, inflated, in bytes.
    #[serde(default = "default_max_bytes")]
    pub max_bytes: u64,
    /// Whether a file may be a workbook instead, whatever its name and type say: its first sheet then holds the header and
    /// the rows.
    #[serde(default)]
    pub or_workbook: bool,
    /// Names that the first column may have, so that another table is told apart before it is archived.
    pub first_header: Option<Vec<String>>,
    /// Whether a file may lie alone in a ZIP archive, or be a table that R has saved (`.RDS`), whatever its name and type say.
    #[serde(default)]
    pub bulk: bool,
    /// The editions, where headers tell them: never a number of columns, and never an address, which stays the same when what
    /// lies there is replaced.
    #[serde(default)]
    pub editions: Vec<Told>,
    /// The digests of the files, each in its place, where their content does not tell what they count: of such a file only
    /// these very bytes are known.
    #[serde(default)]
    pub known: Vec<Digest>,
    /// Groups of headers whose cells repeat together from line to line, such as all of a buyer's. With them a file is read as
    /// a stream: by all cores, in little memory, whatever its size. A header of no group has a cell of its own in each line.
    #[serde(default)]
    pub together: Vec<Vec<String>>,
}

fn default_max_bytes() -> u64 {
    64 << 30
}

/// What stands between two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Separator {
    /// A tab.
    Tab,
    /// A comma.
    Comma,
    /// A vertical bar.
    Bar,
}

impl Separator {
    fn byte(self) -> u8 {
        match self {
            Separator::Tab => b'\t',
            Separator::Comma => b',',
            Separator::Bar => b'|',
        }
    }
}

impl Extractor for Delimited {
    fn slices(&self) -> Vec<Slice> {
        self.files.iter().map(SourceFile::slice).collect()
    }

    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        let expect = match (self.or_workbook, self.bulk) {
            (true, _) => Expect::TextOrWorkbook,
            (false, true) => Expect::Bulk,
            (false, false) => Expect::Text,
        };
        Ok(seen.is_empty().then(|| slice.request(expect)))
    }

    fn recognise(&self, page: &Page) -> Result<Option<Slice>> {
        if !self.known.is_empty() {
            self.accept(&header(self.layout(), page)?, &page.url)?;
        }
        Ok(self.place_among_known(page)?.and_then(|place| self.files.get(place)).map(SourceFile::slice))
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        self.accept(&self.names(page)?, &page.url)
    }

    fn edition_of(&self, headers: &[String], url: &str) -> Result<Option<Release>> {
        editions::find(&self.editions, headers, url)
    }

    fn lines(&self, _slice: &Slice, page: &Page) -> Result<Option<Lines>> {
        let Layout { separator, quoting, limit } = self.layout();
        if self.together.is_empty() || quoting || self.rds(page)?.is_some() || self.workbook(page)?.is_some() {
            return Ok(None);
        }
        let names = header(self.layout(), page)?;
        self.accept(&names, &page.url)?;
        Ok(Some(Lines { separator: separator.byte(), names, together: self.together.clone(), limit }))
    }

    fn decode(&self, slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        if !self.editions.is_empty() {
            editions::agree(self, slice, pages, &|page| self.names(page), emit)?;
        }
        for (index, page) in pages.iter().enumerate() {
            if let Some(table) = self.rds(page)? {
                self.accept(&table.names(page)?, &page.url)?;
                table.rows(index, page, emit)?;
                continue;
            }
            if let Some(sheet) = self.workbook(page)? {
                self.accept(&workbook::header(&sheet, page)?, &page.url)?;
                workbook::rows(&sheet, index, page, emit)?;
                continue;
            }
            rows(self.layout(), index, page, &|names| self.accept(names, &page.url), emit)?;
            // After the rows: whoever looks at the beginning of a page alone has not all of its bytes.
            self.place_among_known(page)?;
        }
        Ok(())
    }
}

impl Delimited {
    /// The names of a page's columns, whatever it is.
    fn names(&self, page: &Page) -> Result<Vec<String>> {
        match (self.rds(page)?, self.workbook(page)?) {
            (Some(table), _) => table.names(page),
            (None, Some(sheet)) => workbook::header(&sheet, page),
            (None, None) => header(self.layout(), page),
        }
    }

    /// The table of a page that R has saved, where it may be one.
    fn rds(&self, page: &Page) -> Result<Option<rds::Saved>> {
        if self.bulk { rds::open(page, self.max_bytes) } else { Ok(None) }
    }

    /// The sheet of a page that is a workbook, where it may be one.
    fn workbook(&self, page: &Page) -> Result<Option<Sheet>> {
        if self.or_workbook { workbook::open(page, self.max_bytes) } else { Ok(None) }
    }

    fn layout(&self) -> Layout {
        Layout {
            separator: self.separator,
            quoting: self.quoting.unwrap_or(self.separator == Separator::Comma),
            limit: self.max_bytes,
        }
    }

    /// Which of the known files a page is, whole; none where any file will do.
    fn place_among_known(&self, page: &Page) -> Result<Option<usize>> {
        if self.known.is_empty() {
            return Ok(None);
        }
        let digest = Digest::of(&page.bytes(self.max_bytes)?);
        let place = self.known.iter().position(|known| *known == digest);
        place.map(Some).ok_or_else(|| {
            let message = format!("{} does not say what it counts, and is not a copy that is known", page.url);
            Error::new(Kind::Changed, message).hint(
                "its bytes differ from the known copy's: bring the publisher's own export, which records its query",
            )
        })
    }

    /// Whether the header is one of the tables, and of one of the editions, that the pipeline declares.
    fn accept(&self, names: &[String], url: &str) -> Result<()> {
        self.first_column(names, url)?;
        self.edition_of(names, url).map(|_| ())
    }

    fn first_column(&self, names: &[String], url: &str) -> Result<()> {
        let (Some(accepted), Some(first)) = (&self.first_header, names.first()) else { return Ok(()) };
        if accepted.contains(first) {
            return Ok(());
        }
        Err(Error::new(
            Kind::Changed,
            format!("{url} is another table: its first column is `{first}`, not `{}`", accepted.join("` or `")),
        )
        .hint("`tollhouse probe` compares the publisher's header with the pipeline's"))
    }
}

/// How a text is cut into cells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// What stands between two cells.
    pub separator: Separator,
    /// Whether cells may stand in double quotes.
    pub quoting: bool,
    /// The largest size of the text, inflated, in bytes.
    pub limit: u64,
}

impl Layout {
    fn reader<R: Read>(self, text: R) -> csv::Reader<R> {
        ReaderBuilder::new()
            .delimiter(self.separator.byte())
            .quoting(self.quoting)
            .flexible(true)
            .has_headers(false)
            // Only a line feed ends a row, so that line numbers are exact; a carriage return before it is cut off
            // afterwards.
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(64 * 1024)
            .from_reader(text)
    }
}

/// The longest header line that is looked at, in bytes.
const LONGEST_HEADER: u64 = 1 << 20;

/// Rows handed on at once.
const BATCH: usize = 8192;

/// The names in the header line, without reading further.
pub(super) fn header(layout: Layout, page: &Page) -> Result<Vec<String>> {
    let mut reader = layout.reader(page.unpacked(layout.limit)?.take(LONGEST_HEADER));
    let mut record = ByteRecord::new();
    let some = reader.read_byte_record(&mut record).map_err(|error| unreadable(page, error))?;
    if !some || reader.position().byte() >= LONGEST_HEADER {
        return Err(Error::new(Kind::Changed, format!("{} does not begin with a header line", page.url))
            .hint("`tollhouse probe` shows what the publisher serves now"));
    }
    names(&record, &mut Encoding::Ascii, page)
}

/// Hands on the rows of one page, in batches, once `accept` has agreed to its header.
pub(super) fn rows(
    layout: Layout,
    index: usize,
    page: &Page,
    accept: &dyn Fn(&[String]) -> Result<()>,
    emit: Emit<'_>,
) -> Result<()> {
    header(layout, page)?;
    let mut reader = layout.reader(page.unpacked(layout.limit)?);
    let mut record = ByteRecord::new();
    let mut encoding = Encoding::Ascii;
    reader.read_byte_record(&mut record).map_err(|error| unreadable(page, error))?;
    let names = names(&record, &mut encoding, page)?;
    accept(&names)?;
    let mut batches = Batches::new(index, &names);
    let mut blank = None;
    while reader.read_byte_record(&mut record).map_err(|error| unreadable(page, error))? {
        let line = line_of(&record, reader.position().line(), page)?;
        if let Some(blank) = blank {
            return Err(blank_line(page, blank));
        }
        if record.len() == 1 && names.len() > 1 && matches!(&record[0], b"" | b"\r") {
            // Only the last line may be blank; the next record, if there is one, is the proof that it is not.
            blank = Some(line);
            continue;
        }
        if record.len() != names.len() {
            return Err(Error::new(
                Kind::NotData,
                format!("{}: line {line} has {} fields where the header has {}", page.url, record.len(), names.len()),
            )
            .hint("the file is cut or damaged there: fetch it again; nothing of it was kept"));
        }
        for (column, cell) in record.iter().enumerate() {
            let cell = if column + 1 == names.len() { cell.strip_suffix(b"\r").unwrap_or(cell) } else { cell };
            batches.cell(column, Some(&encoding.text(cell).ok_or_else(|| mixed(page, line))?));
        }
        batches.end_row(line, emit)?;
    }
    batches.finish(emit)
}

/// The line on which a record begins. The reader skips empty lines by itself, so they are found by counting.
fn line_of(record: &ByteRecord, after: u64, page: &Page) -> Result<u64> {
    let begin = record.position().map_or(1, csv::Position::line);
    let inside = record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
    if after.saturating_sub(begin + inside) > 1 {
        return Err(blank_line(page, begin));
    }
    Ok(begin)
}

fn blank_line(page: &Page, line: u64) -> Error {
    Error::new(Kind::NotData, format!("{}: line {line} is blank, and rows follow it", page.url))
        .hint("the file is damaged there: fetch it again; nothing of it was kept")
}

fn mixed(page: &Page, line: u64) -> Error {
    Error::new(
        Kind::NotData,
        format!("{}: line {line} is not UTF-8, though a line before it is and not ASCII either", page.url),
    )
    .hint("the file is damaged or glued together from two: fetch it again from the publisher")
}

/// The names in a header record, which must be several and all different.
fn names(record: &ByteRecord, encoding: &mut Encoding, page: &Page) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::with_capacity(record.len());
    for cell in record {
        let cell = cell.strip_prefix(b"\xef\xbb\xbf").unwrap_or(cell);
        let cell = if names.len() + 1 == record.len() { cell.strip_suffix(b"\r").unwrap_or(cell) } else { cell };
        let name = encoding.text(cell).ok_or_else(|| mixed(page, 1))?.into_owned();
        if names.contains(&name) {
            return Err(Error::new(Kind::Changed, format!("{}: two columns are named `{name}`", page.url))
                .hint("`tollhouse probe` compares the publisher's header with the pipeline's"));
        }
        names.push(name);
    }
    match names.as_slice() {
        [] => Err(Error::new(Kind::NotData, format!("{} is empty", page.url)).hint("fetch it again")),
        [only] => {
            let begin: String = only.chars().take(60).collect();
            Err(Error::new(
                Kind::Changed,
                format!("{} is another table: its first line is a single cell, `{begin}`", page.url),
            )
            .hint(
                "`tollhouse probe` shows what the publisher serves now; `separator` in the pipeline says how it is cut",
            ))
        }
        _ => Ok(names),
    }
}

/// What the text has been so far. Files are UTF-8 or else Latin-1; which one shows at the first byte that settles it,
/// so that a file need not be read twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Ascii,
    Utf8,
    Latin1,
}

impl Encoding {
    /// The cell as text, or nothing where it contradicts what came before.
    fn text<'a>(&mut self, cell: &'a [u8]) -> Option<Cow<'a, str>> {
        match std::str::from_utf8(cell) {
            Ok(text) if text.is_ascii() => Some(Cow::Borrowed(text)),
            Ok(text) if *self != Encoding::Latin1 => {
                *self = Encoding::Utf8;
                Some(Cow::Borrowed(text))
            }
            Err(_) if *self == Encoding::Utf8 => None,
            _ => {
                *self = Encoding::Latin1;
                Some(Cow::Owned(latin1(cell)))
            }
        }
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// A whole text: UTF-8 without its byte order mark, or else Latin-1.
pub(super) fn latin1_or_utf8(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text),
        Err(error) => latin1(error.as_bytes()),
    }
}

/// A whole body, inflated, which must fit in `limit` bytes.
pub(super) fn whole(page: &Page, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let text = page.text(limit)?;
    text.take(limit + 1).read_to_end(&mut bytes).map_err(|cause| cut(page, cause))?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(Kind::NotData, format!("{} is larger than {limit} bytes", page.url)).hint(LARGER));
    }
    Ok(bytes)
}

const LARGER: &str = "raise the pipeline's `max_bytes` if the publisher's file has really grown";

fn unreadable(page: &Page, error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(cause) => cut(page, cause),
        other => Error::new(Kind::Internal, format!("{}: unexpected trouble with a row: {other:?}", page.url)),
    }
}

/// The error for a body that could not be read to its end.
pub(crate) fn cut(page: &Page, cause: std::io::Error) -> Error {
    match cause.kind() {
        // The bound on inflated bytes, which is ours.
        ErrorKind::Other => {
            Error::new(Kind::NotData, format!("{} cannot be read to its end", page.url)).caused_by(cause).hint(LARGER)
        }
        ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData => {
            content::broken(&page.url, cause)
        }
        _ => Error::new(Kind::Io, format!("cannot read the body of {}", page.url)).caused_by(cause),
    }
}

/// Collects cells into batches of text columns and hands them on.
pub(super) struct Batches {
    page: usize,
    schema: SchemaRef,
    columns: Vec<StringBuilder>,
    records: UInt64Builder,
    rows: usize,
}

impl Batches {
    /// Batches of the named columns, from the page at an index.
    pub fn new(page: usize, names: &[String]) -> Self {
        let mut fields: Vec<Field> = names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
        fields.push(Field::new(RECORD, DataType::UInt64, false));
        Self {
            page,
            schema: Arc::new(Schema::new(fields)),
            columns: names.iter().map(|_| StringBuilder::new()).collect(),
            records: UInt64Builder::new(),
            rows: 0,
        }
    }

    /// Adds a cell to the current row; each column must get exactly one.
    pub fn cell(&mut self, column: usize, text: Option<&str>) {
        self.columns[column].append_option(text);
    }

    /// Ends the current row, which stood at a 1-based place.
    pub fn end_row(&mut self, record: u64, emit: Emit<'_>) -> Result<()> {
        self.records.append_value(record);
        self.rows += 1;
        if self.rows == BATCH { self.hand_on(emit) } else { Ok(()) }
    }

    /// Hands on the rows that are left.
    pub fn finish(mut self, emit: Emit<'_>) -> Result<()> {
        if self.rows == 0 { Ok(()) } else { self.hand_on(emit) }
    }

    fn hand_on(&mut self, emit: Emit<'_>) -> Result<()> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len() + 1);
        for column in &mut self.columns {
            arrays.push(Arc::new(column.finish()));
        }
        arrays.push(Arc::new(self.records.finish()));
        self.rows = 0;
        let batch = RecordBatch::try_new(self.schema.clone(), arrays)
            .or_error(Kind::Internal, "decoded columns differ in length")?;
        emit(Piece::Rows { page: self.page, batch })
    }
}

/// Hands on a table that is in memory already.
pub(super) fn in_batches(page: usize, table: &RecordBatch, emit: Emit<'_>) -> Result<()> {
    for offset in (0..table.num_rows()).step_by(BATCH) {
        emit(Piece::Rows { page, batch: table.slice(offset, BATCH.min(table.num_rows() - offset)) })?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests;
