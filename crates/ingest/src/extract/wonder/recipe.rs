//! The recipe of an export, and its comparison with what a footer says was asked.
//!
//! [`WonderExport::compare`] returns the [`Answer`] that a file is, or every parameter that differs from the recipe.
//! Each database has its own rule for what it withholds, so that a file's bounds come from here too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Deserialize;

use super::codes::{self, Codes};
use super::edition::{Label, day_of, leading_year};
use super::footer::Item;
use super::{WonderExport, places};
use crate::extract::Misfit;

/// A database that answers the query.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// WONDER's name of it, such as `D77`.
    pub code: String,
    /// Its title without its years, as the footer prints it: `Multiple Cause of Death`, or
    /// `Multiple Cause of Death, Single Race`.
    pub title: String,
    /// The smallest and the largest count that it withholds below the national level.
    pub withheld: (i64, i64),
}

/// A column that a query may group by instead of restricting it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// WONDER's name of it, such as `Injury Intent`.
    pub group: String,
    /// The column of ours that its labels fill.
    pub column: String,
    /// Our word for each label.
    pub words: BTreeMap<String, String>,
}

/// Causes of death that a query may ask for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cause {
    /// What the rows of such a query get, by column: `{ drug = "heroin" }`.
    pub values: BTreeMap<String, String>,
    /// The underlying causes, as ICD-10 codes, ranges such as `X40-X44`, or names of groups; empty for all.
    pub ucd: Codes,
    /// The contributing causes; empty for all.
    pub mcd: Codes,
    /// Restrictions by name, such as `"Injury Intent" = ["Homicide"]`.
    pub named: BTreeMap<String, BTreeSet<String>>,
}

impl Cause {
    /// What a message calls it.
    pub(super) fn name(&self) -> String {
        match self.values.values().map(String::as_str).collect::<Vec<_>>().join(" ") {
            name if name.is_empty() => "deaths".to_owned(),
            name => name,
        }
    }
}

/// What a file turns out to be.
#[derive(Debug)]
pub(super) struct Answer {
    /// The edition's name.
    pub release: String,
    /// The part of the edition: the causes, and the years where not all were asked for.
    pub slice: String,
    /// What the causes or a grouping put into columns of ours.
    pub values: BTreeMap<String, Fill>,
    /// The years that one row covers, where rows are not of a year each.
    pub period: Option<(i32, i32)>,
    /// The years asked for, if they can be known.
    pub years: Option<Vec<i32>>,
    /// Whether rows of several years together may be asked for, so that each needs its first and last day.
    pub may_pool: bool,
    /// Whose row it is.
    pub place: Place,
    /// The column of the place's code, of the year's and of the deaths.
    pub place_at: Option<usize>,
    pub year_at: Option<usize>,
    pub deaths_at: usize,
    /// What rows are grouped by beside place and year, where the footer names every value of it, so that it is known which
    /// rows there should be; nothing where it does not.
    pub axes: Option<Vec<Axis>>,
    /// The largest and, unless the export prints zeros, the smallest count that is withheld.
    pub high: i64,
    pub low: i64,
    pub zeros_shown: bool,
    pub suppressed_shown: bool,
    /// The line of the footer that says that rows are hidden.
    pub hides_at: u64,
}

/// The kind of place that a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Nation,
    State,
    /// With whether the counties of this database are known.
    County(bool),
}

/// A column that rows are grouped by, and the values that the query asked for.
#[derive(Debug)]
pub(super) struct Axis {
    /// WONDER's name of it; the column of this name has the label, the next one the code.
    pub group: String,
    pub label_at: usize,
    pub values: Vec<AxisValue>,
}

/// A value that rows are grouped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AxisValue {
    pub label: String,
    /// Its code, where the footer prints it: it does for causes of death.
    pub code: Option<String>,
}

impl Axis {
    /// The values that a footer's list names; nothing where one is a range or a group of causes, whose rows it does not tell.
    fn read(group: &str, label_at: usize, item: &Item) -> Option<Self> {
        let value = |text: String| match group {
            CAUSE => codes::one(&text).map(|(code, label)| AxisValue { label, code: Some(code) }),
            _ => Some(AxisValue { label: text, code: None }),
        };
        let values = codes::list(&item.text).into_iter().map(value).collect::<Option<Vec<_>>>()?;
        Some(Self { group: group.to_owned(), label_at, values })
    }
}

/// The group whose values are restricted by code.
const CAUSE: &str = "Cause of death";

