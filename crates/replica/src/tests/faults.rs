//! Each fault does what its name says.

use super::*;
use std::collections::BTreeMap;

#[test]
fn replies_in_place_of_a_file() {
    let status = What::Status {
        code: 503,
        headers: BTreeMap::from([("X-A".to_owned(), "b".to_owned())]),
        body: "no".to_owned(),
    };
    let got = spoilt(status, MINGO);
    assert_eq!((got.status, got.header("x-a"), got.text().as_str()), (503, "b", "no"));
    let got = spoilt(What::RetryAfter { code: 429, seconds: 7 }, SODA);
    assert_eq!((got.status, got.header("retry-after")), (429, "7"));
    let got = spoilt(What::HtmlPage, CITIES_2013);
    assert_eq!((got.status, got.header("content-type")), (200, "text/html; charset=utf-8"));
    let got = spoilt(What::LfsPointer, MINGO);
    assert_eq!((got.status, got.body.len()), (200, 130));
    assert!(got.text().starts_with("version https://git-lfs"));
    assert_eq!(spoilt(What::NotFoundHtml, MINGO).status, 404);
    let got = spoilt(What::Redirect { to: "/elsewhere".to_owned() }, MINGO);
    assert_eq!((got.status, got.header("location")), (302, "/elsewhere"));
    assert_eq!(spoilt(What::ReplaceText { text: "x".to_owned() }, MINGO).text(), "x");
    assert_eq!(spoilt(What::Replace { bytes: vec![0, 255] }, MINGO).body, [0, 255]);
    assert_eq!(spoilt(What::WithBom, WONDER_US).body[..4], *b"\xef\xbb\xbf\"");
}

#[test]
fn connections_that_end_early() {
    for target in [MINGO_GZ, CITIES_2013, SODA] {
        let whole = get(&replica(), target).body;
        let got = spoilt(What::CutBody { after: 1000 }, target);
        assert_eq!((got.status, got.header("content-length")), (200, whole.len().to_string().as_str()));
        assert_eq!(got.body, whole[..1000]);
    }
    let fault = Fault { on: "mingo".to_owned(), times: Some(1), what: What::DropConnection };
    let replica = Replica::start_blocking(Options { faults: vec![fault], ..Options::default() }).unwrap();
    assert!(request(&replica, "GET", MINGO, &[]).is_none());
    assert_eq!(get(&replica, MINGO).status, 200);
    assert_eq!(replica.requests().iter().map(|seen| seen.status).collect::<Vec<_>>(), [0, 200]);
}

#[test]
fn a_cut_download_is_resumed() {
    let fault = Fault { on: "mingo".to_owned(), times: Some(1), what: What::CutBody { after: 5000 } };
    let replica = Replica::start_blocking(Options { faults: vec![fault], ..Options::default() }).unwrap();
    let first = get(&replica, MINGO_GZ);
    let range = format!("bytes={}-", first.body.len());
    let rest = request(&replica, "GET", MINGO_GZ, &[("Range", &range), ("If-Range", first.header("etag"))]).unwrap();
    assert_eq!(rest.status, 206);
    assert_eq!([first.body, rest.body].concat(), get(&replica, MINGO_GZ).body);
}

#[test]
fn a_gzip_cut_short() {
    let got = spoilt(What::TruncatedGzip, MINGO_GZ);
    assert_eq!(got.header("content-length"), got.body.len().to_string());
    let mut text = Vec::new();
    assert!(flate2::read::GzDecoder::new(got.body.as_slice()).read_to_end(&mut text).is_err());
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap().to_owned()
}

#[test]
fn columns_renamed() {
    let renamed = |from: &str, target: &str| {
        spoilt(What::RenamedColumn { from: from.to_owned(), to: "Other".to_owned() }, target)
    };
    assert!(first_line(&renamed("DOSAGE_UNIT", MINGO).text()).contains("\tOther\tTRANSACTION_ID"));
    let text = String::from_utf8(gunzip(&renamed("DOSAGE_UNIT", MINGO_GZ).body)).unwrap();
    assert!(first_line(&text).contains("\tOther\tTRANSACTION_ID"));
    assert!(first_line(&renamed("Deaths", WONDER_US).text()).contains("\tOther\tPopulation"));
    assert!(first_line(&renamed("Year Code", WONDER_US).text()).contains("\t\"Other\"\tDeaths"));
    assert!(first_line(&renamed("Data Value", PORTAL).text()).contains(",Other,Percent Complete"));
    assert!(first_line(&renamed("YEAR", RATES).text()).starts_with("\u{feff}Other,STATE_NAME"));
    let rows = renamed("Data Value", SODA);
    assert_eq!(rows.json()[0]["Other"], "4034");
    assert!(rows.json()[0].get("data_value").is_none());
    assert!(rows.header("x-soda2-fields").contains("\"Other\""));
    assert_eq!(renamed("data_value", VIEW).json()["columns"][5]["fieldName"], "Other");
    assert_eq!(renamed("Robbery", CITIES_2016).cells()[3][7], "Other");
}

