//! The FBI's files: editions of the estimates, workbooks told apart by their titles, and the publisher's errors.

use super::*;

const ESTIMATES: &str = "fbi_estimated_offenses_state";

/// A file below the fixtures.
fn fixture(name: &str) -> String {
    format!("tests/fixtures/{name}")
}

/// A root into which the demo's datasets of the FBI were fetched.
fn fetched(datasets: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), &[&["run"], datasets, &["--replica"]].concat());
    folder
}

/// Wants an import to end in an exit code and these words, with nothing committed.
#[track_caller]
fn refuse(words: &[&str], code: i32, says: &str) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let output = tollhouse(&root, &[&["import"], words].concat());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{words:?}\n{error}");
    assert!(error.contains(says) && error.contains("what next:"), "{words:?}\n{error}");
    assert!(!root.join("snapshots").exists(), "{words:?}");
}

#[test]
fn editions_of_the_estimates_stand_side_by_side() {
    let folder = fetched(&[ESTIMATES]);
    let root = folder.path();
    let national = |table: &str, year: i32| {
        format!("select string_agg(release || ' ' || murder, ', ' order by release) from {table} where year = {year}")
    };
    check(root, &national("history.fbi_estimated_offenses_state_totals", 2015), "\"2016 15883, 2019 15883\"");
    check(root, &national("history.fbi_estimated_offenses_state_totals", 2016), "\"2016 17250, 2019 17413\"");
    check(root, &national("main.fbi_estimated_offenses_state_totals", 2016), "2019 17413");
    check(root, "select count(*) from history.fbi_estimated_offenses_state where release = '2016'", "1122");
    check(root, "select count(*) from history.fbi_estimated_offenses_state where release = '2019'", "2075");
    // Mississippi is missing there until 1994, and in no other year.
    check(root, "select count(*) from fbi_estimated_offenses_state where state_fips = '28' and year < 1995", "0");
    check(root, "select count(distinct state_fips) from fbi_estimated_offenses_state where year = 1995", "51");
    // What the later edition changed, as one may ask of it.
    let changed = |what: &str| {
        format!(
            "select count(*) from history.fbi_estimated_offenses_state a join history.fbi_estimated_offenses_state b \
             using (state_fips, year) where a.release = '2016' and b.release = '2019' and {what}"
        )
    };
    let swapped = "a.rape_legacy = b.rape_revised and a.rape_revised = b.rape_legacy";
    check(root, &changed(&format!("year = 2015 and {swapped}")), "50");
    // Hawaii's figures of 2015 differ in all columns.
    let not_swapped = "year in (2015, 2016) and a.rape_legacy <= a.rape_revised";
    check(root, &changed(not_swapped), "1");
    check(root, &changed(&format!("{not_swapped} and state_fips = '15' and a.murder = 19")), "1");
    check(root, &changed("year in (2015, 2016) and b.rape_legacy > b.rape_revised"), "0");
    check(
        root,
        "select \"from\" || ' ' || until from meta.breaks where 'fbi_estimated_offenses_state' like datasets and about like '%wrong way round%'",
        "2015-01-01 2016-12-31",
    );
}

#[test]
fn a_mislabelled_state_is_put_right_by_declaration_alone() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let file = fixture("fbi_estimated_offenses_state/2023-thousands-indented-names-nc-twice.csv");
    succeed(&root, &["import", &file]);
    // Each state's murders are its place in the list of the fixture.
    check(
        &root,
        "select string_agg(state || ' ' || state_fips || ' ' || murder, ', ' order by state_fips) from fbi_estimated_offenses_state where year = 2022 and state_fips in ('37', '38')",
        "\"North Carolina 37 34, North Dakota 38 35\"",
    );
    check(
        &root,
        "select string_agg(year, ' ' order by year) from fbi_estimated_offenses_state_totals",
        "2016 2021 2022 2023",
    );
    check(
        &root,
        "select population || ' ' || state from fbi_estimated_offenses_state_totals where year = 2022",
        "1326000000 United States Total",
    );
    check(&root, "select count(*) from fbi_estimated_offenses_state where year = 2023 and state is null", "51");
    let certificate = succeed(&root, &["snapshot", "show", "1"]);
    assert!(
        certificate.contains("`NC` replaced by `ND` where state_name is `North Dakota` and year is `2022`"),
        "{certificate}"
    );

    // Where the publisher has put it right, somebody must take the correction away.
    refuse(
        &[&fixture("fbi_estimated_offenses_state/refused/2023-put-right.csv")],
        14,
        "finds a row that says `ND` instead of `NC`",
    );
}

