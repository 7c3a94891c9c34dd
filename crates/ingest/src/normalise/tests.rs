//! Cells, words, bounds, persons and headers, over a small declaration.

mod layouts;
mod ranges;

use arrow::array::Array as _;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::*;
use crate::extract::batch;

const COLUMNS: &str = "
    release = { id = 1, type = 'text', about = 'R.' }
    _capture = { id = 2, type = 'text', about = 'C.' }
    _record = { id = 3, type = 'integer', about = 'R.' }
    buyer = { id = 4, type = 'text', about = 'B.' }
    activity = { id = 5, type = 'text', about = 'A.' }
    zip = { id = 6, type = 'zip', about = 'Z.' }
    deaths = { id = 7, type = 'integer', about = 'D.' }
    deaths_low = { id = 8, type = 'integer', about = 'L.' }
    deaths_high = { id = 9, type = 'integer', about = 'H.' }
    deaths_status = { id = 10, type = 'text', about = 'S.' }
    rate = { id = 11, type = { decimal = { precision = 9, scale = 3 } }, about = 'R.' }
    rate_status = { id = 12, type = 'text', about = 'S.' }
    day = { id = 13, type = 'date', about = 'D.' }
    year = { id = 14, type = 'year', about = 'Y.' }
    mass = { id = 15, type = { decimal = { precision = 38, scale = 18 } }, about = 'M.' }
    twice = { id = 16, type = { decimal = { precision = 38, scale = 18 } }, about = 'T.' }
    kind = { id = 18, type = 'text', about = 'K.' }
    known = { id = 19, type = 'text', about = 'K.' }
    percent = { id = 17, type = { decimal = { precision = 9, scale = 3 } }, about = 'P.' }
";

const PIPELINE: &str = "
    title = 'T'
    row = 'row'
    publisher = 'P'
    licence = 'L'
    citation = 'C'
    disclosure = 'none'
    schedule = '0 0 12 1 * *'
    period = 'year'
    evidence = [{ layout = 'x', proven = 'spec' }]
    column = [
      { name = 'buyer', from = ['BUYER', 'Buyer'], null = ['null'] },
      { name = 'activity', from = ['ACT'], null = ['null'] },
      { name = 'kind', from = ['WORD'], optional = true, trim = true, null = ['All'], words = { 'Hand guns' = 'handgun' } },
      { name = 'known', rule = { listed = { column = 'activity', is = ['CHAIN PHARMACY', 'KIOSK'], word = 'shop' } } },
      { name = 'zip', from = ['ZIP'], pad = 5, null = ['null'] },
      { name = 'deaths', from = ['N'], thousands = ',', when = { from = ['KIND'], is_not = ['percent'] }, withheld = { low = 1, high = 9, words = { Suppressed = 'suppressed', Missing = 'missing' }, explained_by = { from = ['WHY'], contains = { 'small' = 'suppressed', 'quality' = 'not_shown' } } } },
      { name = 'percent', from = ['N'], when = { from = ['KIND'], is = ['percent'] }, round = true },
      { name = 'rate', from = ['RATE'], status = { Unreliable = 'unreliable' } },
      { name = 'day', from = ['DAY'], read = { date = '%m%d%Y' } },
      { name = 'year', rule = { year_of = 'day' } },
      { name = 'mass', from = ['MASS'], null = ['null'] },
      { name = 'twice', rule = { product = { of = ['mass', 'rate'], times = '2' } } },
    ]
    [source]
    kind = 'delimited'
    [ignore]
    KIND = 'tells counts from percents'
    WHY = 'explains'
    [totals]
    from = ['ACT']
    is = ['Total']
    [mask]
    columns = ['buyer', 'zip']
    unless = 'activity'
    is = ['PHARMACY', 'Total']
    persons = ['MLP', 'PRACTITIONER']
    [check]
    key = ['release', 'buyer']
    rows = { min = 1 }
";

/// A good row, as upstream columns.
const ROW: &[(&str, &str)] = &[
    ("BUYER", "Corner Drug"),
    ("ACT", "PHARMACY"),
    ("ZIP", "2125"),
    ("N", "1,234"),
    ("KIND", "count"),
    ("WHY", ""),
    ("RATE", "1.5"),
    ("DAY", "01042007"),
    ("MASS", "3.0269999999999997"),
    ("WORD", "  Hand guns "),
];

fn run(columns: Vec<(&str, &str)>) -> Result<Normal> {
    let vocabulary = Vocabulary::parse(COLUMNS)?;
    let dataset = Dataset::parse("x", PIPELINE, &vocabulary)?;
    let columns = columns.into_iter().map(|(name, cell)| (name.to_owned(), vec![Some(cell.to_owned())])).collect();
    normalise(&dataset, &vocabulary, Grade::Publisher, &Digest::of("c"), &batch(columns, vec![7])?)
}

