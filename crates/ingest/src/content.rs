//! What came: is it the container that was expected, and whole?

use std::io::{BufRead as _, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use model::dataset::Dataset;
use model::{Error, Kind, Result, ResultExt as _};

use crate::extract::{Expect, Extractor, Page, Request, Slice};
use crate::normalise::check_names;
use crate::unzip;

/// The body as text: without its gzip layer, if it has one, and never more than `limit` bytes of it.
pub fn plain(body: Box<dyn Read + Send>, limit: u64, url: &str) -> Result<Box<dyn Read + Send>> {
    let mut body = BufReader::with_capacity(64 * 1024, body);
    let head = body.fill_buf().or_error(Kind::Io, format!("cannot read the body of {url}"))?;
    Ok(if head.starts_with(&GZIP) {
        Box::new(Limited::new(MultiGzDecoder::new(body), limit, url))
    } else {
        Box::new(body)
    })
}

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZIP: [u8; 4] = *b"PK\x03\x04";
const PDF: &[u8] = b"%PDF-";
const OLE: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// Reads at most so many bytes, and fails where there are more: a decompression bomb is an error, not a short file.
pub(crate) struct Limited<R> {
    inner: R,
    left: u64,
    url: String,
}

impl<R> Limited<R> {
    /// Reads at most `limit` bytes of what an address serves, inflated.
    pub fn new(inner: R, limit: u64, url: &str) -> Self {
        Self { inner, left: limit, url: url.to_owned() }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => {
                return Err(std::io::Error::other(format!("{} inflates to more than the pipeline allows", self.url)));
            }
        }
        Ok(count)
    }
}

/// Refuses text in an encoding that no publisher of ours uses, whatever it may be of.
pub fn check_encoding(page: &Page) -> Result<()> {
    let mut head = Vec::new();
    page.raw()?.take(2).read_to_end(&mut head).or_error(Kind::Io, format!("cannot read the body of {}", page.url))?;
    if let [0xff, 0xfe] | [0xfe, 0xff] = head.as_slice() {
        return Err(Error::new(
            Kind::NotData,
            format!("{} is UTF-16 text: another program has saved it again", page.url),
        )
        .hint("bring the file as it was downloaded, or save it as UTF-8"));
    }
    Ok(())
}

/// Refuses what cannot be the expected container, by its first bytes: an HTML page, a Git-LFS pointer, an empty
/// body, another file format.
pub fn sniff(head: &[u8], expect: Expect, url: &str) -> Result<()> {
    let not_data = |what: &str| Error::new(Kind::NotData, format!("{url} is {what}, not the data"));
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if text.is_empty() {
        return Err(not_data("an empty body")
            .hint("ask again later; if it stays so, `tollhouse probe` shows what the publisher serves now"));
    }
    if expect != Expect::Page && is_html(head) {
        return Err(not_data("an HTML page")
            .hint("open the address in a browser: the publisher may have moved the file or ask for a sign-in"));
    }
    if text.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Err(not_data("a Git-LFS pointer")
            .hint("fetch the file itself (`git lfs pull`), not the pointer that stands for it"));
    }
    let matches = match expect {
        Expect::Workbook => is_workbook(head),
        Expect::Pdf => head.starts_with(PDF),
        Expect::Packed if head.starts_with(&ZIP) => true,
        Expect::Json => matches!(text.first(), Some(b'[' | b'{')),
        Expect::Xml => text.first() == Some(&b'<'),
        Expect::Text | Expect::Page | Expect::Packed => {
            head.starts_with(&GZIP) || !(head.starts_with(&ZIP) || head.iter().take(512).any(|byte| *byte == 0))
        }
        Expect::Bulk => is_rds(head) || head.starts_with(&ZIP) || sniff(head, Expect::Text, url).is_ok(),
        Expect::TextOrWorkbook => is_workbook(head) || sniff(head, Expect::Text, url).is_ok(),
    };
    if matches {
        return Ok(());
    }
    let found = if head.starts_with(&ZIP) {
        "a ZIP archive or workbook"
    } else if head.starts_with(&OLE) {
        "an old Office document"
    } else if head.starts_with(&GZIP) {
        "a gzip file"
    } else if is_rds(head) || head.starts_with(b"A\n") {
        return Err(not_data("a file that R has saved (.RDS)").hint(
            "in R, `write.table(readRDS(\"FILE\"), \"FILE.tsv\", sep = \"\\t\", quote = FALSE, row.names = FALSE)` makes text of it",
        ));
    } else if head.starts_with(b"BZh") || head.starts_with(b"\xfd7zXZ") {
        return Err(
            not_data("packed with bzip2 or xz").hint("unpack it and bring what was in it, or pack that with gzip")
        );
    } else if text.starts_with(b"<") {
        "an XML document"
    } else {
        "something else"
    };
    Err(not_data(found).hint("`tollhouse probe` shows what the publisher serves now"))
}

