//! The text of a PDF's page, as lines of words with their places.
//!
//! [`Document`] is the open file, [`Line`] what a reader sees as one. A page is decoded when it is asked for and dropped after,
//! so that a report of thousands of pages costs its own size and one page. Text is put in its place by the operators
//! that show it; their order in the file means nothing. Absent: what the words mean, pictures, forms, and text that is
//! only painted.

use std::collections::BTreeMap;

use lopdf::content::Content;
use lopdf::{Dictionary, Document as Pdf, Encoding, Object, ObjectId};
use model::{Error, Kind, Result};

/// The largest size of one page, inflated.
const PAGE_LIMIT: usize = 16 << 20;

/// Within how many bytes of its end a whole file says so.
const END: usize = 1024;

/// An open PDF.
pub(super) struct Document {
    pdf: Pdf,
    pages: Vec<ObjectId>,
    url: String,
}

/// A word and where it stands, in points.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    /// Its left edge.
    pub left: f32,
    /// Its right edge; estimated where the file does not tell the widths of letters.
    pub right: f32,
    pub text: String,
}

/// Words at one height, from left to right.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub words: Vec<Word>,
}

impl Line {
    /// The words with a blank between them.
    pub fn text(&self) -> String {
        joined(&self.words)
    }
}

/// Words with a blank between them.
pub(super) fn joined(words: &[Word]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

impl Document {
    /// Opens a file. Fails where it is cut short, locked, or no PDF.
    pub fn open(bytes: &[u8], url: &str) -> Result<Self> {
        // The library makes the best of a file that is cut short, and would show fewer pages.
        if !bytes[bytes.len().saturating_sub(END)..].windows(5).any(|window| window == b"%%EOF") {
            return Err(Error::new(Kind::NotData, format!("{url} is a PDF without its end"))
                .hint("it was cut short on its way: fetch it again; nothing of it was kept"));
        }
        let pdf = Pdf::load_mem(bytes).map_err(|cause| {
            Error::new(Kind::NotData, format!("{url} is no whole PDF")).caused_by(cause).hint(
                "fetch it again; if it opens in a viewer and not here, save it anew there and say so to the maintainers",
            )
        })?;
        if pdf.is_encrypted() {
            return Err(Error::new(Kind::NotData, format!("{url} is a PDF that is locked"))
                .hint("get the file that the publisher serves: its reports are open"));
        }
        let pages: Vec<ObjectId> = pdf.page_iter().collect();
        if pages.is_empty() {
            return Err(Error::new(Kind::NotData, format!("{url} is a PDF without pages"))
                .hint("fetch it again; nothing of it was kept"));
        }
        Ok(Self { pdf, pages, url: url.to_owned() })
    }

    /// How many pages it has.
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// The lines of a page, counted from 0, from top to bottom.
    pub fn lines(&self, page: usize) -> Result<Vec<Line>> {
        let Some(id) = self.pages.get(page).copied() else { return Ok(Vec::new()) };
        let broken = |cause: lopdf::Error| {
            Error::new(Kind::NotData, format!("{}: page {} cannot be decoded", self.url, page + 1))
                .caused_by(cause)
                .hint("fetch it again; nothing of it was kept")
        };
        let content = self.pdf.get_page_content_with_limit(id, PAGE_LIMIT).map_err(broken)?;
        let content = Content::decode(&content).map_err(broken)?;
        let mut fonts = BTreeMap::new();
        for (name, font) in self.pdf.get_page_fonts(id).map_err(broken)? {
            fonts.insert(name, Font::read(&self.pdf, font).map_err(broken)?);
        }
        let mut painter = Painter { fonts: &fonts, now: State::default(), kept: Vec::new(), runs: Vec::new() };
        for operation in &content.operations {
            painter.apply(&operation.operator, &operation.operands).map_err(broken)?;
        }
        Ok(lines(painter.runs))
    }
}

/// What a page says of a font.
struct Font<'a> {
    encoding: Encoding<'a>,
    /// The width of each code of one byte, in thousandths of the size; none where the file does not tell.
    widths: Option<(usize, Vec<f32>)>,
    /// The width of any other letter.
    width: f32,
}

