//! Records that leave, and a warehouse beside a model of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::Kind;
use proptest::prelude::*;
use store::gc::Rules;

use super::*;
use crate::testing::{Tiny, lines};
use crate::{Session, explain};

fn take(tiny: &Tiny, dataset: &str, condition: &str, apply: bool) -> Result<Told> {
    let dataset = dataset.parse()?;
    erase(
        &Request {
            warehouse: &tiny.warehouse,
            dataset: &dataset,
            condition,
            reason: "withdrawn",
            program: "test",
            now: Timestamp::UNIX_EPOCH,
            datasets: &tiny.datasets,
            vocabulary: &tiny.vocabulary,
        },
        apply,
    )
}

fn at(tiny: &Tiny, number: u64) -> Session {
    let reading = tiny.warehouse.reading(number).unwrap();
    Session::open(&tiny.warehouse, reading, &tiny.datasets, &tiny.vocabulary).unwrap()
}

const SUMMED: &str = "title = 'Sums'
    row = 'year'
    columns = ['year', 'murder']
    key = ['year']";

/// Two snapshots with a city that is to go, the first pinned, and a model that sums it.
fn portland() -> Tiny {
    let mut tiny = Tiny::new();
    let sql = "SELECT year, CAST(sum(murder) AS BIGINT) AS murder FROM cities GROUP BY year";
    tiny.declare("summed", SUMMED, sql);
    tiny.run(&[("cities", "city,year,murder\nPortland,2014,26\nSalem,2014,2\nSalem,2015,3")]).unwrap();
    tiny.warehouse.add_pin("article", 1, Timestamp::UNIX_EPOCH).unwrap();
    tiny.run(&[("nation", "year,deaths\n2014,100")]).unwrap();
    tiny
}

