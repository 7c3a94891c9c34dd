//! ARCOS transactions in all their releases, and in whatever slices of them a person brings.

use std::path::PathBuf;

use super::*;

/// The columns of a release, in its order.
fn columns(release: &str) -> Vec<&'static str> {
    let name = match release {
        "2006-2012" => "r1-2006-2012-42-columns-stray-quote-word-null",
        "2006-2014" => "r2-2006-2014-42-columns-with-mme",
        _ => "r3-2006-2019-33-columns-iso-dates",
    };
    let path = format!("../../tests/fixtures/arcos_transactions/{name}.tsv");
    let text = std::fs::read_to_string(Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join(path)).unwrap();
    let header: &'static str = String::leak(text.lines().next().unwrap().to_owned());
    header.split('\t').collect()
}

/// An invented transaction.
#[derive(Clone)]
struct Sale {
    buyer: &'static str,
    activity: &'static str,
    state: &'static str,
    county: &'static str,
    code: &'static str,
    drug: &'static str,
    year: i32,
    number: u32,
    units: String,
}

/// A sale of hydrocodone to a pharmacy in Wirt County, West Virginia.
fn wirt(year: i32, number: u32, units: &str) -> Sale {
    Sale {
        buyer: "BX3004001",
        activity: "CHAIN PHARMACY",
        state: "WV",
        county: "WIRT",
        code: "S",
        drug: "HYDROCODONE",
        year,
        number,
        units: units.to_owned(),
    }
}

impl Sale {
    fn cell(&self, column: &str) -> String {
        let drug_code = if self.drug == "HYDROCODONE" { "9193" } else { "9250B" };
        match column {
            "REPORTER_DEA_NO" => "RT1002005",
            "REPORTER_BUS_ACT" => "DISTRIBUTOR",
            "REPORTER_NAME" | "Reporter_family" => "TOLLGATE DRUG COMPANY",
            "REPORTER_STATE" => "MA",
            "REPORTER_ZIP" => "2169",
            "BUYER_DEA_NO" => self.buyer,
            "BUYER_BUS_ACT" => self.activity,
            "BUYER_NAME" => "CORNERSTONE PHARMACY",
            "BUYER_CITY" => "ELIZABETH",
            "BUYER_STATE" => self.state,
            "BUYER_ZIP" => "26143",
            "BUYER_COUNTY" => self.county,
            "TRANSACTION_CODE" => self.code,
            "DRUG_CODE" => drug_code,
            "NDC_NO" => "00999010105",
            "DRUG_NAME" => self.drug,
            "QUANTITY" => "1.0",
            "CALC_BASE_WT_IN_GM" => "0.6054",
            "DOSAGE_UNIT" => return self.units.clone(),
            "TRANSACTION_ID" => return self.number.to_string(),
            "Measure" => "TAB",
            "MME_Conversion_Factor" => "1.0",
            "dos_str" | "Dosage_Strength" => "10.0",
            "MME" => "605.4",
            "year" => return self.year.to_string(),
            "TRANSACTION_DATE" => return format!("0104{}", self.year),
            _ => "null",
        }
        .to_owned()
    }
}

