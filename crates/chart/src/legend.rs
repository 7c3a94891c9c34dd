//! Swatches with their words, in lines that break where the sheet ends.

use super::canvas::{Anchor, Canvas, Style};
use super::font::Fonts;
use super::geometry::Rect;
use super::sheet::INK;

const WORDS: Style = Style::new(17.0, INK);
const SWATCH: (f64, f64) = (30.0, 18.0);
const LINE: f64 = 27.0;
const GAP: f64 = 8.0;
const BETWEEN: f64 = 24.0;

/// A swatch: how its rectangle is painted, and what it means.
pub(super) struct Entry {
    pub paint: String,
    pub words: String,
}

/// Where each entry goes.
pub(super) struct Legend {
    entries: Vec<(f64, f64, Entry, Vec<String>)>,
    /// How high all of it is.
    pub height: f64,
}

impl Legend {
    /// Lays entries out within a width. One whose words are wider than that has them wrapped.
    pub fn lay_out(entries: Vec<Entry>, fonts: &Fonts, width: f64) -> Self {
        let (mut x, mut y, mut tall) = (0.0, 0.0, LINE);
        let mut placed = Vec::new();
        for entry in entries {
            let lines = fonts.regular.wrap(&entry.words, WORDS.size, width - SWATCH.0 - GAP);
            let widest = lines.iter().map(|line| fonts.regular.width(line, WORDS.size)).fold(0.0, f64::max);
            let w = SWATCH.0 + GAP + widest;
            if x > 0.0 && x + w > width {
                x = 0.0;
                y += tall;
                tall = LINE;
            }
            tall = tall.max(LINE + (lines.len().max(1) - 1) as f64 * 1.3 * WORDS.size);
            placed.push((x, y, entry, lines));
            x += w + BETWEEN;
        }
        let height = if placed.is_empty() { 0.0 } else { y + tall };
        Self { entries: placed, height }
    }

    pub fn draw(&self, canvas: &mut Canvas<'_>, left: f64, top: f64) {
        for (x, y, entry, lines) in &self.entries {
            let swatch = Rect::new(left + x, top + y + 2.0, SWATCH.0, SWATCH.1);
            canvas.rect(
                swatch,
                &format!("class=\"key\" {} stroke=\"#4a4a4a\" stroke-width=\"0.75\"", entry.paint),
                None,
            );
            for (i, line) in lines.iter().enumerate() {
                let baseline = top + y + 17.0 + i as f64 * 1.3 * WORDS.size;
                canvas.text(left + x + SWATCH.0 + GAP, baseline, Anchor::Start, WORDS, line);
            }
        }
    }

    /// What it says, for someone who cannot see it.
    pub fn in_words(&self) -> String {
        self.entries.iter().map(|(_, _, entry, _)| entry.words.as_str()).collect::<Vec<_>>().join("; ")
    }
}
