//! The raw archive: every byte that was received, named by its SHA-256, and a receipt of every exchange.
//!
//! `raw/ab/<sha256>` holds bodies, `exchanges/<id>.json` what was asked, when, and what came back. An exchange names
//! its body by digest; a 304 names the body that it confirms. Bodies arrive through a [`Spool`], a local file that
//! vanishes unless it is kept, so that nothing unchecked is ever found in the archive.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use model::{Digest, Error, Kind, Result, ResultExt as _};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::erasure::erasures;
use crate::file::{Content, Files, Hold, digest_of};
use crate::warehouse::{FORMAT, check_format, from_json, to_json};

/// The receipt of one exchange with a publisher, or of one imported file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The version of this format.
    pub format: u32,
    /// Its name: the first digits of the URL's digest, the time, a distinguishing end.
    pub id: String,
    /// The address at the publisher, secrets and signatures stripped; `file:` and a name for an import; `project:` and a
    /// path for a table of the project's own.
    pub url: String,
    /// `live`, `replica`, `import` or `project`.
    pub via: String,
    /// The HTTP method.
    pub method: String,
    /// What was sent along, of a request that has a body: an answer to it is no answer to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The request headers that bear on the answer, such as validators; never one that holds a secret.
    pub sent: Vec<(String, String)>,
    /// The HTTP status; 0 where there was no HTTP.
    pub status: u16,
    /// The response headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// When the first attempt began.
    pub started: Timestamp,
    /// When the answer was complete.
    pub finished: Timestamp,
    /// How many attempts it took.
    pub attempts: u32,
    /// The body in the archive; of a 304, the body that it confirms.
    pub digest: Option<Digest>,
    /// The length of that body.
    pub bytes: u64,
    /// Why the body was not let into the archive.
    pub refused: Option<String>,
}

impl Exchange {
    /// The version that this program writes.
    pub const FORMAT: u32 = FORMAT;

    /// A name for the exchange of this URL at this time; `end` tells rivals apart.
    pub fn new_id(url: &str, at: Timestamp, end: &str) -> String {
        // Nine digits always, so that names sort as times do.
        let time: String = format!("{at:.9}").chars().filter(char::is_ascii_alphanumeric).collect();
        format!("{}-{time}-{end}", &Digest::of(url).as_str()[..16])
    }

    /// What `new_id` is to be given for a request with a body: its URL, and the digest of the body.
    pub fn asked(url: &str, body: &str) -> String {
        format!("{url} {}", Digest::of(body))
    }
}

/// The archive. Cheap to clone; calls block.
#[derive(Clone)]
pub struct Archive {
    files: Arc<dyn Files>,
    spools: PathBuf,
    /// What keeps spools and bodies that nothing names yet safe.
    _writing: Option<Arc<Hold>>,
}

impl Archive {
    pub(crate) fn new(files: Arc<dyn Files>, spools: PathBuf, writing: Option<Arc<Hold>>) -> Self {
        Self { files, spools, _writing: writing }
    }

    /// An empty local file for a body on its way in.
    pub fn spool(&self) -> Result<Spool> {
        std::fs::create_dir_all(&self.spools).or_error(Kind::Io, "cannot make the folder for downloads")?;
        let file = tempfile::Builder::new()
            .prefix("spool-")
            .tempfile_in(&self.spools)
            .or_error(Kind::Io, "cannot make a file for the download")?;
        Ok(Spool { file: BufWriter::new(file), hasher: sha2::Sha256::new(), length: 0 })
    }

