//! What publishers changed from one edition to the next, beside what a query written for the purpose finds.

use super::*;

/// What `revisions` says of a class of rows.
fn rows(told: &serde_json::Value, class: &str) -> u64 {
    told["rows"][class].as_u64().unwrap()
}

fn revisions(root: &Path, words: &[&str]) -> serde_json::Value {
    serde_json::from_str(&succeed(root, &[&["--json", "revisions"], words].concat())).unwrap()
}

/// Compares the classes with the answer to SQL over two releases joined by their key, `o` the older and `n` the newer.
#[track_caller]
fn check_classes(root: &Path, table: &str, releases: [&str; 2], key: &[&str], changed: &str) -> serde_json::Value {
    let told = revisions(root, &[table, releases[0], releases[1]]);
    let sql = format!(
        "select count(*) filter (o._record is null) || ' ' || count(*) filter (n._record is null) || ' ' || \
         count(*) filter (o._record is not null and n._record is not null and ({changed})) || ' ' || count(*) \
         from (from history.{table} where \"release\" = '{}') o full join (from history.{table} where \"release\" = '{}') n using ({})",
        releases[0],
        releases[1],
        key.join(", ")
    );
    let all: u64 = told["rows"].as_object().unwrap().values().map(|rows| rows.as_u64().unwrap()).sum();
    let found = format!("{} {} {} {all}", rows(&told, "added"), rows(&told, "withdrawn"), rows(&told, "changed"));
    check(root, &sql, &found);
    told
}

/// Compares how far a column of the estimates moved by age with the answer to SQL over both releases.
#[track_caller]
fn check_by_age(root: &Path, table: &str, name: &str, told: &serde_json::Value) {
    let of_column = told["sizes"].as_array().unwrap().iter().filter(|aged| aged["column"] == name);
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let line =
        |aged: &serde_json::Value| ["lag", "rows", "sum", "mean", "largest"].map(|field| text(&aged[field])).join(" ");
    let lines: Vec<String> = of_column.map(line).collect();
    assert!(!lines.is_empty(), "{told}");
    let sql = format!(
        "select string_agg(line, '; ' order by lag) from (select newest - year as lag, (newest - year) || ' ' || count(*) || ' ' || \
         coalesce(sum(n.{name} - o.{name})::varchar, 'null') || ' ' || \
         coalesce((sum(abs(n.{name} - o.{name})) / count(n.{name} - o.{name}))::decimal(38, 4)::varchar, 'null') || ' ' || \
         coalesce(max(abs(n.{name} - o.{name}))::varchar, 'null') as line \
         from (from history.{table} where \"release\" = '2016') o join (from history.{table} where \"release\" = '2019') n \
         using (state_fips, year), (select max(year) as newest from history.{table} where \"release\" = '2019') \
         where o.{name} is distinct from n.{name} group by newest, year)"
    );
    check(root, &sql, &lines.join("; "));
}

#[test]
fn two_editions_of_the_estimates_differ_as_a_query_of_its_own_finds() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let table = "fbi_estimated_offenses_state";
    succeed(root, &["run", "--replica", table]);
    let numbers = [
        "population",
        "violent_crime",
        "murder",
        "rape_revised",
        "rape_legacy",
        "robbery",
        "aggravated_assault",
        "property_crime",
        "burglary",
        "larceny",
        "motor_vehicle_theft",
    ];
    let differs = |name: &str| format!("o.{name} is distinct from n.{name}");
    let changed = numbers.map(differs).join(" or ");
    let told = check_classes(root, table, ["2016", "2019"], &["state_fips", "year"], &changed);
    // The spelling of a state is no number.
    assert!(rows(&told, "relabelled") > 0 && rows(&told, "changed") > 0, "{told}");
    for name in ["murder", "violent_crime", "rape_legacy", "rape_revised"] {
        let moved = told["columns"].as_array().unwrap().iter().find(|moved| moved["column"] == name).unwrap();
        let sql = format!(
            "select count(*) filter ({}) || ' ' || sum(n.{name} - o.{name}) || ' ' || max(abs(n.{name} - o.{name})) \
             from (from history.{table} where \"release\" = '2016') o join (from history.{table} where \"release\" = '2019') n \
             using (state_fips, year)",
            differs(name)
        );
        let text = |field: &str| moved[field].as_str().unwrap().to_owned();
        check(root, &sql, &format!("{} {} {}", moved["rows"], text("sum"), text("largest")));
        check_by_age(root, table, name, &told);
    }
    let ages = told["sizes"].as_array().unwrap().iter().filter(|aged| aged["column"] == "rape_revised").count();
    assert!(ages > 1, "{told}");
    let spoken = succeed(root, &["revisions", table, "2016", "2019"]);
    assert!(spoken.contains("How far columns moved by that age, in years before the newest"), "{spoken}");
    let refused = tollhouse(root, &["revisions", table, "2016", "2031"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("one is a release"), "both must be of one kind");
}

