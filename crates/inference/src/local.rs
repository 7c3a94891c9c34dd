//! Getis and Ord's local statistic Gi* (1995) on shrunken rates.
//!
//! A small county's rate is drawn toward a mean by empirical Bayes (Marshall 1991), global or of its neighbourhood, by as much as
//! chance alone would move it. Gi* then compares the mean of a place and its neighbours with that of all, in standard
//! deviations.

use crate::place::Place;
use crate::scan::Cluster;

/// What small counties' rates are drawn toward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shrink {
    /// The mean of all.
    Global,
    /// The mean of the place and its neighbours.
    Local,
}

/// Who is near whom: for each place itself, its neighbours, and, to the second order, theirs.
pub struct Stars(Vec<Vec<usize>>);

impl Stars {
    /// Stars of first or second order; itself comes first, the others in their order.
    pub fn of(places: &[Place], second_order: bool) -> Self {
        let star = |i: usize| {
            let mut near = places[i].neighbours.clone();
            if second_order {
                near.extend(places[i].neighbours.iter().flat_map(|j| places[*j].neighbours.iter().copied()));
            }
            near.sort_unstable();
            near.dedup();
            near.retain(|j| *j != i);
            let mut star = vec![i];
            star.extend(near);
            star
        };
        Self((0..places.len()).map(star).collect())
    }
}

/// Rates, shrunken.
pub fn shrink(counts: &[f64], exposure: &[f64], how: Shrink, stars: &Stars) -> Vec<f64> {
    let moments = |members: &[usize]| {
        let people: f64 = members.iter().map(|j| exposure[*j]).sum();
        let mean = members.iter().map(|j| counts[*j]).sum::<f64>() / people;
        let squares = members.iter().map(|j| {
            let beyond = counts[*j] / exposure[*j] - mean;
            exposure[*j] * beyond * beyond
        });
        // What is left of the variance of rates once chance is taken off.
        let between = (squares.sum::<f64>() / people - mean * members.len() as f64 / people).max(0.0);
        (mean, between)
    };
    let all: Vec<usize> = (0..counts.len()).collect();
    let global = moments(&all);
    (0..counts.len())
        .map(|i| {
            let (mean, between) = match how {
                Shrink::Global => global,
                Shrink::Local => moments(&stars.0[i]),
            };
            let trust = if mean > 0.0 { between / (between + mean / exposure[i]) } else { 0.0 };
            mean + trust * (counts[i] / exposure[i] - mean)
        })
        .collect()
}

/// Gi* of each place.
pub fn statistic(rates: &[f64], stars: &Stars) -> Vec<f64> {
    let n = rates.len() as f64;
    let mean = rates.iter().sum::<f64>() / n;
    let deviation = libm::sqrt(rates.iter().map(|rate| (rate - mean) * (rate - mean)).sum::<f64>() / n);
    let of = |star: &Vec<usize>| {
        let weights = star.len() as f64;
        let sum: f64 = star.iter().map(|j| rates[*j]).sum();
        let spread = deviation * libm::sqrt((n * weights - weights * weights) / (n - 1.0));
        if spread > 0.0 { (sum - mean * weights) / spread } else { 0.0 }
    };
    stars.0.iter().map(of).collect()
}

/// The places with the highest Gi* above `critical`, best first, at most so many; none within the star of a better one.
pub fn clusters(values: &[f64], stars: &Stars, critical: f64, most: usize) -> Vec<Cluster> {
    let mut order: Vec<usize> = (0..values.len()).filter(|i| values[*i] > critical).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]).then(a.cmp(b)));
    let mut taken = vec![false; values.len()];
    let mut clusters = Vec::new();
    for centre in order {
        if clusters.len() == most {
            break;
        }
        if taken[centre] {
            continue;
        }
        let members: Vec<usize> = stars.0[centre].iter().copied().filter(|i| !taken[*i]).collect();
        for i in &members {
            taken[*i] = true;
        }
        clusters.push(Cluster { centre, members, score: values[centre] });
    }
    clusters
}

#[cfg(test)]
mod tests {
    use super::{Shrink, Stars, clusters, shrink, statistic};
    use crate::place::{Count, Place};

    fn ring(n: usize) -> Vec<Place> {
        let place = |i: usize| Place {
            state: 0,
            longitude: -90.0,
            latitude: 30.0,
            exposure: 1_000.0,
            count: Count::Known(0),
            neighbours: vec![(i + n - 1) % n, (i + 1) % n],
        };
        (0..n).map(place).collect()
    }

    /// Ten places in a ring, two of rate 1 and the rest 0. Around the first of them, by hand: the sum is 2, the mean 0.2, the
    /// deviation 0.4, and Gi* = (2 − 0.6) / (0.4 √((10·3 − 9) / 9)).
    #[test]
    fn the_statistic_is_getis_and_ords() {
        let mut rates = vec![0.0; 10];
        rates[4] = 1.0;
        rates[5] = 1.0;
        let stars = Stars::of(&ring(10), false);
        let values = statistic(&rates, &stars);
        assert!((values[4] - 1.4 / (0.4 * (21.0f64 / 9.0).sqrt())).abs() < 1e-12);
        let found = clusters(&values, &stars, 1.0, 12);
        assert_eq!((found.len(), found[0].centre, found[0].members.clone()), (1, 4, vec![4, 3, 5]));
    }

    #[test]
    fn small_places_are_drawn_further() {
        let stars = Stars::of(&ring(4), false);
        let exposure = [100.0, 100_000.0, 100_000.0, 100_000.0];
        let counts = [2.0, 200.0, 1_000.0, 2_000.0];
        let rates = shrink(&counts, &exposure, Shrink::Global, &stars);
        let overall = 3_202.0 / 300_100.0;
        let raw = |i: usize| counts[i] / exposure[i];
        let kept = |i: usize| (rates[i] - overall) / (raw(i) - overall);
        assert!(kept(0) < 0.5 && kept(1) > 0.98, "{} {}", kept(0), kept(1));
    }

    #[test]
    fn the_second_order_reaches_further() {
        let places = ring(10);
        assert_eq!(Stars::of(&places, true).0[0], [0, 1, 2, 8, 9]);
        assert_eq!(Stars::of(&places, false).0[0], [0, 1, 9]);
    }
}
