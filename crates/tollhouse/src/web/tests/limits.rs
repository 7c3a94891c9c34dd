//! How much is taken on, and how it ends; on real sockets where it matters.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use axum::http::Request;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::oneshot;

use super::fake::Fake;
use super::*;
use crate::web::limits::{AT_ONCE, BODY, PATIENCE};
use crate::web::serve;

/// A daemon whose status comes only when the sender is dropped, and how many have asked for it.
fn slow() -> (Fake, mpsc::Sender<()>, Arc<AtomicUsize>) {
    let (release, held) = mpsc::channel::<()>();
    let asked = Arc::new(AtomicUsize::new(0));
    let held = std::sync::Mutex::new(held);
    let counted = asked.clone();
    let on_status = Box::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let _over = held.lock().unwrap().recv();
    });
    (Fake { on_status, ..Fake::troubled() }, release, asked)
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_questions_than_slots_are_sent_away() {
    let (fake, release, asked) = slow();
    let router = everyone(fake);
    let waiting: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let router = router.clone();
            tokio::spawn(async move { get(&router, "/api/v1/status").await.status })
        })
        .collect();
    until(|| asked.load(Ordering::SeqCst) == AT_ONCE).await;
    assert_eq!(get(&router, "/api/v1/jobs").await.problem(503), "too many requests at once");
    assert_eq!(get(&router, "/healthz").await.status.as_u16(), 200);
    drop(release);
    for one in waiting {
        assert_eq!(one.await.unwrap().as_u16(), 200);
    }
    assert_eq!(get(&router, "/api/v1/jobs").await.status.as_u16(), 200);
}

#[tokio::test]
async fn whoever_waits_too_long_is_told_so() {
    let router = everyone(Fake::troubled());
    // A body that never ends.
    let (stuck, sender) = tokio::io::duplex(64);
    let stream = Body::new(Trickle(stuck));
    let request = Request::post("/api/v1/reload").header("content-type", "application/json").body(stream).unwrap();
    assert_eq!(send(&router, request).await.problem(503), format!("no answer within {} seconds", PATIENCE.as_secs()));
    drop(sender);
}

/// A body of which nothing ever comes.
struct Trickle(tokio::io::DuplexStream);

impl hyper::body::Body for Trickle {
    type Data = axum::body::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        let mut bytes = [0; 16];
        let mut buffer = tokio::io::ReadBuf::new(&mut bytes);
        std::pin::Pin::new(&mut self.0).poll_read(context, &mut buffer).map(|_| None)
    }
}

#[tokio::test]
async fn bodies_end_somewhere() {
    let router = everyone(Fake::troubled());
    post(&router, "/api/v1/reload", &" ".repeat(BODY + 1)).await.problem(413);
    let full = format!("{{}}{}", " ".repeat(BODY - 2));
    assert_eq!(post(&router, "/api/v1/reload", &full).await.status.as_u16(), 204);
}

#[tokio::test]
async fn a_mistake_of_ours_is_told_without_its_details() {
    let fake = Fake { on_status: Box::new(|| panic!("a secret")), ..Fake::troubled() };
    let answer = get(&everyone(fake), "/api/v1/status").await;
    answer.problem(500);
    assert!(!answer.text.contains("secret"));
    let router = super::super::limits::around(Router::new().route(
        "/",
        axum::routing::get(|| async {
            if true {
                panic!("a secret")
            }
        }),
    ));
    let answer = get(&router, "/").await;
    answer.problem(500);
    assert!(!answer.text.contains("secret"));
}

async fn whole_answer<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const ASK: &str = "GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_being_answered_when_the_end_comes_is_answered() {
    let (fake, release, asked) = slow();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, everyone(fake), async { drop(ended.await) }));
    let stream = TcpStream::connect(address).await.unwrap();
    let answer = tokio::spawn(whole_answer(stream, ASK));
    until(|| asked.load(Ordering::SeqCst) == 1).await;
    end.send(()).unwrap();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!served.is_finished());
    drop(release);
    served.await.unwrap().unwrap();
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\"holder\":\"tollhouse-1/4711\""), "{answer}");
}

#[tokio::test]
async fn a_unix_socket_serves_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollhouse.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, everyone(Fake::calm()), async { drop(ended.await) }));
    let answer = whole_answer(UnixStream::connect(&path).await.unwrap(), ASK).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    end.send(()).unwrap();
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_says_nothing_holds_up_neither_us_nor_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, everyone(Fake::calm()), async { drop(ended.await) }));
    let answer = whole_answer(TcpStream::connect(address).await.unwrap(), "GET / HTTP/1.1\r\nhost:").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"GET / HT").await.unwrap();
    end.send(()).unwrap();
    tokio::time::timeout(PATIENCE + Duration::from_secs(1), served).await.unwrap().unwrap().unwrap();
}
