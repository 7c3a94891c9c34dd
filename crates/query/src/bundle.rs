//! Bundles: one snapshot as one archive, which plain DuckDB reads and anybody can check.
//!
//! [`write`] makes a ZIP archive of a folder: the parts of a snapshot with its manifests and receipts, a catalogue that opens
//! in that folder, the declarations that made it, checksums, and descriptions for machines (RO-Crate 1.1, a Frictionless data
//! package) and people (README.md, CITATION.md and CITATION.cff). [`read`] takes such an archive into a warehouse of its own,
//! and lets nothing in whose bytes are not what they are named by. The same snapshot, by the same name and under the same
//! declarations, gives the same bytes, also from a warehouse that it was imported into: nothing of other snapshots and pins
//! is in it.
//!
//! What is absent: rows that are not in the snapshot, and the captures of datasets that mask persons, which are
//! unmasked: of those the digests are told.

mod describe;
mod take;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, Write};

use model::column::Vocabulary;
use model::dataset::Dataset;
use model::{Digest, Error, Kind, Result, ResultExt as _};
use serde::Serialize;
use store::Warehouse;
use store::commit::{Manifest, Snapshot};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

pub use describe::{Credit, citation, credits};
pub use take::{Contents, read};

use crate::catalogue;

/// What to bundle.
pub struct Bundle<'a> {
    /// The warehouse.
    pub warehouse: &'a Warehouse,
    /// The snapshot.
    pub snapshot: &'a Snapshot,
    /// What it is called: its pin, or `snapshot-<number>`.
    pub name: &'a str,
    /// The declarations, for terms, descriptions and columns.
    pub datasets: &'a [Dataset],
    /// The vocabulary of columns.
    pub vocabulary: &'a Vocabulary,
    /// Files of the project that go along, by their paths in it: pipelines, models, figures, claims.
    pub project: &'a [(String, Vec<u8>)],
    /// What was drawn and judged from the snapshot, by its path in the archive.
    pub drawn: &'a [(String, Vec<u8>)],
    /// Whether the captures go along, but for those of datasets that mask persons.
    pub captures: bool,
}

/// What an archive came to hold.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Written {
    /// How many files.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many captures went along.
    pub captures: u64,
    /// How many did not, and are named by their digests alone.
    pub captures_left_out: u64,
}

/// A file on its way into the archive.
enum Content {
    /// From the warehouse, with the digest that it must have.
    Held(String, Digest),
    /// Made here.
    Made(Vec<u8>),
}

impl Content {
    fn bytes(&self, warehouse: &Warehouse) -> Result<u64> {
        match self {
            Content::Made(bytes) => Ok(bytes.len() as u64),
            Content::Held(path, _) => {
                warehouse.files().length(path)?.ok_or_else(|| damaged(&format!("{path} is missing")))
            }
        }
    }

    fn digest(&self) -> Digest {
        match self {
            Content::Made(bytes) => Digest::of(bytes),
            Content::Held(_, digest) => digest.clone(),
        }
    }
}

/// Files by their paths in the archive.
type Files = BTreeMap<String, Content>;

/// Writes the archive.
pub fn write<W: Write + Seek>(bundle: &Bundle<'_>, to: W) -> Result<Written> {
    let Bundle { warehouse, snapshot, .. } = *bundle;
    let manifests: Vec<Manifest> =
        snapshot.datasets.values().map(|digest| warehouse.manifest(digest)).collect::<Result<_>>()?;
    let mut written = Written::default();
    let mut files = committed(bundle)?;
    let captures = named(bundle, &manifests, &mut files)?;
    let persons = unmasked(bundle, &manifests);
    let here = taken_along(bundle, &captures, &persons)?;
    written.captures = here.len() as u64;
    written.captures_left_out = (captures.len() - here.len()) as u64;
    for capture in &here {
        let path = store::archive::Archive::path(capture);
        files.insert(path.clone(), Content::Held(path, capture.clone()));
    }
    for (path, bytes) in bundle.project {
        files.insert(format!("project/{path}"), Content::Made(bytes.clone()));
    }
    for (path, bytes) in bundle.drawn {
        files.insert(path.clone(), Content::Made(bytes.clone()));
    }
    let catalogue = catalogue::portable(warehouse, snapshot, bundle.name, bundle.datasets, bundle.vocabulary)?;
    files.insert(catalogue::FILE.to_owned(), Content::Made(catalogue));
    describe::add(bundle, &manifests, (&here, &persons), &mut files)?;
    pack(bundle, files, to, &mut written)?;
    Ok(written)
}

