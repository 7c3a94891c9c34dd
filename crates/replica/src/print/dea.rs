//! The DEA's Retail Drug Summary Reports as PDFs, in the layouts of the years.
//!
//! [`Paper`] puts text on pages as the reports do, headings anew on each; [`pdf`] makes a file of it. [`report`] prints one
//! report of one year and [`year`] all of them. What is transcribed and what is made by hand is told in [`figures`]. Absent:
//! the fonts and lines of the originals, which nobody has kept.

use pdf_writer::{Content, Filter, Finish as _, Name, Pdf, Rect, Ref, Str};

use crate::{Error, Result};

mod figures;

pub use figures::{Drug, Purchase, Quarters, Ranked, ranked, transcribed_quarters};

/// The layouts, by the years in which they were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `REPORTING PERIOD:`, `DRUG CODE:` and `STATE: ARKANSAS`.
    Until2016,
    /// Of both.
    Of2017,
    /// `DATE RANGE:`, `DRUG: 9143 - OXYCODONE` and `STATE: AR - ARKANSAS`.
    Since2018,
}

impl Layout {
    /// The layout of a year's reports.
    pub fn of(year: i32) -> Self {
        match year {
            ..=2016 => Layout::Until2016,
            2017 => Layout::Of2017,
            _ => Layout::Since2018,
        }
    }
}

/// A text and where its left end stands, in points from the left and from the top.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// From the left.
    pub left: f32,
    /// From the top.
    pub top: f32,
    /// The text, ASCII.
    pub text: String,
}

/// The cells of a line, each with the place of its left end.
type Cells = Vec<(f32, String)>;

/// Pages of a report.
#[derive(Debug, Clone)]
pub struct Paper {
    /// What every page begins with.
    head: Vec<Cells>,
    /// What every page of a section begins with, below that.
    section: Vec<Cells>,
    /// Lines that fit on a page.
    length: usize,
    used: usize,
    /// The pages so far.
    pub pages: Vec<Vec<Placed>>,
}

/// The width of a page, its height, the size of letters and the distance of lines, in points.
pub const PAGE: (f32, f32) = (792.0, 612.0);
/// The size of the letters.
pub const SIZE: f32 = 7.0;
const STEP: f32 = 9.0;
const LETTER: f32 = 0.6 * SIZE;

impl Paper {
    /// An empty paper of pages of so many lines.
    pub fn new(length: usize) -> Self {
        Self { head: Vec::new(), section: Vec::new(), length, used: length, pages: Vec::new() }
    }

    /// What pages begin with from now on; the next line begins one.
    pub fn head(&mut self, head: Vec<Cells>) {
        (self.head, self.section, self.used) = (head, Vec::new(), self.length);
    }

    /// What stands above the lines to come, on this page and on those after it.
    pub fn section(&mut self, section: Vec<Cells>) {
        self.section = section;
        if self.used + self.section.len() + 1 < self.length && !self.pages.is_empty() {
            for line in self.section.clone() {
                self.put(&line, 0.0);
            }
        } else {
            self.used = self.length;
        }
    }

    /// A line of cells, each with the place of its left end.
    pub fn line(&mut self, cells: &[(f32, String)]) {
        self.line_at(cells, 0.0);
    }

    /// The same, so many points below its place, as some editions have it.
    pub fn line_at(&mut self, cells: &[(f32, String)], below: f32) {
        if self.used >= self.length {
            self.pages.push(Vec::new());
            self.used = 0;
            for line in self.head.iter().chain(&self.section).cloned().collect::<Vec<_>>() {
                self.put(&line, 0.0);
            }
        }
        self.put(cells, below);
    }

    fn put(&mut self, cells: &[(f32, String)], below: f32) {
        let top = 30.0 + STEP * self.used as f32 + below;
        if let Some(page) = self.pages.last_mut() {
            page.extend(cells.iter().map(|(left, text)| Placed { left: *left, top, text: text.clone() }));
        }
        self.used += 1;
    }
}

/// The left end of a text that ends at a place.
pub fn ends_at(right: f32, text: &str) -> f32 {
    right - LETTER * text.len() as f32
}

