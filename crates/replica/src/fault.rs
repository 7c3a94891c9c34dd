//! Scripted faults: what a publisher, or the way to it, does wrong.
//!
//! A fault names the requests that it spoils by a part of their address; the first that matches and still has turns is used.
//! Here are the faults and what they do to a page's bytes; cutting and dropping connections is in `serve`.

use crate::print::cius;
use crate::print::socrata::separated;
use crate::shelf::{Format, Page, bulk, gzip, not_found};
use crate::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Read as _;

/// One fault.
#[derive(Debug, Clone, Deserialize)]
pub struct Fault {
    /// A part of `/host/path?query`, as sent or decoded. Empty: every request.
    #[serde(default)]
    pub on: String,
    /// Only the first so many matching requests; `None`: all of them.
    #[serde(default)]
    pub times: Option<u32>,
    /// What goes wrong.
    pub what: What,
}

/// What goes wrong with a reply.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// This status, these headers, this body.
    Status {
        /// HTTP status.
        code: u16,
        /// Headers to send.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// Body to send.
        #[serde(default)]
        body: String,
    },
    /// A status (429, 503) with `Retry-After`.
    RetryAfter {
        /// HTTP status.
        code: u16,
        /// Seconds to wait.
        seconds: u64,
    },
    /// 200 with a web page in place of the file.
    HtmlPage,
    /// 200 with the 130 bytes of a Git LFS pointer in place of the file.
    LfsPointer,
    /// `Content-Length` promises all, the connection closes after so many bytes.
    CutBody {
        /// Bytes that arrive.
        after: usize,
    },
    /// The first half of the body, with a `Content-Length` that agrees: a broken file served whole.
    TruncatedGzip,
    /// 404 with an HTML page.
    NotFoundHtml,
    /// The connection closes without a reply.
    DropConnection,
    /// 302 to another address.
    Redirect {
        /// The `Location`.
        to: String,
    },
    /// A column under another name. `from` is compared without case, blanks and signs, so that `Data Value` and `data_value` are one.
    RenamedColumn {
        /// Its name.
        from: String,
        /// Its name in the spoilt reply.
        to: String,
    },
    /// One more column, last.
    ExtraColumn {
        /// Its name.
        name: String,
    },
    /// A column that is no longer there, by its name as in `RenamedColumn`; in comma separated text and SODA.
    VanishedColumn {
        /// Its name.
        name: String,
    },
    /// Numbers with commas between their thousands, in comma separated text; columns of `except` apart.
    Separators {
        /// Names of columns that are no numbers, such as years, as in `RenamedColumn`.
        #[serde(default)]
        except: Vec<String>,
    },
    /// A WONDER export that ends after its rows.
    MissingFooter,
    /// The county table in place of the city table.
    CountyTable,
    /// The header and no rows.
    ZeroRows,
    /// Other bytes in place of the body.
    Replace {
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Another text in place of the body.
    ReplaceText {
        /// The text.
        text: String,
    },
    /// The body with a UTF-8 byte order mark before it.
    WithBom,
    /// The dataset's times move on at each request: it is being replaced while it is read.
    MovedTruth,
    /// Page 2 repeats page 1.
    DuplicatePage,
    /// A page of SODA, or of data.cms.gov, lacks the second half of its rows.
    ShortPage,
    /// No ETag, no Last-Modified, no ranges, no 304.
    NoValidators,
    /// Ranges are answered with the whole file.
    IgnoredRange,
    /// Another ETag at each request.
    MovedEtag,
    /// A key of which the publisher knows nothing: `{}` in place of a link.
    UnknownKey,
    /// A link that leads to another host.
    ForeignLink {
        /// The host.
        host: String,
    },
    /// The store's answer to a link that is older than its time.
    ExpiredLink,
}

