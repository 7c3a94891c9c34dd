use model::Kind;

use super::*;
use crate::testing::Tiny;

/// A set of one claim with the tests given, each as the keys of its table.
fn set(tests: &[&str]) -> ClaimSet {
    let tests: String = tests.iter().map(|test| format!("[[claim.test]]\n{test}\n")).collect();
    let text = format!(
        "title = 'T'\n[[claim]]\nid = 'c'\nnumber = 1\nstatement = 'S.'\ncitation = 'C.'\nnote = 'Read it so.'\n{tests}"
    );
    ClaimSet::parse("s", &text).unwrap()
}

const SUM: &str = "
    definition = 'The sum of all.'
    needs = [{ dataset = 'cities', year = 2015 }]
    sql = \"SELECT sum(murder) AS n FROM cities WHERE year = 2015\"
    holds = '{n:,} were counted'
    refuted = 'only {n} were counted'
";

fn tiny() -> Tiny {
    let tiny = Tiny::new();
    tiny.commit_as("cities", "c1", "city,year,murder\nPortland,2013,14\nSalem,2015,1000\nEugene,2015,", "secondary");
    tiny.commit("deaths", "d1", "state_fips,year,deaths\n01,2015,12\n02,2015,9\n04,2015,0");
    tiny.commit("nation", "n1", "year,deaths\n2015,9");
    tiny
}

#[track_caller]
fn check(tests: &[&str], verdict: Verdict, reason: &str) {
    let tiny = tiny();
    let judgements = judge(&tiny.session(), &set(tests)).unwrap();
    assert_eq!(judgements[0].verdict, verdict);
    assert!(judgements[0].reason.starts_with(reason), "{}", judgements[0].reason);
}

fn sum(expect: &str) -> String {
    format!("{SUM}\nexpect = [{{ column = 'n', {expect} }}]")
}

#[test]
fn numbers_that_are_as_expected_hold() {
    for expect in ["is = 1000", "is = 990, within = 0.02", "above = 999.9", "below = 1001"] {
        check(&[&sum(expect)], Verdict::Holds, "The sum of all: 1,000 were counted. Read it so. Rests on a SECONDARY");
    }
}

#[test]
fn numbers_that_are_not_refute() {
    for expect in ["is = 999", "is = 980, within = 0.02", "above = 1000", "below = 1000"] {
        check(&[&sum(expect)], Verdict::Refuted, "The sum of all: only 1000 were counted. Read it so.");
    }
}

#[test]
fn definitions_that_differ_hold_in_part() {
    let (yes, no) = (sum("is = 1000"), sum("is = 1"));
    check(&[&yes, &no], Verdict::HoldsInPart, "The sum of all: 1,000 were counted. The sum of all: only 1000");
}

/// Salem's row of some year; `present` tells absence.
fn place(city: &str, year: i32) -> String {
    format!(
        "definition = 'As printed'
         needs = [{{ dataset = 'cities', year = {year} }}]
         sql = \"\"\"SELECT sum(CASE WHEN city = '{city}' THEN 1 ELSE 0 END) AS found, count(*) AS cities,
                        max(CASE WHEN city = '{city}' THEN city END) AS city,
                        max(CASE WHEN city = '{city}' THEN murder END) AS n FROM cities WHERE year = {year}\"\"\"
         present = 'found'
         expect = [{{ column = 'n', is = 1000 }}, {{ column = 'city', is = 'Salem' }}]
         holds = 'found {{city}}'
         refuted = 'found {{city}} with {{n}}'
         absent = 'the table has {{cities}} cities and no {city}'"
    )
}

#[test]
fn a_year_that_is_not_loaded_is_not_a_row_that_is_absent() {
    check(&[&place("Salem", 2015)], Verdict::Holds, "As printed: found Salem.");
    check(
        &[&place("Salem", 2014)],
        Verdict::NotCheckable,
        "As printed: not checkable, not loaded: no release of cities that is loaded has the year 2014.",
    );
    check(
        &[&place("Portland", 2015)],
        Verdict::NotCheckable,
        "As printed: not checkable, absent: the table has 2 cities and no Portland.",
    );
    // A row without the value is absent as well.
    check(&[&place("Eugene", 2015)], Verdict::NotCheckable, "As printed: not checkable, absent:");
    let unknown = place("Salem", 2015).replace("dataset = 'cities'", "dataset = 'villages'");
    check(&[&unknown], Verdict::NotCheckable, "As printed: not checkable, not loaded: no release of villages");
    // What could not be tried here takes nothing from what could; a row that its publisher left out does.
    check(&[&place("Salem", 2015), &place("Salem", 2014)], Verdict::Holds, "As printed: found Salem. As printed: not");
    check(
        &[&place("Salem", 2015), &place("Portland", 2015)],
        Verdict::HoldsInPart,
        "As printed: found Salem. As printed: not checkable, absent",
    );
}

