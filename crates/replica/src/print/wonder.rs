//! CDC WONDER's exports: tab separated, labels quoted, measures bare, and a footer that is the only record of the query.

use std::collections::HashMap;

use crate::table::{Table, at};
use crate::{Error, Result};

/// WONDER breaks a footer line before the word that would carry it past this many characters, quotes of the line not counted.
const WIDTH: usize = 128;

/// An export, by its name in the table of exports.
pub fn export(id: &str) -> Result<Vec<u8>> {
    let exports = Table::read("wonder_exports/exports")?;
    let about = exports.of(id).next().ok_or_else(|| Error::table("wonder_exports/exports", format!("has no {id}")))?;
    let (groups, measures) = (at(about, 1), at(about, 2));
    let groups: Vec<&str> = groups.split('|').collect();
    let labels = Table::read("wonder_exports/labels")?;
    let label: HashMap<(&str, &str), &str> =
        labels.rows.iter().map(|row| ((at(row, 0), at(row, 1)), at(row, 2))).collect();

    let mut out = String::from("\"Notes\"");
    for group in &groups {
        out += &format!("\t\"{group}\"\t\"{group} Code\"");
    }
    for measure in measures.split('|') {
        out += &format!("\t{measure}");
    }
    out += "\n";
    let figures = Table::read(&format!("wonder_exports/{id}"))?;
    for row in &figures.rows {
        out += if at(row, 0) == "total" { "\"Total\"" } else { "" };
        for (place, group) in groups.iter().enumerate() {
            let code = at(row, 1 + place);
            // Total rows leave empty what they add up.
            match label.get(&(*group, code)) {
                Some(label) => out += &format!("\t\"{label}\"\t\"{code}\""),
                None => out += "\t\t",
            }
        }
        for measure in 1 + groups.len()..row.len() {
            out += "\t";
            out += at(row, measure);
        }
        out += "\n";
    }
    footer(&mut out, id)?;
    Ok(if at(about, 3) == "crlf" { out.replace('\n', "\r\n") } else { out }.into_bytes())
}

fn footer(out: &mut String, export: &str) -> Result<()> {
    let notes = Table::read("wonder_exports/notes")?;
    let mut section = "";
    for note in notes.of(export) {
        let (kind, number, label, text) = (at(note, 1), at(note, 2), at(note, 3), at(note, 4));
        if kind != section {
            match kind {
                "parameter" => out.push_str("\"Query Parameters:\"\n"),
                "message" => out.push_str("\"---\"\nMessages:\n"),
                "footnote" => out.push_str("\"---\"\nFootnotes:\n"),
                "caveat" => out.push_str("\"---\"\nCaveats:\n"),
                _ => out.push_str("\"---\"\n"),
            }
            section = kind;
        }
        let line = match kind {
            "message" | "footnote" | "caveat" => format!("{number}. {text}"),
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
            out.push_str("\"\n\"");
            width = 0;
        }
        if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += word.len();
    }
    out.push_str("\"\n");
}
