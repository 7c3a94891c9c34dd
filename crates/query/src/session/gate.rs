//! The gate: what SQL may do, decided on its syntax tree before it runs.
//!
//! The kind of a statement says too little: a CTE may write, and functions may read files or run other SQL. So the tree
//! that DuckDB's own parser gives is walked, and whatever is not known to be reading is refused, by name.

use std::collections::BTreeSet;

use duckdb::Connection;
use model::{Error, Kind, Result, ResultExt as _};
use serde_json::{Map, Value};

use crate::catalogue::macros;

/// What a tree may consist of besides expressions: parts of queries, sources of rows, orders and limits.
const ALLOWED: &[&str] = &[
    "SELECT_NODE",
    "SET_OPERATION_NODE",
    "RECURSIVE_CTE_NODE",
    "CTE_NODE",
    "BASE_TABLE",
    "SUBQUERY",
    "JOIN",
    "TABLE_FUNCTION",
    "EXPRESSION_LIST",
    "EMPTY",
    "PIVOT",
    "SHOW_REF",
    "ORDER_MODIFIER",
    "LIMIT_MODIFIER",
    "LIMIT_PERCENT_MODIFIER",
    "DISTINCT_MODIFIER",
    "ASCENDING",
    "DESCENDING",
    "ORDER_DEFAULT",
    "INVALID",
];

/// Functions that make rows out of their arguments alone. Any other source of rows is refused, but for macros of ours.
const TABLE_FUNCTIONS: &[&str] = &["range", "generate_series", "unnest", "json_each", "json_tree"];

/// Functions of values that do more than compute.
const FORBIDDEN: &[&str] = &[
    "json_execute_serialized_sql",
    "getenv",
    "nextval",
    "currval",
    "query",
    "query_table",
    "glob",
    "sleep_ms",
    "write_log",
];

/// Schemas that hold views.
const SCHEMAS: &[&str] = &["", "main", "history", "meta", "information_schema", "pg_catalog"];

const HINT: &str = "`sql` answers one SELECT over the views of main, history and meta; `tollhouse datasets` lists them";

/// Refuses whatever does more than read the views. Returns the names of all tables that the SQL mentions, in lower
/// case and without their schema; those of its own CTEs are among them.
pub(crate) fn check(connection: &Connection, sql: &str) -> Result<BTreeSet<String>> {
    check_in(connection, sql, &[])
}

/// The same where views of other schemas may be read, too.
pub(crate) fn check_in(connection: &Connection, sql: &str, schemas: &[&str]) -> Result<BTreeSet<String>> {
    let tree = tree(connection, sql)?;
    let statements = tree.get("statements").and_then(Value::as_array).map_or(0, Vec::len);
    if statements != 1 {
        let message = format!("{statements} statements were given: one question at a time");
        return Err(Error::new(Kind::Usage, message).hint(HINT));
    }
    let mut names = BTreeSet::new();
    walk(&tree, schemas, &mut names)?;
    Ok(names)
}

/// What the expressions of some SQL are made of, in lower case.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// The functions that they call.
    pub(crate) functions: BTreeSet<String>,
    /// The columns that they name, each part of a qualified name by itself; `*` where they name all.
    pub(crate) columns: BTreeSet<String>,
    /// Whether a question stands in one of them.
    pub(crate) asks: bool,
    /// Whether the answer is any few of its rows: a limit without an order.
    pub(crate) is_any_few: bool,
}

/// The words of SQL that [`check`] lets pass.
pub(crate) fn words(connection: &Connection, sql: &str) -> Result<Words> {
    Ok(words_of(&tree(connection, sql)?))
}

/// The words of a syntax tree.
pub(crate) fn words_of(tree: &Value) -> Words {
    let modifiers = tree.pointer("/statements/0/node/modifiers").and_then(Value::as_array);
    let has = |kind: &str| {
        let is_it = |modifier: &Value| modifier.get("type").and_then(Value::as_str) == Some(kind);
        modifiers.is_some_and(|modifiers| modifiers.iter().any(is_it))
    };
    let is_limited = has("LIMIT_MODIFIER") || has("LIMIT_PERCENT_MODIFIER");
    let mut words = Words { is_any_few: is_limited && !has("ORDER_MODIFIER"), ..Words::default() };
    gather(tree, &mut words);
    words
}

