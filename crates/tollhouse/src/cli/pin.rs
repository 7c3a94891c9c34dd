//! `pin add`, `list`.

use std::process::ExitCode;

use clap::Subcommand;
use model::Result;

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
}

impl Command {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let warehouse = context.warehouse()?;
        match self {
            Command::Add { name, snapshot } => {
                let snapshot = warehouse.resolve(snapshot.as_deref())?;
                let pin = warehouse.add_pin(&name, snapshot.number, now())?;
                // The catalogue lists the pins too.
                let project = context.project()?;
                if let Some(head) = warehouse.head()? {
                    work::refresh_catalogue(&project, &warehouse, &head)?;
                }
                say(&format!("Pin `{}` names snapshot {}.", pin.name, pin.snapshot));
            }
            Command::List => {
                list(context.json(), &["pin", "snapshot", "made"], &warehouse.pins()?, |pin| {
                    vec![pin.name.clone(), pin.snapshot.to_string(), pin.created.to_string()]
                })?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
