use super::*;
use crate::Origin;

struct Fixture {
    folder: tempfile::TempDir,
    ledger: Ledger,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn warehouse(root: &Path) -> Warehouse {
    Warehouse::open_or_create(root, Origin::Replica, at(0)).unwrap()
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, _) = Ledger::open(&warehouse(folder.path()), at(0)).unwrap();
        Self { folder, ledger }
    }

    /// Another process.
    fn another(&self) -> Ledger {
        Ledger::open(&warehouse(self.folder.path()), at(0)).unwrap().0
    }
}

/// No host.
fn none() -> BTreeSet<String> {
    BTreeSet::new()
}

fn order(second: i64) -> Order {
    Order { trigger: Trigger::Schedule, not_before: at(second), deadline: at(second + 3600), what: None }
}

fn due(second: i64, decision: Decision, run: Option<Order>) -> Decided {
    Decided { due: at(second), through: at(second), count: 1, decision, run }
}

fn over(state: State) -> Outcome {
    Outcome::Over(Ended::well(state, Some(7)))
}

#[test]
fn a_due_time_is_decided_once_whoever_asks() {
    let mut one = Fixture::new();
    let mut two = one.another();
    let run = || (vec![due(10, Decision::Run, Some(order(10)))], at(10));
    assert_eq!(one.ledger.decide("a", at(11), &mut |_| run()).unwrap(), 1);
    // The other looked before: what it decided is passed over.
    assert_eq!(two.decide("a", at(11), &mut |_| (vec![due(10, Decision::Missed, None)], at(10))).unwrap(), 0);
    assert_eq!(two.decide("a", at(11), &mut |_| run()).unwrap(), 0);
    let lines = two.due(Some("a"), 10).unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].decision.as_str(), lines[0].run.as_deref()), ("run", Some("a@20231114T221330Z")));
    two.decide("a", at(12), &mut |standing| {
        assert_eq!((standing.through, standing.paused, standing.open), (Some(at(10)), false, 1));
        (Vec::new(), at(12))
    })
    .unwrap();
}

#[test]
fn of_a_job_one_run_goes_at_a_time_and_one_claims_it() {
    let mut one = Fixture::new();
    let mut two = one.another();
    let first = one.ledger.order("a", &order(0), at(0)).unwrap();
    let second = one.ledger.order("a", &order(0), at(0)).unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(two.ready(at(0)).unwrap().len(), 1, "the second waits for the first");
    let claim = one.ledger.claim(&first.id, "one", &none(), at(1)).unwrap().unwrap();
    assert_eq!((claim.token, claim.attempt), (1, 1));
    assert_eq!(two.claim(&first.id, "two", &none(), at(1)).unwrap(), None);
    assert_eq!(two.claim(&second.id, "two", &none(), at(1)).unwrap(), None);
    assert!(two.ready(at(5)).unwrap().is_empty());
    for what in [r#"{"url":"u","bytes":40,"unchanged":false}"#, r#"{"url":"u","bytes":2,"unchanged":true}"#] {
        one.ledger.step(&claim.run, claim.attempt, "fetch", what, at(2)).unwrap();
    }
    assert_eq!(one.ledger.steps(&claim.run).unwrap().len(), 2);
    assert!(one.ledger.end(&claim, &over(State::Succeeded), at(9)).unwrap());
    let asked = two.asked().unwrap();
    assert_eq!((asked[0].job.as_str(), asked[0].requests, asked[0].bytes), ("a", 2, 40));
    let counted = two.counted().unwrap();
    assert_eq!((counted[0].state.as_str(), counted[0].runs, counted[0].milliseconds), ("succeeded", 1, 8_000));
    assert_eq!(two.last_well().unwrap(), [("a".to_owned(), at(9))]);
    assert!(!one.ledger.end(&claim, &over(State::Failed), at(9)).unwrap(), "what has ended has ended");
    let ended = two.run(&first.id).unwrap().unwrap();
    assert_eq!((ended.state, ended.snapshot, ended.ended), (State::Succeeded, Some(7), Some(at(9))));
    assert!(two.claim(&second.id, "two", &none(), at(10)).unwrap().is_some());
}

