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

const OPIOIDS: [&str; 3] =
    ["cms_opioid_prescribing_state", "cms_opioid_prescribing_county", "cms_opioid_prescribing_zip"];

#[test]
fn a_line_becomes_a_row_for_each_year_with_its_measures_side_by_side() {
    let columns = ["state_fips", "year", "prescribers", "opioid_prescribers", "opioid_claims", "claims", "_record"];
    let state = fixture("cms_opioid_prescribing_state/2013-2016-fill-down.csv");
    let slice = admit(OPIOIDS[0], &state).unwrap();
    assert_eq!((slice.release.as_ref().map(Release::as_str), slice.grade), (Some("2013-2016"), Grade::Secondary));
    let found = rows(OPIOIDS[0], &state, &columns);
    assert_eq!(found.len(), 8);
    assert_eq!(found[0], "13|2013|1001|501|2001|40001|3");
    // The number that the copy has in every later state is nobody's.
    assert_eq!(found[6..], ["13|2016|28363|∅|77|900|3", "15|2016|4228|∅|78|901|4"]);
}

#[test]
fn lines_may_end_in_carriage_returns_and_blank_is_not_zero() {
    let county = fixture("cms_opioid_prescribing_county/2013-2015-carriage-returns-blank.csv");
    let columns =
        ["county_fips", "year", "prescribers", "claims", "claims_status", "opioid_prescribing_rate", "_record"];
    let expected = [
        "01001|2013|1001|40001|reported|5.01|3",
        "51678|2013|∅|∅|not_shown|∅|4",
        "01001|2014|1000|40000|reported|5.00|3",
        "51678|2014|1000|40000|reported|5.00|4",
        "01001|2015|1001|40001|reported|5.01|3",
        "51678|2015|1001|40001|reported|5.01|4",
    ];
    assert_eq!(rows(OPIOIDS[1], &county, &columns), expected);
    let zip = fixture("cms_opioid_prescribing_zip/2013-2015-carriage-returns.csv");
    let slice = admit(OPIOIDS[2], &zip).unwrap();
    assert_eq!((slice.name.as_str(), slice.grade), ("zip-2013-2015", Grade::Secondary));
    let columns = ["zip", "state_fips", "year", "opioid_claims", "opioid_claims_status"];
    let expected = ["83120|56|2013|0|reported", "83120|56|2014|∅|not_shown", "83120|56|2015|0|reported"];
    assert_eq!(rows(OPIOIDS[2], &zip, &columns), expected);
}

#[test]
fn sheets_of_other_places_or_years_are_refused() {
    let refused = |id: &str, file: &str| admit(id, &fixture(file));
    let (state, zip) = (
        "cms_opioid_prescribing_state/2013-2016-fill-down.csv",
        "cms_opioid_prescribing_zip/2013-2015-carriage-returns.csv",
    );
    check_error(refused(OPIOIDS[0], zip), Kind::Changed, &["it covers 2013-2015, and not 2013-2016"]);
    check_error(refused(OPIOIDS[2], state), Kind::Changed, &["`2013_2016_Change in Opioid"]);
    check_error(refused(OPIOIDS[1], zip), Kind::Changed, &["no column `County Name`"]);
    let gap = "cms_opioid_prescribing_state/refused/a-measure-without-2014.csv";
    check_error(refused(OPIOIDS[0], gap), Kind::Changed, &["0 columns of 2014 for `claims`"]);
}

/// Control totals of the publisher: the nation's row, and the sum of the 51 areas.
#[test]
fn the_captured_sheets_say_what_the_publisher_says() {
    const NATION: [(i32, u64, u64); 4] = [
        (2013, 78_045_683, 1_342_096_654),
        (2014, 79_645_620, 1_386_374_879),
        (2015, 78_372_855, 1_418_618_875),
        (2016, 77_716_608, 1_452_978_228),
    ];
    // Sums of the cells of the captured sheets, counted with another program.
    for (kind, rows_of_2013, opioid_claims_2013) in
        [("state", 51, 78_045_683_u64), ("county", 3_085, 77_170_713), ("zip", 19_197, 77_178_126)]
    {
        let file = format!("arcos/cms_partd/opioid_mapping_tool_2013_2016_Prescriber_{kind}.csv");
        let Some(page) = capture(&file) else { return };
        let id = format!("cms_opioid_prescribing_{kind}");
        let found = rows(&id, &page, &["year", "opioid_claims", "claims"]);
        let of = |year: i32| found.iter().filter_map(move |row| row.strip_prefix(&format!("{year}|")));
        let sum = |year: i32, place: usize| -> u64 {
            of(year).filter_map(|row| row.split('|').nth(place)?.parse::<u64>().ok()).sum()
        };
        assert_eq!((of(2013).count(), sum(2013, 0)), (rows_of_2013, opioid_claims_2013), "{kind}");
        if kind == "state" {
            for (year, opioids, all) in NATION {
                assert_eq!((sum(year, 0), sum(year, 1)), (opioids, all), "{year}");
            }
        }
    }
}
