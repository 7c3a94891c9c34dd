//! Columns that are computed from others.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array,
    StringArray, new_null_array,
};
use arrow::compute::kernels::cast_utils::parse_decimal;
use arrow::datatypes::{Decimal128Type, Int64Type};
use jiff::ToSpan as _;
use jiff::civil::Date;
use model::column::Type;
use model::dataset::{Rule, When};
use model::kind::{CountyFips, StateFips};
use model::{Error, Kind, Result, ResultExt as _};

use super::cell::{date, days, decimal};
use super::{Fault, Faults, Headers, find, text};
use crate::extract::Grade;

/// What a rule may look at.
pub(super) struct Source<'a> {
    pub headers: &'a Headers<'a>,
    pub ours: &'a BTreeMap<String, ArrayRef>,
    pub grade: Grade,
    /// Words of the column that is made that mean null.
    pub null: &'a [String],
    pub rows: usize,
}

impl Source<'_> {
    /// A column of ours that was made before.
    fn column(&self, name: &str) -> Result<&ArrayRef> {
        self.ours.get(name).ok_or_else(|| {
            Error::new(Kind::Usage, format!("a rule names `{name}`, which is not a column declared before it"))
        })
    }

    fn texts(&self, name: &str) -> Result<&StringArray> {
        self.column(name)?
            .as_string_opt()
            .ok_or_else(|| Error::new(Kind::Usage, format!("a rule needs `{name}` to be text")))
    }

    fn dates(&self, name: &str) -> Result<&Date32Array> {
        self.column(name)?
            .as_primitive_opt()
            .ok_or_else(|| Error::new(Kind::Usage, format!("a rule needs `{name}` to be a date")))
    }
}

fn last_of_month(first: Date) -> Date {
    first.last_of_month()
}

/// Computes a column.
pub(super) fn compute(
    name: &str,
    rule: &Rule,
    kind: Type,
    source: &Source<'_>,
    faults: &mut Faults,
) -> Result<ArrayRef> {
    Ok(match rule {
        Rule::Constant(value) => Arc::new(StringArray::from_iter_values(vec![value; source.rows])),
        Rule::SourceGrade => Arc::new(StringArray::from_iter_values(vec![source.grade.as_str(); source.rows])),
        Rule::Listed { column, is, word } => {
            let listed =
                source.texts(column)?.iter().map(|value| value.filter(|value| is.contains(*value)).map(|_| word));
            Arc::new(listed.collect::<StringArray>())
        }
        Rule::NotLoaded(_) => new_null_array(&kind.data_type(), source.rows),
        Rule::YearOf(of) => {
            let years = source.dates(of)?.iter().map(|day| Some(i32::from(date(day?)?.year())));
            Arc::new(years.collect::<Int32Array>())
        }
        Rule::MonthEnd { year, month } => Arc::new(day_of_month(
            name,
            source,
            [year, month],
            "%Y %B %d",
            "the English name of a month",
            faults,
            last_of_month,
        )),
        Rule::MonthStart { year, month } => {
            Arc::new(day_of_month(name, source, [year, month], "%Y %m %d", "the number of a month", faults, |first| {
                first
            }))
        }
        Rule::PeriodBound { label, months, last } => {
            Arc::new(period_bound(name, source, [label, months], *last, faults))
        }
        Rule::RangeBound { from, upper } => Arc::new(range_bound(name, source, from, *upper, kind, faults)?),
        Rule::PeriodStart { end, months } => {
            let starts = source.dates(end)?.iter().map(|day| {
                let first = date(day?)?.first_of_month().checked_sub((*months - 1).months()).ok()?;
                Some(days(first))
            });
            Arc::new(starts.collect::<Date32Array>())
        }
        Rule::CountyFipsOf { state, county } => {
            let pairs = source.texts(state)?.iter().zip(source.texts(county)?.iter());
            let codes = pairs.map(|(state, county)| {
                let state = StateFips::from_usps(state?).ok()?;
                CountyFips::from_name(state, county?).map(|code| code.to_string())
            });
            Arc::new(codes.collect::<StringArray>())
        }
        Rule::RateBound { count, population, per, published, upper } => {
            Arc::new(rate_bound(name, source, [count, population, published], *per, *upper, kind)?)
        }
        Rule::Sum { of, less, plus, present } => Arc::new(sum(name, source, of, less, *plus, *present)?),
        Rule::All(conditions) => Arc::new(all(source, conditions)),
        Rule::Product { of, times, unless } => {
            let published = find(source.headers, unless);
            let published = published.map(|cells| published_product(name, cells, source.null, kind, faults));
            Arc::new(product(name, source, (of, times), published.transpose()?.as_ref(), kind, faults)?)
        }
        Rule::ByHeader(words) => {
            let word = words.iter().find(|(header, _)| source.headers.contains_key(header.as_str()));
            Arc::new(StringArray::from(vec![word.map(|(_, word)| word.as_str()); source.rows]))
        }
    })
}

