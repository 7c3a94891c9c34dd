//! What lies at which address: the files, each printed once, and how each host says that it has nothing there.
//!
//! The dates of `Last-Modified` are declared here; no capture holds them.

pub mod bulk;
mod cms;
mod dea;
mod fbi;
mod pages;
mod post;

use crate::print::{arcos, cius, copies, dispensing, estimates, socrata, wonder};
use crate::soda::{self, Edition, Twist};
use crate::{Error, Result};
use crate::{arcos_api, cde};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::io::Write as _;
use std::sync::OnceLock;

/// What a body is, for whoever wants to change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tab separated, a header, no quotes.
    Tsv,
    /// The same, gzipped.
    TsvGz,
    /// A WONDER export.
    Wonder,
    /// Comma separated.
    Csv,
    /// A web page with a table.
    Html,
    /// SODA's rows.
    Soda,
    /// Socrata's metadata of a dataset.
    Metadata,
    /// A city table of this year.
    Cities(&'static str),
    /// A page of words.
    Other,
}

/// A reply before HTTP's manners.
pub struct Page {
    pub status: u16,
    pub format: Format,
    pub content_type: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// `Last-Modified`, in seconds of the epoch.
    pub modified: Option<u64>,
    /// The strong validator, if already known.
    pub etag: Option<String>,
    /// Whether ETag, Last-Modified and conditions apply.
    pub validators: bool,
    /// Whether byte ranges apply.
    pub ranges: bool,
}

impl Page {
    pub fn new(format: Format, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status: 200,
            format,
            content_type: content_type.to_owned(),
            headers: Vec::new(),
            body: body.into(),
            modified: None,
            etag: None,
            validators: true,
            ranges: false,
        }
    }

    /// A page of words with a status, with no validators.
    pub fn plain(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { status, validators: false, ..Self::new(Format::Other, content_type, body) }
    }

    /// Another body for the same page.
    pub fn replace(&mut self, body: impl Into<Bytes>) {
        self.body = body.into();
        self.etag = None;
    }
}

/// A file that a publisher serves.
struct File {
    host: &'static str,
    path: &'static str,
    format: Format,
    content_type: &'static str,
    modified: u64,
    print: fn() -> Result<Vec<u8>>,
    printed: OnceLock<Result<(Bytes, String)>>,
}

const fn file(
    (host, path): (&'static str, &'static str),
    format: Format,
    content_type: &'static str,
    modified: u64,
    print: fn() -> Result<Vec<u8>>,
) -> File {
    File { host, path, format, content_type, modified, print, printed: OnceLock::new() }
}

const S3: &str = "wp-stat.s3.amazonaws.com";
const SODA: &str = "data.cdc.gov";
const EXPORTS: &str = "exports.invalid";
const FBI: &str = "ucr.fbi.gov";
const FBI_FILES: &str = "s3-us-gov-west-1.amazonaws.com";
const GITHUB: &str = "raw.githubusercontent.com";
const TEXT: &str = "text/plain; charset=utf-8";
const EXCEL: &str = "application/vnd.ms-excel";

