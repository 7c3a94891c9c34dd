//! `cite`: whom to credit.

use std::process::ExitCode;

use clap::Args;
use model::Result;
use query::bundle::citation;

use super::Context;
use super::snapshot::name_of;
use crate::output::say;

#[derive(Args)]
pub struct Cite {
    /// A pin's name or a snapshot's number; the newest snapshot without
    #[arg(value_name = "PIN|N")]
    snapshot: Option<String>,
}

impl Cite {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        let warehouse = context.warehouse()?;
        let snapshot = warehouse.resolve(self.snapshot.as_deref())?;
        let manifests =
            snapshot.datasets.values().map(|digest| warehouse.manifest(digest)).collect::<Result<Vec<_>>>()?;
        let name = name_of(self.snapshot.as_deref(), &snapshot);
        say(citation(&name, &snapshot, &manifests, &project.datasets).trim_end());
        Ok(ExitCode::SUCCESS)
    }
}
