//! Two releases and two snapshots, by rows whose changes are known beforehand.

use super::sizes::WITHHELD;
use super::*;
use crate::testing::Tiny;

fn side(tiny: &Tiny, number: u64, release: Option<&str>) -> Side {
    let snapshot = tiny.warehouse.reading(number).unwrap();
    Side { snapshot, release: release.map(|release| release.parse().unwrap()) }
}

fn compare(tiny: &Tiny, dataset: &str, before: &Side, after: &Side) -> Revisions {
    let id = dataset.parse().unwrap();
    between(&tiny.warehouse, &id, (before, after), &tiny.datasets, &tiny.vocabulary, 100).unwrap()
}

fn rows(revisions: &Revisions) -> [u64; 6] {
    ["added", "withdrawn", "changed", "newly_suppressed", "un_suppressed", "unchanged"]
        .map(|class| revisions.rows[class])
}

#[test]
fn two_releases_are_matched_by_the_key_without_the_release() {
    let tiny = Tiny::new();
    tiny.commit("cities", "cius-2013", "city,year,murder\nPortland,2013,14\nSalem,2013,2\nBend,2012,1");
    tiny.commit("cities", "cius-2014", "city,year,murder\nPortland,2013,15\nSalem,2013,2\nSalem,2014,4");
    let found = compare(&tiny, "cities", &side(&tiny, 2, Some("cius-2013")), &side(&tiny, 2, Some("cius-2014")));
    assert_eq!(rows(&found), [1, 1, 1, 0, 0, 1]);
    let [moved] = found.columns.as_slice() else { panic!("{:?}", found.columns) };
    assert_eq!((moved.column.as_str(), moved.rows, moved.sum.as_deref()), ("murder", 1, Some("1")));
    let lags: Vec<_> = found.lags.iter().map(|lag| (lag.lag.unwrap(), lag.class.as_str(), lag.rows)).collect();
    assert_eq!(lags, [(0, "added", 1), (1, "changed", 1), (2, "withdrawn", 1)]);
    let cells: Vec<_> = found
        .cells
        .iter()
        .map(|cell| format!("{} {:?} {:?} {:?}", cell.key, cell.column, cell.before, cell.after))
        .collect();
    assert_eq!(
        cells,
        [
            "city=Bend year=2012 None None None",
            "city=Portland year=2013 Some(\"murder\") Some(\"14\") Some(\"15\")",
            "city=Salem year=2014 None None None"
        ]
    );
}

#[test]
fn two_snapshots_share_what_neither_changed() {
    let tiny = Tiny::new();
    tiny.commit("cities", "r1", "city,year,murder\nPortland,2013,14\nSalem,2014,2");
    tiny.commit("cities", "r2", "city,year,murder\nPortland,2015,9");
    let found = compare(&tiny, "cities", &side(&tiny, 1, None), &side(&tiny, 2, None));
    assert_eq!(rows(&found), [1, 0, 0, 0, 0, 2]);
    let same = compare(&tiny, "cities", &side(&tiny, 2, None), &side(&tiny, 2, None));
    assert_eq!(rows(&same), [0, 0, 0, 0, 0, 3]);
    assert!(same.columns.is_empty() && same.lags.is_empty());
}

#[test]
fn of_withheld_counts_it_is_told_that_they_changed_and_not_by_how_much() {
    let tiny = Tiny::opioids();
    let header = "state_fips,year,drug,deaths,deaths_low,deaths_high,deaths_status,population\n";
    let before = "01,2015,any_opioid,282,282,282,reported,4858979
                  38,2015,any_opioid,,0,9,suppressed,756927
                  56,2015,any_opioid,21,21,21,reported,586107
                  41,2015,any_opioid,500,500,500,reported,4000000\n";
    let after = "01,2015,any_opioid,283,283,283,reported,4858979
                 38,2015,any_opioid,12,12,12,reported,756927
                 56,2015,any_opioid,,0,9,suppressed,586107
                 41,2015,any_opioid,500,500,500,reported,4000000\n";
    tiny.commit("cdc_opioid_deaths_state", "r1", &format!("{header}{before}"));
    tiny.commit("cdc_opioid_deaths_state", "r2", &format!("{header}{after}"));
    let found = compare(&tiny, "cdc_opioid_deaths_state", &side(&tiny, 2, Some("r1")), &side(&tiny, 2, Some("r2")));
    assert_eq!(rows(&found), [0, 0, 1, 1, 1, 1]);
    for moved in found.columns.iter().filter(|moved| moved.column != "deaths_status") {
        assert_eq!((&moved.sum, &moved.mean, &moved.largest), (&None, &None, &None), "{moved:?}");
        assert_eq!(moved.withheld, Some(WITHHELD));
    }
    let told = serde_json::to_string(&found).unwrap();
    for value in ["282", "283", "\"12\"", "\"21\"", "\"9\""] {
        assert!(!told.contains(value), "{value} is in {told}");
    }
    assert!(told.contains("suppressed") && told.contains(NOT_SHOWN), "{told}");
}

