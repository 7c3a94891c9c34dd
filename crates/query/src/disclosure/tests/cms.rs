//! Medicare Part D: no count of 1 to 10. All figures are invented.

use super::*;
use crate::models::Became;

/// A place where 10 persons are shown, one with a withheld number, and one with large numbers.
const PLACES: &str = "geography,geography_code,state_fips,year,brand_name,generic_name,claims,claims_low,claims_high,\
                      claims_status,beneficiaries,beneficiaries_low,beneficiaries_high,beneficiaries_status
    Alabama,01,01,2023,Fictol,Fictodone,40,40,40,reported,10,10,10,reported
    Alaska,02,02,2023,Fictol,Fictodone,50,50,50,reported,,1,10,suppressed
    Arizona,04,04,2023,Fictol,Fictodone,60,60,60,reported,30,30,30,reported
    Arizona,04,04,2023,Inventine,Inventine,70,70,70,reported,11,11,11,reported";

/// Two prescribers whom nothing tells apart, as persons are, and one more.
const PRESCRIBERS: &str = "state_fips,prescriber_state,year,brand_name,generic_name,claims,claims_low,claims_high,\
                           claims_status,beneficiaries,beneficiaries_low,beneficiaries_high,beneficiaries_status,_record
    54,WV,2023,Fictol,Fictodone,12,12,12,reported,,1,10,suppressed,2
    54,WV,2023,Fictol,Fictodone,40,40,40,reported,20,20,20,reported,3
    54,WV,2023,Inventine,Inventine,70,70,70,reported,30,30,30,reported,4";

const STATES: &str = "state_fips,state,year,opioid_claims,opioid_claims_low,opioid_claims_high,opioid_claims_status,\
                      opioid_prescribing_rate
    01,Alabama,2015,300,300,300,reported,7.5
    02,Alaska,2015,10,10,10,reported,6.66";

const COUNTIES: &str = "county_fips,state,county,year,opioid_claims,opioid_claims_low,opioid_claims_high,\
                        opioid_claims_status
    01001,Alabama,Autauga,2015,100,100,100,reported
    01003,Alabama,Baldwin,2015,195,195,195,reported
    01005,Alabama,Barbour,2015,,,,not_shown";

fn medicare() -> Tiny {
    let tiny = Tiny::medicare();
    tiny.commit("cms_partd_geography_drug", "2023", PLACES);
    tiny.commit("cms_partd_prescriber_drug", "2023", PRESCRIBERS);
    tiny.commit("cms_opioid_prescribing_state", "2013-2016", STATES);
    tiny.commit("cms_opioid_prescribing_county", "2013-2015", COUNTIES);
    tiny
}

const SMALL: &str = "would show a count of 1-10 from cms_";

#[test]
fn a_count_of_ten_is_refused_and_one_of_eleven_is_not() {
    let tiny = medicare();
    let session = tiny.session();
    let persons = "SELECT geography AS x, beneficiaries AS y FROM cms_partd_geography_drug WHERE";
    refuse(&session, &format!("{persons} geography = 'Alabama'"), SMALL);
    refuse(&session, &persons.replace("beneficiaries AS y", "beneficiaries + 1000 AS y").replace(" WHERE", ""), SMALL);
    refuse(
        &session,
        "SELECT geography AS x, CASE beneficiaries WHEN 10 THEN 'ten' ELSE 'other' END AS y FROM \
         cms_partd_geography_drug",
        "would show what a count of 1-10 from",
    );
    accept(&session, &format!("{persons} geography = 'Arizona'"));
    accept(&session, &persons.replace(" AS y", "_status AS y").replace(" WHERE", ""));
    // The hint is the publisher's rule, and not another's.
    let sql = format!("{persons} geography = 'Alabama'");
    let error = guard(&session, "a test", &sql, &session.query(&sql).unwrap()).unwrap_err();
    assert!(error.hint_text().unwrap().starts_with("CMS shows no cell of 1 to 10"), "{error}");
}

