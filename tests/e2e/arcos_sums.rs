//! The Post's sums and lists: editions side by side, its API as the last resort, buyers who may be persons, and factors by
//! import.

use super::*;

const SUMS: &str = "arcos_county_year";
const FILE: &str = "county_annual14.csv";
const API: &str = "ne.washingtonpost.com/arcos/v1/";

fn fixture(name: &str) -> String {
    format!("tests/fixtures/{name}")
}

/// A fault for every request whose address has this part.
fn fault(on: &str, what: What) -> Fault {
    Fault { on: on.to_owned(), times: None, what }
}

fn gone(on: &str) -> Fault {
    fault(on, What::NotFoundHtml)
}

/// A run from a replica with faults: its exit code and what it said.
fn run(root: &Path, dataset: &str, faults: Vec<Fault>) -> (Option<i32>, String) {
    let replica = Replica::start_blocking(Options { faults, ..Options::default() }).unwrap();
    let mut command = command(root, &["run", dataset, &format!("--replica={}", replica.base())]);
    let output = command.env("TOLLHOUSE_LOG", "warn").output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The text at an address of the replica.
pub(crate) fn served(target: &str) -> String {
    use std::io::{Read as _, Write as _};
    let replica = Replica::start_blocking(Options::default()).unwrap();
    let address = replica.base().replace("http://", "");
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET /{target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn both_editions_have_the_publishers_totals_and_the_model_their_difference() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    succeed(root, &["run", SUMS, "geo_counties", "--replica"]);
    let sums = "select count(*) || ' ' || sum(dosage_units_printed) || ' ' || sum(transactions) || ' ' || \
                count(buyer_county_fips) || ' ' || count(buyer_county) from history.arcos_county_year where release = ";
    check(root, &format!("{sums} '2006-2012'"), "21597 76628849101.238170 178598026 21002 21580");
    check(root, &format!("{sums} '2006-2014'"), "27758 98244239992.984594 231265575 26998 27741");
    check(root, "select round(sum(dosage_units)) from arcos_county_year", "98244239993");
    check(
        root,
        "select string_agg(cast(round(units / 100000) as bigint), ' ' order by year) from \
         (select year, sum(dosage_units) as units from arcos_county_year group by year)",
        "82008 92366 100102 108496 116347 124417 123306 119135 116266",
    );
    check(
        root,
        "select string_agg(units, ' ' order by year) from (select year, cast(sum(dosage_units_printed) as decimal(18,1)) as \
         units from history.arcos_county_year where release = '2006-2012' group by year)",
        "8389126633.6 9463590067.0 10249531926.6 11141011542.9 11946181282.4 12775441241.2 12663966407.5",
    );
    // Mingo County, by either edition as by its transactions.
    let mingo = "select string_agg(transactions, ' ' order by year) from history.arcos_county_year \
                 where buyer_state = 'WV' and buyer_county = 'MINGO' and year <= 2012 and release = ";
    for release in ["2006-2012", "2006-2014"] {
        check(root, &format!("{mingo} '{release}'"), "4192 5389 7496 7227 4466 4243 4141");
    }
    // Every code is one that some county has, or had until shortly before.
    check(
        root,
        "select count(*) from history.arcos_county_year where buyer_county_fips not in (select county_fips from geo_counties)",
        "0",
    );
    check(
        root,
        "select string_agg(distinct buyer_county_fips, ' ' order by buyer_county_fips) from history.arcos_county_year a where \
         buyer_county_fips is not null and not exists (select 1 from geo_counties g where g.county_fips = a.buyer_county_fips \
         and coalesce(g.valid_to, date '2100-01-01') >= date '2009-01-01')",
        "02201 02280",
    );

    let of_both = "from arcos_county_year_editions where dosage_units_later is not null";
    check(root, "select count(*) from arcos_county_year_editions", "21597");
    check(root, &format!("select count(*) {of_both}"), "21588");
    check(root, &format!("select count(*) {of_both} and not editions_agree"), "2349");
    check(root, &format!("select count(*) {of_both} and dosage_units_difference <> 0"), "2348");
    check(root, &format!("select count(*) {of_both} and dosage_units_difference < 0"), "0");
    check(root, &format!("select count(*) {of_both} and transactions_difference < 0"), "0");
    check(root, "select count(*) from arcos_county_year_editions where dosage_units_earlier is null", "0");
    check(
        root,
        "select round(sum(dosage_units_difference)) || ' ' || sum(transactions_difference) from arcos_county_year_editions",
        "1924670203 660530",
    );
    check(
        root,
        "select string_agg(distinct buyer_state || ' ' || buyer_county, ', ' order by buyer_state || ' ' || buyer_county) \
         from arcos_county_year_editions where dosage_units_later is null",
        "\"AK SOUTHEAST FAIRBANKS, TX SHERMAN, VT ESSEX\"",
    );
    let shown = succeed(root, &["datasets", "show", "arcos_county_year_editions"]);
    assert!(shown.contains("ODbL") && shown.contains("Why is not proven by these files"), "{shown}");
}

#[test]
fn the_api_stands_in_for_a_file_that_cannot_be_had_and_its_key_is_written_nowhere() {
    let rows = "select count(*) || ' ' || round(sum(dosage_units)) || ' ' || sum(transactions) || ' ' || count(buyer_county) \
                from arcos_county_year";
    let whole = "27758 98244239993 231265575 27741";
    let tabs = served(&format!("raw.githubusercontent.com/wpinvestigative/arcos-api/3a8bc220c382/data/{FILE}"))
        .replace(',', "\t");
    let as_text = fault("combined_county_annual", What::ReplaceText { text: tabs });
    for faults in [vec![gone(FILE)], vec![as_text, gone(FILE)]] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let (code, said) = run(root, SUMS, faults);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("reading the slice another way"), "{said}");
        check(root, rows, whole);
        let certificate = succeed(root, &["snapshot", "show", "1"]);
        assert!(
            certificate.contains(&format!("not as declared, but from https://{API}combined_county_annual")),
            "{certificate}"
        );
        let holds = |bytes: &[u8]| bytes.windows(4).any(|window| window == b"WaPo");
        // The pipeline itself has it, for everybody to see.
        let apart = ["raw", "declarations"];
        for (path, bytes) in files(root) {
            assert!(apart.iter().any(|folder| path.starts_with(folder)) || !holds(&bytes), "{}", path.display());
        }
        assert!(!said.contains("WaPo"), "{said}");
    }
}

