//! Addresses that serve a signed link: it is followed where it may lead, and kept nowhere.

use super::*;

const KEY: &str = "master_files/shr/shr-2015.zip";
const STORE: &str = "store.example";
const SIGNATURE: &str = "c4n4ry51gn4tur3";
const CREDENTIAL: &str = "C4N4RYCREDENTIAL";

fn url() -> String {
    format!("https://{HOST}/LATEST/s3/signedurl?key={KEY}")
}

fn request() -> Request {
    Request { link_hosts: vec![STORE.to_owned()], ..Request::get(url(), Expect::Text) }
}

/// A link to the file at a host, signed the n-th time.
fn link(host: &str, n: u32) -> String {
    format!(
        "https://{host}/{KEY}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={CREDENTIAL}%2F20261124%2Fs3%2Faws4_request&X-Amz-Expires=900&X-Amz-Signature={SIGNATURE}{n}&x-id=GetObject"
    )
}

fn linked(n: u32) -> Vec<u8> {
    answer("200 OK", &["Content-Type: application/json"], format!("{{\"{KEY}\":\"{}\"}}", link(STORE, n)))
}

fn expired() -> Vec<u8> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message><X-Amz-Expires>900</X-Amz-Expires><AWSAccessKeyId>{CREDENTIAL}</AWSAccessKeyId><SignatureProvided>{SIGNATURE}1</SignatureProvided></Error>"
    );
    answer("403 Forbidden", &["Content-Type: application/xml"], body)
}

/// A publisher that hands out links, and the store to which they lead.
async fn world(links: Vec<Vec<u8>>, files: Vec<Vec<u8>>) -> (World, Publisher) {
    let mut world = World::new(links).await;
    let store = Publisher::start(files).await;
    world.settings.hosts.insert(STORE.to_owned(), store.base.clone());
    (world, store)
}

/// Nothing that was kept, and nothing that was said, holds any part of a signature.
#[track_caller]
fn check_nowhere(world: &World, said: &str) {
    let mut folders = vec![world.folder.path().to_owned()];
    let holds = |text: &str| [SIGNATURE, CREDENTIAL].iter().any(|secret| text.contains(secret));
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                assert!(!holds(&String::from_utf8_lossy(&bytes)), "{}", path.display());
            }
        }
    }
    assert!(!holds(said), "{said}");
}

#[tokio::test]
async fn a_link_is_followed_and_only_the_file_is_kept_under_its_key() {
    let file = answer("200 OK", &["ETag: \"one\"", "Accept-Ranges: bytes"], BODY);
    let (world, store) = world(vec![linked(1), linked(2)], vec![file, answer("304 Not Modified", &[], "")]).await;
    let fetched = world.ask(&request(), &|_| Ok(())).await.unwrap();
    check_body(&fetched, BODY);
    assert_eq!((fetched.page.url.as_str(), world.files("raw"), world.files("exchanges")), (url().as_str(), 1, 1));
    let exchange = &world.exchanges()[0];
    assert_eq!((exchange.url.as_str(), exchange.bytes), (url().as_str(), BODY.len() as u64));
    assert!(store.asked()[0].starts_with(&format!("GET /{HOST}/{KEY}?X-Amz-Algorithm=")), "{:?}", store.asked());
    check_nowhere(&world, &format!("{fetched:?} {exchange:?}"));

    // Validators are the file's: they go where it lies, and not where the link is served.
    let again = world.ask(&request(), &|_| Ok(())).await.unwrap();
    assert!(again.not_modified && again.page.digest == fetched.page.digest);
    assert!(has(&store.asked()[1], "If-None-Match: \"one\""));
    assert!(world.publisher.asked().iter().all(|asked| !names(asked, "If-None-Match")));
    check_nowhere(&world, &format!("{again:?}"));
}

#[tokio::test]
async fn a_key_that_the_publisher_does_not_know_is_refused() {
    let (world, store) = world(vec![answer("200 OK", &[], "{}")], Vec::new()).await;
    let error = world.ask(&request(), &|_| Ok(())).await.unwrap_err();
    world.check_refused(&error, Kind::Refused, 200, "no file under this key");
    assert!(error.to_string().contains(KEY), "{error}");
    assert!(store.asked().is_empty());
}

