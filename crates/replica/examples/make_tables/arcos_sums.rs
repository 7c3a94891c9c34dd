//! What the Post publishes beside the transactions: its sums by county, populations, and short lists. Of long lists with
//! addresses West Virginia's businesses alone; buyers who may be persons are masked.

use super::Failure;
use super::out::{Distinct, Folder, Source};
use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

const API: &str = "arcos/washpost_api/";
const CREDIT: &str = "The Washington Post: https://github.com/wpinvestigative/arcos-api";

pub fn make(captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    Ok(vec![counties(captures, tables)?, populations(captures, tables)?, lists(captures, tables)?])
}

/// A captured text: its header, and its rows.
struct Text {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Text {
    fn read(source: &mut Source, captures: &Path, file: &str, separator: u8) -> Result<Self, Failure> {
        let mut bytes = source.read(captures, file)?;
        if file.ends_with(".gz") {
            let packed = std::mem::take(&mut bytes);
            flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes)?;
        }
        let mut csv = csv::ReaderBuilder::new().delimiter(separator).from_reader(bytes.as_slice());
        let header = csv.headers()?.iter().map(str::to_owned).collect();
        let rows = csv.records().map(|row| Ok(row?.iter().map(str::to_owned).collect()));
        Ok(Self { header, rows: rows.collect::<Result<_, Failure>>()? })
    }

    /// The header's names, in small letters, for a table of ours.
    fn names(&self) -> Vec<String> {
        self.header.iter().map(|name| name.to_lowercase()).collect()
    }

    fn write(self, folder: &mut Folder, source: &mut Source, part: &str) -> Result<(), Failure> {
        let names = self.names();
        folder.csv(source, part, &names.iter().map(String::as_str).collect::<Vec<_>>(), self.rows)
    }
}

/// The text without the publisher's word for nothing.
fn plain(text: &str) -> String {
    if text == "NA" { String::new() } else { text.to_owned() }
}

/// Dosage units in millionths, so that sums are exact.
fn millionths(text: &str) -> Result<i128, Failure> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    Ok(format!("{whole}{fraction:0<6}").parse()?)
}

fn counties(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: "The Washington Post",
        title: "ARCOS: dosage units and transactions by county and year, editions of 2006-2012 and 2006-2014",
        grade: "publisher",
        credit: CREDIT,
        licence: "ODbL-1.0",
        kept: "every county-year and figure; numbers keep their text",
        left_out: "nothing",
        masked: "nothing: no buyers",
        ours: "counties apart from figures; an empty field stands for NA in the first edition and for nothing in the second",
        ..Source::default()
    };
    let mut folder = Folder::new(tables, "arcos_county_year")?;
    let mut places = Distinct::default();
    for (edition, file, rows, units, transactions) in [
        ("2006_2012", "county_annual_2006_2012.csv", 21_597, 76_628_849_101_238_170_i128, 178_598_026_u64),
        ("2006_2014", "county_annual14.csv", 27_758, 98_244_239_992_984_594, 231_265_575),
    ] {
        let text = Text::read(&mut source, captures, &format!("{API}{file}"), b',')?;
        let (mut sum, mut count) = (0, 0);
        let mut kept = Vec::new();
        for row in &text.rows {
            let [county, state, year, transactions, units, fips] = row.as_slice() else {
                return Err("six fields".into());
            };
            sum += millionths(units)?;
            count += transactions.parse::<u64>()?;
            let place = places.number(vec![state.clone(), plain(county), plain(fips)]);
            kept.push(vec![place, year.clone(), transactions.clone(), units.clone()]);
        }
        source.check(&format!("county-years {edition}"), kept.len(), rows)?;
        source.check(&format!("millionths of dosage units {edition}"), sum, units)?;
        source.check(&format!("transactions {edition}"), count, transactions)?;
        folder.csv(&mut source, edition, &["place", "year", "transactions", "dosage_units"], kept)?;
    }
    folder.csv(&mut source, "places", &["number", "state", "county", "fips"], places.numbered())?;
    folder.finish(&source)
}

fn populations(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: "The Washington Post",
        title: "Populations of counties and states, shipped with ARCOS, editions of 2006-2012 and 2006-2014",
        grade: "publisher",
        credit: CREDIT,
        licence: "ODbL-1.0; the estimates are the U.S. Census Bureau's",
        kept: "every row and figure",
        left_out: "nothing",
        masked: "nothing: no persons",
        ours: "counties apart from figures; an empty field stands for NA",
        ..Source::default()
    };
    let mut folder = Folder::new(tables, "arcos_populations")?;
    let mut places = Distinct::default();
    for (edition, rows, states) in [("2006_2012", 22_001, 357), ("2006_2014", 28_265, 459)] {
        let compact = edition.replace('_', "");
        let text = Text::read(&mut source, captures, &format!("{API}pop_counties_{compact}.csv"), b',')?;
        let mut kept = Vec::new();
        for row in &text.rows {
            let cell = |at: usize| row.get(at).map(|text| plain(text)).unwrap_or_default();
            let place = places.number([0, 1, 2, 3, 4, 5, 6].map(cell).to_vec());
            kept.push(vec![place, cell(7), cell(8), cell(9)]);
        }
        source.check(&format!("county-years {edition}"), kept.len(), rows)?;
        folder.csv(&mut source, &format!("counties_{edition}"), &["place", "variable", "year", "population"], kept)?;
        let text = Text::read(&mut source, captures, &format!("{API}pop_states_{compact}.csv"), b',')?;
        source.check(&format!("state-years {edition}"), text.rows.len(), states)?;
        text.write(&mut folder, &mut source, &format!("states_{edition}"))?;
    }
    folder.csv(
        &mut source,
        "places",
        &["number", "county", "state", "fips", "state_number", "county_number", "name", "full_name"],
        places.numbered(),
    )?;
    folder.finish(&source)
}

