//! A portal that is asked page by page, one that changes meanwhile, and files that a person downloaded.

use super::*;
use crate::extract::delimited::tests::{capture, check_error, decode, fixture};

fn soda(page_size: u64) -> Socrata {
    toml::from_str(&format!("domain = 'data.cdc.gov'\nid = 'xkb8-kh2a'\npage_size = {page_size}")).unwrap()
}

fn portal_csv() -> Socrata {
    toml::from_str("domain = 'data.cdc.gov'\nid = 'xkb8-kh2a'\nformat = 'csv'").unwrap()
}

/// The fixture's body as the answer to a request.
fn answer(request: &Request, name: &str) -> Page {
    let body = fixture(&format!("cdc_vsrr_state/{name}")).bytes(1 << 20).unwrap();
    Page::of_bytes(&request.url, body)
}

fn text(request: &Request, body: &str) -> Page {
    Page::of_bytes(&request.url, body.as_bytes())
}

fn next(extractor: &Socrata, seen: &[Page]) -> Request {
    extractor.next_page(&extractor.slices()[0], seen).unwrap().unwrap()
}

/// Asks on until the extractor has enough; `reply` gives the body of the nth request.
fn converse(extractor: &Socrata, reply: &dyn Fn(usize, &Request) -> Page) -> Result<Vec<Page>> {
    let mut pages = Vec::new();
    while let Some(request) = extractor.next_page(&extractor.slices()[0], &pages)? {
        let page = reply(pages.len(), &request);
        extractor.inspect(&page)?;
        pages.push(page);
        assert!(pages.len() < 20, "it asks for ever");
    }
    Ok(pages)
}

const REPLIES: [&str; 4] =
    ["soda/1-metadata.json", "soda/2-rows-nulls-left-out.json", "soda/3-rows-short-page.json", "soda/4-count.json"];

#[test]
fn it_asks_for_the_metadata_then_for_pages_then_for_the_number_of_rows() {
    let pages = converse(&soda(2), &|n, request| answer(request, REPLIES[n])).unwrap();
    let urls: Vec<&str> = pages.iter().map(|page| page.url.as_str()).collect();
    assert_eq!(
        urls,
        [
            "https://data.cdc.gov/api/views/xkb8-kh2a.json",
            "https://data.cdc.gov/resource/xkb8-kh2a.json?$limit=2&$offset=0&$order=:id",
            "https://data.cdc.gov/resource/xkb8-kh2a.json?$limit=2&$offset=2&$order=:id",
            "https://data.cdc.gov/resource/xkb8-kh2a.json?$select=count(*)",
        ]
    );
    let decoded = decode(&soda(2), &pages).unwrap();
    assert_eq!(decoded.names.len(), 12);
    assert_eq!(decoded.column("state"), ["WY", "US", "YC"]);
    assert_eq!(decoded.column("data_value"), ["∅", "31234", "52777"]);
    assert_eq!(decoded.column("predicted_value"), ["∅", "31900", "∅"]);
    assert_eq!(decoded.records, [1, 2, 1]);
    assert_eq!(decoded.edition, None);
    assert_eq!(decoded.section("title"), [("name", "VSRR Provisional Drug Overdose Death Counts")]);
}

#[test]
fn an_address_that_was_encoded_on_the_way_is_recognised() {
    let pages = converse(&soda(2), &|n, request| answer(request, REPLIES[n])).unwrap();
    let encoded: Vec<Page> = pages
        .iter()
        .map(|page| {
            let url = page.url.replace('$', "%24").replace("(*)", "%28*%29").replace(":id", "%3Aid");
            Page::of_bytes(&url, page.bytes(1 << 20).unwrap())
        })
        .collect();
    assert_eq!(decode(&soda(2), &encoded).unwrap().rows.len(), 3);
    assert_eq!(soda(2).next_page(&soda(2).slices()[0], &encoded).unwrap(), None);
}

#[test]
fn a_table_that_fills_its_pages_exactly_ends_with_an_empty_one() {
    let pages = converse(&soda(2), &|n, request| match n {
        0 | 1 => answer(request, REPLIES[n]),
        2 => text(request, "[]\n"),
        _ => text(request, "[{\"count\":\"2\"}]"),
    })
    .unwrap();
    assert_eq!(pages.len(), 4);
    assert_eq!(decode(&soda(2), &pages).unwrap().rows.len(), 2);
}

