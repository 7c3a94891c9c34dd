//! `snapshot verify`: what is damaged, what can restore it, and doing so.

mod remedy;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use model::{DatasetId, Digest, Kind, Result, ResultExt as _};
use query::{bundle, models};
use serde::Serialize;
use store::Warehouse;
use store::archive::Archive;
use store::commit::{Manifest, Slice, Snapshot};
use store::hold::Reading;
use store::verify::Report;

use crate::cli::replay::Again;
use crate::cli::{At, Context};
use crate::config::{Config, now};
use crate::output::{complain, grouped, print_json, say};
use crate::progress::Progress;
use crate::project::Project;
use crate::work;

#[derive(Args)]
pub struct Verify {
    /// Only this snapshot: a pin's name or a number
    #[arg(value_name = "PIN|N", conflicts_with = "at")]
    snapshot: Option<String>,
    #[command(flatten)]
    at: At,
    /// Put right what can be: parts are made again from captures, the rest comes from --from
    #[arg(long)]
    repair: bool,
    /// Bundles that may have what is damaged, or what was left out
    #[arg(long, value_name = "FILE", requires = "repair")]
    from: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Verified<'a> {
    snapshots: u64,
    files: u64,
    bytes: u64,
    damage: Vec<Damage<'a>>,
    /// The captures that the bundle left out from which the warehouse was made: no damage.
    absent: &'a BTreeSet<Digest>,
    /// What is remarkable, and no damage.
    notes: &'a [String],
    repaired: &'a BTreeSet<String>,
}

#[derive(Serialize)]
struct Damage<'a> {
    what: &'a str,
    remedy: &'a str,
}

impl Verify {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let warehouse = Warehouse::open_to_verify(context.root())?;
        let asked = self.at.or(self.snapshot);
        let reading = asked.as_deref().map(|at| warehouse.resolve(Some(at))).transpose()?;
        let numbers = reading.as_ref().map(|snapshot| vec![snapshot.number]);
        let mut report = warehouse.verify(numbers.as_deref())?;
        let mut repair = Repair::new(&warehouse);
        repair.look(numbers.as_deref(), &report)?;
        if self.repair {
            // What came may tell of more: a tombstone of manifests, a manifest of parts.
            while repair.take(&self.from, &report)? {
                report = warehouse.verify(numbers.as_deref())?;
            }
            if !report.broken.is_empty() {
                repair.look(numbers.as_deref(), &report)?;
                repair.remake(context, &report)?;
                repair.remake_models(&context.project()?, &warehouse.verify(numbers.as_deref())?.broken)?;
                report = warehouse.verify(numbers.as_deref())?;
            }
        }
        if reading.is_none() {
            report.notes.extend(repair.catalogue(context, self.repair)?);
        }
        if self.repair
            && let Some(head) = warehouse.head()?
        {
            // It is no committed file; an erasure that died has left one that names parts which are gone.
            match work::refresh_catalogue(&context.project()?, &warehouse, &head) {
                Err(error) if report.damage.is_empty() => return Err(error),
                Err(error) => complain(&format!("the catalogue was not made again: {error}")),
                Ok(()) => {}
            }
        }
        let damage = report.damage.iter().map(|what| Damage { what, remedy: repair.remedy(what) }).collect();
        let verified = Verified {
            snapshots: report.snapshots,
            files: report.files,
            bytes: report.bytes,
            damage,
            absent: &report.absent,
            notes: &report.notes,
            repaired: &repair.done,
        };
        if context.json() {
            print_json(&verified)?;
        } else {
            tell(&verified);
        }
        Ok(ExitCode::from(u8::from(!report.damage.is_empty())))
    }
}

fn tell(verified: &Verified<'_>) {
    for path in verified.repaired {
        say(&format!("repaired: {path}"));
    }
    for Damage { what, remedy } in &verified.damage {
        say(&format!("damaged: {what}"));
        remedy.lines().for_each(|line| say(&format!("  {line}")));
    }
    verified.notes.iter().for_each(|note| say(&format!("note: {note}")));
    if !verified.absent.is_empty() {
        say(&format!(
            "absent: {} captures, which the bundle left out that this warehouse was made from; --json names them, and a bundle \
             that has them fills them in: --repair --from FILE",
            grouped(verified.absent.len() as u64)
        ));
    }
    say(&format!(
        "{} snapshots, {} files, {} bytes hashed: {}.",
        verified.snapshots,
        grouped(verified.files),
        grouped(verified.bytes),
        match verified.damage.len() {
            0 => "all as committed".to_owned(),
            1 => "1 is damaged".to_owned(),
            count => format!("{count} are damaged"),
        }
    ));
}

/// The file that a line of damage is about.
fn path_of(line: &str) -> &str {
    line.split([' ', ':']).next().unwrap_or_default()
}

