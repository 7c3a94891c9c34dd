//! Lines over a numeric axis. An absent value breaks its line: in a chart of
//! one line it is an explained gap, among several a note in the footer.

use super::canvas::{Anchor, Canvas, Style, n};
use super::font::Fonts;
use super::geometry::Rect;
use super::rows::{self, Value};
use super::scale::{Scale, value};
use super::sheet::{INK, SOFT, Sheet, gutter};
use super::{Cell, Chart, DrawError, Frame, Provenance, gap};

const NAME: Style = Style::new(18.0, SOFT).halo();
const STRONG: Style = Style::new(19.0, INK).bold().halo();
/// Colour and dashes of the lines that stand out, in order: told apart without colour, too.
const PENS: [(&str, &str); 6] = [
    ("#0072b2", ""),
    ("#d55e00", " stroke-dasharray=\"10 5\""),
    ("#009e73", " stroke-dasharray=\"3 4\""),
    ("#cc79a7", " stroke-dasharray=\"14 4 3 4\""),
    ("#e69f00", " stroke-dasharray=\"7 3\""),
    ("#1a1a1a", " stroke-dasharray=\"2 6\""),
];
const QUIET: (&str, &str) = ("#9a9a9a", "");

struct Series {
    name: String,
    /// x, and y unless absent.
    points: Vec<(f64, Option<f64>)>,
    pen: (&'static str, &'static str),
    strong: bool,
}

/// An absent value: its x, its line's name and the reason.
struct Absence {
    x: f64,
    name: String,
    reason: String,
}

pub(super) fn draw(chart: &Chart, frame: &Frame, fonts: &Fonts, provenance: &Provenance) -> Result<String, DrawError> {
    if chart.reference.is_some() {
        return Err(DrawError::Unsupported(
            "line charts have no `reference`: return the reference as a line of its own",
        ));
    }
    let (series, absences) = read(chart, frame)?;
    let all = || series.iter().flat_map(|s| &s.points);
    let (x_low, x_high) = rows::span(all().map(|p| p.0), &chart.x)?;
    let (y_low, y_high) = rows::span(all().filter_map(|p| p.1), &chart.y)?;
    let whole = all().all(|p| p.0 == p.0.trunc());
    let x = Scale::exact(&chart.x, x_low, x_high, 8, whole)?;
    let y = Scale::round(&chart.y, y_low, y_high, 6)?;

    // One line has room for its reasons in the plot; several would share the strip.
    let strips = if series.len() == 1 { absences.as_slice() } else { &[] };
    let mut notes: Vec<String> = Vec::new();
    if strips.is_empty() {
        let said = absences.iter().map(|a| format!("{} {} ({})", a.name, value(a.x), a.reason));
        notes.extend(rows::not_drawn(&said.collect::<Vec<_>>()));
    }
    loop {
        let mut sheet = Sheet::lay_out(chart, fonts, provenance, gutter(fonts, &y), 1, &notes)?;
        sheet.plot.w -= margin_for_names(&series, fonts);
        let mut canvas = Canvas::new(fonts);
        gap::define(&mut canvas);
        sheet.y_axis(&mut canvas, &y);
        sheet.x_axis(&mut canvas, &x);
        let unsaid = strips_of_gaps(&mut canvas, &sheet, &x, &series, strips);
        sheet.baseline(&mut canvas);
        for s in &series {
            stroke(&mut canvas, &sheet, (&x, &y), s);
        }
        end_names(&mut canvas, &sheet, &y, &series)?;
        if strips.is_empty() {
            return sheet.finish(canvas, chart, provenance);
        }
        // A taller footer may push out one more reason.
        let said = std::mem::replace(&mut notes, rows::gap_notes(&unsaid));
        if said == notes {
            return sheet.finish(canvas, chart, provenance);
        }
    }
}

fn read(chart: &Chart, frame: &Frame) -> Result<(Vec<Series>, Vec<Absence>), DrawError> {
    let x_col = rows::column(frame, "x.column", &chart.x.column)?;
    let y_col = rows::column(frame, "y.column", &chart.y.column)?;
    let label = rows::optional(frame, "label", chart.label.as_ref())?;
    let status = rows::optional(frame, "status", chart.status.as_ref())?;
    let name = |r: &Vec<Cell>| label.map(|c| rows::text(&r[c])).unwrap_or_default();
    let names: Vec<String> = frame.rows.iter().map(name).collect();
    rows::check_names(chart, &names, chart.label.as_deref().unwrap_or("label"))?;
    let (mut series, mut absences): (Vec<Series>, Vec<Absence>) = (Vec::new(), Vec::new());
    for (i, name) in names.into_iter().enumerate() {
        let Value::Known(x) = rows::number(frame, i, x_col, &chart.x)? else {
            let column = chart.x.column.clone();
            return Err(DrawError::NotNumeric { row: i + 1, column, found: "null".to_owned() });
        };
        let y = match rows::number(frame, i, y_col, &chart.y)? {
            Value::Known(v) => Some(v),
            Value::Absent => {
                let reason = rows::reason(frame, i, status, &chart.y)?;
                absences.push(Absence { x, name: name.clone(), reason });
                None
            }
        };
        match series.iter_mut().find(|s| s.name == name) {
            Some(s) => s.points.push((x, y)),
            None => series.push(Series { name, points: vec![(x, y)], pen: QUIET, strong: false }),
        }
    }
    let few = series.len() <= PENS.len();
    let mut pens = PENS.iter().cycle();
    for s in &mut series {
        s.strong = chart.highlight.contains(&s.name) || (chart.highlight.is_empty() && few);
        if s.strong {
            s.pen = pens.next().copied().unwrap_or(QUIET);
        }
    }
    // Quiet lines first, so that the others lie over them.
    series.sort_by_key(|s| s.strong);
    Ok((series, absences))
}

