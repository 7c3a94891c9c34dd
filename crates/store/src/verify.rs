//! Verification: every byte that a snapshot or pin names is there, and is what it is named by.
//!
//! A snapshot is named by the digest in its child and in its pins; manifests, parts and captures by their own; receipts
//! by the digest in the manifest. What nothing names yet, the newest snapshot without a pin, can only be read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use model::{Digest, Error, Kind, Result, ResultExt as _};

use crate::Warehouse;
use crate::archive::Archive;
use crate::commit::{History, gone_path, manifest_path, snapshot_path};
use crate::file::{copy, digest_of};
use crate::warehouse::declaration_path;

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
    /// The damaged files of which it is known what they were, by path.
    pub broken: BTreeMap<String, Digest>,
}

/// A file, the digest that it is named by, and its length where that is recorded.
type Named = (String, Digest, Option<u64>);

impl Warehouse {
    /// Hashes parts before they are read: one that is not what was committed must answer nothing.
    pub fn check_sound(&self, parts: &mut dyn Iterator<Item = (&str, &Digest)>) -> Result<()> {
        for (path, digest) in parts {
            let found = digest_of(self.files(), path)?;
            if found.as_ref().is_none_or(|(found, _)| found != digest) {
                let wrong = if found.is_none() { "is missing" } else { "is damaged" };
                return Err(Error::new(Kind::Damaged, format!("{path} {wrong}")).hint(
                    "`tollhouse snapshot verify` says what else is damaged, and with --repair makes parts again from captures",
                ));
            }
        }
        Ok(())
    }

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

    /// Follows the given snapshots, or all of them and the pins, and hashes every file that they name once.
    pub fn verify(&self, numbers: Option<&[u64]>) -> Result<Report> {
        let mut report = Report::default();
        let mut named = BTreeSet::new();
        let numbers = match numbers {
            Some(numbers) => numbers.to_vec(),
            None => {
                let history = self.history()?;
                gaps(self.begins()?, &history, &mut report);
                self.pinned(&mut named, &mut report)?;
                for number in &history.gone {
                    self.remembered(*number, &mut named, &mut report)?;
                }
                self.lingering(&history, &mut report)?;
                history.live.into_iter().collect()
            }
        };
        let mut readings = Vec::new();
        for number in numbers {
            // One that is removed while this is at work is no damage.
            match self.reading(number) {
                Err(_) if self.gone(number)?.is_some() => continue,
                reading => readings.push(reading),
            }
            report.snapshots += 1;
            self.follow(number, &mut named, &mut report)?;
        }
        for (path, digest, length) in named {
            report.files += 1;
            let before = report.damage.len();
            match digest_of(self.files(), &path)? {
                None => report.damage.push(format!("{path} is missing")),
                Some((_, bytes)) if length.is_some_and(|length| length != bytes) => {
                    report.damage.push(format!("{path} has {bytes} bytes, not {}", length.unwrap_or_default()));
                }
                Some((found, _)) if found != digest => {
                    report.damage.push(format!("{path} is not what was committed: its digest is {found}"));
                }
                Some((_, bytes)) => report.bytes += bytes,
            }
            if report.damage.len() > before {
                report.broken.insert(path, digest);
            }
        }
        Ok(report)
    }

    /// Gathers the files that a snapshot names. What cannot be read is damage, and the rest is followed all the same.
    fn follow(&self, number: u64, named: &mut BTreeSet<Named>, report: &mut Report) -> Result<()> {
        let Some(snapshot) = noted(self.snapshot(number), report)? else { return Ok(()) };
        if snapshot.number != number {
            report.damage.push(format!("{} says that it is snapshot {}", snapshot_path(number), snapshot.number));
        }
        if let (Some(parent), Some(digest)) = (snapshot.parent, snapshot.parent_sha256)
            && number > self.begins()?
        {
            self.precedes(number, parent, digest, named, report)?;
        }
        for digest in snapshot.datasets.values() {
            let standing = self.standing(digest)?;
            named.insert((manifest_path(&standing), standing, None));
            let manifest = match self.manifest(digest) {
                // It is hashed with the others, and told of then.
                Err(error) if error.kind() == Kind::Damaged => continue,
                read => noted(read, report)?,
            };
            let Some(manifest) = manifest else { continue };
            for slice in manifest.slices {
                let declaration = declaration_path(&slice.pipeline);
                // Programs of before did not keep it.
                if self.files().exists(&declaration)? {
                    named.insert((declaration, slice.pipeline, None));
                }
                named.extend(slice.parts.into_iter().map(|part| (part.path, part.sha256, Some(part.bytes))));
                for capture in slice.captures {
                    named.insert((Archive::receipt_path(&capture.exchange), capture.receipt, None));
                    if capture.erased.is_none() {
                        named.insert((Archive::path(&capture.sha256), capture.sha256, None));
                    }
                }
            }
        }
        Ok(())
    }

