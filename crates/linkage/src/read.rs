//! The two files, a row at a time: what identifies is hashed before the next row is read.
//!
//! What is absent: any cell in an error. An error has the line, the column and what was expected. Nor is the header
//! repeated: where it is missing, the first line is a person.

use std::collections::HashMap;
use std::io::Read;

use jiff::civil::Date;
use jiff::fmt::strtime;
use model::{Error, Kind, Result};
use zeroize::Zeroizing;

use crate::declare::{DeathColumns, Deaths, Dispensing, DispensingColumns};
use crate::identity::{Clear, Encoder, Identity, Tag};

/// Days since the first of 1970.
pub type Day = i32;

/// What was dispensed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Drug {
    /// Codeine, hydrocodone, hydromorphone, morphine, oxycodone, oxymorphone.
    NaturalSemisynthetic,
    /// Methadone.
    Methadone,
    /// Fentanyl, meperidine, tapentadol, tramadol and other synthetic opioids.
    Synthetic,
    /// Buprenorphine, which is mostly treatment of opioid use disorder: to no death is it attributed.
    Buprenorphine,
    /// The drug of the negative control.
    Control,
    /// Anything else.
    Other,
}

/// Words in drugs' names, and the class of each.
const DRUGS: &[(&str, Drug)] = &[
    ("buprenorphine", Drug::Buprenorphine),
    ("methadone", Drug::Methadone),
    ("dihydrocodeine", Drug::NaturalSemisynthetic),
    ("codeine", Drug::NaturalSemisynthetic),
    ("hydrocodone", Drug::NaturalSemisynthetic),
    ("hydromorphone", Drug::NaturalSemisynthetic),
    ("morphine", Drug::NaturalSemisynthetic),
    ("oxycodone", Drug::NaturalSemisynthetic),
    ("oxymorphone", Drug::NaturalSemisynthetic),
    ("benzhydrocodone", Drug::NaturalSemisynthetic),
    ("butorphanol", Drug::Synthetic),
    ("fentanyl", Drug::Synthetic),
    ("levorphanol", Drug::Synthetic),
    ("meperidine", Drug::Synthetic),
    ("pentazocine", Drug::Synthetic),
    ("tapentadol", Drug::Synthetic),
    ("tramadol", Drug::Synthetic),
];

impl Drug {
    /// The class of a drug by its name.
    pub fn of(name: &str, control: Option<&str>) -> Self {
        let name = name.to_lowercase();
        if let Some((_, class)) = DRUGS.iter().find(|(word, _)| name.contains(word)) {
            return *class;
        }
        let is_control = control.is_some_and(|word| name.contains(&word.to_lowercase()));
        if is_control { Self::Control } else { Self::Other }
    }

    /// Whether a death may be attributed to it.
    pub fn is_opioid(self) -> bool {
        matches!(self, Self::NaturalSemisynthetic | Self::Methadone | Self::Synthetic)
    }

    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NaturalSemisynthetic => "natural_semisynthetic",
            Self::Methadone => "methadone",
            Self::Synthetic => "synthetic",
            Self::Buprenorphine => "buprenorphine",
            Self::Control => "control",
            Self::Other => "other",
        }
    }
}

/// One dispensing.
pub struct Row {
    /// Which of [`Dispensings::identities`] it was for.
    pub identity: u32,
    /// The day of dispensing.
    pub day: Day,
    /// For how many days it lasts.
    pub supply: u16,
    /// What it was.
    pub drug: Drug,
    /// Morphine milligram equivalents a day, if the file has them.
    pub mme_per_day: Option<f64>,
    pub(crate) prescriber: Tag,
    /// Whether the patient is in hospice care.
    pub hospice: bool,
}

/// All that was dispensed, and to whom.
#[derive(Default)]
pub struct Dispensings {
    /// Rows in the file's order; those that could not be read are left out.
    pub rows: Vec<Row>,
    /// Rows that were left out: no day, or no supply.
    pub rejected: u64,
    pub(crate) identities: Vec<Identity>,
}

impl Dispensings {
    /// How many spellings of patients there are.
    pub fn identities(&self) -> usize {
        self.identities.len()
    }
}

/// Which opioids a certificate names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// One that pharmacies dispense and whose origin the certificate leaves open: natural, semisynthetic, methadone, or an
    /// opioid that is not told; whatever else is named.
    Prescribable,
    /// Heroin or synthetic opioids, and none of the above: mostly illicit fentanyl.
    HeroinOrFentanylAlone,
    /// None.
    NoOpioid,
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Prescribable, Self::HeroinOrFentanylAlone, Self::NoOpioid];

    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prescribable => "prescribable_opioid",
            Self::HeroinOrFentanylAlone => "heroin_or_fentanyl_alone",
            Self::NoOpioid => "no_opioid_named",
        }
    }

    /// By which of natural and semisynthetic opioids, methadone, synthetic ones, heroin and others are named.
    fn of([natural, methadone, synthetic, heroin, other]: [bool; 5]) -> Self {
        if natural || methadone || other {
            Self::Prescribable
        } else if heroin || synthetic {
            Self::HeroinOrFentanylAlone
        } else {
            Self::NoOpioid
        }
    }
}

