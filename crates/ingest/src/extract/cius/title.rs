//! Which table a sheet is, by its title cells.

use model::{Error, Kind, Result};

use super::Cius;
use super::names::{spaced, split_footnotes};
use crate::extract::sheet::Sheet;

/// What the title cells say.
pub(super) struct Title {
    /// The first year that the table covers.
    pub first: i32,
    /// The last one, which names the edition.
    pub last: i32,
    /// The rows of the title, 0-based, and their texts.
    pub lines: Vec<(usize, String)>,
}

/// Rows among which a title is looked for.
const ROWS: usize = 8;

impl Title {
    /// Reads the title, and refuses the sheet if it is of another table.
    pub fn find(wanted: &Cius, sheet: &Sheet, url: &str) -> Result<Self> {
        let begins_header = |line: &str| wanted.labels.first().is_some_and(|label| label == line);
        let mut lines: Vec<(usize, String)> = (0..ROWS)
            .map(|row| (row, spaced(&sheet.text(row, 0))))
            .take_while(|(_, line)| !begins_header(line))
            .filter(|(_, line)| !line.is_empty())
            .collect();
        let joined =
            |lines: &[(usize, String)]| lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join(" ");
        // Some editions put a remark below the title, so the title may end before the lines do.
        for count in 1..=lines.len() {
            if let Some((first, last)) = years(&wanted.title, &joined(&lines[..count])) {
                lines.truncate(count);
                return Ok(Self { first, last, lines });
            }
        }
        // A title of three cells is what all of them have.
        lines.truncate(3);
        Err(another(wanted, &joined(&lines), url))
    }

    /// Whether the table covers a year.
    pub fn covers(&self, year: i32) -> bool {
        (self.first..=self.last).contains(&year)
    }
}

/// The years that a line names, if it is such a title.
fn years(pattern: &str, line: &str) -> Option<(i32, i32)> {
    let (mut pattern, mut line, mut found) = (pattern, line, None);
    while let Some((literal, rest)) = pattern.split_once('{') {
        line = after(line, literal)?;
        let (what, rest) = rest.split_once('}')?;
        pattern = rest;
        line = match what {
            "number" => {
                let end = line.find(' ').filter(|end| *end > 0)?;
                &line[end..]
            }
            "year" => {
                let (year, rest) = year(line)?;
                found = Some((year, year));
                rest
            }
            "years" => {
                let (first, rest) = year(line)?;
                let (last, rest) = year(rest.strip_prefix(['–', '-', '—'])?)?;
                found = Some((first, last)).filter(|_| first < last);
                rest
            }
            _ => return None,
        };
    }
    let rest = after(line, pattern)?;
    // A footnote may be glued to the end.
    found.filter(|_| split_footnotes(rest).0.is_empty())
}

fn after<'a>(line: &'a str, literal: &str) -> Option<&'a str> {
    let (begin, rest) = line.split_at_checked(literal.len())?;
    begin.eq_ignore_ascii_case(literal).then_some(rest)
}

fn year(text: &str) -> Option<(i32, &str)> {
    let (year, rest) = text.split_at_checked(4)?;
    year.bytes().all(|byte| byte.is_ascii_digit()).then(|| year.parse().ok()).flatten().map(|year| (year, rest))
}

/// The error for a sheet that is another table, or none.
fn another(wanted: &Cius, title: &str, url: &str) -> Error {
    let name = wanted.title.split_once("{number} ").map_or(wanted.title.as_str(), |(_, name)| name);
    let name = name.split(", {year").next().unwrap_or(name);
    let number = title.find("Table ").and_then(|at| title[at + 6..].find(' ').map(|end| at + 6 + end));
    let what = match number {
        Some(end) => format!("this is {} ({}), and not `{name}`", &title[..end], title[end..].trim()),
        None if title.is_empty() => format!("the title cells are blank, so this is not `{name}`"),
        None => {
            format!("its title is `{}`, so this is not `{name}`", title.chars().take(120).collect::<String>())
        }
    };
    Error::new(Kind::Changed, format!("{url}: {what}"))
        .hint("look for the title: numbers of tables differ between years, and names of files mislead")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, line: &str, expected: Option<(i32, i32)>) {
        assert_eq!(years(pattern, line), expected, "{line}");
    }

    #[test]
    fn titles_are_read_whatever_their_number() {
        let cities = "Table {number} Offenses by City, {year}";
        check(cities, "Table 8 Offenses by City, 2015", Some((2015, 2015)));
        check(cities, "TABLE 6 Offenses by city, 20161", Some((2016, 2016)));
        check(cities, "Table 8 Offenses by City, 20151, 2", Some((2015, 2015)));
        check(cities, "Table 8 Offenses by City, 2015 [Remark.]", None);
        check(cities, "Table 8 Offenses by County, 2015", None);
        check(cities, "Table  Offenses by City, 2015", None);
        check(cities, "Expanded Table 8 Offenses by City, 2015", None);
        check(cities, "Table 8 Offenses by City, 15", None);
        check(cities, "Table 8 Offenses by City, –2015", None);
        check(cities, "", None);
    }

    #[test]
    fn a_title_may_name_two_years() {
        let weapons = "Data Table {number} Victims, {years}";
        check(weapons, "Data Table 8 Victims, 2009–2013", Some((2009, 2013)));
        check(weapons, "Data Table 8 Victims, 2009-20131", Some((2009, 2013)));
        check(weapons, "Data Table 8 Victims, 2013", None);
        check(weapons, "Data Table 8 Victims, 2013–2009", None);
    }
}
