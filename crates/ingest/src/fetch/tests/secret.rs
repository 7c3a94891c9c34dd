//! Keys go to the host that they are for, and are written down nowhere.

use super::*;

const CANARY: &str = "c4n4ry-t0ken";

async fn world(script: Vec<Vec<u8>>) -> World {
    let mut world = World::new(script).await;
    let key = ("x-app-token".to_owned(), Secret::new("KEY", CANARY).unwrap());
    world.settings.secret_headers = BTreeMap::from([(HOST.to_owned(), vec![key])]);
    world
}

/// No file of the warehouse holds it.
#[track_caller]
fn check_nowhere(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            check_nowhere(&path);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()), "{}", path.display());
        }
    }
}

#[tokio::test]
async fn its_host_gets_it_and_no_file_does() {
    let world = world(vec![answer("200 OK", &[&format!("X-Echo: {CANARY}")], BODY)]).await;
    let fetched = world.fetch(URL).await.unwrap();
    check_body(&fetched, BODY);
    assert!(has(&world.publisher.asked()[0], &format!("x-app-token: {CANARY}")));
    assert_eq!(world.files("exchanges"), 1);
    assert!(!format!("{fetched:?} {:?}", world.settings).contains(CANARY));
    check_nowhere(world.folder.path());
}

#[tokio::test]
async fn a_refusal_that_repeats_it_is_cleared() {
    let world = world(vec![answer("403 Forbidden", &[], format!("{{\"message\":\"bad token {CANARY}\"}}"))]).await;
    let error = world.refused(URL).await;
    world.check_refused(&error, Kind::Refused, 403, "bad token");
    assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
    check_nowhere(world.folder.path());
}

#[tokio::test]
async fn another_host_does_not_get_it() {
    const OTHER: &str = "store.example";
    let mut world = world(vec![
        answer("302 Found", &["Location: https://store.example/table.csv"], ""),
        answer("200 OK", &[], BODY),
    ])
    .await;
    let base = world.publisher.base.replace(HOST, OTHER);
    world.settings.hosts.insert(OTHER.to_owned(), base);
    world.settings.redirect_hosts.push(OTHER.to_owned());
    check_body(&world.fetch(URL).await.unwrap(), BODY);
    let asked = world.publisher.asked();
    assert!(names(&asked[0], "x-app-token") && !names(&asked[1], "x-app-token"), "{asked:?}");
    check_nowhere(world.folder.path());
}
