//! Declared corrections of a publisher's errors, applied to the publisher's own text before anything is read from it.
//!
//! [`Corrections`] are those of one edition. In an edition that is known to have the error, each must find exactly one row
//! that says what it expects: where the publisher has put the error right, or a copy differs, the run ends and somebody must
//! look. In other editions, where the declaration extends to them, a row that says something else is left as it is.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, StringArray};
use model::dataset::{Correction, Dataset};
use model::{Error, Kind, Release, Result, ResultExt as _};
use store::commit::Check;

/// The corrections of one edition, and how often each was applied.
#[derive(Default)]
pub struct Corrections<'a> {
    applied: Vec<Use<'a>>,
}

struct Use<'a> {
    correction: &'a Correction,
    /// Whether this edition is known to have the error.
    certain: bool,
    applied: u64,
}

impl<'a> Corrections<'a> {
    /// Those that a dataset declares for an edition.
    pub fn of(dataset: &'a Dataset, release: &Release) -> Self {
        let uses = dataset.spec.correction.iter().map(|correction| Use {
            correction,
            certain: correction.releases.contains(release),
            applied: 0,
        });
        Self { applied: uses.filter(|one| one.certain || one.correction.others).collect() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.applied.is_empty()
    }

    /// The rows with what they should say. A row that a correction finds and that says something else is an error.
    pub fn apply(&mut self, dataset: &Dataset, batch: RecordBatch) -> Result<RecordBatch> {
        let mut batch = batch;
        for Use { correction, certain, applied } in &mut self.applied {
            // Other editions may have other columns.
            let mut named = correction.find.keys().chain([&correction.column]);
            if !*certain && !named.all(|name| batch.column_by_name(name).is_some()) {
                continue;
            }
            let mut found = rows(dataset, correction, &batch)?;
            let column = text(dataset, correction, &batch, &correction.column)?;
            if !*certain {
                found.retain(|row| cell(column, *row).trim() == correction.expect);
            }
            let Some(row) = found.first() else { continue };
            for row in &found {
                let says = cell(column, *row);
                if says.trim() != correction.expect {
                    return Err(expired(
                        dataset,
                        correction,
                        &format!("finds a row that says `{says}` instead of `{}`", correction.expect),
                    ));
                }
            }
            *applied += found.len() as u64;
            if *applied > 1 {
                return Err(expired(dataset, correction, "finds more than one row"));
            }
            let replaced: StringArray = (0..column.len())
                .map(|at| {
                    if at == *row {
                        Some(correction.replace.as_str())
                    } else {
                        column.is_valid(at).then(|| column.value(at))
                    }
                })
                .collect();
            batch = with(&batch, &correction.column, Arc::new(replaced))?;
        }
        Ok(batch)
    }

    /// Whether each was applied, for the certificate.
    pub fn checks(self, dataset: &Dataset) -> Result<Vec<Check>> {
        let checks = self.applied.into_iter().map(|Use { correction, certain, applied }| {
            let name = format!("correction of {}", correction.column);
            if applied == 0 {
                let saw = format!("not needed: no row says `{}` where {}", correction.expect, conditions(correction));
                return if certain {
                    Err(expired(dataset, correction, "finds no row"))
                } else {
                    Ok(Check { name, saw })
                };
            }
            Ok(Check {
                name,
                saw: format!(
                    "`{}` replaced by `{}` where {}: {}",
                    correction.expect,
                    correction.replace,
                    conditions(correction),
                    correction.reason
                ),
            })
        });
        checks.collect()
    }
}

/// The rows that a correction is of.
fn rows(dataset: &Dataset, correction: &Correction, batch: &RecordBatch) -> Result<Vec<usize>> {
    let mut found: Vec<usize> = (0..batch.num_rows()).collect();
    for (name, wanted) in &correction.find {
        let column = text(dataset, correction, batch, name)?;
        found.retain(|row| cell(column, *row).trim() == wanted);
    }
    Ok(found)
}

fn cell(column: &StringArray, row: usize) -> &str {
    if column.is_valid(row) { column.value(row) } else { "" }
}

fn text<'b>(dataset: &Dataset, correction: &Correction, batch: &'b RecordBatch, name: &str) -> Result<&'b StringArray> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_string_opt())
        .ok_or_else(|| expired(dataset, correction, &format!("names `{name}`, which the file does not have")))
}

fn with(batch: &RecordBatch, name: &str, column: ArrayRef) -> Result<RecordBatch> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, old)| if field.name() == name { column.clone() } else { old.clone() });
    RecordBatch::try_new(schema.clone(), columns.collect()).or_error(Kind::Internal, "a correction does not fit")
}

fn conditions(correction: &Correction) -> String {
    let conditions = correction.find.iter().map(|(name, text)| format!("{name} is `{text}`"));
    conditions.collect::<Vec<_>>().join(" and ")
}

fn expired(dataset: &Dataset, correction: &Correction, what: &str) -> Error {
    let Correction { column, expect, replace, .. } = correction;
    Error::new(
        Kind::CheckFailed,
        format!(
            "{}: the declared correction of `{column}` from `{expect}` to `{replace}`, where {}, {what}",
            dataset.id,
            conditions(correction)
        ),
    )
    .hint(format!(
        "if the publisher has put it right, take the [[correction]] out of pipelines/{}.toml; nothing was committed",
        dataset.id
    ))
}

#[cfg(test)]
mod tests;
