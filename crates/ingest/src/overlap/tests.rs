//! Slices that share nothing, some or all of their rows, told by what they cover or by their keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::datatypes::Schema;
use jiff::Timestamp;
use model::column::Vocabulary;
use model::{Digest, Kind};
use proptest::prelude::*;
use store::Origin;
use store::commit::{Certificate, Counts, Covered};
use store::part::{self, Place};

use super::*;

const COLUMNS: &str = "
    release = { id = 1, type = 'text', about = 'R.' }
    _capture = { id = 2, type = 'text', about = 'C.' }
    _record = { id = 3, type = 'integer', about = 'R.' }
    county = { id = 4, type = 'text', about = 'C.' }
    number = { id = 5, type = 'text', about = 'N.' }
    units = { id = 6, type = 'integer', about = 'U.' }
";

const PIPELINE: &str = "
    title = 'T'
    row = 'sale'
    publisher = 'P'
    licence = 'L'
    citation = 'C'
    disclosure = 'none'
    schedule = '0 0 12 1 * *'
    period = 'county'
    evidence = []
    column = [{ name = 'county', from = ['C'] }, { name = 'number', from = ['N'] }, { name = 'units', from = ['U'] }]
    coverage = { columns = ['county'] }
    [source]
    kind = 'delimited'
    [check]
    key = ['release', 'number']
    nullable = ['number']
    repeats = 'counted'
    disjoint = true
    rows = { min = 1 }
";

/// County, number (null where it is empty), units.
type Sale = (&'static str, String, i64);

fn sale(county: &'static str, number: &str, units: i64) -> Sale {
    (county, number.to_owned(), units)
}

struct Bench {
    _folder: tempfile::TempDir,
    warehouse: Warehouse,
    dataset: Dataset,
    vocabulary: Vocabulary,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let warehouse = Warehouse::open_or_create(folder.path(), Origin::Replica, Timestamp::UNIX_EPOCH).unwrap();
        let vocabulary = Vocabulary::parse(COLUMNS).unwrap();
        let dataset = Dataset::parse("sales", PIPELINE, &vocabulary).unwrap();
        Self { _folder: folder, warehouse, dataset, vocabulary }
    }

    /// A slice with these rows; where they are not told, nothing says what it covers.
    fn slice(&self, name: &str, sales: &[Sale], told: bool) -> Slice {
        let release: Release = "r1".parse().unwrap();
        let texts = |cells: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(cells)) };
        let names = self.dataset.columns();
        let columns = names.iter().map(|name| -> ArrayRef {
            match name.as_str() {
                "release" => texts(vec![Some("r1"); sales.len()]),
                "_capture" => texts(vec![Some("capture"); sales.len()]),
                "county" => texts(sales.iter().map(|sale| Some(sale.0)).collect()),
                "number" => {
                    texts(sales.iter().map(|sale| Some(sale.1.as_str()).filter(|text| !text.is_empty())).collect())
                }
                "units" => Arc::new(sales.iter().map(|sale| Some(sale.2)).collect::<Int64Array>()),
                _ => Arc::new((0..sales.len()).map(|row| i64::try_from(row).ok()).collect::<Int64Array>()),
            }
        });
        let fields: Vec<_> = names.iter().map(|name| self.vocabulary.field(name).unwrap()).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.collect()).unwrap();
        let place = Place { table: "sales", release: &release, year: None };
        let mut rows = BTreeMap::new();
        sales.iter().for_each(|sale| *rows.entry(sale.0.to_owned()).or_default() += 1);
        let covered = Covered { column: "county".to_owned(), values: rows.len() as u64, rows: Some(rows), null: 0 };
        Slice {
            name: name.to_owned(),
            grade: "publisher".to_owned(),
            note: String::new(),
            url: String::new(),
            captures: Vec::new(),
            since: None,
            counts: Counts { kept: sales.len() as u64, ..Counts::default() },
            coverage: if told { vec![covered] } else { Vec::new() },
            parts: vec![part::write(&self.warehouse, place, &batch).unwrap()],
            pipeline: Digest::of("p"),
            program: "test".to_owned(),
            release,
        }
    }

    /// What becomes of slices that are staged together, and what is said of those that are left out.
    fn settle(&self, slices: Vec<Slice>) -> Result<(Staged, Vec<String>)> {
        self.settle_over(None, slices)
    }

    /// Commits a slice; the manifest's digest comes back.
    fn commit(&self, slice: Slice) -> Digest {
        let (staged, _) = self.settle(vec![slice]).unwrap();
        self.warehouse.commit(&[staged], "test", Timestamp::UNIX_EPOCH).unwrap();
        self.warehouse.head().unwrap().unwrap().datasets.into_values().next().unwrap()
    }

    /// The same over what is held.
    fn settle_over(&self, base: Option<Digest>, slices: Vec<Slice>) -> Result<(Staged, Vec<String>)> {
        let certificate = |slice: &Slice| Certificate {
            dataset: self.dataset.id.clone(),
            release: slice.release.clone(),
            slice: slice.name.clone(),
            checks: Vec::new(),
        };
        let mut staged = Staged {
            dataset: self.dataset.id.clone(),
            pipeline: Digest::of("p"),
            tables: Vec::new(),
            certificates: slices.iter().map(certificate).collect(),
            slices,
            superseded: Vec::new(),
            base,
        };
        let left_out = settle(&self.warehouse, &self.dataset, &mut staged)?;
        Ok((staged, left_out))
    }

    /// The names of the slices that stay of a narrower and a broader one, in this order; and what is said.
    fn stays(&self, slices: Vec<Slice>) -> (Vec<String>, Vec<String>, Vec<String>) {
        let (staged, left_out) = self.settle(slices).unwrap();
        let names: Vec<_> = staged.slices.iter().map(|slice| slice.name.clone()).collect();
        let certified: Vec<_> = staged.certificates.iter().map(|certificate| certificate.slice.clone()).collect();
        assert_eq!(certified, names, "a slice that is not there has no certificate");
        (names, staged.superseded.into_iter().map(|(_, name)| name).collect(), left_out)
    }
}

