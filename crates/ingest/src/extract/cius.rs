//! The FBI's "Crime in the United States": presentation tables, one workbook each a year.
//!
//! [`Cius`] is the extractor. A table's number and its file's name change over the years (cities are Table 8, in 2016 Table
//! 6), so a workbook is recognised by its title cells alone ([`title`]). Footnotes are superscript digits that reach us
//! glued to the text ([`names`] takes them off); their texts are handed on as notes. Blank cells stay empty: not published
//! is not zero. What a table says across its columns, such as a weapon or a year, becomes rows where it is declared so.

use model::{Error, Kind, Release, Result};
use serde::Deserialize;

use super::sheet::Sheet;
use super::{Edition, Emit, Expect, Extractor, Note, Page, Piece, Request, Slice, SourceFile, delimited, sheet};
use header::Header;
use table::Table;
use title::Title;

mod header;
mod names;
mod table;
mod title;

/// Workbooks of one of the tables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cius {
    /// What the title cells say, read as one line: `{number}` is any word, `{year}` a year, `{years}` two years with a dash
    /// between them. Footnotes may follow.
    pub title: String,
    /// The first headings, in order. Where there are several, the first stands in the first of its rows only.
    pub labels: Vec<String>,
    /// Where the other headings are values of their own.
    pub across: Option<Across>,
    /// The slice that every such table is, in an edition of its own.
    pub slice: String,
    /// The workbooks, each a slice of one page.
    #[serde(default)]
    pub files: Vec<SourceFile>,
    /// The largest size of one workbook, in bytes.
    #[serde(default = "default_max_bytes")]
    pub max_bytes: u64,
}

/// Headings that are values: each row of the sheet becomes as many rows as there are such headings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Across {
    /// What the headings are: the name of the column that they become. `Year` is read as years.
    pub label: String,
    /// What stands below them.
    pub value: String,
}

fn default_max_bytes() -> u64 {
    64 << 20
}

/// The label whose texts are years, to which footnotes are glued like to names.
const YEAR: &str = "Year";

impl Extractor for Cius {
    fn has_notes(&self) -> bool {
        true
    }

    fn slices(&self) -> Vec<Slice> {
        self.files.iter().map(SourceFile::slice).collect()
    }

    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        Ok(seen.is_empty().then(|| Request::get(&slice.url, Expect::Workbook)))
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        let (sheet, title) = self.open(page)?;
        Header::find(self, &sheet, &title, &page.url)?;
        Ok(())
    }

    fn decode(&self, _slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        let [page] = pages else {
            return Err(Error::new(Kind::Internal, format!("a table is one workbook, not {}", pages.len())));
        };
        let (sheet, title) = self.open(page)?;
        let header = Header::find(self, &sheet, &title, &page.url)?;
        let table = Table::read(self, &sheet, &header, &title, &page.url)?;
        table.check_footnotes(&page.url)?;

        let release: Release = format!("cius-{}", title.last).parse()?;
        emit(Piece::Edition(Edition { release: Some(release), slice: Some(self.slice.clone()) }))?;
        delimited::in_batches(0, &super::batch(table.columns, table.records)?, emit)?;
        for note in header.notes.into_iter().chain(table.notes) {
            emit(Piece::Note(note))?;
        }
        Ok(())
    }
}

impl Cius {
    /// The first sheet that is such a table, and its title.
    fn open(&self, page: &Page) -> Result<(Sheet, Title)> {
        let mut other = None;
        for sheet in sheet::read(&page.bytes(self.max_bytes)?, &page.url)? {
            match Title::find(self, &sheet, &page.url) {
                Ok(title) => return Ok((sheet, title)),
                Err(error) => other = other.or(Some(error)),
            }
        }
        Err(other.unwrap_or_else(|| Error::new(Kind::Changed, format!("{} has no sheets", page.url))))
    }
}

fn note(section: &str, label: &str, text: &str, row: usize) -> Note {
    Note {
        page: 0,
        section: section.to_owned(),
        label: label.to_owned(),
        text: text.to_owned(),
        record: row as u64 + 1,
    }
}

#[cfg(test)]
mod tests;
