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

const LINE: &str = r#"
title = "Rates over the years"
kind = "line"
label = "state"
status = "why"
source = ["CDC"]
alt = "Two lines."
interval = { low = "low", high = "high", words = "95 % intervals" }
x = { column = "year", label = "Year" }
y = { column = "rate", label = "Per 100,000" }
"#;

const DOTS: &str = r#"
title = "Rates, highest first"
kind = "dots"
label = "state"
status = "why"
highlight = ["Place 3"]
reference = "United States"
source = ["CDC"]
alt = "A dot per place."
interval = { low = "low", high = "high", words = "95 % intervals" }
x = { column = "rate", label = "Per 100,000" }
"#;

const PANELS: &str = r#"
title = "Rates in four places"
kind = "small_multiples"
status = "why"
highlight = ["Alabama"]
source = ["CDC"]
alt = "Four small charts."
panel = { column = "state" }
x = { column = "year", label = "Year" }
y = { column = "rate", label = "Per 100" }
"#;

const MAP: &str = r#"
title = "Rates by state"
kind = "map"
label = "name"
status = "why"
highlight = ["54"]
source = ["CDC"]
alt = "A map."
map = { of = "states", code = "fips", value = "rate", words = "Per 100,000", breaks = [5, 10] }
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

/// Two states, a year apart; Alabama's second year is suppressed, within bounds.
fn years() -> Frame {
    let row = |state: &str, year, rate: Option<f64>, low, high| {
        let why = if rate.is_some() { Cell::Null } else { text("suppressed") };
        let rate = rate.map_or(Cell::Null, Cell::Number);
        vec![text(state), Cell::Integer(year), rate, Cell::Number(low), Cell::Number(high), why]
    };
    frame(
        &["state", "year", "rate", "low", "high", "why"],
        vec![
            row("West Virginia", 2014, Some(31.5), 29.0, 34.0),
            row("West Virginia", 2015, Some(36.0), 33.1, 38.9),
            row("West Virginia", 2016, Some(43.4), 40.2, 46.6),
            row("Alabama", 2014, Some(5.6), 4.9, 6.3),
            row("Alabama", 2015, None, 0.0, 9.0),
            row("Alabama", 2016, Some(7.5), 6.7, 8.3),
        ],
    )
}

fn ranked() -> Frame {
    let mut rows: Vec<Vec<Cell>> = (0..51_i32)
        .map(|i| {
            let rate = f64::from(60 - i);
            vec![
                text(&format!("Place {i}")),
                Cell::Number(rate),
                Cell::Number(rate - 2.0),
                Cell::Number(rate + 3.0),
                Cell::Null,
            ]
        })
        .collect();
    rows[50] = vec![text("Place 50"), Cell::Null, Cell::Number(0.0), Cell::Number(9.0), text("suppressed")];
    rows.insert(20, vec![text("United States"), Cell::Number(33.3), Cell::Null, Cell::Null, Cell::Null]);
    frame(&["state", "rate", "low", "high", "why"], rows)
}

fn four() -> Frame {
    let mut rows = Vec::new();
    for (i, state) in ["Alabama", "District of Columbia", "Georgia", "Florida"].into_iter().enumerate() {
        for year in 2006..=2016_i32 {
            let rate = f64::from(year - 2000) * 2.0 + 10.0 * i as f64;
            let gap = state == "Georgia" && year == 2010;
            let (rate, why) = if gap { (Cell::Null, text("not loaded")) } else { (Cell::Number(rate), Cell::Null) };
            rows.push(vec![text(state), Cell::Integer(year.into()), rate, why]);
        }
    }
    frame(&["state", "year", "rate", "why"], rows)
}

fn places(rows: &[(&str, &str, Option<f64>, &str)]) -> Frame {
    let row = |(fips, name, rate, why): &(&str, &str, Option<f64>, &str)| {
        vec![text(fips), text(name), rate.map_or(Cell::Null, Cell::Number), text(why)]
    };
    frame(&["fips", "name", "rate", "why"], rows.iter().map(row).collect())
}

