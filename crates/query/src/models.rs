//! Models: tables derived by SQL, built over what a run staged and published in the same commit.
//!
//! `warehouse/models/<name>.sql` is one SELECT over `main` and `history`, `<name>.toml` says what comes out: columns of
//! the vocabulary, the key, what a reader must know. Licence, credit, captures and disclosure are not declared: they
//! follow from what the SQL reads.
//!
//! [`Maker::make`] brings every model of a draft up to date. What it guarantees:
//! - the same inputs, declaration and program give the same parts, byte for byte; a model of which none of these changed
//!   is left as it is;
//! - a model is made from the manifests of the draft that it is put into, and names them: see
//!   [`store::commit::Draft`] for what keeps them together;
//! - a model may name a method (`models::method`): its rows then come from a seeded function of what the SQL returns;
//! - *a model never stands in the way of data*: one whose SQL fails, or that would show what must not be shown, is in
//!   the snapshot without rows and with the reason, in the place of anything older;
//! - a model of which an input is not loaded is not there: no rows would be a statement about the world.

mod method;
pub mod restricted;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, RecordBatchOptions, StringArray, UInt32Array};
use arrow::compute::{CastOptions, cast_with_options, take_record_batch};
use arrow::datatypes::Schema;
use arrow::row::{RowConverter, SortField};
use model::column::Vocabulary;
use model::dataset::Dataset;
use model::{DatasetId, Digest, Error, Kind, Release, Result, ResultExt as _};
use serde::Deserialize;
use store::Warehouse;
use store::commit::{
    Certificate, Check, ColumnType, Counts, DERIVED, Derivation, Draft, Manifest, Slice, Snapshot, Table,
};
use store::part::{self, Place};

use self::method::Method;
use crate::catalogue::Contents;
use crate::session;
use crate::{Answer, Session, disclosure, portable};

/// A model as it is declared.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its name: the files' without their endings.
    pub id: DatasetId,
    /// Everything the declaration says.
    pub spec: Spec,
    /// Where its rows come from: portable SQL whose answer follows from the data alone.
    pub sql: String,
    /// The digest of the declaration.
    pub declaration: Digest,
}

/// The contents of `<name>.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// What it is, in a line.
    pub title: String,
    /// What one row is.
    pub row: String,
    /// What the SQL returns, in its order, under the vocabulary's names and in its types; with a method, what comes out of it.
    pub columns: Vec<String>,
    /// The columns that are together unique and never null; rows are kept in their order.
    pub key: Vec<String>,
    /// The column that says which period a row covers, where one does.
    pub period: Option<String>,
    /// The datasets that it can do without: one that is not loaded is read as an empty table. It waits for all others.
    #[serde(default)]
    pub optional: BTreeSet<DatasetId>,
    /// What a reader must know before using it, beside what holds for its inputs.
    #[serde(default)]
    pub caveats: Vec<String>,
    /// What makes the rows of those that the SQL returns, where SQL does not suffice.
    #[serde(default)]
    method: Option<Method>,
}

/// What became of a model.
#[derive(Debug)]
pub enum Became {
    /// It was made.
    Built {
        /// Its rows.
        rows: u64,
    },
    /// Neither its inputs nor its declaration changed.
    Kept,
    /// These inputs are not loaded; the model is not there.
    Waits(BTreeSet<DatasetId>),
    /// It could not be made, and is in the snapshot without rows.
    Failed(Error),
    /// It is no longer declared, and left.
    Left,
}

impl Model {
    /// Reads the declaration and the SQL of the model called `id`. Unknown columns and SQL that is not portable or not
    /// repeatable are refused here.
    pub fn parse(id: &str, toml: &str, sql: &str, vocabulary: &Vocabulary) -> Result<Self> {
        let file = format!("warehouse/models/{id}.toml");
        let id: DatasetId = id.parse().map_err(|error: Error| error.while_doing(&file))?;
        let spec: Spec = toml::from_str(toml).or_error(Kind::Usage, format!("{file} cannot be read"))?;
        let bad = |message: String| Err(Error::new(Kind::Usage, format!("{file}: {message}")));
        for (place, name) in spec.columns.iter().enumerate() {
            vocabulary.get(name).map_err(|error| error.while_doing(&file))?;
            if spec.columns[..place].contains(name) {
                return bad(format!("column `{name}` is declared twice"));
            }
        }
        if spec.key.is_empty() {
            return bad("the key is empty: some columns must tell the rows apart".to_owned());
        }
        for name in spec.key.iter().chain(&spec.period) {
            if !spec.columns.contains(name) {
                return bad(format!("`{name}` is not a column of this model"));
            }
        }
        let model = Self { id, spec, sql: sql.to_owned(), declaration: Digest::of(toml) };
        portable::lint_repeatable(&model.file(), sql)?;
        Ok(model)
    }

