//! One error for the whole program: a kind to branch on, words to read, a hint for what to do next.
//!
//! `Display` never repeats its source; the chain is walked once, where the error is reported.

use std::fmt;

/// The classes of failure that an operator's script must be able to tell apart. Each has an exit code of its own
/// (`tollhouse --help` lists them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The command, the configuration or a declaration is wrong.
    Usage,
    /// The publisher could not be reached, or kept failing until we gave up.
    Unreachable,
    /// The publisher answered, and refused: not found, forbidden, throttled for good.
    Refused,
    /// What came is not the data: an HTML page, a Git-LFS pointer, a cut or corrupt file.
    NotData,
    /// It is data, but not in a shape that the pipeline declares: the publisher changed its format, or the file is
    /// another table.
    Changed,
    /// The data were read, and a check that a commit needs failed.
    CheckFailed,
    /// Another writer committed the same dataset first.
    LostRace,
    /// Bytes on our own disk are not what the snapshot says.
    Damaged,
    /// The local disk or file system failed us.
    Io,
    /// A bug of ours.
    Internal,
}

/// What failed, where, and what to do next.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
    retryable: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of everything in this workspace that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of the given kind; `message` says what was tried and what came of it.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, retryable: false, source: None }
    }

    /// Says what to do next; printed on a line of its own.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Keeps the cause, to be printed below this error.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Marks a failure that the same request may outlive: the publisher is busy, the line was cut.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Puts what was being done in front of the message.
    #[must_use]
    pub fn while_doing(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// The class of failure.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What to do next, if we know.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Turns any error into ours where it happens, so that the kind is decided by those who know it.
pub trait ResultExt<T> {
    /// Wraps the cause under a message of ours.
    fn or_error(self, kind: Kind, message: impl Into<String>) -> Result<T>;
}

impl<T, E> ResultExt<T> for std::result::Result<T, E>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn or_error(self, kind: Kind, message: impl Into<String>) -> Result<T> {
        self.map_err(|cause| Error::new(kind, message).caused_by(cause))
    }
}
