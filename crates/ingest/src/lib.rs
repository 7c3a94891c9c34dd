//! One dataset, from its publisher's address to staged parts.
//!
//! Data flow one way: fetch → archive → decode → normalise → check → write. This crate knows nothing of DuckDB, of
//! schedules or of terminals, and commits nothing: it returns a staged set, and the program commits it.

pub mod check;
pub mod content;
mod correct;
pub mod coverage;
pub mod extract;
pub mod fetch;
mod fingerprint;
pub mod normalise;
pub mod notify;
pub mod overlap;
pub mod probe;
mod release;
pub mod replay;
pub mod run;
pub mod stream;
mod unzip;
