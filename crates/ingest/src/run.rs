//! One dataset, from its publisher to staged parts: the order of the stages, on one screen.
//!
//! [`fetch`] is async and only fetches and archives; [`stage`] is ordinary blocking code, from archived pages to parts
//! on disk that no snapshot names yet. Nothing here commits.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray};
use arrow::compute::{SortColumn, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{Int32Type, Schema};
use model::column::Vocabulary;
use model::dataset::{Dataset, Partition, ReleaseRule};
use model::{Digest, Error, Kind, Release, Result, ResultExt as _};
use store::Warehouse;
use store::commit::{Capture, Certificate, Check, ColumnType, Counts, Covered, Manifest, Staged, Table};
use store::part::{Part, Place};
use store::quarantine::Rejected;

use crate::check::{self, Candidate, Summary};
use crate::content;
use crate::correct::Corrections;
use crate::coverage::{self, Coverage};
use crate::extract::{self, Extractor, Note, Page, Piece, Slice};
use crate::fetch::{self, Engine};
use crate::normalise::normalise;
use crate::release;
use crate::stream::{self, Lines, Streamed};

/// How often a slice is read again from its first page because the publisher changed it meanwhile.
const RESTARTS: u32 = 3;

/// What a run works with.
pub struct Job<'a> {
    /// The dataset.
    pub dataset: &'a Dataset,
    /// The column vocabulary.
    pub vocabulary: &'a Vocabulary,
    /// Where to stage.
    pub warehouse: &'a Warehouse,
    /// The only slice that is meant, by name; all of them without.
    pub only: Option<&'a str>,
    /// How many threads work on a file that is read as a stream. What they make does not depend on it.
    pub workers: NonZeroUsize,
    /// The version of the program, which is part of what makes a part.
    pub program: &'a str,
    /// Called as the work goes on, between pages and between slices; its failure ends the run there.
    pub progress: &'a (dyn Fn(Progress<'_>) -> Result<()> + Send + Sync),
}

