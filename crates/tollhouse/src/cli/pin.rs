//! `pin add`, `list`, `remove`.

use std::process::ExitCode;

use clap::Subcommand;
use model::Result;
use store::Warehouse;

use super::Context;
use crate::config::now;
use crate::output::{list, say};
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
            Command::Remove { name } => {
                let pin = warehouse.remove_pin(&name)?;
                refresh(context, &warehouse)?;
                say(&format!("Pin `{}` no longer keeps snapshot {}.", pin.name, pin.snapshot));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The catalogue lists the pins too.
fn refresh(context: &Context, warehouse: &Warehouse) -> Result<()> {
    match warehouse.head()? {
        Some(head) => work::refresh_catalogue(&context.project()?, warehouse, &head),
        None => Ok(()),
    }
}
