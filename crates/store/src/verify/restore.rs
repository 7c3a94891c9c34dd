//! Putting files in the place of damaged ones: nothing gets in that is not what was there.
//!
//! What is named by a digest must have it. What ends with a seal must have one that is right, and fit this warehouse: the
//! snapshots, manifests and pins that are here.

use std::path::Path;

use model::{Digest, Error, Kind, Result, ResultExt as _};

use crate::commit::{Snapshot, manifest_path, snapshot_path};
use crate::erasure::{Erasure, erasure_path};
use crate::file::{copy, digest_of};
use crate::pin::{Pin, pin_path};
use crate::warehouse::{IMPORTED, Imported, MARKER, Marker, unseal};
use crate::{FORMAT, Warehouse};

impl Warehouse {
    /// Puts a local file below the root in the place of one that is damaged or missing; it must be what that one was.
    pub fn restore(&self, local: &Path, path: &str, digest: &Digest) -> Result<()> {
        let cannot = || format!("cannot read {}", local.display());
        let bytes = std::fs::File::open(local).or_error(Kind::Io, cannot())?;
        let (found, _) = copy(bytes, &mut std::io::sink()).or_error(Kind::Io, cannot())?;
        if found != *digest {
            return Err(Error::new(Kind::Damaged, format!("what was to take the place of {path} is not what it was")));
        }
        self.files().repair(local, path)
    }

    /// Puts a local file below the root in the place of a damaged one that nothing names by its digest; whether its seal is
    /// right and it fits what is here comes back, and where not, nothing was done.
    pub fn restore_sealed(&self, local: &Path, path: &str) -> Result<bool> {
        let bytes = std::fs::read(local).or_error(Kind::Io, format!("cannot read {}", local.display()))?;
        let fits = self.fits(path, &bytes);
        if fits {
            self.files().repair(local, path)?;
        }
        Ok(fits)
    }

    /// Writes down again which bundle the warehouse was made from, in the place of what is damaged. `beside` is a folder below the
    /// root.
    pub fn restore_imported(&self, imported: &Imported, beside: &Path) -> Result<()> {
        let local = beside.join(IMPORTED);
        std::fs::write(&local, imported.sealed()?).or_error(Kind::Io, format!("cannot write {}", local.display()))?;
        self.files().repair(&local, IMPORTED)
    }

    fn fits(&self, path: &str, bytes: &[u8]) -> bool {
        match path.split_once('/').map_or("", |(folder, _)| folder) {
            "" if path == MARKER => unseal::<Marker>(path, bytes)
                .is_ok_and(|marker| marker.format == FORMAT && marker.origin == self.origin()),
            "pins" => unseal::<Pin>(path, bytes).is_ok_and(|pin| {
                pin_path(&pin.name) == path
                    && self.snapshot_digest(pin.snapshot).is_ok_and(|digest| digest == pin.sha256)
            }),
            // What stands in the place of others is here, or it is the tombstone of another warehouse.
            "erased" => unseal::<Erasure>(path, bytes).is_ok_and(|erasure| {
                erasure_path(erasure.number) == path
                    && erasure.manifests.values().all(|digest| self.is_manifest(digest))
            }),
            "snapshots" => unseal::<Snapshot>(path, bytes).is_ok_and(|snapshot| {
                snapshot_path(snapshot.number) == path
                    && snapshot.origin == self.origin()
                    && snapshot
                        .datasets
                        .values()
                        .all(|digest| self.standing(digest).is_ok_and(|digest| self.is_manifest(&digest)))
            }),
            _ => false,
        }
    }

    fn is_manifest(&self, digest: &Digest) -> bool {
        let found = digest_of(self.files(), &manifest_path(digest));
        found.is_ok_and(|found| found.is_some_and(|(found, _)| found == *digest))
    }
}