/// What is being done.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// A page is being asked for.
    Asking(&'a str),
    /// A page came, or the publisher said that it is unchanged.
    Got {
        /// Its length.
        bytes: u64,
        /// Whether the publisher said that it is unchanged.
        unchanged: bool,
    },
    /// A slice is being decoded.
    Reading(&'a str),
    /// A slice was staged.
    Staged {
        /// Its name.
        slice: &'a str,
        /// Rows kept.
        rows: u64,
    },
}

/// The archived pages of one slice.
pub struct Fetched {
    /// The slice as declared.
    pub slice: Slice,
    /// Its pages, in order.
    pub pages: Vec<Page>,
    /// The exchange that brought each page.
    pub exchanges: Vec<String>,
    /// Where it was read instead of where it is declared, and why, if it was.
    pub detour: Option<String>,
}

/// What one reading of a slice brought.
#[derive(Default)]
struct Reading {
    pages: Vec<Page>,
    exchanges: Vec<String>,
    detour: Option<String>,
}

/// The manifest that the newest snapshot has for the dataset, with its digest.
pub type Base = Option<(Digest, Manifest)>;

/// Reads what the newest snapshot says of the dataset.
pub fn base(warehouse: &Warehouse, dataset: &Dataset) -> Result<Base> {
    let Some(head) = warehouse.head()? else { return Ok(None) };
    let Some(digest) = head.datasets.get(&dataset.id) else { return Ok(None) };
    Ok(Some((digest.clone(), warehouse.manifest(digest)?)))
}

/// Fetches every slice of the dataset into the archive.
pub async fn fetch(job: &Job<'_>, engine: &Engine) -> Result<Vec<Fetched>> {
    let extractor = extract::extractor(job.dataset)?;
    let mut fetched = Vec::new();
    for slice in extractor.slices().into_iter().filter(|slice| job.only.is_none_or(|only| slice.name == only)) {
        let mut restarts = 0;
        let Reading { pages, exchanges, detour } = loop {
            match fetch_slice(job, engine, extractor.as_ref(), &slice).await {
                Err(Stop::Moved(error)) if restarts < RESTARTS => {
                    restarts += 1;
                    tracing::warn!(dataset = %job.dataset.id, slice = slice.name, %error, restarts, "reading the slice again");
                }
                Err(Stop::Moved(error) | Stop::Failed(error)) => return Err(error),
                Ok(reading) => break reading,
            }
        };
        fetched.push(Fetched { slice, pages, exchanges, detour });
    }
    Ok(fetched)
}

/// Why a slice was not read to its end.
enum Stop {
    /// The publisher changed it while it was being read: what came does not belong together.
    Moved(Error),
    /// Anything else. The engine has been as patient as it is set to be.
    Failed(Error),
}

async fn fetch_slice(
    job: &Job<'_>,
    engine: &Engine,
    extractor: &dyn Extractor,
    slice: &Slice,
) -> Result<Reading, Stop> {
    let mut reading = Reading::default();
    let next = |pages: &[Page]| {
        extractor
            .next_page(slice, pages)
            .map_err(|error| if error.is_retryable() { Stop::Moved(error) } else { Stop::Failed(error) })
    };
    let inspect = |page: &Page| content::fits(job.dataset, extractor, slice, page);
    while let Some(request) = next(&reading.pages)? {
        (job.progress)(Progress::Asking(&fetch::written(&request.url))).map_err(Stop::Failed)?;
        let got = match engine.fetch(&request, &inspect).await {
            Err(error) if matches!(error.kind(), Kind::Refused | Kind::Unreachable) => {
                let Some(other) = extractor.instead(slice, &reading.pages).map_err(Stop::Failed)? else {
                    return Err(Stop::Failed(error));
                };
                let url = fetch::written(&other.request.url);
                tracing::warn!(dataset = %job.dataset.id, slice = slice.name, %error, url, "reading the slice another way");
                reading.pages.truncate(other.keep);
                reading.exchanges.truncate(other.keep);
                (job.progress)(Progress::Asking(&url)).map_err(Stop::Failed)?;
                let got = engine.fetch(&other.request, &inspect).await;
                let got =
                    got.map_err(|last| Stop::Failed(last.while_doing(format!("{error}. The other way failed too"))));
                reading.detour = Some(format!("{url}, because {error}"));
                got?
            }
            got => got.map_err(Stop::Failed)?,
        };
        (job.progress)(Progress::Got { bytes: got.bytes, unchanged: got.not_modified }).map_err(Stop::Failed)?;
        reading.pages.push(got.page);
        reading.exchanges.push(got.exchange);
    }
    Ok(reading)
}

/// Whether the snapshot already holds what these pages would make: same bytes, same declaration, same program.
pub fn is_unchanged(job: &Job<'_>, base: &Base, fetched: &[Fetched]) -> bool {
    let Some((_, manifest)) = base else { return false };
    fetched.iter().all(|fetched| {
        manifest.slices.iter().any(|held| {
            held.url == fetched.slice.url
                && held.pipeline == job.dataset.digest
                && held.program == job.program
                && held.captures.iter().map(|capture| &capture.sha256).eq(fetched.pages.iter().map(|page| &page.digest))
        })
    })
}

/// Decodes, normalises, checks and writes every slice. Blocks.
pub fn stage(job: &Job<'_>, base: &Base, fetched: &[Fetched]) -> Result<Staged> {
    let extractor = extract::extractor(job.dataset)?;
    job.warehouse.keep_declaration(&job.dataset.text)?;
    let mut staged = Staged {
        dataset: job.dataset.id.clone(),
        pipeline: job.dataset.digest.clone(),
        tables: tables(job, extractor.as_ref())?,
        slices: Vec::new(),
        superseded: Vec::new(),
        base: base.as_ref().map(|(digest, _)| digest.clone()),
        certificates: Vec::new(),
    };
    for fetched in fetched {
        (job.progress)(Progress::Reading(&fetched.slice.name))?;
        let (slice, certificate) = stage_slice(job, extractor.as_ref(), base, fetched)?;
        (job.progress)(Progress::Staged { slice: &slice.name, rows: slice.counts.kept })?;
        if staged.slices.iter().any(|other| other.release == slice.release && other.name == slice.name) {
            return Err(Error::new(
                Kind::Usage,
                format!("{}: two files hold {} {}", job.dataset.id, slice.release, slice.name),
            )
            .hint("a run may bring each edition of each slice once"));
        }
        staged.slices.push(slice);
        staged.certificates.push(certificate);
    }
    Ok(staged)
}

/// What decoding a slice gathered.
#[derive(Default)]
struct Gathered {
    release: Option<Release>,
    name: Option<String>,
    kept: Vec<RecordBatch>,
    totals: Vec<RecordBatch>,
    notes: Vec<Note>,
    rejected: Vec<Rejected>,
    counts: Counts,
}

fn stage_slice(
    job: &Job<'_>,
    extractor: &dyn Extractor,
    base: &Base,
    fetched: &Fetched,
) -> Result<(store::commit::Slice, Certificate)> {
    let Fetched { slice, pages, .. } = fetched;
    let dataset = job.dataset;
    if let [page] = pages.as_slice()
        && let Some(lines) = extractor.lines(slice, page)?
    {
        return stream_slice(job, extractor, base, fetched, page, &lines);
    }
    let (mut gathered, release) = read(job, extractor, fetched, &mut Corrections::default())?;
    // Which corrections are meant is known once the edition is: then it is read again with them.
    let mut corrections = release.as_ref().map(|release| Corrections::of(dataset, release)).unwrap_or_default();
    if !corrections.is_empty() {
        (gathered, _) = read(job, extractor, fetched, &mut corrections)?;
    }
    if let (Some(declared), Some(found)) = (&slice.release, &release)
        && let ReleaseRule::Years(column) = &dataset.spec.release
        && declared != found
    {
        return Err(Error::new(
            Kind::Changed,
            format!("{}: {} is the edition of {declared}, and its `{column}` covers {found}", dataset.id, slice.name),
        )
        .hint("an extract is not the edition: get the whole of it; a new edition needs an entry of its own in the pipeline"));
    }
    let release = release.ok_or_else(|| match gathered.rejected.first() {
        Some(first) => Error::new(
            Kind::CheckFailed,
            format!(
                "{}: every one of the {} rows of {} broke a rule; the first is record {}: {} `{}` is {}",
                dataset.id, gathered.counts.read, slice.url, first.record, first.column, first.raw, first.rule
            ),
        )
        .hint("nothing was committed; `tollhouse probe` shows what the publisher serves now"),
        None if gathered.counts.read > 0 => {
            let message = format!("{}: {} does not say of which edition it is", dataset.id, slice.url);
            Error::new(Kind::Usage, message).hint("say it: `tollhouse import --release NAME`; nothing was committed")
        }
        None => Error::new(Kind::CheckFailed, format!("{}: {} holds no rows", dataset.id, slice.url))
            .hint("nothing was committed; ask the publisher again later"),
    })?;
    let covered = covered(dataset, &gathered.kept)?;
    let told = gathered.name.take().or_else(|| coverage::name(dataset, &release, &covered));
    let name = told.unwrap_or_else(|| slice.name.clone());
    as_declared(dataset, extractor, slice, &name)?;

    let key: Vec<&str> = dataset.spec.check.key.iter().map(String::as_str).chain(["_record"]).collect();
    let kept = whole(job, &release, &gathered.kept, &key)?;
    let totals = whole(job, &release, &gathered.totals, &["_record"])?;
    let candidate = Candidate {
        dataset,
        name: format!("{release} {name}"),
        kept: &kept,
        totals: &totals,
        rejected: &gathered.rejected,
        counts: gathered.counts,
        before: before(base, &release, &name),
        min_rows: coverage::least(&dataset.spec.coverage, &release, &name).max(slice.min_rows),
    };
    let years = kept.column_by_name("year").and_then(|years| years.as_primitive_opt::<Int32Type>());
    check_years(job, slice, years.into_iter().flatten().flatten())?;
    quarantine(job, &gathered.rejected)?;
    let mut checks = corrections.checks(dataset)?;
    checks.extend(check::check(&candidate)?);
    if !covered.is_empty() {
        checks.push(coverage::check(dataset, &covered));
    }

    let mut parts = write(job, dataset.id.as_str(), &release, &kept, &dataset.spec.partition)?;
    if dataset.spec.totals.is_some() {
        parts.extend(write(job, &dataset.totals_table(), &release, &totals, &Partition::Release)?);
    }
    let notes = notes(job, &release, pages, &gathered.notes)?;
    parts.extend(write(job, &dataset.notes_table(), &release, &notes, &Partition::Release)?);

    staged(job, fetched, Made { release, name, counts: gathered.counts, covered, checks, parts })
}

/// Stages a file that is too large for memory.
fn stream_slice(
    job: &Job<'_>,
    extractor: &dyn Extractor,
    base: &Base,
    fetched: &Fetched,
    page: &Page,
    lines: &Lines,
) -> Result<(store::commit::Slice, Certificate)> {
    let (dataset, slice) = (job.dataset, &fetched.slice);
    let release = edition(dataset, extractor, slice, page, lines)?;
    let streamed = stream::stage(job, slice, page, &release, lines)?;
    let Streamed { counts, rejected, parts, years, repeats, open, covered, products } = streamed;
    let name = coverage::name(dataset, &release, &covered).unwrap_or_else(|| slice.name.clone());
    as_declared(dataset, extractor, slice, &name)?;
    check_years(job, slice, years.iter().copied())?;
    quarantine(job, &rejected)?;
    let summary = Summary {
        dataset,
        name: format!("{release} {name}"),
        rejected: &rejected,
        counts,
        before: before(base, &release, &name),
        min_rows: coverage::least(&dataset.spec.coverage, &release, &name).max(slice.min_rows),
    };
    let mut checks = check::check_streamed(&summary, (repeats, open), &years, products)?;
    if !covered.is_empty() {
        checks.push(coverage::check(dataset, &covered));
    }
    staged(job, fetched, Made { release, name, counts, covered, checks, parts })
}

/// The edition of a file, by its headers or by who brings it.
fn edition(dataset: &Dataset, extractor: &dyn Extractor, slice: &Slice, page: &Page, lines: &Lines) -> Result<Release> {
    let told = extractor.edition_of(&lines.names, &page.url)?;
    match (&slice.release, told) {
        (Some(said), Some(told)) if *said != told => {
            Err(Error::new(Kind::Usage, format!("{} is of the edition {told} by its headers, not {said}", page.url))
                .hint("leave --release out: the headers tell"))
        }
        (_, Some(release)) => Ok(release),
        (Some(release), None) => Ok(release.clone()),
        (None, None) => {
            let message = format!("{}: {} does not say of which edition it is", dataset.id, slice.url);
            Err(Error::new(Kind::Usage, message)
                .hint("say it: `tollhouse import --release NAME`; nothing was committed"))
        }
    }
}

/// How many rows the slice had before.
fn before(base: &Base, release: &Release, name: &str) -> Option<u64> {
    let (_, manifest) = base.as_ref()?;
    let held = manifest.slices.iter().find(|held| held.release == *release && held.name == name);
    held.map(|held| held.counts.kept)
}

fn quarantine(job: &Job<'_>, rejected: &[Rejected]) -> Result<()> {
    if !rejected.is_empty() {
        let path = store::quarantine::write(job.warehouse, &job.dataset.id, rejected)?;
        tracing::warn!(dataset = %job.dataset.id, rows = rejected.len(), path, "rows went into quarantine");
    }
    Ok(())
}

/// What was made of a slice.
struct Made {
    release: Release,
    name: String,
    counts: Counts,
    covered: Vec<Covered>,
    checks: Vec<Check>,
    parts: Vec<Part>,
}

/// A slice as a manifest lists it, with its certificate.
fn staged(job: &Job<'_>, fetched: &Fetched, made: Made) -> Result<(store::commit::Slice, Certificate)> {
    let Fetched { slice, pages, exchanges, detour } = fetched;
    let Made { release, name, counts, covered, mut checks, parts } = made;
    if let Some(reason) = detour {
        checks.push(Check { name: "way".to_owned(), saw: format!("not as declared, but from {reason}") });
    }
    let archive = job.warehouse.archive();
    let captures = pages.iter().zip(exchanges).map(|(page, exchange)| {
        Ok(Capture {
            sha256: page.digest.clone(),
            exchange: exchange.clone(),
            receipt: archive.receipt_digest(exchange)?,
            url: page.url.clone(),
            erased: None,
        })
    });
    let dataset = job.dataset;
    let certificate =
        Certificate { dataset: dataset.id.clone(), release: release.clone(), slice: name.clone(), checks };
    let slice = store::commit::Slice {
        release,
        name,
        grade: slice.grade.as_str().to_owned(),
        note: slice.note.clone(),
        url: slice.url.clone(),
        captures: captures.collect::<Result<_>>()?,
        since: None,
        counts,
        coverage: covered,
        parts,
        pipeline: dataset.digest.clone(),
        program: job.program.to_owned(),
    };
    Ok((slice, certificate))
}

/// What the rows of a slice cover, where its dataset says what tells it.
fn covered(dataset: &Dataset, kept: &[RecordBatch]) -> Result<Vec<Covered>> {
    let mut coverage = Coverage::new(dataset);
    kept.iter().try_for_each(|batch| coverage.add(batch))?;
    Ok(coverage.covered())
}

/// A declared file must be the part of the dataset that it is declared to be.
fn as_declared(dataset: &Dataset, extractor: &dyn Extractor, slice: &Slice, name: &str) -> Result<()> {
    let by_rows = !dataset.spec.coverage.part.is_empty();
    if !by_rows || slice.name == name || !extractor.slices().iter().any(|declared| declared.url == slice.url) {
        return Ok(());
    }
    let message =
        format!("{}: {} is declared as {}, and its rows are those of {name}", dataset.id, slice.url, slice.name);
    Err(Error::new(Kind::Changed, message).hint(
        "nothing was committed: `tollhouse import` takes any part of the dataset; to fetch this one, name it so in the pipeline",
    ))
}

/// Decodes and normalises a slice, and finds its edition.
fn read(
    job: &Job<'_>,
    extractor: &dyn Extractor,
    fetched: &Fetched,
    corrections: &mut Corrections<'_>,
) -> Result<(Gathered, Option<Release>)> {
    let Fetched { slice, pages, .. } = fetched;
    let mut gathered = Gathered { release: slice.release.clone(), ..Gathered::default() };
    extractor.decode(slice, pages, &mut |piece| gather(job, slice, pages, corrections, &mut gathered, piece))?;
    let release = release::find(job.dataset, gathered.release.as_ref(), &gathered.kept)?;
    Ok((gathered, release))
}

/// Files of one layout that cover different years are told apart by them: a transcription must not pass for the
/// publisher's own file.
fn check_years(job: &Job<'_>, slice: &Slice, mut years: impl Iterator<Item = i32>) -> Result<()> {
    let Some((first, last)) = slice.years else { return Ok(()) };
    match years.find(|year| !slice.covers(*year)) {
        None => Ok(()),
        Some(year) => Err(Error::new(
            Kind::Changed,
            format!("{}: {} covers {first}-{last}, and the file has {year}", job.dataset.id, slice.name),
        )
        .hint("`tollhouse datasets show` lists the slices and their years; name the right one with --slice")),
    }
}

/// The years that a file's rows have, without staging anything.
pub fn years(dataset: &Dataset, vocabulary: &Vocabulary, slice: &Slice, page: &Page) -> Result<BTreeSet<i32>> {
    let mut years = BTreeSet::new();
    extract::extractor(dataset)?.decode(slice, std::slice::from_ref(page), &mut |piece| {
        if let Piece::Rows { batch, .. } | Piece::Hidden { batch, .. } = piece {
            let normal = normalise(dataset, vocabulary, slice.grade, &page.digest, &batch)?;
            if let Some(column) = normal.kept.column_by_name("year").and_then(|c| c.as_primitive_opt::<Int32Type>()) {
                years.extend(column.iter().flatten());
            }
        }
        Ok(())
    })?;
    Ok(years)
}

/// Takes one decoded piece.
fn gather(
    job: &Job<'_>,
    slice: &Slice,
    pages: &[Page],
    corrections: &mut Corrections<'_>,
    gathered: &mut Gathered,
    piece: Piece,
) -> Result<()> {
    match piece {
        Piece::Edition(edition) => {
            gathered.release = edition.release.or(gathered.release.take());
            gathered.name = edition.slice.or(gathered.name.take());
        }
        Piece::Note(note) => {
            gathered.counts.notes += 1;
            gathered.notes.push(note);
        }
        Piece::Hidden { page, batch } => {
            let normal = normalise(job.dataset, job.vocabulary, slice.grade, capture(pages, page)?, &batch)?;
            if let Some(odd) = normal.rejected.first() {
                let what = format!("a row that was not shown breaks a rule: {} is {}", odd.column, odd.rule);
                return Err(Error::new(Kind::Internal, what));
            }
            gathered.counts.hidden += normal.kept.num_rows() as u64;
            gathered.kept.push(normal.kept);
        }
        Piece::Rows { page, batch } => {
            let batch = corrections.apply(job.dataset, batch)?;
            let normal = normalise(job.dataset, job.vocabulary, slice.grade, capture(pages, page)?, &batch)?;
            gathered.counts.read += batch.num_rows() as u64;
            gathered.counts.kept += normal.kept.num_rows() as u64;
            gathered.counts.totals += normal.totals.num_rows() as u64;
            gathered.counts.rejected += normal.rejected.len() as u64;
            gathered.kept.push(normal.kept);
            gathered.totals.push(normal.totals);
            gathered.rejected.extend(normal.rejected);
        }
    }
    Ok(())
}

fn capture(pages: &[Page], page: usize) -> Result<&Digest> {
    let found = pages.get(page).map(|page| &page.digest);
    found.ok_or_else(|| Error::new(Kind::Internal, format!("rows of page {page}, which was not fetched")))
}

/// The batches of a slice as one, with its release, sorted.
fn whole(job: &Job<'_>, release: &Release, batches: &[RecordBatch], by: &[&str]) -> Result<RecordBatch> {
    let names = job.dataset.columns();
    let fields = names.iter().map(|name| job.vocabulary.field(name)).collect::<Result<Vec<_>>>()?;
    let schema = Arc::new(Schema::new(fields));
    let below = Arc::new(Schema::new(schema.fields()[1..].to_vec()));
    let broken = "the rows of a slice do not fit together";
    let batch = concat_batches(&below, batches).or_error(Kind::Internal, broken)?;
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from_iter_values(vec![release.as_str(); batch.num_rows()]))];
    columns.extend(batch.columns().iter().cloned());
    let batch = RecordBatch::try_new(schema, columns).or_error(Kind::Internal, broken)?;
    let order = by
        .iter()
        .filter_map(|name| Some(SortColumn { values: Arc::clone(batch.column_by_name(name)?), options: None }));
    let order =
        lexsort_to_indices(&order.collect::<Vec<_>>(), None).or_error(Kind::Internal, "rows cannot be sorted")?;
    take_record_batch(&batch, &order).or_error(Kind::Internal, "rows cannot be sorted")
}

