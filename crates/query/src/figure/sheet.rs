//! The sheet around a chart: title and subtitle above, notes, sources and the
//! digest of the inputs below, the plot in what is left between them.

use super::canvas::{Anchor, Canvas, Style, escape, n};
use super::font::Fonts;
use super::geometry::{Rect, Segment};
use super::scale::Scale;
use super::{Chart, DrawError, Provenance};

const MARGIN: f64 = 30.0;
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
const GRID: &str = "stroke=\"#e2e2e2\" stroke-width=\"1\"";
const SPINE: &str = "stroke=\"#1a1a1a\" stroke-width=\"1.5\"";

/// What goes where, before anything is drawn.
pub(super) struct Sheet {
    pub plot: Rect,
    title: Vec<String>,
    subtitle: Vec<String>,
    y_label: Vec<String>,
    x_label: Vec<String>,
    foot: Vec<String>,
    foot_top: f64,
}

impl Sheet {
    /// `gutter` is the width of the widest number on the y axis; `x_lines` the
    /// lines of text under the x axis; `notes` follow the declared ones.
    pub fn lay_out(
        chart: &Chart,
        fonts: &Fonts,
        provenance: &Provenance,
        gutter: f64,
        x_lines: usize,
        notes: &[String],
    ) -> Result<Self, DrawError> {
        let (width, height) = (f64::from(chart.width), f64::from(chart.height));
        let inner = width - 2.0 * MARGIN;
        let wrap = |style: Style, text: &str| fonts.face(style.bold).wrap(text, style.size, inner);
        let title = wrap(TITLE, &chart.title);
        let subtitle = wrap(SUBTITLE, &chart.subtitle);
        let y_label = wrap(AXIS, &chart.y.label);
        let x_label = wrap(AXIS, &chart.x.label);
        let mut foot: Vec<String> = chart.notes.iter().chain(notes).flat_map(|t| wrap(FOOT, t)).collect();
        if !chart.source.is_empty() {
            foot.extend(wrap(FOOT, &format!("Source: {}", chart.source.join("; "))));
        }
        if let Some(digest) = provenance.inputs() {
            foot.extend(wrap(FOOT, &format!("Inputs {digest}")));
        }
        let head = block(TITLE, title.len()) + block(SUBTITLE, subtitle.len());
        let top = MARGIN + head + 18.0 + block(AXIS, y_label.len()) + 10.0;
        let foot_height = if foot.is_empty() { 0.0 } else { block(FOOT, foot.len()) + 14.0 };
        let foot_top = height - MARGIN + 6.0 - foot_height;
        let under = 10.0 + block(TICK, x_lines) + 4.0 + block(AXIS, x_label.len()) + 14.0;
        let left = MARGIN + gutter + 10.0;
        let plot = Rect::new(left, top, width - MARGIN - left, foot_top - under - top);
        if plot.h < 160.0 || plot.w < 160.0 {
            return Err(DrawError::NoRoom { what: "the plot".to_owned() });
        }
        Ok(Self { plot, title, subtitle, y_label, x_label, foot, foot_top })
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

    /// Title, labels and footer around the drawing.
    fn words(&self, canvas: &mut Canvas<'_>, chart: &Chart) {
        let width = f64::from(chart.width);
        let mut y = MARGIN - 6.0;
        y = lines(canvas, &self.title, MARGIN, y, Anchor::Start, TITLE);
        y = lines(canvas, &self.subtitle, MARGIN, y + 4.0, Anchor::Start, SUBTITLE);
        lines(canvas, &self.y_label, MARGIN, y + 14.0, Anchor::Start, AXIS);
        let middle = self.plot.x + self.plot.w / 2.0;
        let under = self.foot_top - 14.0 - block(AXIS, self.x_label.len());
        lines(canvas, &self.x_label, middle, under, Anchor::Middle, AXIS);
        if !self.foot.is_empty() {
            let y = self.foot_top;
            let rule = Segment { a: (MARGIN, y), b: (width - MARGIN, y) };
            canvas.line(rule, "stroke=\"#b0b0b0\" stroke-width=\"1\"");
            lines(canvas, &self.foot, MARGIN, y + 8.0, Anchor::Start, FOOT);
        }
    }

    /// The whole document.
    pub fn finish(&self, mut canvas: Canvas<'_>, chart: &Chart, provenance: &Provenance) -> Result<String, DrawError> {
        self.words(&mut canvas, chart);
        let (w, h) = (n(f64::from(chart.width)), n(f64::from(chart.height)));
        let items: String = provenance
            .items
            .iter()
            .map(|(k, v)| format!("<item key=\"{}\">{}</item>\n", escape(k), escape(v)))
            .collect();
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" \
             viewBox=\"0 0 {w} {h}\" role=\"img\" \
             font-family=\"'DejaVu Sans', Verdana, sans-serif\">\n\
             <title>{}</title>\n<desc>{}</desc>\n\
             <metadata>\n<provenance xmlns=\"urn:tollhouse:provenance\">\n{items}</provenance>\n</metadata>\n\
             <rect width=\"{w}\" height=\"{h}\" fill=\"#fff\"/>\n{}</svg>\n",
            escape(&chart.title),
            escape(&chart.alt),
            canvas.finish()?,
        ))
    }
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
