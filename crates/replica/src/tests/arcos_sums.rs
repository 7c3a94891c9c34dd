//! The Post's sums and lists against the captured files, and how its API answers.

use super::*;
use crate::print::arcos_sums as sums;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn capture(file: &str) -> Option<String> {
    let root = PathBuf::from(std::env::var_os("TOLLHOUSE_CAPTURES")?);
    Some(std::fs::read_to_string(root.join("arcos/washpost_api").join(file)).unwrap())
}

const FILES: &str = "/raw.githubusercontent.com/wpinvestigative/arcos-api/3a8bc220c382/data/";

#[test]
fn whole_files_are_the_publishers_bytes() {
    let replica = replica();
    for (served, captured) in [
        ("20062012/county_annual.csv", "county_annual_2006_2012.csv"),
        ("county_annual14.csv", "county_annual14.csv"),
        ("20062012/pop_counties_20062012.csv", "pop_counties_20062012.csv"),
        ("pop_counties_20062014.csv", "pop_counties_20062014.csv"),
        ("20062012/pop_states_20062012.csv", "pop_states_20062012.csv"),
        ("pop_states_20062014.csv", "pop_states_20062014.csv"),
        ("county_fips.csv", "county_fips.csv"),
        ("not_pharms.csv", "not_pharms.csv"),
        ("buyer_list14.csv", "buyer_list14.csv"),
    ] {
        let Some(captured) = capture(captured) else { return };
        let printed = get(&replica, &format!("{FILES}{served}")).text();
        for (at, (ours, theirs)) in printed.lines().zip(captured.lines()).enumerate() {
            assert_eq!(ours, theirs, "{served}, line {}", at + 1);
        }
        assert!(printed == captured, "{served}");
    }
}

#[test]
fn lists_of_a_state_are_lines_of_the_publishers_file() {
    let replica = replica();
    for (served, captured, lines) in [
        ("20062012/pharmacies_latlon12.csv", "pharmacies_latlon12.csv", 615),
        ("pharmacies_counties14.csv", "pharmacies_counties14.csv", 654),
        ("20062012/detail_list_reporters.csv", "detail_list_reporters_2006_2012.csv", 6),
        ("detail_list_reporters14.csv", "detail_list_reporters14.csv", 7),
    ] {
        let printed = get(&replica, &format!("{FILES}{served}")).text();
        assert_eq!(printed.lines().count(), lines, "{served}");
        let Some(captured) = capture(captured) else { continue };
        let known: BTreeSet<&str> = captured.lines().collect();
        let odd: Vec<_> = printed.lines().filter(|line| !known.contains(line)).collect();
        assert_eq!(odd, Vec::<&str>::new(), "{served}");
    }
}

#[test]
fn buyers_who_may_be_persons_have_no_name_or_number() {
    let answers = [(sums::buyers().unwrap(), 31, 15), (sums::buyer_years().unwrap(), 71, 14)];
    for (table, rows, persons) in answers {
        let masked: Vec<_> = table.rows.iter().filter(|row| !crate::is_business(&row[1])).collect();
        assert_eq!((table.rows.len(), masked.len()), (rows, persons));
        // Activity, county, state, year and units are all that is left.
        let told = ["BUYER_BUS_ACT", "BUYER_COUNTY", "BUYER_STATE", "year", "DOSAGE_UNIT"];
        for row in masked {
            for (name, cell) in table.header.iter().zip(row) {
                assert!(told.contains(name) || cell.is_empty(), "{name}");
            }
        }
    }
    let totals = sums::buyer_totals().unwrap();
    let masked = totals.rows.iter().filter(|row| row[2].is_empty());
    assert_eq!((totals.rows.len(), masked.clone().count()), (975, 361));
    assert!(masked.clone().all(|row| row[3].is_empty() && row[4].is_empty()));
    assert_eq!(totals.rows.iter().map(|row| row[5].parse::<u64>().unwrap()).sum::<u64>(), 853_486_419);
}

