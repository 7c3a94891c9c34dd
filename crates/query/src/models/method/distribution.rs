//! How figures of persons are distributed, where nobody's own figure may be seen.
//!
//! - A group of fewer than [`FEWEST`] persons has no row.
//! - A quantile is the mean of the figures of the [`TOGETHER`] persons around it, rounded, so that it is nobody's own.
//! - It is shown only where at least [`BEYOND`] persons more stand on either side. So there is neither a largest nor a
//!   smallest figure, and no quantile near one.
//!
//! Groups are disjoint, there are no sums, and none of all groups together: nothing is left over by subtraction.

use std::collections::BTreeMap;

use model::{Error, Kind, Result};
use serde::{Deserialize, Serialize};

use super::{Row, Rows, wrong};

/// As few persons as a group may have.
const FEWEST: u64 = 11;
/// How many persons' figures a quantile is the mean of: it, and as many on either side.
const TOGETHER: u64 = 5;
/// How many more must stand on either side.
const BEYOND: u64 = 5;
/// Quantiles, in hundredths.
const QUANTILES: [u64; 6] = [10, 25, 50, 75, 90, 99];

/// Reads the columns `by`, which are never null, the column `value`, and `persons`: how many have that value. Makes a row for each
/// group `by`: `persons`, and `<value>_p10`, `_p25`, `_p50`, `_p75`, `_p90` and `_p99`, in multiples of `round`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    by: Vec<String>,
    value: String,
    round: u32,
}

/// The figures of a group, each with how many persons have it.
type Figures = Vec<(f64, u64)>;

impl Distribution {
    /// The groups. Where the SQL reads counts that are `guarded`, a small one is refused: it should not be there.
    pub(super) fn apply(&self, rows: &[Row<'_>], guarded: bool) -> Result<Rows> {
        if self.round == 0 || self.by.is_empty() {
            return Err(Error::new(Kind::Usage, "a distribution is by some columns, and of rounded figures"));
        }
        let mut groups: BTreeMap<Vec<&str>, Figures> = BTreeMap::new();
        for row in rows {
            let key = self.by.iter().map(|column| row.known(column)).collect::<Result<Vec<_>>>()?;
            let value = row.number(&self.value)?;
            // CMS shows no count of 1-10, NCHS none of 1-9.
            if guarded && value > 0.0 && value < 11.0 {
                return Err(wrong("a count of 1-10 is among what goes in"));
            }
            let persons = row.known("persons")?.parse().map_err(|_| wrong("`persons` is no count"))?;
            groups.entry(key).or_default().push((value, persons));
        }
        let made = groups.into_iter().filter_map(|(key, mut figures)| {
            let persons: u64 = figures.iter().map(|(_, persons)| persons).sum();
            if persons < FEWEST {
                return None;
            }
            figures.sort_by(|a, b| a.0.total_cmp(&b.0));
            let named = self.by.iter().zip(key).map(|(column, cell)| (column.clone(), Some(cell.to_owned())));
            let mut made: BTreeMap<String, Option<String>> = named.collect();
            made.insert("persons".to_owned(), Some(persons.to_string()));
            for hundredths in QUANTILES {
                let cell = quantile(&figures, persons, hundredths).map(|value| {
                    let round = f64::from(self.round);
                    format!("{:.0}", (value / round).round() * round)
                });
                made.insert(format!("{}_p{hundredths}", self.value), cell);
            }
            Some(made)
        });
        Ok(made.collect())
    }
}

/// The mean of those around a quantile; none where too few stand beyond them.
fn quantile(sorted: &Figures, persons: u64, hundredths: u64) -> Option<f64> {
    let middle = (hundredths * persons).div_ceil(100);
    let (first, last) = (middle.checked_sub(TOGETHER / 2)?, middle + TOGETHER / 2);
    if first <= BEYOND || last + BEYOND > persons {
        return None;
    }
    let (mut sum, mut before) = (0.0, 0);
    for (value, have) in sorted {
        // Ranks from 1: those with this figure are `before + 1` to `before + have`.
        let within = (before + have).min(last).saturating_sub(before.max(first - 1));
        sum += value * within as f64;
        before += have;
    }
    Some(sum / TOGETHER as f64)
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn a_quantile_is_the_mean_of_five_with_five_beyond() {
        #[track_caller]
        fn check(figures: &[(f64, u64)], hundredths: u64, expected: Option<f64>) {
            let persons = figures.iter().map(|(_, persons)| persons).sum();
            assert_eq!(quantile(&figures.to_vec(), persons, hundredths), expected);
        }
        let one_each = |n: u64| (1..=n).map(|at| (at as f64, 1)).collect::<Vec<_>>();
        // The 8th of 15, with the 6th to the 10th: five are below and five above.
        check(&one_each(15), 50, Some(8.0));
        check(&one_each(14), 50, None);
        check(&one_each(100), 10, Some(10.0));
        check(&one_each(100), 90, Some(90.0));
        check(&one_each(100), 99, None);
        check(&one_each(70), 10, None);
        check(&one_each(71), 10, Some(8.0));
        // Ranks 688 to 692 of 695 have three beyond; of 700, 691 to 695 have five.
        check(&one_each(695), 99, None);
        check(&one_each(700), 99, Some(693.0));
        // Ranks 6 to 10: two of 3, then one of 5, one of 9 and one of 40.
        check(&[(1.0, 5), (3.0, 2), (5.0, 1), (9.0, 1), (40.0, 1), (1_000.0, 5)], 50, Some(12.0));
        check(&[(7.0, 15)], 50, Some(7.0));
    }
}