/// Only lines that stand out are named where there are many.
fn named(series: &[Series]) -> impl Iterator<Item = &Series> {
    let few = series.len() <= PENS.len();
    series.iter().filter(move |s| !s.name.is_empty() && (s.strong || few))
}

fn name_style(s: &Series) -> Style {
    if s.strong { STRONG } else { NAME }
}

fn margin_for_names(series: &[Series], fonts: &Fonts) -> f64 {
    let widths = named(series).map(|s| {
        let style = name_style(s);
        fonts.face(style.bold).width(&s.name, style.size) + 14.0
    });
    widths.fold(12.0, f64::max)
}

/// Hatches halfway to the neighbouring values; returns those whose reason finds no room.
fn strips_of_gaps(
    canvas: &mut Canvas<'_>,
    sheet: &Sheet,
    x: &Scale,
    series: &[Series],
    absences: &[Absence],
) -> Vec<(String, String)> {
    let mut unsaid = Vec::new();
    for absence in absences {
        let others = || series.iter().flat_map(|s| &s.points).map(|p| p.0);
        let before = others().filter(|&o| o < absence.x).fold(f64::NEG_INFINITY, f64::max);
        let after = others().filter(|&o| o > absence.x).fold(f64::INFINITY, f64::min);
        let left = if before.is_finite() { (before + absence.x) / 2.0 } else { absence.x };
        let right = if after.is_finite() { (after + absence.x) / 2.0 } else { absence.x };
        let (left, right) = (sheet.x(x, left) + 2.0, sheet.x(x, right) - 2.0);
        let strip = Rect::new(left, sheet.plot.y, (right - left).max(4.0), sheet.plot.h);
        let tip = format!("{}: {}", value(absence.x), absence.reason);
        if !gap::draw(canvas, strip, &absence.reason, &tip) {
            unsaid.push((value(absence.x), absence.reason.clone()));
        }
    }
    unsaid
}

fn stroke(canvas: &mut Canvas<'_>, sheet: &Sheet, (x, y): (&Scale, &Scale), s: &Series) {
    let mut d = String::new();
    let mut down = false;
    for &(px, py) in &s.points {
        match py {
            Some(py) => {
                let verb = if down { 'L' } else { 'M' };
                d.push_str(&format!("{verb}{} {}", n(sheet.x(x, px)), n(sheet.y(y, py))));
                down = true;
            }
            None => down = false,
        }
    }
    let (colour, dashes) = s.pen;
    let weight = if s.strong { "3" } else { "1.5" };
    let paint =
        format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"{weight}\" stroke-linejoin=\"round\"{dashes}");
    canvas.path(&d, &paint, Some(&s.name));
    // A dot on each value: the only trace of one that stands between two gaps.
    let fill = format!("fill=\"{colour}\"");
    for &(px, py) in &s.points {
        if let Some(py) = py {
            let tip = format!("{} {}: {}", s.name, value(px), value(py));
            let r = if s.strong { 4.5 } else { 2.5 };
            canvas.circle(sheet.x(x, px), sheet.y(y, py), r, &fill, Some(tip.trim()));
        }
    }
}

/// Names beside the last value of each line, pushed apart downwards where they would touch.
fn end_names(canvas: &mut Canvas<'_>, sheet: &Sheet, y: &Scale, series: &[Series]) -> Result<(), DrawError> {
    let mut ends: Vec<(f64, &Series)> =
        named(series).filter_map(|s| s.points.iter().rev().find_map(|p| p.1).map(|v| (sheet.y(y, v), s))).collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = sheet.plot.y - 10.0;
    for (at, s) in ends {
        let style = name_style(s);
        let middle = at.max(free + 0.6 * style.size);
        free = middle + 0.6 * style.size;
        if free > sheet.plot.bottom() + 14.0 {
            return Err(DrawError::NoRoom { what: format!("the label `{}`", s.name) });
        }
        let left = sheet.plot.right() + 10.0;
        canvas.text(left, middle + 0.36 * style.size, Anchor::Start, style, &s.name);
    }
    Ok(())
}
