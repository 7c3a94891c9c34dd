//! Points by two numbers, named without overlaps.

use super::canvas::{Anchor, Canvas, Style};
use super::font::Fonts;
use super::geometry::{Rect, Segment};
use super::labels::{Obstacles, Place, Point, place};
use super::rows::{self, Value};
use super::scale::{Scale, value};
use super::sheet::{INK, Room, SOFT, Sheet, Tall, gutter, ticks_across, widest};
use super::{Chart, DrawError, Frame, Task};

const NAME: Style = Style::new(17.0, INK).halo();
const STRONG: Style = Style::new(20.0, INK).bold().halo();
const REFERENCE: Style = Style::new(17.0, SOFT).halo();
/// Pale fill for the many, dark fill and another shape for the few: they
/// differ in lightness and form, so that neither colour vision nor ink matters.
const PLAIN: &str = "fill=\"#56b4e9\" fill-opacity=\"0.75\" stroke=\"#0072b2\" stroke-width=\"1.25\"";
const PICKED: &str = "fill=\"#d55e00\" stroke=\"#1a1a1a\" stroke-width=\"1.5\"";
const LEADER: &str = "stroke=\"#6b6b6b\" stroke-width=\"1\"";
const RULE: &str = "stroke=\"#4a4a4a\" stroke-width=\"1.5\" stroke-dasharray=\"7 5\"";
/// Beyond this many points only the highlighted ones are named.
const NAMED_AT_MOST: usize = 150;

struct Dot {
    name: String,
    x: f64,
    y: f64,
    picked: bool,
}

/// What the rows say, sorted into what is drawn how.
struct Content {
    dots: Vec<Dot>,
    /// Name and values of the row that is drawn as lines.
    reference: Option<(String, Option<f64>, Option<f64>)>,
    /// Rows that cannot be drawn, each with the reason.
    absent: Vec<String>,
}

pub(super) fn draw(task: Task<'_>) -> Result<String, DrawError> {
    let Task { chart, frame, fonts, .. } = task;
    let (x_axis, y_axis) = (chart.x()?, chart.y()?);
    let content = read(chart, frame)?;
    let (ref_x, ref_y) = content.reference.as_ref().map_or((None, None), |(_, x, y)| (*x, *y));
    let xs = content.dots.iter().map(|d| d.x).chain(ref_x);
    let ys = content.dots.iter().map(|d| d.y).chain(ref_y);
    let (x_low, x_high) = rows::span(xs, x_axis, content.absent.iter())?;
    let (y_low, y_high) = rows::span(ys, y_axis, content.absent.iter())?;
    let y = Scale::round(y_axis, y_low, y_high, 6)?;
    let room = Room {
        gutter: gutter(fonts, &y),
        // The last number stands half outside the plot.
        right: 16.0,
        over: &y_axis.label,
        above: 0.0,
        x_lines: 1,
        below: 0.0,
        under: &x_axis.label,
        tall: Tall::Declared(1.0),
    };
    let width = Sheet::lay_out(task, room, &[], &[])?.plot.w;
    let x = Scale::round(x_axis, x_low, x_high, ticks_across(width, widest(fonts, x_low, x_high)).min(7))?;

    // Names without a place are listed in the footer; a taller footer may cost
    // another name its place, hence again, until nothing more is left out.
    let mut unnamed = vec![false; content.dots.len()];
    loop {
        let notes: Vec<String> =
            rows::not_drawn(&content.absent).into_iter().chain(left_out(&content.dots, &unnamed)).collect();
        let sheet = Sheet::lay_out(task, room, &notes, &[])?;
        let points = points(&content.dots, &unnamed, fonts, &sheet, (&x, &y));
        let rules = rules(&content, fonts, &sheet, (&x, &y), &points);
        let obstacles =
            Obstacles { words: rules.iter().map(|r| r.ink).collect(), lines: rules.iter().map(|r| r.line).collect() };
        let places = place(&points, &obstacles, sheet.plot.grow(-2.0));
        let mut again = false;
        for (i, dot) in content.dots.iter().enumerate() {
            if points[i].named && places[i].is_none() {
                if dot.picked {
                    return Err(DrawError::NoRoom { what: format!("the label `{}`", dot.name) });
                }
                unnamed[i] = true;
                again = true;
            }
        }
        if !again {
            let mut canvas = Canvas::new(fonts);
            sheet.y_axis(&mut canvas, &y);
            sheet.x_axis(&mut canvas, &x);
            sheet.baseline(&mut canvas);
            paint(&mut canvas, &content.dots, &points, &places, &rules);
            return sheet.finish(canvas, task);
        }
    }
}

