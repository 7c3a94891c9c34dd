//! `import`: files that a person downloaded, on the same path as fetched ones.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use ingest::extract::{Slice, extractor};
use model::dataset::Dataset;
use model::{Error, Kind, Release, Result};
use store::commit::Staged;
use store::{Origin, Warehouse};

use super::Context;
use super::run::tell;
use crate::config::now;
use crate::output::print_json;
use crate::project::Project;
use crate::report;
use crate::work::{self, Summary};

#[derive(Args)]
pub struct Import {
    /// Optionally a dataset, then the files; without a dataset the content tells
    #[arg(value_name = "[DATASET] FILE", required = true)]
    words: Vec<String>,
    /// Which of the dataset's declared slices the files are, where their content does not tell
    #[arg(long, value_name = "NAME")]
    slice: Option<String>,
    /// The edition that the files are of, where their content does not tell, such as 2017Q4
    #[arg(long, value_name = "NAME")]
    release: Option<Release>,
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
            let datasets = match named {
                Some(dataset) => vec![dataset],
                None => work::recognise(&project, first)?,
            };
            for dataset in datasets {
                config.check_terms(dataset)?;
                imports.push((dataset, self.slice(&project, dataset, first)?, group));
            }
        }
        let warehouse = Warehouse::open_or_create(context.root(), Origin::Live, now())?;
        let progress = context.progress();
        let mut staged: Vec<Staged> = Vec::new();
        for (dataset, slice, group) in imports {
            let one = work::import(&project, &config, &warehouse, dataset, &slice, group, &progress)?;
            match staged.iter_mut().find(|other| other.dataset == one.dataset) {
                Some(other) => join(other, one)?,
                None => staged.push(one),
            }
        }
        let left_out = work::settle(&project, &warehouse, &mut staged)?;
        let mut summary = Summary { left_out, slices: work::summarise(&warehouse, &staged)?, ..Summary::default() };
        let finish = if self.dry_run { work::rehearse } else { work::commit };
        let failures = summary.take(finish(&project, &config, &warehouse, &staged, &work::unfenced)?);
        progress.finish();
        if context.json() {
            print_json(&summary)?;
        } else {
            tell(&summary, self.dry_run);
        }
        Ok(failures.into_iter().next().map_or(ExitCode::SUCCESS, |kind| ExitCode::from(report::exit_code(kind))))
    }

    fn slice(&self, project: &Project, dataset: &Dataset, file: &Path) -> Result<Slice> {
        let slice = match &self.slice {
            None => work::slice_of(project, dataset, file)?,
            Some(name) => {
                let slices = extractor(dataset)?.slices();
                let names: Vec<_> = slices.iter().map(|slice| slice.name.as_str()).collect();
                slices.iter().find(|slice| slice.name == *name).cloned().ok_or_else(|| {
                    Error::new(Kind::Usage, format!("{} has no slice `{name}`", dataset.id))
                        .hint(format!("its slices are {}", names.join(", ")))
                })?
            }
        };
        let Some(release) = &self.release else { return Ok(slice) };
        if let Some(declared) = slice.release.as_ref().filter(|declared| *declared != release) {
            return Err(Error::new(Kind::Usage, format!("{} is of the edition {declared}, not {release}", slice.name))
                .hint("leave --release out: the pipeline tells"));
        }
        Ok(Slice { release: Some(release.clone()), ..slice })
    }
}

/// Adds one file's slices to those of the same dataset, so that all are committed together.
fn join(to: &mut Staged, one: Staged) -> Result<()> {
    for slice in &one.slices {
        if to.slices.iter().any(|other| other.release == slice.release && other.name == slice.name) {
            return Err(Error::new(
                Kind::Usage,
                format!("two of the files hold {} {} {}", one.dataset, slice.release, slice.name),
            )
            .hint("import them one after the other if the later is to replace the earlier; nothing was committed"));
        }
    }
    to.slices.extend(one.slices);
    to.certificates.extend(one.certificates);
    Ok(())
}
