//! Texts in which years stand: headers such as `2016 Prescribing Rate`, and the names that are made from years.

use serde::Deserialize;

/// A text in which `{year}` stands for a year of four digits, at most once.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct YearPattern(String);

/// What stands for a year.
const YEAR: &str = "{year}";

impl YearPattern {
    /// The pattern itself, which is also the name that a column has whatever its year.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Nothing where the text does not fit; else the year in it, if the pattern has one.
    pub fn fits(&self, text: &str) -> Option<Option<i32>> {
        let Some((before, after)) = self.0.split_once(YEAR) else {
            return (self.0 == text).then_some(None);
        };
        let year = text.strip_prefix(before)?.strip_suffix(after)?;
        let plain = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| year.parse().ok())
    }
}

/// A name made from the years that a file covers: `{first}` and `{last}` stand for them, `{year}` for the first.
pub(super) fn name_of(template: &str, (first, last): (i32, i32)) -> String {
    let (first, last) = (first.to_string(), last.to_string());
    template.replace("{first}", &first).replace("{last}", &last).replace(YEAR, &first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, fits: Option<Option<i32>>) {
        assert_eq!(YearPattern(pattern.to_owned()).fits(text), fits, "{text}");
    }

    #[test]
    fn a_year_has_four_digits_and_stands_where_the_pattern_says() {
        check("{year} Prescribing Rate", "2016 Prescribing Rate", Some(Some(2016)));
        check("{year} Prescribing Rate", "16 Prescribing Rate", None);
        check("{year} Prescribing Rate", "2016 Prescribing Rates", None);
        check("POPESTIMATE{year}", "POPESTIMATE2010", Some(Some(2010)));
        check("POPESTIMATE{year}", "NPOPESTIMATE2010", None);
        check("{year}", "2017", Some(Some(2017)));
        check("SUMLEV", "SUMLEV", Some(None));
        check("SUMLEV", "STATE", None);
    }

    #[test]
    fn names_are_made_from_years() {
        assert_eq!(name_of("county-{year}", (2016, 2016)), "county-2016");
        assert_eq!(name_of("revised-{first}-{last}", (2019, 2023)), "revised-2019-2023");
    }
}
