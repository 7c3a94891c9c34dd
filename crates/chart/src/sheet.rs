//! The sheet around a chart: title and subtitle above, notes, sources and the
//! digest of the inputs below, the plot between them. On a page of a declared
//! height the plot gets what is left; elsewhere the sheet is as high as it needs.

use super::canvas::{Anchor, Canvas, Style, escape, n};
use super::font::Fonts;
use super::geometry::{Rect, Segment};
use super::scale::Scale;
use super::{DrawError, Task, Width, declare};

/// The sheet for a phone is this wide, and shown this wide: text of 17 units is then 11 pixels high.
const PHONE: (f64, f64) = (618.0, 400.0);
const TITLE: Style = Style::new(31.0, INK).bold();
const SUBTITLE: Style = Style::new(21.0, SOFT);
const AXIS: Style = Style::new(19.0, INK).bold();
/// Numbers and names along the axes.
pub(super) const TICK: Style = Style::new(19.0, SOFT);
const FOOT: Style = Style::new(17.0, SOFT);

/// Nearly black: main text and axes.
pub(super) const INK: &str = "#1a1a1a";
/// Grey that still reads on white: secondary text.
pub(super) const SOFT: &str = "#4a4a4a";
pub(super) const GRID: &str = "stroke=\"#e2e2e2\" stroke-width=\"1\"";
pub(super) const SPINE: &str = "stroke=\"#1a1a1a\" stroke-width=\"1.5\"";

/// How high the plot is.
#[derive(Clone, Copy)]
pub(super) enum Tall {
    /// On a page whatever the declared height leaves; on a phone this many times its width.
    Declared(f64),
    /// This many units.
    Units(f64),
    /// This many times its width.
    Times(f64),
}

/// What a chart wants around its plot.
#[derive(Clone, Copy)]
pub(super) struct Room<'a> {
    /// Width of the widest words left of the plot.
    pub gutter: f64,
    /// Free room right of it.
    pub right: f64,
    /// Words over the plot.
    pub over: &'a str,
    /// Height kept free between those and the plot.
    pub above: f64,
    /// Lines of text directly under the plot.
    pub x_lines: usize,
    /// Height kept free under those.
    pub below: f64,
    /// Words under all of it.
    pub under: &'a str,
    /// How high the plot is.
    pub tall: Tall,
}

/// What goes where, before anything is drawn.
pub(super) struct Sheet {
    pub plot: Rect,
    /// Where the words begin.
    pub margin: f64,
    width: f64,
    height: f64,
    title: Vec<String>,
    subtitle: Vec<String>,
    over: Vec<String>,
    under: Vec<String>,
    foot: Vec<String>,
    foot_top: f64,
}

/// How wide the sheet is, and how wide it is shown.
pub(super) fn widths(task: Task<'_>) -> (f64, f64) {
    match task.width {
        Width::Print => (f64::from(task.chart.width), f64::from(task.chart.width)),
        Width::Phone => PHONE,
    }
}

pub(super) fn margin(task: Task<'_>) -> f64 {
    match task.width {
        Width::Print => 30.0,
        Width::Phone => 20.0,
    }
}