static FILES: [File; 12] = [
    file(
        (S3, "/dea-pain-pill-database/summary/arcos-wv-mingo-54059-itemized.tsv"),
        Format::Tsv,
        "binary/octet-stream",
        1_563_408_000, // 2019-07-18
        arcos::mingo,
    ),
    file(
        (S3, "/dea-pain-pill-database/summary/arcos-wv-mingo-54059-itemized.tsv.gz"),
        Format::TsvGz,
        "application/x-gzip",
        1_563_408_000,
        || gzip(&arcos::mingo()?),
    ),
    file(
        (
            FBI,
            "/crime-in-the-u.s/2013/crime-in-the-u.s.-2013/tables/table-8/table_8_offenses_known_to_law_enforcement_by_state_by_city_2013.xls",
        ),
        Format::Cities("2013"),
        EXCEL,
        1_415_577_600, // 2014-11-10
        || cius::cities("2013")?.xlsx(),
    ),
    file(
        (
            FBI,
            "/crime-in-the-u.s/2015/crime-in-the-u.s.-2015/tables/table-8/table_8_offenses_known_to_law_enforcement_by_state_by_city_2015.xls",
        ),
        Format::Cities("2015"),
        EXCEL,
        1_474_848_000, // 2016-09-26
        || cius::cities("2015")?.xlsx(),
    ),
    file(
        (FBI, "/crime-in-the-u.s/2016/crime-in-the-u.s.-2016/tables/table-6/table-6.xls"),
        Format::Cities("2016"),
        EXCEL,
        1_506_297_600, // 2017-09-25
        || cius::cities("2016")?.xlsx(),
    ),
    file(
        ("www.cdc.gov", "/overdose-prevention/data-research/facts-stats/State Opioid Dispensing Rates.csv"),
        Format::Csv,
        "text/csv",
        1_730_764_800, // 2024-11-05
        dispensing::since_2019,
    ),
    file(
        (GITHUB, "/fbi-cde/crime-data-api/3370f906be18/dba/after_load/ext/estimated_1995_2016.csv"),
        Format::Csv,
        TEXT,
        1_506_297_600, // 2017-09-25
        estimates::through_2016,
    ),
    file(
        (FBI_FILES, "/cg-d4b776d0-d898-4153-90c8-8336f86bdfec/estimated_crimes_1979_2019.csv"),
        Format::Csv,
        "text/csv",
        1_601_251_200, // 2020-09-28
        estimates::through_2019,
    ),
    file(
        (GITHUB, "/vishal-337/EPI_Project/411428facac5/data/raw/State_Opioid_Dispensing_Rates_2006_2018.csv"),
        Format::Csv,
        TEXT,
        1_730_764_800,
        dispensing::until_2018,
    ),
    file(
        (GITHUB, "/tlcaputi/cdc-wonder/430dff652943/cdc_wonder/data/opioid_deaths_by_state_gender.csv"),
        Format::Csv,
        TEXT,
        1_735_689_600, // 2025-01-01
        copies::opioid_deaths_state_sex,
    ),
    file(
        (GITHUB, "/d2718/firearms-and-voting/2de60733db7e/gun_data.csv"),
        Format::Csv,
        TEXT,
        1_609_459_200, // 2021-01-01
        copies::firearm_deaths_county,
    ),
    file(
        (GITHUB, "/parmsam/cdc-opioid-prescribing-rates/a98f9088075f/full_data/USA_OpioidRxData_2006-2017.csv"),
        Format::Csv,
        TEXT,
        1_551_398_400, // 2019-03-01
        copies::dispensing_us,
    ),
];

const fn export(path: &'static str, modified: u64, print: fn() -> Result<Vec<u8>>) -> File {
    file((EXPORTS, path), Format::Wonder, "text/plain", modified, print)
}

/// Exports that a person saved from WONDER's form; the times are those of their queries, by the day.
static EXPORTED: [File; 11] = [
    export("/wonder/D77/any-opioid-state-year-1999-2016.txt", 1_522_800_000, || wonder::export("state_any_opioid")),
    export("/wonder/D77/any-opioid-us-year-1999-2016.txt", 1_523_664_000, || wonder::export("us_any_opioid")),
    export("/wonder/D77/heroin-state-year-1999-2016.txt", 1_522_800_000, || wonder::export("state_heroin")),
    export("/wonder/D77/heroin-us-year-1999-2016.txt", 1_523_664_000, || wonder::export("us_heroin")),
    export("/wonder/D77/any-opioid-state-year-race-1999-2016.txt", 1_522_800_000, || {
        wonder::export("state_race_any_opioid")
    }),
    export("/wonder/D77/any-opioid-us-year-race-1999-2016.txt", 1_523_664_000, || wonder::export("us_race_any_opioid")),
    export("/wonder/D77/any-opioid-county-2006-2012.txt", 1_571_875_200, || {
        wonder::export("county_any_opioid_2006_2012")
    }),
    export("/wonder/D76/overdose-state-year-1999-2015.txt", 1_510_444_800, || wonder::export("state_overdose")),
    export("/wonder/D76/drug-induced-county-year-1999-2015.txt", 1_494_979_200, || {
        wonder::export("county_drug_induced")
    }),
    export("/wonder/D76/firearm-but-suicide-and-legal-state-2015.txt", 1_520_121_600, || {
        wonder::export("state_firearm_2015")
    }),
    export("/wonder/D76/firearm-state-race-year-cause-2013-2016.txt", 1_602_633_600, || {
        wonder::export("state_race_firearm")
    }),
];

