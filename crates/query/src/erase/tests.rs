//! Records that leave, and a warehouse beside a model of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::Kind;
use proptest::prelude::*;
use store::gc::Rules;

use super::*;
use crate::testing::{Tiny, lines};
use crate::{Session, explain};

/// Tells whose a capture is by the first column of its header; persons there are none.
struct ByHeader<'a> {
    tiny: &'a Tiny,
    column: &'static str,
}

impl Captures for ByHeader<'_> {
    fn persons(&self, _: &Slice, _: Take<'_>) -> Result<()> {
        Ok(())
    }

    fn whose(&self, capture: &Unnamed) -> Result<Whose> {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut self.tiny.warehouse.archive().open(&capture.sha256)?, &mut text).unwrap();
        Ok(match text.split(',').next() {
            Some(column) if column == self.column => Whose::Ours,
            Some("city" | "state_fips" | "year") => Whose::Others,
            _ => Whose::Unknown,
        })
    }
}

fn take(tiny: &Tiny, dataset: &str, condition: &str, apply: bool) -> Result<Told> {
    let column = match dataset {
        "cities" => "city",
        "deaths" => "state_fips",
        _ => "year",
    };
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
            captures: &ByHeader { tiny, column },
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
    let held = |what: &str| holding(&tiny, what);
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

/// The files below the root in which these bytes stand.
fn holding(tiny: &Tiny, what: &str) -> Vec<std::path::PathBuf> {
    let holds = |file: &std::path::PathBuf| {
        std::fs::read(file).unwrap().windows(what.len()).any(|window| window == what.as_bytes())
    };
    walk(tiny.warehouse.root()).into_iter().filter(holds).collect()
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
        "year IN (SELECT * FROM range(3000))",
    ] {
        assert_eq!(take(&tiny, "cities", bad, true).unwrap_err().kind(), Kind::Usage, "{bad}");
    }
    let error = take(&tiny, "summed", "year = 2014", true).unwrap_err();
    assert!(error.to_string().contains("is a model"), "{error}");
    assert_eq!(take(&tiny, "deaths", "year = 2014", true).unwrap_err().kind(), Kind::Usage, "no snapshot has it");
    assert_eq!(lines(&at(&tiny, 1), "SELECT count(*) FROM cities"), ["3"]);
}

#[test]
fn a_condition_that_may_say_otherwise_the_next_time_is_refused() {
    let tiny = portland();
    for (bad, word) in [
        ("random() < 0.5", "random"),
        ("year < year(now())", "now"),
        ("DATE '2014-01-01' < current_date", "current_date"),
        ("CAST(uuid() AS VARCHAR) > city", "uuid"),
        ("current_timestamp IS NULL", "current_timestamp"),
        ("ago(INTERVAL 1 DAY) IS NULL", "ago"),
    ] {
        let error = take(&tiny, "cities", bad, false).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{bad}");
        assert!(error.to_string().contains(&format!("`{word}`")), "{bad}: {error}");
    }
    take(&tiny, "cities", "lower(cities.city) LIKE 'port%' AND year IN (2014) AND murder BETWEEN 1 AND 99", false)
        .unwrap();
}

