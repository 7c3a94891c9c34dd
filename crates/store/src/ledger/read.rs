//! What is read from the ledger: for people, the web and metrics.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::{Kind, Result, ResultExt as _};
use rusqlite::{OptionalExtension as _, params};
use serde::Serialize;

use super::rows::{RUN, run_of};
use super::{Alarm, Breaker, Freshness, Ledger, Run, moment};

/// Which runs are meant.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this job only.
    pub job: Option<String>,
    /// In this state only: its word.
    pub state: Option<String>,
    /// Only those before this one in the list: the next page.
    pub before: Option<String>,
    /// So many at most.
    pub limit: u32,
}

/// An attempt at a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// Who made it.
    pub holder: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; none while it goes on.
    pub ended: Option<Timestamp>,
    /// How: the state that it would give the run, or `died`.
    pub outcome: Option<String>,
    /// The kind of failure.
    pub kind: Option<String>,
    /// What failed.
    pub message: Option<String>,
}

/// What an attempt did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which attempt.
    pub attempt: u32,
    /// When.
    pub at: Timestamp,
    /// `fetch`, `stage`, `gate` or `commit`.
    pub stage: String,
    /// What, as JSON.
    pub what: String,
}

/// A due time with what was decided about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DueLine {
    /// The job.
    pub job: String,
    /// The due time; the first of several.
    pub due: Timestamp,
    /// The last of several.
    pub through: Timestamp,
    /// How many.
    pub count: u64,
    /// What was decided.
    pub decision: String,
    /// The run.
    pub run: Option<String>,
    /// When it was decided.
    pub decided: Timestamp,
}

/// What the ledger knows of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct JobLine {
    /// Every due time up to here has its decision.
    pub through: Option<Timestamp>,
    /// Since when it is paused.
    pub paused: Option<Timestamp>,
    /// Why.
    pub paused_why: Option<String>,
    /// Its newest run that is over.
    pub last: Option<Run>,
    /// Its runs that are queued or running, oldest first.
    pub open: Vec<Run>,
}

/// How many runs of a job ended in a state, and how long they took in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// The job.
    pub job: String,
    /// The state.
    pub state: String,
    /// How many.
    pub runs: u64,
    /// How long they took in all, from their first attempts on, in milliseconds.
    pub milliseconds: u64,
}

/// What the runs of a job fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The job.
    pub job: String,
    /// How many pages it asked for.
    pub requests: u64,
    /// The bytes that came.
    pub bytes: u64,
}

/// The beginning of a question for what runs fetched: job, requests, bytes.
pub(super) const ASKED: &str =
    "SELECT run.job, count(*), coalesce(sum(CASE WHEN json_extract(step.what, '$.unchanged') THEN 0
    ELSE json_extract(step.what, '$.bytes') END), 0) FROM step JOIN run ON run.id = step.run WHERE stage = 'fetch'";

/// The beginning of a question for how runs ended: job, state, runs, milliseconds.
pub(super) const COUNTED: &str = "SELECT job, state, count(*), coalesce(sum(max(ended_ms - started_ms, 0)), 0) FROM run
    WHERE ended_ms IS NOT NULL AND trigger <> 'rebuilt'";

