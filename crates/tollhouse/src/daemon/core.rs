//! What runs when: the daemon's decisions, without clocks, processes or sockets.
//!
//! [`Core::tick`] looks at the time it is given, decides about every due time that has come, and says which runs begin, which
//! are to be given up and which belong to another. [`Core::ended`] takes down how a run ended. Both leave everything that
//! matters in the ledger before they return, so that whoever dies between two calls is read back rightly, and both may be
//! repeated. The daemon and the simulation of years run the same code.
//!
//! Two clocks come in: `now` is the wall clock, which jumps; `uptime` never does, and alone tells how long a holder has shown no
//! sign of life.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use model::schedule::{CatchUp, Overlap, Schedule};
use model::{Kind, Result};
use store::ledger::{
    Alarm, Attempt, Beat, Claim, Decided, Decision, Ended, Ledger, Order, Outcome, Run, State, Trigger,
};

use super::jobs::is_late;
use crate::report;

/// The job that draws figures and judges claims.
pub const PUBLISH: &str = "_publish";
/// The job that hashes every file of the newest snapshot.
pub const VERIFY: &str = "_verify";
/// The job that collects garbage.
pub const GC: &str = "_gc";

/// The alarm that a run failed for good.
pub const RUN_FAILED: &str = "run-failed";

/// Something that is done again and again.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its name: the dataset's, or one of ours that begins with `_`.
    pub name: String,
    /// When it is due; none of one that only follows others.
    pub schedule: Option<Schedule>,
    /// The publisher whose failures are counted.
    pub host: Option<String>,
    /// Every host that it may ask: no two jobs ask one at the same time.
    pub hosts: BTreeSet<String>,
}

/// How patient the daemon is.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Runs at once.
    pub slots: usize,
    /// A due time that is older than this was missed.
    pub grace: SignedDuration,
    /// The pause before a second attempt; it doubles with every further one.
    pub retry_first: SignedDuration,
    /// The longest such pause, and the longest of a breaker.
    pub retry_longest: SignedDuration,
    /// Runs in a row that a publisher may fail before it is left alone.
    pub breaker_failures: u32,
    /// For how long, at first; it doubles with every further failure.
    pub breaker_pause: SignedDuration,
    /// How often a holder says that it lives.
    pub beat_every: Duration,
    /// A holder that has not said so for that long is dead.
    pub dead_after: Duration,
    /// How often a run may die before it is given up.
    pub deaths: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            slots: 2,
            grace: SignedDuration::from_secs(60),
            retry_first: SignedDuration::from_mins(5),
            retry_longest: SignedDuration::from_hours(6),
            breaker_failures: 3,
            breaker_pause: SignedDuration::from_mins(15),
            beat_every: Duration::from_secs(5),
            dead_after: Duration::from_secs(45),
            deaths: 5,
        }
    }
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Begin this run.
    Start(Claim),
    /// Stop this run at its next stage, and say that it was given up for this reason.
    Stop(Claim, String),
    /// This run belongs to another holder now: end it without a word.
    Lost(Claim),
}

/// How a run ended, as whoever did the work saw it.
#[derive(Debug, Clone)]
pub enum Finish {
    /// It did what it was for.
    Done {
        /// [`State::Succeeded`] or [`State::Unchanged`].
        state: State,
        /// The snapshot that it committed.
        snapshot: Option<u64>,
    },
    /// It failed.
    Failed {
        /// How.
        kind: Kind,
        /// In words.
        message: String,
        /// What to do about it.
        hint: Option<String>,
        /// Whether another attempt may help.
        retry: bool,
    },
    /// It was stopped because it was to be given up.
    Stopped(String),
    /// It was stopped because the daemon ends; another attempt is made when there is one again.
    Drained,
    /// Its process ended without a word.
    Died(String),
}

/// A run of ours.
struct Held {
    claim: Claim,
    /// Whether it was told to stop.
    stopping: bool,
}

/// A run of another's, and since when it has shown the same sign of life.
struct Seen {
    beat: Beat,
    since: Duration,
}

/// The daemon's decisions.
pub struct Core {
    ledger: Ledger,
    holder: String,
    jobs: BTreeMap<String, Job>,
    rules: Rules,
    /// The next due time of each job, where it is known.
    next: BTreeMap<String, Option<Timestamp>>,
    mine: BTreeMap<String, Held>,
    seen: BTreeMap<String, Seen>,
    last: Option<Timestamp>,
    beaten: Option<Duration>,
    draining: bool,
    /// Why no run begins, where none does.
    held: Option<String>,
}

