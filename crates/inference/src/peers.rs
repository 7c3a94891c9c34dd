//! What peers received: a hierarchical negative-binomial regression.
//!
//! For unit *i* with count *y*, exposure *e*, covariates *x* and peer group *g*:
//!
//! ```text
//! y_i | θ_i ~ Poisson(θ_i μ_i)        θ_i ~ Gamma(α, α)          (so y_i is negative binomial, and θ_i has mean 1)
//! ln μ_i    = ln e_i + x_i β + u_g    u_g ~ Normal(0, τ²)         β ~ Normal(0, 10²)
//! ```
//!
//! *β* and *u* are found by Newton's method; the Hessian is an arrow (groups touch only themselves and *β*), so that it costs
//! no more than its covariates squared, however many groups. *α* and *τ* are integrated over a grid, weighted by Laplace's
//! approximation of the likelihood. A matrix library would sum in an order that hangs on the machine, and the matrices are
//! a few by a few: hence the small Cholesky here.

use crate::draw::Draws;

/// What a regression is of.
pub(crate) struct Design<'a> {
    /// Counts; they need not be whole.
    pub y: &'a [f64],
    /// Logarithms of exposures.
    pub offset: &'a [f64],
    /// Covariates, row by row, `width` each.
    pub x: &'a [f64],
    pub width: usize,
    /// The peer group of each unit, below `groups`.
    pub group: &'a [usize],
    pub groups: usize,
    /// Which units say what is usual.
    pub counts: &'a [bool],
}

/// Shape and spread at one point of the grid, and what fits there.
pub(crate) struct Point {
    pub alpha: f64,
    pub tau: f64,
    /// The logarithm of the marginal likelihood.
    pub evidence: f64,
    pub beta: Vec<f64>,
    pub u: Vec<f64>,
    /// The Cholesky factor of what the Hessian leaves for β.
    factor: Vec<f64>,
    /// The Hessian's rows between groups and β, and its diagonal for groups.
    cross: Vec<f64>,
    diagonal: Vec<f64>,
}

/// Shapes and spreads that are tried: from counts that say next to nothing to nearly Poisson; from equal groups to
/// groups that differ threefold.
const LN_ALPHA: (f64, f64, i32) = (-1.5, 0.2, 28);
const TAU: [f64; 9] = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7, 1.1];
/// The precision of the prior of β.
const RIDGE: f64 = 0.01;

/// Fits every point of the grid, or every third of either axis, which is enough to see who stands far out.
pub(crate) fn grid(design: &Design<'_>, coarse: bool) -> Vec<Point> {
    let every = if coarse { 3 } else { 1 };
    let mut points = Vec::new();
    let mut start = (vec![0.0; design.width], vec![0.0; design.groups]);
    for step in (0..LN_ALPHA.2).step_by(every) {
        let alpha = libm::exp(LN_ALPHA.0 + LN_ALPHA.1 * f64::from(step));
        for tau in TAU.into_iter().skip(every / 2).step_by(every) {
            let point = fit(design, alpha, tau, start);
            start = (point.beta.clone(), point.u.clone());
            points.push(point);
        }
    }
    points
}

/// The point of the grid with the most evidence.
pub(crate) fn best(points: &[Point]) -> Option<&Point> {
    points.iter().max_by(|a, b| a.evidence.total_cmp(&b.evidence))
}

/// How likely each point is, up to a factor; the spread has a half-normal prior of deviation 1, the shape's logarithm a flat one.
pub(crate) fn weights(points: &[Point]) -> Vec<f64> {
    let log = |point: &Point| point.evidence - 0.5 * point.tau * point.tau + libm::log(width_of(point.tau));
    let top = points.iter().map(log).fold(f64::NEG_INFINITY, f64::max);
    points.iter().map(|point| libm::exp(log(point) - top)).collect()
}

/// How much of the spread's axis a point of its uneven grid stands for.
fn width_of(tau: f64) -> f64 {
    let at = TAU.iter().position(|other| *other >= tau).unwrap_or(0);
    let below = if at == 0 { 0.0 } else { TAU[at - 1] };
    let above = TAU.get(at + 1).copied().unwrap_or(2.0 * TAU[at] - below);
    0.5 * (above - below)
}

impl Point {
    /// The logarithm of what a unit's peers would have received in its place.
    pub(crate) fn log_mean(&self, design: &Design<'_>, unit: usize) -> f64 {
        log_mean(design, unit, &self.beta, &self.u)
    }

