//! Tables that a publisher prints on web pages, one page a year, and the other forms in which their figures come.
//!
//! A file is one of three things, which its content tells and never its name: the page as HTML ([`html`]), the page's
//! text as a person copied it from a browser ([`text`]), or the CSV file that later took the place of the pages, which
//! [`delimited`] reads. Which of the declared editions it is follows from that, from the header over its figures and
//! from its years. A page says its year in that header or in its heading, and where it says it twice, both must agree.
//!
//! Absent: what a cell means. A dash for a county without data is handed on as it is printed.

mod html;
mod text;

use std::ops::RangeInclusive;

use model::{Error, Kind, Release, Result};
use serde::Deserialize;

use super::delimited::{self, Batches, Layout, Separator};
use super::pattern::{YearPattern, name_of};
use super::{Emit, Expect, Extractor, Grade, Page, Piece, Request, Slice};
use crate::content;

/// Tables on web pages.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Declared")]
pub struct WebTable(Declared);

/// The options.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    /// The names that the first column of a page's table may have: a table that lost its figures is told by it from a
    /// page that has no such table.
    first_header: Vec<String>,
    /// The column with the year: so the CSV calls it, and the rows of a page, whose heading says the year, get it too.
    year_column: String,
    /// Headings that say which year a page is of.
    titles: Vec<YearPattern>,
    /// What a file can be. The first edition that fits is the one.
    editions: Vec<Edition>,
    /// The largest size of one file, inflated, in bytes.
    #[serde(default = "default_max_bytes")]
    max_bytes: u64,
}

fn default_max_bytes() -> u64 {
    64 << 20
}

/// One way in which the figures come.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edition {
    /// What a file of it is.
    form: Form,
    /// The headers that the column of figures may have.
    figures: Vec<YearPattern>,
    /// The release, in which `{first}` and `{last}` stand for the years of a file.
    release: String,
    /// The slice: likewise, or with `{year}`.
    name: String,
    /// The address; of a page, with `{year}`.
    url: String,
    /// The first and the last year that are fetched from there: a page for each, or one CSV with all of them. Without,
    /// its files are only imported.
    fetched: Option<(i32, i32)>,
    /// The first year that a file of it may have.
    since: Option<i32>,
    /// Whether the publisher itself serves it.
    #[serde(default)]
    grade: Grade,
    /// How many rows each fetched file has at least.
    min_rows: Option<u64>,
    /// A word on where it comes from, for the catalogue.
    #[serde(default)]
    note: String,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    /// A page as served.
    Html,
    /// A page's text: prose, then rows with tabs between the cells, then prose.
    Text,
    /// Comma separated values.
    Csv,
}

impl Form {
    fn words(self) -> &'static str {
        match self {
            Form::Html => "an HTML page",
            Form::Text => "text copied from a page",
            Form::Csv => "a CSV file",
        }
    }
}

impl TryFrom<Declared> for WebTable {
    type Error = Error;

    /// Names made from years must be names, whatever the years.
    fn try_from(declared: Declared) -> Result<Self> {
        for edition in &declared.editions {
            edition.release((2000, 2001))?;
        }
        Ok(Self(declared))
    }
}

impl Edition {
    fn release(&self, years: (i32, i32)) -> Result<Release> {
        name_of(&self.release, years).parse()
    }

    /// The slice that a file of these years is.
    fn slice(&self, years: (i32, i32)) -> Slice {
        Slice {
            release: self.release(years).ok(),
            grade: self.grade,
            note: self.note.clone(),
            years: Some(years),
            min_rows: self.min_rows,
            ..Slice::new(&name_of(&self.name, years), name_of(&self.url, years))
        }
    }

    /// The files that are fetched.
    fn slices(&self) -> Vec<Slice> {
        match (self.fetched, self.form) {
            (None, _) => Vec::new(),
            (Some(years), Form::Csv) => vec![self.slice(years)],
            (Some((first, last)), _) => (first..=last).map(|year| self.slice((year, year))).collect(),
        }
    }
}

/// The table of a page: cells as printed, each row with its 1-based place.
struct Table {
    names: Vec<String>,
    rows: Vec<(u64, Vec<String>)>,
    /// The texts that may be headings of the page.
    headings: Vec<String>,
}

/// What a file turned out to be.
struct Found<'a> {
    edition: &'a Edition,
    /// Its first and its last year.
    years: (i32, i32),
    /// Its table, if it is a page or the text of one.
    table: Option<Table>,
}