#[test]
fn a_record_leaves_every_snapshot_its_capture_and_what_was_made_of_it() {
    let tiny = portland();
    let sums = "SELECT year, murder FROM summed ORDER BY 1";
    assert_eq!(lines(&at(&tiny, 1), sums), ["2014,28", "2015,3"]);
    let held = |what: &str| {
        let mut found = Vec::new();
        for file in walk(tiny.warehouse.root()) {
            let bytes = std::fs::read(&file).unwrap();
            if bytes.windows(what.len()).any(|window| window == what.as_bytes()) {
                found.push(file);
            }
        }
        found
    };
    assert!(!held("Portland").is_empty());

    // Only told: nothing is touched.
    let told = take(&tiny, "cities", "city = 'Portland'", false).unwrap();
    assert_eq!((told.erasure, told.rows.clone()), (None, BTreeMap::from([("cities".to_owned(), 1)])));
    assert_eq!(lines(&at(&tiny, 1), "SELECT count(*) FROM cities"), ["3"]);

    let done = take(&tiny, "cities", "city = 'Portland'", true).unwrap();
    assert_eq!(done, Told { erasure: Some(1), ..told });
    assert_eq!(done.snapshots, BTreeSet::from([1, 2]));
    assert_eq!(done.pins, BTreeSet::from(["article".to_owned()]));
    assert_eq!(done.models.iter().map(ToString::to_string).collect::<Vec<_>>(), ["summed"]);
    for number in [1, 2] {
        let session = at(&tiny, number);
        assert_eq!(
            lines(&session, "SELECT city, year, murder FROM cities ORDER BY 2"),
            ["Salem,2014,2", "Salem,2015,3"]
        );
        assert_eq!(lines(&session, sums), ["2014,2", "2015,3"]);
        let told = "SELECT erasure, reason, \"table\", \"rows\" FROM meta.erasures";
        assert_eq!(lines(&session, told), ["1,withdrawn,cities,1"]);
    }
    assert_eq!(held("Portland"), Vec::<std::path::PathBuf>::new(), "in no file at all");
    assert_eq!(tiny.warehouse.verify(None).unwrap().damage, Vec::<String>::new());
    // Who asks again finds nothing; who uses what is left is told.
    assert!(take(&tiny, "cities", "city = 'Portland'", true).unwrap().captures.is_empty());
    let session = at(&tiny, 1);
    let answer = session.query(sums).unwrap();
    let receipt = session.receipt(sums, &answer).unwrap();
    assert_eq!(receipt.erased, ["erasure 1 of 1970-01-01: withdrawn"]);
    let explained = explain::cell(
        &session,
        &tiny.datasets,
        "cities",
        "murder",
        &BTreeMap::from([("city".to_owned(), "Salem".to_owned()), ("year".to_owned(), "2014".to_owned())]),
    );
    let explained = explained.unwrap();
    assert_eq!(explained.erased, receipt.erased);
    assert_eq!(explained.sources[0].captures[0].erased, Some(1));
    drop(session);

    // The publisher still has it: its file does not come back in.
    let text = "city,year,murder\nPortland,2014,26\nSalem,2014,2\nSalem,2015,3";
    let mut spool = tiny.warehouse.archive().spool().unwrap();
    std::io::Write::write_all(&mut spool, text.as_bytes()).unwrap();
    let error = tiny.warehouse.archive().keep(spool).unwrap_err();
    assert_eq!(error.kind(), Kind::CheckFailed);
    assert!(error.to_string().contains("erasure 1"), "{error}");
    // Without it, it does, and the next commit builds on what is left.
    tiny.run(&[("cities", "city,year,murder\nSalem,2014,2\nSalem,2015,4")]).unwrap();
    assert_eq!(lines(&at(&tiny, 3), sums), ["2014,2", "2015,4"]);
    assert_eq!(lines(&at(&tiny, 2), sums), ["2014,2", "2015,3"]);
    assert_eq!(tiny.warehouse.verify(None).unwrap().damage, Vec::<String>::new());
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn who_reads_keeps_an_erasure_away_and_so_does_who_writes() {
    let tiny = portland();
    let session = at(&tiny, 1);
    let error = take(&tiny, "cities", "city = 'Portland'", true).unwrap_err();
    assert_eq!(error.kind(), Kind::LostRace, "{error}");
    assert_eq!(lines(&session, "SELECT count(*) FROM cities"), ["3"]);
    drop(session);
    let writer =
        Warehouse::open_or_create(tiny.warehouse.root(), tiny.warehouse.origin(), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(take(&tiny, "cities", "city = 'Portland'", true).unwrap_err().kind(), Kind::LostRace);
    drop(writer);
    take(&tiny, "cities", "city = 'Portland'", true).unwrap();
}

#[test]
fn a_condition_reads_the_rows_of_one_table_and_nothing_else() {
    let tiny = portland();
    for bad in [
        "year IN (SELECT year FROM nation)",
        "city = 'Portland') OR (SELECT true FROM read_csv('/etc/passwd')",
        "true; DROP TABLE erased",
        "nothing = 1",
    ] {
        assert_eq!(take(&tiny, "cities", bad, true).unwrap_err().kind(), Kind::Usage, "{bad}");
    }
    let error = take(&tiny, "summed", "year = 2014", true).unwrap_err();
    assert!(error.to_string().contains("is a model"), "{error}");
    assert_eq!(take(&tiny, "deaths", "year = 2014", true).unwrap_err().kind(), Kind::Usage, "no snapshot has it");
    assert_eq!(lines(&at(&tiny, 1), "SELECT count(*) FROM cities"), ["3"]);
}

/// What is done to a warehouse.
#[derive(Debug, Clone)]
enum Step {
    /// A dataset of two, a release of two, and the values of two places.
    Commit(bool, bool, u8, u8),
    Pin(u8, u8),
    Unpin(u8),
    Gc(usize),
    Erase(bool, bool),
    Verify,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), any::<bool>(), 10..14u8, 10..14u8).prop_map(|(a, b, c, d)| Step::Commit(a, b, c, d)),
        2 => (0..3u8, any::<u8>()).prop_map(|(name, of)| Step::Pin(name, of)),
        1 => (0..3u8).prop_map(Step::Unpin),
        2 => (1..4usize).prop_map(Step::Gc),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(a, b)| Step::Erase(a, b)),
        1 => Just(Step::Verify),
    ]
}

type State = BTreeMap<(&'static str, &'static str), BTreeMap<&'static str, u8>>;

/// What a warehouse should be.
#[derive(Debug, Default)]
struct Expected {
    snapshots: BTreeMap<u64, State>,
    last: u64,
    pins: BTreeMap<String, u64>,
    /// Files that hold what was erased.
    erased: BTreeSet<String>,
}

const TABLES: [(&str, &str, [&str; 2], &str); 2] =
    [("cities", "city", ["Portland", "Salem"], "murder"), ("deaths", "state_fips", ["01", "54"], "deaths")];

