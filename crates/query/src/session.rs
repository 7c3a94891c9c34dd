//! A session: SQL over one snapshot, and nothing else.
//!
//! [`Session::open`] makes the catalogue's views in memory and locks DuckDB down: no file outside `tables/`, no
//! extension, no change of a setting, bounded memory, two threads. Before a statement runs, [`gate`] looks at its
//! syntax tree and lets only reading pass. [`Answer`] holds the rows and writes them out; [`Receipt`] says what an
//! answer rests on.
//!
//! What is absent: DuckDB calls executing untrusted SQL unsafe by design. Whoever serves strangers puts the process in
//! a sandbox of the operating system as well.

mod answer;
pub(crate) mod gate;
#[cfg(test)]
mod tests;

use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use duckdb::{Config, Connection};
use model::column::Vocabulary;
use model::dataset::Dataset;
use model::{DatasetId, Digest, Kind, Result, ResultExt as _};
use serde::{Deserialize, Serialize};
use store::archive::Exchange;
use store::commit::{Capture, Manifest, Snapshot};
use store::hold::Reading;
use store::{Origin, Warehouse};

pub use answer::Answer;

use crate::catalogue::{Loaded, Plan};
use crate::disclosure::counted::Counted;
use crate::disclosure::worlds::Worlds;
use crate::lineage::{self, Terms};
use crate::sql;

/// The memory that one session may use.
const MEMORY: &str = "4GB";

/// SQL over one snapshot.
pub struct Session {
    connection: Connection,
    snapshot: u64,
    origin: Origin,
    tables: BTreeMap<String, TableFacts>,
    datasets: BTreeMap<DatasetId, Facts>,
    /// What another connection over the same snapshot needs.
    plan: Plan,
    warehouse: Warehouse,
    /// Keeps the snapshot's files; a draft's are kept by whoever writes it.
    reading: Option<Reading>,
    counted: Vec<Counted>,
    worlds: OnceCell<Worlds>,
}

/// A table of the snapshot.
struct TableFacts {
    dataset: DatasetId,
    /// The digests of its parts.
    parts: BTreeSet<Digest>,
    /// Where each of them lies.
    paths: Vec<(String, Digest)>,
    /// Whether their bytes were seen to be what was committed.
    sound: Cell<bool>,
}

/// What receipts, claims and figures need to know of a dataset.
#[derive(Default)]
pub(crate) struct Facts {
    /// Who is to be credited, and under which terms; empty where the dataset is no longer declared.
    pub(crate) licence: String,
    pub(crate) citation: String,
    /// The captures behind it.
    captures: Vec<Capture>,
    /// What is said of those of its sources that are somebody's copy or transcription.
    pub(crate) secondary: Vec<String>,
    /// What was erased from it, in words.
    pub(crate) erased: Vec<String>,
}

/// What an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The version of this format.
    pub format: u32,
    /// The snapshot's number.
    pub snapshot: u64,
    /// Whether its data are real: `live` or `replica`.
    pub origin: String,
    /// The digest of the SQL, as it was given.
    pub sql_digest: Digest,
    /// The digest of columns and rows: [`Answer::digest`].
    pub result_digest: Digest,
    /// The datasets that the SQL names.
    pub datasets: Vec<DatasetId>,
    /// The captures behind those datasets, by digest.
    pub captures: Vec<Capture>,
    /// What was erased from those datasets, where anything was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<String>,
    /// The program that answered.
    pub program: String,
}

impl Session {
    /// Opens a session over a snapshot, whose files stay while the session lives.
    pub fn open(
        warehouse: &Warehouse,
        snapshot: Reading,
        datasets: &[Dataset],
        vocabulary: &Vocabulary,
    ) -> Result<Self> {
        let plan = Plan::of(warehouse, &snapshot, datasets, vocabulary)?;
        let session = Self::over(warehouse, &snapshot, datasets, vocabulary, plan)?;
        Ok(Self { reading: Some(snapshot), ..session })
    }

