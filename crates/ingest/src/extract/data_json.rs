//! Tables of data.cms.gov: the catalogue data.json says where each year's rows lie, and an API gives them in pages.
//!
//! [`DataJson`] asks for the catalogue (DCAT) and finds each year's address in it, then for the number of rows, for pages
//! of rows until one is short, and for both again. The identifier of each year is pinned in the declaration: the catalogue
//! must list it for that very year, because another one stands for other data, and the publisher's `latest` moves on with
//! each release. All values are strings; an empty one is withheld or was never there, which the declaration tells.
//! Years that changed while they were read are read anew. The publisher's CSV of a year has the same rows and comes
//! by import. Absent: links to those CSV files, which are of gigabytes.

mod catalogue;

use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::io::Read as _;
use std::num::NonZeroU64;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use model::{Error, Kind, Release, Result, ResultExt as _};
use serde::Deserialize;
use serde_json::Value;

use self::catalogue::Catalogue;
use super::delimited::{self, Batches, Layout, Separator};
use super::socrata::json::{Row, each_row};
use super::{Emit, Expect, Extractor, Note, Page, Piece, Request, Slice};

/// A dataset of the catalogue, year by year.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Options")]
pub struct DataJson {
    options: Options,
}

/// The options as declared.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The catalogue's address, which ends in `/data.json`.
    catalogue: String,
    /// The dataset's title in it.
    title: String,
    /// The years.
    tables: Vec<Table>,
    /// The only rows that are asked for.
    only: Option<Only>,
    /// Columns that every file of it has: one without is of another table.
    marks: Vec<String>,
    /// Rows of one page; the publisher gives 5,000 at most.
    #[serde(default = "default_page_size")]
    page_size: NonZeroU64,
    /// The largest size of one page, or of a CSV, inflated, in bytes.
    #[serde(default = "default_max_bytes")]
    max_bytes: u64,
}

/// A column of which only one value is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Only {
    column: String,
    is: String,
}

/// One year.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    year: i32,
    /// The identifier of the year's rows, which no other year and no `latest` has.
    id: String,
    /// The edition; by default it is named for the year.
    release: Option<Release>,
    /// How many rows it has at least.
    min_rows: Option<u64>,
    /// A word on it, for the catalogue of datasets.
    #[serde(default)]
    note: String,
}

fn default_page_size() -> NonZeroU64 {
    NonZeroU64::MIN.saturating_add(4_999)
}

fn default_max_bytes() -> u64 {
    16 << 30
}

/// The column of each row's year, which no row has: the year is what the identifier stands for.
const YEAR: &str = "(year)";

/// What a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Catalogue,
    Count,
    Rows,
    Csv,
}

impl TryFrom<Options> for DataJson {
    type Error = Error;

    fn try_from(mut options: Options) -> Result<Self> {
        let bad = |message: String| Error::new(Kind::Usage, message).hint("each year stands once, with its own id");
        let mut seen = BTreeSet::new();
        for table in &mut options.tables {
            if !seen.insert(table.id.clone()) || !seen.insert(table.year.to_string()) {
                return Err(bad(format!("[[source.tables]] has the year {} or its id twice", table.year)));
            }
            if table.release.is_none() {
                table.release = Some(table.year.to_string().parse()?);
            }
        }
        if options.tables.is_empty() || !options.catalogue.ends_with("/data.json") {
            return Err(bad("[source] needs a `catalogue` that ends in /data.json, and [[source.tables]]".to_owned()));
        }
        Ok(Self { options })
    }
}

impl Extractor for DataJson {
    fn has_notes(&self) -> bool {
        true
    }

