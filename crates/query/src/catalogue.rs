//! The catalogue: views over one snapshot, in memory for a session and as the file `tollhouse.duckdb` for everybody
//! else's DuckDB.
//!
//! `history.<table>` holds every release with the snapshot that each came with, `main.<table>` the newest release of each period (and series, where a pipeline
//! names one), `meta` what one must know about them; `main` has macros too. The file names every part, each relative to a variable: it opens as it is, and
//! `SET VARIABLE warehouse = '…'` moves it.
//!
//! What [`write`] guarantees: a reader finds the whole old file or the whole new one; whatever the order in which
//! rivals finish, the file that stays is of the newest snapshot, because each looks again after its own is in place.
//! The file can be made anew from the snapshot at any time, so nothing depends on it.

mod breaks;
pub(crate) mod macros;
mod meta;
#[cfg(test)]
mod tests;
mod views;

use std::fs::File;
use std::path::{Path, PathBuf};

use duckdb::{AccessMode, Config, Connection};
use model::column::Vocabulary;
use model::dataset::Dataset;
use model::{Digest, Error, Kind, Result, ResultExt as _};
use store::Warehouse;
use store::commit::Snapshot;

pub(crate) use views::{Contents, Loaded, Table, restricted};

use crate::sql;

/// The file's name below the root.
pub const FILE: &str = "tollhouse.duckdb";

/// The version of the catalogue's layout.
const FORMAT: u32 = 1;

/// Where the catalogue of a warehouse lies.
pub fn path(warehouse: &Warehouse) -> PathBuf {
    warehouse.root().join(FILE)
}

/// Writes the catalogue of `snapshot`, or of a newer one if it was committed meanwhile; returns the number of the
/// snapshot that it shows.
///
/// `datasets` and `vocabulary` say what the columns mean; a dataset that is declared and has no data yet is an empty
/// view.
pub fn write(warehouse: &Warehouse, snapshot: &Snapshot, datasets: &[Dataset], vocabulary: &Vocabulary) -> Result<u64> {
    let mut snapshot = snapshot.clone();
    let mut plan = Plan::of_file(warehouse, &snapshot, datasets, vocabulary)?;
    loop {
        replace(warehouse, &plan)?;
        // Someone may have committed or pinned while this was at work, and have replaced the file before this did.
        if let Some(head) = warehouse.head()? {
            snapshot = head;
        }
        let now = Plan::of_file(warehouse, &snapshot, datasets, vocabulary)?;
        if now.digest == plan.digest {
            return Ok(snapshot.number);
        }
        plan = now;
    }
}

/// Whether the file is there and says what [`write`] would say now. A file that cannot be read is not current.
pub fn is_current(
    warehouse: &Warehouse,
    snapshot: &Snapshot,
    datasets: &[Dataset],
    vocabulary: &Vocabulary,
) -> Result<bool> {
    let plan = Plan::of_file(warehouse, snapshot, datasets, vocabulary)?;
    Ok(recorded(&path(warehouse)).is_some_and(|digest| digest == plan.digest.as_str()))
}

/// The digest that a catalogue carries of itself.
fn recorded(path: &Path) -> Option<String> {
    if !path.is_file() {
        return None;
    }
    let config = Config::default().access_mode(AccessMode::ReadOnly).ok()?.threads(1).ok()?;
    let connection = Connection::open_with_flags(path, config).ok()?;
    let read = "SELECT digest FROM meta.catalogue";
    connection.query_row(read, [], |row| row.get(0)).ok()
}

/// The statements that make a catalogue, and their digest: two catalogues with the same digest are the same.
pub(crate) struct Plan {
    /// What the snapshot holds.
    pub(crate) contents: Contents,
    statements: Vec<String>,
    digest: Digest,
}

impl Plan {
    /// Plans the catalogue of a snapshot, for a session of ours.
    pub(crate) fn of(
        warehouse: &Warehouse,
        snapshot: &Snapshot,
        datasets: &[Dataset],
        vocabulary: &Vocabulary,
    ) -> Result<Self> {
        let plan = Self::with((warehouse, warehouse.root()), snapshot, None, (datasets, vocabulary), Vec::new())?;
        plan.with_runs(warehouse)
    }

    /// The same with what the ledger of runs says now.
    fn with_runs(mut self, warehouse: &Warehouse) -> Result<Self> {
        self.statements.extend(meta::runs(warehouse)?);
        Ok(self)
    }

    /// Plans the file: it alone shows what the operator has switched on below `restricted/`, and no session of ours does.
    fn of_file(
        warehouse: &Warehouse,
        snapshot: &Snapshot,
        datasets: &[Dataset],
        vocabulary: &Vocabulary,
    ) -> Result<Self> {
        let more = views::restricted(&warehouse.restricted()?);
        let plan = Self::with((warehouse, warehouse.root()), snapshot, None, (datasets, vocabulary), more)?;
        plan.with_runs(warehouse)
    }

