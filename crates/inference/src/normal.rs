//! The normal distribution, and what is compared with it.

/// Beyond this many standard deviations a z-value is cut off: further out it is rounding that speaks.
pub(crate) const FURTHEST: f64 = 12.0;

/// How likely a standard normal is above `z`.
pub(crate) fn upper_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
}

/// The z-value of `count` where `mean` was expected, under a negative binomial of this shape, on the scale of logarithms.
///
/// What pharmacies are shipped spreads as logarithms do, with a longer upper tail than a gamma's: tail areas of the fitted
/// gamma accuse ordinary ones. Where the spread is a gamma's all the same, this scale accuses fewer.
pub(crate) fn z_of_count(count: f64, mean: f64, shape: f64) -> f64 {
    let z = libm::log((count + 0.5) / (mean + 0.5)) / libm::sqrt(libm::log(1.0 + 1.0 / shape + 1.0 / mean));
    z.clamp(-FURTHEST, FURTHEST)
}

/// The value that a share of a sorted sample lies below (linear between neighbours).
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = share * last as f64;
    let below = (at as usize).min(last);
    let above = (below + 1).min(last);
    sorted[below] + (at - below as f64) * (sorted[above] - sorted[below])
}

/// The middle of a sample.
pub(crate) fn median(sample: &[f64]) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}

#[cfg(test)]
mod tests {
    use super::{quantile, upper_tail, z_of_count};

    #[test]
    fn tails_are_those_of_the_tables() {
        assert!((upper_tail(1.959_963_984_540_054) - 0.025).abs() < 1e-12);
        assert!((upper_tail(0.0) - 0.5).abs() < 1e-15);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
    }

    /// A large mean and a shape for which the logarithm spreads by 0.5: e^0.5 times the mean is one deviation.
    #[test]
    fn a_count_has_the_z_of_its_logarithm() {
        let shape = 1.0 / (0.25f64.exp() - 1.0);
        assert!((z_of_count(1e8 * 0.5f64.exp(), 1e8, shape) - 1.0).abs() < 1e-6);
        assert!((z_of_count(1e8 * (-1f64).exp(), 1e8, shape) + 2.0).abs() < 1e-6);
        // Poisson with mean 400 at 460: three deviations, less the skew of logarithms.
        assert!((z_of_count(460.0, 400.0, 1e9) - 2.8).abs() < 0.05);
        assert!(z_of_count(0.0, 1e9, 1.0) >= -super::FURTHEST);
    }
}
