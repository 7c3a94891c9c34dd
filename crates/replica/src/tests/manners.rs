//! HTTP as the publishers speak it.

use super::*;

#[test]
fn every_file_is_there_with_its_validators() {
    let replica = replica();
    for target in [
        MINGO,
        MINGO_GZ,
        WONDER_STATE,
        WONDER_US,
        PORTAL,
        SODA,
        CITIES_2013,
        CITIES_2015,
        CITIES_2016,
        RATES,
        EARLY_RATES,
    ] {
        let got = get(&replica, target);
        assert_eq!(got.status, 200, "{target}");
        assert_eq!(got.header("content-length"), got.body.len().to_string(), "{target}");
        assert!(got.header("etag").starts_with('"'), "{target}");
        assert!(got.header("last-modified").ends_with("GMT"), "{target}");
        assert_eq!(got.header("content-encoding"), "", "{target}");
        let head = request(&replica, "HEAD", target, &[]).unwrap();
        assert_eq!((head.status, head.body.len()), (200, 0), "{target}");
        assert_eq!(head.header("content-length"), got.header("content-length"), "{target}");
        assert_eq!(head.header("etag"), got.header("etag"), "{target}");
    }
    assert_eq!(gunzip(&get(&replica, MINGO_GZ).body), get(&replica, MINGO).body);
}

#[test]
fn conditions_are_honoured() {
    let replica = replica();
    for target in [MINGO, SODA, CITIES_2015, PORTAL] {
        let got = get(&replica, target);
        let known = request(&replica, "GET", target, &[("If-None-Match", got.header("etag"))]).unwrap();
        assert_eq!((known.status, known.body.len()), (304, 0));
        assert_eq!(known.header("etag"), got.header("etag"));
        let since = request(&replica, "GET", target, &[("If-Modified-Since", got.header("last-modified"))]).unwrap();
        assert_eq!(since.status, 304);
        let other = request(
            &replica,
            "GET",
            target,
            &[("If-None-Match", "\"other\""), ("If-Modified-Since", got.header("last-modified"))],
        );
        assert_eq!(other.unwrap().status, 200);
    }
}

#[test]
fn ranges_resume_a_download() {
    let replica = replica();
    let whole = get(&replica, MINGO_GZ);
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let length = whole.body.len();
    let etag = whole.header("etag").to_owned();
    let part = |headers: &[(&str, &str)]| request(&replica, "GET", MINGO_GZ, headers).unwrap();

    let rest = part(&[("Range", "bytes=1000-"), ("If-Range", &etag)]);
    assert_eq!((rest.status, rest.body.as_slice()), (206, &whole.body[1000..]));
    assert_eq!(rest.header("content-range"), format!("bytes 1000-{}/{length}", length - 1));
    let middle = part(&[("Range", "bytes=10-19")]);
    assert_eq!((middle.status, middle.body.as_slice()), (206, &whole.body[10..20]));
    let tail = part(&[("Range", "bytes=-5")]);
    assert_eq!((tail.status, tail.body.as_slice()), (206, &whole.body[length - 5..]));
    assert_eq!(part(&[("Range", "bytes=1000-"), ("If-Range", "\"other\"")]).status, 200);
    let beyond = part(&[("Range", "bytes=99999999-")]);
    assert_eq!((beyond.status, beyond.header("content-range")), (416, format!("bytes */{length}").as_str()));
}

#[test]
fn every_host_has_its_way_of_having_nothing() {
    let replica = replica();
    let html = get(&replica, "/ucr.fbi.gov/nothing.xls");
    assert_eq!((html.status, html.header("content-type")), (404, "text/html; charset=utf-8"));
    let soda = get(&replica, "/data.cdc.gov/resource/songs.json");
    let want = serde_json::json!({ "code": "dataset.missing", "error": true, "message": "Not found", "data": { "id": "songs" } });
    assert_eq!((soda.status, soda.json()), (404, want));
    let s3 = get(&replica, "/wp-stat.s3.amazonaws.com/dea-pain-pill-database/nothing.tsv");
    assert_eq!((s3.status, s3.header("content-type")), (403, "application/xml"));
    assert!(s3.text().contains("<Code>AccessDenied</Code>"));
    assert_eq!(get(&replica, "/").status, 404);
    let malformed = get(&replica, &format!("{SODA}?$limit=many"));
    assert_eq!((malformed.status, &malformed.json()["code"]), (400, &serde_json::json!("query.compiler.malformed")));
    assert_eq!(request(&replica, "POST", SODA, &[("Content-Length", "0")]).unwrap().status, 405);
}

