//! One table folder being written: its CSV parts, its provenance, its checks.

use super::Failure;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// The `source.toml` of one table.
#[derive(Default, Serialize)]
pub struct Source {
    pub publisher: &'static str,
    pub title: &'static str,
    pub grade: &'static str,
    pub credit: &'static str,
    pub licence: &'static str,
    pub kept: &'static str,
    pub left_out: &'static str,
    pub masked: &'static str,
    pub ours: &'static str,
    pub capture: Vec<Capture>,
    pub table: Vec<Part>,
    pub check: Vec<Check>,
}

/// A captured file that figures came from.
#[derive(Serialize)]
pub struct Capture {
    file: String,
    sha256: String,
    copy: &'static str,
}

/// Where the captured copies were found: none came from the publisher's own server.
const COPIES: &[(&str, &str)] = &[
    ("arcos/washpost_api/mingo", "smussenden/spring20-data-journalism @ 37f9a44918f5, answers of the API saved as CSV"),
    (
        "arcos/washpost_api/wv_pharmacy_totals_state",
        "wpinvestigative/arcos @ bc51c6ba89cb, the Post's own package: an answer of its API, decoded from R's format",
    ),
    ("arcos/washpost_api/", "wpinvestigative/arcos-api @ 3a8bc220c382, the Post's own repository"),
    ("arcos/washpost_summary_tsv/", "smussenden/spring20-data-journalism @ 37f9a44918f5, as downloaded from the Post"),
    ("arcos/dea_retail_summary/report1", "bbrewington/atlytics-opioid-project @ cff9882d9710, parsed from the PDFs"),
    ("arcos/dea_retail_summary/report4", "VallieTracy/opioids_project @ 35ebb685d60c, transcribed"),
    ("arcos/cms_partd/", "KirosG/Predicting-prescriber-induced-ovedoses @ f844d4daa6ec, headers edited"),
    ("arcos/washpost_raw", "smussenden/spring20-data-journalism @ 37f9a44918f5, as downloaded from the Post"),
    ("cdc/wonder_mcd_state/tlcaputi", "tlcaputi/cdc-wonder @ 430dff652943, as found"),
    ("cdc/wonder_mcd_state/", "mkiang/opioid_hotspots @ b6125de0b0ec, byte-faithful"),
    ("cdc/wonder_mcd_county/smussenden", "smussenden/fall19-data-journalism @ ab93935cc46a, byte-faithful"),
    ("cdc/wonder_ucd_state_drug/", "cagrimmett/opioid-crisis @ f6f76d2d71ea, byte-faithful"),
    ("cdc/wonder_ucd_county_drug/dblakev", "dblakev/CDCWonder-UCD @ ac19f7189c7e, byte-faithful but for line ends"),
    ("cdc/wonder_firearm/d2718", "d2718/firearms-and-voting @ 2de60733db7e, as found"),
    ("cdc/wonder_firearm/akiokaki", "akiokaki/guns_mental @ 2ace8d4d8140, byte-faithful"),
    ("cdc/wonder_firearm/lettergram", "lettergram/firearm-analysis @ 36557ea443c6, byte-faithful"),
    (
        "cdc/wonder_api/D76_response",
        "found unescaped in a public repository; its last element is damaged by the unescaping, and is not read",
    ),
    ("cdc/socrata_vsrr/gentrylamb", "gentrylamb/dsan5200-final-project @ 30954731cf64, byte-faithful"),
    ("cdc/socrata_vsrr/info201a", "info201a-s19/project-kathylamb @ e525c654c450, byte-faithful"),
    ("cdc/socrata_nchs_poisoning/NCHS_-_", "GabrielKahn/County-Health-Report @ 9246bc88f184, byte-faithful"),
    ("cdc/socrata_nchs_poisoning/manjunath", "manjunath5496/CSV-Datasets_4 @ 6490632af823, as downloaded in 2020"),
    ("cdc/socrata_nchs_poisoning/mcfaddja", "mcfaddja/DrugPoisoning @ 3513aa02b148, as downloaded"),
    ("cdc/socrata_nchs_leading_causes/", "uziasr/csv_to_sqlite3 @ ef2628540fa3, as downloaded"),
    ("cdc/rx_rates/vishal", "vishal-337/EPI_Project @ 411428facac5"),
    ("cdc/rx_rates/parmsam_USA", "parmsam/cdc-opioid-prescribing-rates @ a98f9088075f, transcribed in March 2019"),
    (
        "cdc/rx_rates/parmsam",
        "parmsam/cdc-opioid-prescribing-rates @ a98f9088075f, scraped in March 2019; only compared with, not taken from",
    ),
    ("cdc/rx_rates/county_pages/", "vishal-337/EPI_Project @ 411428facac5, page text, cells as on the pages"),
    ("cdc/census/avizoetic", "avizoetic/d3-US @ e6c81c949260, one letter replaced by U+FFFD"),
    ("fbi/cde_agencies/cde_agencies_2026", "fbi-data-api 0.4.0 (a Python package), flattened from the JSON"),
    ("fbi/cde_api_new/sajha", "ajsinha/sajhamcpserver @ 426a2d77ec30, transcribed"),
    ("fbi/cius/2016/", "cno-opa/outcome_indicators @ f3b5092dde5a, a genuine workbook saved again on 2018-01-08"),
    ("fbi/cius/2015/", "Majorfalcon/Foundations-of-Data-Science-Capstone @ 88998d0445c2, taken as original"),
    ("fbi/estimated_crimes/estimated_1995_2016", "fbi-cde/crime-data-api @ 3370f906be18, the FBI's own repository"),
    ("fbi/estimated_crimes/estimated_crimes_1979_2019", "lucag25/Crime-Trends @ 13bdac82f2a9, taken as original"),
    ("fbi/cius/2013/", "Majorfalcon/Foundations-of-Data-Science-Capstone @ 88998d0445c2, taken as original"),
];

