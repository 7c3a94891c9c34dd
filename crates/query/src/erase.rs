//! Erasure by a condition: which rows it means, in every snapshot, and what stands in the place of what held them.
//!
//! A record is found by a condition on the dataset's own table, in every release of every snapshot, and from then on known by its
//! place: capture and record. Whatever was read from that place leaves, in companion tables and in other datasets too, and the
//! capture with it. Models that were made of it are made again over what is left, by the SQL that made them; one that
//! cannot be is left without rows. What an erasure guarantees is told in [`store::erasure`].

use std::collections::{BTreeMap, BTreeSet};

use duckdb::Connection;
use jiff::Timestamp;
use model::column::Vocabulary;
use model::dataset::Dataset;
use model::{DatasetId, Digest, Error, Kind, Release, Result, ResultExt as _};
use serde::Serialize;
use store::Warehouse;
use store::commit::{Covered, DERIVED, Manifest, Slice, Snapshot};
use store::erasure::{Erasing, Erasure, Named};
use store::part::{self, Part};

use crate::models::again;
use crate::session::{self, gate};
use crate::sql;

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
    /// The captures that leave.
    pub captures: BTreeSet<Digest>,
    /// The models that are made again.
    pub models: BTreeSet<DatasetId>,
    /// Those of them that could not be, and are without rows since.
    pub failed: BTreeSet<DatasetId>,
}

/// Erases, or says what that would take.
pub fn erase(request: &Request<'_>, apply: bool) -> Result<Told> {
    let work = Work::new(request)?;
    let named = work.erasing.named()?;
    let captures = work.find(&named)?;
    let mut told = Told { captures: captures.clone(), ..Told::default() };
    if captures.is_empty() {
        return Ok(told);
    }
    // Datasets first, then the models that were made of them, then those that were made of these.
    let mut replaced: BTreeMap<Digest, Option<Digest>> = BTreeMap::new();
    let mut gone: BTreeSet<String> = BTreeSet::new();
    let mut come: BTreeSet<String> = BTreeSet::new();
    let mut changed = BTreeMap::new();
    let affected = |manifest: &Manifest| {
        let mut all = manifest.slices.iter().flat_map(|slice| &slice.captures);
        all.any(|capture| captures.contains(&capture.sha256))
    };
    for one in named.iter().filter(|one| affected(&one.manifest)) {
        let manifest = work.leave(&one.manifest, &captures, apply, &mut changed)?;
        replaced.insert(one.digest.clone(), work.put(&one.manifest, &manifest, apply, &mut gone, &mut come)?);
        told.snapshots.extend(&one.snapshots);
    }
    for (table, rows) in changed.into_values() {
        *told.rows.entry(table).or_default() += rows;
    }
    loop {
        let rests = |one: &&Named| rests_on(&one.manifest, |input| replaced.contains_key(input));
        let open: Vec<&Named> = named.iter().filter(|one| !replaced.contains_key(&one.digest)).filter(rests).collect();
        // Those that no other open one is made of.
        let digests: BTreeSet<&Digest> = open.iter().map(|one| &one.digest).collect();
        let ready = |one: &&Named| !rests_on(&one.manifest, |input| digests.contains(input));
        let ready: Vec<&Named> = open.into_iter().filter(ready).collect();
        if ready.is_empty() {
            break;
        }
        for one in ready {
            let mut manifest = one.manifest.clone();
            if apply {
                manifest = work.again(&one.manifest, &replaced)?;
                let failed = |manifest: &Manifest| manifest.derived.as_ref().is_some_and(|made| made.failed.is_some());
                if failed(&manifest) && !failed(&one.manifest) {
                    told.failed.insert(manifest.dataset.clone());
                }
            }
            replaced.insert(one.digest.clone(), work.put(&one.manifest, &manifest, apply, &mut gone, &mut come)?);
            told.models.insert(manifest.dataset);
            told.snapshots.extend(&one.snapshots);
        }
    }
    let pins = request.warehouse.pins()?.into_iter().filter(|pin| told.snapshots.contains(&pin.snapshot));
    told.pins = pins.map(|pin| pin.name).collect();
    if apply {
        let mut manifests = BTreeMap::new();
        for (old, new) in replaced {
            let Some(new) = new else { continue };
            let standing = request.warehouse.standing(&old)?;
            manifests.extend([old, standing].into_iter().filter(|old| *old != new).map(|old| (old, new.clone())));
        }
        let erasure = Erasure {
            format: store::FORMAT,
            number: work.erasing.number()?,
            dataset: request.dataset.clone(),
            reason: request.reason.to_owned(),
            erased: request.now,
            program: request.program.to_owned(),
            rows: told.rows.clone(),
            manifests,
            captures,
            parts: gone.difference(&come).cloned().collect(),
        };
        work.erasing.apply(&erasure, &told.snapshots)?;
        told.erasure = Some(erasure.number);
    }
    Ok(told)
}

