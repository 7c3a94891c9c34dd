//! Lock files of pins: what the project's own figures and claims read, told so small that it is kept beside them.
//!
//! `warehouse/pins/<pin>.json` holds a digest of the rows of every table that they read. Whoever makes the warehouse again, on any
//! machine, learns by it whether it is the one that the figures were drawn from, and which dataset is not.

use std::collections::{BTreeMap, BTreeSet};

use model::{DatasetId, Digest, Error, Kind, Result, ResultExt as _};
use serde::{Deserialize, Serialize};
use store::commit::Manifest;

use crate::Session;

/// A lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The version of this format.
    pub format: u32,
    /// The pin.
    pub pin: String,
    /// Whether its data are real: `live` or `replica`.
    pub origin: String,
    /// The datasets and models that the project's figures and claims read, each with the digest of its columns and rows.
    pub datasets: BTreeMap<DatasetId, Digest>,
}

impl Lock {
    /// What these questions read of a session's snapshot. A dataset that is not loaded is not among it.
    pub fn of<'a>(session: &Session, pin: &str, questions: impl Iterator<Item = &'a str>) -> Result<Self> {
        let mut read = BTreeSet::new();
        for sql in questions {
            read.extend(session.touched(sql)?);
        }
        let held = session.manifests().iter().filter(|manifest| read.contains(&manifest.dataset));
        Ok(Self {
            format: 1,
            pin: pin.to_owned(),
            origin: session.origin().as_str().to_owned(),
            datasets: held.map(|manifest| (manifest.dataset.clone(), rows_of(manifest))).collect(),
        })
    }

    /// Reads a lock file.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let file = || format!("warehouse/pins/{name}.json cannot be read");
        let lock: Self = serde_json::from_str(text).or_error(Kind::Usage, file())?;
        if lock.format == 1 && lock.pin == name {
            return Ok(lock);
        }
        Err(Error::new(Kind::Usage, file())
            .hint("it is of another pin, or of a newer program; `tollhouse pin lock` writes it"))
    }

    /// Each dataset in which another lock differs, with what is wrong with it.
    pub fn differences(&self, found: &Self) -> Vec<String> {
        let every: BTreeSet<&DatasetId> = self.datasets.keys().chain(found.datasets.keys()).collect();
        let wrong = |id: &&DatasetId| match (self.datasets.get(*id), found.datasets.get(*id)) {
            (Some(locked), Some(held)) if locked == held => None,
            (Some(_), Some(_)) => Some(format!("{id} has other rows")),
            (Some(_), None) => Some(format!("{id} is not there")),
            (None, _) => Some(format!("{id} is read, and not locked")),
        };
        let origin = format!("the data are {}, and {} were locked", found.origin, self.origin);
        let origin = (self.origin != found.origin).then_some(origin);
        origin.into_iter().chain(every.iter().filter_map(wrong)).collect()
    }
}

/// The digest of what a dataset says: its parts' columns and rows, whatever bytes they have.
fn rows_of(manifest: &Manifest) -> Digest {
    let mut told: Vec<String> = manifest
        .slices
        .iter()
        .flat_map(|slice| slice.parts.iter().map(move |part| (slice, part)))
        .map(|(slice, part)| {
            let year = part.year.map(|year| year.to_string()).unwrap_or_default();
            let content = part.content.as_ref().unwrap_or(&part.sha256);
            format!("{}\t{}\t{}\t{year}\t{content}\n", part.table, slice.release, slice.name)
        })
        .collect();
    told.sort();
    Digest::of(told.concat())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::testing::Tiny;

    #[test]
    fn the_same_rows_lock_alike_in_any_warehouse_and_others_are_named() {
        let questions = ["SELECT count(*) FROM cities", "SELECT sum(deaths) FROM history.nation"];
        let lock = |tiny: &Tiny| Lock::of(&tiny.session(), "p", questions.into_iter()).unwrap();
        let (one, two) = (Tiny::new(), Tiny::new());
        one.commit("cities", "r1", "city,year,murder\nSalem,2014,2");
        one.commit("nation", "r1", "year,deaths\n2014,100");
        two.commit("nation", "r1", "year,deaths\n2014,100");
        assert_eq!(lock(&one).differences(&lock(&two)), ["cities is not there"]);
        two.commit("deaths", "r1", "state_fips,year,deaths\n01,2014,70");
        two.commit("cities", "r1", "city,year,murder\nSalem,2014,2");
        assert_eq!(lock(&one), lock(&two));
        two.warehouse.add_pin("p", 4, Timestamp::UNIX_EPOCH).unwrap_err();
        two.commit("cities", "r1", "city,year,murder\nSalem,2014,3");
        assert_eq!(lock(&one).differences(&lock(&two)), ["cities has other rows"]);
        let text = serde_json::to_string(&lock(&one)).unwrap();
        assert_eq!(Lock::parse("p", &text).unwrap(), lock(&one));
        assert!(Lock::parse("q", &text).is_err());
    }
}