/// Where a value of our own column comes from.
#[derive(Debug)]
pub(super) enum Fill {
    /// The query.
    Fixed(String),
    /// The label in this column of the row, and our words for labels.
    Label(usize, BTreeMap<String, String>),
}

impl Fill {
    pub(super) fn of(&self, cells: &[Option<String>]) -> String {
        match self {
            Fill::Fixed(value) => value.clone(),
            Fill::Label(column, words) => {
                let label = cells.get(*column).cloned().flatten().unwrap_or_default();
                words.get(&label).cloned().unwrap_or(label)
            }
        }
    }
}

impl Answer {
    /// The year of a row, where rows are of a year each.
    pub(super) fn year_of(&self, cells: &[String]) -> Option<i32> {
        // Provisional labels carry a blank or a remark: `2020 `, `2024 (provisional)`.
        leading_year(cells.get(self.year_at?)?)
    }

    /// Whether a row can be an answer to the query that the footer records; what speaks against it.
    pub(super) fn check(&self, cells: &[String], year: Option<i32>) -> Result<(), String> {
        if let (Some(year), Some(years)) = (year, &self.years)
            && !years.contains(&year)
        {
            return Err(format!("is of {year}, and the footer says that {} was asked for", spans(years)));
        }
        let is_total = cells.first().is_some_and(|notes| !notes.is_empty());
        for axis in self.axes.iter().flatten().filter(|_| !is_total) {
            let label = cells.get(axis.label_at).map_or("", String::as_str);
            if !axis.values.iter().any(|value| value.label == label) {
                return Err(format!(
                    "is of {} `{label}`, which the footer does not say was asked for",
                    axis.group.to_lowercase()
                ));
            }
        }
        let deaths = cells.get(self.deaths_at).and_then(|cell| cell.parse::<i64>().ok());
        match deaths {
            Some(deaths) if self.place != Place::Nation && (1..=self.high).contains(&deaths) => {
                Err(format!("prints a count below {}, which the database withholds of such places", self.high + 1))
            }
            _ => Ok(()),
        }
    }

    /// The smallest count that this export withholds: one that prints a zero withholds none.
    pub(super) fn lowest(&self, rows: &[(u64, Vec<String>)]) -> i64 {
        let is_zero = |cells: &Vec<String>| {
            cells.first().is_some_and(String::is_empty) && cells.get(self.deaths_at).is_some_and(|deaths| deaths == "0")
        };
        if self.place != Place::Nation && rows.iter().any(|(_, cells)| is_zero(cells)) {
            self.low.max(1)
        } else {
            self.low
        }
    }

    /// The smallest count that a hidden row may have, given the smallest that is withheld.
    pub(super) fn hidden_low(&self, withheld: i64) -> i64 {
        if self.zeros_shown { withheld } else { 0 }
    }
}

/// How far apart causes can be, for telling which recipe is the nearest.
const FARTHEST: usize = 24;

/// Parameters that are not restrictions, and the one value that our units are made for.
const FIXED: &[(&str, &str)] = &[
    ("Standard Population", "2000 U.S. Std. Population"),
    ("Calculate Rates Per", "100,000"),
    ("Rate Options", "Default intercensal populations for years 2001-2009 (except Infant Age Groups)"),
];

/// Parameters that restrict causes by code or by group of codes, without their prefix.
const BY_CODE: &[&str] = &["ICD-10 Codes", "Drug/Alcohol Induced Causes", "ICD-10 113 Groups", "ICD-10 113 Cause List"];

/// Parameters that restrict causes by name.
const BY_NAME: &[&str] = &["Injury Intent", "Injury Mechanism & All Other Leading Causes"];

/// Causes as a footer lists them: the parameters that say so, and what they say.
#[derive(Default)]
struct Asked<'a> {
    ucd: Vec<&'a Item>,
    mcd: Vec<&'a Item>,
    named: BTreeMap<String, (&'a Item, BTreeSet<String>)>,
}

