//! What is shown of the daemon over HTTP, and asked of it: the ledger and the loop's own sight, in the web's words.
//!
//! It reads and writes the ledger through a connection of its own for each question, as any other process would; the loop is only
//! told to look. So nothing that is asked can hold it up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use model::schedule::Schedule;
use model::{Error, Kind};
use store::Warehouse;
use store::ledger::{self, Filter, Ledger};
use store::state::State as Budgets;

use super::core::Job as Declared;
use super::jobs::{self, Ordered, Standing, is_late, promise};
use super::serve::{Seen, Shared};
use crate::cli::backfill;
use crate::config::{VERSION, now, uptime};
use crate::publish::{FIGURES, VERDICTS};
use crate::report;
use crate::web::metrics::{Budget, JobMetrics, Metrics, Reach, Rows, RunsEnded};
use crate::web::types::{
    Alarm, Attempt, Breaker, Check, Decision, DueLine, Ending, Figure, Freshness, Job, Outcome, Readiness, Run,
    RunDetail, RunFilter, Snapshot, SnapshotMark, State, Status, Step, Trigger, Verdict,
};
use crate::web::{self, Refusal};
use crate::worker::{DAMAGED, VERIFIED};

/// A scheduler that has not looked for so long is stuck.
const STUCK: Duration = Duration::from_secs(30);

/// One that has not for so long is better begun anew.
const DEAD: Duration = Duration::from_secs(120);

/// What requests by the hour are counted over.
const HOUR: Duration = Duration::from_secs(3600);

/// The daemon, as the web asks it.
pub struct Operator {
    shared: Arc<Shared>,
}

type Answer<T> = Result<T, Refusal>;

impl Operator {
    /// That of a daemon.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn ledger(&self) -> Answer<Ledger> {
        let none = || Refusal::Unavailable {
            what: "there is no run ledger".to_owned(),
            next: "see the daemon's log".to_owned(),
        };
        Ledger::look(&self.shared.root).map_err(refused)?.ok_or_else(none)
    }

    fn warehouse(&self) -> Answer<Warehouse> {
        Warehouse::open(&self.shared.root).map_err(refused)
    }

    fn declared<'a>(&self, seen: &'a Seen, name: &str) -> Answer<&'a Declared> {
        seen.jobs.get(name).ok_or_else(|| no_job(name))
    }

    /// How jobs stand now.
    fn standing<'a>(&self, jobs: impl IntoIterator<Item = &'a Declared>) -> Answer<Vec<Standing<'a>>> {
        jobs::standing(jobs, Some(&self.ledger()?), self.shared.promises(), now()).map_err(refused)
    }

    fn look(&self) {
        self.shared.bell.notify_one();
    }
}

impl web::Operator for Operator {
    fn status(&self) -> Answer<Status> {
        let (seen, ledger) = (self.shared.seen(), self.ledger()?);
        let alarms = ledger.alarms(false).map_err(refused)?;
        Ok(Status {
            version: VERSION.to_owned(),
            holder: self.shared.holder.clone(),
            root: self.shared.root.display().to_string(),
            origin: self.shared.origin.as_str().to_owned(),
            now: now(),
            started: self.shared.started,
            uptime_seconds: uptime().as_secs(),
            draining: seen.draining,
            held: seen.held,
            newest: seen.newest.map(|(number, at, _)| SnapshotMark { number, at }),
            verified: verified(&ledger)?,
            disk_free_bytes: seen.room.map_or(0, |(free, _)| free),
            alarms: alarms.len() as u64,
        })
    }

    fn jobs(&self) -> Answer<Vec<Job>> {
        let seen = self.shared.seen();
        Ok(self.standing(seen.jobs.values())?.into_iter().map(job_of).collect())
    }

    fn job(&self, name: &str) -> Answer<Job> {
        let seen = self.shared.seen();
        let standing = self.standing([self.declared(&seen, name)?])?;
        standing.into_iter().map(job_of).next().ok_or_else(|| no_job(name))
    }

    fn due(&self, job: &str, limit: u32) -> Answer<Vec<DueLine>> {
        self.declared(&self.shared.seen(), job)?;
        let lines = self.ledger()?.due(Some(job), limit).map_err(refused)?;
        Ok(lines.into_iter().map(due_of).collect())
    }

