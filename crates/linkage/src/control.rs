//! Whether deaths follow prescriptions more often than chance has it: each person's death against earlier days of theirs.
//!
//! A case-crossover comparison: somebody who always takes a drug is exposed on the day of death and on any other, and
//! counts for nothing. Where deaths have nothing to do with a drug the excess is zero but for chance. Two comparisons must
//! come out so, and say that the linkage brings about no excess by itself: of a drug that nobody dies of, and of
//! days that are drawn from the time before each death.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;

use crate::attribute::History;
use crate::link::Found;
use crate::read::{Day, Death, Row};
use crate::weigh::real;

/// Fewer persons say nothing, and a share of them would give counts away.
pub const FEWEST: usize = 100;

/// By how much more often, in points of a hundred persons, the days before a death follow a dispensing than earlier days of
/// the same persons do; with the 95 % interval. In whole points, outwards, so that no count follows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Excess {
    /// Points of a hundred.
    pub points: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Which days are compared with earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Days {
    /// Those of the deaths.
    OfDeath,
    /// In the place of each, one drawn from those between the beginning and two windows before the death.
    Drawn,
}

/// The excess of dispensings that `counts` in the `window` days up to the day. None where too few persons were observed for
/// four windows.
pub(crate) fn excess(
    deaths: &[Death],
    found: &[Found],
    history: &History<'_>,
    (first_day, window): (Day, Day),
    days: Days,
    counts: impl Fn(&Row) -> bool,
) -> Option<Excess> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut differences = Vec::new();
    for (death, found) in deaths.iter().zip(found) {
        let Found::Patient(identities) = found else { continue };
        let earliest = first_day + 4 * window;
        let day = match days {
            Days::OfDeath => death.day,
            Days::Drawn if death.day - 2 * window > earliest => random.random_range(earliest..death.day - 2 * window),
            Days::Drawn => continue,
        };
        if day < earliest {
            continue;
        }
        let dispensed: Vec<Day> = history.rows(identities).filter(|row| counts(row)).map(|row| row.day).collect();
        let exposed = |day: Day| f64::from(u8::from(dispensed.iter().any(|at| *at <= day && day - *at <= window)));
        differences.push(exposed(day) - (exposed(day - 2 * window) + exposed(day - 3 * window)) / 2.0);
    }
    if differences.len() < FEWEST {
        return None;
    }
    let count = real(differences.len());
    let mean = differences.iter().sum::<f64>() / count;
    let variance = differences.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let half = 1.96 * (variance / count).sqrt();
    Some(Excess {
        // No minus before a zero.
        points: (100.0 * mean).round() + 0.0,
        low: (100.0 * (mean - half)).floor(),
        high: (100.0 * (mean + half)).ceil(),
    })
}
