//! Analysts' copies of publishers' tables: the only form in which some figures could be had.

use super::Failure;
use super::out::{Distinct, Folder, Source};
use std::path::Path;

const PUBLISHER: &str = "Centers for Disease Control and Prevention, National Center for Health Statistics";

pub fn make(captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    Ok(vec![by_sex(captures, tables)?, firearms(captures, tables)?, dispensing(captures, tables)?])
}

fn by_sex(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: PUBLISHER,
        title: "Opioid overdose deaths by state, year and sex, 2000-2023",
        grade: "secondary",
        credit: "CDC WONDER, Multiple Cause of Death; copied by the GitHub repository tlcaputi/cdc-wonder (MIT)",
        licence: "public domain (U.S. Government work), NCHS data use restrictions; copy under the MIT licence",
        kept: "every row and figure",
        left_out: "nothing of the copy; the exports' footers were lost before",
        masked: "nothing: no persons",
        ours: "states beside the figures",
        ..Source::default()
    };
    let file = "cdc/wonder_mcd_state/tlcaputi_opioid_deaths_by_state_gender_2000-2023.csv";
    let mut states = Distinct::default();
    let (mut rows, mut of_2015) = (Vec::new(), 0_u64);
    for record in csv::Reader::from_reader(source.read(captures, file)?.as_slice()).records() {
        let record = record?;
        if &record[0] == "2015" {
            of_2015 += record[6].parse::<u64>()?;
        }
        let state = states.number(vec![record[3].to_owned(), record[2].to_owned()]);
        let figures = [6, 7, 8].map(|place| record[place].to_owned());
        rows.push([vec![record[0].to_owned(), state, record[5].to_owned()], figures.to_vec()].concat());
    }
    source.check("rows: 51 areas, 24 years, 2 sexes", rows.len(), 2448)?;
    source.check("deaths 2015, against the published number of the United States", of_2015, 33_091)?;
    let mut folder = Folder::new(tables, "copy_opioid_state_sex")?;
    folder.csv(&mut source, "rows", &["year", "state", "sex", "deaths", "population", "rate"], rows)?;
    folder.csv(&mut source, "states", &["number", "fips", "name"], states.numbered())?;
    folder.finish(&source)
}

fn firearms(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: PUBLISHER,
        title: "Firearm deaths by county and year, 1999-2019",
        grade: "secondary",
        credit: "CDC WONDER, Multiple Cause of Death with U.S.-Mexico Border Regions; copied by the GitHub repository d2718/firearms-and-voting",
        licence: "public domain (U.S. Government work), NCHS data use restrictions; copy without a licence statement",
        kept: "every row and figure",
        left_out: "the copy's numbering",
        masked: "nothing: no persons",
        ours: "counties beside the figures; codes with the zeros that the copy lost",
        ..Source::default()
    };
    let file = "cdc/wonder_firearm/d2718_gun_data_county_year_1999_2019.csv";
    let mut counties = Distinct::default();
    let (mut rows, mut least) = (Vec::new(), u64::MAX);
    for record in csv::Reader::from_reader(source.read(captures, file)?.as_slice()).records() {
        let record = record?;
        least = least.min(record[7].parse()?);
        let place =
            vec![format!("{:0>5}", &record[3]), record[2].to_owned(), record[4].to_owned(), record[5].to_owned()];
        let mut row = vec![record[1].to_owned(), counties.number(place)];
        row.extend((7..15).map(|place| record[place].to_owned()));
        rows.push(row);
    }
    source.check("rows", rows.len(), 14_358)?;
    source.check("the least number of deaths: smaller ones are withheld", least, 10)?;
    let mut folder = Folder::new(tables, "copy_firearm_county")?;
    let header =
        ["year", "county", "deaths", "population", "rate", "low", "high", "adjusted", "adjusted_low", "adjusted_high"];
    folder.csv(&mut source, "rows", &header, rows)?;
    folder.csv(&mut source, "counties", &["number", "fips", "name", "usps", "state"], counties.numbered())?;
    folder.finish(&source)
}

fn dispensing(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: "Centers for Disease Control and Prevention",
        title: "U.S. Opioid Prescribing Rate Maps, table 1, 2006-2017",
        grade: "secondary",
        credit: "Centers for Disease Control and Prevention; IQVIA Xponent; transcribed by the GitHub repository parmsam/cdc-opioid-prescribing-rates",
        licence: "public domain (U.S. Government work)",
        kept: "every row and column",
        left_out: "nothing",
        masked: "nothing: no persons",
        ours: "nothing",
        ..Source::default()
    };
    let bytes = source.read(captures, "cdc/rx_rates/parmsam_USA_OpioidRxData_2006-2017.csv")?;
    let records = csv::Reader::from_reader(bytes.as_slice()).into_records().collect::<Result<Vec<_>, _>>()?;
    let rows: Vec<_> = records.iter().map(|r| vec![r[0].to_owned(), r[1].to_owned(), r[2].replace(',', "")]).collect();
    source.check("rows", rows.len(), 12)?;
    let mut folder = Folder::new(tables, "copy_dispensing_us")?;
    folder.csv(&mut source, "rows", &["year", "rate", "prescriptions"], rows)?;
    folder.finish(&source)
}