impl What {
    /// A reply that does not depend on what lies at the address.
    pub(crate) fn instead(&self, path: &str) -> Option<Page> {
        const HTML: &str = "text/html; charset=utf-8";
        match self {
            Self::Status { code, headers, body } => {
                let named = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
                let mut page = Page::plain(*code, named.map_or("text/plain", |(_, kind)| kind), body.clone());
                let others = headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
                page.headers = others.map(|(name, value)| (name.clone(), value.clone())).collect();
                Some(page)
            }
            Self::RetryAfter { code, seconds } => {
                let mut page = Page::plain(*code, "text/plain", "Try again later.\n");
                page.headers.push(("Retry-After".to_owned(), seconds.to_string()));
                Some(page)
            }
            Self::HtmlPage => Some(Page::plain(
                200,
                HTML,
                "<!DOCTYPE html>\n<html><head><title>We'll be back soon</title></head><body><h1>Scheduled maintenance</h1></body></html>\n",
            )),
            Self::LfsPointer => Some(Page::plain(
                200,
                "text/plain; charset=utf-8",
                format!("version https://git-lfs.github.com/spec/v1\noid sha256:{:064x}\nsize 16801\n", 0x70_11),
            )),
            Self::UnknownKey => Some(Page::plain(200, "application/json; charset=utf-8", "{}")),
            Self::ExpiredLink => Some(bulk::denied("Request has expired")),
            Self::NotFoundHtml => Some(Page::plain(404, HTML, not_found(path))),
            Self::Redirect { to } => {
                let mut page = Page::plain(302, HTML, "");
                page.headers.push(("Location".to_owned(), to.clone()));
                Some(page)
            }
            _ => None,
        }
    }

