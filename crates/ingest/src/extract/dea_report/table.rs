//! The rows of the reports, gathered line by line over all pages.
//!
//! [`Reader`] is fed the lines of one page after the other. What stands above a table holds until it is said anew, on whatever
//! page; a name and its figures may stand on two lines, or on two pages; a name may go on in the next line. A line that is
//! nothing known is an error, so that no row is lost in silence.

use jiff::civil::Date;
use model::{Error, Kind, Result};

use super::heading::{self, Column, Heading, Mark};
use super::label::{self, Label};
use super::text::{Line, Word, joined};

/// A row or total as printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Row {
    pub report: u8,
    pub period: Option<(Date, Date)>,
    pub drug_printed: String,
    pub drug_name: String,
    /// The state's name, without the code beside it; none in totals over states.
    pub state: Option<String>,
    pub state_printed: Option<String>,
    pub activity: Option<String>,
    /// The label of a total, as printed.
    pub total: Option<String>,
    pub zip3: Option<String>,
    pub rank: Option<String>,
    pub population: Option<(String, String)>,
    /// The figures of the quarters, from 1.
    pub quarters: Vec<(u8, String)>,
    /// Grams of the period.
    pub sum: Option<String>,
    pub rate: Option<String>,
    pub buyers: Option<String>,
    pub average: Option<String>,
    pub milligrams: bool,
    /// The page, from 1.
    pub page: usize,
}

/// What holds below the headings of the moment.
#[derive(Debug, Clone, Default)]
struct Above {
    report: Option<u8>,
    period: Option<(Date, Date)>,
    drug: Option<(String, String)>,
    state: Option<String>,
    activity: Option<String>,
    columns: Vec<Heading>,
    /// The drug, or the activity, was named in the line before: its name may go on.
    naming: Option<Mark>,
}

/// Gathers rows.
pub(super) struct Reader<'a> {
    url: &'a str,
    wanted: &'a [u8],
    above: Above,
    /// Words without figures, which belong to the row before or after.
    words: Option<Vec<Word>>,
    /// Figures without words.
    figures: Option<Vec<Word>>,
    rows: Vec<Row>,
    page: usize,
    /// Whether the page's title says milligrams.
    milligrams: bool,
    /// Every report that was met.
    pub reports: std::collections::BTreeSet<u8>,
}

impl<'a> Reader<'a> {
    pub fn new(url: &'a str, wanted: &'a [u8]) -> Self {
        Self {
            url,
            wanted,
            above: Above::default(),
            words: None,
            figures: None,
            rows: Vec::new(),
            page: 0,
            milligrams: false,
            reports: std::collections::BTreeSet::new(),
        }
    }

    /// Reads the lines of the next page.
    pub fn page(&mut self, lines: &[Line]) -> Result<()> {
        self.page += 1;
        self.milligrams = lines.iter().any(|line| heading::in_milligrams(&line.text()));
        for line in lines {
            self.line(line)?;
        }
        Ok(())
    }

    /// The rows gathered so far but the last, whose name may go on.
    pub fn take(&mut self) -> Vec<Row> {
        let last = self.rows.pop();
        let rows = std::mem::take(&mut self.rows);
        self.rows.extend(last);
        rows
    }

    /// The rows that are left, at the end.
    pub fn finish(&mut self) -> Result<Vec<Row>> {
        self.settle()?;
        Ok(std::mem::take(&mut self.rows))
    }

    fn wants(&self) -> bool {
        self.above.report.is_some_and(|report| self.wanted.contains(&report))
    }

    fn changed(&self, what: &str) -> Error {
        Error::new(Kind::Changed, format!("{}: page {}: {what}", self.url, self.page))
            .hint("the layout may be a new one: nothing was committed, and `tollhouse probe` shows what is served now")
    }

    fn line(&mut self, line: &Line) -> Result<()> {
        let text = line.text();
        if let Some(report) = heading::report(&text) {
            self.begin(report)?;
        }
        let marks = heading::marks(&text);
        if !marks.is_empty() {
            return self.marked(&text, marks);
        }
        if text.is_empty() || heading::report(&text).is_some() || heading::is_furniture(&text) {
            return Ok(());
        }
        if !self.wants() {
            return Ok(());
        }
        if let Some(columns) = heading::columns(line) {
            self.above.naming = None;
            self.above.columns = columns;
            return Ok(());
        }
        self.body(line, &text)
    }

    /// Another report begins, or the same goes on over a page.
    fn begin(&mut self, report: u8) -> Result<()> {
        self.reports.insert(report);
        if self.above.report != Some(report) {
            self.settle()?;
            self.above = Above { report: Some(report), period: self.above.period, ..Above::default() };
        }
        Ok(())
    }