#[test]
fn another_edition_may_be_a_workbook_in_disguise() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    succeed(&root, &["import", &fixture("fbi_estimated_offenses_state/2016-14-columns-crlf.csv")]);
    succeed(&root, &["import", &fixture("fbi_estimated_offenses_state/2024-a-workbook-in-disguise.csv")]);
    check(
        &root,
        "select string_agg(distinct release || ' ' || year, ', ' order by release || ' ' || year) from fbi_estimated_offenses_state",
        "\"2016 2001, 2016 2016, 2024 2023, 2024 2024\"",
    );
    check(&root, "select sum(murder) from fbi_estimated_offenses_state where year = 2024", "1326");
    check(
        &root,
        "select footnote from fbi_estimated_offenses_state_totals where year = 2001",
        "\"September 11, and \"\"more\"\"\"",
    );

    refuse(&[ESTIMATES, &fixture("fbi_estimated_offenses_state/refused/extract.csv")], 14, "has 1 different values");
    refuse(
        &[ESTIMATES, &fixture("fbi_estimated_offenses_state/refused/territories.csv")],
        13,
        "headers that nothing maps: `arson`, `locality`",
    );
}

const WORKBOOKS: &[&str] =
    &["fbi_city_offenses", "fbi_homicide_weapons_state", "fbi_homicide_weapons_us", "fbi_crime_us", ESTIMATES];

#[test]
fn weapons_and_the_nation_are_checked_against_each_other() {
    let folder = fetched(WORKBOOKS);
    let root = folder.path();
    for (sql, expected) in [
        ("select sum(murder_victims) from fbi_homicide_weapons_state where year = 2015", "13455"),
        ("select count(*) from fbi_homicide_weapons_state", "728"),
        (
            "select string_agg(state, ', ' order by state) from fbi_homicide_weapons_state where year = 2015 and weapon = 'rifle' and state_footnotes = '3'",
            "\"Alabama, Illinois\"",
        ),
        (
            "select murder_victims from fbi_homicide_weapons_state where state_fips = '06' and year = 2013 and weapon = 'handgun'",
            "805",
        ),
        (
            "select string_agg(murder_victims, ' ' order by murder_victims) from fbi_homicide_weapons_state_totals where state_fips = '78' and year = 2015",
            "26 35",
        ),
        (
            "select string_agg(distinct release || ' ' || year, ', ' order by release || ' ' || year) from fbi_homicide_weapons_us",
            "\"cius-2013 2009, cius-2013 2010, cius-2015 2011, cius-2015 2012, cius-2015 2013, cius-2015 2014, cius-2015 2015\"",
        ),
        (
            "select murder_victims from fbi_homicide_weapons_us_totals where year = 2013 and weapon_class = 'firearm'",
            "8454",
        ),
        ("select murder || ' ' || rape_legacy from fbi_crime_us where year = 2015", "15696 90185"),
        ("select year_footnotes from fbi_crime_us where year = 2014", "6"),
        (
            "select note_text from history.fbi_homicide_weapons_state_notes where release = 'cius-2015' and note_label = '2' and note_section = 'footnote'",
            "\"Pushed is included in hands, fists, feet, etc.\"",
        ),
        // The difference between the editions shows, for each of them.
        (
            "select string_agg(release_a || ': ' || figure_a || ' - ' || figure_b || ' = ' || difference, ', ' order by release_a) from fbi_cross_checks where comparison = 'murders, national' and year = 2015 and release_b = 'cius-2015'",
            "\"2016: 15883 - 15696 = 187, 2019: 15883 - 15696 = 187\"",
        ),
        // Years that no edition revised.
        (
            "select sum(difference) || ' ' || count(*) from fbi_cross_checks where comparison = 'murders, national' and year between 1998 and 2010",
            "0 52",
        ),
        (
            "select string_agg(distinct figure_a, ' ' order by figure_a) from fbi_cross_checks where comparison = 'murder victims, any weapon'",
            "12253 13455",
        ),
        ("select count(*) from fbi_cross_checks where should_agree and difference = 0", "14"),
        ("select count(*) from fbi_cross_checks where should_agree and difference <> 0", "0"),
    ] {
        check(root, sql, expected);
    }
}