fn read(chart: &Chart, frame: &Frame) -> Result<Content, DrawError> {
    let (x_axis, y_axis) = (chart.x()?, chart.y()?);
    let x_col = rows::column(frame, "x.column", &x_axis.column)?;
    let y_col = rows::column(frame, "y.column", &y_axis.column)?;
    let label = rows::optional(frame, "label", chart.label.as_ref())?;
    let status = rows::optional(frame, "status", chart.status.as_ref())?;
    let names: Vec<String> = frame.rows.iter().map(|r| label.map(|c| rows::text(&r[c])).unwrap_or_default()).collect();
    rows::check_names(chart, &names, chart.label.as_deref().unwrap_or("label"))?;

    let mut content = Content { dots: Vec::new(), reference: None, absent: Vec::new() };
    for (i, name) in names.into_iter().enumerate() {
        let x = rows::number(frame, i, x_col, x_axis)?;
        let y = rows::number(frame, i, y_col, y_axis)?;
        if chart.reference.as_ref() == Some(&name) {
            let known = |v| if let Value::Known(v) = v { Some(v) } else { None };
            content.reference = Some((name, known(x), known(y)));
            continue;
        }
        match (x, y) {
            (Value::Known(x), Value::Known(y)) => {
                let picked = chart.highlight.contains(&name);
                content.dots.push(Dot { name, x, y, picked });
            }
            (x, _) => {
                let axis = if let Value::Absent = x { x_axis } else { y_axis };
                let reason = rows::reason(frame, i, status, axis)?;
                content.absent.push(format!("{name} ({reason})"));
            }
        }
    }
    Ok(content)
}

fn left_out(dots: &[Dot], unnamed: &[bool]) -> Option<String> {
    let names: Vec<&str> = dots
        .iter()
        .zip(unnamed)
        .filter(|(d, left)| **left && !d.name.is_empty())
        .map(|(d, _)| d.name.as_str())
        .collect();
    match names.len() {
        0 if dots.len() > NAMED_AT_MOST => Some("Only highlighted points are named.".to_owned()),
        0 => None,
        1..=12 => Some(format!("Drawn without a name for lack of room: {}.", names.join(", "))),
        n => Some(format!("{n} of {} points are drawn without a name for lack of room.", dots.len())),
    }
}

fn style(dot: &Dot) -> Style {
    if dot.picked { STRONG } else { NAME }
}

fn points(dots: &[Dot], unnamed: &[bool], fonts: &Fonts, sheet: &Sheet, (x, y): (&Scale, &Scale)) -> Vec<Point> {
    // Highlighted names first, then those far from the middle: they carry the most news.
    let centre = (sheet.plot.x + sheet.plot.w / 2.0, sheet.plot.y + sheet.plot.h / 2.0);
    let far = |d: &Dot| {
        let (dx, dy) = (sheet.x(x, d.x) - centre.0, sheet.y(y, d.y) - centre.1);
        dx * dx + dy * dy
    };
    let mut order: Vec<usize> = (0..dots.len()).collect();
    order.sort_by(|&a, &b| {
        let picked = dots[b].picked.cmp(&dots[a].picked);
        picked.then(far(&dots[b]).total_cmp(&far(&dots[a]))).then(a.cmp(&b))
    });
    let mut rank = vec![0; dots.len()];
    for (position, &i) in order.iter().enumerate() {
        rank[i] = position;
    }
    dots.iter()
        .enumerate()
        .map(|(i, dot)| {
            let style = style(dot);
            let font = fonts.face(style.bold);
            let (up, down) = font.ink(&dot.name, style.size);
            Point {
                x: sheet.x(x, dot.x),
                y: sheet.y(y, dot.y),
                r: if dot.picked { 9.0 } else { 6.0 },
                w: font.width(&dot.name, style.size),
                h: up + down,
                named: !dot.name.is_empty() && !unnamed[i] && (dot.picked || dots.len() <= NAMED_AT_MOST),
                rank: rank[i],
            }
        })
        .collect()
}

