//! Snapshots made again from the archive, and what an operator alone may see of persons.

use super::*;

const DATASETS: [&str; 4] = ["arcos_transactions", "cdc_overdose_deaths_state", "cdc_wonder_us", "fbi_city_offenses"];

/// A project with these declarations, as a folder of its own.
fn project(folder: &Path, datasets: &[&str]) -> PathBuf {
    let here = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
    let project = folder.join("project");
    std::fs::create_dir_all(project.join("pipelines")).unwrap();
    std::fs::create_dir_all(project.join("warehouse")).unwrap();
    std::fs::copy(here.join("warehouse/columns.toml"), project.join("warehouse/columns.toml")).unwrap();
    for dataset in datasets {
        let file = format!("pipelines/{dataset}.toml");
        std::fs::copy(here.join(&file), project.join(&file)).unwrap();
    }
    project
}

fn replayed(root: &Path, words: &[&str]) -> (Option<i32>, String) {
    let output = tollhouse(root, &[words, &["replay"]].concat());
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_snapshot_is_made_again_from_the_archive_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    succeed(root, &[&["run", "--replica"], &DATASETS[..]].concat());
    // Whoever reads holds an empty file below `locks/`.
    let data = || files(root).into_iter().filter(|(path, _)| !path.starts_with("locks")).collect::<Vec<_>>();
    let before = data();
    let (code, told) = replayed(root, &[]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains(" identical, 0 the same rows in other bytes, 0 different, 0 failed."), "{told}");
    assert!(data() == before, "nothing of the warehouse is touched");
    let slices = serde_json::from_str::<serde_json::Value>(&replayed(root, &["--json"]).1).unwrap();
    let slices = slices["slices"].as_array().unwrap().clone();
    assert!(slices.iter().all(|slice| slice["outcome"] == "identical"), "{slices:?}");
    assert!(slices.iter().any(|slice| slice["dataset"] == "arcos_buyers"), "models are made again too");

    // A capture that is not what it was: said, by name, and the others are made again.
    let capture = "select sha256 from meta.captures where dataset = 'cdc_overdose_deaths_state' limit 1";
    let digest = succeed(root, &["sql", "--format", "csv", capture]);
    let digest = digest.lines().nth(1).unwrap();
    std::fs::write(root.join("raw").join(&digest[..2]).join(digest), "something else").unwrap();
    let output = tollhouse(root, &["replay"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(digest));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("0 different, 1 failed."), "{told}");
}

#[test]
fn a_slice_is_made_again_by_the_declaration_that_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    let own = project(folder.path(), &["fbi_city_offenses"]);
    let own = ["--project", own.to_str().unwrap()];
    succeed(root, &[&own[..], &["run", "--replica", "fbi_city_offenses"]].concat());
    // Since then somebody has taken the city for the state.
    let path = folder.path().join("project/pipelines/fbi_city_offenses.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = text.replacen("title     = \"", "title     = \"Another: ", 1);
    assert_ne!(changed, text);
    std::fs::write(&path, changed).unwrap();
    let (code, told) = replayed(root, &own);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("0 different, 0 failed."), "{told}");
    // Without the declaration of then that of now stands for it.
    let kept: Vec<_> =
        std::fs::read_dir(root.join("declarations")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 1);
    std::fs::remove_file(&kept[0]).unwrap();
    assert_eq!(replayed(root, &own).0, Some(0));
}

#[test]
fn a_bundle_goes_into_a_warehouse_of_its_own_and_answers_alike() {
    let folder = tempfile::tempdir().unwrap();
    let (root, there) = (&folder.path().join("root"), &folder.path().join("there"));
    succeed(root, &["run", "--replica", "arcos_transactions", "fbi_city_offenses"]);
    succeed(root, &["pin", "add", "mine"]);
    succeed(root, &["pin", "add", "another"]);
    let archive = folder.path().join("mine.zip");
    let archive = archive.to_str().unwrap();
    succeed(root, &["snapshot", "export", "mine", "--out", archive, "--captures"]);
    let refused = tollhouse(root, &["snapshot", "export", "mine", "--out", archive]);
    assert_eq!(refused.status.code(), Some(2), "nothing is written over");
    // The captures of persons stay at home; those of the cities go along. Nothing goes that was set aside or is the operator's.
    let mut zip = zip::ZipArchive::new(std::fs::File::open(archive).unwrap()).unwrap();
    let names: std::collections::BTreeSet<String> =
        zip.file_names().map(|name| name.unwrap().split('/').nth(1).unwrap().to_owned()).collect();
    let folders = [
        "claims",
        "declarations",
        "exchanges",
        "figures",
        "manifests",
        "pins",
        "project",
        "raw",
        "schemas",
        "snapshots",
        "tables",
    ];
    let known = |name: &String| name.contains('.') || name == "NOTICE" || folders.contains(&name.as_str());
    assert!(names.iter().all(known), "{names:?}");
    // Of pins only the one that it is called by.
    let pins: Vec<_> =
        zip.file_names().map(|name| name.unwrap().into_owned()).filter(|name| name.contains("/pins/")).collect();
    let pins: Vec<_> = pins.iter().filter(|name| !name.contains("/project/")).collect();
    assert_eq!(pins, ["tollhouse-mine/pins/mine.json"]);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut zip.by_name("tollhouse-mine/captures.csv").unwrap(), &mut text).unwrap();
    for line in text.lines().skip(1) {
        let digest = line.split(',').nth(1).unwrap();
        let here = zip.by_name(&format!("tollhouse-mine/raw/{}/{digest}", &digest[..2])).is_ok();
        let told =
            if line.starts_with("arcos_") { line.ends_with("no: it may show persons") } else { line.ends_with("yes") };
        assert!(told && here == line.starts_with("fbi_"), "{line}");
    }

    let told = succeed(there, &["snapshot", "import", archive]);
    assert!(told.contains("all as committed"), "{told}");
    for sql in [
        "select count(*) || ' ' || sum(dosage_units) from arcos_transactions",
        "select year, sum(murder) from fbi_city_offenses group by 1 order by 1",
        "select count(*) from arcos_buyers",
    ] {
        let words = ["sql", "--format", "csv", "--at", "mine", sql];
        assert_eq!(succeed(there, &words), succeed(root, &words), "{sql}");
    }
    // The captures that stayed at home are no damage.
    let said = succeed(there, &["snapshot", "verify"]);
    assert!(said.contains("all as committed") && said.contains("absent: "), "{said}");
    assert_eq!(tollhouse(there, &["snapshot", "import", archive]).status.code(), Some(2));
    let cited = succeed(there, &["cite", "mine"]);
    assert!(cited.contains("The Washington Post") && cited.contains("ODbL"), "{cited}");
}

