//! The footer of a WONDER export: sections between rules, long lines wrapped, each line in quotes.
//!
//! [`parse`] unwraps it into [`Item`]s. It knows the shape, not the meaning: comparing the query with a recipe is the
//! extractor's.

use model::{Error, Kind, Result};

/// The line that ends the data, and each section.
pub(super) const RULE: &str = "\"---\"";

/// No line that WONDER wraps is shorter than this, in bytes; it wraps at 128.
const WRAPPED: usize = 100;

/// A parameter, caveat or the like, unwrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// `dataset`, `query`, `message`, `footnote`, `caveat`, `citation`, `query_date`, `help`.
    pub section: String,
    /// The parameter's name or the item's number.
    pub label: String,
    /// What it says.
    pub text: String,
    /// The 1-based line of the file where it begins.
    pub line: u64,
}

/// What the section that a line stands in is made of.
enum Section {
    /// Nothing has been seen of it.
    New,
    /// `Name: value` lines.
    Query,
    /// One `Name: value`, over all its lines.
    Single,
    /// `N. text` items under a head, and the number of the newest.
    Numbered(String, u64),
}

/// Reads the lines after the data, each with its 1-based number.
pub(super) fn parse<'a>(lines: impl Iterator<Item = (u64, &'a str)>, url: &str) -> Result<Vec<Item>> {
    let mut items: Vec<Item> = Vec::new();
    let mut section = Section::New;
    let mut previous = 0;
    for (line, printed) in lines {
        if printed == RULE {
            section = Section::New;
            continue;
        }
        if printed.is_empty() {
            continue;
        }
        let text = match printed.strip_prefix('"').map(unquote) {
            Some(Some((text, ""))) => text,
            Some(_) => return Err(unreadable(line, printed, url)),
            None => {
                // Heads such as `Caveats:` are the only lines without quotes.
                let Some(head) = printed.strip_suffix(':') else { return Err(unreadable(line, printed, url)) };
                section = Section::Numbered(section_name(head), 0);
                continue;
            }
        };
        match begin(&section, &text) {
            Begin::Item { label, value, name, next } => {
                items.push(Item { section: name, label, text: value, line });
                section = next;
            }
            Begin::Head => section = Section::Query,
            Begin::Nothing => {
                let first = text.split(' ').next().map_or(0, str::len);
                let wrapped = match section {
                    Section::New => false,
                    Section::Query => previous + 1 + first > WRAPPED,
                    Section::Single | Section::Numbered(..) => true,
                };
                match items.last_mut() {
                    Some(item) if wrapped => {
                        item.text.push(' ');
                        item.text.push_str(&text);
                    }
                    _ => return Err(unreadable(line, printed, url)),
                }
            }
        }
        previous = text.len();
    }
    Ok(items)
}

/// What a line turns out to begin.
enum Begin {
    /// A new item, and what the section is from now on.
    Item { label: String, value: String, name: String, next: Section },
    /// The head of the query parameters.
    Head,
    /// It goes on with the item before it.
    Nothing,
}

fn begin(section: &Section, text: &str) -> Begin {
    match section {
        Section::New => {
            let Some((label, value)) = named(text) else { return Begin::Nothing };
            let name = section_name(label);
            let next = if name == "dataset" { Section::Query } else { Section::Single };
            Begin::Item { label: label.to_owned(), value: value.to_owned(), name, next }
        }
        Section::Query if text == "Query Parameters:" => Begin::Head,
        Section::Query => match named(text) {
            Some((label, value)) => Begin::Item {
                label: label.to_owned(),
                value: value.to_owned(),
                name: "query".to_owned(),
                next: Section::Query,
            },
            None => Begin::Nothing,
        },
        Section::Single => Begin::Nothing,
        Section::Numbered(name, newest) => {
            // A wrapped line may begin with `2012. `, so only the number that is due begins an item.
            let due = newest + 1;
            match text.strip_prefix(&format!("{due}. ")) {
                Some(value) => Begin::Item {
                    label: due.to_string(),
                    value: value.to_owned(),
                    name: name.clone(),
                    next: Section::Numbered(name.clone(), due),
                },
                None if *newest == 0 => Begin::Item {
                    label: String::new(),
                    value: text.to_owned(),
                    name: name.clone(),
                    next: Section::Single,
                },
                None => Begin::Nothing,
            }
        }
    }
}

/// `Name: value`, where the name looks like one of WONDER's: `Year/Month`, `UCD - ICD-10 Codes`, `2013 Urbanization`.
fn named(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once(": ").or_else(|| Some((text.strip_suffix(':')?, "")))?;
    let begins = name.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit());
    (begins && name.len() <= 60 && !name.contains([':', ';', ',', '(', ')', '[', ']', '"'])).then_some((name, value))
}

fn section_name(head: &str) -> String {
    match head {
        "Messages" => "message".to_owned(),
        "Footnotes" => "footnote".to_owned(),
        "Caveats" => "caveat".to_owned(),
        "Suggested Citation" => "citation".to_owned(),
        other => other.to_lowercase().replace(' ', "_"),
    }
}

/// The text up to the closing quote, `""` being a quote within, and what follows it.
pub(super) fn unquote(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"')?;
        out.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                out.push('"');
                rest = after;
            }
            None => return Some((out, rest)),
        }
    }
}

fn unreadable(line: u64, printed: &str, url: &str) -> Error {
    let begin: String = printed.chars().take(60).collect();
    Error::new(Kind::Changed, format!("{url}: line {line} of the footer cannot be read: `{begin}`"))
        .hint("export it again from WONDER and do not edit it; if it is untouched, WONDER has changed its footer")
}
