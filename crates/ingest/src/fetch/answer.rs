//! What a publisher's answer means before its body is looked at: status, headers, the first words of a refusal.
//!
//! Absent: bodies of data.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use model::{Error, Kind};
use reqwest::{Response, StatusCode};
use url::Url;

use super::address::{canonical, redact};

/// Headers that are never written down: they hold sessions.
const PRIVATE: &[&str] = &["set-cookie", "set-cookie2"];

/// Headers that tell of one message, not of the document; a 304 or a 206 does not change what they said before.
const OF_THE_MESSAGE: &[&str] =
    &["connection", "content-encoding", "content-length", "content-range", "keep-alive", "transfer-encoding"];

/// How much of a refusal is read, in bytes, and quoted, in characters.
const WORDS_READ: usize = 8 * 1024;
const WORDS_QUOTED: usize = 160;
/// How much of a service's own messages is quoted, in characters: they say what to do.
const MESSAGES_QUOTED: usize = 1200;

/// A publisher's status and headers, fit to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Names in lower case, in the order they came.
    pub(super) headers: Vec<(String, String)>,
}

impl Head {
    pub(super) fn of(response: &Response, secrets: &[String]) -> Self {
        let mut headers = Vec::with_capacity(response.headers().len());
        for (name, value) in response.headers() {
            if PRIVATE.contains(&name.as_str()) {
                continue;
            }
            let value = String::from_utf8_lossy(value.as_bytes());
            let value = match (name.as_str(), Url::parse(&value)) {
                ("location" | "content-location", Ok(url)) => canonical(&url),
                ("location" | "content-location", Err(_)) => value.split('?').next().unwrap_or_default().to_owned(),
                _ => value.into_owned(),
            };
            headers.push((name.as_str().to_owned(), redact(&value, secrets)));
        }
        Self { status: response.status().as_u16(), headers }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// How long the body of this answer is, if it says so.
    pub(super) fn length(&self) -> Option<u64> {
        self.get("content-length")?.parse().ok()
    }

    /// The validator with which a cut body may be resumed: a strong ETag of a publisher that serves ranges.
    pub(super) fn resumable(&self) -> Option<String> {
        let ranges = self.get("accept-ranges")?.eq_ignore_ascii_case("bytes");
        let etag = self.get("etag")?;
        let strong = etag.len() >= 2 && etag.starts_with('"') && etag.ends_with('"');
        (ranges && strong).then(|| etag.to_owned())
    }

    /// `Content-Range`: first byte, last byte, and the length of the whole if it is told.
    pub(super) fn range(&self) -> Option<(u64, u64, Option<u64>)> {
        let (span, whole) = self.get("content-range")?.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = span.split_once('-')?;
        let whole = if whole == "*" { None } else { Some(whole.parse().ok()?) };
        Some((first.trim().parse().ok()?, last.trim().parse().ok()?, whole))
    }

    /// Whether the publisher is merely busy.
    pub(super) fn is_passing(&self) -> bool {
        // 202 is Socrata's way to say that it is still computing the answer.
        matches!(self.status, 202 | 408 | 425 | 429 | 500 | 502 | 503 | 504)
    }

    /// How long the publisher asks us to wait: seconds, or a date.
    pub(super) fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let text = self.get("retry-after")?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let now = Duration::try_from(now.duration_since(Timestamp::UNIX_EPOCH)).ok()?;
        Some(until.saturating_sub(now))
    }
}

pub(super) fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// What is known of a document after a later answer about it, which names only what it wants to.
pub(super) fn updated(known: &[(String, String)], later: &[(String, String)]) -> Vec<(String, String)> {
    let later = || later.iter().filter(|(name, _)| !OF_THE_MESSAGE.contains(&name.as_str()));
    let kept = known.iter().filter(|(name, _)| !later().any(|(newer, _)| newer == name));
    kept.chain(later()).cloned().collect()
}

/// What a publisher says where it sends no data.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// The first of them, as one line of text, or all of a service's own messages; empty where there are none.
    pub(super) quoted: String,
    /// Whether they are a service's own messages about the request.
    messages: bool,
}