    fn runs(&self, filter: &RunFilter) -> Answer<Vec<Run>> {
        let ledger = self.ledger()?;
        if let Some(before) = &filter.before {
            ledger.run(before).map_err(refused)?.ok_or_else(|| no_run(before))?;
        }
        let filter = Filter {
            job: filter.job.clone(),
            state: filter.state.map(|state| state.as_str().to_owned()),
            before: filter.before.clone(),
            limit: filter.limit.get(),
        };
        Ok(ledger.runs(&filter).map_err(refused)?.into_iter().map(run_of).collect())
    }

    fn run(&self, id: &str) -> Answer<RunDetail> {
        let ledger = self.ledger()?;
        let run = ledger.run(id).map_err(refused)?.ok_or_else(|| no_run(id))?;
        let log = ledger.attempts(id).map_err(refused)?.into_iter().map(attempt_of).collect();
        let steps = ledger.steps(id).map_err(refused)?.into_iter().map(step_of).collect();
        Ok(RunDetail { run: run_of(run), log, steps })
    }

    fn snapshots(&self, before: Option<u64>, limit: u32) -> Answer<Vec<Snapshot>> {
        let warehouse = self.warehouse()?;
        let history = warehouse.history().map_err(refused)?;
        let mut pins: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for pin in warehouse.pins().map_err(refused)? {
            pins.entry(pin.snapshot).or_default().push(pin.name);
        }
        let all: BTreeSet<u64> = history.live.iter().chain(&history.gone).copied().collect();
        let newest = all.into_iter().rev().filter(|number| before.is_none_or(|before| *number < before));
        newest.take(limit as usize).map(|number| snapshot_of(&warehouse, number, &pins)).collect()
    }

    fn freshness(&self) -> Answer<Vec<Freshness>> {
        let (seen, ledger, now) = (self.shared.seen(), self.ledger()?, now());
        let promises = self.shared.promises();
        let each = ledger.freshness().map_err(refused)?.into_iter().map(|fresh| {
            let promise = seen.jobs.get(&fresh.dataset).and_then(|job| promise(job, promises));
            Freshness {
                late: is_late(promise, fresh.newest, now),
                promise_seconds: promise.map(seconds),
                dataset: fresh.dataset,
                newest: fresh.newest,
                snapshot: fresh.snapshot,
                looked: fresh.looked,
            }
        });
        Ok(each.collect())
    }

    fn alarms(&self, cleared: bool) -> Answer<Vec<Alarm>> {
        let all = self.ledger()?.alarms(cleared).map_err(refused)?;
        let each = all.into_iter().map(|alarm| Alarm {
            name: alarm.name,
            subject: alarm.subject,
            raised: alarm.raised,
            cleared: alarm.cleared,
            text: alarm.text,
            next: alarm.next,
        });
        Ok(each.collect())
    }

    fn breakers(&self) -> Answer<Vec<Breaker>> {
        let all = self.ledger()?.breakers().map_err(refused)?;
        let each = all.into_iter().map(|breaker| Breaker {
            host: breaker.host,
            failures: breaker.failures,
            until: breaker.until,
            why: breaker.why,
        });
        Ok(each.collect())
    }

    fn verdicts(&self) -> Answer<Vec<Verdict>> {
        fact(&self.ledger()?, VERDICTS)
    }

    fn figures(&self) -> Answer<Vec<Figure>> {
        fact(&self.ledger()?, FIGURES)
    }

    fn figure_file(&self, id: &str, ending: Ending) -> Answer<Vec<u8>> {
        let none = || Refusal::NotFound {
            what: format!("there is no figure `{id}`"),
            next: "the status page shows those that were drawn".to_owned(),
        };
        // Only what was published is served, whatever lies in that folder.
        if !web::Operator::figures(self)?.iter().any(|figure| figure.id == id) {
            return Err(none());
        }
        let path = self.shared.root.join("figures").join(format!("{id}.{}", ending.as_str()));
        std::fs::read(path).map_err(|_| none())
    }

    fn alive(&self) -> bool {
        self.shared.silent() < DEAD
    }

