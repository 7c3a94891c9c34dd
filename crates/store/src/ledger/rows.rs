//! The rows of the ledger as values.

use jiff::Timestamp;
use rusqlite::Row;
use serde::{Deserialize, Serialize};

use super::moment;

/// Why there is a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// Its schedule.
    Schedule,
    /// A person.
    Manual,
    /// A plan of a person's to fetch the past.
    Backfill,
    /// A snapshot that was committed.
    Commit,
    /// The warehouse tells of it: the ledger that knew more was lost.
    Rebuilt,
}

impl Trigger {
    /// The word in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Trigger::Schedule => "schedule",
            Trigger::Manual => "manual",
            Trigger::Backfill => "backfill",
            Trigger::Commit => "commit",
            Trigger::Rebuilt => "rebuilt",
        }
    }

    fn of(word: &str) -> Self {
        let all = [Trigger::Manual, Trigger::Backfill, Trigger::Commit, Trigger::Rebuilt];
        all.into_iter().find(|trigger| trigger.as_str() == word).unwrap_or(Trigger::Schedule)
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for its time, its turn, or a publisher.
    Queued,
    /// Somebody holds it.
    Running,
    /// It committed a snapshot, or did what it was for.
    Succeeded,
    /// The publisher serves what the warehouse has.
    Unchanged,
    /// It failed for good.
    Failed,
    /// It was given up because somebody asked for it.
    Cancelled,
}

impl State {
    /// All of them.
    pub const ALL: [State; 6] =
        [State::Queued, State::Running, State::Succeeded, State::Unchanged, State::Failed, State::Cancelled];

    /// The word in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Running => "running",
            State::Succeeded => "succeeded",
            State::Unchanged => "unchanged",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
        }
    }

    /// Whether it is over.
    pub fn is_over(self) -> bool {
        !matches!(self, State::Queued | State::Running)
    }

    pub(super) fn of(word: &str) -> Self {
        State::ALL.into_iter().find(|state| state.as_str() == word).unwrap_or(State::Failed)
    }
}

/// How an attempt, or a run, ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Where the run stands; of an attempt that is followed by another, what it would have been.
    pub state: State,
    /// The kind of failure, as exit codes tell them apart: `unreachable`, `check failed`, ….
    pub kind: Option<String>,
    /// What failed.
    pub message: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The snapshot that it committed.
    pub snapshot: Option<u64>,
}

impl Ended {
    /// It did what it was for.
    pub fn well(state: State, snapshot: Option<u64>) -> Self {
        Self { state, kind: None, message: None, hint: None, snapshot }
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its name: the job and its due time, or when it was asked for.
    pub id: String,
    /// Its job.
    pub job: String,
    /// Why there is one.
    pub trigger: Trigger,
    /// What of the job's work is meant, where it is not all of it.
    pub what: Option<String>,
    /// The due time that asked for it.
    pub due: Option<Timestamp>,
    /// It begins no earlier.
    pub not_before: Timestamp,
    /// It is given up when it has not ended by then.
    pub deadline: Timestamp,
    /// Where it stands.
    pub state: State,
    /// Who holds it.
    pub holder: Option<String>,
    /// How many attempts were made.
    pub attempts: u32,
    /// When it was queued.
    pub created: Timestamp,
    /// When its first attempt began.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// The kind of the last failure.
    pub kind: Option<String>,
    /// What failed last.
    pub message: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The snapshot that it committed.
    pub snapshot: Option<u64>,
    /// Why it is to be given up, where somebody asked for that.
    pub cancel: Option<String>,
}

/// What [`run_of`] reads.
pub(super) const RUN: &str = "SELECT id, job, trigger, what, due_ms, not_before_ms, deadline_ms, state, holder, attempts, \
    created_ms, started_ms, ended_ms, kind, message, hint, snapshot, cancel FROM run";

pub(super) fn run_of(row: &Row<'_>) -> rusqlite::Result<Run> {
    let time = |place: usize| row.get::<_, Option<i64>>(place).map(|at| at.map(moment));
    Ok(Run {
        id: row.get(0)?,
        job: row.get(1)?,
        trigger: Trigger::of(&row.get::<_, String>(2)?),
        what: row.get(3)?,
        due: time(4)?,
        not_before: moment(row.get(5)?),
        deadline: moment(row.get(6)?),
        state: State::of(&row.get::<_, String>(7)?),
        holder: row.get(8)?,
        attempts: row.get(9)?,
        created: moment(row.get(10)?),
        started: time(11)?,
        ended: time(12)?,
        kind: row.get(13)?,
        message: row.get(14)?,
        hint: row.get(15)?,
        snapshot: row.get::<_, Option<i64>>(16)?.and_then(|number| u64::try_from(number).ok()),
        cancel: row.get(17)?,
    })
}

/// How a publisher's host fares: it has failed lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Breaker {
    /// The host.
    pub host: String,
    /// How many runs it failed in a row.
    pub failures: u32,
    /// It is left alone until then; none while it has not failed often enough for that.
    pub until: Option<Timestamp>,
    /// Why it failed last.
    pub why: String,
}

/// How far the data of a dataset reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Freshness {
    /// The dataset.
    pub dataset: String,
    /// The end of the newest period that it has data of; none where it has none.
    pub newest: Option<Timestamp>,
    /// In which snapshot.
    pub snapshot: u64,
    /// When somebody looked.
    pub looked: Timestamp,
}
