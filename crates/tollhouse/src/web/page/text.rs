//! Times, sizes and long texts as the page shows them.

use jiff::Timestamp;
use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a part of a path.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'@');

/// A path that ends in a name.
pub fn link(before: &str, name: &str) -> String {
    format!("{before}{}", utf8_percent_encode(name, KEPT))
}

/// A time as an operator thinks of it, with the exact one behind it.
pub fn time(now: Timestamp, at: Timestamp) -> Markup {
    let seconds = at.as_second() - now.as_second();
    let words = match seconds {
        -4..=4 => "now".to_owned(),
        ..-4 => format!("{} ago", span(-seconds)),
        _ => format!("in {}", span(seconds)),
    };
    html! { time datetime=(at) title=(at.strftime("%Y-%m-%d %H:%M:%S UTC")) { (words) } }
}

/// The last day of what ends at a time, with the exact time behind it.
pub fn last_day(end: Timestamp) -> Markup {
    html! { time datetime=(end) title=(end.strftime("until %Y-%m-%d %H:%M:%S UTC")) { (crate::output::last_day(end)) } }
}

/// How long something takes, in its largest unit that is still exact enough.
pub fn span(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    match seconds {
        ..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        _ if seconds < 2 * DAY => format!("{} h", seconds / HOUR),
        _ if seconds < 2 * YEAR => format!("{} d", seconds / DAY),
        _ => format!("{}.{} y", seconds / YEAR, seconds % YEAR * 10 / YEAR),
    }
}

/// A size in its largest unit.
pub fn bytes(number: u64) -> String {
    let units = [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match units.into_iter().find(|(_, size)| number >= *size) {
        Some((unit, size)) => format!("{}.{} {unit}", number / size, number % size / (size / 10)),
        None => format!("{number} bytes"),
    }
}

/// The beginning of a long text. Whoever wants the rest finds it in the API.
pub fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// A name that a narrow column may break after an underscore.
pub fn breakable(name: &str) -> Markup {
    html! { @for part in name.split_inclusive('_') { (part) @if part.ends_with('_') { wbr; } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_their_largest_unit() {
        let said = [0, 59, 60, 3_600, 86_400, 172_800, 5_184_000, 63_072_000, 100_000_000].map(span);
        assert_eq!(said, ["0 s", "59 s", "1 min", "1 h", "24 h", "2 d", "60 d", "2.0 y", "3.1 y"]);
    }

    #[test]
    fn sizes_are_said_in_their_largest_unit() {
        assert_eq!(
            [0, 999, 1_000, 1_999_999, 12_345_678_901].map(bytes),
            ["0 bytes", "999 bytes", "1.0 kB", "1.9 MB", "12.3 GB"]
        );
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut(&"ä".repeat(200), 160).chars().count(), 161);
    }
}
