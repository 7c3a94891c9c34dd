//! Columns that depend on what a layout has: a published product or its factors, and a word for the layout itself.

use super::*;

const COLUMNS: &str = "
    release = { id = 1, type = 'text', about = 'R.' }
    _capture = { id = 2, type = 'text', about = 'C.' }
    _record = { id = 3, type = 'integer', about = 'R.' }
    code = { id = 4, type = 'text', about = 'C.' }
    mass = { id = 5, type = { decimal = { precision = 38, scale = 18 } }, about = 'M.' }
    factor = { id = 6, type = { decimal = { precision = 9, scale = 4 } }, about = 'F.' }
    mme = { id = 7, type = { decimal = { precision = 38, scale = 18 } }, about = 'M.' }
    edition = { id = 8, type = 'text', about = 'E.' }
";

const PIPELINE: &str = "
    title = 'T'
    row = 'row'
    publisher = 'P'
    licence = 'L'
    citation = 'C'
    disclosure = 'none'
    schedule = '0 0 12 1 * *'
    period = 'code'
    evidence = [{ layout = 'x', proven = 'spec' }]
    column = [
      { name = 'code', from = ['CODE'], read = { digits = 4 } },
      { name = 'mass', from = ['MASS'] },
      { name = 'factor', from = ['FACTOR'], null = ['NA'] },
      { name = 'mme', null = ['NA'], rule = { product = { of = ['mass', 'factor'], times = '1000', unless = ['MME'] } } },
      { name = 'edition', rule = { by_header = [['OLD', 'the first'], ['MME', 'the second']] } },
    ]
    ignore = { OLD = 'a company' }
    [source]
    kind = 'delimited'
    [check]
    key = ['release', 'code']
    rows = { min = 1 }
";

/// The cells of the columns `code`, `mme` and `edition` of a row with these cells, and the faults.
fn read(cells: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let vocabulary = Vocabulary::parse(COLUMNS).unwrap();
    let dataset = Dataset::parse("x", PIPELINE, &vocabulary).unwrap();
    let columns = cells.iter().map(|(name, cell)| ((*name).to_owned(), vec![Some((*cell).to_owned())])).collect();
    let rows = batch(columns, vec![2]).unwrap();
    let normal = normalise(&dataset, &vocabulary, Grade::Publisher, &Digest::of("c"), &rows).unwrap();
    let options = FormatOptions::default().with_null("∅");
    let shown = ["code", "mme", "edition"].into_iter().filter(|_| normal.kept.num_rows() > 0).map(|name| {
        let column = normal.kept.column_by_name(name).unwrap();
        ArrayFormatter::try_new(column.as_ref(), &options).unwrap().value(0).to_string()
    });
    (shown.collect(), normal.rejected.iter().map(|fault| format!("{}: {}", fault.column, fault.rule)).collect())
}

#[track_caller]
fn check(cells: &[(&str, &str)], expected: [&str; 3]) {
    let (shown, faults) = read(cells);
    assert_eq!(shown, expected, "{faults:?}");
}

#[test]
fn a_published_product_is_taken_where_a_layout_has_it() {
    let factors = [("CODE", "9250"), ("MASS", "0.4378"), ("FACTOR", "4")];
    check(&factors, ["9250", "1751.200000000000000000", "∅"]);
    check(&[&factors[..], &[("OLD", "x")]].concat(), ["9250", "1751.200000000000000000", "the first"]);
    check(&[&factors[..], &[("MME", "1751.4")]].concat(), ["9250", "1751.400000000000000000", "the second"]);
    // Where it is null, the publisher's rule gives it.
    check(&[&factors[..], &[("MME", "NA")]].concat(), ["9250", "1751.200000000000000000", "the second"]);
    check(&[&factors[..], &[("MME", "")]].concat(), ["9250", "1751.200000000000000000", "the second"]);
    check(&[("CODE", "9250"), ("MASS", "0.4378"), ("FACTOR", "NA"), ("MME", "NA")], ["9250", "∅", "the second"]);
    let (_, faults) = read(&[&factors[..], &[("MME", "many")]].concat());
    assert_eq!(faults, ["mme: not a decimal number"]);
}

#[test]
fn a_letter_is_cut_off_a_code_of_so_many_digits_and_nothing_else_is() {
    for (printed, code) in
        [("9250B", "9250"), ("9143", "9143"), ("2270D", "2270"), ("92500B", "92500B"), ("925B", "925B")]
    {
        let (shown, _) = read(&[("CODE", printed), ("MASS", "1"), ("FACTOR", "1")]);
        assert_eq!(shown[0], code, "{printed}");
    }
}
