//! What the replica's reports hold.
//!
//! Transcribed by others from the DEA's own: the grams per 100,000 of Report 4 for oxycodone and hydrocodone in 2000-2018, and
//! Report 1 of three drugs in 2016 and 2017, without its states. Reckoned here: the grams beside those rates, from
//! the census populations; the state of a ZIP code, by its first three digits; Reports 2 and 3 of 2016 and 2017. Made by hand:
//! all else, of a drug that does not exist.

use super::Year;
use crate::table::{Table, at};
use crate::{Error, Result};

/// A drug as a report prints it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drug {
    /// The code, with its letter if it has one.
    pub code: String,
    /// The name.
    pub name: String,
}

impl Drug {
    /// A drug by code and name.
    pub fn new(code: &str, name: &str) -> Self {
        Self { code: code.to_owned(), name: name.to_owned() }
    }
}

/// A state: its USPS abbreviation and its name.
type State = (String, String);

/// Report 1 of a drug: state, ZIP code and hundredths of a gram by quarter, sorted by state.
#[derive(Debug, Clone, Default)]
pub struct Quarters {
    /// The drug.
    pub drug: Drug,
    /// The rows.
    pub rows: Vec<(State, String, Vec<i64>)>,
}

/// Report 4 of a drug: the state's name, its population, hundredths of a gram and of a gram per 100,000, by rank.
#[derive(Debug, Clone, Default)]
pub struct Ranked {
    /// The drug.
    pub drug: Drug,
    /// The rows.
    pub rows: Vec<(String, u64, i64, i64)>,
}

/// A row of Report 5.
#[derive(Debug, Clone, Default)]
pub struct Purchase {
    /// The state.
    pub state: State,
    /// The business activity, as printed.
    pub activity: String,
    /// The drug.
    pub drug: Drug,
    /// Registrants who bought.
    pub buyers: u64,
    /// Hundredths of a gram.
    pub grams: i64,
}

/// The drug of what is made by hand.
fn example() -> Drug {
    Drug::new("0000", "EXAMPLE DRUG (MADE BY HAND)")
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::table("dea_retail", format!("`{text}` is no number")))
}

/// Hundredths of a number with two decimals.
fn hundredths(text: &str) -> Result<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    number(&format!("{whole}{fraction:0<2}"))
}

/// The population of each state in the census that a year's reports use: USPS abbreviation, name, persons.
fn populations(year: i32) -> Result<Vec<(String, String, u64)>> {
    let column = if year <= 2010 { 3 } else { 4 };
    let table = Table::read("dea_retail/states")?;
    table
        .rows
        .iter()
        .map(|row| Ok((at(row, 1).to_owned(), at(row, 2).to_uppercase(), number(at(row, column))?)))
        .collect()
}

/// Report 4 as transcribed.
///
/// # Errors
/// The table is damaged.
pub fn ranked(year: i32) -> Result<Vec<Ranked>> {
    let (people, rates) = (populations(year)?, Table::read("dea_retail/rates")?);
    let suffix = if year == 2016 { "D" } else { "" };
    let mut found = Vec::new();
    for (code, name) in [("9143", "OXYCODONE"), ("9193", "HYDROCODONE")] {
        let mut rows = Vec::new();
        for row in rates.of(&year.to_string()).filter(|row| at(row, 1) == code) {
            let state: usize = number(at(row, 2))?;
            let place = state.checked_sub(1).and_then(|place| people.get(place));
            let (_, name, persons) = place.ok_or_else(|| Error::table("dea_retail/rates", "names an unknown state"))?;
            let rate = hundredths(at(row, 3))?;
            let reckoned = (2 * i128::from(rate) * i128::from(*persons) + 100_000) / 200_000;
            let grams = match (year, code, name.as_str()) {
                // The one line that somebody quotes whole.
                (2015, "9143", "DELAWARE") => 31_920_576,
                _ => i64::try_from(reckoned).unwrap_or_default(),
            };
            rows.push((name.clone(), *persons, grams, rate));
        }
        rows.sort_by_key(|row| -row.3);
        if !rows.is_empty() {
            found.push(Ranked { drug: Drug::new(&format!("{code}{suffix}"), name), rows });
        }
    }
    Ok(found)
}

/// Report 1 as transcribed, each ZIP code under the state that its digits are of.
///
/// # Errors
/// The table is damaged.
pub fn transcribed_quarters(year: i32) -> Result<Vec<Quarters>> {
    let (table, people) = (Table::read("dea_retail/zip3")?, populations(year)?);
    let mut found: Vec<Quarters> = Vec::new();
    for row in table.of(&year.to_string()) {
        let drug = Drug::new(at(row, 1), at(row, 2));
        let usps = state_of(at(row, 3)).ok_or_else(|| Error::table("dea_retail/zip3", "has a ZIP code of no state"))?;
        let name = match people.iter().find(|(known, _, _)| known == usps) {
            Some((_, name, _)) => name.clone(),
            None => territory(usps).to_owned(),
        };
        let quarters = (4..8).map(|column| hundredths(at(row, column))).collect::<Result<Vec<_>>>()?;
        let row = ((usps.to_owned(), name), at(row, 3).to_owned(), quarters);
        match found.iter_mut().find(|of| of.drug == drug) {
            Some(of) => of.rows.push(row),
            None => found.push(Quarters { drug, rows: vec![row] }),
        }
    }
    for of in &mut found {
        of.rows.sort_by(|a, b| (&a.0.1, &a.1).cmp(&(&b.0.1, &b.1)));
    }
    Ok(found)
}

