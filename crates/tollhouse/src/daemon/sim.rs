//! Years in seconds: the daemon's decisions under a clock of the test's own.
//!
//! Daemons are started, killed at any moment and started again, one or two at a time; publishers are out for days; clocks jump to
//! and fro; the disk is full for a while. Runs take as long as they take and end as they do, at random. At the end every due
//! time must have exactly one decision, no run may be lost or doubled, no job and no publisher may have had two runs at
//! once, and the alarms must be those of a model that knows the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use model::schedule::Schedule;
use store::ledger::{Claim, DueLine, Filter, Freshness, Ledger, State};
use store::{Origin, Warehouse};

use super::core::{Action, Core, Finish, GC, Job, PUBLISH, Rules, VERIFY};

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: i64) -> i64 {
        i64::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    fn once_in(&mut self, times: i64) -> bool {
        self.below(times) == 0
    }
}

/// A run in the hands of a daemon's process.
struct Worker {
    claim: Claim,
    ends: i64,
    /// It was told to stop.
    stopped: Option<String>,
}

struct Daemon {
    core: Core,
    holder: String,
    workers: Vec<Worker>,
    /// When it began, in seconds of true time: its own uptime begins there.
    begun: i64,
    dies: i64,
}

/// A day, in seconds.
const DAY: i64 = 86_400;

struct World {
    dice: Dice,
    folder: tempfile::TempDir,
    jobs: Vec<Job>,
    /// True time, in seconds since the beginning.
    time: i64,
    start: Timestamp,
    /// How far the wall clock is off.
    off: i64,
    daemons: Vec<Option<Daemon>>,
    begun: u32,
    /// When each daemon that is down is started again.
    up_again: Vec<i64>,
    /// Hosts that are out, and until when.
    outages: BTreeMap<String, i64>,
    next_trouble: i64,
    disk_full_until: i64,
    next_look: i64,
    /// Runs whose success was acknowledged by the ledger.
    succeeded: u64,
    /// When each dataset's newest data end, as the world knows.
    newest: BTreeMap<String, Timestamp>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    ticks: u64,
    failed_ticks: u64,
    starts: u64,
    kills: u64,
    jumps: u64,
    outages: u64,
    full: u64,
    buried: u64,
    alarms: u64,
}

fn job(name: &str, toml: &str, host: &str) -> Job {
    let schedule: BTreeMap<String, Schedule> = toml::from_str(toml).unwrap();
    Job {
        name: name.to_owned(),
        schedule: schedule.into_values().next(),
        host: (!host.is_empty()).then(|| host.to_owned()),
        hosts: (!host.is_empty()).then(|| host.to_owned()).into_iter().collect(),
    }
}

/// Every pipeline's job, and some whose policies no pipeline has.
fn jobs() -> Vec<Job> {
    let project = crate::project::Project::load(None).unwrap();
    let config = crate::config::Config::default();
    let mut jobs = super::jobs::of(&project, &config, true).unwrap();
    assert!(jobs.len() > 50, "{}", jobs.len());
    let fresh = "fresh = \"60d\"";
    jobs.extend([
        job("a_skips", "s = { cron = \"0 0 */6 * * *\", catch_up = \"skip\" }", "a.example"),
        job("b_catches_all", "s = { cron = \"0 30 1 * * *\", catch_up = \"all\", overlap = \"queue\", zone = \"America/New_York\" }", "b.example"),
        job("c_queues", &format!("s = {{ cron = \"0 0 */12 * * *\", overlap = \"queue\", jitter = \"2h\", {fresh} }}"), "a.example"),
        job("d_calendar", &format!("s = {{ calendar = \"second Wednesday\", at = \"02:30\", zone = \"Europe/Berlin\", deadline = \"3d\", {fresh} }}"), "b.example"),
        job("e_leap", "s = { cron = \"0 0 12 29 2 *\", zone = \"Australia/Lord_Howe\", catch_up = \"all\" }", ""),
    ]);
    jobs
}

