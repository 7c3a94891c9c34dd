//! CDC WONDER's export: tab separated, CRLF, labels quoted, measures bare, and a footer that is the only record of the query.

use crate::Result;
use crate::table::{Table, at};

const MEASURES: &str = "Deaths\tPopulation\tCrude Rate\tAge Adjusted Rate\tAge Adjusted Rate Lower 95% Confidence Interval\tAge Adjusted Rate Upper 95% Confidence Interval\tAge Adjusted Rate Standard Error";

/// WONDER breaks a footer line before the word that would carry it past this many characters, quotes of the line not counted.
const WIDTH: usize = 128;

/// Deaths that involved any opioid, by state and year: 918 rows, no totals.
pub fn by_state() -> Result<Vec<u8>> {
    let states = Table::read("wonder_d77/states")?;
    let figures = Table::read("wonder_d77/state_year")?;
    let mut out = format!("\"Notes\"\t\"State\"\t\"State Code\"\t\"Year\"\t\"Year Code\"\t{MEASURES}\r\n");
    for row in &figures.rows {
        let (fips, year) = (at(row, 0), at(row, 1));
        let name = states.of(fips).next().map_or("", |state| at(state, 1));
        out.push_str(&format!("\t\"{name}\"\t\"{fips}\"\t\"{year}\"\t\"{year}\""));
        measures(&mut out, row, 2);
    }
    footer(&mut out, "state")?;
    Ok(out.into_bytes())
}

/// The same for the nation: 18 years and the `Total` row.
pub fn by_year() -> Result<Vec<u8>> {
    let figures = Table::read("wonder_d77/us_year")?;
    let mut out = format!("\"Notes\"\t\"Year\"\t\"Year Code\"\t{MEASURES}\r\n");
    for row in &figures.rows {
        let year = at(row, 0);
        if year.is_empty() {
            out.push_str("\"Total\"\t\t");
        } else {
            out.push_str(&format!("\t\"{year}\"\t\"{year}\""));
        }
        measures(&mut out, row, 1);
    }
    footer(&mut out, "us")?;
    Ok(out.into_bytes())
}

fn measures(out: &mut String, row: &csv::StringRecord, first: usize) {
    for column in first..row.len() {
        out.push('\t');
        out.push_str(at(row, column));
    }
    out.push_str("\r\n");
}

fn footer(out: &mut String, export: &str) -> Result<()> {
    let notes = Table::read("wonder_d77/notes")?;
    let mut section = "";
    for note in notes.of(export) {
        let (kind, number, label, text) = (at(note, 1), at(note, 2), at(note, 3), at(note, 4));
        if kind != section {
            match kind {
                "parameter" => out.push_str("\"Query Parameters:\"\r\n"),
                "message" => out.push_str("\"---\"\r\nMessages:\r\n"),
                "caveat" => out.push_str("\"---\"\r\nCaveats:\r\n"),
                _ => out.push_str("\"---\"\r\n"),
            }
            section = kind;
        }
        let line = match kind {
            "message" | "caveat" => format!("{number}. {text}"),
            _ => format!("{label}: {text}"),
        };
        wrapped(out, line.trim_end());
    }
    // The last line of an export has no line end.
    out.truncate(out.trim_end().len());
    Ok(())
}

fn wrapped(out: &mut String, text: &str) {
    let text = text.replace('"', "\"\"");
    let mut width = 0;
    out.push('"');
    for word in text.split(' ') {
        if width > 0 && width + 1 + word.len() > WIDTH {
            out.push_str("\"\r\n\"");
            width = 0;
        }
        if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += word.len();
    }
    out.push_str("\"\r\n");
}
