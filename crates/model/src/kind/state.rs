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
    fn what_is_not_a_state_is_refused() {
        for text in ["", "1", "00", "03", "99", "US", "054"] {
            assert!(text.parse::<StateFips>().is_err(), "{text}");
        }
        assert!(StateFips::from_usps("YC").is_err());
        assert!(StateFips::from_name("United States").is_err());
    }
}
