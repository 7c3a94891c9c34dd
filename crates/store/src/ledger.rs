//! The ledger: what was due, what was decided about it, what ran, and how each run ended.
//!
//! It lies in `state.sqlite` beside the budgets of [`crate::state`]. Every change is one transaction, so that a crash at any
//! point is read back as one of the states below, and several processes may write at once:
//! - a *due time* of a job has exactly one [`Decision`], made once ([`Ledger::decide`]);
//! - a *run* is queued, then running under a [`Claim`], then ended; of one job at most one runs at a time, which the
//!   database itself refuses to break;
//! - an *attempt* is one go at a run by one holder; a *step* is what it fetched, which checks it passed, what it committed.
//!
//! A claim carries a token that grows with every claim of that run. Whoever took a run over has the newer one, and whoever
//! slept meanwhile finds with [`Ledger::holds`], before it commits, that its own is old. Signs of life are counted, not timed:
//! an observer who sees the same count for too long by a clock of his own knows enough, whatever the machines' clocks say.
//!
//! Nothing here is data: without the file the warehouse is whole, and what can be known of its past is put back from it
//! ([`Ledger::open`]).
//!
//! Absent: when something is due, and what is to be done about it (the program's).

mod read;
mod rebuild;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use model::{Error, Kind, Result, ResultExt as _};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

pub use read::{Asked, Attempt, Counted, DueLine, Filter, JobLine, Step};
pub use rows::{Breaker, Ended, Freshness, Run, State, Trigger};
use rows::{RUN, run_of};

use crate::Warehouse;
use crate::state;

/// What was decided about a due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// A run was queued for it.
    Run,
    /// It was missed, and the run of a later due time stands for it as well.
    Covered,
    /// It was missed while nobody looked, and the schedule says that such are let go.
    Missed,
    /// A run of the same job was still open, and the schedule says that then none is queued.
    Overlapped,
    /// The job was paused.
    Paused,
}

impl Decision {
    /// The word in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Run => "run",
            Decision::Covered => "covered",
            Decision::Missed => "missed",
            Decision::Overlapped => "overlapped",
            Decision::Paused => "paused",
        }
    }
}

/// A decision about a due time, or about several in a row of which nothing else is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The due time; the first of several.
    pub due: Timestamp,
    /// The last of several; the same where it is one.
    pub through: Timestamp,
    /// How many there are.
    pub count: u64,
    /// What was decided.
    pub decision: Decision,
    /// The run that is queued for it, where one is.
    pub run: Option<Order>,
}

/// A run to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Why there is one.
    pub trigger: Trigger,
    /// Not before this time.
    pub not_before: Timestamp,
    /// It is given up when it has not ended by this time.
    pub deadline: Timestamp,
    /// What of the job's work is meant, where it is not all of it, such as the years of a backfill; as it was asked.
    pub what: Option<String>,
}

/// What a decision is made from.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Every due time up to here has its decision; none of a job that was never looked at.
    pub through: Option<Timestamp>,
    /// Whether the job is paused.
    pub paused: bool,
    /// Its runs that are queued or running.
    pub open: usize,
}

/// The right to work on a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The run.
    pub run: String,
    /// Its job.
    pub job: String,
    /// Grows with every claim of the run.
    pub token: i64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When it is to be given up.
    pub deadline: Timestamp,
    /// What of the job's work is meant.
    pub what: Option<String>,
}

/// A sign of life of a run that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// The run.
    pub run: String,
    /// Its job.
    pub job: String,
    /// Who holds it.
    pub holder: String,
    /// The token of the claim.
    pub token: i64,
    /// How often the holder has said that it lives.
    pub count: i64,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The run is over.
    Over(Ended),
    /// It is queued again, for later: trying once more may help.
    Again {
        /// Not before this time.
        at: Timestamp,
        /// Why this attempt failed.
        why: Ended,
    },
}

/// The ledger of one warehouse.
pub struct Ledger {
    path: PathBuf,
    connection: Connection,
}

