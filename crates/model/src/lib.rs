//! Tollhouse's vocabulary: datasets, columns, codes, releases, and the one error type.
//!
//! Everything here is plain data and plain functions: no files, no clock, no network, no async. A value that
//! exists is valid: the types in [`kind`] cannot hold a state that is not a state.

pub mod column;
pub mod dataset;
mod error;
pub mod kind;
mod name;
pub mod schedule;

pub use error::{Error, Kind, Result, ResultExt};
pub use name::{DatasetId, Digest, Release};