/// What the warehouse says of the snapshot beside its manifests' contents: the snapshot, its manifests, its pin, tombstones,
/// and the marker.
fn committed(bundle: &Bundle<'_>) -> Result<Files> {
    let Bundle { warehouse, snapshot, .. } = *bundle;
    let mut files = Files::new();
    let made = |path: &str| -> Result<Content> {
        let bytes = warehouse.files().read(path)?.ok_or_else(|| damaged(&format!("{path} is missing")))?;
        Ok(Content::Made(bytes.to_vec()))
    };
    let number = store::commit::snapshot_path(snapshot.number);
    files.insert(number.clone(), Content::Held(number, warehouse.snapshot_digest(snapshot.number)?));
    for digest in snapshot.datasets.values() {
        let digest = warehouse.standing(digest)?;
        let path = store::commit::manifest_path(&digest);
        files.insert(path.clone(), Content::Held(path, digest));
    }
    // Whoever takes the archive in has the pin as it was made.
    if let Ok(pin) = warehouse.pin(bundle.name)
        && pin.snapshot == snapshot.number
    {
        let path = store::pin::pin_path(bundle.name);
        files.insert(path.clone(), made(&path)?);
    }
    // Whoever reads the snapshot without them would look for what was erased.
    for erasure in warehouse.erasures()? {
        if snapshot.datasets.values().any(|digest| erasure.manifests.contains_key(digest)) {
            let path = store::erasure::erasure_path(erasure.number);
            files.insert(path.clone(), made(&path)?);
        }
    }
    files.insert(MARKER.to_owned(), made(MARKER)?);
    Ok(files)
}

/// Adds the parts, declarations and receipts that manifests name; the captures that they name come back.
fn named(bundle: &Bundle<'_>, manifests: &[Manifest], files: &mut Files) -> Result<BTreeSet<Digest>> {
    let mut captures = BTreeSet::new();
    for slice in manifests.iter().flat_map(|manifest| &manifest.slices) {
        for part in &slice.parts {
            files.insert(part.path.clone(), Content::Held(part.path.clone(), part.sha256.clone()));
        }
        if let Some(text) = bundle.warehouse.declaration(&slice.pipeline)? {
            files.insert(format!("declarations/{}.toml", slice.pipeline), Content::Made(text.into_bytes()));
        }
        for capture in &slice.captures {
            let receipt = store::archive::Archive::receipt_path(&capture.exchange);
            files.insert(receipt.clone(), Content::Held(receipt, capture.receipt.clone()));
            if capture.erased.is_none() {
                captures.insert(capture.sha256.clone());
            }
        }
    }
    Ok(captures)
}

/// The captures that go along: none that may show persons, and none that did not come here either.
fn taken_along(
    bundle: &Bundle<'_>,
    captures: &BTreeSet<Digest>,
    persons: &BTreeSet<Digest>,
) -> Result<BTreeSet<Digest>> {
    if !bundle.captures {
        return Ok(BTreeSet::new());
    }
    let left_out = bundle.warehouse.imported()?.map(|imported| imported.absent).unwrap_or_default();
    let mut here = BTreeSet::new();
    for capture in captures.difference(persons) {
        // One that should be here and is not, is damage, which packing tells.
        if !left_out.contains(capture) || bundle.warehouse.archive().has(capture)? {
            here.insert(capture.clone());
        }
    }
    Ok(here)
}