    /// A snapshot that is named by its child's record of it: by its bytes, or by what is left of it.
    fn precedes(
        &self,
        child: u64,
        parent: u64,
        digest: Digest,
        named: &mut BTreeSet<Named>,
        report: &mut Report,
    ) -> Result<()> {
        match noted(self.gone(parent), report)? {
            Some(Some(gone)) if gone.sha256 != digest => report.damage.push(format!(
                "{} says that the snapshot was {}, and snapshot {child} that it was {digest}",
                gone_path(parent),
                gone.sha256
            )),
            Some(Some(_)) | None => {}
            Some(None) => {
                named.insert((snapshot_path(parent), digest, None));
            }
        }
        Ok(())
    }

    /// What is left of a snapshot that was removed still tells what was before it.
    fn remembered(&self, number: u64, named: &mut BTreeSet<Named>, report: &mut Report) -> Result<()> {
        let Some(Some(gone)) = noted(self.gone(number), report)? else { return Ok(()) };
        if gone.number != number {
            report.damage.push(format!("{} says that it is of snapshot {}", gone_path(number), gone.number));
        }
        match (gone.parent, gone.parent_sha256) {
            (Some(parent), Some(digest)) => self.precedes(number, parent, digest, named, report),
            _ => Ok(()),
        }
    }

    /// What was erased must be nowhere.
    fn lingering(&self, history: &History, report: &mut Report) -> Result<()> {
        // Where a snapshot cannot be read, that is told, and what it names is not known.
        let Ok(named) = self.all_named(&history.live) else { return Ok(()) };
        for path in noted(self.erased_files(&named), report)?.unwrap_or_default() {
            report
                .damage
                .push(format!("{path} was erased and is still there: `tollhouse snapshot gc --apply` removes it"));
        }
        Ok(())
    }

    fn pinned(&self, named: &mut BTreeSet<Named>, report: &mut Report) -> Result<()> {
        for pin in noted(self.pins(), report)?.unwrap_or_default() {
            named.insert((snapshot_path(pin.snapshot), pin.sha256, None));
        }
        Ok(())
    }
}

/// Turns damage into a line of the report; what else went wrong ends the verification.
fn noted<T>(read: Result<T>, report: &mut Report) -> Result<Option<T>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == Kind::Io => Err(error),
        Err(error) => {
            report.damage.push(error.to_string());
            Ok(None)
        }
    }
}