fn lists(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: "The Washington Post",
        title: "ARCOS: lists of buyers and reporters, and sums by buyer",
        grade: "publisher",
        credit: CREDIT,
        licence: "ODbL-1.0",
        kept: "codes of counties, activities, and buyers judged mail-order or hospitals, whole; pharmacies and reporters of West Virginia; sums of its buyers over seven years; buyers of Mingo County with their sums by year",
        left_out: "pharmacies and reporters of other states",
        masked: "buyers whose business activity is not that of a business, and, where a file tells no activity, buyers that are in neither list of pharmacies: registration number, name, addresses, city and ZIP; of three pharmacies that are registered under their owners' own names these names",
        ours: "an empty field stands for NA",
        ..Source::default()
    };
    let mut folder = Folder::new(tables, "arcos_lists")?;
    for (part, file, rows) in [
        ("county_fips", "county_fips.csv", 3_143),
        ("not_pharmacies", "not_pharms.csv", 333),
        ("activities", "buyer_list14.csv", 54),
    ] {
        let text = Text::read(&mut source, captures, &format!("{API}{file}"), b',')?;
        source.check(&format!("rows of {part}"), text.rows.len(), rows)?;
        text.write(&mut folder, &mut source, part)?;
    }

    let mut pharmacies = HashSet::new();
    for (part, file, state, whole, rows) in [
        ("pharmacies_2006_2012", "pharmacies_latlon12.csv", 1, 82_721, 614),
        ("pharmacies_2006_2014", "pharmacies_counties14.csv", 2, 89_157, 653),
        ("reporters_2006_2012", "detail_list_reporters_2006_2012.csv", 8, 1_376, 5),
        ("reporters_2006_2014", "detail_list_reporters14.csv", 8, 1_522, 6),
    ] {
        let mut text = Text::read(&mut source, captures, &format!("{API}{file}"), b',')?;
        source.check(&format!("rows of {part} in the file"), text.rows.len(), whole)?;
        if part.starts_with("pharmacies") {
            pharmacies.extend(text.rows.iter().map(|row| row[0].clone()));
        }
        text.rows.retain(|row| row.get(state).is_some_and(|state| state == "WV"));
        source.check(&format!("rows of {part}"), text.rows.len(), rows)?;
        text.rows.iter_mut().flatten().for_each(|cell| *cell = plain(cell));
        text.write(&mut folder, &mut source, part)?;
    }

    for (part, file, separator, rows, persons, masked) in [
        ("buyers", "arcos/washpost_api/mingo_buyer_addresses.csv", b',', 31, 15, &[0, 2, 3, 4, 6, 8, 9][..]),
        ("buyer_year", "arcos/washpost_api/mingo_buyer_per_year.csv", b',', 71, 14, &[0]),
        ("buyer_totals", "arcos/washpost_api/wv_pharmacy_totals_state.decoded.tsv.gz", b'\t', 975, 361, &[2, 3, 4]),
    ] {
        let mut text = Text::read(&mut source, captures, file, separator)?;
        source.check(&format!("rows of {part}"), text.rows.len(), rows)?;
        let mut found = 0;
        for row in &mut text.rows {
            row.iter_mut().for_each(|cell| *cell = plain(cell));
            let business = match part {
                "buyer_totals" => pharmacies.contains(&row[2]),
                _ => replica::is_business(&row[1]),
            };
            if business && part == "buyer_totals" {
                row[3] = without_owner(&row[3]);
            }
            if !business {
                found += 1;
                masked.iter().for_each(|at| row[*at].clear());
            }
        }
        source.check(&format!("rows of persons in {part}"), found, persons)?;
        if part == "buyer_totals" {
            totals(&mut source, captures, &text.rows)?;
        }
        text.write(&mut folder, &mut source, part)?;
    }
    folder.finish(&source)
}

/// The trade name of a pharmacy that is registered under its owner's own name, or nothing.
fn without_owner(name: &str) -> String {
    let is_company = |text: &str| ["INC", "LLC"].iter().any(|word| text.split([' ', ',']).any(|part| part == *word));
    match name.split_once(" DBA") {
        Some((owner, trade)) if !is_company(owner) => trade.trim().to_owned(),
        None if name.ends_with(" PROP") => String::new(),
        _ => name.to_owned(),
    }
}

/// Holds the state's sums against what the publisher says elsewhere of the state and of a county in it.
fn totals(source: &mut Source, captures: &Path, rows: &[Vec<String>]) -> Result<(), Failure> {
    for (what, at, total) in [("dosage units", 5, 853_486_419), ("transactions", 6, 1_879_320)] {
        let sum = rows.iter().map(|row| Ok(row[at].parse::<u64>()?)).sum::<Result<u64, Failure>>()?;
        source.check(&format!("{what} of West Virginia"), sum, total)?;
    }
    let county = "arcos/washpost_summary_tsv/arcos-wv-mingo-54059-pharmacy.tsv";
    let printed = Text::read(source, captures, county, b'\t')?.rows;
    let mingo: Vec<_> = rows.iter().filter(|row| row[1] == "MINGO").collect();
    let figures = |row: &Vec<String>| row[5..].to_vec();
    let alike = mingo.len() == printed.len()
        && mingo.iter().zip(&printed).all(|(row, printed)| figures(row) == figures(printed));
    source.check("Mingo County's rows are those of its own file", alike, true)
}
