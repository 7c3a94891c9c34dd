//! Which snapshots there are, and which there were.
//!
//! The number of a removed snapshot stays taken: `snapshots/<number>.gone.json` says what it was. It is created before a
//! byte of the snapshot is removed, and from then on nobody opens it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::{Digest, Error, Kind, Result};
use serde::{Deserialize, Serialize};

use super::{Manifest, Snapshot, snapshot_path};
use crate::Warehouse;
use crate::archive::Archive;
use crate::warehouse::{check_format, unseal};

/// What is left of a snapshot that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// The version of this format.
    pub format: u32,
    /// Its number; never used again.
    pub number: u64,
    /// The digest of the snapshot's file, so that the chain of digests has no gap.
    pub sha256: Digest,
    /// The snapshot it was made from.
    pub parent: Option<u64>,
    /// The digest of the parent's file.
    pub parent_sha256: Option<Digest>,
    /// When it was committed.
    pub created: Timestamp,
    /// When it was removed.
    pub removed: Timestamp,
    /// Why.
    pub why: String,
}

/// The numbers that are taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Snapshots that can be read.
    pub live: BTreeSet<u64>,
    /// Snapshots that were removed.
    pub gone: BTreeSet<u64>,
    /// Those of `gone` whose file is still there: their removal was not finished.
    pub unfinished: BTreeSet<u64>,
}

impl History {
    /// The highest number that was ever taken.
    pub fn last(&self) -> Option<u64> {
        self.live.last().max(self.gone.last()).copied()
    }
}

impl Warehouse {
    /// The numbers of all snapshots, those that were removed too.
    pub fn history(&self) -> Result<History> {
        let mut history = History::default();
        let mut files = BTreeSet::new();
        for name in self.files().list("snapshots")? {
            let Some(name) = name.strip_suffix(".json") else { continue };
            match name.strip_suffix(".gone") {
                Some(number) => history.gone.extend(number.parse::<u64>()),
                None => files.extend(name.parse::<u64>()),
            }
        }
        history.live = files.difference(&history.gone).copied().collect();
        history.unfinished = files.intersection(&history.gone).copied().collect();
        Ok(history)
    }

    /// The numbers of all snapshots that can be read, ascending.
    pub fn numbers(&self) -> Result<Vec<u64>> {
        Ok(self.history()?.live.into_iter().collect())
    }

    /// The newest snapshot.
    pub fn head(&self) -> Result<Option<Snapshot>> {
        loop {
            let Some(number) = self.history()?.live.last().copied() else { return Ok(None) };
            match self.snapshot(number) {
                // It was the newest when it was listed; a newer came, and it was removed, since.
                Err(_) if self.gone(number)?.is_some() => {}
                read => return read.map(Some),
            }
        }
    }

    /// A snapshot by number.
    pub fn snapshot(&self, number: u64) -> Result<Snapshot> {
        // In this order: one that is removed between the two is found to be gone.
        let found = self.find_snapshot(number);
        if let Some(gone) = self.gone(number)? {
            return Err(Error::new(
                Kind::Usage,
                format!("snapshot {number} was removed on {} by `snapshot gc`: {}", day(gone.removed), gone.why),
            )
            .hint("`tollhouse snapshot list` shows those that there are; a pin keeps one for ever"));
        }
        found?.ok_or_else(|| {
            Error::new(Kind::Usage, format!("there is no snapshot {number}"))
                .hint("`tollhouse snapshot list` shows those that there are")
        })
    }

    /// What is left of a snapshot that was removed.
    pub fn gone(&self, number: u64) -> Result<Option<Gone>> {
        let path = gone_path(number);
        let Some(bytes) = self.files().read(&path)? else { return Ok(None) };
        let gone: Gone = unseal(&path, &bytes)?;
        check_format(&path, gone.format)?;
        Ok(Some(gone))
    }

    /// A snapshot's file, though it be gone.
    pub(crate) fn find_snapshot(&self, number: u64) -> Result<Option<Snapshot>> {
        let path = snapshot_path(number);
        let Some(bytes) = self.files().read(&path)? else { return Ok(None) };
        let snapshot: Snapshot = unseal(&path, &bytes)?;
        check_format(&path, snapshot.format)?;
        Ok(Some(snapshot))
    }
}

impl Manifest {
    /// Every file that it names, with its digest, and its length where that is recorded: parts, bodies and receipts.
    pub fn files(&self) -> impl Iterator<Item = (String, &Digest, Option<u64>)> {
        self.slices.iter().flat_map(|slice| {
            let parts = slice.parts.iter().map(|part| (part.path.clone(), &part.sha256, Some(part.bytes)));
            let held = slice.captures.iter().filter(|capture| capture.erased.is_none());
            let bodies = held.map(|capture| (Archive::path(&capture.sha256), &capture.sha256, None));
            let receipts =
                slice.captures.iter().map(|capture| (Archive::receipt_path(&capture.exchange), &capture.receipt, None));
            parts.chain(bodies).chain(receipts)
        })
    }
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

/// Where it stands that a snapshot was removed.
pub fn gone_path(number: u64) -> String {
    format!("snapshots/{number:06}.gone.json")
}
