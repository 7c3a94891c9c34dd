//! What an operator declares: on what authority, which files, which columns, which definitions.

use std::path::PathBuf;

use jiff::civil::Date;
use model::{Error, Kind, Result};
use serde::{Deserialize, Serialize};

/// What whoever holds such data must have seen to. Said by the command, and the reason that it asks for each.
pub const DUTIES: &[(&str, &str)] = &[
    (
        "irb",
        "Research on identifiable records of living people needs approval by an institutional review board, or its \
         determination that the work is exempt or no human-subjects research (45 CFR 46); many states and institutions ask for \
         one for records of the dead too, whom the federal rule does not cover.",
    ),
    (
        "pdmp",
        "Each state's statute on its prescription drug monitoring program says who may have its records, for which purpose, \
         whether they may be linked to others and in what form results may leave; the vital records statute says the same of \
         identified death records.",
    ),
    (
        "part_2",
        "Records that identify a patient of a federally assisted substance use disorder program come under 42 CFR Part 2, \
         in many ways stricter than HIPAA and in force after death: they enter a linkage only with consent or under an \
         exception such as research (2.52) or audit and evaluation (2.53); that a program reported a prescription to \
         a PDMP itself took the patient's consent (2.36).",
    ),
    (
        "hipaa",
        "A covered entity discloses protected health information for research only with authorization, a waiver by an IRB or \
         privacy board, or as a limited data set under a data use agreement (45 CFR 164.512(i), 164.514(e)); it protects the \
         dead for 50 years; keyed hashes made from names are no de-identification under 164.514 by themselves.",
    ),
];

/// A declaration, as `docs/linkage.md` describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// On what the operator rests.
    pub authority: Authority,
    /// What was dispensed.
    pub dispensing: Dispensing,
    /// Who died.
    pub deaths: Deaths,
    /// What is counted, and when two records are one person's.
    pub study: Study,
}

/// For each duty, a sentence of the operator's: the approval, the statute, or why it does not apply.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// Review of human-subjects research.
    pub irb: String,
    /// State law on prescription monitoring and on vital records.
    pub pdmp: String,
    /// Records of treatment for substance use disorder.
    pub part_2: String,
    /// Protected health information.
    pub hipaa: String,
}

/// The file of dispensed prescriptions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dispensing {
    /// CSV with a header line; its place from the declaration's.
    pub file: PathBuf,
    /// How dates are written, as `strptime` has it.
    #[serde(default = "iso")]
    pub dates: String,
    /// A CSV with the columns `ndc` and `drug`, where the file tells drugs by NDC.
    pub ndc_drugs: Option<PathBuf>,
    /// Which columns say what.
    pub columns: DispensingColumns,
}

/// The header of each column of the dispensing file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DispensingColumns {
    /// The patient's given name.
    pub first_name: String,
    /// The patient's surname.
    pub last_name: String,
    /// The patient's date of birth.
    pub birth_date: String,
    /// The patient's sex, `F…` or `M…`; anything else is unknown.
    pub sex: Option<String>,
    /// The ZIP code of the patient's address.
    pub zip: Option<String>,
    /// The county of the patient's address, written as in the other file.
    pub county: Option<String>,
    /// The day of dispensing.
    pub dispensed: String,
    /// For how many days the quantity lasts.
    pub days_supply: String,
    /// The drug's name; one of `drug` and `ndc` is needed.
    pub drug: Option<String>,
    /// The drug's NDC, 11 digits.
    pub ndc: Option<String>,
    /// Morphine milligram equivalents a day.
    pub mme_per_day: Option<String>,
    /// Who prescribed it.
    pub prescriber: String,
    /// Who dispensed it.
    pub pharmacy: Option<String>,
    /// Whether the patient is in hospice care.
    pub hospice: Option<String>,
}

/// The file of overdose deaths.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deaths {
    /// CSV with a header line; its place from the declaration's.
    pub file: PathBuf,
    /// How dates are written, as `strptime` has it.
    #[serde(default = "iso")]
    pub dates: String,
    /// Which columns say what.
    pub columns: DeathColumns,
}