#[test]
fn numbers_that_nobody_withholds_are_told_by_age() {
    let tiny = Tiny::new();
    tiny.commit("cities", "cius-2013", "city,year,murder\nPortland,2013,14\nSalem,2013,2\nBend,2011,1\nBend,2013,");
    tiny.commit("cities", "cius-2014", "city,year,murder\nPortland,2013,15\nSalem,2013,7\nBend,2011,4\nBend,2013,3");
    let found = compare(&tiny, "cities", &side(&tiny, 2, Some("cius-2013")), &side(&tiny, 2, Some("cius-2014")));
    let sizes: Vec<_> = found
        .sizes
        .iter()
        .map(|aged| (aged.lag, aged.lag_to, aged.moved.rows, aged.moved.sum.as_deref(), aged.moved.largest.as_deref()))
        .collect();
    // Bend's of 2013 has nothing to be less than.
    assert_eq!(sizes, [(Some(0), Some(0), 3, Some("6"), Some("5")), (Some(2), Some(2), 1, Some("3"), Some("3"))]);
    assert_eq!(found.sizes[0].moved.mean.as_deref(), Some("3.0000"));
}

/// States' deaths in two releases: so many states by year that go up by one, with one withheld on one side in each year.
fn protected(years: &[(u32, usize)]) -> Revisions {
    let tiny = Tiny::opioids();
    let header = "state_fips,year,drug,deaths,deaths_low,deaths_high,deaths_status,population\n";
    let states: Vec<String> =
        (1..=56).filter(|code| ![3, 7, 14, 43, 52].contains(code)).map(|code| format!("{code:02}")).collect();
    let release = |more: u32| {
        let mut text = header.to_owned();
        for (year, rows) in years {
            for state in &states[..*rows] {
                let deaths = 100 + more;
                text += &format!("{state},{year},any_opioid,{deaths},{deaths},{deaths},reported,4000000\n");
            }
            text += &match more {
                0 => format!("{},{year},any_opioid,,0,9,suppressed,4000000\n", states[*rows]),
                _ => format!("{},{year},any_opioid,37,37,37,reported,4000000\n", states[*rows]),
            };
        }
        text
    };
    tiny.commit("cdc_opioid_deaths_state", "r1", &release(0));
    tiny.commit("cdc_opioid_deaths_state", "r2", &release(1));
    compare(&tiny, "cdc_opioid_deaths_state", &side(&tiny, 2, Some("r1")), &side(&tiny, 2, Some("r2")))
}

#[test]
fn of_withheld_counts_ages_stand_together_so_that_none_is_left_to_compute() {
    let found = protected(&[(2015, 5), (2014, 7), (2013, 20), (2012, 3)]);
    let told = |column: &str| -> Vec<_> {
        let of = found.sizes.iter().filter(|aged| aged.moved.column == column);
        of.map(|aged| (aged.lag.unwrap(), aged.lag_to.unwrap(), aged.moved.rows, aged.moved.sum.clone())).collect()
    };
    // One row more of each year differs, and has no count on one side.
    let sum = |text: &str| Some(text.to_owned());
    assert_eq!(told("deaths"), [(0, 1, 14, sum("12")), (2, 3, 25, sum("23"))]);
    let whole = found.columns.iter().find(|moved| moved.column == "deaths").unwrap();
    assert_eq!((whole.rows, whole.sum.as_deref(), whole.largest.as_deref()), (39, Some("35"), None));
    // The bounds of what was withheld would tell it.
    let bounds = found.sizes.iter().map(|aged| &aged.moved).chain(&found.columns);
    for moved in bounds.filter(|moved| moved.column == "deaths_low" || moved.column == "deaths_high") {
        assert!(moved.sum.is_none() && moved.mean.is_none() && moved.withheld.is_some(), "{moved:?}");
    }
}

#[test]
fn rows_that_have_a_count_on_one_side_only_are_no_cover_for_few_that_moved() {
    let found = protected(&[(2015, 1), (2014, 1), (2013, 1), (2012, 1), (2011, 1), (2010, 1)]);
    let deaths = |moved: &&Moved| moved.column == "deaths";
    let whole = found.columns.iter().find(deaths).unwrap();
    assert_eq!((whole.rows, &whole.sum, whole.withheld), (12, &None, Some(WITHHELD)));
    let [by_age] = found.sizes.iter().map(|aged| &aged.moved).filter(deaths).collect::<Vec<_>>()[..] else {
        panic!("{:?}", found.sizes)
    };
    assert_eq!((by_age.rows, &by_age.sum, by_age.withheld), (12, &None, Some(WITHHELD)));
}

#[test]
fn what_is_not_there_is_named() {
    let tiny = Tiny::new();
    tiny.commit("cities", "r1", "city,year,murder\nPortland,2013,14");
    let id = "cities".parse().unwrap();
    let (here, gone) = (side(&tiny, 1, Some("r1")), side(&tiny, 1, Some("r9")));
    let error = between(&tiny.warehouse, &id, (&here, &gone), &tiny.datasets, &tiny.vocabulary, 0).unwrap_err();
    assert_eq!(error.kind(), model::Kind::Usage);
    assert!(error.hint_text().unwrap().contains("r1"), "{error}");
}