    /// Opens a session over a snapshot that is not one yet, for the models that are to be in it: of `meta` there is only
    /// what does not depend on the warehouse.
    pub(crate) fn of_draft(
        warehouse: &Warehouse,
        snapshot: &Snapshot,
        datasets: &[Dataset],
        vocabulary: &Vocabulary,
    ) -> Result<Self> {
        Self::over(
            warehouse,
            snapshot,
            datasets,
            vocabulary,
            Plan::of_draft(warehouse, snapshot, datasets, vocabulary)?,
        )
    }

    fn over(
        warehouse: &Warehouse,
        snapshot: &Snapshot,
        datasets: &[Dataset],
        vocabulary: &Vocabulary,
        plan: Plan,
    ) -> Result<Self> {
        let connection = locked(warehouse, &plan, 2)?;
        let counted = Counted::of(&plan.contents, datasets, vocabulary);
        let mut tables = BTreeMap::new();
        for table in &plan.contents.tables {
            let part = |loaded: &Loaded| (loaded.part.path.clone(), loaded.part.sha256.clone());
            let paths: Vec<_> = table.parts.iter().map(part).collect();
            let parts = paths.iter().map(|(_, digest)| digest.clone()).collect();
            let facts = TableFacts { dataset: table.dataset.clone(), parts, paths, sound: Cell::new(false) };
            tables.insert(table.name.to_lowercase(), facts);
        }
        let mut facts: BTreeMap<DatasetId, Facts> = BTreeMap::new();
        for dataset in datasets {
            facts.entry(dataset.id.clone()).or_default().declare(dataset);
        }
        for manifest in &plan.contents.manifests {
            facts.entry(manifest.dataset.clone()).or_default().load(manifest);
        }
        for erasure in warehouse.erasures()? {
            for (dataset, digest) in &snapshot.datasets {
                if let (true, Some(facts)) = (erasure.manifests.contains_key(digest), facts.get_mut(dataset)) {
                    facts.erased.push(erasure.in_words());
                }
            }
        }
        for (model, _) in lineage::models(&plan.contents.manifests) {
            let derived = Facts::derive(&lineage::origins(&plan.contents.manifests, model), datasets, &facts);
            facts.insert(model.clone(), derived);
        }
        Ok(Self {
            connection,
            snapshot: snapshot.number,
            origin: snapshot.origin,
            tables,
            datasets: facts,
            plan,
            warehouse: warehouse.clone(),
            reading: None,
            counted,
            worlds: OnceCell::new(),
        })
    }

    /// The snapshot; none over a draft.
    pub fn reading(&self) -> Option<&Reading> {
        self.reading.as_ref()
    }

    /// The number of the snapshot.
    pub fn snapshot(&self) -> u64 {
        self.snapshot
    }

    /// Where its data come from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Answers one SELECT. Anything that is not one, and anything that reads other than the views, is refused; so is one of
    /// a table of which a part is not what was committed, because DuckDB compares no checksums.
    pub fn query(&self, sql: &str) -> Result<Answer> {
        let names = gate::check(&self.connection, sql)?;
        for table in names.iter().filter_map(|name| self.tables.get(name)).filter(|table| !table.sound.get()) {
            self.warehouse.check_sound(&mut table.paths.iter().map(|(path, digest)| (path.as_str(), digest)))?;
            table.sound.set(true);
        }
        let refused = |error: duckdb::Error| sql::refused(&error);
        let mut statement = self.connection.prepare(sql).map_err(refused)?;
        let arrow = statement.query_arrow([]).map_err(refused)?;
        let schema = arrow.get_schema();
        Answer::new(schema, arrow.collect())
    }

    /// Answers a SELECT as [`Session::query`] does, as if tables lacked the rows of a condition each; nothing where it then fails.
    pub(crate) fn query_without(&self, lacking: &[(&str, String)], sql: &str) -> Result<Option<Answer>> {
        // Rolled back, so that the views are again what they were.
        let mut statements = vec!["BEGIN".to_owned()];
        for (table, condition) in lacking {
            let (table, whole) = (sql::name(table), sql::name(&format!("{table} with all rows")));
            for schema in ["history", "main"] {
                statements.push(format!("ALTER VIEW {schema}.{table} RENAME TO {whole}"));
                statements.push(format!(
                    "CREATE VIEW {schema}.{table} AS SELECT * FROM {schema}.{whole} WHERE NOT ({condition})"
                ));
            }
        }
        let begun = self.connection.execute_batch(&statements.join(";\n"));
        let answer = begun.as_ref().ok().and_then(|()| self.query(sql).ok());
        let ended = self.connection.execute_batch("ROLLBACK");
        begun.and(ended).or_error(Kind::Internal, "DuckDB cannot leave rows out of a view")?;
        Ok(answer)
    }

