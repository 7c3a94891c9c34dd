//! Tollhouse: fetches public data on opioids and violence, keeps every byte, and lets anyone query any past snapshot.

mod cli;
mod config;
mod output;
mod progress;
mod project;
mod report;
mod restricted;
mod work;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::main() {
        Ok(code) => code,
        Err(error) => report::fail(&error),
    }
}
