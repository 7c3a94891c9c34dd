//! The rows of a table, and its footer.

use std::collections::BTreeMap;

use model::{Error, Kind, Result};

use super::header::Header;
use super::names::{spaced, split_footnotes, split_year};
use super::title::Title;
use super::{Cius, YEAR, note};
use crate::extract::Note;
use crate::extract::sheet::Sheet;

/// The rows of data, column by column, and the footer.
pub(super) struct Table {
    pub columns: Vec<(String, Vec<Option<String>>)>,
    /// The row of the sheet that each row comes from.
    pub records: Vec<u64>,
    pub notes: Vec<Note>,
    /// Footnote numbers in use, each with the first text that bears it.
    used: BTreeMap<String, String>,
}

/// A name, its footnote numbers, and how both are printed together.
#[derive(Default, Clone)]
struct Label {
    name: String,
    numbers: String,
    printed: String,
}

/// What the reading of one sheet goes by.
struct Source<'a> {
    wanted: &'a Cius,
    sheet: &'a Sheet,
    header: &'a Header,
    title: &'a Title,
    url: &'a str,
}

impl Table {
    pub fn read(wanted: &Cius, sheet: &Sheet, header: &Header, title: &Title, url: &str) -> Result<Self> {
        let source = Source { wanted, sheet, header, title, url };
        let columns = source.names().into_iter().map(|name| (name, Vec::new())).collect();
        let mut table = Self { columns, records: Vec::new(), used: BTreeMap::new(), notes: Vec::new() };
        for (numbers, name) in &header.footnotes {
            table.note_use(numbers, name);
        }
        let mut first = Label::default();
        let mut heading: Option<(usize, String)> = None;
        let mut row = header.row + 1;
        while row < sheet.rows() && !begins_footer(&sheet.text(row, 0)) {
            let label = source.label(row, 0)?;
            let printed = label.printed.clone();
            if !printed.is_empty() {
                table.note_use(&label.numbers, &printed);
                first = label;
            } else if wanted.labels.len() == 1 {
                first = Label::default();
            }
            if (1..sheet.columns()).any(|column| !sheet.text(row, column).is_empty()) {
                table.push(&source, row, &first)?;
                // With one label a line of text between rows is no part of any of them.
                if let Some((line, text)) = heading.take()
                    && wanted.labels.len() == 1
                {
                    table.notes.push(note("message", "", &text, line));
                }
            } else if !printed.is_empty() {
                heading = Some((row, spaced(&printed)));
            }
            row += 1;
        }
        // A line of text below the last row that has no number is a remark, not a label.
        if let Some((line, text)) = heading {
            table.notes.push(note("footnote", "", &text, line));
        }
        table.footer(&source, row)?;
        Ok(table)
    }

    /// The rows that one row of the sheet makes.
    fn push(&mut self, source: &Source<'_>, row: usize, first: &Label) -> Result<()> {
        source.check_named(row)?;
        let mut labels = vec![first.clone()];
        for column in 1..source.wanted.labels.len() {
            let label = source.label(row, column)?;
            self.note_use(&label.numbers, &label.printed);
            labels.push(label);
        }
        let (_, figures) = source.header.columns.split_at(labels.len());
        let cells: Vec<(&str, String)> =
            figures.iter().map(|(column, name)| (name.as_str(), source.sheet.text(row, *column))).collect();
        if source.wanted.across.is_some() {
            for (name, cell) in cells {
                self.add(source, row, &labels, [name.to_owned(), cell]);
            }
        } else {
            self.add(source, row, &labels, cells.into_iter().map(|(_, cell)| cell));
        }
        Ok(())
    }

    fn add(&mut self, source: &Source<'_>, row: usize, labels: &[Label], cells: impl IntoIterator<Item = String>) {
        let names = labels.iter().map(|label| label.name.clone());
        let footnotes = labels.iter().map(|label| label.numbers.clone());
        let printed = labels.last().map(|label| label.printed.clone());
        let year = source.has_own_year().then(|| source.title.last.to_string());
        let all = names.chain(cells).chain(footnotes).chain(printed).chain(year);
        for ((_, column), cell) in self.columns.iter_mut().zip(all) {
            column.push(Some(cell));
        }
        self.records.push(row as u64 + 1);
    }

