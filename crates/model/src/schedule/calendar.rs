//! A publisher's release calendar in words, such as `second Wednesday` or `annual, September`, as days of a cron line.
//!
//! Commas are read as blanks, and capitals do not matter. Which time of the day is meant stands elsewhere, in `at`.

use crate::{Error, Kind, Result};

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// The months, and how many days each has in every year.
const MONTHS: [(&str, u8); 12] = [
    ("january", 31),
    ("february", 28),
    ("march", 31),
    ("april", 30),
    ("may", 31),
    ("june", 30),
    ("july", 31),
    ("august", 31),
    ("september", 30),
    ("october", 31),
    ("november", 30),
    ("december", 31),
];

/// The last three fields of a cron line: day of the month, month, weekday.
pub(super) fn days(text: &str) -> Result<String> {
    read(text).map_err(|message| {
        Error::new(Kind::Usage, format!("`{text}` is not a release calendar: {message}")).hint(
            "write `second Wednesday`, `last Friday of March, June`, `annual, September`, `annual, September 15`, \
             `quarterly, 15`, `monthly, 15` or `last day`",
        )
    })
}

fn read(text: &str) -> Result<String, String> {
    let text = text.to_lowercase().replace(',', " ");
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        // The day is not known, and to ask a publisher who has nothing new is cheap: so every week of that month.
        ["annual", name] => Ok(format!("* {} 1", month(name)?)),
        ["annual", name, day] => on_day(day, &[month(name)?]),
        ["quarterly", day] => on_day(day, &[1, 4, 7, 10]),
        ["monthly", day] => on_day(day, &[]),
        ["last", "day", of @ ..] => Ok(format!("L {} *", months(of)?)),
        ["last", day, of @ ..] => Ok(format!("* {} {}#L", months(of)?, weekday(day)?)),
        [nth, day, of @ ..] => Ok(format!("* {} {}#{}", months(of)?, weekday(day)?, ordinal(nth)?)),
        _ => Err("it is too short".to_owned()),
    }
}

/// A day that each of these months has in every year; no months are all of them.
fn on_day(day: &str, months: &[usize]) -> Result<String, String> {
    let number: u8 = day.parse().map_err(|_| format!("`{day}` is not the number of a day"))?;
    let meant = MONTHS.iter().enumerate().filter(|(at, _)| months.is_empty() || months.contains(&(at + 1)));
    let shortest = meant.map(|(_, (_, days))| *days).min().unwrap_or_default();
    if number == 0 || number > shortest {
        return Err(format!("not every month that is meant has a day {number}; the end of a month is `last day`"));
    }
    let months = if months.is_empty() { "*".to_owned() } else { list(months) };
    Ok(format!("{number} {months} *"))
}

/// The months after `of`, as a field; without them every month.
fn months(of: &[&str]) -> Result<String, String> {
    match of {
        [] => Ok("*".to_owned()),
        ["of", names @ ..] if !names.is_empty() => {
            Ok(list(&names.iter().map(|name| month(name)).collect::<Result<Vec<_>, _>>()?))
        }
        ["of"] => Err("`of` needs a month".to_owned()),
        [word, ..] => Err(format!("`{word}` stands where nothing but `of` and months may")),
    }
}

fn list(numbers: &[usize]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn month(name: &str) -> Result<usize, String> {
    place(name, MONTHS.iter().map(|(known, _)| *known)).map(|at| at + 1).ok_or(format!("`{name}` is no month"))
}

fn weekday(name: &str) -> Result<usize, String> {
    place(name, WEEKDAYS.into_iter()).ok_or(format!("`{name}` is no weekday"))
}

/// The place of a name in a list that has it, in full or by its first three letters.
fn place(name: &str, mut known: impl Iterator<Item = &'static str>) -> Option<usize> {
    known.position(|full| full == name || full.get(..3) == Some(name))
}

fn ordinal(word: &str) -> Result<usize, String> {
    let at = ["first", "second", "third", "fourth"].iter().position(|known| *known == word);
    at.map(|at| at + 1).ok_or(format!("`{word}` is not `first`, `second`, `third`, `fourth` or `last`"))
}
