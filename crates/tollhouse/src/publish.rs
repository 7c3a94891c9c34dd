//! Figures and verdicts of the newest snapshot, made anew after a commit for whoever looks at the status page.
//!
//! A figure whose data are not loaded waits; one that cannot be drawn though they are is an alarm. So is a verdict that is
//! another than the one before it.

use std::collections::{BTreeMap, BTreeSet};

use model::{Error, Result, ResultExt as _};
use query::Session;
use query::figures::{self, Attempt, Spec};
use serde::{Deserialize, Serialize};
use store::Warehouse;
use store::ledger::{Alarm, Ledger};
use utoipa::ToSchema;

use crate::cli::figure;
use crate::config::now;
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
    /// Why it is not drawn, where it is not.
    pub failed: Option<String>,
}

/// A published statement and what became of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Verdict {
    /// The set of claims.
    pub set: String,
    /// The claim's name in it; empty where an older program wrote this down.
    #[serde(default)]
    pub claim: String,
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
    /// What could not be made, drawn or judged, and why.
    pub failures: Vec<(String, String)>,
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

/// The name of the alarm that figures or verdicts could not be made.
pub const FAILED: &str = "figures-failed";
/// The name of the alarm that a verdict is another than before.
pub const CHANGED: &str = "verdict-changed";

/// What an operator must know of it, and which alarms are over.
#[derive(Debug, Default)]
pub struct Alarms {
    /// Those to be raised.
    pub up: Vec<Alarm>,
    /// Name and subject of those that are over.
    pub over: BTreeSet<(String, String)>,
}

impl Published {
    /// Notes that a figure could not be made, and says why in a line.
    fn note(&mut self, spec: &Spec, error: Option<Error>) -> Option<String> {
        let why = error.map(|error| report::in_a_line(&error));
        self.failures.extend(why.iter().map(|why| (format!("figure {}", spec.id), why.clone())));
        why
    }

    /// The alarms that follow, beside what the ledger knows of the judgement before.
    pub fn alarms(&self, ledger: &Ledger) -> Result<Alarms> {
        let mut alarms = Alarms::default();
        let (subject, now) = (crate::daemon::core::PUBLISH, now());
        let failed: Vec<&str> = self.failures.iter().map(|(what, _)| what.as_str()).collect();
        if failed.is_empty() {
            alarms.over.insert((FAILED.to_owned(), subject.to_owned()));
        } else {
            // Why, the log of the run says, each time.
            let text = format!("could not be made: {}", failed.join(", "));
            alarms.up.push(Alarm::up(FAILED, subject, text, "tollhouse figure build", now));
        }
        // What an older program wrote down differently is no change of a verdict.
        let before = ledger.fact(VERDICTS)?.map(|(text, _)| text).unwrap_or_default();
        let before: Vec<Verdict> = serde_json::from_str(&before).unwrap_or_default();
        let before: BTreeMap<_, _> = before.iter().map(|one| ((&one.set, &one.claim), one)).collect();
        for one in &self.verdicts {
            let subject = format!("{}/{}", one.set, one.claim);
            if let Some(old) = before.get(&(&one.set, &one.claim)).filter(|old| old.verdict != one.verdict) {
                let text = format!(
                    "\"{}\": {} by snapshot {}, {} by snapshot {}: {}",
                    one.statement, old.verdict, old.snapshot, one.verdict, one.snapshot, one.reason
                );
                let next = format!("tollhouse claims {} --at {}", one.set, old.snapshot);
                alarms.up.push(Alarm::up(CHANGED, &subject, text, &next, now));
            }
            // The change before this judgement has been told of.
            alarms.over.insert((CHANGED.to_owned(), subject));
        }
        Ok(alarms)
    }
}

/// Draws every figure into `figures/` below the root and judges every claim. One that fails leaves the others alone.
pub fn publish(warehouse: &Warehouse, project: &Project) -> Result<Published> {
    let session = Session::open(warehouse, warehouse.resolve(None)?, &project.datasets, &project.vocabulary)?;
    let folder = warehouse.root().join("figures");
    let mut published = Published::default();
    let failed = session.failed_models().map(|(model, why)| (format!("model {model}"), why.to_owned()));
    published.failures.extend(failed);
    for spec in &project.figures {
        let failed = match figures::attempt(&session, spec, project.declared())? {
            Attempt::Waits(tables) => Some(format!("not loaded yet: {}", tables.join(", "))),
            Attempt::Drawn(drawn) => published.note(spec, figure::write(*drawn, &folder).err()),
            Attempt::Failed(error) => published.note(spec, Some(error)),
        };
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
                claim: one.id,
                statement: one.statement,
                verdict: one.verdict.as_str().to_owned(),
                reason: one.reason,
                snapshot: session.snapshot(),
            })),
            Err(error) => published.failures.push((format!("claims {}", set.id), report::in_a_line(&error))),
        }
    }
    Ok(published)
}
