//! Which tables hold counts that a law protects, and how their columns hang together. Read off the declarations.

use model::DatasetId;
use model::column::Vocabulary;
use model::dataset::{Dataset, Disclosure, Rule};

use crate::catalogue::Contents;
use crate::lineage::{self, Terms};

/// A table with counts of a dataset whose small counts are protected.
pub(crate) struct Counted {
    /// The table.
    pub(crate) name: String,
    /// Its dataset.
    pub(crate) dataset: DatasetId,
    /// The largest count that may not be shown: 9 (`nchs`) or 10 (`cms`).
    pub(crate) limit: i64,
    /// The kind of place that a row is of.
    pub(crate) level: Level,
    /// Whether it is the dataset's own table, not a companion.
    pub(crate) own: bool,
    /// Its columns, with their types in SQL.
    pub(crate) columns: Vec<(String, String)>,
    /// The columns that name a row.
    pub(crate) key: Vec<String>,
    /// What is counted.
    pub(crate) counts: Vec<Count>,
    /// The rates of these counts.
    pub(crate) rates: Vec<Rate>,
}

/// How large the places of a table are, the largest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// The United States.
    Nation,
    /// States, and what is treated like them.
    State,
    /// Counties.
    County,
}

/// A column of counts.
pub(crate) struct Count {
    /// Its name.
    pub(crate) column: String,
    /// Whether `_low`, `_high` and `_status` stand beside it.
    pub(crate) bounded: bool,
}

/// A column of rates.
pub(crate) struct Rate {
    /// Its name.
    pub(crate) column: String,
    /// Where its count stands in [`Counted::counts`].
    pub(crate) count: usize,
    /// For crude rates: the population and per how many of it, so that a rate can be had from a count.
    pub(crate) crude: Option<(String, i64)>,
}

impl Counted {
    /// The tables of a snapshot that hold protected counts, and the national ones that these add up to.
    pub(crate) fn of(contents: &Contents, datasets: &[Dataset], vocabulary: &Vocabulary) -> Vec<Self> {
        let mut found = Vec::new();
        for table in &contents.tables {
            // A model owes what its origins owe, and has no declaration among the datasets.
            let dataset = datasets.iter().find(|dataset| dataset.id == table.dataset);
            let origins = lineage::origins(&contents.manifests, &table.dataset);
            let limit = match Terms::of(&origins, datasets).disclosure {
                Disclosure::Nchs => 9,
                Disclosure::Cms => 10,
                Disclosure::None => continue,
            };
            let columns: Vec<(String, String)> =
                table.columns.iter().map(|column| (column.name.clone(), column.kind.clone())).collect();
            let counts = counts(&columns, vocabulary);
            if counts.is_empty() {
                continue;
            }
            let level = level(&columns);
            found.push(Self {
                name: table.name.clone(),
                dataset: table.dataset.clone(),
                limit,
                level,
                own: table.name == table.dataset.as_str(),
                key: match dataset {
                    Some(dataset) => dataset.spec.check.key.clone(),
                    None => names(&columns),
                },
                rates: rates(&columns, &counts, dataset, vocabulary),
                counts,
                columns,
            });
        }
        found
    }

    /// Whether it has this column.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|(name, _)| name == column)
    }

    /// Whether small counts of it are protected. Those of the whole country are not.
    pub(crate) fn guarded(&self) -> bool {
        self.level > Level::Nation
    }

    /// The name of its family: tables of one family count the same deaths, of larger and smaller places and of fewer and
    /// more groups. It is what stands before the kind of place.
    pub(crate) fn family(&self) -> &str {
        let id = self.dataset.as_str();
        let ends = |rest: &str| rest.is_empty() || rest.starts_with('_');
        let kind =
            |at: &usize| ["_us", "_state", "_county"].iter().any(|kind| id[*at..].strip_prefix(kind).is_some_and(ends));
        id.match_indices('_').map(|(at, _)| at).find(kind).map_or(id, |at| &id[..at])
    }

    /// The columns that say of whom or what a row is, beside place, period and release.
    pub(crate) fn labels(&self) -> Vec<&str> {
        const OTHERS: &[&str] =
            &["release", "state_fips", "county_fips", "state", "county", "year", "month", "period_start", "period_end"];
        self.key.iter().map(String::as_str).filter(|column| !OTHERS.contains(column) && self.has(column)).collect()
    }
}

