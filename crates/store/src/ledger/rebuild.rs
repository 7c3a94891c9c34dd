//! Opening the ledger, and putting back what the warehouse tells of the past where the file is new or was damaged.
//!
//! Snapshots tell which jobs committed when; receipts tell when each publisher was asked last, also where nothing was new. What
//! nothing else knows is lost with the file: pauses, queued runs and failures.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use model::{Digest, Kind, Result, ResultExt as _};
use rusqlite::{Connection, ErrorCode, params};

use super::{Ledger, Opened, as_i64, cannot};
use crate::Warehouse;
use crate::state::{self, Unopened};

/// The fact that the past was put back, where there was any.
const MADE: &str = "ledger-made";

/// How many of the newest snapshots are told of as runs.
const MOST: usize = 1_000;

/// What requests are counted over, at most.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);

pub(super) fn open(warehouse: &Warehouse, now: Timestamp) -> Result<(Ledger, Opened)> {
    let path = warehouse.root().join(state::FILE);
    let mut opened = Opened::default();
    let connection = match checked(&path) {
        Ok(connection) => connection,
        Err(error) if is_damage(&error) => {
            opened.set_aside = Some(set_aside(&path, now)?);
            checked(&path).map_err(|error| error.told(&path, cannot(&path)))?
        }
        Err(error) => return Err(error.told(&path, cannot(&path))),
    };
    let mut ledger = Ledger { path, connection };
    // A file may be there, and nothing of the past in it: it was emptied, or only budgets were kept in it so far, or whoever
    // put the past back died meanwhile.
    if ledger.fact(MADE)?.is_none() {
        opened.rebuilt = rebuild(&mut ledger, warehouse, now)?;
    }
    Ok((ledger, opened))
}

/// The file, seen to be whole.
fn checked(path: &Path) -> std::result::Result<Connection, Unopened> {
    let connection = state::open(path)?;
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        // What stands in the columns must be readable too.
        connection.query_row("SELECT count(*), max(number) FROM run", [], |_| Ok(()))?;
        return Ok(connection);
    }
    let code = rusqlite::ffi::Error { code: ErrorCode::DatabaseCorrupt, extended_code: 11 };
    Err(rusqlite::Error::SqliteFailure(code, Some(verdict)).into())
}

