//! Fellegi and Sunter's weights: how much more often a field agrees in pairs of one person (m) than in pairs of two (u).
//!
//! - u is counted: of full agreement exactly, from how often each value occurs in both files; of the levels below in
//!   pairs drawn at random, of which all but a few are pairs of two persons.
//! - Where first or last names agree fully, u is how often that very name occurs: to share Smith says less than to share Zych.
//! - m, and how probable a pair is one person's before anything is compared, are estimated by expectation–maximisation
//!   over all pairs of the two files. Pairs that no blocking pass brought together count as pairs of two persons; the
//!   passes only spare the work of comparing them.
//!
//! The fields are taken to be independent within each kind of pair. Families and twins are not: [`crate::link`] has rules
//! for what follows from that.

use std::collections::HashMap;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};

use crate::compare::{BORN, FIELDS, FIRST, LAST, LEVELS, Levels, PLACE, compare};
use crate::identity::{Identity, Tag};

/// Pairs drawn at random for u.
const DRAWN: usize = 200_000;

/// Rounds of estimation at most.
const ROUNDS: usize = 200;

/// With fewer pairs of one person than these to go by, m stays what [`GUESS`] says.
const FEWEST: f64 = 20.0;

/// How often people's fields agree at each level, before the data say.
const GUESS: [&[f64]; 5] =
    [&[0.02, 0.05, 0.06, 0.87], &[0.07, 0.02, 0.05, 0.86], &[0.01, 0.04, 0.95], &[0.01, 0.99], &[0.15, 0.15, 0.7]];

/// No name counts as rarer than this, so that no single name makes a person.
const RAREST: f64 = 2e-6;

/// A candidate pair.
pub(crate) struct Pair {
    pub death: u32,
    pub identity: u32,
    pub levels: Levels,
    /// How often the very first and last names occur, where they agree fully.
    rare: [Option<f64>; 2],
}

/// What was estimated.
#[derive(Debug, Clone)]
pub(crate) struct Weights {
    /// Before anything is compared, how probable a pair is one person's.
    pub prior: f64,
    /// For each field and level, how often pairs of one person have it.
    pub m: Vec<Vec<f64>>,
    /// The same of pairs of two persons; of full agreement in names the average.
    pub u: Vec<Vec<f64>>,
    /// Rounds that the estimation took.
    pub rounds: usize,
}

/// How often values occur.
struct Frequencies {
    first: HashMap<Tag, u32>,
    last: HashMap<Tag, u32>,
    count: f64,
}

impl Frequencies {
    fn of(&self, table: &HashMap<Tag, u32>, value: Tag) -> f64 {
        let count = f64::from(table.get(&value).copied().unwrap_or(0).max(1));
        (count / self.count).max(RAREST)
    }
}

/// Compares candidates.
pub(crate) fn pairs(deaths: &[&Identity], patients: &[Identity], candidates: &[(u32, u32)]) -> Vec<Pair> {
    let mut frequencies = Frequencies { first: HashMap::new(), last: HashMap::new(), count: real(patients.len()) };
    for patient in patients {
        let count = |table: &mut HashMap<Tag, u32>, value: Option<Tag>| {
            if let Some(value) = value {
                *table.entry(value).or_default() += 1;
            }
        };
        count(&mut frequencies.first, patient.first.as_ref().map(|name| name.whole));
        count(&mut frequencies.last, patient.last.as_ref().map(|name| name.whole));
    }
    let pair = |(death, identity): (u32, u32)| {
        let (one, two) = (deaths.get(death as usize)?, patients.get(identity as usize)?);
        let levels = compare(one, two);
        let rare = |field: usize, table, name: &Option<crate::identity::Name>| {
            let name = name.as_ref().filter(|_| levels[field] == Some(3))?;
            Some(frequencies.of(table, name.whole))
        };
        let rare = [rare(FIRST, &frequencies.first, &two.first), rare(LAST, &frequencies.last, &two.last)];
        Some(Pair { death, identity, levels, rare })
    };
    candidates.iter().filter_map(|candidate| pair(*candidate)).collect()
}

impl Weights {
    /// Estimates the weights from the files and their candidate pairs.
    pub(crate) fn estimate(deaths: &[&Identity], patients: &[Identity], pairs: &[Pair]) -> Self {
        let all = real(deaths.len()) * real(patients.len());
        let mut weights = Self {
            prior: (0.5 * real(deaths.len()) / all.max(1.0)).clamp(1e-12, 0.5),
            m: GUESS.iter().map(|levels| levels.to_vec()).collect(),
            u: chance(deaths, patients),
            rounds: 0,
        };
        for round in 1..=ROUNDS {
            weights.rounds = round;
            if weights.improve(pairs, all) < 1e-7 {
                break;
            }
        }
        weights
    }