#[test]
fn a_states_and_a_countys_sums_are_the_publishers_lines_but_for_persons() {
    let replica = replica();
    const SUMMARY: &str = "/wp-stat.s3.amazonaws.com/dea-pain-pill-database/summary/";
    let Some(root) = std::env::var_os("TOLLHOUSE_CAPTURES").map(PathBuf::from) else { return };
    let packed = std::fs::read(root.join("arcos/washpost_api/wv_pharmacy_totals_state.decoded.tsv.gz")).unwrap();
    let state = String::from_utf8(gunzip(&packed)).unwrap();
    let county =
        std::fs::read_to_string(root.join("arcos/washpost_summary_tsv/arcos-wv-mingo-54059-pharmacy.tsv")).unwrap();
    for (served, captured, masked) in
        [("arcos-wv-county-pharmacy.tsv", state, (361, 3)), ("arcos-wv-mingo-54059-pharmacy.tsv", county, (3, 0))]
    {
        let printed = get(&replica, &format!("{SUMMARY}{served}")).text();
        assert_eq!(printed.lines().count(), captured.lines().count(), "{served}");
        let (mut persons, mut renamed) = (0, 0);
        for (ours, theirs) in printed.lines().zip(captured.lines()) {
            let (ours, theirs) = (ours.split('\t').collect::<Vec<_>>(), theirs.split('\t').collect::<Vec<_>>());
            let kept = if ours[2] == "null" { &[0, 1, 5, 6][..] } else { &[0, 1, 2, 3, 4, 5, 6] };
            persons += usize::from(kept.len() == 4);
            // An owner's own name is left out: what stands is the end of the publisher's, or nothing.
            let alike = |at: usize| match at {
                3 => ours[3] == theirs[3] || ours[3] == "null" || theirs[3].ends_with(&format!(" DBA {}", ours[3])),
                _ => ours[at] == theirs[at],
            };
            renamed += usize::from(kept.contains(&3) && ours[3] != theirs[3]);
            assert!(kept.iter().all(|at| alike(*at)), "{served}: {ours:?}");
        }
        assert_eq!((persons, renamed), masked, "{served}");
    }
}

#[test]
fn the_api_says_mistakes_with_status_200() {
    let replica = replica();
    let said = |target: &str| {
        let answer = get(&replica, target);
        (answer.status, answer.text())
    };
    const API: &str = "/ne.washingtonpost.com/arcos/v1/";
    let (status, text) = said(&format!("{API}county_data?state=WV&county=Mingo"));
    assert_eq!(
        (status, text.as_str()),
        (200, "{\"error\":[\"Authentication required. Did you include an API key?\"]}")
    );
    let (status, text) = said(&format!("{API}county_data?state=WV&county=Mungo&key=WaPo"));
    assert!(status == 200 && text.starts_with("{\"error\":[\"No such place."), "{text}");
    assert_eq!(said(&format!("{API}combined_buyer_monthly?year=2012&key=WaPo")), (200, "null".to_owned()));
    assert_eq!(said(&format!("{API}no_such?key=WaPo")).0, 404);

    let answer = get(&replica, "/arcos-api.ext.nile.works/v1/combined_county_annual?state=WV&county=Mingo&key=WaPo");
    let rows = answer.json();
    assert_eq!(rows.as_array().unwrap().len(), 9);
    assert_eq!(rows[0]["DOSAGE_UNIT"], 4_691_980);
    let rows = get(&replica, &format!("{API}county_data?state=WV&county=Mingo&key=WaPo")).json();
    let rows = rows.as_array().unwrap();
    assert_eq!((rows.len(), rows[0].as_object().unwrap().len()), (37_154, 42));
    assert_eq!(rows.iter().map(|row| row["DOSAGE_UNIT"].as_u64().unwrap()).sum::<u64>(), 38_269_630);
    // A county's row of nothing has no key for it.
    let all = get(&replica, &format!("{API}combined_county_annual?key=WaPo")).json();
    let nameless = all.as_array().unwrap().iter().filter(|row| row.get("BUYER_COUNTY").is_none());
    assert_eq!(nameless.count(), 17);
}
