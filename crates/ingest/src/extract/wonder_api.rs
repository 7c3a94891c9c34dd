//! CDC WONDER's web service: queries put by POST, answered with a page of XML.
//!
//! A [`WonderApi`] holds recipes, each a slice of one page. An answer repeats the request that it answers, and is taken
//! only for the recipe that asks just that. The service is national: it groups by no place and limits none.
//!
//! Rows are long: a row of the table makes one for each measure. What `Suppressed` and its like mean is told apart
//! later; only the bounds of a suppressed count are known here, because they are the database's.

use model::{Error, Kind, Release, Result};
use serde::Deserialize;

use super::wonder::{DatabaseLabel, day_of};
use super::{Edition, Emit, Expect, Extractor, Note, Page, Piece, Request, Slice, delimited};
use database::{Measure, NATIONAL};
use recipe::{MOST_DIMENSIONS, Recipe};
use response::{Figure, Label, Response, Row};

mod database;
mod echo;
mod recipe;
mod response;
mod xml;

/// Queries of WONDER's web service.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct WonderApi {
    recipes: Vec<Recipe>,
    max_bytes: u64,
}

/// The options as they are declared.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    recipe: Vec<Recipe>,
    /// The largest size of one answer, in bytes.
    #[serde(default = "default_max_bytes")]
    max_bytes: u64,
}

fn default_max_bytes() -> u64 {
    64 << 20
}

impl TryFrom<Written> for WonderApi {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        for (at, recipe) in written.recipe.iter().enumerate() {
            let same = |other: &&Recipe| other.name() == recipe.name() || asks(other) == asks(recipe);
            if let Some(other) = written.recipe[..at].iter().find(same) {
                return Err(Error::new(
                    Kind::Usage,
                    format!("the recipes `{}` and `{}` have one name, or ask the same", other.name(), recipe.name()),
                ));
            }
        }
        Ok(Self { recipes: written.recipe, max_bytes: written.max_bytes })
    }
}

/// What a recipe asks, whatever it is called.
fn asks(recipe: &Recipe) -> recipe::Parameters {
    let mut parameters = recipe.parameters();
    parameters.remove("O_title");
    parameters
}

impl Extractor for WonderApi {
    fn has_notes(&self) -> bool {
        true
    }

    fn recipe(&self) -> Option<String> {
        Some(self.recipe_text())
    }

    fn slices(&self) -> Vec<Slice> {
        let slice = |recipe: &Recipe| Slice {
            note: recipe.about().to_owned(),
            min_rows: recipe.min_rows(),
            ..Slice::new(recipe.name(), recipe.database().url())
        };
        self.recipes.iter().map(slice).collect()
    }

    fn next_page(&self, slice: &Slice, seen: &[Page]) -> Result<Option<Request>> {
        if !seen.is_empty() {
            return Ok(None);
        }
        let recipe = self.named(&slice.name)?;
        let xml = recipe::to_xml(&recipe.parameters());
        // The operator has accepted the terms, or a run would not have come so far.
        let fields = [("request_xml", xml.as_str()), ("accept_datause_restrictions", "true")];
        Ok(Some(Request::query(recipe.database().url(), fields, Expect::Xml)))
    }

    fn inspect(&self, page: &Page) -> Result<()> {
        self.recipe_of(&self.response(page)?, page).map(|_| ())
    }

