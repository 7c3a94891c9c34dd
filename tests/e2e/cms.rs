//! Medicare Part D: what is withheld, who is masked, an API that goes wrong, and the mapping tool's figures. The rows of
//! data.cms.gov are invented, and counted here with another program; the mapping tool's are the publisher's.

use std::path::{Path, PathBuf};

use replica::{Fault, Options, Replica, What};

use crate::{check, command, files, succeed, tollhouse};

const PRESCRIBERS: &str = "cms_partd_prescriber_drug";

#[test]
fn what_is_withheld_is_no_zero_and_nobody_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    succeed(root, &["run", PRESCRIBERS, "cms_partd_geography_drug", "--replica"]);
    let prescribers = |what: &str| format!("select {what} from cms_partd_prescriber_drug");
    check(root, &prescribers("count(*) || ' ' || sum(claims)"), "108 5976");
    check(root, &prescribers("count(distinct year) || ' ' || count(distinct release)"), "12 12");
    check(
        root,
        &prescribers("count(*) || ' ' || sum(beneficiaries_low) || ' ' || sum(beneficiaries_high)")
            .replace("drug", "drug where beneficiaries is null and beneficiaries_status = 'suppressed'"),
        "36 36 360",
    );
    let flagged = |status: &str| prescribers("count(*)") + &format!(" where claims_65_plus_status = '{status}'");
    check(root, &flagged("not_shown"), "36");
    check(root, &(flagged("not_shown") + " and claims_65_plus is null and claims_65_plus_high is null"), "36");
    check(root, &(flagged("suppressed") + " and claims_65_plus_low = 1 and claims_65_plus_high = 10"), "36");
    let named = "npi is not null or prescriber_name is not null or prescriber_first_name is not null or prescriber_city is not null";
    check(root, &(prescribers("count(*)") + " where " + named), "0");
    for (path, bytes) in files(root).into_iter().filter(|(path, _)| !path.starts_with("raw")) {
        let holds = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
        assert!(!holds(b"Nobody0") && !holds(b"0000000000\""), "{}", path.display());
    }

    let places = |what: &str| format!("select {what} from cms_partd_geography_drug");
    check(root, &places("count(*) || ' ' || sum(claims)"), "108 4182");
    check(root, &(places("sum(claims)") + " where opioid_drug = 'Y'"), "2772");
    check(root, "select count(*) || ' ' || sum(claims) from cms_partd_geography_drug_totals", "36 4542");
    check(root, &(places("count(*)") + " where state_fips is null and geography = 'Foreign Country'"), "36");
    check(
        root,
        "select count(*) from cms_partd_prescriber_drug_notes where note_label = 'latest' and note_text like '%9552739e-%: 2024'",
        "12",
    );
    let answer = succeed(root, &["--json", "datasets"]);
    assert!(answer.contains("cms_opioid_prescribing_zip"));
    check(root, "select count(*) from meta.licences where disclosure = 'cms' and dataset like 'cms_partd%'", "2");
}

/// A project in which the prescribers of 2023 alone come in pages of two rows.
fn in_pages_of_two(folder: &Path) -> PathBuf {
    let project = folder.join("project");
    let here = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
    std::fs::create_dir_all(project.join("pipelines")).unwrap();
    std::fs::create_dir_all(project.join("warehouse")).unwrap();
    std::fs::copy(here.join("warehouse/columns.toml"), project.join("warehouse/columns.toml")).unwrap();
    let declared = std::fs::read_to_string(here.join("pipelines/cms_partd_prescriber_drug.toml")).unwrap();
    let mut kept = String::new();
    for (number, part) in declared.split("[[source.tables]]\n").enumerate() {
        match part.split_once("\n[[column]]") {
            // The last year stands before the columns.
            Some((_, columns)) if number > 0 => kept += &format!("[[column]]{columns}"),
            _ if number == 0 => kept += part,
            _ if part.starts_with("year = 2023") => kept += &format!("[[source.tables]]\n{part}\n"),
            _ => {}
        }
    }
    let kept = kept.replace("only      =", "page_size = 2\nonly      =");
    std::fs::write(project.join("pipelines/cms_partd_prescriber_drug.toml"), kept).unwrap();
    project
}

