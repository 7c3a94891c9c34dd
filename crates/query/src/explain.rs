//! What a figure, a claim or a cell rests on: down to the captures, by digest, address and time, and the rules that made it.
//!
//! Of a cell the value is shown under the rules of [`crate::disclosure`]: where a derived table may not show it, it is told that it
//! is not shown, and where it comes from all the same.

use std::collections::{BTreeMap, BTreeSet};

use model::dataset::Dataset;
use model::{DatasetId, Digest, Error, Kind, Result};
use serde::Serialize;
use store::commit::{Capture, Manifest, Slice};

use crate::claim::Claim;
use crate::{Session, disclosure, figures, lineage, sql};

/// What something rests on.
#[derive(Debug, Clone, Serialize)]
pub struct Explained {
    /// What it is: a figure's title, a claim's statement, a cell's name.
    pub what: String,
    /// The snapshot.
    pub snapshot: u64,
    /// Whether its data are real.
    pub origin: &'static str,
    /// The SQL behind it, where there is any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sql: Vec<String>,
    /// The cell, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell: Option<Cell>,
    /// The models on the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<Derived>,
    /// The slices that it rests on.
    pub sources: Vec<Source>,
    /// What was erased from them, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<String>,
}

/// A cell.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    /// What finds its row.
    pub key: BTreeMap<String, String>,
    /// What stands there; none for a null, and where it is not shown.
    pub value: Option<String>,
    /// Why it is not shown, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_shown: Option<&'static str>,
    /// Its status, where the column has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What the column is, with its unit and whose place it tells.
    pub about: String,
    /// The record in its capture, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// How the pipeline says that it is read or computed, as it is declared there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The corrections of the publisher's errors that are declared for such rows, as they are declared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub corrections: Vec<String>,
}

/// A model on the way.
#[derive(Debug, Clone, Serialize)]
pub struct Derived {
    /// Its name.
    pub model: DatasetId,
    /// What its SQL names.
    pub inputs: Vec<DatasetId>,
    /// The digest of its SQL.
    pub sql_sha256: Digest,
    /// The version of the program that made it.
    pub program: String,
}

/// A slice that something rests on.
#[derive(Debug, Clone, Serialize)]
pub struct Source {
    /// Its dataset.
    pub dataset: DatasetId,
    /// Its edition.
    pub release: String,
    /// Its name.
    pub slice: String,
    /// `publisher` or `secondary`.
    pub grade: String,
    /// A word on where it comes from.
    pub note: String,
    /// The version of the program that made it.
    pub program: String,
    /// The pipeline by which it was made, kept under declarations/.
    pub pipeline_sha256: Digest,
    /// The captures.
    pub captures: Vec<Origin>,
}

/// A capture.
#[derive(Debug, Clone, Serialize)]
pub struct Origin {
    /// The digest of its bytes.
    pub sha256: Digest,
    /// The address that was asked.
    pub url: String,
    /// How it came: `live`, `replica`, `import` or `project`; none where its receipt cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// When, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched: Option<String>,
    /// The erasure that took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<u64>,
}

const NOT_SHOWN: &str = "a small count below the nation, or what tells one, is shown by nothing that we derive";

/// What a figure rests on.
pub fn figure(session: &Session, spec: &figures::Spec) -> Result<Explained> {
    rests(session, spec.chart.title.clone(), vec![spec.sql.clone()])
}

/// What the tests of a claim rest on.
pub fn claim(session: &Session, claim: &Claim) -> Result<Explained> {
    let sql = claim.tests.iter().map(|test| test.sql.clone()).collect();
    rests(session, claim.statement.clone(), sql)
}

