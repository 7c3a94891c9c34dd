//! `snapshot list`, `show`, `verify`.

use std::process::ExitCode;

use clap::Subcommand;
use model::Result;
use serde::Serialize;

use super::Context;
use crate::output::{grouped, list, print_json, say, table};

#[derive(Subcommand)]
pub enum Command {
    /// List the snapshots, newest last
    List,
    /// Show one snapshot: its datasets, captures, counts and the checks it passed
    Show {
        /// A pin's name or a number; the newest without
        #[arg(value_name = "PIN|N")]
        snapshot: Option<String>,
    },
    /// Hash every file that snapshots and pins name, and say what is damaged
    Verify {
        /// Only this snapshot: a pin's name or a number
        #[arg(value_name = "PIN|N")]
        snapshot: Option<String>,
    },
}

#[derive(Serialize)]
struct Line {
    number: u64,
    parent: Option<u64>,
    created: String,
    origin: &'static str,
    program: String,
    datasets: usize,
    pins: Vec<String>,
}

impl Command {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        match self {
            Command::List => show_list(context),
            Command::Show { snapshot } => show(context, snapshot.as_deref()),
            Command::Verify { snapshot } => verify(context, snapshot.as_deref()),
        }
    }
}

fn show_list(context: &Context) -> Result<ExitCode> {
    let warehouse = context.warehouse()?;
    let pins = warehouse.pins()?;
    let mut lines = Vec::new();
    for number in warehouse.numbers()? {
        let snapshot = warehouse.snapshot(number)?;
        lines.push(Line {
            number,
            parent: snapshot.parent,
            created: snapshot.created.to_string(),
            origin: snapshot.origin.as_str(),
            program: snapshot.program,
            datasets: snapshot.datasets.len(),
            pins: pins.iter().filter(|pin| pin.snapshot == number).map(|pin| pin.name.clone()).collect(),
        });
    }
    list(context.json(), &["snapshot", "committed", "data", "datasets", "pins"], &lines, |line| {
        vec![
            line.number.to_string(),
            line.created.clone(),
            line.origin.to_owned(),
            line.datasets.to_string(),
            line.pins.join(", "),
        ]
    })?;
    Ok(ExitCode::SUCCESS)
}

fn show(context: &Context, at: Option<&str>) -> Result<ExitCode> {
    let warehouse = context.warehouse()?;
    let snapshot = warehouse.resolve(at)?;
    let manifests = snapshot.datasets.values().map(|digest| warehouse.manifest(digest)).collect::<Result<Vec<_>>>()?;
    if context.json() {
        #[derive(Serialize)]
        struct Shown<'a> {
            snapshot: &'a store::commit::Snapshot,
            manifests: &'a [store::commit::Manifest],
        }
        print_json(&Shown { snapshot: &snapshot, manifests: &manifests })?;
        return Ok(ExitCode::SUCCESS);
    }
    let parent = snapshot.parent.map_or_else(|| "none".to_owned(), |parent| parent.to_string());
    say(&format!(
        "Snapshot {} ({} data), committed {} by tollhouse {}; parent: {parent}.",
        snapshot.number,
        snapshot.origin.as_str(),
        snapshot.created,
        snapshot.program
    ));
    let rows = manifests.iter().flat_map(|manifest| {
        manifest.slices.iter().map(|slice| {
            vec![
                manifest.dataset.to_string(),
                slice.release.to_string(),
                slice.name.clone(),
                slice.grade.clone(),
                grouped(slice.counts.kept),
                slice.parts.len().to_string(),
                slice
                    .captures
                    .iter()
                    .map(|capture| capture.sha256.as_str()[..12].to_owned())
                    .collect::<Vec<_>>()
                    .join(" "),
            ]
        })
    });
    say(&table(&["dataset", "release", "slice", "source", "rows", "parts", "captures (sha256)"], rows));
    if !snapshot.gate.is_empty() {
        say("\nChecks that this commit passed:");
        for certificate in &snapshot.gate {
            say(&format!("  {} {} {}", certificate.dataset, certificate.release, certificate.slice));
            for check in &certificate.checks {
                say(&format!("    {}: {}", check.name, check.saw));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(context: &Context, at: Option<&str>) -> Result<ExitCode> {
    let warehouse = context.warehouse()?;
    let numbers = at.map(|at| warehouse.resolve(Some(at))).transpose()?.map(|snapshot| vec![snapshot.number]);
    let report = warehouse.verify(numbers.as_deref())?;
    if context.json() {
        #[derive(Serialize)]
        struct Verified<'a> {
            snapshots: u64,
            files: u64,
            bytes: u64,
            damage: &'a [String],
        }
        print_json(&Verified {
            snapshots: report.snapshots,
            files: report.files,
            bytes: report.bytes,
            damage: &report.damage,
        })?;
    } else {
        for damage in &report.damage {
            say(&format!("damaged: {damage}"));
        }
        say(&format!(
            "{} snapshots, {} files, {} bytes hashed: {}.",
            report.snapshots,
            grouped(report.files),
            grouped(report.bytes),
            match report.damage.len() {
                0 => "all as committed".to_owned(),
                1 => "1 is damaged".to_owned(),
                count => format!("{count} are damaged"),
            }
        ));
    }
    Ok(ExitCode::from(u8::from(!report.damage.is_empty())))
}
