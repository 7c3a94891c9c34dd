//! What was promised to whom, and whether it was kept.

use std::collections::{BTreeMap, BTreeSet};

use model::{DatasetId, Digest, Error, Kind, Result};

use super::world::World;
use crate::Warehouse;
use crate::commit::{Manifest, Slice, Snapshot};
use crate::file::digest_of;
use crate::part::Part;
use crate::warehouse::{from_json, unseal};

/// A slice of a dataset, by name.
pub type Key = (DatasetId, String);

/// One change of one slice, as a run set out to commit it. Its name is the slice's address, which nobody else writes.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub key: Key,
    pub parts: Vec<Part>,
    /// What the run knew: the attempt that the slice came from in the state on which the run was based.
    pub base: Option<String>,
    /// The files that an erasure of the slice takes.
    pub erasable: Vec<String>,
}

/// What was promised.
#[derive(Debug, Default, Clone)]
pub struct Promised {
    /// The file's digest of every snapshot whose commit was acknowledged.
    pub commits: BTreeMap<u64, Digest>,
    /// Everything that a run set out to commit, whatever came of it.
    pub attempts: BTreeMap<String, Attempt>,
    /// The snapshots of which a run was told that they hold what it attempted.
    pub told: Vec<(u64, String)>,
    /// Pins that were acknowledged, and nobody set out to remove.
    pub pins: BTreeMap<String, (u64, Digest)>,
    /// What somebody set out to erase.
    pub erasing: BTreeSet<String>,
    /// What was erased, as was told.
    pub erased: BTreeSet<String>,
    pub reads: u64,
    pub pinned: u64,
    pub removed: u64,
    pub repairs: u64,
    /// So often a run was told that a rival was faster.
    pub lost_races: u64,
    /// Promises that were seen broken while the others were at work.
    pub broken: Vec<String>,
    lineage: Lineage,
}

/// Every state that ever was, and what it was made from: also those that were never acknowledged, and those that are gone.
#[derive(Debug, Default, Clone)]
struct Lineage {
    manifests: BTreeMap<String, Vec<Slice>>,
    snapshots: BTreeMap<Digest, BTreeMap<Key, Slice>>,
}

fn broken<T>(why: String) -> Result<T> {
    Err(Error::new(Kind::Damaged, why))
}

impl Promised {
    /// Wants every state that was published since to hold all that the one before held, changed only by who knew it.
    pub fn follow(&mut self, world: &World) -> Result<()> {
        for (path, bytes) in world.published() {
            if path.starts_with("manifests/") {
                let manifest: Manifest = from_json(&path, &bytes)?;
                self.lineage.manifests.insert(path, manifest.slices);
            } else if !path.ends_with(".gone.json") {
                let snapshot: Snapshot = unseal(&path, &bytes)?;
                self.succeeds(&snapshot, Digest::of(&bytes))?;
            }
        }
        Ok(())
    }

    fn succeeds(&mut self, snapshot: &Snapshot, digest: Digest) -> Result<()> {
        let number = snapshot.number;
        let none = BTreeMap::new();
        let before = match &snapshot.parent_sha256 {
            Some(parent) => self.lineage.snapshots.get(parent),
            None => Some(&none),
        };
        let Some(before) = before else { return broken(format!("nobody published the parent of snapshot {number}")) };
        let mut held = BTreeMap::new();
        for (dataset, manifest) in &snapshot.datasets {
            let slices = self.lineage.manifests.get(&crate::commit::manifest_path(manifest));
            let Some(slices) = slices else { return broken(format!("nobody published {manifest}")) };
            held.extend(slices.iter().map(|slice| ((dataset.clone(), slice.name.clone()), slice.clone())));
        }
        if let Some(lost) = before.keys().find(|key| !held.contains_key(*key)) {
            return broken(format!("snapshot {number} lacks {lost:?}, which the one before it has"));
        }
        for (key, slice) in &held {
            self.is_of_its_attempt(number, key, slice)?;
            let rival = before.get(key);
            if rival.is_some_and(|rival| rival.url == slice.url) {
                continue;
            }
            let attempt = &self.attempts[&slice.url];
            let knew = attempt.base.as_ref() == rival.map(|rival| &rival.url);
            if !knew && rival.is_some_and(|rival| self.attempts[&rival.url].parts != attempt.parts) {
                return broken(format!(
                    "{key:?} of snapshot {number} took the place of {:?} and knew {:?}: a change was lost silently",
                    rival.map(|rival| &rival.url),
                    attempt.base
                ));
            }
        }
        self.lineage.snapshots.insert(digest, held);
        Ok(())
    }

    /// Wants a slice to be the very one that its run made, or what an erasure left of it.
    fn is_of_its_attempt(&self, number: u64, key: &Key, slice: &Slice) -> Result<()> {
        let Some(attempt) = self.attempts.get(&slice.url) else {
            return broken(format!("nobody made {key:?} of snapshot {number}: {}", slice.url));
        };
        let erased = slice.parts.is_empty() && self.erasing.contains(&slice.url);
        if attempt.key == *key && (attempt.parts == slice.parts || erased) {
            return Ok(());
        }
        broken(format!("{key:?} of snapshot {number} has the parts {:?}, not {:?}", slice.parts, attempt.parts))
    }

