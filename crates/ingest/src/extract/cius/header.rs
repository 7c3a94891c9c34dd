//! The header row of a table.

use model::{Error, Kind, Result};

use super::names::{canonical, spaced, split_footnotes, split_year};
use super::title::Title;
use super::{Cius, YEAR, note};
use crate::extract::Note;
use crate::extract::sheet::Sheet;

/// The header row.
pub(super) struct Header {
    /// The 0-based row.
    pub row: usize,
    /// The 0-based columns that have a name, in order, with their names; the labels first.
    pub columns: Vec<(usize, String)>,
    /// Footnote numbers at the names, each with the name that bears it.
    pub footnotes: Vec<(String, String)>,
    /// Titles, and the footnotes of names.
    pub notes: Vec<Note>,
}

/// Rows among which the header is looked for.
const ROWS: usize = 20;

impl Header {
    pub fn find(wanted: &Cius, sheet: &Sheet, title: &Title, url: &str) -> Result<Self> {
        let is_header = |row: usize| {
            let mut labels = wanted.labels.iter().enumerate();
            labels.all(|(column, label)| split_footnotes(&canonical(&sheet.text(row, column))).0 == label)
        };
        let Some(row) = (0..ROWS.min(sheet.rows())).find(|row| is_header(*row)) else {
            let labels = wanted.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" and ");
            return Err(Error::new(Kind::Changed, format!("{url}: no row begins with {labels}"))
                .hint("the layout of the table has changed: `tollhouse probe` shows it"));
        };
        let mut header = Self { row, columns: Vec::new(), footnotes: Vec::new(), notes: Vec::new() };
        for (line, text) in &title.lines {
            header.notes.push(note("title", "", text, *line));
        }
        // Some editions put a remark between the title and the header.
        let below = title.lines.last().map_or(0, |(line, _)| line + 1);
        for line in below..row {
            let text = spaced(&sheet.text(line, 0));
            if !text.is_empty() {
                header.notes.push(note("title", "", &text, line));
            }
        }
        for column in 0..sheet.columns() {
            header.name(wanted, sheet, title, column, url)?;
        }
        Ok(header)
    }

    fn name(&mut self, wanted: &Cius, sheet: &Sheet, title: &Title, column: usize, url: &str) -> Result<()> {
        let printed = canonical(&sheet.text(self.row, column));
        let is_year =
            column >= wanted.labels.len() && wanted.across.as_ref().is_some_and(|across| across.label == YEAR);
        let (name, numbers) = if is_year && !printed.is_empty() {
            split_year(&printed, title).ok_or_else(|| {
                let years = format!("{}-{}", title.first, title.last);
                Error::new(Kind::Changed, format!("{url}: a column is named `{printed}`, which is no year of {years}"))
                    .hint("the layout of the table has changed: `tollhouse probe` shows it")
            })?
        } else {
            split_footnotes(&printed)
        };
        if name.is_empty() {
            return Ok(());
        }
        if self.columns.iter().any(|(_, known)| known == name) {
            return Err(Error::new(Kind::Changed, format!("{url}: two columns are named `{name}`"))
                .hint("`tollhouse probe` compares the publisher's header with the pipeline's"));
        }
        self.columns.push((column, name.to_owned()));
        if !numbers.is_empty() {
            self.footnotes.push((numbers.to_owned(), name.to_owned()));
            self.notes.push(note("header", name, numbers, self.row));
        }
        Ok(())
    }
}
