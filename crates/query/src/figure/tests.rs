//! What the drawings promise: the same bytes, nothing hidden, nothing unescaped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use super::*;

const BAR: &str = r#"
title = "Murders in Portland, Oregon"
kind = "bar"
status = "why"
source = ["FBI"]
alt = "Two bars and two gaps."
x = { column = "year", label = "Year" }
y = { column = "murder", label = "Murders per year" }
"#;

const SCATTER: &str = r#"
title = "Rates"
kind = "scatter"
label = "usps"
highlight = ["S7"]
reference = "US"
status = "why"
source = ["CDC"]
alt = "Points."
x = { column = "x", label = "Per 100" }
y = { column = "y", label = "Per 100,000" }
"#;

fn chart(toml: &str) -> Chart {
    toml::from_str(toml).unwrap()
}

fn text(t: &str) -> Cell {
    Cell::Text(t.to_owned())
}

fn frame(columns: &[&str], rows: Vec<Vec<Cell>>) -> Frame {
    Frame { columns: columns.iter().map(|c| (*c).to_owned()).collect(), rows }
}

fn murders() -> Frame {
    let row = |year, murder, why: &str| vec![Cell::Integer(year), murder, text(why)];
    frame(
        &["year", "murder", "why"],
        vec![
            row(2013, Cell::Integer(14), "reported"),
            row(2014, Cell::Null, "not loaded"),
            row(2015, Cell::Null, "absent from the FBI's table"),
            row(2016, Cell::Integer(14), "reported"),
        ],
    )
}

fn rates() -> Frame {
    let mut rows: Vec<Vec<Cell>> = (0..50_i32)
        .map(|i| {
            let (x, y) = (60 + (i * 17) % 31, 5 + (i * 7) % 12);
            vec![text(&format!("S{i}")), Cell::Number(x.into()), Cell::Number(y.into()), Cell::Null]
        })
        .collect();
    rows.push(vec![text("US"), Cell::Number(70.6), Cell::Number(10.4), Cell::Null]);
    frame(&["usps", "x", "y", "why"], rows)
}

fn provenance() -> Provenance {
    let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
    Provenance { items: vec![pair("inputs", "sha256:0123"), pair("licence", "ODbL & others – «ok»")] }
}

fn draw(chart: &Chart, frame: &Frame) -> String {
    svg(chart, frame, &provenance()).unwrap()
}

fn refusal(chart: &Chart, frame: &Frame) -> String {
    svg(chart, frame, &provenance()).unwrap_err().to_string()
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    for (chart, frame) in [(chart(BAR), murders()), (chart(SCATTER), rates())] {
        let first = draw(&chart, &frame);
        assert_eq!(first, draw(&chart, &frame));
        assert_eq!(png(&first, &provenance()).unwrap(), png(&first, &provenance()).unwrap());
    }
}

#[test]
fn a_gap_is_not_a_bar_and_says_why() {
    let svg = draw(&chart(BAR), &murders());
    assert_eq!(svg.matches("class=\"bar\"").count(), 2);
    assert_eq!(svg.matches("class=\"gap\"").count(), 2);
    assert!(svg.contains(">not loaded</text>"));
    assert!(svg.contains("<title>2015: absent from the FBI&#39;s table</title>"));
    assert!(!svg.contains(">2014: 0<"));
}

#[test]
fn a_gap_too_narrow_for_its_reason_is_explained_below() {
    let rows = (1980..2020)
        .map(|year| {
            let murder = if year == 1999 { Cell::Null } else { Cell::Integer(7) };
            vec![Cell::Integer(year), murder, text("not loaded")]
        })
        .collect();
    let svg = draw(&chart(BAR), &frame(&["year", "murder", "why"], rows));
    assert!(svg.contains(">1999: not loaded.</text>"));
}

