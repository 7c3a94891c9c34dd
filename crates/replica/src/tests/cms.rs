//! data.cms.gov's catalogue, pages, counts and filters, and its faults.

use super::*;
use serde_json::Value;

const OF_2015: &str = "/data.cms.gov/data-api/v1/dataset/1d650894-8afe-4056-ba31-a85cb0e3cee6/data";
const LATEST: &str = "/data.cms.gov/data-api/v1/dataset/9552739e-3d05-4c1b-8eff-ecabf391e2e5/data";
const OF_2024: &str = "/data.cms.gov/data-api/v1/dataset/d5aa71a8-dcc0-4570-8bcf-bd39deac69fe/data";
const ONLY: &str = "filter%5BPrscrbr_State_Abrvtn%5D=WV";

fn rows(replica: &Replica, path: &str) -> Vec<Value> {
    get(replica, path).json().as_array().unwrap().clone()
}

#[test]
fn pages_are_bare_lists_of_strings_and_are_counted_elsewhere() {
    let replica = replica();
    let all = rows(&replica, OF_2015);
    assert_eq!(all.len(), 12);
    assert!(all.iter().all(|row| row.as_object().unwrap().len() == 22));
    assert!(all.iter().flat_map(|row| row.as_object().unwrap().values()).all(Value::is_string));
    // No National Provider Identifier begins with 0.
    assert!(all.iter().all(|row| row["Prscrbr_NPI"].as_str().unwrap().starts_with('0')));
    let paged = [0, 5, 10, 15].map(|offset| rows(&replica, &format!("{OF_2015}?size=5&offset={offset}")));
    assert_eq!(paged.each_ref().map(Vec::len), [5, 5, 2, 0]);
    assert_eq!(paged.concat(), all);
    let west_virginia = rows(&replica, &format!("{OF_2015}?{ONLY}"));
    assert_eq!(west_virginia.len(), 9);
    let counted = get(&replica, &format!("{OF_2015}/stats?{ONLY}")).json();
    assert_eq!(counted, serde_json::json!({ "found_rows": 9, "total_rows": 12 }));
    assert_eq!(get(&replica, &format!("{OF_2015}?filter%5Bf0%5D%5Bcondition%5D=1")).status, 400);
    assert_eq!(get(&replica, &OF_2015.replace("1d65", "0000")).status, 404);
}

#[test]
fn the_latest_is_the_newest_year_under_another_identifier() {
    let replica = replica();
    assert_eq!(rows(&replica, LATEST), rows(&replica, OF_2024));
    let catalogue = get(&replica, "/data.cms.gov/data.json").json();
    let datasets = catalogue["dataset"].as_array().unwrap();
    assert_eq!(datasets.len(), 2);
    for dataset in datasets {
        let listed = dataset["distribution"].as_array().unwrap();
        let api: Vec<_> = listed.iter().filter(|found| found["format"] == "API").collect();
        assert_eq!((listed.len(), api.len()), (25, 13));
        assert_eq!(api.iter().filter(|found| found["description"] == "latest").count(), 1);
        assert!(api.iter().all(|found| found["accessURL"].as_str().unwrap().ends_with("/data")));
    }
}

#[test]
fn a_page_may_be_short_or_come_again_and_the_catalogue_may_move() {
    let fault = |on: &str, what| Fault { on: on.to_owned(), times: Some(1), what };
    let faults = vec![
        fault("size=4&offset=0", What::ShortPage),
        fault("size=4&offset=4", What::DuplicatePage),
        fault("data.json", What::MovedTruth),
    ];
    let replica = Replica::start_blocking(Options { faults, ..Options::default() }).unwrap();
    assert_eq!(rows(&replica, &format!("{OF_2015}?size=4&offset=0")).len(), 2);
    let first = rows(&replica, &format!("{OF_2015}?size=4&offset=0"));
    assert_eq!(rows(&replica, &format!("{OF_2015}?size=4&offset=4")), first);
    assert_ne!(rows(&replica, &format!("{OF_2015}?size=4&offset=4")), first);
    let moved = get(&replica, "/data.cms.gov/data.json").json();
    assert_ne!(moved, get(&replica, "/data.cms.gov/data.json").json());
}
