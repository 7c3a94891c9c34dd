//! Every declared table of the portal over its fixtures: the API's rows and the portal's CSV normalise to the same.

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use model::column::Vocabulary;
use model::dataset::Dataset;

use super::*;
use crate::content;
use crate::extract::{Grade, extractor};
use crate::normalise::normalise;

/// Rows of a dataset as text, with null as `∅`.
struct Rows {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Rows {
    fn column(&self, name: &str) -> Vec<&str> {
        let place = self.names.iter().position(|known| known == name).unwrap_or_else(|| panic!("no column {name}"));
        self.rows.iter().map(|row| row[place].as_str()).collect()
    }
}

fn declared(id: &str) -> (Dataset, Vocabulary) {
    let read = |path: &str| {
        std::fs::read_to_string(format!("{}/../../{path}", std::env::var("CARGO_MANIFEST_DIR").unwrap())).unwrap()
    };
    let vocabulary = Vocabulary::parse(&read("warehouse/columns.toml")).unwrap();
    (Dataset::parse(id, &read(&format!("pipelines/{id}.toml")), &vocabulary).unwrap(), vocabulary)
}

/// Admits, decodes and normalises pages as a run would, and wants no row rejected; `_capture` and `_record` are left out.
fn rows(id: &str, table: &str, pages: &[Page]) -> Rows {
    let (dataset, vocabulary) = declared(id);
    let extractor = extractor(&dataset).unwrap();
    let slice = extractor.slices().into_iter().find(|slice| slice.name == table).unwrap();
    for page in pages {
        content::fits(&dataset, extractor.as_ref(), &slice, page).unwrap();
    }
    let names: Vec<String> = dataset
        .columns()
        .into_iter()
        .filter(|name| !["release", "_capture", "_record"].contains(&name.as_str()))
        .collect();
    let mut all = Rows { names, rows: Vec::new() };
    let emit = &mut |piece| {
        if let Piece::Rows { page, batch } = piece {
            let normal = normalise(&dataset, &vocabulary, Grade::Publisher, &pages[page].digest, &batch)?;
            assert!(normal.rejected.is_empty(), "{:?}", normal.rejected);
            all.rows.extend((0..normal.kept.num_rows()).map(|row| shown(&normal.kept, &all.names, row)));
        }
        Ok(())
    };
    extractor.decode(&slice, pages, emit).unwrap();
    all
}

fn shown(batch: &RecordBatch, names: &[String], row: usize) -> Vec<String> {
    let options = FormatOptions::default().with_null("∅");
    let cell = |name: &String| {
        let column = batch.column_by_name(name).unwrap();
        ArrayFormatter::try_new(column.as_ref(), &options).unwrap().value(row).to_string()
    };
    names.iter().map(cell).collect()
}

/// Reads a table's CSV and its JSON, wants the same of both, and hands it on.
#[track_caller]
fn both(id: &str, table: &str, csv: &str, soda: &str) -> Rows {
    let from_csv = rows(id, table, &[fixture(&format!("{id}/{csv}"))]);
    let reply = |url: &str, name: &str| {
        let page = fixture(&format!("{id}/{soda}/{table}-{name}.json"));
        Page::of_bytes(&format!("https://data.cdc.gov/{url}"), page.bytes(1 << 20).unwrap())
    };
    let metadata = reply(&format!("api/views/{table}.json"), "metadata");
    let page = reply(&format!("resource/{table}.json?$limit=5000&$offset=0&$order=:id"), "rows");
    let from_api = rows(id, table, &[metadata, page]);
    assert_eq!(from_csv.rows, from_api.rows, "{id} {table}");
    assert!(!from_csv.rows.is_empty());
    from_csv
}

#[test]
fn drug_poisoning_by_state_in_three_layouts() {
    let id = "cdc_drug_poisoning_state";
    let first = both(id, "jx6g-fdh6", "1999-2015-18-columns-year-first.csv", "soda");
    assert_eq!(first.column("state_fips"), ["39", "∅"]);
    assert_eq!(first.column("age_group"), ["All Ages", "Less than 15 years"]);
    assert_eq!(first.column("crude_rate_per_100k_ci_low"), ["17.300000000", "0.000000000"]);
    assert_eq!(first.column("rate_unit"), ["∅", "∅"]);
    for (table, csv) in [
        ("xbxb-epbu", "1999-2016-19-columns-bom-en-dash.csv"),
        ("44rk-q6r2", "1999-2017-19-columns-spelt-otherwise.csv"),
    ] {
        let rows = both(id, table, csv, "soda");
        assert_eq!(rows.column("deaths"), ["2101", "0"]);
        assert_eq!(rows.column("crude_rate_bin"), ["5.8–5.8", "∅"]);
        assert_eq!(rows.column("crude_rate_bin_high"), ["5.800000000", "∅"]);
        assert_eq!(rows.column("age_adjusted_rate_per_100k_ci_high"), ["19.859900000", "∅"]);
        assert_eq!(rows.column("rate_unit"), ["per 100,000 population"; 2]);
    }
}

#[test]
fn an_edition_by_state_is_not_taken_for_another() {
    let (dataset, _) = declared("cdc_drug_poisoning_state");
    let extractor = extractor(&dataset).unwrap();
    for (csv, table) in [
        ("1999-2015-18-columns-year-first.csv", "jx6g-fdh6"),
        ("1999-2016-19-columns-bom-en-dash.csv", "xbxb-epbu"),
        ("1999-2017-19-columns-spelt-otherwise.csv", "44rk-q6r2"),
    ] {
        let page = fixture(&format!("cdc_drug_poisoning_state/{csv}"));
        let fits = |slice: &Slice| extractor.headers(slice, &page).is_ok();
        let fitting: Vec<_> = extractor.slices().into_iter().filter(fits).map(|slice| slice.name).collect();
        assert_eq!(fitting, [table]);
    }
}

#[test]
fn drug_poisoning_by_county_in_ranges() {
    let id = "cdc_drug_poisoning_county_binned";
    let rows = both(id, "p56q-jrxg", "1999-2016-bom-thousands-no-leading-zero.csv", "soda");
    assert_eq!(rows.column("county_fips"), ["01991", "30993", "54995"]);
    assert_eq!(rows.column("state_fips"), ["01", "30", "54"]);
    assert_eq!(rows.column("population"), ["43210", "742", "1043210"]);
    assert_eq!(rows.column("age_adjusted_rate_bin"), ["2-3.9", "<2", "30+"]);
    assert_eq!(rows.column("age_adjusted_rate_bin_low"), ["2.000000000", "0.000000000", "30.000000000"]);
    assert_eq!(rows.column("age_adjusted_rate_bin_high"), ["3.900000000", "2.000000000", "∅"]);
    let older = both(id, "pbkm-d27e", "1999-2015-8-columns-population-missing.csv", "soda");
    assert_eq!(older.column("population"), ["43210", "742", "∅"]);
    assert_eq!(older.column("age_adjusted_rate_bin_low"), ["0.000000000", "28.100000000", "30.000000000"]);
}

#[test]
fn drug_poisoning_by_county_modelled_under_both_sets_of_names() {
    for soda in ["soda", "soda-names-of-the-portal"] {
        let rows = both("cdc_drug_poisoning_county_modelled", "rpvx-m2md", "1999-2017-12-columns.csv", soda);
        assert_eq!(rows.column("county_fips"), ["01991", "54995"]);
        // Half to even at the ninth digit of 3.2041781531.
        assert_eq!(rows.column("model_rate_per_100k"), ["3.204178153", "61.500000000"]);
        assert_eq!(rows.column("model_rate_per_100k_ci_low"), ["2.100000000", "53.400000000"]);
        assert_eq!(rows.column("urban_rural_category"), ["Medium Metro", "Noncore"]);
    }
}

#[test]
fn leading_causes_keep_their_totals_in_band() {
    let rows = both("cdc_leading_causes_state", "bi63-dtpu", "1999-2016-totals-in-band.csv", "soda");
    assert_eq!(rows.column("state_fips"), ["39", "∅", "11"]);
    assert_eq!(rows.column("cause"), ["Unintentional injuries", "All causes", "Alzheimer's disease"]);
    assert_eq!(rows.column("age_adjusted_rate_per_100k"), ["55.500000000", "875.600000000", "20.000000000"]);
}

#[test]
fn provisional_county_counts_are_suppressed_by_footnote() {
    let rows = both("cdc_vsrr_county", "gb4e-yj24", "monthly-rows-suppressed-by-footnote.csv", "soda");
    assert_eq!(rows.column("period_end"), ["2023-11-30", "2023-12-31", "2023-12-31", "2023-12-31"]);
    assert_eq!(rows.column("period_start")[0], "2022-12-01");
    assert_eq!(rows.column("deaths"), ["1034", "1041", "∅", "0"]);
    assert_eq!(rows.column("deaths_low"), ["1034", "1041", "1", "0"]);
    assert_eq!(rows.column("deaths_high"), ["1034", "1041", "9", "0"]);
    assert_eq!(rows.column("deaths_status"), ["reported", "reported", "suppressed", "reported"]);
    assert_eq!(rows.column("data_as_of")[0], "2024-09-11");
}

#[test]
fn injuries_have_ranges_true_zeros_and_trailing_months() {
    let id = "cdc_injury_county";
    for (csv, soda) in [("count-sup-ranges-true-zero-ttm.csv", "soda"), ("until-2025-count.csv", "soda-until-2025")] {
        let rows = both(id, "psx4-wq38", csv, soda);
        assert_eq!(rows.column("deaths"), ["212", "∅", "∅", "0"]);
        assert_eq!(rows.column("deaths_low"), ["212", "10", "1", "0"]);
        assert_eq!(rows.column("deaths_high"), ["212", "50", "9", "0"]);
        assert_eq!(rows.column("rate_per_100k"), ["48.100000000", "14.200000000", "∅", "0.000000000"]);
        assert_eq!(rows.column("rate_per_100k_status"), ["reported", "reported", "suppressed", "reported"]);
        assert_eq!(rows.column("rate_modelled_ci_status"), ["missing", "reported", "suppressed", "missing"]);
        assert_eq!(rows.column("period_start"), ["2023-01-01", "2025-02-01", "2023-01-01", "2024-12-01"]);
        assert_eq!(rows.column("period_end"), ["2023-12-31", "2026-01-31", "2023-12-31", "2025-11-30"]);
    }
}

#[test]
fn the_newest_footnotes_of_provisional_counts_are_understood() {
    let rows = both("cdc_vsrr_state", "xkb8-kh2a", "portal-2026-suppressed-and-low-quality.csv", "soda-2026");
    assert_eq!(rows.column("deaths"), ["41234", "∅", "∅", "∅"]);
    assert_eq!(rows.column("deaths_status"), ["reported", "suppressed", "not_shown", "not_applicable"]);
    assert_eq!(rows.column("deaths_high"), ["41234", "9", "∅", "∅"]);
    assert_eq!(rows.column("percent_drugs_specified")[3], "95.8100000000000000");
}
