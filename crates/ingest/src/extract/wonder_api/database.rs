//! WONDER's databases of deaths, and the variables that its web service knows in them.
//!
//! Variables are written without the database's code: `V1-level1` is `D77.V1-level1` in D77. Which parameters each
//! database wants is taken from saved requests of D76, D77, D157 and D176; D158's follow from those.

use model::{Error, Kind, Result};
use serde::Deserialize;

/// A database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Database {
    /// Underlying cause of death, 1999–2020, bridged race.
    D76,
    /// Multiple cause of death, 1999–2020, bridged race.
    D77,
    /// Multiple cause of death, 2018 to the last final year, single race.
    D157,
    /// Underlying cause of death, 2018 to the last final year, single race.
    D158,
    /// Provisional multiple cause of death, 2018 to last week, single race.
    D176,
}

/// Variables that say where, and the words for their default.
const PLACES: &str = "*All* (The United States)";

impl Database {
    /// WONDER's code.
    pub fn code(self) -> &'static str {
        match self {
            Database::D76 => "D76",
            Database::D77 => "D77",
            Database::D157 => "D157",
            Database::D158 => "D158",
            Database::D176 => "D176",
        }
    }

    /// The address of its web service.
    pub fn url(self) -> String {
        format!("https://wonder.cdc.gov/controller/datarequest/{}", self.code())
    }

    /// Its title without its years, as answers print it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Database::D76 => "Underlying Cause of Death",
            Database::D77 => "Multiple Cause of Death",
            Database::D157 => "Multiple Cause of Death, Single Race",
            Database::D158 => "Underlying Cause of Death, Single Race",
            Database::D176 => "Provisional Mortality Statistics",
        }
    }

    /// Whether certificates' other causes can be asked for.
    pub(super) fn has_other_causes(self) -> bool {
        matches!(self, Database::D77 | Database::D157 | Database::D176)
    }

    /// Whether its races are those that one may tick alone.
    fn is_single_race(self) -> bool {
        matches!(self, Database::D157 | Database::D158 | Database::D176)
    }

    /// Whether its editions change from week to week.
    pub(super) fn is_provisional(self) -> bool {
        self == Database::D176
    }

    /// The least that a suppressed count can be, where zeros are not printed as such. The most is nine everywhere.
    pub(super) fn least_suppressed(self) -> u8 {
        if self.is_single_race() { 1 } else { 0 }
    }

    /// The race that it means unless told otherwise.
    pub(super) fn race(self) -> &'static str {
        if self.is_single_race() { "V42" } else { "V8" }
    }

    /// Variables whose values are chosen in a finder, with the words for all of them.
    pub(super) fn finders(self) -> Vec<(&'static str, &'static str)> {
        let mut finders = vec![
            ("V1", "*All* (All Dates)"),
            ("V2", "*All* (All Causes of Death)"),
            ("V25", "All Causes of Death"),
            ("V9", PLACES),
            ("V10", PLACES),
            ("V27", PLACES),
        ];
        match self {
            Database::D157 | Database::D158 => finders.extend([("V30", PLACES), ("V31", PLACES)]),
            Database::D176 => {
                finders.extend([("V77", PLACES), ("V79", PLACES), ("V80", PLACES), ("V100", "*All* (All Dates)")])
            }
            Database::D76 | Database::D77 => {}
        }
        finders
    }

    /// Variables whose values are chosen in a list.
    pub(super) fn lists(self) -> Vec<&'static str> {
        let mut lists = vec!["V4", "V5", "V7", "V11", "V12", "V17", "V19", "V20", "V21", "V22", "V23", "V51", "V52"];
        match self {
            Database::D76 | Database::D77 => lists.extend(["V8", "V24"]),
            Database::D157 | Database::D158 => lists.extend(["V24", "V42", "V43", "V44", "V45"]),
            Database::D176 => lists.extend(["V42", "V43", "V44", "V81", "V89"]),
        }
        lists
    }
}

/// What a table can be grouped by, or limited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dimension {
    /// Our word, the same in every database.
    pub(super) name: &'static str,
    /// The variable, and its level in a hierarchy.
    pub(super) variable: &'static str,
    only: Only,
}

/// The databases that have a dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Only {
    All,
    BridgedRace,
    SingleRace,
    OtherCauses,
    Final,
}

const fn dimension(name: &'static str, variable: &'static str, only: Only) -> Dimension {
    Dimension { name, variable, only }
}