    /// The words of a SELECT that may be asked.
    pub(crate) fn words(&self, sql: &str) -> Result<gate::Words> {
        gate::words(&self.connection, sql)
    }

    /// The datasets, none of them derived, that the columns of an answer rest on: of a model's those alone that the columns that are
    /// asked of it come from.
    pub(crate) fn rests_on(&self, sql: &str) -> Result<BTreeSet<DatasetId>> {
        let mut found = BTreeSet::new();
        let mut open = vec![(sql.to_owned(), None)];
        while let Some((sql, wanted)) = open.pop() {
            let tree = gate::tree(&self.connection, &sql)?;
            let columns = gate::words_of(&tree).columns;
            // Models rest on older models only, so this ends.
            for dataset in
                lineage::columns::tables(&tree, wanted.as_ref()).iter().filter_map(|table| self.dataset_of(table))
            {
                match lineage::models(self.manifests()).find(|(model, _)| **model == dataset) {
                    None => drop(found.insert(dataset)),
                    // What a method makes of its columns is not followed.
                    Some((_, derived)) if derived.method.is_some() || columns.contains("*") => {
                        open.push((derived.sql.clone(), None));
                    }
                    Some((_, derived)) => open.push((derived.sql.clone(), Some(columns.clone()))),
                }
            }
        }
        Ok(found)
    }

    /// What is said of the secondary sources of these datasets.
    pub(crate) fn secondary(&self, datasets: &BTreeSet<DatasetId>) -> Vec<String> {
        let facts = datasets.iter().filter_map(|dataset| self.facts(dataset));
        // Several slices have the same.
        let told: BTreeSet<&String> = facts.flat_map(|facts| &facts.secondary).collect();
        told.into_iter().cloned().collect()
    }

    /// What was erased from these datasets, in words.
    pub(crate) fn erased(&self, datasets: &BTreeSet<DatasetId>) -> Vec<String> {
        let facts = datasets.iter().filter_map(|dataset| self.facts(dataset));
        let told: BTreeSet<&String> = facts.flat_map(|facts| &facts.erased).collect();
        told.into_iter().cloned().collect()
    }

    /// What was erased from whatever some SQL names, in words: from models too that are without a table since.
    pub(crate) fn erased_behind(&self, sql: &str) -> Vec<String> {
        let named = gate::check(&self.connection, sql).unwrap_or_default();
        let of = |name: &String| self.tables.get(name).map(|table| table.dataset.clone()).or_else(|| name.parse().ok());
        self.erased(&named.iter().filter_map(of).collect())
    }

    /// What an answer to this SQL rests on.
    pub fn receipt(&self, sql: &str, answer: &Answer) -> Result<Receipt> {
        let datasets = self.touched(sql)?;
        let captures: BTreeMap<(&Digest, &str), &Capture> = datasets
            .iter()
            .flat_map(|dataset| self.facts(dataset))
            .flat_map(|facts| &facts.captures)
            .map(|capture| ((&capture.sha256, capture.exchange.as_str()), capture))
            .collect();
        Ok(Receipt {
            format: 1,
            snapshot: self.snapshot,
            origin: self.origin.as_str().to_owned(),
            sql_digest: Digest::of(sql),
            result_digest: answer.digest()?,
            captures: captures.into_values().cloned().collect(),
            erased: self.erased(&datasets),
            datasets: datasets.into_iter().collect(),
            program: crate::PROGRAM.to_owned(),
        })
    }

