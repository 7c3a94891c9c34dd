//! data.cdc.gov going wrong in every way that we know of: a run ends in exactly the right rows, or in the right error, and
//! never in a gap.

use super::*;

const DATASET: &str = "cdc_leading_causes_state";
/// Everything but where a row was read.
const ROWS: &str = "select * exclude (_capture, _record) from cdc_leading_causes_state order by all";

/// How a run must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// In all rows.
    Whole,
    /// In all rows, read from the portal's CSV.
    OtherWay,
    /// In this exit code and these words, with nothing committed.
    Error(i32, &'static str),
}
use End::{Error, OtherWay, Whole};

fn rows(root: &Path) -> String {
    succeed(root, &["sql", "--format", "csv", ROWS])
}

/// The rows of a run without faults.
fn faultless() -> String {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), &["run", DATASET, "--replica"]);
    check(folder.path(), "select count(*) from cdc_leading_causes_state", "10296");
    rows(folder.path())
}

fn check_end(faults: Vec<Fault>, end: End, whole: &str) {
    let said = format!("{faults:?}");
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let replica = Replica::start_blocking(Options { faults, ..Options::default() }).unwrap();
    let mut run = command(root, &["run", DATASET, &format!("--replica={}", replica.base())]);
    let output = run.env("TOLLHOUSE_LOG", "warn").output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    if let Error(code, words) = end {
        assert_eq!(output.status.code(), Some(code), "{said}\n{error}");
        assert!(error.contains(words) && error.contains("what next:"), "{said}\n{error}");
        assert!(!root.join("snapshots").exists(), "{said}");
        return;
    }
    assert!(output.status.success(), "{said}\n{error}");
    assert!(rows(root) == whole, "{said}: other rows");
    let certificate = succeed(root, &["snapshot", "show", "1"]);
    assert_eq!(
        certificate.contains("not as declared, but from https://data.cdc.gov/api/views/"),
        end == OtherWay,
        "{said}"
    );
    assert_eq!(error.contains("reading the slice another way"), end == OtherWay, "{said}\n{error}");
    let noted = "select count(*) from cdc_leading_causes_state_notes where note_label = 'way'";
    check(root, noted, if end == OtherWay { "1" } else { "0" });
}

fn status(code: u16, kind: &str, body: &str) -> What {
    What::Status { code, headers: [("content-type".to_owned(), kind.to_owned())].into(), body: body.to_owned() }
}

const JSON: &str = "application/json;charset=utf-8";
const LOGIN: &str = r#"{"message":"You must be logged in to access this resource","error":true}"#;
const GONE: &str = r#"{"code":"dataset.missing","error":true,"message":"Not found","data":{"id":"bi63-dtpu"}}"#;
const OOPS: &str = "<html><body><h1>500 Internal Server Error</h1></body></html>";

/// What is spoilt: rows and counts, everything, the second page, the last page, the other way.
const API: &str = "/resource/";
const ALL: &str = "";
const SECOND: &str = "$offset=5000&";
const LAST: &str = "$offset=10000&";
const PORTAL: &str = "rows.csv";