/// The file of a paper, its pages packed as the publisher's are.
///
/// # Errors
/// A page cannot be packed.
pub fn pdf(paper: &Paper) -> Result<Vec<u8>> {
    let mut pdf = Pdf::new();
    let (catalog, tree, font) = (Ref::new(1), Ref::new(2), Ref::new(3));
    let count = i32::try_from(paper.pages.len()).map_err(|e| Error::print("a PDF", e))?;
    let page_ref = |number: i32| Ref::new(4 + 2 * number);
    pdf.catalog(catalog).pages(tree);
    pdf.pages(tree).kids((0..count).map(page_ref)).count(count);
    pdf.type1_font(font).base_font(Name(b"Courier"));
    for (number, placed) in (0..count).zip(&paper.pages) {
        let (id, content_id) = (page_ref(number), Ref::new(5 + 2 * number));
        let mut page = pdf.page(id);
        page.media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).parent(tree).contents(content_id);
        page.resources().fonts().pair(Name(b"F1"), font);
        page.finish();
        let mut content = Content::new();
        for placed in placed {
            content.begin_text().set_font(Name(b"F1"), SIZE);
            content.next_line(placed.left, PAGE.1 - placed.top).show(Str(placed.text.as_bytes())).end_text();
        }
        let packed = packed(&content.finish())?;
        pdf.stream(content_id, &packed).filter(Filter::FlateDecode);
    }
    Ok(pdf.finish())
}

fn packed(text: &[u8]) -> Result<Vec<u8>> {
    use std::io::Write as _;
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    packed.write_all(text).and_then(|()| packed.finish()).map_err(|e| Error::print("a PDF", e))
}

/// What is printed of one year.
#[derive(Debug, Clone, Default)]
pub struct Year {
    /// The year.
    pub year: i32,
    /// The last month that is covered: 12, or 6 of a half-year edition.
    pub last_month: u8,
    /// Report 1, and summed Reports 2 and 3.
    pub quarters: Vec<Quarters>,
    /// Report 4.
    pub ranked: Vec<Ranked>,
    /// Report 5, and summed Report 7.
    pub purchases: Vec<Purchase>,
    /// Populations by the state's USPS abbreviation, for Report 3.
    pub populations: Vec<(String, u64)>,
}

/// The paper with one of the reports.
pub fn report(number: u8, year: &Year, layout: Layout) -> Paper {
    let mut paper = Paper::new(58);
    add(&mut paper, number, year, layout);
    paper
}

/// The combined paper of a year.
pub fn combined(year: &Year, layout: Layout) -> Paper {
    let mut paper = Paper::new(58);
    for number in [1, 2, 3, 4, 5, 7] {
        add(&mut paper, number, year, layout);
    }
    paper
}

/// Prints the year that the replica serves: one report, or all of them in one file.
///
/// # Errors
/// A table is damaged.
pub fn served(year: i32, number: Option<u8>) -> Result<Vec<u8>> {
    let all = figures::year(year)?;
    let layout = Layout::of(year);
    pdf(&number.map_or_else(|| combined(&all, layout), |number| report(number, &all, layout)))
}

fn add(paper: &mut Paper, number: u8, year: &Year, layout: Layout) {
    paper.head(head(number, year, layout));
    match number {
        1 => zips(paper, year, layout),
        2 | 3 => states(paper, number, year, layout),
        4 => ranks(paper, year, layout),
        _ => purchases(paper, number, year, layout),
    }
}

fn cell(left: f32, text: impl Into<String>) -> (f32, String) {
    (left, text.into())
}

/// The titles of the reports, those of 2011 among them.
fn title(number: u8, year: i32) -> &'static str {
    match (number, year) {
        (1, _) => "RETAIL DRUG DISTRIBUTION BY ZIP CODE WITHIN STATE BY GRAMS WT",
        (2, _) => "RETAIL DRUG DISTRIBUTION BY STATE WITHIN DRUG CODE BY GRAMS WT",
        (3, 2011) => "QUARTERLY DRUG DISTRIBUTION BY STATE / 100K POPULATION BY MILIGRAM WT",
        (3, _) => "QUARTERLY DRUG DISTRIBUTION BY STATE PER 100K POPULATION",
        (4, _) => "CUMULATIVE DISTRIBUTION BY STATE PER 100K POPULATION",
        (5, _) => "STATISTICAL SUMMARY FOR RETAIL DRUG PURCHASES BY GRAMS WT",
        _ => "UNITED STATES SUMMARY FOR RETAIL DRUG PURCHASES BY GRAMS WT",
    }
}

