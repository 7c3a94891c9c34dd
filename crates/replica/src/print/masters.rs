//! The FBI's master files: records of fixed width, by the positions of its record descriptions.
//!
//! [`ReturnA`] is an agency's year of Return A (7,385 bytes), [`Homicide`] an incident of the Supplementary Homicide
//! Reports (268 bytes, or 270 in ICPSR's edition). What they print is what tests read back. The files that the replica
//! serves are made from invented agencies and incidents: [`return_a`] and [`homicides`].

use crate::table::{Table, at};
use crate::{Error, Result};
use std::io::{Cursor, Write as _};

/// A record as bytes, blank at first.
struct Record(Vec<u8>);

impl Record {
    /// Puts a text at a position that is counted from 1; what is too long is cut.
    fn put(&mut self, at: usize, width: usize, text: &str) {
        let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).take(width).collect();
        self.0[at - 1..at - 1 + bytes.len()].copy_from_slice(&bytes);
    }

    /// Puts a number in zoned decimal; none leaves blanks.
    fn number(&mut self, at: usize, width: usize, value: Option<i64>) {
        if let Some(value) = value {
            self.put(at, width, &zoned(value, width));
        }
    }
}

/// A number with zeros before it; of a negative one, the last digit carries the sign: `}` is -0, `J` to `R` are -1 to -9.
fn zoned(value: i64, width: usize) -> String {
    let mut text = format!("{:0width$}", value.unsigned_abs());
    if value < 0
        && let Some(last) = text.pop().and_then(|digit| digit.to_digit(10))
    {
        text.push(char::from(b"}JKLMNOPQR"[last as usize]));
    }
    text
}

/// An agency's year of Return A.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReturnA {
    /// The state's number in the program.
    pub state_code: String,
    /// The identifier's first seven characters.
    pub ori7: String,
    /// The population group.
    pub group: String,
    /// The geographic division.
    pub division: String,
    /// The year.
    pub year: u16,
    /// The agency under which this one's crimes are counted, and its group.
    pub covered_by: (String, String),
    /// The last month received.
    pub highest_month: Option<i64>,
    /// 1, or 0 for a part of an agency.
    pub agency_count: Option<i64>,
    /// For each of three counties: population, county code, metropolitan area, population of the last census.
    pub counties: [(Option<i64>, String, String, Option<i64>); 3],
    /// The agency's name.
    pub name: String,
    /// The state's name in six letters.
    pub state: String,
    /// The first line of its address.
    pub address: String,
    /// The months.
    pub months: [Month; 12],
}

/// A month of Return A.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Month {
    /// The month in which its data stand.
    pub included_in: Option<i64>,
    /// The day of its last update, MMDDYY.
    pub updated: String,
    /// The flags of its five cards.
    pub types: String,
    /// How its first four cards were filled: P, T or blank.
    pub forms: String,
    /// The 28 numbers of its four cards: unfounded, actual, cleared, cleared under 18.
    pub cards: [[i64; 28]; 4],
    /// Officers killed feloniously, killed by accident, assaulted.
    pub officers: [i64; 3],
}

impl ReturnA {
    /// The record, of 7,385 bytes.
    pub fn print(&self) -> Vec<u8> {
        let mut record = Record(vec![b' '; 7385]);
        record.put(1, 1, "1");
        record.put(2, 2, &self.state_code);
        record.put(4, 7, &self.ori7);
        record.put(11, 2, &self.group);
        record.put(13, 1, &self.division);
        record.put(14, 2, &format!("{:02}", self.year % 100));
        record.put(24, 7, &self.covered_by.0);
        record.put(31, 1, &self.covered_by.1);
        record.number(42, 2, self.highest_month);
        record.number(44, 1, self.agency_count);
        for (nth, (population, county, msa, census)) in self.counties.iter().enumerate() {
            record.number(45 + 15 * nth, 9, *population);
            record.put(54 + 15 * nth, 3, county);
            record.put(57 + 15 * nth, 3, msa);
            record.number(90 + 9 * nth, 9, *census);
        }
        record.put(121, 24, &self.name);
        record.put(145, 6, &self.state);
        record.put(151, 30, &self.address);
        for (nth, month) in self.months.iter().enumerate() {
            month.print(&mut record, 306 + 590 * nth);
        }
        record.0
    }
}

