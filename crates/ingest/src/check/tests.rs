//! Each check, passing and failing.

use std::sync::Arc;

use arrow::array::{Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use model::Digest;
use model::column::Vocabulary;

use super::*;

const COLUMNS: &str = "
    release = { id = 1, type = 'text', about = 'R.' }
    _capture = { id = 2, type = 'text', about = 'C.' }
    _record = { id = 3, type = 'integer', about = 'R.' }
    city = { id = 4, type = 'text', about = 'C.' }
    violent = { id = 5, type = 'integer', about = 'V.' }
    murder = { id = 6, type = 'integer', about = 'M.' }
    rape_new = { id = 7, type = 'integer', about = 'N.' }
    rape_old = { id = 8, type = 'integer', about = 'O.' }
";

const PIPELINE: &str = "
    title = 'T'
    row = 'city'
    publisher = 'P'
    licence = 'L'
    citation = 'C'
    disclosure = 'none'
    schedule = '0 0 12 1 * *'
    period = 'city'
    evidence = []
    column = [
      { name = 'city', from = ['City'] },
      { name = 'violent', from = ['V'] },
      { name = 'murder', from = ['M'] },
      { name = 'rape_new', from = ['N'] },
      { name = 'rape_old', from = ['O'] },
    ]
    [source]
    kind = 'delimited'
    [check]
    key = ['release', 'city']
    rows = { min = 2, may_shrink = 0.5 }
    total = ['violent']
    [[check.sum]]
    column = 'violent'
    of = ['murder', 'rape_new|rape_old']
    except = { '2015 / Eastpointe' = 'as printed' }
";

type Row = (&'static str, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

const GOOD: &[Row] = &[
    ("Ash", Some(3), Some(1), Some(2), None),
    ("Birch", Some(5), Some(1), None, Some(4)),
    ("Eastpointe", Some(9), Some(1), Some(2), None),
];

fn rows(rows: &[Row]) -> RecordBatch {
    let number = |get: fn(&Row) -> Option<i64>| -> ArrayRef { Arc::new(rows.iter().map(get).collect::<Int64Array>()) };
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let count = |name: &str| Field::new(name, DataType::Int64, true);
    RecordBatch::try_new(
        Arc::new(Schema::new(vec![
            text("release"),
            text("city"),
            count("violent"),
            count("murder"),
            count("rape_new"),
            count("rape_old"),
        ])),
        vec![
            Arc::new(StringArray::from(vec!["2015"; rows.len()])),
            Arc::new(rows.iter().map(|row| Some(row.0).filter(|city| !city.is_empty())).collect::<StringArray>()),
            number(|row| row.1),
            number(|row| row.2),
            number(|row| row.3),
            number(|row| row.4),
        ],
    )
    .unwrap()
}

struct Case {
    kept: Vec<Row>,
    total: i64,
    rejected: u64,
    before: Option<u64>,
}

fn good() -> Case {
    Case { kept: GOOD.to_vec(), total: 17, rejected: 0, before: None }
}

fn run(case: &Case) -> Result<Vec<Check>> {
    run_by(PIPELINE, case)
}

fn run_by(pipeline: &str, case: &Case) -> Result<Vec<Check>> {
    let dataset = Dataset::parse("x", pipeline, &Vocabulary::parse(COLUMNS).unwrap()).unwrap();
    let rejected = vec![
        Rejected {
            capture: Digest::of("c"),
            record: 12,
            column: "violent".to_owned(),
            rule: "not a whole number".to_owned(),
            raw: "many".to_owned(),
        };
        usize::try_from(case.rejected).unwrap()
    ];
    let kept = rows(&case.kept);
    let totals = rows(&[("", Some(case.total), None, None, None)]);
    let counts = Counts {
        read: case.kept.len() as u64 + 1 + case.rejected,
        kept: case.kept.len() as u64,
        totals: 1,
        rejected: case.rejected,
        ..Counts::default()
    };
    check(&Candidate {
        dataset: &dataset,
        name: "2015 all".to_owned(),
        kept: &kept,
        totals: &totals,
        rejected: &rejected,
        counts,
        before: case.before,
        min_rows: None,
    })
}

#[track_caller]
fn fails(case: &Case, says: &str) {
    let error = run(case).unwrap_err();
    assert_eq!(error.kind(), Kind::CheckFailed);
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn good_rows_pass_and_the_certificate_says_what_was_seen() {
    let passed = run(&good()).unwrap();
    let saw: Vec<_> = passed.iter().map(|check| format!("{}: {}", check.name, check.saw)).collect();
    assert_eq!(
        saw,
        [
            "conservation: read 4 = kept 3 + totals 1 + rejected 0",
            "rejected: 0, of 0 allowed",
            "rows: 3 (new), at least 2",
            "key: release, city unique",
            "total of violent: 1 of the publisher's totals equal the sums of their rows, 0 lie within the bounds of sums \
             with withheld rows, 0 cannot be compared",
            "sum of violent: holds in 2 of 3 rows, 1 declared exceptions",
        ]
    );
}

#[test]
fn too_few_rows_and_too_great_a_loss() {
    fails(&Case { kept: Vec::new(), total: 0, ..good() }, "it has 0 rows, and at least 2 are expected");
    fails(&Case { before: Some(7), ..good() }, "it shrank from 7 rows to 3");
    run(&Case { before: Some(6), ..good() }).unwrap();
}

#[test]
fn a_rejected_row_is_named() {
    fails(&Case { rejected: 1, ..good() }, "the first is record 12: violent `many` is not a whole number");
}

#[test]
fn a_key_that_repeats_or_is_null() {
    let mut case = good();
    case.kept.push(GOOD[0]);
    case.total += 3;
    fails(&case, "two rows have the key 2015 / Ash");
    case.kept[3].0 = "";
    fails(&case, "`city` is in the key, and null");
}

#[test]
fn the_publishers_total_must_be_the_sum() {
    fails(&Case { total: 18, ..good() }, "the publisher's total of `violent` (2015 / ) is 18, and the rows sum to 17");
    let mut withheld = good();
    withheld.kept[0].1 = None;
    withheld.total = 99;
    assert!(run(&withheld).unwrap().iter().any(|check| check.saw.contains("1 cannot be compared")));
}

#[test]
fn a_sum_that_breaks_is_an_error_unless_declared_and_a_stale_exception_is_one_too() {
    let mut case = good();
    case.kept[1].1 = Some(6);
    case.total = 18;
    fails(&case, "in 2015 / Birch, `violent` is 6 and its parts (murder, rape_new|rape_old) sum to 5");
    let mut mended = good();
    mended.kept[2].1 = Some(3);
    mended.total = 11;
    fails(&mended, "the declared exception 2015 / Eastpointe no longer breaks");
}

#[test]
fn an_edition_that_nobody_looked_at_may_have_so_many_slips() {
    let run = |release: &str, slips: &[&'static str]| {
        let text = format!("{PIPELINE}\n    looked_at = ['2015']\n    elsewhere = 1");
        let dataset = Dataset::parse("x", &text, &Vocabulary::parse(COLUMNS).unwrap()).unwrap();
        let mut kept = GOOD.to_vec();
        kept.extend(slips.iter().map(|city| (*city, Some(9), Some(1), Some(2), None)));
        let kept = rows(&kept);
        let candidate = Candidate {
            dataset: &dataset,
            name: format!("{release} all"),
            kept: &kept,
            totals: &rows(&[]),
            rejected: &[],
            counts: Counts::default(),
            before: None,
            min_rows: None,
        };
        row_sum(&candidate, &dataset.spec.check.sum[0])
    };
    assert_eq!(run("2014", &[]).unwrap().saw, "holds in 2 of 3 rows, 1 declared exceptions");
    let saw = run("2014", &["Cedar"]).unwrap().saw;
    let slip = "/ Cedar, `violent` is 9 and its parts (murder, rape_new|rape_old) sum to 3";
    assert!(
        saw.starts_with("holds in 2 of 4 rows, 1 declared exceptions; nobody has looked") && saw.ends_with(slip),
        "{saw}"
    );
    for (release, slips) in [("2014", &["Cedar", "Date"][..]), ("2015", &["Cedar"])] {
        let error = run(release, slips).unwrap_err();
        assert_eq!(error.kind(), Kind::CheckFailed);
        assert!(error.to_string().contains(slip), "{error}");
    }
}

#[test]
fn a_count_that_does_not_add_up_is_our_bug() {
    let dataset = Dataset::parse("x", PIPELINE, &Vocabulary::parse(COLUMNS).unwrap()).unwrap();
    let kept = rows(GOOD);
    let candidate = Candidate {
        dataset: &dataset,
        name: "2015 all".to_owned(),
        kept: &kept,
        totals: &rows(&[]),
        rejected: &[],
        counts: Counts { read: 4, kept: 3, ..Counts::default() },
        before: None,
        min_rows: None,
    };
    assert_eq!(check(&candidate).unwrap_err().kind(), Kind::Internal);
}

#[test]
fn an_extract_of_a_table_is_told_by_what_it_lacks() {
    let with = |least: u64| {
        let text = PIPELINE.replace("[check]", &format!("[check]\n    distinct = {{ city = {least} }}"));
        let dataset = Dataset::parse("x", &text, &Vocabulary::parse(COLUMNS).unwrap()).unwrap();
        let kept = rows(GOOD);
        let candidate = Candidate {
            dataset: &dataset,
            name: "2015 all".to_owned(),
            kept: &kept,
            totals: &rows(&[]),
            rejected: &[],
            counts: Counts { read: 3, kept: 3, ..Counts::default() },
            before: None,
            min_rows: None,
        };
        distinct(&candidate, "city", least)
    };
    assert_eq!(with(3).unwrap(), Check { name: "distinct city".to_owned(), saw: "3, at least 3".to_owned() });
    let error = with(4).unwrap_err();
    assert_eq!(error.kind(), Kind::CheckFailed);
    assert!(error.to_string().contains("`city` has 3 different values, and at least 4 are expected"), "{error}");
    assert!(error.hint_text().unwrap().contains("an extract is not the table"));
}

/// Checks rows of an edition of which at least one column must be filled in that of 2015.
fn filled_in(release: &str, rows_of_it: &[Row]) -> Result<Check> {
    let rule = "[[check.filled]]
        columns = ['rape_new', 'rape_old']
        most = 1
        least = 1
        least_in = ['2015']
        except = { '2015 / Birch' = 'as printed' }";
    let text = format!("{PIPELINE}\n    {rule}");
    let dataset = Dataset::parse("x", &text, &Vocabulary::parse(COLUMNS).unwrap()).unwrap();
    let kept = rows(rows_of_it);
    let candidate = Candidate {
        dataset: &dataset,
        name: format!("{release} all"),
        kept: &kept,
        totals: &rows(&[]),
        rejected: &[],
        counts: Counts::default(),
        before: None,
        min_rows: None,
    };
    filled(&candidate, &dataset.spec.check.filled[0])
}

#[test]
fn one_of_two_columns_is_filled_but_where_declared() {
    let neither = |city| (city, Some(3), Some(1), None, None);
    let saw = filled_in("2015", &[GOOD[0], neither("Birch")]).unwrap().saw;
    assert_eq!(saw, "at most 1 in every row, fewer than 1 in 1 rows, 1 of them declared exceptions");
    let refused = |release, rows: &[Row], says: &str| {
        let error = filled_in(release, rows).unwrap_err();
        assert_eq!(error.kind(), Kind::CheckFailed);
        assert!(error.to_string().contains(says), "{error}");
    };
    refused(
        "2015",
        &[neither("Ash"), neither("Birch")],
        "in 2015 / Ash, 0 of rape_new, rape_old are filled, and at least 1",
    );
    // Nobody has looked at the edition of 2014, so only the rule without exceptions holds there.
    let saw = filled_in("2014", &[neither("Ash")]).unwrap().saw;
    assert_eq!(saw, "at most 1 in every row, fewer than 1 in 1 rows, 0 of them declared exceptions");
    let both = ("Ash", Some(3), Some(1), Some(1), Some(1));
    refused("2014", &[both], "2 of rape_new, rape_old are filled, and 1 may be");
    refused("2015", GOOD, "the declared exception 2015 / Birch no longer breaks the rule that at least 1");
}

#[test]
fn rows_of_persons_may_repeat_where_that_is_declared_and_no_others() {
    let nullable = PIPELINE.replace("rows = {", "nullable = ['city']\nrows = {").replace("except = {", "#");
    let persons = nullable.replace("rows = {", "persons_may_repeat = true\nrows = {")
        + "\n[mask]\ncolumns = ['city']\nunless = 'city'\nis = []";
    let case = |cities: [&'static str; 3]| Case {
        kept: cities.iter().map(|city| (*city, Some(3), Some(1), Some(2), None)).collect(),
        total: 9,
        ..good()
    };
    let refused = |pipeline: &str, cities| run_by(pipeline, &case(cities)).unwrap_err().to_string();
    assert!(run_by(&persons, &case(["", "", "Ash"])).is_ok());
    assert!(refused(&persons, ["", "Ash", "Ash"]).contains("two rows have the key 2015 / Ash"));
    assert!(refused(&nullable, ["", "", "Ash"]).contains("two rows have the key"));
}

mod counted;