fn is_damage(error: &Unopened) -> bool {
    match error {
        Unopened::Sqlite(rusqlite::Error::SqliteFailure(code, message)) => {
            matches!(code.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
                || message.as_deref().is_some_and(|words| words.contains("no such") || words.contains("malformed"))
        }
        _ => false,
    }
}

/// Moves the file out of the way, with what SQLite keeps beside it.
fn set_aside(path: &Path, now: Timestamp) -> Result<std::path::PathBuf> {
    let name = format!("{}.damaged-{}", state::FILE, now.as_millisecond());
    let to = path.with_file_name(&name);
    std::fs::rename(path, &to).or_error(Kind::Io, format!("cannot set {} aside", path.display()))?;
    for beside in ["-wal", "-shm"] {
        let from = path.with_file_name(format!("{}{beside}", state::FILE));
        if from.exists() {
            let to = path.with_file_name(format!("{name}{beside}"));
            std::fs::rename(&from, to).or_error(Kind::Io, format!("cannot set {} aside", from.display()))?;
        }
    }
    Ok(to)
}

/// Whether there is a past that was put back.
fn rebuild(ledger: &mut Ledger, warehouse: &Warehouse, now: Timestamp) -> Result<bool> {
    let receipts = warehouse.files().list("exchanges")?;
    let asked = asked(&receipts);
    let recent = recent(warehouse, &receipts, now);
    let mut through: BTreeMap<String, Timestamp> = BTreeMap::new();
    let mut runs = Vec::new();
    let history = warehouse.history()?;
    let newest: Vec<u64> = history.live.iter().rev().take(MOST).copied().collect();
    for number in newest.into_iter().rev() {
        // A damaged one is `snapshot verify`'s to tell.
        let Ok(snapshot) = warehouse.snapshot(number) else { continue };
        let mut changed: Vec<&str> = snapshot.gate.iter().map(|one| one.dataset.as_str()).collect();
        changed.sort_unstable();
        changed.dedup();
        for job in changed {
            through.insert(job.to_owned(), snapshot.created);
            runs.push((format!("{job}@snapshot-{number}"), job.to_owned(), snapshot.created, number));
        }
    }
    if let Some(head) = warehouse.head()? {
        for (dataset, digest) in &head.datasets {
            let Ok(manifest) = warehouse.manifest(digest) else { continue };
            let captures = manifest.slices.iter().flat_map(|slice| &slice.captures);
            let last = captures.filter_map(|capture| asked.get(&key(&capture.url))).max();
            if let (Some(last), None) = (last, &manifest.derived) {
                let known = through.entry(dataset.to_string()).or_insert(*last);
                *known = (*known).max(*last);
            }
        }
    }
    ledger.change(|transaction| {
        let made = "INSERT OR IGNORE INTO fact (name, value, at_ms) VALUES (?1, '', ?2)";
        if transaction.execute(made, params![MADE, now.as_millisecond()])? == 0 {
            // Another was first.
            return Ok(false);
        }
        for (id, job, at, number) in &runs {
            transaction.execute(
                "INSERT OR IGNORE INTO run (id, job, trigger, not_before_ms, deadline_ms, state, created_ms, started_ms, \
                     ended_ms, attempts, snapshot) VALUES (?1, ?2, 'rebuilt', ?3, ?3, 'succeeded', ?3, ?3, ?3, 1, ?4)",
                params![id, job, at.as_millisecond(), as_i64(*number)],
            )?;
        }
        for (job, at) in &through {
            transaction.execute(
                "INSERT OR IGNORE INTO job (name, through_ms) VALUES (?1, ?2)",
                params![job, (*at).min(now).as_millisecond()],
            )?;
        }
        for (host, at) in &recent {
            transaction.execute("INSERT INTO request (host, at_ms) VALUES (?1, ?2)", params![host, at.as_millisecond()])?;
            transaction.execute(
                "INSERT INTO pace (host, at_ms) VALUES (?1, ?2)
                 ON CONFLICT (host) DO UPDATE SET at_ms = max(at_ms, excluded.at_ms)",
                params![host, at.as_millisecond()],
            )?;
        }
        Ok(!runs.is_empty())
    })
}

/// By which the name of an exchange begins, of an address.
fn key(url: &str) -> String {
    Digest::of(url).as_str()[..16].to_owned()
}

/// When each address was asked last, by the names of the receipts alone.
fn asked(receipts: &[String]) -> BTreeMap<String, Timestamp> {
    // Sorted by address, then time: the last of an address is its newest.
    receipts.iter().filter_map(|name| named(name)).map(|(key, at)| (key.to_owned(), at)).collect()
}

/// The requests of the last hour, a host and a time each.
fn recent(warehouse: &Warehouse, receipts: &[String], now: Timestamp) -> Vec<(String, Timestamp)> {
    let since = now.checked_sub(WINDOW).unwrap_or(now);
    let mut recent = Vec::new();
    for name in receipts {
        if named(name).is_none_or(|(_, at)| at < since || at > now) {
            continue;
        }
        // A damaged receipt is `snapshot verify`'s to tell.
        let Ok(exchange) = warehouse.archive().exchange(name.trim_end_matches(".json")) else { continue };
        let host = exchange.url.split("//").nth(1).and_then(|rest| rest.split(['/', '?']).next());
        if let Some(host) = host.filter(|_| exchange.via == "live") {
            let times = usize::try_from(exchange.attempts).unwrap_or(1);
            recent.extend(std::iter::repeat_n((host.to_owned(), exchange.finished), times));
        }
    }
    recent
}

/// The address's part of a receipt's name, and its time.
fn named(name: &str) -> Option<(&str, Timestamp)> {
    let mut pieces = name.splitn(3, '-');
    let (key, time) = (pieces.next()?, pieces.next()?);
    let seconds = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", time.get(..15)?).ok()?;
    Some((key, jiff::tz::TimeZone::UTC.to_timestamp(seconds).ok()?))
}
