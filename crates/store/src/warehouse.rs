//! One warehouse: a root folder, its format version, and whether its data are real.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use model::{Digest, Error, Kind, Result, ResultExt as _};
use serde::{Deserialize, Serialize};

use crate::archive::Archive;
use crate::file::{Files, Hold, LocalFiles, STAGING};
use crate::hold;

/// The version of everything on disk that this program writes and reads.
pub const FORMAT: u32 = 1;

/// Where the data of a warehouse come from. Fixed when it is made, so that figures of the replica and live data never
/// stand in one history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// From the publishers themselves, or from files that a person downloaded there.
    Live,
    /// From the loopback replica.
    Replica,
}

impl Origin {
    /// The word on disk.
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Live => "live",
            Origin::Replica => "replica",
        }
    }
}

/// `tollhouse.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Marker {
    pub(crate) format: u32,
    pub(crate) origin: Origin,
    created: Timestamp,
}

/// Where that stands.
pub const MARKER: &str = "tollhouse.json";

/// `imported.json`: that the history of a warehouse begins with a snapshot that came in a bundle, and what the bundle left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    format: u32,
    /// What the bundle was called.
    pub name: String,
    /// The snapshot that came in it.
    pub snapshot: u64,
    /// The captures that its manifests name and that did not come along: that these are not here is no damage. One that came
    /// later, fetched or from another bundle, is hashed like any other. Programs of before told of none.
    #[serde(default)]
    pub absent: BTreeSet<Digest>,
}

impl Imported {
    /// Says of which snapshot and bundle a warehouse is, and what the bundle left out.
    pub fn new(name: &str, snapshot: u64, absent: BTreeSet<Digest>) -> Self {
        Self { format: FORMAT, name: name.to_owned(), snapshot, absent }
    }

    /// The file's content.
    pub(crate) fn sealed(&self) -> Result<bytes::Bytes> {
        seal(self)
    }
}

/// Where that stands.
pub const IMPORTED: &str = "imported.json";

/// Writes down, at the root of a warehouse in the making, that it came in a bundle.
pub fn imported(root: &Path, imported: &Imported) -> Result<()> {
    LocalFiles::new(root)?.create(IMPORTED, imported.sealed()?)?;
    Ok(())
}

/// An open warehouse. Cheap to clone.
#[derive(Clone)]
pub struct Warehouse {
    root: PathBuf,
    origin: Origin,
    files: Arc<dyn Files>,
    /// What keeps staged files safe; held by those that were opened for writing.
    pub(crate) writing: Option<Arc<Hold>>,
    /// How often to wait for another before giving up.
    pub(crate) patience: u32,
    /// For tests that prove the simulation: the collector says only afterwards that a snapshot is gone.
    #[cfg(test)]
    pub(crate) tells_late: bool,
    /// For the same: a commit does not look whether a rival wrote its slice.
    #[cfg(test)]
    pub(crate) blind: bool,
}

impl Warehouse {
    /// Opens the warehouse at `root`, making it first where there is none. Fails where one is there whose data are of
    /// another origin. It is open for writing: while it lives, no garbage is collected.
    pub fn open_or_create(root: &Path, origin: Origin, now: Timestamp) -> Result<Self> {
        std::fs::create_dir_all(root).or_error(Kind::Io, format!("cannot make the folder {}", root.display()))?;
        // Another marker in the place of one that was lost could be of the other origin.
        let unmarked = holds_snapshots(root) && !root.join(MARKER).exists();
        if unmarked {
            return Err(lost(root));
        }
        let files = Arc::new(LocalFiles::new(root)?);
        let writing = hold::writing(files.as_ref(), hold::PATIENCE)?;
        let mut warehouse = Self::make(files, root, origin, now)?;
        warehouse.writing = Some(writing);
        warehouse.patience = hold::PATIENCE;
        if warehouse.origin == origin {
            return Ok(warehouse);
        }
        Err(match origin {
            Origin::Replica => Error::new(
                Kind::Usage,
                format!("{} holds live data: the replica's are not mixed into it", root.display()),
            )
            .hint("give the replica a root of its own: --root FOLDER"),
            Origin::Live => Error::new(
                Kind::Usage,
                format!("{} holds the replica's data: live data are not mixed into it", root.display()),
            )
            .hint("give live data a root of their own (--root FOLDER), or run with --replica"),
        })
    }