impl Ledger {
    /// Opens the ledger of a warehouse, making it where there is none. Where the file is damaged it is set aside under another
    /// name; in both cases what the warehouse can tell of the past is put back.
    ///
    /// Errors: [`Kind::Io`] where the disk fails; what is damaged is no error but is told by [`Opened`].
    pub fn open(warehouse: &Warehouse, now: Timestamp) -> Result<(Self, Opened)> {
        rebuild::open(warehouse, now)
    }

    /// Opens the ledger below a root as it is, for whoever only looks; none where nothing was ever written down.
    pub fn look(root: &Path) -> Result<Option<Self>> {
        let path = root.join(state::FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let connection = state::open(&path).map_err(|error| error.told(&path, cannot(&path)))?;
        Ok(Some(Self { path, connection }))
    }

    /// Decides about the due times of a job, and queues the runs that this asks for. Whatever was decided before stays: of
    /// several who decide at once, one does. `through` is the time up to which all due times then have a decision.
    pub fn decide(
        &mut self,
        job: &str,
        now: Timestamp,
        decide: &mut dyn FnMut(&Standing) -> (Vec<Decided>, Timestamp),
    ) -> Result<usize> {
        self.change(|transaction| {
            let standing = standing(transaction, job)?;
            let (decided, through) = decide(&standing);
            let mut queued = 0;
            for one in decided {
                let run = one.run.as_ref().map(|_| format!("{job}@{}", compact(one.due)));
                let new = transaction.execute(
                    "INSERT OR IGNORE INTO due (job, due_ms, through_ms, count, decision, run, decided_ms)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![
                        job,
                        one.due.as_millisecond(),
                        one.through.as_millisecond(),
                        i64::try_from(one.count).unwrap_or(i64::MAX),
                        one.decision.as_str(),
                        run,
                        now.as_millisecond()
                    ],
                )?;
                if let (1, Some(order), Some(run)) = (new, &one.run, run) {
                    insert(transaction, &run, job, Some(one.due), order, now)?;
                    queued += 1;
                }
            }
            transaction.execute(
                "INSERT INTO job (name, through_ms) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET through_ms = excluded.through_ms",
                params![job, through.as_millisecond()],
            )?;
            Ok(queued)
        })
    }

    /// Takes back what was decided about due times that are yet to come, because the clock was ahead and no longer is. A run
    /// that had begun stays, and its due time with it. How many were taken back comes back.
    pub fn rewind(&mut self, now: Timestamp) -> Result<usize> {
        self.change(|transaction| {
            let now = now.as_millisecond();
            transaction.execute("DELETE FROM run WHERE state = 'queued' AND due_ms > ?1 AND attempts = 0", [now])?;
            let taken = transaction.execute(
                "DELETE FROM due WHERE due_ms > ?1 AND (run IS NULL OR run NOT IN (SELECT id FROM run))",
                [now],
            )?;
            transaction.execute("UPDATE job SET through_ms = ?1 WHERE through_ms > ?1", [now])?;
            Ok(taken)
        })
    }

    /// Queues a run that no due time asks for.
    pub fn order(&mut self, job: &str, order: &Order, now: Timestamp) -> Result<Run> {
        self.change(|transaction| {
            let mut id = format!("{job}@{}-{}", compact(now), order.trigger.as_str());
            let taken = |id: &str| {
                let sql = "SELECT count(*) FROM run WHERE id = ?1";
                transaction.query_row(sql, [id], |row| row.get::<_, i64>(0)).map(|count| count > 0)
            };
            let mut again = 1;
            while taken(&id)? {
                again += 1;
                id = format!("{job}@{}-{}-{again}", compact(now), order.trigger.as_str());
            }
            insert(transaction, &id, job, None, order, now)?;
            transaction.query_row(&format!("{RUN} WHERE id = ?1"), [&id], run_of)
        })
    }

