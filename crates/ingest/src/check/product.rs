//! Products that a publisher prints beside their factors: equal, or as near as the rounding of a factor lets them be.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _, Decimal128Array, RecordBatch};
use arrow::datatypes::Decimal128Type;
use model::dataset::ProductCheck;
use model::{Error, Kind, Result};
use store::commit::Check;

use super::{Candidate, passed};

/// Digits behind the point beyond which products of doubles differ by themselves.
const NOISE: u32 = 6;

/// The rows that differ, of one kind.
#[derive(Debug, Default)]
struct Differing {
    rows: u64,
    /// The sum of the differences, published less computed, in units of the scale.
    sum: i128,
    /// The largest of them.
    largest: i128,
}

/// Compares a published product with its factors, row by row.
pub(super) fn check(candidate: &Candidate<'_>, rule: &ProductCheck) -> Result<Check> {
    let mut tally = Tally::new(rule);
    tally.see(candidate.kept, &|_| 1, &|row| candidate.key_text(row))?;
    tally.finish(&|what| candidate.failed(what))
}

/// Published products and their factors, batch by batch.
#[derive(Debug)]
pub(crate) struct Tally<'r> {
    rule: &'r ProductCheck,
    sizes: Option<Sizes>,
    compared: u64,
    beyond: u64,
    first: Option<String>,
    differing: BTreeMap<String, Differing>,
}

impl<'r> Tally<'r> {
    /// Of nothing yet.
    pub fn new(rule: &'r ProductCheck) -> Self {
        Self { rule, sizes: None, compared: 0, beyond: 0, first: None, differing: BTreeMap::new() }
    }

    /// The columns that it looks at.
    pub fn columns(&self) -> impl Iterator<Item = &'r String> {
        [&self.rule.column].into_iter().chain(&self.rule.of).chain(&self.rule.by)
    }

    /// Takes a batch of which each row stands for so many.
    pub fn see(
        &mut self,
        batch: &RecordBatch,
        times: &dyn Fn(usize) -> u64,
        place: &dyn Fn(usize) -> Result<String>,
    ) -> Result<()> {
        let rule = self.rule;
        let column = |name: &String| {
            let what = || Error::new(Kind::Usage, format!("[check] names no column `{name}`"));
            batch.column_by_name(name).ok_or_else(what)
        };
        let decimals = |name: &String| -> Result<&Decimal128Array> {
            let what = || Error::new(Kind::Usage, format!("[check] needs `{name}` to be a decimal"));
            column(name)?.as_primitive_opt::<Decimal128Type>().ok_or_else(what)
        };
        let published = decimals(&rule.column)?;
        let factors = rule.of.iter().map(decimals).collect::<Result<Vec<_>>>()?;
        let by = rule.by.as_ref().map(column).transpose()?.and_then(|column| column.as_string_opt::<i32>());
        let sizes = self.sizes.get_or_insert_with(|| Sizes::new(rule, published, &factors));
        for row in 0..published.len() {
            if published.is_null(row) || factors.iter().any(|factor| factor.is_null(row)) {
                continue;
            }
            let Some((difference, explained)) = sizes.compare(published.value(row), &factors, row) else {
                let what = format!("`{}` has more digits than can be compared: {}", rule.column, place(row)?);
                return Err(Error::new(Kind::CheckFailed, what));
            };
            let times = times(row);
            self.compared += times;
            if difference.abs() <= sizes.noise || times == 0 {
                continue;
            }
            let kind = by.filter(|by| by.is_valid(row)).map_or("", |by| by.value(row));
            let kind = self.differing.entry(kind.to_owned()).or_default();
            kind.rows += times;
            kind.sum += difference * i128::from(times);
            kind.largest = kind.largest.max(difference.abs());
            if difference.abs() > explained + sizes.noise {
                self.beyond += times;
                if self.first.is_none() {
                    self.first = Some(place(row)?);
                }
            }
        }
        Ok(())
    }

    /// What the certificate tells of it, or why it does not hold.
    pub fn finish(self, failed: &dyn Fn(String) -> Error) -> Result<Check> {
        let Self { rule, sizes, compared, beyond, first, differing } = self;
        let digits = format!("what rounding `{}` to {} digits explains", rule.of[0], rule.digits);
        let name = format!("{} is {} × {}", rule.column, rule.of.join(" × "), rule.times);
        let place = first.unwrap_or_default();
        if beyond as f64 > compared as f64 * rule.beyond {
            return Err(failed(format!(
                "in {beyond} of {compared} rows {name} is off by more than {digits}; the first is {place}"
            )));
        }
        let rows: u64 = differing.values().map(|kind| kind.rows).sum();
        let mut saw = format!("holds in {} of {compared} rows", compared - rows);
        if let Some(sizes) = sizes.filter(|_| rows > 0) {
            let each = differing.iter().map(|(kind, Differing { rows, sum, largest })| {
                format!("{kind} {rows} rows, {} in all, {} at most", sizes.text(*sum), sizes.text(*largest))
                    .trim()
                    .to_owned()
            });
            saw += &format!(
                "; {rows} differ, {beyond} of them by more than {digits}: {}",
                each.collect::<Vec<_>>().join("; ")
            );
        }
        if beyond > 0 {
            saw += &format!("; the first beyond is {place}");
        }
        Ok(passed(name, saw))
    }
}

/// How products and their factors are brought to one scale.
#[derive(Debug)]
struct Sizes {
    times: i128,
    /// The decimals of everything that is compared.
    scale: u32,
    /// What the published product is multiplied with to have them.
    published: i128,
    /// What the product of the factors is multiplied with to have them.
    computed: i128,
    /// Half of the last digit that the first factor is rounded to, in its own units.
    half: i128,
    noise: i128,
}

impl Sizes {
    fn new(rule: &ProductCheck, published: &Decimal128Array, factors: &[&Decimal128Array]) -> Self {
        let scale = |array: &Decimal128Array| u32::from(array.scale().unsigned_abs());
        let (own, of) = (scale(published), factors.iter().map(|factor| scale(factor)).sum::<u32>());
        let power = |exponent: u32| 10_i128.pow(exponent);
        let first = factors.first().map_or(0, |factor| scale(factor));
        let most = own.max(of);
        Self {
            times: i128::from(rule.times),
            scale: most,
            published: power(most - own),
            computed: power(most - of),
            half: power(first.saturating_sub(rule.digits)) / 2,
            noise: power(most.saturating_sub(NOISE)),
        }
    }

    /// The published product less the computed one, and by how much rounding may make them differ.
    fn compare(&self, published: i128, factors: &[&Decimal128Array], row: usize) -> Option<(i128, i128)> {
        let others = factors[1..].iter().try_fold(self.times, |value, factor| value.checked_mul(factor.value(row)))?;
        let product = |first: i128| others.checked_mul(first)?.checked_mul(self.computed);
        let difference = published.checked_mul(self.published)?.checked_sub(product(factors[0].value(row))?)?;
        Some((difference, product(self.half)?.abs()))
    }

    /// A number of the common scale, without zeros at its end.
    fn text(&self, value: i128) -> String {
        let unit = 10_u128.pow(self.scale);
        let (whole, rest) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
        let sign = if value < 0 { "-" } else { "" };
        let digits = format!("{rest:0width$}", width = self.scale as usize);
        format!("{sign}{whole}.{digits}").trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}
