//! What becomes of good answers: archived once, and used again as long as they are current.

use super::*;

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
    assert!(asked[0].starts_with("GET /publisher.example/table.csv?$limit=5 HTTP/1.1\r\n"), "{}", asked[0]);
    assert!(has(&asked[0], &format!("user-agent: {AGENT}")), "{}", asked[0]);
    assert!(has(&asked[0], "accept-encoding: identity"), "{}", asked[0]);
    assert!(!names(&asked[0], "cookie") && !names(&asked[0], "referer"), "{}", asked[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_unchanged_body_is_used_again_and_the_observation_recorded() {
    // The second 304 names no validator: those of the first answer must last.
    let world = World::new(vec![
        answer("200 OK", &["ETag: W/\"a--gzip\"", "Last-Modified: Thu, 01 Nov 2018 10:00:00 GMT"], BODY),
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
        assert!(has(&asked[round], "if-modified-since: Thu, 01 Nov 2018 10:00:00 GMT"), "{}", asked[round]);
        let seen = &world.exchanges()[round];
        assert_eq!((seen.status, seen.digest.clone()), (304, Some(Digest::of(BODY))));
        assert!(seen.sent.iter().any(|(name, _)| name == "if-none-match"));
    }
    assert_eq!(world.files("raw"), 1);
}

#[tokio::test]
async fn an_unchanged_body_that_the_pipeline_no_longer_takes_is_refused() {
    let world = World::new(vec![answer("200 OK", &["ETag: \"a\""], BODY), part("304 Not Modified", &[], "")]).await;
    world.fetch(URL).await.unwrap();
    let changed = |_: &Page| Err(Error::new(Kind::Changed, "a header is gone"));
    let error = world.fetch_as(URL, Expect::Text, &changed).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Changed);
    let last = world.exchanges().pop().unwrap();
    assert_eq!((last.status, last.digest, last.refused.as_deref()), (304, None, Some("a header is gone")));
}

#[tokio::test]
async fn validators_of_the_replica_are_not_shown_to_the_publisher() {
    let mut world = World::new(vec![answer("200 OK", &["ETag: \"a\""], BODY), answer("200 OK", &[], BODY)]).await;
    world.fetch(URL).await.unwrap();
    world.settings.via = "live".to_owned();
    assert!(!world.fetch(URL).await.unwrap().not_modified);
    assert!(!names(&world.publisher.asked()[1], "if-none-match"));
}

#[tokio::test]
async fn a_changed_body_replaces_nothing() {
    let newer = BODY.replace("2698", "2699");
    let world = World::new(vec![answer("200 OK", &["ETag: \"a\""], BODY), answer("200 OK", &[], &newer)]).await;
    world.fetch(URL).await.unwrap();
    check_body(&world.fetch(URL).await.unwrap(), &newer);
    assert_eq!(world.files("raw"), 2);
}

#[tokio::test]
async fn a_fetch_that_is_dropped_leaves_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut world = World::new(Vec::new()).await;
    world.settings.hosts.insert(HOST.to_owned(), format!("http://{}", listener.local_addr().unwrap()));
    let engine = world.engine();
    let wanted = Request::get(URL, Expect::Text);
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
async fn fetches_run_on_other_threads_and_side_by_side() {
    let world = World::new(vec![answer("200 OK", &[], BODY), answer("200 OK", &[], BODY)]).await;
    let engine = Arc::new(world.engine());
    let fetch = |name: &str| {
        let (engine, url) = (engine.clone(), format!("https://publisher.example/{name}"));
        tokio::spawn(async move { engine.fetch(&Request::get(url, Expect::Text), &|_| Ok(())).await.unwrap().exchange })
    };
    let (a, b) = (fetch("a.csv"), fetch("b.csv"));
    assert_ne!(a.await.unwrap(), b.await.unwrap());
    assert_eq!((world.files("raw"), world.exchanges().len()), (1, 2));
}