    fn ready(&self) -> Answer<Readiness> {
        let seen = self.shared.seen();
        let check = |name: &str, ok: bool, text: String| Check { name: name.to_owned(), ok, text };
        let silent = self.shared.silent();
        let scheduler = check("scheduler", silent < STUCK, format!("it decided {} s ago", silent.as_secs()));
        let damaged = self.ledger()?.alarms(false).map_err(refused)?;
        let damaged = damaged.into_iter().find(|alarm| alarm.name == DAMAGED);
        let snapshot = match (&seen.newest, damaged) {
            (_, Some(alarm)) => check("snapshot", false, alarm.text),
            (Some((number, _, Ok(()))), None) => {
                let hashed = match verified(&self.ledger()?)? {
                    Some(mark) => format!("every file of snapshot {} was hashed {}", mark.number, mark.at),
                    None => "no snapshot was hashed whole yet".to_owned(),
                };
                check("snapshot", true, format!("everything that snapshot {number} names is there; {hashed}"))
            }
            (Some((number, _, Err(why))), None) => check("snapshot", false, format!("snapshot {number}: {why}")),
            (None, None) => check("snapshot", true, "there is no snapshot yet".to_owned()),
        };
        let disk = match (&seen.held, seen.room) {
            (Some(why), _) => check("disk", false, why.clone()),
            (None, Some((free, _))) => check("disk", true, format!("{free} bytes are free")),
            (None, None) => check("disk", false, "nobody has looked yet".to_owned()),
        };
        let end = check("running", !seen.draining, if seen.draining { "it ends" } else { "it goes on" }.to_owned());
        let checks = vec![scheduler, snapshot, disk, end];
        Ok(Readiness { ready: checks.iter().all(|check| check.ok), checks })
    }

    fn metrics(&self) -> Answer<Metrics> {
        let (seen, ledger, now) = (self.shared.seen(), self.ledger()?, now());
        let runs = ledger.counted().map_err(refused)?.into_iter().map(|counted| RunsEnded {
            job: counted.job,
            state: state_of(&counted.state),
            runs: counted.runs,
            seconds: Duration::from_millis(counted.milliseconds).as_secs_f64(),
        });
        let runs = runs.collect();
        let reach = reach(&ledger)?;
        let promises = self.shared.promises();
        let data = seen.jobs.values().filter(|job| !job.name.starts_with('_')).map(|job| Reach {
            dataset: job.name.clone(),
            newest: reach.get(&job.name).copied().flatten(),
            promise_seconds: promise(job, promises).map(seconds),
        });
        let data = data.collect();
        let breakers = ledger.breakers().map_err(refused)?;
        let left_alone = |host: &String| {
            breakers.iter().any(|known| known.host == *host && known.until.is_some_and(|until| until > now))
        };
        let hosts: BTreeSet<String> = seen.jobs.values().filter_map(|job| job.host.clone()).collect();
        let budgets = Budgets::of(&self.shared.root);
        let mut used = Vec::new();
        for (host, limit) in &seen.hourly {
            let taken = budgets.used(host, HOUR, now).map_err(refused)?;
            used.push(Budget { host: host.clone(), used: taken, limit: u64::from(*limit) });
        }
        let rows = seen.counts.iter().map(|(dataset, [read, kept, totals, rejected])| Rows {
            dataset: dataset.clone(),
            kept: *kept,
            rejected: *rejected,
            totals: *totals,
            read: *read,
        });
        Ok(Metrics {
            version: VERSION.to_owned(),
            holder: self.shared.holder.clone(),
            runs,
            jobs: job_metrics(self.standing(seen.jobs.values())?, &ledger)?,
            rows: rows.collect(),
            data,
            breakers: hosts
                .into_iter()
                .map(|host| (left_alone(&host), host))
                .map(|(open, host)| (host, open))
                .collect(),
            budgets: used,
            disk_free_bytes: seen.room.map_or(0, |(free, _)| free),
            disk_used_bytes: seen.room.map_or(0, |(_, used)| used),
            snapshot_newest: seen.newest.map(|(number, ..)| number),
            snapshot_verified: verified(&ledger)?.map(|mark| mark.number),
            alarms: ledger
                .alarms(false)
                .map_err(refused)?
                .into_iter()
                .map(|alarm| (alarm.name, alarm.subject))
                .collect(),
            last_tick: seen.ticked.map(|(at, _)| at),
        })
    }

    fn order(&self, job: &str) -> Answer<Run> {
        let seen = self.shared.seen();
        let declared = self.declared(&seen, job)?;
        match jobs::order(&mut self.ledger()?, declared, now()).map_err(refused)? {
            Ordered::Queued(run) => {
                self.look();
                Ok(run_of(run))
            }
            Ordered::Waits(run) => Err(Refusal::Conflict {
                what: format!("{} waits already", run.id),
                next: format!("GET /api/v1/runs/{}", run.id),
            }),
        }
    }

    fn pause(&self, job: &str, why: &str) -> Answer<()> {
        self.declared(&self.shared.seen(), job)?;
        self.ledger()?.pause(job, Some(why), now()).map_err(refused)
    }

