//! Two releases and two snapshots, by rows whose changes are known beforehand.

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
fn what_is_not_there_is_named() {
    let tiny = Tiny::new();
    tiny.commit("cities", "r1", "city,year,murder\nPortland,2013,14");
    let id = "cities".parse().unwrap();
    let (here, gone) = (side(&tiny, 1, Some("r1")), side(&tiny, 1, Some("r9")));
    let error = between(&tiny.warehouse, &id, (&here, &gone), &tiny.datasets, &tiny.vocabulary, 0).unwrap_err();
    assert_eq!(error.kind(), model::Kind::Usage);
    assert!(error.hint_text().unwrap().contains("r1"), "{error}");
}