    /// A line with labelled values.
    fn marked(&mut self, text: &str, marks: Vec<(Mark, String)>) -> Result<()> {
        for (mark, value) in marks {
            let mut naming = None;
            match mark {
                Mark::Period => {
                    if let Some(period) = heading::period(text) {
                        self.set_period(period)?;
                    }
                }
                Mark::DrugCode => self.set_drug(value, None)?,
                Mark::DrugName => {
                    if let Some((_, name)) = &mut self.above.drug {
                        *name = value;
                    }
                    naming = Some(Mark::DrugName);
                }
                Mark::Drug => {
                    let (code, name) = value.split_once(" - ").unwrap_or((&value, ""));
                    self.set_drug(code.trim().to_owned(), Some(name.trim().to_owned()))?;
                    naming = Some(Mark::DrugName);
                }
                Mark::State => {
                    if self.above.state.as_ref() != Some(&value) {
                        self.settle()?;
                        self.above.state = Some(value);
                    }
                }
                Mark::Activity => {
                    if self.above.activity.as_ref().is_none_or(|known| !known.starts_with(&value)) {
                        self.settle()?;
                    }
                    self.above.activity = Some(value);
                    naming = Some(Mark::Activity);
                }
                Mark::Other => {}
            }
            self.above.naming = naming;
        }
        Ok(())
    }

    fn set_period(&mut self, period: (Date, Date)) -> Result<()> {
        if self.above.period.is_some_and(|known| known != period) && self.wants() && !self.rows.is_empty() {
            return Err(
                self.changed(&format!("it covers {} to {}, and a page before another period", period.0, period.1))
            );
        }
        self.above.period = Some(period);
        Ok(())
    }

    fn set_drug(&mut self, code: String, name: Option<String>) -> Result<()> {
        let same = self.above.drug.as_ref().is_some_and(|(known, _)| *known == code);
        if !same {
            self.settle()?;
        }
        if let (false, _) | (true, Some(_)) = (same, &name) {
            self.above.drug = Some((code, name.unwrap_or_default()));
        }
        Ok(())
    }

    /// A line below headings: a row, or a part of one.
    fn body(&mut self, line: &Line, text: &str) -> Result<()> {
        let words = &line.words;
        let begin = words.len() - words.iter().rev().take_while(|word| is_figure(&word.text)).count();
        if begin == words.len() {
            return self.only_words(words, text);
        }
        self.above.naming = None;
        if self.above.columns.is_empty() {
            return Err(self.changed(&format!("`{}` stands where no heading says what it is", shorten(text))));
        }
        let (label, figures) = words.split_at(begin);
        if !label.is_empty() || self.stands_alone(figures) {
            return self.complete(label, figures);
        }
        // Figures alone: of the name in the line before, or of a total whose name follows.
        match self.words.take() {
            Some(label) => self.complete(&label, figures),
            None => {
                self.settle()?;
                self.figures = Some(figures.to_vec());
                Ok(())
            }
        }
    }

    /// Whether figures are a row by themselves: in Report 1 the first may be a ZIP code, in Report 5 and 7 a code.
    fn stands_alone(&self, figures: &[Word]) -> bool {
        let first = figures.first().map_or("", |word| word.text.as_str());
        match self.above.report {
            Some(1) => label::zip3(first).is_some() && figures.len() == self.count() + 1,
            _ => false,
        }
    }

    /// How many columns of figures there are.
    fn count(&self) -> usize {
        self.above.columns.iter().filter(|heading| !matches!(heading.column, Column::Label | Column::Rank)).count()
    }

    fn only_words(&mut self, words: &[Word], text: &str) -> Result<()> {
        match (self.above.naming, &mut self.above.drug, &mut self.above.activity) {
            (Some(Mark::DrugName), Some((_, name)), _) if !label::is_total(text) => {
                *name = format!("{name} {text}");
                return Ok(());
            }
            (Some(Mark::Activity), _, Some(activity)) if text.len() < 20 => {
                *activity = format!("{activity} {text}");
                return Ok(());
            }
            _ => {}
        }
        if let Some(figures) = self.figures.take() {
            return self.complete(words, &figures);
        }
        self.settle()?;
        self.words = Some(words.to_vec());
        Ok(())
    }

    /// A row whose words and figures are together.
    fn complete(&mut self, label: &[Word], figures: &[Word]) -> Result<()> {
        let mut label = label.to_vec();
        if let Some(figures) = self.figures.take() {
            let total = self.row(&[], &figures)?;
            self.rows.push(total);
        }
        if let Some(words) = self.words.take() {
            // In a table of drugs, words alone begin this row's name or go on with the last one's.
            let open = |text: &str| text.ends_with('-') || label::is_open(text);
            let text = joined(&words);
            let goes_on = self.rows.last().is_some_and(|row| label::is_open(&row.drug_name));
            match self.above.report {
                Some(5 | 7) if open(&text) && !goes_on => label.splice(0..0, words).for_each(drop),
                _ => self.continue_last(&text)?,
            }
        }
        let row = self.row(&label, figures)?;
        self.rows.push(row);
        Ok(())
    }