/// What is spoilt, how often and how, and how the run must end.
type Case = (&'static str, Option<u32>, What, End);

/// The exit code and words of an error; none where the run brings all rows.
type End = Option<(i32, &'static str)>;

/// How a run must end: in all nine rows, or in this exit code and these words with nothing committed.
fn check_end(on: &str, times: Option<u32>, what: What, error: End) {
    let folder = tempfile::tempdir().unwrap();
    let (root, project) = (folder.path().join("root"), in_pages_of_two(folder.path()));
    let said = format!("{on} {times:?} {what:?}");
    let faults = vec![Fault { on: on.to_owned(), times, what }];
    let replica = Replica::start_blocking(Options { faults, ..Options::default() }).unwrap();
    let words = ["--project", project.to_str().unwrap(), "run", PRESCRIBERS, &format!("--replica={}", replica.base())];
    let output = tollhouse(&root, &words);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let Some((code, words)) = error else {
        assert!(output.status.success(), "{said}\n{told}");
        check(&root, "select count(*) || ' ' || sum(claims) from cms_partd_prescriber_drug", "9 504");
        return;
    };
    assert_eq!(output.status.code(), Some(code), "{said}\n{told}");
    assert!(told.contains(words) && told.contains("what next:"), "{said}\n{told}");
    assert!(!root.join("snapshots").exists(), "{said}");
}

#[test]
fn whatever_the_api_does_there_is_no_gap() {
    let text = |text: &str| What::ReplaceText { text: text.to_owned() };
    let name = |name: &str| name.to_owned();
    let moved = "the truth moved while we were reading";
    let second = "offset=2&";
    let cases: Vec<Case> = vec![
        ("nothing", None, What::ShortPage, None),
        // A short page in the middle looks like the last one.
        (second, Some(1), What::ShortPage, None),
        (second, None, What::ShortPage, Some((10, "3 rows came, and it counted 9 before and 9"))),
        (second, Some(1), What::DuplicatePage, None),
        (second, None, What::DuplicatePage, Some((10, "had come before"))),
        ("data.json", Some(1), What::MovedTruth, None),
        ("data.json", None, What::MovedTruth, Some((10, moved))),
        ("/stats", Some(1), text(r#"{"found_rows":8}"#), None),
        ("/stats", None, text(r#"{"found_rows":8}"#), Some((10, "9 rows came, and it counted 8 before and 8"))),
        ("/stats", None, text("{}"), Some((13, "`found_rows`"))),
        (second, Some(1), What::CutBody { after: 100 }, None),
        (second, None, What::HtmlPage, Some((12, "an HTML page"))),
        (second, None, text("[]"), Some((10, "2 rows came, and it counted 9"))),
        (second, None, text(r#"{"message":"no"}"#), Some((13, "not a list of rows"))),
        ("data.json", None, text(r#"{"dataset":[]}"#), Some((13, "no rows of a dataset with the title"))),
        ("size=", None, What::ExtraColumn { name: name("Prscrbr_Twitter") }, Some((13, "`Prscrbr_Twitter`"))),
        (second, None, What::VanishedColumn { name: name("Tot_Benes") }, Some((13, "`beneficiaries`"))),
        ("size=", None, What::VanishedColumn { name: name("Tot_Benes") }, Some((13, "`beneficiaries`"))),
    ];
    for (on, times, what, error) in cases {
        check_end(on, times, what, error);
    }
}

#[test]
fn an_identifier_that_stands_for_another_year_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (root, project) = (folder.path().join("root"), in_pages_of_two(folder.path()));
    let path = project.join("pipelines/cms_partd_prescriber_drug.toml");
    let declared = std::fs::read_to_string(&path).unwrap();
    let run = |id: &str| {
        std::fs::write(&path, declared.replace("e54db557-cd82-4e91-a0fe-61aad5865d69", id)).unwrap();
        let output = tollhouse(&root, &["--project", project.to_str().unwrap(), "run", PRESCRIBERS, "--replica"]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(13), "{error}");
        assert!(!root.join("snapshots").exists());
        error
    };
    let error = run("9552739e-3d05-4c1b-8eff-ecabf391e2e5");
    assert!(error.contains("is what it calls `latest`, now of 2024, and is declared as 2023"), "{error}");
    let error = run("d5aa71a8-dcc0-4570-8bcf-bd39deac69fe");
    assert!(error.contains("is of 2024, and is declared as 2023"), "{error}");
    let error = run("00000000-0000-0000-0000-000000000000");
    assert!(error.contains("2023 is at https://data.cms.gov/data-api/v1/dataset/e54db557-"), "{error}");
}

#[test]
fn the_csv_of_a_year_comes_by_import_once_its_year_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let config = folder.path().join("tollhouse.toml");
    let file = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap())
        .join("../../tests/fixtures/cms_partd_prescriber_drug/2013-prscrbr-npi-thousands-crlf.csv");
    let import = |terms: &str, more: &[&str]| {
        std::fs::write(&config, format!("accept_terms = [\"{terms}\"]")).unwrap();
        let words = ["--config", config.to_str().unwrap(), "import", PRESCRIBERS, file.to_str().unwrap()];
        let output = command(&root, &[&words[..], more].concat()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, error) = import("nchs", &["--slice", "2013"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("comes under the `cms` data-use terms"), "{error}");
    let (code, error) = import("cms", &[]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("does not say of which year") && error.contains("--slice"), "{error}");
    let (code, error) = import("cms", &["--slice", "2013"]);
    assert_eq!(code, Some(0), "{error}");
    check(
        &root,
        "select string_agg(claims, ' ' order by claims) from cms_partd_prescriber_drug where year = 2013",
        "13 1234",
    );
    check(&root, "select count(*) from cms_partd_prescriber_drug where npi is not null", "0");
}

/// The publisher's control totals.
#[test]
fn the_mapping_tool_says_what_the_publisher_says() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    succeed(root, &["run", "cms_opioid_prescribing_state", "cms_opioid_prescribing_county", "--replica"]);
    for (year, opioids, all) in [
        (2013, "78045683", "1342096654"),
        (2014, "79645620", "1386374879"),
        (2015, "78372855", "1418618875"),
        (2016, "77716608", "1452978228"),
    ] {
        let sums =
            |table: &str| format!("select sum(opioid_claims) || ' ' || sum(claims) from {table} where year = {year}");
        check(root, &sums("cms_opioid_prescribing_state"), &format!("{opioids} {all}"));
        check(root, &sums("cms_opioid_prescribing_state_totals"), &format!("{opioids} {all}"));
    }
    check(
        root,
        "select prescribers || ' ' || opioid_prescribing_rate from cms_opioid_prescribing_state_totals where year = 2013",
        "1037770 5.82",
    );
    check(root, "select count(*) from cms_opioid_prescribing_state where year = 2013", "51");
    check(
        root,
        "select count(*) || ' ' || count(opioid_prescribers) from cms_opioid_prescribing_state where year = 2016",
        "51 10",
    );
    check(root, "select opioid_prescribers from cms_opioid_prescribing_state_totals where year = 2016", "496350");
    let of_2013 = "from cms_opioid_prescribing_county where year = 2013";
    check(root, &format!("select count(*) || ' ' || sum(opioid_claims) {of_2013}"), "3085 77170713");
    check(root, &format!("select count(*) {of_2013} and opioid_claims_status = 'not_shown'"), "6");
    check(
        root,
        "select count(distinct source_grade) || min(source_grade) from cms_opioid_prescribing_county",
        "1secondary",
    );
}