    /// Whether what was made by one attempt rests on another, or says the same.
    fn rests_on(&self, newest: &str, on: &str) -> bool {
        let wanted = &self.attempts[on].parts;
        let mut at = Some(newest);
        while let Some(url) = at {
            let Some(attempt) = self.attempts.get(url) else { return false };
            if url == on || attempt.parts == *wanted {
                return true;
            }
            at = attempt.base.as_deref();
        }
        false
    }

    /// Wants every promise to be kept by the warehouse of now. What an erasure that died half-way left may lie there still
    /// where `unfinished` says so.
    pub fn kept(&self, warehouse: &Warehouse, unfinished: bool) -> Result<()> {
        let mut damage = warehouse.verify(None)?.damage;
        damage.retain(|line| !(unfinished && line.contains("was erased and is still there")));
        if !damage.is_empty() {
            return broken(format!("damage: {damage:?}"));
        }
        self.commits_are_kept(warehouse)?;
        self.contents_are_kept(warehouse)?;
        self.erasures_are_kept(warehouse)?;
        for (name, (number, digest)) in &self.pins {
            if warehouse.pin(name)?.sha256 != *digest || warehouse.snapshot_digest(*number)? != *digest {
                return broken(format!("pin {name} does not name what it did"));
            }
            let snapshot = warehouse.snapshot(*number)?;
            read_whole(warehouse, snapshot.datasets.values())?;
        }
        Ok(())
    }

    fn commits_are_kept(&self, warehouse: &Warehouse) -> Result<()> {
        let history = warehouse.history()?;
        for (number, digest) in &self.commits {
            let found = match warehouse.gone(*number)? {
                Some(gone) => gone.sha256,
                None if history.live.contains(number) => warehouse.snapshot_digest(*number)?,
                None => return broken(format!("snapshot {number} was committed, and is lost")),
            };
            if found != *digest {
                return broken(format!("snapshot {number} is not what was committed under that number"));
            }
        }
        if history.last() > Some(0) && history.last() != history.live.last().copied() {
            return broken(format!("the newest snapshot is gone: {history:?}"));
        }
        Ok(())
    }

    /// What a run was told to be in a snapshot is in it, with its very parts, as long as there is one; and the newest has
    /// it, or what was made by who knew it.
    fn contents_are_kept(&self, warehouse: &Warehouse) -> Result<()> {
        let live = warehouse.history()?.live;
        let slices = |number: u64| -> Result<BTreeMap<Key, Slice>> {
            let mut held = BTreeMap::new();
            for (dataset, digest) in warehouse.snapshot(number)?.datasets {
                let slices = warehouse.manifest(&digest)?.slices;
                held.extend(slices.into_iter().map(|slice| ((dataset.clone(), slice.name.clone()), slice)));
            }
            Ok(held)
        };
        let mut held = BTreeMap::new();
        for number in &live {
            held.insert(*number, slices(*number)?);
        }
        let Some((head, newest)) = held.last_key_value() else {
            return if self.told.is_empty() { Ok(()) } else { broken("all that was committed is lost".to_owned()) };
        };
        for (number, url) in &self.told {
            let attempt = &self.attempts[url];
            if let Some(held) = held.get(number) {
                let Some(slice) = held.get(&attempt.key) else {
                    return broken(format!("snapshot {number} does not hold {url}, as its run was told"));
                };
                let erased = slice.parts.is_empty() && self.erasing.contains(url);
                if slice.parts != attempt.parts && !erased {
                    return broken(format!("snapshot {number} holds {:?} in the place of {url}", slice.parts));
                }
            }
            match newest.get(&attempt.key) {
                Some(slice) if self.rests_on(&slice.url, url) => self.is_of_its_attempt(*head, &attempt.key, slice)?,
                other => {
                    let other = other.map(|slice| &slice.url);
                    return broken(format!("{url} was committed, and the newest snapshot has {other:?}"));
                }
            }
        }
        Ok(())
    }

    /// What was erased is nowhere, in no snapshot and under no name.
    fn erasures_are_kept(&self, warehouse: &Warehouse) -> Result<()> {
        for url in &self.erased {
            for path in &self.attempts[url].erasable {
                if warehouse.files().exists(path)? {
                    return broken(format!("{path} was erased, and is there again"));
                }
            }
        }
        for number in warehouse.numbers()? {
            for digest in warehouse.snapshot(number)?.datasets.values() {
                for slice in warehouse.manifest(digest)?.slices {
                    if self.erased.contains(&slice.url) && !slice.parts.is_empty() {
                        return broken(format!("{} was erased, and snapshot {number} has it", slice.url));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Reads every file of these manifests; each must be what it was committed as.
pub fn read_whole<'a>(warehouse: &Warehouse, manifests: impl Iterator<Item = &'a Digest>) -> Result<()> {
    for digest in manifests {
        for (path, digest, _) in warehouse.manifest(digest)?.files() {
            match digest_of(warehouse.files(), &path)? {
                Some((found, _)) if found == *digest => {}
                found => return broken(format!("{path} is {found:?}")),
            }
        }
    }
    Ok(())
}
