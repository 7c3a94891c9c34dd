//! Holding runs: a process says in the ledger which jobs it works on, so that nobody else does at the same time.
//!
//! [`Holding`] is for a command that a person gave. It claims a run for each dataset before it asks a publisher, says every few
//! seconds that it lives, and takes down how each ended. The daemon's processes work under claims that the daemon holds.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::SignedDuration;
use model::dataset::Dataset;
use model::{Error, Kind, Result};
use store::Warehouse;
use store::file::Hold;
use store::ledger::{Claim, Ended, Filter, Ledger, Order, Outcome, Run, State, Trigger};

use crate::config::{hosts, now, uptime};
use crate::report;

/// How often a holder says that it lives.
const BEAT: Duration = Duration::from_secs(5);

/// For how long a command waits for its turn at a publisher, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(120);
const TURN: Duration = Duration::from_millis(250);

/// A name that no other process has.
pub fn own_name(what: &str) -> String {
    let random = RandomState::new().build_hasher().finish();
    format!("{what}-{}-{:08x}", std::process::id(), random >> 32)
}

/// The runs that this process works on.
pub struct Holding {
    ledger: Ledger,
    claims: BTreeMap<String, Claim>,
    /// Whether somebody else says that this process lives, and takes down how it ends.
    given: bool,
    beating: Option<(Sender<()>, JoinHandle<()>)>,
    _alive: Option<Hold>,
}

impl Holding {
    /// Claims a run for each of these datasets: one that waits for its time, else a new one.
    ///
    /// Errors: [`Kind::LostRace`] where another works on any of them; then none is claimed.
    pub fn of(warehouse: &Warehouse, datasets: &[&Dataset]) -> Result<Self> {
        let holder = own_name("run");
        let alive = warehouse.live_as(&holder)?;
        let (mut ledger, opened) = Ledger::open(warehouse, now())?;
        if let Some(aside) = opened.set_aside {
            tracing::warn!(aside = %aside.display(), "the run ledger was damaged: it was set aside, and made again");
        }
        bury_dead(warehouse, &mut ledger)?;
        let mut holding = Self { ledger, claims: BTreeMap::new(), given: false, beating: None, _alive: Some(alive) };
        for dataset in datasets {
            if let Err(error) = holding.claim_in_turn(warehouse, dataset, &holder) {
                holding.let_go()?;
                return Err(error);
            }
        }
        holding.beat(warehouse);
        Ok(holding)
    }

    /// Works under a claim that the daemon holds.
    pub fn given(warehouse: &Warehouse, claim: Claim) -> Result<Self> {
        let ledger = Ledger::look(warehouse.root())?.ok_or_else(|| {
            Error::new(Kind::Usage, "there is no run ledger").hint("`tollhouse daemon` starts its own processes")
        })?;
        let claims = BTreeMap::from([(claim.job.clone(), claim)]);
        Ok(Self { ledger, claims, given: true, beating: None, _alive: None })
    }

    /// Gives back what was claimed: nothing was done yet.
    fn let_go(&mut self) -> Result<()> {
        for claim in std::mem::take(&mut self.claims).into_values() {
            let waited = self.ledger.run(&claim.run)?.is_some_and(|run| run.trigger != Trigger::Manual);
            let why = Ended {
                state: State::Cancelled,
                kind: None,
                message: Some("not begun: another run was in the way of one that was asked for with it".to_owned()),
                hint: None,
                snapshot: None,
            };
            let outcome = if waited { Outcome::Again { at: now(), why } } else { Outcome::Over(why) };
            self.ledger.end(&claim, &outcome, now())?;
        }
        Ok(())
    }