#[test]
fn one_more_column() {
    let extra = |target: &str| spoilt(What::ExtraColumn { name: "more".to_owned() }, target);
    for (target, separator, count) in [(MINGO, '\t', 43), (WONDER_STATE, '\t', 13), (RATES, ',', 7), (PORTAL, ',', 13)]
    {
        let text = extra(target).text();
        let header = first_line(&text);
        assert_eq!((header.split(separator).count(), header.ends_with("more")), (count, true));
    }
    assert!(extra(WONDER_STATE).text().ends_with("ICD-10 Changes.\""));
    assert_eq!(extra(SODA).json()[0]["more"], "1");
    assert_eq!(extra(VIEW).json()["columns"][12]["fieldName"], "more");
    for target in [CITIES_2013, CITIES_2015] {
        let cells = extra(target).cells();
        assert_eq!((cells[3][14].as_str(), cells[4][14].as_str()), ("more", "1"));
    }
}

#[test]
fn no_rows() {
    let none = |target: &str| spoilt(What::ZeroRows, target);
    for target in [MINGO, PORTAL, RATES] {
        assert_eq!(none(target).text().lines().count(), 1);
    }
    let wonder = none(WONDER_STATE).text();
    assert_eq!(wonder.lines().nth(1).unwrap(), "\"---\"");
    assert_eq!(none(SODA).json(), serde_json::json!([]));
    assert_eq!(none(&format!("{SODA}?$select=count(*)")).json(), serde_json::json!([{ "count": "0" }]));
    assert_eq!(none(VIEW).json()["columns"][0]["cachedContents"]["count"], "0");
    assert!(none(CITIES_2013).cells()[4][0].starts_with("1 The figures"));
}

#[test]
fn faults_of_one_publisher() {
    let text = spoilt(What::MissingFooter, WONDER_STATE).text();
    assert!(!text.contains("---") && text.ends_with("\r\n"));

    let counties = spoilt(What::CountyTable, CITIES_2015).cells();
    assert_eq!(counties[2][0], "by State by Metropolitan and Nonmetropolitan Counties, 2015");
    assert!(counties[3][0].starts_with('['));
    assert_eq!(counties[4][1], "County");

    let fault = Fault { on: "xkb8".to_owned(), times: None, what: What::MovedTruth };
    let replica = Replica::start_blocking(Options { faults: vec![fault], ..Options::default() }).unwrap();
    let (first, second) = (get(&replica, SODA), get(&replica, SODA));
    assert_ne!(first.header("x-soda2-truth-last-modified"), second.header("x-soda2-truth-last-modified"));
    let updated = |replica: &Replica| get(replica, VIEW).json()["rowsUpdatedAt"].as_i64().unwrap();
    assert!(updated(&replica) < updated(&replica));

    replica.set_faults(vec![Fault { on: "$offset=".to_owned(), times: None, what: What::DuplicatePage }]);
    let page = |offset: usize| get(&replica, &format!("{SODA}?%24limit=100&%24offset={offset}")).body;
    assert!(page(0) == page(100));
    assert!(page(100) != page(200));
}

#[test]
fn validators_that_fail() {
    let got = spoilt(What::NoValidators, MINGO);
    assert_eq!((got.header("etag"), got.header("last-modified"), got.header("accept-ranges")), ("", "", ""));
    let fault = |what| Fault { on: String::new(), times: None, what };
    let replica = replica();
    replica.set_faults(vec![fault(What::MovedEtag)]);
    assert_ne!(get(&replica, RATES).header("etag"), get(&replica, RATES).header("etag"));
    replica.set_faults(vec![fault(What::IgnoredRange)]);
    assert_eq!(request(&replica, "GET", RATES, &[("Range", "bytes=5-")]).unwrap().status, 200);
}

#[test]
fn faults_are_read_from_toml() {
    let text = r#"
        vsrr_edition = "2018"
        [[faults]]
        on = "mingo"
        times = 2
        what = { kind = "retry_after", code = 503, seconds = 1 }
        [[faults]]
        what = { kind = "html_page" }
    "#;
    let options: Options = toml::from_str(text).unwrap();
    let replica = Replica::start_blocking(options).unwrap();
    let statuses: Vec<u16> = (0..3).map(|_| get(&replica, MINGO).status).collect();
    assert_eq!(statuses, [503, 503, 200]);
}
