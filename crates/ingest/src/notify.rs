//! Telling others: alarms, signs of life, lineage and traces, as JSON to addresses that the operator gave.
//!
//! Such an address may hold a key, so it is a [`Secret`] and appears in no log and no error: a failure says to whom something was
//! to be told, never where.
//!
//! Absent: what is told, when, and how often it is tried (the program's).

use std::time::Duration;

use model::{Error, Kind, Result};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use url::Url;

use crate::fetch::Secret;

/// How long one telling may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Tells others. Cheap to clone.
#[derive(Clone)]
pub struct Notifier {
    client: reqwest::Client,
}

/// To whom.
#[derive(Clone)]
pub struct Address {
    name: &'static str,
    url: Url,
    authorization: Option<Secret>,
}

impl Address {
    /// An address with what it is in words, such as `the webhook`, and the value of the header `authorization` that it wants.
    ///
    /// Errors: [`Kind::Usage`] for one that is none.
    pub fn new(name: &'static str, url: &Secret, authorization: Option<Secret>) -> Result<Self> {
        let url = Url::parse(url.text()).ok();
        let url = url.filter(|url| matches!(url.scheme(), "https" | "http") && url.host_str().is_some());
        let url = url.ok_or_else(|| {
            Error::new(Kind::Usage, format!("the address of {name} is none"))
                .hint("an address begins with https:// (or http:// within your own network)")
        })?;
        Ok(Self { name, url, authorization })
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address({})", self.name)
    }
}

impl Notifier {
    /// One that says who we are.
    pub fn new(user_agent: &str) -> Result<Self> {
        Ok(Self { client: crate::fetch::plain_client(user_agent, PATIENCE)? })
    }

    /// Tells it, once. `body` is JSON; without one the address is only asked.
    ///
    /// Errors: [`Kind::Unreachable`] where nobody answers, [`Kind::Refused`] where the answer is no.
    pub async fn tell(&self, to: &Address, body: Option<String>) -> Result<()> {
        let url = to.url.clone();
        let mut request = match body {
            Some(body) => self.client.post(url).header(CONTENT_TYPE, "application/json").body(body),
            None => self.client.get(url),
        };
        if let Some(key) = &to.authorization {
            let mut value = HeaderValue::from_str(key.text())
                .map_err(|_| Error::new(Kind::Usage, format!("the key of {} fits in no header", to.name)))?;
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