/// A part that is damaged, and what it belongs to.
struct Held {
    snapshot: Reading,
    manifest: Manifest,
    /// The slice; none of a model.
    slice: Option<Slice>,
}

struct Repair<'a> {
    warehouse: &'a Warehouse,
    /// Damaged parts, by path.
    held: BTreeMap<String, Held>,
    /// What can restore a damaged file, or why it could not be restored, by path.
    why: BTreeMap<String, String>,
    /// The files that were put right.
    done: BTreeSet<String>,
}

impl<'a> Repair<'a> {
    fn new(warehouse: &'a Warehouse) -> Self {
        Self { warehouse, held: BTreeMap::new(), why: BTreeMap::new(), done: BTreeSet::new() }
    }

    /// What can restore each damaged file.
    fn look(&mut self, numbers: Option<&[u64]>, report: &Report) -> Result<()> {
        let broken = &report.broken;
        for line in &report.damage {
            let path = path_of(line);
            self.why.insert(path.to_owned(), remedy::of(self.warehouse, path, line)?);
        }
        let numbers = match numbers {
            Some(numbers) => numbers.to_vec(),
            None => self.warehouse.numbers()?,
        };
        let mut seen: BTreeSet<Digest> = BTreeSet::new();
        for number in numbers {
            let Ok(snapshot) = self.warehouse.reading(number) else { continue };
            for digest in snapshot.datasets.values() {
                if !seen.insert(digest.clone()) {
                    continue;
                }
                let Ok(manifest) = self.warehouse.manifest(digest) else { continue };
                for slice in &manifest.slices {
                    let whole = |capture: &store::commit::Capture| {
                        capture.erased.is_none()
                            && !report.absent.contains(&capture.sha256)
                            && !broken.contains_key(&Archive::path(&capture.sha256))
                    };
                    let derived = manifest.derived.is_some();
                    let why = if derived {
                        "it is a model, and can be made again of its inputs: --repair"
                    } else if slice.captures.iter().all(whole) {
                        "it can be made again from its captures: --repair"
                    } else {
                        "its captures are damaged, absent or erased as well: a bundle that has it, or them, can: --repair --from FILE"
                    };
                    for part in slice.parts.iter().filter(|part| broken.contains_key(&part.path)) {
                        self.why.insert(part.path.clone(), why.to_owned());
                        let slice = (!derived).then(|| slice.clone());
                        let held = Held { snapshot: snapshot.clone(), manifest: manifest.clone(), slice };
                        self.held.insert(part.path.clone(), held);
                    }
                }
            }
        }
        Ok(())
    }

    /// What is said of a line of damage.
    fn remedy(&self, what: &str) -> &str {
        self.why.get(path_of(what)).map_or("", String::as_str)
    }

    /// Takes what bundles have of what is damaged or absent; whether that was anything.
    fn take(&mut self, bundles: &[PathBuf], report: &Report) -> Result<bool> {
        let before = self.done.len();
        for file in bundles {
            let archive = File::open(file).or_error(Kind::Usage, format!("cannot read {}", file.display()))?;
            let contents = bundle::Contents::open(BufReader::new(archive));
            contents
                .and_then(|mut contents| self.take_from(&mut contents, report))
                .map_err(|error| error.while_doing(file.display()))?;
        }
        Ok(self.done.len() > before)
    }

    fn take_from(&mut self, contents: &mut bundle::Contents<BufReader<File>>, report: &Report) -> Result<()> {
        let scratch = self.warehouse.scratch("repair-")?;
        let absent = report.absent.iter().map(|digest| (Archive::path(digest), digest));
        let named = report.broken.iter().map(|(path, digest)| (path.clone(), digest)).chain(absent);
        for (path, digest) in named.filter(|(path, _)| !self.done.contains(path)).collect::<Vec<_>>() {
            if let Some(local) = contents.take(&path, Some(digest), scratch.path())? {
                self.warehouse.restore(&local, &path, digest)?;
                self.done.insert(path);
            }
        }
        // What is named by nothing must fit what is here, and be of the same history.
        if report.sealed.is_empty() || !contents.is_of(self.warehouse) {
            return Ok(());
        }
        for path in report.sealed.iter().filter(|path| !self.done.contains(*path)).cloned().collect::<Vec<_>>() {
            let restored = if path == store::IMPORTED {
                let imported = contents.imported(self.warehouse).ok().flatten();
                imported
                    .map(|imported| self.warehouse.restore_imported(&imported, scratch.path()))
                    .transpose()?
                    .is_some()
            } else {
                match contents.take(&path, None, scratch.path())? {
                    Some(local) => self.warehouse.restore_sealed(&local, &path)?,
                    None => false,
                }
            };
            if restored {
                self.done.insert(path);
            }
        }
        Ok(())
    }

