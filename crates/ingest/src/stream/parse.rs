//! Splits the lines of a chunk, and tells which cells stand together in which.
//!
//! [`Parser::parse`] is what a worker does with a [`Chunk`]. What it finds is numbered within the chunk; the numbers of
//! the file are given out later, in order.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use arrow::array::{AsArray as _, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::Int64Type;
use memchr::memchr2_iter;
use model::column::Vocabulary;
use model::{Digest, Error, Kind, Result};
use store::quarantine::Rejected;
use xxhash_rust::xxh3::xxh3_128;

use super::cut::Chunk;
use super::plan::{Group, Plan, internal};
use crate::extract::Grade;

/// A chunk's rows.
#[derive(Debug)]
pub(super) struct Parsed {
    /// The chunk's place among the chunks.
    pub number: usize,
    /// Its text, of which new entries are read.
    pub text: String,
    /// What the text is.
    pub script: Script,
    /// Lines of the chunk.
    pub lines: u64,
    /// Of each row, its 1-based line within the chunk.
    pub line: Vec<u32>,
    /// The groups that repeat.
    pub groups: Vec<Told>,
    /// The plain columns, of each row.
    pub plain: RecordBatch,
    /// The lines that are no rows; lines count within the chunk.
    pub rejected: Vec<Refused>,
    /// A line without end that has another number of cells than the header, at the end of the file: lines and cells.
    pub torn: Option<(u64, usize)>,
}

/// A line that is no row.
#[derive(Debug)]
pub(super) struct Refused {
    pub row: Rejected,
    /// Which combination of the cells it has that tell a person from a business, where it has its cells.
    pub telling: Option<u32>,
}

/// One group of cells.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Of each row, which of the chunk's combinations it has.
    pub entry: Vec<u32>,
    /// Each combination's identity.
    pub keys: Vec<u128>,
    /// Where the line begins that first has it.
    pub first: Vec<u32>,
}

/// What bytes are text of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Ascii,
    Utf8,
    Latin1,
}

/// A worker's tools, used again for each chunk.
pub(super) struct Parser<'a> {
    plan: &'a Plan,
    vocabulary: &'a Vocabulary,
    grade: Grade,
    capture: &'a Digest,
    known: Vec<Known>,
    /// Where the cells of the line end, and where it begins.
    ends: Vec<u32>,
    begin: usize,
    /// The same of the row before it.
    ends_before: Vec<u32>,
    begin_before: usize,
    scratch: Vec<u8>,
}

/// The combinations of a chunk. Two that differ have different identities: of 128 bits, a coincidence is not to be
/// expected among more rows than there are.
pub(super) type Known = HashMap<u128, u32, BuildHasherDefault<Folded>>;

/// The identities are hashes already.
#[derive(Default)]
pub(super) struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, identity: u128) {
        self.0 = (identity as u64) ^ (identity >> 64) as u64;
    }
}

impl<'a> Parser<'a> {
    pub fn new(plan: &'a Plan, vocabulary: &'a Vocabulary, grade: Grade, capture: &'a Digest) -> Self {
        let known = plan.groups.iter().map(|_| Known::default()).collect();
        Self {
            plan,
            vocabulary,
            grade,
            capture,
            known,
            ends: Vec::new(),
            begin: 0,
            ends_before: Vec::new(),
            begin_before: 0,
            scratch: Vec::new(),
        }
    }

