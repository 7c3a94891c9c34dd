//! Checks on decimals as a publisher prints them: sums and quotients hold as far as rounding lets them.
//!
//! [`total`] holds the publisher's totals against their rows, [`ratio`] its quotients against what they are of. A printed
//! number stands for any that is rounded to it, so that a sum of many may be off by half a unit for each.

use std::collections::HashMap;

use arrow::array::{Array as _, AsArray as _, Decimal128Array, RecordBatch};
use arrow::datatypes::Decimal128Type;
use model::dataset::RatioCheck;
use model::{Error, Kind, Result};
use store::commit::Check;

use super::{Candidate, Keys, keys, passed};

/// Units of a printed number: hundredths.
const PRINTED: u32 = 2;

fn decimals<'b>(candidate: &Candidate<'_>, batch: &'b RecordBatch, name: &str) -> Result<&'b Decimal128Array> {
    batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Decimal128Type>()).ok_or_else(|| {
        Error::new(Kind::Usage, format!("{}: [check] needs `{name}` to be a decimal", candidate.dataset.id))
    })
}

/// The rows of a total, added up.
#[derive(Default, Clone, Copy)]
struct Sum {
    sum: i128,
    rows: i128,
    /// Rows whose figure is null: their sum cannot be told.
    blank: u64,
}

/// The sums of the rows, by the values of those key columns that a kind of total has.
struct Sums<'a> {
    keys: &'a Keys,
    values: &'a Decimal128Array,
    made: HashMap<Vec<bool>, HashMap<Vec<&'a str>, Sum>>,
}

impl<'a> Sums<'a> {
    /// The sum of the rows that agree with a total wherever it has a key.
    fn of(&mut self, total: usize) -> Sum {
        let has: Vec<bool> = self.keys.iter().map(|[_, totals]| totals[total].is_some()).collect();
        let (keys, values) = (self.keys, self.values);
        let of_kind = self.made.entry(has.clone()).or_insert_with(|| {
            let mut sums: HashMap<Vec<&str>, Sum> = HashMap::new();
            for row in 0..values.len() {
                let sum = sums.entry(key(keys, &has, 0, row)).or_default();
                sum.rows += 1;
                if values.is_valid(row) {
                    sum.sum += values.value(row);
                } else {
                    sum.blank += 1;
                }
            }
            sums
        });
        of_kind.get(&key(keys, &has, 1, total)).copied().unwrap_or_default()
    }
}

fn key<'a>(keys: &'a Keys, has: &[bool], of: usize, row: usize) -> Vec<&'a str> {
    let kept = keys.iter().zip(has).filter(|(_, has)| **has);
    kept.map(|(columns, _)| columns[of][row].as_deref().unwrap_or_default()).collect()
}

/// Each of the publisher's totals and subtotals is the sum of the rows that it is of, but for what rounding does.
pub(super) fn total(candidate: &Candidate<'_>, name: &str) -> Result<Check> {
    let published = decimals(candidate, candidate.totals, name)?;
    let values = decimals(candidate, candidate.kept, name)?;
    let keys = keys(candidate)?;
    let mut sums = Sums { keys: &keys, values, made: HashMap::new() };
    let unit = 10_i128.pow(u32::try_from(values.scale()).unwrap_or_default().saturating_sub(PRINTED));
    let whole = 100 * unit;
    let (mut equal, mut rounded, mut open) = (0_u64, 0_u64, 0_u64);
    for total in (0..published.len()).filter(|total| published.is_valid(*total)) {
        let (wanted, found) = (published.value(total), sums.of(total));
        if found.blank > 0 {
            open += 1;
            continue;
        }
        // Some totals are printed without decimals.
        let own = if wanted % whole == 0 { whole } else { unit };
        let off = (wanted - found.sum).abs();
        match off {
            0 => equal += 1,
            _ if found.rows > 0 && 2 * off <= found.rows * unit + own => rounded += 1,
            _ => {
                let sum = Decimal128Array::from(vec![found.sum]).with_precision_and_scale(38, values.scale());
                let sum = sum.map(|sum| sum.value_as_string(0)).unwrap_or_default();
                return Err(candidate.failed(format!(
                    "the publisher's total of `{name}` ({}) is {}, and its {} rows sum to {sum}",
                    candidate.total_text(total)?,
                    published.value_as_string(total),
                    found.rows
                )));
            }
        }
    }
    let saw = match (equal, rounded, open) {
        (0, 0, 0) => "the publisher prints no total".to_owned(),
        _ => format!(
            "{equal} of the publisher's totals equal the sums of their rows, {rounded} differ by what rounding may do, \
             {open} cannot be compared"
        ),
    };
    Ok(passed(format!("total of {name}"), saw))
}

/// A printed quotient is that of some numbers that are rounded to those printed beside it.
pub(super) fn ratio(candidate: &Candidate<'_>, rule: &RatioCheck) -> Result<Check> {
    let quotient = decimals(candidate, candidate.kept, &rule.column)?;
    let of = decimals(candidate, candidate.kept, &rule.of)?;
    let by = candidate.integers(candidate.kept, &rule.by)?;
    let power = |scale: i8| 10_i128.pow(u32::try_from(scale).unwrap_or_default());
    let (of_unit, quotient_unit) = (power(of.scale()), power(quotient.scale()));
    let printed = 10_i128.pow(rule.decimals);
    let times = i128::from(rule.times);
    let unless = rule.unless.as_ref().filter(|unless| unless.release.as_str() == candidate.release());
    let told = unless.map(|unless| candidate.column(&unless.column)).transpose()?;
    let is_excepted = |row: usize| {
        let value = told.and_then(|column| column.as_string_opt::<i32>()).filter(|column| column.is_valid(row));
        unless.is_some_and(|unless| value.is_some_and(|column| column.value(row) == unless.is))
    };
    let (mut holds, mut blank, mut excepted, mut broken) = (0_u64, 0_u64, 0_u64, 0_u64);
    for row in 0..quotient.len() {
        let there = quotient.is_valid(row) && of.is_valid(row) && by.is_valid(row) && by.value(row) > 0;
        if !there {
            blank += 1;
            continue;
        }
        let by = i128::from(by.value(row));
        let off = (quotient.value(row) * of_unit * by - of.value(row) * times * quotient_unit).abs();
        let slack = (of_unit * by * quotient_unit + times * quotient_unit * of_unit) / printed;
        let is_of_them = is_excepted(row);
        excepted += u64::from(is_of_them);
        if 2 * off <= slack {
            holds += 1;
        } else if is_of_them {
            broken += 1;
        } else {
            return Err(candidate.failed(format!(
                "in {}, `{}` is {}, which is not `{}` {} by `{}` {by}{}",
                candidate.key_text(row)?,
                rule.column,
                quotient.value_as_string(row),
                rule.of,
                of.value_as_string(row),
                rule.by,
                if rule.times == 1 { String::new() } else { format!(" times {}", rule.times) }
            )));
        }
    }
    if let (Some(unless), true, 0) = (unless, excepted > 0, broken) {
        return Err(candidate
            .failed(format!(
                "the rows whose `{}` is {} no longer break the rule of `{}`",
                unless.column, unless.is, rule.column
            ))
            .hint("if the publisher has put it right, take `unless` out of the pipeline; nothing was committed"));
    }
    let saw = format!("holds in {holds} rows, {blank} cannot be compared, {broken} are declared to break it");
    Ok(passed(format!("{} by {}", rule.column, rule.by), saw))
}
