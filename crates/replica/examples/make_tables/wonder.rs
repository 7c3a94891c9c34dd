//! Exports of CDC WONDER: their figures by code, the labels of the codes beside them, and their notes with the line
//! wrapping undone.

use super::Failure;
use super::out::{Folder, Source};
use std::collections::BTreeSet;
use std::path::Path;

/// The exports that the replica serves: our name, the captured file, what is counted in it, and the count.
const EXPORTS: &[(&str, &str, &[Count])] = &[
    (
        "state_any_opioid",
        "wonder_mcd_state/cdc_wonder_pull_total_all_opioids.txt",
        &[Count::Rows(918), Count::Suppressed(16), Count::Deaths("2015", 33_091)],
    ),
    (
        "us_any_opioid",
        "wonder_mcd_state/cdc_wonder_pull_total_natl_all_opioids.txt",
        &[Count::Rows(18), Count::Total(351_630), Count::Deaths("2015", 33_091)],
    ),
    (
        "state_heroin",
        "wonder_mcd_state/cdc_wonder_pull_total_heroin.txt",
        &[Count::Rows(918), Count::Suppressed(337), Count::Deaths("", 84_036)],
    ),
    (
        "us_heroin",
        "wonder_mcd_state/cdc_wonder_pull_total_natl_heroin.txt",
        &[Count::Rows(18), Count::Total(85_090), Count::Deaths("1999", 1_960), Count::Deaths("2016", 15_469)],
    ),
    ("state_race_any_opioid", "wonder_mcd_state/cdc_wonder_pull_all_opioids.txt", &[Count::Rows(1_836)]),
    ("us_race_any_opioid", "wonder_mcd_state/cdc_wonder_pull_natl_all_opioids.txt", &[Count::Rows(36)]),
    (
        "county_any_opioid_2006_2012",
        "wonder_mcd_county/smussenden_MCD_2006-2012_county_pooled_opioid.txt",
        &[Count::Rows(3_147), Count::Suppressed(1_584), Count::Total(143_104)],
    ),
    (
        "state_overdose",
        "wonder_ucd_state_drug/cagrimmett_UCD_1999-2015_state-year_overdose.txt",
        &[Count::Rows(867), Count::Deaths("2015", 52_404), Count::Total(568_699)],
    ),
    (
        "county_drug_induced",
        "wonder_ucd_county_drug/dblakev_UCD_1999-2015_year-state-county_drug-induced.txt",
        &[Count::Rows(11_408), Count::RowsOf("2015", 914)],
    ),
    ("state_firearm_2015", "wonder_firearm/akiokaki_UCD_2015_state_firearm_excl_suicide.txt", &[Count::Rows(50)]),
    (
        "state_race_firearm",
        "wonder_firearm/lettergram_UCD_2013-2016_state-race-year-cause_firearm.txt",
        &[Count::Rows(1_248), Count::RowsOf("2015", 315), Count::Deaths("2015", 33_967), Count::Deaths("", 133_037)],
    ),
];

