//! Which sheet is read, and what edition it is of.

use super::*;
use crate::extract::delimited::tests::{capture, check_error, decode, fixture};

fn opioids() -> WorkbookSheet {
    toml::from_str(
        "sheets = ['Opioids']\nfirst_header = ['NDC_Numeric', 'NDC']\n\
         edition_after = 'morphine milligram equivalent conversion factors, '",
    )
    .unwrap()
}

#[test]
fn the_sheet_is_found_by_its_name_and_the_edition_by_the_words_on_another() {
    let page = fixture("mme_factors/2016-invented-lost-zeros-blank-factor.xlsx");
    let decoded = decode(&opioids(), &[page]).unwrap();
    let release = decoded.edition.clone().and_then(|edition| edition.release);
    assert_eq!(release.as_ref().map(Release::as_str), Some("2016"));
    assert_eq!((decoded.names.len(), decoded.rows.len()), (12, 6));
    assert_eq!(decoded.records, [2, 3, 4, 5, 6, 7]);
    assert_eq!(decoded.column("NDC")[0], "00011000101");
    assert_eq!(decoded.column("Strength_Per_Unit"), ["5", "7.5", "12.5", "0.2", "", "100"]);
}

#[test]
fn an_edition_that_no_sheet_tells_is_left_open() {
    let page = fixture("mme_factors/2018-invented-prodnme-gennme-edition-not-told.xlsx");
    assert_eq!(decode(&opioids(), &[page]).unwrap().edition, None);
}

#[test]
fn another_workbook_is_refused_by_the_sheets_that_it_has() {
    let page = fixture("mme_factors/refused/no-sheet-of-opioids.xlsx");
    check_error(decode(&opioids(), &[page]), Kind::Changed, &["no sheet `Opioids`", "`Documentation`, `Benzos`"]);
    let other: WorkbookSheet = toml::from_str("sheets = ['Benzos']\nfirst_header = ['NDC_Numeric']").unwrap();
    let page = fixture("mme_factors/refused/no-sheet-of-opioids.xlsx");
    check_error(decode(&other, &[page]), Kind::Changed, &["begins with `NDC`, not `NDC_Numeric`"]);
    check_error(
        decode(&opioids(), &[Page::of_bytes("file:f", &b"PK\x03\x04"[..])]),
        Kind::NotData,
        &["no whole workbook"],
    );
}

#[test]
fn captured_edition_of_2016_has_its_products() {
    let Some(page) = capture("arcos/mme_ndc/MME Conversion Reference Table.xlsx") else { return };
    let decoded = decode(&opioids(), &[page]).unwrap();
    assert_eq!(decoded.rows.len(), 13_269);
    let release = decoded.edition.clone().and_then(|edition| edition.release);
    assert_eq!(release.as_ref().map(Release::as_str), Some("2016"));
    assert_eq!(decoded.column("MME_Conversion_Factor").iter().filter(|factor| factor.is_empty()).count(), 1);
    assert!(decoded.column("NDC").iter().all(|ndc| ndc.len() == 11));
    // What lost its zeros is the shorter number of the same product.
    let pairs = decoded.column("NDC_Numeric").into_iter().zip(decoded.column("NDC"));
    assert_eq!(pairs.filter(|(number, ndc)| *number != ndc.trim_start_matches('0')).count(), 0);
}