/// Writes a table's rows as parts: one, or one for each year. No rows, no part.
fn write(
    job: &Job<'_>,
    table: &str,
    release: &Release,
    rows: &RecordBatch,
    partition: &Partition,
) -> Result<Vec<Part>> {
    if rows.num_rows() == 0 {
        return Ok(Vec::new());
    }
    if *partition == Partition::Release {
        return Ok(vec![store::part::write(job.warehouse, Place { table, release, year: None }, rows)?]);
    }
    let years = rows
        .column_by_name("year")
        .and_then(|years| years.as_primitive_opt::<Int32Type>())
        .ok_or_else(|| Error::new(Kind::Internal, "partitioned by year, without years"))?;
    if years.null_count() > 0 {
        return Err(Error::new(Kind::CheckFailed, format!("{table} {release}: a row has no year to be filed under")));
    }
    let mut by_year: BTreeMap<i32, Vec<bool>> = BTreeMap::new();
    for (row, year) in years.values().iter().enumerate() {
        by_year.entry(*year).or_insert_with(|| vec![false; rows.num_rows()])[row] = true;
    }
    let write_year = |(year, rows_of_it): (i32, Vec<bool>)| {
        let batch = filter_record_batch(rows, &rows_of_it.into()).or_error(Kind::Internal, "rows cannot be parted")?;
        store::part::write(job.warehouse, Place { table, release, year: Some(year) }, &batch)
    };
    by_year.into_iter().map(write_year).collect()
}

