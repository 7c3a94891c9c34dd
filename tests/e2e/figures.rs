//! Figures as files: drawn, verified, and which number is told where something changed.

use super::*;

const FIGURE: &str = "portland-homicides";

#[test]
fn what_is_drawn_can_be_verified_and_a_changed_number_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    succeed(root, &["run", "--replica", "fbi_city_offenses"]);
    let output = tollhouse(root, &["figure", "verify", FIGURE]);
    assert_eq!(output.status.code(), Some(2), "nothing was drawn yet");
    succeed(root, &["figure", "build", FIGURE]);
    let drawn = root.join("figures");
    let names: Vec<String> = files(&drawn).iter().map(|(path, _)| path.display().to_string()).collect();
    let endings = ["csv", "parquet", "phone.svg", "png", "receipt.json", "svg"];
    assert_eq!(names, endings.map(|ending| format!("{FIGURE}.{ending}")));

    let told = succeed(root, &["figure", "verify"]);
    assert_eq!(told, "portland-homicides: the same, byte for byte, from snapshot 1\n");

    // The publisher's number of 2016 is 14, in the file and in the drawing.
    let csv = drawn.join(format!("{FIGURE}.csv"));
    let text = std::fs::read_to_string(&csv).unwrap();
    std::fs::write(&csv, text.replace("2016,14,", "2016,41,")).unwrap();
    let output = tollhouse(root, &["figure", "verify", FIGURE, "--at", "1"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("  2016, homicides: 41 → 14\n  other files: portland-homicides.csv\n"), "{told}");
    let told = tollhouse(root, &["--json", "figure", "verify", FIGURE]);
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    let moved = serde_json::json!([{"what": "cell", "row": "2016", "column": "homicides", "was": "41", "is": "14"}]);
    assert_eq!((&told[0]["same"], &told[0]["moved"]), (&serde_json::json!(false), &moved));

    std::fs::write(&csv, text).unwrap();
    std::fs::remove_file(drawn.join(format!("{FIGURE}.parquet"))).unwrap();
    let output = tollhouse(root, &["figure", "verify", FIGURE]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(1) && told.contains("no number moved"), "{told}");
    assert!(told.contains("portland-homicides.parquet (not there)"), "{told}");
}
