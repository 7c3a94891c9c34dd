//! Printed bytes against the captured files, where those are at hand (`TOLLHOUSE_CAPTURES`). Elsewhere these tests pass unseen.

use super::*;
use calamine::Reader;
use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

fn capture(file: &str) -> Option<Vec<u8>> {
    let root = PathBuf::from(std::env::var_os("TOLLHOUSE_CAPTURES")?);
    Some(std::fs::read(root.join(file)).unwrap())
}

/// Compares line by line first, since a difference in megabytes of bytes cannot be read.
fn check_same(printed: &[u8], captured: &[u8]) {
    let lines = printed.split(|byte| *byte == b'\n').zip(captured.split(|byte| *byte == b'\n'));
    for (at, (ours, theirs)) in lines.enumerate() {
        assert_eq!(String::from_utf8_lossy(ours), String::from_utf8_lossy(theirs), "line {}", at + 1);
    }
    assert!(printed == captured);
}

fn check(print: fn() -> crate::Result<Vec<u8>>, file: &str) {
    if let Some(captured) = capture(file) {
        check_same(&print().unwrap(), &captured);
    }
}

/// Lines of a capture that hold.
fn lines(file: &str, holds: impl Fn(&str) -> bool) -> Option<Vec<String>> {
    let text = String::from_utf8(capture(file)?).unwrap();
    Some(text.lines().filter(|line| holds(line)).map(str::to_owned).collect())
}

#[test]
fn county_pages_have_the_cells_of_the_captured_texts() {
    for year in 2006..=2018 {
        let Some(captured) = lines(&format!("cdc/rx_rates/county_pages/{year}.txt"), |line| line.contains('\t')) else {
            return;
        };
        let printed = crate::print::counties::page_rows(&year.to_string()).unwrap();
        let printed: Vec<String> = printed.iter().map(|row| row.join("\t")).collect();
        assert!(printed == captured, "{year}");
    }
}

#[test]
fn county_csv_has_the_captured_lines_since_2019() {
    let Some(mut captured) = lines("cdc/rx_rates/vishal_County_Opioid_Dispensing_Rates_Complete.csv", |_| true) else {
        return;
    };
    // Rows of 2006-2018, which are the copy's author's, stand before them.
    captured.drain(1..=11 * 3_143 + 2_955 + 2_881);
    let printed = String::from_utf8(crate::print::counties::since_2019().unwrap()).unwrap();
    let printed: Vec<&str> = printed.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(captured.len(), 15_721);
    assert!(printed == captured);
}

#[test]
fn populations_are_the_first_columns_of_the_captured_file() {
    let Some(captured) = lines("cdc/census/avizoetic_co-est2016-alldata.csv", |_| true) else { return };
    let printed = crate::print::census::counties_2016().unwrap();
    let printed: String = printed.into_iter().map(char::from).collect();
    for (printed, captured) in printed.lines().zip(&captured) {
        assert!(captured.starts_with(&format!("{},", printed.replace('ñ', "\u{fffd}"))), "{printed}");
    }
    assert_eq!(printed.lines().count(), captured.len());
}