    fn slices(&self) -> Vec<Slice> {
        let slice = |table: &Table| Slice {
            release: table.release.clone(),
            years: Some((table.year, table.year)),
            min_rows: table.min_rows,
            note: table.note.clone(),
            ..Slice::new(&table.year.to_string(), self.page_url(table, 0))
        };
        self.options.tables.iter().map(slice).collect()
    }

    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        let table = self.table(slice)?;
        let ask = |url: String| Ok(Some(Request::get(url, Expect::Json)));
        let parts = seen.iter().map(|page| self.part(page)).collect::<Result<Vec<_>>>()?;
        let (Some(last), Some(page)) = (parts.last(), seen.last()) else { return ask(self.options.catalogue.clone()) };
        match last {
            Part::Catalogue if seen.len() == 1 => {
                self.catalogue(page)?.pinned(table.year, &self.api(table))?;
                ask(self.count_url(table))
            }
            Part::Catalogue => {
                self.check_steady(slice, seen)?;
                Ok(None)
            }
            Part::Count if parts.contains(&Part::Rows) => ask(self.options.catalogue.clone()),
            Part::Count => ask(self.page_url(table, 0)),
            Part::Rows => {
                let (found, asked) = (self.count_rows(page)?, self.options.page_size.get());
                if found > asked {
                    return Err(Error::new(
                        Kind::Changed,
                        format!("{} answered with {found} rows where {asked} were asked for", page.url),
                    )
                    .hint("`tollhouse probe` shows how the publisher pages now"));
                }
                if found < asked {
                    return ask(self.count_url(table));
                }
                let full = parts.iter().filter(|part| **part == Part::Rows).count() as u64;
                ask(self.page_url(table, full * asked))
            }
            Part::Csv => Ok(None),
        }
    }

    fn probe_pages(&self, slice: &Slice) -> Result<Vec<Request>> {
        let few = self.url(self.table(slice)?, "", &[("size", "5"), ("offset", "0")]);
        Ok([self.options.catalogue.clone(), few].into_iter().map(|url| Request::get(url, Expect::Json)).collect())
    }

    fn recognise(&self, page: &Page) -> Result<Option<Slice>> {
        if matches!(self.part(page)?, Part::Catalogue | Part::Count) {
            return Err(Error::new(Kind::NotData, format!("{} is no page of rows", page.url))
                .hint("import the CSV of a year, or pages of its rows"));
        }
        self.inspect(page)?;
        if let [only] = self.slices().as_slice() {
            return Ok(Some(only.clone()));
        }
        let years: Vec<_> = self.options.tables.iter().map(|table| table.year.to_string()).collect();
        Err(Error::new(Kind::Usage, format!("{} does not say of which year it is: no column does", page.url))
            .hint(format!("name the dataset, and say --slice with one of {}", years.join(", "))))
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        match self.part(page)? {
            Part::Catalogue => self.catalogue(page).map(drop),
            Part::Count => self.counted(page).map(drop),
            Part::Rows => {
                let names = self.names(page)?;
                names.map_or(Ok(()), |names| self.check_marks(page, &names))
            }
            Part::Csv => self.check_marks(page, &delimited::header(self.layout(), page)?),
        }
    }

    fn headers(&self, _slice: &Slice, page: &Page) -> Result<Option<Vec<String>>> {
        let names = match self.part(page)? {
            Part::Catalogue | Part::Count => None,
            Part::Rows => self.names(page)?,
            Part::Csv => Some(delimited::header(self.layout(), page)?),
        };
        Ok(names.map(|names| names.into_iter().chain([YEAR.to_owned()]).collect()))
    }

    fn decode(&self, slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        let year = self.table(slice)?.year.to_string();
        let mut names = None;
        for (index, page) in pages.iter().enumerate() {
            match self.part(page)? {
                // The catalogue that was asked for again at the end says the same.
                Part::Catalogue if index == 0 => self.notes(slice, page, emit)?,
                Part::Catalogue | Part::Count => {}
                Part::Rows => {
                    names = names.or(self.names(page)?);
                    if let Some(names) = &names {
                        self.rows(index, page, names, &year, emit)?;
                    }
                }
                Part::Csv => self.csv(index, page, &year, emit)?,
            }
        }
        Ok(())
    }
}

/// Addresses.
impl DataJson {
    fn table(&self, slice: &Slice) -> Result<&Table> {
        self.options.tables.iter().find(|table| table.year.to_string() == slice.name).ok_or_else(|| {
            Error::new(Kind::Usage, format!("no year `{}` is declared", slice.name))
                .hint("say which one with --slice: `tollhouse datasets show` lists them")
        })
    }

    /// The address of a year's rows, as the catalogue lists it.
    fn api(&self, table: &Table) -> String {
        let host = self.options.catalogue.strip_suffix("/data.json").unwrap_or(&self.options.catalogue);
        format!("{host}/data-api/v1/dataset/{}/data", table.id)
    }

    fn url(&self, table: &Table, below: &str, fields: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(fields);
        if let Some(only) = &self.options.only {
            query.append_pair(&format!("filter[{}]", only.column), &only.is);
        }
        let query = query.finish();
        format!("{}{below}{}{query}", self.api(table), if query.is_empty() { "" } else { "?" })
    }

