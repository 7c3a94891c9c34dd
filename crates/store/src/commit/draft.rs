//! A draft: what the next snapshot would be, before it is one.
//!
//! Its manifests are on disk, so that it can be read like a snapshot, and no snapshot names them: a draft that is
//! dropped leaves only unreferenced files.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::{DatasetId, Digest, Error, Kind, Result};

use super::{Certificate, Manifest, Snapshot, Staged, manifest_path};
use crate::Warehouse;
use crate::warehouse::{FORMAT, to_json};

/// The head, and what is staged over it.
#[derive(Debug, Clone)]
pub struct Draft {
    pub(super) head: Option<Snapshot>,
    pub(super) snapshot: Snapshot,
}

impl Warehouse {
    /// What a commit of this would publish over the head of now. Publishes nothing.
    pub fn draft(&self, staged: &[Staged], program: &str, now: Timestamp) -> Result<Draft> {
        // In this order: a rival that commits between the two must not give this draft a number above what it looked at.
        let taken = self.history()?.last();
        let head = self.head()?;
        let parent = head.as_ref().map(|head| head.number);
        let number = parent.max(taken).unwrap_or(0) + 1;
        let snapshot = Snapshot {
            format: FORMAT,
            number,
            parent,
            parent_sha256: parent.map(|number| self.snapshot_digest(number)).transpose()?,
            origin: self.origin(),
            created: now,
            program: program.to_owned(),
            datasets: head.as_ref().map(|head| head.datasets.clone()).unwrap_or_default(),
            came: head.as_ref().map(|head| head.came.clone()).unwrap_or_default(),
            gate: Vec::new(),
        };
        let mut draft = Draft { head, snapshot };
        for change in staged {
            let current = draft.snapshot.datasets.get(&change.dataset).cloned();
            let before = current.as_ref().map(|digest| self.manifest(digest)).transpose()?;
            let mut merged = self.merge(change, current.as_ref(), before.as_ref(), program)?;
            if before.as_ref() != Some(&merged) {
                // What was there before came with the manifest of before.
                let came = draft.snapshot.came.get(&change.dataset).copied();
                let held = before.iter().flat_map(|before| &before.slices);
                let held: Vec<_> = held.filter(|slice| slice.since.is_none()).cloned().collect();
                for slice in &mut merged.slices {
                    slice.since = if held.contains(slice) { came } else { slice.since };
                }
                draft.put(self, &merged, &change.certificates)?;
            }
        }
        Ok(draft)
    }
}

impl Draft {
    /// The state, as the snapshot that it would become. There is no such snapshot yet.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The manifest of a dataset in this state.
    pub fn manifest(&self, warehouse: &Warehouse, dataset: &DatasetId) -> Result<Option<Manifest>> {
        self.snapshot.datasets.get(dataset).map(|digest| warehouse.manifest(digest)).transpose()
    }

    /// Makes a dataset be what this manifest says, having passed these checks.
    pub fn put(&mut self, warehouse: &Warehouse, manifest: &Manifest, certificates: &[Certificate]) -> Result<()> {
        let bytes = to_json(manifest)?;
        let digest = Digest::of(&bytes);
        warehouse.files().create(&manifest_path(&digest), bytes)?;
        let held = self.head.as_ref().filter(|head| head.datasets.get(&manifest.dataset) == Some(&digest));
        let came = held.map_or(Some(self.snapshot.number), |head| head.came.get(&manifest.dataset).copied());
        self.snapshot.came.extend(came.map(|came| (manifest.dataset.clone(), came)));
        self.snapshot.datasets.insert(manifest.dataset.clone(), digest);
        self.snapshot.gate.extend(certificates.iter().cloned());
        Ok(())
    }

    /// Takes a dataset out.
    pub fn remove(&mut self, dataset: &DatasetId) {
        self.snapshot.datasets.remove(dataset);
        self.snapshot.came.remove(dataset);
    }

    /// Takes out what was derived from other manifests than those of this state, and what was derived from that.
    pub(super) fn drop_stale(&mut self, warehouse: &Warehouse) -> Result<()> {
        let mut derived = Vec::new();
        for (dataset, digest) in &self.snapshot.datasets {
            derived.extend(warehouse.manifest(digest)?.derived.map(|derivation| (dataset.clone(), derivation.inputs)));
        }
        let mut before = usize::MAX;
        while self.snapshot.datasets.len() < before {
            before = self.snapshot.datasets.len();
            for (dataset, inputs) in &derived {
                if inputs.iter().any(|(input, digest)| self.snapshot.datasets.get(input) != Some(digest)) {
                    self.snapshot.datasets.remove(dataset);
                    self.snapshot.came.remove(dataset);
                }
            }
        }
        Ok(())
    }

    /// Refuses to publish what is not there: every part, capture and receipt of every slice that the head does not have.
    pub(super) fn check_whole(&self, warehouse: &Warehouse) -> Result<()> {
        let held = self.head.as_ref().map(|head| &head.datasets);
        let erasures = warehouse.erasures()?;
        for (dataset, digest) in &self.snapshot.datasets {
            let before = held.and_then(|held| held.get(dataset));
            if before == Some(digest) {
                continue;
            }
            let before = before.map(|digest| warehouse.manifest(digest)).transpose()?;
            let known: BTreeSet<String> = before.iter().flat_map(Manifest::files).map(|(path, ..)| path).collect();
            for (path, _, length) in warehouse.manifest(digest)?.files() {
                if known.contains(&path) {
                    continue;
                }
                if let Some(erasure) = erasures.iter().find(|erasure| erasure.parts.contains(&path)) {
                    let message = format!("{dataset} has rows that were erased here ({})", erasure.in_words());
                    return Err(Error::new(Kind::CheckFailed, message)
                        .hint("nothing was committed; the publisher still has the record: ask it"));
                }
                let lies = warehouse.files().length(&path)?;
                if lies.is_none() || length.is_some_and(|length| lies != Some(length)) {
                    let wrong = if lies.is_none() { "is no longer there" } else { "is not as long as it was" };
                    return Err(Error::new(Kind::Damaged, format!("{path}, which {dataset} was to name, {wrong}"))
                        .hint("nothing was committed; run it again, and see that nobody else removes files there"));
                }
            }
        }
        Ok(())
    }

    /// Whether the head says all of it already.
    pub(super) fn is_the_head(&self) -> bool {
        let held = self.head.as_ref().map(|head| &head.datasets);
        held.map_or(self.snapshot.datasets.is_empty(), |held| *held == self.snapshot.datasets)
    }
}
