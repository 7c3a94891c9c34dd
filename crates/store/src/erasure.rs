//! Erasure: taking a record out of every snapshot and capture, on purpose, where law or its publisher withdraws it.
//!
//! Nothing that is committed is rewritten. `erased/<number>.json`, a tombstone, says which manifest stands in the place of which:
//! [`Warehouse::manifest`] resolves it, so that every reader of every snapshot sees what is left, under the old snapshots' and
//! pins' digests. What the tombstone guarantees:
//! - The parts and manifests that take the place of others are durable before it is created, and its creation is the
//!   erasure. Who dies before has erased nothing; who dies after leaves files that the next erasure and `snapshot gc` remove.
//! - Nobody reads or writes an affected snapshot meanwhile: `writing` and the locks of its readers are held alone. Nor does
//!   anybody read one that was removed: what only such snapshots name goes first, with all that dead runs left.
//! - A capture that was erased is not let in again, nor a part that was: who still has the record from its publisher learns
//!   that it was withdrawn here.
//! - What follows from captures and may show the record goes before the tombstone is there: unmasked rows below `restricted/`,
//!   and what was set aside of the dataset. Who dies in between has lost what can be made again.
//!
//! Captures that no snapshot names are told ([`Erasing::unnamed`]); whose they are is known by those who can read them.
//!
//! It holds no condition and no cell: neither tells what was erased. Captures leave whole, because a publisher's file without
//! one of its records is no longer what the publisher sent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use model::{DatasetId, Digest, Error, Kind, Result, ResultExt as _};
use serde::{Deserialize, Serialize};

use crate::Warehouse;
use crate::archive::{Archive, Exchange};
use crate::commit::{Manifest, manifest_path};
use crate::file::{Created, Files, Hold, LOCKS, Mode};
use crate::hold::{Scratch, WRITING, reading_name};
use crate::part;
use crate::restricted::{self, Take};
use crate::warehouse::{FORMAT, check_format, seal, to_json, unseal};

/// Where tombstones lie.
const FOLDER: &str = "erased";

/// A tombstone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// The version of this format.
    pub format: u32,
    /// Its number.
    pub number: u64,
    /// The dataset whose record was to go.
    pub dataset: DatasetId,
    /// Why, in the operator's words.
    pub reason: String,
    /// When.
    pub erased: Timestamp,
    /// The version of the program that did it.
    pub program: String,
    /// How many rows left each table, counted once however many snapshots had them.
    pub rows: BTreeMap<String, u64>,
    /// Every manifest that held any of it, with the one that stands in its place.
    pub manifests: BTreeMap<Digest, Digest>,
    /// The captures that it stood in, and those that no snapshot named and that may have had it.
    pub captures: BTreeSet<Digest>,
    /// The parts that it stood in.
    pub parts: BTreeSet<String>,
}

impl Erasure {
    /// A line about it.
    pub fn in_words(&self) -> String {
        let day: String = self.erased.to_string().chars().take(10).collect();
        format!("erasure {} of {day}: {}", self.number, self.reason)
    }
}

/// The right to erase: nobody else writes while this lives.
pub struct Erasing<'a> {
    warehouse: &'a Warehouse,
    alone: Arc<Hold>,
}

/// A manifest that snapshots name.
#[derive(Debug, Clone)]
pub struct Named {
    /// The digest by which they do.
    pub digest: Digest,
    /// What stands under it now.
    pub manifest: Manifest,
    /// Those snapshots.
    pub snapshots: BTreeSet<u64>,
}

/// A capture that no snapshot names: of a file that was refused, of a snapshot that was removed, or one that a newer took
/// the place of.
#[derive(Debug, Clone)]
pub struct Unnamed {
    /// The digest of its bytes.
    pub sha256: Digest,
    /// The exchanges that brought it; none where whoever fetched it died before he wrote one.
    pub exchanges: Vec<Exchange>,
}

/// Unmasked rows that are looked through: a file that is gone when this is dropped.
pub struct Unmasked {
    file: tempfile::NamedTempFile,
    _folder: Scratch,
}

impl Unmasked {
    /// The file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }
}

/// All tombstones, ascending.
pub(crate) fn erasures(files: &dyn Files) -> Result<Vec<Erasure>> {
    let mut found = Vec::new();
    for name in files.list(FOLDER)? {
        let path = format!("{FOLDER}/{name}");
        if name.ends_with(".json")
            && let Some(bytes) = files.read(&path)?
        {
            let erasure: Erasure = unseal(&path, &bytes)?;
            check_format(&path, erasure.format)?;
            found.push(erasure);
        }
    }
    Ok(found)
}

