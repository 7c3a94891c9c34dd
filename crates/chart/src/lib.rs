//! Draws a chart from rows: an SVG, and a PNG of the same drawing.
//!
//! Pure functions: no file, clock, locale or random order has a say, so the same
//! declaration and rows give the same bytes everywhere. Honest by refusal: bars
//! start at zero, no value is cut off, and an absent value needs a reason, which
//! is drawn. Nothing here knows where rows come from.
//!
//! One declaration is drawn at two [`Width`]s. Both have the same text sizes in
//! units of the sheet; the phone's sheet is narrower, so that its words are
//! still legible where it is shown 400 pixels wide.
//!
//! The SVG is written here rather than by a charting library. `plotters` places
//! and measures everything in whole pixels, and its SVG backend has no hatching,
//! halo, tooltips, description or metadata: most of a chart would have
//! gone around it. What is left to do by hand is small: one page layout, axes
//! with round ticks, and text measured with the metrics of the embedded font.

mod atlas;
mod bar;
mod canvas;
mod colour;
mod declare;
mod dots;
mod error;
mod faults;
mod font;
mod gap;
mod geometry;
mod labels;
mod legend;
mod line;
mod map;
mod panels;
mod raster;
mod rows;
mod scale;
mod scatter;
mod sheet;
#[cfg(test)]
mod tests;

pub use declare::{Axis, Chart, Inside, Interval, Kind, Map, Panel, Places};
pub use error::DrawError;
pub use faults::faults;

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

/// For which width a chart is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// The width that the declaration names, 960 units without: a page, or a screen.
    Print,
    /// 400 units wide, as high as it needs, with words of 11 units and more.
    Phone,
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

/// What every kind of chart is drawn from.
#[derive(Clone, Copy)]
struct Task<'a> {
    chart: &'a Chart,
    frame: &'a Frame,
    fonts: &'a font::Fonts,
    provenance: &'a Provenance,
    width: Width,
}

/// Draws the chart as an SVG document, laid out for a width.
///
/// Fails where the declaration or the rows do not allow an honest drawing, and where the words find no room.
pub fn svg(chart: &Chart, frame: &Frame, provenance: &Provenance, width: Width) -> Result<String, DrawError> {
    chart.check()?;
    rows::check_shape(frame)?;
    let fonts = font::Fonts::embedded()?;
    let task = Task { chart, frame, fonts: &fonts, provenance, width };
    let drawn = match chart.kind {
        Kind::Scatter => scatter::draw(task),
        Kind::Bar => bar::draw(task),
        Kind::Line => line::draw(task),
        Kind::Dots => dots::draw(task),
        Kind::SmallMultiples => panels::draw(task),
        Kind::Map => map::draw(task),
    };
    match (drawn, width) {
        (Err(DrawError::NoRoom { what }), Width::Phone) => {
            Err(DrawError::NoRoom { what: format!("{what} at the width of a phone") })
        }
        (drawn, _) => drawn,
    }
}

/// Renders an SVG made by [`svg`] at twice its size, with the same provenance as iTXt chunks.
pub fn png(svg: &str, provenance: &Provenance) -> Result<Vec<u8>, DrawError> {
    raster::png(svg, provenance)
}
