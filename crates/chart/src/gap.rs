//! An explained gap: where a value is absent, a hatched strip with the reason.
//!
//! It runs the full height of the plot, without an outline or a base, in grey:
//! nobody can take it for a bar, nor for zero.

use super::canvas::{Anchor, Canvas, Style};
use super::geometry::Rect;
use super::sheet::INK;

const REASON: Style = Style::new(18.0, INK);
const LINE: f64 = 1.3 * 18.0;
const PAD: f64 = 8.0;

/// Defines the hatching; needed once in a document that has gaps.
pub(super) fn define(canvas: &mut Canvas<'_>) {
    canvas.raw(
        "<defs><pattern id=\"gap\" width=\"10\" height=\"10\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><rect width=\"10\" height=\"10\" fill=\"#fafafa\"/>\
         <rect width=\"2\" height=\"10\" fill=\"#c4c4c4\"/></pattern></defs>",
    );
}

/// Draws the strip. False if the reason found no room in it: it must then be said elsewhere.
#[must_use]
pub(super) fn draw(canvas: &mut Canvas<'_>, strip: Rect, reason: &str, tip: &str) -> bool {
    canvas.rect(strip, "class=\"gap\" fill=\"url(#gap)\"", Some(tip));
    let font = &canvas.fonts.regular;
    let room = strip.w - 2.0 * PAD;
    if font.widest_word(reason, REASON.size) > room {
        return false;
    }
    let lines = font.wrap(reason, REASON.size, room);
    let height = lines.len() as f64 * LINE + 2.0 * PAD;
    if height > strip.h {
        return false;
    }
    let widest = lines.iter().map(|l| font.width(l, REASON.size)).fold(0.0, f64::max);
    let (middle, top) = (strip.x + strip.w / 2.0, strip.y + (strip.h - height) / 2.0);
    let card = Rect::new(middle - widest / 2.0 - PAD, top, widest + 2.0 * PAD, height);
    canvas.rect(card, "fill=\"#fff\"", None);
    for (i, line) in lines.iter().enumerate() {
        let baseline = top + PAD + i as f64 * LINE + REASON.size;
        canvas.text(middle, baseline, Anchor::Middle, REASON, line);
    }
    true
}