    /// Lets a body into the archive, durably. Keeping the same bytes again changes nothing, unless what lies there was
    /// damaged: then it is put right.
    pub fn keep(&self, spool: Spool) -> Result<Digest> {
        let digest = spool.digest();
        if let Some(erasure) = erasures(self.files.as_ref())?.into_iter().find(|known| known.captures.contains(&digest))
        {
            return Err(Error::new(
                Kind::CheckFailed,
                format!("this file has, or may have, a record that was erased here ({})", erasure.in_words()),
            )
            .hint("it was not kept; ask its publisher for a file without that record"));
        }
        let file = spool
            .file
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)
            .or_error(Kind::Io, "cannot finish the download")?;
        file.as_file().sync_all().or_error(Kind::Io, "cannot sync the download")?;
        let local = file.into_temp_path().keep().or_error(Kind::Io, "cannot keep the download")?;
        let path = Self::path(&digest);
        match digest_of(self.files.as_ref(), &path)? {
            Some((found, _)) if found != digest => self.files.repair(&local, &path)?,
            _ => {
                self.files.adopt(&local, &path)?;
            }
        }
        Ok(digest)
    }

    /// Whether we hold the body.
    pub fn has(&self, digest: &Digest) -> Result<bool> {
        self.files.exists(&Self::path(digest))
    }

    /// Whether we hold the body, and its bytes are what its name says.
    pub fn is_sound(&self, digest: &Digest) -> Result<bool> {
        Ok(digest_of(self.files.as_ref(), &Self::path(digest))?.is_some_and(|(found, _)| found == *digest))
    }

    /// Opens a body.
    pub fn open(&self, digest: &Digest) -> Result<Box<dyn Content>> {
        self.files.open(&Self::path(digest))?.ok_or_else(|| {
            Error::new(Kind::Damaged, format!("capture {digest} is not in the archive"))
                .hint("`tollhouse snapshot verify` says what else is missing")
        })
    }

    /// Writes the receipt of an exchange.
    pub fn record(&self, exchange: &Exchange) -> Result<()> {
        self.files.create(&format!("exchanges/{}.json", exchange.id), to_json(exchange)?)?;
        Ok(())
    }

    /// Where a receipt lies.
    pub fn receipt_path(id: &str) -> String {
        format!("exchanges/{id}.json")
    }

    /// The digest of a receipt, by which a snapshot names it.
    pub fn receipt_digest(&self, id: &str) -> Result<Digest> {
        let path = Self::receipt_path(id);
        let found = digest_of(self.files.as_ref(), &path)?;
        found.map(|(digest, _)| digest).ok_or_else(|| Error::new(Kind::Damaged, format!("{path} is missing")))
    }

    /// The receipt with this name.
    pub fn exchange(&self, id: &str) -> Result<Exchange> {
        let path = Self::receipt_path(id);
        let bytes = self.files.read(&path)?.ok_or_else(|| Error::new(Kind::Damaged, format!("{path} is missing")))?;
        let exchange: Exchange = from_json(&path, &bytes)?;
        check_format(&path, exchange.format)?;
        Ok(exchange)
    }

    /// The newest exchange of a URL, asked for as it stands, whose body we hold. What a request with a body brought is
    /// the answer to that body, and never found here.
    pub fn latest(&self, url: &str) -> Result<Option<Exchange>> {
        let key = format!("{}-", &Digest::of(url).as_str()[..16]);
        let names = self.files.list("exchanges")?;
        for name in names.iter().rev().filter(|name| name.starts_with(&key)) {
            let exchange = self.exchange(name.trim_end_matches(".json"))?;
            if exchange.url == url
                && exchange.body.is_none()
                && let Some(digest) = &exchange.digest
                && self.has(digest)?
            {
                return Ok(Some(exchange));
            }
        }
        Ok(None)
    }

    /// Where a body lies.
    pub fn path(digest: &Digest) -> String {
        format!("raw/{}/{digest}", &digest.as_str()[..2])
    }
}

/// A body on its way in: hashed as it is written, gone when dropped.
pub struct Spool {
    file: BufWriter<tempfile::NamedTempFile>,
    hasher: sha2::Sha256,
    length: u64,
}

impl Spool {
    /// How many bytes were written.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Throws away what was written.
    pub fn restart(&mut self) -> Result<()> {
        use std::io::Seek as _;
        self.file.rewind().or_error(Kind::Io, "cannot start the download again")?;
        self.file.get_ref().as_file().set_len(0).or_error(Kind::Io, "cannot start the download again")?;
        self.hasher = sha2::Sha256::new();
        self.length = 0;
        Ok(())
    }

    /// A reader of what was written so far, from the start.
    pub fn reader(&mut self) -> Result<Box<dyn Content>> {
        self.file.flush().or_error(Kind::Io, "cannot write the download")?;
        let file = self.file.get_ref().reopen().or_error(Kind::Io, "cannot read the download back")?;
        Ok(Box::new(file))
    }

    /// The digest of what was written so far.
    pub fn digest(&self) -> Digest {
        Digest::from_hash(self.hasher.clone().finalize().as_ref())
    }
}

