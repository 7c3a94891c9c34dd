//! Recipes: what is asked of WONDER's web service, in our words.
//!
//! A [`Recipe`] that exists can be asked: what the service refuses is refused when the declaration is read, with the
//! publisher's reason. [`Recipe::parameters`] is the request.

use std::collections::{BTreeMap, BTreeSet};

use model::{Error, Kind, Result};
use serde::Deserialize;

use super::database::{Database, Dimension};
use crate::extract::wonder::Codes;

/// One query.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub struct Recipe {
    written: Written,
    groups: Vec<Dimension>,
}

/// A query as it is declared.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Its name, which is the name of its slice.
    name: String,
    /// What it is, in a line.
    about: String,
    database: Database,
    /// What the table is grouped by, in order: at most the year and three more.
    group_by: Vec<String>,
    /// What it is limited to: codes, as WONDER has them, by dimension.
    #[serde(default)]
    limit: BTreeMap<String, Vec<String>>,
    /// Underlying causes, as ICD-10 codes or ranges such as `X40-X44`. A table has one set of underlying causes at most:
    /// these and `ucd_groups`, or `drug_causes`, or `intents` and `mechanisms`.
    #[serde(default)]
    ucd: Codes,
    /// Chapters and sub-chapters of underlying causes, as WONDER has them: `K00-K92`.
    #[serde(default)]
    ucd_groups: Vec<String>,
    /// Drug and alcohol induced causes: `D1` unintentional, `D2` suicide, `D3` homicide, `D4` undetermined.
    #[serde(default)]
    drug_causes: Vec<String>,
    /// Injury intents: `1` unintentional, `2` suicide, `3` homicide, `4` undetermined, `5` legal intervention.
    #[serde(default)]
    intents: Vec<String>,
    /// Injury mechanisms: `GRINJ-006` is firearm.
    #[serde(default)]
    mechanisms: Vec<String>,
    /// Contributing causes, any of which a certificate must name.
    #[serde(default)]
    mcd: Codes,
    /// Contributing causes, any of which it must name besides.
    #[serde(default)]
    mcd_and: Codes,
    /// Measures beside deaths, population and crude rate.
    #[serde(default)]
    measures: BTreeSet<Extra>,
    /// Whether totals are asked for.
    #[serde(default)]
    totals: bool,
    /// Whether rows with no deaths are asked for: absent is not zero.
    #[serde(default = "yes")]
    zeros: bool,
    /// Whether rows with suppressed deaths are asked for.
    #[serde(default = "yes")]
    suppressed: bool,
    /// Decimal places of rates.
    #[serde(default = "nine")]
    precision: u8,
    /// How many rows of figures its answer has at least.
    min_rows: Option<u64>,
}

fn yes() -> bool {
    true
}

fn nine() -> u8 {
    9
}

/// A measure that must be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Extra {
    CrudeRateSe,
    CrudeRateCi,
    AgeAdjustedRate,
    AgeAdjustedRateSe,
    AgeAdjustedRateCi,
    PercentOfDeaths,
}

/// A request: each parameter's values, by name.
pub(super) type Parameters = BTreeMap<String, Vec<String>>;

/// WONDER's word for no restriction.
pub(super) const ALL: &str = "*All*";
/// WONDER's word for no further group.
pub(super) const NONE: &str = "*None*";
/// The most that a table is grouped by, beside the year.
pub(super) const MOST_DIMENSIONS: usize = 3;

impl TryFrom<Written> for Recipe {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        let groups = written.check().map_err(|error| error.while_doing(format!("recipe `{}`", written.name)))?;
        Ok(Self { written, groups })
    }
}