/// Where a tombstone lies.
pub fn erasure_path(number: u64) -> String {
    format!("{FOLDER}/{number:06}.json")
}

impl Warehouse {
    /// All tombstones, ascending.
    pub fn erasures(&self) -> Result<Vec<Erasure>> {
        erasures(self.files())
    }

    /// The digest of the manifest that stands for this one: its own, unless something was erased from it.
    pub fn standing(&self, digest: &Digest) -> Result<Digest> {
        let erasures = self.erasures()?;
        let newest = erasures.iter().rev().find_map(|erasure| erasure.manifests.get(digest));
        Ok(newest.unwrap_or(digest).clone())
    }

    /// Makes the tombstones that are there outlive a crash.
    pub(crate) fn settle_erasures(&self) -> Result<()> {
        self.files().settle(FOLDER)
    }

    /// Begins an erasure: waits until nobody writes.
    pub fn erasing(&self) -> Result<Erasing<'_>> {
        let alone = self.files().lock(WRITING, Mode::Exclusive)?;
        let alone = alone.ok_or_else(|| {
            Error::new(Kind::LostRace, "somebody writes in this warehouse")
                .hint("nothing was erased; stop the runs, or wait for them, and do it again")
                .retryable()
        })?;
        Ok(Erasing { warehouse: self, alone: Arc::new(alone) })
    }

    /// Removes the files of what was erased that are still there; what a snapshot names stays. Their paths come back.
    pub(crate) fn erased_files(&self, named: &BTreeSet<String>) -> Result<Vec<String>> {
        let mut go = BTreeSet::new();
        let mut captures = BTreeSet::new();
        for erasure in self.erasures()? {
            let manifests = erasure.manifests.keys().map(manifest_path);
            let bodies = erasure.captures.iter().map(Archive::path);
            go.extend(manifests.chain(erasure.parts.iter().cloned()).filter(|path| !named.contains(path)));
            go.extend(bodies);
            captures.extend(erasure.captures);
        }
        if !captures.is_empty() {
            go.extend(self.quarantined(&captures)?);
        }
        let mut there = Vec::new();
        for path in go {
            if self.files().exists(&path)? {
                there.push(path);
            }
        }
        Ok(there)
    }

    /// The files of rejected rows that come from any of these captures.
    fn quarantined(&self, captures: &BTreeSet<Digest>) -> Result<Vec<String>> {
        use arrow::array::AsArray as _;
        let mut found = Vec::new();
        for dataset in self.files().entries("quarantine")?.into_iter().filter(|entry| entry.is_folder) {
            for name in self.files().list(&format!("quarantine/{}", dataset.name))? {
                let path = format!("quarantine/{}/{name}", dataset.name);
                let Some(bytes) = self.files().read(&path)? else { continue };
                let rows = part::decode(bytes).map_err(|error| error.while_doing(&path))?;
                let from = rows.column_by_name("capture").and_then(|column| column.as_string_opt::<i32>());
                let is_of = |capture: &str| capture.parse().is_ok_and(|capture: Digest| captures.contains(&capture));
                if from.is_some_and(|from| from.iter().flatten().any(is_of)) {
                    found.push(path);
                }
            }
        }
        Ok(found)
    }
}

