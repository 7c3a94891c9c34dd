//! States or counties of the United States, coloured by classes.
//!
//! What has no value is hatched, one hatch for each reason, and both classes and reasons are counted in the legend: a
//! place that is suppressed never looks like one that is low. A place that the boundaries lack is told under the map.

use std::collections::BTreeMap;

use super::atlas::{self, Atlas, Spot};
use super::canvas::{Anchor, Canvas, Style};
use super::geometry::{Rect, Segment};
use super::labels::{COMPASS, Point, ink};
use super::legend::{Entry, Legend};
use super::rows::{self, Value};
use super::scale::value;
use super::sheet::{INK, Room, Sheet, Tall, margin, widths};
use super::{DrawError, Map, Places, Task, colour};

const NAME: Style = Style::new(18.0, INK).bold().halo();
const HALO: &str = "stroke=\"#fff\" stroke-width=\"4\"";
const LEADER: &str = "stroke=\"#1a1a1a\" stroke-width=\"1.25\"";
/// Extent of the boundaries on their sheet, and a little air.
const EXTENT: (f64, f64, f64, f64) = (-60.0, 11.0, 1020.0, 598.0);
/// Coordinates are written in tenths of a unit, as whole numbers.
const FINE: f64 = 10.0;
/// Places that the boundaries have and the rows do not.
const NO_ROW: &str = "no row in the data";

/// What a place is coloured by: the number of its class, or of its reason.
#[derive(Clone, Copy, PartialEq)]
enum Fill {
    Class(usize),
    Reason(usize),
}

/// A place that has a row.
struct Shown {
    /// Number in the atlas.
    at: usize,
    name: String,
    value: Result<f64, String>,
    picked: bool,
}

/// A place that the boundaries lack.
struct Lost {
    code: String,
    name: String,
}

struct Content {
    shown: Vec<Shown>,
    lost: Vec<Lost>,
}

pub(super) fn draw(task: Task<'_>) -> Result<String, DrawError> {
    let Task { chart, fonts, .. } = task;
    let map = chart.map.as_ref().ok_or(DrawError::Lacking { part: "map", kind: chart.kind })?;
    let inner = widths(task).0 - 2.0 * margin(task) - 10.0;
    let scale = inner / EXTENT.2;
    let atlas = Atlas::load(map.of, 0.35 / scale)?;
    let content = read(task, map, &atlas)?;
    let breaks = breaks(map, &content)?;
    let ramp = colour::ramp(breaks.len() + 1)
        .ok_or_else(|| DrawError::BadClasses(format!("at most {} classes can be told apart", colour::MOST_CLASSES)))?;

    let mut reasons: Vec<&str> = Vec::new();
    let mut fills: Vec<Option<Fill>> = vec![None; atlas.places.len()];
    for shown in &content.shown {
        fills[shown.at] = Some(match &shown.value {
            Ok(v) => Fill::Class(breaks.iter().filter(|b| **b <= *v).count()),
            Err(why) => Fill::Reason(reasons.iter().position(|r| r == why).unwrap_or_else(|| {
                reasons.push(why);
                reasons.len() - 1
            })),
        });
    }
    if fills.iter().any(Option::is_none) {
        reasons.push(NO_ROW);
    }
    if reasons.len() > colour::MOST_HATCHES {
        let said =
            format!("at most {} reasons can be told apart, here are {}", colour::MOST_HATCHES, reasons.join("; "));
        return Err(DrawError::BadClasses(said));
    }
    let without = Fill::Reason(reasons.len().saturating_sub(1));
    let fills: Vec<Fill> = fills.into_iter().map(|fill| fill.unwrap_or(without)).collect();

    let legend = Legend::lay_out(entries(&breaks, ramp, &reasons, &fills), fonts, inner);
    let kind = match map.of {
        Places::States => "states (the District of Columbia among them)",
        Places::Counties => "counties and their equivalents",
    };
    let mut notes = vec![format!(
        "In brackets: how many {kind}. Alaska and Hawaii are insets; Alaska is drawn at about a third of the scale."
    )];
    notes.extend(told(&content.lost));
    let room = Room {
        gutter: 0.0,
        right: 0.0,
        over: &map.words,
        above: 0.0,
        x_lines: 0,
        below: legend.height + 4.0,
        under: "",
        tall: Tall::Times(EXTENT.3 / EXTENT.2),
    };
    let sheet = Sheet::lay_out(task, room, &notes, &[atlas::CREDIT])?;
    let frame = Projection { left: sheet.plot.x - 10.0, top: sheet.plot.y, scale };

    let mut canvas = Canvas::new(fonts);
    for number in 0..reasons.len() {
        colour::hatch(&mut canvas, number, 1.0);
        canvas.raw(&colour::scaled(number, FINE));
    }
    paint(&mut canvas, &frame, &atlas, map.of, &content, ramp, &fills);
    name(&mut canvas, &frame, &atlas, &content, sheet.plot)?;
    legend.draw(&mut canvas, sheet.margin, sheet.below(0));
    sheet.finish_told(canvas, task, &format!("{}: {}.", map.words, legend.in_words()))
}

