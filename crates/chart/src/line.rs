//! Lines over a numeric axis. An absent value breaks its line: in a chart of
//! one line it is an explained gap, among several a note in the footer.
//! Intervals are bands around the lines that stand out.

use super::canvas::{Anchor, Canvas, Style, n};
use super::font::Fonts;
use super::geometry::{Rect, Segment};
use super::rows::{self, Value};
use super::scale::{Scale, value};
use super::sheet::{INK, Room, SOFT, Sheet, Tall, gutter, ticks_across, widest, widths};
use super::{Cell, Chart, DrawError, Frame, Task, gap};

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
    points: Vec<Mark>,
    pen: (&'static str, &'static str),
    strong: bool,
}

#[derive(Clone, Copy)]
struct Mark {
    x: f64,
    /// The value, unless it is absent.
    y: Option<f64>,
    /// The interval around it.
    ends: Option<(f64, f64)>,
}

/// An absent value: its x, its line's name and the reason.
struct Absence {
    x: f64,
    name: String,
    reason: String,
}

pub(super) fn draw(task: Task<'_>) -> Result<String, DrawError> {
    let Task { chart, frame, fonts, .. } = task;
    let (x_axis, y_axis) = (chart.x()?, chart.y()?);
    let (series, absences) = read(chart, frame)?;
    let all = || series.iter().flat_map(|s| &s.points);
    let (x_low, x_high) = rows::span(all().map(|p| p.x), x_axis, [].iter())?;
    let shown = all().flat_map(|p| p.y.into_iter().chain(p.ends.map(|e| e.0)).chain(p.ends.map(|e| e.1)));
    let (y_low, y_high) = rows::span(shown, y_axis, absences.iter().map(|a| &a.reason))?;
    let whole = all().all(|p| p.x == p.x.trunc());
    let y = Scale::round(y_axis, y_low, y_high, 6)?;
    let names = Names::of(&series, fonts, widths(task).0);
    let room = Room {
        gutter: gutter(fonts, &y),
        right: names.width,
        over: &y_axis.label,
        above: 0.0,
        x_lines: 1,
        below: 0.0,
        under: &x_axis.label,
        tall: Tall::Declared(0.95),
    };
    let width = Sheet::lay_out(task, room, &[], &[])?.plot.w;
    let x = Scale::exact(x_axis, x_low, x_high, ticks_across(width, widest(fonts, x_low, x_high)), whole)?;

    // One line has room for its reasons in the plot; several would share the strip.
    let strips = if series.len() == 1 { absences.as_slice() } else { &[] };
    let banded = chart.interval.iter().map(|interval| format!("Bands: {}.", interval.words));
    let always: Vec<String> = banded.collect();
    let mut notes = always.clone();
    if strips.is_empty() {
        notes.extend(rows::not_drawn(&missing(&series, &absences)));
    }
    loop {
        let sheet = Sheet::lay_out(task, room, &notes, &[])?;
        let mut canvas = Canvas::new(fonts);
        gap::define(&mut canvas);
        sheet.y_axis(&mut canvas, &y);
        sheet.x_axis(&mut canvas, &x);
        let unsaid = strips_of_gaps(&mut canvas, &sheet, &x, &series, strips);
        sheet.baseline(&mut canvas);
        for s in series.iter().filter(|s| s.strong) {
            band(&mut canvas, &sheet, (&x, &y), s);
        }
        for s in &series {
            stroke(&mut canvas, &sheet, (&x, &y), s);
        }
        names.draw(&mut canvas, &sheet, &y)?;
        if strips.is_empty() {
            return sheet.finish(canvas, task);
        }
        // A taller footer may push out one more reason.
        let next = always.iter().cloned().chain(rows::gap_notes(&unsaid)).collect();
        let said = std::mem::replace(&mut notes, next);
        if said == notes {
            return sheet.finish(canvas, task);
        }
    }
}

/// What is not drawn of several lines: a line without any value is named once.
fn missing(series: &[Series], absences: &[Absence]) -> Vec<String> {
    let mut said = Vec::new();
    for s in series {
        let mine: Vec<&Absence> = absences.iter().filter(|a| a.name == s.name).collect();
        match mine.as_slice() {
            [] => {}
            [first, rest @ ..] if mine.len() == s.points.len() && rest.iter().all(|a| a.reason == first.reason) => {
                said.push(format!("{} ({})", s.name, first.reason));
            }
            some => said.extend(some.iter().map(|a| format!("{} {} ({})", a.name, value(a.x), a.reason))),
        }
    }
    said
}

