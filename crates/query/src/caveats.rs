//! What an answer is to be read with: a break in a series on both sides of which it rests, and places of different kinds.
//!
//! Whether an answer crosses a break does not stand in its SQL: years are chosen by joins, and left out of what is shown. So the
//! question is put again, once without the rows before the break and once without those after it. An answer that changes
//! both times rests on both.

use std::collections::{BTreeMap, BTreeSet};

use model::kind::StateFips;
use model::{DatasetId, Result};

use crate::{Answer, Session, lineage, sql};

/// A question of a table of more rows is not put again: it is said that it may cross a break.
const MANY_ROWS: u64 = 20_000_000;

/// A break, as `meta.breaks` has it.
struct Break {
    from: String,
    until: Option<String>,
    state_fips: Option<String>,
    about: String,
}

/// The caveats of an answer to `question`, in words.
pub fn of(session: &Session, question: &str, answer: &Answer) -> Result<Vec<String>> {
    let mut found = breaks(session, question, answer)?;
    found.extend(places(session, question)?);
    Ok(found)
}

fn breaks(session: &Session, question: &str, answer: &Answer) -> Result<Vec<String>> {
    // A break of several tables is told once.
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    for (table, dataset) in session.named(question)? {
        let columns = session.columns(&table).unwrap_or_default();
        let Some(time) = Time::of(&columns) else { continue };
        for one in known(session, &dataset)? {
            let parts = time.parts(&one, &columns);
            let rows = |condition: &str| count(session, &table, condition);
            let (inside, outside) = (rows(&parts.inside)?, rows(&format!("NOT ({})", parts.inside))?);
            if inside == 0 || (parts.is_cut && outside == 0) {
                continue;
            }
            let words = if inside + outside > MANY_ROWS {
                format!("the answer may cross a break of {}: {}", one.from, one.about)
            } else {
                let changes = |condition: &str| changes(session, &table, condition, question, answer);
                let crosses =
                    changes(&parts.inside)? && (!parts.is_cut || changes(&format!("NOT ({})", parts.inside))?);
                if !crosses {
                    continue;
                }
                let place = one.state_fips.as_ref().and_then(|state| state.parse::<StateFips>().ok());
                let of = place.map(|state| format!(" of {}", state.name())).unwrap_or_default();
                match &one.until {
                    Some(until) => format!("the answer rests on {} to {until}{of}: {}", one.from, one.about),
                    None => format!("the answer crosses a break of {}: {}", one.from, one.about),
                }
            };
            told.entry(format!("{} {:?} {}", one.from, one.state_fips, one.about)).or_insert(words);
        }
    }
    Ok(told.into_values().collect())
}

/// The breaks of a dataset, or of those that it comes from.
fn known(session: &Session, dataset: &DatasetId) -> Result<Vec<Break>> {
    let like = |id: &DatasetId| format!("{} LIKE datasets", sql::text(id.as_str()));
    let of: Vec<String> = lineage::origins(session.manifests(), dataset).iter().map(like).collect();
    let answer = session.query(&format!(
        "SELECT CAST(\"from\" AS VARCHAR), CAST(until AS VARCHAR), state_fips, about FROM meta.breaks WHERE {} ORDER BY 1, 3, 4",
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

/// Which rows of a table a break sets apart.
struct Parts {
    /// Those after it, or within it where it ends.
    inside: String,
    /// Whether rows on its two sides are not to be compared; else those inside stand out by themselves.
    is_cut: bool,
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

    fn parts(&self, one: &Break, columns: &[String]) -> Parts {
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
        let inside = conditions.into_iter().flatten().collect::<Vec<_>>().join(" AND ");
        Parts { inside: format!("COALESCE({inside}, FALSE)"), is_cut: one.until.is_none() }
    }
}

fn count(session: &Session, table: &str, condition: &str) -> Result<u64> {
    let answer = session.query(&format!("SELECT count(*) FROM history.{} WHERE {condition}", sql::name(table)))?;
    let cell = answer.rows.into_iter().flatten().flatten().next();
    Ok(cell.and_then(|cell| cell.parse().ok()).unwrap_or_default())
}

/// Whether the answer is another where a table lacks these rows; one that then fails is.
fn changes(session: &Session, table: &str, condition: &str, question: &str, answer: &Answer) -> Result<bool> {
    let again = session.query_without(table, condition, question)?;
    Ok(again.is_none_or(|again| sorted(&again) != sorted(answer)))
}

/// The rows of an answer in an order of their own, because SQL need not give them one.
fn sorted(answer: &Answer) -> Vec<&Vec<Option<String>>> {
    let mut rows: Vec<_> = answer.rows.iter().collect();
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
