//! The Crime Data Explorer: its list of agencies, and two of its series by month.

use super::Failure;
use super::out::{Distinct, Folder, Source};
use serde_json::Value;
use std::path::Path;

const PUBLISHER: &str = "Federal Bureau of Investigation, Uniform Crime Reporting Program";
const LICENCE: &str = "public domain (U.S. Government work, 17 U.S.C. 105)";

pub fn make(captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    Ok(vec![agencies(captures, tables)?, summarized(captures, tables)?])
}

fn agencies(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: PUBLISHER,
        title: "Crime Data Explorer: law enforcement agencies, 2026",
        grade: "publisher",
        credit: "FBI Crime Data Explorer, https://cde.ucr.cjis.gov; flattened by a program of the repository named below",
        licence: LICENCE,
        kept: "every agency and fact",
        left_out: "under which counties an agency of several is repeated: printed as documentation has it",
        masked: "nothing: no persons",
        ours: "places and types beside the agencies",
        ..Source::default()
    };
    let bytes = source.read(captures, "fbi/cde_agencies/cde_agencies_2026_metadata_all.csv")?;
    let (mut places, mut types, mut rows) = (Distinct::default(), Distinct::default(), Vec::new());
    let (mut nibrs, mut several, mut none) = (0, 0, 0);
    for record in csv::Reader::from_reader(bytes.as_slice()).records() {
        let record = record?;
        let is_nibrs = &record[2] == "True";
        nibrs += usize::from(is_nibrs);
        several += usize::from(record[1].contains(", "));
        none += usize::from(&record[1] == "NOT SPECIFIED");
        let place = places.number([5, 6, 1].map(|at| record[at].to_owned()).to_vec());
        let mut row = vec![record[0].to_owned(), place, usize::from(is_nibrs).to_string()];
        row.extend([3, 4, 7].map(|at| record[at].to_owned()));
        row.push(types.number(vec![record[8].to_owned()]));
        row.push(record[9].to_owned());
        rows.push(row);
    }
    source.check("agencies", rows.len(), 19_585)?;
    source.check("that report by incident", nibrs, 16_155)?;
    source.check("of several counties", several, 653)?;
    source.check("without a county", none, 492)?;
    let mut folder = Folder::new(tables, "fbi_agencies")?;
    let header = ["ori", "place", "is_nibrs", "latitude", "longitude", "name", "type", "nibrs_start"];
    folder.csv(&mut source, "rows", &header, rows)?;
    folder.csv(&mut source, "places", &["number", "usps", "state", "counties"], places.numbered())?;
    folder.csv(&mut source, "types", &["number", "type"], types.numbered())?;
    folder.finish(&source)
}

/// What was asked for: file, scope, offense, displayed name, and whether its coverage is its own.
const ASKED: [(&str, &str, &str, &str, bool); 2] = [
    ("fbi/cde_api_new/sajha_sum_nat_HOM_2020_2022.json", "national", "HOM", "United States", true),
    (
        "fbi/cde_api_new/sajha_sum_agency_VT0040100_V.json",
        "agency/VT0040100",
        "V",
        "Burlington Police Department",
        false,
    ),
];

fn summarized(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: PUBLISHER,
        title: "Crime Data Explorer: murders of the United States by month, 2020-2022; violent crime of Burlington, Vermont, 2022",
        grade: "publisher",
        credit: "FBI Crime Data Explorer, https://cde.ucr.cjis.gov",
        licence: LICENCE,
        kept: "the series of what was asked for",
        left_out: "the series of larger places that the answer repeats; rates of clearances",
        masked: "nothing: no persons",
        ours: "nothing",
        ..Source::default()
    };
    let (mut rows, mut asked) = (Vec::new(), Vec::new());
    let mut murders = [0_u64; 3];
    for (number, (file, scope, offense, name, covered)) in ASKED.into_iter().enumerate() {
        let answer: Value = serde_json::from_slice(&source.read(captures, file)?)?;
        let number = (number + 1).to_string();
        let months = answer["offenses"]["actuals"][format!("{name} Offenses")].as_object().ok_or("no actuals")?;
        for (month, count) in months {
            let cell = |value: &Value| if value.is_null() { String::new() } else { value.to_string() };
            let cells = [
                count,
                &answer["offenses"]["actuals"][format!("{name} Clearances")][month],
                &answer["offenses"]["rates"][format!("{name} Offenses")][month],
                &answer["populations"]["population"][name][month],
                &answer["populations"]["participated_population"][name][month],
                &answer["tooltips"]["Percent of Population Coverage"][name][month],
            ];
            if scope == "national" {
                let year: usize = month[3..].parse()?;
                murders[year - 2020] += count.as_u64().ok_or("no count")?;
            }
            rows.push([vec![number.clone(), month.clone()], cells.map(cell).to_vec()].concat());
        }
        asked
            .push([number.as_str(), scope, offense, name, if covered { "1" } else { "0" }].map(str::to_owned).to_vec());
    }
    for (year, published) in [21_588, 17_933, 21_884].into_iter().enumerate() {
        source.check(&format!("murders {}", 2020 + year), murders[year], published)?;
    }
    let mut folder = Folder::new(tables, "fbi_summarized")?;
    let header = ["asked", "month", "offenses", "clearances", "rate", "population", "participated", "coverage"];
    folder.csv(&mut source, "rows", &header, rows)?;
    folder.csv(&mut source, "asked", &["number", "scope", "offense", "name", "covered"], asked)?;
    folder.finish(&source)
}
