//! Worlds that could be: the same tables with other counts, so that running a query in several of them shows what its
//! answer depends on, however it is written.
//!
//! There are three kinds ([`World`]). In a *filled* world every withheld cell has a number within its bounds, as if it had
//! been published: what then differs from one filling to the next stands for withheld cells. In a *moved* world
//! what was published is different, and totals follow their parts; withheld cells stay withheld, yet the totals move with
//! what they would be: what differs there rests on counts at all, and what follows a withheld cell gives it away. In a
//! *scaled* world counts are multiplied, so that sums of counts are and ranks are not, and a factor tells whose they are.
//!
//! Numbers come from a hash of the row and a seed, so that the verdict on a query is always the same.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use duckdb::Connection;
use duckdb::types::Value;
use model::{Kind, Result, ResultExt as _};

use super::counted::Counted;
use super::relation::{self, Relation, RowFacts};
use crate::session::{Answer, Session};
use crate::sql;

/// A world that could be.
#[derive(Clone, Copy)]
pub(super) enum World<'a> {
    /// Withheld cells are filled.
    Filled(u64),
    /// Published cells are changed, and totals with their parts.
    Moved(u64),
    /// Published cells are multiplied, each by its own factor.
    Scaled(&'a dyn Fn(CellRef) -> f64),
}

/// A cell: its table among those that are looked at, its row there, its count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CellRef {
    pub(crate) table: usize,
    pub(crate) row: usize,
    pub(crate) count: usize,
}

/// What is known of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum State {
    /// There is no number, and none is protected.
    Absent,
    /// A number that the publisher printed.
    Published(f64),
    /// A protected number: the least and the most that it can be.
    Withheld(i64, i64),
}

/// A table with its cells in memory.
pub(crate) struct Loaded {
    /// Where it stands among the session's counted tables.
    pub(crate) counted: usize,
    /// What is known of each row.
    pub(crate) rows: Vec<RowFacts>,
    /// For each row and count the cell.
    pub(crate) cells: Vec<Vec<State>>,
    ids: Vec<u64>,
}

/// The machine that runs queries in other worlds.
pub(crate) struct Worlds {
    connection: Connection,
    loaded: RefCell<BTreeMap<usize, std::rc::Rc<Loaded>>>,
}

/// The tables that a judgement looks at, and what they have to do with each other.
pub(crate) struct Scene {
    /// The tables.
    pub(crate) tables: Vec<std::rc::Rc<Loaded>>,
    /// The sums that hold between their rows.
    pub(crate) relations: Vec<Relation>,
}

impl Worlds {
    /// A machine over the snapshot of a session, with nothing in it yet.
    pub(crate) fn new(session: &Session) -> Result<Self> {
        let connection = session.another()?;
        connection.execute_batch("CREATE SCHEMA worlds").or_error(Kind::Internal, "DuckDB cannot make a schema")?;
        Ok(Self { connection, loaded: RefCell::default() })
    }

    /// Brings these tables into memory, by their places among the session's counted tables.
    pub(crate) fn scene(&self, session: &Session, places: &BTreeSet<usize>) -> Result<Scene> {
        let tables = places.iter().map(|place| self.load(session, *place)).collect::<Result<Vec<_>>>()?;
        let relations = relation::between(session, &tables);
        Ok(Scene { tables, relations })
    }

    fn load(&self, session: &Session, place: usize) -> Result<std::rc::Rc<Loaded>> {
        if let Some(known) = self.loaded.borrow().get(&place) {
            return Ok(std::rc::Rc::clone(known));
        }
        let loaded = std::rc::Rc::new(self.read(&session.counted()[place], place).or_error(
            Kind::Internal,
            format!("the counts of {} cannot be looked at", session.counted()[place].name),
        )?);
        self.loaded.borrow_mut().insert(place, std::rc::Rc::clone(&loaded));
        Ok(loaded)
    }

