//! Small multiples: a panel for each value of a column, all to the same scales, so that panels may be compared.
//!
//! A value that is absent is hatched in its panel and its reason told under the chart: a panel has no room for words.

use super::bar::captions;
use super::canvas::{Anchor, Canvas, Style, n};
use super::geometry::{Rect, Segment};
use super::rows::{self, Value};
use super::scale::{Scale, value};
use super::sheet::{GRID, INK, Room, SPINE, Sheet, TICK, Tall, gutter, ticks_across, widest};
use super::{DrawError, Inside, Task, Width, colour};

const TITLE: Style = Style::new(18.0, INK).bold();
const TITLE_LINE: f64 = 1.2 * TITLE.size;
/// Between a panel's title and its plot, and between panels.
const GAP: f64 = 8.0;
const APART: f64 = 26.0;
const PLAIN: (&str, &str) = ("#0072b2", "2.5");
const PICKED: (&str, &str) = ("#d55e00", "4");
const REFERENCE: &str =
    "class=\"reference\" fill=\"none\" stroke=\"#8a8a8a\" stroke-width=\"2\" stroke-dasharray=\"6 4\"";

/// A place on the x axis, and the value there or why there is none.
type Points = Vec<(f64, Result<f64, String>)>;

struct One {
    name: String,
    points: Points,
}

/// What the x axis of every panel is.
enum Across {
    /// A number.
    Scale(Scale),
    /// The values in a row, with their captions.
    Bands(Vec<String>),
}

pub(super) fn draw(task: Task<'_>) -> Result<String, DrawError> {
    let Task { chart, fonts, width, .. } = task;
    let panel = chart.panel.as_ref().ok_or(DrawError::Lacking { part: "panel", kind: chart.kind })?;
    let (x_axis, y_axis) = (chart.x()?, chart.y()?);
    let (mut all, bands) = read(task, panel)?;
    let values = || all.iter().flat_map(|one| &one.points);
    let (x_low, x_high) = rows::span(values().map(|p| p.0), x_axis, [].iter())?;
    let (low, high) = rows::span(
        values().filter_map(|p| p.1.as_ref().ok().copied()),
        y_axis,
        values().filter_map(|p| p.1.as_ref().err()),
    )?;
    let whole = values().all(|p| p.0 == p.0.trunc());
    let y = match panel.inside {
        Inside::Bar if low < 0.0 || y_axis.min.is_some_and(|min| min != 0.0) => {
            return Err(DrawError::BarBase(format!("`{}` holds {low}", y_axis.column)));
        }
        Inside::Bar => Scale::round(y_axis, 0.0, high, 4)?,
        Inside::Line => Scale::round(y_axis, low, high, 4)?,
    };
    let is_reference = |one: &One| chart.reference.as_ref() == Some(&one.name);
    let reference = all.iter().position(is_reference).map(|i| all.remove(i));

    let most = match width {
        Width::Print => panel.across.unwrap_or(4).max(1),
        Width::Phone => 2,
    };
    let columns = most.min(all.len()).max(1);
    let lines = all.len().div_ceil(columns);
    let mut notes: Vec<String> = reference.iter().map(|one| format!("Dashed grey line: {}.", one.name)).collect();
    let unsaid = all.iter().chain(&reference).flat_map(|one| {
        let absent = one.points.iter().filter_map(|(x, v)| Some((*x, v.as_ref().err()?)));
        absent.map(|(x, why)| {
            let at = if bands.is_empty() { value(x) } else { bands[x as usize].clone() };
            (format!("{} {at}", one.name), why.clone())
        })
    });
    notes.extend(rows::gap_notes(&unsaid.collect::<Vec<_>>()));

    // How wide a panel is follows from the sheet, how high its title from that, and the sheet's height from all of it.
    let room = Room {
        gutter: gutter(fonts, &y),
        right: 12.0,
        over: &y_axis.label,
        above: 0.0,
        x_lines: 0,
        below: 0.0,
        under: &x_axis.label,
        tall: Tall::Times(1.0),
    };
    let inner = Sheet::lay_out(task, room, &notes, &[])?.plot.w;
    let wide = (inner - APART * (columns - 1) as f64) / columns as f64;
    let titles: Vec<Vec<String>> = all.iter().map(|one| fonts.bold.wrap(&one.name, TITLE.size, wide)).collect();
    let title = titles.iter().map(Vec::len).max().unwrap_or(1) as f64 * TITLE_LINE + GAP;
    let tall = wide * if width == Width::Print { 0.62 } else { 0.72 };
    let across = if bands.is_empty() {
        let ticks = ticks_across(wide, widest(fonts, x_low, x_high));
        Across::Scale(Scale::exact(x_axis, x_low, x_high, ticks, whole)?)
    } else {
        let words: Vec<&str> = bands.iter().map(String::as_str).collect();
        let lines = captions(&words, fonts, wide / bands.len() as f64)?;
        Across::Bands(lines.into_iter().map(|lines| lines.join(" ")).collect())
    };
    let ticks = 1.3 * TICK.size + 10.0;
    let step = title + tall + ticks + 14.0;
    let room = Room { tall: Tall::Units(step * lines as f64 - 14.0), ..room };
    let sheet = Sheet::lay_out(task, room, &notes, &[])?;

    let mut canvas = Canvas::new(fonts);
    colour::hatch(&mut canvas, 0, 1.0);
    for (i, (one, title_lines)) in all.iter().zip(&titles).enumerate() {
        let (column, line) = (i % columns, i / columns);
        let left = sheet.plot.x + column as f64 * (wide + APART);
        let top = sheet.plot.y + line as f64 * step;
        let plot = Rect::new(left, top + title, wide, tall);
        for (k, words) in title_lines.iter().enumerate() {
            // Titles stand on their panels, however many lines the neighbour's has.
            let up = (title_lines.len() - 1 - k) as f64 * TITLE_LINE;
            canvas.text(left, plot.y - GAP - 0.22 * TITLE.size - up, Anchor::Start, TITLE, words);
        }
        let picked = chart.highlight.contains(&one.name);
        let view = View { plot, across: &across, y: &y };
        view.axes(&mut canvas, column == 0);
        view.gaps(&mut canvas, one);
        if let Some(reference) = &reference {
            view.line(&mut canvas, reference, REFERENCE, None);
        }
        match panel.inside {
            Inside::Line => {
                let (ink, weight) = if picked { PICKED } else { PLAIN };
                let paint = format!(
                    "class=\"line\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"{weight}\" stroke-linejoin=\"round\""
                );
                view.line(&mut canvas, one, &paint, Some(ink));
            }
            Inside::Bar => view.bars(&mut canvas, one, if picked { PICKED.0 } else { PLAIN.0 }),
        }
        canvas.line(Segment { a: (plot.x, plot.bottom()), b: (plot.right(), plot.bottom()) }, SPINE);
    }
    sheet.finish(canvas, task)
}

