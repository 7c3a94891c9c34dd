//! `snapshot verify`: what is damaged, what can restore it, and doing so.

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

use crate::cli::Context;
use crate::cli::replay::Again;
use crate::config::{Config, now};
use crate::output::{complain, grouped, print_json, say};
use crate::progress::Progress;
use crate::project::Project;
use crate::work;

#[derive(Args)]
pub struct Verify {
    /// Only this snapshot: a pin's name or a number
    #[arg(value_name = "PIN|N")]
    snapshot: Option<String>,
    /// Put right what can be: parts are made again from captures, the rest comes from --from
    #[arg(long)]
    repair: bool,
    /// Bundles that may have what is damaged
    #[arg(long, value_name = "FILE", requires = "repair")]
    from: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Verified<'a> {
    snapshots: u64,
    files: u64,
    bytes: u64,
    damage: Vec<Damage<'a>>,
    repaired: &'a BTreeSet<String>,
}

#[derive(Serialize)]
struct Damage<'a> {
    what: &'a str,
    remedy: &'a str,
}

impl Verify {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let warehouse = context.warehouse()?;
        let reading = self.snapshot.as_deref().map(|at| warehouse.resolve(Some(at))).transpose()?;
        let numbers = reading.as_ref().map(|snapshot| vec![snapshot.number]);
        let mut report = warehouse.verify(numbers.as_deref())?;
        let mut repair =
            Repair { warehouse: &warehouse, held: BTreeMap::new(), why: BTreeMap::new(), done: BTreeSet::new() };
        if !report.broken.is_empty() {
            repair.look(numbers.as_deref(), &report)?;
        }
        if self.repair && !report.broken.is_empty() {
            let (project, config) = (context.project()?, context.config()?);
            let progress = context.progress();
            repair.take(&self.from, &report.broken)?;
            // What came from there may be what the rest is made of.
            report = warehouse.verify(numbers.as_deref())?;
            repair.look(numbers.as_deref(), &report)?;
            repair.remake_parts(&project, &config, &progress, &report.broken)?;
            repair.remake_models(&project, &warehouse.verify(numbers.as_deref())?.broken)?;
            progress.finish();
            report = warehouse.verify(numbers.as_deref())?;
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
        if !remedy.is_empty() {
            say(&format!("  {remedy}"));
        }
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

impl Repair<'_> {
    /// What can restore each damaged file.
    fn look(&mut self, numbers: Option<&[u64]>, report: &Report) -> Result<()> {
        let broken = &report.broken;
        let numbers = match numbers {
            Some(numbers) => numbers.to_vec(),
            None => self.warehouse.numbers()?,
        };
        for path in broken.keys() {
            self.why.insert(path.clone(), "a bundle that has it can restore it: --repair --from FILE".to_owned());
        }
        let lost = "; else the same file, fetched or imported again, puts itself right";
        for path in broken.keys().filter(|path| path.starts_with("raw/")) {
            self.why.entry(path.clone()).and_modify(|why| *why += lost);
        }
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
                        capture.erased.is_none() && !broken.contains_key(&Archive::path(&capture.sha256))
                    };
                    let derived = manifest.derived.is_some();
                    let why = if derived {
                        "it is a model, and can be made again of its inputs: --repair"
                    } else if slice.captures.iter().all(whole) {
                        "it can be made again from its captures: --repair"
                    } else {
                        "its captures are damaged or erased as well: a bundle that has it, or them, can: --repair --from FILE"
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
        let path = what.split(' ').next().unwrap_or_default();
        self.why.get(path).map_or("", String::as_str)
    }

    fn take(&mut self, bundles: &[PathBuf], broken: &BTreeMap<String, Digest>) -> Result<()> {
        for file in bundles {
            let archive = File::open(file).or_error(Kind::Usage, format!("cannot read {}", file.display()))?;
            let scratch = self.warehouse.scratch("repair-")?;
            bundle::find(BufReader::new(archive), broken, scratch.path(), &mut |path, local| {
                self.warehouse.restore(local, path, &broken[path])?;
                self.done.insert(path.to_owned());
                Ok(())
            })
            .map_err(|error| error.while_doing(file.display()))?;
        }
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
