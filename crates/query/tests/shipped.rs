//! The claims and figures that the project ships, over the warehouse that the demo makes.
//!
//! Needs such a warehouse: its root in TOLLHOUSE_DEMO_ROOT. The expected numbers were counted in the publishers' files.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test says no by panicking, and that it was skipped")]

use std::path::{Path, PathBuf};

use model::column::Vocabulary;
use model::dataset::Dataset;
use query::claim::{self, ClaimSet, Judgement, Outcome, Verdict};
use query::{Session, figures};
use store::Warehouse;

fn project() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(project().join(path)).unwrap()
}

/// A session over the demo's newest snapshot, or `None`, said aloud, where there is no demo.
fn session() -> Option<Session> {
    let Some(root) = std::env::var_os("TOLLHOUSE_DEMO_ROOT") else {
        eprintln!("skipped: TOLLHOUSE_DEMO_ROOT does not name a warehouse of the demo");
        return None;
    };
    let vocabulary = Vocabulary::parse(&read("warehouse/columns.toml")).unwrap();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(project().join("pipelines")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let datasets: Vec<Dataset> = files
        .iter()
        .map(|file| {
            let id = file.file_stem().unwrap().to_str().unwrap();
            Dataset::parse(id, &std::fs::read_to_string(file).unwrap(), &vocabulary).unwrap()
        })
        .collect();
    let warehouse = Warehouse::open(Path::new(&root)).unwrap();
    let head = warehouse.resolve(None).unwrap();
    Some(Session::open(&warehouse, head, &datasets, &vocabulary).unwrap())
}

#[track_caller]
fn check(found: &[Judgement], id: &str, verdict: Verdict, tests: &[(Outcome, &[(&str, &str)])]) {
    let judgement = found.iter().find(|judgement| judgement.id == id).unwrap();
    assert_eq!(judgement.verdict, verdict, "{}", judgement.reason);
    assert_eq!(judgement.tests.len(), tests.len(), "{id}");
    for (test, (outcome, numbers)) in judgement.tests.iter().zip(tests) {
        assert_eq!(test.outcome, *outcome, "{}", test.reason);
        for (column, value) in *numbers {
            let found = test.numbers.iter().find(|number| number.column == *column).unwrap();
            assert_eq!(found.value.as_deref(), Some(*value), "{id}: {column}");
        }
    }
}

/// The numbers of a few tests of each claim; `ops/check_claims.py` counts all of them in the publishers' files.
#[test]
fn the_article_of_2017_is_judged_by_the_publishers_numbers() {
    use Outcome::{Absent, Holds, NotLoaded, Refuted, Undetermined};
    let Some(session) = session() else { return };
    let set = ClaimSet::parse("citylab-2017", &read("warehouse/claims/citylab-2017.toml")).unwrap();
    let found = claim::judge(&session, &set).unwrap();
    let find = |id: &str| found.iter().find(|judgement| judgement.id == id).unwrap();
    let first = |first, second| [("first_state", "West Virginia"), ("first_rate", first), ("second_rate", second)];
    check(
        &found,
        "west-virginia-highest-2015",
        Verdict::Holds,
        &[
            (Holds, &first("41.50", "34.30")),
            (Holds, &first("39.30", "31.70")),
            (Holds, &first("41.49", "34.32")),
            (Holds, &first("36.02", "31.26")),
            (Holds, &first("34.11", "28.56")),
        ],
    );
    check(
        &found,
        "top-counties-both",
        Verdict::Refuted,
        &[
            (Refuted, &[("definitions", "19"), ("half", "3"), ("four", "0"), ("both_at_once", "0")]),
            (Refuted, &[("windows", "153"), ("half", "7"), ("four", "0"), ("both_at_once", "0")]),
            // Of ranges nobody knows which county is first within them.
            (Undetermined, &[("in_highest", "148"), ("of_west_virginia", "17")]),
        ],
    );
    let half = find("top-counties-half");
    assert_eq!(half.verdict, Verdict::HoldsInPart);
    let outcomes = |claim: &Judgement| {
        [Holds, Refuted, Undetermined, Absent]
            .map(|outcome| claim.tests.iter().filter(|test| !test.context && test.outcome == outcome).count())
    };
    assert_eq!(outcomes(half), [3, 17, 1, 1]);
    let four = find("top-counties-four");
    assert_eq!(four.verdict, Verdict::Refuted);
    assert_eq!(outcomes(four), [0, 20, 1, 1]);
    // Without the hole in West Virginia's deaths of 2009.
    let beside =
        |claim: &Judgement| claim.tests.iter().filter(|test| test.context).map(|test| test.outcome).collect::<Vec<_>>();
    assert_eq!((beside(half), beside(four)), (vec![Refuted], vec![Holds]));
    assert!(four.reason.starts_with("By 22 definitions: it holds by 0, does not by 20 and 2 leave it open. "));
    check(
        &found,
        "opioid-deaths-2015",
        Verdict::Holds,
        &[(Holds, &[("deaths", "33091")]), (Holds, &[("deaths", "33091")]), (Holds, &[("deaths", "33203")])],
    );
    check(
        &found,
        "twenty-years-earlier",
        Verdict::HoldsInPart,
        &[
            (NotLoaded, &[]),
            (Holds, &[("before", "8050"), ("after", "33091"), ("times", "4.11")]),
            (Refuted, &[("times", "3.63")]),
            (Refuted, &[("before", "16849"), ("after", "52404"), ("times", "3.11")]),
        ],
    );
    let reason = &find("twenty-years-earlier").tests[0].reason;
    assert!(reason.contains("no release of cdc_opioid_deaths_us that is loaded has the year 1995"), "{reason}");
    check(
        &found,
        "every-ten-minutes",
        Verdict::HoldsInPart,
        &[
            (Refuted, &[("minutes", "15.9")]),
            (Refuted, &[("minutes", "12.5")]),
            (Holds, &[("minutes", "10.0")]),
            (Refuted, &[("minutes", "12.4")]),
            (Refuted, &[("minutes", "8.2")]),
        ],
    );
    check(
        &found,
        "alabama-prescriptions",
        Verdict::Holds,
        &[
            (Holds, &[("years", "11"), ("least", "115.6"), ("most", "143.8"), ("rate_2016", "121.0")]),
            (Holds, &[("above", "12"), ("years", "18"), ("last_above", "2017")]),
        ],
    );
    assert_eq!(find("alabama-prescriptions").secondary.len(), 1);
    check(
        &found,
        "alabama-first",
        Verdict::HoldsInPart,
        &[
            (Holds, &[("years_first", "5"), ("best_before", "4"), ("worst_before", "4"), ("areas", "51")]),
            (Refuted, &[("years_first", "4"), ("another", "West Virginia")]),
        ],
    );
    check(
        &found,
        "portland-homicides",
        Verdict::Holds,
        &[(Holds, &[("homicides_2013", "14"), ("homicides_2016", "14")])],
    );
    // Agencies and incidents of the replica's master files are invented, and none of them is Portland's.
    check(
        &found,
        "portland-rise",
        Verdict::NotCheckable,
        &[
            (Absent, &[("oregon_cities_2015", "83"), ("table_2014", "not loaded"), ("homicides_2013", "14")]),
            (Absent, &[]),
            (Absent, &[]),
            (Absent, &[]),
        ],
    );
    check(
        &found,
        // What is known of the whole state is told beside, and decides nothing.
        "portland-fentanyl",
        Verdict::NotCheckable,
        &[(Absent, &[]), (Refuted, &[("most", "33")]), (Undetermined, &[("most", "55")])],
    );
    let of = |outcome, more, not, open| (outcome, [("certainly_more", more), ("certainly_not", not), ("open", open)]);
    let places = |id: &str, verdict, expected: &[(Outcome, [(&str, &str); 3])]| {
        let tests: Vec<(Outcome, &[(&str, &str)])> =
            expected.iter().map(|(outcome, numbers)| (*outcome, numbers.as_slice())).collect();
        check(&found, id, verdict, &tests);
    };
    let states = find("opioids-against-bullets-states");
    assert_eq!(states.verdict, Verdict::HoldsInPart, "{}", states.reason);
    let told: Vec<&str> = states.tests.iter().map(|test| test.reason.as_str()).collect();
    assert!(told[0].starts_with("in 11 of 50 certainly yes, in 28 certainly no, in 11 undetermined"), "{}", told[0]);
    assert!(told[1].starts_with("in 47 of 51 certainly yes, in 4 certainly no, in 0 undetermined"), "{}", told[1]);
    assert!(told[2].starts_with("in 35 of 51 certainly yes, in 3 certainly no, in 13 undetermined"), "{}", told[2]);
    places(
        // All drugs against guns, the last, is told beside.
        "opioids-against-bullets-counties",
        Verdict::Refuted,
        &[
            of(Refuted, "40", "85", "0"),
            of(Refuted, "85", "170", "0"),
            of(Undetermined, "182", "605", "2353"),
            of(Undetermined, "0", "19", "117"),
            of(Holds, "117", "19", "0"),
        ],
    );
    let cities = find("opioids-against-bullets-cities");
    assert_eq!(cities.verdict, Verdict::Refuted, "{}", cities.reason);
    let outcomes: Vec<Outcome> = cities.tests.iter().map(|test| test.outcome).collect();
    assert_eq!(outcomes, [Refuted, Undetermined, Holds, Holds, Holds], "{}", cities.reason);
    let untested = find("responsible-for-more-deaths");
    assert_eq!((untested.verdict, untested.tests.len()), (Verdict::NotCheckable, 0));
}

#[test]
fn what_follows_from_the_published_tables_is_counted() {
    let Some(session) = session() else { return };
    let found = query::disclosure::audit(&session).unwrap();
    let of_states = found.findings.iter().find(|finding| {
        let tables = finding.tables.each_ref().map(|dataset| dataset.as_str());
        finding.relation == "a place = sum of its places"
            && tables == ["cdc_opioid_deaths_us", "cdc_opioid_deaths_state"]
            && finding.class == "any_opioid"
    });
    let of_states = of_states.unwrap();
    assert_eq!((of_states.relations, of_states.withheld, of_states.follow), (18, 16, 4));
    // Where the county rows of 2006-2012 are loaded, four counties are left over by their states.
    let of_counties = found.findings.iter().find(|finding| {
        finding.relation.starts_with("a place, year by year")
            && finding.tables.each_ref().map(|dataset| dataset.as_str())
                == ["cdc_opioid_deaths_state", "cdc_opioid_deaths_county"]
    });
    if let Some(of_counties) = of_counties {
        assert_eq!(of_counties.follow, 4);
    }
}

#[track_caller]
fn draw(session: &Session, id: &str) -> String {
    let file = |name: &str| read(&format!("warehouse/figures/{id}/{name}"));
    let spec = figures::Spec::parse(id, &file("figure.toml"), &file("query.sql")).unwrap();
    let drawn = figures::build(session, &spec).unwrap();
    let again = figures::build(session, &spec).unwrap();
    assert_eq!((&drawn.svg, &drawn.png, &drawn.csv), (&again.svg, &again.png, &again.csv));
    assert_eq!((&drawn.phone, &drawn.parquet), (&again.phone, &again.parquet));
    for svg in [&drawn.svg, &drawn.phone] {
        assert_eq!(chart::faults(svg).unwrap(), Vec::<String>::new(), "{id}");
    }
    String::from_utf8(drawn.csv).unwrap()
}

#[test]
fn the_figures_are_drawn_from_the_publishers_numbers() {
    let Some(session) = session() else { return };
    let csv = draw(&session, "portland-homicides");
    assert_eq!(
        csv,
        "year,homicides,status\n2013,14,reported\n2014,,not loaded\n2015,,absent from the FBI's table\n2016,14,reported\n"
    );
    let csv = draw(&session, "opioid-deaths-vs-dispensing-2015");
    assert_eq!(csv.lines().count(), 52, "a header and 51 areas");
    assert!(csv.contains("\nWV,West Virginia,"), "{csv}");
    assert!(csv.contains(",36.023440000,reported\n"), "{csv}");
    assert!(csv.contains("\nAL,Alabama,125.000000000,"), "{csv}");
    let csv = draw(&session, "opioid-deaths-us");
    assert!(
        csv.contains("\nAny opioid,1999,8050,reported\n") && csv.contains("\nAny opioid,2015,33091,reported\n"),
        "{csv}"
    );
    let csv = draw(&session, "opioid-death-rates-map-2015");
    assert_eq!(csv.lines().count(), 52, "a header and 51 areas");
    assert!(csv.contains("\n54,West Virginia,36.023440000,reported\n"), "{csv}");
    let csv = draw(&session, "opioid-death-rates-three-states");
    assert_eq!(csv.lines().count(), 55, "a header and 18 years of three states");
    let csv = draw(&session, "dispensing-map-2015");
    assert!(csv.contains("\n01,Alabama,125.000000000,reported\n"), "{csv}");
    let csv = draw(&session, "dispensing-counties-map-2015");
    assert!(csv.contains("\n46113,\"Shannon, SD\",,no rate published\n"), "{csv}");
    let csv = draw(&session, "overdose-death-rates-2015");
    assert!(csv.starts_with("name,age_adjusted_rate_per_100k,ci_low,ci_high,status\nWest Virginia,"), "{csv}");
    let csv = draw(&session, "dispensing-alabama-neighbours");
    assert!(csv.contains("\nAlabama,2012,143.8") && csv.contains("\nAlabama,2006,115.6"), "{csv}");
    // A registration of 13,168,350 units and one of 419,310 at the same address are one pharmacy.
    let csv = draw(&session, "pharmacies-beside-peers");
    let units = |start: &str| {
        let row = csv.lines().find(|line| line.trim_start_matches('"').starts_with(start)).unwrap();
        row.rsplit(',').next().unwrap().to_owned()
    };
    for (start, of) in [("SAV-RITE", "13587660"), ("HURLEY DRUG", "8890370"), ("TUG VALLEY", "8827860")] {
        assert_eq!(units(start).parse::<f64>().unwrap().to_string(), of, "{csv}");
    }
    for id in ["opioid-deaths-for-each-firearm-death-2015", "hot-spots-map", "hot-spot-places"] {
        draw(&session, id);
    }
}
