//! The FBI's master files, through signed links and by import: rows, refusals, and nothing of a signature anywhere.

use replica::{Fault, Options, Replica, What, masters};

use crate::{check, files, succeed, tollhouse};

const DATASETS: [&str; 5] =
    ["fbi_return_a_month", "fbi_return_a_cards", "fbi_homicides", "fbi_homicide_victims", "fbi_homicide_offenders"];

/// What the replica's links hold besides an address.
const SECRETS: [&str; 2] = ["REPLICA0CREDENTIAL00", "5ec2e75ec2e7"];

fn replica(faults: Vec<Fault>) -> Replica {
    Replica::start_blocking(Options { faults, ..Options::default() }).unwrap()
}

#[track_caller]
fn check_no_secrets(root: &std::path::Path, said: &[u8]) {
    let holds = |bytes: &[u8]| SECRETS.iter().any(|secret| bytes.windows(secret.len()).any(|w| w == secret.as_bytes()));
    for (path, bytes) in files(root) {
        assert!(!holds(&bytes), "{}", path.display());
    }
    assert!(!holds(said), "{}", String::from_utf8_lossy(said));
}

/// Sums of the replica's invented records, added up by hand from the table that they are printed from.
#[test]
fn master_files_are_fetched_through_links_and_say_who_reported() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let replica = replica(Vec::new());
    let base = format!("--replica={}", replica.base());
    let run: Vec<&str> = ["run"].into_iter().chain(DATASETS).chain([base.as_str()]).collect();
    let output = crate::command(root, &run).env("TOLLHOUSE_LOG", "debug").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    check_no_secrets(root, &[output.stdout, output.stderr].concat());
    let seen = replica.requests();
    assert!(seen.iter().all(|seen| seen.method == "GET"));
    let links = seen.iter().filter(|seen| seen.path == "/LATEST/s3/signedurl").count();
    assert_eq!((links, seen.len()), (7, 14));

    for (sql, expected) in [
        ("select count(*) || ' ' || count(distinct ori) from fbi_return_a_month where year = 2016", "72 6"),
        ("select count(*) || ' ' || max(agency_record) from fbi_return_a_month where year = 2018", "84 2"),
        ("select count(*) from fbi_return_a_cards", "624"),
        (
            "select string_agg(distinct release, ' ' order by release) || ' ' || min(state_fips) from fbi_return_a_month",
            "reta-2016 reta-2018 41",
        ),
        // A later unfounding, a month that is zero, and months of which nothing is known.
        (
            "select string_agg(coalesce(cast(murder as varchar), '?'), ' ' order by month) from fbi_return_a_month where year = 2016 and ori = 'OR9990100'",
            "1 0 2 0 1 0 -1 3 0 1 0 2",
        ),
        (
            "select string_agg(coalesce(cast(murder as varchar), left(month_status, 3)), ' ' order by month) from fbi_return_a_month where year = 2016 and ori = 'OR9990200'",
            "inc inc 0 inc inc 1 inc inc 0 inc inc 2",
        ),
        (
            "select string_agg(coalesce(cast(murder as varchar), left(month_status, 3)), ' ' order by month) from fbi_return_a_month where year = 2018 and ori = 'OR9990300'",
            "0 0 1 0 0 not not not not not not not",
        ),
        (
            "select count(rape_by_force) || ' ' || count(rape) from fbi_return_a_month where year = 2016 and ori = 'VT9990100'",
            "0 12",
        ),
        (
            "select max(population) || ' ' || max(covered_by_ori) from fbi_return_a_month where agency_name in ('INVENTED COUNTY', 'INVENTED CAMPUS')",
            "42500 OR9990100",
        ),
        // Coverage beside the sums.
        (
            "select agencies || ' ' || agencies_covered_by_others || ' ' || agencies_complete || ' ' || agency_months_possible || ' ' || agency_months_reported || ' ' || agency_months_included_elsewhere || ' ' || agency_months_received || ' ' || population || ' ' || population_complete || ' ' || murder from fbi_coverage_state_year where state_fips = '41' and year = 2016",
            "3 1 2 36 21 8 29 170500 162500 13",
        ),
        (
            "select string_agg(agencies || ' ' || agency_months_received || ' of ' || agency_months_possible || ' ' || murder || ' ' || coalesce(cast(aggravated_assault as varchar), '?'), ' / ' order by year) from fbi_coverage_state_year where state_fips = '50'",
            "2 12 of 24 1 ? / 2 12 of 24 1 360",
        ),
        (
            "select require_coverage(murder, agency_months_received, agency_months_possible, 0.8) from fbi_coverage_state_year where state_fips = '41' and year = 2016",
            "13",
        ),
        (
            "select coverage_note(agency_months_received, agency_months_possible, 0.9) from fbi_coverage_state_year where state_fips = '41' and year = 2016",
            "only 29 of 36 received (80 %)",
        ),
        // Homicides.
        (
            "select sum(victims) filter (is_murder) || ' ' || sum(victims) filter (is_murder and firearm) || ' ' || count(*) filter (is_justifiable) || ' ' || count(*) filter (homicide_type = 'B') || ' ' || count(*) from fbi_homicides where year = 2015",
            "25 20 2 1 15",
        ),
        ("select count(*) filter (is_murder) || ' ' || count(*) from fbi_homicide_victims", "25 28"),
        ("select count(*) || ' ' || count(*) filter (firearm) from fbi_homicide_offenders", "17 11"),
        (
            "select string_agg(incident_number || ' ' || incident_record || ' ' || possible_resubmission, ' / ' order by month, incident_number, incident_record) from fbi_homicides where month in (date '2015-08-01', date '2015-09-01')",
            "001 1 false / 002 1 true / 001 1 false / 001 2 false",
        ),
        ("select string_agg(distinct state_fips, ' ' order by state_fips) from fbi_homicides", "41 50"),
        (
            "select count(*) from fbi_homicides_notes where note_text like 'SHR2015.DAT, % bytes, of 1980-01-01%deflated'",
            "1",
        ),
    ] {
        check(root, sql, expected);
    }
    let refused = tollhouse(
        root,
        &[
            "sql",
            "select require_coverage(murder, agency_months_received, agency_months_possible, 0.9) from fbi_coverage_state_year where state_fips = '41' and year = 2016",
        ],
    );
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && error.contains("29 of 36 were received"), "{error}");

    // The same again is nothing new, though every link is.
    let again = tollhouse(root, &run);
    assert!(String::from_utf8_lossy(&again.stdout).contains("Nothing to commit"));
    check_no_secrets(root, &again.stderr);
}

