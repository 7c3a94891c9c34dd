//! The daemon at work: the loop between the bell, the processes, the signals and whoever asks over HTTP.
//!
//! The bell is tokio-cron-scheduler's, once a second: it says only that it is time to look. What is due is [`super::core`]'s.
//! The loop never waits for anything but the bell: processes, tellings and HTTP have tasks of their own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use model::{Error, Kind, Result, ResultExt as _};
use sd_notify::NotifyState;
use store::file::Hold;
use store::ledger::{Alarm, Claim, Freshness, Ledger};
use store::{Origin, Warehouse};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_cron_scheduler::{Job as BellJob, JobScheduler};

use super::alarms::{Alarms, RELOAD_FAILED};
use super::core::{Action, Core, Finish, Job, PUBLISH};
use super::frozen::{self, Frozen};
use super::listen::Listen;
use super::process::{Ended, Place, Running, Stop, not_begun};
use super::tell::Told;
use crate::config::{now, uptime};
use crate::holding::own_name;
use crate::publish::CHANGED;
use crate::report;
use crate::web::{TokenFile, Tokens};

/// How often the bell rings.
const BELL: Duration = Duration::from_secs(1);

/// After so long without it the bell is taken for dead.
const SILENCE: Duration = Duration::from_secs(5);

/// How often the disk, and how old the data are, is looked at.
const LOOK: Duration = Duration::from_secs(30);

/// How often files are looked for that the newest snapshot names.
const PRESENT: Duration = Duration::from_secs(300);

/// For how long an alarm is up that tells of an event.
const EVENT: SignedDuration = SignedDuration::from_hours(24);

/// The alarm that there is little room on the disk.
const DISK_LOW: &str = "disk-low";

/// How long a process that was told to stop may take before it is killed.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What the daemon is started with.
pub struct Options {
    /// The root.
    pub root: PathBuf,
    /// The project's folder, as the command line has it.
    pub project: Option<PathBuf>,
    /// The configuration's file, as the command line has it.
    pub config: Option<PathBuf>,
    /// The replica's address, where it is asked instead of publishers.
    pub replica: Option<String>,
    /// Who may ask over the network, where anybody may.
    pub tokens: Option<TokenFile>,
}

/// What a daemon works by, read and found good, and not yet in force.
pub struct Set {
    frozen: Frozen,
    told: Told,
    tokens: Option<Tokens>,
}

impl Options {
    /// Reads declarations, configuration and tokens.
    ///
    /// Errors: those of each, with its file.
    pub fn read(&self, holder: &str) -> Result<Set> {
        let frozen = Frozen::read(self.project.as_deref(), self.config.as_deref(), self.replica.is_some(), holder)?;
        let told = Told::new(&frozen.config, &self.root.display().to_string())?;
        let tokens = self.tokens.as_ref().map(TokenFile::read_again).transpose()?;
        Ok(Set { frozen, told, tokens })
    }
}

impl Set {
    /// How many jobs follow from it.
    pub fn jobs(&self) -> usize {
        self.frozen.jobs.len()
    }
}

/// What others may see of the daemon, and ask of it.
pub struct Shared {
    /// The root, absolute.
    pub root: PathBuf,
    /// Whether its data are real.
    pub origin: Origin,
    /// This daemon's name.
    pub holder: String,
    /// Since when it runs.
    pub started: Timestamp,
    /// The same, by the clock that never jumps.
    begun: Duration,
    /// What is seen.
    pub seen: RwLock<Seen>,
    /// Rings the bell.
    pub bell: Notify,
    /// Asks for a reload.
    pub reload: Notify,
    /// The set that is worked by.
    frozen: RwLock<Arc<Frozen>>,
    /// The set that is to be worked by from the next reload on, where it was read already.
    next: Mutex<Option<Set>>,
    options: Options,
}

/// What is seen of the daemon.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Its jobs, with the declarations' own words.
    pub jobs: BTreeMap<String, Job>,
    /// When it last looked, by either clock.
    pub ticked: Option<(Timestamp, Duration)>,
    /// Whether it ends.
    pub draining: bool,
    /// Why no run begins.
    pub held: Option<String>,
    /// The newest snapshot, when it was made, and what was found when it was looked at.
    pub newest: Option<(u64, Timestamp, std::result::Result<(), String>)>,
    /// The counts of its datasets: read, kept, totals, rejected.
    pub counts: BTreeMap<String, [u64; 4]>,
    /// Room on the disk, free and used.
    pub room: Option<(u64, u64)>,
    /// With less of it no run begins.
    pub min_free: u64,
    /// Limits by the hour, by host.
    pub hourly: BTreeMap<String, u32>,
}