#[test]
fn whoever_slept_while_another_took_over_holds_nothing() {
    let mut one = Fixture::new();
    let mut two = one.another();
    let run = one.ledger.order("a", &order(0), at(0)).unwrap();
    let old = one.ledger.claim(&run.id, "one", &none(), at(0)).unwrap().unwrap();
    let seen = two.beats().unwrap().remove(0);
    assert!(one.ledger.beat(std::slice::from_ref(&old)).unwrap().is_empty());
    assert!(!two.bury(&seen, at(60), at(60)).unwrap(), "it has shown a sign of life since");
    let seen = two.beats().unwrap().remove(0);
    assert!(two.bury(&seen, at(60), at(60)).unwrap());
    let new = two.claim(&run.id, "two", &none(), at(61)).unwrap().unwrap();
    assert!(new.token > old.token);
    assert!(!one.ledger.holds(&old.run, old.token).unwrap());
    assert_eq!(one.ledger.beat(std::slice::from_ref(&old)).unwrap(), std::slice::from_ref(&old));
    assert!(!one.ledger.end(&old, &over(State::Succeeded), at(62)).unwrap());
    assert!(two.holds(&new.run, new.token).unwrap());
    let attempts = two.attempts(&run.id).unwrap();
    let told: Vec<_> = attempts.iter().map(|one| (one.holder.as_str(), one.outcome.as_deref())).collect();
    assert_eq!(told, [("one", Some("died")), ("two", None)]);
}

#[test]
fn what_a_clock_decided_that_was_ahead_is_taken_back_unless_it_ran() {
    let mut one = Fixture::new();
    let far = 1_000_000;
    one.ledger
        .decide("a", at(far), &mut |_| {
            (
                vec![
                    due(far - 30, Decision::Covered, None),
                    due(far - 20, Decision::Run, Some(order(far - 20))),
                    due(far - 10, Decision::Run, Some(order(far - 10))),
                ],
                at(far),
            )
        })
        .unwrap();
    let ran = one.ledger.ready(at(far)).unwrap().remove(0);
    let claim = one.ledger.claim(&ran.id, "one", &none(), at(far)).unwrap().unwrap();
    one.ledger.end(&claim, &over(State::Succeeded), at(far)).unwrap();
    assert_eq!(one.ledger.rewind(at(5)).unwrap(), 2);
    let left = one.ledger.due(None, 10).unwrap();
    assert_eq!(left.iter().map(|line| line.due).collect::<Vec<_>>(), [at(far - 20)]);
    assert_eq!(one.ledger.jobs().unwrap()["a"].through, Some(at(5)));
    assert!(one.ledger.ready(at(far)).unwrap().is_empty());
}

#[test]
fn an_attempt_that_may_be_repeated_waits_and_one_whose_time_is_over_fails() {
    let mut one = Fixture::new();
    let run = one.ledger.order("a", &order(0), at(0)).unwrap();
    let claim = one.ledger.claim(&run.id, "one", &none(), at(0)).unwrap().unwrap();
    let why = Ended {
        state: State::Failed,
        kind: Some("unreachable".to_owned()),
        message: Some("no answer".to_owned()),
        hint: None,
        snapshot: None,
    };
    assert!(one.ledger.end(&claim, &Outcome::Again { at: at(100), why }, at(1)).unwrap());
    assert!(one.ledger.ready(at(99)).unwrap().is_empty());
    assert_eq!(one.ledger.next_ready().unwrap(), Some(at(100)));
    assert_eq!(one.ledger.ready(at(100)).unwrap().len(), 1);
    assert!(one.ledger.expire(at(3599)).unwrap().is_empty());
    assert_eq!(one.ledger.expire(at(3600)).unwrap().len(), 1);
    let run = one.ledger.run(&run.id).unwrap().unwrap();
    assert_eq!((run.state, run.message.as_deref()), (State::Failed, Some("no answer; its deadline passed")));
}

#[test]
fn hosts_that_fail_are_left_alone_and_forgiven() {
    let mut one = Fixture::new();
    for failures in 1..=3 {
        one.ledger.host_failed("a.example", 3, at(500), "no answer", at(0)).unwrap();
        let breaker = one.ledger.breaker("a.example").unwrap().unwrap();
        assert_eq!((breaker.failures, breaker.until), (failures, (failures == 3).then(|| at(500))));
    }
    one.ledger.host_answered("a.example").unwrap();
    assert_eq!(one.ledger.breakers().unwrap(), []);
}

#[test]
fn an_alarm_is_up_once_and_comes_again_after_it_was_cleared() {
    let mut one = Fixture::new();
    let alarm = |second: i64| Alarm {
        name: "stale".to_owned(),
        subject: "a".to_owned(),
        raised: at(second),
        cleared: None,
        text: "old".to_owned(),
        next: "tollhouse run a".to_owned(),
    };
    assert!(one.ledger.raise(&alarm(0)).unwrap());
    assert!(!one.ledger.raise(&alarm(5)).unwrap());
    assert_eq!(one.ledger.alarms(false).unwrap(), [alarm(0)]);
    let untold = one.ledger.untold().unwrap();
    assert_eq!(untold.len(), 1);
    one.ledger.told(untold[0].0, &untold[0].1).unwrap();
    assert!(one.ledger.untold().unwrap().is_empty());
    assert!(one.ledger.clear("stale", "a", at(9)).unwrap());
    let untold = one.ledger.untold().unwrap();
    assert_eq!(untold[0].1.cleared, Some(at(9)));
    one.ledger.told(untold[0].0, &untold[0].1).unwrap();
    assert!(one.ledger.untold().unwrap().is_empty());
    assert!(!one.ledger.clear("stale", "a", at(9)).unwrap());
    assert!(one.ledger.raise(&alarm(20)).unwrap());
    assert_eq!(one.ledger.alarms(true).unwrap().len(), 2);
}

