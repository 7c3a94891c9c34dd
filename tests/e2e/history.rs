//! Snapshots over time: collected, damaged, repaired, erased, explained; and what a kill leaves of all that.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::*;

/// The captured file of a dataset as the replica printed it, and its path in the archive.
fn capture(root: &Path, dataset: &str) -> PathBuf {
    let sql = format!("select sha256 from meta.captures where dataset = '{dataset}' order by sha256 limit 1");
    let digest = succeed(root, &["sql", "--format", "csv", &sql]);
    let digest = digest.lines().nth(1).unwrap().to_owned();
    root.join("raw").join(&digest[..2]).join(digest)
}

/// States' offences in files that differ in one number, as a publisher revises them.
struct Revised {
    folder: PathBuf,
    text: String,
    /// What the publisher calls the file.
    name: String,
}

impl Revised {
    /// The publisher's file, as the replica prints it.
    fn new(folder: &Path) -> Self {
        let root = &folder.join("printed");
        succeed(root, &["run", "--replica", "fbi_estimated_offenses_state"]);
        let text = std::fs::read_to_string(capture(root, "fbi_estimated_offenses_state")).unwrap();
        let sql =
            "select url from meta.captures where dataset = 'fbi_estimated_offenses_state' order by sha256 limit 1";
        let url = succeed(root, &["sql", "--format", "csv", sql]);
        let name = url.trim().rsplit('/').next().unwrap().to_owned();
        Self { folder: folder.to_owned(), text, name }
    }

    /// The file with another number of larcenies in its last row.
    fn revision(&self, round: usize) -> String {
        let mut lines: Vec<String> = self.text.lines().map(ToOwned::to_owned).collect();
        let place = lines[0].split(',').position(|name| name == "larceny").unwrap();
        let last = lines.last_mut().unwrap();
        let mut cells: Vec<String> = last.split(',').map(ToOwned::to_owned).collect();
        cells[place] = (10_000 + round).to_string();
        *last = cells.join(",");
        lines.join("\n") + "\n"
    }

