//! What WONDER's web service answers: a page of XML with the dataset, the request as it was understood, and a table.
//!
//! [`Response::parse`] reads the page and lays out its table: cells that span rows (`r`) or columns (`c`), labels (`l`),
//! figures (`v`) and figures of totals (`dt`). It knows the shape; what was asked is [`super::echo`]'s.

use std::collections::BTreeMap;

use model::{Error, Kind, Result};

use super::database::{Measure, Says};
use super::xml::Element;

/// One answer.
#[derive(Debug)]
pub(super) struct Response {
    /// WONDER's code of the database: `D76`.
    pub(super) code: String,
    /// The database's title with its years: `Underlying Cause of Death, 1999-2018`.
    pub(super) label: String,
    /// The request as WONDER understood it.
    pub(super) request: Element,
    /// When it was answered, as printed.
    pub(super) query_date: String,
    /// The lines of figures, totals among them.
    pub(super) rows: Vec<Row>,
    /// Titles, parameters, footnotes, caveats and what is missing.
    pub(super) notes: Vec<Remark>,
}

/// A line of the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its 1-based place in the table.
    pub(super) record: u64,
    /// A label for each group; none for those that a total runs over.
    pub(super) labels: Vec<Option<Label>>,
    pub(super) figures: BTreeMap<Measure, Figure>,
    pub(super) is_total: bool,
}

/// The value of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) text: String,
    /// WONDER's code, where it is told.
    pub(super) code: Option<String>,
}

/// A measure's cells, as printed, or the words that stand in their places.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Figure {
    pub(super) value: String,
    pub(super) standard_error: Option<String>,
    pub(super) lower: Option<String>,
    pub(super) upper: Option<String>,
}

/// A line that is data about the data.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Remark {
    pub(super) section: &'static str,
    pub(super) label: String,
    pub(super) text: String,
    pub(super) line: u64,
}

const AGAIN: &str = "ask again, or save the answer as it came; if it is untouched, WONDER has changed its format";

/// The error for a page that is not what we know as an answer.
fn changed(url: &str, what: impl std::fmt::Display) -> Error {
    Error::new(Kind::Changed, format!("{url}: {what}")).hint(AGAIN)
}

impl Response {
    /// Reads an answer.
    pub(super) fn parse(text: &str, url: &str) -> Result<Self> {
        let page = Self::page(text, url)?;
        let Some(dataset) = page.child("dataset") else { return Err(no_table(&page, url)) };
        let response = page.child("response");
        let (Some(response), Some(table)) = (response, response.and_then(|response| response.child("data-table")))
        else {
            return Err(no_table(&page, url));
        };
        let needed = |what: &'static str, found: Option<&str>| {
            found.map(str::to_owned).ok_or_else(|| changed(url, format!("the answer has no {what}")))
        };
        let request =
            response.child("request").ok_or_else(|| changed(url, "the answer does not say what was asked"))?;
        let groups = codes(request.child("byvariables"), "variable");
        let measures = Columns::read(response, request, dataset).map_err(|what| changed(url, what))?;
        let layout = Layout { groups: groups.iter().map(|group| values(dataset, group)).collect(), measures };
        Ok(Self {
            code: needed("code of its dataset", dataset.get("code"))?,
            label: needed("title of its dataset", dataset.get("label"))?,
            query_date: needed("date of its query", request.get("query-date"))?,
            rows: layout.rows(table).map_err(|what| changed(url, what))?,
            notes: remarks(&page, dataset, response, request),
            request: request.clone(),
        })
    }

    fn page(text: &str, url: &str) -> Result<Element> {
        // Programs that print a text as they would write it in their own source leave line ends so.
        let after = text.trim_start_matches('\u{feff}').trim_start();
        let after = after.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map_or(after, |(_, rest)| rest);
        if after.starts_with("\\r\\n") || after.starts_with("\\n") {
            return Err(Error::new(
                Kind::NotData,
                format!("{url} was saved by a program that wrote its line ends as the signs `\\n` or `\\r\\n`: it is no longer what WONDER served"),
            )
            .hint("save the answer's bytes as they came, not a printed form of them"));
        }
        let page = Element::parse(text)
            .map_err(|what| Error::new(Kind::NotData, format!("{url} is no sound XML: {what}")).hint(AGAIN))?;
        if page.name != "page" {
            return Err(changed(
                url,
                format!("the document is a `{}`, not the `page` that WONDER answers with", page.name),
            ));
        }
        Ok(page)
    }
}

