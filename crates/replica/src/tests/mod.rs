//! What the replica promises: figures, formats, manners, faults.

mod arcos_sums;
mod captures;
mod cms;
mod faults;
mod figures;
mod manners;

use crate::{Fault, Options, Replica, What};
use calamine::Reader;
use std::io::{Read, Write};
use std::net::TcpStream;

const MINGO: &str = "/wp-stat.s3.amazonaws.com/dea-pain-pill-database/summary/arcos-wv-mingo-54059-itemized.tsv";
const MINGO_GZ: &str = "/wp-stat.s3.amazonaws.com/dea-pain-pill-database/summary/arcos-wv-mingo-54059-itemized.tsv.gz";
const WONDER_STATE: &str = "/exports.invalid/wonder/D77/any-opioid-state-year-1999-2016.txt";
const WONDER_US: &str = "/exports.invalid/wonder/D77/any-opioid-us-year-1999-2016.txt";
const SODA: &str = "/data.cdc.gov/resource/xkb8-kh2a.json";
const VIEW: &str = "/data.cdc.gov/api/views/xkb8-kh2a.json";
const PORTAL: &str = "/data.cdc.gov/api/views/xkb8-kh2a/rows.csv?accessType=DOWNLOAD";
const CITIES_2013: &str = "/ucr.fbi.gov/crime-in-the-u.s/2013/crime-in-the-u.s.-2013/tables/table-8/table_8_offenses_known_to_law_enforcement_by_state_by_city_2013.xls";
const CITIES_2015: &str = "/ucr.fbi.gov/crime-in-the-u.s/2015/crime-in-the-u.s.-2015/tables/table-8/table_8_offenses_known_to_law_enforcement_by_state_by_city_2015.xls";
const CITIES_2016: &str = "/ucr.fbi.gov/crime-in-the-u.s/2016/crime-in-the-u.s.-2016/tables/table-6/table-6.xls";
const RATES: &str =
    "/www.cdc.gov/overdose-prevention/data-research/facts-stats/State%20Opioid%20Dispensing%20Rates.csv";
const EARLY_RATES: &str = "/raw.githubusercontent.com/vishal-337/EPI_Project/411428facac5/data/raw/State_Opioid_Dispensing_Rates_2006_2018.csv";

/// A reply as it came over the wire.
struct Got {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The cells of a workbook's only sheet, as texts; empty cells are empty.
    fn cells(&self) -> Vec<Vec<String>> {
        cells(calamine::Xlsx::new(std::io::Cursor::new(self.body.clone())).unwrap())
    }
}

fn cells<R, B>(mut book: B) -> Vec<Vec<String>>
where
    R: Read + std::io::Seek,
    B: Reader<R>,
{
    let (_, range) = book.worksheets().remove(0);
    range.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect()
}

/// One request over a connection of its own; `None` where the connection closed without a reply.
fn request(replica: &Replica, method: &str, target: &str, headers: &[(&str, &str)]) -> Option<Got> {
    let base = replica.base();
    let mut stream = TcpStream::connect(base.strip_prefix("http://").unwrap()).unwrap();
    let extra: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    write!(stream, "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{extra}\r\n").unwrap();
    let mut bytes = Vec::new();
    // A cut connection may end in a reset; what came before it counts.
    stream.read_to_end(&mut bytes).ok();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Some(Got { status, headers, body: bytes[end + 4..].to_vec() })
}

fn get(replica: &Replica, target: &str) -> Got {
    request(replica, "GET", target, &[]).unwrap()
}

fn replica() -> Replica {
    Replica::start_blocking(Options::default()).unwrap()
}

/// A replica with one fault, and what it then says.
fn spoilt(what: What, target: &str) -> Got {
    let fault = Fault { on: String::new(), times: None, what };
    let replica = Replica::start_blocking(Options { faults: vec![fault], ..Options::default() }).unwrap();
    get(&replica, target)
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut text).unwrap();
    text
}
