use arrow::array::{ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, StringArray};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Field, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::part::Entries;

fn decimals(values: Vec<Option<i128>>, precision: u8, scale: i8) -> ArrayRef {
    Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap())
}

/// Entries with a column of every kind that there may be, nulls in each, and one that is null throughout.
fn buyers() -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("name", Arc::new(StringArray::from(vec![Some("TUG VALLEY"), None, Some(""), Some("HURLEY")]))),
        ("city", Arc::new(StringArray::from(vec![None::<&str>; 4]))),
        ("year", Arc::new(Int32Array::from(vec![Some(2006), Some(2012), None, Some(-1)]))),
        ("day", Arc::new(Date32Array::from(vec![None, Some(14_000), Some(14_001), Some(-9)]))),
        ("count", Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(i64::MIN), None, Some(0)]))),
        ("hospital", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]))),
        ("small", decimals(vec![Some(-15), None, Some(99), Some(0)], 9, 2)),
        ("middle", decimals(vec![Some(-15), None, Some(1 << 50), Some(0)], 18, 5)),
        ("wide", decimals(vec![Some(-(1_i128 << 100)), None, Some(1 << 100), Some(0)], 38, 18)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn read(bytes: Vec<u8>) -> (RecordBatch, ParquetRecordBatchReaderBuilder<Bytes>) {
    let bytes = Bytes::from(bytes);
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    (concat_batches(&schema, &batches).unwrap(), ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap())
}

#[test]
fn rows_read_back_as_ordinary_columns_in_their_order() {
    let batch = buyers();
    let mut entries = Entries::new(&batch.schema().fields().iter().cloned().collect::<Vec<_>>()).unwrap();
    entries.append(&batch).unwrap();
    let view = entries.view();
    // More rows than a row group has; runs, and rows that alternate.
    let count = GROUP + 5_000;
    let entry: Vec<u32> = (0..count).map(|row| if row < GROUP { row / 1000 % 4 } else { row * 7 % 4 } as u32).collect();
    let ids: Int64Array = (0..count as i64).map(|row| (row % 11 != 3).then_some(row * 31)).collect();
    let forms: StringArray = (0..count).map(|row| (row % 5 != 0).then(|| format!("10X{row:06}"))).collect();
    let plain = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(ids) as ArrayRef, true),
        ("form", Arc::new(forms) as ArrayRef, true),
    ])
    .unwrap();
    let mut fields: Vec<FieldRef> = vec![Arc::new(Field::new("form", DataType::Utf8, true))];
    fields.extend(batch.schema().fields().iter().cloned());
    fields.push(Arc::new(Field::new("id", DataType::Int64, true)));
    let schema = Arc::new(Schema::new(fields));
    // Backwards, without the first hundred rows.
    let order: Vec<u32> = (100..count as u32).rev().collect();
    let rows = Rows {
        schema: Arc::clone(&schema),
        order: &order,
        coded: vec![Coded { entry: &entry, entries: &view }],
        plain: &plain,
    };

    let bytes = encode(&rows).unwrap();
    assert_eq!(bytes, encode(&rows).unwrap(), "the same rows give the same bytes");
    let (back, file) = read(bytes);
    let content = crate::part::content::of_rows(&rows).unwrap();
    assert_eq!(content, crate::part::content::of_batch(&back).unwrap(), "told as numbers or as values");
    let wanted_entries = UInt32Array::from(order.iter().map(|row| entry[*row as usize]).collect::<Vec<_>>());
    let by_entry = take_record_batch(&batch, &wanted_entries).unwrap();
    let by_row = take_record_batch(&plain, &UInt32Array::from(order.clone())).unwrap();
    assert_eq!(back.num_rows(), order.len());
    for field in schema.fields() {
        let wanted = by_entry.column_by_name(field.name()).or_else(|| by_row.column_by_name(field.name())).unwrap();
        assert_eq!(back.column_by_name(field.name()).unwrap().as_ref(), wanted.as_ref(), "{}", field.name());
    }

    // What the footer says, by which readers skip.
    let metadata = file.metadata();
    assert_eq!(metadata.num_row_groups(), 2);
    let stats = |name: &str| {
        let place = schema.index_of(name).unwrap();
        metadata.row_group(0).column(place).statistics().unwrap().clone()
    };
    let nulls = |name: &str| stats(name).null_count_opt().unwrap();
    let first: Vec<u32> = order[..GROUP].iter().map(|row| entry[*row as usize]).collect();
    let of = |wanted: u32| first.iter().filter(|entry| **entry == wanted).count() as u64;
    assert_eq!((nulls("name"), nulls("city"), nulls("day")), (of(1), GROUP as u64, of(0)));
    assert_eq!(stats("name").min_bytes_opt(), Some(&b""[..]));
    assert_eq!(stats("name").max_bytes_opt(), Some(&b"TUG VALLEY"[..]));
    assert_eq!(stats("city").min_bytes_opt(), None);
    let Statistics::Int32(years) = stats("year") else { panic!("years are whole numbers") };
    assert_eq!((years.min_opt(), years.max_opt()), (Some(&-1), Some(&2012)));
    assert_eq!(stats("wide").min_bytes_opt().map(<[u8]>::len), Some(16));
}

#[test]
fn a_column_that_is_nowhere_is_an_error() {
    let batch = buyers();
    let mut entries = Entries::new(&batch.schema().fields().iter().cloned().collect::<Vec<_>>()).unwrap();
    entries.append(&batch).unwrap();
    let view = entries.view();
    let schema = Arc::new(Schema::new(vec![Field::new("zip", DataType::Utf8, true)]));
    let plain = RecordBatch::new_empty(Arc::new(Schema::empty()));
    let rows = Rows { schema, order: &[0], coded: vec![Coded { entry: &[0], entries: &view }], plain: &plain };
    assert!(encode(&rows).unwrap_err().to_string().contains("no column zip"));
}
