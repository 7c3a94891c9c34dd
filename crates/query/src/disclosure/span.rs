//! Two ways in which numbers give another away: it is a linear combination of them, or one of them is a function of it.

use std::collections::HashMap;

/// A direction whose length is below this share of what it was is taken for rounding.
const ROUNDING: f64 = 1e-9;

/// What remains of a number that is known well enough to be rounded to the truth.
const KNOWN: f64 = 0.05;

/// Vectors that others can be combined from.
#[derive(Default, Clone)]
pub(super) struct Span {
    basis: Vec<Vec<f64>>,
}

impl Span {
    /// Adds a number, by its values in several worlds.
    pub(super) fn add(&mut self, values: &[f64]) {
        let vector = centred(values);
        let rest = self.rest(&vector);
        let length = norm(&rest);
        if length > ROUNDING * norm(&vector) && length > 0.0 {
            self.basis.push(rest.iter().map(|value| value / length).collect());
        }
    }

    /// Whether a number follows from those that were added, up to a constant.
    pub(super) fn holds(&self, values: &[f64]) -> bool {
        let vector = centred(values);
        let length = norm(&vector);
        length > 0.0 && norm(&self.rest(&vector)) < KNOWN * length
    }

    /// What is left of a vector without the span; twice, because once leaves the rounding of large numbers.
    fn rest(&self, vector: &[f64]) -> Vec<f64> {
        let mut rest = vector.to_vec();
        for _ in 0..2 {
            for direction in &self.basis {
                let share: f64 = direction.iter().zip(&rest).map(|(a, b)| a * b).sum();
                rest.iter_mut().zip(direction).for_each(|(value, step)| *value -= share * step);
            }
        }
        rest
    }
}

fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Differences from the first world: constants do not matter.
fn centred(values: &[f64]) -> Vec<f64> {
    values.iter().skip(1).map(|value| value - values[0]).collect()
}

/// Whether what is shown is the same whenever the cell is: then nothing but the cell decides it. `shown` must differ
/// somewhere.
pub(super) fn is_function(shown: &[String], cell: &[f64]) -> bool {
    let mut seen: HashMap<u64, &str> = HashMap::new();
    shown.iter().zip(cell).all(|(shown, cell)| *seen.entry(cell.to_bits()).or_insert(shown) == shown.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_combination_is_found_and_what_is_none_is_not() {
        let a = [1.0, 4.0, 2.0, 8.0, 5.0, 7.0];
        let b = [3.0, 3.0, 9.0, 1.0, 0.0, 2.0];
        let c = [6.0, 2.0, 2.0, 7.0, 1.0, 4.0];
        let add = |x: &[f64], y: &[f64]| -> Vec<f64> { x.iter().zip(y).map(|(x, y)| x + y + 100.0).collect() };
        let mut span = Span::default();
        span.add(&add(&a, &b));
        assert!(!span.holds(&a) && !span.holds(&b));
        span.add(&add(&add(&a, &b), &c));
        assert!(span.holds(&c), "two sums that differ in one cell");
        assert!(!span.holds(&a));
        span.add(&a);
        assert!(span.holds(&b));
    }

    #[test]
    fn a_function_of_one_cell_is_told_from_a_function_of_two() {
        let cell = [1.0, 2.0, 1.0, 2.0];
        let text = |values: [&str; 4]| values.map(str::to_owned);
        assert!(is_function(&text(["few", "many", "few", "many"]), &cell));
        assert!(!is_function(&text(["few", "many", "many", "many"]), &cell));
    }
}
