//! CDC WONDER's web service: what it takes for a query, what it refuses and in which words, and which of the queries that we
//! hold figures of is asked.
//!
//! Its refusals are in the publisher's words, as people have quoted them; so is the name of the page with which it
//! answers what is no form. What the page says besides is ours.

use crate::Result;
use crate::print::wonder_api::{self, escaped};
use crate::serve::pairs;
use crate::shelf::{Format, Page};
use crate::table::{Table, at};
use std::collections::{BTreeMap, BTreeSet};

const HOST: &str = "wonder.cdc.gov";
const PATH: &str = "/controller/datarequest/";
const HTML: &str = "text/html; charset=utf-8";
const XML: &str = "text/xml;charset=UTF-8";

/// Variables that say where.
const PLACES: &[&str] = &["V9", "V10", "V11", "V19", "V27", "V30", "V31", "V77", "V79", "V80", "V81", "V89"];

const NATIONAL: &str = "Only national data are available for this dataset when using the WONDER web service. Please check that your query does not group results by region, division, state, county or urbanization, (B_1 through B_5), nor limit these location variables to any specific values. For more information please contact CDC WONDER customer support at cwus@cdc.gov or (888) 496-8347.";

/// A query that we hold figures of.
pub struct Query {
    pub id: String,
    pub database: String,
    pub label: String,
    pub vintage: String,
    pub date: String,
    /// Variables without the database, in order.
    pub groups: Vec<String>,
    /// Measures without the database, in the order of the figures.
    pub measures: Vec<String>,
    /// The values chosen, by variable; others are not restricted.
    pub chosen: Chosen,
}

type Chosen = BTreeMap<String, BTreeSet<String>>;

/// A request, read.
pub struct Asked {
    /// The parameters as they were sent.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// The measures asked for, in the order of the answer.
    pub measures: Vec<String>,
    /// Whether totals are asked for.
    pub totals: bool,
}

/// Whether the service is at an address.
pub fn is_at(host: &str, path: &str) -> bool {
    host == HOST && path.starts_with(PATH)
}

/// The answer to a POST.
///
/// # Errors
/// Figures that we hold cannot be read.
pub fn answer(path: &str, content_type: Option<&str>, body: &[u8]) -> Result<Page> {
    let database = &path[PATH.len()..];
    let is_form = content_type.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let fields = pairs(&String::from_utf8_lossy(body));
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let (true, Some(xml)) = (is_form, field("request_xml")) else {
        return Ok(message("The request is not a form with the field request_xml."));
    };
    let parameters = parameters(xml);
    let accepted = parameters.get("accept_datause_restrictions").and_then(|values| values.first());
    if field("accept_datause_restrictions").or(accepted.map(String::as_str)) != Some("true") {
        return Ok(message("The data use restrictions must be accepted."));
    }
    if let Some(refusal) = place(&parameters, database) {
        return Ok(refusal);
    }
    let queries = queries()?;
    let ours = queries.iter().filter(|query| query.database == database);
    for query in ours {
        if let Some(asked) = query.asked(&parameters) {
            let mut page = Page::new(Format::Other, XML, wonder_api::answer(query, &asked)?);
            page.validators = false;
            return Ok(page);
        }
    }
    Ok(Page::plain(501, "text/plain", "The replica holds no figures for this query.\n"))
}

/// A page of HTML in which the service says what is wrong with a request that is none.
fn message(words: &str) -> Page {
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>WONDER Message</title></head>\n<body><p>{words}</p></body></html>\n"
    );
    Page::plain(400, HTML, page)
}

/// The parameters of a request, by name.
fn parameters(xml: &str) -> BTreeMap<String, Vec<String>> {
    let of = |text: &str, tag: &str| -> Vec<String> {
        let parts = text.split(&format!("<{tag}>")).skip(1).map(str::to_owned).collect::<Vec<_>>();
        let end = format!("</{tag}>");
        parts.iter().filter_map(|part| part.split_once(&end)).map(|(inner, _)| plain(inner)).collect()
    };
    let each = xml.split("<parameter>").skip(1);
    each.filter_map(|parameter| Some((of(parameter, "name").into_iter().next()?, of(parameter, "value")))).collect()
}

fn plain(text: &str) -> String {
    let marks = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    marks.iter().fold(text.to_owned(), |text, (mark, sign)| text.replace(mark, sign))
}

