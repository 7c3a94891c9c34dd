//! Bundles and damage: what a bundle left out, what a damaged file hinders, and what stands though something after it failed.

use std::path::{Path, PathBuf};

use super::*;

/// A small warehouse with a pin, and its bundle without captures.
struct Small {
    folder: tempfile::TempDir,
    root: PathBuf,
    lean: String,
}

impl Small {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        succeed(&root, &["run", "--replica", "fbi_city_offenses", "arcos_transactions"]);
        succeed(&root, &["pin", "add", "article"]);
        let lean = folder.path().join("lean.zip").to_str().unwrap().to_owned();
        succeed(&root, &["snapshot", "export", "article", "--out", &lean]);
        Self { folder, root, lean }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Runs the program and wants this exit code; all that it said comes back.
#[track_caller]
fn ends_with(code: i32, root: &Path, words: &[&str]) -> String {
    let output = tollhouse(root, words);
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{words:?}\n{told}");
    told
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// Changes one byte in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        let path = to.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn what_a_bundle_left_out_is_absent_until_it_comes_and_is_no_damage() {
    let small = Small::new();
    let full = small.at("full.zip").to_str().unwrap().to_owned();
    succeed(&small.root, &["snapshot", "export", "article", "--out", &full, "--captures"]);
    let root = &small.at("imported");
    assert!(succeed(root, &["snapshot", "import", &small.lean]).contains("all as committed"));
    let told = succeed(root, &["snapshot", "verify"]);
    assert!(told.contains("absent: ") && told.contains("all as committed"), "{told}");
    let absent = json(&succeed(root, &["--json", "snapshot", "verify"]))["absent"].as_array().unwrap().len();
    assert!(absent > 0);
    // What is exported from there is the archive that was imported.
    let again = small.at("again.zip");
    succeed(root, &["snapshot", "export", "article", "--out", again.to_str().unwrap()]);
    assert!(std::fs::read(again).unwrap() == std::fs::read(&small.lean).unwrap());
    // The archive with captures fills in what it has: all but those of persons.
    let told = succeed(root, &["snapshot", "verify", "--repair", "--from", &full]);
    assert!(told.contains("repaired: raw/"), "{told}");
    let left = json(&succeed(root, &["--json", "snapshot", "verify"]))["absent"].as_array().unwrap().len();
    assert!(0 < left && left < absent, "{left} of {absent}");
    // From here on it is like any other.
    let capture = files(&root.join("raw")).remove(0).0;
    flip(&root.join("raw").join(&capture));
    let told = ends_with(1, root, &["snapshot", "verify"]);
    assert!(told.contains(&format!("raw/{} is not what was committed", capture.display())), "{told}");
    // A capture that no snapshot names is a note.
    succeed(root, &["snapshot", "verify", "--repair", "--from", &full]);
    let digest = "0".repeat(64);
    std::fs::create_dir_all(root.join("raw/00")).unwrap();
    std::fs::write(root.join("raw/00").join(&digest), "not that").unwrap();
    let told = succeed(root, &["snapshot", "verify"]);
    assert!(told.contains(&format!("note: raw/00/{digest} is damaged, and no snapshot names it")), "{told}");
}

#[test]
fn what_was_done_stands_though_the_catalogue_cannot_be_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    succeed(root, &["run", "--replica", "fbi_city_offenses"]);
    // A folder that is not empty cannot be replaced by a file.
    let catalogue = root.join("tollhouse.duckdb");
    std::fs::remove_file(&catalogue).unwrap();
    std::fs::create_dir_all(catalogue.join("in the way")).unwrap();
    let told = ends_with(17, root, &["run", "--replica", "cdc_vsrr_state"]);
    assert!(told.contains("Committed snapshot 2."), "{told}");
    assert!(told.contains("snapshot 2 is committed; only tollhouse.duckdb could not be renewed: "), "{told}");
    assert!(told.contains("the next run renews it"), "{told}");
    let told = ends_with(17, root, &["pin", "add", "p"]);
    assert!(
        told.contains("Pin `p` names snapshot 2.") && told.contains("the pin is made; only tollhouse.duckdb"),
        "{told}"
    );
    assert!(succeed(root, &["pin", "list"]).contains("│ p "));
    let told = ends_with(17, root, &["pin", "remove", "p"]);
    assert!(told.contains("the pin is removed; only tollhouse.duckdb"), "{told}");
    let told = ends_with(17, root, &["snapshot", "gc", "--keep", "1", "--apply"]);
    assert!(told.contains("removed 1") && told.contains("the snapshots are removed; only tollhouse.duckdb"), "{told}");
    check(root, "select count(*) > 0 from cdc_vsrr_state", "true");
    // Verification tells, and repair and the next run renew it.
    std::fs::remove_dir_all(&catalogue).unwrap();
    let told = succeed(root, &["snapshot", "verify"]);
    assert!(told.contains("note: tollhouse.duckdb is not that of snapshot 2, the newest"), "{told}");
    assert!(succeed(root, &["snapshot", "verify", "--repair"]).contains("repaired: tollhouse.duckdb"));
    let told = succeed(root, &["snapshot", "verify"]);
    assert!(!told.contains("note:"), "{told}");
}

