//! `pin add`, `list`, `lock`, `check`, `remove`.

use std::process::ExitCode;

use clap::Subcommand;
use model::{Error, Kind, Result};
use query::pins::Lock;
use store::Warehouse;

use super::Context;
use crate::config::now;
use crate::output::{list, save, say, to_json};
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

impl Command {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let warehouse = context.warehouse()?;
        match self {
            Command::Add { name, snapshot } => {
                let snapshot = warehouse.resolve(snapshot.as_deref())?;
                let pin = warehouse.add_pin(&name, snapshot.number, now())?;
                refresh(context, &warehouse)?;
                say(&format!("Pin `{}` names snapshot {}.", pin.name, pin.snapshot));
            }
            Command::List => {
                list(context.json(), &["pin", "snapshot", "made"], &warehouse.pins()?, |pin| {
                    vec![pin.name.clone(), pin.snapshot.to_string(), pin.created.to_string()]
                })?;
            }
            Command::Lock { name } => {
                let lock = lock_of(context, &name)?;
                let path = context.project()?.lock_path(&name)?;
                save(&path, to_json(&lock)?.as_bytes())?;
                say(&format!("{}: {} tables that figures and claims read.", path.display(), lock.datasets.len()));
            }
            Command::Check { name } => {
                let project = context.project()?;
                let locked = project.locks()?.into_iter().find(|lock| lock.pin == name).ok_or_else(|| {
                    Error::new(Kind::Usage, format!("warehouse/pins/{name}.json is not there"))
                        .hint(format!("`tollhouse pin lock {name}` writes it"))
                })?;
                let differences = locked.differences(&lock_of(context, &name)?);
                differences.iter().for_each(|difference| say(difference));
                if differences.is_empty() {
                    say(&format!("Pin `{name}` is what was locked: {} tables.", locked.datasets.len()));
                }
                return Ok(ExitCode::from(u8::from(!differences.is_empty())));
            }
            Command::Remove { name } => {
                let pin = warehouse.remove_pin(&name)?;
                refresh(context, &warehouse)?;
                say(&format!("Pin `{}` no longer keeps snapshot {}.", pin.name, pin.snapshot));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What the project's questions read of a pin.
fn lock_of(context: &Context, name: &str) -> Result<Lock> {
    context.warehouse()?.pin(name)?;
    Lock::of(&context.session(Some(name))?, name, context.project()?.questions())
}

/// The catalogue lists the pins too.
fn refresh(context: &Context, warehouse: &Warehouse) -> Result<()> {
    match warehouse.head()? {
        Some(head) => work::refresh_catalogue(&context.project()?, warehouse, &head),
        None => Ok(()),
    }
}