/// A file of a release with these rows.
fn file(folder: &Path, name: &str, release: &str, sales: &[Sale]) -> PathBuf {
    let columns = columns(release);
    let mut text = columns.join("\t") + "\n";
    for sale in sales {
        let cells = columns.iter().map(|column| match *column {
            "TRANSACTION_DATE" if release == "2006-2019" => format!("{}-01-04", sale.year),
            column => sale.cell(column),
        });
        text += &(cells.collect::<Vec<_>>().join("\t") + "\n");
    }
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn import(root: &Path, file: &Path) -> Output {
    tollhouse(root, &["import", file.to_str().unwrap()])
}

#[track_caller]
fn imported(root: &Path, file: &Path) -> String {
    let output = import(root, file);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The slices that a warehouse holds, each with its rows.
const SLICES: &str = "select string_agg(\"release\" || ' ' || slice || ' ' || kept, ', ' order by \"release\", slice) \
                      from meta.sources where dataset = 'arcos_transactions'";

/// Of Wirt County, by the publisher's sums: year, transactions, dosage units.
const WIRT: [(i32, u32, u32); 7] = [
    (2006, 167, 76_700),
    (2007, 211, 101_030),
    (2008, 262, 96_000),
    (2009, 283, 112_730),
    (2010, 343, 119_700),
    (2011, 473, 140_200),
    (2012, 510, 162_220),
];

/// As many rows as the county has, which add up to its sums.
fn county() -> Vec<Sale> {
    let years = WIRT.iter().flat_map(|(year, rows, units)| {
        let each = units / rows;
        (0..*rows).map(move |at| {
            let units = if at == 0 { units - each * (rows - 1) } else { each };
            let sale = wirt(*year, year.unsigned_abs() * 1000 + at, &format!("{units}.0"));
            match at % 3 {
                0 => Sale { buyer: "AX5006007", drug: "OXYCODONE", ..sale },
                1 => Sale { buyer: "BX1001001", activity: "PRACTITIONER", ..sale },
                _ => sale,
            }
        })
    });
    years.collect()
}

#[test]
fn a_county_that_nobody_declared_is_imported_and_equals_the_publishers_sums_in_every_year() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    // The publisher's sums, in its own format, as somebody downloaded them.
    let sums = "raw.githubusercontent.com/wpinvestigative/arcos-api/3a8bc220c382/data/20062012/county_annual.csv";
    let path = folder.path().join("sums.csv");
    std::fs::write(&path, arcos_sums::served(sums)).unwrap();
    imported(root, &path);
    let told = imported(root, &file(folder.path(), "some-file.tsv", "2006-2012", &county()));
    assert!(told.contains("county-54105"), "{told}");
    check(
        root,
        "select count(*) || ' ' || count(*) filter (s.transactions = t.transactions and s.units = t.units) from \
         (select year, transactions, dosage_units as units from history.arcos_county_year where buyer_county_fips = '54105' \
          and release = '2006-2012') s full join \
         (select year, count(*) as transactions, sum(dosage_units) as units from arcos_transactions \
          where buyer_county_fips = '54105' group by year) t using (year)",
        "7 7",
    );
    check(root, "select count(*) || ' ' || sum(dosage_units) from arcos_transactions", "2249 808580.00000");
    check(root, SLICES, "2006-2012 county-54105 2249");
    check(
        root,
        "select string_agg(\"column\" || ': ' || named, ', ' order by \"column\") from meta.coverage \
         where \"column\" in ('buyer_county_fips', 'drug_name', 'transaction_code', 'buyer_dea_number')",
        "\"buyer_county_fips: 54105, buyer_dea_number: AX5006007, BX3004001, drug_name: HYDROCODONE, OXYCODONE, transaction_code: S\"",
    );
}

#[test]
fn overlapping_slices_never_double_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let (root, folder) = (&folder.path().join("root"), folder.path());
    let logan = |number| Sale { county: "LOGAN", buyer: "AX5006007", ..wirt(2007, number, "100.0") };
    let other = |number| Sale { buyer: "BX9009009", ..wirt(2007, number, "100.0") };
    let own = |number| wirt(2007, number, "100.0");
    let rows = "select count(*) || ' ' || sum(dosage_units) from arcos_transactions";
    // A pharmacy, then its county, then the state: each takes the place of the one before.
    imported(root, &file(folder, "a.tsv", "2006-2012", &[own(1), own(2)]));
    check(root, SLICES, "2006-2012 buyer-bx3004001-hydrocodone-2007 2");
    imported(root, &file(folder, "b.tsv", "2006-2012", &[own(1), own(2), other(3)]));
    check(root, SLICES, "2006-2012 county-54105-hydrocodone-2007 3");
    imported(root, &file(folder, "c.tsv", "2006-2012", &[logan(4), logan(5)]));
    check(root, rows, "5 500.00000");
    // A file that holds some of what is there, and something else, is refused.
    let crossing = import(root, &file(folder, "d.tsv", "2006-2012", &[own(2), logan(6)]));
    let said = String::from_utf8_lossy(&crossing.stderr).into_owned();
    assert_eq!(crossing.status.code(), Some(14), "{said}");
    assert!(said.contains("both have the row 2006-2012 / RT1002005 / 2 / 2007-01-04 / S / 00999010105"), "{said}");
    check(root, rows, "5 500.00000");
    let state = [own(1), own(2), other(3), logan(4), logan(5), logan(6)];
    imported(root, &file(folder, "e.tsv", "2006-2012", &state));
    check(root, SLICES, "2006-2012 state-wv-hydrocodone-2007 6");
    // The county again: all of it is there.
    let told = imported(root, &file(folder, "b.tsv", "2006-2012", &[own(1), own(2), other(3)]));
    assert!(told.contains("`state-wv-hydrocodone-2007` holds every row of `county-54105-hydrocodone-2007`"), "{told}");
    check(root, SLICES, "2006-2012 state-wv-hydrocodone-2007 6");
    check(root, rows, "6 600.00000");
    // Persons are not told apart, and are not doubled either.
    let person = Sale { activity: "PRACTITIONER", buyer: "BX1001001", ..own(7) };
    imported(root, &file(folder, "f.tsv", "2006-2012", &[state.to_vec(), vec![person.clone()]].concat()));
    let told = imported(root, &file(folder, "g.tsv", "2006-2012", &[person]));
    assert!(told.contains("holds every row"), "{told}");
    check(root, rows, "7 700.00000");
    check(root, "select count(*) from arcos_transactions where buyer_dea_number = 'BX1001001'", "0");
}

