//! Deaths within so many days of a prescription: who holds both files by law links them where they lie, and only
//! aggregates come out.
//!
//! [`run`] is all there is to it: [`declare`]d columns are [`read`] a row at a time, persons become keyed hashes
//! (`identity`), pairs are compared (`compare`), weighed (`weigh`) and given to one death each ([`link`]), deaths are
//! attributed ([`attribute`]), counted ([`tables`]) and small counts withheld (`withhold`). [`synthetic`] makes people who
//! never were, with the truth about them.
//!
//! What is absent: files, clocks, the network, and any way for a name, a date of birth or a hash to leave: what holds
//! them has neither `Debug` nor `Serialize`, and errors have places instead of contents.

pub mod attribute;
mod compare;
pub mod control;
pub mod declare;
mod identity;
pub mod link;
pub mod read;
mod standard;
pub mod synthetic;
pub mod tables;
mod weigh;
mod withhold;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io::Read;

use jiff::civil::Date;
use model::Result;
use serde::Serialize;

use crate::attribute::{Attributed, History, attribute};
use crate::control::{Days, Excess, excess};
use crate::declare::Declaration;
use crate::identity::Encoder;
pub use crate::identity::Key;
use crate::link::Links;
use crate::read::{Day, Dead, Death, Dispensings, Drug, day_of};
use crate::tables::Shown;
pub use crate::withhold::LEAST;

/// The files of persons, open.
pub struct Files<D, P, N> {
    /// Who died.
    pub deaths: D,
    /// What was dispensed.
    pub dispensing: P,
    /// The drug of each NDC, where the dispensing file tells drugs so.
    pub ndc_drugs: Option<N>,
}

/// What may be kept of a linkage.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Counts of deaths, small ones withheld.
    pub tables: Vec<Shown>,
    /// For each field and level, from none to full agreement, how many bits it speaks for one person.
    pub bits: Vec<(&'static str, Vec<f64>)>,
    /// The comparisons that tell whether deaths follow prescriptions at all.
    pub controls: Vec<Control>,
    /// Rows that count for nothing.
    pub left_out: LeftOut,
}

/// How many rows of the files were left out; none where fewer than [`LEAST`].
#[derive(Debug, Clone, Copy, Serialize)]
pub struct LeftOut {
    /// Dispensed on a day, or for a time, that could not be read.
    pub dispensing: Option<u64>,
    /// Deaths on a day that could not be read.
    pub deaths: Option<u64>,
    /// Deaths on other days than the study's.
    pub deaths_on_other_days: Option<u64>,
}

/// A comparison of the days of death with earlier days of the same persons.
#[derive(Debug, Clone, Serialize)]
pub struct Control {
    /// What is compared.
    pub what: &'static str,
    /// Whether nothing should come out.
    pub negative: bool,
    /// The excess; none where fewer than [`control::FEWEST`] persons could be compared.
    pub excess: Option<Excess>,
}

/// Both files linked, before anything is counted: what tests hold against the truth.
pub struct Linked {
    /// What was dispensed.
    pub dispensed: Dispensings,
    /// Deaths in the days of the study.
    pub deaths: Vec<Death>,
    /// Who the dead were.
    pub links: Links,
    /// What the deaths followed.
    pub attributed: Vec<Attributed>,
    /// Rows that count for nothing.
    pub left_out: LeftOut,
}

/// Links the files, and counts. `say` is told of each step, in words that are safe to show.
pub fn run(
    declared: &Declaration,
    key: &Key,
    files: Files<impl Read, impl Read, impl Read>,
    say: &dyn Fn(&str),
) -> Result<Outcome> {
    let linked = linked(declared, key, files, say)?;
    say("counting, and withholding what is small");
    let years: Vec<i16> = linked.deaths.iter().map(|death| year_of(death.day)).collect();
    let Linked { dispensed, deaths, links, attributed, left_out } = &linked;
    let history = History::of(dispensed);
    let controls = controls(declared, deaths, links, &history);
    let rule = declared.study.prescriber_rule;
    let tables = tables::tables(deaths, &links.found, attributed, &years, rule);
    Ok(Outcome { tables, bits: links.weights.bits(), controls, left_out: *left_out })
}

/// Reads and links the files, and attributes the deaths.
pub fn linked(
    declared: &Declaration,
    key: &Key,
    files: Files<impl Read, impl Read, impl Read>,
    say: &dyn Fn(&str),
) -> Result<Linked> {
    let mut encoder = Encoder::new(key)?;
    let study = &declared.study;
    let ndc_drugs = files.ndc_drugs.map(read::ndc_drugs).transpose()?.unwrap_or_else(HashMap::new);
    say("reading deaths");
    let Dead { mut deaths, rejected } = read::deaths(&declared.deaths, files.deaths, &mut encoder)?;
    let covered = day_of(study.first_day)..=day_of(study.last_day);
    let read = deaths.len();
    deaths.retain(|death| covered.contains(&death.day));
    let on_other_days = u64::try_from(read - deaths.len()).unwrap_or(u64::MAX);
    say("reading what was dispensed");
    let control = study.control_drug.as_deref();
    let dispensed = read::dispensings(&declared.dispensing, control, files.dispensing, &ndc_drugs, &mut encoder)?;
    say("linking");
    let links = link::link(&deaths, &dispensed, study, &encoder);
    say("attributing");
    let attributed = attribute(&deaths, &links.found, &History::of(&dispensed), study.days);
    let enough = |count: u64| Some(count).filter(|count| i64::try_from(*count).is_ok_and(|count| count >= LEAST));
    let left_out = LeftOut {
        dispensing: enough(dispensed.rejected),
        deaths: enough(rejected),
        deaths_on_other_days: enough(on_other_days),
    };
    Ok(Linked { dispensed, deaths, links, attributed, left_out })
}

/// The comparison of interest, and those in which nothing should come out.
fn controls(declared: &Declaration, deaths: &[Death], links: &Links, history: &History<'_>) -> Vec<Control> {
    let window = (day_of(declared.study.first_day), Day::from(declared.study.days));
    let opioid = |row: &read::Row| row.drug.is_opioid();
    let control = |row: &read::Row| row.drug == Drug::Control;
    let mut controls = vec![
        Control {
            what: "opioids before deaths",
            negative: false,
            excess: excess(deaths, &links.found, history, window, Days::OfDeath, opioid),
        },
        Control {
            what: "opioids before drawn days",
            negative: true,
            excess: excess(deaths, &links.found, history, window, Days::Drawn, opioid),
        },
    ];
    if declared.study.control_drug.is_some() {
        controls.push(Control {
            what: "the control drug before deaths",
            negative: true,
            excess: excess(deaths, &links.found, history, window, Days::OfDeath, control),
        });
    }
    controls
}

/// The year of a day.
fn year_of(day: Day) -> i16 {
    let epoch = Date::constant(1970, 1, 1);
    epoch.checked_add(jiff::Span::new().days(day)).map_or(0, |date| date.year())
}