/// One death. Its day and county are what tables are made of, and stay.
pub struct Death {
    /// The day.
    pub day: Day,
    /// The county of residence as written; none where the file does not say.
    pub county: Option<String>,
    /// Which opioids were named.
    pub group: Group,
    pub(crate) identity: Identity,
}

/// The deaths, in the file's order, and how many rows without a day were left out.
pub struct Dead {
    /// The deaths.
    pub deaths: Vec<Death>,
    /// Rows that were left out: no day of death.
    pub rejected: u64,
}

/// Days since the first of 1970.
pub fn day_of(date: Date) -> Day {
    i32::try_from(date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24).unwrap_or(Day::MAX)
}

/// Reads what was dispensed. `ndc_drugs` tells the drug of each NDC.
pub(crate) fn dispensings(
    declared: &Dispensing,
    control: Option<&str>,
    file: impl Read,
    ndc_drugs: &HashMap<String, String>,
    encoder: &mut Encoder,
) -> Result<Dispensings> {
    let mut found = Dispensings::default();
    let mut known: HashMap<Tag, u32> = HashMap::new();
    let columns = &declared.columns;
    let mut sheet = Sheet::open("dispensing", file)?;
    let cells = DispensingCells::of(&sheet, columns)?;
    while sheet.next()? {
        let day = sheet.date(cells.dispensed, &declared.dates);
        let supply =
            sheet.cell(Some(cells.days_supply)).trim().parse::<f64>().ok().filter(|days| (0.0..=366.0).contains(days));
        let (Some(day), Some(supply)) = (day, supply) else {
            found.rejected += 1;
            continue;
        };
        let clear = Clear {
            first: sheet.cell(Some(cells.first_name)),
            last: sheet.cell(Some(cells.last_name)),
            born: sheet.date(cells.birth_date, &declared.dates),
            sex: sheet.cell(cells.sex),
            zip: sheet.cell(cells.zip),
            county: sheet.cell(cells.county),
        };
        let new = u32::try_from(found.identities.len()).map_err(|_| {
            Error::new(Kind::CheckFailed, "the dispensing file has more than four thousand million patients")
        })?;
        let identity = *known.entry(encoder.row(&clear)).or_insert(new);
        if identity == new {
            found.identities.push(encoder.identity(&clear));
        }
        let drug = match cells.ndc {
            Some(_) => ndc_drugs.get(sheet.cell(cells.ndc).trim()).map(String::as_str).unwrap_or_default().to_owned(),
            None => sheet.cell(cells.drug).to_string(),
        };
        found.rows.push(Row {
            identity,
            day: day_of(day),
            supply: whole(supply),
            drug: Drug::of(&drug, control),
            mme_per_day: sheet.cell(cells.mme_per_day).trim().parse().ok().filter(|mme| f64::is_finite(*mme)),
            prescriber: encoder.tag("prescriber", &[sheet.cell(Some(cells.prescriber)).trim()]),
            hospice: sheet.flag(cells.hospice),
        });
    }
    check_rejected("dispensing", found.rejected, found.rows.len())?;
    Ok(found)
}

/// A number of days that was found to be 0 to 366.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the caller has checked the range")]
fn whole(days: f64) -> u16 {
    days.round() as u16
}

/// Reads who died.
pub(crate) fn deaths(declared: &Deaths, file: impl Read, encoder: &mut Encoder) -> Result<Dead> {
    let mut found = Dead { deaths: Vec::new(), rejected: 0 };
    let columns = &declared.columns;
    let mut sheet = Sheet::open("death", file)?;
    let cells = DeathCells::of(&sheet, columns)?;
    while sheet.next()? {
        let Some(day) = sheet.date(cells.died, &declared.dates) else {
            found.rejected += 1;
            continue;
        };
        let clear = Clear {
            first: sheet.cell(Some(cells.first_name)),
            last: sheet.cell(Some(cells.last_name)),
            born: sheet.date(cells.birth_date, &declared.dates),
            sex: sheet.cell(cells.sex),
            zip: sheet.cell(cells.zip),
            county: sheet.cell(cells.county),
        };
        let named = match cells.causes {
            Some(_) => causes(&sheet.cell(cells.causes)),
            None => cells.flags.map(|flag| sheet.flag(flag)),
        };
        let county = clear.county.trim();
        found.deaths.push(Death {
            day: day_of(day),
            county: (!county.is_empty()).then(|| county.to_owned()),
            group: Group::of(named),
            identity: encoder.identity(&clear),
        });
    }
    check_rejected("death", found.rejected, found.deaths.len())?;
    Ok(found)
}

