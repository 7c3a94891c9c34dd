//! Pins: names for snapshots, which nothing may remove while they are there. A pin is created once and never moved; it can be taken away.

use jiff::Timestamp;
use model::{Digest, Error, Kind, Result};
use serde::{Deserialize, Serialize};

use crate::Warehouse;
use crate::file::Created;
use crate::hold::Reading;
use crate::warehouse::{FORMAT, check_format, seal, unseal};

/// A name for a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The version of this format.
    pub format: u32,
    /// Its name.
    pub name: String,
    /// The snapshot's number.
    pub snapshot: u64,
    /// The digest of that snapshot's file.
    pub sha256: Digest,
    /// When it was made.
    pub created: Timestamp,
}

impl Warehouse {
    /// Pins a snapshot that exists. Pinning the same snapshot under the same name again changes nothing.
    pub fn add_pin(&self, name: &str, snapshot: u64, now: Timestamp) -> Result<Pin> {
        let valid = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !valid {
            return Err(Error::new(Kind::Usage, format!("`{name}` is not a pin name"))
                .hint("a pin begins with a letter, and has letters, digits, `-`, `_` and `.`"));
        }
        // No collection comes between the look at the snapshot and the pin.
        let _writing = self.hold_writing()?;
        self.snapshot(snapshot)?;
        // A pin must not outlive what it names.
        self.files().settle("snapshots")?;
        let sha256 = self.snapshot_digest(snapshot)?;
        let pin = Pin { format: FORMAT, name: name.to_owned(), snapshot, sha256, created: now };
        match self.files().create(&path(name), seal(&pin)?)? {
            Created::New => Ok(pin),
            Created::Existed => {
                let existing = self.pin(name)?;
                if existing.snapshot == snapshot {
                    return Ok(existing);
                }
                Err(Error::new(
                    Kind::Usage,
                    format!("pin `{name}` already names snapshot {}, and pins do not move", existing.snapshot),
                )
                .hint("choose another name; `tollhouse pin list` shows those that there are"))
            }
        }
    }

    /// A pin by name.
    pub fn pin(&self, name: &str) -> Result<Pin> {
        let unknown = || {
            Error::new(Kind::Usage, format!("there is no pin or snapshot `{name}`"))
                .hint("`tollhouse pin list` and `tollhouse snapshot list` show those that there are")
        };
        if name.contains(['/', '\\']) {
            return Err(unknown());
        }
        self.find_pin(name)?.ok_or_else(unknown)
    }

    fn find_pin(&self, name: &str) -> Result<Option<Pin>> {
        let Some(bytes) = self.files().read(&path(name))? else { return Ok(None) };
        let pin: Pin = unseal(&path(name), &bytes)?;
        check_format(&path(name), pin.format)?;
        Ok(Some(pin))
    }

    /// Takes a pin away; the snapshot stays as long as a rule of `snapshot gc` keeps it.
    pub fn remove_pin(&self, name: &str) -> Result<Pin> {
        let _writing = self.hold_writing()?;
        let pin = self.pin(name)?;
        self.files().remove(&path(name))?;
        self.files().settle("pins")?;
        Ok(pin)
    }

    /// All pins, by name.
    pub fn pins(&self) -> Result<Vec<Pin>> {
        let names = self.files().list("pins")?;
        let names = names.iter().filter_map(|name| name.strip_suffix(".json"));
        // One may be taken away between the listing and the look at it.
        names.filter_map(|name| self.find_pin(name).transpose()).collect()
    }

    /// The snapshot that a reader means: a pin's name, a number, or the newest where nothing is said.
    /// Its files stay while what comes back lives.
    pub fn resolve(&self, at: Option<&str>) -> Result<Reading> {
        match at {
            None => loop {
                let head = self.head()?.ok_or_else(|| {
                    Error::new(Kind::Usage, "this warehouse has no snapshot yet")
                        .hint("`tollhouse run` makes the first")
                })?;
                match self.reading(head.number) {
                    // A newer one came, and this one went, since.
                    Err(_) if self.gone(head.number)?.is_some() => {}
                    reading => return reading,
                }
            },
            Some(text) => match text.parse() {
                Ok(number) => self.reading(number),
                Err(_) => self.reading(self.pin(text)?.snapshot),
            },
        }
    }
}

fn path(name: &str) -> String {
    format!("pins/{name}.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;
    use crate::commit::Staged;

    #[test]
    fn pins_name_snapshots_that_exist_and_never_move() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let warehouse = Warehouse::open_or_create(folder.path(), Origin::Replica, now).unwrap();
        assert_eq!(warehouse.add_pin("p", 1, now).unwrap_err().kind(), Kind::Usage);
        for dataset in ["a", "b"] {
            let change = Staged {
                superseded: Vec::new(),
                dataset: dataset.parse().unwrap(),
                pipeline: model::Digest::of("p"),
                tables: Vec::new(),
                slices: Vec::new(),
                base: None,
                certificates: Vec::new(),
            };
            warehouse.commit(&[change], "test", now).unwrap();
        }
        warehouse.add_pin("p", 1, now).unwrap();
        warehouse.add_pin("p", 1, now).unwrap();
        let error = warehouse.add_pin("p", 2, now).unwrap_err();
        assert!(error.to_string().contains("pins do not move"), "{error}");
        assert_eq!(warehouse.resolve(Some("p")).unwrap().number, 1);
        assert_eq!(warehouse.resolve(Some("2")).unwrap().number, 2);
        assert_eq!(warehouse.resolve(None).unwrap().number, 2);
        for bad in ["", "1st", "../x", "a b"] {
            assert!(warehouse.add_pin(bad, 1, now).is_err(), "{bad}");
        }
        assert_eq!(warehouse.pins().unwrap().len(), 1);
    }
}