/// A day of a month that is given as a year and a month. What is not a month rejects its row.
fn day_of_month(
    name: &str,
    source: &Source<'_>,
    [year, month]: [&[String]; 2],
    format: &str,
    what: &str,
    faults: &mut Faults,
    day: fn(Date) -> Date,
) -> Date32Array {
    let (years, months) = (find(source.headers, year), find(source.headers, month));
    (0..source.rows)
        .map(|row| {
            let raw = format!("{} {} 1", text(years, row), text(months, row));
            let first = Date::strptime(format, &raw).ok();
            if first.is_none() {
                faults.entry(row).or_insert_with(|| Fault {
                    column: name.to_owned(),
                    rule: format!("not a year and {what}"),
                    raw: raw.clone(),
                });
            }
            first.map(|first| days(day(first)))
        })
        .collect()
}

/// A sum of whole numbers, less others.
fn sum(
    name: &str,
    source: &Source<'_>,
    of: &[String],
    less: &[String],
    plus: i64,
    present: bool,
) -> Result<Int64Array> {
    let signed = of.iter().map(|column| (column, 1)).chain(less.iter().map(|column| (column, -1)));
    let parts = signed.map(|(column, sign)| {
        let numbers = source.column(column)?.as_primitive_opt::<Int64Type>();
        let numbers = numbers
            .ok_or_else(|| Error::new(Kind::Usage, format!("`{name}` adds up `{column}`, which is no whole number")))?;
        Ok((numbers, sign))
    });
    let parts = parts.collect::<Result<Vec<_>>>()?;
    let sums = (0..source.rows).map(|row| {
        let there = parts.iter().filter(|(numbers, _)| numbers.is_valid(row));
        let values: Vec<i64> = there.map(|(numbers, sign)| sign * numbers.value(row)).collect();
        let enough = if present { !values.is_empty() } else { values.len() == parts.len() };
        enough.then(|| values.iter().sum::<i64>() + plus)
    });
    Ok(sums.collect())
}

/// Whether all conditions on upstream columns hold.
fn all(source: &Source<'_>, conditions: &[When]) -> BooleanArray {
    let columns: Vec<_> = conditions.iter().map(|when| (when, find(source.headers, &when.from))).collect();
    let rows = (0..source.rows).map(|row| Some(columns.iter().all(|(when, column)| when.holds(text(*column, row)))));
    rows.collect()
}

/// The first or the last day of a year, or of the months printed beside a label that is no year. Anything else rejects
/// its row.
fn period_bound(
    name: &str,
    source: &Source<'_>,
    [label, months]: [&[String]; 2],
    last: bool,
    faults: &mut Faults,
) -> Date32Array {
    let (labels, ranges) = (find(source.headers, label), find(source.headers, months));
    (0..source.rows)
        .map(|row| {
            let (label, range) = (text(labels, row), text(ranges, row));
            let year = Some(label).filter(|label| label.len() == 4).and_then(|label| label.parse::<i16>().ok());
            let bounds = match year {
                Some(year) => Date::new(year, 1, 1).ok().map(|first| (first, first.last_of_year())),
                None => range.split_once(" to ").and_then(|(first, last)| {
                    let month = |text: &str| Date::strptime("%B, %Y %d", format!("{text} 1")).ok();
                    Some((month(first)?, month(last)?.last_of_month()))
                }),
            };
            let bounds = bounds.filter(|(first, last)| first < last);
            if bounds.is_none() {
                faults.entry(row).or_insert_with(|| Fault {
                    column: name.to_owned(),
                    rule: "neither a year nor two months such as `February, 2025 to January, 2026`".to_owned(),
                    raw: format!("{label} {range}").trim_end().to_owned(),
                });
            }
            bounds.map(|(first, end)| days(if last { end } else { first }))
        })
        .collect()
}

