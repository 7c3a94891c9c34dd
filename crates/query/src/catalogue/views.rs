//! What a snapshot holds, table by table, and the views over it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use model::column::Vocabulary;
use model::dataset::Dataset;
use model::{DatasetId, Release, Result};
use store::Warehouse;
use store::commit::{ColumnType, Manifest, Snapshot};
use store::part::Part;

use crate::sql;

/// A snapshot with its manifests read.
pub(crate) struct Contents {
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) tables: Vec<Table>,
}

/// A table with its parts, by release.
pub(crate) struct Table {
    pub(crate) dataset: DatasetId,
    pub(crate) name: String,
    pub(crate) columns: Vec<ColumnType>,
    pub(crate) period: Option<String>,
    pub(crate) parts: Vec<(Release, Part)>,
}

impl Contents {
    /// Reads the manifests of a snapshot. Datasets that are declared and not in it come last, empty.
    pub(crate) fn read(
        warehouse: &Warehouse,
        snapshot: &Snapshot,
        datasets: &[Dataset],
        vocabulary: &Vocabulary,
    ) -> Result<Self> {
        let manifests =
            snapshot.datasets.values().map(|digest| warehouse.manifest(digest)).collect::<Result<Vec<_>>>()?;
        let mut tables: Vec<Table> = manifests.iter().flat_map(tables_of).collect();
        for dataset in datasets.iter().filter(|dataset| !snapshot.datasets.contains_key(&dataset.id)) {
            tables.push(declared(dataset, dataset.id.to_string(), vocabulary)?);
            if dataset.spec.totals.is_some() {
                tables.push(declared(dataset, dataset.totals_table(), vocabulary)?);
            }
        }
        Ok(Self { manifests, tables })
    }

    /// The statements that make the schemas, and the views of every table.
    pub(crate) fn views(&self, root: &Path) -> Vec<String> {
        let schemas = ["CREATE SCHEMA history".to_owned(), "CREATE SCHEMA meta".to_owned()];
        let views = self.tables.iter().flat_map(|table| [table.history(root), table.newest(root)]);
        schemas.into_iter().chain(views).collect()
    }
}

fn tables_of(manifest: &Manifest) -> impl Iterator<Item = Table> {
    manifest.tables.iter().map(|table| {
        let parts = manifest.slices.iter().flat_map(|slice| {
            let own = slice.parts.iter().filter(|part| part.table == table.name);
            own.map(|part| (slice.release.clone(), part.clone()))
        });
        Table {
            dataset: manifest.dataset.clone(),
            name: table.name.clone(),
            columns: table.columns.clone(),
            period: table.period.clone(),
            parts: parts.collect(),
        }
    })
}

/// The table of a dataset of which nothing is loaded: a query of it finds no row, rather than no table.
fn declared(dataset: &Dataset, name: String, vocabulary: &Vocabulary) -> Result<Table> {
    let columns = dataset.columns().into_iter().map(|name| {
        let meaning = vocabulary.get(&name)?;
        Ok(ColumnType { kind: meaning.kind.sql(), id: meaning.id, name })
    });
    Ok(Table {
        dataset: dataset.id.clone(),
        name,
        columns: columns.collect::<Result<_>>()?,
        period: Some(dataset.spec.period.clone()),
        parts: Vec::new(),
    })
}

/// How the newest release of each period is found.
enum Newest<'a> {
    /// There is one release, or rows have no period.
    All,
    /// Parts hold a year each: choose parts.
    Parts(Vec<&'a Part>),
    /// Rows of several periods share parts: compare rows by this column.
    Rows(&'a str),
}

impl Table {
    /// The view with the rows of every release.
    fn history(&self, root: &Path) -> String {
        let parts: Vec<&Part> = self.parts.iter().map(|(_, part)| part).collect();
        format!("CREATE VIEW history.{} AS\n{}", sql::name(&self.name), self.select(root, &parts))
    }

    /// The view with the rows of the newest release of each period. Without a period (notes) these are all rows.
    fn newest(&self, root: &Path) -> String {
        let all: Vec<&Part> = self.parts.iter().map(|(_, part)| part).collect();
        let body = match self.choose() {
            Newest::All => self.select(root, &all),
            Newest::Parts(parts) => self.select(root, &parts),
            Newest::Rows(period) => {
                let period = sql::name(period);
                format!(
                    "WITH every AS NOT MATERIALIZED (\n{}\n)\nSELECT every.* FROM every SEMI JOIN (\n  \
                     SELECT {period} AS _period, max(release) AS _release FROM every GROUP BY {period}\n) AS newest\n\
                     ON every.release = newest._release AND every.{period} IS NOT DISTINCT FROM newest._period",
                    self.select(root, &all)
                )
            }
        };
        format!("CREATE VIEW main.{} AS\n{body}", sql::name(&self.name))
    }

    fn choose(&self) -> Newest<'_> {
        let releases: BTreeSet<&Release> = self.parts.iter().map(|(release, _)| release).collect();
        let Some(period) = self.period.as_deref().filter(|_| releases.len() > 1) else {
            return Newest::All;
        };
        if period != "year" || self.parts.iter().any(|(_, part)| part.year.is_none()) {
            return Newest::Rows(period);
        }
        let mut newest: BTreeMap<Option<i32>, &Release> = BTreeMap::new();
        for (release, part) in &self.parts {
            let best = newest.entry(part.year).or_insert(release);
            *best = release.max(best);
        }
        let chosen = self.parts.iter().filter(|(release, part)| newest.get(&part.year) == Some(&release));
        Newest::Parts(chosen.map(|(_, part)| part).collect())
    }

    /// Reads parts by field id, so that each has the columns and types of today whatever it was written with: a column
    /// that came later is null in older parts.
    fn select(&self, root: &Path, parts: &[&Part]) -> String {
        if parts.is_empty() {
            let columns: Vec<String> = self
                .columns
                .iter()
                .map(|column| format!("CAST(NULL AS {}) AS {}", column.kind, sql::name(&column.name)))
                .collect();
            return format!("SELECT {} WHERE false", columns.join(", "));
        }
        let root = sql::text(&root.display().to_string());
        let files: Vec<String> = parts
            .iter()
            .map(|part| {
                format!("coalesce(getvariable('warehouse'), {root}) || {}", sql::text(&format!("/{}", part.path)))
            })
            .collect();
        let schema: Vec<String> = self
            .columns
            .iter()
            .map(|column| {
                let (name, kind) = (sql::text(&column.name), sql::text(&column.kind));
                format!("{}: {{name: {name}, type: {kind}, default_value: NULL}}", column.id)
            })
            .collect();
        format!(
            "SELECT * FROM read_parquet([\n  {}\n], hive_partitioning = false, schema = MAP {{{}}})",
            files.join(",\n  "),
            schema.join(", ")
        )
    }
}