impl World {
    fn new(seed: u64, daemons: usize) -> Self {
        let shm = Path::new("/dev/shm");
        let folder = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
        Self {
            dice: Dice(seed),
            folder,
            jobs: jobs(),
            time: 0,
            start: "2024-01-01T00:00:00Z".parse().unwrap(),
            off: 0,
            daemons: (0..daemons).map(|_| None).collect(),
            begun: 0,
            up_again: vec![0; daemons],
            outages: BTreeMap::new(),
            next_trouble: 5 * DAY,
            disk_full_until: 0,
            next_look: 0,
            succeeded: 0,
            newest: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    fn warehouse(&self) -> Warehouse {
        Warehouse::open_or_create(self.folder.path(), Origin::Replica, self.start).unwrap()
    }

    /// What the wall clock shows.
    fn now(&self) -> Timestamp {
        self.start.checked_add(SignedDuration::from_secs(self.time + self.off)).unwrap()
    }

    fn rules() -> Rules {
        Rules { slots: 2, ..Rules::default() }
    }

    fn alive(&self) -> BTreeSet<String> {
        self.daemons.iter().flatten().map(|daemon| daemon.holder.clone()).collect()
    }

    /// Starts and kills daemons, begins and ends troubles.
    fn fate(&mut self) {
        for place in 0..self.daemons.len() {
            if self.daemons[place].as_ref().is_some_and(|daemon| daemon.dies <= self.time) {
                // With it die its processes, whatever they were doing.
                self.daemons[place] = None;
                self.counts.kills += 1;
                let down = if self.dice.once_in(8) { self.dice.below(20 * DAY) } else { self.dice.below(600) };
                self.up_again[place] = self.time + down;
            }
            if self.daemons[place].is_none() && self.up_again[place] <= self.time && self.time >= self.disk_full_until {
                self.begun += 1;
                let holder = format!("daemon-{}", self.begun);
                let (ledger, _) = Ledger::open(&self.warehouse(), self.now()).unwrap();
                let core = Core::new(ledger, holder.clone(), self.jobs.clone(), Self::rules());
                let dies = self.time + 60 + self.dice.below(40 * DAY);
                self.daemons[place] = Some(Daemon { core, holder, workers: Vec::new(), begun: self.time, dies });
            }
        }
        self.outages.retain(|_, until| *until > self.time);
        if self.time < self.next_trouble {
            return;
        }
        self.next_trouble = self.time + 1 + self.dice.below(10 * DAY);
        match self.dice.below(4) {
            0 | 1 => {
                let hosts: Vec<String> = self.jobs.iter().filter_map(|job| job.host.clone()).collect();
                let host =
                    hosts[usize::try_from(self.dice.below(i64::try_from(hosts.len()).unwrap())).unwrap()].clone();
                let until = self.time + self.dice.below(8 * DAY);
                self.outages.insert(host, until);
                self.counts.outages += 1;
            }
            2 => {
                // To and fro, and now and then back to the truth.
                self.off = match self.dice.below(3) {
                    0 => 0,
                    1 => self.dice.below(3 * DAY) - DAY,
                    _ => self.dice.below(7200) - 3600,
                };
                self.counts.jumps += 1;
            }
            _ => {
                self.disk_full_until = self.time + self.dice.below(DAY);
                self.counts.full += 1;
            }
        }
    }

    /// One look of every daemon that is up.
    fn tick(&mut self) {
        let now = self.now();
        let full = self.time < self.disk_full_until;
        let alive = self.alive();
        for place in 0..self.daemons.len() {
            let Some(mut daemon) = self.daemons[place].take() else { continue };
            daemon.core.ledger().fill_disk(full).unwrap();
            let uptime = Duration::from_secs(u64::try_from(self.time - daemon.begun).unwrap());
            self.finish(&mut daemon, now);
            self.counts.ticks += 1;
            let mut actions = Vec::new();
            let looked = daemon.core.tick(now, uptime, &|holder| !alive.contains(holder), &mut actions);
            self.act(&mut daemon, actions);
            if let Err(error) = looked {
                assert!(full, "the disk has room: {error}");
                self.counts.failed_ticks += 1;
            }
            self.daemons[place] = Some(daemon);
        }
    }

    /// The runs that end now.
    fn finish(&mut self, daemon: &mut Daemon, now: Timestamp) {
        let (over, going) =
            std::mem::take(&mut daemon.workers).into_iter().partition::<Vec<_>, _>(|worker| worker.ends <= self.time);
        daemon.workers = going;
        for worker in over {
            let job = self.jobs.iter().find(|job| job.name == worker.claim.job).unwrap().clone();
            let out = job.host.as_ref().is_some_and(|host| self.outages.contains_key(host));
            let failed = |kind, retry| Finish::Failed { kind, message: "it failed".to_owned(), hint: None, retry };
            let finish = match &worker.stopped {
                Some(why) => Finish::Stopped(why.clone()),
                None if out => failed(model::Kind::Unreachable, true),
                None if self.dice.once_in(40) => failed(model::Kind::Changed, false),
                None if self.dice.once_in(60) => Finish::Died("killed by signal 9".to_owned()),
                None => {
                    let new = self.dice.once_in(3);
                    let state = if new { State::Succeeded } else { State::Unchanged };
                    Finish::Done { state, snapshot: new.then_some(1) }
                }
            };
            match daemon.core.ended(&worker.claim, &finish, now) {
                Ok(ours) => {
                    if let (true, Finish::Done { state, .. }) = (ours, &finish) {
                        self.succeeded += 1;
                        if *state == State::Succeeded {
                            self.newest.insert(job.name.clone(), now);
                        }
                    }
                }
                // The disk is full: it is told again later.
                Err(_) => daemon.workers.push(Worker { ends: self.time + 30, ..worker }),
            }
        }
    }

    fn act(&mut self, daemon: &mut Daemon, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Start(claim) => {
                    self.counts.starts += 1;
                    self.check_alone(daemon, &claim);
                    // Where others watch for signs of life, long runs cost many looks.
                    let long = if self.daemons.len() > 1 { 900 } else { 2 * DAY };
                    let longest = if self.dice.once_in(50) { long } else { 120 };
                    let ends = self.time + 1 + self.dice.below(longest);
                    daemon.workers.push(Worker { claim, ends, stopped: None });
                }
                Action::Stop(claim, why) => {
                    let worker = daemon.workers.iter_mut().find(|worker| worker.claim == claim).unwrap();
                    worker.ends = self.time;
                    worker.stopped = Some(why);
                }
                Action::Lost(claim) => {
                    daemon.workers.retain(|worker| worker.claim != claim);
                    self.counts.buried += 1;
                }
            }
        }
    }

