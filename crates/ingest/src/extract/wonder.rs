//! CDC WONDER's text exports: a table, and a footer that is the only record of the query.
//!
//! No interface serves state or county figures, so a person runs the query in WONDER's form, by the recipe, and
//! imports the export. [`WonderExport`] holds the recipe and compares it with the footer ([`footer`]), word for word:
//! a file without a footer, or of another query, is refused. What `Suppressed` and its like mean is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use model::{Error, Kind, Release, Result};
use serde::Deserialize;

use super::{Edition, Emit, Expect, Extractor, Note, Page, Piece, Request, Slice, SourceFile, delimited};
use footer::Item;

mod codes;
mod footer;

pub use codes::Codes;

/// Exports of one WONDER query, or of several that differ in the drug alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WonderExport {
    /// WONDER's name of the database, such as `D77`.
    pub database: String,
    /// The database's title without its years, as the footer prints it: `Multiple Cause of Death`, or
    /// `Multiple Cause of Death, Single Race`.
    pub title: String,
    /// The columns that the query groups by, in order.
    pub group_by: Vec<String>,
    /// The underlying causes of death, as ICD-10 codes or ranges such as `X40-X44`; empty for all.
    #[serde(default)]
    pub ucd: Codes,
    /// The contributing causes of death that make each drug; empty where the query does not restrict them.
    #[serde(default)]
    pub mcd: BTreeMap<String, Codes>,
    /// Whether rows with zero deaths must be shown: absent is not zero.
    #[serde(default = "yes")]
    pub show_zeros: bool,
    /// Whether rows with suppressed deaths must be shown.
    #[serde(default = "yes")]
    pub show_suppressed: bool,
    /// Known exports, each a slice of one page.
    #[serde(default)]
    pub files: Vec<SourceFile>,
    /// The largest size of one file, inflated, in bytes.
    #[serde(default = "default_max_bytes")]
    pub max_bytes: u64,
}

fn yes() -> bool {
    true
}

fn default_max_bytes() -> u64 {
    64 << 20
}

impl Extractor for WonderExport {
    fn has_notes(&self) -> bool {
        true
    }

    fn slices(&self) -> Vec<Slice> {
        self.files.iter().map(SourceFile::slice).collect()
    }

    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        Ok(seen.is_empty().then(|| Request::get(&slice.url, Expect::Text)))
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        // The headers of many queries look alike, so that only the footer tells one dataset's exports from another's.
        let text = self.text(page)?;
        let export = Export::parse(&text, &page.url)?;
        self.check_header(&export, &page.url)?;
        self.identify(&export.footer, &page.url)?;
        Ok(())
    }

    fn decode(&self, _slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        let [page] = pages else {
            return Err(Error::new(Kind::Internal, format!("an export is one file, not {}", pages.len())));
        };
        let text = self.text(page)?;
        let export = Export::parse(&text, &page.url)?;
        self.check_header(&export, &page.url)?;
        let edition = self.identify(&export.footer, &page.url)?;
        let drug = edition.slice.clone();
        emit(Piece::Edition(edition))?;

        let mut columns: Vec<(String, Vec<Option<String>>)> =
            export.header.iter().map(|name| (name.clone(), Vec::with_capacity(export.rows.len()))).collect();
        let mut records = Vec::with_capacity(export.rows.len());
        for (line, row) in &export.rows {
            let cells = cells(row, *line, &page.url)?;
            if cells.len() != columns.len() {
                return Err(Error::new(
                    Kind::NotData,
                    format!(
                        "{}: line {line} has {} cells where the header has {}",
                        page.url,
                        cells.len(),
                        columns.len()
                    ),
                )
                .hint(EXPORT_AGAIN));
            }
            for ((_, column), cell) in columns.iter_mut().zip(cells) {
                column.push(Some(cell));
            }
            records.push(*line);
        }
        if let Some(drug) = drug {
            columns.push(("drug".to_owned(), vec![Some(drug); records.len()]));
        }
        delimited::in_batches(0, &super::batch(columns, records)?, emit)?;
        for item in export.footer {
            emit(Piece::Note(Note {
                page: 0,
                section: item.section,
                label: item.label,
                text: item.text,
                record: item.line,
            }))?;
        }
        Ok(())
    }
}

const EXPORT_AGAIN: &str = "export it again from WONDER; `tollhouse datasets show` prints the causes and groups to enter in the form, and saving the file with another program changes it";

/// A file cut into its three pieces, each line with its 1-based number.
struct Export<'a> {
    header: Vec<String>,
    rows: Vec<(u64, &'a str)>,
    footer: Vec<Item>,
}

