//! SQL over one snapshot, which only reads.
//!
//! A session is a DuckDB in memory with the views of the catalogue, locked before the first question: no file outside the
//! warehouse's tables, no extension, bounded memory. What is asked must be a SELECT, looked at as DuckDB parsed it.

use arrow::array::{Array as _, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use duckdb::Connection;
use model::column::Vocabulary;
use model::dataset::Dataset;
use model::{Error, Kind, Result, ResultExt as _};
use serde_json::Value;
use store::Warehouse;
use store::commit::Snapshot;

use crate::catalogue::Plan;
use crate::sql;

/// A read-only view of one snapshot.
pub struct Session {
    connection: Connection,
}

/// The answer to a question: cells as text, decimals exactly as they are, dates as ISO 8601.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows; `None` is null.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Session {
    /// Opens a snapshot.
    pub fn open(
        warehouse: &Warehouse,
        snapshot: &Snapshot,
        datasets: &[Dataset],
        vocabulary: &Vocabulary,
    ) -> Result<Self> {
        let connection = Connection::open_in_memory().or_error(Kind::Internal, "DuckDB does not start")?;
        Plan::of(warehouse, snapshot, datasets, vocabulary)?.apply(&connection)?;
        let tables = sql::text(&warehouse.root().join("tables").display().to_string());
        let lock = format!(
            "SET autoinstall_known_extensions = false; SET autoload_known_extensions = false;
             SET memory_limit = '4GB'; SET threads = 2; SET allowed_directories = [{tables}];
             SET enable_external_access = false; SET lock_configuration = true;"
        );
        connection.execute_batch(&lock).or_error(Kind::Internal, "DuckDB cannot be locked down")?;
        Ok(Self { connection })
    }

    /// Answers one SELECT.
    pub fn query(&self, question: &str) -> Result<Answer> {
        self.gate(question)?;
        let refused = |error: duckdb::Error| sql::refused(&error);
        let mut statement = self.connection.prepare(question).map_err(refused)?;
        let batches: Vec<RecordBatch> = statement.query_arrow([]).map_err(refused)?.collect();
        let schema = statement.schema();
        let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        let options = FormatOptions::default();
        let mut rows = Vec::new();
        for batch in &batches {
            let formatters = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
                .collect::<std::result::Result<Vec<_>, _>>()
                .or_error(Kind::Internal, "a column of the answer cannot be printed")?;
            for row in 0..batch.num_rows() {
                let cells = formatters.iter().zip(batch.columns());
                rows.push(
                    cells.map(|(cell, column)| (!column.is_null(row)).then(|| cell.value(row).to_string())).collect(),
                );
            }
        }
        Ok(Answer { columns, rows })
    }

    /// Lets only SELECT through, however it is wrapped, and only from the views.
    fn gate(&self, question: &str) -> Result<()> {
        let tree: String = self
            .connection
            .query_row("SELECT json_serialize_sql(CAST(? AS VARCHAR))", [question], |row| row.get(0))
            .map_err(|error| sql::refused(&error))?;
        let tree: Value = serde_json::from_str(&tree).or_error(Kind::Internal, "DuckDB's parse cannot be read")?;
        if tree["error"].as_bool() == Some(true) {
            let words = tree["error_message"].as_str().unwrap_or("it cannot be parsed");
            return Err(Error::new(Kind::Usage, format!("the SQL is refused: {words}"))
                .hint("`sql` answers one SELECT, and only reads; `tollhouse datasets` lists the tables"));
        }
        if tree["statements"].as_array().map(Vec::len) != Some(1) {
            return Err(Error::new(Kind::Usage, "one question at a time"));
        }
        walk(&tree)
    }
}

/// Functions that read something else than the views, or run SQL that was not looked at.
const FORBIDDEN: &[&str] =
    &["read_", "glob", "json_execute_serialized_sql", "query", "query_table", "sniff_csv", "parquet_"];

fn walk(node: &Value) -> Result<()> {
    match node {
        Value::Object(fields) => {
            let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
            if kind.ends_with("_NODE")
                && !matches!(kind, "SELECT_NODE" | "SET_OPERATION_NODE" | "RECURSIVE_CTE_NODE" | "CTE_NODE")
            {
                return Err(Error::new(Kind::Usage, format!("`sql` only reads, and this has a {kind}")));
            }
            if let Some(name) = fields.get("function_name").and_then(Value::as_str)
                && FORBIDDEN.iter().any(|word| name == *word || (word.ends_with('_') && name.starts_with(word)))
            {
                return Err(Error::new(Kind::Usage, format!("`sql` reads the warehouse's views only, not {name}()")));
            }
            fields.values().try_for_each(walk)
        }
        Value::Array(items) => items.iter().try_for_each(walk),
        _ => Ok(()),
    }
}
