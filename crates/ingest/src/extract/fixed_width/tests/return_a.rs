//! Return A: what is written by the record description is what is read, and what is another file is refused.

use proptest::prelude::*;
use replica::masters::{Month, ReturnA};

use super::*;

const BOTH: [&str; 2] = ["fbi_return_a_month", "fbi_return_a_cards"];

/// The headers of the 28 numbers of a card, in their order.
const COUNTS: [&str; 28] = [
    "murder",
    "negligent_manslaughter",
    "rape",
    "rape_by_force",
    "rape_attempted",
    "robbery",
    "robbery_gun",
    "robbery_knife",
    "robbery_other_weapon",
    "robbery_strong_arm",
    "assault",
    "assault_gun",
    "assault_knife",
    "assault_other_weapon",
    "assault_hands",
    "assault_simple",
    "burglary",
    "burglary_forcible",
    "burglary_no_force",
    "burglary_attempted",
    "larceny",
    "motor_vehicle_theft",
    "vehicle_theft_auto",
    "vehicle_theft_truck",
    "vehicle_theft_other",
    "all_offenses",
    "larceny_under_50",
    "unused_count",
];

/// Which of them are totals, which a card without the breakdown has too; the last is nobody's.
const TOTALS: [usize; 10] = [0, 1, 2, 5, 10, 16, 20, 21, 25, 27];

const CARDS: [&str; 4] = ["unfounded", "actual", "cleared", "cleared_under_18"];

/// An agency that reported every month of 2016 with the breakdown, and nothing happened.
fn quiet() -> ReturnA {
    let month = Month { included_in: Some(0), types: "55555".to_owned(), forms: "PPPP".to_owned(), ..Month::default() };
    ReturnA {
        state_code: "36".to_owned(),
        ori7: "OR99901".to_owned(),
        group: "2".to_owned(),
        division: "9".to_owned(),
        year: 2016,
        highest_month: Some(12),
        agency_count: Some(1),
        counties: [
            (Some(120_000), "990".to_owned(), "644".to_owned(), Some(110_000)),
            Default::default(),
            Default::default(),
        ],
        name: "INVENTED CITY".to_owned(),
        state: "ORE".to_owned(),
        address: "CHIEF OF POLICE".to_owned(),
        months: std::array::from_fn(|_| month.clone()),
        ..ReturnA::default()
    }
}

fn one(record: &ReturnA) -> Page {
    page(lines([record.print().as_slice()]))
}

/// What a month's status must be, by the description of the flags.
fn status(record: &ReturnA, nth: usize) -> &'static str {
    let month = &record.months[nth];
    let own = nth as i64 + 1;
    let received = match record.year {
        ..2018 => month.forms.as_bytes()[1] != b' ',
        _ => !matches!(month.types.as_bytes()[1], b'0' | b'4' | b' '),
    };
    match month.included_in {
        Some(other) if other != 0 && other != own => "included_elsewhere",
        _ if received => "reported",
        _ => "not_reported",
    }
}

/// What a number must read as: itself; nothing where it is a zero of which nobody can tell.
fn expected(count: i64, nth: usize, status: &str, form: u8) -> String {
    let unknown = status != "reported" || (form == b'T' && !TOTALS.contains(&nth));
    if count == 0 && unknown { "∅".to_owned() } else { count.to_string() }
}

fn flag(text: &str, nth: usize) -> String {
    let flag = text[nth..=nth].trim();
    if flag.is_empty() { "∅" } else { flag }.to_owned()
}

