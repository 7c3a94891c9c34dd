//! Tables of data.cdc.gov: drug poisoning by state and by county, leading causes of death; and small invented ones in
//! place of those of which no file was captured.

use super::Failure;
use super::out::{Distinct, Folder, Source};
use csv::StringRecord;
use std::collections::BTreeMap;
use std::path::Path;

const PUBLISHER: &str = "Centers for Disease Control and Prevention, National Center for Health Statistics";
const LICENCE: &str = "public domain (U.S. Government work)";

pub fn make(captures: &Path, tables: &Path) -> Result<Vec<String>, Failure> {
    let mut said = vec![by_state(captures, tables)?, by_county(captures, tables)?, leading_causes(captures, tables)?];
    for invention in INVENTIONS {
        said.push(invention.make(tables)?);
    }
    Ok(said)
}

/// The rows of a captured file, and their header.
fn read(source: &mut Source, captures: &Path, file: &str) -> Result<(StringRecord, Vec<StringRecord>), Failure> {
    let bytes = source.read(captures, file)?;
    let mut csv = csv::Reader::from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes));
    let header = csv.headers()?.clone();
    Ok((header, csv.records().collect::<Result<_, _>>()?))
}

/// A cell by the name of its column.
fn cell<'r>(header: &StringRecord, row: &'r StringRecord, names: &[&str]) -> Result<&'r str, Failure> {
    let place = header.iter().position(|known| names.contains(&known));
    place.and_then(|place| row.get(place)).ok_or_else(|| format!("no column {names:?}").into())
}

const BY_STATE: [(&str, &str, usize, usize); 3] = [
    ("2015", "cdc/socrata_nchs_poisoning/mcfaddja_NCHS_state_18col_1999-2014.csv", 2_703, 18),
    (
        "2016",
        "cdc/socrata_nchs_poisoning/NCHS_-_Drug_Poisoning_Mortality_by_State__United_States.gabrielkahn.csv",
        2_862,
        19,
    ),
    ("2017", "cdc/socrata_nchs_poisoning/manjunath_NCHS_state_2020.csv", 3_021, 19),
];

fn by_state(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: PUBLISHER,
        title: "NCHS - Drug Poisoning Mortality by State: United States (jx6g-fdh6, xbxb-epbu, 44rk-q6r2)",
        grade: "publisher",
        credit: "National Center for Health Statistics, Drug Poisoning Mortality by State: https://data.cdc.gov/d/44rk-q6r2",
        licence: LICENCE,
        kept: "every row and column of the three editions",
        masked: "nothing: no persons",
        left_out: "nothing",
        ours: "states, groups (sex, age, race), ranges and the country's rates by year beside the figures; the dates of the editions, the field names of SODA and the column types are ours: no capture holds them",
        ..Source::default()
    };
    let mut folder = Folder::new(tables, "poisoning_state")?;
    let (mut states, mut groups, mut ranges) = (Distinct::default(), Distinct::default(), Distinct::default());
    for (edition, file, count, columns) in BY_STATE {
        let (header, records) = read(&mut source, captures, file)?;
        let mut years: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut rows = Vec::new();
        let mut of_2015 = String::new();
        for record in &records {
            let get = |names: &[&str]| cell(&header, record, names).map(str::to_owned);
            let year = get(&["Year"])?;
            let country = vec![get(&["US Crude Rate"])?, get(&["US Age-adjusted Rate"])?];
            if years.entry(year.clone()).or_insert_with(|| country.clone()) != &country {
                return Err(format!("two rates of the country in {year}").into());
            }
            if columns == 19 && get(&["Unit"])? != "per 100,000 population" {
                return Err("another unit".into());
            }
            let group = vec![get(&["Sex"])?, get(&["Age", "Age Group"])?, get(&["Race and Hispanic Origin"])?];
            let deaths = get(&["Deaths"])?;
            let all = group[0] == "Both Sexes" && group[1] == "All Ages" && group[2].starts_with("All Races");
            if (get(&["State"])?.as_str(), year.as_str(), all) == ("United States", "2015", true) {
                of_2015.clone_from(&deaths);
            }
            let mut row =
                vec![states.number(vec![get(&["State"])?]), year, groups.number(group), deaths, get(&["Population"])?];
            let first = header.iter().position(|name| name == "Crude Death Rate").ok_or("no rates")?;
            row.extend((first..first + 8).map(|place| record.get(place).unwrap_or("").to_owned()));
            row.push(ranges.number(vec![get(&["State Crude Rate in Range"])?]));
            rows.push(row);
        }
        source.check(&format!("rows, edition to {edition}"), rows.len(), count)?;
        source.check(&format!("columns, edition to {edition}"), header.len(), columns)?;
        // WONDER's final count, whose 51 areas sum to it.
        source.check(&format!("US 2015, all, edition to {edition}"), of_2015, "52404".to_owned())?;
        let names = [
            "state",
            "year",
            "group",
            "deaths",
            "population",
            "crude",
            "crude_se",
            "crude_low",
            "crude_high",
            "adjusted",
            "adjusted_se",
            "adjusted_low",
            "adjusted_high",
            "range",
        ];
        folder.csv(&mut source, &format!("rows_{edition}"), &names, rows)?;
        let years = years.into_iter().map(|(year, rates)| [vec![year], rates].concat());
        folder.csv(&mut source, &format!("years_{edition}"), &["year", "crude", "adjusted"], years)?;
    }
    folder.csv(&mut source, "states", &["number", "name"], states.numbered())?;
    folder.csv(&mut source, "groups", &["number", "sex", "age", "race"], groups.numbered())?;
    folder.csv(&mut source, "ranges", &["number", "range"], ranges.numbered())?;
    folder.finish(&source)
}

