//! Parts of rows that are told as numbers of entries: a transaction's buyer, its product, its day.
//!
//! [`Rows`] are the rows, in any order, and the order to write them in. What an entry says goes straight into Parquet's
//! dictionary pages, and the rows into runs of places in them, so that no value is looked at once for each row that has
//! it. A reader sees ordinary columns. Columns of one value a row (`plain`) take the library's own way.

use std::io::Write as _;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use bytes::Bytes;
use model::{Error, Kind, Result, ResultExt as _};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, PageType, Type as Physical, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter as _};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, ColumnPath};
use zstd::bulk::Compressor;

use super::entries::{Entry, NULL, Values, View};
use super::{CREATED_BY, runs};

/// Rows as numbers of entries.
#[derive(Debug)]
pub struct Rows<'a> {
    /// The columns of the part, in order. Each is one of an entry or a plain one, by its name.
    pub schema: SchemaRef,
    /// Which rows to write, in which order.
    pub order: &'a [u32],
    /// The kinds of entries.
    pub coded: Vec<Coded<'a>>,
    /// The columns that have a value of its own in each row.
    pub plain: &'a RecordBatch,
}

/// The rows' entries of one kind.
#[derive(Debug)]
pub struct Coded<'a> {
    /// Of each row, its entry.
    pub entry: &'a [u32],
    /// The entries.
    pub entries: &'a View,
}

/// Rows of a row group: what a reader skips or reads as one.
const GROUP: usize = 131_072;

/// As hard as zstd works on these. They are as good as packed before it sees them.
const LEVEL: i32 = 3;

/// The Parquet bytes of rows.
pub(super) fn encode(rows: &Rows<'_>) -> Result<Vec<u8>> {
    let broken = "these rows cannot be written as Parquet";
    let parquet = ArrowSchemaConverter::new()
        .convert(&rows.schema)
        .or_error(Kind::Internal, "these columns are not Parquet's")?;
    let mut file = SerializedFileWriter::new(Vec::new(), parquet.root_schema_ptr(), Arc::new(properties(rows)?))
        .or_error(Kind::Internal, broken)?;
    let factory = ArrowRowGroupWriterFactory::new(&file, Arc::clone(&rows.schema));
    let mut chunks = Chunks::new()?;
    for (number, group) in rows.order.chunks(GROUP).enumerate() {
        let indices = UInt32Array::from(group.to_vec());
        let coded: Vec<Vec<(u32, u32)>> = rows.coded.iter().map(|coded| runs_of(coded.entry, group)).collect();
        let mut writers = factory.create_column_writers(number).or_error(Kind::Internal, broken)?.into_iter();
        let mut out = file.next_row_group().or_error(Kind::Internal, broken)?;
        for (place, field) in rows.schema.fields().iter().enumerate() {
            let mut plainly = writers.next().ok_or_else(|| Error::new(Kind::Internal, broken))?;
            if let Some((runs, entry)) = rows.find(field, &coded) {
                let (bytes, close) = chunks.write(entry, runs, group.len(), &parquet.column(place))?;
                out.append_column(&bytes, close).or_error(Kind::Internal, broken)?;
                continue;
            }
            let array = rows.plain.column_by_name(field.name());
            let array = array.ok_or_else(|| Error::new(Kind::Internal, format!("no column {}", field.name())))?;
            take(array, &indices, None)
                .and_then(|array| Ok(compute_leaves(field, &array)?))
                .and_then(|leaves| leaves.iter().try_for_each(|leaf| Ok(plainly.write(leaf)?)))
                .and_then(|()| Ok(plainly.close()?.append_to_row_group(&mut out)?))
                .or_error(Kind::Internal, broken)?;
        }
        out.close().or_error(Kind::Internal, broken)?;
    }
    file.into_inner().or_error(Kind::Internal, broken)
}