impl Written {
    /// Whether it can be asked; returns what it is grouped by.
    fn check(&self) -> Result<Vec<Dimension>> {
        let wrong = |what: String| Error::new(Kind::Usage, what);
        let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if self.name.is_empty() || !self.name.chars().all(valid) {
            return Err(wrong(format!("`{}` is no name: use lower case letters, digits and `_`", self.name)));
        }
        let groups: Vec<Dimension> =
            self.group_by.iter().map(|word| Dimension::of(word, self.database)).collect::<Result<_>>()?;
        let besides = groups.iter().filter(|group| group.name != "year").count();
        if groups.is_empty() || besides > MOST_DIMENSIONS {
            return Err(wrong(format!(
                "a table is grouped by something, and by {MOST_DIMENSIONS} beside the year at most"
            )));
        }
        if groups.iter().enumerate().any(|(at, group)| groups[..at].contains(group)) {
            return Err(wrong("it is grouped by the same twice".to_owned()));
        }
        let limits: Vec<Dimension> =
            self.limit.keys().map(|word| Dimension::of(word, self.database)).collect::<Result<_>>()?;
        for (limit, codes) in limits.iter().zip(self.limit.values()) {
            if limit.is_cause() {
                return Err(wrong(format!(
                    "`{}` is a cause: say ucd, drug_causes, intents, mechanisms or mcd",
                    limit.name
                )));
            }
            if codes.is_empty() || codes.iter().any(|code| code.is_empty() || code.starts_with('*')) {
                return Err(wrong(format!("`{}` is limited to no codes", limit.name)));
            }
        }
        if limits.iter().enumerate().any(|(at, limit)| limits[..at].iter().any(|other| other.base() == limit.base())) {
            return Err(wrong("years and months are one variable, which is limited once".to_owned()));
        }
        let used = || groups.iter().chain(&limits);
        for (what, is) in [("ages", Dimension::is_age as fn(Dimension) -> bool), ("races", Dimension::is_race)] {
            let ways: BTreeSet<_> = used().filter(|one| is(**one)).map(|one| one.name).collect();
            if ways.len() > 1 {
                return Err(wrong(format!(
                    "it tells {what} in several ways: {}",
                    ways.into_iter().collect::<Vec<_>>().join(", ")
                )));
            }
        }
        let sets = [
            !self.ucd.is_empty() || !self.ucd_groups.is_empty(),
            !self.drug_causes.is_empty(),
            !self.intents.is_empty() || !self.mechanisms.is_empty(),
        ];
        if sets.into_iter().filter(|set| *set).count() > 1 {
            return Err(wrong("it has several sets of underlying causes, and WONDER reads one".to_owned()));
        }
        if !(self.database.has_other_causes() || self.mcd.is_empty() && self.mcd_and.is_empty()) {
            return Err(wrong(format!("{} knows underlying causes only", self.database.code())));
        }
        if self.mcd.is_empty() && !self.mcd_and.is_empty() {
            return Err(wrong("`mcd_and` adds to `mcd`, and there is none".to_owned()));
        }
        if self.precision > 9 {
            return Err(wrong("WONDER prints nine decimal places at most".to_owned()));
        }
        let adjusted = self.measures.contains(&Extra::AgeAdjustedRate);
        let needs = [Extra::AgeAdjustedRateSe, Extra::AgeAdjustedRateCi];
        if !adjusted && needs.iter().any(|extra| self.measures.contains(extra)) {
            return Err(wrong("it asks for what belongs to `age_adjusted_rate`, and not for that".to_owned()));
        }
        Ok(groups)
    }
}

