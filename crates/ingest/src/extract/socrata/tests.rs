//! A portal that is asked page by page, one that changes meanwhile, one that refuses, and files that a person downloaded.

mod declared;

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

const METADATA: &str = "soda/1-metadata.json";
const FULL: &str = "soda/2-rows-nulls-left-out.json";
const SHORT: &str = "soda/3-rows-short-page.json";
const COUNT: &str = "soda/4-count.json";

/// What is asked, in order, of a table of three rows in pages of two.
const REPLIES: [&str; 6] = [METADATA, COUNT, FULL, SHORT, COUNT, METADATA];

#[test]
fn it_asks_for_the_metadata_and_the_number_of_rows_before_and_after_the_pages() {
    let pages = converse(&soda(2), &|n, request| answer(request, REPLIES[n])).unwrap();
    let urls: Vec<&str> = pages.iter().map(|page| page.url.as_str()).collect();
    assert_eq!(
        urls,
        [
            "https://data.cdc.gov/api/views/xkb8-kh2a.json",
            "https://data.cdc.gov/resource/xkb8-kh2a.json?$select=count(*)",
            "https://data.cdc.gov/resource/xkb8-kh2a.json?$limit=2&$offset=0&$order=:id",
            "https://data.cdc.gov/resource/xkb8-kh2a.json?$limit=2&$offset=2&$order=:id",
            "https://data.cdc.gov/resource/xkb8-kh2a.json?$select=count(*)",
            "https://data.cdc.gov/api/views/xkb8-kh2a.json",
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
        1 | 4 => text(request, "[{\"count\":\"2\"}]"),
        3 => text(request, "[]\n"),
        _ => answer(request, REPLIES[n]),
    })
    .unwrap();
    assert_eq!(pages.len(), 6);
    assert_eq!(decode(&soda(2), &pages).unwrap().rows.len(), 2);
}

#[track_caller]
fn check_moved(result: Result<Vec<Page>>, words: &[&str]) {
    assert!(result.as_ref().unwrap_err().is_retryable());
    check_error(result, Kind::Unreachable, words);
}

#[test]
fn a_truth_that_moves_between_pages_is_worth_a_new_start() {
    for place in [1, 4] {
        let other = converse(&soda(2), &|n, request| match n {
            n if n == place => text(request, "[{\"count\":\"4\"}]"),
            _ => answer(request, REPLIES[n]),
        });
        let counts = if place == 1 { "it counted 4 before and 3" } else { "it counted 3 before and 4" };
        check_moved(other, &["the truth moved", "3 rows came", counts]);
    }
    let twice = converse(&soda(2), &|n, request| answer(request, REPLIES[n.min(2)]));
    check_moved(twice, &["a page that had come before"]);
    let dated = converse(&soda(2), &|n, request| {
        let mut page = answer(request, REPLIES[n]);
        if n > 0 {
            let day = if n > 2 { "Tue, 02 Jun 2019" } else { "Mon, 01 Jun 2019" };
            page.headers.push(("x-soda2-truth-last-modified".to_owned(), day.to_owned()));
        }
        page
    });
    check_moved(dated, &["at Mon, 01 Jun 2019 and at Tue, 02 Jun 2019"]);
    let metadata = String::from_utf8(fixture(&format!("cdc_vsrr_state/{METADATA}")).bytes(1 << 20).unwrap()).unwrap();
    for (from, to) in [("1559390400", "1559390401"), ("\"fieldName\": \"period\"", "\"fieldName\": \"span\"")] {
        let later = metadata.replacen(from, to, 1);
        assert_ne!(later, metadata);
        let updated = converse(&soda(2), &|n, request| match n {
            5 => text(request, &later),
            _ => answer(request, REPLIES[n]),
        });
        check_moved(updated, &["rows or columns were updated meanwhile"]);
    }
}

