//! The catalogue of data.cms.gov (DCAT): which address each year of a dataset has, and what it calls its latest.
//!
//! Two shapes are known: one entry for a dataset with the years as its distributions, and (since the autumn of 2026) an
//! entry for each year, whose title ends in a date. A year is that of the period it covers, where one is given; the date
//! in a title is not always in it. Absent: whatever is no address of the API.

use model::{Error, Kind, Result};
use serde_json::Value;

/// What the catalogue lists of one dataset.
pub(super) struct Catalogue {
    /// The addresses of the API, in the catalogue's order.
    pub listed: Vec<Listed>,
    title: String,
    url: String,
}

/// One address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// The year that it covers, where anything tells.
    pub year: Option<i32>,
    /// The address, which ends in `/data`.
    pub url: String,
    /// The day of its last change, as printed; empty where none is.
    pub modified: String,
    /// Whether it is the one that moves on with each release.
    pub latest: bool,
}

impl Listed {
    /// The year in words.
    pub fn year_text(&self) -> String {
        self.year.map_or_else(|| "a year that is not told".to_owned(), |year| year.to_string())
    }
}

impl Catalogue {
    /// Reads what a catalogue lists of the dataset with this title.
    pub fn read(body: &[u8], title: &str, url: &str) -> Result<Self> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let value: Value = serde_json::from_slice(body).map_err(|cause| {
            Error::new(Kind::NotData, format!("{url} is cut short or is no JSON"))
                .caused_by(cause)
                .hint("fetch it again; nothing of it was kept")
        })?;
        let changed = |what: String| {
            Error::new(Kind::Changed, format!("{url}: {what}"))
                .hint("the publisher may have renamed the dataset: look for it in the catalogue")
        };
        let Some(datasets) = value.get("dataset").and_then(Value::as_array) else {
            return Err(changed("it lists no `dataset`".to_owned()));
        };
        let is_of = |found: &str| found == title || found.strip_prefix(title).is_some_and(|end| end.starts_with(" : "));
        let own = datasets.iter().filter(|dataset| is_of(text(dataset, "title")));
        let listed: Vec<_> = own.flat_map(distributions).collect();
        if listed.is_empty() {
            return Err(changed(format!("it has no rows of a dataset with the title `{title}`")));
        }
        Ok(Self { listed, title: title.to_owned(), url: url.to_owned() })
    }

    /// What the catalogue says of a year's address, which must be of that year and no `latest`.
    pub fn pinned(&self, year: i32, url: &str) -> Result<Listed> {
        let fits = |listed: &&Listed| listed.url == url && listed.year == Some(year) && !listed.latest;
        if let Some(listed) = self.listed.iter().find(fits) {
            return Ok(listed.clone());
        }
        let known = self.listed.iter().find(|listed| listed.url == url);
        let other = self.listed.iter().find(|listed| listed.year == Some(year) && !listed.latest);
        let what = match (known, other) {
            (Some(known), _) if known.latest => {
                format!("{url} is what it calls `latest`, now of {}, and is declared as {year}", known.year_text())
            }
            (Some(known), _) => format!("{url} is of {}, and is declared as {year}", known.year_text()),
            (None, Some(other)) => format!("{year} is at {} now, and {url} is declared", other.url),
            (None, None) => format!("it has no {year}"),
        };
        Err(Error::new(Kind::Changed, format!("{}: {}: {what}", self.url, self.title))
            .hint("another identifier is another edition: see what changed, then declare it with a release of its own"))
    }
}

/// The addresses of the API in an entry.
fn distributions(dataset: &Value) -> impl Iterator<Item = Listed> + '_ {
    let all = dataset.get("distribution").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(move |found| {
        let url = ["accessURL", "downloadURL"].into_iter().map(|key| text(found, key)).find(|url| is_api(url))?;
        let modified = [found, dataset].into_iter().map(|of| text(of, "modified")).find(|day| !day.is_empty());
        Some(Listed {
            year: year(found, dataset),
            url: url.to_owned(),
            modified: modified.unwrap_or_default().to_owned(),
            latest: text(found, "description").eq_ignore_ascii_case("latest"),
        })
    })
}

fn is_api(url: &str) -> bool {
    url.contains("/data-api/") && url.ends_with("/data")
}

/// The year of a distribution: of its own period, else of its title's date, else of the entry's period where the entry is
/// of one year.
fn year(distribution: &Value, dataset: &Value) -> Option<i32> {
    let of_year = text(dataset, "title").contains(" : ");
    let own = period(distribution).and_then(first_year);
    let titled = || text(distribution, "title").rsplit_once(" : ").and_then(|(_, date)| first_year(date));
    own.or_else(|| of_year.then(|| period(dataset).and_then(first_year)).flatten()).or_else(titled)
}

/// A period as printed: `2023-01-01/2023-12-31`, or an object with `startDate`, alone or first in a list.
fn period(value: &Value) -> Option<&str> {
    let temporal = value.get("temporal")?;
    let first = temporal.get(0).unwrap_or(temporal);
    first.as_str().or_else(|| first.get("startDate")?.as_str())
}

fn first_year(date: &str) -> Option<i32> {
    date.get(..4)?.parse().ok()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