#[test]
fn an_error_with_status_200_and_a_body_of_null_are_refused_by_name() {
    for (answer, words) in [
        ("{\"error\":[\"No such place.\"]}", "was refused: No such place."),
        ("{\"error\":[\"Authentication required. Did you include an API key?\"]}", "Authentication required."),
        ("null", "is answered with `null`"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let faults = vec![gone(FILE), fault("combined_county_annual", What::ReplaceText { text: answer.to_owned() })];
        let (code, said) = run(folder.path(), SUMS, faults);
        assert_eq!(code, Some(11), "{said}");
        assert!(
            said.contains(words) && said.contains("The other way failed too") && said.contains("what next:"),
            "{said}"
        );
        assert!(!folder.path().join("snapshots").exists());
        let other = fault("combined_buyer_annual", What::ReplaceText { text: answer.to_owned() });
        let (code, said) = run(folder.path(), "arcos_buyer_year", vec![other]);
        assert_eq!(code, Some(11), "{said}");
        assert!(said.contains(words), "{said}");
    }
    // The earlier edition is in no answer of the API.
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = run(folder.path(), SUMS, vec![gone("20062012/county_annual.csv")]);
    assert_eq!(code, Some(11), "{said}");
}

#[test]
fn a_countys_transactions_come_by_the_api_as_json_or_text() {
    let text = served("wp-stat.s3.amazonaws.com/dea-pain-pill-database/summary/arcos-wv-mingo-54059-itemized.tsv");
    let as_text = fault("county_data", What::ReplaceText { text });
    for (faults, weight) in [(vec![gone("itemized.tsv")], "228852"), (vec![as_text, gone("itemized.tsv")], "228852")] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let (code, said) = run(root, "arcos_transactions", faults);
        assert_eq!(code, Some(0), "{said}");
        check(root, "select count(*) || ' ' || sum(dosage_units) from arcos_transactions", "37154 38269630.00000");
        check(
            root,
            "select count(*) from arcos_transactions where buyer_name is null and buyer_dea_number is null",
            "59",
        );
        check(root, "select round(sum(base_weight_grams)) from arcos_transactions", weight);
        check(
            root,
            "select min(transaction_date) || ' ' || max(transaction_date) from arcos_transactions",
            "2006-01-02 2012-12-31",
        );
    }
}

