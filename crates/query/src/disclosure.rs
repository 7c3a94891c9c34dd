//! The last look at what claims and figures show: no sub-national count of 1–9 from an `nchs` dataset.
//!
//! A guard, not an audit: it goes by the names of columns, and does not see what subtraction could give.

use model::{Error, Kind, Result};

use crate::figure::Cell;
use crate::{Answer, Session};

const HINT: &str = "42 U.S.C. 242m(d) forbids it below the national level: add places or years together, or leave the \
                    row out";

/// Refuses an answer that shows a small count. The value is never part of the message.
pub(crate) fn guard(session: &Session, what: &str, sql: &str, answer: &Answer) -> Result<()> {
    let touched = session.touched(sql)?;
    let guarded = |dataset| session.facts(dataset).is_some_and(|facts| facts.guarded);
    let Some(dataset) = touched.iter().find(|dataset| guarded(dataset)) else { return Ok(()) };
    for (place, row) in answer.frame().rows.iter().enumerate() {
        let small = answer.columns.iter().zip(row).find(|(name, cell)| is_count(name) && is_small(cell));
        if let Some((name, _)) = small {
            let message =
                format!("{what}: row {}, column `{name}` would show a count of 1-9 from {dataset}", place + 1);
            return Err(Error::new(Kind::CheckFailed, message).hint(HINT));
        }
    }
    Ok(())
}

/// Counts of deaths, by their name; bounds that the publisher's rule gives and rates are none.
fn is_count(name: &str) -> bool {
    let name = name.to_lowercase();
    name.contains("deaths") && !name.contains("_per_") && !name.ends_with("_low") && !name.ends_with("_high")
}

fn is_small(cell: &Cell) -> bool {
    match cell {
        Cell::Integer(count) => (1..=9).contains(count),
        Cell::Number(count) => (1.0..10.0).contains(count),
        Cell::Null | Cell::Text(_) => false,
    }
}
