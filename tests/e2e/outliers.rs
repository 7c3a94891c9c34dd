//! Pharmacies beside their peers, and persons: distributions for everybody, the rest for the operator who has switched it on.
//! Expected figures were counted in the captured files by other programs. Persons that are named here are invented.

use std::path::{Path, PathBuf};

use crate::arcos_sums::served;
use crate::{check, files, succeed, tollhouse};

const TOTALS: &str =
    "buyer_state\tbuyer_county\tbuyer_dea_no\tbuyer_name\tbuyer_city\ttotal_dosage_unit\ttotal_records\n";

const POPULATIONS: &str =
    "raw.githubusercontent.com/wpinvestigative/arcos-api/3a8bc220c382/data/20062012/pop_counties_20062012.csv";

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A configuration that switches `restricted` on.
fn on(folder: &Path) -> [String; 2] {
    ["--config".to_owned(), write(folder, "tollhouse.toml", "restricted = true")]
}

/// The files below a root, but for captures and what is for the operator alone, in which these bytes stand.
fn showing(root: &Path, what: &str) -> Vec<PathBuf> {
    let holds = |bytes: &[u8]| bytes.windows(what.len()).any(|window| window == what.as_bytes());
    let seen = |path: &Path| !path.starts_with("raw") && !path.starts_with("restricted");
    files(root).into_iter().filter(|(path, bytes)| seen(path) && holds(bytes)).map(|(path, _)| path).collect()
}

/// Forty invented persons in Mingo County, and one pharmacy that the publisher lists. One person was shipped a hundred times as
/// much as the others.
fn persons() -> String {
    let row = |n: u32| {
        let units = if n == 7 { 100_000 } else { 900 + 5 * n };
        format!("WV\tMINGO\tBX{n:07}\tINVENTED, PERSON {n}\tNOWHERE\t{units}\t{}\n", units / 100)
    };
    let pharmacy = "WV\tMINGO\tBH6954401\tHURLEY DRUG\tWILLIAMSON\t8890370\t11138\n";
    TOTALS.to_owned() + &(0..40).map(row).collect::<String>() + pharmacy
}

/// A root into which they were imported with `restricted` switched on: the root, the words that switch it on, and their file.
fn with_persons(folder: &Path) -> (PathBuf, [String; 2], String) {
    let (root, on) = (folder.join("root"), on(folder));
    let populations = write(folder, "pop_counties_20062012.csv", &served(POPULATIONS));
    let totals = write(folder, "totals.tsv", &persons());
    let [switch, file] = &on;
    succeed(&root, &[switch, file, "import", &populations, &totals]);
    (root, on, totals)
}

#[test]
fn outliers_among_persons_are_for_the_operator_alone_and_go_with_the_switch() {
    let folder = tempfile::tempdir().unwrap();
    let (root, on, totals) = with_persons(folder.path());
    let (root, on): (&Path, Vec<&str>) = (&root, on.iter().map(String::as_str).collect());
    let own = || files(&root.join("restricted/arcos_person_outliers"));
    let made = own();
    assert_eq!(made.len(), 1, "{:?}", files(&root.join("restricted")).iter().map(|(path, _)| path).collect::<Vec<_>>());
    let text = String::from_utf8_lossy(&made[0].1).into_owned();
    assert!(
        text.contains("INVENTED, PERSON") && text.contains("hydrocodone shipped to this registration"),
        "not the rows of persons"
    );
    assert!(!text.contains("HURLEY"));
    // What everybody sees of them: forty, and quantiles that are nobody's own. Ranks 18 to 22 hold 990 to 1,010.
    check(
        root,
        "select person_kind || ' ' || persons || ' ' || dosage_units_p50 || ' ' || count(dosage_units_p90) over () from \
         arcos_person_distribution",
        "not in the lists of pharmacies 40 1000 0",
    );
    let path = root.join("restricted/arcos_person_outliers").join(&made[0].0);
    let file = format!("select * from read_parquet('{}')", path.display());
    for sql in ["select * from restricted.arcos_person_outliers", "select * from arcos_person_outliers", &file] {
        assert_eq!(tollhouse(root, &["sql", sql]).status.code(), Some(2), "{sql}");
    }
    assert_eq!(showing(root, "INVENTED, PERSON"), Vec::<PathBuf>::new());
    assert_eq!(showing(root, "BX0000007"), Vec::<PathBuf>::new());
    check(root, "select count(*) from meta.columns where \"table\" = 'arcos_person_outliers'", "0");
    let shown = succeed(root, &["snapshot", "show", "1"]);
    assert!(!shown.contains("arcos_person_outliers"), "{shown}");

    // A bundle has neither the rows nor a word of them.
    succeed(root, &["pin", "add", "all"]);
    let bundle = folder.path().join("all.zip");
    let there = folder.path().join("there");
    succeed(root, &[&on[..], &["snapshot", "export", "all", "--out", bundle.to_str().unwrap()]].concat());
    succeed(&there, &[&on[..], &["snapshot", "import", bundle.to_str().unwrap()]].concat());
    let named = files(&there).into_iter().filter(|(path, bytes)| {
        path.to_string_lossy().contains("person_outliers")
            || String::from_utf8_lossy(bytes).contains("INVENTED, PERSON")
    });
    assert_eq!(named.count(), 0);

    // The same state, the same file; without the switch, none.
    succeed(root, &[&on[..], &["import", &totals]].concat());
    assert_eq!(own(), made);
    succeed(root, &["import", &totals]);
    assert_eq!(files(&root.join("restricted")).len(), 0);
}