#[test]
fn whatever_the_api_does_there_is_no_gap() {
    let name = |text: &str| text.to_owned();
    let hour = || What::RetryAfter { code: 429, seconds: 3600 };
    let cases: Vec<(&str, Option<u32>, What, End)> = vec![
        // A table that is replaced while it is read is read again, and again; then we give up.
        (SECOND, Some(1), What::MovedTruth, Whole),
        (LAST, Some(1), What::MovedTruth, Whole),
        ("count(*)", Some(1), What::MovedTruth, Whole),
        (ALL, None, What::MovedTruth, Error(10, "the truth moved while we were reading")),
        ("/api/views/bi63-dtpu.json", None, What::MovedTruth, Error(10, "rows or columns were updated meanwhile")),
        (SECOND, Some(1), What::DuplicatePage, Whole),
        (SECOND, None, What::DuplicatePage, Error(10, "a page that had come before")),
        (LAST, Some(1), What::ShortPage, Whole),
        (LAST, None, What::ShortPage, Error(10, "10148 rows came, and it counted 10296 before and 10296")),
        ("$offset=0&", None, What::ShortPage, Error(10, "2500 rows came, and it counted 10296")),
        // Patience, and then the other way.
        (API, Some(2), status(202, JSON, "{}"), Whole),
        (API, None, status(202, JSON, "{}"), OtherWay),
        (API, Some(2), status(429, "text/plain", "Too many requests"), Whole),
        (API, None, status(429, "text/plain", "Too many requests"), OtherWay),
        (API, Some(1), What::RetryAfter { code: 429, seconds: 1 }, Whole),
        (API, None, hour(), OtherWay),
        (SECOND, Some(2), status(500, "text/html", OOPS), Whole),
        (SECOND, None, status(500, "text/html", OOPS), OtherWay),
        (SECOND, Some(1), What::CutBody { after: 1000 }, Whole),
        (SECOND, None, What::CutBody { after: 1000 }, OtherWay),
        (LAST, Some(1), What::DropConnection, Whole),
        (LAST, None, What::DropConnection, OtherWay),
        (ALL, None, hour(), Error(10, "asks us to wait 3600 s")),
        (ALL, None, status(500, "text/html", OOPS), Error(10, "could not be fetched in 4 attempts")),
        // Refusals, in both shapes.
        (API, None, status(403, JSON, LOGIN), OtherWay),
        (API, None, status(200, JSON, LOGIN), OtherWay),
        (API, None, status(404, JSON, GONE), OtherWay),
        (SECOND, None, status(410, "text/html", OOPS), OtherWay),
        ("bi63-dtpu.json", None, status(403, JSON, LOGIN), OtherWay),
        (ALL, None, status(404, JSON, GONE), Error(11, "Not found")),
        // Columns.
        (ALL, None, What::RenamedColumn { from: name("deaths"), to: name("dead") }, Error(13, "`dead`")),
        (API, None, What::RenamedColumn { from: name("deaths"), to: name("dead") }, Error(13, "row 1 has `dead`")),
        (ALL, None, What::ExtraColumn { name: name("more") }, Error(13, "headers that nothing maps: `more`")),
        (API, None, What::ExtraColumn { name: name("more") }, Error(13, "row 1 has `more`")),
        (ALL, None, What::VanishedColumn { name: name("deaths") }, Error(13, "no header for `deaths`")),
        (API, None, What::VanishedColumn { name: name("deaths") }, Error(13, "no row has `deaths`")),
        // Other bodies.
        (API, None, What::WithBom, Whole),
        ("/api/views/", None, What::WithBom, Whole),
        (API, None, What::HtmlPage, Error(12, "an HTML page")),
        (SECOND, None, What::TruncatedGzip, Error(12, "cut short")),
        (ALL, None, What::ZeroRows, Error(14, "holds no rows")),
        (SECOND, None, What::ZeroRows, Error(10, "5000 rows came, and it counted 10296")),
    ];
    let whole = faultless();
    for (on, times, what, end) in cases {
        check_end(vec![Fault { on: on.to_owned(), times, what }], end, &whole);
    }
}

#[test]
fn whatever_the_portals_csv_does_there_is_no_gap() {
    let name = |text: &str| text.to_owned();
    let years = || What::Separators { except: vec![name("Year")] };
    let cases: Vec<(Option<u32>, What, End)> = vec![
        (None, What::WithBom, OtherWay),
        (None, years(), OtherWay),
        (None, What::Separators { except: Vec::new() }, Error(14, "year `2,016` is not a year")),
        (Some(1), What::CutBody { after: 5000 }, OtherWay),
        (None, What::CutBody { after: 5000 }, Error(10, "could not be fetched")),
        (Some(2), status(429, "text/plain", "Too many requests"), OtherWay),
        (None, What::TruncatedGzip, Error(12, "")),
        (None, What::ZeroRows, Error(10, "the CSV has 0 rows, and its metadata speak of 10296")),
        (None, What::HtmlPage, Error(12, "an HTML page")),
        (None, What::RenamedColumn { from: name("Deaths"), to: name("Dead") }, Error(13, "`Dead`")),
        (None, What::ExtraColumn { name: name("More") }, Error(13, "headers that nothing maps: `More`")),
        (None, What::VanishedColumn { name: name("Deaths") }, Error(13, "no header for `deaths`")),
        (None, status(404, "text/html", OOPS), Error(11, "The other way failed too")),
    ];
    let whole = faultless();
    for (times, what, end) in cases {
        let refused = Fault { on: API.to_owned(), times: None, what: status(403, JSON, LOGIN) };
        check_end(vec![Fault { on: PORTAL.to_owned(), times, what }, refused], end, &whole);
    }
}

/// Saves the portal's CSV of a table, changed.
fn portal(replica: &Replica, folder: &Path, id: &str, change: &dyn Fn(&str) -> String) -> String {
    let path = folder.join(format!("{id}.csv"));
    let saved = saved(replica, &format!("data.cdc.gov/api/views/{id}/rows.csv?accessType=DOWNLOAD"), &path);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, change(&text)).unwrap();
    saved
}

