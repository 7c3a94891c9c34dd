//! The daemon's jobs: one for each dataset that a program can fetch, and a few of the warehouse's own.

use std::collections::BTreeSet;

use model::dataset::Dataset;
use model::{Error, Kind, Result};

use super::core::{GC, Job, PUBLISH, VERIFY};
use crate::config::{Config, hosts};
use crate::project::Project;
use crate::work::is_fetched;

/// The jobs that follow from the declarations and the configuration; against a replica, which serves everything, all of them.
///
/// Left out are datasets whose publisher serves them only to a person, and those whose terms the operator has not accepted.
///
/// Errors: [`Kind::Usage`] for a schedule of a dataset that there is not.
pub fn of(project: &Project, config: &Config, replica: bool) -> Result<Vec<Job>> {
    if let Some(odd) = config.schedules.keys().find(|name| project.dataset(name).is_err()) {
        return Err(Error::new(Kind::Usage, format!("[schedules.{odd}] is of no dataset"))
            .hint("`tollhouse datasets` lists them; tollhouse.toml names a schedule by its dataset"));
    }
    let mut jobs = Vec::new();
    for dataset in &project.datasets {
        let served = replica || !config.needs_person(dataset)? && config.check_terms(dataset).is_ok();
        if is_fetched(dataset)? && served {
            jobs.push(job(config, dataset)?);
        }
    }
    let own = |name: &str, schedule| Job { name: name.to_owned(), schedule, host: None, hosts: BTreeSet::new() };
    jobs.push(own(PUBLISH, None));
    jobs.push(own(VERIFY, config.daemon.verify.clone()));
    jobs.extend(config.daemon.gc.clone().map(|schedule| own(GC, Some(schedule))));
    Ok(jobs)
}

fn job(config: &Config, dataset: &Dataset) -> Result<Job> {
    let slices = ingest::extract::extractor(dataset)?.slices();
    let host = slices.first().and_then(|slice| slice.url.split("//").nth(1)).and_then(|rest| rest.split('/').next());
    Ok(Job {
        name: dataset.id.to_string(),
        schedule: Some(config.schedule(dataset)),
        host: host.map(ToOwned::to_owned),
        hosts: hosts(&[dataset])?,
    })
}
