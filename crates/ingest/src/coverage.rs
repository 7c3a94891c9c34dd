//! What part of a dataset a file holds, and what it is called by that.
//!
//! [`Coverage`] is filled batch by batch, so that a file of any size can be told; how many values it may keep is bounded by
//! what the publisher has of counties and buyers.

use std::collections::BTreeMap;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Int32Type};
use model::dataset::{CoverageRule, Dataset};
use model::{Error, Kind, Release, Result};
use store::commit::{Check, Covered};

/// The values of the columns that say what a file holds.
pub struct Coverage<'a> {
    rule: &'a CoverageRule,
    columns: Vec<Seen>,
}

#[derive(Default)]
struct Seen {
    rows: BTreeMap<String, u64>,
    null: u64,
}

impl<'a> Coverage<'a> {
    /// Of nothing yet.
    pub fn new(dataset: &'a Dataset) -> Self {
        let rule = &dataset.spec.coverage;
        Self { rule, columns: rule.columns.iter().map(|_| Seen::default()).collect() }
    }

    /// Adds rows of the dataset.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        for (name, seen) in self.rule.columns.iter().zip(&mut self.columns) {
            let column = batch.column_by_name(name);
            let column = column.ok_or_else(|| Error::new(Kind::Usage, format!("[coverage]: no column `{name}`")))?;
            seen.add(name, column)?;
        }
        Ok(())
    }

    /// Adds rows that have a value of one of its columns, by the column's place among them.
    pub fn count(&mut self, column: usize, value: Option<&str>, rows: u64) {
        let Some(seen) = self.columns.get_mut(column).filter(|_| rows > 0) else { return };
        match value {
            None => seen.null += rows,
            Some(value) => match seen.rows.get_mut(value) {
                Some(known) => *known += rows,
                None => drop(seen.rows.insert(value.to_owned(), rows)),
            },
        }
    }

    /// What the rows so far cover. Nothing where the dataset does not say what tells it.
    pub fn covered(&self) -> Vec<Covered> {
        let each = self.rule.columns.iter().zip(&self.columns);
        each.map(|(column, seen)| Covered {
            column: column.clone(),
            values: seen.rows.len() as u64,
            rows: (seen.rows.len() <= Covered::MOST).then(|| seen.rows.clone()),
            null: seen.null,
        })
        .collect()
    }
}

impl Seen {
    fn add(&mut self, name: &str, column: &ArrayRef) -> Result<()> {
        let mut count = |value: Option<&str>| match value {
            None => self.null += 1,
            Some(value) => match self.rows.get_mut(value) {
                Some(rows) => *rows += 1,
                None => drop(self.rows.insert(value.to_owned(), 1)),
            },
        };
        match column.data_type() {
            DataType::Utf8 => column.as_string::<i32>().iter().for_each(count),
            DataType::Int32 => {
                for year in column.as_primitive::<Int32Type>() {
                    count(year.map(|year| year.to_string()).as_deref());
                }
            }
            other => {
                return Err(Error::new(
                    Kind::Usage,
                    format!("[coverage]: `{name}` is {other}, neither text nor a year"),
                ));
            }
        }
        Ok(())
    }
}

/// What a slice is called by what it covers; nothing where the dataset does not say, or where there are no rows. One that
/// has not all of the years of its edition is called by those too, so that the years of a county may come one by one.
pub fn name(dataset: &Dataset, release: &Release, covered: &[Covered]) -> Option<String> {
    let name = place(&dataset.spec.coverage, covered)?;
    let whole = dataset.spec.check.years.get(release);
    let years = whole.and_then(|(first, last)| {
        let years = covered.iter().find(|covered| covered.column == "year")?.rows.as_ref()?;
        let years: Vec<i32> = years.keys().filter_map(|year| year.parse().ok()).collect();
        let (from, to) = (years.iter().min()?, years.iter().max()?);
        (from > first || to < last).then(|| if from == to { format!("-{from}") } else { format!("-{from}-{to}") })
    });
    Some(name + &years.unwrap_or_default())
}

/// What a slice is called by the places, buyers and drugs that it covers.
fn place(rule: &CoverageRule, covered: &[Covered]) -> Option<String> {
    if rule.part.is_empty() || covered.iter().all(|covered| covered.values == 0 && covered.null == 0) {
        return None;
    }
    let only = |name: &String| covered.iter().find(|covered| covered.column == *name)?.only();
    let part = rule.part.iter().find_map(|part| {
        let values = part.of.iter().map(only).collect::<Option<Vec<_>>>()?;
        Some([vec![part.word.as_str()], values].concat())
    });
    let words = part.unwrap_or_else(|| vec!["all"]).into_iter().chain(rule.also.iter().filter_map(only));
    let name = words.map(word).collect::<Vec<_>>().join("-");
    Some(rule.known.get(&name).cloned().unwrap_or(name))
}

