//! What a process of the daemon's does: one run, under a claim that the daemon holds, and a [`Report`] of how it ended.
//!
//! It ends with the daemon: its standard input is a pipe of the daemon's, and when that is closed, nobody waits for it any more.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::sync::Mutex;

use jiff::Timestamp;
use model::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use store::gc::Rules;
use store::ledger::{Alarm, Claim, Ledger, State};
use store::{Origin, Warehouse};

use crate::cli::network;
use crate::cli::run::{Going, fetch, land};
use crate::config::{Config, now};
use crate::daemon::core::{GC, PUBLISH, VERIFY};
use crate::holding::Holding;
use crate::progress::Progress;
use crate::project::Project;
use crate::work::Work;
use crate::{publish, report, stop};

/// The name of the fact under which the daemon finds what was verified.
pub const VERIFIED: &str = "verified";

/// The alarm that committed files are damaged, and what it is about.
pub const DAMAGED: &str = "snapshot-damaged";
const NEWEST: &str = "newest";

/// How a run ended, told by its process in a line of JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// Where the run stands; [`State::Failed`] also where another attempt may help.
    pub state: State,
    /// The snapshot that it committed.
    pub snapshot: Option<u64>,
    /// The kind of failure in a word.
    pub kind: Option<String>,
    /// What failed.
    pub message: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether another attempt may help.
    pub retry: bool,
    /// Whether it ended because it was asked to.
    pub stopped: bool,
    /// The end of the newest period that each dataset it looked at has data of.
    pub newest: BTreeMap<String, Option<Timestamp>>,
    /// In which snapshot it looked; 0 where it did not.
    pub looked: u64,
    /// What it learned of the warehouse, by name.
    pub facts: BTreeMap<String, String>,
    /// Models that could not be made, and why.
    pub remarks: Vec<String>,
    /// What an operator must know.
    pub alarms: Vec<Alarm>,
    /// Name and subject of alarms that are over; one that is to be raised as well was another.
    pub over: BTreeSet<(String, String)>,
}

impl Report {
    fn done(state: State, snapshot: Option<u64>) -> Self {
        Self {
            state,
            snapshot,
            kind: None,
            message: None,
            hint: None,
            retry: false,
            stopped: false,
            newest: BTreeMap::new(),
            looked: 0,
            facts: BTreeMap::new(),
            remarks: Vec::new(),
            alarms: Vec::new(),
            over: BTreeSet::new(),
        }
    }

    fn failed(error: &Error) -> Self {
        let damaged = (error.kind() == Kind::Damaged).then(|| {
            let next = "tollhouse snapshot verify --repair";
            Alarm::up(DAMAGED, NEWEST, report::in_a_line(error), next, now())
        });
        // What a later visit may find otherwise: an absent publisher, a rival, a full disk. What a person must look at is
        // not asked for again and again.
        let retry = error.is_retryable() || matches!(error.kind(), Kind::Unreachable | Kind::LostRace | Kind::Io);
        Self {
            kind: Some(report::word(error.kind()).to_owned()),
            message: Some(report::in_a_line(error)),
            hint: error.hint_text().map(ToOwned::to_owned),
            retry,
            stopped: stop::is_asked(),
            alarms: damaged.into_iter().collect(),
            ..Self::done(State::Failed, None)
        }
    }
}

/// What a run works with.
pub struct Bench<'a> {
    /// The claim.
    pub claim: Claim,
    /// The declarations.
    pub project: &'a Project,
    /// The configuration.
    pub config: &'a Config,
    /// The root.
    pub root: &'a Path,
    /// The replica's address, where it is asked instead of publishers.
    pub replica: Option<&'a str>,
}

/// Does the work of a run.
pub fn work(bench: &Bench<'_>) -> Report {
    let done = match bench.claim.job.as_str() {
        PUBLISH => publish(bench),
        VERIFY => verify(bench),
        GC => collect(bench),
        dataset => one(bench, dataset),
    };
    done.unwrap_or_else(|error| Report::failed(&error))
}

/// Ends this process when the daemon is no more.
pub fn watch_parent() {
    std::thread::spawn(|| {
        let mut nothing = [0; 64];
        // The daemon never writes there: a byte is as odd as an error, the end is the daemon's end.
        while std::io::stdin().read(&mut nothing).is_ok_and(|read| read > 0) {}
        // Nothing is said: whoever read what this process logs is gone too, and to write there would end this thread alone.
        std::process::exit(i32::from(report::exit_code(Kind::LostRace)));
    });
}

