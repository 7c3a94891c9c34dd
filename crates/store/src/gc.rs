//! Collecting garbage: removing snapshots that no rule keeps, and files that no snapshot names.
//!
//! What is never removed: the head, what a pin names, what a rule keeps, and what somebody reads. What makes that safe:
//! - Nobody writes meanwhile: the collector holds `writing` alone ([`crate::hold`]). Where a run is at work, it removes
//!   nothing.
//! - What keeps a snapshot from being needed is durable first: the folders that it rests its choice on are synced.
//! - `snapshots/<N>.gone.json` is durable before a byte of N is removed. Nobody opens N from then on, its number stays
//!   taken, and whoever had it open reads on: his files go with a later collection.
//! - A collector that dies anywhere leaves files that nothing names, and snapshots that are said to be gone: the next one
//!   looks at what lies there, not at what the last one meant to do.
//! - Where a kept snapshot or its manifest cannot be read, nothing is removed: it might name what looks like garbage.
//!
//! `declarations/` and `quarantine/` stay: they are small, and tell of what was. Captures and receipts go by a rule of
//! their own ([`captures`]).

mod captures;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use model::{Digest, Error, Kind, Result};
use serde::Serialize;

use crate::Warehouse;
use crate::commit::{Gone, History, gone_path, manifest_path, snapshot_path};
use crate::file::{Hold, LOCKS, Mode, STAGING, is_staged, parent};
use crate::hold::{WRITING, reading_name};
use crate::warehouse::{FORMAT, seal};

/// What is kept beside the head and what pins name. A snapshot stays if any rule keeps it; without any, all stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// The newest so many snapshots stay.
    pub newest: Option<usize>,
    /// Snapshots younger than so many days stay.
    pub days: Option<u32>,
    /// Captures that no kept snapshot names go once they are older than so many days; without, they all stay.
    pub captures_days: Option<u32>,
}

/// Why a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// Only removed snapshots named it.
    Removed,
    /// No snapshot ever named it, or none has for long: what a dead run, or a dead collection, left.
    Leftover,
    /// A capture, or its receipt, that is older than the rule keeps.
    Capture,
    /// What an erasure took, and whoever erased could not remove.
    Erased,
}

/// A file that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// Its path below the root.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Why.
    pub why: Why,
}

/// What a collection did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether it was done.
    pub applied: bool,
    /// Whether a run was at work: then nothing was removed, and what looks like a leftover may be the run's.
    pub at_work: bool,
    /// The snapshots that go, ascending.
    pub snapshots: Vec<u64>,
    /// Those that stay, each with what keeps it.
    pub kept: BTreeMap<u64, String>,
    /// Those that are gone for new readers, and whose files stay because somebody still reads them.
    pub read: Vec<u64>,
    /// The files that go, in the order in which they do.
    pub files: Vec<Removal>,
}

impl Report {
    /// How many bytes go for a reason.
    pub fn bytes(&self, why: Why) -> u64 {
        self.files.iter().filter(|file| file.why == why).map(|file| file.bytes).sum()
    }
}

/// The files that snapshots name.
#[derive(Debug, Default)]
struct Named {
    manifests: BTreeSet<Digest>,
    files: BTreeSet<String>,
}

impl Warehouse {
    /// Removes what the rules do not keep, or says what that would be.
    pub fn gc(&self, rules: &Rules, apply: bool, now: Timestamp) -> Result<Report> {
        let mut before = None;
        loop {
            match self.collect(rules, apply, now) {
                // Who only looks is not alone: another collection or an erasure may have removed what was being looked at.
                // What is damaged is so when it is looked at again.
                Err(error) if error.kind() == Kind::Damaged && before != Some(error.to_string()) => {
                    before = Some(error.to_string());
                }
                done => return done,
            }
        }
    }