    /// The queued runs that may begin now, oldest first, at most one of a job, and none of a job that runs.
    pub fn ready(&self, now: Timestamp) -> Result<Vec<Run>> {
        let sql = format!(
            "{RUN} WHERE state = 'queued' AND not_before_ms <= ?1
             AND job NOT IN (SELECT job FROM run WHERE state = 'running') ORDER BY number"
        );
        let mut ready: Vec<Run> = self.rows(&sql, [now.as_millisecond()], run_of)?;
        let mut jobs = BTreeSet::new();
        ready.retain(|run| jobs.insert(run.job.clone()));
        ready.sort_by_key(|run| run.not_before);
        Ok(ready)
    }

    /// The earliest time at which a queued run may begin.
    pub fn next_ready(&self) -> Result<Option<Timestamp>> {
        let sql = "SELECT min(not_before_ms) FROM run WHERE state = 'queued'";
        let found: Option<i64> =
            self.connection.query_row(sql, [], |row| row.get(0)).or_error(Kind::Io, self.cannot())?;
        Ok(found.map(moment))
    }

    /// Claims a queued run that may ask these hosts; none where another was first, a run of the same job goes on, or another
    /// holder's run may ask one of the hosts.
    pub fn claim(
        &mut self,
        run: &str,
        holder: &str,
        hosts: &BTreeSet<String>,
        now: Timestamp,
    ) -> Result<Option<Claim>> {
        self.change(|transaction| {
            transaction
                .execute("DELETE FROM asking WHERE run NOT IN (SELECT id FROM run WHERE state = 'running')", [])?;
            if asked_by_another(transaction, hosts, holder)? {
                return Ok(None);
            }
            let claimed = transaction.execute(
                "UPDATE run SET state = 'running', holder = ?2, token = token + 1, beat = 0, attempts = attempts + 1,
                     started_ms = coalesce(started_ms, ?3)
                 WHERE id = ?1 AND state = 'queued'
                 AND NOT EXISTS (SELECT 1 FROM run other WHERE other.job = run.job AND other.state = 'running')",
                params![run, holder, now.as_millisecond()],
            )?;
            if claimed == 0 {
                return Ok(None);
            }
            let claim = transaction.query_row(
                "SELECT id, job, token, attempts, deadline_ms, what FROM run WHERE id = ?1",
                [run],
                |row| {
                    Ok(Claim {
                        run: row.get(0)?,
                        job: row.get(1)?,
                        token: row.get(2)?,
                        attempt: row.get(3)?,
                        deadline: moment(row.get(4)?),
                        what: row.get(5)?,
                    })
                },
            )?;
            for host in hosts {
                transaction
                    .execute("INSERT OR IGNORE INTO asking (run, host) VALUES (?1, ?2)", [run, host.as_str()])?;
            }
            transaction.execute(
                "INSERT INTO attempt (run, number, holder, started_ms) VALUES (?1, ?2, ?3, ?4)",
                params![run, claim.attempt, holder, now.as_millisecond()],
            )?;
            Ok(Some(claim))
        })
    }

    /// Whether another holder has a run that goes on and may ask one of these hosts.
    pub fn is_asked(&self, hosts: &BTreeSet<String>, holder: &str) -> Result<bool> {
        asked_by_another(&self.connection, hosts, holder).or_error(Kind::Io, self.cannot())
    }

    /// Says that whoever holds these claims lives. Those that are no longer its own come back.
    pub fn beat(&mut self, claims: &[Claim]) -> Result<Vec<Claim>> {
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        self.change(|transaction| {
            let mut lost = Vec::new();
            for claim in claims {
                let told = transaction.execute(
                    "UPDATE run SET beat = beat + 1 WHERE id = ?1 AND token = ?2 AND state = 'running'",
                    params![claim.run, claim.token],
                )?;
                if told == 0 {
                    lost.push(claim.clone());
                }
            }
            Ok(lost)
        })
    }

    /// Whether a claim still stands: asked right before a commit by whoever may have slept.
    pub fn holds(&self, run: &str, token: i64) -> Result<bool> {
        let sql = "SELECT count(*) FROM run WHERE id = ?1 AND token = ?2 AND state = 'running'";
        let held: i64 =
            self.connection.query_row(sql, params![run, token], |row| row.get(0)).or_error(Kind::Io, self.cannot())?;
        Ok(held == 1)
    }

