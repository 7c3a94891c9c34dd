//! One publisher's habits: what to ask next, and what a reply contains.
//!
//! An extractor sees no socket, clock or file, so each test of it is an ordinary function call. The engine
//! ([`crate::fetch`]) owns HTTP, politeness, retries, archiving and logging; renaming, typing, suppression and units
//! are [`crate::normalise`]'s. An extractor's fields *are* the options in its `[source]` table.
//!
//! To add a format: one file here, one `mod`, one row in [`KINDS`].

use std::io::Read;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use model::dataset::Dataset;
use model::{Digest, Error, Kind, Release, Result, ResultExt as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use store::file::Content;

use crate::stream::Lines;

mod answers;
mod cde;
mod cius;
mod data_json;
mod dea_report;
mod delimited;
mod fixed_width;
mod pattern;
mod sheet;
mod socrata;
mod web_table;
mod wide_years;
mod wonder;
mod wonder_api;
mod workbook_sheet;

/// The column of decoded batches that holds each row's 1-based place in its capture.
pub const RECORD: &str = "_record";

/// One publisher's habits.
pub trait Extractor: Send + Sync {
    /// The separately fetched pieces of the dataset, each a sequence of pages.
    fn slices(&self) -> Vec<Slice>;

    /// The request after the pages already archived; `None` completes the slice.
    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>>;

    /// The same slice by another way, for when what was asked for after these pages is refused or stays out of reach. At
    /// most once in a slice; by default there is no other way.
    fn instead(&self, _slice: &Slice, _seen: &[Page]) -> Result<Option<Instead>> {
        Ok(None)
    }

    /// Hosts that may be asked besides those of its slices' addresses.
    fn other_hosts(&self) -> Vec<String> {
        Vec::new()
    }

    /// The requests whose answers show the shape of a slice at the least cost; by default its first page.
    fn probe_pages(&self, slice: &Slice) -> Result<Vec<Request>> {
        Ok(self.next_page(slice, &[])?.into_iter().collect())
    }

    /// Which slice a file of unknown origin is, where its content tells; by default it does not, and the years of its
    /// rows may.
    fn recognise(&self, _page: &Page) -> Result<Option<Slice>> {
        Ok(None)
    }

    /// Looks at the beginning of a page, before it is let into the archive: is this the table, in a layout that we
    /// know? Cheap, and never the whole of a large body.
    fn inspect(&self, page: &Page) -> Result<()>;

    /// The headers of a page that has them all, if it is such a page: by default those of its first rows. So a header
    /// that nothing maps is found before the page is let into the archive.
    fn headers(&self, slice: &Slice, page: &Page) -> Result<Option<Vec<String>>> {
        let mut found = None;
        let read = self.decode(slice, std::slice::from_ref(page), &mut |piece| match piece {
            Piece::Rows { batch, .. } => {
                let fields = batch.schema_ref().fields().iter().map(|field| field.name().clone());
                found = Some(fields.filter(|name| name != RECORD).collect());
                Err(Error::new(Kind::Internal, "the first rows were enough"))
            }
            _ => Ok(()),
        });
        if found.is_some() { Ok(found) } else { read.map(|()| None) }
    }

    /// The edition that these headers are of, where the declaration says how headers tell it. Headers of none end the run.
    fn edition_of(&self, _headers: &[String], _url: &str) -> Result<Option<Release>> {
        Ok(None)
    }

    /// What a person must enter in a publisher's form, or a program send, to get what the dataset declares: where there is
    /// more to it than an address.
    fn recipe(&self) -> Option<String> {
        None
    }

    /// The parameters in which a file that records its own query differs from the one that is asked for here; `None`
    /// where files record none.
    fn misfit(&self, _page: &Page) -> Result<Option<Misfit>> {
        Ok(None)
    }

    /// Whether its pages hold titles, footnotes and the like, which become the companion table of notes.
    fn has_notes(&self) -> bool {
        false
    }

    /// How a page is taken apart as a stream of lines, where it can be and the pipeline wants it.
    fn lines(&self, _slice: &Slice, _page: &Page) -> Result<Option<Lines>> {
        Ok(None)
    }

    /// Hands on what the pages of a slice hold, under the publisher's own column names. The edition comes first,
    /// unless the declaration of the slice names it.
    fn decode(&self, slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()>;
}

/// In what the query that a file records differs from the one that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misfit {
    /// Each parameter that differs, in words; none where the query is the one that is asked for.
    pub differences: Vec<String>,
    /// How far the two queries are apart, to tell which of several recipes is the nearest.
    pub distance: usize,
}

/// Where decoded pieces go. An error from it stops the decoding.
pub type Emit<'a> = &'a mut dyn FnMut(Piece) -> Result<()>;

/// What a page turns out to hold.
#[derive(Debug)]
pub enum Piece {
    /// Which edition and slice the content says it is. At most once in a decode, before any rows.
    Edition(Edition),
    /// Rows: text columns under the publisher's names (a null cell is one that was not there at all, as in JSON), and
    /// [`RECORD`]. `page` is the index of the page that they came from. Total rows are among them; normalising
    /// tells them apart by the dataset's `[totals]`.
    Rows {
        /// Index into the pages given to `decode`.
        page: usize,
        /// The columns.
        batch: RecordBatch,
    },
    /// Rows that the publisher has and did not show, as the page itself says: not among the records read.
    Hidden {
        /// Index into the pages given to `decode`.
        page: usize,
        /// The columns, as those of `Rows`; [`RECORD`] is the place where the page says so.
        batch: RecordBatch,
    },
    /// A line of a title, footnote, query parameter or caveat.
    Note(Note),
}

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition {
    /// The edition, if the content tells.
    pub release: Option<Release>,
    /// What part of the dataset it covers, if the content tells, such as a drug; replaces the slice's declared name.
    pub slice: Option<String>,
}

/// A line that is data about the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Index into the pages given to `decode`.
    pub page: usize,
    /// Where it stood: `title`, `footnote`, `query`, `message`, `caveat`, `citation`.
    pub section: String,
    /// Its number or name, as printed.
    pub label: String,
    /// Its text, unwrapped.
    pub text: String,
    /// The 1-based line or row of the capture where it begins.
    pub record: u64,
}