/// The file that says of which format and origin a warehouse is.
const MARKER: &str = store::MARKER;

/// The file of checksums, as `sha256sum --check` reads it.
const CHECKSUMS: &str = "checksums.sha256";

/// The captures that show persons: those of datasets that mask them. A dataset that is no longer declared may.
fn unmasked(bundle: &Bundle<'_>, manifests: &[Manifest]) -> BTreeSet<Digest> {
    let masks = |manifest: &&Manifest| {
        let declared = bundle.datasets.iter().find(|dataset| dataset.id == manifest.dataset);
        declared.is_none_or(|dataset| dataset.spec.mask.is_some())
    };
    let slices = manifests.iter().filter(masks).flat_map(|manifest| &manifest.slices);
    slices.flat_map(|slice| &slice.captures).map(|capture| capture.sha256.clone()).collect()
}

fn pack<W: Write + Seek>(bundle: &Bundle<'_>, files: Files, to: W, written: &mut Written) -> Result<()> {
    let cannot = "the archive cannot be written";
    let folder = format!("tollhouse-{}", bundle.name);
    let mut archive = ZipWriter::new(to);
    let at = packed_at(bundle.snapshot);
    let mut checksums = String::new();
    let mut add = |archive: &mut ZipWriter<W>, path: &str, content: Content| -> Result<()> {
        // What is packed already is stored.
        let packed = [".parquet", ".duckdb"].iter().any(|end| path.ends_with(end)) || path.starts_with("raw/");
        let method = if packed { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let options = SimpleFileOptions::default().compression_method(method).last_modified_time(at).large_file(true);
        archive.start_file(format!("{folder}/{path}"), options).or_error(Kind::Io, cannot)?;
        let (digest, bytes) = match content {
            Content::Made(bytes) => {
                archive.write_all(&bytes).or_error(Kind::Io, cannot)?;
                (Digest::of(&bytes), bytes.len() as u64)
            }
            Content::Held(held, expected) => {
                let file = bundle.warehouse.files().open(&held)?;
                let file = file.ok_or_else(|| damaged(&format!("{held} is missing")))?;
                let (digest, bytes) = copy(file, archive)?;
                if digest != expected {
                    return Err(damaged(&format!("{held} is not what was committed")));
                }
                (digest, bytes)
            }
        };
        written.files += 1;
        written.bytes += bytes;
        checksums += &format!("{digest}  {path}\n");
        Ok(())
    };
    for (path, content) in files {
        add(&mut archive, &path, content)?;
    }
    let checksums = std::mem::take(&mut checksums);
    archive
        .start_file(format!("{folder}/{CHECKSUMS}"), SimpleFileOptions::default().last_modified_time(at))
        .or_error(Kind::Io, cannot)?;
    archive.write_all(checksums.as_bytes()).or_error(Kind::Io, cannot)?;
    archive.finish().or_error(Kind::Io, cannot)?;
    Ok(())
}

/// The time of the commit, as archives have it.
fn packed_at(snapshot: &Snapshot) -> DateTime {
    let at = jiff::tz::Offset::UTC.to_datetime(snapshot.created);
    let small = |number: i8| u8::try_from(number).unwrap_or_default();
    let year = u16::try_from(at.year()).unwrap_or_default();
    let time = (small(at.month()), small(at.day()), small(at.hour()), small(at.minute()), small(at.second()));
    DateTime::from_date_and_time(year, time.0, time.1, time.2, time.3, time.4).unwrap_or_default()
}

fn damaged(what: &str) -> Error {
    Error::new(Kind::Damaged, what).hint("`tollhouse snapshot verify` says what else is damaged")
}

/// Copies a file; its digest and length come back.
fn copy(from: impl Read, to: &mut impl Write) -> Result<(Digest, u64)> {
    store::file::copy(from, to).or_error(Kind::Io, "a file cannot be copied")
}

#[cfg(test)]
mod tests;
