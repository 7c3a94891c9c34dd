//! Archives by each method, made here: one is imploded by hand, because nothing writes that any more.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;

use super::*;

const TEXT: &[u8] = b"1 first record\r\n1 second record\r\n1 first record\r\n\x1a";

/// An archive of members, stored or deflated.
fn archive(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in members {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(text).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Bits, the lowest of each byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for at in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.len() - 1;
            self.bytes[last] |= u8::from(value >> at & 1 == 1) << (self.used % 8);
            self.used += 1;
        }
    }
}

/// PKWARE's Implode with a window of 4 KB and no tree of literals: each byte as it stands, behind a 1. The trees of
/// lengths and of distances have 64 codes of six bits each (APPNOTE.TXT, section 5.3).
fn imploded(text: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    for _ in 0..2 {
        // Four runs follow, each of 16 codes of 6 bits.
        for byte in [3, 0xf5, 0xf5, 0xf5, 0xf5] {
            bits.push(byte, 8);
        }
    }
    for byte in text {
        bits.push(1, 1);
        bits.push(u32::from(*byte), 8);
    }
    bits.bytes
}

/// An archive of one member that is packed already.
fn raw(method: u16, flags: u16, packed: &[u8], text: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(text);
    let name = b"RETA90.DAT";
    let common = |out: &mut Vec<u8>| {
        for word in [20, flags, method, 0x5a21, 0x1a36] {
            out.extend_from_slice(&u16::to_le_bytes(word));
        }
        for long in [crc.sum(), packed.len() as u32, text.len() as u32] {
            out.extend_from_slice(&u32::to_le_bytes(long));
        }
        out.extend_from_slice(&u16::to_le_bytes(name.len() as u16));
        out.extend_from_slice(&[0, 0]);
    };
    let mut out = b"PK\x03\x04".to_vec();
    common(&mut out);
    out.extend_from_slice(name);
    out.extend_from_slice(packed);
    let directory = out.len() as u32;
    out.extend_from_slice(b"PK\x01\x02\x14\x00");
    common(&mut out);
    out.extend_from_slice(&[0; 14]);
    out.extend_from_slice(name);
    let length = out.len() as u32 - directory;
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&directory.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out
}

fn page(bytes: Vec<u8>) -> Page {
    Page::of_bytes("file:reta-1990.zip", bytes)
}

#[track_caller]
fn check(bytes: Vec<u8>, method: &str) {
    let page = page(bytes);
    check_whole(&page, 1 << 20).unwrap();
    let mut zip = Zip::open(&page, 1 << 20).unwrap();
    let members = zip.members().unwrap();
    assert_eq!((members.len(), members[0].method, members[0].bytes), (1, method, TEXT.len() as u64));
    let mut text = Vec::new();
    zip.read(&members[0], 1 << 20).unwrap().read_to_end(&mut text).unwrap();
    assert_eq!(text, TEXT);
}

#[test]
fn stored_deflated_and_imploded_members_are_read() {
    check(archive(&[("a.txt", TEXT)], CompressionMethod::Stored), "stored");
    check(archive(&[("a.DAT", TEXT)], CompressionMethod::Deflated), "deflated");
    check(raw(6, 0, &imploded(TEXT), TEXT), "imploded");
}

#[test]
fn a_member_has_its_name_and_date() {
    let bytes = raw(6, 0, &imploded(TEXT), TEXT);
    let member = Zip::open(&page(bytes), 1 << 20).unwrap().members().unwrap().remove(0);
    assert_eq!((member.name.as_str(), member.modified.as_str()), ("RETA90.DAT", "1993-01-22 11:17:02"));
}

#[track_caller]
fn check_refused(bytes: Vec<u8>, words: &str) {
    let error = check_whole(&page(bytes), 1 << 20).unwrap_err();
    let chain = format!("{error} {:?}", std::error::Error::source(&error).map(ToString::to_string));
    assert_eq!(error.kind(), Kind::NotData, "{chain}");
    assert!(chain.contains(words) && error.hint_text().is_some(), "{chain}");
}

#[test]
fn what_is_not_read_is_named() {
    check_refused(raw(9, 0, TEXT, TEXT), "RETA90.DAT is packed by Deflate64 (method 9)");
    check_refused(raw(14, 0, TEXT, TEXT), "packed by Lzma (method 14)");
    check_refused(raw(1, 0, TEXT, TEXT), "packed by Shrink");
    check_refused(raw(77, 0, TEXT, TEXT), "packed by Unknown (method 77)");
    check_refused(raw(0, 1, TEXT, TEXT), "under a password");
}

#[test]
fn a_cut_or_damaged_archive_is_no_data() {
    let whole = archive(&[("a.txt", TEXT)], CompressionMethod::Deflated);
    check_refused(whole[..whole.len() - 30].to_vec(), "cut short or corrupt");
    check_refused(raw(0, 0, TEXT, &[TEXT, b"more"].concat()), "cut short or corrupt");
    let mut damaged = raw(6, 0, &imploded(TEXT), TEXT);
    damaged[60] ^= 0x10;
    check_refused(damaged, "cut short or corrupt");
}

#[test]
fn a_bomb_is_stopped() {
    let bomb = archive(&[("a.txt", &vec![b'0'; 2 << 20])], CompressionMethod::Deflated);
    check_refused(bomb, "inflates to more than");
}

#[track_caller]
fn check_only(bytes: Vec<u8>, limit: u64, expected: Result<&[u8], &str>) {
    let page = Page::of_bytes("u", bytes);
    let mut text = Vec::new();
    let read = match only(&page, limit) {
        Ok(mut reader) => reader.read_to_end(&mut text).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match (read, expected) {
        (Ok(_), Ok(expected)) => assert_eq!(text, expected),
        (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
        (read, _) => panic!("{read:?}"),
    }
}

#[test]
fn the_only_file_is_read_to_its_end_and_compared() {
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let whole = archive(&[("a.tsv", TEXT)], method);
        check_only(whole.clone(), 1 << 20, Ok(TEXT));
        check_only(whole.clone(), 5, Err("inflates to more than"));
        check_only(whole[..whole.len() / 2].to_vec(), 1 << 20, Err("cut short or corrupt"));
        let mut changed = whole;
        // Behind the local header of thirty bytes and the name.
        changed[30 + 5 + 4] ^= 1;
        let page = Page::of_bytes("u", changed);
        assert!(only(&page, 1 << 20).unwrap().read_to_end(&mut Vec::new()).is_err());
    }
    check_only(archive(&[("a", TEXT), ("b", TEXT)], CompressionMethod::Stored), 1 << 20, Err("an archive of 2 files"));
    check_only(archive(&[], CompressionMethod::Stored), 1 << 20, Err("an archive of 0 files"));
    check_only(raw(6, 2, &imploded(TEXT), TEXT), 1 << 20, Err("imploded"));
}
