//! Ranges of rates and of counts, periods printed as words, dates in several formats.

use super::*;

const COLUMNS: &str = "
    release = { id = 1, type = 'text', about = 'R.' }
    _capture = { id = 2, type = 'text', about = 'C.' }
    _record = { id = 3, type = 'integer', about = 'R.' }
    bin_low = { id = 4, type = { decimal = { precision = 9, scale = 1 } }, about = 'L.' }
    bin_high = { id = 5, type = { decimal = { precision = 9, scale = 1 } }, about = 'H.' }
    deaths = { id = 6, type = 'integer', about = 'D.' }
    deaths_low = { id = 7, type = 'integer', about = 'L.' }
    deaths_high = { id = 8, type = 'integer', about = 'H.' }
    deaths_status = { id = 9, type = 'text', about = 'S.' }
    first = { id = 10, type = 'date', about = 'F.' }
    last = { id = 11, type = 'date', about = 'L.' }
    drawn = { id = 12, type = 'date', about = 'D.' }
";

const PIPELINE: &str = "
    title = 'T'
    row = 'row'
    publisher = 'P'
    licence = 'L'
    citation = 'C'
    disclosure = 'none'
    schedule = '0 0 12 1 * *'
    period = 'last'
    evidence = [{ layout = 'x', proven = 'spec' }]
    column = [
      { name = 'bin_low', rule = { range_bound = { from = ['BIN'] } } },
      { name = 'bin_high', rule = { range_bound = { from = ['BIN'], upper = true } } },
      { name = 'deaths', from = ['N'], withheld = { low = 1, high = 9, ranges = true } },
      { name = 'first', rule = { period_bound = { label = ['PERIOD'], months = ['MONTHS'] } } },
      { name = 'last', rule = { period_bound = { label = ['PERIOD'], months = ['MONTHS'], last = true } } },
      { name = 'drawn', from = ['DRAWN'], read = { dates = ['%Y-%m-%dT00:00:00.000', '%m/%d/%Y'] } },
    ]
    [source]
    kind = 'delimited'
    [check]
    key = ['release', 'last']
    rows = { min = 1 }
";

const ROW: &[(&str, &str)] =
    &[("BIN", "2-3.9"), ("N", "12"), ("PERIOD", "2019"), ("MONTHS", ""), ("DRAWN", "06/30/2024")];

fn run(header: &str, text: &str) -> Normal {
    let vocabulary = Vocabulary::parse(COLUMNS).unwrap();
    let dataset = Dataset::parse("x", PIPELINE, &vocabulary).unwrap();
    let columns = ROW.iter().map(|(name, cell)| {
        let text = if *name == header { text } else { cell };
        ((*name).to_owned(), vec![Some(text.to_owned())])
    });
    let batch = batch(columns.collect(), vec![7]).unwrap();
    normalise(&dataset, &vocabulary, Grade::Publisher, &Digest::of("c"), &batch).unwrap()
}

#[track_caller]
fn check(header: &str, text: &str, columns: &[&str], values: &[&str]) {
    let normal = run(header, text);
    assert!(normal.rejected.is_empty(), "{:?}", normal.rejected);
    let found: Vec<_> = columns.iter().map(|column| cell(&normal, column)).collect();
    assert_eq!(found, values, "{text}");
}

#[track_caller]
fn check_rejected(header: &str, text: &str, column: &str) {
    let normal = run(header, text);
    let [rejected] = normal.rejected.as_slice() else { panic!("{text}: {:?}", normal.kept) };
    assert_eq!(rejected.column, column, "{text}");
    assert!(rejected.raw.contains(text), "{} for {text}", rejected.raw);
}

#[test]
fn a_range_of_rates_has_two_ends_or_one() {
    for (text, low, high) in [
        ("2-3.9", "2.0", "3.9"),
        ("1.8–7.1", "1.8", "7.1"),
        ("5.8–5.8", "5.8", "5.8"),
        ("<2", "0.0", "2.0"),
        ("30+", "30.0", "null"),
        (">30", "30.0", "null"),
        ("", "null", "null"),
    ] {
        check("BIN", text, &["bin_low", "bin_high"], &[low, high]);
    }
    for text in ["4", "2-", "-3.9", "3.9-2", "2-3.95", "two to four", "<", "-1-2", "2-3-4"] {
        check_rejected("BIN", text, "bin_low");
    }
}

#[test]
fn a_range_of_counts_is_a_suppressed_count_between_its_ends() {
    let columns = ["deaths", "deaths_low", "deaths_high", "deaths_status"];
    check("N", "1-9", &columns, &["null", "1", "9", "suppressed"]);
    check("N", "10-50", &columns, &["null", "10", "50", "suppressed"]);
    check("N", "0", &columns, &["0", "0", "0", "reported"]);
    check("N", "", &columns, &["null", "null", "null", "missing"]);
    for text in ["9-1", "-9", "1-", "1–9", "few"] {
        check_rejected("N", text, "deaths");
    }
}

#[test]
fn a_period_is_a_year_or_two_months() {
    let months = |text| {
        let vocabulary = Vocabulary::parse(COLUMNS).unwrap();
        let dataset = Dataset::parse("x", PIPELINE, &vocabulary).unwrap();
        let cells = [("BIN", ""), ("N", "1"), ("PERIOD", "TTM"), ("MONTHS", text), ("DRAWN", "06/30/2024")];
        let columns = cells.map(|(name, cell)| (name.to_owned(), vec![Some(cell.to_owned())])).to_vec();
        let batch = batch(columns, vec![7]).unwrap();
        normalise(&dataset, &vocabulary, Grade::Publisher, &Digest::of("c"), &batch).unwrap()
    };
    check("PERIOD", "2020", &["first", "last"], &["2020-01-01", "2020-12-31"]);
    let twelve = months("March, 2023 to February, 2024");
    assert_eq!((cell(&twelve, "first"), cell(&twelve, "last")), ("2023-03-01".to_owned(), "2024-02-29".to_owned()));
    for text in ["", "03/2023 to 02/2024", "March, 2023", "February, 2024 to March, 2023"] {
        let normal = months(text);
        assert_eq!((normal.rejected.len(), normal.rejected[0].column.as_str()), (1, "first"), "{text}");
    }
    check_rejected("PERIOD", "20x9", "first");
}

#[test]
fn a_date_may_have_any_of_its_formats() {
    check("DRAWN", "2024-06-30T00:00:00.000", &["drawn"], &["2024-06-30"]);
    check("DRAWN", "06/30/2024", &["drawn"], &["2024-06-30"]);
    check_rejected("DRAWN", "30/06/2024", "drawn");
    check_rejected("DRAWN", "2024-06-30T12:00:00.000", "drawn");
}
