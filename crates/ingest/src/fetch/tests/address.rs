//! Where requests go, and what is written down of them: redirects, stand-ins, secrets.

use super::*;

#[tokio::test]
async fn a_redirect_within_the_host_is_followed() {
    for to in ["/new.csv", "new.csv", "https://publisher.example/new.csv", "//publisher.example/new.csv"] {
        let moved = answer("301 Moved Permanently", &[&format!("Location: {to}")], "");
        let world = World::new(vec![moved, answer("200 OK", &[], BODY)]).await;
        check_body(&world.fetch(URL).await.unwrap(), BODY);
        assert!(world.publisher.asked()[1].starts_with("GET /publisher.example/new.csv "), "{to}");
        assert_eq!(world.exchanges()[0].url, URL, "it stands under the address that was asked for");
    }
}

#[tokio::test]
async fn a_redirect_as_the_stand_in_writes_it_is_followed() {
    let world = World::new(vec![
        answer("302 Found", &["Location: /publisher.example/b/new.csv?x=1"], ""),
        answer("200 OK", &[], BODY),
    ])
    .await;
    world.fetch(URL).await.unwrap();
    assert!(world.publisher.asked()[1].starts_with("GET /publisher.example/b/new.csv?x=1 "));
}

#[tokio::test]
async fn a_redirect_to_a_stranger_is_refused() {
    for to in
        ["https://stranger.example/new.csv?token=s3cr3t", "//stranger.example/new.csv", "http://127.0.0.1:1/new.csv"]
    {
        let moved = answer("302 Found", &[&format!("Location: {to}")], "");
        let world = World::new(vec![moved]).await;
        let error = world.refused(URL).await;
        let host = if to.contains("stranger") { "stranger.example" } else { "127.0.0.1" };
        world.check_refused(&error, Kind::Refused, 302, host);
        assert_eq!(world.publisher.asked().len(), 1);
        assert!(!format!("{:?}", world.exchanges()).contains("s3cr3t"));
    }
}

#[tokio::test]
async fn a_redirect_to_a_host_that_the_operator_named_is_followed() {
    let store = Publisher::start(vec![answer("200 OK", &[], BODY)]).await;
    let moved = answer("302 Found", &["Location: https://store.example/t.csv?X-Amz-Signature=0a1b2c3d"], "");
    let mut world = World::new(vec![moved]).await;
    world.settings.redirect_hosts = vec!["store.example".to_owned()];
    world.settings.hosts.insert("store.example".to_owned(), store.base.clone());
    check_body(&world.fetch(URL).await.unwrap(), BODY);
    assert!(store.asked()[0].starts_with("GET /publisher.example/t.csv?X-Amz-Signature=0a1b2c3d "));
    assert!(!format!("{:?}", world.exchanges()).contains("0a1b2c3d"));
}

#[tokio::test]
async fn redirects_that_go_nowhere_are_refused() {
    let moved = |to: &str| answer("302 Found", &[to], "");
    let world = World::new(vec![moved("Location: /table.csv"); 9]).await;
    let error = world.refused(URL).await;
    world.check_refused(&error, Kind::Refused, 302, "more than 5 times");
    assert_eq!(world.publisher.asked().len(), 6);
    for (to, words) in [
        ("X-Nothing: 1", "without saying where"),
        ("Location: http://publisher.example/table.csv", "away from HTTPS"),
        ("Location: https://me:s3cr3t@publisher.example/", "redirects to https://publisher.example/"),
    ] {
        let world = World::new(vec![moved(to)]).await;
        let error = world.refused(URL).await;
        world.check_refused(&error, Kind::Refused, 302, words);
    }
}

#[tokio::test]
async fn secrets_are_sent_and_never_written_down() {
    let secret = "k3y-0f-the-house";
    let url = format!("{URL}?$$app_token={secret}&$limit=5&X-Amz-Signature={secret}");
    let echo = format!("X-Echo: {secret}");
    let place = format!("Content-Location: /table.csv?api_key={secret}");
    let world = World::new(vec![
        answer("503 Busy", &[&echo], secret),
        answer("200 OK", &[&echo, &place], BODY),
        answer("403 Forbidden", &[&echo], format!("the key {secret} has expired")),
    ])
    .await;
    let fetched = world.fetch(&url).await.unwrap();
    let error = world.refused(&url).await;
    for asked in world.publisher.asked() {
        assert!(asked.contains(&format!("$$app_token={secret}&$limit=5&X-Amz-Signature={secret} ")), "{asked}");
    }
    assert_eq!(fetched.page.url, format!("{URL}?$limit=5"));
    assert_eq!(error.to_string(), format!("{URL}?$limit=5 answered 403 Forbidden: “the key … has expired”"));
    let mut written = format!("{error:?} {fetched:?}");
    for entry in std::fs::read_dir(world.folder.path().join("exchanges")).unwrap() {
        written.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    assert_eq!(world.exchanges().len(), 2);
    assert!(!written.contains(secret), "{written}");
}

#[tokio::test]
async fn a_failure_to_connect_tells_no_secret() {
    let mut world = World::new(Vec::new()).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.settings.hosts.insert(HOST.to_owned(), format!("http://{free}"));
    let error = world.refused(&format!("{URL}?api_key=k3y-0f-the-house")).await;
    assert!(!format!("{error:?}").contains("k3y-0f-the-house"), "{error:?}");
}

#[tokio::test]
async fn a_host_that_nothing_stands_for_is_never_asked() {
    let world = World::new(Vec::new()).await;
    for url in ["https://data.cdc.gov/resource/xkb8-kh2a.json", "http://127.0.0.1:9/table.csv"] {
        let error = world.refused(url).await;
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().contains("no base URL stands for"), "{error}");
    }
    // Nor after a redirect.
    let mut world = World::new(vec![answer("302 Found", &["Location: https://store.example/t.csv"], "")]).await;
    world.settings.redirect_hosts = vec!["store.example".to_owned()];
    assert_eq!(world.refused(URL).await.kind(), Kind::Usage);
    assert!(world.publisher.asked().len() == 1 && world.paused().is_empty());
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let world = World::new(Vec::new()).await;
    let check = |spoil: &dyn Fn(&mut Settings)| {
        let mut settings = world.settings.clone();
        spoil(&mut settings);
        let error = Engine::new(settings, world.warehouse.archive(), world.clock.clone()).err().unwrap();
        assert_eq!(error.kind(), Kind::Usage, "{error}");
    };
    check(&|settings| settings.user_agent = "Mozilla/5.0".to_owned());
    check(&|settings| settings.default_per_minute = 0);
    check(&|settings| drop(settings.hosts.insert(HOST.to_owned(), "not a URL".to_owned())));
}
