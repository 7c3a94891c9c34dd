//! Tables of the project's own: read from the project, and kept and recorded as if they had been fetched.
//!
//! Facts that no publisher serves as a file (which county codes followed which) stand in `warehouse/reference/`. Their
//! address begins with [`OWN`]; the rest of it is their path in the project. So a row made from one knows its capture
//! like any other.

use std::io::Write as _;
use std::sync::Arc;

use model::{Error, Kind, Result, ResultExt as _};
use store::archive::Exchange;

use super::body::distinct;
use super::{Engine, Fetched, Inspect, Peek, blocking};
use crate::content;
use crate::extract::{Page, Request};

/// How the address of a table of the project's own begins.
const OWN: &str = "project:";

/// Reads a file of the project, by its path in it.
pub type Own = Arc<dyn Fn(&str) -> Result<Vec<u8>> + Send + Sync>;

/// What is known of a table of the project's own before it is read: its path.
pub(super) fn path(request: &Request) -> Option<&str> {
    request.url.strip_prefix(OWN)
}

impl Engine {
    /// The engine, with a project to read from.
    #[must_use]
    pub fn reading(mut self, own: Own) -> Self {
        self.own = Some(own);
        self
    }

    /// Reads, looks at, keeps and records a table of the project's own.
    pub(super) fn read_own(&self, path: &str, request: &Request, inspect: Inspect<'_>) -> Result<Fetched> {
        let started = (self.clock)();
        let bytes = self.own(path)?;
        let length = bytes.len() as u64;
        let seen = Page::of_bytes(&request.url, bytes.as_slice());
        blocking(|| {
            content::container(&seen, request.expect, length)?;
            inspect(&seen)?;
            let held = self.archive.latest(&request.url)?.and_then(|exchange| exchange.digest);
            let mut spool = self.archive.spool()?;
            spool.write_all(&bytes).or_error(Kind::Io, format!("cannot keep {}", request.url))?;
            let digest = self.archive.keep(spool)?;
            let exchange = Exchange {
                format: Exchange::FORMAT,
                id: Exchange::new_id(&request.url, started, &distinct()),
                url: request.url.clone(),
                via: "project".to_owned(),
                method: "READ".to_owned(),
                body: None,
                sent: Vec::new(),
                status: 0,
                headers: Vec::new(),
                started,
                finished: (self.clock)(),
                attempts: 1,
                digest: Some(digest.clone()),
                bytes: length,
                refused: None,
            };
            self.archive.record(&exchange)?;
            let (archive, body) = (self.archive.clone(), digest.clone());
            let open = move || archive.open(&body).map_err(std::io::Error::other);
            let page = Page::new(request.url.clone(), Vec::new(), digest.clone(), open);
            Ok(Fetched { page, exchange: exchange.id, not_modified: held == Some(digest), bytes: length })
        })
    }

    /// The whole of a table of the project's own, for a probe.
    pub(super) fn peek_own(&self, path: &str, request: &Request) -> Result<Peek> {
        Ok(Peek { page: Page::of_bytes(&request.url, self.own(path)?), whole: true })
    }

    fn own(&self, path: &str) -> Result<Vec<u8>> {
        let own = self.own.as_ref().ok_or_else(|| {
            Error::new(Kind::Internal, format!("{path} is the project's own, and the engine was given no project"))
        })?;
        own(path)
    }
}
