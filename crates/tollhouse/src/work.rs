//! A run: fetch, stage, make the models, commit once, refresh the catalogue. Shared by `run`, `import` and `demo`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ingest::content;
use ingest::extract::{Misfit, Page, Slice, extractor};
use ingest::fetch::Engine;
use ingest::run::{self, Fetched, Job};
use model::dataset::Dataset;
use model::{DatasetId, Digest, Error, Kind, Result, ResultExt as _};
use query::models::{Became, Maker};
use serde::Serialize;
use store::Warehouse;
use store::archive::Exchange;
use store::commit::{Outcome, Snapshot, Staged};
use store::file::Content;

use crate::config::{Config, VERSION, now};
use crate::progress::Progress;
use crate::project::Project;
use crate::{report, restricted};

/// What became of one dataset in a run.
pub enum Work {
    /// New parts are staged.
    Staged(Box<Staged>),
    /// The snapshot already holds what the publisher serves.
    Unchanged,
}

/// What a run did, for people and for `--json`.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// One line for each slice.
    pub slices: Vec<SliceSummary>,
    /// What became of each model.
    pub models: Vec<ModelSummary>,
    /// Datasets that the publisher says are unchanged.
    pub unchanged: Vec<DatasetId>,
    /// Slices that were left out because another of their edition holds every row of theirs, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// The snapshot, if one was committed.
    pub snapshot: Option<u64>,
}

impl Summary {
    /// Takes over what a commit did, and prints what failed beside it; the kinds of the failures come back.
    pub fn take(&mut self, committed: Committed) -> Vec<Kind> {
        self.snapshot = committed.snapshot.map(|snapshot| snapshot.number);
        self.models = committed.models;
        committed.failures.iter().for_each(report::print);
        committed.failures.iter().map(Error::kind).collect()
    }
}

/// What became of one slice.
#[derive(Debug, Serialize)]
pub struct SliceSummary {
    /// The dataset.
    pub dataset: DatasetId,
    /// The edition.
    pub release: String,
    /// The slice.
    pub slice: String,
    /// `publisher` or `secondary`.
    pub grade: String,
    /// Records read.
    pub read: u64,
    /// Rows kept.
    pub kept: u64,
    /// Rows that are totals.
    pub totals: u64,
    /// Rows in quarantine.
    pub rejected: u64,
    /// Rows before this run, if there were any.
    pub before: Option<u64>,
}

/// Whether any file of a dataset is declared to be fetched; the others come by import.
pub fn is_fetched(dataset: &Dataset) -> Result<bool> {
    Ok(!extractor(dataset)?.slices().is_empty())
}

/// What became of one model.
#[derive(Debug, Serialize)]
pub struct ModelSummary {
    /// The model.
    pub model: DatasetId,
    /// `built`, `kept`, `waits`, `failed` or `left`.
    pub outcome: &'static str,
    /// Its rows, where it was built.
    pub rows: Option<u64>,
    /// The inputs that it waits for.
    pub waits_for: Vec<DatasetId>,
    /// Why it failed.
    pub reason: Option<String>,
}

/// What a commit, or the rehearsal of one, did.
pub struct Committed {
    /// The new snapshot; none where nothing changed.
    pub snapshot: Option<Snapshot>,
    /// What became of each model.
    pub models: Vec<ModelSummary>,
    /// Why models failed, and what else could not be made to follow; the data were committed all the same.
    pub failures: Vec<Error>,
}