    /// Opens the warehouse of these files for reading, making it first where there is none. `root` is where its files can
    /// be found by those who do not come through here. It waits for nobody.
    pub fn make(files: Arc<dyn Files>, root: &Path, origin: Origin, now: Timestamp) -> Result<Self> {
        let marker = Marker { format: FORMAT, origin, created: now };
        files.create(MARKER, seal(&marker)?)?;
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let none = || Error::new(Kind::Io, format!("there is no warehouse at {}", root.display()));
        Self::over(files, &root)?.ok_or_else(none)
    }

    /// The warehouse that these files are, if they are one.
    fn over(files: Arc<dyn Files>, root: &Path) -> Result<Option<Self>> {
        let Some(bytes) = files.read(MARKER)? else { return Ok(None) };
        let marker: Marker = unseal(MARKER, &bytes)?;
        check_format(MARKER, marker.format)?;
        Ok(Some(Self::of(files, root, marker.origin)))
    }

    fn of(files: Arc<dyn Files>, root: &Path, origin: Origin) -> Self {
        Self {
            root: root.to_owned(),
            origin,
            files,
            writing: None,
            patience: 0,
            #[cfg(test)]
            tells_late: false,
            #[cfg(test)]
            blind: false,
        }
    }

    /// Opens the warehouse at `root` for reading.
    pub fn open(root: &Path) -> Result<Self> {
        let none = || {
            Error::new(Kind::Usage, format!("there is no warehouse at {}", root.display())).hint(
                "`tollhouse demo` makes one to look at; `tollhouse run` makes a real one; --root names another folder",
            )
        };
        if !root.is_dir() {
            return Err(none());
        }
        let files = Arc::new(LocalFiles::new(root)?);
        let root = root.canonicalize().or_error(Kind::Io, "cannot resolve the root")?;
        let found = Self::over(files, &root)?;
        let mut warehouse = found.ok_or_else(|| if holds_snapshots(&root) { lost(&root) } else { none() })?;
        warehouse.patience = hold::PATIENCE;
        Ok(warehouse)
    }

    /// Opens the warehouse at `root` for verification and repair, also where its marker is damaged or lost: where its data come
    /// from, its newest snapshot that can be read tells then.
    pub fn open_to_verify(root: &Path) -> Result<Self> {
        let error = match Self::open(root) {
            Err(error) if error.kind() == Kind::Damaged => error,
            opened => return opened,
        };
        let root = root.canonicalize().or_error(Kind::Io, "cannot resolve the root")?;
        let mut warehouse = Self::of(Arc::new(LocalFiles::new(&root)?), &root, Origin::Live);
        warehouse.patience = hold::PATIENCE;
        let told = warehouse.numbers()?.into_iter().rev().find_map(|number| warehouse.snapshot(number).ok());
        // Where no snapshot can be read either, there is nothing to verify.
        warehouse.origin = told.ok_or(error)?.origin;
        Ok(warehouse)
    }

    /// The marker that a warehouse of these snapshots has, for whoever has lost it and has no copy. When the warehouse was
    /// made is not known then: it says when its oldest snapshot was, and nothing rests on it.
    pub fn marker_again(&self) -> Result<String> {
        let oldest = self.numbers()?.into_iter().find_map(|number| self.snapshot(number).ok());
        let created = oldest.map_or(Timestamp::UNIX_EPOCH, |oldest| oldest.created);
        let bytes = seal(&Marker { format: FORMAT, origin: self.origin, created })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The root folder, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where its data come from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The raw archive.
    pub fn archive(&self) -> Archive {
        Archive::new(self.files.clone(), self.root.join(STAGING), self.writing.clone())
    }

    /// Makes files for what does not fit in memory, on the warehouse's disk: without names, and gone with their user.
    pub fn spill(&self) -> impl Fn() -> std::io::Result<std::fs::File> + Send + 'static {
        let folder = self.root.join(STAGING);
        move || {
            std::fs::create_dir_all(&folder)?;
            tempfile::tempfile_in(&folder)
        }
    }