/// How the plain columns are written.
fn properties(rows: &Rows<'_>) -> Result<WriterProperties> {
    let level = ZstdLevel::try_new(LEVEL).or_error(Kind::Internal, "zstd has no such level")?;
    let mut properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(level))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true);
    for field in rows.plain.schema_ref().fields() {
        let encoding = match field.data_type() {
            DataType::Utf8 => Encoding::DELTA_BYTE_ARRAY,
            DataType::Int32 | DataType::Int64 | DataType::Date32 => Encoding::DELTA_BINARY_PACKED,
            _ => continue,
        };
        properties = properties.set_column_encoding(ColumnPath::from(field.name().as_str()), encoding);
    }
    Ok(properties.build())
}

impl<'a> Rows<'a> {
    /// The runs and the entries' column of that name, if it is one of an entry.
    fn find<'r>(&'r self, field: &FieldRef, runs: &'r [Vec<(u32, u32)>]) -> Option<(&'r [(u32, u32)], &'r Entry)> {
        self.coded.iter().zip(runs).find_map(|(coded, runs)| {
            let entry = coded.entries.columns.iter().find(|entry| entry.field.name() == field.name())?;
            Some((runs.as_slice(), entry))
        })
    }
}

/// The entries of rows as runs.
fn runs_of(entry: &[u32], rows: &[u32]) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for row in rows {
        let entry = entry[*row as usize];
        match runs.last_mut() {
            Some((last, times)) if *last == entry => *times += 1,
            _ => runs.push((entry, 1)),
        }
    }
    runs
}

/// Writes column chunks, with what can be used again for the next.
struct Chunks {
    compressor: Compressor<'static>,
    /// Of each value, its place in the dictionary of the chunk, or [`NULL`] where it has none yet.
    place: Vec<u32>,
    page: Vec<u8>,
}

impl Chunks {
    fn new() -> Result<Self> {
        let compressor = Compressor::new(LEVEL).or_error(Kind::Internal, "zstd does not start")?;
        Ok(Self { compressor, place: Vec::new(), page: Vec::new() })
    }