    /// Claims a run, waiting a while for its turn where another run asks the same publisher.
    fn claim_in_turn(&mut self, warehouse: &Warehouse, dataset: &Dataset, holder: &str) -> Result<()> {
        let (job, hosts, begun) = (dataset.id.as_str(), hosts(&[dataset])?, uptime());
        let mut told = false;
        while self.ledger.is_asked(&hosts, holder)? || !self.claim(job, &hosts, holder)? {
            let hosts = hosts.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            if uptime().saturating_sub(begun) >= PATIENCE {
                let message = format!("{job}: for {} s others have asked {hosts}", PATIENCE.as_secs());
                return Err(Error::new(Kind::LostRace, message)
                    .hint(format!(
                        "nothing was done, because a publisher is asked by one run at a time; see `tollhouse runs --state \
                         running`, or leave it to the daemon: tollhouse run --queue {job}"
                    ))
                    .retryable());
            }
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(dataset = job, "waiting: another run asks {hosts} just now");
            }
            std::thread::sleep(TURN);
            bury_dead(warehouse, &mut self.ledger)?;
        }
        Ok(())
    }

    /// Claims a run of a dataset: one that waits, else a new one. False where another was quicker to ask one of the hosts.
    ///
    /// Errors: [`Kind::LostRace`] where a run of the dataset goes on.
    fn claim(&mut self, job: &str, hosts: &BTreeSet<String>, holder: &str) -> Result<bool> {
        let now = now();
        let open = |ledger: &Ledger, state: State| -> Result<Option<Run>> {
            let filter = Filter {
                job: Some(job.to_owned()),
                state: Some(state.as_str().to_owned()),
                limit: 1,
                ..Filter::default()
            };
            Ok(ledger.runs(&filter)?.pop())
        };
        let waiting = open(&self.ledger, State::Queued)?.filter(|run| run.what.is_none());
        let ordered = waiting.is_none();
        let run = match waiting {
            Some(run) => run,
            None => {
                let deadline = now.checked_add(SignedDuration::from_hours(24)).unwrap_or(now);
                let order = Order { trigger: Trigger::Manual, not_before: now, deadline, what: None };
                self.ledger.order(job, &order, now)?
            }
        };
        if let Some(claim) = self.ledger.claim(&run.id, holder, hosts, now)? {
            self.claims.insert(job.to_owned(), claim);
            return Ok(true);
        }
        if ordered {
            self.ledger.cancel(&run.id, "another run was quicker", now)?;
        }
        match open(&self.ledger, State::Running)? {
            Some(run) => Err(Error::new(
                Kind::LostRace,
                format!("{job} is being run by another process (`tollhouse runs {}`)", run.id),
            )
            .hint("nothing was done; wait for it, or give it up with `tollhouse runs RUN --cancel`")
            .retryable()),
            None => Ok(false),
        }
    }

    /// Says from now on, in a thread of its own, that this process lives.
    fn beat(&mut self, warehouse: &Warehouse) {
        let claims: Vec<Claim> = self.claims.values().cloned().collect();
        let root = warehouse.root().to_owned();
        let (end, ended) = channel();
        let beating = std::thread::spawn(move || {
            // Whoever cannot say that it lives is taken for dead, and learns that before it commits.
            while ended.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                if let Ok(Some(mut ledger)) = Ledger::look(&root)
                    && let Err(error) = ledger.beat(&claims)
                {
                    tracing::warn!(%error, "cannot say that this run lives");
                }
            }
        });
        self.beating = Some((end, beating));
    }

    /// Refuses a commit where any of the runs was taken over.
    pub fn fence(&self) -> Result<()> {
        self.claims.values().try_for_each(|claim| fence(&self.ledger, claim))
    }

    /// Writes down what was done for a dataset. Refused where its run was taken over: then no more is to be asked for.
    pub fn step(&mut self, dataset: &str, stage: &str, what: &serde_json::Value) -> Result<()> {
        let Some(claim) = self.claims.get(dataset) else { return Ok(()) };
        fence(&self.ledger, claim)?;
        self.ledger.step(&claim.run, claim.attempt, stage, &what.to_string(), now())
    }

    /// Takes down how the run of a dataset ended, and that its alarm is over where it ended well.
    pub fn end(&mut self, dataset: &str, ended: Ended) -> Result<()> {
        if self.given {
            return Ok(());
        }
        let Some(claim) = self.claims.remove(dataset) else { return Ok(()) };
        let well = ended.kind.is_none();
        self.ledger.end(&claim, &Outcome::Over(ended), now())?;
        if well {
            self.ledger.clear("run-failed", dataset, now())?;
        }
        Ok(())
    }

    /// Takes down of all runs that have not ended yet that they failed so.
    pub fn fail(&mut self, error: &Error) -> Result<()> {
        let open: Vec<String> = self.claims.keys().cloned().collect();
        open.iter().try_for_each(|dataset| self.end(dataset, failed(error)))
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        if let Some((end, beating)) = self.beating.take() {
            drop(end);
            let _ended = beating.join();
        }
    }
}

/// Queues the runs of dead holders again.
fn bury_dead(warehouse: &Warehouse, ledger: &mut Ledger) -> Result<()> {
    for beat in ledger.beats()? {
        if warehouse.is_dead(&beat.holder) {
            ledger.bury(&beat, now(), now())?;
        }
    }
    Ok(())
}

/// Refuses a commit where the run was taken over by another holder.
pub fn fence(ledger: &Ledger, claim: &Claim) -> Result<()> {
    if ledger.holds(&claim.run, claim.token)? {
        return Ok(());
    }
    Err(Error::new(Kind::LostRace, format!("{} was taken over while this process slept", claim.run))
        .hint("nothing of this attempt was committed; whoever took it over does its work"))
}

/// A failure as the ledger keeps it.
pub fn failed(error: &Error) -> Ended {
    Ended {
        state: State::Failed,
        kind: Some(report::word(error.kind()).to_owned()),
        message: Some(report::in_a_line(error)),
        hint: error.hint_text().map(ToOwned::to_owned),
        snapshot: None,
    }
}