    /// The signs of life of all runs that are held.
    pub fn beats(&self) -> Result<Vec<Beat>> {
        let sql = "SELECT id, job, coalesce(holder, ''), token, beat FROM run WHERE state = 'running' ORDER BY number";
        self.rows(sql, [], |row| {
            Ok(Beat { run: row.get(0)?, job: row.get(1)?, holder: row.get(2)?, token: row.get(3)?, count: row.get(4)? })
        })
    }

    /// Queues a run again, for `at`, whose holder is dead. Nothing happens where it has shown a sign of life since.
    pub fn bury(&mut self, seen: &Beat, at: Timestamp, now: Timestamp) -> Result<bool> {
        self.change(|transaction| {
            let buried = transaction.execute(
                "UPDATE run SET state = 'queued', holder = NULL, token = token + 1, not_before_ms = ?4
                 WHERE id = ?1 AND token = ?2 AND beat = ?3 AND state = 'running'",
                params![seen.run, seen.token, seen.count, at.as_millisecond()],
            )?;
            if buried == 1 {
                transaction.execute(
                    "UPDATE attempt SET ended_ms = ?2, outcome = 'died' WHERE run = ?1 AND ended_ms IS NULL",
                    params![seen.run, now.as_millisecond()],
                )?;
            }
            Ok(buried == 1)
        })
    }

    /// Ends an attempt. False where the claim no longer stands: then nothing is changed.
    pub fn end(&mut self, claim: &Claim, outcome: &Outcome, now: Timestamp) -> Result<bool> {
        let (ended, again) = match outcome {
            Outcome::Over(ended) => (ended, None),
            Outcome::Again { at, why } => (why, Some(at)),
        };
        self.change(|transaction| {
            let state = if again.is_some() { "queued" } else { ended.state.as_str() };
            let changed = transaction.execute(
                "UPDATE run SET state = ?3, holder = NULL, not_before_ms = coalesce(?4, not_before_ms), ended_ms = ?5,
                     kind = ?6, message = ?7, hint = ?8, snapshot = coalesce(?9, snapshot)
                 WHERE id = ?1 AND token = ?2 AND state = 'running'",
                params![
                    claim.run,
                    claim.token,
                    state,
                    again.map(|at| at.as_millisecond()),
                    again.is_none().then(|| now.as_millisecond()),
                    ended.kind,
                    ended.message,
                    ended.hint,
                    ended.snapshot.map(as_i64)
                ],
            )?;
            if changed == 1 {
                transaction.execute(
                    "UPDATE attempt SET ended_ms = ?3, outcome = ?4, kind = ?5, message = ?6 WHERE run = ?1 AND number = ?2",
                    params![
                        claim.run,
                        claim.attempt,
                        now.as_millisecond(),
                        ended.state.as_str(),
                        ended.kind,
                        ended.message
                    ],
                )?;
            }
            Ok(changed == 1)
        })
    }

    /// Asks for a run to be given up: a queued one ends at once, a running one at its next stage. False where it has ended.
    pub fn cancel(&mut self, run: &str, why: &str, now: Timestamp) -> Result<bool> {
        self.change(|transaction| {
            let ended = transaction.execute(
                "UPDATE run SET state = 'cancelled', ended_ms = ?3, message = ?2 WHERE id = ?1 AND state = 'queued'",
                params![run, why, now.as_millisecond()],
            )?;
            let asked = transaction
                .execute("UPDATE run SET cancel = ?2 WHERE id = ?1 AND state = 'running'", params![run, why])?;
            Ok(ended + asked == 1)
        })
    }

    /// Why a running run is to be given up, if it is.
    pub fn cancelled(&self, run: &str) -> Result<Option<String>> {
        let sql = "SELECT cancel FROM run WHERE id = ?1";
        let found = self.connection.query_row(sql, [run], |row| row.get(0)).optional();
        Ok(found.or_error(Kind::Io, self.cannot())?.flatten())
    }

