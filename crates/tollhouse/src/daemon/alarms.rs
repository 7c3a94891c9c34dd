//! Telling of alarms: in the log, once each, and to the webhook, until somebody has heard.
//!
//! Which alarms nobody was told of stands in the ledger. One that the webhook does not take holds up none of the others.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::Result;
use store::ledger::{Alarm, Ledger};

use super::core::RUN_FAILED;
use super::tell::Told;
use crate::config::uptime;
use crate::report;
use crate::worker::DAMAGED;

/// How long to wait before an alarm that could not be told is told again.
const AGAIN: Duration = Duration::from_secs(30);

/// The alarm that other declarations or another configuration were no good.
pub const RELOAD_FAILED: &str = "reload-failed";

/// Alarms of which the log has the whole text already, from what raised them.
const LOGGED: [&str; 3] = [RUN_FAILED, DAMAGED, RELOAD_FAILED];

/// What was told, and is being told.
#[derive(Default)]
pub struct Alarms {
    /// Number, and whether it was cleared, of those that the log has.
    logged: BTreeSet<(i64, bool)>,
    /// Name and subject of those that were told and could not be kept.
    unkept: BTreeSet<(String, String)>,
    telling: Arc<Mutex<Telling>>,
}

#[derive(Default)]
struct Telling {
    at_it: bool,
    /// The one that could not be told, and when that was tried.
    failed: Option<(i64, Duration)>,
}

impl Alarms {
    /// Logs those that are new, and tells the webhook of one; the others follow with the next looks.
    pub fn tell(&mut self, ledger: &mut Ledger, told: &Arc<Told>, root: &Path, up: Duration) -> Result<()> {
        let untold = ledger.untold()?;
        let open: BTreeSet<(i64, bool)> = untold.iter().map(|(number, one)| (*number, one.cleared.is_some())).collect();
        self.logged.retain(|one| open.contains(one));
        for (number, alarm) in &untold {
            if self.logged.insert((*number, alarm.cleared.is_some())) {
                log(alarm);
            }
            if !told.has_webhook() {
                ledger.told(*number, alarm)?;
            }
        }
        if told.has_webhook() {
            self.tell_one(untold, told, root, up);
        }
        Ok(())
    }

    /// Tells of an alarm that the ledger cannot keep, as on a full disk: once, and nobody knows whether it was heard.
    pub fn tell_unkept(&mut self, alarm: Alarm, told: &Arc<Told>) {
        if !self.unkept.insert((alarm.name.clone(), alarm.subject.clone())) {
            return;
        }
        log(&alarm);
        let told = Arc::clone(told);
        tokio::spawn(async move {
            if let Err(error) = told.alarm(&alarm).await {
                tracing::warn!(error = report::in_a_line(&error), "an alarm could not be told");
            }
        });
    }

    /// An alarm can be kept again, or is over.
    pub fn kept(&mut self, name: &str, subject: &str) {
        self.unkept.remove(&(name.to_owned(), subject.to_owned()));
    }

    fn tell_one(&self, untold: Vec<(i64, Alarm)>, told: &Arc<Told>, root: &Path, up: Duration) {
        let mut telling = lock(&self.telling);
        if telling.at_it || telling.failed.is_some_and(|(_, failed)| up.saturating_sub(failed) < AGAIN) {
            return;
        }
        // After one that could not be told the next has its turn.
        let after = telling.failed.map_or(0, |(number, _)| number);
        let place = untold.iter().position(|(number, _)| *number > after).unwrap_or(0);
        let Some((number, alarm)) = untold.into_iter().nth(place) else { return };
        telling.at_it = true;
        drop(telling);
        let (told, telling, root) = (Arc::clone(told), Arc::clone(&self.telling), root.to_owned());
        tokio::spawn(async move {
            let done = match told.alarm(&alarm).await {
                Ok(()) => tokio::task::spawn_blocking(move || take_down(&root, number, &alarm)).await.unwrap_or(Ok(())),
                Err(error) => Err(error),
            };
            let mut telling = lock(&telling);
            telling.at_it = false;
            match (done, telling.failed) {
                (Ok(()), None) => {}
                (Ok(()), Some(_)) => {
                    tracing::info!("alarms are told again");
                    telling.failed = None;
                }
                (Err(error), before) => {
                    let error = report::in_a_line(&error);
                    match before {
                        None => {
                            tracing::warn!(error, "an alarm could not be told: it will be again, until it is heard")
                        }
                        Some(_) => tracing::debug!(error, "an alarm could not be told again"),
                    }
                    telling.failed = Some((number, uptime()));
                }
            }
        });
    }
}

fn log(alarm: &Alarm) {
    let (name, subject, next) = (&alarm.name, &alarm.subject, &alarm.next);
    match alarm.cleared {
        Some(_) => tracing::info!(alarm = name, subject, "this alarm is over"),
        None if LOGGED.contains(&name.as_str()) => tracing::warn!(alarm = name, subject, next, "an alarm is up"),
        None => tracing::warn!(alarm = name, subject, next, "an alarm is up: {}", alarm.text),
    }
}

fn take_down(root: &Path, number: i64, alarm: &Alarm) -> Result<()> {
    match Ledger::look(root)? {
        Some(mut ledger) => ledger.told(number, alarm),
        None => Ok(()),
    }
}

fn lock(telling: &Mutex<Telling>) -> std::sync::MutexGuard<'_, Telling> {
    telling.lock().unwrap_or_else(PoisonError::into_inner)
}