fn read(task: Task<'_>, map: &Map, atlas: &Atlas) -> Result<Content, DrawError> {
    let Task { chart, frame, .. } = task;
    let axis = rows::axis(&map.value);
    let code_col = rows::column(frame, "map.code", &map.code)?;
    let value_col = rows::column(frame, "map.value", &map.value)?;
    let label = rows::optional(frame, "label", chart.label.as_ref())?;
    let status = rows::optional(frame, "status", chart.status.as_ref())?;
    let codes: Vec<String> = frame.rows.iter().map(|r| rows::text(&r[code_col])).collect();
    rows::check_names(chart, &codes, &map.code)?;
    let index = atlas.index();
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    let mut content = Content { shown: Vec::new(), lost: Vec::new() };
    for (i, code) in codes.iter().enumerate() {
        if taken.insert(code, i).is_some() {
            return Err(DrawError::Twice { row: i + 1, column: map.code.clone(), code: code.clone() });
        }
        let value = match rows::number(frame, i, value_col, &axis)? {
            Value::Known(v) => Ok(v),
            Value::Absent => Err(rows::reason(frame, i, status, &axis)?),
        };
        let named = label.map(|c| rows::text(&frame.rows[i][c]));
        // Under its old code a place is drawn unless the new one has a row, too.
        let current = atlas::current(code);
        let both = current != code && codes.iter().any(|other| other == current);
        match index.get(current).filter(|_| !both) {
            Some(&at) => {
                let name = named.unwrap_or_else(|| atlas.places[at].name.clone());
                content.shown.push(Shown { at, name, value, picked: chart.highlight.contains(code) });
            }
            None => content.lost.push(Lost { code: code.clone(), name: named.unwrap_or_default() }),
        }
    }
    if content.shown.iter().any(|shown| shown.value.is_ok()) {
        return Ok(content);
    }
    let why = content.shown.iter().filter_map(|shown| shown.value.as_ref().err());
    Err(DrawError::no_values(&map.value, why))
}

/// Where one class ends and the next begins.
fn breaks(map: &Map, content: &Content) -> Result<Vec<f64>, DrawError> {
    let Some(classes) = map.quantiles else {
        if map.breaks.windows(2).any(|pair| pair[0] >= pair[1]) || map.breaks.iter().any(|b| !b.is_finite()) {
            return Err(DrawError::BadClasses("breaks must ascend".to_owned()));
        }
        if map.breaks.is_empty() {
            return Err(DrawError::BadClasses("declare `breaks` or `quantiles`".to_owned()));
        }
        return Ok(map.breaks.clone());
    };
    if !map.breaks.is_empty() || !(2..=colour::MOST_CLASSES).contains(&classes) {
        let said = format!("declare either `breaks` or 2 to {} `quantiles`", colour::MOST_CLASSES);
        return Err(DrawError::BadClasses(said));
    }
    let mut values: Vec<f64> = content.shown.iter().filter_map(|shown| shown.value.as_ref().ok().copied()).collect();
    values.sort_by(f64::total_cmp);
    let least = values.first().copied().unwrap_or_default();
    // Rounded as printed, so that the legend says exactly which class a value is in.
    let start = |class: usize| values.iter().skip(class * values.len() / classes).find(|v| rounded(**v) > least);
    let mut found: Vec<f64> = (1..classes).filter_map(start).map(|v| rounded(*v)).collect();
    found.dedup();
    Ok(found)
}

fn rounded(v: f64) -> f64 {
    value(v).replace('\u{2212}', "-").replace(',', "").parse().unwrap_or(v)
}

fn entries(breaks: &[f64], ramp: &[&str], reasons: &[&str], fills: &[Fill]) -> Vec<Entry> {
    let count = |fill: Fill| fills.iter().filter(|f| **f == fill).count();
    let class = |(i, ink): (usize, &&str)| {
        let words = match (i.checked_sub(1).and_then(|i| breaks.get(i)), breaks.get(i)) {
            (None, None) => "every value".to_owned(),
            (None, Some(high)) => format!("under {}", value(*high)),
            (Some(low), Some(high)) => format!("{} to under {}", value(*low), value(*high)),
            (Some(low), None) => format!("{} and more", value(*low)),
        };
        Entry { paint: format!("fill=\"{ink}\""), words: format!("{words} ({})", count(Fill::Class(i))) }
    };
    let reason = |(i, why): (usize, &&str)| Entry {
        paint: format!("fill=\"url(#hatch{i})\""),
        words: format!("{why} ({})", count(Fill::Reason(i))),
    };
    ramp.iter().enumerate().map(class).chain(reasons.iter().enumerate().map(reason)).collect()
}

