//! Bodies: received into a spool, looked at, and only then let into the archive.
//!
//! Absent: what the data mean; that is asked of the extractor's `inspect`.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::{Digest, Error, Kind, Result};
use reqwest::Response;
use store::archive::{Exchange, Spool};
use store::file::Content;

use super::answer::{Head, updated};
use super::visit::{Body, Visit};
use super::{Engine, Fetched, Inspect, Passing, Setback, address, blocking};
use crate::content;
use crate::extract::{Expect, Page};

/// How much is gathered before it is hashed and written.
const WRITE: usize = 256 * 1024;

impl Engine {
    /// Makes room for a body from its first byte.
    pub(super) fn begin(&self, visit: &mut Visit, head: &Head) -> Result<(), Setback> {
        if head.length().is_some_and(|length| length > self.settings.max_bytes) {
            return Err(self.too_large(visit, head));
        }
        blocking(|| visit.start_body(head, || self.archive.spool()))?;
        Ok(())
    }

    /// Receives a body, or the rest of it, to its end.
    pub(super) async fn receive(&self, visit: &mut Visit, head: &Head, mut response: Response) -> Result<(), Setback> {
        let mut buffer = Vec::with_capacity(WRITE);
        let cut = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    buffer.extend_from_slice(&chunk);
                    if visit.received + buffer.len() as u64 > self.settings.max_bytes {
                        return Err(self.too_large(visit, head));
                    }
                    if buffer.len() >= WRITE {
                        visit.write(&mut buffer)?;
                    }
                }
                Ok(None) => break None,
                Err(error) => break Some(error.without_url()),
            }
        };
        visit.write(&mut buffer)?;
        let whole = visit.body.as_ref().and_then(|body| body.whole);
        if cut.is_none() && whole.is_none_or(|whole| whole == visit.received) {
            return Ok(());
        }
        let promised = whole.map_or_else(String::new, |whole| format!(" of {whole}"));
        let what = format!("the body was cut after {}{promised} bytes", visit.received);
        if whole.is_some_and(|whole| visit.received > whole) {
            visit.forget_body();
        }
        let cause = cut.map(|error| error.into());
        Err(Passing { what, cause, head: Some(head.clone()), ..Passing::default() }.into())
    }

    fn too_large(&self, visit: &Visit, head: &Head) -> Setback {
        let error = Error::new(
            Kind::NotData,
            format!("{} is larger than the {} bytes that are allowed", visit.canonical, self.settings.max_bytes),
        )
        .hint("raise `max_bytes` in the configuration if the publisher's file has really grown");
        Setback::Refused(head.clone(), error)
    }

    /// Lets a body that came whole into the archive, if it is what was asked for.
    pub(super) fn admit(&self, visit: &mut Visit, inspect: Inspect<'_>) -> Result<Fetched, Setback> {
        let Some(Body { spool, head, .. }) = visit.body.take() else {
            return Err(Error::new(Kind::Internal, "a body came and was not kept").into());
        };
        let (digest, bytes) = (spool.digest(), spool.len());
        let spool = Arc::new(Mutex::new(Some(spool)));
        let page = {
            let spool = spool.clone();
            Page::new(visit.canonical.clone(), head.headers.clone(), digest, move || read_back(&spool))
        };
        if let Err(error) = blocking(|| self.judge(&page, visit.expect, bytes, inspect)) {
            return Err(verdict(head, error));
        }
        // Whoever still holds the page under inspection loses its body here, not its digest.
        let spool = spool.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(spool) = spool else {
            return Err(Error::new(Kind::Internal, "a body was kept twice").into());
        };
        let digest = blocking(|| self.archive.keep(spool))?;
        let exchange = self.record(visit, &head, Some(digest.clone()), bytes, None)?;
        tracing::debug!(url = visit.canonical, bytes, %digest, attempts = visit.attempts, "fetched");
        let page = self.archived(visit, head.headers, digest);
        Ok(Fetched { page, exchange, not_modified: false, bytes })
    }

    /// The publisher says that what we hold is current: that is recorded, and the archived body is looked at again,
    /// because the pipeline may have changed.
    pub(super) fn unchanged(&self, visit: &Visit, head: &Head, inspect: Inspect<'_>) -> Result<Fetched, Setback> {
        let held = visit.previous.as_ref().and_then(|previous| Some((previous, previous.digest.clone()?)));
        let Some((previous, digest)) = held else {
            return Err(Error::new(Kind::Internal, "a condition was sent without a body to fall back on").into());
        };
        let bytes = previous.bytes;
        let head = Head { status: head.status, headers: updated(&previous.headers, &head.headers) };
        let page = self.archived(visit, head.headers.clone(), digest.clone());
        if let Err(error) = blocking(|| inspect(&page)) {
            return Err(verdict(head, error));
        }
        let exchange = self.record(visit, &head, Some(digest), bytes, None)?;
        tracing::debug!(url = visit.canonical, attempts = visit.attempts, "not modified");
        Ok(Fetched { page, exchange, not_modified: true, bytes })
    }

    /// Is it the container that was expected, whole, and the table that was asked for?
    fn judge(&self, page: &Page, expect: Expect, bytes: u64, inspect: Inspect<'_>) -> Result<()> {
        content::container(page, expect, bytes)?;
        inspect(page)
    }

    fn archived(&self, visit: &Visit, headers: Vec<(String, String)>, digest: Digest) -> Page {
        let (archive, body) = (self.archive.clone(), digest.clone());
        Page::new(visit.canonical.clone(), headers, digest, move || archive.open(&body).map_err(std::io::Error::other))
    }

    /// Records the publisher's final answer; returns the name of the exchange.
    fn record(
        &self,
        visit: &Visit,
        head: &Head,
        digest: Option<Digest>,
        bytes: u64,
        refused: Option<String>,
    ) -> Result<String> {
        let exchange = Exchange {
            format: Exchange::FORMAT,
            id: Exchange::new_id(&visit.identity(), visit.started, &distinct()),
            url: visit.canonical.clone(),
            via: self.settings.via.clone(),
            method: visit.method().to_owned(),
            body: visit.form.clone(),
            sent: visit.sent.clone(),
            status: head.status,
            headers: head.headers.clone(),
            started: visit.started,
            finished: (self.clock)(),
            attempts: visit.attempts,
            digest,
            bytes,
            refused,
        };
        blocking(|| self.archive.record(&exchange))?;
        Ok(exchange.id)
    }

    /// Records that the publisher's final answer will not do, and hands back why.
    pub(super) fn refuse(&self, visit: &Visit, head: &Head, error: Error) -> Result<Error> {
        let why = address::redact(&error.to_string(), &visit.secrets);
        self.record(visit, head, None, visit.received, Some(why))?;
        Ok(error)
    }
}

/// What an inspection that failed means for the fetch.
fn verdict(head: Head, error: Error) -> Setback {
    if error.is_retryable() {
        return Passing { head: Some(head), verdict: Some(error), ..Passing::default() }.into();
    }
    Setback::Refused(head, error)
}

fn read_back(spool: &Mutex<Option<Spool>>) -> std::io::Result<Box<dyn Content>> {
    let mut spool = spool.lock().unwrap_or_else(PoisonError::into_inner);
    let spool = spool.as_mut().ok_or_else(|| std::io::Error::other("it has moved into the archive"))?;
    spool.reader().map_err(std::io::Error::other)
}

/// Tells exchanges of one address and moment apart, in this process and beside others.
pub(super) fn distinct() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let hash = RandomState::new().hash_one(COUNT.fetch_add(1, Ordering::Relaxed));
    format!("{:08x}", hash >> 32)
}