/// Reads a record by both declarations, and compares every cell with what was written.
#[track_caller]
fn check_reads_back(record: &ReturnA) {
    let page = one(record);
    let text = |text: &str| if text.is_empty() { "∅".to_owned() } else { text.to_owned() };
    let number = |number: Option<i64>| number.map_or_else(|| "∅".to_owned(), |number| number.to_string());

    let months = read(BOTH[0], &page).unwrap();
    assert_eq!(months.rows.len(), 12);
    assert_eq!(months.edition.as_ref().unwrap().release.as_ref().unwrap().as_str(), format!("reta-{}", record.year));
    let cell = |row: usize, name: &str| months.column(name)[row].to_owned();
    for (nth, month) in record.months.iter().enumerate() {
        let status = status(record, nth);
        let header = [
            ("ucr_state_code", text(&record.state_code)),
            ("ori7", text(&record.ori7)),
            ("population_group", text(&record.group)),
            ("agency_division", text(&record.division)),
            ("year", record.year.to_string()),
            ("covered_by_ori7", text(&record.covered_by.0)),
            ("covered_by_group", text(&record.covered_by.1)),
            ("highest_month_received", number(record.highest_month)),
            ("agency_count", number(record.agency_count)),
            ("population_1", number(record.counties[0].0)),
            ("ucr_county_code", text(&record.counties[0].1)),
            ("msa_code", text(&record.counties[0].2)),
            ("population_2", number(record.counties[1].0)),
            ("ucr_county_code_2", text(&record.counties[1].1)),
            ("population_3", number(record.counties[2].0)),
            ("msa_code_3", text(&record.counties[2].2)),
            ("last_census_population_1", number(record.counties[0].3)),
            ("last_census_population_3", number(record.counties[2].3)),
            ("agency_name", text(&record.name)),
            ("state", text(&record.state)),
            ("agency_record", "1".to_owned()),
            ("month", (nth + 1).to_string()),
            ("month_included_in", number(month.included_in)),
            ("month_last_update", text(&month.updated)),
            ("month_status", status.to_owned()),
            ("actual_card_type", flag(&month.types, 1)),
            ("officers_card_type", flag(&month.types, 4)),
            ("actual_card_form", flag(&month.forms, 1)),
            ("officers_killed_feloniously", expected(month.officers[0], 0, status, b' ')),
            ("officers_killed_accidentally", expected(month.officers[1], 0, status, b' ')),
            ("officers_assaulted", expected(month.officers[2], 0, status, b' ')),
        ];
        for (name, wanted) in header {
            assert_eq!(cell(nth, name), wanted, "{name} of month {}", nth + 1);
        }
        for (field, name) in COUNTS.iter().enumerate() {
            let wanted = expected(month.cards[1][field], field, status, month.forms.as_bytes()[1]);
            assert_eq!(cell(nth, name), wanted, "{name} of month {}", nth + 1);
        }
    }

    let cards = read(BOTH[1], &page).unwrap();
    assert_eq!(cards.rows.len(), 48);
    let columns: Vec<Vec<&str>> = COUNTS.iter().map(|name| cards.column(name)).collect();
    for row in 0..48 {
        let (nth, card) = (row / 4, row % 4);
        let (month, status) = (&record.months[nth], status(record, nth));
        assert_eq!(cards.column("card")[row], CARDS[card]);
        assert_eq!(cards.column("month")[row], (nth + 1).to_string());
        assert_eq!(cards.column("month_status")[row], status);
        assert_eq!(cards.column("card_type")[row], flag(&month.types, card));
        assert_eq!(cards.column("card_form")[row], flag(&month.forms, card));
        for (field, column) in columns.iter().enumerate() {
            let wanted = expected(month.cards[card][field], field, status, month.forms.as_bytes()[card]);
            assert_eq!(column[row], wanted, "{} of {} {}", COUNTS[field], nth + 1, CARDS[card]);
        }
    }
}

fn counts() -> impl Strategy<Value = [i64; 28]> {
    let count = prop_oneof![4 => Just(0), 3 => 1..200_i64, 2 => -99_999..0_i64, 1 => 200..99_999_i64];
    proptest::collection::vec(count, 28).prop_map(|counts| counts.try_into().unwrap())
}

fn flags(of: &'static str, length: usize) -> impl Strategy<Value = String> {
    let flag = (0..of.len()).prop_map(|nth| char::from(of.as_bytes()[nth]));
    proptest::collection::vec(flag, length).prop_map(String::from_iter)
}

prop_compose! {
    fn months()(
        included_in in prop_oneof![Just(None), Just(Some(0)), (1..=12_i64).prop_map(Some)],
        updated in "([01][0-9]){0,3}",
        types in flags("02455 8", 5),
        forms in flags("PT P", 4),
        cards in [counts(), counts(), counts(), counts()],
        officers in [-99..=999_i64, -9..=9_i64, -9_999_999..=9_999_999_i64],
    ) -> Month {
        Month { included_in, updated, types, forms, cards, officers }
    }
}