    fn decode(&self, slice: &Slice, pages: &[Page], emit: Emit<'_>) -> Result<()> {
        let [page] = pages else {
            return Err(Error::new(Kind::Internal, format!("an answer is one page, not {}", pages.len())));
        };
        let response = self.response(page)?;
        let recipe = self.recipe_of(&response, page)?;
        // A file may answer any recipe; an answer must be to what was asked.
        if !page.url.starts_with("file:") && recipe.name() != slice.name {
            return Err(Error::new(
                Kind::Changed,
                format!("{} was asked `{}` and answered `{}`", page.url, slice.name, recipe.name()),
            )
            .hint("nothing was archived; ask again later"));
        }
        let release = release(recipe, &response, &page.url)?;
        emit(Piece::Edition(Edition { release: Some(release), slice: Some(recipe.name().to_owned()) }))?;
        let mut table = Table::new(least_suppressed(recipe, &response));
        for row in &response.rows {
            for (measure, figure) in &row.figures {
                table.add(recipe, row, *measure, figure);
            }
        }
        delimited::in_batches(0, &table.batch()?, emit)?;
        for note in response.notes {
            let section = note.section.to_owned();
            emit(Piece::Note(Note { page: 0, section, label: note.label, text: note.text, record: note.line }))?;
        }
        Ok(())
    }
}

impl WonderApi {
    /// What a person needs to know to put each query: to the web service, or at WONDER's form.
    fn recipe_text(&self) -> String {
        let mut text = String::new();
        for recipe in &self.recipes {
            text.push_str(&format!(
                "{}: {}\nPOST {}\naccept_datause_restrictions=true\nrequest_xml, whose parameters are\n",
                recipe.name(),
                recipe.about(),
                recipe.database().url()
            ));
            for (name, values) in recipe.parameters() {
                text.push_str(&format!("  {name} = {}\n", values.join(" | ").replace('\n', " ")));
            }
            text.push('\n');
        }
        text.push_str(&format!("Of places, the web service says: “{NATIONAL}”\n"));
        text
    }

    fn named(&self, name: &str) -> Result<&Recipe> {
        self.recipes
            .iter()
            .find(|recipe| recipe.name() == name)
            .ok_or_else(|| Error::new(Kind::Internal, format!("no recipe `{name}` is declared")))
    }

    fn response(&self, page: &Page) -> Result<Response> {
        let text = delimited::latin1_or_utf8(delimited::whole(page, self.max_bytes)?);
        Response::parse(&text, &page.url)
    }

    /// The recipe that an answer answers: the one that asks just what the answer repeats.
    fn recipe_of(&self, response: &Response, page: &Page) -> Result<&Recipe> {
        let of_database = self.recipes.iter().filter(|recipe| recipe.database().code() == response.code);
        let compared = of_database.map(|recipe| (recipe, echo::differences(recipe, &response.request)));
        match compared.min_by_key(|(_, differences)| differences.len()) {
            Some((recipe, differences)) if differences.is_empty() => Ok(recipe),
            Some((nearest, differences)) => {
                let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
                Err(Error::new(
                    Kind::Changed,
                    format!(
                        "{} is the answer to another query than any recipe asks: the nearest is `{}`, but {}",
                        page.url,
                        nearest.name(),
                        differences.join("; ")
                    ),
                )
                .hint("put the recipe's query: `tollhouse datasets show` prints the recipes; or declare one that asks this"))
            }
            None => Err(Error::new(
                Kind::Changed,
                format!("{} comes from WONDER's {}, of which no recipe asks anything", page.url, response.code),
            )
            .hint("declare a recipe that asks it")),
        }
    }
}

/// The edition, named as exports name theirs: provisional figures change from week to week under one title.
fn release(recipe: &Recipe, response: &Response, url: &str) -> Result<Release> {
    let changed = |what: String| {
        Error::new(Kind::Changed, format!("{url}: {what}"))
            .hint("if WONDER has renamed the database, the program must learn its new name")
    };
    let Some(label) = DatabaseLabel::read(&response.label) else {
        return Err(changed(format!("its dataset is `{}`, which names no years", response.label)));
    };
    let database = recipe.database();
    if label.title() != database.title() {
        return Err(changed(format!(
            "its dataset is `{}`, and {} is `{}`",
            response.label,
            database.code(),
            database.title()
        )));
    }
    let mut name = label.edition();
    if database.is_provisional() {
        let day = day_of(&response.query_date)
            .map_err(|cause| changed(format!("`{}` is no date of a query", response.query_date)).caused_by(cause))?;
        name = label.edition_as_of(day);
    }
    name.parse()
}

