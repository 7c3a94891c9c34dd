//! Slices of one edition that a person brings one by one, such as the years of a query: no row may stand in two.
//!
//! A slice that holds every row of an older one takes its place. One that shares some rows with another is refused,
//! because a sum over both would count them twice, and which of the two is right is not for a program to say.

use std::collections::HashMap;

use arrow::row::{OwnedRow, RowConverter, SortField};
use model::dataset::Dataset;
use model::{Error, Kind, Result, ResultExt as _};
use store::Warehouse;
use store::commit::{Slice, Staged};

use crate::check::key_of;

/// Looks for rows that a staged slice shares with another of its edition, staged or held. Blocks, and reads parts, but
/// only for datasets that declare `disjoint`, and only where an edition has several slices.
pub fn settle(warehouse: &Warehouse, dataset: &Dataset, staged: &mut Staged) -> Result<()> {
    if !dataset.spec.check.disjoint {
        return Ok(());
    }
    let base = staged.base.as_ref().map(|digest| warehouse.manifest(digest)).transpose()?;
    let mut settled: Vec<Slice> = Vec::new();
    for slice in std::mem::take(&mut staged.slices) {
        // What is staged under the same name replaces what is held.
        let held = base.iter().flat_map(|manifest| &manifest.slices).filter(|held| held.name != slice.name);
        let others: Vec<&Slice> = held
            .chain(&settled)
            .filter(|other| other.release == slice.release && !staged.superseded.contains(&name_of(other)))
            .collect();
        let own = if others.is_empty() { Keys::new() } else { keys(warehouse, dataset, &slice)? };
        let mut gone = Vec::new();
        for other in others {
            let theirs = keys(warehouse, dataset, other)?;
            let shared = theirs.iter().filter(|(key, _)| own.contains_key(*key)).map(|(_, place)| *place);
            let (count, first) = shared.fold((0, usize::MAX), |(count, first), place| (count + 1, first.min(place)));
            if count == 0 {
                continue;
            }
            if count == theirs.len() {
                gone.push(name_of(other));
            } else {
                let (own, theirs) = (&slice.name, &other.name);
                let what = format!(
                    "{} {}: `{own}` and `{theirs}` both have the row {}",
                    dataset.id,
                    slice.release,
                    key_at(warehouse, dataset, other, first)?
                );
                return Err(Error::new(Kind::CheckFailed, what).hint(
                    "nothing was committed: bring a file of rows that are not there yet, or one that holds all that are, \
                     which takes their place",
                ));
            }
        }
        settled.retain(|other| !gone.contains(&name_of(other)));
        staged.superseded.extend(gone);
        settled.push(slice);
    }
    staged.slices = settled;
    Ok(())
}

fn name_of(slice: &Slice) -> (model::Release, String) {
    (slice.release.clone(), slice.name.clone())
}

/// The keys of a slice, each with the place of its row.
type Keys = HashMap<OwnedRow, usize>;

fn keys(warehouse: &Warehouse, dataset: &Dataset, slice: &Slice) -> Result<Keys> {
    let mut keys = Keys::new();
    for part in slice.parts.iter().filter(|part| part.table == dataset.id.as_str()) {
        let batch = store::part::read(warehouse, part)?;
        let columns = dataset.spec.check.key.iter().map(|name| {
            let column = batch.column_by_name(name).cloned();
            column.ok_or_else(|| Error::new(Kind::Damaged, format!("{} has no column `{name}`", part.path)))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
        let rows = RowConverter::new(fields)
            .and_then(|converter| converter.convert_columns(&columns))
            .or_error(Kind::Internal, "the key cannot be compared")?;
        let before = keys.len();
        keys.extend(rows.iter().enumerate().map(|(place, row)| (row.owned(), before + place)));
    }
    Ok(keys)
}

/// The key of the n-th row of a slice, for a message.
fn key_at(warehouse: &Warehouse, dataset: &Dataset, slice: &Slice, place: usize) -> Result<String> {
    let mut before = 0;
    for part in slice.parts.iter().filter(|part| part.table == dataset.id.as_str()) {
        let batch = store::part::read(warehouse, part)?;
        if place < before + batch.num_rows() {
            return key_of(dataset, &batch, place - before);
        }
        before += batch.num_rows();
    }
    Ok(String::new())
}
