//! Random numbers that a seed and a stream decide, on every machine alike.
//!
//! The generator is ChaCha with eight rounds, whose output is specified; the distributions are built on it here, because
//! those of the `rand_distr` crate may change with its version and take logarithms from the platform.

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};

/// A stream of random numbers.
pub struct Draws(ChaCha8Rng);

impl Draws {
    /// The stream of this number under this seed. Streams do not depend on each other.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self(generator)
    }

    /// Uniform in the open interval from 0 to 1.
    pub fn uniform(&mut self) -> f64 {
        let bits = self.0.next_u64() >> 11;
        (bits as f64 + 0.5) / 9_007_199_254_740_992.0
    }

    /// Uniform between two numbers.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// A whole number below `end`, which is above 0.
    pub fn below(&mut self, end: usize) -> usize {
        ((self.uniform() * end as f64) as usize).min(end.saturating_sub(1))
    }

    /// Standard normal (Box–Muller; the second of each pair is left, so that a draw has no memory).
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(self.uniform()));
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    /// Gamma with this shape and rate (Marsaglia and Tsang 2000).
    pub fn gamma(&mut self, shape: f64, rate: f64) -> f64 {
        if shape < 1.0 {
            let boost = libm::pow(self.uniform(), 1.0 / shape);
            return self.gamma(shape + 1.0, rate) * boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        loop {
            let x = self.normal();
            let v = 1.0 + c * x;
            if v <= 0.0 {
                continue;
            }
            let v = v * v * v;
            if libm::log(self.uniform()) < 0.5 * x * x + d - d * v + d * libm::log(v) {
                return d * v / rate;
            }
        }
    }

    /// Poisson: by multiplication where the mean is small, else by Hörmann's transformed rejection (PTRS, 1993).
    pub fn poisson(&mut self, mean: f64) -> f64 {
        if mean < 10.0 {
            let limit = libm::exp(-mean);
            let (mut count, mut product) = (0.0, self.uniform());
            while product > limit {
                count += 1.0;
                product *= self.uniform();
            }
            return count;
        }
        let b = 0.931 + 2.53 * libm::sqrt(mean);
        let a = -0.059 + 0.02483 * b;
        let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
        let v_r = 0.9277 - 3.6224 / (b - 2.0);
        loop {
            let u = self.uniform() - 0.5;
            let v = self.uniform();
            let us = 0.5 - libm::fabs(u);
            let k = libm::floor((2.0 * a / us + b) * u + mean + 0.43);
            if us >= 0.07 && v <= v_r {
                return k;
            }
            if k < 0.0 || (us < 0.013 && v > us) {
                continue;
            }
            let left = libm::log(v * inverse_alpha / (a / (us * us) + b));
            if left <= k * libm::log(mean) - mean - libm::lgamma(k + 1.0) {
                return k;
            }
        }
    }

    /// The place of one of these weights, each as likely as it is heavy.
    pub fn among(&mut self, weights: &[f64]) -> usize {
        let target = self.uniform() * weights.iter().sum::<f64>();
        let mut sum = 0.0;
        for (place, weight) in weights.iter().enumerate() {
            sum += weight;
            if target < sum {
                return place;
            }
        }
        weights.len().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::Draws;

    /// Mean and variance of many draws lie within five standard errors of what the distribution says.
    fn check(name: &str, mean: f64, variance: f64, mut draw: impl FnMut(&mut Draws) -> f64) {
        let mut draws = Draws::new(20170926, 1);
        let n = 200_000;
        let sample: Vec<f64> = (0..n).map(|_| draw(&mut draws)).collect();
        let m = sample.iter().sum::<f64>() / n as f64;
        let v = sample.iter().map(|x| (x - m) * (x - m)).sum::<f64>() / n as f64;
        assert!((m - mean).abs() < 5.0 * (variance / n as f64).sqrt(), "{name}: mean {m}, not {mean}");
        assert!((v - variance).abs() < 0.05 * variance, "{name}: variance {v}, not {variance}");
    }

    #[test]
    fn distributions_have_their_moments() {
        check("uniform", 0.5, 1.0 / 12.0, Draws::uniform);
        check("normal", 0.0, 1.0, Draws::normal);
        for (shape, rate) in [(0.3, 2.0), (1.0, 1.0), (4.5, 0.5), (300.0, 10.0)] {
            check("gamma", shape / rate, shape / (rate * rate), |draws| draws.gamma(shape, rate));
        }
        for mean in [0.2, 3.0, 9.9, 10.1, 47.0, 5_000.0] {
            check("poisson", mean, mean, |draws| draws.poisson(mean));
        }
    }

    #[test]
    fn a_seed_is_a_stream() {
        let draw = |seed, stream| {
            let mut draws = Draws::new(seed, stream);
            [draws.uniform(), draws.normal(), draws.gamma(2.0, 1.0), draws.poisson(30.0)].map(f64::to_bits)
        };
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
        assert_ne!(draw(1, 0), draw(2, 0));
    }
}
