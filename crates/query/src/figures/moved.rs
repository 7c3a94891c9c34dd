//! Which numbers differ between the rows behind two drawings of one figure.

use std::collections::BTreeMap;

use model::{Error, Kind, Result, ResultExt as _};
use serde::Serialize;

/// One difference between the rows of before and those of now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Move {
    /// A cell holds something else.
    Cell {
        /// What the row is called: its key, or its place where it has none.
        row: String,
        /// The column.
        column: String,
        /// What stood there; nothing for a null.
        was: String,
        /// What stands there now.
        is: String,
    },
    /// A row of before is gone.
    Gone {
        /// What it was called.
        row: String,
    },
    /// A row is new.
    New {
        /// What it is called.
        row: String,
    },
    /// The columns are others.
    Columns {
        /// Those of before.
        was: Vec<String>,
        /// Those of now.
        is: Vec<String>,
    },
    /// The rows are the same, in another order.
    Order,
}

impl std::fmt::Display for Move {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |cell: &str| if cell.is_empty() { "(nothing)".to_owned() } else { cell.to_owned() };
        match self {
            Move::Cell { row, column, was, is } => write!(f, "{row}, {column}: {} → {}", shown(was), shown(is)),
            Move::Gone { row } => write!(f, "{row}: the row is gone"),
            Move::New { row } => write!(f, "{row}: the row is new"),
            Move::Columns { was, is } => write!(f, "columns: {} → {}", was.join(", "), is.join(", ")),
            Move::Order => f.write_str("the rows stand in another order"),
        }
    }
}

/// A table as CSV has it.
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// What differs between two CSVs of one figure. `key` names the columns that tell one row from another; where they do
/// not, rows are compared by their places.
///
/// Fails where one of them is no CSV with a header ([`Kind::Usage`]).
pub fn moved(key: &[&str], before: &[u8], now: &[u8]) -> Result<Vec<Move>> {
    let (before, now) = (parse(before)?, parse(now)?);
    if before.columns != now.columns {
        return Ok(vec![Move::Columns { was: before.columns, is: now.columns }]);
    }
    let at: Vec<usize> = key.iter().filter_map(|name| now.columns.iter().position(|column| column == name)).collect();
    let named = |table: &Table| -> Option<BTreeMap<String, usize>> {
        let names: BTreeMap<String, usize> =
            table.rows.iter().enumerate().map(|(i, row)| (name(row, &at), i)).collect();
        (!at.is_empty() && names.len() == table.rows.len()).then_some(names)
    };
    let (old, new) = match (named(&before), named(&now)) {
        (Some(old), Some(new)) => (old, new),
        _ => (by_place(&before), by_place(&now)),
    };
    let mut found = Vec::new();
    // In the order of the rows, those of before first.
    let mut each: Vec<(&String, &usize)> = old.iter().collect();
    each.sort_by_key(|(_, place)| **place);
    for (row, &place) in each {
        let Some(&other) = new.get(row) else {
            found.push(Move::Gone { row: row.clone() });
            continue;
        };
        for ((column, was), is) in before.columns.iter().zip(&before.rows[place]).zip(&now.rows[other]) {
            if was != is {
                found.push(Move::Cell { row: row.clone(), column: column.clone(), was: was.clone(), is: is.clone() });
            }
        }
    }
    let mut added: Vec<(&String, &usize)> = new.iter().filter(|(row, _)| !old.contains_key(*row)).collect();
    added.sort_by_key(|(_, place)| **place);
    found.extend(added.into_iter().map(|(row, _)| Move::New { row: row.clone() }));
    if found.is_empty() && before.rows != now.rows {
        found.push(Move::Order);
    }
    Ok(found)
}

fn name(row: &[String], key: &[usize]) -> String {
    key.iter().map(|&i| row[i].as_str()).collect::<Vec<_>>().join(" ")
}

fn by_place(table: &Table) -> BTreeMap<String, usize> {
    (0..table.rows.len()).map(|place| (format!("row {}", place + 1), place)).collect()
}

fn parse(csv: &[u8]) -> Result<Table> {
    let cannot = "the rows behind a figure are no CSV";
    let mut reader = csv::Reader::from_reader(csv);
    let cells = |record: &csv::StringRecord| record.iter().map(ToOwned::to_owned).collect::<Vec<_>>();
    let columns = cells(reader.headers().or_error(Kind::Usage, cannot)?);
    let rows = reader.records().map(|record| Ok(cells(&record.or_error(Kind::Usage, cannot)?)));
    let rows = rows.collect::<Result<Vec<_>>>()?;
    if columns.is_empty() {
        return Err(Error::new(Kind::Usage, cannot));
    }
    Ok(Table { columns, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "state,year,deaths\nAL,2015,12\nAL,2016,\nWV,2015,70\n";

    #[track_caller]
    fn check(key: &[&str], now: &str, expected: &[&str]) {
        let found = moved(key, BEFORE.as_bytes(), now.as_bytes()).unwrap();
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_moved_is_told_by_row_and_column() {
        let key = &["state", "year"];
        check(key, BEFORE, &[]);
        check(key, "state,year,deaths\nAL,2015,13\nAL,2016,\nWV,2015,70\n", &["AL 2015, deaths: 12 → 13"]);
        check(key, "state,year,deaths\nAL,2015,12\nAL,2016,0\nWV,2015,70\n", &["AL 2016, deaths: (nothing) → 0"]);
        check(
            key,
            "state,year,deaths\nWV,2015,71\nAL,2015,12\nWV,2016,9\n",
            &["AL 2016: the row is gone", "WV 2015, deaths: 70 → 71", "WV 2016: the row is new"],
        );
        check(key, "state,year,deaths\nWV,2015,70\nAL,2015,12\nAL,2016,\n", &["the rows stand in another order"]);
        check(key, "state,year,died\nAL,2015,12\n", &["columns: state, year, deaths → state, year, died"]);
    }

    #[test]
    fn rows_that_no_key_tells_apart_are_compared_by_place() {
        let now = "state,year,deaths\nAL,2015,12\nAL,2016,\nWV,2015,69\n";
        check(&["state"], now, &["row 3, deaths: 70 → 69"]);
        check(&[], now, &["row 3, deaths: 70 → 69"]);
        assert_eq!(moved(&[], b"", BEFORE.as_bytes()).unwrap_err().kind(), Kind::Usage);
    }
}