/// What is told as a run goes on; its failure ends the run there.
pub type Step<'a> = &'a (dyn Fn(run::Progress<'_>) -> Result<()> + Send + Sync);

/// Whether whoever commits still may: asked right before it does.
pub type Fence<'a> = &'a dyn Fn() -> Result<()>;

/// Whoever holds the warehouse by nothing but being there may commit.
pub fn unfenced() -> Result<()> {
    Ok(())
}

/// Fetches and stages one dataset, or the one slice of it that is named.
pub async fn fetch_and_stage(
    project: &Project,
    config: &Config,
    warehouse: &Warehouse,
    engine: &Engine,
    (dataset, only): (&Dataset, Option<&str>),
    step: Step<'_>,
) -> Result<Work> {
    let job = Job {
        dataset,
        vocabulary: &project.vocabulary,
        warehouse,
        only,
        workers: config.workers(),
        program: VERSION,
        progress: step,
    };
    let base = run::base(warehouse, dataset)?;
    let fetched = run::fetch(&job, engine).await?;
    if run::is_unchanged(&job, &base, &fetched) {
        return Ok(Work::Unchanged);
    }
    // Decoding blocks; the runtime has other threads for the network.
    let staged = tokio::task::block_in_place(|| run::stage(&job, &base, &fetched))?;
    Ok(Work::Staged(Box::new(staged)))
}

/// Archives files that a person downloaded, pages of one table, and stages them.
pub fn import(
    project: &Project,
    config: &Config,
    warehouse: &Warehouse,
    dataset: &Dataset,
    slice: &Slice,
    files: &[PathBuf],
    progress: &Progress,
) -> Result<Staged> {
    // How many rows the publisher's own file has says nothing of another file of the same kind.
    let mut fetched = Fetched {
        slice: Slice { min_rows: None, ..slice.clone() },
        pages: Vec::new(),
        exchanges: Vec::new(),
        detour: None,
    };
    for file in files {
        let (page, exchange) = archive_file(warehouse, dataset, slice, file)?;
        fetched.slice.url.clone_from(&page.url);
        fetched.pages.push(page);
        fetched.exchanges.push(exchange);
    }
    let step = |step: run::Progress<'_>| progress.step(dataset.id.as_str(), step);
    let job = Job {
        dataset,
        vocabulary: &project.vocabulary,
        warehouse,
        only: None,
        workers: config.workers(),
        program: VERSION,
        progress: &step,
    };
    run::stage(&job, &run::base(warehouse, dataset)?, &[fetched])
}

/// Which of a dataset's slices a file is, by what it says of itself, else by its headers and the years in it.
pub fn slice_of(project: &Project, dataset: &Dataset, file: &Path) -> Result<Slice> {
    let extractor = extractor(dataset)?;
    let (page, _) = page_of(file)?;
    if let Some(slice) = extractor.recognise(&page)? {
        return Ok(slice);
    }
    let mut slices = extractor.slices();
    if slices.len() > 1 {
        let mine: Vec<_> = slices.iter().filter(|slice| extractor.headers(slice, &page).is_ok()).cloned().collect();
        // None: reading it will say why.
        slices = if mine.is_empty() { slices } else { mine };
    }
    let names = || slices.iter().map(|slice| slice.name.as_str()).collect::<Vec<_>>().join(", ");
    match slices.as_slice() {
        [] => return Ok(imported()),
        [only] => return Ok(only.clone()),
        // Where no declared file names an edition, the content does, and any of them will do.
        several if several.iter().all(|slice| slice.release.is_none()) => return Ok(several[0].clone()),
        _ => {}
    }
    let years = run::years(dataset, &project.vocabulary, &slices[0], &page)?;
    let fits =
        |slice: &&Slice| slice.years.is_some() && !years.is_empty() && years.iter().all(|year| slice.covers(*year));
    let fitting: Vec<_> = slices.iter().filter(fits).collect();
    match fitting.as_slice() {
        [one] => Ok((*one).clone()),
        _ => Err(Error::new(
            Kind::Usage,
            format!(
                "which slice of {} is {}? {}",
                dataset.id,
                file.display(),
                match years.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ") {
                    years if years.is_empty() => "Nothing in it tells".to_owned(),
                    years => format!("Its years are {years}"),
                }
            ),
        )
        .hint(format!("say --slice with one of {}", names()))),
    }
}

/// A page that lies in a local file, for looking at it before it is archived, and its length.
fn page_of(file: &Path) -> Result<(Page, u64)> {
    let cannot = || format!("cannot read {}", file.display());
    let about = std::fs::metadata(file).or_error(Kind::Usage, cannot())?;
    if !about.is_file() {
        return Err(Error::new(Kind::Usage, format!("{} is no file", file.display()))
            .hint("name the files; your shell's `*` can list those of a folder"));
    }
    let path = file.to_owned();
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // Its digest is not known before it is read into the archive; nothing that looks at it here needs it.
    let page = Page::new(format!("file:{name}"), Vec::new(), Digest::of([]), move || {
        std::fs::File::open(&path).map(|file| Box::new(file) as Box<dyn Content>)
    });
    content::check_encoding(&page)?;
    Ok((page, about.len()))
}

/// The slice of a file where a dataset declares none: all of it comes by import.
fn imported() -> Slice {
    Slice::new("import", String::new())
}

fn archive_file(warehouse: &Warehouse, dataset: &Dataset, slice: &Slice, file: &Path) -> Result<(Page, String)> {
    let cannot = || format!("cannot read {}", file.display());
    let started = now();
    let (seen, bytes) = page_of(file)?;
    // As the engine looks at a body, before anything of it is kept.
    let extractor = extractor(dataset)?;
    let expect = content::importable(extractor.as_ref(), slice)?;
    content::admit(dataset, extractor.as_ref(), slice, &seen, expect, bytes)?;
    let archive = warehouse.archive();
    let mut spool = archive.spool()?;
    let mut source = std::fs::File::open(file).or_error(Kind::Usage, cannot())?;
    let bytes = std::io::copy(&mut source, &mut spool).or_error(Kind::Io, cannot())?;
    let digest = archive.keep(spool)?;
    let exchange = Exchange {
        format: Exchange::FORMAT,
        id: Exchange::new_id(&seen.url, started, &digest.as_str()[..8]),
        url: seen.url.clone(),
        via: "import".to_owned(),
        method: "IMPORT".to_owned(),
        body: None,
        sent: Vec::new(),
        status: 0,
        headers: Vec::new(),
        started,
        finished: now(),
        attempts: 1,
        digest: Some(digest.clone()),
        bytes,
        refused: None,
    };
    archive.record(&exchange)?;
    let kept = digest.clone();
    let page =
        Page::new(seen.url.clone(), Vec::new(), digest, move || archive.open(&kept).map_err(std::io::Error::other));
    Ok((page, exchange.id))
}

/// Which datasets a file feeds, by its content: the only one that accepts its container, its header and all its columns, or
/// those that are made from the same files.
pub fn recognise<'a>(project: &'a Project, file: &Path) -> Result<Vec<&'a Dataset>> {
    let (page, _) = page_of(file)?;
    let mut refusals = Vec::new();
    let mut accepted = Vec::new();
    let mut misfits = Vec::new();
    for dataset in &project.datasets {
        let extractor = extractor(dataset)?;
        let misfit = extractor.misfit(&page).ok().flatten();
        if let Some(misfit) = misfit.as_ref().filter(|misfit| !misfit.differences.is_empty()) {
            misfits.push((dataset, misfit.clone()));
            continue;
        }
        // Editions may differ in their headers: one that fits is enough, and where none does, the first says why.
        let mut refusal = None;
        let first = extractor.slices().into_iter().next().unwrap_or_else(imported);
        let glance = content::importable(extractor.as_ref(), &first).and_then(|expect| content::glance(&page, expect));
        let slices = match glance.and_then(|()| extractor.recognise(&page)) {
            Ok(Some(slice)) => vec![slice],
            Ok(None) => extractor.slices(),
            Err(error) => {
                refusals.push((dataset, error));
                continue;
            }
        };
        let slices = if slices.is_empty() { vec![imported()] } else { slices };
        for slice in slices {
            let promises = |expect| content::promises(dataset, extractor.as_ref(), &slice, &page, expect);
            match content::importable(extractor.as_ref(), &slice).and_then(promises) {
                Ok(()) => {
                    accepted.push(dataset);
                    refusal = None;
                    break;
                }
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        match refusal {
            // Its query is this dataset's, so that what is wrong with it is wrong whatever the others say.
            Some(error) if misfit.is_some() => return Err(error),
            refusal => refusals.extend(refusal.map(|error| (dataset, error))),
        }
    }
    match accepted.as_slice() {
        [_] => Ok(accepted),
        [] => Err(nearest(file, &misfits).unwrap_or_else(|| unrecognised(file, &refusals))),
        several if of_the_same_files(several)? => Ok(accepted),
        several => {
            let names: Vec<_> = several.iter().map(|dataset| dataset.id.as_str()).collect();
            Err(Error::new(Kind::Usage, format!("{} could feed {}", file.display(), names.join(" or ")))
                .hint("say which: `tollhouse import DATASET FILE`"))
        }
    }
}

/// Whether datasets are declared over the same files: each of these is made from other parts of their records.
fn of_the_same_files(datasets: &[&Dataset]) -> Result<bool> {
    let mut files = Vec::new();
    for dataset in datasets {
        files.push(extractor(dataset)?.slices().into_iter().map(|slice| slice.url).collect::<BTreeSet<_>>());
    }
    Ok(files.windows(2).all(|pair| pair[0] == pair[1]) && files.iter().all(|files| !files.is_empty()))
}

/// The error for a file that records its own query, where that fits no recipe: in what it differs from the nearest one.
fn nearest(file: &Path, misfits: &[(&Dataset, Misfit)]) -> Option<Error> {
    let (dataset, Misfit { differences, .. }) = misfits.iter().min_by_key(|(_, misfit)| misfit.distance)?;
    let message = format!(
        "{} is the answer to a query that no recipe asks; the nearest is that of {}, and it differs: {}",
        file.display(),
        dataset.id,
        differences.join("; ")
    );
    Some(Error::new(Kind::Changed, message).hint(format!(
        "`tollhouse recipe show {}` prints what to enter in the form; `tollhouse recipe list` names the others",
        dataset.id
    )))
}

/// The reasons, each with the datasets that give it.
fn by_reason(refusals: &[(&Dataset, Error)]) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for (dataset, error) in refusals {
        let id = dataset.id.as_str();
        let reason = error.to_string();
        let reason = reason.strip_prefix(id).map_or(reason.as_str(), str::trim_start).to_owned();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, ids)) => ids.push(id),
            None => reasons.push((reason, vec![id])),
        }
    }
    reasons.into_iter().map(|(reason, ids)| format!("{}: {reason}", ids.join(", "))).collect()
}