/// A value as it stands in a name: what is neither a letter nor a digit becomes one hyphen.
fn word(value: &str) -> String {
    let plain: String = value.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join("-")
}

/// How many rows a part has at least, where the publisher has said so.
pub fn least(rule: &CoverageRule, release: &Release, name: &str) -> Option<u64> {
    rule.least.get(&format!("{release} {name}")).copied()
}

/// What the certificate tells of it. Of columns that are masked where they are a person's it names no value: a certificate
/// stands in the snapshot's own file, out of which nothing can be erased.
pub fn check(dataset: &Dataset, covered: &[Covered]) -> Check {
    /// So many values are named.
    const FEW: usize = 3;
    let each = covered.iter().map(|Covered { column, values, rows, null }| {
        let rows =
            rows.as_ref().filter(|_| dataset.spec.mask.as_ref().is_none_or(|mask| !mask.columns.contains(column)));
        let named = rows.into_iter().flat_map(BTreeMap::keys).take(FEW).cloned().collect::<Vec<_>>().join(", ");
        let more = if *values > FEW as u64 && rows.is_some() { ", …" } else { "" };
        let named = if named.is_empty() { String::new() } else { format!(" ({named}{more})") };
        let null = if *null > 0 { format!(", none in {null} rows") } else { String::new() };
        format!("{column} {values}{named}{null}")
    });
    Check { name: "coverage".to_owned(), saw: each.collect::<Vec<_>>().join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> CoverageRule {
        toml::from_str(
            "columns = ['drug', 'state', 'county', 'fips', 'buyer']
             also = ['drug']
             known = { county-54059 = 'wv-mingo-54059' }
             part = [{ word = 'buyer', of = ['buyer'] }, { word = 'county', of = ['fips'] },
                     { word = 'county', of = ['state', 'county'] }, { word = 'state', of = ['state'] }]",
        )
        .unwrap()
    }

    #[track_caller]
    fn check(values: [&[&str]; 5], expected: &str) {
        let covered: Vec<Covered> = rule()
            .columns
            .iter()
            .zip(values)
            .map(|(column, values)| {
                let rows: BTreeMap<String, u64> =
                    values.iter().filter(|value| !value.is_empty()).map(|value| ((*value).to_owned(), 1)).collect();
                let null = values.iter().filter(|value| value.is_empty()).count() as u64;
                Covered { column: column.clone(), values: rows.len() as u64, rows: Some(rows), null }
            })
            .collect();
        assert_eq!(place(&rule(), &covered).unwrap(), expected);
    }

    #[test]
    fn a_slice_is_called_by_the_narrowest_part_that_all_its_rows_are_of() {
        let both: &[&str] = &["HYDROCODONE", "OXYCODONE"];
        check([both, &["WV"], &["MINGO"], &["54059"], &["A", "B", ""]], "wv-mingo-54059");
        check([both, &["WV"], &["LOGAN"], &["54045"], &["A", "B"]], "county-54045");
        check([both, &["FL"], &["SEMINOLE"], &["12117"], &["BW8487438"]], "buyer-bw8487438");
        check([both, &["WV"], &["LOGAN", "MINGO"], &["54045", "54059"], &["A", "B"]], "state-wv");
        check([both, &["WV", "KY"], &["LOGAN"], &["54045", "21001"], &["A", "B"]], "all");
        check([&["OPIUM, POWDERED"], &["MA"], &["SUFFOLK"], &["25025"], &["A", ""]], "county-25025-opium-powdered");
        check([both, &["PR"], &["SAN JUAN"], &[""], &["A", "B"]], "county-pr-san-juan");
        check([both, &["PR"], &["SAN JUAN", ""], &[""], &["A", "B"]], "state-pr");
        // A person's number is not told: its file is the county's as far as anybody can see.
        check([both, &["WV"], &["LOGAN"], &["54045"], &[""]], "county-54045");
    }

    #[test]
    fn a_dataset_that_names_no_parts_and_a_file_without_rows_have_no_such_names() {
        assert_eq!(place(&CoverageRule::default(), &[]), None);
        let nothing = Covered { column: "fips".to_owned(), values: 0, rows: Some(BTreeMap::new()), null: 0 };
        assert_eq!(place(&rule(), &[nothing]), None);
    }
}