/// A clock that goes back by more than this was ahead.
const BACK: SignedDuration = SignedDuration::from_secs(60);

/// A run that died so often is told of, though it is tried again.
const DEATHS_TOLD: u32 = 3;

/// Missed due times that are told of one by one; what lies before them is told of as one.
const ONE_BY_ONE: usize = 1_000;

impl Core {
    /// The decisions of one daemon, under a name that no other has.
    pub fn new(ledger: Ledger, holder: String, jobs: Vec<Job>, rules: Rules) -> Self {
        let mut core = Self {
            ledger,
            holder,
            jobs: BTreeMap::new(),
            rules,
            next: BTreeMap::new(),
            mine: BTreeMap::new(),
            seen: BTreeMap::new(),
            last: None,
            beaten: None,
            draining: false,
            held: None,
        };
        core.reload(jobs, core.rules.clone());
        core
    }

    /// Takes other jobs and rules. Runs that go on, go on.
    pub fn reload(&mut self, jobs: Vec<Job>, rules: Rules) {
        self.jobs = jobs.into_iter().map(|job| (job.name.clone(), job)).collect();
        self.rules = rules;
        self.next.clear();
    }

    /// No run begins any more.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// No run begins while there is a reason; those that go on, go on.
    pub fn hold(&mut self, why: Option<String>) {
        self.held = why;
    }

    /// The ledger.
    pub fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// The jobs, by name.
    pub fn jobs(&self) -> &BTreeMap<String, Job> {
        &self.jobs
    }

    /// The runs of this daemon that go on.
    pub fn mine(&self) -> impl Iterator<Item = &Claim> {
        self.mine.values().map(|held| &held.claim)
    }

    /// When something may have to be done next, if nobody asks for anything: a simulation need not look in between.
    #[cfg(test)]
    pub fn wake(&self) -> Result<Option<Timestamp>> {
        let due = self.next.values().flatten().min().copied();
        Ok([due, self.ledger.next_ready()?].into_iter().flatten().min())
    }

    /// Decides what is to be decided at this time. `is_dead` tells of a holder whether it surely is. What is in `actions`
    /// afterwards is to be done, whether or not the rest of the look failed: it stands in the ledger.
    pub fn tick(
        &mut self,
        now: Timestamp,
        uptime: Duration,
        is_dead: &dyn Fn(&str) -> bool,
        actions: &mut Vec<Action>,
    ) -> Result<()> {
        self.notice_jumps(now)?;
        self.decide(now)?;
        for late in self.ledger.expire(now)? {
            let why = "its deadline passed before it could be done";
            tracing::error!(run = late.id, "{why}");
            self.alarm_failed(&late, why, now)?;
        }
        if self.beaten.is_none_or(|beaten| uptime.saturating_sub(beaten) >= self.rules.beat_every) {
            self.beat(actions)?;
            self.bury(now, uptime, is_dead)?;
            self.beaten = Some(uptime);
        }
        self.stop_late(now, actions);
        if !self.draining && self.held.is_none() {
            self.claim(now, actions)?;
        }
        self.last = Some(now);
        Ok(())
    }

    /// Where the clock was ahead, what it decided about times yet to come is taken back.
    fn notice_jumps(&mut self, now: Timestamp) -> Result<()> {
        let ahead = match self.last {
            Some(last) => last.duration_since(now) > BACK,
            None => {
                let known = self.ledger.jobs()?;
                known.values().filter_map(|job| job.through).any(|through| through.duration_since(now) > BACK)
            }
        };
        if ahead {
            let taken = self.ledger.rewind(now)?;
            self.next.clear();
            tracing::warn!(taken_back = taken, "the clock was ahead and has gone back");
        }
        Ok(())
    }

    /// Decides about every due time that has come.
    fn decide(&mut self, now: Timestamp) -> Result<()> {
        let waiting: Vec<&Job> = self
            .jobs
            .values()
            .filter(|job| self.next.get(&job.name).is_none_or(|next| next.is_some_and(|next| next <= now)))
            .collect();
        let mut found = Vec::new();
        for job in waiting {
            let Some(schedule) = &job.schedule else {
                found.push((job.name.clone(), None));
                continue;
            };
            let grace = self.rules.grace;
            let queued = self.ledger.decide(&job.name, now, &mut |standing| {
                let from = standing.through.unwrap_or(now);
                (decisions(&job.name, schedule, from, now, grace, standing.paused, standing.open), from.max(now))
            })?;
            if queued > 0 {
                tracing::debug!(job = job.name, queued, "runs were queued");
            }
            found.push((job.name.clone(), schedule.next_after(now)));
        }
        self.next.extend(found);
        Ok(())
    }

