//! What tells a row from every other, in sixteen bytes: so that rows of any number can be compared in little memory.
//!
//! [`of`] makes it of the dataset's key. Two rows with different keys have the same fingerprint with a chance of one in
//! 10²⁰, among as many rows as any of our publishers has.

use std::collections::BTreeSet;

use arrow::array::{Array as _, ArrayRef, RecordBatch};
use arrow::row::{RowConverter, Rows, SortField};
use model::dataset::{Dataset, ORIGIN, Repeats};
use model::{Error, Kind, Result, ResultExt as _};
use sha2::{Digest as _, Sha256};

/// The fingerprint of each row of a batch that has the columns of the key, and [`every`] column where there are
/// [`open_rows`].
pub(crate) fn of(dataset: &Dataset, batch: &RecordBatch) -> Result<Vec<u128>> {
    let key = encoded(batch, &key(dataset))?;
    let open = open_rows(dataset, batch)?;
    let whole = if open.is_empty() { None } else { Some(encoded(batch, &every(dataset))?) };
    Ok((0..batch.num_rows())
        .map(|row| match &whole {
            Some(whole) if open.contains(&row) => digest(b'w', whole.row(row).data()),
            _ => digest(b'k', key.row(row).data()),
        })
        .collect())
}

/// The rows that their key does not tell from others, and that are told by every column instead.
pub(crate) fn open_rows(dataset: &Dataset, batch: &RecordBatch) -> Result<BTreeSet<usize>> {
    let mut open = BTreeSet::new();
    for name in nullable(dataset) {
        let column = column(batch, &name)?;
        if column.null_count() > 0 {
            open.extend((0..column.len()).filter(|row| column.is_null(*row)));
        }
    }
    Ok(open)
}

/// The columns of the key of which a null leaves a row open.
pub(crate) fn nullable(dataset: &Dataset) -> Vec<String> {
    let check = &dataset.spec.check;
    let counted = check.repeats == Repeats::Counted;
    check.key.iter().filter(|name| counted && check.nullable.contains(name)).cloned().collect()
}

/// The columns of the key.
pub(crate) fn key(dataset: &Dataset) -> Vec<String> {
    dataset.spec.check.key.clone()
}

/// Every column but those that say where a row stood.
pub(crate) fn every(dataset: &Dataset) -> Vec<String> {
    dataset.columns().into_iter().filter(|name| !ORIGIN[1..].contains(&name.as_str())).collect()
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| Error::new(Kind::Damaged, format!("a part has no column `{name}`")))
}

fn encoded(batch: &RecordBatch, names: &[String]) -> Result<Rows> {
    let columns = names.iter().map(|name| column(batch, name).cloned()).collect::<Result<Vec<_>>>()?;
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    RowConverter::new(fields)
        .and_then(|converter| converter.convert_columns(&columns))
        .or_error(Kind::Internal, "the key cannot be compared")
}

fn digest(kind: u8, bytes: &[u8]) -> u128 {
    let hash = Sha256::new().chain_update([kind]).chain_update(bytes).finalize();
    hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}
