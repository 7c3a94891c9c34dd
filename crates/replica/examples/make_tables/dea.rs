//! The DEA's Retail Drug Summary Reports, as far as others transcribed them, and CMS's opioid prescribing mapping tool.

use super::Failure;
use super::out::{Folder, Source};
use std::collections::BTreeMap;
use std::path::Path;

pub fn make(captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    Ok(vec![reports(captures, tables)?, mapping(captures, tables)?])
}

const STATES: &str = "arcos/cms_partd/opioid_mapping_tool_2013_2016_Prescriber_state.csv";

fn records(bytes: &[u8]) -> Result<Vec<csv::StringRecord>, Failure> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    Ok(csv::Reader::from_reader(bytes).into_records().collect::<Result<_, _>>()?)
}

/// A number with at most so many decimals, as a whole number of its smallest unit.
fn units(text: &str, decimals: i32) -> Result<i64, Failure> {
    let scaled = text.parse::<f64>()? * 10_f64.powi(decimals);
    if (scaled - scaled.round()).abs() > 1e-4 {
        return Err(format!("{text} has more than {decimals} decimals").into());
    }
    Ok(scaled.round() as i64)
}

fn hundredths(units: i64) -> String {
    format!("{}.{:02}", units / 100, units % 100)
}

fn reports(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: "Drug Enforcement Administration, Diversion Control Division",
        title: "ARCOS Retail Drug Summary Reports: Report 4 of 2000-2018 (oxycodone, hydrocodone), Report 1 of 2016 and 2017 (three drugs)",
        grade: "secondary",
        credit: "U.S. Drug Enforcement Administration, ARCOS; Report 4 transcribed by the GitHub repository VallieTracy/opioids_project, Report 1 by bbrewington/atlytics-opioid-project",
        licence: "public domain (U.S. Government work); the transcribers state no licence",
        kept: "grams per 100,000 by state, year and drug; grams by three-digit ZIP code, quarter and drug for amphetamine, oxycodone and hydrocodone",
        left_out: "the other drugs of Report 1; its totals, which are the sums of the quarters",
        masked: "nothing: no persons",
        ours: "grams instead of kilograms; states by number, with the census populations that CDC WONDER has for 2000 and 2010",
        ..Source::default()
    };
    let names: Vec<Vec<String>> = records(&source.read(captures, STATES)?)?
        .iter()
        .filter(|row| &row[0] != "National")
        .map(|row| vec![row[1].to_owned(), row[0].to_owned(), format!("{:0>2}", &row[2])])
        .collect();
    source.check("states and the District of Columbia", names.len(), 51)?;
    let mut people: BTreeMap<(String, String), String> = BTreeMap::new();
    let file = "cdc/wonder_mcd_state/cdc_wonder_pull_total_all_opioids.txt";
    let text = String::from_utf8(source.read(captures, file)?)?;
    for line in text.lines() {
        let cells: Vec<&str> = line.split('\t').map(|cell| cell.trim_matches('"')).collect();
        if cells.len() > 6 && ["2000", "2010"].contains(&cells[3]) && cells[0].is_empty() {
            people.insert((cells[2].to_owned(), cells[3].to_owned()), cells[6].to_owned());
        }
    }
    let total =
        |year: &str| people.iter().filter(|(key, _)| key.1 == year).filter_map(|(_, n)| n.parse::<u64>().ok()).sum();
    source.check("population 2000: the census", total("2000"), 281_421_906_u64)?;
    source.check("population 2010: the census", total("2010"), 308_745_538_u64)?;

    let mut rates = Vec::new();
    for row in records(&source.read(captures, "arcos/dea_retail_summary/report4_state_kg_per_100k_2000_2018.csv")?)? {
        let name = if &row[2] == "Dist. of Columbia" { "District of Columbia" } else { &row[2] };
        let state = names.iter().position(|state| state[1] == name).ok_or_else(|| format!("no state {}", &row[2]))?;
        let code = if &row[3] == "Oxycodone" { "9143" } else { "9193" };
        let rate = hundredths(units(&row[6], 5)?);
        rates.push(vec![row[4].to_owned(), code.to_owned(), (state + 1).to_string(), rate]);
    }
    source.check("rates: 51 areas, 19 years, 2 drugs", rates.len(), 1938)?;
    let delaware = names.iter().position(|state| state[0] == "DE").unwrap_or_default() + 1;
    let of_delaware = rates.iter().find(|r| r[0] == "2015" && r[1] == "9143" && r[2] == delaware.to_string());
    source.check("Delaware 2015, as another parser quotes it", of_delaware.map_or("", |r| &r[3]), "35548.91")?;

    let (mut zips, mut oxycodone, mut arkansas) = (Vec::new(), 0, 0);
    for row in records(&source.read(captures, "arcos/dea_retail_summary/report1_zip3_2016_2017.parsed.csv")?)? {
        if !["1100", "9143", "9193"].contains(&&row[1][..4]) || &row[2] == "DL-METHAMPHETAMINE RACEMIC BASE" {
            continue;
        }
        let quarters = (4..8).map(|column| units(&row[column], 2)).collect::<Result<Vec<_>, _>>()?;
        let sum: i64 = quarters.iter().sum();
        if sum != units(&row[8], 2)? {
            return Err(format!("the quarters of {row:?} do not sum to its total").into());
        }
        let of_2016 = &row[0] == "2016";
        oxycodone += if of_2016 && row[1].starts_with("9143") { sum } else { 0 };
        let zip: u32 = row[3].parse()?;
        arkansas += if of_2016 && row[1].starts_with("1100") && (716..=729).contains(&zip) { sum } else { 0 };
        let mut line: Vec<String> = (0..4).map(|column| row[column].to_owned()).collect();
        line.extend(quarters.into_iter().map(hundredths));
        zips.push(line);
    }
    source.check("oxycodone 2016, grams", hundredths(oxycodone), "54777891.71".to_owned())?;
    source.check(
        "amphetamine 2016 in Arkansas, grams, as another parser has it",
        hundredths(arkansas),
        "192688.33".to_owned(),
    )?;

    let mut folder = Folder::new(tables, "dea_retail")?;
    folder.csv(&mut source, "rates", &["year", "drug", "state", "grams_per_100k"], rates)?;
    folder.csv(&mut source, "zip3", &["year", "code", "name", "zip3", "q1", "q2", "q3", "q4"], zips)?;
    let census = |fips: &str, year: &str| people.get(&(fips.to_owned(), year.to_owned())).cloned().unwrap_or_default();
    let states = names.iter().enumerate().map(|(at, state)| {
        let [usps, name, fips] = [&state[0], &state[1], &state[2]];
        vec![(at + 1).to_string(), usps.clone(), name.clone(), census(fips, "2000"), census(fips, "2010")]
    });
    folder.csv(&mut source, "states", &["number", "usps", "name", "census_2000", "census_2010"], states)?;
    folder.finish(&source)
}

