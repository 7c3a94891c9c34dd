//! Makes `tables/` from captured files, and says what it kept.
//!
//! `cargo run --release -p replica --example make_tables -- CAPTURES`
//!
//! Figures carry over; files do not. Each table gets columns and a structure of our own, is written as
//! zstd-compressed CSV, and has beside it a `source.toml` that says whose figures they are, which captured file they came
//! from and which totals they were held against. A total that differs stops the tool.
//! Absent: anything that prints a publisher's format (that is `replica::print`), and any network.
#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

mod arcos;
mod arcos_sums;
mod cde;
mod cius;
mod cius_tables;
mod cms;
mod copies;
mod counties;
mod dea;
mod dispensing;
mod estimates;
mod masters;
mod out;
mod soda;
mod vsrr;
mod wonder;
mod wonder_api;

use std::path::PathBuf;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let captures = std::env::args_os().nth(1).map(PathBuf::from).ok_or("usage: make_tables CAPTURES")?;
    let tables = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tables");
    for make in [
        arcos::make,
        arcos_sums::make,
        wonder::make,
        wonder_api::make,
        vsrr::make,
        soda::make,
        cius::make,
        cius_tables::make,
        cms::make,
        estimates::make,
        dispensing::make,
        counties::make,
        copies::make,
        dea::make,
        cde::make,
        masters::make,
    ] {
        for line in make(&captures, &tables)? {
            println!("{line}");
        }
    }
    Ok(())
}
