//! Erasures reach what lies in a root beside the snapshots: refused files, removed snapshots, persons, drawings, the catalogue.
//! Buyers and persons are invented.

use std::path::{Path, PathBuf};

use crate::{check, files, succeed, tollhouse};

const HEADER: &str = "REPORTER_DEA_NO\tREPORTER_BUS_ACT\tREPORTER_NAME\tREPORTER_ADDL_CO_INFO\tREPORTER_ADDRESS1\t\
    REPORTER_ADDRESS2\tREPORTER_CITY\tREPORTER_STATE\tREPORTER_ZIP\tREPORTER_COUNTY\tBUYER_DEA_NO\tBUYER_BUS_ACT\tBUYER_NAME\t\
    BUYER_ADDL_CO_INFO\tBUYER_ADDRESS1\tBUYER_ADDRESS2\tBUYER_CITY\tBUYER_STATE\tBUYER_ZIP\tBUYER_COUNTY\tTRANSACTION_CODE\t\
    DRUG_CODE\tNDC_NO\tDRUG_NAME\tMeasure\tMME_Conversion_Factor\tDosage_Strength\tTRANSACTION_DATE\tCombined_Labeler_Name\t\
    Reporter_family\tCALC_BASE_WT_IN_GM\tDOSAGE_UNIT\tMME\n";

/// A sale, to a buyer of this number, activity and name; the pills may be no number.
fn sale(number: &str, activity: &str, name: &str, pills: &str) -> String {
    format!(
        "RT1002005\tDISTRIBUTOR\tTOLLGATE\tnull\t1 A ST\tnull\tQUINCY\tMA\t02169\tNORFOLK\t{number}\t{activity}\t{name}\tnull\t\
         2 B ST\tnull\tELIZABETH\tWV\t26143\tWIRT\tS\t9193\t00999010105\tHYDROCODONE\tTAB\t1.0\t10.0\t2015-01-04\tLABS\t\
         TOLLGATE\t0.6054\t{pills}\t605.4\n"
    )
}

fn pharmacy(number: &str, pills: &str) -> String {
    sale(number, "CHAIN PHARMACY", "CORNERSTONE", pills)
}

fn write(folder: &Path, name: &str, rows: &[String]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, HEADER.to_owned() + &rows.concat()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The files below a root in which these bytes stand.
fn holding(root: &Path, what: &str) -> Vec<PathBuf> {
    let holds = |bytes: &[u8]| bytes.windows(what.len()).any(|window| window == what.as_bytes());
    files(root).into_iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path).collect()
}

fn refused(root: &Path, words: &[&str], code: i32) -> String {
    let output = tollhouse(root, words);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{words:?}\n{error}");
    error
}

fn erase<'a>(dataset: &'a str, condition: &'a str) -> [&'a str; 6] {
    ["erase", dataset, "--where", condition, "--reason", "a court's order"]
}

#[test]
fn a_file_that_was_refused_goes_with_the_record_and_stays_out() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    let good = write(folder.path(), "a.tsv", &[pharmacy("BX3004001", "100.0"), pharmacy("AX5006007", "50.0")]);
    let bad = [pharmacy("BX3004001", "many"), pharmacy("BX3004001", "7.0"), pharmacy("AX5006007", "7.0")];
    let bad = write(folder.path(), "b.tsv", &bad);
    succeed(root, &["import", &good]);
    refused(root, &["import", &bad], 14);
    assert!(!files(&root.join("quarantine")).is_empty());

    let words = erase("arcos_transactions", "buyer_dea_number = 'BX3004001'");
    let told = succeed(root, &words);
    assert!(told.contains("1 captures that no snapshot names may hold it") && told.contains("set aside"), "{told}");
    assert!(!holding(root, "BX3004001").is_empty());
    let told = succeed(root, &[&words[..], &["--apply"]].concat());
    assert!(told.contains("1 captures that no snapshot names may hold it"), "{told}");
    assert_eq!(holding(root, "BX3004001"), Vec::<PathBuf>::new());
    assert_eq!(files(&root.join("quarantine")).len(), 0);
    check(root, "select count(*) || min(buyer_dea_number) from arcos_transactions", "1AX5006007");
    for file in [&good, &bad] {
        assert!(refused(root, &["import", file], 14).contains("a record that was erased here"));
    }
    assert_eq!(holding(root, "BX3004001"), Vec::<PathBuf>::new());
    succeed(root, &["snapshot", "verify"]);
    // Where the record may stand too is said, never the record.
    assert!(!told.contains("BX3004001"), "{told}");
}

#[test]
fn what_only_a_removed_snapshot_had_is_erased_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    let both = |pills: &str| [pharmacy("BX3004001", pills), pharmacy("AX5006007", "50.0")];
    // A corrected edition of a file takes its place under the same name.
    let import = |pills: &str| ["import".to_owned(), write(folder.path(), "a.tsv", &both(pills))];
    for pills in ["12345.0", "1.0"] {
        succeed(root, &import(pills).each_ref().map(String::as_str));
    }
    succeed(root, &["snapshot", "gc", "--keep", "1", "--apply"]);
    assert_eq!(holding(root, "12345.0").len(), 1, "the capture");

    let words = erase("arcos_transactions", "dosage_units = 12345");
    let told = succeed(root, &[&words[..], &["--apply"]].concat());
    assert!(told.contains("Snapshots that had them: none") && told.contains("1 captures that no snapshot"), "{told}");
    assert_eq!(holding(root, "12345.0"), Vec::<PathBuf>::new());
    let again = import("12345.0");
    assert!(refused(root, &again.each_ref().map(String::as_str), 14).contains("a record that was erased here"));
    check(root, "select count(*) from arcos_transactions", "2");
    assert!(succeed(root, &[&words[..], &["--apply"]].concat()).contains("there is nothing to erase"));
}