/// A bound of each printed range; null where nothing is printed, or nothing bounds it. Anything but a range rejects its
/// row.
fn range_bound(
    name: &str,
    source: &Source<'_>,
    from: &[String],
    upper: bool,
    kind: Type,
    faults: &mut Faults,
) -> Result<Decimal128Array> {
    let Type::Decimal { precision, scale } = kind else {
        return Err(Error::new(Kind::Usage, format!("`{name}` is a bound of a range, and must be a decimal")));
    };
    let cells = find(source.headers, from);
    let bounds = (0..source.rows).map(|row| {
        let raw = text(cells, row);
        if raw.is_empty() {
            return None;
        }
        let number = |text: &str| decimal(text, precision, scale, false).filter(|number| *number >= 0);
        let read = range(raw).and_then(|(low, high)| match high {
            Some(high) => Some((number(low)?, Some(number(high)?))),
            None => Some((number(low)?, None)),
        });
        match read {
            Some((low, high)) if high.is_none_or(|high| low <= high) => {
                if upper {
                    high
                } else {
                    Some(low)
                }
            }
            _ => {
                faults.entry(row).or_insert_with(|| Fault {
                    column: name.to_owned(),
                    rule: "not a range such as `2-3.9`, `<2` or `30+`".to_owned(),
                    raw: raw.to_owned(),
                });
                None
            }
        }
    });
    bounds
        .collect::<Decimal128Array>()
        .with_precision_and_scale(precision, scale)
        .or_error(Kind::Internal, "the vocabulary has an impossible decimal")
}

/// The two ends of a printed range, with a hyphen or an en dash between them or a sign at one.
fn range(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(high) = text.strip_prefix('<') {
        return Some(("0", Some(high)));
    }
    if let Some(low) = text.strip_suffix('+').or_else(|| text.strip_prefix('>')) {
        return Some((low, None));
    }
    let (low, high) = text.split_once(['-', '–'])?;
    Some((low, Some(high)))
}

/// The exact product of decimal columns and a factor, at the scale of the result. A product that needs more digits
/// than the column keeps rejects its row: nothing is rounded in silence. Where the publisher has computed it, that is taken.
fn product(
    name: &str,
    source: &Source<'_>,
    (of, times): (&[String], &str),
    published: Option<&Decimal128Array>,
    kind: Type,
    faults: &mut Faults,
) -> Result<Decimal128Array> {
    let Type::Decimal { precision, scale } = kind else {
        return Err(Error::new(Kind::Usage, format!("`{name}` is a product, and must be a decimal")));
    };
    let times = parse_decimal::<Decimal128Type>(times, 38, 0)
        .or_error(Kind::Usage, format!("`{name}`: `times` must be a whole number"))?;
    let mut factors = Vec::with_capacity(of.len());
    let mut total_scale = 0_u32;
    for factor in of {
        let array = source
            .column(factor)?
            .as_primitive_opt::<Decimal128Type>()
            .ok_or_else(|| Error::new(Kind::Usage, format!("`{name}` multiplies `{factor}`, which is no decimal")))?;
        total_scale += u32::from(array.scale().unsigned_abs());
        factors.push(array);
    }
    let values = (0..source.rows).map(|row| {
        if let Some(published) = published.filter(|published| published.is_valid(row)) {
            return Some(published.value(row));
        }
        let mut value = times;
        for factor in &factors {
            if factor.is_null(row) {
                return None;
            }
            value = match value.checked_mul(trimmed(factor.value(row))) {
                Some(value) => value,
                None => return exceeded(name, row, faults),
            };
        }
        // Decimal places that the value has now, and those that it shall have.
        let zeros_cut: u32 = factors.iter().map(|factor| zeros(factor.value(row))).sum();
        let have = i64::from(total_scale) - i64::from(zeros_cut);
        let power = |exponent: i64| u32::try_from(exponent).ok().and_then(|exponent| 10_i128.checked_pow(exponent));
        let exponent = i64::from(scale) - have;
        let rescaled = if exponent >= 0 {
            power(exponent).and_then(|power| value.checked_mul(power))
        } else {
            power(-exponent).filter(|power| value % power == 0).map(|power| value / power)
        };
        match rescaled {
            Some(value) => Some(value),
            None => exceeded(name, row, faults),
        }
    });
    values
        .collect::<Decimal128Array>()
        .with_precision_and_scale(precision, scale)
        .or_error(Kind::Internal, "the vocabulary has an impossible decimal")
}

