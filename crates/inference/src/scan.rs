//! Kulldorff's spatial scan for Poisson counts (1997), with circular windows.
//!
//! Around each place's middle, circles grow until they hold too many people or reach too far. A window with *c* deaths of *C*
//! where *E* were expected scores
//!
//! ```text
//! c ln(c / E) + (C − c) ln((C − c) / (C − E))    where c > E, else 0
//! ```
//!
//! The best window of each centre competes; windows that overlap a better one are left out.
//!
//! That is for counties which all share one rate. They do not: a county of a million with twice the usual rate outweighs
//! every group of small ones. Where they differ by a gamma of shape *α*, a count of mean *E* has variance *E + E²/α*;
//! multiplied by *w = α / (α + E)* it has mean and variance *wE*, as Poisson counts do, and the same score serves
//! ([`Windows::over`] with a shape).

use crate::place::Place;

/// How far windows grow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The share of all people that a window may hold.
    pub people: f64,
    /// How far from its centre the middle of a place in it may lie, in kilometres.
    pub kilometres: f64,
}

/// Windows over a map: for each centre its nearest places, itself first.
pub struct Windows {
    members: Vec<Vec<usize>>,
    exposure: Vec<f64>,
    shape: Option<f64>,
}

/// A window, with how it scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// The place in its middle.
    pub centre: usize,
    /// Every place in it, from the middle outward.
    pub members: Vec<usize>,
    /// The logarithm of the likelihood ratio.
    pub score: f64,
}

impl Windows {
    /// Every window that the limits allow; a place alone is always one. With a shape, counts are weighed as counties
    /// that differ so much want it; without one it is Kulldorff's own statistic.
    pub fn over(places: &[Place], limits: Limits, shape: Option<f64>) -> Self {
        let exposure: Vec<f64> = places.iter().map(|place| place.exposure).collect();
        let people: f64 = exposure.iter().sum();
        let members = places.iter().enumerate().map(|(centre, place)| {
            let mut near: Vec<(f64, usize)> = places
                .iter()
                .enumerate()
                .filter(|(_, other)| (other.latitude - place.latitude).abs() * 111.0 <= limits.kilometres)
                .map(|(i, other)| (if i == centre { -1.0 } else { place.kilometres_to(other) }, i))
                .filter(|(distance, _)| *distance <= limits.kilometres)
                .collect();
            near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let mut held = 0.0;
            let within = near.iter().take_while(|(distance, i)| {
                held += exposure[*i];
                *distance < 0.0 || held <= limits.people * people
            });
            within.map(|(_, i)| *i).collect()
        });
        let members = members.collect();
        Self { members, exposure, shape }
    }

    /// For each place what was seen and what was expected, weighed.
    fn weighed(&self, counts: &[f64]) -> Vec<(f64, f64)> {
        let rate = counts.iter().sum::<f64>() / self.exposure.iter().sum::<f64>();
        let weigh = |(count, people): (&f64, &f64)| {
            let expected = people * rate;
            let weight = self.shape.map_or(1.0, |shape| shape / (shape + expected));
            (weight * count, weight * expected)
        };
        let weighed: Vec<(f64, f64)> = counts.iter().zip(&self.exposure).map(weigh).collect();
        let (seen, expected) = weighed.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        weighed.into_iter().map(|one| (one.0, one.1 * seen / expected)).collect()
    }

    /// For each centre how many places its best window holds, and its score.
    fn best_of_each(&self, counts: &[f64]) -> impl Iterator<Item = (usize, f64)> {
        let weighed = self.weighed(counts);
        let total: f64 = weighed.iter().map(|(seen, _)| seen).sum();
        self.members.iter().map(move |members| {
            let (mut seen, mut expected) = (0.0, 0.0);
            let mut best = (1, 0.0);
            for (size, i) in members.iter().enumerate() {
                seen += weighed[*i].0;
                expected += weighed[*i].1;
                if seen > expected {
                    let score = ratio(seen, expected, total);
                    if score > best.1 {
                        best = (size + 1, score);
                    }
                }
            }
            best
        })
    }

    /// The best score of all windows.
    pub fn top(&self, counts: &[f64]) -> f64 {
        self.best_of_each(counts).map(|(_, score)| score).fold(0.0, f64::max)
    }