fn states() -> Frame {
    places(&[
        ("01", "Alabama", Some(4.99), ""),
        ("02", "Alaska", Some(0.0), ""),
        ("04", "Arizona", Some(5.0), ""),
        ("05", "Arkansas", None, "suppressed"),
        ("06", "California", None, "not reported"),
        ("54", "West Virginia", Some(36.0), ""),
        ("72", "Puerto Rico", Some(3.0), ""),
        ("99", "Nowhere", Some(3.0), ""),
    ])
}

/// A chart of every kind, and one of both insides of panels and of both kinds of places.
fn every_kind() -> Vec<(Chart, Frame)> {
    let counties = MAP.replace("\"states\"", "\"counties\"").replace("\"54\"", "\"54059\"");
    vec![
        (chart(BAR), murders()),
        (chart(SCATTER), rates()),
        (chart(LINE), years()),
        (chart(DOTS), ranked()),
        (chart(PANELS), four()),
        (chart(&PANELS.replace("column = \"state\"", "column = \"state\", inside = \"bar\", across = 2")), four()),
        (chart(MAP), states()),
        (
            chart(&counties),
            places(&[("54059", "Mingo, WV", Some(50.0), ""), ("51610", "Falls Church, VA", Some(1.0), "")]),
        ),
    ]
}

fn provenance() -> Provenance {
    let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
    Provenance { items: vec![pair("inputs", "sha256:0123"), pair("licence", "ODbL & others – «ok»")] }
}

fn draw(chart: &Chart, frame: &Frame) -> String {
    svg(chart, frame, &provenance(), Width::Print).unwrap()
}

fn refusal(chart: &Chart, frame: &Frame) -> String {
    svg(chart, frame, &provenance(), Width::Print).unwrap_err().to_string()
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    for (chart, frame) in every_kind() {
        for width in [Width::Print, Width::Phone] {
            let first = svg(&chart, &frame, &provenance(), width).unwrap();
            assert_eq!(first, svg(&chart, &frame, &provenance(), width).unwrap());
        }
    }
    let svg = draw(&chart(BAR), &murders());
    assert_eq!(png(&svg, &provenance()).unwrap(), png(&svg, &provenance()).unwrap());
}

/// Everything that is drawn, in one text.
fn everything() -> String {
    let mut all = String::new();
    for (chart, frame) in every_kind() {
        for width in [Width::Print, Width::Phone] {
            all += &svg(&chart, &frame, &provenance(), width).unwrap();
        }
        let svg = svg(&chart, &frame, &provenance(), Width::Phone).unwrap();
        all.extend(png(&svg, &provenance()).unwrap().iter().map(|byte| format!("{byte:02x}")));
    }
    all
}

/// Not a test of its own: the other process of the one below.
#[test]
fn everything_for_another_process() {
    if let Some(path) = std::env::var_os("CHART_EVERYTHING") {
        std::fs::write(path, everything()).unwrap();
    }
}

#[test]
fn neither_place_nor_language_nor_time_zone_has_a_say() {
    let path = std::env::temp_dir().join(format!("chart-everything-{}", std::process::id()));
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::everything_for_another_process", "--test-threads=1"])
        .env("CHART_EVERYTHING", &path)
        .envs([("LC_ALL", "de_DE.UTF-8"), ("LANG", "ar_EG.UTF-8"), ("TZ", "Asia/Kathmandu"), ("HOME", "/nonexistent")])
        .current_dir("/")
        .status()
        .unwrap();
    assert!(status.success());
    let there = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    // Whole drawings are too long to print where they differ.
    assert!(there == everything(), "another process drew other bytes");
}

#[test]
fn no_words_touch_leave_the_sheet_or_are_too_small_at_either_width() {
    for (chart, frame) in every_kind() {
        for width in [Width::Print, Width::Phone] {
            let svg = svg(&chart, &frame, &provenance(), width).unwrap();
            assert_eq!(faults(&svg).unwrap(), Vec::<String>::new(), "{} {width:?}", chart.kind);
            let shown = if width == Width::Print {
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"960\""
            } else {
                "width=\"400\""
            };
            assert!(svg.contains(shown), "{} {width:?}", chart.kind);
        }
    }
}

