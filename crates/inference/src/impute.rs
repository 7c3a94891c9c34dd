//! Withheld counts, drawn many times within their bounds.
//!
//! For county *i* of state *s* with exposure *e*:
//!
//! ```text
//! y_i ~ Poisson(λ_i e_i)    λ_i ~ Gamma(α, α / r_s)    1 / r_s ~ Gamma(3, 3 r)
//! ```
//!
//! A Gibbs sampler draws rates, shapes and the withheld *y* in turn, so that an imputation carries what is not known of the rates
//! too. It is told published counts, exposures and bounds, and nothing else: no total of a state or of the nation, from which a
//! withheld count could follow. What it draws is a guess that anyone can make from the same tables; it leaves this crate only
//! as frequencies of places.

use crate::Error;
use crate::draw::Draws;
use crate::place::{Count, Place};

/// Counts for every place, many times over.
#[derive(Debug, Clone, PartialEq)]
pub struct Imputations {
    /// One vector for each imputation; published counts are the same in all.
    pub counts: Vec<Vec<f64>>,
    /// How alike counties of a state are: the posterior's mean of the shape α.
    pub shape: f64,
}

/// Sweeps before the first imputation, and between two.
const BURN_IN: usize = 300;
const BETWEEN: usize = 10;
/// The shape of the prior of a state's rate.
const STATES: f64 = 3.0;

/// Draws so many imputations.
pub fn impute(places: &[Place], imputations: usize, seed: u64) -> Result<Imputations, Error> {
    check(places)?;
    if imputations == 0 {
        return Err(Error::Setting("no imputations"));
    }
    let mut draws = Draws::new(seed, 1);
    let mut states: Vec<u32> = places.iter().map(|place| place.state).collect();
    states.sort_unstable();
    states.dedup();
    let state: Vec<usize> = places.iter().map(|place| states.partition_point(|s| *s < place.state)).collect();
    let mut y: Vec<f64> = places.iter().map(|place| f64::from(place.count.low() + place.count.high()) / 2.0).collect();
    let people: f64 = places.iter().map(|place| place.exposure).sum();
    // Rates are counted in the overall rate, so that no number is tiny.
    let level = (y.iter().sum::<f64>() / people).max(1e-12);
    let expected: Vec<f64> = places.iter().map(|place| place.exposure * level).collect();
    let (mut inverse, mut overall, mut shape) = (vec![1.0; states.len()], 1.0, 3.0);
    let mut rates = vec![1.0; places.len()];
    let mut result = Imputations { counts: Vec::with_capacity(imputations), shape: 0.0 };
    for sweep in 0..BURN_IN + imputations * BETWEEN {
        let mut sum_of_rates = vec![0.0; states.len()];
        let mut members = vec![0.0; states.len()];
        let mut pull = 0.0;
        for i in 0..places.len() {
            let s = state[i];
            let prior = shape * inverse[s];
            rates[i] = draws.gamma(shape + y[i], prior + expected[i]).max(1e-12);
            if let Count::Within { low, high } = places[i].count {
                y[i] = f64::from(truncated_poisson(&mut draws, rates[i] * expected[i], low, high));
            }
            sum_of_rates[s] += rates[i];
            members[s] += 1.0;
            pull += libm::log(rates[i]);
        }
        for s in 0..states.len() {
            inverse[s] = draws.gamma(STATES + members[s] * shape, STATES * overall + shape * sum_of_rates[s]).max(1e-9);
            pull += members[s] * libm::log(inverse[s]) - inverse[s] * sum_of_rates[s];
        }
        overall = draws.gamma(1.0 + STATES * states.len() as f64, 1.0 + STATES * inverse.iter().sum::<f64>());
        shape = draw_shape(&mut draws, places.len() as f64, pull);
        if sweep >= BURN_IN && (sweep - BURN_IN) % BETWEEN == BETWEEN - 1 {
            result.counts.push(y.clone());
            result.shape += shape / imputations as f64;
        }
    }
    Ok(result)
}