fn read(chart: &Chart, frame: &Frame) -> Result<(Vec<Series>, Vec<Absence>), DrawError> {
    let (x_axis, y_axis) = (chart.x()?, chart.y()?);
    let x_col = rows::column(frame, "x.column", &x_axis.column)?;
    let y_col = rows::column(frame, "y.column", &y_axis.column)?;
    let interval = rows::interval(chart, frame)?;
    let label = rows::optional(frame, "label", chart.label.as_ref())?;
    let status = rows::optional(frame, "status", chart.status.as_ref())?;
    let name = |r: &Vec<Cell>| label.map(|c| rows::text(&r[c])).unwrap_or_default();
    let names: Vec<String> = frame.rows.iter().map(name).collect();
    rows::check_names(chart, &names, chart.label.as_deref().unwrap_or("label"))?;
    let (mut series, mut absences): (Vec<Series>, Vec<Absence>) = (Vec::new(), Vec::new());
    for (i, name) in names.into_iter().enumerate() {
        let Value::Known(x) = rows::number(frame, i, x_col, x_axis)? else {
            let column = x_axis.column.clone();
            return Err(DrawError::NotNumeric { row: i + 1, column, found: "null".to_owned() });
        };
        let y = match rows::number(frame, i, y_col, y_axis)? {
            Value::Known(v) => Some(v),
            Value::Absent => {
                let reason = rows::reason(frame, i, status, y_axis)?;
                absences.push(Absence { x, name: name.clone(), reason });
                None
            }
        };
        let mark = Mark { x, y, ends: interval.map(|columns| rows::ends(frame, i, columns, y)).transpose()?.flatten() };
        match series.iter_mut().find(|s| s.name == name) {
            Some(s) => s.points.push(mark),
            None => series.push(Series { name, points: vec![mark], pen: QUIET, strong: false }),
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
        let others = || series.iter().flat_map(|s| &s.points).map(|p| p.x);
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
    for point in &s.points {
        match point.y {
            Some(py) => {
                let verb = if down { 'L' } else { 'M' };
                d.push_str(&format!("{verb}{} {}", n(sheet.x(x, point.x)), n(sheet.y(y, py))));
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
    for point in &s.points {
        if let Some(py) = point.y {
            let tip = format!("{} {}: {}{}", s.name, value(point.x), value(py), rows::told(point.ends));
            let r = if s.strong { 4.5 } else { 2.5 };
            canvas.circle(sheet.x(x, point.x), sheet.y(y, py), r, &fill, Some(tip.trim()));
        }
    }
}

/// The intervals of a line, as an area that breaks where they do.
fn band(canvas: &mut Canvas<'_>, sheet: &Sheet, (x, y): (&Scale, &Scale), s: &Series) {
    for run in s.points.split(|point| point.ends.is_none()) {
        let spot = |at: f64, v: f64| format!("{} {}", n(sheet.x(x, at)), n(sheet.y(y, v)));
        let over = run.iter().filter_map(|p| p.ends.map(|(_, high)| spot(p.x, high)));
        let under = run.iter().rev().filter_map(|p| p.ends.map(|(low, _)| spot(p.x, low)));
        let outline: Vec<String> = over.chain(under).collect();
        if run.len() > 1 {
            let paint = format!("class=\"band\" fill=\"{}\" fill-opacity=\"0.16\"", s.pen.0);
            canvas.path(&format!("M{}Z", outline.join("L")), &paint, None);
        } else if let [Mark { x: at, ends: Some((low, high)), .. }] = run {
            // One value between two gaps has no width to fill.
            let rod = Segment { a: (sheet.x(x, *at), sheet.y(y, *high)), b: (sheet.x(x, *at), sheet.y(y, *low)) };
            canvas.line(rod, &format!("class=\"band\" stroke=\"{}\" stroke-width=\"2\"", s.pen.0));
        }
    }
}

/// Names beside the last value of each line, wrapped where they would take too much of the sheet.
struct Names {
    /// A line's last value, how its name looks, and the name.
    ends: Vec<(f64, Style, Vec<String>)>,
    /// Width that they need.
    width: f64,
}

impl Names {
    fn of(series: &[Series], fonts: &Fonts, sheet: f64) -> Self {
        let most = 0.3 * sheet;
        let mut width: f64 = 12.0;
        let mut ends = Vec::new();
        for s in named(series) {
            let Some(last) = s.points.iter().rev().find_map(|p| p.y) else { continue };
            let style = name_style(s);
            let font = fonts.face(style.bold);
            let room = font.widest_word(&s.name, style.size).max(most);
            let lines = font.wrap(&s.name, style.size, room);
            width = lines.iter().map(|line| font.width(line, style.size) + 14.0).fold(width, f64::max);
            ends.push((last, style, lines));
        }
        Self { ends, width }
    }

    /// Draws them, pushed apart where they would touch: downwards, and the last ones back up from the foot of the plot.
    fn draw(&self, canvas: &mut Canvas<'_>, sheet: &Sheet, y: &Scale) -> Result<(), DrawError> {
        let height = |(_, style, lines): &(f64, Style, Vec<String>)| 1.2 * style.size * lines.len() as f64;
        let mut ends: Vec<_> = self.ends.iter().map(|end| (sheet.y(y, end.0) - height(end) / 2.0, end)).collect();
        ends.sort_by(|a, b| (a.0 + height(a.1) / 2.0).total_cmp(&(b.0 + height(b.1) / 2.0)));
        let mut free = sheet.plot.y - 12.0;
        for (top, end) in &mut ends {
            *top = top.max(free);
            free = *top + height(end);
        }
        let mut free = sheet.plot.bottom() + 12.0;
        for (top, end) in ends.iter_mut().rev() {
            *top = top.min(free - height(end));
            free = *top;
        }
        if let Some((top, end)) = ends.first()
            && *top < sheet.plot.y - 14.0
        {
            return Err(DrawError::NoRoom { what: format!("the label `{}`", end.2.join(" ")) });
        }
        let left = sheet.plot.right() + 10.0;
        for (top, (_, style, lines)) in &ends {
            for (i, line) in lines.iter().enumerate() {
                let baseline = top + 1.2 * style.size * i as f64 + 0.96 * style.size;
                canvas.text(left, baseline, Anchor::Start, *style, line);
            }
        }
        Ok(())
    }
}