#[test]
fn city_tables_of_every_era_import_unseen() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    for file in ["forcible-rape-2008.xls", "one-rape-column-2018.xls", "merged-states-remarks-2022.xlsx"] {
        // No dataset is named: the title tells.
        succeed(&root, &["import", &fixture(&format!("fbi_city_offenses/{file}"))]);
    }
    let of_each = |column: &str| {
        format!(
            "select string_agg(year || ' ' || n, ', ' order by year) from (select year, {column} as n from fbi_city_offenses group by year)"
        )
    };
    check(&root, &of_each("count(*)"), "\"2008 6, 2018 6, 2022 6\"");
    check(&root, &of_each("sum(murder)"), "\"2008 41, 2018 41, 2022 41\"");
    check(&root, &of_each("count(distinct state_fips)"), "\"2008 3, 2018 3, 2022 3\"");
    check(&root, &of_each("count(city_footnotes)"), "\"2008 3, 2018 3, 2022 3\"");
    check(&root, &of_each("coalesce(sum(rape_revised), -1)"), "\"2008 -1, 2018 482, 2022 482\"");
    check(&root, &of_each("coalesce(sum(rape_legacy), -1)"), "\"2008 182, 2018 -1, 2022 -1\"");
    // Blank is not zero.
    check(&root, &of_each("count(violent_crime)"), "\"2008 4, 2018 5, 2022 5\"");
    check(&root, &of_each("count(arson)"), "\"2008 4, 2018 4, 2022 4\"");
    check(
        &root,
        "select count(*) from fbi_city_offenses_notes where note_section = 'title' and note_text like '[%'",
        "2",
    );
    let county = saved_county_table(&folder.path().join("table_8_by_city.xls"));
    refuse(&[&county], 13, "and not `Offenses Known to Law Enforcement by State by City`");
}

/// A county table of the replica, under a name that says otherwise.
fn saved_county_table(to: &Path) -> String {
    let faults = vec![Fault { on: String::new(), times: None, what: What::CountyTable }];
    let replica = Replica::start_blocking(Options { faults, ..Options::default() }).unwrap();
    saved(&replica, CIUS, to)
}

#[test]
fn the_gateway_of_the_crime_data_explorer_is_understood() {
    let status = |code: u16, body: &str| What::Status { code, headers: [].into(), body: body.to_owned() };
    let run = |times: Option<u32>, what: What| {
        let folder = tempfile::tempdir().unwrap();
        let replica = Replica::start_blocking(Options::default()).unwrap();
        replica.set_faults(vec![Fault { on: "summarized".to_owned(), times, what }]);
        let output = tollhouse(folder.path(), &["run", "fbi_offenses_month", &format!("--replica={}", replica.base())]);
        let asked = replica.requests().len();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned(), asked)
    };
    let no_key = r#"{"error":{"code":"API_KEY_MISSING","message":"No api_key was supplied."}}"#;
    let (code, error, asked) = run(None, status(403, no_key));
    assert_eq!((code, asked), (Some(11), 1), "{error}");
    assert!(error.contains("API_KEY_MISSING") && error.contains("check the key"), "{error}");
    // Too many mistakes of one key: every further request prolongs it.
    let (code, error, asked) = run(None, status(503, "Client Failure Limit Exceeded"));
    assert_eq!((code, asked), (Some(11), 1), "{error}");
    let words = "From year and month date is not valid, expected format MM-YYYY.";
    let (code, error, asked) = run(None, status(400, words));
    assert_eq!((code, asked), (Some(11), 1), "{error}");
    assert!(error.contains(words), "{error}");
    // The backend is down for a moment.
    let (code, error, asked) = run(Some(2), status(503, "upstream connect error or disconnect/reset before headers"));
    assert_eq!((code, asked), (Some(0), 4), "{error}");
}

#[test]
fn an_agency_that_the_fbi_does_not_know_is_an_error_and_no_zero() {
    let folder = tempfile::tempdir().unwrap();
    let here = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
    let project = folder.path().join("project");
    std::fs::create_dir_all(project.join("pipelines")).unwrap();
    std::fs::create_dir_all(project.join("warehouse")).unwrap();
    std::fs::copy(here.join("warehouse/columns.toml"), project.join("warehouse/columns.toml")).unwrap();
    let pipeline = std::fs::read_to_string(here.join("pipelines/fbi_offenses_month.toml")).unwrap();
    let pipeline = pipeline.replace("agency/VT0040100", "agency/VT0049900");
    std::fs::write(project.join("pipelines/fbi_offenses_month.toml"), pipeline).unwrap();
    let root = folder.path().join("root");
    let project = project.to_str().unwrap();
    let output = tollhouse(&root, &["--project", project, "run", "fbi_offenses_month", "--replica"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(12), "{error}");
    assert!(error.contains("no figures of agency/VT0049900") && error.contains("fbi_agencies"), "{error}");
    assert!(!root.join("snapshots").exists() || std::fs::read_dir(root.join("snapshots")).unwrap().next().is_none());
}
