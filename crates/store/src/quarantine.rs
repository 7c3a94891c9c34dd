//! Quarantine: rows that were rejected, each with the rule it broke and its place in the capture.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use model::{DatasetId, Digest, Kind, Result, ResultExt as _};

use crate::Warehouse;
use crate::part::encode;

/// A row that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The capture it stands in.
    pub capture: Digest,
    /// Its 1-based place there.
    pub record: u64,
    /// The column at fault.
    pub column: String,
    /// The rule it broke, in words.
    pub rule: String,
    /// The cell as it stood; masked where the column is one that persons lose.
    pub raw: String,
}

/// Writes the rejected rows of one run; returns the path below the root. The same rows give the same file.
pub fn write(warehouse: &Warehouse, dataset: &DatasetId, rows: &[Rejected]) -> Result<String> {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let schema = Schema::new(vec![
        text("capture"),
        Field::new("record", DataType::UInt64, false),
        text("column"),
        text("rule"),
        text("raw"),
    ]);
    let strings =
        |get: fn(&Rejected) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(get))) };
    let batch = RecordBatch::try_new(
        Arc::new(schema),
        vec![
            strings(|row| row.capture.as_str()),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.record))),
            strings(|row| &row.column),
            strings(|row| &row.rule),
            strings(|row| &row.raw),
        ],
    )
    .or_error(Kind::Internal, "rejected rows cannot be tabulated")?;
    let bytes = encode(&batch)?;
    let path = format!("quarantine/{dataset}/{}.parquet", Digest::of(&bytes));
    warehouse.files().create(&path, bytes.into())?;
    Ok(path)
}
