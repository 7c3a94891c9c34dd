//! `replay`: a snapshot made again from archived captures, with no network at all, beside what was committed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use ingest::replay;
use ingest::run::{self, Job};
use model::dataset::Dataset;
use model::{DatasetId, Error, Kind, Result, ResultExt as _};
use serde::Serialize;
use store::Warehouse;
use store::archive::Archive;
use store::commit::{Manifest, Slice, Staged};
use store::hold::Scratch;
use store::part::Part;

use super::{At, Context};
use crate::config::{VERSION, now};
use crate::output::{print_json, say, table};
use crate::progress::Progress;
use crate::project::Project;
use crate::{report, work};

/// Everything is read from the archive and written beside the warehouse, where it is thrown away again: nothing that was
/// committed is touched. Where the root cannot be written, it is written where temporary files go.
#[derive(Args)]
pub struct Replay {
    /// Only these datasets, and no models; all of the snapshot's without
    #[arg(value_name = "DATASET")]
    datasets: Vec<String>,
    #[command(flatten)]
    at: At,
    /// The same as --at
    #[arg(long, value_name = "PIN|N", conflicts_with = "at")]
    snapshot: Option<String>,
}

/// What became of a slice, or of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// The same bytes.
    Identical,
    /// The same columns and rows in other bytes: another program wrote them.
    SameRows,
    /// Other rows.
    Differs,
    /// It cannot be made again.
    Failed,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Outcome::Identical => "identical",
            Outcome::SameRows => "same rows, other bytes",
            Outcome::Differs => "DIFFERS",
            Outcome::Failed => "FAILED",
        }
    }
}

/// One slice, or one model.
#[derive(Debug, Serialize)]
struct Line {
    dataset: DatasetId,
    release: String,
    slice: String,
    outcome: Outcome,
    parts: usize,
    /// What differs, or why.
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
}

#[derive(Serialize)]
struct Replayed<'a> {
    snapshot: u64,
    slices: &'a [Line],
}

impl Replay {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        let config = context.config()?;
        let warehouse = context.warehouse()?;
        let snapshot = warehouse.resolve(self.at.or(self.snapshot).as_deref())?;
        let wanted = self.datasets.iter().map(|id| id.parse()).collect::<Result<Vec<DatasetId>>>()?;
        if let Some(unknown) = wanted.iter().find(|id| !snapshot.datasets.contains_key(id)) {
            return Err(Error::new(Kind::Usage, format!("snapshot {} has no {unknown}", snapshot.number))
                .hint("`tollhouse snapshot show` lists what it has"));
        }
        let beside = Beside::of(&warehouse)?;
        let scratch = Warehouse::open_or_create(beside.path(), warehouse.origin(), now())?;
        let progress = context.progress();

        let mut lines = Vec::new();
        let mut staged = Vec::new();
        let mut derived = BTreeMap::new();
        for (id, digest) in &snapshot.datasets {
            let manifest = warehouse.manifest(digest)?;
            if manifest.derived.is_some() {
                derived.insert(id.clone(), manifest);
            } else if wanted.is_empty() || wanted.contains(id) {
                let workers = config.workers();
                let (project, progress) = (&project, &progress);
                let again = Again { project, warehouse: &warehouse, scratch: &scratch, progress, workers };
                staged.extend(again.dataset(&manifest, &mut lines)?);
            }
        }
        if wanted.is_empty() {
            models(&project, &scratch, &staged, &derived, &mut lines)?;
        }
        progress.finish();
        if context.json() {
            print_json(&Replayed { snapshot: snapshot.number, slices: &lines })?;
        } else {
            tell(snapshot.number, &lines);
        }
        let good = lines.iter().all(|line| line.outcome <= Outcome::SameRows);
        Ok(ExitCode::from(u8::from(!good)))
    }
}

/// The folder in which everything is made again, and which is thrown away.
enum Beside {
    /// In the warehouse, where captures need no copies.
    Within(Scratch),
    /// Where temporary files go: the root cannot be written.
    Elsewhere(tempfile::TempDir),
}