#[test]
fn years_of_a_county_may_come_one_by_one_and_no_file_hides_another_of_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let (root, folder) = (&folder.path().join("root"), folder.path());
    let of = |year, numbers: std::ops::Range<u32>| -> Vec<Sale> {
        numbers
            .flat_map(|n| [wirt(year, n, "10.0"), Sale { buyer: "BX9009009", ..wirt(year, n + 50, "10.0") }])
            .collect()
    };
    imported(root, &file(folder, "a.tsv", "2006-2012", &[of(2006, 1..3), of(2007, 1..3)].concat()));
    imported(root, &file(folder, "b.tsv", "2006-2012", &[of(2008, 1..4), of(2009, 1..4)].concat()));
    let (first, second) = ("county-54105-hydrocodone-2006-2007 8", "county-54105-hydrocodone-2008-2009 12");
    check(root, SLICES, &format!("\"2006-2012 {first}, 2006-2012 {second}\""));
    // Other rows of the same place and years.
    let other = import(root, &file(folder, "c.tsv", "2006-2012", &[of(2006, 20..25), of(2007, 20..25)].concat()));
    let said = String::from_utf8_lossy(&other.stderr).into_owned();
    assert_eq!(other.status.code(), Some(14), "{said}");
    assert!(said.contains("`county-54105-hydrocodone-2006-2007` is there from file:a.tsv, with rows that"), "{said}");
    check(root, "select count(*) || ' ' || sum(dosage_units) from arcos_transactions", "20 200.00000");
}

#[test]
fn a_row_of_the_wrong_shape_is_set_aside_wherever_it_stands_and_a_zip_archive_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (root, folder) = (&folder.path().join("root"), folder.path());
    // A row in a hundred thousand may be at fault.
    let mut text = String::from_utf8(std::fs::read(file(folder, "r3", "2006-2019", &[])).unwrap()).unwrap();
    text += "RT1002005\tshort\n";
    let line = std::fs::read_to_string(file(folder, "r3", "2006-2019", &[wirt(2015, 0, "1.0")])).unwrap();
    text += &line.lines().nth(1).map(|line| line.to_owned() + "\n").unwrap().repeat(99_999);
    let path = folder.join("arcos_all.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    zip.start_file("arcos_all.tsv", zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut zip, text.as_bytes()).unwrap();
    zip.finish().unwrap();
    let told = imported(root, &path);
    assert!(told.contains("2006-2019"), "{told}");
    check(root, "select count(*) || ' ' || sum(dosage_units) from arcos_transactions", "99999 99999.00000");
    check(
        root,
        "select \"read\" || ' ' || kept || ' ' || rejected from meta.sources where dataset = 'arcos_transactions'",
        "100000 99999 1",
    );
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 30]).unwrap();
    let cut = import(root, &path);
    assert_eq!(cut.status.code(), Some(12), "{}", String::from_utf8_lossy(&cut.stderr));
}

#[test]
fn what_the_publisher_did_not_multiply_is_multiplied_by_its_rule() {
    let folder = tempfile::tempdir().unwrap();
    let (root, folder) = (&folder.path().join("root"), folder.path());
    let text = std::fs::read_to_string(file(folder, "a", "2006-2014", &[wirt(2007, 1, "1.0"), wirt(2007, 2, "1.0")]));
    let mut lines: Vec<String> = text.unwrap().lines().map(ToOwned::to_owned).collect();
    lines[1] = lines[1].replace("605.4", "605.41");
    lines[2] = lines[2].replace("605.4", "null");
    std::fs::write(folder.join("b.tsv"), lines.join("\n") + "\n").unwrap();
    imported(root, &folder.join("b.tsv"));
    check(
        root,
        "select string_agg(mme_mg::decimal(9, 2), ' ' order by transaction_id) from arcos_transactions",
        "605.41 605.40",
    );
}