impl Month {
    fn print(&self, record: &mut Record, block: usize) {
        record.number(block, 2, self.included_in);
        record.put(block + 2, 6, &self.updated);
        record.put(block + 8, 5, &self.types);
        record.put(block + 13, 4, &self.forms);
        for (card, first) in self.cards.iter().zip([17, 157, 297, 437]) {
            for (nth, count) in card.iter().enumerate() {
                record.number(block + first + 5 * nth, 5, Some(*count));
            }
        }
        record.number(block + 577, 3, Some(self.officers[0]));
        record.number(block + 580, 3, Some(self.officers[1]));
        record.number(block + 583, 7, Some(self.officers[2]));
    }
}

/// A person in an incident: age, sex, race, ethnicity, as one text of five letters.
pub type Person = String;

/// An offender: the person, the weapon, the first victim's relationship, the circumstance and its detail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offender {
    /// Age, sex, race and ethnicity.
    pub person: Person,
    /// The weapon, of two digits.
    pub weapon: String,
    /// What the first victim was to the offender, of two letters.
    pub relationship: String,
    /// The circumstance, of two digits.
    pub circumstance: String,
    /// Its detail, of one letter.
    pub detail: String,
}

/// An incident.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Homicide {
    /// The state's number in the program.
    pub state_code: String,
    /// The identifier's first seven characters.
    pub ori7: String,
    /// The population group, the geographic division.
    pub group: (String, String),
    /// The year.
    pub year: u16,
    /// The agency's population.
    pub population: i64,
    /// The county, the metropolitan area, whether it is suburban.
    pub place: (String, String, String),
    /// The agency's name, the state's in six letters.
    pub name: (String, String),
    /// The month.
    pub month: u8,
    /// 0 or 1 for an adjustment, then A or B.
    pub action: (String, String),
    /// The incident's number.
    pub number: u16,
    /// The situation, A to F.
    pub situation: String,
    /// The victims, at least one.
    pub victims: Vec<Person>,
    /// The offenders, at least one.
    pub offenders: Vec<Offender>,
}

/// Who lays out a record of a homicide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// The FBI: 268 bytes.
    Fbi,
    /// ICPSR: 270 bytes, a year of four digits, and blanks before numbers.
    Icpsr,
}

impl Homicide {
    /// The record, with the blanks at its end.
    pub fn print(&self, layout: Layout) -> Vec<u8> {
        let (year, more) = match layout {
            Layout::Fbi => (format!("{:02}", self.year % 100), 0),
            Layout::Icpsr => (self.year.to_string(), 2),
        };
        let number = |value: i64, width: usize| match layout {
            Layout::Fbi => format!("{value:0width$}"),
            Layout::Icpsr => format!("{value:width$}"),
        };
        let mut record = Record(vec![b' '; 268 + more]);
        record.put(1, 1, "6");
        record.put(2, 2, &self.state_code);
        record.put(4, 7, &self.ori7);
        record.put(11, 2, &self.group.0);
        record.put(13, 1, &self.group.1);
        record.put(14, 4, &year);
        let mut put = |at: usize, width: usize, text: &str| record.put(at + more, width, text);
        put(16, 9, &number(self.population, 9));
        put(25, 3, &self.place.0);
        put(28, 3, &self.place.1);
        put(31, 1, &self.place.2);
        put(32, 24, &self.name.0);
        put(56, 6, &self.name.1);
        put(62, 2, &format!("{:02}", self.month));
        put(64, 6, "021216");
        put(70, 1, &self.action.0);
        put(71, 1, &self.action.1);
        put(72, 3, &number(self.number.into(), 3));
        put(75, 1, &self.situation);
        for (nth, victim) in self.victims.iter().enumerate().take(11) {
            put(if nth == 0 { 76 } else { 94 + 5 * nth }, 5, victim);
        }
        for (nth, offender) in self.offenders.iter().enumerate().take(11) {
            let first = if nth == 0 { 81 } else { 137 + 12 * nth };
            put(first, 5, &offender.person);
            put(first + 5, 2, &offender.weapon);
            put(first + 7, 2, &offender.relationship);
            put(first + 9, 2, &offender.circumstance);
            put(first + 11, 1, &offender.detail);
        }
        put(93, 3, &number(self.victims.len() as i64 - 1, 3));
        put(96, 3, &number(self.offenders.len() as i64 - 1, 3));
        record.0
    }
}

