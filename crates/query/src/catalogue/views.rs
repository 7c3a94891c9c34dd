//! What a snapshot holds, table by table, and the views over it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::fmt::rfc2822;
use model::column::Vocabulary;
use model::dataset::{Dataset, Series};
use model::{DatasetId, Release, Result};
use store::Warehouse;
use store::archive::Archive;
use store::commit::{ColumnType, Covered, Manifest, Relation, Slice, Snapshot, relation};
use store::part::Part;

use super::macros;
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
    /// The columns that say which series a row belongs to: the newest release is found for each by itself.
    pub(crate) series: Vec<Series>,
    pub(crate) parts: Vec<Loaded>,
}

/// A part, and what decides whether it is shown.
pub(crate) struct Loaded {
    pub(crate) release: Release,
    /// Whether the publisher's own files are behind it, not somebody's copy.
    pub(crate) own: bool,
    /// Whether its publication has ended, by the declaration: any other release takes its place.
    pub(crate) outdated: bool,
    /// What periods and series its slice covers, where that is told.
    pub(crate) coverage: Arc<[Covered]>,
    /// The snapshot that its slice came with, where that is told.
    pub(crate) since: Option<u64>,
    /// When its publisher says that it last changed the file.
    pub(crate) released: Option<Date>,
    pub(crate) part: Part,
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
        let archive = warehouse.archive();
        let mut tables: Vec<Table> =
            manifests.iter().flat_map(|manifest| tables_of(&archive, snapshot, manifest)).collect();
        for dataset in datasets.iter().filter(|dataset| !snapshot.datasets.contains_key(&dataset.id)) {
            tables.push(declared(dataset, dataset.id.to_string(), vocabulary)?);
            if dataset.spec.totals.is_some() {
                tables.push(declared(dataset, dataset.totals_table(), vocabulary)?);
            }
        }
        Ok(Self { manifests, tables })
    }

    /// The statements that make the schemas, and the views of every table. Where rows are `dated`, `history` says with which
    /// snapshot they came, which a model may not see: it would be another in another warehouse.
    pub(crate) fn views(&self, root: &Path, dated: bool) -> Vec<String> {
        let schemas = ["CREATE SCHEMA history".to_owned(), "CREATE SCHEMA meta".to_owned()];
        let views = self.tables.iter().flat_map(|table| [table.history(root, dated), table.newest(root)]);
        // Those that read views come after them.
        schemas.into_iter().chain(views).chain(macros::statements(&self.names())).collect()
    }

    /// The names of the tables.
    pub(super) fn names(&self) -> Vec<&str> {
        self.tables.iter().map(|table| table.name.as_str()).collect()
    }
}

fn tables_of(archive: &Archive, snapshot: &Snapshot, manifest: &Manifest) -> impl Iterator<Item = Table> {
    let came = snapshot.came.get(&manifest.dataset).copied();
    let released: Vec<Option<Date>> = manifest.slices.iter().map(|slice| released(archive, slice)).collect();
    manifest.tables.iter().map(move |table| {
        let parts = manifest.slices.iter().zip(&released).flat_map(|(slice, released)| {
            // Where series are told, two releases of a row may differ in any other column, or leave it blank.
            let steady = |covered: &&Covered| {
                let series = table.series.iter().any(|series| *series == Series::Column(covered.column.clone()));
                table.series.is_empty() || series || table.period.as_ref() == Some(&covered.column)
            };
            let coverage: Arc<[Covered]> = slice.coverage.iter().filter(steady).cloned().collect();
            let own = slice.parts.iter().filter(|part| part.table == table.name);
            own.map(move |part| Loaded {
                release: slice.release.clone(),
                own: slice.grade != "secondary",
                outdated: table.outdated.contains(&slice.release),
                coverage: Arc::clone(&coverage),
                since: slice.since.or(came),
                released: *released,
                part: part.clone(),
            })
        });
        Table {
            dataset: manifest.dataset.clone(),
            name: table.name.clone(),
            columns: table.columns.clone(),
            period: table.period.clone(),
            series: table.series.clone(),
            parts: parts.collect(),
        }
    })
}