/// The good row with some cells changed.
fn changed(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut row = ROW.to_vec();
    for (name, cell) in changes {
        let place = row.iter().position(|(known, _)| known == name).unwrap();
        row[place].1 = cell;
    }
    row
}

fn cell(normal: &Normal, column: &str) -> String {
    let array = normal.kept.column_by_name(column).unwrap();
    if array.is_null(0) {
        return "null".to_owned();
    }
    ArrayFormatter::try_new(array.as_ref(), &FormatOptions::default()).unwrap().value(0).to_string()
}

#[track_caller]
fn check(changes: &[(&'static str, &'static str)], expected: &[(&str, &str)]) {
    let normal = run(changed(changes)).unwrap();
    assert_eq!((normal.kept.num_rows(), normal.rejected.len()), (1, 0), "{:?}", normal.rejected);
    for (column, value) in expected {
        assert_eq!(cell(&normal, column), *value, "{column}");
    }
}

#[test]
fn a_row_is_typed_and_exact() {
    check(
        &[],
        &[
            ("zip", "02125"),
            ("deaths", "1234"),
            ("deaths_low", "1234"),
            ("deaths_high", "1234"),
            ("deaths_status", "reported"),
            ("percent", "null"),
            ("rate", "1.500"),
            ("rate_status", "reported"),
            ("day", "2007-01-04"),
            ("year", "2007"),
            ("mass", "3.026999999999999700"),
            ("twice", "9.080999999999999100"),
            ("_record", "7"),
        ],
    );
}

#[test]
fn declared_words_are_ours_and_no_other_passes() {
    check(&[], &[("kind", "handgun")]);
    check(&[("WORD", " All")], &[("kind", "null")]);
    check(&[("WORD", " ")], &[("kind", "null")]);
    let normal = run(changed(&[("WORD", "Hand gun")])).unwrap();
    assert_eq!((normal.kept.num_rows(), normal.rejected.len()), (0, 1));
    let rejected = &normal.rejected[0];
    assert_eq!((rejected.rule.as_str(), rejected.raw.as_str()), ("not one of the declared words", "Hand gun"));
}

#[test]
fn suppressed_missing_and_zero_stay_three_things() {
    let status = |word| [("N", word)];
    check(&status("0"), &[("deaths", "0"), ("deaths_low", "0"), ("deaths_status", "reported")]);
    check(
        &status("Suppressed"),
        &[("deaths", "null"), ("deaths_low", "1"), ("deaths_high", "9"), ("deaths_status", "suppressed")],
    );
    check(&status("Missing"), &[("deaths", "null"), ("deaths_low", "null"), ("deaths_status", "missing")]);
    check(&status(""), &[("deaths", "null"), ("deaths_high", "null"), ("deaths_status", "missing")]);
}

#[test]
fn a_remark_says_why_a_cell_is_empty() {
    check(&[("N", ""), ("WHY", "withheld: small")], &[("deaths_status", "suppressed"), ("deaths_high", "9")]);
    check(&[("N", ""), ("WHY", "low quality")], &[("deaths_status", "not_shown"), ("deaths_high", "null")]);
}

#[test]
fn a_percent_in_the_same_column_is_no_count() {
    check(
        &[("KIND", "percent"), ("N", "99.52456")],
        &[("percent", "99.525"), ("deaths", "null"), ("deaths_status", "not_applicable")],
    );
}

#[test]
fn an_unreliable_rate_is_null_with_its_status() {
    check(&[("RATE", "Unreliable")], &[("rate", "null"), ("rate_status", "unreliable"), ("twice", "null")]);
}

#[test]
fn persons_lose_what_tells_who_they_are() {
    check(&[("ACT", "PRACTITIONER")], &[("buyer", "null"), ("zip", "null"), ("activity", "PRACTITIONER")]);
    check(&[("ACT", "null")], &[("buyer", "null"), ("zip", "null")]);
    check(&[("ACT", "NEW KIND OF BUYER")], &[("buyer", "null")]);
}

#[test]
fn a_listed_value_has_its_word_and_no_other_has() {
    check(&[("ACT", "CHAIN PHARMACY")], &[("known", "shop")]);
    check(&[("ACT", "CHAIN  PHARMACY")], &[("known", "null")]);
    check(&[("ACT", "null")], &[("known", "null")]);
}

#[test]
fn totals_are_not_rows() {
    let normal = run(changed(&[("ACT", "Total")])).unwrap();
    assert_eq!((normal.kept.num_rows(), normal.totals.num_rows()), (0, 1));
}

