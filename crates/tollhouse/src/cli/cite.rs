//! `cite`: whom to credit.

use std::process::ExitCode;

use clap::Args;
use model::Result;
use query::bundle::{Credit, citation, credits};
use serde::Serialize;

use super::snapshot::name_of;
use super::{At, Context};
use crate::output::{print_json, say};

#[derive(Args)]
pub struct Cite {
    /// A pin's name or a snapshot's number; the newest snapshot without
    #[arg(value_name = "PIN|N", conflicts_with = "at")]
    snapshot: Option<String>,
    #[command(flatten)]
    at: At,
}

#[derive(Serialize)]
struct Cited {
    name: String,
    snapshot: u64,
    committed: String,
    /// All of it as text, in Markdown.
    citation: String,
    credits: Vec<Credit>,
}

impl Cite {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        let warehouse = context.warehouse()?;
        let asked = self.at.or(self.snapshot);
        let snapshot = warehouse.resolve(asked.as_deref())?;
        let manifests =
            snapshot.datasets.values().map(|digest| warehouse.manifest(digest)).collect::<Result<Vec<_>>>()?;
        let name = name_of(asked.as_deref(), &snapshot);
        let citation = citation(&name, &snapshot, &manifests, &project.datasets);
        if context.json() {
            let credits = credits(&manifests, &project.datasets);
            let (snapshot, committed) = (snapshot.number, snapshot.created.to_string());
            print_json(&Cited { name, snapshot, committed, citation, credits })?;
        } else {
            say(citation.trim_end());
        }
        Ok(ExitCode::SUCCESS)
    }
}