#[test]
fn a_newer_release_of_a_part_hides_no_more_than_that_part() {
    let folder = tempfile::tempdir().unwrap();
    let (root, folder) = (&folder.path().join("root"), folder.path());
    let other = |number| Sale { buyer: "BX9009009", ..wirt(2007, number, "100.0") };
    imported(root, &file(folder, "r1.tsv", "2006-2012", &[wirt(2007, 1, "100.0"), wirt(2008, 2, "100.0"), other(3)]));
    // Another drug: nothing in common.
    let methadone = |number| Sale { drug: "METHADONE", ..wirt(2007, number, "10.0") };
    imported(root, &file(folder, "r2.tsv", "2006-2014", &[methadone(1), Sale { code: "P", ..methadone(2) }]));
    let shown = "select string_agg(\"release\" || ' ' || drug_name || ' ' || year || ' ' || buyer_dea_number || ' ' || n, ', ' \
                 order by \"release\", drug_name, year, buyer_dea_number) from \
                 (select \"release\", drug_name, year, buyer_dea_number, count(*) as n from arcos_transactions group by all)";
    let r1 = "2006-2012 HYDROCODONE 2007 BX3004001 1, 2006-2012 HYDROCODONE 2007 BX9009009 1, \
              2006-2012 HYDROCODONE 2008 BX3004001 1";
    let r2 = "2006-2014 METHADONE 2007 BX3004001 2";
    check(root, shown, &format!("\"{r1}, {r2}\""));
    // One pharmacy, drug and year of the newest release takes the place of just that.
    let newest = [wirt(2007, 0, "90.0"), wirt(2007, 0, "10.0"), wirt(2007, 0, "10.0")];
    imported(root, &file(folder, "r3.tsv", "2006-2019", &newest));
    let r1 = "2006-2012 HYDROCODONE 2007 BX9009009 1, 2006-2012 HYDROCODONE 2008 BX3004001 1";
    check(root, shown, &format!("\"{r1}, {r2}, 2006-2019 HYDROCODONE 2007 BX3004001 3\""));
    check(root, "select count(*) from history.arcos_transactions", "8");
    // Rows without a number: the one that repeats another is kept, and told.
    let told = succeed(root, &["snapshot", "show"]);
    assert!(told.contains("1 rows repeat another, by hashes of 64 bits; all are kept"), "{told}");
    assert!(told.contains("3 rows have no number and are told apart by every column"), "{told}");
    // A buyer whose county the newer release leaves blank is the same buyer.
    imported(root, &file(folder, "r2b.tsv", "2006-2014", &[Sale { county: "null", ..wirt(2008, 9, "7.0") }]));
    let eight =
        "select string_agg(\"release\" || ' ' || dosage_units::int, ', ') from arcos_transactions where year = 2008";
    check(root, eight, "2006-2014 7");
    // A purchase is the other side of a sale.
    let sums = "select \"release\" || ' ' || transactions || ' ' || dosage_units || ' ' || transactions_not_sold \
                from arcos_analgesic_county_year where drug_name = 'METHADONE'";
    check(root, sums, "2006-2014 1 10.00000 1");
}