impl Recipe {
    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.written.name
    }

    /// What it is, in a line.
    pub(super) fn about(&self) -> &str {
        &self.written.about
    }

    pub(super) fn database(&self) -> Database {
        self.written.database
    }

    pub(super) fn min_rows(&self) -> Option<u64> {
        self.written.min_rows
    }

    /// What its table is grouped by, in order.
    pub(super) fn groups(&self) -> &[Dimension] {
        &self.groups
    }

    /// The request, with every parameter that the web service needs.
    pub(super) fn parameters(&self) -> Parameters {
        let mut request = Request { code: self.written.database.code(), parameters: Parameters::new() };
        self.defaults(&mut request);
        self.groups_and_measures(&mut request);
        self.limits(&mut request);
        self.causes(&mut request);
        request.parameters
    }

    /// What a form holds that nobody has touched.
    fn defaults(&self, request: &mut Request) {
        let database = self.written.database;
        for (variable, words) in database.finders() {
            request.of("F_", variable, [ALL]);
            request.of("I_", variable, [words]);
            request.of("V_", variable, [""]);
            request.option(&format!("{variable}_fmode"), "freg");
            request.of("finder-stage-", variable, ["codeset"]);
        }
        for variable in database.lists() {
            request.of("V_", variable, [ALL]);
        }
        request.of("V_", "V6", ["00"]);
        if database.has_other_causes() {
            for variable in ["V13", "V15", "V16", "V26"] {
                request.of("V_", variable, [""]);
                request.of("V_", &format!("{variable}_AND"), [""]);
                request.option(&format!("{variable}_fmode"), "fadv");
            }
            for (variable, stage) in [("V13", "codeset"), ("V15", ""), ("V16", ""), ("V26", "codeset")] {
                request.of("finder-stage-", variable, [stage]);
            }
            request.of("F_", "V13", [ALL]);
            request.of("F_", "V26", [ALL]);
            request.of("L_", "V15", [ALL]);
            request.of("L_", "V16", [ALL]);
            request.chosen("O_mcd", "V13");
        }
        for (variable, value) in [("V10", ""), ("V17", ALL), ("V1_S", ALL), ("V7", ALL), (database.race(), ALL)] {
            let code = request.code;
            request.set(format!("VM_{code}.M6_{code}.{variable}"), [value]);
        }
        request.chosen("O_ucd", "V2");
        request.chosen("O_age", "V5");
        request.chosen("O_location", "V9");
        request.chosen("O_urban", "V19");
        if database.race() != "V8" {
            request.chosen("O_race", database.race());
        }
        if database.is_provisional() {
            request.option("MMWR", "false");
            request.option("dates", "YEAR");
            request.chosen("O_death_location", "V79");
            request.chosen("O_death_urban", "V89");
        }
        for (option, value) in [("aar_pop", "0000"), ("javascript", "on"), ("rate_per", "100000"), ("timeout", "600")] {
            request.option(option, value);
        }
        for (name, value) in [("action-Send", "Send"), ("stage", "request"), ("dataset_code", request.code)] {
            request.set(name.to_owned(), [value]);
        }
    }

    fn groups_and_measures(&self, request: &mut Request) {
        let code = request.code;
        for slot in 0..5 {
            let value = match self.groups.get(slot) {
                Some(group) => format!("{code}.{}", group.variable),
                None => NONE.to_owned(),
            };
            request.set(format!("B_{}", slot + 1), [value]);
        }
        let asks = |extra| self.written.measures.contains(&extra);
        let measures = [
            ("1", true),
            ("2", true),
            ("3", true),
            ("31", asks(Extra::CrudeRateSe)),
            ("32", asks(Extra::CrudeRateCi)),
            ("41", asks(Extra::AgeAdjustedRateSe)),
            ("42", asks(Extra::AgeAdjustedRateCi)),
            ("9", asks(Extra::PercentOfDeaths)),
        ];
        for (number, _) in measures.into_iter().filter(|(_, asked)| *asked) {
            request.set(format!("M_{number}"), [format!("{code}.M{number}")]);
        }
        if asks(Extra::AgeAdjustedRate) {
            // The age-adjusted rate has no box of its own in the form: this switches it on.
            request.option("aar", "aar_std");
            request.option("aar_enable", "true");
        } else {
            request.option("aar", "aar_none");
        }
        let yes_no = |yes| if yes { "true" } else { "false" };
        request.option("show_totals", yes_no(self.written.totals));
        request.option("show_zeros", yes_no(self.written.zeros));
        request.option("show_suppressed", yes_no(self.written.suppressed));
        request.option("precision", &self.written.precision.to_string());
        request.option("title", &self.written.name);
    }

    fn limits(&self, request: &mut Request) {
        let finders = self.written.database.finders();
        let limits = self
            .written
            .limit
            .iter()
            .filter_map(|(word, codes)| Some((Dimension::of(word, self.written.database).ok()?, codes)));
        for (limit, codes) in limits {
            match finders.iter().any(|(finder, _)| *finder == limit.base()) {
                true => request.found(limit.base(), codes),
                false => request.of("V_", limit.base(), codes),
            }
            self.way(request, limit);
        }
        for group in &self.groups {
            self.way(request, *group);
        }
    }

    /// Says which of the ways to cut ages, or to tell races, is meant.
    fn way(&self, request: &mut Request, dimension: Dimension) {
        if dimension.is_age() {
            request.chosen("O_age", dimension.base());
        }
        if dimension.is_race() && self.written.database.race() != "V8" {
            request.chosen("O_race", dimension.base());
        }
    }

    fn causes(&self, request: &mut Request) {
        let written = &self.written;
        let ucd: Vec<String> = written.ucd.iter().map(str::to_owned).chain(written.ucd_groups.clone()).collect();
        if !ucd.is_empty() {
            request.found("V2", &ucd);
        }
        if !written.drug_causes.is_empty() {
            request.found("V25", &written.drug_causes);
            request.chosen("O_ucd", "V25");
        }
        for (variable, codes) in [("V22", &written.intents), ("V23", &written.mechanisms)] {
            if !codes.is_empty() {
                request.of("V_", variable, codes);
                request.chosen("O_ucd", "V22");
            }
        }
        for (variable, codes) in [("V13", &written.mcd), ("V13_AND", &written.mcd_and)] {
            if !codes.is_empty() {
                let lines: Vec<&str> = codes.iter().collect();
                request.of("V_", variable, [lines.join("\n")]);
            }
        }
        if !written.mcd.is_empty() {
            request.of("F_", "V13", written.mcd.iter());
        }
    }
}

/// A request in the making.
struct Request {
    code: &'static str,
    parameters: Parameters,
}

impl Request {
    fn set(&mut self, name: String, values: impl IntoIterator<Item = impl AsRef<str>>) {
        self.parameters.insert(name, values.into_iter().map(|value| value.as_ref().to_owned()).collect());
    }

    /// A parameter of a variable.
    fn of(&mut self, begin: &str, variable: &str, values: impl IntoIterator<Item = impl AsRef<str>>) {
        self.set(format!("{begin}{}.{variable}", self.code), values);
    }

    /// The values chosen in a finder, and what the form would show of them.
    fn found(&mut self, variable: &str, codes: &[String]) {
        self.of("F_", variable, codes);
        self.of("I_", variable, [codes.join("\n")]);
    }

    fn option(&mut self, name: &str, value: &str) {
        self.set(format!("O_{name}"), [value]);
    }

    /// An option whose value is a variable.
    fn chosen(&mut self, name: &str, variable: &str) {
        let value = format!("{}.{variable}", self.code);
        self.set(name.to_owned(), [value]);
    }
}

/// A request as the web service reads it.
pub(super) fn to_xml(parameters: &Parameters) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<request-parameters>\n".to_owned();
    for (name, values) in parameters {
        xml.push_str(&format!("<parameter><name>{}</name>", quick_xml::escape::escape(name)));
        for value in values {
            xml.push_str(&format!("<value>{}</value>", quick_xml::escape::escape(value)));
        }
        xml.push_str("</parameter>\n");
    }
    xml.push_str("</request-parameters>\n");
    xml
}
