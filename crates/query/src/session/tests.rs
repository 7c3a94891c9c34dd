use super::*;
use crate::testing::{Tiny, lines};
use chart::Cell;

/// A session, and the folder under it.
fn open() -> (Tiny, Session) {
    let tiny = tiny();
    let session = tiny.session();
    (tiny, session)
}

fn tiny() -> Tiny {
    let tiny = Tiny::new();
    tiny.commit(
        "deaths",
        "r1",
        "state_fips,year,deaths,crude_rate_per_100k\n01,2014,723,36.02344\n02,2014,,0.000000001",
    );
    tiny
}

#[test]
fn a_moment_is_told_in_utc() {
    let (_tiny, session) = open();
    let answer = session.query("SELECT TIMESTAMPTZ '2015-06-30 12:00:00-04' AS at, current_timestamp AS now").unwrap();
    assert_eq!(answer.rows[0][0].as_deref(), Some("2015-06-30T16:00:00Z"));
    assert_eq!(answer.types[0], "TIMESTAMP WITH TIME ZONE");
    assert!(answer.rows[0][1].as_deref().unwrap().ends_with('Z'));
    let nested = session
        .query("SELECT [TIMESTAMPTZ '2015-06-30 12:00:00-04'] AS a, {'at': TIMESTAMPTZ '2015-01-01 00:00:00+09'} AS b");
    let nested = nested.unwrap().rows.concat();
    assert!(nested[0].as_ref().unwrap().contains("2015-06-30T16:00:00Z"), "{nested:?}");
    assert!(nested[1].as_ref().unwrap().contains("2014-12-31T15:00:00Z"), "{nested:?}");
    let error = session.query("SELECT TIMESTAMPTZ 'infinity' AS at").unwrap_err();
    assert_eq!((error.kind(), error.hint_text()), (Kind::Usage, Some("CAST it to VARCHAR")));
    answer.to_json().unwrap();
    answer.to_parquet().unwrap();
}

#[test]
fn whatever_does_more_than_read_the_views_is_refused_by_name() {
    let tiny = tiny();
    let session = tiny.session();
    let part = session.query("SELECT 1").map(|_| tiny.warehouse.root().join("tables/x.parquet")).unwrap();
    let part = sql::text(&part.display().to_string());
    let check = |sql: &str, named: &str| {
        let error = session.query(sql).expect_err(sql);
        assert_eq!(error.kind(), Kind::Usage, "{sql}");
        assert!(error.to_string().contains(named), "{sql}: {error}");
        assert!(error.hint_text().is_some(), "{sql}");
    };
    check("COPY deaths TO '/tmp/x.csv'", "`COPY` is refused: sql only reads");
    check("-- look\n/* here */ copy deaths to '/tmp/x.csv'", "`COPY`");
    check("WITH c AS (COPY (SELECT 1) TO '/tmp/x.csv') SELECT * FROM c", "A CTE needs a SELECT");
    check("INSERT INTO deaths VALUES (1)", "`INSERT`");
    check(
        "WITH c AS (INSERT INTO meta.pins VALUES ('x', 1, NULL) RETURNING *) SELECT * FROM c",
        "A CTE needs a SELECT",
    );
    check("UPDATE meta.pins SET snapshot = 2", "`UPDATE`");
    check("CREATE TABLE x AS SELECT 1", "`CREATE`");
    check("ATTACH '/tmp/x.duckdb'", "`ATTACH`");
    check("PRAGMA version", "`PRAGMA`");
    check("SET threads = 1", "`SET`");
    check("SET VARIABLE warehouse = '/'", "`SET`");
    check("CALL pragma_version()", "`CALL`");
    check("SELECT 1; SELECT 2", "2 statements were given");
    check("", "0 statements were given");
    check("SELEKT 1", "syntax error at or near");
    check("SELECT * FROM read_csv('/etc/passwd')", "`TABLE_FUNCTION read_csv`");
    check(&format!("SELECT * FROM read_parquet({part})"), "`TABLE_FUNCTION read_parquet`");
    check("SELECT * FROM glob('/*')", "`TABLE_FUNCTION glob`");
    check("SELECT * FROM Query('SELECT 1')", "`TABLE_FUNCTION query`");
    check("SELECT * FROM json_execute_serialized_sql('{}')", "json_execute_serialized_sql");
    check("SELECT json_execute_serialized_sql('{}')", "`function json_execute_serialized_sql`");
    check("SELECT getenv('HOME')", "`function getenv`");
    check("SELECT * FROM '/etc/passwd.csv'", "`BASE_TABLE /etc/passwd.csv`");
    check(&format!("SELECT * FROM {}", part.replace('\'', "\"")), "`BASE_TABLE");
    check("SELECT (SELECT count(*) FROM 'x.parquet') FROM deaths", "`BASE_TABLE x.parquet`");
    check("WITH \"x.csv\" AS (SELECT 1) SELECT * FROM \"x.csv\"", "`BASE_TABLE x.csv`");
    check("SELECT * FROM system.main.duckdb_settings", "`BASE_TABLE system.main.duckdb_settings`");
}

