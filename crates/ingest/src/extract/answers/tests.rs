//! What a body is, what is asked, and what the service's own errors become.

use proptest::prelude::*;

use super::super::delimited::tests::{Decoded, check_error, decode_slice, fixture};
use super::super::{build, delimited::Delimited};
use super::*;

const OPTIONS: &str = "first_header = ['BUYER_COUNTY', '']\n\
    [[files]]\nurl = 'https://files.example/a.csv'\nname = 'a'\n\
    [[files]]\nurl = 'https://api.example/v1/b?state=WV'\nname = 'b'";
const SERVICE: &str = "base = 'https://api.example/v1/'\nkey = 'Open'\ninstead = { 'a.csv' = 'sums' }";

fn made(separator: &str, service: &str) -> Box<dyn Extractor> {
    let options = toml::from_str(&format!("separator = '{separator}'\n{OPTIONS}")).unwrap();
    wrap(toml::Value::Table(toml::from_str(service).unwrap()), options, build::<Delimited>).unwrap()
}

fn page(body: &str) -> Page {
    Page::of_bytes("https://api.example/v1/sums", body.as_bytes())
}

fn read(extractor: &dyn Extractor, body: &str) -> Result<Decoded> {
    let page = page(body);
    extractor.inspect(&page)?;
    decode_slice(extractor, &extractor.slices()[0], &[page])
}

#[test]
fn the_service_is_asked_where_an_address_is_its_own_and_in_place_of_a_file() {
    let extractor = made("comma", SERVICE);
    let slices = extractor.slices();
    let asked = |slice: &Slice| extractor.next_page(slice, &[]).unwrap().map(|request| request.url);
    assert_eq!(asked(&slices[0]).as_deref(), Some("https://files.example/a.csv"));
    assert_eq!(asked(&slices[1]).as_deref(), Some("https://api.example/v1/b?state=WV&key=Open"));
    let other = |slice: &Slice, seen: &[Page]| extractor.instead(slice, seen).unwrap().map(|other| other.request.url);
    assert_eq!(other(&slices[0], &[]).as_deref(), Some("https://api.example/v1/sums?key=Open"));
    assert_eq!(other(&slices[0], &[page("[]")]), None);
    assert_eq!(other(&slices[1], &[]), None);
    assert_eq!(extractor.next_page(&slices[0], &[page("[]")]).unwrap(), None);
    assert_eq!(extractor.other_hosts(), ["api.example"]);
    assert!(slices.iter().all(|slice| !slice.url.contains("Open")));
}

#[test]
fn the_same_rows_come_as_json_tabs_or_commas() {
    let extractor = made("comma", SERVICE);
    let file = read(extractor.as_ref(), "BUYER_COUNTY,units\nMINGO,1.5\nLOGAN,2\n").unwrap();
    assert_eq!(file.column("units"), ["1.5", "2"]);
    let json = "\u{feff} [{\"BUYER_COUNTY\":\"MINGO\",\"units\":1.5},\n{\"units\":2,\"BUYER_COUNTY\":\"LOGAN\"}]";
    let tabs = "BUYER_COUNTY\tunits\nMINGO\t1.5\nLOGAN\t2\n";
    for body in [json, tabs] {
        let other = read(extractor.as_ref(), body).unwrap();
        assert_eq!((&other.names, &other.rows), (&file.names, &file.rows), "{body}");
    }
    let commas = read(made("tab", SERVICE).as_ref(), "BUYER_COUNTY,units\n\"MINGO, WV\",1.5\n").unwrap();
    assert_eq!(commas.column("BUYER_COUNTY"), ["MINGO, WV"]);
}