    /// No job, and no publisher, has two runs at once, and one that is left alone is left alone.
    fn check_alone(&self, daemon: &Daemon, claim: &Claim) {
        let hosts = |name: &str| &self.jobs.iter().find(|job| job.name == name).unwrap().hosts;
        for worker in self.daemons.iter().flatten().flat_map(|other| &other.workers).chain(&daemon.workers) {
            assert_ne!(worker.claim.job, claim.job, "two runs of one job at once");
            let both: Vec<_> = hosts(&worker.claim.job).intersection(hosts(&claim.job)).collect();
            assert!(both.is_empty(), "{} and {} ask {both:?} at once", worker.claim.job, claim.job);
        }
        let look = Ledger::look(self.folder.path()).unwrap().unwrap();
        for host in hosts(&claim.job) {
            let until = look.breaker(host).unwrap().and_then(|breaker| breaker.until);
            assert!(until.is_none_or(|until| until <= self.now()), "{host} is to be left alone until {until:?}");
        }
    }

    /// Once a day: what was fetched is told, and the alarms must be those of the model.
    fn look(&mut self) {
        if self.time < self.next_look || self.time < self.disk_full_until {
            return;
        }
        self.next_look = self.time + DAY;
        let now = self.now();
        let Some(daemon) = self.daemons.iter_mut().flatten().next() else { return };
        for (dataset, newest) in &self.newest {
            let fresh = Freshness { dataset: dataset.clone(), newest: Some(*newest), snapshot: 1, looked: now };
            daemon.core.ledger().reaches(&fresh).unwrap();
        }
        daemon.core.check_freshness(now).unwrap();
        let up: BTreeSet<String> = daemon
            .core
            .ledger()
            .alarms(false)
            .unwrap()
            .into_iter()
            .filter(|alarm| alarm.name == "stale")
            .map(|alarm| alarm.subject)
            .collect();
        let promised = self.jobs.iter().filter_map(|job| Some((job, job.schedule.as_ref()?.fresh()?)));
        let expected: BTreeSet<String> = promised
            .filter(|(job, fresh)| self.newest.get(&job.name).is_none_or(|newest| now.duration_since(*newest) > *fresh))
            .map(|(job, _)| job.name.clone())
            .collect();
        assert_eq!(up, expected, "{now}");
        self.counts.alarms += up.len() as u64;
    }