prop_compose! {
    fn records()(
        year in 1960..=2059_u16,
        covered in prop_oneof![Just((String::new(), String::new())), Just(("OR99902".to_owned(), "9".to_owned()))],
        highest_month in proptest::option::of(0..=12_i64),
        counties in proptest::collection::vec((proptest::option::of(0..999_999_999_i64), "([0-9]{3})?", "([0-9]{3})?", proptest::option::of(0..999_999_999_i64)), 3),
        name in "([A-Z\u{c0}-\u{d6}][A-Z.' ]{0,22}[A-Z])?",
        months in proptest::collection::vec(months(), 12),
    ) -> ReturnA {
        let counties: [_; 3] = counties.try_into().unwrap();
        ReturnA { year, covered_by: covered, highest_month, counties, name, months: months.try_into().unwrap(), ..quiet() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_written_reads_back(record in records()) {
        check_reads_back(&record);
    }
}

#[test]
fn every_negative_missing_and_combined_month_reads_back() {
    let mut record = quiet();
    let digits = (0..10).flat_map(|digit| [-digit, -10 - digit, -99_990 - digit, digit]);
    for (nth, value) in digits.enumerate().take(28) {
        record.months[0].cards[1][nth] = value;
        record.months[0].cards[2][nth] = -value;
    }
    record.months[1].forms = "    ".to_owned();
    record.months[2].forms = "TTTT".to_owned();
    record.months[3].included_in = Some(4);
    record.months[4].included_in = Some(6);
    record.months[6].included_in = None;
    // Numbers in a month that was not received are odd, and not lost.
    record.months[7].forms = "P PP".to_owned();
    record.months[7].cards[1][0] = 7;
    record.months[7].officers = [1, 0, 3];
    record.covered_by = ("OR99902".to_owned(), "9".to_owned());
    check_reads_back(&record);
    for types in ["00000", "22222", "44444", "     ", "55558"] {
        let mut later = record.clone();
        later.year = 2018;
        later.months[1].types = types.to_owned();
        later.months[1].forms = "PPPP".to_owned();
        check_reads_back(&later);
    }
}

#[test]
fn columns_are_typed_and_totals_are_ours() {
    let mut record = quiet();
    record.counties[1] = (Some(2_500), "991".to_owned(), String::new(), None);
    record.covered_by = ("OR99902".to_owned(), "9".to_owned());
    record.months[1].cards[1][10] = 12;
    record.months[1].cards[1][15] = 14;
    record.months[2].forms = "TTTT".to_owned();
    record.months[2].cards[1][10] = 5;
    record.months[3].forms = "    ".to_owned();
    let columns = [
        "ori",
        "month",
        "year",
        "state_fips",
        "population",
        "covered_by_ori",
        "month_status",
        "assault_simple",
        "aggravated_assault",
    ];
    let rows = ours(BOTH[0], &one(&record), &columns);
    let head = |month: u8| format!("OR9990100 2016-{month:02}-01 2016 41 122500 OR9990200");
    assert_eq!(rows[0], format!("{} reported 0 0", head(1)));
    assert_eq!(rows[1], format!("{} reported 14 -2", head(2)));
    assert_eq!(rows[2], format!("{} reported ∅ ∅", head(3)));
    assert_eq!(rows[3], format!("{} not_reported ∅ ∅", head(4)));
    let rows = ours(BOTH[1], &one(&record), &["ori", "month", "card", "assault", "aggravated_assault"]);
    assert_eq!(rows[5], "OR9990100 2016-02-01 actual 12 -2");
    assert_eq!(rows.len(), 48);
    // A population of which nothing is printed is none, and the Canal Zone has no FIPS code.
    record.counties = Default::default();
    record.state_code = "52".to_owned();
    assert_eq!(ours(BOTH[0], &one(&record), &["state_fips", "population"])[0], "∅ ∅");
}

#[test]
fn an_agency_that_stands_twice_is_numbered() {
    let (first, other) = (quiet().print(), ReturnA { ori7: "OR99902".to_owned(), ..quiet() }.print());
    let text = lines([first.as_slice(), &other, &first]);
    let decoded = read(BOTH[0], &page(&text)).unwrap();
    let numbers: Vec<&str> = decoded.column("agency_record").into_iter().step_by(12).collect();
    assert_eq!(numbers, ["1", "1", "2"]);
    assert_eq!(decoded.records[23], 2);
}

#[test]
fn a_zipped_or_gzipped_file_is_the_same_file() {
    let text = lines([quiet().print().as_slice()]);
    let plain = read(BOTH[0], &page(&text)).unwrap();
    assert_eq!(plain.section("file"), [("layout", "the FBI's master file of Return A, 7,385 bytes")]);
    let zip = zipped(&[("__MACOSX/._RETA16.TXT", b"resource"), ("RETA16.TXT", &text)]);
    let beside = zipped(&[("readme.txt", b"Read me first"), ("RETA16.TXT", &text), ("codes.pdf", b"%PDF")]);
    for packed in [gzipped(&text), zip, beside] {
        let read = read(BOTH[0], &packed).unwrap();
        assert_eq!((&read.rows, &read.edition), (&plain.rows, &plain.edition));
        let member = read.section("file").into_iter().any(|(label, text)| {
            label == "member" && text == "RETA16.TXT, 7387 bytes, of 1980-01-01 00:00:00, deflated"
        });
        assert_eq!(member, packed.bytes(1 << 20).unwrap()[0] == b'P');
    }
    let two = zipped(&[("a.txt", &text), ("b.txt", &text)]);
    check_refused(&BOTH, &two, Kind::Changed, "2 of the 2 files in it (a.txt, b.txt)");
    check_refused(&BOTH, &zipped(&[("a.txt", b"State,Year\n")]), Kind::Changed, "begins with `State,Year`");
    check_refused(&BOTH, &zipped(&[("__MACOSX/._a.txt", b"resource")]), Kind::NotData, "empty archive");
}

#[test]
fn what_is_another_file_is_refused_by_what_differs() {
    let record = quiet().print();
    check_refused(&BOTH, &page(lines([&record[..7384]])), Kind::Changed, "it has 7384 bytes");
    check_refused(&BOTH, &page(lines([[record.as_slice(), b" x"].concat().as_slice()])), Kind::Changed, "7387 bytes");
    check_refused(&BOTH, &page(lines([record.as_slice(), &record[..300]])), Kind::Changed, "record 2");
    check_refused(&BOTH, &page("State,Year\n"), Kind::Changed, "it begins with `State,Year`");
    check_refused(&BOTH, &page("\r\n"), Kind::NotData, "holds no records");
    check_refused(&BOTH, &page(vec![b'1'; 70_000]), Kind::Changed, "longer than 65536 bytes");
    let changed = |at: usize, byte: u8| {
        let mut record = record.clone();
        record[at - 1] = byte;
        page(lines([record.as_slice()]))
    };
    check_refused(&BOTH, &changed(463, b'x'), Kind::Changed, "murder is `x0000`");
    check_refused(&BOTH, &changed(14, b'?'), Kind::Changed, "its year is `?6`");
    check_refused(&BOTH, &changed(4, b'o'), Kind::Changed, "ori7 is `oR99901`");
    let other_year = ReturnA { year: 2017, ..quiet() }.print();
    check_refused(
        &BOTH,
        &page(lines([record.as_slice(), &other_year])),
        Kind::Changed,
        "is of 2017, and the first of 2016",
    );
    check_refused(&BOTH, &page(lines([record.as_slice(), b"", &record])), Kind::NotData, "line 2 is blank");
}

#[test]
fn a_cell_beyond_the_first_records_that_is_no_number_rejects_its_row() {
    let mut records = vec![quiet().print(); 21];
    records[20][462..467].copy_from_slice(b"0*001");
    let text = lines(records.iter().map(Vec::as_slice));
    let (dataset, vocabulary) = dataset(BOTH[0]);
    let page = page(text);
    let mut rejected = Vec::new();
    let extractor = extractor(&dataset).unwrap();
    let slice = Slice::new("test", String::new());
    let read = extractor.decode(&slice, std::slice::from_ref(&page), &mut |piece| {
        if let Piece::Rows { batch, .. } = piece {
            rejected.extend(normalise(&dataset, &vocabulary, slice.grade, &page.digest, &batch)?.rejected);
        }
        Ok(())
    });
    read.unwrap();
    assert_eq!(rejected.len(), 1);
    assert_eq!((rejected[0].record, rejected[0].column.as_str(), rejected[0].raw.as_str()), (21, "murder", "0*001"));
}

#[test]
fn the_captured_file_of_1960_is_a_re_issue_and_is_refused() {
    let Some(page) = capture("fbi/reta/ucr1960.zip") else { return };
    check_refused(&BOTH, &page, Kind::Changed, "it has 1955 bytes, and one of the FBI's master file of Return A");
    crate::content::container(&page, Expect::Packed, 861_842).unwrap();
}
