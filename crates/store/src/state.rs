//! `state.sqlite`: what this machine remembers between runs, shared by all processes of one warehouse.
//!
//! Here: when each publisher was asked, so that its limits hold over all jobs and restarts. In [`crate::ledger`]: what was
//! due and what ran. Nothing in it is data: without the file the warehouse is whole.
//!
//! SQLite by way of `rusqlite`: several processes write to it, and a crash at any point must be read back rightly, which a
//! file of our own would have to be taught.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use model::{Error, Kind, Result, ResultExt as _};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, TransactionBehavior};

/// The file's name below the root.
pub const FILE: &str = "state.sqlite";

/// How long one process waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before trying once more what does not wait by itself.
const PAUSE: Duration = Duration::from_millis(10);

/// The version of what is in the file. A newer program adds to it; one that is newer than the program is refused.
const VERSION: i64 = 2;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS request (host TEXT NOT NULL, at_ms INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS request_host_at ON request (host, at_ms);
    CREATE TABLE IF NOT EXISTS pace (host TEXT PRIMARY KEY, at_ms INTEGER NOT NULL);

    CREATE TABLE IF NOT EXISTS job (name TEXT PRIMARY KEY, through_ms INTEGER, paused_ms INTEGER, paused_why TEXT);
    CREATE TABLE IF NOT EXISTS due (
        job TEXT NOT NULL, due_ms INTEGER NOT NULL, through_ms INTEGER NOT NULL, count INTEGER NOT NULL,
        decision TEXT NOT NULL, run TEXT, decided_ms INTEGER NOT NULL, PRIMARY KEY (job, due_ms)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS run (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, job TEXT NOT NULL, trigger TEXT NOT NULL, what TEXT,
        due_ms INTEGER, not_before_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL, state TEXT NOT NULL, holder TEXT,
        token INTEGER NOT NULL DEFAULT 0, beat INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
        created_ms INTEGER NOT NULL, started_ms INTEGER, ended_ms INTEGER, kind TEXT, message TEXT, hint TEXT,
        snapshot INTEGER, cancel TEXT);
    CREATE UNIQUE INDEX IF NOT EXISTS run_going ON run (job) WHERE state = 'running';
    CREATE INDEX IF NOT EXISTS run_open ON run (state) WHERE state IN ('queued', 'running');
    CREATE INDEX IF NOT EXISTS run_queued ON run (not_before_ms) WHERE state = 'queued';
    CREATE INDEX IF NOT EXISTS run_job ON run (job, number);
    -- The hosts that the run that goes on may ask.
    CREATE TABLE IF NOT EXISTS asking (run TEXT NOT NULL, host TEXT NOT NULL, PRIMARY KEY (run, host)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS attempt (
        run TEXT NOT NULL, number INTEGER NOT NULL, holder TEXT NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER,
        outcome TEXT, kind TEXT, message TEXT, PRIMARY KEY (run, number)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS step (
        run TEXT NOT NULL, attempt INTEGER NOT NULL, at_ms INTEGER NOT NULL, stage TEXT NOT NULL, what TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS step_run ON step (run);
    CREATE TABLE IF NOT EXISTS breaker (
        host TEXT PRIMARY KEY, failures INTEGER NOT NULL, until_ms INTEGER, why TEXT, changed_ms INTEGER);
    CREATE TABLE IF NOT EXISTS freshness (
        dataset TEXT PRIMARY KEY, newest_ms INTEGER, snapshot INTEGER NOT NULL, looked_ms INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS alarm (
        name TEXT NOT NULL, subject TEXT NOT NULL, raised_ms INTEGER NOT NULL, cleared_ms INTEGER, text TEXT NOT NULL,
        next TEXT NOT NULL, told INTEGER NOT NULL DEFAULT 0);
    CREATE UNIQUE INDEX IF NOT EXISTS alarm_up ON alarm (name, subject) WHERE cleared_ms IS NULL;
    CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL, at_ms INTEGER NOT NULL);

    -- What was counted of runs that were forgotten since: totals never shrink.
    CREATE TABLE IF NOT EXISTS forgotten_runs (
        job TEXT NOT NULL, state TEXT NOT NULL, runs INTEGER NOT NULL, milliseconds INTEGER NOT NULL,
        PRIMARY KEY (job, state)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS forgotten_requests (
        job TEXT PRIMARY KEY, requests INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;
";

/// Why the file could not be opened.
#[derive(Debug)]
pub(crate) enum Unopened {
    /// A newer program made it: of which version.
    Newer(i64),
    /// The database says so.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Unopened {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Unopened {
    /// The same as an error of ours; `cannot` says what cannot be done.
    pub(crate) fn told(self, path: &Path, cannot: impl Into<String>) -> Error {
        match self {
            Self::Newer(version) => Error::new(
                Kind::Usage,
                format!("{} is of version {version}, and this program knows up to {VERSION}", path.display()),
            )
            .hint("run the newer program; or move the file away: what the warehouse can tell of the past is put back, pauses and queued runs are not"),
            Self::Sqlite(cause) => Error::new(Kind::Io, cannot).caused_by(cause),
        }
    }
}

/// Opens the file, making it and what is in it where there is none.
pub(crate) fn open(path: &Path) -> std::result::Result<Connection, Unopened> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    write_ahead(&connection)?;
    // In WAL mode this loses no transaction to a process that dies, and none to a machine that does but the last ones;
    // those of the ledger must outlive a machine too.
    connection.pragma_update(None, "synchronous", "FULL")?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version > VERSION {
        return Err(Unopened::Newer(version));
    }
    if version < VERSION {
        connection.execute_batch(&format!("BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT"))?;
    }
    Ok(connection)
}

/// Sets the mode in which readers and a writer do not wait for each other. Unlike all else, this does not wait by itself where
/// another opens the file for the first time at the same moment.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let set = || {
        let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        if mode == "wal" { Ok(()) } else { connection.pragma_update(None, "journal_mode", "WAL") }
    };
    let mut pauses = PATIENCE.as_millis() / PAUSE.as_millis();
    loop {
        match set() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && pauses > 0 => {
                pauses -= 1;
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
}

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
        let mut connection = open(&self.path).map_err(|error| error.told(&self.path, failed()))?;
        self.take_from(&mut connection, host, limit, window, now).or_error(Kind::Io, failed())
    }

    /// How many of a host's requests were taken within `window`.
    ///
    /// Errors: [`Kind::Io`] where the file cannot be read.
    pub fn used(&self, host: &str, window: Duration, now: Timestamp) -> Result<u64> {
        let failed = || format!("cannot count requests in {}", self.path.display());
        let connection = open(&self.path).map_err(|error| error.told(&self.path, failed()))?;
        let since = now.as_millisecond().saturating_sub(i64::try_from(window.as_millis()).unwrap_or(i64::MAX));
        let sql = "SELECT count(*) FROM request WHERE host = ?1 AND at_ms > ?2 AND at_ms <= ?3";
        let count: i64 = connection
            .query_row(sql, (host, since, now.as_millisecond()), |row| row.get(0))
            .or_error(Kind::Io, failed())?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Takes a host's turn, where its last one lies `apart` or more back. Says how long to wait where it does not.
    ///
    /// Errors: [`Kind::Io`] where the file cannot be read or written.
    pub fn turn(&self, host: &str, apart: Duration, now: Timestamp) -> Result<Option<Duration>> {
        let failed = || format!("cannot keep the pace of requests in {}", self.path.display());
        let mut connection = open(&self.path).map_err(|error| error.told(&self.path, failed()))?;
        Self::turn_from(&mut connection, host, apart, now).or_error(Kind::Io, failed())
    }

    fn turn_from(
        connection: &mut Connection,
        host: &str,
        apart: Duration,
        now: Timestamp,
    ) -> rusqlite::Result<Option<Duration>> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = now.as_millisecond();
        let apart = i64::try_from(apart.as_millis()).unwrap_or(i64::MAX);
        let last: Option<i64> =
            transaction.query_row("SELECT at_ms FROM pace WHERE host = ?1", [host], |row| row.get(0)).optional()?;
        // A time yet to come is one of a clock that was wrong: it must not block for longer than one pause.
        let wait = last.map_or(0, |last| last.min(now).saturating_add(apart).saturating_sub(now));
        if wait > 0 {
            if last.is_some_and(|last| last > now) {
                transaction.execute("UPDATE pace SET at_ms = ?2 WHERE host = ?1", (host, now))?;
                transaction.commit()?;
            }
            return Ok(Some(Duration::from_millis(u64::try_from(wait).unwrap_or(1))));
        }
        transaction.execute(
            "INSERT INTO pace (host, at_ms) VALUES (?1, ?2) ON CONFLICT (host) DO UPDATE SET at_ms = excluded.at_ms",
            (host, now),
        )?;
        transaction.commit()?;
        Ok(None)
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
    fn turns_lie_apart_over_restarts_and_clocks_that_jump() {
        let folder = tempfile::tempdir().unwrap();
        let apart = Duration::from_secs(120);
        let turn = |second: i64| State::of(folder.path()).turn("a", apart, at(second)).unwrap();
        assert_eq!(turn(0), None);
        assert_eq!(turn(1), Some(Duration::from_secs(119)));
        assert_eq!(turn(119), Some(Duration::from_secs(1)));
        assert_eq!(turn(120), None);
        assert_eq!(State::of(folder.path()).turn("b", apart, at(121)).unwrap(), None, "hosts have turns of their own");
        // Ahead by days, then put right: one pause, not days of them.
        assert_eq!(turn(500_000), None);
        assert_eq!(turn(200), Some(apart));
        assert_eq!(turn(320), None);
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
    fn a_file_of_a_newer_program_is_refused_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        open(&path).unwrap().pragma_update(None, "user_version", VERSION + 1).unwrap();
        let error = State::of(folder.path()).take("a", 1, HOUR, at(0)).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().contains(&format!("version {}", VERSION + 1)), "{error}");
        let connection = Connection::open(&path).unwrap();
        let requests: i64 = connection.query_row("SELECT count(*) FROM request", [], |row| row.get(0)).unwrap();
        assert_eq!(requests, 0);
    }

    #[test]
    fn of_many_who_make_the_file_at_once_all_can_use_it() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(FILE);
            std::thread::scope(|scope| {
                let each: Vec<_> = (0..8).map(|_| scope.spawn(|| open(&path).map(|_| ()))).collect();
                each.into_iter().for_each(|one| one.join().unwrap().unwrap());
            });
        }
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
