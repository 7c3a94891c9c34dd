//! Licences as programs want them: a name that the Open Definition knows where there is one, and a place to read it.

use model::dataset::Dataset;
use serde_json::{Value, json};
use store::commit::Manifest;

use crate::lineage;

/// A licence, or the terms that stand for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Licence {
    /// Its name in the Open Definition's list.
    pub(super) name: Option<&'static str>,
    /// The words of the declaration.
    pub(super) title: String,
    /// Where it can be read: an address, or a file of the bundle.
    pub(super) path: &'static str,
}

impl Licence {
    /// What a declaration says of a licence. Terms that are more than a licence are told in the bundle's notice.
    fn of(words: &str) -> Self {
        let (name, path) = if words.starts_with("ODbL 1.0") {
            (Some("ODbL-1.0"), "https://opendatacommons.org/licenses/odbl/1-0/")
        } else if words == "U.S. Government work" || words == "U.S. Government work (17 U.S.C. 105)" {
            (Some("other-pd"), "https://www.usa.gov/government-works")
        } else {
            (None, "NOTICE")
        };
        Self { name, title: words.to_owned(), path }
    }

    /// Those of what a manifest comes from in the end, each once.
    pub(super) fn of_manifest(manifests: &[Manifest], manifest: &Manifest, datasets: &[Dataset]) -> Vec<Self> {
        let origins = lineage::origins(manifests, &manifest.dataset);
        let words = datasets.iter().filter(|dataset| origins.contains(&dataset.id));
        let found = each_once(words.map(|dataset| Self::of(&dataset.spec.licence)));
        // What is no longer declared: its terms are not known here.
        if found.is_empty() { vec![Self::of("terms not known: its declaration is not there any more")] } else { found }
    }

    /// Those of a whole snapshot, each once.
    pub(super) fn of_all(manifests: &[Manifest], datasets: &[Dataset]) -> Vec<Self> {
        each_once(manifests.iter().flat_map(|manifest| Self::of_manifest(manifests, manifest, datasets)))
    }

    /// As a data package has it.
    pub(super) fn in_package(&self) -> Value {
        match self.name {
            Some(name) => json!({ "name": name, "title": self.title, "path": self.path }),
            None => json!({ "title": self.title, "path": self.path }),
        }
    }
}

fn each_once(licences: impl Iterator<Item = Licence>) -> Vec<Licence> {
    let mut found: Vec<Licence> = Vec::new();
    for licence in licences {
        if !found.contains(&licence) {
            found.push(licence);
        }
    }
    found
}