    /// The file with the SQL.
    fn file(&self) -> String {
        format!("warehouse/models/{}.sql", self.id)
    }

    /// Its rows, looked at and as the declaration wants them.
    fn rows(&self, session: &Session, vocabulary: &Vocabulary) -> Result<RecordBatch> {
        let answer = session.query(&self.sql)?;
        let Some(method) = &self.spec.method else {
            disclosure::guard(session, "the model", &self.sql, &answer)?;
            return self.fit(&answer, vocabulary);
        };
        self.made(method, &answer, disclosure::is_guarded(session, &self.sql)?, vocabulary)
    }

    /// What its method makes of an answer, as the declaration wants it.
    fn made(&self, method: &Method, answer: &Answer, guarded: bool, vocabulary: &Vocabulary) -> Result<RecordBatch> {
        let made = method.apply(answer, guarded)?;
        let broken = "the rows of a method do not fit together";
        let fields = self.spec.columns.iter().map(|name| vocabulary.field(name)).collect::<Result<Vec<_>>>()?;
        // A cell that is no value of its column's type is our mistake, and no null.
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let column = |field: &arrow::datatypes::Field| {
            let cells = made.iter().map(|row| match row.get(field.name()) {
                Some(cell) => Ok(cell.as_deref()),
                None => {
                    Err(Error::new(Kind::Usage, format!("neither the SQL nor the method gives `{}`", field.name())))
                }
            });
            let cells: StringArray = cells.collect::<Result<_>>()?;
            cast_with_options(&cells, field.data_type(), &strict).or_error(Kind::Usage, broken)
        };
        let columns = fields.iter().map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(made.len()));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
            .or_error(Kind::Internal, broken)?;
        self.ordered(&batch)
    }

    /// The rows of an answer, as the declaration wants them: its columns, its types, ordered by the key.
    fn fit(&self, answer: &Answer, vocabulary: &Vocabulary) -> Result<RecordBatch> {
        let broken = "the rows of a model do not fit together";
        if answer.columns != self.spec.columns {
            let (has, wants) = (answer.columns.join(", "), self.spec.columns.join(", "));
            let message = format!("the SQL returns {has}; the declaration says {wants}");
            return Err(Error::new(Kind::Usage, message));
        }
        let fields = self.spec.columns.iter().map(|name| vocabulary.field(name)).collect::<Result<Vec<_>>>()?;
        let batch = answer.batch()?;
        for (place, (field, column)) in fields.iter().zip(batch.columns()).enumerate() {
            if field.data_type() != column.data_type() {
                let (name, wants) = (field.name(), vocabulary.get(field.name())?.kind.sql());
                let message = format!("column `{name}` is {}, and the vocabulary says {wants}", answer.types[place]);
                return Err(Error::new(Kind::Usage, message).hint(format!("write CAST(… AS {wants}) AS {name}")));
            }
        }
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), batch.columns().to_vec())
            .or_error(Kind::Internal, broken)?;
        self.ordered(&batch)
    }

    /// The rows in the order of the key, which must tell them apart.
    fn ordered(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let broken = "the rows of a model do not fit together";
        let key: Vec<ArrayRef> =
            self.spec.key.iter().filter_map(|name| batch.column_by_name(name)).map(Arc::clone).collect();
        let wrong = |message: String| {
            Error::new(Kind::CheckFailed, message).hint("`tollhouse sql` runs the same SELECT and shows its rows")
        };
        if let Some(place) = key.iter().position(|column| column.null_count() > 0) {
            let (name, nulls) = (&self.spec.key[place], key[place].null_count());
            return Err(wrong(format!("`{name}` is in the key, and null in {nulls} rows")));
        }
        let (order, repeats) = ordered(&key).or_error(Kind::Internal, broken)?;
        if repeats > 0 {
            return Err(wrong(format!("{repeats} rows have the key of another: {}", self.spec.key.join(", "))));
        }
        take_record_batch(batch, &order).or_error(Kind::Internal, broken)
    }
}