#[test]
fn a_link_that_leads_nowhere_commits_nothing() {
    let spoilt = |on: &str, times: Option<u32>, what: What| vec![Fault { on: on.to_owned(), times, what }];
    for (faults, code, words) in [
        (spoilt("signedurl", None, What::UnknownKey), 11, "no file under this key"),
        (
            spoilt("signedurl", None, What::ForeignLink { host: "stranger.example".to_owned() }),
            11,
            "another host, stranger.example",
        ),
        (spoilt("shr-2015.zip?X-Amz", None, What::ExpiredLink), 10, "Request has expired"),
        (spoilt("signedurl", None, What::HtmlPage), 12, "an HTML page"),
        (spoilt("shr-2015.zip?X-Amz", None, What::TruncatedGzip), 12, "cut short or corrupt"),
        (spoilt("shr-2015.zip?X-Amz", None, What::HtmlPage), 12, "an HTML page"),
    ] {
        let said = format!("{faults:?}");
        let folder = tempfile::tempdir().unwrap();
        let replica = replica(faults);
        let output = tollhouse(folder.path(), &["run", "fbi_homicides", &format!("--replica={}", replica.base())]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}\n{error}");
        assert!(error.contains(words) && error.contains("what next:"), "{said}\n{error}");
        assert!(!folder.path().join("snapshots").exists(), "{said}");
        check_no_secrets(folder.path(), &output.stderr);
    }
    // One that has expired once is asked for again.
    let folder = tempfile::tempdir().unwrap();
    let replica = replica(spoilt("shr-2015.zip?X-Amz", Some(1), What::ExpiredLink));
    succeed(folder.path(), &["run", "fbi_homicides", &format!("--replica={}", replica.base())]);
    check(folder.path(), "select count(*) from fbi_homicides", "15");
}

#[test]
fn an_imported_master_file_feeds_every_table_that_is_made_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let unpacked = |zip: Vec<u8>| {
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
        let mut text = Vec::new();
        std::io::copy(&mut zip.by_index(0).unwrap(), &mut text).unwrap();
        text
    };
    let (returns, homicides) = (masters::return_a("2016").unwrap(), masters::homicides("2015").unwrap());
    let (text, gz) = (unpacked(returns.clone()), {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gz, &unpacked(homicides.clone())).unwrap();
        gz.finish().unwrap()
    });
    let mut answers = Vec::new();
    for (name, first, second) in [("zipped", &returns, &homicides), ("unpacked", &text, &gz)] {
        let root = folder.path().join(name);
        // Names say nothing.
        let paths = [first, second].map(|bytes| {
            let path = folder.path().join(format!("{name}-{}", bytes.len()));
            std::fs::write(&path, bytes).unwrap();
            path.to_str().unwrap().to_owned()
        });
        succeed(&root, &["import", &paths[0], &paths[1]]);
        let told = DATASETS.map(|dataset| {
            let sql = format!("select * exclude (_capture) from {dataset} order by all");
            succeed(&root, &["sql", "--format", "csv", &sql])
        });
        answers.push(told);
        check(&root, "select count(*) from fbi_return_a_month", "72");
        check(&root, "select sum(victims) filter (is_murder) from fbi_homicides", "25");
        check(&root, "select count(*) from fbi_coverage_state_year", "2");
    }
    assert!(answers[0] == answers[1]);
}

/// The publisher's totals, through the program, where the captured file is at hand. None of its other figures is ours to
/// pass on.
#[test]
fn the_captured_homicides_of_2015_are_the_publishers() {
    let Some(captures) = std::env::var_os("TOLLHOUSE_CAPTURES").map(std::path::PathBuf::from) else {
        println!("skipped: set TOLLHOUSE_CAPTURES to the folder of captured files");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = captures.join("fbi/shr/derived_FBI268_SHR2015_from_ICPSR36790.txt.gz");
    succeed(folder.path(), &["import", file.to_str().unwrap()]);
    let sql = "select sum(victims) || ' ' || sum(victims) filter (firearm) from fbi_homicides where is_murder and year = 2015";
    check(folder.path(), sql, "13750 9778");
    let refused = tollhouse(folder.path(), &["import", captures.join("fbi/reta/ucr1960.zip").to_str().unwrap()]);
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(13), "{error}");
    assert!(
        error.contains("it has 1955 bytes, and one of the FBI's master file of Return A, 7,385 bytes has 7385"),
        "{error}"
    );
}