#[test]
fn each_release_is_read_by_its_own_columns() {
    let folder = tempfile::tempdir().unwrap();
    let (root, folder) = (&folder.path().join("root"), folder.path());
    for (release, year) in [("2006-2012", 2012), ("2006-2014", 2014), ("2006-2019", 2019)] {
        let path = file(folder, "f.tsv", release, &[Sale { drug: "METHADONE", ..wirt(year, 1, "100.0") }]);
        imported(root, &path);
        let late = file(folder, "late.tsv", release, &[wirt(year + 1, 1, "100.0")]);
        let output = import(root, &late);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(14), "{said}");
        assert!(said.contains(&format!("the edition covers 2006 to {year}, and a row is of {}", year + 1)), "{said}");
        let wrong = tollhouse(root, &["import", "--release", "2006-2011", path.to_str().unwrap()]);
        assert_eq!(wrong.status.code(), Some(2), "{}", String::from_utf8_lossy(&wrong.stderr));
        let row = format!(
            "select transaction_date || ' ' || drug_code || ' ' || drug_code_printed || ' ' || reporter_zip || ' ' || \
             coalesce(transaction_id, '-') || ' ' || coalesce(quantity::varchar, '-') || ' ' || mme_mg::decimal(9, 1) || ' ' || \
             mme_label_mg::decimal(9, 1) || ' ' || mme_factor_edition from history.arcos_transactions where release = '{release}'"
        );
        let numbers = if release == "2006-2019" { "- -" } else { "1 1.00000" };
        let edition = format!("\"The Washington Post, release of {release}\"");
        let expected = format!("{year}-01-04 9250 9250B 02169 {numbers} 605.4 1000.0 {}", edition.trim_matches('"'));
        check(root, &row, &format!("\"{expected}\""));
    }
    // The whole of the first release has as many rows as its publisher counted, or is not the whole.
    let whole = [
        wirt(2006, 1, "1.0"),
        Sale { state: "KY", county: "ADAIR", buyer: "AX5006007", drug: "OXYCODONE", ..wirt(2012, 2, "1.0") },
    ];
    let output = import(root, &file(folder, "all.tsv", "2006-2012", &whole));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("it has 2 rows, and at least 178598026 are expected"), "{said}");
}

#[test]
fn captured_slices_have_the_publishers_totals() {
    let Some(captures) = std::env::var_os("TOLLHOUSE_CAPTURES").map(PathBuf::from) else {
        println!("skipped: set TOLLHOUSE_CAPTURES to the folder of captured files");
        return;
    };
    let suffolk = captures.join("arcos/washpost_raw_2006_2014_drug/ARCOS-METHADONE-MA-SUFFOLK-25025.RDS");
    let pharmacy = captures.join("arcos/washpost_raw_2006_2012/pharmacy_raw-BW8487438.RDS");
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    imported(root, &suffolk);
    imported(root, &pharmacy);
    check(root, SLICES, "\"2006-2012 buyer-bw8487438 4102, 2006-2014 county-25025-methadone 37214\"");
    check(
        root,
        "select string_agg(transaction_code || ' ' || n, ', ' order by n desc, transaction_code) from (select transaction_code, \
         count(*) as n from arcos_transactions where release = '2006-2014' group by 1)",
        "\"S 34834, P 2330, R 38, V 7, X 2, Z 2, Y 1\"",
    );
    check(
        root,
        "select sum(dosage_units) || ' ' || sum(base_weight_grams)::decimal(18, 4) || ' ' || sum(mme_mg)::decimal(18, 2) || ' ' || \
         sum(base_weight_grams * mme_factor * 1000)::decimal(18, 2) from arcos_transactions where transaction_code = 'S' \
         and release = '2006-2014'",
        "19373100.00000 818056.1831 2942269049.01 2942269034.20",
    );
    let certificate = succeed(root, &["snapshot", "show", "1"]);
    assert!(certificate.contains("S 1347 rows, 14.81 in all, 0.2 at most"), "{certificate}");
    assert!(certificate.contains("no row repeats another"), "{certificate}");
    check(
        root,
        "select count(*) || ' ' || sum(dosage_units) || ' ' || sum(dosage_units) filter (year = 2011) from arcos_transactions \
         where buyer_dea_number = 'BW8487438'",
        "4102 2916000.00000 1774900.00000",
    );
    // What the sums for pain leave out: programmes, and every code but S.
    check(
        root,
        "select sum(transactions) || ' ' || sum(dosage_units) || ' ' || sum(mme_mg)::decimal(18, 2) || ' ' || \
         sum(transactions_not_sold) || ' ' || sum(transactions_treatment) || ' ' || sum(dosage_units_treatment) || ' ' || \
         sum(transactions_buprenorphine) from arcos_analgesic_county_year where drug_name = 'METHADONE'",
        "33512 16405400.00000 622649826.21 2380 1322 2967700.00000 0",
    );
    // Entities: persons of an activity in a county are one, whatever there is of them.
    check(
        root,
        "select (select count(*) from arcos_buyers) || ' ' || (select count(*) from arcos_buyers where buyer_dea_number is null \
         and buyer_name is null) || ' ' || (select count(distinct buyer_key) from arcos_buyers)",
        "231 2 231",
    );
    succeed(root, &["snapshot", "verify"]);
}
