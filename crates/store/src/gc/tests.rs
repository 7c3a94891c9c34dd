//! Collections, one at a time; with rivals and crashes they are in the simulation.

use super::*;
