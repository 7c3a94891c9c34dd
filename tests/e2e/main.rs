//! End to end: the program, the replica and a warehouse in a temporary folder. Expected values are the publishers' own.

#![expect(clippy::unwrap_used, reason = "a test says no by panicking")]

mod arcos_releases;
mod arcos_sums;
mod bundles;
mod cms;
mod daemon;
mod dea;
mod demo;
mod erasure;
mod fbi;
mod figures;
mod history;
mod interrupted;
mod linkage;
mod masters;
mod models;
mod outliers;
mod replay;
mod report;
mod revisions;
mod soda;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use replica::{Edition, Fault, Options, Replica, What};

/// The program, on a root, from the project's folder.
fn command(root: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollhouse"));
    command
        .current_dir(Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../.."))
        .env_remove("TOLLHOUSE_CONFIG")
        .args(["--quiet", "--root"])
        .arg(root)
        .args(words);
    command
}

fn tollhouse(root: &Path, words: &[&str]) -> Output {
    command(root, words).output().unwrap()
}

/// Runs the program and wants it to succeed; its standard output comes back.
#[track_caller]
fn succeed(root: &Path, words: &[&str]) -> String {
    let output = tollhouse(root, words);
    assert!(output.status.success(), "{words:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Files below a folder with their bytes, by relative path; a killed writer's unfinished uploads (`name#1`) apart.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.to_string_lossy().contains('#') {
                found.push((path.strip_prefix(folder).unwrap().to_owned(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The only cell of an answer.
#[track_caller]
fn check(root: &Path, sql: &str, expected: &str) {
    let output = tollhouse(root, &["sql", "--format", "csv", sql]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().nth(1), Some(expected), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
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
    let rate_renamed =
        What::RenamedColumn { from: "Opioid Dispensing Rate per 100".to_owned(), to: "Opioid Rate".to_owned() };
    let cases: Vec<(&str, What, i32)> = vec![
        ("arcos_transactions", What::HtmlPage, 12),
        ("arcos_transactions", What::LfsPointer, 12),
        ("arcos_transactions", What::TruncatedGzip, 12),
        ("cdc_opioid_deaths_state", What::MissingFooter, 13),
        ("cdc_vsrr_state", What::HtmlPage, 12),
        ("cdc_opioid_dispensing_state", What::RenamedColumn { from: "YEAR".to_owned(), to: "ANNO".to_owned() }, 13),
        ("cdc_opioid_dispensing_state", What::HtmlPage, 12),
        ("cdc_opioid_dispensing_county", What::HtmlPage, 12),
        ("cdc_opioid_dispensing_county", What::ZeroRows, 14),
        ("cdc_opioid_dispensing_county", rate_renamed, 13),
        ("geo_population_county", What::ExtraColumn { name: "HOUSEHOLDS2016".to_owned() }, 13),
        ("fbi_city_offenses", What::HtmlPage, 12),
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

#[test]
fn a_new_edition_stands_beside_the_old_one_and_a_pin_keeps_the_past() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let options = Options { vsrr_edition: Edition::V2018, ..Options::default() };
    let replica = Replica::start_blocking(options).unwrap();
    let run = ["run", "cdc_vsrr_state", &format!("--replica={}", replica.base())];
    succeed(root, &run);
    succeed(root, &["pin", "add", "old"]);
    check(root, "select count(*) from cdc_vsrr_state", "8778");
    replica.set_vsrr_edition(Edition::V2019);
    succeed(root, &run);
    check(root, "select count(*) from history.cdc_vsrr_state", "22098");
    check(root, "select count(*) from cdc_vsrr_state where release = 'through-2018-09'", "13320");
    check(
        root,
        "select count(*) from (select period_end from cdc_vsrr_state group by period_end having count(distinct release) > 1)",
        "0",
    );
    let sql = "select count(*) from cdc_vsrr_state";
    assert!(succeed(root, &["sql", "--at", "old", "--format", "csv", sql]).contains("8778"));
}

#[test]
fn the_same_table_comes_from_the_portal_and_from_the_api() {
    let project = tempfile::tempdir().unwrap();
    let here = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
    for folder in ["pipelines", "warehouse"] {
        std::fs::create_dir(project.path().join(folder)).unwrap();
    }
    std::fs::copy(here.join("warehouse/columns.toml"), project.path().join("warehouse/columns.toml")).unwrap();
    let declared = std::fs::read_to_string(here.join("pipelines/cdc_vsrr_state.toml")).unwrap();
    let portal = declared.replace("format = \"json\"", "format = \"csv\"");
    assert_ne!(declared, portal);
    std::fs::write(project.path().join("pipelines/cdc_vsrr_state.toml"), portal).unwrap();

    let (api, csv) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    succeed(api.path(), &["run", "cdc_vsrr_state", "--replica"]);
    let other = project.path().to_str().unwrap();
    succeed(csv.path(), &["--project", other, "run", "cdc_vsrr_state", "--replica"]);
    let sql = "select * exclude (_capture, _record) from cdc_vsrr_state order by all";
    let table = |root: &Path| succeed(root, &["sql", "--format", "csv", sql]);
    assert_eq!(table(api.path()), table(csv.path()));
}

#[test]
fn plain_and_gzipped_text_give_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("project");
    let here = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
    std::fs::create_dir_all(project.join("pipelines")).unwrap();
    std::fs::create_dir_all(project.join("warehouse")).unwrap();
    std::fs::copy(here.join("warehouse/columns.toml"), project.join("warehouse/columns.toml")).unwrap();
    let declared = std::fs::read_to_string(here.join("pipelines/arcos_transactions.toml")).unwrap();
    let gzipped = declared.replace("itemized.tsv\"", "itemized.tsv.gz\"");
    assert_ne!(declared, gzipped);
    std::fs::write(project.join("pipelines/arcos_transactions.toml"), gzipped).unwrap();
    let (plain, gz) = (folder.path().join("plain"), folder.path().join("gz"));
    succeed(&plain, &["run", "arcos_transactions", "--replica"]);
    succeed(&gz, &["--project", project.to_str().unwrap(), "run", "arcos_transactions", "--replica"]);
    let sql = "select * exclude (_capture) from arcos_transactions order by all";
    let table = |root: &Path| succeed(root, &["sql", "--format", "csv", sql]);
    assert!(table(&plain) == table(&gz));
}

#[test]
fn runs_of_different_datasets_side_by_side_both_land() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let datasets = ["cdc_opioid_deaths_us", "cdc_opioid_deaths_state", "cdc_opioid_dispensing_state"];
    let runs = datasets.iter().map(|dataset| command(root, &["run", dataset, "--replica", "--json"]));
    let mut runs: Vec<_> = runs.map(|mut run| run.stdout(Stdio::null()).spawn().unwrap()).collect();
    for run in &mut runs {
        assert!(run.wait().unwrap().success());
    }
    succeed(root, &["snapshot", "verify"]);
    check(root, "select count(*) from meta.snapshots", "3");
    check(root, "select count(*) from cdc_opioid_deaths_state where drug = 'any_opioid'", "918");
    check(root, "select sum(deaths) from cdc_opioid_deaths_us where drug = 'any_opioid'", "351630");
    check(root, "select count(*) from cdc_opioid_dispensing_state", "918");
}

#[test]
fn live_data_and_the_replicas_never_share_a_root() {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), &["run", "cdc_opioid_deaths_us", "--replica"]);
    let output = tollhouse(folder.path(), &["run", "fbi_city_offenses", "--dry-run"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("holds the replica's data"), "{error}");
}

#[test]
fn terms_are_accepted_or_nothing_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let output = tollhouse(&folder.path().join("root"), &["run", "cdc_vsrr_state"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("data-use terms") && error.contains("accept_terms"), "{error}");
    assert!(!folder.path().join("root").exists());
}

#[test]
fn bad_files_are_refused_on_import_too() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let page = file("page.tsv", b"<!DOCTYPE html><html><body>moved</body></html>");
    let pointer = file("pointer.tsv", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    let gzip = file("cut.tsv.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1, 2, 3]);
    let other = file("other.csv", b"a,b\n1,2\n");
    let wide = file("wide.txt", b"\xff\xfea\0,\0b\0");
    for (path, code) in [(page, 12), (wide, 12), (pointer, 12), (gzip, 12), (other, 13)] {
        let output = tollhouse(&root, &["import", "arcos_transactions", &path]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{path}\n{error}");
        assert!(error.contains("what next:"), "{error}");
        assert!(!root.join("snapshots").exists());
    }
}

/// A body of the replica, as a file that a person could have saved.
fn saved(replica: &Replica, url: &str, to: &Path) -> String {
    use std::io::{Read as _, Write as _};
    let base = replica.base();
    let mut line = std::net::TcpStream::connect(base.trim_start_matches("http://")).unwrap();
    write!(line, "GET /{url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    line.read_to_end(&mut bytes).unwrap();
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    std::fs::write(to, &bytes[head..]).unwrap();
    to.to_str().unwrap().to_owned()
}

/// The configuration of somebody who has accepted the terms.
fn accepted(folder: &Path) -> String {
    let path = folder.join("tollhouse.toml");
    std::fs::write(&path, "accept_terms = [\"nchs\"]").unwrap();
    path.to_str().unwrap().to_owned()
}

const CIUS: &str = "ucr.fbi.gov/crime-in-the-u.s/2013/crime-in-the-u.s.-2013/tables/table-8/table_8_offenses_known_to_law_enforcement_by_state_by_city_2013.xls";
const TRANSCRIPTION: &str = "raw.githubusercontent.com/vishal-337/EPI_Project/411428facac5/data/raw/State_Opioid_Dispensing_Rates_2006_2018.csv";

#[test]
fn files_are_recognised_by_content_and_committed_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (root, config) = (folder.path().join("root"), accepted(folder.path()));
    let replica = Replica::start_blocking(Options::default()).unwrap();
    let save = |url: &str, name: &str| saved(&replica, url, &folder.path().join(name));
    let cities = save(CIUS, "one");
    let rates = save(TRANSCRIPTION, "two");
    let deaths = save("exports.invalid/wonder/D77/any-opioid-us-year-1999-2016.txt", "three");
    let provisional = save("data.cdc.gov/api/views/xkb8-kh2a/rows.csv?accessType=DOWNLOAD", "four");
    let bad = folder.path().join("bad");
    std::fs::write(&bad, "YEAR,STATE_NAME,STATE_ABBREV,STATE_FIPS,opioid_dispensing_rate,Surprise\n2006,a,AL,01,1,2\n")
        .unwrap();

    let files = [&cities, &rates, &deaths, &provisional].map(String::as_str);
    let with_bad = [&["--config", &config, "import"], &files[..], &[bad.to_str().unwrap()]].concat();
    assert_eq!(tollhouse(&root, &with_bad).status.code(), Some(13));
    assert!(!root.join("snapshots").exists());

    let good = [&["--config", &config, "import"], &files[..]].concat();
    succeed(&root, &good);
    check(&root, "select count(*) from meta.snapshots", "1");
    check(&root, "select distinct source_grade from cdc_opioid_dispensing_state", "secondary");
    check(&root, "select count(*) from fbi_city_offenses", "9292");
    let again = succeed(&root, &good);
    assert!(again.contains("Nothing was committed"), "{again}");
    check(&root, "select count(*) from meta.snapshots", "1");
}

#[test]
fn a_transcription_does_not_pass_for_the_publishers_file() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let replica = Replica::start_blocking(Options::default()).unwrap();
    let rates = saved(&replica, TRANSCRIPTION, &folder.path().join("rates.csv"));
    let output = tollhouse(&root, &["import", "cdc_opioid_dispensing_state", "--slice", "state-2019-2023", &rates]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(13), "{error}");
    assert!(error.contains("covers 2019-2023, and the file has 2006"), "{error}");
    assert!(!root.join("snapshots").exists());
}

/// The text of a page of the replica, as a browser copies it.
fn copied(html: &str) -> String {
    let cells = |line: &str| {
        let open = line.replace("<th>", "<td>").replace("</th>", "</td>");
        open.split("<td>").skip(1).map(|cell| cell.split("</td>").next().unwrap()).collect::<Vec<_>>().join("\t")
    };
    let title = html.split("<h1>").nth(1).unwrap().split("</h1>").next().unwrap();
    let rows = html.lines().filter(|line| line.contains("<tr>")).map(cells);
    [title.to_owned()].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_page_and_its_copied_text_say_the_same_and_are_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let replica = Replica::start_blocking(Options::default()).unwrap();
    let page = folder.path().join("saved");
    let page = saved(&replica, "www.cdc.gov/drugoverdose/rxrate-maps/county2017.html", &page);
    let text = folder.path().join("copied");
    // A page of a year that the pipeline lists nowhere: the heading says it.
    let later = folder.path().join("later");
    let copied = copied(&std::fs::read_to_string(&page).unwrap());
    std::fs::write(&text, &copied).unwrap();
    std::fs::write(&later, copied.replacen("2017", "2020", 1)).unwrap();
    succeed(&root, &["import", &page, text.to_str().unwrap(), later.to_str().unwrap()]);
    check(
        &root,
        "select string_agg(release || ' ' || year || ' ' || source_grade || ' ' || n, ', ' order by release, year) from (select release, year, source_grade, count(*) as n from history.cdc_opioid_dispensing_county group by all)",
        "\"page-text-2019-site 2017 secondary 2955, page-text-2019-site 2020 secondary 2955, pages-2019-site 2017 publisher 2955\"",
    );
    check(
        &root,
        "select count(*) from (select county_fips, county, prescriptions_per_100 from history.cdc_opioid_dispensing_county where year = 2017 group by all having count(*) <> 2)",
        "0",
    );
    let output =
        tollhouse(&root, &["import", "cdc_opioid_dispensing_county", "--slice", "county-2017", text.to_str().unwrap()]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(13), "{error}");
    assert!(error.contains("text copied from a page of the edition page-text-2019-site"), "{error}");
}

#[test]
fn tables_of_the_project_know_their_capture() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let run = ["run", "geo_counties", "geo_county_changes", "--replica"];
    succeed(root, &run);
    check(
        root,
        "select url from meta.captures where dataset = 'geo_counties'",
        "project:warehouse/reference/geo_counties.csv",
    );
    check(
        root,
        "select count(*) from geo_counties g join meta.captures c on c.sha256 = g._capture and c.via = 'project'",
        "3164",
    );
    succeed(root, &["snapshot", "verify"]);
    assert!(succeed(root, &run).contains("Nothing to commit"));
}

#[test]
fn what_is_refused_never_reaches_the_archive() {
    for what in [
        What::RenamedColumn { from: "BUYER_STATE".to_owned(), to: "BUYER_ST".to_owned() },
        What::ExtraColumn { name: "NEW".to_owned() },
        What::HtmlPage,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let faults = vec![Fault { on: String::new(), times: None, what }];
        let replica = Replica::start_blocking(Options { faults, ..Options::default() }).unwrap();
        tollhouse(folder.path(), &["run", "arcos_transactions", &format!("--replica={}", replica.base())]);
        assert!(!folder.path().join("raw").exists());
        let receipts = files(&folder.path().join("exchanges"));
        assert_eq!(receipts.len(), 1);
        assert!(String::from_utf8_lossy(&receipts[0].1).contains("\"refused\": \""));
    }
}

#[test]
fn a_publisher_that_asks_us_to_wait_for_an_hour_is_asked_once() {
    let folder = tempfile::tempdir().unwrap();
    let faults = vec![Fault { on: String::new(), times: None, what: What::RetryAfter { code: 429, seconds: 3600 } }];
    let replica = Replica::start_blocking(Options { faults, ..Options::default() }).unwrap();
    let output = tollhouse(folder.path(), &["run", "arcos_transactions", &format!("--replica={}", replica.base())]);
    assert_eq!(output.status.code(), Some(10));
    // The file's host, and the one of the service that may stand in for it.
    let hosts: Vec<String> = replica.requests().into_iter().map(|seen| seen.host).collect();
    assert_eq!(hosts, ["wp-stat.s3.amazonaws.com", "ne.washingtonpost.com"]);
}

#[test]
fn a_damaged_capture_is_fetched_afresh_and_never_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    succeed(root, &["run", "cdc_opioid_deaths_us", "--replica"]);
    let (path, bytes) = files(&root.join("raw")).remove(0);
    let text = String::from_utf8(bytes).unwrap();
    std::fs::write(root.join("raw").join(&path), text.replacen("8050", "9050", 1)).unwrap();
    assert_eq!(tollhouse(root, &["snapshot", "verify"]).status.code(), Some(1));
    succeed(root, &["run", "cdc_opioid_deaths_us", "--replica"]);
    succeed(root, &["snapshot", "verify"]);
    check(root, "select deaths from cdc_opioid_deaths_us where drug = 'any_opioid' and year = 1999", "8050");
}

#[test]
fn crude_rates_of_suppressed_counts_have_bounds() {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), &["run", "cdc_opioid_deaths_state", "--replica"]);
    let rows = "from cdc_opioid_deaths_state where drug = 'any_opioid' and deaths_status = 'suppressed'";
    check(
        folder.path(),
        &format!("select count(*) {rows} and crude_rate_per_100k is null and crude_rate_per_100k_low = 0"),
        "16",
    );
    // Alaska 2002: nine deaths at most among the 642,337 residents that WONDER ships: 900,000 / 642,337 = 1.40113367…
    check(
        folder.path(),
        &format!("select crude_rate_per_100k_high {rows} and state_fips = '02' and year = 2002"),
        "1.401133673",
    );
}

#[test]
fn a_dry_run_makes_no_warehouse() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let text = succeed(&root, &["run", "cdc_opioid_deaths_us", "--replica", "--dry-run"]);
    assert!(text.contains("Dry run"), "{text}");
    assert!(!root.exists());
}

#[test]
fn a_probe_compares_shapes_and_says_what_moved() {
    let folder = tempfile::tempdir().unwrap();
    let replica = Replica::start_blocking(Options::default()).unwrap();
    let lines = succeed(folder.path(), &["probe", "--replica", &replica.base(), "--json"]);
    let answers = lines.matches("\"answer\"").count();
    assert_eq!(lines.matches("\"as declared\"").count(), answers, "{lines}");
    assert!(answers >= 18, "{lines}");

    let what = What::ExtraColumn { name: "NEW".to_owned() };
    replica.set_faults(vec![Fault { on: "arcos".to_owned(), times: None, what }]);
    let output = tollhouse(folder.path(), &["probe", "arcos_transactions", "--replica", &replica.base()]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("changed") && text.contains("NEW"), "{text}");
    drop(replica);
    let gone = tollhouse(folder.path(), &["probe", "arcos_transactions", "--replica", "http://127.0.0.1:9"]);
    assert_eq!(gone.status.code(), Some(10));
    let stranger = tollhouse(folder.path(), &["probe", "arcos_transactions", "--replica", "http://192.0.2.1:80"]);
    assert_eq!(stranger.status.code(), Some(2));
    // Nothing of a probe is kept.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