#[test]
fn buyers_who_may_be_persons_keep_their_figures_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    succeed(
        root,
        &["run", "arcos_buyer_year", "arcos_buyer_totals", "arcos_buyer_addresses", "arcos_transactions", "--replica"],
    );
    check(
        root,
        "select count(*) || ' ' || count(buyer_dea_number) || ' ' || sum(dosage_units) from arcos_buyer_year",
        "71 57 38269630.00000",
    );
    check(
        root,
        "select count(*) || ' ' || count(buyer_dea_number) || ' ' || count(buyer_name) || ' ' || sum(transactions) from arcos_buyer_totals",
        "975 614 612 1879320",
    );
    check(
        root,
        "select count(*) || ' ' || count(buyer_name) || ' ' || count(buyer_zip) from arcos_buyer_addresses",
        "31 16 16",
    );
    // Thirteen pharmacies one by one, and persons as one group: sums by buyer are those of the transactions.
    check(
        root,
        "select count(*) || ' ' || count(*) filter (t.units = b.units and t.n = b.n) from \
         (select coalesce(buyer_dea_number, '') as d, sum(dosage_units) as units, count(*) as n from arcos_transactions group by 1) t \
         full join (select coalesce(buyer_dea_number, '') as d, sum(dosage_units) as units, sum(transactions) as n \
         from arcos_buyer_totals where buyer_county = 'MINGO' group by 1) b using (d)",
        "14 14",
    );
    check(
        root,
        "select count(*) || ' ' || count(*) filter (t.units = b.units) from \
         (select coalesce(buyer_dea_number, '') as d, year, sum(dosage_units) as units from arcos_transactions group by 1, 2) t \
         full join (select coalesce(buyer_dea_number, '') as d, year, sum(dosage_units) as units from arcos_buyer_year group by 1, 2) b \
         using (d, year)",
        "64 64",
    );
}

#[test]
fn a_place_is_a_slice_and_no_buyer_stands_in_two() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let count = "select count(*) || ' ' || sum(dosage_units) from arcos_buyer_year";
    succeed(root, &["import", &fixture("arcos_buyer_year/answer-of-invented-county-persons-alike.json")]);
    // Two persons alike in all that is left of them are two rows.
    check(root, count, "5 2730.50000");
    check(root, "select count(*) from arcos_buyer_year where buyer_dea_number is null", "3");
    check(root, "select string_agg(distinct buyer_county_fips, ' ') from arcos_buyer_year", "54069");
    let output = tollhouse(root, &["import", &fixture("arcos_buyer_year/refused/shares-rows-with-a-county.json")]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(14), "{error}");
    assert!(error.contains("`wv` and `wv-ohio` both have the row"), "{error}");
    // What holds all of a county takes its place.
    succeed(root, &["import", &fixture("arcos_buyer_year/answer-of-invented-state-holds-the-county.json")]);
    check(root, count, "6 3430.50000");
    for (path, bytes) in files(root) {
        assert!(path.starts_with("raw") || !String::from_utf8_lossy(&bytes).contains("AX00000"), "{}", path.display());
    }
}

#[test]
fn factors_come_by_import_alone_with_their_edition() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let fetched = folder.path().join("fetched");
    let output = tollhouse(&fetched, &["run", "mme_factors", "--replica"]);
    assert!(!fetched.join("tables").exists(), "{}", String::from_utf8_lossy(&output.stderr));
    for (file, code, words) in [
        ("refused/no-sheet-of-opioids.xlsx", 13, "has no sheet `Opioids`; its sheets are `Documentation`, `Benzos`"),
        ("refused/strength-renamed.xlsx", 13, "no header for `strength_per_unit`"),
        ("2018-invented-prodnme-gennme-edition-not-told.xlsx", 2, "does not say of which edition it is"),
    ] {
        let output = tollhouse(&root, &["import", "mme_factors", &fixture(&format!("mme_factors/{file}"))]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{file}\n{error}");
        assert!(error.contains(words), "{file}\n{error}");
        assert!(!root.join("snapshots").exists());
    }
    let live = folder.path().join("live");
    succeed(&live, &["import", &fixture("mme_factors/2016-invented-lost-zeros-blank-factor.xlsx")]);
    let later = fixture("mme_factors/2018-invented-prodnme-gennme-edition-not-told.xlsx");
    succeed(&live, &["import", "--release", "2018", &later]);
    check(
        &live,
        "select string_agg(release || ' ' || mme_factor, ', ' order by release) from history.mme_factors where ndc = '00011000101'",
        "\"2016 1.5000, 2018 1.7500\"",
    );
    check(
        &live,
        "select product_name || ' ' || generic_name from mme_factors where ndc = '00011000303'",
        "INVENTED PATCH Inventanyl",
    );
    check(
        &live,
        "select count(*) || ' ' || count(mme_factor) || ' ' || count(strength_per_unit) from mme_factors",
        "6 5 5",
    );
    check(
        &live,
        "select strength_per_unit || ' ' || strength_unit from mme_factors where drug_name = 'Inventeine'",
        "0.20000 MG/ML",
    );
}