    fn read(&self, counted: &Counted, place: usize) -> duckdb::Result<Loaded> {
        let table = sql::name(&counted.name);
        let mut named: Vec<&str> = counted.key.iter().map(String::as_str).filter(|name| counted.has(name)).collect();
        // A model's rows come from no one file.
        named.extend(["_capture", "_record"].into_iter().filter(|name| counted.has(name)));
        let named: Vec<String> = named.into_iter().map(sql::name).collect();
        let id = format!("hash({}, {})", sql::text(&counted.name), named.join(", "));
        for (schema, base) in [("history", "h"), ("main", "m")] {
            self.connection.execute_batch(&format!(
                "CREATE TABLE worlds.{} AS SELECT {id} AS _cell, * FROM {schema}.{table}",
                sql::name(&format!("{base}_{}", counted.name))
            ))?;
        }
        let base = |base: &str| format!("worlds.{}", sql::name(&format!("{base}_{}", counted.name)));
        self.connection.execute_batch(&changes(counted))?;
        // What the views say beside the table's own columns, they say in every world.
        let own: Vec<String> =
            ["_cell"].into_iter().chain(counted.columns.iter().map(|(name, _)| name.as_str())).map(sql::name).collect();
        for (schema, kept) in [("history", "h"), ("main", "m")] {
            self.connection.execute_batch(&format!(
                "CREATE OR REPLACE VIEW {schema}.{table} AS SELECT {}, b.* EXCLUDE ({}) FROM {} AS b LEFT JOIN {} AS w \
                 ON w.cell = b._cell",
                shown(counted),
                own.join(", "),
                base(kept),
                base("v"),
            ))?;
        }
        let newest: HashSet<u64> = self
            .connection
            .prepare(&format!("SELECT _cell FROM {}", base("m")))?
            .query_map([], |row| row.get(0))?
            .collect::<duckdb::Result<_>>()?;
        let text = |name: &str| {
            if counted.has(name) { format!("CAST({} AS VARCHAR)", sql::name(name)) } else { "NULL".to_owned() }
        };
        let mut wanted: Vec<String> = vec!["_cell".to_owned()];
        wanted.extend(
            ["release", "county_fips", "state_fips", "jurisdiction", "year", "period_start", "period_end"].map(text),
        );
        let labels = counted.labels();
        wanted.extend(labels.iter().map(|name| text(name)));
        let before = wanted.len();
        for count in &counted.counts {
            wanted.push(format!("CAST({} AS DOUBLE)", sql::name(&count.column)));
            for end in ["low", "high", "status"] {
                let name = format!("{}_{end}", count.column);
                wanted.push(if count.bounded { sql::name(&name) } else { "NULL".to_owned() });
            }
        }
        let mut loaded = Loaded { counted: place, rows: Vec::new(), cells: Vec::new(), ids: Vec::new() };
        let mut statement =
            self.connection.prepare(&format!("SELECT {} FROM {} ORDER BY _cell", wanted.join(", "), base("h")))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: u64 = row.get(0)?;
            let word = |place: usize| row.get::<_, Option<String>>(place);
            let facts = RowFacts {
                newest: newest.contains(&id),
                release: word(1)?.unwrap_or_default(),
                place: match word(2)? {
                    Some(county) => county,
                    None => word(3)?.or(word(4)?).unwrap_or_default(),
                },
                period: relation::period(word(5)?, word(6)?, word(7)?),
                labels: (8..before)
                    .map(word)
                    .map(|word| Ok(word?.unwrap_or_default()))
                    .collect::<duckdb::Result<_>>()?,
            };
            let mut cells = Vec::with_capacity(counted.counts.len());
            for (count, _) in counted.counts.iter().enumerate() {
                let at = before + 4 * count;
                let bound = |place: usize| row.get::<_, Option<i64>>(place);
                cells.push(match row.get::<_, Option<f64>>(at)? {
                    Some(number) => State::Published(number),
                    None => match word(at + 3)?.as_deref() {
                        Some("suppressed" | "not_shown") if counted.guarded() => {
                            let low = bound(at + 1)?.unwrap_or(1);
                            State::Withheld(low, bound(at + 2)?.unwrap_or(counted.limit).max(low))
                        }
                        _ => State::Absent,
                    },
                });
            }
            loaded.rows.push(facts);
            loaded.cells.push(cells);
            loaded.ids.push(id);
        }
        Ok(loaded)
    }

    /// Answers the SQL in a world. What it does not find there, such as a division by zero, is the SQL's fault.
    pub(super) fn run(&self, session: &Session, scene: &Scene, world: World<'_>, query: &str) -> Result<Answer> {
        let totals = match world {
            World::Moved(seed) => scene.totals(session, seed),
            _ => HashMap::new(),
        };
        for (table, loaded) in scene.tables.iter().enumerate() {
            let counted = &session.counted()[loaded.counted];
            let changed = |row: usize, count: usize| {
                let cell = CellRef { table, row, count };
                totals.get(&cell).copied().or_else(|| scene.own_value(session, world, cell))
            };
            self.enter(counted, loaded, changed).or_error(Kind::Internal, "DuckDB cannot make another world")?;
        }
        let refused = |error: duckdb::Error| sql::refused(&error).while_doing("looking at what the answer depends on");
        let mut statement = self.connection.prepare(query).map_err(refused)?;
        let arrow = statement.query_arrow([]).map_err(refused)?;
        let schema = arrow.get_schema();
        Answer::new(schema, arrow.collect())
    }

    /// Replaces the changed counts of a table, which its views look up.
    fn enter(
        &self,
        counted: &Counted,
        loaded: &Loaded,
        changed: impl Fn(usize, usize) -> Option<f64>,
    ) -> duckdb::Result<()> {
        self.connection.execute_batch(&changes(counted))?;
        let mut appender = self.connection.appender_to_db(&format!("v_{}", counted.name), "worlds")?;
        for (row, id) in loaded.ids.iter().enumerate() {
            let numbers: Vec<Option<f64>> = (0..counted.counts.len()).map(|count| changed(row, count)).collect();
            if numbers.iter().any(Option::is_some) {
                let numbers = numbers.into_iter().map(|number| number.map_or(Value::Null, Value::Double));
                let cells: Vec<Value> = std::iter::once(Value::UBigInt(*id)).chain(numbers).collect();
                appender.append_row(duckdb::appender_params_from_iter(cells))?;
            }
        }
        appender.flush()?;
        drop(appender);
        Ok(())
    }
}

