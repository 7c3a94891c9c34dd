//! Populations and maps in which the truth is known.
//!
//! They are made otherwise than the models assume (spreads are log-normal where the model has a gamma, states differ, counts come in
//! lumps), so that what is measured on them is not the model agreeing with itself.

pub mod map;
pub mod pharmacies;
pub mod prescribers;
