//! Rows that repeat another: kept as published, counted, and told.

use arrow::array::Array as _;
use model::Result;
use model::dataset::Repeats;
use store::commit::Check;

use super::{Candidate, Summary, passed};
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

/// The same of a file of which only the number is known, by hashes of 64 bits.
pub(super) fn told(summary: &Summary<'_>, repeats: u64, open: u64) -> Result<Check> {
    let check = &summary.dataset.spec.check;
    let key = check.key.join(", ");
    let mut saw = match (repeats, check.repeats) {
        (0, _) => format!("{key}: no row repeats another, by hashes of 64 bits"),
        (_, Repeats::Counted) => {
            tracing::warn!(dataset = %summary.dataset.id, slice = summary.name, rows = repeats, "rows repeat the key of another, and are kept");
            format!("{key}: {repeats} rows repeat another, by hashes of 64 bits; all are kept")
        }
        (_, Repeats::Refused) => {
            return Err(summary
                .failed(format!("{repeats} rows have the key ({key}) of another, by hashes of 64 bits"))
                .hint("a file that was glued together from two has such rows: get it again; nothing was committed"));
        }
    };
    if open > 0 {
        saw += &format!("; {open} rows have no number and are told apart by every column");
    }
    Ok(passed("key", saw))
}