    /// The next moment at which anything may happen.
    fn next(&mut self) -> i64 {
        let off = self.off;
        let (start, time) = (self.start, self.time);
        let several = self.daemons.len() > 1;
        let mut moments = vec![self.next_trouble, self.next_look];
        moments.extend(self.outages.values());
        moments.push(self.disk_full_until);
        for (place, daemon) in self.daemons.iter_mut().enumerate() {
            let Some(daemon) = daemon else {
                moments.push(self.up_again[place]);
                continue;
            };
            moments.push(daemon.dies);
            moments.extend(daemon.workers.iter().map(|worker| worker.ends));
            let wake = daemon.core.wake().unwrap();
            moments.extend(wake.map(|wake| wake.duration_since(start).as_secs() - off));
            if several && !daemon.workers.is_empty() {
                // Whoever holds a run says every now and then that it lives, for the others to see.
                moments.push(time + 20);
            }
        }
        let later = moments.into_iter().filter(|moment| *moment > time).min().unwrap_or(time + DAY);
        // What waits for a publisher is looked at now and then, as is another daemon.
        later.min(time + DAY / 4).max(time + 1)
    }

    fn run(&mut self, days: i64) {
        while self.time < days * DAY {
            self.fate();
            self.tick();
            self.look();
            self.time = self.next();
        }
    }

    /// No more troubles: what is owed is done.
    fn settle(&mut self) {
        self.off = 0;
        self.outages.clear();
        self.disk_full_until = 0;
        self.next_trouble = i64::MAX;
        for place in 0..self.daemons.len() {
            self.up_again[place] = 0;
        }
        let end = self.time + 3 * DAY;
        while self.time < end {
            self.fate();
            for daemon in self.daemons.iter_mut().flatten() {
                daemon.dies = i64::MAX;
            }
            self.tick();
            self.time = self.next();
        }
    }

    fn check(&mut self) {
        let now = self.now();
        let ledger = Ledger::look(self.folder.path()).unwrap().unwrap();
        let all = ledger.runs(&Filter { limit: u32::MAX, ..Filter::default() }).unwrap();
        let ids: BTreeSet<&str> = all.iter().map(|run| run.id.as_str()).collect();
        assert_eq!(ids.len(), all.len());
        for run in &all {
            assert!(run.state.is_over() || run.deadline > now, "lost: {run:?}");
            if run.state.is_over() {
                assert!(run.ended.is_some(), "{run:?}");
            }
        }
        let well = all.iter().filter(|run| matches!(run.state, State::Succeeded | State::Unchanged)).count();
        assert_eq!(well as u64, self.succeeded, "what was acknowledged is what the ledger has");
        let through = ledger.jobs().unwrap();
        for job in &self.jobs {
            let Some(schedule) = &job.schedule else { continue };
            let lines = ledger.due(Some(&job.name), u32::MAX).unwrap();
            check_decided(job, schedule, &lines, self.start, through[&job.name].through.unwrap());
            for line in &lines {
                assert_eq!(line.decision == "run", line.run.is_some(), "{line:?}");
                assert!(line.run.as_deref().is_none_or(|run| ids.contains(run)), "a lost run: {line:?}");
            }
        }
    }
}

