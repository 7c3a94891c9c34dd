//! Two editions of the provisional overdose counts (VSRR).

use super::Failure;
use super::out::{Distinct, Folder, Source};
use std::collections::HashMap;
use std::path::Path;

const EDITIONS: [(&str, &str, usize); 2] = [
    ("2018", "cdc/socrata_vsrr/gentrylamb_VSRR_10col_commas_2018.csv", 8_778),
    ("2019", "cdc/socrata_vsrr/info201a_2019_VSRR_12col.csv", 13_320),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub fn make(captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    let mut source = Source {
        publisher: "Centers for Disease Control and Prevention, National Center for Health Statistics",
        title: "VSRR Provisional Drug Overdose Death Counts (xkb8-kh2a), editions of 2018 and 2019",
        grade: "publisher",
        credit: "National Vital Statistics System, Provisional Drug Overdose Death Counts: https://data.cdc.gov/d/xkb8-kh2a",
        licence: "public domain (U.S. Government work)",
        kept: "every row and column of both editions",
        masked: "nothing: no persons",
        left_out: "nothing",
        ours: "states, indicators and footnotes beside the figures; no thousands separators; the dates of the editions (rowsUpdatedAt 1523404800 and 1555459200, Last-Modified) and the column types that the metadata declares are ours: no capture holds them",
        ..Source::default()
    };
    let mut folder = Folder::new(tables, "vsrr")?;
    let (mut states, mut indicators, mut remarks) = (Distinct::default(), Distinct::default(), Distinct::default());
    for (edition, file, want) in EDITIONS {
        let bytes = source.read(captures, file)?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").ok_or("no BOM")?;
        let mut csv = csv::Reader::from_reader(bytes);
        let at: HashMap<String, usize> =
            csv.headers()?.iter().enumerate().map(|(at, name)| (name.to_owned(), at)).collect();
        let mut rows = Vec::new();
        let mut deaths = String::new();
        for record in csv.records() {
            let record = record?;
            let get = |name: &str| at.get(name).and_then(|&at| record.get(at)).unwrap_or("").to_owned();
            let month = MONTHS.iter().position(|name| *name == get("Month")).ok_or("a month")? + 1;
            if get("Period") != "12 month-ending" {
                return Err("another period".into());
            }
            let indicator = get("Indicator");
            let value = get("Data Value").replace(',', "");
            if (get("State").as_str(), get("Year").as_str(), month) == ("US", "2015", 12)
                && indicator.starts_with("Opioids")
            {
                deaths.clone_from(&value);
            }
            rows.push(vec![
                states.number(vec![get("State"), get("State Name")]),
                get("Year"),
                month.to_string(),
                indicators.number(vec![indicator]),
                value,
                get("Percent Complete"),
                get("Percent Pending Investigation"),
                remarks.number(vec![get("Footnote Symbol"), get("Footnote")]),
                get("Predicted Value").replace(',', ""),
            ]);
        }
        source.check(&format!("rows, edition {edition}"), rows.len(), want)?;
        source.check(&format!("US December 2015 opioids, edition {edition}"), deaths, "33203".to_owned())?;
        folder.csv(
            &mut source,
            &format!("rows_{edition}"),
            &["state", "year", "month", "indicator", "value", "complete", "pending", "remark", "predicted"],
            rows,
        )?;
    }
    folder.csv(&mut source, "states", &["number", "code", "name"], states.numbered())?;
    folder.csv(&mut source, "indicators", &["number", "name"], indicators.numbered())?;
    folder.csv(&mut source, "remarks", &["number", "symbol", "text"], remarks.numbered())?;
    Ok(vec![folder.finish(&source)?])
}
