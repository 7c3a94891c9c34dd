//! Codes that the field uses, each valid by construction. Codes are text with their zeros.

mod code;
mod county;
mod state;

pub use code::{CountyFips, DeaNumber, Ndc, Ori, Zip};
pub use state::StateFips;