impl WonderExport {
    /// What the footer says that the file is, or each parameter in which it differs from the recipe.
    pub(super) fn compare(&self, header: &[String], footer: &[Item]) -> Result<Answer, Misfit> {
        let mut differences = Vec::new();
        let mut filters = Vec::new();
        let edition = self.edition(footer, &mut differences);
        let query: Vec<&Item> = footer.iter().filter(|item| item.section == "query").collect();
        let said = |name: &str| query.iter().find(|item| item.label == name).copied();
        let groups = said("Group By").map(|item| codes::list(&item.text)).unwrap_or_default();

        let years_asked = query.iter().find(|item| is_years(&item.label) && item.text != "All");
        let years = match years_asked {
            Some(item) => {
                let years: Option<BTreeSet<i32>> =
                    codes::list(&item.text).iter().map(|year| whole_year(year)).collect();
                if years.is_none() {
                    differences.push(differs(item, "All, or whole years"));
                }
                years.map(|years| years.into_iter().collect::<Vec<_>>())
            }
            None => edition.as_ref().and_then(|edition| edition.years()),
        };
        let one_year = years.as_ref().filter(|years| years.len() == 1).is_some();
        self.compare_groups(header, &groups, one_year, &mut differences);

        let mut asked = Asked::default();
        for item in &query {
            let (name, value) = (item.label.as_str(), item.text.as_str());
            let bare = name.strip_prefix("UCD - ").unwrap_or(name);
            if let Some((_, fixed)) = FIXED.iter().find(|(known, _)| *known == name) {
                if value != *fixed {
                    differences.push(differs(item, fixed));
                }
            } else if is_years(name)
                || matches!(name, "Group By" | "Title" | "Show Totals" | "Show Zero Values" | "Show Suppressed")
                || matches!(value, "" | "All" | "All Causes" | "*All*")
            {
                // Compared elsewhere, free text, or no restriction. Totals are told apart from rows later.
            } else if BY_CODE.contains(&bare) {
                asked.ucd.push(item);
            } else if name.strip_prefix("MCD - ").is_some_and(|name| BY_CODE.contains(&name)) {
                asked.mcd.push(item);
            } else if groups.iter().any(|group| group == name) && name != "State" && name != "County" {
                // What rows are grouped by may be restricted: some rows are then not asked for, and none means less. The
                // file is another part of the edition than one of the other rows.
                filters.push(format!("{} {}", name.to_lowercase(), codes::list(value).join(", ")));
            } else if BY_NAME.contains(&bare) {
                let values = codes::list(value).into_iter().map(|value| value.to_lowercase()).collect();
                asked.named.insert(bare.to_owned(), (item, values));
            } else {
                differences.push(differs(item, "All"));
            }
        }
        let cause = self.compare_causes(&asked, &mut differences);

        let place = match edition.as_ref().map(|edition| edition.database) {
            Some(database) if groups.iter().any(|group| group == "County") => {
                Place::County(places::are_known(&database.code))
            }
            _ if groups.iter().any(|group| group == "State") => Place::State,
            _ => Place::Nation,
        };
        let at = |name: &str| header.iter().position(|column| column == name);
        let beside = groups.iter().filter(|group| !matches!(group.as_str(), "County" | "State" | "Year"));
        let axes: Option<Vec<Axis>> = beside
            .map(|group| {
                let asked = match (group.as_str(), asked.ucd.as_slice()) {
                    (CAUSE, [item]) => *item,
                    (CAUSE, _) => return None,
                    _ => said(group).filter(|item| !matches!(item.text.as_str(), "" | "All"))?,
                };
                Axis::read(group, at(group)?, asked)
            })
            .collect();
        let telling = axes.is_some() && years.is_some() && place != Place::County(false);
        let mut hides_at = 0;
        let mut shown = |name: &str| match said(name) {
            Some(item) if item.text == "True" => true,
            Some(item) => {
                hides_at = if hides_at == 0 { item.line } else { hides_at };
                if !telling {
                    let why = "it cannot be told which rows are hidden in a table of this kind";
                    differences.push(format!("{}: {why}", differs(item, "True")));
                }
                false
            }
            None => {
                differences.push(format!("the footer does not say `{name}`, the recipe asks for `True`"));
                false
            }
        };
        let (zeros_shown, suppressed_shown) = (shown("Show Zero Values"), shown("Show Suppressed"));

        let by_year = groups.iter().any(|group| group == "Year");
        let period = match &years {
            _ if by_year => None,
            Some(years) => match (years.first(), years.last()) {
                (Some(first), Some(last)) if usize::try_from(last - first + 1) == Ok(years.len()) => {
                    Some((*first, *last))
                }
                _ => {
                    let text = years_asked.map_or("", |item| &item.text);
                    differences
                        .push(format!("`Year/Month` is `{text}`, which is no period without gaps: group by Year"));
                    None
                }
            },
            None => {
                differences.push("rows are of no known period: group by Year".to_owned());
                None
            }
        };

        let (Some(edition), Some((cause, 0)), []) = (edition, cause, differences.as_slice()) else {
            let causes = cause.map_or(FARTHEST, |(_, distance)| distance.min(FARTHEST));
            let distance = 8 * differences.len() + 4 * self.other_groups(&groups) + causes;
            return Err(Misfit { differences, distance });
        };
        let mut values: BTreeMap<String, Fill> =
            cause.values.iter().map(|(column, value)| (column.clone(), Fill::Fixed(value.clone()))).collect();
        for dimension in &self.dimension {
            if let Some(column) = at(&dimension.group) {
                values.insert(dimension.column.clone(), Fill::Label(column, dimension.words.clone()));
            }
        }
        let mut slice = cause.name();
        if let (Some(years), true) = (&years, years != edition.years() || !by_year) {
            // Writing to a String cannot fail.
            let _infallible = write!(slice, " {}{}", spans(years), if by_year || one_year { "" } else { " pooled" });
        }
        // By what every export is grouped, none is told from another.
        let instead = |group: &&String| {
            !self.group_by.contains(group) && self.dimension.iter().any(|dimension| dimension.group == **group)
        };
        for group in groups.iter().filter(instead) {
            let _infallible = write!(slice, " by {}", group.to_lowercase());
        }
        filters.sort();
        for filter in &filters {
            let _infallible = write!(slice, " of {filter}");
        }
        Ok(Answer {
            slice,
            values,
            period,
            years,
            may_pool: !self.group_by.iter().any(|name| name == "Year"),
            place,
            place_at: at("County Code").or_else(|| at("State Code")),
            year_at: at("Year Code"),
            deaths_at: at("Deaths").unwrap_or_default(),
            axes,
            low: edition.database.withheld.0,
            high: edition.database.withheld.1,
            release: edition.release,
            zeros_shown,
            suppressed_shown,
            hides_at,
        })
    }

