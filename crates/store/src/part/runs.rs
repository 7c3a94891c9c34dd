//! Parquet's mixture of runs and packed bits, written from runs that are known beforehand.
//!
//! The library's own encoder takes one value at a time; of sorted rows whole runs are known, and most rows are in one.

/// Writes `(value, how many times)` with so many bits a value, at most 32.
pub(super) fn encode(runs: impl Iterator<Item = (u32, u32)>, bits: u32, out: &mut Vec<u8>) {
    let mut encoder = Encoder { bits, out, packed: Vec::with_capacity(PACK) };
    let mut runs = runs.peekable();
    while let Some((value, mut times)) = runs.next() {
        while let Some((_, more)) = runs.next_if(|(next, _)| *next == value) {
            times += more;
        }
        encoder.put(value, times);
    }
    encoder.flush();
}

/// How many bits the values below a bound need; at least one.
pub(super) fn bits_for(bound: usize) -> u32 {
    usize::BITS - bound.saturating_sub(1).max(1).leading_zeros()
}

/// Values that are packed together at most, a multiple of eight: the header then needs one byte.
const PACK: usize = 504;

struct Encoder<'a> {
    bits: u32,
    out: &'a mut Vec<u8>,
    /// Values that wait to be packed, in eights.
    packed: Vec<u32>,
}

impl Encoder<'_> {
    fn put(&mut self, value: u32, mut times: u32) {
        // Packed values come in eights: what is missing to the next eight is taken from the run.
        while times > 0 && !self.packed.len().is_multiple_of(8) {
            self.pack(value);
            times -= 1;
        }
        if times >= 8 {
            self.flush();
            self.varint(u64::from(times) << 1);
            let bytes = (self.bits as usize).div_ceil(8);
            self.out.extend_from_slice(&value.to_le_bytes()[..bytes]);
            return;
        }
        for _ in 0..times {
            self.pack(value);
        }
    }

    fn pack(&mut self, value: u32) {
        self.packed.push(value);
        if self.packed.len() == PACK {
            self.flush();
        }
    }

    /// Packs what waits; the last eight is filled up with zeros, which readers ignore past the end.
    fn flush(&mut self) {
        if self.packed.is_empty() {
            return;
        }
        let eights = self.packed.len().div_ceil(8);
        self.packed.resize(eights * 8, 0);
        self.varint((eights as u64) << 1 | 1);
        let (mut word, mut filled) = (0_u64, 0);
        for value in self.packed.drain(..) {
            word |= u64::from(value) << filled;
            filled += self.bits;
            while filled >= 8 {
                self.out.push(word.to_le_bytes()[0]);
                word >>= 8;
                filled -= 8;
            }
        }
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.out.push(value.to_le_bytes()[0]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads the mixture by its description in Parquet's format: an independent way back.
    fn decode(bytes: &[u8], bits: u32, count: usize) -> Vec<u32> {
        let (mut at, mut values) = (0, Vec::new());
        let width = (bits as usize).div_ceil(8);
        while values.len() < count {
            let (mut header, mut shift) = (0_u64, 0);
            loop {
                let byte = bytes[at];
                at += 1;
                header |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            if header & 1 == 0 {
                let mut value = [0; 4];
                value[..width].copy_from_slice(&bytes[at..at + width]);
                at += width;
                values.extend(std::iter::repeat_n(u32::from_le_bytes(value), (header >> 1) as usize));
                continue;
            }
            let packed = (header >> 1) as usize * 8;
            for place in 0..packed {
                let bit = |index: usize| u32::from(bytes[at + index / 8] >> (index % 8) & 1);
                let first = place * bits as usize;
                values.push((0..bits as usize).map(|k| bit(first + k) << k).sum());
            }
            at += packed * bits as usize / 8;
        }
        assert_eq!(at, bytes.len(), "nothing is left over");
        values.truncate(count);
        values
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            runs in prop::collection::vec((0_u32..1000, 1_u32..40), 0..300),
            bits in 10_u32..=32,
        ) {
            let mut out = Vec::new();
            encode(runs.iter().copied(), bits, &mut out);
            let wanted: Vec<u32> =
                runs.iter().flat_map(|(value, times)| std::iter::repeat_n(*value, *times as usize)).collect();
            prop_assert_eq!(decode(&out, bits, wanted.len()), wanted);
        }

        #[test]
        fn single_values_read_back(values in prop::collection::vec(0_u32..2, 0..2000)) {
            let mut out = Vec::new();
            encode(values.iter().map(|value| (*value, 1)), 1, &mut out);
            prop_assert_eq!(decode(&out, 1, values.len()), values);
        }
    }

    #[test]
    fn bits_are_those_of_the_largest_value() {
        assert_eq!([1, 2, 3, 4, 5, 256, 257].map(bits_for), [1, 1, 2, 2, 3, 8, 9]);
    }
}
