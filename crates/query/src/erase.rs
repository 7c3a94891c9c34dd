//! Erasure by a condition: which rows it means, in every snapshot, and what stands in the place of what held them.
//!
//! A record is found by a condition on the dataset's own table, in every release of every snapshot, and of persons, who lose
//! their names there, over what their captures say as well. From then on it is known by its place: capture and record.
//! Whatever was read from that place leaves, in companion tables and in other datasets too, and the capture with it. Models that
//! were made of it are made again over what is left, by the SQL that made them; one that cannot be is left without rows.
//!
//! Nobody can look for a record in a capture that no snapshot names, nor among the rows that were set aside. Such captures leave
//! whole where they are of the dataset, or may be; so does all that was set aside of it. Where nobody could look is told.
//! Whose a capture is, and what it says of persons, is known by those who read captures: they are asked ([`Captures`]).
//!
//! What an erasure guarantees is told in [`store::erasure`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use duckdb::Connection;
use jiff::Timestamp;
use model::column::Vocabulary;
use model::dataset::Dataset;
use model::{DatasetId, Digest, Error, Kind, Release, Result, ResultExt as _};
use serde::Serialize;
use store::Warehouse;
use store::commit::{Covered, DERIVED, Manifest, Slice, Snapshot};
use store::erasure::{Erasing, Erasure, Named, Unnamed};
use store::part::{self, Part};
use store::restricted::Take;

use crate::models::again;
use crate::session::{self, gate};
use crate::sql;

/// What only those know who can read captures.
pub trait Captures {
    /// Hands on the rows of persons in a slice as its captures have them, with nothing taken from them.
    fn persons(&self, slice: &Slice, take: Take<'_>) -> Result<()>;
    /// Whose a capture is that no snapshot names.
    fn whose(&self, capture: &Unnamed) -> Result<Whose>;
}

/// Whose a capture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// It is of the dataset from which something is erased, or may be.
    Ours,
    /// It is of others.
    Others,
    /// Nothing tells.
    Unknown,
}

/// What is to be erased.
pub struct Request<'a> {
    /// From where.
    pub warehouse: &'a Warehouse,
    /// From which dataset.
    pub dataset: &'a DatasetId,
    /// Which rows of its own table: SQL that is true of them. It is written down nowhere.
    pub condition: &'a str,
    /// Why.
    pub reason: &'a str,
    /// The version of the program.
    pub program: &'a str,
    /// When.
    pub now: Timestamp,
    /// The declarations, for making models again.
    pub datasets: &'a [Dataset],
    /// The vocabulary of columns.
    pub vocabulary: &'a Vocabulary,
    /// Those who read captures.
    pub captures: &'a dyn Captures,
}

/// What an erasure takes; never which record it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The number of the tombstone, where it was done.
    pub erasure: Option<u64>,
    /// Rows that leave each table, counted once however many snapshots have them.
    pub rows: BTreeMap<String, u64>,
    /// The snapshots that have any of them, or a model made of them.
    pub snapshots: BTreeSet<u64>,
    /// The pins that name those.
    pub pins: BTreeSet<String>,
    /// The captures that leave because rows were found in them.
    pub captures: BTreeSet<Digest>,
    /// The captures that leave because no snapshot names them, and they may have the record.
    pub unnamed: BTreeSet<Digest>,
    /// The captures that no snapshot names and of which nothing tells whose they are: they stay, unsearched.
    pub unknown: BTreeSet<Digest>,
    /// How many files of what was set aside of the dataset leave.
    pub quarantine: usize,
    /// Where else nobody could look, in words.
    pub unsearched: BTreeSet<String>,
    /// The other datasets that are loaded and have columns that the condition names, with those columns.
    pub others: BTreeMap<DatasetId, BTreeSet<String>>,
    /// The models that are made again.
    pub models: BTreeSet<DatasetId>,
    /// Those of them that could not be, and are without rows since.
    pub failed: BTreeSet<DatasetId>,
}

impl Told {
    /// Whether nothing is to go.
    pub fn is_nothing(&self) -> bool {
        self.captures.is_empty() && self.unnamed.is_empty() && self.quarantine == 0
    }
}

