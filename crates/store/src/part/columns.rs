//! Some columns of a part, a few thousand rows at a time: what a comparison of large slices reads.

use std::fs::File;

use arrow::array::RecordBatch;
use model::{Error, Kind, Result, ResultExt as _};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::Part;
use crate::Warehouse;
use crate::file::digest_of;

/// Rows handed on at once.
const ROWS: usize = 8192;

/// Hands on these columns of a part, in the part's own order, batch by batch. Its digest is verified first; no more than
/// a batch of it is in memory. An error of `take` ends the reading.
pub fn each_batch(
    warehouse: &Warehouse,
    part: &Part,
    columns: &[String],
    take: &mut dyn FnMut(RecordBatch) -> Result<()>,
) -> Result<()> {
    let damaged = |what: &str| {
        let error = Error::new(Kind::Damaged, format!("{} {what}", part.path));
        error.hint("`tollhouse snapshot verify` says what else is damaged")
    };
    match digest_of(warehouse.files(), &part.path)? {
        None => return Err(damaged("is missing")),
        Some((digest, _)) if digest != part.sha256 => return Err(damaged("is not what was committed")),
        Some(_) => {}
    }
    let broken = || format!("{} cannot be read as Parquet", part.path);
    let file =
        File::open(warehouse.root().join(&part.path)).or_error(Kind::Io, format!("cannot open {}", part.path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).or_error(Kind::Damaged, broken())?;
    if let Some(gone) = columns.iter().find(|name| builder.schema().column_with_name(name).is_none()) {
        return Err(damaged(&format!("has no column `{gone}`")));
    }
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().map(String::as_str));
    let reader = builder.with_projection(mask).with_batch_size(ROWS).build().or_error(Kind::Damaged, broken())?;
    for batch in reader {
        take(batch.or_error(Kind::Damaged, broken())?)?;
    }
    Ok(())
}
