//! The publishers on loopback: their real figures, printed in their formats, with their manners.
//!
//! [`Replica`] is a server on 127.0.0.1 whose paths begin with a publisher's host. The figures lie in `tables/` in
//! compact tables of our own, each with a `source.toml`; `print` turns them into the publishers' formats, quirks
//! included; `shelf` says what lies at which address; `soda` answers as data.cdc.gov does, `cms` as data.cms.gov does,
//! `wonder_service` as CDC WONDER's web service does; `serve` has the
//! manners of HTTP; `fault` spoils replies on request.
//! Absent: captured files, persons, the network beyond loopback, and any knowledge of how a client stores or reads this.

mod arcos_api;
mod cde;
mod cms;
mod error;
mod fault;
mod print;
mod serve;
mod shelf;
mod soda;
mod table;
#[cfg(test)]
mod tests;
mod wonder_service;

pub use error::{Error, Result};
pub use fault::{Fault, What};
pub use print::arcos::is_business;
pub use print::{dea, masters};
pub use serve::{Options, Replica, Seen, Weather};
pub use soda::Edition;