/// A separately fetched piece of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Its name, unique within the dataset, such as `wv-mingo-54059`; part of what a later run replaces.
    pub name: String,
    /// The edition, where the declaration and not the content tells.
    pub release: Option<Release>,
    /// Whether the publisher itself serves it.
    pub grade: Grade,
    /// Where it is fetched from first; what `import` and `explain` print.
    pub url: String,
    /// A word on where it comes from, for the catalogue.
    pub note: String,
    /// The first and the last year that its rows may have, where files of one layout cover different years.
    pub years: Option<(i32, i32)>,
    /// How many rows it has at least, where that is known of this very file.
    pub min_rows: Option<u64>,
    /// Where its address serves no file but a link to one: the hosts to which the link may lead.
    pub link_hosts: Vec<String>,
}

impl Slice {
    /// A slice that its publisher serves, and of which nothing else is known.
    pub fn new(name: &str, url: String) -> Self {
        Self {
            name: name.to_owned(),
            release: None,
            grade: Grade::Publisher,
            url,
            note: String::new(),
            years: None,
            min_rows: None,
            link_hosts: Vec::new(),
        }
    }

    /// The request for the file that it is.
    pub fn request(&self, expect: Expect) -> Request {
        Request { link_hosts: self.link_hosts.clone(), ..Request::get(&self.url, expect) }
    }

    /// Whether its rows may have this year.
    pub fn covers(&self, year: i32) -> bool {
        self.years.is_none_or(|(first, last)| (first..=last).contains(&year))
    }
}

/// Whether a file is the publisher's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Served by the publisher.
    #[default]
    Publisher,
    /// Somebody's copy, reduction or transcription.
    Secondary,
}

impl Grade {
    /// The word in the catalogue.
    pub fn as_str(self) -> &'static str {
        match self {
            Grade::Publisher => "publisher",
            Grade::Secondary => "secondary",
        }
    }
}

