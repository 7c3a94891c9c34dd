//! Claims: published statements, judged from a snapshot.
//!
//! `warehouse/claims/<set>.toml` holds a [`ClaimSet`]. Each claim has tests: a definition in words, SQL that returns one
//! row of numbers, and what the claim expects of them. [`judge`] runs them and gives each claim a [`Verdict`] with a
//! reason that can be quoted, naming the definition and the number for each.
//!
//! *Not loaded* and *absent* are different: a year of which no release is loaded says nothing about the world, while a
//! row that is missing from a loaded table says what its publisher left out.

mod judge;
mod spec;
mod template;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use judge::judge;
pub use spec::{Claim, ClaimSet, Expect, Need, Test, Want};

use crate::Receipt;

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every test that could be made holds.
    Holds,
    /// It holds by one definition, and by another it does not, is undetermined or has no row.
    HoldsInPart,
    /// No test that could be decided holds.
    Refuted,
    /// No test could be made or decided.
    NotCheckable,
}

impl Verdict {
    /// The verdict in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::HoldsInPart => "holds in part",
            Verdict::Refuted => "refuted",
            Verdict::NotCheckable => "not checkable",
        }
    }
}

/// What became of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The numbers are as expected.
    Holds,
    /// They are not.
    Refuted,
    /// No release that is loaded has the dataset or year.
    NotLoaded,
    /// The table is loaded, and has no such row or value.
    Absent,
    /// The numbers are known within bounds, which lie on both sides of what is expected.
    Undetermined,
}

impl Outcome {
    /// The outcome in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Holds => "holds",
            Outcome::Refuted => "does not hold",
            Outcome::NotLoaded => "not loaded",
            Outcome::Absent => "absent",
            Outcome::Undetermined => "undetermined",
        }
    }
}

/// A claim and its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// The claim's id within its set.
    pub id: String,
    /// Its number in the list of what the article says.
    pub number: u32,
    /// The statement, in our own words.
    pub statement: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Of which years it is, where these are not those that the statement speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
    /// Why, so that it can be quoted: definitions and their numbers, in words. Of many definitions how many hold, and one that
    /// does and one that does not; all of them are in `tests`.
    pub reason: String,
    /// Where the statement was published.
    pub citation: String,
    /// What the verdict should be read with.
    pub note: String,
    /// What was tested.
    pub tests: Vec<Tested>,
    /// The sources used that are somebody's copy or transcription.
    pub secondary: Vec<String>,
}

impl Judgement {
    /// The verdict in words, with the years that it is of where they are not the statement's.
    pub fn verdict_words(&self) -> String {
        let over = self.over.as_ref().map(|over| format!(", over {over}"));
        format!("{}{}", self.verdict.as_str(), over.unwrap_or_default())
    }
}

/// A test and what it found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tested {
    /// The definition.
    pub definition: String,
    /// Whether it is told beside, and decides nothing.
    pub context: bool,
    /// What came of it.
    pub outcome: Outcome,
    /// The same in words.
    pub reason: String,
    /// What the SQL returned, in its order; none where a year is not loaded.
    pub numbers: Vec<Number>,
    /// What the numbers rest on.
    pub receipt: Option<Receipt>,
}

/// A number, or a word, that a test found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Number {
    /// Its name in the SQL.
    pub column: String,
    /// Its digits, exactly.
    pub value: Option<String>,
}