impl Write for Spool {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.length += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Origin, Warehouse};

    fn archive() -> (tempfile::TempDir, Archive) {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::open_or_create(folder.path(), Origin::Replica, Timestamp::UNIX_EPOCH).unwrap();
        (folder, warehouse.archive())
    }

    fn exchange(url: &str, second: i64, digest: Option<Digest>) -> Exchange {
        let at = Timestamp::from_second(second).unwrap();
        Exchange {
            format: Exchange::FORMAT,
            id: Exchange::new_id(url, at, "0"),
            url: url.to_owned(),
            via: "replica".to_owned(),
            method: "GET".to_owned(),
            body: None,
            sent: Vec::new(),
            status: 200,
            headers: vec![("etag".to_owned(), format!("\"{second}\""))],
            started: at,
            finished: at,
            attempts: 1,
            digest,
            bytes: 4,
            refused: None,
        }
    }

    #[test]
    fn a_kept_body_is_named_by_its_digest_and_a_dropped_one_is_gone() {
        let (folder, archive) = archive();
        let mut spool = archive.spool().unwrap();
        spool.write_all(b"wrong").unwrap();
        spool.restart().unwrap();
        spool.write_all(b"body").unwrap();
        let digest = archive.keep(spool).unwrap();
        assert_eq!(digest, Digest::of("body"));
        let mut text = String::new();
        archive.open(&digest).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "body");

        std::fs::write(folder.path().join(Archive::path(&digest)), "dirt").unwrap();
        assert!(!archive.is_sound(&digest).unwrap());
        let mut spool = archive.spool().unwrap();
        spool.write_all(b"body").unwrap();
        archive.keep(spool).unwrap();
        assert!(archive.is_sound(&digest).unwrap());

        drop(archive.spool().unwrap());
        assert_eq!(std::fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn names_of_exchanges_sort_as_their_times() {
        let names: Vec<_> = [0, 1, 120_000_000, 999_999_999]
            .into_iter()
            .map(|nanos| Exchange::new_id("u", Timestamp::new(20, nanos).unwrap(), "0"))
            .collect();
        assert!(names.is_sorted(), "{names:?}");
    }

    #[test]
    fn the_latest_exchange_is_the_newest_whose_body_we_hold() {
        let (_folder, archive) = archive();
        let mut spool = archive.spool().unwrap();
        spool.write_all(b"body").unwrap();
        let held = archive.keep(spool).unwrap();
        let url = "https://publisher.example/a.csv";
        archive.record(&exchange(url, 10, Some(held.clone()))).unwrap();
        archive.record(&exchange(url, 20, Some(Digest::of("never kept")))).unwrap();
        archive.record(&exchange(url, 30, None)).unwrap();
        archive.record(&exchange("https://publisher.example/b.csv", 40, Some(held))).unwrap();
        assert_eq!(archive.latest(url).unwrap().unwrap().started.as_second(), 10);
        assert_eq!(archive.latest("https://publisher.example/c.csv").unwrap(), None);
    }

    #[test]
    fn the_answer_to_a_query_is_not_what_lies_at_its_address() {
        let (_folder, archive) = archive();
        let mut spool = archive.spool().unwrap();
        spool.write_all(b"body").unwrap();
        let held = archive.keep(spool).unwrap();
        let url = "https://publisher.example/query";
        let mut asked = exchange(url, 40, Some(held.clone()));
        asked.method = "POST".to_owned();
        asked.body = Some("year=2015".to_owned());
        // Even under a name that is the URL's.
        archive.record(&asked).unwrap();
        assert_eq!(archive.latest(url).unwrap(), None);
        assert_eq!(archive.exchange(&asked.id).unwrap().body.as_deref(), Some("year=2015"));

        archive.record(&exchange(url, 30, Some(held))).unwrap();
        assert_eq!(archive.latest(url).unwrap().unwrap().started.as_second(), 30);
        assert_ne!(Exchange::asked(url, "year=2015"), Exchange::asked(url, "year=2016"));
    }

    #[test]
    fn a_receipt_of_a_request_without_a_body_is_written_as_ever() {
        let receipt = exchange("u", 10, None);
        let json = to_json(&receipt).unwrap();
        assert!(!String::from_utf8(json.to_vec()).unwrap().contains("\"body\""));
        assert_eq!(from_json::<Exchange>("r", &json).unwrap(), receipt);
    }
}
