//! Figures and verdicts of the newest snapshot, made anew after a commit for whoever looks at the status page.

use std::collections::BTreeMap;

use model::{Result, ResultExt as _};
use query::Session;
use serde::{Deserialize, Serialize};
use store::Warehouse;

use crate::cli::figure;
use crate::project::Project;
use crate::report;

/// The name of the fact that holds the figures.
pub const FIGURES: &str = "figures";
/// The name of the fact that holds the verdicts.
pub const VERDICTS: &str = "verdicts";

/// A figure that was drawn, or why it was not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    /// Its name: `figures/<id>.svg` and `.png` lie below the root.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Of which snapshot it is.
    pub snapshot: u64,
    /// Why it could not be drawn, where it could not.
    pub failed: Option<String>,
}

/// A published statement and what became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verdict {
    /// The set of claims.
    pub set: String,
    /// The statement.
    pub statement: String,
    /// `holds`, `holds in part`, `refuted` or `not checkable`.
    pub verdict: String,
    /// A reason that can be quoted.
    pub reason: String,
    /// By which snapshot.
    pub snapshot: u64,
}

/// What was published.
#[derive(Debug, Default)]
pub struct Published {
    figures: Vec<Figure>,
    verdicts: Vec<Verdict>,
    /// What could not be drawn or judged, and why.
    pub failures: Vec<String>,
}

impl Published {
    /// What the daemon keeps of it.
    pub fn facts(&self) -> Result<BTreeMap<String, String>> {
        let cannot = "what was published cannot be written as JSON";
        let figures = serde_json::to_string(&self.figures).or_error(model::Kind::Internal, cannot)?;
        let verdicts = serde_json::to_string(&self.verdicts).or_error(model::Kind::Internal, cannot)?;
        Ok(BTreeMap::from([(FIGURES.to_owned(), figures), (VERDICTS.to_owned(), verdicts)]))
    }
}

/// Draws every figure into `figures/` below the root and judges every claim. One that fails leaves the others alone.
pub fn publish(warehouse: &Warehouse, project: &Project) -> Result<Published> {
    let session = Session::open(warehouse, warehouse.resolve(None)?, &project.datasets, &project.vocabulary)?;
    let folder = warehouse.root().join("figures");
    let mut published = Published::default();
    for spec in &project.figures {
        let drawn = figure::write(&session, spec, &folder);
        let failed = drawn.err().map(|error| report::in_a_line(&error));
        published.failures.extend(failed.iter().map(|why| format!("figure {}: {why}", spec.id)));
        published.figures.push(Figure {
            id: spec.id.clone(),
            title: spec.chart.title.clone(),
            snapshot: session.snapshot(),
            failed,
        });
    }
    for set in &project.claims {
        match query::claim::judge(&session, set) {
            Ok(judgements) => published.verdicts.extend(judgements.into_iter().map(|one| Verdict {
                set: set.id.clone(),
                statement: one.statement,
                verdict: one.verdict.as_str().to_owned(),
                reason: one.reason,
                snapshot: session.snapshot(),
            })),
            Err(error) => published.failures.push(format!("claims {}: {}", set.id, report::in_a_line(&error))),
        }
    }
    Ok(published)
}
