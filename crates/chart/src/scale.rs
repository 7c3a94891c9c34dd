//! Round ticks and printed numbers, with arithmetic that every machine repeats.

use super::{Axis, DrawError};

/// The values an axis spans and where its ticks stand.
pub(super) struct Scale {
    pub min: f64,
    pub max: f64,
    pub ticks: Vec<f64>,
    decimals: usize,
}

impl Scale {
    /// Spans `low` to `high`, widened to round ticks unless the axis declares
    /// limits. Without limits, zero is included when it is not far off.
    pub fn round(axis: &Axis, low: f64, high: f64, ticks: usize) -> Result<Self, DrawError> {
        let near_zero = low >= 0.0 && low <= 0.25 * high;
        let low = axis.min.unwrap_or(if near_zero { 0.0 } else { low });
        let high = axis.max.unwrap_or(high);
        let high = if high > low { high } else { checked(axis, low, high)? };
        let step = Step::nice((high - low) / ticks as f64);
        let first = if axis.min.is_some() { step.at_or_above(low) } else { step.at_or_below(low) };
        let last = if axis.max.is_some() { step.at_or_below(high) } else { step.at_or_above(high) };
        let min = axis.min.unwrap_or(step.times(first));
        let max = axis.max.unwrap_or(step.times(last));
        Ok(Self { min, max, ticks: (first..=last).map(|k| step.times(k)).collect(), decimals: step.decimals() })
    }

    /// Spans exactly `low` to `high`, with ticks inside; `whole` keeps ticks off fractions (years).
    pub fn exact(axis: &Axis, low: f64, high: f64, ticks: usize, whole: bool) -> Result<Self, DrawError> {
        let low = axis.min.unwrap_or(low);
        let high = axis.max.unwrap_or(high);
        let high = if high > low { high } else { checked(axis, low, high)? };
        let wanted = (high - low) / ticks as f64;
        let step = Step::nice(if whole { wanted.max(1.0) } else { wanted });
        let (first, last) = (step.at_or_above(low), step.at_or_below(high));
        Ok(Self {
            min: low,
            max: high,
            ticks: (first..=last).map(|k| step.times(k)).collect(),
            decimals: step.decimals(),
        })
    }

    /// Where a value lies, from 0 at the low end to 1 at the high end.
    pub fn place(&self, value: f64) -> f64 {
        (value - self.min) / (self.max - self.min)
    }

    pub fn label(&self, tick: f64) -> String {
        fixed(tick, self.decimals)
    }
}

/// All values equal is drawn one unit wide; declared limits in the wrong order are an error.
fn checked(axis: &Axis, low: f64, high: f64) -> Result<f64, DrawError> {
    if low == high && !(axis.min.is_some() && axis.max.is_some()) {
        return Ok(low + 1.0);
    }
    Err(DrawError::BadLimits { column: axis.column.clone(), min: low, max: high })
}

/// 1, 2 or 5 times a power of ten, kept as whole numbers so that ticks are exact.
struct Step {
    lead: f64,
    power: f64,
    divides: bool,
}

impl Step {
    fn nice(at_least: f64) -> Self {
        let mut power = 1.0;
        let mut divides = false;
        if at_least > 5.0 {
            while power * 5.0 < at_least && power < 1e300 {
                power *= 10.0;
            }
        } else if at_least <= 0.5 {
            divides = true;
            while 0.5 / power >= at_least && power < 1e15 {
                power *= 10.0;
            }
        }
        let unit = if divides { 1.0 / power } else { power };
        let lead = [1.0, 2.0, 5.0].into_iter().find(|l| l * unit >= at_least).unwrap_or(5.0);
        Self { lead, power, divides }
    }

    fn times(&self, k: i64) -> f64 {
        let whole = k as f64 * self.lead;
        if self.divides { whole / self.power } else { whole * self.power }
    }

    fn ratio(&self, v: f64) -> f64 {
        if self.divides { v * self.power / self.lead } else { v / self.power / self.lead }
    }

    fn at_or_below(&self, v: f64) -> i64 {
        (self.ratio(v) + 1e-9).floor() as i64
    }

    fn at_or_above(&self, v: f64) -> i64 {
        (self.ratio(v) - 1e-9).ceil() as i64
    }

    fn decimals(&self) -> usize {
        let mut places = 0;
        let mut power = self.power;
        while self.divides && power > 1.0 {
            power /= 10.0;
            places += 1;
        }
        places
    }
}

/// Fixed decimals, a true minus sign, and commas from ten thousand on (so that years have none).
pub(super) fn fixed(v: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", v.abs());
    let zero = digits.chars().all(|c| c == '0' || c == '.');
    let sign = if v < 0.0 && !zero { "\u{2212}" } else { "" };
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    format!("{sign}{}{rest}", grouped(whole))
}

/// A value beside a mark: whole numbers whole, others to one decimal, or to two figures below one.
pub(super) fn value(v: f64) -> String {
    if v == v.trunc() {
        return fixed(v, 0);
    }
    let mut decimals = 1;
    let mut shown = v.abs();
    while shown < 1.0 && decimals < 9 {
        shown *= 10.0;
        decimals += 1;
    }
    fixed(v, decimals)
}

fn grouped(whole: &str) -> String {
    if whole.len() < 5 {
        return whole.to_owned();
    }
    let mut out = String::new();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}