    /// β and u, drawn from their normal approximation.
    pub(crate) fn draw(&self, draws: &mut Draws) -> (Vec<f64>, Vec<f64>) {
        let width = self.beta.len();
        let mut step: Vec<f64> = (0..width).map(|_| draws.normal()).collect();
        back_substitute(&self.factor, &mut step);
        let beta = self.beta.iter().zip(&step).map(|(b, s)| b + s).collect();
        let u = self.u.iter().enumerate().map(|(g, u)| {
            let pull: f64 = step.iter().enumerate().map(|(j, s)| self.cross[g * width + j] * s).sum();
            u - pull / self.diagonal[g] + draws.normal() / libm::sqrt(self.diagonal[g])
        });
        (beta, u.collect())
    }
}

pub(crate) fn log_mean(design: &Design<'_>, unit: usize, beta: &[f64], u: &[f64]) -> f64 {
    let row = &design.x[unit * design.width..(unit + 1) * design.width];
    let line: f64 = row.iter().zip(beta).map(|(x, b)| x * b).sum();
    (design.offset[unit] + line + u[design.group[unit]]).clamp(-30.0, 30.0)
}

fn fit(design: &Design<'_>, alpha: f64, tau: f64, start: (Vec<f64>, Vec<f64>)) -> Point {
    let (width, groups) = (design.width, design.groups);
    let (mut beta, mut u) = start;
    let mut value = posterior(design, alpha, tau, &beta, &u);
    let mut arrow = Arrow::at(design, alpha, tau, &beta, &u);
    for _ in 0..60 {
        let (step_beta, step_u) = arrow.solve();
        // Half steps until it is better: the surface is log-concave, so that a small enough step always is.
        let (mut scale, mut moved) = (1.0, false);
        for _ in 0..30 {
            let next_beta: Vec<f64> = beta.iter().zip(&step_beta).map(|(b, s)| b + scale * s).collect();
            let next_u: Vec<f64> = u.iter().zip(&step_u).map(|(b, s)| b + scale * s).collect();
            let next = posterior(design, alpha, tau, &next_beta, &next_u);
            if next >= value {
                moved = next - value > 1e-9 * (1.0 + value.abs());
                (beta, u, value) = (next_beta, next_u, next);
                break;
            }
            scale *= 0.5;
        }
        arrow = Arrow::at(design, alpha, tau, &beta, &u);
        if !moved {
            break;
        }
    }
    let (factor, log_determinant) = arrow.factor();
    let mut constants = 0.0;
    for (unit, y) in design.y.iter().enumerate() {
        if design.counts[unit] {
            constants += libm::lgamma(y + alpha) - libm::lgamma(alpha) + alpha * libm::log(alpha);
        }
    }
    let evidence = value + constants - 0.5 * log_determinant - groups as f64 * libm::log(tau);
    debug_assert_eq!(factor.len(), width * width);
    Point { alpha, tau, evidence, beta, u, factor, cross: arrow.cross, diagonal: arrow.diagonal }
}

/// The logarithm of the likelihood and the priors, without what does not hang on β and u.
fn posterior(design: &Design<'_>, alpha: f64, tau: f64, beta: &[f64], u: &[f64]) -> f64 {
    let mut sum = -0.5 * RIDGE * beta.iter().map(|b| b * b).sum::<f64>();
    sum -= 0.5 * u.iter().map(|u| u * u).sum::<f64>() / (tau * tau);
    for (unit, y) in design.y.iter().enumerate() {
        if design.counts[unit] {
            let eta = log_mean(design, unit, beta, u);
            sum += y * eta - (y + alpha) * libm::log(alpha + libm::exp(eta));
        }
    }
    sum
}

/// Gradient and negative Hessian.
struct Arrow {
    width: usize,
    dense: Vec<f64>,
    cross: Vec<f64>,
    diagonal: Vec<f64>,
    slope_beta: Vec<f64>,
    slope_u: Vec<f64>,
}

impl Arrow {
    fn at(design: &Design<'_>, alpha: f64, tau: f64, beta: &[f64], u: &[f64]) -> Self {
        let width = design.width;
        let mut dense = vec![0.0; width * width];
        for j in 0..width {
            dense[j * width + j] = RIDGE;
        }
        let mut cross = vec![0.0; design.groups * width];
        let mut diagonal = vec![1.0 / (tau * tau); design.groups];
        let mut slope_beta: Vec<f64> = beta.iter().map(|b| -RIDGE * b).collect();
        let mut slope_u: Vec<f64> = u.iter().map(|u| -u / (tau * tau)).collect();
        for (unit, y) in design.y.iter().enumerate() {
            if !design.counts[unit] {
                continue;
            }
            let mean = libm::exp(log_mean(design, unit, beta, u));
            let slope = alpha * (y - mean) / (alpha + mean);
            let curve = alpha * mean * (y + alpha) / ((alpha + mean) * (alpha + mean));
            let (g, row) = (design.group[unit], &design.x[unit * width..(unit + 1) * width]);
            diagonal[g] += curve;
            slope_u[g] += slope;
            for (j, xj) in row.iter().enumerate() {
                slope_beta[j] += slope * xj;
                cross[g * width + j] += curve * xj;
                for (k, xk) in row.iter().enumerate() {
                    dense[j * width + k] += curve * xj * xk;
                }
            }
        }
        Self { width, dense, cross, diagonal, slope_beta, slope_u }
    }

