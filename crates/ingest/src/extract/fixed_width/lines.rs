//! Records of text, one a line.

use std::io::{BufRead, Read};

use model::{Error, Kind, Result};

use crate::content::broken;

/// The longest line that is read, in bytes: a file without line ends is not a file of records.
const LONGEST: u64 = 64 * 1024;

/// What old systems put behind the last line.
const END_OF_FILE: u8 = 0x1a;

/// Reads one record after the other.
pub(super) struct Lines<'a> {
    text: Box<dyn BufRead + 'a>,
    url: &'a str,
    line: Vec<u8>,
    number: u64,
}

impl<'a> Lines<'a> {
    pub fn new(text: impl Read + 'a, url: &'a str) -> Self {
        Self { text: Box::new(std::io::BufReader::with_capacity(256 * 1024, text)), url, line: Vec::new(), number: 0 }
    }

    /// The next record and its 1-based line, without its line end. Blank lines and what stands behind the end of the text
    /// may only come last.
    pub fn next(&mut self) -> Result<Option<(u64, &[u8])>> {
        let mut blank = None;
        loop {
            self.line.clear();
            let mut limited = self.text.by_ref().take(LONGEST);
            let length = limited.read_until(b'\n', &mut self.line).map_err(|cause| broken(self.url, cause))?;
            if length == 0 {
                return Ok(None);
            }
            self.number += 1;
            if length as u64 == LONGEST && !self.line.ends_with(b"\n") {
                return Err(Error::new(
                    Kind::Changed,
                    format!("{}: line {} is longer than {LONGEST} bytes", self.url, self.number),
                )
                .hint("the publisher's files have a record a line; this one has no line ends, or is no such file"));
            }
            while matches!(self.line.last(), Some(b'\n' | b'\r' | &END_OF_FILE)) {
                self.line.pop();
            }
            if self.line.iter().all(|byte| *byte == b' ') {
                blank = blank.or(Some(self.number));
                continue;
            }
            if let Some(blank) = blank {
                return Err(Error::new(
                    Kind::NotData,
                    format!("{}: line {blank} is blank, and records follow", self.url),
                )
                .hint("the file is damaged there: fetch it again; nothing of it was kept"));
            }
            return Ok(Some((self.number, &self.line)));
        }
    }
}