    /// One column chunk, and what the file's footer says of it.
    fn write(
        &mut self,
        entry: &Entry,
        runs: &[(u32, u32)],
        rows: usize,
        descr: &ColumnDescPtr,
    ) -> Result<(Bytes, ColumnCloseResult)> {
        // The dictionary, in the order in which the rows come to its values.
        self.place.resize(entry.values.len().max(self.place.len()), NULL);
        let mut used = Vec::new();
        let mut nulls = 0;
        let mut places: Vec<(u32, u32)> = Vec::with_capacity(runs.len());
        for (number, times) in runs {
            let id = *entry.ids.get(*number);
            let place = if id == NULL {
                nulls += times;
                NULL
            } else {
                let place = &mut self.place[id as usize];
                if *place == NULL {
                    *place = u32::try_from(used.len()).unwrap_or(NULL);
                    used.push(id);
                }
                *place
            };
            match places.last_mut() {
                Some((last, more)) if *last == place => *more += times,
                _ => places.push((place, *times)),
            }
        }
        for id in &used {
            self.place[*id as usize] = NULL;
        }

        let mut sink = TrackedWrite::new(Vec::new());
        let mut pages = SerializedPageWriter::new(&mut sink);
        let mut sizes = Sizes::default();
        let truth = descr.physical_type() == Physical::BOOLEAN;
        if !truth {
            self.page.clear();
            plain(&entry.values, &used, descr, &mut self.page)?;
            let (buf, uncompressed_size) = self.squeeze()?;
            let page = Page::DictionaryPage {
                buf,
                num_values: u32::try_from(used.len()).unwrap_or(u32::MAX),
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            sizes.add(pages.write_page(CompressedPage::new(page, uncompressed_size)))?;
        }

        self.page.clear();
        let levels = places.iter().map(|(place, times)| (u32::from(*place != NULL), *times));
        self.page.extend_from_slice(&[0; 4]);
        runs::encode(levels, 1, &mut self.page);
        let length = u32::try_from(self.page.len() - 4).unwrap_or(u32::MAX);
        self.page[..4].copy_from_slice(&length.to_le_bytes());
        let there = places.iter().copied().filter(|(place, _)| *place != NULL);
        let encoding = if truth {
            truths(&entry.values, &used, there, &mut self.page);
            Encoding::PLAIN
        } else {
            let bits = runs::bits_for(used.len());
            self.page.push(bits.to_le_bytes()[0]);
            runs::encode(there, bits, &mut self.page);
            Encoding::RLE_DICTIONARY
        };
        let (buf, uncompressed_size) = self.squeeze()?;
        let page = Page::DataPage {
            buf,
            num_values: u32::try_from(rows).unwrap_or(u32::MAX),
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        sizes.add(pages.write_page(CompressedPage::new(page, uncompressed_size)))?;
        sink.flush().or_error(Kind::Internal, "a page cannot be written")?;
        let bytes = Bytes::from(sink.into_inner().or_error(Kind::Internal, "a page cannot be written")?);
        let statistics = statistics(&entry.values, &used, nulls.into(), descr);
        let metadata = sizes.metadata(descr, rows, encoding, statistics)?;
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok((bytes, close))
    }

    /// The page, compressed, and its length before.
    fn squeeze(&mut self) -> Result<(Bytes, usize)> {
        let bytes = self.compressor.compress(&self.page).or_error(Kind::Internal, "a page cannot be compressed")?;
        Ok((bytes.into(), self.page.len()))
    }
}

/// Where the pages of a chunk lie, and how long they are.
#[derive(Default)]
struct Sizes {
    compressed: usize,
    uncompressed: usize,
    dictionary: Option<i64>,
    data: i64,
}

impl Sizes {
    fn add(&mut self, written: parquet::errors::Result<parquet::column::page::PageWriteSpec>) -> Result<()> {
        let spec = written.or_error(Kind::Internal, "a page cannot be written")?;
        self.compressed += spec.compressed_size;
        self.uncompressed += spec.uncompressed_size;
        let offset = i64::try_from(spec.offset).unwrap_or_default();
        match spec.page_type {
            PageType::DICTIONARY_PAGE => self.dictionary = Some(offset),
            _ => self.data = offset,
        }
        Ok(())
    }

    fn metadata(
        &self,
        descr: &ColumnDescPtr,
        rows: usize,
        encoding: Encoding,
        statistics: Option<Statistics>,
    ) -> Result<ColumnChunkMetaData> {
        let level = ZstdLevel::try_new(LEVEL).or_error(Kind::Internal, "zstd has no such level")?;
        let long = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        let mut stats = vec![PageEncodingStats { page_type: PageType::DATA_PAGE, encoding, count: 1 }];
        if self.dictionary.is_some() {
            let dictionary =
                PageEncodingStats { page_type: PageType::DICTIONARY_PAGE, encoding: Encoding::PLAIN, count: 1 };
            stats.insert(0, dictionary);
        }
        let mut builder = ColumnChunkMetaData::builder(Arc::clone(descr))
            .set_compression(Compression::ZSTD(level))
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, encoding])
            .set_page_encoding_stats(stats)
            .set_total_compressed_size(long(self.compressed))
            .set_total_uncompressed_size(long(self.uncompressed))
            .set_num_values(long(rows))
            .set_data_page_offset(self.data)
            .set_dictionary_page_offset(self.dictionary);
        if let Some(statistics) = statistics {
            builder = builder.set_statistics(statistics);
        }
        builder.build().or_error(Kind::Internal, "a column chunk cannot be described")
    }
}

