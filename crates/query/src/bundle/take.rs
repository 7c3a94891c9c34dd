//! Taking a bundle in: as a warehouse of its own, or for the files that another of its kind has lost.
//!
//! [`read`] unpacks into a folder beside the root, `ROOT.importing-…`, compares everything, and renames it to the root last: a
//! root is either not there, or whole. Whoever dies before leaves that folder, which the next import into the same root
//! removes: its lock is free then.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use model::{Digest, Error, Kind, Result, ResultExt as _};
use store::pin::pin_path;
use store::{Imported, Warehouse};
use zip::ZipArchive;

use super::{CHECKSUMS, MARKER, copy};

/// Which folders of an archive are a warehouse's; the rest is for whoever unpacks it.
const OURS: [&str; 7] = ["snapshots/", "manifests/", "tables/", "exchanges/", "raw/", "declarations/", "erased/"];

/// What whoever imports holds, below the folder that is unpacked into.
const LOCK: &str = "locks/importing";

fn no(what: &str) -> Error {
    Error::new(Kind::NotData, format!("this is no bundle of Tollhouse's: {what}"))
        .hint("`tollhouse snapshot export` writes one; get the archive again if it was cut on its way")
}

/// Takes an archive into a root where nothing is yet. The snapshot keeps its number, and the pin that the archive is called by;
/// its name and number come back.
pub fn read<R: Read + Seek>(from: R, root: &Path, now: Timestamp) -> Result<(String, u64)> {
    let mut contents = Contents::open(from)?;
    let root = free(root)?;
    let building = Building::begin(&root)?;
    let number = contents.unpack(&building.folder)?;
    let warehouse = Warehouse::open(&building.folder)?;
    let absent = absent(&warehouse, number)?;
    let name = contents.name().to_owned();
    store::imported(&building.folder, &Imported::new(&name, number, absent))?;
    // Archives of before have no pin in them.
    if name != format!("snapshot-{number}") {
        warehouse.add_pin(&name, number, now)?;
    }
    drop(warehouse);
    building.become_root(&root)?;
    Ok((name, number))
}

/// The captures that a snapshot's manifests name and that are not here.
fn absent(warehouse: &Warehouse, number: u64) -> Result<BTreeSet<Digest>> {
    let mut absent = BTreeSet::new();
    for digest in warehouse.snapshot(number)?.datasets.values() {
        for capture in warehouse.manifest(digest)?.slices.into_iter().flat_map(|slice| slice.captures) {
            if capture.erased.is_none() && !warehouse.archive().has(&capture.sha256)? {
                absent.insert(capture.sha256);
            }
        }
    }
    Ok(absent)
}

/// The root, if nothing is there or an empty folder.
fn free(root: &Path) -> Result<PathBuf> {
    if !root.exists() {
        return Ok(root.to_owned());
    }
    let cannot = || format!("cannot list {}", root.display());
    let mut names: Vec<String> = std::fs::read_dir(root)
        .or_error(Kind::Usage, cannot())?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<_>>()
        .or_error(Kind::Io, cannot())?;
    names.sort();
    if names.is_empty() {
        return root.canonicalize().or_error(Kind::Io, cannot());
    }
    let what = if names.iter().any(|name| name == MARKER) {
        "a warehouse is there".to_owned()
    } else {
        let more = if names.len() > 5 { format!(" and {} more", names.len() - 5) } else { String::new() };
        format!("there lie {}{more}", names[..names.len().min(5)].join(", "))
    };
    Err(Error::new(Kind::Usage, format!("{} is not empty: {what}", root.display()))
        .hint("a bundle is taken into a folder of its own, which need not exist: --root FOLDER"))
}

/// A folder beside the root that is to become it. It is removed with what holds it, unless it became the root.
struct Building {
    folder: PathBuf,
    lock: File,
    done: bool,
}

