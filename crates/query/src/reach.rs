//! How far data reach: the end of the newest period that a dataset has rows of.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use model::dataset::Dataset;
use model::{Error, Kind, Result};

use crate::{Session, sql};

/// The end of the newest period of a dataset, in any of its releases; none where it has no rows.
///
/// Of a year that is its last day, of a month too; a date is itself. The day ends with it, in UTC. Of a dataset whose rows
/// cover no time, such as a list of places, there is none.
pub fn newest(session: &Session, dataset: &Dataset) -> Result<Option<Timestamp>> {
    let (table, period) = (dataset.id.as_str(), dataset.spec.period.as_str());
    if !session.has(table) {
        return Ok(None);
    }
    // Where a row covers several years it says so in dates of its own.
    let has = |name: &str| session.columns(table).is_some_and(|columns| columns.iter().any(|column| column == name));
    let columns = [period, "period_end"];
    let mut newest = None;
    for column in columns.into_iter().filter(|name| has(name)) {
        let (name, table) = (sql::name(column), sql::name(table));
        let answer =
            session.query(&format!("SELECT CAST(max({name}) AS VARCHAR), typeof(max({name})) FROM history.{table}"))?;
        // A code is no time, though some codes look like years.
        if let [Some(text), Some(kind)] = answer.rows.into_iter().next().unwrap_or_default().as_slice()
            && (column == "year" || kind == "DATE")
        {
            newest = newest.max(Some(end(text, column)?));
        }
    }
    Ok(newest)
}

/// The end of a period that a cell names.
fn end(text: &str, column: &str) -> Result<Timestamp> {
    let odd = || Error::new(Kind::Internal, format!("`{text}` in {column} names no period"));
    let last = match text.parse::<i16>() {
        Ok(year) => Date::new(year, 12, 31).map_err(|_| odd())?,
        Err(_) => {
            let date: Date = text.get(..10).unwrap_or(text).parse().map_err(|_| odd())?;
            if column == "month" { date.last_of_month() } else { date }
        }
    };
    let after = last.checked_add(1.day()).map_err(|_| odd())?;
    TimeZone::UTC.to_timestamp(after.to_datetime(Time::midnight())).map_err(|_| odd())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, column: &str, expected: &str) {
        assert_eq!(end(text, column).unwrap().to_string(), expected, "{column} {text}");
    }

    #[test]
    fn a_period_ends_with_its_last_day() {
        check("2015", "year", "2016-01-01T00:00:00Z");
        check("2016-02-01", "month", "2016-03-01T00:00:00Z");
        check("2018-09-30", "period_end", "2018-10-01T00:00:00Z");
        assert!(end("soon", "year").is_err());
    }
}
