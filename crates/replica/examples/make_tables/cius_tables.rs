//! Small tables of "Crime in the United States": weapons by state, weapons by year, the nation by year.

use super::Failure;
use super::cius::{cell, footnoted, sheet};
use super::out::{Folder, Source};
use std::path::Path;

/// The table's key, its file, its rows and columns of figures, and a cell that it must have: heading, row, figure.
const TABLES: [(&str, &str, usize, usize, [&str; 3]); 6] = [
    (
        "weapons_state_2013",
        "fbi/cius/2013/Table_20_Murder_by_State_Types_of_Weapons_2013.xls",
        52,
        9,
        ["Handguns", "California", "805"],
    ),
    (
        "weapons_state_2015",
        "fbi/cius/2015/Table_20_Murder_by_State_Types_of_Weapons_2015.xls",
        52,
        9,
        ["Handguns", "California", "855"],
    ),
    (
        "weapons_us_2013",
        "fbi/cius/2013/Expanded_Homicide_Data_Table_8_Murder_Victims_by_Weapon_2009-2013.xls",
        18,
        5,
        ["2013", "Total", "12253"],
    ),
    (
        "weapons_us_2015",
        "fbi/cius/2015/Expanded_Homicide_Data_Table_8_Murder_Victims_by_Weapon_2011-2015.xls",
        18,
        5,
        ["2015", "Total", "13455"],
    ),
    (
        "us_2013",
        "fbi/cius/2013/Table_1_Crime_in_the_United_States_by_Volume_and_Rate_per_100000_Inhabitants_1994-2013.xls",
        20,
        19,
        ["Murder and\nnonnegligent \nmanslaughter", "2013", "14196"],
    ),
    (
        "us_2015",
        "fbi/cius/2015/Table_1_Crime_in_the_United_States_by_Volume_and_Rate_per_100000_Inhabitants_1996-2015.xls",
        20,
        21,
        ["Murder and\nnonnegligent \nmanslaughter", "2015", "15696"],
    ),
];

/// Rows of the title; the headings are in the next.
const TITLE: u32 = 3;

pub fn make(captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    let mut source = Source {
        publisher: "Federal Bureau of Investigation",
        title: "Crime in the United States, 2013 and 2015: Table 1, Table 20, Expanded Homicide Data Table 8",
        grade: "publisher",
        credit: "Federal Bureau of Investigation, Uniform Crime Reporting Program, Crime in the United States, 2013 and 2015",
        licence: "public domain (U.S. Government work)",
        kept: "every figure, names with their footnote digits, headings, notes, and Table 1A below Table 1 of 2013",
        masked: "nothing: no persons",
        left_out: "fonts, widths, merged cells, and cells that hold one blank",
        ours: "headings, labels and footnote digits apart; an empty field is an empty cell",
        ..Source::default()
    };
    let mut folder = Folder::new(tables, "cius_tables")?;
    let (mut sheets, mut headings, mut below) = (Vec::new(), Vec::new(), Vec::new());
    for (key, file, want_rows, figures, [heading, label, figure]) in TABLES {
        let (name, range) = sheet(source.read(captures, file)?)?;
        let (last_row, last_column) = range.end().ok_or("an empty sheet")?;
        let text = |row, column| {
            cell(&range, row, column).map(|text| if text.trim().is_empty() { String::new() } else { text })
        };
        sheets.push(vec![key.to_owned(), name]);
        let mut wanted = None;
        for row in 0..=TITLE {
            for column in 0..=last_column {
                let cell = text(row, column)?;
                // A heading may be a year, which is no footnote.
                let plain = row < TITLE || cell.parse::<u32>().is_ok();
                let (name, number) = if plain { (cell.as_str(), "") } else { footnoted(&cell) };
                if name == heading && row == TITLE {
                    wanted = Some(column);
                }
                if !cell.is_empty() {
                    headings
                        .push([key, &row.to_string(), &column.to_string(), name, number].map(str::to_owned).to_vec());
                }
            }
        }
        let wanted = wanted.ok_or_else(|| format!("{file}: no heading `{heading}`"))?;
        let mut rows = Vec::new();
        let mut found = String::new();
        let end = TITLE + 1 + u32::try_from(want_rows)?;
        for row in TITLE + 1..end {
            let printed = text(row, 0)?;
            let is_year = printed.len() >= 4 && printed.bytes().all(|byte| byte.is_ascii_digit());
            let (name, number) = if is_year { printed.split_at(4) } else { footnoted(&printed) };
            if name == label {
                found = text(row, wanted)?;
            }
            let mut fields = vec![name.to_owned(), number.to_owned()];
            for column in 1..=u32::try_from(figures)? {
                fields.push(text(row, column)?);
            }
            rows.push(fields);
        }
        source.check(&format!("{key}: {} {label}", heading.replace('\n', " ")), found, figure.to_owned())?;
        for row in end..=last_row {
            for column in 0..=last_column {
                let cell = text(row, column)?;
                if !cell.is_empty() {
                    below.push(vec![key.to_owned(), row.to_string(), column.to_string(), cell]);
                }
            }
        }
        let columns: Vec<String> = (1..=figures).map(|column| format!("figure_{column}")).collect();
        let header: Vec<&str> = ["label", "footnote"].into_iter().chain(columns.iter().map(String::as_str)).collect();
        folder.csv(&mut source, key, &header, rows)?;
    }
    folder.csv(&mut source, "sheets", &["table", "name"], sheets)?;
    folder.csv(&mut source, "headings", &["table", "row", "column", "text", "footnote"], headings)?;
    folder.csv(&mut source, "below", &["table", "row", "column", "text"], below)?;
    Ok(vec![folder.finish(&source)?])
}