impl Building {
    /// Makes the folder, after removing what dead ones left.
    fn begin(root: &Path) -> Result<Self> {
        let parent = root.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = root.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.ok_or_else(|| Error::new(Kind::Usage, format!("{} has no name", root.display())))?;
        let prefix = format!("{name}.importing-");
        let cannot = || format!("cannot make a folder in {}", parent.display());
        std::fs::create_dir_all(parent).or_error(Kind::Io, cannot())?;
        sweep(parent, &prefix)
            .or_error(Kind::Io, format!("cannot remove what an import left in {}", parent.display()))?;
        // Another that sweeps may take the folder before it is locked: then the next one is tried.
        for _ in 0..10 {
            let folder =
                tempfile::Builder::new().prefix(&prefix).tempdir_in(parent).or_error(Kind::Io, cannot())?.keep();
            if let Ok(Some(lock)) = hold(&folder) {
                return Ok(Self { folder, lock, done: false });
            }
        }
        Err(Error::new(Kind::Io, cannot()).hint("another import may be at work beside it; try again"))
    }

    fn become_root(mut self, root: &Path) -> Result<()> {
        let cannot = || format!("cannot move {} to {}", self.folder.display(), root.display());
        settle(&self.folder).or_error(Kind::Io, cannot())?;
        // An empty folder gives way; anything else that came there meanwhile does not.
        std::fs::rename(&self.folder, root).map_err(|cause| {
            Error::new(Kind::Io, cannot())
                .caused_by(cause)
                .hint("nothing was imported; if that folder is where a disk is mounted, name one below it: --root FOLDER/NAME")
        })?;
        self.done = true;
        let parent = root.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)
            .and_then(|parent| parent.sync_all())
            .or_error(Kind::Io, format!("cannot sync {}", parent.display()))
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        if !self.done {
            // What stays of it, the next import removes.
            let _left = std::fs::remove_dir_all(&self.folder);
        }
        let _free = self.lock.unlock();
    }
}

