//! Manifests, snapshots, and the commit.
//!
//! A snapshot is one numbered, atomic state of the whole warehouse: for every dataset the digest of a manifest, which
//! lists parts and captures. The highest number is the head; there is no pointer to corrupt.
//!
//! What a commit guarantees:
//! - *Atomic*: `snapshots/<number>.json` is created exclusively, and that creation is the commit. Before it, no reader
//!   sees anything of it; after it, all of it.
//! - *Durable*: parts, captures and manifests are synced before the snapshot that names them, and the snapshot before
//!   `commit` returns.
//! - *Serial*: of any number of rivals for a number one wins; the others look at what it did and try the next number.
//!   Writers of different datasets, or of different slices of one, all land. Where two wrote the same slice
//!   differently on the same base, the second fails with [`Kind::LostRace`] and has changed nothing. Whoever slept for an
//!   hour before the last step looks at what rivals did like any other: the number it would take is taken.
//! - *Whole*: every part, capture and receipt that the commit adds is there, parts at their length, when it is made.
//!   Nothing that it names is collected meanwhile ([`crate::hold`]).
//! - *Told truly*: what `commit` returned as committed is there after any crash. What failed before the last step was
//!   not committed; where the last step itself failed, the error says that it is not known.
//! - *Idempotent*: committing what the head already says commits nothing.
//! - *Of one piece*: what is derived from other datasets is published only beside the very manifests that it was made
//!   from. [`Warehouse::commit_with`] derives over the state that is about to be published, and derives again over the
//!   next one where a rival took the number first; whatever rests on another state than the one published leaves.

mod covered;
mod draft;
mod history;

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::dataset::Series;
use model::{DatasetId, Digest, Error, Kind, Release, Result};
use serde::{Deserialize, Serialize};

pub use covered::{Covered, Relation, relation};
pub use draft::Draft;
pub use history::{Gone, History, gone_path};

use crate::file::{Created, digest_of};
use crate::part::Part;
use crate::warehouse::{FORMAT, check_format, from_json, seal};
use crate::{Origin, Warehouse};

/// The grade of a slice that was derived from other datasets, and the name of its edition.
pub const DERIVED: &str = "derived";

/// One state of the whole warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The version of this format.
    pub format: u32,
    /// Its number; never reused.
    pub number: u64,
    /// The snapshot it was made from; none for the first.
    pub parent: Option<u64>,
    /// The digest of the parent's file, so that history cannot change unseen.
    pub parent_sha256: Option<Digest>,
    /// Whether its data are real.
    pub origin: Origin,
    /// When it was committed.
    pub created: Timestamp,
    /// The version of the program that committed it.
    pub program: String,
    /// Every dataset's manifest.
    pub datasets: BTreeMap<DatasetId, Digest>,
    /// The snapshot that each of these manifests came with.
    #[serde(default)]
    pub came: BTreeMap<DatasetId, u64>,
    /// The checks that this commit passed, for the datasets that it changed.
    pub gate: Vec<Certificate>,
}

/// One dataset in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format.
    pub format: u32,
    /// The dataset.
    pub dataset: DatasetId,
    /// The digest of the pipeline file that made the newest of it.
    pub pipeline: Digest,
    /// The version of the program that made the newest of it.
    pub program: String,
    /// Its tables: the dataset's own first, then the companions.
    pub tables: Vec<Table>,
    /// What it is made of, by release and name.
    pub slices: Vec<Slice>,
    /// How it was made from other datasets; none where it was read from captures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<Derivation>,
}

/// How a dataset was made from others, with what its readers must know: whoever has the snapshot can make it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derivation {
    /// What it is, in a line.
    pub title: String,
    /// What one row is.
    pub row: String,
    /// The columns that are together unique and never null.
    pub key: Vec<String>,
    /// What a reader must know before using it, beside what holds for its inputs.
    pub caveats: Vec<String>,
    /// The SQL that made it.
    pub sql: String,
    /// The method that its rows went through, with its parameters, as TOML. Absent from manifests that have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The manifest of every dataset that the SQL names.
    pub inputs: BTreeMap<DatasetId, Digest>,
    /// Why it could not be made; it then has neither tables nor slices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// A table and its columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<ColumnType>,
    /// The column that says which period a row covers, for choosing the newest release of each.
    pub period: Option<String>,
    /// The columns that say which series a row belongs to: the newest release is chosen for each by itself. Absent from
    /// manifests that have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Series>,
    /// Releases that every other takes the place of, a secondary one too. Absent from manifests that have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outdated: Vec<Release>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnType {
    /// Its name.
    pub name: String,
    /// Its type, as SQL writes it.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its permanent field id.
    pub id: i32,
}

