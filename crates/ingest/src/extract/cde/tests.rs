//! Answers of the Crime Data Explorer: made up, and captured ones.

use super::agencies::CdeAgencies;
use super::summarized::CdeSummarized;
use super::*;
use crate::extract::delimited::tests::{Decoded, capture, check_error, decode_slice};
use crate::extract::{Extractor, Slice};

/// Decodes pages of the first slice.
fn decode(extractor: &dyn Extractor, pages: &[Page]) -> Result<Decoded> {
    decode_slice(extractor, &extractor.slices()[0], pages)
}

fn summarized(asks: &str, months: u16) -> CdeSummarized {
    let head = format!("url = 'https://api.usa.gov/crime/fbi/cde/summarized/'\nmonths_per_request = {months}\n");
    toml::from_str(&format!("{head}{asks}")).unwrap()
}

const NATIONAL: &str = "[[ask]]\nscope = 'national'\noffense = 'HOM'\nfrom = '01-2020'";

fn page(name: &str, text: impl Into<String>) -> Page {
    Page::of_bytes(name, text.into().into_bytes())
}

/// An answer of one scope, with keys sorted as text.
fn answer(name: &str, months: &str, newest: &str, refreshed: &str) -> Page {
    page(
        "https://x/answer",
        format!(
            r#"{{"offenses":{{"rates":{{"{name} Offenses":{months},"United States Offenses":{{}}}},
            "actuals":{{"{name} Offenses":{months},"{name} Clearances":{{}}}}}},
            "tooltips":{{"Percent of Population Coverage":{{"{name}":{{"01-2020":99.5}}}}}},
            "populations":{{"population":{{"{name}":{{"01-2020":1000}}}},"participated_population":{{}}}},
            "cde_properties":{{"max_data_date":{{"UCR":"{newest}"}},"last_refresh_date":{{"UCR":"{refreshed}"}}}}}}"#
        ),
    )
}

#[test]
fn months_come_in_the_order_of_time_and_null_is_not_zero() {
    let months = r#"{"01-2020":5,"01-2021":0,"02-2020":null,"12-2020":7}"#;
    let extractor = summarized(NATIONAL, 24);
    let decoded = decode(&extractor, &[answer("United States", months, "12/2021", "09/15/2026")]).unwrap();
    assert_eq!(decoded.edition.as_ref().unwrap().release.as_ref().unwrap().as_str(), "refreshed-2026-09-15");
    assert_eq!(decoded.column("month"), ["2020-01-01", "2020-02-01", "2020-12-01", "2021-01-01"]);
    assert_eq!(decoded.column("offenses"), ["5", "∅", "7", "0"]);
    // A zero may be a month without a report: the answer does not tell, whatever its coverage is.
    assert_eq!(decoded.column("reported"), ["∅", "false", "∅", "∅"]);
    assert_eq!(decoded.column("coverage"), ["99.5", "∅", "∅", "∅"]);
    assert_eq!(decoded.records, [1, 3, 4, 2]);
}

#[test]
fn a_span_is_asked_for_piece_by_piece_up_to_the_newest_month() {
    let extractor = summarized(NATIONAL, 24);
    let slice = extractor.slices().remove(0);
    assert_eq!(slice.name, "national HOM");
    let ask = |seen: &[Page]| extractor.next_page(&slice, seen).unwrap().map(|request| request.url);
    let url = "https://api.usa.gov/crime/fbi/cde/summarized/national/HOM";
    assert_eq!(ask(&[]).unwrap(), format!("{url}?from=01-2020&to=12-2021"));
    let seen = answer("United States", "{}", "03/2023", "09/15/2026");
    assert_eq!(ask(std::slice::from_ref(&seen)).unwrap(), format!("{url}?from=01-2022&to=03-2023"));
    assert_eq!(ask(&[seen.clone(), seen]), None);
    // A span that is declared is asked for as it is.
    let whole = summarized(&format!("{NATIONAL}\nto = '06-2020'"), 24);
    let first = whole.next_page(&slice, &[]).unwrap().unwrap();
    assert_eq!(first.url, format!("{url}?from=01-2020&to=06-2020"));
}

