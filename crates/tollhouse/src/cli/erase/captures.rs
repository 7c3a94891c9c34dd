//! Those who read captures, for an erasure: what they say of persons, and whose one is that no snapshot names.

use std::collections::BTreeSet;

use ingest::extract::{Page, Slice, extractor};
use ingest::{content, replay};
use model::dataset::Dataset;
use model::{DatasetId, Kind, Result};
use query::erase::{Captures, Whose};
use store::Warehouse;
use store::erasure::Unnamed;
use store::restricted::Take;

use crate::project::Project;

/// The extractors of a project, beside the dataset from which something is erased.
pub struct Readers<'a> {
    project: &'a Project,
    warehouse: &'a Warehouse,
    /// None where it is no longer declared: then nothing tells what is its.
    dataset: Option<&'a Dataset>,
    /// The addresses from which it is fetched, without their queries.
    own: BTreeSet<String>,
    /// Those of all other datasets.
    others: BTreeSet<String>,
    /// Whether what nothing tells is taken to be its.
    unknown: bool,
}

impl<'a> Readers<'a> {
    pub fn new(project: &'a Project, warehouse: &'a Warehouse, dataset: &DatasetId, unknown: bool) -> Result<Self> {
        let mut readers = Self {
            project,
            warehouse,
            dataset: project.datasets.iter().find(|known| known.id == *dataset),
            own: BTreeSet::new(),
            others: BTreeSet::new(),
            unknown,
        };
        for known in &project.datasets {
            let addresses = extractor(known)?.slices().into_iter().map(|slice| place(&slice.url));
            if known.id == *dataset { &mut readers.own } else { &mut readers.others }.extend(addresses);
        }
        Ok(readers)
    }

    /// Whose a capture is, if anything tells.
    fn told(&self, capture: &Unnamed) -> Result<Whose> {
        // What somebody called a file of his tells nothing.
        let fetched = capture.exchanges.iter().filter(|exchange| exchange.via != "import");
        let addresses: Vec<String> = fetched.map(|exchange| place(&exchange.url)).collect();
        if addresses.iter().any(|address| self.own.contains(address)) {
            return Ok(Whose::Ours);
        }
        if addresses.iter().any(|address| self.others.contains(address)) {
            return Ok(Whose::Others);
        }
        let page = self.page(capture);
        if let Some(dataset) = self.dataset
            && accepts(dataset, &page)?
        {
            return Ok(Whose::Ours);
        }
        for other in self.project.datasets.iter().filter(|known| Some(&known.id) != self.dataset.map(|own| &own.id)) {
            if accepts(other, &page)? {
                return Ok(Whose::Others);
            }
        }
        Ok(Whose::Unknown)
    }

    fn page(&self, capture: &Unnamed) -> Page {
        let url = capture.exchanges.first().map(|exchange| exchange.url.clone()).unwrap_or_default();
        let headers = capture.exchanges.first().map(|exchange| exchange.headers.clone()).unwrap_or_default();
        let (archive, digest) = (self.warehouse.archive(), capture.sha256.clone());
        Page::new(url, headers, digest.clone(), move || archive.open(&digest).map_err(std::io::Error::other))
    }
}

impl Captures for Readers<'_> {
    fn persons(&self, slice: &store::commit::Slice, take: Take<'_>) -> Result<()> {
        match self.dataset {
            Some(dataset) => replay::persons(self.warehouse, dataset, &self.project.vocabulary, slice, take),
            None => Ok(()),
        }
    }

    fn whose(&self, capture: &Unnamed) -> Result<Whose> {
        Ok(match self.told(capture)? {
            Whose::Unknown if self.unknown => Whose::Ours,
            told => told,
        })
    }
}

/// An address without its query: the pages of one table differ in that.
fn place(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or(url).to_owned()
}

/// Whether a dataset accepts a file by its beginning and its headers, as any of its slices.
fn accepts(dataset: &Dataset, page: &Page) -> Result<bool> {
    let extractor = extractor(dataset)?;
    if extractor.misfit(page).ok().flatten().is_some_and(|misfit| !misfit.differences.is_empty()) {
        return Ok(false);
    }
    let mut slices = match extractor.recognise(page) {
        Ok(Some(slice)) => vec![slice],
        Ok(None) => extractor.slices(),
        Err(error) if error.kind() == Kind::Io => return Err(error),
        Err(_) => return Ok(false),
    };
    if slices.is_empty() {
        slices.push(Slice::new("import", String::new()));
    }
    for slice in slices {
        let promises = |expect| content::promises(dataset, extractor.as_ref(), &slice, page, expect);
        match content::importable(extractor.as_ref(), &slice).and_then(promises) {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() == Kind::Io => return Err(error),
            Err(_) => {}
        }
    }
    Ok(false)
}