    /// Plans views that look for the parts below a root. With a name only that pin is told of, and no other snapshot.
    fn with(
        (warehouse, root): (&Warehouse, &Path),
        snapshot: &Snapshot,
        alone: Option<&str>,
        (datasets, vocabulary): (&[Dataset], &Vocabulary),
        more: Vec<String>,
    ) -> Result<Self> {
        let contents = Contents::read(warehouse, snapshot, datasets, vocabulary)?;
        let mut statements = contents.views(root, true);
        statements.extend(meta::statements(warehouse, (snapshot, alone), &contents, datasets, vocabulary)?);
        statements.extend(more);
        Ok(Self::new(contents, statements, snapshot))
    }

    /// Plans what a model may read of a snapshot that is not one yet: the data, and of `meta` what the program itself
    /// knows. So there is nothing to read that the model's lineage does not name.
    pub(crate) fn of_draft(
        warehouse: &Warehouse,
        snapshot: &Snapshot,
        datasets: &[Dataset],
        vocabulary: &Vocabulary,
    ) -> Result<Self> {
        let contents = Contents::read(warehouse, snapshot, datasets, vocabulary)?;
        let mut statements = contents.views(warehouse.root(), false);
        statements.extend(meta::constants());
        Ok(Self::new(contents, statements, snapshot))
    }

    fn new(contents: Contents, mut statements: Vec<String>, snapshot: &Snapshot) -> Self {
        let digest = Digest::of(statements.join(";\n"));
        let mut about =
            sql::Sheet::new("catalogue", "snapshot BIGINT, digest VARCHAR, format INTEGER, program VARCHAR");
        about.row(&[
            snapshot.number.to_string(),
            sql::text(digest.as_str()),
            FORMAT.to_string(),
            sql::text(crate::PROGRAM),
        ]);
        statements.extend(about.statements());
        Self { contents, statements, digest }
    }

    /// Makes the schemas, views and tables in the current database of a connection.
    pub(crate) fn apply(&self, connection: &Connection) -> Result<()> {
        for statement in &self.statements {
            connection.execute_batch(statement).map_err(|error| {
                let words = sql::words(&error);
                if sql::is_of_the_disk(&words) {
                    return Error::new(Kind::Io, format!("DuckDB cannot write the catalogue: {words}")).hint(
                        "check that the disk is there, has room, and is writable; nothing committed is affected",
                    );
                }
                let (kind, hint) = if words.starts_with("IO Error") {
                    (Kind::Damaged, "`tollhouse snapshot verify` says what is missing or damaged")
                } else {
                    (Kind::Internal, "this is a bug of ours: please report it with these words")
                };
                let what: String = statement.chars().take(60).collect();
                Error::new(kind, format!("the catalogue cannot be made at `{what}`: {words}")).hint(hint)
            })?;
        }
        Ok(())
    }
}

/// Builds the file in a folder of its own, then puts it in place.
fn replace(warehouse: &Warehouse, plan: &Plan) -> Result<()> {
    let cannot = || format!("cannot write the catalogue {}", path(warehouse).display());
    let own = warehouse.scratch("catalogue-")?;
    let built = own.path().join(FILE);
    build(&built, plan, warehouse.root())?;
    File::open(&built).and_then(|file| file.sync_all()).or_error(Kind::Io, cannot())?;
    std::fs::rename(&built, path(warehouse)).or_error(Kind::Io, cannot())?;
    File::open(warehouse.root()).and_then(|folder| folder.sync_all()).or_error(Kind::Io, cannot())
}

/// The catalogue of a snapshot for whoever has its parts in a folder: it looks for them in the folder where DuckDB is started.
/// Of other snapshots and pins than the one that it is called by it tells nothing: it is the same from every warehouse that has
/// this snapshot.
pub(crate) fn portable(
    warehouse: &Warehouse,
    snapshot: &Snapshot,
    name: &str,
    datasets: &[Dataset],
    vocabulary: &Vocabulary,
) -> Result<Vec<u8>> {
    let plan = Plan::with((warehouse, Path::new(".")), snapshot, Some(name), (datasets, vocabulary), Vec::new())?;
    let folder = tempfile::tempdir().or_error(Kind::Io, "cannot make a temporary folder")?;
    let file = folder.path().join(FILE);
    build(&file, &plan, warehouse.root())?;
    std::fs::read(&file).or_error(Kind::Io, "cannot read the catalogue back")
}

/// Builds a catalogue where no file is yet, of parts that lie below a root now.
fn build(file: &Path, plan: &Plan, root: &Path) -> Result<()> {
    let connection = Connection::open_in_memory().or_error(Kind::Internal, "DuckDB does not start")?;
    let run = |statement: &str| {
        connection.execute_batch(statement).map_err(|error| {
            Error::new(Kind::Io, format!("DuckDB cannot write {}: {}", file.display(), sql::words(&error)))
                .hint("check that the disk is there, has room, and is writable; nothing committed is affected")
        })
    };
    // The oldest storage that is still written, so that older and newer DuckDBs open it.
    let file = sql::text(&file.display().to_string());
    run(&format!("ATTACH {file} AS catalogue (STORAGE_VERSION 'v1.0.0')"))?;
    run("USE catalogue")?;
    // DuckDB looks at the parts when it makes a view of them; the view itself keeps the root that was planned.
    run(&format!("SET VARIABLE warehouse = {}", sql::text(&root.display().to_string())))?;
    plan.apply(&connection)?;
    run("USE memory")?;
    run("DETACH catalogue")
}
