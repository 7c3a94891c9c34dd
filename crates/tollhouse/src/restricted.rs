//! The `restricted` schema: rows of persons as the captures have them, where the operator has switched it on.

use std::collections::BTreeSet;

use ingest::replay;
use model::{Digest, Result};
use store::Warehouse;
use store::commit::{Slice, Snapshot};

use crate::config::{Config, VERSION};
use crate::project::Project;

/// Makes what is below `restricted/` follow a snapshot: the unmasked rows of its persons where it is switched on, nothing where
/// it is not. What is there already is left.
pub fn follow(project: &Project, config: &Config, warehouse: &Warehouse, snapshot: &Snapshot) -> Result<()> {
    let mut keep = BTreeSet::new();
    for dataset in project.datasets.iter().filter(|dataset| config.restricted && dataset.spec.mask.is_some()) {
        let Some(digest) = snapshot.datasets.get(&dataset.id) else { continue };
        for held in warehouse.manifest(digest)?.slices {
            // What was erased is not made again from what is left of its captures.
            if held.captures.iter().any(|capture| capture.erased.is_some()) {
                continue;
            }
            let name = name_of(&held, &dataset.digest);
            warehouse.keep_restricted(&dataset.id, &name, &mut |take| {
                replay::persons(warehouse, dataset, &project.vocabulary, &held, take)
            })?;
            keep.insert((dataset.id.clone(), name));
        }
    }
    warehouse.drop_restricted(&keep)
}

/// What the rows follow from, as a name.
fn name_of(held: &Slice, pipeline: &Digest) -> String {
    let mut told = format!("{} {} {pipeline} {VERSION}", held.release, held.name);
    for capture in &held.captures {
        told += &format!(" {}", capture.sha256);
    }
    Digest::of(told).as_str()[..32].to_owned()
}