/// The error for a page without a table, in WONDER's words where it says why.
fn no_table(page: &Element, url: &str) -> Error {
    let said: Vec<String> = page.all("message").map(Element::line_of_text).collect();
    match said.is_empty() {
        true => changed(url, "the answer has no table of figures"),
        false => Error::new(Kind::NotData, format!("{url} holds no figures: WONDER says “{}”", said.join(" ")))
            .hint("change the recipe as WONDER says"),
    }
}

fn codes(parent: Option<&Element>, child: &str) -> Vec<String> {
    let children = parent.into_iter().flat_map(|parent| parent.all(child));
    children.filter_map(|child| child.get("code")).map(str::to_owned).collect()
}

/// The codes of a variable's values, by label.
fn values(dataset: &Element, variable: &str) -> BTreeMap<String, String> {
    let known = dataset.all("variable").filter(|known| known.get("code") == Some(variable));
    known
        .flat_map(|known| known.all("value"))
        .filter_map(|value| Some((value.get("label")?.trim().to_owned(), value.get("code")?.to_owned())))
        .collect()
}

/// Which measure each column of figures is.
struct Columns {
    /// As listed.
    all: Vec<(Measure, Says)>,
    /// Those of them whose figures stand in cells of their own, where confidence limits stand within the rate's cell.
    combined: Vec<(Measure, Says)>,
}

impl Columns {
    fn read(response: &Element, request: &Element, dataset: &Element) -> Result<Self, String> {
        let shown = response.child("measure-selections").or_else(|| request.child("measure-selections"));
        let mut all = Vec::new();
        for code in codes(shown, "measure") {
            let own = code.split('.').next_back().unwrap_or_default();
            let known = Measure::of(own).ok_or_else(|| {
                let label = dataset.all("measure").find(|measure| measure.get("code") == Some(&code));
                let label = label.and_then(|measure| measure.get("label")).unwrap_or("nothing that it names");
                format!("nothing maps its measure {code}, which is {label}")
            })?;
            all.push(known);
        }
        if all.is_empty() {
            return Err("the answer names no measures".to_owned());
        }
        let limits = |says: Says| matches!(says, Says::Lower | Says::Upper);
        Ok(Self { combined: all.iter().copied().filter(|(_, says)| !limits(*says)).collect(), all })
    }

    /// The measures of a line with so many cells of figures.
    fn of(&self, cells: usize) -> Option<&[(Measure, Says)]> {
        [&self.all, &self.combined].into_iter().find(|columns| columns.len() == cells).map(Vec::as_slice)
    }
}

/// How the table is laid out.
struct Layout {
    /// The codes of each group's values, by label.
    groups: Vec<BTreeMap<String, String>>,
    measures: Columns,
}

impl Layout {
    fn rows(&self, table: &Element) -> Result<Vec<Row>, String> {
        // What spans from lines above: how many lines more, and what.
        let mut spans: Vec<Option<(u32, Label)>> = vec![None; self.groups.len()];
        let mut rows = Vec::new();
        for (index, element) in table.children.iter().enumerate() {
            let record = index as u64 + 1;
            let row = self.row(element, record, &mut spans);
            rows.push(row.map_err(|what| format!("line {} (row {record} of the table): {what}", element.line))?);
        }
        if spans.iter().flatten().any(|(left, _)| *left > 0) {
            return Err("the table ends while a label spans further rows".to_owned());
        }
        Ok(rows)
    }