impl Shared {
    /// What is seen now.
    pub fn seen(&self) -> Seen {
        self.seen.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The set that is worked by.
    pub fn frozen(&self) -> Arc<Frozen> {
        Arc::clone(&self.frozen.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// For how long the loop has decided nothing.
    pub fn silent(&self) -> Duration {
        let since = self.seen().ticked.map_or(self.begun, |(_, ticked)| ticked);
        uptime().saturating_sub(since)
    }

    /// Whether promises about how new data are bind: the replica's are of the past for ever.
    pub fn promises(&self) -> bool {
        self.origin == Origin::Live
    }

    /// Reads declarations, configuration and tokens, and asks the loop to take them if they are good.
    ///
    /// Errors: those of each, with its file; the old set then stays.
    pub fn try_reload(&self) -> Result<()> {
        let set = self.options.read(&self.holder)?;
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(set);
        self.reload.notify_one();
        Ok(())
    }

    fn show(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The daemon.
pub struct Daemon {
    warehouse: Warehouse,
    core: Core,
    frozen: Arc<Frozen>,
    told: Arc<Told>,
    place: Place,
    shared: Arc<Shared>,
    runs: BTreeMap<String, (Claim, Running, Timestamp)>,
    ends: (UnboundedSender<Ended>, UnboundedReceiver<Ended>),
    /// When things were done last, by the clock that never jumps.
    looked: Option<Duration>,
    lived: Option<Duration>,
    forgot: Option<Duration>,
    present: Option<Duration>,
    alarms: Alarms,
    /// Nobody has looked yet how far the data reach.
    unjudged: bool,
    /// Why the last look failed, if it did.
    failing: Option<String>,
    /// Why looking about failed the last time, if it did.
    blind: Option<String>,
    _alive: Hold,
}

impl Daemon {
    /// Opens the warehouse, making it where there is none, and its ledger, which is made again where it was damaged.
    pub fn new(options: Options) -> Result<Self> {
        let origin = if options.replica.is_some() { Origin::Replica } else { Origin::Live };
        // Made here, and let go: whoever is open for writing keeps garbage from being collected.
        drop(Warehouse::open_or_create(&options.root, origin, now())?);
        let warehouse = Warehouse::open(&options.root)?;
        let holder = own_name("daemon");
        let alive = warehouse.live_as(&holder)?;
        let (mut ledger, opened) = Ledger::open(&warehouse, now())?;
        tell_of_opening(&mut ledger, &opened)?;
        frozen::sweep(&|holder| warehouse.is_dead(holder));
        let root = warehouse.root().to_owned();
        let options = Options { root: root.clone(), ..options };
        let Set { frozen, told, .. } = options.read(&holder)?;
        let (frozen, told) = (Arc::new(frozen), Arc::new(told));
        let shared = Arc::new(Shared {
            root: root.clone(),
            origin,
            holder: holder.clone(),
            started: now(),
            begun: uptime(),
            seen: RwLock::new(Seen::default()),
            bell: Notify::new(),
            reload: Notify::new(),
            frozen: RwLock::new(Arc::clone(&frozen)),
            next: Mutex::default(),
            options,
        });
        let mut core = Core::new(ledger, holder, frozen.jobs.clone(), frozen.rules());
        // How far the data reach no ledger knows that was just made.
        let unjudged = opened.rebuilt;
        if unjudged {
            core.publish(now())?;
        }
        let place = Place { root, replica: shared.options.replica.clone() };
        let mut daemon = Self {
            warehouse,
            core,
            frozen,
            told,
            place,
            shared,
            runs: BTreeMap::new(),
            ends: unbounded_channel(),
            looked: None,
            lived: None,
            forgot: None,
            alarms: Alarms::default(),
            unjudged,
            failing: None,
            blind: None,
            present: None,
            _alive: alive,
        };
        daemon.show_jobs();
        Ok(daemon)
    }

    /// What others may see of it.
    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Works until it is asked to end, then lets its runs end. It is asked over HTTP as long as it works.
    pub async fn run(mut self, listen: Listen) -> Result<()> {
        let mut signals = Signals::new()?;
        let answering = listen.answer(self.shared()).await?;
        let mut bell = ring(Arc::clone(&self.shared)).await?;
        self.look_about();
        tracing::info!(holder = self.shared.holder, jobs = self.core.jobs().len(), "the daemon is at work");
        notify(&[NotifyState::Ready]);
        loop {
            tokio::select! {
                () = self.shared.bell.notified() => self.tick(),
                // The bell goes by the wall clock: set back, it would be silent until the clock is where it was.
                () = tokio::time::sleep(SILENCE) => {
                    tracing::warn!("the bell was silent: it is hung anew");
                    self.tick();
                    let old = std::mem::replace(&mut bell, ring(Arc::clone(&self.shared)).await?);
                    take_down(old).await;
                }
                Some(ended) = self.ends.1.recv() => {
                    self.ended(ended);
                    self.tick();
                }
                _ = signals.reload.recv() => self.reload(),
                () = self.shared.reload.notified() => self.reload(),
                _ = signals.end.recv() => break,
                _ = signals.interrupt.recv() => break,
            }
        }
        self.drain().await;
        answering.end().await;
        take_down(bell).await;
        tracing::info!("the daemon has ended");
        Ok(())
    }

    /// One look: decides, begins and ends runs, and says that it looked.
    fn tick(&mut self) {
        let (now, up) = (now(), uptime());
        let warehouse = self.warehouse.clone();
        let mut actions = Vec::new();
        let is_dead = |holder: &str| warehouse.is_dead(holder);
        let looked = tokio::task::block_in_place(|| self.core.tick(now, up, &is_dead, &mut actions));
        actions.into_iter().for_each(|action| self.act(action, now));
        let failing = looked.as_ref().err().map(report::in_a_line);
        if failing != self.failing {
            match &failing {
                // The next look is the next attempt.
                Some(error) => tracing::error!(error, "nothing can be decided: it is tried again each second"),
                None => tracing::info!("things are decided again"),
            }
            self.failing = failing;
        }
        let every = |last: &mut Option<Duration>, pause: Duration| {
            let due = last.is_none_or(|last| up.saturating_sub(last) >= pause);
            if due {
                *last = Some(up);
            }
            due
        };
        if every(&mut self.looked, LOOK) {
            self.look_about();
        }
        // Who cannot decide is not well.
        if looked.is_ok()
            && every(&mut self.lived, Duration::from_secs(self.frozen.config.daemon.deadman_seconds.max(1)))
        {
            self.told.alive();
        }
        if every(&mut self.forgot, Duration::from_secs(86_400)) {
            self.forget(now);
        }
        // Where nothing can be decided, the ledger has no more to tell.
        if looked.is_ok()
            && let Err(error) = self.alarms.tell(self.core.ledger(), &self.told, &self.shared.root, up)
        {
            tracing::error!(error = report::in_a_line(&error), "alarms could not be told");
        }
        // What does not end where it was told to is ended; a stage may take its time.
        let patience = Duration::from_secs(self.frozen.config.daemon.drain_seconds) + LAST_WORDS;
        self.runs.values_mut().for_each(|(_, running, _)| running.kill_after(patience, up));
        // Only a look that was finished says that the scheduler lives.
        if looked.is_ok() {
            self.shared.show(|seen| seen.ticked = Some((now, up)));
            notify(&[NotifyState::Watchdog]);
        }
    }

    fn act(&mut self, action: Action, now: Timestamp) {
        match action {
            Action::Start(claim) => self.begin(claim, now),
            Action::Stop(claim, why) => {
                tracing::warn!(run = claim.run, why, "this run is given up");
                self.stop(&claim.run, Stop::GivenUp(why));
            }
            Action::Lost(claim) => {
                if let Some((_, running, _)) = self.runs.get_mut(&claim.run) {
                    running.kill();
                }
            }
        }
    }

    fn begin(&mut self, claim: Claim, now: Timestamp) {
        tracing::info!(run = claim.run, attempt = claim.attempt, "this run begins");
        match Running::begin(&self.place, &self.frozen, claim.clone(), self.ends.0.clone()) {
            Ok(running) => {
                if let Ok(Some(run)) = self.core.ledger().run(&claim.run) {
                    self.told.begun(&run, claim.attempt, now);
                }
                self.runs.insert(claim.run.clone(), (claim, running, now));
            }
            Err(error) => {
                let ended = Ended { finish: not_begun(&error), claim, report: None };
                let _the_loop_is_here = self.ends.0.send(ended);
            }
        }
    }

    /// Tells a run to stop; where it does not in time, a later look kills it.
    fn stop(&mut self, run: &str, why: Stop) {
        if let Some((_, running, _)) = self.runs.get_mut(run) {
            running.stop(why);
        }
    }

    /// Takes down how a run ended.
    fn ended(&mut self, ended: Ended) {
        let now = now();
        let Ended { claim, finish, report } = ended;
        let (running, began) = match self.runs.remove(&claim.run) {
            Some((_, running, began)) => (Some(running), began),
            None => (None, now),
        };
        let stopped = running.and_then(|running| running.stopping);
        let finish = match (finish, stopped) {
            // What was done is done, whoever asked it to stop.
            (finish @ Finish::Done { .. }, _) | (finish, None) => finish,
            (_, Some(Stop::GivenUp(why))) => Finish::Stopped(why),
            (_, Some(Stop::Draining)) => Finish::Drained,
        };
        let ours = match tokio::task::block_in_place(|| self.core.ended(&claim, &finish, now)) {
            Ok(ours) => ours,
            Err(error) => {
                tracing::error!(
                    run = claim.run,
                    error = report::in_a_line(&error),
                    "how this run ended could not be taken down"
                );
                // It is tried again with the next look; until then the run counts as going on.
                let again = Ended { claim, finish, report };
                let ends = self.ends.0.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(BELL).await;
                    let _the_daemon_has_ended = ends.send(again);
                });
                return;
            }
        };
        if claim.job == PUBLISH && report.as_ref().is_some_and(|report| report.kind.is_none()) {
            self.unjudged = false;
        }
        self.log_end(&claim, &finish, report.as_ref());
        if ours {
            self.take_over(&claim, report, now);
            self.tell_end(&claim, began, now);
        }
    }

    fn log_end(&self, claim: &Claim, finish: &Finish, report: Option<&crate::worker::Report>) {
        let run = claim.run.as_str();
        for remark in report.into_iter().flat_map(|report| &report.remarks) {
            tracing::warn!(run, "{remark}");
        }
        match finish {
            Finish::Done { state, snapshot } => tracing::info!(run, state = state.as_str(), snapshot, "this run ended"),
            Finish::Failed { kind, message, hint, .. } => {
                tracing::error!(run, kind = report::word(*kind), next = hint.as_deref(), "{message}");
            }
            Finish::Stopped(why) => tracing::warn!(run, why, "this run was given up"),
            Finish::Drained => tracing::info!(run, "this run waits for the next daemon"),
            Finish::Died(how) => tracing::error!(run, "{how}"),
        }
    }

    /// Keeps what a run's process learned.
    fn take_over(&mut self, claim: &Claim, report: Option<crate::worker::Report>, now: Timestamp) {
        let Some(report) = report else { return };
        let ledger = self.core.ledger();
        let mut keep = || -> Result<()> {
            for (dataset, newest) in &report.newest {
                let snapshot = report.looked;
                ledger.reaches(&Freshness { dataset: dataset.clone(), newest: *newest, snapshot, looked: now })?;
            }
            for (name, value) in &report.facts {
                ledger.keep(name, value, now)?;
            }
            for (name, subject) in &report.over {
                ledger.clear(name, subject, now)?;
            }
            for alarm in &report.alarms {
                ledger.raise(alarm)?;
            }
            Ok(())
        };
        if let Err(error) = keep() {
            tracing::error!(
                run = claim.run,
                error = report::in_a_line(&error),
                "what this run learned could not be kept"
            );
        }
        if report.snapshot.is_some() {
            self.looked = None;
        }
    }

    fn tell_end(&mut self, claim: &Claim, began: Timestamp, now: Timestamp) {
        let ledger = self.core.ledger();
        if let (Ok(Some(run)), Ok(steps)) = (ledger.run(&claim.run), ledger.steps(&claim.run)) {
            self.told.ended(&run, claim.attempt, began, &steps, now);
        }
    }

    /// Looks at the disk, at the newest snapshot and at how old the data are.
    fn look_about(&mut self) {
        let looked = tokio::task::block_in_place(|| self.look());
        let failing = looked.as_ref().err().map(report::in_a_line);
        if failing != self.blind {
            match &failing {
                Some(error) => tracing::error!(error, "the daemon cannot look about: it tries again every half minute"),
                None => tracing::info!("the daemon looks about again"),
            }
            self.blind = failing;
        }
    }

    fn look(&mut self) -> Result<()> {
        let (now, up) = (now(), uptime());
        self.look_at_disk(now)?;
        self.let_events_go(now)?;
        self.look_at_snapshot(up)?;
        if self.shared.promises() && !self.unjudged { self.core.check_freshness(now) } else { Ok(()) }
    }

    /// A verdict that changed is no state that ends by itself: who has not heard of it within a day will not.
    fn let_events_go(&mut self, now: Timestamp) -> Result<()> {
        let ledger = self.core.ledger();
        for alarm in ledger.alarms(false)? {
            if alarm.name == CHANGED && store::ledger::since(alarm.raised, now) >= EVENT {
                ledger.clear(&alarm.name, &alarm.subject, now)?;
            }
        }
        Ok(())
    }

    fn look_at_disk(&mut self, now: Timestamp) -> Result<()> {
        let room = self.warehouse.room()?;
        let least = self.frozen.config.daemon.min_free_bytes;
        let low = room.free < least;
        let why = low.then(|| format!("the disk has {} bytes left, and {least} are to stay free", room.free));
        self.core.hold(why.clone());
        self.shared.show(|seen| {
            seen.room = Some((room.free, room.used));
            seen.held.clone_from(&why);
            seen.min_free = least;
        });
        let subject = self.shared.root.display().to_string();
        match why {
            Some(text) => {
                let alarm = Alarm::up(DISK_LOW, &subject, text, "tollhouse snapshot gc --keep 30", now);
                if let Err(error) = self.core.ledger().raise(&alarm) {
                    // Where the disk is full, this is what must be known.
                    self.alarms.tell_unkept(alarm, &self.told);
                    return Err(error);
                }
                self.alarms.kept(DISK_LOW, &subject);
            }
            None => {
                self.alarms.kept(DISK_LOW, &subject);
                self.core.ledger().clear(DISK_LOW, &subject, now)?;
            }
        }
        Ok(())
    }

    /// Whether all that the newest snapshot names is there: of a new one at once, then from time to time.
    fn look_at_snapshot(&mut self, up: Duration) -> Result<()> {
        let Some(number) = self.warehouse.numbers()?.last().copied() else { return Ok(()) };
        let known = self.shared.seen().newest;
        let lately = self.present.is_some_and(|last| up.saturating_sub(last) < PRESENT);
        if lately && known.is_some_and(|(known, _, sound)| known == number && sound.is_ok()) {
            return Ok(());
        }
        self.present = Some(up);
        let created = self.warehouse.snapshot(number)?.created;
        let found = self.warehouse.present(number);
        self.shared.show(|seen| {
            if let Ok(counts) = &found {
                let each = counts.iter().map(|(dataset, counts)| {
                    (dataset.to_string(), [counts.read, counts.kept, counts.totals, counts.rejected])
                });
                seen.counts = each.collect();
            }
            seen.newest = Some((number, created, found.map(|_| ()).map_err(|error| report::in_a_line(&error))));
        });
        Ok(())
    }

    fn forget(&mut self, now: Timestamp) {
        let Ok(before) = now.checked_sub(self.frozen.config.daemon.keep_runs) else { return };
        let forgotten = tokio::task::block_in_place(|| {
            let ledger = self.core.ledger();
            let needed = ledger.beats()?.into_iter().map(|beat| beat.holder).collect();
            self.warehouse.forget_holders(&needed)?;
            ledger.forget(before)
        });
        match forgotten {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "old runs were forgotten"),
            Err(error) => tracing::error!(error = report::in_a_line(&error), "old runs could not be forgotten"),
        }
    }

    /// Takes other declarations and another configuration, if they are good.
    fn reload(&mut self) {
        notify(&[NotifyState::Reloading]);
        if let Ok(time) = NotifyState::monotonic_usec_now() {
            notify(&[time]);
        }
        let done = tokio::task::block_in_place(|| self.read_again());
        let now = now();
        let ledger = self.core.ledger();
        let noted = match &done {
            Ok(()) => {
                tracing::info!(jobs = self.core.jobs().len(), "pipelines and configuration were read again");
                self.core.ledger().clear(RELOAD_FAILED, "pipelines", now).map(|_| ())
            }
            Err(error) => {
                tracing::error!(error = report::in_a_line(error), "the old pipelines and configuration stay");
                let text = format!("the old set stays: {}", report::in_a_line(error));
                let alarm = Alarm::up(RELOAD_FAILED, "pipelines", text, "tollhouse daemon --check", now);
                ledger.raise(&alarm).map(|_| ())
            }
        };
        if let Err(error) = noted {
            tracing::error!(error = report::in_a_line(&error), "an alarm could not be taken down");
        }
        notify(&[NotifyState::Ready]);
    }

    fn read_again(&mut self) -> Result<()> {
        let read = self.shared.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        let set = read.map_or_else(|| self.shared.options.read(&self.shared.holder), Ok)?;
        let Set { frozen, told, tokens } = set;
        if let (Some(file), Some(tokens)) = (&self.shared.options.tokens, tokens) {
            file.replace(tokens);
        }
        self.told = Arc::new(told);
        self.core.reload(frozen.jobs.clone(), frozen.rules());
        self.frozen = Arc::new(frozen);
        *self.shared.frozen.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&self.frozen);
        self.show_jobs();
        self.looked = None;
        Ok(())
    }

    fn show_jobs(&mut self) {
        let jobs = self.core.jobs().clone();
        let hourly = self.frozen.config.hourly();
        self.shared.show(|seen| {
            seen.jobs = jobs;
            seen.hourly = hourly;
        });
    }

    /// Lets the runs end: first by themselves, then at their next stage, then at once. Those that did not end wait for the next
    /// daemon.
    async fn drain(&mut self) {
        notify(&[NotifyState::Stopping]);
        self.core.drain();
        self.shared.show(|seen| seen.draining = true);
        let drain = Duration::from_secs(self.frozen.config.daemon.drain_seconds);
        tracing::info!(runs = self.runs.len(), seconds = drain.as_secs(), "the daemon ends: its runs may end first");
        self.wait_for_runs(drain).await;
        let left: Vec<String> = self.runs.keys().cloned().collect();
        left.iter().for_each(|run| self.stop(run, Stop::Draining));
        self.wait_for_runs(LAST_WORDS).await;
        self.runs.values_mut().for_each(|(_, running, _)| running.kill());
        self.wait_for_runs(LAST_WORDS).await;
    }

    async fn wait_for_runs(&mut self, patience: Duration) {
        let until = uptime() + patience;
        while !self.runs.is_empty() && uptime() < until {
            tokio::select! {
                Some(ended) = self.ends.1.recv() => self.ended(ended),
                // Whoever waits lives, and says so.
                () = self.shared.bell.notified() => self.tick(),
                () = tokio::time::sleep(until.saturating_sub(uptime()).min(SILENCE)) => self.tick(),
            }
        }
    }
}

/// The signals that are listened to.
struct Signals {
    end: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).or_error(Kind::Io, "cannot listen for signals");
        Ok(Self {
            end: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            reload: listen(SignalKind::hangup())?,
        })
    }
}

