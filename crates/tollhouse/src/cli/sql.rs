//! `sql`: ask the warehouse a question.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use model::Result;

use super::{At, Context};
use crate::output::{print_json, say, table};

#[derive(Args)]
pub struct Sql {
    /// One SELECT over the views: main (newest release of each period), history (all releases), meta
    query: String,
    #[command(flatten)]
    at: At,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

impl Sql {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let (_, session) = context.session(self.at.at.as_deref())?;
        let answer = session.query(&self.query)?;
        let cells = |row: &Vec<Option<String>>| row.iter().map(|cell| cell.clone().unwrap_or_default()).collect();
        match self.format {
            _ if context.json() || self.format == Format::Json => {
                let rows: Vec<_> = answer
                    .rows
                    .iter()
                    .map(|row| {
                        let pairs = answer.columns.iter().cloned().zip(row.iter().cloned());
                        pairs.collect::<std::collections::BTreeMap<_, _>>()
                    })
                    .collect();
                print_json(&rows)?;
            }
            Format::Csv => {
                say(&line(&answer.columns));
                for row in &answer.rows {
                    let cells: Vec<String> = cells(row);
                    say(&line(&cells));
                }
            }
            _ => {
                let header: Vec<&str> = answer.columns.iter().map(String::as_str).collect();
                say(&table(&header, answer.rows.iter().map(cells)));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A line of CSV (RFC 4180).
fn line(cells: &[String]) -> String {
    let quoted = cells.iter().map(|cell| {
        if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
    });
    quoted.collect::<Vec<_>>().join(",")
}