fn by_county(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: PUBLISHER,
        title: "NCHS - Drug Poisoning Mortality by County: United States, 1999-2016, in ranges (p56q-jrxg)",
        grade: "publisher",
        credit: "National Center for Health Statistics, Drug Poisoning Mortality by County: https://data.cdc.gov/d/p56q-jrxg",
        licence: LICENCE,
        kept: "every row and column",
        masked: "nothing: no persons",
        left_out: "nothing",
        ours: "counties, states and ranges beside the figures; no thousands separators; the date of the edition, the field names of SODA and the column types are ours: no capture holds them",
        ..Source::default()
    };
    let mut folder = Folder::new(tables, "poisoning_county_2016")?;
    let file = "cdc/socrata_nchs_poisoning/NCHS_-_Drug_Poisoning_Mortality_by_County__United_States.csv";
    let (header, records) = read(&mut source, captures, file)?;
    let (mut states, mut counties, mut ranges) = (Distinct::default(), Distinct::default(), Distinct::default());
    let mut rows = Vec::new();
    for record in &records {
        let get = |name: &str| cell(&header, record, &[name]).map(str::to_owned);
        let state = states.number(vec![get("FIPS State")?, get("State")?]);
        rows.push(vec![
            counties.number(vec![get("FIPS")?, get("County")?, state]),
            get("Year")?,
            get("Population")?.replace(',', ""),
            ranges.number(vec![get("Estimated_Age_Adjusted_Death_Rate")?]),
        ]);
    }
    source.check("rows", rows.len(), 56_448)?;
    source.check("counties", counties.rows.len(), 3_136)?;
    folder.csv(&mut source, "rows", &["county", "year", "population", "range"], rows)?;
    folder.csv(&mut source, "counties", &["number", "fips", "name", "state"], counties.numbered())?;
    folder.csv(&mut source, "states", &["number", "fips", "name"], states.numbered())?;
    folder.csv(&mut source, "ranges", &["number", "range"], ranges.numbered())?;
    folder.finish(&source)
}

fn leading_causes(captures: &Path, tables: &Path) -> Result<String, Failure> {
    let mut source = Source {
        publisher: PUBLISHER,
        title: "NCHS - Leading Causes of Death: United States, 1999-2016 (bi63-dtpu)",
        grade: "publisher",
        credit: "National Center for Health Statistics, Leading Causes of Death: https://data.cdc.gov/d/bi63-dtpu",
        licence: LICENCE,
        kept: "every row and column",
        masked: "nothing: no persons",
        left_out: "nothing",
        ours: "causes and states beside the figures; the date of the edition, the field names of SODA and the column types are ours: no capture holds them",
        ..Source::default()
    };
    let mut folder = Folder::new(tables, "leading_causes")?;
    let file = "cdc/socrata_nchs_leading_causes/NCHS_-_Leading_Causes_of_Death__United_States.csv";
    let (header, records) = read(&mut source, captures, file)?;
    let (mut causes, mut states) = (Distinct::default(), Distinct::default());
    let mut rows = Vec::new();
    let (mut of_country, mut of_states) = (0_u64, 0_u64);
    for record in &records {
        let get = |name: &str| cell(&header, record, &[name]).map(str::to_owned);
        let deaths = get("Deaths")?;
        if get("Year")? == "2015" && get("Cause Name")? == "All causes" {
            *if get("State")? == "United States" { &mut of_country } else { &mut of_states } +=
                deaths.parse::<u64>()?;
        }
        rows.push(vec![
            get("Year")?,
            causes.number(vec![get("113 Cause Name")?, get("Cause Name")?]),
            states.number(vec![get("State")?]),
            deaths,
            get("Age-adjusted Death Rate")?,
        ]);
    }
    source.check("rows", rows.len(), 10_296)?;
    source.check("US 2015, all causes, against the sum of its states", of_country, of_states)?;
    folder.csv(&mut source, "rows", &["year", "cause", "state", "deaths", "rate"], rows)?;
    folder.csv(&mut source, "causes", &["number", "cause_113", "cause"], causes.numbered())?;
    folder.csv(&mut source, "states", &["number", "name"], states.numbered())?;
    folder.finish(&source)
}

