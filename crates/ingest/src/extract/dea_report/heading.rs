//! What the words above a table say: the report, its period, its drug and place, and what its columns are.
//!
//! [`marks`] finds the labelled values of a line, [`columns`] reads column headings, [`period`] two dates. Every wording
//! here was seen by others in editions of 2000-2025. Absent: rows.

use jiff::civil::Date;

use super::text::{Line, Word};

/// A label of a value, in any line above a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Period,
    DrugCode,
    DrugName,
    /// Code and name, since 2018.
    Drug,
    State,
    Activity,
    /// Known, and nothing that a row needs.
    Other,
}

/// The longest first where one begins another.
const MARKS: &[(&str, Mark)] = &[
    ("REPORTING PERIOD:", Mark::Period),
    ("DATE RANGE:", Mark::Period),
    ("DRUG CODE:", Mark::DrugCode),
    ("DRUG NAME:", Mark::DrugName),
    ("DRUG:", Mark::Drug),
    ("BUSINESS ACTIVITY:", Mark::Activity),
    ("POPULATION YEAR:", Mark::Other),
    ("RUN DATE:", Mark::Other),
    ("DATE:", Mark::Other),
    ("STATE:", Mark::State),
    ("PAGE:", Mark::Other),
];

/// The labelled values of a line, in order; none where it has no label.
pub(super) fn marks(text: &str) -> Vec<(Mark, String)> {
    let upper = text.to_ascii_uppercase();
    let mut found: Vec<(usize, &str, Mark)> = Vec::new();
    let mut at = 0;
    while at < upper.len() {
        let here = upper.get(at..).and_then(|rest| MARKS.iter().find(|(label, _)| rest.starts_with(label)));
        at += match here {
            Some((label, mark)) => {
                found.push((at, label, *mark));
                label.len()
            }
            None => 1,
        };
    }
    let ends = found.iter().skip(1).map(|(start, _, _)| *start).chain([text.len()]);
    found
        .iter()
        .zip(ends)
        .map(|((start, label, mark), end)| {
            (*mark, text.get(start + label.len()..end).unwrap_or_default().trim().to_owned())
        })
        .collect()
}

/// The number of the report that a line names, such as `ARCOS 3 - REPORT 04 by GRAMS`.
pub(super) fn report(text: &str) -> Option<u8> {
    let upper = text.to_ascii_uppercase();
    if !upper.contains("ARCOS") && !upper.contains("DATE RANGE") {
        return None;
    }
    let (_, after) = upper.split_once("REPORT ")?;
    let word = after.split_whitespace().next()?;
    let number: u8 = word.parse().ok()?;
    matches!(number, 1..=5 | 7).then_some(number)
}

/// The first and the last day that a line names: `01/01/2015 TO 12/31/2015` or in words.
pub(super) fn period(text: &str) -> Option<(Date, Date)> {
    let upper = text.to_ascii_uppercase();
    let (before, after) = upper.split_once(" TO ")?;
    let first = before.split_whitespace().rev().take(3).collect::<Vec<_>>();
    let last = after.split_whitespace().take(3).collect::<Vec<_>>();
    let numeric = |word: &str| Date::strptime("%m/%d/%Y", word).ok();
    if let (Some(first), Some(last)) = (first.first().and_then(|w| numeric(w)), last.first().and_then(|w| numeric(w))) {
        return Some((first, last));
    }
    let spelt = |text: String| Date::strptime("%B %d,%Y", text.replace(", ", ",")).ok();
    let first: Vec<&str> = first.into_iter().rev().collect();
    let shorter = |words: &[&str]| spelt(words.join(" "));
    Some((shorter(&first)?, (2..=last.len()).find_map(|count| shorter(last.get(..count)?))?))
}

/// What a column of figures is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    Rank,
    /// A quarter, from 1.
    Quarter(u8),
    /// The sum of the quarters, or of the year.
    Total,
    /// With the words that say of which year the population is.
    Population(String),
    Rate,
    Buyers,
    Average,
    /// A column of labels, or of codes.
    Label,
}

/// A column and where its heading stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Heading {
    pub column: Column,
    pub middle: f32,
}

const QUARTERS: [[&str; 3]; 4] = [
    ["1ST QUARTER", "QUARTER 1", "Q1 CALC GRAMS"],
    ["2ND QUARTER", "QUARTER 2", "Q2 CALC GRAMS"],
    ["3RD QUARTER", "QUARTER 3", "Q3 CALC GRAMS"],
    ["4TH QUARTER", "QUARTER 4", "Q4 CALC GRAMS"],
];

