//! The server: a loopback port, HTTP's manners (validators, conditions, ranges, HEAD), the requests that it saw.
//!
//! Absent: content encodings (identity only), TLS, and every address but 127.0.0.1.

use crate::fault::{Fault, What};
use crate::shelf::{self, Page, Wanted};
use crate::soda::{Edition, Twist, http_date};
use crate::{Error, Result, wonder_service};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// How a replica behaves.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// What goes wrong, in order of precedence.
    pub faults: Vec<Fault>,
    /// Which edition of VSRR data.cdc.gov serves. Default: the newest.
    pub vsrr_edition: Edition,
    /// What goes wrong with each so many-th of all requests, in turn, whatever it asks for; where no other fault is on it.
    pub weather: Option<Weather>,
}

/// Faults that come by themselves.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Weather {
    /// Each so many-th request is spoilt.
    pub every: u32,
    /// By these in turn.
    pub what: Vec<What>,
}

/// A request that the replica answered.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `GET`, `HEAD` …
    pub method: String,
    /// The publisher's host: the first segment of the path.
    pub host: String,
    /// The publisher's path, decoded.
    pub path: String,
    /// The query as sent, without its question mark.
    pub query: String,
    /// The body of a POST, as sent.
    pub body: String,
    /// Those headers that say who asks and on what condition; names in lower case. Tokens and cookies are not kept.
    pub headers: Vec<(String, String)>,
    /// The status answered; 0 where the connection was dropped.
    pub status: u16,
}

/// Which request headers are kept.
const KEPT: [&str; 8] =
    ["user-agent", "accept", "accept-encoding", "if-none-match", "if-modified-since", "range", "if-range", "from"];

/// The publishers on loopback. Stops when dropped.
pub struct Replica {
    port: u16,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    runtime: Option<tokio::runtime::Runtime>,
}

/// What requests share.
struct Shared {
    changing: Mutex<Changing>,
    seen: Mutex<Vec<Seen>>,
}

/// What a test may change while the server runs.
struct Changing {
    edition: Edition,
    /// Each fault with the number of times it was used.
    faults: Vec<(Fault, u32)>,
    weather: Option<Weather>,
    /// The requests that the weather might have spoilt.
    exposed: u32,
}

impl Replica {
    /// Opens a port of 127.0.0.1 and serves on a task of the caller's runtime.
    ///
    /// # Errors
    /// The port does not open.
    pub async fn start(options: Options) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.map_err(Error::serve)?;
        let port = listener.local_addr().map_err(Error::serve)?.port();
        let faults = options.faults.into_iter().map(|fault| (fault, 0)).collect();
        let shared = Arc::new(Shared {
            changing: Mutex::new(Changing {
                edition: options.vsrr_edition,
                faults,
                weather: options.weather,
                exposed: 0,
            }),
            seen: Mutex::new(Vec::new()),
        });
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let until = async move {
                // A sender that is gone stops it as well.
                stopped.await.ok();
            };
            axum::serve(listener, router).with_graceful_shutdown(until).await
        });
        Ok(Self { port, shared, stop: Some(stop), runtime: None })
    }

    /// The same with a runtime of its own, for callers that are not async. Must not be called from async code.
    ///
    /// # Errors
    /// The runtime does not start, or the port does not open.
    pub fn start_blocking(options: Options) -> Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("replica").enable_all().build().map_err(Error::serve)?;
        let mut replica = runtime.block_on(Self::start(options))?;
        replica.runtime = Some(runtime);
        Ok(replica)
    }

    /// `http://127.0.0.1:PORT`, without a slash at its end.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests answered so far, in the order of their answers.
    pub fn requests(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// Other faults from now on; their turns start anew.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        lock(&self.shared.changing).faults = faults.into_iter().map(|fault| (fault, 0)).collect();
    }

    /// Another edition of VSRR from now on, as when a publisher replaces a dataset in place.
    pub fn set_vsrr_edition(&self, edition: Edition) {
        lock(&self.shared.changing).edition = edition;
    }

    /// Stops serving: no new connections, idle ones are closed.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // Dropping the sender tells the server; dropping a runtime in place would block, or panic inside another.
        drop(self.stop.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.end();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Printing may take a moment, so it does not happen on the runtime's own threads.
async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else { return broken("a body that cannot be read") };
    let answered =
        tokio::task::spawn_blocking(move || shared.answer(&head.method, &head.uri, &head.headers, &body)).await;
    answered.unwrap_or_else(|e| broken(&e.to_string()))
}