    fn row(&self, element: &Element, record: u64, spans: &mut [Option<(u32, Label)>]) -> Result<Row, String> {
        if element.name != "r" {
            return Err(format!("a `{}` stands where a row is due", element.name));
        }
        let groups = self.groups.len();
        let mut labels: Vec<Option<Label>> = vec![None; groups];
        let (mut column, mut is_total, mut figures) = (0, false, Vec::new());
        for cell in &element.children {
            check_cell(cell)?;
            while let Some(label) = spans.get_mut(column).and_then(spanning) {
                labels[column] = Some(label);
                column += 1;
            }
            if column == groups {
                figures.push(cell);
                continue;
            }
            if let Some(width) = number(cell, "c")? {
                // A total runs over all the groups that are left.
                if column + width as usize != groups || spans[column..].iter().flatten().any(|(left, _)| *left > 0) {
                    return Err(format!("a total spans {width} of the {} columns that are left", groups - column));
                }
                is_total = true;
                column = groups;
                continue;
            }
            let label = self.label(cell, column)?;
            let rows = number(cell, "r")?.unwrap_or(1);
            spans[column] = Some((rows - 1, label.clone()));
            labels[column] = Some(label);
            column += 1;
        }
        if column < groups {
            return Err(format!("it has labels for {column} of {groups} groups"));
        }
        Ok(Row { record, labels, figures: self.figures(&figures, is_total)?, is_total })
    }

    fn label(&self, cell: &Element, column: usize) -> Result<Label, String> {
        let text =
            cell.get("l").ok_or_else(|| format!("a figure stands where the label of group {} is due", column + 1))?;
        let text = text.trim().to_owned();
        let code = cell.get("cd").map(str::to_owned).or_else(|| self.groups[column].get(&text).cloned());
        Ok(Label { text, code })
    }

    fn figures(&self, cells: &[&Element], is_total: bool) -> Result<BTreeMap<Measure, Figure>, String> {
        let columns = self.measures.of(cells.len()).ok_or_else(|| {
            format!("it has {} figures where the answer names {} measures", cells.len(), self.measures.all.len())
        })?;
        let mut figures: BTreeMap<Measure, Figure> = BTreeMap::new();
        for ((measure, says), cell) in columns.iter().zip(cells) {
            let (due, other) = if is_total { ("dt", "v") } else { ("v", "dt") };
            let printed = match (cell.get(due), cell.get(other)) {
                (Some(printed), None) => printed.trim().to_owned(),
                _ => return Err(format!("the cell of {} has no `{due}`", measure.name())),
            };
            let figure = figures.entry(*measure).or_default();
            let place = match says {
                Says::Value => {
                    figure.value = printed;
                    if let Some(interval) = cell.child("l") {
                        let (lower, upper) = interval_of(interval)?;
                        (figure.lower, figure.upper) = (Some(lower), Some(upper));
                    }
                    continue;
                }
                Says::StandardError => &mut figure.standard_error,
                Says::Lower => &mut figure.lower,
                Says::Upper => &mut figure.upper,
            };
            *place = Some(printed);
        }
        match figures.iter().find(|(_, figure)| figure.value.is_empty()) {
            Some((measure, _)) => Err(format!("it has no figure of {}", measure.name())),
            None => Ok(figures),
        }
    }
}

/// Takes one row off what spans into this one.
fn spanning(span: &mut Option<(u32, Label)>) -> Option<Label> {
    let (left, label) = span.as_mut()?;
    *left = left.checked_sub(1)?;
    Some(label.clone())
}

/// Attributes that a cell may have: `cf` says how a code is shown beside its label, and `a` how a figure is aligned.
const OF_CELLS: &[&str] = &["l", "v", "dt", "r", "c", "cd", "cf", "a"];

fn check_cell(cell: &Element) -> Result<(), String> {
    let known = |(name, _): &(String, String)| OF_CELLS.contains(&name.as_str());
    if cell.name != "c" || !cell.attributes.iter().all(known) || cell.children.iter().any(|child| child.name != "l") {
        return Err(format!("a cell `{}` has parts that nothing maps: {:?}", cell.name, cell.attributes));
    }
    Ok(())
}