    /// Says that our runs live, and learns which are ours no more.
    fn beat(&mut self, actions: &mut Vec<Action>) -> Result<()> {
        let claims: Vec<Claim> = self.mine().cloned().collect();
        for lost in self.ledger.beat(&claims)? {
            tracing::warn!(run = lost.run, "another daemon took this run over");
            self.mine.remove(&lost.run);
            actions.push(Action::Lost(lost));
        }
        for held in self.mine.values_mut().filter(|held| !held.stopping) {
            if let Some(why) = self.ledger.cancelled(&held.claim.run)? {
                held.stopping = true;
                actions.push(Action::Stop(held.claim.clone(), why));
            }
        }
        Ok(())
    }

    /// Queues the runs of dead holders again.
    fn bury(&mut self, now: Timestamp, uptime: Duration, is_dead: &dyn Fn(&str) -> bool) -> Result<()> {
        let mut there = BTreeSet::new();
        for beat in self.ledger.beats()? {
            if self.mine.contains_key(&beat.run) {
                continue;
            }
            there.insert(beat.run.clone());
            let same = self.seen.get(&beat.run).filter(|seen| seen.beat == beat).map(|seen| seen.since);
            let silent = same.is_some_and(|since| uptime.saturating_sub(since) >= self.rules.dead_after);
            if !silent && !is_dead(&beat.holder) {
                if same.is_none() {
                    self.seen.insert(beat.run.clone(), Seen { beat, since: uptime });
                }
                continue;
            }
            self.bury_one(&beat, now)?;
            there.remove(&beat.run);
        }
        self.seen.retain(|run, _| there.contains(run));
        Ok(())
    }

    /// Queues a run again whose holder is dead: at once, or, where its holders die one after the other, which may be its own
    /// doing, after a pause that grows. It is never given up for that before its deadline.
    fn bury_one(&mut self, beat: &Beat, now: Timestamp) -> Result<()> {
        let attempts = self.ledger.attempts(&beat.run)?;
        let before = attempts.iter().rev().skip(1).take_while(|one| one.outcome.as_deref() == Some("died")).count();
        let deaths = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
        let often = deaths >= DEATHS_TOLD;
        let pause = if often { self.pause(deaths) } else { SignedDuration::ZERO };
        if !self.ledger.bury(beat, now.checked_add(pause).unwrap_or(now), now)? {
            return Ok(());
        }
        let seconds = pause.as_secs();
        tracing::warn!(run = beat.run, holder = beat.holder, seconds, "this run's holder is dead: it is queued again");
        if often {
            let text = format!("{} holders of {} have died one after the other", deaths, beat.run);
            let next = format!("tollhouse runs {}", beat.run);
            self.ledger.raise(&Alarm::up("restarts", &beat.job, text, &next, now))?;
        }
        Ok(())
    }

    /// How often the process of a run has died by itself, the attempt that goes on among them if it just has.
    fn deaths(&self, claim: &Claim) -> Result<u32> {
        let attempts = self.ledger.attempts(&claim.run)?;
        let died = |one: &&Attempt| one.kind.as_deref() == Some("died") || one.number == claim.attempt;
        Ok(u32::try_from(attempts.iter().filter(died).count()).unwrap_or(u32::MAX))
    }

    /// Stops our runs whose time is over.
    fn stop_late(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        for held in self.mine.values_mut().filter(|held| !held.stopping && held.claim.deadline <= now) {
            held.stopping = true;
            actions.push(Action::Stop(held.claim.clone(), "its deadline passed".to_owned()));
        }
    }