/// The order of rows by some columns, and how many equal the row before them.
fn ordered(key: &[ArrayRef]) -> Result<(UInt32Array, usize), arrow::error::ArrowError> {
    let fields = key.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let rows = RowConverter::new(fields)?.convert_columns(key)?;
    let mut sorted: Vec<_> = rows.iter().zip(0u32..).collect();
    sorted.sort_unstable();
    let repeats = sorted.windows(2).filter(|pair| pair[0].0 == pair[1].0).count();
    Ok((sorted.into_iter().map(|(_, place)| place).collect(), repeats))
}

/// Makes the declared models of one commit, however often it has to be tried.
pub struct Maker<'a> {
    warehouse: &'a Warehouse,
    models: &'a [Model],
    datasets: &'a [Dataset],
    vocabulary: &'a Vocabulary,
    program: &'a str,
    /// What this maker has made, for the next try.
    made: BTreeMap<DatasetId, (Manifest, Vec<Certificate>)>,
}

/// A state of the warehouse, being read.
struct Reading {
    contents: Contents,
    /// Opened by the first that has to be built.
    session: Option<Session>,
}

impl<'a> Maker<'a> {
    /// A maker of these models. `program` is its version, which is part of what makes a part.
    pub fn new(
        warehouse: &'a Warehouse,
        models: &'a [Model],
        datasets: &'a [Dataset],
        vocabulary: &'a Vocabulary,
        program: &'a str,
    ) -> Self {
        Self { warehouse, models, datasets, vocabulary, program, made: BTreeMap::new() }
    }

    /// Brings every model of the draft up to date, and says what became of each.
    ///
    /// Fails only where the disk or the program does; what is wrong with one model is told in its [`Became`].
    pub fn make(&mut self, draft: &mut Draft) -> Result<BTreeMap<DatasetId, Became>> {
        let mut became = BTreeMap::new();
        self.dismiss(draft, &mut became)?;
        let mut pending = Vec::new();
        for model in self.models {
            match session::reads(&model.sql) {
                Ok(reads) => pending.push((model, reads)),
                Err(error) => {
                    became.insert(model.id.clone(), self.fail(draft, model, BTreeMap::new(), error)?);
                }
            }
        }
        // Those that read no model that is still to come, then those that read them, and so on.
        while !pending.is_empty() {
            let names: BTreeSet<String> = pending.iter().map(|(model, _)| model.id.to_string()).collect();
            let (ready, rest): (Vec<_>, Vec<_>) = pending.into_iter().partition(|(_, reads)| reads.is_disjoint(&names));
            if ready.is_empty() {
                for (model, _) in rest {
                    let error = Error::new(Kind::Usage, "it reads itself, or models that read it")
                        .hint("a name that its SQL gives to a subquery may be a model's as well");
                    became.insert(model.id.clone(), self.fail(draft, model, BTreeMap::new(), error)?);
                }
                break;
            }
            let contents = Contents::read(self.warehouse, draft.snapshot(), self.datasets, self.vocabulary)?;
            let mut reading = Reading { contents, session: None };
            for (model, reads) in ready {
                became.insert(model.id.clone(), self.one(draft, &mut reading, model, &reads)?);
            }
            pending = rest;
        }
        Ok(became)
    }

    /// Takes out the models that are no longer declared: nobody would keep them up to date.
    fn dismiss(&self, draft: &mut Draft, became: &mut BTreeMap<DatasetId, Became>) -> Result<()> {
        let known: BTreeSet<_> = self.models.iter().map(|model| &model.id).collect();
        let held: Vec<_> = draft.snapshot().datasets.keys().filter(|id| !known.contains(id)).cloned().collect();
        for id in held {
            if draft.manifest(self.warehouse, &id)?.is_some_and(|manifest| manifest.derived.is_some()) {
                draft.remove(&id);
                became.insert(id, Became::Left);
            }
        }
        Ok(())
    }

