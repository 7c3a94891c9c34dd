//! "Crime in the United States": the city table as a workbook, a county table that looks much like it, and the small tables
//! of weapons and of the nation.
//!
//! The FBI's files are BIFF8; these are XLSX of the same cells, so a reader must look at the bytes, not at the name.
//! Absent: fonts, widths, merged cells.

use crate::table::{Table, at};
use crate::{Error, Result};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, XlsxError};

/// A sheet as cells: (row, column, content).
pub struct Sheet {
    /// The sheet's name, `13tbl8`.
    pub name: String,
    /// The row of the column headings.
    pub heading_row: u32,
    /// Titles, headings and stray cells: row, column, text as printed.
    pub headings: Vec<(u32, u16, String)>,
    /// The rows below the headings; an empty field prints as no cell.
    pub rows: Vec<Vec<String>>,
    /// The column from which fields that are numbers print as such.
    pub figures_from: u16,
    /// Lines below the rows, in the first column.
    pub notes: Vec<String>,
}

/// The city table of 2013, 2015 or 2016.
pub fn cities(year: &str) -> Result<Sheet> {
    let sheets = Table::read("cius_city/sheets")?;
    let name = sheets.of(year).next().map(|row| at(row, 1).to_owned());
    let sections = Table::read("cius_city/sections")?;
    let labels: Vec<&str> = sections.of(year).map(|row| at(row, 2)).collect();
    let cities = Table::read(&format!("cius_city/cities_{year}"))?;
    let mut rows = Vec::with_capacity(cities.rows.len());
    let mut section = 0;
    for row in &cities.rows {
        let mut fields: Vec<String> = row.iter().map(str::to_owned).collect();
        let number = at(row, 0).parse::<usize>().map_err(|e| Error::table("cius_city", e))?;
        // A state stands in its first row only.
        let label = if number == section {
            ""
        } else {
            number.checked_sub(1).and_then(|at| labels.get(at)).copied().unwrap_or("")
        };
        section = number;
        if let Some(first) = fields.first_mut() {
            label.clone_into(first);
        }
        rows.push(fields);
    }
    let notes = Table::read("cius_city/notes")?;
    Ok(Sheet {
        name: name.ok_or_else(|| Error::table("cius_city/sheets", format!("has no year {year}")))?,
        heading_row: 3,
        headings: headings(&Table::read("cius_city/headings")?, Some(year)),
        rows,
        figures_from: 2,
        notes: notes.of(year).map(|row| format!("{} {}", at(row, 1), at(row, 2))).collect(),
    })
}

/// The head of the county table of 2015: a bracketed note above the headings, no population, counties for cities.
pub fn counties() -> Result<Sheet> {
    let counties = Table::read("cius_county/counties_2015")?;
    Ok(Sheet {
        name: "15tbl10".to_owned(),
        heading_row: 4,
        headings: headings(&Table::read("cius_county/headings")?, None),
        rows: counties.rows.iter().map(|row| row.iter().map(str::to_owned).collect()).collect(),
        figures_from: 2,
        notes: Vec::new(),
    })
}

/// One of the small tables, by its key: `us_2015`, `weapons_state_2013` and the like.
pub fn small(key: &str) -> Result<Sheet> {
    let sheets = Table::read("cius_tables/sheets")?;
    let name = sheets.of(key).next().map(|row| at(row, 1).to_owned());
    let rows = Table::read(&format!("cius_tables/{key}"))?;
    let rows = rows.rows.iter().map(|row| {
        let label = format!("{}{}", at(row, 0), at(row, 1));
        [label].into_iter().chain(row.iter().skip(2).map(str::to_owned)).collect()
    });
    // What stands below the rows is placed as the headings are.
    let mut cells = headings(&Table::read("cius_tables/headings")?, Some(key));
    cells.extend(headings(&Table::read("cius_tables/below")?, Some(key)));
    Ok(Sheet {
        name: name.ok_or_else(|| Error::table("cius_tables/sheets", format!("has no table {key}")))?,
        heading_row: 3,
        headings: cells,
        rows: rows.collect(),
        figures_from: 1,
        notes: Vec::new(),
    })
}

fn headings(table: &Table, key: Option<&str>) -> Vec<(u32, u16, String)> {
    let first = usize::from(key.is_some());
    let rows = table.rows.iter().filter(|row| key.is_none_or(|key| at(row, 0) == key));
    rows.filter_map(|row| {
        let place = (at(row, first).parse().ok()?, at(row, first + 1).parse().ok()?);
        Some((place.0, place.1, format!("{}{}", at(row, first + 2), at(row, first + 3))))
    })
    .collect()
}

impl Sheet {
    /// The workbook's bytes, the same for the same cells.
    pub fn xlsx(&self) -> Result<Vec<u8>> {
        self.write().map_err(|e| Error::print(&self.name, e))
    }

    fn write(&self) -> std::result::Result<Vec<u8>, XlsxError> {
        let mut book = Workbook::new();
        // The library would write the time of the day.
        let created = ExcelDateTime::from_ymd(2016, 9, 26)?;
        book.set_properties(&DocProperties::new().set_author("").set_creation_datetime(&created));
        let sheet = book.add_worksheet();
        sheet.set_name(&self.name)?;
        for (row, column, text) in &self.headings {
            sheet.write_string(*row, *column, text)?;
        }
        let mut line = self.heading_row + 1;
        for row in &self.rows {
            for (column, field) in (0..).zip(row) {
                if field.is_empty() {
                    continue;
                }
                match field.parse::<f64>() {
                    Ok(number) if column >= self.figures_from => sheet.write_number(line, column, number)?,
                    _ => sheet.write_string(line, column, field)?,
                };
            }
            line += 1;
        }
        for note in &self.notes {
            sheet.write_string(line, 0, note)?;
            line += 1;
        }
        book.save_to_buffer()
    }
}
