//! Addresses that serve no file but a link to one: the link is asked for, looked at, followed, and never written down.
//!
//! The FBI's bulk files come this way. The address answers `{"<key>":"https://…?X-Amz-Signature=…"}`, or `{}` for a key
//! that it does not know. Whoever holds the link can read what it leads to, and it soon expires: so no receipt, log or
//! error has it, and every attempt asks for a new one. A file's identity is its address, which names the key, and its
//! digest.

use model::{Error, Kind};
use serde_json::{Map, Value};
use url::Url;

use super::answer::Head;
use super::visit::Visit;
use super::{Engine, Passing, Setback, address, header_map, peek};
use crate::content;
use crate::extract::Expect;

/// The longest answer that can be a link, in bytes.
const LONGEST: u64 = 64 * 1024;

/// The shortest value in a link that is struck out of what is written down: shorter ones stand in innocent places.
const SHORTEST: usize = 6;

impl Engine {
    /// Where what was asked for lies: at its address, or where the link leads that is served there.
    pub(super) async fn place(&self, visit: &mut Visit) -> Result<Url, Setback> {
        visit.linked = false;
        let url = visit.url.clone();
        if visit.link_hosts.is_empty() {
            return Ok(url);
        }
        let wire = self.addresses.wire(&url)?;
        self.turn(&url, &wire).await?;
        let mut headers = header_map(&[("accept-encoding".to_owned(), "identity".to_owned())])?;
        self.add_secrets(&url, &wire, visit, &mut headers)?;
        let response = self.client.get(wire).headers(headers).send().await.map_err(|error| self.unanswered(error))?;
        let head = Head::of(&response, &visit.secrets);
        if head.status != 200 {
            return Err(self.turned_away(visit, head, response).await);
        }
        let (bytes, ended) = match peek::beginning(response, LONGEST).await {
            Ok(body) => body,
            Err(error) => {
                let what = "the answer that holds the link was cut".to_owned();
                let cause = Some(error.without_url().into());
                return Err(Passing { what, cause, head: Some(head), ..Passing::default() }.into());
            }
        };
        let link = if ended { read(&bytes, visit) } else { Err(no_link(visit)) };
        let link = link.map_err(|error| Setback::Refused(head, error))?;
        visit.secrets.extend(secrets(&link));
        visit.linked = true;
        Ok(link)
    }
}

/// The link in an answer, if it leads where the declaration allows. No error repeats any of it but its host.
fn read(bytes: &[u8], visit: &Visit) -> Result<Url, Error> {
    content::sniff(bytes, Expect::Json, &visit.canonical)?;
    let answer: Map<String, Value> = serde_json::from_slice(bytes).map_err(|_| no_link(visit))?;
    if answer.is_empty() {
        return Err(Error::new(
            Kind::Refused,
            format!("{}: the publisher has no file under this key", visit.canonical),
        )
        .hint("it may not be published yet, or no longer: look for its key in the publisher's list of downloads"));
    }
    let key = visit.url.query_pairs().find(|(name, _)| name == "key").map(|(_, key)| key.into_owned());
    let link = key.and_then(|key| answer.get(&key)).and_then(Value::as_str).ok_or_else(|| no_link(visit))?;
    let link = address::parse(link).map_err(|_| no_link(visit))?;
    let host = link.host_str().unwrap_or_default();
    if !visit.link_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host)) {
        return Err(Error::new(
            Kind::Refused,
            format!("{} leads to another host, {host}, which its declaration does not allow", visit.canonical),
        )
        .hint("if the publisher has moved its files there, add the host to `link_hosts` in the pipeline"));
    }
    if visit.url.scheme() == "https" && link.scheme() != "https" {
        return Err(Error::new(Kind::Refused, format!("{} leads away from HTTPS", visit.canonical))
            .hint("nothing was asked for there; the publisher, or somebody on the way, is at fault"));
    }
    Ok(link)
}

fn no_link(visit: &Visit) -> Error {
    Error::new(Kind::Changed, format!("{} answered something else than a link to the file of its key", visit.canonical))
        .hint("the publisher may have changed how it hands out files: look at its documentation")
}

/// All that a link holds besides its address, as it stands there and decoded; and of a credential, the name of the key.
fn secrets(link: &Url) -> Vec<String> {
    let mut found = address::secrets(link);
    for pair in link.query().unwrap_or_default().split('&') {
        found.extend(pair.split_once('=').map(|(_, raw)| raw.to_owned()));
    }
    for (_, value) in link.query_pairs() {
        found.extend(value.split('/').next().map(ToOwned::to_owned));
        found.push(value.into_owned());
    }
    found.retain(|value| value.len() >= SHORTEST);
    found.sort_by_key(|value| std::cmp::Reverse(value.len()));
    found.dedup();
    found
}