/// The rows that are handed on, by column.
struct Table {
    /// The least that a suppressed number of deaths can be.
    least: u8,
    columns: Vec<(String, Vec<Option<String>>)>,
    records: Vec<u64>,
}

impl Table {
    fn new(least: u8) -> Self {
        let mut names = vec!["Notes".to_owned(), "Recipe".to_owned(), "Year".to_owned()];
        for number in 1..=MOST_DIMENSIONS {
            names.extend(
                ["Dimension {}", "Value {}", "Value {} Code"].map(|name| name.replace("{}", &number.to_string())),
            );
        }
        let of_measures = [
            "Measure",
            "Unit",
            "Value",
            "Low",
            "High",
            "Lower Confidence Limit",
            "Upper Confidence Limit",
            "Standard Error",
        ];
        names.extend(of_measures.map(str::to_owned));
        Self { least, columns: names.into_iter().map(|name| (name, Vec::new())).collect(), records: Vec::new() }
    }

    fn add(&mut self, recipe: &Recipe, row: &Row, measure: Measure, figure: &Figure) {
        let notes = if row.is_total { "Total" } else { "" };
        let mut cells = vec![Some(notes.to_owned()), Some(recipe.name().to_owned())];
        let groups = || recipe.groups().iter().zip(&row.labels);
        let year = groups().find(|(group, _)| group.name == "year").and_then(|(_, label)| label.as_ref());
        cells.push(year.map(year_of));
        let others: Vec<_> = groups().filter(|(group, _)| group.name != "year").collect();
        for number in 0..MOST_DIMENSIONS {
            let (name, label) = match others.get(number) {
                Some((group, label)) => (Some(group.name.to_owned()), label.as_ref()),
                None => (None, None),
            };
            let code = label.and_then(|label| label.code.clone());
            cells.extend([name, label.map(|label| label.text.clone()), code]);
        }
        let (low, high) = self.bounds(measure, &figure.value);
        let value = match measure {
            Measure::PercentOfDeaths => figure.value.trim_end_matches('%'),
            _ => &figure.value,
        };
        cells.extend([
            Some(measure.name().to_owned()),
            Some(measure.unit().to_owned()),
            Some(value.to_owned()),
            low,
            high,
        ]);
        cells.extend([figure.lower.clone(), figure.upper.clone(), figure.standard_error.clone()]);
        for ((_, column), cell) in self.columns.iter_mut().zip(cells) {
            column.push(cell);
        }
        self.records.push(row.record);
    }

    /// The least and the most that a number of deaths can be: itself, or, where it is suppressed, what the database
    /// suppresses.
    fn bounds(&self, measure: Measure, printed: &str) -> (Option<String>, Option<String>) {
        if measure != Measure::Deaths {
            return (None, None);
        }
        match printed {
            "Suppressed" => (Some(self.least.to_string()), Some("9".to_owned())),
            number if number.starts_with(|c: char| c.is_ascii_digit()) => {
                (Some(number.to_owned()), Some(number.to_owned()))
            }
            _ => (None, None),
        }
    }

    fn batch(self) -> Result<arrow::array::RecordBatch> {
        super::batch(self.columns, self.records)
    }
}

/// A year as a number: labels of provisional years go on after it.
fn year_of(label: &Label) -> String {
    match label.text.split_at_checked(4) {
        Some((year, rest)) if rest.starts_with(' ') && year.bytes().all(|byte| byte.is_ascii_digit()) => {
            year.to_owned()
        }
        _ => label.text.clone(),
    }
}

/// The least that a suppressed number of deaths can be. Older databases suppress zeros too, but in answers that print
/// some.
fn least_suppressed(recipe: &Recipe, response: &Response) -> u8 {
    let is_zero = |row: &Row| row.figures.get(&Measure::Deaths).is_some_and(|figure| figure.value == "0");
    if response.rows.iter().any(is_zero) { 1 } else { recipe.database().least_suppressed() }
}

#[cfg(test)]
mod tests;