fn head(number: u8, of: &Year, layout: Layout) -> Vec<Cells> {
    let year = of.year;
    let last = if of.last_month == 6 { "06/30" } else { "12/31" };
    let dates = format!("01/01/{year} TO {last}/{year}");
    let agency = cell(250.0, "DRUG ENFORCEMENT ADMINISTRATION, OFFICE OF DIVERSION CONTROL");
    let title = vec![cell(250.0, title(number, year))];
    let run = cell(30.0, format!("RUN DATE: 04/28/{}", year + 1));
    match layout {
        Layout::Since2018 => vec![
            vec![
                cell(30.0, format!("DATE RANGE: {dates}")),
                cell(420.0, format!("ARCOS 3 - REPORT {number:02} by GRAMS")),
            ],
            title,
        ],
        Layout::Of2017 if number == 7 => vec![
            vec![run, agency],
            vec![cell(250.0, format!("ARCOS 3 - REPORT {number}"))],
            title,
            vec![cell(250.0, format!("REPORTING PERIOD: January 1, {year} to December 31,{year}"))],
        ],
        Layout::Of2017 => vec![
            vec![run, agency],
            vec![cell(30.0, format!("DATE RANGE: {dates}")), cell(420.0, format!("ARCOS 3 - REPORT {number}"))],
            title,
        ],
        Layout::Until2016 => vec![
            vec![run, agency, cell(700.0, "PAGE:  1")],
            vec![cell(250.0, format!("ARCOS 3 - REPORT {number}"))],
            title,
            vec![cell(250.0, format!("REPORTING PERIOD: {dates}"))],
        ],
    }
}

/// How wide a drug's name may be before it wraps.
const NAME_WIDTH: usize = 40;

fn drug_lines(drug: &Drug, layout: Layout) -> Vec<Cells> {
    let (first, rest) = wrapped(&drug.name);
    let mut lines = match layout {
        Layout::Since2018 => vec![vec![cell(30.0, format!("DRUG: {} - {first}", drug.code))]],
        _ => vec![vec![cell(30.0, format!("DRUG CODE:{}", drug.code)), cell(200.0, format!("DRUG NAME:{first}"))]],
    };
    lines.extend(rest.map(|rest| vec![cell(242.0, rest)]));
    lines
}

/// A long name on two lines, parted at a blank.
fn wrapped(name: &str) -> (String, Option<String>) {
    let cut = (name.len() > NAME_WIDTH).then(|| name.get(..NAME_WIDTH)?.rfind(' ')).flatten();
    match cut {
        Some(cut) => (name[..cut].to_owned(), Some(name[cut + 1..].to_owned())),
        None => (name.to_owned(), None),
    }
}

fn quarter_headings(layout: Layout, count: usize) -> Vec<String> {
    let names: [&str; 4] = match layout {
        Layout::Until2016 => ["QUARTER 1", "QUARTER 2", "QUARTER 3", "QUARTER 4"],
        Layout::Of2017 => ["1ST QUARTER", "2ND QUARTER", "3RD QUARTER", "4TH QUARTER"],
        Layout::Since2018 => ["Q1 CALC GRAMS", "Q2 CALC GRAMS", "Q3 CALC GRAMS", "Q4 CALC GRAMS"],
    };
    names[..count].iter().map(|name| (*name).to_owned()).collect()
}

/// Where the columns of figures end.
fn right(column: usize) -> f32 {
    300.0 + 105.0 * column as f32
}

fn figures_line(label: &str, figures: &[String]) -> Cells {
    let mut cells = vec![cell(30.0, label)];
    cells.extend(figures.iter().enumerate().map(|(at, figure)| cell(ends_at(right(at), figure), figure.clone())));
    cells.retain(|(_, text)| !text.is_empty());
    cells
}

/// Hundredths as they are printed.
pub fn grouped(hundredths: i64) -> String {
    let digits = (hundredths.abs() / 100).to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    let sign = if hundredths < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", groups.join(","), hundredths.abs() % 100)
}

fn whole(number: u64) -> String {
    let text = grouped(i64::try_from(number).unwrap_or(i64::MAX / 100).saturating_mul(100));
    text.split('.').next().unwrap_or_default().to_owned()
}

fn with_sum(quarters: &[i64]) -> Vec<String> {
    let sum: i64 = quarters.iter().sum();
    quarters.iter().chain([&sum]).map(|figure| grouped(*figure)).collect()
}

fn sums(rows: &[&Vec<i64>]) -> Vec<i64> {
    let count = rows.first().map_or(0, |row| row.len());
    (0..count).map(|at| rows.iter().filter_map(|row| row.get(at)).sum()).collect()
}