    /// The best windows that do not overlap and score above `critical`, best first, at most so many.
    pub fn clusters(&self, counts: &[f64], critical: f64, most: usize) -> Vec<Cluster> {
        let mut windows: Vec<(usize, usize, f64)> =
            self.best_of_each(counts).enumerate().map(|(centre, (size, score))| (centre, size, score)).collect();
        windows.retain(|(_, _, score)| *score > critical);
        windows.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.1.cmp(&b.1)).then(a.0.cmp(&b.0)));
        let mut taken = vec![false; counts.len()];
        let mut clusters = Vec::new();
        for (centre, size, score) in windows {
            let members = &self.members[centre][..size];
            if clusters.len() == most {
                break;
            }
            if members.iter().any(|i| taken[*i]) {
                continue;
            }
            for i in members {
                taken[*i] = true;
            }
            clusters.push(Cluster { centre, members: members.to_vec(), score });
        }
        clusters
    }
}

fn ratio(seen: f64, expected: f64, total: f64) -> f64 {
    let (left, left_expected) = (total - seen, total - expected);
    let outside = if left > 0.0 { left * libm::log(left / left_expected) } else { 0.0 };
    seen * libm::log(seen / expected) + outside
}

#[cfg(test)]
mod tests {
    use super::{Limits, Windows};
    use crate::place::{Count, Place};

    fn line(n: usize) -> Vec<Place> {
        let place = |i: usize| Place {
            state: 0,
            longitude: -90.0,
            latitude: 30.0 + 0.1 * i as f64,
            exposure: 1_000.0,
            count: Count::Known(0),
            neighbours: Vec::new(),
        };
        (0..n).map(place).collect()
    }

    /// Ten places of a hundred with 20 deaths instead of 10, worked by hand: three adjacent hold 60 of 1,010 + … deaths.
    #[test]
    fn a_cluster_is_found_with_its_score() {
        let places = line(100);
        let mut counts = vec![10.0; 100];
        counts[40] = 20.0;
        counts[41] = 20.0;
        counts[42] = 20.0;
        let windows = Windows::over(&places, Limits { people: 0.1, kilometres: 100.0 }, None);
        let clusters = windows.clusters(&counts, 0.0, 12);
        let mut members = clusters[0].members.clone();
        members.sort_unstable();
        assert_eq!((clusters[0].centre, members), (41, vec![40, 41, 42]));
        // c = 60, C = 1,030, E = 30.9: 60 ln(60/30.9) + 970 ln(970/999.1).
        assert!((clusters[0].score - (60.0 * (60f64 / 30.9).ln() + 970.0 * (970f64 / 999.1).ln())).abs() < 1e-9);
        assert_eq!(windows.top(&counts), clusters[0].score);
    }

    #[test]
    fn windows_keep_to_their_limits() {
        let places = line(100);
        let windows = Windows::over(&places, Limits { people: 0.05, kilometres: 1_000.0 }, None);
        assert!(windows.members.iter().all(|members| members.len() == 5));
        let windows = Windows::over(&places, Limits { people: 0.001, kilometres: 1_000.0 }, None);
        assert!(windows.members.iter().enumerate().all(|(i, members)| members == &[i]));
        let windows = Windows::over(&places, Limits { people: 1.0, kilometres: 12.0 }, None);
        assert_eq!(windows.members[50].len(), 3);
    }

    /// One county of many people with twice its deaths, and three of few with thrice theirs: the plain statistic prefers
    /// the first, and that for counties that differ the second.
    #[test]
    fn counties_that_differ_are_weighed() {
        let mut places = line(100);
        places[10].exposure = 100_000.0;
        let mut counts = vec![10.0; 100];
        counts[10] = 2_000.0;
        counts[60..63].fill(30.0);
        let limits = Limits { people: 0.9, kilometres: 25.0 };
        let first = |shape| Windows::over(&places, limits, shape).clusters(&counts, 0.0, 1)[0].clone();
        assert!(first(None).members.contains(&10));
        assert_eq!(first(Some(5.0)).centre, 61);
    }

    #[test]
    fn clusters_do_not_overlap() {
        let places = line(60);
        let counts: Vec<f64> = (0..60).map(|i| if i % 20 < 4 { 30.0 } else { 5.0 }).collect();
        let clusters =
            Windows::over(&places, Limits { people: 0.2, kilometres: 200.0 }, None).clusters(&counts, 3.0, 12);
        assert_eq!(clusters.len(), 3);
        let mut all: Vec<usize> = clusters.iter().flat_map(|cluster| cluster.members.clone()).collect();
        all.sort_unstable();
        let held = all.len();
        all.dedup();
        assert_eq!(all.len(), held);
    }
}
