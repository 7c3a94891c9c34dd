//! Rows that repeat another: kept as published, counted, and told.

use arrow::array::Array as _;
use model::Result;
use store::commit::Check;

use super::{Candidate, passed};
use crate::fingerprint;

/// Counts the rows that have the key of another, or, where no key tells them, every column of another.
pub(super) fn count(candidate: &Candidate<'_>) -> Result<Check> {
    let (dataset, kept) = (candidate.dataset, candidate.kept);
    let by_every = fingerprint::open_rows(dataset, kept)?.len();
    let prints = fingerprint::of(dataset, kept)?;
    let mut order: Vec<usize> = (0..prints.len()).collect();
    order.sort_unstable_by_key(|row| (prints[*row], *row));
    let repeats: Vec<usize> =
        order.windows(2).filter(|pair| prints[pair[0]] == prints[pair[1]]).map(|pair| pair[1]).collect();
    let key = dataset.spec.check.key.join(", ");
    let mut saw = match repeats.iter().min() {
        None => format!("{key}: no row repeats another"),
        Some(first) => {
            let masked = dataset.spec.mask.iter().flat_map(|mask| mask.columns.first());
            let masked = masked.filter_map(|name| kept.column_by_name(name)).next();
            let persons = masked.map_or(0, |column| repeats.iter().filter(|row| column.is_null(**row)).count());
            let count = repeats.len();
            tracing::warn!(dataset = %dataset.id, slice = candidate.name, rows = count, "rows repeat the key of another, and are kept");
            let first = candidate.key_text(*first)?;
            format!(
                "{key}: {count} rows repeat another, {persons} of them a person's; all are kept. The first is {first}"
            )
        }
    };
    if by_every > 0 {
        saw += &format!("; {by_every} rows have no number and are told apart by every column");
    }
    Ok(passed("key", saw))
}
