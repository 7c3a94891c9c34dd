//! `pin add`, `list`, `lock`, `check`, `remove`.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use model::{Error, Kind, Result};
use query::Session;
use query::claim::ClaimSet;
use query::pins::Lock;
use serde::Serialize;
use store::Warehouse;
use store::pin::Pin;

use super::Context;
use crate::config::now;
use crate::output::{complain, list, print_json, save, say, to_json};
use crate::project::Project;
use crate::work;

#[derive(Subcommand)]
pub enum Command {
    /// Name a snapshot; a pin does not move
    Add {
        /// The name
        name: String,
        /// The snapshot's number or another pin's name; the newest without
        #[arg(value_name = "PIN|N")]
        snapshot: Option<String>,
    },
    /// List the pins
    List,
    /// Write what the project's figures and claims read of a pin into warehouse/pins/, to be kept beside them
    Lock {
        /// The pin
        name: String,
    },
    /// Compare a pin with its lock file: whether a warehouse made again is the one that the figures were drawn from
    Check {
        /// The pin
        name: String,
    },
    /// Take a pin away; its snapshot stays as long as a rule of `snapshot gc` keeps it
    Remove {
        /// The name
        name: String,
    },
}

/// A pin in a list.
#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    Sound(Pin),
    Damaged { name: String, damaged: String },
}

#[derive(Serialize)]
struct Pinned<'a> {
    pin: &'a str,
    /// None of one that was damaged.
    snapshot: Option<u64>,
}

#[derive(Serialize)]
struct Locked<'a> {
    path: &'a Path,
    tables: usize,
}

#[derive(Serialize)]
struct Checked<'a> {
    pin: &'a str,
    tables: usize,
    differences: &'a [String],
}

impl Command {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let warehouse = context.warehouse()?;
        match self {
            Command::Add { name, snapshot } => {
                let snapshot = warehouse.resolve(snapshot.as_deref())?;
                let pin = warehouse.add_pin(&name, snapshot.number, now())?;
                let words = format!("Pin `{}` names snapshot {}.", pin.name, pin.snapshot);
                told(context, &Pinned { pin: &name, snapshot: Some(pin.snapshot) }, &words)?;
                work::renew_catalogue(&context.project()?, &warehouse, "the pin is made")?;
            }
            Command::List => show_list(context, &warehouse)?,
            Command::Lock { name } => {
                let lock = lock_of(context, &name)?;
                let path = context.project()?.lock_path(&name)?;
                save(&path, to_json(&lock)?.as_bytes())?;
                let tables = lock.datasets.len();
                let words = format!("{}: {tables} tables that figures and claims read.", path.display());
                told(context, &Locked { path: &path, tables }, &words)?;
            }
            Command::Check { name } => return check(context, &name),
            Command::Remove { name } => {
                let pin = warehouse.remove_pin(&name)?;
                let words = match &pin {
                    Some(pin) => format!("Pin `{name}` no longer keeps snapshot {}.", pin.snapshot),
                    None => format!("Pin `{name}`, which was damaged, keeps nothing any more."),
                };
                told(context, &Pinned { pin: &name, snapshot: pin.map(|pin| pin.snapshot) }, &words)?;
                work::renew_catalogue(&context.project()?, &warehouse, "the pin is removed")?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Says what was done, in words or as JSON.
fn told<T: Serialize>(context: &Context, value: &T, words: &str) -> Result<()> {
    if context.json() {
        return print_json(value);
    }
    say(words);
    Ok(())
}

fn show_list(context: &Context, warehouse: &Warehouse) -> Result<()> {
    let line = |(name, pin): (String, Result<Pin>)| match pin {
        Ok(pin) => Line::Sound(pin),
        Err(error) => Line::Damaged { name, damaged: error.to_string() },
    };
    let lines: Vec<Line> = warehouse.every_pin()?.into_iter().map(line).collect();
    list(context.json(), &["pin", "snapshot", "made"], &lines, |line| match line {
        Line::Sound(pin) => vec![pin.name.clone(), pin.snapshot.to_string(), pin.created.to_string()],
        Line::Damaged { name, .. } => vec![name.clone(), "damaged".to_owned(), String::new()],
    })?;
    complain_of_damaged(warehouse)
}

/// Names the pins that are damaged, and what to do about each.
pub fn complain_of_damaged(warehouse: &Warehouse) -> Result<()> {
    for (_, pin) in warehouse.every_pin()? {
        if let Err(error) = pin {
            complain(&error.to_string());
            error.hint_text().iter().for_each(|hint| complain(&format!("  what next: {hint}")));
        }
    }
    Ok(())
}

fn check(context: &Context, name: &str) -> Result<ExitCode> {
    let locked = context.project()?.locks()?.into_iter().find(|lock| lock.pin == name).ok_or_else(|| {
        Error::new(Kind::Usage, format!("warehouse/pins/{name}.json is not there"))
            .hint(format!("`tollhouse pin lock {name}` writes it"))
    })?;
    let differences = locked.differences(&lock_of(context, name)?);
    let tables = locked.datasets.len();
    let words = match differences.as_slice() {
        [] => format!("Pin `{name}` is what was locked: {tables} tables."),
        differences => differences.join("\n"),
    };
    told(context, &Checked { pin: name, tables, differences: &differences }, &words)?;
    Ok(ExitCode::from(u8::from(!differences.is_empty())))
}

/// How the tables of a session compare with those that a set of claims was written from, in a sentence; nothing where the set
/// names no pin, or the pin has no lock file.
pub fn compared(project: &Project, session: &Session, set: &ClaimSet) -> Result<Option<String>> {
    let Some(locked) = project.locks()?.into_iter().find(|lock| set.pin.as_ref() == Some(&lock.pin)) else {
        return Ok(None);
    };
    let differences = locked.differences(&Lock::of(session, &locked.pin, project.questions())?);
    let (pin, tables) = (&locked.pin, locked.datasets.len());
    Ok(Some(match differences.as_slice() {
        [] => format!(
            "These verdicts rest on the rows of pin `{pin}`, from which the claims were written: all {tables} tables are alike."
        ),
        differences => format!(
            "The claims were written from pin `{pin}`, and these verdicts rest on other rows: {}.",
            differences.join("; ")
        ),
    }))
}

/// What the project's questions read of a pin.
fn lock_of(context: &Context, name: &str) -> Result<Lock> {
    context.warehouse()?.pin(name)?;
    Lock::of(&context.session(Some(name))?, name, context.project()?.questions())
}
