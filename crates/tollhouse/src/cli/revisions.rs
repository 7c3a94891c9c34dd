//! `revisions`: what a publisher changed.

use std::process::ExitCode;

use clap::Args;
use model::{DatasetId, Error, Kind, Release, Result};
use query::revisions::{self, Side};
use serde::Serialize;
use store::Warehouse;
use store::commit::Snapshot;

use super::{At, Context};
use crate::output::{grouped, print_json, say, table};

/// Two releases are compared within a snapshot, two snapshots in all their releases. Of protected counts below the national
/// level it is told how many changed, and by how much only where many did.
#[derive(Args)]
pub struct Revisions {
    /// The dataset or model
    #[arg(value_name = "DATASET")]
    dataset: String,
    /// The earlier: a release of the dataset, a pin or a snapshot's number
    #[arg(value_name = "A")]
    before: String,
    /// The later, of the same kind
    #[arg(value_name = "B")]
    after: String,
    #[command(flatten)]
    at: At,
    /// List so many cells that differ, too
    #[arg(long, value_name = "N", default_value_t = 0)]
    cells: usize,
}

#[derive(Serialize)]
struct Told<'a> {
    dataset: &'a DatasetId,
    before: &'a str,
    after: &'a str,
    #[serde(flatten)]
    revisions: &'a revisions::Revisions,
}

impl Revisions {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        let warehouse = context.warehouse()?;
        let id: DatasetId = self.dataset.parse()?;
        let snapshot = warehouse.resolve(self.at.at.as_deref())?;
        let releases = releases(&warehouse, &snapshot, &id)?;
        let release = |word: &str| releases.iter().find(|release| release.as_str() == word).cloned();
        let (before, after) = match (release(&self.before), release(&self.after)) {
            (Some(before), Some(after)) => {
                (Side { snapshot: snapshot.clone(), release: Some(before) }, Side { snapshot, release: Some(after) })
            }
            (None, None) => {
                let side = |word: &str| {
                    let found = warehouse.resolve(Some(word));
                    found
                        .map(|snapshot| Side { snapshot, release: None })
                        .map_err(|error| neither(word, &id, &releases, error))
                };
                (side(&self.before)?, side(&self.after)?)
            }
            _ => {
                return Err(Error::new(
                    Kind::Usage,
                    format!("of {} and {} one is a release of {id} and the other is not", self.before, self.after),
                )
                .hint("compare two releases, or two snapshots by pin or number"));
            }
        };
        let found =
            revisions::between(&warehouse, &id, (&before, &after), &project.datasets, &project.vocabulary, self.cells)?;
        let told = Told { dataset: &id, before: &self.before, after: &self.after, revisions: &found };
        if context.json() {
            print_json(&told)?
        } else {
            tell(&told)
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The releases that a snapshot has of a dataset.
fn releases(warehouse: &Warehouse, snapshot: &Snapshot, id: &DatasetId) -> Result<Vec<Release>> {
    let Some(digest) = snapshot.datasets.get(id) else {
        return Err(Error::new(Kind::Usage, format!("snapshot {} has no {id}", snapshot.number))
            .hint("`tollhouse snapshot show` lists what it has"));
    };
    let mut releases: Vec<Release> =
        warehouse.manifest(digest)?.slices.into_iter().map(|slice| slice.release).collect();
    releases.sort();
    releases.dedup();
    Ok(releases)
}

fn neither(word: &str, id: &DatasetId, releases: &[Release], error: Error) -> Error {
    let names: Vec<&str> = releases.iter().map(Release::as_str).collect();
    let message = format!("`{word}` is neither a release of {id} nor a snapshot");
    Error::new(Kind::Usage, message).caused_by(error).hint(format!("its releases are {}", names.join(", ")))
}

fn tell(told: &Told<'_>) {
    let Told { dataset, before, after, revisions } = told;
    let rows = |class: &str| grouped(revisions.rows.get(class).copied().unwrap_or_default());
    say(&format!(
        "{dataset}, from {before} to {after}: {} rows added, {} withdrawn, {} changed, {} newly suppressed, {} un-suppressed, {} \
         relabelled, {} unchanged.",
        rows("added"),
        rows("withdrawn"),
        rows("changed"),
        rows("newly_suppressed"),
        rows("un_suppressed"),
        rows("relabelled"),
        rows("unchanged")
    ));
    if !revisions.columns.is_empty() {
        say("\nHow far columns moved, in rows that both have (later less earlier)");
        let header = ["column", "rows", "sum", "mean without sign", "largest"];
        say(&table(&header, revisions.columns.iter().map(|moved| [vec![moved.column.clone()], sizes(moved)].concat())));
    }
    if !revisions.lags.is_empty() {
        say(&format!("\nHow old the periods were, in {} before the newest", revisions.lag_unit));
        let mut classes: Vec<&str> = revisions.lags.iter().map(|lag| lag.class.as_str()).collect();
        classes.sort_unstable();
        classes.dedup();
        let mut ages: Vec<Option<i64>> = revisions.lags.iter().map(|lag| lag.lag).collect();
        ages.dedup();
        let lines = ages.into_iter().map(|age| {
            let of = |class: &&str| {
                let found = revisions.lags.iter().find(|lag| lag.lag == age && lag.class == *class);
                found.map(|lag| grouped(lag.rows)).unwrap_or_default()
            };
            let age = age.map_or_else(|| "no period".to_owned(), |age| age.to_string());
            [age].into_iter().chain(classes.iter().map(of)).collect()
        });
        let spoken: Vec<String> = classes.iter().map(|class| class.replace('_', " ")).collect();
        let header: Vec<&str> = ["age"].into_iter().chain(spoken.iter().map(String::as_str)).collect();
        say(&table(&header, lines));
    }
    tell_by_age(revisions);
    if !revisions.cells.is_empty() {
        say("\nCells that differ");
        for cell in &revisions.cells {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
            say(&match &cell.column {
                Some(column) => {
                    format!("  {}: {column} was {}, is {}", cell.key, text(&cell.before), text(&cell.after))
                }
                None => format!("  {}: {}", cell.key, cell.class.replace('_', " ")),
            });
        }
    }
}

/// How far columns of numbers moved by age.
fn tell_by_age(revisions: &revisions::Revisions) {
    if revisions.sizes.is_empty() {
        return;
    }
    say(&format!("\nHow far columns moved by that age, in {} before the newest", revisions.lag_unit));
    let mut before = "";
    let lines = revisions.sizes.iter().map(|aged| {
        let ages = match (aged.lag, aged.lag_to) {
            (Some(from), Some(to)) if from == to => from.to_string(),
            (Some(from), Some(to)) => format!("{from} to {to}"),
            _ => String::new(),
        };
        let age = match (aged.without_period, ages.is_empty()) {
            (false, _) => ages,
            (true, true) => "no period".to_owned(),
            (true, false) => format!("{ages}, no period"),
        };
        // A column's name stands once.
        let column = if before == aged.moved.column { String::new() } else { aged.moved.column.clone() };
        before = &aged.moved.column;
        [vec![column, age], sizes(&aged.moved)].concat()
    });
    say(&table(&["column", "age", "rows", "sum", "mean without sign", "largest"], lines));
}

/// In how many rows it moved, and how far.
fn sizes(moved: &revisions::Moved) -> Vec<String> {
    let text = |size: &Option<String>| match (size, moved.withheld) {
        (Some(size), _) => size.clone(),
        (None, Some(_)) => "not told".to_owned(),
        (None, None) => String::new(),
    };
    vec![grouped(moved.rows), text(&moved.sum), text(&moved.mean), text(&moved.largest)]
}
