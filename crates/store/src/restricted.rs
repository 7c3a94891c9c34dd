//! Rows of persons, unmasked: local files for the operator alone, below `restricted/`.
//!
//! No manifest names them and no snapshot holds them, so nothing that serves, bundles, exports, draws or explains a snapshot
//! can reach them. They follow from the captures, and are made again or thrown away at any time.
//!
//! Beside them, in a folder of its own, lies what linkages of the operator's files came to. It follows from nothing of ours, and
//! nothing of ours removes it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use model::{DatasetId, Kind, Result, ResultExt as _};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::Warehouse;

/// The folder below the root.
const FOLDER: &str = "restricted";

/// The folder in it for what linkages came to; no dataset's.
const LINKAGE: &str = "linkage";

/// Takes rows on their way into a file.
pub type Take<'a> = &'a mut dyn FnMut(&RecordBatch) -> Result<()>;

impl Warehouse {
    /// The files of unmasked rows, each with the dataset that it is of, sorted.
    pub fn restricted(&self) -> Result<Vec<(DatasetId, PathBuf)>> {
        let mut found = Vec::new();
        let folder = self.root().join(FOLDER);
        let cannot = || format!("cannot list {}", folder.display());
        for dataset in entries(&folder).or_error(Kind::Io, cannot())? {
            if dataset.file_name().is_some_and(|name| name == LINKAGE) {
                continue;
            }
            let Some(id) = dataset.file_name().and_then(|name| name.to_str()?.parse().ok()) else { continue };
            for file in entries(&dataset).or_error(Kind::Io, cannot())? {
                if file.extension().is_some_and(|ending| ending == "parquet") {
                    found.push((DatasetId::clone(&id), file));
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Keeps the unmasked rows that `make` hands on under a name, unless they are there.
    pub fn keep_restricted(
        &self,
        dataset: &DatasetId,
        name: &str,
        make: &mut dyn FnMut(Take<'_>) -> Result<()>,
    ) -> Result<()> {
        let folder = self.root().join(FOLDER).join(dataset.as_str());
        let path = folder.join(format!("{name}.parquet"));
        if path.is_file() {
            return Ok(());
        }
        let cannot = || format!("cannot write {}", path.display());
        own_folder(&self.root().join(FOLDER)).and_then(|()| own_folder(&folder)).or_error(Kind::Io, cannot())?;
        let file = tempfile::NamedTempFile::new_in(&folder).or_error(Kind::Io, cannot())?;
        if write(&file, make)? {
            file.persist(&path).or_error(Kind::Io, cannot())?;
        }
        Ok(())
    }

    /// Throws away all unmasked rows, and what a dead one left of some.
    pub(crate) fn clear_restricted(&self) -> Result<()> {
        let folder = self.root().join(FOLDER);
        for dataset in entries(&folder).or_error(Kind::Io, format!("cannot list {}", folder.display()))? {
            if dataset.file_name().is_none_or(|name| name != LINKAGE) {
                let removed =
                    if dataset.is_dir() { std::fs::remove_dir_all(&dataset) } else { std::fs::remove_file(&dataset) };
                removed.or_error(Kind::Io, format!("cannot remove {}", dataset.display()))?;
            }
        }
        Ok(())
    }

    /// What linkages came to so far: their folders, and a file of each.
    pub fn linkages(&self, file: &str) -> Result<Vec<(PathBuf, Vec<u8>)>> {
        let folder = self.root().join(FOLDER).join(LINKAGE);
        let mut found = Vec::new();
        for folder in entries(&folder).or_error(Kind::Io, format!("cannot list {}", folder.display()))? {
            let path = folder.join(file);
            if path.is_file() {
                let bytes = std::fs::read(&path).or_error(Kind::Io, format!("cannot read {}", path.display()))?;
                found.push((folder, bytes));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Keeps what a linkage came to, under a name, and says where. A file that is there is left.
    pub fn keep_linkage(&self, name: &str, files: &[(&str, &[u8])]) -> Result<PathBuf> {
        let restricted = self.root().join(FOLDER);
        let linkage = restricted.join(LINKAGE);
        let folder = linkage.join(name);
        for (file, bytes) in files {
            let path = folder.join(file);
            let write = || {
                own_folder(&restricted)?;
                own_folder(&linkage)?;
                own_folder(&folder)?;
                // Only its owner may read it, as any temporary file.
                let mut written = tempfile::NamedTempFile::new_in(&folder)?;
                written.write_all(bytes)?;
                match written.persist_noclobber(&path) {
                    Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.error),
                    _ => Ok(()),
                }
            };
            write().or_error(Kind::Io, format!("cannot write {}", path.display()))?;
        }
        Ok(folder)
    }

    /// Throws away all unmasked rows but those of these datasets under these names.
    pub fn drop_restricted(&self, keep: &BTreeSet<(DatasetId, String)>) -> Result<()> {
        for (dataset, file) in self.restricted()? {
            let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if !keep.contains(&(dataset, name)) {
                std::fs::remove_file(&file).or_error(Kind::Io, format!("cannot remove {}", file.display()))?;
            }
        }
        Ok(())
    }
}

/// Writes the rows that `make` hands on as Parquet; whether there were any comes back.
pub(crate) fn write(file: &tempfile::NamedTempFile, make: &mut dyn FnMut(Take<'_>) -> Result<()>) -> Result<bool> {
    let cannot = || format!("cannot write {}", file.path().display());
    let level = ZstdLevel::try_new(3).or_error(Kind::Internal, "zstd has no such level")?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let mut writer: Option<ArrowWriter<std::fs::File>> = None;
    make(&mut |batch| {
        let writer = match &mut writer {
            Some(writer) => writer,
            None => {
                let to = file.reopen().or_error(Kind::Io, cannot())?;
                let new = ArrowWriter::try_new(to, batch.schema(), Some(properties.clone()));
                writer.insert(new.or_error(Kind::Io, cannot())?)
            }
        };
        writer.write(batch).or_error(Kind::Io, cannot())
    })?;
    let Some(writer) = writer else { return Ok(false) };
    writer.close().or_error(Kind::Io, cannot())?;
    Ok(true)
}

/// What lies in a folder; nothing where there is none.
fn entries(folder: &std::path::Path) -> std::io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// Makes a folder that nobody else may look into.
fn own_folder(folder: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    #[test]
    fn what_a_linkage_came_to_is_no_datasets_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::open_or_create(folder.path(), Origin::Live, jiff::Timestamp::UNIX_EPOCH).unwrap();
        let files: [(&str, &[u8]); 2] = [("counts.csv", b"11"), ("other.parquet", b"")];
        let kept = warehouse.keep_linkage("a", &files).unwrap();
        // It is never written over.
        warehouse.keep_linkage("a", &[("counts.csv", b"12")]).unwrap();
        let persons = folder.path().join("restricted/arcos_transactions");
        std::fs::create_dir_all(&persons).unwrap();
        std::fs::write(persons.join("b.parquet"), b"").unwrap();
        assert_eq!(warehouse.restricted().unwrap().len(), 1);

        warehouse.drop_restricted(&BTreeSet::new()).unwrap();
        warehouse.clear_restricted().unwrap();
        assert_eq!(std::fs::read(kept.join("counts.csv")).unwrap(), b"11");
        assert_eq!(warehouse.restricted().unwrap(), []);
        assert!(!persons.exists());
    }
}
