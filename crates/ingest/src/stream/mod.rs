//! Files of any size, by way of all cores and of little memory.
//!
//! [`stage`] reads one file of delimited lines as a bounded pipeline: one thread inflates it and cuts it into chunks at
//! line ends ([`cut`]); workers split the lines ([`parse`]); the calling thread puts the chunks back in order, deals the
//! rows to years and numbers what is new in them ([`gather`]); and workers sort, encode and write each part as it fills
//! ([`part`]). What is cut where depends on the file alone, so that any number of workers makes the same bytes.
//!
//! The speed is owed to what repeats: the declaration says which upstream columns belong together, such as a buyer's, and
//! each distinct combination of them is normalised once, by the ordinary rules, however many rows have it ([`plan`]).
//!
//! Absent: anything that needs two rows at once but for the key, whose repetitions are counted by hash ([`repeats`]).

mod cut;
mod gather;
mod parse;
mod part;
mod plan;
mod pool;
mod repeats;

use std::collections::BTreeSet;

use model::{Error, Kind, Release, Result};
use store::commit::{Counts, Covered};
use store::part::Part;
use store::quarantine::Rejected;

use crate::check::product::Tally;
use crate::extract::{Page, Slice};
use crate::run::Job;
use plan::Plan;

/// A page as lines of cells, for whoever can take it apart by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    /// What stands between two cells; nothing is quoted.
    pub separator: u8,
    /// The header.
    pub names: Vec<String>,
    /// Headers whose cells repeat together from line to line; a cell of any other has a value of its own in each.
    pub together: Vec<Vec<String>>,
    /// The most bytes that the page may inflate to.
    pub limit: u64,
}

/// What a file became.
#[derive(Debug)]
pub(crate) struct Streamed<'d> {
    /// What was read, and what became of it.
    pub counts: Counts,
    /// The rows that broke a rule, in order.
    pub rejected: Vec<Rejected>,
    /// The parts, by year and then by the place of their first rows in the file.
    pub parts: Vec<Part>,
    /// The years that its rows have.
    pub years: BTreeSet<i32>,
    /// How many rows have the key of a row before them.
    pub repeats: u64,
    /// How many rows their key does not tell from others, so that every column does.
    pub open: u64,
    /// What part of the dataset its rows are.
    pub covered: Vec<Covered>,
    /// The declared products beside their factors.
    pub products: Vec<Tally<'d>>,
}

/// Reads a page to its end, and writes its rows as parts that no snapshot names. Blocks.
pub(crate) fn stage<'d>(
    job: &Job<'d>,
    slice: &Slice,
    page: &Page,
    release: &Release,
    lines: &Lines,
) -> Result<Streamed<'d>> {
    let plan = Plan::new(job.dataset, job.vocabulary, lines)?;
    pool::run(job, slice, page, release, &plan)
}

/// The error for a file that cannot be read this way.
fn unfit(job: &model::dataset::Dataset, what: impl std::fmt::Display) -> Error {
    Error::new(Kind::Usage, format!("pipelines/{}.toml: {what}", job.id))
        .hint("`together` in [source] lists the upstream columns that repeat together; without it files are read whole")
}

#[cfg(test)]
mod tests;