/// Notes on places that the boundaries lack. Many of one territory are counted, all others named.
fn told(lost: &[Lost]) -> Vec<String> {
    let mut by_fate: Vec<(Option<&str>, Vec<String>)> = Vec::new();
    for Lost { code, name } in lost {
        let fate = atlas::fate(code);
        let words = if name.is_empty() { code.clone() } else { format!("{name} ({code})") };
        match by_fate.iter_mut().find(|(f, _)| *f == fate) {
            Some((_, all)) => all.push(words),
            None => by_fate.push((fate, vec![words])),
        }
    }
    let note = |(fate, all): (Option<&str>, Vec<String>)| match fate {
        Some(fate) if all.len() > 3 => format!("Not on the map: {} places; {fate}.", all.len()),
        Some(fate) => format!("Not on the map: {}; {fate}.", all.join(", ")),
        None => format!("Not on the map, because the boundaries of 2017 lack them: {}.", all.join(", ")),
    };
    by_fate.into_iter().map(note).collect()
}

/// From the sheet of the boundaries to ours.
struct Projection {
    left: f64,
    top: f64,
    scale: f64,
}

impl Projection {
    fn spot(&self, (x, y): Spot) -> Spot {
        (self.left + (x - EXTENT.0) * self.scale, self.top + (y - EXTENT.1) * self.scale)
    }

    /// A line in tenths of a unit, each point told from the one before. Whole numbers add up without an error, so that
    /// neighbours still share their border.
    fn path(&self, spots: &[Spot], out: &mut String) {
        let whole = |spot: &Spot| {
            let (x, y) = self.spot(*spot);
            ((x * FINE).round() as i64, (y * FINE).round() as i64)
        };
        let mut spots = spots.iter().map(whole);
        let Some(mut at) = spots.next() else { return };
        out.push_str(&format!("M{} {}l", at.0, at.1));
        let mut first = true;
        for next in spots {
            let (dx, dy) = (next.0 - at.0, next.1 - at.1);
            if (dx, dy) == (0, 0) {
                continue;
            }
            // A minus sign separates numbers as well as a space does.
            let gap = |v: i64| if v < 0 { "" } else { " " };
            out.push_str(&format!("{}{dx}{}{dy}", if first { "" } else { gap(dx) }, gap(dy)));
            first = false;
            at = next;
        }
        if first {
            out.push_str("0 0");
        }
    }
}

fn paint(
    canvas: &mut Canvas<'_>,
    frame: &Projection,
    atlas: &Atlas,
    of: Places,
    content: &Content,
    ramp: &[&str],
    fills: &[Fill],
) {
    let tips: BTreeMap<usize, String> = content
        .shown
        .iter()
        .map(|shown| {
            let said = shown.value.as_ref().map_or_else(Clone::clone, |v| value(*v));
            (shown.at, format!("{}: {said}", shown.name))
        })
        .collect();
    let mut kinds: Vec<(Fill, String)> = (0..ramp.len()).map(|i| (Fill::Class(i), ramp[i].to_owned())).collect();
    kinds.extend((0..colour::MOST_HATCHES).map(|i| (Fill::Reason(i), format!("url(#hatch{i}-map)"))));
    let (thin, border) = match of {
        Places::States => (8.0, 8.0),
        Places::Counties => (2.0, 7.0),
    };
    canvas.raw(&format!(
        "<g transform=\"scale(0.1)\" stroke=\"#fff\" stroke-width=\"{thin}\" stroke-linejoin=\"round\" fill-rule=\"evenodd\">"
    ));
    // Specks last: their neighbours cover the place where they lie.
    let kinds = [false, true].into_iter().flat_map(|speck| kinds.iter().map(move |(fill, ink)| (speck, *fill, ink)));
    for (speck, fill, ink) in kinds {
        let here = |&at: &usize| fills[at] == fill && atlas.is_speck(&atlas.places[at]) == speck;
        let members: Vec<usize> = (0..atlas.places.len()).filter(here).collect();
        if members.is_empty() {
            continue;
        }
        let class = if matches!(fill, Fill::Class(_)) { "class" } else { "gap" };
        canvas.raw(&format!("<g class=\"{class}\" fill=\"{ink}\">"));
        for at in members {
            let place = &atlas.places[at];
            let tip = tips.get(&at).cloned().unwrap_or_else(|| format!("{}: {NO_ROW}", place.name));
            canvas.path(&outline(frame, atlas, at), "", Some(&tip));
        }
        canvas.raw("</g>");
    }
    canvas.raw("</g>");
    let mut lines = String::new();
    atlas.state_lines().for_each(|line| frame.path(line, &mut lines));
    let ink = if of == Places::States { "#6b6b6b" } else { "#3a3a3a" };
    let paint = |ink: &str, weight: f64| {
        format!(
            "transform=\"scale(0.1)\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"{weight}\" stroke-linejoin=\"round\""
        )
    };
    canvas.path(&lines, &format!("class=\"states\" {}", paint(ink, border)), None);
    for shown in content.shown.iter().filter(|shown| shown.picked) {
        let d = outline(frame, atlas, shown.at);
        canvas.path(&d, &paint("#fff", 42.0), None);
        canvas.path(&d, &format!("class=\"picked\" {}", paint("#1a1a1a", 22.0)), None);
    }
}

