//! The DEA's Retail Drug Summary Reports: PDFs by year, of ARCOS reports 1, 2, 3, 4, 5 and 7.
//!
//! [`DeaReport`] is the extractor. The text of a page is put in its place by [`text`]; [`heading`] says what stands above a
//! table, [`label`] what stands before its figures, and [`table`] gathers rows over lines and pages. A combined file holds all
//! reports: those asked for are read and the others passed over. Each quarter becomes a row of its own, and the sum beside
//! them a total row. The edition is named for the last month that the report says it covers, so that a half-year's
//! does not replace the year's. No page of the publisher itself has been read by this: the layouts are those that other
//! people's programs describe.

use std::collections::BTreeSet;

use jiff::civil::Date;
use model::{Error, Kind, Result};
use serde::Deserialize;

use super::{Edition, Emit, Expect, Extractor, Note, Page, Piece, Request, Slice, batch, delimited};
use table::{Reader, Row};
use text::Document;

mod heading;
mod label;
mod table;
mod text;

/// Some of the reports, year by year.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeaReport {
    /// Which reports are read: 1 to 5 or 7.
    reports: Vec<u8>,
    /// Where they lie, by years.
    files: Vec<Files>,
    /// The largest size of one file, in bytes.
    #[serde(default = "default_max_bytes")]
    max_bytes: u64,
}

/// Files of several years.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    /// The first and the last year.
    years: (i32, i32),
    /// The address: `{year}` stands for the year; with `{report}` each report has a file of its own.
    url: String,
}

fn default_max_bytes() -> u64 {
    256 << 20
}

/// How many pages are looked at for the first that names its report.
const TITLE_PAGES: usize = 6;

/// Rows that are handed on together.
const BATCH: usize = 8192;

impl Extractor for DeaReport {
    fn has_notes(&self) -> bool {
        true
    }

    fn slices(&self) -> Vec<Slice> {
        let years = self.files.iter().flat_map(|files| (files.years.0..=files.years.1).map(move |year| (files, year)));
        years
            .map(|(files, year)| Slice {
                years: Some((year, year)),
                note: "the address was not tried".to_owned(),
                ..Slice::new(&year.to_string(), self.urls(files, year).remove(0))
            })
            .collect()
    }

    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        let declared = self.files.iter().find_map(|files| {
            let year = slice.name.parse::<i32>().ok().filter(|year| (files.years.0..=files.years.1).contains(year))?;
            Some(self.urls(files, year))
        });
        let urls = declared.unwrap_or_else(|| vec![slice.url.clone()]);
        Ok(urls.get(seen.len()).map(|url| Request::get(url, Expect::Pdf)))
    }

    fn recognise(&self, page: &Page) -> Result<Option<Slice>> {
        let document = self.open(page)?;
        let mut last = None;
        for number in 0..document.pages().min(TITLE_PAGES) {
            let lines = document.lines(number)?;
            last = last.or(lines.iter().find_map(|line| heading::period(&line.text())));
        }
        Ok(last.and_then(|(_, end)| self.slices().into_iter().find(|slice| slice.covers(end.year().into()))))
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        let document = self.open(page)?;
        let mut found = BTreeSet::new();
        for number in 0..document.pages().min(TITLE_PAGES) {
            for line in document.lines(number)? {
                found.extend(heading::report(&line.text()));
            }
        }
        match found.first() {
            None => Err(Error::new(
                Kind::Changed,
                format!("{}: none of its first pages says which ARCOS report it is", page.url),
            )
            .hint("a scan has no text, and another paper is no report: open the file in a viewer")),
            // A combined file begins with Report 1.
            Some(1) => Ok(()),
            Some(first) if self.reports.contains(first) => Ok(()),
            Some(first) => Err(Error::new(
                Kind::Changed,
                format!("{}: this is report {first}, and not {}", page.url, listed(&self.reports)),
            )
            .hint("each report has a dataset of its own: `tollhouse datasets` lists them")),
        }
    }

    fn decode(&self, slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        let mut period: Option<(Date, Date)> = None;
        let mut missing: BTreeSet<u8> = self.reports.iter().copied().collect();
        for (index, page) in pages.iter().enumerate() {
            let document = self.open(page)?;
            let mut reader = Reader::new(&page.url, &self.reports);
            let mut rows = Vec::new();
            for number in 0..document.pages() {
                reader.page(&document.lines(number)?)?;
                rows.append(&mut reader.take());
                if rows.len() >= BATCH {
                    self.hand_on(index, page, slice, &mut period, std::mem::take(&mut rows), emit)?;
                }
            }
            rows.append(&mut reader.finish()?);
            self.hand_on(index, page, slice, &mut period, rows, emit)?;
            missing.retain(|report| !reader.reports.contains(report));
        }
        // A person may bring one of the files alone, and a probe looks at one; what was asked for is whole or refused.
        let is_all = self.next_page(slice, pages)?.is_none() && pages.iter().all(|page| !page.url.starts_with("file:"));
        if is_all && !missing.is_empty() {
            let missing = listed(&missing.into_iter().collect::<Vec<_>>());
            return Err(Error::new(Kind::Changed, format!("{} of {} is not in the file", missing, slice.name))
                .hint("the publisher may have parted the year's file: `tollhouse probe` shows what is served now"));
        }
        Ok(())
    }
}