impl Sheet {
    /// `notes` follow the declared ones, `sources` the declared ones.
    pub fn lay_out(task: Task<'_>, room: Room<'_>, notes: &[String], sources: &[&str]) -> Result<Self, DrawError> {
        let (chart, fonts) = (task.chart, task.fonts);
        let (width, margin) = (widths(task).0, margin(task));
        let inner = width - 2.0 * margin;
        let wrap = |style: Style, text: &str| fonts.face(style.bold).wrap(text, style.size, inner);
        let title = wrap(TITLE, &chart.title);
        let subtitle = wrap(SUBTITLE, &chart.subtitle);
        let over = wrap(AXIS, room.over);
        let under = wrap(AXIS, room.under);
        let mut foot: Vec<String> = chart.notes.iter().chain(notes).flat_map(|t| wrap(FOOT, t)).collect();
        let sources: Vec<&str> = chart.source.iter().map(String::as_str).chain(sources.iter().copied()).collect();
        if !sources.is_empty() {
            foot.extend(wrap(FOOT, &format!("Source: {}", sources.join("; "))));
        }
        if let Some(digest) = task.provenance.inputs() {
            foot.extend(wrap(FOOT, &format!("Inputs {digest}")));
        }
        let head = block(TITLE, title.len()) + block(SUBTITLE, subtitle.len());
        let top = margin + head + 18.0 + block(AXIS, over.len()) + 10.0 + room.above;
        let foot_height = if foot.is_empty() { 0.0 } else { block(FOOT, foot.len()) + 14.0 };
        let between = 10.0 + block(TICK, room.x_lines) + room.below + 4.0 + block(AXIS, under.len()) + 14.0;
        let left = margin + room.gutter + 10.0;
        let plot_width = width - margin - left - room.right;
        let plot_height = match (room.tall, task.width) {
            (Tall::Units(units), _) => units,
            (Tall::Times(times), _) | (Tall::Declared(times), Width::Phone) => times * plot_width,
            (Tall::Declared(_), Width::Print) => f64::from(chart.height()) - margin + 6.0 - foot_height - between - top,
        };
        let plot = Rect::new(left, top, plot_width, plot_height);
        if plot.h < 160.0 && matches!(room.tall, Tall::Declared(_)) || plot.w < 160.0 {
            return Err(DrawError::NoRoom { what: "the plot".to_owned() });
        }
        let foot_top = plot.bottom() + between;
        let height = (foot_top + foot_height - 6.0 + margin).ceil();
        if height > f64::from(declare::LONGEST) {
            return Err(DrawError::NoRoom { what: format!("a sheet {height} units high") });
        }
        Ok(Self { plot, margin, width, height, title, subtitle, over, under, foot, foot_top })
    }

    pub fn x(&self, scale: &Scale, v: f64) -> f64 {
        self.plot.x + scale.place(v) * self.plot.w
    }

    pub fn y(&self, scale: &Scale, v: f64) -> f64 {
        self.plot.bottom() - scale.place(v) * self.plot.h
    }

    /// Horizontal grid lines and the numbers of the y axis.
    pub fn y_axis(&self, canvas: &mut Canvas<'_>, scale: &Scale) {
        for &tick in &scale.ticks {
            let y = self.y(scale, tick);
            canvas.line(Segment { a: (self.plot.x, y), b: (self.plot.right(), y) }, GRID);
            let baseline = y + 0.36 * TICK.size;
            canvas.text(self.plot.x - 10.0, baseline, Anchor::End, TICK, &scale.label(tick));
        }
    }

    /// Vertical grid lines and the numbers of a numeric x axis.
    pub fn x_axis(&self, canvas: &mut Canvas<'_>, scale: &Scale) {
        for &tick in &scale.ticks {
            let x = self.x(scale, tick);
            canvas.line(Segment { a: (x, self.plot.y), b: (x, self.plot.bottom()) }, GRID);
            canvas.text(x, self.tick_baseline(0), Anchor::Middle, TICK, &scale.label(tick));
        }
    }

    pub fn baseline(&self, canvas: &mut Canvas<'_>) {
        let y = self.plot.bottom();
        canvas.line(Segment { a: (self.plot.x, y), b: (self.plot.right(), y) }, SPINE);
    }

    /// Baseline of the given line of text under the x axis.
    pub fn tick_baseline(&self, line: usize) -> f64 {
        self.plot.bottom() + 10.0 + block(TICK, line) + 0.8 * TICK.size
    }

    /// Where the room begins that was kept under the plot and its lines of text.
    pub fn below(&self, x_lines: usize) -> f64 {
        self.plot.bottom() + 10.0 + block(TICK, x_lines)
    }

