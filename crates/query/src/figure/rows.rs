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
    by_reason.iter().map(|(reason, names)| format!("{}: {reason}.", names.join(", "))).collect()
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

/// The smallest and largest of the values that exist.
pub(super) fn span(values: impl Iterator<Item = f64>, axis: &Axis) -> Result<(f64, f64), DrawError> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        return Err(DrawError::NoValues { column: axis.column.clone() });
    }
    Ok((low, high))
}
