//! The Census Bureau's county estimates of 2016: a state's line, then its counties', in Latin-1; and a few places of its
//! list of 2010.
//!
//! Absent: a hundred columns after the estimates, which the tables do not hold. The Bureau's file has 116.

use crate::table::{Table, at};
use crate::{Error, Result};
use csv::StringRecord;

/// `co-est2016-alldata.csv`, its first 16 columns: 51 states and 3,142 counties.
pub fn counties_2016() -> Result<Vec<u8>> {
    let states = Table::read("census_county_2016/states")?;
    let counties = Table::read("census_county_2016/counties")?;
    let mut out = "SUMLEV,REGION,DIVISION,STATE,COUNTY,STNAME,CTYNAME,CENSUS2010POP,ESTIMATESBASE2010".to_owned();
    for year in 2010..=2016 {
        out.push_str(&format!(",POPESTIMATE{year}"));
    }
    out.push('\n');
    for state in &states.rows {
        let (fips, name) = (at(state, 2), at(state, 3));
        let mut line = |level: &str, county: &str, place: &str, figures: &StringRecord, first: usize| {
            let (region, division) = (at(state, 0), at(state, 1));
            out.push_str(&format!("{level},{region},{division},{fips},{county},{name},{place}"));
            for column in first..first + 9 {
                out.push(',');
                out.push_str(at(figures, column));
            }
            out.push('\n');
        };
        line("040", "000", name, state, 4);
        for county in counties.rows.iter().filter(|county| at(county, 0).starts_with(fips)) {
            line("050", at(county, 0).get(2..).unwrap_or_default(), at(county, 1), county, 2);
        }
    }
    let latin1 = out.chars().map(|letter| u8::try_from(u32::from(letter)));
    latin1.collect::<Result<_, _>>().map_err(|error| Error::print("Latin-1", error))
}

/// `national_places.txt`: vertical bars, a header.
pub fn places() -> Result<Vec<u8>> {
    let mut out = "STATE|STATEFP|PLACEFP|PLACENAME|TYPE|FUNCSTAT|COUNTY\n".to_owned();
    for place in &Table::read("census_places/places")?.rows {
        let [state, fips, code, name, counties] = [0, 1, 2, 3, 4].map(|column| at(place, column));
        out.push_str(&format!("{state}|{fips}|{code}|{name}|Incorporated Place|A|{counties}\n"));
    }
    Ok(out.into_bytes())
}
