//! Tollhouse: fetches public data on opioids and violence, keeps every byte, and lets anyone query any past snapshot.

mod cli;
mod config;
mod daemon;
mod holding;
mod output;
mod progress;
mod project;
mod publish;
mod report;
mod restricted;
mod stop;
mod web;
mod work;
mod worker;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::main() {
        Ok(code) => code,
        Err(error) => report::fail(&error),
    }
}
