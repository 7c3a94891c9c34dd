//! `run`: fetch and commit now.

use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};

use clap::Args;
use ingest::fetch::Engine;
use ingest::run::Progress as Step;
use model::dataset::Dataset;
use model::{Error, Kind, Result, ResultExt as _};
use store::commit::Staged;
use store::ledger::{Ended, Ledger, State};
use store::{Origin, Warehouse};

use super::status::known;
use super::{Context, network};
use crate::config::now;
use crate::daemon::jobs::{self, Ordered};
use crate::holding::{Holding, failed};
use crate::output::{grouped, print_json, say, table};
use crate::progress::Progress;
use crate::project::Project;
use crate::work::{self, Committed, Summary, Work};
use crate::{report, stop};

#[derive(Args)]
pub struct Run {
    /// The datasets to run, or --all; `tollhouse datasets` lists them
    #[arg(value_name = "DATASET", required_unless_present = "all")]
    datasets: Vec<String>,
    /// Run every dataset
    #[arg(long, conflicts_with = "datasets")]
    all: bool,
    /// Fetch and check, commit nothing, and say what would change; what was fetched stays in the archive
    #[arg(long)]
    dry_run: bool,
    /// Run against the loopback replica: the program's own, or the one at an address on this machine
    #[arg(long, value_name = "BASE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    replica: Option<String>,
    /// Let the daemon do it: queue a run of each of these jobs, `_publish`, `_verify` and `_gc` among them
    #[arg(long, conflicts_with_all = ["all", "dry_run", "replica"])]
    queue: bool,
}

impl Run {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        if self.queue {
            return queue(context, &self.datasets);
        }
        let project = context.project()?;
        let datasets = self.choose(&project)?;
        let own = match self.replica.as_deref() {
            Some("") => Some(start_replica()?),
            _ => None,
        };
        let base = own.as_ref().map(replica::Replica::base).or(self.replica.clone().filter(|base| !base.is_empty()));
        let origin = if base.is_some() { Origin::Replica } else { Origin::Live };
        let config = context.config()?;
        if origin == Origin::Live {
            for dataset in &datasets {
                config.check_terms(dataset)?;
            }
        }
        // A dry run makes no warehouse where there is none.
        let passing = match self.dry_run && !context.root().join("tollhouse.json").is_file() {
            true => Some(tempfile::tempdir().or_error(Kind::Io, "cannot make a temporary folder")?),
            false => None,
        };
        let root = passing.as_ref().map_or(context.root(), tempfile::TempDir::path);
        let warehouse = Warehouse::open_or_create(root, origin, now())?;
        let progress = context.progress();
        let (summary, failures) = go(&Going {
            project: &project,
            warehouse: &warehouse,
            datasets: &datasets,
            config: &config,
            replica: base.as_deref(),
            progress: &progress,
            commit: !self.dry_run,
            only: None,
        })?;
        progress.finish();
        if context.json() {
            print_json(&summary)?;
        } else {
            tell(&summary, self.dry_run);
        }
        match failures.into_iter().next() {
            None => Ok(ExitCode::SUCCESS),
            Some(kind) => Ok(ExitCode::from(report::exit_code(kind))),
        }
    }

    fn choose<'a>(&self, project: &'a Project) -> Result<Vec<&'a Dataset>> {
        if self.all {
            return Ok(project.datasets.iter().collect());
        }
        self.datasets.iter().map(|id| project.dataset(id)).collect()
    }
}

/// Queues a run of each job for the daemon; nothing where one of them is none.
fn queue(context: &Context, names: &[String]) -> Result<ExitCode> {
    let warehouse = context.warehouse()?;
    let (project, config) = (context.project()?, context.config()?);
    let all = jobs::of(&project, &config, warehouse.origin() == Origin::Replica)?;
    let jobs = names.iter().map(|name| known(&all, name)).collect::<Result<Vec<_>>>()?;
    let (mut ledger, _) = Ledger::open(&warehouse, now())?;
    let mut runs = Vec::new();
    for job in jobs {
        let ordered = jobs::order(&mut ledger, job, now())?;
        if !context.json() {
            say(&match &ordered {
                Ordered::Queued(run) => format!("{} is queued: the daemon begins it.", run.id),
                Ordered::Waits(run) => format!("{} waits already.", run.id),
            });
        }
        let (Ordered::Queued(run) | Ordered::Waits(run)) = ordered;
        runs.push(run);
    }
    if context.json() {
        print_json(&runs)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a run needs.
pub struct Going<'a> {
    pub project: &'a Project,
    pub warehouse: &'a Warehouse,
    pub datasets: &'a [&'a Dataset],
    pub config: &'a crate::config::Config,
    pub replica: Option<&'a str>,
    pub progress: &'a Progress,
    pub commit: bool,
    /// The only slice that is meant, by name; all without.
    pub only: Option<&'a str>,
}