/// Which opioids ICD-10 codes name, in the order of [`Group::of`].
fn causes(text: &str) -> [bool; 5] {
    let mut named = [false; 5];
    for code in text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.') {
        let code = code.replace('.', "").to_ascii_uppercase();
        match code.get(..4) {
            Some("T402") => named[0] = true,
            Some("T403") => named[1] = true,
            Some("T404") => named[2] = true,
            Some("T401") => named[3] = true,
            Some("T400" | "T406") => named[4] = true,
            _ => {}
        }
    }
    named
}

/// The drug of each NDC.
pub(crate) fn ndc_drugs(file: impl Read) -> Result<HashMap<String, String>> {
    let mut sheet = Sheet::open("NDC", file)?;
    let (ndc, drug) = (sheet.column("ndc")?, sheet.column("drug")?);
    let mut drugs = HashMap::new();
    while sheet.next()? {
        drugs.insert(sheet.cell(Some(ndc)).trim().to_owned(), sheet.cell(Some(drug)).to_string());
    }
    Ok(drugs)
}

/// One row in twenty may be beyond reading; more is another format.
fn check_rejected(what: &str, rejected: u64, kept: usize) -> Result<()> {
    if rejected.saturating_mul(19) <= u64::try_from(kept).unwrap_or(u64::MAX) {
        return Ok(());
    }
    Err(Error::new(
        Kind::CheckFailed,
        format!("more than one row in twenty of the {what} file has no day that can be read"),
    )
    .hint("see whether `dates` says how dates are written, and whether the columns are the right ones"))
}

struct DispensingCells {
    first_name: usize,
    last_name: usize,
    birth_date: usize,
    sex: Option<usize>,
    zip: Option<usize>,
    county: Option<usize>,
    dispensed: usize,
    days_supply: usize,
    drug: Option<usize>,
    ndc: Option<usize>,
    mme_per_day: Option<usize>,
    prescriber: usize,
    hospice: Option<usize>,
}

impl DispensingCells {
    fn of<R: Read>(sheet: &Sheet<R>, columns: &DispensingColumns) -> Result<Self> {
        let cells = Self {
            first_name: sheet.column(&columns.first_name)?,
            last_name: sheet.column(&columns.last_name)?,
            birth_date: sheet.column(&columns.birth_date)?,
            sex: sheet.optional(columns.sex.as_ref())?,
            zip: sheet.optional(columns.zip.as_ref())?,
            county: sheet.optional(columns.county.as_ref())?,
            dispensed: sheet.column(&columns.dispensed)?,
            days_supply: sheet.column(&columns.days_supply)?,
            drug: sheet.optional(columns.drug.as_ref())?,
            ndc: sheet.optional(columns.ndc.as_ref())?,
            mme_per_day: sheet.optional(columns.mme_per_day.as_ref())?,
            prescriber: sheet.column(&columns.prescriber)?,
            hospice: sheet.optional(columns.hospice.as_ref())?,
        };
        // Nothing is counted by pharmacy; a name that is declared must be there all the same.
        sheet.optional(columns.pharmacy.as_ref())?;
        Ok(cells)
    }
}

struct DeathCells {
    first_name: usize,
    last_name: usize,
    birth_date: usize,
    sex: Option<usize>,
    zip: Option<usize>,
    county: Option<usize>,
    died: usize,
    causes: Option<usize>,
    flags: [Option<usize>; 5],
}

impl DeathCells {
    fn of<R: Read>(sheet: &Sheet<R>, columns: &DeathColumns) -> Result<Self> {
        Ok(Self {
            first_name: sheet.column(&columns.first_name)?,
            last_name: sheet.column(&columns.last_name)?,
            birth_date: sheet.column(&columns.birth_date)?,
            sex: sheet.optional(columns.sex.as_ref())?,
            zip: sheet.optional(columns.zip.as_ref())?,
            county: sheet.optional(columns.county.as_ref())?,
            died: sheet.column(&columns.died)?,
            causes: sheet.optional(columns.causes.as_ref())?,
            flags: [
                sheet.optional(columns.natural_semisynthetic.as_ref())?,
                sheet.optional(columns.methadone.as_ref())?,
                sheet.optional(columns.synthetic.as_ref())?,
                sheet.optional(columns.heroin.as_ref())?,
                sheet.optional(columns.other_opioid.as_ref())?,
            ],
        })
    }
}

