//! What a pipeline says of its schedule, as it stands there, and what is made of it.
//!
//! Nothing but words is checked here: which day is a second Wednesday is `calendar`'s business, when it comes `line`'s.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::{Deserialize, de};

use super::line::Line;
use super::{CatchUp, Overlap, Schedule, calendar};
use crate::{Error, Kind, Result};

/// The zone of a declaration that names none.
pub(super) const UTC: &str = "UTC";

/// The table `[schedule]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Declared {
    /// Cron lines, or else a calendar.
    cron: Option<Lines>,
    /// Days in words, each at the time of `at`.
    calendar: Option<Lines>,
    at: Option<String>,
    zone: Option<String>,
    jitter: Option<String>,
    #[serde(default)]
    catch_up: CatchUp,
    #[serde(default)]
    overlap: Overlap,
    deadline: Option<String>,
    fresh: Option<String>,
}

/// One line, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a line, or a list of lines")]
enum Lines {
    One(String),
    Several(Vec<String>),
}

impl Lines {
    fn as_slice(&self) -> &[String] {
        match self {
            Lines::One(line) => std::slice::from_ref(line),
            Lines::Several(lines) => lines,
        }
    }
}

impl Declared {
    /// A cron line in a zone, and nothing else.
    pub(super) fn of_line(line: &str, zone: &str) -> Self {
        Self { cron: Some(Lines::One(line.to_owned())), zone: Some(zone.to_owned()), ..Self::default() }
    }

    /// Reads the words.
    pub(super) fn schedule(&self) -> Result<Schedule> {
        let (lines, words) = self.lines()?;
        let (zone, zone_name) = zone(self.zone.as_deref().unwrap_or(UTC))?;
        let jitter = self.jitter.as_deref().map(|text| duration("jitter", text)).transpose()?;
        let deadline = self.deadline.as_deref().map(|text| longer_than_nothing("deadline", text)).transpose()?;
        let fresh = self.fresh.as_deref().map(|text| longer_than_nothing("fresh", text)).transpose()?;
        Ok(Schedule {
            lines,
            words,
            zone,
            zone_name,
            jitter: jitter.unwrap_or_default(),
            catch_up: self.catch_up,
            overlap: self.overlap,
            deadline: deadline.unwrap_or(SignedDuration::from_hours(24)),
            fresh,
        })
    }

    /// The lines that are meant, and the words of the declaration for them.
    fn lines(&self) -> Result<(Vec<Line>, String)> {
        let (declared, at) = match (&self.cron, &self.calendar, &self.at) {
            (Some(cron), None, None) => (cron.as_slice(), None),
            (None, Some(calendar), Some(at)) => (calendar.as_slice(), Some(at)),
            (Some(_), Some(_), _) => return Err(bad("has both `cron` and `calendar`", "keep one of them")),
            (None, None, _) => return Err(bad("has neither `cron` nor `calendar`", "add one of them")),
            (Some(_), None, Some(_)) => {
                return Err(bad("has `at` beside `cron`", "a cron line says the time itself; remove `at`"));
            }
            (None, Some(_), None) => {
                return Err(bad("has a `calendar` without `at`", "add the time of the day, such as `at = \"11:30\"`"));
            }
        };
        if declared.is_empty() {
            return Err(bad("has an empty list", "write a line, or several"));
        }
        let mut words = declared.iter().map(|line| line.trim()).collect::<Vec<_>>().join("; ");
        let Some(at) = at else {
            let lines = declared.iter().map(|line| Line::parse(line)).collect::<Result<_>>()?;
            return Ok((lines, words));
        };
        let time = time_fields(at)?;
        let line = |days: &String| Line::parse(&format!("{time} {}", calendar::days(days)?));
        let lines = declared.iter().map(line).collect::<Result<_>>()?;
        words.push_str(&format!(" at {at}"));
        Ok((lines, words))
    }
}

/// The first three fields of a cron line, from `11:30` or `11:30:00`.
fn time_fields(text: &str) -> Result<String> {
    let parts: Vec<&str> = text.split(':').collect();
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let below = |part: &str, limit: u8| two_digits(part) && part.parse::<u8>().is_ok_and(|number| number < limit);
    match parts.as_slice() {
        [hour, minute, rest @ ..]
            if rest.len() < 2
                && below(hour, 24)
                && below(minute, 60)
                && rest.iter().all(|second| below(second, 60)) =>
        {
            Ok(format!("{} {minute} {hour}", rest.first().unwrap_or(&"0")))
        }
        _ => Err(bad(format!("has `at = \"{text}\"`, which is no time of the day"), "write `11:30` or `11:30:00`")),
    }
}

/// A zone and its name. Zones are those that are built in: the machine's may be older or newer.
fn zone(name: &str) -> Result<(TimeZone, String)> {
    let unknown = || bad(format!("has the zone `{name}`, which is not known"), "write it as `America/New_York`");
    let zone = TimeZoneDatabase::bundled().get(name).map_err(|error| unknown().caused_by(error))?;
    if zone.is_unknown() {
        return Err(unknown());
    }
    let name = zone.iana_name().unwrap_or(name).to_owned();
    Ok((zone, name))
}

/// A length of time in words, such as `90s` or `60d`, that is not negative; `key` is what was to say it. A day has 24 hours,
/// because what is measured is elapsed time.
///
/// Errors: [`Kind::Usage`] for words that are no such length.
pub fn duration(key: &str, text: &str) -> Result<SignedDuration> {
    let words = format!("has `{key} = \"{text}\"`");
    let next = "write `90s`, `10m`, `6h` or `60d`";
    let unreadable = |error| bad(format!("{words}, which is no length of time"), next).caused_by(error);
    let span: Span = text.parse().map_err(unreadable)?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(unreadable)?;
    if duration.is_negative() {
        return Err(bad(format!("{words}, which is negative"), next));
    }
    Ok(duration)
}

/// A length of time without which a promise would be broken as it is made.
fn longer_than_nothing(key: &str, text: &str) -> Result<SignedDuration> {
    let duration = duration(key, text)?;
    if duration.is_zero() {
        return Err(bad(format!("has `{key} = \"{text}\"`, which is no time at all"), "leave it out or write `6h`"));
    }
    Ok(duration)
}

fn bad(message: impl std::fmt::Display, next: &str) -> Error {
    Error::new(Kind::Usage, format!("the schedule {message}")).hint(next)
}

/// An error as serde passes it on, in one line: what to do next would be lost otherwise.
pub(super) fn in_serde<T, E: de::Error>(result: Result<T>) -> Result<T, E> {
    result.map_err(|error| match error.hint_text() {
        Some(hint) => E::custom(format_args!("{error}; {hint}")),
        None => E::custom(error),
    })
}