#[test]
fn texts_are_the_publishers_bytes() {
    use crate::print::{cms, copies, dispensing, estimates, wonder};
    check(cms::opioids_by_state, "arcos/cms_partd/opioid_mapping_tool_2013_2016_Prescriber_state.csv");
    check(cms::opioids_by_county, "arcos/cms_partd/opioid_mapping_tool_2013_2016_Prescriber_county.csv");
    check(|| wonder::export("state_any_opioid"), "cdc/wonder_mcd_state/cdc_wonder_pull_total_all_opioids.txt");
    check(|| wonder::export("us_any_opioid"), "cdc/wonder_mcd_state/cdc_wonder_pull_total_natl_all_opioids.txt");
    check(|| wonder::export("state_heroin"), "cdc/wonder_mcd_state/cdc_wonder_pull_total_heroin.txt");
    check(|| wonder::export("us_heroin"), "cdc/wonder_mcd_state/cdc_wonder_pull_total_natl_heroin.txt");
    check(|| wonder::export("state_race_any_opioid"), "cdc/wonder_mcd_state/cdc_wonder_pull_all_opioids.txt");
    check(|| wonder::export("us_race_any_opioid"), "cdc/wonder_mcd_state/cdc_wonder_pull_natl_all_opioids.txt");
    check(
        || wonder::export("county_any_opioid_2006_2012"),
        "cdc/wonder_mcd_county/smussenden_MCD_2006-2012_county_pooled_opioid.txt",
    );
    check(
        || wonder::export("state_overdose"),
        "cdc/wonder_ucd_state_drug/cagrimmett_UCD_1999-2015_state-year_overdose.txt",
    );
    check(
        || wonder::export("county_drug_induced"),
        "cdc/wonder_ucd_county_drug/dblakev_UCD_1999-2015_year-state-county_drug-induced.txt",
    );
    check(
        || wonder::export("state_firearm_2015"),
        "cdc/wonder_firearm/akiokaki_UCD_2015_state_firearm_excl_suicide.txt",
    );
    check(
        || wonder::export("state_race_firearm"),
        "cdc/wonder_firearm/lettergram_UCD_2013-2016_state-race-year-cause_firearm.txt",
    );
    check(estimates::through_2016, "fbi/estimated_crimes/estimated_1995_2016.csv");
    check(estimates::through_2019, "fbi/estimated_crimes/estimated_crimes_1979_2019.csv");
    check(dispensing::since_2019, "cdc/rx_rates/vishal_State_Opioid_Dispensing_Rates_2019-2023.csv");
    check(dispensing::until_2018, "cdc/rx_rates/vishal_State_Opioid_Dispensing_Rates_2006_2018.csv");
    check(copies::opioid_deaths_state_sex, "cdc/wonder_mcd_state/tlcaputi_opioid_deaths_by_state_gender_2000-2023.csv");
    check(copies::firearm_deaths_county, "cdc/wonder_firearm/d2718_gun_data_county_year_1999_2019.csv");
    check(copies::dispensing_us, "cdc/rx_rates/parmsam_USA_OpioidRxData_2006-2017.csv");
}

#[test]
fn the_portals_tables_are_the_publishers_bytes() {
    use crate::Edition;
    const POISONING: &str = "cdc/socrata_nchs_poisoning/";
    for (id, edition, folder, file) in [
        ("xkb8-kh2a", Edition::V2018, "cdc/socrata_vsrr/", "gentrylamb_VSRR_10col_commas_2018.csv"),
        ("xkb8-kh2a", Edition::V2019, "cdc/socrata_vsrr/", "info201a_2019_VSRR_12col.csv"),
        ("jx6g-fdh6", Edition::V2019, POISONING, "mcfaddja_NCHS_state_18col_1999-2014.csv"),
        (
            "xbxb-epbu",
            Edition::V2019,
            POISONING,
            "NCHS_-_Drug_Poisoning_Mortality_by_State__United_States.gabrielkahn.csv",
        ),
        ("44rk-q6r2", Edition::V2019, POISONING, "manjunath_NCHS_state_2020.csv"),
        ("p56q-jrxg", Edition::V2019, POISONING, "NCHS_-_Drug_Poisoning_Mortality_by_County__United_States.csv"),
        (
            "bi63-dtpu",
            Edition::V2019,
            "cdc/socrata_nchs_leading_causes/",
            "NCHS_-_Leading_Causes_of_Death__United_States.csv",
        ),
    ] {
        let Some(captured) = capture(&format!("{folder}{file}")) else { return };
        let table = crate::print::socrata::find(id, edition).unwrap();
        check_same(&table.printed().unwrap().portal, &captured);
    }
}

#[test]
fn cells_are_the_publishers_cells() {
    for (year, file) in [
        ("2013", "fbi/cius/2013/Table_8_Offenses_Known_to_Law_Enforcement_by_State_by_City_2013.xls"),
        ("2015", "fbi/cius/2015/Table_8_Offenses_Known_to_Law_Enforcement_by_State_by_City_2015.xls"),
        ("2016", "fbi/cius/2016/Table_6_Offenses_Known_to_Law_Enforcement_by_State_by_City_2016.xls"),
    ] {
        let Some(captured) = capture(file) else { return };
        let printed = crate::print::cius::cities(year).unwrap().xlsx().unwrap();
        let ours = cells(calamine::Xlsx::new(std::io::Cursor::new(printed)).unwrap());
        let theirs = cells(calamine::Xls::new(std::io::Cursor::new(captured)).unwrap());
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs);
        }
    }
}

