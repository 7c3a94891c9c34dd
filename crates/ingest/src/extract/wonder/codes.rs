//! Sets of ICD-10 codes, as a recipe lists them and as WONDER's footer prints them.
//!
//! [`Codes`] is a set; [`read`] reads a footer's list, [`list`] cuts one. What a code stands for is not known here.

use std::collections::BTreeSet;
use std::fmt;

use model::{Error, Kind, Result};
use serde::Deserialize;

/// A set of ICD-10 codes, with ranges written out: `X40-X42` is X40, X41 and X42. WONDER's groups that print no codes are
/// members by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Codes(BTreeSet<String>);

/// WONDER's groups of causes that the footer prints without their codes; spelled in different cases over the years.
const GROUPS: &[&str] = &[
    "drug-induced causes",
    "alcohol-induced causes",
    "all other drug-induced causes",
    "all other alcohol-induced causes",
    "all other non-drug and non-alcohol causes",
];

/// A group that prints no codes.
fn group(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    GROUPS.contains(&text.as_str()).then_some(text)
}

impl TryFrom<Vec<String>> for Codes {
    type Error = Error;

    fn try_from(texts: Vec<String>) -> Result<Self> {
        let mut codes = BTreeSet::new();
        for text in texts {
            let Some(more) = expand(&text).or_else(|| group(&text).map(|group| vec![group])) else {
                return Err(Error::new(Kind::Usage, format!("`{text}` is no ICD-10 code"))
                    .hint("codes look like `X40` or `T40.1`, ranges like `X40-X44`"));
            };
            codes.extend(more);
        }
        Ok(Self(codes))
    }
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ranges(&self.0))
    }
}

impl Codes {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The codes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// How many codes stand in one of the two sets alone.
    pub fn distance(&self, other: &Codes) -> usize {
        self.0.symmetric_difference(&other.0).count()
    }

    /// What these codes have and lack beside those of the recipe, to follow the name of the parameter.
    pub fn difference(&self, recipe: &Codes) -> String {
        let only = |a: &Codes, b: &Codes| ranges(&a.0.difference(&b.0).cloned().collect());
        let (more, fewer) = (only(self, recipe), only(recipe, self));
        match (more.is_empty(), fewer.is_empty()) {
            (false, false) => format!("has {more} besides and lacks {fewer}"),
            (false, true) => format!("has {more} besides"),
            (true, false) => format!("lacks {fewer}"),
            (true, true) => "is the same".to_owned(),
        }
    }
}

/// The codes in a footer's list, or the item that is none. An item is `T40.1 (Heroin)`, or a group that ends with its
/// codes, `Drug poisonings (overdose) Suicide (X60-X64)`.
pub(super) fn read(text: &str) -> Result<Codes, String> {
    let mut codes = BTreeSet::new();
    for item in list(text) {
        if let Some(group) = group(&item) {
            codes.insert(group);
            continue;
        }
        let (begin, description) = item.split_once(' ').unwrap_or((&item, ""));
        let found = match expand(begin) {
            Some(found) if description.is_empty() || is_one_parenthesis(description) => found,
            Some(_) => return Err(item),
            None => {
                let last = item.strip_suffix(')').and_then(|item| item.rsplit_once('('));
                match last.and_then(|(_, last)| expand(last)) {
                    Some(found) => found,
                    None => return Err(item),
                }
            }
        };
        codes.extend(found);
    }
    Ok(Codes(codes))
}

/// Codes for people: whole categories that follow one another as ranges.
fn ranges(codes: &BTreeSet<String>) -> String {
    let number = |code: &str| -> Option<(char, u8)> {
        (is_code(code) && code.len() == 3).then(|| Some((code.chars().next()?, code[1..].parse().ok()?)))?
    };
    let mut runs: Vec<(&str, &str)> = Vec::new();
    for code in codes {
        match runs.last_mut() {
            Some((_, last))
                if number(last)
                    .zip(number(code))
                    .is_some_and(|((a, x), (b, y))| a == b && x.checked_add(1) == Some(y)) =>
            {
                *last = code;
            }
            _ => runs.push((code, code)),
        }
    }
    let text = |(first, last): &(&str, &str)| {
        if first == last { (*first).to_owned() } else { format!("{first}-{last}") }
    };
    runs.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Whether a text is one pair of parentheses and what stands in it: `(a), T40.4 (b)` is not.
fn is_one_parenthesis(text: &str) -> bool {
    let mut depth = 0_usize;
    for (index, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index + 1 == text.len();
        }
    }
    false
}

/// The items of a list. WONDER separated them by `, ` until about 2018 and by `; ` since; commas within parentheses
/// belong to a description.
pub(super) fn list(text: &str) -> Vec<String> {
    let by_semicolon = split(text, "; ");
    if by_semicolon.len() > 1 { by_semicolon } else { split(text, ", ") }
}

/// The code and the label of an item that is one cause, `X72 (Intentional self-harm by handgun discharge)`.
pub(super) fn one(item: &str) -> Option<(String, String)> {
    let (code, label) = item.split_once(' ')?;
    let [code] = <[String; 1]>::try_from(expand(code)?).ok()?;
    let label = label.strip_prefix('(').filter(|_| is_one_parenthesis(label))?.strip_suffix(')')?;
    Some((code, label.to_owned()))
}

fn split(text: &str, separator: &str) -> Vec<String> {
    let (mut items, mut depth, mut begin) = (Vec::new(), 0_usize, 0);
    for (index, c) in text.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 && text[index..].starts_with(separator) => {
                items.push(text[begin..index].to_owned());
                begin = index + separator.len();
            }
            _ => {}
        }
    }
    items.push(text[begin..].to_owned());
    items
}

/// The codes that `X40`, `T40.1` or `X40-X44` stands for.
fn expand(text: &str) -> Option<Vec<String>> {
    // An asterisk marks codes that the United States added, such as those of terrorism.
    let text = text.strip_prefix('*').unwrap_or(text);
    let Some((first, last)) = text.split_once('-') else {
        return is_code(text).then(|| vec![text.to_owned()]);
    };
    let whole = |code: &str| -> Option<(char, u8)> {
        (is_code(code) && code.len() == 3)
            .then(|| code.split_at(1))
            .and_then(|(letter, number)| Some((letter.chars().next()?, number.parse().ok()?)))
    };
    let ((letter, from), (same, to)) = (whole(first)?, whole(last)?);
    (letter == same && from <= to).then(|| (from..=to).map(|number| format!("{letter}{number:02}")).collect())
}

/// A capital letter, two digits, and perhaps a point and one more digit.
fn is_code(text: &str) -> bool {
    let (category, rest) = text.split_at_checked(3).unwrap_or((text, ""));
    let [letter, tens, ones] = category.as_bytes() else { return false };
    let point = rest.is_empty() || matches!(rest.as_bytes(), [b'.', digit] if digit.is_ascii_digit());
    letter.is_ascii_uppercase() && tens.is_ascii_digit() && ones.is_ascii_digit() && point
}
