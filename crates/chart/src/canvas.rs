//! Writes SVG: fixed number formatting, escaped text, nothing else.

use super::geometry::{Rect, Segment};
use super::{DrawError, font::Fonts};

/// How a run of text looks.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub size: f64,
    pub bold: bool,
    pub fill: &'static str,
    /// A white outline, for text that lies over marks or lines.
    pub halo: bool,
}

impl Style {
    pub const fn new(size: f64, fill: &'static str) -> Self {
        Self { size, bold: false, fill, halo: false }
    }

    pub const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub const fn halo(self) -> Self {
        Self { halo: true, ..self }
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

pub(super) struct Canvas<'a> {
    pub fonts: &'a Fonts,
    out: String,
    lacking: Option<char>,
}

impl<'a> Canvas<'a> {
    pub fn new(fonts: &'a Fonts) -> Self {
        Self { fonts, out: String::new(), lacking: None }
    }

    pub fn raw(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    pub fn text(&mut self, x: f64, baseline: f64, anchor: Anchor, style: Style, text: &str) {
        self.lacking = self.lacking.or(self.fonts.face(style.bold).lacks(text));
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if style.bold { " font-weight=\"bold\"" } else { "" };
        let halo = if style.halo {
            " stroke=\"#fff\" stroke-width=\"3.5\" stroke-linejoin=\"round\" paint-order=\"stroke\""
        } else {
            ""
        };
        let line = format!(
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{}\"{weight}{anchor}{halo}>{}</text>",
            n(x),
            n(baseline),
            n(style.size),
            style.fill,
            escape(text)
        );
        self.raw(&line);
    }

    /// `paint` is attributes such as `fill="#fff"`, from this program only.
    pub fn rect(&mut self, r: Rect, paint: &str, tip: Option<&str>) {
        let head =
            format!("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {paint}", n(r.x), n(r.y), n(r.w), n(r.h));
        self.close(head, "rect", tip);
    }

    pub fn path(&mut self, d: &str, paint: &str, tip: Option<&str>) {
        self.close(format!("<path d=\"{d}\" {paint}"), "path", tip);
    }

    pub fn circle(&mut self, x: f64, y: f64, r: f64, paint: &str, tip: Option<&str>) {
        let head = format!("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {paint}", n(x), n(y), n(r));
        self.close(head, "circle", tip);
    }

    pub fn line(&mut self, s: Segment, paint: &str) {
        let line =
            format!("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" {paint}/>", n(s.a.0), n(s.a.1), n(s.b.0), n(s.b.1));
        self.raw(&line);
    }

    fn close(&mut self, head: String, name: &str, tip: Option<&str>) {
        let line = match tip {
            Some(tip) => format!("{head}><title>{}</title></{name}>", escape(tip)),
            None => format!("{head}/>"),
        };
        self.raw(&line);
    }

    pub fn finish(self) -> Result<String, DrawError> {
        match self.lacking {
            Some(c) => Err(DrawError::NoGlyph(c)),
            None => Ok(self.out),
        }
    }
}

/// A coordinate: at most two decimals, no trailing zeros, no negative zero.
pub(super) fn n(v: f64) -> String {
    let fixed = format!("{v:.2}");
    let short = fixed.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

/// Text for XML content and attributes. Characters that XML 1.0 cannot hold
/// become U+FFFD, so that a stray byte upstream never breaks the file.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // As references, since parsers normalise the characters themselves.
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            c if c < ' ' || c == '\u{FFFE}' || c == '\u{FFFF}' => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}
