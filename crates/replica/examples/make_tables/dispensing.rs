//! State opioid dispensing rates: CDC's own CSV from 2019, and an analyst's transcription of CDC's pages before.

use super::Failure;
use super::out::{Distinct, Folder, Source};
use std::collections::HashMap;
use std::path::Path;

const LATE: &str = "cdc/rx_rates/vishal_State_Opioid_Dispensing_Rates_2019-2023.csv";
const EARLY: &str = "cdc/rx_rates/vishal_State_Opioid_Dispensing_Rates_2006_2018.csv";
const OTHER_COPY: &str = "cdc/rx_rates/parmsam_state_OpioidRxData_2006-2017.csv";

pub fn make(captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    Ok(vec![late(captures, tables)?, early(captures, tables)?])
}

fn late(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: "Centers for Disease Control and Prevention",
        title: "U.S. State Opioid Dispensing Rates, 2019-2023",
        grade: "publisher",
        credit: "Centers for Disease Control and Prevention, Opioid Dispensing Rate Maps; IQVIA Xponent",
        licence: "public domain (U.S. Government work)",
        kept: "every row and column",
        masked: "nothing: no persons",
        left_out: "nothing",
        ours: "states and map bins beside the rates",
        ..Source::default()
    };
    let bytes = source.read(captures, LATE)?;
    let mut csv = csv::Reader::from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").ok_or("no BOM")?);
    let (mut states, mut bins) = (Distinct::default(), Distinct::default());
    let mut rates = Vec::new();
    for record in csv.records() {
        let row: Vec<String> = record?.iter().map(str::to_owned).collect();
        let state = states.number(vec![row[3].clone(), row[2].clone(), row[1].clone()]);
        let bin = bins.number(vec![row[5].clone()]);
        rates.push(vec![row[0].clone(), state, row[4].clone(), bin]);
    }
    source.check("state-years", rates.len(), 255)?;
    source.check("states", states.rows.len(), 51)?;
    let mut folder = Folder::new(tables, "dispensing_state_2019")?;
    folder.csv(&mut source, "states", &["number", "fips", "code", "name"], states.numbered())?;
    folder.csv(&mut source, "bins", &["number", "label"], bins.numbered())?;
    folder.csv(&mut source, "rates", &["year", "state", "rate_per_100", "bin"], rates)?;
    folder.finish(&source)
}

fn early(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: "Centers for Disease Control and Prevention",
        title: "U.S. State Opioid Dispensing Rates, 2006-2018",
        grade: "secondary",
        credit: "Centers for Disease Control and Prevention, U.S. Opioid Dispensing Rate Maps; IQVIA Xponent; transcribed by the GitHub repository vishal-337/EPI_Project",
        licence: "public domain (U.S. Government work); transcription without a licence statement",
        kept: "every row, two United States rows without FIPS code (2017, 2018) among them; the sixth column repeats the fifth and is not stored",
        masked: "nothing: no persons",
        left_out: "nothing",
        ours: "states beside the rates",
        ..Source::default()
    };
    let bytes = source.read(captures, EARLY)?;
    let mut states = Distinct::default();
    let mut rates = Vec::new();
    let mut rate = HashMap::new();
    for record in csv::Reader::from_reader(bytes.as_slice()).records() {
        let row: Vec<String> = record?.iter().map(str::to_owned).collect();
        if row[4] != row[5] {
            return Err("the two rates of a row differ".into());
        }
        rate.insert((row[2].clone(), row[0].clone()), row[4].parse::<f64>()?);
        let state = states.number(vec![row[3].clone(), row[2].clone(), row[1].clone()]);
        rates.push(vec![row[0].clone(), state, row[4].clone()]);
    }
    source.check("state-years", rates.len(), 665)?;

    // An independent copy of the same pages: three columns (state, code, rate) for each year.
    let other = source.read(captures, OTHER_COPY)?;
    let mut equal = 0;
    for record in csv::Reader::from_reader(other.as_slice()).records() {
        let row: Vec<String> = record?.iter().map(str::to_owned).collect();
        for (at, year) in (2006..=2016).enumerate() {
            let ours = rate.get(&(row[3 * at + 1].clone(), year.to_string()));
            if ours == Some(&row[3 * at + 2].parse::<f64>()?) {
                equal += 1;
            }
        }
    }
    source.check("state-years 2006-2016 equal to an independent copy of CDC's pages", equal, 561)?;
    let alabama: Vec<String> = (2006..=2016)
        .filter_map(|year: i32| rate.get(&("AL".to_owned(), year.to_string())))
        .map(|rate| format!("{rate:.1}"))
        .collect();
    let want = "115.6 120.3 126.1 131.6 134.3 136.6 143.8 142.4 135.2 125.0 121.0";
    source.check("Alabama 2006-2016", alabama.join(" "), want.to_owned())?;

    let mut folder = Folder::new(tables, "dispensing_state_2006")?;
    folder.csv(&mut source, "states", &["number", "fips", "code", "name"], states.numbered())?;
    folder.csv(&mut source, "rates", &["year", "state", "rate_per_100"], rates)?;
    folder.finish(&source)
}