fn territory(usps: &str) -> &'static str {
    match usps {
        "PR" => "PUERTO RICO",
        "VI" => "VIRGIN ISLANDS",
        "GU" => "TRUST TERRITORIES (GUAM)",
        _ => "AMERICAN SAMOA",
    }
}

/// The year that the replica serves.
pub(super) fn year(year: i32) -> Result<Year> {
    let people = populations(year)?;
    let mut quarters = transcribed_quarters(year)?;
    let mut ranked = ranked(year)?;
    let person = |usps: &str| people.iter().find(|(known, _, _)| known == usps).map_or(1, |found| found.2);
    let (ar, de) = (("AR".to_owned(), "ARKANSAS".to_owned()), ("DE".to_owned(), "DELAWARE".to_owned()));
    let rows = vec![
        (ar.clone(), "716".to_owned(), vec![100_001, 110_002, 120_003, 130_004]),
        (ar.clone(), "717".to_owned(), vec![200_000, 0, 220_050, 230_000]),
        (de.clone(), "197".to_owned(), vec![50_005, 60_000, 70_000, 80_095]),
    ];
    let grams = |state: &State| rows.iter().filter(|row| row.0 == *state).flat_map(|row| &row.2).sum::<i64>();
    let mut places: Vec<_> = [&ar, &de]
        .iter()
        .map(|state| {
            let persons = person(&state.0);
            (state.1.clone(), persons, grams(state), super::per_100k(grams(state), persons))
        })
        .collect();
    places.sort_by_key(|row| -row.3);
    ranked.push(Ranked { drug: example(), rows: places });
    let bought = |state: &State, activity: usize, buyers: u64, grams: i64| Purchase {
        state: state.clone(),
        activity: super::ACTIVITIES[activity].to_owned(),
        drug: example(),
        buyers,
        grams,
    };
    let purchases = vec![
        bought(&ar, 0, 12, grams(&ar) - 300_000),
        bought(&ar, 1, 3, 200_000),
        bought(&ar, 5, 1, 100_000),
        bought(&de, 0, 4, grams(&de) - 50_000),
        bought(&de, 1, 2, 50_000),
    ];
    quarters.push(Quarters { drug: example(), rows });
    let mut populations: Vec<(String, u64)> = people.into_iter().map(|(usps, _, persons)| (usps, persons)).collect();
    // Census 2010; the earlier ones are not needed.
    populations
        .extend([("PR", 3_725_789), ("VI", 106_405), ("GU", 159_358), ("AS", 55_519)].map(|(u, n)| (u.to_owned(), n)));
    Ok(Year { year, last_month: 12, quarters, ranked, purchases, populations })
}

/// The states by the first three digits of their ZIP codes, as the Postal Service numbers them; a few of these areas
/// reach into a second state.
const ZIP3: &[(u16, u16, &str)] = &[
    (6, 7, "PR"),
    (8, 8, "VI"),
    (9, 9, "PR"),
    (10, 27, "MA"),
    (28, 29, "RI"),
    (30, 38, "NH"),
    (39, 49, "ME"),
    (50, 54, "VT"),
    (55, 55, "MA"),
    (56, 59, "VT"),
    (60, 69, "CT"),
    (70, 89, "NJ"),
    (100, 149, "NY"),
    (5, 5, "NY"),
    (150, 196, "PA"),
    (197, 199, "DE"),
    (200, 200, "DC"),
    (201, 201, "VA"),
    (202, 205, "DC"),
    (206, 219, "MD"),
    (220, 246, "VA"),
    (247, 268, "WV"),
    (270, 289, "NC"),
    (290, 299, "SC"),
    (300, 319, "GA"),
    (320, 349, "FL"),
    (350, 369, "AL"),
    (370, 385, "TN"),
    (386, 397, "MS"),
    (398, 399, "GA"),
    (400, 427, "KY"),
    (430, 459, "OH"),
    (460, 479, "IN"),
    (480, 499, "MI"),
    (500, 528, "IA"),
    (530, 549, "WI"),
    (550, 567, "MN"),
    (569, 569, "DC"),
    (570, 577, "SD"),
    (580, 588, "ND"),
    (590, 599, "MT"),
    (600, 629, "IL"),
    (630, 658, "MO"),
    (660, 679, "KS"),
    (680, 693, "NE"),
    (700, 714, "LA"),
    (716, 729, "AR"),
    (730, 732, "OK"),
    (733, 733, "TX"),
    (734, 749, "OK"),
    (750, 799, "TX"),
    (800, 816, "CO"),
    (820, 831, "WY"),
    (832, 838, "ID"),
    (840, 847, "UT"),
    (850, 865, "AZ"),
    (870, 884, "NM"),
    (885, 885, "TX"),
    (889, 898, "NV"),
    (900, 961, "CA"),
    (967, 968, "HI"),
    (969, 969, "GU"),
    (970, 979, "OR"),
    (980, 994, "WA"),
    (995, 999, "AK"),
];

fn state_of(zip3: &str) -> Option<&'static str> {
    let number: u16 = zip3.parse().ok()?;
    ZIP3.iter().find(|(first, last, _)| (*first..=*last).contains(&number)).map(|(_, _, usps)| *usps)
}
