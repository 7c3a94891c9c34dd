//! `demo`: the whole path, offline, in one command.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use model::{Error, Kind, Result};
use store::{Origin, Warehouse};

use super::run::{Going, go, start_replica, tell};
use super::{Context, claims, figure};
use crate::config::now;
use crate::output::say;

#[derive(Args)]
pub struct Demo {
    /// Where the figures go; the folder `figures` in the root without
    #[arg(long, value_name = "FOLDER")]
    figures: Option<PathBuf>,
}

impl Demo {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        let config = context.config()?;
        let replica = start_replica()?;
        let warehouse = Warehouse::open_or_create(context.root(), Origin::Replica, now())?;
        say("Tollhouse demo: the publishers' real figures, served by a replica on this machine.\n");

        let progress = context.progress();
        let datasets: Vec<_> = project.datasets.iter().collect();
        let (summary, failures) = go(&Going {
            project: &project,
            warehouse: &warehouse,
            datasets: &datasets,
            config: &config,
            replica: Some(&replica.base()),
            progress: &progress,
            commit: true,
            only: None,
        })?;
        progress.finish();
        tell(&summary, false);
        if let Some(kind) = failures.first() {
            return Err(Error::new(*kind, "the demo did not get all of its data").hint("the errors above say why"));
        }

        let head = warehouse.head()?.ok_or_else(|| Error::new(Kind::Internal, "the demo ended without a snapshot"))?;
        let pin = pin(&warehouse, head.number)?;
        say(&format!("Pinned it as `{pin}`.\n"));

        let session = context.session(Some(&pin))?;
        let folder = self.figures.unwrap_or_else(|| context.root().join("figures"));
        say("Figures:");
        for spec in &project.figures {
            let path = figure::write(query::figures::build(&session, spec)?, &folder)?;
            say(&format!("  {}", path.display()));
        }
        say("\nClaims, judged from the same snapshot:");
        for set in &project.claims {
            claims::tell(&query::claim::judge(&session, set)?);
        }

        let root = match context.root().to_string_lossy().as_ref() {
            "warehouse/data" => String::new(),
            root => format!(" --root {root}"),
        };
        say("\nTry next:");
        for sql in QUERIES {
            say(&format!("  tollhouse{root} sql \"{sql}\""));
        }
        say(&format!(
            "\nThe same tables open in plain DuckDB: {}",
            warehouse.root().join("tollhouse.duckdb").display()
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// Three questions to ask of the demo's snapshot.
const QUERIES: &[&str] = &[
    "select year, sum(dosage_units) as pills from arcos_transactions group by year order by year",
    "select state, deaths, age_adjusted_rate_per_100k from cdc_opioid_deaths_state where drug = 'any_opioid' and year = 2015 order by 3 desc nulls last limit 10",
    "select year, city, population, murder from fbi_city_offenses where state = 'OREGON' order by murder desc, year limit 10",
];

/// Pins the snapshot as `demo`; a later snapshot of the same root gets a name of its own, because pins do not move.
fn pin(warehouse: &Warehouse, number: u64) -> Result<String> {
    let taken = warehouse.pins()?.into_iter().any(|pin| pin.name == "demo" && pin.snapshot != number);
    let name = if taken { format!("demo-{number}") } else { "demo".to_owned() };
    Ok(warehouse.add_pin(&name, number, now())?.name)
}