    /// What the Hessian leaves for β once the groups are taken out.
    fn reduced(&self) -> Vec<f64> {
        let width = self.width;
        let mut reduced = self.dense.clone();
        for (g, d) in self.diagonal.iter().enumerate() {
            let row = &self.cross[g * width..(g + 1) * width];
            for j in 0..width {
                for k in 0..width {
                    reduced[j * width + k] -= row[j] * row[k] / d;
                }
            }
        }
        reduced
    }

    fn factor(&self) -> (Vec<f64>, f64) {
        let factor = cholesky(self.reduced(), self.width);
        let of_beta: f64 = (0..self.width).map(|j| 2.0 * libm::log(factor[j * self.width + j])).sum();
        let of_groups: f64 = self.diagonal.iter().map(|d| libm::log(*d)).sum();
        (factor, of_beta + of_groups)
    }

    /// Newton's step.
    fn solve(&self) -> (Vec<f64>, Vec<f64>) {
        let width = self.width;
        let factor = cholesky(self.reduced(), width);
        let mut step = self.slope_beta.clone();
        for (g, d) in self.diagonal.iter().enumerate() {
            for (j, s) in step.iter_mut().enumerate() {
                *s -= self.cross[g * width + j] * self.slope_u[g] / d;
            }
        }
        forward_substitute(&factor, &mut step);
        back_substitute(&factor, &mut step);
        let of_groups = self.diagonal.iter().enumerate().map(|(g, d)| {
            let pull: f64 = step.iter().enumerate().map(|(j, s)| self.cross[g * width + j] * s).sum();
            (self.slope_u[g] - pull) / d
        });
        let of_groups = of_groups.collect();
        (step, of_groups)
    }
}

/// The lower factor of a positive definite matrix, row by row.
fn cholesky(mut matrix: Vec<f64>, width: usize) -> Vec<f64> {
    for j in 0..width {
        for i in j..width {
            let done: f64 = (0..j).map(|k| matrix[i * width + k] * matrix[j * width + k]).sum();
            let left = matrix[i * width + j] - done;
            // Rounding may leave a little less than nothing where two covariates are one.
            matrix[i * width + j] = if i == j { libm::sqrt(left.max(1e-10)) } else { left / matrix[j * width + j] };
        }
        for k in j + 1..width {
            matrix[j * width + k] = 0.0;
        }
    }
    matrix
}

fn forward_substitute(factor: &[f64], right: &mut [f64]) {
    let width = right.len();
    for i in 0..width {
        let done: f64 = (0..i).map(|k| factor[i * width + k] * right[k]).sum();
        right[i] = (right[i] - done) / factor[i * width + i];
    }
}

fn back_substitute(factor: &[f64], right: &mut [f64]) {
    let width = right.len();
    for i in (0..width).rev() {
        let done: f64 = (i + 1..width).map(|k| factor[k * width + i] * right[k]).sum();
        right[i] = (right[i] - done) / factor[i * width + i];
    }
}

#[cfg(test)]
mod tests {
    use super::{Design, best, grid};
    use crate::draw::Draws;

    /// Counts made by the model give back what they were made with.
    #[test]
    fn what_made_the_counts_is_found() {
        let (alpha, tau, beta, groups, each) = (2.0, 0.3, [1.0, 0.5], 60, 40);
        let mut draws = Draws::new(11, 0);
        let (mut y, mut x, mut offset, mut group) = (vec![], vec![], vec![], vec![]);
        for g in 0..groups {
            let u = tau * draws.normal();
            for _ in 0..each {
                let (covariate, exposure) = (draws.normal(), draws.between(20.0, 200.0));
                let mean = exposure * libm::exp(beta[0] + beta[1] * covariate + u);
                let theta = draws.gamma(alpha, alpha);
                y.push(draws.poisson(theta * mean));
                x.extend([1.0, covariate]);
                offset.push(libm::log(exposure));
                group.push(g);
            }
        }
        let counts = vec![true; y.len()];
        let design = Design { y: &y, offset: &offset, x: &x, width: 2, group: &group, groups, counts: &counts };
        let points = grid(&design, false);
        let found = best(&points).unwrap();
        assert!((found.beta[0] - beta[0]).abs() < 0.15, "{:?}", found.beta);
        assert!((found.beta[1] - beta[1]).abs() < 0.05, "{:?}", found.beta);
        assert!((found.alpha / alpha - 1.0).abs() < 0.2, "{}", found.alpha);
        assert!((0.2..=0.45).contains(&found.tau), "{}", found.tau);
    }
}