#[test]
fn what_no_snapshot_names_goes_whole_and_is_refused_from_then_on() {
    let tiny = portland();
    // Somebody died before his commit; the file of another dataset, and one of nobody knows whom, lie there too.
    let refused = "city,year,murder\nPortland,2015,27\nEugene,2015,1";
    tiny.stage("cities", "r2", refused, "publisher");
    tiny.stage("deaths", "r1", "state_fips,year,deaths\n54,2015,20", "publisher");
    let keep = |text: &str| {
        let mut spool = tiny.warehouse.archive().spool().unwrap();
        std::io::Write::write_all(&mut spool, text.as_bytes()).unwrap();
        tiny.warehouse.archive().keep(spool)
    };
    let strange = keep("what is this").unwrap();
    std::fs::create_dir_all(tiny.warehouse.root().join("quarantine/cities")).unwrap();
    std::fs::write(tiny.warehouse.root().join("quarantine/cities/x.parquet"), "Portland").unwrap();

    let told = take(&tiny, "cities", "city = 'Portland'", false).unwrap();
    assert_eq!(told.unnamed, BTreeSet::from([Digest::of(refused)]));
    assert_eq!((told.unknown.clone(), told.quarantine), (BTreeSet::from([strange]), 1));
    assert_eq!(told.others.len(), 0, "no other dataset has cities");
    assert!(!holding(&tiny, "Eugene").is_empty());
    let done = take(&tiny, "cities", "city = 'Portland'", true).unwrap();
    assert_eq!(done, Told { erasure: Some(1), ..told });
    for gone in ["Portland", "Eugene"] {
        assert_eq!(holding(&tiny, gone), Vec::<std::path::PathBuf>::new(), "{gone}");
    }
    assert!(keep(refused).unwrap_err().to_string().contains("may have, a record that was erased here"));
    keep("state_fips,year,deaths\n54,2015,20").unwrap();
    assert_eq!(tiny.warehouse.verify(None).unwrap().damage, Vec::<String>::new());
    let told = take(&tiny, "cities", "year = 2014", false).unwrap();
    let years = BTreeSet::from(["year".to_owned()]);
    assert_eq!(told.others, BTreeMap::from([("nation".parse().unwrap(), years)]));
}

#[test]
fn who_reads_a_snapshot_that_was_removed_keeps_an_erasure_away() {
    let tiny = Tiny::new();
    tiny.commit("cities", "r1", "city,year,murder\nPortland,2014,26\nSalem,2014,2");
    let reading = tiny.warehouse.reading(1).unwrap();
    tiny.commit("cities", "r1", "city,year,murder\nSalem,2014,2");
    let rules = Rules { newest: Some(1), ..Rules::default() };
    assert_eq!(tiny.warehouse.gc(&rules, true, Timestamp::UNIX_EPOCH).unwrap().read, [1]);
    let error = take(&tiny, "cities", "city = 'Portland'", true).unwrap_err();
    assert!(error.kind() == Kind::LostRace && error.to_string().contains("somebody reads snapshot 1"), "{error}");
    assert!(!holding(&tiny, "Portland").is_empty());
    drop(reading);
    assert_eq!(take(&tiny, "cities", "city = 'Portland'", true).unwrap().erasure, Some(1));
    assert_eq!(holding(&tiny, "Portland"), Vec::<std::path::PathBuf>::new());
    assert_eq!(tiny.warehouse.numbers().unwrap(), [2]);
}

#[test]
fn what_used_the_record_says_why_it_is_no_longer_there() {
    let tiny = portland();
    take(&tiny, "cities", "city = 'Portland'", true).unwrap();
    let session = at(&tiny, 1);
    let key = [("city", "Portland"), ("year", "2014")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let error = explain::cell(&session, &tiny.datasets, "cities", "murder", &key.into()).unwrap_err();
    let words = "erasure 1 of 1970-01-01: withdrawn";
    assert!(error.to_string().contains(words), "{error}");

    let chart = "title = 'Murders'\nkind = 'bar'\nsource = ['FBI']\nalt = 'Bars.'\n\
                 x = { column = 'year', label = 'Year' }\ny = { column = 'murder', label = 'Murders' }";
    let figure = |city: &str| {
        let sql = format!("SELECT year, murder FROM cities WHERE city = '{city}' ORDER BY year NULLS LAST");
        let spec = crate::figures::Spec::parse("murders", chart, &sql).unwrap();
        crate::figures::build(&session, &spec)
    };
    let drawn = figure("Salem").unwrap();
    assert!(
        drawn.svg.contains("Records were erased from its data") && drawn.svg.contains("withdrawn"),
        "{}",
        drawn.svg
    );
    assert_eq!(drawn.receipt.erased, [words]);
    let error = figure("Portland").unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
}

/// What is done to a warehouse.
#[derive(Debug, Clone)]
enum Step {
    /// A dataset of two, a release of two, and the values of two places.
    Commit(bool, bool, u8, u8),
    /// The same, by somebody who dies before his commit.
    Die(bool, bool, u8, u8),
    Pin(u8, u8),
    Unpin(u8),
    /// How many snapshots stay, whether old captures go, and whether somebody reads the oldest meanwhile.
    Gc(usize, bool, bool),
    Erase(bool, bool),
    Verify,
}

fn step() -> impl Strategy<Value = Step> {
    let values = || (any::<bool>(), any::<bool>(), 10..14u8, 10..14u8);
    prop_oneof![
        5 => values().prop_map(|(a, b, c, d)| Step::Commit(a, b, c, d)),
        1 => values().prop_map(|(a, b, c, d)| Step::Die(a, b, c, d)),
        2 => (0..3u8, any::<u8>()).prop_map(|(name, of)| Step::Pin(name, of)),
        1 => (0..3u8).prop_map(Step::Unpin),
        2 => (1..4usize, any::<bool>(), any::<bool>()).prop_map(|(keep, old, read)| Step::Gc(keep, old, read)),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(a, b)| Step::Erase(a, b)),
        1 => Just(Step::Verify),
    ]
}

