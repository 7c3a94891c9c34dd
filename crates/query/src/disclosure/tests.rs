//! Attempts to get a small count out, and questions that must stay answerable. All figures are invented.

mod cms;

use super::*;
use crate::claim::{self, ClaimSet};
use crate::figures;
use crate::testing::Tiny;

const STATES: &str = "state_fips,state,year,drug,deaths,deaths_low,deaths_high,deaths_status,population,\
                      crude_rate_per_100k,crude_rate_per_100k_low,crude_rate_per_100k_high,crude_rate_per_100k_status
    01,Alabama,2014,any_opioid,100,100,100,reported,4000000,2.5,2.5,2.5,reported
    02,Alaska,2014,any_opioid,50,50,50,reported,700000,7.142857143,7.142857143,7.142857143,reported
    38,North Dakota,2014,any_opioid,,0,9,suppressed,800000,,0,1.125,suppressed
    46,South Dakota,2014,any_opioid,20,20,20,reported,800000,2.5,2.5,2.5,reported
    56,Wyoming,2014,any_opioid,40,40,40,reported,500000,8,8,8,reported
    01,Alabama,2015,any_opioid,110,110,110,reported,4000000,2.75,2.75,2.75,reported
    02,Alaska,2015,any_opioid,55,55,55,reported,700000,7.857142857,7.857142857,7.857142857,reported
    38,North Dakota,2015,any_opioid,,0,9,suppressed,800000,,0,1.125,suppressed
    46,South Dakota,2015,any_opioid,,0,9,suppressed,800000,,0,1.125,suppressed
    56,Wyoming,2015,any_opioid,,0,9,suppressed,500000,,0,1.8,suppressed
    01,Alabama,2016,any_opioid,120,120,120,reported,4000000,3,3,3,reported
    02,Alaska,2016,any_opioid,60,60,60,reported,700000,8.571428571,8.571428571,8.571428571,reported
    38,North Dakota,2016,any_opioid,12,12,12,reported,800000,1.5,1.5,1.5,reported
    46,South Dakota,2016,any_opioid,13,13,13,reported,800000,1.625,1.625,1.625,reported
    56,Wyoming,2016,any_opioid,11,11,11,reported,500000,2.2,2.2,2.2,reported
    01,Alabama,2016,heroin,115,115,115,reported,4000000,2.875,2.875,2.875,reported
    02,Alaska,2016,heroin,30,30,30,reported,700000,4.285714286,4.285714286,4.285714286,reported
    38,North Dakota,2016,heroin,,0,9,suppressed,800000,,0,1.125,suppressed
    46,South Dakota,2016,heroin,,0,9,suppressed,800000,,0,1.125,suppressed
    56,Wyoming,2016,heroin,,0,9,suppressed,500000,,0,1.8,suppressed
    01,Alabama,2015,methadone,40,40,40,reported,4000000,1,1,1,reported
    38,North Dakota,2015,methadone,,0,9,suppressed,800000,,0,1.125,suppressed
    46,South Dakota,2015,methadone,,0,9,suppressed,800000,,0,1.125,suppressed
    56,Wyoming,2015,methadone,,0,9,suppressed,500000,,0,1.8,suppressed
    01,Alabama,2016,opium,7,7,7,reported,4000000,0.175,0.175,0.175,reported";

const EARLIER: &str = "state_fips,state,year,drug,deaths,deaths_low,deaths_high,deaths_status
    01,Alabama,2016,any_opioid,117,117,117,reported
    02,Alaska,2016,heroin,,0,9,suppressed";

const NATION: &str = "year,drug,deaths,deaths_low,deaths_high,deaths_status
    2014,any_opioid,214,214,214,reported
    2015,any_opioid,179,179,179,reported
    2016,any_opioid,216,216,216,reported
    2016,heroin,150,150,150,reported";

