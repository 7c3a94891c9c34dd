//! Which tables some columns of a SELECT rest on, told from its syntax tree.
//!
//! A wide model joins many tables, and who asks it for deaths does not rest on its prescriptions. What is on the right of a LEFT
//! JOIN counts only where a column is taken from it. In doubt a table counts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

type Names = BTreeSet<String>;

/// Functions that make one value of many rows, of those that a portable SELECT may call.
const OF_MANY: &[&str] = &["sum", "count", "count_star", "min", "max", "avg", "string_agg"];

/// Common table expressions by name, each of which sees those before it.
type Ctes<'a> = Vec<(String, &'a Value)>;

/// The tables that these columns rest on, or all columns: names in lower case, without their schema.
pub(crate) fn tables(tree: &Value, wanted: Option<&Names>) -> Names {
    let mut found = Names::new();
    if let Some(node) = tree.pointer("/statements/0/node") {
        query(node, wanted, &[], &mut found);
    }
    found
}

fn query<'a>(node: &'a Value, wanted: Option<&Names>, outer: &[(String, &'a Value)], found: &mut Names) {
    let own = node.pointer("/cte_map/map").and_then(Value::as_array).into_iter().flatten();
    let own = own.filter_map(|cte| Some((text(cte, "key"), cte.pointer("/value/query/node")?)));
    let ctes: Ctes = outer.iter().cloned().chain(own).collect();
    match text(node, "type").as_str() {
        "select_node" => select(node, wanted, &ctes, found),
        _ => everything(node, &ctes, found),
    }
}

fn select<'a>(node: &'a Value, wanted: Option<&Names>, ctes: &Ctes<'a>, found: &mut Names) {
    let of = |name: &str| node.get(name).unwrap_or(&Value::Null);
    let mut seen = Seen::default();
    // Rows that are grouped, or of which each stands once, rest on whatever made them as many as they are.
    let is_grouped = [of("group_expressions"), of("having")].iter().any(|value| holds(value))
        || calls(of("select_list"), OF_MANY)
        || text(node, "aggregate_handling") != "standard_handling"
        || modifiers(node).any(|modifier| text(modifier, "type") == "distinct_modifier");
    for item in of("select_list").as_array().into_iter().flatten() {
        let is_wanted = wanted.is_none_or(|wanted| name(item).is_none_or(|name| wanted.contains(&name)));
        if is_wanted || is_grouped {
            seen.take(item, ctes, found);
        }
    }
    for part in ["where_clause", "group_expressions", "having", "qualify", "modifiers"] {
        seen.take(of(part), ctes, found);
    }
    let mut sources = Vec::new();
    seen.flatten(of("from_table"), &mut sources, ctes, found);
    let mut joined = Vec::new();
    loop {
        let counts = |source: &Source| !source.is_optional || is_grouped || seen.names(&source.names);
        let (now, later): (Vec<_>, Vec<_>) = sources.into_iter().partition(counts);
        if now.is_empty() {
            break;
        }
        now.iter().filter_map(|source| source.condition).for_each(|condition| seen.take(condition, ctes, found));
        joined.extend(now);
        sources = later;
    }
    for source in joined {
        let wanted = seen.wanted(&source.names);
        table(source.node, wanted.as_ref(), ctes, found);
    }
}

/// What a FROM names: a table, a CTE or a question.
fn table<'a>(node: &'a Value, wanted: Option<&Names>, ctes: &Ctes<'a>, found: &mut Names) {
    // Columns that are given other names here are not followed.
    let is_renamed = node.get("column_name_alias").is_some_and(holds);
    let wanted = if is_renamed { None } else { wanted };
    match text(node, "type").as_str() {
        "base_table" => {
            let name = text(node, "table_name");
            let cte = ctes.iter().rposition(|(cte, _)| *cte == name && text(node, "schema_name").is_empty());
            match cte.and_then(|place| Some((ctes.get(place)?.1, ctes.get(..place)?))) {
                Some((body, before)) => query(body, wanted, before, found),
                None => drop(found.insert(name)),
            }
        }
        "subquery" => match node.pointer("/subquery/node") {
            Some(asked) => query(asked, wanted, ctes, found),
            None => everything(node, ctes, found),
        },
        _ => everything(node, ctes, found),
    }
}

/// All tables that are named anywhere within.
fn everything<'a>(value: &'a Value, ctes: &Ctes<'a>, found: &mut Names) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| everything(item, ctes, found)),
        Value::Object(_) if text(value, "type") == "base_table" => table(value, None, ctes, found),
        Value::Object(node) => {
            // A SELECT within has CTEs of its own.
            if text(value, "type") == "select_node" {
                query(value, None, ctes, found);
            } else {
                node.values().for_each(|child| everything(child, ctes, found));
            }
        }
        _ => {}
    }
}

/// A part of a FROM.
struct Source<'a> {
    /// Under which names its columns are asked for.
    names: Names,
    node: &'a Value,
    /// By what it is joined, where it is on the right of a LEFT JOIN.
    condition: Option<&'a Value>,
    is_optional: bool,
}