#[test]
fn a_damaged_file_is_set_aside_and_a_full_disk_changes_nothing() {
    let mut one = Fixture::new();
    one.ledger.order("a", &order(0), at(0)).unwrap();
    // The database may not grow: as on a full disk.
    one.ledger.fill_disk(true).unwrap();
    let error = (0..10_000)
        .find_map(|second| one.ledger.step("a", 1, "fetch", &"x".repeat(2000), at(second)).err())
        .expect("the disk is full");
    assert_eq!(error.kind(), Kind::Io);
    assert!(error.is_retryable() && error.to_string().contains(state::FILE), "{error}");
    assert_eq!(one.ledger.runs(&Filter { limit: 9, ..Filter::default() }).unwrap().len(), 1);

    let path = one.folder.path().join(state::FILE);
    let folder = one.folder;
    drop(one.ledger);
    for damage in ["not a database, and long enough to be taken for one ".repeat(400), "SQLite format 3\0".to_owned()] {
        std::fs::write(&path, &damage).unwrap();
        for beside in ["-wal", "-shm"] {
            let _gone = std::fs::remove_file(path.with_file_name(format!("{}{beside}", state::FILE)));
        }
        let (ledger, opened) = Ledger::open(&warehouse(folder.path()), at(50)).unwrap();
        let aside = opened.set_aside.unwrap();
        assert_eq!(std::fs::read_to_string(&aside).unwrap(), damage);
        std::fs::remove_file(aside).unwrap();
        assert!(ledger.runs(&Filter { limit: 9, ..Filter::default() }).unwrap().is_empty());
    }
}

/// Commits what was fetched at second 100, when all was new, and asked for again at second 9,000.
fn commit_one(warehouse: &Warehouse) {
    use std::io::Write as _;

    use crate::archive::Exchange;
    use crate::commit::{Capture, Certificate, Slice, Staged};
    let archive = warehouse.archive();
    let mut spool = archive.spool().unwrap();
    spool.write_all(b"data").unwrap();
    let digest = archive.keep(spool).unwrap();
    let url = "https://a.example/file.csv";
    let mut ids = Vec::new();
    for (second, status) in [(100, 200), (9_000, 304)] {
        let exchange = Exchange {
            format: Exchange::FORMAT,
            id: Exchange::new_id(url, at(second), "0"),
            url: url.to_owned(),
            via: "live".to_owned(),
            method: "GET".to_owned(),
            body: None,
            sent: Vec::new(),
            status,
            headers: Vec::new(),
            started: at(second),
            finished: at(second),
            attempts: 2,
            digest: Some(digest.clone()),
            bytes: 4,
            refused: None,
        };
        archive.record(&exchange).unwrap();
        ids.push(exchange.id);
    }
    let capture = Capture {
        sha256: digest,
        exchange: ids[0].clone(),
        receipt: archive.receipt_digest(&ids[0]).unwrap(),
        url: url.to_owned(),
        erased: None,
    };
    let slice = Slice {
        release: "r1".parse().unwrap(),
        name: "all".to_owned(),
        grade: "publisher".to_owned(),
        note: String::new(),
        url: url.to_owned(),
        captures: vec![capture],
        since: None,
        counts: crate::commit::Counts::default(),
        coverage: Vec::new(),
        parts: Vec::new(),
        pipeline: model::Digest::of("p"),
        program: "test".to_owned(),
    };
    let dataset: model::DatasetId = "a".parse().unwrap();
    let staged = Staged {
        dataset: dataset.clone(),
        pipeline: model::Digest::of("p"),
        tables: Vec::new(),
        slices: vec![slice],
        superseded: Vec::new(),
        base: None,
        certificates: vec![Certificate {
            dataset,
            release: "r1".parse().unwrap(),
            slice: "all".to_owned(),
            checks: Vec::new(),
        }],
    };
    warehouse.commit(&[staged], "test", at(200)).unwrap();
}