/// The refusal of a request that groups by a place, or limits one.
fn place(parameters: &BTreeMap<String, Vec<String>>, database: &str) -> Option<Page> {
    let is_place = |variable: &str| PLACES.contains(&variable.split('-').next().unwrap_or(variable));
    let own = |text: &str| text.strip_prefix(database)?.strip_prefix('.').map(str::to_owned);
    let mut said = Vec::new();
    for slot in 1..=5 {
        let group = parameters.get(&format!("B_{slot}")).and_then(|values| values.first());
        if let Some(group) = group.filter(|group| own(group).is_some_and(|own| is_place(&own))) {
            said.push(format!("Location group by variables (B_1 through B_5) were found: {group}"));
        }
    }
    for variable in chosen(parameters, database).keys().filter(|variable| is_place(variable)) {
        said.push(format!("Selections were made to location variable {database}.{variable}."));
    }
    if said.is_empty() {
        return None;
    }
    said.push(NATIONAL.to_owned());
    let said: String = said.iter().map(|words| format!("<message>{}</message>\n", escaped(words))).collect();
    let page = format!(
        "<?xml version=\"1.0\"?>\n<page>\n<platform>prod</platform>\n<title>Processing Error</title>\n{said}</page>\n"
    );
    Some(Page::plain(500, XML, page))
}

/// The values to which variables are limited: in a finder (`F_`), in a list or a box (`V_`).
fn chosen(parameters: &BTreeMap<String, Vec<String>>, database: &str) -> Chosen {
    let mut chosen = Chosen::new();
    for (name, values) in parameters.iter().filter(|(name, _)| name.starts_with("F_") || name.starts_with("V_")) {
        let Some(variable) = name[2..].strip_prefix(database).and_then(|rest| rest.strip_prefix('.')) else { continue };
        let lines = values.iter().flat_map(|value| value.lines()).map(str::trim);
        let codes: Vec<String> = lines
            .map(|line| line.split(" (").next().unwrap_or(line))
            .filter(|code| !code.is_empty() && *code != "*All*" && (variable, *code) != ("V6", "00"))
            .map(str::to_owned)
            .collect();
        if !codes.is_empty() {
            chosen.entry(variable.to_owned()).or_default().extend(codes);
        }
    }
    chosen
}

fn queries() -> Result<Vec<Query>> {
    let table = Table::read("wonder_api/queries")?;
    let list = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
    let query = |row: &csv::StringRecord| Query {
        id: at(row, 0).to_owned(),
        database: at(row, 1).to_owned(),
        label: at(row, 2).to_owned(),
        vintage: at(row, 3).to_owned(),
        date: at(row, 4).to_owned(),
        groups: list(at(row, 5)),
        measures: list(at(row, 6)),
        chosen: at(row, 7)
            .split(';')
            .filter_map(|one| one.split_once('='))
            .map(|(variable, codes)| (variable.to_owned(), codes.split(',').map(str::to_owned).collect()))
            .collect(),
    };
    Ok(table.rows.iter().map(query).collect())
}

impl Query {
    /// What a request asks of this query, if it is this query that it asks, and our figures hold all of it.
    fn asked(&self, parameters: &BTreeMap<String, Vec<String>>) -> Option<Asked> {
        let first = |name: &str| parameters.get(name).and_then(|values| values.first()).map(String::as_str);
        let own = |code: &str| code.strip_prefix(&self.database)?.strip_prefix('.').map(str::to_owned);
        let groups = (1..=5).filter_map(|slot| first(&format!("B_{slot}"))).filter(|group| *group != "*None*");
        let groups: Option<Vec<String>> = groups.map(own).collect();
        let named =
            parameters.iter().filter(|(name, _)| name.starts_with("M_")).filter_map(|(_, values)| values.first());
        let mut measures: BTreeSet<String> = named.map(|code| own(code)).collect::<Option<_>>()?;
        if first("O_aar") == Some("aar_std") {
            measures.insert("M4".to_owned());
        }
        if measures.contains("M42") {
            measures.insert("M43".to_owned());
        }
        let totals = first("O_show_totals") == Some("true");
        let fits = groups? == self.groups
            && chosen(parameters, &self.database) == self.chosen
            && measures.iter().all(|measure| self.measures.contains(measure))
            // Rates are held to nine places, and totals of one query only.
            && first("O_precision") == Some("9")
            && (!totals || self.id == "any_opioid");
        fits.then(|| Asked { parameters: parameters.clone(), measures: measures.into_iter().collect(), totals })
    }
}