    /// That file, to be imported.
    fn file(&self, round: usize) -> String {
        let path = self.folder.join("estimated_crimes.csv");
        std::fs::write(&path, self.revision(round)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The publishers, one of which serves that file.
    fn served(&self, round: usize) -> Replica {
        let what = What::ReplaceText { text: self.revision(round) };
        let fault = Fault { on: self.name.clone(), times: None, what };
        Replica::start_blocking(Options { faults: vec![fault], ..Options::default() }).unwrap()
    }

    fn import(&self, root: &Path, round: usize) {
        succeed(root, &["import", "fbi_estimated_offenses_state", &self.file(round)]);
    }
}

fn numbers(root: &Path, words: &[&str]) -> Vec<u64> {
    let told = succeed(root, &[&["--json", "snapshot", "list"], words].concat());
    let lines: Vec<serde_json::Value> = serde_json::from_str(&told).unwrap();
    lines.iter().map(|line| line["number"].as_u64().unwrap()).collect()
}

#[test]
fn what_neither_a_rule_nor_a_pin_keeps_is_collected_and_its_number_stays_taken() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    let revised = Revised::new(folder.path());
    for round in 0..=4 {
        revised.import(root, round);
        if round == 2 {
            succeed(root, &["pin", "add", "article"]);
        }
    }
    assert_eq!(numbers(root, &[]), [1, 2, 3, 4, 5]);
    assert_eq!(numbers(root, &["--limit", "2"]), [4, 5]);
    assert_eq!(numbers(root, &["--limit", "2", "--before", "4"]), [2, 3]);
    let before = files(&root.join("tables"));
    let told = succeed(root, &["snapshot", "diff", "article"]);
    assert!(told.contains("fbi_estimated_offenses_state") && told.contains("changed"), "{told}");
    assert!(succeed(root, &["snapshot", "diff", "5", "5"]).contains("The same rows"));

    let told = succeed(root, &["snapshot", "gc", "--keep", "2"]);
    assert!(told.contains("Nothing was removed") && told.contains("3 stays: pin `article`"), "{told}");
    assert!(files(&root.join("tables")) == before);
    let told = succeed(root, &["snapshot", "gc", "--keep", "2", "--apply"]);
    assert!(told.contains("3 kept; removed 2 of 1 to 2"), "{told}");
    assert_eq!(numbers(root, &[]), [3, 4, 5]);
    assert_eq!(numbers(root, &["--gone"]), [1, 2, 3, 4, 5]);
    assert!(files(&root.join("tables")).len() < before.len());
    check(root, "select count(*) from meta.snapshots", "3");
    let output = tollhouse(root, &["sql", "--at", "1", "select 1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("snapshot 1 was removed on"));
    let at = ["sql", "--format", "csv", "--at", "article"];
    let larceny = "select max(larceny) from history.fbi_estimated_offenses_state where larceny between 10000 and 10009";
    assert!(succeed(root, &[&at[..], &[larceny]].concat()).contains("10002"));
    succeed(root, &["snapshot", "verify"]);

    // Without its pin it goes too; the next commit has the next number.
    succeed(root, &["pin", "remove", "article"]);
    succeed(root, &["snapshot", "gc", "--keep", "1", "--captures-days", "0", "--apply"]);
    revised.import(root, 5);
    assert_eq!(numbers(root, &[]), [5, 6]);
    succeed(root, &["snapshot", "verify"]);
    // Whoever writes keeps the collector away.
    let lock = std::fs::File::open(root.join("locks/writing")).unwrap();
    lock.lock_shared().unwrap();
    let output = tollhouse(root, &["snapshot", "gc", "--keep", "1", "--apply"]);
    assert_eq!(output.status.code(), Some(15), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(numbers(root, &[]), [5, 6]);
}

/// Changes one byte in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_flipped_byte_in_any_file_is_named_and_what_can_be_is_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    succeed(root, &["run", "--replica", "fbi_city_offenses", "arcos_transactions", "cdc_opioid_deaths_state"]);
    succeed(root, &["pin", "add", "whole"]);
    let bundle = folder.path().join("whole.zip");
    let bundle = bundle.to_str().unwrap();
    succeed(root, &["snapshot", "export", "whole", "--out", bundle, "--captures"]);
    let committed = ["tables", "raw", "manifests", "snapshots", "exchanges", "declarations", "pins"];
    for folder in committed {
        for (path, bytes) in files(&root.join(folder)) {
            let path = Path::new(folder).join(path);
            flip(&root.join(&path));
            let output = tollhouse(root, &["snapshot", "verify"]);
            let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && told.contains(path.to_str().unwrap()), "{}: {told}", path.display());
            std::fs::write(root.join(&path), bytes).unwrap();
        }
    }
    succeed(root, &["snapshot", "verify"]);
    let before = files(root);

    // Reading a damaged part fails with its name; other tables answer.
    let part = |table: &str| {
        let parts = files(&root.join("tables").join(table));
        Path::new("tables").join(table).join(&parts[0].0)
    };
    let damaged = [part("fbi_city_offenses"), part("arcos_buyers")];
    for path in &damaged {
        flip(&root.join(path));
        let table = path.iter().nth(1).unwrap().to_str().unwrap();
        for words in [vec!["sql", "--at", "whole"], vec!["sql"]] {
            let sql = format!("select count(*) from {table}");
            let output = tollhouse(root, &[&words[..], &[&sql]].concat());
            assert!(!output.status.success());
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(told.contains(path.to_str().unwrap()), "{told}");
        }
    }
    check(root, "select sum(deaths) from cdc_opioid_deaths_state where drug = 'any_opioid' and year = 2015", "33091");

    // Parts come from captures, those of models from their inputs; captures only from a bundle.
    let own = capture(root, "fbi_city_offenses");
    flip(&own);
    let output = tollhouse(root, &["snapshot", "verify", "--repair"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(&format!("repaired: {}", damaged[1].display())), "{told}");
    assert!(told.contains("a bundle that has it can restore it"), "{told}");
    let told = succeed(root, &["snapshot", "verify", "--repair", "--from", bundle]);
    assert!(told.contains("all as committed"), "{told}");
    let held = |files: Vec<(PathBuf, Vec<u8>)>| {
        files.into_iter().filter(|(path, _)| !path.starts_with("locks")).collect::<Vec<_>>()
    };
    assert!(held(files(root)) == held(before), "every byte is what it was");
    // With sound captures nothing else is needed.
    std::fs::remove_file(root.join(&damaged[0])).unwrap();
    let told = succeed(root, &["snapshot", "verify", "--repair"]);
    assert!(told.contains("all as committed"), "{told}");
}

#[test]
fn a_buyer_is_erased_from_transactions_models_and_figures_of_the_past() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    succeed(root, &["run", "--replica", "arcos_transactions"]);
    succeed(root, &["pin", "add", "article"]);
    let one = "select buyer_dea_number from arcos_buyers where buyer_dea_number is not null order by 1 limit 1";
    let buyer = succeed(root, &["sql", "--format", "csv", one]);
    let buyer = buyer.lines().nth(1).unwrap().to_owned();
    let sold = |root: &Path| {
        let sql = "select count(*) || ' ' || sum(dosage_units) from arcos_transactions";
        succeed(root, &["sql", "--format", "csv", "--at", "article", sql])
    };
    let left = format!(
        "select count(*) || ' ' || sum(dosage_units) from arcos_transactions where buyer_dea_number is distinct from '{buyer}'"
    );
    let left = succeed(root, &["sql", "--format", "csv", &left]);
    let before = sold(root);
    let condition = format!("buyer_dea_number = '{buyer}'");
    let erase = ["erase", "arcos_transactions", "--where", &condition, "--reason", "withdrawn by its publisher"];
    assert!(succeed(root, &erase).contains("Nothing was erased"));
    assert_eq!(sold(root), before);
    let told = succeed(root, &[&erase[..], &["--apply"]].concat());
    assert!(told.contains("pins: article") && told.contains("arcos_buyers") && !told.contains(&buyer), "{told}");
    assert_eq!(sold(root).lines().nth(1), left.lines().nth(1));
    check(root, &format!("select count(*) from arcos_buyers where {condition}"), "0");
    let words = buyer.as_bytes();
    for (path, bytes) in files(root) {
        assert!(!bytes.windows(words.len()).any(|window| window == words), "{} still has it", path.display());
    }
    succeed(root, &["snapshot", "verify"]);
    // What is left says so.
    let other = succeed(root, &["sql", "--format", "csv", "select buyer_key from arcos_buyers order by 1 limit 1"]);
    let other = format!("buyer_key={}", other.lines().nth(1).unwrap());
    let told = succeed(root, &["explain", "arcos_buyers.buyer_city", &other]);
    assert!(told.contains("Records were erased from these data: erasure 1 of"), "{told}");
    // The replica still serves it: a run says why it does not come back, and the snapshot stays.
    let output = tollhouse(root, &["run", "--replica", "arcos_transactions"]);
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("a record that was erased here"), "{told}");
    assert_eq!(sold(root).lines().nth(1), left.lines().nth(1));
}

#[test]
fn figures_claims_and_cells_are_explained_down_to_their_captures() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    succeed(
        root,
        &["run", "--replica", "cdc_opioid_deaths_state", "fbi_city_offenses", "fbi_estimated_offenses_state"],
    );
    let cell = ["state_fips=54", "year=2015", "drug=any_opioid"];
    let words = [&["--json", "explain", "cdc_opioid_deaths_state.deaths"], &cell[..]].concat();
    let told: serde_json::Value = serde_json::from_str(&succeed(root, &words)).unwrap();
    assert_eq!(told["cell"]["value"], "629");
    assert_eq!(told["cell"]["status"], "reported");
    let source = &told["sources"][0];
    let digest = source["captures"][0]["sha256"].as_str().unwrap();
    let record = usize::try_from(told["cell"]["record"].as_u64().unwrap()).unwrap();
    // The record is the one in the capture: the line of that number.
    let text = std::fs::read_to_string(root.join("raw").join(&digest[..2]).join(digest)).unwrap();
    let line = text.lines().nth(record - 1).unwrap();
    assert!(line.contains("West Virginia") && line.contains("2015") && line.contains("629"), "{line}");
    // North Dakota's of 1999 was suppressed.
    let words = ["explain", "cdc_opioid_deaths_state.deaths", "state_fips=38", "year=1999", "drug=any_opioid"];
    let told = succeed(root, &words);
    assert!(told.contains("Value: null (suppressed)") && told.contains("low"), "{told}");
    // A figure, a claim, and what is neither.
    let figures = succeed(root, &["figure", "list"]);
    assert!(figures.contains("portland-homicides"));
    let told = succeed(root, &["explain", "portland-homicides"]);
    assert!(told.contains("fbi_city_offenses") && told.contains("SQL:"), "{told}");
    let output = tollhouse(root, &["explain", "nothing"]);
    assert_eq!(output.status.code(), Some(2));
}