#[test]
fn faults_are_found() {
    let svg = draw(&chart(BAR), &murders());
    let found = |from: &str, to: &str| {
        assert!(svg.contains(from), "{from}");
        faults(&svg.replacen(from, to, 1)).unwrap().join("\n")
    };
    let small = found("font-size=\"17\"", "font-size=\"9\"");
    assert!(small.contains("is 9.0 pixels high"), "{small}");
    let title = svg.lines().find(|line| line.starts_with("<text") && line.contains("Murders in Portland")).unwrap();
    let twice = found(title, &format!("{title}\n{title}"));
    assert!(twice.contains("lies over"), "{twice}");
    let out = found(title, &title.replace("x=\"30\"", "x=\"900\""));
    assert!(out.contains("leaves the sheet"), "{out}");
    assert!(faults("<svg/>").is_err());
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
    let svg = svg(&chart, &frame, &provenance, Width::Print).unwrap();
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

/// Attributes of the elements of one class, in the order drawn.
fn elements<'a>(svg: &'a str, name: &str, class: &str) -> Vec<std::collections::HashMap<String, &'a str>> {
    let head = format!("<{name} ");
    let of_class = format!("class=\"{class}\"");
    let lines = svg.lines().filter(|line| line.starts_with(&head) && line.contains(&of_class));
    let attributes = |line: &'a str| {
        let parts: Vec<&str> = line.split('"').collect();
        let key = |part: &str| part.rsplit(' ').next().unwrap().trim_end_matches('=').to_owned();
        parts.chunks_exact(2).map(|pair| (key(pair[0]), pair[1])).collect()
    };
    lines.map(attributes).collect()
}

fn at(element: &std::collections::HashMap<String, &str>, name: &str) -> f64 {
    element[name].parse().unwrap()
}

#[test]
fn dots_lie_in_proportion_to_their_values_in_the_order_of_the_rows() {
    let svg = draw(&chart(DOTS), &ranked());
    // 51 rows of which one is highlighted, which is no circle, and one suppressed; the nation is a line.
    let dots = elements(&svg, "circle", "dot");
    assert_eq!(dots.len(), 49);
    // Places 0 and 1 are one apart, 1 and 11 ten.
    let x = |i: usize| at(&dots[i], "cx");
    let unit = x(0) - x(1);
    assert!(unit > 1.0 && (x(1) - x(2) - unit).abs() < 0.05, "{unit}");
    assert!((x(0) - x(48) - 49.0 * unit).abs() < 0.3);
    assert!(dots.windows(2).all(|pair| at(&pair[0], "cy") < at(&pair[1], "cy")));
    let rods = elements(&svg, "line", "rod");
    assert_eq!(rods.len(), 50);
    assert!((at(&rods[0], "x2") - at(&rods[0], "x1") - 5.0 * unit).abs() < 0.1);
    assert!(
        svg.contains(">United States: 33.3</text>") && svg.contains(">Lines through the dots: 95 % intervals.</text>")
    );
    // Words under the names take nothing from one another.
    let two = draw(&chart(&DOTS.replace("status =", "beneath = \"state\"\nstatus =")), &ranked());
    assert_eq!(two.matches(">Place 7</text>").count(), 2 * svg.matches(">Place 7</text>").count());
    assert_eq!(faults(&two).unwrap(), Vec::<String>::new());
    assert!(refusal(&chart(&LINE.replace("kind =", "beneath = \"year\"\nkind =")), &ranked()).contains("beneath"));
}

#[test]
fn a_suppressed_value_has_bounds_and_words_but_no_dot() {
    let svg = draw(&chart(DOTS), &ranked());
    assert_eq!(elements(&svg, "line", "bounds").len(), 1);
    assert!(svg.contains(">suppressed</text>"));
    assert!(!svg.contains("<title>Place 50"));
}

#[test]
fn an_interval_beside_its_value_is_refused() {
    let mut frame = ranked();
    frame.rows[0][2] = Cell::Number(60.5);
    assert!(refusal(&chart(DOTS), &frame).contains("row 1: 60.5 to 63 is no interval around 60"));
    frame.rows[0][2] = Cell::Null;
    assert!(refusal(&chart(DOTS), &frame).contains("row 1:  to 63"));
}

