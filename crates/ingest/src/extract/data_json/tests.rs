//! A catalogue and an API that are asked page by page, ones that change meanwhile, and files that a person downloaded.

use arrow::array::Array as _;

use super::*;
use crate::extract::delimited::tests::{check_error, decode_slice, fixture};
use crate::extract::extractor;
use crate::extract::web_table::tests::shipped;
use crate::normalise::{check_names, normalise};

const PRESCRIBERS: &str = "cms_partd_prescriber_drug";
const PLACES: &str = "cms_partd_geography_drug";
const YEAR_2023: &str = "https://data.cms.gov/data-api/v1/dataset/e54db557-cd82-4e91-a0fe-61aad5865d69/data";

/// The shipped declaration in pages of two rows.
fn prescribers() -> DataJson {
    let mut source = shipped(PRESCRIBERS).0.spec.source;
    source.remove("kind");
    source.insert("page_size".to_owned(), toml::Value::Integer(2));
    source.try_into().unwrap()
}

fn of_2023(extractor: &DataJson) -> Slice {
    extractor.slices().into_iter().find(|slice| slice.name == "2023").unwrap()
}

/// The fixture's body as the answer to a request.
fn answer(request: &Request, name: &str) -> Page {
    let body = fixture(&format!("{PRESCRIBERS}/{name}")).bytes(1 << 20).unwrap();
    Page::of_bytes(&request.url, body)
}

fn text(request: &Request, body: &str) -> Page {
    Page::of_bytes(&request.url, body.as_bytes())
}

/// Asks on until the extractor has enough; `reply` gives the body of the nth request.
fn converse(reply: &dyn Fn(usize, &Request) -> Page) -> Result<Vec<Page>> {
    let (extractor, mut pages) = (prescribers(), Vec::new());
    while let Some(request) = extractor.next_page(&of_2023(&extractor), &pages)? {
        let page = reply(pages.len(), &request);
        extractor.inspect(&page)?;
        pages.push(page);
        assert!(pages.len() < 20, "it asks for ever");
    }
    Ok(pages)
}

const CATALOGUE: &str = "catalogue-years-as-distributions.json";
const FULL: &str = "rows-two-of-west-virginia.json";
const SHORT: &str = "rows-third-of-west-virginia.json";

/// Three rows in pages of two, counted before and after.
fn faultless(n: usize, request: &Request) -> Page {
    match n {
        0 | 5 => answer(request, CATALOGUE),
        1 | 4 => text(request, r#"{"found_rows":3,"total_rows":3}"#),
        2 => answer(request, FULL),
        _ => answer(request, SHORT),
    }
}

#[test]
fn it_asks_for_the_catalogue_and_the_number_of_rows_before_and_after_the_pages() {
    let pages = converse(&faultless).unwrap();
    let urls: Vec<String> = pages.iter().map(|page| page.url.replace(YEAR_2023, "…")).collect();
    let only = "filter%5BPrscrbr_State_Abrvtn%5D=WV";
    let expected = [
        "https://data.cms.gov/data.json".to_owned(),
        format!("…/stats?{only}"),
        format!("…?size=2&offset=0&{only}"),
        format!("…?size=2&offset=2&{only}"),
        format!("…/stats?{only}"),
        "https://data.cms.gov/data.json".to_owned(),
    ];
    assert_eq!(urls, expected);
    let extractor = prescribers();
    let decoded = decode_slice(&extractor, &of_2023(&extractor), &pages).unwrap();
    assert_eq!(decoded.names.len(), 23);
    assert_eq!(decoded.column("Brnd_Name"), ["Fictol", "Fictol", "Fictol Er"]);
    assert_eq!(decoded.column("(year)"), ["2023"; 3]);
    assert_eq!(decoded.column("Tot_Benes"), ["", "56", ""]);
    assert_eq!(decoded.records, [1, 2, 1]);
    let said = decoded.section("metadata");
    assert_eq!(said[..2], [("id", YEAR_2023), ("modified", "2025-05-08")]);
    assert_eq!(said[2].0, "latest");
    assert!(said[2].1.contains("9552739e") && said[2].1.ends_with("/data: 2023"), "{}", said[2].1);
}

#[test]
fn a_probe_asks_for_the_catalogue_and_few_rows_and_notices_an_identifier_that_moved() {
    let extractor = prescribers();
    let requests = extractor.probe_pages(&of_2023(&extractor)).unwrap();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].url.starts_with(&format!("{YEAR_2023}?size=5&offset=0&")), "{}", requests[1].url);
    let pages = |catalogue: &str| [text(&requests[0], catalogue), answer(&requests[1], FULL)];
    let listed = fixture(&format!("{PRESCRIBERS}/{CATALOGUE}")).bytes(1 << 20).unwrap();
    let listed = String::from_utf8(listed).unwrap();
    assert_eq!(decode_slice(&extractor, &of_2023(&extractor), &pages(&listed)).unwrap().rows.len(), 2);
    let moved = listed.replace("e54db557", "00000000");
    let read = decode_slice(&extractor, &of_2023(&extractor), &pages(&moved));
    check_error(read, Kind::Changed, &["2023 is at https://data.cms.gov/data-api/v1/dataset/00000000-cd82"]);
}

