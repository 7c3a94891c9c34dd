//! `backfill`: fetching the past of a dataset, a slice at a time, resumable.

use std::process::ExitCode;

use clap::Args;
use ingest::extract::Slice;
use jiff::SignedDuration;
use model::dataset::Dataset;
use model::{Error, Kind, Result};
use serde::Serialize;
use store::ledger::{Filter, Ledger, Order, Run, State, Trigger};
use store::{Origin, Warehouse};

use super::Context;
use super::status::known;
use crate::config::now;
use crate::daemon::jobs;
use crate::output::{list, say};

#[derive(Args)]
pub struct Backfill {
    /// The dataset
    #[arg(value_name = "DATASET")]
    dataset: String,
    /// The first year that is meant
    #[arg(long, value_name = "YEAR")]
    from: i32,
    /// The last year that is meant
    #[arg(long, value_name = "YEAR")]
    to: i32,
    /// Queue the plan for the daemon, which works through it a slice at a time; without, it is only told
    #[arg(long)]
    apply: bool,
}

/// A step of the plan.
#[derive(Debug, Clone, Serialize)]
pub struct Planned {
    /// The slice.
    pub slice: String,
    /// Its years, where the pipeline tells.
    pub years: Option<(i32, i32)>,
    /// Where it is fetched from.
    pub url: String,
    /// Rows that the newest snapshot has of it.
    pub held: Option<u64>,
    /// Whether it waits in the ledger already.
    pub queued: bool,
}

impl Backfill {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let warehouse = context.warehouse()?;
        let (project, config) = (context.project()?, context.config()?);
        let dataset = project.dataset(&self.dataset)?;
        known(&jobs::of(&project, &config, warehouse.origin() == Origin::Replica)?, &self.dataset)?;
        let (mut ledger, _) = Ledger::open(&warehouse, now())?;
        let plan = plan(&warehouse, &ledger, dataset, self.from, self.to)?;
        list(context.json(), &["slice", "years", "held", "from"], &plan, |one| {
            vec![
                one.slice.clone(),
                one.years.map_or_else(|| "not told".to_owned(), |(first, last)| format!("{first} to {last}")),
                one.held
                    .map_or_else(|| if one.queued { "queued" } else { "no" }.to_owned(), |rows| format!("{rows} rows")),
                one.url.clone(),
            ]
        })?;
        if !self.apply {
            if !context.json() {
                say("Nothing was queued: --apply does.");
            }
            return Ok(ExitCode::SUCCESS);
        }
        let queued = queue(&mut ledger, dataset, &plan)?.len();
        if !context.json() {
            say(&format!("{queued} of {} slices were queued; `tollhouse daemon` works through them.", plan.len()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The slices of a dataset whose rows may have these years, as its pipeline declares them.
///
/// Errors: [`Kind::Usage`] for years the wrong way round, or of which the pipeline declares nothing.
pub fn plan(warehouse: &Warehouse, ledger: &Ledger, dataset: &Dataset, from: i32, to: i32) -> Result<Vec<Planned>> {
    if from > to {
        return Err(Error::new(Kind::Usage, format!("{from} is after {to}")).hint("--from is the earlier year"));
    }
    let meant = |slice: &Slice| (from..=to).any(|year| slice.covers(year));
    let slices: Vec<Slice> = ingest::extract::extractor(dataset)?.slices().into_iter().filter(meant).collect();
    if slices.is_empty() {
        return Err(Error::new(
            Kind::Usage,
            format!("the pipeline of {} declares nothing of {from} to {to}", dataset.id),
        )
        .hint("`tollhouse datasets show` prints what it declares; files of other years come by import"));
    }
    let base = ingest::run::base(warehouse, dataset)?;
    let held = |slice: &Slice| {
        let (_, manifest) = base.as_ref()?;
        let rows: Vec<u64> =
            manifest.slices.iter().filter(|held| held.url == slice.url).map(|held| held.counts.kept).collect();
        (!rows.is_empty()).then(|| rows.iter().sum())
    };
    let queued = queued(ledger, dataset)?;
    let each = slices.iter().map(|slice| Planned {
        slice: slice.name.clone(),
        years: slice.years,
        url: slice.url.clone(),
        held: held(slice),
        queued: queued.contains(&slice.name),
    });
    Ok(each.collect())
}

fn queued(ledger: &Ledger, dataset: &Dataset) -> Result<Vec<String>> {
    let filter = Filter {
        job: Some(dataset.id.to_string()),
        state: Some(State::Queued.as_str().to_owned()),
        limit: u32::MAX,
        ..Filter::default()
    };
    Ok(ledger.runs(&filter)?.into_iter().filter_map(|run| run.what).collect())
}

/// Queues a run for each slice of a plan that is not there and does not wait already. So what was cut short goes on where it was.
pub fn queue(ledger: &mut Ledger, dataset: &Dataset, plan: &[Planned]) -> Result<Vec<Run>> {
    let now = now();
    // A plan may take weeks where a publisher is asked seldom.
    let deadline = now.checked_add(SignedDuration::from_hours(24 * 60)).unwrap_or(now);
    let mut queued = Vec::new();
    for one in plan.iter().filter(|one| one.held.is_none() && !one.queued) {
        let order = Order { trigger: Trigger::Backfill, not_before: now, deadline, what: Some(one.slice.clone()) };
        queued.push(ledger.order(dataset.id.as_str(), &order, now)?);
    }
    Ok(queued)
}