const COUNTIES: &str = "county_fips,year,period_start,period_end,drug,deaths,deaths_low,deaths_high,deaths_status
    01001,,2014-01-01,2016-12-31,any_opioid,300,300,300,reported
    01003,,2014-01-01,2016-12-31,any_opioid,,0,9,suppressed
    01005,,2014-01-01,2016-12-31,any_opioid,24,24,24,reported
    02013,,2014-01-01,2016-12-31,any_opioid,150,150,150,reported
    02016,,2014-01-01,2016-12-31,any_opioid,,0,9,suppressed
    02020,,2014-01-01,2016-12-31,any_opioid,,0,9,suppressed
    01001,2014,2014-01-01,2014-12-31,any_opioid,100,100,100,reported
    01001,2015,2015-01-01,2015-12-31,any_opioid,,0,9,suppressed
    01001,2016,2016-01-01,2016-12-31,any_opioid,192,192,192,reported";

/// The sexes of two of these states: what is withheld of one follows from all and the other.
const SEXES: &str = "state_fips,state,year,sex,drug,deaths,deaths_low,deaths_high,deaths_status,population
    01,Alabama,2014,F,any_opioid,38,38,38,reported,2000000
    01,Alabama,2014,M,any_opioid,62,62,62,reported,2000000
    46,South Dakota,2014,F,any_opioid,,0,9,suppressed,400000
    46,South Dakota,2014,M,any_opioid,16,16,16,reported,400000";

fn opioids() -> Tiny {
    let tiny = Tiny::opioids();
    tiny.commit("cdc_opioid_deaths_state", "r0", EARLIER);
    tiny.commit("cdc_opioid_deaths_state", "r1", STATES);
    tiny.commit("cdc_opioid_deaths_us", "r1", NATION);
    tiny.commit("cdc_opioid_deaths_county", "r1", COUNTIES);
    tiny
}

/// Shorter names for the tables.
fn long(sql: &str) -> String {
    sql.replace("{us}", "cdc_opioid_deaths_us")
        .replace("{state}", "cdc_opioid_deaths_state")
        .replace("{county}", "cdc_opioid_deaths_county")
}

/// Draws and judges the SQL: both must refuse it, by this rule, and without a number of it.
#[track_caller]
fn refuse(session: &Session, sql: &str, rule: &str) {
    let sql = long(sql);
    let chart = "title = 'T'\nkind = 'bar'\nsource = ['CDC']\nalt = 'A.'\n\
                 x = { column = 'x', label = 'X' }\ny = { column = 'y', label = 'Y' }";
    let spec = figures::Spec::parse("f", chart, &sql).unwrap();
    let drawn = figures::build(session, &spec).map(|_| ());
    let set = format!(
        "title = 'T'\n[[claim]]\nid = 'c'\nnumber = 1\nstatement = 'S.'\ncitation = 'C.'\n[[claim.test]]\n\
         definition = 'D'\nneeds = []\nsql = '''{sql}'''\nexpect = [{{ column = 'x', above = 0 }}]\n\
         holds = 'h'\nrefuted = 'r'"
    );
    let judged = claim::judge(session, &ClaimSet::parse("s", &set).unwrap()).map(|_| ());
    for refused in [drawn, judged] {
        let error = refused.expect_err(&sql);
        let text = error.to_string();
        assert_eq!(error.kind(), Kind::CheckFailed, "{sql}: {text}");
        assert!(text.contains(rule), "{sql}: {text}");
        assert!(error.hint_text().is_some(), "{sql}: {text}");
        // Rows are numbered and the rule has its limit; nothing else may be a number.
        let bare = text.replace("1-9", "").replace("1-10", "").replace("(64)", "");
        let words: Vec<&str> = bare.split_whitespace().collect();
        let numbered = |place: usize| place > 0 && words[place - 1] == "row";
        for (place, word) in words.iter().enumerate() {
            assert!(numbered(place) || !word.contains(|c: char| c.is_ascii_digit()), "{sql}: {text}");
        }
    }
}

#[track_caller]
fn accept(session: &Session, sql: &str) {
    let sql = long(sql);
    let answer = session.query(&sql).unwrap();
    if let Err(error) = guard(session, "a test", &sql, &answer) {
        panic!("{sql}: {error}");
    }
}

const SMALL: &str = "would show a count of 1-9 from";
const DECIDED: &str = "would show what a count of 1-9 from";
const LEFT: &str = "would give away a withheld count of";
const SINGLE: &str = "stands for a single withheld count of";
const NESTED: &str = "they differ by a count of 1-9 from";

