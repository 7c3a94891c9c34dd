//! Products that a publisher prints beside their factors: equal, or as near as the rounding of a factor lets them be.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _, Decimal128Array};
use arrow::datatypes::Decimal128Type;
use model::dataset::ProductCheck;
use model::{Error, Kind, Result};
use store::commit::Check;

use super::{Candidate, passed};

/// Digits behind the point beyond which products of doubles differ by themselves.
const NOISE: u32 = 6;

/// The rows that differ, of one kind.
#[derive(Default)]
struct Differing {
    rows: u64,
    /// The sum of the differences, published less computed, in units of the scale.
    sum: i128,
    /// The largest of them.
    largest: i128,
}

/// Compares a published product with its factors, row by row.
pub(super) fn check(candidate: &Candidate<'_>, rule: &ProductCheck) -> Result<Check> {
    let decimals = |name: &String| -> Result<&Decimal128Array> {
        candidate.column(name)?.as_primitive_opt::<Decimal128Type>().ok_or_else(|| {
            Error::new(Kind::Usage, format!("{}: [check] needs `{name}` to be a decimal", candidate.dataset.id))
        })
    };
    let published = decimals(&rule.column)?;
    let factors = rule.of.iter().map(decimals).collect::<Result<Vec<_>>>()?;
    let by = rule.by.as_ref().map(|name| candidate.column(name)).transpose()?;
    let by = by.and_then(|column| column.as_string_opt::<i32>());
    let sizes = Sizes::new(rule, published, &factors);
    let (mut compared, mut beyond, mut first) = (0_u64, 0_u64, None);
    let mut differing: BTreeMap<&str, Differing> = BTreeMap::new();
    for row in 0..published.len() {
        if published.is_null(row) || factors.iter().any(|factor| factor.is_null(row)) {
            continue;
        }
        let Some((difference, explained)) = sizes.compare(published.value(row), &factors, row) else {
            return Err(candidate.failed(format!(
                "`{}` has more digits than can be compared: {}",
                rule.column,
                candidate.key_text(row)?
            )));
        };
        compared += 1;
        if difference.abs() <= sizes.noise {
            continue;
        }
        let kind = by.filter(|by| by.is_valid(row)).map_or("", |by| by.value(row));
        let kind = differing.entry(kind).or_default();
        kind.rows += 1;
        kind.sum += difference;
        kind.largest = kind.largest.max(difference.abs());
        if difference.abs() > explained + sizes.noise {
            beyond += 1;
            first = first.or(Some(row));
        }
    }
    let digits = format!("what rounding `{}` to {} digits explains", rule.of[0], rule.digits);
    let name = format!("{} is {} × {}", rule.column, rule.of.join(" × "), rule.times);
    let place = first.map(|row| candidate.key_text(row)).transpose()?.unwrap_or_default();
    if beyond as f64 > compared as f64 * rule.beyond {
        return Err(candidate.failed(format!(
            "in {beyond} of {compared} rows {name} is off by more than {digits}; the first is {place}"
        )));
    }
    let rows: u64 = differing.values().map(|kind| kind.rows).sum();
    let mut saw = format!("holds in {} of {compared} rows", compared - rows);
    if rows > 0 {
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

/// How products and their factors are brought to one scale.
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
