//! A slice of a snapshot, to be made again from what the archive holds: nothing is asked of anybody.
//!
//! [`fetched`] puts back together what [`crate::run::fetch`] or an import once brought: the captures, each checked against
//! its digest, and the declared file that they stand for. [`crate::run::stage`] then does with it what it did then.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, BooleanArray, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Schema;
use model::column::Vocabulary;
use model::dataset::Dataset;
use model::{Error, Kind, Result, ResultExt as _};
use store::Warehouse;

use crate::correct::Corrections;
use crate::extract::{Extractor, Grade, Page, Piece, Slice, extractor};
use crate::normalise::normalise;
use crate::run::Fetched;

/// What a slice was made of. Fails where a capture is missing or is not what its name says.
pub fn fetched(warehouse: &Warehouse, dataset: &Dataset, held: &store::commit::Slice) -> Result<Fetched> {
    let archive = warehouse.archive();
    let mut pages = Vec::with_capacity(held.captures.len());
    for capture in &held.captures {
        if let Some(erasure) = capture.erased {
            let message = format!("the capture {} was erased (erasure {erasure})", capture.sha256);
            return Err(
                Error::new(Kind::Damaged, message).hint("what stands in its place cannot be made again from it")
            );
        }
        if !archive.is_sound(&capture.sha256)? {
            return Err(Error::new(
                Kind::Damaged,
                format!("the capture {} of {} is missing or damaged", capture.sha256, capture.url),
            )
            .hint("`tollhouse snapshot verify` says what else is damaged"));
        }
        let headers = archive.exchange(&capture.exchange)?.headers;
        let (archive, digest) = (archive.clone(), capture.sha256.clone());
        pages.push(Page::new(capture.url.clone(), headers, capture.sha256.clone(), move || {
            archive.open(&digest).map_err(std::io::Error::other)
        }));
    }
    let slice = slice(extractor(dataset)?.as_ref(), held, &pages)?;
    Ok(Fetched { slice, pages, exchanges: held.captures.iter().map(|c| c.exchange.clone()).collect(), detour: None })
}

/// Hands on the rows of persons in a slice, with nothing taken from them: for the operator's own eyes alone. They are read from
/// the captures, so that nothing that is committed ever holds them.
pub fn persons(
    warehouse: &Warehouse,
    dataset: &Dataset,
    vocabulary: &Vocabulary,
    held: &store::commit::Slice,
    take: &mut dyn FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    let mut whole = dataset.clone();
    let Some(mask) = whole.spec.mask.take() else { return Ok(()) };
    let Fetched { slice, pages, .. } = fetched(warehouse, dataset, held)?;
    let mut corrections = Corrections::of(dataset, &held.release);
    extractor(dataset)?.decode(&slice, &pages, &mut |piece| {
        let Piece::Rows { page, batch } = piece else { return Ok(()) };
        let capture = &held.captures[page].sha256;
        let batch = corrections.apply(dataset, batch)?;
        let kept = normalise(&whole, vocabulary, slice.grade, capture, &batch)?.kept;
        let kinds = kept.column_by_name(&mask.unless).map(|kinds| kinds.as_string::<i32>());
        let person: BooleanArray = kinds.into_iter().flatten().map(|kind| Some(!mask.is_business(kind))).collect();
        let broken = "the rows of persons do not come together";
        let kept = filter_record_batch(&kept, &person).or_error(Kind::Internal, broken)?;
        let mut fields = vec![Arc::new(vocabulary.field("release")?)];
        fields.extend(kept.schema_ref().fields().iter().cloned());
        let release: ArrayRef = Arc::new(StringArray::from_iter_values(vec![held.release.as_str(); kept.num_rows()]));
        let columns = [release].into_iter().chain(kept.columns().iter().cloned()).collect();
        take(&RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).or_error(Kind::Internal, broken)?)
    })
}

/// The declared file that a slice was read as.
fn slice(extractor: &dyn Extractor, held: &store::commit::Slice, pages: &[Page]) -> Result<Slice> {
    let declared = extractor.slices();
    // One address may answer several queries.
    let own = |slice: &&Slice| slice.url == held.url;
    if let Some(own) = declared.iter().filter(own).find(|slice| slice.name == held.name).or(declared.iter().find(own)) {
        return Ok(own.clone());
    }
    // A person brought it: what it is was told by its content then, or by its name now.
    let told = match pages.first() {
        Some(page) => extractor.recognise(page)?,
        None => None,
    };
    let of_its_kind = |slice: &&Slice| slice.name == held.name;
    let of_its_edition = |slice: &&Slice| slice.release.as_ref() == Some(&held.release);
    let like = told
        .or_else(|| declared.iter().find(of_its_kind).or_else(|| declared.iter().find(of_its_edition)).cloned())
        .or_else(|| declared.first().cloned())
        .unwrap_or_else(|| Slice::new(&held.name, String::new()));
    let grade = if held.grade == Grade::Secondary.as_str() { Grade::Secondary } else { Grade::Publisher };
    Ok(Slice {
        name: held.name.clone(),
        url: held.url.clone(),
        note: held.note.clone(),
        release: Some(held.release.clone()),
        grade,
        min_rows: None,
        ..like
    })
}