/// Stops a bell.
async fn take_down(mut bell: JobScheduler) {
    if let Err(error) = bell.shutdown().await {
        tracing::debug!(%error, "the bell did not stop");
    }
}

/// Rings the bell once a second.
async fn ring(shared: Arc<Shared>) -> Result<JobScheduler> {
    let cannot = |cause: tokio_cron_scheduler::JobSchedulerError| {
        Error::new(Kind::Internal, "the scheduler's bell cannot be rung").caused_by(cause)
    };
    let scheduler = JobScheduler::new().await.map_err(cannot)?;
    // By cron and not "repeated": a repeated job of this scheduler that once came two seconds late never comes again.
    let job = BellJob::new("* * * * * *", move |_, _| shared.bell.notify_one()).map_err(cannot)?;
    scheduler.add(job).await.map_err(cannot)?;
    scheduler.start().await.map_err(cannot)?;
    Ok(scheduler)
}

/// What was found when the ledger was opened, for whoever looks at alarms.
fn tell_of_opening(ledger: &mut Ledger, opened: &store::ledger::Opened) -> Result<()> {
    let (now, subject) = (now(), "state.sqlite");
    let text = match &opened.set_aside {
        Some(aside) => format!(
            "it was damaged, was set aside as {}, and was made again from snapshots and receipts; pauses and queued runs are lost",
            aside.display()
        ),
        None if opened.rebuilt => {
            "it was missing or empty, and was made from snapshots and receipts; if there was one before, its pauses and \
             queued runs are lost"
                .to_owned()
        }
        None => {
            ledger.clear("state-rebuilt", subject, now)?;
            return Ok(());
        }
    };
    ledger.raise(&Alarm::up("state-rebuilt", subject, text, "tollhouse status", now))?;
    Ok(())
}

/// Tells systemd, where it listens.
fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd does not listen");
    }
}