/// Runs the datasets one after the other and commits what succeeded, once. A dataset or model that fails is told of and
/// leaves the others alone; the kinds of the failures come back.
pub fn go(going: &Going<'_>) -> Result<(Summary, Vec<Kind>)> {
    let mut failures = Vec::new();
    let mut datasets = Vec::new();
    for dataset in going.datasets {
        if going.replica.is_none() && going.config.needs_person(dataset)? {
            failures.push(Kind::Usage);
            report::print(
                &Error::new(Kind::Usage, format!("{}: its publisher serves it only to a person", dataset.id)).hint(
                    format!(
                        "make the export that `tollhouse recipe show {}` describes, then `tollhouse import` it; \
                         or keep exports on a share of yours and name it under [hosts] in tollhouse.toml",
                        dataset.id
                    ),
                ),
            );
        } else if work::is_fetched(dataset)? {
            // Where nothing is declared to be fetched, all of it comes by import.
            datasets.push(*dataset);
        }
    }
    // What commits nothing is no run of its job.
    let holding = if going.commit { Some(Holding::of(going.warehouse, &datasets)?) } else { None };
    let holding = Mutex::new(holding);
    let done = fetch_and_land(going, &datasets, &holding, &mut failures);
    if let (Err(error), Some(holding)) = (&done, locked(&holding).as_mut()) {
        holding.fail(error)?;
    }
    Ok((done?, failures))
}

fn fetch_and_land(
    going: &Going<'_>,
    datasets: &[&Dataset],
    holding: &Mutex<Option<Holding>>,
    failures: &mut Vec<Kind>,
) -> Result<Summary> {
    let (runtime, engine) = network(going.project, going.config, going.warehouse, datasets, going.replica)?;
    let mut unchanged = Vec::new();
    let mut staged = Vec::new();
    for dataset in datasets {
        match fetch(going, &runtime, &engine, dataset, holding) {
            Ok(Work::Unchanged) => {
                going.progress.done(&format!("{}: unchanged", dataset.id));
                ended(holding, dataset.id.as_str(), Ended::well(State::Unchanged, None))?;
                unchanged.push(dataset.id.clone());
            }
            Ok(Work::Staged(one)) => staged.push(*one),
            Err(error) => {
                ended(holding, dataset.id.as_str(), failed(&error))?;
                failures.push(error.kind());
                report::print(&error.while_doing(&dataset.id));
            }
        }
    }
    let (mut summary, committed) = land(going, &mut staged, holding)?;
    summary.unchanged = unchanged;
    let snapshot = committed.snapshot.as_ref().map(|snapshot| snapshot.number);
    failures.extend(summary.take(committed));
    for change in &staged {
        let state = if snapshot.is_some() { State::Succeeded } else { State::Unchanged };
        ended(holding, change.dataset.as_str(), Ended::well(state, snapshot))?;
    }
    Ok(summary)
}

fn locked(holding: &Mutex<Option<Holding>>) -> MutexGuard<'_, Option<Holding>> {
    holding.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ended(holding: &Mutex<Option<Holding>>, dataset: &str, ended: Ended) -> Result<()> {
    locked(holding).as_mut().map_or(Ok(()), |holding| holding.end(dataset, ended))
}