    fn one(
        &mut self,
        draft: &mut Draft,
        reading: &mut Reading,
        model: &Model,
        reads: &BTreeSet<String>,
    ) -> Result<Became> {
        let mut inputs = BTreeMap::new();
        let mut missing = BTreeSet::new();
        let tables = reading.contents.tables.iter().filter(|table| reads.contains(&table.name.to_lowercase()));
        // A model that waits, or failed, has no table.
        let models = self.models.iter().map(|other| &other.id).filter(|other| reads.contains(other.as_str()));
        for input in tables.map(|table| &table.dataset).chain(models) {
            if let Some(digest) = draft.snapshot().datasets.get(input) {
                inputs.insert(input.clone(), digest.clone());
            } else if !model.spec.optional.contains(input) {
                missing.insert(input.clone());
            }
        }
        if !missing.is_empty() {
            draft.remove(&model.id);
            return Ok(Became::Waits(missing));
        }
        for input in inputs.keys() {
            let derived = draft.manifest(self.warehouse, input)?.and_then(|manifest| manifest.derived);
            if derived.is_some_and(|derived| derived.failed.is_some()) {
                let error = Error::new(Kind::CheckFailed, format!("it reads the model {input}, which failed"));
                return self.fail(draft, model, inputs, error);
            }
        }
        if inputs.is_empty() {
            let error = Error::new(Kind::Usage, "it reads no dataset")
                .hint("`tollhouse datasets` lists those that a model can be made from");
            return self.fail(draft, model, inputs, error);
        }
        let planned = self.plan(model, inputs)?;
        if let Some(held) = draft.manifest(self.warehouse, &model.id)?
            && made_alike(&held, &planned)
        {
            return Ok(Became::Kept);
        }
        if let Some((made, certificates)) = self.made.get(&model.id).filter(|(made, _)| made_alike(made, &planned)) {
            draft.put(self.warehouse, made, certificates)?;
            return Ok(Became::Built { rows: made.slices.iter().map(|slice| slice.counts.kept).sum() });
        }
        match self.build(draft, reading, model) {
            Ok((batch, checks)) => self.publish(draft, model, planned, &batch, checks),
            Err(error) if matches!(error.kind(), Kind::Usage | Kind::CheckFailed) => {
                let inputs = planned.derived.map(|derived| derived.inputs).unwrap_or_default();
                self.fail(draft, model, inputs, error)
            }
            Err(error) => Err(error.while_doing(model.file())),
        }
    }

    /// The manifest that a model has once it is built, but for its rows.
    fn plan(&self, model: &Model, inputs: BTreeMap<DatasetId, Digest>) -> Result<Manifest> {
        let columns = model.spec.columns.iter().map(|name| {
            let meaning = self.vocabulary.get(name)?;
            Ok(ColumnType { name: name.clone(), kind: meaning.kind.sql(), id: meaning.id })
        });
        let table = Table {
            name: model.id.to_string(),
            columns: columns.collect::<Result<_>>()?,
            series: Vec::new(),
            outdated: Vec::new(),
            period: model.spec.period.clone(),
        };
        Ok(Manifest {
            format: store::FORMAT,
            dataset: model.id.clone(),
            pipeline: model.declaration.clone(),
            program: self.program.to_owned(),
            tables: vec![table],
            slices: Vec::new(),
            derived: Some(Derivation {
                title: model.spec.title.clone(),
                row: model.spec.row.clone(),
                key: model.spec.key.clone(),
                caveats: model.spec.caveats.clone(),
                sql: model.sql.clone(),
                method: model
                    .spec
                    .method
                    .as_ref()
                    .map(|it| toml::to_string(it).or_error(Kind::Internal, NO_METHOD))
                    .transpose()?,
                inputs,
                failed: None,
            }),
        })
    }

    /// Runs the SQL over the draft, and looks at what comes out.
    fn build(&self, draft: &Draft, reading: &mut Reading, model: &Model) -> Result<(RecordBatch, Vec<Check>)> {
        let session = match &mut reading.session {
            Some(session) => session,
            none => {
                let opened = Session::of_draft(self.warehouse, draft.snapshot(), self.datasets, self.vocabulary)?;
                none.insert(opened)
            }
        };
        let batch = model.rows(session, self.vocabulary)?;
        let check = |name: &str, saw: String| Check { name: name.to_owned(), saw };
        let checks = vec![
            check("rows", batch.num_rows().to_string()),
            check("key", format!("{} unique, never null", model.spec.key.join(", "))),
            check("disclosure", "nothing that the inputs' rules forbid was seen".to_owned()),
        ];
        Ok((batch, checks))
    }