/// The columns of every notes table.
const NOTES: &[&str] = &["release", "note_section", "note_label", "note_text", "_capture", "_record"];

/// The notes of a slice as rows.
fn notes(job: &Job<'_>, release: &Release, pages: &[Page], notes: &[Note]) -> Result<RecordBatch> {
    let text =
        |get: &dyn Fn(&Note) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(notes.iter().map(get))) };
    let records: Int64Array = notes.iter().map(|note| i64::try_from(note.record).ok()).collect();
    let columns = vec![
        text(&|_| release.to_string()),
        text(&|note| note.section.clone()),
        text(&|note| note.label.clone()),
        text(&|note| note.text.clone()),
        text(&|note| pages.get(note.page).map(|page| page.digest.to_string()).unwrap_or_default()),
        Arc::new(records),
    ];
    let fields = NOTES.iter().map(|name| job.vocabulary.field(name)).collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).or_error(Kind::Internal, "notes cannot be tabulated")
}

/// The tables of a dataset: its own, then the companions.
fn tables(job: &Job<'_>, extractor: &dyn Extractor) -> Result<Vec<Table>> {
    let table = |name: String, columns: Vec<String>, period: Option<&str>| -> Result<Table> {
        // What has no period has no newest release either.
        let series = period.map(|_| job.dataset.spec.series.clone()).unwrap_or_default();
        let outdated = period.map(|_| job.dataset.spec.outdated.clone()).unwrap_or_default();
        let columns = columns.into_iter().map(|name| {
            let meaning = job.vocabulary.get(&name)?;
            Ok(ColumnType { kind: meaning.kind.sql(), id: meaning.id, name })
        });
        Ok(Table {
            name,
            columns: columns.collect::<Result<_>>()?,
            period: period.map(ToOwned::to_owned),
            series,
            outdated,
        })
    };
    let dataset = job.dataset;
    let mut tables = vec![table(dataset.id.to_string(), dataset.columns(), Some(&dataset.spec.period))?];
    if dataset.spec.totals.is_some() {
        tables.push(table(dataset.totals_table(), dataset.columns(), Some(&dataset.spec.period))?);
    }
    if extractor.has_notes() {
        tables.push(table(dataset.notes_table(), NOTES.iter().map(|name| (*name).to_owned()).collect(), None)?);
    }
    Ok(tables)
}