#[test]
fn a_small_count_is_refused_under_any_name_and_in_any_dress() {
    let tiny = Tiny::new();
    tiny.commit("deaths", "d1", "state_fips,year,deaths\n01,2015,12\n02,2015,9\n04,2015,0");
    let session = tiny.session();
    refuse(&session, "SELECT state_fips, deaths AS n FROM deaths", SMALL);
    refuse(&session, "SELECT state_fips, deaths + 0 AS n FROM deaths", SMALL);
    refuse(&session, "SELECT state_fips, 0 - deaths AS n FROM deaths", SMALL);
    refuse(&session, "SELECT state_fips, deaths + 1000 AS n FROM deaths", SMALL);
    refuse(&session, "SELECT state_fips, CASE WHEN deaths < 10 THEN deaths END AS n FROM deaths", DECIDED);
    refuse(&session, "SELECT state_fips, CAST(deaths AS VARCHAR) AS n FROM deaths", SMALL);
    refuse(&session, "SELECT state_fips || ': ' || CAST(deaths AS VARCHAR) || ' died' AS n FROM deaths", SMALL);
    refuse(&session, "SELECT max(deaths) AS n FROM deaths WHERE state_fips = '02'", SMALL);
    refuse(&session, "SELECT min(deaths) AS n FROM deaths WHERE deaths > 0", SMALL);
    refuse(&session, "SELECT sum(deaths) - 12 AS n FROM deaths", SMALL);
    refuse(&session, "SELECT state_fips, deaths * 3 AS n FROM deaths", DECIDED);
    refuse(&session, "SELECT state_fips, CAST(deaths AS DECIMAL(9,2)) / 7 AS n FROM deaths", DECIDED);
    refuse(&session, "SELECT state_fips, CASE deaths WHEN 9 THEN 'nine' ELSE 'other' END AS n FROM deaths", DECIDED);
    refuse(&session, "SELECT count(*) FILTER (WHERE deaths = 9) AS n FROM deaths", DECIDED);
    refuse(&session, "SELECT chr(CAST(64 + deaths AS INTEGER)) AS n FROM deaths WHERE state_fips = '02'", DECIDED);
    refuse(&session, "SELECT state_fips, deaths + CAST(random() AS INTEGER) * 0 AS n FROM deaths", "`random` hides");
    accept(&session, "SELECT state_fips, deaths FROM deaths WHERE state_fips <> '02'");
    accept(&session, "SELECT sum(deaths) AS n FROM deaths");
    accept(&session, "SELECT year, count(*) AS areas FROM deaths GROUP BY year");
    // National counts are nobody's secret.
    tiny.commit("nation", "n1", "year,deaths\n2015,9");
    accept(&tiny.session(), "SELECT year, deaths FROM nation");
}

#[test]
fn a_rate_of_a_small_count_is_refused_and_other_rates_are_not() {
    let tiny = opioids();
    let session = tiny.session();
    refuse(&session, "SELECT state, crude_rate_per_100k AS n FROM {state} WHERE drug = 'opium'", DECIDED);
    refuse(
        &session,
        "SELECT state, crude_rate_per_100k * population AS n FROM {state} WHERE drug = 'opium'",
        "a count of 1-9 from",
    );
    refuse(
        &session,
        "SELECT state, CAST(round(crude_rate_per_100k * population / 100000) AS INTEGER) AS n FROM {state} \
         WHERE drug = 'opium'",
        SMALL,
    );
    accept(&session, "SELECT state, crude_rate_per_100k FROM {state} WHERE year = 2014 AND drug = 'any_opioid'");
}

