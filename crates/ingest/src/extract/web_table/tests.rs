//! What pages, their texts and CSV files are taken for by the shipped declarations, and what is refused.

use arrow::array::{Array as _, AsArray as _};
use model::column::Vocabulary;
use model::dataset::Dataset;

use super::*;
use crate::extract::delimited::tests::{capture, check_error, decode_only, fixture};
use crate::extract::extractor;
use crate::normalise::normalise;

const COUNTY: &str = "cdc_opioid_dispensing_county";
const STATE: &str = "cdc_opioid_dispensing_state";

/// A shipped declaration, with the shipped vocabulary.
pub(in crate::extract) fn shipped(id: &str) -> (Dataset, Vocabulary) {
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap() + "/../..";
    let read = |path: String| std::fs::read_to_string(format!("{root}/{path}")).unwrap();
    let vocabulary = Vocabulary::parse(&read("warehouse/columns.toml".to_owned())).unwrap();
    (Dataset::parse(id, &read(format!("pipelines/{id}.toml")), &vocabulary).unwrap(), vocabulary)
}

/// Takes a file as an import would: the slice that it is, once it is let in.
pub(in crate::extract) fn admit(id: &str, page: &Page) -> Result<Slice> {
    let (dataset, _) = shipped(id);
    let extractor = extractor(&dataset)?;
    let slice = extractor.recognise(page)?.expect("it tells what it is");
    let expect = content::importable(extractor.as_ref(), &slice)?;
    content::admit(&dataset, extractor.as_ref(), &slice, page, expect, 4096)?;
    Ok(slice)
}

/// Rows of ours made from a file, as `release` and the columns named, joined by `|`; `∅` is null.
pub(in crate::extract) fn rows(id: &str, page: &Page, columns: &[&str]) -> Vec<String> {
    let slice = admit(id, page).unwrap();
    let (dataset, vocabulary) = shipped(id);
    let mut rows = Vec::new();
    let mut emit = |piece: Piece| {
        let Piece::Rows { batch, .. } = piece else { return Ok(()) };
        let normal = normalise(&dataset, &vocabulary, slice.grade, &page.digest, &batch)?;
        assert!(normal.rejected.is_empty(), "{:?}", normal.rejected);
        for row in 0..normal.kept.num_rows() {
            let cell = |name: &&str| {
                let column = normal.kept.column_by_name(name).unwrap();
                if column.is_null(row) {
                    return "∅".to_owned();
                }
                arrow::util::display::array_value_to_string(column, row).unwrap()
            };
            rows.push(columns.iter().map(cell).collect::<Vec<_>>().join("|"));
        }
        Ok(())
    };
    extractor(&dataset).unwrap().decode(&slice, std::slice::from_ref(page), &mut emit).unwrap();
    rows
}

const CELLS: &[&str] = &[
    "county_fips",
    "county_fips_printed",
    "county",
    "state_fips",
    "year",
    "prescriptions_per_100",
    "prescriptions_per_100_status",
];

/// A fixture is this slice of this release and grade, and gives these rows.
#[track_caller]
fn check(file: &str, slice: &str, release: &str, grade: Grade, expected: &[&str]) {
    let page = fixture(&format!("{COUNTY}/{file}"));
    let found = admit(COUNTY, &page).unwrap();
    let found_release = found.release.as_ref().map(Release::as_str);
    assert_eq!((found.name.as_str(), found_release, found.grade), (slice, Some(release), grade));
    assert_eq!(rows(COUNTY, &page, CELLS), expected);
}

#[test]
fn a_dash_is_missing_and_nought_is_not() {
    check(
        "2016-site-of-2019-panel-second-table.html",
        "county-2016",
        "pages-2019-site",
        Grade::Publisher,
        &[
            "46113|46113|Shannon, SD|46|2016|∅|missing",
            "24033|24033|Prince George’s, MD|24|2016|101.500000000|reported",
            "02020|02020|Anchorage, AK|02|2016|0.000000000|reported",
        ],
    );
}

#[test]
fn the_header_may_be_the_first_row_of_the_body() {
    check(
        "2006-site-of-2017-header-in-the-body-dash.html",
        "county-2006",
        "pages-2017-site",
        Grade::Publisher,
        &["02013|02013|Aleutians East, AK|02|2006|∅|missing", "35013|35013|Doña Ana, NM|35|2006|12.500000000|reported"],
    );
    check(
        "2017-site-of-2017-year-alone-over-the-figures.html",
        "county-2017",
        "pages-2017-site",
        Grade::Publisher,
        &["02020|2020|ANCHORAGE|02|2017|1.500000000|reported"],
    );
}

