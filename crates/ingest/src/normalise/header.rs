//! Headers: every one that a layout has is declared, and every one that is needed is there.

use std::collections::BTreeSet;

use arrow::array::{AsArray as _, RecordBatch};
use model::dataset::{Bound, Dataset, Rule};
use model::{Error, Kind, Result};

use super::Headers;
use crate::extract::RECORD;

/// The upstream columns by header, or an error that names each header at fault.
pub(super) fn check<'a>(dataset: &'a Dataset, batch: &'a RecordBatch) -> Result<Headers<'a>> {
    let mut headers = Headers::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if field.name() == RECORD {
            continue;
        }
        let text = column
            .as_string_opt::<i32>()
            .ok_or_else(|| Error::new(Kind::Internal, format!("decoded column {} is not text", field.name())))?;
        headers.insert(field.name().as_str(), text);
    }

    names(dataset, &headers.keys().copied().collect())?;
    Ok(headers)
}

/// Whether these headers are those of a layout that the dataset declares.
pub(crate) fn names(dataset: &Dataset, headers: &BTreeSet<&str>) -> Result<()> {
    let mut known: BTreeSet<String> = dataset.spec.ignore.keys().cloned().collect();
    let mut missing = Vec::new();
    let mut need = |name: &str, accepted: &[String], optional: bool| {
        known.extend(accepted.iter().cloned());
        if !optional && !accepted.iter().any(|header| headers.contains(header.as_str())) {
            missing.push(format!("`{name}` (accepted: {})", accepted.join(", ")));
        }
    };
    for column in &dataset.spec.column {
        match &column.rule {
            None => need(&column.name, &column.from, column.optional),
            Some(Rule::MonthEnd { year, month } | Rule::MonthStart { year, month }) => {
                need(&column.name, year, false);
                need(&column.name, month, false);
            }
            Some(Rule::PeriodBound { label, months, .. }) => {
                need(&column.name, label, false);
                need(&column.name, months, false);
            }
            Some(Rule::RangeBound { from, .. }) => need(&column.name, from, column.optional),
            // Layouts may lack the product, and then it is computed.
            Some(Rule::Product { unless, .. }) => need(&column.name, unless, true),
            Some(Rule::All(conditions)) => {
                conditions.iter().for_each(|when| need(&column.name, &when.from, false));
            }
            Some(_) => {}
        }
        if let Some(when) = &column.when {
            need(&column.name, &when.from, false);
        }
        for bound in column.withheld.iter().flat_map(|withheld| [&withheld.low, &withheld.high]) {
            if let Bound::Column(header) = bound {
                need(&column.name, std::slice::from_ref(header), false);
            }
        }
        if let Some(explained) = column.withheld.as_ref().and_then(|withheld| withheld.explained_by.as_ref()) {
            need(&column.name, &explained.from, false);
        }
    }
    if let Some(totals) = &dataset.spec.totals {
        need("[totals]", &totals.from, false);
    }

    let unmapped: Vec<_> = headers.iter().filter(|header| !known.contains(**header)).copied().collect();
    if missing.is_empty() && unmapped.is_empty() {
        return Ok(());
    }
    let mut words = Vec::new();
    if !missing.is_empty() {
        words.push(format!("no header for {}", missing.join(", ")));
    }
    if !unmapped.is_empty() {
        words.push(format!("the file has headers that nothing maps: {}", quoted(&unmapped)));
    }
    Err(Error::new(Kind::Changed, format!("{} has another layout than declared: {}", dataset.id, words.join("; ")))
        .hint(format!(
            "if the publisher renamed or added a column, declare it in pipelines/{}.toml (`from`, or [ignore] with a reason)",
            dataset.id
        )))
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
