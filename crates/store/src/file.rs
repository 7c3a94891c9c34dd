//! The few operations that everything on disk is made of: the seam for other storage, and for simulated storage.
//!
//! Files are only ever created, never changed: [`Files::create`] and [`Files::adopt`] succeed once for a path. The single
//! file that is replaced, the catalogue, is not reached through here. Calls block. [`LocalFiles`] is the protocol over the
//! calls of an operating system ([`Disk`]).

mod disk;

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path as LocalPath;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use model::{Digest, Error, Kind, Result};
use sha2::Digest as _;

pub use disk::{Disk, Entry, Hold, LocalDisk, Mode};

pub(crate) use disk::STAGING;

/// The folder of the files that are locked.
pub(crate) const LOCKS: &str = "locks";

/// Whether a file was created by this call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It was.
    New,
    /// It was there before, and was left as it is.
    Existed,
}

/// The content of a file, from wherever one likes.
pub trait Content: Read + Seek + Send {}

impl<T: Read + Seek + Send> Content for T {}

/// Immutable files by slash-separated paths relative to the root.
///
/// An implementation must uphold:
/// - of any number of rivals that create one path, exactly one sees [`Created::New`];
/// - a reader sees a whole file or none;
/// - a file that a call created *or found there* is there after a crash of the machine: whoever saw
///   [`Created::Existed`] may build on it, though the rival that made it has not returned yet;
/// - what is merely read, listed or removed may be otherwise after a crash, until [`Files::settle`] returned;
/// - a lock is free once its holder is dead, whatever it died of.
pub trait Files: Send + Sync {
    /// Creates a file with these bytes, unless the path exists.
    fn create(&self, path: &str, bytes: Bytes) -> Result<Created>;
    /// Moves a finished, synced local file into place, unless the path exists; the local file is gone either way.
    fn adopt(&self, local: &LocalPath, path: &str) -> Result<Created>;
    /// Puts a finished local file in the place of one that is not what its name says. For repair alone: whoever calls
    /// has seen that the old bytes are damaged and that the new ones are right.
    fn repair(&self, local: &LocalPath, path: &str) -> Result<()>;
    /// Removes a file or an empty folder; one that is not there is fine. For collecting garbage alone.
    fn remove(&self, path: &str) -> Result<()>;
    /// Makes what a folder lists now outlive a crash, removals too; a folder that is not there is fine.
    fn settle(&self, folder: &str) -> Result<()>;
    /// The whole file, or `None` where there is none.
    fn read(&self, path: &str) -> Result<Option<Bytes>>;
    /// A reader from the beginning of the file, or `None` where there is none.
    fn open(&self, path: &str) -> Result<Option<Box<dyn Content>>>;
    /// The length of the file, or `None` where there is none.
    fn length(&self, path: &str) -> Result<Option<u64>>;
    /// What lies directly in a folder, sorted; empty where there is no such folder. Nothing is asked about each entry.
    fn entries(&self, folder: &str) -> Result<Vec<Entry>>;
    /// Takes the lock of this name, without waiting: `None` where somebody else holds it. It binds only those who ask
    /// for it. In a root that cannot be written a shared lock is granted without one: whoever reads there can.
    fn lock(&self, name: &str, mode: Mode) -> Result<Option<Hold>>;

    /// Whether the path exists.
    fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.length(path)?.is_some())
    }

    /// The names of the files directly in a folder, sorted; empty where there is no such folder.
    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let files = self.entries(folder)?.into_iter().filter(|entry| !entry.is_folder && !is_staged(&entry.name));
        Ok(files.map(|entry| entry.name).collect())
    }
}

/// Whether a name is one under which earlier programs wrote, beside its place, what was not finished.
pub(crate) fn is_staged(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, number)| number.chars().all(|c| c.is_ascii_digit()))
}

/// A folder of this machine.
pub type LocalFiles = DiskFiles<LocalDisk>;

/// The protocol by which files come to be on a disk.
///
/// The bytes are written under a name of their own below `tmp/` and synced; a hard link gives them their place, which
/// fails where it is taken; then the folder is synced, and before it each folder on the way that this process has not
/// synced yet. So the place never shows part of a file, and nothing waits for a writer that died.
pub struct DiskFiles<D> {
    disk: D,
    /// The folders whose own entries are known to be durable; none is ever removed but below `tmp/`.
    settled: Mutex<BTreeSet<String>>,
    /// For tests that prove the simulation: what was there already is taken to be durable.
    #[cfg(test)]
    pub(crate) trusting: bool,
    /// For the same: nothing is settled.
    #[cfg(test)]
    pub(crate) unsettled: bool,
}

