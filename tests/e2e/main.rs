//! End to end: the program, the replica and a warehouse in a temporary folder. Expected values are the publishers' own.

#![expect(clippy::unwrap_used, reason = "a test says no by panicking")]

mod arcos_releases;
mod arcos_sums;
mod bundles;
mod cms;
mod daemon;
mod dea;
mod erasure;
mod fbi;
mod figures;
mod history;
mod interrupted;
mod linkage;
mod masters;
mod models;
mod outliers;
mod replay;
mod report;
mod revisions;
mod soda;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use replica::{Edition, Fault, Options, Replica, What};

/// The program, on a root, from the project's folder.
fn command(root: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollhouse"));
    command
        .current_dir(Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../.."))
        .env_remove("TOLLHOUSE_CONFIG")
        .args(["--quiet", "--root"])
        .arg(root)
        .args(words);
    command
}

fn tollhouse(root: &Path, words: &[&str]) -> Output {
    command(root, words).output().unwrap()
}

/// Runs the program and wants it to succeed; its standard output comes back.
#[track_caller]
fn succeed(root: &Path, words: &[&str]) -> String {
    let output = tollhouse(root, words);
    assert!(output.status.success(), "{words:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Files below a folder with their bytes, by relative path; a killed writer's unfinished uploads (`name#1`) apart.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.to_string_lossy().contains('#') {
                found.push((path.strip_prefix(folder).unwrap().to_owned(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The only cell of an answer.
#[track_caller]
fn check(root: &Path, sql: &str, expected: &str) {
    let output = tollhouse(root, &["sql", "--format", "csv", sql]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().nth(1), Some(expected), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// The caveats of an answer each have their words in turn, and without words there is none.
#[track_caller]
fn check_caveats(root: &Path, sql: &str, words: &[&str]) {
    let output = tollhouse(root, &["sql", sql]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && text.contains("caveat: ") != words.is_empty(), "{sql}\n{text}");
    assert!(words.iter().all(|words| text.contains(words)), "{sql}\n{text}");
}

#[test]
fn the_demo_says_what_the_publishers_say_and_a_second_run_commits_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let output = tollhouse(root, &["demo"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    check(root, "select count(*) from arcos_transactions", "37154");
    check(root, "select sum(dosage_units) from arcos_transactions", "38269630.00000");
    check(root, "select sum(dosage_units) from arcos_transactions where year = 2008", "9795100.00000");
    check(root, "select count(*) from arcos_transactions where buyer_name is null and buyer_dea_number is null", "59");
    // None of Mingo County's buyers is on the publisher's list of mail-order pharmacies and hospitals, and the list that the
    // flag is made from is the publisher's.
    check(root, "select count(*) from arcos_transactions where mail_or_hospital is not false", "0");
    let listed =
        succeed(root, &["sql", "--format", "csv", "select buyer_dea_number from arcos_not_pharmacies order by 1"]);
    let listed: Vec<&str> = listed.lines().skip(1).collect();
    assert_eq!(listed.len(), 333);
    let declared = include_str!("../../pipelines/arcos_transactions.toml");
    let (_, declared) = declared.split_once("from = [\"BUYER_DEA_NO\"]\nis = [").unwrap();
    let declared: Vec<&str> = declared.split(']').next().unwrap().split('"').skip(1).step_by(2).collect();
    assert_eq!(declared, listed);
    check(root, "select count(distinct buyer_county_fips) from arcos_transactions", "1");
    check(root, "select sum(deaths) from cdc_opioid_deaths_state where drug = 'any_opioid' and year = 2015", "33091");
    check(root, "select sum(deaths) from cdc_opioid_deaths_us where drug = 'any_opioid'", "351630");
    check(root, "select deaths from cdc_opioid_deaths_us_totals where drug = 'any_opioid'", "351630");
    check(root, "select count(*) from cdc_opioid_deaths_state where drug = 'any_opioid'", "918");
    check(
        root,
        "select count(*) from cdc_opioid_deaths_state where drug = 'any_opioid' and deaths_status = 'suppressed' and deaths is null",
        "16",
    );
    check(
        root,
        "select deaths from cdc_opioid_deaths_state where drug = 'any_opioid' and state_fips = '54' and year = 2015",
        "629",
    );
    check(
        root,
        "select deaths from cdc_vsrr_state where jurisdiction = 'US' and period_end = date '2015-12-31' and indicator like 'Opioids%'",
        "33203",
    );
    check(
        root,
        "select deaths from cdc_vsrr_state where jurisdiction = 'US' and period_end = date '2015-12-31' and indicator = 'Number of Drug Overdose Deaths'",
        "52623",
    );
    check(root, "select count(*) from cdc_drug_poisoning_county_binned where release = '1999-2016'", "56448");
    check(root, "select count(*) from cdc_leading_causes_state", "10296");
    for (release, rows) in [("1999-2015", "2703"), ("1999-2016", "2862"), ("1999-2017", "3021")] {
        let sql = format!("select count(*) from history.cdc_drug_poisoning_state where release = '{release}'");
        check(root, &sql, rows);
    }
    for (year, rows, murders) in [(2013, 9292, 10247), (2015, 9395, 11496), (2016, 9579, 12601)] {
        check(root, &format!("select count(*) from fbi_city_offenses where year = {year}"), &rows.to_string());
        check(root, &format!("select sum(murder) from fbi_city_offenses where year = {year}"), &murders.to_string());
    }
    check(
        root,
        "select string_agg(city_footnotes, ' ' order by year) from fbi_city_offenses where city = 'Mobile'",
        "4 4 6",
    );
    check(
        root,
        "select string_agg(murder, ' ' order by year) from fbi_city_offenses where city = 'Portland' and state = 'OREGON'",
        "14 14",
    );
    check(
        root,
        "select min(prescriptions_per_100) from cdc_opioid_dispensing_state where state_fips = '01' and year between 2006 and 2016",
        "115.600000000",
    );

    for (year, rated, above) in [(2012, 2736, 1093), (2015, 2963, 857), (2016, 2962, 728)] {
        let rows = format!("from cdc_opioid_dispensing_county where year = {year} and source_grade = 'publisher'");
        check(root, &format!("select count(prescriptions_per_100) {rows}"), &rated.to_string());
        check(root, &format!("select count(*) {rows} and prescriptions_per_100 > 100"), &above.to_string());
        check(
            root,
            &format!("select count(*) {rows} and prescriptions_per_100_status = 'missing'"),
            &(3143 - rated).to_string(),
        );
    }
    check(root, "select sum(population) from geo_population_county where year = 2016", "323127513");
    check(root, "select sum(population) from geo_population_county_totals where year = 2016", "323127513");
    // The Bureau's edition of 2016 has the counties that were valid then, and no other.
    check(
        root,
        "select count(*) from (select distinct county_fips from geo_population_county) as p full join (select county_fips from geo_counties where coalesce(valid_from, date '1900-01-01') <= date '2016-07-01' and coalesce(valid_to, date '2100-01-01') >= date '2016-07-01') as g using (county_fips)",
        "3142",
    );
    // Every change leads between codes that end and begin with it, where all of one county went over.
    check(
        root,
        "select count(*) from geo_county_changes c where old_lies_in_new and exists (select 1 from geo_counties g where g.county_fips = c.county_fips_old and g.valid_to = c.effective - 1)",
        "6",
    );
    check(root, "select count(*) from geo_county_changes where old_lies_in_new", "6");
    // The pages of 2015 have three codes that the Bureau's edition of 2016 no longer has; the changes lead on.
    let lost = |code: &str| {
        format!(
            "select coalesce(string_agg(d.county_fips, ' ' order by d.county_fips), 'none') from cdc_opioid_dispensing_county d \
             left join geo_county_changes c on c.county_fips_old = d.county_fips and c.old_lies_in_new \
             where d.year = 2015 and {code} not in (select county_fips from geo_population_county)"
        )
    };
    check(root, &lost("d.county_fips"), "02270 46113 51515");
    check(root, &lost("coalesce(c.county_fips_new, d.county_fips)"), "none");
    // The crosswalk: by the Bureau's notes on changes. Every code leads to one that was in force, or says that none is.
    let led = |day: &str, codes: &str| {
        format!(
            "select string_agg(coalesce(county_fips_at, '-') || ' ' || how, '; ' order by county_fips) \
             from county_at(date '{day}') where county_fips in ({codes})"
        )
    };
    check(root, &led("2012-01-01", "'46102', '02158', '51019'"), "02270 earlier; 46113 earlier; 51019 same");
    check(
        root,
        &led("2016-07-01", "'46113', '02270', '51515', '51560'"),
        "02158 later; 46102 later; 51019 later; 51005 later",
    );
    check(
        root,
        &led("2000-01-01", "'02198', '02105', '02230', '02195', '02275'"),
        "02232 earlier; 02280 earlier; 02201 earlier; 02232 earlier; - none",
    );
    check(root, &led("2023-01-01", "'09001', '09110', '02261', '08014'"), "- none; 08014 same; - none; 09110 same");
    check(root, "select count(*) - count(distinct county_fips) from county_at(date '2016-07-01')", "0");
    check(root, "select count(*) from county_at(date '2016-07-01') where how = 'same'", "3142");
    let sql = "select count(*) from cdc_opioid_dispensing_county d join county_at(date '2016-07-01') x using (county_fips) \
               where d.year = 2015 and x.county_fips_at not in (select county_fips from geo_population_county)";
    check(root, sql, "0");
    // Agencies: each once, although one of several counties stands under each of them.
    check(root, "select count(*) from fbi_agencies", "19585");
    check(root, "select count(*) from fbi_agencies where is_nibrs", "16155");
    check(root, "select count(*) from fbi_agencies where counties like '%, %'", "653");
    check(root, "select count(*) from fbi_agencies where counties = 'NOT SPECIFIED'", "492");
    // Counties by name: 19,703 of 20,312 pairs are known to resolve against the Bureau's list of 2010; Connecticut's regions
    // of 2022 are in ours besides.
    check(root, "select count(*) from geo_ori_county where match_method <> 'place_name'", "20309");
    check(root, "select count(*) >= 19703 from geo_ori_county where match_confidence = 'exact'", "true");
    check(
        root,
        "select count(*) from geo_ori_county where match_confidence = 'none' and county_name_printed not in ('NOT SPECIFIED', 'UNMAPPED COUNTY')",
        "0",
    );
    check(
        root,
        "select string_agg(county_fips, ' ' order by county_fips) from geo_ori_county where ori = 'OR0260200'",
        "41005 41051 41067",
    );
    // Where the FBI names no county, the place's: New York's police serve five.
    let placed = "select string_agg(county_fips, ' ' order by county_fips) from geo_ori_county where match_method = 'place_name'";
    check(root, &format!("{placed} and ori = 'NY0303000'"), "36005 36047 36061 36081 36085");
    check(root, &format!("{placed} and ori in ('DCMPD0000', 'MD0040600')"), "11001 24510");
    check(root, "select count(distinct ori) from geo_ori_county", "19585");
    check(root, "select nibrs_start from fbi_agencies where ori = 'OR0260200'", "2015-05-01");
    // The jurisdictions that names alone would give away.
    let matched = "select string_agg(ori, ' ' order by state, city) from fbi_city_agency where city in \
                   ('Portland', 'Las Vegas Metropolitan Police Department', 'Louisville Metro', 'Nashville Metropolitan') \
                   and state in ('OREGON', 'NEVADA', 'KENTUCKY', 'TENNESSEE')";
    check(root, &format!("{matched} and jurisdiction_kind = 'metropolitan'"), "KY0568000 NV0020100 TN0190100");
    check(root, &format!("{matched} and jurisdiction_kind = 'city' and state = 'OREGON'"), "OR0260200");
    // A sheriff's city, and an agency that only one of two townships of a name can have.
    check(root, "select ori from fbi_city_agency where city = 'Jacksonville' and state = 'FLORIDA'", "FL0160000");
    check(
        root,
        "select count(*) from (select ori from fbi_city_agency where ori is not null group by ori having count(*) > 1 and max(case when city like '%,%' then 1 else 0 end) = 1 and min(case when city like '%,%' then 1 else 0 end) = 0)",
        "0",
    );
    check(root, "select count(*) from fbi_city_agency", "10621");
    for (year, murders) in [(2020, "21588"), (2021, "17933"), (2022, "21884")] {
        let sql = "select sum(offenses) from fbi_offenses_month where scope = 'national' and offense = 'murder'";
        check(root, &format!("{sql} and year = {year}"), murders);
    }
    let rate = "abs(offenses * 100000 / cast(participated_population as decimal(18,4)) - offenses_per_100k) <= 0.00501";
    check(root, &format!("select count(*) from fbi_offenses_month where scope = 'national' and {rate}"), "36");
    check(root, "select count(*) from fbi_offenses_month where reported", "0");
    // Analysts' copies: apart from the publisher's, and of known bytes. 2015 is the publisher's number.
    check(root, "select sum(deaths) from cdc_opioid_deaths_state_sex_secondary where year = 2015", "33091");
    check(
        root,
        "select count(*) from cdc_opioid_deaths_state_sex_secondary where deaths_status = 'suppressed' and deaths is null",
        "84",
    );
    check(root, "select count(*) from cdc_firearm_deaths_county_secondary", "14358");
    let unlike = "(deaths < 20) <> (crude_rate_per_100k_status = 'unreliable')";
    check(root, &format!("select count(*) from cdc_firearm_deaths_county_secondary where {unlike}"), "0");
    check(root, "select count(*) from cdc_firearm_deaths_county_secondary where crude_rate_per_100k is null", "7487");
    // Rows of race and cause that are shown, and what a state's deaths can be by them: none below ten is there.
    check(root, "select count(*) from cdc_firearm_deaths_state_race", "1248");
    check(root, "select sum(deaths) from cdc_firearm_deaths_state_race where year = 2015", "33967");
    check(root, "select min(deaths) from cdc_firearm_deaths_state_race", "10");
    let ohio = "from opioids_and_firearms_state where state_fips = '39' and year = 2015";
    check(root, &format!("select homicides_by_firearm_low || ' ' || homicides_by_firearm_high {ohio}"), "471 543");
    check(root, &format!("select suicides_by_firearm_low || ' ' || suicides_by_firearm_high {ohio}"), "845 917");
    // Without an export of all but suicides, rows that are shown and 9 for each that is not: 3 of 12, and 4 of 12.
    let alabama = "from opioids_and_firearms_state where state_fips = '01' and year = 2013";
    check(root, &format!("select homicides_by_firearm_low || ' ' || homicides_by_firearm_high {alabama}"), "301 382");
    let bounds = ["homicides_by_firearm", "suicides_by_firearm", "firearm_not_legal"]
        .map(|what| format!("{what}_low > {what}_high"));
    let odd = format!("select count(*) from opioids_and_firearms_state where {}", bounds.join(" or "));
    check(root, &odd, "0");
    check(root, "select count(firearm_not_legal_high) from opioids_and_firearms_state", "204");
    // The nation's capital: 101 shown of 105 that are no suicides, a difference that is a small count.
    let capital = "from opioids_and_firearms_state where state_fips = '11' and year = 2015";
    check(root, &format!("select homicides_by_firearm_low || ' ' || homicides_by_firearm_high {capital}"), "95 200");
    // An answer says by itself across which breaks it goes, whether or not years are shown.
    check_caveats(
        root,
        "select max(prescriptions_per_100) from cdc_opioid_dispensing_state where state = 'Alabama' and year in (2016, 2018)",
        &["crosses a break of 2017-01-01: IQVIA changed its method"],
    );
    check_caveats(
        root,
        "select max(prescriptions_per_100) from cdc_opioid_dispensing_state",
        &["crosses a break of 2014-10-06", "crosses a break of 2017-01-01", "crosses a break of 2019-01-01"],
    );
    let of = |what: &str, year: u32| {
        format!("(select max(prescriptions_per_100) from cdc_opioid_dispensing_{what} where year = {year})")
    };
    check_caveats(
        root,
        &format!("select {} - {}", of("state", 2016), of("county", 2020)),
        &["crosses a break of 2019-01-01"],
    );
    check_caveats(root, "select year, prescriptions_per_100 from cdc_opioid_dispensing_state where year = 2016", &[]);
    check_caveats(root, "select deaths, random() from cdc_opioid_deaths_us where year = 2015 and drug = 'heroin'", &[]);
    check_caveats(
        root,
        "select year, murder from fbi_estimated_offenses_state where state_fips = '01' and year < 2019",
        &[],
    );
    check_caveats(
        root,
        "select year, deaths from cdc_drug_poisoning_state where state = 'West Virginia' and year in (2004, 2005)",
        &["rests on 2005-01-01 to 2005-12-31 of West Virginia"],
    );
    check_caveats(
        root,
        "select deaths from cdc_opioid_deaths_state where state = 'Georgia' and year = 2009 and drug = 'any_opioid'",
        &["rests on 2008-01-01 to 2009-12-31 of Georgia: Unusually many deaths"],
    );
    check_caveats(
        root,
        "select deaths from cdc_opioid_deaths_state where state = 'Georgia' and year = 2010 and drug = 'any_opioid'",
        &[],
    );
    // The nation's deaths rest on a state's as good as not, and two rows of any rest on those two.
    check_caveats(root, "select sum(deaths) from cdc_opioid_deaths_us where year in (2004, 2005)", &[]);
    check_caveats(root, "select year, deaths from cdc_opioid_deaths_us limit 2", &[]);
    check_caveats(root, "select current_timestamp > timestamp '2020-01-01'", &[]);
    check_caveats(
        root,
        "select opioid_deaths, dosage_units_per_person from opioids_and_firearms_state where state_fips = '54' and year = 2012",
        &["places are of different kinds: dosage_units_per_person by ", "opioid_deaths by residence"],
    );
    check(root, "select prescriptions from cdc_opioid_dispensing_us where year = 2012", "255207954");
    check(
        root,
        "select string_agg(distinct grade, ' ') from meta.sources where dataset like '%_secondary'",
        "secondary",
    );
    // Eleven years of 51 areas, in the same snapshot as what they are made from.
    check(root, "select count(*) from opioid_deaths_and_dispensing_state", "561");
    check(root, "select sum(deaths) from opioid_deaths_and_dispensing_state where year = 2015", "33091");
    check(
        root,
        "select deaths || ' ' || prescriptions_per_100 from opioid_deaths_and_dispensing_state where state_fips = '01' and year = 2015",
        "282 125.000000000",
    );
    check(
        root,
        "select count(*) from opioid_deaths_and_dispensing_state where deaths_status = 'suppressed' and deaths is null and deaths_high = 9",
        "2",
    );

    // The other tables of the CDC, against what was counted in the publishers' files.
    for (sql, expected) in [
        ("select sum(deaths) || ' ' || count(*) from cdc_overdose_deaths_state where year = 2015", "52404 51"),
        (
            "select deaths || ' ' || cast(age_adjusted_rate_per_100k as decimal(9,1)) from cdc_overdose_deaths_state where year = 2015 and state_fips = '54'",
            "725 41.5",
        ),
        (
            "select count(deaths) || ' ' || count(deaths) filter (year = 2015) || ' ' || min(deaths) from cdc_drug_deaths_county",
            "11408 914 10",
        ),
        ("select count(*) filter (crude_rate_per_100k_status = 'unreliable') from cdc_drug_deaths_county", "5094"),
        (
            "select count(*) || ' ' || count(*) filter (deaths_status in ('not_shown', 'missing')) from cdc_drug_deaths_county",
            "53499 42091",
        ),
        (
            "select count(*) || ' ' || count(*) filter (deaths_status = 'suppressed') || ' ' || count(*) filter (crude_rate_per_100k_status = 'unreliable') || ' ' || count(*) filter (deaths_status = 'missing') from cdc_opioid_deaths_county",
            "3147 1584 491 6",
        ),
        ("select deaths from cdc_opioid_deaths_county_totals", "143104"),
        (
            "select b.low || ' ' || b.high from (select sum_bounds(deaths_low, deaths_high) as b from cdc_opioid_deaths_county)",
            "138334 152590",
        ),
        (
            "select string_agg(deaths, ' ' order by year) from cdc_opioid_deaths_us where drug = 'heroin' and year in (1999, 2015, 2016)",
            "1960 12989 15469",
        ),
        ("select count(*) from cdc_opioid_deaths_state where drug = 'heroin' and deaths_status = 'suppressed'", "337"),
        (
            "select string_agg(deaths, ' ' order by deaths) from cdc_vsrr_state where jurisdiction = 'US' and period_end = date '2015-12-31' and indicator in ('Opioids (T40.0-T40.4,T40.6)', 'Number of Drug Overdose Deaths')",
            "33203 52623",
        ),
        ("select count(*) from history.cdc_drug_poisoning_county_binned where release = '1999-2016'", "56448"),
        ("select count(*) from cdc_leading_causes_state", "10296"),
    ] {
        check(root, sql, expected);
    }
    // The bounds of every state's counties hold the state's own count of the same years, where it is published.
    let outside = "with county as (select left(county_fips, 2) as state_fips, sum_bounds(deaths_low, deaths_high) as b from cdc_opioid_deaths_county group by 1), \
                   state as (select state_fips, sum(deaths) as deaths, count(*) filter (deaths is null) as withheld from cdc_opioid_deaths_state where drug = 'any_opioid' and year between 2006 and 2012 group by 1) \
                   select count(*) || ' of ' || (select count(*) from state where withheld = 0) from state join county using (state_fips) where withheld = 0 and deaths not between b.low and b.high";
    check(root, outside, "0 of 50");

    check(root, "select count(*) from meta.pins where pin = 'demo'", "1");
    let verdicts = succeed(root, &["claims", "citylab-2017", "--at", "demo", "--json"]);
    for words in ["36.02", "31.26", "33,091 against 8,050, 4.11 times", "14 in 2013 and 14 in 2016", "SECONDARY source"]
    {
        assert!(verdicts.contains(words), "{words}\n{verdicts}");
    }
    assert!(verdicts.contains("absent: the table of 2015 is loaded and has 83 cities of Oregon, and no Portland"));
    assert!(verdicts.contains("the table of 2014 is not loaded"), "{verdicts}");

    succeed(root, &["snapshot", "verify"]);
    let again = tollhouse(root, &["run", "--all", "--replica"]);
    let text = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(again.status.success() && text.contains("Nothing to commit"), "{text}");
    check(root, "select count(*) from meta.snapshots", "1");
}

#[test]
fn sql_only_reads() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    assert!(tollhouse(root, &["run", "cdc_opioid_deaths_us", "--replica"]).status.success());
    for sql in [
        "drop view main.cdc_opioid_deaths_us",
        "copy (select 1) to 'x.csv'",
        "select * from read_csv('Cargo.toml')",
        "attach 'x.duckdb'",
        "select 1; select 2",
    ] {
        assert_eq!(tollhouse(root, &["sql", sql]).status.code(), Some(2), "{sql}");
    }
}

#[test]
fn bad_input_has_its_exit_code_and_commits_nothing() {
    let renamed = || What::RenamedColumn { from: "BUYER_STATE".to_owned(), to: "BUYER_ST".to_owned() };
    let rate_renamed =
        What::RenamedColumn { from: "Opioid Dispensing Rate per 100".to_owned(), to: "Opioid Rate".to_owned() };
    let cases: Vec<(&str, What, i32)> = vec![
        ("arcos_transactions", What::HtmlPage, 12),
        ("arcos_transactions", What::LfsPointer, 12),
        ("arcos_transactions", What::TruncatedGzip, 12),
        ("cdc_opioid_deaths_state", What::MissingFooter, 13),
        ("cdc_vsrr_state", What::HtmlPage, 12),
        ("cdc_opioid_dispensing_state", What::RenamedColumn { from: "YEAR".to_owned(), to: "ANNO".to_owned() }, 13),
        ("cdc_opioid_dispensing_state", What::HtmlPage, 12),
        ("cdc_opioid_dispensing_county", What::HtmlPage, 12),
        ("cdc_opioid_dispensing_county", What::ZeroRows, 14),
        ("cdc_opioid_dispensing_county", rate_renamed, 13),
        ("geo_population_county", What::ExtraColumn { name: "HOUSEHOLDS2016".to_owned() }, 13),
        ("fbi_city_offenses", What::HtmlPage, 12),
        ("arcos_transactions", renamed(), 13),
        ("arcos_transactions", What::ExtraColumn { name: "NEW".to_owned() }, 13),
        ("fbi_city_offenses", What::CountyTable, 13),
        ("arcos_transactions", What::ZeroRows, 14),
    ];
    for (dataset, what, code) in cases {
        let folder = tempfile::tempdir().unwrap();
        let said = format!("{dataset}: {what:?}");
        let faults = vec![Fault { on: String::new(), times: None, what }];
        let replica = Replica::start_blocking(Options { faults, ..Options::default() }).unwrap();
        let output = tollhouse(folder.path(), &["run", dataset, &format!("--replica={}", replica.base())]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}\n{error}");
        assert!(error.contains("what next:"), "{said}\n{error}");
        assert!(!folder.path().join("snapshots").exists(), "{said}");
    }
}

#[test]
fn two_demos_in_two_roots_are_the_same() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for root in [&one, &two] {
        succeed(root.path(), &["demo"]);
    }
    let parts = files(&one.path().join("tables"));
    assert!(parts.len() > 20);
    assert!(parts.iter().any(|(path, _)| path.starts_with("opioid_deaths_and_dispensing_state")));
    assert!(parts == files(&two.path().join("tables")), "parts differ");
    let drawn = |root: &Path| -> Vec<_> {
        let own = files(&root.join("figures"));
        // A receipt tells of its snapshot's exchanges, which are named for the time.
        own.into_iter().filter(|(path, _)| path.extension().is_some_and(|ending| ending != "json")).collect()
    };
    let figures = drawn(one.path());
    // Six files each, the receipts apart.
    let declared = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../warehouse/figures")).unwrap().count();
    assert_eq!(figures.len(), 5 * declared);
    assert!(figures == drawn(two.path()), "figures differ");
    let verdicts = |root: &Path| succeed(root, &["claims"]);
    assert_eq!(verdicts(one.path()), verdicts(two.path()));
    let again = tempfile::tempdir().unwrap();
    succeed(one.path(), &["figure", "build", "--at", "demo", "--out", again.path().to_str().unwrap()]);
    assert!(figures.iter().all(|(path, bytes)| std::fs::read(again.path().join(path)).unwrap() == *bytes));
}

#[test]
fn a_new_edition_stands_beside_the_old_one_and_a_pin_keeps_the_past() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let options = Options { vsrr_edition: Edition::V2018, ..Options::default() };
    let replica = Replica::start_blocking(options).unwrap();
    let run = ["run", "cdc_vsrr_state", &format!("--replica={}", replica.base())];
    succeed(root, &run);
    succeed(root, &["pin", "add", "old"]);
    check(root, "select count(*) from cdc_vsrr_state", "8778");
    replica.set_vsrr_edition(Edition::V2019);
    succeed(root, &run);
    check(root, "select count(*) from history.cdc_vsrr_state", "22098");
    check(root, "select count(*) from cdc_vsrr_state where release = 'through-2018-09'", "13320");
    check(
        root,
        "select count(*) from (select period_end from cdc_vsrr_state group by period_end having count(distinct release) > 1)",
        "0",
    );
    let sql = "select count(*) from cdc_vsrr_state";
    assert!(succeed(root, &["sql", "--at", "old", "--format", "csv", sql]).contains("8778"));
}

#[test]
fn the_same_table_comes_from_the_portal_and_from_the_api() {
    let project = tempfile::tempdir().unwrap();
    let here = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
    for folder in ["pipelines", "warehouse"] {
        std::fs::create_dir(project.path().join(folder)).unwrap();
    }
    std::fs::copy(here.join("warehouse/columns.toml"), project.path().join("warehouse/columns.toml")).unwrap();
    let declared = std::fs::read_to_string(here.join("pipelines/cdc_vsrr_state.toml")).unwrap();
    let portal = declared.replace("format = \"json\"", "format = \"csv\"");
    assert_ne!(declared, portal);
    std::fs::write(project.path().join("pipelines/cdc_vsrr_state.toml"), portal).unwrap();

    let (api, csv) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    succeed(api.path(), &["run", "cdc_vsrr_state", "--replica"]);
    let other = project.path().to_str().unwrap();
    succeed(csv.path(), &["--project", other, "run", "cdc_vsrr_state", "--replica"]);
    let sql = "select * exclude (_capture, _record) from cdc_vsrr_state order by all";
    let table = |root: &Path| succeed(root, &["sql", "--format", "csv", sql]);
    assert_eq!(table(api.path()), table(csv.path()));
}

#[test]
fn plain_and_gzipped_text_give_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("project");
    let here = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
    std::fs::create_dir_all(project.join("pipelines")).unwrap();
    std::fs::create_dir_all(project.join("warehouse")).unwrap();
    std::fs::copy(here.join("warehouse/columns.toml"), project.join("warehouse/columns.toml")).unwrap();
    let declared = std::fs::read_to_string(here.join("pipelines/arcos_transactions.toml")).unwrap();
    let gzipped = declared.replace("itemized.tsv\"", "itemized.tsv.gz\"");
    assert_ne!(declared, gzipped);
    std::fs::write(project.join("pipelines/arcos_transactions.toml"), gzipped).unwrap();
    let (plain, gz) = (folder.path().join("plain"), folder.path().join("gz"));
    succeed(&plain, &["run", "arcos_transactions", "--replica"]);
    succeed(&gz, &["--project", project.to_str().unwrap(), "run", "arcos_transactions", "--replica"]);
    let sql = "select * exclude (_capture) from arcos_transactions order by all";
    let table = |root: &Path| succeed(root, &["sql", "--format", "csv", sql]);
    assert!(table(&plain) == table(&gz));
}

#[test]
fn runs_of_different_datasets_side_by_side_both_land() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let datasets = ["cdc_opioid_deaths_us", "cdc_opioid_deaths_state", "cdc_opioid_dispensing_state"];
    let runs = datasets.iter().map(|dataset| command(root, &["run", dataset, "--replica", "--json"]));
    let mut runs: Vec<_> = runs.map(|mut run| run.stdout(Stdio::null()).spawn().unwrap()).collect();
    for run in &mut runs {
        assert!(run.wait().unwrap().success());
    }
    succeed(root, &["snapshot", "verify"]);
    check(root, "select count(*) from meta.snapshots", "3");
    check(root, "select count(*) from cdc_opioid_deaths_state where drug = 'any_opioid'", "918");
    check(root, "select sum(deaths) from cdc_opioid_deaths_us where drug = 'any_opioid'", "351630");
    check(root, "select count(*) from cdc_opioid_dispensing_state", "918");
}

#[test]
fn live_data_and_the_replicas_never_share_a_root() {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), &["run", "cdc_opioid_deaths_us", "--replica"]);
    let output = tollhouse(folder.path(), &["run", "fbi_city_offenses", "--dry-run"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("holds the replica's data"), "{error}");
}

#[test]
fn terms_are_accepted_or_nothing_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let output = tollhouse(&folder.path().join("root"), &["run", "cdc_vsrr_state"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("data-use terms") && error.contains("accept_terms"), "{error}");
    assert!(!folder.path().join("root").exists());
}

#[test]
fn bad_files_are_refused_on_import_too() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let page = file("page.tsv", b"<!DOCTYPE html><html><body>moved</body></html>");
    let pointer = file("pointer.tsv", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    let gzip = file("cut.tsv.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1, 2, 3]);
    let other = file("other.csv", b"a,b\n1,2\n");
    let wide = file("wide.txt", b"\xff\xfea\0,\0b\0");
    for (path, code) in [(page, 12), (wide, 12), (pointer, 12), (gzip, 12), (other, 13)] {
        let output = tollhouse(&root, &["import", "arcos_transactions", &path]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{path}\n{error}");
        assert!(error.contains("what next:"), "{error}");
        assert!(!root.join("snapshots").exists());
    }
}

/// A body of the replica, as a file that a person could have saved.
fn saved(replica: &Replica, url: &str, to: &Path) -> String {
    use std::io::{Read as _, Write as _};
    let base = replica.base();
    let mut line = std::net::TcpStream::connect(base.trim_start_matches("http://")).unwrap();
    write!(line, "GET /{url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    line.read_to_end(&mut bytes).unwrap();
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    std::fs::write(to, &bytes[head..]).unwrap();
    to.to_str().unwrap().to_owned()
}

/// The configuration of somebody who has accepted the terms.
fn accepted(folder: &Path) -> String {
    let path = folder.join("tollhouse.toml");
    std::fs::write(&path, "accept_terms = [\"nchs\"]").unwrap();
    path.to_str().unwrap().to_owned()
}

const CIUS: &str = "ucr.fbi.gov/crime-in-the-u.s/2013/crime-in-the-u.s.-2013/tables/table-8/table_8_offenses_known_to_law_enforcement_by_state_by_city_2013.xls";
const TRANSCRIPTION: &str = "raw.githubusercontent.com/vishal-337/EPI_Project/411428facac5/data/raw/State_Opioid_Dispensing_Rates_2006_2018.csv";

#[test]
fn files_are_recognised_by_content_and_committed_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (root, config) = (folder.path().join("root"), accepted(folder.path()));
    let replica = Replica::start_blocking(Options::default()).unwrap();
    let save = |url: &str, name: &str| saved(&replica, url, &folder.path().join(name));
    let cities = save(CIUS, "one");
    let rates = save(TRANSCRIPTION, "two");
    let deaths = save("exports.invalid/wonder/D77/any-opioid-us-year-1999-2016.txt", "three");
    let provisional = save("data.cdc.gov/api/views/xkb8-kh2a/rows.csv?accessType=DOWNLOAD", "four");
    let bad = folder.path().join("bad");
    std::fs::write(&bad, "YEAR,STATE_NAME,STATE_ABBREV,STATE_FIPS,opioid_dispensing_rate,Surprise\n2006,a,AL,01,1,2\n")
        .unwrap();

    let files = [&cities, &rates, &deaths, &provisional].map(String::as_str);
    let with_bad = [&["--config", &config, "import"], &files[..], &[bad.to_str().unwrap()]].concat();
    assert_eq!(tollhouse(&root, &with_bad).status.code(), Some(13));
    assert!(!root.join("snapshots").exists());

    let good = [&["--config", &config, "import"], &files[..]].concat();
    succeed(&root, &good);
    check(&root, "select count(*) from meta.snapshots", "1");
    check(&root, "select distinct source_grade from cdc_opioid_dispensing_state", "secondary");
    check(&root, "select count(*) from fbi_city_offenses", "9292");
    let again = succeed(&root, &good);
    assert!(again.contains("Nothing was committed"), "{again}");
    check(&root, "select count(*) from meta.snapshots", "1");
}

#[test]
fn a_transcription_does_not_pass_for_the_publishers_file() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let replica = Replica::start_blocking(Options::default()).unwrap();
    let rates = saved(&replica, TRANSCRIPTION, &folder.path().join("rates.csv"));
    let output = tollhouse(&root, &["import", "cdc_opioid_dispensing_state", "--slice", "state-2019-2023", &rates]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(13), "{error}");
    assert!(error.contains("covers 2019-2023, and the file has 2006"), "{error}");
    assert!(!root.join("snapshots").exists());
}

/// The text of a page of the replica, as a browser copies it.
fn copied(html: &str) -> String {
    let cells = |line: &str| {
        let open = line.replace("<th>", "<td>").replace("</th>", "</td>");
        open.split("<td>").skip(1).map(|cell| cell.split("</td>").next().unwrap()).collect::<Vec<_>>().join("\t")
    };
    let title = html.split("<h1>").nth(1).unwrap().split("</h1>").next().unwrap();
    let rows = html.lines().filter(|line| line.contains("<tr>")).map(cells);
    [title.to_owned()].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_page_and_its_copied_text_say_the_same_and_are_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let replica = Replica::start_blocking(Options::default()).unwrap();
    let page = folder.path().join("saved");
    let page = saved(&replica, "www.cdc.gov/drugoverdose/rxrate-maps/county2017.html", &page);
    let text = folder.path().join("copied");
    // A page of a year that the pipeline lists nowhere: the heading says it.
    let later = folder.path().join("later");
    let copied = copied(&std::fs::read_to_string(&page).unwrap());
    std::fs::write(&text, &copied).unwrap();
    std::fs::write(&later, copied.replacen("2017", "2020", 1)).unwrap();
    succeed(&root, &["import", &page, text.to_str().unwrap(), later.to_str().unwrap()]);
    check(
        &root,
        "select string_agg(release || ' ' || year || ' ' || source_grade || ' ' || n, ', ' order by release, year) from (select release, year, source_grade, count(*) as n from history.cdc_opioid_dispensing_county group by all)",
        "\"page-text-2019-site 2017 secondary 2955, page-text-2019-site 2020 secondary 2955, pages-2019-site 2017 publisher 2955\"",
    );
    check(
        &root,
        "select count(*) from (select county_fips, county, prescriptions_per_100 from history.cdc_opioid_dispensing_county where year = 2017 group by all having count(*) <> 2)",
        "0",
    );
    let output =
        tollhouse(&root, &["import", "cdc_opioid_dispensing_county", "--slice", "county-2017", text.to_str().unwrap()]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(13), "{error}");
    assert!(error.contains("text copied from a page of the edition page-text-2019-site"), "{error}");
}

#[test]
fn tables_of_the_project_know_their_capture() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let run = ["run", "geo_counties", "geo_county_changes", "--replica"];
    succeed(root, &run);
    check(
        root,
        "select url from meta.captures where dataset = 'geo_counties'",
        "project:warehouse/reference/geo_counties.csv",
    );
    check(
        root,
        "select count(*) from geo_counties g join meta.captures c on c.sha256 = g._capture and c.via = 'project'",
        "3164",
    );
    succeed(root, &["snapshot", "verify"]);
    assert!(succeed(root, &run).contains("Nothing to commit"));
}

#[test]
fn what_is_refused_never_reaches_the_archive() {
    for what in [
        What::RenamedColumn { from: "BUYER_STATE".to_owned(), to: "BUYER_ST".to_owned() },
        What::ExtraColumn { name: "NEW".to_owned() },
        What::HtmlPage,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let faults = vec![Fault { on: String::new(), times: None, what }];
        let replica = Replica::start_blocking(Options { faults, ..Options::default() }).unwrap();
        tollhouse(folder.path(), &["run", "arcos_transactions", &format!("--replica={}", replica.base())]);
        assert!(!folder.path().join("raw").exists());
        let receipts = files(&folder.path().join("exchanges"));
        assert_eq!(receipts.len(), 1);
        assert!(String::from_utf8_lossy(&receipts[0].1).contains("\"refused\": \""));
    }
}

#[test]
fn a_publisher_that_asks_us_to_wait_for_an_hour_is_asked_once() {
    let folder = tempfile::tempdir().unwrap();
    let faults = vec![Fault { on: String::new(), times: None, what: What::RetryAfter { code: 429, seconds: 3600 } }];
    let replica = Replica::start_blocking(Options { faults, ..Options::default() }).unwrap();
    let output = tollhouse(folder.path(), &["run", "arcos_transactions", &format!("--replica={}", replica.base())]);
    assert_eq!(output.status.code(), Some(10));
    // The file's host, and the one of the service that may stand in for it.
    let hosts: Vec<String> = replica.requests().into_iter().map(|seen| seen.host).collect();
    assert_eq!(hosts, ["wp-stat.s3.amazonaws.com", "ne.washingtonpost.com"]);
}

#[test]
fn a_damaged_capture_is_fetched_afresh_and_never_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    succeed(root, &["run", "cdc_opioid_deaths_us", "--replica"]);
    let (path, bytes) = files(&root.join("raw")).remove(0);
    let text = String::from_utf8(bytes).unwrap();
    std::fs::write(root.join("raw").join(&path), text.replacen("8050", "9050", 1)).unwrap();
    assert_eq!(tollhouse(root, &["snapshot", "verify"]).status.code(), Some(1));
    succeed(root, &["run", "cdc_opioid_deaths_us", "--replica"]);
    succeed(root, &["snapshot", "verify"]);
    check(root, "select deaths from cdc_opioid_deaths_us where drug = 'any_opioid' and year = 1999", "8050");
}

#[test]
fn crude_rates_of_suppressed_counts_have_bounds() {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), &["run", "cdc_opioid_deaths_state", "--replica"]);
    let rows = "from cdc_opioid_deaths_state where drug = 'any_opioid' and deaths_status = 'suppressed'";
    check(
        folder.path(),
        &format!("select count(*) {rows} and crude_rate_per_100k is null and crude_rate_per_100k_low = 0"),
        "16",
    );
    // Alaska 2002: nine deaths at most among the 642,337 residents that WONDER ships: 900,000 / 642,337 = 1.40113367…
    check(
        folder.path(),
        &format!("select crude_rate_per_100k_high {rows} and state_fips = '02' and year = 2002"),
        "1.401133673",
    );
}

