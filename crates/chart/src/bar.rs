//! Bars from zero, one per row; an absent value is an explained gap.

use super::canvas::{Anchor, Canvas, Style};
use super::font::Fonts;
use super::geometry::{Rect, Segment};
use super::rows::{self, Value};
use super::scale::{Scale, value};
use super::sheet::{INK, Room, SOFT, Sheet, TICK, Tall, gutter};
use super::{Chart, DrawError, Frame, Task, gap};

const VALUE: Style = Style::new(22.0, INK).bold();
const REFERENCE: Style = Style::new(17.0, SOFT).halo();
const PLAIN: &str = "class=\"bar\" fill=\"#0072b2\"";
/// Beside highlighted bars the others step back; the dark edge tells them apart in grey.
const PALE: &str = "class=\"bar\" fill=\"#56b4e9\"";
const PICKED: &str = "class=\"bar\" fill=\"#d55e00\" stroke=\"#1a1a1a\" stroke-width=\"2\"";
const RULE: &str = "stroke=\"#4a4a4a\" stroke-width=\"1.5\" stroke-dasharray=\"7 5\"";

struct Slot {
    /// What `highlight` and `reference` call it: the cell of the x column.
    name: String,
    /// What is printed under it.
    caption: String,
    /// The value, or why there is none.
    value: Result<f64, String>,
}

pub(super) fn draw(task: Task<'_>) -> Result<String, DrawError> {
    let Task { chart, frame, fonts, .. } = task;
    let (x_axis, y_axis) = (chart.x()?, chart.y()?);
    let mut slots = read(chart, frame)?;
    let reference = slots.iter().position(|s| chart.reference.as_ref() == Some(&s.name)).map(|i| slots.remove(i));
    let known = slots.iter().chain(&reference).filter_map(|s| s.value.as_ref().ok().copied());
    let (low, high) = rows::span(known, y_axis, slots.iter().filter_map(|s| s.value.as_ref().err()))?;
    if low < 0.0 {
        return Err(DrawError::BarBase(format!("`{}` holds {low}", y_axis.column)));
    }
    if y_axis.min.is_some_and(|m| m != 0.0) || x_axis.min.is_some() || x_axis.max.is_some() {
        return Err(DrawError::BarBase("leave out the limits of x and the lower one of y".to_owned()));
    }
    // A little more than the highest bar, so that its number stays inside.
    let headroom = if y_axis.max.is_some() { high } else { high * 1.08 };
    let y = Scale::round(y_axis, 0.0, headroom, 6)?;

    // The captions decide how many lines the x axis needs, the reasons that
    // do not fit their strip go to the footer: so measure, then draw.
    let room = Room {
        gutter: gutter(fonts, &y),
        right: 0.0,
        over: &y_axis.label,
        above: 0.0,
        x_lines: 1,
        below: 0.0,
        under: &x_axis.label,
        tall: Tall::Declared(0.85),
    };
    let width = Sheet::lay_out(task, room, &[], &[])?.plot.w;
    let band = width / slots.len().max(1) as f64;
    let words: Vec<&str> = slots.iter().map(|s| s.caption.as_str()).collect();
    let captions = captions(&words, fonts, band)?;
    let room = Room { x_lines: captions.iter().map(Vec::len).max().unwrap_or(1), ..room };
    let mut notes: Vec<String> = Vec::new();
    loop {
        let sheet = Sheet::lay_out(task, room, &notes, &[])?;
        let mut canvas = Canvas::new(fonts);
        gap::define(&mut canvas);
        sheet.y_axis(&mut canvas, &y);
        let unsaid = bars(&mut canvas, chart, &sheet, &y, &slots);
        sheet.baseline(&mut canvas);
        for (i, lines) in captions.iter().enumerate() {
            for (k, line) in lines.iter().enumerate() {
                let middle = sheet.plot.x + (i as f64 + 0.5) * band;
                canvas.text(middle, sheet.tick_baseline(k), Anchor::Middle, TICK, line);
            }
        }
        if let Some(Slot { name, value: Ok(v), .. }) = &reference {
            rule(&mut canvas, &sheet, name, *v, &y);
        }
        // A taller footer may push out one more reason.
        let said = std::mem::replace(&mut notes, rows::gap_notes(&unsaid));
        if said == notes {
            return sheet.finish(canvas, task);
        }
    }
}

