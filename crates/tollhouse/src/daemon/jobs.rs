//! The daemon's jobs: one for each dataset that a program can fetch, and a few of the warehouse's own.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use model::dataset::Dataset;
use model::schedule::Schedule;
use model::{Error, Kind, Result};
use store::ledger::{JobLine, Ledger, Order, Run, State, Trigger};

use super::core::{GC, Job, PUBLISH, VERIFY};
use crate::config::{Config, hosts};
use crate::project::Project;
use crate::work::is_fetched;

/// The jobs that follow from the declarations and the configuration; against a replica, which serves everything, all of them.
///
/// Left out are datasets whose publisher serves them only to a person, and those whose terms the operator has not accepted.
///
/// Errors: [`Kind::Usage`] for a schedule of a dataset that there is not.
pub fn of(project: &Project, config: &Config, replica: bool) -> Result<Vec<Job>> {
    if let Some(odd) = config.schedules.keys().find(|name| project.dataset(name).is_err()) {
        return Err(Error::new(Kind::Usage, format!("[schedules.{odd}] is of no dataset"))
            .hint("`tollhouse datasets` lists them; tollhouse.toml names a schedule by its dataset"));
    }
    let mut jobs = Vec::new();
    for dataset in &project.datasets {
        let served = replica || !config.needs_person(dataset)? && config.check_terms(dataset).is_ok();
        if is_fetched(dataset)? && served {
            jobs.push(job(config, dataset)?);
        }
    }
    let own = |name: &str, schedule| Job { name: name.to_owned(), schedule, host: None, hosts: BTreeSet::new() };
    jobs.push(own(PUBLISH, None));
    jobs.push(own(VERIFY, config.daemon.verify.clone()));
    jobs.extend(config.daemon.gc.clone().map(|schedule| own(GC, Some(schedule))));
    Ok(jobs)
}

fn job(config: &Config, dataset: &Dataset) -> Result<Job> {
    let slices = ingest::extract::extractor(dataset)?.slices();
    let host = slices.first().and_then(|slice| slice.url.split("//").nth(1)).and_then(|rest| rest.split('/').next());
    Ok(Job {
        name: dataset.id.to_string(),
        schedule: Some(config.schedule(dataset)),
        host: host.map(ToOwned::to_owned),
        hosts: hosts(&[dataset])?,
    })
}

/// A job as it stands.
#[derive(Debug)]
pub struct Standing<'a> {
    /// The job.
    pub job: &'a Job,
    /// What the ledger knows of it.
    pub line: JobLine,
    /// When it is due next; none of one that only follows others.
    pub next: Option<Timestamp>,
    /// The end of the newest period that it has data of.
    pub newest: Option<Timestamp>,
    /// How old its data may be, where that binds.
    pub promise: Option<SignedDuration>,
    /// Whether they are older.
    pub stale: bool,
}

/// How jobs stand. `promises` says whether promises bind: a replica's data are of the past for ever. Without a ledger nothing
/// has run yet.
pub fn standing<'a>(
    jobs: impl IntoIterator<Item = &'a Job>,
    ledger: Option<&Ledger>,
    promises: bool,
    now: Timestamp,
) -> Result<Vec<Standing<'a>>> {
    let mut known = ledger.map_or(Ok(BTreeMap::new()), Ledger::jobs)?;
    let fresh = ledger.map_or(Ok(Vec::new()), Ledger::freshness)?;
    let reach: BTreeMap<String, Option<Timestamp>> = fresh.into_iter().map(|one| (one.dataset, one.newest)).collect();
    let each = jobs.into_iter().map(|job| {
        let line = known.remove(&job.name).unwrap_or_default();
        let newest = reach.get(&job.name).copied().flatten();
        let promise = promise(job, promises);
        Standing {
            job,
            next: job.schedule.as_ref().and_then(|schedule| schedule.next_after(line.through.unwrap_or(now).max(now))),
            line,
            newest,
            promise,
            stale: is_late(promise, newest, now),
        }
    });
    Ok(each.collect())
}

/// How old the data of a job may be, where that binds.
pub fn promise(job: &Job, promises: bool) -> Option<SignedDuration> {
    job.schedule.as_ref().and_then(Schedule::fresh).filter(|_| promises)
}

/// Whether data that reach so far are older than they may be.
pub fn is_late(promise: Option<SignedDuration>, newest: Option<Timestamp>, now: Timestamp) -> bool {
    promise.is_some_and(|promise| newest.is_none_or(|newest| now.duration_since(newest) > promise))
}

/// What became of an order.
#[derive(Debug)]
pub enum Ordered {
    /// A run was queued.
    Queued(Run),
    /// One waits already, which does the same.
    Waits(Run),
}

/// Queues a run of a job that a person asks for.
pub fn order(ledger: &mut Ledger, job: &Job, now: Timestamp) -> Result<Ordered> {
    let open = ledger.jobs()?.remove(&job.name).unwrap_or_default().open;
    if let Some(waiting) = open.into_iter().find(|run| run.state == State::Queued && run.what.is_none()) {
        return Ok(Ordered::Waits(waiting));
    }
    let length = job.schedule.as_ref().map_or(SignedDuration::from_hours(24), Schedule::deadline);
    let deadline = now.checked_add(length).unwrap_or(now);
    let order = Order { trigger: Trigger::Manual, not_before: now, deadline, what: None };
    ledger.order(&job.name, &order, now).map(Ordered::Queued)
}
