//! Macros: the few computations that everybody needs and easily gets wrong. They stand in `main` and need nothing of
//! ours, so plain DuckDB has them too. None reads a table. `meta.macros` lists them.

use crate::sql::{Sheet, text};

/// A macro: how it is called, what it gives, and its body in DuckDB's SQL.
struct Macro {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
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
        body: "CASE WHEN EXTRACT(month FROM period_end) = 12 AND EXTRACT(day FROM period_end) = 31
THEN CAST(EXTRACT(year FROM period_end) AS INTEGER) END",
    },
];

/// The statements that make the macros.
pub(super) fn statements() -> impl Iterator<Item = String> {
    MACROS.iter().map(|each| format!("CREATE MACRO main.{}({}) AS {}", each.name, each.arguments, each.body))
}

/// `meta.macros`.
pub(super) fn sheet() -> Sheet {
    let mut sheet = Sheet::new("macros", "macro VARCHAR, arguments VARCHAR, about VARCHAR");
    for each in MACROS {
        sheet.row(&[text(each.name), text(each.arguments), text(each.about)]);
    }
    sheet
}