    /// The datasets that the SQL names.
    pub(crate) fn touched(&self, sql: &str) -> Result<BTreeSet<DatasetId>> {
        Ok(self.named(sql)?.into_values().collect())
    }

    /// The tables that the SQL names, each with its dataset.
    pub(crate) fn named(&self, sql: &str) -> Result<BTreeMap<String, DatasetId>> {
        let names = gate::check(&self.connection, sql)?;
        let named =
            |name: String| self.tables.get(&name).map(|table| table.dataset.clone()).map(|dataset| (name, dataset));
        Ok(names.into_iter().filter_map(named).collect())
    }

    /// Of the tables that are declared, those that the SQL names and that the snapshot has nothing of: a dataset without data is
    /// there as an empty table.
    pub fn not_loaded<'a>(&self, sql: &str, declared: impl IntoIterator<Item = &'a str>) -> Result<Vec<&'a str>> {
        let names = gate::check(&self.connection, sql)?;
        let empty = |name: &str| self.tables.get(name).is_none_or(|table| table.parts.is_empty());
        Ok(declared.into_iter().filter(|name| names.contains(*name) && empty(name)).collect())
    }

    /// The names of the datasets that are declared, loaded or not, and of the models that are there.
    pub(crate) fn declared(&self) -> impl Iterator<Item = &str> {
        self.datasets.keys().map(DatasetId::as_str)
    }

    /// The tables that the SQL names, each with the digests of its parts.
    pub(crate) fn parts(&self, sql: &str) -> Result<BTreeMap<String, &BTreeSet<Digest>>> {
        let names = gate::check(&self.connection, sql)?;
        let tables = names.into_iter().filter_map(|name| {
            let parts = &self.tables.get(&name)?.parts;
            Some((name, parts))
        });
        Ok(tables.collect())
    }

    /// The tables with protected counts, and the national ones that these add up to.
    pub(crate) fn counted(&self) -> &[Counted] {
        &self.counted
    }

    /// Which of [`Self::counted`] the SQL names.
    pub(crate) fn counted_in(&self, sql: &str) -> Result<BTreeSet<usize>> {
        let names = gate::check(&self.connection, sql)?;
        let named = self.counted.iter().enumerate().filter(|(_, table)| names.contains(&table.name.to_lowercase()));
        Ok(named.map(|(place, _)| place).collect())
    }

    /// The machine that answers in worlds with other counts; made when it is first needed.
    pub(crate) fn worlds(&self) -> Result<&Worlds> {
        if let Some(worlds) = self.worlds.get() {
            return Ok(worlds);
        }
        let worlds = Worlds::new(self)?;
        Ok(self.worlds.get_or_init(|| worlds))
    }

    /// Another connection over the same snapshot, locked down alike. It has one thread, so that sums of doubles repeat.
    pub(crate) fn another(&self) -> Result<Connection> {
        locked(&self.warehouse, &self.plan, 1)
    }

    /// What is known of a dataset.
    pub(crate) fn facts(&self, dataset: &DatasetId) -> Option<&Facts> {
        self.datasets.get(dataset)
    }

    /// The models that could not be made, and why.
    pub fn failed_models(&self) -> impl Iterator<Item = (&DatasetId, &str)> {
        let derived = self.manifests().iter().filter_map(|one| Some((&one.dataset, one.derived.as_ref()?)));
        derived.filter_map(|(model, derived)| Some((model, derived.failed.as_deref()?)))
    }

    /// The manifests of the snapshot.
    pub(crate) fn manifests(&self) -> &[Manifest] {
        &self.plan.contents.manifests
    }

    /// The columns of a table, if there is one of this name.
    pub(crate) fn columns(&self, table: &str) -> Option<Vec<String>> {
        let found = self.plan.contents.tables.iter().find(|known| known.name == table)?;
        Some(found.columns.iter().map(|column| column.name.clone()).collect())
    }

    /// The dataset that a table is of.
    pub(crate) fn dataset_of(&self, table: &str) -> Option<DatasetId> {
        self.tables.get(table).map(|table| table.dataset.clone())
    }

    /// What the vocabulary says of a column, in a line.
    pub(crate) fn about(&self, table: &str, column: &str) -> Result<String> {
        let rows = self.query(&format!(
            "SELECT concat_ws('; ', about, 'unit: ' || unit, 'place of: ' || basis) FROM meta.columns
             WHERE \"table\" = {} AND \"column\" = {}",
            sql::text(table),
            sql::text(column)
        ))?;
        Ok(rows.rows.first().and_then(|row| row.first().cloned().flatten()).unwrap_or_default())
    }

    /// The pipeline by which parts were made, if it was kept.
    pub(crate) fn declaration(&self, digest: &Digest) -> Result<Option<String>> {
        self.warehouse.declaration(digest)
    }

    /// The receipt of an exchange; none where it cannot be read, which verification tells.
    pub(crate) fn receipt_of(&self, exchange: &str) -> Option<Exchange> {
        self.warehouse.archive().exchange(exchange).ok()
    }

    /// Whether there is a table of this name.
    pub(crate) fn has(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }
}

