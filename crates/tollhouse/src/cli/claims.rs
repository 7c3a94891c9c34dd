//! `claims`: published statements, judged from a snapshot.

use std::process::ExitCode;

use clap::Args;
use model::{Error, Kind, Result};
use query::claim::{Judgement, judge};

use super::{At, Context, pin};
use crate::output::{paragraphs, print_json, say};

#[derive(Args)]
pub struct Claims {
    /// The set of claims; all of them without
    #[arg(value_name = "SET")]
    set: Option<String>,
    /// Tell every definition that was tried, with what came of it
    #[arg(long)]
    tests: bool,
    #[command(flatten)]
    at: At,
}

impl Claims {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        let known = |name: &String| project.claims.iter().any(|set| set.id == *name);
        if let Some(name) = self.set.as_ref().filter(|name| !known(name)) {
            let names: Vec<_> = project.claims.iter().map(|set| set.id.as_str()).collect();
            return Err(Error::new(Kind::Usage, format!("there is no set of claims `{name}`"))
                .hint(format!("the sets are {}", names.join(", "))));
        }
        let session = context.session(self.at.at.as_deref())?;
        let (mut judgements, mut after) = (Vec::new(), Vec::new());
        for set in project.claims.iter().filter(|set| self.set.as_ref().is_none_or(|name| set.id == *name)) {
            judgements.extend(judge(&session, set)?);
            after.extend(pin::compared(&project, &session, set)?);
            if !self.tests {
                after.push(format!("Every definition that was tried: tollhouse claims {} --tests", set.id));
            }
        }
        if context.json() {
            print_json(&judgements)?;
        } else {
            if self.tests {
                tell_tests(&judgements)
            } else {
                tell(&judgements)
            }
            after.iter().for_each(|line| say(line));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Tells the verdicts: the statement, the verdict, and a reason that can be quoted.
pub fn tell(judgements: &[Judgement]) {
    let rows = judgements
        .iter()
        .map(|judgement| vec![judgement.statement.clone(), judgement.verdict_words(), judgement.reason.clone()]);
    say(&paragraphs(&["statement", "verdict", "reason"], rows));
}

/// Tells every definition of each statement, what came of it, and the numbers.
fn tell_tests(judgements: &[Judgement]) {
    let rows = judgements.iter().flat_map(|judgement| {
        let statement = format!("{}: {}", judgement.statement, judgement.verdict_words());
        judgement.tests.iter().enumerate().map(move |(place, test)| {
            let beside = if test.context { "told beside: " } else { "" };
            let first = if place == 0 { statement.clone() } else { String::new() };
            vec![first, test.definition.clone(), format!("{beside}{}", test.outcome.as_str()), test.reason.clone()]
        })
    });
    say(&paragraphs(&["statement", "definition", "outcome", "because"], rows));
}