/// A table of which no file was captured: its shape is from documentation and other people's programs, its figures and
/// its counties are made up. Codes 9xx are no county's.
struct Invention {
    folder: &'static str,
    title: &'static str,
    header: &'static [&'static str],
    rows: fn() -> Vec<Vec<String>>,
}

const INVENTIONS: [Invention; 4] = [
    Invention {
        folder: "poisoning_county_2015",
        title: "NCHS - Drug Poisoning Mortality by County: United States, 1999-2015, in ranges (pbkm-d27e)",
        header: &["fips", "year", "state", "st", "fips_state", "county", "population", "range"],
        rows: ranges_to_2015,
    },
    Invention {
        folder: "poisoning_county_2017",
        title: "NCHS - Drug Poisoning Mortality by County: United States, 1999-2017, modelled (rpvx-m2md)",
        header: &[
            "fips",
            "year",
            "state",
            "fips_state",
            "county",
            "population",
            "rate",
            "sd",
            "low",
            "high",
            "urban_rural",
            "division",
        ],
        rows: modelled_to_2017,
    },
    Invention {
        folder: "vsrr_county",
        title: "VSRR Provisional County-Level Drug Overdose Death Counts (gb4e-yj24)",
        header: &[
            "data_as_of",
            "year",
            "month",
            "st",
            "state",
            "county",
            "fips",
            "state_fips",
            "county_fips",
            "code2013",
            "deaths",
            "footnote",
            "pending",
            "note",
            "month_end",
            "start",
            "end",
        ],
        rows: provisional,
    },
    Invention {
        folder: "injury_county",
        title: "Mapping Injury, Overdose, and Violence - County (psx4-wq38)",
        header: &[
            "geoid",
            "name",
            "st_geoid",
            "st_name",
            "intent",
            "period",
            "count",
            "rate",
            "rate_m",
            "rate_m_ci",
            "data_as_of",
            "ttm",
        ],
        rows: injury,
    },
];

impl Invention {
    fn make(&self, tables: &Path) -> Result<String, Failure> {
        let mut source = Source {
            publisher: PUBLISHER,
            title: self.title,
            grade: "invented",
            credit: "hand-made, no capture",
            licence: LICENCE,
            kept: "nothing: every figure and every county is made up",
            masked: "nothing: no persons",
            left_out: "everything: only the shape is the publisher's, from documentation and other people's programs",
            ours: "hand-made, no capture: county codes that end in 9xx belong to no county",
            ..Source::default()
        };
        let mut folder = Folder::new(tables, self.folder)?;
        folder.csv(&mut source, "rows", self.header, (self.rows)())?;
        folder.finish(&source)
    }
}

/// Counties that do not exist: FIPS code as a number, name, state's code as a number, abbreviation and name, population.
const COUNTIES: [(u32, &str, u32, &str, &str, u32); 3] = [
    (1_991, "Alder", 1, "AL", "Alabama", 1_043_210),
    (30_993, "Birch", 30, "MT", "Montana", 742),
    (54_995, "Cedar", 54, "WV", "West Virginia", 20_117),
];

fn ranges_to_2015() -> Vec<Vec<String>> {
    let ranges = ["0-2", "2.1-4", "4.1-6", "6.1-8", "8.1-10", "28.1-30", ">30"];
    let mut rows = Vec::new();
    for (at, (fips, name, state, usps, state_name, people)) in COUNTIES.iter().enumerate() {
        for year in 1999..=2015_u32 {
            let range = ranges[((year - 1999) / 4) as usize + at];
            rows.push(vec![
                fips.to_string(),
                year.to_string(),
                (*state_name).to_owned(),
                (*usps).to_owned(),
                state.to_string(),
                format!("{name} County, {usps}"),
                (people + (year - 1999) * 11).to_string(),
                range.to_owned(),
            ]);
        }
    }
    rows
}