#[test]
fn metadata_that_lag_are_noted_and_count_for_nothing_beside_the_portals_count() {
    let metadata = String::from_utf8(fixture(&format!("cdc_vsrr_state/{METADATA}")).bytes(1 << 20).unwrap()).unwrap();
    let lagging = metadata.replace("\"count\": \"3\"", "\"count\": \"7\"");
    assert_ne!(lagging, metadata);
    let pages = converse(&soda(2), &|n, request| match n {
        0 | 5 => text(request, &lagging),
        _ => answer(request, REPLIES[n]),
    })
    .unwrap();
    let decoded = decode(&soda(2), &pages).unwrap();
    assert_eq!(decoded.rows.len(), 3);
    let said = "7 by these metadata, 3 by the portal's count when the rows were read";
    assert!(decoded.section("metadata").contains(&("rows", said)), "{:?}", decoded.section("metadata"));
}

#[test]
fn a_column_that_vanished_from_the_rows_is_not_a_column_without_values() {
    let body =
        |name: &str| fixture(&format!("cdc_vsrr_state/{name}")).bytes(1 << 20).map(String::from_utf8).unwrap().unwrap();
    let metadata = body(METADATA).replace("\"count\": \"3\"", "\"non_null\": \"2\", \"null\": \"1\"");
    let pages = converse(&soda(2), &|n, request| match n {
        0 | 5 => text(request, &metadata),
        2 | 3 => text(request, &body(REPLIES[n]).replace("\"data_value\"", "\":data_value\"")),
        _ => answer(request, REPLIES[n]),
    })
    .unwrap();
    check_error(decode(&soda(2), &pages), Kind::Changed, &["no row has `data_value`, which holds values"]);
}

/// What is asked where the API fails after these pages, and the whole of it decoded with that answer.
fn another_way(seen: &[Page], csv: &str) -> Result<Vec<Page>> {
    let (extractor, slice) = (soda(2), soda(2).slices().remove(0));
    let other = extractor.instead(&slice, seen)?.unwrap();
    assert_eq!(other.request.url, "https://data.cdc.gov/api/views/xkb8-kh2a/rows.csv?accessType=DOWNLOAD");
    let mut pages = seen[..other.keep].to_vec();
    pages.push(text(&other.request, csv));
    assert!(extractor.instead(&slice, &pages)?.is_none(), "there is no third way");
    while let Some(request) = extractor.next_page(&slice, &pages)? {
        pages.push(answer(&request, METADATA));
    }
    Ok(pages)
}

const CSV: &str = "\u{feff}State,Data Value\nWY,\nUS,\"31,234\"\nYC,\"52,777\"\n";

#[test]
fn where_the_api_fails_the_portals_csv_is_read() {
    let all = converse(&soda(2), &|n, request| answer(request, REPLIES[n])).unwrap();
    for seen in 0..4 {
        let pages = another_way(&all[..seen], CSV).unwrap();
        assert_eq!(pages.len(), if seen == 0 { 1 } else { 3 });
        let decoded = decode(&soda(2), &pages).unwrap();
        assert_eq!(decoded.column("Data Value"), ["", "31,234", "52,777"]);
        assert_eq!(decoded.records, [2, 3, 4]);
        let way = "read from the portal's CSV, because its API did not give the rows";
        assert!(decoded.section("metadata").contains(&("way", way)));
    }
    assert_eq!(portal_csv().instead(&portal_csv().slices()[0], &[]).unwrap(), None);
}

#[test]
fn a_csv_with_fewer_rows_than_its_metadata_speak_of_is_not_the_table() {
    let all = converse(&soda(2), &|n, request| answer(request, REPLIES[n])).unwrap();
    let cut = CSV.rsplit_once("YC").unwrap().0;
    check_moved(another_way(&all[..1], cut), &["the CSV has 2 rows, and its metadata speak of 3"]);
}

fn editions() -> Socrata {
    toml::from_str(
        "domain = 'data.cdc.gov'
         [[tables]]
         id = 'jx6g-fdh6'
         release = '1999-2015'
         years = [1999, 2015]
         marks = ['Age', 'age']
         [[tables]]
         id = 'xbxb-epbu'
         release = '1999-2016'
         min_rows = 2862",
    )
    .unwrap()
}