/// Fetches, stages and commits one dataset.
fn one(bench: &Bench<'_>, dataset: &str) -> Result<Report> {
    let (project, config) = (bench.project, bench.config);
    let dataset = project.dataset(dataset)?;
    let origin = if bench.replica.is_some() { Origin::Replica } else { Origin::Live };
    if origin == Origin::Live {
        config.check_terms(dataset)?;
    }
    let warehouse = Warehouse::open_or_create(bench.root, origin, now())?;
    let holding = Mutex::new(Some(Holding::given(&warehouse, bench.claim.clone())?));
    let progress = Progress::new(true);
    let datasets = [dataset];
    let going = Going {
        project,
        warehouse: &warehouse,
        datasets: &datasets,
        config,
        replica: bench.replica,
        progress: &progress,
        commit: true,
        only: bench.claim.what.as_deref(),
    };
    let (runtime, engine) = network(project, config, &warehouse, &datasets, bench.replica)?;
    let mut done = match fetch(&going, &runtime, &engine, dataset, &holding)? {
        Work::Unchanged => Report::done(State::Unchanged, None),
        Work::Staged(staged) => {
            let (summary, committed) = land(&going, &mut [*staged], &holding)?;
            let snapshot = committed.snapshot.as_ref().map(|snapshot| snapshot.number);
            let state = if snapshot.is_some() { State::Succeeded } else { State::Unchanged };
            let remarks = committed.failures.iter().map(report::in_a_line).chain(summary.left_out).collect();
            Report { remarks, ..Report::done(state, snapshot) }
        }
    };
    // The data are committed whatever becomes of this look at them.
    match newest(bench, &warehouse, &[dataset.id.as_str()]) {
        Ok((looked, newest)) => (done.looked, done.newest) = (looked, newest),
        Err(error) => done.remarks.push(report::in_a_line(&error.while_doing("looking how far the data reach"))),
    }
    Ok(done)
}

/// How far the data of datasets reach.
type Newest = BTreeMap<String, Option<Timestamp>>;

/// How far the data of these datasets reach, and in which snapshot.
fn newest(bench: &Bench<'_>, warehouse: &Warehouse, datasets: &[&str]) -> Result<(u64, Newest)> {
    let project = bench.project;
    let session = query::Session::open(warehouse, warehouse.resolve(None)?, &project.datasets, &project.vocabulary)?;
    let mut found = Newest::new();
    for id in datasets {
        let newest = query::reach::newest(&session, project.dataset(id)?)?;
        found.insert((*id).to_owned(), newest);
    }
    Ok((session.snapshot(), found))
}

/// Draws the figures and judges the claims of the newest snapshot, and looks how far all data reach.
fn publish(bench: &Bench<'_>) -> Result<Report> {
    let warehouse = Warehouse::open(bench.root)?;
    let published = publish::publish(&warehouse, bench.project)?;
    let mut done = Report::done(State::Succeeded, None);
    done.facts = published.facts()?;
    if let Some(ledger) = Ledger::look(bench.root)? {
        let publish::Alarms { up, over } = published.alarms(&ledger)?;
        (done.alarms, done.over) = (up, over);
    }
    let fetched = bench.project.datasets.iter().filter(|dataset| crate::work::is_fetched(dataset).unwrap_or(false));
    let names: Vec<&str> = fetched.map(|dataset| dataset.id.as_str()).collect();
    (done.looked, done.newest) = newest(bench, &warehouse, &names)?;
    done.remarks = published.failures.iter().map(|(what, why)| format!("{what}: {why}")).collect();
    Ok(done)
}

/// Hashes every file that the newest snapshot names.
fn verify(bench: &Bench<'_>) -> Result<Report> {
    let warehouse = Warehouse::open(bench.root)?;
    let Some(head) = warehouse.head()? else { return Ok(Report::done(State::Unchanged, None)) };
    let report = warehouse.verify(Some(&[head.number]))?;
    if let Some(first) = report.damage.first() {
        let more = report.damage.len() - 1;
        return Err(Error::new(
            Kind::Damaged,
            format!(
                "snapshot {}: {first}{}",
                head.number,
                if more > 0 { format!(", and {more} more") } else { String::new() }
            ),
        )
        .hint("`tollhouse snapshot verify --repair` makes parts again from captures"));
    }
    let mut done = Report::done(State::Succeeded, None);
    done.facts.insert(VERIFIED.to_owned(), head.number.to_string());
    done.over.insert((DAMAGED.to_owned(), NEWEST.to_owned()));
    Ok(done)
}

/// Removes what neither the operator's rules nor a pin keeps.
fn collect(bench: &Bench<'_>) -> Result<Report> {
    let daemon = &bench.config.daemon;
    let warehouse = Warehouse::open(bench.root)?;
    let rules = Rules { newest: Some(daemon.gc_keep), days: Some(daemon.gc_days), captures_days: None };
    let report = warehouse.gc(&rules, true, now())?;
    if report.at_work {
        return Err(Error::new(Kind::LostRace, "somebody writes in this warehouse, so nothing was removed").retryable());
    }
    let mut done = Report::done(if report.files.is_empty() { State::Unchanged } else { State::Succeeded }, None);
    done.facts
        .insert("collected".to_owned(), format!("{} snapshots, {} files", report.snapshots.len(), report.files.len()));
    Ok(done)
}
