//! Counties: opioid dispensing rates from the text of CDC's pages and from its CSV, and the Census Bureau's estimates.

use super::Failure;
use super::out::{Distinct, Folder, Source};
use std::path::Path;

const PAGES: &str = "cdc/rx_rates/county_pages";
const LATE: &str = "cdc/rx_rates/vishal_County_Opioid_Dispensing_Rates_Complete.csv";
const POPULATION: &str = "cdc/census/avizoetic_co-est2016-alldata.csv";

pub fn make(captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    Ok(vec![pages(captures, tables)?, late(captures, tables)?, population(captures, tables)?])
}

/// The years whose pages list every county, under names such as `Weston, WY`.
const LISTED: std::ops::RangeInclusive<u32> = 2006..=2016;

/// What the pages say of a year, counted by others: rows, rows with a rate, rates above 100.
const COUNTED: [(u32, [usize; 3]); 3] =
    [(2012, [3143, 2736, 1093]), (2015, [3143, 2963, 857]), (2016, [3143, 2962, 728])];

fn pages(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: "Centers for Disease Control and Prevention",
        title: "U.S. County Opioid Dispensing Rates, 2006-2018",
        grade: "secondary",
        credit: "Centers for Disease Control and Prevention, U.S. Opioid Dispensing Rate Maps; IQVIA Xponent; page text copied by the GitHub repository vishal-337/EPI_Project",
        licence: "public domain (U.S. Government work); copy without a licence statement",
        kept: "every row and cell of the thirteen tables",
        left_out: "the pages' other words; their markup was lost before the capture and is printed from a description",
        masked: "nothing: no persons",
        ours: "places beside the rates; codes with the zeros that the pages of 2017 and 2018 lost",
        ..Source::default()
    };
    let mut places = Distinct::default();
    let mut rates = Vec::new();
    for year in 2006..=2018 {
        let bytes = source.read(captures, &format!("{PAGES}/{year}.txt"))?;
        let text = String::from_utf8(bytes)?;
        let lines = text.lines().filter(|line| line.contains('\t'));
        let mut cells = lines.map(|line| line.split('\t').collect::<Vec<_>>());
        // The page of 2017 has the state before the county.
        let (county, state) = match cells.next().as_deref() {
            Some(["County", "State", "County FIPS Code", "Opioid Dispensing Rate per 100"]) => (0, 1),
            Some(["State", "County", "County FIPS Code", "Opioid Dispensing Rate per 100"]) => (1, 0),
            other => return Err(format!("{year}: an unknown header {other:?}").into()),
        };
        let mut seen = [0_usize; 3];
        for row in cells {
            let name = match LISTED.contains(&year) {
                true => row[county].strip_suffix(&format!(", {}", row[state])).ok_or("a county without its state")?,
                false => row[county],
            };
            let place = places.number(vec![format!("{:0>5}", row[2]), row[state].to_owned(), name.to_owned()]);
            let rate = if row[3] == "–" { "" } else { row[3] };
            seen[0] += 1;
            if !rate.is_empty() {
                seen[1] += 1;
                seen[2] += usize::from(rate.parse::<f64>()? > 100.0);
            }
            rates.push(vec![year.to_string(), place, rate.to_owned()]);
        }
        if let Some((_, [rows, rated, above])) = COUNTED.iter().find(|(counted, _)| *counted == year) {
            source.check(&format!("counties listed in {year}"), seen[0], *rows)?;
            source.check(&format!("counties with a rate in {year}"), seen[1], *rated)?;
            source.check(&format!("counties above 100 in {year}"), seen[2], *above)?;
        }
    }
    source.check("county-years", rates.len(), 11 * 3143 + 2955 + 2881)?;
    let mut folder = Folder::new(tables, "dispensing_county_2006")?;
    folder.csv(&mut source, "places", &["number", "fips", "state", "name"], places.numbered())?;
    folder.csv(&mut source, "rates", &["year", "place", "rate_per_100"], rates)?;
    folder.finish(&source)
}