#[test]
fn reading_passes_however_it_is_put() {
    let (_tiny, session) = open();
    for sql in [
        "SELECT * FROM deaths",
        "FROM main.deaths",
        "TABLE history.deaths;",
        "VALUES (1), (2)",
        "DESCRIBE deaths",
        "SHOW TABLES",
        "SUMMARIZE deaths",
        "WITH a AS (SELECT 1 AS x), b AS MATERIALIZED (SELECT * FROM a) SELECT * FROM b UNION ALL SELECT 2 EXCEPT SELECT 3",
        "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 3) SELECT * FROM r",
        "SELECT d.year, sum(deaths) OVER (PARTITION BY d.year ORDER BY state_fips) FROM deaths d JOIN meta.states USING (state_fips)",
        "SELECT DISTINCT year FROM deaths ORDER BY ALL LIMIT 10%",
        "SELECT year, count(*) FROM deaths GROUP BY ROLLUP (year) HAVING count(*) > 0",
        "SELECT * FROM range(3), unnest([1, 2]) u(x), generate_series(1, 2), (SELECT 1) s, LATERAL (SELECT 1) l",
        "SELECT CAST(1 AS DECIMAL(9,2)), INTERVAL 1 DAY, [1, 2], {'a': 1}, MAP {'a': 1}, x -> 1 FROM (SELECT 'a' AS x) LIMIT 0",
        "SELECT * FROM deaths USING SAMPLE 50%",
        "SELECT column_name FROM information_schema.columns",
        "SELECT EXISTS (SELECT 1 FROM deaths WHERE year IN (SELECT year FROM deaths)), CASE WHEN 1 = 1 THEN 2 END",
    ] {
        match session.query(sql) {
            Ok(_) => {}
            // The arrow of lambdas may mean JSON to DuckDB; that is its refusal, not the gate's.
            Err(error) => assert!(!error.to_string().contains("is refused:"), "{sql}: {error}"),
        }
    }
}

#[test]
fn an_error_in_the_sql_is_told_in_duckdbs_words() {
    let (_tiny, session) = open();
    let error = session.query("SELECT deths FROM deaths").unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains("Referenced column \"deths\" not found"), "{error}");
    assert!(error.to_string().contains("\"deaths\""), "{error}");
}

#[test]
fn no_setting_lets_a_session_out() {
    // What the gate would not let through anyway, DuckDB itself refuses.
    let tiny = tiny();
    let session = tiny.session();
    let outside = tiny.folder.path().join("outside.csv");
    std::fs::write(&outside, "a\n1\n").unwrap();
    for sql in [
        format!("SELECT * FROM read_csv({})", sql::text(&outside.display().to_string())),
        format!("COPY (SELECT 1) TO {}", sql::text(&outside.display().to_string())),
        "SET enable_external_access = true".to_owned(),
        "SET lock_configuration = false".to_owned(),
        "INSTALL httpfs".to_owned(),
    ] {
        assert!(session.connection.execute_batch(&sql).is_err(), "{sql}");
    }
    assert_eq!(lines(&session, "SELECT current_setting('threads'), current_setting('temp_directory')"), ["2,"]);
}

#[test]
fn decimals_leave_as_the_digits_that_they_are() {
    let (_tiny, session) = open();
    let sql = "SELECT state_fips, CAST('2014-10-06' AS DATE) AS day, deaths, crude_rate_per_100k AS rate, \
               CAST('12345678901234567890123456789.123456789' AS DECIMAL(38,9)) AS big FROM deaths ORDER BY 1";
    let answer = session.query(sql).unwrap();
    assert_eq!(answer.types, ["VARCHAR", "DATE", "BIGINT", "DECIMAL(18,9)", "DECIMAL(38,9)"]);
    let big = "12345678901234567890123456789.123456789";
    assert_eq!(
        String::from_utf8(answer.to_csv().unwrap()).unwrap(),
        format!(
            "state_fips,day,deaths,rate,big\n01,2014-10-06,723,36.023440000,{big}\n02,2014-10-06,,0.000000001,{big}\n"
        )
    );
    assert_eq!(
        String::from_utf8(answer.to_json().unwrap()).unwrap(),
        format!(
            "[{{\"state_fips\":\"01\",\"day\":\"2014-10-06\",\"deaths\":723,\"rate\":36.023440000,\"big\":{big}}},\
             {{\"state_fips\":\"02\",\"day\":\"2014-10-06\",\"deaths\":null,\"rate\":0.000000001,\"big\":{big}}}]\n"
        )
    );
    assert_eq!(answer.frame().rows[0][2..4], [Cell::Integer(723), Cell::Number(36.02344)]);
    assert_eq!(answer.frame().rows[1][2], Cell::Null);
}