    /// Claims what may begin: no two runs ask one publisher at once, and one that is left alone is not asked.
    fn claim(&mut self, now: Timestamp, actions: &mut Vec<Action>) -> Result<()> {
        if self.mine.len() >= self.rules.slots {
            return Ok(());
        }
        let ready = self.ledger.ready(now)?;
        if ready.is_empty() {
            return Ok(());
        }
        let mut busy: BTreeSet<String> = BTreeSet::new();
        let going = self.ledger.beats()?;
        for job in going.iter().filter_map(|beat| self.jobs.get(&beat.job)) {
            busy.extend(job.hosts.iter().cloned());
        }
        // The publishers that are left alone for now, and those that were and get one run to show whether they are well.
        let open: BTreeSet<String> = self
            .ledger
            .breakers()?
            .into_iter()
            .filter(|breaker| breaker.until.is_some_and(|until| until > now))
            .map(|breaker| breaker.host)
            .collect();
        for run in ready {
            if self.mine.len() >= self.rules.slots {
                break;
            }
            let Some(job) = self.jobs.get(&run.job) else {
                self.ledger.cancel(&run.id, "its pipeline is no longer declared", now)?;
                continue;
            };
            // Nothing else goes on while garbage is collected: it would wait, or be waited for.
            let collecting = {
                let mut at_work = going.iter().map(|beat| &beat.job).chain(self.mine().map(|claim| &claim.job));
                at_work.any(|job| job == GC)
            };
            let crowded = job.name == GC && !(going.is_empty() && self.mine.is_empty());
            let waits =
                collecting || crowded || job.hosts.iter().any(|host| busy.contains(host) || open.contains(host));
            if waits {
                continue;
            }
            if let Some(claim) = self.ledger.claim(&run.id, &self.holder, &job.hosts, now)? {
                busy.extend(job.hosts.iter().cloned());
                self.mine.insert(claim.run.clone(), Held { claim: claim.clone(), stopping: false });
                actions.push(Action::Start(claim));
            }
        }
        Ok(())
    }

    /// Takes down how a run of ours ended. False where it was ours no more: whoever has it goes on with it.
    pub fn ended(&mut self, claim: &Claim, finish: &Finish, now: Timestamp) -> Result<bool> {
        let outcome = self.outcome(claim, finish, now)?;
        let ours = self.ledger.end(claim, &outcome, now)?;
        self.mine.remove(&claim.run);
        if !ours {
            return Ok(false);
        }
        // How it ended stands; what follows from it is made good with the next run where the disk is full now.
        if let Err(error) = self.follow(claim, finish, &outcome, now) {
            tracing::warn!(
                run = claim.run,
                error = report::in_a_line(&error),
                "what follows from this run was left out"
            );
        }
        Ok(true)
    }

    /// What follows from how a run ended: alarms, breakers, and the figures and verdicts of a new snapshot.
    fn follow(&mut self, claim: &Claim, finish: &Finish, outcome: &Outcome, now: Timestamp) -> Result<()> {
        let host = self.jobs.get(&claim.job).and_then(|job| job.host.clone());
        match (finish, outcome) {
            (Finish::Done { snapshot, .. }, _) => {
                if let Some(host) = &host {
                    self.answered(host, now)?;
                }
                self.ledger.clear(RUN_FAILED, &claim.job, now)?;
                self.ledger.clear("restarts", &claim.job, now)?;
                if snapshot.is_some() && claim.job != PUBLISH {
                    self.publish(now)?;
                }
            }
            (Finish::Failed { kind, .. }, _) if told_something(*kind) => {
                if let Some(host) = &host {
                    self.answered(host, now)?;
                }
                self.follow_failure(claim, outcome, now)?;
            }
            (Finish::Died(how), Outcome::Again { .. }) => {
                let deaths = self.deaths(claim)?;
                if deaths >= DEATHS_TOLD {
                    let text = format!("{} has died {deaths} times: {how}", claim.run);
                    let next = format!("tollhouse runs {}", claim.run);
                    self.ledger.raise(&Alarm::up("restarts", &claim.job, text, &next, now))?;
                }
            }
            _ => self.follow_failure(claim, outcome, now)?,
        }
        Ok(())
    }

    /// A run that failed for good is told of.
    fn follow_failure(&mut self, claim: &Claim, outcome: &Outcome, now: Timestamp) -> Result<()> {
        if let Outcome::Over(ended) = outcome
            && ended.state == State::Failed
            && let Some(run) = self.ledger.run(&claim.run)?
        {
            self.alarm_failed(&run, ended.message.as_deref().unwrap_or("it failed"), now)?;
        }
        Ok(())
    }