/// The statement that makes the table of changed counts, empty.
fn changes(counted: &Counted) -> String {
    let columns: Vec<String> = (0..counted.counts.len()).map(|count| format!("c{count} DOUBLE")).collect();
    let table = sql::name(&format!("v_{}", counted.name));
    format!("CREATE OR REPLACE TABLE worlds.{table} (cell UBIGINT, {})", columns.join(", "))
}

/// The columns of a table with changed counts: bounds, statuses and rates go with them.
fn shown(counted: &Counted) -> String {
    let mut columns: Vec<String> = Vec::new();
    for (name, kind) in &counted.columns {
        let own = format!("b.{}", sql::name(name));
        let mut expression = own.clone();
        for (place, count) in counted.counts.iter().enumerate() {
            let new = format!("w.c{place}");
            if *name == count.column || (count.bounded && is_end(name, count, &["low", "high"])) {
                expression = format!("coalesce(CAST({new} AS {kind}), {own})");
            } else if count.bounded && is_end(name, count, &["status"]) {
                expression = format!("CASE WHEN {new} IS NULL THEN {own} ELSE 'reported' END");
            }
        }
        for rate in &counted.rates {
            let (new, old) =
                (format!("w.c{}", rate.count), format!("b.{}", sql::name(&counted.counts[rate.count].column)));
            let crude = rate
                .crude
                .as_ref()
                .map(|(population, per)| format!("{new} * {per} / nullif(b.{}, 0)", sql::name(population)));
            if *name == rate.column {
                let moved = crude.as_deref().unwrap_or(&own);
                let from_zero = crude.clone().unwrap_or_else(|| format!("{own} + {new}"));
                expression = format!(
                    "CAST(CASE WHEN {new} IS NULL THEN {own} WHEN {old} IS NULL THEN {moved} WHEN {old} > 0 THEN {own} * \
                     {new} / {old} ELSE {from_zero} END AS {kind})"
                );
            } else if crude.is_some() && *name == format!("{}_status", rate.column) {
                expression = format!("CASE WHEN {new} IS NOT NULL AND {old} IS NULL THEN 'reported' ELSE {own} END");
            }
        }
        columns.push(format!("{expression} AS {}", sql::name(name)));
    }
    columns.join(", ")
}

