//! `import`: files that a person downloaded, on the same path as fetched ones.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use ingest::extract::{Slice, extractor};
use model::dataset::Dataset;
use model::{Error, Kind, Result};
use store::{Origin, Warehouse};

use super::Context;
use super::run::tell;
use crate::config::now;
use crate::output::print_json;
use crate::work::{self, Summary};

#[derive(Args)]
pub struct Import {
    /// Optionally a dataset, then the files; without a dataset the content tells
    #[arg(value_name = "[DATASET] FILE", required = true)]
    words: Vec<String>,
    /// Which of the dataset's declared slices the files are, where their content does not tell
    #[arg(long, value_name = "NAME")]
    slice: Option<String>,
    /// The files are pages of one table, in this order, instead of a table each
    #[arg(long)]
    pages: bool,
    /// Check the files, commit nothing, and say what would change
    #[arg(long)]
    dry_run: bool,
}

impl Import {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        let config = context.config()?;
        let (named, files) = match self.words.split_first() {
            Some((first, rest)) if !rest.is_empty() && project.dataset(first).is_ok() => {
                (Some(project.dataset(first)?), rest)
            }
            _ => (None, self.words.as_slice()),
        };
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        let groups: Vec<Vec<PathBuf>> =
            if self.pages { vec![files] } else { files.into_iter().map(|file| vec![file]).collect() };

        // Everything is looked at before a warehouse is touched or made.
        let mut imports = Vec::new();
        for group in &groups {
            let Some(first) = group.first() else { continue };
            let dataset = match named {
                Some(dataset) => dataset,
                None => work::recognise(&project, first)?,
            };
            config.check_terms(dataset)?;
            imports.push((dataset, self.slice(dataset)?, group));
        }
        let warehouse = Warehouse::open_or_create(context.root(), Origin::Live, now())?;
        let progress = context.progress();
        let mut summary = Summary::default();
        for (dataset, slice, group) in imports {
            let staged = work::import(&project, &warehouse, dataset, slice, group, &progress)?;
            let staged = [staged];
            summary.slices.extend(work::summarise(&warehouse, &staged)?);
            if !self.dry_run
                && let Some(snapshot) = work::commit(&project, &warehouse, &staged)?
            {
                summary.snapshot = Some(snapshot.number);
            }
        }
        progress.finish();
        if context.json() {
            print_json(&summary)?;
        } else {
            tell(&summary, self.dry_run);
        }
        Ok(ExitCode::SUCCESS)
    }

    fn slice(&self, dataset: &Dataset) -> Result<Slice> {
        let slices = extractor(dataset)?.slices();
        let names = || slices.iter().map(|slice| slice.name.as_str()).collect::<Vec<_>>().join(", ");
        match &self.slice {
            Some(name) => slices.iter().find(|slice| slice.name == *name).cloned().ok_or_else(|| {
                Error::new(Kind::Usage, format!("{} has no slice `{name}`", dataset.id))
                    .hint(format!("its slices are {}", names()))
            }),
            None => match slices.as_slice() {
                [only] => Ok(only.clone()),
                // Where no declared file names an edition, the content does, and any of them will do.
                several if several.iter().all(|slice| slice.release.is_none()) => Ok(several[0].clone()),
                _ => Err(Error::new(Kind::Usage, format!("which slice of {} is it?", dataset.id))
                    .hint(format!("say --slice with one of {}", names()))),
            },
        }
    }
}