/// The largest body of a request, in bytes.
const LARGEST_BODY: usize = 1 << 20;

fn broken(reason: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("the replica is broken: {reason}\n")));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// How a body reaches the client.
#[derive(Clone, Copy)]
enum Delivery {
    Whole,
    Cut(usize),
    Dropped,
}

impl Shared {
    fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response<Body> {
        let (host, path) = split(uri.path());
        let query = pairs(uri.query().unwrap_or(""));
        let (edition, fault) = self.turn(uri, &host, &path, &query);
        let what = fault.as_ref().map(|(what, _)| what);
        let delivery = match what {
            Some(What::DropConnection) => Delivery::Dropped,
            Some(What::CutBody { after }) => Delivery::Cut(*after),
            _ => Delivery::Whole,
        };
        let instead = what.and_then(|what| what.instead(&path));
        let is_query = method == Method::POST && wonder_service::is_at(&host, &path);
        let page = if !is_query && method != Method::GET && method != Method::HEAD {
            let mut page = Page::plain(405, "text/plain", "Method Not Allowed\n");
            page.headers.push(("Allow".to_owned(), "GET, HEAD".to_owned()));
            Ok(page)
        } else if host == shelf::bulk::STORE && method == Method::HEAD {
            // The signature is of a GET.
            Ok(shelf::bulk::denied("The request signature we calculated does not match the signature you provided."))
        } else if let Some(page) = instead {
            Ok(page)
        } else if is_query {
            wonder_service::answer(&path, text(headers, "content-type"), body).and_then(|mut page| {
                if let Some((what, turn)) = &fault {
                    what.spoil(&mut page, *turn)?;
                }
                Ok(page)
            })
        } else {
            let turn = fault.as_ref().map_or(0, |(_, turn)| *turn);
            let wanted = Wanted {
                host: &host,
                path: &path,
                query: &query,
                edition,
                twist: Twist {
                    moved: if matches!(what, Some(What::MovedTruth)) { u64::from(turn) } else { 0 },
                    again: matches!(what, Some(What::DuplicatePage)),
                    short: matches!(what, Some(What::ShortPage)),
                },
            };
            shelf::find(&wanted).and_then(|mut page| {
                if let Some(what) = what {
                    what.spoil(&mut page, turn)?;
                }
                Ok(page)
            })
        };
        let response = match page {
            Ok(page) => respond(page, method, headers, delivery),
            Err(error) => broken(&error.to_string()),
        };
        let kept = KEPT.iter().filter_map(|name| {
            let value = headers.get(*name)?.to_str().ok()?;
            Some(((*name).to_owned(), value.to_owned()))
        });
        let status = if matches!(delivery, Delivery::Dropped) { 0 } else { response.status().as_u16() };
        lock(&self.seen).push(Seen {
            method: method.to_string(),
            host,
            path,
            query: uri.query().unwrap_or("").to_owned(),
            body: String::from_utf8_lossy(body).into_owned(),
            headers: kept.collect(),
            status,
        });
        response
    }

    /// The edition served now, and the fault whose turn it is with the number of that turn.
    fn turn(&self, uri: &Uri, host: &str, path: &str, query: &[(String, String)]) -> (Edition, Option<(What, u32)>) {
        let sent = uri.path_and_query().map_or("", |target| target.as_str());
        let decoded: Vec<String> = query.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let decoded = format!("/{host}{path}?{}", decoded.join("&"));
        let mut changing = lock(&self.changing);
        let edition = changing.edition;
        for (fault, used) in &mut changing.faults {
            let spent = fault.times.is_some_and(|times| *used >= times);
            if !spent && (sent.contains(&fault.on) || decoded.contains(&fault.on)) {
                *used += 1;
                return (edition, Some((fault.what.clone(), *used)));
            }
        }
        changing.exposed = changing.exposed.wrapping_add(1);
        let exposed = changing.exposed;
        let spoilt = changing.weather.as_ref().filter(|weather| exposed.is_multiple_of(weather.every.max(1))).and_then(
            |weather| {
                let turn = (exposed / weather.every.max(1)) as usize;
                weather.what.get(turn % weather.what.len().max(1)).cloned()
            },
        );
        (edition, spoilt.map(|what| (what, exposed)))
    }
}