#[test]
fn a_damaged_pin_hinders_only_what_needs_it() {
    let small = Small::new();
    let root = &small.root;
    succeed(root, &["pin", "add", "other"]);
    flip(&root.join("pins/article.json"));
    check(root, "select count(*) > 0 from fbi_city_offenses", "true");
    let told = ends_with(0, root, &["pin", "list"]);
    assert!(told.contains("damaged") && told.contains("│ other "), "{told}");
    assert!(told.contains("`tollhouse pin remove article`"), "{told}");
    let listed = json(&succeed(root, &["--json", "pin", "list"]));
    assert_eq!((listed[0]["name"].as_str(), listed[1]["snapshot"].as_u64()), (Some("article"), Some(1)));
    assert!(ends_with(0, root, &["snapshot", "list"]).contains("pins/article.json is damaged"));
    succeed(root, &["pin", "add", "third"]);
    let bundle = small.at("other.zip");
    succeed(root, &["snapshot", "export", "other", "--out", bundle.to_str().unwrap()]);
    succeed(&small.at("elsewhere"), &["snapshot", "import", bundle.to_str().unwrap()]);
    for words in [["sql", "--at", "article", "select 1"].as_slice(), &["snapshot", "show", "article"]] {
        let told = ends_with(16, root, words);
        assert!(told.contains("pins/article.json is damaged"), "{told}");
    }
    // What a pin keeps that cannot be read, nobody knows.
    let told = ends_with(16, root, &["snapshot", "gc", "--keep", "1", "--apply"]);
    assert!(told.contains("nothing was removed") && told.contains("pins/article.json"), "{told}");
    let told = ends_with(1, root, &["snapshot", "verify"]);
    assert!(told.contains("`tollhouse pin remove article`") && told.contains("1 is damaged"), "{told}");
    // The bundle of that pin has it; else it is taken away and made again.
    let told = succeed(root, &["snapshot", "verify", "--repair", "--from", &small.lean]);
    assert!(told.contains("repaired: pins/article.json"), "{told}");
    flip(&root.join("pins/article.json"));
    assert!(succeed(root, &["pin", "remove", "article"]).contains("which was damaged"));
    succeed(root, &["pin", "add", "article", "1"]);
    assert!(succeed(root, &["snapshot", "verify"]).contains("all as committed"));
}