fn gather(value: &Value, words: &mut Words) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, words)),
        Value::Object(node) => {
            let text = |name: &str| node.get(name).and_then(Value::as_str).unwrap_or_default().to_lowercase();
            match text("class").as_str() {
                "function" | "window" => drop(words.functions.insert(text("function_name"))),
                "column_ref" => {
                    let names = node.get("column_names").and_then(Value::as_array).into_iter().flatten();
                    words.columns.extend(names.filter_map(Value::as_str).map(str::to_lowercase));
                }
                "star" => drop(words.columns.insert("*".to_owned())),
                "subquery" => words.asks = true,
                _ => {}
            }
            node.values().for_each(|child| gather(child, words));
        }
        _ => {}
    }
}

/// The syntax tree that DuckDB's parser gives.
pub(crate) fn tree(connection: &Connection, sql: &str) -> Result<Value> {
    let serialize = "SELECT CAST(json_serialize_sql(CAST(? AS VARCHAR)) AS VARCHAR)";
    let text: String = connection
        .query_row(serialize, [sql], |row| row.get(0))
        .or_error(Kind::Internal, "DuckDB does not show its syntax tree")?;
    let tree: Value = serde_json::from_str(&text).or_error(Kind::Internal, "DuckDB's syntax tree is not JSON")?;
    if tree.get("error").and_then(Value::as_bool) != Some(true) {
        return Ok(tree);
    }
    let field = |name: &str| tree.get(name).and_then(Value::as_str).unwrap_or_default();
    if field("error_type") == "parser" {
        let at = field("position").parse::<usize>().map(|at| format!(" (character {})", at + 1));
        let message = format!("the SQL cannot be parsed: {}{}", field("error_message"), at.unwrap_or_default());
        return Err(Error::new(Kind::Usage, message).hint(HINT));
    }
    Err(Error::new(Kind::Usage, format!("`{}` is refused: sql only reads", verb(sql))).hint(HINT))
}

/// The first word of a statement, behind comments.
fn verb(sql: &str) -> String {
    let mut rest = sql.trim_start();
    loop {
        let end = if rest.starts_with("--") {
            rest.find('\n').map(|at| at + 1)
        } else if rest.starts_with("/*") {
            rest.find("*/").map(|at| at + 2)
        } else {
            break;
        };
        rest = rest[end.unwrap_or(rest.len())..].trim_start();
    }
    rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default().to_uppercase()
}

fn walk(value: &Value, schemas: &[&str], names: &mut BTreeSet<String>) -> Result<()> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, schemas, names)),
        Value::Object(node) => {
            look(node, schemas, names)?;
            node.values().try_for_each(|child| walk(child, schemas, names))
        }
        _ => Ok(()),
    }
}

fn look(node: &Map<String, Value>, schemas: &[&str], names: &mut BTreeSet<String>) -> Result<()> {
    let text = |name: &str| node.get(name).and_then(Value::as_str).unwrap_or_default();
    let function = text("function_name").to_lowercase();
    if FORBIDDEN.contains(&function.as_str()) || function.starts_with("read_") || function.starts_with("parquet_") {
        return Err(refuse(&format!("function {function}")));
    }
    // Expressions have a class, and are judged by their functions; literals and types are data.
    let kind = text("type");
    if node.contains_key("class") || kind.is_empty() || kind.ends_with("_TYPE_INFO") {
        return Ok(());
    }
    if !ALLOWED.contains(&kind) {
        return Err(refuse(kind));
    }
    match kind {
        "TABLE_FUNCTION" => {
            let name = node.get("function").and_then(|f| f.get("function_name")).and_then(Value::as_str);
            let name = name.unwrap_or_default().to_lowercase();
            match macros::read_by(&name) {
                Some(views) => names.extend(views.iter().map(|&view| view.to_owned())),
                None if TABLE_FUNCTIONS.contains(&name.as_str()) => {}
                None => return Err(refuse(&format!("TABLE_FUNCTION {name}"))),
            }
        }
        "BASE_TABLE" => {
            let (catalogue, schema, table) = (text("catalog_name"), text("schema_name"), text("table_name"));
            // DuckDB takes an unknown name that looks like a file's for a file.
            let plain = table.chars().all(|c| c.is_alphanumeric() || c == '_');
            let lower = schema.to_lowercase();
            let known = SCHEMAS.iter().chain(schemas).any(|known| *known == lower);
            if !catalogue.is_empty() || !known || !plain {
                let name: Vec<&str> = [catalogue, schema, table].into_iter().filter(|p| !p.is_empty()).collect();
                return Err(refuse(&format!("BASE_TABLE {}", name.join("."))));
            }
            names.insert(table.to_lowercase());
        }
        _ => {}
    }
    Ok(())
}

fn refuse(what: &str) -> Error {
    Error::new(Kind::Usage, format!("`{what}` is refused: sql only reads the warehouse's views")).hint(HINT)
}