impl Beside {
    fn of(warehouse: &Warehouse) -> Result<Self> {
        match warehouse.scratch("replay-") {
            Ok(scratch) => Ok(Self::Within(scratch)),
            Err(error) if error.kind() == Kind::Io => {
                let elsewhere = tempfile::Builder::new().prefix("tollhouse-replay-").tempdir();
                Ok(Self::Elsewhere(elsewhere.or_error(Kind::Io, format!("{error}, nor a temporary one elsewhere"))?))
            }
            Err(error) => Err(error),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Within(scratch) => scratch.path(),
            Self::Elsewhere(folder) => folder.path(),
        }
    }
}

/// What datasets are made again with.
pub(super) struct Again<'a> {
    pub(super) project: &'a Project,
    pub(super) warehouse: &'a Warehouse,
    pub(super) scratch: &'a Warehouse,
    pub(super) progress: &'a Progress,
    pub(super) workers: std::num::NonZeroUsize,
}

impl Again<'_> {
    /// Makes the slices of a dataset again, each by the declaration that made it.
    fn dataset(&self, manifest: &Manifest, lines: &mut Vec<Line>) -> Result<Option<Staged>> {
        let mut whole: Option<Staged> = None;
        for held in &manifest.slices {
            let (mut made, changed) = match self.slice(manifest, held) {
                Ok(made) => made,
                Err(error) => {
                    lines.push(failed(manifest, held, &error));
                    continue;
                }
            };
            lines.extend(made.slices.iter().map(|slice| {
                let (outcome, mut why) = compare(&held.parts, &slice.parts);
                if changed && outcome != Outcome::Identical {
                    why += "; its declaration has changed, and the old one was not kept";
                }
                line(manifest, held, outcome, why)
            }));
            match &mut whole {
                None => whole = Some(made),
                Some(whole) => {
                    whole.slices.append(&mut made.slices);
                    whole.certificates.append(&mut made.certificates);
                }
            }
        }
        Ok(whole)
    }

    /// Makes a slice again, by the declaration that made it; and whether that is today's, because the old one was not kept.
    pub(super) fn slice(&self, manifest: &Manifest, held: &Slice) -> Result<(Staged, bool)> {
        let (dataset, changed) = self.declaration(manifest, held)?;
        let step = |step: run::Progress<'_>| self.progress.step(dataset.id.as_str(), step);
        let job = Job {
            dataset: &dataset,
            vocabulary: &self.project.vocabulary,
            warehouse: self.scratch,
            only: None,
            workers: self.workers,
            program: VERSION,
            progress: &step,
        };
        self.receipts(held)?;
        let fetched = replay::fetched(self.warehouse, &dataset, held)?;
        Ok((run::stage(&job, &None, &[fetched])?, changed))
    }

    /// The declaration that made a slice, and whether today's stands for it because it was not kept.
    fn declaration(&self, manifest: &Manifest, held: &Slice) -> Result<(Dataset, bool)> {
        let now = self.project.dataset(manifest.dataset.as_str());
        match now {
            Ok(now) if now.digest == held.pipeline => Ok((now.clone(), false)),
            now => match self.warehouse.declaration(&held.pipeline)? {
                Some(text) => Ok((Dataset::parse(manifest.dataset.as_str(), &text, &self.project.vocabulary)?, false)),
                None => Ok((now?.clone(), true)),
            },
        }
    }

    /// A commit wants what its slices name to be there: their receipts are copied beside, their captures get a second name.
    fn receipts(&self, held: &Slice) -> Result<()> {
        for capture in &held.captures {
            let receipt = self.warehouse.archive().exchange(&capture.exchange)?;
            self.scratch.archive().record(&receipt)?;
            let path = Archive::path(&capture.sha256);
            let (from, to) = (self.warehouse.root().join(&path), self.scratch.root().join(&path));
            let cannot = || format!("cannot name {path} beside the warehouse");
            if from.is_file() && !to.exists() {
                let folder = to.parent().unwrap_or(self.scratch.root());
                std::fs::create_dir_all(folder).or_error(Kind::Io, cannot())?;
                // Where the file system has no second names, it is a copy.
                if std::fs::hard_link(&from, &to).is_err() {
                    std::fs::copy(&from, &to).or_error(Kind::Io, cannot())?;
                }
            }
        }
        Ok(())
    }
}