#[test]
fn sums_of_integers_are_whole_numbers_and_exact() {
    let (_tiny, session) = open();
    let answer =
        session.query("SELECT sum(deaths) AS n, sum(CAST(9223372036854775807 AS BIGINT)) AS huge FROM deaths").unwrap();
    assert_eq!(answer.frame().rows[0][0], Cell::Integer(723));
    assert_eq!(answer.rows[0][1].as_deref(), Some("18446744073709551614"));
}

#[test]
fn binary_formats_come_back_with_their_types() {
    let (_tiny, session) = open();
    let answer = session.query("SELECT state_fips, crude_rate_per_100k AS rate FROM deaths ORDER BY 1").unwrap();
    let bytes = answer.to_arrow().unwrap();
    let reader = arrow::ipc::reader::FileReader::try_new(std::io::Cursor::new(bytes), None).unwrap();
    let batches: Vec<_> = reader.map(Result::unwrap).collect();
    assert_eq!(batches[0].schema().field(1).data_type(), &arrow::datatypes::DataType::Decimal128(18, 9));
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 2);

    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(path.path(), answer.to_parquet().unwrap()).unwrap();
    let plain = Connection::open_in_memory().unwrap();
    let sql = format!(
        "SELECT CAST(rate AS VARCHAR) FROM read_parquet({}) WHERE state_fips = '01'",
        sql::text(&path.path().display().to_string())
    );
    let rate: String = plain.query_row(&sql, [], |row| row.get(0)).unwrap();
    assert_eq!(rate, "36.023440000");
}

#[test]
fn an_empty_answer_still_has_its_columns() {
    let (_tiny, session) = open();
    let answer = session.query("SELECT year, deaths FROM deaths WHERE false").unwrap();
    assert_eq!(answer.to_csv().unwrap(), b"year,deaths\n");
    assert_eq!(answer.to_json().unwrap(), b"[]\n");
    assert!(!answer.to_arrow().unwrap().is_empty());
    assert!(!answer.to_parquet().unwrap().is_empty());
}

#[test]
fn a_receipt_names_what_an_answer_rests_on() {
    let tiny = tiny();
    tiny.commit("cities", "c1", "city,year,murder\nPortland,2013,14");
    let session = tiny.session();
    let receipt = |sql: &str| session.receipt(sql, &session.query(sql).unwrap()).unwrap();
    let sql = "WITH x AS (SELECT * FROM History.DEATHS) SELECT count(*) FROM x JOIN meta.states USING (state_fips)";
    let one = receipt(sql);
    assert_eq!(one.snapshot, 2);
    assert_eq!(one.origin, "replica");
    assert_eq!(one.sql_digest, Digest::of(sql));
    assert_eq!(one.datasets.iter().map(DatasetId::as_str).collect::<Vec<_>>(), ["deaths"]);
    assert_eq!(one.captures.len(), 1);
    assert_eq!(one.captures[0].url, "https://publisher.example/deaths");
    assert_eq!(one, receipt(sql), "the same question has the same receipt");
    let text = serde_json::to_string(&one).unwrap();
    assert_eq!(serde_json::from_str::<Receipt>(&text).unwrap(), one);

    let both = receipt("SELECT count(*) FROM deaths WHERE year > (SELECT min(year) FROM main.cities)");
    assert_eq!(both.captures.len(), 2);
    assert!(receipt("SELECT 1").captures.is_empty());
}

#[test]
fn the_digest_tells_answers_apart() {
    let (_tiny, session) = open();
    let digest = |sql: &str| session.query(sql).unwrap().digest().unwrap();
    assert_eq!(digest("SELECT 1 AS a"), digest("SELECT 2 - 1 AS a"));
    assert_ne!(digest("SELECT 1 AS a"), digest("SELECT 1 AS b"), "names");
    assert_ne!(digest("SELECT 1 AS a"), digest("SELECT CAST(1 AS BIGINT) AS a"), "types");
    assert_ne!(digest("SELECT '' AS a"), digest("SELECT CAST(NULL AS VARCHAR) AS a"), "null is not empty");
    assert_ne!(digest("SELECT 'x' AS a, 'yz' AS b"), digest("SELECT 'xy' AS a, 'z' AS b"), "cells are apart");
}
