//! Answers that are not the data: what is refused, in which words, and that nothing of it is archived.

use super::*;

#[tokio::test]
async fn a_refusal_is_taken_at_the_first_word() {
    let page = "<html><title>404 Not Found</title><p>Moved, perhaps.</html>";
    let world = World::new(vec![answer("404 Not Found", &["Content-Type: text/html"], page)]).await;
    let error = world.refused(URL).await;
    world.check_refused(&error, Kind::Refused, 404, "answered 404 Not Found: “404 Not Found Moved, perhaps.”");
    assert!(error.hint_text().unwrap().contains("tollhouse probe"));
    assert_eq!(world.publisher.asked().len(), 1);

    let said = "{\"code\":\"query.compiler.malformed\",\"error\":true}";
    for status in ["400 Bad Request", "403 Forbidden", "401 Unauthorized", "410 Gone", "501 Not Implemented"] {
        let world = World::new(vec![answer(status, &[], said)]).await;
        let error = world.refused(URL).await;
        world.check_refused(&error, Kind::Refused, status[..3].parse().unwrap(), "query.compiler.malformed");
        assert!(!error.is_retryable());
        assert_eq!(world.publisher.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_success_without_the_data_is_no_data() {
    for status in ["204 No Content", "203 Non-Authoritative Information", "206 Partial Content"] {
        let world = World::new(vec![answer(status, &[], "")]).await;
        let error = world.refused(URL).await;
        world.check_refused(&error, Kind::NotData, status[..3].parse().unwrap(), &status[..3]);
    }
    let world = World::new(vec![part("304 Not Modified", &[], "")]).await;
    let error = world.refused(URL).await;
    world.check_refused(&error, Kind::Refused, 304, "304 Not Modified");
}

#[tokio::test]
async fn what_is_not_the_data_is_not_archived() {
    async fn check(body: impl AsRef<[u8]>, expect: Expect, words: &str) {
        let world = World::new(vec![answer("200 OK", &[], body)]).await;
        let never = |_: &Page| panic!("it is refused before the extractor sees it");
        let error = world.fetch_as(URL, expect, &never).await.unwrap_err();
        world.check_refused(&error, Kind::NotData, 200, words);
        assert_eq!(world.publisher.asked().len(), 1);
    }
    check("<!DOCTYPE html><html><title>Sign in</title>", Expect::Text, "an HTML page").await;
    check("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n", Expect::Text, "a Git-LFS pointer")
        .await;
    check("", Expect::Text, "an empty body").await;
    check(BODY, Expect::Workbook, "something else").await;
    check(BODY, Expect::Json, "something else").await;
    let whole = gzip(BODY);
    check(&whole[..whole.len() - 6], Expect::Text, "cut short or corrupt").await;
    check(gzip("<html>Sign in</html>"), Expect::Text, "an HTML page").await;
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    gz.finish().unwrap()
}

#[tokio::test]
async fn a_whole_gzip_body_is_archived_as_it_came() {
    let body = gzip(BODY);
    let world = World::new(vec![answer("200 OK", &["Content-Encoding: gzip"], &body)]).await;
    let fetched = world.fetch(URL).await.unwrap();
    assert_eq!(fetched.page.digest, Digest::of(&body));
    let mut text = String::new();
    fetched.page.text(1 << 20).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, BODY);
}

#[tokio::test]
async fn a_body_larger_than_allowed_is_not_taken() {
    let chunked = part("200 OK", &["Transfer-Encoding: chunked"], format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len()));
    for body in [answer("200 OK", &[], BODY), chunked] {
        let mut world = World::new(vec![body]).await;
        world.settings.max_bytes = BODY.len() as u64 - 1;
        let error = world.refused(URL).await;
        world.check_refused(&error, Kind::NotData, 200, "larger than");
        assert_eq!(world.publisher.asked().len(), 1);
    }
    let mut world = World::new(vec![answer("200 OK", &[], BODY)]).await;
    world.settings.max_bytes = BODY.len() as u64;
    world.fetch(URL).await.unwrap();
}

#[tokio::test]
async fn what_the_extractor_does_not_know_is_not_archived() {
    let world = World::new(vec![answer("200 OK", &[], BODY)]).await;
    let changed = |page: &Page| {
        let mut text = String::new();
        page.raw()?.read_to_string(&mut text).or_error(Kind::Io, "cannot read")?;
        assert_eq!(text, BODY);
        Err(Error::new(Kind::Changed, "`Deaths` is gone").hint("look"))
    };
    let error = world.fetch_as(URL, Expect::Text, &changed).await.unwrap_err();
    world.check_refused(&error, Kind::Changed, 200, "`Deaths` is gone");
    assert_eq!(world.publisher.asked().len(), 1);
}

#[tokio::test]
async fn an_extractor_may_ask_to_look_again_later() {
    let world = World::new(vec![answer("200 OK", &[], BODY); 5]).await;
    let looks = AtomicI64::new(0);
    let moving = |_: &Page| match looks.fetch_add(1, Ordering::Relaxed) {
        0 => Err(Error::new(Kind::NotData, "it is being replaced").retryable()),
        _ => Ok(()),
    };
    check_body(&world.fetch_as(URL, Expect::Text, &moving).await.unwrap(), BODY);

    let never = |_: &Page| Err(Error::new(Kind::NotData, "it is being replaced").retryable());
    let other = "https://publisher.example/other.csv";
    let error = world.fetch_as(other, Expect::Text, &never).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotData);
    assert_eq!(error.to_string(), "after 3 attempts: it is being replaced");
}

#[tokio::test]
async fn a_page_that_outlives_its_inspection_holds_no_body_that_is_not_archived() {
    let world = World::new(vec![answer("200 OK", &[], BODY)]).await;
    let held = Mutex::new(None);
    let keep = |page: &Page| {
        *held.lock().unwrap() = Some(page.clone());
        Ok(())
    };
    check_body(&world.fetch_as(URL, Expect::Text, &keep).await.unwrap(), BODY);
    let held = held.into_inner().unwrap().unwrap();
    assert_eq!(held.raw().err().unwrap().kind(), Kind::Io);
}
