//! What `warehouse/claims/<set>.toml` says.

use std::collections::BTreeSet;

use model::{DatasetId, Error, Kind, Result};
use serde::Deserialize;

use super::template;
use crate::portable;

/// Claims of one article.
#[derive(Debug, Clone)]
pub struct ClaimSet {
    /// Its name: the file's, without `.toml`.
    pub id: String,
    /// What the claims are from.
    pub title: String,
    /// The pin from whose snapshot they were written: its lock file tells which rows their verdicts rested on.
    pub pin: Option<String>,
    /// The figures that go with them, in the order in which a report shows them.
    pub figures: Vec<String>,
    /// The claims, in the order of the file.
    pub claims: Vec<Claim>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    #[serde(default)]
    pin: Option<String>,
    #[serde(default)]
    figures: Vec<String>,
    claim: Vec<Claim>,
}

/// A published statement and how it is judged.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Its name within the set.
    pub id: String,
    /// Its number in the list of what the article says.
    pub number: u32,
    /// The statement, in our own words.
    pub statement: String,
    /// Where it was published.
    pub citation: String,
    /// What the verdict should be read with.
    #[serde(default)]
    pub note: String,
    /// Of which years the verdict is, where no data settle those that the statement speaks of.
    #[serde(default)]
    pub over: Option<String>,
    /// Why no data settle it, in sentences that can be quoted; it then has no tests.
    #[serde(default)]
    pub not_checkable: Option<String>,
    /// How it is judged, one definition each.
    #[serde(default, rename = "test")]
    pub tests: Vec<Test>,
}

/// One definition under which a claim is judged.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// What is compared, as a reader would be told: source, measure, places, years.
    pub definition: String,
    /// Whether it is told beside, and decides nothing: what it compares is near to what the claim speaks of, and not that.
    #[serde(default)]
    pub context: bool,
    /// What must be loaded.
    pub needs: Vec<Need>,
    /// Portable SQL that returns one row.
    pub sql: String,
    /// The column that is zero or null where the row that the claim is about is not in the table.
    #[serde(default)]
    pub present: Option<String>,
    /// What the claim expects of the row; all must be so.
    pub expect: Vec<Expect>,
    /// What to say where it is as expected: `{column}` stands for a value, `{column:,}` with thousands set apart.
    pub holds: String,
    /// What to say where it is not.
    pub refuted: String,
    /// What to say where there is no row; needed with `present`.
    #[serde(default)]
    pub absent: Option<String>,
    /// What to say where an interval lies on both sides of what is expected; needed with `low` and `high`.
    #[serde(default)]
    pub undetermined: Option<String>,
}

/// A dataset, or a year of it, without which a test says nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// The dataset.
    pub dataset: DatasetId,
    /// The year, where it needs one.
    #[serde(default)]
    pub year: Option<i32>,
    /// With `year`: the last of several years, all of which it needs.
    #[serde(default)]
    pub through: Option<i32>,
    /// Which rows it needs, as a condition in portable SQL.
    #[serde(default, rename = "where")]
    pub condition: Option<String>,
}

/// What is expected of a number or a word: of `column` exactly one of `is`, `above`, `below`; of a number that is only known
/// to lie from `low` to `high` exactly one of `above`, `below`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The column.
    #[serde(default)]
    pub column: Option<String>,
    /// The column with the least that the number can be.
    #[serde(default)]
    pub low: Option<String>,
    /// The column with the most that it can be.
    #[serde(default)]
    pub high: Option<String>,
    /// This value.
    #[serde(default)]
    pub is: Option<Want>,
    /// With `is` a number: how far off it may be, as a share of it.
    #[serde(default)]
    pub within: Option<f64>,
    /// More than this.
    #[serde(default)]
    pub above: Option<f64>,
    /// Less than this.
    #[serde(default)]
    pub below: Option<f64>,
}

/// A value that is expected.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Want {
    /// A number.
    Number(f64),
    /// A word.
    Text(String),
}

impl ClaimSet {
    /// Reads a set; `id` is the file's name without `.toml`. SQL that is not portable is refused here.
    pub fn parse(id: &str, text: &str) -> Result<Self> {
        let file: File = toml::from_str(text).map_err(|cause| {
            Error::new(Kind::Usage, format!("warehouse/claims/{id}.toml cannot be read")).caused_by(cause)
        })?;
        let mut seen = BTreeSet::new();
        for claim in &file.claim {
            let at = |message: String| Error::new(Kind::Usage, format!("warehouse/claims/{id}.toml: {message}"));
            if !seen.insert(&claim.id) {
                return Err(at(format!("two claims are called `{}`", claim.id)));
            }
            match (&claim.not_checkable, claim.tests.is_empty()) {
                (None, true) => return Err(at(format!("claim `{}` has no test", claim.id))),
                (Some(_), false) => {
                    return Err(at(format!("claim `{}` has tests, and says that it is not checkable", claim.id)));
                }
                _ => {}
            }
            for test in &claim.tests {
                test.check(&claim.id).map_err(at)?;
                let what = format!("warehouse/claims/{id}.toml, claim `{}`", claim.id);
                portable::lint(&what, &test.sql)?;
                for condition in test.needs.iter().flat_map(|need| &need.condition) {
                    portable::lint(&what, condition)?;
                }
            }
        }
        Ok(Self { id: id.to_owned(), title: file.title, pin: file.pin, figures: file.figures, claims: file.claim })
    }
}

impl Test {
    fn check(&self, claim: &str) -> std::result::Result<(), String> {
        if self.expect.is_empty() {
            return Err(format!("a test of claim `{claim}` expects nothing"));
        }
        for expect in &self.expect {
            expect.check().map_err(|message| format!("claim `{claim}` {message}"))?;
        }
        if self.expect.iter().any(|expect| expect.low.is_some()) != self.undetermined.is_some() {
            return Err(format!(
                "a test of claim `{claim}` needs both `low` with `high` and `undetermined`, or none of them"
            ));
        }
        if self.needs.iter().any(|need| need.through.is_some() && need.through < need.year.or(Some(i32::MAX))) {
            return Err(format!("a test of claim `{claim}` needs years that end before they begin"));
        }
        if self.present.is_some() != self.absent.is_some() {
            return Err(format!("a test of claim `{claim}` needs both `present` and `absent`, or neither"));
        }
        for text in [&self.holds, &self.refuted].into_iter().chain(&self.absent).chain(&self.undetermined) {
            template::check(text).map_err(|message| format!("claim `{claim}`: {message}"))?;
        }
        Ok(())
    }
}

impl Expect {
    fn check(&self) -> std::result::Result<(), String> {
        let of = match (&self.column, &self.low, &self.high) {
            (Some(column), None, None) => column.clone(),
            (None, Some(low), Some(high)) => format!("{low} to {high}"),
            _ => return Err("must expect something of `column`, or of `low` and `high`".to_owned()),
        };
        let count = usize::from(self.is.is_some()) + [self.above, self.below].iter().flatten().count();
        if count != 1 {
            return Err(format!("must expect exactly one of `is`, `above` and `below` of `{of}`"));
        }
        if self.is.is_some() && self.column.is_none() {
            return Err(format!("can expect of `{of}` that it is `above` or `below`, not what it `is`"));
        }
        if self.within.is_some() && !matches!(self.is, Some(Want::Number(_))) {
            return Err(format!("uses `within` of `{of}`: `within` needs `is` with a number"));
        }
        Ok(())
    }
}