fn mingo() -> Vec<Sale> {
    vec![sale("MINGO", "1", 100), sale("MINGO", "2", 200)]
}

fn state() -> Vec<Sale> {
    [mingo(), vec![sale("LOGAN", "3", 300)]].concat()
}

#[test]
fn the_broadest_stays_whichever_comes_first() {
    let bench = Bench::new();
    let (narrow, broad) = (bench.slice("mingo", &mingo(), true), bench.slice("state", &state(), true));
    let (stays, gone, left_out) = bench.stays(vec![narrow.clone(), broad.clone()]);
    assert_eq!((stays, gone, left_out), (vec!["state".to_owned()], vec!["mingo".to_owned()], vec![]));
    let (stays, gone, left_out) = bench.stays(vec![broad, narrow]);
    assert_eq!((stays, gone), (vec!["state".to_owned()], vec![]));
    assert_eq!(left_out, ["sales r1: `state` holds every row of `mingo`"]);
}

#[test]
fn what_covers_other_places_is_not_even_read() {
    let bench = Bench::new();
    let mut narrow = bench.slice("mingo", &mingo(), true);
    narrow.parts[0].path = "tables/sales/gone.parquet".to_owned();
    let other = bench.slice("logan", &[sale("LOGAN", "1", 100)], true);
    let (stays, ..) = bench.stays(vec![narrow.clone(), other.clone()]);
    assert_eq!(stays, ["mingo", "logan"]);
    narrow.coverage.clear();
    assert_eq!(bench.settle(vec![narrow, other]).unwrap_err().kind(), Kind::Damaged, "now it must be read");
}

#[test]
fn keys_tell_where_nothing_else_does() {
    let bench = Bench::new();
    let narrow = bench.slice("mingo", &mingo(), false);
    let (stays, gone, _) = bench.stays(vec![narrow.clone(), bench.slice("state", &state(), false)]);
    assert_eq!((stays, gone), (vec!["state".to_owned()], vec!["mingo".to_owned()]));
    let apart = bench.slice("other", &[sale("MINGO", "9", 100)], false);
    assert_eq!(bench.stays(vec![narrow.clone(), apart]).0, ["mingo", "other"]);
    let crossing = bench.slice("crossing", &[sale("MINGO", "2", 200), sale("LOGAN", "3", 300)], true);
    for (first, second) in [(narrow.clone(), crossing.clone()), (crossing, narrow)] {
        let error = bench.settle(vec![first, second]).unwrap_err();
        assert_eq!(error.kind(), Kind::CheckFailed);
        assert!(error.to_string().ends_with("both have the row r1 / 2"), "{error}");
    }
}