#[test]
fn editions_have_ids_and_addresses_of_their_own() {
    let slices = editions().slices();
    let told: Vec<_> =
        slices.iter().map(|slice| (slice.name.as_str(), slice.release.as_ref().unwrap().as_str())).collect();
    assert_eq!(told, [("jx6g-fdh6", "1999-2015"), ("xbxb-epbu", "1999-2016")]);
    assert_eq!((slices[0].years, slices[1].min_rows), (Some((1999, 2015)), Some(2862)));
    let request = editions().next_page(&slices[1], &[]).unwrap().unwrap();
    assert_eq!(request.url, "https://data.cdc.gov/api/views/xbxb-epbu.json");
    let metadata = Page::of_bytes(&request.url, &br#"{"id":"xbxb-epbu","columns":[{"fieldName":"year"}]}"#[..]);
    let request = editions().next_page(&slices[1], &[metadata]).unwrap().unwrap();
    assert_eq!(request.url, "https://data.cdc.gov/resource/xbxb-epbu.json?$select=count(*)");
}

#[test]
fn an_edition_is_told_by_its_marks() {
    let page = |header: &str| Page::of_bytes("file:saved.csv", format!("{header}\n1999,x\n").as_bytes());
    let [first, second] = editions().slices().try_into().unwrap();
    assert!(editions().headers(&first, &page("Year,Age")).is_ok());
    check_error(
        editions().headers(&first, &page("Year,Age Group")),
        Kind::Changed,
        &["another edition than jx6g-fdh6", "none of the headers `Age`, `age`"],
    );
    assert!(editions().headers(&second, &page("Year,Age Group")).is_ok());
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
        let first = [METADATA, COUNT];
        let mut seen = Vec::new();
        for reply in first {
            seen.push(answer(&next(&soda(2), &seen), reply));
        }
        let rows = answer(&next(&soda(2), &seen), &name);
        check_error(soda(2).inspect(&rows), Kind::Refused, &[words]);
        seen.push(rows);
        check_error(soda(2).next_page(&soda(2).slices()[0], &seen), Kind::Refused, &[words]);
        check_error(portal_csv().inspect(&answer(&next(&portal_csv(), &[]), &name)), Kind::Refused, &[words]);
    }
}

#[track_caller]
fn check_rows(body: &str, kind: Kind, words: &[&str]) {
    let metadata = answer(&next(&soda(2), &[]), METADATA);
    let count = answer(&next(&soda(2), std::slice::from_ref(&metadata)), COUNT);
    let rows = text(&next(&soda(2), &[metadata.clone(), count]), body);
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
        &["xkb8-kh2a.json: the metadata are those of `gb4e-yj24`"],
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
    let decoded = decode(&soda(2), &[answer(&next(&soda(2), &[]), METADATA)]).unwrap();
    assert_eq!(decoded.rows.len(), 0);
}

#[test]
fn an_option_that_is_not_valid_is_an_error() {
    for options in [
        "",
        "id = 'xkb8kh2a'",
        "id = 'XKB8-KH2A'",
        "id = 'xkb8-kh2a'\npage_size = 0",
        "id = 'xkb8-kh2a'\nurl = ''",
        "id = 'xkb8-kh2a'\n[[tables]]\nid = 'xkb8-kh2a'",
    ] {
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

#[test]
fn rows_that_a_person_brings_without_their_description_are_not_recognised() {
    let page = Page::of_bytes("file:rows.json", br#"[{"year": 2016, "homicide": 1}]"#.to_vec());
    check_error(soda(2).recognise(&page), Kind::Changed, &["without its description"]);
    let csv = Page::of_bytes("file:rows.csv", b"a,b\n1,2\n".to_vec());
    assert!(soda(2).recognise(&csv).unwrap().is_none());
}
