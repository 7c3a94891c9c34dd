//! What can go wrong: a table that does not read, a format that does not print, a port that does not open.

/// Why a replica did not start, or a document did not print.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// An embedded table is missing or not as its printer expects: our bug.
    #[error("table {path}: {reason}")]
    Table {
        /// Path under `tables/`.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A publisher's format did not print: our bug.
    #[error("cannot print {what}: {reason}")]
    Print {
        /// The document.
        what: String,
        /// What went wrong.
        reason: String,
    },
    /// The loopback port did not open, or the runtime did not start.
    #[error("cannot serve on loopback: {reason}")]
    Serve {
        /// What the system said.
        reason: String,
    },
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn table(path: &str, reason: impl ToString) -> Self {
        Self::Table { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn print(what: &str, reason: impl ToString) -> Self {
        Self::Print { what: what.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn serve(reason: impl ToString) -> Self {
        Self::Serve { reason: reason.to_string() }
    }
}
