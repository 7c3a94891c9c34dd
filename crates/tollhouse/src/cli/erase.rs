//! `erase`: a record leaves every snapshot and capture, on purpose.

mod captures;
mod drawings;

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use model::{DatasetId, Digest, Error, Kind, Result};
use query::erase::{Request, Told, erase};
use serde::Serialize;
use store::Warehouse;

use self::captures::Readers;
use self::drawings::Drawing;
use super::Context;
use crate::config::{VERSION, now};
use crate::output::{grouped, print_json, say, table};
use crate::project::Project;
use crate::{restricted, work};

/// For what law, or its publisher, withdraws: pins do not keep it. Without --apply it says what would go. What stays is a
/// tombstone with the reason and the date, which says neither the condition nor the record.
///
/// Rows are looked for in every snapshot; persons, who have no names there, by what the captures say of them. Captures that no
/// snapshot names and that are of the dataset, or may be, leave whole, as does what was set aside of it. Where nobody can look is told.
#[derive(Args)]
pub struct Erase {
    /// The dataset that the record is of
    #[arg(value_name = "DATASET")]
    dataset: String,
    /// SQL that is true of the rows to erase, such as "reporter_dea_number = 'AB1234567'"
    #[arg(long = "where", value_name = "CONDITION")]
    condition: String,
    /// Why: whoever reads a figure that used it sees these words
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Let captures go too that no snapshot names and of which nothing tells whose they are
    #[arg(long)]
    unknown: bool,
    /// Erase; nothing brings it back
    #[arg(long)]
    apply: bool,
}

/// What was done, or would be.
#[derive(Serialize)]
struct Done<'a> {
    #[serde(flatten)]
    told: &'a Told,
    /// What becomes of the drawings below `figures/` that used the record.
    drawings: &'a [Drawing],
}

impl Erase {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        let warehouse = context.warehouse()?;
        let dataset: DatasetId = self.dataset.parse()?;
        let reason = self.reason.trim();
        if reason.is_empty() {
            return Err(Error::new(Kind::Usage, "an erasure needs a reason")
                .hint("say which law or which request: --reason \"withdrawn by its publisher on …\""));
        }
        let request = Request {
            warehouse: &warehouse,
            dataset: &dataset,
            condition: &self.condition,
            reason,
            program: VERSION,
            now: now(),
            datasets: &project.datasets,
            vocabulary: &project.vocabulary,
            captures: &Readers::new(&project, &warehouse, &dataset, self.unknown)?,
        };
        let told = erase(&request, self.apply)?;
        let drawings = if self.apply {
            settle(context, &project, &warehouse)?
        } else {
            let going: BTreeSet<Digest> = told.captures.union(&told.unnamed).cloned().collect();
            drawings::told(&warehouse, &going)?
        };
        if context.json() {
            print_json(&Done { told: &told, drawings: &drawings })?;
        } else {
            tell(&told, &drawings);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Makes what follows from snapshots follow from what is left, after an erasure that died before it could as well.
fn settle(context: &Context, project: &Project, warehouse: &Warehouse) -> Result<Vec<Drawing>> {
    if let Some(head) = warehouse.head()? {
        restricted::follow(project, &context.config()?, warehouse, &head)?;
        work::refresh_catalogue(project, warehouse, &head)?;
    }
    drawings::again(project, warehouse)
}

fn tell(told: &Told, drawings: &[Drawing]) {
    if told.is_nothing() {
        say("No row of any snapshot is meant: there is nothing to erase.");
    } else {
        tell_taken(told);
    }
    for drawing in drawings {
        say(&format!("Drawing {}: {}.", drawing.figure, drawing.became));
    }
    tell_unsearched(told);
    match told.erasure {
        Some(number) => say(&format!(
            "Erased; the tombstone is erased/{number:06}.json. Bundles and copies that left this machine still have the record."
        )),
        None if told.is_nothing() => {}
        None => say("Nothing was erased; --apply does it, and nothing brings it back."),
    }
}

/// The beginnings of digests, or words.
fn names<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = all.into_iter().map(|one| one.to_string()).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

fn short(captures: &BTreeSet<Digest>) -> String {
    names(captures.iter().map(|capture| &capture.as_str()[..12]))
}

/// What leaves.
fn tell_taken(told: &Told) {
    if !told.rows.is_empty() {
        say(&table(&["table", "rows"], told.rows.iter().map(|(table, rows)| vec![table.clone(), grouped(*rows)])));
    }
    say(&format!("Snapshots that had them: {}; pins: {}.", names(&told.snapshots), names(&told.pins)));
    say(&format!(
        "Captures that leave whole, and can no longer be replayed: {}. Models made again: {}.",
        short(&told.captures),
        names(&told.models)
    ));
    if !told.unnamed.is_empty() {
        say(&format!(
            "{} captures that no snapshot names may hold it: they go whole, and are not let in again: {}.",
            grouped(told.unnamed.len() as u64),
            short(&told.unnamed)
        ));
    }
    if told.quarantine > 0 {
        say(&format!("Files of rows that were set aside, which go whole: {}.", grouped(told.quarantine as u64)));
    }
    if !told.failed.is_empty() {
        say(&format!("Without rows now, because they could not be made again: {}.", names(&told.failed)));
    }
}

/// Where it may be all the same.
fn tell_unsearched(told: &Told) {
    for what in &told.unsearched {
        say(&format!("Not searched: {what}."));
    }
    if !told.unknown.is_empty() {
        say(&format!(
            "Not searched: {} captures that no snapshot names, and nothing tells of which dataset they are: {}. \
             `tollhouse snapshot gc --captures-days 0 --apply` removes those that are not the newest of their address; \
             --unknown lets all of them go with the erasure.",
            grouped(told.unknown.len() as u64),
            short(&told.unknown)
        ));
    }
    if !told.others.is_empty() {
        say("The same may stand in other datasets, which have columns that the condition names:");
    }
    for (dataset, columns) in &told.others {
        say(&format!("  tollhouse erase {dataset} --where '…' --reason '…'    ({})", names(columns)));
    }
}