    /// Splits a chunk. The first line of the first one is the header, which was looked at before.
    pub fn parse(&mut self, chunk: Chunk) -> Result<Parsed> {
        let (text, script) = read(chunk.bytes);
        let mut told: Vec<Told> = self.plan.groups.iter().map(|_| Told::default()).collect();
        self.known.iter_mut().for_each(Known::clear);
        let cells = self.plan.plain.cells.len();
        let mut plain: Vec<StringBuilder> = (0..cells).map(|_| StringBuilder::new()).collect();
        let (mut lines, mut line_of, mut rejected, mut torn) = (0_u64, Vec::new(), Vec::new(), None);
        let mut blank = Vec::new();

        let bytes = text.as_bytes();
        let mut begin = 0;
        self.ends.clear();
        self.ends_before.clear();
        let ends = memchr2_iter(self.plan.separator, b'\n', bytes);
        // The end of the text ends a last line that has no line end.
        for at in ends.chain((!bytes.ends_with(b"\n")).then_some(bytes.len())) {
            let whole = at < bytes.len();
            if whole && bytes[at] != b'\n' {
                self.ends.push(at as u32);
                continue;
            }
            if !whole && begin == at {
                break;
            }
            lines += 1;
            let end = if at > begin && bytes[at - 1] == b'\r' { at - 1 } else { at };
            self.ends.push(end as u32);
            let is_header = chunk.number == 0 && lines == 1;
            let width = self.ends.len();
            if is_header {
                // It was looked at before.
            } else if width == 1 && end == begin {
                // Nothing may follow blank lines but the end of the file, which shows later.
                blank.push(lines);
            } else {
                rejected.extend(blank.drain(..).map(|line| self.misshapen(line, 1)));
                if width == self.plan.width {
                    line_of.push(lines as u32);
                    self.begin = begin;
                    self.row(&text, &mut told, &mut plain)?;
                    std::mem::swap(&mut self.ends, &mut self.ends_before);
                    self.begin_before = begin;
                } else if !whole && chunk.last {
                    torn = Some((lines, width));
                } else {
                    rejected.push(self.misshapen(lines, width));
                }
            }
            self.ends.clear();
            begin = at + 1;
        }
        if !chunk.last {
            rejected.extend(blank.drain(..).map(|line| self.misshapen(line, 1)));
        }
        self.finish(chunk.number, text, script, lines, line_of, told, plain, rejected, torn)
    }

    /// Takes one line.
    fn row(&mut self, text: &str, told: &mut [Told], plain: &mut [StringBuilder]) -> Result<()> {
        let first = u32::try_from(self.begin).map_err(|_| internal("a chunk is too long"))?;
        for (place, (group, told)) in self.plan.groups.iter().zip(told).enumerate() {
            if group.cells.is_empty() {
                continue;
            }
            // In most files most rows have the reporter and the buyer of the row before.
            if let Some(entry) = told.entry.last().copied()
                && self.is_as_before(text, group)
            {
                told.entry.push(entry);
                continue;
            }
            let identity = self.identity(text, group);
            let next = told.keys.len() as u32;
            let entry = *self.known[place].entry(identity).or_insert(next);
            if entry == next {
                told.keys.push(identity);
                told.first.push(first);
            }
            told.entry.push(entry);
        }
        for (cell, column) in self.plan.plain.cells.iter().zip(plain) {
            column.append_value(text.get(span_of(&self.ends, self.begin, (*cell, *cell))).unwrap_or_default());
        }
        Ok(())
    }

    /// Whether the cells of a group are those of the row before.
    fn is_as_before(&self, text: &str, group: &Group) -> bool {
        group.spans.iter().all(|span| {
            let now = text.as_bytes().get(span_of(&self.ends, self.begin, *span));
            now == text.as_bytes().get(span_of(&self.ends_before, self.begin_before, *span))
        })
    }

    fn identity(&mut self, text: &str, group: &Group) -> u128 {
        let text = text.as_bytes();
        if let [span] = group.spans.as_slice() {
            return xxh3_128(text.get(span_of(&self.ends, self.begin, *span)).unwrap_or_default());
        }
        self.scratch.clear();
        for span in &group.spans {
            let bytes = text.get(span_of(&self.ends, self.begin, *span));
            self.scratch.extend_from_slice(bytes.unwrap_or_default());
            self.scratch.push(self.plan.separator);
        }
        xxh3_128(&self.scratch)
    }

