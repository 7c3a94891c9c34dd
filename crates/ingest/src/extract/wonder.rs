//! CDC WONDER's text exports: a table, and a footer that is the only record of the query.
//!
//! No interface serves state or county figures, so a person runs the query in WONDER's form, by the recipe, and
//! imports the export. [`WonderExport`] holds the recipe ([`recipe`]) and compares it with the footer ([`footer`]),
//! parameter by parameter: a file without a footer, or of another query, is refused. The footer also tells which
//! years a row covers, and whether rows were hidden: those are handed on as rows that were not shown ([`hidden`]).
//! What `Suppressed` and its like mean is not known here.

use std::collections::BTreeSet;

use model::{Error, Kind, Result};
use serde::Deserialize;

use super::{Edition, Emit, Expect, Extractor, Misfit, Note, Page, Piece, Request, Slice, SourceFile, delimited};
use footer::Item;
use recipe::{Answer, Cause, Database, Dimension};

mod codes;
mod edition;
mod footer;
mod hidden;
mod how_to;
mod places;
mod recipe;

pub(super) use codes::Codes;
pub(super) use edition::{Label as DatabaseLabel, day_of};

/// Exports of one WONDER query, or of several that differ in the causes of death alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WonderExport {
    /// The databases that the query may have been put to.
    pub database: Vec<Database>,
    /// The columns that the query must group by, in any order; `Gender|Sex` is either. A query of a single year need not
    /// group by it.
    pub group_by: Vec<String>,
    /// Columns that it may group by besides, because nothing changes by it: a county is in one state.
    #[serde(default)]
    pub also_by: Vec<String>,
    /// Columns that it may group by instead of restricting them, and the column of ours that they fill.
    #[serde(default)]
    pub dimension: Vec<Dimension>,
    /// The causes of death that it may have asked for, and the values that our rows get from them.
    pub cause: Vec<Cause>,
    /// Whether rows that an export hid are left out, rather than handed on as not shown: for a table of cells so small that it
    /// hides nearly all of them.
    #[serde(default)]
    pub hidden_left_out: bool,
    /// Known exports, each a slice of one page.
    #[serde(default)]
    pub files: Vec<SourceFile>,
    /// The largest size of one file, inflated, in bytes.
    #[serde(default = "default_max_bytes")]
    pub max_bytes: u64,
}

fn default_max_bytes() -> u64 {
    64 << 20
}

/// The word in the cells of a row that the export hid.
pub(super) const NOT_SHOWN: &str = "(not shown)";

impl Extractor for WonderExport {
    fn has_notes(&self) -> bool {
        true
    }

    fn slices(&self) -> Vec<Slice> {
        self.files.iter().map(SourceFile::slice).collect()
    }

    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        Ok(seen.is_empty().then(|| Request::get(&slice.url, Expect::Text)))
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        // The headers of many queries look alike, so that only the footer tells one dataset's exports from another's.
        let text = self.text(page)?;
        self.answer(&Export::parse(&text, &page.url)?, &page.url).map(|_| ())
    }

    fn misfit(&self, page: &Page) -> Result<Option<Misfit>> {
        let text = self.text(page)?;
        let export = Export::parse(&text, &page.url)?;
        Ok(Some(self.compare(&export.header, &export.footer).err().unwrap_or_default()))
    }

    fn recipe(&self) -> Option<String> {
        Some(how_to::print(self))
    }

    fn decode(&self, _slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        let [page] = pages else {
            return Err(Error::new(Kind::Internal, format!("an export is one file, not {}", pages.len())));
        };
        let text = self.text(page)?;
        let export = Export::parse(&text, &page.url)?;
        let answer = self.answer(&export, &page.url)?;
        let rows = export.cells(&page.url)?;
        emit(Piece::Edition(Edition { release: Some(answer.release.parse()?), slice: Some(answer.slice.clone()) }))?;

        let low = answer.lowest(&rows);
        let mut table = Table::new(&export.header, &answer);
        for (line, cells) in &rows {
            let year = answer.year_of(cells);
            answer.check(cells, year).map_err(|what| {
                Error::new(Kind::Changed, format!("{}: line {line} {what}", page.url)).hint(EXPORT_AGAIN)
            })?;
            table.row(*line, cells.iter().cloned().map(Some), &answer, year, low);
        }
        delimited::in_batches(0, &table.batch()?, emit)?;

        let hidden = hidden::rows(&answer, &rows, &page.url)?;
        if !hidden.is_empty() && !self.hidden_left_out {
            let mut table = Table::new(&export.header, &answer);
            for row in &hidden {
                let cells = export.header.iter().map(|name| row.cell(name));
                table.row(answer.hides_at, cells, &answer, row.year, answer.hidden_low(low));
            }
            emit(Piece::Hidden { page: 0, batch: table.batch()? })?;
        }
        for item in export.footer {
            emit(Piece::Note(Note {
                page: 0,
                section: item.section,
                label: item.label,
                text: item.text,
                record: item.line,
            }))?;
        }
        Ok(())
    }
}