fn zips(paper: &mut Paper, year: &Year, layout: Layout) {
    for of in &year.quarters {
        let count = of.rows.first().map_or(4, |row| row.2.len());
        let mut headings = quarter_headings(layout, count);
        headings.push("TOTAL GRAMS".to_owned());
        let label = if layout == Layout::Since2018 { "REGISTRANT ZIP CODE 3" } else { "ZIP CODE" };
        let mut states: Vec<&(String, String)> = Vec::new();
        for (state, _, _) in &of.rows {
            if !states.contains(&state) {
                states.push(state);
            }
        }
        for state in states {
            let mut section = drug_lines(&of.drug, layout);
            let named =
                if layout == Layout::Since2018 { format!("{} - {}", state.0, state.1) } else { state.1.clone() };
            section.push(vec![cell(30.0, format!("STATE: {named}"))]);
            section.push(figures_line(label, &headings));
            paper.section(section);
            let rows: Vec<_> = of.rows.iter().filter(|row| row.0 == *state).collect();
            for (_, zip3, quarters) in &rows {
                paper.line(&figures_line(zip3, &with_sum(quarters)));
            }
            let sum = with_sum(&sums(&rows.iter().map(|row| &row.2).collect::<Vec<_>>()));
            let total = match layout {
                Layout::Until2016 => "TOTAL".to_owned(),
                Layout::Of2017 => "T0TAL".to_owned(),
                // Cut at the column's width.
                Layout::Since2018 => {
                    format!("{named} - Total").chars().take(27).collect::<String>().trim_end().to_owned()
                }
            };
            paper.line(&figures_line(&total, &sum));
        }
        let all = with_sum(&sums(&of.rows.iter().map(|row| &row.2).collect::<Vec<_>>()));
        let total = match layout {
            Layout::Since2018 => format!("{} - {} - Total", of.drug.code, of.drug.name),
            _ => "DRUG TOTAL".to_owned(),
        };
        paper.line(&figures_line(&total, &all));
    }
}

/// A state and the quarters of its ZIP codes.
type StateRows<'a> = (&'a (String, String), Vec<&'a Vec<i64>>);

fn states(paper: &mut Paper, number: u8, year: &Year, layout: Layout) {
    for of in &year.quarters {
        let count = of.rows.first().map_or(4, |row| row.2.len());
        let mut headings = quarter_headings(layout, count);
        headings.push(if layout == Layout::Since2018 { "TOTAL GRAMS" } else { "TOTAL TO DATE" }.to_owned());
        let mut section = drug_lines(&of.drug, layout);
        section.push(figures_line(if layout == Layout::Since2018 { "STATE NAME" } else { "STATE" }, &headings));
        paper.section(section);
        let mut by_state: Vec<StateRows<'_>> = Vec::new();
        for (state, _, quarters) in &of.rows {
            match by_state.iter_mut().find(|(known, _)| *known == state) {
                Some((_, rows)) => rows.push(quarters),
                None => by_state.push((state, vec![quarters])),
            }
        }
        let people = |usps: &str| year.populations.iter().find(|(known, _)| known == usps).map_or(0, |found| found.1);
        // Milligrams in 2011.
        let scale = if year.year == 2011 { 1000 } else { 1 };
        let print = |grams: &[i64], people: u64| -> Vec<String> {
            let all = grams.iter().chain([&grams.iter().sum::<i64>()]).copied().collect::<Vec<_>>();
            if number == 2 {
                all.iter().map(|grams| grouped(*grams)).collect()
            } else {
                all.iter().map(|grams| grouped(per_100k(grams * scale, people))).collect()
            }
        };
        for (state, rows) in &by_state {
            paper.line(&figures_line(&state.1, &print(&sums(rows), people(&state.0))));
        }
        let all = sums(&of.rows.iter().map(|row| &row.2).collect::<Vec<_>>());
        let everybody = by_state.iter().map(|(state, _)| people(&state.0)).sum();
        let label = match (layout, number) {
            (Layout::Since2018, _) => format!("{} - {} - Total", of.drug.code, of.drug.name),
            (Layout::Of2017, _) => "UNITED STATES TOTAL".to_owned(),
            (_, 3) => "U.S. GRAMS / PER 100K:".to_owned(),
            _ => "UNITED STATES".to_owned(),
        };
        paper.line(&figures_line(&label, &print(&all, everybody)));
    }
}

/// A rate in hundredths, rounded, of hundredths of a gram and a population.
pub fn per_100k(hundredths: i64, people: u64) -> i64 {
    let (grams, people) = (i128::from(hundredths) * 100_000, i128::from(people.max(1)));
    i64::try_from((2 * grams + people) / (2 * people)).unwrap_or_default()
}

