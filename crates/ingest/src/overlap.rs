//! Slices of one edition that a person brings one by one, such as the years of a query or the counties of a country: no row
//! may stand in two.
//!
//! What slices cover settles most of it unread: a slice that holds an older one takes its place, one that is held by another
//! adds nothing and is left out. Where that does not tell, the rows' keys do: a slice that has every row of an older one takes
//! its place, and one that shares some is refused, because a sum over both would count them twice, and which of the two is
//! right is not for a program to say.

use arrow::array::RecordBatch;
use model::dataset::Dataset;
use model::{Error, Kind, Release, Result};
use store::Warehouse;
use store::commit::{Relation, Slice, Staged, relation};
use store::part::Part;

use crate::check::key_of;
use crate::fingerprint;

/// Rows whose fingerprints are in memory at once, of each of two slices: 64 megabytes. Of larger ones a share is compared
/// after the other, and the columns of their keys are read as often.
const AT_ONCE: u64 = 4 << 20;

/// Looks for rows that a staged slice shares with another of its edition, staged or held. Blocks, and reads parts, but
/// only for datasets that declare `disjoint`, only where an edition has several slices, and only where what they cover
/// does not tell. Says of each slice that was left out, why.
pub fn settle(warehouse: &Warehouse, dataset: &Dataset, staged: &mut Staged) -> Result<Vec<String>> {
    let mut left_out = Vec::new();
    if !dataset.spec.check.disjoint {
        return Ok(left_out);
    }
    let base = staged.base.as_ref().map(|digest| warehouse.manifest(digest)).transpose()?;
    let mut settled: Vec<Slice> = Vec::new();
    'staged: for slice in std::mem::take(&mut staged.slices) {
        // What is staged replaces what is held under the same name. Where names tell only of what there is, another file may
        // have the same one without being the same: then it is looked at like any other.
        let by_content = !dataset.spec.coverage.part.is_empty();
        let replaced = |held: &&Slice| held.name == slice.name && !(by_content && held.url != slice.url);
        let held = base.iter().flat_map(|manifest| &manifest.slices).filter(|held| !replaced(held));
        let others: Vec<&Slice> = held
            .chain(&settled)
            .filter(|other| other.release == slice.release && !staged.superseded.contains(&name_of(other)))
            .collect();
        let mut gone = Vec::new();
        for other in others {
            if other.name == slice.name {
                if namesake(warehouse, dataset, &slice, other)? {
                    continue;
                }
                left_out.push(all_there(dataset, &slice, other));
                continue 'staged;
            }
            match relation(&slice.coverage, &other.coverage) {
                Relation::Disjoint => {}
                Relation::Holds => gone.push(name_of(other)),
                Relation::Held => {
                    left_out.push(all_there(dataset, &slice, other));
                    continue 'staged;
                }
                Relation::Unclear => match compare(warehouse, dataset, &slice, other, AT_ONCE)? {
                    Shared { rows: 0, .. } => {}
                    Shared { rows, of, .. } if rows == of => gone.push(name_of(other)),
                    Shared { first, .. } => return Err(refused(dataset, &slice, other, &first)),
                },
            }
        }
        settled.retain(|other| !gone.contains(&name_of(other)));
        staged.superseded.extend(gone);
        settled.push(slice);
    }
    staged.slices = settled;
    let stays = |release: &Release, name: &str| {
        staged.slices.iter().any(|slice| slice.release == *release && slice.name == name)
    };
    staged.certificates.retain(|certificate| stays(&certificate.release, &certificate.slice));
    Ok(left_out)
}

fn refused(dataset: &Dataset, slice: &Slice, other: &Slice, first: &str) -> Error {
    let (own, theirs) = (&slice.name, &other.name);
    let what = format!("{} {}: `{own}` and `{theirs}` both have the row {first}", dataset.id, slice.release);
    Error::new(Kind::CheckFailed, what).hint(
        "nothing was committed: bring a file of rows that are not there yet, or one that holds all that are, \
         which takes their place",
    )
}