#[test]
fn an_operator_may_keep_what_the_captures_say_of_persons_where_nothing_of_ours_looks() {
    let folder = tempfile::tempdir().unwrap();
    let root = &folder.path().join("root");
    let on = folder.path().join("tollhouse.toml");
    std::fs::write(&on, "restricted = true").unwrap();
    let on = ["--config", on.to_str().unwrap()];
    let header = "REPORTER_DEA_NO\tREPORTER_BUS_ACT\tREPORTER_NAME\tREPORTER_ADDL_CO_INFO\tREPORTER_ADDRESS1\t\
                  REPORTER_ADDRESS2\tREPORTER_CITY\tREPORTER_STATE\tREPORTER_ZIP\tREPORTER_COUNTY\tBUYER_DEA_NO\t\
                  BUYER_BUS_ACT\tBUYER_NAME\tBUYER_ADDL_CO_INFO\tBUYER_ADDRESS1\tBUYER_ADDRESS2\tBUYER_CITY\tBUYER_STATE\t\
                  BUYER_ZIP\tBUYER_COUNTY\tTRANSACTION_CODE\tDRUG_CODE\tNDC_NO\tDRUG_NAME\tMeasure\t\
                  MME_Conversion_Factor\tDosage_Strength\tTRANSACTION_DATE\tCombined_Labeler_Name\tReporter_family\t\
                  CALC_BASE_WT_IN_GM\tDOSAGE_UNIT\tMME\n";
    let row = |number: &str, activity: &str, name: &str| {
        format!(
            "RT1002005\tDISTRIBUTOR\tTOLLGATE\tnull\t1 A ST\tnull\tQUINCY\tMA\t02169\tNORFOLK\t{number}\t{activity}\t{name}\t\
             null\t2 B ST\tnull\tELIZABETH\tWV\t26143\tWIRT\tS\t9193\t00999010105\tHYDROCODONE\tTAB\t1.0\t10.0\t2015-01-04\t\
             LABS\tTOLLGATE\t0.6054\t100.0\t605.4\n"
        )
    };
    let rows = [row("BX1001001", "PRACTITIONER", "INVENTED, JANE"), row("BX3004001", "CHAIN PHARMACY", "CORNERSTONE")];
    let path = folder.path().join("a.tsv");
    std::fs::write(&path, header.to_owned() + &rows.concat()).unwrap();
    let path = path.to_str().unwrap();

    succeed(root, &["import", path]);
    assert!(!root.join("restricted").exists());
    succeed(root, &[&on[..], &["import", path]].concat());
    let kept = files(&root.join("restricted"));
    assert_eq!(kept.len(), 1, "{kept:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(root.join("restricted")).unwrap().permissions().mode() & 0o777, 0o700);
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(text(&kept[0].1).contains("INVENTED, JANE") && !text(&kept[0].1).contains("CORNERSTONE"));
    // Nothing else has it but the capture, and no query of ours reaches it.
    let named = files(root).into_iter().filter(|(path, bytes)| {
        !path.starts_with("raw") && !path.starts_with("restricted") && text(bytes).contains("INVENTED, JANE")
    });
    assert_eq!(named.count(), 0);
    let file = format!("select * from read_parquet('{}')", root.join("restricted").join(&kept[0].0).display());
    for sql in ["select * from restricted.arcos_transactions", &file] {
        assert_eq!(tollhouse(root, &["sql", sql]).status.code(), Some(2), "{sql}");
    }
    // Switched off again, the next run throws it away.
    succeed(root, &["import", path]);
    assert_eq!(files(&root.join("restricted")).len(), 0);
}