fn mapping(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: "Centers for Medicare & Medicaid Services",
        title: "Medicare Part D Opioid Prescribing Mapping Tool: states 2013-2016, counties 2013-2015",
        grade: "secondary",
        credit: "Centers for Medicare & Medicaid Services; sheets of the mapping tool as found in the GitHub repository KirosG/Predicting-prescriber-induced-ovedoses (MIT), who edited the headers",
        licence: "public domain (U.S. Government work); copy under the MIT licence",
        kept: "every row and column",
        left_out: "the sheet of ZIP codes",
        masked: "nothing: no persons",
        ours: "large numbers without their commas",
        ..Source::default()
    };
    let mut parts = Vec::new();
    for (part, file, rows, column) in [
        ("state", STATES, 52, 5),
        ("county", "arcos/cms_partd/opioid_mapping_tool_2013_2016_Prescriber_county.csv", 3086, 6),
    ] {
        let bytes = source.read(captures, file)?;
        let found = records(&bytes)?;
        source.check(&format!("rows by {part}"), found.len(), rows)?;
        let claims = |row: &csv::StringRecord| row[column].replace(',', "").parse::<u64>().unwrap_or_default();
        source.check(&format!("opioid claims 2013, national, by {part}"), claims(&found[0]), 78_045_683)?;
        if part == "state" {
            let sum = found.iter().skip(1).map(claims).sum::<u64>();
            source.check("opioid claims 2013, sum of the states", sum, 78_045_683)?;
        }
        let header: Vec<String> = (0..found[0].len()).map(|place| format!("c{place}")).collect();
        let lines: Vec<Vec<String>> = found
            .iter()
            .map(|row| {
                let first = if part == "state" { 3 } else { 4 };
                row.iter()
                    .enumerate()
                    .map(|(at, cell)| if at < first { cell.to_owned() } else { cell.replace(',', "") })
                    .collect()
            })
            .collect();
        parts.push((part, header, lines));
    }
    let mut folder = Folder::new(tables, "cms_opioid_mapping")?;
    for (part, header, lines) in parts {
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        folder.csv(&mut source, part, &header, lines)?;
    }
    folder.finish(&source)
}
