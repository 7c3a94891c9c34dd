//! Queries: what is asked by POST belongs to its body, and is asked of nobody else.

use super::*;

const FORM: &str = "request_xml=%3Crequest-parameters%2F%3E&accept_datause_restrictions=true";
const XML: &str = "<?xml version=\"1.0\"?>\n<page><response/></page>";

fn query(fields: &[(&str, &str)]) -> Request {
    Request::query(URL, fields.iter().copied(), Expect::Xml)
}

fn asked() -> Request {
    query(&[("request_xml", "<request-parameters/>"), ("accept_datause_restrictions", "true")])
}

async fn ask(world: &World) -> Result<Fetched> {
    world.ask(&asked(), &|_| Ok(())).await
}

#[tokio::test]
async fn a_query_is_posted_and_its_receipt_says_what_was_asked() {
    let world = World::new(vec![answer("200 OK", &["ETag: \"a\"", "Accept-Ranges: bytes"], XML)]).await;
    check_body(&ask(&world).await.unwrap(), XML);
    let sent = world.publisher.asked().remove(0);
    assert!(sent.starts_with("POST /publisher.example/table.csv HTTP/1.1\r\n"), "{sent}");
    assert!(has(&sent, "content-type: application/x-www-form-urlencoded"), "{sent}");
    assert!(sent.ends_with(&format!("\r\n\r\n{FORM}")), "{sent}");

    let exchange = world.exchanges().remove(0);
    assert_eq!((exchange.method.as_str(), exchange.url.as_str()), ("POST", URL));
    assert_eq!(exchange.body.as_deref(), Some(FORM));
    assert_eq!(exchange.digest, Some(Digest::of(XML)));
    assert_eq!(world.warehouse.archive().latest(URL).unwrap(), None);
}

#[tokio::test]
async fn a_query_is_never_conditional_and_another_query_is_another_exchange() {
    let tagged = || answer("200 OK", &["ETag: \"a\"", "Last-Modified: Thu, 01 Nov 2018 10:00:00 GMT"], XML);
    let world = World::new(vec![tagged(), tagged(), tagged(), answer("200 OK", &[], BODY)]).await;
    ask(&world).await.unwrap();
    ask(&world).await.unwrap();
    world.ask(&query(&[("request_xml", "<other/>")]), &|_| Ok(())).await.unwrap();
    // What lies at the address was never asked for, whatever was asked there.
    world.fetch(URL).await.unwrap();
    for sent in world.publisher.asked() {
        assert!(!names(&sent, "if-none-match") && !names(&sent, "if-modified-since"), "{sent}");
    }
    let key = |exchange: &Exchange| exchange.id.split('-').next().unwrap().to_owned();
    let keys: Vec<_> = world.exchanges().iter().map(key).collect();
    assert_eq!(keys[0], keys[1]);
    assert!(keys[1] != keys[2] && keys[2] != keys[3] && keys[0] != keys[3], "{keys:?}");
}

#[tokio::test]
async fn a_cut_answer_is_asked_for_from_its_beginning() {
    let length = format!("Content-Length: {}", XML.len());
    let cut = part("200 OK", &["ETag: \"a\"", "Accept-Ranges: bytes", &length], &XML[..20]);
    let world = World::new(vec![cut, answer("200 OK", &[], XML)]).await;
    check_body(&ask(&world).await.unwrap(), XML);
    let again = world.publisher.asked().remove(1);
    assert!(!names(&again, "range") && again.ends_with(FORM), "{again}");
}

#[tokio::test]
async fn a_query_follows_no_redirect() {
    for status in ["302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let world = World::new(vec![answer(status, &["Location: https://publisher.example/elsewhere"], "")]).await;
        let error = ask(&world).await.unwrap_err();
        world.check_refused(&error, Kind::Refused, status[..3].parse().unwrap(), "redirect");
        assert!(error.to_string().contains("https://publisher.example/elsewhere"), "{error}");
        assert_eq!(world.publisher.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_refusal_with_reasons_is_final_and_a_breakdown_is_not() {
    let national = "Only national data are available for this dataset when using the WONDER web service. Please check that your query does not group results by region, division, state, county or urbanization, (B_1 through B_5), nor limit these location variables to any specific values.";
    let page =
        format!("<?xml version=\"1.0\"?>\n<page><title>Processing Error</title><message>{national}</message></page>");
    let world = World::new(vec![answer("500 Internal Server Error", &["Content-Type: text/xml"], page)]).await;
    let error = ask(&world).await.unwrap_err();
    world.check_refused(&error, Kind::Refused, 500, national);
    assert_eq!(world.publisher.asked().len(), 1);

    let page = "<html><head><title>WONDER Message</title></head><body>The request is not valid.</body></html>";
    let world = World::new(vec![answer("400 Bad Request", &[], page)]).await;
    let error = ask(&world).await.unwrap_err();
    world.check_refused(&error, Kind::Refused, 400, "WONDER Message The request is not valid.");
    assert_eq!(world.publisher.asked().len(), 1);

    let slow = "<page><message>Request rate exceeded.</message></page>";
    for (status, body) in [("500 Oops", "<html>Oops</html>"), ("429 Too Many Requests", slow), ("503 Busy", slow)] {
        let world = World::new(vec![answer(status, &[], body), answer("200 OK", &[], XML)]).await;
        check_body(&ask(&world).await.unwrap(), XML);
        assert_eq!(world.publisher.asked().len(), 2, "{status}");
    }
}