#[test]
fn a_year_that_fills_its_pages_exactly_ends_with_an_empty_one() {
    let pages = converse(&|n, request| match n {
        1 | 4 => text(request, r#"{"found_rows":"2"}"#),
        3 => text(request, "[]"),
        n => faultless(n, request),
    })
    .unwrap();
    let extractor = prescribers();
    assert_eq!(decode_slice(&extractor, &of_2023(&extractor), &pages).unwrap().rows.len(), 2);
}

#[test]
fn a_truth_that_moves_between_pages_is_worth_a_new_start() {
    let check = |says: &str, reply: &dyn Fn(usize, &Request) -> Page| {
        let error = converse(reply).unwrap_err();
        assert!(error.is_retryable(), "{error}");
        check_error::<()>(Err(error), Kind::Unreachable, &["the truth moved", says]);
    };
    // A short page in the middle looks like the last one: the publisher's count tells.
    check("1 rows came, and it counted 3 before and 3", &|n, request| match n {
        2 => answer(request, SHORT),
        3 => text(request, r#"{"found_rows":3}"#),
        4 => answer(request, CATALOGUE),
        n => faultless(n, request),
    });
    check("3 rows came, and it counted 3 before and 4", &|n, request| match n {
        4 => text(request, r#"{"found_rows":4}"#),
        n => faultless(n, request),
    });
    // Rows moved by one between two pages: the last of the first page comes again, and another has gone.
    check("row 1 of", &|n, request| match n {
        3 => {
            let body = fixture(&format!("{PRESCRIBERS}/{FULL}")).bytes(1 << 20).unwrap();
            let rows: Vec<Value> = serde_json::from_slice(&body).unwrap();
            text(request, &serde_json::to_string(&rows[1..]).unwrap())
        }
        n => faultless(n, request),
    });
    check("the catalogue says that it was modified meanwhile", &|n, request| match n {
        5 => {
            let body = fixture(&format!("{PRESCRIBERS}/{CATALOGUE}")).bytes(1 << 20).unwrap();
            text(request, &String::from_utf8(body).unwrap().replace("2025-05-08", "2025-05-09"))
        }
        n => faultless(n, request),
    });
}

#[test]
fn a_page_longer_than_asked_for_and_rows_not_asked_for_are_refused() {
    let longer = converse(&|n, request| match n {
        2 => {
            let rows = |name: &str| -> Vec<Value> {
                serde_json::from_slice(&fixture(&format!("{PRESCRIBERS}/{name}")).bytes(1 << 20).unwrap()).unwrap()
            };
            text(request, &serde_json::to_string(&[rows(FULL), rows(SHORT)].concat()).unwrap())
        }
        n => faultless(n, request),
    });
    check_error(longer, Kind::Changed, &["answered with 3 rows where 2 were asked for"]);
    let other = |name: &'static str| {
        converse(&move |n, request| if n == 2 { answer(request, name) } else { faultless(n, request) })
    };
    check_error(other("refused/another-state.json"), Kind::Changed, &["row 2", "`Prscrbr_State_Abrvtn` is not `WV`"]);
    check_error(other("refused/a-number-that-is-no-string.json"), Kind::Changed, &["`Tot_Clms` of row 1"]);
    let uncounted = converse(&|n, request| if n == 1 { text(request, "{}") } else { faultless(n, request) });
    check_error(uncounted, Kind::Changed, &["/stats", "`found_rows`"]);
}

#[track_caller]
fn check_listed(catalogue: &str, year: i32, id: &str, says: Option<&str>) {
    let body = fixture(&format!("{PRESCRIBERS}/{catalogue}")).bytes(1 << 20).unwrap();
    let title = "Medicare Part D Prescribers - by Provider and Drug";
    let catalogue = Catalogue::read(&body, title, "https://data.cms.gov/data.json").unwrap();
    let found = catalogue.pinned(year, &format!("https://data.cms.gov/data-api/v1/dataset/{id}/data"));
    match says {
        None => assert_eq!(found.unwrap().year, Some(year)),
        Some(says) => check_error(found, Kind::Changed, &[says]),
    }
}

#[test]
fn each_year_must_be_listed_under_the_identifier_that_is_declared() {
    let (latest, of_2023) = ("9552739e-3d05-4c1b-8eff-ecabf391e2e5", "e54db557-cd82-4e91-a0fe-61aad5865d69");
    let (of_2022, of_2024) = ("b101b457-ffa4-49bb-8fd9-27c1266086e2", "d5aa71a8-dcc0-4570-8bcf-bd39deac69fe");
    check_listed(CATALOGUE, 2023, of_2023, None);
    // An older shape: no period, and a title that ends on the last day but one.
    check_listed(CATALOGUE, 2022, of_2022, None);
    check_listed(CATALOGUE, 2023, latest, Some("what it calls `latest`, now of 2023"));
    check_listed(CATALOGUE, 2022, of_2023, Some("is of 2023, and is declared as 2022"));
    check_listed(CATALOGUE, 2023, of_2024, Some("2023 is at https://data.cms.gov/data-api/v1/dataset/e54db557"));
    check_listed(CATALOGUE, 2024, of_2024, Some("it has no 2024"));
    let by_year = "catalogue-an-entry-for-each-year.json";
    check_listed(by_year, 2023, of_2023, None);
    check_listed(by_year, 2024, of_2024, None);
    check_listed(by_year, 2023, latest, Some("what it calls `latest`, now of 2024"));
    let page = Page::of_bytes("https://data.cms.gov/data.json", &br#"{"dataset":[{"title":"Another"}]}"#[..]);
    check_error(prescribers().inspect(&page), Kind::Changed, &["no rows of a dataset with the title `Medicare Part D"]);
    let page = Page::of_bytes("https://data.cms.gov/data.json", &b"{\"dataset\":["[..]);
    check_error(prescribers().inspect(&page), Kind::NotData, &["cut short"]);
}

/// Rows of ours made from a page of a year by the shipped declaration, as the columns named, joined by `|`.
fn rows(id: &str, year: &str, page: &Page, columns: &[&str], totals: bool) -> Vec<String> {
    let (dataset, vocabulary) = shipped(id);
    let extractor = extractor(&dataset).unwrap();
    let slice = extractor.slices().into_iter().find(|slice| slice.name == year).unwrap();
    extractor.inspect(page).unwrap();
    let headers = extractor.headers(&slice, page).unwrap().unwrap();
    check_names(&dataset, &headers.iter().map(String::as_str).collect()).unwrap();
    let mut rows = Vec::new();
    let mut emit = |piece: Piece| {
        let Piece::Rows { batch, .. } = piece else { return Ok(()) };
        let normal = normalise(&dataset, &vocabulary, slice.grade, &page.digest, &batch)?;
        assert!(normal.rejected.is_empty(), "{:?}", normal.rejected);
        let found = if totals { normal.totals } else { normal.kept };
        for row in 0..found.num_rows() {
            let cell = |name: &&str| {
                let column = found.column_by_name(name).unwrap();
                if column.is_null(row) {
                    return "∅".to_owned();
                }
                arrow::util::display::array_value_to_string(column, row).unwrap()
            };
            rows.push(columns.iter().map(cell).collect::<Vec<_>>().join("|"));
        }
        Ok(())
    };
    extractor.decode(&slice, std::slice::from_ref(page), &mut emit).unwrap();
    rows
}

#[test]
fn what_is_blank_or_flagged_is_never_zero_and_nobody_has_a_name() {
    let page = fixture(&format!("{PRESCRIBERS}/rows-flags-blanks-state-codes.json"));
    let counts = |name: &str| ["", "_low", "_high", "_status"].map(|end| format!("{name}{end}"));
    let check = |name: &str, expected: [&str; 5]| {
        let columns = counts(name);
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        assert_eq!(rows(PRESCRIBERS, "2023", &page, &columns, false), expected, "{name}");
    };
    check(
        "claims",
        ["13|13|13|reported", "1234|1234|1234|reported", "11|11|11|reported", "12|12|12|reported", "12|12|12|reported"],
    );
    check(
        "beneficiaries",
        ["∅|1|10|suppressed", "56|56|56|reported", "11|11|11|reported", "∅|1|10|suppressed", "12|12|12|reported"],
    );
    check(
        "claims_65_plus",
        ["∅|∅|∅|not_shown", "1000|1000|1000|reported", "∅|1|10|suppressed", "0|0|0|reported", "∅|∅|∅|not_shown"],
    );
    check(
        "beneficiaries_65_plus",
        ["∅|1|10|suppressed", "45|45|45|reported", "∅|1|10|suppressed", "0|0|0|reported", "∅|∅|∅|not_shown"],
    );
    let who = ["npi", "prescriber_name", "prescriber_first_name", "prescriber_city", "prescriber_state", "state_fips"];
    assert_eq!(
        rows(PRESCRIBERS, "2023", &page, &who, false),
        ["∅|∅|∅|∅|WV|54", "∅|∅|∅|∅|WV|54", "∅|∅|∅|∅|XX|∅", "∅|∅|∅|∅|ZZ|∅", "∅|∅|∅|∅|AE|∅"]
    );
    let sums = ["year", "fills_30day", "day_supply", "drug_cost", "drug_cost_65_plus"];
    assert_eq!(
        rows(PRESCRIBERS, "2023", &page, &sums, false)[..2],
        ["2023|15.30000|437|8828.74|∅", "2023|2345.60000|34567|89012.34|80000.00"]
    );
}

#[test]
fn the_csv_of_a_year_has_the_same_rows_in_either_spelling() {
    let page = fixture(&format!("{PRESCRIBERS}/2013-prscrbr-npi-thousands-crlf.csv"));
    let columns = ["year", "npi", "claims", "day_supply", "drug_cost", "beneficiaries_status", "_record"];
    assert_eq!(
        rows(PRESCRIBERS, "2013", &page, &columns, false),
        ["2013|∅|13|1437|8828.74|suppressed|2", "2013|∅|1234|34567|89012.34|reported|3"]
    );
    // No column says of which year it is, so nobody guesses.
    let extractor = prescribers();
    let other = fixture("cms_opioid_prescribing_state/2013-2016-fill-down.csv");
    check_error(extractor.recognise(&other), Kind::Changed, &["another table", "`Prscrbr_City`"]);
    check_error(extractor.recognise(&page), Kind::Usage, &["does not say of which year it is"]);
    let (dataset, _) = shipped(PRESCRIBERS);
    let page = fixture(&format!("{PRESCRIBERS}/refused/23-columns.csv"));
    let headers = extractor.headers(&of_2023(&extractor), &page).unwrap().unwrap();
    let refused = check_names(&dataset, &headers.iter().map(String::as_str).collect());
    check_error(refused, Kind::Changed, &["nothing maps: `Prscrbr_Twitter`"]);
    let page = fixture(&format!("{PRESCRIBERS}/refused/a-column-less-in-row-2.json"));
    let read = extractor.decode(&of_2023(&extractor), std::slice::from_ref(&page), &mut |_| Ok(()));
    check_error(read, Kind::Changed, &["row 2 has other columns"]);
}

#[test]
fn the_nation_is_a_total_and_places_that_are_no_state_have_no_code() {
    let page = fixture(&format!("{PLACES}/rows-nation-states-and-other-places.json"));
    let columns = [
        "geography",
        "geography_code",
        "state_fips",
        "claims",
        "prescribers",
        "opioid_drug",
        "long_acting_opioid_drug",
    ];
    assert_eq!(rows(PLACES, "2023", &page, &columns, true), ["National|∅|∅|12345|40|Y|N"]);
    assert_eq!(
        rows(PLACES, "2023", &page, &columns, false),
        ["Alabama|1|01|33|3|Y|N", "West Virginia|54|54|22|2|Y|Y", "Foreign Country|9E|∅|11|1|Y|N"]
    );
    let columns =
        ["beneficiaries_status", "claims_65_plus_status", "beneficiaries_65_plus_status", "low_income_cost_share"];
    assert_eq!(
        rows(PLACES, "2023", &page, &columns, false),
        [
            "suppressed|suppressed|suppressed|0.00",
            "reported|not_shown|not_shown|1.00",
            "suppressed|reported|reported|∅"
        ]
    );
}

#[test]
fn a_year_is_declared_once() {
    let source = |tables: &str| {
        format!("catalogue = 'https://data.cms.gov/data.json'\ntitle = 'T'\nmarks = []\ntables = [{tables}]")
    };
    let twice = "{ year = 2023, id = 'a' }, { year = 2024, id = 'a' }";
    for (tables, says) in [(twice, "2024 or its id twice"), ("", "[[source.tables]]")] {
        let error = toml::from_str::<DataJson>(&source(tables)).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
}
