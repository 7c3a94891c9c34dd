//! Counties by name, for sources that print no code.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{CountyFips, StateFips};

/// FIPS code and name: U.S. Census Bureau, as of the 2010 census.
const COUNTIES: &str = include_str!("county.csv");

/// Codes by state and normalised name.
static BY_NAME: LazyLock<HashMap<(StateFips, String), CountyFips>> = LazyLock::new(|| {
    let rows = COUNTIES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(','));
    let mut map = HashMap::new();
    for (fips, name) in rows {
        if let (Ok(state), Ok(county)) = (fips[..2].parse(), fips.parse()) {
            map.insert((state, normal(name)), county);
        }
    }
    map
});

impl CountyFips {
    /// The codes of every county and equivalent, as of the 2010 census.
    pub fn all() -> impl Iterator<Item = &'static str> {
        COUNTIES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| Some(line.split_once(',')?.0))
    }

    /// The county or equivalent that a state calls by this name, in any case, with or without `County`, `Parish` and
    /// the like. Independent cities are named with `City`: `BALTIMORE CITY` is not `BALTIMORE`.
    pub fn from_name(state: StateFips, name: &str) -> Option<Self> {
        BY_NAME.get(&(state, normal(name))).cloned()
    }
}

/// Upper case, without kinds of county, punctuation and spaces; `Saint` as `ST`.
fn normal(name: &str) -> String {
    const KINDS: &[&str] = &[" COUNTY", " PARISH", " CITY AND BOROUGH", " BOROUGH", " CENSUS AREA", " MUNICIPALITY"];
    let name = name.trim().to_uppercase();
    let name = KINDS.iter().find_map(|kind| name.strip_suffix(kind)).unwrap_or(&name);
    let name = match name.strip_prefix("SAINT ") {
        Some(rest) => format!("ST {rest}"),
        None => name.to_owned(),
    };
    name.chars()
        .filter_map(|c| match c {
            'Ñ' => Some('N'),
            c if c.is_ascii_alphanumeric() => Some(c),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(state: &str, name: &str, fips: Option<&str>) {
        let found = CountyFips::from_name(StateFips::from_usps(state).unwrap(), name);
        assert_eq!(found.as_ref().map(CountyFips::as_str), fips, "{name}, {state}");
    }

    #[test]
    fn names_as_publishers_print_them() {
        check("WV", "MINGO", Some("54059"));
        check("WV", "Mingo County", Some("54059"));
        check("MD", "BALTIMORE", Some("24005"));
        check("MD", "BALTIMORE CITY", Some("24510"));
        check("LA", "ST. TAMMANY", Some("22103"));
        check("LA", "SAINT TAMMANY", Some("22103"));
        check("IL", "DE KALB", Some("17037"));
        check("NM", "DONA ANA", Some("35013"));
        check("MD", "PRINCE GEORGE'S", Some("24033"));
        check("WV", "KANAWHA CITY", None);
        check("WV", "", None);
    }
}
