//! One dot per row on a common axis, its name at the left, its number at the right, in the order of the rows.
//!
//! A row without a value keeps its line and says why in the place of the dot. Where bounds of such a value are known,
//! they are drawn open, without a dot, so that nobody reads a middle into them.

use super::canvas::{Anchor, Canvas, Style, n};
use super::geometry::{Rect, Segment};
use super::rows::{self, Value};
use super::scale::{Scale, value};
use super::sheet::{INK, Room, SOFT, Sheet, TICK, Tall, ticks_across, widest, widths};
use super::{DrawError, Task};

const NAME: Style = Style::new(17.0, INK);
const STRONG: Style = NAME.bold();
const BENEATH: Style = Style::new(17.0, SOFT);
const NUMBER: Style = Style::new(17.0, SOFT);
const REASON: Style = Style::new(17.0, SOFT).halo();
const REFERENCE: Style = Style::new(17.0, SOFT).halo();
/// From one row to the next; more where words stand under the names.
const PITCH: f64 = 24.0;
const PITCH_OF_TWO: f64 = 46.0;
const GUIDE: &str = "stroke=\"#dcdcdc\" stroke-width=\"1\" stroke-dasharray=\"2 4\"";
const RULE: &str = "stroke=\"#4a4a4a\" stroke-width=\"1.5\" stroke-dasharray=\"7 5\"";
const PLAIN: &str = "class=\"dot\" fill=\"#0072b2\"";
const ROD: &str = "class=\"rod\" stroke=\"#56b4e9\" stroke-width=\"5\"";
const PICKED: &str = "class=\"dot\" fill=\"#d55e00\" stroke=\"#1a1a1a\" stroke-width=\"1.5\"";
const PICKED_ROD: &str = "class=\"rod\" stroke=\"#e8a06a\" stroke-width=\"5\"";
const BOUNDS: &str = "class=\"bounds\" stroke=\"#6b6b6b\" stroke-width=\"1.5\" stroke-dasharray=\"3 3\"";

struct Row {
    name: String,
    beneath: String,
    /// The value, or why there is none.
    value: Result<f64, String>,
    ends: Option<(f64, f64)>,
    picked: bool,
}

pub(super) fn draw(task: Task<'_>) -> Result<String, DrawError> {
    let Task { chart, fonts, .. } = task;
    let axis = chart.x()?;
    let mut lines = read(task)?;
    let reference = lines.iter().position(|row| chart.reference.as_ref() == Some(&row.name)).map(|i| lines.remove(i));
    let each = lines.iter().chain(&reference);
    let shown = each.flat_map(|row| {
        row.value.iter().copied().chain(row.ends.map(|e| e.0)).chain(row.ends.map(|e| e.1)).collect::<Vec<_>>()
    });
    let (low, high) = rows::span(shown, axis, lines.iter().filter_map(|row| row.value.as_ref().err()))?;

    let name_style = |row: &Row| if row.picked { STRONG } else { NAME };
    let name_width = |row: &Row| {
        let name = fonts.face(row.picked).width(&row.name, name_style(row).size);
        name.max(fonts.regular.width(&row.beneath, BENEATH.size))
    };
    let pitch = if chart.beneath.is_some() { PITCH_OF_TWO } else { PITCH };
    let number = |row: &Row| row.value.as_ref().map(|v| value(*v)).unwrap_or_default();
    let gutter = lines.iter().map(name_width).fold(0.0, f64::max);
    if gutter > 0.5 * widths(task).0 {
        return Err(DrawError::NoRoom { what: "the names at the left".to_owned() });
    }
    let numbers = lines.iter().map(|row| fonts.bold.width(&number(row), NUMBER.size)).fold(0.0, f64::max);
    let room = Room {
        gutter,
        right: numbers + 16.0,
        over: &axis.label,
        above: 1.3 * TICK.size + if reference.is_some() { 1.4 * REFERENCE.size } else { 0.0 } + 6.0,
        x_lines: 1,
        below: 0.0,
        under: "",
        tall: Tall::Units(pitch * lines.len() as f64 + 10.0),
    };
    let interval = chart.interval.iter().map(|interval| format!("Lines through the dots: {}.", interval.words));
    let sheet = Sheet::lay_out(task, room, &interval.collect::<Vec<_>>(), &[])?;
    let x = Scale::round(axis, low, high, ticks_across(sheet.plot.w, widest(fonts, low, high)).min(7))?;
    let plot = sheet.plot;

    let mut canvas = Canvas::new(fonts);
    sheet.x_axis(&mut canvas, &x);
    for &tick in &x.ticks {
        canvas.text(sheet.x(&x, tick), plot.y - 8.0, Anchor::Middle, TICK, &x.label(tick));
    }
    if let Some(Row { name, value: Ok(v), .. }) = &reference {
        let at = sheet.x(&x, *v);
        canvas.line(Segment { a: (at, plot.y), b: (at, plot.bottom()) }, RULE);
        let text = format!("{name}: {}", value(*v));
        let half = fonts.regular.width(&text, REFERENCE.size) / 2.0;
        let middle = at.min(plot.right() - half).max(sheet.margin + half);
        canvas.text(middle, plot.y - 14.0 - TICK.size, Anchor::Middle, REFERENCE, &text);
    }
    // Where most rows have words instead of a number, the few numbers stand where words would.
    let beside = 2 * lines.iter().filter(|row| row.value.is_ok()).count() < lines.len();
    for (i, row) in lines.iter().enumerate() {
        let y = plot.y + 5.0 + (i as f64 + 0.5) * pitch;
        let baseline = y + 0.36 * NAME.size;
        let up = if row.beneath.is_empty() { 0.0 } else { 0.5 * BENEATH.size };
        canvas.text(plot.x - 10.0, baseline - up, Anchor::End, name_style(row), &row.name);
        if !row.beneath.is_empty() {
            canvas.text(plot.x - 10.0, baseline - up + 1.2 * BENEATH.size, Anchor::End, BENEATH, &row.beneath);
        }
        canvas.line(Segment { a: (plot.x, y), b: (plot.right(), y) }, GUIDE);
        mark(&mut canvas, &sheet, &x, row, y);
        let style = if row.picked { NUMBER.bold() } else { NUMBER };
        match &row.value {
            Ok(v) if beside => canvas.text(sheet.x(&x, *v) + 12.0, baseline, Anchor::Start, style, &number(row)),
            Ok(_) => canvas.text(plot.right() + 12.0 + numbers, baseline, Anchor::End, style, &number(row)),
            Err(_) => {}
        }
    }
    sheet.finish(canvas, task)
}