impl DeaReport {
    fn urls(&self, files: &Files, year: i32) -> Vec<String> {
        let url = files.url.replace("{year}", &year.to_string());
        let mut urls: Vec<String> = self.reports.iter().map(|n| url.replace("{report}", &n.to_string())).collect();
        urls.dedup();
        urls
    }

    fn open(&self, page: &Page) -> Result<Document> {
        Document::open(&page.bytes(self.max_bytes)?, &page.url)
    }

    /// Hands rows on as columns; the first of all say which edition it is.
    fn hand_on(
        &self,
        index: usize,
        page: &Page,
        slice: &Slice,
        period: &mut Option<(Date, Date)>,
        rows: Vec<Row>,
        emit: Emit<'_>,
    ) -> Result<()> {
        let Some(first) = rows.first() else { return Ok(()) };
        let untold = || {
            Error::new(Kind::Changed, format!("{}: page {}: no page says which days it covers", page.url, first.page))
                .hint("`tollhouse probe` shows what is served now")
        };
        let found = first.period.ok_or_else(untold)?;
        match period {
            None => {
                let release = format!("through-{:04}-{:02}", found.1.year(), found.1.month()).parse()?;
                emit(Piece::Edition(Edition { release: Some(release), slice: Some(found.1.year().to_string()) }))?;
                emit(Piece::Note(Note {
                    page: index,
                    section: "title".to_owned(),
                    label: "period".to_owned(),
                    text: format!("{} to {}", found.0, found.1),
                    record: first.page as u64,
                }))?;
                *period = Some(found);
            }
            Some(known) if *known != found => {
                return Err(Error::new(
                    Kind::Changed,
                    format!("{} covers {} to {}, and {} other days", page.url, found.0, found.1, slice.name),
                )
                .hint("reports of one slice are of one period: one of them may be a half-year edition"));
            }
            Some(_) => {}
        }
        let mut table = Table::new(&self.reports);
        for row in rows {
            table.push(&row, found)?;
        }
        let batch = batch(table.columns, table.records)?;
        delimited::in_batches(index, &batch, emit)
    }
}

fn listed(reports: &[u8]) -> String {
    let numbers: Vec<String> = reports.iter().map(u8::to_string).collect();
    format!("report {}", numbers.join(" or "))
}

/// The columns that every report has.
const SHARED: &[&str] = &[
    "Report",
    "Period start",
    "Period end",
    "Year",
    "Drug code",
    "Drug code as printed",
    "Drug name",
    "State",
    "State as printed",
    "Total",
    "Kind",
];

/// Rows as columns of text.
struct Table {
    columns: Vec<(String, Vec<Option<String>>)>,
    /// The page of each row.
    records: Vec<u64>,
}

