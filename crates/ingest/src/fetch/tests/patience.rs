//! Publishers that are busy, silent or gone: how often they are asked, and how long apart.

use super::*;

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
        let world = World::new(vec![answer(status, &[], "wait"), answer("200 OK", &[], BODY)]).await;
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
    let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(NOW as u64 + 100));
    for (after, asked) in [("77", 77), (date.as_str(), 99)] {
        let throttled = answer("429 Too Many Requests", &[&format!("Retry-After: {after}")], "");
        let world = World::new(vec![throttled, answer("200 OK", &[], BODY)]).await;
        world.fetch(URL).await.unwrap();
        assert_eq!(world.paused(), [Duration::from_secs(asked)], "{after}");
    }
}

#[tokio::test]
async fn a_wait_beyond_our_patience_ends_it() {
    let world =
        World::new(vec![answer("429 Too Many Requests", &["Retry-After: 3600"], "{\"error\":\"OVER_RATE_LIMIT\"}")])
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
    world.settings.hosts.insert(HOST.to_owned(), format!("http://{}", listener.local_addr().unwrap()));
    world.settings.idle_timeout = Duration::from_millis(1);
    world.settings.attempts = 1;
    let error = world.refused(URL).await;
    assert!(error.to_string().ends_with("in 1 attempt; at last, no answer in time"), "{error}");
}
