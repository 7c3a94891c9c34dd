//! Verification: every byte that a snapshot or pin names is there, and is what its name says.

use std::collections::BTreeSet;
use std::io::Read as _;

use model::{Digest, Error, Kind, Result, ResultExt as _};
use sha2::Digest as _;

use crate::Warehouse;
use crate::archive::Archive;
use crate::commit::{manifest_path, snapshot_path};

/// What verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many snapshots were followed.
    pub snapshots: u64,
    /// How many distinct files were hashed.
    pub files: u64,
    /// How many bytes they hold.
    pub bytes: u64,
    /// What is wrong, each with the file's name.
    pub damage: Vec<String>,
}

impl Warehouse {
    /// Follows the given snapshots, or all of them and the pins, and hashes every file that they name once.
    pub fn verify(&self, numbers: Option<&[u64]>) -> Result<Report> {
        let mut report = Report::default();
        let mut files = BTreeSet::new();
        let numbers = match numbers {
            Some(numbers) => numbers.to_vec(),
            None => {
                let all = self.numbers()?;
                self.verify_order(&all, &mut report);
                self.verify_pins(&mut report)?;
                all
            }
        };
        for number in numbers {
            report.snapshots += 1;
            match self.named(number) {
                Ok(named) => files.extend(named),
                Err(error) if error.kind() == Kind::Io => return Err(error),
                Err(error) => report.damage.push(format!("snapshot {number}: {error}")),
            }
        }
        for (path, digest, length) in files {
            report.files += 1;
            match self.hash(&path)? {
                None => report.damage.push(format!("{path} is missing")),
                Some((_, bytes)) if length.is_some_and(|length| length != bytes) => {
                    report.damage.push(format!("{path} has {bytes} bytes, not {}", length.unwrap_or_default()));
                }
                Some((found, _)) if found != digest => {
                    report.damage.push(format!("{path} is not what was committed: its digest is {found}"));
                }
                Some((_, bytes)) => report.bytes += bytes,
            }
        }
        Ok(report)
    }

    /// The files that a snapshot names, each with its digest and, where it is recorded, its length.
    fn named(&self, number: u64) -> Result<BTreeSet<(String, Digest, Option<u64>)>> {
        let snapshot = self.snapshot(number)?;
        if snapshot.number != number {
            return Err(Error::new(Kind::Damaged, format!("{} says it is another", snapshot_path(number))));
        }
        let mut named = BTreeSet::new();
        for digest in snapshot.datasets.values() {
            named.insert((manifest_path(digest), digest.clone(), None));
            for slice in self.manifest(digest)?.slices {
                for part in slice.parts {
                    named.insert((part.path, part.sha256, Some(part.bytes)));
                }
                for capture in slice.captures {
                    // The receipt is not named by its content; that it is there and readable is all one can ask.
                    self.archive().exchange(&capture.exchange)?;
                    named.insert((Archive::path(&capture.sha256), capture.sha256, None));
                }
            }
        }
        Ok(named)
    }

    fn verify_order(&self, numbers: &[u64], report: &mut Report) {
        for (expected, number) in (1..).zip(numbers) {
            if expected != *number {
                report.damage.push(format!("{} is missing", snapshot_path(expected)));
                return;
            }
        }
    }

    fn verify_pins(&self, report: &mut Report) -> Result<()> {
        for pin in self.pins()? {
            if self.snapshot(pin.snapshot).is_err() {
                report.damage.push(format!("pin `{}` names snapshot {}, which cannot be read", pin.name, pin.snapshot));
            }
        }
        Ok(())
    }

    fn hash(&self, path: &str) -> Result<Option<(Digest, u64)>> {
        let Some(mut file) = self.files().open(path)? else { return Ok(None) };
        let mut hasher = sha2::Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        let mut bytes = 0;
        loop {
            let count = file.read(&mut buffer).or_error(Kind::Io, format!("cannot read {path}"))?;
            if count == 0 {
                return Ok(Some((Digest::from_hash(hasher.finalize().as_ref()), bytes)));
            }
            hasher.update(&buffer[..count]);
            bytes += count as u64;
        }
    }
}
