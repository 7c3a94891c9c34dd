//! How a chart is declared, and what each kind needs and knows nothing of.

use serde::Deserialize;

use super::DrawError;

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
    /// A named dot per row on one axis, one row under the other, in the order of the rows.
    Dots,
    /// A small chart for each value of `panel.column`, all to the same scales.
    SmallMultiples,
    /// States or counties of the United States, coloured by classes.
    Map,
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

/// Two columns between which a value lies, such as a confidence interval.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Column of the lower end.
    pub low: String,
    /// Column of the upper end.
    pub high: String,
    /// What it is, as a reader would say it: printed under the chart.
    pub words: String,
}

/// What a panel of small multiples holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inside {
    /// One line.
    #[default]
    Line,
    /// Bars from zero.
    Bar,
}

/// How rows are told apart into panels.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// Column whose values are the panels, in the order of the rows; `highlight` and `reference` name its values.
    pub column: String,
    /// Line or bar.
    #[serde(default)]
    pub inside: Inside,
    /// Panels beside one another on a page; on a phone there are never more than two.
    #[serde(default)]
    pub across: Option<usize>,
}

/// The places of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Places {
    /// By FIPS codes of two digits.
    States,
    /// By FIPS codes of five digits.
    Counties,
}

/// What a map shows.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// States or counties.
    pub of: Places,
    /// Column of the places' FIPS codes, as text; `highlight` names its values.
    pub code: String,
    /// Column that decides a place's class.
    pub value: String,
    /// What the value is, with its unit.
    pub words: String,
    /// Where one class ends and the next begins, ascending: a value on a break is in the upper class.
    #[serde(default)]
    pub breaks: Vec<f64>,
    /// In place of breaks: this many classes of about as many places each. Equal values share a class.
    #[serde(default)]
    pub quantiles: Option<usize>,
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
    /// What it is drawn as.
    pub kind: Kind,
    /// Horizontal axis. For bars the column names the bars. A map has none.
    #[serde(default)]
    pub x: Option<Axis>,
    /// Vertical axis. Dots and a map have none.
    #[serde(default)]
    pub y: Option<Axis>,
    /// Column that names points, lines, dots or places, or captions bars.
    #[serde(default)]
    pub label: Option<String>,
    /// Column with words that stand under each name of `label`.
    #[serde(default)]
    pub beneath: Option<String>,
    /// Names of rows that stand out: values of `label`, for bars of `x.column`, else as `panel` and `map` say.
    #[serde(default)]
    pub highlight: Vec<String>,
    /// Name of the row that is drawn as dashed reference lines instead of a mark, or as a grey line in every panel.
    #[serde(default)]
    pub reference: Option<String>,
    /// Column that says why a value is absent.
    #[serde(default)]
    pub status: Option<String>,
    /// Intervals around the values of a line or of dots.
    #[serde(default)]
    pub interval: Option<Interval>,
    /// Only of small multiples.
    #[serde(default)]
    pub panel: Option<Panel>,
    /// Only of a map.
    #[serde(default)]
    pub map: Option<Map>,
    /// Notes under the chart.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Sources, named under the notes.
    pub source: Vec<String>,
    /// What someone who cannot see the chart is told.
    pub alt: String,
    /// Width on a page, in units of the drawing (pixels of the SVG).
    #[serde(default = "default_width")]
    pub width: u32,
    /// Height on a page, words included. Dots, small multiples and maps are as high as they need instead.
    #[serde(default)]
    pub height: Option<u32>,
}

fn default_width() -> u32 {
    960
}

/// Where `height` says nothing.
const DEFAULT_HEIGHT: u32 = 860;
/// No side of a page may be longer.
pub(super) const LONGEST: u32 = 8000;

impl Chart {
    /// The columns that tell one row from another, as far as the declaration knows.
    pub fn key(&self) -> Vec<&str> {
        let x = || self.x.iter().map(|axis| axis.column.as_str());
        let label = || self.label.iter().map(String::as_str);
        match self.kind {
            Kind::Scatter | Kind::Dots => label().collect(),
            Kind::Bar => x().collect(),
            Kind::Line => label().chain(x()).collect(),
            Kind::SmallMultiples => self.panel.iter().map(|panel| panel.column.as_str()).chain(x()).collect(),
            Kind::Map => self.map.iter().map(|map| map.code.as_str()).collect(),
        }
    }

    /// Refuses what cannot be drawn whatever the rows are: a part that is missing, or that this kind does not know.
    pub(super) fn check(&self) -> Result<(), DrawError> {
        use Kind::{Bar, Dots, Line, Map, Scatter, SmallMultiples};
        let own_height = matches!(self.kind, Scatter | Bar | Line);
        let parts: [(&'static str, bool, bool, bool); 8] = [
            // Part, declared, needed, known.
            ("x", self.x.is_some(), self.kind != Map, self.kind != Map),
            ("y", self.y.is_some(), !matches!(self.kind, Map | Dots), !matches!(self.kind, Map | Dots)),
            ("panel", self.panel.is_some(), self.kind == SmallMultiples, self.kind == SmallMultiples),
            ("map", self.map.is_some(), self.kind == Map, self.kind == Map),
            ("label", self.label.is_some(), self.kind == Dots, self.kind != SmallMultiples),
            ("beneath", self.beneath.is_some(), false, self.kind == Dots),
            ("interval", self.interval.is_some(), false, matches!(self.kind, Line | Dots)),
            ("height", self.height.is_some(), false, own_height),
        ];
        for (part, declared, needed, known) in parts {
            if declared && !known {
                return Err(DrawError::Stranger { part, kind: self.kind });
            }
            if needed && !declared {
                return Err(DrawError::Lacking { part, kind: self.kind });
            }
        }
        if self.reference.is_some() && matches!(self.kind, Line | Map) {
            return Err(DrawError::Stranger { part: "reference", kind: self.kind });
        }
        if self.width.max(self.height()) > LONGEST {
            return Err(DrawError::Unsupported("width and height may be at most 8000"));
        }
        for axis in self.x.iter().chain(&self.y) {
            if let (Some(min), Some(max)) = (axis.min, axis.max)
                && (min >= max || !min.is_finite() || !max.is_finite())
            {
                return Err(DrawError::BadLimits { column: axis.column.clone(), min, max });
            }
        }
        Ok(())
    }

    pub(super) fn height(&self) -> u32 {
        self.height.unwrap_or(DEFAULT_HEIGHT)
    }

    pub(super) fn x(&self) -> Result<&Axis, DrawError> {
        self.x.as_ref().ok_or(DrawError::Lacking { part: "x", kind: self.kind })
    }

    pub(super) fn y(&self) -> Result<&Axis, DrawError> {
        self.y.as_ref().ok_or(DrawError::Lacking { part: "y", kind: self.kind })
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Scatter => "scatter",
            Kind::Bar => "bar",
            Kind::Line => "line",
            Kind::Dots => "dots",
            Kind::SmallMultiples => "small_multiples",
            Kind::Map => "map",
        })
    }
}