fn is_end(name: &str, count: &super::counted::Count, ends: &[&str]) -> bool {
    ends.iter().any(|end| name == format!("{}_{end}", count.column))
}

impl Scene {
    /// A cell's state.
    pub(crate) fn state(&self, cell: CellRef) -> State {
        self.tables[cell.table].cells[cell.row][cell.count]
    }

    /// All cells.
    pub(crate) fn cells(&self) -> impl Iterator<Item = CellRef> {
        self.tables.iter().enumerate().flat_map(|(table, loaded)| {
            loaded
                .cells
                .iter()
                .enumerate()
                .flat_map(move |(row, counts)| (0..counts.len()).map(move |count| CellRef { table, row, count }))
        })
    }

    /// The number that a withheld cell has in worlds of this seed.
    pub(crate) fn filling(&self, cell: CellRef, seed: u64) -> Option<f64> {
        let State::Withheld(low, high) = self.state(cell) else { return None };
        let span = u64::try_from(high - low + 1).unwrap_or(1);
        let step = i64::try_from(self.noise(cell, seed) % span).unwrap_or(0);
        Some((low + step) as f64)
    }

    /// The number that a cell has in a world, but for totals; `None` where it is as it was.
    fn own_value(&self, session: &Session, world: World<'_>, cell: CellRef) -> Option<f64> {
        let counted = &session.counted()[self.tables[cell.table].counted];
        match (world, self.state(cell)) {
            (World::Filled(seed), State::Withheld(..)) => self.filling(cell, seed),
            (World::Moved(seed), State::Published(number)) => Some(self.moved(counted.limit, cell, number, seed)),
            (World::Scaled(factor), State::Published(number)) => Some(number * factor(cell)),
            _ => None,
        }
    }

    /// Small numbers stay small, so that what tells them apart shows; few values, so that repetitions show dependence.
    fn moved(&self, limit: i64, cell: CellRef, number: f64, seed: u64) -> f64 {
        let noise = self.noise(cell, seed);
        if number >= 1.0 && number <= limit as f64 {
            return 1.0 + (noise % u64::try_from(limit).unwrap_or(9)) as f64;
        }
        number + 11.0 * (noise % 6) as f64
    }

    /// The number that a published small cell has in a moved world.
    pub(crate) fn small(&self, session: &Session, cell: CellRef, seed: u64) -> Option<f64> {
        let limit = session.counted()[self.tables[cell.table].counted].limit;
        match self.state(cell) {
            State::Published(number) if number >= 1.0 && number <= limit as f64 => {
                Some(self.moved(limit, cell, number, seed))
            }
            _ => None,
        }
    }

    /// What totals are in a moved world, so that every relation holds: the last of the totals takes what is left.
    fn totals(&self, session: &Session, seed: u64) -> HashMap<CellRef, f64> {
        let mut totals: HashMap<CellRef, f64> = HashMap::new();
        let mut settled: HashSet<CellRef> = HashSet::new();
        for relation in &self.relations {
            let value = |cell: &CellRef, totals: &HashMap<CellRef, f64>| {
                let own = || self.own_value(session, World::Moved(seed), *cell).or_else(|| self.filling(*cell, seed));
                totals.get(cell).copied().or_else(own).unwrap_or(0.0)
            };
            let open = |cell: &&CellRef| matches!(self.state(**cell), State::Published(_)) && !settled.contains(*cell);
            let Some(last) = relation.upper.iter().rfind(open).copied() else { continue };
            let parts: f64 = relation.lower.iter().map(|cell| value(cell, &totals)).sum();
            let others: f64 =
                relation.upper.iter().filter(|cell| **cell != last).map(|cell| value(cell, &totals)).sum();
            totals.insert(last, parts - others);
            settled.extend(relation.upper.iter().chain(&relation.lower).copied());
        }
        totals
    }

    fn noise(&self, cell: CellRef, seed: u64) -> u64 {
        let id = self.tables[cell.table].ids[cell.row];
        let count = u64::try_from(cell.count).unwrap_or(0);
        // SplitMix64's finisher: every bit of the row and the seed counts.
        let mut mixed = id
            .wrapping_add(count.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .wrapping_add(seed.wrapping_mul(0xD1B5_4A32_D192_ED03))
            .wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