#[test]
fn whatever_is_not_the_answer_is_refused() {
    let extractor = summarized(NATIONAL, 24);
    let good = || answer("United States", r#"{"01-2020":5}"#, "12/2021", "09/15/2026");
    let later = answer("United States", r#"{"01-2022":5}"#, "12/2021", "10/15/2026");
    check_error(decode(&extractor, &[good(), later]), Kind::NotData, &["was refreshed after"]);
    let vermont = answer("Vermont", r#"{"01-2020":5}"#, "12/2021", "09/15/2026");
    check_error(decode(&extractor, &[vermont]), Kind::Changed, &["of Vermont, not of national"]);
    let odd = answer("United States", r#"{"2020-01":5}"#, "12/2021", "09/15/2026");
    check_error(decode(&extractor, &[odd]), Kind::Changed, &["`2020-01` for a month"]);
    let words = page("https://x/a", "From year and month date is not valid, expected format MM-YYYY.");
    check_error(decode(&extractor, &[words]), Kind::NotData, &["is no whole JSON"]);
    for (ask, words) in [
        ("scope = 'county/1'", "is no scope"),
        ("scope = 'state/XX'", "XX"),
        ("scope = 'agency/VT1'", "VT1"),
        ("scope = 'national'\noffense = 'MURDER'", "MURDER"),
        ("scope = 'national'\noffense = 'HOM'\nfrom = '2020-01'", "is no month"),
    ] {
        let text = format!("url = ''\nmonths_per_request = 1\n[[ask]]\n{ask}");
        let error = toml::from_str::<CdeSummarized>(&text).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn captured_answers_say_what_the_publisher_says() {
    let Some(national) = capture("fbi/cde_api_new/sajha_sum_nat_HOM_2020_2022.json") else { return };
    let extractor = summarized(NATIONAL, 36);
    let decoded = decode(&extractor, &[national]).unwrap();
    let numbers =
        |column: &str| -> Vec<f64> { decoded.column(column).into_iter().map(|cell| cell.parse().unwrap()).collect() };
    let (murders, people, rates) = (numbers("offenses"), numbers("participated_population"), numbers("rate"));
    let year = |at: usize| murders[12 * at..12 * (at + 1)].iter().sum::<f64>();
    assert_eq!([year(0), year(1), year(2)], [21_588.0, 17_933.0, 21_884.0]);
    let holds = |((murders, people), rate): &((&f64, &f64), &f64)| (*murders / *people * 1e5 - **rate).abs() <= 0.00501;
    assert_eq!(murders.iter().zip(&people).zip(&rates).filter(holds).count(), 36);
    let mut sorted = decoded.column("month");
    sorted.sort_unstable();
    assert_eq!(decoded.column("month"), sorted);

    let agency = "[[ask]]\nscope = 'agency/VT0040100'\noffense = 'V'\nfrom = '01-2022'";
    let burlington = summarized(agency, 12);
    let decoded =
        decode(&burlington, &[capture("fbi/cde_api_new/sajha_sum_agency_VT0040100_V.json").unwrap()]).unwrap();
    assert_eq!(decoded.column("name")[0], "Burlington Police Department");
    assert_eq!(decoded.sum("offenses", &[]), 9 + 22 + 19 + 18 + 21 + 16 + 17 + 22 + 14 + 15 + 9 + 6);
    assert!(decoded.column("coverage").iter().all(|cell| *cell == "∅"), "the coverage told is the state's");
    let unknown = capture("fbi/cde_api_new/sajha_sum_agency_unknown_ori.json").unwrap();
    check_error(decode(&burlington, &[unknown]), Kind::NotData, &["no figures of agency/VT0040100"]);
    let words = capture("fbi/cde_api_new/sajha_bad_date_400.txt").unwrap();
    check_error(decode(&burlington, &[words]), Kind::NotData, &["is no whole JSON"]);
}

fn agencies() -> CdeAgencies {
    toml::from_str("url = 'https://api.usa.gov/crime/fbi/cde/agency/byStateAbbr/'\nstates = ['AL', 'VT']").unwrap()
}

fn agency(ori: &str, counties: &str, started: &str) -> String {
    format!(
        r#"{{"ori":"{ori}","counties":"{counties}","is_nibrs":true,"latitude":1.5,"longitude":null,"state_abbr":"AL",
        "state_name":"Alabama","agency_name":"A","agency_type_name":"City","nibrs_start_date":{started}}}"#
    )
}

#[test]
fn an_agency_of_several_counties_is_one_row() {
    let both = agency("AL0010000", "LEE, MACON", "\"2021-01-01\"");
    let text = format!("{{\"LEE\":[{both},{}],\"LEE, MACON\":[{both}]}}", agency("AL0020000", "LEE", "null"));
    let decoded = decode(&agencies(), &[page("https://x/AL", text)]).unwrap();
    assert_eq!(decoded.column("ori"), ["AL0010000", "AL0020000"]);
    assert_eq!(decoded.column("counties"), ["LEE, MACON", "LEE"]);
    assert_eq!(decoded.column("longitude"), ["∅", "∅"]);
    assert_eq!(decoded.edition.as_ref().unwrap().release.as_ref().unwrap().as_str(), "through-2021-01-01");
    let text = format!("{{\"LEE\":[{both}],\"MACON\":[{}]}}", agency("AL0010000", "MACON", "null"));
    check_error(decode(&agencies(), &[page("https://x/AL", text)]), Kind::Changed, &["AL0010000 twice"]);
    let text = format!("{{\"LEE\":[{}]}}", both.replace("\"longitude\"", "\"lng\""));
    check_error(decode(&agencies(), &[page("https://x/AL", text)]), Kind::Changed, &["`lng`"]);
}

#[test]
fn another_object_is_no_list_of_agencies() {
    for text in [r#"{"data":[{"count":1,"key":"a"}]}"#, r#"{"a":{"b":{"c":1}}}"#, "{}", "a,b\n1,2\n"] {
        let error = agencies().inspect(&page("file:other", text));
        check_error(error, Kind::Changed, &["is no"]);
    }
}

#[test]
fn states_are_asked_for_one_after_the_other() {
    let (extractor, slice) = (agencies(), Slice::new("agencies", "https://x/".to_owned()));
    let seen = page("https://x/AL", "{}");
    assert_eq!(extractor.next_page(&slice, &[]).unwrap().unwrap().url, "https://x/AL");
    assert_eq!(extractor.next_page(&slice, std::slice::from_ref(&seen)).unwrap().unwrap().url, "https://x/VT");
    assert!(extractor.next_page(&slice, &[seen.clone(), seen]).unwrap().is_none());
}

#[test]
fn captured_lists_of_both_generations_hold_what_was_counted_in_them() {
    let Some(copy) = capture("fbi/cde_agencies/cde_agencies_2026_metadata_all.csv") else { return };
    let slice = agencies().recognise(&copy).unwrap().unwrap();
    assert_eq!(slice.grade.as_str(), "secondary");
    let decoded = decode(&agencies(), &[copy]).unwrap();
    assert_eq!(decoded.edition.as_ref().unwrap().release.as_ref().unwrap().as_str(), "copy-through-2026-02-01");
    assert_eq!(decoded.rows.len(), 19_585);
    let count = |column: &str, is: &dyn Fn(&str) -> bool| decoded.column(column).into_iter().filter(|c| is(c)).count();
    assert_eq!(count("is_nibrs", &|cell| cell == "True"), 16_155);
    assert_eq!(count("counties", &|cell| cell.contains(", ")), 653);
    assert_eq!(count("counties", &|cell| cell == "NOT SPECIFIED"), 492);
    assert_eq!(count("latitude", &|cell| cell == "∅"), 2_616);

    let older = capture("fbi/cde_agencies/agencies-by-state_2018.json.gz").unwrap();
    let decoded = decode(&agencies(), &[older]).unwrap();
    assert_eq!(decoded.rows.len(), 23_243);
    let states: std::collections::BTreeSet<&str> = decoded.column("state_abbr").into_iter().collect();
    assert_eq!(states.len(), 55);
    let reply = capture("fbi/cde_api_new/mock_response_get_metadata.json").unwrap();
    assert_eq!(decode(&agencies(), &[reply]).unwrap().rows.len(), 4);
}