/// Whether a body begins as an XLS or XLSX workbook does.
pub(crate) fn is_workbook(head: &[u8]) -> bool {
    head.starts_with(&ZIP) || head.starts_with(&OLE)
}

/// Whether a body begins as the tables do that R saves: in the binary form of the second or third version.
pub(crate) fn is_rds(head: &[u8]) -> bool {
    head.starts_with(b"X\n\0\0\0\x02") || head.starts_with(b"X\n\0\0\0\x03")
}

/// Whether a body begins as an HTML page does, a saved one included.
pub(crate) fn is_html(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let lower = text[..text.len().min(64)].to_ascii_lowercase();
    [&b"<!doctype html"[..], b"<html", b"<head", b"<!--"].iter().any(|begin| lower.starts_with(begin))
}

/// Reads a gzip file to its end, so that a cut or corrupt one is found before it is archived. Other bodies pass.
pub fn check_whole(body: Box<dyn Read + Send>, limit: u64, url: &str) -> Result<()> {
    let mut text = plain(body, limit, url)?;
    std::io::copy(&mut text, &mut std::io::sink()).map_err(|cause| broken(url, cause))?;
    Ok(())
}

/// How many times its size a gzip body may inflate to; small ones may whatever they like. Tables of few words reach 30;
/// a bomb 1,000.
const INFLATION: u64 = 100;
const SMALL: u64 = 64 << 20;

/// Looks at a page of so many bytes as received, before it is let into the archive: its first bytes, its gzip, and
/// whether it is the table that the dataset declares.
pub fn admit(
    dataset: &Dataset,
    extractor: &dyn Extractor,
    slice: &Slice,
    page: &Page,
    expect: Expect,
    bytes: u64,
) -> Result<()> {
    // What is read as a stream is read to its end before anything is committed; inflating it twice would take twice as long.
    glance(page, expect)?;
    if extractor.lines(slice, page)?.is_none() {
        container(page, expect, bytes)?;
    }
    fits(dataset, extractor, slice, page)
}

/// Whether a page is what [`admit`] lets in, as far as its beginning tells.
pub fn promises(
    dataset: &Dataset,
    extractor: &dyn Extractor,
    slice: &Slice,
    page: &Page,
    expect: Expect,
) -> Result<()> {
    glance(page, expect)?;
    fits(dataset, extractor, slice, page)
}

/// Whether a page begins as the expected container does.
pub fn glance(page: &Page, expect: Expect) -> Result<()> {
    let head = beginning(page.raw()?, &page.url)?;
    sniff(&head, expect, &page.url)?;
    if head.starts_with(&GZIP) || is_zipped_text(&head, expect) { within(page, expect, SMALL) } else { Ok(()) }
}

/// Whether a body begins as a ZIP archive does that stands for the text in it.
fn is_zipped_text(head: &[u8], expect: Expect) -> bool {
    expect == Expect::Bulk && head.starts_with(&ZIP)
}

/// Whether what is packed begins as it should.
fn within(page: &Page, expect: Expect, limit: u64) -> Result<()> {
    let saved = matches!(expect, Expect::Page | Expect::Bulk) && !is_zip(page)?;
    let within = if saved { expect } else { Expect::Text };
    sniff(&beginning(page.unpacked(limit)?, &page.url)?, within, &page.url)
}

/// Whether a page is the container that was expected, whole.
pub(crate) fn container(page: &Page, expect: Expect, bytes: u64) -> Result<()> {
    let head = beginning(page.raw()?, &page.url)?;
    sniff(&head, expect, &page.url)?;
    let limit = bytes.saturating_mul(INFLATION).max(SMALL);
    if head.starts_with(&GZIP) || is_zipped_text(&head, expect) {
        within(page, expect, limit)?;
        let mut text = page.unpacked(limit)?;
        std::io::copy(&mut text, &mut std::io::sink()).map_err(|cause| broken(&page.url, cause))?;
    }
    if expect == Expect::Packed && head.starts_with(&ZIP) {
        unzip::check_whole(page, limit)?;
    }
    Ok(())
}

/// Whether a page is the table that the dataset declares, in a layout whose every header is declared.
pub(crate) fn fits(dataset: &Dataset, extractor: &dyn Extractor, slice: &Slice, page: &Page) -> Result<()> {
    extractor.inspect(page)?;
    // Of what is read as a stream no row is looked at here: one at fault is set aside later, wherever it stands.
    let headers = match extractor.lines(slice, page)? {
        Some(lines) => Some(lines.names),
        None => extractor.headers(slice, page)?,
    };
    match headers {
        Some(headers) => check_names(dataset, &headers.iter().map(String::as_str).collect()),
        None => Ok(()),
    }
}