    /// Writes the rows and puts the model into the draft.
    fn publish(
        &mut self,
        draft: &mut Draft,
        model: &Model,
        planned: Manifest,
        batch: &RecordBatch,
        checks: Vec<Check>,
    ) -> Result<Became> {
        let release: Release = DERIVED.parse()?;
        let rows = batch.num_rows() as u64;
        let place = Place { table: model.id.as_str(), release: &release, year: None };
        let parts = if rows == 0 { Vec::new() } else { vec![part::write(self.warehouse, place, batch)?] };
        let inputs = planned.derived.iter().flat_map(|derived| derived.inputs.keys());
        let slice = Slice {
            release: release.clone(),
            name: "all".to_owned(),
            grade: DERIVED.to_owned(),
            note: format!("from {}", inputs.map(DatasetId::as_str).collect::<Vec<_>>().join(", ")),
            url: String::new(),
            captures: Vec::new(),
            since: None,
            counts: Counts { read: rows, kept: rows, ..Counts::default() },
            coverage: Vec::new(),
            parts,
            pipeline: model.declaration.clone(),
            program: self.program.to_owned(),
        };
        let certificate = Certificate { dataset: model.id.clone(), release, slice: slice.name.clone(), checks };
        let manifest = Manifest { slices: vec![slice], ..planned };
        let certificates = vec![certificate];
        draft.put(self.warehouse, &manifest, &certificates)?;
        self.made.insert(model.id.clone(), (manifest, certificates));
        Ok(Became::Built { rows })
    }

    /// Puts a model into the draft that has no rows, and says why.
    fn fail(
        &self,
        draft: &mut Draft,
        model: &Model,
        inputs: BTreeMap<DatasetId, Digest>,
        error: Error,
    ) -> Result<Became> {
        let mut manifest = self.plan(model, inputs)?;
        manifest.tables.clear();
        if let Some(derived) = &mut manifest.derived {
            // DuckDB may quote cells in its words; what stays says no more than the checks do.
            derived.failed = Some(match error.kind() {
                Kind::CheckFailed => error.to_string(),
                _ => "its SQL fails, or does not fit its declaration".to_owned(),
            });
        }
        draft.put(self.warehouse, &manifest, &[])?;
        Ok(Became::Failed(error.while_doing(model.file())))
    }
}

/// Makes a model again in another warehouse, over its inputs as its manifest names them; none where it has no rows.
pub fn remake(
    warehouse: &Warehouse,
    into: &Warehouse,
    manifest: &Manifest,
    snapshot: &Snapshot,
    datasets: &[Dataset],
    vocabulary: &Vocabulary,
) -> Result<Option<part::Part>> {
    let inputs = manifest.derived.as_ref().map(|derived| derived.inputs.clone()).unwrap_or_default();
    let inputs = Snapshot { datasets: inputs, ..snapshot.clone() };
    let batch = again(warehouse, manifest, &inputs, datasets, vocabulary)?;
    let release: Release = DERIVED.parse()?;
    let place = Place { table: manifest.dataset.as_str(), release: &release, year: None };
    if batch.num_rows() == 0 { Ok(None) } else { part::write(into, place, &batch).map(Some) }
}

const NO_METHOD: &str = "the method of a model cannot be told";

/// The rows of a model made again as its manifest says, over these manifests of its inputs.
pub(crate) fn again(
    warehouse: &Warehouse,
    manifest: &Manifest,
    inputs: &Snapshot,
    datasets: &[Dataset],
    vocabulary: &Vocabulary,
) -> Result<RecordBatch> {
    let (Some(derived), [table]) = (&manifest.derived, manifest.tables.as_slice()) else {
        return Err(Error::new(Kind::CheckFailed, format!("the model {} had failed", manifest.dataset)));
    };
    let spec = Spec {
        title: derived.title.clone(),
        row: derived.row.clone(),
        columns: table.columns.iter().map(|column| column.name.clone()).collect(),
        key: derived.key.clone(),
        period: table.period.clone(),
        optional: BTreeSet::new(),
        caveats: derived.caveats.clone(),
        method: derived
            .method
            .as_deref()
            .map(|text| toml::from_str(text).or_error(Kind::Damaged, NO_METHOD))
            .transpose()?,
    };
    let (id, sql, declaration) = (manifest.dataset.clone(), derived.sql.clone(), manifest.pipeline.clone());
    let model = Model { id, spec, sql, declaration };
    let session = Session::of_draft(warehouse, inputs, datasets, vocabulary)?;
    model.rows(&session, vocabulary)
}

/// Whether two manifests were made in the same way from the same inputs.
fn made_alike(held: &Manifest, planned: &Manifest) -> bool {
    held.derived == planned.derived
        && held.tables == planned.tables
        && (&held.pipeline, &held.program) == (&planned.pipeline, &planned.program)
}
