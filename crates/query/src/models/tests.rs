use jiff::Timestamp;
use store::commit::{Outcome, Snapshot, manifest_path};

use super::*;
use crate::claim::{self, ClaimSet};
use crate::testing::{Tiny, lines};

/// Deaths beside murders of the same year; `nation` comes too where a test wants it.
const BESIDE: (&str, &str) = (
    "title = 'Deaths beside murders'\nrow = 'state, year'\ncolumns = ['state_fips', 'year', 'deaths', 'murder']\n\
     key = ['year', 'state_fips']\nperiod = 'year'\ncaveats = [\"It's derived.\"]",
    "SELECT deaths.state_fips, deaths.year, deaths.deaths, murders.murder
     FROM deaths
     JOIN (SELECT year, CAST(sum(murder) AS BIGINT) AS murder FROM cities GROUP BY year) AS murders
       ON murders.year = deaths.year",
);

const DEATHS: &str = "state_fips,year,deaths\n02,2015,50\n01,2016,112\n01,2015,101";
const CITIES: &str = "city,year,murder\nPortland,2015,14\nSalem,2015,2\nSalem,2016,3";

fn declared() -> Tiny {
    let mut tiny = Tiny::new();
    tiny.declare("beside", BESIDE.0, BESIDE.1);
    tiny
}

fn id(model: &str) -> DatasetId {
    model.parse().unwrap()
}

#[track_caller]
fn committed(outcome: Outcome) -> Snapshot {
    match outcome {
        Outcome::Committed(snapshot) => snapshot,
        Outcome::Unchanged(_) => panic!("nothing was committed"),
    }
}

#[track_caller]
fn manifest(tiny: &Tiny, model: &str) -> Manifest {
    let head = tiny.warehouse.head().unwrap().unwrap();
    tiny.warehouse.manifest(&head.datasets[&id(model)]).unwrap()
}