/// Values as Parquet's plain encoding has them.
fn plain(values: &Values, used: &[u32], descr: &ColumnDescPtr, out: &mut Vec<u8>) -> Result<()> {
    match values {
        Values::Texts(texts) => {
            for id in used {
                let text = texts.get(*id).as_bytes();
                let length = u32::try_from(text.len()).or_error(Kind::Internal, "a text is too long for Parquet")?;
                out.extend_from_slice(&length.to_le_bytes());
                out.extend_from_slice(text);
            }
        }
        Values::Numbers(numbers) => {
            let (physical, length) = (descr.physical_type(), usize::try_from(descr.type_length()).unwrap_or_default());
            for id in used {
                number(*numbers.get(*id), physical, length, out)?;
            }
        }
    }
    Ok(())
}

fn number(number: i128, physical: Physical, length: usize, out: &mut Vec<u8>) -> Result<()> {
    let beyond = || Error::new(Kind::Internal, format!("{number} does not fit {physical}"));
    match physical {
        Physical::INT32 => out.extend_from_slice(&i32::try_from(number).map_err(|_| beyond())?.to_le_bytes()),
        Physical::INT64 => out.extend_from_slice(&i64::try_from(number).map_err(|_| beyond())?.to_le_bytes()),
        Physical::FIXED_LEN_BYTE_ARRAY if (1..=16).contains(&length) => {
            out.extend_from_slice(&number.to_be_bytes()[16 - length..]);
        }
        _ => return Err(beyond()),
    }
    Ok(())
}

/// Truth values, a bit each.
fn truths(values: &Values, used: &[u32], places: impl Iterator<Item = (u32, u32)>, out: &mut Vec<u8>) {
    let Values::Numbers(numbers) = values else { return };
    let (mut byte, mut filled) = (0_u8, 0);
    for (place, times) in places {
        let truth = u8::from(*numbers.get(used[place as usize]) != 0);
        for _ in 0..times {
            byte |= truth << filled;
            filled += 1;
            if filled == 8 {
                out.push(std::mem::take(&mut byte));
                filled = 0;
            }
        }
    }
    if filled > 0 {
        out.push(byte);
    }
}

/// The least and the greatest value, by which a reader skips row groups.
fn statistics(values: &Values, used: &[u32], nulls: u64, descr: &ColumnDescPtr) -> Option<Statistics> {
    let nulls = Some(nulls);
    Some(match values {
        Values::Texts(texts) => {
            let text = |id: &u32| texts.get(*id).as_bytes();
            let (least, greatest) = (used.iter().map(text).min(), used.iter().map(text).max());
            let owned = |bytes: Option<&[u8]>| bytes.map(|bytes| ByteArray::from(bytes.to_vec()));
            Statistics::new(owned(least), owned(greatest), None, nulls, false)
        }
        Values::Numbers(numbers) => {
            let number = |id: &u32| *numbers.get(*id);
            let (least, greatest) = (used.iter().map(number).min(), used.iter().map(number).max());
            match descr.physical_type() {
                Physical::INT32 => {
                    let small = |number: Option<i128>| number.and_then(|number| i32::try_from(number).ok());
                    Statistics::new(small(least), small(greatest), None, nulls, false)
                }
                Physical::INT64 => {
                    let long = |number: Option<i128>| number.and_then(|number| i64::try_from(number).ok());
                    Statistics::new(long(least), long(greatest), None, nulls, false)
                }
                Physical::BOOLEAN => {
                    let truth = |number: Option<i128>| number.map(|number| number != 0);
                    Statistics::new(truth(least), truth(greatest), None, nulls, false)
                }
                Physical::FIXED_LEN_BYTE_ARRAY => {
                    let length = usize::try_from(descr.type_length()).ok().filter(|length| *length <= 16)?;
                    let fixed = |number: Option<i128>| {
                        number.map(|number| {
                            FixedLenByteArray::from(ByteArray::from(number.to_be_bytes()[16 - length..].to_vec()))
                        })
                    };
                    Statistics::new(fixed(least), fixed(greatest), None, nulls, false)
                }
                _ => return None,
            }
        }
    })
}

#[cfg(test)]
mod tests;