const ESTIMATES: &str = "fbi_estimated_offenses_state";

const PINNED: [&str; 6] =
    ["sql", "--format", "csv", "--at", "article", "select * from history.fbi_estimated_offenses_state order by all"];

/// Two pinned warehouses, because what is fetched from the replica never stands beside what is imported; and what their pins answer.
struct Killed {
    revised: Revised,
    roots: [PathBuf; 2],
    answers: [String; 2],
    out: PathBuf,
}

impl Killed {
    fn new(folder: &Path) -> Self {
        let revised = Revised::new(folder);
        let roots = ["fetched", "imported"].map(|name| folder.join(name));
        let publisher = revised.served(0);
        succeed(&roots[0], &["run", &format!("--replica={}", publisher.base()), ESTIMATES]);
        revised.import(&roots[1], 0);
        let pinned = |root: &PathBuf| {
            succeed(root, &["pin", "add", "article"]);
            succeed(root, &PINNED)
        };
        Self { answers: roots.each_ref().map(pinned), revised, roots, out: folder.join("out.zip") }
    }

    /// The commands of a round, each with the place of its warehouse. The first fetches a file that nobody has seen yet.
    fn commands(&self, round: usize, publisher: &Replica) -> [(usize, Vec<String>); 6] {
        let (replica, file) = (format!("--replica={}", publisher.base()), self.revised.file(round));
        let gc = ["snapshot", "gc", "--keep", "2", "--captures-days", "0", "--apply"];
        let export = ["snapshot", "export", "article", "--out", self.out.to_str().unwrap(), "--captures"];
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        [
            (0, owned(&["run", &replica, ESTIMATES])),
            (0, owned(&gc)),
            (0, owned(&export)),
            (1, owned(&["import", ESTIMATES, &file])),
            (1, owned(&gc)),
            (0, owned(&["replay"])),
        ]
    }