const EXPORT_AGAIN: &str =
    "export it again from WONDER by `tollhouse recipe show DATASET`; saving the file with another program changes it";

impl WonderExport {
    fn text(&self, page: &Page) -> Result<String> {
        Ok(delimited::latin1_or_utf8(delimited::whole(page, self.max_bytes)?))
    }

    /// What the footer says that the file is; refuses a file of another query.
    fn answer(&self, export: &Export<'_>, url: &str) -> Result<Answer> {
        let unique: BTreeSet<&String> = export.header.iter().collect();
        if unique.len() != export.header.len() {
            return Err(
                Error::new(Kind::Changed, format!("{url} has two columns of one name")).hint(EXPORT_AGAIN.to_owned())
            );
        }
        self.compare(&export.header, &export.footer).map_err(|Misfit { differences, .. }| {
            Error::new(
                Kind::Changed,
                format!("{url} is the answer to another query than the recipe asks: {}", differences.join("; ")),
            )
            .hint(EXPORT_AGAIN)
        })
    }
}

/// The columns of an export, with those that its footer adds: values of the causes, the period, and the bounds of what
/// is withheld.
struct Table {
    columns: Vec<(String, Vec<Option<String>>)>,
    records: Vec<u64>,
}

impl Table {
    fn new(header: &[String], answer: &Answer) -> Self {
        let days: &[&str] = if answer.may_pool { &["period_start", "period_end"] } else { &[] };
        let added = ["year", "withheld_low", "withheld_high"].iter().chain(days).map(|name| (*name).to_owned());
        let names = header.iter().cloned().chain(added).chain(answer.values.keys().cloned());
        Self { columns: names.map(|name| (name, Vec::new())).collect(), records: Vec::new() }
    }

    fn row(
        &mut self,
        line: u64,
        cells: impl Iterator<Item = Option<String>>,
        answer: &Answer,
        year: Option<i32>,
        low: i64,
    ) {
        let cells: Vec<_> = cells.collect();
        let period = match year {
            Some(year) => Some((year, year)),
            None => answer.period,
        };
        let one = period.filter(|(first, last)| first == last).map(|(year, _)| year.to_string());
        let mut added = vec![one, Some(low.to_string()), Some(answer.high.to_string())];
        if answer.may_pool {
            added.push(period.map(|(first, _)| format!("{first:04}-01-01")));
            added.push(period.map(|(_, last)| format!("{last:04}-12-31")));
        }
        let values: Vec<_> = answer.values.values().map(|value| Some(value.of(&cells))).collect();
        for ((_, column), cell) in self.columns.iter_mut().zip(cells.into_iter().chain(added).chain(values)) {
            column.push(cell);
        }
        self.records.push(line);
    }

    fn batch(self) -> Result<arrow::array::RecordBatch> {
        super::batch(self.columns, self.records)
    }
}

/// A file cut into its three pieces, each line with its 1-based number.
struct Export<'a> {
    header: Vec<String>,
    rows: Vec<(u64, &'a str)>,
    footer: Vec<Item>,
}

