//! A mislabelled state, as published and as it should be.

use arrow::array::AsArray as _;
use model::column::Vocabulary;

use super::*;
use crate::extract::batch;

const COLUMNS: &str = "
    release = { id = 1, type = 'text', about = 'R.' }
    _capture = { id = 2, type = 'text', about = 'C.' }
    _record = { id = 3, type = 'integer', about = 'R.' }
    year = { id = 4, type = 'year', about = 'Y.' }
";

const PIPELINE: &str = "
    title = 'T'
    row = 'year'
    publisher = 'P'
    licence = 'L'
    citation = 'C'
    disclosure = 'none'
    schedule = '0 0 12 1 * *'
    period = 'year'
    evidence = []
    column = [{ name = 'year', from = ['year'] }]
    [source]
    kind = 'delimited'
    [[correction]]
    releases = ['2023']
    where = { year = '2022', name = 'North Dakota' }
    column = 'state'
    expect = 'NC'
    replace = 'ND'
    reason = 'North Carolina stands in another row.'
    [check]
    key = ['release', 'year']
    rows = { min = 1 }
";

fn dataset() -> Dataset {
    Dataset::parse("x", PIPELINE, &Vocabulary::parse(COLUMNS).unwrap()).unwrap()
}

/// Applies the corrections of an edition to rows of year, state and name, batch by batch.
fn correct(release: &str, batches: &[&[[&str; 3]]]) -> Result<(Vec<String>, Vec<Check>)> {
    correct_by(&dataset(), release, batches)
}

fn correct_by(dataset: &Dataset, release: &str, batches: &[&[[&str; 3]]]) -> Result<(Vec<String>, Vec<Check>)> {
    let mut corrections = Corrections::of(dataset, &release.parse()?);
    let mut states = Vec::new();
    for rows in batches {
        let column = |at: usize| rows.iter().map(|row| Some(row[at].to_owned())).collect::<Vec<_>>();
        let columns = ["year", "state", "name"].iter().enumerate().map(|(at, name)| ((*name).to_owned(), column(at)));
        let made = batch(columns.collect(), (1..=rows.len() as u64).collect())?;
        let made = corrections.apply(dataset, made)?;
        let column = made.column_by_name("state").unwrap().as_string::<i32>();
        states.extend(column.iter().map(|state| state.unwrap().to_owned()));
    }
    Ok((states, corrections.checks(dataset)?))
}

const CAROLINA: [&str; 3] = ["2022", "NC", "     North Carolina"];
const MISLABELLED: [&str; 3] = ["2022", "NC", "     North Dakota"];
const RIGHT: [&str; 3] = ["2022", "ND", "     North Dakota"];
const EARLIER: [&str; 3] = ["2021", "ND", "North Dakota"];

#[test]
fn the_row_that_is_meant_is_put_right_wherever_it_stands() {
    for batches in [&[&[EARLIER, CAROLINA, MISLABELLED][..]][..], &[&[EARLIER], &[CAROLINA], &[MISLABELLED]]] {
        let (states, checks) = correct("2023", batches).unwrap();
        assert_eq!(states, ["ND", "NC", "ND"]);
        assert_eq!(checks.len(), 1);
        assert_eq!(checks[0].name, "correction of state");
        assert!(checks[0].saw.contains("`NC` replaced by `ND` where name is `North Dakota` and year is `2022`"));
    }
}

#[test]
fn other_editions_are_left_alone() {
    let (states, checks) = correct("2022", &[&[MISLABELLED]]).unwrap();
    assert_eq!((states.as_slice(), checks.len()), (&["NC".to_owned()][..], 0));
}

#[test]
fn a_correction_that_no_longer_matches_ends_the_run() {
    for (rows, words) in [
        (&[EARLIER, CAROLINA, RIGHT][..], "finds a row that says `ND` instead of `NC`"),
        (&[EARLIER, CAROLINA], "finds no row"),
        (&[MISLABELLED, MISLABELLED], "finds more than one row"),
    ] {
        let error = correct("2023", &[rows]).unwrap_err();
        assert_eq!(error.kind(), Kind::CheckFailed);
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().contains("from `NC` to `ND`"), "{error}");
    }
    let error = correct("2023", &[&[MISLABELLED], &[MISLABELLED]]).unwrap_err();
    assert!(error.to_string().contains("finds more than one row"), "{error}");
}

#[test]
fn editions_that_nobody_has_seen_are_corrected_where_they_have_the_error() {
    let text = PIPELINE.replace("releases = ['2023']", "releases = ['2023']\n    others = true");
    let dataset = Dataset::parse("x", &text, &Vocabulary::parse(COLUMNS).unwrap()).unwrap();
    let (states, checks) = correct_by(&dataset, "2024", &[&[EARLIER, CAROLINA, MISLABELLED]]).unwrap();
    assert_eq!(states, ["ND", "NC", "ND"]);
    assert!(checks[0].saw.starts_with("`NC` replaced by `ND`"), "{}", checks[0].saw);
    for rows in [&[EARLIER, CAROLINA, RIGHT][..], &[EARLIER]] {
        let (_, checks) = correct_by(&dataset, "2024", &[rows]).unwrap();
        assert!(checks[0].saw.starts_with("not needed"), "{}", checks[0].saw);
    }
    assert!(correct_by(&dataset, "2024", &[&[MISLABELLED, MISLABELLED]]).is_err());
    // Earlier editions have other columns.
    let other = batch(vec![("year".to_owned(), vec![Some("2016".to_owned())])], vec![1]).unwrap();
    let mut corrections = Corrections::of(&dataset, &"2016".parse().unwrap());
    assert_eq!(corrections.apply(&dataset, other.clone()).unwrap(), other);
    assert!(corrections.checks(&dataset).unwrap()[0].saw.starts_with("not needed"));
    // The edition that is known to have it must have it.
    assert!(correct_by(&dataset, "2023", &[&[RIGHT]]).is_err());
}
