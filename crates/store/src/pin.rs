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
        match self.files().create(&pin_path(name), seal(&pin)?)? {
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
        let path = pin_path(name);
        let Some(bytes) = self.files().read(&path)? else { return Ok(None) };
        let again =
            || format!("`tollhouse pin remove {name}` takes it away; `tollhouse pin add {name} N` makes it again");
        let pin: Pin = unseal(&path, &bytes).map_err(|error| match error.kind() {
            Kind::Damaged => error.hint(again()),
            _ => error,
        })?;
        check_format(&path, pin.format)?;
        if pin.name == name {
            return Ok(Some(pin));
        }
        Err(Error::new(Kind::Damaged, format!("{path} is damaged: it is of the pin `{}`", pin.name)).hint(again()))
    }

    /// Takes a pin away; the snapshot stays as long as a rule of `snapshot gc` keeps it. What it was comes back, unless it was
    /// damaged.
    pub fn remove_pin(&self, name: &str) -> Result<Option<Pin>> {
        let _writing = self.hold_writing()?;
        let pin = match self.pin(name) {
            Err(error) if error.kind() == Kind::Damaged => None,
            pin => Some(pin?),
        };
        self.files().remove(&pin_path(name))?;
        self.files().settle("pins")?;
        Ok(pin)
    }

    /// All pins that can be read, by name. Of one that is damaged it is not known what it keeps: whoever removes anything asks
    /// [`Self::every_pin`].
    pub fn pins(&self) -> Result<Vec<Pin>> {
        Ok(self.every_pin()?.into_iter().filter_map(|(_, pin)| pin.ok()).collect())
    }

    /// All pins, by name, the damaged ones with what is wrong with them.
    pub fn every_pin(&self) -> Result<Vec<(String, Result<Pin>)>> {
        let mut found = Vec::new();
        for name in self.files().list("pins")? {
            let Some(name) = name.strip_suffix(".json") else { continue };
            match self.find_pin(name) {
                Err(error) if error.kind() == Kind::Io => return Err(error),
                // One may be taken away between the listing and the look at it.
                pin => found.extend(pin.transpose().map(|pin| (name.to_owned(), pin))),
            }
        }
        Ok(found)
    }

    /// The snapshot that the text of a damaged pin seems to name: a hint for people, and nothing to rest on.
    pub fn pin_seems_to_name(&self, name: &str) -> Option<u64> {
        let bytes = self.files().read(&pin_path(name)).ok().flatten()?;
        let text = String::from_utf8_lossy(&bytes);
        let (_, after) = text.split_once("\"snapshot\": ")?;
        after.split(',').next()?.trim().parse().ok().filter(|number| self.snapshot(*number).is_ok())
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

/// Where a pin lies.
pub fn pin_path(name: &str) -> String {
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

    #[test]
    fn a_damaged_pin_is_told_of_hinders_no_other_and_can_be_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let warehouse = Warehouse::open_or_create(folder.path(), Origin::Replica, now).unwrap();
        let change = Staged {
            superseded: Vec::new(),
            dataset: "a".parse().unwrap(),
            pipeline: model::Digest::of("p"),
            tables: Vec::new(),
            slices: Vec::new(),
            base: None,
            certificates: Vec::new(),
        };
        warehouse.commit(&[change], "test", now).unwrap();
        warehouse.add_pin("p", 1, now).unwrap();
        warehouse.add_pin("q", 1, now).unwrap();
        let file = folder.path().join("pins/p.json");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("1970", "1971")).unwrap();
        // A copy under another name is no pin of that name.
        std::fs::copy(folder.path().join("pins/q.json"), folder.path().join("pins/r.json")).unwrap();
        let names: Vec<String> = warehouse.pins().unwrap().into_iter().map(|pin| pin.name).collect();
        assert_eq!(names, ["q"]);
        let damaged = warehouse.every_pin().unwrap().into_iter().filter(|(_, pin)| pin.is_err());
        assert_eq!(damaged.map(|(name, _)| name).collect::<Vec<_>>(), ["p", "r"]);
        assert_eq!(warehouse.pin_seems_to_name("p"), Some(1));
        assert_eq!(warehouse.resolve(Some("p")).err().unwrap().kind(), Kind::Damaged);
        let refused = warehouse.gc(&crate::gc::Rules::default(), true, now).unwrap_err();
        assert!(refused.to_string().contains("pins/p.json"), "{refused}");
        assert_eq!(warehouse.remove_pin("p").unwrap(), None);
        assert_eq!(warehouse.remove_pin("r").unwrap(), None);
        warehouse.add_pin("p", 1, now).unwrap();
        assert_eq!(warehouse.pins().unwrap().len(), 2);
    }
}