#[test]
fn rows_without_a_number_are_the_same_where_everything_is() {
    let bench = Bench::new();
    let own = bench.slice("own", &[sale("MINGO", "", 100), sale("MINGO", "", 200)], false);
    let other = bench.slice("other", &[sale("MINGO", "", 300), sale("LOGAN", "", 100)], false);
    assert_eq!(bench.stays(vec![own.clone(), other]).0, ["own", "other"]);
    let again = bench.slice("again", &[sale("MINGO", "", 200), sale("MINGO", "", 300)], false);
    assert_eq!(bench.settle(vec![own, again]).unwrap_err().kind(), Kind::CheckFailed);
}

#[test]
fn a_file_of_the_same_name_takes_the_place_of_one_that_it_holds_and_of_no_other() {
    let mut bench = Bench::new();
    bench.dataset.spec.coverage.part = vec![toml::from_str("word = 'county'\nof = ['county']").unwrap()];
    let mut held = bench.slice("mingo", &mingo(), true);
    held.url = "file:first.tsv".to_owned();
    let base = bench.commit(held.clone());
    let check = |sales: &[Sale], url: &str, expected: Result<&[&str], &str>| {
        let mut slice = bench.slice("mingo", sales, true);
        slice.url = url.to_owned();
        match (bench.settle_over(Some(base.clone()), vec![slice]), expected) {
            (Ok((staged, _)), Ok(names)) => {
                assert_eq!(staged.slices.iter().map(|slice| slice.name.as_str()).collect::<Vec<_>>(), names);
                assert_eq!(staged.superseded, []);
            }
            (Err(error), Err(says)) => {
                assert_eq!(error.kind(), Kind::CheckFailed);
                assert!(error.to_string().contains(says), "{error}");
            }
            (found, _) => panic!("{:?}", found.map(|(staged, said)| (staged.slices.len(), said))),
        }
    };
    let more = [mingo(), vec![sale("MINGO", "7", 5)]].concat();
    check(&mingo(), "file:second.tsv", Ok(&["mingo"]));
    check(&more, "file:second.tsv", Ok(&["mingo"]));
    check(&mingo()[..1], "file:second.tsv", Ok(&[]));
    let others = [sale("MINGO", "8", 5), sale("MINGO", "9", 5), sale("MINGO", "10", 5)];
    check(&others, "file:second.tsv", Err("`mingo` is there from file:first.tsv, with rows that this file lacks"));
    let crossing = [sale("MINGO", "1", 100), sale("MINGO", "8", 5)];
    check(&crossing, "file:second.tsv", Err("rows that this file lacks"));
    // The same file, corrected.
    check(&crossing, "file:first.tsv", Ok(&["mingo"]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever share of the rows is looked at at once, as many are found in both as a set finds.
    #[test]
    fn shares_of_any_size_find_the_same_rows(
        own in proptest::collection::vec(0..40_u32, 1..60),
        theirs in proptest::collection::vec(0..40_u32, 1..60),
        at_once in 1..70_u64,
    ) {
        let bench = Bench::new();
        let sales = |numbers: &[u32]| numbers.iter().map(|n| sale("MINGO", &n.to_string(), 1)).collect::<Vec<_>>();
        let slices = (bench.slice("own", &sales(&own), false), bench.slice("theirs", &sales(&theirs), false));
        let found = compare(&bench.warehouse, &bench.dataset, &slices.0, &slices.1, at_once).unwrap();
        let sets = (own.iter().collect::<BTreeSet<_>>(), theirs.iter().collect::<BTreeSet<_>>());
        prop_assert_eq!(found.of, sets.1.len() as u64);
        prop_assert_eq!(found.rows, sets.0.intersection(&sets.1).count() as u64);
        prop_assert_eq!(found.first.is_empty(), found.rows == 0);
    }
}
