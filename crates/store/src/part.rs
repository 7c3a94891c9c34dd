//! Parts: immutable Parquet files, named by their content.
//!
//! The same rows written by the same program give the same bytes: one writer thread, fixed settings, no metadata that
//! depends on time or on the order of a hash map. The column that a folder is named for is inside the file as well, and
//! every field carries its permanent id.

mod columns;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use bytes::Bytes;
use model::{Digest, Kind, Release, Result, ResultExt as _};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use serde::{Deserialize, Serialize};

pub use columns::each_batch;

use crate::Warehouse;

mod coded;
mod content;
mod entries;
mod runs;

pub use coded::{Coded, Rows};
pub use entries::{Entries, View};

/// Names the writer inside each file; part of what a byte digest depends on.
const CREATED_BY: &str = "tollhouse parts 1";

/// A part, as a manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The table it belongs to: the dataset's own, or a companion.
    pub table: String,
    /// Its path below the root.
    pub path: String,
    /// The digest of its bytes.
    pub sha256: Digest,
    /// The digest of its columns and rows, whatever bytes they are in: equal where two writers say the same. Absent from
    /// manifests of programs that did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Digest>,
    /// Its length.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// The year it holds, where the dataset is cut by year.
    pub year: Option<i32>,
}

/// Where a part belongs.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The edition.
    pub release: &'a Release,
    /// The year, where the dataset is cut by year.
    pub year: Option<i32>,
}

/// Writes one part. It is unreferenced until a snapshot names it.
pub fn write(warehouse: &Warehouse, place: Place<'_>, batch: &RecordBatch) -> Result<Part> {
    keep(warehouse, place, encode(batch)?, content::of_batch(batch)?, batch.num_rows())
}

/// Writes one part of rows that are told as numbers of entries. It is unreferenced until a snapshot names it.
pub fn write_rows(warehouse: &Warehouse, place: Place<'_>, rows: &Rows<'_>) -> Result<Part> {
    keep(warehouse, place, coded::encode(rows)?, content::of_rows(rows)?, rows.order.len())
}

fn keep(warehouse: &Warehouse, place: Place<'_>, bytes: Vec<u8>, content: Digest, rows: usize) -> Result<Part> {
    let sha256 = Digest::of(&bytes);
    let folder = match place.year {
        Some(year) => format!("tables/{}/release={}/year={year}", place.table, place.release),
        None => format!("tables/{}/release={}", place.table, place.release),
    };
    let path = format!("{folder}/{sha256}.parquet");
    let length = bytes.len() as u64;
    warehouse.files().create(&path, bytes.into())?;
    Ok(Part {
        table: place.table.to_owned(),
        path,
        sha256,
        content: Some(content),
        bytes: length,
        rows: rows as u64,
        year: place.year,
    })
}

/// The Parquet bytes of a batch.
pub(crate) fn encode(batch: &RecordBatch) -> Result<Vec<u8>> {
    let level = ZstdLevel::try_new(9).or_error(Kind::Internal, "zstd has no level 9")?;
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(level))
        .build();
    // The Arrow schema that the writer would add holds hash maps, and is not needed to read the types back.
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), batch.schema(), options)
        .or_error(Kind::Internal, "these columns cannot be written as Parquet")?;
    writer.write(batch).or_error(Kind::Internal, "these rows cannot be written as Parquet")?;
    writer.into_inner().or_error(Kind::Internal, "this part cannot be finished")
}

/// Reads a part back, for checks and tests. Verifies its digest first.
pub fn read(warehouse: &Warehouse, part: &Part) -> Result<RecordBatch> {
    let bytes = warehouse.files().read(&part.path)?.ok_or_else(|| {
        model::Error::new(Kind::Damaged, format!("{} is missing", part.path))
            .hint("`tollhouse snapshot verify` says what else is missing")
    })?;
    if Digest::of(&bytes) != part.sha256 {
        return Err(model::Error::new(Kind::Damaged, format!("{} is not what was committed", part.path))
            .hint("`tollhouse snapshot verify` says what else is damaged"));
    }
    decode(bytes).map_err(|error| error.while_doing(&part.path))
}

/// Writes a part again without some of its rows, by their places from 0; none where no row is left.
pub fn without(warehouse: &Warehouse, part: &Part, release: &Release, rows: &BTreeSet<u64>) -> Result<Option<Part>> {
    let batch = read(warehouse, part)?;
    let stays: BooleanArray = (0..batch.num_rows() as u64).map(|place| Some(!rows.contains(&place))).collect();
    let left = filter_record_batch(&batch, &stays).or_error(Kind::Internal, "rows cannot be left out")?;
    let place = Place { table: &part.table, release, year: part.year };
    if left.num_rows() == 0 { Ok(None) } else { write(warehouse, place, &left).map(Some) }
}

