//! Errors of a publisher: those that are put right, and those that stay as published.
//!
//! [`Correction`] replaces a cell; [`FilledCheck`] is a rule with exceptions. Both expire by themselves: once the publisher
//! has put an error right, the declaration no longer matches, which ends the run until somebody takes it away.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::Release;

/// A cell that the publisher got wrong, and what it should say. It is replaced before anything is read from the row, so
/// that all columns follow.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// The editions that are known to have the error: there it must be found.
    pub releases: BTreeSet<Release>,
    /// Whether editions that are not in `releases` may have it too: there it is applied where the row says what is expected,
    /// and passed over, which the certificate tells, where it does not.
    #[serde(default)]
    pub others: bool,
    /// Upstream columns and their texts, without blanks around them, that together find the row.
    #[serde(rename = "where")]
    pub find: BTreeMap<String, String>,
    /// The upstream column at fault.
    pub column: String,
    /// What it says.
    pub expect: String,
    /// What it should say.
    pub replace: String,
    /// How we know.
    pub reason: String,
}

impl Correction {
    /// Whether it can mean anything; else what is wrong with it.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        match self {
            _ if self.releases.is_empty() => Err("it names no release"),
            _ if self.find.is_empty() => Err("`where` names no column, so it would find every row"),
            _ if self.expect == self.replace => Err("it replaces a text by itself"),
            _ if self.reason.trim().is_empty() => Err("it needs a reason"),
            _ => Ok(()),
        }
    }
}

/// How many of several columns are filled in each row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilledCheck {
    /// The columns.
    pub columns: Vec<String>,
    /// At most so many are filled, in every row of every edition.
    pub most: usize,
    /// At least so many are, in the editions of `least_in`.
    #[serde(default)]
    pub least: usize,
    /// The editions that were looked at for rows with fewer.
    #[serde(default)]
    pub least_in: BTreeSet<Release>,
    /// Rows known to have fewer, as published: the values of the key, joined by ` / `, and why.
    #[serde(default)]
    pub except: BTreeMap<String, String>,
}
