//! Serves the publishers on loopback until its input ends, to look at them by hand.
//!
//! `cargo run --release -p replica --example serve [OPTIONS.toml]`, then `curl` the address that it prints.
#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

use std::io::Read;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = match std::env::args_os().nth(1) {
        Some(file) => toml::from_str(&std::fs::read_to_string(file)?)?,
        None => replica::Options::default(),
    };
    let replica = replica::Replica::start_blocking(options)?;
    println!("{}", replica.base());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    replica.stop();
    Ok(())
}
