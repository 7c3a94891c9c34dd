//! `state.sqlite`: what this machine remembers between runs, shared by all processes of one warehouse.
//!
//! So far that is when each publisher was asked, so that a limit by the hour holds over all jobs and restarts. Nothing in it
//! is data: without the file the warehouse is whole, and a limit counts from nothing.
//!
//! SQLite by way of `rusqlite`: several processes write to it, and a crash at any point must be read back rightly, which a
//! file of our own would have to be taught.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use model::{Error, Kind, Result, ResultExt as _};
use rusqlite::{Connection, TransactionBehavior};

/// The file's name below the root.
pub const FILE: &str = "state.sqlite";

/// How long one process waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(10);

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS request (host TEXT NOT NULL, at_ms INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS request_host_at ON request (host, at_ms);
";

/// What a machine remembers for one warehouse. Cheap to make; it opens the file for each call.
#[derive(Debug, Clone)]
pub struct State {
    path: PathBuf,
}

impl State {
    /// The state of the warehouse at a root. Nothing is made before something is remembered.
    pub fn of(root: &Path) -> Self {
        Self { path: root.join(FILE) }
    }

    /// Takes one of a host's `limit` requests within `window`. Says how long to wait where all are taken: until the oldest
    /// of them is as old as the window.
    ///
    /// Errors: [`Kind::Io`] where the file cannot be read or written.
    pub fn take(&self, host: &str, limit: u32, window: Duration, now: Timestamp) -> Result<Option<Duration>> {
        let failed = || format!("cannot keep count of requests in {}", self.path.display());
        let mut connection = self.open().or_error(Kind::Io, failed())?;
        self.take_from(&mut connection, host, limit, window, now).or_error(Kind::Io, failed())
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(connection)
    }

    fn take_from(
        &self,
        connection: &mut Connection,
        host: &str,
        limit: u32,
        window: Duration,
        now: Timestamp,
    ) -> rusqlite::Result<Option<Duration>> {
        // Immediate: who counts must be the one who adds.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = now.as_millisecond();
        let span = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        // A time yet to come is one of a clock that was wrong: it must not block for longer than a window.
        transaction.execute(
            "DELETE FROM request WHERE host = ?1 AND (at_ms <= ?2 OR at_ms > ?3)",
            (host, now.saturating_sub(span), now),
        )?;
        let (taken, oldest): (u32, Option<i64>) =
            transaction.query_row("SELECT count(*), min(at_ms) FROM request WHERE host = ?1", [host], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        if taken < limit {
            transaction.execute("INSERT INTO request VALUES (?1, ?2)", (host, now))?;
            transaction.commit()?;
            return Ok(None);
        }
        transaction.commit()?;
        let wait = oldest.unwrap_or(now).saturating_add(span).saturating_sub(now).max(1);
        Ok(Some(Duration::from_millis(u64::try_from(wait).unwrap_or(1))))
    }
}

/// Refuses a limit of nothing.
pub fn check_limit(host: &str, limit: u32) -> Result<()> {
    if limit > 0 {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, format!("no request per hour is allowed to {host}")).hint("allow at least one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn a_limit_by_the_hour_is_shared_and_outlives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        // Each call opens the file anew, as another process would.
        let take = |host: &str, second: i64| State::of(folder.path()).take(host, 3, HOUR, at(second)).unwrap();
        assert_eq!([take("a", 0), take("a", 10), take("a", 20)], [None; 3]);
        assert_eq!(take("a", 30), Some(Duration::from_secs(3570)));
        assert_eq!(take("b", 30), None, "hosts have limits of their own");
        // The oldest is an hour old, and only the oldest.
        assert_eq!(take("a", 3600), None);
        assert_eq!(take("a", 3601), Some(Duration::from_secs(9)));
    }

    #[test]
    fn a_clock_that_was_ahead_blocks_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::of(folder.path());
        assert_eq!(state.take("a", 1, HOUR, at(1_000_000)).unwrap(), None);
        assert_eq!(state.take("a", 1, HOUR, at(0)).unwrap(), None);
    }

    #[test]
    fn those_who_ask_at_once_get_no_more_than_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::of(folder.path());
        let taken: usize = std::thread::scope(|scope| {
            let each = || (0..10).filter(|_| state.take("a", 25, HOUR, at(0)).unwrap().is_none()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(each)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 25);
    }

    #[test]
    fn a_file_that_is_no_state_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "not a database, and long enough to be taken for one ".repeat(40))
            .unwrap();
        let error = State::of(folder.path()).take("a", 1, HOUR, at(0)).unwrap_err();
        assert_eq!(error.kind(), Kind::Io);
        assert!(error.to_string().contains(FILE), "{error}");
        assert_eq!(check_limit("a", 0).unwrap_err().kind(), Kind::Usage);
    }
}
