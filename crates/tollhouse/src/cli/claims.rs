//! `claims`: published statements, judged from a snapshot.

use std::process::ExitCode;

use clap::Args;
use model::{Error, Kind, Result};
use query::claim::{Judgement, judge};

use super::{At, Context};
use crate::output::{paragraphs, print_json, say};

#[derive(Args)]
pub struct Claims {
    /// The set of claims; all of them without
    #[arg(value_name = "SET")]
    set: Option<String>,
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
        let mut judgements = Vec::new();
        for set in project.claims.iter().filter(|set| self.set.as_ref().is_none_or(|name| set.id == *name)) {
            judgements.extend(judge(&session, set)?);
        }
        if context.json() {
            print_json(&judgements)?;
        } else {
            tell(&judgements);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Tells the verdicts: the statement, the verdict, and a reason that can be quoted.
pub fn tell(judgements: &[Judgement]) {
    let rows = judgements.iter().map(|judgement| {
        vec![judgement.statement.clone(), judgement.verdict.as_str().to_owned(), judgement.reason.clone()]
    });
    say(&paragraphs(&["statement", "verdict", "reason"], rows));
}
