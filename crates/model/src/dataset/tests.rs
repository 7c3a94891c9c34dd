//! Declarations that work, and mistakes in them.

use super::*;

const COLUMNS: &str = "
    release = { id = 1, type = 'text', about = 'R.' }
    _capture = { id = 2, type = 'text', about = 'C.' }
    _record = { id = 3, type = 'integer', about = 'R.' }
    year = { id = 4, type = 'year', about = 'Y.' }
    deaths = { id = 5, type = 'integer', about = 'D.' }
    deaths_low = { id = 6, type = 'integer', about = 'L.' }
    deaths_high = { id = 7, type = 'integer', about = 'H.' }
    deaths_status = { id = 8, type = 'text', about = 'S.' }
";

const PIPELINE: &str = "
    title = 'T'
    row = 'year'
    publisher = 'P'
    licence = 'L'
    citation = 'C'
    disclosure = 'nchs'
    schedule = '0 0 12 1 * *'
    period = 'year'
    evidence = [{ layout = 'x', proven = 'spec' }]
    [source]
    kind = 'delimited'
    [[column]]
    name = 'year'
    from = ['Year']
    [[column]]
    name = 'deaths'
    from = ['Deaths']
    withheld = { low = 0, high = 9, words = { Suppressed = 'suppressed' } }
    [check]
    key = ['release', 'year']
    rows = { min = 1 }
";

fn parse(text: &str) -> Result<Dataset> {
    Dataset::parse("x", text, &Vocabulary::parse(COLUMNS)?)
}

#[test]
fn a_withheld_count_makes_four_columns() {
    let dataset = parse(PIPELINE).unwrap();
    assert_eq!(
        dataset.columns(),
        ["release", "year", "deaths", "deaths_low", "deaths_high", "deaths_status", "_capture", "_record"]
    );
}

#[track_caller]
fn check(from: &str, to: &str, says: &str) {
    let error = parse(&PIPELINE.replacen(from, to, 1)).unwrap_err();
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    let text = format!("{error} {source}");
    assert!(text.contains(says), "{text}");
    assert!(text.contains("pipelines/x.toml"), "{text}");
}

#[test]
fn mistakes_are_named() {
    check("title = 'T'", "titel = 'T'", "titel");
    check("name = 'year'", "name = 'yaer'", "no column `yaer`");
    check("from = ['Year']", "", "needs either `from` or `rule`");
    check("name = 'deaths'", "name = 'year'", "declared twice");
    check("key = ['release', 'year']", "key = ['year']", "must begin with `release`");
    check("key = ['release', 'year']", "key = ['release', 'place']", "`place` is not a column");
    check("rows = { min = 1 }", "rows = { min = 1 }\ndistinct = { sex = 2 }", "`sex` is not a column");
    check("period = 'year'", "period = 'year'\n        series = ['drug']", "`drug` is not a column");
    check("kind = 'delimited'", "", "needs a `kind`");
    let filled = "rows = { min = 1 }\n        filled = [{ columns = ['sex'], most = 1 }]";
    check("rows = { min = 1 }", filled, "[[check.filled]]: `sex` is not a column");
}

const CORRECTION: &str = "[[correction]]
    releases = ['1999']
    where = { Year = '1998' }
    column = 'Deaths'
    expect = '1'
    replace = '2'
    reason = 'a slip'
    [check]";

#[test]
fn a_correction_says_where_and_why() {
    let with = PIPELINE.replacen("[check]", CORRECTION, 1);
    assert_eq!(parse(&with).unwrap().spec.correction.len(), 1);
    for (from, to, says) in [
        ("releases = ['1999']", "releases = []", "names no release"),
        ("where = { Year = '1998' }", "where = {}", "would find every row"),
        ("replace = '2'", "replace = '1'", "by itself"),
        ("reason = 'a slip'", "reason = ' '", "needs a reason"),
    ] {
        let error = parse(&with.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.to_string().contains("[[correction]] of `Deaths`"), "{error}");
    }
}
