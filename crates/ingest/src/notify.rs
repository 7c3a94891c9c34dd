//! Telling others: alarms, signs of life, lineage and traces, as JSON to addresses that the operator gave.
//!
//! Such an address may hold a key, so it is a [`Secret`] and appears in no log and no error: a failure says to whom something was
//! to be told, never where.
//!
//! Absent: what is told, when, and how often it is tried (the program's).

use std::time::Duration;

use model::{Error, Kind, Result};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};

use crate::fetch::Secret;

/// How long one telling may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Tells others. Cheap to clone.
#[derive(Clone)]
pub struct Notifier {
    client: reqwest::Client,
}

/// To whom.
#[derive(Debug, Clone)]
pub struct Address {
    /// What it is, in words: `the webhook`.
    pub name: &'static str,
    /// Where.
    pub url: Secret,
    /// The value of the header `authorization`.
    pub authorization: Option<Secret>,
}

impl Notifier {
    /// One that says who we are.
    pub fn new(user_agent: &str) -> Result<Self> {
        Ok(Self { client: crate::fetch::plain_client(user_agent, PATIENCE)? })
    }

    /// Tells it, once. `body` is JSON; without one the address is only asked.
    ///
    /// Errors: [`Kind::Usage`] for an address that is none, [`Kind::Unreachable`] where it does not answer, [`Kind::Refused`]
    /// where it answers no.
    pub async fn tell(&self, to: &Address, body: Option<String>) -> Result<()> {
        let bad = || {
            Error::new(Kind::Usage, format!("the address of {} is none", to.name))
                .hint("an address begins with https:// (or http:// within your own network)")
        };
        let url = url::Url::parse(to.url.text()).map_err(|_| bad())?;
        if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
            return Err(bad());
        }
        let mut request = match body {
            Some(body) => self.client.post(url).header(CONTENT_TYPE, "application/json").body(body),
            None => self.client.get(url),
        };
        if let Some(key) = &to.authorization {
            let mut value = HeaderValue::from_str(key.text()).map_err(|_| bad())?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let answer = request.send().await.map_err(|error| {
            Error::new(Kind::Unreachable, format!("{} could not be told", to.name))
                .caused_by(error.without_url())
                .retryable()
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        Err(Error::new(Kind::Refused, format!("{} answered {}", to.name, status.as_u16()))
            .hint("see that the address and its key are right"))
    }
}
