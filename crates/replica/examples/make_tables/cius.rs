//! Three city tables of "Crime in the United States", and a corner of a county table.

use super::Failure;
use super::out::{Folder, Source};
use calamine::{Data, Range, Reader, Xls};
use std::io::Cursor;
use std::path::Path;

const CITIES: [(&str, &str, usize, u64); 3] = [
    ("2013", "fbi/cius/2013/Table_8_Offenses_Known_to_Law_Enforcement_by_State_by_City_2013.xls", 9_292, 10_247),
    ("2015", "fbi/cius/2015/Table_8_Offenses_Known_to_Law_Enforcement_by_State_by_City_2015.xls", 9_395, 11_496),
    ("2016", "fbi/cius/2016/Table_6_Offenses_Known_to_Law_Enforcement_by_State_by_City_2016.xls", 9_579, 12_601),
];

const COUNTIES: &str = "fbi/cius/2015/Table_10_Offenses_Known_to_Law_Enforcement_by_State_by_Metropolitan_and_Nonmetropolitan_Counties_2015.xls";

const OFFENCES: [&str; 11] = [
    "violent",
    "murder",
    "rape_revised",
    "rape_legacy",
    "robbery",
    "assault",
    "property",
    "burglary",
    "larceny",
    "vehicle_theft",
    "arson",
];

pub fn make(captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    Ok(vec![cities(captures, tables)?, counties(captures, tables)?])
}

fn cities(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: "Federal Bureau of Investigation",
        title: "Crime in the United States, Offenses Known to Law Enforcement by State by City, 2013, 2015, 2016",
        grade: "publisher",
        credit: "Federal Bureau of Investigation, Uniform Crime Reporting Program, Crime in the United States, 2013, 2015 and 2016",
        licence: "public domain (U.S. Government work)",
        kept: "every city, its figures, names with their footnote digits, headings, notes, and stray cells that hold one blank",
        masked: "nothing: no persons",
        left_out: "fonts, widths and merged cells",
        ours: "states as sections; headings and footnote digits apart; an empty field is an empty cell",
        ..Source::default()
    };
    let mut folder = Folder::new(tables, "cius_city")?;
    let (mut headings, mut sections, mut notes, mut sheets) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (year, file, want_rows, want_murders) in CITIES {
        let (name, range) = sheet(source.read(captures, file)?)?;
        let (last_row, last_column) = range.end().ok_or("an empty sheet")?;
        sheets.push(vec![year.to_owned(), name]);
        for row in 0..4 {
            for column in 0..=last_column {
                let text = cell(&range, row, column)?;
                if text.is_empty() {
                    continue;
                }
                let (label, footnote) = if row == 3 { footnoted(&text) } else { (text.as_str(), "") };
                headings
                    .push([year, &row.to_string(), &column.to_string(), label, footnote].map(str::to_owned).to_vec());
            }
        }
        let mut cities = Vec::new();
        let mut section = 0;
        let mut murders = 0;
        for row in 4..=last_row {
            let first = cell(&range, row, 0)?;
            let city = cell(&range, row, 1)?;
            for column in 14..=last_column {
                // Blanks that someone left in otherwise empty columns.
                let text = cell(&range, row, column)?;
                if !text.is_empty() {
                    headings.push([year, &row.to_string(), &column.to_string(), &text, ""].map(str::to_owned).to_vec());
                }
            }
            if city.is_empty() {
                let (number, text) = first.split_once(' ').ok_or("a note without a number")?;
                number.parse::<u32>()?;
                notes.push(vec![year.to_owned(), number.to_owned(), text.to_owned()]);
                continue;
            }
            if !first.is_empty() {
                section += 1;
                sections.push(vec![year.to_owned(), section.to_string(), first]);
            }
            let mut fields = vec![section.to_string(), city];
            for column in 2..14 {
                fields.push(cell(&range, row, column)?);
            }
            murders += fields[4].parse::<u64>()?;
            cities.push(fields);
        }
        source.check(&format!("cities {year}"), cities.len(), want_rows)?;
        source.check(&format!("murders {year}"), murders, want_murders)?;
        let header: Vec<&str> = ["section", "city", "population"].into_iter().chain(OFFENCES).collect();
        folder.csv(&mut source, &format!("cities_{year}"), &header, cities)?;
    }
    folder.csv(&mut source, "sheets", &["year", "name"], sheets)?;
    folder.csv(&mut source, "headings", &["year", "row", "column", "text", "footnote"], headings)?;
    folder.csv(&mut source, "sections", &["year", "section", "label"], sections)?;
    folder.csv(&mut source, "notes", &["year", "number", "text"], notes)?;
    folder.finish(&source)
}

fn counties(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: "Federal Bureau of Investigation",
        title: "Crime in the United States, Offenses Known to Law Enforcement by State by Metropolitan and Nonmetropolitan Counties, 2015",
        grade: "publisher",
        credit: "Federal Bureau of Investigation, Uniform Crime Reporting Program, Crime in the United States, 2015",
        licence: "public domain (U.S. Government work)",
        kept: "the headings and the first twelve counties: enough to be mistaken for a city table",
        masked: "nothing: no persons",
        left_out: "all other counties, the notes",
        ours: "headings and footnote digits apart",
        ..Source::default()
    };
    let (_, range) = sheet(source.read(captures, COUNTIES)?)?;
    let mut headings = Vec::new();
    for row in 0..5 {
        for column in 0..13 {
            let text = cell(&range, row, column)?;
            if text.is_empty() {
                continue;
            }
            let (label, footnote) = if row == 4 { footnoted(&text) } else { (text.as_str(), "") };
            headings.push([&row.to_string(), &column.to_string(), label, footnote].map(str::to_owned).to_vec());
        }
    }
    let mut rows = Vec::new();
    for row in 5..17 {
        rows.push((0..13).map(|column| cell(&range, row, column)).collect::<Result<Vec<_>, _>>()?);
    }
    source.check("counties", rows.len(), 12)?;
    source.check("murders in the first county", rows[0][3].clone(), "0".to_owned())?;
    let mut folder = Folder::new(tables, "cius_county")?;
    let header: Vec<&str> = ["section", "county"].into_iter().chain(OFFENCES).collect();
    folder.csv(&mut source, "headings", &["row", "column", "text", "footnote"], headings)?;
    folder.csv(&mut source, "counties_2015", &header, rows)?;
    folder.finish(&source)
}

pub fn sheet(bytes: Vec<u8>) -> Result<(String, Range<Data>), Failure> {
    let mut book = Xls::new(Cursor::new(bytes))?;
    let mut sheets = book.worksheets();
    if sheets.len() != 1 {
        return Err("more than one sheet".into());
    }
    sheets.pop().ok_or_else(|| "no sheet".into())
}

/// A cell's text; whole numbers without their point.
pub fn cell(range: &Range<Data>, row: u32, column: u32) -> Result<String, Failure> {
    match range.get_value((row, column)) {
        None | Some(Data::Empty) => Ok(String::new()),
        Some(Data::String(text)) => Ok(text.clone()),
        Some(Data::Int(number)) => Ok(number.to_string()),
        // A float prints without a fraction where it has none.
        Some(Data::Float(number)) => Ok(number.to_string()),
        Some(other) => Err(format!("row {row}, column {column}: {other:?}").into()),
    }
}

/// A heading without its glued footnote digits, and the digits.
pub fn footnoted(text: &str) -> (&str, &str) {
    text.split_at(text.trim_end_matches(|c: char| c.is_ascii_digit()).len())
}
