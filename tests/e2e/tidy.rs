//! House rules that no compiler checks: which crate may use which, and one Arrow in the tree.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn workspace() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..")
}

/// Each crate, and those of ours and of the outside world's heavy ones that it may use.
const EDGES: &[(&str, &[&str])] = &[
    ("model", &["arrow-schema"]),
    ("store", &["model", "arrow", "parquet", "rusqlite"]),
    ("ingest", &["model", "store", "arrow", "reqwest"]),
    ("linkage", &["model"]),
    ("query", &["model", "store", "arrow", "parquet", "duckdb"]),
    ("replica", &[]),
    ("tollhouse", &["model", "store", "ingest", "linkage", "query", "replica", "tokio-cron-scheduler"]),
];

/// What an edge matters for; other dependencies are free.
const WATCHED: &[&str] = &[
    "model",
    "store",
    "ingest",
    "linkage",
    "query",
    "replica",
    "tollhouse",
    "arrow",
    "arrow-schema",
    "parquet",
    "object_store",
    "reqwest",
    "duckdb",
    "tokio-cron-scheduler",
    "rusqlite",
];

#[test]
fn crates_use_only_what_they_may() {
    for (name, allowed) in EDGES {
        let path = workspace().join("crates").join(name).join("Cargo.toml");
        let manifest: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let used: BTreeSet<&str> = manifest["dependencies"].as_table().unwrap().keys().map(String::as_str).collect();
        for dependency in used.iter().filter(|dependency| WATCHED.contains(dependency)) {
            assert!(allowed.contains(dependency), "{name} may not use {dependency}: see ARCHITECTURE.md");
        }
        for inherited in ["version", "edition", "license"] {
            assert!(manifest["package"][inherited].as_table().is_some(), "{name} does not inherit {inherited}");
        }
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{name} does not inherit the lints");
    }
    let crates = std::fs::read_dir(workspace().join("crates")).unwrap().count();
    assert_eq!(crates, EDGES.len(), "a crate is not in the table");
}

#[test]
fn there_is_one_arrow() {
    let lock: toml::Table = std::fs::read_to_string(workspace().join("Cargo.lock")).unwrap().parse().unwrap();
    for name in ["arrow", "arrow-array", "parquet", "duckdb"] {
        let versions: BTreeSet<&str> = lock["package"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|package| package["name"].as_str() == Some(name))
            .filter_map(|package| package["version"].as_str())
            .collect();
        assert_eq!(versions.len(), 1, "{name}: {versions:?}");
    }
}
