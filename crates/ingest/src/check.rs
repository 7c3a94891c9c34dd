//! The gate: what must hold before a slice may be committed.
//!
//! Each check either passes, and says what it saw for the certificate, or names the rows at fault and ends the run with
//! nothing committed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use arrow::row::{RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use model::dataset::{Dataset, FilledCheck, Repeats, SumCheck};
use model::{Error, Kind, Result, ResultExt as _};
use store::commit::{Check, Counts};
use store::quarantine::Rejected;

mod decimal;
pub(crate) mod product;
mod repeats;
mod years;

/// A slice that was read whole, before it is written.
pub struct Candidate<'a> {
    /// Its dataset.
    pub dataset: &'a Dataset,
    /// `<release> <slice>`, for messages.
    pub name: String,
    /// The rows of the dataset's own table, sorted by key.
    pub kept: &'a RecordBatch,
    /// The total rows.
    pub totals: &'a RecordBatch,
    /// The rejected rows.
    pub rejected: &'a [Rejected],
    /// What was read, and what became of it.
    pub counts: Counts,
    /// How many rows the slice had in the snapshot that the run looked at.
    pub before: Option<u64>,
    /// How many rows this very slice has at least, where that is known.
    pub min_rows: Option<u64>,
}

/// What is known of a slice without its rows.
pub struct Summary<'a> {
    /// Its dataset.
    pub dataset: &'a Dataset,
    /// `<release> <slice>`, for messages.
    pub name: String,
    /// The rejected rows.
    pub rejected: &'a [Rejected],
    /// What was read, and what became of it.
    pub counts: Counts,
    /// How many rows the slice had in the snapshot that the run looked at.
    pub before: Option<u64>,
    /// How many rows this very slice has at least, where that is known.
    pub min_rows: Option<u64>,
}

/// Makes the checks of a file that is too large to be held, of which so many rows have the key
/// of another, and so many no key of their own. A dataset that
/// declares others cannot be read so.
pub(crate) fn check_streamed(
    summary: &Summary<'_>,
    (repeats, open): (u64, u64),
    found: &BTreeSet<i32>,
    products: Vec<product::Tally<'_>>,
) -> Result<Vec<Check>> {
    let check = &summary.dataset.spec.check;
    let others = [check.total.len(), check.distinct.len(), check.sum.len(), check.ratio.len(), check.filled.len()];
    if others.iter().any(|count| *count > 0) {
        let what = format!("pipelines/{}.toml: [check] asks for more than a stream can check", summary.dataset.id);
        return Err(Error::new(Kind::Usage, what).hint("leave `together` out of [source], or those checks"));
    }
    let mut passed =
        vec![conservation(summary)?, rejected(summary)?, rows(summary)?, repeats::told(summary, repeats, open)?];
    passed.extend(years::of_years(summary, found)?);
    for tally in products {
        passed.push(tally.finish(&|what| summary.failed(what))?);
    }
    Ok(passed)
}

/// Makes every check that the dataset declares.
pub fn check(candidate: &Candidate<'_>) -> Result<Vec<Check>> {
    let summary = candidate.summary();
    let mut passed = vec![conservation(&summary)?, rejected(&summary)?];
    // Before the number of rows: what an extract lacks says more than how short it is.
    for (column, least) in &candidate.dataset.spec.check.distinct {
        passed.push(distinct(candidate, column, *least)?);
    }
    passed.extend([rows(&summary)?, key(candidate)?]);
    passed.extend(years::check(candidate)?);
    for column in &candidate.dataset.spec.check.total {
        let is_decimal = matches!(candidate.column(column)?.data_type(), DataType::Decimal128(..));
        passed.push(if is_decimal { decimal::total(candidate, column)? } else { total(candidate, column)? });
    }
    for sum in &candidate.dataset.spec.check.sum {
        passed.push(row_sum(candidate, sum)?);
    }
    for rule in &candidate.dataset.spec.check.ratio {
        passed.push(decimal::ratio(candidate, rule)?);
    }
    for rule in &candidate.dataset.spec.check.product {
        passed.push(product::check(candidate, rule)?);
    }
    for rule in &candidate.dataset.spec.check.filled {
        passed.push(filled(candidate, rule)?);
    }
    Ok(passed)
}

