//! Verification: every byte that a snapshot or pin names is there, and is what it is named by.
//!
//! A snapshot is named by the digest in its child and in its pins; manifests, parts and captures by their own; receipts
//! by the digest in the manifest. What nothing names yet, the newest snapshot without a pin, and pins, tombstones and the
//! marker end with a seal. Nothing that is damaged ends a verification: what hangs on it is told with it, and each file once.
//!
//! What is no damage, and told apart: captures that the bundle left out of which the warehouse was made, and captures that no
//! snapshot names. Putting things right is in [`restore`].

mod restore;

use std::collections::{BTreeMap, BTreeSet};

use model::{Digest, Error, Kind, Result};

use crate::Warehouse;
use crate::archive::Archive;
use crate::commit::{History, Manifest, gone_path, manifest_path, snapshot_path};
use crate::erasure::Erasure;
use crate::file::{digest_of, is_staged};
use crate::pin::pin_path;
use crate::warehouse::{IMPORTED, MARKER, Marker, check_format, declaration_path, from_json, unseal};

/// What verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many snapshots were followed.
    pub snapshots: u64,
    /// How many distinct files were hashed.
    pub files: u64,
    /// How many bytes they hold.
    pub bytes: u64,
    /// What is wrong, a line for each file, which begins with its path.
    pub damage: Vec<String>,
    /// The damaged files of which it is known what they were, by path.
    pub broken: BTreeMap<String, Digest>,
    /// The damaged files that end with a seal of their own and that nothing names by a digest, by path.
    pub sealed: BTreeSet<String>,
    /// The captures that the bundle left out from which the warehouse was made, and that are not here.
    pub absent: BTreeSet<Digest>,
    /// What is remarkable, and no damage to anything committed.
    pub notes: Vec<String>,
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

    /// Follows the given snapshots and hashes every file that they name once; without numbers all snapshots, the pins, and the
    /// captures that no snapshot names.
    pub fn verify(&self, numbers: Option<&[u64]>) -> Result<Report> {
        let mut walk = Walk::new(self);
        walk.marker()?;
        walk.tombstones()?;
        walk.imported()?;
        let numbers = match numbers {
            Some(numbers) => numbers.to_vec(),
            None => walk.history()?,
        };
        let mut readings = Vec::new();
        for number in &numbers {
            // One that is removed while this is at work is no damage.
            match self.reading(*number) {
                Err(_) if matches!(self.gone(*number), Ok(Some(_))) => continue,
                reading => readings.push(reading),
            }
            walk.report.snapshots += 1;
            walk.follow(*number)?;
        }
        walk.hash()?;
        if walk.all {
            walk.unnamed()?;
        }
        Ok(walk.report)
    }
}

/// A verification on its way.
struct Walk<'a> {
    warehouse: &'a Warehouse,
    report: Report,
    /// Whether everything is followed.
    all: bool,
    /// The damaged files that were told of.
    told: BTreeSet<String>,
    /// What is to be hashed.
    named: BTreeSet<Named>,
    /// The manifests that stand in the place of others since something was erased.
    standing: BTreeMap<Digest, Digest>,
    /// Whether a tombstone is damaged: what stands in the place of a manifest that is not there, it may tell.
    unclear: bool,
    /// The first number of the history; none where that cannot be read.
    begins: Option<u64>,
    /// What did not come along; none where that cannot be read.
    left_out: Option<BTreeSet<Digest>>,
}

impl<'a> Walk<'a> {
    fn new(warehouse: &'a Warehouse) -> Self {
        Self {
            warehouse,
            report: Report::default(),
            all: false,
            told: BTreeSet::new(),
            named: BTreeSet::new(),
            standing: BTreeMap::new(),
            unclear: false,
            begins: Some(1),
            left_out: Some(BTreeSet::new()),
        }
    }

    /// Tells of a damaged file, once.
    fn damaged(&mut self, path: &str, what: String) {
        if self.told.insert(path.to_owned()) {
            self.report.damage.push(what);
        }
    }