#[test]
fn bands_break_with_their_line() {
    let mut frame = years();
    let svg = draw(&chart(LINE), &frame);
    assert_eq!(elements(&svg, "path", "band").len(), 2);
    assert!(svg.contains(">Bands: 95 % intervals.</text>"));
    assert!(svg.contains(">Not drawn: Alabama 2015 (suppressed).</text>"));
    for cell in [3, 4] {
        frame.rows[1][cell] = Cell::Null;
    }
    // West Virginia's outer years have a rod each, with nothing between.
    let svg = draw(&chart(LINE), &frame);
    assert_eq!((elements(&svg, "path", "band").len(), elements(&svg, "line", "band").len()), (1, 2));
}

#[test]
fn a_line_without_any_value_is_named_once() {
    let mut frame = years();
    for row in &mut frame.rows[3..] {
        (row[2], row[5]) = (Cell::Null, text("not loaded"));
    }
    assert!(draw(&chart(LINE), &frame).contains(">Not drawn: Alabama (not loaded).</text>"));
}

#[test]
fn panels_share_their_scales() {
    let svg = draw(&chart(PANELS), &four());
    let lines = elements(&svg, "path", "line");
    assert_eq!(lines.len(), 4);
    // Each panel's first value is ten above the one before, from its own baseline: panels stand side by side here.
    let first = |d: &str| -> (f64, f64) {
        let (x, y) = d[1..].split_once('L').unwrap().0.split_once(' ').unwrap();
        (x.parse().unwrap(), y.parse().unwrap())
    };
    let starts: Vec<(f64, f64)> = lines.iter().map(|line| first(line["d"])).collect();
    let (across, up) = (starts[1].0 - starts[0].0, starts[0].1 - starts[1].1);
    assert!(across > 100.0 && up > 10.0, "{starts:?}");
    for pair in starts.windows(2) {
        assert!(
            (pair[1].0 - pair[0].0 - across).abs() < 0.05 && (pair[0].1 - pair[1].1 - up).abs() < 0.05,
            "{starts:?}"
        );
    }
    assert_eq!(elements(&svg, "rect", "gap").len(), 1);
    assert!(svg.contains(">Georgia 2010: not loaded.</text>"));
    let nation = PANELS.replace("highlight = [\"Alabama\"]", "reference = \"Florida\"");
    let svg = draw(&chart(&nation), &four());
    assert_eq!((elements(&svg, "path", "reference").len(), elements(&svg, "path", "line").len()), (3, 3));
    assert!(svg.contains(">Dashed grey line: Florida.</text>"));
}

#[test]
fn bars_in_panels_start_at_zero() {
    let bars = PANELS.replace("column = \"state\"", "column = \"state\", inside = \"bar\"");
    let svg = draw(&chart(&bars), &four());
    let all = elements(&svg, "rect", "bar");
    assert_eq!(all.len(), 43);
    // Alabama: 12 in 2006, 32 in 2016.
    let ratio = at(&all[10], "height") / at(&all[0], "height");
    assert!((ratio - 32.0 / 12.0).abs() < 0.01, "{ratio}");
    let floating = chart(&bars.replace("\"Per 100\"", "\"Per 100\", min = 5"));
    assert!(refusal(&floating, &four()).contains("bars start at zero"));
}

/// What a map's place is painted with.
fn painted<'a>(svg: &'a str, place: &str) -> &'a str {
    let at = svg.find(&format!("<title>{place}:")).unwrap_or_else(|| panic!("{place} is not there"));
    let group = &svg[..at][svg[..at].rfind("<g class=").unwrap()..];
    group.split("fill=\"").nth(1).unwrap().split('"').next().unwrap()
}

#[test]
fn a_map_colours_by_class_and_hatches_by_reason() {
    let svg = draw(&chart(MAP), &states());
    let ramp = colour::ramp(3).unwrap();
    // A true zero is in the lowest class; a value on a break is in the upper class.
    assert_eq!((painted(&svg, "Alaska"), painted(&svg, "Alabama")), (ramp[0], ramp[0]));
    assert_eq!((painted(&svg, "Arizona"), painted(&svg, "West Virginia")), (ramp[1], ramp[2]));
    let gaps = ["Arkansas", "California", "Texas"].map(|place| painted(&svg, place));
    assert_eq!(gaps, ["url(#hatch0-map)", "url(#hatch1-map)", "url(#hatch2-map)"]);
    // Of 51 places five have a row with a value or a reason that is known, and 45 have none.
    for words in [
        "under 5 (2)",
        "5 to under 10 (1)",
        "10 and more (1)",
        "suppressed (1)",
        "not reported (1)",
        "no row in the data (45)",
    ] {
        assert!(svg.contains(&format!(">{words}</text>")), "{words}");
    }
    assert!(svg.contains("<desc>A map. Per 100,000: under 5 (2);"));
    assert!(svg.contains(">West Virginia</text>"));
}