impl Summary<'_> {
    fn failed(&self, what: String) -> Error {
        Error::new(Kind::CheckFailed, format!("{} {}: {what}", self.dataset.id, self.name))
            .hint("nothing was committed; the capture is in the archive to look at")
    }
}

impl Candidate<'_> {
    fn summary(&self) -> Summary<'_> {
        Summary {
            dataset: self.dataset,
            name: self.name.clone(),
            rejected: self.rejected,
            counts: self.counts,
            before: self.before,
            min_rows: self.min_rows,
        }
    }

    fn failed(&self, what: String) -> Error {
        self.summary().failed(what)
    }

    /// The edition, as text.
    fn release(&self) -> &str {
        edition(&self.name)
    }

    fn column(&self, name: &str) -> Result<&ArrayRef> {
        self.kept
            .column_by_name(name)
            .ok_or_else(|| Error::new(Kind::Usage, format!("{}: [check] names no column `{name}`", self.dataset.id)))
    }

    fn integers<'b>(&self, batch: &'b RecordBatch, name: &str) -> Result<&'b arrow::array::Int64Array> {
        batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>()).ok_or_else(|| {
            Error::new(Kind::Usage, format!("{}: [check] needs `{name}` to be a whole number", self.dataset.id))
        })
    }

    /// The key of a row, its values joined by ` / `.
    fn key_text(&self, row: usize) -> Result<String> {
        key_of(self.dataset, self.kept, row)
    }

    /// The key of a total row; what is not in it is the place or period that it adds up.
    fn total_text(&self, row: usize) -> Result<String> {
        key_of(self.dataset, self.totals, row)
    }
}

/// The edition in `<release> <slice>`.
fn edition(name: &str) -> &str {
    name.split(' ').next().unwrap_or_default()
}

/// The key of a row of a table, its values joined by ` / `.
pub(crate) fn key_of(dataset: &Dataset, rows: &RecordBatch, row: usize) -> Result<String> {
    let options = FormatOptions::default();
    let values = dataset.spec.check.key.iter().filter_map(|name| rows.column_by_name(name)).map(|column| {
        let formatter =
            ArrayFormatter::try_new(column.as_ref(), &options).or_error(Kind::Internal, "a key cannot be printed")?;
        Ok(formatter.value(row).to_string())
    });
    Ok(values.collect::<Result<Vec<_>>>()?.join(" / "))
}

fn passed(name: impl Into<String>, saw: impl Into<String>) -> Check {
    Check { name: name.into(), saw: saw.into() }
}

fn conservation(summary: &Summary<'_>) -> Result<Check> {
    let Counts { read, kept, totals, rejected, hidden, .. } = summary.counts;
    if read != kept + totals + rejected {
        return Err(Error::new(
            Kind::Internal,
            format!(
                "{} {}: {read} records were read, but {kept} kept, {totals} totals and {rejected} rejected",
                summary.dataset.id, summary.name
            ),
        ));
    }
    let mut saw = format!("read {read} = kept {kept} + totals {totals} + rejected {rejected}");
    if hidden > 0 {
        saw += &format!("; {hidden} rows more were not shown");
    }
    Ok(passed("conservation", saw))
}

fn rejected(summary: &Summary<'_>) -> Result<Check> {
    let check = &summary.dataset.spec.check;
    let allowed = check.max_rejected + check.max_rejected_per_million * summary.counts.read / 1_000_000;
    let count = summary.rejected.len() as u64;
    match summary.rejected.first() {
        Some(first) if count > allowed => Err(summary.failed(format!(
            "{count} of {} rows broke a rule, and {allowed} may; the first is record {}: {} `{}` is {}",
            summary.counts.read, first.record, first.column, first.raw, first.rule
        ))),
        _ => Ok(passed("rejected", format!("{count}, of {allowed} allowed"))),
    }
}