/// The panels in the order of their first rows, and for bars the captions of the places along the x axis.
fn read(task: Task<'_>, panel: &super::Panel) -> Result<(Vec<One>, Vec<String>), DrawError> {
    let Task { chart, frame, .. } = task;
    let (x_axis, y_axis) = (chart.x()?, chart.y()?);
    let name_col = rows::column(frame, "panel.column", &panel.column)?;
    let x_col = rows::column(frame, "x.column", &x_axis.column)?;
    let y_col = rows::column(frame, "y.column", &y_axis.column)?;
    let status = rows::optional(frame, "status", chart.status.as_ref())?;
    let names: Vec<String> = frame.rows.iter().map(|r| rows::text(&r[name_col])).collect();
    rows::check_names(chart, &names, &panel.column)?;
    if panel.inside == Inside::Bar && chart.reference.is_some() {
        return Err(DrawError::Unsupported("bars in panels have no `reference`: return it as a panel of its own"));
    }
    let mut all: Vec<One> = Vec::new();
    let mut bands: Vec<String> = Vec::new();
    for (i, name) in names.into_iter().enumerate() {
        let x = match panel.inside {
            Inside::Line => match rows::number(frame, i, x_col, x_axis)? {
                Value::Known(x) => x,
                Value::Absent => {
                    let column = x_axis.column.clone();
                    return Err(DrawError::NotNumeric { row: i + 1, column, found: "null".to_owned() });
                }
            },
            Inside::Bar => {
                let caption = rows::text(&frame.rows[i][x_col]);
                let at = bands.iter().position(|band| *band == caption).unwrap_or_else(|| {
                    bands.push(caption);
                    bands.len() - 1
                });
                at as f64
            }
        };
        let y = match rows::number(frame, i, y_col, y_axis)? {
            Value::Known(v) => Ok(v),
            Value::Absent => Err(rows::reason(frame, i, status, y_axis)?),
        };
        match all.iter_mut().find(|one| one.name == name) {
            Some(one) => one.points.push((x, y)),
            None => all.push(One { name, points: vec![(x, y)] }),
        }
    }
    Ok((all, bands))
}