/// Erases, or says what that would take.
pub fn erase(request: &Request<'_>, apply: bool) -> Result<Told> {
    let work = Work::new(request, apply)?;
    let named = work.erasing.named()?;
    let mut told = Told::default();
    work.find(&named, &mut told)?;
    work.find_unnamed(&named, &mut told)?;
    told.quarantine = work.erasing.quarantine(request.dataset)?.len();
    told.others = work.others()?;
    if told.is_nothing() {
        if named.iter().any(|one| one.manifest.dataset == *request.dataset) {
            return Ok(told);
        }
        return Err(Error::new(Kind::Usage, format!("no snapshot has {}", request.dataset))
            .hint("`tollhouse datasets` lists the datasets"));
    }
    let mut change = Change::default();
    work.change_datasets(&named, &mut change, &mut told)?;
    work.change_models(&named, &mut change, &mut told)?;
    let pins = request.warehouse.pins()?.into_iter().filter(|pin| told.snapshots.contains(&pin.snapshot));
    told.pins = pins.map(|pin| pin.name).collect();
    if apply {
        told.erasure = Some(work.commit(&change, &told)?);
    }
    Ok(told)
}

/// What stands in the place of what, once the erasure is done.
#[derive(Default)]
struct Change {
    /// Manifests by the digest of those that they take the place of; none where it was only told.
    replaced: BTreeMap<Digest, Option<Digest>>,
    /// Parts that manifests no longer name.
    gone: BTreeSet<String>,
    /// Parts that they name.
    come: BTreeSet<String>,
}

/// Whether a manifest was derived from one of which this holds.
fn rests_on(manifest: &Manifest, holds: impl Fn(&Digest) -> bool) -> bool {
    manifest.derived.as_ref().is_some_and(|derived| derived.inputs.values().any(holds))
}

/// An address without its query: the pages of one table differ in that.
fn place(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

/// Values that SQL writes without brackets, and that change with the time.
const CHANGING: &[&str] = &["current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"];

/// An erasure under way: the places of its records stand in the table `erased` of a connection.
struct Work<'a> {
    request: &'a Request<'a>,
    apply: bool,
    erasing: Erasing<'a>,
    connection: Connection,
    /// The columns that the condition names.
    columns: BTreeSet<String>,
}

impl<'a> Work<'a> {
    fn new(request: &'a Request<'a>, apply: bool) -> Result<Self> {
        let connection = session::connect(2).or_error(Kind::Internal, "DuckDB does not start")?;
        let asked = format!("SELECT 1 FROM {} WHERE ({}\n)", sql::name(request.dataset.as_str()), request.condition);
        let names = gate::check(&connection, &asked)?;
        let words = gate::words(&connection, &asked)?;
        if names != BTreeSet::from([request.dataset.as_str().to_owned()]) || words.asks {
            return Err(Error::new(Kind::Usage, "the condition reads other tables")
                .hint("a condition is about the columns of one row, such as `year = 2015 AND state_fips = '54'`"));
        }
        let work =
            Self { request, apply, erasing: request.warehouse.erasing()?, connection, columns: words.columns.clone() };
        work.check_repeats(&words)?;
        if apply {
            // What the dead left goes first.
            work.erasing.clear()?;
        }
        // Rows of persons must not be put aside on some disk.
        work.run("SET temp_directory = ''")?;
        work.run("CREATE TEMP TABLE erased (capture VARCHAR, record BIGINT, PRIMARY KEY (capture, record))")?;
        Ok(work)
    }

    /// What is meant must be the same when it is told, when it is done and in each snapshot.
    fn check_repeats(&self, words: &gate::Words) -> Result<()> {
        let changing = self.texts(
            "SELECT lower(function_name) FROM duckdb_functions() WHERE
             (function_type = 'scalar' AND stability IS DISTINCT FROM 'CONSISTENT')
             OR (function_type = 'macro' AND contains(lower(macro_definition), 'current_'))",
        )?;
        let called = words.functions.iter().find(|name| changing.contains(name));
        let Some(name) = called.or_else(|| words.columns.iter().find(|name| CHANGING.contains(&name.as_str()))) else {
            return Ok(());
        };
        Err(Error::new(Kind::Usage, format!("the condition does not repeat itself: `{name}` may say otherwise the next time"))
            .hint("what is told without --apply must be what goes, in every snapshot: write the value in full, such as DATE '2015-12-31'"))
    }

