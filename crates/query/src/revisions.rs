//! What a publisher changed: a dataset in two snapshots, or in two of its releases, row by row.
//!
//! Rows are matched by the key of the dataset and told apart as added, withdrawn, changed, newly suppressed,
//! un-suppressed, and relabelled where only texts differ, such as the spelling of a place; then how far each column moved, and how old the periods were that moved. Of two snapshots only the
//! parts are read that they do not share.
//!
//! What is absent: any value of a protected count or rate below the national level. Where few of them changed, how far they
//! moved is left out too, because that would be their values' difference ([`sizes`]).

mod sizes;

use std::collections::BTreeMap;

use duckdb::Connection;
use model::column::Vocabulary;
use model::dataset::{Dataset, Repeats};
use model::{DatasetId, Error, Release, Result, ResultExt as _};
use serde::Serialize;
use store::Warehouse;
use store::hold::Reading;

use crate::catalogue::{Contents, Table};
use crate::disclosure::counted::Counted;
use crate::{session, sql};

/// One of the two states that are compared.
#[derive(Clone)]
pub struct Side {
    /// The snapshot, whose files stay while it is compared.
    pub snapshot: Reading,
    /// The release in it; all of them where none is named.
    pub release: Option<Release>,
}

/// What changed between two sides.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Revisions {
    /// Rows of each class: `added`, `withdrawn`, `changed`, `newly_suppressed`, `un_suppressed`, `relabelled`, `unchanged`.
    pub rows: BTreeMap<String, u64>,
    /// How far each column moved in rows of both sides; columns that did not are left out.
    pub columns: Vec<Moved>,
    /// How many rows of each class there are by the age of their period: the newest period of the later side less the row's,
    /// in years or, where periods are days, in months.
    pub lags: Vec<Lag>,
    /// How far each column of numbers moved by that age, with the youngest first.
    pub sizes: Vec<Aged>,
    /// The unit of [`Lag::lag`].
    pub lag_unit: &'static str,
    /// Cells that differ, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<Cell>,
}

/// How far a column moved.
#[derive(Debug, Clone, Serialize)]
pub struct Moved {
    /// The column.
    pub column: String,
    /// In how many rows of both sides it differs, those too that have it on one side only.
    pub rows: u64,
    /// The sum of later less earlier, over rows that have both; exact, as text. None where it is no number, or protected.
    pub sum: Option<String>,
    /// The mean of the differences without their signs.
    pub mean: Option<String>,
    /// The largest difference without its sign.
    pub largest: Option<String>,
    /// Why a number's move is not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withheld: Option<&'static str>,
}

/// How far a column moved in rows whose periods are so old.
#[derive(Debug, Clone, Serialize)]
pub struct Aged {
    /// The youngest age; none where no row has a period.
    pub lag: Option<i64>,
    /// The oldest: the same, unless ages stand together because few protected counts of each changed.
    pub lag_to: Option<i64>,
    /// Whether rows without a period are among them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_period: bool,
    /// How far it moved.
    #[serde(flatten)]
    pub moved: Moved,
}

/// Rows of a class whose period is so old.
#[derive(Debug, Clone, Serialize)]
pub struct Lag {
    /// How old; none where rows have no period.
    pub lag: Option<i64>,
    /// The class.
    pub class: String,
    /// How many rows.
    pub rows: u64,
}

/// A cell that differs.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    /// The row's key, as `column=value`.
    pub key: String,
    /// The class of its row.
    pub class: String,
    /// The column; none where the row is on one side alone.
    pub column: Option<String>,
    /// What it was.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
}

/// What stands in the place of a protected value.
const NOT_SHOWN: &str = "(not shown)";

/// What the comparison needs to know of a dataset or model.
struct Declared<'a> {
    key: Vec<&'a str>,
    period: Option<&'a str>,
    /// Whether rows may have the key of another.
    repeats: bool,
}

