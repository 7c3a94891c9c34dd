//! What is known of one fetch while it lasts: the address, what we hold, what has come so far.
//!
//! Absent: the network; whether a body is good.

use std::io::Write as _;

use jiff::Timestamp;
use model::{Kind, Result, ResultExt as _};
use reqwest::header::HeaderValue;
use store::archive::{Exchange, Spool};
use url::Url;

use super::answer::{Head, find, updated};
use super::{Passing, Setback, address, blocking};
use crate::extract::{Expect, Request};

/// One fetch.
pub(super) struct Visit {
    pub(super) url: Url,
    /// The address as it is written down.
    pub(super) canonical: String,
    /// What must not be written down.
    pub(super) secrets: Vec<String>,
    pub(super) expect: Expect,
    /// The fields of a query.
    pub(super) form: Option<String>,
    /// Where the address serves a link: the hosts to which it may lead.
    pub(super) link_hosts: Vec<String>,
    /// Whether the current attempt asks where a link led.
    pub(super) linked: bool,
    /// The newest exchange whose body we hold.
    pub(super) previous: Option<Exchange>,
    pub(super) started: Timestamp,
    pub(super) attempts: u32,
    /// The headers of the current attempt, as far as they bear on the answer.
    pub(super) sent: Vec<(String, String)>,
    pub(super) body: Option<Body>,
    /// How many bytes of the body have come.
    pub(super) received: u64,
}

/// A body on its way in, perhaps over several attempts.
pub(super) struct Body {
    pub(super) spool: Spool,
    /// The answer that began it, updated by those that resumed it.
    pub(super) head: Head,
    /// The strong ETag with which it may be resumed.
    validator: Option<String>,
    /// Its whole length, if the publisher told.
    pub(super) whole: Option<u64>,
}

impl Visit {
    pub(super) fn new(
        url: Url,
        canonical: String,
        request: &Request,
        previous: Option<Exchange>,
        started: Timestamp,
    ) -> Self {
        let secrets = address::secrets(&url);
        Self {
            url,
            canonical,
            secrets,
            expect: request.expect,
            form: request.form.clone(),
            link_hosts: request.link_hosts.clone(),
            linked: false,
            previous,
            started,
            attempts: 0,
            sent: Vec::new(),
            body: None,
            received: 0,
        }
    }

    /// Chooses the headers of the next attempt: to resume what was cut, or else to ask whether what we hold is current.
    pub(super) fn prepare(&mut self) {
        // Compressed on the way, a body would have neither a length nor a digest that the publisher knows.
        let mut sent = vec![("accept-encoding".to_owned(), "identity".to_owned())];
        if self.form.is_some() {
            sent.push(("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
        }
        let validator = self.body.as_ref().and_then(|body| body.validator.clone()).filter(|_| self.received > 0);
        if let Some(validator) = validator {
            sent.push(("range".to_owned(), format!("bytes={}-", self.received)));
            sent.push(("if-range".to_owned(), validator));
        } else if let Some(previous) = &self.previous {
            for (ours, theirs) in [("if-none-match", "etag"), ("if-modified-since", "last-modified")] {
                // Verbatim: an ETag may end in a note on the encoding, or not even be quoted.
                let value = find(&previous.headers, theirs).filter(|value| HeaderValue::from_str(value).is_ok());
                sent.extend(value.map(|value| (ours.to_owned(), value.to_owned())));
            }
        }
        self.sent = sent;
    }

    /// The HTTP method.
    pub(super) fn method(&self) -> &'static str {
        if self.form.is_some() { "POST" } else { "GET" }
    }

    /// What its exchanges are named for: the address, and what was asked there.
    pub(super) fn identity(&self) -> String {
        match &self.form {
            Some(form) => Exchange::asked(&self.canonical, form),
            None => self.canonical.clone(),
        }
    }

    pub(super) fn is_resuming(&self) -> bool {
        find(&self.sent, "range").is_some()
    }

    pub(super) fn is_conditional(&self) -> bool {
        ["if-none-match", "if-modified-since"].iter().any(|name| find(&self.sent, name).is_some())
    }

    /// Starts a body from its first byte.
    pub(super) fn start_body(&mut self, head: &Head, new: impl FnOnce() -> Result<Spool>) -> Result<()> {
        let spool = match self.body.take() {
            Some(mut body) => {
                body.spool.restart()?;
                body.spool
            }
            None => new()?,
        };
        self.received = 0;
        // A query that is asked again is computed again: its answer may be another.
        let validator = head.resumable().filter(|_| self.form.is_none());
        self.body = Some(Body { spool, validator, whole: head.length(), head: head.clone() });
        Ok(())
    }

    pub(super) fn forget_body(&mut self) {
        self.body = None;
        self.received = 0;
    }

    /// Takes the rest of a body, if it is the rest of the very body that was cut.
    pub(super) fn accept_part(&mut self, head: &Head) -> Result<(), Setback> {
        let fits = self.body.as_mut().is_some_and(|body| {
            let Some((first, last, whole)) = head.range() else { return false };
            let Some(whole) = whole.or(body.whole) else { return false };
            let same = head.get("etag").is_none_or(|etag| body.validator.as_deref() == Some(etag));
            if !same
                || first != self.received
                || last < first
                || last >= whole
                || body.whole.is_some_and(|w| w != whole)
            {
                return false;
            }
            body.whole = Some(whole);
            body.head = Head { status: head.status, headers: updated(&body.head.headers, &head.headers) };
            true
        });
        if fits {
            return Ok(());
        }
        self.forget_body();
        Err(Passing {
            what: "the publisher resumed another body, or in another place".to_owned(),
            head: Some(head.clone()),
            ..Passing::default()
        }
        .into())
    }

    /// Appends what has come, and empties the buffer.
    pub(super) fn write(&mut self, buffer: &mut Vec<u8>) -> Result<()> {
        if let Some(body) = &mut self.body {
            blocking(|| body.spool.write_all(buffer))
                .or_error(Kind::Io, format!("cannot write what came from {} to disk", self.canonical))
                .map_err(|error| error.hint("check that the disk has room and is writable"))?;
            self.received = body.spool.len();
        }
        buffer.clear();
        Ok(())
    }
}
