//! ZIP archives: their members, and the text in one of them.
//!
//! [`Zip`] is read in memory, packed; a member streams. Methods are those that publishers' archives have: stored, deflated,
//! and PKWARE's Implode (method 6), which the FBI's master files of the 1990s use. Any other is refused by its name, and so
//! is a member under a password.

use std::io::{Cursor, Read};

use model::{Error, Kind, Result};
use zip::{CompressionMethod, ZipArchive};

use crate::content::{Limited, broken};
use crate::extract::Page;

/// An archive.
pub struct Zip {
    archive: ZipArchive<Cursor<Vec<u8>>>,
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
        let archive = ZipArchive::new(Cursor::new(page.bytes(limit)?))
            .map_err(|cause| broken(&page.url, std::io::Error::other(cause)))?;
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
