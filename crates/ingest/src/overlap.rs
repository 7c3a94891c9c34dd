//! Slices of one edition that a person brings one by one, such as the years of a query: no row may stand in two.
//!
//! A slice that holds every row of an older one takes its place. One that shares some rows with another is refused,
//! because a sum over both would count them twice, and which of the two is right is not for a program to say.

use std::collections::HashSet;

use arrow::row::{OwnedRow, RowConverter, SortField};
use model::dataset::Dataset;
use model::{Error, Kind, Result, ResultExt as _};
use store::Warehouse;
use store::commit::{Slice, Staged};

use crate::check::key_of as key_of_row;
use crate::run::Base;

/// Looks for rows that a staged slice shares with another of its edition, staged or held. Blocks, and reads parts, but
/// only for datasets that declare `disjoint`, and only where an edition has several slices.
pub fn settle(warehouse: &Warehouse, dataset: &Dataset, base: &Base, staged: &mut Staged) -> Result<()> {
    if !dataset.spec.check.disjoint {
        return Ok(());
    }
    let mut settled: Vec<Slice> = Vec::new();
    for slice in std::mem::take(&mut staged.slices) {
        let held = base.iter().flat_map(|(_, manifest)| &manifest.slices);
        // What is staged under the same name replaces what is held.
        let others = held.filter(|held| held.name != slice.name).chain(&settled).filter(|other| {
            other.release == slice.release && !staged.superseded.contains(&(other.release.clone(), other.name.clone()))
        });
        let mut gone = Vec::new();
        let own = keys(warehouse, dataset, &slice)?;
        for other in others {
            let theirs = keys(warehouse, dataset, other)?;
            match theirs.rows.iter().find(|row| own.set.contains(*row)) {
                None => {}
                Some(_) if theirs.set.is_subset(&own.set) => gone.push((other.release.clone(), other.name.clone())),
                Some(row) => {
                    let place = theirs.rows.iter().position(|other| other == row).unwrap_or_default();
                    let (own, theirs) = (&slice.name, &other.name);
                    let what = format!(
                        "{} {}: `{own}` and `{theirs}` both have the row {}",
                        dataset.id,
                        slice.release,
                        key_of(warehouse, dataset, other, place)?
                    );
                    return Err(Error::new(Kind::CheckFailed, what).hint(
                        "nothing was committed: bring a file of rows that are not there yet, or one that holds all that \
                         are, which takes their place",
                    ));
                }
            }
        }
        settled.retain(|other| !gone.contains(&(other.release.clone(), other.name.clone())));
        staged.superseded.extend(gone);
        settled.push(slice);
    }
    staged.slices = settled;
    Ok(())
}

/// The keys of a slice, in the order of its rows.
struct Keys {
    rows: Vec<OwnedRow>,
    set: HashSet<OwnedRow>,
}

fn keys(warehouse: &Warehouse, dataset: &Dataset, slice: &Slice) -> Result<Keys> {
    let mut rows = Vec::new();
    for part in slice.parts.iter().filter(|part| part.table == dataset.id.as_str()) {
        let batch = store::part::read(warehouse, part)?;
        let columns = dataset.spec.check.key.iter().map(|name| {
            let column = batch.column_by_name(name).cloned();
            column.ok_or_else(|| Error::new(Kind::Damaged, format!("{} has no column `{name}`", part.path)))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
        let converted = RowConverter::new(fields)
            .and_then(|converter| converter.convert_columns(&columns))
            .or_error(Kind::Internal, "the key cannot be compared")?;
        rows.extend(converted.iter().map(|row| row.owned()));
    }
    Ok(Keys { set: rows.iter().cloned().collect(), rows })
}

/// The key of the n-th row of a slice, for a message.
fn key_of(warehouse: &Warehouse, dataset: &Dataset, slice: &Slice, place: usize) -> Result<String> {
    let mut before = 0;
    for part in slice.parts.iter().filter(|part| part.table == dataset.id.as_str()) {
        let batch = store::part::read(warehouse, part)?;
        if place < before + batch.num_rows() {
            return key_of_row(dataset, &batch, place - before);
        }
        before += batch.num_rows();
    }
    Ok(String::new())
}