#[test]
fn a_true_zero_is_a_bar_with_its_number() {
    let mut frame = murders();
    frame.rows[1][1] = Cell::Integer(0);
    let svg = draw(&chart(BAR), &frame);
    assert_eq!(svg.matches("class=\"bar\"").count(), 3);
    assert!(svg.contains("<title>2014: 0</title>"));
}

#[test]
fn an_absent_value_without_a_reason_is_refused() {
    let mut frame = murders();
    frame.rows[1][2] = Cell::Null;
    assert!(refusal(&chart(BAR), &frame).contains("row 2, column `murder` is null"));
}

#[test]
fn a_point_that_cannot_be_drawn_is_owned_up_to() {
    let mut frame = rates();
    frame.rows[3][2] = Cell::Null;
    frame.rows[3][3] = text("suppressed");
    assert!(draw(&chart(SCATTER), &frame).contains(">Not drawn: S3 (suppressed).</text>"));
}

#[test]
fn highlighted_points_are_named_and_the_reference_is_a_line() {
    let svg = draw(&chart(SCATTER), &rates());
    assert!(svg.contains(">S7</text>"));
    assert!(svg.contains(">US: 70.6</text>") && svg.contains(">US: 10.4</text>"));
    assert_eq!(svg.matches("<circle").count(), 49);
    assert_eq!(svg.matches("stroke-dasharray").count(), 2);
}

#[test]
fn words_are_escaped_wherever_they_go() {
    let mut chart = chart(BAR);
    let nasty = "</text><script>&\"'\u{1}";
    chart.title = format!("A & B <C> {nasty}");
    chart.alt = nasty.to_owned();
    chart.notes = vec![nasty.replace('\u{1}', "")];
    chart.title = chart.title.replace('\u{1}', "");
    let mut frame = murders();
    frame.rows[1][2] = text("<b>&");
    let mut provenance = provenance();
    provenance.items.push(("k<\"".to_owned(), nasty.to_owned()));
    let svg = svg(&chart, &frame, &provenance).unwrap();
    assert!(!svg.contains("<script") && !svg.contains("<b>") && !svg.contains('\u{1}'));
    let parsed = resvg::usvg::roxmltree::Document::parse(&svg).unwrap();
    let alt = parsed.descendants().find(|n| n.has_tag_name(("http://www.w3.org/2000/svg", "desc")));
    assert_eq!(alt.unwrap().text(), Some("</text><script>&\"'\u{FFFD}"));
}

#[test]
fn the_document_describes_itself() {
    let svg = draw(&chart(BAR), &murders());
    assert!(svg.contains("role=\"img\"") && svg.contains("<desc>Two bars and two gaps.</desc>"));
    assert!(svg.contains("<item key=\"inputs\">sha256:0123</item>"));
    assert!(svg.contains(">Inputs sha256:0123</text>"));
}

#[test]
fn the_png_carries_the_provenance() {
    let bytes = png(&draw(&chart(BAR), &murders()), &provenance()).unwrap();
    let reader = ::png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let info = reader.info();
    assert_eq!((info.width, info.height), (1920, 1720));
    let texts: Vec<(String, String)> =
        info.utf8_text.iter().map(|t| (t.keyword.clone(), t.get_text().unwrap())).collect();
    assert_eq!(texts, provenance().items);
}

#[test]
fn a_key_that_png_forbids_is_refused() {
    let svg = draw(&chart(BAR), &murders());
    for key in ["", " inputs", "two  spaces", "clé", &"k".repeat(80)] {
        let provenance = Provenance { items: vec![(key.to_owned(), String::new())] };
        assert!(matches!(png(&svg, &provenance), Err(DrawError::BadKey(_))), "{key:?}");
    }
}

#[test]
fn words_are_drawn_with_the_embedded_font() {
    let with = png(&draw(&chart(BAR), &murders()), &Provenance::default()).unwrap();
    let mut untitled = chart(BAR);
    untitled.title = " ".to_owned();
    let without = png(&draw(&untitled, &murders()), &Provenance::default()).unwrap();
    assert_ne!(with, without);
}

