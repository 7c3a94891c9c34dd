//! When a publisher is asked, and what happens where that goes wrong.
//!
//! A pipeline declares a [`Schedule`] as a cron line, seconds first, or as a table with lines or a release calendar in
//! words, a zone and policies. [`Schedule::next_after`] and [`Schedule::between`] say when runs are due. Both follow
//! from their arguments alone: there is no clock here, no sleeping, no memory of what ran, and zones are built in.
//!
//! A line speaks of what the clocks of its zone show. Where they are set forward or back, two rules apply:
//!
//! - A *fixed* line names hours. Each civil time that it names is due once: when the clocks first show it or, if they
//!   skip it, when they jump over it. So half past two is neither lost in spring nor doubled in autumn. All that one
//!   jump skips is due as one.
//! - An *hourly* line fires in all 24 hours (`*`, `*/1`, `0-23`; not `*/2`). It follows elapsed time: what the clocks
//!   show twice is due twice, and what they skip is not owed.
//!
//! Several lines are due at the union of their times. A line that names days and weekdays is due on either, as cron has
//! always read it, and on both with `+Mon`. One whose date never comes, such as February 30, is never due.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::de::{self, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::Digest as _;

use crate::Result;

mod calendar;
mod declared;
mod line;

use declared::Declared;
pub use declared::duration;
use line::Line;

/// When runs are due, and the policies around them.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    lines: Vec<Line>,
    /// What was declared, without the zone.
    words: String,
    zone: TimeZone,
    zone_name: String,
    jitter: SignedDuration,
    catch_up: CatchUp,
    overlap: Overlap,
    deadline: SignedDuration,
    fresh: Option<SignedDuration>,
}

/// What to do with the due times that passed while nobody was there to see them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CatchUp {
    /// Nothing: the next due time is the next run.
    Skip,
    /// One run for all of them: a publisher shows the same to one as to ten.
    #[default]
    Once,
    /// A run for each.
    All,
}

impl CatchUp {
    /// The word in the declaration.
    pub fn as_str(self) -> &'static str {
        match self {
            CatchUp::Skip => "skip",
            CatchUp::Once => "once",
            CatchUp::All => "all",
        }
    }
}

/// What to do with a due time that comes while the run before it has not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// Nothing: the run that goes on stands for it.
    #[default]
    Skip,
    /// It runs when the other has ended.
    Queue,
}

impl Overlap {
    /// The word in the declaration.
    pub fn as_str(self) -> &'static str {
        match self {
            Overlap::Skip => "skip",
            Overlap::Queue => "queue",
        }
    }
}

impl Schedule {
    /// One cron line, seconds first, in a zone, with the default policies.
    pub fn parse_cron(line: &str, zone: &str) -> Result<Self> {
        Declared::of_line(line, zone).schedule()
    }

    /// The smallest due time after `t`; none where the line names no date that comes.
    pub fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        // Due times are whole seconds, so that one is after `t` if it is after the second that `t` is in.
        let second = t.as_second() - i64::from(t.subsec_nanosecond() < 0);
        let next = self.lines.iter().filter_map(|line| line.next_after(&self.zone, second)).min()?;
        Timestamp::from_second(next).ok()
    }

    /// The due times after one moment, up to and with another.
    pub fn between(&self, after: Timestamp, through: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        std::iter::successors(self.next_after(after), |due| self.next_after(*due))
            .take_while(move |due| *due <= through)
    }

    /// How long a job waits after its due time, so that not all of them begin in one second: at least nothing, and less
    /// than the declared jitter, in whole milliseconds. It is a hash of its arguments: every daemon comes to the same.
    pub fn delay(&self, job: &str, due: Timestamp) -> SignedDuration {
        let mut hash = sha2::Sha256::new();
        hash.update(job);
        hash.update([0]);
        hash.update(due.as_nanosecond().to_be_bytes());
        let share = hash.finalize().iter().take(8).fold(0, |number, byte| number << 8 | u128::from(*byte));
        // A share of 2^64 of the jitter, without the unevenness of a remainder. What comes is smaller than the jitter.
        let jitter = u128::try_from(self.jitter.as_millis()).unwrap_or_default();
        SignedDuration::from_millis(i64::try_from((share * jitter) >> 64).unwrap_or_default())
    }

    /// What to do with due times that were missed.
    pub fn catch_up(&self) -> CatchUp {
        self.catch_up
    }

    /// What to do with a due time while a run goes on.
    pub fn overlap(&self) -> Overlap {
        self.overlap
    }

    /// How long after it was to start a run that has not ended is cancelled.
    pub fn deadline(&self) -> SignedDuration {
        self.deadline
    }

    /// The promise of freshness, if one was made: how long ago the newest period that the data hold may have ended.
    pub fn fresh(&self) -> Option<SignedDuration> {
        self.fresh
    }

    /// The name of the zone whose clocks the lines speak of.
    pub fn zone(&self) -> &str {
        &self.zone_name
    }

    /// When runs are due, for a reader: `second Wednesday at 11:30 (America/New_York)`.
    pub fn in_words(&self) -> String {
        format!("{} ({})", self.words, self.zone_name)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shapes)
    }
}

/// The two shapes of a declaration. It is no untagged enum, because that would lose what is wrong with a table.
struct Shapes;

impl<'de> de::Visitor<'de> for Shapes {
    type Value = Schedule;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a cron line, seconds first, or a table with `cron` or `calendar`")
    }

    fn visit_str<E: de::Error>(self, line: &str) -> Result<Schedule, E> {
        declared::in_serde(Schedule::parse_cron(line, declared::UTC))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Schedule, A::Error> {
        declared::in_serde(Declared::deserialize(MapAccessDeserializer::new(map))?.schedule())
    }
}

#[cfg(test)]
mod tests;
