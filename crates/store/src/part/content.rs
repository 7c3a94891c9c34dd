//! The digest of what a part says, whatever bytes a writer makes of it.
//!
//! It is SHA-256 over the names and types of the columns, and then over the rows in the part's order, of each the sum of
//! its cells' hashes. So a new version of the Parquet writer, which makes other bytes of the same rows, does not pass for
//! new data. What guards against damage is the digest of the bytes; this one only compares.

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use model::{Digest, Kind, Result, ResultExt as _};
use sha2::Digest as _;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use super::coded::Rows;
use super::entries::{Entry, NULL, Values, View, number_at};

/// The digest of the rows of a batch.
pub(super) fn of_batch(batch: &RecordBatch) -> Result<Digest> {
    Ok(digest(batch.schema_ref(), sums(batch)?.into_iter()))
}

/// The digest of rows that are told as numbers of entries.
pub(super) fn of_rows(rows: &Rows<'_>) -> Result<Digest> {
    let plain = sums(rows.plain)?;
    let mut coded: Vec<Sums<'_>> = rows.coded.iter().map(|coded| Sums::new(coded.entries)).collect();
    let each = rows.order.iter().map(|row| {
        let row = *row as usize;
        let mut sum = plain.get(row).copied().unwrap_or_default();
        for (sums, coded) in coded.iter_mut().zip(&rows.coded) {
            sum = sum.wrapping_add(sums.of(coded.entry[row]));
        }
        sum
    });
    Ok(digest(&rows.schema, each))
}

fn digest(schema: &Schema, rows: impl Iterator<Item = u128>) -> Digest {
    let mut hasher = sha2::Sha256::new();
    for field in schema.fields() {
        hasher.update(format!("{}\t{}\n", field.name(), field.data_type()));
    }
    let mut block = Vec::with_capacity(BLOCK);
    for row in rows {
        block.extend_from_slice(&row.to_le_bytes());
        if block.len() >= BLOCK {
            hasher.update(&block);
            block.clear();
        }
    }
    hasher.update(&block);
    Digest::from_hash(hasher.finalize().as_ref())
}

/// Bytes that are hashed at once.
const BLOCK: usize = 64 * 1024;

/// Of each row of a batch, the sum of its cells' hashes.
fn sums(batch: &RecordBatch) -> Result<Vec<u128>> {
    let mut sums = vec![0_u128; batch.num_rows()];
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let cell = Cell::of(field.name());
        for (row, sum) in sums.iter_mut().enumerate() {
            *sum = sum.wrapping_add(cell.at(array, row)?);
        }
    }
    Ok(sums)
}

/// What tells cells of one column from those of another.
#[derive(Clone, Copy)]
struct Cell(u64);

impl Cell {
    fn of(column: &str) -> Self {
        Self(xxh3_64(column.as_bytes()))
    }

    fn null(self) -> u128 {
        xxh3_128_with_seed(b"", !self.0)
    }

    fn text(self, text: &str) -> u128 {
        xxh3_128_with_seed(text.as_bytes(), self.0)
    }

    fn number(self, number: i128) -> u128 {
        xxh3_128_with_seed(&number.to_le_bytes(), self.0)
    }

    fn at(self, array: &ArrayRef, row: usize) -> Result<u128> {
        Ok(match array.data_type() {
            _ if array.is_null(row) => self.null(),
            DataType::Utf8 => self.text(array.as_string::<i32>().value(row)),
            DataType::Boolean | DataType::Int32 | DataType::Int64 | DataType::Date32 | DataType::Decimal128(..) => {
                number_at(array, row).map_or_else(|| self.null(), |number| self.number(number))
            }
            _ => {
                let text = ArrayFormatter::try_new(array, &FormatOptions::default());
                self.text(&text.or_error(Kind::Internal, "a cell has no text")?.value(row).to_string())
            }
        })
    }
}

/// The sums of entries, each made when it is first asked for.
struct Sums<'a> {
    columns: Vec<(Cell, &'a Entry)>,
    known: Vec<Option<u128>>,
}

impl<'a> Sums<'a> {
    fn new(entries: &'a View) -> Self {
        let columns = entries.columns.iter().map(|entry| (Cell::of(entry.field.name()), entry));
        let known = entries.columns.first().map_or(0, |entry| entry.ids.len());
        Self { columns: columns.collect(), known: vec![None; known] }
    }

    fn of(&mut self, entry: u32) -> u128 {
        // A group without columns adds nothing.
        let Some(known) = self.known.get_mut(entry as usize) else { return 0 };
        *known.get_or_insert_with(|| {
            let each = self.columns.iter().map(|(cell, column)| match (*column.ids.get(entry), &column.values) {
                (NULL, _) => cell.null(),
                (id, Values::Texts(texts)) => cell.text(texts.get(id)),
                (id, Values::Numbers(numbers)) => cell.number(*numbers.get(id)),
            });
            each.fold(0, u128::wrapping_add)
        })
    }
}
