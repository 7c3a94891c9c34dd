//! Every report in each layout, read back from PDFs that two writers made; the slips and wraps of the editions.

use std::collections::BTreeMap;

use proptest::prelude::*;
use replica::dea::{self, Drug, Layout, Paper, Placed, Purchase, Quarters, Ranked, Year};

use super::*;

const LAYOUTS: [Layout; 3] = [Layout::Until2016, Layout::Of2017, Layout::Since2018];
const REPORTS: [u8; 6] = [1, 2, 3, 4, 5, 7];

fn extractor(reports: &[u8]) -> DeaReport {
    toml::from_str(&format!(
        "reports = {reports:?}\nfiles = [{{ years = [2000, 2030], url = 'https://dea.invalid/report_yr_{{year}}.pdf' }}]"
    ))
    .unwrap()
}

/// Rows by column name; the empty text for null.
type Rows = Vec<BTreeMap<String, String>>;

fn read(reports: &[u8], bytes: Vec<u8>) -> Result<(Option<String>, Rows)> {
    let extractor = extractor(reports);
    let page = Page::of_bytes("https://dea.invalid/report_yr_2016.pdf", bytes);
    extractor.inspect(&page)?;
    let slice = extractor.slices().remove(0);
    let (mut release, mut rows) = (None, Rows::new());
    extractor.decode(&slice, &[page], &mut |piece| {
        match piece {
            Piece::Edition(edition) => release = edition.release.map(|release| release.to_string()),
            Piece::Rows { batch, .. } => {
                for row in 0..batch.num_rows() {
                    let cells = batch.schema_ref().fields().iter().zip(batch.columns());
                    rows.push(
                        cells.filter_map(|(field, cells)| Some((field.name().clone(), text(cells, row)?))).collect(),
                    );
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok((release, rows))
}

fn text(cells: &arrow::array::ArrayRef, row: usize) -> Option<String> {
    use arrow::array::{Array as _, AsArray as _};
    let cells = cells.as_string_opt::<i32>()?;
    Some(if cells.is_valid(row) { cells.value(row).to_owned() } else { String::new() })
}

fn state(usps: &str, name: &str) -> (String, String) {
    (usps.to_owned(), name.to_owned())
}

const METHYLONE: &str = "METHYLONE (3,4-METHYLENEDIOXY-N- METHYLCATHINONE)";
const BARBITURIC: &str = "BARBITURIC ACID DERIVIATIVE OR SALT [PER 21CFR1308.13]";

/// A year with wrapped names, suffixed codes, both spellings of a code, a territory, and tables longer than a page.
fn year(number: i32) -> Year {
    let drugs = [("9143D", "OXYCODONE"), ("9250B", "METHADONE"), ("2270", "PENTOBARBITAL"), ("2270D", "PENTOBARBITAL")];
    let drugs = drugs.into_iter().chain([("7540", METHYLONE), ("2100", BARBITURIC)]);
    let states =
        [state("AR", "ARKANSAS"), state("DC", "DISTRICT OF COLUMBIA"), state("GU", "TRUST TERRITORIES (GUAM)")];
    let mut year = Year { year: number, last_month: 12, ..Year::default() };
    year.populations = vec![("AR".into(), 2_915_918), ("DC".into(), 601_723), ("GU".into(), 159_358)];
    for (at, (code, name)) in (1_i64..).zip(drugs) {
        let drug = Drug::new(code, name);
        let mut quarters = Quarters { drug: drug.clone(), rows: Vec::new() };
        for (place, state) in (1_i64..).zip(&states) {
            for zip in 0..27 * place {
                let figures = (1..=4).map(|quarter| at * 1_000_003 + zip * 107 + quarter * place).collect();
                quarters.rows.push((state.clone(), format!("{:03}", 100 * place + zip), figures));
            }
        }
        year.quarters.push(quarters);
        let ranked = |(rank, people): (i64, u64)| {
            let grams = at * 765_432_109 / rank;
            (states[rank as usize - 1].1.clone(), people, grams, dea::per_100k(grams, people))
        };
        let rows = (1..).zip([2_915_918, 601_723, 159_358]).map(ranked).collect();
        year.ranked.push(Ranked { drug: drug.clone(), rows });
        for (place, state) in (1_u64..).zip(&states) {
            for activity in dea::ACTIVITIES {
                let (buyers, grams) = (place * 17 + at as u64 * 401, at * 1_234_567 + place as i64);
                year.purchases.push(Purchase {
                    state: state.clone(),
                    activity: activity.to_owned(),
                    drug: drug.clone(),
                    buyers,
                    grams,
                });
            }
        }
    }
    year
}

fn decimals(hundredths: i64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn name(state: &str) -> &str {
    if state.contains("GUAM") { "GUAM" } else { state }
}

/// The rows that are no totals, each as its key and its figures.
fn data(rows: &Rows, columns: &[&str]) -> Vec<Vec<String>> {
    let of = |row: &BTreeMap<String, String>| columns.iter().map(|column| row[*column].clone()).collect();
    let mut found: Vec<_> = rows.iter().filter(|row| row["Kind"] == "row").map(of).collect();
    found.sort();
    found
}

/// What a report must be read as: one line for each row, without totals.
fn expected(report: u8, year: &Year) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let bare = |code: &str| code[..4].to_owned();
    match report {
        1 => {
            for of in &year.quarters {
                for (state, zip, figures) in &of.rows {
                    for (quarter, figure) in (1..).zip(figures) {
                        let key = [
                            bare(&of.drug.code),
                            of.drug.code.clone(),
                            of.drug.name.clone(),
                            name(&state.1).into(),
                            zip.clone(),
                        ];
                        rows.push([key.to_vec(), vec![quarter.to_string(), decimals(*figure)]].concat());
                    }
                }
            }
        }
        2 | 3 => {
            for of in &year.quarters {
                let mut sums: BTreeMap<(String, u64, usize), i64> = BTreeMap::new();
                for (state, _, figures) in &of.rows {
                    let people = year.populations.iter().find(|known| known.0 == state.0).unwrap().1;
                    for (at, figure) in figures.iter().enumerate() {
                        *sums.entry((name(&state.1).to_owned(), people, at + 1)).or_default() += figure;
                    }
                }
                for ((state, people, quarter), grams) in sums {
                    let scale = if year.year == 2011 { 1000 } else { 1 };
                    let figure = match report {
                        2 => decimals(grams),
                        _ if scale == 1 => decimals(dea::per_100k(grams, people)),
                        _ => {
                            let milligrams = dea::per_100k(grams * scale, people);
                            format!("{}.{:05}", milligrams / 100_000, milligrams % 100_000)
                        }
                    };
                    rows.push(vec![of.drug.code.clone(), of.drug.name.clone(), state, quarter.to_string(), figure]);
                }
            }
        }
        4 => {
            for of in &year.ranked {
                for (rank, (state, people, grams, rate)) in (1..).zip(&of.rows) {
                    let figures = vec![people.to_string(), decimals(*grams), decimals(*rate)];
                    let key =
                        vec![of.drug.code.clone(), of.drug.name.clone(), name(state).to_owned(), rank.to_string()];
                    rows.push([key, figures].concat());
                }
            }
        }
        _ => {
            let mut sums: BTreeMap<Vec<String>, (u64, i64)> = BTreeMap::new();
            for row in &year.purchases {
                let state = if report == 5 { name(&row.state.1) } else { "" };
                let key = [row.drug.code.as_str(), &row.drug.name, state, &row.activity].map(str::to_owned).to_vec();
                let sum = sums.entry(key).or_default();
                (sum.0, sum.1) = (sum.0 + row.buyers, sum.1 + row.grams);
            }
            for (key, (buyers, grams)) in sums {
                let average = (2 * grams + buyers as i64) / (2 * buyers as i64);
                rows.push([key, vec![buyers.to_string(), decimals(grams), decimals(average)]].concat());
            }
        }
    }
    rows.sort();
    rows
}

fn columns(report: u8) -> &'static [&'static str] {
    match report {
        1 => &["Drug code", "Drug code as printed", "Drug name", "State", "ZIP3", "Quarter", "Grams"],
        2 => &["Drug code as printed", "Drug name", "State", "Quarter", "Grams"],
        3 => &["Drug code as printed", "Drug name", "State", "Quarter", "Grams per 100K"],
        4 => &["Drug code as printed", "Drug name", "State", "Rank", "Population", "Grams", "Grams per 100K"],
        _ => &["Drug code as printed", "Drug name", "State", "Business activity", "Buyers", "Grams", "Average grams"],
    }
}

#[track_caller]
fn check(report: u8, year: &Year, bytes: Vec<u8>) -> Rows {
    let (release, rows) = read(&[report], bytes).unwrap();
    assert_eq!(release, Some(format!("through-{}-{:02}", year.year, year.last_month)));
    let wanted = expected(report, year);
    assert!(wanted.len() > 10);
    assert_eq!(data(&rows, columns(report)), wanted, "report {report} of {}", year.year);
    rows
}

#[test]
fn every_report_is_read_in_every_layout() {
    for (layout, number) in LAYOUTS.into_iter().zip([2011, 2017, 2019]) {
        let year = year(number);
        for report in REPORTS {
            let paper = dea::report(report, &year, layout);
            assert!(paper.pages.len() > 1 || report > 1, "{}", paper.pages.len());
            check(report, &year, dea::pdf(&paper).unwrap());
        }
        // One file with all of them.
        let combined = dea::pdf(&dea::combined(&year, layout)).unwrap();
        for report in REPORTS {
            check(report, &year, combined.clone());
        }
    }
}

/// The same pages by a writer that embeds a part of a font and numbers its letters anew.
fn by_krilla(paper: &Paper) -> Vec<u8> {
    use krilla::geom::Point;
    use krilla::page::PageSettings;
    use krilla::text::{Font, TextDirection};
    let font = Font::new(dejavu::sans::regular().to_vec().into(), 0).unwrap();
    let mut document = krilla::Document::new();
    for placed in &paper.pages {
        let mut page = document.start_page_with(PageSettings::from_wh(dea::PAGE.0, dea::PAGE.1).unwrap());
        let mut surface = page.surface();
        for Placed { left, top, text } in placed {
            let point = Point::from_xy(*left, *top);
            surface.draw_text(point, font.clone(), 5.5, text, false, TextDirection::Auto);
        }
        surface.finish();
        page.finish();
    }
    document.finish().unwrap()
}

#[test]
fn a_writer_with_embedded_fonts_reads_the_same() {
    for (layout, number) in LAYOUTS.into_iter().zip([2015, 2017, 2018]) {
        let mut year = year(number);
        year.quarters.truncate(3);
        for report in REPORTS {
            check(report, &year, by_krilla(&dea::report(report, &year, layout)));
        }
    }
}

#[test]
fn totals_are_told_whatever_they_are_called() {
    use label::{Of, is_total, total_of};
    for (label, of) in [
        ("TOTAL", Of::Table),
        ("T0TAL", Of::Table),
        ("STATE TOTAL", Of::Table),
        ("DRUG TOTAL", Of::Drug),
        ("UNITED STATES", Of::Drug),
        ("UNITED STATES TOTAL", Of::Drug),
        ("U.S. GRAMS/100K POP:", Of::Drug),
        ("U.S. GRAMS / PER 100K:", Of::Drug),
        ("US TOTAL", Of::Drug),
        ("AS - AMERICAN SAMOA - Tota", Of::State("AS - AMERICAN SAMOA".to_owned())),
        ("DC - DISTRICT OF COLUMBIA -", Of::State("DC - DISTRICT OF COLUMBIA".to_owned())),
        ("9143 - OXYCODONE - Total", Of::Drug),
        ("2012 - GAMMA HYDROXYBUTYRIC ACID(FDA APPROV", Of::Drug),
    ] {
        assert!(is_total(label), "{label}");
        assert_eq!(total_of(label), of, "{label}");
    }
    for label in ["ARKANSAS", "AR - ARKANSAS", "TRUST TERRITORIES (GUAM)"] {
        assert!(!is_total(label), "{label}");
    }
}

#[test]
fn totals_of_every_table_are_kept_apart() {
    for (layout, number) in LAYOUTS.into_iter().zip([2011, 2017, 2019]) {
        let year = year(number);
        let rows = check(1, &year, dea::pdf(&dea::report(1, &year, layout)).unwrap());
        let total = |row: &&BTreeMap<String, String>| row["Kind"] == "total";
        let zips: usize = year.quarters.iter().map(|of| of.rows.len()).sum();
        // The sum of each line, four quarters and the sum for each state and each drug.
        assert_eq!(rows.iter().filter(total).count(), zips + 5 * (3 * 6 + 6));
        let states = rows.iter().filter(total).filter(|row| row["ZIP3"].is_empty() && !row["State"].is_empty());
        assert_eq!(states.count(), 5 * 3 * 6);
        let rows = check(4, &year, dea::pdf(&dea::report(4, &year, layout)).unwrap());
        assert_eq!(rows.iter().filter(total).count(), 6);
    }
}

#[test]
fn a_half_year_has_two_quarters_and_a_name_of_its_own() {
    for layout in LAYOUTS {
        let mut year = year(2016);
        year.last_month = 6;
        year.quarters.iter_mut().flat_map(|of| &mut of.rows).for_each(|row| row.2.truncate(2));
        let rows = check(1, &year, dea::pdf(&dea::report(1, &year, layout)).unwrap());
        assert!(rows.iter().all(|row| ["", "1", "2"].contains(&row["Quarter"].as_str())));
        assert_eq!(rows[0]["Period end"], "2016-03-31");
    }
}

/// Lines of text as a page: each cell at its place.
fn page(lines: &[&[(f32, &str)]]) -> Vec<Placed> {
    let mut placed = Vec::new();
    for (row, cells) in lines.iter().enumerate() {
        for (left, text) in *cells {
            placed.push(Placed { left: *left, top: 30.0 + 9.0 * row as f32, text: (*text).to_owned() });
        }
    }
    placed
}

fn of_pages(pages: &[&[&[(f32, &str)]]]) -> Vec<u8> {
    let mut paper = Paper::new(60);
    paper.pages = pages.iter().map(|lines| page(lines)).collect();
    dea::pdf(&paper).unwrap()
}

type Cells<'a> = &'a [(f32, &'a str)];

const HEAD_5: [Cells<'_>; 4] = [
    &[(30.0, "DATE RANGE: 01/01/2018 TO 12/31/2018"), (400.0, "ARCOS 3 - REPORT 05 by GRAMS")],
    &[(30.0, "STATE: OK - OKLAHOMA")],
    &[(30.0, "BUSINESS ACTIVITY: N-U NARCOTIC TREATMENT PROGRAMS")],
    &[(30.0, "DRUG NAME"), (250.0, "DRUG CODE"), (330.0, "BUYERS"), (430.0, "TOTAL GRAMS"), (560.0, "AVG GRAMS")],
];

#[test]
fn a_name_and_its_figures_may_part() {
    let mut first = HEAD_5.to_vec();
    let rows: [Cells<'_>; 8] = [
        &[(30.0, "METHADONE"), (250.0, "9250"), (340.0, "12"), (430.0, "1,200.00"), (560.0, "100.00")],
        // A name on one line, its figures on the next.
        &[(30.0, "BUPRENORPHINE")],
        &[(250.0, "9064"), (340.0, "2"), (430.0, "3.00"), (560.0, "1.50")],
        // A name that begins a line before, and one that ends a line after.
        &[(30.0, "METHYLONE (3,4-METHYLENEDIOXY-N-")],
        &[(30.0, "METHYLCATHINONE)"), (250.0, "7540"), (340.0, "1"), (430.0, "0.50"), (560.0, "0.50")],
        &[(30.0, "BARBITURIC ACID DERIVIATIVE [PER"), (250.0, "2100"), (340.0, "1"), (430.0, "2.00"), (560.0, "2.00")],
        &[(30.0, "21CFR1308.13]")],
        // The last row goes on over the page.
        &[(30.0, "OXYCODONE")],
    ];
    first.extend(rows);
    let mut second = HEAD_5.to_vec();
    // And a total that has lost its name.
    let rows: [Cells<'_>; 2] =
        [&[(250.0, "9143"), (340.0, "1,003"), (430.0, "1,003.00"), (560.0, "1.00")], &[(430.0, "2,208.50")]];
    second.extend(rows);
    let (_, rows) = read(&[5], of_pages(&[&first, &second])).unwrap();
    let found = data(&rows, &["Drug code", "Drug name", "Buyers", "Grams"]);
    let wanted: Vec<Vec<String>> = [
        ["2100", "BARBITURIC ACID DERIVIATIVE [PER 21CFR1308.13]", "1", "2.00"],
        ["7540", "METHYLONE (3,4-METHYLENEDIOXY-N- METHYLCATHINONE)", "1", "0.50"],
        ["9064", "BUPRENORPHINE", "2", "3.00"],
        ["9143", "OXYCODONE", "1003", "1003.00"],
        ["9250", "METHADONE", "12", "1200.00"],
    ]
    .map(|row| row.map(str::to_owned).to_vec())
    .to_vec();
    assert_eq!(found, wanted);
    let totals: Vec<_> =
        rows.iter().filter(|row| row["Kind"] == "total").map(|row| (&row["Buyers"], &row["Grams"])).collect();
    assert_eq!(totals, [(&String::new(), &"2208.50".to_owned())]);
}

const HEAD_1: [Cells<'_>; 5] = [
    &[(300.0, "ARCOS 3 - REPORT 1")],
    &[(250.0, "REPORTING PERIOD: 01/01/2015 TO 12/31/2015")],
    &[(30.0, "DRUG CODE:1100"), (200.0, "DRUG NAME:AMPHETAMINE")],
    &[(30.0, "STATE: ARKANSAS")],
    &[
        (30.0, "ZIP CODE"),
        (150.0, "QUARTER 1"),
        (250.0, "QUARTER 2"),
        (350.0, "QUARTER 3"),
        (450.0, "QUARTER 4"),
        (550.0, "TOTAL GRAMS"),
    ],
];

fn report_1(rows: &[Cells<'_>]) -> Result<Rows> {
    let mut lines = HEAD_1.to_vec();
    lines.extend(rows);
    Ok(read(&[1], of_pages(&[&lines]))?.1)
}

#[test]
fn a_blank_cell_is_absent_and_not_zero() {
    let rows = report_1(&[
        &[(30.0, "716"), (150.0, "1.00"), (350.0, "2.00"), (450.0, "0.00"), (550.0, "3.00")],
        &[(30.0, "TOTAL"), (150.0, "1.00"), (250.0, "0.00"), (350.0, "2.00"), (450.0, "0.00"), (550.0, "3.00")],
    ])
    .unwrap();
    let quarters = data(&rows, &["ZIP3", "Quarter", "Grams"]);
    let wanted = [["716", "1", "1.00"], ["716", "3", "2.00"], ["716", "4", "0.00"]];
    assert_eq!(quarters, wanted.map(|row| row.map(str::to_owned).to_vec()));
}

#[test]
fn what_is_no_row_ends_the_reading() {
    let cases: [(Cells<'_>, &str); 4] = [
        (&[(30.0, "716"), (150.0, "1.00"), (250.0, "x"), (350.0, "2.00")], "is no row of report 1"),
        (&[(30.0, "SOME REMARK")], "is nothing that such a report has"),
        (&[(30.0, "Q1 CALC DOSAGE UNITS")], "is nothing that such a report has"),
        (
            &[(30.0, "7161"), (150.0, "1.00"), (250.0, "1.00"), (350.0, "1.00"), (450.0, "1.00"), (550.0, "4.00")],
            "is no row",
        ),
    ];
    for (row, says) in cases {
        let error = report_1(&[row]).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.to_string().contains("page 1"), "{error}");
    }
    let other_period: &[Cells<'_>] = &[
        &[(30.0, "716"), (150.0, "1.00"), (250.0, "1.00"), (350.0, "1.00"), (450.0, "1.00"), (550.0, "4.00")],
        &[(250.0, "REPORTING PERIOD: 01/01/2014 TO 12/31/2014")],
    ];
    assert!(report_1(other_period).unwrap_err().to_string().contains("another period"));
}

#[test]
fn what_is_no_report_is_refused_before_it_is_kept() {
    let year = year(2015);
    let of_4 = dea::pdf(&dea::report(4, &year, Layout::Until2016)).unwrap();
    let error = read(&[5], of_4.clone()).unwrap_err();
    assert!(error.to_string().contains("this is report 4, and not report 5"), "{error}");
    let error = read(&[4], of_4[..of_4.len() / 2].to_vec()).unwrap_err();
    assert_eq!(error.kind(), Kind::NotData, "{error}");
    let error = read(&[4], of_pages(&[&[&[(30.0, "Annual report")]]])).unwrap_err();
    assert!(error.to_string().contains("which ARCOS report it is"), "{error}");
}

#[test]
fn milligrams_become_grams_without_losing_a_digit() {
    for (printed, grams) in
        [("1234.56", "1.23456"), ("12.30", "0.01230"), ("0.00", "0.00000"), ("7", "0.007"), ("-1500.00", "-1.50000")]
    {
        assert_eq!(thousandth(printed), grams);
    }
}

/// Words that a name may have.
fn drug_name() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[A-Z]{3,12}",
        "[A-Z]{2,8}-[A-Z]{2,8}",
        Just("(3,4-DI-N)".to_owned()),
        Just("[PER 21CFR]".to_owned()),
        Just("(PCP)".to_owned()),
    ];
    let begin = "[A-SV-Z][A-Z]{3,11}";
    (begin, prop::collection::vec(word, 0..5)).prop_map(|(first, rest)| [vec![first], rest].concat().join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever the drugs are called and however long the pages are, every report comes back.
    #[test]
    fn names_wrap_and_rows_straddle(
        names in prop::collection::vec(drug_name(), 1..4),
        grams in prop::collection::vec(0_i64..10_000_000_000, 8),
        layout in prop::sample::select(LAYOUTS.to_vec()),
        report in prop::sample::select(REPORTS.to_vec()),
    ) {
        let mut year = year(2016);
        year.quarters.truncate(names.len());
        year.ranked.truncate(names.len());
        let codes = ["9143D", "9250B", "2270"];
        let drugs: Vec<Drug> = codes.iter().zip(&names).map(|(code, name)| Drug::new(code, name)).collect();
        for (of, drug) in year.quarters.iter_mut().zip(&drugs) {
            of.drug = drug.clone();
            for (row, grams) in of.rows.iter_mut().zip(&grams) {
                row.2 = vec![*grams, 0, grams / 3, 1];
            }
        }
        year.ranked.iter_mut().zip(&drugs).for_each(|(of, drug)| of.drug = drug.clone());
        year.purchases.retain(|row| codes[..names.len()].contains(&row.drug.code.as_str()));
        for row in &mut year.purchases {
            row.drug = drugs.iter().find(|drug| drug.code == row.drug.code).unwrap().clone();
        }
        let bytes = dea::pdf(&dea::report(report, &year, layout)).unwrap();
        let (_, rows) = read(&[report], bytes).unwrap();
        prop_assert_eq!(data(&rows, columns(report)), expected(report, &year));
    }
}

#[test]
fn the_transcribed_figures_come_back_and_memory_stays_sane() {
    let bytes = dea::served(2016, None).unwrap();
    let (release, rows) = read(&[4], bytes.clone()).unwrap();
    assert_eq!(release.as_deref(), Some("through-2016-12"));
    assert_eq!(rows.iter().filter(|row| row["Drug code"] == "9143" && row["Kind"] == "row").count(), 51);
    let (_, rows) = read(&[1], bytes).unwrap();
    let sum = |keep: &dyn Fn(&BTreeMap<String, String>) -> bool| -> i64 {
        let kept = rows.iter().filter(|row| row["Kind"] == "row" && keep(row));
        kept.map(|row| row["Grams"].replace('.', "").parse::<i64>().unwrap()).sum()
    };
    assert_eq!(sum(&|row| row["Drug code"] == "9143"), 5_477_789_171);
    assert_eq!(sum(&|row| row["Drug code"] == "1100" && row["State"] == "ARKANSAS"), 19_268_833);
    let (_, rows) = read(&[4], dea::served(2015, Some(4)).unwrap()).unwrap();
    let delaware = rows.iter().find(|row| row["Drug code"] == "9143" && row["State"] == "DELAWARE").unwrap();
    assert_eq!(
        [&delaware["Population"], &delaware["Grams"], &delaware["Grams per 100K"]],
        ["897934", "319205.76", "35548.91"]
    );
}
