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
fn check(judgement: &Judgement, id: &str, verdict: Verdict, tests: &[(Outcome, &[(&str, &str)])]) {
    assert_eq!((judgement.id.as_str(), judgement.verdict), (id, verdict), "{}", judgement.reason);
    assert_eq!(judgement.tests.len(), tests.len());
    for (test, (outcome, numbers)) in judgement.tests.iter().zip(tests) {
        assert_eq!(test.outcome, *outcome, "{}", test.reason);
        for (column, value) in *numbers {
            let found = test.numbers.iter().find(|number| number.column == *column).unwrap();
            assert_eq!(found.value.as_deref(), Some(*value), "{column}");
        }
    }
}

#[test]
fn the_article_of_2017_is_judged_by_the_publishers_numbers() {
    let Some(session) = session() else { return };
    let set = ClaimSet::parse("citylab-2017", &read("warehouse/claims/citylab-2017.toml")).unwrap();
    let found = claim::judge(&session, &set).unwrap();
    let highest = |first, second| {
        [
            ("first_state", "West Virginia"),
            ("first_rate", first),
            ("second_state", "New Hampshire"),
            ("second_rate", second),
            ("areas", "51"),
        ]
    };
    check(
        &found[0],
        "west-virginia-highest-2015",
        Verdict::Holds,
        &[(Outcome::Holds, &highest("36.02", "31.26")), (Outcome::Holds, &highest("34.11", "28.56"))],
    );
    check(
        &found[1],
        "opioid-deaths-2015",
        Verdict::Holds,
        &[
            (Outcome::Holds, &[("deaths", "33091")]),
            (Outcome::Holds, &[("deaths_1999", "8050"), ("deaths_2015", "33091"), ("times", "4.11")]),
        ],
    );
    check(&found[2], "twenty-years-earlier", Verdict::NotCheckable, &[(Outcome::NotLoaded, &[])]);
    assert!(found[2].reason.contains("no release of cdc_opioid_deaths_us that is loaded has the year 1995"));
    check(
        &found[3],
        "alabama-prescriptions",
        Verdict::Holds,
        &[
            (Outcome::Holds, &[("years", "11"), ("least", "115.6"), ("most", "143.8"), ("rate_2016", "121.0")]),
            (Outcome::Holds, &[("years_first", "5"), ("best_before", "4"), ("worst_before", "4"), ("areas", "51")]),
        ],
    );
    assert!(found[3].reason.contains("SECONDARY source"), "{}", found[3].reason);
    assert_eq!(found[3].secondary.len(), 1, "{:?}", found[3].secondary);
    check(
        &found[4],
        "portland-homicides",
        Verdict::Holds,
        &[(Outcome::Holds, &[("homicides_2013", "14"), ("homicides_2016", "14")])],
    );
    check(
        &found[5],
        "portland-rise",
        Verdict::NotCheckable,
        &[(Outcome::Absent, &[("oregon_cities_2015", "83"), ("table_2014", "not loaded"), ("homicides_2013", "14")])],
    );
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
}