#[test]
fn mistakes_are_named() {
    let empty = frame(&["year", "murder", "why"], Vec::new());
    assert!(refusal(&chart(BAR), &empty).contains("no rows"));

    let mut ragged = murders();
    ragged.rows[2].pop();
    assert!(refusal(&chart(BAR), &ragged).contains("row 3 has 2 cells"));

    let unknown = chart(&BAR.replace("\"murder\"", "\"murders\""));
    let said = refusal(&unknown, &murders());
    assert!(said.contains("y.column names column `murders`") && said.contains("year, murder, why"));

    let mut words = murders();
    words.rows[0][1] = text("14*");
    assert!(refusal(&chart(BAR), &words).contains("found the text \"14*\""));
    words.rows[0][1] = Cell::Number(f64::NAN);
    assert!(refusal(&chart(BAR), &words).contains("found NaN"));
    words.rows[0][1] = Cell::Integer(-1);
    assert!(refusal(&chart(BAR), &words).contains("bars start at zero"));

    let mut none = murders();
    none.rows.drain(2..);
    none.rows[0][1] = Cell::Null;
    assert!(refusal(&chart(BAR), &none).contains("holds no value at all"));

    let cut = chart(&SCATTER.replace("\"Per 100,000\"", "\"\", max = 9.0"));
    assert!(refusal(&cut, &rates()).contains("outside the declared limits"));

    let stranger = chart(&SCATTER.replace("S7", "ZZ"));
    assert!(refusal(&stranger, &rates()).contains("highlight names `ZZ`"));

    let foreign = chart(&BAR.replace("Murders in", "殺人 in"));
    assert!(refusal(&foreign, &murders()).contains("no glyph for '殺'"));

    let small = chart(&format!("height = 200\n{BAR}"));
    assert!(refusal(&small, &murders()).contains("no room for the plot"));
}

#[test]
fn a_misspelt_declaration_is_refused() {
    let said = toml::from_str::<Chart>(&BAR.replace("status", "statsu")).unwrap_err().to_string();
    assert!(said.contains("unknown field `statsu`"), "{said}");
    let said = toml::from_str::<Chart>(&BAR.replace("\"bar\"", "\"pie\"")).unwrap_err().to_string();
    assert!(said.contains("`scatter`, `bar`, `line`") || said.contains("expected one of"), "{said}");
}

#[test]
fn a_line_breaks_where_a_value_is_absent() {
    let line = chart(&BAR.replace("\"bar\"", "\"line\""));
    let mut frame = murders();
    frame.rows.insert(1, vec![Cell::Number(2013.5), Cell::Integer(15), Cell::Null]);
    let svg = draw(&line, &frame);
    let path = svg.lines().find(|l| l.starts_with("<path")).unwrap();
    assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1));
    assert_eq!(svg.matches("class=\"gap\"").count(), 2);
}

#[test]
fn ticks_are_round_and_numbers_fixed() {
    let axis = Axis { column: "c".into(), label: String::new(), min: None, max: None };
    let labels = |low, high| {
        let scale = scale::Scale::round(&axis, low, high, 6).unwrap();
        scale.ticks.iter().map(|t| scale.label(*t)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(labels(3.1, 36.02), "0 10 20 30 40");
    assert_eq!(labels(0.01, 0.06), "0.00 0.01 0.02 0.03 0.04 0.05 0.06");
    assert_eq!(labels(-1.0, 1.0), "\u{2212}1.0 \u{2212}0.5 0.0 0.5 1.0");
    assert_eq!(labels(0.0, 42_000.0), "0 10,000 20,000 30,000 40,000 50,000");
    assert_eq!(labels(7.0, 7.0), "7.0 7.2 7.4 7.6 7.8 8.0");
    assert_eq!(scale::value(36.02344), "36.0");
    assert_eq!(scale::value(0.01234), "0.012");
    assert_eq!(scale::value(1_234_567.0), "1,234,567");
    assert_eq!(canvas::n(-0.001), "0");
}
