//! `probe`: has a publisher moved? Its smallest useful answer, compared with the declaration.

use std::process::ExitCode;

use clap::Args;
use model::dataset::Dataset;
use model::{Error, Kind, Result};
use serde::Serialize;
use store::{Origin, Warehouse};

use super::{Context, network};
use crate::config::now;
use crate::output::list;
use crate::project::Project;
use crate::report::exit_code;

#[derive(Args)]
pub struct Probe {
    /// The dataset; all of them without
    #[arg(value_name = "DATASET")]
    dataset: Option<String>,
    /// Ask a replica at an address on this machine instead
    #[arg(long, value_name = "BASE")]
    replica: Option<String>,
}

#[derive(Serialize)]
struct Line {
    dataset: String,
    slice: String,
    answer: &'static str,
    detail: String,
    #[serde(skip)]
    kind: Option<Kind>,
}

impl Probe {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        let datasets: Vec<&Dataset> = match &self.dataset {
            Some(id) => vec![project.dataset(id)?],
            None => project.datasets.iter().collect(),
        };
        let lines = self.ask(context, &project, &datasets)?;
        list(context.json(), &["dataset", "slice", "answer", "detail"], &lines, |line| {
            vec![line.dataset.clone(), line.slice.clone(), line.answer.to_owned(), line.detail.clone()]
        })?;
        // What has moved matters most: that somebody must mend. What could not be reached may be there tomorrow.
        let kinds: Vec<Kind> = lines.iter().filter_map(|line| line.kind).collect();
        Ok(ExitCode::from(match kinds.as_slice() {
            [] => 0,
            kinds if kinds.iter().all(|kind| *kind == Kind::Unreachable) => exit_code(Kind::Unreachable),
            _ => 1,
        }))
    }

    /// Nothing of a probe is kept: its captures go to a folder that vanishes.
    fn ask(&self, context: &Context, project: &Project, datasets: &[&Dataset]) -> Result<Vec<Line>> {
        let config = context.config()?;
        let folder = tempfile::tempdir()
            .map_err(|cause| Error::new(Kind::Io, "cannot make a temporary folder").caused_by(cause))?;
        let origin = if self.replica.is_some() { Origin::Replica } else { Origin::Live };
        let warehouse = Warehouse::open_or_create(folder.path(), origin, now())?;
        let (runtime, engine) = network(project, &config, &warehouse, datasets, self.replica.as_deref())?;
        let mut lines = Vec::new();
        for dataset in datasets {
            let needs_person = self.replica.is_none() && config.needs_person(dataset)?;
            let extractor = ingest::extract::extractor(dataset)?;
            for slice in extractor.slices() {
                let mut line = Line {
                    dataset: dataset.id.to_string(),
                    slice: slice.name.clone(),
                    answer: "needs a person",
                    detail: "the publisher serves it only through a form".to_owned(),
                    kind: None,
                };
                if !needs_person {
                    let probe = ingest::probe::probe(dataset, &project.vocabulary, extractor.as_ref(), &slice, &engine);
                    (line.answer, line.detail) = match runtime.block_on(probe) {
                        Ok(saw) => ("as declared", saw),
                        Err(error) => {
                            line.kind = Some(error.kind());
                            (answer(error.kind()), reason(&error))
                        }
                    };
                }
                lines.push(line);
            }
        }
        Ok(lines)
    }
}

fn answer(kind: Kind) -> &'static str {
    match kind {
        Kind::Unreachable => "unreachable",
        Kind::Refused => "refused",
        Kind::NotData => "not the data",
        Kind::Changed => "changed",
        _ => "failed",
    }
}

/// The error and what lies deepest below it: of a name that does not resolve, that is the part that tells.
fn reason(error: &Error) -> String {
    use std::error::Error as _;
    let mut deepest = error.source();
    while let Some(below) = deepest.and_then(std::error::Error::source) {
        deepest = Some(below);
    }
    deepest.map_or_else(|| error.to_string(), |cause| format!("{error} ({cause})"))
}