#[test]
fn figures_of_small_tables_are_the_publishers() {
    for (key, file) in [
        ("weapons_state_2013", "2013/Table_20_Murder_by_State_Types_of_Weapons_2013"),
        ("weapons_state_2015", "2015/Table_20_Murder_by_State_Types_of_Weapons_2015"),
        ("weapons_us_2013", "2013/Expanded_Homicide_Data_Table_8_Murder_Victims_by_Weapon_2009-2013"),
        ("weapons_us_2015", "2015/Expanded_Homicide_Data_Table_8_Murder_Victims_by_Weapon_2011-2015"),
        ("us_2013", "2013/Table_1_Crime_in_the_United_States_by_Volume_and_Rate_per_100000_Inhabitants_1994-2013"),
        ("us_2015", "2015/Table_1_Crime_in_the_United_States_by_Volume_and_Rate_per_100000_Inhabitants_1996-2015"),
    ] {
        let Some(captured) = capture(&format!("fbi/cius/{file}.xls")) else { return };
        let printed = crate::print::cius::small(key).unwrap().xlsx().unwrap();
        let ours = calamine::Xlsx::new(std::io::Cursor::new(printed)).unwrap().worksheets().remove(0);
        let theirs = calamine::Xls::new(std::io::Cursor::new(captured)).unwrap().worksheets().remove(0);
        assert_eq!(ours.0, theirs.0);
        // Years may be texts there or numbers, and cells that hold one blank are left out.
        let cells = |range: &calamine::Range<calamine::Data>| -> BTreeSet<(usize, usize, String)> {
            let start = range.start().unwrap();
            let cells = range
                .used_cells()
                .map(|(row, column, cell)| (row + start.0 as usize, column + start.1 as usize, cell.to_string()));
            cells.filter(|(_, _, text)| !text.trim().is_empty()).collect()
        };
        let (ours, theirs) = (cells(&ours.1), cells(&theirs.1));
        assert!(ours.len() > 100, "{key}");
        assert_eq!(
            ours.symmetric_difference(&theirs).collect::<Vec<_>>(),
            Vec::<&(usize, usize, String)>::new(),
            "{key}"
        );
    }
}

#[test]
fn mingo_is_the_publishers_file_but_for_persons() {
    let Some(captured) = capture("arcos/washpost_raw_2006_2012/arcos-wv-mingo-54059-itemized.tsv.gz") else {
        return;
    };
    let captured = String::from_utf8(gunzip(&captured)).unwrap();
    let mut masked = String::with_capacity(captured.len());
    let mut personal = HashSet::new();
    let mut public: HashSet<&str> = HashSet::from(["null"]);
    for (at, line) in captured.lines().enumerate() {
        let mut fields: Vec<&str> = line.split('\t').collect();
        if at > 0 && !crate::is_business(fields[11]) {
            for at in [10, 12, 13, 14, 15, 16, 18] {
                personal.insert(fields[at]);
                fields[at] = "null";
            }
        }
        masked.push_str(&fields.join("\t"));
        masked.push('\n');
        public.extend(fields);
    }
    check_same(&crate::print::arcos::mingo().unwrap(), masked.as_bytes());

    // A town, or a house that also holds a pharmacy, is not a secret; everything else must be nowhere in our tables.
    let secret: BTreeSet<&str> = personal.into_iter().filter(|value| !public.contains(value)).collect();
    assert!(!secret.is_empty());
    let tables = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("tables");
    let mut files = 0;
    for folder in std::fs::read_dir(tables).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let bytes = if path.extension().is_some_and(|end| end == "zst") {
                zstd::decode_all(bytes.as_slice()).unwrap()
            } else {
                bytes
            };
            let text = String::from_utf8(bytes).unwrap();
            files += 1;
            for value in &secret {
                // Not the value: a failing test must not print it.
                assert!(!text.contains(value), "{} holds a value of a person", path.display());
            }
        }
    }
    assert!(files > 20);
}