    /// Ends queued runs whose time is over.
    pub fn expire(&mut self, now: Timestamp) -> Result<Vec<Run>> {
        self.change(|transaction| {
            let sql = format!("{RUN} WHERE state = 'queued' AND deadline_ms <= ?1 ORDER BY number");
            let mut statement = transaction.prepare(&sql)?;
            let late: Vec<Run> =
                statement.query_map([now.as_millisecond()], run_of)?.collect::<rusqlite::Result<_>>()?;
            for run in &late {
                transaction.execute(
                    "UPDATE run SET state = 'failed', ended_ms = ?2, kind = coalesce(kind, 'deadline'),
                     message = coalesce(message || '; ', '') || 'its deadline passed' WHERE id = ?1",
                    params![run.id, now.as_millisecond()],
                )?;
            }
            Ok(late)
        })
    }

    /// Writes down what an attempt did: `stage` is `fetch`, `stage`, `gate` or `commit`.
    pub fn step(&mut self, run: &str, attempt: u32, stage: &str, what: &str, now: Timestamp) -> Result<()> {
        self.change(|transaction| {
            transaction.execute(
                "INSERT INTO step (run, attempt, at_ms, stage, what) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![run, attempt, now.as_millisecond(), stage, what],
            )?;
            Ok(())
        })
    }

    /// Pauses a job, or lets it go on.
    pub fn pause(&mut self, job: &str, why: Option<&str>, now: Timestamp) -> Result<()> {
        self.change(|transaction| {
            transaction.execute(
                "INSERT INTO job (name, paused_ms, paused_why) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET paused_ms = excluded.paused_ms, paused_why = excluded.paused_why",
                params![job, why.map(|_| now.as_millisecond()), why],
            )?;
            Ok(())
        })
    }

    /// Forgets what is older than this: ended runs with their steps, and decisions. Ends of jobs' newest runs stay, and what
    /// was counted of all of them.
    pub fn forget(&mut self, before: Timestamp) -> Result<usize> {
        self.change(|transaction| {
            let before = before.as_millisecond();
            let old =
                "SELECT id FROM run WHERE ended_ms < ?1 AND number NOT IN (SELECT max(number) FROM run GROUP BY job)";
            // What is counted never shrinks.
            transaction.execute(
                &format!(
                    "INSERT INTO forgotten_runs {} AND id IN ({old}) GROUP BY job, state
                     ON CONFLICT (job, state) DO UPDATE SET runs = runs + excluded.runs,
                         milliseconds = milliseconds + excluded.milliseconds",
                    read::COUNTED
                ),
                [before],
            )?;
            transaction.execute(
                &format!(
                    "INSERT INTO forgotten_requests {} AND run.id IN ({old}) GROUP BY run.job
                     ON CONFLICT (job) DO UPDATE SET requests = requests + excluded.requests,
                         bytes = bytes + excluded.bytes",
                    read::ASKED
                ),
                [before],
            )?;
            transaction.execute(&format!("DELETE FROM step WHERE run IN ({old})"), [before])?;
            transaction.execute(&format!("DELETE FROM attempt WHERE run IN ({old})"), [before])?;
            transaction.execute("DELETE FROM due WHERE through_ms < ?1 AND decided_ms < ?1", [before])?;
            transaction.execute(&format!("DELETE FROM run WHERE id IN ({old})"), [before])
        })
    }

    /// How a publisher's host fares.
    pub fn breaker(&self, host: &str) -> Result<Option<Breaker>> {
        Ok(self.breakers()?.into_iter().find(|breaker| breaker.host == host))
    }

    /// Writes down that a host failed a run: from `allowed` failures in a row on it is left alone until `until`.
    pub fn host_failed(&mut self, host: &str, allowed: u32, until: Timestamp, why: &str, now: Timestamp) -> Result<()> {
        self.change(|transaction| {
            transaction
                .execute("INSERT INTO breaker (host, failures) VALUES (?1, 0) ON CONFLICT (host) DO NOTHING", [host])?;
            transaction.execute(
                "UPDATE breaker SET failures = failures + 1, why = ?2, changed_ms = ?3,
                     until_ms = CASE WHEN failures + 1 >= ?4 THEN ?5 ELSE NULL END
                 WHERE host = ?1",
                params![host, why, now.as_millisecond(), allowed, until.as_millisecond()],
            )?;
            Ok(())
        })
    }