#[test]
fn two_editions_of_drug_poisoning_differ_as_a_query_of_its_own_finds() {
    let folder = tempfile::tempdir().unwrap();
    let (root, config) = (folder.path().join("root"), accepted(folder.path()));
    let table = "cdc_drug_poisoning_state";
    succeed(&root, &["--config", &config, "run", "--replica", table]);
    let changed = "o.crude_rate_bin_low is distinct from n.crude_rate_bin_low or o.crude_rate_bin_high is distinct from \
                   n.crude_rate_bin_high or o.crude_rate_per_100k is distinct from n.crude_rate_per_100k or \
                   o.age_adjusted_rate_per_100k is distinct from n.age_adjusted_rate_per_100k or o.deaths is distinct from n.deaths";
    let key = ["state", "year", "sex", "age_group", "race_hispanic_origin"];
    let told = check_classes(&root, table, ["1999-2016", "1999-2017"], &key, changed);
    // Of counts and rates of states it is told that they changed, and no value.
    let cells = revisions(&root, &[table, "1999-2016", "1999-2017", "--cells", "20000"])["cells"].clone();
    let guarded = ["deaths", "crude_rate", "age_adjusted_rate"];
    for cell in cells.as_array().unwrap() {
        let column = cell["column"].as_str().unwrap_or_default();
        if guarded.iter().any(|known| column.starts_with(known)) && !column.ends_with("_status") {
            assert!(cell["before"] == "(not shown)" && cell["after"] == "(not shown)", "{cell}");
        }
    }
    assert!(told["columns"].as_array().unwrap().iter().all(|moved| {
        !guarded.iter().any(|known| moved["column"].as_str().unwrap().starts_with(known)) || moved["largest"].is_null()
    }));
    // By age too, and a sum is of eleven rows at least, or stands nowhere.
    let sizes = told["sizes"].as_array().unwrap();
    assert!(sizes.iter().any(|aged| aged["column"].as_str().unwrap().starts_with("crude_rate")), "{told}");
    for aged in
        sizes.iter().filter(|aged| guarded.iter().any(|known| aged["column"].as_str().unwrap().starts_with(known)))
    {
        assert!(aged["largest"].is_null() && (aged["sum"].is_null() || aged["rows"].as_u64().unwrap() >= 11), "{aged}");
    }
}

#[test]
fn two_captured_editions_of_provisional_deaths_differ_as_a_query_of_its_own_finds() {
    let Some(captures) = std::env::var_os("TOLLHOUSE_CAPTURES").map(PathBuf::from) else {
        println!("skipped: set TOLLHOUSE_CAPTURES to the folder of captured files");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (root, config) = (folder.path().join("root"), accepted(folder.path()));
    let vsrr = captures.join("cdc/socrata_vsrr");
    for name in ["gentrylamb_VSRR_10col_commas_2018.csv", "info201a_2019_VSRR_12col.csv"] {
        succeed(&root, &["--config", &config, "import", "cdc_vsrr_state", vsrr.join(name).to_str().unwrap()]);
    }
    let releases = succeed(
        &root,
        &["sql", "--format", "csv", "select distinct \"release\" from history.cdc_vsrr_state order by 1"],
    );
    let releases: Vec<&str> = releases.lines().skip(1).collect();
    let [older, newer] = releases.as_slice() else { panic!("{releases:?}") };
    let told = revisions(&root, &["cdc_vsrr_state", older, newer]);
    let sql = format!(
        "select count(*) filter (o._record is null) || ' ' || count(*) filter (n._record is null) || ' ' || \
         count(*) filter (o.deaths is distinct from n.deaths and o._record is not null and n._record is not null) \
         from (from history.cdc_vsrr_state where \"release\" = '{older}') o \
         full join (from history.cdc_vsrr_state where \"release\" = '{newer}') n using (jurisdiction, period_end, indicator)"
    );
    let moved = told["columns"].as_array().unwrap().iter().find(|moved| moved["column"] == "deaths").unwrap();
    check(&root, &sql, &format!("{} {} {}", rows(&told, "added"), rows(&told, "withdrawn"), moved["rows"]));
    assert_eq!(told["lag_unit"], "months");
}
