//! What an answer is to be read with: a break in a series on both sides of which it rests, and places of different kinds.
//!
//! Whether an answer crosses a break does not stand in its SQL: years are chosen by joins, and left out of what is shown. So the
//! question is put again: without the rows of one side, with those of that side alone, and with neither. A side whose rows make
//! a difference is one that the answer rests on.

use std::collections::{BTreeMap, BTreeSet};

use model::kind::StateFips;
use model::{DatasetId, Result};

use crate::{Answer, Session, lineage, sql};

/// A break, as `meta.breaks` has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Break {
    from: String,
    until: Option<String>,
    state_fips: Option<String>,
    release: Option<String>,
    about: String,
}

/// The caveats of an answer to `question`, in words. One that took long (`is_slow`) is not put again: it is said that it may cross
/// a break.
pub fn of(session: &Session, question: &str, answer: &Answer, is_slow: bool) -> Result<Vec<String>> {
    let words = session.words(question)?;
    let tables = session.named(question)?;
    let asked = Asked { session, question, tables, columns: words.columns, is_any_few: words.is_any_few };
    let mut found = breaks(&asked, answer, is_slow)?;
    found.extend(places(&asked)?);
    Ok(found)
}

/// A question, with what it names.
struct Asked<'a> {
    session: &'a Session,
    question: &'a str,
    /// Each table with its dataset.
    tables: BTreeMap<String, DatasetId>,
    /// In small letters; `*` for all.
    columns: BTreeSet<String>,
    /// Whether it asks for any few rows.
    is_any_few: bool,
}

impl Asked<'_> {
    fn names(&self, column: &str) -> bool {
        self.columns.contains("*") || self.columns.contains(&column.to_lowercase())
    }
}

fn breaks(asked: &Asked, answer: &Answer, is_slow: bool) -> Result<Vec<String>> {
    let session = asked.session;
    // Of each break the tables that it goes through, with the rows that it sets apart.
    let mut through: BTreeMap<Break, Vec<(String, String)>> = BTreeMap::new();
    for (table, dataset) in &asked.tables {
        let columns = session.columns(table).unwrap_or_default();
        let Some(time) = Time::of(&columns) else { continue };
        let named: Vec<&String> = columns.iter().filter(|column| asked.names(column)).collect();
        for one in known(session, dataset, &named)? {
            let Some(inside) = time.inside(&one, &columns) else { continue };
            through.entry(one).or_default().push((table.clone(), inside));
        }
    }
    let mut told = Vec::new();
    let mut is_steady = None;
    for (one, tables) in through {
        let (mut inside, mut outside) = (0, 0);
        for (table, condition) in &tables {
            let (of, all) = count(session, table, condition)?;
            inside += of;
            outside += all - of;
        }
        let is_cut = one.until.is_none();
        if inside == 0 || (is_cut && outside == 0) {
            continue;
        }
        if is_slow {
            told.push(format!("the answer may cross a break of {}: {}", one.from, one.about));
            continue;
        }
        let again = Again { asked, tables: &tables };
        // An answer that is another each time shows nothing.
        let steady = match is_steady {
            Some(steady) => steady,
            None => *is_steady.insert(again.without("FALSE")? == Some(sorted(answer))),
        };
        if steady && again.rests_inside(answer, is_cut)? {
            let place = one.state_fips.as_ref().and_then(|state| state.parse::<StateFips>().ok());
            let of = place.map(|state| format!(" of {}", state.name())).unwrap_or_default();
            told.push(match &one.until {
                Some(until) => format!("the answer rests on {} to {until}{of}: {}", one.from, one.about),
                None => format!("the answer crosses a break of {}: {}", one.from, one.about),
            });
        }
    }
    Ok(told)
}

/// The breaks of a dataset, or of those that it comes from, that concern one of these columns.
fn known(session: &Session, dataset: &DatasetId, columns: &[&String]) -> Result<Vec<Break>> {
    let like = |id: &DatasetId| format!("{} LIKE datasets", sql::text(id.as_str()));
    let of: Vec<String> = lineage::origins(session.manifests(), dataset).iter().map(like).collect();
    let named: Vec<String> = columns.iter().map(|column| sql::text(column)).collect();
    let answer = session.query(&format!(
        "SELECT DISTINCT CAST(\"from\" AS VARCHAR), CAST(until AS VARCHAR), state_fips, \"release\", about
         FROM meta.breaks, unnest(string_split(columns, ' ')) AS of_columns(pattern), unnest([{}]) AS named(name)
         WHERE ({}) AND name LIKE pattern",
        if named.is_empty() { "''".to_owned() } else { named.join(", ") },
        of.join(" OR ")
    ))?;
    let read = |row: Vec<Option<String>>| match <[Option<String>; 5]>::try_from(row) {
        Ok([Some(from), until, state_fips, release, Some(about)]) => {
            Some(Break { from, until, state_fips, release, about })
        }
        _ => None,
    };
    Ok(answer.rows.into_iter().filter_map(read).collect())
}

/// The columns that tell when a row is of: those of these that a table has, of which the first that is not null tells it.
struct Time {
    /// When it begins and when it ends, as days.
    begins: String,
    ends: String,
}