impl Words {
    fn of(body: &str, secrets: &[String]) -> Self {
        match messages(body) {
            Some(said) => Self { quoted: line(&redact(&said, secrets), MESSAGES_QUOTED), messages: true },
            None => Self { quoted: words(body, secrets), messages: false },
        }
    }

    /// Whether the words take back what the status promises, so that asking again would be in vain. A service that
    /// names what is wrong with a query says 500 to it (CDC WONDER), whatever that code means elsewhere; api.data.gov's
    /// gateway says 503 to a key that made too many mistakes, and every further request prolongs it.
    pub(super) fn are_final(&self, status: u16) -> bool {
        (self.messages && status == 500) || self.quoted.contains("Client Failure Limit Exceeded")
    }

    /// Whether they say that a signed link is too old, as a store does: `<Message>Request has expired</Message>`.
    pub(super) fn say_expired(&self) -> bool {
        self.quoted.contains("has expired")
    }
}

/// The messages of an XML page that holds no data, as CDC WONDER answers a query that it does not accept:
/// `<page>…<message>…</message>…</page>`.
fn messages(body: &str) -> Option<String> {
    let body = body.trim_start_matches('\u{feff}').trim_start();
    let page = body.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map_or(body, |(_, page)| page);
    if !page.trim_start().starts_with("<page") {
        return None;
    }
    let found: Vec<String> = page
        .split("<message>")
        .skip(1)
        .filter_map(|message| message.split_once("</message>"))
        .map(|(message, _)| without_tags(message).trim().to_owned())
        .collect();
    (!found.is_empty()).then(|| found.join(" "))
}

/// The first words of a body.
pub(super) async fn first_words(mut response: Response, secrets: &[String]) -> Words {
    let mut bytes = Vec::new();
    // A refusal that breaks off has said enough.
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= WORDS_READ {
            break;
        }
    }
    Words::of(&String::from_utf8_lossy(&bytes), secrets)
}

fn words(body: &str, secrets: &[String]) -> String {
    let body = redact(body, secrets);
    line(&if body.trim_start().starts_with('<') { without_tags(&body) } else { body }, WORDS_QUOTED)
}

