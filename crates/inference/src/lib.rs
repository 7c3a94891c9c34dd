//! Who stands out from their peers, and where deaths gather.
//!
//! - [`outliers`]: pharmacies whose shipments exceed what their peers received, with false discoveries controlled, and
//!   [`outliers::growth`], how their shipments changed against their peers'.
//! - [`registration`]: which registrations are one pharmacy.
//! - [`hotspots`]: a dozen places where deaths gather, over many imputations of withheld counts and several methods.
//! - [`simulate`]: populations and maps in which the truth is known, by which both are judged.
//!
//! Everything is a function of its arguments, a seed among them. Absent: files, clocks, threads, Arrow, SQL. Whatever
//! random numbers hang on goes through `libm` in a fixed order, so that a seed gives the same numbers on every machine.
//!
//! What is found says what was shipped, or who died where, in a period. It is no evidence of wrongdoing by anyone.

pub mod draw;
pub mod hotspots;
pub mod impute;
pub mod local;
mod normal;
pub mod null;
pub mod outliers;
pub mod peers;
pub mod place;
pub mod registration;
pub mod scan;
pub mod simulate;

/// What is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A number that cannot be: which row, and what of it.
    #[error("row {row}: {what}")]
    Row {
        /// Its place in the input, from 0.
        row: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Too little to compare anything with.
    #[error("{has} rows; at least {wants} are needed to tell what is usual")]
    TooFew {
        /// How many there are.
        has: usize,
        /// How many there must be.
        wants: usize,
    },
    /// A setting that cannot be.
    #[error("setting: {0}")]
    Setting(&'static str),
}