    /// Finds the records, and the captures that they stand in.
    fn find(&self, named: &[Named], told: &mut Told) -> Result<()> {
        let dataset = self.request.dataset;
        let own: Vec<&Named> = named.iter().filter(|one| one.manifest.dataset == *dataset).collect();
        if own.iter().any(|one| one.manifest.derived.is_some()) {
            return Err(Error::new(Kind::Usage, format!("{dataset} is a model: it holds no record of its own"))
                .hint("erase from the datasets that it is made of, which meta.lineage names; it is made again then"));
        }
        let parts = own.iter().flat_map(|one| &one.manifest.slices).flat_map(|slice| &slice.parts);
        let parts: BTreeMap<&str, &Part> =
            parts.filter(|part| part.table == dataset.as_str()).map(|part| (part.path.as_str(), part)).collect();
        for part in parts.into_values() {
            self.run(&self.mark(&self.rows_of(part)?))?;
        }
        // A slice that stands in many snapshots is looked at once.
        let mut slices: BTreeMap<(&Release, &str, Vec<&Digest>), &Slice> = BTreeMap::new();
        for slice in own.iter().flat_map(|one| &one.manifest.slices) {
            let captures = slice.captures.iter().map(|capture| &capture.sha256).collect();
            slices.insert((&slice.release, &slice.name, captures), slice);
        }
        self.find_persons(slices.values().copied(), told)?;
        let found = self.texts("SELECT DISTINCT capture FROM erased ORDER BY 1")?;
        told.captures = found.iter().map(|digest| digest.parse()).collect::<Result<_>>()?;
        told.unsearched.extend(slices.values().filter_map(|slice| set_aside(slice, &told.captures)));
        Ok(())
    }

    /// The statement that notes the places of the rows that are meant.
    fn mark(&self, rows: &str) -> String {
        let (dataset, condition) = (sql::name(self.request.dataset.as_str()), self.request.condition);
        format!(
            "INSERT OR IGNORE INTO erased SELECT DISTINCT _capture, _record FROM {rows} AS {dataset} WHERE ({condition}\n)"
        )
    }

