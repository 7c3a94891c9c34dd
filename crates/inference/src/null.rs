//! The empirical null, and false discoveries.
//!
//! With many z-values at once, what is usual can be seen: most units are ordinary, and the middle of the histogram shows
//! how ordinary ones spread, which theory rarely gets right (Efron 2004, 2010). The middle is fitted by a split normal, cut off at
//! both sides: below the mode lie pharmacies that were open for a part of the period, and how far they lie says nothing of those
//! above. p-values are taken from it, and false discoveries are held by Benjamini and Hochberg's step-up.

use crate::Error;
use crate::normal::{quantile, upper_tail};

/// How ordinary z-values are distributed: a normal, wider on one side of its mode than on the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Null {
    /// Its mode; 0 in theory.
    pub mode: f64,
    /// The standard deviation of the normal whose half lies below the mode; 1 in theory.
    pub below: f64,
    /// Likewise above.
    pub above: f64,
    /// The share of all units that are ordinary, at most 1. Told, and not made use of: the step-up assumes 1.
    pub share: f64,
}

/// As few z-values as a null may be fitted to.
pub const FEWEST: usize = 30;

impl Null {
    /// The split normal that fits the middle of the sample, by maximum likelihood of one cut off at 1.5 robust standard
    /// deviations to either side of the median.
    pub fn fit(z: &[f64]) -> Result<Self, Error> {
        if z.len() < FEWEST {
            return Err(Error::TooFew { has: z.len(), wants: FEWEST });
        }
        let mut sorted = z.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = quantile(&sorted, 0.5);
        // From quartiles, which a tenth of outliers hardly moves.
        let left = ((middle - quantile(&sorted, 0.25)) / 0.674_5).max(0.05);
        let right = ((quantile(&sorted, 0.75) - middle) / 0.674_5).max(0.05);
        let (low, high) = (middle - 1.5 * left, middle + 1.5 * right);
        let inside = Inside::of(sorted.into_iter().filter(|z| (low..=high).contains(z)).collect());
        let n = inside.z.len() as f64;
        let held = |null: &Self| null.upper(low) - null.upper(high);
        let likelihood = |null: &Self| {
            let (squares_below, squares_above) = inside.squares(null.mode);
            let spread = squares_below / (null.below * null.below) + squares_above / (null.above * null.above);
            -0.5 * spread - n * libm::log((null.below + null.above) * held(null))
        };
        let mut found = Self { mode: middle, below: left, above: right, share: 1.0 };
        let mut step = 0.12;
        for _ in 0..5 {
            let from = found;
            let mut best = f64::NEG_INFINITY;
            for mode in -6..=6 {
                for below in -6..=6 {
                    for above in -6..=6 {
                        // A flat middle fits ever wider normals ever better: they stay near what the quartiles say.
                        let tried = Self {
                            mode: (from.mode + f64::from(mode) * step * right).clamp(low, high),
                            below: (from.below + f64::from(below) * step * left).clamp(0.3 * left, 2.0 * left),
                            above: (from.above + f64::from(above) * step * right).clamp(0.3 * right, 2.0 * right),
                            share: 1.0,
                        };
                        let value = likelihood(&tried);
                        if value > best {
                            (best, found) = (value, tried);
                        }
                    }
                }
            }
            step *= 0.3;
        }
        let share = (n / z.len() as f64 / held(&found)).min(1.0);
        Ok(Self { share, ..found })
    }

    /// The z-value as this null sees it: how many of its deviations it lies from the mode, on its side.
    pub fn standardise(&self, z: f64) -> f64 {
        (z - self.mode) / if z < self.mode { self.below } else { self.above }
    }

    /// How likely an ordinary unit has a z-value as high as this.
    pub fn p_value(&self, z: f64) -> f64 {
        self.upper(z).clamp(0.0, 1.0)
    }

