//! What part of a dataset a file holds, where there are files of a county, a state, a buyer or a drug.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What is told of each file, and what it is called. Without columns nothing is told.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoverageRule {
    /// The columns of ours whose values say what the file holds, each with its rows.
    #[serde(default)]
    pub columns: Vec<String>,
    /// The parts of the dataset that have a name, the narrowest first: the first whose columns have one value each in all rows
    /// is the file's. Where none is, it is `all`.
    #[serde(default)]
    pub part: Vec<Part>,
    /// Columns whose value follows the name, where all rows have the same one.
    #[serde(default)]
    pub also: Vec<String>,
    /// Names that declared files have had before, by the name that their rows give them.
    #[serde(default)]
    pub known: BTreeMap<String, String>,
    /// How many rows some parts have at least, by edition and name: `2006-2012 all`.
    #[serde(default)]
    pub least: BTreeMap<String, u64>,
}

/// A kind of part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What its name begins with, such as `county`.
    pub word: String,
    /// The columns of ours whose values follow.
    pub of: Vec<String>,
}

impl CoverageRule {
    /// Whether it can mean anything with these columns; else what is wrong with it.
    pub(super) fn check(&self, columns: &[String]) -> Result<(), String> {
        let named = self.columns.iter().chain(&self.also).chain(self.part.iter().flat_map(|part| &part.of));
        match named.clone().find(|name| !columns.contains(name)) {
            Some(unknown) => Err(format!("`{unknown}` is not a column of this dataset")),
            None => match named.clone().find(|name| !self.columns.contains(name)) {
                Some(untold) => Err(format!("`{untold}` names parts, and is not among its columns")),
                None => Ok(()),
            },
        }
    }
}