impl LocalFiles {
    /// Files below an existing folder.
    pub fn new(root: &LocalPath) -> Result<Self> {
        let disk = LocalDisk::new(root)
            .map_err(|cause| io("open the warehouse folder", &root.display().to_string(), cause))?;
        Ok(Self::on(disk))
    }
}

/// The digest and length of a file, or `None` where there is none.
pub fn digest_of(files: &dyn Files, path: &str) -> Result<Option<(Digest, u64)>> {
    let Some(file) = files.open(path)? else { return Ok(None) };
    copy(file, &mut io::sink()).map(Some).map_err(|cause| io("read", path, cause))
}

/// Copies all that there is to read; its digest and length come back.
pub fn copy(mut from: impl Read, to: &mut impl Write) -> io::Result<(Digest, u64)> {
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok((Digest::from_hash(hasher.finalize().as_ref()), bytes));
        }
        hasher.update(&buffer[..count]);
        to.write_all(&buffer[..count])?;
        bytes += count as u64;
    }
}

impl<D: Disk> DiskFiles<D> {
    /// Files on a disk.
    pub fn on(disk: D) -> Self {
        Self {
            disk,
            settled: Mutex::default(),
            #[cfg(test)]
            trusting: false,
            #[cfg(test)]
            unsettled: false,
        }
    }

    /// A local file's path below the root.
    fn within(&self, local: &LocalPath) -> Result<String> {
        self.disk
            .within(local)
            .ok_or_else(|| Error::new(Kind::Internal, format!("{} is not in the warehouse", local.display())))
    }

    /// Makes a folder, and the way to it, where they are not; and sees to it that they outlive a crash.
    fn folder(&self, path: &str) -> io::Result<()> {
        if path.is_empty() || self.settled.lock().unwrap_or_else(PoisonError::into_inner).contains(path) {
            return Ok(());
        }
        self.folder(parent(path))?;
        match self.disk.make_folder(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // Also where it was there: the rival that made it may not have come to this yet.
        self.disk.sync_folder(parent(path))?;
        // One below `tmp/` may be removed by whoever collects.
        if path.split('/').next() != Some(STAGING) {
            self.settled.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
        }
        Ok(())
    }

    /// Gives a finished, synced file its place, unless that is taken; its staged name is gone either way.
    fn place(&self, staged: &str, path: &str) -> io::Result<Created> {
        let linked = self.folder(parent(path)).and_then(|()| self.disk.link(staged, path));
        let created = match linked {
            Ok(()) => Ok(Created::New),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Created::Existed),
            Err(error) => Err(error),
        };
        // What stays of it, the next sweep removes: it must not make a file that is in its place look as if it were not.
        self.disk.unlink(staged).ok();
        let created = created?;
        self.outlive(path, created)
    }

    /// Makes the entry of a file durable.
    fn outlive(&self, path: &str, created: Created) -> io::Result<Created> {
        #[cfg(test)]
        if self.trusting && created == Created::Existed {
            return Ok(created);
        }
        self.folder(parent(path))?;
        self.disk.sync_folder(parent(path))?;
        Ok(created)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<Created> {
        // What is there needs not be written only to be thrown away.
        if missing(self.disk.length(path))?.is_some() {
            return self.outlive(path, Created::Existed);
        }
        let staged = self.disk.stage(bytes)?;
        if let Err(error) = self.disk.sync(&staged) {
            self.disk.unlink(&staged).ok();
            return Err(error);
        }
        self.place(&staged, path)
    }
}

impl<D: Disk> Files for DiskFiles<D> {
    fn create(&self, path: &str, bytes: Bytes) -> Result<Created> {
        check(path)?;
        self.write(path, &bytes).map_err(|cause| io("write", path, cause))
    }

    fn adopt(&self, local: &LocalPath, path: &str) -> Result<Created> {
        check(path)?;
        let from = self.within(local)?;
        self.place(&from, path).map_err(|cause| io("write", path, cause))
    }

    fn repair(&self, local: &LocalPath, path: &str) -> Result<()> {
        check(path)?;
        let from = self.within(local)?;
        let repaired = || {
            self.disk.sync(&from)?;
            self.folder(parent(path))?;
            self.disk.rename(&from, path)?;
            self.disk.sync_folder(parent(path))
        };
        repaired().map_err(|cause| io("write", path, cause))
    }