/// Every number that was taken is that of a snapshot, or of one that was removed.
fn gaps(begins: u64, history: &History, report: &mut Report) {
    let known = |number: &u64| history.live.contains(number) || history.gone.contains(number);
    let missing = (begins..history.last().unwrap_or(0)).find(|number| !known(number));
    report.damage.extend(missing.map(|number| format!("{} is missing", snapshot_path(number))));
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use model::Release;

    use super::*;
    use crate::Origin;
    use crate::archive::Exchange;
    use crate::commit::{Capture, Counts, Slice, Staged};

    /// Two snapshots of one dataset, the first pinned; the manifest's path comes back.
    fn history() -> (tempfile::TempDir, Warehouse, Vec<String>) {
        use std::io::Write as _;
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let warehouse = Warehouse::open_or_create(folder.path(), Origin::Replica, now).unwrap();
        let release: Release = "r".parse().unwrap();
        for content in ["one", "two"] {
            let mut spool = warehouse.archive().spool().unwrap();
            spool.write_all(content.as_bytes()).unwrap();
            let sha256 = warehouse.archive().keep(spool).unwrap();
            let exchange = Exchange {
                format: Exchange::FORMAT,
                id: format!("x-{content}"),
                url: "u".to_owned(),
                via: "replica".to_owned(),
                method: "GET".to_owned(),
                body: None,
                sent: Vec::new(),
                status: 200,
                headers: Vec::new(),
                started: now,
                finished: now,
                attempts: 1,
                digest: Some(sha256.clone()),
                bytes: 3,
                refused: None,
            };
            warehouse.archive().record(&exchange).unwrap();
            let receipt = warehouse.archive().receipt_digest(&exchange.id).unwrap();
            let change = Staged {
                superseded: Vec::new(),
                dataset: "a".parse().unwrap(),
                pipeline: Digest::of("p"),
                tables: Vec::new(),
                slices: vec![Slice {
                    release: release.clone(),
                    name: content.to_owned(),
                    grade: "publisher".to_owned(),
                    note: String::new(),
                    url: "u".to_owned(),
                    captures: vec![Capture {
                        sha256,
                        exchange: exchange.id,
                        receipt,
                        url: "u".to_owned(),
                        erased: None,
                    }],
                    since: None,
                    counts: Counts::default(),
                    coverage: Vec::new(),
                    parts: Vec::new(),
                    pipeline: Digest::of("p"),
                    program: "test".to_owned(),
                }],
                base: warehouse.head().unwrap().map(|head| head.datasets.into_values().next().unwrap()),
                certificates: Vec::new(),
            };
            warehouse.commit(&[change], "test", now).unwrap();
        }
        warehouse.add_pin("p", 2, now).unwrap();
        let head = warehouse.head().unwrap().unwrap();
        let manifests = head.datasets.values().map(manifest_path).collect();
        (folder, warehouse, manifests)
    }

    /// Changes a byte of one file and wants verification to name it, and only it.
    #[track_caller]
    fn check(find: impl Fn(&[String]) -> String) {
        let (folder, warehouse, manifests) = history();
        assert_eq!(warehouse.verify(None).unwrap().damage, Vec::<String>::new());
        let path = find(&manifests);
        let local = folder.path().join(&path);
        let text = std::fs::read_to_string(&local).unwrap();
        // A change that still reads as JSON where the file is one.
        let changed = if text.contains("1970") { text.replacen("1970", "1971", 1) } else { text.replacen('e', "f", 1) };
        assert_ne!(text, changed);
        std::fs::write(&local, changed).unwrap();
        let damage = warehouse.verify(None).unwrap().damage;
        assert!(damage.iter().any(|line| line.contains(&path)), "{path}: {damage:?}");
        std::fs::remove_file(&local).unwrap();
        let damage = warehouse.verify(None).unwrap().damage;
        assert!(damage.contains(&format!("{path} is missing")), "{path}: {damage:?}");
    }

    #[test]
    fn every_kind_of_file_is_covered() {
        check(|_| "snapshots/000001.json".to_owned());
        check(|_| "snapshots/000002.json".to_owned());
        check(|_| "exchanges/x-one.json".to_owned());
        check(|_| Archive::path(&Digest::of("one")));
        check(|manifests| manifests[0].clone());
    }

    #[test]
    fn no_byte_of_what_nothing_names_by_its_digest_can_change_unseen() {
        let (folder, warehouse, _) = history();
        for path in ["snapshots/000002.json", "pins/p.json", "tollhouse.json"] {
            let local = folder.path().join(path);
            let whole = std::fs::read(&local).unwrap();
            for place in 0..whole.len() {
                let mut changed = whole.clone();
                changed[place] ^= 1;
                std::fs::write(&local, changed).unwrap();
                let read = match path {
                    "tollhouse.json" => Warehouse::open(folder.path()).map(|_| ()),
                    "pins/p.json" => warehouse.pin("p").map(|_| ()),
                    _ => warehouse.snapshot(2).map(|_| ()),
                };
                let error = read.err().unwrap_or_else(|| panic!("{path}, byte {place}"));
                assert!(error.to_string().contains(path), "{error}");
            }
            std::fs::write(&local, whole).unwrap();
        }
    }

    #[test]
    fn one_damaged_file_does_not_hide_another() {
        let (folder, warehouse, manifests) = history();
        std::fs::remove_file(folder.path().join("exchanges/x-one.json")).unwrap();
        std::fs::write(folder.path().join(&manifests[0]), "{}").unwrap();
        std::fs::remove_file(folder.path().join(Archive::path(&Digest::of("one")))).unwrap();
        let damage = warehouse.verify(None).unwrap().damage;
        assert_eq!(damage.len(), 3, "{damage:?}");
    }
}