impl Ledger {
    /// What the runs of each job fetched, those that were forgotten among them.
    pub fn asked(&self) -> Result<Vec<Asked>> {
        let sql = format!(
            "SELECT job, sum(requests), sum(bytes) FROM (
                 SELECT job, requests, bytes FROM forgotten_requests UNION ALL {ASKED} GROUP BY run.job)
             GROUP BY job ORDER BY job"
        );
        let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
        self.rows(&sql, [], |row| {
            Ok(Asked { job: row.get(0)?, requests: unsigned(row.get(1)?), bytes: unsigned(row.get(2)?) })
        })
    }

    /// When each job last ended well.
    pub fn last_well(&self) -> Result<Vec<(String, Timestamp)>> {
        let sql =
            "SELECT job, max(ended_ms) FROM run WHERE state IN ('succeeded', 'unchanged') AND ended_ms IS NOT NULL
                   GROUP BY job ORDER BY job";
        self.rows(sql, [], |row| Ok((row.get(0)?, moment(row.get(1)?))))
    }

    /// Runs, newest first.
    pub fn runs(&self, filter: &Filter) -> Result<Vec<Run>> {
        let sql = format!(
            "{RUN} WHERE (?1 IS NULL OR job = ?1) AND (?2 IS NULL OR state = ?2)
             AND (?3 IS NULL OR number < (SELECT number FROM run WHERE id = ?3)) ORDER BY number DESC LIMIT ?4"
        );
        self.rows(&sql, params![filter.job, filter.state, filter.before, filter.limit], run_of)
    }

    /// A run by name.
    pub fn run(&self, id: &str) -> Result<Option<Run>> {
        let found = self.connection.query_row(&format!("{RUN} WHERE id = ?1"), [id], run_of).optional();
        found.or_error(Kind::Io, self.cannot())
    }

    /// The attempts at a run, in order.
    pub fn attempts(&self, run: &str) -> Result<Vec<Attempt>> {
        let sql = "SELECT number, holder, started_ms, ended_ms, outcome, kind, message FROM attempt WHERE run = ?1 ORDER BY number";
        self.rows(sql, [run], |row| {
            Ok(Attempt {
                number: row.get(0)?,
                holder: row.get(1)?,
                started: moment(row.get(2)?),
                ended: row.get::<_, Option<i64>>(3)?.map(moment),
                outcome: row.get(4)?,
                kind: row.get(5)?,
                message: row.get(6)?,
            })
        })
    }

    /// What was done in a run, in order.
    pub fn steps(&self, run: &str) -> Result<Vec<Step>> {
        let sql = "SELECT attempt, at_ms, stage, what FROM step WHERE run = ?1 ORDER BY rowid";
        self.rows(sql, [run], |row| {
            Ok(Step { attempt: row.get(0)?, at: moment(row.get(1)?), stage: row.get(2)?, what: row.get(3)? })
        })
    }

    /// The decisions about due times of a job, or of all, newest first.
    pub fn due(&self, job: Option<&str>, limit: u32) -> Result<Vec<DueLine>> {
        let sql = "SELECT job, due_ms, through_ms, count, decision, run, decided_ms FROM due
                   WHERE ?1 IS NULL OR job = ?1 ORDER BY due_ms DESC, job LIMIT ?2";
        self.rows(sql, params![job, limit], |row| {
            Ok(DueLine {
                job: row.get(0)?,
                due: moment(row.get(1)?),
                through: moment(row.get(2)?),
                count: u64::try_from(row.get::<_, i64>(3)?).unwrap_or_default(),
                decision: row.get(4)?,
                run: row.get(5)?,
                decided: moment(row.get(6)?),
            })
        })
    }

    /// What is known of each job, by name.
    pub fn jobs(&self) -> Result<BTreeMap<String, JobLine>> {
        let mut jobs: BTreeMap<String, JobLine> = BTreeMap::new();
        let known = self.rows("SELECT name, through_ms, paused_ms, paused_why FROM job", [], |row| {
            let line = JobLine {
                through: row.get::<_, Option<i64>>(1)?.map(moment),
                paused: row.get::<_, Option<i64>>(2)?.map(moment),
                paused_why: row.get(3)?,
                ..JobLine::default()
            };
            Ok((row.get::<_, String>(0)?, line))
        })?;
        jobs.extend(known);
        let over = format!(
            "{RUN} WHERE number IN (SELECT max(number) FROM run WHERE state NOT IN ('queued', 'running') GROUP BY job)"
        );
        for run in self.rows(&over, [], run_of)? {
            let job = run.job.clone();
            jobs.entry(job).or_default().last = Some(run);
        }
        for run in self.rows(&format!("{RUN} WHERE state IN ('queued', 'running') ORDER BY number"), [], run_of)? {
            let job = run.job.clone();
            jobs.entry(job).or_default().open.push(run);
        }
        Ok(jobs)
    }

    /// How the publishers' hosts fare that have failed lately.
    pub fn breakers(&self) -> Result<Vec<Breaker>> {
        let sql = "SELECT host, failures, until_ms, coalesce(why, '') FROM breaker ORDER BY host";
        self.rows(sql, [], |row| {
            Ok(Breaker {
                host: row.get(0)?,
                failures: row.get(1)?,
                until: row.get::<_, Option<i64>>(2)?.map(moment),
                why: row.get(3)?,
            })
        })
    }

    /// How far the data of each dataset reach.
    pub fn freshness(&self) -> Result<Vec<Freshness>> {
        let sql = "SELECT dataset, newest_ms, snapshot, looked_ms FROM freshness ORDER BY dataset";
        self.rows(sql, [], |row| {
            Ok(Freshness {
                dataset: row.get(0)?,
                newest: row.get::<_, Option<i64>>(1)?.map(moment),
                snapshot: u64::try_from(row.get::<_, i64>(2)?).unwrap_or_default(),
                looked: moment(row.get(3)?),
            })
        })
    }

    /// The alarms that are up; with `cleared` also those that were, newest first.
    pub fn alarms(&self, cleared: bool) -> Result<Vec<Alarm>> {
        let sql = "SELECT name, subject, raised_ms, cleared_ms, text, next FROM alarm
                   WHERE ?1 OR cleared_ms IS NULL ORDER BY raised_ms DESC, name, subject LIMIT 1000";
        self.rows(sql, [cleared], |row| alarm_of(row, 0))
    }

    /// A fact by name, and when it was written down.
    pub fn fact(&self, name: &str) -> Result<Option<(String, Timestamp)>> {
        let sql = "SELECT value, at_ms FROM fact WHERE name = ?1";
        let found = self.connection.query_row(sql, [name], |row| Ok((row.get(0)?, moment(row.get(1)?)))).optional();
        found.or_error(Kind::Io, self.cannot())
    }

    /// How many runs of each job ended how, those that were forgotten among them.
    pub fn counted(&self) -> Result<Vec<Counted>> {
        let sql = format!(
            "SELECT job, state, sum(runs), sum(milliseconds) FROM (
                 SELECT job, state, runs, milliseconds FROM forgotten_runs UNION ALL {COUNTED} GROUP BY job, state)
             GROUP BY job, state ORDER BY job, state"
        );
        let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
        self.rows(&sql, [], |row| {
            Ok(Counted {
                job: row.get(0)?,
                state: row.get(1)?,
                runs: unsigned(row.get(2)?),
                milliseconds: unsigned(row.get(3)?),
            })
        })
    }
}

/// An alarm, from the column at `first` on.
pub(super) fn alarm_of(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Alarm> {
    Ok(Alarm {
        name: row.get(first)?,
        subject: row.get(first + 1)?,
        raised: moment(row.get(first + 2)?),
        cleared: row.get::<_, Option<i64>>(first + 3)?.map(moment),
        text: row.get(first + 4)?,
        next: row.get(first + 5)?,
    })
}