impl Time {
    fn of(columns: &[String]) -> Option<Self> {
        let has = |name: &str| columns.iter().any(|column| column == name);
        let (mut begins, mut ends) = (Vec::new(), Vec::new());
        if has("month") {
            begins.push("CAST(month AS DATE)");
            ends.push("CAST(month AS DATE)");
        }
        // A year that the day of a break divides is taken for one after it.
        if has("year") {
            begins.push("make_date(year, 1, 1)");
            ends.push("make_date(year, 12, 31)");
        }
        if has("period_start") && has("period_end") {
            begins.push("CAST(period_start AS DATE)");
            ends.push("CAST(period_end AS DATE)");
        }
        let first = |days: Vec<&str>| format!("coalesce({})", days.join(", "));
        (!begins.is_empty()).then(|| Self { begins: first(begins), ends: first(ends) })
    }

    /// Which rows of a table are after a break, or within it where it ends; none where it is a state's or an edition's and the table
    /// tells none.
    fn inside(&self, one: &Break, columns: &[String]) -> Option<String> {
        let date = |day: &str| format!("CAST({} AS DATE)", sql::text(day));
        let has = |name: &str| columns.iter().any(|column| column == name);
        let mut conditions = vec![format!("{} >= {}", self.ends, date(&one.from))];
        conditions.extend(one.until.as_ref().map(|until| format!("{} <= {}", self.begins, date(until))));
        match &one.state_fips {
            Some(state) if has("state_fips") => conditions.push(format!("state_fips = {}", sql::text(state))),
            Some(state) if has("county_fips") => {
                conditions.push(format!("left(county_fips, 2) = {}", sql::text(state)))
            }
            Some(_) => return None,
            None => {}
        }
        match &one.release {
            Some(release) if has("release") => conditions.push(format!("\"release\" = {}", sql::text(release))),
            Some(_) => return None,
            None => {}
        }
        Some(format!("coalesce({}, FALSE)", conditions.join(" AND ")))
    }
}

/// How many rows of a table this holds of, and how many there are.
fn count(session: &Session, table: &str, condition: &str) -> Result<(u64, u64)> {
    let table = sql::name(table);
    let answer = session.query(&format!("SELECT count(*) FILTER ({condition}), count(*) FROM history.{table}"))?;
    let mut cells = answer.rows.into_iter().flatten().map(|cell| cell.and_then(|cell| cell.parse().ok()));
    let mut next = || cells.next().flatten().unwrap_or_default();
    Ok((next(), next()))
}

/// A question, to be put again where tables lack rows.
struct Again<'a> {
    asked: &'a Asked<'a>,
    /// Each with its rows inside the break.
    tables: &'a [(String, String)],
}

/// The rows of an answer; nothing where the question could not be answered.
type Rows = Option<Vec<Vec<Option<String>>>>;

impl Again<'_> {
    /// The answer without the rows of which this holds, where `{}` stands for being inside the break.
    fn without(&self, condition: &str) -> Result<Rows> {
        let lacking: Vec<(&str, String)> =
            self.tables.iter().map(|(table, inside)| (table.as_str(), condition.replace("{}", inside))).collect();
        Ok(self.asked.session.query_without(&lacking, self.asked.question)?.map(|answer| sorted(&answer)))
    }

    /// Whether the answer rests on rows inside, and where these are not to be compared with the others on those too.
    fn rests_inside(&self, answer: &Answer, is_cut: bool) -> Result<bool> {
        let whole = Some(sorted(answer));
        let (outside, inside, neither) = (self.without("{}")?, self.without("NOT ({})")?, self.without("TRUE")?);
        // A largest value, or a rank, rests on rows too that it would be the same without. Any few rows rest on none but those
        // that they are.
        let compares = !self.asked.is_any_few;
        let rests_inside = outside != whole || (compares && inside != neither);
        let rests_outside = inside != whole || (compares && outside != neither);
        Ok(rests_inside && (rests_outside || !is_cut))
    }
}

/// The rows of an answer in an order of their own, because SQL need not give them one.
fn sorted(answer: &Answer) -> Vec<Vec<Option<String>>> {
    let mut rows = answer.rows.clone();
    rows.sort();
    rows
}

/// Says where quantities that the question names are counted in places of different kinds.
fn places(asked: &Asked) -> Result<Option<String>> {
    if asked.tables.is_empty() {
        return Ok(None);
    }
    let tables: Vec<String> = asked.tables.keys().map(|table| sql::text(table)).collect();
    let answer = asked.session.query(&format!(
        "SELECT DISTINCT basis, \"column\" FROM meta.columns
         WHERE basis IS NOT NULL AND unit IS NOT NULL AND \"table\" IN ({}) ORDER BY 1, 2",
        tables.join(", ")
    ))?;
    let mut by_place: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in answer.rows {
        if let [Some(basis), Some(column)] = row.as_slice()
            && asked.names(column)
        {
            by_place.entry(basis.clone()).or_default().insert(column.clone());
        }
    }
    let each = by_place.iter().map(|(basis, columns)| {
        format!("{} by {basis}", columns.iter().take(3).cloned().collect::<Vec<_>>().join(", "))
    });
    Ok((by_place.len() > 1).then(|| format!("places are of different kinds: {}", each.collect::<Vec<_>>().join("; "))))
}