/// One CSV of the table.
#[derive(Serialize)]
pub struct Part {
    file: String,
    rows: usize,
}

/// A total that the figures were held against.
#[derive(Serialize)]
pub struct Check {
    what: String,
    value: String,
}

impl Source {
    /// The bytes of a captured file; its name and digest are noted.
    pub fn read(&mut self, captures: &Path, file: &str) -> Result<Vec<u8>, Failure> {
        let bytes = std::fs::read(captures.join(file)).map_err(|e| format!("{file}: {e}"))?;
        let digest = Sha256::digest(&bytes);
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let copy = COPIES.iter().find(|(start, _)| file.starts_with(start));
        let (_, copy) = copy.ok_or_else(|| format!("{file}: whose copy is it?"))?;
        self.capture.push(Capture { file: file.to_owned(), sha256, copy });
        Ok(bytes)
    }

    /// Holds a total against the one that it should be.
    pub fn check<T: PartialEq + Display>(&mut self, what: &str, got: T, want: T) -> Result<(), Failure> {
        if got != want {
            return Err(format!("{what}: {got}, expected {want}").into());
        }
        self.check.push(Check { what: what.to_owned(), value: got.to_string() });
        Ok(())
    }
}

/// A table's folder.
pub struct Folder {
    name: &'static str,
    path: PathBuf,
    bytes: usize,
}

impl Folder {
    pub fn new(tables: &Path, name: &'static str) -> Result<Self, Failure> {
        let path = tables.join(name);
        std::fs::create_dir_all(&path)?;
        Ok(Self { name, path, bytes: 0 })
    }

    /// Writes one CSV part.
    pub fn csv<R>(&mut self, source: &mut Source, part: &str, header: &[&str], rows: R) -> Result<(), Failure>
    where
        R: IntoIterator<Item = Vec<String>>,
    {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(header)?;
        let mut count = 0;
        for row in rows {
            csv.write_record(&row)?;
            count += 1;
        }
        let text = csv.into_inner().map_err(|e| e.to_string())?;
        let packed = zstd::encode_all(text.as_slice(), 19)?;
        self.bytes += packed.len();
        let file = format!("{part}.csv.zst");
        std::fs::write(self.path.join(&file), packed)?;
        source.table.push(Part { file, rows: count });
        Ok(())
    }

    /// Writes `source.toml` and says in one line what was made.
    pub fn finish(self, source: &Source) -> Result<String, Failure> {
        let text = toml::to_string(source)?;
        std::fs::write(self.path.join("source.toml"), text)?;
        let rows: usize = source.table.iter().map(|part| part.rows).sum();
        let Folder { name, bytes, .. } = self;
        Ok(format!(
            "{name}: {rows} rows in {} parts, {bytes} bytes; kept: {}; left out: {}; masked: {}",
            source.table.len(),
            source.kept,
            source.left_out,
            source.masked
        ))
    }
}

/// Distinct records in order of appearance, numbered from 1.
#[derive(Default)]
pub struct Distinct {
    numbers: std::collections::HashMap<Vec<String>, usize>,
    pub rows: Vec<Vec<String>>,
}

impl Distinct {
    pub fn number(&mut self, row: Vec<String>) -> String {
        let next = self.rows.len() + 1;
        let number = *self.numbers.entry(row.clone()).or_insert(next);
        if number == next {
            self.rows.push(row);
        }
        number.to_string()
    }

    /// The records with their numbers in front.
    pub fn numbered(&self) -> impl Iterator<Item = Vec<String>> {
        self.rows.iter().enumerate().map(|(at, row)| {
            let mut all = vec![(at + 1).to_string()];
            all.extend(row.iter().cloned());
            all
        })
    }
}