    fn resume(&self, job: &str) -> Answer<()> {
        self.declared(&self.shared.seen(), job)?;
        self.ledger()?.pause(job, None, now()).map_err(refused)?;
        self.look();
        Ok(())
    }

    fn backfill(&self, job: &str, from_year: i16, to_year: i16) -> Answer<Vec<Run>> {
        self.declared(&self.shared.seen(), job)?;
        let frozen = self.shared.frozen();
        let dataset = frozen.project.dataset(job).map_err(invalid)?;
        let (warehouse, mut ledger) = (self.warehouse()?, self.ledger()?);
        let plan = backfill::plan(&warehouse, &ledger, dataset, from_year.into(), to_year.into()).map_err(invalid)?;
        let queued = backfill::queue(&mut ledger, dataset, &plan).map_err(refused)?;
        self.look();
        Ok(queued.into_iter().map(run_of).collect())
    }

    fn cancel(&self, run: &str, why: &str) -> Answer<()> {
        let mut ledger = self.ledger()?;
        let known = ledger.run(run).map_err(refused)?.ok_or_else(|| no_run(run))?;
        if !ledger.cancel(run, why, now()).map_err(refused)? {
            return Err(Refusal::Conflict {
                what: format!("{run} has ended: {}", known.state.as_str()),
                next: format!("GET /api/v1/runs/{run}"),
            });
        }
        self.look();
        Ok(())
    }

    fn reload(&self) -> Answer<()> {
        // Looked at here first, so that whoever asks is told what is wrong; the loop does the same again.
        let found = self.shared.try_reload();
        found.map_err(|error| match error.kind() {
            Kind::Io => refused(error),
            _ => Refusal::Conflict {
                what: format!("the old set stays: {}", report::in_a_line(&error)),
                next: error.hint_text().unwrap_or("put it right, and ask again").to_owned(),
            },
        })
    }
}

/// An error of ours as the web tells it.
fn refused(error: Error) -> Refusal {
    Refusal::Unavailable {
        what: report::in_a_line(&error),
        next: error.hint_text().unwrap_or("see the daemon's log").to_owned(),
    }
}

/// An error of whoever asked.
fn invalid(error: Error) -> Refusal {
    match error.kind() {
        Kind::Usage => Refusal::Invalid {
            what: report::in_a_line(&error),
            next: error.hint_text().unwrap_or("ask for something else").to_owned(),
        },
        _ => refused(error),
    }
}

fn no_job(name: &str) -> Refusal {
    Refusal::NotFound { what: format!("there is no job `{name}`"), next: "GET /api/v1/jobs lists them".to_owned() }
}

fn no_run(id: &str) -> Refusal {
    Refusal::NotFound { what: format!("there is no run `{id}`"), next: "GET /api/v1/runs lists them".to_owned() }
}

fn seconds(length: SignedDuration) -> u64 {
    u64::try_from(length.as_secs()).unwrap_or_default()
}