/// The rows of a Parquet file of ours.
pub fn decode(bytes: Bytes) -> Result<RecordBatch> {
    let broken = "it cannot be read as Parquet";
    let builder = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes)
        .or_error(Kind::Damaged, broken)?;
    let schema = builder.schema().clone();
    let batches = builder
        .build()
        .and_then(|reader| reader.map(|batch| batch.map_err(Into::into)).collect::<Result<Vec<_>, _>>())
        .or_error(Kind::Damaged, broken)?;
    arrow::compute::concat_batches(&Arc::clone(&schema), &batches).or_error(Kind::Damaged, broken)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Decimal128Array, Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};
    use jiff::Timestamp;

    use super::*;
    use crate::Origin;

    fn sample() -> RecordBatch {
        let field = |name: &str, kind: DataType, id: i32| {
            Field::new(name, kind, true).with_metadata([(model::column::FIELD_ID.to_owned(), id.to_string())].into())
        };
        let schema = Schema::new(vec![
            field("state_fips", DataType::Utf8, 1),
            field("deaths", DataType::Int64, 2),
            field("rate_per_100k", DataType::Decimal128(18, 9), 3),
        ]);
        let rates = Decimal128Array::from(vec![Some(36_023_440_000), None]).with_precision_and_scale(18, 9).unwrap();
        RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(StringArray::from(vec!["54", "01"])),
                Arc::new(Int64Array::from(vec![Some(629), None])),
                Arc::new(rates),
            ],
        )
        .unwrap()
    }

    #[test]
    fn the_same_rows_give_the_same_bytes_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::open_or_create(folder.path(), Origin::Replica, Timestamp::UNIX_EPOCH).unwrap();
        let release: Release = "1999-2016".parse().unwrap();
        let place = Place { table: "t", release: &release, year: Some(2015) };
        let first = write(&warehouse, place, &sample()).unwrap();
        let second = write(&warehouse, place, &sample()).unwrap();
        assert_eq!(first, second);
        assert_eq!(first.path, format!("tables/t/release=1999-2016/year=2015/{}.parquet", first.sha256));
        let back = read(&warehouse, &first).unwrap();
        assert_eq!(back.columns(), sample().columns());
        assert_eq!(back.schema().field(1).metadata()[model::column::FIELD_ID], "2");
    }

    #[test]
    fn what_a_part_says_is_told_apart_from_its_bytes() {
        let content = |batch: &RecordBatch| content::of_batch(batch).unwrap();
        let sample = sample();
        let whole = content(&sample);
        // Read back, and without the metadata of its fields: other bytes, the same rows.
        assert_eq!(content(&decode(encode(&sample).unwrap().into()).unwrap()), whole);
        let names: Vec<_> = sample.schema().fields().iter().map(|field| field.name().clone()).collect();
        let bare = RecordBatch::try_from_iter_with_nullable(
            names.iter().zip(sample.columns()).map(|(name, array)| (name.as_str(), Arc::clone(array), true)),
        );
        assert_eq!(content(&bare.unwrap()), whole);
        // Another order, another name, a cell in another column.
        let turned = arrow::compute::take_record_batch(&sample, &arrow::array::UInt32Array::from(vec![1, 0])).unwrap();
        assert_ne!(content(&turned), whole);
        assert_ne!(content(&sample.project(&[1, 0, 2]).unwrap()), whole);
        let null = arrow::array::Int64Array::from(vec![Some(629), Some(0)]);
        let zero = RecordBatch::try_new(
            sample.schema(),
            vec![Arc::clone(sample.column(0)), Arc::new(null), Arc::clone(sample.column(2))],
        );
        assert_ne!(content(&zero.unwrap()), whole);
    }

    #[test]
    fn a_changed_byte_is_damage_with_the_file_named() {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::open_or_create(folder.path(), Origin::Replica, Timestamp::UNIX_EPOCH).unwrap();
        let release: Release = "r".parse().unwrap();
        let part = write(&warehouse, Place { table: "t", release: &release, year: None }, &sample()).unwrap();
        let local = folder.path().join(&part.path);
        let mut bytes = std::fs::read(&local).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&local, bytes).unwrap();
        let error = read(&warehouse, &part).unwrap_err();
        assert_eq!(error.kind(), Kind::Damaged);
        assert!(error.to_string().contains(&part.path));
    }
}
