//! Macros: the few computations that everybody needs and easily gets wrong. They stand in `main` and need nothing of
//! ours, so plain DuckDB has them too. One that reads tables is a source of rows, and is there where they are declared.
//! `meta.macros` lists them.

use crate::sql::{Sheet, text};

/// A macro: how it is called, what it gives, and its body in DuckDB's SQL.
struct Macro {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    /// The views of `main` that it reads; with any it makes rows, without it makes a value.
    reads: &'static [&'static str],
    body: &'static str,
}

const MACROS: &[Macro] = &[
    // Exact: sums of integers. No row gives nulls, as `sum` does. DuckDB has no value between "nothing to add" and
    // "nothing known", which is why the status has to say which of them a row without bounds is.
    Macro {
        name: "sum_bounds",
        arguments: "low, high, status := 'missing'",
        about: "Aggregate: STRUCT(low BIGINT, high BIGINT), the least and the most that the sum of counts can be, as in \
                sum_bounds(deaths_low, deaths_high, deaths_status). Rows whose bounds are null add nothing where their \
                status is missing or not_applicable (there is nothing to count); any other status without bounds \
                (not_reported, withdrawn) leaves the sum without an upper bound: high is null. Without the third \
                argument every row without bounds adds nothing, so give it wherever a table has such rows.",
        reads: &[],
        body: "{
  'low': CAST(sum(low) AS BIGINT),
  'high': CASE WHEN count(*) FILTER (
    WHERE high IS NULL AND coalesce(status, '') NOT IN ('missing', 'not_applicable')
  ) = 0 THEN CAST(sum(high) AS BIGINT) END
}",
    },
    // Rounded as the pipelines' rule `rate_bound` rounds, by whole-number division: never narrower than the truth, and
    // no double on the way.
    Macro {
        name: "rate_bounds",
        arguments: "low, high, population, per := 100000",
        about: "STRUCT(low DECIMAL(18,9), high DECIMAL(18,9)): the bounds of a crude rate from whole-number bounds of its \
                count, low rounded down and high rounded up; of a row or of sums. Null where the population is null or \
                not positive. Only crude rates have bounds: an age-adjusted rate cannot be had from a count.",
        reads: &[],
        body: "CASE WHEN population > 0 AND (low IS NOT NULL OR high IS NOT NULL) THEN {
  'low': CAST(CAST(
    CAST(low AS HUGEINT) * CAST(per AS HUGEINT) * 1000000000 // CAST(population AS HUGEINT)
    AS DECIMAL(29,0)) * CAST('0.000000001' AS DECIMAL(9,9)) AS DECIMAL(18,9)),
  'high': CAST(CAST(
    (CAST(high AS HUGEINT) * CAST(per AS HUGEINT) * 1000000000 + CAST(population AS HUGEINT) - 1)
      // CAST(population AS HUGEINT)
    AS DECIMAL(29,0)) * CAST('0.000000001' AS DECIMAL(9,9)) AS DECIMAL(18,9))
} END",
    },
    Macro {
        name: "calendar_year",
        arguments: "period_end",
        about: "INTEGER: of a row that covers the twelve months to period_end (VSRR), the calendar year that it is, or null \
                where the period does not end on 31 December. Twelve-month totals of other months overlap.",
        reads: &[],
        body: "CASE WHEN EXTRACT(month FROM period_end) = 12 AND EXTRACT(day FROM period_end) = 31
THEN CAST(EXTRACT(year FROM period_end) AS INTEGER) END",
    },
    // An error ends the whole query: a sum that too few reported is no answer, and a null might be taken for one.
    Macro {
        name: "require_coverage",
        arguments: "value, received, possible, minimum",
        about: "The value, where at least the share `minimum` (0 to 1) of what was possible was received, as in \
                require_coverage(murder, agency_months_received, agency_months_possible, 0.9); of a row or of sums. Else, and \
                where it is not known, the query ends with an error that says how many of how many reported.",
        reads: &[],
        body: "CASE
  WHEN minimum BETWEEN 0 AND 1 AND possible > 0 AND received >= minimum * possible THEN value
  WHEN minimum IS NULL OR minimum NOT BETWEEN 0 AND 1
    THEN error('coverage: the minimum is a share between 0 and 1, such as 0.9')
  ELSE error('coverage: ' || coalesce(CAST(received AS VARCHAR), 'nobody knows how many') || ' of '
    || coalesce(CAST(possible AS VARCHAR), 'nobody knows how many') || ' were received, and at least the share '
    || CAST(minimum AS VARCHAR) || ' is asked for; leave out what is below, or say a lower share')
END",
    },
    Macro {
        name: "coverage_note",
        arguments: "received, possible, minimum",
        about: "VARCHAR: a remark to show beside a value where less than the share `minimum` (0 to 1) of what was possible was \
                received, or where that is not known; null where it is enough.",
        reads: &[],
        body: "CASE
  WHEN possible > 0 AND received >= minimum * possible THEN NULL
  WHEN possible > 0 AND received IS NOT NULL THEN 'only ' || CAST(received AS VARCHAR) || ' of ' || CAST(possible AS VARCHAR)
    || ' received (' || CAST(CAST(received AS HUGEINT) * 100 // CAST(possible AS HUGEINT) AS VARCHAR) || ' %)'
  ELSE 'coverage not known'
END",
    },
    // A code of another time is followed change by change, until one that was in force on that day. A code that came and
    // went between has nowhere to go, so no walk is longer than the table of changes.
    Macro {
        name: "county_at",
        arguments: "vintage",
        about: "Rows: county_fips, county_fips_at, how. The crosswalk to the county codes in force on the day `vintage`: for \
                every code that ever was one, the code of that day in which all of it lies, as in JOIN \
                county_at(DATE '2016-07-01') USING (county_fips). how is 'same', 'later' (the code came to an end before), \
                'earlier' (it came into being after) or 'none' (it was divided, or replaced by areas that cut across it: \
                county_fips_at is null, so that sums by it show what was left out).",
        reads: &["geo_counties", "geo_county_changes"],
        body: "WITH RECURSIVE known AS (
  SELECT county_fips,
    min(coalesce(valid_from, DATE '0001-01-01')) AS first_day,
    max(coalesce(valid_to, DATE '9999-12-31')) AS last_day
  FROM main.geo_counties GROUP BY county_fips
), walk AS (
  SELECT county_fips, county_fips AS reached, 'same' AS how FROM known
  UNION
  SELECT walk.county_fips,
    CASE WHEN known.last_day < CAST(vintage AS DATE) THEN change.county_fips_new ELSE change.county_fips_old END,
    CASE WHEN known.last_day < CAST(vintage AS DATE) THEN 'later' ELSE 'earlier' END
  FROM walk
  JOIN known ON known.county_fips = walk.reached
  JOIN main.geo_county_changes AS change
    ON (known.last_day < CAST(vintage AS DATE) AND change.county_fips_old = walk.reached
        AND change.old_lies_in_new AND change.effective > known.last_day)
    OR (known.first_day > CAST(vintage AS DATE) AND change.county_fips_new = walk.reached
        AND change.new_lies_in_old AND change.effective = known.first_day)
), landed AS (
  SELECT walk.county_fips, walk.reached, walk.how
  FROM walk JOIN known ON known.county_fips = walk.reached
  WHERE CAST(vintage AS DATE) BETWEEN known.first_day AND known.last_day
)
SELECT known.county_fips, landed.reached AS county_fips_at, coalesce(landed.how, 'none') AS how
FROM known LEFT JOIN landed USING (county_fips)",
    },
];

/// The macros which read none but these tables.
fn over(tables: &[&str]) -> impl Iterator<Item = &'static Macro> {
    MACROS.iter().filter(|each| each.reads.iter().all(|table| tables.contains(table)))
}

/// The statements that make those which read none but these tables.
pub(super) fn statements(tables: &[&str]) -> Vec<String> {
    let made = over(tables).map(|Macro { name, arguments, reads, body, .. }| {
        let rows = if reads.is_empty() { "" } else { "TABLE " };
        format!("CREATE MACRO main.{name}({arguments}) AS {rows}{body}")
    });
    made.collect()
}

/// The views that a macro reads which makes rows, if there is one of this name.
pub(crate) fn read_by(name: &str) -> Option<&'static [&'static str]> {
    MACROS.iter().find(|each| each.name == name && !each.reads.is_empty()).map(|each| each.reads)
}

/// `meta.macros`: those of a catalogue with these tables.
pub(super) fn sheet(tables: &[&str]) -> Sheet {
    let mut sheet = Sheet::new("macros", "macro VARCHAR, arguments VARCHAR, about VARCHAR");
    for each in over(tables) {
        sheet.row(&[text(each.name), text(each.arguments), text(each.about)]);
    }
    sheet
}
