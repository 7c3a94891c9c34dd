//! Everything on disk: the raw archive, Parquet parts, manifests, snapshots and pins.
//!
//! What this crate guarantees, and tests: nothing already written is ever rewritten; a snapshot is created
//! exclusively, and that is the commit ([`commit`]); whoever dies before it leaves only files that no snapshot names.
//! It knows no publisher, no SQL and no network.

pub mod archive;
pub mod commit;
pub mod erasure;
pub mod file;
pub mod gc;
pub mod hold;
pub mod ledger;
pub mod part;
pub mod pin;
pub mod present;
pub mod quarantine;
pub mod restricted;
pub mod state;
pub mod verify;
mod warehouse;

#[cfg(test)]
mod sim;

pub use warehouse::{FORMAT, IMPORTED, Imported, MARKER, Origin, Warehouse, imported};
