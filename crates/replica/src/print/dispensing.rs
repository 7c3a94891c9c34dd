//! State opioid dispensing rates: CDC's CSV since 2019 (BOM, map bins, no last line end) and a transcription of its pages before.

use crate::Result;
use crate::table::{Table, at};

const HEADER: &str =
    "YEAR,STATE_NAME,STATE_ABBREV,STATE_FIPS,opioid_dispensing_rate,Opioid Dispensing Rate (per 100 persons)";

/// 2019-2023, 255 rows.
pub fn since_2019() -> Result<Vec<u8>> {
    let states = Table::read("dispensing_state_2019/states")?;
    let bins = Table::read("dispensing_state_2019/bins")?;
    let rates = Table::read("dispensing_state_2019/rates")?;
    let mut out = format!("\u{feff}{HEADER}");
    for row in &rates.rows {
        let state = states.numbered(at(row, 1))?;
        let bin = at(bins.numbered(at(row, 3))?, 1);
        line(&mut out, at(row, 0), state, at(row, 2), bin);
    }
    Ok(out.into_bytes())
}

/// 2006-2018, as transcribed: no BOM, the rate twice.
pub fn until_2018() -> Result<Vec<u8>> {
    let states = Table::read("dispensing_state_2006/states")?;
    let rates = Table::read("dispensing_state_2006/rates")?;
    let mut out = HEADER.to_owned();
    for row in &rates.rows {
        let rate = at(row, 2);
        line(&mut out, at(row, 0), states.numbered(at(row, 1))?, rate, rate);
    }
    out.push('\n');
    Ok(out.into_bytes())
}

fn line(out: &mut String, year: &str, state: &csv::StringRecord, rate: &str, last: &str) {
    let (fips, code, name) = (at(state, 1), at(state, 2), at(state, 3));
    out.push_str(&format!("\n{year},{name},{code},{fips},{rate},{last}"));
}
