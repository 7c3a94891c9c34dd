//! Reads the frame: which column, which number, which words, why absent.

use super::{Axis, Cell, Chart, DrawError, Frame};

/// What a row holds for one axis.
pub(super) enum Value {
    Known(f64),
    Absent,
}

pub(super) fn check_shape(frame: &Frame) -> Result<(), DrawError> {
    if frame.rows.is_empty() {
        return Err(DrawError::Empty);
    }
    let columns = frame.columns.len();
    match frame.rows.iter().position(|r| r.len() != columns) {
        Some(i) => Err(DrawError::Ragged { row: i + 1, cells: frame.rows[i].len(), columns }),
        None => Ok(()),
    }
}

pub(super) fn column(frame: &Frame, part: &'static str, name: &str) -> Result<usize, DrawError> {
    frame.columns.iter().position(|c| c == name).ok_or_else(|| DrawError::UnknownColumn {
        part,
        column: name.to_owned(),
        have: frame.columns.join(", "),
    })
}

pub(super) fn optional(frame: &Frame, part: &'static str, name: Option<&String>) -> Result<Option<usize>, DrawError> {
    name.map(|n| column(frame, part, n)).transpose()
}

/// The number in a cell, inside the limits that the axis declares.
pub(super) fn number(frame: &Frame, row: usize, col: usize, axis: &Axis) -> Result<Value, DrawError> {
    let bad = |found: String| DrawError::NotNumeric { row: row + 1, column: axis.column.clone(), found };
    let v = match &frame.rows[row][col] {
        Cell::Null => return Ok(Value::Absent),
        Cell::Integer(v) => *v as f64,
        Cell::Number(v) if v.is_finite() => *v,
        Cell::Number(v) => return Err(bad(v.to_string())),
        Cell::Text(t) => return Err(bad(format!("the text {t:?}"))),
    };
    let (min, max) = (axis.min.unwrap_or(f64::NEG_INFINITY), axis.max.unwrap_or(f64::INFINITY));
    if v < min || v > max {
        let column = axis.column.clone();
        return Err(DrawError::OutOfRange { row: row + 1, column, value: v, min, max });
    }
    Ok(Value::Known(v))
}

pub(super) fn text(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Integer(v) => v.to_string(),
        Cell::Number(v) => super::scale::value(*v),
        Cell::Text(t) => t.clone(),
    }
}

/// Why the value of this row is absent. To say nothing is an error.
pub(super) fn reason(frame: &Frame, row: usize, status: Option<usize>, axis: &Axis) -> Result<String, DrawError> {
    let words = status.map(|c| text(&frame.rows[row][c])).unwrap_or_default();
    if words.trim().is_empty() {
        return Err(DrawError::Unexplained { row: row + 1, column: axis.column.clone() });
    }
    Ok(words)
}

/// Columns of the lower and upper ends, where the chart declares an interval.
pub(super) fn interval(chart: &Chart, frame: &Frame) -> Result<Option<(usize, usize)>, DrawError> {
    let Some(interval) = &chart.interval else { return Ok(None) };
    Ok(Some((column(frame, "interval.low", &interval.low)?, column(frame, "interval.high", &interval.high)?)))
}

/// The interval of a row; none where both ends are absent. Half an interval, or one beside its value, is an error.
pub(super) fn ends(
    frame: &Frame,
    row: usize,
    (low, high): (usize, usize),
    value: Option<f64>,
) -> Result<Option<(f64, f64)>, DrawError> {
    let end = |col: usize| number(frame, row, col, &axis(&frame.columns[col]));
    let bad = || DrawError::BadInterval {
        row: row + 1,
        low: text(&frame.rows[row][low]),
        value: value.map(super::scale::value).unwrap_or_default(),
        high: text(&frame.rows[row][high]),
    };
    match (end(low)?, end(high)?) {
        (Value::Known(low), Value::Known(high)) if low <= high && value.is_none_or(|v| low <= v && v <= high) => {
            Ok(Some((low, high)))
        }
        (Value::Absent, Value::Absent) => Ok(None),
        _ => Err(bad()),
    }
}

/// An interval for whoever points at a mark.
pub(super) fn told(ends: Option<(f64, f64)>) -> String {
    ends.map(|(low, high)| format!(" ({} to {})", super::scale::value(low), super::scale::value(high)))
        .unwrap_or_default()
}

/// A column without words or limits, read like an axis.
pub(super) fn axis(column: &str) -> Axis {
    Axis { column: column.to_owned(), label: String::new(), min: None, max: None }
}

/// The note that owns up to rows without a mark.
pub(super) fn not_drawn(absent: &[String]) -> Option<String> {
    (!absent.is_empty()).then(|| format!("Not drawn: {}.", absent.join(", ")))
}

/// Notes on gaps too narrow to hold their reason, one per reason.
pub(super) fn gap_notes(unsaid: &[(String, String)]) -> Vec<String> {
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, reason) in unsaid {
        match by_reason.iter_mut().find(|(r, _)| r == reason) {
            Some((_, names)) => names.push(name),
            None => by_reason.push((reason, vec![name])),
        }
    }
    let listed = |names: &[&str]| match names.len() {
        0..=12 => names.join(", "),
        many => format!("{many} values, hatched"),
    };
    by_reason.iter().map(|(reason, names)| format!("{}: {reason}.", listed(names))).collect()
}

/// Every name in `highlight` and `reference` must belong to some row.
pub(super) fn check_names(chart: &Chart, names: &[String], column: &str) -> Result<(), DrawError> {
    let highlights = chart.highlight.iter().map(|l| ("highlight", l));
    let references = chart.reference.iter().map(|l| ("reference", l));
    match highlights.chain(references).find(|(_, l)| !names.contains(l)) {
        Some((part, label)) => Err(DrawError::NoSuchLabel { part, label: label.clone(), column: column.to_owned() }),
        None => Ok(()),
    }
}

/// The smallest and largest of the values that exist; `why` is what the rows say where none does.
pub(super) fn span<'a>(
    values: impl Iterator<Item = f64>,
    axis: &Axis,
    why: impl Iterator<Item = &'a String>,
) -> Result<(f64, f64), DrawError> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        return Err(DrawError::no_values(&axis.column, why));
    }
    Ok((low, high))
}
