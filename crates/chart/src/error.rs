//! What can be wrong with a chart's declaration or its rows.

/// Why a chart was not drawn. Each says which column, row or word to look at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrawError {
    /// The query returned nothing.
    #[error("no rows to draw: the figure's query returned an empty result")]
    Empty,
    /// A row is longer or shorter than the list of columns.
    #[error("row {row} has {cells} cells, but there are {columns} columns")]
    Ragged {
        /// 1-based row.
        row: usize,
        /// Cells in it.
        cells: usize,
        /// Columns declared.
        columns: usize,
    },
    /// The chart names a column that the query does not return.
    #[error("{part} names column `{column}`, which the query does not return (it returns {have})")]
    UnknownColumn {
        /// Part of the declaration, such as `x.column`.
        part: &'static str,
        /// The name that was not found.
        column: String,
        /// The names that exist.
        have: String,
    },
    /// Text where an axis needs a number.
    #[error("row {row}, column `{column}`: an axis needs a number, found {found}")]
    NotNumeric {
        /// 1-based row.
        row: usize,
        /// Column of the axis.
        column: String,
        /// What the cell holds.
        found: String,
    },
    /// A value is absent and nothing says why.
    #[error("row {row}, column `{column}` is null and no status says why: name a `status` column and fill it in")]
    Unexplained {
        /// 1-based row.
        row: usize,
        /// Column that holds the null.
        column: String,
    },
    /// Every value is absent, so that there is no scale to draw against.
    #[error("column `{column}` holds no value at all{why}: there is nothing to draw")]
    NoValues {
        /// Column without values.
        column: String,
        /// The reasons that the rows give, in brackets, or nothing.
        why: String,
    },
    /// A value lies outside the declared limits, where it would be cut off.
    #[error("row {row}, column `{column}`: {value} lies outside the declared limits {min} to {max}")]
    OutOfRange {
        /// 1-based row.
        row: usize,
        /// Column of the axis.
        column: String,
        /// The value.
        value: f64,
        /// Lower limit.
        min: f64,
        /// Upper limit.
        max: f64,
    },
    /// The limits of an axis are not a range.
    #[error("axis `{column}`: limits {min} to {max} are not a range")]
    BadLimits {
        /// Column of the axis.
        column: String,
        /// Lower limit.
        min: f64,
        /// Upper limit.
        max: f64,
    },
    /// Bars lie about size unless they start at zero.
    #[error("bars start at zero: {0}")]
    BarBase(String),
    /// `highlight` or `reference` names something that no row is called.
    #[error("{part} names `{label}`, but no row has that in column `{column}`")]
    NoSuchLabel {
        /// Part of the declaration.
        part: &'static str,
        /// The name that was not found.
        label: String,
        /// Column that was searched.
        column: String,
    },
    /// A kind of chart needs a part that is not declared.
    #[error("a chart of kind `{kind}` needs `{part}`")]
    Lacking {
        /// Part of the declaration.
        part: &'static str,
        /// The kind.
        kind: super::Kind,
    },
    /// A part is declared that this kind of chart knows nothing of.
    #[error("a chart of kind `{kind}` has no `{part}`")]
    Stranger {
        /// Part of the declaration.
        part: &'static str,
        /// The kind.
        kind: super::Kind,
    },
    /// An interval does not hold its value, or has only one end.
    #[error("row {row}: {low} to {high} is no interval around {value}")]
    BadInterval {
        /// 1-based row.
        row: usize,
        /// Lower end.
        low: String,
        /// The value.
        value: String,
        /// Upper end.
        high: String,
    },
    /// Classes of a map that cannot be.
    #[error("map: {0}")]
    BadClasses(String),
    /// A code stands in two rows, of which a map could show one.
    #[error("row {row}, column `{column}`: {code} has a row already")]
    Twice {
        /// 1-based row.
        row: usize,
        /// Column of the codes.
        column: String,
        /// The code.
        code: String,
    },
    /// The boundaries that are built in could not be read.
    #[error("built-in boundaries: {0}")]
    Atlas(String),
    /// The declaration asks for something that this kind of chart cannot do.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The words leave no room for the drawing, or a label that must appear has no place.
    #[error("no room for {what}: give the chart a larger width or height, or fewer words")]
    NoRoom {
        /// What did not fit.
        what: String,
    },
    /// The embedded font lacks a character, which would be drawn as an empty box.
    #[error("the embedded font has no glyph for {0:?}")]
    NoGlyph(char),
    /// The embedded font could not be read.
    #[error("embedded font: {0}")]
    Font(String),
    /// A provenance key does not fit PNG's rules for keywords.
    #[error("provenance key {0:?}: use 1 to 79 printable ASCII characters, single spaces inside only")]
    BadKey(String),
    /// The SVG could not be turned into pixels.
    #[error("rasterising: {0}")]
    Raster(String),
    /// The PNG could not be written.
    #[error("writing PNG")]
    Encode(#[from] png::EncodingError),
}

impl DrawError {
    /// Every value of a column is absent, for these reasons.
    pub(super) fn no_values<'a>(column: &str, why: impl Iterator<Item = &'a String>) -> Self {
        let mut reasons: Vec<&str> = Vec::new();
        for reason in why {
            if !reasons.contains(&reason.as_str()) {
                reasons.push(reason);
            }
        }
        let why = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) };
        Self::NoValues { column: column.to_owned(), why }
    }
}