/// Compares a dataset on two sides, and lists at most `cells` cells that differ.
pub fn between(
    warehouse: &Warehouse,
    id: &DatasetId,
    (before, after): (&Side, &Side),
    datasets: &[Dataset],
    vocabulary: &Vocabulary,
    cells: usize,
) -> Result<Revisions> {
    let contents = |side: &Side| Contents::read(warehouse, &side.snapshot, datasets, vocabulary);
    let (old, new) = (contents(before)?, contents(after)?);
    let (own_old, own_new) = (table(&old, id, before)?, table(&new, id, after)?);
    let manifest = new.manifests.iter().find(|manifest| manifest.dataset == *id);
    let derived = manifest.and_then(|manifest| manifest.derived.as_ref());
    let declared = match (datasets.iter().find(|dataset| dataset.id == *id), derived) {
        (Some(dataset), _) => Declared {
            key: dataset.spec.check.key.iter().map(String::as_str).collect(),
            period: Some(&dataset.spec.period),
            repeats: dataset.spec.check.repeats == Repeats::Counted || dataset.spec.check.persons_may_repeat,
        },
        (None, Some(derived)) => Declared {
            key: derived.key.iter().map(String::as_str).collect(),
            period: own_new.period.as_deref(),
            repeats: false,
        },
        (None, None) => {
            return Err(Error::new(
                model::Kind::Usage,
                format!("{id} is no longer declared: nothing tells its rows apart"),
            )
            .hint("bring its file in pipelines/ back to compare it"));
        }
    };
    let protected = Counted::of(&new, datasets, vocabulary)
        .iter()
        .filter(|counted| counted.name == id.as_str() && counted.guarded())
        .flat_map(|counted| {
            let counts = counted.counts.iter().map(|count| count.column.clone());
            counts.chain(counted.rates.iter().map(|rate| rate.column.clone())).collect::<Vec<_>>()
        })
        .collect();
    let connection = session::connect(2).or_error(model::Kind::Internal, "DuckDB does not start")?;
    let shared = |part: &store::part::Part, other: &Table| {
        before.release.is_none() && other.parts.iter().any(|loaded| loaded.part.sha256 == part.sha256)
    };
    let select = |own: &Table, other: &Table, side: &Side| -> Result<String> {
        let parts: Vec<_> = own
            .parts
            .iter()
            .filter(|loaded| side.release.as_ref().is_none_or(|release| loaded.release == *release))
            .map(|loaded| &loaded.part)
            .filter(|part| !shared(part, other))
            .collect();
        warehouse.check_sound(&mut parts.iter().map(|part| (part.path.as_str(), &part.sha256)))?;
        // Both sides are read with the columns of the later one.
        Ok(own_new.select(warehouse.root(), &parts))
    };
    let unread =
        own_new.parts.iter().filter(|loaded| shared(&loaded.part, own_old)).map(|loaded| loaded.part.rows).sum();
    let comparison = Comparison::new(own_new, &declared, before.release.is_some(), protected, &connection);
    comparison.join(&select(own_old, own_new, before)?, &select(own_new, own_old, after)?)?;
    comparison.tell(unread, cells)
}

/// The table of a side, which must have what is asked of it.
fn table<'a>(contents: &'a Contents, id: &DatasetId, side: &Side) -> Result<&'a Table> {
    let found = contents.tables.iter().find(|table| table.name == id.as_str());
    let table = found.ok_or_else(|| {
        Error::new(model::Kind::Usage, format!("snapshot {} has no {id}", side.snapshot.number))
            .hint("`tollhouse snapshot show` lists what a snapshot has")
    })?;
    if let Some(release) = &side.release
        && !table.parts.iter().any(|loaded| loaded.release == *release)
    {
        let mut known: Vec<&str> = table.parts.iter().map(|loaded| loaded.release.as_str()).collect();
        known.dedup();
        let message = format!("snapshot {} has no release {release} of {id}", side.snapshot.number);
        return Err(Error::new(model::Kind::Usage, message).hint(format!("its releases are {}", known.join(", "))));
    }
    Ok(table)
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A number.
    Number,
    /// A text that describes the row.
    Label,
    /// A status, a day, a truth value.
    Other,
}

/// The rows with their age, as SQL.
fn aged(years: bool) -> String {
    let lag = if years { "newest - _period" } else { "datediff('month', _period, newest)" };
    format!(
        "SELECT joined.*, {lag} AS _lag
         FROM joined, (SELECT max(_period) AS newest FROM joined WHERE _class <> 'withdrawn')"
    )
}

/// Whether any of these holds, as SQL.
fn any(conditions: Vec<String>) -> String {
    if conditions.is_empty() { "false".to_owned() } else { conditions.join(" OR ") }
}