    fn remove(&self, path: &str) -> Result<()> {
        check(path)?;
        let removed = match self.disk.unlink(path) {
            Err(error) if matches!(error.kind(), ErrorKind::IsADirectory | ErrorKind::PermissionDenied) => {
                self.disk.remove_folder(path)
            }
            removed => removed,
        };
        missing(removed).map(|_| ()).map_err(|cause| io("remove", path, cause))
    }

    fn settle(&self, folder: &str) -> Result<()> {
        #[cfg(test)]
        if self.unsettled {
            return Ok(());
        }
        missing(self.disk.sync_folder(folder)).map(|_| ()).map_err(|cause| io("sync", folder, cause))
    }

    fn read(&self, path: &str) -> Result<Option<Bytes>> {
        let Some(mut file) = self.open(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|cause| io("read", path, cause))?;
        Ok(Some(bytes.into()))
    }

    fn open(&self, path: &str) -> Result<Option<Box<dyn Content>>> {
        check(path)?;
        missing(self.disk.open(path)).map_err(|cause| io("read", path, cause))
    }

    fn length(&self, path: &str) -> Result<Option<u64>> {
        check(path)?;
        missing(self.disk.length(path)).map_err(|cause| io("look for", path, cause))
    }

    fn entries(&self, folder: &str) -> Result<Vec<Entry>> {
        let found = missing(self.disk.list(folder)).map_err(|cause| io("list", folder, cause))?;
        let mut found = found.unwrap_or_default();
        found.sort();
        Ok(found)
    }

    fn lock(&self, name: &str, mode: Mode) -> Result<Option<Hold>> {
        let path = format!("{LOCKS}/{name}");
        check(&path)?;
        match self.disk.lock(&path, mode) {
            // Who can make no lock file can write nothing there, and reads without.
            Err(error) if mode == Mode::Shared && is_unwritable(&error) => Ok(Some(Hold::new(()))),
            locked => locked.map_err(|cause| io("lock", &path, cause)),
        }
    }
}

fn is_unwritable(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::Unsupported)
}

/// Turns what is not there into nothing.
fn missing<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The folder that a path is in; the root is empty.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Refuses a path that could lead out of the root.
fn check(path: &str) -> Result<()> {
    let good = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']);
    if path.split('/').all(good) {
        return Ok(());
    }
    Err(Error::new(Kind::Internal, format!("`{path}` is not a warehouse path")))
}

fn io(what: &str, path: &str, cause: io::Error) -> Error {
    Error::new(Kind::Io, format!("cannot {what} {path}"))
        .caused_by(cause)
        .hint("check that the disk is there, has room, and is writable; nothing committed is affected")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_rivals_one_creates() {
        let folder = tempfile::tempdir().unwrap();
        let files = LocalFiles::new(folder.path()).unwrap();
        for round in 0..20 {
            let path = format!("snapshots/{round:06}.json");
            let winners: usize = std::thread::scope(|scope| {
                let rivals: Vec<_> = (0..16)
                    .map(|rival| {
                        let (files, path) = (&files, &path);
                        scope.spawn(move || files.create(path, Bytes::from(format!("{rival}"))).unwrap())
                    })
                    .collect();
                rivals.into_iter().map(|rival| rival.join().unwrap()).filter(|c| *c == Created::New).count()
            });
            assert_eq!(winners, 1, "round {round}");
        }
        assert_eq!(files.list("snapshots").unwrap().len(), 20);
    }

    #[test]
    fn a_file_is_adopted_once_and_the_local_one_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let files = LocalFiles::new(folder.path()).unwrap();
        for (round, created) in [Created::New, Created::Existed].into_iter().enumerate() {
            let local = folder.path().join("tmp").join(format!("spool-{round}"));
            std::fs::create_dir_all(local.parent().unwrap()).unwrap();
            std::fs::write(&local, "body").unwrap();
            assert_eq!(files.adopt(&local, "raw/ab/abc").unwrap(), created);
            assert!(!local.exists());
        }
        assert_eq!(files.read("raw/ab/abc").unwrap().unwrap(), "body");
        assert_eq!(files.read("raw/ab/none").unwrap(), None);
        assert!(!files.exists("raw/ab/none").unwrap());
        assert!(files.list("nowhere").unwrap().is_empty());
    }
}
