//! The FBI's estimates by state and year, two editions.

use super::Failure;
use super::out::{Distinct, Folder, Source};
use std::collections::BTreeMap;
use std::path::Path;

/// The edition, its file, its rows, and the national murders that it must have.
type Edition = (&'static str, &'static str, usize, &'static [(&'static str, &'static str)]);

const EDITIONS: [Edition; 2] = [
    (
        "2016",
        "fbi/estimated_crimes/estimated_1995_2016.csv",
        1_144,
        &[("1995", "21606"), ("2015", "15883"), ("2016", "17250")],
    ),
    (
        "2019",
        "fbi/estimated_crimes/estimated_crimes_1979_2019.csv",
        2_116,
        &[("1979", "21460"), ("2015", "15883"), ("2016", "17413"), ("2019", "16425")],
    ),
];

/// Figures of a row, in the publisher's order.
const FIGURES: [&str; 11] = [
    "population",
    "violent",
    "murder",
    "rape_legacy",
    "rape_revised",
    "robbery",
    "assault",
    "property",
    "burglary",
    "larceny",
    "vehicle_theft",
];

pub fn make(captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    let mut source = Source {
        publisher: "Federal Bureau of Investigation",
        title: "Summary (SRS) Data with Estimates, editions of 1995-2016 and 1979-2019",
        grade: "publisher",
        credit: "Federal Bureau of Investigation, Uniform Crime Reporting Program, Summary (SRS) Data with Estimates",
        licence: "public domain (U.S. Government work)",
        kept: "every row and figure, national rows among them, and the caveats",
        masked: "nothing: no persons",
        left_out: "nothing",
        ours: "states and caveats beside the figures; an empty field is an empty cell",
        ..Source::default()
    };
    let mut folder = Folder::new(tables, "estimated_crimes")?;
    let mut caveats = Distinct::default();
    let mut states = BTreeMap::new();
    for (edition, file, want_rows, want_murders) in EDITIONS {
        let bytes = source.read(captures, file)?;
        let mut csv = csv::Reader::from_reader(bytes.as_slice());
        let named = csv.headers()?.iter().any(|name| name == "state_name");
        let mut rows = Vec::new();
        for record in csv.records() {
            let mut cells: Vec<String> = record?.iter().map(str::to_owned).collect();
            if named {
                let name = cells.remove(2);
                if states.insert(cells[1].clone(), name.clone()).is_some_and(|known| known != name) {
                    return Err("a state has two names".into());
                }
            }
            let caveat = cells.pop().ok_or("an empty row")?;
            cells.push(if caveat.is_empty() { String::new() } else { caveats.number(vec![caveat]) });
            if cells.len() != 3 + FIGURES.len() {
                return Err(format!("{file}: a row of {} fields", cells.len()).into());
            }
            rows.push(cells);
        }
        source.check(&format!("rows of the edition of {edition}"), rows.len(), want_rows)?;
        for (year, murders) in want_murders {
            let national = rows.iter().find(|row| row[0] == *year && row[1].is_empty()).ok_or("no national row")?;
            let what = format!("national murders {year}, edition of {edition}");
            source.check(&what, national[4].clone(), (*murders).to_owned())?;
        }
        let header: Vec<&str> = ["year", "state"].into_iter().chain(FIGURES).chain(["caveat"]).collect();
        folder.csv(&mut source, &format!("rows_{edition}"), &header, rows)?;
    }
    states.remove("");
    source.check("states", states.len(), 51)?;
    folder.csv(&mut source, "states", &["state", "name"], states.into_iter().map(|(code, name)| vec![code, name]))?;
    folder.csv(&mut source, "caveats", &["number", "text"], caveats.numbered())?;
    Ok(vec![folder.finish(&source)?])
}
