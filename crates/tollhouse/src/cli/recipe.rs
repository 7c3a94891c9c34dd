//! `recipe`: what a person enters in a publisher's form.

use std::process::ExitCode;

use clap::Subcommand;
use ingest::extract::extractor;
use model::{Error, Kind, Result};
use serde::Serialize;

use super::Context;
use crate::output::{list, print_json, say};

#[derive(Subcommand)]
pub enum Command {
    /// List the datasets that have one
    List,
    /// Print exactly what to enter, so that the file can be imported
    Show {
        /// The dataset
        id: String,
    },
}

#[derive(Serialize)]
struct Line {
    dataset: String,
    title: String,
}

#[derive(Serialize)]
struct Shown {
    dataset: String,
    recipe: String,
}

impl Command {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        match self {
            Command::List => {
                let mut lines = Vec::new();
                for dataset in &project.datasets {
                    if extractor(dataset)?.recipe().is_some() {
                        lines.push(Line { dataset: dataset.id.to_string(), title: dataset.spec.title.clone() });
                    }
                }
                list(context.json(), &["dataset", "what it is"], &lines, |line| {
                    vec![line.dataset.clone(), line.title.clone()]
                })?;
            }
            Command::Show { id } => {
                let dataset = project.dataset(&id)?;
                let recipe = extractor(dataset)?.recipe().ok_or_else(|| {
                    Error::new(Kind::Usage, format!("{id} has no recipe: a program fetches it"))
                        .hint(format!("`tollhouse run {id}` fetches it; `tollhouse recipe list` names those with one"))
                })?;
                if context.json() {
                    print_json(&Shown { dataset: id, recipe })?;
                } else {
                    say(&format!("{id}: {}\n\n{recipe}", dataset.spec.title));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
