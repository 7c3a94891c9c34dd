//! The FBI's "Crime in the United States": the table of offences by state and city, one workbook a year.
//!
//! [`Cius`] is the extractor. The table's number and the file's name changed over the years (Table 8, in 2016 Table 6),
//! so a workbook is recognised by its title cells alone. Footnotes are superscript digits that reach us glued to the
//! text ([`names`] takes them off); their texts are handed on as notes. Blank cells stay empty: not published is not
//! zero.

use std::collections::BTreeMap;

use model::{Error, Kind, Release, Result};
use serde::Deserialize;

use super::sheet::Sheet;
use super::{Edition, Emit, Expect, Extractor, Note, Page, Piece, Request, Slice, SourceFile, delimited, sheet};
use names::{canonical, spaced, split_footnotes};

mod names;

/// Workbooks of offences by state and city.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cius {
    /// The workbooks, each a slice of one page.
    #[serde(default)]
    pub files: Vec<SourceFile>,
    /// The largest size of one workbook, in bytes.
    #[serde(default = "default_max_bytes")]
    pub max_bytes: u64,
}

fn default_max_bytes() -> u64 {
    64 << 20
}

/// The slice that every city table is, in an edition of its own.
const SLICE: &str = "city";

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
        Header::find(&sheet, &title, &page.url)?;
        Ok(())
    }

    fn decode(&self, _slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        let [page] = pages else {
            return Err(Error::new(Kind::Internal, format!("a city table is one workbook, not {}", pages.len())));
        };
        let (sheet, title) = self.open(page)?;
        let header = Header::find(&sheet, &title, &page.url)?;
        let table = Table::read(&sheet, &header, &title, &page.url)?;
        table.check_footnotes(&page.url)?;

        let release: Release = format!("cius-{}", title.year).parse()?;
        emit(Piece::Edition(Edition { release: Some(release), slice: Some(SLICE.to_owned()) }))?;
        delimited::in_batches(0, &super::batch(table.columns, table.records)?, emit)?;
        for note in header.notes.into_iter().chain(table.notes) {
            emit(Piece::Note(note))?;
        }
        Ok(())
    }
}

impl Cius {
    /// The first sheet that is a city table, and its title.
    fn open(&self, page: &Page) -> Result<(Sheet, Title)> {
        let mut other = None;
        for sheet in sheet::read(&page.bytes(self.max_bytes)?, &page.url)? {
            match Title::find(&sheet, &page.url) {
                Ok(title) => return Ok((sheet, title)),
                Err(error) => other = other.or(Some(error)),
            }
        }
        Err(other.unwrap_or_else(|| Error::new(Kind::Changed, format!("{} has no sheets", page.url))))
    }
}

/// What the title cells say.
struct Title {
    /// The year of the offences.
    year: String,
    /// The rows of the title, 0-based, and their texts.
    lines: Vec<(usize, String)>,
}

/// Rows that a title may fill.
const TITLE_ROWS: usize = 3;

impl Title {
    /// Reads the title, and refuses the sheet if it is of another table.
    fn find(sheet: &Sheet, url: &str) -> Result<Self> {
        let lines: Vec<(usize, String)> = (0..TITLE_ROWS)
            .map(|row| (row, spaced(&sheet.text(row, 0))))
            .take_while(|(_, line)| line != "State")
            .filter(|(_, line)| !line.is_empty())
            .collect();
        let joined = lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join(" ");
        let year = joined
            .strip_prefix("Table ")
            .and_then(|title| title.split_once(' '))
            .and_then(|(_, title)| title.strip_prefix("Offenses Known to Law Enforcement by State by City, "))
            // A footnote may be glued to the year.
            .and_then(|year| year.split_at_checked(4))
            .filter(|(year, rest)| year.bytes().all(|b| b.is_ascii_digit()) && split_footnotes(rest).0.is_empty());
        match year {
            Some((year, _)) => Ok(Self { year: year.to_owned(), lines }),
            None => Err(not_the_city_table(&joined, url)),
        }
    }
}

fn not_the_city_table(title: &str, url: &str) -> Error {
    let short = title.replace("Offenses Known to Law Enforcement ", "");
    let what = match short.find("Table ").and_then(|at| short[at + 6..].find(' ').map(|end| at + 6 + end)) {
        Some(end) => format!("this is {} ({}), not the city table", &short[..end], short[end..].trim()),
        None if title.is_empty() => "the title cells are blank, so this is not the city table".to_owned(),
        None => {
            format!("its title is `{}`, so this is not the city table", short.chars().take(120).collect::<String>())
        }
    };
    Error::new(Kind::Changed, format!("{url}: {what}"))
        .hint("look for \"Offenses Known to Law Enforcement by State by City\": its number differs between years, and file names mislead")
}

/// The header row.
struct Header {
    /// The 0-based row.
    row: usize,
    /// The 0-based columns that have a name, in order, with their names.
    columns: Vec<(usize, String)>,
    /// Footnote numbers at the names, each with the name that bears it.
    footnotes: Vec<(String, String)>,
    /// Titles, and the footnotes of names.
    notes: Vec<Note>,
}

/// Rows among which the header is looked for.
const HEADER_ROWS: usize = 20;

