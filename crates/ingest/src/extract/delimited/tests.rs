//! What delimited files hand on, and what is refused. The helpers serve the other extractors' tests too.

use std::io::Write as _;
use std::path::PathBuf;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::UInt64Type;

use super::*;
use crate::extract::{Edition, Note};

/// Everything that a decode handed on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::extract) struct Decoded {
    pub edition: Option<Edition>,
    pub names: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
    pub records: Vec<u64>,
    pub hidden: Vec<Vec<Option<String>>>,
    pub hidden_records: Vec<u64>,
    pub notes: Vec<Note>,
    pub batches: usize,
}

impl Decoded {
    /// A column's cells, with `∅` for null.
    pub fn column(&self, name: &str) -> Vec<&str> {
        let column = self.names.iter().position(|known| known == name);
        let column = column.unwrap_or_else(|| panic!("no column `{name}` among {:?}", self.names));
        self.rows.iter().map(|row| row[column].as_deref().unwrap_or("∅")).collect()
    }

    /// A cell of a row that was not shown.
    pub fn hidden_cell(&self, row: usize, name: &str) -> &str {
        let column = self.names.iter().position(|known| known == name).unwrap();
        self.hidden[row][column].as_deref().unwrap_or("∅")
    }

    /// The sum of a column's numbers; other cells must be one of the words.
    pub fn sum(&self, name: &str, words: &[&str]) -> i64 {
        let number = |cell: &str| if words.contains(&cell) { 0 } else { cell.parse::<i64>().unwrap() };
        self.column(name).into_iter().map(number).sum()
    }

    /// The texts of the notes of a section, each after its label.
    pub fn section(&self, section: &str) -> Vec<(&str, &str)> {
        let of = self.notes.iter().filter(|note| note.section == section);
        of.map(|note| (note.label.as_str(), note.text.as_str())).collect()
    }
}

/// Inspects and decodes pages as a run would.
pub(in crate::extract) fn decode(extractor: &dyn Extractor, pages: &[Page]) -> Result<Decoded> {
    for page in pages {
        extractor.inspect(page)?;
    }
    decode_only(extractor, pages)
}

/// Decodes pages that nobody inspected.
pub(in crate::extract) fn decode_only(extractor: &dyn Extractor, pages: &[Page]) -> Result<Decoded> {
    decode_slice(extractor, &Slice::new("test", "file:test".to_owned()), pages)
}

/// Decodes pages of a slice.
pub(in crate::extract) fn decode_slice(extractor: &dyn Extractor, slice: &Slice, pages: &[Page]) -> Result<Decoded> {
    let mut decoded = Decoded::default();
    extractor.decode(slice, pages, &mut |piece| {
        match piece {
            Piece::Edition(edition) => {
                assert!(decoded.rows.is_empty() && decoded.edition.is_none(), "the edition comes first, and once");
                decoded.edition = Some(edition);
            }
            Piece::Note(note) => decoded.notes.push(note),
            Piece::Rows { page, batch } => {
                assert!(page < pages.len() && batch.num_rows() <= BATCH);
                decoded.batches += 1;
                let schema = batch.schema();
                let names: Vec<String> =
                    schema.fields().iter().map(|field| field.name().clone()).filter(|name| name != RECORD).collect();
                assert!(decoded.names.is_empty() || decoded.names == names, "batches have the same columns");
                decoded.names = names;
                decoded.records.extend(records(&batch));
                decoded.rows.extend(rows(&decoded.names, &batch));
            }
            Piece::Hidden { batch, .. } => {
                decoded.hidden_records.extend(records(&batch));
                decoded.hidden.extend(rows(&decoded.names, &batch));
            }
        }
        Ok(())
    })?;
    Ok(decoded)
}

fn records(batch: &RecordBatch) -> Vec<u64> {
    batch.column_by_name(RECORD).unwrap().as_primitive::<UInt64Type>().values().to_vec()
}

fn rows(names: &[String], batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let cell = |name: &String, row: usize| {
        let cells = batch.column_by_name(name).unwrap().as_string::<i32>();
        cells.is_valid(row).then(|| cells.value(row).to_owned())
    };
    (0..batch.num_rows()).map(|row| names.iter().map(|name| cell(name, row)).collect()).collect()
}