/// What to ask the publisher, of a URL at its real host: what lies there, or the answer to a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The full URL.
    pub url: String,
    /// What the body must begin with, before anything else is asked of it.
    pub expect: Expect,
    /// A query's fields, form-encoded, which are sent by POST and kept in the receipt: they may hold no secret. Without
    /// them it is a GET.
    pub form: Option<String>,
    /// Where the address serves no file but a link to one, `{"<key>":"https://…"}`: the hosts to which the link may lead.
    /// The link is followed and never kept, for it holds a signature; what came stands under the address.
    pub link_hosts: Vec<String>,
}

impl Request {
    /// What lies at an address.
    pub fn get(url: impl Into<String>, expect: Expect) -> Self {
        Self { url: url.into(), expect, form: None, link_hosts: Vec::new() }
    }

    /// The answer to a query, whose fields are form-encoded here.
    pub fn query<'a>(
        url: impl Into<String>,
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
        expect: Expect,
    ) -> Self {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self { url: url.into(), expect, form: Some(form), link_hosts: Vec::new() }
    }
}

/// Another way to a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instead {
    /// What to ask now; [`Extractor::next_page`] goes on from its answer.
    pub request: Request,
    /// How many of the first pages already archived belong to this way too.
    pub keep: usize,
}

/// The container that a body must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Text (ASCII, UTF-8 or Latin-1), or gzip around it.
    Text,
    /// A web page, or text that was copied from one.
    Page,
    /// A JSON document.
    Json,
    /// An XML document that is no web page.
    Xml,
    /// An XLS or XLSX workbook, whatever the address says.
    Workbook,
    /// A PDF document.
    Pdf,
    /// Text, or a workbook in its place.
    TextOrWorkbook,
    /// Text, or a ZIP archive or gzip around it.
    Packed,
    /// Text, which may be the only file of a ZIP archive, or a table that R has saved.
    Bulk,
}

/// One archived reply, or an imported file.
#[derive(Clone)]
pub struct Page {
    /// The URL asked for, or `file:` and the name of an imported file.
    pub url: String,
    /// Response headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The digest of the body as received.
    pub digest: Digest,
    body: Open,
}

/// Opens the body as received.
type Open = Arc<dyn Fn() -> std::io::Result<Box<dyn Content>> + Send + Sync>;

impl Page {
    /// A page whose body `open` can open any number of times.
    pub fn new(
        url: String,
        headers: Vec<(String, String)>,
        digest: Digest,
        open: impl Fn() -> std::io::Result<Box<dyn Content>> + Send + Sync + 'static,
    ) -> Self {
        Self { url, headers, digest, body: Arc::new(open) }
    }

    /// A page held in memory, for tests and small bodies.
    pub fn of_bytes(url: &str, bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes: Arc<[u8]> = bytes.into();
        Self::new(url.to_owned(), Vec::new(), Digest::of(&bytes), move || {
            Ok(Box::new(std::io::Cursor::new(bytes.clone())))
        })
    }

    /// A response header, by its lower case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as received.
    pub fn raw(&self) -> Result<Box<dyn Content>> {
        (self.body)().or_error(Kind::Io, format!("cannot open the body of {}", self.url))
    }

    /// The body as text: without its gzip layer, if it has one. A bomb is stopped at `limit` bytes.
    pub fn text(&self, limit: u64) -> Result<Box<dyn Read + Send>> {
        crate::content::plain(self.raw()?, limit, &self.url)
    }

    /// The same, and of a ZIP archive the text of the only file in it.
    pub fn unpacked(&self, limit: u64) -> Result<Box<dyn Read + Send>> {
        if crate::content::is_zip(self)? { Ok(Box::new(crate::unzip::only(self, limit)?)) } else { self.text(limit) }
    }