    /// A round of estimation; how much changed comes back.
    fn improve(&mut self, pairs: &[Pair], all: f64) -> f64 {
        // Half a pair of the first guess, so that nothing is impossible for never having been seen.
        let mut seen: Vec<Vec<f64>> =
            GUESS.iter().map(|levels| levels.iter().map(|share| share * 0.5).collect()).collect();
        let mut same = 0.0;
        for pair in pairs {
            let probability = self.probability(pair);
            same += probability;
            for (field, level) in pair.levels.iter().enumerate() {
                if let Some(level) = level {
                    seen[field][usize::from(*level)] += probability;
                }
            }
        }
        let prior = (same / all.max(1.0)).clamp(1e-12, 0.5);
        let mut change = (prior / self.prior - 1.0).abs();
        self.prior = prior;
        if same < FEWEST {
            return change;
        }
        for (old, new) in self.m.iter_mut().zip(&seen) {
            let sum: f64 = new.iter().sum();
            for (old, new) in old.iter_mut().zip(new) {
                change = change.max((new / sum - *old).abs());
                *old = new / sum;
            }
        }
        change
    }

    /// How probable it is that a pair is one person.
    pub(crate) fn probability(&self, pair: &Pair) -> f64 {
        let mut odds = self.prior / (1.0 - self.prior);
        for (field, level) in pair.levels.iter().enumerate() {
            let Some(level) = level else { continue };
            let level = usize::from(*level);
            let u = pair.rare.get(field).copied().flatten().unwrap_or(self.u[field][level]);
            odds *= self.m[field][level] / u;
        }
        odds / (1.0 + odds)
    }

    /// The weight of each level of each field in bits, to a tenth: log2(m / u).
    pub fn bits(&self) -> Vec<(&'static str, Vec<f64>)> {
        let bits = |(m, u): (&Vec<f64>, &Vec<f64>)| {
            m.iter().zip(u).map(|(m, u)| ((m / u).log2() * 10.0).round() / 10.0).collect()
        };
        FIELDS.into_iter().zip(self.m.iter().zip(&self.u).map(bits)).collect()
    }
}

/// How often each level comes about by chance.
fn chance(deaths: &[&Identity], patients: &[Identity]) -> Vec<Vec<f64>> {
    let mut counts: Vec<Vec<f64>> = LEVELS.iter().map(|levels| vec![0.5; *levels]).collect();
    if !deaths.is_empty() && !patients.is_empty() {
        let mut random = ChaCha8Rng::seed_from_u64(0);
        for _ in 0..DRAWN {
            let one = deaths[random.random_range(0..deaths.len())];
            let two = &patients[random.random_range(0..patients.len())];
            for (counts, level) in counts.iter_mut().zip(compare(one, two)) {
                if let Some(level) = level {
                    counts[usize::from(level)] += 1.0;
                }
            }
        }
    }
    let exact = [
        (FIRST, shared(deaths, patients, |person| person.first.as_ref().map(|name| name.whole))),
        (LAST, shared(deaths, patients, |person| person.last.as_ref().map(|name| name.whole))),
        (BORN, shared(deaths, patients, |person| person.born.as_ref().map(|born| born.whole))),
        (PLACE, shared(deaths, patients, |person| person.zip)),
    ];
    for counts in &mut counts {
        let sum: f64 = counts.iter().sum();
        counts.iter_mut().for_each(|count| *count /= sum);
    }
    for (field, share) in exact {
        let Some(share) = share.filter(|share| *share > 0.0) else { continue };
        let Some((top, rest)) = counts[field].split_last_mut() else { continue };
        let below: f64 = rest.iter().sum();
        rest.iter_mut().for_each(|level| *level *= (1.0 - share) / below);
        *top = share;
    }
    counts
}

/// In how many of all pairs both have the same value, where both have one.
fn shared(deaths: &[&Identity], patients: &[Identity], value: impl Fn(&Identity) -> Option<Tag>) -> Option<f64> {
    let mut count: HashMap<Tag, f64> = HashMap::new();
    patients.iter().filter_map(&value).for_each(|value| *count.entry(value).or_default() += 1.0);
    let of_patients: f64 = count.values().sum();
    let of_deaths: Vec<Tag> = deaths.iter().filter_map(|death| value(death)).collect();
    let common: f64 = of_deaths.iter().filter_map(|value| count.get(value)).sum();
    let all = of_patients * real(of_deaths.len());
    (all > 0.0).then(|| common / all)
}

/// A count as a number to reckon with.
pub(crate) fn real(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
