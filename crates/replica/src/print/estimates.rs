//! The FBI's estimates by state: CSV with carriage returns; the edition of 2016 has no names of states and quotes where it
//! must, that of 2019 quotes every text.

use crate::table::{Table, at};
use crate::{Error, Result};
use std::collections::HashMap;

const FIGURES: &str = "population,violent_crime,homicide,rape_legacy,rape_revised,robbery,aggravated_assault,\
                       property_crime,burglary,larceny,motor_vehicle_theft";

/// 1995-2016, 14 columns.
pub fn through_2016() -> Result<Vec<u8>> {
    let header = format!("year,state_abbr,{FIGURES},caveats");
    print("2016", &header, |year, state, _, figures, caveat| {
        let quoted = caveat.contains([',', '"']);
        let caveat = if quoted { text(caveat) } else { caveat.to_owned() };
        format!("{year},{state},{figures},{caveat}")
    })
}

/// 1979-2019, 15 columns.
pub fn through_2019() -> Result<Vec<u8>> {
    let names = format!("year,state_abbr,state_name,{FIGURES},caveats");
    let header = names.split(',').map(text).collect::<Vec<_>>().join(",");
    print("2019", &header, |year, state, name, figures, caveat| {
        format!("{year},{},{},{figures},{}", text(state), text(name), text(caveat))
    })
}

fn text(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// The lines of an edition, each made from year, state, its name, the figures and the caveat.
fn print(edition: &str, header: &str, line: fn(&str, &str, &str, &str, &str) -> String) -> Result<Vec<u8>> {
    let states = Table::read("estimated_crimes/states")?;
    let names: HashMap<&str, &str> = states.rows.iter().map(|row| (at(row, 0), at(row, 1))).collect();
    let caveats = Table::read("estimated_crimes/caveats")?;
    let rows = Table::read(&format!("estimated_crimes/rows_{edition}"))?;
    let mut out = format!("{header}\r\n");
    for row in &rows.rows {
        let state = at(row, 1);
        let name = match state {
            "" => "",
            _ => names.get(state).ok_or_else(|| Error::table("estimated_crimes/states", format!("has no {state}")))?,
        };
        let caveat = match at(row, 13) {
            "" => "",
            number => at(caveats.numbered(number)?, 1),
        };
        let figures = (2..13).map(|column| at(row, column)).collect::<Vec<_>>().join(",");
        out.push_str(&line(at(row, 0), state, name, &figures, caveat));
        out.push_str("\r\n");
    }
    Ok(out.into_bytes())
}