/// Whether a slice takes the place of another of its name, which came from another file, rather than being there already.
/// A name tells only of what there is: a file that lacks rows of the other is neither, and is refused.
fn namesake(warehouse: &Warehouse, dataset: &Dataset, slice: &Slice, other: &Slice) -> Result<bool> {
    let bytes = |slice: &Slice| slice.captures.iter().map(|capture| capture.sha256.clone()).collect::<Vec<_>>();
    if !slice.captures.is_empty() && bytes(slice) == bytes(other) {
        return Ok(true);
    }
    let all = |own: &Slice, theirs: &Slice| {
        compare(warehouse, dataset, own, theirs, AT_ONCE).map(|shared| shared.rows == shared.of)
    };
    match relation(&slice.coverage, &other.coverage) {
        Relation::Holds | Relation::Unclear if all(slice, other)? => return Ok(true),
        Relation::Held if all(other, slice)? => return Ok(false),
        _ => {}
    }
    let (name, url) = (&slice.name, &other.url);
    let what =
        format!("{} {}: `{name}` is there from {url}, with rows that this file lacks", dataset.id, slice.release);
    Err(Error::new(Kind::CheckFailed, what).hint(format!(
        "nothing was committed: bring both in one file; a corrected edition of {url} takes its place where it has the same name"
    )))
}

fn all_there(dataset: &Dataset, slice: &Slice, other: &Slice) -> String {
    format!("{} {}: `{}` holds every row of `{}`", dataset.id, slice.release, other.name, slice.name)
}

fn name_of(slice: &Slice) -> (Release, String) {
    (slice.release.clone(), slice.name.clone())
}

/// The rows of a slice that another has too.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shared {
    /// How many different ones.
    rows: u64,
    /// Of how many.
    of: u64,
    /// The key of one of them.
    first: String,
}

/// Compares the rows of `theirs` with those of `own`, by fingerprints of which at most `at_once` of each are kept.
fn compare(warehouse: &Warehouse, dataset: &Dataset, own: &Slice, theirs: &Slice, at_once: u64) -> Result<Shared> {
    let most = own.counts.kept.max(theirs.counts.kept);
    let shares = u128::from(most.div_ceil(at_once).max(1));
    let mut shared = Shared::default();
    for share in 0..shares {
        let of_share = |print: &u128| print % shares == share;
        let mut mine = Vec::new();
        each(warehouse, dataset, own, &mut |_, prints| {
            mine.extend(prints.into_iter().filter(of_share));
            Ok(())
        })?;
        mine.sort_unstable();
        let mut others = Vec::new();
        each(warehouse, dataset, theirs, &mut |batch, prints| {
            if shared.first.is_empty() {
                let place = prints.iter().position(|print| of_share(print) && mine.binary_search(print).is_ok());
                if let Some(place) = place {
                    shared.first = key_of(dataset, &batch, place)?;
                }
            }
            others.extend(prints.into_iter().filter(of_share));
            Ok(())
        })?;
        others.sort_unstable();
        others.dedup();
        shared.of += others.len() as u64;
        shared.rows += others.iter().filter(|print| mine.binary_search(print).is_ok()).count() as u64;
    }
    Ok(shared)
}

/// Takes the rows of a batch, and their fingerprints.
type Take<'a> = &'a mut dyn FnMut(RecordBatch, Vec<u128>) -> Result<()>;

/// Hands on the rows of a slice with their fingerprints. Of most parts only the columns of the key are read.
fn each(warehouse: &Warehouse, dataset: &Dataset, slice: &Slice, take: Take<'_>) -> Result<()> {
    for part in slice.parts.iter().filter(|part| part.table == dataset.id.as_str()) {
        let open = is_open(warehouse, dataset, part)?;
        let columns = if open { fingerprint::every(dataset) } else { fingerprint::key(dataset) };
        store::part::each_batch(warehouse, part, &columns, &mut |batch| {
            let prints = fingerprint::of(dataset, &batch)?;
            take(batch, prints)
        })?;
    }
    Ok(())
}

/// Whether some row of a part is told by every column, not by its key.
fn is_open(warehouse: &Warehouse, dataset: &Dataset, part: &Part) -> Result<bool> {
    let nullable = fingerprint::nullable(dataset);
    let mut open = false;
    if !nullable.is_empty() {
        store::part::each_batch(warehouse, part, &nullable, &mut |batch| {
            open |= !fingerprint::open_rows(dataset, &batch)?.is_empty();
            Ok(())
        })?;
    }
    Ok(open)
}

#[cfg(test)]
mod tests;
