//! Draws a chart from rows: an SVG, and a PNG of the same drawing.
//!
//! Pure functions: no file, clock, locale or random order has a say, so the same
//! declaration and rows give the same bytes everywhere. Honest by refusal: bars
//! start at zero, no value is cut off, and an absent value needs a reason, which
//! is drawn.
//!
//! The SVG is written here rather than by a charting library. `plotters` places
//! and measures everything in whole pixels, and its SVG backend has no hatching,
//! halo, tooltips, description or metadata: most of a chart would have
//! gone around it. What is left to do by hand is small: one page layout, axes
//! with round ticks, and text measured with the metrics of the embedded font.

mod bar;
mod canvas;
mod error;
mod font;
mod gap;
mod geometry;
mod labels;
mod line;
mod raster;
mod rows;
mod scale;
mod scatter;
mod sheet;
#[cfg(test)]
mod tests;

pub use error::DrawError;
use serde::Deserialize;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Absent; the chart's `status` column must say why.
    Null,
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// Words or a code.
    Text(String),
}

/// Columns by name, rows in the order drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Names, one per cell of each row.
    pub columns: Vec<String>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
}

/// What kind of chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A named point per row, by two numbers.
    Scatter,
    /// A bar per row, from zero.
    Bar,
    /// Points joined in the order of the rows; one line per value of `label`.
    Line,
}

/// One axis: the column it shows and the words beside it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// Column of the frame.
    pub column: String,
    /// Words for readers, with the unit.
    pub label: String,
    /// Lower limit, if not chosen from the values.
    #[serde(default)]
    pub min: Option<f64>,
    /// Upper limit, if not chosen from the values.
    #[serde(default)]
    pub max: Option<f64>,
}

/// A chart as a figure declares it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// What the chart shows, as a reader would say it.
    pub title: String,
    /// A second, quieter line: place, period, definition.
    #[serde(default)]
    pub subtitle: String,
    /// Scatter, bar or line.
    pub kind: Kind,
    /// Horizontal axis. For bars the column names the bars.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Column that names points or lines, or captions bars.
    #[serde(default)]
    pub label: Option<String>,
    /// Names of rows that stand out: values of `label`, for bars of `x.column`.
    #[serde(default)]
    pub highlight: Vec<String>,
    /// Name of the row that is drawn as dashed reference lines instead of a mark.
    #[serde(default)]
    pub reference: Option<String>,
    /// Column that says why a value is absent.
    #[serde(default)]
    pub status: Option<String>,
    /// Notes under the chart.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Sources, named under the notes.
    pub source: Vec<String>,
    /// What someone who cannot see the chart is told.
    pub alt: String,
    /// Width in units of the drawing (pixels of the SVG).
    #[serde(default = "default_width")]
    pub width: u32,
    /// Height, words included.
    #[serde(default = "default_height")]
    pub height: u32,
}

fn default_width() -> u32 {
    960
}

fn default_height() -> u32 {
    860
}

/// Where a drawing comes from: embedded in both formats as (key, value) pairs,
/// such as figure, digest of the inputs, captures, licence, program version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Pairs in the order written.
    pub items: Vec<(String, String)>,
}

impl Provenance {
    /// Key whose value, the digest of the inputs, is also printed under the chart.
    pub const INPUTS: &'static str = "inputs";

    fn inputs(&self) -> Option<&str> {
        self.items.iter().find(|(k, _)| k == Self::INPUTS).map(|(_, v)| v.as_str())
    }
}

/// Draws the chart as an SVG document.
pub fn svg(chart: &Chart, frame: &Frame, provenance: &Provenance) -> Result<String, DrawError> {
    if chart.width.max(chart.height) > 8000 {
        return Err(DrawError::Unsupported("width and height may be at most 8000"));
    }
    for axis in [&chart.x, &chart.y] {
        if let (Some(min), Some(max)) = (axis.min, axis.max)
            && (min >= max || !min.is_finite() || !max.is_finite())
        {
            return Err(DrawError::BadLimits { column: axis.column.clone(), min, max });
        }
    }
    rows::check_shape(frame)?;
    let fonts = font::Fonts::embedded()?;
    match chart.kind {
        Kind::Scatter => scatter::draw(chart, frame, &fonts, provenance),
        Kind::Bar => bar::draw(chart, frame, &fonts, provenance),
        Kind::Line => line::draw(chart, frame, &fonts, provenance),
    }
}

/// Renders an SVG made by [`svg`] at twice its size, with the same provenance as iTXt chunks.
pub fn png(svg: &str, provenance: &Provenance) -> Result<Vec<u8>, DrawError> {
    raster::png(svg, provenance)
}