    /// How many groups are of the footer or of the recipe alone.
    fn other_groups(&self, groups: &[String]) -> usize {
        let is = |group: &String, name: &String| name.split('|').any(|name| name == group);
        let known = |group: &&String| !self.group_by.iter().any(|name| is(group, name));
        let missing = self.group_by.iter().filter(|name| !groups.iter().any(|group| is(group, name)));
        groups.iter().filter(known).count() + missing.count()
    }

    /// The groups, and the header that they make.
    fn compare_groups(&self, header: &[String], groups: &[String], one_year: bool, differences: &mut Vec<String>) {
        // A column that has had several names over the years is written `Gender|Sex`.
        let is = |group: &str, name: &str| name.split('|').any(|name| name == group);
        let has = |name: &str| groups.iter().any(|group| is(group, name));
        let missing = self.group_by.iter().any(|group| !(has(group) || group == "Year" && one_year));
        let may = |group: &String| {
            self.group_by.iter().chain(&self.also_by).any(|name| is(group, name))
                || self.dimension.iter().any(|dimension| dimension.group == *group)
        };
        if missing || !groups.iter().all(may) {
            let recipe = self.group_by.join(", ").replace('|', " or ");
            differences.push(if groups.is_empty() {
                format!("the footer does not say `Group By`, the recipe asks for `{recipe}`")
            } else {
                format!("`Group By` is `{}`, the recipe asks for `{recipe}`", groups.join(", "))
            });
            return;
        }
        let labels = groups.iter().flat_map(|name| [name.clone(), format!("{name} Code")]);
        let expected: Vec<String> =
            ["Notes".to_owned()].into_iter().chain(labels).chain(["Deaths".to_owned()]).collect();
        if !header.starts_with(&expected) {
            differences.push(format!(
                "its columns are `{}`, and should begin with `{}`",
                header.join(", "),
                expected.join(", ")
            ));
        }
    }

