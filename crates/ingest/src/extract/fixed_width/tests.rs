//! Master files, written by the positions of the record descriptions and read by the declarations.

use std::io::Write as _;

use model::column::Vocabulary;
use model::dataset::Dataset;

use super::super::delimited::tests::{Decoded, capture, decode};
use super::*;
use crate::extract::extractor;
use crate::normalise::normalise;

mod homicides;
mod return_a;

/// A declaration of the project.
fn dataset(id: &str) -> (Dataset, Vocabulary) {
    let read = |path: &str| {
        std::fs::read_to_string(format!("{}/../../{path}", std::env::var("CARGO_MANIFEST_DIR").unwrap())).unwrap()
    };
    let vocabulary = Vocabulary::parse(&read("warehouse/columns.toml")).unwrap();
    (Dataset::parse(id, &read(&format!("pipelines/{id}.toml")), &vocabulary).unwrap(), vocabulary)
}

fn page(text: impl AsRef<[u8]>) -> Page {
    Page::of_bytes("file:master", text.as_ref())
}

/// Records as lines.
fn lines<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    records.into_iter().flat_map(|record| [record, b"\r\n"].concat()).collect()
}

/// What a page holds, as the declaration reads it.
fn read(id: &str, page: &Page) -> Result<Decoded> {
    decode(extractor(&dataset(id).0)?.as_ref(), std::slice::from_ref(page))
}

/// The columns of ours, as text, with `∅` for null; every row must be kept.
fn ours(id: &str, page: &Page, columns: &[&str]) -> Vec<String> {
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    let (dataset, vocabulary) = dataset(id);
    let mut rows = Vec::new();
    let extractor = extractor(&dataset).unwrap();
    extractor.inspect(page).unwrap();
    let slice = Slice::new("test", "file:test".to_owned());
    extractor
        .decode(&slice, std::slice::from_ref(page), &mut |piece| {
            let Piece::Rows { batch, .. } = piece else { return Ok(()) };
            let normal = normalise(&dataset, &vocabulary, slice.grade, &page.digest, &batch)?;
            assert!(normal.rejected.is_empty(), "{:?}", normal.rejected.first());
            let options = FormatOptions::default().with_null("∅");
            let cells: Vec<_> = columns
                .iter()
                .map(|name| ArrayFormatter::try_new(normal.kept.column_by_name(name).unwrap(), &options).unwrap())
                .collect();
            for row in 0..normal.kept.num_rows() {
                rows.push(cells.iter().map(|cell| cell.value(row).to_string()).collect::<Vec<_>>().join(" "));
            }
            Ok(())
        })
        .unwrap();
    rows
}

/// A page is refused by these declarations, in these words and with something to do next.
#[track_caller]
fn check_refused(ids: &[&str], page: &Page, kind: Kind, words: &str) {
    for id in ids {
        let error = read(id, page).unwrap_err();
        assert!(error.to_string().contains(words), "{id}: {error}");
        assert!(error.kind() == kind && error.hint_text().is_some(), "{id}: {error:?}");
    }
}

fn zipped(members: &[(&str, &[u8])]) -> Page {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text).unwrap();
    }
    page(zip.finish().unwrap().into_inner())
}

fn gzipped(text: &[u8]) -> Page {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text).unwrap();
    page(gz.finish().unwrap())
}

#[test]
fn a_declaration_that_cannot_be_followed_is_refused() {
    #[track_caller]
    fn check(from: &str, to: &str, words: &str) {
        let (mut dataset, _) = dataset("fbi_homicide_victims");
        let text = toml::to_string(&dataset.spec.source).unwrap();
        let changed = text.replacen(from, to, 1);
        assert_ne!(text, changed, "{from}");
        dataset.spec.source = changed.parse().unwrap();
        let Err(error) = extractor(&dataset) else { panic!("{from} → {to} passed") };
        let chain = format!("{error} {:?}", std::error::Error::source(&error).map(ToString::to_string));
        assert!(error.kind() == Kind::Usage && chain.contains(words), "{chain}");
    }
    check("field = \"additional_victims\"", "field = \"victims\"", "no field is named `victims`");
    check("year = \"year\"", "year = \"anno\"", "no field is named `anno`");
    check("\"situation\"", "\"month\"", "two headers are `month`");
    check("at = 4\n", "at = 0\n", "lie nowhere");
    check("length = 268", "length = 140", "lie beyond 140 bytes");
    check("step = [5]", "step = [5, 1]", "more steps than there are axes");
    check("begins = ", "starts = ", "starts");
}
