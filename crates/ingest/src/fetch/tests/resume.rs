//! Bodies that were cut: resumed where that is safe, begun again where it is not, and never archived short.

use super::*;

const STRONG: [&str; 3] = ["ETag: \"a\"", "Accept-Ranges: bytes", "X-SODA2-Fields: [\"state\"]"];

#[tokio::test]
async fn a_cut_body_is_resumed() {
    let range = format!("Content-Range: bytes 20-{}/{}", BODY.len() - 1, BODY.len());
    let world =
        World::new(vec![cut(&STRONG, 20), answer("206 Partial Content", &["ETag: \"a\"", &range], &BODY[20..])]).await;
    let fetched = world.fetch(URL).await.unwrap();
    check_body(&fetched, BODY);
    assert_eq!(fetched.page.header("x-soda2-fields"), Some("[\"state\"]"));
    assert_eq!(fetched.page.header("content-length"), Some(BODY.len().to_string().as_str()));
    let asked = world.publisher.asked();
    assert!(has(&asked[1], "range: bytes=20-") && has(&asked[1], "if-range: \"a\""), "{}", asked[1]);
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
    check_restart(&STRONG, answer("416 Range Not Satisfiable", &["Content-Range: bytes */5"], ""), true, 3).await;
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
    world.check_refused(&error, Kind::Unreachable, 200, &format!("the body was cut after 30 of {} bytes", BODY.len()));
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
    let mut script =
        vec![part("200 OK", &[&STRONG[..], &[&format!("Content-Length: {whole}")]].concat(), &body[..piece])];
    for at in (piece..whole).step_by(piece) {
        let range = format!("Content-Range: bytes {at}-{}/{whole}", whole - 1);
        let length = format!("Content-Length: {}", whole - at);
        script.push(part("206 Partial Content", &[&range, &length], &body[at..at + piece]));
    }
    let world = World::new(script).await;
    check_body(&world.fetch(URL).await.unwrap(), &body);
    assert_eq!(world.exchanges().pop().unwrap().attempts, 16);
}