impl Header {
    fn find(sheet: &Sheet, title: &Title, url: &str) -> Result<Self> {
        let named =
            |row: usize, column: usize, name: &str| split_footnotes(&canonical(&sheet.text(row, column))).0 == name;
        let Some(row) =
            (0..HEADER_ROWS.min(sheet.rows())).find(|row| named(*row, 0, "State") && named(*row, 1, "City"))
        else {
            return Err(Error::new(Kind::Changed, format!("{url}: no row begins with `State` and `City`"))
                .hint("the layout of the table has changed: `tollhouse probe` shows it"));
        };
        let mut header = Self { row, columns: Vec::new(), footnotes: Vec::new(), notes: Vec::new() };
        for (line, text) in &title.lines {
            header.notes.push(note("title", "", text, *line));
        }
        // Some editions put a bracketed remark between the title and the header.
        for line in TITLE_ROWS..row {
            let text = spaced(&sheet.text(line, 0));
            if !text.is_empty() {
                header.notes.push(note("title", "", &text, line));
            }
        }
        for column in 0..sheet.columns() {
            let printed = canonical(&sheet.text(row, column));
            let (name, numbers) = split_footnotes(&printed);
            if name.is_empty() {
                continue;
            }
            if header.columns.iter().any(|(_, known)| known == name) {
                return Err(Error::new(Kind::Changed, format!("{url}: two columns are named `{name}`"))
                    .hint("`tollhouse probe` compares the publisher's header with the pipeline's"));
            }
            header.columns.push((column, name.to_owned()));
            if !numbers.is_empty() {
                header.footnotes.push((numbers.to_owned(), name.to_owned()));
                header.notes.push(note("header", name, numbers, row));
            }
        }
        Ok(header)
    }
}

/// The rows of data, column by column, and the footer.
struct Table {
    columns: Vec<(String, Vec<Option<String>>)>,
    records: Vec<u64>,
    /// Footnote numbers in use, each with the first text that bears it.
    used: BTreeMap<String, String>,
    notes: Vec<Note>,
}

impl Table {
    fn read(sheet: &Sheet, header: &Header, title: &Title, url: &str) -> Result<Self> {
        let mut table = Self { columns: Vec::new(), records: Vec::new(), used: BTreeMap::new(), notes: Vec::new() };
        for (numbers, name) in &header.footnotes {
            table.note_use(numbers, name);
        }
        let extra = ["State footnotes", "City footnotes", "City as printed", "Year"];
        let names = header.columns.iter().map(|(_, name)| name.as_str()).chain(extra);
        table.columns = names.map(|name| (name.to_owned(), Vec::new())).collect();

        let mut state = (String::new(), String::new());
        let mut heading = None;
        let mut row = header.row + 1;
        while row < sheet.rows() && !begins_footer(&sheet.text(row, 0)) {
            let printed = spaced(&sheet.text(row, 0));
            if !printed.is_empty() {
                let (name, numbers) = split_footnotes(&printed);
                table.note_use(numbers, &printed);
                state = (name.to_owned(), numbers.to_owned());
            }
            if (1..sheet.columns()).any(|column| !sheet.text(row, column).is_empty()) {
                table.push(sheet, header, row, &state, &title.year, url)?;
                heading = None;
            } else if !printed.is_empty() {
                heading = Some((row, printed));
            }
            row += 1;
        }
        // A line of text below the last city that has no number is a remark, not a state.
        if let Some((line, text)) = heading {
            table.notes.push(note("footnote", "", &text, line));
        }
        for line in row..sheet.rows() {
            let text = spaced(&sheet.text(line, 0));
            match text.split_once(' ') {
                Some((number, text)) if number.bytes().all(|b| b.is_ascii_digit()) => {
                    table.notes.push(note("footnote", number, text, line));
                }
                _ if text.is_empty() => {}
                _ => table.notes.push(note("footnote", "", &text, line)),
            }
        }
        Ok(table)
    }

    fn push(
        &mut self,
        sheet: &Sheet,
        header: &Header,
        row: usize,
        state: &(String, String),
        year: &str,
        url: &str,
    ) -> Result<()> {
        let as_printed = sheet.text(row, 1);
        let printed = spaced(&as_printed);
        let (city, numbers) = split_footnotes(&printed);
        self.note_use(numbers, &printed);
        let mut next = 0;
        for column in 0..sheet.columns() {
            let cell = sheet.text(row, column);
            if header.columns.get(next).is_none_or(|(named, _)| *named != column) {
                if cell.is_empty() {
                    continue;
                }
                return Err(Error::new(
                    Kind::Changed,
                    format!("{url}: row {} holds `{cell}` in column {}, which has no header", row + 1, column + 1),
                )
                .hint("the layout of the table has changed: `tollhouse probe` shows it"));
            }
            let cell = match column {
                0 => state.0.clone(),
                1 => city.to_owned(),
                _ => cell,
            };
            self.columns[next].1.push(Some(cell));
            next += 1;
        }
        for cell in [state.1.as_str(), numbers, as_printed.as_str(), year] {
            self.columns[next].1.push(Some(cell.to_owned()));
            next += 1;
        }
        self.records.push(row as u64 + 1);
        Ok(())
    }

    fn note_use(&mut self, numbers: &str, printed: &str) {
        for number in numbers.split(',').map(str::trim).filter(|number| !number.is_empty()) {
            self.used.entry(number.to_owned()).or_insert_with(|| printed.to_owned());
        }
    }

    /// Every footnote in use must have its text: else a digit of a name was taken for one, or the table is cut.
    fn check_footnotes(&self, url: &str) -> Result<()> {
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

/// Whether a first cell is a footnote's text, such as `4 The population for the city of …`.
fn begins_footer(cell: &str) -> bool {
    let after = cell.trim_start_matches(|c: char| c.is_ascii_digit());
    after.len() < cell.len() && after.starts_with(char::is_whitespace)
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