/// A count that was made in a captured file independently of this program.
enum Count {
    /// Rows that are no totals.
    Rows(usize),
    /// Rows of a year.
    RowsOf(&'static str, usize),
    /// Rows whose deaths are suppressed.
    Suppressed(usize),
    /// Deaths of a year, or of all, in rows that are no totals.
    Deaths(&'static str, u64),
    /// Deaths in the last total row.
    Total(u64),
}

pub fn make(captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    let mut source = Source {
        publisher: "Centers for Disease Control and Prevention, National Center for Health Statistics",
        title: "CDC WONDER, Multiple Cause of Death (D77) and Underlying Cause of Death (D76): deaths by opioids, drugs and firearms, by place, year and race",
        grade: "publisher",
        credit: "Centers for Disease Control and Prevention, National Center for Health Statistics. Multiple Cause of Death 1999-2016 and 1999-2017, Underlying Cause of Death 1999-2015, 1999-2016 and 1999-2018 on CDC WONDER Online Database; accessed May 2017 to October 2020, as the notes of each export say",
        licence: "public domain; CDC WONDER data use restrictions apply",
        kept: "every row, suppressed and unreliable cells as the words that stand there, the whole of the notes",
        masked: "nothing: no persons",
        left_out: "nothing",
        ours: "labels of codes beside the figures; notes one to a row, unwrapped",
        ..Source::default()
    };
    let mut folder = Folder::new(tables, "wonder_exports")?;
    let (mut about, mut labels, mut notes) = (Vec::new(), BTreeSet::new(), Vec::new());
    for (id, file, counts) in EXPORTS {
        let bytes = source.read(captures, &format!("cdc/{file}"))?;
        let export = export(id, &bytes)?;
        let groups = export.groups();
        for row in &export.rows {
            for (place, group) in groups.iter().enumerate() {
                if !row[2 + 2 * place].is_empty() {
                    labels.insert(vec![group.clone(), row[2 + 2 * place].clone(), row[1 + 2 * place].clone()]);
                }
            }
        }
        let figures: Rows = export.rows.iter().map(|row| figures(row, groups.len())).collect();
        for count in *counts {
            check(&mut source, id, count, &groups, &figures)?;
        }
        let measures = &export.header[1 + 2 * groups.len()..];
        about.push(vec![(*id).to_owned(), groups.join("|"), measures.join("|"), export.line_end.to_owned()]);
        let header: Vec<&str> = ["kind"].into_iter().chain(groups.iter().chain(measures).map(String::as_str)).collect();
        folder.csv(&mut source, id, &header, figures)?;
        notes.extend(export.notes);
    }
    folder.csv(&mut source, "exports", &["export", "groups", "measures", "line_end"], about)?;
    folder.csv(&mut source, "labels", &["group", "code", "label"], labels)?;
    folder.csv(&mut source, "notes", &["export", "section", "number", "label", "text"], notes)?;
    Ok(vec![folder.finish(&source)?])
}

/// A row without labels: whether it is a total, the codes, the measures.
fn figures(row: &[String], groups: usize) -> Vec<String> {
    let kind = if row[0] == "Total" { "total" } else { "row" };
    let codes = (0..groups).map(|place| row[2 + 2 * place].clone());
    [kind.to_owned()].into_iter().chain(codes).chain(row[1 + 2 * groups..].iter().cloned()).collect()
}

fn check(source: &mut Source, id: &str, count: &Count, groups: &[String], figures: &Rows) -> Result<(), Failure> {
    let deaths_at = 1 + groups.len();
    let year_at = groups.iter().position(|group| group == "Year").map(|place| 1 + place);
    let of = |year: &str| {
        let is_of =
            |row: &&Vec<String>| row[0] == "row" && (year.is_empty() || year_at.is_some_and(|at| row[at] == year));
        figures.iter().filter(is_of).collect::<Vec<_>>()
    };
    let deaths = |rows: &[&Vec<String>]| rows.iter().filter_map(|row| row[deaths_at].parse::<u64>().ok()).sum::<u64>();
    match count {
        Count::Rows(want) => source.check(&format!("{id}: rows"), of("").len(), *want),
        Count::RowsOf(year, want) => source.check(&format!("{id}: rows of {year}"), of(year).len(), *want),
        Count::Suppressed(want) => {
            let found = figures.iter().filter(|row| row[deaths_at] == "Suppressed").count();
            source.check(&format!("{id}: suppressed rows"), found, *want)
        }
        Count::Deaths(year, want) => source.check(&format!("{id}: deaths {year}"), deaths(&of(year)), *want),
        Count::Total(want) => {
            let last = figures.iter().rfind(|row| row[0] == "total").ok_or("no total row")?;
            source.check(&format!("{id}: Total row"), last[deaths_at].parse::<u64>()?, *want)
        }
    }
}

type Rows = Vec<Vec<String>>;

/// An export's header and rows (all fields, unquoted) and its notes.
struct Export {
    header: Vec<String>,
    rows: Rows,
    notes: Rows,
    line_end: &'static str,
}

impl Export {
    /// The columns that rows are grouped by: each is followed by its code.
    fn groups(&self) -> Vec<String> {
        let followed = |pair: &&[String]| pair[1] == format!("{} Code", pair[0]);
        self.header[1..].chunks_exact(2).take_while(followed).map(|pair| pair[0].clone()).collect()
    }
}

fn export(name: &str, bytes: &[u8]) -> Result<Export, Failure> {
    let text = std::str::from_utf8(bytes)?;
    let line_end = if text.contains("\r\n") { "crlf" } else { "lf" };
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.iter().position(|line| *line == "\"---\"").ok_or("no footer")?;
    let header = fields(lines[0]);
    let rows = lines[1..end].iter().map(|line| fields(line)).collect();

    let mut notes: Rows = Vec::new();
    let mut section = "";
    let mut previous = 0;
    for line in &lines[end..] {
        let content = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line);
        let plain = content.replace("\"\"", "\"");
        match plain.as_str() {
            "---" => section = "",
            "Messages:" => section = "message",
            "Footnotes:" => section = "footnote",
            "Caveats:" => section = "caveat",
            "Query Parameters:" => section = "parameter",
            _ => {
                let number = notes.iter().filter(|note| note[1] == section).count() + 1;
                let numbered = matches!(section, "message" | "footnote" | "caveat");
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
    Ok(Export { header, rows, notes, line_end })
}

fn note(export: &str, section: &str, number: usize, label: &str, text: &str) -> Vec<String> {
    [export, section, &number.to_string(), label, text].map(str::to_owned).to_vec()
}

/// The fields of a line, unquoted.
pub fn fields(line: &str) -> Vec<String> {
    line.split('\t').map(|field| field.trim_matches('"').to_owned()).collect()
}