/// Every due time has exactly one decision, and nothing else has one.
#[track_caller]
fn check_decided(job: &Job, schedule: &Schedule, lines: &[DueLine], start: Timestamp, through: Timestamp) {
    let mut decided: BTreeMap<Timestamp, &DueLine> = BTreeMap::new();
    for line in lines {
        assert!(decided.insert(line.due, line).is_none());
    }
    let owed: BTreeSet<Timestamp> = schedule.between(start, through).collect();
    let mut covered = 0;
    for line in lines {
        let inside = owed.range(line.due..=line.through).count() as u64;
        assert!(inside == line.count || line.count == 0 && inside > 0, "{}: {line:?} covers {inside}", job.name);
        covered += inside;
    }
    assert_eq!(covered, owed.len() as u64, "{}: due times without a decision, or with two", job.name);
}

#[track_caller]
fn simulate(seed: u64, daemons: usize, days: i64) -> Counts {
    let mut world = World::new(seed, daemons);
    world.run(days);
    world.settle();
    world.check();
    world.counts
}

/// A year under one daemon, and a fifth of one under two. TOLLHOUSE_SOAK_YEARS says how many (five are the long one),
/// TOLLHOUSE_SOAK_SEEDS with how many seeds.
#[test]
fn years_pass_and_every_due_time_is_decided_once() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let years: i64 = number("TOLLHOUSE_SOAK_YEARS").unwrap_or(1);
    let seeds: i64 = number("TOLLHOUSE_SOAK_SEEDS").unwrap_or(1);
    for seed in 0..seeds {
        let seed = u64::try_from(seed).unwrap();
        let one = simulate(seed, 1, years * 366);
        let two = simulate(1_000 + seed, 2, years * 366 / 5);
        println!("seed {seed}: {years} years {one:?}; a fifth of that under two daemons {two:?}");
        assert!(one.starts > 1_000 && one.kills > 5 && one.jumps > 3 && one.outages > 10, "{one:?}");
        assert!(one.failed_ticks > 0 && one.alarms > 0, "{one:?}");
        assert!(two.starts > 100 && two.kills > 0, "{two:?}");
    }
}

#[test]
fn a_holder_without_a_sign_of_life_is_dead_within_a_minute_and_one_with_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let start: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let warehouse = Warehouse::open_or_create(folder.path(), Origin::Replica, start).unwrap();
    let jobs = || vec![job("a", "s = \"0 0 0 1 * *\"", "a.example")];
    let core = |holder: &str| {
        let (ledger, _) = Ledger::open(&warehouse, start).unwrap();
        Core::new(ledger, holder.to_owned(), jobs(), Rules::default())
    };
    let (mut one, mut two) = (core("one"), core("two"));
    let at = |second: u64| start.checked_add(SignedDuration::from_secs(i64::try_from(second).unwrap())).unwrap();
    let look = |core: &mut Core, now: Timestamp, second: u64| {
        let mut actions = Vec::new();
        core.tick(now, Duration::from_secs(second), &|_| false, &mut actions).unwrap();
        actions
    };
    let tick = |core: &mut Core, second: u64| look(core, at(second), second);
    tick(&mut one, 0);
    let order = store::ledger::Order {
        trigger: store::ledger::Trigger::Manual,
        not_before: at(0),
        deadline: at(90_000),
        what: None,
    };
    one.ledger().order("a", &order, at(0)).unwrap();
    let started = tick(&mut one, 1);
    assert!(matches!(started.as_slice(), [Action::Start(_)]), "{started:?}");
    // For two minutes both look, and the run stays where it is, though the wall clock of one runs away.
    for second in 2..120 {
        tick(&mut one, second);
        let far = at(second).checked_add(SignedDuration::from_hours(1_000)).unwrap();
        assert_eq!(look(&mut two, far, second), []);
    }
    // The first hangs: the second takes the run over.
    let taken = (120..200).find(|second| {
        let actions = tick(&mut two, *second);
        matches!(actions.as_slice(), [Action::Start(claim)] if claim.token == 3)
    });
    assert!(taken.is_some_and(|second| second <= 119 + 60), "{taken:?}");
    // When it wakes, it learns that the run is not its own.
    let actions = tick(&mut one, 200);
    assert!(matches!(actions.as_slice(), [Action::Lost(_)]), "{actions:?}");
}