/// An interval from 5 to 10.
fn interval(expect: &str) -> String {
    format!(
        "definition = 'Within bounds'
         needs = [{{ dataset = 'cities' }}]
         sql = 'SELECT 5 AS least, 10 AS most, CAST(NULL AS INTEGER) AS none'
         expect = [{{ {expect} }}]
         holds = 'yes, {{least}} to {{most}}'
         refuted = 'no, {{least}} to {{most}}'
         undetermined = 'perhaps, {{least}} to {{most}}'"
    )
}

#[test]
fn what_is_known_within_bounds_holds_or_not_or_is_undetermined() {
    for (expect, verdict, reason) in [
        ("low = 'least', high = 'most', above = 4.9", Verdict::Holds, "yes, 5 to 10"),
        ("low = 'least', high = 'most', above = 5", Verdict::NotCheckable, "undetermined: perhaps, 5 to 10"),
        ("low = 'least', high = 'most', above = 9.9", Verdict::NotCheckable, "undetermined: perhaps, 5 to 10"),
        ("low = 'least', high = 'most', above = 10", Verdict::Refuted, "no, 5 to 10"),
        ("low = 'least', high = 'most', below = 10.1", Verdict::Holds, "yes, 5 to 10"),
        ("low = 'least', high = 'most', below = 10", Verdict::NotCheckable, "undetermined: perhaps, 5 to 10"),
        ("low = 'least', high = 'most', below = 5", Verdict::Refuted, "no, 5 to 10"),
        ("low = 'none', high = 'most', below = 5", Verdict::NotCheckable, "not checkable, absent: no, 5 to 10"),
    ] {
        check(&[&interval(expect)], verdict, &format!("Within bounds: {reason}. Read it so."));
    }
    let (yes, open) =
        (interval("low = 'least', high = 'most', above = 1"), interval("low = 'least', high = 'most', above = 7"));
    check(&[&yes, &open], Verdict::HoldsInPart, "Within bounds: yes, 5 to 10. Within bounds: undetermined: perhaps");
    let no = interval("low = 'least', high = 'most', above = 12");
    check(&[&no, &open], Verdict::Refuted, "Within bounds: no, 5 to 10. Within bounds: undetermined: perhaps");
}

#[test]
fn what_is_told_beside_decides_nothing() {
    let (no, beside) = (sum("is = 1"), format!("context = true\n{}", sum("is = 1000")));
    let reason =
        "The sum of all: only 1000 were counted. Told beside, without weight: The sum of all: 1,000 were counted.";
    check(&[&no, &beside], Verdict::Refuted, reason);
    check(&[&beside], Verdict::NotCheckable, "Told beside, without weight: The sum of all: 1,000 were counted.");
}

#[test]
fn many_definitions_are_summed_up_and_one_of_each_is_told() {
    let (yes, no) = (sum("is = 1000"), sum("is = 1"));
    let (open, untried) = (place("Portland", 2015), place("Salem", 2014));
    let beside = format!("context = true\n{yes}");
    check(
        &[&no, &yes, &no, &beside, &open, &untried],
        Verdict::HoldsInPart,
        "By 5 definitions: it holds by 1, does not by 2, 1 leaves it open and 1 could not be tried for want of data. \
         The sum of all: 1,000 were counted. The sum of all: only 1000 were counted. Read it so.",
    );
    check(
        &[&yes, &yes, &yes, &yes],
        Verdict::Holds,
        "By 4 definitions: it holds by 4 and does not by 0. The sum of all",
    );
    check(
        &[&open, &open, &untried, &untried],
        Verdict::NotCheckable,
        "By 4 definitions: it holds by 0, does not by 0, 2 leave it open and 2 could not be tried for want of data. \
         As printed: not checkable, absent: the table has 2 cities and no Portland. As printed: not checkable, not loaded:",
    );
}

#[test]
fn rows_that_are_needed_and_not_there_are_not_loaded() {
    let needs = |condition: &str| {
        sum("is = 1000").replace("year = 2015 }", &format!("year = 2015, where = \"{condition}\" }}"))
    };
    check(&[&needs("city = 'Salem'")], Verdict::Holds, "The sum of all: 1,000");
    check(
        &[&needs("city = 'Boise' or city = 'Reno'")],
        Verdict::NotCheckable,
        "The sum of all: not checkable, not loaded: no release of cities that is loaded has the year 2015 with city = 'Boise'",
    );
}

#[test]
fn a_dataset_that_is_read_and_not_loaded_leaves_the_other_claims_alone() {
    let tiny = Tiny::new();
    tiny.commit("cities", "c1", "city,year,murder\nSalem,2015,1000");
    let unloaded = sum("is = 1000").replace("sum(murder) AS n", "sum(murder) + (SELECT count(*) FROM nation) AS n");
    let judgements = judge(&tiny.session(), &set(&[&unloaded, &sum("is = 1000")])).unwrap();
    let outcomes: Vec<Outcome> = judgements[0].tests.iter().map(|test| test.outcome).collect();
    assert_eq!(outcomes, [Outcome::NotLoaded, Outcome::Holds]);
    assert_eq!(judgements[0].tests[0].reason, "nothing of nation is loaded");
}