/// How many rows or columns a cell spans.
fn number(cell: &Element, name: &str) -> Result<Option<u32>, String> {
    let Some(text) = cell.get(name) else { return Ok(None) };
    match text.parse() {
        Ok(number) if number > 0 => Ok(Some(number)),
        _ => Err(format!("`{name}` is `{text}`, which is no number of rows or columns")),
    }
}

/// `(14.4 - 14.7)`, or a word for both limits.
fn interval_of(element: &Element) -> Result<(String, String), String> {
    let printed = element.get("v").unwrap_or_default().trim();
    let inner = printed.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    if let Some((lower, upper)) = inner.and_then(|inner| inner.split_once(" - ")) {
        return Ok((lower.trim().to_owned(), upper.trim().to_owned()));
    }
    let word = inner.unwrap_or(printed);
    match !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic() || c == ' ') {
        true => Ok((word.to_owned(), word.to_owned())),
        false => Err(format!("`{printed}` is no confidence interval")),
    }
}

fn remarks(page: &Element, dataset: &Element, response: &Element, request: &Element) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut add = |section, label: &str, text: String, line| {
        remarks.push(Remark { section, label: label.to_owned(), text, line });
    };
    add("dataset", "Dataset", dataset.get("label").unwrap_or_default().to_owned(), dataset.line);
    add("dataset", "Vintage", dataset.get("vintage").unwrap_or_default().to_owned(), dataset.line);
    add("query_date", "Query Date", request.get("query-date").unwrap_or_default().to_owned(), request.line);
    let label = |code: &str| {
        let variables =
            dataset.all("variable").flat_map(|variable| [variable].into_iter().chain(variable.all("hier-level")));
        let found = variables.filter(|one| one.get("code") == Some(code)).find_map(|one| one.get("label"));
        found.unwrap_or(code).to_owned()
    };
    for chosen in request.child("variable-selections").into_iter().flat_map(|chosen| chosen.all("variable")) {
        let values = chosen.all("value").map(|value| match (value.get("code"), value.get("label")) {
            (Some(code), Some(label)) => format!("{code} ({label})"),
            (code, label) => code.or(label).unwrap_or_default().to_owned(),
        });
        let text = values.collect::<Vec<_>>().join("; ");
        add("query", &label(chosen.get("code").unwrap_or_default()), text, chosen.line);
    }
    if let Some(groups) = request.child("byvariables") {
        let names: Vec<String> = codes(Some(groups), "variable").iter().map(|code| label(code)).collect();
        add("query", "Group By", names.join("; "), groups.line);
    }
    let options = request.child("other-parameters").into_iter().flat_map(|options| options.all("parameter"));
    for option in options.filter(|option| option.get("display") == Some("true")) {
        let value = option.child("value").map(Element::line_of_text).unwrap_or_default();
        let words = option.all("option").find(|one| one.get("value") == Some(value.as_str()));
        let words = words.and_then(|one| one.get("label")).unwrap_or(&value).to_owned();
        add("query", option.get("label").unwrap_or_default(), words, option.line);
    }
    if let Some(citation) = dataset.at(&["documentation", "citation"]) {
        add("citation", "Suggested Citation", citation.line_of_text(), citation.line);
    }
    for message in page.all("message").chain(response.all("message")) {
        add("message", "", message.line_of_text(), message.line);
    }
    for (section, parent, child) in [("footnote", "footnotes", "footnote"), ("caveat", "caveats", "caveat")] {
        let listed = response.child(parent).into_iter().flat_map(|parent| parent.all(child));
        for (index, one) in listed.enumerate() {
            add(section, &(index + 1).to_string(), one.line_of_text(), one.line);
        }
    }
    for missing in dataset.all("missing") {
        for instance in missing.all("instance") {
            let ranges = instance.all("hier-range").map(Element::line_of_text).collect::<Vec<_>>().join("; ");
            let of = |name| label(missing.get(name).unwrap_or_default());
            let what = format!("{} {}", of("var1"), instance.get("code").unwrap_or_default());
            add("missing", &what, format!("{} {ranges}", of("var2")), instance.line);
        }
    }
    remarks
}