/// The unit that a run replaces: what came from one fetch, within one edition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// The edition.
    pub release: Release,
    /// Its name within the edition.
    pub name: String,
    /// `publisher`, `secondary` for somebody's copy or transcription, or [`DERIVED`].
    pub grade: String,
    /// A word on where it comes from.
    pub note: String,
    /// The address that it is fetched from first.
    pub url: String,
    /// The captures behind it, in the order in which they were read.
    pub captures: Vec<Capture>,
    /// The snapshot that it came with; of one that came with its manifest, [`Snapshot::came`] tells it. So a manifest says the
    /// same whatever number its snapshot gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// What was read and what became of it.
    pub counts: Counts,
    /// What part of the dataset it holds, by column. Absent from manifests that do not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<Covered>,
    /// Its parts.
    pub parts: Vec<Part>,
    /// The pipeline file that made it.
    pub pipeline: Digest,
    /// The version of the program that made it.
    pub program: String,
}

/// A capture behind a slice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// The digest of its bytes.
    pub sha256: Digest,
    /// The exchange that brought it.
    pub exchange: String,
    /// The digest of that exchange's receipt.
    pub receipt: Digest,
    /// The address that was asked.
    pub url: String,
    /// The erasure that took its bytes, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<u64>,
}

/// Conservation: `read = kept + totals + rejected + erased`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records that were decoded.
    pub read: u64,
    /// Rows of the dataset's own table.
    pub kept: u64,
    /// Rows of the totals table.
    pub totals: u64,
    /// Rows in quarantine.
    pub rejected: u64,
    /// Rows of the notes table; not among the records read.
    pub notes: u64,
    /// Rows of the dataset's own table that the publisher has and did not show; not among the records read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hidden: u64,
    /// Rows that were erased since, of the dataset's own table or another; among the records read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub erased: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What the gate looked at before it let a dataset through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The dataset.
    pub dataset: DatasetId,
    /// The edition.
    pub release: Release,
    /// The slice.
    pub slice: String,
    /// The checks, in the order in which they were made; all passed.
    pub checks: Vec<Check>,
}

/// A check that passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Which.
    pub name: String,
    /// What it saw.
    pub saw: String,
}

/// What a run wants to commit for one dataset.
#[derive(Debug, Clone)]
pub struct Staged {
    /// The dataset.
    pub dataset: DatasetId,
    /// The pipeline file.
    pub pipeline: Digest,
    /// Its tables.
    pub tables: Vec<Table>,
    /// The slices that replace those of the same release and name.
    pub slices: Vec<Slice>,
    /// Slices, by release and name, whose every row one of `slices` holds: they leave with its coming.
    pub superseded: Vec<(Release, String)>,
    /// The manifest that the run looked at when it began.
    pub base: Option<Digest>,
    /// What the gate saw.
    pub certificates: Vec<Certificate>,
}

/// What became of a commit.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// A new snapshot.
    Committed(Snapshot),
    /// The head already says all of it.
    Unchanged(Option<Snapshot>),
}

impl Warehouse {
    /// The digest of a snapshot's file.
    pub fn snapshot_digest(&self, number: u64) -> Result<Digest> {
        let path = snapshot_path(number);
        let found = digest_of(self.files(), &path)?;
        found.map(|(digest, _)| digest).ok_or_else(|| Error::new(Kind::Damaged, format!("{path} is missing")))
    }

    /// A manifest by digest, or the one that stands for it since something was erased. Its bytes are checked against its digest.
    pub fn manifest(&self, digest: &Digest) -> Result<Manifest> {
        let digest = &self.standing(digest)?;
        let path = manifest_path(digest);
        let bytes = self.files().read(&path)?.ok_or_else(|| Error::new(Kind::Damaged, format!("{path} is missing")))?;
        if Digest::of(&bytes) != *digest {
            return Err(Error::new(Kind::Damaged, format!("{path} is not what its name says"))
                .hint("`tollhouse snapshot verify` says what else is damaged"));
        }
        let manifest: Manifest = from_json(&path, &bytes)?;
        check_format(&path, manifest.format)?;
        Ok(manifest)
    }

    /// Commits what a run staged, all of it or nothing.
    pub fn commit(&self, staged: &[Staged], program: &str, now: Timestamp) -> Result<Outcome> {
        self.commit_with(staged, program, now, &mut |_| Ok(()))
    }

