//! The counties of the databases of 1999-2020, and when WONDER has them.
//!
//! They keep the boundaries of the end of that time, and some older rows beside: 3,147 in all.

use model::kind::{CountyFips, StateFips};

/// Rows that WONDER has besides the counties of 2010: Alaska's before the splits of 2008-2013, and Clifton Forge.
const OLDER: &[&str] = &["02201", "02232", "02280", "51560"];

/// Counties and the years of which WONDER has no figures for them, as its database D76 lists them.
const MISSING: &[(&str, i32, i32)] = &[
    ("02068", 1999, 2002),
    ("02105", 1999, 2013),
    ("02195", 1999, 2013),
    ("02198", 1999, 2013),
    ("02201", 2014, 2020),
    ("02230", 1999, 2013),
    ("02232", 2014, 2020),
    ("02275", 1999, 2013),
    ("02280", 2014, 2020),
    ("08014", 1999, 2002),
    ("51515", 2014, 2020),
    ("51560", 2001, 2020),
];

/// The codes of the 50 states and the District of Columbia, which are what WONDER has of states.
pub(super) fn states() -> impl Iterator<Item = StateFips> {
    StateFips::all().filter(|state| state.to_string().as_str() <= "56")
}

/// Whether the counties of a database are known.
pub(super) fn are_known(database: &str) -> bool {
    matches!(database, "D76" | "D77" | "D140")
}

/// The codes of all rows by county.
pub(super) fn counties() -> impl Iterator<Item = &'static str> {
    CountyFips::all().chain(OLDER.iter().copied())
}

/// Whether a county has no figures in any year of a period.
pub(super) fn is_missing(county: &str, first: i32, last: i32) -> bool {
    MISSING.iter().any(|(code, from, until)| *code == county && *from <= first && last <= *until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_wonder_prints() {
        assert_eq!(states().count(), 51);
        assert_eq!(counties().collect::<std::collections::BTreeSet<_>>().len(), 3147);
        assert!(
            is_missing("51560", 2006, 2012) && !is_missing("51560", 1999, 2012) && !is_missing("54059", 2015, 2015)
        );
    }
}