/// The master file of Return A of a year, zipped: invented agencies.
pub fn return_a(year: &str) -> Result<Vec<u8>> {
    let agencies = Table::read("fbi_masters/agencies")?;
    let cards = Table::read("fbi_masters/cards")?;
    let mut text = Vec::new();
    for agency in agencies.of(year) {
        let whole = |column: usize| at(agency, column).parse::<i64>().ok();
        let county = |first: usize| {
            (whole(first), at(agency, first + 1).to_owned(), at(agency, first + 2).to_owned(), whole(first))
        };
        let mut record = ReturnA {
            state_code: at(agency, 1).to_owned(),
            ori7: at(agency, 2).to_owned(),
            group: at(agency, 3).to_owned(),
            division: at(agency, 4).to_owned(),
            year: year.parse().map_err(|e| Error::table("fbi_masters/agencies", e))?,
            covered_by: (at(agency, 5).to_owned(), at(agency, 6).to_owned()),
            highest_month: whole(7),
            agency_count: whole(8),
            name: at(agency, 9).to_owned(),
            state: at(agency, 10).to_owned(),
            counties: [county(11), county(14), county(17)],
            address: "CHIEF OF POLICE".to_owned(),
            ..ReturnA::default()
        };
        let mine = |row: &&csv::StringRecord| at(row, 1) == record.ori7 && at(row, 2) == at(agency, 20);
        for row in cards.of(year).filter(mine) {
            let number = |column: usize| at(row, column).parse::<i64>().unwrap_or_default();
            let Some(month) =
                usize::try_from(number(3)).ok().and_then(|nth| record.months.get_mut(nth.checked_sub(1)?))
            else {
                continue;
            };
            month.included_in = at(row, 4).parse().ok();
            month.updated = at(row, 5).to_owned();
            month.types = at(row, 6).to_owned();
            month.forms = at(row, 7).to_owned();
            month.officers = [0, 0, number(8)];
            let Some(card) = usize::try_from(number(9)).ok().and_then(|nth| month.cards.get_mut(nth)) else { continue };
            for (nth, count) in card.iter_mut().enumerate() {
                *count = number(10 + nth);
            }
        }
        text.extend(record.print());
        text.extend(b"\r\n");
    }
    zipped(&format!("RETA{}.DAT", &year[2..]), &text)
}

/// The master file of homicides of a year, zipped: invented incidents. Blanks at the ends of its lines are cut off, and
/// the sign of an old system's end of a file follows the last one.
pub fn homicides(year: &str) -> Result<Vec<u8>> {
    let incidents = Table::read("fbi_masters/incidents")?;
    let offenders = Table::read("fbi_masters/offenders")?;
    let mut text = Vec::new();
    for row in incidents.of(year) {
        let odd = |e: std::num::ParseIntError| Error::table("fbi_masters/incidents", e);
        let offender = |row: &csv::StringRecord| Offender {
            person: at(row, 1).to_owned(),
            weapon: at(row, 2).to_owned(),
            relationship: at(row, 3).to_owned(),
            circumstance: at(row, 4).to_owned(),
            detail: at(row, 5).to_owned(),
        };
        let incident = Homicide {
            state_code: at(row, 2).to_owned(),
            ori7: at(row, 3).to_owned(),
            group: (at(row, 4).to_owned(), at(row, 5).to_owned()),
            year: year.parse().map_err(odd)?,
            population: at(row, 6).parse().map_err(odd)?,
            place: (at(row, 7).to_owned(), at(row, 8).to_owned(), "0".to_owned()),
            name: (at(row, 9).to_owned(), at(row, 10).to_owned()),
            month: at(row, 11).parse().map_err(odd)?,
            action: ("0".to_owned(), at(row, 12).to_owned()),
            number: at(row, 13).parse().map_err(odd)?,
            situation: at(row, 14).to_owned(),
            victims: at(row, 15).split('/').map(str::to_owned).collect(),
            offenders: offenders.of(at(row, 1)).map(offender).collect(),
        };
        text.extend(incident.print(Layout::Fbi).trim_ascii_end());
        text.extend(b"\r\n");
    }
    text.push(0x1a);
    zipped(&format!("SHR{year}.DAT"), &text)
}

/// A ZIP archive of one member, the same for the same text.
fn zipped(name: &str, text: &[u8]) -> Result<Vec<u8>> {
    let failed = |e: zip::result::ZipError| Error::print("ZIP", e.to_string());
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
    zip.start_file(name, options).map_err(failed)?;
    zip.write_all(text).map_err(|e| Error::print("ZIP", e.to_string()))?;
    Ok(zip.finish().map_err(failed)?.into_inner())
}