fn rows(summary: &Summary<'_>) -> Result<Check> {
    let rows = summary.counts.kept;
    let bounds = &summary.dataset.spec.check.rows;
    let least = summary.min_rows.unwrap_or(bounds.min).max(bounds.min);
    if rows < least {
        return Err(summary.failed(format!("it has {rows} rows, and at least {least} are expected")));
    }
    if let Some(before) = summary.before {
        let least = before as f64 * (1.0 - bounds.may_shrink);
        if (rows as f64) < least {
            return Err(summary.failed(format!(
                "it shrank from {before} rows to {rows}, and may lose {} % at most",
                bounds.may_shrink * 100.0
            )));
        }
    }
    let before = summary.before.map_or_else(|| "new".to_owned(), |before| format!("{before} before"));
    Ok(passed("rows", format!("{rows} ({before}), at least {least}")))
}

fn key(candidate: &Candidate<'_>) -> Result<Check> {
    let check = &candidate.dataset.spec.check;
    let mut columns = Vec::new();
    for name in &check.key {
        let column = candidate.column(name)?;
        if column.null_count() > 0 && !check.nullable.contains(name) {
            let row = (0..column.len()).find(|row| column.is_null(*row)).unwrap_or_default();
            return Err(candidate.failed(format!("`{name}` is in the key, and null in {}", candidate.key_text(row)?)));
        }
        columns.push(column.clone());
    }
    if check.repeats == Repeats::Counted {
        return repeats::count(candidate);
    }
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let rows = RowConverter::new(fields)
        .and_then(|converter| converter.convert_columns(&columns))
        .or_error(Kind::Internal, "the key cannot be compared")?;
    // Of a person the columns that would tell it apart are gone.
    let masked = candidate.dataset.spec.mask.iter().flat_map(|mask| &mask.columns);
    let masked = masked.filter(|name| check.persons_may_repeat && check.key.contains(name));
    let masked = masked.map(|name| candidate.column(name)).collect::<Result<Vec<_>>>()?;
    let mut seen = HashSet::with_capacity(rows.num_rows());
    for (row, value) in rows.iter().enumerate() {
        if !seen.insert(value) && masked.iter().all(|column| column.is_valid(row)) {
            return Err(candidate.failed(format!("two rows have the key {}", candidate.key_text(row)?)).hint(
                "if the publisher mislabelled one of them, declare a [[correction]] with a reason; nothing was committed",
            ));
        }
    }
    Ok(passed("key", format!("{} unique", check.key.join(", "))))
}

/// An extract of a table, saved by somebody, may have every column and still not be the table.
fn distinct(candidate: &Candidate<'_>, name: &str, least: u64) -> Result<Check> {
    let column = candidate.column(name)?;
    let values = RowConverter::new(vec![SortField::new(column.data_type().clone())])
        .and_then(|converter| converter.convert_columns(std::slice::from_ref(column)))
        .or_error(Kind::Internal, "values cannot be compared")?;
    let found: HashSet<_> = (0..column.len()).filter(|row| column.is_valid(*row)).map(|row| values.row(row)).collect();
    let count = found.len() as u64;
    if count < least {
        return Err(candidate
            .failed(format!("`{name}` has {count} different values, and at least {least} are expected"))
            .hint("an extract is not the table: get the whole of it from the publisher; nothing was committed"));
    }
    Ok(passed(format!("distinct {name}"), format!("{count}, at least {least}")))
}

