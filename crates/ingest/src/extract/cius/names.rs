//! Names as the workbooks print them: broken over lines, with footnote numbers glued on.

use super::title::Title;

/// White space collapsed to single blanks.
pub(super) fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A header without its line breaks: `Larceny-\ntheft` is one word, `Violent \ncrime` are two.
pub(super) fn canonical(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if !out.is_empty() && !out.ends_with('-') {
            out.push(' ');
        }
        out.push_str(line);
    }
    spaced(&out)
}

/// A name and the footnote numbers at its end: `Chicago7, 8` is `Chicago` and `7, 8`.
pub(super) fn split_footnotes(text: &str) -> (&str, &str) {
    let text = text.trim();
    let number = |text: &str| text.len() - text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let mut begin = text.len();
    loop {
        let rest = &text[..begin];
        let digits = match begin == text.len() {
            true => number(rest),
            false => {
                // Before a number that we have, only a comma can join another.
                let before = rest.strip_suffix(", ").or_else(|| rest.strip_suffix(','));
                match before.map(|before| (before, number(before))) {
                    Some((before, digits)) if digits > 0 => rest.len() - before.len() + digits,
                    _ => 0,
                }
            }
        };
        if digits == 0 {
            let (name, numbers) = text.split_at(begin);
            return (name.trim_end(), numbers);
        }
        begin -= digits;
    }
}

/// A year of the table and the footnote numbers at its end: `20146` is `2014` and `6`.
pub(super) fn split_year<'a>(text: &'a str, title: &Title) -> Option<(&'a str, &'a str)> {
    let (year, numbers) = text.split_at_checked(4)?;
    let is_year = year.bytes().all(|byte| byte.is_ascii_digit()) && title.covers(year.parse().ok()?);
    (is_year && split_footnotes(numbers).0.is_empty()).then_some((year, numbers))
}