#[test]
fn a_copied_text_is_never_the_publishers_page() {
    check(
        "2016-page-text.txt",
        "county-2016",
        "page-text-2019-site",
        Grade::Secondary,
        &[
            "46113|46113|Shannon, SD|46|2016|∅|missing",
            "24033|24033|Prince George’s, MD|24|2016|101.500000000|reported",
            "02020|02020|Anchorage, AK|02|2016|0.000000000|reported",
        ],
    );
    check(
        "2020-page-text-state-first-lost-zeros-crlf.txt",
        "county-2020",
        "page-text-2019-site",
        Grade::Secondary,
        &["02020|2020|ANCHORAGE|02|2020|59.500000000|reported", "56045|56045|WESTON|56|2020|3.500000000|reported"],
    );
}

#[test]
fn a_csv_is_named_by_its_years() {
    check(
        "2019-2024-csv-bom-data-unavailable-true-zero.csv",
        "county-2019-2024",
        "revised-2019-2024",
        Grade::Publisher,
        &[
            "02158|2158|Kusilvak Census Area|02|2019|∅|missing",
            "02158|2158|Kusilvak Census Area|02|2024|0.000000000|reported",
        ],
    );
}

#[test]
fn states_are_told_by_code_or_abbreviation() {
    let check = |file: &str, release: &str, expected: &[&str]| {
        let page = fixture(&format!("{STATE}/{file}"));
        assert_eq!(admit(STATE, &page).unwrap().release.unwrap().as_str(), release);
        let columns = ["state_fips", "state", "year", "prescriptions_per_100_status", "prescriptions_per_100_bin"];
        assert_eq!(rows(STATE, &page, &columns), expected, "{file}");
    };
    check("2016-site-of-2017.html", "pages-2017-site", &["01|Alabama|2016|reported|∅"]);
    check(
        "2017-site-of-2017-abbreviation.html",
        "pages-2017-site",
        &["01|Alabama|2017|reported|∅", "02|Alaska|2017|missing|∅"],
    );
    let transcribed = fixture(&format!("{STATE}/2006-2018-numbers-in-both-columns.csv"));
    let slice = admit(STATE, &transcribed).unwrap();
    assert_eq!(slice.grade, Grade::Secondary);
    assert!(slice.release.unwrap().as_str().starts_with("transcribed-"));
    let revised = admit(STATE, &fixture(&format!("{STATE}/2019-2023-crlf-no-bom.csv"))).unwrap();
    assert_eq!(revised.grade, Grade::Publisher);
}

#[test]
fn pages_of_one_dataset_are_not_the_others() {
    let county = fixture(&format!("{COUNTY}/2016-site-of-2019-panel-second-table.html"));
    check_error(admit(STATE, &county), Kind::NotData, &["tables are others"]);
    let state = fixture(&format!("{STATE}/2016-site-of-2017.html"));
    check_error(admit(COUNTY, &state), Kind::Changed, &["no header for `county_fips`"]);
}

#[track_caller]
fn check_refused(file: &str, kind: Kind, words: &[&str]) {
    check_error(admit(COUNTY, &fixture(&format!("{COUNTY}/refused/{file}"))), kind, words);
}

#[test]
fn what_is_no_such_page_is_not_data() {
    check_refused("not-found.html", Kind::NotData, &["an HTML page without a table"]);
    check_refused("moved.html", Kind::NotData, &["an HTML page without a table"]);
    check_refused("another-table.html", Kind::NotData, &["an HTML page whose table is another"]);
    check_refused("cut-in-a-row.html", Kind::NotData, &["row 2 has 2 cells where the header has 4"]);
    check_refused("gap-in-the-text.txt", Kind::NotData, &["ends at line 4", "line 5 is a row again"]);
    check_error(admit(COUNTY, &Page::of_bytes("file:x", *b"404: Not Found")), Kind::NotData, &["text without a table"]);
    check_error(admit(COUNTY, &Page::of_bytes("file:x", *b"PK\x03\x04....")), Kind::NotData, &["a ZIP archive"]);
}