#[test]
fn a_key_that_a_row_lacks_is_nothing() {
    let extractor = made("comma", SERVICE);
    let decoded = read(extractor.as_ref(), r#"[{"a":1},{"a":null,"b":"NA"},{"b":true}]"#).unwrap();
    assert_eq!((decoded.column("a"), decoded.column("b")), (vec!["1", "∅", "∅"], vec!["∅", "NA", "true"]));
    assert_eq!(decoded.records, [1, 2, 3]);
}

#[test]
fn what_the_service_says_with_status_200_is_an_error() {
    let extractor = made("comma", SERVICE);
    let refuse = |body: &str, kind: Kind, words: &[&str]| check_error(read(extractor.as_ref(), body), kind, words);
    refuse(r#"{"error":["No such place."]}"#, Kind::Refused, &["was refused: No such place."]);
    refuse(r#"{"error":"500 - Internal server error"}"#, Kind::Refused, &["500 - Internal server error"]);
    refuse(r#"{"message":["Everything is fine."]}"#, Kind::Changed, &["one object, not a list of rows"]);
    refuse("null", Kind::Refused, &["answered with `null`"]);
    refuse(" null\n", Kind::Refused, &["answered with `null`"]);
    refuse(r#"[{"a":{}}]"#, Kind::Changed, &["row 1 has an object under `a`"]);
    refuse(r#"[{"a":1},{"a":2"#, Kind::NotData, &["cut short or is no JSON"]);
    refuse("SOMETHING,else\n1,2\n", Kind::Changed, &["its first column is `SOMETHING`"]);
}

#[test]
fn a_slice_is_named_by_the_places_that_all_rows_share() {
    let service = format!("{SERVICE}\nslice_by = [['STATE', 'state'], ['COUNTY']]");
    let extractor = made("comma", &service);
    let named = |body: &str| read(extractor.as_ref(), body).unwrap().edition.and_then(|edition| edition.slice);
    assert_eq!(named(r#"[{"STATE":"WV","COUNTY":"SAINT MARY"}]"#).as_deref(), Some("wv-saint-mary"));
    assert_eq!(named(r#"[{"state":"WV","COUNTY":"A"},{"state":"WV","COUNTY":"B"}]"#).as_deref(), Some("wv"));
    assert_eq!(named(r#"[{"STATE":"WV","COUNTY":"A"},{"STATE":"KY","COUNTY":"A"}]"#).as_deref(), Some("all"));
    assert_eq!(named("BUYER_COUNTY,STATE,COUNTY\nx,WV,A\n").as_deref(), Some("wv-a"));
    // A row without a county is of another place than its state's others.
    assert_eq!(named(r#"[{"STATE":"WV","COUNTY":"A"},{"STATE":"WV"}]"#).as_deref(), Some("wv"));
}

#[test]
fn a_file_that_a_person_brings_is_told_by_a_column_of_its_own() {
    let extractor = made("comma", &format!("{SERVICE}\nslice_with = {{ lat = 'a', fips = 'b' }}"));
    let told = |body: &str| extractor.recognise(&page(body)).unwrap().map(|slice| slice.name);
    assert_eq!(told("BUYER_COUNTY,fips\nx,1\n").as_deref(), Some("b"));
    assert_eq!(told(r#"[{"BUYER_COUNTY":"x","lat":1}]"#).as_deref(), Some("a"));
    assert_eq!(told("BUYER_COUNTY,other\nx,1\n"), None);
    assert!(extractor.recognise(&page("another,fips\nx,1\n")).is_err());
}

#[test]
fn an_answer_of_made_up_buyers_is_read() {
    let extractor = made("comma", &format!("{SERVICE}\nslice_by = [['BUYER_STATE'], ['BUYER_COUNTY']]"));
    let page = fixture("arcos_buyer_year/answer-of-invented-county-persons-alike.json");
    let decoded = decode_slice(extractor.as_ref(), &extractor.slices()[1], &[page]).unwrap();
    assert_eq!(decoded.rows.len(), 5);
    assert_eq!(decoded.column("DOSAGE_UNIT"), ["1200", "1300.5", "100", "100", "30"]);
    assert_eq!(decoded.edition.and_then(|edition| edition.slice).as_deref(), Some("wv-ohio"));
}

proptest! {
    /// Rows survive the way through JSON and text, whatever their cells hold.
    #[test]
    fn json_and_text_say_the_same(cells in proptest::collection::vec(("[a-zA-Z ,\"{}\\[\\]]{1,12}", 0_u32..100_000), 1..40)) {
        let extractor = made("comma", SERVICE);
        let rows: Vec<_> = cells.iter().map(|(name, units)| serde_json::json!({"BUYER_COUNTY": name, "units": units})).collect();
        let json = read(extractor.as_ref(), &serde_json::Value::from(rows).to_string()).unwrap();
        let mut text = "BUYER_COUNTY,units\n".to_owned();
        for (name, units) in &cells {
            text += &format!("\"{}\",{units}\n", name.replace('"', "\"\""));
        }
        let text = read(extractor.as_ref(), &text).unwrap();
        prop_assert_eq!(json.rows, text.rows);
    }
}
