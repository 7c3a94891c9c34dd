//! Archives written, read by plain DuckDB, taken into a warehouse, and spoiled.

use std::io::Cursor;

use duckdb::Connection;
use jiff::Timestamp;
use model::dataset::Mask;
use zip::ZipArchive;

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
    assert_eq!(read(Cursor::new(bytes.clone()), &root, Timestamp::UNIX_EPOCH).unwrap(), ("p".to_owned(), 2));
    let warehouse = Warehouse::open(&root).unwrap();
    assert_eq!(warehouse.snapshot(2).unwrap(), snapshot);
    assert_eq!(warehouse.snapshot_digest(2).unwrap(), tiny.warehouse.snapshot_digest(2).unwrap());
    let report = warehouse.verify(None).unwrap();
    assert_eq!(report.damage, Vec::<String>::new());
    let again = read(Cursor::new(bytes), &root, Timestamp::UNIX_EPOCH).unwrap_err();
    assert!(again.to_string().contains("is not empty: a warehouse is there"), "{again}");
}

#[test]
fn what_was_imported_gives_the_same_archive_again() {
    let tiny = two_snapshots();
    let now = Timestamp::UNIX_EPOCH;
    tiny.warehouse.add_pin("p", 2, now).unwrap();
    // Of these the archive tells nothing.
    tiny.warehouse.add_pin("other", 1, now).unwrap();
    tiny.commit("deaths", "r2", "state_fips,year,deaths\n01,2014,101");
    let snapshot = tiny.warehouse.snapshot(2).unwrap();
    let (bytes, _) = packed(&bundle(&tiny, &snapshot));
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    read(Cursor::new(bytes.clone()), &root, now.checked_add(jiff::SignedDuration::from_hours(1)).unwrap()).unwrap();
    let warehouse = Warehouse::open(&root).unwrap();
    assert_eq!(warehouse.pin("p").unwrap(), tiny.warehouse.pin("p").unwrap());
    let again = packed(&Bundle { warehouse: &warehouse, ..bundle(&tiny, &snapshot) }).0;
    assert!(again == bytes);
    // Captures that did not come are no damage, here nor in what is exported from here.
    let (lean, _) = packed(&Bundle { captures: false, ..bundle(&tiny, &snapshot) });
    let root = folder.path().join("lean");
    read(Cursor::new(lean.clone()), &root, now).unwrap();
    let warehouse = Warehouse::open(&root).unwrap();
    let report = warehouse.verify(None).unwrap();
    assert_eq!((report.damage.len(), report.absent.len()), (0, 2));
    let (again, written) = packed(&Bundle { warehouse: &warehouse, ..bundle(&tiny, &snapshot) });
    assert_eq!((written.captures, written.captures_left_out), (0, 2));
    assert!(again == lean);
    // The archive with the captures can fill them in, and tell what the lean one left out.
    let mut contents = Contents::open(Cursor::new(bytes)).unwrap();
    assert!(contents.is_of(&warehouse));
    let digest = report.absent.first().unwrap();
    let path = store::archive::Archive::path(digest);
    assert!(contents.take(&path, Some(&Digest::of("other")), folder.path()).unwrap().is_none());
    let local = contents.take(&path, Some(digest), folder.path()).unwrap().unwrap();
    assert_eq!(Digest::of(std::fs::read(local).unwrap()), *digest);
    let lean = Contents::open(Cursor::new(lean)).unwrap();
    assert_eq!(lean.imported(&warehouse).unwrap(), warehouse.imported().unwrap());
    assert_eq!(lean.imported(&tiny.warehouse).unwrap(), None);
}

#[test]
fn what_a_dead_import_left_is_removed_by_the_next_and_what_a_living_one_holds_is_not() {
    let tiny = two_snapshots();
    let snapshot = tiny.warehouse.head().unwrap().unwrap();
    let (bytes, _) = packed(&bundle(&tiny, &snapshot));
    let folder = tempfile::tempdir().unwrap();
    let left = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.join("locks")).unwrap();
        std::fs::write(path.join("locks/importing"), "").unwrap();
        path
    };
    let (dead, alive, other) = (left("root.importing-dead"), left("root.importing-alive"), left("another.importing-x"));
    let lock = std::fs::File::open(alive.join("locks/importing")).unwrap();
    lock.lock().unwrap();
    let root = folder.path().join("root");
    // An empty folder gives way.
    std::fs::create_dir(&root).unwrap();
    read(Cursor::new(bytes.clone()), &root, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!([&dead, &alive, &other].map(|path| path.exists()), [false, true, true]);
    assert!(Warehouse::open(&root).is_ok());
    let full = folder.path().join("full");
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("letter.txt"), "").unwrap();
    let error = read(Cursor::new(bytes), &full, Timestamp::UNIX_EPOCH).unwrap_err();
    assert!(error.to_string().contains("there lie letter.txt"), "{error}");
}

#[test]
fn a_spoiled_archive_makes_no_warehouse() {
    let tiny = two_snapshots();
    let snapshot = tiny.warehouse.head().unwrap().unwrap();
    let (bytes, _) = packed(&bundle(&tiny, &snapshot));
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: Vec<u8>| {
        let root = folder.path().join(name);
        let error = read(Cursor::new(bytes), &root, Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(!root.join(MARKER).exists(), "{error}");
        assert!(Warehouse::open(&root).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left beside it");
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