    /// Writes down that a host answered.
    pub fn host_answered(&mut self, host: &str) -> Result<()> {
        self.change(|transaction| transaction.execute("DELETE FROM breaker WHERE host = ?1", [host]).map(|_| ()))
    }

    /// Writes down how far the data of a dataset reach.
    pub fn reaches(&mut self, fresh: &Freshness) -> Result<()> {
        self.change(|transaction| {
            transaction.execute(
                "INSERT INTO freshness (dataset, newest_ms, snapshot, looked_ms) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (dataset) DO UPDATE SET newest_ms = excluded.newest_ms, snapshot = excluded.snapshot,
                     looked_ms = excluded.looked_ms",
                params![
                    fresh.dataset,
                    fresh.newest.map(|newest| newest.as_millisecond()),
                    as_i64(fresh.snapshot),
                    fresh.looked.as_millisecond()
                ],
            )?;
            Ok(())
        })
    }

    /// Raises an alarm; true where it was not up already.
    pub fn raise(&mut self, alarm: &Alarm) -> Result<bool> {
        self.change(|transaction| {
            let new = transaction.execute(
                "INSERT INTO alarm (name, subject, raised_ms, text, next) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (name, subject) WHERE cleared_ms IS NULL DO NOTHING",
                params![alarm.name, alarm.subject, alarm.raised.as_millisecond(), alarm.text, alarm.next],
            )?;
            Ok(new == 1)
        })
    }

    /// Clears an alarm; true where it was up.
    pub fn clear(&mut self, name: &str, subject: &str, now: Timestamp) -> Result<bool> {
        let sql = "SELECT count(*) FROM alarm WHERE name = ?1 AND subject = ?2 AND cleared_ms IS NULL";
        let up: i64 =
            self.connection.query_row(sql, [name, subject], |row| row.get(0)).or_error(Kind::Io, self.cannot())?;
        if up == 0 {
            return Ok(false);
        }
        self.change(|transaction| {
            let cleared = transaction.execute(
                "UPDATE alarm SET cleared_ms = ?3 WHERE name = ?1 AND subject = ?2 AND cleared_ms IS NULL",
                params![name, subject, now.as_millisecond()],
            )?;
            Ok(cleared == 1)
        })
    }

    /// The alarms that nobody was told of yet: those that were raised, and those that were cleared since they were told of.
    pub fn untold(&self) -> Result<Vec<(i64, Alarm)>> {
        let sql = "SELECT rowid, name, subject, raised_ms, cleared_ms, text, next FROM alarm
                   WHERE told = 0 AND cleared_ms IS NULL OR told = 1 AND cleared_ms IS NOT NULL ORDER BY rowid LIMIT 100";
        self.rows(sql, [], |row| Ok((row.get(0)?, read::alarm_of(row, 1)?)))
    }

    /// Takes down that an alarm, as it stood, was told of.
    pub fn told(&mut self, number: i64, alarm: &Alarm) -> Result<()> {
        let told = if alarm.cleared.is_some() { 2 } else { 1 };
        self.change(|transaction| {
            transaction.execute("UPDATE alarm SET told = max(told, ?2) WHERE rowid = ?1", params![number, told])?;
            Ok(())
        })
    }

    /// Keeps a fact about the warehouse, such as what was judged of it, by name.
    pub fn keep(&mut self, name: &str, value: &str, now: Timestamp) -> Result<()> {
        self.change(|transaction| {
            transaction.execute(
                "INSERT INTO fact (name, value, at_ms) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value, at_ms = excluded.at_ms",
                params![name, value, now.as_millisecond()],
            )?;
            Ok(())
        })
    }