impl<'a> Export<'a> {
    fn parse(text: &'a str, url: &str) -> Result<Self> {
        let mut lines = text.split('\n').enumerate().map(|(index, line)| {
            let line = line.strip_suffix('\r').unwrap_or(line);
            (index as u64 + 1, line)
        });
        let first = lines.next().map_or("", |(_, line)| line);
        if !first.starts_with("\"Notes\"\t") {
            let begin: String = first.chars().take(60).collect();
            return Err(Error::new(
                Kind::Changed,
                format!(
                    "{url} is not a WONDER export as WONDER writes it: it begins with `{begin}`, not with `\"Notes\"`"
                ),
            )
            .hint(EXPORT_AGAIN));
        }
        let header = cells(first, 1, url)?;
        let mut rows = Vec::new();
        let mut closed = false;
        for (line, row) in lines.by_ref() {
            if row == footer::RULE {
                closed = true;
                break;
            }
            rows.push((line, row));
        }
        let footer = footer::parse(lines, url)?;
        if !closed || footer.is_empty() {
            return Err(Error::new(
                Kind::Changed,
                format!("{url} has no footer, and the footer is the only record of the query"),
            )
            .hint(format!("{EXPORT_AGAIN}; keep everything below the line `{}`", footer::RULE)));
        }
        Ok(Self { header, rows, footer })
    }
}

/// The cells of one line: labels in double quotes, measures bare.
fn cells(line: &str, number: u64, url: &str) -> Result<Vec<String>> {
    let mut cells = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let (cell, after) = match text.strip_prefix('"') {
            Some(quoted) => footer::unquote(quoted).ok_or_else(|| {
                Error::new(Kind::NotData, format!("{url}: line {number} has a quoted label that does not end"))
                    .hint(EXPORT_AGAIN)
            })?,
            None => {
                let end = text.find('\t').unwrap_or(text.len());
                (text[..end].to_owned(), &text[end..])
            }
        };
        cells.push(cell);
        rest = match after.strip_prefix('\t') {
            Some(after) => Some(after),
            None if after.is_empty() => None,
            None => {
                return Err(Error::new(Kind::NotData, format!("{url}: line {number} has text after a quoted label"))
                    .hint(EXPORT_AGAIN));
            }
        };
    }
    Ok(cells)
}

/// Parameters that are not restrictions, and the one value that our units are made for.
const FIXED: &[(&str, &str)] = &[
    ("Standard Population", "2000 U.S. Std. Population"),
    ("Calculate Rates Per", "100,000"),
    ("Rate Options", "Default intercensal populations for years 2001-2009 (except Infant Age Groups)"),
];

const UCD: &[&str] =
    &["UCD - ICD-10 Codes", "UCD - Drug/Alcohol Induced Causes", "ICD-10 Codes", "Drug/Alcohol Induced Causes"];
const MCD: &[&str] = &["MCD - ICD-10 Codes", "MCD - Drug/Alcohol Induced Causes"];

impl WonderExport {
    fn text(&self, page: &Page) -> Result<String> {
        Ok(delimited::latin1_or_utf8(delimited::whole(page, self.max_bytes)?))
    }

    /// The header must begin with the columns that the recipe groups by, and go on with the number of deaths.
    fn check_header(&self, export: &Export<'_>, url: &str) -> Result<()> {
        let mut expected = vec!["Notes".to_owned()];
        for name in &self.group_by {
            expected.extend([name.clone(), format!("{name} Code")]);
        }
        expected.push("Deaths".to_owned());
        let unique: BTreeSet<&String> = export.header.iter().collect();
        if unique.len() == export.header.len() && export.header.starts_with(&expected) {
            return Ok(());
        }
        Err(Error::new(
            Kind::Changed,
            format!(
                "{url} is grouped otherwise than the recipe says: its columns are `{}`, and should begin with `{}`",
                export.header.join(", "),
                expected.join(", ")
            ),
        )
        .hint(EXPORT_AGAIN))
    }

    /// Which edition and drug the footer says the file is; refuses a file of another query.
    fn identify(&self, footer: &[Item], url: &str) -> Result<Edition> {
        let mut differences = Vec::new();
        let release = self.release(footer, &mut differences);
        let drug = self.compare(footer, &mut differences);
        if let (Some(release), []) = (release, differences.as_slice()) {
            return Ok(Edition { release: Some(release.parse::<Release>()?), slice: drug });
        }
        Err(Error::new(
            Kind::Changed,
            format!(
                "{url} is the answer to another query than the recipe for WONDER's {} asks: {}",
                self.database,
                differences.join("; ")
            ),
        )
        .hint(EXPORT_AGAIN))
    }

    /// The edition's name: `Multiple Cause of Death, 1999-2016` makes `mcd-1999-2016`.
    fn release(&self, footer: &[Item], differences: &mut Vec<String>) -> Option<String> {
        let Some(dataset) = footer.iter().find(|item| item.section == "dataset") else {
            differences.push("the footer names no `Dataset`".to_owned());
            return None;
        };
        let is_period = |part: &&str| part.len() >= 4 && part.bytes().take(4).all(|byte| byte.is_ascii_digit());
        let parts: Vec<&str> = dataset.text.split(", ").collect();
        let title: Vec<&str> = parts.iter().filter(|part| !is_period(part)).copied().collect();
        let Some(period) = parts.iter().find(|part| is_period(part)) else {
            differences.push(format!("`Dataset` is `{}`, which names no years", dataset.text));
            return None;
        };
        if title.join(", ") != self.title {
            differences.push(format!("`Dataset` is `{}`, the recipe asks for `{}`", dataset.text, self.title));
            return None;
        }
        let mut name: String = title
            .first()
            .into_iter()
            .flat_map(|title| title.split(' '))
            .filter_map(|word| word.chars().next().filter(char::is_ascii_uppercase))
            .map(|initial| initial.to_ascii_lowercase())
            .collect();
        for part in [*period].into_iter().chain(title.into_iter().skip(1)) {
            let slug: String =
                part.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
            // Writing to a String cannot fail.
            let _infallible = write!(name, "-{slug}");
        }
        Some(name)
    }