    fn page_url(&self, table: &Table, offset: u64) -> String {
        let (size, offset) = (self.options.page_size.to_string(), offset.to_string());
        self.url(table, "", &[("size", &size), ("offset", &offset)])
    }

    fn count_url(&self, table: &Table) -> String {
        self.url(table, "/stats", &[])
    }
}

/// Pages.
impl DataJson {
    fn layout(&self) -> Layout {
        Layout { separator: Separator::Comma, quoting: true, limit: self.options.max_bytes }
    }

    /// What a page is: by its address where it has one, else by its first byte.
    fn part(&self, page: &Page) -> Result<Part> {
        if page.url == self.options.catalogue {
            return Ok(Part::Catalogue);
        }
        if let Some(url) = url::Url::parse(&page.url).ok().filter(|url| url.path().contains("/data-api/")) {
            return Ok(if url.path().ends_with("/stats") { Part::Count } else { Part::Rows });
        }
        let mut head = Vec::new();
        let text = page.text(HEAD)?.take(HEAD).read_to_end(&mut head);
        text.map_err(|cause| crate::content::broken(&page.url, cause))?;
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).trim_ascii_start();
        Ok(match head.first() {
            Some(b'[') => Part::Rows,
            Some(b'{') => Part::Catalogue,
            _ => Part::Csv,
        })
    }

    fn check_marks(&self, page: &Page, names: &[String]) -> Result<()> {
        match self.options.marks.iter().find(|mark| !names.contains(mark)) {
            None => Ok(()),
            Some(mark) => {
                Err(Error::new(Kind::Changed, format!("{} is another table: it has no column `{mark}`", page.url))
                    .hint("`tollhouse probe` compares the publisher's header with the pipeline's"))
            }
        }
    }

    fn body(&self, page: &Page) -> Result<Vec<u8>> {
        delimited::whole(page, self.options.max_bytes)
    }

    fn catalogue(&self, page: &Page) -> Result<Catalogue> {
        Catalogue::read(&self.body(page)?, &self.options.title, &page.url)
    }

    /// How many rows the publisher counts.
    fn counted(&self, page: &Page) -> Result<u64> {
        let answer: Option<Value> = serde_json::from_slice(&self.body(page)?).ok();
        let found = answer.as_ref().and_then(|answer| answer.get("found_rows"));
        let number = found.and_then(|found| found.as_u64().or_else(|| found.as_str()?.parse().ok()));
        number.ok_or_else(|| {
            Error::new(Kind::Changed, format!("{} does not say how many rows there are (`found_rows`)", page.url))
                .hint("`tollhouse probe` shows what the publisher serves now")
        })
    }

    /// Hands on each row of a page with its place in it, once it is sure that all its values are strings.
    fn each(&self, page: &Page, row: Row<'_>) -> Result<()> {
        let changed = |what: String| {
            Error::new(Kind::Changed, format!("{}: {what}", page.url))
                .hint("`tollhouse probe` shows what the publisher serves now")
        };
        each_row(page, &self.body(page)?, &mut |place, values| {
            if let Some((name, _)) = values.iter().find(|(_, value)| !value.is_string()) {
                return Err(changed(format!("`{name}` of row {place} is no string")));
            }
            if let Some(only) = self.options.only.as_ref().filter(|_| page.url.starts_with("http")) {
                let found = values.get(&only.column).and_then(Value::as_str);
                if found != Some(only.is.as_str()) {
                    return Err(changed(format!(
                        "row {place} is none of those asked for: `{}` is not `{}`",
                        only.column, only.is
                    )));
                }
            }
            row(place, values)
        })
    }

    fn count_rows(&self, page: &Page) -> Result<u64> {
        let mut rows = 0;
        self.each(page, &mut |_, _| {
            rows += 1;
            Ok(())
        })?;
        Ok(rows)
    }

    /// The columns of a page, by its first row; none where it has no row.
    fn names(&self, page: &Page) -> Result<Option<Vec<String>>> {
        let mut names = None;
        self.each(page, &mut |place, row| {
            if place == 1 {
                names = Some(row.keys().cloned().collect());
            }
            Ok(())
        })?;
        Ok(names)
    }

    fn rows(&self, index: usize, page: &Page, names: &[String], year: &str, emit: Emit<'_>) -> Result<()> {
        let all: Vec<String> = names.iter().cloned().chain([YEAR.to_owned()]).collect();
        let mut batches = Batches::new(index, &all);
        self.each(page, &mut |place, row| {
            if row.len() != names.len() || !names.iter().all(|name| row.contains_key(name)) {
                return Err(Error::new(
                    Kind::Changed,
                    format!("{}: row {place} has other columns than the first row of the table", page.url),
                )
                .hint("the publisher may have replaced the table: `tollhouse probe` compares the headers"));
            }
            for (column, name) in names.iter().enumerate() {
                batches.cell(column, row.get(name).and_then(Value::as_str));
            }
            batches.cell(names.len(), Some(year));
            batches.end_row(place, emit)
        })?;
        batches.finish(emit)
    }

    fn csv(&self, index: usize, page: &Page, year: &str, emit: Emit<'_>) -> Result<()> {
        delimited::rows(self.layout(), index, page, &|_| Ok(()), &mut |piece| match piece {
            Piece::Rows { page, batch } => emit(Piece::Rows { page, batch: with_year(&batch, year)? }),
            other => emit(other),
        })
    }

    /// What the catalogue says of the year, which must be there, and of which year its `latest` is now.
    fn notes(&self, slice: &Slice, page: &Page, emit: Emit<'_>) -> Result<()> {
        let (catalogue, table) = (self.catalogue(page)?, self.table(slice)?);
        let own = catalogue.pinned(table.year, &self.api(table))?;
        let latest = catalogue.listed.iter().filter(|listed| listed.latest);
        let said = [
            ("title", "", self.options.title.clone()),
            ("metadata", "id", own.url),
            ("metadata", "modified", own.modified),
        ]
        .into_iter()
        .chain(latest.map(|latest| ("metadata", "latest", format!("{}: {}", latest.url, latest.year_text()))));
        for (section, label, text) in said.filter(|(_, _, text)| !text.is_empty()) {
            let (section, label) = (section.to_owned(), label.to_owned());
            emit(Piece::Note(Note { page: 0, section, label, text, record: 1 }))?;
        }
        Ok(())
    }
}

