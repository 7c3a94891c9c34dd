//! Models, through the program: what is refused does not stand in the way of data, and what is asked of one is answered
//! with what it rests on.

use std::path::{Path, PathBuf};

use crate::{check, files, succeed, tollhouse};

/// A project with the deaths by state, the dispensing, and no model.
fn project(folder: &Path) -> PathBuf {
    let (project, here) =
        (folder.join("project"), Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../.."));
    std::fs::create_dir_all(project.join("pipelines")).unwrap();
    std::fs::create_dir_all(project.join("warehouse/models")).unwrap();
    for file in [
        "warehouse/columns.toml",
        "pipelines/cdc_opioid_deaths_state.toml",
        "pipelines/cdc_opioid_dispensing_state.toml",
    ] {
        std::fs::copy(here.join(file), project.join(file)).unwrap();
    }
    project
}

fn declare(project: &Path, sql: &str) {
    let toml = "title = 'T'\nrow = 'state, year'\ncolumns = ['state_fips', 'year', 'deaths']\n\
                key = ['state_fips', 'year']";
    std::fs::write(project.join("warehouse/models/m.toml"), toml).unwrap();
    std::fs::write(project.join("warehouse/models/m.sql"), sql).unwrap();
}

#[test]
fn a_model_that_shows_a_small_cell_is_refused_and_the_data_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let (root, project) = (folder.path().join("root"), project(folder.path()));
    let run = ["--project", project.to_str().unwrap(), "run", "cdc_opioid_deaths_state", "--replica"];
    // West Virginia had 629 in 2015.
    declare(
        &project,
        "SELECT state_fips, year, deaths - 620 AS deaths FROM cdc_opioid_deaths_state \
         WHERE drug = 'any_opioid' AND state_fips = '54' AND year = 2015",
    );
    let output = tollhouse(&root, &run);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(14), "{error}");
    assert!(error.contains("warehouse/models/m.sql") && error.contains("what next:"), "{error}");
    assert!(!error.contains(" 9 "), "the value is in the message: {error}");
    check(&root, "select count(*) from cdc_opioid_deaths_state where drug = 'any_opioid'", "918");
    check(&root, "select failed is not null from meta.lineage where model = 'm'", "true");
    assert!(!root.join("tables/m").exists());
    assert_eq!(tollhouse(&root, &["sql", "select * from m"]).status.code(), Some(2));

    declare(&project, "SELECT state_fips, yaer, deaths FROM cdc_opioid_deaths_state");
    let output = tollhouse(&root, &run);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("warehouse/models/m.sql") && error.contains("yaer"), "{error}");

    let right =
        "SELECT state_fips, year, deaths FROM cdc_opioid_deaths_state WHERE drug = 'any_opioid' AND year = 2015";
    declare(&project, right);
    let rehearsal = succeed(&root, &[&run[..], &["--dry-run"]].concat());
    assert!(rehearsal.contains("Model m: 51 rows."), "{rehearsal}");
    assert_eq!(tollhouse(&root, &["sql", "select * from m"]).status.code(), Some(2));
    succeed(&root, &run);
    check(&root, "select sum(deaths) from m", "33091");
    succeed(&root, &["snapshot", "verify"]);

    std::fs::remove_file(project.join("warehouse/models/m.toml")).unwrap();
    assert_eq!(tollhouse(&root, &run).status.code(), Some(2), "SQL without a declaration passed");
    std::fs::remove_file(project.join("warehouse/models/m.sql")).unwrap();
    let text = succeed(&root, &run);
    assert!(text.contains("Model m is no longer declared, and left."), "{text}");
    assert_eq!(tollhouse(&root, &["sql", "select * from m"]).status.code(), Some(2));
}

#[test]
fn a_model_waits_for_its_inputs_and_names_the_captures_behind_them() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    succeed(&root, &["run", "cdc_opioid_deaths_state", "--replica"]);
    assert!(!root.join("tables/opioid_deaths_and_dispensing_state").exists());
    let shown = succeed(&root, &["datasets", "show", "opioid_deaths_and_dispensing_state"]);
    assert!(shown.contains("does not have it"), "{shown}");
    succeed(&root, &["run", "cdc_opioid_dispensing_state", "--replica"]);
    check(&root, "select count(*) from opioid_deaths_and_dispensing_state", "561");
    check(&root, "select count(*) from meta.snapshots", "2");

    let receipt = folder.path().join("receipt.json");
    let sql = "select count(*) from opioid_deaths_and_dispensing_state";
    succeed(&root, &["sql", "--receipt", receipt.to_str().unwrap(), sql]);
    let receipt = std::fs::read_to_string(receipt).unwrap();
    for (capture, _) in files(&root.join("raw")) {
        let sha256 = capture.file_name().unwrap().to_str().unwrap();
        assert!(receipt.contains(sha256), "{sha256} is behind it\n{receipt}");
    }

    let listed = succeed(&root, &["datasets", "--json"]);
    assert!(listed.contains("\"opioid_deaths_and_dispensing_state\"") && listed.contains("\"derived\""), "{listed}");
    let shown = succeed(&root, &["datasets", "show", "opioid_deaths_and_dispensing_state"]);
    for words in ["561", "cdc_opioid_deaths_state", "NCHS data use restrictions", "IQVIA", "nchs", "FULL JOIN"] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
}
