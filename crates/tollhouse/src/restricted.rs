//! The `restricted` schema: rows of persons as the captures have them, and what is made of those, where the operator has switched it on.

use std::collections::BTreeSet;

use ingest::replay;
use model::{Digest, Result};
use query::models::restricted as models;
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
    let mut made = Vec::new();
    for model in &project.restricted {
        if let Some(name) = models::name(snapshot, model, &keep, VERSION)? {
            made.push((model, name));
        }
    }
    keep.extend(made.iter().map(|(model, name)| (model.id.clone(), name.clone())));
    // What is of another state goes first: models are made of all that is there.
    warehouse.drop_restricted(&keep)?;
    for (model, name) in made {
        warehouse.keep_restricted(&model.id, &name, &mut |take| {
            models::rows(warehouse, snapshot, &project.datasets, &project.vocabulary, model, take)
        })?;
    }
    Ok(())
}

/// What the rows follow from, as a name.
fn name_of(held: &Slice, pipeline: &Digest) -> String {
    let mut told = format!("{} {} {pipeline} {VERSION}", held.release, held.name);
    for capture in &held.captures {
        told += &format!(" {}", capture.sha256);
    }
    Digest::of(told).as_str()[..32].to_owned()
}
