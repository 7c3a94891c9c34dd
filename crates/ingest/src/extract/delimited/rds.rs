//! A table that R has saved: `saveRDS` of a data frame, in R's binary format, with or without gzip around it.
//!
//! [`Saved`] is the table. It is in memory as a whole, as R itself has it. R's missing values are cells that are not there;
//! numbers are handed on with as few digits as tell them apart from every other double.

use std::io::Read as _;

use model::{Error, Kind, Result};
use rds2rust::{Logical, RObject, read_rds};

use super::{Batches, whole};
use crate::content;
use crate::extract::{Emit, Page};

/// The largest table, inflated, in bytes: it is read into memory, other than text.
const LARGEST: u64 = 1 << 30;

/// The columns of a data frame, as text.
pub(super) struct Saved {
    columns: Vec<(String, Vec<Option<String>>)>,
}

/// The table of a page that R has saved; nothing where it is something else.
pub(super) fn open(page: &Page, limit: u64) -> Result<Option<Saved>> {
    let mut head = Vec::new();
    let read = page.text(limit)?.take(8).read_to_end(&mut head);
    read.map_err(|cause| content::broken(&page.url, cause))?;
    if !content::is_rds(&head) {
        return Ok(None);
    }
    let bytes = whole(page, limit.min(LARGEST))?;
    let read = read_rds(&bytes).map_err(|error| broken(page, &error.to_string()))?;
    let RObject::DataFrame(frame) = read.object else {
        let error = Error::new(Kind::Changed, format!("{} holds no data frame, but something else of R's", page.url));
        return Err(error.hint("`tollhouse probe` shows what the publisher serves now"));
    };
    let mut columns = Vec::with_capacity(frame.columns.len());
    for (name, values) in &frame.columns {
        columns.push((
            name.to_string(),
            texts(values).ok_or_else(|| {
                Error::new(Kind::Changed, format!("{}: `{name}` is neither text nor numbers", page.url))
                    .hint("save the data frame without lists and times in it")
            })?,
        ));
    }
    if let Some((name, _)) = columns.iter().find(|(_, cells)| cells.len() != columns[0].1.len()) {
        return Err(broken(page, &format!("`{name}` has another number of rows than the first column")));
    }
    Ok(Some(Saved { columns }))
}

fn broken(page: &Page, what: &str) -> Error {
    Error::new(Kind::NotData, format!("{} cannot be read as R's: {what}", page.url))
        .hint("the file is cut or damaged: fetch it again; nothing of it was kept")
}

/// The cells of a column, with none where R has `NA`.
fn texts(values: &RObject) -> Option<Vec<Option<String>>> {
    /// What R keeps for a whole number that is missing.
    const MISSING: i32 = i32::MIN;
    Some(match values {
        RObject::Character(cells) => cells.iter().map(|cell| cell.as_deref().map(ToOwned::to_owned)).collect(),
        RObject::Integer(cells) => cells.iter().map(|cell| (*cell != MISSING).then(|| cell.to_string())).collect(),
        RObject::Real(cells) => cells.iter().map(|cell| (!cell.is_nan()).then(|| cell.to_string())).collect(),
        // A column without any value is one of logical values for R.
        RObject::Logical(cells) => cells
            .iter()
            .map(|cell| match cell {
                Logical::True => Some("TRUE".to_owned()),
                Logical::False => Some("FALSE".to_owned()),
                Logical::Na => None,
            })
            .collect(),
        RObject::Factor(factor) => {
            let level = |code: &i32| usize::try_from(*code).ok()?.checked_sub(1).and_then(|at| factor.levels.get(at));
            factor.values.iter().map(|code| level(code)?.as_deref().map(ToOwned::to_owned)).collect()
        }
        _ => return None,
    })
}

impl Saved {
    /// The names of the columns, which must be several and all different.
    pub fn names(&self, page: &Page) -> Result<Vec<String>> {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            Some((_, twice)) => Err(broken(page, &format!("two columns are named `{twice}`"))),
            None if names.len() < 2 => {
                Err(Error::new(Kind::Changed, format!("{} is another table: it has {} columns", page.url, names.len()))
                    .hint("`tollhouse probe` shows what the publisher serves now"))
            }
            None => Ok(names),
        }
    }

    /// Hands on the rows; the place of each is its number, from 1.
    pub fn rows(&self, index: usize, page: &Page, emit: Emit<'_>) -> Result<()> {
        let mut batches = Batches::new(index, &self.names(page)?);
        let rows = self.columns.first().map_or(0, |(_, cells)| cells.len());
        for row in 0..rows {
            for (column, (_, cells)) in self.columns.iter().enumerate() {
                batches.cell(column, cells[row].as_deref());
            }
            batches.end_row(row as u64 + 1, emit)?;
        }
        batches.finish(emit)
    }
}
