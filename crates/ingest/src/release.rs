//! The name of an edition, by the rule that the dataset declares.

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::{Date32Type, Int32Type};
use model::dataset::{Dataset, ReleaseRule};
use model::{Error, Kind, Release, Result};

use crate::normalise::date;

/// The edition of rows, of which the content or the declaration says that it is `told`. None where nothing tells.
pub(crate) fn find(dataset: &Dataset, told: Option<&Release>, kept: &[RecordBatch]) -> Result<Option<Release>> {
    match &dataset.spec.release {
        ReleaseRule::Content => Ok(told.cloned()),
        ReleaseRule::Through(column) => through(kept, column),
        ReleaseRule::Years(column) => {
            years(kept, column).map(|(first, last)| format!("{first}-{last}").parse()).transpose()
        }
        ReleaseRule::Newest(column) => years(kept, column).map(|(_, last)| last.to_string().parse()).transpose(),
    }
}

/// `through-2018-09`, from the newest date in a column.
fn through(kept: &[RecordBatch], column: &str) -> Result<Option<Release>> {
    let newest = kept
        .iter()
        .filter_map(|batch| batch.column_by_name(column)?.as_primitive_opt::<Date32Type>().and_then(max))
        .max();
    newest
        .map(|day| {
            let date =
                date(day).ok_or_else(|| Error::new(Kind::CheckFailed, format!("`{column}` has an impossible date")))?;
            format!("through-{:04}-{:02}", date.year(), date.month()).parse()
        })
        .transpose()
}

/// The first and the last year in a column.
fn years(kept: &[RecordBatch], column: &str) -> Option<(i32, i32)> {
    let years = || kept.iter().filter_map(|batch| batch.column_by_name(column)?.as_primitive_opt::<Int32Type>());
    Some((years().filter_map(min).min()?, years().filter_map(max).max()?))
}