    /// The causes of the recipe that are nearest to those that a footer asks for, and how far they are: nothing where it
    /// asks for all of them and no other.
    fn compare_causes(&self, asked: &Asked<'_>, differences: &mut Vec<String>) -> Option<(&Cause, usize)> {
        let already = differences.len();
        let mut read = |items: &[&Item], what: &str| match items {
            [] => Codes::default(),
            [item] => codes::read(&item.text).unwrap_or_else(|odd| {
                differences.push(format!("`{}` has `{odd}`, which is no code", item.label));
                Codes::default()
            }),
            more => {
                differences.push(format!("{what} causes are restricted {} times", more.len()));
                Codes::default()
            }
        };
        let (ucd, mcd) = (read(&asked.ucd, "underlying"), read(&asked.mcd, "contributing"));
        if differences.len() > already {
            return None;
        }
        let named: BTreeMap<&String, &BTreeSet<String>> =
            asked.named.iter().map(|(name, (_, values))| (name, values)).collect();
        let wanted = |cause: &Cause| -> BTreeMap<String, BTreeSet<String>> {
            let lower = |values: &BTreeSet<String>| values.iter().map(|value| value.to_lowercase()).collect();
            cause.named.iter().map(|(name, values)| (name.clone(), lower(values))).collect()
        };
        let distance = |cause: &&Cause| {
            let wanted = wanted(cause);
            let names: BTreeSet<&String> = wanted.keys().chain(named.keys().copied()).collect();
            let differing = names.into_iter().filter(|name| wanted.get(*name) != named.get(name).copied()).count();
            ucd.distance(&cause.ucd) + mcd.distance(&cause.mcd) + 8 * differing
        };
        let nearest = self.cause.iter().min_by_key(distance)?;
        let far = distance(&nearest);
        if far == 0 {
            return Some((nearest, 0));
        }
        let name = nearest.name();
        for (found, recipe, items, kind) in
            [(&ucd, &nearest.ucd, &asked.ucd, "underlying"), (&mcd, &nearest.mcd, &asked.mcd, "contributing")]
        {
            match items.first() {
                _ if found == recipe => {}
                Some(item) => differences.push(format!("`{}` {} (`{name}`)", item.label, found.difference(recipe))),
                None => differences
                    .push(format!("{kind} causes are not restricted, the recipe of `{name}` asks for `{recipe}`")),
            }
        }
        let wanted = wanted(nearest);
        for name_of in wanted.keys().chain(asked.named.keys()).collect::<BTreeSet<_>>() {
            let list = |values: Option<&BTreeSet<String>>| {
                values.map_or("All".to_owned(), |values| values.iter().cloned().collect::<Vec<_>>().join(", "))
            };
            let (found, recipe) = (named.get(name_of).copied(), wanted.get(name_of));
            if found != recipe {
                differences.push(format!(
                    "`{name_of}` is `{}`, the recipe of `{name}` asks for `{}`",
                    list(found),
                    list(recipe)
                ));
            }
        }
        Some((nearest, far))
    }

    /// The database and the edition.
    fn edition(&self, footer: &[Item], differences: &mut Vec<String>) -> Option<Edition<'_>> {
        let Some(dataset) = footer.iter().find(|item| item.section == "dataset") else {
            differences.push("the footer names no `Dataset`".to_owned());
            return None;
        };
        let Some(label) = Label::read(&dataset.text) else {
            differences.push(format!("`Dataset` is `{}`, which names no years", dataset.text));
            return None;
        };
        let title = label.title();
        let Some(database) = self.database.iter().find(|database| database.title == title) else {
            let titles: Vec<_> = self.database.iter().map(|database| database.title.as_str()).collect();
            differences.push(format!(
                "`Dataset` is `{}`, the recipe asks for `{}`",
                dataset.text,
                titles.join("` or `")
            ));
            return None;
        };
        let (mut release, last) = (label.edition(), label.last());
        if last.is_none() {
            let asked = footer.iter().find(|item| item.section == "query_date");
            match asked.and_then(|item| day_of(&item.text).ok()) {
                Some(day) => release = label.edition_as_of(day),
                None => {
                    differences.push("the footer has no `Query Date`, which names a provisional edition".to_owned())
                }
            }
        }
        Some(Edition { database, release, first: label.first()?, last })
    }
}

/// The database of a file and the years that it holds.
struct Edition<'a> {
    database: &'a Database,
    release: String,
    first: i32,
    last: Option<i32>,
}

impl Edition<'_> {
    fn years(&self) -> Option<Vec<i32>> {
        Some((self.first..=self.last?).collect())
    }
}

/// A parameter that is not what the recipe asks for. Lists of causes run over many lines; their beginning is enough to
/// recognise them.
fn differs(item: &Item, recipe: &str) -> String {
    let value = match item.text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &item.text[..end]),
        None => item.text.clone(),
    };
    format!("`{}` is `{value}`, the recipe asks for `{recipe}`", item.label)
}

fn is_years(name: &str) -> bool {
    matches!(name, "Year/Month" | "Year")
}

/// A text that is a year, whatever is remarked of it in parentheses.
fn whole_year(text: &str) -> Option<i32> {
    let rest = text.get(4..)?.trim();
    leading_year(text).filter(|_| rest.is_empty() || (rest.starts_with('(') && rest.ends_with(')')))
}

/// `2006-2012`, `2015`, or `2006,2008`.
fn spans(years: &[i32]) -> String {
    match (years.first(), years.last()) {
        (Some(first), Some(last)) if first == last => first.to_string(),
        (Some(first), Some(last)) if usize::try_from(last - first + 1) == Ok(years.len()) => format!("{first}-{last}"),
        _ => years.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    }
}