/// A reference line with its words.
struct Rule {
    line: Segment,
    text: String,
    ink: Rect,
    baseline: f64,
}

fn rules(content: &Content, fonts: &Fonts, sheet: &Sheet, (x, y): (&Scale, &Scale), points: &[Point]) -> Vec<Rule> {
    let Some((name, ref_x, ref_y)) = &content.reference else { return Vec::new() };
    let plot = sheet.plot;
    let mut rules: Vec<Rule> = Vec::new();
    let lines = [ref_x.map(|v| (true, v, sheet.x(x, v))), ref_y.map(|v| (false, v, sheet.y(y, v)))];
    for (upright, v, at) in lines.into_iter().flatten() {
        let text = format!("{name}: {}", value(v));
        let font = fonts.face(REFERENCE.bold);
        let (up, down) = font.ink(&text, REFERENCE.size);
        let (w, h) = (font.width(&text, REFERENCE.size), up + down);
        let (near, far) = (at + 6.0, at - 6.0);
        let line = if upright {
            Segment { a: (at, plot.y), b: (at, plot.bottom()) }
        } else {
            Segment { a: (plot.x, at), b: (plot.right(), at) }
        };
        // Candidate places along the line, the quietest of which is taken.
        let choices: Vec<Rect> = if upright {
            [plot.y + 4.0, plot.y + 30.0, plot.bottom() - h - 6.0]
                .into_iter()
                .flat_map(|top| [(near, top), (far - w, top)])
                .map(|(left, top)| Rect::new(left, top, w, h))
                .collect()
        } else {
            [plot.right() - w - 4.0, plot.x + 6.0]
                .into_iter()
                .flat_map(|left| [(left, far - h), (left, near)])
                .map(|(left, top)| Rect::new(left, top, w, h))
                .collect()
        };
        let crowd = |ink: &Rect| {
            let marks = points.iter().filter(|p| ink.distance(p.x, p.y) < p.r + 4.0).count();
            let words = rules.iter().filter(|r| r.ink.overlaps(ink)).count();
            marks + words + if plot.contains(ink) { 0 } else { 1000 }
        };
        if let Some(ink) = choices.iter().min_by_key(|r| crowd(r)).copied() {
            rules.push(Rule { line, text, ink, baseline: ink.y + up });
        }
    }
    rules
}

fn paint(canvas: &mut Canvas<'_>, dots: &[Dot], points: &[Point], places: &[Option<Place>], rules: &[Rule]) {
    for rule in rules {
        canvas.line(rule.line, RULE);
    }
    for leader in places.iter().flatten().filter_map(|p| p.leader) {
        canvas.line(leader, LEADER);
    }
    // Highlighted marks last, so that none is hidden.
    for picked in [false, true] {
        for (dot, p) in dots.iter().zip(points).filter(|(d, _)| d.picked == picked) {
            let tip = format!("{}: {}; {}", dot.name, value(dot.x), value(dot.y));
            if picked {
                canvas.path(&diamond(p), PICKED, Some(&tip));
            } else {
                canvas.circle(p.x, p.y, p.r, PLAIN, Some(&tip));
            }
        }
    }
    for (dot, place) in dots.iter().zip(places) {
        if let Some(place) = place {
            let style = style(dot);
            let (up, _) = canvas.fonts.face(style.bold).ink(&dot.name, style.size);
            canvas.text(place.ink.x, place.ink.y + up, Anchor::Start, style, &dot.name);
        }
    }
    for rule in rules {
        canvas.text(rule.ink.x, rule.baseline, Anchor::Start, REFERENCE, &rule.text);
    }
}

fn diamond(p: &Point) -> String {
    use super::canvas::n;
    let (l, r, t, b) = (n(p.x - p.r), n(p.x + p.r), n(p.y - p.r), n(p.y + p.r));
    let (x, y) = (n(p.x), n(p.y));
    format!("M{x} {t}L{r} {y}L{x} {b}L{l} {y}Z")
}
