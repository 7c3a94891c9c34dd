//! A quick look at a snapshot: whether everything that it names is there, at its length. Nothing is hashed but manifests; that
//! is what [`Warehouse::verify`] is for. And how much room the disk has.

use model::{Error, Kind, Result, ResultExt as _};

use crate::Warehouse;
use crate::commit::Counts;

/// How much room there is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// What may still be written by who we are.
    pub free: u64,
    /// What is taken.
    pub used: u64,
}

/// The counts of a dataset, over all of its slices.
pub type DatasetCounts = (model::DatasetId, Counts);

impl Warehouse {
    /// Fails where a part of a snapshot is not there, or not whole. The counts of its datasets come back.
    ///
    /// Errors: [`Kind::Damaged`] with the name of the file.
    pub fn present(&self, number: u64) -> Result<Vec<DatasetCounts>> {
        let mut counts = Vec::new();
        for (dataset, digest) in self.snapshot(number)?.datasets {
            let manifest = self.manifest(&digest)?;
            let mut sum = Counts::default();
            for slice in &manifest.slices {
                for part in &slice.parts {
                    let length = self.files().length(&part.path)?;
                    if length != Some(part.bytes) {
                        let wrong = if length.is_none() { "is missing" } else { "is not whole" };
                        return Err(Error::new(Kind::Damaged, format!("{} {wrong}", part.path))
                            .hint("`tollhouse snapshot verify --repair` makes parts again from captures"));
                    }
                }
                sum.read += slice.counts.read;
                sum.kept += slice.counts.kept;
                sum.totals += slice.counts.totals;
                sum.rejected += slice.counts.rejected;
            }
            counts.push((dataset, sum));
        }
        Ok(counts)
    }

    /// How much room the disk of the root has.
    pub fn room(&self) -> Result<Room> {
        let cannot = || format!("cannot ask how much room the disk of {} has", self.root().display());
        let disk = rustix::fs::statvfs(self.root()).or_error(Kind::Io, cannot())?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Ok(Room { free: bytes(disk.f_bavail), used: bytes(disk.f_blocks.saturating_sub(disk.f_bfree)) })
    }
}