#[track_caller]
fn check_moved(result: Result<Vec<Page>>, words: &[&str]) {
    assert!(result.as_ref().unwrap_err().is_retryable());
    check_error(result, Kind::Unreachable, words);
}

#[test]
fn a_truth_that_moves_between_pages_is_worth_a_new_start() {
    let fewer = converse(&soda(2), &|n, request| match n {
        3 => text(request, "[{\"count\":\"4\"}]"),
        _ => answer(request, REPLIES[n]),
    });
    check_moved(fewer, &["the truth moved", "3 rows came", "it counts 4"]);
    let twice = converse(&soda(2), &|n, request| answer(request, REPLIES[n.min(1)]));
    check_moved(twice, &["a page that had come before"]);
    let dated = converse(&soda(2), &|n, request| {
        let mut page = answer(request, REPLIES[n]);
        if n > 0 {
            let day = if n > 1 { "Tue, 02 Jun 2019" } else { "Mon, 01 Jun 2019" };
            page.headers.push(("x-soda2-truth-last-modified".to_owned(), day.to_owned()));
        }
        page
    });
    check_moved(dated, &["at Mon, 01 Jun 2019 and at Tue, 02 Jun 2019"]);
}

#[test]
fn errors_that_come_with_status_200_are_refusals() {
    for (name, words) in [
        ("error-with-code", "dataset.missing: Not found"),
        ("error-with-errorCode", "soda.dataset.not-found: Dataset"),
        ("login-required", "You must be logged in"),
    ] {
        let name = format!("refused/{name}.json");
        let metadata = answer(&next(&soda(2), &[]), &name);
        check_error(soda(2).inspect(&metadata), Kind::Refused, &[words]);
        let first = answer(&next(&soda(2), &[]), REPLIES[0]);
        let rows = answer(&next(&soda(2), std::slice::from_ref(&first)), &name);
        check_error(soda(2).inspect(&rows), Kind::Refused, &[words]);
        check_error(soda(2).next_page(&soda(2).slices()[0], &[first, rows]), Kind::Refused, &[words]);
        check_error(portal_csv().inspect(&answer(&next(&portal_csv(), &[]), &name)), Kind::Refused, &[words]);
    }
}

#[track_caller]
fn check_rows(body: &str, kind: Kind, words: &[&str]) {
    let metadata = answer(&next(&soda(2), &[]), REPLIES[0]);
    let rows = text(&next(&soda(2), std::slice::from_ref(&metadata)), body);
    check_error(decode(&soda(2), &[metadata, rows]), kind, words);
}

#[test]
fn rows_of_another_shape_are_refused() {
    check_rows("[{\"state\":\"WY\",\"deaths\":\"4\"}]", Kind::Changed, &["row 1 has `deaths`"]);
    check_rows("[{\"state\":\"WY\"},{\"state\":{\"a\":1}}]", Kind::Changed, &["row 2 has an object under `state`"]);
    check_rows("[[\"WY\"]]", Kind::Changed, &["another shape"]);
    check_rows("{\"rows\":[]}", Kind::Changed, &["one object"]);
    check_rows("[{\"state\":\"WY\"},{\"sta", Kind::NotData, &["cut short"]);
    check_rows("[{\"state\":\"WY\"}] and more", Kind::NotData, &["cut short or is no JSON"]);
}

