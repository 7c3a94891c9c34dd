//! Sentences with places for values: `{column}`, or `{column:,}` with thousands set apart.

/// A piece of a sentence.
enum Piece<'a> {
    Words(&'a str),
    Value { column: &'a str, thousands: bool },
}

/// Whether every bracket is closed and names a column.
pub(super) fn check(text: &str) -> Result<(), String> {
    pieces(text).map(|_| ())
}

/// Fills the places in. `value` gives a column's text, or `None` where there is no such column.
pub(super) fn fill<'v>(text: &str, value: impl Fn(&str) -> Option<Option<&'v str>>) -> Result<String, String> {
    let mut filled = String::new();
    for piece in pieces(text)? {
        match piece {
            Piece::Words(words) => filled.push_str(words),
            Piece::Value { column, thousands } => {
                let value = value(column).ok_or_else(|| format!("the SQL returns no column `{column}`"))?;
                match value {
                    None => filled.push_str("no value"),
                    Some(value) if thousands => filled.push_str(&grouped(value)),
                    Some(value) => filled.push_str(value),
                }
            }
        }
    }
    Ok(filled)
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        pieces.push(Piece::Words(&rest[..open]));
        let close = rest[open..].find('}').ok_or_else(|| format!("a `{{` is not closed in `{text}`"))?;
        let inside = &rest[open + 1..open + close];
        let (column, thousands) = inside.strip_suffix(":,").map_or((inside, false), |column| (column, true));
        if column.is_empty() || !column.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(format!("`{{{inside}}}` is not the name of a column"));
        }
        pieces.push(Piece::Value { column, thousands });
        rest = &rest[open + close + 1..];
    }
    pieces.push(Piece::Words(rest));
    Ok(pieces)
}

/// Sets the thousands of a number apart by commas.
fn grouped(number: &str) -> String {
    let (whole, fraction) = number.find('.').map_or((number, ""), |point| number.split_at(point));
    let digits = whole.trim_start_matches('-');
    let mut text = whole[..whole.len() - digits.len()].to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_fill(text: &str, expected: &str) {
        let value = |column: &str| match column {
            "deaths" => Some(Some("33091")),
            "change" => Some(Some("-1234567.50")),
            "small" => Some(Some("140")),
            "none" => Some(None),
            _ => None,
        };
        assert_eq!(fill(text, value).unwrap_or_else(|message| message), expected);
    }

    #[test]
    fn values_stand_where_their_names_stood() {
        check_fill("{deaths:,} died", "33,091 died");
        check_fill("{deaths} and {small:,}: {change:,}", "33091 and 140: -1,234,567.50");
        check_fill("there is {none}", "there is no value");
        check_fill("{other}", "the SQL returns no column `other`");
        check_fill("{deaths", "a `{` is not closed in `{deaths`");
        check_fill("{a b}", "`{a b}` is not the name of a column");
    }
}
