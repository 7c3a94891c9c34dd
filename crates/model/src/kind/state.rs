//! States and the areas that publishers list beside them.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Kind, Result};

/// A two-digit FIPS state code (FIPS 5-2, now INCITS 38): the 50 states, the District of Columbia and the island
/// areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateFips(u8);

/// FIPS code, USPS abbreviation, name: U.S. Census Bureau, ANSI codes for states.
const STATES: &[(u8, &str, &str)] = &[
    (1, "AL", "Alabama"),
    (2, "AK", "Alaska"),
    (4, "AZ", "Arizona"),
    (5, "AR", "Arkansas"),
    (6, "CA", "California"),
    (8, "CO", "Colorado"),
    (9, "CT", "Connecticut"),
    (10, "DE", "Delaware"),
    (11, "DC", "District of Columbia"),
    (12, "FL", "Florida"),
    (13, "GA", "Georgia"),
    (15, "HI", "Hawaii"),
    (16, "ID", "Idaho"),
    (17, "IL", "Illinois"),
    (18, "IN", "Indiana"),
    (19, "IA", "Iowa"),
    (20, "KS", "Kansas"),
    (21, "KY", "Kentucky"),
    (22, "LA", "Louisiana"),
    (23, "ME", "Maine"),
    (24, "MD", "Maryland"),
    (25, "MA", "Massachusetts"),
    (26, "MI", "Michigan"),
    (27, "MN", "Minnesota"),
    (28, "MS", "Mississippi"),
    (29, "MO", "Missouri"),
    (30, "MT", "Montana"),
    (31, "NE", "Nebraska"),
    (32, "NV", "Nevada"),
    (33, "NH", "New Hampshire"),
    (34, "NJ", "New Jersey"),
    (35, "NM", "New Mexico"),
    (36, "NY", "New York"),
    (37, "NC", "North Carolina"),
    (38, "ND", "North Dakota"),
    (39, "OH", "Ohio"),
    (40, "OK", "Oklahoma"),
    (41, "OR", "Oregon"),
    (42, "PA", "Pennsylvania"),
    (44, "RI", "Rhode Island"),
    (45, "SC", "South Carolina"),
    (46, "SD", "South Dakota"),
    (47, "TN", "Tennessee"),
    (48, "TX", "Texas"),
    (49, "UT", "Utah"),
    (50, "VT", "Vermont"),
    (51, "VA", "Virginia"),
    (53, "WA", "Washington"),
    (54, "WV", "West Virginia"),
    (55, "WI", "Wisconsin"),
    (56, "WY", "Wyoming"),
    (60, "AS", "American Samoa"),
    (66, "GU", "Guam"),
    (69, "MP", "Northern Mariana Islands"),
    (72, "PR", "Puerto Rico"),
    (78, "VI", "U.S. Virgin Islands"),
];

/// USPS abbreviations in the order of the Uniform Crime Reporting Program's numbers, from 01: by name, the two youngest
/// states last. From the record descriptions of its master files.
const UCR: &[&str] = &[
    "AL", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "ID", "IL", "IN", "IA", "KS", "KY", "LA", "ME", "MD",
    "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA", "RI",
    "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY", "AK", "HI",
];

/// The program's numbers of other areas. 52, the Canal Zone, has no FIPS code.
const UCR_AREAS: &[(&str, &str)] = &[("53", "PR"), ("54", "AS"), ("55", "GU"), ("62", "VI")];

impl StateFips {
    /// Every state and area, by code.
    pub fn all() -> impl Iterator<Item = Self> {
        STATES.iter().map(|(code, _, _)| Self(*code))
    }

    /// The state with a USPS abbreviation, such as `WV`.
    pub fn from_usps(usps: &str) -> Result<Self> {
        STATES
            .iter()
            .find(|(_, known, _)| known.eq_ignore_ascii_case(usps))
            .map(|(code, _, _)| Self(*code))
            .ok_or_else(|| not("USPS state abbreviation", usps))
    }

