//! What is told over HTTP, as the daemon knows it and as JSON shows it.
//!
//! Times are RFC 3339 in UTC. Words are those of the ledger.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub use crate::publish::{Figure, Verdict};

/// How the daemon itself fares.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// What this daemon calls itself in the ledger.
    pub holder: String,
    /// Where the warehouse lies.
    pub root: String,
    /// Where its data come from: `live` or `replica`.
    pub origin: String,
    /// The time of the answer.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// When the daemon began.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// For how long it has been up, by a clock that does not jump.
    pub uptime_seconds: u64,
    /// Whether it is about to end and begins no further run.
    pub draining: bool,
    /// Why no run begins, where none does.
    pub held: Option<String>,
    /// The newest snapshot; none in an empty warehouse.
    pub newest: Option<SnapshotMark>,
    /// The newest snapshot every file of which was hashed and found whole, and when that was.
    pub verified: Option<SnapshotMark>,
    /// What is left on the disk.
    pub disk_free_bytes: u64,
    /// How many alarms are up.
    pub alarms: u64,
}

/// A snapshot and a time.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SnapshotMark {
    /// Its number.
    pub number: u64,
    /// When it was committed, or verified.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A job: what it is, when it is due, and how it fares.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Job {
    /// Its name: the dataset's, or one that begins with `_`.
    pub name: String,
    /// When it is due, in words; none of one that only follows others.
    pub schedule: Option<String>,
    /// The time zone of its schedule.
    pub zone: Option<String>,
    /// When it is due next.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_due: Option<Timestamp>,
    /// Since when it is paused.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paused: Option<Timestamp>,
    /// Why it is paused.
    pub paused_why: Option<String>,
    /// The publisher's host.
    pub host: Option<String>,
    /// Its newest run that is over.
    pub last: Option<Run>,
    /// Its runs that are queued or running, oldest first.
    pub open: Vec<Run>,
    /// How old its data may be.
    pub promise_seconds: Option<u64>,
    /// The end of the newest period that it has data of.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub newest: Option<Timestamp>,
    /// Whether its data are older than they may be.
    pub stale: bool,
}

/// Why there is a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
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

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
}

/// How an attempt ended: as its run would, or `died` where its process ended without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It committed a snapshot, or did what it was for.
    Succeeded,
    /// The publisher serves what the warehouse has.
    Unchanged,
    /// It failed.
    Failed,
    /// It was given up because somebody asked for it.
    Cancelled,
    /// It was put back because the daemon ended.
    Queued,
    /// Its process ended without a word.
    Died,
}

/// A run.
#[derive(Debug, Clone, Serialize, ToSchema)]
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
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due: Option<Timestamp>,
    /// It begins no earlier.
    #[schema(value_type = String, format = DateTime)]
    pub not_before: Timestamp,
    /// It is given up when it has not ended by then.
    #[schema(value_type = String, format = DateTime)]
    pub deadline: Timestamp,
    /// Where it stands.
    pub state: State,
    /// Who holds it.
    pub holder: Option<String>,
    /// How many attempts were made.
    pub attempts: u32,
    /// When it was queued.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When its first attempt began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started: Option<Timestamp>,
    /// When it was over.
    #[schema(value_type = Option<String>, format = DateTime)]
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

/// A run with all that was done for it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RunDetail {
    /// The run.
    #[serde(flatten)]
    pub run: Run,
    /// Its attempts, in order; `attempts` says how many there were.
    pub log: Vec<Attempt>,
    /// What was done, in order.
    pub steps: Vec<Step>,
}

/// An attempt at a run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// Who made it.
    pub holder: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// When it ended; none while it goes on.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The kind of failure.
    pub kind: Option<String>,
    /// What failed.
    pub message: Option<String>,
}

/// What an attempt did.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Step {
    /// Which attempt.
    pub attempt: u32,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `fetch`, `stage`, `gate` or `commit`.
    pub stage: String,
    /// What; its fields depend on the stage.
    pub what: serde_json::Value,
}

/// What was decided about a due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
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