impl<'a> Font<'a> {
    fn read(pdf: &'a Pdf, font: &'a Dictionary) -> lopdf::Result<Self> {
        let encoding = font.get_font_encoding_with_limit(pdf, PAGE_LIMIT)?;
        let name = font.get(b"BaseFont").and_then(Object::as_name).unwrap_or_default();
        let fixed =
            name.windows(4).any(|part| part.eq_ignore_ascii_case(b"cour") || part.eq_ignore_ascii_case(b"mono"));
        let first = font.get(b"FirstChar").and_then(Object::as_i64).ok().and_then(|first| usize::try_from(first).ok());
        let widths = font.get_deref(b"Widths", pdf).and_then(Object::as_array).ok();
        let widths = first.zip(widths).map(|(first, widths)| {
            (first, widths.iter().map(|width| width.as_float().unwrap_or(500.0)).collect::<Vec<f32>>())
        });
        // Figures and capitals of the usual fonts.
        Ok(Self { encoding, widths, width: if fixed { 600.0 } else { 556.0 } })
    }

    fn text(&self, bytes: &[u8]) -> lopdf::Result<String> {
        Pdf::decode_text(&self.encoding, bytes)
    }

    /// The width of a text, in sizes of the font.
    fn width(&self, bytes: &[u8], text: &str) -> f32 {
        let total = match &self.widths {
            Some((first, widths)) => {
                let of =
                    |code: &u8| usize::from(*code).checked_sub(*first).and_then(|place| widths.get(place)).copied();
                bytes.iter().map(|code| of(code).unwrap_or(self.width)).sum()
            }
            None => self.width * text.chars().count() as f32,
        };
        total / 1000.0
    }
}

/// A transformation of the plane, as PDF writes it.
type Matrix = [f32; 6];

const IDENTITY: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

/// First `a`, then `b`.
fn then(a: Matrix, b: Matrix) -> Matrix {
    [
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
        a[4] * b[0] + a[5] * b[2] + b[4],
        a[4] * b[1] + a[5] * b[3] + b[5],
    ]
}

/// What is set when text is shown.
#[derive(Clone)]
struct State {
    page: Matrix,
    text: Matrix,
    line: Matrix,
    font: Vec<u8>,
    size: f32,
    leading: f32,
    letter: f32,
    word: f32,
    stretch: f32,
}

impl Default for State {
    fn default() -> Self {
        Self {
            page: IDENTITY,
            text: IDENTITY,
            line: IDENTITY,
            font: Vec::new(),
            size: 1.0,
            leading: 0.0,
            letter: 0.0,
            word: 0.0,
            stretch: 1.0,
        }
    }
}

/// A text as it was shown: its place is the left end of its base line, turned so that it reads from left to right.
struct Run {
    left: f32,
    right: f32,
    height: f32,
    size: f32,
    text: String,
}

/// Follows the operators of a page.
struct Painter<'a> {
    fonts: &'a BTreeMap<Vec<u8>, Font<'a>>,
    now: State,
    kept: Vec<State>,
    runs: Vec<Run>,
}