    fn collect(&self, rules: &Rules, apply: bool, now: Timestamp) -> Result<Report> {
        let alone = match self.files().lock(WRITING, Mode::Exclusive) {
            // A root that cannot be locked can still be looked at.
            Err(_) if !apply => None,
            locked => Some(locked?),
        };
        let mut report = Report { applied: apply, at_work: matches!(alone, Some(None)), ..Report::default() };
        if apply && report.at_work {
            report.applied = false;
        }
        let apply = report.applied;
        // Looking keeps nobody from writing.
        let _alone = alone.flatten().filter(|_| apply);
        if apply {
            // A head that a crash can take away is no reason to remove what was before it.
            self.files().settle("snapshots")?;
            // Nor is a pin that was taken away and that a crash can bring back.
            self.files().settle("pins")?;
            // Nor does a tombstone that a crash can take away say which files are not needed.
            self.settle_erasures()?;
        }
        let history = self.history()?;
        report.kept = self.kept(rules, &history, now)?;
        let condemned: Vec<u64> = history.live.iter().copied().filter(|n| !report.kept.contains_key(n)).collect();
        let rule = rules.in_words();
        if apply && !self.tells_late() {
            condemned.iter().try_for_each(|number| self.tell(*number, &rule, now))?;
        }
        // Those of a collection that died are finished with the others.
        let mut stay: BTreeSet<u64> = report.kept.keys().copied().collect();
        let mut holds = Vec::new();
        for number in history.unfinished.iter().copied().chain(condemned) {
            match if apply { self.alone_with(number)? } else { Some(Hold::new(())) } {
                Some(hold) => holds.push((number, hold)),
                None => {
                    stay.insert(number);
                    report.read.push(number);
                }
            }
        }
        report.snapshots = holds.iter().map(|(number, _)| *number).collect();
        report.snapshots.sort_unstable();
        self.plan(rules, &stay, now, &mut report)?;
        if apply {
            let paths: Vec<String> = report.files.iter().map(|file| file.path.clone()).collect();
            self.remove_all(&paths)?;
            if self.tells_late() {
                report.snapshots.iter().try_for_each(|number| self.tell(*number, &rule, now))?;
            }
            for (number, _) in &holds {
                self.files().remove(&format!("{LOCKS}/{}", reading_name(*number)))?;
            }
        }
        Ok(report)
    }

    /// What stays, and why.
    fn kept(&self, rules: &Rules, history: &History, now: Timestamp) -> Result<BTreeMap<u64, String>> {
        let mut kept = BTreeMap::new();
        let mut keep = |number: u64, why: String| {
            kept.entry(number).or_insert(why);
        };
        if let Some(head) = history.live.last() {
            keep(*head, "the newest".to_owned());
        }
        for (name, pin) in self.every_pin()? {
            // Which snapshot it keeps is not known: none may go.
            let pin = pin.map_err(|error| {
                error.while_doing("nothing was removed, because a pin keeps what only it can tell").hint(format!(
                    "`tollhouse pin remove {name}` takes it away; `tollhouse pin add {name} N` makes it again"
                ))
            })?;
            if history.live.contains(&pin.snapshot) {
                keep(pin.snapshot, format!("pin `{}`", pin.name));
            }
        }
        if let Some(newest) = rules.newest {
            history.live.iter().rev().take(newest).for_each(|number| keep(*number, format!("the newest {newest}")));
        }
        let since = rules.days.and_then(|days| before(now, days));
        for number in &history.live {
            match rules.days {
                Some(days) => {
                    let created = self.snapshot(*number)?.created;
                    if since.is_none_or(|since| created > since) {
                        keep(*number, format!("younger than {days} days"));
                    }
                }
                None if rules.newest.is_none() => keep(*number, "no rule says otherwise".to_owned()),
                None => {}
            }
        }
        Ok(kept)
    }

    /// Says that a snapshot is gone. From here on nobody opens it.
    fn tell(&self, number: u64, why: &str, now: Timestamp) -> Result<()> {
        let Some(snapshot) = self.find_snapshot(number)? else { return Ok(()) };
        let gone = Gone {
            format: FORMAT,
            number,
            sha256: self.snapshot_digest(number)?,
            parent: snapshot.parent,
            parent_sha256: snapshot.parent_sha256,
            created: snapshot.created,
            removed: now,
            why: why.to_owned(),
        };
        self.files().create(&gone_path(number), seal(&gone)?).map(|_| ())
    }

    /// Keeps readers away from a snapshot that is gone; none where one is still at it.
    pub(crate) fn alone_with(&self, number: u64) -> Result<Option<Hold>> {
        self.files().lock(&reading_name(number), Mode::Exclusive)
    }

    /// Fills in the files that go where these snapshots stay.
    fn plan(&self, rules: &Rules, stay: &BTreeSet<u64>, now: Timestamp, report: &mut Report) -> Result<()> {
        let kept = self.named(stay, true)?;
        let freed = self.named(&report.snapshots.iter().copied().collect(), false)?;
        let mut go = Vec::new();
        go.extend(report.snapshots.iter().map(|number| (snapshot_path(*number), Why::Removed)));
        let of = |was: bool| if was { Why::Removed } else { Why::Leftover };
        for path in self.below("manifests", false)? {
            let digest = name_of(&path).strip_suffix(".json").and_then(|digest| digest.parse::<Digest>().ok());
            match digest {
                Some(digest) if !kept.manifests.contains(&digest) => {
                    go.push((path, of(freed.manifests.contains(&digest))))
                }
                _ => {}
            }
        }
        for path in self.below("tables", false)? {
            let part = name_of(&path).strip_suffix(".parquet").is_some_and(|name| name.parse::<Digest>().is_ok());
            if part && !kept.files.contains(&path) {
                let why = of(freed.files.contains(&path));
                go.push((path, why));
            }
        }
        go.extend(self.below(STAGING, true)?.into_iter().map(|path| (path, Why::Leftover)));
        for folder in ["snapshots", "pins", "manifests", "tables", "exchanges", "raw", "declarations", "quarantine"] {
            let staged = self.below(folder, true)?.into_iter().filter(|path| is_staged(name_of(path)));
            go.extend(staged.map(|path| (path, Why::Leftover)));
        }
        if let Some(days) = rules.captures_days {
            let old = captures::old(self, before(now, days), &kept.files)?;
            go.extend(old.into_iter().map(|path| (path, Why::Capture)));
        }
        let mut named = kept.files;
        named.extend(kept.manifests.iter().map(manifest_path));
        let erased: BTreeSet<String> = self.erased_files(&named)?.into_iter().collect();
        go.retain(|(path, _)| !erased.contains(path));
        go.extend(erased.into_iter().map(|path| (path, Why::Erased)));
        for (path, why) in go {
            let bytes = self.files().length(&path)?.unwrap_or_default();
            report.files.push(Removal { path, bytes, why });
        }
        Ok(())
    }

