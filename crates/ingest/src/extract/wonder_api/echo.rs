//! The request as an answer repeats it, compared with a recipe, parameter by parameter.
//!
//! WONDER repeats its groups, measures, lists and options, and what was chosen in finders as selections. Words that all
//! mean no restriction are the same here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::recipe::{ALL, NONE, Parameters, Recipe};
use super::xml::Element;

/// A parameter that is not as the recipe has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    parameter: String,
    found: String,
    asked: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parameter, found, asked } = self;
        write!(f, "`{parameter}` is `{found}`, the recipe asks for `{asked}`")
    }
}

/// Options that change figures or rows. Others concern the form, or how long to wait.
const OPTIONS: &[&str] = &[
    "O_show_totals",
    "O_show_zeros",
    "O_show_suppressed",
    "O_precision",
    "O_rate_per",
    "O_aar",
    "O_aar_pop",
    "O_ucd",
    "O_mcd",
    "O_age",
    "O_race",
    "O_post_pops",
    "O_MMWR",
];

/// Everything in which a repeated request differs from the recipe's.
pub(super) fn differences(recipe: &Recipe, request: &Element) -> Vec<Difference> {
    let asked = recipe.parameters();
    let mut found = Vec::new();
    let mut compare = |parameter: &str, repeated: BTreeSet<String>, wanted: BTreeSet<String>| {
        if repeated != wanted {
            found.push(Difference { parameter: parameter.to_owned(), found: words(&repeated), asked: words(&wanted) });
        }
    };
    let (groups, wanted) = (groups(request), wanted_groups(&asked));
    if groups != wanted {
        // Their order is the order of the columns.
        compare("B_1 to B_5", BTreeSet::from([groups.join(", ")]), BTreeSet::from([wanted.join(", ")]));
    }
    compare("M_1, M_2 …", measures(request), wanted_measures(&asked));

    let repeated = parameters(request);
    let listed = |name: &str| ["V_", "VM_", "L_"].iter().any(|begin| name.starts_with(begin));
    let names: BTreeSet<&String> = repeated.keys().chain(asked.keys()).filter(|name| listed(name)).collect();
    for name in names {
        let Some(values) = repeated.get(name) else {
            // What is not repeated was not restricted.
            compare(name, BTreeSet::new(), plain(name, asked.get(name)));
            continue;
        };
        compare(name, plain(name, Some(values)), plain(name, asked.get(name)));
    }
    let (selections, wanted) = (selections(request), wanted_selections(&asked));
    let variables: BTreeSet<&String> = selections.keys().chain(wanted.keys()).collect();
    for variable in variables {
        let of = |chosen: &BTreeMap<String, BTreeSet<String>>| chosen.get(variable).cloned().unwrap_or_default();
        compare(&format!("F_{variable}"), of(&selections), of(&wanted));
    }
    let options = options(request);
    for name in OPTIONS {
        let Some(value) = options.get(*name) else { continue };
        let wanted = match (asked.get(*name).and_then(|values| values.first()), *name) {
            (Some(wanted), _) => wanted.as_str(),
            (None, "O_post_pops" | "O_MMWR") => "false",
            (None, _) => continue,
        };
        // Totals are withheld where a cell could be reckoned from them.
        let disabled = *name == "O_show_totals" && value == "disabled";
        if !disabled {
            compare(name, BTreeSet::from([value.clone()]), BTreeSet::from([wanted.to_owned()]));
        }
    }
    found
}

fn words(values: &BTreeSet<String>) -> String {
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    if values.is_empty() { ALL.to_owned() } else { values.join(", ") }
}

fn groups(request: &Element) -> Vec<String> {
    let variables = request.child("byvariables").into_iter().flat_map(|groups| groups.all("variable"));
    variables.filter_map(|variable| variable.get("code")).map(str::to_owned).collect()
}

fn wanted_groups(asked: &Parameters) -> Vec<String> {
    let groups = (1..=5).filter_map(|slot| asked.get(&format!("B_{slot}"))?.first());
    groups.filter(|group| *group != NONE).cloned().collect()
}

fn measures(request: &Element) -> BTreeSet<String> {
    let measures = request.child("measure-selections").into_iter().flat_map(|measures| measures.all("measure"));
    let codes = measures.filter_map(|measure| measure.get("code"));
    // An interval is asked for by its lower limit; and the age-adjusted rate comes with its switch, not a box.
    codes.filter(|code| ![".M33", ".M43", ".M4"].iter().any(|end| code.ends_with(end))).map(str::to_owned).collect()
}

fn wanted_measures(asked: &Parameters) -> BTreeSet<String> {
    asked.iter().filter(|(name, _)| name.starts_with("M_")).flat_map(|(_, values)| values.clone()).collect()
}

/// The parameters that are repeated as they were sent.
fn parameters(request: &Element) -> Parameters {
    let parameters = request.child("request-parameters").into_iter().flat_map(|parent| parent.all("parameter"));
    let pair = |parameter: &Element| {
        let name = parameter.child("name")?.text.trim().to_owned();
        Some((name, parameter.all("value").map(|value| value.text.clone()).collect()))
    };
    parameters.filter_map(pair).collect()
}

fn options(request: &Element) -> BTreeMap<String, String> {
    let options = request.child("other-parameters").into_iter().flat_map(|parent| parent.all("parameter"));
    let pair = |option: &Element| {
        Some((option.get("code")?.to_owned(), option.child("value").map(|value| value.text.trim().to_owned())?))
    };
    options.filter_map(pair).collect()
}

/// The variable of a parameter: `D77.V13` of `V_D77.V13_AND`.
fn variable(name: &str) -> &str {
    name.split_once('_').map_or(name, |(_, variable)| variable.trim_end_matches("_AND"))
}

/// Whether a parameter is a box in which codes are written, a line each, perhaps with descriptions behind them.
fn is_written(name: &str) -> bool {
    ["V13", "V15", "V16", "V26"].iter().any(|end| variable(name).ends_with(&format!(".{end}")))
}

/// A parameter's restriction: empty where there is none.
fn plain(name: &str, values: Option<&Vec<String>>) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for value in values.into_iter().flatten() {
        let lines = value.lines().map(str::trim).filter(|line| !line.is_empty() && *line != ALL && *line != NONE);
        for line in lines {
            match is_written(name) {
                true => codes.extend(line.split(" (").next().unwrap_or(line).split_whitespace().map(str::to_owned)),
                false => {
                    codes.insert(line.to_owned());
                }
            }
        }
    }
    // All infant ages are no restriction either.
    if name.ends_with(".V6") {
        codes.remove("00");
    }
    codes
}

/// What was chosen of each variable, by WONDER's account.
fn selections(request: &Element) -> BTreeMap<String, BTreeSet<String>> {
    let mut chosen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let variables = request.child("variable-selections").into_iter().flat_map(|parent| parent.all("variable"));
    for selected in variables {
        let Some(code) = selected.get("code") else { continue };
        let codes = selected.all("value").filter_map(|value| value.get("code")).map(str::to_owned);
        chosen.entry(code.trim_end_matches("_AND").to_owned()).or_default().extend(codes);
    }
    chosen
}

/// What the recipe chooses of each variable: in a finder, in a list, or in a box.
fn wanted_selections(asked: &Parameters) -> BTreeMap<String, BTreeSet<String>> {
    let mut chosen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, values) in asked.iter().filter(|(name, _)| name.starts_with("F_") || name.starts_with("V_")) {
        let codes = plain(name, Some(values));
        if !codes.is_empty() {
            chosen.entry(variable(name).to_owned()).or_default().extend(codes);
        }
    }
    chosen
}
