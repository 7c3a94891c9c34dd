use store::commit::Outcome;

use super::super::*;
use super::Method;
use crate::testing::{Tiny, lines};

const PEERS: &str = "title = 'Pharmacies'\nrow = 'pharmacy'\n\
     columns = ['buyer_dea_number', 'registrations', 'dosage_units', 'peers_ratio', 'rank_low', 'stands_out']\n\
     key = ['buyer_dea_number']\n\
     method = { name = 'peer_outliers', seed = 1, draws = 100, times = 2.0, certainty = 0.9, false_discoveries = 0.05 }";

const SPOTS: &str = "title = 'Hot spots'\nrow = 'county'\ncolumns = ['county_fips', 'hot_spot_share']\nkey = ['county_fips']\n\
     method = { name = 'hot_spots', seed = 1, imputations = 4, replicates = 19, level = 0.05, most = 12, windows = [0.05], \
     kilometres = 200.0 }";

/// A table that SQL alone makes, of so many rows `n` from 0, with murders that the test needs not: a model has to read something.
fn counted(rows: u32, columns: &str) -> String {
    let numbers: Vec<String> = (0..rows).map(|n| format!("SELECT {n} AS n")).collect();
    format!(
        "SELECT {columns} FROM ({}) AS made, (SELECT COUNT(*) AS cities FROM cities) AS beside",
        numbers.join(" UNION ALL ")
    )
}

/// Pharmacies that were shipped between 700 and 1,300 thousand, but for number 7; the first three have a second registration at
/// their address, numbers 60 to 62, which was shipped a thousand.
fn pharmacies(rows: u32) -> String {
    counted(
        rows,
        "CAST(1000 + n AS VARCHAR) AS buyer_dea_number, CONCAT('SHOP ', CAST(n AS VARCHAR)) AS buyer_name, 'TOWN' AS buyer_city, \
         CONCAT(CAST(CASE WHEN n >= 60 THEN n - 60 ELSE n END AS VARCHAR), ' MAIN STREET') AS buyer_address1, \
         'independent' AS peer_kind, 'WV' AS peer_place, '54059' AS buyer_county_fips, 200000 AS person_years, \
         CASE WHEN n = 7 THEN 30000000 WHEN n >= 60 THEN 1000 ELSE 700000 + 10000 * (n * 37 % 60) END AS dosage_units, \
         CASE WHEN n = 7 THEN 30000 WHEN n >= 60 THEN 1 ELSE 1000 END AS transactions",
    )
}

fn made(toml: &str, sql: &str) -> (Tiny, Became) {
    let mut tiny = Tiny::new();
    tiny.declare("found", toml, sql);
    let (outcome, made) = tiny.run(&[("cities", "city,year,murder\nPortland,2015,14")]).unwrap();
    assert!(matches!(outcome, Outcome::Committed(_)));
    (tiny, made.into_values().next().unwrap())
}

