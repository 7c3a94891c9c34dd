//! What is derived owes what its origins owe: whose data they are, under which terms, who is to be credited, and which
//! rule protects small counts.

pub(crate) mod columns;

use std::collections::{BTreeMap, BTreeSet};

use model::DatasetId;
use model::dataset::{Dataset, Disclosure};
use store::commit::{Derivation, Manifest};

/// The terms of something derived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The publishers of the data.
    pub publisher: String,
    /// Every licence; all of them hold.
    pub licence: String,
    /// Every credit that is asked for.
    pub citation: String,
    /// The strictest rule.
    pub disclosure: Disclosure,
}

impl Terms {
    /// What these datasets ask for together. One that is no longer declared asks for nothing that we know of.
    pub fn of(origins: &BTreeSet<DatasetId>, datasets: &[Dataset]) -> Self {
        let specs: Vec<_> =
            datasets.iter().filter(|known| origins.contains(&known.id)).map(|known| &known.spec).collect();
        let each_once = |words: &dyn Fn(usize) -> String| {
            let mut said: Vec<String> = Vec::new();
            for words in (0..specs.len()).map(words) {
                if !said.contains(&words) {
                    said.push(words);
                }
            }
            said.join("; ")
        };
        let strictest = [Disclosure::Cms, Disclosure::Nchs];
        Self {
            publisher: each_once(&|place| specs[place].publisher.clone()),
            licence: each_once(&|place| specs[place].licence.clone()),
            citation: each_once(&|place| specs[place].citation.clone()),
            disclosure: strictest
                .into_iter()
                .find(|rule| specs.iter().any(|spec| spec.disclosure == *rule))
                .unwrap_or(Disclosure::None),
        }
    }
}

/// The models among some manifests.
pub(crate) fn models(manifests: &[Manifest]) -> impl Iterator<Item = (&DatasetId, &Derivation)> {
    manifests.iter().filter_map(|manifest| Some((&manifest.dataset, manifest.derived.as_ref()?)))
}

/// The datasets that a dataset comes from in the end, through models of models: itself where it was not derived.
pub fn origins(manifests: &[Manifest], dataset: &DatasetId) -> BTreeSet<DatasetId> {
    let derived: BTreeMap<_, _> = models(manifests).collect();
    let mut found = BTreeSet::new();
    let mut open = vec![dataset];
    while let Some(next) = open.pop() {
        match derived.get(next) {
            // A model rests on older models only, so this ends.
            Some(derivation) => open.extend(derivation.inputs.keys()),
            None => {
                found.insert(next.clone());
            }
        }
    }
    found
}