    /// Spoils a page; `turn` counts the fault's uses from 1.
    pub(crate) fn spoil(&self, page: &mut Page, turn: u32) -> Result<()> {
        match self {
            Self::TruncatedGzip => page.replace(page.body.slice(..page.body.len() / 2)),
            Self::Replace { bytes } => page.replace(bytes.clone()),
            Self::ReplaceText { text } => page.replace(text.clone()),
            Self::WithBom => page.replace([b"\xef\xbb\xbf", page.body.as_ref()].concat()),
            Self::ForeignLink { host } => {
                page.replace(String::from_utf8_lossy(&page.body).replace(bulk::STORE, host));
            }
            Self::NoValidators => (page.validators, page.ranges) = (false, false),
            Self::IgnoredRange => page.ranges = false,
            Self::MovedEtag => page.etag = Some(format!("\"{turn:032x}\"")),
            Self::MissingFooter if page.format == Format::Wonder => {
                let text = String::from_utf8_lossy(&page.body);
                let end = text.find("\"---\"").unwrap_or(text.len());
                page.replace(page.body.slice(..end));
            }
            Self::CountyTable if matches!(page.format, Format::Cities(_)) => page.replace(cius::counties()?.xlsx()?),
            Self::RenamedColumn { .. }
            | Self::ExtraColumn { .. }
            | Self::VanishedColumn { .. }
            | Self::Separators { .. }
            | Self::ZeroRows => {
                if let Some(body) = self.reshape(page)? {
                    page.replace(body);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The body with its columns or rows changed, in its own format.
    fn reshape(&self, page: &mut Page) -> Result<Option<Vec<u8>>> {
        let text = || String::from_utf8_lossy(&page.body).into_owned();
        let body = match page.format {
            Format::Tsv => self.lines(&text(), '\t').into_bytes(),
            Format::TsvGz => {
                let mut text = String::new();
                let mut unpacked = flate2::read::GzDecoder::new(page.body.as_ref());
                unpacked.read_to_string(&mut text).map_err(|e| Error::print("gzip", e))?;
                gzip(self.lines(&text, '\t').as_bytes())?
            }
            Format::Csv => match self {
                Self::VanishedColumn { .. } | Self::Separators { .. } => self.cells(&text())?,
                _ => self.lines(&text(), ',').into_bytes(),
            },
            Format::Wonder => {
                let text = text();
                let (rows, footer) = text.split_at(text.find("\"---\"").unwrap_or(text.len()));
                (self.lines(rows, '\t') + footer).into_bytes()
            }
            Format::Soda | Format::Metadata => {
                let mut value: Value = serde_json::from_slice(&page.body).map_err(|e| Error::print("JSON", e))?;
                if page.format == Format::Soda {
                    self.soda(&mut value);
                    self.soda_headers(&mut page.headers);
                } else {
                    self.metadata(&mut value);
                }
                format!("{value}\n").into_bytes()
            }
            Format::Cities(year) => {
                let mut sheet = cius::cities(year)?;
                match self {
                    Self::RenamedColumn { from, to } => {
                        let row = sheet.heading_row;
                        let headings = sheet.headings.iter_mut().filter(|heading| heading.0 == row);
                        for heading in headings.filter(|heading| same(&heading.2, from)) {
                            heading.2.clone_from(to);
                        }
                    }
                    Self::ExtraColumn { name } => {
                        sheet.headings.retain(|heading| heading.1 < 14);
                        sheet.headings.push((sheet.heading_row, 14, name.clone()));
                        sheet.rows.iter_mut().for_each(|row| row.push("1".to_owned()));
                    }
                    _ => sheet.rows.clear(),
                }
                sheet.xlsx()?
            }
            Format::Html => self.table(&text()).into_bytes(),
            Format::Other => return Ok(None),
        };
        Ok(Some(body))
    }

    /// Delimited text: a header line, then rows; line ends and a byte order mark stay as they are.
    fn lines(&self, text: &str, separator: char) -> String {
        let (mark, text) = text.strip_prefix('\u{feff}').map_or(("", text), |text| ("\u{feff}", text));
        let mut out = mark.to_owned();
        for (at, line) in text.split_inclusive('\n').enumerate() {
            let content = line.trim_end_matches(['\r', '\n']);
            let end = &line[content.len()..];
            match self {
                Self::RenamedColumn { from, to } if at == 0 => {
                    let renamed = content.split(separator).map(|name| match name.trim_matches('"') {
                        plain if same(plain, from) => name.replace(plain, to),
                        _ => name.to_owned(),
                    });
                    out.push_str(&renamed.collect::<Vec<_>>().join(&separator.to_string()));
                }
                Self::ExtraColumn { name } => {
                    out.push_str(content);
                    out.push(separator);
                    out.push_str(if at == 0 { name } else { "1" });
                }
                Self::ZeroRows if at > 0 => continue,
                _ => out.push_str(content),
            }
            out.push_str(end);
        }
        out
    }

    /// The table of a web page, as the replica prints it: a row a line.
    fn table(&self, text: &str) -> String {
        let mut out = String::new();
        for line in text.split_inclusive('\n') {
            let heading = line.contains("<th");
            match self {
                Self::RenamedColumn { from, to } if heading => {
                    let renamed = line.split_inclusive(['<', '>']).map(|piece| match piece.strip_suffix('<') {
                        Some(words) if same(words, from) => format!("{to}<"),
                        _ => piece.to_owned(),
                    });
                    out.extend(renamed);
                }
                Self::ExtraColumn { name } if heading => {
                    out.push_str(&line.replace("</tr>", &format!("<th>{name}</th></tr>")));
                }
                Self::ExtraColumn { .. } => out.push_str(&line.replace("</tr>", "<td>1</td></tr>")),
                Self::ZeroRows if line.contains("<td") => {}
                _ => out.push_str(line),
            }
        }
        out
    }

    /// Comma separated text, cell by cell; a byte order mark stays.
    fn cells(&self, text: &str) -> Result<Vec<u8>> {
        let (mark, text) = text.strip_prefix('\u{feff}').map_or(("", text), |text| ("\u{feff}", text));
        let wrong = |e: csv::Error| Error::print("CSV", e);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let mut writer = csv::Writer::from_writer(mark.as_bytes().to_vec());
        let mut header = csv::StringRecord::new();
        for (at, record) in reader.records().enumerate() {
            let record = record.map_err(wrong)?;
            if at == 0 {
                header = record.clone();
            }
            let named = header.iter().zip(&record);
            let cells: Vec<String> = match self {
                Self::VanishedColumn { name } => {
                    named.filter(|(known, _)| !same(known, name)).map(|(_, cell)| cell.to_owned()).collect()
                }
                Self::Separators { except } => named
                    .map(|(known, cell)| {
                        let number =
                            at > 0 && cell.parse::<f64>().is_ok() && !except.iter().any(|name| same(name, known));
                        if number { separated(cell) } else { cell.to_owned() }
                    })
                    .collect(),
                _ => named.map(|(_, cell)| cell.to_owned()).collect(),
            };
            writer.write_record(&cells).map_err(wrong)?;
        }
        writer.into_inner().map_err(|e| Error::print("CSV", e.to_string()))
    }

    fn soda(&self, value: &mut Value) {
        let Value::Array(rows) = value else { return };
        let counted =
            rows.first().and_then(Value::as_object).is_some_and(|row| row.len() == 1 && row.contains_key("count"));
        if counted {
            if let Self::ZeroRows = self {
                *value = json!([{ "count": "0" }]);
            }
            return;
        }
        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
            match self {
                Self::RenamedColumn { from, to } => {
                    let renamed = std::mem::take(row).into_iter();
                    *row =
                        renamed.map(|(key, value)| (if same(&key, from) { to.clone() } else { key }, value)).collect();
                }
                Self::ExtraColumn { name } => {
                    row.insert(name.clone(), json!("1"));
                }
                Self::VanishedColumn { name } => row.retain(|key, _| !same(key, name)),
                _ => {}
            }
        }
        if let Self::ZeroRows = self {
            rows.clear();
        }
    }

    /// The headers that name SODA's columns and their types.
    fn soda_headers(&self, headers: &mut [(String, String)]) {
        for (name, value) in headers.iter_mut() {
            let Ok(mut list) = serde_json::from_str::<Vec<String>>(value) else { continue };
            match (self, name.as_str()) {
                // A count has one column of its own.
                _ if list.len() == 1 => {}
                (Self::RenamedColumn { from, to }, "X-SODA2-Fields") => {
                    let named = list.iter_mut().filter(|field| same(field, from));
                    named.for_each(|field| field.clone_from(to));
                }
                (Self::VanishedColumn { name }, "X-SODA2-Fields") => list.retain(|field| !same(field, name)),
                (Self::ExtraColumn { name }, "X-SODA2-Fields") => list.push(name.clone()),
                (Self::ExtraColumn { .. }, "X-SODA2-Types") => list.push("text".to_owned()),
                _ => {}
            }
            *value = json!(list).to_string();
        }
    }

    fn metadata(&self, value: &mut Value) {
        let Some(columns) = value.get_mut("columns").and_then(Value::as_array_mut) else { return };
        match self {
            Self::RenamedColumn { from, to } => {
                for column in columns.iter_mut().filter_map(Value::as_object_mut) {
                    if column.get("fieldName").and_then(Value::as_str).is_some_and(|field| same(field, from)) {
                        column.insert("name".to_owned(), json!(to));
                        column.insert("fieldName".to_owned(), json!(to));
                    }
                }
            }
            Self::ExtraColumn { name } => {
                let position = columns.len() + 1;
                let mut column = Map::new();
                column.insert("id".to_owned(), json!(300_000_000 + position));
                column.insert("name".to_owned(), json!(name));
                column.insert("dataTypeName".to_owned(), json!("text"));
                column.insert("fieldName".to_owned(), json!(name));
                column.insert("position".to_owned(), json!(position));
                columns.push(Value::Object(column));
            }
            Self::VanishedColumn { name } => {
                columns.retain(|column| column["fieldName"].as_str().is_none_or(|field| !same(field, name)));
            }
            Self::ZeroRows => {
                for column in columns {
                    column["cachedContents"] = json!({ "non_null": "0", "null": "0", "count": "0" });
                }
            }
            _ => {}
        }
    }
}

/// Whether two spellings of a column's name are the same but for case, blanks and signs.
fn same(a: &str, b: &str) -> bool {
    let key =
        |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    key(a) == key(b)
}