/// A product as the publisher computed it. A cell that is no number rejects its row.
fn published_product(
    name: &str,
    published: &StringArray,
    null: &[String],
    kind: Type,
    faults: &mut Faults,
) -> Result<Decimal128Array> {
    let Type::Decimal { precision, scale } = kind else {
        return Err(Error::new(Kind::Usage, format!("`{name}` is a product, and must be a decimal")));
    };
    let values = (0..published.len()).map(|row| {
        let raw = text(Some(published), row);
        if raw.is_empty() || null.iter().any(|word| word == raw) {
            return None;
        }
        // A double's last digits may lie beyond the column's.
        let value = decimal(raw, precision, scale, true);
        if value.is_none() {
            faults.entry(row).or_insert_with(|| Fault {
                column: name.to_owned(),
                rule: "not a decimal number".to_owned(),
                raw: raw.to_owned(),
            });
        }
        value
    });
    values
        .collect::<Decimal128Array>()
        .with_precision_and_scale(precision, scale)
        .or_error(Kind::Internal, "the vocabulary has an impossible decimal")
}

/// A number without its trailing decimal zeros, so that a product of wide columns fits.
fn trimmed(value: i128) -> i128 {
    value / 10_i128.pow(zeros(value))
}

/// How many trailing decimal zeros a number has; none for zero itself.
fn zeros(value: i128) -> u32 {
    let (mut value, mut count) = (value, 0);
    while value != 0 && value % 10 == 0 {
        value /= 10;
        count += 1;
    }
    count
}

fn exceeded(name: &str, row: usize, faults: &mut Faults) -> Option<i128> {
    faults.entry(row).or_insert_with(|| Fault {
        column: name.to_owned(),
        rule: "the product needs more digits than the column keeps".to_owned(),
        raw: String::new(),
    });
    None
}

/// A bound of a crude rate, from a bound of its count and the population that the publisher ships in the same row.
fn rate_bound(
    name: &str,
    source: &Source<'_>,
    [count, population, published]: [&String; 3],
    per: i64,
    upper: bool,
    kind: Type,
) -> Result<Decimal128Array> {
    let Type::Decimal { precision, scale } = kind else {
        return Err(Error::new(Kind::Usage, format!("`{name}` is a rate, and must be a decimal")));
    };
    let wrong = |column: &str| Error::new(Kind::Usage, format!("`{name}` needs `{column}` to be a number"));
    let integers =
        |column: &String| source.column(column)?.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong(column));
    let (counts, people) = (integers(count)?, integers(population)?);
    let rates = source.column(published)?.as_primitive_opt::<Decimal128Type>().ok_or_else(|| wrong(published))?;
    let unit = 10_i128.pow(u32::from(scale.unsigned_abs()));
    let bounds = (0..source.rows).map(|row| {
        if rates.is_valid(row) {
            return Some(rates.value(row));
        }
        if counts.is_null(row) || people.is_null(row) || people.value(row) <= 0 {
            return None;
        }
        let people = i128::from(people.value(row));
        let product = i128::from(counts.value(row)) * i128::from(per) * unit;
        Some(if upper { (product + people - 1) / people } else { product / people })
    });
    bounds
        .collect::<Decimal128Array>()
        .with_precision_and_scale(precision, scale)
        .or_error(Kind::Internal, "the vocabulary has an impossible decimal")
}
