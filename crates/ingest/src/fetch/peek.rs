//! A look at the beginning of what a publisher serves, for `probe`: one request, nothing archived, nothing repeated.

use model::{Error, Kind, Result};
use reqwest::Response;

use super::answer::Head;
use super::visit::Visit;
use super::{Engine, Setback, address, own};
use crate::extract::{Page, Request};

/// The beginning of a body.
pub struct Peek {
    /// The page, with what came of its body.
    pub page: Page,
    /// Whether that is all of it.
    pub whole: bool,
}

impl Engine {
    /// Asks for the first `most` bytes of what is at an address.
    pub async fn peek(&self, request: &Request, most: u64) -> Result<Peek> {
        if let Some(path) = own::path(request) {
            return self.peek_own(path, request);
        }
        let url = address::parse(&request.url)?;
        let canonical = address::canonical(&url);
        let mut visit = Visit::new(url, canonical, request, None, (self.clock)());
        visit.attempts = 1;
        visit.prepare();
        if request.form.is_none() {
            visit.sent.push(("range".to_owned(), format!("bytes=0-{}", most.saturating_sub(1))));
        }
        let answer = self.send(&mut visit).await;
        let (head, response) = match answer {
            Ok((head, response)) if matches!(head.status, 200 | 206) => (head, response),
            Ok((head, response)) => return Err(self.no(&visit, head, response).await),
            Err(setback) => return Err(ended(&visit, setback)),
        };
        let all_of_it = match head.status {
            206 => head.range().is_some_and(|(first, last, whole)| first == 0 && whole == Some(last + 1)),
            _ => true,
        };
        let (bytes, ended) = beginning(response, most).await.map_err(|cause| {
            Error::new(Kind::Unreachable, format!("{} broke off", visit.canonical)).caused_by(cause)
        })?;
        let mut page = Page::of_bytes(&visit.canonical, bytes);
        page.headers = head.headers;
        // A publisher may ignore the range, and may hold less than was asked for.
        Ok(Peek { page, whole: ended && all_of_it })
    }

    async fn no(&self, visit: &Visit, head: Head, response: Response) -> Error {
        ended(visit, self.turned_away(visit, head, response).await)
    }
}

pub(super) async fn beginning(mut response: Response, most: u64) -> reqwest::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < most {
        match response.chunk().await? {
            Some(chunk) => bytes.extend_from_slice(&chunk),
            None => return Ok((bytes, true)),
        }
    }
    Ok((bytes, false))
}

/// A probe does not try again: its setback is the answer.
fn ended(visit: &Visit, setback: Setback) -> Error {
    match setback {
        Setback::Refused(_, error) | Setback::Ours(error) => error,
        Setback::Passing(passing) => {
            let error = Error::new(Kind::Unreachable, format!("{}: {}", visit.canonical, passing.what));
            match passing.cause {
                Some(cause) => error.caused_by(cause),
                None => error,
            }
        }
    }
}