    /// Title, labels and footer around the drawing.
    fn words(&self, canvas: &mut Canvas<'_>) {
        let margin = self.margin;
        let mut y = margin - 6.0;
        y = lines(canvas, &self.title, margin, y, Anchor::Start, TITLE);
        y = lines(canvas, &self.subtitle, margin, y + 4.0, Anchor::Start, SUBTITLE);
        lines(canvas, &self.over, margin, y + 14.0, Anchor::Start, AXIS);
        // In the middle of the plot, unless that would push them over the edge of the sheet.
        let fonts = canvas.fonts;
        let widest = self.under.iter().map(|line| fonts.bold.width(line, AXIS.size)).fold(0.0, f64::max);
        let (least, most) = (margin + widest / 2.0, self.width - margin - widest / 2.0);
        let middle = (self.plot.x + self.plot.w / 2.0).min(most).max(least);
        let under = self.foot_top - 14.0 - block(AXIS, self.under.len());
        lines(canvas, &self.under, middle, under, Anchor::Middle, AXIS);
        if !self.foot.is_empty() {
            let y = self.foot_top;
            let rule = Segment { a: (margin, y), b: (self.width - margin, y) };
            canvas.line(rule, "stroke=\"#b0b0b0\" stroke-width=\"1\"");
            lines(canvas, &self.foot, margin, y + 8.0, Anchor::Start, FOOT);
        }
    }

    /// The whole document.
    pub fn finish(&self, canvas: Canvas<'_>, task: Task<'_>) -> Result<String, DrawError> {
        self.finish_told(canvas, task, "")
    }

    /// The whole document; `told` follows the declared words for someone who cannot see it.
    pub fn finish_told(&self, mut canvas: Canvas<'_>, task: Task<'_>, told: &str) -> Result<String, DrawError> {
        self.words(&mut canvas);
        let (sheet, shown) = widths(task);
        let (w, h) = (n(self.width), n(self.height));
        let (shown_w, shown_h) = (n(shown), n(self.height * shown / sheet));
        let items: String = task
            .provenance
            .items
            .iter()
            .map(|(k, v)| format!("<item key=\"{}\">{}</item>\n", escape(k), escape(v)))
            .collect();
        let alt = [task.chart.alt.as_str(), told].map(str::trim).join(" ");
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{shown_w}\" height=\"{shown_h}\" \
             viewBox=\"0 0 {w} {h}\" role=\"img\" \
             font-family=\"'DejaVu Sans', Verdana, sans-serif\">\n\
             <title>{}</title>\n<desc>{}</desc>\n\
             <metadata>\n<provenance xmlns=\"urn:tollhouse:provenance\">\n{items}</provenance>\n</metadata>\n\
             <rect width=\"{w}\" height=\"{h}\" fill=\"#fff\"/>\n{}</svg>\n",
            escape(&task.chart.title),
            escape(alt.trim()),
            canvas.finish()?,
        ))
    }
}

/// Width of the widest of the numbers that stand along an x axis between two values.
pub(super) fn widest(fonts: &Fonts, low: f64, high: f64) -> f64 {
    let width = |v: f64| fonts.regular.width(&super::scale::value(v.trunc()), TICK.size);
    width(low).max(width(high))
}

/// How many ticks fit beside one another without their numbers touching, eight at most.
pub(super) fn ticks_across(width: f64, widest: f64) -> usize {
    ((width / (widest + 26.0)) as usize).clamp(1, 8)
}

/// Width of the widest number on a y axis.
pub(super) fn gutter(fonts: &Fonts, scale: &Scale) -> f64 {
    let widths = scale.ticks.iter().map(|&t| fonts.regular.width(&scale.label(t), TICK.size));
    widths.fold(0.0, f64::max)
}

fn block(style: Style, lines: usize) -> f64 {
    lines as f64 * line_height(style)
}

fn line_height(style: Style) -> f64 {
    1.3 * style.size
}

/// Draws lines downwards from `top`; returns where they end.
fn lines(canvas: &mut Canvas<'_>, lines: &[String], x: f64, top: f64, anchor: Anchor, style: Style) -> f64 {
    for (i, line) in lines.iter().enumerate() {
        let baseline = top + block(style, i) + 0.98 * style.size;
        canvas.text(x, baseline, anchor, style, line);
    }
    top + block(style, lines.len())
}