    /// Finds the records of persons by what their captures say of them, where the condition asks for what they lose.
    fn find_persons<'s>(&self, slices: impl Iterator<Item = &'s Slice>, told: &mut Told) -> Result<()> {
        let Request { dataset, datasets, captures, .. } = *self.request;
        let declared = datasets.iter().find(|known| known.id == *dataset);
        let Some(mask) = declared.and_then(|declared| declared.spec.mask.as_ref()) else { return Ok(()) };
        let mut hidden = mask.columns.iter().map(String::as_str).chain([mask.unless.as_str(), "*", dataset.as_str()]);
        if !hidden.any(|column| self.columns.contains(column)) {
            return Ok(());
        }
        for slice in slices {
            let read = self.erasing.unmasked(&mut |take| captures.persons(slice, take));
            let why = match read {
                Ok(None) => continue,
                Ok(Some(rows)) => {
                    // DuckDB's words would show the cell that it stumbles over.
                    let marked = self.connection.execute_batch(&self.mark(&rows_in(rows.path())));
                    if marked.is_err() {
                        return Err(Error::new(
                            Kind::Usage,
                            "the condition fails on the row of a person, which is not shown",
                        )
                        .hint("nothing was erased; compare without casts that can fail: TRY_CAST gives null instead"));
                    }
                    continue;
                }
                Err(error) if error.kind() == Kind::Io => return Err(error),
                Err(error) if error.kind() == Kind::Damaged => "a capture is missing, damaged or erased",
                // Its words may show what stands there.
                Err(_) => "its captures are not read by today's pipeline",
            };
            told.unsearched.insert(format!("persons in {} {}: {why}", slice.release, slice.name));
        }
        Ok(())
    }

    /// Finds the captures that no snapshot names and that may have the record.
    fn find_unnamed(&self, named: &[Named], told: &mut Told) -> Result<()> {
        let own = named.iter().filter(|one| one.manifest.dataset == *self.request.dataset);
        let slices: Vec<&Slice> = own.flat_map(|one| &one.manifest.slices).collect();
        let captures = slices.iter().flat_map(|slice| &slice.captures).map(|capture| capture.url.as_str());
        let known: BTreeSet<&str> = slices
            .iter()
            .map(|slice| slice.url.as_str())
            .chain(captures)
            .map(place)
            .filter(|url| !url.is_empty())
            .collect();
        for capture in self.erasing.unnamed()? {
            // What somebody called a file of his tells nothing.
            let mut fetched = capture.exchanges.iter().filter(|exchange| exchange.via != "import");
            let ours = fetched.any(|exchange| known.contains(place(&exchange.url)));
            match if ours { Whose::Ours } else { self.request.captures.whose(&capture)? } {
                Whose::Ours => drop(told.unnamed.insert(capture.sha256)),
                Whose::Unknown => drop(told.unknown.insert(capture.sha256)),
                Whose::Others => {}
            }
        }
        Ok(())
    }

    /// The other datasets of the newest snapshot that have columns which the condition names.
    fn others(&self) -> Result<BTreeMap<DatasetId, BTreeSet<String>>> {
        let warehouse = self.request.warehouse;
        let mut others = BTreeMap::new();
        for (id, digest) in warehouse.head()?.map(|head| head.datasets).unwrap_or_default() {
            let manifest = warehouse.manifest(&digest)?;
            if id == *self.request.dataset || manifest.derived.is_some() {
                continue;
            }
            let columns = manifest.tables.iter().flat_map(|table| &table.columns).map(|column| column.name.clone());
            let own = |name: &String| name != "release" && !name.starts_with('_') && self.columns.contains(name);
            let shared: BTreeSet<String> = columns.filter(own).collect();
            if !shared.is_empty() {
                others.insert(id, shared);
            }
        }
        Ok(others)
    }

    /// Takes the records out of the manifests of datasets.
    fn change_datasets(&self, named: &[Named], change: &mut Change, told: &mut Told) -> Result<()> {
        let mut lost = BTreeMap::new();
        let affected = |manifest: &Manifest| {
            let mut all = manifest.slices.iter().flat_map(|slice| &slice.captures);
            all.any(|capture| told.captures.contains(&capture.sha256))
        };
        for one in named.iter().filter(|one| affected(&one.manifest)) {
            let manifest = self.leave(&one.manifest, &told.captures, &mut lost)?;
            self.put(one, &manifest, change)?;
            told.snapshots.extend(&one.snapshots);
        }
        for (table, rows) in lost.into_values() {
            *told.rows.entry(table).or_default() += rows;
        }
        Ok(())
    }

    /// Makes the models again that were made of what changed, then those that were made of these.
    fn change_models(&self, named: &[Named], change: &mut Change, told: &mut Told) -> Result<()> {
        loop {
            let is_done = |digest: &Digest| change.replaced.contains_key(digest);
            let rests = |one: &&Named| !is_done(&one.digest) && rests_on(&one.manifest, is_done);
            let open: Vec<&Named> = named.iter().filter(rests).collect();
            // Those that no other open one is made of.
            let digests: BTreeSet<&Digest> = open.iter().map(|one| &one.digest).collect();
            let ready = |one: &&Named| !rests_on(&one.manifest, |input| digests.contains(input));
            let ready: Vec<&Named> = open.into_iter().filter(ready).collect();
            if ready.is_empty() {
                return Ok(());
            }
            for one in ready {
                let mut manifest = one.manifest.clone();
                if self.apply {
                    manifest = self.again(&one.manifest, &change.replaced)?;
                    let failed =
                        |manifest: &Manifest| manifest.derived.as_ref().is_some_and(|made| made.failed.is_some());
                    if failed(&manifest) && !failed(&one.manifest) {
                        told.failed.insert(manifest.dataset.clone());
                    }
                }
                self.put(one, &manifest, change)?;
                told.models.insert(manifest.dataset);
                told.snapshots.extend(&one.snapshots);
            }
        }
    }

    /// Writes the tombstone; its number comes back.
    fn commit(&self, change: &Change, told: &Told) -> Result<u64> {
        let request = self.request;
        let mut manifests = BTreeMap::new();
        for (old, new) in &change.replaced {
            let Some(new) = new else { continue };
            let standing = request.warehouse.standing(old)?;
            let both = [old.clone(), standing].into_iter().filter(|old| old != new);
            manifests.extend(both.map(|old| (old, new.clone())));
        }
        let erasure = Erasure {
            format: store::FORMAT,
            number: self.erasing.number()?,
            dataset: request.dataset.clone(),
            reason: request.reason.to_owned(),
            erased: request.now,
            program: request.program.to_owned(),
            rows: told.rows.clone(),
            manifests,
            captures: told.captures.union(&told.unnamed).cloned().collect(),
            parts: change.gone.difference(&change.come).cloned().collect(),
        };
        self.erasing.apply(&erasure, &told.snapshots)?;
        Ok(erasure.number)
    }

    /// What is left of a dataset: `changed` gets what each part loses.
    fn leave(
        &self,
        manifest: &Manifest,
        captures: &BTreeSet<Digest>,
        changed: &mut BTreeMap<String, (String, u64)>,
    ) -> Result<Manifest> {
        let mut left = manifest.clone();
        let number = self.erasing.number()?;
        for slice in &mut left.slices {
            if !slice.captures.iter().any(|capture| captures.contains(&capture.sha256)) {
                continue;
            }
            for capture in slice.captures.iter_mut().filter(|capture| captures.contains(&capture.sha256)) {
                capture.erased = Some(number);
            }
            let mut parts = Vec::new();
            for part in std::mem::take(&mut slice.parts) {
                let rows = self.places(&part)?;
                if rows.is_empty() {
                    parts.push(part);
                    continue;
                }
                let count = rows.len() as u64;
                changed.insert(part.path.clone(), (part.table.clone(), count));
                if part.table == manifest.dataset.as_str() {
                    slice.counts.kept -= count;
                    slice.counts.erased += count;
                    for covered in &mut slice.coverage {
                        self.uncover(covered, &part)?;
                    }
                } else if part.table.ends_with("_totals") {
                    slice.counts.totals -= count;
                    slice.counts.erased += count;
                } else {
                    slice.counts.notes = slice.counts.notes.saturating_sub(count);
                }
                if self.apply {
                    parts.extend(part::without(self.request.warehouse, &part, &slice.release, &rows)?);
                }
            }
            slice.parts = parts;
        }
        Ok(left)
    }

    /// Takes what leaves a part out of what its slice covers.
    fn uncover(&self, covered: &mut Covered, part: &Part) -> Result<()> {
        let column = sql::name(&covered.column);
        let left = self.pairs(&format!(
            "SELECT CAST({column} AS VARCHAR), count(*)::VARCHAR FROM {} JOIN erased ON _capture = capture AND _record = record
             GROUP BY 1",
            self.rows_of(part)?
        ))?;
        for (value, count) in left {
            let count: u64 = count.and_then(|count| count.parse().ok()).unwrap_or_default();
            let Some(value) = value else {
                covered.null = covered.null.saturating_sub(count);
                continue;
            };
            // Where values are only counted, how many are left is not known: it stays what it was.
            let Some(rows) = &mut covered.rows else { continue };
            if let Some(held) = rows.get_mut(&value) {
                *held = held.saturating_sub(count);
                if *held == 0 {
                    rows.remove(&value);
                }
            }
            covered.values = rows.len() as u64;
        }
        Ok(())
    }

    /// The places of the records in a part.
    fn places(&self, part: &Part) -> Result<BTreeSet<u64>> {
        // A companion table may have no places of its own.
        let columns =
            self.texts(&format!("SELECT column_name FROM (DESCRIBE SELECT * FROM {})", self.rows_of(part)?))?;
        if !["_capture", "_record"].iter().all(|wanted| columns.iter().any(|column| column == wanted)) {
            return Ok(BTreeSet::new());
        }
        let found = self.texts(&format!(
            "SELECT file_row_number::VARCHAR FROM {} JOIN erased ON _capture = capture AND _record = record",
            self.rows_of(part)?
        ))?;
        Ok(found.iter().filter_map(|place| place.parse().ok()).collect())
    }

    /// Makes a model again over what is left of its inputs.
    fn again(&self, manifest: &Manifest, replaced: &BTreeMap<Digest, Option<Digest>>) -> Result<Manifest> {
        let Request { warehouse, datasets, vocabulary, program, now, .. } = *self.request;
        let Some(derived) = &manifest.derived else { return Ok(manifest.clone()) };
        let left = derived.inputs.iter().map(|(input, digest)| {
            let new = replaced.get(digest).cloned().flatten();
            Ok((input.clone(), new.map_or_else(|| warehouse.standing(digest), Ok)?))
        });
        let inputs = Snapshot {
            format: store::FORMAT,
            number: 0,
            parent: None,
            parent_sha256: None,
            origin: warehouse.origin(),
            created: now,
            program: program.to_owned(),
            datasets: left.collect::<Result<_>>()?,
            came: BTreeMap::new(),
            gate: Vec::new(),
        };
        let mut made = manifest.clone();
        let before: u64 = made.slices.iter().map(|slice| slice.counts.kept).sum();
        match again(warehouse, manifest, &inputs, datasets, vocabulary) {
            Ok(batch) => {
                let release: Release = DERIVED.parse()?;
                let rows = batch.num_rows() as u64;
                let place = part::Place { table: manifest.dataset.as_str(), release: &release, year: None };
                let part = if rows == 0 { None } else { Some(part::write(warehouse, place, &batch)?) };
                for slice in &mut made.slices {
                    slice.counts.kept = rows;
                    slice.counts.read = rows;
                    slice.counts.erased += before.saturating_sub(rows);
                    slice.counts.read += slice.counts.erased;
                    slice.parts = part.iter().cloned().collect();
                }
            }
            Err(error) if matches!(error.kind(), Kind::Usage | Kind::CheckFailed) => {
                made.tables.clear();
                made.slices.clear();
                if let Some(derived) = &mut made.derived {
                    derived.failed = Some("it could not be made again after an erasure".to_owned());
                }
            }
            Err(error) => return Err(error.while_doing(format!("making the model {} again", manifest.dataset))),
        }
        Ok(made)
    }

    /// Puts what is left on disk.
    fn put(&self, one: &Named, new: &Manifest, change: &mut Change) -> Result<()> {
        let paths = |manifest: &Manifest| -> BTreeSet<String> {
            manifest.slices.iter().flat_map(|slice| &slice.parts).map(|part| part.path.clone()).collect()
        };
        let (before, after) = (paths(&one.manifest), paths(new));
        change.gone.extend(before.difference(&after).cloned());
        change.come.extend(after);
        let digest = if self.apply { Some(self.erasing.put(new)?) } else { None };
        change.replaced.insert(one.digest.clone(), digest);
        Ok(())
    }

    /// A part as a table, with `file_row_number`. Its bytes are looked at first.
    fn rows_of(&self, part: &Part) -> Result<String> {
        self.request.warehouse.check_sound(&mut std::iter::once((part.path.as_str(), &part.sha256)))?;
        Ok(rows_in(&self.request.warehouse.root().join(&part.path)))
    }

    fn run(&self, statement: &str) -> Result<()> {
        self.connection.execute_batch(statement).map_err(|error| sql::refused(&error))
    }

    fn texts(&self, statement: &str) -> Result<Vec<String>> {
        Ok(self
            .pairs(&format!("SELECT *, NULL::VARCHAR FROM ({statement})"))?
            .into_iter()
            .filter_map(|(first, _)| first)
            .collect())
    }

    fn pairs(&self, statement: &str) -> Result<Vec<(Option<String>, Option<String>)>> {
        let refused = |error: duckdb::Error| sql::refused(&error);
        let mut prepared = self.connection.prepare(statement).map_err(refused)?;
        let rows = prepared.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(refused)?;
        rows.collect::<Result<_, _>>().map_err(refused)
    }
}

/// The rows of a file as a table, with `file_row_number`.
fn rows_in(path: &Path) -> String {
    let path = sql::text(&path.display().to_string());
    format!("read_parquet({path}, hive_partitioning = false, file_row_number = true)")
}

/// What is said of the rows of a slice that were set aside: they stand only in its captures, which are not searched.
fn set_aside(slice: &Slice, going: &BTreeSet<Digest>) -> Option<String> {
    let stays = slice.captures.iter().filter(|capture| capture.erased.is_none() && !going.contains(&capture.sha256));
    let stays: Vec<&str> = stays.map(|capture| &capture.sha256.as_str()[..12]).collect();
    let rejected = slice.counts.rejected;
    (rejected > 0 && !stays.is_empty()).then(|| {
        format!(
            "{rejected} rows of {} {} that were set aside: captures {}",
            slice.release,
            slice.name,
            stays.join(", ")
        )
    })
}

#[cfg(test)]
mod tests;