/// The error for a file that no dataset accepts. Where none sees data in it, that is said once; else each reason has a
/// line of its own.
fn unrecognised(file: &Path, refusals: &[(&Dataset, Error)]) -> Error {
    let reasons = by_reason(refusals);
    let text = refusals.iter().find(|(_, error)| error.kind() == Kind::NotData);
    match text {
        Some((_, error)) if refusals.iter().all(|(_, error)| error.kind() == Kind::NotData) => {
            Error::new(Kind::NotData, format!("no dataset accepts {}: {error}", file.display()))
                .hint(error.hint_text().unwrap_or("fetch it again").to_owned())
        }
        _ => Error::new(Kind::Changed, format!("no dataset accepts {}", file.display()))
            .caused_by(reasons.join("\n"))
            .hint("name the dataset that it should feed to see its reason alone: `tollhouse import DATASET FILE`"),
    }
}

/// Sees to it that no row stands in two slices of an edition, and says which slices were left out because all their rows
/// are there.
pub fn settle(project: &Project, warehouse: &Warehouse, staged: &mut [Staged]) -> Result<Vec<String>> {
    let mut left_out = Vec::new();
    for change in staged {
        left_out.extend(ingest::overlap::settle(warehouse, project.dataset(change.dataset.as_str())?, change)?);
    }
    Ok(left_out)
}

