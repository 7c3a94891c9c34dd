//! The daemon: what runs when, and all that an operator sees of it.
//!
//! [`core`] decides, [`serve`] gives it clocks, processes and sockets. A run is a process of its own ([`process`]), which works
//! under a claim that the daemon holds; so memory goes with it, and what kills it kills nothing else. [`tell`] tells others:
//! alarms, signs of life, lineage, traces. What is shown and asked for over HTTP is [`operator`]'s.
//!
//! Absent: anything that must outlive the daemon. All of that is in the ledger ([`store::ledger`]).

mod alarms;
pub mod core;
mod frozen;
pub mod jobs;
pub mod listen;
mod operator;
mod process;
pub mod serve;
#[cfg(test)]
mod sim;
mod tell;