#[track_caller]
fn refused(toml: &str, sql: &str, because: &str) {
    match made(toml, sql).1 {
        Became::Failed(error) => {
            let said = format!("{error} {:?}", error);
            assert!(said.contains(because), "{said}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn pharmacies_are_compared_in_the_commit_of_their_inputs() {
    let (tiny, became) = made(PEERS, &pharmacies(63));
    assert!(matches!(became, Became::Built { rows: 60 }), "{became:?}");
    let session = tiny.session();
    let out = "SELECT buyer_dea_number, rank_low, dosage_units FROM found WHERE stands_out";
    assert_eq!(lines(&session, out), ["1007,1,30000000.00000"]);
    let twice = "SELECT count(*), sum(registrations) FROM found WHERE registrations = 2";
    assert_eq!(lines(&session, twice), ["3,6"]);
    // Thirty times what others were shipped, whose mean is a million, less what α draws toward them.
    assert_eq!(lines(&session, "SELECT count(*) FROM found WHERE peers_ratio BETWEEN 25 AND 35"), ["1"]);
}

#[test]
fn rows_in_another_order_are_compared_alike() {
    let all = "SELECT * FROM found ORDER BY 1";
    let orders = ["n", "n DESC", "n % 7"].map(|order| {
        let (tiny, _) = made(PEERS, &format!("{} ORDER BY {order} NULLS LAST", pharmacies(63)));
        lines(&tiny.session(), all)
    });
    assert!(orders[0].len() == 60 && orders.iter().all(|order| *order == orders[0]), "{orders:?}");
}

const GROWTH: &str = "title = 'Pharmacies'\nrow = 'pharmacy'\n\
     columns = ['buyer_dea_number', 'first_shipment_date', 'months_open', 'growth_basis', 'growth_ratio', 'growth_peers_ratio', \
     'growth_false_discovery_rate', 'has_grown']\nkey = ['buyer_dea_number']\n\
     method = { name = 'peer_outliers', seed = 1, draws = 20, times = 2.0, certainty = 0.9, false_discoveries = 0.05, \
     growth = { first = [2006, 2008], second = [2010, 2012] } }";

/// The pharmacies with figures by year: steady ones, but for number 8, which is shipped 500 thousand a year in the second period;
/// 12 and 13, which opened in the middle of 2007; 14, of which a year is not known. Of even ones but 60 the days are known.
fn years() -> String {
    let year = |year: i32| {
        format!(
            "CASE WHEN n = 8 AND {year} >= 2010 THEN 500000 WHEN n IN (12, 13) AND {year} = 2006 THEN 0 \
             WHEN n IN (12, 13) AND {year} = 2007 THEN 50000 WHEN n IN (12, 13) THEN 100000 \
             WHEN n = 14 AND {year} = 2012 THEN NULL ELSE 100000 + 1000 * n END AS dosage_units_{year}"
        )
    };
    let years: Vec<String> = (2006..=2012).map(year).collect();
    let days = "CASE WHEN n = 12 THEN DATE '2007-07-29' WHEN n % 2 = 0 AND n <> 60 THEN DATE '2006-01-02' END AS first_shipment_date, \
                CASE WHEN n % 2 = 0 AND n <> 60 THEN DATE '2012-12-31' END AS last_shipment_date";
    pharmacies(63).replace("AS transactions", &format!("AS transactions, {}, {days}", years.join(", ")))
}

#[test]
fn growth_is_told_per_time_open_and_of_nobody_who_opened() {
    let (tiny, became) = made(GROWTH, &years());
    assert!(matches!(became, Became::Built { rows: 60 }), "{became:?}");
    let session = tiny.session();
    // 1,500 thousand after 324, while nobody else's shipments changed.
    assert_eq!(
        lines(&session, "SELECT * EXCLUDE (growth_false_discovery_rate) FROM found WHERE has_grown"),
        ["1008,2006-01-02,84,dates,4.630,4.630,true"]
    );
    let of = |number: u32| {
        let sql =
            format!("SELECT months_open, growth_basis, growth_ratio FROM found WHERE buyer_dea_number = '{number}'");
        lines(&session, &sql)
    };
    // 150 thousand in eighteen months are as much a year as 300 in three: no growth. By years alone it was open for a third.
    assert_eq!(of(1012), ["66,dates,1.000"]);
    assert_eq!(of(1013), [",,"]);
    assert_eq!(of(1014), [",,"]);
    assert_eq!(of(1015), [",years,1.000"]);
    // Of two registrations at one address the days of one are known: together they have none.
    assert_eq!(of(1000), [",years,1.000"]);
    let known = "SELECT count(growth_ratio), count(has_grown), count(growth_false_discovery_rate) FROM found";
    assert_eq!(lines(&session, known), ["58,58,58"]);
}

#[test]
fn growth_of_too_few_is_null_and_of_nonsense_an_error() {
    let (tiny, _) = made(GROWTH, &years().replace("n = 14 AND 2012 = 2012", "n > 20 AND 2012 = 2012"));
    assert_eq!(
        lines(&tiny.session(), "SELECT count(*), count(growth_ratio), count(months_open) FROM found"),
        ["60,0,9"]
    );
    refused(&GROWTH.replace("[2010, 2012]", "[2008, 2012]"), &years(), "later one");
    refused(GROWTH, &pharmacies(63), "`dosage_units_2006`");
}

/// Label MME of every pharmacy but number 5, of which nothing is known, and 60, the second registration of number 0; number 6 has
/// fewer than one unit of a hundred without a strength, number 7 more.
#[test]
fn label_mme_is_that_of_the_whole_pharmacy_or_null() {
    let columns = "AS transactions, CASE WHEN n IN (5, 60) THEN NULL ELSE 2000000 + n END AS label_mme_mg, \
                   CASE WHEN n IN (5, 60) THEN NULL WHEN n = 6 THEN 7000 WHEN n = 7 THEN 300001 ELSE 0 END \
                   AS dosage_units_without_strength";
    let toml = PEERS
        .replace("'peers_ratio'", "'label_mme_mg', 'label_mme_mg_per_person_year', 'dosage_units_without_strength'");
    let (tiny, became) = made(&toml, &pharmacies(63).replace("AS transactions", columns));
    assert!(matches!(became, Became::Built { rows: 60 }), "{became:?}");
    let session = tiny.session();
    let of = |number: u32| {
        let sql = format!(
            "SELECT label_mme_mg, label_mme_mg_per_person_year, dosage_units_without_strength FROM found \
             WHERE buyer_dea_number = '{number}'"
        );
        lines(&session, &sql)
    };
    assert_eq!(of(1000), [",,"]);
    // 4,000,062 over the 200,000 person-years of the county.
    assert_eq!(of(1001), ["4000062.000,20.000,0.00000"]);
    assert_eq!(of(1005), [",,"]);
    assert_eq!(of(1006), ["2000006.000,10.000,7000.00000"]);
    assert_eq!(of(1007), [",,300001.00000"]);
}

#[test]
fn a_method_gives_the_same_parts_again_from_its_manifest() {
    let (tiny, _) = made(PEERS, &pharmacies(63));
    let head = tiny.warehouse.head().unwrap().unwrap();
    let manifest = tiny.warehouse.manifest(&head.datasets[&"found".parse().unwrap()]).unwrap();
    let told = manifest.derived.as_ref().unwrap().method.as_ref().unwrap();
    assert!(matches!(toml::from_str(told).unwrap(), Method::PeerOutliers(_)), "{told}");
    let again = again(&tiny.warehouse, &manifest, &head, &tiny.datasets, &tiny.vocabulary).unwrap();
    let part = part::read(&tiny.warehouse, &manifest.slices[0].parts[0]).unwrap();
    assert_eq!(again.columns(), part.columns());
}

#[test]
fn another_seed_is_another_declaration() {
    let (mut tiny, _) = made(PEERS, &pharmacies(63));
    let (_, kept) = tiny.run(&[]).unwrap();
    assert!(matches!(kept.into_values().next(), Some(Became::Kept)));
    tiny.declare("found", &PEERS.replace("seed = 1", "seed = 2"), &pharmacies(63));
    let (_, built) = tiny.run(&[]).unwrap();
    assert!(matches!(built.into_values().next(), Some(Became::Built { rows: 60 })));
}

#[test]
fn too_few_to_compare_are_no_rows_and_no_failure() {
    let (_, became) = made(PEERS, &pharmacies(16));
    assert!(matches!(became, Became::Built { rows: 0 }), "{became:?}");
}

#[test]
fn what_a_method_cannot_read_is_told() {
    refused(PEERS, &pharmacies(63).replace(" AS peer_kind", " AS kind"), "`peer_kind`");
    refused(PEERS, &pharmacies(63).replace("200000 AS person_years", "NULL AS person_years"), "`person_years` is null");
    refused(&PEERS.replace("'rank_low'", "'murder'"), &pharmacies(63), "`murder`");
    let typo = Model::parse("found", &PEERS.replace("draws", "drawn"), "SELECT 1", &Tiny::new().vocabulary);
    assert!(typo.is_err());
}

/// Of counts that a publisher protects, peers would tell too much.
#[test]
fn protected_counts_are_not_compared_by_peers() {
    let mut tiny = Tiny::new();
    tiny.declare("found", PEERS, &pharmacies(63).replace("FROM cities", "FROM deaths"));
    let (_, made) = tiny.run(&[("deaths", "state_fips,year,deaths\n01,2015,50")]).unwrap();
    match made.into_values().next().unwrap() {
        Became::Failed(error) => assert!(error.to_string().contains("protects"), "{error}"),
        other => panic!("{other:?}"),
    }
}

/// Forty counties in a row, of which each borders on the next; three in the middle have eight times the deaths of the
/// others, and every fifth count is withheld.
fn counties(deaths: &str) -> String {
    counted(
        40,
        &format!(
            "CONCAT('54', LPAD(CAST(1 + 2 * n AS VARCHAR), 3, '0')) AS county_fips, '54' AS state_fips, \
             CAST(0 - 80 + n * 0.5 AS DECIMAL(9, 4)) AS longitude, 38.0 AS latitude, \
             CONCAT(CASE WHEN n > 0 THEN CONCAT('54', LPAD(CAST(2 * n - 1 AS VARCHAR), 3, '0'), ' ') ELSE '' END, \
             CASE WHEN n < 39 THEN CONCAT('54', LPAD(CAST(2 * n + 3 AS VARCHAR), 3, '0')) ELSE '' END) AS neighbours, \
             200000 AS person_years, {deaths} AS deaths, 0 AS deaths_low, 9 AS deaths_high"
        ),
    )
}

const WITHHELD: &str = "CASE WHEN n BETWEEN 20 AND 22 THEN 160 WHEN n % 5 = 0 THEN NULL ELSE 18 + n % 4 END";

#[test]
fn hot_spots_are_found_among_withheld_counts() {
    let (tiny, became) = made(SPOTS, &counties(WITHHELD));
    assert!(matches!(became, Became::Built { rows: 40 }), "{became:?}");
    let session = tiny.session();
    assert_eq!(lines(&session, "SELECT count(*) FROM found WHERE hot_spot_share BETWEEN 0 AND 1"), ["40"]);
    let best = "SELECT county_fips FROM found WHERE hot_spot_share >= 0.5 AND county_fips = '54043'";
    assert_eq!(lines(&session, best), ["54043"]);
}

#[test]
fn counts_that_should_be_withheld_and_bounds_that_are_too_tight_are_refused() {
    refused(SPOTS, &counties(&WITHHELD.replace("18 + n", "4 + n")), "1-9");
    refused(SPOTS, &counties(WITHHELD).replace("0 AS deaths_low", "3 AS deaths_low"), "bounds");
    refused(SPOTS, &counties(WITHHELD).replace("9 AS deaths_high", "NULL AS deaths_high"), "bounds");
}

const SPREAD: &str = "title = 'Persons'\nrow = 'state'\n\
     columns = ['buyer_state', 'persons', 'dosage_units_p10', 'dosage_units_p25', 'dosage_units_p50', 'dosage_units_p75', \
     'dosage_units_p90', 'dosage_units_p99']\nkey = ['buyer_state']\n\
     method = { name = 'distribution', by = ['buyer_state'], value = 'dosage_units', round = 10 }";

/// Twenty-nine persons in one state, ten in another and one in a third, of 103 units, 203, 303….
fn persons() -> String {
    counted(
        40,
        "CASE WHEN n < 29 THEN 'WV' WHEN n < 39 THEN 'KY' ELSE 'OH' END AS buyer_state, 100 * (n + 1) + 3 AS dosage_units, \
         1 AS persons",
    )
}

#[test]
fn of_persons_there_are_rounded_means_of_several_and_no_small_groups() {
    let (tiny, became) = made(SPREAD, &persons());
    assert!(matches!(became, Became::Built { rows: 1 }), "{became:?}");
    // A quarter: the 8th of 29, the mean of the 6th to the 10th. A tenth would be near the smallest.
    assert_eq!(lines(&tiny.session(), "SELECT * FROM found"), ["WV,29,,800,1500,2200,,"]);
    refused(SPREAD, &persons().replace(" AS persons", " AS people"), "`persons`");
    refused(SPREAD, &persons().replace("'OH'", "NULL"), "`buyer_state` is null");
    refused(&SPREAD.replace("round = 10", "round = 0"), &persons(), "rounded");
}

/// Medicare shows no count of 1-10, so that none may be among what goes in.
#[test]
fn of_protected_counts_there_are_large_ones_alone() {
    let of = |least: &str| persons().replace("FROM cities", "FROM deaths").replace("100 * (n + 1) + 3", least);
    for (least, fine) in [("n + 11", true), ("n + 10", false), ("CASE WHEN n = 3 THEN 0 ELSE n + 11 END", true)] {
        let mut tiny = Tiny::new();
        tiny.declare("found", SPREAD, &of(least));
        let (_, made) = tiny.run(&[("deaths", "state_fips,year,deaths\n01,2015,50")]).unwrap();
        match made.into_values().next().unwrap() {
            Became::Built { rows } => assert!(fine && rows == 1, "{least}"),
            other => assert!(!fine && format!("{other:?}").contains("1-10"), "{least}: {other:?}"),
        }
    }
}

/// The model as the project has it, over invented prescribers: 29 of an opioid, 29 of two drugs whose names have an opioid's
/// letters in them, 10 of another opioid.
#[test]
fn prescribers_of_an_opioid_are_a_distribution() {
    let mut tiny = Tiny::medicare();
    tiny.declare(
        "cms_prescriber_distribution",
        include_str!("../../../../../warehouse/models/cms_prescriber_distribution.toml"),
        include_str!("../../../../../warehouse/models/cms_prescriber_distribution.sql"),
    );
    let mut rows =
        "prescriber_state,prescriber_type,year,brand_name,generic_name,claims,claims_low,claims_high,claims_status"
            .to_owned();
    let drugs = [("Oxycodone Hcl", 29), ("Tiotropium Bromide", 29), ("Apomorphine Hcl", 29), ("Opium Tincture", 10)];
    for (drug, prescribers) in drugs {
        for claims in 11..11 + prescribers {
            rows += &format!("\nWV,Pain Management,2023,{drug},{drug},{claims},{claims},{claims},reported");
        }
    }
    let (_, made) = tiny.run(&[("cms_partd_prescriber_drug", &rows)]).unwrap();
    let became = made.into_values().next().unwrap();
    assert!(matches!(became, Became::Built { rows: 1 }), "{became:?}");
    assert_eq!(
        lines(&tiny.session(), "SELECT * FROM cms_prescriber_distribution"),
        ["WV,Pain Management,Oxycodone Hcl,Oxycodone Hcl,2023,29,,18,25,32,,"]
    );
}
