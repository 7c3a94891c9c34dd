//! End to end: the program, the replica and a warehouse in a temporary folder.