#[test]
fn plain_values_of_every_kind_are_text() {
    let page = Page::of_bytes("file:rows.json", &br#"[{"a":"x","b":1,"c":2.5,"d":true,"e":null},{"f":""}]"#[..]);
    let decoded = decode(&soda(2), &[page]).unwrap();
    assert_eq!(decoded.names, ["a", "b", "c", "d", "e", "f"]);
    let first: Vec<Option<&str>> = decoded.rows[0].iter().map(Option::as_deref).collect();
    assert_eq!(first, [Some("x"), Some("1"), Some("2.5"), Some("true"), None, None]);
    assert_eq!(decoded.column("f"), ["∅", ""]);
}

#[test]
fn metadata_of_another_table_are_refused() {
    let request = next(&soda(2), &[]);
    let other = |body: &str| soda(2).inspect(&text(&request, body));
    check_error(
        other(r#"{"id":"gb4e-yj24","columns":[]}"#),
        Kind::Changed,
        &["those of `gb4e-yj24`, not of `xkb8-kh2a`"],
    );
    check_error(other(r#"{"name":"x"}"#), Kind::Changed, &["no `id`"]);
    check_error(other(r#"{"id":"xkb8-kh2a","columns":[{"name":"x"}]}"#), Kind::Changed, &["without `fieldName`"]);
    check_error(other(r#"{"id":"xkb8-kh2a","columns":[{"fieldName":":id"}]}"#), Kind::Changed, &["list no columns"]);
}

#[test]
fn more_rows_than_asked_for_are_refused() {
    let result = converse(&soda(1), &|n, request| answer(request, REPLIES[n]));
    check_error(result, Kind::Changed, &["2 rows where 1 were asked for"]);
}

#[test]
fn the_portals_csv_is_one_page() {
    let request = next(&portal_csv(), &[]);
    assert_eq!(request.url, "https://data.cdc.gov/api/views/xkb8-kh2a/rows.csv?accessType=DOWNLOAD");
    assert_eq!(request.expect, Expect::Text);
    let page = answer(&request, "portal-2019-12-columns-footnotes.csv");
    assert_eq!(portal_csv().next_page(&portal_csv().slices()[0], std::slice::from_ref(&page)).unwrap(), None);
    let decoded = decode(&portal_csv(), &[page]).unwrap();
    assert_eq!(decoded.column("Data Value"), ["31,234", ""]);
}

#[test]
fn imported_files_pass_through_the_same_door() {
    let csv = decode(&soda(2), &[fixture("cdc_vsrr_state/portal-2018-10-columns-bom-thousands.csv")]).unwrap();
    assert_eq!((csv.names.len(), csv.names[0].as_str()), (10, "State"));
    assert_eq!(csv.column("Indicator")[0], "Opioids (T40.0-T40.4,T40.6)");
    let json = decode(&soda(2), &[fixture("cdc_vsrr_state/soda/2-rows-nulls-left-out.json")]).unwrap();
    assert_eq!(json.names[..3], ["state", "year", "month"]);
    assert_eq!(json.names.len(), 12);
    assert_eq!(json.column("data_value"), ["∅", "31234"]);
}

#[test]
fn metadata_alone_describe_a_table_without_rows() {
    let decoded = decode(&soda(2), &[answer(&next(&soda(2), &[]), REPLIES[0])]).unwrap();
    assert_eq!(decoded.rows.len(), 0);
}

#[test]
fn an_option_that_is_not_valid_is_an_error() {
    for options in
        ["id = 'xkb8kh2a'", "id = 'XKB8-KH2A'", "id = 'xkb8-kh2a'\npage_size = 0", "id = 'xkb8-kh2a'\nurl = ''"]
    {
        assert!(toml::from_str::<Socrata>(&format!("domain = 'data.cdc.gov'\n{options}")).is_err(), "{options}");
    }
    assert_eq!(soda(2).slices()[0].name, "xkb8-kh2a");
    let default: Socrata = toml::from_str("domain = 'data.cdc.gov'\nid = 'xkb8-kh2a'").unwrap();
    assert_eq!((default.page_size.get(), default.format), (50_000, Format::Json));
}

#[test]
fn captured_portal_files_are_read() {
    for (file, columns, value) in
        [("gentrylamb_VSRR_10col_commas_2018", 10, "33,203"), ("info201a_2019_VSRR_12col", 12, "33,203")]
    {
        let Some(page) = capture(&format!("cdc/socrata_vsrr/{file}.csv")) else { return };
        let decoded = decode(&soda(2), &[page]).unwrap();
        assert_eq!(decoded.names.len(), columns);
        let column = |name: &str| decoded.column(name);
        let (state, year, month, indicator) = (column("State"), column("Year"), column("Month"), column("Indicator"));
        let found: Vec<usize> = (0..decoded.rows.len())
            .filter(|row| {
                state[*row] == "US"
                    && year[*row] == "2015"
                    && month[*row] == "December"
                    && indicator[*row] == "Opioids (T40.0-T40.4,T40.6)"
            })
            .collect();
        assert_eq!(found.iter().map(|row| column("Data Value")[*row]).collect::<Vec<_>>(), [value]);
    }
}