const DIMENSIONS: &[Dimension] = &[
    dimension("year", "V1-level1", Only::All),
    dimension("month", "V1-level2", Only::All),
    dimension("weekday", "V24", Only::Final),
    dimension("sex", "V7", Only::All),
    dimension("race", "V8", Only::BridgedRace),
    dimension("race_6", "V42", Only::SingleRace),
    dimension("race_15", "V43", Only::SingleRace),
    dimension("race_31", "V44", Only::SingleRace),
    dimension("hispanic_origin", "V17", Only::All),
    dimension("age_10_years", "V5", Only::All),
    dimension("age_5_years", "V51", Only::All),
    dimension("age_1_year", "V52", Only::All),
    dimension("age_infant", "V6", Only::All),
    dimension("autopsy", "V20", Only::All),
    dimension("place_of_death", "V21", Only::All),
    dimension("cause_chapter", "V2-level1", Only::All),
    dimension("cause_subchapter", "V2-level2", Only::All),
    dimension("cause", "V2-level3", Only::All),
    dimension("cause_113", "V4", Only::All),
    dimension("cause_130_infant", "V12", Only::All),
    dimension("intent", "V22", Only::All),
    dimension("mechanism", "V23", Only::All),
    dimension("drug_group", "V25-level1", Only::All),
    dimension("drug_cause", "V25-level2", Only::All),
    dimension("other_cause_chapter", "V13-level1", Only::OtherCauses),
    dimension("other_cause_subchapter", "V13-level2", Only::OtherCauses),
    dimension("other_cause", "V13-level3", Only::OtherCauses),
    dimension("other_cause_113", "V15", Only::OtherCauses),
    dimension("other_cause_130_infant", "V16", Only::OtherCauses),
    dimension("other_drug_group", "V26-level1", Only::OtherCauses),
    dimension("other_drug_cause", "V26-level2", Only::OtherCauses),
];

/// Words for places, all refused alike.
const PLACE_WORDS: &[&str] = &[
    "region",
    "division",
    "hhs_region",
    "state",
    "county",
    "urbanization",
    "census_region",
    "census_division",
    "state_fips",
    "county_fips",
];

/// Why no place can be asked for, in the publisher's words.
pub(super) const NATIONAL: &str = "Only national data are available for this dataset when using the WONDER web service. Please check that your query does not group results by region, division, state, county or urbanization, (B_1 through B_5), nor limit these location variables to any specific values.";

impl Dimension {
    /// The dimension that a word means in a database.
    pub(super) fn of(word: &str, database: Database) -> Result<Self> {
        if PLACE_WORDS.contains(&word) {
            return Err(Error::new(
                Kind::Usage,
                format!("`{word}` cannot be asked of WONDER's web service, which says: “{NATIONAL}”"),
            )
            .hint("a person can make such a table at WONDER's form: see the datasets of kind `wonder_export`"));
        }
        let has = |dimension: &&Dimension| match dimension.only {
            Only::All => true,
            Only::BridgedRace => !database.is_single_race(),
            Only::SingleRace => database.is_single_race(),
            Only::OtherCauses => database.has_other_causes(),
            Only::Final => !database.is_provisional(),
        };
        let known = || DIMENSIONS.iter().filter(has).map(|dimension| dimension.name).collect::<Vec<_>>().join(", ");
        DIMENSIONS.iter().filter(has).find(|dimension| dimension.name == word).copied().ok_or_else(|| {
            Error::new(Kind::Usage, format!("{} has no `{word}`: it has {}", database.code(), known()))
                .hint("a recipe groups by these words, and limits them")
        })
    }

    /// The variable without its level.
    pub(super) fn base(self) -> &'static str {
        self.variable.split('-').next().unwrap_or(self.variable)
    }

    /// Whether it is one of the ways to cut ages.
    pub(super) fn is_age(self) -> bool {
        self.name.starts_with("age_")
    }

    /// Whether it is one of the ways to tell races.
    pub(super) fn is_race(self) -> bool {
        self.name.starts_with("race")
    }

    /// Whether it is a way to tell causes, which have options of their own.
    pub(super) fn is_cause(self) -> bool {
        matches!(self.base(), "V2" | "V4" | "V12" | "V13" | "V15" | "V16" | "V22" | "V23" | "V25" | "V26")
    }
}

/// A column of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Measure {
    Deaths,
    Population,
    CrudeRate,
    AgeAdjustedRate,
    PercentOfDeaths,
}

/// What a column says of its measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Value,
    StandardError,
    Lower,
    Upper,
}

impl Measure {
    /// Our name of it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Measure::Deaths => "deaths",
            Measure::Population => "population",
            Measure::CrudeRate => "crude_rate",
            Measure::AgeAdjustedRate => "age_adjusted_rate",
            Measure::PercentOfDeaths => "percent_of_deaths",
        }
    }

    /// Its unit.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Measure::Deaths => "deaths",
            Measure::Population => "persons",
            Measure::CrudeRate | Measure::AgeAdjustedRate => "deaths per 100,000 persons",
            Measure::PercentOfDeaths => "percent",
        }
    }

    /// What a code such as `M32`, without its database, stands for.
    pub(super) fn of(code: &str) -> Option<(Self, Says)> {
        Some(match code {
            "M1" => (Measure::Deaths, Says::Value),
            "M2" => (Measure::Population, Says::Value),
            "M3" => (Measure::CrudeRate, Says::Value),
            "M31" => (Measure::CrudeRate, Says::StandardError),
            "M32" => (Measure::CrudeRate, Says::Lower),
            "M33" => (Measure::CrudeRate, Says::Upper),
            "M4" => (Measure::AgeAdjustedRate, Says::Value),
            "M41" => (Measure::AgeAdjustedRate, Says::StandardError),
            "M42" => (Measure::AgeAdjustedRate, Says::Lower),
            "M43" => (Measure::AgeAdjustedRate, Says::Upper),
            "M9" => (Measure::PercentOfDeaths, Says::Value),
            _ => return None,
        })
    }
}