#[test]
fn what_no_data_settle_says_why() {
    let text = "title = 'T'\n[[claim]]\nid = 'c'\nnumber = 11\nstatement = 'S.'\ncitation = 'C.'\nnot_checkable = 'Nobody counts it.'";
    let judgements = judge(&tiny().session(), &ClaimSet::parse("s", text).unwrap()).unwrap();
    assert_eq!((judgements[0].verdict, judgements[0].reason.as_str()), (Verdict::NotCheckable, "Nobody counts it."));
    assert!(judgements[0].tests.is_empty());
}

#[test]
fn a_judgement_carries_numbers_receipts_and_secondary_sources() {
    let tiny = tiny();
    let judgements = judge(&tiny.session(), &set(&[&sum("is = 1000")])).unwrap();
    let test = &judgements[0].tests[0];
    assert_eq!(test.numbers, [Number { column: "n".to_owned(), value: Some("1000".to_owned()) }]);
    let receipt = test.receipt.as_ref().unwrap();
    assert_eq!(receipt.captures[0].url, "https://publisher.example/cities");
    assert_eq!(judgements[0].secondary, ["cities c1: the note of cities"]);
    let json = serde_json::to_value(&judgements).unwrap();
    assert_eq!(json[0]["verdict"], "holds");
    assert_eq!(json[0]["tests"][0]["outcome"], "holds");
}

#[test]
fn a_small_count_below_the_nation_is_refused_and_not_printed() {
    let counts = |dataset: &str, state: &str| {
        format!(
            "definition = 'D'
             needs = [{{ dataset = '{dataset}' }}]
             sql = \"SELECT max(deaths) AS most_deaths FROM {dataset} {state}\"
             expect = [{{ column = 'most_deaths', above = 0 }}]
             holds = 'h'
             refuted = 'r'"
        )
    };
    let tiny = tiny();
    let session = tiny.session();
    let error = judge(&session, &set(&[&counts("deaths", "WHERE state_fips = '02'")])).unwrap_err();
    assert_eq!(error.kind(), Kind::CheckFailed);
    assert!(error.to_string().contains("`most_deaths` would show a count of 1-9 from deaths"), "{error}");
    for (dataset, state) in
        [("deaths", "WHERE state_fips = '01'"), ("deaths", "WHERE state_fips = '04'"), ("nation", "")]
    {
        assert!(judge(&session, &set(&[&counts(dataset, state)])).is_ok(), "{dataset} {state}");
    }
}

#[test]
fn mistakes_in_a_claim_are_named() {
    #[track_caller]
    fn refuse(test: &str, says: &str) {
        let text = format!(
            "title = 'T'\n[[claim]]\nid = 'c'\nnumber = 1\nstatement = 'S'\ncitation = 'C'\n[[claim.test]]\n{test}"
        );
        let tiny = tiny();
        let error = ClaimSet::parse("s", &text).and_then(|set| judge(&tiny.session(), &set)).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(format!("{error} {source}").contains(says), "{error} {source}");
        assert!(error.to_string().contains("warehouse/claims/s.toml"), "{error}");
    }
    refuse(&sum("is = 1").replace("needs", "need"), "need");
    refuse(&sum("is = 1, above = 2"), "exactly one of `is`, `above` and `below` of `n`");
    refuse(&sum("is = 'x', within = 0.1"), "`within` needs `is` with a number");
    refuse(&sum("is = 1").replace("sum(murder)", "sum(murder)::INT"), "`::` is not portable SQL");
    refuse(&sum("is = 1").replace("{n:,}", "{n:.2}"), "`{n:.2}` is not the name of a column");
    refuse(&sum("is = 1").replace("only {n}", "only {m}"), "returns no column `m`");
    refuse(&sum("is = 1").replace("column = 'n'", "column = 'm'"), "returns no column `m` (it returns n)");
    refuse(&sum("is = 1").replace("sum(murder)", "murder"), "returns 2 rows, and a test rests on exactly one");
    refuse(&sum("is = 1").replace("sum(murder)", "max(city)"), "a number is expected of it");
    refuse(&format!("{}\npresent = 'n'", sum("is = 1")), "needs both `present` and `absent`");
}

/// The claims that the project ships.
fn citylab() -> ClaimSet {
    ClaimSet::parse("citylab-2017", include_str!("../../../../warehouse/claims/citylab-2017.toml")).unwrap()
}

#[test]
fn the_shipped_claims_can_be_read() {
    let set = citylab();
    let ids: Vec<&str> = set.claims.iter().map(|claim| claim.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "west-virginia-highest-2015",
            "top-counties-both",
            "top-counties-half",
            "top-counties-four",
            "opioid-deaths-2015",
            "twenty-years-earlier",
            "every-ten-minutes",
            "alabama-prescriptions",
            "alabama-first",
            "portland-homicides",
            "portland-rise",
            "portland-fentanyl",
            "opioids-against-bullets-states",
            "opioids-against-bullets-counties",
            "opioids-against-bullets-cities",
            "responsible-for-more-deaths"
        ]
    );
}