    /// What becomes of a run that ended so.
    fn outcome(&mut self, claim: &Claim, finish: &Finish, now: Timestamp) -> Result<Outcome> {
        let failed = |state: State, kind: Option<&str>, message: &str, hint: Option<String>| Ended {
            state,
            kind: kind.map(ToOwned::to_owned),
            message: Some(message.to_owned()),
            hint,
            snapshot: None,
        };
        Ok(match finish {
            Finish::Done { state, snapshot } => Outcome::Over(Ended::well(*state, *snapshot)),
            Finish::Stopped(why) => Outcome::Over(failed(
                if claim.deadline <= now { State::Failed } else { State::Cancelled },
                (claim.deadline <= now).then_some("deadline"),
                why,
                None,
            )),
            Finish::Drained => {
                Outcome::Again { at: now, why: failed(State::Cancelled, None, "the daemon ended", None) }
            }
            Finish::Died(how) => {
                let why = failed(State::Failed, Some("died"), how, None);
                let deaths = self.deaths(claim)?;
                self.again(claim, why, self.pause(deaths), deaths < self.rules.deaths, now)
            }
            Finish::Failed { kind, message, hint, retry } => {
                let mut pause = self.pause(claim.attempt);
                let host = self.jobs.get(&claim.job).and_then(|job| job.host.clone());
                if let (Kind::Unreachable, Some(host)) = (kind, host) {
                    pause = pause.max(self.refused(&claim.job, &host, message, now)?);
                }
                let why = failed(State::Failed, Some(report::word(*kind)), message, hint.clone());
                self.again(claim, why, pause, *retry, now)
            }
        })
    }

    fn again(&self, claim: &Claim, why: Ended, pause: SignedDuration, retry: bool, now: Timestamp) -> Outcome {
        match now.checked_add(pause) {
            Ok(at) if retry && at < claim.deadline => Outcome::Again { at, why },
            _ => Outcome::Over(why),
        }
    }

    /// The pause after so many attempts.
    fn pause(&self, attempts: u32) -> SignedDuration {
        doubled(self.rules.retry_first, attempts.saturating_sub(1), self.rules.retry_longest)
    }

    /// A publisher failed a run: after so many it is left alone. For how long comes back.
    fn refused(&mut self, job: &str, host: &str, why: &str, now: Timestamp) -> Result<SignedDuration> {
        let failures = self.ledger.breaker(host)?.map_or(0, |breaker| breaker.failures) + 1;
        let further = failures.saturating_sub(self.rules.breaker_failures);
        let pause = doubled(self.rules.breaker_pause, further, self.rules.retry_longest);
        let until = now.checked_add(pause).unwrap_or(now);
        self.ledger.host_failed(host, self.rules.breaker_failures, until, why, now)?;
        if failures < self.rules.breaker_failures {
            return Ok(SignedDuration::ZERO);
        }
        let text = format!("{host} failed {failures} runs in a row and is left alone for a while: {why}");
        self.ledger.raise(&Alarm::up("breaker-open", host, text, &format!("tollhouse probe {job}"), now))?;
        Ok(pause)
    }

    fn answered(&mut self, host: &str, now: Timestamp) -> Result<()> {
        if self.ledger.breaker(host)?.is_some() {
            self.ledger.host_answered(host)?;
            self.ledger.clear("breaker-open", host, now)?;
        }
        Ok(())
    }

    /// Figures and verdicts are made anew after a commit; one run is enough for several commits.
    pub fn publish(&mut self, now: Timestamp) -> Result<()> {
        let waiting = self.ledger.ready(Timestamp::MAX)?.iter().any(|run| run.job == PUBLISH);
        if self.jobs.contains_key(PUBLISH) && !waiting {
            let deadline = now.checked_add(SignedDuration::from_hours(6)).unwrap_or(now);
            self.ledger.order(
                PUBLISH,
                &Order { trigger: Trigger::Commit, not_before: now, deadline, what: None },
                now,
            )?;
        }
        Ok(())
    }

    fn alarm_failed(&mut self, run: &Run, why: &str, now: Timestamp) -> Result<()> {
        let next = match run.hint.as_deref() {
            Some(_) => format!("tollhouse runs {}", run.id),
            None if run.job.starts_with('_') => format!("tollhouse runs {}", run.id),
            None => format!("tollhouse run --dry-run {}", run.job),
        };
        self.ledger.raise(&Alarm::up(RUN_FAILED, &run.job, format!("{}: {why}", run.id), &next, now))?;
        Ok(())
    }