/// The names of the tables that some SQL reads, and of its own CTEs, in lower case; no data are needed for that.
pub(crate) fn reads(sql: &str) -> Result<BTreeSet<String>> {
    gate::check(&connect(1).or_error(Kind::Internal, "DuckDB does not start")?, sql)
}

impl Facts {
    /// What holds for a model: whatever holds for any of the datasets that it comes from.
    fn derive(origins: &BTreeSet<DatasetId>, datasets: &[Dataset], facts: &BTreeMap<DatasetId, Facts>) -> Self {
        let terms = Terms::of(origins, datasets);
        let mut derived = Self { licence: terms.licence, citation: terms.citation, ..Self::default() };
        for origin in origins.iter().filter_map(|origin| facts.get(origin)) {
            derived.captures.extend(origin.captures.iter().cloned());
            derived.erased.extend(origin.erased.iter().cloned());
        }
        derived
    }

    fn declare(&mut self, dataset: &Dataset) {
        self.licence.clone_from(&dataset.spec.licence);
        self.citation.clone_from(&dataset.spec.citation);
    }

    fn load(&mut self, manifest: &Manifest) {
        for slice in &manifest.slices {
            self.captures.extend(slice.captures.iter().cloned());
            if slice.grade == "secondary" {
                self.secondary.push(format!("{} {}: {}", manifest.dataset, slice.release, slice.note));
            }
        }
    }
}

/// A connection with the views of a snapshot, and nothing else to be reached from it.
fn locked(warehouse: &Warehouse, plan: &Plan, threads: i64) -> Result<Connection> {
    let connection = connect(threads).or_error(Kind::Internal, "DuckDB does not start")?;
    if let Err(error) = plan.apply(&connection) {
        // DuckDB looks at the end of each part, and has words of its own for what it finds there.
        let parts = plan.contents.tables.iter().flat_map(|table| &table.parts).map(|loaded| &loaded.part);
        warehouse.check_sound(&mut parts.map(|part| (part.path.as_str(), &part.sha256)))?;
        return Err(error);
    }
    lock(&connection, &[warehouse.root().join("tables")]).or_error(Kind::Internal, "DuckDB cannot be locked down")?;
    Ok(connection)
}

pub(crate) fn connect(threads: i64) -> duckdb::Result<Connection> {
    let config = Config::default()
        .enable_autoload_extension(false)?
        .with("autoinstall_known_extensions", "false")?
        .with("allow_community_extensions", "false")?
        .max_memory(MEMORY)?
        .threads(threads)?;
    Connection::open_in_memory_with_flags(config)
}

/// From here on the connection reads what lies in these folders and nothing else, and no setting can be changed. It does
/// not spill to disk either.
pub(crate) fn lock(connection: &Connection, folders: &[PathBuf]) -> duckdb::Result<()> {
    let folders: Vec<String> = folders.iter().map(|folder| sql::text(&folder.display().to_string())).collect();
    connection.execute_batch(&format!(
        "SET temp_directory = '';
         SET TimeZone = 'UTC';
         SET allowed_directories = [{}];
         SET enable_external_access = false;
         SET lock_configuration = true;",
        folders.join(", ")
    ))
}