/// A file below the repository's fixtures.
pub(in crate::extract) fn fixture(name: &str) -> Page {
    page_of(PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../tests/fixtures").join(name))
}

/// A captured file, where the folder of captures is there to be read.
pub(in crate::extract) fn capture(name: &str) -> Option<Page> {
    let Some(folder) = std::env::var_os("TOLLHOUSE_CAPTURES") else {
        #[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
        {
            eprintln!("skipped: {name} needs the captured files; set TOLLHOUSE_CAPTURES to their folder");
        }
        return None;
    };
    Some(page_of(PathBuf::from(folder).join(name)))
}

fn page_of(path: PathBuf) -> Page {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Page::of_bytes(&format!("file:{name}"), bytes)
}

/// An error must be of a kind, say all these words, and not print its cause in its own message.
#[track_caller]
pub(in crate::extract) fn check_error<T: std::fmt::Debug>(result: Result<T>, kind: Kind, words: &[&str]) {
    let error = result.expect_err("must be refused");
    assert_eq!(error.kind(), kind, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "`{word}` is not in: {error}");
    }
    assert!(error.hint_text().is_some(), "no hint: {error}");
}

fn tab() -> Delimited {
    toml::from_str("separator = 'tab'\nfirst_header = ['REPORTER_DEA_NO']").unwrap()
}

fn any_tab() -> Delimited {
    toml::from_str("separator = 'tab'").unwrap()
}

fn comma() -> Delimited {
    toml::from_str("separator = 'comma'").unwrap()
}

