//! End to end: the program, the replica and a warehouse in a temporary folder. Expected values are the publishers' own.

#![expect(clippy::unwrap_used, reason = "a test says no by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use replica::{Fault, Options, Replica, What};

fn tollhouse(root: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollhouse"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .args(["--quiet", "--root"])
        .arg(root)
        .args(words)
        .output()
        .unwrap()
}

/// The only cell of an answer.
#[track_caller]
fn check(root: &Path, sql: &str, expected: &str) {
    let output = tollhouse(root, &["sql", "--format", "csv", sql]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().nth(1), Some(expected), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_demo_says_what_the_publishers_say_and_a_second_run_commits_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let output = tollhouse(root, &["demo"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    check(root, "select count(*) from arcos_transactions", "37154");
    check(root, "select sum(dosage_units) from arcos_transactions", "38269630.00000");
    check(root, "select sum(dosage_units) from arcos_transactions where year = 2008", "9795100.00000");
    check(root, "select count(*) from arcos_transactions where buyer_name is null and buyer_dea_number is null", "59");
    check(root, "select count(distinct buyer_county_fips) from arcos_transactions", "1");
    check(root, "select sum(deaths) from cdc_opioid_deaths_state where year = 2015", "33091");
    check(root, "select sum(deaths) from cdc_opioid_deaths_us", "351630");
    check(root, "select deaths from cdc_opioid_deaths_us_totals", "351630");
    check(root, "select count(*) from cdc_opioid_deaths_state", "918");
    check(
        root,
        "select count(*) from cdc_opioid_deaths_state where deaths_status = 'suppressed' and deaths is null",
        "16",
    );
    check(root, "select deaths from cdc_opioid_deaths_state where state_fips = '54' and year = 2015", "629");
    check(
        root,
        "select deaths from cdc_vsrr_state where jurisdiction = 'US' and period_end = date '2015-12-31' and indicator like 'Opioids%'",
        "33203",
    );
    for (year, rows, murders) in [(2013, 9292, 10247), (2015, 9395, 11496), (2016, 9579, 12601)] {
        check(root, &format!("select count(*) from fbi_city_offenses where year = {year}"), &rows.to_string());
        check(root, &format!("select sum(murder) from fbi_city_offenses where year = {year}"), &murders.to_string());
    }
    check(
        root,
        "select string_agg(city_footnotes, ' ' order by year) from fbi_city_offenses where city = 'Mobile'",
        "4 4 6",
    );
    check(
        root,
        "select string_agg(murder, ' ' order by year) from fbi_city_offenses where city = 'Portland' and state = 'OREGON'",
        "14 14",
    );
    check(
        root,
        "select min(prescriptions_per_100) from cdc_opioid_dispensing_state where state_fips = '01' and year between 2006 and 2016",
        "115.600000000",
    );

    assert!(tollhouse(root, &["snapshot", "verify"]).status.success());
    let again = tollhouse(root, &["run", "--all", "--replica"]);
    let text = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(again.status.success() && text.contains("Nothing to commit"), "{text}");
    check(root, "select count(*) from meta.snapshots", "1");
}

#[test]
fn sql_only_reads() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    assert!(tollhouse(root, &["run", "cdc_opioid_deaths_us", "--replica"]).status.success());
    for sql in [
        "drop view main.cdc_opioid_deaths_us",
        "copy (select 1) to 'x.csv'",
        "select * from read_csv('Cargo.toml')",
        "attach 'x.duckdb'",
        "select 1; select 2",
    ] {
        assert_eq!(tollhouse(root, &["sql", sql]).status.code(), Some(2), "{sql}");
    }
}

#[test]
fn bad_input_has_its_exit_code_and_commits_nothing() {
    let renamed = || What::RenamedColumn { from: "BUYER_STATE".to_owned(), to: "BUYER_ST".to_owned() };
    let cases: Vec<(&str, What, i32)> = vec![
        ("arcos_transactions", What::HtmlPage, 12),
        ("arcos_transactions", What::LfsPointer, 12),
        ("cdc_opioid_deaths_state", What::MissingFooter, 13),
        ("arcos_transactions", renamed(), 13),
        ("arcos_transactions", What::ExtraColumn { name: "NEW".to_owned() }, 13),
        ("fbi_city_offenses", What::CountyTable, 13),
        ("arcos_transactions", What::ZeroRows, 14),
    ];
    for (dataset, what, code) in cases {
        let folder = tempfile::tempdir().unwrap();
        let said = format!("{dataset}: {what:?}");
        let faults = vec![Fault { on: String::new(), times: None, what }];
        let replica = Replica::start_blocking(Options { faults, ..Options::default() }).unwrap();
        let output = tollhouse(folder.path(), &["run", dataset, &format!("--replica={}", replica.base())]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}\n{error}");
        assert!(error.contains("what next:"), "{said}\n{error}");
        assert!(!folder.path().join("snapshots").exists(), "{said}");
    }
}
