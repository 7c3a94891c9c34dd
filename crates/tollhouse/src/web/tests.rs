//! Every page as a client sees it: what it says, who may see it, and what it refuses.

mod fake;
mod limits;
mod pages;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, Response, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::web::{Access, TokenFile, router};
use fake::Fake;

const READ: &str = "read-read-read-read-read-1";
const OPERATE: &str = "operate-operate-operate-1";

/// A page as it came, with its body read.
struct Answer {
    status: StatusCode,
    head: Response<()>,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.head.headers().get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }

    /// Checks that it is an error of the one shape that errors have, and gives its text.
    fn problem(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/json");
        let object = self.json();
        let fields: Vec<&String> = object.as_object().unwrap().keys().collect();
        assert!(fields.starts_with(&[&"error".to_owned(), &"next".to_owned()]), "{}", self.text);
        assert!(!object["next"].as_str().unwrap().is_empty());
        object["error"].as_str().unwrap().to_owned()
    }
}

fn everyone(fake: Fake) -> Router {
    router(Arc::new(fake), Access::Everyone)
}

fn with_tokens(fake: Fake) -> Router {
    let (_folder, _, tokens) = token_file(&format!("# ours\n\nread {READ}\n  operate   {OPERATE}  \n"));
    router(Arc::new(fake), Access::Tokens(tokens.unwrap()))
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let (head, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let answer = Answer {
        status: head.status,
        head: Response::from_parts(head, ()),
        text: String::from_utf8_lossy(&bytes).into_owned(),
    };
    for (name, value) in [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer")] {
        assert_eq!(answer.header(name), value);
    }
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
    answer
}

async fn get(router: &Router, path: &str) -> Answer {
    send(router, Request::get(path).body(Body::empty()).unwrap()).await
}

async fn post(router: &Router, path: &str, body: &str) -> Answer {
    let request = Request::post(path).header("content-type", "application/json").body(Body::from(body.to_owned()));
    send(router, request.unwrap()).await
}

/// Every page and method, with a body that it takes.
const EVERY: [(Method, &str, &str); 23] = [
    (Method::GET, "/", ""),
    (Method::GET, "/healthz", ""),
    (Method::GET, "/readyz", ""),
    (Method::GET, "/metrics", ""),
    (Method::GET, "/figures/opioid-deaths-vs-dispensing-2015.svg", ""),
    (Method::GET, "/api/v1/openapi.json", ""),
    (Method::GET, "/api/v1/status", ""),
    (Method::GET, "/api/v1/jobs", ""),
    (Method::GET, "/api/v1/jobs/_publish", ""),
    (Method::GET, "/api/v1/jobs/_publish/due", ""),
    (Method::GET, "/api/v1/runs", ""),
    (Method::GET, "/api/v1/runs/_publish@20261026T113000Z", ""),
    (Method::GET, "/api/v1/snapshots", ""),
    (Method::GET, "/api/v1/freshness", ""),
    (Method::GET, "/api/v1/alarms", ""),
    (Method::GET, "/api/v1/breakers", ""),
    (Method::GET, "/api/v1/verdicts", ""),
    (Method::POST, "/api/v1/jobs/_publish/run", ""),
    (Method::POST, "/api/v1/jobs/_publish/pause", r#"{"why": "the night is long"}"#),
    (Method::POST, "/api/v1/jobs/_publish/resume", "{}"),
    (Method::POST, "/api/v1/jobs/_publish/backfill", r#"{"from": 2006, "to": 2012}"#),
    (Method::POST, "/api/v1/runs/arcos_transactions@20261027T030000Z/cancel", ""),
    (Method::POST, "/api/v1/reload", ""),
];

/// A file of tokens, and what was read of it.
fn token_file(text: &str) -> (tempfile::TempDir, std::path::PathBuf, model::Result<TokenFile>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    std::fs::write(&path, text).unwrap();
    let read = TokenFile::read(&path);
    (folder, path, read)
}
