//! Holds: how those who write, those who read and the collector of garbage keep out of each other's way.
//!
//! - Who writes holds `writing` shared, from before its first staged file until its commit returned: every [`Warehouse`]
//!   that was opened for writing does for as long as it, an archive of it or a clone of either lives, and a commit, a pin
//!   and a [`Scratch`] do by themselves. The collector wants it alone, so nothing that is staged is ever taken for garbage.
//! - Who reads snapshot N holds `reading-N` shared, and *then* looks whether N was removed. The collector says that it was
//!   first, and *then* wants `reading-N` alone before it removes a byte. So one of the two always sees the other.
//!
//! Holds are locks of the operating system: they end with their process, whatever it died of. A root that cannot be
//! written is read without: whoever collects there as another user must see to it that nobody reads.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::{Error, Kind, Result, ResultExt as _};

use crate::Warehouse;
use crate::commit::Snapshot;
use crate::file::{Files, Hold, LOCKS, Mode, STAGING};

/// What writers hold.
pub(crate) const WRITING: &str = "writing";

/// How long one waits, once, for another to be done.
const PAUSE: Duration = Duration::from_millis(100);

/// How many pauses a program makes before it gives up.
pub(crate) const PATIENCE: u32 = 600;

/// What the readers of a snapshot hold.
pub(crate) fn reading_name(number: u64) -> String {
    format!("reading-{number:06}")
}

/// A snapshot whose files stay while this lives.
#[derive(Clone)]
pub struct Reading {
    snapshot: Snapshot,
    _hold: Arc<Hold>,
}

impl Deref for Reading {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

/// A folder below `tmp/` for work that is thrown away; it stays while this lives.
pub struct Scratch {
    folder: tempfile::TempDir,
    _writing: Arc<Hold>,
}

impl Scratch {
    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Warehouse {
    /// Opens a snapshot for reading.
    pub fn reading(&self, number: u64) -> Result<Reading> {
        let name = reading_name(number);
        for pause in 0.. {
            if let Some(hold) = self.files().lock(&name, Mode::Shared)? {
                return Ok(Reading { snapshot: self.snapshot(number)?, _hold: Arc::new(hold) });
            }
            // Only the collector holds it alone, and it says first that the snapshot is gone.
            self.snapshot(number)?;
            if pause == self.patience {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        Err(Error::new(Kind::Io, format!("snapshot {number} is locked")).hint("try again in a moment").retryable())
    }

    /// A folder for work that is thrown away, beside what is kept.
    pub fn scratch(&self, prefix: &str) -> Result<Scratch> {
        self.scratch_under(prefix, self.hold_writing()?)
    }

    /// The same, for whoever keeps the collector away already.
    pub(crate) fn scratch_under(&self, prefix: &str, writing: Arc<Hold>) -> Result<Scratch> {
        let beside: PathBuf = self.root().join(STAGING);
        let cannot = || format!("cannot make a folder in {}", beside.display());
        std::fs::create_dir_all(&beside).or_error(Kind::Io, cannot())?;
        let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(&beside).or_error(Kind::Io, cannot())?;
        Ok(Scratch { folder, _writing: writing })
    }

    /// What keeps staged files from being taken for garbage.
    pub(crate) fn hold_writing(&self) -> Result<Arc<Hold>> {
        match &self.writing {
            Some(writing) => Ok(Arc::clone(writing)),
            None => writing(self.files(), self.patience),
        }
    }
}

impl Warehouse {
    /// Says, for as long as what comes back lives, that a holder of runs does. Its name must be nobody else's.
    pub fn live_as(&self, holder: &str) -> Result<Hold> {
        let alone = self.files().lock(&holder_name(holder), Mode::Exclusive)?;
        alone.ok_or_else(|| Error::new(Kind::Internal, format!("another process has the name {holder}")))
    }

    /// Whether a holder of runs surely is dead: its process has ended. Of one on another machine, or where locks cannot be
    /// taken, nobody can say so.
    pub fn is_dead(&self, holder: &str) -> bool {
        let name = holder_name(holder);
        // A lock that was never taken tells nothing.
        let known = self.files().exists(&format!("{LOCKS}/{name}")).unwrap_or(false);
        // The file stays: whoever asks again, of another run of the same holder, must be told the same.
        known && self.files().lock(&name, Mode::Exclusive).is_ok_and(|lock| lock.is_some())
    }
}

impl Warehouse {
    /// Forgets holders that are dead, other than those in `needed`, whose runs somebody has yet to take up. How many were
    /// forgotten comes back.
    ///
    /// One that is just being born may be forgotten with them. It then counts as unknown, not as dead: whether it lives is told
    /// by its signs of life.
    pub fn forget_holders(&self, needed: &BTreeSet<String>) -> Result<usize> {
        let mut forgotten = 0;
        for name in self.files().list(LOCKS)? {
            let Some(holder) = name.strip_prefix(HOLDER) else { continue };
            if needed.contains(holder) {
                continue;
            }
            if let Some(_dead) = self.files().lock(&name, Mode::Exclusive)? {
                self.files().remove(&format!("{LOCKS}/{name}"))?;
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }
}

/// How the names of what holders of runs hold begin.
const HOLDER: &str = "holder-";

/// What a holder of runs holds.
fn holder_name(holder: &str) -> String {
    format!("{HOLDER}{holder}")
}

/// Waits for the collector to be done, and keeps it away.
pub(crate) fn writing(files: &dyn Files, patience: u32) -> Result<Arc<Hold>> {
    for pause in 0.. {
        if let Some(hold) = files.lock(WRITING, Mode::Shared)? {
            return Ok(Arc::new(hold));
        }
        if pause == patience {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    Err(Error::new(Kind::LostRace, "`snapshot gc` is at work in this warehouse")
        .hint("nothing was written; run it again when that is done")
        .retryable())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    #[test]
    fn a_holder_is_dead_once_it_holds_nothing_and_one_that_nobody_knew_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let warehouse = Warehouse::open_or_create(folder.path(), Origin::Replica, now).unwrap();
        assert!(!warehouse.is_dead("one"), "nobody knows");
        let alive = warehouse.live_as("one").unwrap();
        assert!(!warehouse.is_dead("one"));
        drop(alive);
        // However often it is asked: a holder may have held several runs.
        assert!(warehouse.is_dead("one") && warehouse.is_dead("one"));
    }

    #[test]
    fn dead_holders_are_forgotten_unless_somebody_needs_to_know_that_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::open_or_create(folder.path(), Origin::Replica, jiff::Timestamp::UNIX_EPOCH).unwrap();
        let alive = warehouse.live_as("alive").unwrap();
        drop(warehouse.live_as("needed").unwrap());
        drop(warehouse.live_as("dead").unwrap());
        assert_eq!(warehouse.forget_holders(&BTreeSet::from(["needed".to_owned()])).unwrap(), 1);
        assert!(warehouse.is_dead("needed") && !warehouse.is_dead("alive") && !warehouse.is_dead("dead"));
        drop(alive);
        assert!(warehouse.is_dead("alive"));
    }
}