    fn upper(&self, z: f64) -> f64 {
        let both = self.below + self.above;
        let tail = upper_tail(self.standardise(z));
        if z < self.mode { 1.0 - 2.0 * self.below * (1.0 - tail) / both } else { 2.0 * self.above * tail / both }
    }
}

/// The middle of the sample, with sums by which squares about any mode are known.
struct Inside {
    z: Vec<f64>,
    sums: Vec<(f64, f64)>,
}

impl Inside {
    fn of(z: Vec<f64>) -> Self {
        let mut sums = vec![(0.0, 0.0)];
        let mut sum = (0.0, 0.0);
        for one in &z {
            sum = (sum.0 + one, sum.1 + one * one);
            sums.push(sum);
        }
        Self { z, sums }
    }

    /// The sums of squares about `mode` of what lies below and above it.
    fn squares(&self, mode: f64) -> (f64, f64) {
        let split = self.z.partition_point(|z| *z < mode);
        let (below, all) = (self.sums[split], self.sums[self.z.len()]);
        let about = |n: usize, sum: (f64, f64)| sum.1 - 2.0 * mode * sum.0 + n as f64 * mode * mode;
        (about(split, below), about(self.z.len() - split, (all.0 - below.0, all.1 - below.1)))
    }
}

/// For each p-value the lowest rate of false discoveries at which it is among the discoveries (Benjamini and Hochberg 1995).
pub fn q_values(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]).then(a.cmp(b)));
    let mut q = vec![1.0; p.len()];
    let mut lowest: f64 = 1.0;
    for (rank, unit) in order.iter().enumerate().rev() {
        lowest = lowest.min(p[*unit] * p.len() as f64 / (rank + 1) as f64);
        q[*unit] = lowest;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::{Null, q_values};
    use crate::draw::Draws;

    #[test]
    fn the_middle_is_found_beside_outliers() {
        let mut draws = Draws::new(4, 0);
        let z: Vec<f64> =
            (0..4_000).map(|i| if i % 40 == 0 { 6.0 + draws.normal() } else { 0.3 + 1.4 * draws.normal() }).collect();
        let null = Null::fit(&z).unwrap();
        assert!((null.mode - 0.3).abs() < 0.3, "{null:?}");
        assert!((null.above - 1.4).abs() < 0.2 && (null.below - 1.4).abs() < 0.2, "{null:?}");
        assert!(null.share > 0.93, "{null:?}");
        // What makes the difference: the upper tail, against that of the normal that made the ordinary ones.
        let truly = super::upper_tail((4.5 - 0.3) / 1.4);
        assert!((0.3..3.0).contains(&(null.p_value(4.5) / truly)), "{} {truly}", null.p_value(4.5));
    }

    #[test]
    fn the_sides_are_told_apart() {
        let mut draws = Draws::new(5, 0);
        let z: Vec<f64> =
            (0..20_000).map(|i| if i % 3 == 0 { draws.normal().abs() } else { -2.0 * draws.normal().abs() }).collect();
        let null = Null::fit(&z).unwrap();
        assert!((null.above - 1.0).abs() < 0.12 && (null.below - 2.0).abs() < 0.2, "{null:?}");
        assert!((null.p_value(0.0) - 1.0 / 3.0).abs() < 0.05 && null.p_value(-50.0) > 0.999);
    }

    #[test]
    fn few_values_make_no_null() {
        assert!(Null::fit(&[0.0; 29]).is_err());
    }

    /// The worked example of Benjamini and Hochberg 1995, section 3.2: at 0.05 the first four of fifteen are rejected.
    #[test]
    fn step_up_as_published() {
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
            0.7590, 1.0000,
        ];
        let q = q_values(&p);
        assert_eq!(q.iter().filter(|q| **q <= 0.05).count(), 4);
        assert!((q[3] - 0.0095 * 15.0 / 4.0).abs() < 1e-12);
        assert_eq!(q[14], 1.0);
    }
}
