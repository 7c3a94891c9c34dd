//! Cells of fixed width: what their bytes say.

use model::{Error, Kind, Result};
use serde::Deserialize;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Holds {
    /// Text; blanks around it are padding.
    #[default]
    Text,
    /// A whole number in zoned decimal; blank is nothing, not zero.
    Number,
    /// The same, of things that were counted: where nothing was reported, a zero is none.
    Count,
    /// A year of two digits (60 is 1960, 59 is 2059) or of four.
    Year,
    /// A month, 01 to 12.
    Month,
    /// Capital letters and digits without blanks.
    Code,
}

/// The text of a field. What is not what the field holds comes back as an error with its text.
pub(super) fn read(kind: Holds, bytes: &[u8]) -> Result<Option<String>, String> {
    let text = latin1(bytes);
    let text = text.trim();
    let odd = || text.to_owned();
    Ok(match kind {
        Holds::Text if text.is_empty() => None,
        Holds::Text => Some(text.to_owned()),
        Holds::Number | Holds::Count => number(bytes).ok_or_else(odd)?.map(|number| number.to_string()),
        Holds::Year => Some(year(bytes).ok_or_else(odd)?.to_string()),
        Holds::Month => Some(month(bytes).ok_or_else(odd)?.to_string()),
        Holds::Code if bytes.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) => {
            Some(text.to_owned())
        }
        Holds::Code => return Err(odd()),
    })
}

/// Bytes as Latin-1, in which every byte is a letter.
pub(super) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// A whole number in zoned decimal: digits behind blanks or zeros, of which the last may carry the sign, as `}` for -0,
/// `J` to `R` for -1 to -9, `{` and `A` to `I` for the positive ones. `0001J` is -11. Blank is no number, and nothing is
/// not a number.
pub(super) fn number(bytes: &[u8]) -> Option<Option<i64>> {
    let bytes = bytes.trim_ascii();
    let Some((last, before)) = bytes.split_last() else { return Some(None) };
    let (digit, negative) = match last {
        b'0'..=b'9' => (last - b'0', false),
        b'{' => (0, false),
        b'A'..=b'I' => (last - b'A' + 1, false),
        b'}' => (0, true),
        b'J'..=b'R' => (last - b'J' + 1, true),
        _ => return None,
    };
    let mut value: i64 = 0;
    for byte in before.iter().copied().chain([digit + b'0']) {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
    }
    Some(Some(if negative { -value } else { value }))
}

/// A year of two digits or of four.
pub(super) fn year(bytes: &[u8]) -> Option<i32> {
    let value: i32 = digits(bytes)?;
    match bytes.len() {
        2 => Some(if value < FIRST_YEAR { 2000 } else { 1900 } + value),
        4 => Some(value).filter(|year| (1900..2100).contains(year)),
        _ => None,
    }
}

/// Years of two digits are of 1960 to 2059: reports on records of fixed width begin in 1960.
const FIRST_YEAR: i32 = 60;

fn month(bytes: &[u8]) -> Option<i32> {
    digits(bytes).filter(|month| (1..=12).contains(month))
}

fn digits(bytes: &[u8]) -> Option<i32> {
    std::str::from_utf8(bytes).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

/// The error for a record that is not of the layout.
pub(super) fn misfit(url: &str, line: u64, what: String) -> Error {
    Error::new(Kind::Changed, format!("{url}: record {line} is not of this layout: {what}"))
        .hint("the file is damaged there, or is another; nothing of it was kept")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, value: Option<Option<i64>>) {
        assert_eq!(number(text.as_bytes()), value, "{text:?}");
    }

    #[test]
    fn numbers_carry_their_sign_in_the_last_digit() {
        for (digit, (minus, plus)) in (0..).zip("}JKLMNOPQR".chars().zip("{ABCDEFGHI".chars())) {
            check(&format!("0001{minus}"), Some(Some(-10 - digit)));
            check(&format!("0001{plus}"), Some(Some(10 + digit)));
            check(&format!("{minus}"), Some(Some(-digit)));
        }
        check("00042", Some(Some(42)));
        check("   42", Some(Some(42)));
        check("9999R", Some(Some(-99_999)));
        check("0000}", Some(Some(0)));
    }

    #[test]
    fn blank_is_no_number_and_a_word_is_not_one() {
        check("     ", Some(None));
        check("", Some(None));
        for odd in ["0001S", "00J01", "1 2", "-0011", "00*", "\u{e9}"] {
            check(odd, None);
        }
        check("99999999999999999999", None);
    }

    #[test]
    fn years_of_two_digits_begin_in_1960() {
        for (text, value) in [
            ("60", Some(1960)),
            ("99", Some(1999)),
            ("00", Some(2000)),
            ("59", Some(2059)),
            ("2015", Some(2015)),
            ("1800", None),
            ("5 ", None),
            ("015", None),
        ] {
            assert_eq!(year(text.as_bytes()), value, "{text}");
        }
    }
}
