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
            since: None,
            counts: Counts::default(),
            coverage: Vec::new(),
            parts: vec![Part {
                table: dataset.to_owned(),
                path: format!("tables/{dataset}/{sha256}.parquet"),
                sha256,
                content: None,
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

/// Writes the parts of slices.
fn write_parts(warehouse: &Warehouse, slices: &[Slice]) {
    for part in slices.iter().flat_map(|slice| &slice.parts) {
        warehouse.files().create(&part.path, "x".into()).unwrap();
    }
}

fn commit(warehouse: &Warehouse, change: Staged) -> Result<Outcome> {
    write_parts(warehouse, &change.slices);
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

/// A manifest derived from the named datasets as they are in a draft, with as many slices as it has inputs.
fn derive(warehouse: &Warehouse, draft: &mut Draft, model: &str, from: &[&str]) -> Result<()> {
    let ids = from.iter().map(|name| name.parse::<DatasetId>().unwrap());
    let inputs = ids.map(|id| (id.clone(), draft.snapshot().datasets[&id].clone())).collect();
    let mut change = staged(model, "all", "derived", None);
    let manifest = Manifest {
        format: FORMAT,
        dataset: change.dataset.clone(),
        pipeline: change.pipeline.clone(),
        program: "test".to_owned(),
        tables: Vec::new(),
        slices: std::mem::take(&mut change.slices),
        derived: Some(Derivation {
            title: String::new(),
            row: String::new(),
            key: Vec::new(),
            caveats: Vec::new(),
            sql: String::new(),
            method: None,
            inputs,
            failed: None,
        }),
    };
    write_parts(warehouse, &manifest.slices);
    draft.put(warehouse, &manifest, &[])
}

fn names(warehouse: &Warehouse) -> Vec<String> {
    warehouse.head().unwrap().unwrap().datasets.into_keys().map(String::from).collect()
}

#[test]
fn what_is_derived_is_derived_again_where_a_rival_took_the_number() {
    let (_folder, warehouse) = warehouse();
    commit(&warehouse, staged("a", "all", "x", None)).unwrap();
    let mut seen = Vec::new();
    let outcome = warehouse.commit_with(&[], "test", Timestamp::UNIX_EPOCH, &mut |draft| {
        derive(&warehouse, draft, "model", &["a"])?;
        seen.push((draft.snapshot().number, draft.snapshot().datasets[&"a".parse()?].clone()));
        if seen.len() == 1 {
            commit(&warehouse, staged("a", "all", "y", base(&warehouse, "a")))?;
        }
        Ok(())
    });
    let Outcome::Committed(snapshot) = outcome.unwrap() else { panic!("nothing was committed") };
    assert_eq!(seen.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 3]);
    assert_ne!(seen[0].1, seen[1].1);
    let model = warehouse.manifest(&snapshot.datasets[&"model".parse().unwrap()]).unwrap();
    assert_eq!(model.derived.unwrap().inputs[&"a".parse().unwrap()], seen[1].1);
}

#[test]
fn what_is_not_there_or_not_whole_is_not_committed() {
    let (_folder, warehouse) = warehouse();
    let mut change = staged("a", "all", "x", None);
    let refused = |change: &Staged| {
        let outcome = warehouse.commit(std::slice::from_ref(change), "test", Timestamp::UNIX_EPOCH);
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), Kind::Damaged);
        assert!(warehouse.head().unwrap().is_none());
        error.to_string()
    };
    assert!(refused(&change).ends_with("is no longer there"));
    write_parts(&warehouse, &change.slices);
    change.slices[0].parts[0].bytes = 2;
    assert!(refused(&change).ends_with("is not as long as it was"));
    change.slices[0].parts[0].bytes = 1;
    let sha256 = Digest::of("never kept");
    let url = "u".to_owned();
    change.slices[0].captures =
        vec![Capture { receipt: sha256.clone(), sha256, exchange: "x".to_owned(), url, erased: None }];
    assert!(refused(&change).contains("raw/"));
}

#[test]
fn a_failed_derivation_commits_nothing() {
    let (_folder, warehouse) = warehouse();
    let change = [staged("a", "all", "x", None)];
    let refuse = &mut |_: &mut Draft| Err(Error::new(Kind::Io, "no"));
    assert!(warehouse.commit_with(&change, "test", Timestamp::UNIX_EPOCH, refuse).is_err());
    assert!(warehouse.head().unwrap().is_none());
}

#[test]
fn what_was_derived_from_another_state_leaves_and_what_rests_on_it_too() {
    let (_folder, warehouse) = warehouse();
    commit(&warehouse, staged("a", "all", "x", None)).unwrap();
    commit(&warehouse, staged("b", "all", "x", None)).unwrap();
    warehouse
        .commit_with(&[], "test", Timestamp::UNIX_EPOCH, &mut |draft| {
            derive(&warehouse, draft, "of_b", &["b"])?;
            derive(&warehouse, draft, "one", &["a", "b"])?;
            derive(&warehouse, draft, "above", &["one"])
        })
        .unwrap();
    assert_eq!(names(&warehouse), ["a", "above", "b", "of_b", "one"]);
    // A program that knows no models changes an input.
    commit(&warehouse, staged("a", "all", "y", base(&warehouse, "a"))).unwrap();
    assert_eq!(names(&warehouse), ["a", "b", "of_b"]);
}

#[test]
fn a_manifest_says_nothing_of_derivation_where_there_is_none() {
    let (folder, warehouse) = warehouse();
    commit(&warehouse, staged("a", "all", "x", None)).unwrap();
    let path = folder.path().join(manifest_path(&base(&warehouse, "a").unwrap()));
    assert!(!std::fs::read_to_string(path).unwrap().contains("derived"));
}
