//! An answer: columns and rows, and the formats in which they leave. Decimals leave as the digits that they are.

use std::sync::Arc;

use arrow::array::{Array as _, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chart::{Cell, Frame};
use model::{Digest, Error, Kind, Result, ResultExt as _};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::Serialize;

/// What a SELECT returned.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Types of the columns, as SQL writes them.
    pub types: Vec<String>,
    /// Every cell as text, `None` for null: decimals with all their digits, dates and times as ISO 8601 writes them.
    pub rows: Vec<Vec<Option<String>>>,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Answer {
    pub(crate) fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Self> {
        let schema = in_utc(&schema);
        let cannot = |cause: ArrowError| {
            Error::new(Kind::Usage, "a column of the answer cannot be printed")
                .caused_by(cause)
                .hint("CAST it to VARCHAR")
        };
        let relabelled = batches.iter().map(|batch| relabel(batch, &schema));
        let batches = relabelled.collect::<std::result::Result<Vec<_>, _>>().map_err(cannot)?;
        let mut rows = Vec::new();
        for batch in &batches {
            rows.extend(texts(batch).map_err(cannot)?);
        }
        let fields = schema.fields();
        Ok(Self {
            columns: fields.iter().map(|field| field.name().clone()).collect(),
            types: fields.iter().map(|field| sql_type(field.data_type())).collect(),
            rows,
            schema,
            batches,
        })
    }

    /// The rows as one batch.
    pub(crate) fn batch(&self) -> Result<RecordBatch> {
        concat_batches(&self.schema, &self.batches)
            .or_error(Kind::Internal, "the rows of an answer do not fit together")
    }

    /// Columns and rows for a chart. A decimal with digits after the point becomes the nearest double, which is good
    /// for drawing and not for printing.
    pub fn frame(&self) -> Frame {
        let classes: Vec<Class> = self.schema.fields().iter().map(|field| class(field.data_type())).collect();
        let row = |cells: &Vec<Option<String>>| {
            cells.iter().zip(&classes).map(|(text, class)| cell(text.as_deref(), *class)).collect()
        };
        Frame { columns: self.columns.clone(), rows: self.rows.iter().map(row).collect() }
    }

    /// CSV with a header; null is an empty field.
    pub fn to_csv(&self) -> Result<Vec<u8>> {
        let cannot = "the answer cannot be written as CSV";
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.columns).or_error(Kind::Internal, cannot)?;
        for row in &self.rows {
            let cells = row.iter().map(|cell| cell.as_deref().unwrap_or_default());
            writer.write_record(cells).or_error(Kind::Internal, cannot)?;
        }
        writer.into_inner().or_error(Kind::Internal, cannot)
    }

    /// A JSON array of one object for each row; null is null, decimals are numbers with all their digits.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let mut writer = arrow::json::WriterBuilder::new()
            .with_explicit_nulls(true)
            .build::<_, arrow::json::writer::JsonArray>(Vec::new());
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        writer
            .write_batches(&batches)
            .and_then(|()| writer.finish())
            .map_err(|cause| unfit("JSON", cause, "csv or parquet"))?;
        let mut bytes = writer.into_inner();
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// An Arrow IPC file (Feather, version 2).
    pub fn to_arrow(&self) -> Result<Vec<u8>> {
        let write = || {
            let mut writer = arrow::ipc::writer::FileWriter::try_new(Vec::new(), &self.schema)?;
            self.batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.finish()?;
            writer.into_inner()
        };
        write().map_err(|cause| unfit("Arrow", cause, "csv or parquet"))
    }

    /// A Parquet file: the same bytes for the same rows, in however many batches they came.
    pub fn to_parquet(&self) -> Result<Vec<u8>> {
        let write = || {
            let properties = WriterProperties::builder()
                .set_created_by(crate::PROGRAM.to_owned())
                .set_compression(Compression::ZSTD(ZstdLevel::default()))
                .build();
            // The Arrow schema that the writer would add is not needed to read the types back.
            let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
            let mut writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&self.schema), options)?;
            writer.write(&concat_batches(&self.schema, &self.batches)?)?;
            writer.into_inner()
        };
        write().map_err(|cause| unfit("Parquet", cause, "csv or json"))
    }

    /// The digest of a canonical text of columns, types and rows, in the order in which they came: two answers with
    /// the same digest are the same. SQL whose order is not total may give the same rows in another order.
    pub fn digest(&self) -> Result<Digest> {
        let mut text = String::from("tollhouse answer 1\n");
        text += &line(&self.columns)?;
        text += &line(&self.types)?;
        for row in &self.rows {
            text += &line(row)?;
        }
        Ok(Digest::of(text))
    }
}

