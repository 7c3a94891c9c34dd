use duckdb::Connection;

use store::commit::Covered;

use super::*;
use crate::testing::{Tiny, lines};

fn write_newest(tiny: &Tiny) -> u64 {
    let head = tiny.warehouse.head().unwrap().unwrap();
    write(&tiny.warehouse, &head, &tiny.datasets, &tiny.vocabulary).unwrap()
}

fn current(tiny: &Tiny) -> bool {
    let head = tiny.warehouse.head().unwrap().unwrap();
    is_current(&tiny.warehouse, &head, &tiny.datasets, &tiny.vocabulary).unwrap()
}

/// One column of text from a connection of somebody else's.
fn column(connection: &Connection, sql: &str) -> duckdb::Result<Vec<String>> {
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

#[test]
fn main_is_the_newest_release_of_each_period_and_history_is_all() {
    let tiny = Tiny::new();
    tiny.commit("deaths", "1999-2015", "state_fips,year,deaths\n01,2014,100\n01,2015,101\n02,2014,50");
    tiny.commit("deaths", "2015-2016", "state_fips,year,deaths\n01,2015,111\n01,2016,112\n02,,7");
    tiny.commit("cities", "cius-2013", "city,year,murder\nPortland,2013,14\nSalem,2013,2");
    tiny.commit("cities", "cius-2013r", "city,year,murder\nPortland,2013,15\nPortland,2014,26");
    let session = tiny.session();
    // The releases share parts of several years: rows are compared. A row without a period is compared like the rest.
    let sql = "SELECT release, state_fips, year, deaths FROM deaths ORDER BY 2, 3 NULLS LAST";
    assert_eq!(
        lines(&session, sql),
        [
            "1999-2015,01,2014,100",
            "2015-2016,01,2015,111",
            "2015-2016,01,2016,112",
            "1999-2015,02,2014,50",
            "2015-2016,02,,7"
        ]
    );
    // A part holds a year: parts are chosen. Salem is not in the newer release of 2013.
    let sql = "SELECT city, year, murder FROM main.cities ORDER BY year, city";
    assert_eq!(lines(&session, sql), ["Portland,2013,15", "Portland,2014,26"]);
    assert_eq!(lines(&session, "SELECT count(*) FROM history.deaths"), ["6"]);
    assert_eq!(lines(&session, "SELECT count(*) FROM history.cities"), ["4"]);
}

#[test]
fn a_release_that_covers_something_else_hides_nothing() {
    let mut tiny = Tiny::new();
    let commit = |tiny: &Tiny, dataset: &str, release: &str, place: &str, rows: &str| {
        let mut staged = tiny.stage(dataset, release, rows, "publisher");
        let rows = std::collections::BTreeMap::from([(place.to_owned(), 1)]);
        staged.slices[0].coverage = vec![Covered { column: "place".to_owned(), values: 1, rows: Some(rows), null: 0 }];
        tiny.warehouse.commit(&[staged], "test", jiff::Timestamp::UNIX_EPOCH).unwrap();
    };
    // Rows are compared, by state: a later release of one has fewer rows of it, and leaves the other alone.
    tiny.datasets.iter_mut().for_each(|dataset| {
        if dataset.id.as_str() == "deaths" {
            dataset.spec.series = vec![model::dataset::Series::Column("state_fips".to_owned())];
        }
    });
    commit(&tiny, "deaths", "r1", "01", "state_fips,year,deaths\n01,2014,100\n01,2015,101");
    commit(&tiny, "deaths", "r2", "02", "state_fips,year,deaths\n02,2014,50");
    let sql = "SELECT release, state_fips, year, deaths FROM deaths ORDER BY 2, 3";
    assert_eq!(lines(&tiny.session(), sql), ["r1,01,2014,100", "r1,01,2015,101", "r2,02,2014,50"]);
    commit(&tiny, "deaths", "r3", "01", "state_fips,year,deaths\n01,2015,111");
    assert_eq!(lines(&tiny.session(), sql), ["r1,01,2014,100", "r3,01,2015,111", "r2,02,2014,50"]);
    // Parts are chosen.
    commit(&tiny, "cities", "r1", "Portland", "city,year,murder\nPortland,2013,14");
    commit(&tiny, "cities", "r2", "Salem", "city,year,murder\nSalem,2013,2");
    let sql = "SELECT release, city, year, murder FROM cities ORDER BY city";
    assert_eq!(lines(&tiny.session(), sql), ["r1,Portland,2013,14", "r2,Salem,2013,2"]);
    commit(&tiny, "cities", "r3", "Portland", "city,year,murder\nPortland,2013,15");
    assert_eq!(lines(&tiny.session(), sql), ["r3,Portland,2013,15", "r2,Salem,2013,2"]);
    let told = "SELECT slice, \"column\", \"values\", rows_without, named FROM meta.coverage WHERE dataset = 'cities' \
                ORDER BY \"release\"";
    assert_eq!(
        lines(&tiny.session(), told),
        ["all,place,1,0,Portland", "all,place,1,0,Salem", "all,place,1,0,Portland"]
    );
}

#[test]
fn a_copy_never_hides_the_publishers_own_release_of_a_period() {
    let tiny = Tiny::new();
    tiny.commit("deaths", "2014", "state_fips,year,deaths\n01,2014,100");
    tiny.commit_as("deaths", "2015-copied", "state_fips,year,deaths\n01,2014,99\n01,2015,101", "secondary");
    tiny.commit("cities", "2014", "city,year,murder\nPortland,2014,26");
    tiny.commit_as("cities", "2015-copied", "city,year,murder\nPortland,2014,25\nPortland,2015,34", "secondary");
    let session = tiny.session();
    let sql = "SELECT release, year, deaths FROM deaths ORDER BY year";
    assert_eq!(lines(&session, sql), ["2014,2014,100", "2015-copied,2015,101"]);
    let sql = "SELECT release, year, murder FROM cities ORDER BY year";
    assert_eq!(lines(&session, sql), ["2014,2014,26", "2015-copied,2015,34"]);
    let columns = session.query("SELECT * FROM deaths").unwrap().columns;
    let history = session.query("SELECT * EXCLUDE (_snapshot, _released) FROM history.deaths").unwrap();
    assert_eq!(columns, history.columns);
    let came = "SELECT release, min(_snapshot), max(_snapshot) FROM history.deaths GROUP BY 1 ORDER BY 1";
    assert_eq!(lines(&session, came), ["2014,1,1", "2015-copied,2,2"]);
    // Among copies, and among the publisher's own, the name still decides.
    tiny.commit_as("deaths", "2016-copied", "state_fips,year,deaths\n01,2015,102", "secondary");
    tiny.commit("deaths", "2014-revised", "state_fips,year,deaths\n01,2014,103");
    let sql = "SELECT release, year, deaths FROM deaths ORDER BY year";
    assert_eq!(lines(&tiny.session(), sql), ["2014-revised,2014,103", "2016-copied,2015,102"]);
}

#[test]
fn any_release_takes_the_place_of_an_outdated_one_of_the_publishers() {
    let tiny = Tiny::new();
    tiny.commit("deaths", "ended", "state_fips,year,deaths\n01,2014,100\n01,2013,90");
    let sql = "SELECT release, year, deaths FROM deaths ORDER BY year";
    assert_eq!(lines(&tiny.session(), sql), ["ended,2013,90", "ended,2014,100"]);
    tiny.commit_as("deaths", "2015-copied", "state_fips,year,deaths\n01,2014,99", "secondary");
    tiny.commit("cities", "ended", "city,year,murder\nPortland,2014,26\nPortland,2013,16");
    tiny.commit_as("cities", "2015-copied", "city,year,murder\nPortland,2014,25", "secondary");
    let session = tiny.session();
    let sql = "SELECT release, year, deaths FROM deaths ORDER BY year";
    assert_eq!(lines(&session, sql), ["2015-copied,2014,99"]);
    let sql = "SELECT release, year, murder FROM cities ORDER BY year";
    assert_eq!(lines(&session, sql), ["2015-copied,2014,25"]);
    tiny.commit("deaths", "2014", "state_fips,year,deaths\n01,2014,101");
    let sql = "SELECT release, year, deaths FROM deaths ORDER BY year";
    assert_eq!(lines(&tiny.session(), sql), ["2014,2014,101"]);
}

#[test]
fn a_newer_release_of_one_series_does_not_hide_the_others() {
    let tiny = Tiny::opioids();
    tiny.commit("cdc_opioid_deaths_us", "2016", "year,drug,deaths\n2015,any_opioid,33091\n2015,heroin,12989");
    tiny.commit("cdc_opioid_deaths_us", "2017", "year,drug,deaths\n2015,heroin,12990");
    let sql = "SELECT release, drug, deaths FROM cdc_opioid_deaths_us ORDER BY drug";
    assert_eq!(lines(&tiny.session(), sql), ["2016,any_opioid,33091", "2017,heroin,12990"]);
}

#[test]
fn only_the_file_shows_what_an_operator_keeps_of_persons() {
    let tiny = Tiny::new();
    tiny.commit("deaths", "r1", "state_fips,year,deaths\n01,2014,100");
    let rows = arrow::array::RecordBatch::try_from_iter([(
        "name",
        std::sync::Arc::new(arrow::array::StringArray::from(vec!["INVENTED, JANE"])) as arrow::array::ArrayRef,
    )]);
    let (rows, deaths) = (rows.unwrap(), "deaths".parse().unwrap());
    write_newest(&tiny);
    tiny.warehouse.keep_restricted(&deaths, "some", &mut |take| take(&rows)).unwrap();
    assert!(!current(&tiny), "there is more to show now");
    write_newest(&tiny);
    let plain = Connection::open(path(&tiny.warehouse)).unwrap();
    let name =
        |plain: &Connection| plain.query_row("SELECT name FROM restricted.deaths", [], |row| row.get::<_, String>(0));
    assert_eq!(name(&plain).unwrap(), "INVENTED, JANE");
    assert!(tiny.session().query("SELECT * FROM restricted.deaths").is_err());
    tiny.warehouse.drop_restricted(&std::collections::BTreeSet::new()).unwrap();
    write_newest(&tiny);
    assert!(name(&Connection::open(path(&tiny.warehouse)).unwrap()).is_err());
}

#[test]
fn a_column_may_tell_series_only_where_another_is_null() {
    let mut tiny = Tiny::new();
    let known = |known: &str| model::dataset::Series::Column(known.to_owned());
    tiny.datasets.iter_mut().filter(|dataset| dataset.id.as_str() == "deaths").for_each(|dataset| {
        let without = model::dataset::Series::Without { column: "deaths".to_owned(), without: "state_fips".to_owned() };
        dataset.spec.series = vec![known("state_fips"), without];
    });
    tiny.commit("deaths", "r1", "state_fips,year,deaths\n01,2014,100\n,2014,7\n,2014,8");
    tiny.commit("deaths", "r2", "state_fips,year,deaths\n01,2014,101\n,2014,8\n,2014,9");
    let sql = "SELECT release, state_fips, deaths FROM deaths ORDER BY 3";
    assert_eq!(lines(&tiny.session(), sql), ["r1,,7", "r2,,8", "r2,,9", "r2,01,101"]);
}

#[test]
fn bounds_are_summed_exactly_and_rates_rounded_away_from_the_middle() {
    let tiny = Tiny::opioids();
    tiny.commit(
        "cdc_opioid_deaths_state",
        "r1",
        "state_fips,year,drug,deaths,deaths_low,deaths_high,deaths_status,population
         01,2015,any_opioid,282,282,282,reported,4858979
         38,2015,any_opioid,,0,9,suppressed,756927
         56,2015,any_opioid,,0,9,suppressed,586107
         72,2015,any_opioid,,,,missing,
         78,2015,any_opioid,,,,not_reported,",
    );
    #[track_caller]
    fn check(session: &Session, sql: &str, expected: &str) {
        let sql = format!("SELECT CAST({sql} AS VARCHAR) AS answer FROM cdc_opioid_deaths_state");
        assert_eq!(session.query(&sql).unwrap().rows[0][0].as_deref().unwrap_or("NULL"), expected, "{sql}");
    }
    let session = tiny.session();
    check(&session, "sum_bounds(deaths_low, deaths_high)", "{'low': 282, 'high': 300}");
    // What nobody reported may be any number; what does not exist adds nothing.
    check(&session, "sum_bounds(deaths_low, deaths_high, deaths_status)", "{'low': 282, 'high': NULL}");
    check(
        &session,
        "sum_bounds(deaths_low, deaths_high, status := CASE WHEN state_fips = '78' THEN 'missing' ELSE deaths_status END)",
        "{'low': 282, 'high': 300}",
    );
    // 282 / 6,202,013 and 300 / 6,202,013, by hand.
    check(
        &session,
        "rate_bounds(sum(deaths_low), sum(deaths_high), sum(population))",
        "{'low': 4.546910817, 'high': 4.837139168}",
    );
    check(
        &session,
        "max(CASE WHEN state_fips = '38' THEN rate_bounds(deaths_low, deaths_high, population, per := 100).high END)",
        "0.001189019",
    );
    check(&session, "rate_bounds(1, 2, 0)", "NULL");
    check(&session, "rate_bounds(1, 2, NULL)", "NULL");
    check(&session, "typeof(rate_bounds(1, 2, 3))", "STRUCT(low DECIMAL(18,9), high DECIMAL(18,9))");
    check(&session, "calendar_year(DATE '2015-12-31')", "2015");
    check(&session, "calendar_year(DATE '2015-11-30')", "NULL");
    check(&session, "calendar_year(DATE '2015-12-30')", "NULL");
    let sql = "SELECT macro FROM meta.macros ORDER BY macro";
    assert_eq!(
        lines(&session, sql),
        ["calendar_year", "coverage_note", "rate_bounds", "require_coverage", "sum_bounds"]
    );
    let touched = session.touched("SELECT sum_bounds(deaths_low, deaths_high) FROM cdc_opioid_deaths_state").unwrap();
    assert_eq!(touched.iter().map(ToString::to_string).collect::<Vec<_>>(), ["cdc_opioid_deaths_state"]);

    assert_eq!(write_newest(&tiny), 1);
    let config = Config::default().access_mode(AccessMode::ReadOnly).unwrap();
    let plain = Connection::open_with_flags(path(&tiny.warehouse), config).unwrap();
    let sql = "SELECT CAST(sum_bounds(deaths_low, deaths_high) AS VARCHAR) FROM cdc_opioid_deaths_state";
    assert_eq!(column(&plain, sql).unwrap(), ["{'low': 282, 'high': 300}"]);
}

#[test]
fn a_sum_that_too_few_reported_is_refused_or_remarked_on() {
    let tiny = Tiny::new();
    tiny.commit("deaths", "r1", "state_fips,year,deaths\n01,2014,100\n02,2014,7");
    let session = tiny.session();
    let ask = |sql: &str| session.query(&format!("SELECT {sql} AS answer FROM deaths")).map(|answer| answer.rows);
    let of = |sql: &str| ask(sql).unwrap()[0][0].clone();
    #[track_caller]
    fn check_refused(answer: model::Result<Vec<Vec<Option<String>>>>, words: &str) {
        let error = answer.unwrap_err();
        let chain = format!("{error} {:?}", std::error::Error::source(&error).map(ToString::to_string));
        assert!(chain.contains(words), "{chain}");
    }
    assert_eq!(of("require_coverage(sum(deaths), 90, 100, 0.9)").as_deref(), Some("107"));
    assert_eq!(of("require_coverage(sum(deaths), sum(deaths), 107, 1)").as_deref(), Some("107"));
    assert_eq!(of("typeof(require_coverage(sum(deaths), 1, 1, 0.5))").as_deref(), Some("HUGEINT"));
    check_refused(
        ask("require_coverage(sum(deaths), 89, 100, 0.9)"),
        "89 of 100 were received, and at least the share 0.9",
    );
    check_refused(ask("require_coverage(deaths, CASE WHEN state_fips = '01' THEN 12 ELSE 3 END, 12, 0.5)"), "3 of 12");
    check_refused(ask("require_coverage(1, NULL, 12, 0.5)"), "nobody knows how many of 12");
    check_refused(ask("require_coverage(1, 0, 0, 0)"), "0 of 0 were received");
    check_refused(ask("require_coverage(1, 12, 12, 90)"), "a share between 0 and 1");
    // Rows that are not asked for do not refuse those that are.
    let some = "SELECT require_coverage(deaths, deaths, 100, 0.9) AS answer FROM deaths WHERE deaths > 50";
    assert_eq!(session.query(some).unwrap().rows[0][0].as_deref(), Some("100"));
    assert_eq!(of("coverage_note(90, 100, 0.9)"), None);
    assert_eq!(of("coverage_note(89, 100, 0.9)").as_deref(), Some("only 89 of 100 received (89 %)"));
    assert_eq!(of("coverage_note(NULL, 100, 0.9)").as_deref(), Some("coverage not known"));
    assert_eq!(of("coverage_note(0, 0, 0.9)").as_deref(), Some("coverage not known"));
}

#[test]
fn what_is_not_loaded_is_empty_with_its_types() {
    let tiny = Tiny::new();
    tiny.commit("deaths", "r1", "state_fips,year,deaths\n01,2014,100");
    let session = tiny.session();
    for table in ["main.nation", "history.nation", "cities", "deaths_totals"] {
        assert_eq!(lines(&session, &format!("SELECT count(*) FROM {table}")), ["0"], "{table}");
    }
    let answer = session.query("SELECT state_fips, year, deaths, crude_rate_per_100k FROM deaths_totals").unwrap();
    assert_eq!(answer.types, ["VARCHAR", "INTEGER", "BIGINT", "DECIMAL(18,9)"]);
}

#[test]
fn a_column_that_came_later_is_null_in_older_parts() {
    let mut tiny = Tiny::new();
    tiny.commit("deaths", "r1", "state_fips,year,deaths\n01,2014,100");
    let place = tiny.datasets.iter().position(|dataset| dataset.id.as_str() == "deaths").unwrap();
    let mut later = tiny.datasets[place].spec.column[3].clone();
    later.name = "population".to_owned();
    tiny.datasets[place].spec.column.insert(1, later);
    tiny.commit("deaths", "r2", "state_fips,year,deaths,population\n01,2015,101,4000000");
    let sql = "SELECT year, population FROM deaths ORDER BY year";
    assert_eq!(lines(&tiny.session(), sql), ["2014,", "2015,4000000"]);
}

#[test]
fn meta_says_what_one_must_know() {
    let tiny = Tiny::new();
    tiny.commit_as("deaths", "r1", "state_fips,year,deaths\n01,2014,100", "secondary");
    tiny.warehouse.add_pin("p", 1, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let session = tiny.session();
    #[track_caller]
    fn check(session: &crate::Session, sql: &str, expected: &[&str]) {
        assert_eq!(lines(session, sql), expected, "{sql}");
    }
    check(
        &session,
        "SELECT \"column\", \"type\", unit, basis, field_id FROM meta.columns WHERE dataset = 'deaths' AND \"table\" = \
         'deaths' AND \"column\" IN ('deaths', 'state_fips') ORDER BY position",
        &["state_fips,VARCHAR,,,20", "deaths,BIGINT,deaths,residence,41"],
    );
    check(&session, "SELECT dataset, grade, note FROM meta.sources", &["deaths,secondary,the note of deaths"]);
    check(&session, "SELECT url, via FROM meta.captures", &["https://publisher.example/deaths,replica"]);
    check(&session, "SELECT caveat FROM meta.caveats ORDER BY position", &["Read this.", "It's not all."]);
    check(&session, "SELECT disclosure FROM meta.licences ORDER BY dataset", &["none", "nchs", "nchs"]);
    check(
        &session,
        "SELECT snapshot, created, origin, shown FROM meta.snapshots",
        &["1,1970-01-01T00:00:00,replica,true"],
    );
    check(&session, "SELECT pin, snapshot FROM meta.pins", &["p,1"]);
    check(&session, "SELECT state_fips, state FROM meta.states WHERE usps = 'WV'", &["54,West Virginia"]);
    check(
        &session,
        "SELECT \"from\" FROM meta.breaks WHERE 'fbi_city_offenses' LIKE datasets ORDER BY 1",
        &["2013-01-01", "2021-01-01"],
    );
}

#[test]
fn plain_duckdb_opens_the_file_from_anywhere_and_after_a_move() {
    let tiny = Tiny::new();
    tiny.commit("deaths", "r1", "state_fips,year,deaths\n01,2014,100");
    assert_eq!(write_newest(&tiny), 1);
    let sql = "SELECT state_fips FROM deaths";
    let root = tiny.warehouse.root();

    // Every path in the file is absolute, so the folder from which it is opened does not matter.
    let config = || Config::default().access_mode(AccessMode::ReadOnly).unwrap();
    let plain = Connection::open_with_flags(path(&tiny.warehouse), config()).unwrap();
    assert_eq!(column(&plain, sql).unwrap(), ["01"]);
    drop(plain);

    // Attached beside another database, its views still find themselves.
    let plain = Connection::open_in_memory().unwrap();
    let file = sql::text(&path(&tiny.warehouse).display().to_string());
    plain.execute_batch(&format!("ATTACH {file} AS w (READ_ONLY)")).unwrap();
    assert_eq!(column(&plain, "SELECT state_fips FROM w.main.deaths").unwrap(), ["01"]);
    drop(plain);

    let moved = tiny.folder.path().join("elsewhere");
    std::fs::rename(root, &moved).unwrap();
    let plain = Connection::open_with_flags(moved.join(FILE), config()).unwrap();
    assert!(column(&plain, sql).is_err(), "the parts are no longer where the file says");
    let variable = format!("SET VARIABLE warehouse = {}", sql::text(&moved.display().to_string()));
    plain.execute_batch(&variable).unwrap();
    assert_eq!(column(&plain, sql).unwrap(), ["01"]);
}

#[test]
fn the_file_is_current_until_something_is_committed_or_pinned() {
    let tiny = Tiny::new();
    tiny.commit("deaths", "r1", "state_fips,year,deaths\n01,2014,100");
    assert!(!current(&tiny), "there is no file yet");
    write_newest(&tiny);
    assert!(current(&tiny));
    tiny.warehouse.add_pin("p", 1, jiff::Timestamp::UNIX_EPOCH).unwrap();
    assert!(!current(&tiny), "the pin is not in it");
    write_newest(&tiny);
    assert!(current(&tiny));
    tiny.commit("deaths", "r2", "state_fips,year,deaths\n01,2015,101");
    assert!(!current(&tiny), "the snapshot is not in it");
    assert_eq!(write_newest(&tiny), 2);
    assert!(current(&tiny));
    std::fs::write(path(&tiny.warehouse), "not a database").unwrap();
    assert!(!current(&tiny), "it cannot be read");
    write_newest(&tiny);
    assert!(current(&tiny));
    let left = std::fs::read_dir(tiny.warehouse.root().join("tmp")).unwrap().count();
    assert_eq!(left, 0, "nothing is left of the building");
}

#[test]
fn whoever_comes_late_with_an_old_snapshot_leaves_the_newest() {
    let tiny = Tiny::new();
    let old = tiny.commit("deaths", "r1", "state_fips,year,deaths\n01,2014,100");
    tiny.commit("deaths", "r2", "state_fips,year,deaths\n01,2015,101");
    let shown = write(&tiny.warehouse, &old, &tiny.datasets, &tiny.vocabulary).unwrap();
    assert_eq!(shown, 2);
    assert!(current(&tiny));
}

#[test]
fn rivals_leave_a_whole_file() {
    let tiny = Tiny::new();
    tiny.commit("deaths", "r1", "state_fips,year,deaths\n01,2014,100");
    let head = tiny.warehouse.head().unwrap().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| write(&tiny.warehouse, &head, &tiny.datasets, &tiny.vocabulary).unwrap());
        }
    });
    assert!(current(&tiny));
}

#[test]
fn a_missing_part_is_damage_and_named() {
    let tiny = Tiny::new();
    let snapshot = tiny.commit("deaths", "r1", "state_fips,year,deaths\n01,2014,100");
    let manifest = tiny.warehouse.manifest(snapshot.datasets.values().next().unwrap()).unwrap();
    let part = &manifest.slices[0].parts[0].path;
    std::fs::remove_file(tiny.warehouse.root().join(part)).unwrap();
    let reading = tiny.warehouse.resolve(None).unwrap();
    let opened = Session::open(&tiny.warehouse, reading, &tiny.datasets, &tiny.vocabulary);
    let error = opened.err().unwrap();
    assert_eq!(error.kind(), Kind::Damaged);
    assert!(error.to_string().contains(part.as_str()), "{error}");
}

use crate::Session;
