use super::*;
use crate::testing::Tiny;

const CHART: &str = r#"
title = "Murders"
kind = "bar"
status = "status"
source = ["FBI"]
alt = "Two bars and a gap."
x = { column = "year", label = "Year" }
y = { column = "murder", label = "Murders" }
"#;

const SQL: &str = "SELECT year, murder, CASE WHEN murder IS NULL THEN 'not published' ELSE 'reported' END AS status
FROM cities ORDER BY year NULLS LAST";

fn tiny() -> Tiny {
    let tiny = Tiny::new();
    tiny.commit_as("cities", "c1", "city,year,murder\nPortland,2013,14\nPortland,2014,\nPortland,2016,14", "secondary");
    tiny
}

fn spec() -> Spec {
    Spec::parse("murders", CHART, SQL).unwrap()
}

#[test]
fn the_same_data_give_the_same_bytes_in_any_snapshot_of_any_warehouse() {
    let first = tiny();
    let one = build(&first.session(), &spec()).unwrap();
    let second = tiny();
    second.commit("deaths", "d1", "state_fips,year,deaths\n01,2015,12");
    let two = build(&second.session(), &spec()).unwrap();
    assert_eq!((&one.svg, &one.png, &one.csv, &one.inputs), (&two.svg, &two.png, &two.csv, &two.inputs));
    assert_eq!((&one.phone, &one.parquet), (&two.phone, &two.parquet));
    assert!(one.phone.contains("width=\"400\"") && one.svg.contains("width=\"960\""));
    assert_eq!((one.receipt.snapshot, two.receipt.snapshot), (1, 2));
    assert_eq!(one.csv, b"year,murder,status\n2013,14,reported\n2014,,not published\n2016,14,reported\n");
}

#[test]
fn the_inputs_are_the_declaration_and_the_parts() {
    let tiny = tiny();
    let session = tiny.session();
    let inputs = |spec: &Spec| build(&session, spec).unwrap().inputs;
    let base = inputs(&spec());
    assert_eq!(base, inputs(&spec()));
    assert_ne!(base, inputs(&Spec::parse("murders", &CHART.replace("Murders\"", "Homicides\""), SQL).unwrap()));
    assert_ne!(base, inputs(&Spec::parse("murders", CHART, &format!("{SQL} ")).unwrap()));
    tiny.commit("cities", "c2", "city,year,murder\nPortland,2017,24");
    assert_ne!(base, build(&tiny.session(), &spec()).unwrap().inputs);
}

#[test]
fn a_drawing_says_where_it_comes_from() {
    let tiny = tiny();
    let drawn = build(&tiny.session(), &spec()).unwrap();
    for text in [
        "<item key=\"figure\">murders</item>",
        &format!("<item key=\"inputs\">sha256:{}</item>", drawn.inputs),
        "<item key=\"origin\">replica</item>",
        "<item key=\"licence of cities\">U.S. Government work</item>",
        "<item key=\"credit of cities\">FBI, Cities</item>",
        "<item key=\"secondary source 1\">cities c1: the note of cities</item>",
        crate::PROGRAM,
        "Secondary source: cities c1: the note of cities.",
    ] {
        assert!(drawn.svg.contains(text), "{text}\n{}", drawn.svg);
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let error = Spec::parse("murders", &CHART.replace("alt", "alternative"), SQL).unwrap_err();
    assert!(error.to_string().contains("warehouse/figures/murders/figure.toml"), "{error}");
    let error = Spec::parse("murders", CHART, "SELECT year::INT FROM cities").unwrap_err();
    assert!(error.to_string().contains("warehouse/figures/murders/query.sql: `::` is not portable SQL"), "{error}");
    let spec = Spec::parse("murders", &CHART.replace("\"murder\"", "\"murders\""), SQL).unwrap();
    let tiny = tiny();
    let error = build(&tiny.session(), &spec).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("column `murders`"), "{source}");
}

#[test]
fn a_small_count_below_the_nation_is_not_drawn() {
    let tiny = tiny();
    tiny.commit("deaths", "d1", "state_fips,year,deaths\n01,2015,12\n02,2015,9");
    let chart = CHART
        .replace("status = \"status\"", "")
        .replace("\"year\"", "\"state_fips\"")
        .replace("\"murder\"", "\"deaths\"");
    let spec = Spec::parse("deaths", &chart, "SELECT state_fips, deaths FROM deaths ORDER BY 1 NULLS LAST").unwrap();
    let error = build(&tiny.session(), &spec).unwrap_err();
    assert_eq!(error.kind(), Kind::CheckFailed);
    assert!(error.to_string().contains("figure `deaths`: row 2, column `deaths`"), "{error}");
}

#[test]
fn what_is_not_loaded_is_said() {
    let sql = "SELECT cities.year, cities.murder, CASE WHEN cities.murder IS NULL THEN 'not published' END AS status
FROM cities LEFT JOIN nation ON nation.year = cities.year AND nation.deaths < 0 ORDER BY cities.year NULLS LAST";
    let drawn = build(&tiny().session(), &Spec::parse("murders", CHART, sql).unwrap()).unwrap();
    assert!(drawn.svg.contains(">Of its data not loaded: nation.</text>"), "{}", drawn.svg);
    let other = Tiny::new();
    other.commit("nation", "r1", "year,deaths\n2014,100");
    let error = build(&other.session(), &spec()).unwrap_err();
    assert_eq!(error.to_string(), "figure `murders` cannot be drawn; of its data not loaded: cities");
}

#[test]
fn a_changed_number_is_named_by_row_and_column() {
    let before = tiny();
    let spec = spec();
    let one = build(&before.session(), &spec).unwrap();
    let after = Tiny::new();
    after.commit_as(
        "cities",
        "c1",
        "city,year,murder\nPortland,2013,14\nPortland,2014,\nPortland,2016,16",
        "secondary",
    );
    let two = build(&after.session(), &spec).unwrap();
    let moves = moved(&spec.chart.key(), &one.csv, &two.csv).unwrap();
    assert_eq!(moves.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2016, murder: 14 → 16"]);
    assert!(one.svg != two.svg && one.phone != two.phone && one.png != two.png && one.parquet != two.parquet);
}

#[test]
fn the_shipped_figures_can_be_read() {
    macro_rules! shipped {
        ($id:literal) => {
            Spec::parse(
                $id,
                include_str!(concat!("../../../../warehouse/figures/", $id, "/figure.toml")),
                include_str!(concat!("../../../../warehouse/figures/", $id, "/query.sql")),
            )
            .unwrap()
        };
    }
    assert_eq!(shipped!("opioid-deaths-vs-dispensing-2015").chart.highlight, ["WV", "AL"]);
    assert_eq!(shipped!("portland-homicides").chart.status.as_deref(), Some("status"));
    assert_eq!(shipped!("dispensing-counties-map-2015").chart.key(), ["county_fips"]);
    assert_eq!(shipped!("overdose-death-rates-2015").chart.key(), ["name"]);
    assert_eq!(shipped!("dispensing-alabama-neighbours").chart.key(), ["name", "year"]);
}