fn modelled_to_2017() -> Vec<Vec<String>> {
    let classes = ["Large Central Metro", "Noncore", "Micropolitan"];
    let mut rows = Vec::new();
    for (at, (fips, name, state, usps, state_name, people)) in COUNTIES.iter().enumerate() {
        for year in 1999..=2017_u32 {
            let tenths = 21 + (year - 1999) * 13 + at as u32 * 40;
            rows.push(vec![
                fips.to_string(),
                year.to_string(),
                (*state_name).to_owned(),
                state.to_string(),
                format!("{name} County, {usps}"),
                (people + (year - 1999) * 11).to_string(),
                format!("{}.{}04178153", tenths / 10, tenths % 10),
                format!("0.{}31", tenths % 7 + 1),
                format!("{}.{}", tenths * 8 / 100, tenths * 8 % 100 / 10),
                format!("{}.{}", tenths * 13 / 100, tenths * 13 % 100 / 10),
                classes[at].to_owned(),
                (6 + at).to_string(),
            ]);
        }
    }
    rows
}

/// One large county, one whose counts are suppressed in half of the months, one that has none in some.
fn provisional() -> Vec<Vec<String>> {
    const DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut rows = Vec::new();
    for (at, (fips, name, state, usps, state_name, _)) in COUNTIES.iter().enumerate() {
        for month in 1..=12_u32 {
            let deaths = match at {
                0 => Some(1_020 + month),
                1 => (month > 6).then_some(9 + month - 6),
                _ => Some(if month < 3 { 0 } else { 30 + month }),
            };
            let footnote = if deaths.is_some() { "" } else { "Suppressed: 1-9 deaths" };
            let days = DAYS[month as usize - 1];
            rows.push(vec![
                "2024-09-11".to_owned(),
                "2023".to_owned(),
                month.to_string(),
                (*usps).to_owned(),
                (*state_name).to_owned(),
                (*name).to_owned(),
                fips.to_string(),
                state.to_string(),
                (fips % 1000).to_string(),
                (at + 1).to_string(),
                deaths.map_or_else(String::new, |deaths| deaths.to_string()),
                footnote.to_owned(),
                format!("0.{}", month * 7 % 90 + 10),
                "Historical data complete".to_owned(),
                format!("2023-{month:02}-{days}"),
                format!("2023-{month:02}-01"),
                format!("2023-{month:02}-{days}"),
            ]);
        }
    }
    rows
}

/// Counts as they are, as two kinds of range, and a true zero.
fn injury() -> Vec<Vec<String>> {
    let intents = ["FA_Deaths", "FA_Homicide", "FA_Suicide", "All_Homicide", "All_Suicide", "Drug_OD"];
    let mut rows = Vec::new();
    for (at, (fips, name, state, _, state_name, _)) in COUNTIES.iter().enumerate() {
        for (which, intent) in intents.iter().enumerate() {
            for period in ["2019", "2020", "2021", "2022", "2023", "2024", "TTM"] {
                let step = period.parse::<usize>().map_or(6, |year| year - 2019);
                let (count, rate, modelled, interval) = match (at, (which + step) % 4) {
                    (0, 3) => ("10-50".to_owned(), format!("3.{step}00000000000000"), "1", "1.9-5.1".to_owned()),
                    (0, _) => {
                        ((1_000 + which * 40 + step).to_string(), format!("9{step}.10000000000000"), "0", String::new())
                    }
                    (1, 0) => ("1-9".to_owned(), "-999.0000000000000".to_owned(), "1", "-999".to_owned()),
                    (1, 1) => ("1-9".to_owned(), format!("14.{step}0000000000000"), "1", "8.6-24.0".to_owned()),
                    (1, _) => ("0".to_owned(), "0.000000000000000".to_owned(), "0", String::new()),
                    (_, left) => {
                        ((10 + left * 3 + step).to_string(), format!("5{left}.{step}0000000000000"), "0", String::new())
                    }
                };
                let ttm = period == "TTM";
                rows.push(vec![
                    format!("{fips:05}"),
                    format!("{name} County"),
                    format!("{state:02}"),
                    (*state_name).to_owned(),
                    (*intent).to_owned(),
                    period.to_owned(),
                    count,
                    rate,
                    modelled.to_owned(),
                    interval,
                    if ttm { "2026-06-22" } else { "2026-05-14" }.to_owned(),
                    if ttm { "February, 2025 to January, 2026" } else { "" }.to_owned(),
                ]);
            }
        }
    }
    rows
}
