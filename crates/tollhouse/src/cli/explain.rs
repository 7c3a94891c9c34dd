//! `explain`: what a figure, a claim or a cell rests on.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use model::{Error, Kind, Result};
use query::explain::{self, Explained, Source};

use super::{At, Context};
use crate::output::{print_json, say};

/// Down to the captures: digest, address, time; and of a cell its record there, the rule that made it and the corrections.
#[derive(Args)]
pub struct Explain {
    /// A figure, a claim (SET/CLAIM), or a cell (TABLE.COLUMN)
    #[arg(value_name = "FIGURE|CLAIM|TABLE.COLUMN")]
    what: String,
    /// What finds the row of a cell, such as state_fips=54 year=2015; with release=… every release is looked at
    #[arg(value_name = "KEY=VALUE")]
    key: Vec<String>,
    #[command(flatten)]
    at: At,
}

impl Explain {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        let session = context.session(self.at.at.as_deref())?;
        let claim = self.what.split_once('/').and_then(|(set, claim)| {
            let set = project.claims.iter().find(|known| known.id == set)?;
            set.claims.iter().find(|known| known.id == claim)
        });
        let found = if let Some(figure) = project.figures.iter().find(|figure| figure.id == self.what) {
            explain::figure(&session, figure)?
        } else if let Some(claim) = claim {
            explain::claim(&session, claim)?
        } else if let Some((table, column)) = self.what.split_once('.') {
            let key = self.key.iter().map(|pair| {
                let (name, value) = pair.split_once('=').ok_or_else(|| {
                    Error::new(Kind::Usage, format!("`{pair}` is not KEY=VALUE"))
                        .hint("such as state_fips=54 year=2015")
                })?;
                Ok((name.to_owned(), value.to_owned()))
            });
            explain::cell(&session, &project.datasets, table, column, &key.collect::<Result<BTreeMap<_, _>>>()?)?
        } else {
            return Err(Error::new(Kind::Usage, format!("there is no figure or claim `{}`", self.what)).hint(
                "`tollhouse figure list` and `tollhouse claims` name them as ID and SET/ID; a cell is TABLE.COLUMN KEY=VALUE…",
            ));
        };
        if context.json() {
            print_json(&found)?;
        } else {
            tell(&found);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn tell(found: &Explained) {
    say(&format!("{}\nSnapshot {}, {} data.", found.what, found.snapshot, found.origin));
    if let Some(cell) = &found.cell {
        say(&format!("\nColumn: {}", cell.about));
        let status = cell.status.as_ref().map(|status| format!(" ({status})")).unwrap_or_default();
        match (&cell.value, cell.not_shown) {
            (_, Some(why)) => say(&format!("Value: not shown; {why}{status}")),
            (None, None) => say(&format!("Value: null{status}")),
            (Some(value), None) => say(&format!("Value: {value}{status}")),
        }
        if let Some(record) = cell.record {
            say(&format!("Record {record} of its capture."));
        }
        if let Some(rule) = &cell.rule {
            say(&format!("As its pipeline declares it:\n{}", indented(rule)));
        }
        for correction in &cell.corrections {
            say(&format!(
                "A correction of the publisher's error, where the row is as it says:\n{}",
                indented(correction)
            ));
        }
    }
    for sql in &found.sql {
        say(&format!("\nSQL:\n{}", indented(sql.trim())));
    }
    for model in &found.models {
        let inputs = model.inputs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let sql = &model.sql_sha256.as_str()[..12];
        say(&format!("\nModel {} by tollhouse {} (SQL {sql}), from {inputs}.", model.model, model.program));
    }
    for source in &found.sources {
        let Source { dataset, release, slice, grade, program, .. } = source;
        say(&format!("\n{dataset} {release} {slice} ({grade}; read by tollhouse {program}):"));
        for capture in &source.captures {
            // On a line of its own, so that it can be copied.
            say(&format!("  {}", capture.sha256));
            let came = match (capture.erased, &capture.fetched) {
                (Some(erasure), _) => format!("erased (erasure {erasure})"),
                (None, Some(at)) => format!("{at}, {}", capture.via.as_deref().unwrap_or_default()),
                (None, None) => "its receipt cannot be read".to_owned(),
            };
            say(&format!("    {came}\n    {}", capture.url));
        }
    }
    for source in found.sources.iter().filter(|source| source.grade == "secondary") {
        say(&format!("SECONDARY source of {} {}: {}", source.dataset, source.release, source.note));
    }
    for what in &found.erased {
        say(&format!("Records were erased from these data: {what}."));
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
