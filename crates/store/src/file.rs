//! The few operations that everything on disk is made of: the seam for other storage, and for simulated storage.
//!
//! Files are only ever created, never changed: [`Files::create`] and [`Files::adopt`] succeed once for a path. Both
//! return after the bytes and the folder entry are durable. The single file that is replaced, the catalogue, is not
//! reached through here. Calls block.

use std::io::{Read, Seek};
use std::path::Path as LocalPath;
use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use futures::{StreamExt as _, TryStreamExt as _};
use model::{Digest, Error, Kind, Result};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, GetResultPayload, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
};
use sha2::Digest as _;

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
/// - what a call created is there after a crash of the machine.
pub trait Files: Send + Sync {
    /// Creates a file with these bytes, unless the path exists.
    fn create(&self, path: &str, bytes: Bytes) -> Result<Created>;
    /// Moves a finished local file into place, unless the path exists; the local file is gone either way.
    fn adopt(&self, local: &LocalPath, path: &str) -> Result<Created>;
    /// Puts a finished local file in the place of one that is not what its name says. For repair alone: whoever calls
    /// has seen that the old bytes are damaged and that the new ones are right.
    fn repair(&self, local: &LocalPath, path: &str) -> Result<()>;
    /// The whole file, or `None` where there is none.
    fn read(&self, path: &str) -> Result<Option<Bytes>>;
    /// A reader from the beginning of the file, or `None` where there is none.
    fn open(&self, path: &str) -> Result<Option<Box<dyn Content>>>;
    /// Whether the path exists.
    fn exists(&self, path: &str) -> Result<bool>;
    /// The names of the files directly in a folder, sorted; empty where there is no such folder.
    fn list(&self, folder: &str) -> Result<Vec<String>>;
}

/// A folder of this machine. Every write is synced, the folder entry included.
#[derive(Debug, Clone)]
pub struct LocalFiles {
    store: Arc<LocalFileSystem>,
    root: std::path::PathBuf,
}

impl LocalFiles {
    /// Files below an existing folder.
    pub fn new(root: &LocalPath) -> Result<Self> {
        let store = LocalFileSystem::new_with_prefix(root)
            .map_err(|cause| failed("open the warehouse folder", &root.display().to_string(), cause))?
            .with_fsync(true);
        let root =
            root.canonicalize().map_err(|cause| io("open the warehouse folder", &root.display().to_string(), cause))?;
        Ok(Self { store: Arc::new(store), root })
    }
}

impl LocalFiles {
    /// A local file's path below the root.
    fn within(&self, local: &LocalPath) -> Result<Path> {
        let below = local
            .canonicalize()
            .ok()
            .and_then(|full| full.strip_prefix(&self.root).ok().map(|below| below.display().to_string()));
        parse(&below.ok_or_else(|| Error::new(Kind::Internal, format!("{} is not in the warehouse", local.display())))?)
    }
}

/// The digest and length of a file, or `None` where there is none.
pub fn digest_of(files: &dyn Files, path: &str) -> Result<Option<(Digest, u64)>> {
    let Some(mut file) = files.open(path)? else { return Ok(None) };
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        let count = file.read(&mut buffer).map_err(|cause| io("read", path, cause))?;
        if count == 0 {
            return Ok(Some((Digest::from_hash(hasher.finalize().as_ref()), bytes)));
        }
        hasher.update(&buffer[..count]);
        bytes += count as u64;
    }
}

impl Files for LocalFiles {
    fn create(&self, path: &str, bytes: Bytes) -> Result<Created> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match block_on(self.store.put_opts(&parse(path)?, PutPayload::from_bytes(bytes), options)) {
            Ok(_) => Ok(Created::New),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Created::Existed),
            Err(cause) => Err(failed("write", path, cause)),
        }
    }

    fn adopt(&self, local: &LocalPath, path: &str) -> Result<Created> {
        let from = self.within(local)?;
        let options = CopyOptions { mode: CopyMode::Create, ..CopyOptions::default() };
        let created = match block_on(self.store.copy_opts(&from, &parse(path)?, options)) {
            Ok(()) => Created::New,
            Err(object_store::Error::AlreadyExists { .. }) => Created::Existed,
            Err(cause) => return Err(failed("write", path, cause)),
        };
        block_on(self.store.delete(&from)).map_err(|cause| failed("remove", from.as_ref(), cause))?;
        Ok(created)
    }

    fn repair(&self, local: &LocalPath, path: &str) -> Result<()> {
        let from = self.within(local)?;
        block_on(self.store.rename(&from, &parse(path)?)).map_err(|cause| failed("write", path, cause))
    }

    fn read(&self, path: &str) -> Result<Option<Bytes>> {
        let read = async { self.store.get(&parse_store(path)?).await?.bytes().await };
        match block_on(read) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(failed("read", path, cause)),
        }
    }

    fn open(&self, path: &str) -> Result<Option<Box<dyn Content>>> {
        match block_on(self.store.get(&parse(path)?)) {
            Ok(result) => match result.payload {
                GetResultPayload::File(file, _) => Ok(Some(Box::new(file))),
                GetResultPayload::Stream(stream) => {
                    let bytes = block_on(stream.map_ok(|chunk| chunk.to_vec()).try_concat())
                        .map_err(|cause| failed("read", path, cause))?;
                    Ok(Some(Box::new(std::io::Cursor::new(bytes))))
                }
            },
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(failed("read", path, cause)),
        }
    }

    fn exists(&self, path: &str) -> Result<bool> {
        match block_on(self.store.head(&parse(path)?)) {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(cause) => Err(failed("look for", path, cause)),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let prefix = parse(folder)?;
        let mut names = Vec::new();
        let mut stream = self.store.list(Some(&prefix));
        while let Some(entry) = block_on(stream.next()) {
            match entry {
                Ok(meta) => {
                    // Staged uploads of a writer that died are hidden from listings by the library.
                    let relative = meta.location.as_ref().strip_prefix(prefix.as_ref()).unwrap_or_default();
                    let relative = relative.trim_start_matches('/');
                    if !relative.is_empty() && !relative.contains('/') {
                        names.push(relative.to_owned());
                    }
                }
                // A file that a rival removed or renamed between the listing and the look at it.
                Err(object_store::Error::NotFound { .. }) => {}
                Err(cause) => return Err(failed("list", folder, cause)),
            }
        }
        names.sort();
        Ok(names)
    }
}

fn parse_store(path: &str) -> object_store::Result<Path> {
    Ok(Path::parse(path)?)
}

fn parse(path: &str) -> Result<Path> {
    Path::parse(path)
        .map_err(|cause| Error::new(Kind::Internal, format!("`{path}` is not a warehouse path")).caused_by(cause))
}

fn failed(what: &str, path: &str, cause: object_store::Error) -> Error {
    Error::new(Kind::Io, format!("cannot {what} {path}"))
        .caused_by(cause)
        .hint("check that the disk is there, has room, and is writable; nothing committed is affected")
}

fn io(what: &str, path: &str, cause: std::io::Error) -> Error {
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
