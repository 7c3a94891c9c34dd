//! What is asked of an operating system, call by call: the seam below [`super::LocalFiles`], so that its protocol itself
//! can be run on a simulated disk that loses, tears and refuses.
//!
//! Paths are relative to the root, with slashes. Nothing here is durable before it is synced: a file's bytes by
//! [`Disk::sync`], a folder's entries by [`Disk::sync_folder`].

use std::any::Any;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::Content;

/// Where files lie before they have a name, and downloads on their way in.
pub(crate) const STAGING: &str = "tmp";

/// With whom a lock is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// With all who hold it shared.
    Shared,
    /// With nobody.
    Exclusive,
}

/// A lock that is held until this is dropped, or its process is no more.
pub struct Hold {
    _released_when_dropped: Box<dyn Any + Send + Sync>,
}

impl Hold {
    /// Holds what this value releases when it is dropped.
    pub fn new(guard: impl Any + Send + Sync) -> Self {
        Self { _released_when_dropped: Box::new(guard) }
    }
}

/// What lies in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// The calls that everything on disk is made of.
pub trait Disk: Send + Sync {
    /// Writes a new file below `tmp/`, under a name that nobody else has. Its path comes back.
    fn stage(&self, bytes: &[u8]) -> io::Result<String>;
    /// Makes the bytes of a file durable.
    fn sync(&self, path: &str) -> io::Result<()>;
    /// Gives a file a second name. Fails with `AlreadyExists` where that is taken: of rivals, one succeeds.
    fn link(&self, from: &str, to: &str) -> io::Result<()>;
    /// Moves a file, in the place of another where there is one.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Takes a name away. Whoever has the file open can read on.
    fn unlink(&self, path: &str) -> io::Result<()>;
    /// Makes a folder in one that exists. Fails with `AlreadyExists`.
    fn make_folder(&self, path: &str) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_folder(&self, path: &str) -> io::Result<()>;
    /// Makes the entries of a folder durable, as they are now; the root is the empty path.
    fn sync_folder(&self, path: &str) -> io::Result<()>;
    /// A reader from the beginning of a file.
    fn open(&self, path: &str) -> io::Result<Box<dyn Content>>;
    /// The length of a file.
    fn length(&self, path: &str) -> io::Result<u64>;
    /// What lies in a folder: names only, nothing is asked about each.
    fn list(&self, path: &str) -> io::Result<Vec<Entry>>;
    /// Locks a file, which is made where there is none. Does not wait: none where somebody else holds it.
    fn lock(&self, path: &str, mode: Mode) -> io::Result<Option<Hold>>;
    /// Where a local file lies below the root, if it does.
    fn within(&self, local: &Path) -> Option<String>;
}

/// A folder of this machine.
#[derive(Debug)]
pub struct LocalDisk {
    root: PathBuf,
    staged: AtomicU64,
}

impl LocalDisk {
    /// An existing folder.
    pub fn new(root: &Path) -> io::Result<Self> {
        Ok(Self { root: root.canonicalize()?, staged: AtomicU64::new(0) })
    }

    fn at(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }
}

impl Disk for LocalDisk {
    fn stage(&self, bytes: &[u8]) -> io::Result<String> {
        match self.make_folder(STAGING) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        loop {
            // Another machine's process may have the same number: then the next name is tried.
            let path = format!("{STAGING}/{}-{}", std::process::id(), self.staged.fetch_add(1, Ordering::Relaxed));
            match OpenOptions::new().write(true).create_new(true).open(self.at(&path)) {
                Ok(mut file) => {
                    return match file.write_all(bytes) {
                        Ok(()) => Ok(path),
                        Err(error) => {
                            self.unlink(&path).ok();
                            Err(error)
                        }
                    };
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        File::open(self.at(path))?.sync_all()
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::hard_link(self.at(from), self.at(to))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.at(from), self.at(to))
    }

    fn unlink(&self, path: &str) -> io::Result<()> {
        std::fs::remove_file(self.at(path))
    }

    fn make_folder(&self, path: &str) -> io::Result<()> {
        std::fs::create_dir(self.at(path))
    }

    fn remove_folder(&self, path: &str) -> io::Result<()> {
        std::fs::remove_dir(self.at(path))
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        // Elsewhere a folder cannot be opened, and its entries are the file system's own business.
        if cfg!(unix) { File::open(self.at(path))?.sync_all() } else { Ok(()) }
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Content>> {
        let file = File::open(self.at(path))?;
        Ok(Box::new(file))
    }

    fn length(&self, path: &str) -> io::Result<u64> {
        std::fs::metadata(self.at(path)).map(|about| about.len())
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.at(path))? {
            let entry = entry?;
            // A name that is no text is none of ours.
            let Ok(name) = entry.file_name().into_string() else { continue };
            found.push(Entry { name, is_folder: entry.file_type()?.is_dir() });
        }
        Ok(found)
    }

    fn lock(&self, path: &str, mode: Mode) -> io::Result<Option<Hold>> {
        let at = self.at(path);
        // One that is there can be locked by who may only read.
        let file = match File::open(&at) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                at.parent().map_or(Ok(()), std::fs::create_dir_all)?;
                OpenOptions::new().create(true).truncate(false).write(true).open(&at)?
            }
            opened => opened?,
        };
        let locked = match mode {
            Mode::Shared => file.try_lock_shared(),
            Mode::Exclusive => file.try_lock(),
        };
        match locked {
            Ok(()) => Ok(Some(Hold::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn within(&self, local: &Path) -> Option<String> {
        let full = local.canonicalize().ok()?;
        let below = full.strip_prefix(&self.root).ok()?;
        let parts: Option<Vec<_>> = below.iter().map(|part| part.to_str()).collect();
        parts.map(|parts| parts.join("/"))
    }
}