/// Commits what was staged and the models over it, once, and refreshes the catalogue.
///
/// A model that cannot be made does not stand in the way of the data: it is told of in what comes back. `fence` is asked
/// last, when all that is left is to create the snapshot.
pub fn commit(
    project: &Project,
    config: &Config,
    warehouse: &Warehouse,
    staged: &[Staged],
    fence: Fence<'_>,
) -> Result<Committed> {
    let mut maker = maker(project, warehouse);
    let mut models = Models::new();
    let outcome = warehouse.commit_with(staged, VERSION, now(), &mut |draft| {
        models = maker.make(draft)?;
        fence()
    })?;
    let (snapshot, new) = match outcome {
        Outcome::Committed(snapshot) => (Some(snapshot), true),
        Outcome::Unchanged(head) => (head, false),
    };
    // A run that died between commit and here left an old catalogue: whoever comes next renews it. What fails from here on
    // takes nothing of the commit back.
    let mut failures = Vec::new();
    if let Some(snapshot) = &snapshot {
        let done = format!("snapshot {} {}", snapshot.number, if new { "is committed" } else { "stands as it was" });
        let follows = restricted::follow(project, config, warehouse, snapshot);
        failures.extend(follows.err().map(|error| only(&done, "restricted/ does not follow it", &error)));
        failures.extend(renew_catalogue(project, warehouse, &done).err());
    }
    let mut committed = committed(snapshot.filter(|_| new), models);
    committed.failures.extend(failures);
    Ok(committed)
}