#[test]
fn what_is_such_a_page_and_has_moved_on_is_changed() {
    check_refused(
        "rates-lost.html",
        Kind::Changed,
        &["`County`, `State`, `County FIPS Code`", "no `Opioid Dispensing"],
    );
    check_refused("two-years.html", Kind::Changed, &["2015 and of 2016"]);
    check_refused("no-year.html", Kind::Changed, &["says nowhere which year"]);
    check_refused("years-side-by-side-misaligned.csv", Kind::Changed, &["2006 to 2007 side by side"]);
    check_error(admit(COUNTY, &Page::of_bytes("file:x", *b"a\tb\n1\t2\n")), Kind::Changed, &["another table"]);
}

#[test]
fn a_page_must_be_the_slice_that_it_is_fetched_as() {
    let (dataset, _) = shipped(COUNTY);
    let extractor = extractor(&dataset).unwrap();
    let slices = extractor.slices();
    let slice = |name: &str| slices.iter().find(|slice| slice.name == name).unwrap();
    let headers = |slice: &Slice, file: &str| extractor.headers(slice, &fixture(&format!("{COUNTY}/{file}")));
    let page = "2016-site-of-2019-panel-second-table.html";
    assert_eq!(slice("county-2016").url, "https://www.cdc.gov/drugoverdose/rxrate-maps/county2016.html");
    assert_eq!(headers(slice("county-2016"), page).unwrap().unwrap().last().unwrap(), "YEAR");
    check_error(headers(slice("county-2015"), page), Kind::Changed, &["covers 2015-2015, and the file has 2016"]);
    check_error(
        headers(slice("county-2016"), "2016-page-text.txt"),
        Kind::Changed,
        &["text copied", "pages-2019-site"],
    );
    // A year that the publisher adds is seen, not mistaken.
    let csv = "2019-2024-csv-bom-data-unavailable-true-zero.csv";
    check_error(headers(slice("county-2019-2023"), csv), Kind::Changed, &["covers 2019-2023, and the file has 2024"]);
}

/// Counties with a rate, above 100, and without one.
fn counted(page: &Page) -> [usize; 3] {
    let (dataset, vocabulary) = shipped(COUNTY);
    let slice = admit(COUNTY, page).unwrap();
    let mut counts = [0; 3];
    let mut emit = |piece: Piece| {
        let Piece::Rows { batch, .. } = piece else { return Ok(()) };
        let normal = normalise(&dataset, &vocabulary, slice.grade, &page.digest, &batch)?;
        assert!(normal.rejected.is_empty());
        let rates = normal.kept.column_by_name("prescriptions_per_100").unwrap();
        let rates = rates.as_primitive::<arrow::datatypes::Decimal128Type>();
        counts[0] += rates.len() - rates.null_count();
        counts[1] += rates.iter().flatten().filter(|rate| *rate > 100_000_000_000).count();
        counts[2] += rates.null_count();
        Ok(())
    };
    extractor(&dataset).unwrap().decode(&slice, std::slice::from_ref(page), &mut emit).unwrap();
    counts
}

#[test]
fn captured_page_texts_hold_the_counties_that_were_counted() {
    for (year, expected) in [(2012, [2736, 1093, 407]), (2015, [2963, 857, 180]), (2016, [2962, 728, 181])] {
        let Some(page) = capture(&format!("cdc/rx_rates/county_pages/{year}.txt")) else { return };
        assert_eq!(counted(&page), expected, "{year}");
    }
    for (year, rows) in [(2017, 2955), (2018, 2881)] {
        let Some(page) = capture(&format!("cdc/rx_rates/county_pages/{year}.txt")) else { return };
        let [rated, _, missing] = counted(&page);
        assert_eq!((rated, missing), (rows, 0), "{year}");
    }
}

#[test]
fn captured_collections_are_secondary_or_refused() {
    let Some(page) = capture("cdc/rx_rates/vishal_County_Opioid_Dispensing_Rates_Complete.csv") else { return };
    let slice = admit(COUNTY, &page).unwrap();
    assert_eq!((slice.release.unwrap().as_str(), slice.grade), ("transcribed-2006-2023", Grade::Secondary));
    for (file, dataset) in [("county", COUNTY), ("state", STATE)] {
        let Some(page) = capture(&format!("cdc/rx_rates/parmsam_{file}_OpioidRxData_2006-2017.csv")) else { return };
        check_error(admit(dataset, &page), Kind::Changed, &["2006 to 2017 side by side"]);
    }
    let Some(page) = capture("cdc/rx_rates/vishal_State_Opioid_Dispensing_Rates_2019-2023.csv") else { return };
    let (dataset, _) = shipped(STATE);
    let decoded = decode_only(extractor(&dataset).unwrap().as_ref(), &[page]).unwrap();
    assert_eq!(decoded.rows.len(), 255);
}