fn late(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: "Centers for Disease Control and Prevention",
        title: "U.S. County Opioid Dispensing Rates, 2019-2023",
        grade: "secondary",
        credit: "Centers for Disease Control and Prevention, Opioid Dispensing Rate Maps; IQVIA Xponent; copied by the GitHub repository vishal-337/EPI_Project",
        licence: "public domain (U.S. Government work); copy without a licence statement",
        kept: "every row of 2019-2023, which are the publisher's",
        left_out: "rows of 2006-2018, which the copy's author rebuilt from pages",
        masked: "nothing: no persons",
        ours: "places beside the rates; codes with the zeros that the file lost",
        ..Source::default()
    };
    let bytes = source.read(captures, LATE)?;
    let mut places = Distinct::default();
    let mut rates = Vec::new();
    let mut missing = [0; 5];
    for record in csv::Reader::from_reader(bytes.as_slice()).records() {
        let row: Vec<String> = record?.iter().map(str::to_owned).collect();
        let Some(at) = row[1].parse::<usize>()?.checked_sub(2019) else { continue };
        let place = [&row[3], &row[2], &row[4], &row[0]].map(Clone::clone);
        let place = places.number([vec![format!("{:0>5}", row[5])], place.to_vec()].concat());
        let rate = if row[6] == "Data unavailable" { "" } else { &row[6] };
        missing[at] += usize::from(rate.is_empty());
        rates.push(vec![row[1].clone(), place, rate.to_owned()]);
    }
    source.check("county-years", rates.len(), 5 * 3144)?;
    source.check("counties without a rate, by year", format!("{missing:?}"), "[49, 63, 62, 63, 56]".to_owned())?;
    let mut folder = Folder::new(tables, "dispensing_county_2019")?;
    let header = ["number", "fips", "state", "state_name", "name", "map_name"];
    folder.csv(&mut source, "places", &header, places.numbered())?;
    folder.csv(&mut source, "rates", &["year", "place", "rate_per_100"], rates)?;
    folder.finish(&source)
}

fn population(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: "U.S. Census Bureau",
        title: "Annual Estimates of the Resident Population for Counties, Vintage 2016",
        grade: "secondary",
        credit: "U.S. Census Bureau, Population Division; copied by the GitHub repository avizoetic/d3-US",
        licence: "public domain (U.S. Government work); copy without a licence statement",
        kept: "every state and county: codes, names, the census of 2010, the estimates' base, and estimates of 2010-2016",
        left_out: "a hundred columns: components of change, group quarters, rates",
        masked: "nothing: no persons",
        ours: "states beside their counties; in the name of 35013 the letter that the copy's author lost",
        ..Source::default()
    };
    let text = String::from_utf8(source.read(captures, POPULATION)?)?;
    let mut csv = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> = csv.headers()?.iter().map(str::to_owned).collect();
    let wanted: Vec<String> = ["CENSUS2010POP".to_owned(), "ESTIMATESBASE2010".to_owned()]
        .into_iter()
        .chain((2010..=2016).map(|year| format!("POPESTIMATE{year}")))
        .collect();
    if header.get(7..16) != Some(wanted.as_slice()) {
        return Err("the figures are not where they were".into());
    }
    let (mut states, mut counties) = (Vec::new(), Vec::new());
    let mut sums = [0_u64; 9];
    for record in csv.records() {
        let row: Vec<String> = record?.iter().map(str::to_owned).collect();
        if row[0] == "040" {
            states.push([&row[1..4], &row[5..6], &row[7..16]].concat());
            continue;
        }
        for (sum, figure) in sums.iter_mut().zip(&row[7..16]) {
            *sum += figure.parse::<u64>()?;
        }
        // The one letter that is not ASCII.
        let name = row[6].replace('\u{fffd}', "ñ");
        counties.push([&[format!("{}{}", row[3], row[4]), name][..], &row[7..16]].concat());
    }
    source.check("states", states.len(), 51)?;
    source.check("counties", counties.len(), 3142)?;
    // Bedford's former city, 6,222 persons, is in Virginia's census count and in no county's.
    source.check("census of 2010, counties", sums[0], 308_745_538 - 6_222)?;
    source.check("July 1, 2016, counties", sums[8], 323_127_513)?;
    let figures = ["census_2010", "base_2010", "e2010", "e2011", "e2012", "e2013", "e2014", "e2015", "e2016"];
    let mut folder = Folder::new(tables, "census_county_2016")?;
    folder.csv(&mut source, "states", &[&["region", "division", "fips", "name"][..], &figures].concat(), states)?;
    folder.csv(&mut source, "counties", &[&["fips", "name"][..], &figures].concat(), counties)?;
    folder.finish(&source)
}
