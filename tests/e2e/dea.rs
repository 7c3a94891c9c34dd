//! The DEA's retail reports: the transcribed figures end to end, the reports against each other, and PDFs that are wrong.

use std::path::Path;

use replica::dea::{self, Layout, Paper};

use crate::{check, succeed, tollhouse};

const DATASETS: [&str; 5] = [
    "dea_retail_zip3_quarter",
    "dea_retail_state_quarter",
    "dea_retail_state_year",
    "dea_retail_buyers_state",
    "dea_retail_buyers_us",
];

/// Expected figures are the transcriptions' own, counted from the captured tables, and those that other parsers quote.
#[test]
fn the_reports_say_what_was_transcribed_and_agree_with_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    succeed(root, &[&["run"], &DATASETS[..], &["--replica"]].concat());
    let zips = |what: &str| format!("select sum(grams) from dea_retail_zip3_quarter where {what}");
    check(root, &zips("year = 2016 and drug_code = '9143'"), "54777891.71");
    check(root, &zips("year = 2016 and drug_code = '9193'"), "30368584.79");
    check(root, &zips("year = 2017 and drug_code = '9143'"), "48856346.84");
    check(root, &zips("year = 2017 and drug_code = '9193'"), "27129590.36");
    check(root, &zips("year = 2016 and drug_code = '1100' and state_fips = '05'"), "192688.33");
    check(
        root,
        "select string_agg(distinct drug_code_printed, ' ' order by drug_code_printed) from dea_retail_zip3_quarter where year in (2016, 2017) and drug_code = '9143'",
        "9143 9143D",
    );
    check(
        root,
        "select grams_per_100k || ' ' || population || ' ' || grams from dea_retail_state_year where state_fips = '10' and year = 2015 and drug_code = '9143'",
        "35548.91000 897934 319205.76",
    );
    check(root, "select count(*) from dea_retail_state_year where drug_code in ('9143', '9193')", "1938");
    check(root, "select count(distinct year) from dea_retail_buyers_us", "26");
    check(
        root,
        "select string_agg(distinct rate_unit_printed, ' ') from dea_retail_state_quarter where year = 2011 and report_number = 3",
        "milligrams",
    );
    // Against each other: all but report 2 of the ZIP codes against the transcribed report 4.
    let apart = "abs(value_difference) > value_slack";
    check(
        root,
        &format!(
            "select count(*) from dea_cross_checks where {apart} and not (comparison like 'grams: report 2 by year%' and drug_code_printed not like '0000')"
        ),
        "0",
    );
    check(root, "select count(distinct comparison) from dea_cross_checks", "5");
    let shown = succeed(root, &["datasets", "show", "dea_retail_state_year"]);
    assert_eq!(shown.lines().filter(|line| line.starts_with("  spec ")).count(), 3, "{shown}");
    assert!(!shown.lines().any(|line| line.starts_with("  capture ")), "{shown}");
}

/// Changes the first cell of a paper that is a text.
fn change(paper: &mut Paper, from: &str, to: &str) {
    let cell = paper.pages.iter_mut().flatten().find(|placed| placed.text == from).unwrap();
    to.clone_into(&mut cell.text);
}

fn year() -> dea::Year {
    let rows = vec![
        (("AR".to_owned(), "ARKANSAS".to_owned()), "716".to_owned(), vec![100_001, 110_002, 120_003, 130_004]),
        (("AR".to_owned(), "ARKANSAS".to_owned()), "717".to_owned(), vec![200_000, 0, 220_050, 230_000]),
    ];
    let ranked = dea::Ranked {
        drug: dea::Drug::new("9143", "OXYCODONE"),
        rows: vec![("ARKANSAS".to_owned(), 2_915_918, 1_110_060, dea::per_100k(1_110_060, 2_915_918))],
    };
    let bought = dea::Purchase {
        state: ("AR".to_owned(), "ARKANSAS".to_owned()),
        activity: "A - PHARMACIES".to_owned(),
        drug: dea::Drug::new("9143", "OXYCODONE"),
        buyers: 12,
        grams: 1_110_060,
    };
    let quarters = dea::Quarters { drug: dea::Drug::new("9143", "OXYCODONE"), rows };
    dea::Year {
        year: 2015,
        last_month: 12,
        quarters: vec![quarters],
        ranked: vec![ranked],
        purchases: vec![bought],
        populations: vec![("AR".to_owned(), 2_915_918)],
    }
}

#[track_caller]
fn import(folder: &Path, dataset: &str, paper: &Paper, refused: Option<&str>) {
    let (root, file) = (folder.join("root"), folder.join("report.pdf"));
    std::fs::write(&file, dea::pdf(paper).unwrap()).unwrap();
    let output = tollhouse(&root, &["import", dataset, &file.to_string_lossy()]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    match refused {
        None => assert!(output.status.success(), "{error}"),
        Some(says) => {
            assert_eq!(output.status.code(), Some(14), "{error}");
            assert!(error.contains(says) && error.contains("what next:"), "{error}");
            assert!(!root.join("snapshots").exists());
        }
    }
}

#[test]
fn one_wrong_figure_ends_an_import() {
    for (report, dataset, from, to, says) in [
        // A line's sum, a state's quarter, the drug's sum.
        (1, DATASETS[0], "4,600.10", "4,600.90", "is 4600.90, and its 4 rows sum to 4600.10"),
        (1, DATASETS[0], "3,000.01", "3,000.10", "is 3000.10, and its 2 rows sum to 3000.01"),
        (1, DATASETS[0], "11,100.60", "11,100.06", "sum to 11100.60"),
        (2, DATASETS[1], "11,100.60", "11,110.60", "sum to 11100.60"),
        (4, DATASETS[2], "380.69", "380.96", "`grams_per_100k` is 380.96"),
        (5, DATASETS[3], "925.05", "952.05", "`average_grams` is 952.05"),
        (7, DATASETS[4], "925.05", "925.07", "`average_grams` is 925.07"),
    ] {
        for layout in [Layout::Until2016, Layout::Of2017, Layout::Since2018] {
            let folder = tempfile::tempdir().unwrap();
            let mut paper = dea::report(report, &year(), layout);
            import(folder.path(), dataset, &paper, None);
            let folder = tempfile::tempdir().unwrap();
            change(&mut paper, from, to);
            import(folder.path(), dataset, &paper, Some(says));
        }
    }
}
