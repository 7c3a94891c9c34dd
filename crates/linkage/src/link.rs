//! Which patients the dead were: pairs brought together, weighed, and given to one death each.
//!
//! Beyond the weights there are three rules, each against an error that independence of fields invites:
//!
//! - A pair whose first names are plainly different (or unknown) is no link, however well the rest agrees: twins and
//!   families share all the rest. It is one for a clerk.
//! - So is a patient to whom something was dispensed more than [`AFTERWARDS`] days after the death.
//! - A patient died once: each spelling goes to its most probable death alone, and a death takes further spellings only where
//!   they also agree with the best one.

use std::collections::HashMap;

use crate::compare::{BORN, FIRST, Levels, compare};
use crate::declare::Study;
use crate::identity::{Encoder, Identity, Tag};
use crate::read::{Day, Death, Dispensings};
use crate::weigh::{Pair, Weights, pairs};

/// Dispensing within so many days after the death may be a late entry; beyond them it was to somebody alive.
const AFTERWARDS: Day = 7;

/// What was found of a death.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The patient, as the spellings under which the dispensing file has them.
    Patient(Vec<u32>),
    /// Somebody who may be, for a clerk to look at.
    Review,
    /// Nobody.
    Nobody,
}

/// The outcome for each death, and how it came about.
pub struct Links {
    /// In the order of the deaths.
    pub found: Vec<Found>,
    /// What was estimated.
    pub(crate) weights: Weights,
    /// How many pairs each blocking pass brought together, and how many all did.
    pub blocking: Blocking,
}