/// A slice: the file that it was read from, and what is left of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Read {
    text: String,
    rows: BTreeMap<&'static str, u8>,
}

type State = BTreeMap<(&'static str, &'static str), Read>;

/// What a warehouse should be.
#[derive(Debug, Default)]
struct Expected {
    snapshots: BTreeMap<u64, State>,
    last: u64,
    pins: BTreeMap<String, u64>,
    /// Files that lie in the archive, with the dataset that each is of.
    held: BTreeMap<String, &'static str>,
    /// Files that hold, or may hold, what was erased.
    erased: BTreeSet<String>,
}

/// Two datasets, each with the name of its places, two of them under names that stand nowhere else, and its count.
const TABLES: [(&str, &str, [&str; 2], &str); 2] = [
    ("cities", "city", ["Canary-Portland", "Canary-Salem"], "murder"),
    ("deaths", "state_fips", ["Canary-01", "Canary-54"], "deaths"),
];

const RELEASES: [&str; 2] = ["r1", "r2"];

impl Expected {
    fn take(&mut self, tiny: &Tiny, step: &Step) {
        let now = Timestamp::UNIX_EPOCH;
        match step {
            Step::Commit(table, release, first, second) | Step::Die(table, release, first, second) => {
                let (dataset, place, places, count) = TABLES[usize::from(*table)];
                let release = RELEASES[usize::from(*release)];
                let text = format!("{place},year,{count}\n{},2014,{first}\n{},2014,{second}", places[0], places[1]);
                if self.erased.contains(&text) {
                    let mut spool = tiny.warehouse.archive().spool().unwrap();
                    std::io::Write::write_all(&mut spool, text.as_bytes()).unwrap();
                    assert_eq!(tiny.warehouse.archive().keep(spool).unwrap_err().kind(), Kind::CheckFailed);
                    return;
                }
                self.held.insert(text.clone(), dataset);
                let staged = tiny.stage(dataset, release, &text, "publisher");
                if matches!(step, Step::Die(..)) {
                    return;
                }
                tiny.warehouse.commit(&[staged], "test", now).unwrap();
                let mut state = self.snapshots.get(&self.last).cloned().unwrap_or_default();
                let read = Read { text, rows: BTreeMap::from([(places[0], *first), (places[1], *second)]) };
                if state.insert((dataset, release), read.clone()) != Some(read) {
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
            Step::Gc(keep, old, read) => {
                let oldest = self.snapshots.keys().next().filter(|_| *read);
                let _reading = oldest.map(|number| tiny.warehouse.reading(*number).unwrap());
                let rules = Rules { newest: Some(*keep), captures_days: old.then_some(0), ..Rules::default() };
                let report = tiny.warehouse.gc(&rules, true, now).unwrap();
                assert!(report.applied);
                let newest: BTreeSet<u64> = self.snapshots.keys().rev().take(*keep).copied().collect();
                self.snapshots.retain(|number, _| newest.contains(number) || self.pins.values().any(|of| of == number));
                // Which go is no business of this model: those that a snapshot names must stay.
                self.held.retain(|text, _| tiny.warehouse.archive().has(&Digest::of(text)).unwrap());
                assert!(self.named().is_subset(&self.held.keys().cloned().collect()));
            }
            Step::Erase(table, which) => self.erase(tiny, *table, *which),
            Step::Verify => assert_eq!(tiny.warehouse.verify(None).unwrap().damage, Vec::<String>::new()),
        }
    }

    /// The files that snapshots name and that are still there.
    fn named(&self) -> BTreeSet<String> {
        let read = self.snapshots.values().flat_map(BTreeMap::values).map(|read| &read.text);
        read.filter(|text| !self.erased.contains(*text)).cloned().collect()
    }

    fn erase(&mut self, tiny: &Tiny, table: bool, which: bool) {
        let (dataset, place, places, _) = TABLES[usize::from(table)];
        let gone = places[usize::from(which)];
        let named = self.named();
        let unnamed = self.held.iter().filter(|(text, of)| **of == dataset && !named.contains(*text));
        let mut going: BTreeSet<String> = unnamed.map(|(text, _)| text.clone()).collect();
        let slices = self.snapshots.values_mut().flat_map(BTreeMap::iter_mut);
        for (_, read) in slices.filter(|((of, _), _)| *of == dataset) {
            if read.rows.remove(gone).is_some() {
                going.insert(read.text.clone());
            }
        }
        let loaded = self.snapshots.values().flat_map(BTreeMap::keys).any(|(of, _)| *of == dataset);
        match take(tiny, dataset, &format!("{place} = '{gone}'"), true) {
            Ok(told) => assert_eq!(told.erasure.is_some(), !going.is_empty()),
            Err(error) => assert!(!loaded && going.is_empty() && error.kind() == Kind::Usage, "{error}"),
        }
        self.held.retain(|text, _| !going.contains(text));
        self.erased.extend(going);
        assert_eq!(holding(tiny, gone), Vec::<std::path::PathBuf>::new(), "{gone} is still there");
        let left = |text: &String| tiny.warehouse.archive().has(&Digest::of(text)).unwrap();
        assert!(self.held.keys().all(left), "no other file went");
    }

    /// Every snapshot reads as it should, under each of its names, and those that were removed say so.
    fn check(&self, tiny: &Tiny) {
        assert_eq!(tiny.warehouse.numbers().unwrap(), self.snapshots.keys().copied().collect::<Vec<_>>());
        for number in 1..=self.last {
            if !self.snapshots.contains_key(&number) {
                let error = tiny.warehouse.reading(number).err().unwrap();
                assert!(error.to_string().contains("was removed"), "{error}");
            }
        }
        let pins: BTreeMap<String, u64> =
            tiny.warehouse.pins().unwrap().into_iter().map(|pin| (pin.name, pin.snapshot)).collect();
        assert_eq!(pins, self.pins);
        let names = self.snapshots.keys().map(|number| (number.to_string(), *number));
        for (name, number) in names.chain(pins) {
            let reading = tiny.warehouse.resolve(Some(&name)).unwrap();
            assert_eq!(reading.number, number);
            let session = Session::open(&tiny.warehouse, reading, &tiny.datasets, &tiny.vocabulary).unwrap();
            self.check_reads(&session, &name, &self.snapshots[&number]);
        }
    }

    fn check_reads(&self, session: &Session, name: &str, state: &State) {
        for (dataset, place, _, count) in TABLES {
            let rows = |release: &str, read: &Read| -> Vec<String> {
                read.rows.iter().map(|(of, n)| format!("{release},{of},{n}")).collect()
            };
            let all = RELEASES.iter().filter_map(|release| Some((*release, state.get(&(dataset, *release))?)));
            let all = all.filter(|(_, read)| !read.rows.is_empty()).map(|(release, read)| rows(release, read));
            let all: Vec<Vec<String>> = all.collect();
            let sql = |schema: &str| format!("SELECT release, {place}, {count} FROM {schema}.{dataset} ORDER BY 1, 2");
            assert_eq!(lines(session, &sql("history")), all.concat(), "{name}");
            // All are of one year.
            assert_eq!(lines(session, &sql("main")), all.last().cloned().unwrap_or_default(), "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_snapshot_reads_as_the_model_says(steps in proptest::collection::vec(step(), 1..16)) {
        let tiny = Tiny::new();
        let mut expected = Expected::default();
        for step in &steps {
            expected.take(&tiny, step);
            expected.check(&tiny);
        }
    }
}
