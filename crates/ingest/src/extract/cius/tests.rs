//! City tables: invented ones with every quirk, as XLS and as XLSX, and the captured ones.

use super::*;
use crate::extract::delimited::tests::{Decoded, capture, check_error, decode, fixture};
use rust_xlsxwriter::Workbook;

mod other_tables;

/// The extractor as a pipeline declares it.
fn declared(pipeline: &str) -> Cius {
    let mut pipeline: toml::Table = toml::from_str(pipeline).unwrap();
    let mut source = pipeline.remove("source").unwrap().try_into::<toml::Table>().unwrap();
    source.remove("kind");
    source.try_into().unwrap()
}

fn cius() -> Cius {
    declared(include_str!("../../../../../pipelines/fbi_city_offenses.toml"))
}

const HEADER: &[&str] = &[
    "State",
    "City",
    "Population",
    "Violent\ncrime",
    "Murder and\nnonnegligent\nmanslaughter",
    "Rape\n(revised \ndefinition)1",
    "Larceny-\ntheft",
    "Arson3",
    "",
];

/// A workbook of rows; a cell that begins with `#` is a number.
fn workbook(sheets: &[&[&[&str]]]) -> Page {
    let mut book = Workbook::new();
    for rows in sheets {
        let sheet = book.add_worksheet();
        for (row, cells) in rows.iter().enumerate() {
            for (column, cell) in cells.iter().enumerate() {
                let (row, column) = (u32::try_from(row).unwrap(), u16::try_from(column).unwrap());
                match cell.strip_prefix('#') {
                    Some(number) => sheet.write_number(row, column, number.parse::<f64>().unwrap()).unwrap(),
                    None if cell.is_empty() => continue,
                    None => sheet.write_string(row, column, *cell).unwrap(),
                };
            }
        }
    }
    Page::of_bytes("file:table.csv", book.save_to_buffer().unwrap())
}

const TITLE: [&[&str]; 3] = [&["Table 8"], &["Offenses Known to Law Enforcement"], &["by State by City, 2019"]];
const REMARK: &[&str] = &["[A remark in brackets.]"];