    /// The whole body, which must fit in `limit` bytes; for workbooks and JSON.
    pub fn bytes(&self, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.raw()?
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .or_error(Kind::Io, format!("cannot read the body of {}", self.url))?;
        if bytes.len() as u64 > limit {
            return Err(Error::new(Kind::NotData, format!("{} is larger than {limit} bytes", self.url))
                .hint("raise the pipeline's `max_bytes` if the publisher's file has really grown"));
        }
        Ok(bytes)
    }
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").field("url", &self.url).field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// One file that a pipeline names: shared by every extractor whose slices are files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// Its address at the publisher.
    pub url: String,
    /// Its name; by default the last segment of the address.
    pub name: Option<String>,
    /// The edition, where the content does not tell.
    pub release: Option<Release>,
    /// Whether the publisher itself serves it.
    #[serde(default)]
    pub grade: Grade,
    /// A word on where it comes from, for the catalogue.
    #[serde(default)]
    pub note: String,
    /// The first and the last year that its rows may have.
    pub years: Option<(i32, i32)>,
    /// How many rows it has at least.
    pub min_rows: Option<u64>,
    /// Where its address serves no file but a signed link to one: the hosts to which the link may lead.
    #[serde(default)]
    pub link_hosts: Vec<String>,
}

impl SourceFile {
    /// The slice that this file is.
    pub fn slice(&self) -> Slice {
        let last = self.url.rsplit('/').next().unwrap_or(&self.url);
        Slice {
            name: self.name.clone().unwrap_or_else(|| last.to_owned()),
            release: self.release.clone(),
            grade: self.grade,
            url: self.url.clone(),
            note: self.note.clone(),
            years: self.years,
            min_rows: self.min_rows,
            link_hosts: self.link_hosts.clone(),
        }
    }
}

/// The kinds of source. `kind` picks the row; the rest of `[source]` becomes the struct.
const KINDS: &[(&str, Build)] = &[
    ("cde_agencies", build::<cde::agencies::CdeAgencies>),
    ("cde_summarized", build::<cde::summarized::CdeSummarized>),
    ("cius", build::<cius::Cius>),
    ("data_json", build::<data_json::DataJson>),
    ("dea_report", build::<dea_report::DeaReport>),
    ("delimited", build::<delimited::Delimited>),
    ("fixed_width", build::<fixed_width::FixedWidth>),
    ("socrata", build::<socrata::Socrata>),
    ("web_table", build::<web_table::WebTable>),
    ("wide_years", build::<wide_years::WideYears>),
    ("wonder_api", build::<wonder_api::WonderApi>),
    ("wonder_export", build::<wonder::WonderExport>),
    ("workbook_sheet", build::<workbook_sheet::WorkbookSheet>),
];

/// Makes an extractor from its options.
type Build = fn(toml::Table) -> Result<Box<dyn Extractor>>;

fn build<E>(options: toml::Table) -> Result<Box<dyn Extractor>>
where
    E: Extractor + DeserializeOwned + 'static,
{
    let extractor: E =
        options.try_into().map_err(|error| Error::new(Kind::Usage, "[source] is not valid").caused_by(error))?;
    Ok(Box::new(extractor))
}

/// The extractor that a dataset's `[source]` declares.
pub fn extractor(dataset: &Dataset) -> Result<Box<dyn Extractor>> {
    let kind = dataset.source_kind();
    let Some((_, build)) = KINDS.iter().find(|(known, _)| *known == kind) else {
        let known: Vec<_> = KINDS.iter().map(|(kind, _)| *kind).collect();
        return Err(Error::new(Kind::Usage, format!("pipelines/{}.toml: no source kind `{kind}`", dataset.id))
            .hint(format!("the kinds are {}", known.join(", "))));
    };
    let mut options = dataset.spec.source.clone();
    options.remove("kind");
    let service = options.remove("service");
    let built = match service {
        None => build(options),
        Some(service) => answers::wrap(service, options, *build),
    };
    built.map_err(|error| error.while_doing(format!("pipelines/{}.toml", dataset.id)))
}

pub(crate) use delimited::cut as cut_short;

/// A batch of text columns with their places, for extractors.
pub(crate) fn batch(columns: Vec<(String, Vec<Option<String>>)>, records: Vec<u64>) -> Result<RecordBatch> {
    let mut fields = Vec::with_capacity(columns.len() + 1);
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len() + 1);
    for (name, cells) in columns {
        fields.push(Field::new(name, DataType::Utf8, true));
        arrays.push(Arc::new(StringArray::from(cells)));
    }
    fields.push(Field::new(RECORD, DataType::UInt64, false));
    arrays.push(Arc::new(UInt64Array::from(records)));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .or_error(Kind::Internal, "decoded columns differ in length")
}
