//! One cron line: what it may say, and when it is due in a zone.
//!
//! croner finds the next civil time that a line names, and is told of no zone: its clocks are never set.
//! What happens where clocks are set is decided here, by the offsets that jiff knows. Times are whole seconds; a
//! civil time is counted as if its clock showed UTC, so that it is the second of an instant plus the zone's offset.

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::{Error, Kind, Result};

/// No zone is further from UTC: jiff has no such offset.
const WIDEST: i64 = 26 * 60 * 60;

/// The words of the field of months.
const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// The words of the field of weekdays; `L` makes the last of a month of one, or of its number.
const WEEKDAYS: &[&str] =
    &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "L", "SUNL", "MONL", "TUEL", "WEDL", "THUL", "FRIL", "SATL"];

/// A line that can be read, and so one that croner reckons with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    cron: Cron,
    /// Whether it fires in every hour of its days, and so follows elapsed time.
    hourly: bool,
    /// Whether no date is ever the one that it names. croner looks for it until the year 5000; that is done once.
    never: bool,
}

/// A stretch of time in which the clocks of a zone are not set.
struct Stretch {
    offset: i64,
    /// The second at which they are set: the first that is not in it.
    end: i64,
}

impl Line {
    /// Reads six fields: second, minute, hour, day of the month, month, weekday.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let bad = |message: String| {
            Error::new(Kind::Usage, format!("`{text}` is not a cron line: {message}"))
                .hint("a line is second, minute, hour, day, month and weekday, such as `0 30 15 * * Wed`")
        };
        look_at_fields(text).map_err(bad)?;
        let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Disallowed).build();
        let cron = parser.parse(text).map_err(|error| bad(error.to_string()))?;
        let hourly = (0..24).all(|hour| cron.pattern.hour_match(hour).unwrap_or(false));
        let line = Self { cron, hourly, never: false };
        Ok(Self { never: line.civil_from(0).is_none(), ..line })
    }

    /// The first second after `after` at which it is due.
    pub(super) fn next_after(&self, zone: &TimeZone, after: i64) -> Option<i64> {
        if self.never {
            None
        } else if self.hourly {
            self.next_hourly(zone, after)
        } else {
            self.next_fixed(zone, after)
        }
    }

    /// Each stretch is searched by itself: what was shown before it does not matter, nor what is skipped after it.
    fn next_hourly(&self, zone: &TimeZone, after: i64) -> Option<i64> {
        let mut from = after.checked_add(1)?;
        loop {
            let stretch = stretch(zone, from)?;
            let due = self.civil_from(from + stretch.offset)? - stretch.offset;
            if due < stretch.end {
                return Some(due);
            }
            from = stretch.end;
        }
    }

    /// The next civil time is one that the clocks neither showed nor skipped until now; it is due when they do.
    fn next_fixed(&self, zone: &TimeZone, after: i64) -> Option<i64> {
        let civil = self.civil_from(reached(zone, after)? + 1)?;
        // A day or so earlier no clock can show it yet, so that years are not walked through stretch by stretch.
        let mut from = after.max(civil - WIDEST);
        loop {
            let stretch = stretch(zone, from)?;
            let due = civil - stretch.offset;
            if due < stretch.end {
                // Where the stretch begins with a later time than this, the clocks have just jumped over it.
                return Some(due.max(from));
            }
            from = stretch.end;
        }
    }

    /// The first civil time that it names, from this one on.
    fn civil_from(&self, civil: i64) -> Option<i64> {
        let from: DateTime<Utc> = DateTime::from_timestamp(civil, 0)?;
        self.cron.find_next_occurrence(&from, true).ok().map(|next| next.timestamp())
    }
}

/// The stretch that a second is in.
fn stretch(zone: &TimeZone, second: i64) -> Option<Stretch> {
    let at = Timestamp::from_second(second).ok()?;
    let end = zone.following(at).next().map_or(i64::MAX, |next| next.timestamp().as_second());
    Some(Stretch { offset: i64::from(zone.to_offset(at).seconds()), end })
}

/// The latest civil time that the clocks have shown by a second: more than they show in it, where they were set back.
fn reached(zone: &TimeZone, second: i64) -> Option<i64> {
    let offset = |at| Some(i64::from(zone.to_offset(Timestamp::from_second(at).ok()?).seconds()));
    let mut reached = second + offset(second)?;
    // Clocks that were set earlier than this have passed whatever they showed then. The search goes on from there, not
    // back from here, because jiff 1.0.1 finds a wrong `preceding` where a zone has just changed its rules.
    let Ok(from) = Timestamp::from_second(second - 2 * WIDEST) else { return Some(reached) };
    for set in zone.following(from).map(|set| set.timestamp().as_second()) {
        if set > second {
            break;
        }
        reached = reached.max(set - 1 + offset(set - 1)?);
    }
    Some(reached)
}

/// Refuses what croner reads otherwise than it is written.
fn look_at_fields(text: &str) -> Result<(), String> {
    let upper = text.to_uppercase();
    let fields: Vec<&str> = upper.split_whitespace().collect();
    let [second, minute, hour, day, month, weekday] = fields.as_slice() else {
        return Err(format!("six fields are needed, and it has {}", fields.len()));
    };
    if let Some(field) = fields.iter().find(|field| field.split(',').any(str::is_empty)) {
        return Err(format!("`{field}` has an empty item"));
    }
    let names: [(&str, &[&str]); 6] =
        [(second, &[]), (minute, &[]), (hour, &[]), (day, &["L", "W"]), (month, MONTHS), (weekday, WEEKDAYS)];
    for (field, names) in names {
        let mut words = field.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
        if let Some(word) = words.find(|word| !names.contains(word)) {
            return Err(format!("`{word}` in `{field}` is no name that this field knows"));
        }
    }
    for item in weekday.trim_start_matches('+').split(',') {
        if item == "L" {
            return Err("a lone `L` is no weekday; the last Friday is `FriL`".to_owned());
        }
        // croner takes 7 for Sunday everywhere but here.
        if item.ends_with('L') && (item.contains('7') || item.contains("-SUN")) {
            return Err(format!("`{item}`: the last Sunday is `SunL`"));
        }
    }
    Ok(())
}