fn ranks(paper: &mut Paper, year: &Year, layout: Layout) {
    let population = if year.year <= 2010 { "2000 POP" } else { "2010 POP" };
    for of in &year.ranked {
        let mut section = drug_lines(&of.drug, layout);
        let (state, headings) = match layout {
            Layout::Since2018 => ("STATE NAME", ["STATE POPULATION", "TOTAL GRAMS", "TOTAL GRAMS/100K POPULATION"]),
            _ => ("STATE", [population, "TOTAL GRAMS", "GRAMS/100K POP"]),
        };
        let ends = [350.0, 480.0, 640.0];
        let line = |rank: &str, label: &str, figures: [String; 3]| {
            let mut cells = vec![cell(30.0, rank), cell(80.0, label)];
            cells.extend(ends.iter().zip(figures).map(|(right, figure)| cell(ends_at(*right, &figure), figure)));
            cells.retain(|(_, text)| !text.is_empty());
            cells
        };
        section.push(line("RANK", state, headings.map(str::to_owned)));
        paper.section(section);
        let (mut people, mut grams) = (0, 0);
        for (rank, row) in of.rows.iter().enumerate() {
            (people, grams) = (people + row.1, grams + row.2);
            let figures = [whole(row.1), grouped(row.2), grouped(row.3)];
            paper.line(&line(&(rank + 1).to_string(), &row.0, figures));
        }
        let label = match layout {
            Layout::Since2018 => "US TOTAL",
            _ => "U.S. GRAMS/100K POP:",
        };
        paper.line(&line("", label, [whole(people), grouped(grams), grouped(per_100k(grams, people))]));
    }
}

/// The business activities, as printed.
pub const ACTIVITIES: [&str; 6] = [
    "A - PHARMACIES",
    "B - HOSPITALS",
    "C - PRACTITIONERS",
    "D - TEACHING INSTITUTIONS",
    "M - MID-LEVEL PRACTITIONERS",
    "N-U NARCOTIC TREATMENT PROGRAMS",
];

fn purchases(paper: &mut Paper, number: u8, year: &Year, layout: Layout) {
    let mut groups: Vec<(Option<&(String, String)>, &str)> = Vec::new();
    for row in &year.purchases {
        let group = ((number == 5).then_some(&row.state), row.activity.as_str());
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    for (state, activity) in groups {
        let mut section = Vec::new();
        if let Some(state) = state {
            let named =
                if layout == Layout::Since2018 { format!("{} - {}", state.0, state.1) } else { state.1.clone() };
            section.push(vec![cell(30.0, format!("STATE: {named}"))]);
        }
        section.push(vec![cell(30.0, format!("BUSINESS ACTIVITY: {activity}"))]);
        let buyers = if layout == Layout::Since2018 { "NUMBER OF REGISTRANT SOLD TO" } else { "BUYERS" };
        let line = |name: &str, code: &str, figures: [String; 3]| {
            let mut cells = vec![cell(30.0, name), cell(260.0, code)];
            let ends = [420.0, 540.0, 640.0];
            cells.extend(ends.iter().zip(figures).map(|(right, figure)| cell(ends_at(*right, &figure), figure)));
            cells
        };
        section.push(line("DRUG NAME", "DRUG CODE", [buyers, "TOTAL GRAMS", "AVG GRAMS"].map(str::to_owned)));
        paper.section(section);
        let mut drugs: Vec<(&Drug, u64, i64)> = Vec::new();
        for row in year.purchases.iter().filter(|row| row.activity == activity && state.is_none_or(|s| *s == row.state))
        {
            match drugs.iter_mut().find(|(known, _, _)| **known == row.drug) {
                Some((_, buyers, grams)) => (*buyers, *grams) = (*buyers + row.buyers, *grams + row.grams),
                None => drugs.push((&row.drug, row.buyers, row.grams)),
            }
        }
        for (drug, buyers, grams) in &drugs {
            let people = i64::try_from(*buyers).unwrap_or(1).max(1);
            let average = (2 * grams + people) / (2 * people);
            let (first, rest) = wrapped(&drug.name);
            let figures = [whole(*buyers), grouped(*grams), grouped(average)];
            let cells = line(&first, &drug.code, figures);
            if layout == Layout::Since2018 {
                // Of these years figures stand a point below their names.
                let (name, figures) = cells.split_at(1);
                paper.line(name);
                if let Some(top) = paper.pages.last_mut().and_then(|page| page.last()).map(|placed| placed.top) {
                    let page = paper.pages.last_mut();
                    let placed =
                        figures.iter().map(|(left, text)| Placed { left: *left, top: top + 1.0, text: text.clone() });
                    page.into_iter().for_each(|page| page.extend(placed.clone()));
                }
            } else {
                paper.line(&cells);
            }
            if let Some(rest) = rest {
                paper.line(&[cell(30.0, rest)]);
            }
        }
    }
}
