//! Each rule of the engine, against scripted publishers on this machine.
//!
//! Publishers are raw sockets, because half of the rules are about answers that no well-meaning server gives. Time is
//! a counter and pauses are only written down.

use std::io::{Read as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use model::Digest;
use store::archive::Exchange;
use store::{Origin, Warehouse};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::extract::Expect;

const HOST: &str = "publisher.example";
const URL: &str = "https://publisher.example/table.csv";
const AGENT: &str = "tollhouse/0.1.0 (+https://example.org; ops@example.org)";
const BODY: &str = "State,Year,Deaths\nOhio,2015,2698\nUtah,2015,415\n";
const NOW: i64 = 1_800_000_000;

/// A publisher that answers with these bytes, one connection each, and hangs up. It remembers what it was asked.
struct Publisher {
    base: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Publisher {
    async fn start(script: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/{HOST}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = asked.clone();
        tokio::spawn(async move {
            let mut script = script.into_iter();
            loop {
                let (mut socket, peer) = listener.accept().await.unwrap();
                assert!(peer.ip().is_loopback());
                let request = request(&mut socket).await;
                heard.lock().unwrap().push(request);
                let unscripted = || answer("418 Unscripted", &[], "");
                socket.write_all(&script.next().unwrap_or_else(unscripted)).await.unwrap();
                socket.shutdown().await.ok();
            }
        });
        Self { base, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

/// A whole answer.
fn answer(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let length = format!("Content-Length: {}", body.as_ref().len());
    part(status, &[headers, &[length.as_str()]].concat(), body)
}

/// An answer without any header but these.
fn part(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for header in headers.iter().chain(&["Connection: close"]) {
        bytes.extend_from_slice(format!("{header}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body.as_ref());
    bytes
}

/// A body that breaks off after so many bytes.
fn cut(headers: &[&str], after: usize) -> Vec<u8> {
    let length = format!("Content-Length: {}", BODY.len());
    part("200 OK", &[headers, &[length.as_str()]].concat(), &BODY[..after])
}

/// A warehouse of its own, a scripted publisher, and an engine between them.
struct World {
    folder: tempfile::TempDir,
    warehouse: Warehouse,
    publisher: Publisher,
    settings: Settings,
    clock: Clock,
    paused: Arc<Mutex<Vec<Duration>>>,
}

impl World {
    async fn new(script: Vec<Vec<u8>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let warehouse =
            Warehouse::open_or_create(folder.path(), Origin::Replica, Timestamp::UNIX_EPOCH)
                .unwrap();
        let publisher = Publisher::start(script).await;
        let settings = Settings {
            user_agent: AGENT.to_owned(),
            hosts: BTreeMap::from([(HOST.to_owned(), publisher.base.clone())]),
            only_mapped: true,
            via: "replica".to_owned(),
            redirect_hosts: Vec::new(),
            attempts: 3,
            first_delay: Duration::from_secs(2),
            longest_delay: Duration::from_secs(300),
            requests_per_minute: BTreeMap::new(),
            default_per_minute: 1,
            connect_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            max_bytes: 1 << 30,
        };
        let ticks = AtomicI64::new(NOW);
        let clock: Clock = Arc::new(move || {
            Timestamp::from_second(ticks.fetch_add(1, Ordering::Relaxed)).unwrap()
        });
        Self { folder, warehouse, publisher, settings, clock, paused: Arc::default() }
    }

    fn engine(&self) -> Engine {
        let mut engine =
            Engine::new(self.settings.clone(), self.warehouse.archive(), self.clock.clone())
                .unwrap();
        let paused = self.paused.clone();
        engine.sleep = Arc::new(move |pause| {
            paused.lock().unwrap().push(pause);
            Box::pin(std::future::ready(()))
        });
        engine
    }

    async fn fetch(&self, url: &str) -> Result<Fetched> {
        self.fetch_as(url, Expect::Text, &|_| Ok(())).await
    }

    async fn fetch_as(&self, url: &str, expect: Expect, inspect: Inspect<'_>) -> Result<Fetched> {
        let fetched = self.engine().fetch(&Request { url: url.to_owned(), expect }, inspect).await;
        // Whatever became of it, nothing is left lying about.
        assert_eq!(self.files("tmp"), 0, "spool files");
        fetched
    }

    async fn refused(&self, url: &str) -> Error {
        self.fetch(url).await.unwrap_err()
    }

    fn paused(&self) -> Vec<Duration> {
        self.paused.lock().unwrap().clone()
    }

    /// How many files lie in a folder of the warehouse.
    fn files(&self, folder: &str) -> usize {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join(folder)) else { return 0 };
        entries
            .map(|entry| entry.unwrap().path())
            .map(|path| if path.is_dir() { std::fs::read_dir(path).unwrap().count() } else { 1 })
            .sum()
    }

    /// The exchanges, oldest first.
    fn exchanges(&self) -> Vec<Exchange> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("exchanges")) else {
            return Vec::new();
        };
        let archive = self.warehouse.archive();
        let mut exchanges: Vec<_> = entries
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .map(|id| archive.exchange(&id).unwrap())
            .collect();
        exchanges.sort_by_key(|exchange| exchange.started);
        exchanges
    }

    /// That nothing was archived, and that one exchange says why.
    #[track_caller]
    fn check_refused(&self, error: &Error, kind: Kind, status: u16, words: &str) {
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.hint_text().is_some(), "{error}");
        assert_eq!(self.files("raw"), 0);
        let exchanges = self.exchanges();
        assert_eq!(exchanges.len(), 1);
        assert_eq!((exchanges[0].status, &exchanges[0].digest), (status, &None));
        assert!(
            exchanges[0].refused.as_ref().unwrap().contains(words),
            "{:?}",
            exchanges[0].refused
        );
    }
}

#[track_caller]
fn check_body(fetched: &Fetched, body: &str) {
    let mut text = String::new();
    fetched.page.raw().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, body);
    assert_eq!(fetched.page.digest, Digest::of(body));
    assert_eq!(fetched.bytes, body.len() as u64);
}

fn has(request: &str, header: &str) -> bool {
    request.lines().any(|line| line.eq_ignore_ascii_case(header))
}

fn names(request: &str, header: &str) -> bool {
    request.lines().any(|line| {
        line.to_ascii_lowercase().starts_with(&format!("{}:", header.to_ascii_lowercase()))
    })
}

#[tokio::test]
async fn a_good_answer_is_archived_with_its_receipt() {
    let headers = ["ETag: \"a\"", "Set-Cookie: session=s3cr3t", "Content-Type: text/csv"];
    let world = World::new(vec![answer("200 OK", &headers, BODY)]).await;
    let fetched = world.fetch(&format!("{URL}?$limit=5")).await.unwrap();
    check_body(&fetched, BODY);
    assert!(!fetched.not_modified);
    assert_eq!(fetched.page.header("content-type"), Some("text/csv"));

    let exchanges = world.exchanges();
    assert_eq!(exchanges.len(), 1);
    let exchange = &exchanges[0];
    assert_eq!(exchange.id, fetched.exchange);
    assert_eq!(exchange.url, format!("{URL}?$limit=5"));
    assert_eq!((exchange.via.as_str(), exchange.method.as_str()), ("replica", "GET"));
    assert_eq!(exchange.sent, [("accept-encoding".to_owned(), "identity".to_owned())]);
    assert_eq!((exchange.status, exchange.attempts, exchange.bytes), (200, 1, BODY.len() as u64));
    assert_eq!((exchange.digest.clone(), exchange.refused.clone()), (Some(Digest::of(BODY)), None));
    assert_eq!((exchange.started.as_second(), exchange.finished.as_second()), (NOW, NOW + 1));
    assert!(exchange.headers.contains(&("etag".to_owned(), "\"a\"".to_owned())));
    assert!(!exchange.headers.iter().any(|(name, _)| name == "set-cookie"));
}

#[tokio::test]
async fn we_say_who_we_are_and_ask_for_the_bytes_as_they_are() {
    let world = World::new(vec![answer("200 OK", &[], BODY)]).await;
    world.fetch(&format!("{URL}?$limit=5")).await.unwrap();
    let asked = world.publisher.asked();
    assert!(
        asked[0].starts_with("GET /publisher.example/table.csv?$limit=5 HTTP/1.1\r\n"),
        "{}",
        asked[0]
    );
    assert!(has(&asked[0], &format!("user-agent: {AGENT}")), "{}", asked[0]);
    assert!(has(&asked[0], "accept-encoding: identity"), "{}", asked[0]);
    assert!(!names(&asked[0], "cookie") && !names(&asked[0], "referer"), "{}", asked[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_unchanged_body_is_used_again_and_the_observation_recorded() {
    // The second 304 names no validator: those of the first answer must last.
    let world = World::new(vec![
        answer(
            "200 OK",
            &["ETag: W/\"a--gzip\"", "Last-Modified: Thu, 01 Nov 2018 10:00:00 GMT"],
            BODY,
        ),
        part("304 Not Modified", &["Date: Fri, 02 Nov 2018 10:00:00 GMT"], ""),
        part("304 Not Modified", &[], ""),
    ])
    .await;
    let first = world.fetch(URL).await.unwrap();
    for round in 1..=2 {
        let inspected = AtomicI64::new(0);
        let inspect = |page: &Page| {
            assert_eq!(page.digest, Digest::of(BODY));
            inspected.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        let fetched = world.fetch_as(URL, Expect::Text, &inspect).await.unwrap();
        assert!(fetched.not_modified);
        assert_ne!(fetched.exchange, first.exchange);
        check_body(&fetched, BODY);
        assert_eq!(inspected.into_inner(), 1);
        let asked = world.publisher.asked();
        assert!(has(&asked[round], "if-none-match: W/\"a--gzip\""), "{}", asked[round]);
        assert!(
            has(&asked[round], "if-modified-since: Thu, 01 Nov 2018 10:00:00 GMT"),
            "{}",
            asked[round]
        );
        let seen = &world.exchanges()[round];
        assert_eq!((seen.status, seen.digest.clone()), (304, Some(Digest::of(BODY))));
        assert!(seen.sent.iter().any(|(name, _)| name == "if-none-match"));
    }
    assert_eq!(world.files("raw"), 1);
}

#[tokio::test]
async fn an_unchanged_body_that_the_pipeline_no_longer_takes_is_refused() {
    let world = World::new(vec![
        answer("200 OK", &["ETag: \"a\""], BODY),
        part("304 Not Modified", &[], ""),
    ])
    .await;
    world.fetch(URL).await.unwrap();
    let changed = |_: &Page| Err(Error::new(Kind::Changed, "a header is gone"));
    let error = world.fetch_as(URL, Expect::Text, &changed).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Changed);
    let last = world.exchanges().pop().unwrap();
    assert_eq!(
        (last.status, last.digest, last.refused.as_deref()),
        (304, None, Some("a header is gone"))
    );
}

#[tokio::test]
async fn validators_of_the_replica_are_not_shown_to_the_publisher() {
    let mut world =
        World::new(vec![answer("200 OK", &["ETag: \"a\""], BODY), answer("200 OK", &[], BODY)])
            .await;
    world.fetch(URL).await.unwrap();
    world.settings.via = "live".to_owned();
    assert!(!world.fetch(URL).await.unwrap().not_modified);
    assert!(!names(&world.publisher.asked()[1], "if-none-match"));
}

#[tokio::test]
async fn a_changed_body_replaces_nothing() {
    let newer = BODY.replace("2698", "2699");
    let world =
        World::new(vec![answer("200 OK", &["ETag: \"a\""], BODY), answer("200 OK", &[], &newer)])
            .await;
    world.fetch(URL).await.unwrap();
    check_body(&world.fetch(URL).await.unwrap(), &newer);
    assert_eq!(world.files("raw"), 2);
}

const STRONG: [&str; 3] = ["ETag: \"a\"", "Accept-Ranges: bytes", "X-SODA2-Fields: [\"state\"]"];

#[tokio::test]
async fn a_cut_body_is_resumed() {
    let range = format!("Content-Range: bytes 20-{}/{}", BODY.len() - 1, BODY.len());
    let world = World::new(vec![
        cut(&STRONG, 20),
        answer("206 Partial Content", &["ETag: \"a\"", &range], &BODY[20..]),
    ])
    .await;
    let fetched = world.fetch(URL).await.unwrap();
    check_body(&fetched, BODY);
    assert_eq!(fetched.page.header("x-soda2-fields"), Some("[\"state\"]"));
    assert_eq!(fetched.page.header("content-length"), Some(BODY.len().to_string().as_str()));
    let asked = world.publisher.asked();
    assert!(
        has(&asked[1], "range: bytes=20-") && has(&asked[1], "if-range: \"a\""),
        "{}",
        asked[1]
    );
    let exchange = world.exchanges().pop().unwrap();
    assert_eq!((exchange.status, exchange.attempts, exchange.bytes), (206, 2, BODY.len() as u64));
    assert!(exchange.sent.contains(&("range".to_owned(), "bytes=20-".to_owned())));
    assert_eq!(world.exchanges().len(), 1, "an attempt that was cut is no exchange");
}

#[tokio::test]
async fn a_body_is_resumed_again_where_the_rest_was_cut_too() {
    let whole = BODY.len();
    let first = format!("Content-Range: bytes 10-{}/{whole}", whole - 1);
    let second = format!("Content-Range: bytes 15-{}/{whole}", whole - 1);
    let length = format!("Content-Length: {}", whole - 10);
    let world = World::new(vec![
        cut(&STRONG, 10),
        part("206 Partial Content", &[&first, &length], &BODY[10..15]),
        answer("206 Partial Content", &[&second], &BODY[15..]),
    ])
    .await;
    check_body(&world.fetch(URL).await.unwrap(), BODY);
    assert!(has(&world.publisher.asked()[2], "range: bytes=15-"));
}

/// A body that was cut, the answer to the attempt to resume it, and then a whole body.
async fn check_restart(headers: &[&str], second: Vec<u8>, asked_to_resume: bool, attempts: u32) {
    let world = World::new(vec![cut(headers, 20), second, answer("200 OK", &[], BODY)]).await;
    check_body(&world.fetch(URL).await.unwrap(), BODY);
    let asked = world.publisher.asked();
    assert_eq!(names(&asked[1], "range"), asked_to_resume, "{}", asked[1]);
    assert!(!names(asked.last().unwrap(), "range") || attempts == 2);
    assert_eq!(world.exchanges().pop().unwrap().attempts, attempts);
}

#[tokio::test]
async fn a_cut_body_begins_again_where_it_cannot_be_resumed() {
    let whole = || answer("200 OK", &[], BODY);
    // The publisher promises nothing that would make it safe.
    check_restart(&["ETag: W/\"a\"", "Accept-Ranges: bytes"], whole(), false, 2).await;
    check_restart(&["Accept-Ranges: bytes"], whole(), false, 2).await;
    check_restart(&["ETag: \"a\""], whole(), false, 2).await;
    // The body has changed since.
    check_restart(&STRONG, whole(), true, 2).await;
    check_restart(
        &STRONG,
        answer("416 Range Not Satisfiable", &["Content-Range: bytes */5"], ""),
        true,
        3,
    )
    .await;
    // What comes is not the rest.
    let part = |headers: &[&str]| answer("206 Partial Content", headers, &BODY[20..]);
    let last = BODY.len() - 1;
    let elsewhere = format!("Content-Range: bytes 21-{last}/{}", BODY.len());
    let longer = format!("Content-Range: bytes 20-{last}/{}", BODY.len() + 9);
    let here = format!("Content-Range: bytes 20-{last}/{}", BODY.len());
    check_restart(&STRONG, part(&[&elsewhere]), true, 3).await;
    check_restart(&STRONG, part(&[&longer]), true, 3).await;
    check_restart(&STRONG, part(&[&here, "ETag: \"b\""]), true, 3).await;
    check_restart(&STRONG, part(&[]), true, 3).await;
}

#[tokio::test]
async fn a_body_that_stays_shorter_than_promised_is_not_archived() {
    let world = World::new(vec![cut(&[], 30), cut(&[], 30), cut(&[], 30)]).await;
    let error = world.refused(URL).await;
    world.check_refused(
        &error,
        Kind::Unreachable,
        200,
        &format!("the body was cut after 30 of {} bytes", BODY.len()),
    );
    assert!(error.is_retryable());
    assert_eq!(world.publisher.asked().len(), 3);
}

#[tokio::test]
async fn a_chunked_body_that_breaks_off_is_not_archived() {
    let chunked = || part("200 OK", &["Transfer-Encoding: chunked"], "5\r\nState\r\n");
    let world = World::new(vec![chunked(), chunked(), chunked()]).await;
    let error = world.refused(URL).await;
    world.check_refused(&error, Kind::Unreachable, 200, "the body was cut after 5 bytes");
}

#[tokio::test]
async fn persistence_lasts_while_a_large_body_grows() {
    // Five times as many cuts as may follow each other without progress.
    let piece = 1usize << 20;
    let body = "a,b\n1,2\n".repeat(16 * piece / 8);
    let whole = body.len();
    let mut script = vec![part(
        "200 OK",
        &[&STRONG[..], &[&format!("Content-Length: {whole}")]].concat(),
        &body[..piece],
    )];
    for at in (piece..whole).step_by(piece) {
        let range = format!("Content-Range: bytes {at}-{}/{whole}", whole - 1);
        let length = format!("Content-Length: {}", whole - at);
        script.push(part("206 Partial Content", &[&range, &length], &body[at..at + piece]));
    }
    let world = World::new(script).await;
    check_body(&world.fetch(URL).await.unwrap(), &body);
    assert_eq!(world.exchanges().pop().unwrap().attempts, 16);
}

#[tokio::test]
async fn a_busy_publisher_is_asked_again() {
    for status in [
        "202 Accepted",
        "408 Request Timeout",
        "425 Too Early",
        "429 Too Many Requests",
        "500 Oops",
        "502 Bad",
        "503 Busy",
        "504 Late",
    ] {
        let world =
            World::new(vec![answer(status, &[], "wait"), answer("200 OK", &[], BODY)]).await;
        check_body(&world.fetch(URL).await.unwrap(), BODY);
        assert_eq!(world.exchanges().pop().unwrap().attempts, 2, "{status}");
    }
}

#[tokio::test]
async fn pauses_grow_with_jitter_up_to_the_longest() {
    let mut world = World::new(vec![answer("503 Busy", &[], ""); 8]).await;
    world.settings.attempts = 8;
    world.settings.longest_delay = Duration::from_secs(40);
    world.refused(URL).await;
    let paused = world.paused();
    assert_eq!(paused.len(), 7);
    for (pause, least) in paused.iter().zip([2, 4, 8, 16, 20, 20, 20]) {
        let least = Duration::from_secs(least);
        assert!(*pause >= least && *pause <= least * 2, "{paused:?}");
    }
}

#[tokio::test]
async fn a_publisher_that_names_a_wait_is_given_it() {
    // The clock tells a second more at each look: when the date is read it is the second one.
    let date =
        httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(NOW as u64 + 100));
    for (after, asked) in [("77", 77), (date.as_str(), 99)] {
        let throttled = answer("429 Too Many Requests", &[&format!("Retry-After: {after}")], "");
        let world = World::new(vec![throttled, answer("200 OK", &[], BODY)]).await;
        world.fetch(URL).await.unwrap();
        assert_eq!(world.paused(), [Duration::from_secs(asked)], "{after}");
    }
}

#[tokio::test]
async fn a_wait_beyond_our_patience_ends_it() {
    let world = World::new(vec![answer(
        "429 Too Many Requests",
        &["Retry-After: 3600"],
        "{\"error\":\"OVER_RATE_LIMIT\"}",
    )])
    .await;
    let error = world.refused(URL).await;
    world.check_refused(&error, Kind::Unreachable, 429, "asks us to wait 3600 s");
    assert!(error.to_string().contains("OVER_RATE_LIMIT"), "{error}");
    assert!(error.is_retryable());
    assert_eq!((world.publisher.asked().len(), world.paused().len()), (1, 0));
}

#[tokio::test]
async fn a_publisher_that_stays_busy_is_unreachable() {
    let world = World::new(vec![answer("503 Busy", &[], "upstream connect error"); 3]).await;
    let error = world.refused(URL).await;
    world.check_refused(
        &error,
        Kind::Unreachable,
        503,
        "could not be fetched in 3 attempts; at last, it answered 503 Service Unavailable: “upstream connect error”",
    );
    assert!(error.is_retryable());
    assert_eq!((world.publisher.asked().len(), world.paused().len()), (3, 2));
}

#[tokio::test]
async fn a_key_that_is_locked_out_is_not_used_again() {
    let world = World::new(vec![answer("503 Busy", &[], "Client Failure Limit Exceeded"); 3]).await;
    let error = world.refused(URL).await;
    world.check_refused(&error, Kind::Refused, 503, "Client Failure Limit Exceeded");
    assert_eq!(world.publisher.asked().len(), 1);
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let world = World::new(Vec::new()).await;
    let mut settings = world.settings.clone();
    // A port that was just free: nobody listens on it.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    settings.hosts.insert(HOST.to_owned(), format!("http://{free}"));
    let world = World { settings, ..world };
    let error = world.refused(URL).await;
    assert_eq!(error.kind(), Kind::Unreachable);
    assert_eq!(
        error.to_string(),
        "https://publisher.example/table.csv could not be fetched in 3 attempts; at last, could not connect"
    );
    assert!(std::error::Error::source(&error).is_some());
    assert!(world.exchanges().is_empty(), "there was no answer to record");
}

#[tokio::test]
async fn a_line_that_falls_silent_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut world = World::new(Vec::new()).await;
    world
        .settings
        .hosts
        .insert(HOST.to_owned(), format!("http://{}", listener.local_addr().unwrap()));
    world.settings.idle_timeout = Duration::from_millis(1);
    world.settings.attempts = 1;
    let error = world.refused(URL).await;
    assert!(error.to_string().ends_with("in 1 attempt; at last, no answer in time"), "{error}");
}

#[tokio::test]
async fn a_refusal_is_taken_at_the_first_word() {
    let page = "<html><title>404 Not Found</title><p>Moved, perhaps.</html>";
    let world = World::new(vec![answer("404 Not Found", &["Content-Type: text/html"], page)]).await;
    let error = world.refused(URL).await;
    world.check_refused(
        &error,
        Kind::Refused,
        404,
        "answered 404 Not Found: “404 Not Found Moved, perhaps.”",
    );
    assert!(error.hint_text().unwrap().contains("tollhouse probe"));
    assert_eq!(world.publisher.asked().len(), 1);

    let said = "{\"code\":\"query.compiler.malformed\",\"error\":true}";
    for status in
        ["400 Bad Request", "403 Forbidden", "401 Unauthorized", "410 Gone", "501 Not Implemented"]
    {
        let world = World::new(vec![answer(status, &[], said)]).await;
        let error = world.refused(URL).await;
        world.check_refused(
            &error,
            Kind::Refused,
            status[..3].parse().unwrap(),
            "query.compiler.malformed",
        );
        assert!(!error.is_retryable());
        assert_eq!(world.publisher.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_success_without_the_data_is_no_data() {
    for status in ["204 No Content", "203 Non-Authoritative Information", "206 Partial Content"] {
        let world = World::new(vec![answer(status, &[], "")]).await;
        let error = world.refused(URL).await;
        world.check_refused(&error, Kind::NotData, status[..3].parse().unwrap(), &status[..3]);
    }
    let world = World::new(vec![part("304 Not Modified", &[], "")]).await;
    let error = world.refused(URL).await;
    world.check_refused(&error, Kind::Refused, 304, "304 Not Modified");
}

#[tokio::test]
async fn a_redirect_within_the_host_is_followed() {
    for to in
        ["/new.csv", "new.csv", "https://publisher.example/new.csv", "//publisher.example/new.csv"]
    {
        let moved = answer("301 Moved Permanently", &[&format!("Location: {to}")], "");
        let world = World::new(vec![moved, answer("200 OK", &[], BODY)]).await;
        check_body(&world.fetch(URL).await.unwrap(), BODY);
        assert!(world.publisher.asked()[1].starts_with("GET /publisher.example/new.csv "), "{to}");
        assert_eq!(world.exchanges()[0].url, URL, "it stands under the address that was asked for");
    }
}

#[tokio::test]
async fn a_redirect_as_the_stand_in_writes_it_is_followed() {
    let world = World::new(vec![
        answer("302 Found", &["Location: /publisher.example/b/new.csv?x=1"], ""),
        answer("200 OK", &[], BODY),
    ])
    .await;
    world.fetch(URL).await.unwrap();
    assert!(world.publisher.asked()[1].starts_with("GET /publisher.example/b/new.csv?x=1 "));
}

#[tokio::test]
async fn a_redirect_to_a_stranger_is_refused() {
    for to in [
        "https://stranger.example/new.csv?token=s3cr3t",
        "//stranger.example/new.csv",
        "http://127.0.0.1:1/new.csv",
    ] {
        let moved = answer("302 Found", &[&format!("Location: {to}")], "");
        let world = World::new(vec![moved]).await;
        let error = world.refused(URL).await;
        let host = if to.contains("stranger") { "stranger.example" } else { "127.0.0.1" };
        world.check_refused(&error, Kind::Refused, 302, host);
        assert_eq!(world.publisher.asked().len(), 1);
        assert!(!format!("{:?}", world.exchanges()).contains("s3cr3t"));
    }
}

#[tokio::test]
async fn a_redirect_to_a_host_that_the_operator_named_is_followed() {
    let store = Publisher::start(vec![answer("200 OK", &[], BODY)]).await;
    let moved = answer(
        "302 Found",
        &["Location: https://store.example/t.csv?X-Amz-Signature=0a1b2c3d"],
        "",
    );
    let mut world = World::new(vec![moved]).await;
    world.settings.redirect_hosts = vec!["store.example".to_owned()];
    world.settings.hosts.insert("store.example".to_owned(), store.base.clone());
    check_body(&world.fetch(URL).await.unwrap(), BODY);
    assert!(store.asked()[0].starts_with("GET /publisher.example/t.csv?X-Amz-Signature=0a1b2c3d "));
    assert!(!format!("{:?}", world.exchanges()).contains("0a1b2c3d"));
}

#[tokio::test]
async fn redirects_that_go_nowhere_are_refused() {
    let moved = |to: &str| answer("302 Found", &[to], "");
    let world = World::new(vec![moved("Location: /table.csv"); 9]).await;
    let error = world.refused(URL).await;
    world.check_refused(&error, Kind::Refused, 302, "more than 5 times");
    assert_eq!(world.publisher.asked().len(), 6);
    for (to, words) in [
        ("X-Nothing: 1", "without saying where"),
        ("Location: http://publisher.example/table.csv", "away from HTTPS"),
        (
            "Location: https://me:s3cr3t@publisher.example/",
            "redirects to https://publisher.example/",
        ),
    ] {
        let world = World::new(vec![moved(to)]).await;
        let error = world.refused(URL).await;
        world.check_refused(&error, Kind::Refused, 302, words);
    }
}

#[tokio::test]
async fn what_is_not_the_data_is_not_archived() {
    async fn check(body: impl AsRef<[u8]>, expect: Expect, words: &str) {
        let world = World::new(vec![answer("200 OK", &[], body)]).await;
        let never = |_: &Page| panic!("it is refused before the extractor sees it");
        let error = world.fetch_as(URL, expect, &never).await.unwrap_err();
        world.check_refused(&error, Kind::NotData, 200, words);
        assert_eq!(world.publisher.asked().len(), 1);
    }
    check("<!DOCTYPE html><html><title>Sign in</title>", Expect::Text, "an HTML page").await;
    check(
        "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n",
        Expect::Text,
        "a Git-LFS pointer",
    )
    .await;
    check("", Expect::Text, "an empty body").await;
    check(BODY, Expect::Workbook, "something else").await;
    check(BODY, Expect::Json, "something else").await;
    let whole = gzip(BODY);
    check(&whole[..whole.len() - 6], Expect::Text, "cut short or corrupt").await;
    check(gzip("<html>Sign in</html>"), Expect::Text, "an HTML page").await;
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    gz.finish().unwrap()
}

#[tokio::test]
async fn a_whole_gzip_body_is_archived_as_it_came() {
    let body = gzip(BODY);
    let world = World::new(vec![answer("200 OK", &["Content-Encoding: gzip"], &body)]).await;
    let fetched = world.fetch(URL).await.unwrap();
    assert_eq!(fetched.page.digest, Digest::of(&body));
    let mut text = String::new();
    fetched.page.text(1 << 20).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, BODY);
}

#[tokio::test]
async fn a_body_larger_than_allowed_is_not_taken() {
    let chunked = part(
        "200 OK",
        &["Transfer-Encoding: chunked"],
        format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len()),
    );
    for body in [answer("200 OK", &[], BODY), chunked] {
        let mut world = World::new(vec![body]).await;
        world.settings.max_bytes = BODY.len() as u64 - 1;
        let error = world.refused(URL).await;
        world.check_refused(&error, Kind::NotData, 200, "larger than");
        assert_eq!(world.publisher.asked().len(), 1);
    }
    let mut world = World::new(vec![answer("200 OK", &[], BODY)]).await;
    world.settings.max_bytes = BODY.len() as u64;
    world.fetch(URL).await.unwrap();
}

#[tokio::test]
async fn what_the_extractor_does_not_know_is_not_archived() {
    let world = World::new(vec![answer("200 OK", &[], BODY)]).await;
    let changed = |page: &Page| {
        let mut text = String::new();
        page.raw()?.read_to_string(&mut text).or_error(Kind::Io, "cannot read")?;
        assert_eq!(text, BODY);
        Err(Error::new(Kind::Changed, "`Deaths` is gone").hint("look"))
    };
    let error = world.fetch_as(URL, Expect::Text, &changed).await.unwrap_err();
    world.check_refused(&error, Kind::Changed, 200, "`Deaths` is gone");
    assert_eq!(world.publisher.asked().len(), 1);
}

#[tokio::test]
async fn an_extractor_may_ask_to_look_again_later() {
    let world = World::new(vec![answer("200 OK", &[], BODY); 5]).await;
    let looks = AtomicI64::new(0);
    let moving = |_: &Page| match looks.fetch_add(1, Ordering::Relaxed) {
        0 => Err(Error::new(Kind::NotData, "it is being replaced").retryable()),
        _ => Ok(()),
    };
    check_body(&world.fetch_as(URL, Expect::Text, &moving).await.unwrap(), BODY);

    let never = |_: &Page| Err(Error::new(Kind::NotData, "it is being replaced").retryable());
    let other = "https://publisher.example/other.csv";
    let error = world.fetch_as(other, Expect::Text, &never).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotData);
    assert_eq!(error.to_string(), "after 3 attempts: it is being replaced");
}

#[tokio::test]
async fn a_page_that_outlives_its_inspection_holds_no_body_that_is_not_archived() {
    let world = World::new(vec![answer("200 OK", &[], BODY)]).await;
    let held = Mutex::new(None);
    let keep = |page: &Page| {
        *held.lock().unwrap() = Some(page.clone());
        Ok(())
    };
    check_body(&world.fetch_as(URL, Expect::Text, &keep).await.unwrap(), BODY);
    let held = held.into_inner().unwrap().unwrap();
    assert_eq!(held.raw().err().unwrap().kind(), Kind::Io);
}

#[tokio::test]
async fn secrets_are_sent_and_never_written_down() {
    let secret = "k3y-0f-the-house";
    let url = format!("{URL}?$$app_token={secret}&$limit=5&X-Amz-Signature={secret}");
    let echo = format!("X-Echo: {secret}");
    let place = format!("Content-Location: /table.csv?api_key={secret}");
    let world = World::new(vec![
        answer("503 Busy", &[&echo], secret),
        answer("200 OK", &[&echo, &place], BODY),
        answer("403 Forbidden", &[&echo], format!("the key {secret} has expired")),
    ])
    .await;
    let fetched = world.fetch(&url).await.unwrap();
    let error = world.refused(&url).await;
    for asked in world.publisher.asked() {
        assert!(
            asked.contains(&format!("$$app_token={secret}&$limit=5&X-Amz-Signature={secret} ")),
            "{asked}"
        );
    }
    assert_eq!(fetched.page.url, format!("{URL}?$limit=5"));
    assert_eq!(
        error.to_string(),
        format!("{URL}?$limit=5 answered 403 Forbidden: “the key … has expired”")
    );
    let mut written = format!("{error:?} {fetched:?}");
    for entry in std::fs::read_dir(world.folder.path().join("exchanges")).unwrap() {
        written.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    assert_eq!(world.exchanges().len(), 2);
    assert!(!written.contains(secret), "{written}");
}

#[tokio::test]
async fn a_failure_to_connect_tells_no_secret() {
    let mut world = World::new(Vec::new()).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.settings.hosts.insert(HOST.to_owned(), format!("http://{free}"));
    let error = world.refused(&format!("{URL}?api_key=k3y-0f-the-house")).await;
    assert!(!format!("{error:?}").contains("k3y-0f-the-house"), "{error:?}");
}

#[tokio::test]
async fn a_host_that_nothing_stands_for_is_never_asked() {
    let world = World::new(Vec::new()).await;
    for url in ["https://data.cdc.gov/resource/xkb8-kh2a.json", "http://127.0.0.1:9/table.csv"] {
        let error = world.refused(url).await;
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().contains("no base URL stands for"), "{error}");
    }
    // Nor after a redirect.
    let mut world =
        World::new(vec![answer("302 Found", &["Location: https://store.example/t.csv"], "")]).await;
    world.settings.redirect_hosts = vec!["store.example".to_owned()];
    assert_eq!(world.refused(URL).await.kind(), Kind::Usage);
    assert!(world.publisher.asked().len() == 1 && world.paused().is_empty());
}

#[tokio::test]
async fn a_fetch_that_is_dropped_leaves_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut world = World::new(Vec::new()).await;
    world
        .settings
        .hosts
        .insert(HOST.to_owned(), format!("http://{}", listener.local_addr().unwrap()));
    let engine = world.engine();
    let wanted = Request { url: URL.to_owned(), expect: Expect::Text };
    let folder = world.folder.path().join("tmp");
    let half_served = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        request(&mut socket).await;
        socket.write_all(&cut(&[], 20)).await.unwrap();
        // The body is on its way in as soon as its file is there.
        while std::fs::read_dir(&folder).map_or(0, Iterator::count) == 0 {
            tokio::task::yield_now().await;
        }
        socket
    };
    tokio::select! {
        _ = engine.fetch(&wanted, &|_| Ok(())) => panic!("it cannot end"),
        socket = half_served => drop(socket),
    }
    assert_eq!((world.files("tmp"), world.files("raw"), world.exchanges().len()), (0, 0, 0));
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let world = World::new(Vec::new()).await;
    let check = |spoil: &dyn Fn(&mut Settings)| {
        let mut settings = world.settings.clone();
        spoil(&mut settings);
        let error =
            Engine::new(settings, world.warehouse.archive(), world.clock.clone()).err().unwrap();
        assert_eq!(error.kind(), Kind::Usage, "{error}");
    };
    check(&|settings| settings.user_agent = "Mozilla/5.0".to_owned());
    check(&|settings| settings.default_per_minute = 0);
    check(&|settings| drop(settings.hosts.insert(HOST.to_owned(), "not a URL".to_owned())));
}

#[tokio::test]
async fn fetches_run_on_other_threads_and_side_by_side() {
    let world = World::new(vec![answer("200 OK", &[], BODY), answer("200 OK", &[], BODY)]).await;
    let engine = Arc::new(world.engine());
    let fetch = |name: &str| {
        let (engine, url) = (engine.clone(), format!("https://publisher.example/{name}"));
        tokio::spawn(async move {
            engine
                .fetch(&Request { url, expect: Expect::Text }, &|_| Ok(()))
                .await
                .unwrap()
                .exchange
        })
    };
    let (a, b) = (fetch("a.csv"), fetch("b.csv"));
    assert_ne!(a.await.unwrap(), b.await.unwrap());
    assert_eq!((world.files("raw"), world.exchanges().len()), (1, 2));
}
