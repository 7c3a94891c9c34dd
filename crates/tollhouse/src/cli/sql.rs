//! `sql`: ask the warehouse a question.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use model::{Error, Result};
use query::models::Model;

use super::{At, Context};
use crate::config::now;
use crate::output::{answer as in_words, complain, save, say, to_json, write};

#[derive(Args)]
pub struct Sql {
    /// One SELECT over the views: main (newest release of each period), history (all releases), meta
    query: String,
    #[command(flatten)]
    at: At,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write what proves the answer here: snapshot, digests of question and answer, captures
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
}

/// A question that takes longer is not put again to find out what its answer crosses.
const PATIENCE: SignedDuration = SignedDuration::from_secs(2);

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
    Arrow,
    Parquet,
}

impl Sql {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let session = context.session(self.at.at.as_deref())?;
        let began = now();
        let answer = session.query(&self.query).map_err(|error| match context.project() {
            Ok(project) => unmade(&project.models, error),
            Err(_) => error,
        })?;
        let is_slow = now().duration_since(began) > PATIENCE;
        match if context.json() { Format::Json } else { self.format } {
            Format::Json => write(&answer.to_json()?)?,
            Format::Csv => write(&answer.to_csv()?)?,
            Format::Arrow => write(&answer.to_arrow()?)?,
            Format::Parquet => write(&answer.to_parquet()?)?,
            Format::Table => {
                let header: Vec<&str> = answer.columns.iter().map(String::as_str).collect();
                let rows =
                    answer.rows.iter().map(|row| row.iter().map(|cell| cell.clone().unwrap_or_default()).collect());
                say(&in_words(&header, rows));
            }
        }
        for caveat in query::caveats::of(&session, &self.query, &answer, is_slow)? {
            complain(&format!("caveat: {caveat}"));
        }
        if let Some(path) = &self.receipt {
            save(path, to_json(&session.receipt(&self.query, &answer)?)?.as_bytes())?;
            complain(&format!("receipt: {}", path.display()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Says of a missing table, where it is a model's, that it waits for what it reads.
fn unmade(models: &[Model], error: Error) -> Error {
    let text = error.to_string();
    match models.iter().find(|model| text.contains(&format!("Table with name {} does not exist", model.id))) {
        Some(model) => error.hint(format!(
            "`{0}` is derived, and made in the commit that has loaded the last of what its SQL reads; \
             `tollhouse datasets show {0}` prints that",
            model.id
        )),
        None => error,
    }
}