fn outline(frame: &Projection, atlas: &Atlas, at: usize) -> String {
    let mut d = String::new();
    for ring in atlas.outlines(&atlas.places[at], 0.6 / (frame.scale * frame.scale)) {
        frame.path(&ring, &mut d);
        d.push('z');
    }
    d
}

/// How far from its place a name may stand.
const REACHES: [f64; 8] = [3.0, 18.0, 36.0, 56.0, 80.0, 110.0, 145.0, 185.0];

/// Names of the places that stand out: beside their middle or, with a leader, where they cover less land.
fn name(
    canvas: &mut Canvas<'_>,
    frame: &Projection,
    atlas: &Atlas,
    content: &Content,
    plot: Rect,
) -> Result<(), DrawError> {
    let fonts = canvas.fonts;
    let ring = |ring: &Vec<Spot>| ring.iter().map(|spot| frame.spot(*spot)).collect::<Vec<Spot>>();
    let land: Vec<Vec<Spot>> = atlas.land().iter().map(ring).collect();
    let picked: Vec<&Shown> = content.shown.iter().filter(|shown| shown.picked).collect();
    let mut points = Vec::new();
    for (rank, shown) in picked.iter().enumerate() {
        let outlines = atlas.outlines(&atlas.places[shown.at], 0.0);
        let spots: Vec<Spot> = outlines.first().map(ring).unwrap_or_default();
        let (x, y) = atlas::centre(&spots);
        // Beside the place rather than on it, as far as it is small.
        let far = spots.iter().map(|s| Segment { a: *s, b: *s }.distance(x, y)).fold(0.0, f64::max);
        let (up, down) = fonts.bold.ink(&shown.name, NAME.size);
        let w = fonts.bold.width(&shown.name, NAME.size);
        points.push(Point { x, y, r: (far * 0.75).min(34.0), w, h: up + down, named: true, rank });
    }
    let mut taken: Vec<(Rect, Segment)> = Vec::new();
    for (i, (shown, point)) in picked.iter().zip(&points).enumerate() {
        let choices = REACHES.iter().flat_map(|reach| COMPASS.iter().map(move |direction| (*reach, *direction)));
        let mut best: Option<(f64, Rect, Segment, f64)> = None;
        for (reach, direction) in choices {
            let ink = ink(point, direction, point.r + reach);
            let leader = Segment { a: (point.x, point.y), b: ink.nearest(point.x, point.y) };
            let wide = ink.grow(3.0);
            let others = points.iter().enumerate().filter(|(j, _)| *j != i);
            let free = plot.contains(&ink)
                && others.clone().all(|(_, p)| ink.distance(p.x, p.y) > p.r)
                && taken.iter().all(|(other, line)| {
                    !other.overlaps(&wide) && !line.touches(&wide) && !leader.touches(&other.grow(3.0))
                });
            if !free {
                continue;
            }
            let spots =
                (0..5).flat_map(|k| [0.0, 1.0].map(|v| (ink.x + ink.w * f64::from(k) / 4.0, ink.y + ink.h * v)));
            let dry = spots.filter(|spot| land.iter().any(|ring| atlas::holds(ring, *spot))).count();
            let cost = 7.0 * dry as f64 + 0.4 * reach;
            if best.is_none_or(|(lowest, ..)| cost < lowest) {
                best = Some((cost, ink, leader, reach));
            }
        }
        let Some((_, ink, leader, reach)) = best else {
            return Err(DrawError::NoRoom { what: format!("the label `{}`", shown.name) });
        };
        if reach > REACHES[0] {
            canvas.line(leader, HALO);
            canvas.line(leader, LEADER);
        }
        let (up, _) = fonts.bold.ink(&shown.name, NAME.size);
        canvas.text(ink.x, ink.y + up, Anchor::Start, NAME, &shown.name);
        taken.push((ink, leader));
    }
    Ok(())
}