/// Each of the publisher's totals and subtotals is the sum of the rows that it is of, or lies between the bounds of that
/// sum where rows are withheld.
fn total(candidate: &Candidate<'_>, name: &str) -> Result<Check> {
    let (rows, totals) = (candidate.kept, candidate.totals);
    let published = candidate.integers(totals, name)?;
    let values = candidate.integers(rows, name)?;
    let bounds = |end: &str| {
        let column = rows.column_by_name(&format!("{name}_{end}"))?;
        column.as_primitive_opt::<Int64Type>()
    };
    let (mut equal, mut within, mut open) = (0_u64, 0_u64, 0_u64);
    let keys = keys(candidate)?;
    for total in (0..totals.num_rows()).filter(|total| published.is_valid(*total)) {
        let of_it = parts_of(&keys, rows.num_rows(), total);
        let wanted = published.value(total);
        let failed = |found: String| {
            let place = candidate.total_text(total).unwrap_or_default();
            candidate
                .failed(format!("the publisher's total of `{name}` ({place}) is {wanted}, and the rows sum to {found}"))
        };
        if of_it.iter().all(|row| values.is_valid(*row)) {
            let sum: i64 = of_it.iter().map(|row| values.value(*row)).sum();
            if sum != wanted {
                return Err(failed(sum.to_string()));
            }
            equal += 1;
            continue;
        }
        // A place that was missing adds nothing; whatever else has no bounds leaves the sum open.
        let (Some(lows), Some(highs)) = (bounds("low"), bounds("high")) else {
            open += 1;
            continue;
        };
        let sum = |ends: &arrow::array::Int64Array| -> i64 {
            of_it.iter().filter(|row| ends.is_valid(**row)).map(|row| ends.value(*row)).sum()
        };
        let (low, high) = (sum(lows), sum(highs));
        if !(low..=high).contains(&wanted) {
            return Err(failed(format!("{low} to {high}")));
        }
        within += 1;
    }
    let saw = match (equal, within, open) {
        (0, 0, 0) => "the publisher prints no total".to_owned(),
        _ => format!(
            "{equal} of the publisher's totals equal the sums of their rows, {within} lie within the bounds of sums with \
             withheld rows, {open} cannot be compared"
        ),
    };
    Ok(passed(format!("total of {name}"), saw))
}

/// The key columns as text, of the rows and of the total rows.
type Keys = Vec<[Vec<Option<String>>; 2]>;

fn keys(candidate: &Candidate<'_>) -> Result<Keys> {
    let options = FormatOptions::default();
    let print = |column: &ArrayRef| -> Result<Vec<Option<String>>> {
        let formatter =
            ArrayFormatter::try_new(column.as_ref(), &options).or_error(Kind::Internal, "a key cannot be printed")?;
        Ok((0..column.len()).map(|row| column.is_valid(row).then(|| formatter.value(row).to_string())).collect())
    };
    let names = candidate.dataset.spec.check.key.iter();
    let pairs =
        names.filter_map(|name| Some((candidate.kept.column_by_name(name)?, candidate.totals.column_by_name(name)?)));
    pairs.map(|(kept, totals)| Ok([print(kept)?, print(totals)?])).collect()
}

/// The rows that a total row is of: those that agree with it wherever it has a key.
fn parts_of(keys: &Keys, rows: usize, total: usize) -> Vec<usize> {
    let agrees = |row: &usize| keys.iter().all(|[kept, totals]| totals[total].is_none() || totals[total] == kept[*row]);
    (0..rows).filter(agrees).collect()
}