/// The columns that can name a row, where no key is declared: texts and times that say nothing of a number.
fn names(columns: &[(String, String)]) -> Vec<String> {
    let named = columns.iter().filter(|(name, kind)| {
        matches!(kind.as_str(), "VARCHAR" | "INTEGER" | "DATE") && !name.ends_with("_status") && !name.starts_with('_')
    });
    named.map(|(name, _)| name.clone()).collect()
}

/// The smallest kind of place that the columns name.
fn level(columns: &[(String, String)]) -> Level {
    let has = |name: &str| columns.iter().any(|(column, _)| column == name);
    if has("county_fips") || has("county") {
        Level::County
    } else if has("state_fips") || has("state") || has("jurisdiction") || has("zip") || has("npi") {
        Level::State
    } else {
        Level::Nation
    }
}

/// Columns that can be withheld, and columns of deaths: those bounds that hold no count of their own are none.
fn counts(columns: &[(String, String)], vocabulary: &Vocabulary) -> Vec<Count> {
    let has = |name: String| columns.iter().any(|(column, _)| *column == name);
    let bound = |name: &str| {
        let stem = name.strip_suffix("_low").or_else(|| name.strip_suffix("_high"));
        stem.is_some_and(|stem| has(stem.to_owned()))
    };
    let number = |kind: &str| kind == "BIGINT" || kind.starts_with("DECIMAL");
    let counted = columns.iter().filter(|(name, kind)| number(kind) && !bound(name)).filter_map(|(name, _)| {
        let bounded = ["low", "high", "status"].iter().all(|end| has(format!("{name}_{end}")));
        let rate = name.contains("_per_");
        let deaths = vocabulary.get(name).is_ok_and(|meaning| meaning.unit == "deaths");
        ((bounded && !rate) || deaths).then(|| Count { column: name.clone(), bounded })
    });
    counted.collect()
}

/// Rates of the counts: those whose unit says so, and those that a rule computes.
fn rates(
    columns: &[(String, String)],
    counts: &[Count],
    dataset: Option<&Dataset>,
    vocabulary: &Vocabulary,
) -> Vec<Rate> {
    let has = |name: &str| columns.iter().any(|(column, _)| column == name);
    let place = |name: &str| counts.iter().position(|count| name.strip_prefix(count.column.as_str()).is_some());
    let ruled = |name: &str| {
        dataset?.spec.column.iter().find_map(|column| match &column.rule {
            Some(Rule::RateBound { count, population, per, published, .. })
                if column.name == name || published == name =>
            {
                let count = place(count)?;
                has(population).then(|| (count, population.clone(), *per))
            }
            _ => None,
        })
    };
    let population = ["population", "person_years"].into_iter().find(|name| has(name));
    let found = columns.iter().filter_map(|(name, kind)| {
        if !kind.starts_with("DECIMAL") || counts.iter().any(|count| count.column == *name) {
            return None;
        }
        if let Some((count, population, per)) = ruled(name) {
            return Some(Rate { column: name.clone(), count, crude: Some((population, per)) });
        }
        let unit = vocabulary.get(name).map(|meaning| meaning.unit.clone()).unwrap_or_default();
        let count = counts.iter().position(|count| {
            let counted = vocabulary.get(&count.column).map(|meaning| meaning.unit.clone()).unwrap_or_default();
            !counted.is_empty() && unit.starts_with(&format!("{counted} per "))
        })?;
        let crude = population.filter(|_| name.starts_with("crude") && name.contains("_per_100k"));
        Some(Rate { column: name.clone(), count, crude: crude.map(|name| (name.to_owned(), 100_000)) })
    });
    found.collect()
}