/// A CSV file and its current row.
struct Sheet<R> {
    what: &'static str,
    reader: csv::Reader<R>,
    header: csv::ByteRecord,
    row: csv::ByteRecord,
}

impl<R: Read> Sheet<R> {
    fn open(what: &'static str, file: R) -> Result<Self> {
        let mut reader = csv::Reader::from_reader(file);
        let header = reader.byte_headers().map_err(|cause| broken(what, &cause))?.clone();
        Ok(Self { what, reader, header, row: csv::ByteRecord::new() })
    }

    /// Where a column is.
    fn column(&self, name: &str) -> Result<usize> {
        let is_it = |header: &[u8]| {
            header.trim_ascii().strip_prefix(b"\xef\xbb\xbf").unwrap_or(header.trim_ascii()) == name.as_bytes()
        };
        let mut places = self.header.iter().enumerate().filter(|(_, header)| is_it(header)).map(|(place, _)| place);
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (None, _) => Err(Error::new(Kind::Changed, format!("the {} file has no column `{name}`", self.what))
                .hint("its first line must be a header; compare it with the declaration")),
            _ => Err(Error::new(Kind::Changed, format!("the {} file has two columns `{name}`", self.what))),
        }
    }

    fn optional(&self, name: Option<&String>) -> Result<Option<usize>> {
        name.map(|name| self.column(name)).transpose()
    }

    /// Goes on to the next row, if there is one.
    fn next(&mut self) -> Result<bool> {
        let read = self.reader.read_byte_record(&mut self.row).map_err(|cause| broken(self.what, &cause))?;
        if read && std::str::from_utf8(self.row.as_slice()).is_err() {
            let line =
                self.row.position().map_or_else(String::new, |position| format!(" near line {}", position.line()));
            return Err(Error::new(Kind::NotData, format!("the {} file is not UTF-8{line}", self.what))
                .hint("names in another encoding would not be linked: convert the file, for instance with iconv"));
        }
        Ok(read)
    }

    /// The text of a cell of this row; empty where there is no such column.
    fn cell(&self, place: Option<usize>) -> Zeroizing<String> {
        let bytes = place.and_then(|place| self.row.get(place)).unwrap_or_default();
        Zeroizing::new(String::from_utf8_lossy(bytes).into_owned())
    }

    fn date(&self, place: usize, format: &str) -> Option<Date> {
        strtime::parse(format, self.cell(Some(place)).trim()).ok()?.to_date().ok()
    }

    fn flag(&self, place: Option<usize>) -> bool {
        let cell = self.cell(place).trim().to_ascii_lowercase();
        matches!(cell.as_str(), "1" | "y" | "yes" | "t" | "true" | "x")
    }
}

/// What is wrong with a file, without a word of what is in it: the cause itself is not kept.
fn broken(what: &str, cause: &csv::Error) -> Error {
    let line = cause.position().map(|position| format!(", near line {}", position.line())).unwrap_or_default();
    match cause.kind() {
        csv::ErrorKind::Io(error) => {
            Error::new(Kind::Io, format!("the {what} file cannot be read{line}: {}", error.kind()))
        }
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => Error::new(
            Kind::NotData,
            format!("the {what} file has {len} cells{line}, and {expected_len} in its first line"),
        ),
        _ => Error::new(Kind::NotData, format!("the {what} file is no CSV{line}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drugs_have_the_classes_of_the_certificate() {
        for (name, class) in [
            ("OXYCODONE HCL 10MG TAB", Drug::NaturalSemisynthetic),
            ("Acetaminophen/Codeine", Drug::NaturalSemisynthetic),
            ("Buprenorphine-naloxone", Drug::Buprenorphine),
            ("Fentanyl patch", Drug::Synthetic),
            ("Methadone", Drug::Methadone),
            ("Lisinopril 10", Drug::Control),
            ("Naloxone", Drug::Other),
        ] {
            assert_eq!(Drug::of(name, Some("lisinopril")), class, "{name}");
        }
    }

    #[test]
    fn certificates_are_grouped_by_what_they_name() {
        for (codes, group) in [
            ("X42 T40.1 T40.4", Group::HeroinOrFentanylAlone),
            ("X42;T404;T402", Group::Prescribable),
            ("T40.6", Group::Prescribable),
            ("X44, T42.4, T40.5", Group::NoOpioid),
            ("", Group::NoOpioid),
        ] {
            assert_eq!(Group::of(causes(codes)), group, "{codes}");
        }
    }

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!(day_of(Date::constant(1970, 1, 1)), 0);
        assert_eq!(day_of(Date::constant(2016, 12, 31)), 17_166);
        assert_eq!(day_of(Date::constant(1969, 12, 31)), -1);
    }
}