#[track_caller]
fn check_rejected(changes: &[(&'static str, &'static str)], column: &str, raw: &str) {
    let normal = run(changed(changes)).unwrap();
    assert_eq!(normal.kept.num_rows(), 0);
    let [rejected] = normal.rejected.as_slice() else { panic!("{:?}", normal.rejected) };
    assert_eq!((rejected.column.as_str(), rejected.raw.as_str(), rejected.record), (column, raw, 7));
}

#[test]
fn a_cell_that_is_not_what_its_column_says_rejects_its_row() {
    check_rejected(&[("N", "12.5")], "deaths", "12.5");
    check_rejected(&[("N", "-3")], "deaths", "-3");
    check_rejected(&[("N", "Supressed")], "deaths", "Supressed");
    check_rejected(&[("RATE", "1.0005")], "rate", "1.0005");
    check_rejected(&[("DAY", "13042007")], "day", "13042007");
    check_rejected(&[("MASS", "heavy")], "mass", "heavy");
}

#[test]
fn of_a_row_that_may_be_a_persons_quarantine_shows_nothing() {
    check_rejected(&[("ZIP", "12 Elm St")], "zip", "12 Elm St");
    for activity in ["PRACTITIONER", "MLP-NURSE", "DR JANE DOE", "null"] {
        check_rejected(&[("ACT", activity), ("ZIP", "12 Elm St")], "zip", "(masked)");
        check_rejected(&[("ACT", activity), ("N", "JANE DOE")], "deaths", "(masked)");
    }
}

#[test]
fn an_activity_that_nobody_knows_is_not_shown_itself() {
    for (activity, shown) in [
        ("PHARMACY", "PHARMACY"),
        ("PRACTITIONER", "PRACTITIONER"),
        ("MLP-NURSE", "MLP-NURSE"),
        ("MLPHERSON JANE", "null"),
        ("DR JANE DOE", "null"),
        ("null", "null"),
    ] {
        let normal = run(changed(&[("ACT", activity)])).unwrap();
        assert_eq!(cell(&normal, "activity"), shown, "{activity}");
    }
}

#[track_caller]
fn check_refused(columns: Vec<(&str, &str)>, says: &str) {
    let error = run(columns).unwrap_err();
    assert_eq!(error.kind(), Kind::Changed);
    assert!(error.to_string().contains(says), "{error}");
    assert!(error.hint_text().unwrap().contains("pipelines/x.toml"));
}

#[test]
fn a_header_that_vanished_and_one_that_came_are_named() {
    let without: Vec<_> = ROW.iter().copied().filter(|(name, _)| *name != "BUYER").collect();
    check_refused(without, "no header for `buyer` (accepted: BUYER, Buyer)");
    let mut with = ROW.to_vec();
    with.push(("NEW", "x"));
    check_refused(with, "headers that nothing maps: `NEW`");
    let renamed = ROW.iter().map(|(name, cell)| (if *name == "N" { "COUNT" } else { name }, *cell)).collect();
    check_refused(renamed, "`COUNT`");
}

#[test]
fn any_accepted_header_will_do() {
    let old = ROW.iter().map(|(name, cell)| (if *name == "BUYER" { "Buyer" } else { name }, *cell)).collect();
    assert_eq!(cell(&run(old).unwrap(), "buyer"), "Corner Drug");
}

#[test]
fn decimals_round_half_to_even_only_where_declared() {
    let read = |text, round| super::cell::decimal(text, 9, 2, round);
    for (text, rounded) in [
        ("1.005", 100),
        ("1.015", 102),
        ("1.0050001", 101),
        ("1.0149", 101),
        ("-1.015", -102),
        ("-1.005", -100),
        ("-0.009", -1),
        ("0.995", 100),
    ] {
        assert_eq!(read(text, true), Some(rounded), "{text}");
        assert_eq!(read(text, false), None, "{text}");
    }
    assert_eq!(read("1.0100", false), Some(101));
    assert_eq!(read("12", false), Some(1200));
    assert_eq!(read("12345678.00", false), None);
}

#[test]
fn an_owners_own_name_is_no_trade_name() {
    for (name, trade) in [
        ("DOE JANE III DBA HILLTOP FAMILY PHARMACY", Some("HILLTOP FAMILY PHARMACY")),
        ("DOE, JANE MARY DBA", None),
        ("DOE JANE M PROP", None),
        ("VALLEY REG HEALTHCARE INC, DBA HILLTOP PHARMACY", Some("VALLEY REG HEALTHCARE INC, DBA HILLTOP PHARMACY")),
        ("ABCD LLC DBA JANE'S PHARMACY", Some("ABCD LLC DBA JANE'S PHARMACY")),
        ("PROPER CARE PHARMACY", Some("PROPER CARE PHARMACY")),
        ("DOE", Some("DOE")),
    ] {
        assert_eq!(super::cell::trade_name(name).as_deref(), trade, "{name}");
    }
}