#[test]
fn what_stands_for_one_prescribers_beneficiaries_is_refused() {
    let tiny = medicare();
    let session = tiny.session();
    let from = "FROM cms_partd_prescriber_drug";
    refuse(&session, &format!("SELECT sum(beneficiaries_low) AS n {from} WHERE brand_name = 'Fictol'"), SINGLE);
    refuse(
        &session,
        &format!("SELECT sum_bounds(beneficiaries_low, beneficiaries_high) AS n {from} WHERE brand_name = 'Fictol'"),
        SINGLE,
    );
    accept(&session, &format!("SELECT brand_name, sum(claims) AS n {from} GROUP BY brand_name"));
    accept(&session, &format!("SELECT prescriber_state, sum(claims) AS n {from} GROUP BY prescriber_state"));
}

#[test]
fn a_rate_of_a_small_count_and_what_a_state_leaves_for_a_county_are_refused() {
    let tiny = medicare();
    let session = tiny.session();
    let rate = "SELECT state AS x, opioid_prescribing_rate AS y FROM cms_opioid_prescribing_state WHERE state_fips =";
    refuse(&session, &format!("{rate} '02'"), "would show what a count of 1-10 from");
    accept(&session, &format!("{rate} '01'"));
    let rest = "SELECT s.state AS x, (s.opioid_claims - c.known) * 3 AS y FROM cms_opioid_prescribing_state AS s, \
                (SELECT sum(opioid_claims) AS known FROM cms_opioid_prescribing_county) AS c WHERE s.state_fips = '01'";
    refuse(&session, rest, LEFT);
}

#[test]
fn of_two_rules_the_stricter_holds() {
    let tiny = medicare();
    let deaths = "state_fips,state,year,drug,deaths,deaths_low,deaths_high,deaths_status
        01,Alabama,2023,any_opioid,100,100,100,reported";
    tiny.commit("cdc_opioid_deaths_state", "r1", deaths);
    let sql = "SELECT d.state AS x, d.deaths AS y, g.beneficiaries AS z FROM cdc_opioid_deaths_state AS d JOIN \
               cms_partd_geography_drug AS g ON g.state_fips = d.state_fips";
    refuse(&tiny.session(), sql, SMALL);
}

#[test]
fn a_model_over_it_comes_under_the_same_rule() {
    let mut tiny = medicare();
    let declared = "title = 'Persons by place'\nrow = 'place'\nkey = ['geography']\nperiod = 'year'\n\
                    columns = ['year', 'geography', 'beneficiaries']\ncaveats = []";
    let sql = "SELECT year, geography, beneficiaries FROM cms_partd_geography_drug WHERE brand_name = 'Fictol' AND";
    for (place, built) in [("Alabama", false), ("Arizona", true)] {
        tiny.declare("persons_by_place", declared, &format!("{sql} geography = '{place}'"));
        let (_, became) = tiny.run(&[("cms_partd_geography_drug", PLACES)]).unwrap();
        let made = became.values().next().unwrap();
        assert_eq!(matches!(made, Became::Built { .. }), built, "{made:?}");
    }
    let session = tiny.session();
    let terms = "SELECT disclosure FROM meta.licences WHERE dataset = 'persons_by_place'";
    assert_eq!(crate::testing::lines(&session, terms), ["cms"]);
}

#[test]
fn an_audit_takes_no_prescriber_for_another_edition_of_another() {
    let tiny = medicare();
    let found = audit(&tiny.session()).unwrap();
    assert_eq!(found.withheld, 3);
    let of = |relation: &str| {
        found
            .findings
            .iter()
            .filter(|finding| finding.relation == relation)
            .map(|finding| finding.relations)
            .sum::<usize>()
    };
    assert_eq!(of("a cell in two releases"), 0);
    let places = found.findings.iter().find(|finding| finding.relation == "a place = sum of its places").unwrap();
    assert_eq!((places.relations, places.withheld, places.follow), (1, 1, 1));
}
