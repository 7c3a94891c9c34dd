//! A table of plain rows that came as a workbook, though its name says otherwise.

use std::io::Read as _;

use model::{Error, Kind, Result, ResultExt as _};

use super::Batches;
use crate::content;
use crate::extract::sheet::{self, Sheet};
use crate::extract::{Emit, Page};

/// The largest workbook, in bytes: it is read into memory, other than text.
const LARGEST: u64 = 256 << 20;

/// The first sheet of a page that is a workbook.
pub(super) fn open(page: &Page, limit: u64) -> Result<Option<Sheet>> {
    let mut head = Vec::new();
    let read = page.raw()?.take(8).read_to_end(&mut head);
    read.or_error(Kind::Io, format!("cannot read the body of {}", page.url))?;
    if !content::is_workbook(&head) {
        return Ok(None);
    }
    let sheets = sheet::read(&page.bytes(limit.min(LARGEST))?, &page.url)?;
    let first = sheets.into_iter().next();
    first
        .map(Some)
        .ok_or_else(|| Error::new(Kind::NotData, format!("{} has no sheets", page.url)).hint("fetch it again"))
}

/// The names in the first row, which must be several and all different.
pub(in crate::extract) fn header(sheet: &Sheet, page: &Page) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::with_capacity(sheet.columns());
    let printed = (0..sheet.columns()).map(|column| sheet.text(0, column).trim().to_owned());
    for name in printed.take_while(|name| !name.is_empty()) {
        if names.contains(&name) {
            return Err(Error::new(Kind::Changed, format!("{}: two columns are named `{name}`", page.url))
                .hint("`tollhouse probe` compares the publisher's header with the pipeline's"));
        }
        names.push(name);
    }
    if names.len() < 2 {
        let first: String = sheet.text(0, 0).chars().take(60).collect();
        return Err(Error::new(
            Kind::Changed,
            format!("{} is another table: the first row of its first sheet is no header, but `{first}`", page.url),
        )
        .hint("`tollhouse probe` shows what the publisher serves now"));
    }
    Ok(names)
}

/// Hands on the rows below the header; blank ones at the end are none.
pub(in crate::extract) fn rows(sheet: &Sheet, index: usize, page: &Page, emit: Emit<'_>) -> Result<()> {
    let names = header(sheet, page)?;
    let mut batches = Batches::new(index, &names);
    let blank = |row: usize| (0..sheet.columns()).all(|column| sheet.text(row, column).is_empty());
    let end = (1..sheet.rows()).rev().find(|row| !blank(*row)).map_or(1, |last| last + 1);
    for row in 1..end {
        if let Some(column) = (names.len()..sheet.columns()).find(|column| !sheet.text(row, *column).is_empty()) {
            return Err(Error::new(
                Kind::Changed,
                format!("{}: row {} holds something in column {}, which has no header", page.url, row + 1, column + 1),
            )
            .hint("`tollhouse probe` shows what the publisher serves now"));
        }
        if blank(row) {
            return Err(Error::new(
                Kind::NotData,
                format!("{}: row {} is blank, and rows follow it", page.url, row + 1),
            )
            .hint("the file is damaged there: fetch it again; nothing of it was kept"));
        }
        for column in 0..names.len() {
            batches.cell(column, Some(&sheet.text(row, column)));
        }
        batches.end_row(row as u64 + 1, emit)?;
    }
    batches.finish(emit)
}

#[cfg(test)]
mod tests;