    /// Whether `tollhouse.duckdb` is of the newest snapshot; what is to be said of it, unless it was put right.
    fn catalogue(&mut self, context: &Context, repair: bool) -> Result<Option<String>> {
        let file = query::catalogue::FILE;
        // Where the newest snapshot cannot be read, that is told already.
        let (Ok(project), Ok(Some(head))) = (context.project(), self.warehouse.head()) else { return Ok(None) };
        match query::catalogue::is_current(self.warehouse, &head, &project.datasets, &project.vocabulary) {
            Ok(true) => Ok(None),
            Ok(false) if repair => {
                work::refresh_catalogue(&project, self.warehouse, &head)?;
                self.done.insert(file.to_owned());
                Ok(None)
            }
            Ok(false) => Ok(Some(format!(
                "{file} is not that of snapshot {}, the newest, by today's declarations: --repair renews it, and so does the next run",
                head.number
            ))),
            Err(error) => Ok(Some(format!("{file} could not be compared with the newest snapshot: {error}"))),
        }
    }

    /// Makes damaged parts again.
    fn remake(&mut self, context: &Context, report: &Report) -> Result<()> {
        let (project, config, progress) = (context.project()?, context.config()?, context.progress());
        self.remake_parts(&project, &config, &progress, &report.broken)?;
        progress.finish();
        Ok(())
    }

    /// Makes damaged parts again from their captures.
    fn remake_parts(
        &mut self,
        project: &Project,
        config: &Config,
        progress: &Progress,
        broken: &BTreeMap<String, Digest>,
    ) -> Result<()> {
        let mut tried: BTreeSet<(DatasetId, String, String)> = BTreeSet::new();
        let wanted: Vec<String> = broken.keys().filter(|path| self.held.contains_key(*path)).cloned().collect();
        for path in wanted {
            let Some(Held { manifest, slice: Some(slice), .. }) = self.held.get(&path) else { continue };
            let name = (manifest.dataset.clone(), slice.release.to_string(), slice.name.clone());
            if self.done.contains(&path) || !tried.insert(name) {
                continue;
            }
            let beside = self.warehouse.scratch("repair-")?;
            let scratch = Warehouse::open_or_create(beside.path(), self.warehouse.origin(), now())?;
            let workers = config.workers();
            let again = Again { project, warehouse: self.warehouse, scratch: &scratch, progress, workers };
            match again.slice(manifest, slice) {
                Ok((made, _)) => {
                    let mut restored = Vec::new();
                    for part in made.slices.iter().flat_map(|slice| &slice.parts) {
                        if broken.contains_key(&part.path) {
                            self.warehouse.restore(&scratch.root().join(&part.path), &part.path, &part.sha256)?;
                            restored.push(part.path.clone());
                        }
                    }
                    self.done.extend(restored);
                    let other =
                        "its captures give other bytes by this program: the version that made it can restore it";
                    let own: Vec<String> = slice.parts.iter().map(|part| part.path.clone()).collect();
                    for path in own.iter().filter(|path| !self.done.contains(*path)) {
                        self.why.insert(path.clone(), other.to_owned());
                    }
                }
                Err(error) => {
                    self.why.insert(path, format!("it could not be made again: {error}"));
                }
            }
        }
        Ok(())
    }

    /// Makes the damaged parts of models again, those of models' models after what they are made of.
    fn remake_models(&mut self, project: &Project, broken: &BTreeMap<String, Digest>) -> Result<()> {
        let mut open: Vec<String> = broken.keys().filter(|path| self.held.contains_key(*path)).cloned().collect();
        loop {
            let before = open.len();
            let mut rest = Vec::new();
            for path in open {
                let Some(Held { snapshot, manifest, slice: None }) = self.held.get(&path) else { continue };
                let beside = self.warehouse.scratch("repair-")?;
                let scratch = Warehouse::open_or_create(beside.path(), self.warehouse.origin(), now())?;
                let snapshot: &Snapshot = snapshot;
                let (datasets, vocabulary) = (&project.datasets, &project.vocabulary);
                match models::remake(self.warehouse, &scratch, manifest, snapshot, datasets, vocabulary) {
                    Ok(Some(part)) if part.path == path => {
                        self.warehouse.restore(&scratch.root().join(&path), &path, &part.sha256)?;
                        self.done.insert(path);
                    }
                    Ok(_) => {
                        let other =
                            "its inputs give other bytes by this program: the version that made it can restore it";
                        self.why.insert(path, other.to_owned());
                    }
                    Err(error) => {
                        self.why.insert(path.clone(), format!("it could not be made again: {error}"));
                        rest.push(path);
                    }
                }
            }
            if rest.is_empty() || rest.len() == before {
                return Ok(());
            }
            open = rest;
        }
    }
}
