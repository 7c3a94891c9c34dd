//! One part: sorts the rows that a year has gathered, and writes them.

use std::sync::Arc;

use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use model::{Kind, Release, Result, ResultExt as _};
use store::part::{Coded, Part, Place as Folder, Rows, View, write_rows};
use xxhash_rust::xxh3::xxh3_64;

use super::plan::{Place, Plan, Source, internal};
use crate::extract::RECORD;
use crate::run::Job;

/// Rows of one year, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// Of each group, the entry of each row.
    pub entry: Vec<Vec<u32>>,
    /// The plain columns, with the rows' places in the file.
    pub plain: Vec<RecordBatch>,
    /// How many rows there are.
    pub rows: usize,
}

/// Rows to be written as a part.
pub(super) struct Work {
    /// Its place among the parts that were begun.
    pub number: usize,
    pub year: Option<i32>,
    pub rows: Buffer,
    /// What the entries are.
    pub entries: Vec<View>,
}

/// A part that was written.
pub(super) struct Written {
    pub number: usize,
    pub part: Part,
    /// A hash of each row's key.
    pub keys: Vec<u64>,
    /// How many rows their key leaves open.
    pub open: u64,
}

/// Sorts and writes.
pub(super) fn write(job: &Job<'_>, release: &Release, plan: &Plan, work: Work) -> Result<Written> {
    let (warehouse, table) = (job.warehouse, job.dataset.id.as_str());
    let Work { number, year, rows, entries } = work;
    let schema = rows.plain.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    let plain = concat_batches(&schema, &rows.plain).or_error(Kind::Internal, "chunks differ in their columns")?;
    let used: Vec<Used> = rows.entry.iter().map(|entry| Used::of(entry)).collect();
    let order = order(plan, &entries, &rows.entry, &used, rows.rows);
    let (keys, open) = keys(plan, &entries, &rows.entry, &used, &plain)?;
    let coded = rows.entry.iter().zip(&entries).map(|(entry, entries)| Coded { entry, entries }).collect();
    let part = write_rows(
        warehouse,
        Folder { table, release, year },
        &Rows { schema: Arc::clone(&plan.schema), order: &order, coded, plain: &plain },
    )?;
    Ok(Written { number, part, keys, open })
}

/// The entries that rows have.
struct Used {
    entries: Vec<u32>,
    /// Of each entry up to the last one used, its place among them.
    slot: Vec<u32>,
}

impl Used {
    fn of(rows: &[u32]) -> Self {
        let last = rows.iter().max().map_or(0, |last| *last as usize + 1);
        let (mut slot, mut entries) = (vec![u32::MAX; last], Vec::new());
        for entry in rows {
            let slot = &mut slot[*entry as usize];
            if *slot == u32::MAX {
                *slot = entries.len() as u32;
                entries.push(*entry);
            }
        }
        Self { entries, slot }
    }

    fn slot(&self, entry: u32) -> usize {
        self.slot[entry as usize] as usize
    }
}

/// The rows by the declared columns, and those that agree in all of them as they stood in the file.
fn order(plan: &Plan, entries: &[View], rows: &[Vec<u32>], used: &[Used], count: usize) -> Vec<u32> {
    let mut keys = vec![0_u128; count];
    let mut room = 96_u32;
    for Place { group, column } in &plan.sort {
        let (ranks, cardinality) = entries[*group].ranks(*column, &used[*group].entries);
        let bits = u32::BITS - cardinality.saturating_sub(1).leading_zeros();
        // What does not fit orders nothing: rows that differ there alone stay as they stood.
        let Some(left) = room.checked_sub(bits) else { break };
        room = left;
        for (key, entry) in keys.iter_mut().zip(&rows[*group]) {
            *key = *key << bits | u128::from(ranks[used[*group].slot(*entry)]);
        }
    }
    for (row, key) in keys.iter_mut().enumerate() {
        *key = *key << 32 | row as u128;
    }
    keys.sort_unstable();
    keys.into_iter().map(|key| key as u32).collect()
}

/// A hash of each row's key. Two rows have the same where their keys, printed, are the same. Of a row whose key has a null
/// that leaves it open it is a hash of every column; how many these are comes with them.
fn keys(
    plan: &Plan,
    entries: &[View],
    rows: &[Vec<u32>],
    used: &[Used],
    plain: &RecordBatch,
) -> Result<(Vec<u64>, u64)> {
    let of = |sources: &[Source], count: usize| -> Result<Vec<u64>> {
        let mut hashes = vec![0_u64; count];
        for (salt, source) in sources.iter().enumerate() {
            let each = values(source, entries, rows, used, plain)?;
            hashes.iter_mut().zip(each).for_each(|(hash, value)| *hash = fold(*hash, value, salt));
        }
        Ok(hashes)
    };
    let count = plain.num_rows();
    let mut hashes = of(&plan.key, count)?;
    let mut open = vec![false; count];
    for source in &plan.open {
        let each = values(source, entries, rows, used, plain)?;
        open.iter_mut().zip(each).for_each(|(open, value)| *open |= value == NULL);
    }
    if open.contains(&true) {
        let mut every: Vec<Source> = Vec::new();
        for (group, view) in entries.iter().enumerate() {
            every.extend((0..view.fields().count()).map(|column| Source::Coded(Place { group, column })));
        }
        let names = plain.schema_ref().fields().iter().map(|field| field.name().clone());
        every.extend(names.filter(|name| name != RECORD).map(Source::Plain));
        let whole = of(&every, count)?;
        for (hash, whole) in hashes.iter_mut().zip(whole).zip(&open).filter_map(|(pair, open)| open.then_some(pair)) {
            *hash = whole;
        }
    }
    let open = open.iter().filter(|open| **open).count() as u64;
    Ok((hashes, open))
}

/// A hash of each row's value of a column.
fn values(
    source: &Source,
    entries: &[View],
    rows: &[Vec<u32>],
    used: &[Used],
    plain: &RecordBatch,
) -> Result<Vec<u64>> {
    match source {
        Source::Coded(Place { group, column }) => {
            let of = |entry: &u32| hash(entries[*group].text(*column, *entry).as_deref());
            let each: Vec<u64> = used[*group].entries.iter().map(of).collect();
            Ok(rows[*group].iter().map(|entry| each[used[*group].slot(*entry)]).collect())
        }
        Source::Plain(name) => {
            let column = plain.column_by_name(name).ok_or_else(|| internal("a column of the key is missing"))?;
            if let Some(texts) = column.as_string_opt::<i32>() {
                return Ok(texts.iter().map(hash).collect());
            }
            let options = FormatOptions::default();
            let printed = ArrayFormatter::try_new(column.as_ref(), &options)
                .or_error(Kind::Internal, "a key cannot be printed")?;
            let text = |row: usize| column.is_valid(row).then(|| printed.value(row).to_string());
            Ok((0..column.len()).map(|row| hash(text(row).as_deref())).collect())
        }
    }
}

/// In place of a hash: null.
const NULL: u64 = 0x6e75_6c6c;

fn hash(text: Option<&str>) -> u64 {
    text.map_or(NULL, |text| xxh3_64(text.as_bytes()))
}

/// Folds a value's hash into a row's.
fn fold(row: u64, value: u64, salt: usize) -> u64 {
    let product = u128::from(row ^ 0xa076_1d64_78bd_642f) * u128::from(value ^ 0xe703_7ed1_a0b4_28db ^ salt as u64);
    (product as u64) ^ (product >> 64) as u64
}
