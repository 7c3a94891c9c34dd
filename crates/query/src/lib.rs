//! Pinned snapshots in; tables, figures and verdicts out.
//!
//! [`session`] answers SQL over one snapshot, [`catalogue`] writes the file that plain DuckDB opens, [`claim`] judges
//! published statements, [`revisions`] says what a publisher changed, [`explain`] what a number rests on, [`figures`] draws what `warehouse/figures/` declares, with the crate `chart` as its pen, [`models`]
//! makes the tables of `warehouse/models/` for a snapshot that is about to be committed, [`bundle`] packs one to hand on, [`erase`] takes a record out of all of them, [`pins`] locks what the project's own figures read, and [`disclosure`] looks at all
//! of them before they are shown. Everything here reads, but for the catalogue and the parts of models. No type of
//! DuckDB or Arrow is in the public interface; where the data came from is known only by what a snapshot says, and
//! nothing here fetches.

pub mod bundle;
pub mod catalogue;
pub mod caveats;
pub mod claim;
pub mod disclosure;
pub mod erase;
pub mod explain;
pub mod figures;
pub mod lineage;
pub mod models;
pub mod pins;
mod portable;
pub mod reach;
pub mod revisions;
pub mod session;
mod sql;
#[cfg(test)]
mod testing;

pub use session::{Answer, Receipt, Session};

/// Names the program in receipts and drawings.
pub const PROGRAM: &str = concat!("tollhouse ", env!("CARGO_PKG_VERSION"));