    /// Compares every query parameter with the recipe, and returns the drug that the contributing causes make.
    fn compare(&self, footer: &[Item], differences: &mut Vec<String>) -> Option<String> {
        let asked = |name: &str, value: &str, recipe: &str| {
            format!("`{name}` is `{}`, the recipe asks for `{recipe}`", shortened(value))
        };
        let (mut ucd, mut mcd, mut grouped) = (Vec::new(), Vec::new(), false);
        let mut shown =
            BTreeMap::from([("Show Zero Values", self.show_zeros), ("Show Suppressed", self.show_suppressed)]);
        for item in footer.iter().filter(|item| item.section == "query") {
            let (name, value) = (item.label.as_str(), item.text.as_str());
            if let Some(required) = shown.remove(name) {
                if required && value != "True" {
                    differences.push(asked(name, value, "True"));
                }
            } else if let Some((_, fixed)) = FIXED.iter().find(|(known, _)| *known == name) {
                if value != *fixed {
                    differences.push(asked(name, value, fixed));
                }
            } else if name == "Group By" {
                grouped = true;
                if codes::list(value) != self.group_by {
                    differences.push(asked(name, value, &self.group_by.join(", ")));
                }
            } else if UCD.contains(&name) && value != "All" {
                ucd.push(item);
            } else if MCD.contains(&name) && value != "All" {
                mcd.push(item);
            } else if matches!(name, "Year/Month" | "Year") {
                if value != "All" && !codes::list(value).iter().all(|year| is_year(year)) {
                    differences.push(asked(name, value, "All, or whole years"));
                }
            } else if !matches!(name, "Title" | "Show Totals") && !matches!(value, "" | "All") {
                // A title is free text, and totals are told apart later. Everything else would restrict the rows.
                differences.push(asked(name, value, "All"));
            }
        }
        if !grouped {
            differences.push(format!(
                "the footer does not say `Group By`, the recipe asks for `{}`",
                self.group_by.join(", ")
            ));
        }
        for (name, required) in shown {
            if required {
                differences.push(format!("the footer does not say `{name}`, the recipe asks for `True`"));
            }
        }
        self.compare_ucd(&ucd, differences);
        self.drug(&mcd, differences)
    }

    fn compare_ucd(&self, items: &[&Item], differences: &mut Vec<String>) {
        match items {
            [] if self.ucd.is_empty() => {}
            [] => differences.push(format!("underlying causes are not restricted, the recipe asks for `{}`", self.ucd)),
            [item] => match codes::read(&item.text) {
                Ok(found) if found == self.ucd => {}
                Ok(found) => differences.push(format!("`{}` {}", item.label, found.difference(&self.ucd))),
                Err(odd) => differences.push(format!(
                    "`{}` has `{odd}`, which is no code; the recipe asks for `{}`",
                    item.label, self.ucd
                )),
            },
            more => differences.push(format!("underlying causes are restricted {} times", more.len())),
        }
    }

    fn drug(&self, items: &[&Item], differences: &mut Vec<String>) -> Option<String> {
        match items {
            [] if self.mcd.is_empty() => None,
            [] => {
                differences
                    .push("contributing causes are not restricted, the recipe asks for those of a drug".to_owned());
                None
            }
            [item] => match codes::read(&item.text) {
                Ok(found) => {
                    let exact = self.mcd.iter().find(|(_, codes)| **codes == found);
                    if exact.is_none() {
                        let nearest = self.mcd.iter().min_by_key(|(_, codes)| found.distance(codes));
                        differences.push(match nearest {
                            Some((name, codes)) => format!(
                                "`{}` makes no drug of the recipe: the nearest is `{name}`, but it {}",
                                item.label,
                                found.difference(codes)
                            ),
                            None => format!("`{}` is `{found}`, the recipe asks for `All`", item.label),
                        });
                    }
                    exact.map(|(name, _)| name.clone())
                }
                Err(odd) => {
                    differences.push(format!("`{}` has `{odd}`, which is no code", item.label));
                    None
                }
            },
            more => {
                differences.push(format!("contributing causes are restricted {} times", more.len()));
                None
            }
        }
    }
}

/// Lists of causes run over many lines; their beginning is enough to recognise them.
fn shortened(value: &str) -> String {
    match value.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

fn is_year(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