    /// Raises and clears the alarms about data that are older than was promised.
    pub fn check_freshness(&mut self, now: Timestamp) -> Result<()> {
        let known: BTreeMap<String, Option<Timestamp>> =
            self.ledger.freshness()?.into_iter().map(|fresh| (fresh.dataset, fresh.newest)).collect();
        let promises: Vec<(String, SignedDuration)> =
            self.jobs.values().filter_map(|job| Some((job.name.clone(), job.schedule.as_ref()?.fresh()?))).collect();
        for (dataset, promise) in promises {
            let newest = known.get(&dataset).copied().flatten();
            if !is_late(Some(promise), newest, now) {
                self.ledger.clear("stale", &dataset, now)?;
                continue;
            }
            let days = promise.as_hours() / 24;
            let text = match newest {
                Some(newest) => format!(
                    "{dataset}: the newest period ends {}, and it is promised to be no more than {days} days old",
                    &newest.to_string()[..10]
                ),
                None => format!("{dataset} has no data, and they are promised to be no more than {days} days old"),
            };
            let next = format!("tollhouse status {dataset}");
            self.ledger.raise(&Alarm::up("stale", &dataset, text, &next, now))?;
        }
        Ok(())
    }
}

/// Whether a failure of this kind is one of what a publisher answered, so that it did answer.
fn told_something(kind: Kind) -> bool {
    matches!(kind, Kind::Refused | Kind::NotData | Kind::Changed | Kind::CheckFailed)
}

/// A pause that doubles so many times, and is never longer than the longest.
fn doubled(first: SignedDuration, times: u32, longest: SignedDuration) -> SignedDuration {
    1i32.checked_shl(times.min(30)).and_then(|factor| first.checked_mul(factor)).unwrap_or(longest).min(longest)
}

/// What is decided about the due times of a job in `(from, now]`.
fn decisions(
    job: &str,
    schedule: &Schedule,
    from: Timestamp,
    now: Timestamp,
    grace: SignedDuration,
    paused: bool,
    open: usize,
) -> Vec<Decided> {
    let (before, owed) = owed(schedule, from, now);
    let one = |due: Timestamp, decision: Decision| Decided { due, through: due, count: 1, decision, run: None };
    let run = |due: Timestamp| {
        let not_before = due.checked_add(schedule.delay(job, due)).unwrap_or(due);
        // Of a due time that was missed the time begins now.
        let deadline = not_before.max(now).checked_add(schedule.deadline()).unwrap_or(Timestamp::MAX);
        let order = Order { trigger: Trigger::Schedule, not_before, deadline, what: None };
        Decided { run: Some(order), ..one(due, Decision::Run) }
    };
    let let_go = if paused { Decision::Paused } else { Decision::Missed };
    let mut decided: Vec<Decided> = before
        .map(|(due, through, count)| Decided { due, through, count, decision: let_go, run: None })
        .into_iter()
        .collect();
    let overlaps = open > 0 && schedule.overlap() == Overlap::Skip;
    let newest = owed.last().copied();
    decided.extend(owed.into_iter().map(|due| {
        let missed = now.duration_since(due) > grace;
        match schedule.catch_up() {
            _ if paused => one(due, Decision::Paused),
            CatchUp::Skip if missed => one(due, Decision::Missed),
            _ if overlaps => one(due, Decision::Overlapped),
            CatchUp::All => run(due),
            _ if Some(due) == newest => run(due),
            _ => one(due, Decision::Covered),
        }
    }));
    decided
}

/// Due times that are told of as one: the first, the last, and how many there are where they were counted.
type Together = (Timestamp, Timestamp, u64);

/// The due times in `(from, now]`: the newest one by one, and what lies before them as one.
fn owed(schedule: &Schedule, from: Timestamp, now: Timestamp) -> (Option<Together>, Vec<Timestamp>) {
    let mut owed: Vec<Timestamp> = schedule.between(from, now).take(2 * ONE_BY_ONE + 1).collect();
    if owed.len() <= 2 * ONE_BY_ONE {
        let many = owed.len().saturating_sub(ONE_BY_ONE);
        let newest = owed.split_off(many);
        return (owed.first().zip(owed.last()).map(|(first, last)| (*first, *last, owed.len() as u64)), newest);
    }
    // Years of seconds are not counted: the newest are those of as long a time as so many took at first.
    let (Some(first), Some(last)) = (owed.first().copied(), owed.get(ONE_BY_ONE).copied()) else {
        return (None, owed);
    };
    let since = now.checked_sub(last.duration_since(first)).unwrap_or(now);
    let mut newest: Vec<Timestamp> = schedule.between(since.max(last), now).take(50 * ONE_BY_ONE).collect();
    let newest = newest.split_off(newest.len().saturating_sub(ONE_BY_ONE));
    (Some((first, since.max(last), 0)), newest)
}
