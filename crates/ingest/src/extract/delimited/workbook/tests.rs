//! Workbooks where text was expected.

use rust_xlsxwriter::Workbook;

use super::*;
use crate::extract::delimited::Delimited;
use crate::extract::delimited::tests::{check_error, decode, fixture};
use crate::extract::{Expect, Extractor as _, Slice};

fn delimited(or_workbook: bool) -> Delimited {
    toml::from_str(&format!("separator = 'comma'\nfirst_header = ['year']\nor_workbook = {or_workbook}")).unwrap()
}

/// A workbook of rows; a cell that begins with `#` is a number, an empty one is none.
fn workbook(rows: &[&[&str]]) -> Page {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(*cells) {
            match cell.strip_prefix('#') {
                Some(number) => sheet.write_number(row, column, number.parse::<f64>().unwrap()).unwrap(),
                None if cell.is_empty() => continue,
                None => sheet.write_string(row, column, *cell).unwrap(),
            };
        }
    }
    Page::of_bytes("file:table.csv", book.save_to_buffer().unwrap())
}

#[test]
fn rows_are_those_of_a_text() {
    let blank: &[&str] = &["", "", " "];
    let sheet = workbook(&[&["year", " state ", "murders"], &["#2024", "", "#1326"], &["#2024", "AL", ""], blank]);
    let text = Page::of_bytes("file:table.csv", &b"year,state,murders\n2024,,1326\n2024,AL,\n"[..]);
    let (sheet, text) = (decode(&delimited(true), &[sheet]).unwrap(), decode(&delimited(true), &[text]).unwrap());
    assert_eq!(sheet.rows.len(), 2);
    assert_eq!(sheet, text);
}

#[test]
fn a_fixture_saved_by_another_program_is_read() {
    let page = fixture("fbi_estimated_offenses_state/2024-a-workbook-in-disguise.csv");
    let decoded = decode(&delimited(true), &[page]).unwrap();
    assert_eq!((decoded.names.len(), decoded.rows.len()), (15, 104));
    // 51 states a year, whose murders are 1, 2, 3 and so on, and their sum.
    assert_eq!(decoded.sum("homicide", &[]), 4 * 1326);
    assert_eq!(decoded.column("state_abbr")[..2], ["", "AL"]);
}

#[test]
fn only_where_declared() {
    let expected =
        |or_workbook| delimited(or_workbook).next_page(&Slice::new("x", String::new()), &[]).unwrap().unwrap().expect;
    assert_eq!((expected(true), expected(false)), (Expect::TextOrWorkbook, Expect::Text));
    let page = workbook(&[&["year", "murders"], &["#2024", "#1"]]);
    assert!(delimited(false).inspect(&page).is_err());
}

#[test]
fn what_is_no_plain_table_is_refused() {
    let refuse = |rows: &[&[&str]], kind, words: &[&str]| {
        check_error(decode(&delimited(true), &[workbook(rows)]), kind, words);
    };
    refuse(
        &[&["Table 8"], &["year", "murders"]],
        Kind::Changed,
        &["the first row of its first sheet is no header", "Table 8"],
    );
    refuse(&[&["city", "murders"], &["a", "#1"]], Kind::Changed, &["its first column is `city`"]);
    refuse(&[&["year", "murders", "murders"]], Kind::Changed, &["two columns are named `murders`"]);
    refuse(&[&["year", "n"], &["#2023", "#1", "#2"]], Kind::Changed, &["row 2", "column 3, which has no header"]);
    refuse(&[&["year", "n"], &["#2023", "#1"], &[], &["#2024", "#1"]], Kind::NotData, &["row 3 is blank"]);
    let cut = &workbook(&[&["year", "n"], &["#2023", "#1"]]).bytes(1 << 20).unwrap()[..900];
    check_error(
        decode(&delimited(true), &[Page::of_bytes("file:cut.csv", cut)]),
        Kind::NotData,
        &["no whole workbook"],
    );
}
