//! `status`: what is due, what went on last, and what an operator must know.

use std::process::ExitCode;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use model::{Error, Kind, Result};
use serde::Serialize;
use store::ledger::{Alarm, JobLine, Ledger, Run};
use store::{Origin, Warehouse};

use super::Context;
use crate::config::now;
use crate::daemon::core::Job;
use crate::daemon::jobs;
use crate::output::{last_day, print_json, say, table};

#[derive(Args)]
pub struct Status {
    /// One job: its due times and what was decided about them too
    #[arg(value_name = "JOB")]
    job: Option<String>,
}

/// A job as it stands.
#[derive(Debug, Serialize)]
struct Line {
    job: String,
    schedule: String,
    next: Option<Timestamp>,
    paused: Option<Timestamp>,
    paused_why: Option<String>,
    last: Option<Run>,
    open: Vec<Run>,
    /// The end of the newest period that there are data of.
    newest: Option<Timestamp>,
    /// How old that may be, in days.
    promised_days: Option<i64>,
    stale: bool,
}

#[derive(Serialize)]
struct Whole<'a> {
    snapshot: Option<u64>,
    alarms: &'a [Alarm],
    jobs: &'a [Line],
}

impl Status {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let warehouse = context.warehouse()?;
        let (project, config) = (context.project()?, context.config()?);
        let all = jobs::of(&project, &config, warehouse.origin() == Origin::Replica)?;
        let ledger = Ledger::look(warehouse.root())?;
        let alarms = ledger.as_ref().map_or(Ok(Vec::new()), |ledger| ledger.alarms(false))?;
        let now = now();
        // The replica's data are of the past for ever: promises do not bind there.
        let mut lines = lines(&all, ledger.as_ref(), warehouse.origin() == Origin::Live, now)?;
        if let Some(name) = &self.job {
            known(&all, name)?;
            lines.retain(|line| line.job == *name);
        }
        if context.json() {
            let snapshot = warehouse.head()?.map(|head| head.number);
            print_json(&Whole { snapshot, alarms: &alarms, jobs: &lines })?;
            return Ok(ExitCode::SUCCESS);
        }
        tell_alarms(&alarms);
        tell(&warehouse, &lines, now)?;
        if let (Some(name), Some(ledger)) = (&self.job, &ledger) {
            tell_due(ledger, name)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Refuses a job that there is not.
pub fn known<'a>(jobs: &'a [Job], name: &str) -> Result<&'a Job> {
    jobs.iter().find(|job| job.name == name).ok_or_else(|| {
        Error::new(Kind::Usage, format!("there is no job `{name}`")).hint(
            "`tollhouse status` lists the jobs: a dataset whose publisher serves it only to a person, or whose terms are not \
             accepted, has none",
        )
    })
}

fn lines(jobs: &[Job], ledger: Option<&Ledger>, promises: bool, now: Timestamp) -> Result<Vec<Line>> {
    let each = jobs::standing(jobs, ledger, promises, now)?.into_iter().map(|standing| {
        let JobLine { paused, paused_why, last, open, .. } = standing.line;
        let schedule = standing.job.schedule.as_ref();
        Line {
            job: standing.job.name.clone(),
            schedule: schedule.map_or_else(|| "after commits".to_owned(), |schedule| schedule.in_words()),
            next: standing.next,
            paused,
            paused_why,
            last,
            open,
            newest: standing.newest,
            promised_days: standing.promise.map(|promise| promise.as_hours() / 24),
            stale: standing.stale,
        }
    });
    let mut lines: Vec<Line> = each.collect();
    lines.sort_by_key(|line| (line.next.is_none(), line.next));
    Ok(lines)
}

fn tell_alarms(alarms: &[Alarm]) {
    for alarm in alarms {
        say(&format!("ALARM {} {} since {}: {}", alarm.name, alarm.subject, minute(alarm.raised), alarm.text));
        say(&format!("  what next: {}", alarm.next));
    }
}

fn tell(warehouse: &Warehouse, lines: &[Line], now: Timestamp) -> Result<()> {
    let rows = lines.iter().map(|line| {
        let last = line.last.as_ref().map_or_else(String::new, |run| {
            let ago =
                run.ended.map_or_else(String::new, |ended| format!(" {} ago", words(store::ledger::since(ended, now))));
            format!("{}{ago}", run.state.as_str())
        });
        let now_at = match (&line.paused, line.open.first()) {
            (Some(_), _) => "paused".to_owned(),
            (None, Some(run)) => run.state.as_str().to_owned(),
            (None, None) => String::new(),
        };
        let newest = line.newest.map_or_else(String::new, |newest| {
            format!("{}{}", last_day(newest), if line.stale { " (stale)" } else { "" })
        });
        vec![line.job.clone(), line.schedule.clone(), line.next.map_or_else(String::new, minute), last, now_at, newest]
    });
    say(&table(&["job", "due", "next", "last run", "now", "data until"], rows));
    match warehouse.head()? {
        Some(head) => say(&format!("Newest snapshot: {}, of {}.", head.number, minute(head.created))),
        None => say("There is no snapshot yet."),
    }
    Ok(())
}

fn tell_due(ledger: &Ledger, name: &str) -> Result<()> {
    let due = ledger.due(Some(name), 20)?;
    if due.is_empty() {
        return Ok(());
    }
    let rows = due.into_iter().map(|line| {
        let when = if line.count == 1 {
            minute(line.due)
        } else {
            format!("{} to {}", minute(line.due), minute(line.through))
        };
        vec![when, line.decision, line.run.unwrap_or_default()]
    });
    say(&table(&["due", "decided", "run"], rows));
    Ok(())
}

/// A time to the minute.
pub fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// A length of time as people say it.
pub fn words(length: SignedDuration) -> String {
    let seconds = length.as_secs();
    match seconds {
        i64::MIN..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