    /// Turns damage to a file into a line of the report; what else went wrong ends the verification.
    fn read<T>(&mut self, path: &str, read: Result<T>) -> Result<Option<T>> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == Kind::Io => Err(error),
            Err(error) => {
                let words = error.to_string();
                self.damaged(path, if words.contains(path) { words } else { format!("{path}: {words}") });
                Ok(None)
            }
        }
    }

    /// Reads a file that ends with a seal; one that is damaged a bundle may have.
    fn read_sealed<T: serde::de::DeserializeOwned>(&mut self, path: &str) -> Result<Option<T>> {
        let bytes = self.warehouse.files().read(path)?;
        let bytes = bytes.ok_or_else(|| Error::new(Kind::Damaged, format!("{path} is missing")));
        let value = self.read(path, bytes.and_then(|bytes| unseal(path, &bytes)))?;
        if value.is_none() {
            self.report.sealed.insert(path.to_owned());
        }
        Ok(value)
    }

    fn marker(&mut self) -> Result<()> {
        if let Some(marker) = self.read_sealed::<Marker>(MARKER)? {
            self.read(MARKER, check_format(MARKER, marker.format))?;
        }
        Ok(())
    }

    fn tombstones(&mut self) -> Result<()> {
        for name in self.warehouse.files().list("erased")? {
            let path = format!("erased/{name}");
            if !name.ends_with(".json") {
                continue;
            }
            let erasure = self.read_sealed::<Erasure>(&path)?;
            match erasure.filter(|erasure| check_format(&path, erasure.format).is_ok()) {
                // They ascend: a later one takes the place of an earlier.
                Some(erasure) => self.standing.extend(erasure.manifests),
                None => {
                    self.unclear = true;
                    self.damaged(&path, format!("{path} cannot be read"));
                }
            }
        }
        Ok(())
    }

    fn imported(&mut self) -> Result<()> {
        let imported = self.warehouse.imported();
        match self.read(IMPORTED, imported)? {
            Some(Some(imported)) => {
                self.begins = Some(imported.snapshot);
                self.left_out = Some(imported.absent);
            }
            Some(None) => {}
            None => {
                self.report.sealed.insert(IMPORTED.to_owned());
                (self.begins, self.left_out) = (None, None);
            }
        }
        Ok(())
    }

    /// Looks at what names snapshots; the numbers of those that can be followed come back.
    fn history(&mut self) -> Result<Vec<u64>> {
        self.all = true;
        let history = self.warehouse.history()?;
        let known = |number: &u64| history.live.contains(number) || history.gone.contains(number);
        // Every number that was taken is that of a snapshot, or of one that was removed.
        let begins = self.begins.or(history.live.first().copied()).unwrap_or(1);
        for number in (begins..history.last().unwrap_or(0)).filter(|number| !known(number)) {
            let path = snapshot_path(number);
            self.damaged(&path, format!("{path} is missing"));
        }
        for (name, pin) in self.warehouse.every_pin()? {
            let path = pin_path(&name);
            match self.read(&path, pin)? {
                Some(pin) => {
                    self.named.insert((snapshot_path(pin.snapshot), pin.sha256, None));
                }
                None => {
                    self.report.sealed.insert(path);
                }
            }
        }
        for number in &history.gone {
            self.remembered(*number)?;
        }
        self.lingering(&history)?;
        Ok(history.live.into_iter().collect())
    }

    /// Gathers the files that a snapshot names. What cannot be read is damage, and the rest is followed all the same.
    fn follow(&mut self, number: u64) -> Result<()> {
        let path = snapshot_path(number);
        let Some(snapshot) = self.read(&path, self.warehouse.snapshot(number))? else {
            self.report.sealed.insert(path);
            return Ok(());
        };
        if snapshot.number != number {
            self.damaged(&path, format!("{path} says that it is snapshot {}", snapshot.number));
        }
        if let (Some(parent), Some(digest)) = (snapshot.parent, snapshot.parent_sha256) {
            self.precedes(number, parent, digest)?;
        }
        for digest in snapshot.datasets.values() {
            let standing = self.standing.get(digest).unwrap_or(digest).clone();
            if let Some(manifest) = self.manifest(standing)? {
                self.gather(manifest)?;
            }
        }
        Ok(())
    }

    /// A manifest by the digest that stands; none where it is damaged, which is told when it is hashed.
    fn manifest(&mut self, standing: Digest) -> Result<Option<Manifest>> {
        let path = manifest_path(&standing);
        let bytes = self.warehouse.files().read(&path)?;
        if bytes.is_none() && self.unclear {
            let note = format!("{path} is not there: the damaged tombstone may say what stands in its place");
            if !self.report.notes.contains(&note) {
                self.report.notes.push(note);
            }
            return Ok(None);
        }
        self.named.insert((path.clone(), standing.clone(), None));
        let Some(bytes) = bytes.filter(|bytes| Digest::of(bytes) == standing) else { return Ok(None) };
        let manifest = from_json(&path, &bytes).and_then(|manifest: Manifest| {
            check_format(&path, manifest.format)?;
            Ok(manifest)
        });
        self.read(&path, manifest)
    }

    fn gather(&mut self, manifest: Manifest) -> Result<()> {
        for slice in manifest.slices {
            let declaration = declaration_path(&slice.pipeline);
            // Programs of before did not keep it.
            if self.warehouse.files().exists(&declaration)? {
                self.named.insert((declaration, slice.pipeline, None));
            }
            self.named.extend(slice.parts.into_iter().map(|part| (part.path, part.sha256, Some(part.bytes))));
            for capture in slice.captures {
                self.named.insert((Archive::receipt_path(&capture.exchange), capture.receipt, None));
                if capture.erased.is_none() {
                    self.named.insert((Archive::path(&capture.sha256), capture.sha256, None));
                }
            }
        }
        Ok(())
    }

    /// A snapshot that is named by its child's record of it: by its bytes, or by what is left of it.
    fn precedes(&mut self, child: u64, parent: u64, digest: Digest) -> Result<()> {
        let begins = self.begins.or(self.warehouse.numbers()?.first().copied()).unwrap_or(1);
        if child <= begins {
            return Ok(());
        }
        let path = gone_path(parent);
        match self.read(&path, self.warehouse.gone(parent))? {
            Some(Some(gone)) if gone.sha256 != digest => {
                let then = gone.sha256;
                self.damaged(
                    &path,
                    format!("{path} says that the snapshot was {then}, and snapshot {child} that it was {digest}"),
                );
            }
            Some(Some(_)) | None => {}
            Some(None) => {
                self.named.insert((snapshot_path(parent), digest, None));
            }
        }
        Ok(())
    }

    /// What is left of a snapshot that was removed still tells what was before it.
    fn remembered(&mut self, number: u64) -> Result<()> {
        let path = gone_path(number);
        let Some(Some(gone)) = self.read(&path, self.warehouse.gone(number))? else { return Ok(()) };
        if gone.number != number {
            self.damaged(&path, format!("{path} says that it is of snapshot {}", gone.number));
        }
        match (gone.parent, gone.parent_sha256) {
            (Some(parent), Some(digest)) => self.precedes(number, parent, digest),
            _ => Ok(()),
        }
    }

    /// What was erased must be nowhere.
    fn lingering(&mut self, history: &History) -> Result<()> {
        // Where a snapshot or a tombstone cannot be read, that is told, and what it names is not known.
        let Ok(named) = self.warehouse.all_named(&history.live) else { return Ok(()) };
        for path in self.read("erased", self.warehouse.erased_files(&named))?.unwrap_or_default() {
            let what = format!("{path} was erased and is still there: `tollhouse snapshot gc --apply` removes it");
            self.damaged(&path, what);
        }
        Ok(())
    }

    /// Hashes what was gathered.
    fn hash(&mut self) -> Result<()> {
        for (path, digest, length) in self.named.clone() {
            let found = digest_of(self.warehouse.files(), &path)?;
            let may_lack = |left_out: &BTreeSet<Digest>| left_out.contains(&digest);
            if found.is_none() && path.starts_with("raw/") && self.left_out.as_ref().is_none_or(may_lack) {
                self.report.absent.insert(digest);
                continue;
            }
            self.report.files += 1;
            let wrong = match found {
                None => format!("{path} is missing"),
                Some((_, bytes)) if length.is_some_and(|length| length != bytes) => {
                    format!("{path} has {bytes} bytes, not {}", length.unwrap_or_default())
                }
                Some((found, _)) if found != digest => {
                    format!("{path} is not what was committed: its digest is {found}")
                }
                Some((_, bytes)) => {
                    self.report.bytes += bytes;
                    continue;
                }
            };
            self.damaged(&path, wrong);
            // What it was is told by its digest, which is more than its seal.
            self.report.sealed.remove(&path);
            self.report.broken.insert(path, digest);
        }
        Ok(())
    }

    /// Hashes the captures that no snapshot names: nothing committed needs them, and whoever reads the archive may be glad to
    /// know.
    fn unnamed(&mut self) -> Result<()> {
        let named: BTreeSet<String> = self.named.iter().map(|(path, ..)| path.clone()).collect();
        let files = self.warehouse.files();
        for folder in files.entries("raw")?.into_iter().filter(|entry| entry.is_folder) {
            for name in files.list(&format!("raw/{}", folder.name))? {
                let path = format!("raw/{}/{name}", folder.name);
                let Ok(digest) = name.parse::<Digest>() else { continue };
                if is_staged(&name) || named.contains(&path) || self.told.contains(&path) {
                    continue;
                }
                // One that was collected meanwhile is no matter.
                let Some((found, bytes)) = digest_of(files, &path)? else { continue };
                self.report.files += 1;
                if found == digest {
                    self.report.bytes += bytes;
                } else {
                    self.report.notes.push(format!(
                        "{path} is damaged, and no snapshot names it: nothing committed needs it, and the same file, fetched or \
                         imported again, puts itself right"
                    ));
                }
            }
        }
        Ok(())
    }
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
    fn what_is_damaged_is_told_once_and_ends_nothing() {
        let (folder, warehouse, manifests) = history();
        let spoil = |path: &str| {
            let local = folder.path().join(path);
            let text = std::fs::read_to_string(&local).unwrap();
            std::fs::write(&local, text.replacen("1970", "1971", 1)).unwrap();
        };
        // Named by a pin and by its seal; by its child; a pin; the marker; and one that nothing but verification reads.
        std::fs::create_dir_all(folder.path().join("erased")).unwrap();
        std::fs::write(folder.path().join("erased/000001.json"), "{}").unwrap();
        std::fs::write(folder.path().join("imported.json"), "{}").unwrap();
        ["snapshots/000002.json", "snapshots/000001.json", "pins/p.json", "tollhouse.json"].into_iter().for_each(spoil);
        let warehouse = Warehouse::open_to_verify(folder.path()).map_err(|_| warehouse);
        // No snapshot tells where the data come from.
        let warehouse = warehouse.err().unwrap();
        let report = warehouse.verify(None).unwrap();
        let mut told: Vec<&str> = report.damage.iter().filter_map(|line| line.split([' ', ':']).next()).collect();
        told.sort_unstable();
        let all =
            ["erased/000001.json", "imported.json", "pins/p.json", "snapshots/000001.json", "snapshots/000002.json"];
        assert_eq!(told, [&all[..], &["tollhouse.json"]].concat());
        assert!(warehouse.manifest(&Digest::of(std::fs::read(folder.path().join(&manifests[0])).unwrap())).is_err());
    }

    #[test]
    fn a_marker_that_is_lost_does_not_keep_anybody_from_verifying() {
        let (folder, _, _) = history();
        let marker = folder.path().join("tollhouse.json");
        let whole = std::fs::read_to_string(&marker).unwrap();
        std::fs::remove_file(&marker).unwrap();
        let lost = Warehouse::open(folder.path()).err().unwrap();
        assert_eq!(lost.kind(), Kind::Damaged);
        let other = Warehouse::open_or_create(folder.path(), Origin::Live, Timestamp::UNIX_EPOCH).err().unwrap();
        assert!(other.to_string().contains("tollhouse.json is missing") && !marker.exists(), "{other}");
        let warehouse = Warehouse::open_to_verify(folder.path()).unwrap();
        let report = warehouse.verify(None).unwrap();
        assert_eq!(report.damage, ["tollhouse.json is missing"]);
        assert!(report.sealed.contains("tollhouse.json"));
        // What must stand in it is told to the byte.
        assert_eq!(warehouse.marker_again().unwrap(), whole);
        std::fs::create_dir_all(folder.path().join("tmp")).unwrap();
        let local = folder.path().join("tmp/marker");
        std::fs::write(&local, whole.replace("replica", "live")).unwrap();
        assert!(!warehouse.restore_sealed(&local, "tollhouse.json").unwrap());
        std::fs::write(&local, &whole).unwrap();
        assert!(warehouse.restore_sealed(&local, "tollhouse.json").unwrap());
        assert_eq!(Warehouse::open(folder.path()).unwrap().origin(), Origin::Replica);
    }

    #[test]
    fn captures_that_a_bundle_left_out_are_absent_until_they_come_and_damaged_if_they_come_so() {
        let (folder, warehouse, _) = history();
        let digest = Digest::of("one");
        let path = folder.path().join(Archive::path(&digest));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(warehouse.verify(None).unwrap().damage.len(), 1);
        let imported = crate::Imported::new("p", 1, BTreeSet::from([digest.clone()]));
        crate::imported(folder.path(), &imported).unwrap();
        let report = warehouse.verify(None).unwrap();
        assert_eq!((report.damage.len(), report.absent), (0, BTreeSet::from([digest.clone()])));
        std::fs::write(&path, "other").unwrap();
        let report = warehouse.verify(None).unwrap();
        assert_eq!((report.damage.len(), report.absent.len()), (1, 0));
        std::fs::write(&path, "one").unwrap();
        let report = warehouse.verify(None).unwrap();
        assert_eq!((report.damage.len(), report.absent.len()), (0, 0));
        // What is not on the list is missed.
        std::fs::remove_file(folder.path().join(Archive::path(&Digest::of("two")))).unwrap();
        assert_eq!(warehouse.verify(None).unwrap().damage.len(), 1);
    }

    #[test]
    fn a_damaged_capture_that_nothing_names_is_a_note() {
        let (folder, warehouse, _) = history();
        let path = folder.path().join(Archive::path(&Digest::of("three")));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "three").unwrap();
        assert_eq!(warehouse.verify(None).unwrap().notes, Vec::<String>::new());
        std::fs::write(&path, "four").unwrap();
        let report = warehouse.verify(None).unwrap();
        assert_eq!((report.damage.len(), report.notes.len()), (0, 1), "{report:?}");
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