    /// Which bundle it was made from; none where its history begins here.
    pub fn imported(&self) -> Result<Option<Imported>> {
        let Some(bytes) = self.files.read(IMPORTED)? else { return Ok(None) };
        let imported: Imported = unseal(IMPORTED, &bytes)?;
        check_format(IMPORTED, imported.format)?;
        Ok(Some(imported))
    }

    /// Keeps a declaration by which parts are made, under the digest by which manifests name it.
    pub fn keep_declaration(&self, text: &str) -> Result<()> {
        self.files.create(&declaration_path(&Digest::of(text)), text.to_owned().into())?;
        Ok(())
    }

    /// A declaration by which parts were made; none where the program that made them did not keep it.
    pub fn declaration(&self, digest: &Digest) -> Result<Option<String>> {
        let path = declaration_path(digest);
        let Some(bytes) = self.files.read(&path)? else { return Ok(None) };
        let text = String::from_utf8(bytes.to_vec()).ok().filter(|text| Digest::of(text) == *digest);
        text.map(Some).ok_or_else(|| Error::new(Kind::Damaged, format!("{path} is not what its name says")))
    }

    /// Its files.
    pub fn files(&self) -> &dyn Files {
        self.files.as_ref()
    }
}

/// Whether a folder is, or was, that of a warehouse with a history.
fn holds_snapshots(root: &Path) -> bool {
    std::fs::read_dir(root.join("snapshots")).is_ok_and(|mut entries| entries.next().is_some())
}

fn lost(root: &Path) -> Error {
    Error::new(
        Kind::Damaged,
        format!("{MARKER} is missing: {} has snapshots, and nothing that says of what", root.display()),
    )
    .hint("`tollhouse snapshot verify` says what must stand in it")
}

/// Where a declaration lies.
pub(crate) fn declaration_path(digest: &Digest) -> String {
    format!("declarations/{digest}.toml")
}

/// Refuses what a newer program wrote, naming the file.
pub(crate) fn check_format(path: &str, format: u32) -> Result<()> {
    if format == FORMAT {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, format!("{path} has format {format}; this program reads and writes {FORMAT}"))
        .hint("use the version of tollhouse that wrote it, or a newer one"))
}

/// Stable, human-readable JSON with a final newline.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<bytes::Bytes> {
    let mut text =
        serde_json::to_vec_pretty(value).or_error(Kind::Internal, "a value of ours cannot be written as JSON")?;
    text.push(b'\n');
    Ok(text.into())
}

/// What every file of ours says of itself.
#[derive(Deserialize)]
struct Formatted {
    format: u32,
}

/// What stands before the seal of a file, and after it.
const SEAL: (&str, &str) = (",\n  \"seal\": \"", "\"\n}\n");

/// An object as JSON, whose last field is the digest of all that stands before: nothing else names such a file by its digest
/// when it is written, and a changed byte must not pass for what was committed.
pub(crate) fn seal<T: Serialize>(value: &T) -> Result<bytes::Bytes> {
    let mut text = to_json(value)?.to_vec();
    text.truncate(text.len() - "\n}\n".len());
    let digest = Digest::of(&text);
    text.extend_from_slice(format!("{}{digest}{}", SEAL.0, SEAL.1).as_bytes());
    Ok(text.into())
}

/// Reads a sealed file; a broken one, and one whose seal is not that of its bytes, is damage, with its name.
pub(crate) fn unseal<T: serde::de::DeserializeOwned>(path: &str, bytes: &[u8]) -> Result<T> {
    let sealing = |before: &[u8]| format!("{}{}{}", SEAL.0, Digest::of(before), SEAL.1);
    let (before, sealed) = bytes.split_at(bytes.len().saturating_sub(sealing(&[]).len()));
    if sealed != sealing(before).as_bytes() {
        // Another version may seal otherwise.
        if let Ok(Formatted { format }) = serde_json::from_slice(bytes) {
            check_format(path, format)?;
        }
        return Err(Error::new(Kind::Damaged, format!("{path} is damaged: its seal is not that of its bytes"))
            .hint("`tollhouse snapshot verify` says what else is damaged"));
    }
    from_json(path, bytes)
}

/// Reads a file of ours; a broken one is damage, with its name.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(path: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|cause| {
        Error::new(Kind::Damaged, format!("{path} is damaged"))
            .caused_by(cause)
            .hint("`tollhouse snapshot verify` says what else is damaged")
    })
}
