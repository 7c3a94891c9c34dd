//! `figure verify`: draws figures again and says what differs from the files that lie there, down to the number.

use std::path::Path;
use std::process::ExitCode;

use model::{Error, Kind, Result, ResultExt as _};
use query::figures::{Move, Spec, moved};
use query::{Receipt, Session};
use serde::Serialize;

use super::{Context, ENDINGS, RECEIPT, files};
use crate::output::{print_json, say};

/// What was found of one figure.
#[derive(Serialize)]
struct Found {
    figure: String,
    /// From which snapshot it was drawn, by its receipt.
    drawn_from: u64,
    /// From which it was drawn again.
    snapshot: u64,
    /// Whether every file is the same, byte for byte.
    same: bool,
    /// The numbers and words that are others.
    moved: Vec<Move>,
    /// The files that are others, or that are not there.
    files: Vec<String>,
}

/// Verifies the chosen figures. One that was never drawn is passed over, unless it was asked for by name.
pub fn run(context: &Context, chosen: &[&Spec], by_name: bool, folder: &Path, at: Option<&str>) -> Result<ExitCode> {
    let mut all = Vec::new();
    for spec in chosen {
        let Some(receipt) = receipt(folder, spec)? else {
            if by_name {
                return Err(never_drawn(&spec.id, folder));
            }
            continue;
        };
        let found = verify(context, spec, &receipt, folder, at)?;
        if !context.json() {
            tell(&found);
        }
        all.push(found);
    }
    if all.is_empty() {
        return Err(never_drawn("any", folder));
    }
    if context.json() {
        print_json(&all)?;
    }
    Ok(ExitCode::from(u8::from(all.iter().any(|found| !found.same))))
}

fn never_drawn(figure: &str, folder: &Path) -> Error {
    Error::new(Kind::Usage, format!("{} has no receipt of the figure `{figure}`", folder.display()))
        .hint("`tollhouse figure build` draws figures; --folder says where they lie")
}

fn receipt(folder: &Path, spec: &Spec) -> Result<Option<Receipt>> {
    let path = folder.join(format!("{}.{RECEIPT}", spec.id));
    let cannot = || format!("cannot read {}", path.display());
    match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        read => serde_json::from_slice(&read.or_error(Kind::Io, cannot())?).or_error(Kind::Usage, cannot()).map(Some),
    }
}

fn verify(context: &Context, spec: &Spec, receipt: &Receipt, folder: &Path, at: Option<&str>) -> Result<Found> {
    let session = match at {
        Some(_) => context.session(at)?,
        None => {
            let (project, warehouse) = (context.project()?, context.warehouse()?);
            let reading = warehouse.reading(receipt.snapshot).map_err(|error| {
                let what = format!("figure `{}` was drawn from snapshot {}", spec.id, receipt.snapshot);
                error.while_doing(what)
            })?;
            Session::open(&warehouse, reading, &project.datasets, &project.vocabulary)?
        }
    };
    let again = files(query::figures::build(&session, spec)?)?;
    let mut found = Found {
        figure: spec.id.clone(),
        drawn_from: receipt.snapshot,
        snapshot: session.snapshot(),
        same: true,
        moved: Vec::new(),
        files: Vec::new(),
    };
    for (ending, (name, bytes)) in ENDINGS.iter().zip(&again) {
        // Of another snapshot the receipt says so, and nothing more.
        if *ending == RECEIPT && session.snapshot() != receipt.snapshot {
            continue;
        }
        let path = folder.join(name);
        match std::fs::read(&path) {
            Ok(before) if before == *bytes => {}
            Ok(before) => {
                found.files.push(name.clone());
                if *ending == "csv" {
                    found.moved = moved(&spec.chart.key(), &before, bytes)
                        .map_err(|error| error.while_doing(format!("reading {}", path.display())))?;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                found.files.push(format!("{name} (not there)"));
            }
            Err(error) => return Err(error).or_error(Kind::Io, format!("cannot read {}", path.display())),
        }
    }
    found.same = found.files.is_empty();
    Ok(found)
}

fn tell(found: &Found) {
    let Found { figure, drawn_from, snapshot, .. } = found;
    if found.same {
        let origin = if drawn_from == snapshot { "" } else { ", which gives the same numbers" };
        say(&format!("{figure}: the same, byte for byte, from snapshot {snapshot}{origin}"));
        return;
    }
    say(&format!("{figure}: differs; drawn from snapshot {drawn_from}, again from snapshot {snapshot}"));
    for each in &found.moved {
        say(&format!("  {each}"));
    }
    if found.moved.is_empty() {
        say("  no number moved: the declaration or the program is another, or a file was changed");
    }
    say(&format!("  other files: {}", found.files.join(", ")));
}