fn of(text: impl AsRef<[u8]>) -> Page {
    Page::of_bytes("file:test", text.as_ref())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// Rows as `a|b`, each after its line.
#[track_caller]
fn check(extractor: &Delimited, text: impl AsRef<[u8]>, expected: &[(u64, &str)]) {
    let decoded = decode(extractor, &[of(text)]).unwrap();
    let rows: Vec<(u64, String)> = decoded
        .records
        .iter()
        .zip(&decoded.rows)
        .map(|(record, row)| (*record, row.iter().map(|cell| cell.clone().unwrap()).collect::<Vec<_>>().join("|")))
        .collect();
    let rows: Vec<(u64, &str)> = rows.iter().map(|(record, row)| (*record, row.as_str())).collect();
    assert_eq!(rows, expected);
}

#[track_caller]
fn refuse(extractor: &Delimited, text: impl AsRef<[u8]>, kind: Kind, words: &[&str]) {
    check_error(decode(extractor, &[of(text)]), kind, words);
}

#[test]
fn lines_are_counted_with_the_header() {
    check(&any_tab(), "a\tb\n1\t2\n3\t4\n", &[(2, "1|2"), (3, "3|4")]);
    check(&any_tab(), "a\tb\r\n1\t2\r\n3\t4", &[(2, "1|2"), (3, "3|4")]);
    check(&comma(), "a,b\n\"x\ny\",2\n3,4\n", &[(2, "x\ny|2"), (4, "3|4")]);
    check(&comma(), "a,b\r\n\"x\",\"2\"\r\n3,\"\"\r\n", &[(2, "x|2"), (3, "3|")]);
}

#[test]
fn a_stray_quote_swallows_nothing_between_tabs() {
    check(&any_tab(), "a\tb\n\"1\t2\n3\t4\"\n", &[(2, "\"1|2"), (3, "3|4\"")]);
}

#[test]
fn the_byte_order_mark_is_no_part_of_a_name() {
    let decoded = decode(&comma(), &[of("\u{feff}State,Year\nWY,2015\n")]).unwrap();
    assert_eq!(decoded.names, ["State", "Year"]);
    let decoded = decode(&comma(), &[of("\u{feff}\"State\",\"Year\"\nWY,2015\n")]).unwrap();
    assert_eq!(decoded.names, ["State", "Year"]);
}

#[test]
fn only_the_last_line_may_be_blank() {
    check(&any_tab(), "a\tb\n1\t2\n\n", &[(2, "1|2")]);
    check(&any_tab(), "a\tb\r\n1\t2\r\n\r\n", &[(2, "1|2")]);
    refuse(&any_tab(), "a\tb\n1\t2\n\n3\t4\n", Kind::NotData, &["line 3 is blank"]);
    refuse(&any_tab(), "a\tb\r\n1\t2\r\n\r\n3\t4\r\n", Kind::NotData, &["line 3 is blank"]);
}

#[test]
fn a_row_of_another_length_names_its_line() {
    refuse(&any_tab(), "a\tb\n1\t2\n3\n", Kind::NotData, &["line 3 has 1 fields where the header has 2"]);
    refuse(&any_tab(), "a\tb\n1\t2\t3\n", Kind::NotData, &["line 2 has 3 fields"]);
    check_error(
        decode(&tab(), &[fixture("arcos_transactions/refused/cut-in-the-last-line.tsv")]),
        Kind::NotData,
        &["line 5 has", "the header has 42"],
    );
}

#[test]
fn a_header_without_rows_hands_on_nothing() {
    let decoded = decode(&any_tab(), &[of("a\tb\n")]).unwrap();
    assert_eq!(decoded, Decoded::default());
}

#[test]
fn another_table_is_told_apart_by_its_header() {
    let county = fixture("arcos_transactions/refused/county-totals-another-table.tsv");
    check_error(tab().inspect(&county), Kind::Changed, &["`BUYER_COUNTY`, not `REPORTER_DEA_NO`"]);
    check_error(decode_only(&tab(), &[county]), Kind::Changed, &["another table"]);
    refuse(&any_tab(), "a,b\n1,2\n", Kind::Changed, &["a single cell, `a,b`"]);
    refuse(&any_tab(), "a\ta\n1\t2\n", Kind::Changed, &["two columns are named `a`"]);
    refuse(&any_tab(), "", Kind::Changed, &["does not begin with a header line"]);
}

#[test]
fn text_is_utf8_or_else_latin1() {
    check(&comma(), "a,b\nDo\u{f1}a Ana,1\n", &[(2, "Doña Ana|1")]);
    check(&comma(), b"a,b\nx,1\nDo\xf1a Ana,1\n\xc3\xb1,2\n", &[(2, "x|1"), (3, "Doña Ana|1"), (4, "Ã±|2")]);
    refuse(&comma(), b"a,b\n\xc3\xb1,1\n\xf1,1\n", Kind::NotData, &["line 3 is not UTF-8"]);
}

#[test]
fn gzip_is_transparent_and_a_cut_one_is_found() {
    let text = b"a\tb\n1\t2\n";
    check(&any_tab(), gzip(text), &[(2, "1|2")]);
    let mut cut = gzip(text);
    cut.truncate(cut.len() - 6);
    refuse(&any_tab(), cut, Kind::NotData, &["cut short or corrupt"]);
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let small: Delimited = toml::from_str("separator = 'tab'\nmax_bytes = 1000").unwrap();
    let text = ["a\tb\n".to_owned(), "1\t2\n".repeat(1000)].concat();
    refuse(&small, gzip(text.as_bytes()), Kind::NotData, &["cannot be read to its end"]);
}

#[test]
fn rows_come_in_batches() {
    let text = ["a\tb\n".to_owned(), "1\t2\n".repeat(BATCH + 1)].concat();
    let decoded = decode(&any_tab(), &[of(text)]).unwrap();
    assert_eq!((decoded.batches, decoded.rows.len()), (2, BATCH + 1));
    assert_eq!(decoded.records.last(), Some(&(BATCH as u64 + 2)));
}

#[test]
fn the_three_layouts_of_arcos_hand_on_their_own_names() {
    for (name, columns, date) in [
        ("r1-2006-2012-42-columns-stray-quote-word-null", 42, "01042007"),
        ("r2-2006-2014-42-columns-with-mme", 42, "01042007"),
        ("r3-2006-2019-33-columns-iso-dates", 33, "2007-01-04"),
    ] {
        let decoded = decode(&tab(), &[fixture(&format!("arcos_transactions/{name}.tsv"))]).unwrap();
        assert_eq!((decoded.names.len(), decoded.rows.len()), (columns, 4), "{name}");
        assert_eq!(decoded.column("TRANSACTION_DATE")[0], date);
        assert_eq!(decoded.column("BUYER_ZIP"), ["25661", "2125", "901", "25661"]);
        assert_eq!(decoded.column("BUYER_COUNTY")[2], "null");
        assert_eq!(decoded.column("BUYER_ADDL_CO_INFO")[1], "C/O HARBOR \"HOLDINGS");
    }
}

#[test]
fn one_request_for_each_file() {
    let files: Delimited =
        toml::from_str("separator = 'tab'\n[[files]]\nurl = 'https://example.org/a/b.tsv'\nrelease = '2006-2012'\n")
            .unwrap();
    let slices = files.slices();
    assert_eq!((slices.len(), slices[0].name.as_str()), (1, "b.tsv"));
    let request = files.next_page(&slices[0], &[]).unwrap().unwrap();
    assert_eq!((request.url.as_str(), request.expect), ("https://example.org/a/b.tsv", Expect::Text));
    assert_eq!(files.next_page(&slices[0], &[of("a\tb\n")]).unwrap(), None);
}

#[test]
fn an_unknown_option_is_an_error() {
    assert!(toml::from_str::<Delimited>("separator = 'tab'\nquote = true").is_err());
    assert!(toml::from_str::<Delimited>("separator = 'semicolon'").is_err());
}

#[test]
fn captured_arcos_files_hold_what_was_counted_in_them() {
    let Some(mingo) = capture("arcos/washpost_raw_2006_2012/arcos-wv-mingo-54059-itemized.tsv.gz") else { return };
    let decoded = decode(&tab(), &[mingo]).unwrap();
    assert_eq!((decoded.names.len(), decoded.rows.len()), (42, 37_154));
    let units: f64 = decoded.column("DOSAGE_UNIT").iter().map(|cell| cell.parse::<f64>().unwrap()).sum();
    assert_eq!(units, 38_269_630.0);
    let nulls = decoded.rows.iter().flatten().filter(|cell| cell.as_deref() == Some("null")).count();
    let blanks = decoded.rows.iter().flatten().filter(|cell| cell.as_deref() == Some("")).count();
    assert_eq!((nulls, blanks), (271_661, 0));
    let short = decoded.column("REPORTER_ZIP").iter().filter(|zip| zip.len() == 4).count();
    assert_eq!(short, 1);
    assert_eq!(decoded.records.last(), Some(&37_155));
}

#[test]
fn captured_dispensing_files_hold_51_states_a_year() {
    for name in ["vishal_State_Opioid_Dispensing_Rates_2019-2023", "gentrylamb_State_Opioid_Dispensing_Rates_2019-2023"]
    {
        let Some(page) = capture(&format!("cdc/rx_rates/{name}.csv")) else { return };
        let decoded = decode(&comma(), &[page]).unwrap();
        assert_eq!((decoded.names[0].as_str(), decoded.rows.len()), ("YEAR", 255));
    }
    for name in ["2019-2023-bom-bins-data-unavailable", "2019-2023-crlf-no-bom", "2006-2018-numbers-in-both-columns"] {
        let decoded = decode(&comma(), &[fixture(&format!("cdc_opioid_dispensing_state/{name}.csv"))]).unwrap();
        assert_eq!(decoded.names[5], "Opioid Dispensing Rate (per 100 persons)");
    }
}

#[test]
fn of_a_table_that_does_not_say_what_it_counts_only_known_copies_are_read() {
    let text = "Year,Deaths\n2015,33091\n";
    let options = format!(
        "separator = 'comma'\nfirst_header = ['Year']\nknown = ['{}']\n[[files]]\nurl = 'https://x.invalid/copy.csv'\nname = 'copy'",
        Digest::of(text.as_bytes())
    );
    let extractor: Delimited = toml::from_str(&options).unwrap();
    let page = |text: &str| Page::of_bytes("file:any-name.csv", text.as_bytes());
    let slice = extractor.recognise(&page(text)).unwrap().unwrap();
    assert_eq!(slice.name, "copy");
    assert_eq!(decode(&extractor, &[page(text)]).unwrap().column("Deaths"), ["33091"]);
    // The same columns, of who knows what.
    let other = page("Year,Deaths\n2015,52404\n");
    for error in [extractor.recognise(&other).unwrap_err(), decode(&extractor, &[other]).unwrap_err()] {
        assert_eq!(error.kind(), Kind::Changed);
        assert!(error.to_string().contains("does not say what it counts"), "{error}");
    }
}

mod told;
