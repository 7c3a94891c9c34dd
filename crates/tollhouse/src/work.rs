//! A run: fetch, stage, commit once, refresh the catalogue. Shared by `run`, `import` and `demo`.

use std::path::PathBuf;

use ingest::extract::{Page, Slice, extractor};
use ingest::fetch::Engine;
use ingest::run::{self, Fetched, Job};
use model::dataset::Dataset;
use model::{DatasetId, Digest, Error, Kind, Result, ResultExt as _};
use serde::Serialize;
use store::Warehouse;
use store::archive::Exchange;
use store::commit::{Outcome, Snapshot, Staged};

use crate::config::{VERSION, now};
use crate::progress::Progress;
use crate::project::Project;

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
    /// Datasets that the publisher says are unchanged.
    pub unchanged: Vec<DatasetId>,
    /// The snapshot, if one was committed.
    pub snapshot: Option<u64>,
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

/// Fetches and stages one dataset.
pub async fn fetch_and_stage(
    project: &Project,
    warehouse: &Warehouse,
    engine: &Engine,
    dataset: &Dataset,
    progress: &Progress,
) -> Result<Work> {
    let step = |step: run::Progress<'_>| progress.step(dataset.id.as_str(), step);
    let job = Job { dataset, vocabulary: &project.vocabulary, warehouse, program: VERSION, progress: &step };
    let base = run::base(warehouse, dataset)?;
    let fetched = run::fetch(&job, engine).await?;
    if run::is_unchanged(&job, &base, &fetched) {
        return Ok(Work::Unchanged);
    }
    // Decoding blocks; the runtime has other threads for the network.
    let staged = tokio::task::block_in_place(|| run::stage(&job, &base, &fetched))?;
    Ok(Work::Staged(Box::new(staged)))
}

/// Archives a file that a person downloaded, and stages it.
pub fn import(
    project: &Project,
    warehouse: &Warehouse,
    dataset: &Dataset,
    slice: Slice,
    files: &[PathBuf],
    progress: &Progress,
) -> Result<Staged> {
    let mut fetched = Fetched { slice, pages: Vec::new(), exchanges: Vec::new() };
    for file in files {
        let (page, exchange) = archive_file(warehouse, dataset, file)?;
        fetched.slice.url.clone_from(&page.url);
        fetched.pages.push(page);
        fetched.exchanges.push(exchange);
    }
    let step = |step: run::Progress<'_>| progress.step(dataset.id.as_str(), step);
    let job = Job { dataset, vocabulary: &project.vocabulary, warehouse, program: VERSION, progress: &step };
    run::stage(&job, &run::base(warehouse, dataset)?, &[fetched])
}

/// A page that lies in a local file, for looking at it before it is archived.
pub fn page_of(file: &std::path::Path, digest: Digest) -> Page {
    let path = file.to_owned();
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Page::new(format!("file:{name}"), Vec::new(), digest, move || {
        std::fs::File::open(&path).map(|file| Box::new(file) as Box<dyn std::io::Read + Send>)
    })
}

fn archive_file(warehouse: &Warehouse, dataset: &Dataset, file: &std::path::Path) -> Result<(Page, String)> {
    let cannot = || format!("cannot read {}", file.display());
    let archive = warehouse.archive();
    let started = now();
    let mut spool = archive.spool()?;
    let mut source = std::fs::File::open(file).or_error(Kind::Usage, cannot())?;
    let bytes = std::io::copy(&mut source, &mut spool).or_error(Kind::Io, cannot())?;
    let digest = spool.digest();
    let seen = page_of(file, digest.clone());
    ingest::content::check_page(&seen, ingest::extract::extractor(dataset)?.as_ref())?;
    let digest = archive.keep(spool)?;
    let exchange = Exchange {
        format: Exchange::FORMAT,
        id: Exchange::new_id(&seen.url, started, &digest.as_str()[..8]),
        url: seen.url.clone(),
        via: "import".to_owned(),
        method: "IMPORT".to_owned(),
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

/// Which dataset a file feeds, by its content: the only one whose extractor and columns accept it.
pub fn recognise<'a>(project: &'a Project, file: &std::path::Path) -> Result<&'a Dataset> {
    let page = page_of(file, Digest::of([]));
    page.raw().map_err(|error| error.while_doing(format!("cannot read {}", file.display())))?;
    let mut refusals = Vec::new();
    let mut accepted = Vec::new();
    for dataset in &project.datasets {
        match ingest::content::check_page(&page, extractor(dataset)?.as_ref()) {
            Ok(()) => accepted.push(dataset),
            Err(error) => refusals.push((dataset, error)),
        }
    }
    match accepted.as_slice() {
        [one] => Ok(one),
        [] => {
            let reasons: Vec<_> = refusals.iter().map(|(dataset, error)| format!("{}: {error}", dataset.id)).collect();
            let not_data = refusals.iter().all(|(_, error)| error.kind() == Kind::NotData);
            let kind = if not_data { Kind::NotData } else { Kind::Changed };
            Err(Error::new(kind, format!("no dataset accepts {}", file.display()))
                .caused_by(reasons.join("; "))
                .hint("name the dataset to see its reason alone: `tollhouse import DATASET FILE`"))
        }
        several => {
            let names: Vec<_> = several.iter().map(|dataset| dataset.id.as_str()).collect();
            Err(Error::new(Kind::Usage, format!("{} could feed {}", file.display(), names.join(" or ")))
                .hint("say which: `tollhouse import DATASET FILE`"))
        }
    }
}

/// Commits what was staged, once, and refreshes the catalogue. `None` where nothing changed.
pub fn commit(project: &Project, warehouse: &Warehouse, staged: &[Staged]) -> Result<Option<Snapshot>> {
    let outcome = warehouse.commit(staged, VERSION, now())?;
    let (snapshot, new) = match outcome {
        Outcome::Committed(snapshot) => (Some(snapshot), true),
        Outcome::Unchanged(head) => (head, false),
    };
    // A run that died between commit and here left an old catalogue: whoever comes next renews it.
    if let Some(snapshot) = &snapshot {
        refresh_catalogue(project, warehouse, snapshot)?;
    }
    Ok(snapshot.filter(|_| new))
}

/// Makes `tollhouse.duckdb` show the newest snapshot, if it does not.
pub fn refresh_catalogue(project: &Project, warehouse: &Warehouse, snapshot: &Snapshot) -> Result<()> {
    if !query::catalogue::is_current(warehouse, snapshot, &project.datasets, &project.vocabulary)? {
        query::catalogue::write(warehouse, snapshot, &project.datasets, &project.vocabulary)?;
    }
    Ok(())
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
