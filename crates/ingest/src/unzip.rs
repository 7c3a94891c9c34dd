//! ZIP archives: their members, and the text in one of them.
//!
//! Nothing of [`Zip`] but its list of members is in memory; a member streams. Methods are those that publishers' archives have: stored, deflated,
//! and PKWARE's Implode (method 6), which the FBI's master files of the 1990s use. Any other is refused by its name, and so
//! is a member under a password.

use std::io::{BufReader, Read, Seek as _, SeekFrom};

use flate2::CrcReader;
use flate2::read::DeflateDecoder;
use model::{Error, Kind, Result, ResultExt as _};
use store::file::Content;
use zip::{CompressionMethod, ZipArchive};

use crate::content::{Limited, broken};
use crate::extract::Page;

/// An archive.
pub struct Zip {
    archive: ZipArchive<BufReader<Box<dyn Content>>>,
    url: String,
}

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its place in the archive.
    pub index: usize,
    /// Its name, as the archive has it.
    pub name: String,
    /// Its length, unpacked, as the archive says.
    pub bytes: u64,
    /// When it was changed last, as the archive says: `2016-09-26 10:00:00`; empty where it does not.
    pub modified: String,
    /// How it is packed.
    pub method: &'static str,
}

impl Zip {
    /// Opens the archive that a page is, of at most so many bytes.
    pub fn open(page: &Page, limit: u64) -> Result<Self> {
        let mut body = page.raw()?;
        let bytes = body.seek(SeekFrom::End(0)).or_error(Kind::Io, format!("cannot read {}", page.url))?;
        if bytes > limit {
            return Err(Error::new(Kind::NotData, format!("{} is larger than {limit} bytes", page.url))
                .hint("raise the pipeline's `max_bytes` if the publisher's file has really grown"));
        }
        let archive =
            ZipArchive::new(BufReader::new(body)).map_err(|cause| broken(&page.url, std::io::Error::other(cause)))?;
        Ok(Self { archive, url: page.url.clone() })
    }

    /// Its files, folders apart, and what a Mac adds to them.
    pub fn members(&mut self) -> Result<Vec<Member>> {
        let mut members = Vec::new();
        for index in 0..self.archive.len() {
            let file = self.archive.by_index_raw(index).map_err(|cause| unreadable(&self.url, cause))?;
            let name = file.name().map_err(|cause| unreadable(&self.url, cause))?.into_owned();
            if file.is_dir() || name.starts_with("__MACOSX/") {
                continue;
            }
            if file.encrypted() {
                return Err(Error::new(Kind::NotData, format!("{}: {name} is under a password", self.url))
                    .hint("unpack it yourself and import the file that is in it"));
            }
            let method = method(file.compression()).map_err(|found| refused(&self.url, &name, &found))?;
            let modified = file.last_modified().map(|time| time.to_string()).unwrap_or_default();
            members.push(Member { index, name, bytes: file.size(), modified, method });
        }
        Ok(members)
    }

    /// The text of a member. It fails where it is longer than `limit` bytes, or at its end where it is not whole.
    pub fn read(&mut self, member: &Member, limit: u64) -> Result<impl Read + '_> {
        let file = self.archive.by_index(member.index).map_err(|cause| unreadable(&self.url, cause))?;
        Ok(Limited::new(file, limit, &self.url))
    }
}

/// The text of an archive's only file, however long, and whoever reads it owns it. At its end it is compared with what the
/// archive says of it.
pub fn only(page: &Page, limit: u64) -> Result<impl Read + Send + use<>> {
    let mut zip = Zip::open(page, u64::MAX)?;
    let members = zip.members()?;
    let [member] = members.as_slice() else {
        let message = format!("{} is an archive of {} files", page.url, members.len());
        return Err(Error::new(Kind::NotData, message).hint("unpack it, and bring the file that holds the table"));
    };
    let file = zip.archive.by_index(member.index).map_err(|cause| unreadable(&page.url, cause))?;
    let (packed, crc, method) = (file.compressed_size(), file.crc32(), file.compression());
    let begin = file.data_start();
    drop(file);
    let begin = begin.ok_or_else(|| broken(&page.url, std::io::Error::other("it does not say where its file is")))?;
    let mut body = page.raw()?;
    body.seek(SeekFrom::Start(begin)).or_error(Kind::Io, format!("cannot read {}", page.url))?;
    let body = BufReader::with_capacity(64 * 1024, body).take(packed);
    let text: Box<dyn Read + Send> = match method {
        CompressionMethod::Stored => Box::new(body),
        CompressionMethod::Deflated => Box::new(DeflateDecoder::new(body)),
        _ => return Err(refused(&page.url, &member.name, member.method)),
    };
    let checked = Checked { text: CrcReader::new(text), bytes: 0, expected: (member.bytes, crc) };
    Ok(Limited::new(checked, limit, &page.url))
}

/// A text that must be, at its end, as long as was said, with the checksum that was said.
struct Checked<R> {
    text: CrcReader<R>,
    bytes: u64,
    expected: (u64, u32),
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.text.read(buffer)?;
        self.bytes += count as u64;
        let ended = count == 0 && !buffer.is_empty();
        if ended && (self.bytes, self.text.crc().sum()) != self.expected {
            return Err(std::io::Error::other("the file in the archive is not the one that was packed"));
        }
        Ok(count)
    }
}

/// Reads every member to its end, so that a cut or corrupt archive is found before it is kept.
pub fn check_whole(page: &Page, limit: u64) -> Result<()> {
    let mut zip = Zip::open(page, limit)?;
    let mut left = limit;
    for member in zip.members()? {
        let mut text = zip.read(&member, left)?;
        let length = std::io::copy(&mut text, &mut std::io::sink()).map_err(|cause| broken(&page.url, cause))?;
        left = left.saturating_sub(length);
    }
    Ok(())
}

/// The name of a method that we read, or that of one that we do not.
fn method(method: CompressionMethod) -> Result<&'static str, String> {
    match method {
        CompressionMethod::Stored => Ok("stored"),
        CompressionMethod::Deflated => Ok("deflated"),
        CompressionMethod::Implode => Ok("imploded"),
        #[expect(deprecated, reason = "the only way to learn the number of a method that is not read")]
        CompressionMethod::Unsupported(number) => {
            Err(format!("{} (method {number})", CompressionMethod::name_from_u16(number)))
        }
        other => Err(format!("{other:?}")),
    }
}

fn refused(url: &str, name: &str, method: &str) -> Error {
    Error::new(Kind::NotData, format!("{url}: {name} is packed by {method}, which is not read here"))
        .hint("unpack it yourself and import the file that is in it; stored, deflated and imploded members are read")
}

fn unreadable(url: &str, cause: zip::result::ZipError) -> Error {
    broken(url, std::io::Error::other(cause))
}

#[cfg(test)]
mod tests;
