//! Two exports of CDC WONDER: their figures, and their notes with the line wrapping undone.

use super::Failure;
use super::out::{Folder, Source};
use std::path::Path;

const STATE: &str = "cdc/wonder_mcd_state/cdc_wonder_pull_total_all_opioids.txt";
const NATION: &str = "cdc/wonder_mcd_state/cdc_wonder_pull_total_natl_all_opioids.txt";

pub fn make(captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    let mut source = Source {
        publisher: "Centers for Disease Control and Prevention, National Center for Health Statistics",
        title: "Multiple Cause of Death 1999-2016 (D77): deaths by drug overdose that involved any opioid, by state and year and by year",
        grade: "publisher",
        credit: "Centers for Disease Control and Prevention, National Center for Health Statistics. Multiple Cause of Death 1999-2016 on CDC WONDER Online Database, released December, 2017; accessed on Apr 4 and Apr 14, 2018",
        licence: "public domain; CDC WONDER data use restrictions apply",
        kept: "every row, suppressed and unreliable cells as the words that stand there, the whole of the notes",
        masked: "nothing: no persons",
        left_out: "nothing",
        ours: "states beside the figures; notes one to a row, unwrapped",
        ..Source::default()
    };
    let state = source.read(captures, STATE)?;
    let nation = source.read(captures, NATION)?;
    let (rows, mut notes) = export("state", &state)?;
    let (years, more) = export("us", &nation)?;
    notes.extend(more);

    let mut states = Vec::new();
    let mut state_year = Vec::new();
    for row in rows {
        // Notes, State, State Code, Year, Year Code, then seven measures.
        let named = vec![row[2].clone(), row[1].clone()];
        if states.last() != Some(&named) {
            states.push(named);
        }
        let mut figures = vec![row[2].clone(), row[4].clone()];
        figures.extend_from_slice(&row[5..]);
        state_year.push(figures);
    }
    let mut us_year = Vec::new();
    for row in years {
        // The Total row has no year.
        us_year.push(row[2..].to_vec());
    }
    let deaths = |rows: &[Vec<String>], at: usize, year: &str| {
        rows.iter().filter(|row| row[at] == year).filter_map(|row| row[at + 1].parse::<u64>().ok()).sum::<u64>()
    };
    source.check("state rows", state_year.len(), 918)?;
    source.check("suppressed state rows", state_year.iter().filter(|row| row[2] == "Suppressed").count(), 16)?;
    source.check("deaths 2015, 51 areas", deaths(&state_year, 1, "2015"), 33_091)?;
    source.check("deaths 2015, nation", deaths(&us_year, 0, "2015"), 33_091)?;
    source.check("deaths 1999-2016, Total row", deaths(&us_year, 0, ""), 351_630)?;

    let measures = [
        "deaths",
        "population",
        "crude_rate",
        "age_adjusted_rate",
        "age_adjusted_low",
        "age_adjusted_high",
        "age_adjusted_se",
    ];
    let by_state: Vec<&str> = ["state_fips", "year"].into_iter().chain(measures).collect();
    let by_year: Vec<&str> = ["year"].into_iter().chain(measures).collect();
    let mut folder = Folder::new(tables, "wonder_d77")?;
    folder.csv(&mut source, "states", &["fips", "name"], states)?;
    folder.csv(&mut source, "state_year", &by_state, state_year)?;
    folder.csv(&mut source, "us_year", &by_year, us_year)?;
    folder.csv(&mut source, "notes", &["export", "section", "number", "label", "text"], notes)?;
    Ok(vec![folder.finish(&source)?])
}

type Rows = Vec<Vec<String>>;

/// An export's rows (all fields, unquoted) and its notes.
fn export(name: &str, bytes: &[u8]) -> Result<(Rows, Rows), Failure> {
    let text = std::str::from_utf8(bytes)?;
    let lines: Vec<&str> = text.split("\r\n").collect();
    let end = lines.iter().position(|line| *line == "\"---\"").ok_or("no footer")?;
    let rows = lines[1..end].iter().map(|line| line.split('\t').map(unquoted).collect()).collect();

    let mut notes: Rows = Vec::new();
    let mut section = "";
    let mut previous = 0;
    for line in &lines[end..] {
        let content = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line);
        let plain = content.replace("\"\"", "\"");
        match plain.as_str() {
            "---" => section = "",
            "Messages:" => section = "message",
            "Caveats:" => section = "caveat",
            "Query Parameters:" => section = "parameter",
            _ => {
                let number = notes.iter().filter(|note| note[1] == section).count() + 1;
                let numbered = matches!(section, "message" | "caveat");
                let starts = if numbered {
                    plain.starts_with(&format!("{number}. "))
                } else {
                    // WONDER breaks a line before the word that would pass 128 characters.
                    let word = content.split(' ').next().unwrap_or("");
                    section.is_empty() || previous + 1 + word.len() <= 128
                };
                if !starts {
                    let last = notes.last_mut().and_then(|note| note.last_mut()).ok_or("a continued line")?;
                    last.push(' ');
                    last.push_str(&plain);
                } else if numbered {
                    let text = plain.split_once(". ").map(|(_, text)| text).unwrap_or("");
                    notes.push(note(name, section, number, "", text));
                } else {
                    let (label, text) = plain.split_once(':').ok_or("a line without a label")?;
                    if section.is_empty() {
                        section = match label {
                            "Dataset" => "dataset",
                            "Help" => "help",
                            "Query Date" => "date",
                            "Suggested Citation" => "citation",
                            other => return Err(format!("a section {other}").into()),
                        };
                        notes.push(note(name, section, 1, label, text.trim()));
                    } else {
                        notes.push(note(name, section, number, label, text.trim()));
                    }
                }
            }
        }
        previous = content.len();
    }
    Ok((rows, notes))
}

fn note(export: &str, section: &str, number: usize, label: &str, text: &str) -> Vec<String> {
    [export, section, &number.to_string(), label, text].map(str::to_owned).to_vec()
}

fn unquoted(field: &str) -> String {
    field.trim_matches('"').to_owned()
}