/// A column is the sum of others in each row, but for the rows that are declared to break it as published.
fn row_sum(candidate: &Candidate<'_>, sum: &SumCheck) -> Result<Check> {
    let whole = candidate.integers(candidate.kept, &sum.column)?;
    let mut parts = Vec::with_capacity(sum.of.len());
    for part in &sum.of {
        let either = part.split('|').map(|name| candidate.integers(candidate.kept, name));
        parts.push(either.collect::<Result<Vec<_>>>()?);
    }
    let looked_at =
        sum.looked_at.is_empty() || sum.looked_at.iter().any(|release| release.as_str() == candidate.release());
    let may_slip = if looked_at { 0 } else { sum.elsewhere };
    let (mut compared, mut excepted, mut slips) = (0_u64, HashSet::new(), Vec::new());
    for row in 0..whole.len() {
        let values: Option<Vec<i64>> = parts
            .iter()
            .map(|either| either.iter().find(|array| array.is_valid(row)).map(|array| array.value(row)))
            .collect();
        let (Some(values), true) = (values, whole.is_valid(row)) else { continue };
        compared += 1;
        let found: i64 = values.iter().sum();
        if found == whole.value(row) {
            continue;
        }
        let key = candidate.key_text(row)?;
        if sum.except.contains_key(&key) {
            excepted.insert(key);
            continue;
        }
        let (printed, parts) = (whole.value(row), sum.of.join(", "));
        slips.push(format!("in {key}, `{}` is {printed} and its parts ({parts}) sum to {found}", sum.column));
        if slips.len() > may_slip {
            return Err(candidate
                .failed(slips.join("; "))
                .hint("if the publisher really printed it so, declare it under [check.sum.except] with a reason"));
        }
    }
    none_stale(candidate, &sum.except, &excepted, &format!("the sum of `{}`", sum.column))?;
    let (known, unknown) = (excepted.len(), slips.len());
    let holds = compared - (known + unknown) as u64;
    let mut saw = format!("holds in {holds} of {compared} rows, {known} declared exceptions");
    if unknown > 0 {
        saw += &format!("; nobody has looked at this edition: {}", slips.join("; "));
        tracing::warn!(dataset = %candidate.dataset.id, slice = candidate.name, slips = slips.join("; "), "rows break a sum");
    }
    Ok(passed(format!("sum of {}", sum.column), saw))
}

/// An exception that no longer matches is a correction upstream, or a mistake: either way somebody must look.
fn none_stale(
    candidate: &Candidate<'_>,
    declared: &BTreeMap<String, String>,
    met: &HashSet<String>,
    rule: &str,
) -> Result<()> {
    let release = format!("{} / ", candidate.release());
    match declared.keys().find(|key| key.starts_with(&release) && !met.contains(*key)) {
        None => Ok(()),
        Some(key) => Err(candidate
            .failed(format!("the declared exception {key} no longer breaks {rule}"))
            .hint("if the publisher has put it right, take the exception out of the pipeline; nothing was committed")),
    }
}

/// Not too many of some columns are filled in any row, nor too few but in the rows that are declared so.
fn filled(candidate: &Candidate<'_>, rule: &FilledCheck) -> Result<Check> {
    let columns = rule.columns.iter().map(|name| candidate.column(name)).collect::<Result<Vec<_>>>()?;
    let names = rule.columns.join(", ");
    let looked_at = rule.least_in.iter().any(|release| release.as_str() == candidate.release());
    let least = if looked_at { rule.least } else { 0 };
    let (mut fewer, mut excepted) = (0_u64, HashSet::new());
    for row in 0..candidate.kept.num_rows() {
        let count = columns.iter().filter(|column| column.is_valid(row)).count();
        if count > rule.most {
            let key = candidate.key_text(row)?;
            return Err(candidate.failed(format!("in {key}, {count} of {names} are filled, and {} may be", rule.most)));
        }
        fewer += u64::from(count < rule.least);
        if count >= least {
            continue;
        }
        let key = candidate.key_text(row)?;
        if !rule.except.contains_key(&key) {
            return Err(candidate
                .failed(format!("in {key}, {count} of {names} are filled, and at least {least} must be"))
                .hint("if the publisher really printed it so, declare it under [check.filled.except] with a reason"));
        }
        excepted.insert(key);
    }
    none_stale(candidate, &rule.except, &excepted, &format!("the rule that at least {least} of {names} are filled"))?;
    Ok(passed(
        format!("filled {names}"),
        format!(
            "at most {} in every row, fewer than {} in {fewer} rows, {} of them declared exceptions",
            rule.most,
            rule.least,
            excepted.len()
        ),
    ))
}

#[cfg(test)]
mod tests;