fn read(task: Task<'_>) -> Result<Vec<Row>, DrawError> {
    let Task { chart, frame, .. } = task;
    let axis = chart.x()?;
    let x_col = rows::column(frame, "x.column", &axis.column)?;
    let label = chart.label.as_deref().unwrap_or_default();
    let name_col = rows::column(frame, "label", label)?;
    let status = rows::optional(frame, "status", chart.status.as_ref())?;
    let interval = rows::interval(chart, frame)?;
    let beneath = rows::optional(frame, "beneath", chart.beneath.as_ref())?;
    let names: Vec<String> = frame.rows.iter().map(|r| rows::text(&r[name_col])).collect();
    rows::check_names(chart, &names, label)?;
    let row = |(i, name): (usize, String)| {
        let value = match rows::number(frame, i, x_col, axis)? {
            Value::Known(v) => Ok(v),
            Value::Absent => Err(rows::reason(frame, i, status, axis)?),
        };
        let known = value.as_ref().ok().copied();
        let ends = interval.map(|columns| rows::ends(frame, i, columns, known)).transpose()?.flatten();
        let picked = chart.highlight.contains(&name);
        let beneath = beneath.map(|column| rows::text(&frame.rows[i][column])).unwrap_or_default();
        Ok(Row { name, beneath, value, ends, picked })
    };
    names.into_iter().enumerate().map(row).collect()
}

fn mark(canvas: &mut Canvas<'_>, sheet: &Sheet, x: &Scale, row: &Row, y: f64) {
    let span = row.ends.map(|(low, high)| (sheet.x(x, low), sheet.x(x, high)));
    let rod = span.map(|(low, high)| Segment { a: (low, y), b: (high, y) });
    match &row.value {
        Ok(v) => {
            if let Some(rod) = rod {
                canvas.line(rod, if row.picked { PICKED_ROD } else { ROD });
            }
            let tip = format!("{}: {}{}", row.name, value(*v), rows::told(row.ends));
            let at = sheet.x(x, *v);
            if row.picked {
                let (l, r, t, b) = (n(at - 7.5), n(at + 7.5), n(y - 7.5), n(y + 7.5));
                let (at, y) = (n(at), n(y));
                canvas.path(&format!("M{at} {t}L{r} {y}L{at} {b}L{l} {y}Z"), PICKED, Some(&tip));
            } else {
                canvas.circle(at, y, 5.5, PLAIN, Some(&tip));
            }
        }
        Err(reason) => {
            if let Some(rod) = rod {
                canvas.line(rod, BOUNDS);
                for at in [rod.a.0, rod.b.0] {
                    canvas.line(
                        Segment { a: (at, y - 5.0), b: (at, y + 5.0) },
                        "stroke=\"#6b6b6b\" stroke-width=\"1.5\"",
                    );
                }
            }
            let width = canvas.fonts.regular.width(reason, REASON.size);
            let after = span.map_or(sheet.plot.x, |(_, high)| high) + 10.0;
            let before = span.map_or(sheet.plot.right(), |(low, _)| low) - 10.0;
            let baseline = y + 0.36 * REASON.size;
            let starts = if after + width <= sheet.plot.right() || before - width < sheet.plot.x {
                after
            } else {
                before - width
            };
            // Over a reference that runs through it.
            let behind = Rect { x: starts - 3.0, y: y - PITCH / 2.0 + 2.0, w: width + 6.0, h: PITCH - 4.0 };
            canvas.rect(behind, "fill=\"#fff\"", None);
            canvas.text(starts, baseline, Anchor::Start, REASON, reason);
        }
    }
}