/// Locks a folder in the making; none where somebody else has it, or it was removed meanwhile.
fn hold(folder: &Path) -> std::io::Result<Option<File>> {
    let path = folder.join(LOCK);
    std::fs::create_dir(folder.join("locks")).or_else(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Ok(()),
        _ => Err(error),
    })?;
    let lock = File::options().write(true).create(true).truncate(false).open(&path)?;
    match lock.try_lock() {
        Ok(()) => Ok(path.exists().then_some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes the folders of imports that died.
fn sweep(parent: &Path, prefix: &str) -> std::io::Result<()> {
    for entry in std::fs::read_dir(parent)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(prefix) || !entry.file_type()?.is_dir() {
            continue;
        }
        // Another sweeper may come first.
        let Ok(Some(_lock)) = hold(&entry.path()) else { continue };
        match std::fs::remove_dir_all(entry.path()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Makes the entries of a folder and all below it outlive a crash.
fn settle(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            settle(&entry.path())?;
        }
    }
    File::open(folder)?.sync_all()
}

/// What an archive holds.
pub struct Contents<R> {
    archive: ZipArchive<R>,
    folder: String,
    /// The digest of every file, by its path below the folder.
    checksums: BTreeMap<String, Digest>,
}

impl<R: Read + Seek> Contents<R> {
    /// Looks into an archive.
    pub fn open(from: R) -> Result<Self> {
        let mut archive =
            ZipArchive::new(from).map_err(|cause| no("it is no ZIP archive, or cut short").caused_by(cause))?;
        let names: Vec<String> = archive.file_names().flatten().map(Into::into).collect();
        let folder = names.iter().find_map(|name| name.strip_suffix(&format!("/{CHECKSUMS}")));
        let folder = folder.filter(|folder| !folder.contains('/')).ok_or_else(|| no("it has no checksums"))?.to_owned();
        let mut text = String::new();
        let mut told = archive.by_name(&format!("{folder}/{CHECKSUMS}")).or_error(Kind::NotData, "no checksums")?;
        told.read_to_string(&mut text).map_err(|cause| no("its checksums cannot be read").caused_by(cause))?;
        drop(told);
        let mut checksums = BTreeMap::new();
        for line in text.lines() {
            let told = line.split_once("  ").and_then(|(digest, path)| Some((path.to_owned(), digest.parse().ok()?)));
            checksums.extend([told.ok_or_else(|| no("its checksums are none"))?]);
        }
        Ok(Self { archive, folder, checksums })
    }

    /// What the archive is called: a pin, or `snapshot-<number>`.
    pub fn name(&self) -> &str {
        self.folder.strip_prefix("tollhouse-").unwrap_or(&self.folder)
    }

    /// The numbers of its snapshots.
    fn numbers(&self) -> impl Iterator<Item = u64> {
        let number = |path: &String| path.strip_prefix("snapshots/")?.strip_suffix(".json")?.parse().ok();
        self.checksums.keys().filter_map(number)
    }

    /// Unpacks what is a warehouse's; the number of the snapshot comes back.
    fn unpack(&mut self, root: &Path) -> Result<u64> {
        let number = self.numbers().last().ok_or_else(|| no("it has no snapshot"))?;
        if !self.checksums.contains_key(MARKER) {
            return Err(no(&format!("it has no {MARKER}")));
        }
        let pin = pin_path(self.name());
        for path in self.checksums.keys().cloned().collect::<Vec<_>>() {
            // A path must lead below the root.
            let safe = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\\');
            let ours = path == MARKER || path == pin || OURS.iter().any(|folder| path.starts_with(folder));
            if !ours || !path.split('/').all(safe) {
                continue;
            }
            let to = root.join(&path);
            let cannot = || format!("cannot write {}", to.display());
            std::fs::create_dir_all(to.parent().unwrap_or(root)).or_error(Kind::Io, cannot())?;
            let mut out = File::create_new(&to).or_error(Kind::Io, cannot())?;
            if !self.copy(&path, &mut out)? {
                return Err(no(&format!("{path} is not what its checksum says")));
            }
            out.sync_all().or_error(Kind::Io, cannot())?;
        }
        Ok(number)
    }

    /// Copies a file of the archive; whether it is what its checksum says comes back.
    fn copy(&mut self, path: &str, to: &mut File) -> Result<bool> {
        let lacks = || no(&format!("it lacks {path}"));
        let expected = self.checksums.get(path).ok_or_else(lacks)?;
        let file =
            self.archive.by_name(&format!("{}/{path}", self.folder)).map_err(|cause| lacks().caused_by(cause))?;
        Ok(copy(file, to)?.0 == *expected)
    }

    /// Whether the archive is of this warehouse, or of one that shares its history: a manifest of it is here, which names receipts
    /// that no other history has. Its snapshot may be what is damaged.
    pub fn is_of(&self, warehouse: &Warehouse) -> bool {
        let mut manifests = self.checksums.keys().filter(|path| path.starts_with("manifests/"));
        manifests.any(|path| warehouse.files().exists(path).unwrap_or(false))
    }

    /// Takes out a file, if the archive has it, as a local file below `beside` that the receiver may take; with a digest only if
    /// it is of these bytes.
    pub fn take(&mut self, path: &str, digest: Option<&Digest>, beside: &Path) -> Result<Option<PathBuf>> {
        let Some(told) = self.checksums.get(path) else { return Ok(None) };
        if digest.is_some_and(|digest| digest != told) {
            return Ok(None);
        }
        let local = beside.join(told.as_str());
        let mut out = File::create(&local).or_error(Kind::Io, format!("cannot write {}", local.display()))?;
        Ok(self.copy(path, &mut out)?.then_some(local))
    }

    /// What [`store::IMPORTED`] says in the warehouse that was made from this archive, if this warehouse was: its history begins with
    /// the archive's snapshot.
    pub fn imported(&self, warehouse: &Warehouse) -> Result<Option<Imported>> {
        let history = warehouse.history()?;
        let first = history.live.iter().chain(&history.gone).min().copied();
        let Some(number) = self.numbers().last().filter(|number| first == Some(*number) && self.is_of(warehouse))
        else {
            return Ok(None);
        };
        let mut absent = BTreeSet::new();
        for digest in warehouse.snapshot(number)?.datasets.values() {
            for capture in warehouse.manifest(digest)?.slices.into_iter().flat_map(|slice| slice.captures) {
                let path = store::archive::Archive::path(&capture.sha256);
                if capture.erased.is_none() && !self.checksums.contains_key(&path) {
                    absent.insert(capture.sha256);
                }
            }
        }
        Ok(Some(Imported::new(self.name(), number, absent)))
    }
}