#[test]
fn places_that_the_boundaries_lack_are_told() {
    let svg = draw(&chart(MAP), &states());
    assert!(svg.contains(">Not on the map: Puerto Rico (72); Puerto Rico.</text>"));
    assert!(svg.contains(">Not on the map, because the boundaries of 2017 lack them: Nowhere (99).</text>"));
    let counties = chart(&MAP.replace("\"states\"", "\"counties\"").replace("[\"54\"]", "[]"));
    let mut rows = vec![("46113", "Shannon, SD", Some(3.0), ""), ("51515", "Bedford city, VA", Some(3.0), "")];
    // A county that only changed its code is drawn; one that became a part of another is told.
    let svg = draw(&counties, &places(&rows));
    assert_eq!(painted(&svg, "Shannon, SD"), colour::ramp(3).unwrap()[0]);
    assert!(
        svg.contains(">Not on the map: Bedford city, VA (51515); part of Bedford County, 51019, since 2013.</text>")
    );
    // Beside its new code the old one is told, lest one row hide the other.
    rows.push(("46102", "Oglala Lakota, SD", Some(30.0), ""));
    let svg = draw(&counties, &places(&rows));
    assert_eq!(painted(&svg, "Oglala Lakota, SD"), colour::ramp(3).unwrap()[2]);
    assert!(svg.contains("lack them: Shannon, SD (46113).</text>"));
    rows.push(("46102", "Oglala Lakota, SD", Some(30.0), ""));
    assert!(refusal(&counties, &places(&rows)).contains("row 4, column `fips`: 46102 has a row already"));
}

#[test]
fn quantiles_hold_about_as_many_places_each_and_never_part_equal_values() {
    let thirds = chart(&MAP.replace("breaks = [5, 10]", "quantiles = 3"));
    let codes = ["01", "04", "05", "06", "08", "09", "10", "12", "13"];
    let rates = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 54.0];
    let mut rows: Vec<_> = codes.into_iter().zip(rates).map(|(code, rate)| (code, "", Some(rate), "")).collect();
    rows.push(("54", "West Virginia", None, "suppressed"));
    let svg = draw(&thirds, &places(&rows));
    for words in ["under 4 (3)", "4 to under 7 (3)", "7 and more (3)"] {
        assert!(svg.contains(&format!(">{words}</text>")), "{words}");
    }
    for row in &mut rows[..7] {
        row.2 = Some(1.0);
    }
    let svg = draw(&thirds, &places(&rows));
    assert!(svg.contains(">under 8 (7)</text>") && svg.contains(">8 and more (2)</text>"));
}

#[test]
fn each_kind_needs_its_parts_and_knows_no_others() {
    let said = |toml: &str, frame: &Frame| refusal(&chart(toml), frame);
    assert!(said(&MAP.replace("map = {", "panel = { column = \"x\" }\nmap = {"), &states()).contains("has no `panel`"));
    assert!(said(&DOTS.replace("x = {", "y = {"), &ranked()).contains("needs `x`"));
    assert!(
        said(&BAR.replace("alt =", "interval = { low = \"l\", high = \"h\", words = \"w\" }\nalt ="), &murders())
            .contains("has no `interval`")
    );
    assert!(said(&LINE.replace("alt =", "reference = \"Alabama\"\nalt ="), &years()).contains("has no `reference`"));
    assert!(said(&MAP.replace("[5, 10]", "[10, 5]"), &states()).contains("breaks must ascend"));
    assert!(said(&MAP.replace("[5, 10]", "[1, 2, 3, 4, 5, 6, 7]"), &states()).contains("at most 7 classes"));
    assert!(said(&format!("height = 500\n{MAP}"), &states()).contains("has no `height`"));
    let unknown = places(&[("54", "West Virginia", None, "not loaded")]);
    assert!(said(MAP, &unknown).contains("holds no value at all (not loaded)"));
}