impl Extractor for WebTable {
    fn slices(&self) -> Vec<Slice> {
        self.0.editions.iter().flat_map(Edition::slices).collect()
    }

    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        Ok(seen.is_empty().then(|| Request::get(&slice.url, Expect::Page)))
    }

    fn recognise(&self, page: &Page) -> Result<Option<Slice>> {
        let found = self.read(page)?;
        Ok(Some(found.edition.slice(found.years)))
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        self.read(page).map(drop)
    }

    fn headers(&self, slice: &Slice, page: &Page) -> Result<Option<Vec<String>>> {
        let found = self.read(page)?;
        agree(slice, &found, &page.url)?;
        Ok(Some(match found.table {
            Some(table) => self.columns(found.edition, &table.names),
            None => delimited::header(self.layout(), page)?,
        }))
    }

    fn decode(&self, _slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        for (index, page) in pages.iter().enumerate() {
            let found = self.read(page)?;
            let Some(table) = found.table else {
                delimited::rows(self.layout(), index, page, &|_| Ok(()), emit)?;
                continue;
            };
            let year = found.years.0.to_string();
            let mut batches = Batches::new(index, &self.columns(found.edition, &table.names));
            for (place, cells) in &table.rows {
                for (column, cell) in cells.iter().enumerate() {
                    batches.cell(column, Some(cell));
                }
                batches.cell(cells.len(), Some(&year));
                batches.end_row(*place, emit)?;
            }
            batches.finish(emit)?;
        }
        Ok(())
    }
}

impl WebTable {
    fn layout(&self) -> Layout {
        Layout { separator: Separator::Comma, quoting: true, limit: self.0.max_bytes }
    }

    /// Reads a file as far as it must be read to know what it is; of a page that is all of it.
    fn read(&self, page: &Page) -> Result<Found<'_>> {
        let bytes = delimited::whole(page, self.0.max_bytes)?;
        content::sniff(&bytes[..bytes.len().min(4096)], Expect::Page, &page.url)?;
        let is_html = content::is_html(&bytes);
        let text = delimited::latin1_or_utf8(bytes);
        if is_html {
            let table = html::table(&text, &page.url, &|names| self.is_ours(names, Form::Html))?;
            return self.page(Form::Html, table, &page.url);
        }
        // A heading may have commas too.
        let first = text.lines().next().unwrap_or_default();
        let is_header = first.split(',').any(|name| name.trim_matches(['"', '\r']) == self.0.year_column);
        if is_header || (first.contains(',') && !text.contains('\t')) {
            return self.csv(page);
        }
        let table = text::table(&text, &page.url, &|names| self.is_ours(names, Form::Text))?;
        self.page(Form::Text, table, &page.url)
    }

    /// Whether a table is the one that the pages are read for. A table that has its first column and not its figures
    /// is, and has changed.
    fn is_ours(&self, names: &[String], form: Form) -> Result<bool, String> {
        if !names.first().is_some_and(|first| self.0.first_header.contains(first)) {
            return Ok(false);
        }
        if self.figures(names, form).is_some() {
            return Ok(true);
        }
        let wanted = self.0.editions.iter().filter(|edition| edition.form == form);
        let wanted: Vec<_> = wanted.flat_map(|edition| &edition.figures).map(YearPattern::as_str).collect();
        Err(format!("its table has the columns `{}` and no `{}`", names.join("`, `"), wanted.join("` or `")))
    }

    /// The edition by the header over the figures, with the year in that header.
    fn figures(&self, names: &[String], form: Form) -> Option<(&Edition, Option<i32>)> {
        let editions = self.0.editions.iter().filter(|edition| edition.form == form);
        editions.into_iter().find_map(|edition| {
            let year = edition.figures.iter().find_map(|pattern| names.iter().find_map(|name| pattern.fits(name)))?;
            Some((edition, year))
        })
    }

    /// What a page is: its edition by the header over its figures, its year by that header and its heading.
    fn page(&self, form: Form, table: Table, url: &str) -> Result<Found<'_>> {
        let Some((edition, in_header)) = self.figures(&table.names, form) else {
            return Err(Error::new(Kind::Internal, format!("{url}: its table was found, and has no figures")));
        };
        let titles = table.headings.iter().filter_map(|heading| {
            // A page's title goes on with the names of the site.
            let own = heading.split(" | ").next().unwrap_or(heading);
            self.0.titles.iter().find_map(|title| title.fits(own.trim())).flatten()
        });
        let mut years: Vec<i32> = titles.chain(in_header).collect();
        years.sort_unstable();
        years.dedup();
        match years.as_slice() {
            [year] => Ok(Found { edition, years: (*year, *year), table: Some(table) }),
            [] => Err(Error::new(Kind::Changed, format!("{url} says nowhere which year its table is of"))
                .hint("save the page with its heading; `titles` in the pipeline lists the headings that are known")),
            several => Err(Error::new(
                Kind::Changed,
                format!(
                    "{url} says that its table is of {}",
                    several.iter().map(i32::to_string).collect::<Vec<_>>().join(" and of ")
                ),
            )
            .hint("a page of one year is expected: its header and its heading must agree")),
        }
    }

    /// What a CSV is, by its header and its years.
    fn csv(&self, page: &Page) -> Result<Found<'_>> {
        let names = delimited::header(self.layout(), page)?;
        let other = |why: String| {
            Error::new(Kind::Changed, format!("{} is another table: {why}", page.url))
                .hint("`tollhouse probe` compares the publisher's header with the pipeline's")
        };
        if let Some(years) = side_by_side(&names) {
            return Err(Error::new(
                Kind::Changed,
                format!(
                    "{} has the tables of {} to {} side by side, as no publisher prints them: only one table of one year, or rows with a year, are read",
                    page.url,
                    years.start(),
                    years.end()
                ),
            )
            .hint("import the page of each year instead"));
        }
        let column = &self.0.year_column;
        if !names.contains(column) {
            return Err(other(format!("it has no column `{column}`")));
        }
        if self.figures(&names, Form::Csv).is_none() {
            return Err(other(format!("none of its columns holds the figures: `{}`", names.join("`, `"))));
        }
        let years = self.years_of(page)?;
        let fits = |edition: &&Edition| {
            edition.form == Form::Csv
                && edition.since.is_none_or(|since| since <= years.0)
                && edition.figures.iter().any(|pattern| names.iter().any(|name| pattern.fits(name).is_some()))
        };
        let edition = self.0.editions.iter().find(fits);
        let edition = edition.ok_or_else(|| other(format!("no edition goes back to {}", years.0)))?;
        Ok(Found { edition, years, table: None })
    }

    /// The first and the last year in a CSV. What is no year is left to be rejected with its row.
    fn years_of(&self, page: &Page) -> Result<(i32, i32)> {
        let mut span: Option<(i32, i32)> = None;
        delimited::rows(self.layout(), 0, page, &|_| Ok(()), &mut |piece| {
            let Piece::Rows { batch, .. } = piece else { return Ok(()) };
            let years = batch.column_by_name(&self.0.year_column).and_then(|column| {
                let texts = column.as_any().downcast_ref::<arrow::array::StringArray>()?;
                let years = texts.iter().flatten().filter_map(|text| text.parse::<i32>().ok());
                years.fold(None, widen)
            });
            span =
                [span, years].into_iter().flatten().fold(None, |span, (first, last)| widen(widen(span, first), last));
            Ok(())
        })?;
        span.ok_or_else(|| {
            Error::new(Kind::CheckFailed, format!("{}: no row has a year", page.url))
                .hint("nothing was committed; ask the publisher again later")
        })
    }

    /// The names under which a page's cells are handed on: the figures' by the pattern, whatever the year, and the year
    /// last.
    fn columns(&self, edition: &Edition, names: &[String]) -> Vec<String> {
        let known = |name: &String| {
            let pattern = edition.figures.iter().find(|pattern| pattern.fits(name).is_some());
            pattern.map_or_else(|| name.clone(), |pattern| pattern.as_str().to_owned())
        };
        names.iter().map(known).chain([self.0.year_column.clone()]).collect()
    }
}