#[test]
fn what_a_total_leaves_for_a_withheld_cell_is_refused() {
    let tiny = opioids();
    let session = tiny.session();
    let known = "(SELECT year, sum(deaths) AS known FROM {state} WHERE drug = 'any_opioid' GROUP BY year)";
    let listed = "(SELECT year, sum(deaths) AS known FROM {state} WHERE drug = 'any_opioid' \
                  AND state_fips IN ('01', '02', '46', '56') GROUP BY year)";
    for part in [known, listed] {
        let from = format!(
            "FROM {{us}} AS n JOIN {part} AS s ON s.year = n.year WHERE n.drug = 'any_opioid' AND n.year = 2014"
        );
        refuse(&session, &format!("SELECT n.year, n.deaths - s.known AS rest {from}"), SMALL);
        refuse(&session, &format!("SELECT n.year, (n.deaths - s.known) * 100 AS rest {from}"), LEFT);
        refuse(
            &session,
            &format!("SELECT n.year, 'x' || CAST((n.deaths - s.known) * 100 AS VARCHAR) AS rest {from}"),
            LEFT,
        );
        refuse(
            &session,
            &format!("SELECT n.year, CASE n.deaths - s.known WHEN 4 THEN 'four' ELSE 'another' END AS rest {from}"),
            LEFT,
        );
        refuse(&session, &format!("SELECT count(*) FILTER (WHERE n.deaths - s.known = 4) AS rest {from}"), LEFT);
        refuse(&session, &format!("SELECT n.year, n.deaths AS whole, s.known {from}"), LEFT);
    }
    // A state and its counties over three years.
    let counties = "SELECT s.total, c.known FROM (SELECT sum(deaths) AS total FROM {state} WHERE state_fips = '01' \
                    AND drug = 'any_opioid') AS s, (SELECT sum(deaths) AS known FROM {county} WHERE year IS NULL AND \
                    county_fips IN ('01001', '01005')) AS c";
    refuse(&session, counties, LEFT);
    refuse(&session, &counties.replace("s.total, c.known", "(s.total - c.known) * 5 AS rest"), LEFT);
    // Years together, less those that are published.
    let years = "SELECT sum(CASE WHEN year IS NULL THEN deaths ELSE 0 - deaths END) * 2 AS rest FROM {county} WHERE \
                 county_fips = '01001' AND deaths IS NOT NULL";
    refuse(&session, years, LEFT);
    // Where three are withheld, what is left is theirs together.
    accept(
        &session,
        "SELECT n.year, n.deaths - s.known AS rest FROM {us} AS n JOIN (SELECT year, sum(deaths) AS known FROM {state} \
         WHERE drug = 'any_opioid' GROUP BY year) AS s ON s.year = n.year WHERE n.drug = 'any_opioid' AND n.year = 2015",
    );
}

#[test]
fn what_all_and_one_sex_leave_for_the_other_is_refused() {
    let tiny = opioids();
    let rule = "would give away a withheld count";
    let sql = "SELECT s.state AS x, (s.deaths - m.deaths) * 10 + 3 AS y FROM {state} AS s JOIN cdc_opioid_deaths_state_sex \
               AS m ON m.state_fips = s.state_fips AND m.year = s.year AND m.drug = s.drug AND m.sex = 'M' \
               WHERE s.state_fips = '46' AND s.year = 2014";
    tiny.commit("cdc_opioid_deaths_state_sex", "r1", SEXES);
    refuse(&tiny.session(), sql, rule);
    accept(&tiny.session(), &sql.replace("'46'", "'01'"));
    let audit = audit(&tiny.session()).unwrap();
    let by_sex = audit.findings.iter().find(|finding| finding.relation == "a place = sum of its groups").unwrap();
    assert_eq!((by_sex.relations, by_sex.withheld, by_sex.follow), (2, 1, 1));
    // Groups that do not add up to all are some of all, and nothing follows from what they leave.
    let some = SEXES.replace(",62,62,62,", ",12,12,12,");
    tiny.commit("cdc_opioid_deaths_state_sex", "r1", &some);
    accept(&tiny.session(), sql);
}

#[test]
fn what_follows_from_the_published_tables_may_not_be_shown_again() {
    let tiny = opioids();
    // North Dakota 2014 follows from the nation and the other states; two sums that differ in it tell it all the same.
    let sql = "SELECT 'with' AS x, sum(deaths) AS y FROM {state} WHERE drug = 'any_opioid' AND year IN (2014, 2015) UNION \
               ALL SELECT 'without', sum(deaths) FROM {state} WHERE drug = 'any_opioid' AND year IN (2014, 2015) AND NOT \
               (year = 2014 AND state_fips = '38')";
    refuse(&tiny.session(), sql, "tells one together with other numbers");
}