/// How many pairs were compared.
#[derive(Debug, Clone)]
pub struct Blocking {
    /// The name of each pass and its pairs.
    pub passes: Vec<(&'static str, usize)>,
    /// Pairs that any pass brought together.
    pub pairs: usize,
}

/// What two rows must share to be compared. Each pass survives what the others do not.
const PASSES: [&str; 5] = [
    "date of birth",
    "sound of both names, year of birth",
    "sound of last name, ZIP code",
    "given name, ZIP code, year of birth",
    "given name, last name",
];

/// Finds the patient of each death.
pub(crate) fn link(deaths: &[Death], dispensed: &Dispensings, study: &Study, encoder: &Encoder) -> Links {
    let dead: Vec<&Identity> = deaths.iter().map(|death| &death.identity).collect();
    let (candidates, blocking) = candidates(&dead, &dispensed.identities, encoder);
    let pairs = pairs(&dead, &dispensed.identities, &candidates);
    let weights = Weights::estimate(&dead, &dispensed.identities, &pairs);
    let found = assign(deaths, dispensed, study, &pairs, &weights);
    Links { found, weights, blocking }
}

/// The hash of what a person must share with another in each pass.
fn blocks(person: &Identity, encoder: &Encoder) -> [Option<Tag>; 5] {
    let (first, last, born) = (person.first.as_ref(), person.last.as_ref(), person.born.as_ref());
    let joined = |pass: usize, tags: &[Option<Tag>]| {
        let tags: Option<Vec<Tag>> = tags.iter().copied().collect();
        tags.map(|tags| encoder.joined(PASSES[pass], &tags))
    };
    let (first_sound, given) = (first.map(|name| name.sound), first.map(|name| name.given));
    let (last_sound, last) = (last.map(|name| name.sound), last.map(|name| name.whole));
    let year = born.map(|born| born.year);
    [
        joined(0, &[born.map(|born| born.whole)]),
        joined(1, &[first_sound, last_sound, year]),
        joined(2, &[last_sound, person.zip]),
        joined(3, &[given, person.zip, year]),
        joined(4, &[given, last]),
    ]
}

/// Pairs that share a block, each once.
fn candidates(dead: &[&Identity], patients: &[Identity], encoder: &Encoder) -> (Vec<(u32, u32)>, Blocking) {
    let mut blocked: HashMap<Tag, Vec<u32>> = HashMap::new();
    for (number, death) in (0_u32..).zip(dead) {
        for tag in blocks(death, encoder).into_iter().flatten() {
            blocked.entry(tag).or_default().push(number);
        }
    }
    let mut counts = [0; PASSES.len()];
    let mut found = Vec::new();
    for (number, patient) in (0_u32..).zip(patients) {
        for (count, tag) in counts.iter_mut().zip(blocks(patient, encoder)) {
            let deaths = tag.and_then(|tag| blocked.get(&tag)).map(Vec::as_slice).unwrap_or_default();
            *count += deaths.len();
            found.extend(deaths.iter().map(|death| (*death, number)));
        }
    }
    found.sort_unstable();
    found.dedup();
    let blocking = Blocking { passes: PASSES.into_iter().zip(counts).collect(), pairs: found.len() };
    (found, blocking)
}

/// A pair that is probable enough to be looked at.
struct Likely {
    identity: u32,
    probability: f64,
    /// Whether a rule leaves it to a clerk.
    barred: bool,
}

fn assign(deaths: &[Death], dispensed: &Dispensings, study: &Study, pairs: &[Pair], weights: &Weights) -> Vec<Found> {
    let mut last_day = vec![Day::MIN; dispensed.identities.len()];
    for row in &dispensed.rows {
        if let Some(last) = last_day.get_mut(row.identity as usize) {
            *last = (*last).max(row.day);
        }
    }
    // Of each spelling, the death that it goes to: the most probable, of equals the first in the file.
    let mut best: HashMap<u32, (f64, u32)> = HashMap::new();
    let mut likely: Vec<Vec<Likely>> = deaths.iter().map(|_| Vec::new()).collect();
    for pair in pairs {
        let probability = weights.probability(pair);
        if probability < study.review_at {
            continue;
        }
        let (Some(death), Some(last)) = (deaths.get(pair.death as usize), last_day.get(pair.identity as usize)) else {
            continue;
        };
        let barred = is_other_name(&pair.levels) || *last > death.day.saturating_add(AFTERWARDS);
        if !barred {
            let entry = best.entry(pair.identity).or_insert((probability, pair.death));
            if probability > entry.0 {
                *entry = (probability, pair.death);
            }
        }
        if let Some(likely) = likely.get_mut(pair.death as usize) {
            likely.push(Likely { identity: pair.identity, probability, barred });
        }
    }
    let decide = |(number, mut likely): (u32, Vec<Likely>)| {
        let any = !likely.is_empty();
        likely.retain(|one| !one.barred && best.get(&one.identity).is_some_and(|(_, death)| *death == number));
        likely.sort_by(|one, two| two.probability.total_cmp(&one.probability).then(one.identity.cmp(&two.identity)));
        let linked: Vec<u32> = one_person(dispensed, likely.iter().filter(|one| one.probability >= study.link_at));
        match (linked.is_empty(), any) {
            (false, _) => Found::Patient(linked),
            (true, true) => Found::Review,
            (true, false) => Found::Nobody,
        }
    };
    (0_u32..).zip(likely).map(decide).collect()
}

/// Whether the first names are plainly different, or one is unknown.
fn is_other_name(levels: &Levels) -> bool {
    levels[FIRST].is_none_or(|level| level == 0)
}

/// The first spelling, and of the others those that agree with it.
fn one_person<'a>(dispensed: &Dispensings, likely: impl Iterator<Item = &'a Likely>) -> Vec<u32> {
    let mut linked: Vec<u32> = Vec::new();
    for one in likely {
        let agrees = match linked.first() {
            None => true,
            Some(best) => {
                let known = [*best, one.identity].map(|number| dispensed.identities.get(number as usize));
                let [Some(best), Some(other)] = known else { continue };
                let levels = compare(best, other);
                !is_other_name(&levels) && levels[BORN].is_none_or(|level| level > 0)
            }
        };
        if agrees {
            linked.push(one.identity);
        }
    }
    linked
}