fn read(chart: &Chart, frame: &Frame) -> Result<Vec<Slot>, DrawError> {
    let (x_axis, y_axis) = (chart.x()?, chart.y()?);
    let x_col = rows::column(frame, "x.column", &x_axis.column)?;
    let y_col = rows::column(frame, "y.column", &y_axis.column)?;
    let label = rows::optional(frame, "label", chart.label.as_ref())?;
    let status = rows::optional(frame, "status", chart.status.as_ref())?;
    let names: Vec<String> = frame.rows.iter().map(|r| rows::text(&r[x_col])).collect();
    rows::check_names(chart, &names, &x_axis.column)?;
    let slot = |(i, name): (usize, String)| {
        let value = match rows::number(frame, i, y_col, y_axis)? {
            Value::Known(v) => Ok(v),
            Value::Absent => Err(rows::reason(frame, i, status, y_axis)?),
        };
        let caption = label.map_or_else(|| name.clone(), |c| rows::text(&frame.rows[i][c]));
        Ok(Slot { name, caption, value })
    };
    names.into_iter().enumerate().map(slot).collect()
}

/// The words under each bar: wrapped to its width or, where numbers such as
/// years are too many, every second one or fewer.
pub(super) fn captions(words: &[&str], fonts: &Fonts, band: f64) -> Result<Vec<Vec<String>>, DrawError> {
    let font = &fonts.regular;
    let room = band - 8.0;
    let widest = words.iter().map(|w| font.widest_word(w, TICK.size)).fold(0.0, f64::max);
    if widest <= room {
        return Ok(words.iter().map(|w| font.wrap(w, TICK.size, room)).collect());
    }
    if words.iter().any(|w| w.parse::<i64>().is_err()) {
        return Err(DrawError::NoRoom { what: "the names under the bars".to_owned() });
    }
    let every = ((widest + 12.0) / band).ceil().max(1.0) as usize;
    let shown = |(i, w): (usize, &&str)| if i % every == 0 { vec![(*w).to_owned()] } else { vec![] };
    Ok(words.iter().enumerate().map(shown).collect())
}

/// Draws bars and gaps; returns the names and reasons of gaps too narrow to hold them.
fn bars(canvas: &mut Canvas<'_>, chart: &Chart, sheet: &Sheet, y: &Scale, slots: &[Slot]) -> Vec<(String, String)> {
    let plot = sheet.plot;
    let band = plot.w / slots.len().max(1) as f64;
    let numbers: Vec<String> = slots.iter().map(|s| s.value.as_ref().map(|v| value(*v)).unwrap_or_default()).collect();
    let font = &canvas.fonts.bold;
    let fit = numbers.iter().all(|t| font.width(t, VALUE.size) + 6.0 <= band);
    let mut unsaid = Vec::new();
    for (i, slot) in slots.iter().enumerate() {
        let left = plot.x + i as f64 * band;
        match &slot.value {
            Ok(v) => {
                let top = sheet.y(y, *v);
                let bar = Rect::new(left + 0.2 * band, top, 0.6 * band, plot.bottom() - top);
                let paint = match (chart.highlight.is_empty(), chart.highlight.contains(&slot.name)) {
                    (true, _) => PLAIN,
                    (_, true) => PICKED,
                    (_, false) => PALE,
                };
                canvas.rect(bar, paint, Some(&format!("{}: {}", slot.caption, numbers[i])));
                if fit {
                    canvas.text(left + 0.5 * band, top - 8.0, Anchor::Middle, VALUE, &numbers[i]);
                }
            }
            Err(reason) => {
                let strip = Rect::new(left + 0.06 * band, plot.y, 0.88 * band, plot.h);
                let tip = format!("{}: {reason}", slot.caption);
                if !gap::draw(canvas, strip, reason, &tip) {
                    unsaid.push((slot.caption.clone(), reason.clone()));
                }
            }
        }
    }
    unsaid
}

fn rule(canvas: &mut Canvas<'_>, sheet: &Sheet, name: &str, v: f64, y: &Scale) {
    let (plot, at) = (sheet.plot, sheet.y(y, v));
    canvas.line(Segment { a: (plot.x, at), b: (plot.right(), at) }, RULE);
    let text = format!("{name}: {}", value(v));
    canvas.text(plot.right() - 4.0, at - 7.0, Anchor::End, REFERENCE, &text);
}