#[test]
fn internal_jobs_follow_commits_and_garbage_is_collected_alone() {
    let folder = tempfile::tempdir().unwrap();
    let start: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let warehouse = Warehouse::open_or_create(folder.path(), Origin::Replica, start).unwrap();
    let (ledger, _) = Ledger::open(&warehouse, start).unwrap();
    let bare = |name: &str| Job { name: name.to_owned(), schedule: None, host: None, hosts: BTreeSet::new() };
    let jobs = vec![job("a", "s = \"0 0 0 1 1 *\"", "a.example"), bare(PUBLISH), bare(VERIFY), bare(GC)];
    let mut core = Core::new(ledger, "one".to_owned(), jobs, Rules { slots: 3, ..Rules::default() });
    let order = |job: &str, core: &mut Core| {
        let order = store::ledger::Order {
            trigger: store::ledger::Trigger::Manual,
            not_before: start,
            deadline: Timestamp::MAX,
            what: None,
        };
        core.ledger().order(job, &order, start).unwrap();
    };
    let started = |core: &mut Core, second: u64| -> Vec<Claim> {
        let mut actions = Vec::new();
        core.tick(start, Duration::from_secs(second), &|_| false, &mut actions).unwrap();
        actions
            .into_iter()
            .map(|action| match action {
                Action::Start(claim) => claim,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    order("a", &mut core);
    order(GC, &mut core);
    let first = started(&mut core, 1);
    assert_eq!(first.iter().map(|claim| claim.job.as_str()).collect::<Vec<_>>(), ["a"]);
    let done = Finish::Done { state: State::Succeeded, snapshot: Some(4) };
    assert!(core.ended(&first[0], &done, start).unwrap());
    order("a", &mut core);
    let second = started(&mut core, 2);
    let names: Vec<&str> = second.iter().map(|claim| claim.job.as_str()).collect();
    assert!(names == [GC], "alone: {names:?}");
    core.ended(&second[0], &Finish::Done { state: State::Succeeded, snapshot: None }, start).unwrap();
    let third = started(&mut core, 3);
    let names: BTreeSet<&str> = third.iter().map(|claim| claim.job.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["a", PUBLISH]));
}

/// However often its daemons are killed, a run is done in the end: sooner after the first deaths, later after many.
#[test]
fn a_run_whose_daemons_die_again_and_again_is_not_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let start: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let warehouse = Warehouse::open_or_create(folder.path(), Origin::Replica, start).unwrap();
    let at = |second: i64| start.checked_add(SignedDuration::from_secs(second)).unwrap();
    let mut second = 0;
    let mut waits = Vec::new();
    for death in 0..8 {
        let (ledger, _) = Ledger::open(&warehouse, at(second)).unwrap();
        let jobs = vec![job("a", "s = \"0 0 0 1 1 *\"", "a.example")];
        let mut core = Core::new(ledger, format!("daemon-{death}"), jobs, Rules::default());
        if death == 0 {
            let deadline = at(1_000_000);
            let order = store::ledger::Order {
                trigger: store::ledger::Trigger::Manual,
                not_before: start,
                deadline,
                what: None,
            };
            core.ledger().order("a", &order, start).unwrap();
        }
        let begun = second;
        // Its predecessor is dead, and it is killed itself as soon as it has begun the run.
        loop {
            let mut actions = Vec::new();
            core.tick(at(second), Duration::from_secs(u64::try_from(second - begun).unwrap()), &|_| true, &mut actions)
                .unwrap();
            if matches!(actions.as_slice(), [Action::Start(_)]) {
                break;
            }
            second += 1;
            assert!(second - begun < 100_000, "death {death}: it is not taken up again");
        }
        waits.push(second - begun);
    }
    assert_eq!(waits[..3], [0, 0, 0], "the first deaths cost no time");
    assert!(waits[3..].windows(2).all(|pair| pair[0] > 0 && pair[0] <= pair[1]), "{waits:?}");
    let (ledger, _) = Ledger::open(&warehouse, at(second)).unwrap();
    let alarms = ledger.alarms(false).unwrap();
    assert_eq!(alarms.iter().map(|alarm| alarm.name.as_str()).collect::<Vec<_>>(), ["restarts"]);
}