/// A due time with what was decided about it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DueLine {
    /// The job.
    pub job: String,
    /// The due time; the first of several.
    #[schema(value_type = String, format = DateTime)]
    pub due: Timestamp,
    /// The last of several.
    #[schema(value_type = String, format = DateTime)]
    pub through: Timestamp,
    /// How many.
    pub count: u64,
    /// What was decided.
    pub decision: Decision,
    /// The run.
    pub run: Option<String>,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    pub decided: Timestamp,
}

/// One state of the whole warehouse.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Snapshot {
    /// Its number; never used again.
    pub number: u64,
    /// The snapshot that it was made from.
    pub parent: Option<u64>,
    /// When it was committed.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Where its data come from: `live` or `replica`.
    pub origin: String,
    /// The program that committed it; none of one that was removed.
    pub program: Option<String>,
    /// How many datasets it has; none of one that was removed.
    pub datasets: Option<u64>,
    /// The pins that name it.
    pub pins: Vec<String>,
    /// Why it was removed, where it was.
    pub removed: Option<String>,
}

/// How far the data of a dataset reach.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Freshness {
    /// The dataset.
    pub dataset: String,
    /// The end of the newest period that it has data of; none where it has none.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub newest: Option<Timestamp>,
    /// In which snapshot.
    pub snapshot: u64,
    /// When somebody looked.
    #[schema(value_type = String, format = DateTime)]
    pub looked: Timestamp,
    /// How old they may be.
    pub promise_seconds: Option<u64>,
    /// Whether they are older than that.
    pub late: bool,
}

/// Something that an operator has to know, with the exact command to be given next.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Alarm {
    /// What kind: `run-failed`, `stale`, `breaker-open`, ….
    pub name: String,
    /// What it is about: a job, a dataset, a host.
    pub subject: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub raised: Timestamp,
    /// Until when; none while it is up.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub cleared: Option<Timestamp>,
    /// What happened, in words.
    pub text: String,
    /// The exact command to be given next.
    pub next: String,
}

/// How a publisher's host fares: it has failed lately.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Breaker {
    /// The host.
    pub host: String,
    /// How many runs it failed in a row.
    pub failures: u32,
    /// It is left alone until then; none while it has not failed often enough for that.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// Why it failed last.
    pub why: String,
}

/// How a figure's file ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A drawing.
    Svg,
    /// The drawing for a phone.
    Phone,
    /// A picture.
    Png,
    /// The numbers behind.
    Csv,
    /// The same with their types.
    Parquet,
}

impl Ending {
    /// All of them.
    pub const ALL: [Ending; 5] = [Ending::Svg, Ending::Phone, Ending::Png, Ending::Csv, Ending::Parquet];

    /// The ending itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Ending::Svg => "svg",
            Ending::Phone => "phone.svg",
            Ending::Png => "png",
            Ending::Csv => "csv",
            Ending::Parquet => "parquet",
        }
    }

    /// What such a file is to a browser.
    pub fn media_type(self) -> &'static str {
        match self {
            Ending::Svg | Ending::Phone => "image/svg+xml",
            Ending::Png => "image/png",
            Ending::Csv => "text/csv; charset=utf-8; header=present",
            Ending::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// Whether the daemon can do its work.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether it can.
    pub ready: bool,
    /// What was looked at.
    pub checks: Vec<Check>,
}

/// One thing that has to be right.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// Whether it is right.
    pub ok: bool,
    /// What was found.
    pub text: String,
}

/// Which runs are meant.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RunFilter {
    /// Of this job only.
    pub job: Option<String>,
    /// In this state only.
    #[param(inline)]
    pub state: Option<State>,
    /// Only those before this one in the list: the next page.
    pub before: Option<String>,
    /// So many at most.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 500, default = 50)]
    pub limit: Limit,
}

/// How many lines are wanted, of a list that may be long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct Limit(u32);

impl Limit {
    /// The most that are told at once.
    pub const MOST: u32 = 500;

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl TryFrom<u32> for Limit {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        if (1..=Self::MOST).contains(&number) {
            Ok(Self(number))
        } else {
            Err(format!("between 1 and {} lines can be asked for, not {number}", Self::MOST))
        }
    }
}