    /// The state with a name, in any case, such as `WEST VIRGINIA`. The Virgin Islands are those of the U.S.
    pub fn from_name(name: &str) -> Result<Self> {
        let is = |known: &str| {
            [Some(known), known.strip_prefix("U.S. ")]
                .into_iter()
                .flatten()
                .any(|known| known.eq_ignore_ascii_case(name.trim()))
        };
        STATES
            .iter()
            .find(|(_, _, known)| is(known))
            .map(|(code, _, _)| Self(*code))
            .ok_or_else(|| not("state name", name))
    }

    /// The state with a two-digit number of the Uniform Crime Reporting Program, such as `47` for West Virginia.
    pub fn from_ucr(code: &str) -> Result<Self> {
        let area = || UCR_AREAS.iter().find(|(known, _)| *known == code).map(|(_, usps)| *usps);
        let is_number = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_digit());
        let number = is_number.then(|| code.parse::<usize>().ok()).flatten();
        let usps = number.and_then(|number| UCR.get(number.checked_sub(1)?).copied()).or_else(area);
        usps.ok_or_else(|| not("state number of the Uniform Crime Reporting Program", code)).and_then(Self::from_usps)
    }

    /// The USPS abbreviation.
    pub fn usps(self) -> &'static str {
        self.row().1
    }

    /// The name.
    pub fn name(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> &'static (u8, &'static str, &'static str) {
        // A StateFips is only ever made from this table.
        STATES.iter().find(|(code, _, _)| *code == self.0).unwrap_or(&STATES[0])
    }
}

impl FromStr for StateFips {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let code = (text.len() == 2).then(|| text.parse::<u8>().ok()).flatten();
        STATES
            .iter()
            .find(|(known, _, _)| Some(*known) == code)
            .map(|(code, _, _)| Self(*code))
            .ok_or_else(|| not("two-digit FIPS state code", text))
    }
}

impl fmt::Display for StateFips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

fn not(what: &str, text: &str) -> Error {
    Error::new(Kind::CheckFailed, format!("`{text}` is not a {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_names_and_abbreviations_agree() {
        assert_eq!(STATES.len(), 56);
        for state in StateFips::all() {
            assert_eq!(state.to_string().parse::<StateFips>().unwrap(), state);
            assert_eq!(StateFips::from_usps(state.usps()).unwrap(), state);
            assert_eq!(StateFips::from_name(&state.name().to_uppercase()).unwrap(), state);
        }
        assert_eq!(StateFips::from_usps("WV").unwrap().to_string(), "54");
        assert_eq!(StateFips::from_name("Virgin Islands").unwrap().usps(), "VI");
    }

    #[test]
    fn the_crime_reports_have_numbers_of_their_own() {
        for (code, usps) in [
            ("01", "AL"),
            ("08", "DC"),
            ("26", "NE"),
            ("36", "OR"),
            ("47", "WV"),
            ("49", "WY"),
            ("50", "AK"),
            ("51", "HI"),
            ("53", "PR"),
            ("55", "GU"),
            ("62", "VI"),
        ] {
            assert_eq!(StateFips::from_ucr(code).unwrap().usps(), usps, "{code}");
        }
        for code in ["", "0", "00", "1", "52", "56", "+1", "AL"] {
            assert!(StateFips::from_ucr(code).is_err(), "{code}");
        }
        let all: std::collections::BTreeSet<&str> = UCR.iter().copied().collect();
        assert_eq!((UCR.len(), all.len()), (51, 51));
    }

    #[test]
    fn what_is_not_a_state_is_refused() {
        for text in ["", "1", "00", "03", "99", "US", "054"] {
            assert!(text.parse::<StateFips>().is_err(), "{text}");
        }
        assert!(StateFips::from_usps("YC").is_err());
        assert!(StateFips::from_name("United States").is_err());
    }
}
