//! data.cdc.gov's datasets: as the portal's CSV, as SODA rows (JSON, CSV), as metadata. `tables` says which there are.

mod tables;

use crate::soda::Edition;
use crate::{Error, Result};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

/// A column under the two names that Socrata gives it, and its type.
#[derive(Clone, Copy)]
pub struct Column {
    /// Name in the portal and its CSV.
    pub display: &'static str,
    /// Name in SODA.
    pub field: &'static str,
    kind: Kind,
}

/// How a value is typed and shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// A number that the portal shows with commas between thousands.
    Number,
    /// A number that it shows as it is.
    Plain,
    /// A calendar date; ours are `2018-09-30`.
    Date,
}

impl Column {
    /// Socrata's type name.
    pub fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Text => "text",
            Kind::Number | Kind::Plain => "number",
            Kind::Date => "calendar_date",
        }
    }
}

/// One table of the portal in one edition.
pub struct Table {
    /// Its id.
    pub id: &'static str,
    title: &'static str,
    /// Which edition of VSRR it is, if it is one: they share an id, and one is served at a time.
    edition: Option<Edition>,
    /// When its rows were updated, in seconds of the epoch. Declared by us.
    pub updated: u64,
    /// Whether the portal's CSV begins with a byte order mark.
    mark: bool,
    pub columns: &'static [Column],
    /// Its rows, values in the order of the columns, plain, empty for null.
    rows: fn() -> Result<Vec<Vec<String>>>,
    printed: OnceLock<Result<Printed>>,
}

/// A table in each of its formats, printed once.
pub struct Printed {
    /// SODA's rows, one JSON object each: numbers are strings, a null is a key left out.
    pub json: Vec<String>,
    /// SODA's rows as CSV lines without their ends: every field quoted.
    pub csv: Vec<String>,
    /// The portal's CSV: display names, thousands separators, quotes only where needed, LF.
    pub portal: Bytes,
    /// How many rows have a value, for each column.
    held: Vec<usize>,
}

/// The table with an id, in the edition that is served.
pub fn find(id: &str, edition: Edition) -> Option<&'static Table> {
    tables::ALL.iter().find(|table| table.id == id && table.edition.is_none_or(|own| own == edition))
}

impl Table {
    /// The table in each of its formats.
    pub fn printed(&self) -> Result<&Printed> {
        self.printed.get_or_init(|| self.print()).as_ref().map_err(Error::clone)
    }

    fn print(&self) -> Result<Printed> {
        let rows = (self.rows)()?;
        let wrong = |e: &dyn ToString| Error::print("rows.csv", e.to_string());
        let mut portal = csv::Writer::from_writer(if self.mark { b"\xef\xbb\xbf".to_vec() } else { Vec::new() });
        portal.write_record(self.columns.iter().map(|column| column.display)).map_err(|e| wrong(&e))?;
        let (mut json, mut csv) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        let mut held = vec![0; self.columns.len()];
        for row in &rows {
            let mut object = Map::new();
            let (mut shown, mut plain) = (Vec::with_capacity(row.len()), Vec::with_capacity(row.len()));
            for ((value, column), held) in row.iter().zip(self.columns).zip(&mut held) {
                shown.push(column.shown(value));
                plain.push(column.plain(value));
                if !value.is_empty() {
                    *held += 1;
                    object.insert(column.field.to_owned(), Value::String(column.plain(value)));
                }
            }
            portal.write_record(&shown).map_err(|e| wrong(&e))?;
            csv.push(quoted(plain.iter().map(String::as_str)));
            json.push(Value::Object(object).to_string());
        }
        let portal = portal.into_inner().map_err(|e| wrong(&e))?.into();
        Ok(Printed { json, csv, portal, held })
    }

    /// SODA's CSV header line.
    pub fn csv_header(&self) -> String {
        quoted(self.columns.iter().map(|column| column.field))
    }

    /// The name under which a browser would save the portal's CSV.
    pub fn download(&self) -> String {
        let name: String = self.title.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect();
        format!("{name}.csv")
    }

    /// `/api/views/<id>.json`, with the rows updated at a time.
    pub fn metadata(&self, updated: u64) -> Result<Vec<u8>> {
        let printed = self.printed()?;
        let rows = printed.json.len();
        let columns: Vec<Value> = (1..)
            .zip(self.columns)
            .zip(&printed.held)
            .map(|((position, column), held)| {
                json!({
                    "id": 300_000_000 + position,
                    "name": column.display,
                    "dataTypeName": column.kind(),
                    "fieldName": column.field,
                    "position": position,
                    "renderTypeName": column.kind(),
                    "tableColumnId": 50_000_000 + position,
                    "cachedContents": {
                        "non_null": held.to_string(),
                        "null": (rows - held).to_string(),
                        "count": rows.to_string(),
                    },
                    "format": if column.kind == Kind::Plain { json!({ "noCommas": "true" }) } else { json!({}) },
                })
            })
            .collect();
        let view = json!({
            "id": self.id,
            "name": self.title,
            "assetType": "dataset",
            "attribution": "National Center for Health Statistics",
            "category": "NCHS",
            "createdAt": 1_520_294_400,
            "provenance": "official",
            "publicationDate": updated,
            "rowsUpdatedAt": updated,
            "viewLastModified": updated,
            "columns": columns,
            "license": { "name": "Public Domain U.S. Government", "termsLink": "https://www.usa.gov/government-works" },
        });
        Ok(view.to_string().into_bytes())
    }
}

impl Column {
    /// A value as the portal shows it.
    fn shown(&self, value: &str) -> String {
        match (self.kind, value.split('-').collect::<Vec<_>>().as_slice()) {
            (Kind::Number, _) => separated(value),
            (Kind::Date, [year, month, day]) => format!("{month}/{day}/{year}"),
            _ => value.to_owned(),
        }
    }

    /// A value as SODA writes it.
    fn plain(&self, value: &str) -> String {
        match self.kind {
            Kind::Date if !value.is_empty() => format!("{value}T00:00:00.000"),
            _ => value.to_owned(),
        }
    }
}

fn quoted<'v>(values: impl Iterator<Item = &'v str>) -> String {
    let quoted: Vec<String> = values.map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
    quoted.join(",")
}

/// A number with commas between its thousands.
pub fn separated(number: &str) -> String {
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        let left = whole.len() - at;
        if at > 0 && left.is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}