/// Whether what came belongs together.
impl DataJson {
    /// As many rows must have come as the publisher counts, before and after; none twice; and the catalogue must say the
    /// same of the year at the end as at the beginning.
    fn check_steady(&self, slice: &Slice, pages: &[Page]) -> Result<()> {
        let table = self.table(slice)?;
        let (mut listed, mut counted, mut rows) = (Vec::new(), Vec::new(), 0_u64);
        let (hasher, mut seen) = (RandomState::new(), HashSet::new());
        for page in pages {
            match self.part(page)? {
                Part::Catalogue => listed.push(self.catalogue(page)?.pinned(table.year, &self.api(table))?),
                Part::Count => counted.push(self.counted(page)?),
                Part::Rows => self.each(page, &mut |place, row| {
                    rows += 1;
                    let values: Vec<_> = row.iter().map(|(name, value)| (name, value.as_str())).collect();
                    // A digest of 64 bits: that of two different rows is the same once in some 10⁹ years of rows.
                    if seen.insert(hasher.hash_one(values)) {
                        return Ok(());
                    }
                    Err(self.moved(slice, &format!("row {place} of {} had come before", page.url)))
                })?,
                Part::Csv => {}
            }
        }
        if listed.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(self.moved(slice, "the catalogue says that it was modified meanwhile"));
        }
        if counted.iter().any(|counted| *counted != rows) {
            let counts: Vec<_> = counted.iter().map(ToString::to_string).collect();
            return Err(self.moved(slice, &format!("{rows} rows came, and it counted {}", counts.join(" before and "))));
        }
        Ok(())
    }

    fn moved(&self, slice: &Slice, what: &str) -> Error {
        Error::new(
            Kind::Unreachable,
            format!("{}, {}: the truth moved while we were reading: {what}", self.options.title, slice.name),
        )
        .hint("the year is read again from its first page; if this comes back, the publisher is updating it: try later")
        .retryable()
    }
}

/// Rows with the year that they are of.
fn with_year(rows: &RecordBatch, year: &str) -> Result<RecordBatch> {
    let mut fields: Vec<_> = rows.schema_ref().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(YEAR, DataType::Utf8, true)));
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(year, rows.num_rows()))));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .or_error(Kind::Internal, "a year cannot be set beside its rows")
}

/// How much of a body tells what it is.
const HEAD: u64 = 4096;

#[cfg(test)]
mod tests;