#[test]
fn what_the_warehouse_tells_is_put_back_where_the_file_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let warehouse = warehouse(folder.path());
    commit_one(&warehouse);
    let (ledger, opened) = Ledger::open(&warehouse, at(10_000)).unwrap();
    assert_eq!(opened, Opened { set_aside: None, rebuilt: true });
    let jobs = ledger.jobs().unwrap();
    // Asked for the last time when nothing was new, which only a receipt tells.
    assert_eq!(jobs["a"].through, Some(at(9_000)));
    let last = jobs["a"].last.clone().unwrap();
    assert_eq!((last.state, last.trigger, last.snapshot), (State::Succeeded, Trigger::Rebuilt, Some(1)));
    // Two attempts within the hour count against the limit.
    let state = crate::state::State::of(folder.path());
    let hour = std::time::Duration::from_secs(3600);
    assert_eq!(state.take("a.example", 3, hour, at(10_000)).unwrap(), None);
    assert!(state.take("a.example", 3, hour, at(10_000)).unwrap().is_some());
    assert_eq!(Ledger::open(&warehouse, at(10_001)).unwrap().1, Opened::default(), "it is new only once");
}

#[test]
fn what_was_counted_outlives_the_runs_that_are_forgotten() {
    let mut one = Fixture::new();
    for second in [0, 100, 200] {
        let run = one.ledger.order("a", &order(second), at(second)).unwrap();
        let claim = one.ledger.claim(&run.id, "me", &none(), at(second)).unwrap().unwrap();
        one.ledger.step(&run.id, 1, "fetch", r#"{"url":"http://a/","bytes":10}"#, at(second)).unwrap();
        one.ledger.end(&claim, &over(State::Succeeded), at(second + 5)).unwrap();
    }
    let (counted, asked) = (one.ledger.counted().unwrap(), one.ledger.asked().unwrap());
    assert_eq!((counted[0].runs, counted[0].milliseconds, asked[0].requests, asked[0].bytes), (3, 15_000, 3, 30));
    for (before, forgotten) in [(150, 2), (1_000, 0)] {
        assert_eq!(one.ledger.forget(at(before)).unwrap(), forgotten, "the newest run of a job stays");
        assert_eq!((one.ledger.counted().unwrap(), one.ledger.asked().unwrap()), (counted.clone(), asked.clone()));
    }
    assert_eq!(one.ledger.runs(&Filter { limit: 10, ..Filter::default() }).unwrap().len(), 1);
}

#[test]
fn of_two_holders_one_asks_a_host() {
    let mut one = Fixture::new();
    let mut two = one.another();
    let [a, b, c] = ["a", "b", "c"].map(|job| one.ledger.order(job, &order(0), at(0)).unwrap().id);
    let hosts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let claim = one.ledger.claim(&a, "one", &hosts(&["x", "y"]), at(0)).unwrap().unwrap();
    assert_eq!(two.claim(&b, "two", &hosts(&["y"]), at(0)).unwrap(), None);
    assert!(two.is_asked(&hosts(&["y"]), "two").unwrap() && !one.ledger.is_asked(&hosts(&["y"]), "one").unwrap());
    assert!(one.ledger.claim(&b, "one", &hosts(&["y"]), at(0)).unwrap().is_some(), "its own runs a holder tells apart");
    assert!(two.claim(&c, "two", &hosts(&["z"]), at(0)).unwrap().is_some());
    one.ledger.end(&claim, &over(State::Succeeded), at(1)).unwrap();
    let d = one.ledger.order("d", &order(0), at(1)).unwrap().id;
    assert_eq!(two.claim(&d, "two", &hosts(&["x", "y"]), at(1)).unwrap(), None, "`b` asks it still");
    assert!(two.claim(&d, "two", &hosts(&["x"]), at(1)).unwrap().is_some());
}

#[test]
fn an_emptied_file_is_made_again_and_so_is_one_that_only_budgets_made() {
    let folder = tempfile::tempdir().unwrap();
    let warehouse = warehouse(folder.path());
    // Without a past there is nothing to put back.
    let (_, opened) = Ledger::open(&warehouse, at(0)).unwrap();
    assert_eq!(opened, Opened::default());
    commit_one(&warehouse);
    for make in [
        |path: &Path| std::fs::write(path, "").unwrap(),
        |path: &Path| std::fs::remove_file(path).unwrap(),
        |path: &Path| {
            std::fs::remove_file(path).unwrap();
            let root = path.parent().unwrap();
            crate::state::State::of(root).take("a", 1, std::time::Duration::from_secs(1), at(0)).unwrap();
        },
    ] {
        for beside in ["state.sqlite-wal", "state.sqlite-shm"] {
            let _none = std::fs::remove_file(folder.path().join(beside));
        }
        make(&folder.path().join(state::FILE));
        let (ledger, opened) = Ledger::open(&warehouse, at(10)).unwrap();
        assert!(opened.rebuilt && opened.set_aside.is_none(), "{opened:?}");
        let runs = ledger.runs(&Filter { limit: 10, ..Filter::default() }).unwrap();
        assert_eq!(runs.iter().map(|run| run.trigger).collect::<Vec<_>>(), [Trigger::Rebuilt]);
        drop(ledger);
        let (_, again) = Ledger::open(&warehouse, at(11)).unwrap();
        assert!(!again.rebuilt, "once is enough");
    }
}
