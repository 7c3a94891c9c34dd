//! Counts the rows whose key another row has, of more rows than memory holds.
//!
//! Each row is told by a hash of its key, which goes to one of many buckets by its first bits; buckets that grow too large
//! are written out. A bucket at a time is then sorted. Of 760 million hashes of 64 bits, two that are equal by chance are
//! to be expected in one run of sixty: the count is of hashes, and says so.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use model::{Kind, Result, ResultExt as _};

/// Hashes of keys.
pub(super) struct Repeats {
    buckets: Vec<Bucket>,
    held: usize,
    spill: Box<dyn Fn() -> std::io::Result<File> + Send>,
}

#[derive(Default)]
struct Bucket {
    held: Vec<u64>,
    file: Option<File>,
}

const BUCKETS: usize = 256;

/// Hashes held in memory at most, over all buckets.
const HELD: usize = 2 << 20;

impl Repeats {
    /// None yet; `spill` makes a file for what does not fit in memory.
    pub fn new(spill: impl Fn() -> std::io::Result<File> + Send + 'static) -> Self {
        let buckets = (0..BUCKETS).map(|_| Bucket::default()).collect();
        Self { buckets, held: 0, spill: Box::new(spill) }
    }

    /// Adds hashes.
    pub fn add(&mut self, hashes: &[u64]) -> Result<()> {
        for hash in hashes {
            self.buckets[(hash >> 56) as usize].held.push(*hash);
        }
        self.held += hashes.len();
        if self.held >= HELD {
            for bucket in &mut self.buckets {
                bucket.write_out(&self.spill).or_error(Kind::Io, CANNOT)?;
            }
            self.held = 0;
        }
        Ok(())
    }

    /// How many hashes equal one before them.
    pub fn count(self) -> Result<u64> {
        let mut count = 0;
        for mut bucket in self.buckets {
            bucket.read_back().or_error(Kind::Io, CANNOT)?;
            bucket.held.sort_unstable();
            count += bucket.held.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
        }
        Ok(count)
    }
}

const CANNOT: &str = "cannot set the keys of rows aside: check that the warehouse's disk has room";

impl Bucket {
    fn write_out(&mut self, spill: &dyn Fn() -> std::io::Result<File>) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(spill()?),
        };
        let bytes: Vec<u8> = self.held.iter().flat_map(|hash| hash.to_le_bytes()).collect();
        file.write_all(&bytes)?;
        self.held.clear();
        Ok(())
    }

    fn read_back(&mut self) -> std::io::Result<()> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        let (hashes, _) = bytes.as_chunks::<8>();
        self.held.extend(hashes.iter().map(|hash| u64::from_le_bytes(*hash)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_counted_in_memory_and_on_disk() {
        for times in [1, 3 * HELD as u64] {
            let mut repeats = Repeats::new(tempfile::tempfile);
            // A multiplication by an odd number gives each its own hash.
            let hashes: Vec<u64> = (0..times).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
            hashes.chunks(100_000).for_each(|some| repeats.add(some).unwrap());
            repeats.add(&[hashes[0], hashes[0], hashes[hashes.len() / 2]]).unwrap();
            assert_eq!(repeats.count().unwrap(), 3, "{times}");
        }
    }
}