impl Erasing<'_> {
    /// Removes what no snapshot names, but captures: what dead runs and dead erasures left, and snapshots that were removed.
    /// Fails, with nothing erased, where somebody still reads one of those.
    pub fn clear(&self) -> Result<()> {
        // Whoever made a tombstone may have died before it was durable: what it replaces must not go before.
        self.warehouse.settle_erasures()?;
        let gone = self.warehouse.history()?.unfinished;
        let _holds = self.alone_with(&gone)?;
        self.warehouse.remove_all(&self.warehouse.leftovers()?)?;
        gone.iter().try_for_each(|number| self.warehouse.files().remove(&format!("{LOCKS}/{}", reading_name(*number))))
    }

    /// Keeps the readers of snapshots away.
    fn alone_with(&self, snapshots: &BTreeSet<u64>) -> Result<Vec<Hold>> {
        let alone = snapshots.iter().map(|number| {
            self.warehouse.alone_with(*number)?.ok_or_else(|| {
                Error::new(Kind::LostRace, format!("somebody reads snapshot {number}"))
                    .hint("nothing was erased; do it again when nobody reads")
                    .retryable()
            })
        });
        alone.collect()
    }

    /// The captures that no snapshot names.
    pub fn unnamed(&self) -> Result<Vec<Unnamed>> {
        let live = self.warehouse.numbers()?.into_iter().collect();
        let named = self.warehouse.all_named(&live)?;
        let mut found = BTreeMap::new();
        for path in self.warehouse.below("raw", false)?.into_iter().filter(|path| !named.contains(path)) {
            let name = path.rsplit('/').next().unwrap_or_default();
            // What is called otherwise is none of ours.
            if let Ok(sha256) = name.parse::<Digest>() {
                found.insert(sha256.clone(), Unnamed { sha256, exchanges: Vec::new() });
            }
        }
        let archive = self.warehouse.archive();
        let receipts = if found.is_empty() { Vec::new() } else { self.warehouse.files().list("exchanges")? };
        for name in receipts.iter().filter_map(|name| name.strip_suffix(".json")) {
            match archive.exchange(name) {
                Ok(exchange) => {
                    if let Some(unnamed) = exchange.digest.as_ref().and_then(|digest| found.get_mut(digest)) {
                        unnamed.exchanges.push(exchange);
                    }
                }
                // It tells nothing of any capture, and verification tells of it.
                Err(error) if error.kind() == Kind::Damaged => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found.into_values().collect())
    }

    /// Keeps unmasked rows for as long as they are looked through; none where `make` hands on none.
    pub fn unmasked(&self, make: &mut dyn FnMut(Take<'_>) -> Result<()>) -> Result<Option<Unmasked>> {
        let folder = self.warehouse.scratch_under("erase-", Arc::clone(&self.alone))?;
        let cannot = || format!("cannot make a file in {}", folder.path().display());
        let file = tempfile::NamedTempFile::new_in(folder.path()).or_error(Kind::Io, cannot())?;
        let any = restricted::write(&file, make)?;
        Ok(any.then_some(Unmasked { file, _folder: folder }))
    }

    /// The files of what was set aside of a dataset.
    pub fn quarantine(&self, dataset: &DatasetId) -> Result<Vec<String>> {
        let folder = format!("quarantine/{dataset}");
        Ok(self.warehouse.files().list(&folder)?.into_iter().map(|name| format!("{folder}/{name}")).collect())
    }

    /// Every manifest that a snapshot names.
    pub fn named(&self) -> Result<Vec<Named>> {
        let mut found: BTreeMap<Digest, BTreeSet<u64>> = BTreeMap::new();
        for number in self.warehouse.numbers()? {
            for digest in self.warehouse.snapshot(number)?.datasets.into_values() {
                found.entry(digest).or_default().insert(number);
            }
        }
        let named = found
            .into_iter()
            .map(|(digest, snapshots)| Ok(Named { manifest: self.warehouse.manifest(&digest)?, digest, snapshots }));
        named.collect()
    }

    /// Puts a manifest on disk that is to stand for another; nothing names it yet.
    pub fn put(&self, manifest: &Manifest) -> Result<Digest> {
        let bytes = to_json(manifest)?;
        let digest = Digest::of(&bytes);
        self.warehouse.files().create(&manifest_path(&digest), bytes)?;
        Ok(digest)
    }

    /// The number that the next tombstone has.
    pub fn number(&self) -> Result<u64> {
        Ok(self.warehouse.erasures()?.last().map_or(0, |last| last.number) + 1)
    }

    /// Erases: from here on every reader sees the manifests that stand in the place of others, and the files of what was
    /// erased are removed. Fails, with nothing erased, where somebody reads one of these snapshots.
    pub fn apply(&self, erasure: &Erasure, snapshots: &BTreeSet<u64>) -> Result<()> {
        let _holds = self.alone_with(snapshots)?;
        self.warehouse.clear_restricted()?;
        self.warehouse.remove_all(&self.quarantine(&erasure.dataset)?)?;
        let bytes = seal(&Erasure { format: FORMAT, ..erasure.clone() })?;
        match self.warehouse.files().create(&erasure_path(erasure.number), bytes)? {
            Created::New => self.clear(),
            Created::Existed => Err(Error::new(Kind::LostRace, format!("erasure {} was taken", erasure.number))
                .hint("nothing was erased; run it again")
                .retryable()),
        }
    }
}
