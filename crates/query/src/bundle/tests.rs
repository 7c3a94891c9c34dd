//! Archives written, read by plain DuckDB, taken into a warehouse, and spoiled.

use std::io::Cursor;

use duckdb::Connection;
use model::dataset::Mask;

use super::*;
use crate::testing::Tiny;

fn bundle<'a>(tiny: &'a Tiny, snapshot: &'a Snapshot) -> Bundle<'a> {
    Bundle {
        warehouse: &tiny.warehouse,
        snapshot,
        name: "p",
        datasets: &tiny.datasets,
        vocabulary: &tiny.vocabulary,
        project: &[],
        drawn: &[],
        captures: true,
    }
}

fn packed(bundle: &Bundle<'_>) -> (Vec<u8>, Written) {
    let mut to = Cursor::new(Vec::new());
    let written = write(bundle, &mut to).unwrap();
    (to.into_inner(), written)
}

fn two_snapshots() -> Tiny {
    let tiny = Tiny::new();
    tiny.commit("cities", "r1", "city,year,murder\nPortland,2013,14\nSalem,2014,2");
    tiny.commit("deaths", "r1", "state_fips,year,deaths\n01,2014,100");
    tiny
}

#[test]
fn plain_duckdb_reads_what_was_unpacked_wherever_it_lies() {
    let tiny = two_snapshots();
    let snapshot = tiny.warehouse.head().unwrap().unwrap();
    let (bytes, written) = packed(&bundle(&tiny, &snapshot));
    assert!(written.files > 8, "{written:?}");
    let folder = tempfile::tempdir().unwrap();
    ZipArchive::new(Cursor::new(bytes)).unwrap().extract(folder.path()).unwrap();
    let root = folder.path().join("tollhouse-p");
    let plain = Connection::open(root.join("tollhouse.duckdb")).unwrap();
    plain.execute_batch(&format!("SET VARIABLE warehouse = '{}'", root.display())).unwrap();
    let sum: i64 = plain.query_row("SELECT sum(murder)::BIGINT FROM cities", [], |row| row.get(0)).unwrap();
    assert_eq!(sum, 16);
    // Where it was made is not in it: without the variable it looks where DuckDB was started.
    let text = String::from_utf8_lossy(&std::fs::read(root.join("tollhouse.duckdb")).unwrap()).into_owned();
    assert!(!text.contains(&tiny.warehouse.root().display().to_string()));
    // Every file is named with its checksum.
    let sums = std::fs::read_to_string(root.join(CHECKSUMS)).unwrap();
    for line in sums.lines() {
        let (digest, path) = line.split_once("  ").unwrap();
        assert_eq!(Digest::of(std::fs::read(root.join(path)).unwrap()).as_str(), digest, "{path}");
    }
    for json in ["datapackage.json", "ro-crate-metadata.json"] {
        let told: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(root.join(json)).unwrap()).unwrap();
        assert!(told.to_string().contains("tables/cities/release=r1"), "{told}");
    }
    let cited = std::fs::read_to_string(root.join("CITATION.md")).unwrap();
    assert!(cited.contains("CDC, Deaths") && cited.contains("FBI, Cities"), "{cited}");
}

#[test]
fn a_bundle_becomes_a_warehouse_whose_history_begins_there() {
    let tiny = two_snapshots();
    let snapshot = tiny.warehouse.head().unwrap().unwrap();
    let (bytes, _) = packed(&bundle(&tiny, &snapshot));
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    assert_eq!(read(Cursor::new(bytes.clone()), &root).unwrap(), ("p".to_owned(), 2));
    let warehouse = Warehouse::open(&root).unwrap();
    assert_eq!(warehouse.snapshot(2).unwrap(), snapshot);
    assert_eq!(warehouse.snapshot_digest(2).unwrap(), tiny.warehouse.snapshot_digest(2).unwrap());
    let report = warehouse.verify(None).unwrap();
    assert_eq!(report.damage, Vec::<String>::new());
    let again = read(Cursor::new(bytes), &root).unwrap_err();
    assert!(again.to_string().contains("is not empty"), "{again}");
}

#[test]
fn a_spoiled_archive_makes_no_warehouse() {
    let tiny = two_snapshots();
    let snapshot = tiny.warehouse.head().unwrap().unwrap();
    let (bytes, _) = packed(&bundle(&tiny, &snapshot));
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: Vec<u8>| {
        let root = folder.path().join(name);
        let error = read(Cursor::new(bytes), &root).unwrap_err();
        assert!(!root.join(MARKER).exists(), "{error}");
        assert!(Warehouse::open(&root).is_err());
    };
    refused("cut", bytes[..bytes.len() / 2].to_vec());
    refused("other", b"no archive".to_vec());
    // A part's bytes are stored as they are: one of them is changed.
    let part = tiny.warehouse.manifest(snapshot.datasets.values().next().unwrap()).unwrap().slices[0].parts[0].clone();
    let held = std::fs::read(tiny.warehouse.root().join(&part.path)).unwrap();
    let at = bytes.windows(held.len()).position(|window| window == held).unwrap();
    let mut changed = bytes;
    changed[at + held.len() / 2] ^= 1;
    refused("changed", changed);
}

#[test]
fn captures_that_show_persons_stay_at_home() {
    let mut tiny = two_snapshots();
    let snapshot = tiny.warehouse.head().unwrap().unwrap();
    let persons = |tiny: &Tiny| {
        let manifests: Vec<Manifest> =
            snapshot.datasets.values().map(|digest| tiny.warehouse.manifest(digest).unwrap()).collect();
        unmasked(&bundle(tiny, &snapshot), &manifests).len()
    };
    assert_eq!(persons(&tiny), 0);
    let of_cities =
        tiny.warehouse.manifest(&snapshot.datasets[&"cities".parse().unwrap()]).unwrap().slices[0].captures.len();
    let mask = Mask { columns: Vec::new(), unless: "city".to_owned(), is: BTreeSet::new(), persons: Vec::new() };
    let cities = tiny.datasets.iter_mut().find(|dataset| dataset.id.as_str() == "cities").unwrap();
    cities.spec.mask = Some(mask);
    assert_eq!(persons(&tiny), of_cities);
}