/// What a cell of a table rests on, in the row that this key finds. With a `release` among it, every release is looked at,
/// else the newest of each period.
pub fn cell(
    session: &Session,
    datasets: &[Dataset],
    table: &str,
    column: &str,
    key: &BTreeMap<String, String>,
) -> Result<Explained> {
    let known = session.columns(table).ok_or_else(|| {
        Error::new(Kind::Usage, format!("there is no table {table}")).hint("`tollhouse datasets` lists the tables")
    })?;
    let dataset = session.dataset_of(table);
    for name in key.keys().map(String::as_str).chain([column]) {
        if !known.iter().any(|known| known == name) {
            return Err(Error::new(Kind::Usage, format!("{table} has no column {name}"))
                .hint("`tollhouse datasets show` prints a table's columns"));
        }
    }
    // A row is found by its key alone: whoever could name a count would be told whether it is right.
    let declared = datasets.iter().find(|known| Some(&known.id) == dataset.as_ref());
    let derived = session.manifests().iter().find(|manifest| Some(&manifest.dataset) == dataset.as_ref());
    let derived = derived.and_then(|manifest| manifest.derived.as_ref()).map(|derived| derived.key.clone());
    let keys = derived.or_else(|| declared.map(|dataset| dataset.spec.check.key.clone())).unwrap_or_default();
    if let Some(name) = key.keys().find(|name| !keys.contains(name)) {
        return Err(Error::new(Kind::Usage, format!("{name} is not in the key of {table}"))
            .hint(format!("a row is found by {}", keys.join(", "))));
    }
    let schema = if key.contains_key("release") { "history" } else { "main" };
    let same = key.iter().map(|(name, value)| format!("CAST({} AS VARCHAR) = {}", sql::name(name), sql::text(value)));
    let same: Vec<String> = same.collect();
    let from = format!(
        "FROM {schema}.{} WHERE {}",
        sql::name(table),
        if same.is_empty() { "true".to_owned() } else { same.join(" AND ") }
    );
    let has = |name: &str| known.iter().any(|known| known == name);
    let told =
        ["release", "_capture", "_record"].map(|name| if has(name) { sql::name(name) } else { "NULL".to_owned() });
    let rows = session.query(&format!("SELECT {} {from} LIMIT 2", told.join(", ")))?.rows;
    let [row] = rows.as_slice() else {
        let what = if rows.is_empty() { "no row" } else { "more than one row" };
        let hint = format!("KEY=VALUE arguments find one row; the key of {table} is {}", keys.join(", "));
        // It may have been there.
        let erased = if rows.is_empty() { session.erased(&dataset.into_iter().collect()) } else { Vec::new() };
        let erased =
            erased.into_iter().map(|what| format!("; records were erased from it: {what}")).collect::<String>();
        return Err(Error::new(Kind::Usage, format!("{what} of {table} is meant{erased}")).hint(hint));
    };
    let asked = format!("SELECT {} AS value {from}", sql::name(column));
    let answer = session.query(&asked)?;
    let (value, not_shown) = match disclosure::guard(session, "the cell", &asked, &answer) {
        Ok(()) => (answer.rows.first().and_then(|row| row.first().cloned().flatten()), None),
        Err(error) if error.kind() == Kind::CheckFailed => (None, Some(NOT_SHOWN)),
        Err(error) => return Err(error),
    };
    // A bound of a count, or its status, is read with the count.
    let stem = ["_low", "_high", "_status"].iter().find_map(|end| column.strip_suffix(end)).unwrap_or(column);
    let status = [format!("{column}_status"), format!("{stem}_status")].into_iter().find(|name| has(name));
    let status = match status {
        Some(name) => {
            let rows = session.query(&format!("SELECT {} {from}", sql::name(&name)))?.rows;
            rows.first().and_then(|row| row.first().cloned().flatten())
        }
        None => None,
    };
    let [release, capture, record] = [0, 1, 2].map(|place| row.get(place).cloned().flatten());
    let is_own = |dataset: &DatasetId, slice: &Slice, held: &Capture| {
        session.dataset_of(table).as_ref() == Some(dataset)
            && release.as_deref() == Some(slice.release.as_str())
            && capture.as_deref() == Some(held.sha256.as_str())
    };
    let name = key.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ");
    let mut found = rests(session, format!("{table}.{column} where {name}"), vec![asked])?;
    found.sql.clear();
    if capture.is_some() {
        found.sources = session
            .manifests()
            .iter()
            .flat_map(|manifest| manifest.slices.iter().map(move |slice| (manifest, slice)))
            .filter(|(manifest, slice)| slice.captures.iter().any(|held| is_own(&manifest.dataset, slice, held)))
            .map(|(manifest, slice)| source(session, manifest, slice, capture.as_deref()))
            .collect();
    }
    let declaration =
        found.sources.first().map(|source| session.declaration(&source.pipeline_sha256)).transpose()?.flatten();
    let declaration = declaration.or_else(|| declared.map(|dataset| dataset.text.to_string()));
    let (rule, corrections) = match declaration.filter(|_| capture.is_some()) {
        Some(text) => declared_as(&text, column, stem, release.as_deref().unwrap_or_default()),
        None => (None, Vec::new()),
    };
    found.cell = Some(Cell {
        key: key.clone(),
        value,
        not_shown,
        status,
        about: session.about(table, column)?,
        record: record.and_then(|record| record.parse().ok()),
        rule,
        corrections,
    });
    Ok(found)
}