    /// What snapshots name. Where one that must be known cannot be read, that is an error; of others, what can be.
    fn named(&self, numbers: &BTreeSet<u64>, all: bool) -> Result<Named> {
        let stops = |error: Error| {
            let hint = "nothing was removed; `tollhouse snapshot verify` says what is damaged, and a capture that is fetched \
                        or imported again puts itself right";
            error.while_doing("a snapshot that is kept cannot be read").hint(hint)
        };
        let mut named = Named::default();
        for number in numbers {
            let snapshot = match self.find_snapshot(*number) {
                Ok(Some(snapshot)) => snapshot,
                Ok(None) if !all => continue,
                Ok(None) => {
                    let missing = Error::new(Kind::Damaged, format!("{} is missing", snapshot_path(*number)));
                    return Err(stops(missing));
                }
                Err(error) if all => return Err(stops(error)),
                Err(_) => continue,
            };
            for digest in snapshot.datasets.into_values() {
                let digest = self.standing(&digest)?;
                if !named.manifests.insert(digest.clone()) {
                    continue;
                }
                match self.manifest(&digest) {
                    Ok(manifest) => named.files.extend(manifest.files().map(|(path, ..)| path)),
                    Err(error) if all => return Err(stops(error)),
                    Err(_) => {}
                }
            }
        }
        Ok(named)
    }

    /// The files below a folder, in any depth; with `everything` also what earlier programs left unfinished, and emptied
    /// folders below `tmp/` after what was in them.
    pub(crate) fn below(&self, folder: &str, everything: bool) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for entry in self.files().entries(folder)? {
            let path = format!("{folder}/{}", entry.name);
            if entry.is_folder {
                found.extend(self.below(&path, everything)?);
                if path.starts_with(&format!("{STAGING}/")) {
                    found.push(path);
                }
            } else if everything || !is_staged(&entry.name) {
                found.push(path);
            }
        }
        Ok(found)
    }

    /// The paths of everything that these snapshots name, manifests too.
    pub(crate) fn all_named(&self, numbers: &BTreeSet<u64>) -> Result<BTreeSet<String>> {
        let Named { manifests, mut files } = self.named(numbers, true)?;
        files.extend(manifests.iter().map(manifest_path));
        Ok(files)
    }

    /// The files that no live snapshot names, and those of snapshots whose removal was not finished; captures stay.
    pub(crate) fn leftovers(&self) -> Result<Vec<String>> {
        let history = self.history()?;
        let mut report = Report { snapshots: history.unfinished.into_iter().collect(), ..Report::default() };
        self.plan(&Rules::default(), &history.live, Timestamp::UNIX_EPOCH, &mut report)?;
        Ok(report.files.into_iter().map(|file| file.path).collect())
    }

    /// Removes files for good.
    pub(crate) fn remove_all(&self, paths: &[String]) -> Result<()> {
        let mut folders = BTreeSet::new();
        for path in paths {
            self.files().remove(path)?;
            folders.insert(parent(path));
        }
        // Only now is it gone for good; a crash before brings back what the next collection finds again.
        folders.into_iter().try_for_each(|folder| self.files().settle(folder))
    }

    /// For tests that prove the simulation.
    fn tells_late(&self) -> bool {
        #[cfg(test)]
        return self.tells_late;
        #[cfg(not(test))]
        return false;
    }
}

impl Rules {
    /// What is written down as the reason.
    fn in_words(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.newest.map(|newest| format!("among the newest {newest}")));
        words.extend(self.days.map(|days| format!("younger than {days} days")));
        format!("it was neither pinned nor {}", words.join(" nor "))
    }
}

/// The time so many days ago; none where there is no such time.
fn before(now: Timestamp, days: u32) -> Option<Timestamp> {
    now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).ok()
}

fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}
