//! Fixed-width codes. Parsing restores nothing: a pipeline says where a publisher lost leading zeros.

use std::fmt;
use std::str::FromStr;

use super::StateFips;
use crate::{Error, Kind, Result};

macro_rules! code {
    ($(#[$doc:meta])* $type:ident, $what:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// Whether a text is such a code; the check behind `from_str`, for whole columns.
            pub fn is_valid(text: &str) -> bool {
                let valid: fn(&str) -> bool = $valid;
                valid(text)
            }

            /// The code as text, zeros kept.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                if Self::is_valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(Error::new(Kind::CheckFailed, format!(concat!("`{}` is not a ", $what), text)))
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

code!(
    /// A five-digit FIPS county code: a state's two digits and the county's three.
    CountyFips,
    "five-digit FIPS county code",
    |text| text.len() == 5 && digits(text) && text[..2].parse::<StateFips>().is_ok()
);

code!(
    /// A National Drug Code of eleven characters without hyphens. Bulk products end in `**` in DEA's dictionary.
    Ndc,
    "National Drug Code of eleven digits",
    |text| text.len() == 11 && digits(text.strip_suffix("**").unwrap_or(text))
);

code!(
    /// A five-digit USPS ZIP code.
    Zip,
    "five-digit ZIP code",
    |text| text.len() == 5 && digits(text)
);

code!(
    /// A DEA registration number: a letter, another or a digit (of a name that begins with one), and seven digits.
    DeaNumber,
    "DEA registration number",
    |text| {
        let bytes = text.as_bytes();
        bytes.len() == 9
            && bytes[0].is_ascii_uppercase()
            && (bytes[1].is_ascii_uppercase() || bytes[1].is_ascii_digit())
            && bytes[2..].iter().all(u8::is_ascii_digit)
    }
);

code!(
    /// An originating agency identifier of nine characters, as the FBI assigns to law enforcement agencies.
    Ori,
    "nine-character ORI",
    |text| text.len() == 9 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: FromStr>(valid: &[&str], invalid: &[&str]) {
        for text in valid {
            assert!(text.parse::<T>().is_ok(), "{text} is valid");
        }
        for text in invalid {
            assert!(text.parse::<T>().is_err(), "{text} is not valid");
        }
    }

    #[test]
    fn county_codes_begin_with_a_state() {
        check::<CountyFips>(&["54059", "01001"], &["5405", "99001", "1001", "54O59", "540590"]);
    }

    #[test]
    fn drug_codes_keep_their_zeros_and_their_asterisks() {
        check::<Ndc>(&["00591050205", "004060123**"], &["591050205", "0059105020*", "00591-0502-05"]);
    }

    #[test]
    fn zip_codes_have_five_digits() {
        check::<Zip>(&["02125", "25661"], &["2125", "02125-1234", "0212A"]);
    }

    #[test]
    fn registration_numbers() {
        check::<DeaNumber>(
            &["PH0035964", "B91234567", "F61234567"],
            &["ph0035964", "PH003596", "PH00359644", "1H0035964"],
        );
    }

    #[test]
    fn agency_identifiers() {
        check::<Ori>(&["OR0260200", "ILCPD0000", "GAGSP2900"], &["OR02602", "or0260200"]);
    }
}