/// What an imported file may be, for an extractor: its own inspection tells the layouts of text apart.
pub fn importable(extractor: &dyn Extractor, slice: &Slice) -> Result<Expect> {
    Ok(match extractor.next_page(slice, &[])? {
        Some(Request {
            expect:
                expect @ (Expect::Workbook
                | Expect::TextOrWorkbook
                | Expect::Bulk
                | Expect::Page
                | Expect::Packed
                | Expect::Pdf),
            ..
        }) => expect,
        _ => Expect::Text,
    })
}

/// Whether a page is a ZIP archive.
pub(crate) fn is_zip(page: &Page) -> Result<bool> {
    Ok(beginning(page.raw()?, &page.url)?.starts_with(&ZIP))
}

/// How much of a body its container is told by.
const BEGINNING: u64 = 4096;

fn beginning(body: impl Read, url: &str) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    body.take(BEGINNING).read_to_end(&mut head).map_err(|cause| broken(url, cause))?;
    Ok(head)
}

/// The error for a body that breaks off or does not inflate.
pub fn broken(url: &str, cause: std::io::Error) -> Error {
    Error::new(Kind::NotData, format!("{url} is cut short or corrupt"))
        .caused_by(cause)
        .hint("fetch it again; nothing was committed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &[u8], expect: Expect, found: Option<&str>) {
        match (sniff(head, expect, "u"), found) {
            (Ok(()), None) => {}
            (Err(error), Some(found)) => assert!(error.to_string().contains(found), "{error}"),
            (result, _) => panic!("{result:?} for {}", String::from_utf8_lossy(head)),
        }
    }

    #[test]
    fn what_is_not_the_data_is_named() {
        check(b"<!DOCTYPE html><html>", Expect::Text, Some("an HTML page"));
        check(b"\n  <HTML lang=en>", Expect::Workbook, Some("an HTML page"));
        check(b"version https://git-lfs.github.com/spec/v1\noid", Expect::Text, Some("a Git-LFS pointer"));
        check(b"  \n", Expect::Json, Some("an empty body"));
        check(b"PK\x03\x04rest", Expect::Workbook, None);
        check(b"<!DOCTYPE html><html>", Expect::Page, None);
        check(b"County\tState", Expect::Page, None);
        check(b"PK\x03\x04rest", Expect::Page, Some("a ZIP archive"));
        check(b"PK\x03\x04rest", Expect::Packed, None);
        check(b"PK\x03\x04rest", Expect::Text, Some("a ZIP archive"));
        check(b"601AL001123", Expect::Packed, None);
        check(b"1\0\0\0", Expect::Packed, Some("something else"));
        check(b"State,City", Expect::Workbook, Some("something else"));
        check(b"State,City", Expect::TextOrWorkbook, None);
        check(b"X\n\0\0\0\x02\0\x04", Expect::Bulk, None);
        check(b"X\n\0\0\0\x02\0\x04", Expect::Text, Some("a file that R has saved"));
        check(b"A\n2\n263169\n", Expect::Workbook, Some("a file that R has saved"));
        check(b"BZh91AY&SY\0", Expect::Bulk, Some("packed with bzip2 or xz"));
        check(b"State\tCity", Expect::Bulk, None);
        check(b"PK\x03\x04rest", Expect::TextOrWorkbook, None);
        check(&OLE, Expect::TextOrWorkbook, None);
        check(b"%PDF-1.4\n%\xe2", Expect::Pdf, None);
        check(b"PK\x03\x04rest", Expect::Pdf, Some("a ZIP archive"));
        check(b"a\0b", Expect::TextOrWorkbook, Some("something else"));
        check(b"[{\"a\":1}]", Expect::Json, None);
        check(b"<?xml version=\"1.0\"?>\n<page>", Expect::Xml, None);
        check(b"<?xml version=\"1.0\"?>\n<page>", Expect::Json, Some("an XML document"));
        check(b"<html><title>WONDER Message</title>", Expect::Xml, Some("an HTML page"));
        check(b"\xef\xbb\xbfState,Year", Expect::Text, None);
        check(&GZIP, Expect::Text, None);
    }

    #[test]
    fn a_bomb_is_an_error_and_not_a_short_file() {
        use std::io::Write as _;
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&vec![0; 1 << 20]).unwrap();
        let bytes = gz.finish().unwrap();
        let mut text = plain(Box::new(std::io::Cursor::new(bytes)), 1 << 10, "u").unwrap();
        assert!(std::io::copy(&mut text, &mut std::io::sink()).is_err());
    }

    #[test]
    fn a_cut_gzip_is_found() {
        use std::io::Write as _;
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(b"a\tb\n1\t2\n").unwrap();
        let mut bytes = gz.finish().unwrap();
        bytes.truncate(bytes.len() - 6);
        let error = check_whole(Box::new(std::io::Cursor::new(bytes)), 1 << 20, "u").unwrap_err();
        assert_eq!(error.kind(), Kind::NotData);
    }
}
