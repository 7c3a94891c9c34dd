//! `runs`: the ledger; `pause` and `resume`: holding a schedule.

use std::process::ExitCode;

use clap::Args;
use model::{Error, Kind, Result};
use serde::Serialize;
use store::Origin;
use store::ledger::{Attempt, Filter, Ledger, Run, State, Step};

use super::Context;
use super::status::{known, minute, words};
use crate::config::now;
use crate::daemon::jobs;
use crate::output::{complain, list, print_json, say, table};

#[derive(Args)]
pub struct Runs {
    /// One run, with its attempts and what they did
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// Give that run up: at once where it waits, at its next stage where it goes on
    #[arg(long, requires = "run")]
    cancel: bool,
    /// Only those of this job
    #[arg(long, value_name = "JOB")]
    job: Option<String>,
    /// Only those in this state: queued, running, succeeded, unchanged, failed, cancelled
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// So many at most, newest first
    #[arg(long, value_name = "N", default_value_t = 30)]
    limit: u32,
    /// Only those before this one: the next page
    #[arg(long, value_name = "RUN")]
    before: Option<String>,
}

#[derive(Args)]
pub struct Pause {
    /// The jobs
    #[arg(value_name = "JOB", required = true)]
    jobs: Vec<String>,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "paused by hand")]
    why: String,
}

#[derive(Args)]
pub struct Resume {
    /// The jobs
    #[arg(value_name = "JOB", required = true)]
    jobs: Vec<String>,
}

#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    run: Run,
    attempts_made: Vec<Attempt>,
    steps: Vec<Step>,
}

impl Runs {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let warehouse = context.warehouse()?;
        let Some(mut ledger) = Ledger::look(warehouse.root())? else {
            if let Some(run) = &self.run {
                return Err(none(run));
            }
            return list(context.json(), &["run"], &[] as &[Run], |_| Vec::new()).map(|()| ExitCode::SUCCESS);
        };
        match &self.run {
            Some(run) if self.cancel => cancel(&mut ledger, run),
            Some(run) => show(context, &ledger, run),
            None => self.list(context, &ledger),
        }
    }

    fn list(self, context: &Context, ledger: &Ledger) -> Result<ExitCode> {
        if let Some(state) =
            self.state.as_deref().filter(|state| !State::ALL.iter().any(|known| known.as_str() == *state))
        {
            let all: Vec<_> = State::ALL.iter().map(|state| state.as_str()).collect();
            return Err(Error::new(Kind::Usage, format!("`{state}` is no state of a run"))
                .hint(format!("the states are {}", all.join(", "))));
        }
        if let Some(before) = &self.before {
            ledger.run(before)?.ok_or_else(|| none(before))?;
        }
        let filter = Filter { job: self.job, state: self.state, before: self.before, limit: self.limit };
        let runs = ledger.runs(&filter)?;
        list(context.json(), &["run", "why", "state", "began", "took", "snapshot", "what failed"], &runs, |run| {
            let took = run.started.zip(run.ended).map(|(from, to)| words(store::ledger::since(from, to)));
            vec![
                run.id.clone(),
                run.trigger.as_str().to_owned(),
                run.state.as_str().to_owned(),
                run.started.map_or_else(String::new, minute),
                took.unwrap_or_default(),
                run.snapshot.map_or_else(String::new, |number| number.to_string()),
                run.message.clone().unwrap_or_default(),
            ]
        })?;
        if let Some(last) = runs.last().filter(|_| runs.len() == self.limit as usize && !context.json()) {
            complain(&format!("Older ones: tollhouse runs --before {}", last.id));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn none(run: &str) -> Error {
    Error::new(Kind::Usage, format!("there is no run `{run}`")).hint("`tollhouse runs` lists them")
}

fn show(context: &Context, ledger: &Ledger, id: &str) -> Result<ExitCode> {
    let run = ledger.run(id)?.ok_or_else(|| none(id))?;
    let (attempts_made, steps) = (ledger.attempts(id)?, ledger.steps(id)?);
    if context.json() {
        print_json(&Whole { run, attempts_made, steps })?;
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("{}: {} ({})", run.id, run.state.as_str(), run.trigger.as_str()));
    for (name, at) in [("due", run.due), ("began", run.started), ("ended", run.ended), ("until", Some(run.deadline))] {
        if let Some(at) = at {
            say(&format!("  {name:<6} {}", at.strftime("%Y-%m-%d %H:%M:%SZ")));
        }
    }
    if let Some(number) = run.snapshot {
        say(&format!("  committed snapshot {number}"));
    }
    if let Some(message) = &run.message {
        say(&format!("  failed: {message}"));
    }
    if let Some(hint) = &run.hint {
        say(&format!("  what next: {hint}"));
    }
    let rows = attempts_made.iter().map(|one| {
        let took = one.ended.map(|ended| words(store::ledger::since(one.started, ended)));
        vec![
            one.number.to_string(),
            one.holder.clone(),
            minute(one.started),
            took.unwrap_or_default(),
            one.outcome.clone().unwrap_or_default(),
            one.message.clone().unwrap_or_default(),
        ]
    });
    say(&table(&["attempt", "by", "began", "took", "ended", ""], rows));
    let rows = steps.iter().map(|step| {
        vec![step.attempt.to_string(), step.at.strftime("%H:%M:%S").to_string(), step.stage.clone(), step.what.clone()]
    });
    say(&table(&["attempt", "at", "did", ""], rows));
    Ok(ExitCode::SUCCESS)
}

fn cancel(ledger: &mut Ledger, id: &str) -> Result<ExitCode> {
    let run = ledger.run(id)?.ok_or_else(|| none(id))?;
    if !ledger.cancel(id, "it was given up by hand", now())? {
        return Err(Error::new(Kind::Usage, format!("{id} has ended: {}", run.state.as_str())));
    }
    match run.state {
        State::Running => say(&format!("{id} ends at its next stage.")),
        _ => say(&format!("{id} was given up.")),
    }
    Ok(ExitCode::SUCCESS)
}

impl Pause {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        set(context, &self.jobs, Some(&self.why))
    }
}

impl Resume {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        set(context, &self.jobs, None)
    }
}

fn set(context: &Context, names: &[String], why: Option<&str>) -> Result<ExitCode> {
    let warehouse = context.warehouse()?;
    let all = jobs::of(&context.project()?, &context.config()?, warehouse.origin() == Origin::Replica)?;
    for name in names {
        known(&all, name)?;
    }
    let (mut ledger, _) = Ledger::open(&warehouse, now())?;
    for name in names {
        ledger.pause(name, why, now())?;
        match why {
            Some(_) => say(&format!("{name} is paused: what comes due meanwhile is not run.")),
            None => say(&format!("{name} goes on with its next due time.")),
        }
    }
    Ok(ExitCode::SUCCESS)
}