#[test]
fn a_large_count_with_a_constant_is_judged_like_any_other() {
    let tiny = opioids();
    accept(
        &tiny.session(),
        "SELECT state AS x, deaths + 1000 AS y FROM {state} WHERE drug = 'any_opioid' AND year = 2016",
    );
}

#[test]
fn sums_with_one_withheld_cell_in_them_are_refused() {
    let tiny = opioids();
    let session = tiny.session();
    let from = "FROM {state} WHERE year = 2014 AND drug = 'any_opioid'";
    refuse(&session, &format!("SELECT sum(deaths) AS n {from}"), SINGLE);
    refuse(&session, &format!("SELECT sum(deaths_low) AS n {from}"), SINGLE);
    refuse(&session, &format!("SELECT sum_bounds(deaths_low, deaths_high) AS n {from}"), SINGLE);
    refuse(
        &session,
        &format!("SELECT rate_bounds(sum(deaths_low), sum(deaths_high), sum(population)) AS n {from}"),
        SINGLE,
    );
    refuse(
        &session,
        &format!("SELECT CAST(sum(deaths) AS DECIMAL(18,6)) * 100000 / sum(population) AS n {from}"),
        SINGLE,
    );
    refuse(&session, &format!("SELECT 'at least ' || CAST(sum(deaths) AS VARCHAR) AS n {from}"), SINGLE);
}

#[test]
fn numbers_from_which_one_cell_follows_are_refused_together() {
    let tiny = opioids();
    let session = tiny.session();
    let sum = |drug: &str, states: &str| {
        format!(
            "(SELECT sum(deaths_low) FROM {{state}} WHERE year = 2015 AND drug = '{drug}' AND state_fips IN ({states}))"
        )
    };
    let (all, some) = ("'01', '38', '46', '56'", "'01', '38', '46'");
    let one = format!("SELECT {} AS n", sum("methadone", all));
    let other = format!("SELECT {} AS n", sum("methadone", some));
    accept(&session, &one);
    accept(&session, &other);
    refuse(&session, &format!("SELECT {} AS n, {} AS m", sum("methadone", all), sum("methadone", some)), SINGLE);
    refuse(&session, &format!("{one} UNION ALL {other}"), SINGLE);
    // With the nation's number, which is published, two of three give the third.
    accept(&session, &format!("SELECT {} AS n", sum("any_opioid", all)));
    refuse(&session, &format!("SELECT {} AS n", sum("any_opioid", some)), SINGLE);
}

#[test]
fn nested_classes_and_releases_that_differ_by_little_are_refused() {
    let tiny = opioids();
    let session = tiny.session();
    refuse(
        &session,
        "SELECT state, max(CASE WHEN drug = 'any_opioid' THEN deaths END) AS opioid,
                max(CASE WHEN drug = 'heroin' THEN deaths END) AS heroin
         FROM {state} WHERE year = 2016 GROUP BY state",
        NESTED,
    );
    refuse(
        &session,
        "SELECT state, drug, deaths FROM {state} WHERE year = 2016 AND drug IN ('any_opioid', 'heroin')",
        NESTED,
    );
    refuse(
        &session,
        "SELECT sum(CASE WHEN drug = 'heroin' THEN 0 - deaths ELSE deaths END) AS n FROM {state} WHERE \
                      year = 2016 AND state_fips = '01' AND drug IN ('any_opioid', 'heroin')",
        SMALL,
    );
    let history =
        "FROM history.cdc_opioid_deaths_state WHERE state_fips = '01' AND year = 2016 AND drug = 'any_opioid'";
    refuse(&session, &format!("SELECT release, deaths {history}"), NESTED);
    refuse(&session, &format!("SELECT max(deaths) - min(deaths) AS n {history}"), SMALL);
    // Two states that are close, or two years of one, are no secret.
    accept(&session, "SELECT state, deaths FROM {state} WHERE year = 2016 AND drug = 'any_opioid'");
    accept(
        &session,
        "SELECT max(CASE WHEN year = 2014 THEN deaths END) AS earlier, max(CASE WHEN year = 2015 THEN deaths END) AS later
         FROM {state} WHERE state_fips = '02' AND drug = 'any_opioid'",
    );
}