#[test]
fn a_person_who_has_no_name_here_is_erased_by_it_and_nobody_is_shown_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    let on = folder.path().join("tollhouse.toml");
    std::fs::write(&on, "restricted = true").unwrap();
    let on = ["--config", on.to_str().unwrap()];
    let rows = [sale("BX1001001", "PRACTITIONER", "INVENTED, JANE", "3.0"), pharmacy("BX3004001", "100.0")];
    let file = write(folder.path(), "a.tsv", &rows);
    succeed(root, &[&on[..], &["import", &file]].concat());
    succeed(root, &["pin", "add", "article"]);
    assert_eq!(files(&root.join("restricted")).len(), 1);
    check(root, "select count(*) from arcos_transactions where buyer_dea_number = 'BX1001001'", "0");

    // Without captures nobody can look, and it is said.
    let (bundle, there) = (folder.path().join("lean.zip"), folder.path().join("there"));
    let bundle = bundle.to_str().unwrap();
    succeed(root, &["snapshot", "export", "article", "--out", bundle]);
    succeed(&there, &["snapshot", "import", bundle]);
    let words = erase("arcos_transactions", "buyer_name LIKE 'INVENTED%'");
    let told = succeed(&there, &words);
    assert!(told.contains("nothing to erase") && told.contains("Not searched: persons in"), "{told}");

    // What goes wrong over their rows is not told in DuckDB's words.
    let casts = "CASE WHEN buyer_name LIKE 'INV%' THEN CAST(buyer_name AS INTEGER) = 1 ELSE false END";
    let error = refused(root, &[&erase("arcos_transactions", casts)[..], &["--apply"]].concat(), 2);
    assert!(error.contains("which is not shown") && !error.contains("JANE"), "{error}");

    let told = succeed(root, &[&on[..], &words[..], &["--apply"]].concat());
    assert!(!told.contains("JANE") && !told.contains("BX1001001"), "{told}");
    for what in ["JANE", "BX1001001"] {
        assert_eq!(holding(root, what), Vec::<PathBuf>::new(), "{what}");
    }
    let at = ["sql", "--format", "csv", "--at", "article"];
    let left = "select count(*) || min(buyer_dea_number) from arcos_transactions";
    assert!(succeed(root, &[&at[..], &[left]].concat()).contains("1BX3004001"));
    assert_eq!(files(&root.join("tmp")).len(), 0);
    succeed(root, &["snapshot", "verify"]);
}

#[test]
fn drawings_and_the_catalogue_follow_whoever_erased_and_whatever_he_died_of() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    succeed(root, &["run", "--replica", "fbi_city_offenses"]);
    succeed(root, &["figure", "build", "portland-homicides"]);
    let drawn = root.join("figures");
    for ending in ["svg", "png", "phone.svg", "csv", "parquet", "receipt.json"] {
        let of = |name: &str| drawn.join(format!("{name}.{ending}"));
        std::fs::copy(of("portland-homicides"), of("of-old")).unwrap();
    }
    let before = files(&drawn);
    let catalogue = root.join("tollhouse.duckdb");
    let shown = std::fs::read(&catalogue).unwrap();
    let words = erase("fbi_city_offenses", "state_fips = '41' AND city = 'Portland' AND year = 2016");
    let told = succeed(root, &words);
    assert!(told.contains("Drawing portland-homicides: is drawn again, or goes."), "{told}");
    assert!(files(&drawn) == before);

    let words = [&words[..], &["--apply"]].concat();
    let settled = |told: &str| {
        assert!(told.contains("Drawing portland-homicides: drawn again from snapshot 1."), "{told}");
        assert!(told.contains("Drawing of-old: removed") && told.contains("no longer declared"), "{told}");
        let text = |ending: &str| std::fs::read_to_string(drawn.join(format!("portland-homicides.{ending}"))).unwrap();
        assert!(text("svg").contains("Records were erased from its data: erasure 1 of"), "{}", text("svg"));
        assert!(text("receipt.json").contains("a court's order"), "{}", text("receipt.json"));
        assert!(text("csv").contains("2016,,"), "{}", text("csv"));
        assert_eq!(files(&drawn).len(), 6);
        assert!(std::fs::read(&catalogue).unwrap() != shown);
    };
    settled(&succeed(root, &words));

    // As if it had died right after the tombstone.
    let die = || {
        for (path, bytes) in &before {
            std::fs::write(drawn.join(path), bytes).unwrap();
        }
        std::fs::write(&catalogue, &shown).unwrap();
    };
    die();
    let told = succeed(root, &words);
    assert!(told.contains("nothing to erase"), "{told}");
    settled(&told);
    for again in [["snapshot", "gc", "--apply"], ["snapshot", "verify", "--repair"]] {
        die();
        succeed(root, &again);
        assert!(std::fs::read(&catalogue).unwrap() != shown, "{again:?}");
    }
}

#[test]
fn a_condition_that_does_not_repeat_itself_erases_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    succeed(
        root,
        &["import", &write(folder.path(), "a.tsv", &[pharmacy("BX3004001", "1.0"), pharmacy("AX5006007", "2.0")])],
    );
    for condition in ["random() < 0.5", "transaction_date < now()"] {
        let error = refused(root, &[&erase("arcos_transactions", condition)[..], &["--apply"]].concat(), 2);
        assert!(error.contains("does not repeat itself") && error.contains("what next:"), "{error}");
    }
    check(root, "select count(*) from arcos_transactions", "2");
}
