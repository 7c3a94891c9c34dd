//! Cuts a text into chunks at line ends, of a size that depends on nothing but the text.

use std::io::Read;

use model::Result;

use crate::extract::{Page, cut_short};

/// Bytes of a chunk, but for what is left of the line before. Tests cut finer, so that small files have many.
const CHUNK: usize = if cfg!(test) { 16 << 10 } else { 8 << 20 };

/// Whole lines of a file.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Its place among the chunks.
    pub number: usize,
    /// The lines, each with its line end; the last of the file may have none.
    pub bytes: Vec<u8>,
    /// Whether the file ends with it.
    pub last: bool,
}

/// Hands on the chunks of a page's text, in order, as long as `take` wants more.
pub(super) fn chunks(page: &Page, limit: u64, take: &mut dyn FnMut(Chunk) -> bool) -> Result<()> {
    let mut text = page.unpacked(limit)?;
    let (mut number, mut rest) = (0, Vec::new());
    loop {
        let mut bytes = std::mem::take(&mut rest);
        bytes.reserve_exact((CHUNK + 4096).saturating_sub(bytes.len()));
        let ended = fill(text.as_mut(), &mut bytes).map_err(|cause| cut_short(page, cause))?;
        if !ended {
            // A line longer than a chunk makes the next one longer.
            let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
                rest = bytes;
                continue;
            };
            rest = bytes[end + 1..].to_vec();
            bytes.truncate(end + 1);
        }
        if !take(Chunk { number, bytes, last: ended }) || ended {
            return Ok(());
        }
        number += 1;
    }
}

/// Reads a chunk's bytes more, or to the end of the text; whether that was reached.
fn fill(text: &mut dyn Read, bytes: &mut Vec<u8>) -> std::io::Result<bool> {
    let wanted = bytes.len().max(CHUNK.saturating_sub(bytes.len())) as u64;
    let count = text.take(wanted).read_to_end(bytes)?;
    Ok((count as u64) < wanted)
}