/// Refuses what cannot be.
pub(crate) fn check(places: &[Place]) -> Result<(), Error> {
    if places.len() < crate::null::FEWEST {
        return Err(Error::TooFew { has: places.len(), wants: crate::null::FEWEST });
    }
    for (row, place) in places.iter().enumerate() {
        if !(place.exposure.is_finite() && place.exposure > 0.0) {
            return Err(Error::Row { row, what: "person-years must be above 0" });
        }
        if !(place.longitude.is_finite() && place.latitude.is_finite()) {
            return Err(Error::Row { row, what: "its middle must be known" });
        }
        if place.count.low() > place.count.high() {
            return Err(Error::Row { row, what: "its lower bound is above its upper" });
        }
        let mutual = |other: &usize| *other != row && places.get(*other).is_some_and(|it| it.neighbours.contains(&row));
        if !place.neighbours.iter().all(mutual) {
            return Err(Error::Row { row, what: "its neighbours must have it as theirs" });
        }
    }
    Ok(())
}

fn truncated_poisson(draws: &mut Draws, mean: f64, low: u32, high: u32) -> u32 {
    let log_mean = libm::log(mean.max(1e-300));
    let log_weight = |k: u32| f64::from(k) * log_mean - libm::lgamma(f64::from(k) + 1.0);
    let top = (low..=high).map(log_weight).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = (low..=high).map(|k| libm::exp(log_weight(k) - top)).collect();
    low + draws.among(&weights) as u32
}

/// The shape, drawn from a grid of its logarithm. `pull` is the sum over counties of ln λ − ln r − λ / r.
fn draw_shape(draws: &mut Draws, counties: f64, pull: f64) -> f64 {
    let grid: Vec<f64> = (0..80).map(|step| libm::exp(-1.5 + 0.075 * f64::from(step))).collect();
    let log: Vec<f64> = grid.iter().map(|a| counties * (a * libm::log(*a) - libm::lgamma(*a)) + a * pull).collect();
    let top = log.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = log.iter().map(|value| libm::exp(value - top)).collect();
    grid[draws.among(&weights)]
}

#[cfg(test)]
mod tests {
    use super::impute;
    use crate::place::Count;
    use crate::simulate::map;

    /// Counts that were withheld on purpose: what is drawn lies within bounds, and what is known stays.
    #[test]
    fn draws_keep_to_the_bounds() {
        let map = map::generate(&map::Settings::default(), 5);
        let imputed = impute(&map.places, 20, 1).unwrap();
        for counts in &imputed.counts {
            for (place, count) in map.places.iter().zip(counts) {
                assert!((f64::from(place.count.low())..=f64::from(place.count.high())).contains(count));
                assert_eq!(count.fract(), 0.0);
            }
        }
        assert_eq!(impute(&map.places, 20, 1).unwrap(), imputed);
        assert_ne!(impute(&map.places, 20, 2).unwrap(), imputed);
    }

    /// Where the truth is known, the withheld deaths of all places together lie where the imputations say, and the middle
    /// of the bounds would have been wrong.
    #[test]
    fn withheld_deaths_are_rightly_guessed_in_sum() {
        let (mut inside, mut ratio, runs) = (0, 0.0, 20);
        for seed in 0..runs {
            let map = map::generate(&map::Settings::default(), seed);
            let withheld: Vec<usize> =
                (0..map.places.len()).filter(|i| matches!(map.places[*i].count, Count::Within { .. })).collect();
            let truth: f64 = withheld.iter().map(|i| map.truth[*i]).sum();
            let imputed = impute(&map.places, 60, seed).unwrap();
            let mut sums: Vec<f64> =
                imputed.counts.iter().map(|counts| withheld.iter().map(|i| counts[*i]).sum()).collect();
            sums.sort_by(f64::total_cmp);
            inside += u32::from(sums[1] <= truth && truth <= sums[58]);
            ratio += sums.iter().sum::<f64>() / 60.0 / truth / runs as f64;
        }
        assert!(inside >= 15, "{inside} of {runs} inside what should hold 97 %");
        assert!((0.93..1.07).contains(&ratio), "{ratio}");
    }
}
