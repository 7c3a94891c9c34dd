//! What population files are taken for by the shipped declaration, and what is refused.

use super::*;
use crate::extract::delimited::tests::{capture, check_error, fixture};
use crate::extract::web_table::tests::{admit, rows};

const POPULATION: &str = "geo_population_county";
const CELLS: &[&str] = &["county_fips", "year", "population_basis", "population", "_record"];

#[track_caller]
fn check(file: &str, release: &str, grade: Grade, expected: &[&str]) {
    let page = fixture(&format!("{POPULATION}/{file}"));
    let slice = admit(POPULATION, &page).unwrap();
    assert_eq!((slice.release.as_ref().map(Release::as_str), slice.grade), (Some(release), grade));
    assert_eq!(rows(POPULATION, &page, CELLS), expected);
}

#[test]
fn a_line_becomes_a_row_for_each_year_and_basis_and_a_states_line_is_a_total() {
    let expected = [
        "35013|2010|census_2010|7|3",
        "35013|2010|estimates_base|8|3",
        "35013|2010|estimate_july_1|9|3",
        "35013|2016|estimate_july_1|10|3",
    ];
    check("co-est2016-latin-1.csv", "v2016", Grade::Publisher, &expected);
}

#[test]
fn a_copy_that_lost_a_letter_is_not_the_publishers_file() {
    let expected = [
        "35013|2010|census_2010|7|2",
        "35013|2010|estimates_base|8|2",
        "35013|2010|estimate_july_1|9|2",
        "35013|2016|estimate_july_1|10|2",
    ];
    check("co-est2016-letter-replaced.csv", "v2016-copy", Grade::Secondary, &expected);
}

#[test]
fn other_editions_have_other_years() {
    let expected =
        ["09110|2020|estimates_base|5|2", "09110|2020|estimate_july_1|6|2", "09110|2023|estimate_july_1|7|2"];
    check("co-est2023-other-years-crlf.csv", "v2023", Grade::Publisher, &expected);
}

#[test]
fn other_tables_are_refused() {
    let refused = |file: &str| admit(POPULATION, &fixture(&format!("{POPULATION}/refused/{file}")));
    check_error(refused("unknown-measure.csv"), Kind::Changed, &["`HOUSEHOLDS2016`"]);
    check_error(refused("no-levels.csv"), Kind::Changed, &["another table", "`SUMLEV`"]);
}

#[test]
fn the_captured_copy_sums_to_the_nation() {
    let Some(page) = capture("cdc/census/avizoetic_co-est2016-alldata.csv") else { return };
    assert_eq!(admit(POPULATION, &page).unwrap().grade, Grade::Secondary);
    let mut sums = BTreeMap::new();
    for row in rows(POPULATION, &page, &["year", "population_basis", "population"]) {
        let (what, population) = row.rsplit_once('|').unwrap();
        *sums.entry(what.to_owned()).or_insert(0) += population.parse::<u64>().unwrap();
    }
    assert_eq!(sums["2016|estimate_july_1"], 323_127_513);
    // The nation's count, but for Bedford's former city.
    assert_eq!(sums["2010|census_2010"], 308_745_538 - 6_222);
}
