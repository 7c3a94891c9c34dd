//! The commit, with rivals.

use super::*;

fn warehouse() -> (tempfile::TempDir, Warehouse) {
    let folder = tempfile::tempdir().unwrap();
    let warehouse = Warehouse::open_or_create(folder.path(), Origin::Replica, Timestamp::UNIX_EPOCH).unwrap();
    (folder, warehouse)
}

/// A change of one slice, whose content is told by a word.
fn staged(dataset: &str, slice: &str, content: &str, base: Option<Digest>) -> Staged {
    let release: Release = "2015".parse().unwrap();
    let sha256 = Digest::of(content);
    Staged {
        superseded: Vec::new(),
        dataset: dataset.parse().unwrap(),
        pipeline: Digest::of("pipeline"),
        tables: Vec::new(),
        slices: vec![Slice {
            release: release.clone(),
            name: slice.to_owned(),
            grade: "publisher".to_owned(),
            note: String::new(),
            url: format!("https://publisher.example/{slice}"),
            captures: Vec::new(),
            counts: Counts::default(),
            parts: vec![Part {
                table: dataset.to_owned(),
                path: format!("tables/{dataset}/{sha256}.parquet"),
                sha256,
                bytes: 1,
                rows: 1,
                year: None,
            }],
            pipeline: Digest::of("pipeline"),
            program: "test".to_owned(),
        }],
        base,
        certificates: Vec::new(),
    }
}

fn commit(warehouse: &Warehouse, change: Staged) -> Result<Outcome> {
    warehouse.commit(&[change], "test", Timestamp::UNIX_EPOCH)
}

fn base(warehouse: &Warehouse, dataset: &str) -> Option<Digest> {
    warehouse.head().unwrap()?.datasets.get(&dataset.parse().unwrap()).cloned()
}

fn slices(warehouse: &Warehouse, dataset: &str) -> Vec<(String, Digest)> {
    let manifest = warehouse.manifest(&base(warehouse, dataset).unwrap()).unwrap();
    manifest.slices.into_iter().map(|slice| (slice.name, slice.parts[0].sha256.clone())).collect()
}

#[test]
fn a_commit_that_changes_nothing_commits_nothing() {
    let (_folder, warehouse) = warehouse();
    assert!(matches!(commit(&warehouse, staged("a", "all", "x", None)).unwrap(), Outcome::Committed(_)));
    let again = staged("a", "all", "x", base(&warehouse, "a"));
    assert!(matches!(commit(&warehouse, again).unwrap(), Outcome::Unchanged(Some(_))));
    assert_eq!(warehouse.numbers().unwrap(), [1]);
}

#[test]
fn an_empty_commit_on_an_empty_warehouse_makes_no_snapshot() {
    let (_folder, warehouse) = warehouse();
    assert!(matches!(warehouse.commit(&[], "test", Timestamp::UNIX_EPOCH).unwrap(), Outcome::Unchanged(None)));
}

#[test]
fn slices_are_replaced_by_name_and_others_stay() {
    let (_folder, warehouse) = warehouse();
    commit(&warehouse, staged("a", "one", "x", None)).unwrap();
    commit(&warehouse, staged("a", "two", "y", base(&warehouse, "a"))).unwrap();
    commit(&warehouse, staged("a", "one", "z", base(&warehouse, "a"))).unwrap();
    assert_eq!(slices(&warehouse, "a"), [("one".to_owned(), Digest::of("z")), ("two".to_owned(), Digest::of("y"))]);
    assert_eq!(warehouse.head().unwrap().unwrap().parent, Some(2));
}

#[test]
fn rivals_for_different_datasets_all_land() {
    let (_folder, warehouse) = warehouse();
    std::thread::scope(|scope| {
        for rival in 0..8 {
            let warehouse = &warehouse;
            scope.spawn(move || commit(warehouse, staged(&format!("d{rival}"), "all", "x", None)).unwrap());
        }
    });
    let head = warehouse.head().unwrap().unwrap();
    assert_eq!(head.number, 8);
    assert_eq!(head.datasets.len(), 8);
}

#[test]
fn rivals_for_different_slices_of_one_dataset_all_land() {
    let (_folder, warehouse) = warehouse();
    std::thread::scope(|scope| {
        for rival in 0..8 {
            let warehouse = &warehouse;
            scope.spawn(move || commit(warehouse, staged("a", &format!("s{rival}"), "x", None)).unwrap());
        }
    });
    assert_eq!(slices(&warehouse, "a").len(), 8);
}

#[test]
fn of_rivals_for_one_slice_one_wins_and_the_others_lose_clearly() {
    let (_folder, warehouse) = warehouse();
    commit(&warehouse, staged("a", "all", "first", None)).unwrap();
    let seen = base(&warehouse, "a");
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let rivals: Vec<_> = (0..6)
            .map(|rival| {
                let (warehouse, seen) = (&warehouse, seen.clone());
                scope.spawn(move || commit(warehouse, staged("a", "all", &format!("r{rival}"), seen)))
            })
            .collect();
        rivals.into_iter().map(|rival| rival.join().unwrap()).collect()
    });
    let lost: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(lost.len(), 5);
    assert!(lost.iter().all(|error| error.kind() == Kind::LostRace));
    assert_eq!(warehouse.numbers().unwrap(), [1, 2]);
}

#[test]
fn rivals_that_wrote_the_same_bytes_agree() {
    let (_folder, warehouse) = warehouse();
    commit(&warehouse, staged("a", "all", "x", None)).unwrap();
    assert!(matches!(commit(&warehouse, staged("a", "all", "x", None)).unwrap(), Outcome::Unchanged(_)));
}

#[test]
fn a_manifest_that_was_changed_is_damage() {
    let (folder, warehouse) = warehouse();
    commit(&warehouse, staged("a", "all", "x", None)).unwrap();
    let digest = base(&warehouse, "a").unwrap();
    let path = folder.path().join(manifest_path(&digest));
    let text = std::fs::read_to_string(&path).unwrap().replace("publisher", "secondary");
    std::fs::write(&path, text).unwrap();
    assert_eq!(warehouse.manifest(&digest).unwrap_err().kind(), Kind::Damaged);
}

#[test]
fn a_snapshot_of_a_newer_format_is_refused_and_named() {
    let (folder, warehouse) = warehouse();
    commit(&warehouse, staged("a", "all", "x", None)).unwrap();
    let path = folder.path().join(snapshot_path(1));
    let text = std::fs::read_to_string(&path).unwrap().replacen("\"format\": 1", "\"format\": 2", 1);
    std::fs::write(&path, text).unwrap();
    let error = warehouse.head().unwrap_err();
    assert!(error.to_string().contains("snapshots/000001.json has format 2"), "{error}");
}