/// When a publisher says that it last changed the first file of a slice: what its server told, of what a server sent.
fn released(archive: &Archive, slice: &Slice) -> Option<Date> {
    let receipt = archive.exchange(&slice.captures.first()?.exchange).ok()?;
    let told = receipt.headers.iter().find(|(name, _)| name == "last-modified")?;
    rfc2822::parse(&told.1).ok().map(|at| at.date())
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
        series: dataset.spec.series.clone(),
        parts: Vec::new(),
    })
}

/// The views of unmasked rows, where there are any.
pub(crate) fn restricted(files: &[(DatasetId, PathBuf)]) -> Vec<String> {
    let mut by_dataset: BTreeMap<&DatasetId, Vec<String>> = BTreeMap::new();
    for (dataset, file) in files {
        by_dataset.entry(dataset).or_default().push(sql::text(&file.display().to_string()));
    }
    let views = by_dataset.into_iter().map(|(dataset, files)| {
        let name = sql::name(dataset.as_str());
        format!("CREATE VIEW restricted.{name} AS SELECT * FROM read_parquet([{}])", files.join(", "))
    });
    let schema = (!files.is_empty()).then(|| "CREATE SCHEMA restricted".to_owned());
    schema.into_iter().chain(views).collect()
}

/// Those parts of whose rows another release may have some too, and the others: what their slices cover tells that nothing is
/// in both, such as a file of one drug and a file of others.
fn contested<'a>(eligible: &[&'a Loaded]) -> (Vec<&'a Loaded>, Vec<&'a Loaded>) {
    let is_same = |a: &Loaded, b: &Loaded| a.release == b.release && Arc::ptr_eq(&a.coverage, &b.coverage);
    // A slice has a part for each year.
    let mut slices: Vec<&Loaded> = eligible.to_vec();
    slices.dedup_by(|a, b| is_same(a, b));
    let is_free = |slice: &Loaded| {
        let others = slices.iter().filter(|other| other.release != slice.release);
        others.map(|other| relation(&slice.coverage, &other.coverage)).all(|found| found == Relation::Disjoint)
    };
    let mut last: Option<(&Loaded, bool)> = None;
    eligible.iter().copied().partition(|loaded| match last {
        Some((slice, free)) if is_same(slice, loaded) => !free,
        _ => {
            let free = is_free(loaded);
            last = Some((loaded, free));
            !free
        }
    })
}

/// What tells the series of a row, as SQL.
fn told_by(series: &Series) -> String {
    match series {
        Series::Column(column) => sql::name(column),
        Series::Without { column, without } => {
            format!("CASE WHEN {} IS NULL THEN {} END", sql::name(without), sql::name(column))
        }
    }
}