#[test]
fn a_dry_run_makes_no_warehouse() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let text = succeed(&root, &["run", "cdc_opioid_deaths_us", "--replica", "--dry-run"]);
    assert!(text.contains("Dry run"), "{text}");
    assert!(!root.exists());
}

#[test]
fn a_probe_compares_shapes_and_says_what_moved() {
    let folder = tempfile::tempdir().unwrap();
    let replica = Replica::start_blocking(Options::default()).unwrap();
    let lines = succeed(folder.path(), &["probe", "--replica", &replica.base(), "--json"]);
    let answers = lines.matches("\"answer\"").count();
    assert_eq!(lines.matches("\"as declared\"").count(), answers, "{lines}");
    assert!(answers >= 18, "{lines}");

    let what = What::ExtraColumn { name: "NEW".to_owned() };
    replica.set_faults(vec![Fault { on: "arcos".to_owned(), times: None, what }]);
    let output = tollhouse(folder.path(), &["probe", "arcos_transactions", "--replica", &replica.base()]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("changed") && text.contains("NEW"), "{text}");
    drop(replica);
    let gone = tollhouse(folder.path(), &["probe", "arcos_transactions", "--replica", "http://127.0.0.1:9"]);
    assert_eq!(gone.status.code(), Some(10));
    let stranger = tollhouse(folder.path(), &["probe", "arcos_transactions", "--replica", "http://192.0.2.1:80"]);
    assert_eq!(stranger.status.code(), Some(2));
    // Nothing of a probe is kept.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