/// How a pipeline declares a column, and the corrections that it has for a release.
fn declared_as(text: &str, column: &str, stem: &str, release: &str) -> (Option<String>, Vec<String>) {
    let Ok(declared) = text.parse::<toml::Table>() else { return (None, Vec::new()) };
    let tables = |name: &str| {
        let all = declared.get(name).and_then(toml::Value::as_array).cloned().unwrap_or_default();
        all.into_iter().filter_map(|one| one.as_table().cloned())
    };
    let text = |table: &toml::Table, name: &str| table.get(name).and_then(toml::Value::as_str).map(ToOwned::to_owned);
    let named = |name: &str| tables("column").find(|one| text(one, "name").as_deref() == Some(name));
    let Some(own) = named(column).or_else(|| named(stem)) else { return (None, Vec::new()) };
    let from: Vec<String> = match own.get("from") {
        Some(toml::Value::Array(all)) => all.iter().filter_map(|one| one.as_str().map(ToOwned::to_owned)).collect(),
        Some(toml::Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    };
    let holds = |one: &toml::Table| {
        let releases = one.get("releases").and_then(toml::Value::as_array);
        let named = releases.is_some_and(|all| all.iter().any(|known| known.as_str() == Some(release)));
        let others = one.get("others").and_then(toml::Value::as_bool) == Some(true);
        (named || others) && text(one, "column").is_some_and(|column| from.contains(&column))
    };
    let print = |table: &toml::Table| toml::to_string(table).unwrap_or_default().trim().to_owned();
    (Some(print(&own)), tables("correction").filter(holds).map(|one| print(&one)).collect())
}

/// What some SQL rests on.
fn rests(session: &Session, what: String, sql: Vec<String>) -> Result<Explained> {
    let mut touched = BTreeSet::new();
    for one in &sql {
        touched.extend(session.touched(one)?);
    }
    let manifests = session.manifests();
    let mut reached = BTreeSet::new();
    let mut open: Vec<DatasetId> = touched.iter().cloned().collect();
    let mut models = Vec::new();
    while let Some(next) = open.pop() {
        if !reached.insert(next.clone()) {
            continue;
        }
        let held = manifests.iter().find(|manifest| manifest.dataset == next);
        if let Some((manifest, derived)) = held.and_then(|held| Some((held, held.derived.as_ref()?))) {
            open.extend(derived.inputs.keys().cloned());
            models.push(Derived {
                model: next,
                inputs: derived.inputs.keys().cloned().collect(),
                sql_sha256: Digest::of(&derived.sql),
                program: manifest.program.clone(),
            });
        }
    }
    models.sort_by(|a, b| a.model.cmp(&b.model));
    let origins: BTreeSet<DatasetId> =
        touched.iter().flat_map(|dataset| lineage::origins(manifests, dataset)).collect();
    let sources = manifests
        .iter()
        .filter(|manifest| origins.contains(&manifest.dataset))
        .flat_map(|manifest| manifest.slices.iter().map(move |slice| source(session, manifest, slice, None)));
    Ok(Explained {
        what,
        snapshot: session.snapshot(),
        origin: session.origin().as_str(),
        sql,
        cell: None,
        models,
        sources: sources.collect(),
        erased: session.erased(&reached),
    })
}

/// A slice, with all its captures or only one.
fn source(session: &Session, manifest: &Manifest, slice: &Slice, only: Option<&str>) -> Source {
    let captures = slice.captures.iter().filter(|capture| only.is_none_or(|only| capture.sha256.as_str() == only));
    let captures = captures.map(|capture| {
        let receipt = session.receipt_of(&capture.exchange);
        Origin {
            sha256: capture.sha256.clone(),
            url: capture.url.clone(),
            via: receipt.as_ref().map(|receipt| receipt.via.clone()),
            fetched: receipt.as_ref().map(|receipt| receipt.finished.to_string()),
            erased: capture.erased,
        }
    });
    Source {
        dataset: manifest.dataset.clone(),
        release: slice.release.to_string(),
        slice: slice.name.clone(),
        grade: slice.grade.clone(),
        note: slice.note.clone(),
        program: slice.program.clone(),
        pipeline_sha256: slice.pipeline.clone(),
        captures: captures.collect(),
    }
}

#[cfg(test)]
mod tests;