#[test]
fn editions_are_told_apart_by_their_headers_and_years() {
    let folder = tempfile::tempdir().unwrap();
    let (root, config) = (folder.path().join("root"), accepted(folder.path()));
    let replica = Replica::start_blocking(Options::default()).unwrap();
    let save = |id: &str| portal(&replica, folder.path(), id, &str::to_owned);
    let files = ["jx6g-fdh6", "xbxb-epbu", "44rk-q6r2", "p56q-jrxg", "pbkm-d27e"].map(save);
    let words = [&["--config", &config, "import"], &files.each_ref().map(String::as_str)[..]].concat();
    succeed(&root, &words);
    for (release, rows) in [("1999-2015", "2703"), ("1999-2016", "2862"), ("1999-2017", "3021")] {
        let sql = format!("select count(*) from history.cdc_drug_poisoning_state where release = '{release}'");
        check(&root, &sql, rows);
    }
    check(&root, "select count(*) from history.cdc_drug_poisoning_county_binned where release = '1999-2016'", "56448");
    check(
        &root,
        "select count(distinct deaths) || ' ' || max(deaths) from history.cdc_drug_poisoning_state \
         where state_fips is null and year = 2015 and sex = 'Both Sexes' and age_group = 'All Ages' \
         and race_hispanic_origin like 'All%'",
        "1 52404",
    );

    let other = tempfile::tempdir().unwrap();
    let without_2017 = |text: &str| {
        text.lines().filter(|line| !line.contains(",2017,")).fold(String::new(), |all, line| all + line + "\n")
    };
    let cut = portal(&replica, other.path(), "44rk-q6r2", &without_2017);
    let output = tollhouse(&other.path().join("root"), &["--config", &config, "import", &cut]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(13), "{error}");
    assert!(error.contains("44rk-q6r2 is the edition of 1999-2017, and its `year` covers 1999-2016"), "{error}");
}

#[test]
fn an_extract_of_one_indicator_does_not_pass_for_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let (root, config) = (folder.path().join("root"), accepted(folder.path()));
    let refused = |file: &str| {
        let output = tollhouse(&root, &["--config", &config, "import", "cdc_vsrr_state", file]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(14), "{error}");
        assert!(error.contains("`indicator` has 1 different values, and at least 10 are expected"), "{error}");
        assert!(!root.join("snapshots").exists());
    };
    let replica = Replica::start_blocking(Options::default()).unwrap();
    let one = |text: &str| {
        let kept = |line: &&str| line.contains("Data Value") || line.contains(",Number of Drug Overdose Deaths,");
        text.lines().filter(kept).fold(String::new(), |all, line| all + line + "\n")
    };
    refused(&portal(&replica, folder.path(), "xkb8-kh2a", &one));
    if let Some(captures) = std::env::var_os("TOLLHOUSE_CAPTURES") {
        let reduced = "cdc/socrata_vsrr/fentanyl-awareness_2026_VSRR_soda_subset.csv";
        refused(PathBuf::from(captures).join(reduced).to_str().unwrap());
    }
}

#[test]
fn an_application_token_is_written_down_nowhere() {
    const CANARY: &str = "c4n4ry-t0ken-0f-the-t3st";
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let replica = Replica::start_blocking(Options::default()).unwrap();
    let config = folder.path().join("tollhouse.toml");
    let text = format!("accept_terms = [\"nchs\"]\n[hosts]\n\"data.cdc.gov\" = \"{}/data.cdc.gov\"\n", replica.base());
    std::fs::write(&config, text).unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, format!("{CANARY}\n")).unwrap();
    let run = |dataset: &str, variable: &str, value: &str| {
        let mut command = command(&root, &["--config", config.to_str().unwrap(), "run", dataset]);
        command.env("TOLLHOUSE_LOG", "trace").env(variable, value).output().unwrap()
    };
    let mut outputs = vec![run(DATASET, "TOLLHOUSE_SOCRATA_APP_TOKEN_FILE", key.to_str().unwrap())];
    assert!(outputs[0].status.success(), "{}", String::from_utf8_lossy(&outputs[0].stderr));
    replica.set_faults(vec![Fault { on: String::new(), times: None, what: status(403, JSON, LOGIN) }]);
    outputs.push(run("cdc_vsrr_county", "TOLLHOUSE_SOCRATA_APP_TOKEN", CANARY));
    assert_eq!(outputs[1].status.code(), Some(11));
    let holds = |bytes: &[u8]| bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
    for output in &outputs {
        assert!(!holds(&output.stdout) && !holds(&output.stderr));
    }
    let stored = files(&root);
    assert!(stored.len() > 10);
    for (path, bytes) in stored {
        assert!(!holds(&bytes), "{}", path.display());
    }
}