    /// Reads the lines below the rows. Figures among them are not overlooked; another table is, and is said to be there.
    fn footer(&mut self, source: &Source<'_>, begin: usize) -> Result<()> {
        let Source { sheet, header, url, .. } = source;
        for line in begin..sheet.rows() {
            let text = spaced(&sheet.text(line, 0));
            if text.starts_with("Table ") {
                let text = format!("{text} stands below, and is not read.");
                self.notes.push(note("message", "", &text, line));
                break;
            }
            if let Some((column, _)) =
                header.columns[1..].iter().find(|(column, _)| !sheet.text(line, *column).is_empty())
            {
                return Err(Error::new(
                    Kind::Changed,
                    format!(
                        "{url}: row {} stands below a footnote and holds `{}` in column {}",
                        line + 1,
                        sheet.text(line, *column),
                        column + 1
                    ),
                )
                .hint("the layout of the table has changed: `tollhouse probe` shows it"));
            }
            match text.split_once(' ') {
                Some((number, text)) if number.bytes().all(|b| b.is_ascii_digit()) => {
                    self.notes.push(note("footnote", number, text, line));
                }
                _ if text.is_empty() => {}
                _ => self.notes.push(note("footnote", "", &text, line)),
            }
        }
        Ok(())
    }

    fn note_use(&mut self, numbers: &str, printed: &str) {
        for number in numbers.split(',').map(str::trim).filter(|number| !number.is_empty()) {
            self.used.entry(number.to_owned()).or_insert_with(|| spaced(printed));
        }
    }

    /// Every footnote in use must have its text: else a digit of a name was taken for one, or the table is cut.
    pub fn check_footnotes(&self, url: &str) -> Result<()> {
        for (number, printed) in &self.used {
            if !self.notes.iter().any(|note| note.section == "footnote" && note.label == *number) {
                return Err(Error::new(
                    Kind::Changed,
                    format!("{url}: `{printed}` bears footnote {number}, and the table has no text for it"),
                )
                .hint("the workbook may be cut or edited: fetch it from the publisher again"));
            }
        }
        Ok(())
    }
}

impl Source<'_> {
    /// Whether the year is the title's alone.
    fn has_own_year(&self) -> bool {
        let labels = self.wanted.labels.iter().chain(self.wanted.across.as_ref().map(|across| &across.label));
        labels.into_iter().all(|label| label != YEAR)
    }

    /// The names of the columns that are handed on.
    fn names(&self) -> Vec<String> {
        let labels = &self.wanted.labels;
        let (_, figures) = self.header.columns.split_at(labels.len());
        let mut names = labels.clone();
        match &self.wanted.across {
            Some(across) => names.extend([across.label.clone(), across.value.clone()]),
            None => names.extend(figures.iter().map(|(_, name)| name.clone())),
        }
        names.extend(labels.iter().map(|label| format!("{label} footnotes")));
        names.extend(labels.last().map(|label| format!("{label} as printed")));
        names.extend(self.has_own_year().then(|| YEAR.to_owned()));
        names
    }

    /// A label cell; years and names bear footnotes each in their way.
    fn label(&self, row: usize, column: usize) -> Result<Label> {
        let printed = self.sheet.text(row, column);
        let text = spaced(&printed);
        let is_year = self.wanted.labels.get(column).is_some_and(|label| label == YEAR);
        let (name, numbers) = match (is_year, split_year(&text, self.title)) {
            (false, _) => split_footnotes(&text),
            (true, Some(split)) => split,
            // A blank, or a remark without figures.
            (true, None) if (1..self.sheet.columns()).all(|column| self.sheet.text(row, column).is_empty()) => {
                (text.as_str(), "")
            }
            (true, None) => {
                let years = format!("{}-{}", self.title.first, self.title.last);
                let what = format!("{}: row {} begins with `{text}`, which is no year of {years}", self.url, row + 1);
                return Err(Error::new(Kind::Changed, what)
                    .hint("the layout of the table has changed: `tollhouse probe` shows it"));
            }
        };
        Ok(Label { name: name.to_owned(), numbers: numbers.to_owned(), printed })
    }

    /// Whether every cell of a row stands below a name.
    fn check_named(&self, row: usize) -> Result<()> {
        let named = |column: usize| self.header.columns.iter().any(|(named, _)| *named == column);
        let stray =
            (0..self.sheet.columns()).find(|column| !named(*column) && !self.sheet.text(row, *column).is_empty());
        let Some(column) = stray else { return Ok(()) };
        let cell = self.sheet.text(row, column);
        Err(Error::new(
            Kind::Changed,
            format!("{}: row {} holds `{cell}` in column {}, which has no header", self.url, row + 1, column + 1),
        )
        .hint("the layout of the table has changed: `tollhouse probe` shows it"))
    }
}

/// Whether a first cell is a footnote's text, such as `4 The population for the city of …`.
fn begins_footer(cell: &str) -> bool {
    let after = cell.trim_start_matches(|c: char| c.is_ascii_digit());
    after.len() < cell.len() && after.starts_with(char::is_whitespace)
}