#[test]
fn captured_sums_and_lists_are_imported_whole() {
    let Some(captures) = std::env::var_os("TOLLHOUSE_CAPTURES") else { return };
    let captures = PathBuf::from(captures).join("arcos");
    let file = |name: &str| captures.join(name).to_str().unwrap().to_owned();
    let lists = |name: &str| file(&format!("washpost_api/{name}"));
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let names = [
        "county_annual_2006_2012.csv",
        "county_annual14.csv",
        "pharmacies_latlon12.csv",
        "pharmacies_counties14.csv",
        "pop_counties_20062012.csv",
        "pop_counties_20062014.csv",
        "pop_states_20062012.csv",
        "pop_states_20062014.csv",
        "county_fips.csv",
        "not_pharms.csv",
        "buyer_list14.csv",
        "mingo_buyer_addresses.csv",
        "mingo_buyer_per_year.csv",
    ];
    let mut paths: Vec<String> = names.iter().map(|name| lists(name)).collect();
    paths.extend([
        file("arcospy_api_outputs/func5_output.csv"),
        file("mme_ndc/MME Conversion Reference Table.xlsx"),
        file("washpost_summary_tsv/arcos-wv-mingo-54059-pharmacy.tsv"),
    ]);
    let words = ["import"].into_iter().chain(paths.iter().map(String::as_str)).collect::<Vec<_>>();
    succeed(root, &words);
    for (slice, name) in
        [("detail_list", "detail_list_reporters_2006_2012.csv"), ("detail_list14", "detail_list_reporters14.csv")]
    {
        succeed(root, &["import", "arcos_reporter_addresses", "--slice", slice, &lists(name)]);
    }
    for (sql, expected) in [
        (
            "select sum(dosage_units_printed) from history.arcos_county_year where release = '2006-2012'",
            "76628849101.238170",
        ),
        (
            "select sum(dosage_units_printed) from history.arcos_county_year where release = '2006-2014'",
            "98244239992.984594",
        ),
        (
            "select string_agg(n, ' ' order by release) from (select release, count(*) as n from history.arcos_pharmacies group by 1)",
            "82721 89157",
        ),
        (
            "select string_agg(n, ' ' order by release) from (select release, count(*) as n from history.arcos_reporter_addresses group by 1)",
            "1376 1522",
        ),
        (
            "select string_agg(n, ' ' order by release) from (select release, count(*) as n from history.arcos_population_county group by 1)",
            "22001 28265",
        ),
        ("select count(*) || ' ' || count(mme_factor) || ' ' || min(release) from mme_factors", "13269 13268 2016"),
        ("select count(*) from arcos_not_pharmacies n join history.arcos_pharmacies p using (buyer_dea_number)", "0"),
        ("select sum(registrants) from arcos_buyer_activities where business_activity = 'PRACTITIONER'", "166804"),
    ] {
        check(root, sql, expected);
    }
    // Mingo County's and Hennepin County's buyers: who may be a person has nothing left but an activity.
    check(
        root,
        "select count(*) from arcos_buyer_addresses where business_activity like 'PRACTITIONER%' \
         and coalesce(buyer_name, buyer_dea_number, buyer_address1, buyer_address2, buyer_city, buyer_zip, buyer_additional_info) is not null",
        "0",
    );
    // The state holds its county, its 361 buyers that no list of pharmacies names are masked, and two pharmacies have no name but their
    // owner's.
    succeed(root, &["import", &lists("wv_pharmacy_totals_state.decoded.tsv.gz")]);
    check(
        root,
        "select count(*) || ' ' || count(buyer_name) || ' ' || sum(dosage_units) || ' ' || sum(transactions) from arcos_buyer_totals",
        "975 612 853486419.00000 1879320",
    );
    // An answer for a place is not the list; row numbers of R's are no column.
    succeed(root, &["import", &file("arcospy_api_outputs/func9_output.csv")]);
    for (name, code, words) in [
        ("func1", 14, "it has 319 rows, and at least 600 are expected"),
        ("func7", 14, "it has 9 rows, and at least 22000 are expected"),
        ("func3", 13, "no dataset accepts"),
        ("func13", 13, "no dataset accepts"),
    ] {
        let output = tollhouse(root, &["import", &file(&format!("arcospy_api_outputs/{name}_output.csv"))]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{name}\n{error}");
        assert!(error.contains(words), "{name}\n{error}");
    }
}