#[test]
fn what_shows_no_withheld_count_passes() {
    let tiny = opioids();
    let session = tiny.session();
    let all = "FROM {state} WHERE drug = 'any_opioid'";
    accept(&session, "SELECT year, deaths FROM {us} WHERE drug = 'any_opioid'");
    accept(&session, &format!("SELECT state, year, deaths, deaths_status {all}"));
    accept(&session, &format!("SELECT state, year, deaths {all} AND deaths IS NOT NULL ORDER BY deaths DESC"));
    accept(&session, &format!("SELECT deaths {all} AND year = 2016 ORDER BY deaths"));
    // The publisher's bounds are no secret.
    accept(
        &session,
        &format!(
            "SELECT state, deaths_low, deaths_high, crude_rate_per_100k_low, crude_rate_per_100k_high {all} AND year = 2015"
        ),
    );
    accept(
        &session,
        &format!("SELECT year, count(*) FILTER (WHERE deaths_status = 'suppressed') AS n {all} GROUP BY year"),
    );
    accept(&session, &format!("SELECT year, count(*) FILTER (WHERE deaths_low = 0) AS n {all} GROUP BY year"));
    accept(
        &session,
        &format!("SELECT max(deaths) AS most, max(deaths_high) AS high {all} AND state_fips = '38' AND year = 2014"),
    );
    accept(&session, &format!("SELECT sum_bounds(deaths_low, deaths_high, deaths_status) AS n {all} AND year = 2015"));
    accept(
        &session,
        "SELECT n.deaths, b.bounds FROM {us} AS n, (SELECT sum_bounds(deaths_low, deaths_high) AS bounds FROM {state} \
         WHERE drug = 'any_opioid' AND year = 2015) AS b WHERE n.year = 2015",
    );
    accept(
        &session,
        &format!("SELECT state, rank() OVER (ORDER BY deaths DESC NULLS LAST) AS place {all} AND year = 2016"),
    );
    accept(
        &session,
        &format!("SELECT state, deaths {all} AND year = 2014 AND deaths >= 20 ORDER BY deaths DESC NULLS LAST LIMIT 2"),
    );
}

#[test]
fn an_audit_counts_what_follows_and_says_no_more() {
    let tiny = opioids();
    let found = audit(&tiny.session()).unwrap();
    let finding = |finding: &Finding| {
        let short = |dataset: &model::DatasetId| dataset.as_str().replace("cdc_opioid_deaths_", "");
        let [one, two] = &finding.tables;
        format!(
            "{}; {} {}; {}; {} {} {}",
            finding.relation,
            short(one),
            short(two),
            finding.class,
            finding.relations,
            finding.withheld,
            finding.follow
        )
    };
    let mut lines: Vec<String> = found.findings.iter().map(finding).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "a cell in two releases; state state; any_opioid; 1 0 0",
            "a cell in two releases; state state; heroin; 1 1 1",
            "a class within a class; state state; heroin; 3 3 0",
            "a place = sum of its places; state county; any_opioid; 1 0 0",
            "a place = sum of its places; us state; any_opioid; 3 4 1",
            "a place = sum of its places; us state; heroin; 1 3 0",
            "a place, year by year = sum of its places, years together; state county; any_opioid; 2 3 1",
            "several years = sum of the years; county county; any_opioid; 1 1 1",
        ]
    );
    assert_eq!((found.withheld, found.follow), (14, 3));
    let json = serde_json::to_string(&found).unwrap();
    for place in ["01003", "01001", "38", "Dakota"] {
        assert!(!json.contains(place), "{json}");
    }
}

#[test]
fn a_verdict_is_always_the_same() {
    let tiny = opioids();
    // In an order: a refusal names the row of the answer.
    let sql = long(
        "SELECT state, sum(deaths) AS n FROM {state} WHERE year < 2016 AND drug = 'any_opioid' GROUP BY state ORDER BY state",
    );
    let verdict = |session: &Session| {
        let answer = session.query(&sql).unwrap();
        guard(session, "x", &sql, &answer).map_err(|error| error.to_string())
    };
    let first = verdict(&tiny.session());
    assert!(first.is_err());
    let again = tiny.session();
    assert_eq!(verdict(&again), first);
    assert_eq!(verdict(&again), first);
}
