//! A report, and that figures and report depend on nothing but the data.

use super::*;

const DATASETS: [&str; 4] =
    ["cdc_opioid_deaths_us", "cdc_drug_poisoning_state", "cdc_opioid_dispensing_state", "fbi_city_offenses"];

const FIGURES: [&str; 4] =
    ["dispensing-map-2015", "opioid-deaths-us", "overdose-death-rates-2015", "portland-homicides"];

/// Runs the program as on a machine of another land.
#[track_caller]
fn abroad(root: &Path, words: &[&str]) {
    let mut command = command(root, words);
    command.envs([
        ("TZ", "Asia/Kathmandu"),
        ("LC_ALL", "de_DE.UTF-8"),
        ("LANG", "tr_TR.UTF-8"),
        ("RAYON_NUM_THREADS", "1"),
    ]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{words:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn figures_are_the_same_bytes_in_other_roots_lands_and_orders() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("a longer way there"));
    succeed(&here, &[&["run", "--replica"], &DATASETS[..]].concat());
    // One commit for each, the last first.
    for dataset in DATASETS.iter().rev() {
        abroad(&there, &["run", "--replica", dataset]);
    }
    succeed(&here, &[&["figure", "build"], &FIGURES[..]].concat());
    abroad(&there, &[&["figure", "build"], &FIGURES[..]].concat());
    let drawn = |root: &Path| -> Vec<(PathBuf, Vec<u8>)> {
        let all = files(&root.join("figures")).into_iter();
        // A receipt names its snapshot.
        all.filter(|(path, _)| !path.to_string_lossy().ends_with("receipt.json")).collect()
    };
    let (ours, theirs) = (drawn(&here), drawn(&there));
    assert_eq!(ours.len(), FIGURES.len() * 5);
    for (one, other) in ours.iter().zip(&theirs) {
        assert!(one == other, "{} and {} differ", one.0.display(), other.0.display());
    }
}

#[test]
fn a_report_needs_nothing_else_and_says_what_claims_say() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    succeed(root, &[&["run", "--replica"], &DATASETS[..]].concat());
    succeed(root, &["pin", "add", "told"]);
    let (one, other) = (folder.path().join("one.html"), folder.path().join("other.html"));
    succeed(root, &["report", "citylab-2017", "--at", "told", "--out", one.to_str().unwrap()]);
    abroad(root, &["report", "citylab-2017", "--at", "1", "--out", other.to_str().unwrap()]);
    let text = std::fs::read_to_string(&one).unwrap();
    // The pin's name is all that differs.
    let renamed = std::fs::read_to_string(&other).unwrap().replace("snapshot-1", "told").replace("--at 1", "--at told");
    assert!(renamed == text, "the same snapshot, another report");

    let claims: serde_json::Value =
        serde_json::from_str(&succeed(root, &["--json", "claims", "citylab-2017"])).unwrap();
    let escaped =
        |words: &str| words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    for claim in claims.as_array().unwrap() {
        let id = claim["id"].as_str().unwrap();
        let (_, about) = text.split_once(&format!("<article id=\"{id}\">")).unwrap_or_else(|| panic!("no {id}"));
        let about = about.split("</article>").next().unwrap();
        assert!(about.contains(&escaped(claim["statement"].as_str().unwrap())), "{id}");
        for test in claim["tests"].as_array().unwrap() {
            assert!(about.contains(&escaped(test["reason"].as_str().unwrap())), "{id}: {test}");
        }
    }
    // Verdicts as they were given; figures within the page, and what could not be drawn named with its reason.
    assert!(text.contains("class=\"verdict not-checkable\"") && text.contains("class=\"verdict holds\""));
    assert_eq!(text.matches("srcset=\"data:image/svg+xml;base64,").count(), FIGURES.len(), "the others need more");
    assert!(text.contains(": not drawn. Not loaded: "));
    for outside in ["src=\"http", "href=\"http", "@import", "<script", "url("] {
        assert!(!text.contains(outside), "it reaches out: {outside}");
    }
    let unknown = tollhouse(root, &["report", "citylab-2018"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("the sets are citylab-2017"));
}