impl Painter<'_> {
    fn apply(&mut self, operator: &str, operands: &[Object]) -> lopdf::Result<()> {
        let number = |place: usize| operands.get(place).and_then(|operand| operand.as_float().ok()).unwrap_or(0.0);
        let matrix = || [number(0), number(1), number(2), number(3), number(4), number(5)];
        match operator {
            "q" => self.kept.push(self.now.clone()),
            "Q" => self.now = self.kept.pop().unwrap_or_default(),
            "cm" => self.now.page = then(matrix(), self.now.page),
            "BT" => (self.now.text, self.now.line) = (IDENTITY, IDENTITY),
            "Tf" => {
                self.now.font = operands.first().and_then(|name| name.as_name().ok()).unwrap_or_default().to_vec();
                self.now.size = number(1);
            }
            "TL" => self.now.leading = number(0),
            "Tc" => self.now.letter = number(0),
            "Tw" => self.now.word = number(0),
            "Tz" => self.now.stretch = number(0) / 100.0,
            "Tm" => (self.now.text, self.now.line) = (matrix(), matrix()),
            "Td" => self.move_by(number(0), number(1)),
            "TD" => {
                self.now.leading = -number(1);
                self.move_by(number(0), number(1));
            }
            "T*" => self.move_by(0.0, -self.now.leading),
            "Tj" => self.show(operands.first())?,
            "'" => {
                self.move_by(0.0, -self.now.leading);
                self.show(operands.first())?;
            }
            "\"" => {
                (self.now.word, self.now.letter) = (number(0), number(1));
                self.move_by(0.0, -self.now.leading);
                self.show(operands.get(2))?;
            }
            "TJ" => {
                for piece in operands.first().and_then(|pieces| pieces.as_array().ok()).into_iter().flatten() {
                    match piece.as_float() {
                        Ok(back) => self.advance(-back / 1000.0 * self.now.size * self.now.stretch),
                        Err(_) => self.show(Some(piece))?,
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn move_by(&mut self, right: f32, up: f32) {
        self.now.line = then([1.0, 0.0, 0.0, 1.0, right, up], self.now.line);
        self.now.text = self.now.line;
    }

    fn advance(&mut self, by: f32) {
        self.now.text = then([1.0, 0.0, 0.0, 1.0, by, 0.0], self.now.text);
    }

    fn show(&mut self, shown: Option<&Object>) -> lopdf::Result<()> {
        let Some(bytes) = shown.and_then(|text| text.as_str().ok()) else { return Ok(()) };
        let Some(font) = self.fonts.get(&self.now.font) else { return Ok(()) };
        let text = font.text(bytes)?;
        let letters = text.chars().count() as f32;
        let blanks = text.chars().filter(|letter| *letter == ' ').count() as f32;
        let width = (font.width(bytes, &text) * self.now.size + letters * self.now.letter + blanks * self.now.word)
            * self.now.stretch;
        let place = then(self.now.text, self.now.page);
        let scale = (place[0] * place[0] + place[1] * place[1]).sqrt();
        if scale > 0.0 && !text.trim().is_empty() {
            let (along, across) = (place[0] / scale, place[1] / scale);
            let left = place[4] * along + place[5] * across;
            let height = place[5] * along - place[4] * across;
            let size = self.now.size.abs() * scale;
            self.runs.push(Run { left, right: left + width * scale, height, size, text });
        }
        self.advance(width);
        Ok(())
    }
}

/// Text at about one height is a line, from top to bottom.
fn lines(mut runs: Vec<Run>) -> Vec<Line> {
    runs.sort_by(|a, b| b.height.total_cmp(&a.height));
    let mut rows: Vec<(f32, Vec<Run>)> = Vec::new();
    for run in runs {
        match rows.last_mut() {
            // Editions are known whose figures stand a point above or below their names.
            Some((height, row)) if *height - run.height <= (0.3 * run.size).max(1.5) => row.push(run),
            _ => rows.push((run.height, vec![run])),
        }
    }
    rows.into_iter().map(|(_, row)| Line { words: words(row) }).collect()
}

/// The words of a line: what stands apart, or is parted by blanks.
fn words(mut runs: Vec<Run>) -> Vec<Word> {
    runs.sort_by(|a, b| a.left.total_cmp(&b.left));
    let mut words: Vec<Word> = Vec::new();
    let mut open = false;
    for run in runs {
        let step = (run.right - run.left) / (run.text.chars().count().max(1) as f32);
        for (place, letter) in run.text.chars().enumerate() {
            if letter.is_whitespace() {
                open = false;
                continue;
            }
            let left = run.left + step * place as f32;
            match words.last_mut() {
                Some(word) if open && (-0.3 * run.size..=0.15 * run.size).contains(&(left - word.right)) => {
                    word.text.push(letter);
                    word.right = left + step;
                }
                _ => words.push(Word { left, right: left + step, text: letter.to_string() }),
            }
            open = true;
        }
    }
    words
}