#[test]
fn outliers_among_persons_go_with_a_person_who_is_erased() {
    let folder = tempfile::tempdir().unwrap();
    let (root, on, _) = with_persons(folder.path());
    let (root, on): (&Path, Vec<&str>) = (&root, on.iter().map(String::as_str).collect());
    let erase =
        ["erase", "arcos_buyer_totals", "--where", "buyer_dea_number = 'BX0000007'", "--reason", "a court's order"];
    succeed(root, &[&on[..], &erase[..], &["--apply"]].concat());
    assert_eq!(files(&root.join("restricted")).len(), 0);
    check(root, "select persons from arcos_person_distribution", "39");
    let everywhere = files(root).into_iter().filter(|(_, bytes)| String::from_utf8_lossy(bytes).contains("PERSON 7"));
    assert_eq!(everywhere.count(), 0);
}

#[test]
fn captured_west_virginia_has_its_pharmacies_and_its_persons_as_a_distribution() {
    let Some(captures) = std::env::var_os("TOLLHOUSE_CAPTURES").map(PathBuf::from) else {
        println!("skipped: set TOLLHOUSE_CAPTURES to the folder of captured files");
        return;
    };
    let captures = captures.join("arcos");
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    let on = on(folder.path());
    let paths: Vec<String> = [
        "washpost_api/wv_pharmacy_totals_state.decoded.tsv.gz",
        "washpost_api/pop_counties_20062012.csv",
        "washpost_api/pharmacies_latlon12.csv",
        "washpost_api/pharmacies_counties14.csv",
        "washpost_api/not_pharms.csv",
        "washpost_api/mingo_buyer_addresses.csv",
        "washpost_api/mingo_buyer_per_year.csv",
        "washpost_raw_2006_2012/arcos-wv-mingo-54059-itemized.tsv.gz",
    ]
    .map(|name| captures.join(name).to_str().unwrap().to_owned())
    .into();
    let words = on.iter().map(String::as_str).chain(["import"]).chain(paths.iter().map(String::as_str));
    succeed(root, &words.collect::<Vec<_>>());

    check(root, "select count(*) || ' ' || count(*) filter (stands_out) from arcos_pharmacy_outliers", "598 12");
    // Of Mingo's transactions: dates, and units x strength x factor; 1,200 of Hurley's have no strength.
    let of = |what: &str, number: &str| {
        format!("select concat_ws(' ', {what}) from arcos_pharmacy_outliers where buyer_dea_number = '{number}'")
    };
    let opened = of("first_shipment_date, last_shipment_date, months_open", "FT0251227");
    check(root, &opened, "2007-07-29 2012-12-31 66");
    let mme = "label_mme_mg, dosage_units_without_strength, \
               abs(label_mme_mg_per_person_year / dosage_units_per_person_year - label_mme_mg / dosage_units) < 0.001";
    check(root, &of(mme, "FT0251227"), "79707482.500 0.00000 true");
    check(root, &of("label_mme_mg, dosage_units_without_strength", "BH6954401"), "87189593.475 1200.00000");
    // The registrations of 2006 to 2012 and of 2012 at one address.
    check(root, &of("label_mme_mg, months_open", "BS7437064"), "128836400.000 84");
    // Nothing by year of other counties: too few to say who has grown.
    check(
        root,
        "select count(*) filter (months_open is not null) = count(*) filter (buyer_county = 'MINGO') and count(label_mme_mg) = \
         count(months_open) and count(growth_ratio) = 0 from arcos_pharmacy_outliers",
        "true",
    );
    check(
        root,
        "select concat_ws(' ', buyer_state, person_kind, period_end, persons, dosage_units_p10, dosage_units_p25, dosage_units_p50, \
         dosage_units_p75, dosage_units_p90, dosage_units_p99) from arcos_person_distribution",
        "WV not in the lists of pharmacies 2012-12-31 361 40 100 500 2530 7270",
    );
    check(root, "select count(*) from arcos_person_distribution", "1");
    assert_eq!(files(&root.join("restricted/arcos_person_outliers")).len(), 1);
    // A practitioner of Mingo County's.
    assert_eq!(showing(root, "AK1559953"), Vec::<PathBuf>::new());
}