#[test]
fn every_damaged_file_is_told_once_with_its_remedy_and_a_bundle_restores_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    succeed(root, &["run", "--replica", "arcos_transactions", "fbi_city_offenses"]);
    succeed(root, &["pin", "add", "article"]);
    let one = "select buyer_dea_number from arcos_buyers where buyer_dea_number is not null order by 1 limit 1";
    let buyer = succeed(root, &["sql", "--format", "csv", one]);
    let condition = format!("buyer_dea_number = '{}'", buyer.lines().nth(1).unwrap());
    succeed(root, &["erase", "arcos_transactions", "--where", &condition, "--reason", "withdrawn", "--apply"]);
    let bundle = folder.path().join("article.zip");
    let bundle = bundle.to_str().unwrap();
    succeed(root, &["snapshot", "export", "article", "--out", bundle]);
    succeed(root, &["run", "--replica", "cdc_vsrr_state"]);
    succeed(root, &["run", "--replica", "cdc_opioid_deaths_us"]);
    succeed(root, &["snapshot", "gc", "--keep", "1", "--apply"]);
    succeed(root, &["snapshot", "verify"]);
    let whole = folder.path().join("whole");
    copy(root, &whole);

    let all = [
        "tollhouse.json",
        "erased/000001.json",
        "snapshots/000002.gone.json",
        "pins/article.json",
        "snapshots/000001.json",
    ];
    all.iter().for_each(|path| flip(&root.join(path)));
    let part = Path::new("tables/fbi_city_offenses").join(&files(&root.join("tables/fbi_city_offenses"))[0].0);
    flip(&root.join(&part));
    let told = ends_with(1, root, &["snapshot", "verify"]);
    for path in all.iter().copied().chain([part.to_str().unwrap()]) {
        assert_eq!(told.matches(&format!("damaged: {path} ")).count(), 1, "{path}: {told}");
    }
    assert!(told.contains("6 are damaged") && told.contains("\"origin\": \"replica\""), "{told}");
    // Until it is put right nothing is read: what was erased must not come back.
    for words in [["sql", "select 1"].as_slice(), &["run", "--replica", "cdc_vsrr_state"]] {
        ends_with(16, root, words);
    }
    let told = ends_with(1, root, &["snapshot", "verify", "--repair", "--from", bundle]);
    assert!(told.contains("1 is damaged") && told.contains("damaged: snapshots/000002.gone.json"), "{told}");
    assert!(told.contains("only a copy of this root has it"), "{told}");
    std::fs::copy(whole.join(all[2]), root.join(all[2])).unwrap();
    assert!(succeed(root, &["snapshot", "verify"]).contains("all as committed"));
    let held = |files: Vec<(PathBuf, Vec<u8>)>| {
        files.into_iter().filter(|(path, _)| !path.starts_with("locks")).collect::<Vec<_>>()
    };
    assert!(held(files(root)) == held(files(&whole)), "every byte is what it was");

    // With a damaged tombstone alone nothing is read either.
    flip(&root.join("erased/000001.json"));
    assert!(ends_with(16, root, &["sql", "select 1"]).contains("erased/000001.json"));
    // What an imported one was made from, its bundle tells again.
    let imported = &folder.path().join("imported");
    succeed(imported, &["snapshot", "import", bundle]);
    let before = std::fs::read(imported.join("imported.json")).unwrap();
    flip(&imported.join("imported.json"));
    let told = ends_with(1, imported, &["snapshot", "verify"]);
    assert!(told.contains("damaged: imported.json") && told.contains("1 is damaged"), "{told}");
    check(imported, "select count(*) > 0 from fbi_city_offenses", "true");
    succeed(imported, &["snapshot", "verify", "--repair", "--from", bundle]);
    assert!(std::fs::read(imported.join("imported.json")).unwrap() == before);
}

