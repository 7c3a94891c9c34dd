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
        query(node, &Asked { wanted, each_counts: false }, &[], &mut found);
    }
    found
}

/// What is asked of a part of a query.
#[derive(Clone, Copy)]
struct Asked<'a> {
    /// Its columns; all where none are named.
    wanted: Option<&'a Names>,
    /// Whether it counts how many rows there are, as where they are added up: whatever makes them more then counts.
    each_counts: bool,
}

impl Asked<'_> {
    const ALL: Self = Self { wanted: None, each_counts: true };
}

fn query<'a>(node: &'a Value, asked: &Asked<'_>, outer: &[(String, &'a Value)], found: &mut Names) {
    let own = node.pointer("/cte_map/map").and_then(Value::as_array).into_iter().flatten();
    let own = own.filter_map(|cte| Some((text(cte, "key"), cte.pointer("/value/query/node")?)));
    let ctes: Ctes = outer.iter().cloned().chain(own).collect();
    match text(node, "type").as_str() {
        "select_node" => select(node, asked, &ctes, found),
        _ => everything(node, &ctes, found),
    }
}

fn select<'a>(node: &'a Value, asked: &Asked<'_>, ctes: &Ctes<'a>, found: &mut Names) {
    let of = |name: &str| node.get(name).unwrap_or(&Value::Null);
    let mut seen = Seen::default();
    // Rows that are grouped, of which each stands once or only so many stand, rest on whatever made them as many as they are.
    let each_counts = asked.each_counts
        || [of("group_expressions"), of("having")].iter().any(|value| holds(value))
        || calls(of("select_list"), OF_MANY)
        || text(node, "aggregate_handling") != "standard_handling"
        || modifiers(node).any(|modifier| text(modifier, "type") != "order_modifier");
    for item in of("select_list").as_array().into_iter().flatten() {
        let is_wanted = asked.wanted.is_none_or(|wanted| name(item).is_none_or(|name| wanted.contains(&name)));
        if is_wanted || each_counts {
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
        let counts = |source: &Source| !source.is_optional || each_counts || seen.names(&source.names);
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
        table(source.node, &Asked { wanted: wanted.as_ref(), each_counts }, ctes, found);
    }
}

/// What a FROM names: a table, a CTE or a question.
fn table<'a>(node: &'a Value, asked: &Asked<'_>, ctes: &Ctes<'a>, found: &mut Names) {
    // Columns that are given other names here are not followed.
    let is_renamed = node.get("column_name_alias").is_some_and(holds);
    let asked = if is_renamed { &Asked { wanted: None, ..*asked } } else { asked };
    match text(node, "type").as_str() {
        "base_table" => {
            let name = text(node, "table_name");
            let cte = ctes.iter().rposition(|(cte, _)| *cte == name && text(node, "schema_name").is_empty());
            match cte.and_then(|place| Some((ctes.get(place)?.1, ctes.get(..place)?))) {
                Some((body, before)) => query(body, asked, before, found),
                None => drop(found.insert(name)),
            }
        }
        "subquery" => match node.pointer("/subquery/node") {
            Some(body) => query(body, asked, ctes, found),
            None => everything(node, ctes, found),
        },
        _ => everything(node, ctes, found),
    }
}

/// All tables that are named anywhere within.
fn everything<'a>(value: &'a Value, ctes: &Ctes<'a>, found: &mut Names) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| everything(item, ctes, found)),
        Value::Object(_) if text(value, "type") == "base_table" => table(value, &Asked::ALL, ctes, found),
        Value::Object(node) => {
            // A SELECT within has CTEs of its own.
            if text(value, "type") == "select_node" {
                query(value, &Asked::ALL, ctes, found);
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
                    table(value, &Asked::ALL, ctes, found);
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
        // What USING names may be anybody's, and so may what a NATURAL JOIN does not even name.
        let using = of("using_columns").as_array().into_iter().flatten().filter_map(Value::as_str);
        self.bare.extend(using.map(str::to_lowercase));
        self.all |= text(node, "ref_type") == "natural";
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

/// Whether one of these functions, or any over a window, is called within.
fn calls(value: &Value, functions: &[&str]) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| calls(item, functions)),
        Value::Object(node) => {
            functions.contains(&text(value, "function_name").as_str())
                || text(value, "class") == "window"
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
mod tests;
