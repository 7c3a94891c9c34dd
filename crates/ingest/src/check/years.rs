//! The years that an edition covers: a row of another year is of another edition, or damaged.

use std::collections::BTreeSet;

use arrow::array::AsArray as _;
use arrow::datatypes::Int32Type;
use model::{Error, Kind, Result};
use store::commit::Check;

use super::{Candidate, Summary, edition, passed};

/// The same of years that are known without their rows.
pub(super) fn of_years(summary: &Summary<'_>, found: &BTreeSet<i32>) -> Result<Option<Check>> {
    let declared = summary.dataset.spec.check.years.iter();
    let Some((_, (first, last))) = declared.into_iter().find(|(release, _)| release.as_str() == edition(&summary.name))
    else {
        return Ok(None);
    };
    match found.iter().find(|year| !(*first..=*last).contains(*year)) {
        Some(year) => Err(summary.failed(format!("the edition covers {first} to {last}, and a row is of {year}"))),
        None => {
            let saw = match (found.first(), found.last()) {
                (Some(from), Some(to)) => format!("{from} to {to}, of {first} to {last}"),
                _ => "no row has a year".to_owned(),
            };
            Ok(Some(passed("years", saw)))
        }
    }
}

/// Whether every row is of a year that its edition covers, where the declaration tells.
pub(super) fn check(candidate: &Candidate<'_>) -> Result<Option<Check>> {
    let years = candidate.dataset.spec.check.years.iter();
    let Some((_, (first, last))) = years.into_iter().find(|(release, _)| release.as_str() == candidate.release())
    else {
        return Ok(None);
    };
    let column = candidate.column("year")?.as_primitive_opt::<Int32Type>().ok_or_else(|| {
        Error::new(Kind::Usage, format!("{}: [check.years] needs `year` to be a year", candidate.dataset.id))
    })?;
    let outside = column.iter().position(|year| year.is_some_and(|year| !(*first..=*last).contains(&year)));
    if let Some(row) = outside {
        let what = format!("the edition covers {first} to {last}, and a row is of {}", column.value(row));
        return Err(candidate.failed(format!("{what}: {}", candidate.key_text(row)?)));
    }
    let span = (arrow::compute::min(column), arrow::compute::max(column));
    let saw = match span {
        (Some(from), Some(to)) => format!("{from} to {to}, of {first} to {last}"),
        _ => "no row has a year".to_owned(),
    };
    Ok(Some(passed("years", saw)))
}
