//! What stands before the figures of a row: a ZIP code, a state, a rank, a drug, or the label of a total.
//!
//! [`zip`], [`place`], [`ranked`] and [`purchase`] read a row of each report; [`total_of`] says what a total is of. Absent:
//! columns and pages.

use super::text::{Word, joined};

/// What a row is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Label {
    Zip3(String),
    /// As printed.
    State(String),
    /// The rank, and the state as printed.
    Ranked(String, String),
    /// The code as printed, and the name.
    Drug(String, String),
    /// As printed; empty where figures stand alone.
    Total(String),
}

/// What a total is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Of {
    /// The table above it.
    Table,
    /// The drug, over all states.
    Drug,
    /// This state.
    State(String),
}

/// Three digits of a ZIP code, with the zeros that it may have lost.
pub(super) fn zip3(word: &str) -> Option<String> {
    let plain = (1..=3).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| format!("{word:0>3}"))
}

/// A row of Report 1.
pub(super) fn zip(label: &[Word], figures: &[Word]) -> Option<(Label, Vec<Word>)> {
    if label.is_empty() {
        if let Some((first, rest)) = figures.split_first()
            && let Some(zip3) = zip3(&first.text)
            && !rest.is_empty()
        {
            return Some((Label::Zip3(zip3), rest.to_vec()));
        }
        return Some((Label::Total(String::new()), figures.to_vec()));
    }
    let text = joined(label);
    // Only totals name a state there, however much of the name is cut off.
    (is_total(&text) || begins_with_usps(&text)).then(|| (Label::Total(text), figures.to_vec()))
}

/// Whether a label begins as `AR - ARKANSAS` does.
fn begins_with_usps(label: &str) -> bool {
    label.split_once(" - ").is_some_and(|(code, _)| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()))
}

/// A row of Report 2 or 3.
pub(super) fn place(label: &[Word], figures: &[Word]) -> Option<(Label, Vec<Word>)> {
    let text = joined(label);
    let found = if text.is_empty() || is_total(&text) { Label::Total(text) } else { Label::State(text) };
    Some((found, figures.to_vec()))
}

/// A row of Report 4; its totals have no rank.
pub(super) fn ranked(label: &[Word], figures: &[Word]) -> Option<(Label, Vec<Word>)> {
    let text = joined(label);
    if text.is_empty() || is_total(&text) {
        return Some((Label::Total(text), figures.to_vec()));
    }
    let (rank, state) = label.split_first()?;
    let is_rank = rank.text.bytes().all(|byte| byte.is_ascii_digit());
    (is_rank && !state.is_empty()).then(|| (Label::Ranked(rank.text.clone(), joined(state)), figures.to_vec()))
}

/// A row of Report 5 or 7: the drug's name, its code, and three figures.
pub(super) fn purchase(label: &[Word], figures: &[Word]) -> Option<(Label, Vec<Word>)> {
    let all: Vec<&Word> = label.iter().chain(figures).collect();
    // A figure may be blank; what stands further left is of the name.
    let place = (1..=4).rev().filter_map(|back| all.len().checked_sub(back)).find(|place| is_code(&all[*place].text));
    match place {
        Some(place) if place > 0 => {
            let name: Vec<Word> = all[..place].iter().map(|word| (*word).clone()).collect();
            let rest = all[place + 1..].iter().map(|word| (*word).clone()).collect();
            let text = joined(&name);
            Some((Label::Drug(all[place].text.clone(), text), rest))
        }
        _ => {
            let text = joined(label);
            (text.is_empty() || is_total(&text)).then(|| (Label::Total(text), figures.to_vec()))
        }
    }
}

/// A drug code: four digits, and perhaps a letter.
pub(super) fn is_code(word: &str) -> bool {
    let digits = word.strip_suffix(|last: char| last.is_ascii_uppercase()).unwrap_or(word);
    digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The four digits of a printed code.
pub(super) fn bare_code(code: &str) -> &str {
    if is_code(code) { code.get(..4).unwrap_or(code) } else { code }
}

/// Whether a label is of a total, whatever its wording: `T0TAL` and labels cut short among them.
pub(super) fn is_total(label: &str) -> bool {
    let text = label.to_ascii_uppercase().replace("T0TAL", "TOTAL");
    const BEGIN: [&str; 6] = ["UNITED STATES", "U.S.", "US TOTAL", "TOTAL", "STATE TOTAL", "DRUG TOTAL"];
    BEGIN.iter().any(|begin| text.starts_with(begin)) || of_drug(&text) || cut_total(&text).is_some()
}

/// Whether a label is a drug's code and name, which only totals have.
fn of_drug(label: &str) -> bool {
    label.split_once(" - ").is_some_and(|(code, _)| is_code(code))
}

/// What stands before ` - Total`, of which the end may be cut off.
fn cut_total(upper: &str) -> Option<&str> {
    let (before, end) = upper.rsplit_once(" -")?;
    ("TOTAL".starts_with(end.trim()) && before.contains(" - ")).then_some(before)
}

/// What a total with this label is of.
pub(super) fn total_of(label: &str) -> Of {
    let text = label.to_ascii_uppercase().replace("T0TAL", "TOTAL");
    match cut_total(&text) {
        _ if of_drug(&text) => Of::Drug,
        Some(before) => Of::State(before.to_owned()),
        None if begins_with_usps(label) => Of::State(label.to_owned()),
        None if text.starts_with("TOTAL") || text.starts_with("STATE TOTAL") || text.is_empty() => Of::Table,
        None => Of::Drug,
    }
}

/// A state's name, of what is printed: `AR - ARKANSAS`, `TRUST TERRITORIES (GUAM)`.
pub(super) fn state(printed: &str) -> String {
    let name = match printed.split_once(" - ") {
        Some((code, name)) if code.len() == 2 => name,
        _ => printed,
    };
    let name = name.trim_end_matches(['-', ' ']);
    match name.strip_prefix("TRUST TERRITORIES (").and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => inner.to_owned(),
        None => name.to_owned(),
    }
}

/// Whether brackets are open at the end of a name.
pub(super) fn is_open(name: &str) -> bool {
    let count = |bracket: [char; 2]| name.chars().filter(|letter| bracket.contains(letter)).count();
    count(['(', '[']) > count([')', ']'])
}