fn parts<'a>(loaded: &[&'a Loaded]) -> Vec<&'a Part> {
    loaded.iter().map(|loaded| &loaded.part).collect()
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
    /// The view with the rows of every release; where they are `dated`, with the snapshot that each came with and the day on
    /// which its publisher last changed its file.
    fn history(&self, root: &Path, dated: bool) -> String {
        let name = sql::name(&self.name);
        if !dated {
            return format!(
                "CREATE VIEW history.{name} AS\n{}",
                self.select(root, &parts(&self.parts.iter().collect::<Vec<_>>()))
            );
        }
        let mut came: BTreeMap<(Option<u64>, Option<Date>), Vec<&Part>> = BTreeMap::new();
        for loaded in &self.parts {
            came.entry((loaded.since, loaded.released)).or_default().push(&loaded.part);
        }
        if came.is_empty() {
            came.insert((None, None), Vec::new());
        }
        let each = came.iter().map(|((since, released), parts)| {
            let since = since.map_or("NULL".to_owned(), |since| since.to_string());
            let released = sql::optional(released.map(|day| day.to_string()));
            format!(
                "SELECT *, CAST({since} AS BIGINT) AS _snapshot, CAST({released} AS DATE) AS _released FROM (\n{}\n)",
                self.select(root, parts)
            )
        });
        format!("CREATE VIEW history.{name} AS\n{}", each.collect::<Vec<_>>().join("\nUNION ALL\n"))
    }

    /// The view with the rows of the newest release of each period and series; a release of which the publisher's own
    /// files are loaded is newer than any copy. An outdated release is shown where there is no other. Slices that by what they
    /// cover share nothing with another release are shown as they are. Without a period (notes) these are all rows.
    fn newest(&self, root: &Path) -> String {
        let every: Vec<&Loaded> = self.parts.iter().collect();
        let current: Vec<&Loaded> = every.iter().copied().filter(|loaded| !loaded.outdated).collect();
        let eligible = if current.is_empty() { every } else { current };
        let (contested, alone) = contested(&eligible);
        let alone: Vec<&Part> = alone.iter().map(|loaded| &loaded.part).collect();
        let chosen = match self.choose(&contested) {
            Newest::All => self.select(root, &[alone, parts(&contested)].concat()),
            Newest::Parts(parts) => self.select(root, &[alone, parts].concat()),
            Newest::Rows(period) if alone.is_empty() => self.compare(root, period, &contested),
            Newest::Rows(period) => {
                let compared = self.compare(root, period, &contested);
                format!("{}\nUNION ALL\nSELECT * FROM (\n{compared}\n)", self.select(root, &alone))
            }
        };
        format!("CREATE VIEW main.{} AS\n{chosen}", sql::name(&self.name))
    }

    fn choose<'a>(&'a self, eligible: &[&'a Loaded]) -> Newest<'a> {
        let releases: BTreeSet<&Release> = eligible.iter().map(|loaded| &loaded.release).collect();
        let Some(period) = self.period.as_deref().filter(|_| releases.len() > 1) else {
            return Newest::All;
        };
        let mixed = period != "year" || !self.series.is_empty();
        if mixed || eligible.iter().any(|loaded| loaded.part.year.is_none()) {
            return Newest::Rows(period);
        }
        let mut newest: BTreeMap<Option<i32>, (bool, &Release)> = BTreeMap::new();
        for Loaded { release, own, part, .. } in eligible.iter().copied() {
            let best = newest.entry(part.year).or_insert((*own, release));
            *best = (*own, release).max(*best);
        }
        let shown = |loaded: &&&Loaded| newest.get(&loaded.part.year).is_some_and(|best| best.1 == &loaded.release);
        Newest::Parts(eligible.iter().filter(shown).map(|loaded| &loaded.part).collect())
    }

    /// Compares rows: for each period and series the first release by grade, then by name.
    fn compare(&self, root: &Path, period: &str, eligible: &[&Loaded]) -> String {
        let of = |own: bool| -> Vec<&Part> {
            eligible.iter().filter(|loaded| loaded.own == own).map(|loaded| &loaded.part).collect()
        };
        let (own, copies) = (of(true), of(false));
        // The grade is a digit before the release, so that one comparison of text settles both.
        let (every, newest, hide) = if own.is_empty() || copies.is_empty() {
            (self.select(root, if own.is_empty() { &copies } else { &own }), "max(release)", "")
        } else {
            let graded = |grade: &str, parts: &[&Part]| {
                format!("SELECT '{grade}' AS _grade, part.* FROM (\n{}\n) AS part", self.select(root, parts))
            };
            let every = format!("{}\nUNION ALL\n{}", graded("1", &own), graded("0", &copies));
            (every, "substr(max(_grade || release), 2)", " EXCLUDE (_grade)")
        };
        let by: Vec<String> = [sql::name(period)].into_iter().chain(self.series.iter().map(told_by)).collect();
        let named = by.iter().enumerate().map(|(place, told)| format!("{told} AS _by_{place}"));
        let same = by.iter().enumerate().map(|(place, told)| format!("{told} IS NOT DISTINCT FROM newest._by_{place}"));
        format!(
            "WITH every AS NOT MATERIALIZED (\n{every}\n)\nSELECT every.*{hide} FROM every SEMI JOIN (\n  \
             SELECT {}, {newest} AS _release FROM every GROUP BY {}\n) AS newest\n\
             ON every.release = newest._release AND {}",
            named.collect::<Vec<_>>().join(", "),
            by.join(", "),
            same.collect::<Vec<_>>().join(" AND ")
        )
    }

    /// Reads parts by field id, so that each has the columns and types of today whatever it was written with: a column
    /// that came later is null in older parts.
    pub(crate) fn select(&self, root: &Path, parts: &[&Part]) -> String {
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