/// Headings other than quarters; the longest first where one begins another.
const HEADINGS: &[(&str, Column)] = &[
    ("TOTAL GRAMS/100K POPULATION", Column::Rate),
    ("GRAMS/100K POP. TO DATE", Column::Rate),
    ("GRAMS/100K POPULATION", Column::Rate),
    ("GRAMS/100K POP.", Column::Rate),
    ("GRAMS/100K POP", Column::Rate),
    ("TOTAL GRAMS", Column::Total),
    ("TOTAL TO DATE", Column::Total),
    ("GRAMS TO DATE", Column::Total),
    ("AVG GRAMS", Column::Average),
    ("NUMBER OF REGISTRANT SOLD TO", Column::Buyers),
    ("BUYERS", Column::Buyers),
    ("RANK", Column::Rank),
    ("REGISTRANT ZIP CODE 3", Column::Label),
    ("ZIP CODE", Column::Label),
    ("STATE NAME", Column::Label),
    ("DRUG NAME", Column::Label),
    ("DRUG CODE", Column::Label),
];

/// The column headings that a line consists of; none where it holds anything else.
pub(super) fn columns(line: &Line) -> Option<Vec<Heading>> {
    let mut found = Vec::new();
    let mut rest = line.words.as_slice();
    while !rest.is_empty() {
        let (column, count) = next(rest)?;
        let (first, last) = (rest.first()?, rest.get(count - 1)?);
        found.push(Heading { column, middle: f32::midpoint(first.left, last.right) });
        rest = rest.get(count..)?;
    }
    found.iter().any(|heading| heading.column != Column::Label).then_some(found)
}

/// The heading with which words begin, and how many words it has.
fn next(words: &[Word]) -> Option<(Column, usize)> {
    let begins = |heading: &str| {
        let parts: Vec<&str> = heading.split(' ').collect();
        let fits = words.len() >= parts.len()
            && parts.iter().zip(words).all(|(part, word)| word.text.eq_ignore_ascii_case(part));
        fits.then_some(parts.len())
    };
    let quarter = QUARTERS.iter().zip(1..).find_map(|(spellings, number)| {
        spellings.iter().find_map(|spelling| begins(spelling)).map(|count| (Column::Quarter(number), count))
    });
    let plain = || HEADINGS.iter().find_map(|(heading, column)| Some((column.clone(), begins(heading)?)));
    quarter.or_else(plain).or_else(|| population(words)).or_else(|| Some((Column::Label, begins("STATE")?)))
}

/// `2000 POP`, `STATE POPULATION` or `POPULATION`.
fn population(words: &[Word]) -> Option<(Column, usize)> {
    let word = |place: usize| words.get(place).map(|word| word.text.to_ascii_uppercase());
    let first = word(0)?;
    let year = first.len() == 4 && first.bytes().all(|byte| byte.is_ascii_digit());
    match word(1).as_deref() {
        Some("POP" | "POP." | "POPULATION") if year => Some((Column::Population(first), 2)),
        Some("POPULATION") if first == "STATE" => Some((Column::Population(String::new()), 2)),
        _ if first == "POPULATION" => Some((Column::Population(String::new()), 1)),
        _ => None,
    }
}

/// Whether a line is a title, the name of the publisher or a page's number: nothing of the table.
pub(super) fn is_furniture(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    const TITLES: [&str; 10] = [
        "RETAIL DRUG DISTRIBUTION",
        "DRUG DISTRIBUTION BY",
        "DISTRIBUTION BY STATE",
        "QUARTERLY DISTRIBUTION",
        "CUMULATIVE DISTRIBUTION",
        "RETAIL DRUG PURCHASES",
        "RETAIL DRUG SUMMARY",
        "DRUG ENFORCEMENT ADMINISTRATION",
        "DEPARTMENT OF JUSTICE",
        "DIVERSION CONTROL",
    ];
    let words: Vec<&str> = upper.split_whitespace().collect();
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    TITLES.iter().any(|title| upper.contains(title))
        || upper.bytes().all(|byte| matches!(byte, b'-' | b'_' | b'=' | b' '))
        || matches!(words.as_slice(), ["PAGE", ..] if words.len() <= 4)
        || matches!(words.as_slice(), [first, "OF", last] if is_number(first) && is_number(last))
}

/// Whether a title says that the figures are milligrams.
pub(super) fn in_milligrams(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    upper.contains("MILLIGRAM") || upper.contains("MILIGRAM")
}
