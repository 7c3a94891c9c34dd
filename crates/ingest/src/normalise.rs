//! From the publisher's text to our columns: names, types, units, suppression, persons.
//!
//! A dataset's declaration is the whole of it: this file knows no dataset. Headers are matched once per batch, cells a
//! column at a time. A header that nothing maps fails as loudly as one that vanished. A cell that is not what its
//! column says rejects its row, with the rule and the place, and never becomes null in silence.

mod cell;
mod header;
mod rule;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::{and, filter_record_batch, nullif};
use arrow::datatypes::{Schema, UInt64Type};
use model::column::Vocabulary;
use model::dataset::Dataset;
use model::{Digest, Error, Kind, Result, ResultExt as _};
use store::quarantine::Rejected;

pub(crate) use cell::date;
pub(crate) use header::names as check_names;

use crate::extract::{Grade, RECORD};

/// What became of a decoded batch. `kept` and `totals` have the dataset's columns, but for `release`.
#[derive(Debug)]
pub struct Normal {
    /// Rows of the dataset's own table.
    pub kept: RecordBatch,
    /// Rows that are totals.
    pub totals: RecordBatch,
    /// Rows that broke a rule.
    pub rejected: Vec<Rejected>,
}

/// One cell that is not what its column says.
struct Fault {
    column: String,
    rule: String,
    raw: String,
}

/// The faults of a batch, by row; the first of each row is kept.
type Faults = BTreeMap<usize, Fault>;

/// Normalises one decoded batch of a dataset.
pub fn normalise(
    dataset: &Dataset,
    vocabulary: &Vocabulary,
    grade: Grade,
    capture: &Digest,
    batch: &RecordBatch,
) -> Result<Normal> {
    let headers = header::check(dataset, batch)?;
    let rows = batch.num_rows();
    let mut faults = Faults::new();
    let mut ours: BTreeMap<String, ArrayRef> = BTreeMap::new();

    for column in &dataset.spec.column {
        let made = match &column.rule {
            Some(rule) => {
                let kind = vocabulary.get(&column.name)?.kind;
                let source = rule::Source { headers: &headers, ours: &ours, grade, null: &column.null, rows };
                vec![rule::compute(&column.name, rule, kind, &source, &mut faults)?]
            }
            None => cell::read(column, vocabulary, &headers, rows, &mut faults)?,
        };
        ours.extend(column.columns().into_iter().zip(made));
    }

    let records = batch
        .column_by_name(RECORD)
        .and_then(|records| records.as_primitive_opt::<UInt64Type>())
        .ok_or_else(|| Error::new(Kind::Internal, "a decoded batch has no record numbers"))?;
    let places: Int64Array = records.values().iter().map(|record| i64::try_from(*record).ok()).collect();
    ours.insert(RECORD.to_owned(), Arc::new(places));
    ours.insert("_capture".to_owned(), Arc::new(StringArray::from_iter_values(vec![capture.as_str(); rows])));
    let person = mask(dataset, &mut ours)?;

    let names = dataset.columns();
    let mut fields = Vec::with_capacity(names.len());
    let mut arrays = Vec::with_capacity(names.len());
    for name in names.iter().filter(|name| *name != "release") {
        fields.push(vocabulary.field(name)?);
        arrays.push(ours.remove(name).ok_or_else(|| Error::new(Kind::Internal, format!("no column {name} was made")))?);
    }
    let whole = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .or_error(Kind::Internal, "the columns made do not fit the vocabulary")?;

    let good: BooleanArray = (0..rows).map(|row| Some(!faults.contains_key(&row))).collect();
    let total = totals(dataset, &headers, rows);
    let not_total: BooleanArray = total.iter().map(|total| Some(total != Some(true))).collect();
    let select = |wanted: &BooleanArray| -> Result<RecordBatch> {
        and(&good, wanted)
            .and_then(|rows| filter_record_batch(&whole, &rows))
            .or_error(Kind::Internal, "rows cannot be told apart")
    };
    let rejected = faults
        .into_iter()
        .map(|(row, fault)| Rejected {
            capture: capture.clone(),
            record: records.value(row),
            raw: if person.as_ref().is_some_and(|person| person.value(row)) { MASKED.to_owned() } else { fault.raw },
            column: fault.column,
            rule: fault.rule,
        })
        .collect();
    Ok(Normal { kept: select(&not_total)?, totals: select(&total)?, rejected })
}

/// The upstream columns of a batch, by header.
type Headers<'a> = BTreeMap<&'a str, &'a StringArray>;

/// The first accepted header that the batch has.
fn find<'a>(headers: &Headers<'a>, accepted: &[String]) -> Option<&'a StringArray> {
    accepted.iter().find_map(|name| headers.get(name.as_str()).copied())
}

/// The text of a cell; empty where there is none.
fn text(array: Option<&StringArray>, row: usize) -> &str {
    match array {
        Some(array) if array.is_valid(row) => array.value(row),
        _ => "",
    }
}

/// Which rows are totals.
fn totals(dataset: &Dataset, headers: &Headers<'_>, rows: usize) -> BooleanArray {
    let Some(totals) = &dataset.spec.totals else {
        return BooleanArray::from(vec![false; rows]);
    };
    let column = find(headers, &totals.from);
    (0..rows).map(|row| Some(totals.is.iter().any(|word| word == text(column, row)))).collect()
}

/// What stands in the place of a cell that may tell of a person.
pub(crate) const MASKED: &str = "(masked)";

/// Takes from persons what the declaration says: nulled, not hashed, so that nothing links their rows. Of what is at fault
/// in their rows nothing is shown either: in a row whose cells have shifted, any of them may be a name.
fn mask(dataset: &Dataset, ours: &mut BTreeMap<String, ArrayRef>) -> Result<Option<BooleanArray>> {
    let Some(mask) = &dataset.spec.mask else { return Ok(None) };
    let unknown = |name: &str| Error::new(Kind::Usage, format!("[mask]: no column `{name}` in {}", dataset.id));
    let telling = ours.get_mut(&mask.unless).ok_or_else(|| unknown(&mask.unless))?;
    let kinds = telling.as_string::<i32>();
    let person: BooleanArray = kinds.iter().map(|kind| Some(!mask.is_business(kind))).collect();
    let strange: BooleanArray = kinds.iter().map(|kind| Some(!kind.is_some_and(|kind| mask.is_known(kind)))).collect();
    let masked = "a column cannot be masked";
    *telling = nullif(telling, &strange).or_error(Kind::Internal, masked)?;
    for name in &mask.columns {
        let column = ours.get_mut(name).ok_or_else(|| unknown(name))?;
        *column = nullif(column, &person).or_error(Kind::Internal, masked)?;
    }
    Ok(Some(person))
}

#[cfg(test)]
mod tests;