/// Every file, of every publisher.
fn files() -> impl Iterator<Item = &'static File> {
    FILES
        .iter()
        .chain(&EXPORTED)
        .chain(pages::FILES.iter())
        .chain(&fbi::FILES)
        .chain(&cms::FILES)
        .chain(&post::FILES)
        .chain(&post::SUMMARIES)
}

/// What a request asks for, host and path decoded.
pub struct Wanted<'r> {
    pub host: &'r str,
    pub path: &'r str,
    pub query: &'r [(String, String)],
    pub edition: Edition,
    /// What a fault does to data.cdc.gov's answers.
    pub twist: Twist,
}

/// The page at an address; an address without one gets its host's way of saying so.
pub fn find(wanted: &Wanted<'_>) -> Result<Page> {
    let Wanted { host, path, query, edition, twist } = *wanted;
    if let Some(file) = files().find(|file| file.host == host && file.path == path) {
        return file.page();
    }
    if let Some(page) = bulk::find(wanted) {
        return page;
    }
    if let Some(page) = arcos_api::find(host, path, query) {
        return page;
    }
    if host == dea::HOST {
        return dea::page(path);
    }
    if host == crate::cms::HOST {
        return crate::cms::answer(path, query, twist);
    }
    if host == cde::HOST {
        return cde::answer(path, query);
    }
    if host != SODA {
        return Ok(nothing(host, path));
    }
    let Some(name) = path.strip_prefix("/api/views/").or_else(|| path.strip_prefix("/resource/")) else {
        return Ok(soda::missing(path.trim_matches('/')));
    };
    let id = name.split(['.', '/']).next().unwrap_or(name);
    let Some(table) = socrata::find(id, edition) else { return Ok(soda::missing(id)) };
    match (path.starts_with("/api/"), &name[id.len()..]) {
        (true, ".json") => soda::metadata(table, twist),
        (true, "/rows.csv") => soda::portal(table),
        (false, ".json") => soda::resource(table, query, false, twist),
        (false, ".csv") => soda::resource(table, query, true, twist),
        _ => Ok(soda::missing(id)),
    }
}

impl File {
    fn page(&self) -> Result<Page> {
        let printed = self.printed.get_or_init(|| {
            let body = Bytes::from((self.print)()?);
            let etag = etag(&body);
            Ok((body, etag))
        });
        let (body, etag) = printed.as_ref().map_err(Error::clone)?;
        let mut page = Page::new(self.format, self.content_type, body.clone());
        page.modified = Some(self.modified);
        page.etag = Some(etag.clone());
        page.ranges = true;
        if matches!(self.host, S3 | FBI_FILES) {
            page.headers.push(("Server".to_owned(), "AmazonS3".to_owned()));
        }
        Ok(page)
    }
}

fn nothing(host: &str, path: &str) -> Page {
    match host {
        // A bucket that may not be listed does not say whether a key exists.
        S3 | FBI_FILES => Page::plain(
            403,
            "application/xml",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>0000000000000000</RequestId></Error>",
        ),
        GITHUB => Page::plain(404, TEXT, "404: Not Found"),
        _ => Page::plain(404, "text/html; charset=utf-8", not_found(path)),
    }
}

/// The HTML of a page that is not there.
pub fn not_found(path: &str) -> String {
    let path = path.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Page Not Found</title></head>\n<body><h1>Page Not Found</h1><p>The page {path} cannot be found.</p></body></html>\n"
    )
}

/// A strong validator: a digest of the bytes.
pub fn etag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// Gzip with no name and no time, so that the same text gives the same bytes.
pub fn gzip(text: &[u8]) -> Result<Vec<u8>> {
    let packed = flate2::GzBuilder::new().mtime(0).operating_system(255);
    let mut packed = packed.write(Vec::new(), flate2::Compression::new(6));
    packed.write_all(text).and_then(|()| packed.finish()).map_err(|e| Error::print("gzip", e))
}