/// A comparison under way, in the tables `joined` of a connection.
struct Comparison<'a> {
    connection: &'a Connection,
    key: Vec<&'a str>,
    /// Whether rows of one key are told apart by their order.
    repeats: bool,
    /// The other columns.
    values: Vec<(&'a str, Kind)>,
    /// The columns that say whether a count is withheld.
    statuses: Vec<&'a str>,
    /// The period, with whether it is a year.
    period: Option<(&'a str, bool)>,
    protected: Vec<String>,
}

impl<'a> Comparison<'a> {
    fn new(
        table: &'a Table,
        declared: &Declared<'a>,
        of_releases: bool,
        protected: Vec<String>,
        connection: &'a Connection,
    ) -> Self {
        let kind =
            |name: &str| table.columns.iter().find(|column| column.name == name).map(|column| column.kind.as_str());
        let key: Vec<&str> = declared.key.iter().copied().filter(|name| !(of_releases && *name == "release")).collect();
        let sort = |name: &str, kind: &str| match kind {
            "BIGINT" | "INTEGER" | "HUGEINT" | "DOUBLE" => Kind::Number,
            decimal if decimal.starts_with("DECIMAL") => Kind::Number,
            "VARCHAR" if !name.ends_with("_status") => Kind::Label,
            _ => Kind::Other,
        };
        let is_value = |name: &str| !name.starts_with('_') && name != "release" && !key.contains(&name);
        let values: Vec<(&str, Kind)> = table
            .columns
            .iter()
            .filter(|column| is_value(&column.name))
            .map(|column| (column.name.as_str(), sort(&column.name, &column.kind)))
            .collect();
        let counted = |stem: &str| ["_low", "_high"].iter().all(|end| kind(&format!("{stem}{end}")).is_some());
        let statuses =
            values.iter().map(|(name, _)| *name).filter(|name| name.strip_suffix("_status").is_some_and(counted));
        let period = declared.period.and_then(|period| match kind(period)? {
            "INTEGER" => Some((period, true)),
            "DATE" => Some((period, false)),
            _ => None,
        });
        Self { connection, statuses: statuses.collect(), key, repeats: declared.repeats, values, period, protected }
    }

    /// Puts the rows of both sides beside each other.
    fn join(&self, before: &str, after: &str) -> Result<()> {
        let key: Vec<String> = self.key.iter().map(|name| sql::name(name)).collect();
        let every: Vec<String> = self.values.iter().map(|(name, _)| sql::name(name)).collect();
        let nth = if self.repeats {
            format!("row_number() OVER (PARTITION BY {} ORDER BY {})", key.join(", "), every.join(", "))
        } else {
            "1".to_owned()
        };
        let side = |rows: &str| format!("SELECT *, true AS _there, {nth} AS _nth FROM (\n{rows}\n)");
        let same = key.iter().map(|name| format!("a.{name} IS NOT DISTINCT FROM b.{name}"));
        let same: Vec<String> = same.chain(["a._nth = b._nth".to_owned()]).collect();
        let keys = key.iter().map(|name| format!("coalesce(a.{name}, b.{name}) AS {name}"));
        let pairs = every.iter().enumerate().map(|(place, name)| format!("a.{name} AS a{place}, b.{name} AS b{place}"));
        let period = self.period.map(|(name, _)| format!("coalesce(a.{0}, b.{0}) AS _period", sql::name(name)));
        let columns: Vec<String> = keys.chain(pairs).chain(period).collect();
        let moved = |was: &str, is: &str| {
            let each = self.statuses.iter().map(|name| format!("(a.{0} = {was} AND b.{0} = {is})", sql::name(name)));
            let each: Vec<String> = each.collect();
            any(each)
        };
        let differs = |of: &dyn Fn(&(&str, Kind)) -> bool| {
            let each = self.values.iter().filter(|value| of(value)).map(|(name, _)| sql::name(name));
            any(each.map(|name| format!("a.{name} IS DISTINCT FROM b.{name}")).collect())
        };
        self.run(&format!(
            "CREATE TEMP TABLE joined AS
             WITH a AS ({}), b AS ({})
             SELECT {}, CASE WHEN a._there IS NULL THEN 'added' WHEN b._there IS NULL THEN 'withdrawn'
               WHEN {} THEN 'newly_suppressed' WHEN {} THEN 'un_suppressed' WHEN {} THEN 'changed'
               WHEN {} THEN 'relabelled' ELSE 'unchanged' END AS _class
             FROM a FULL JOIN b ON {}",
            side(before),
            side(after),
            columns.join(", "),
            moved("'reported'", "'suppressed'"),
            moved("'suppressed'", "'reported'"),
            differs(&|(_, kind)| *kind != Kind::Label),
            differs(&|(_, kind)| *kind == Kind::Label),
            same.join(" AND ")
        ))
    }

    fn tell(&self, unread: u64, cells: usize) -> Result<Revisions> {
        let mut told = Revisions { lag_unit: "years", ..Revisions::default() };
        for class in CLASSES {
            told.rows.insert((*class).to_owned(), 0);
        }
        for row in self.rows("SELECT _class, count(*)::VARCHAR FROM joined GROUP BY 1")? {
            if let [Some(class), Some(count)] = row.as_slice() {
                told.rows.insert(class.clone(), count.parse().unwrap_or_default());
            }
        }
        *told.rows.entry("unchanged".to_owned()).or_default() += unread;
        for (place, (name, kind)) in self.values.iter().enumerate() {
            told.columns.extend(self.moved(place, name, *kind == Kind::Number)?);
        }
        if let Some((_, years)) = self.period {
            told.lag_unit = if years { "years" } else { "months" };
            told.lags = self.lags(years)?;
            for (place, (name, kind)) in self.values.iter().enumerate() {
                if *kind == Kind::Number && told.columns.iter().any(|moved| moved.column == *name) {
                    told.sizes.extend(self.moved_by_age(place, name, years)?);
                }
            }
        }
        if cells > 0 {
            told.cells = self.cells(cells)?;
        }
        Ok(told)
    }

    fn lags(&self, years: bool) -> Result<Vec<Lag>> {
        let rows = self.rows(&format!(
            "SELECT _lag::VARCHAR, _class, count(*)::VARCHAR FROM ({})
             WHERE _class <> 'unchanged' GROUP BY _lag, _class ORDER BY _lag NULLS LAST, _class",
            aged(years)
        ))?;
        let lag = |row: Vec<Option<String>>| {
            let mut row = row.into_iter();
            Lag {
                lag: row.next().flatten().and_then(|lag| lag.parse().ok()),
                class: row.next().flatten().unwrap_or_default(),
                rows: row.next().flatten().and_then(|count| count.parse().ok()).unwrap_or_default(),
            }
        };
        Ok(rows.into_iter().map(lag).collect())
    }

    fn cells(&self, most: usize) -> Result<Vec<Cell>> {
        let key = self.key.iter().map(|name| format!("'{name}=' || coalesce({}::VARCHAR, '')", sql::name(name)));
        let key = key.collect::<Vec<_>>().join(" || ' ' || ");
        let mut each: Vec<String> = vec![format!(
            "SELECT {key} AS key, _class, NULL AS name, NULL AS before, NULL AS after, -1 AS place FROM joined
             WHERE _class IN ('added', 'withdrawn')"
        )];
        for (place, (name, _)) in self.values.iter().enumerate() {
            let hidden = self.is_protected(name) && !name.ends_with("_status");
            let shown = |side: char| if hidden { sql::text(NOT_SHOWN) } else { format!("{side}{place}::VARCHAR") };
            each.push(format!(
                "SELECT {key}, _class, {}, {}, {}, {place} FROM joined
                 WHERE _class NOT IN ('added', 'withdrawn') AND a{place} IS DISTINCT FROM b{place}",
                sql::text(name),
                shown('a'),
                shown('b')
            ));
        }
        let rows = self.rows(&format!(
            "SELECT key, _class, name, before, after FROM ({}) ORDER BY key, place LIMIT {most}",
            each.join(" UNION ALL ")
        ))?;
        let cell = |row: Vec<Option<String>>| {
            let mut row = row.into_iter();
            let mut next = || row.next().flatten();
            Cell {
                key: next().unwrap_or_default(),
                class: next().unwrap_or_default(),
                column: next(),
                before: next(),
                after: next(),
            }
        };
        Ok(rows.into_iter().map(cell).collect())
    }

    fn run(&self, statement: &str) -> Result<()> {
        self.connection.execute_batch(statement).map_err(|error| sql::refused(&error))
    }

    fn rows(&self, statement: &str) -> Result<Vec<Vec<Option<String>>>> {
        let refused = |error: duckdb::Error| sql::refused(&error);
        let mut prepared = self.connection.prepare(statement).map_err(refused)?;
        let mut rows = prepared.query([]).map_err(refused)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(refused)? {
            let width = row.as_ref().column_count();
            found.push((0..width).map(|place| row.get(place)).collect::<Result<_, _>>().map_err(refused)?);
        }
        Ok(found)
    }
}

/// The classes of rows.
const CLASSES: &[&str] =
    &["added", "withdrawn", "changed", "newly_suppressed", "un_suppressed", "relabelled", "unchanged"];

#[cfg(test)]
mod tests;
