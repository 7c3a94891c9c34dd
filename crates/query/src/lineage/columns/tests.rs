use super::*;
use crate::session::{connect, gate};

#[track_caller]
fn check(sql: &str, wanted: &str, expected: &str) {
    let wanted: Names = wanted.split_whitespace().map(str::to_owned).collect();
    let tree = gate::tree(&connect(1).unwrap(), sql).unwrap();
    let found = tables(&tree, (!wanted.contains("*")).then_some(&wanted));
    assert_eq!(found.into_iter().collect::<Vec<_>>().join(" "), expected, "{sql}");
}

#[test]
fn what_is_joined_on_counts_where_a_column_is_taken_from_it() {
    let wide = "WITH spine AS (SELECT k, v FROM a), beside AS (SELECT b.k, b.x, c.y FROM b LEFT JOIN c ON c.k = b.k),
                once AS (SELECT d.k, SUM(d.z) AS z FROM d JOIN meta.e AS e ON e.k = d.k GROUP BY d.k)
                SELECT spine.k, spine.v AS value, beside.x, beside.y + 1 AS y, once.z, f.w
                FROM spine LEFT JOIN beside ON beside.k = spine.k LEFT JOIN once ON once.k = beside.k
                LEFT JOIN f ON f.k = spine.k";
    check(wide, "k value", "a");
    check(wide, "x", "a b");
    check(wide, "y", "a b c");
    // What it is joined by counts too.
    check(wide, "z", "a b d e");
    check(wide, "value w", "a f");
    check(wide, "*", "a b c d e f");
    check(&format!("{wide} WHERE f.w > 1"), "value", "a f");
}

#[test]
fn in_doubt_a_table_counts() {
    check("SELECT a.x, y FROM a LEFT JOIN b ON b.k = a.k", "x", "a");
    check("SELECT a.x, y FROM a LEFT JOIN b ON b.k = a.k", "y", "a b");
    check("SELECT a.x FROM a JOIN b ON b.k = a.k", "x", "a b");
    check("SELECT a.x FROM a RIGHT JOIN b ON b.k = a.k", "x", "a b");
    check("SELECT SUM(a.x) AS x FROM a LEFT JOIN b ON b.k = a.k GROUP BY a.k", "x", "a b");
    check("SELECT SUM(a.x) AS x FROM a LEFT JOIN b ON b.k = a.k", "x", "a b");
    check("SELECT DISTINCT a.x FROM a LEFT JOIN b ON b.k = a.k", "x", "a b");
    check("SELECT x FROM a UNION ALL SELECT x FROM b LEFT JOIN c ON c.k = b.k", "x", "a b c");
    check("SELECT (SELECT MAX(y) FROM b WHERE b.k = a.k) AS x FROM a", "x", "a b");
    check("SELECT * FROM a LEFT JOIN b ON b.k = a.k", "x", "a b");
    // Counted outside, joined inside.
    check("SELECT COUNT(*) AS n FROM (SELECT a.x FROM a LEFT JOIN b ON b.k = a.k) AS q", "n", "a b");
    check("WITH j AS (SELECT a.x FROM a LEFT JOIN b ON b.k = a.k) SELECT SUM(x) AS s FROM j", "s", "a b");
    check("SELECT q.x FROM (SELECT a.x, b.y FROM a LEFT JOIN b ON b.k = a.k ORDER BY 2 LIMIT 5) AS q", "x", "a b");
    check("SELECT a.x FROM a LEFT JOIN (SELECT k, j FROM b) AS b ON b.k = a.k JOIN z USING (j)", "x", "a b z");
    check("SELECT a.x FROM a LEFT JOIN b ON b.k = a.k NATURAL JOIN z", "x", "a b z");
    check("SELECT q.x FROM (SELECT a.x, b.y FROM a LEFT JOIN b ON b.k = a.k) AS q", "x", "a");
    check("SELECT q.x FROM (SELECT a.x, b.y FROM a LEFT JOIN b ON b.k = a.k) AS q(y, x)", "x", "a b");
    check("WITH a AS (SELECT k FROM main.a) SELECT k FROM a", "k", "a");
    check("WITH a AS (SELECT k FROM b) SELECT k FROM history.a", "k", "a");
}