    /// Wants all that was committed to be there, as it was, after a command was killed.
    #[track_caller]
    fn check(&self, place: usize, acknowledged: &[u64], when: &str) {
        let root = &self.roots[place];
        let told = succeed(root, &["snapshot", "verify"]);
        assert!(told.contains("all as committed"), "{when}: {told}");
        assert!(succeed(root, &PINNED) == self.answers[place], "{when}: the pin reads otherwise");
        let now = numbers(root, &[]);
        assert!(now.last() >= acknowledged.last(), "{when}: {acknowledged:?} {now:?}");
        // What is at the place of an export is whole.
        if self.out.exists() {
            let there = self.out.with_extension("there");
            assert!(succeed(&there, &["snapshot", "import", self.out.to_str().unwrap()]).contains("all as committed"));
            std::fs::remove_file(&self.out).unwrap();
            std::fs::remove_dir_all(there).unwrap();
        }
    }
}

/// Runs, collections, exports, imports and replays are killed at moments of their own; after each all is whole, and the pin reads as
/// ever. TOLLHOUSE_KILLS says how many (6 without).
#[test]
#[expect(clippy::disallowed_methods, reason = "how long a command takes decides when it can be killed")]
fn killed_in_runs_collections_exports_and_imports_nothing_is_lost() {
    let kills: usize = std::env::var("TOLLHOUSE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(6);
    let folder = tempfile::tempdir().unwrap();
    let killed = Killed::new(folder.path());
    let mut seed = 0x7011_0057_u64;
    // How long each takes where nobody disturbs it, and of how many kills it was done already.
    let (mut whole, mut done) = (Vec::new(), [0; 6]);
    for kill in 0..kills + 6 {
        let publisher = killed.revised.served(kill + 1);
        let (place, words) = killed.commands(kill + 1, &publisher)[kill % 6].clone();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let root = &killed.roots[place];
        if kill < 6 {
            let begun = std::time::Instant::now();
            succeed(root, &words);
            whole.push(begun.elapsed());
            let _exported = std::fs::remove_file(&killed.out);
            continue;
        }
        let acknowledged = numbers(root, &[]);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = f64::from(u32::try_from(seed >> 33).unwrap()) / f64::from(u32::MAX >> 1);
        let moment = whole[kill % 6].mul_f64(share);
        let mut run = command(root, &words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(moment);
        let _ended = run.kill();
        done[kill % 6] += usize::from(run.wait().unwrap().success());
        killed.check(place, &acknowledged, &format!("{words:?} killed after {moment:?}"));
    }
    println!("{kills} kills of run, gc, export, import, gc, replay, which took {whole:.1?}; done before: {done:?}");
    // Nothing that a dead one held is in the way, and what they left is found.
    let publisher = killed.revised.served(kills + 7);
    succeed(&killed.roots[0], &["run", &format!("--replica={}", publisher.base()), ESTIMATES]);
    killed.revised.import(&killed.roots[1], kills + 7);
    for root in &killed.roots {
        assert!(numbers(root, &[]).len() > 1, "the last round committed");
        succeed(root, &["snapshot", "gc", "--keep", "1", "--apply"]);
        assert!(!root.join("tmp").exists() || std::fs::read_dir(root.join("tmp")).unwrap().count() == 0);
        succeed(root, &["snapshot", "verify"]);
    }
}
