//! A population of prescribers: persons, so that only a generated one is ever judged one by one.

use crate::draw::Draws;
use crate::outliers::Unit;

/// What a prescriber is in truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// Like others of the specialty.
    Ordinary,
    /// Opioids many times as often as others of the specialty.
    Outlier,
    /// Treats pain or the dying, and is registered under a general specialty.
    Misfiled,
}

/// Makes prescribers in six specialties and five states: units, whose residents are all claims and whose shipments are opioid
/// claims, and what is true of them.
pub fn generate(count: usize, outliers: usize, seed: u64) -> (Vec<Unit>, Vec<Truth>) {
    let mut draws = Draws::new(seed, 4);
    // The share of claims that are for opioids: family, internal, surgery, dentist, pain, oncology.
    let usual = [0.05, 0.04, 0.4, 0.2, 0.55, 0.12];
    let (mut units, mut truths) = (Vec::new(), Vec::new());
    for i in 0..count {
        let specialty = draws.below(usual.len());
        let truth = if i < outliers {
            Truth::Outlier
        } else if i < outliers + outliers / 2 {
            Truth::Misfiled
        } else {
            Truth::Ordinary
        };
        let specialty = if truth == Truth::Ordinary { specialty } else { draws.below(2) };
        let claims = libm::rint(libm::exp(6.5 + 0.9 * draws.normal())).max(20.0);
        let own = match truth {
            Truth::Ordinary => libm::exp(0.45 * draws.normal()),
            Truth::Outlier => draws.between(6.0, 14.0),
            Truth::Misfiled => draws.between(4.0, 9.0),
        };
        let share = (usual[specialty] * own).min(0.95);
        let opioids = draws.poisson(claims * share);
        units.push(Unit {
            kind: specialty as u32,
            place: draws.below(5) as u32,
            size: claims,
            residents: claims,
            shipped: opioids,
            shipments: opioids,
        });
        truths.push(truth);
    }
    (units, truths)
}