/// The header of each column of the death file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeathColumns {
    /// Given name.
    pub first_name: String,
    /// Surname.
    pub last_name: String,
    /// Date of birth.
    pub birth_date: String,
    /// Sex, `F…` or `M…`; anything else is unknown.
    pub sex: Option<String>,
    /// ZIP code of residence.
    pub zip: Option<String>,
    /// County of residence; the table by county has it as written.
    pub county: Option<String>,
    /// Day of death.
    pub died: String,
    /// All causes, as ICD-10 codes. Either this, or the five flags below.
    pub causes: Option<String>,
    /// T40.2: natural and semisynthetic opioids are named.
    pub natural_semisynthetic: Option<String>,
    /// T40.3: methadone is.
    pub methadone: Option<String>,
    /// T40.4: fentanyl and other synthetic opioids but methadone are.
    pub synthetic: Option<String>,
    /// T40.1: heroin is.
    pub heroin: Option<String>,
    /// T40.0 or T40.6: opium, or an opioid that is not told.
    pub other_opioid: Option<String>,
}

/// What is counted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// The first day that both files cover.
    pub first_day: Date,
    /// The last.
    pub last_day: Date,
    /// How many days after the dispensing a death is attributed.
    #[serde(default = "sixty")]
    pub days: u16,
    /// A pair at least as probable is one person.
    #[serde(default = "link_at")]
    pub link_at: f64,
    /// A pair at least as probable would be looked at by a clerk.
    #[serde(default = "review_at")]
    pub review_at: f64,
    /// Whose a death is of several prescribers.
    #[serde(default)]
    pub prescriber_rule: PrescriberRule,
    /// A drug that nobody dies of, for the negative control: a word of its name.
    pub control_drug: Option<String>,
}

/// Whose a death is, for the table of prescribers by their deaths. One table or the other: each gives away small
/// counts of the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PrescriberRule {
    /// The prescriber of the last prescription has it.
    #[default]
    Last,
    /// All have it, and it stands with the one who has most.
    Shared,
}

fn iso() -> String {
    "%Y-%m-%d".to_owned()
}

fn sixty() -> u16 {
    60
}

fn link_at() -> f64 {
    0.95
}

fn review_at() -> f64 {
    0.1
}

impl Declaration {
    /// Reads a declaration. Fails where it says too little, or what cannot be.
    pub fn parse(text: &str) -> Result<Self> {
        let declaration: Self = toml::from_str(text)
            .map_err(|cause| Error::new(Kind::Usage, "the declaration is not valid").caused_by(cause))?;
        declaration.check()?;
        Ok(declaration)
    }

    fn check(&self) -> Result<()> {
        let Authority { irb, pdmp, part_2, hipaa } = &self.authority;
        for ((name, duty), said) in DUTIES.iter().zip([irb, pdmp, part_2, hipaa]) {
            if said.trim().chars().count() < 12 {
                return Err(Error::new(Kind::Usage, format!("`authority.{name}` says nothing"))
                    .hint(format!("say in a sentence on what you rest, or why it does not apply. {duty}")));
            }
        }
        let wrong = |what: &str| Err(Error::new(Kind::Usage, what.to_owned()));
        let Study { first_day, last_day, days, link_at, review_at, .. } = &self.study;
        if first_day >= last_day {
            return wrong("`study.first_day` is not before `study.last_day`");
        }
        if *days == 0 || *days > 366 {
            return wrong("`study.days` is not between 1 and 366");
        }
        if !(0.0 < *review_at && review_at < link_at && *link_at < 1.0) {
            return wrong("0 < `study.review_at` < `study.link_at` < 1 does not hold");
        }
        let columns = &self.dispensing.columns;
        match (&columns.drug, &columns.ndc, &self.dispensing.ndc_drugs) {
            (Some(_), None, None) | (None, Some(_), Some(_)) => {}
            _ => return wrong("`dispensing` names neither `drug`, nor `ndc` together with `ndc_drugs`, or both"),
        }
        let columns = &self.deaths.columns;
        let flags = [
            &columns.natural_semisynthetic,
            &columns.methadone,
            &columns.synthetic,
            &columns.heroin,
            &columns.other_opioid,
        ];
        let flagged = flags.iter().filter(|flag| flag.is_some()).count();
        if !matches!((&columns.causes, flagged), (Some(_), 0) | (None, 5)) {
            return wrong("`deaths.columns` names neither `causes` nor all five flags of drugs, or both");
        }
        Ok(())
    }
}
