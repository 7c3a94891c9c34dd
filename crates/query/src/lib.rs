//! Pinned snapshots in; tables, figures and verdicts out.
//!
//! [`session`] answers SQL over one snapshot, [`catalogue`] writes the file that plain DuckDB opens, and [`figure`] draws
//! charts. Everything here reads, but for the catalogue. No type of DuckDB or Arrow is in the public interface; where the data came from
//! is known only by what a snapshot says, and nothing here fetches.

pub mod catalogue;
pub mod figure;
pub mod session;
mod sql;

pub use session::{Answer, Session};

/// Names the program in receipts and drawings.
pub const PROGRAM: &str = concat!("tollhouse ", env!("CARGO_PKG_VERSION"));