/// What a commit would make of the models. Publishes nothing.
pub fn rehearse(
    project: &Project,
    _: &Config,
    warehouse: &Warehouse,
    staged: &[Staged],
    _: Fence<'_>,
) -> Result<Committed> {
    let mut draft = warehouse.draft(staged, VERSION, now())?;
    let models = maker(project, warehouse).make(&mut draft)?;
    Ok(committed(None, models))
}

type Models = std::collections::BTreeMap<DatasetId, Became>;

pub fn maker<'a>(project: &'a Project, warehouse: &'a Warehouse) -> Maker<'a> {
    Maker::new(warehouse, &project.models, &project.datasets, &project.vocabulary, VERSION)
}

fn committed(snapshot: Option<Snapshot>, models: Models) -> Committed {
    let mut committed = Committed { snapshot, models: Vec::new(), failures: Vec::new() };
    for (model, became) in models {
        let mut summary = ModelSummary { model, outcome: "kept", rows: None, waits_for: Vec::new(), reason: None };
        match became {
            Became::Kept => {}
            Became::Left => summary.outcome = "left",
            Became::Built { rows } => {
                summary.outcome = "built";
                summary.rows = Some(rows);
            }
            Became::Waits(inputs) => {
                summary.outcome = "waits";
                summary.waits_for = inputs.into_iter().collect();
            }
            Became::Failed(error) => {
                summary.outcome = "failed";
                summary.reason = Some(error.to_string());
                committed.failures.push(error);
            }
        }
        committed.models.push(summary);
    }
    committed
}

/// Makes `tollhouse.duckdb` show the newest snapshot, if it does not.
pub fn refresh_catalogue(project: &Project, warehouse: &Warehouse, snapshot: &Snapshot) -> Result<()> {
    if !query::catalogue::is_current(warehouse, snapshot, &project.datasets, &project.vocabulary)? {
        query::catalogue::write(warehouse, snapshot, &project.datasets, &project.vocabulary)?;
    }
    Ok(())
}

/// The same after something that stands whether or not this succeeds; `done` says what that is, and the error too.
pub fn renew_catalogue(project: &Project, warehouse: &Warehouse, done: &str) -> Result<()> {
    let renewed = warehouse.head().and_then(|head| match head {
        Some(head) => refresh_catalogue(project, warehouse, &head),
        None => Ok(()),
    });
    renewed.map_err(|error| only(done, "tollhouse.duckdb could not be renewed", &error))
}

/// An error after the fact: what was done stands, and only this could not be.
fn only(done: &str, what: &str, error: &Error) -> Error {
    use std::error::Error as _;
    let told = Error::new(error.kind(), format!("{done}; only {what}: {error}"));
    let told = match error.source() {
        Some(cause) => told.caused_by(cause.to_string()),
        None => told,
    };
    match error.hint_text() {
        Some(hint) => told.hint(format!("the next run renews it; {hint}")),
        None => told.hint("the next run renews it"),
    }
}

/// What staged changes are, beside what the snapshot has.
pub fn summarise(warehouse: &Warehouse, staged: &[Staged]) -> Result<Vec<SliceSummary>> {
    let mut lines = Vec::new();
    for change in staged {
        let base = change.base.as_ref().map(|digest| warehouse.manifest(digest)).transpose()?;
        for slice in &change.slices {
            let before = base.as_ref().and_then(|manifest| {
                manifest.slices.iter().find(|held| held.release == slice.release && held.name == slice.name)
            });
            lines.push(SliceSummary {
                dataset: change.dataset.clone(),
                release: slice.release.to_string(),
                slice: slice.name.clone(),
                grade: slice.grade.clone(),
                read: slice.counts.read,
                kept: slice.counts.kept,
                totals: slice.counts.totals,
                rejected: slice.counts.rejected,
                before: before.map(|held| held.counts.kept),
            });
        }
    }
    Ok(lines)
}
