//! Who may read and who may operate.
//!
//! Over the Unix socket whoever can connect operates ([`Access::Everyone`]); over TCP a token is needed, as `Bearer` or as
//! the password of `Basic`, which browsers ask for. Only digests of tokens are kept, and a token that is shown is compared
//! with all of them, so that the time it takes tells neither content nor length nor which one it was.
//!
//! A browser sends a password that it knows with every request, also with one that another site's page made it send.
//! [`guard`] therefore refuses orders that come from elsewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use headers::authorization::{Basic, Bearer};
use headers::{Authorization, HeaderMapExt as _};
use model::{Error, Kind, Result, ResultExt as _};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::problem::Problem;

/// The fewest characters of a token.
const SHORTEST: usize = 24;

/// Who may come in.
pub enum Access {
    /// Whoever can connect operates.
    Everyone,
    /// Whoever shows a token of a file.
    Tokens(TokenFile),
}

/// A file of tokens, and those that it held when it was read last. Clones see the same.
#[derive(Clone)]
pub struct TokenFile {
    path: PathBuf,
    tokens: Arc<RwLock<Tokens>>,
}

impl TokenFile {
    /// Reads a token file.
    ///
    /// Errors: [`Kind::Usage`] for one that cannot be read or is none, without repeating any of it.
    pub fn read(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_owned(), tokens: Arc::new(RwLock::new(Self::tokens(path)?)) })
    }

    /// What it holds now.
    pub fn read_again(&self) -> Result<Tokens> {
        Self::tokens(&self.path)
    }

    /// From now on these tokens are good, and no others.
    pub fn replace(&self, tokens: Tokens) {
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = tokens;
    }

    fn tokens(path: &Path) -> Result<Tokens> {
        let text = std::fs::read_to_string(path).or_error(Kind::Usage, format!("cannot read {}", path.display()))?;
        Tokens::parse(&text).map_err(|why| {
            Error::new(Kind::Usage, format!("{}: {why}", path.display()))
                .hint("docs/runbook.md, Keys and tokens, says what stands in it")
        })
    }

    fn scope_of(&self, shown: &str) -> Option<Scope> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).scope_of(shown)
    }
}

/// Tokens, as digests.
pub struct Tokens(Vec<Token>);

struct Token {
    digest: [u8; 32],
    operates: bool,
}

/// What a token allows. Operating includes reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Read,
    Operate,
}

impl Tokens {
    /// Reads the lines of a token file: `read TOKEN` or `operate TOKEN`, and comments that begin with `#`. What is wrong is
    /// said without repeating any of it.
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let mut tokens = Vec::new();
        let mut known = BTreeSet::new();
        for (place, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let token = parse_line(line).map_err(|why| format!("line {}: {why}", place + 1))?;
            if !known.insert(token.digest) {
                return Err(format!("line {}: this token stands further up already", place + 1));
            }
            tokens.push(token);
        }
        if tokens.is_empty() {
            return Err("no line has a token: write `operate TOKEN` or `read TOKEN`".to_owned());
        }
        Ok(Self(tokens))
    }

    fn scope_of(&self, shown: &str) -> Option<Scope> {
        let shown = digest(shown);
        let mut reads = Choice::from(0);
        let mut operates = Choice::from(0);
        for token in &self.0 {
            let same = shown.ct_eq(&token.digest);
            reads |= same;
            operates |= same & Choice::from(u8::from(token.operates));
        }
        match (reads.into(), operates.into()) {
            (_, true) => Some(Scope::Operate),
            (true, false) => Some(Scope::Read),
            (false, false) => None,
        }
    }
}

fn parse_line(line: &str) -> std::result::Result<Token, String> {
    let mut words = line.split_whitespace();
    let operates = match words.next() {
        Some("read") => false,
        Some("operate") => true,
        _ => return Err("it begins with neither `read` nor `operate`".to_owned()),
    };
    let (Some(token), None) = (words.next(), words.next()) else {
        return Err("after `read` or `operate` stands one token and nothing else".to_owned());
    };
    if token.len() < SHORTEST || !token.chars().all(|c| c.is_ascii_graphic()) {
        return Err(format!("a token has at least {SHORTEST} characters, all of them of ASCII and visible"));
    }
    Ok(Token { digest: digest(token), operates })
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Lets a request through, or says why not. What an operator orders is written to the log.
pub async fn guard(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let scope = match &*access {
        Access::Everyone => Some(Scope::Operate),
        Access::Tokens(tokens) => shown(request.headers()).and_then(|token| tokens.scope_of(&token)),
    };
    let Some(scope) = scope else {
        return ask_for_token();
    };
    if request.method().is_safe() {
        return next.run(request).await;
    }
    if let Err(problem) = may_order(scope, request.headers()) {
        return problem.into_response();
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    tracing::info!(%method, path, status = response.status().as_u16(), "an order came over HTTP");
    response
}

/// The token that a request shows.
fn shown(headers: &HeaderMap) -> Option<String> {
    if let Some(Authorization(bearer)) = headers.typed_get::<Authorization<Bearer>>() {
        return Some(bearer.token().to_owned());
    }
    headers.typed_get::<Authorization<Basic>>().map(|Authorization(basic)| basic.password().to_owned())
}

fn may_order(scope: Scope, headers: &HeaderMap) -> Result<(), Problem> {
    if comes_from_elsewhere(headers) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "another site's page asked for this",
            "give the order yourself: `tollhouse --help`, or curl without `Origin` and `Sec-Fetch-Site`",
        ));
    }
    if scope < Scope::Operate {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "this token may only read",
            "use one that stands behind `operate` in the token file",
        ));
    }
    Ok(())
}

/// Whether a browser says that another site's page made it send this. Old browsers only say from which.
fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return !matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return false;
    };
    let ours = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let theirs = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => !ours.eq_ignore_ascii_case(theirs),
        _ => true,
    }
}

fn ask_for_token() -> Response {
    let problem = Problem::new(
        StatusCode::UNAUTHORIZED,
        "this needs a token of the token file",
        "send `Authorization: Bearer TOKEN`, or the token as the password of any user",
    );
    let mut response = problem.into_response();
    let headers = response.headers_mut();
    headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"tollhouse\", charset=\"UTF-8\""));
    headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tollhouse\""));
    response
}