    /// What is left over is the end of the last row's name, or figures of a total without a name.
    fn settle(&mut self) -> Result<()> {
        if let Some(figures) = self.figures.take() {
            let row = self.row(&[], &figures)?;
            self.rows.push(row);
        }
        if let Some(words) = self.words.take() {
            self.continue_last(&joined(&words))?;
        }
        Ok(())
    }

    fn continue_last(&mut self, text: &str) -> Result<()> {
        match self.rows.last_mut() {
            Some(row) if matches!(row.report, 5 | 7) && row.total.is_none() => {
                row.drug_name = format!("{} {text}", row.drug_name);
                Ok(())
            }
            _ => Err(self.changed(&format!("`{}` is nothing that such a report has", shorten(text)))),
        }
    }

    fn row(&self, label: &[Word], figures: &[Word]) -> Result<Row> {
        let report = self.above.report.unwrap_or_default();
        let unknown = || {
            self.changed(&format!(
                "`{}` is no row of report {report}",
                shorten(&joined(&label.iter().chain(figures).cloned().collect::<Vec<_>>()))
            ))
        };
        let mut row = Row {
            report,
            period: self.above.period,
            milligrams: self.milligrams,
            page: self.page,
            activity: self.above.activity.clone(),
            ..Row::default()
        };
        self.set_state(&mut row, self.above.state.as_deref());
        let read = match report {
            5 | 7 => label::purchase(label, figures),
            4 => label::ranked(label, figures),
            1 => label::zip(label, figures),
            _ => label::place(label, figures),
        };
        let (found, figures) = read.ok_or_else(unknown)?;
        if report < 5 {
            let Some((code, name)) = &self.above.drug else {
                return Err(self.changed("a row stands where no drug is named"));
            };
            (row.drug_printed, row.drug_name) = (code.clone(), name.clone());
        }
        match found {
            Label::Zip3(zip3) => row.zip3 = Some(zip3),
            Label::State(name) => self.set_state(&mut row, Some(&name)),
            Label::Ranked(rank, name) => {
                row.rank = Some(rank);
                self.set_state(&mut row, Some(&name));
            }
            Label::Drug(code, name) => (row.drug_printed, row.drug_name) = (code, name),
            Label::Total(text) => {
                match label::total_of(&text) {
                    // Of a name that is cut, the heading has the whole.
                    label::Of::State(name) if row.state_printed.as_ref().is_some_and(|all| all.starts_with(&name)) => {}
                    label::Of::State(name) => self.set_state(&mut row, Some(&name)),
                    label::Of::Drug => (row.state, row.state_printed) = (None, None),
                    // In a table of ZIP codes it is the state's, else the country's.
                    label::Of::Table if report == 1 || report == 5 => {}
                    label::Of::Table => (row.state, row.state_printed) = (None, None),
                }
                row.total = Some(text);
            }
        }
        if report == 1 && row.total.is_none() && row.state.is_none() {
            return Err(self.changed("a row stands where no state is named"));
        }
        self.fill(&mut row, &figures).ok_or_else(unknown)?;
        Ok(row)
    }

    fn set_state(&self, row: &mut Row, printed: Option<&str>) {
        row.state = printed.map(label::state);
        row.state_printed = printed.map(str::to_owned);
    }

    /// Puts figures into their columns: all of them in order, or each below the nearest heading where some are blank.
    fn fill(&self, row: &mut Row, figures: &[Word]) -> Option<()> {
        let headings: Vec<&Heading> = self
            .above
            .columns
            .iter()
            .filter(|heading| !matches!(heading.column, Column::Label | Column::Rank))
            .collect();
        let places: Vec<usize> = if figures.len() == headings.len() {
            (0..figures.len()).collect()
        } else {
            let nearest = |word: &Word| {
                let middle = f32::midpoint(word.left, word.right);
                let far = |place: &usize| (headings[*place].middle - middle).abs();
                (0..headings.len()).min_by(|a, b| far(a).total_cmp(&far(b)))
            };
            figures.iter().map(nearest).collect::<Option<_>>()?
        };
        if places.windows(2).any(|pair| pair[0] >= pair[1]) {
            return None;
        }
        for (place, word) in places.into_iter().zip(figures) {
            let value = word.text.replace(',', "");
            match &headings.get(place)?.column {
                Column::Quarter(number) => row.quarters.push((*number, value)),
                Column::Total if row.report == 3 => row.rate = Some(value),
                Column::Total => row.sum = Some(value),
                Column::Population(year) => row.population = Some((value, year.clone())),
                Column::Rate => row.rate = Some(value),
                Column::Buyers => row.buyers = Some(value),
                Column::Average => row.average = Some(value),
                Column::Rank | Column::Label => return None,
            }
        }
        Some(())
    }
}

/// Whether a word is a figure: digits with commas, perhaps a sign and decimals.
fn is_figure(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let begins = digits.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || byte == b'.');
    begins
        && digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b'.'))
        && digits.matches('.').count() <= 1
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}