    #[expect(clippy::too_many_arguments, reason = "all that a chunk turned out to be, taken apart in one place")]
    fn finish(
        &self,
        number: usize,
        text: String,
        script: Script,
        lines: u64,
        mut line: Vec<u32>,
        mut groups: Vec<Told>,
        plain: Vec<StringBuilder>,
        mut rejected: Vec<Refused>,
        torn: Option<(u64, usize)>,
    ) -> Result<Parsed> {
        let plain: Vec<StringArray> = plain.into_iter().map(|mut column| column.finish()).collect();
        let normal = self.plan.plain.normalise(self.vocabulary, self.grade, self.capture, plain, line.len())?;
        if !normal.rejected.is_empty() {
            // What is left is known by its place in the chunk.
            let kept = normal.kept.column_by_name(crate::extract::RECORD);
            let kept = kept.and_then(|kept| kept.as_primitive_opt::<Int64Type>());
            let kept: Vec<usize> =
                kept.map(|kept| kept.values().iter().map(|row| *row as usize).collect()).unwrap_or_default();
            let telling = self.plan.telling.as_ref().and_then(|(place, _)| groups.get(place.group));
            rejected.extend(normal.rejected.into_iter().map(|row| {
                let at = row.record as usize;
                let record = line.get(at).copied().unwrap_or_default().into();
                Refused {
                    telling: telling.and_then(|told| told.entry.get(at).copied()),
                    row: Rejected { record, ..row },
                }
            }));
            let only = |of: &[u32]| kept.iter().map(|row| of[*row]).collect::<Vec<u32>>();
            for told in groups.iter_mut().filter(|told| !told.entry.is_empty()) {
                told.entry = only(&told.entry);
            }
            line = only(&line);
        }
        rejected.sort_by_key(|refused| refused.row.record);
        let plain = self.plan.plain.ours(&normal.kept)?;
        Ok(Parsed { number, text, script, lines, line, groups, plain, rejected, torn })
    }

    /// A line with another number of cells than the header. It is not shown: it may be a person's.
    fn misshapen(&self, line: u64, cells: usize) -> Refused {
        let row = Rejected {
            capture: self.capture.clone(),
            record: line,
            column: "(line)".to_owned(),
            rule: format!("{cells} cells where the header has {}", self.plan.width),
            raw: String::new(),
        };
        Refused { row, telling: None }
    }
}

/// The bytes of neighbouring cells of a line, from its cells' ends.
fn span_of(ends: &[u32], begin: usize, (first, last): (usize, usize)) -> std::ops::Range<usize> {
    let from = if first == 0 { begin } else { ends[first - 1] as usize + 1 };
    from..ends[last] as usize
}

/// The text of bytes: UTF-8, or else Latin-1.
fn read(bytes: Vec<u8>) -> (String, Script) {
    if bytes.is_ascii() {
        // Whatever is ASCII is UTF-8.
        return (String::from_utf8(bytes).unwrap_or_default(), Script::Ascii);
    }
    match String::from_utf8(bytes) {
        Ok(text) => (text, Script::Utf8),
        Err(error) => (error.as_bytes().iter().map(|byte| char::from(*byte)).collect(), Script::Latin1),
    }
}

/// The cells of one group of the lines that begin at some places, for entries that are new.
pub(super) fn cells(plan: &Plan, group: &Group, text: &str, lines: &[u32]) -> Result<Vec<StringArray>> {
    let mut columns: Vec<StringBuilder> = group.cells.iter().map(|_| StringBuilder::new()).collect();
    let mut ends = Vec::with_capacity(plan.width);
    for begin in lines {
        let begin = *begin as usize;
        let rest = text.get(begin..).ok_or_else(|| internal("a line is not where it was"))?;
        let length = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let line = rest[..length].strip_suffix('\r').unwrap_or(&rest[..length]);
        ends.clear();
        ends.extend(memchr::memchr_iter(plan.separator, line.as_bytes()).map(|at| (begin + at) as u32));
        ends.push((begin + line.len()) as u32);
        for (cell, column) in group.cells.iter().zip(&mut columns) {
            column.append_value(text.get(span_of(&ends, begin, (*cell, *cell))).unwrap_or_default());
        }
    }
    Ok(columns.into_iter().map(|mut column| column.finish()).collect())
}

/// The error for a text that is neither UTF-8 nor Latin-1 throughout.
pub(super) fn mixed(url: &str, line: u64) -> Error {
    Error::new(
        Kind::NotData,
        format!("{url}: after line {line} it is not UTF-8, though lines before are and not ASCII either, or the other way round"),
    )
    .hint("the file is damaged or glued together from two: fetch it again from the publisher")
}
