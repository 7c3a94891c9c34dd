//! One sheet of a workbook of several, whose first row is a header and whose others are plain rows.
//!
//! The edition may stand in words on another sheet, such as a cover of documentation. Absent: sheets with titles, gaps and
//! footnotes, which are [`super::cius`]'s.

use model::{Error, Kind, Release, Result};
use serde::Deserialize;

use super::delimited::workbook::{header, rows};
use super::sheet::{self, Sheet};
use super::{Edition, Emit, Expect, Extractor, Page, Piece, Request, Slice, SourceFile};

/// A sheet of a workbook.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkbookSheet {
    /// The names that the sheet may have.
    pub sheets: Vec<String>,
    /// Names that the first column may have, so that another sheet of that name is told apart.
    pub first_header: Vec<String>,
    /// Words after which, on any sheet, the year stands that names the edition: `conversion factors, ` before `2016`.
    pub edition_after: Option<String>,
    /// The files, each a slice of one page; none where all come by import.
    #[serde(default)]
    pub files: Vec<SourceFile>,
    /// The largest workbook, in bytes.
    #[serde(default = "default_max_bytes")]
    pub max_bytes: u64,
}

fn default_max_bytes() -> u64 {
    256 << 20
}

impl Extractor for WorkbookSheet {
    fn slices(&self) -> Vec<Slice> {
        self.files.iter().map(SourceFile::slice).collect()
    }

    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        Ok(seen.is_empty().then(|| slice.request(Expect::Workbook)))
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        self.open(page).map(|_| ())
    }

    fn decode(&self, _slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        for (index, page) in pages.iter().enumerate() {
            let (sheet, release) = self.open(page)?;
            if index == 0 && release.is_some() {
                emit(Piece::Edition(Edition { release, slice: None }))?;
            }
            rows(&sheet, index, page, emit)?;
        }
        Ok(())
    }
}

impl WorkbookSheet {
    /// The sheet of a page, and its edition where the workbook tells.
    fn open(&self, page: &Page) -> Result<(Sheet, Option<Release>)> {
        let sheets = sheet::named(&page.bytes(self.max_bytes)?, &page.url)?;
        let release = sheets.iter().find_map(|(_, sheet)| self.edition(sheet)).map(|year| year.parse()).transpose()?;
        let names: Vec<_> = sheets.iter().map(|(name, _)| format!("`{name}`")).collect();
        let found = sheets.into_iter().find(|(name, _)| self.sheets.iter().any(|known| known == name.trim()));
        let Some((name, sheet)) = found else {
            let wanted = self.sheets.join("` or `");
            return Err(Error::new(
                Kind::Changed,
                format!("{} has no sheet `{wanted}`; its sheets are {}", page.url, names.join(", ")),
            )
            .hint("if the publisher renamed the sheet, add its name to `sheets` in the pipeline"));
        };
        let headers = header(&sheet, page)?;
        if headers.first().is_none_or(|first| !self.first_header.contains(first)) {
            return Err(Error::new(
                Kind::Changed,
                format!(
                    "{} is another table: the sheet `{name}` begins with `{}`, not `{}`",
                    page.url,
                    headers.first().map_or("", String::as_str),
                    self.first_header.join("` or `")
                ),
            )
            .hint("`tollhouse datasets show` tells the columns that are declared"));
        }
        Ok((sheet, release))
    }

    /// The year that follows the declared words in a cell of a sheet.
    fn edition(&self, sheet: &Sheet) -> Option<String> {
        let words = self.edition_after.as_deref()?;
        // A cover is short; the rows of a table need not be looked through.
        let cells = (0..sheet.rows().min(COVER)).flat_map(|row| (0..sheet.columns()).map(move |column| (row, column)));
        cells.map(|(row, column)| sheet.text(row, column)).find_map(|text| {
            let year = text.split_once(words)?.1.get(..4)?.to_owned();
            year.bytes().all(|byte| byte.is_ascii_digit()).then_some(year)
        })
    }
}

/// Rows of a sheet that are looked through for the edition.
const COVER: usize = 200;

#[cfg(test)]
mod tests;