fn table<'a>(rows: &[&'a [&'a str]], footer: &[&'a [&'a str]]) -> Vec<&'a [&'a str]> {
    [&TITLE[..], &[REMARK, HEADER], rows, footer].concat()
}

const FOOTER: &[&[&str]] = &[&["1 Revised."], &["3 Twelve months."], &["4 Four."], &["10 Ten, and\nmore."]];

#[track_caller]
fn refuse(page: &Page, words: &[&str]) {
    check_error(cius().inspect(page), Kind::Changed, words);
    check_error(decode(&cius(), std::slice::from_ref(page)), Kind::Changed, words);
}

#[track_caller]
fn check_common(decoded: &Decoded) {
    assert_eq!(decoded.section("title").first(), Some(&("", "Table 8")));
    assert_eq!(decoded.edition.as_ref().unwrap().slice.as_deref(), Some("city"));
    assert!(decoded.rows.iter().flatten().all(Option::is_some), "a blank cell is an empty text");
}

#[test]
fn an_xls_with_every_quirk_is_read() {
    let decoded = decode(&cius(), &[fixture("fbi_city_offenses/every-quirk-2015.xls")]).unwrap();
    check_common(&decoded);
    assert_eq!(decoded.edition.as_ref().unwrap().release.as_ref().unwrap().as_str(), "cius-2015");
    assert_eq!(
        decoded.names,
        [
            "State",
            "City",
            "Population",
            "Violent crime",
            "Murder and nonnegligent manslaughter",
            "Rape (revised definition)",
            "Rape (legacy definition)",
            "Robbery",
            "Aggravated assault",
            "Property crime",
            "Burglary",
            "Larceny-theft",
            "Motor vehicle theft",
            "Arson",
            "State footnotes",
            "City footnotes",
            "City as printed",
            "Year"
        ]
    );
    assert_eq!(decoded.column("State"), ["ALABAMA", "ALABAMA", "GEORGIA", "GEORGIA", "OREGON", "OREGON"]);
    assert_eq!(decoded.column("State footnotes"), ["", "", "5", "5", "", ""]);
    assert_eq!(
        decoded.column("City"),
        ["Fairwater", "Gull Harbor", "Old Mill", "Port Ember", "Fairwater", "Long Township, Lake County"]
    );
    assert_eq!(decoded.column("City footnotes"), ["", "4", "4, 6", "", "", "6"]);
    assert_eq!(decoded.column("City as printed")[2], "Old Mill4, 6");
    assert_eq!(decoded.column("Population"), ["2610", "250346", "8011", "15000", "612000", "900"]);
    assert_eq!(decoded.column("Violent crime")[2], "");
    assert_eq!(decoded.column("Rape (legacy definition)"), ["", "", "2", "5", "", ""]);
    assert_eq!(decoded.column("Arson"), ["", "0", "1", "", "160", "0"]);
    assert_eq!(decoded.records, [5, 6, 7, 8, 9, 10]);
    assert_eq!(decoded.section("header").len(), 3);
    let footnotes = decoded.section("footnote");
    assert_eq!(footnotes.iter().map(|(number, _)| *number).collect::<Vec<_>>(), ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(footnotes[4].1, "Limited data were available for this state.");
}

#[test]
fn an_xlsx_is_read_alike_whatever_its_name() {
    let rows: &[&[&str]] = &[
        &["ALABAMA10", "Mobile4", "#250346", "#9", "#24", "#1", "#50", "", " "],
        &["", "Chicago4, 10", "1,204", "#2.5", "#0", " ", "#6", "#0"],
        &["", "", "", "", "", "", "", "", ""],
    ];
    let remark: &[&str] = &["NOTE: a remark without a number"];
    let decoded = decode(&cius(), &[workbook(&[&table(rows, &[&[remark], FOOTER, &[&[" "]]].concat())])]).unwrap();
    check_common(&decoded);
    assert_eq!(decoded.section("title").len(), 4);
    assert_eq!(decoded.column("State"), ["ALABAMA", "ALABAMA"]);
    assert_eq!(decoded.column("State footnotes"), ["10", "10"]);
    assert_eq!(decoded.column("City"), ["Mobile", "Chicago"]);
    assert_eq!(decoded.column("City footnotes"), ["4", "4, 10"]);
    assert_eq!(decoded.column("Population"), ["250346", "1,204"]);
    assert_eq!(decoded.column("Violent crime"), ["9", "2.5"]);
    assert_eq!(decoded.column("Year"), ["2019", "2019"]);
    assert_eq!(decoded.records, [6, 7]);
    assert_eq!(decoded.section("footnote")[0], ("", "NOTE: a remark without a number"));
    assert_eq!(decoded.section("footnote")[4], ("10", "Ten, and more."));
}

#[test]
fn a_state_may_stand_in_a_row_of_its_own() {
    let rows: &[&[&str]] = &[&["ALABAMA"], &["", "Mobile", "#1"]];
    let decoded = decode(&cius(), &[workbook(&[&table(rows, FOOTER)])]).unwrap();
    assert_eq!(decoded.column("State"), ["ALABAMA"]);
}

#[test]
fn a_table_without_cities_hands_on_no_rows() {
    let decoded = decode(&cius(), &[workbook(&[&table(&[], FOOTER)])]).unwrap();
    assert_eq!((decoded.rows.len(), decoded.section("footnote").len()), (0, 4));
}

#[test]
fn the_city_table_may_stand_on_another_sheet_and_its_title_in_one_cell() {
    let rows: &[&[&str]] = &[
        &["Table 8\nOffenses Known to Law Enforcement\nby State by City, 20171"],
        HEADER,
        &["OHIO", "Toledo", "#1"],
        &["1 One."],
        &["3 Three."],
    ];
    let decoded = decode(&cius(), &[workbook(&[&[&["Contents"]], rows])]).unwrap();
    assert_eq!(decoded.edition.unwrap().release.unwrap().as_str(), "cius-2017");
    assert_eq!(decoded.rows.len(), 1);
}

#[test]
fn another_table_is_refused_by_its_title() {
    let counties: &[&str] = &["by State by Metropolitan and Nonmetropolitan Counties, 2015"];
    refuse(
        &workbook(&[&[&["Table 10"], TITLE[1], counties, HEADER]]),
        &[
            "this is Table 10 (Offenses Known to Law Enforcement by State by Metropolitan and Nonmetropolitan Counties, 2015), and not `Offenses Known to Law Enforcement by State by City`",
        ],
    );
    refuse(&workbook(&[&[&["Contents"]]]), &["its title is `Contents`"]);
    refuse(&workbook(&[&[&[" "]]]), &["blank"]);
    refuse(&workbook(&[&TITLE]), &["no row begins with `State` and `City`"]);
}

#[test]
fn a_footnote_without_a_text_is_refused() {
    for (state, city) in [("OHIO", "Toledo7"), ("OHIO7", "Toledo")] {
        let rows: &[&[&str]] = &[&[state, city, "#1"]];
        let result = decode(&cius(), &[workbook(&[&table(rows, FOOTER)])]);
        check_error(result, Kind::Changed, &["bears footnote 7"]);
    }
    let result = decode(&cius(), &[workbook(&[&table(&[&["OHIO", "Toledo", "#1"]], &FOOTER[1..])])]);
    check_error(result, Kind::Changed, &["`Rape (revised definition)` bears footnote 1"]);
}

#[test]
fn a_cell_outside_the_named_columns_is_refused() {
    let rows: &[&[&str]] = &[&["OHIO", "Toledo", "#1", "", "", "", "", "", "#5"]];
    let result = decode(&cius(), &[workbook(&[&table(rows, FOOTER)])]);
    check_error(result, Kind::Changed, &["row 6 holds `5` in column 9, which has no header"]);
}

#[test]
fn a_cut_workbook_is_no_data_wherever_it_is_cut() {
    let whole = fixture("fbi_city_offenses/every-quirk-2015.xls").bytes(1 << 20).unwrap();
    let xlsx = workbook(&[&table(&[&["OHIO", "Toledo", "#1"]], FOOTER)]).bytes(1 << 20).unwrap();
    for bytes in [whole, xlsx] {
        for length in (8..bytes.len()).step_by(97) {
            let page = Page::of_bytes("file:cut.xls", &bytes[..length]);
            // Some cuts leave the stream of the sheet whole; none may bring the program down.
            if let Err(error) = cius().inspect(&page) {
                assert!(matches!(error.kind(), Kind::NotData | Kind::Changed), "{error}");
            }
        }
    }
}

#[test]
fn footnotes_are_split_off_names() {
    for (printed, name, numbers) in [
        ("Mobile4", "Mobile", "4"),
        ("Chicago7, 8", "Chicago", "7, 8"),
        ("Simpsonville6,7", "Simpsonville", "6,7"),
        ("GEORGIA7 ", "GEORGIA", "7"),
        ("Mahoning Township, Carbon County4", "Mahoning Township, Carbon County", "4"),
        ("Rape (revised definition)1", "Rape (revised definition)", "1"),
        ("St. Louis", "St. Louis", ""),
        ("", "", ""),
    ] {
        assert_eq!(names::split_footnotes(printed), (name, numbers), "{printed}");
    }
}

#[test]
fn captured_tables_hold_what_was_counted_in_them() {
    for (file, rows, murders, footnoted, mobile, portland) in [
        ("2013/Table_8_Offenses_Known_to_Law_Enforcement_by_State_by_City_2013", 9292, 10_247, 38, "4", &["14"][..]),
        ("2015/Table_8_Offenses_Known_to_Law_Enforcement_by_State_by_City_2015", 9395, 11_496, 207, "4", &[]),
        ("2016/Table_6_Offenses_Known_to_Law_Enforcement_by_State_by_City_2016", 9579, 12_601, 200, "6", &["14"]),
    ] {
        let Some(page) = capture(&format!("fbi/cius/{file}.xls")) else { return };
        let decoded = decode(&cius(), &[page]).unwrap();
        assert_eq!(
            decoded.edition.as_ref().unwrap().release.as_ref().unwrap().as_str(),
            format!("cius-{}", &file[..4])
        );
        assert_eq!((decoded.names.len(), decoded.rows.len()), (18, rows));
        assert_eq!(decoded.sum("Murder and nonnegligent manslaughter", &[]), murders);
        let numbers = decoded.column("City footnotes");
        assert_eq!(numbers.iter().filter(|numbers| !numbers.is_empty()).count(), footnoted);
        let named = |city: &str, state: &str, column: &str| -> Vec<&str> {
            let (cities, states) = (decoded.column("City"), decoded.column("State"));
            let cells = decoded.column(column);
            (0..rows).filter(|row| cities[*row] == city && states[*row] == state).map(|row| cells[row]).collect()
        };
        assert_eq!(named("Mobile", "ALABAMA", "City footnotes"), [mobile]);
        assert_eq!(named("Portland", "OREGON", "Murder and nonnegligent manslaughter"), portland);
        let states: std::collections::BTreeSet<&str> = decoded.column("State").into_iter().collect();
        assert!(states.iter().all(|state| !state.contains(|c: char| c.is_ascii_digit())), "{states:?}");
        assert_eq!(decoded.section("footnote").len(), if file.starts_with("2016") { 11 } else { 10 });
    }
}

#[test]
fn captured_tables_of_other_kinds_are_refused() {
    for (file, words) in [
        (
            "2015/Table_10_Offenses_Known_to_Law_Enforcement_by_State_by_Metropolitan_and_Nonmetropolitan_Counties_2015.xls",
            "this is Table 10 (Offenses Known to Law Enforcement by State by Metropolitan and Nonmetropolitan Counties, 2015), and not `Offenses Known to Law Enforcement by State by City`",
        ),
        (
            "2022/Table_10_Offenses_Known_to_Law_Enforcement_by_State_by_Metropolitan_and_Nonmetropolitan_Counties_2022.xlsx",
            "this is Table 10 (Offenses Known to Law Enforcement by State by Metropolitan and Nonmetropolitan Counties, 2022), and not",
        ),
        (
            "2013/Table_20_Murder_by_State_Types_of_Weapons_2013.xls",
            "this is Table 20 (Murder by State, Types of Weapons, 2013)",
        ),
        (
            "2015/Table_5_Crime_in_the_United_States_by_State_2015.xls",
            "this is Table 5 (Crime in the United States by State, 2015)",
        ),
        (
            "2013/Expanded_Homicide_Data_Table_8_Murder_Victims_by_Weapon_2009-2013.xls",
            "this is Expanded Homicide Data Table 8 (Murder Victims by Weapon, 2009–2013)",
        ),
    ] {
        let Some(page) = capture(&format!("fbi/cius/{file}")) else { return };
        refuse(&page, &[words]);
    }
}
