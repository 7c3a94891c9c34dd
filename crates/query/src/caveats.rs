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
    about: String,
}

/// The caveats of an answer to `question`, in words. One that took long (`is_slow`) is not put again: it is said that it may cross
/// a break.
pub fn of(session: &Session, question: &str, answer: &Answer, is_slow: bool) -> Result<Vec<String>> {
    let mut found = breaks(session, question, answer, is_slow)?;
    found.extend(places(session, question)?);
    Ok(found)
}

fn breaks(session: &Session, question: &str, answer: &Answer, is_slow: bool) -> Result<Vec<String>> {
    // Of each break the tables that it goes through, with the rows that it sets apart.
    let mut through: BTreeMap<Break, Vec<(String, String)>> = BTreeMap::new();
    for (table, dataset) in session.named(question)? {
        let columns = session.columns(&table).unwrap_or_default();
        let Some(time) = Time::of(&columns) else { continue };
        for one in known(session, &dataset, &named(session, question, &columns)?)? {
            let inside = time.inside(&one, &columns);
            through.entry(one).or_default().push((table.clone(), inside));
        }
    }
    let mut told = Vec::new();
    let mut is_steady = None;
    for (one, tables) in through {
        let of = |side: &dyn Fn(&str) -> String| -> Result<u64> {
            tables.iter().map(|(table, inside)| count(session, table, &side(inside))).sum()
        };
        let is_cut = one.until.is_none();
        if of(&|inside| inside.to_owned())? == 0 || (is_cut && of(&|inside| format!("NOT ({inside})"))? == 0) {
            continue;
        }
        if is_slow {
            told.push(format!("the answer may cross a break of {}: {}", one.from, one.about));
            continue;
        }
        let again = Again { session, question, tables: &tables };
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

/// Of a table's columns those that the question names.
fn named(session: &Session, question: &str, columns: &[String]) -> Result<Vec<String>> {
    let words = session.words(question)?.columns;
    let is_named = |column: &&String| words.contains("*") || words.contains(&column.to_lowercase());
    Ok(columns.iter().filter(is_named).cloned().collect())
}

/// The breaks of a dataset, or of those that it comes from, that concern one of these columns.
fn known(session: &Session, dataset: &DatasetId, columns: &[String]) -> Result<Vec<Break>> {
    let like = |id: &DatasetId| format!("{} LIKE datasets", sql::text(id.as_str()));
    let of: Vec<String> = lineage::origins(session.manifests(), dataset).iter().map(like).collect();
    let named: Vec<String> = columns.iter().map(|column| sql::text(column)).collect();
    let answer = session.query(&format!(
        "SELECT DISTINCT CAST(\"from\" AS VARCHAR), CAST(until AS VARCHAR), state_fips, about
         FROM meta.breaks, unnest(string_split(columns, ' ')) AS of_columns(pattern), unnest([{}]) AS named(name)
         WHERE ({}) AND name LIKE pattern",
        if named.is_empty() { "''".to_owned() } else { named.join(", ") },
        of.join(" OR ")
    ))?;
    let read = |row: Vec<Option<String>>| match <[Option<String>; 4]>::try_from(row) {
        Ok([Some(from), until, state_fips, Some(about)]) => Some(Break { from, until, state_fips, about }),
        _ => None,
    };
    Ok(answer.rows.into_iter().filter_map(read).collect())
}

/// The column that tells when a row is of.
enum Time {
    Year,
    Month,
    Period,
}

impl Time {
    fn of(columns: &[String]) -> Option<Self> {
        let has = |name: &str| columns.iter().any(|column| column == name);
        if has("year") {
            Some(Self::Year)
        } else if has("month") {
            Some(Self::Month)
        } else {
            (has("period_start") && has("period_end")).then_some(Self::Period)
        }
    }

    /// Which rows of a table are after a break, or within it where it ends.
    fn inside(&self, one: &Break, columns: &[String]) -> String {
        let date = |day: &str| format!("CAST({} AS DATE)", sql::text(day));
        let has = |name: &str| columns.iter().any(|column| column == name);
        // A row that the day of the break divides is taken for one after it.
        let since = |day: &str| match self {
            Self::Year => format!("year >= year({})", date(day)),
            Self::Month => format!("CAST(month AS DATE) >= {}", date(day)),
            Self::Period => format!("period_end >= {}", date(day)),
        };
        let until = |day: &str| match self {
            Self::Year => format!("year <= year({})", date(day)),
            Self::Month => format!("CAST(month AS DATE) <= {}", date(day)),
            Self::Period => format!("period_start <= {}", date(day)),
        };
        let state = one.state_fips.as_ref().and_then(|state| {
            let code = sql::text(state);
            if has("state_fips") {
                Some(format!("state_fips = {code}"))
            } else {
                has("county_fips").then(|| format!("left(county_fips, 2) = {code}"))
            }
        });
        let conditions = [Some(since(&one.from)), one.until.as_deref().map(until), state];
        format!("COALESCE({}, FALSE)", conditions.into_iter().flatten().collect::<Vec<_>>().join(" AND "))
    }
}

fn count(session: &Session, table: &str, condition: &str) -> Result<u64> {
    let answer = session.query(&format!("SELECT count(*) FROM history.{} WHERE {condition}", sql::name(table)))?;
    let cell = answer.rows.into_iter().flatten().flatten().next();
    Ok(cell.and_then(|cell| cell.parse().ok()).unwrap_or_default())
}

/// A question, to be put again where tables lack rows.
struct Again<'a> {
    session: &'a Session,
    question: &'a str,
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
        Ok(self.session.query_without(&lacking, self.question)?.map(|answer| sorted(&answer)))
    }

    /// Whether the answer rests on rows inside, and where these are not to be compared with the others on those too.
    fn rests_inside(&self, answer: &Answer, is_cut: bool) -> Result<bool> {
        let whole = Some(sorted(answer));
        let (outside, inside, neither) = (self.without("{}")?, self.without("NOT ({})")?, self.without("TRUE")?);
        let rests_inside = outside != whole || inside != neither;
        let rests_outside = inside != whole || outside != neither;
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
fn places(session: &Session, question: &str) -> Result<Option<String>> {
    let tables: Vec<String> = session.named(question)?.into_keys().map(|table| sql::text(&table)).collect();
    if tables.is_empty() {
        return Ok(None);
    }
    let words = session.words(question)?.columns;
    let answer = session.query(&format!(
        "SELECT DISTINCT basis, \"column\" FROM meta.columns
         WHERE basis IS NOT NULL AND unit IS NOT NULL AND \"table\" IN ({}) ORDER BY 1, 2",
        tables.join(", ")
    ))?;
    let mut by_place: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in answer.rows {
        if let [Some(basis), Some(column)] = row.as_slice()
            && (words.contains("*") || words.contains(&column.to_lowercase()))
        {
            by_place.entry(basis.clone()).or_default().insert(column.clone());
        }
    }
    let each = by_place.iter().map(|(basis, columns)| {
        format!("{} by {basis}", columns.iter().take(3).cloned().collect::<Vec<_>>().join(", "))
    });
    Ok((by_place.len() > 1).then(|| format!("places are of different kinds: {}", each.collect::<Vec<_>>().join("; "))))
}