    /// One transaction: all of it, or nothing. Immediate, because who decides must be the one who writes.
    fn change<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let cannot = cannot(&self.path);
        let run = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        run().map_err(|cause: rusqlite::Error| {
            Error::new(Kind::Io, cannot)
                .caused_by(cause)
                .hint("see that the disk has room and that the file may be written; what was decided before stands")
                .retryable()
        })
    }

    fn rows<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let read = || {
            let mut statement = self.connection.prepare(sql)?;
            statement.query_map(values, row)?.collect::<rusqlite::Result<Vec<T>>>()
        };
        read().or_error(Kind::Io, self.cannot())
    }

    fn cannot(&self) -> String {
        cannot(&self.path)
    }

    /// For tests: as on a disk that is full, or has room again.
    #[doc(hidden)]
    pub fn fill_disk(&self, full: bool) -> Result<()> {
        let pages: i64 =
            self.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).or_error(Kind::Io, self.cannot())?;
        let most = if full { pages } else { i64::from(u32::MAX) - 1 };
        self.connection
            .query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(()))
            .or_error(Kind::Io, self.cannot())
    }
}

/// What opening a ledger found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// Where a damaged file was set aside.
    pub set_aside: Option<PathBuf>,
    /// Whether what the warehouse tells of the past was put back, and there was any.
    pub rebuilt: bool,
}

/// Something that an operator must know, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// What kind: `run-failed`, `stale`, `breaker-open`, ….
    pub name: String,
    /// What it is about: a job, a dataset, a host.
    pub subject: String,
    /// Since when.
    pub raised: Timestamp,
    /// Until when; none while it is up.
    pub cleared: Option<Timestamp>,
    /// What happened, in words.
    pub text: String,
    /// The exact command to be given next.
    pub next: String,
}

impl Alarm {
    /// One that is up from now on.
    pub fn up(name: &str, subject: &str, text: impl Into<String>, next: &str, now: Timestamp) -> Self {
        let (name, subject, next) = (name.to_owned(), subject.to_owned(), next.to_owned());
        Self { name, subject, raised: now, cleared: None, text: text.into(), next }
    }
}

fn asked_by_another(connection: &Connection, hosts: &BTreeSet<String>, holder: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM asking JOIN run ON run.id = asking.run
               WHERE asking.host = ?1 AND run.state = 'running' AND run.holder <> ?2)";
    for host in hosts {
        if connection.query_row(sql, [host.as_str(), holder], |row| row.get(0))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn standing(transaction: &Transaction<'_>, job: &str) -> rusqlite::Result<Standing> {
    let known: Option<(Option<i64>, Option<i64>)> = transaction
        .query_row("SELECT through_ms, paused_ms FROM job WHERE name = ?1", [job], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let open: i64 = transaction.query_row(
        "SELECT count(*) FROM run WHERE job = ?1 AND state IN ('queued', 'running')",
        [job],
        |row| row.get(0),
    )?;
    Ok(Standing {
        through: known.and_then(|(through, _)| through).map(moment),
        paused: known.is_some_and(|(_, paused)| paused.is_some()),
        open: usize::try_from(open).unwrap_or_default(),
    })
}

fn insert(
    transaction: &Transaction<'_>,
    id: &str,
    job: &str,
    due: Option<Timestamp>,
    order: &Order,
    now: Timestamp,
) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO run (id, job, trigger, what, due_ms, not_before_ms, deadline_ms, state, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'queued', ?8)",
        params![
            id,
            job,
            order.trigger.as_str(),
            order.what,
            due.map(Timestamp::as_millisecond),
            order.not_before.as_millisecond(),
            order.deadline.as_millisecond(),
            now.as_millisecond()
        ],
    )?;
    Ok(())
}

/// A time as it stands in the name of a run.
fn compact(at: Timestamp) -> String {
    let rounded = at.round(jiff::Unit::Millisecond).unwrap_or(at);
    rounded.to_string().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').collect()
}

/// A time of the ledger. One that is no time of this calendar is its beginning.
fn moment(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn as_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn cannot(path: &Path) -> String {
    format!("the run ledger {} cannot be used", path.display())
}

/// How long ago something was, never less than nothing: clocks jump.
pub fn since(then: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(then).max(SignedDuration::ZERO)
}
