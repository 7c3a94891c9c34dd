//! Repeats that are counted, the years of editions, and products that a publisher prints.

use arrow::array::{Decimal128Array, Int32Array};

use super::*;

const COLUMNS: &str = "
    release = { id = 1, type = 'text', about = 'R.' }
    _capture = { id = 2, type = 'text', about = 'C.' }
    _record = { id = 3, type = 'integer', about = 'R.' }
    year = { id = 4, type = 'year', about = 'Y.' }
    number = { id = 5, type = 'text', about = 'N.' }
    buyer = { id = 6, type = 'text', about = 'B.' }
    grams = { id = 7, type = { decimal = { precision = 38, scale = 18 } }, about = 'G.' }
    factor = { id = 8, type = { decimal = { precision = 9, scale = 4 } }, about = 'F.' }
    mme = { id = 9, type = { decimal = { precision = 38, scale = 18 } }, about = 'M.' }
";

const PIPELINE: &str = "
    title = 'T'
    row = 'sale'
    publisher = 'P'
    licence = 'L'
    citation = 'C'
    disclosure = 'none'
    schedule = '0 0 12 1 * *'
    period = 'year'
    evidence = []
    column = [
      { name = 'year', from = ['Y'] },
      { name = 'number', from = ['N'] },
      { name = 'buyer', from = ['B'] },
      { name = 'grams', from = ['G'] },
      { name = 'factor', from = ['F'] },
      { name = 'mme', from = ['M'] },
    ]
    mask = { columns = ['buyer'], unless = 'buyer', is = ['A', 'B'] }
    [source]
    kind = 'delimited'
    [check]
    key = ['release', 'year', 'number']
    nullable = ['number']
    repeats = 'counted'
    rows = { min = 1 }
    years = { r1 = [2006, 2012] }
    [[check.product]]
    column = 'mme'
    of = ['grams', 'factor']
    times = 1000
    digits = 4
    by = 'buyer'
    beyond = 0.2
";

/// Year, number, buyer, and grams, factor and product as text.
type Sale = (i32, Option<&'static str>, Option<&'static str>, [&'static str; 3]);

/// A tablet of ten grams.
const TEN: [&str; 3] = ["10", "1.5", "15000"];

fn decimals(texts: impl Iterator<Item = &'static str>, precision: u8, scale: i8) -> ArrayRef {
    use arrow::compute::kernels::cast_utils::parse_decimal;
    use arrow::datatypes::Decimal128Type;
    let values = texts.map(|text| parse_decimal::<Decimal128Type>(text, precision, scale).ok());
    Arc::new(values.collect::<Decimal128Array>().with_precision_and_scale(precision, scale).unwrap())
}

fn run(sales: &[Sale]) -> Result<Vec<Check>> {
    run_as("r1", sales)
}

fn run_as(release: &str, sales: &[Sale]) -> Result<Vec<Check>> {
    let dataset = Dataset::parse("x", PIPELINE, &Vocabulary::parse(COLUMNS).unwrap()).unwrap();
    let texts = |get: fn(&Sale) -> Option<&'static str>| -> ArrayRef {
        Arc::new(sales.iter().map(get).collect::<StringArray>())
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("release", Arc::new(StringArray::from(vec![release; sales.len()]))),
        ("year", Arc::new(sales.iter().map(|sale| Some(sale.0)).collect::<Int32Array>())),
        ("number", texts(|sale| sale.1)),
        ("buyer", texts(|sale| sale.2)),
        ("grams", decimals(sales.iter().map(|sale| sale.3[0]), 38, 18)),
        ("factor", decimals(sales.iter().map(|sale| sale.3[1]), 9, 4)),
        ("mme", decimals(sales.iter().map(|sale| sale.3[2]), 38, 18)),
    ];
    let kept =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap();
    let rows = sales.len() as u64;
    check(&Candidate {
        dataset: &dataset,
        name: format!("{release} all"),
        kept: &kept,
        totals: &kept.slice(0, 0),
        rejected: &[],
        counts: Counts { read: rows, kept: rows, ..Counts::default() },
        before: None,
        min_rows: None,
    })
}

fn saw<'a>(checks: &'a [Check], name: &str) -> &'a str {
    &checks.iter().find(|check| check.name.starts_with(name)).unwrap().saw
}

#[test]
fn repeats_are_kept_and_counted_and_persons_told_apart_from_others() {
    let once = run(&[(2006, Some("1"), Some("A"), TEN), (2006, Some("2"), Some("A"), TEN)]).unwrap();
    assert_eq!(saw(&once, "key"), "release, year, number: no row repeats another");
    let twice = run(&[
        (2006, Some("1"), Some("A"), TEN),
        (2006, Some("1"), Some("B"), TEN),
        (2006, Some("1"), None, TEN),
        (2007, Some("1"), None, TEN),
    ])
    .unwrap();
    assert_eq!(
        saw(&twice, "key"),
        "release, year, number: 2 rows repeat another, 1 of them a person's; all are kept. The first is r1 / 2006 / 1"
    );
}

#[test]
fn rows_without_a_number_repeat_only_what_is_like_them_in_everything() {
    let unlike = run(&[(2006, None, Some("A"), TEN), (2006, None, Some("B"), TEN)]).unwrap();
    assert_eq!(
        saw(&unlike, "key"),
        "release, year, number: no row repeats another; 2 rows have no number and are told apart by every column"
    );
    let alike = run(&[(2006, None, Some("A"), TEN), (2006, None, Some("A"), TEN)]).unwrap();
    assert!(saw(&alike, "key").contains("1 rows repeat another, 0 of them a person's"), "{alike:?}");
}

#[test]
fn an_edition_has_rows_of_its_own_years() {
    let good = run(&[(2006, Some("1"), Some("A"), TEN), (2012, Some("2"), Some("A"), TEN)]).unwrap();
    assert_eq!(saw(&good, "years"), "2006 to 2012, of 2006 to 2012");
    let late = [(2013, Some("1"), Some("A"), TEN)];
    let error = run(&late).unwrap_err();
    assert!(error.to_string().contains("the edition covers 2006 to 2012, and a row is of 2013"), "{error}");
    // Of another edition nothing is said.
    assert!(run_as("r2", &late).unwrap().iter().all(|check| check.name != "years"));
}

#[test]
fn a_printed_product_may_be_of_more_digits_than_are_printed() {
    // 0.43785 grams, printed with four digits; and the noise of a double.
    let rows = [
        (2006, Some("1"), Some("A"), ["0.4378", "4", "1751.4"]),
        (2006, Some("2"), Some("A"), ["9.081000000000001", "1", "9081.000000000002"]),
        (2006, Some("3"), Some("B"), TEN),
    ];
    let checks = run(&rows).unwrap();
    assert_eq!(
        saw(&checks, "mme is"),
        "holds in 2 of 3 rows; 1 differ, 0 of them by more than what rounding `grams` to 4 digits explains: \
         A 1 rows, 0.2 in all, 0.2 at most"
    );
    let mut wrong = rows.to_vec();
    wrong[2].3[2] = "15001";
    let error = run(&wrong).unwrap_err();
    assert!(error.to_string().contains("in 1 of 3 rows mme is grams × factor × 1000 is off by more than"), "{error}");
    // A few of many are told and let through.
    let many: Vec<Sale> = (0..5).map(|at| if at == 0 { wrong[2] } else { (2006, Some("x"), Some("B"), TEN) }).collect();
    let checks = run(&many).unwrap();
    assert!(saw(&checks, "mme is").contains("1 of them by more than"), "{checks:?}");
}