fn widen(span: Option<(i32, i32)>, year: i32) -> Option<(i32, i32)> {
    Some(span.map_or((year, year), |(first, last)| (first.min(year), last.max(year))))
}

/// The years of a table to which somebody bound those of several years, a block of columns each.
fn side_by_side(names: &[String]) -> Option<RangeInclusive<i32>> {
    let year_in = |name: &String| {
        let digits = name.trim_start_matches('X').get(..4)?;
        digits.parse::<i32>().ok().filter(|year| (1990..2100).contains(year))
    };
    let span = names.iter().filter_map(year_in).fold(None, widen);
    span.filter(|(first, last)| first != last).map(|(first, last)| first..=last)
}

/// Whether a file is what its slice declares.
fn agree(slice: &Slice, found: &Found<'_>, url: &str) -> Result<()> {
    let (from, to) = found.years;
    if let (Some((first, last)), Some(outside)) = (slice.years, [from, to].iter().find(|year| !slice.covers(**year))) {
        return Err(Error::new(
            Kind::Changed,
            format!("{url}: {} covers {first}-{last}, and the file has {outside}", slice.name),
        )
        .hint(
            "`tollhouse datasets show` lists the slices and their years; an import without --slice finds the right one",
        ));
    }
    let release = found.edition.release(found.years)?;
    match &slice.release {
        Some(declared) if *declared != release => Err(Error::new(
            Kind::Changed,
            format!(
                "{url} is {} of the edition {release}, and {} is of {declared}",
                found.edition.form.words(),
                slice.name
            ),
        )
        .hint("editions are kept apart: import the file without --slice, or declare the publisher's new layout")),
        _ => Ok(()),
    }
}

/// Whether a table, by the names of its columns, is the one that is wanted; or why it has changed.
type IsOurs<'a> = &'a dyn Fn(&[String]) -> Result<bool, String>;

/// The error for a page whose table lost what it is read for.
fn changed(url: &str, why: &str) -> Error {
    Error::new(Kind::Changed, format!("{url}: {why}"))
        .hint("`tollhouse probe` shows what is served now; `editions` in the pipeline lists the headers that are known")
}

/// The error for a row that does not fit its header.
fn uneven(url: &str, what: &str, place: u64, cells: usize, names: usize) -> Error {
    Error::new(Kind::NotData, format!("{url}: {what} {place} has {cells} cells where the header has {names}"))
        .hint("the page is cut or damaged there: fetch or copy it again; nothing of it was kept")
}

/// Names must differ, or a cell could be read as another's.
fn check_distinct(names: &[String], url: &str) -> Result<()> {
    match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        Some((_, twice)) => Err(changed(url, &format!("two columns are named `{twice}`"))),
        None => Ok(()),
    }
}

#[cfg(test)]
pub(super) mod tests;