/// One panel, ready to draw in.
struct View<'a> {
    plot: Rect,
    across: &'a Across,
    y: &'a Scale,
}

impl View<'_> {
    fn x(&self, v: f64) -> f64 {
        match self.across {
            Across::Scale(scale) => self.plot.x + scale.place(v) * self.plot.w,
            Across::Bands(bands) => self.plot.x + (v + 0.5) * self.plot.w / bands.len() as f64,
        }
    }

    fn y(&self, v: f64) -> f64 {
        self.plot.bottom() - self.y.place(v) * self.plot.h
    }

    fn axes(&self, canvas: &mut Canvas<'_>, numbered: bool) {
        for &tick in &self.y.ticks {
            let y = self.y(tick);
            canvas.line(Segment { a: (self.plot.x, y), b: (self.plot.right(), y) }, GRID);
            if numbered {
                canvas.text(self.plot.x - 10.0, y + 0.36 * TICK.size, Anchor::End, TICK, &self.y.label(tick));
            }
        }
        let under = self.plot.bottom() + 8.0 + 0.8 * TICK.size;
        match self.across {
            Across::Scale(scale) => {
                for &tick in &scale.ticks {
                    let x = self.x(tick);
                    canvas.line(Segment { a: (x, self.plot.y), b: (x, self.plot.bottom()) }, GRID);
                    canvas.text(x, under, Anchor::Middle, TICK, &scale.label(tick));
                }
            }
            Across::Bands(bands) => {
                for (i, words) in bands.iter().enumerate().filter(|(_, words)| !words.is_empty()) {
                    canvas.text(self.x(i as f64), under, Anchor::Middle, TICK, words);
                }
            }
        }
    }

    /// Hatches halfway to the neighbouring places.
    fn gaps(&self, canvas: &mut Canvas<'_>, one: &One) {
        for (at, why) in one.points.iter().filter_map(|(x, v)| Some((*x, v.as_ref().err()?))) {
            let others = || one.points.iter().map(|p| p.0);
            let (left, right) = match self.across {
                Across::Bands(_) => (self.x(at - 0.5) + 1.0, self.x(at + 0.5) - 1.0),
                Across::Scale(_) => {
                    let before = others().filter(|o| *o < at).fold(f64::NEG_INFINITY, f64::max);
                    let after = others().filter(|o| *o > at).fold(f64::INFINITY, f64::min);
                    let left = if before.is_finite() { (before + at) / 2.0 } else { at };
                    let right = if after.is_finite() { (after + at) / 2.0 } else { at };
                    (self.x(left), self.x(right))
                }
            };
            let strip = Rect::new(left, self.plot.y, (right - left).max(3.0), self.plot.h);
            let tip = format!("{}: {why}", one.name);
            canvas.rect(strip, "class=\"gap\" fill=\"url(#hatch0)\"", Some(&tip));
        }
    }

    fn line(&self, canvas: &mut Canvas<'_>, one: &One, paint: &str, dots: Option<&str>) {
        let mut d = String::new();
        let mut down = false;
        for (x, v) in &one.points {
            down = match v {
                Ok(v) => {
                    d.push_str(&format!("{}{} {}", if down { 'L' } else { 'M' }, n(self.x(*x)), n(self.y(*v))));
                    true
                }
                Err(_) => false,
            };
        }
        if d.is_empty() {
            return;
        }
        canvas.path(&d, paint, Some(&one.name));
        let Some(ink) = dots else { return };
        for (x, v) in one.points.iter().filter_map(|(x, v)| Some((*x, *v.as_ref().ok()?))) {
            let tip = format!("{} {}: {}", one.name, value(x), value(v));
            canvas.circle(self.x(x), self.y(v), 2.5, &format!("fill=\"{ink}\""), Some(&tip));
        }
    }

    fn bars(&self, canvas: &mut Canvas<'_>, one: &One, ink: &str) {
        let Across::Bands(bands) = self.across else { return };
        let band = self.plot.w / bands.len() as f64;
        for (x, v) in one.points.iter().filter_map(|(x, v)| Some((*x, *v.as_ref().ok()?))) {
            let top = self.y(v);
            let bar = Rect::new(self.x(x) - 0.38 * band, top, 0.76 * band, self.plot.bottom() - top);
            let tip = format!("{}: {}", one.name, value(v));
            canvas.rect(bar, &format!("class=\"bar\" fill=\"{ink}\""), Some(&tip));
        }
    }
}