/// Makes the models over what was made again.
fn models(
    project: &Project,
    scratch: &Warehouse,
    staged: &[Staged],
    derived: &BTreeMap<DatasetId, Manifest>,
    lines: &mut Vec<Line>,
) -> Result<()> {
    let mut maker = work::maker(project, scratch);
    scratch.commit_with(staged, VERSION, now(), &mut |draft| maker.make(draft).map(|_| ()))?;
    let made = scratch.head()?.map(|head| head.datasets).unwrap_or_default();
    for (id, manifest) in derived {
        let again = made.get(id).map(|digest| scratch.manifest(digest)).transpose()?;
        let held = parts_of(manifest);
        let (outcome, why) = match again {
            None => {
                (Outcome::Failed, "it is no longer declared, or what it is made of could not be made again".to_owned())
            }
            Some(again) => {
                let sql = |manifest: &Manifest| manifest.derived.as_ref().map(|derived| derived.sql.clone());
                let (outcome, why) = compare(&held, &parts_of(&again));
                let changed = outcome != Outcome::Identical && sql(manifest) != sql(&again);
                (outcome, if changed { format!("{why}; its SQL has changed") } else { why })
            }
        };
        lines.push(Line {
            dataset: id.clone(),
            release: "derived".to_owned(),
            slice: "all".to_owned(),
            outcome,
            parts: held.len(),
            why,
        });
    }
    Ok(())
}

fn parts_of(manifest: &Manifest) -> Vec<Part> {
    manifest.slices.iter().flat_map(|slice| slice.parts.iter().cloned()).collect()
}

/// Compares parts as they were committed with parts made again.
fn compare(held: &[Part], made: &[Part]) -> (Outcome, String) {
    fn sorted<T: Ord>(parts: &[Part], of: impl Fn(&Part) -> T) -> Vec<T> {
        let mut all: Vec<T> = parts.iter().map(of).collect();
        all.sort();
        all
    }
    let bytes = |part: &Part| (part.table.clone(), part.year, part.sha256.clone());
    if sorted(held, bytes) == sorted(made, bytes) {
        return (Outcome::Identical, String::new());
    }
    let content = |part: &Part| (part.table.clone(), part.year, part.content.clone());
    let told = held.iter().all(|part| part.content.is_some());
    if told && sorted(held, content) == sorted(made, content) {
        return (Outcome::SameRows, String::new());
    }
    let rows = |parts: &[Part]| {
        let mut of_table: BTreeMap<String, u64> = BTreeMap::new();
        parts.iter().for_each(|part| *of_table.entry(part.table.clone()).or_default() += part.rows);
        of_table
    };
    let (before, after) = (rows(held), rows(made));
    let why = if before == after {
        "as many rows, and not the same".to_owned()
    } else {
        format!("rows were {before:?} and are {after:?}")
    };
    (Outcome::Differs, if told { why } else { format!("{why}; what its rows said was not told then") })
}

fn line(manifest: &Manifest, held: &Slice, outcome: Outcome, why: String) -> Line {
    Line {
        dataset: manifest.dataset.clone(),
        release: held.release.to_string(),
        slice: held.name.clone(),
        outcome,
        parts: held.parts.len(),
        why,
    }
}

fn failed(manifest: &Manifest, held: &Slice, error: &Error) -> Line {
    report::print(error);
    line(manifest, held, Outcome::Failed, error.to_string())
}

fn tell(snapshot: u64, lines: &[Line]) {
    let count = |outcome: Outcome| lines.iter().filter(|line| line.outcome == outcome).count();
    let bad: Vec<&Line> = lines.iter().filter(|line| line.outcome != Outcome::Identical).collect();
    if !bad.is_empty() {
        let rows = bad.iter().map(|line| {
            vec![
                line.dataset.to_string(),
                line.release.clone(),
                line.slice.clone(),
                line.outcome.word().to_owned(),
                line.why.clone(),
            ]
        });
        say(&table(&["dataset", "release", "slice", "replay", "why"], rows));
    }
    say(&format!(
        "Snapshot {snapshot}, made again without any network: of {} slices and models {} identical, {} the same rows in other \
         bytes, {} different, {} failed.",
        lines.len(),
        count(Outcome::Identical),
        count(Outcome::SameRows),
        count(Outcome::Differs),
        count(Outcome::Failed)
    ));
}