impl Expected {
    fn take(&mut self, tiny: &Tiny, step: &Step) {
        let now = Timestamp::UNIX_EPOCH;
        match step {
            Step::Commit(table, release, first, second) => {
                let (dataset, place, places, count) = TABLES[usize::from(*table)];
                let release = ["r1", "r2"][usize::from(*release)];
                let text = format!("{place},year,{count}\n{},2014,{first}\n{},2014,{second}", places[0], places[1]);
                if self.erased.contains(&text) {
                    return;
                }
                let staged = tiny.stage(dataset, release, &text, "publisher");
                tiny.warehouse.commit(&[staged], "test", now).unwrap();
                let mut state = self.snapshots.get(&self.last).cloned().unwrap_or_default();
                let rows = BTreeMap::from([(places[0], *first), (places[1], *second)]);
                if state.insert((dataset, release), rows.clone()) != Some(rows) {
                    self.last += 1;
                    self.snapshots.insert(self.last, state);
                }
            }
            Step::Pin(name, of) => {
                let live: Vec<u64> = self.snapshots.keys().copied().collect();
                let Some(number) = live.get(usize::from(*of) % live.len().max(1)) else { return };
                let name = format!("pin{name}");
                let pinned = tiny.warehouse.add_pin(&name, *number, now);
                let held = *self.pins.entry(name).or_insert(*number);
                assert_eq!(pinned.is_ok(), held == *number);
            }
            Step::Unpin(name) => {
                let name = format!("pin{name}");
                assert_eq!(tiny.warehouse.remove_pin(&name).is_ok(), self.pins.remove(&name).is_some());
            }
            Step::Gc(keep) => {
                let rules = Rules { newest: Some(*keep), ..Rules::default() };
                let report = tiny.warehouse.gc(&rules, true, now).unwrap();
                assert!(report.applied);
                let newest: BTreeSet<u64> = self.snapshots.keys().rev().take(*keep).copied().collect();
                self.snapshots.retain(|number, _| newest.contains(number) || self.pins.values().any(|of| of == number));
            }
            Step::Erase(table, which) => {
                let (dataset, place, places, count) = TABLES[usize::from(*table)];
                let gone = places[usize::from(*which)];
                let mut there = false;
                for rows in
                    self.snapshots.values_mut().flat_map(|state| state.iter_mut()).filter(|((of, _), _)| *of == dataset)
                {
                    let rows = rows.1;
                    if rows.contains_key(gone) && rows.len() == 2 {
                        self.erased.insert(format!(
                            "{place},year,{count}\n{},2014,{}\n{},2014,{}",
                            places[0], rows[places[0]], places[1], rows[places[1]]
                        ));
                    }
                    there |= rows.remove(gone).is_some();
                }
                let held = self.snapshots.values().any(|state| state.keys().any(|(of, _)| *of == dataset));
                match take(tiny, dataset, &format!("{place} = '{gone}'"), true) {
                    Ok(told) => assert_eq!(told.erasure.is_some(), there),
                    Err(error) => assert!(!held && error.kind() == Kind::Usage, "{error}"),
                }
            }
            Step::Verify => assert_eq!(tiny.warehouse.verify(None).unwrap().damage, Vec::<String>::new()),
        }
    }

    /// Every snapshot reads as it should, and those that were removed say so.
    fn check(&self, tiny: &Tiny) {
        assert_eq!(tiny.warehouse.numbers().unwrap(), self.snapshots.keys().copied().collect::<Vec<_>>());
        for number in 1..=self.last {
            let Some(state) = self.snapshots.get(&number) else {
                let error = tiny.warehouse.reading(number).err().unwrap();
                assert!(error.to_string().contains("was removed"), "{error}");
                continue;
            };
            let session = at(tiny, number);
            for (dataset, place, _, count) in TABLES {
                let sql = format!("SELECT release, {place}, {count} FROM history.{dataset} ORDER BY 1, 2");
                let rows = state.iter().filter(|((of, _), _)| *of == dataset);
                let rows =
                    rows.flat_map(|((_, release), rows)| rows.iter().map(move |(of, n)| format!("{release},{of},{n}")));
                assert_eq!(lines(&session, &sql), rows.collect::<Vec<_>>(), "snapshot {number}");
            }
        }
        let pins: BTreeMap<String, u64> =
            tiny.warehouse.pins().unwrap().into_iter().map(|pin| (pin.name, pin.snapshot)).collect();
        assert_eq!(pins, self.pins);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_snapshot_reads_as_the_model_says(steps in proptest::collection::vec(step(), 1..14)) {
        let tiny = Tiny::new();
        let mut expected = Expected::default();
        for step in &steps {
            expected.take(&tiny, step);
            expected.check(&tiny);
        }
    }
}