/// Fetches and stages one dataset, and writes down what it did; stops where the process was asked to.
pub fn fetch(
    going: &Going<'_>,
    runtime: &tokio::runtime::Runtime,
    engine: &Engine,
    dataset: &Dataset,
    holding: &Mutex<Option<Holding>>,
) -> Result<Work> {
    let asked = Mutex::new(String::new());
    let step = |step: Step<'_>| {
        stop::check()?;
        let told = match step {
            Step::Asking(url) => {
                url.clone_into(&mut asked.lock().unwrap_or_else(PoisonError::into_inner));
                None
            }
            Step::Got { bytes, unchanged } => {
                let url = asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Some(("fetch", serde_json::json!({ "url": url, "bytes": bytes, "unchanged": unchanged })))
            }
            Step::Reading(_) => None,
            Step::Staged { slice, rows } => Some(("stage", serde_json::json!({ "slice": slice, "rows": rows }))),
        };
        if let (Some((stage, what)), Some(holding)) = (told, locked(holding).as_mut()) {
            holding.step(dataset.id.as_str(), stage, &what)?;
        }
        going.progress.step(dataset.id.as_str(), step)
    };
    let work =
        work::fetch_and_stage(going.project, going.config, going.warehouse, engine, (dataset, going.only), &step);
    runtime.block_on(async {
        tokio::select! {
            done = work => done,
            error = stop::asked() => Err(error),
        }
    })
}

/// Commits what was staged, unless a run was taken over meanwhile, and writes down which checks it passed.
pub fn land(
    going: &Going<'_>,
    staged: &mut [Staged],
    holding: &Mutex<Option<Holding>>,
) -> Result<(Summary, Committed)> {
    let left_out = work::settle(going.project, going.warehouse, staged)?;
    let summary = Summary { left_out, slices: work::summarise(going.warehouse, staged)?, ..Summary::default() };
    for change in staged.iter() {
        for certificate in &change.certificates {
            let checks: Vec<_> = certificate.checks.iter().map(|check| check.name.as_str()).collect();
            let what = serde_json::json!({
                "release": certificate.release.as_str(), "slice": certificate.slice, "passed": checks });
            if let Some(holding) = locked(holding).as_mut() {
                holding.step(change.dataset.as_str(), "gate", &what)?;
            }
        }
    }
    let finish = if going.commit { work::commit } else { work::rehearse };
    let fence = || {
        stop::check()?;
        locked(holding).as_ref().map_or(Ok(()), Holding::fence)
    };
    let committed = finish(going.project, going.config, going.warehouse, staged, &fence)?;
    if let (Some(snapshot), Some(holding)) = (&committed.snapshot, locked(holding).as_mut()) {
        for change in staged.iter() {
            let what = serde_json::json!({ "snapshot": snapshot.number });
            holding.step(change.dataset.as_str(), "commit", &what)?;
        }
    }
    Ok((summary, committed))
}

/// Tells what a run did.
pub fn tell(summary: &Summary, dry_run: bool) {
    if !summary.slices.is_empty() {
        let rows = summary.slices.iter().map(|slice| {
            vec![
                slice.dataset.to_string(),
                slice.release.clone(),
                if slice.grade == "publisher" {
                    slice.slice.clone()
                } else {
                    format!("{} ({})", slice.slice, slice.grade)
                },
                grouped(slice.kept),
                grouped(slice.totals),
                grouped(slice.rejected),
                slice.before.map_or_else(|| "new".to_owned(), grouped),
            ]
        });
        say(&table(&["dataset", "release", "slice", "rows", "totals", "rejected", "before"], rows));
    }
    for why in &summary.left_out {
        say(&format!("Left out: {why}."));
    }
    for model in &summary.models {
        let line = match (model.outcome, model.rows) {
            ("built", Some(rows)) => format!("Model {}: {} rows.", model.model, grouped(rows)),
            ("left", _) => format!("Model {} is no longer declared, and left.", model.model),
            ("failed", _) => format!("Model {} failed, and has no rows now.", model.model),
            _ => continue,
        };
        say(&line);
    }
    match (summary.snapshot, dry_run) {
        (Some(number), _) => say(&format!("Committed snapshot {number}.")),
        (None, true) => say("Dry run: nothing was committed."),
        (None, false) if summary.slices.is_empty() && !summary.unchanged.is_empty() => say(&format!(
            "Nothing to commit: {} of {} datasets asked with conditions, and the publishers say that all are unchanged.",
            summary.unchanged.len(),
            summary.unchanged.len()
        )),
        (None, false) => say("Nothing was committed."),
    }
}

/// The program's own replica.
pub fn start_replica() -> Result<replica::Replica> {
    replica::Replica::start_blocking(replica::Options::default())
        .map_err(|cause| Error::new(Kind::Internal, "the replica does not start").caused_by(cause))
}
