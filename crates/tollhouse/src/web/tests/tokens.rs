//! Who may see and order what.

use axum::http::Request;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::fake::Fake;
use super::*;

fn request(method: &Method, path: &str, body: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if method == Method::POST {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

fn basic(user: &str, token: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{token}")))
}

#[tokio::test]
async fn who_may_do_what() {
    let router = with_tokens(Fake::troubled());
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    let shown = [
        (None, 401, 401),
        (bearer("wrong-wrong-wrong-wrong-wrong"), 401, 401),
        (bearer(&READ[..READ.len() - 1]), 401, 401),
        (bearer(&format!("{READ}x")), 401, 401),
        (bearer(""), 401, 401),
        (Some(format!("Digest {OPERATE}")), 401, 401),
        (Some(OPERATE.to_owned()), 401, 401),
        (Some("Basic !!!".to_owned()), 401, 401),
        (Some(basic("nobody", "")), 401, 401),
        (Some(basic(OPERATE, "")), 401, 401),
        (bearer(READ), 200, 403),
        (Some(basic("anybody", READ)), 200, 403),
        (bearer(OPERATE), 200, 200),
        (Some(basic("", OPERATE)), 200, 200),
        (Some(format!("bearer {OPERATE}")), 200, 200),
    ];
    for (shown, reading, operating) in &shown {
        let headers: Vec<(&str, &str)> = shown.iter().map(|value| ("authorization", value.as_str())).collect();
        for (method, path, body) in &EVERY {
            let answer = send(&router, request(method, path, body, &headers)).await;
            let open = matches!(*path, "/healthz" | "/readyz");
            let expected = match (open, method) {
                (true, _) => 200,
                (false, &Method::GET) => *reading,
                _ => *operating,
            };
            if expected == 200 {
                assert!(answer.status.is_success(), "{shown:?} {path} {}", answer.status);
            } else {
                answer.problem(expected);
            }
        }
    }
}

#[tokio::test]
async fn browsers_are_asked_for_a_password_and_strangers_told_nothing() {
    let router = with_tokens(Fake::troubled());
    for path in ["/", "/api/v1/jobs/nobody", "/no/such/page", "/figures/x"] {
        let answer = get(&router, path).await;
        answer.problem(401);
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"tollhouse\", charset=\"UTF-8\"");
    }
    let delete = Request::delete("/api/v1/status").body(Body::empty()).unwrap();
    send(&router, delete).await.problem(401);
}

#[tokio::test]
async fn another_sites_page_orders_nothing() {
    let router = everyone(Fake::troubled());
    let ask = |headers: Vec<(&'static str, &'static str)>| {
        send(&router, request(&Method::POST, "/api/v1/jobs/_gc/run", "", &headers))
    };
    for headers in [
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("origin", "http://evil.example"), ("host", "localhost:8080")],
        vec![("origin", "null"), ("host", "localhost:8080")],
        vec![("origin", "http://localhost:8081"), ("host", "localhost:8080")],
        vec![("origin", "http://localhost:8080")],
    ] {
        ask(headers).await.problem(403);
    }
    for headers in [
        vec![("sec-fetch-site", "same-origin")],
        vec![("sec-fetch-site", "none")],
        vec![("origin", "http://LOCALHOST:8080"), ("host", "localhost:8080")],
    ] {
        assert_eq!(ask(headers).await.status.as_u16(), 202);
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/jsonx"] {
        let form = Request::post("/api/v1/jobs/_gc/run").header("content-type", kind).body(Body::empty()).unwrap();
        send(&router, form).await.problem(415);
    }
    send(&router, Request::post("/api/v1/jobs/_gc/run").body(Body::empty()).unwrap()).await.problem(415);
    let charset = Request::post("/api/v1/jobs/_gc/run").header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(send(&router, charset.body(Body::from("{}")).unwrap()).await.status.as_u16(), 202);
}

#[test]
fn token_files_are_read_or_refused_without_repeating_them() {
    let secret = "s3cret-s3cret-s3cret-s3cret";
    for (text, why) in [
        (String::new(), "no line has a token"),
        ("# operate x\n\n".to_owned(), "no line has a token"),
        (secret.to_owned(), "line 1: it begins with neither"),
        (format!("write {secret}"), "line 1: it begins with neither"),
        (format!("\nread {secret} more"), "line 2: after `read` or `operate` stands one token"),
        ("read".to_owned(), "line 1: after"),
        (format!("read {}", &secret[..23]), "line 1: a token has at least 24"),
        (format!("read {secret}ä"), "line 1: a token has at least 24"),
        (format!("read {secret}\noperate {secret}"), "line 2: this token stands further up"),
    ] {
        let (_folder, path, read) = token_file(&text);
        let error = read.err().unwrap().to_string();
        assert!(error.starts_with(&format!("{}: {why}", path.display())), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
    let (.., read) = token_file(&format!("\u{20}\t# a comment\r\noperate\t{}\r\n", &secret[..24]));
    assert!(read.is_ok());
}

#[tokio::test]
async fn a_token_file_that_is_read_again_lets_the_new_ones_in_and_the_old_ones_out() {
    let (_folder, path, tokens) = token_file(&format!("read {READ}"));
    let tokens = tokens.unwrap();
    let router = router(Arc::new(Fake::calm()), Access::Tokens(tokens.clone()));
    let ask = async |token: &str| {
        let request = Request::get("/api/v1/jobs").header("authorization", format!("Bearer {token}"));
        send(&router, request.body(Body::empty()).unwrap()).await.status.as_u16()
    };
    assert_eq!((ask(READ).await, ask(OPERATE).await), (200, 401));
    std::fs::write(&path, format!("read {OPERATE}")).unwrap();
    tokens.replace(tokens.read_again().unwrap());
    assert_eq!((ask(READ).await, ask(OPERATE).await), (401, 200));
    std::fs::write(&path, "no tokens").unwrap();
    assert!(tokens.read_again().is_err());
    assert_eq!(ask(OPERATE).await, 200, "those of before stay good");
}