    /// Commits what a run staged together with what `derive` adds to it, all of it or nothing.
    ///
    /// `derive` sees the very state that is about to be published, and may be called again: where a rival takes the
    /// number first, its work is thrown away and done over the rival's state. So what is published was derived from
    /// what is published beside it. Its failure is the commit's, and nothing is committed then.
    pub fn commit_with(
        &self,
        staged: &[Staged],
        program: &str,
        now: Timestamp,
        derive: &mut dyn FnMut(&mut Draft) -> Result<()>,
    ) -> Result<Outcome> {
        let _writing = self.hold_writing()?;
        loop {
            let mut draft = self.draft(staged, program, now)?;
            derive(&mut draft)?;
            draft.drop_stale(self)?;
            if draft.is_the_head() {
                return Ok(Outcome::Unchanged(draft.head));
            }
            draft.check_whole(self)?;
            let snapshot = draft.snapshot;
            let created = self.files().create(&snapshot_path(snapshot.number), seal(&snapshot)?);
            match created.map_err(|error| {
                error.hint(format!(
                    "whether snapshot {} was committed is not known: `tollhouse snapshot list` tells; running it again does \
                     no harm",
                    snapshot.number
                ))
            })? {
                Created::New if self.gone(snapshot.number)?.is_none() => return Ok(Outcome::Committed(snapshot)),
                Created::New => {
                    return Err(Error::new(
                        Kind::LostRace,
                        format!("snapshot {} came and went while this run slept without its lock", snapshot.number),
                    )
                    .hint("nothing of this run was committed; run it again"));
                }
                // A rival took the number: look at what it did, and try the next.
                Created::Existed => {}
            }
        }
    }

    /// What the dataset is after `change`, given what it is now.
    fn merge(
        &self,
        change: &Staged,
        current: Option<&Digest>,
        before: Option<&Manifest>,
        program: &str,
    ) -> Result<Manifest> {
        let base = match &change.base {
            Some(digest) if current != Some(digest) => Some(self.manifest(digest)?),
            _ => None,
        };
        let moved = current != change.base.as_ref();
        let mut slices: BTreeMap<(Release, String), Slice> = before
            .map(|manifest| manifest.slices.iter().map(|slice| (key(slice), slice.clone())).collect())
            .unwrap_or_default();
        for slice in &change.slices {
            let rival = slices.get(&key(slice));
            let then = base.as_ref().and_then(|manifest| manifest.slices.iter().find(|s| key(s) == key(slice)));
            // Another slice's commit writes down when this one came, and changes nothing of it.
            let made = |slice: &Slice| Slice { since: None, ..slice.clone() };
            let rival_wrote = moved && rival.map(made) != then.map(made) && !self.is_blind();
            if rival_wrote && rival.is_some_and(|rival| rival.parts != slice.parts) {
                return Err(Error::new(
                    Kind::LostRace,
                    format!(
                        "another run committed {} {} {} while this one was at work",
                        change.dataset, slice.release, slice.name
                    ),
                )
                .hint("nothing of this run was committed; run it again to build on the other"));
            }
            // The same content fetched or imported again is no change, though another receipt tells of it.
            if !rival.is_some_and(|rival| rival.says_the_same_as(slice)) {
                slices.insert(key(slice), slice.clone());
            }
        }
        for gone in &change.superseded {
            slices.remove(gone);
        }
        Ok(Manifest {
            format: FORMAT,
            dataset: change.dataset.clone(),
            pipeline: change.pipeline.clone(),
            program: program.to_owned(),
            tables: change.tables.clone(),
            slices: slices.into_values().collect(),
            derived: None,
        })
    }

    /// For tests that prove the simulation.
    fn is_blind(&self) -> bool {
        #[cfg(test)]
        return self.blind;
        #[cfg(not(test))]
        return false;
    }
}

impl Slice {
    /// Whether two slices hold the same data, made in the same way from the same bytes; receipts may differ.
    fn says_the_same_as(&self, other: &Self) -> bool {
        let bytes = |slice: &Self| slice.captures.iter().map(|capture| capture.sha256.clone()).collect::<Vec<_>>();
        self.parts == other.parts
            && self.counts == other.counts
            && (&self.grade, &self.note, &self.pipeline, &self.program)
                == (&other.grade, &other.note, &other.pipeline, &other.program)
            && bytes(self) == bytes(other)
    }
}

fn key(slice: &Slice) -> (Release, String) {
    (slice.release.clone(), slice.name.clone())
}

/// Where a snapshot lies.
pub fn snapshot_path(number: u64) -> String {
    format!("snapshots/{number:06}.json")
}

/// Where a manifest lies.
pub fn manifest_path(digest: &Digest) -> String {
    format!("manifests/{digest}.json")
}

#[cfg(test)]
mod tests;