impl<'a> Export<'a> {
    fn parse(text: &'a str, url: &str) -> Result<Self> {
        if text.contains('\r') && !text.contains('\n') {
            let message = format!("{url} has carriage returns for line ends: another program has saved it again");
            return Err(Error::new(Kind::Changed, message).hint(EXPORT_AGAIN));
        }
        let mut lines = text.split('\n').enumerate().map(|(index, line)| {
            let line = line.strip_suffix('\r').unwrap_or(line);
            (index as u64 + 1, line)
        });
        let first = lines.next().map_or("", |(_, line)| line);
        if !first.starts_with("\"Notes\"\t") {
            let begin: String = first.chars().take(60).collect();
            let why = match first.trim_start_matches('\u{feff}').split(['\t', ',']).next() {
                Some("Notes") => "another program has saved it again, and its labels have lost their quotes".to_owned(),
                _ => format!("it begins with `{}`, not with `\"Notes\"`", begin.replace('\t', " ")),
            };
            return Err(Error::new(Kind::Changed, format!("{url} is not a WONDER export as WONDER writes it: {why}"))
                .hint(EXPORT_AGAIN));
        }
        let header = cells(first, 1, url)?.into_iter().map(of_residence).collect();
        let mut rows = Vec::new();
        let mut closed = false;
        for (line, row) in lines.by_ref() {
            if row == footer::RULE {
                closed = true;
                break;
            }
            rows.push((line, row));
        }
        let mut footer = footer::parse(lines, url)?;
        for item in footer.iter_mut().filter(|item| item.label == "Group By" && item.text.contains("Residence ")) {
            item.text = codes::list(&item.text).into_iter().map(of_residence).collect::<Vec<_>>().join(", ");
        }
        if !closed || footer.is_empty() {
            return Err(Error::new(
                Kind::Changed,
                format!("{url} has no footer, and the footer is the only record of the query"),
            )
            .hint(format!("{EXPORT_AGAIN}; keep everything below the line `{}`", footer::RULE)));
        }
        Ok(Self { header, rows, footer })
    }

    /// The cells of every row, total rows included.
    fn cells(&self, url: &str) -> Result<Vec<(u64, Vec<String>)>> {
        let row = |(line, text): &(u64, &str)| {
            let cells = cells(text, *line, url)?;
            if cells.len() == self.header.len() {
                return Ok((*line, cells));
            }
            let (found, wanted) = (cells.len(), self.header.len());
            let what = format!("{url}: line {line} has {found} cells where the header has {wanted}");
            Err(Error::new(Kind::NotData, what).hint(EXPORT_AGAIN))
        };
        self.rows.iter().map(row).collect()
    }
}

/// Databases that know where a death occurred call the place of residence by its whole name; it is what the others mean.
fn of_residence(name: String) -> String {
    match name.strip_prefix("Residence ") {
        Some(place) if place.starts_with("State") || place.starts_with("County") => place.to_owned(),
        _ => name,
    }
}

/// The cells of one line: labels in double quotes, measures bare.
fn cells(line: &str, number: u64, url: &str) -> Result<Vec<String>> {
    let mut cells = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let (cell, after) = match text.strip_prefix('"') {
            Some(quoted) => footer::unquote(quoted).ok_or_else(|| {
                Error::new(Kind::NotData, format!("{url}: line {number} has a quoted label that does not end"))
                    .hint(EXPORT_AGAIN)
            })?,
            None => {
                let end = text.find('\t').unwrap_or(text.len());
                (text[..end].to_owned(), &text[end..])
            }
        };
        cells.push(cell);
        rest = match after.strip_prefix('\t') {
            Some(after) => Some(after),
            None if after.is_empty() => None,
            None => {
                return Err(Error::new(Kind::NotData, format!("{url}: line {number} has text after a quoted label"))
                    .hint(EXPORT_AGAIN));
            }
        };
    }
    Ok(cells)
}

#[cfg(test)]
mod tests;
