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

mod address;
mod archive;
mod link;
mod patience;
mod query;
mod refusal;
mod resume;
mod secret;

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
    let head = String::from_utf8(bytes).unwrap();
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    socket.read_exact(&mut body).await.unwrap();
    head + std::str::from_utf8(&body).unwrap()
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

/// Settings that reach nobody.
pub(super) fn settings() -> Settings {
    Settings {
        user_agent: AGENT.to_owned(),
        hosts: BTreeMap::new(),
        only_mapped: true,
        via: "replica".to_owned(),
        redirect_hosts: Vec::new(),
        secret_headers: BTreeMap::new(),
        attempts: 3,
        first_delay: Duration::from_secs(2),
        longest_delay: Duration::from_secs(300),
        requests_per_minute: BTreeMap::new(),
        seconds_between_requests: BTreeMap::new(),
        requests_per_hour: BTreeMap::new(),
        default_per_minute: 1,
        connect_timeout: Duration::from_secs(30),
        idle_timeout: Duration::from_secs(30),
        max_bytes: 1 << 30,
    }
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
        let warehouse = Warehouse::open_or_create(folder.path(), Origin::Replica, Timestamp::UNIX_EPOCH).unwrap();
        let publisher = Publisher::start(script).await;
        let hosts = BTreeMap::from([(HOST.to_owned(), publisher.base.clone())]);
        let settings = Settings { hosts, ..settings() };
        let ticks = AtomicI64::new(NOW);
        let clock: Clock = Arc::new(move || Timestamp::from_second(ticks.fetch_add(1, Ordering::Relaxed)).unwrap());
        Self { folder, warehouse, publisher, settings, clock, paused: Arc::default() }
    }

    fn engine(&self) -> Engine {
        let mut engine = Engine::new(self.settings.clone(), self.warehouse.archive(), self.clock.clone()).unwrap();
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
        self.ask(&Request::get(url, expect), inspect).await
    }

    async fn ask(&self, request: &Request, inspect: Inspect<'_>) -> Result<Fetched> {
        let fetched = self.engine().fetch(request, inspect).await;
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
        assert!(exchanges[0].refused.as_ref().unwrap().contains(words), "{:?}", exchanges[0].refused);
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
    request.lines().any(|line| line.to_ascii_lowercase().starts_with(&format!("{}:", header.to_ascii_lowercase())))
}