/// A line of the canonical text.
fn line<T: Serialize>(cells: &[T]) -> Result<String> {
    let text = serde_json::to_string(cells).or_error(Kind::Internal, "an answer cannot be written canonically")?;
    Ok(text + "\n")
}

fn unfit(format: &str, cause: impl std::error::Error + Send + Sync + 'static, instead: &str) -> Error {
    Error::new(Kind::Usage, format!("{format} cannot hold this answer"))
        .caused_by(cause)
        .hint(format!("cast columns that are lists, structs or intervals to VARCHAR, or ask for {instead}"))
}

/// What a column's cells are to a chart.
#[derive(Clone, Copy)]
enum Class {
    Whole,
    Number,
    Text,
}

fn class(kind: &DataType) -> Class {
    match kind {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) if *scale > 0 => Class::Number,
        DataType::Decimal128(..) | DataType::Decimal256(..) => Class::Whole,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Class::Number,
        kind if kind.is_integer() => Class::Whole,
        _ => Class::Text,
    }
}

fn cell(text: Option<&str>, class: Class) -> Cell {
    let Some(text) = text else { return Cell::Null };
    let number = || text.parse().map_or_else(|_| Cell::Text(text.to_owned()), Cell::Number);
    match class {
        // A whole number beyond 64 bits is still a number.
        Class::Whole => text.parse().map_or_else(|_| number(), Cell::Integer),
        Class::Number => number(),
        Class::Text => Cell::Text(text.to_owned()),
    }
}

/// The same columns, moments in UTC: Arrow names zones by their offset alone, and an answer is the same whatever the machine's zone.
fn in_utc(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().map(field_in_utc).collect::<Vec<_>>()))
}

fn field_in_utc(field: &FieldRef) -> FieldRef {
    let kind = match field.data_type() {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("+00:00".into())),
        DataType::List(item) => DataType::List(field_in_utc(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field_in_utc).collect()),
        other => other.clone(),
    };
    Arc::new(field.as_ref().clone().with_data_type(kind))
}

fn relabel(batch: &RecordBatch, schema: &SchemaRef) -> std::result::Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() { Ok(Arc::clone(column)) } else { cast(column, field.data_type()) }
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect::<std::result::Result<Vec<_>, _>>()?)
}

fn texts(batch: &RecordBatch) -> std::result::Result<Vec<Vec<Option<String>>>, ArrowError> {
    let options = FormatOptions::new().with_display_error(false);
    let formatters = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options))
        .collect::<Result<Vec<_>, _>>()?;
    let cell = |row: usize, column: usize| {
        let known = !batch.column(column).is_null(row);
        known.then(|| formatters[column].value(row).try_to_string()).transpose()
    };
    (0..batch.num_rows()).map(|row| (0..batch.num_columns()).map(|column| cell(row, column)).collect()).collect()
}

/// A type as SQL writes it.
fn sql_type(kind: &DataType) -> String {
    let name = match kind {
        DataType::Null => "NULL",
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INTEGER",
        DataType::Int64 => "BIGINT",
        DataType::UInt8 => "UTINYINT",
        DataType::UInt16 => "USMALLINT",
        DataType::UInt32 => "UINTEGER",
        DataType::UInt64 => "UBIGINT",
        DataType::Float32 => "FLOAT",
        DataType::Float64 => "DOUBLE",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => "VARCHAR",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "BLOB",
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Time32(_) | DataType::Time64(_) => "TIME",
        DataType::Timestamp(TimeUnit::Nanosecond, None) => "TIMESTAMP_NS",
        DataType::Timestamp(_, None) => "TIMESTAMP",
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE",
        DataType::Interval(_) => "INTERVAL",
        DataType::Decimal128(precision, scale) => return format!("DECIMAL({precision},{scale})"),
        DataType::List(item) | DataType::LargeList(item) => return format!("{}[]", sql_type(item.data_type())),
        other => return other.to_string(),
    };
    name.to_owned()
}
