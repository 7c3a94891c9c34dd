//! The embedded tables: zstd-compressed CSV under `tables/`, read whole.
//!
//! Absent: any publisher's format.

use crate::{Error, Result};
use csv::StringRecord;
use include_dir::{Dir, include_dir};

static TABLES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/tables");

/// One part of a table.
pub struct Table {
    path: String,
    /// The rows in their order; every row has as many fields as the header.
    pub rows: Vec<StringRecord>,
}

impl Table {
    /// Reads `tables/<path>.csv.zst`.
    pub fn read(path: &str) -> Result<Self> {
        let file = format!("{path}.csv.zst");
        let packed = TABLES.get_file(&file).ok_or_else(|| Error::table(path, "is not embedded"))?.contents();
        let text = zstd::decode_all(packed).map_err(|e| Error::table(path, e))?;
        let csv = csv::Reader::from_reader(text.as_slice());
        let rows = csv.into_records().collect::<Result<Vec<_>, _>>().map_err(|e| Error::table(path, e))?;
        Ok(Self { path: path.to_owned(), rows })
    }

    /// The row with a number, counted from 1 as the tables do.
    pub fn numbered(&self, number: &str) -> Result<&StringRecord> {
        let at = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        at.and_then(|at| self.rows.get(at))
            .filter(|row| row.get(0) == Some(number))
            .ok_or_else(|| Error::table(&self.path, format!("has no row {number}")))
    }

    /// The rows whose first field is `key`.
    pub fn of<'t>(&'t self, key: &'t str) -> impl Iterator<Item = &'t StringRecord> {
        self.rows.iter().filter(move |row| row.get(0) == Some(key))
    }
}

/// A field by position; rows are as wide as their header, so a missing one reads as empty.
pub fn at(row: &StringRecord, column: usize) -> &str {
    row.get(column).unwrap_or("")
}