/// The error of the only model.
#[track_caller]
fn failure(made: BTreeMap<DatasetId, Became>) -> Error {
    match made.into_values().next().unwrap() {
        Became::Failed(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_model_comes_in_the_commit_of_its_inputs_ordered_by_its_key() {
    let tiny = declared();
    let (outcome, made) = tiny.run(&[("deaths", DEATHS), ("cities", CITIES)]).unwrap();
    let snapshot = committed(outcome);
    assert_eq!((snapshot.number, snapshot.datasets.len()), (1, 3));
    assert!(matches!(made[&id("beside")], Became::Built { rows: 3 }), "{made:?}");
    assert_eq!(lines(&tiny.session(), "FROM beside"), ["01,2015,101,16", "02,2015,50,16", "01,2016,112,3"]);
    let certificate = snapshot.gate.iter().find(|certificate| certificate.dataset == id("beside")).unwrap();
    assert!(certificate.checks.iter().any(|check| check.saw == "year, state_fips unique, never null"));
    assert!(tiny.warehouse.verify(None).unwrap().damage.iter().all(|line| !line.contains("tables/beside")));

    // The fields carry the vocabulary's ids, so that readers of later parts find them under any name.
    let slice = manifest(&tiny, "beside").slices.remove(0);
    let batch = part::read(&tiny.warehouse, &slice.parts[0]).unwrap();
    let ids: Vec<_> =
        batch.schema().fields().iter().map(|field| field.metadata()[model::column::FIELD_ID].clone()).collect();
    assert_eq!(ids, ["20", "10", "41", "101"]);
}

#[test]
fn verification_covers_the_parts_of_models() {
    let tiny = declared();
    tiny.run(&[("deaths", DEATHS), ("cities", CITIES)]).unwrap();
    let part = manifest(&tiny, "beside").slices[0].parts[0].path.clone();
    std::fs::remove_file(tiny.warehouse.root().join(&part)).unwrap();
    assert!(tiny.warehouse.verify(None).unwrap().damage.contains(&format!("{part} is missing")));
}

#[test]
fn the_same_inputs_give_the_same_parts_however_they_came() {
    let (one, two) = (declared(), declared());
    one.run(&[("deaths", DEATHS), ("cities", CITIES)]).unwrap();
    two.run(&[("cities", CITIES)]).unwrap();
    two.run(&[("deaths", DEATHS)]).unwrap();
    assert_eq!(manifest(&one, "beside").slices, manifest(&two, "beside").slices);
}

#[test]
fn what_did_not_change_is_left_and_what_changed_is_made_anew() {
    let mut tiny = declared();
    tiny.run(&[("deaths", DEATHS), ("cities", CITIES)]).unwrap();
    let first = manifest(&tiny, "beside");
    let (outcome, made) = tiny.run(&[]).unwrap();
    assert!(matches!(outcome, Outcome::Unchanged(_)));
    assert!(matches!(made[&id("beside")], Became::Kept));

    // Another dataset is none of its business.
    let (_, made) = tiny.run(&[("nation", "year,deaths\n2015,900")]).unwrap();
    assert!(matches!(made[&id("beside")], Became::Kept));
    assert_eq!(manifest(&tiny, "beside"), first);

    let (_, made) = tiny.run(&[("deaths", "state_fips,year,deaths\n01,2015,102")]).unwrap();
    assert!(matches!(made[&id("beside")], Became::Built { rows: 1 }), "{made:?}");
    assert_eq!(lines(&tiny.session(), "FROM beside"), ["01,2015,102,16"]);

    tiny.declare("beside", BESIDE.0, &format!("{}\n     WHERE deaths.year > 2015", BESIDE.1));
    let (outcome, made) = tiny.run(&[]).unwrap();
    committed(outcome);
    assert!(matches!(made[&id("beside")], Became::Built { rows: 0 }), "{made:?}");
    assert_eq!(lines(&tiny.session(), "SELECT count(*) FROM beside"), ["0"]);
}

#[test]
fn lineage_names_the_manifests_beside_it_and_terms_follow_it() {
    let tiny = declared();
    tiny.run(&[("deaths", DEATHS), ("cities", CITIES)]).unwrap();
    let head = tiny.warehouse.head().unwrap().unwrap();
    let session = tiny.session();
    assert_eq!(
        lines(&session, "SELECT model, input, manifest_sha256, sql_sha256, failed FROM meta.lineage ORDER BY input"),
        ["cities", "deaths"]
            .map(|input| { format!("beside,{input},{},{},", head.datasets[&id(input)], Digest::of(BESIDE.1)) })
    );
    let sql = "SELECT title, publisher, licence, citation, disclosure FROM meta.licences WHERE dataset = 'beside'";
    let terms = "Deaths beside murders,FBI; CDC,U.S. Government work,\"FBI, Cities; CDC, Deaths\",nchs";
    assert_eq!(lines(&session, sql), [terms]);
    assert_eq!(lines(&session, "SELECT caveat FROM meta.caveats WHERE dataset = 'beside'"), ["It's derived."]);
    let sql = "SELECT \"column\", unit FROM meta.columns WHERE dataset = 'beside' AND field_id = 41";
    assert_eq!(lines(&session, sql), ["deaths,deaths"]);

    let sql = "SELECT sum(murder) AS n FROM beside";
    let receipt = session.receipt(sql, &session.query(sql).unwrap()).unwrap();
    assert_eq!(receipt.datasets, [id("beside")]);
    let mut captures: Vec<_> = receipt.captures.into_iter().map(|capture| capture.exchange).collect();
    captures.sort();
    assert_eq!(captures, ["exchange-cities-r1", "exchange-deaths-r1"]);
}

#[test]
fn models_read_models_in_whatever_order_they_are_declared() {
    let mut tiny = Tiny::new();
    let years = "title = 'T'\nrow = 'year'\ncolumns = ['year', 'murder']\nkey = ['year']";
    tiny.declare("above", years, "SELECT year, murder FROM below WHERE year > 2015");
    tiny.declare("below", years, "SELECT year, CAST(sum(murder) AS BIGINT) AS murder FROM cities GROUP BY year");
    tiny.run(&[("cities", CITIES)]).unwrap();
    assert_eq!(lines(&tiny.session(), "FROM above"), ["2016,3"]);
    tiny.run(&[("cities", "city,year,murder\nSalem,2017,4")]).unwrap();
    assert_eq!(lines(&tiny.session(), "FROM above ORDER BY year"), ["2017,4"]);
    let terms = lines(&tiny.session(), "SELECT citation FROM meta.licences WHERE dataset = 'above'");
    assert_eq!(terms, ["\"FBI, Cities\""]);

    // A failure below is one above.
    tiny.declare("below", years, "SELECT year, nothing AS murder FROM cities");
    let (_, made) = tiny.run(&[]).unwrap();
    let Became::Failed(error) = &made[&id("above")] else { panic!("{made:?}") };
    assert!(error.to_string().contains("it reads the model below, which failed"), "{error}");

    tiny.declare("below", years, "SELECT year, murder FROM above");
    let (_, made) = tiny.run(&[]).unwrap();
    for model in ["above", "below"] {
        let Became::Failed(error) = &made[&id(model)] else { panic!("{made:?}") };
        assert!(error.to_string().contains("reads itself"), "{error}");
    }
}

#[test]
fn without_an_input_there_is_no_model() {
    let tiny = declared();
    let (outcome, made) = tiny.run(&[("deaths", DEATHS)]).unwrap();
    assert_eq!(committed(outcome).datasets.len(), 1);
    let Became::Waits(inputs) = &made[&id("beside")] else { panic!("{made:?}") };
    assert_eq!(inputs, &[id("cities")].into());
    assert!(tiny.session().query("FROM beside").unwrap_err().to_string().contains("beside"));
}

#[test]
fn a_model_that_is_no_longer_declared_leaves() {
    let mut tiny = declared();
    tiny.run(&[("deaths", DEATHS), ("cities", CITIES)]).unwrap();
    tiny.models.clear();
    let (outcome, made) = tiny.run(&[]).unwrap();
    assert!(matches!(made[&id("beside")], Became::Left));
    assert_eq!(committed(outcome).datasets.into_keys().collect::<Vec<_>>(), [id("cities"), id("deaths")]);
}

/// Runs a model that cannot be made over what one could be made from; the data are committed, and of the model only the
/// reason.
#[track_caller]
fn refused(columns: &str, sql: &str, kind: Kind, says: &str) {
    let mut tiny = declared();
    tiny.run(&[("deaths", DEATHS), ("cities", CITIES)]).unwrap();
    let toml = format!("title = 'T'\nrow = 'R'\ncolumns = [{columns}]\nkey = ['year']");
    tiny.declare("beside", &toml, sql);
    let (outcome, made) = tiny.run(&[("deaths", "state_fips,year,deaths\n01,2017,103")]).unwrap();
    let error = failure(made);
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains("warehouse/models/beside.sql"), "{error}");
    assert!(error.to_string().contains(says), "{error}");
    assert_eq!(committed(outcome).number, 2);
    assert!(manifest(&tiny, "beside").slices.is_empty(), "something stale stayed");
    let session = tiny.session();
    assert_eq!(lines(&session, "SELECT count(*) FROM deaths"), ["1"]);
    assert!(session.query("FROM beside").is_err());
    let failed = lines(&session, "SELECT DISTINCT failed FROM meta.lineage WHERE model = 'beside'");
    assert_eq!(failed.len(), 1);
    assert!(!failed[0].is_empty());

    // It is told of again, and commits nothing again.
    let (outcome, made) = tiny.run(&[]).unwrap();
    assert!(matches!(outcome, Outcome::Unchanged(_)));
    assert_eq!(failure(made).to_string(), error.to_string());
    // Once it is right, it is there.
    tiny.declare("beside", BESIDE.0, BESIDE.1);
    tiny.run(&[]).unwrap();
    assert_eq!(lines(&tiny.session(), "SELECT count(*) FROM beside"), ["0"]);
}

#[test]
fn a_model_that_cannot_be_made_does_not_stand_in_the_way_of_data() {
    let sum = "CAST(sum(deaths) AS BIGINT) AS deaths";
    refused(
        "'year', 'deaths'",
        "SELECT year, CAST(sum(deaths) - 99 AS BIGINT) AS deaths FROM deaths GROUP BY year",
        Kind::CheckFailed,
        "would show a count of 1-9",
    );
    refused("'year'", "SELECT yaer FROM deaths", Kind::Usage, "yaer");
    refused("'year'", "SELEKT year FROM deaths", Kind::Usage, "cannot be parsed");
    refused("'year'", "SELECT year FROM nowhere", Kind::Usage, "it reads no dataset");
    refused("'year', 'deaths'", "SELECT year FROM deaths", Kind::Usage, "the SQL returns year;");
    refused(
        "'year', 'deaths'",
        "SELECT year, sum(deaths) AS deaths FROM deaths GROUP BY year",
        Kind::Usage,
        "column `deaths` is DECIMAL(38,0), and the vocabulary says BIGINT",
    );
    refused("'year'", "SELECT CAST(NULL AS INTEGER) AS year FROM deaths", Kind::CheckFailed, "null in 1 rows");
    refused(
        "'year'",
        "SELECT year FROM deaths UNION ALL SELECT year FROM deaths",
        Kind::CheckFailed,
        "1 rows have the key of another: year",
    );
    // What is not of the data cannot be read: nobody would know when it changes.
    refused(
        "'year', 'deaths'",
        &format!("SELECT year, {sum} FROM deaths, meta.snapshots GROUP BY year"),
        Kind::Usage,
        "snapshots",
    );
}

#[test]
fn declarations_are_checked_before_anything_runs() {
    let vocabulary = Tiny::new().vocabulary;
    let check = |toml: &str, sql: &str, says: &str| {
        let error = Model::parse("m", toml, sql, &vocabulary).unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let text = format!("{error} {cause}");
        assert_eq!(error.kind(), Kind::Usage, "{text}");
        assert!(text.contains("warehouse/models/m.") && text.contains(says), "{text}");
    };
    let good = "title = 'T'\nrow = 'R'\ncolumns = ['year', 'deaths']\nkey = ['year']";
    let sql = "SELECT year, deaths FROM nation";
    Model::parse("m", good, sql, &vocabulary).unwrap();
    check(&good.replace("title", "titel"), sql, "titel");
    check(&good.replace("'deaths'", "'daeths'"), sql, "no column `daeths`");
    check(&good.replace("'deaths'", "'year'"), sql, "declared twice");
    check(&good.replace("key = ['year']", "key = []"), sql, "the key is empty");
    check(&good.replace("key = ['year']", "key = ['state']"), sql, "`state` is not a column of this model");
    check(&format!("{good}\nlicence = 'mine'"), sql, "licence");
    check(good, "SELECT year, deaths::BIGINT FROM nation", "`::` is not portable");
    check(good, "SELECT year, now() AS deaths FROM nation", "`NOW` may give another answer");
}

#[test]
fn what_rests_on_a_model_is_guarded_like_what_rests_on_its_inputs() {
    let tiny = declared();
    tiny.run(&[("deaths", DEATHS), ("cities", CITIES)]).unwrap();
    let set = |number: &str| {
        let text = format!(
            "title = 'T'\n[[claim]]\nid = 'c'\nnumber = 1\nstatement = 'S.'\ncitation = 'C.'\n[[claim.test]]\n\
             definition = 'D.'\nneeds = [{{ dataset = 'beside', year = 2015 }}]\nsql = \"SELECT {number} AS deaths FROM beside WHERE state_fips = '01' AND year = 2015\"\n\
             holds = 'yes'\nrefuted = 'no'\nexpect = [{{ column = 'deaths', above = 0 }}]"
        );
        ClaimSet::parse("s", &text).unwrap()
    };
    let session = tiny.session();
    claim::judge(&session, &set("deaths")).unwrap();
    let error = claim::judge(&session, &set("deaths - 100")).unwrap_err();
    assert_eq!(error.kind(), Kind::CheckFailed);
    assert!(error.to_string().contains("would show a count of 1-9 from beside"), "{error}");
}

#[test]
fn a_rival_that_changes_an_input_meanwhile_has_the_model_made_over_its_own() {
    let tiny = declared();
    tiny.run(&[("deaths", DEATHS), ("cities", CITIES)]).unwrap();
    // This run changes deaths; before its commit, a rival changes cities, twice.
    let staged = [tiny.stage("deaths", "r1", "state_fips,year,deaths\n01,2015,500", "publisher")];
    let rivals = ["city,year,murder\nSalem,2015,7", "city,year,murder\nSalem,2015,8"];
    let (mut maker, mut tries) = (tiny.maker(), 0);
    let outcome = tiny.warehouse.commit_with(&staged, "test", Timestamp::UNIX_EPOCH, &mut |draft| {
        let made = maker.make(draft)?;
        assert!(matches!(made[&id("beside")], Became::Built { rows: 1 }), "{made:?}");
        if let Some(rows) = rivals.get(tries) {
            tiny.run(&[("cities", rows)])?;
        }
        tries += 1;
        Ok(())
    });
    assert_eq!(tries, 3);
    assert_eq!(committed(outcome.unwrap()).number, 4);
    assert_eq!(lines(&tiny.session(), "FROM beside"), ["01,2015,500,8"]);
    // No snapshot, neither the rival's nor this, has a model over other manifests than its own.
    for number in tiny.warehouse.numbers().unwrap() {
        let snapshot = tiny.warehouse.snapshot(number).unwrap();
        let derived = tiny.warehouse.manifest(&snapshot.datasets[&id("beside")]).unwrap().derived.unwrap();
        assert!(derived.inputs.iter().all(|(input, digest)| snapshot.datasets.get(input) == Some(digest)));
    }
}

#[test]
fn a_rival_elsewhere_costs_no_second_making() {
    let tiny = declared();
    let staged = [tiny.stage("deaths", "r1", DEATHS, "publisher"), tiny.stage("cities", "r1", CITIES, "publisher")];
    let (mut maker, mut tries) = (tiny.maker(), 0);
    let outcome = tiny.warehouse.commit_with(&staged, "test", Timestamp::UNIX_EPOCH, &mut |draft| {
        let made = maker.make(draft)?;
        assert!(matches!(made[&id("beside")], Became::Built { rows: 3 }));
        tries += 1;
        if tries == 1 {
            tiny.run(&[("nation", "year,deaths\n2015,900")])?;
            // Were it made again, these could not be read; a commit looks only that they are there, at their length.
            for part in &staged[1].slices[0].parts {
                std::fs::write(tiny.warehouse.root().join(&part.path), vec![0; part.bytes.try_into().unwrap()])
                    .unwrap();
            }
        }
        Ok(())
    });
    assert_eq!((committed(outcome.unwrap()).number, tries), (2, 2));
}

#[test]
fn writers_of_different_inputs_at_the_same_time_leave_one_model_over_all() {
    let tiny = declared();
    tiny.run(&[("deaths", DEATHS), ("cities", CITIES)]).unwrap();
    std::thread::scope(|scope| {
        let (tiny, slices) =
            (&tiny, [("deaths", "state_fips,year,deaths\n01,2015,500"), ("cities", "city,year,murder\nSalem,2015,9")]);
        for slice in slices {
            scope.spawn(move || tiny.run(&[slice]).unwrap());
        }
    });
    assert_eq!(lines(&tiny.session(), "FROM beside"), ["01,2015,500,9"]);
    assert_eq!(tiny.warehouse.numbers().unwrap(), [1, 2, 3]);
}

#[test]
fn a_run_that_dies_before_the_commit_leaves_nothing_that_is_named() {
    let tiny = declared();
    let staged = [tiny.stage("deaths", "r1", DEATHS, "publisher"), tiny.stage("cities", "r1", CITIES, "publisher")];
    let died = tiny.warehouse.commit_with(&staged, "test", Timestamp::UNIX_EPOCH, &mut |draft| {
        tiny.maker().make(draft)?;
        let model = draft.snapshot().datasets[&id("beside")].clone();
        assert!(tiny.warehouse.files().exists(&manifest_path(&model))?, "it was made");
        Err(Error::new(Kind::Io, "the disk is full"))
    });
    assert_eq!(died.unwrap_err().kind(), Kind::Io);
    assert!(tiny.warehouse.head().unwrap().is_none());
    let (outcome, _) = tiny.run(&[("deaths", DEATHS), ("cities", CITIES)]).unwrap();
    assert_eq!(committed(outcome).number, 1);
}