#[test]
fn an_import_that_died_is_in_nobodys_way() {
    let small = Small::new();
    let root = &small.at("imported");
    let beside = || {
        let names = std::fs::read_dir(small.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().contains(".importing-")).count()
    };
    // It is killed as soon as it has begun to unpack.
    let mut run = command(root, &["snapshot", "import", &small.lean]).stdout(Stdio::null()).spawn().unwrap();
    while beside() == 0 && run.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let _ended = run.kill();
    run.wait().unwrap();
    if !root.exists() {
        assert_eq!(beside(), 1);
        std::fs::create_dir(root).unwrap();
        succeed(root, &["snapshot", "import", &small.lean]);
    }
    assert_eq!(beside(), 0);
    assert!(succeed(root, &["snapshot", "verify"]).contains("all as committed"));
    let told = ends_with(2, root, &["snapshot", "import", &small.lean]);
    assert!(told.contains("is not empty: a warehouse is there"), "{told}");
    // A refused one leaves nothing.
    let cut = small.at("changed.zip");
    let mut bytes = std::fs::read(&small.lean).unwrap();
    // Parts are stored as they are: a byte of one is changed.
    let part = files(&small.root.join("tables/fbi_city_offenses")).remove(0).1;
    let place = bytes.windows(part.len()).position(|window| window == part).unwrap();
    bytes[place + part.len() / 2] ^= 1;
    std::fs::write(&cut, bytes).unwrap();
    let other = &small.at("other");
    assert!(!tollhouse(other, &["snapshot", "import", cut.to_str().unwrap()]).status.success());
    assert!(!other.exists() && beside() == 0);
    succeed(other, &["snapshot", "import", &small.lean]);
}

#[test]
fn every_reading_command_takes_at_and_results_come_as_json() {
    let small = Small::new();
    let root = &small.root;
    succeed(root, &["run", "--replica", "cdc_vsrr_state"]);
    let told = succeed(root, &["cite", "--at", "article"]);
    assert!(told.contains("snapshot 1 (article)") && succeed(root, &["cite", "article"]) == told, "{told}");
    assert!(succeed(root, &["snapshot", "show", "--at", "article"]).contains("Snapshot 1 ("));
    assert!(succeed(root, &["snapshot", "verify", "--at", "1"]).contains("1 snapshots, "));
    let replay = |words: &[&str]| json(&succeed(root, &[&["--json", "replay", "fbi_city_offenses"], words].concat()));
    assert_eq!(replay(&["--at", "1"]), replay(&["--snapshot", "article"]));
    assert!(!tollhouse(root, &["replay", "--at", "1", "--snapshot", "2"]).status.success());
    assert!(!tollhouse(root, &["cite", "1", "--at", "2"]).status.success());

    let cited = json(&succeed(root, &["--json", "cite", "--at", "article"]));
    assert_eq!(cited["snapshot"], 1);
    assert!(cited["credits"].as_array().unwrap().len() >= 2, "{cited}");
    let out = small.at("figures");
    let build = ["--json", "figure", "build", "portland-homicides", "--out", out.to_str().unwrap()];
    let built = json(&succeed(root, &build));
    assert!(Path::new(built[0]["path"].as_str().unwrap()).is_file(), "{built}");
    assert_eq!(json(&succeed(root, &["--json", "pin", "add", "q"]))["snapshot"], 2);
    let project = small.at("project");
    let own = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
    for part in ["pipelines", "warehouse"] {
        for (path, bytes) in files(&own.join(part)).into_iter().filter(|(path, _)| !path.starts_with("data")) {
            let path = project.join(part).join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
    let project = ["--json", "--project", project.to_str().unwrap(), "pin"];
    let locked = json(&succeed(root, &[&project[..], &["lock", "q"]].concat()));
    assert!(Path::new(locked["path"].as_str().unwrap()).is_file(), "{locked}");
    let checked = json(&succeed(root, &[&project[..], &["check", "q"]].concat()));
    assert_eq!(checked["differences"], serde_json::json!([]));
    assert_eq!(json(&succeed(root, &["--json", "pin", "remove", "q"]))["pin"], "q");

    // A root where nothing can be written is replayed elsewhere.
    std::fs::remove_dir_all(root.join("tmp")).unwrap();
    std::fs::write(root.join("tmp"), "no folder").unwrap();
    assert!(succeed(root, &["replay", "fbi_city_offenses"]).contains("0 different, 0 failed"));
}
