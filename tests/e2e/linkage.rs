//! Two files about people who never were, linked by the program: what is kept, and that nobody is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Output;

use crate::{command, files, succeed};

/// Makes the people of these tests.
fn invent(folder: &Path) {
    let folder = folder.to_str().unwrap();
    succeed(Path::new(folder), &["link", "invent", folder, "--seed", "11", "--people", "12000", "--deaths", "1200"]);
}

/// Links them, with everything told that the program can tell.
fn link(folder: &Path, key: Option<&str>) -> Output {
    let root = folder.join("warehouse");
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let mut command = command(&root, &["--config", &at("tollhouse.toml"), "link", "run", &at("linkage.toml")]);
    command.env_remove("TOLLHOUSE_LINKAGE_KEY").env("TOLLHOUSE_LOG", "trace").env("RUST_BACKTRACE", "1");
    if let Some(key) = key {
        command.env("TOLLHOUSE_LINKAGE_KEY_FILE", at(key));
    }
    command.output().unwrap()
}

/// Names, days of birth, prescribers and pharmacies of the files, in small letters, and the key.
fn identifying(folder: &Path) -> BTreeSet<String> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap().to_lowercase();
    let mut words = BTreeSet::from([read("linkage.key")]);
    for (file, columns) in [("dispensing.csv", &[1, 2, 10, 11][..]), ("deaths.csv", &[0, 2])] {
        for line in read(file).lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            words.extend(columns.iter().map(|column| cells[*column].to_owned()));
        }
    }
    // A short name may stand in a word of ours.
    words.retain(|word| word.len() > 4);
    words
}

#[track_caller]
fn check_nobody_in(what: &str, bytes: &[u8], words: &BTreeSet<String>) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    assert_eq!(words.iter().find(|word| text.contains(word.as_str())), None, "in {what}");
}

#[test]
fn two_files_of_persons_become_counts_and_nobody_is_in_them() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    invent(folder);
    let words = identifying(folder);
    assert!(words.len() > 5_000, "{}", words.len());
    let output = link(folder, Some("linkage.key"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    check_nobody_in("stdout", &output.stdout, &words);
    check_nobody_in("stderr", &output.stderr, &words);

    let root = folder.join("warehouse");
    let written = files(&root);
    for (path, bytes) in &written {
        check_nobody_in(&path.display().to_string(), bytes, &words);
    }
    let of_linkage: Vec<&Path> =
        written.iter().map(|(path, _)| path.as_path()).filter(|path| path.starts_with("restricted")).collect();
    assert_eq!(of_linkage.len(), 2, "{of_linkage:?}");
    assert!(of_linkage.iter().all(|path| path.starts_with("restricted/linkage")), "{of_linkage:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| std::fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o777;
        for file in &of_linkage {
            assert_eq!(mode(file), 0o600);
            assert!(file.ancestors().skip(1).take(3).all(|folder| mode(folder) == 0o700), "{file:?}");
        }
    }

    // The truth, which the generator counted by its own rules from the lives that it made.
    let truth: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("truth.json")).unwrap()).unwrap();
    let mut counts: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for one in truth.as_array().unwrap() {
        let key = |name: &str| one[name].as_str().unwrap();
        counts.insert((key("group"), key("window")), one["deaths"].as_i64().unwrap());
    }
    assert_eq!(counts.values().sum::<i64>(), 1200);
    // What the names of groups and windows stand for, as docs/linkage.md has it.
    let in_truth = |group: &str, window: &str| -> i64 {
        let windows: &[&str] = match window {
            "attributed" => &["within_days", "later_within_supply"],
            "unattributed" => &["hospice", "none"],
            "all" => &["within_days", "later_within_supply", "hospice", "none"],
            _ => &[window],
        };
        let is_in = |(of, lies): &(&str, &str)| (group == "all" || *of == group) && windows.contains(lies);
        counts.iter().filter(|(key, _)| is_in(key)).map(|(_, deaths)| deaths).sum()
    };
    let csv = std::fs::read_to_string(root.join(of_linkage[0])).unwrap();
    let mut compared = 0;
    for line in csv.lines().skip(1) {
        let [table, _, group, window, deaths, status] = line.split(',').collect::<Vec<_>>()[..] else { continue };
        match status {
            "suppressed" => assert_eq!(deaths, ""),
            "reported" => assert!(deaths.parse::<i64>().unwrap() >= 11, "{line}"),
            other => panic!("{other}"),
        }
        // Of a hundred with a patient some three are not found: they are missing here and there, and stand in `none`.
        if let (true, Ok(deaths)) = (table == "all" && window != "rest", deaths.parse::<i64>()) {
            let truth = in_truth(group, window);
            assert!((truth - deaths).abs() <= 5 + truth / 16, "{line}, and {truth} in truth");
            compared += 1;
        }
    }
    assert!(compared >= 10, "{csv}");

    // The same again is the same, and no second result.
    assert!(link(folder, Some("linkage.key")).status.success());
    assert_eq!(files(&root), written);
    // Other definitions over the same deaths are: the difference of two results can be what each withholds.
    let declaration = folder.join("linkage.toml");
    let text = std::fs::read_to_string(&declaration).unwrap();
    std::fs::write(&declaration, text.replace("days         = 60", "days         = 61")).unwrap();
    let refused = link(folder, Some("linkage.key"));
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(14), "{error}");
    assert!(error.contains("another result over the same days") && error.contains("what next:"), "{error}");
    assert_eq!(files(&root), written);
}

#[test]
fn nothing_is_linked_before_the_operator_has_said_what_must_be_said() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    invent(folder);
    let words = identifying(folder);
    let check = |key: Option<&str>, code: i32, said: &str| {
        let output = link(folder, key);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.contains(said) && error.contains("what next:"), "{error}");
        check_nobody_in("stderr", &output.stderr, &words);
        assert!(!folder.join("warehouse").exists());
    };
    check(None, 2, "there is no key to the hashes");
    std::fs::write(folder.join("short"), "short").unwrap();
    check(Some("short"), 2, "TOLLHOUSE_LINKAGE_KEY_FILE holds no usable key");

    let config = folder.join("tollhouse.toml");
    let accepted = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, "accept_terms = [\"nchs\"]\n").unwrap();
    check(Some("linkage.key"), 2, "only by those who hold them lawfully");
    std::fs::write(&config, accepted).unwrap();

    let declaration = folder.join("linkage.toml");
    let declared = std::fs::read_to_string(&declaration).unwrap();
    let blank = declared.replace("Synthetic records of nobody: no human subjects.", "");
    std::fs::write(&declaration, blank).unwrap();
    check(Some("linkage.key"), 2, "`authority.irb` says nothing");
    std::fs::write(&declaration, &declared).unwrap();

    // The header is gone: a person stands in its place.
    let deaths = folder.join("deaths.csv");
    let text = std::fs::read_to_string(&deaths).unwrap();
    std::fs::write(&deaths, text.split_once('\n').unwrap().1).unwrap();
    check(Some("linkage.key"), 13, "the death file has no column `given`");
    std::fs::write(&deaths, text).unwrap();
}