/// HTTP's manners over a page.
fn respond(page: Page, method: &Method, asked: &HeaderMap, delivery: Delivery) -> Response<Body> {
    let mut headers = HeaderMap::new();
    let mut set = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (header::HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    };
    for (name, value) in &page.headers {
        set(name, value);
    }
    set("content-type", &page.content_type);
    let mut status = page.status;
    let mut body = page.body;
    if page.validators {
        let etag = page.etag.unwrap_or_else(|| shelf::etag(&body));
        set("etag", &etag);
        if let Some(modified) = page.modified {
            set("last-modified", &http_date(modified));
        }
        if status == 200 && unchanged(asked, &etag, page.modified) {
            status = 304;
            body = Bytes::new();
        }
        if page.ranges {
            set("accept-ranges", "bytes");
            let whole = body.len();
            match range(asked, &etag, page.modified, whole) {
                Some(Some((first, last))) if status == 200 && method == Method::GET => {
                    status = 206;
                    set("content-range", &format!("bytes {first}-{last}/{whole}"));
                    body = body.slice(first..=last);
                }
                Some(None) if status == 200 && method == Method::GET => {
                    status = 416;
                    set("content-range", &format!("bytes */{whole}"));
                    body = Bytes::new();
                }
                _ => {}
            }
        }
    }
    if status != 304 {
        set("content-length", &body.len().to_string());
    }
    let body = if method == Method::HEAD { Bytes::new() } else { body };
    let mut response = Response::new(deliver(body, delivery));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}

/// Whether the client already has this: If-None-Match decides, else If-Modified-Since.
fn unchanged(asked: &HeaderMap, etag: &str, modified: Option<u64>) -> bool {
    if let Some(known) = text(asked, "if-none-match") {
        return known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == etag);
    }
    let since = text(asked, "if-modified-since").and_then(seconds);
    matches!((since, modified), (Some(since), Some(modified)) if modified <= since)
}

/// The single byte range asked for: `None` where the whole is due, `Some(None)` where it lies outside.
fn range(asked: &HeaderMap, etag: &str, modified: Option<u64>, whole: usize) -> Option<Option<(usize, usize)>> {
    if let Some(condition) = text(asked, "if-range") {
        let same = condition == etag || (modified.is_some() && seconds(condition) == modified);
        if !same {
            return None;
        }
    }
    let (first, last) = text(asked, "range")?.strip_prefix("bytes=")?.split_once('-')?;
    if last.contains(',') {
        return None;
    }
    let end = whole.checked_sub(1);
    if first.is_empty() {
        let tail = last.parse::<usize>().ok()?;
        return Some(end.filter(|_| tail > 0).map(|end| (whole.saturating_sub(tail), end)));
    }
    let first = first.parse::<usize>().ok()?;
    let last = if last.is_empty() { usize::MAX } else { last.parse().ok()? };
    if last < first {
        return None;
    }
    Some(end.filter(|end| first <= *end).map(|end| (first, last.min(end))))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn seconds(date: &str) -> Option<u64> {
    let date = httpdate::parse_http_date(date).ok()?;
    date.duration_since(std::time::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

fn deliver(body: Bytes, delivery: Delivery) -> Body {
    let sent = match delivery {
        Delivery::Whole => return Body::from(body),
        Delivery::Cut(after) => body.slice(..after.min(body.len())),
        Delivery::Dropped => Bytes::new(),
    };
    // An error in the body closes the connection. Nothing is written before the first turn of the loop ends, so an
    // error at once drops it unanswered, and one after a few turns leaves what came before on its way.
    let dropped = matches!(delivery, Delivery::Dropped);
    let parts = futures::stream::unfold((0, sent), move |(step, sent)| async move {
        if dropped || step > 0 {
            for _ in 0..if dropped { 0 } else { 16 } {
                tokio::task::yield_now().await;
            }
            return Some((Err(std::io::Error::other("cut on purpose")), (step + 1, sent)));
        }
        Some((Ok(sent.clone()), (1, sent)))
    });
    Body::from_stream(parts)
}

/// `/host/path` as host and path, decoded.
fn split(path: &str) -> (String, String) {
    let path = path.strip_prefix('/').unwrap_or(path);
    let (host, path) = path.split_at(path.find('/').unwrap_or(path.len()));
    (decoded(host), decoded(path))
}

/// The fields of a query or a form, decoded.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(&key.replace('+', " ")), decoded(&value.replace('+', " ")))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| byte == b'%') {
            Some(code) => {
                out.push(code);
                rest = &tail[2..];
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
