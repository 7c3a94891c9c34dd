//! What is told of a figure's and a cell's origins, and what is not told.

use super::*;
use crate::testing::Tiny;

fn key(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_cell_is_followed_to_its_record() {
    let tiny = Tiny::new();
    let text = "city,year,murder\nSalem,2014,2\nPortland,2014,26";
    tiny.commit("cities", "r1", text);
    let session = tiny.session();
    let portland = key(&[("city", "Portland"), ("year", "2014")]);
    let found = cell(&session, &tiny.datasets, "cities", "murder", &portland).unwrap();
    let told = found.cell.unwrap();
    assert_eq!((told.value.as_deref(), told.record), (Some("26"), Some(2)));
    assert!(told.rule.unwrap().contains("Murder"), "the publisher's header");
    let [source] = found.sources.as_slice() else { panic!("{:?}", found.sources) };
    assert_eq!(source.captures[0].sha256, Digest::of(text));
    assert_eq!(source.captures[0].url, "https://publisher.example/cities");
    assert_eq!(source.captures[0].fetched.as_deref(), Some("1970-01-01T00:00:00Z"));

    for (table, column, key, words) in [
        ("cities", "murder", key(&[("year", "2014")]), "more than one row"),
        ("cities", "murder", key(&[("city", "Bend")]), "no row"),
        ("cities", "nothing", key(&[]), "no column"),
        ("nothing", "murder", key(&[]), "no table"),
    ] {
        let error = cell(&session, &tiny.datasets, table, column, &key).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_correction_is_told_for_the_editions_and_columns_that_it_is_of() {
    let text = include_str!("../../../../pipelines/fbi_estimated_offenses_state.toml");
    let told = |column: &str, release: &str| declared_as(text, column, column, release).1.concat();
    assert!(told("state_fips", "2023").contains("North Carolina has a row of its own"));
    assert_eq!(told("homicide", "2023"), "");
    assert_eq!(declared_as(text, "nothing", "nothing", "2023"), (None, Vec::new()));
}

#[test]
fn a_small_count_below_the_nation_is_not_shown_and_its_origin_is() {
    let tiny = Tiny::new();
    tiny.commit("deaths", "r1", "state_fips,year,deaths,crude_rate_per_100k\n01,2014,7,1.5\n54,2014,70,15");
    tiny.commit("nation", "r1", "year,deaths\n2014,7");
    let session = tiny.session();
    let told = |table: &str, column: &str, pairs: &[(&str, &str)]| {
        let found = cell(&session, &tiny.datasets, table, column, &key(pairs)).unwrap();
        assert_eq!(found.sources.len(), 1);
        let cell = found.cell.unwrap();
        (cell.value, cell.not_shown)
    };
    for column in ["deaths", "crude_rate_per_100k"] {
        assert_eq!(told("deaths", column, &[("state_fips", "01")]), (None, Some(NOT_SHOWN)), "{column}");
    }
    // In every release alike.
    assert_eq!(told("deaths", "deaths", &[("state_fips", "01"), ("release", "r1")]), (None, Some(NOT_SHOWN)));
    assert_eq!(told("deaths", "deaths", &[("state_fips", "54")]), (Some("70".to_owned()), None));
    assert_eq!(told("nation", "deaths", &[("year", "2014")]), (Some("7".to_owned()), None));
    // What finds a row may not tell it either.
    let error = cell(&session, &tiny.datasets, "deaths", "state_fips", &key(&[("deaths", "7")])).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
}