/// The columns that some expressions name.
#[derive(Default)]
struct Seen {
    /// By the name that stands before them.
    of: BTreeMap<String, Names>,
    /// With none before them, so that they may be anybody's.
    bare: Names,
    all: bool,
}

impl Seen {
    fn take<'a>(&mut self, value: &'a Value, ctes: &Ctes<'a>, found: &mut Names) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.take(item, ctes, found)),
            Value::Object(node) => {
                match text(value, "class").as_str() {
                    "column_ref" => self.column(node.get("column_names")),
                    "star" => self.all = true,
                    _ => {}
                }
                if text(value, "type") == "base_table" {
                    table(value, None, ctes, found);
                }
                node.values().for_each(|child| self.take(child, ctes, found));
            }
            _ => {}
        }
    }

    fn column(&mut self, names: Option<&Value>) {
        let names = names.and_then(Value::as_array).into_iter().flatten();
        let names: Vec<String> = names.filter_map(Value::as_str).map(str::to_lowercase).collect();
        match names.as_slice() {
            [name] => drop(self.bare.insert(name.clone())),
            // Of three names the first may be a schema, or the last a field.
            names => names.iter().enumerate().for_each(|(place, name)| {
                let behind = names.iter().skip(place + 1).cloned();
                self.of.entry(name.clone()).or_default().extend(behind);
            }),
        }
    }

    /// Whether columns may be taken from what has one of these names.
    fn names(&self, names: &Names) -> bool {
        self.all || !self.bare.is_empty() || names.iter().any(|name| self.of.contains_key(name))
    }

    fn wanted(&self, names: &Names) -> Option<Names> {
        let of = names.iter().filter_map(|name| self.of.get(name)).flatten();
        (!self.all).then(|| of.chain(&self.bare).cloned().collect())
    }

    fn flatten<'a>(&mut self, node: &'a Value, into: &mut Vec<Source<'a>>, ctes: &Ctes<'a>, found: &mut Names) {
        if text(node, "type") != "join" {
            into.push(Source { names: aliases(node), node, condition: None, is_optional: false });
            return;
        }
        let of = |name: &str| node.get(name).unwrap_or(&Value::Null);
        self.flatten(of("left"), into, ctes, found);
        if text(node, "join_type") == "left" {
            let (right, condition) = (of("right"), Some(of("condition")));
            into.push(Source { names: aliases(right), node: right, condition, is_optional: true });
        } else {
            self.take(of("condition"), ctes, found);
            self.flatten(of("right"), into, ctes, found);
        }
    }
}

/// The names under which columns of a part of a FROM are asked for.
fn aliases(node: &Value) -> Names {
    match text(node, "type").as_str() {
        "join" => ["left", "right"].iter().filter_map(|side| node.get(side)).flat_map(aliases).collect(),
        _ => ["alias", "table_name"].map(|name| text(node, name)).into_iter().filter(|name| !name.is_empty()).collect(),
    }
}

/// The name of a column of an answer; none where there is no telling.
fn name(item: &Value) -> Option<String> {
    let alias = text(item, "alias");
    if !alias.is_empty() {
        return Some(alias);
    }
    let names = item.get("column_names")?.as_array()?;
    names.last()?.as_str().map(str::to_lowercase)
}

/// Whether one of these functions is called within.
fn calls(value: &Value, functions: &[&str]) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| calls(item, functions)),
        Value::Object(node) => {
            functions.contains(&text(value, "function_name").as_str())
                || node.values().any(|child| calls(child, functions))
        }
        _ => false,
    }
}

fn modifiers(node: &Value) -> impl Iterator<Item = &Value> {
    node.get("modifiers").and_then(Value::as_array).into_iter().flatten()
}

/// Whether anything stands there.
fn holds(value: &Value) -> bool {
    !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty())
}

/// A text of a node in lower case; empty where there is none.
fn text(node: &Value, name: &str) -> String {
    node.get(name).and_then(Value::as_str).unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::tree_of;

    #[track_caller]
    fn check(sql: &str, wanted: &str, expected: &str) {
        let wanted: Names = wanted.split_whitespace().map(str::to_owned).collect();
        let found = tables(&tree_of(sql), (!wanted.contains("*")).then_some(&wanted));
        assert_eq!(found.into_iter().collect::<Vec<_>>().join(" "), expected, "{sql}");
    }

    #[test]
    fn what_is_joined_on_counts_where_a_column_is_taken_from_it() {
        let wide =
            "WITH spine AS (SELECT k, v FROM a), beside AS (SELECT b.k, b.x, c.y FROM b LEFT JOIN c ON c.k = b.k),
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
        check("SELECT q.x FROM (SELECT a.x, b.y FROM a LEFT JOIN b ON b.k = a.k) AS q", "x", "a");
        check("SELECT q.x FROM (SELECT a.x, b.y FROM a LEFT JOIN b ON b.k = a.k) AS q(y, x)", "x", "a b");
        check("WITH a AS (SELECT k FROM main.a) SELECT k FROM a", "k", "a");
        check("WITH a AS (SELECT k FROM b) SELECT k FROM history.a", "k", "a");
    }
}
