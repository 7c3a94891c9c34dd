//! `erase`: a record leaves every snapshot and capture, on purpose.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use model::{DatasetId, Error, Kind, Result};
use query::erase::{Request, Told, erase};

use super::Context;
use crate::config::{VERSION, now};
use crate::output::{grouped, print_json, say, table};
use crate::{restricted, work};

/// For what law, or its publisher, withdraws: pins do not keep it. Without --apply it says what would go. What stays is a
/// tombstone with the reason and the date, which says neither the condition nor the record.
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
    /// Erase; nothing brings it back
    #[arg(long)]
    apply: bool,
}

impl Erase {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        let config = context.config()?;
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
        };
        let told = erase(&request, self.apply)?;
        if told.erasure.is_some() {
            // Unmasked rows follow from captures, and are made again from those that are left.
            warehouse.drop_restricted(&BTreeSet::new())?;
            if let Some(head) = warehouse.head()? {
                restricted::follow(&project, &config, &warehouse, &head)?;
                work::renew_catalogue(&project, &warehouse, "the record is erased")?;
            }
        }
        if context.json() {
            print_json(&told)?;
        } else {
            tell(&told);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn tell(told: &Told) {
    if told.captures.is_empty() {
        say("No row of any snapshot is meant: there is nothing to erase.");
        return;
    }
    say(&table(&["table", "rows"], told.rows.iter().map(|(table, rows)| vec![table.clone(), grouped(*rows)])));
    let names = |names: Vec<String>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    say(&format!(
        "Snapshots that had them: {}; pins: {}.",
        names(told.snapshots.iter().map(ToString::to_string).collect()),
        names(told.pins.iter().cloned().collect())
    ));
    say(&format!(
        "Captures that leave whole, and can no longer be replayed: {}. Models made again: {}.",
        names(told.captures.iter().map(|capture| capture.as_str()[..12].to_owned()).collect()),
        names(told.models.iter().map(ToString::to_string).collect())
    ));
    if !told.failed.is_empty() {
        say(&format!(
            "Without rows now, because they could not be made again: {}.",
            names(told.failed.iter().map(ToString::to_string).collect())
        ));
    }
    match told.erasure {
        Some(number) => say(&format!(
            "Erased; the tombstone is erased/{number:06}.json. Bundles and copies that left this machine still have the record."
        )),
        None => say("Nothing was erased; --apply does it, and nothing brings it back."),
    }
}
