//! Requests against saved ones, the captured answer, and random tables printed as WONDER prints them.

use std::collections::BTreeSet;

use super::echo::differences;
use super::recipe::{Parameters, to_xml};
use super::xml::Element;
use super::*;
use crate::extract::delimited::tests::{capture, check_error, decode, fixture};

mod answers;
mod requests;
mod tables;

/// An extractor of one recipe, declared as in a pipeline.
fn one(recipe: &str) -> WonderApi {
    let text = format!("[[recipe]]\nname = \"r\"\nabout = \"a query\"\n{recipe}");
    toml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[track_caller]
fn refuse_recipe(recipe: &str, words: &[&str]) {
    let text = format!("[[recipe]]\nname = \"r\"\nabout = \"a query\"\n{recipe}");
    let error = toml::from_str::<WonderApi>(&text).unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "`{word}` is not in: {error}");
    }
}

/// The recipe whose answer was captured.
const CAPTURED: &str = r#"
database = "D76"
group_by = ["year", "race"]
limit = { age_1_year = ["15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32", "33", "34", "35", "36", "37", "38", "39", "40", "41", "42", "43", "44"] }
ucd_groups = ["K00-K92"]
suppressed = false
"#;