/// Whether a manifest was derived from one of which this holds.
fn rests_on(manifest: &Manifest, holds: impl Fn(&Digest) -> bool) -> bool {
    manifest.derived.as_ref().is_some_and(|derived| derived.inputs.values().any(holds))
}

/// An erasure under way: the places of its records stand in the table `erased` of a connection.
struct Work<'a> {
    request: &'a Request<'a>,
    erasing: Erasing<'a>,
    connection: Connection,
}

impl<'a> Work<'a> {
    fn new(request: &'a Request<'a>) -> Result<Self> {
        let connection = session::connect(2).or_error(Kind::Internal, "DuckDB does not start")?;
        let asked = format!("SELECT 1 FROM {} WHERE ({}\n)", sql::name(request.dataset.as_str()), request.condition);
        let names = gate::check(&connection, &asked)?;
        if names != BTreeSet::from([request.dataset.as_str().to_owned()]) {
            return Err(Error::new(Kind::Usage, "the condition reads other tables")
                .hint("a condition is about the columns of one row, such as `year = 2015 AND state_fips = '54'`"));
        }
        let work = Self { request, erasing: request.warehouse.erasing()?, connection };
        // What an earlier one could not remove goes first.
        work.erasing.finish()?;
        work.run("CREATE TEMP TABLE erased (capture VARCHAR, record BIGINT, PRIMARY KEY (capture, record))")?;
        Ok(work)
    }

    /// Finds the records, and the captures that they stand in.
    fn find(&self, named: &[Named]) -> Result<BTreeSet<Digest>> {
        let dataset = self.request.dataset;
        let own: Vec<&Named> = named.iter().filter(|one| one.manifest.dataset == *dataset).collect();
        if own.is_empty() {
            return Err(Error::new(Kind::Usage, format!("no snapshot has {dataset}"))
                .hint("`tollhouse datasets` lists the datasets"));
        }
        if own.iter().any(|one| one.manifest.derived.is_some()) {
            return Err(Error::new(Kind::Usage, format!("{dataset} is a model: it holds no record of its own"))
                .hint("erase from the datasets that it is made of, which meta.lineage names; it is made again then"));
        }
        let parts = own.iter().flat_map(|one| &one.manifest.slices).flat_map(|slice| &slice.parts);
        let parts: BTreeMap<&str, &Part> =
            parts.filter(|part| part.table == dataset.as_str()).map(|part| (part.path.as_str(), part)).collect();
        for part in parts.into_values() {
            let rows = self.rows_of(part)?;
            self.run(&format!(
                "INSERT OR IGNORE INTO erased SELECT DISTINCT _capture, _record FROM {rows} WHERE ({}\n)",
                self.request.condition
            ))?;
        }
        let found = self.texts("SELECT DISTINCT capture FROM erased ORDER BY 1")?;
        found.iter().map(|digest| digest.parse()).collect()
    }

    /// What is left of a dataset: `changed` gets what each part loses.
    fn leave(
        &self,
        manifest: &Manifest,
        captures: &BTreeSet<Digest>,
        apply: bool,
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
                if apply {
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

    /// Puts what is left on disk; `gone` and `come` get the parts that only the one or the other has.
    fn put(
        &self,
        old: &Manifest,
        new: &Manifest,
        apply: bool,
        gone: &mut BTreeSet<String>,
        come: &mut BTreeSet<String>,
    ) -> Result<Option<Digest>> {
        let paths = |manifest: &Manifest| -> BTreeSet<String> {
            manifest.slices.iter().flat_map(|slice: &Slice| &slice.parts).map(|part| part.path.clone()).collect()
        };
        let (before, after) = (paths(old), paths(new));
        gone.extend(before.difference(&after).cloned());
        come.extend(after);
        if apply { self.erasing.put(new).map(Some) } else { Ok(None) }
    }

    /// A part as a table, with `file_row_number`. Its bytes are looked at first.
    fn rows_of(&self, part: &Part) -> Result<String> {
        self.request.warehouse.check_sound(&mut std::iter::once((part.path.as_str(), &part.sha256)))?;
        let path = self.request.warehouse.root().join(&part.path).display().to_string();
        Ok(format!("read_parquet({}, hive_partitioning = false, file_row_number = true)", sql::text(&path)))
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

#[cfg(test)]
mod tests;
