//! Writing SQL: names and literals, quoted so that no value can become code; and DuckDB's errors in our words.

use model::{Error, Kind};

/// A quoted identifier.
pub(crate) fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A text literal.
pub(crate) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A text literal, or NULL.
pub(crate) fn optional<T: AsRef<str>>(value: Option<T>) -> String {
    value.map_or_else(|| "NULL".to_owned(), |value| text(value.as_ref()))
}

/// A table of `meta` on its way: its definition and its rows.
pub(crate) struct Sheet {
    table: &'static str,
    columns: &'static str,
    rows: Vec<String>,
}

impl Sheet {
    /// An empty table; `columns` as in CREATE TABLE.
    pub(crate) fn new(table: &'static str, columns: &'static str) -> Self {
        Self { table, columns, rows: Vec::new() }
    }

    /// Adds a row of literals.
    pub(crate) fn row(&mut self, literals: &[String]) {
        self.rows.push(format!("({})", literals.join(", ")));
    }

    /// The statements that make the table and fill it.
    pub(crate) fn statements(self) -> Vec<String> {
        let mut all = vec![format!("CREATE TABLE meta.{} ({})", self.table, self.columns)];
        if !self.rows.is_empty() {
            all.push(format!("INSERT INTO meta.{} VALUES\n{}", self.table, self.rows.join(",\n")));
        }
        all
    }
}

/// DuckDB's words, without the wrapping of its driver.
pub(crate) fn words(error: &duckdb::Error) -> String {
    match error {
        duckdb::Error::DuckDBFailure(_, Some(message)) => message.trim().to_owned(),
        other => other.to_string(),
    }
}

/// Whether DuckDB's words tell of a disk that is full or cannot be written, whatever it calls such an error: a commit of its own
/// that fails for want of room is none of the kind `IO Error`.
pub(crate) fn is_of_the_disk(words: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "No space left",
        "quota exceeded",
        "Could not write",
        "Could not fsync",
        "Could not sync",
        "Could not truncate",
        "Read-only file system",
        "Permission denied",
        "Failed to write",
    ];
    SIGNS.iter().any(|sign| words.contains(sign))
}

/// An error of DuckDB in reading the user's SQL: theirs, unless the data could not be read.
pub(crate) fn refused(error: &duckdb::Error) -> Error {
    let words = words(error);
    if words.starts_with("IO Error") {
        return Error::new(Kind::Damaged, format!("a part cannot be read: {words}"))
            .hint("`tollhouse snapshot verify` says what is missing or damaged");
    }
    let hint = if words.starts_with("Out of Memory") {
        "ask for fewer rows or columns, or aggregate first: an answer may use a bounded amount of memory"
    } else {
        "`tollhouse datasets show` prints a table's columns; meta.columns has them all"
    };
    Error::new(Kind::Usage, format!("DuckDB refuses the SQL: {words}")).hint(hint)
}