/// A fact that is a list; empty where nobody has written it down yet.
fn fact<T: serde::de::DeserializeOwned>(ledger: &Ledger, name: &str) -> Answer<Vec<T>> {
    let Some((text, _)) = ledger.fact(name).map_err(refused)? else { return Ok(Vec::new()) };
    // What an older program wrote down is written down anew after the next commit.
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

fn verified(ledger: &Ledger) -> Answer<Option<SnapshotMark>> {
    let found = ledger.fact(VERIFIED).map_err(refused)?;
    Ok(found.and_then(|(number, at)| Some(SnapshotMark { number: number.parse().ok()?, at })))
}

fn reach(ledger: &Ledger) -> Answer<BTreeMap<String, Option<Timestamp>>> {
    let all = ledger.freshness().map_err(refused)?;
    Ok(all.into_iter().map(|fresh| (fresh.dataset, fresh.newest)).collect())
}

fn job_of(standing: Standing<'_>) -> Job {
    let Standing { job, line, next, newest, promise, stale } = standing;
    let schedule = job.schedule.as_ref();
    Job {
        name: job.name.clone(),
        schedule: schedule.map(Schedule::in_words),
        zone: schedule.map(|schedule| schedule.zone().to_owned()),
        next_due: next,
        paused: line.paused,
        paused_why: line.paused_why,
        host: job.host.clone(),
        last: line.last.map(run_of),
        open: line.open.into_iter().map(run_of).collect(),
        promise_seconds: promise.map(seconds),
        newest,
        stale,
    }
}

fn job_metrics(standing: Vec<Standing<'_>>, ledger: &Ledger) -> Answer<Vec<JobMetrics>> {
    let well: BTreeMap<String, Timestamp> = ledger.last_well().map_err(refused)?.into_iter().collect();
    let asked: BTreeMap<String, (u64, u64)> =
        ledger.asked().map_err(refused)?.into_iter().map(|one| (one.job, (one.bytes, one.requests))).collect();
    let each = standing.into_iter().map(|Standing { job, line, next, .. }| {
        let count = |state: ledger::State| line.open.iter().filter(|run| run.state == state).count() as u64;
        let took = line.last.as_ref().and_then(|run| Some(ledger::since(run.started?, run.ended?).as_secs_f64()));
        let (fetched_bytes, requests) = asked.get(&job.name).copied().unwrap_or_default();
        JobMetrics {
            job: job.name.clone(),
            last_success: well.get(&job.name).copied(),
            last_duration: took,
            queued: count(ledger::State::Queued),
            running: count(ledger::State::Running),
            paused: line.paused.is_some(),
            next_due: next,
            fetched_bytes,
            requests,
        }
    });
    Ok(each.collect())
}

fn snapshot_of(warehouse: &Warehouse, number: u64, pins: &BTreeMap<u64, Vec<String>>) -> Answer<Snapshot> {
    let origin = warehouse.origin().as_str().to_owned();
    if let Some(gone) = warehouse.gone(number).map_err(refused)? {
        return Ok(Snapshot {
            number,
            parent: gone.parent,
            created: gone.created,
            origin,
            program: None,
            datasets: None,
            pins: Vec::new(),
            removed: Some(gone.why),
        });
    }
    let snapshot = warehouse.snapshot(number).map_err(refused)?;
    Ok(Snapshot {
        number,
        parent: snapshot.parent,
        created: snapshot.created,
        origin,
        program: Some(snapshot.program),
        datasets: Some(snapshot.datasets.len() as u64),
        pins: pins.get(&number).cloned().unwrap_or_default(),
        removed: None,
    })
}

fn state_of(word: &str) -> State {
    let all = [State::Queued, State::Running, State::Succeeded, State::Unchanged, State::Failed, State::Cancelled];
    all.into_iter().find(|state| state.as_str() == word).unwrap_or(State::Failed)
}

fn run_of(run: ledger::Run) -> Run {
    Run {
        id: run.id,
        job: run.job,
        trigger: match run.trigger {
            ledger::Trigger::Schedule => Trigger::Schedule,
            ledger::Trigger::Manual => Trigger::Manual,
            ledger::Trigger::Backfill => Trigger::Backfill,
            ledger::Trigger::Commit => Trigger::Commit,
            ledger::Trigger::Rebuilt => Trigger::Rebuilt,
        },
        what: run.what,
        due: run.due,
        not_before: run.not_before,
        deadline: run.deadline,
        state: state_of(run.state.as_str()),
        holder: run.holder,
        attempts: run.attempts,
        created: run.created,
        started: run.started,
        ended: run.ended,
        kind: run.kind,
        message: run.message,
        hint: run.hint,
        snapshot: run.snapshot,
        cancel: run.cancel,
    }
}

fn attempt_of(attempt: ledger::Attempt) -> Attempt {
    let outcome = attempt.outcome.as_deref().map(|word| match word {
        "succeeded" => Outcome::Succeeded,
        "unchanged" => Outcome::Unchanged,
        "cancelled" => Outcome::Cancelled,
        "queued" => Outcome::Queued,
        "died" => Outcome::Died,
        _ => Outcome::Failed,
    });
    Attempt {
        number: attempt.number,
        holder: attempt.holder,
        started: attempt.started,
        ended: attempt.ended,
        outcome,
        kind: attempt.kind,
        message: attempt.message,
    }
}

fn step_of(step: ledger::Step) -> Step {
    let what = serde_json::from_str(&step.what).unwrap_or(serde_json::Value::String(step.what));
    Step { attempt: step.attempt, at: step.at, stage: step.stage, what }
}

fn due_of(line: ledger::DueLine) -> DueLine {
    let decision = match line.decision.as_str() {
        "run" => Decision::Run,
        "covered" => Decision::Covered,
        "overlapped" => Decision::Overlapped,
        "paused" => Decision::Paused,
        _ => Decision::Missed,
    };
    DueLine {
        job: line.job,
        due: line.due,
        through: line.through,
        count: line.count,
        decision,
        run: line.run,
        decided: line.decided,
    }
}
