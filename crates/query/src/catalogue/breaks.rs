//! Series breaks: dates from which figures are not comparable with earlier ones, or periods that stand out.

/// A break in one or more series.
pub(super) struct Break {
    /// The first day from which it holds.
    pub from: &'static str,
    /// The last day, where it ends.
    pub until: Option<&'static str>,
    /// The state concerned, where it is not the whole country: a FIPS code.
    pub state_fips: Option<&'static str>,
    /// The edition concerned, where it is not all.
    pub release: Option<&'static str>,
    /// The datasets concerned, as a LIKE pattern.
    pub datasets: &'static str,
    /// The columns concerned, as LIKE patterns with blanks between; `%` where all are.
    pub columns: &'static str,
    /// What changed.
    pub about: &'static str,
}

/// Counts and rates of deaths, in the datasets and in what is derived from them.
const DEATHS: &str = "deaths% %_deaths% %rate%per_100k% %_rate_bin%";
const PRESCRIPTIONS: &str = "prescriptions%";
const SHIPPED: &str = "dosage_units% %weight% %mme% grams% transactions%";
/// rape_legacy is of the older definition throughout.
const RAPE: &str = "rape rape_revised% violent_crime%";

const fn national(from: &'static str, datasets: &'static str, columns: &'static str, about: &'static str) -> Break {
    Break { from, until: None, state_fips: None, release: None, datasets, columns, about }
}

const fn ill_defined(from: &'static str, until: &'static str, state_fips: &'static str) -> Break {
    Break {
        from,
        until: Some(until),
        state_fips: Some(state_fips),
        release: None,
        datasets: "cdc%",
        columns: DEATHS,
        about: "Unusually many deaths were coded R99 (ill-defined cause): overdose deaths are among them, and counts \
                by cause are low.",
    }
}

/// All that we know of, in order of time.
pub(super) const BREAKS: &[Break] = &[
    national(
        "1999-01-01",
        "cdc%",
        DEATHS,
        "Causes of death are coded by ICD-10 from 1999 and by ICD-9 before: counts by cause are not comparable across \
         it.",
    ),
    ill_defined("2005-01-01", "2005-12-31", "54"),
    ill_defined("2008-01-01", "2009-12-31", "13"),
    ill_defined("2009-01-01", "2009-12-31", "34"),
    ill_defined("2009-01-01", "2009-12-31", "54"),
    national(
        "2013-01-01",
        "fbi%",
        RAPE,
        "The FBI collects rape by a revised, wider definition from 2013; violent crime contains it.",
    ),
    Break {
        from: "2015-01-01",
        until: Some("2016-12-31"),
        state_fips: None,
        release: Some("2016"),
        datasets: "fbi_estimated_offenses_state%",
        columns: "rape%",
        about: "The edition of 2016 has the two columns of rape the wrong way round: rape_legacy holds the figures of the \
                revised definition and rape_revised those of the legacy one. The edition of 2019 has them right.",
    },
    national(
        "2014-10-06",
        "cdc_opioid_dispensing%",
        PRESCRIPTIONS,
        "Hydrocodone combination products moved from Schedule III to Schedule II: prescriptions may not be refilled.",
    ),
    national(
        "2014-10-06",
        "arcos%",
        SHIPPED,
        "Hydrocodone combination products moved from Schedule III to Schedule II.",
    ),
    national(
        "2014-10-06",
        "dea_retail%",
        SHIPPED,
        "Hydrocodone combination products moved from Schedule III to Schedule II.",
    ),
    national(
        "2017-01-01",
        "cdc_opioid_dispensing%",
        PRESCRIPTIONS,
        "IQVIA changed its method: rates before 2017 are not comparable with later ones. CDC later revised 2017 itself, \
         so that its pages differ (Alabama 107.2, then 108.8).",
    ),
    national(
        "2019-01-01",
        "cdc_opioid_dispensing%",
        PRESCRIPTIONS,
        "The series from 2019 is a revision by IQVIA: it is not to be spliced with earlier editions.",
    ),
    national(
        "2021-01-01",
        "fbi%",
        "%",
        "The FBI ended the Summary Reporting System and took NIBRS alone: many agencies did not report for 2021.",
    ),
];