#[tokio::test]
async fn a_link_to_a_host_that_is_not_declared_is_not_followed() {
    for host in ["stranger.example", "127.0.0.1", "store.example.stranger.example"] {
        let body = format!("{{\"{KEY}\":\"{}\"}}", link(host, 1));
        let (mut world, store) = world(vec![answer("200 OK", &[], body)], Vec::new()).await;
        world.settings.redirect_hosts = vec![host.to_owned()];
        world.settings.hosts.insert(host.to_owned(), store.base.clone());
        let error = world.ask(&request(), &|_| Ok(())).await.unwrap_err();
        world.check_refused(&error, Kind::Refused, 200, &format!("another host, {host}"));
        assert!(store.asked().is_empty());
        check_nowhere(&world, &format!("{error:?}"));
    }
}

#[tokio::test]
async fn a_link_that_has_expired_is_asked_for_again() {
    let (world, store) = world(vec![linked(1), linked(2)], vec![expired(), answer("200 OK", &[], BODY)]).await;
    check_body(&world.ask(&request(), &|_| Ok(())).await.unwrap(), BODY);
    let asked = store.asked();
    assert!(asked[0].contains(&format!("{SIGNATURE}1")) && asked[1].contains(&format!("{SIGNATURE}2")));
    check_nowhere(&world, "");
}

#[tokio::test]
async fn links_that_have_always_expired_end_our_patience() {
    let (world, _store) = world(vec![linked(1); 3], vec![expired(); 3]).await;
    let error = world.ask(&request(), &|_| Ok(())).await.unwrap_err();
    world.check_refused(&error, Kind::Unreachable, 403, "Request has expired");
    check_nowhere(&world, &format!("{error:?}"));
}

#[tokio::test]
async fn a_store_that_says_no_is_believed_and_not_quoted_with_its_secrets() {
    let body = format!("<Error><Code>NoSuchKey</Code><Message>no {CREDENTIAL} {SIGNATURE}1</Message></Error>");
    let (world, _store) = world(vec![linked(1)], vec![answer("404 Not Found", &[], body)]).await;
    let error = world.ask(&request(), &|_| Ok(())).await.unwrap_err();
    world.check_refused(&error, Kind::Refused, 404, "NoSuchKey no … …");
    check_nowhere(&world, &format!("{error:?}"));
}

#[tokio::test]
async fn a_cut_file_is_resumed_through_a_new_link() {
    let headers = ["ETag: \"one\"", "Accept-Ranges: bytes"];
    let rest = format!("Content-Range: bytes 20-{}/{}", BODY.len() - 1, BODY.len());
    let files = vec![cut(&headers, 20), answer("206 Partial Content", &["ETag: \"one\"", &rest], &BODY[20..])];
    let (world, store) = world(vec![linked(1), linked(2)], files).await;
    check_body(&world.ask(&request(), &|_| Ok(())).await.unwrap(), BODY);
    assert!(has(&store.asked()[1], "Range: bytes=20-") && store.asked()[1].contains(&format!("{SIGNATURE}2")));
    check_nowhere(&world, "");
}

#[tokio::test]
async fn what_is_no_link_is_named_and_not_repeated() {
    let other = format!("{{\"master_files/shr/shr-2014.zip\":\"{}\"}}", link(STORE, 1));
    let plain = format!("{{\"{KEY}\":\"{}\"}}", link(STORE, 1).replace("https://", "http://"));
    for (body, kind, words) in [
        ("<!DOCTYPE html><title>Sign in</title>".to_owned(), Kind::NotData, "an HTML page"),
        (String::new(), Kind::NotData, "an empty body"),
        (format!("[\"{}\"]", link(STORE, 1)), Kind::Changed, "something else than a link"),
        (format!("{{\"{KEY}\":7}}"), Kind::Changed, "something else than a link"),
        (format!("{{\"{KEY}\":\"ftp://{STORE}/{SIGNATURE}\"}}"), Kind::Changed, "something else than a link"),
        (format!("{{\"{KEY}\":\"{}", link(STORE, 1)), Kind::Changed, "something else than a link"),
        (other, Kind::Changed, "something else than a link"),
        (plain, Kind::Refused, "away from HTTPS"),
    ] {
        let (world, store) = world(vec![answer("200 OK", &[], &body)], Vec::new()).await;
        let error = world.ask(&request(), &|_| Ok(())).await.unwrap_err();
        world.check_refused(&error, kind, 200, words);
        assert!(store.asked().is_empty(), "{body}");
        check_nowhere(&world, &format!("{error:?}"));
    }
}
