//! The demo, whole: what the publishers say, what an answer is to be read with, and the same bytes twice.
//! Expected figures are the publishers' own totals, or were counted in the captured files by other programs.

use super::*;

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
    // The state's buyers, with the publisher's totals; of the pharmacies among them twelve stand out.
    let buyers = "select count(*) || ' ' || sum(dosage_units) || ' ' || sum(transactions) from arcos_buyer_totals";
    check(root, buyers, "975 853486419.00000 1879320");
    check(root, "select count(*) || ' ' || count(*) filter (stands_out) from arcos_pharmacy_outliers", "598 12");
    check(root, "select persons from arcos_person_distribution", "361");
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
    // Years together hold the one in which causes were ill-defined, and an edition that is not read does no harm.
    check_caveats(
        root,
        "select sum(deaths) from cdc_opioid_deaths_county where county_fips like '54%'",
        &["rests on 2009-01-01 to 2009-12-31 of West Virginia: Unusually many deaths"],
    );
    let crimes =
        |what: &str| format!("select sum({what}) from fbi_estimated_offenses_state where year between 2012 and 2015");
    check_caveats(root, &crimes("rape_legacy"), &[]);
    check_caveats(root, &crimes("violent_crime"), &["crosses a break of 2013-01-01: The FBI collects rape"]);
    check_caveats(
        root,
        "select age_adjusted_rate_per_100k, prescriptions_per_100 from opioid_deaths_and_dispensing_state where year = 2015",
        &["places are of different kinds: prescriptions_per_100 by pharmacy; age_adjusted_rate_per_100k by residence"],
    );
    check_caveats(root, "select dosage_units, dosage_units_expected from arcos_pharmacy_outliers", &[]);
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