impl Table {
    fn new(reports: &[u8]) -> Self {
        let own: &[&str] = match reports {
            [1] => &["ZIP3", "Quarter", "Grams"],
            [4] => &["Rank", "Population", "Population year", "Grams", "Grams per 100K"],
            [5] | [7] => &["Business activity", "Buyers", "Grams", "Average grams"],
            _ => &["Quarter", "Grams", "Grams per 100K", "Unit"],
        };
        let columns = SHARED.iter().chain(own).map(|name| ((*name).to_owned(), Vec::new())).collect();
        Self { columns, records: Vec::new() }
    }

    /// Adds the rows that one row of a report is.
    fn push(&mut self, row: &Row, period: (Date, Date)) -> Result<()> {
        let unit = if row.milligrams { "milligrams" } else { "grams" };
        let rated = |figure: &str| if row.milligrams { thousandth(figure) } else { figure.to_owned() };
        if row.report > 3 {
            self.add(row, period, None, |name| match name {
                "Grams" => row.sum.clone(),
                "Grams per 100K" => row.rate.clone(),
                _ => None,
            });
            return Ok(());
        }
        let per_100k = row.report == 3;
        let whole = if per_100k { &row.rate } else { &row.sum };
        let quarters = row.quarters.iter().map(|(number, figure)| (Some(*number), figure));
        for (quarter, figure) in quarters.chain(whole.iter().map(|figure| (None, figure))) {
            self.add(row, period, quarter, |name| match name {
                "Grams" if !per_100k => Some(figure.clone()),
                "Grams per 100K" if per_100k => Some(rated(figure)),
                "Unit" => Some(unit.to_owned()),
                _ => None,
            });
        }
        Ok(())
    }

    fn add(&mut self, row: &Row, period: (Date, Date), quarter: Option<u8>, own: impl Fn(&str) -> Option<String>) {
        let (start, end) = quarter.and_then(|quarter| days(period.0, quarter)).unwrap_or(period);
        let (population, population_year) = row.population.clone().unzip();
        let is_total = row.total.is_some() || (row.report <= 3 && quarter.is_none());
        for (name, cells) in &mut self.columns {
            cells.push(match name.as_str() {
                "Report" => Some(row.report.to_string()),
                "Period start" => Some(start.to_string()),
                "Period end" => Some(end.to_string()),
                "Year" => Some(period.1.year().to_string()),
                "Drug code" => Some(label::bare_code(&row.drug_printed).to_owned()),
                "Drug code as printed" => Some(row.drug_printed.clone()),
                "Drug name" => Some(row.drug_name.clone()),
                "State" => row.state.clone(),
                "State as printed" => row.state_printed.clone(),
                "Total" => row.total.clone(),
                "Kind" => Some(if is_total { "total" } else { "row" }.to_owned()),
                "ZIP3" => row.zip3.clone(),
                "Quarter" => quarter.map(|quarter| quarter.to_string()),
                "Rank" => row.rank.clone(),
                "Population" => population.clone(),
                "Population year" => population_year.clone(),
                "Business activity" => row.activity.clone(),
                "Buyers" => row.buyers.clone(),
                "Average grams" => row.average.clone(),
                other => own(other),
            });
        }
        self.records.push(row.page as u64);
    }
}

/// The first and the last day of a quarter.
fn days(start: Date, quarter: u8) -> Option<(Date, Date)> {
    let month = i8::try_from(quarter).ok()?.checked_mul(3)?;
    let first = Date::new(start.year(), month.checked_sub(2)?, 1).ok()?;
    Some((first, Date::new(start.year(), month, 1).ok()?.last_of_month()))
}

/// A thousandth of a printed figure: its decimal point moves, and no digit is lost.
fn thousandth(figure: &str) -> String {
    let (sign, digits) = figure.strip_prefix('-').map_or(("", figure), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = format!("{whole:0>4}");
    let (kept, moved) = whole.split_at(whole.len() - 3);
    format!("{sign}{kept}.{moved}{fraction}")
}

#[cfg(test)]
mod tests;