#[test]
fn soda_names_its_columns_in_headers() {
    let replica = replica();
    let got = get(&replica, &format!("{SODA}?$limit=1"));
    let fields: Vec<String> = serde_json::from_str(got.header("x-soda2-fields")).unwrap();
    let types: Vec<String> = serde_json::from_str(got.header("x-soda2-types")).unwrap();
    assert_eq!((fields.len(), types.len()), (12, 12));
    assert_eq!(got.header("x-soda2-truth-last-modified"), "Wed, 17 Apr 2019 00:00:00 GMT");
    assert_eq!(got.header("content-type"), "application/json;charset=utf-8");
}

#[test]
fn requests_are_remembered_without_tokens() {
    let replica = replica();
    request(&replica, "GET", &format!("{SODA}?%24limit=1"), &[("User-Agent", "probe/1"), ("X-App-Token", "hidden")]);
    let seen = replica.requests();
    assert_eq!(seen.len(), 1);
    let seen = &seen[0];
    assert_eq!((seen.method.as_str(), seen.host.as_str(), seen.status), ("GET", "data.cdc.gov", 200));
    assert_eq!((seen.path.as_str(), seen.query.as_str()), ("/resource/xkb8-kh2a.json", "%24limit=1"));
    assert_eq!(seen.headers, [("user-agent".to_owned(), "probe/1".to_owned())]);
}

#[test]
fn the_same_file_has_the_same_bytes_every_time() {
    for year in ["2013", "2015", "2016"] {
        let print = || crate::print::cius::cities(year).unwrap().xlsx().unwrap();
        assert!(print() == print());
    }
    let text = crate::print::arcos::mingo().unwrap();
    assert!(crate::shelf::gzip(&text).unwrap() == crate::shelf::gzip(&text).unwrap());
}

#[test]
fn it_runs_on_the_callers_runtime_too() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let replica = runtime.block_on(Replica::start(Options::default())).unwrap();
    assert_eq!(get(&replica, RATES).status, 200);
    replica.stop();
}

#[test]
fn an_edition_is_replaced_in_place() {
    let replica = replica();
    replica.set_vsrr_edition(crate::Edition::V2018);
    let old = get(&replica, PORTAL);
    replica.set_vsrr_edition(crate::Edition::V2019);
    let new = request(&replica, "GET", PORTAL, &[("If-None-Match", old.header("etag"))]).unwrap();
    assert_eq!(new.status, 200);
    assert_ne!(old.header("etag"), new.header("etag"));
}

#[test]
fn bulk_files_lie_behind_links_that_are_signed() {
    const LINKS: &str = "/cde.ucr.cjis.gov/LATEST/s3/signedurl?key=";
    const KEY: &str = "master_files/shr/shr-2015.zip";
    let replica = replica();
    let answer = get(&replica, &format!("{LINKS}{KEY}"));
    let link = answer.json()[KEY].as_str().unwrap().to_owned();
    let target = link.strip_prefix("https:/").unwrap();
    assert!(
        target.starts_with("/cde-prd-data.s3.us-gov-east-1.amazonaws.com/master_files/")
            && target.contains("X-Amz-Expires=900")
    );
    assert_eq!(get(&replica, &format!("{LINKS}master_files/shr/shr-1899.zip")).text(), "{}");

    let file = get(&replica, target);
    assert!(file.status == 200 && file.body.starts_with(b"PK\x03\x04") && !file.header("etag").is_empty());
    let unsigned = get(&replica, target.split('?').next().unwrap());
    assert!(unsigned.status == 403 && unsigned.text().contains("<Code>AccessDenied</Code>"));
    assert_eq!(request(&replica, "HEAD", target, &[]).unwrap().status, 403);
}

#[test]
fn master_files_have_records_of_their_length() {
    use crate::masters;
    let text = |zip: Vec<u8>| {
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
        assert_eq!(zip.len(), 1);
        let mut text = Vec::new();
        zip.by_index(0).unwrap().read_to_end(&mut text).unwrap();
        text
    };
    for (year, agencies) in [("2016", 6), ("2018", 7)] {
        let text = text(masters::return_a(year).unwrap());
        let records: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        assert_eq!(records.len(), agencies);
        assert!(records.iter().all(|record| record.len() == 7386 && record.ends_with(b"\r") && record[0] == b'1'));
        // January's murders of the first agency, and those of July, which are one less than none.
        assert_eq!((&records[0][462..467], &records[0][4002..4007]), (&b"00001"[..], &b"0000J"[..]));
    }
    let text = text(masters::homicides("2015").unwrap());
    assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), 15);
    assert!(text.starts_with(b"636OR99901") && text.ends_with(b"\r\n\x1a"));
}
