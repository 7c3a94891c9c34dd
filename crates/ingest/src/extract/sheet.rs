//! Cells of a workbook as text, whether it is an XLS or an XLSX.

use std::io::{Cursor, Read, Seek};
use std::panic::AssertUnwindSafe;

use calamine::{Data, Range, Reader, Xls, Xlsx};
use model::{Error, Kind, Result};

/// A worksheet, addressed by 0-based rows and columns from its upper left corner.
pub(super) struct Sheet {
    range: Range<Data>,
}

impl Sheet {
    /// How many rows it has, from the top of the sheet.
    pub fn rows(&self) -> usize {
        self.range.end().map_or(0, |(row, _)| row as usize + 1)
    }

    /// How many columns it has, from the left of the sheet.
    pub fn columns(&self) -> usize {
        self.range.end().map_or(0, |(_, column)| column as usize + 1)
    }

    /// A cell as text: whole numbers without a fraction, blanks as nothing, anything else as it stands.
    pub fn text(&self, row: usize, column: usize) -> String {
        let (Ok(row), Ok(column)) = (u32::try_from(row), u32::try_from(column)) else { return String::new() };
        match self.range.get_value((row, column)) {
            None | Some(Data::Empty) => String::new(),
            Some(Data::String(text)) if text.trim().is_empty() => String::new(),
            Some(Data::String(text)) => text.clone(),
            // Floats print without a fraction where they have none.
            Some(cell) => cell.to_string(),
        }
    }
}

/// The worksheets of a workbook, told apart by its first bytes whatever it is named.
pub(super) fn read(bytes: &[u8], url: &str) -> Result<Vec<Sheet>> {
    Ok(named(bytes, url)?.into_iter().map(|(_, sheet)| sheet).collect())
}

/// The same, each after its name.
pub(super) fn named(bytes: &[u8], url: &str) -> Result<Vec<(String, Sheet)>> {
    let broken = |cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(Kind::NotData, format!("{url} is no whole workbook"))
            .caused_by(cause)
            .hint("fetch it again; nothing of it was kept")
    };
    let read = || {
        let cursor = Cursor::new(bytes);
        if bytes.starts_with(b"PK\x03\x04") {
            Xlsx::new(cursor).and_then(ranges).map_err(|error| broken(error.into()))
        } else {
            Xls::new(cursor).and_then(ranges).map_err(|error| broken(error.into()))
        }
    };
    // The reader of old workbooks panics at some cut files, and a publisher's bytes must not bring the program down.
    let ranges = std::panic::catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(broken("its inner directory points outside the file".into())))?;
    Ok(ranges.into_iter().map(|(name, range)| (name, Sheet { range })).collect())
}

fn ranges<R, B>(mut book: B) -> Result<Vec<(String, Range<Data>)>, B::Error>
where
    R: Read + Seek,
    B: Reader<R>,
{
    book.sheet_names().into_iter().map(|name| book.worksheet_range(&name).map(|range| (name, range))).collect()
}
