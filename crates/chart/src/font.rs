//! Measures text with the metrics of the embedded DejaVu Sans.
//!
//! Widths are sums of advances, without kerning: a little too wide at worst,
//! so that nothing that was found to fit can touch its neighbour.

use super::DrawError;
use ttf_parser::Face;

/// Regular and bold: the only two faces that charts use.
pub(super) struct Fonts {
    pub regular: Font,
    pub bold: Font,
}

impl Fonts {
    pub fn embedded() -> Result<Self, DrawError> {
        Ok(Self { regular: Font::parse(dejavu::sans::regular())?, bold: Font::parse(dejavu::sans::bold())? })
    }

    pub fn face(&self, bold: bool) -> &Font {
        if bold { &self.bold } else { &self.regular }
    }
}

pub(super) struct Font {
    face: Face<'static>,
    em: f64,
}

impl Font {
    fn parse(bytes: &'static [u8]) -> Result<Self, DrawError> {
        let face = Face::parse(bytes, 0).map_err(|e| DrawError::Font(e.to_string()))?;
        let em = f64::from(face.units_per_em());
        Ok(Self { face, em })
    }

    /// The first character that would be drawn as an empty box.
    pub fn lacks(&self, text: &str) -> Option<char> {
        text.chars().find(|&c| self.face.glyph_index(c).is_none())
    }

    pub fn width(&self, text: &str, size: f64) -> f64 {
        let units: f64 = text
            .chars()
            .map(|c| {
                let glyph = self.face.glyph_index(c).unwrap_or_default();
                f64::from(self.face.glyph_hor_advance(glyph).unwrap_or_default())
            })
            .sum();
        units / self.em * size
    }

    /// How far the ink reaches above and below the baseline.
    pub fn ink(&self, text: &str, size: f64) -> (f64, f64) {
        let boxes = text.chars().filter_map(|c| self.face.glyph_bounding_box(self.face.glyph_index(c)?));
        let (up, down) = boxes.fold((0, 0), |(up, down), b| (up.max(b.y_max), down.min(b.y_min)));
        (f64::from(up) / self.em * size, f64::from(-down) / self.em * size)
    }

    /// Breaks text into lines no wider than `max`; a word that is too long by
    /// itself (an address, a digest) is broken between characters.
    pub fn wrap(&self, text: &str, size: f64, max: f64) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split_whitespace() {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(&longer, size) <= max {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for c in word.chars() {
                line.push(c);
                if self.width(&line, size) > max && line.chars().count() > 1 {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, c.to_string()));
                }
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }

    /// The widest word: what a column must hold for `wrap` not to break words.
    pub fn widest_word(&self, text: &str, size: f64) -> f64 {
        text.split_whitespace().map(|w| self.width(w, size)).fold(0.0, f64::max)
    }
}