/// The beginning of a text, up to so many characters, as one line.
fn line(text: &str, most: usize) -> String {
    // Control characters would reach an operator's terminal.
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() > most {
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// The text of an HTML or XML document, near enough to be quoted.
fn without_tags(document: &str) -> String {
    let mut text = String::new();
    let mut rest = document;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        let name = tag.get(..6).unwrap_or(tag).to_ascii_lowercase();
        let close = match name.as_str() {
            "script" => "</script>",
            _ if name.starts_with("style") => "</style>",
            _ if name.starts_with("!--") => "-->",
            _ => ">",
        };
        rest = tag.split_once(close).map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text
}

/// A status and the words that came with it.
pub(super) fn said(status: u16, words: &str) -> String {
    let name = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("");
    let status = format!("{status} {name}");
    if words.is_empty() { status.trim_end().to_owned() } else { format!("{}: “{words}”", status.trim_end()) }
}

/// The error for a query that a publisher would have put elsewhere: what was asked is sent to no other address.
pub(super) fn moved(url: &str, head: &Head) -> Error {
    let to = head.get("location").map_or_else(String::new, |to| format!(", to {to}"));
    Error::new(Kind::Refused, format!("{url} answered a query with a redirect ({}){to}", head.status))
        .hint("the publisher may have moved its service, or ask for a sign-in: look at its documentation")
}

/// The error for an answer that is no data and will not become any.
pub(super) fn refusal(url: &str, status: u16, said: &str) -> Error {
    let error = |kind, hint| Error::new(kind, format!("{url} answered {said}")).hint(hint);
    match status {
        404 | 410 => error(
            Kind::Refused,
            "not found: the publisher may have moved it; `tollhouse probe` asks for its smallest useful answer",
        ),
        401 | 403 | 407 => error(
            Kind::Refused,
            "forbidden: check the key and the accepted data-use terms in the configuration, and open the address in a browser",
        ),
        200..=299 => error(
            Kind::NotData,
            "an answer without the whole of the data; `tollhouse probe` shows what the publisher serves now",
        ),
        _ => error(
            Kind::Refused,
            "the publisher does not accept this request as the pipeline makes it; `tollhouse probe` compares",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: &[(&str, &str)]) -> Head {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Head { status: 200, headers }
    }

    #[test]
    fn refusals_are_quoted_as_one_line_of_text() {
        #[track_caller]
        fn check(body: &str, quoted: &str) {
            assert_eq!(words(body, &["s3cr3t".to_owned()]), quoted);
        }
        check("", "");
        check("no such\r\n dataset\u{1b}[31m", "no such dataset [31m");
        check(
            "<!doctype html><html><head><title>404</title><style>p { color: red }</style></head><!-- <p> --><p>Gone <b>away</b>",
            "404 Gone away",
        );
        check("{\"message\":\"bad key s3cr3t\"}", "{\"message\":\"bad key …\"}");
        check(&"word ".repeat(100), &format!("{}…", "word ".repeat(32).trim_end()));
    }

    #[test]
    fn a_service_that_says_what_is_wrong_with_a_query_is_quoted_in_full_and_not_asked_again() {
        let reason = "Only national data are available for this dataset. ".repeat(8);
        let page = format!(
            "<?xml version=\"1.0\"?>\n<page>\n<title>Processing Error</title>\n<message>Groups &lt; 1.</message>\n<message>{reason}</message>\n</page>"
        );
        let said = Words::of(&page, &[]);
        assert_eq!(said.quoted, format!("Groups &lt; 1. {}", reason.trim_end()));
        assert!(said.are_final(500) && !said.are_final(503));
        // A server that broke down names no reason, and a web page may hold anything.
        for other in ["<page><title>Oops</title></page>", "<html><message>no</message></html>", "<message>no</message>"]
        {
            assert!(!Words::of(other, &[]).are_final(500), "{other}");
        }
    }

    #[test]
    fn a_wait_is_told_in_seconds_or_as_a_date() {
        let now = Timestamp::from_second(1_445_412_480).unwrap();
        #[track_caller]
        fn check(text: &str, now: Timestamp, seconds: Option<u64>) {
            assert_eq!(head(&[("retry-after", text)]).retry_after(now), seconds.map(Duration::from_secs), "{text}");
        }
        check("120", now, Some(120));
        check("Wed, 21 Oct 2015 07:28:30 GMT", now, Some(30));
        check("Wed, 21 Oct 2015 07:27:00 GMT", now, Some(0));
        check("soon", now, None);
    }

    #[test]
    fn only_a_strong_validator_of_a_publisher_of_ranges_resumes() {
        #[track_caller]
        fn check(headers: &[(&str, &str)], resumable: bool) {
            assert_eq!(head(headers).resumable().is_some(), resumable, "{headers:?}");
        }
        check(&[("accept-ranges", "bytes"), ("etag", "\"a\"")], true);
        check(&[("accept-ranges", "bytes"), ("etag", "W/\"a\"")], false);
        check(&[("accept-ranges", "none"), ("etag", "\"a\"")], false);
        check(&[("etag", "\"a\"")], false);
        check(&[("accept-ranges", "bytes"), ("etag", "a")], false);
        check(&[("accept-ranges", "bytes")], false);
    }

    #[test]
    fn ranges_are_read() {
        #[track_caller]
        fn check(text: &str, range: Option<(u64, u64, Option<u64>)>) {
            assert_eq!(head(&[("content-range", text)]).range(), range, "{text}");
        }
        check("bytes 5-9/10", Some((5, 9, Some(10))));
        check("bytes 5-9/*", Some((5, 9, None)));
        check("bytes */10", None);
        check("lines 5-9/10", None);
    }

    #[test]
    fn a_later_answer_replaces_what_it_names_and_keeps_the_rest() {
        let known = head(&[("etag", "\"a\""), ("content-length", "9"), ("x-soda2-fields", "[]")]).headers;
        let later = head(&[("content-length", "0"), ("etag", "\"b\"")]).headers;
        let expected = head(&[("content-length", "9"), ("x-soda2-fields", "[]"), ("etag", "\"b\"")]).headers;
        assert_eq!(updated(&known, &later), expected);
    }
}
