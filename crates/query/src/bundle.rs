//! Bundles: one snapshot as one archive, which plain DuckDB reads and anybody can check.
//!
//! [`write`] makes a ZIP archive of a folder: the parts of a snapshot with its manifests and receipts, a catalogue that opens
//! in that folder, the declarations that made it, checksums, and descriptions for machines (RO-Crate 1.1, a Frictionless data
//! package) and people (README.md, CITATION.md). [`read`] takes such an archive into an empty warehouse, and lets nothing
//! in whose bytes are not what they are named by. The same snapshot gives the same bytes.
//!
//! What is absent: rows that are not in the snapshot, and the captures of datasets that mask persons, which are
//! unmasked: of those the digests are told.

mod describe;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, Write};
use std::path::Path;

use model::column::Vocabulary;
use model::dataset::Dataset;
use model::{Digest, Error, Kind, Result, ResultExt as _};
use serde::Serialize;
use store::Warehouse;
use store::commit::{Manifest, Snapshot};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

pub use describe::citation;

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

/// Writes the archive.
pub fn write<W: Write + Seek>(bundle: &Bundle<'_>, to: W) -> Result<Written> {
    let Bundle { warehouse, snapshot, .. } = *bundle;
    let manifests: Vec<Manifest> =
        snapshot.datasets.values().map(|digest| warehouse.manifest(digest)).collect::<Result<_>>()?;
    let mut written = Written::default();
    let mut files: BTreeMap<String, Content> = BTreeMap::new();
    let number = store::commit::snapshot_path(snapshot.number);
    files.insert(number.clone(), Content::Held(number, warehouse.snapshot_digest(snapshot.number)?));
    for digest in snapshot.datasets.values() {
        let digest = warehouse.standing(digest)?;
        let path = store::commit::manifest_path(&digest);
        files.insert(path.clone(), Content::Held(path, digest));
    }
    // Whoever reads the snapshot without them would look for what was erased.
    for erasure in warehouse.erasures()? {
        if snapshot.datasets.values().any(|digest| erasure.manifests.contains_key(digest)) {
            let path = store::erasure::erasure_path(erasure.number);
            let bytes = warehouse.files().read(&path)?.ok_or_else(|| damaged(&format!("{path} is missing")))?;
            files.insert(path, Content::Made(bytes.to_vec()));
        }
    }
    let persons = unmasked(bundle, &manifests);
    let mut captures = BTreeSet::new();
    for slice in manifests.iter().flat_map(|manifest| &manifest.slices) {
        for part in &slice.parts {
            files.insert(part.path.clone(), Content::Held(part.path.clone(), part.sha256.clone()));
        }
        if let Some(text) = warehouse.declaration(&slice.pipeline)? {
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
    for capture in captures {
        if bundle.captures && !persons.contains(&capture) {
            let path = store::archive::Archive::path(&capture);
            files.insert(path.clone(), Content::Held(path, capture));
            written.captures += 1;
        } else {
            written.captures_left_out += 1;
        }
    }
    for (path, bytes) in bundle.project {
        files.insert(format!("project/{path}"), Content::Made(bytes.clone()));
    }
    for (path, bytes) in bundle.drawn {
        files.insert(path.clone(), Content::Made(bytes.clone()));
    }
    let marker = warehouse.files().read(MARKER)?;
    let marker = marker.ok_or_else(|| Error::new(Kind::Damaged, format!("{MARKER} is missing")))?;
    files.insert(MARKER.to_owned(), Content::Made(marker.to_vec()));
    let catalogue = catalogue::portable(warehouse, snapshot, bundle.datasets, bundle.vocabulary)?;
    files.insert(catalogue::FILE.to_owned(), Content::Made(catalogue));
    for (name, text) in describe::files(bundle, &manifests, &persons)? {
        files.insert(name.to_owned(), Content::Made(text.into_bytes()));
    }
    pack(bundle, files, to, &mut written)?;
    Ok(written)
}

/// The file that says of which format and origin a warehouse is.
const MARKER: &str = "tollhouse.json";

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

fn pack<W: Write + Seek>(
    bundle: &Bundle<'_>,
    files: BTreeMap<String, Content>,
    to: W,
    written: &mut Written,
) -> Result<()> {
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

/// Takes an archive into a folder where no warehouse is yet. The snapshot keeps its number; its name comes back with it.
///
/// Nothing is there before everything was compared: files are unpacked beside the warehouse, and the marker that makes it
/// one is written last.
pub fn read<R: Read + Seek>(from: R, root: &Path) -> Result<(String, u64)> {
    let no = |what: &str| {
        Error::new(Kind::NotData, format!("this is no bundle of Tollhouse's: {what}"))
            .hint("`tollhouse snapshot export` writes one; get the archive again if it was cut on its way")
    };
    let mut archive =
        ZipArchive::new(from).map_err(|cause| no("it is no ZIP archive, or cut short").caused_by(cause))?;
    let names: Vec<String> = archive.file_names().flatten().map(Into::into).collect();
    let folder = names.iter().find_map(|name| name.strip_suffix(&format!("/{CHECKSUMS}")));
    let folder = folder.filter(|folder| !folder.contains('/')).ok_or_else(|| no("it has no checksums"))?.to_owned();
    let mut text = String::new();
    let mut checksums = archive.by_name(&format!("{folder}/{CHECKSUMS}")).or_error(Kind::NotData, "no checksums")?;
    checksums.read_to_string(&mut text).map_err(|cause| no("its checksums cannot be read").caused_by(cause))?;
    drop(checksums);

    std::fs::create_dir_all(root).or_error(Kind::Io, format!("cannot make {}", root.display()))?;
    if std::fs::read_dir(root).or_error(Kind::Io, "cannot list the folder")?.next().is_some() {
        return Err(Error::new(Kind::Usage, format!("{} is not empty", root.display()))
            .hint("a bundle is taken into a folder of its own: --root FOLDER"));
    }
    let mut number = None;
    let mut marker = None;
    for line in text.lines() {
        let (digest, path) = line.split_once("  ").ok_or_else(|| no("its checksums are none"))?;
        // What is not the warehouse's is for whoever unpacks the archive, and a path must lead below the root.
        let safe = path.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && !part.contains('\\'));
        let ours = ["snapshots/", "manifests/", "tables/", "exchanges/", "raw/", "declarations/", "erased/"];
        if !safe || !(ours.iter().any(|folder| path.starts_with(folder)) || path == MARKER) {
            continue;
        }
        let file = archive
            .by_name(&format!("{folder}/{path}"))
            .map_err(|cause| no(&format!("it lacks {path}")).caused_by(cause))?;
        let mut bytes = Vec::new();
        let found = if path == MARKER {
            copy(file, &mut bytes)?.0
        } else {
            let to = root.join(path);
            let parent = to.parent().unwrap_or(root);
            std::fs::create_dir_all(parent).or_error(Kind::Io, format!("cannot make {}", parent.display()))?;
            let mut out =
                std::fs::File::create_new(&to).or_error(Kind::Io, format!("cannot write {}", to.display()))?;
            let found = copy(file, &mut out)?.0;
            out.sync_all().or_error(Kind::Io, format!("cannot write {}", to.display()))?;
            found
        };
        if found.as_str() != digest {
            return Err(no(&format!("{path} is not what its checksum says")));
        }
        if path == MARKER {
            marker = Some(bytes);
        }
        let told = path.strip_prefix("snapshots/").and_then(|name| name.strip_suffix(".json")?.parse().ok());
        number = told.or(number);
    }
    let number = number.ok_or_else(|| no("it has no snapshot"))?;
    let marker = marker.ok_or_else(|| no(&format!("it has no {MARKER}")))?;
    let name = folder.strip_prefix("tollhouse-").unwrap_or(&folder).to_owned();
    store::imported(root, &name, number)?;
    std::fs::write(root.join(MARKER), marker).or_error(Kind::Io, format!("cannot write {MARKER}"))?;
    Ok((name, number))
}

/// Looks in an archive for files of a warehouse, by path and digest, and hands on each that it has, as a local file below
/// `beside` that the receiver may take.
pub fn find<R: Read + Seek>(
    from: R,
    wanted: &BTreeMap<String, Digest>,
    beside: &Path,
    found: &mut dyn FnMut(&str, &Path) -> Result<()>,
) -> Result<()> {
    let no = "this is no ZIP archive, or it is cut short";
    let mut archive = ZipArchive::new(from).or_error(Kind::NotData, no)?;
    for place in 0..archive.len() {
        let file = archive.by_index(place).or_error(Kind::NotData, no)?;
        let name = file.name().unwrap_or_default().into_owned();
        let Some((path, digest)) = name.split_once('/').and_then(|(_, path)| wanted.get_key_value(path)) else {
            continue;
        };
        let local = beside.join(digest.as_str());
        let cannot = || format!("cannot write {}", local.display());
        let mut out = std::fs::File::create(&local).or_error(Kind::Io, cannot())?;
        if copy(file, &mut out)?.0 == *digest {
            found(path, &local)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
