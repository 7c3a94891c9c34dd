//! The publishers' formats, one file each. Figures in, bytes out; no HTTP.

pub mod arcos;
pub mod arcos_sums;
pub mod cde;
pub mod census;
pub mod cius;
pub mod cms;
pub mod copies;
pub mod counties;
pub mod dea;
pub mod dispensing;
pub mod estimates;
pub mod masters;
pub mod socrata;
pub mod wonder;
pub mod wonder_api;
