//! Runs the tests of claims and puts what they find into words.

use std::collections::BTreeSet;

use model::{DatasetId, Error, Kind, Result};

use super::spec::{Claim, ClaimSet, Expect, Need, Test, Want};
use super::{Judgement, Number, Outcome, Tested, Verdict, template};
use crate::{Session, disclosure, sql};
use chart::Cell;

/// Judges every claim of a set from the session's snapshot.
///
/// Fails where a claim's SQL fails or does not return one row ([`Kind::Usage`]), and where a number would show a small
/// count that must not be shown ([`Kind::CheckFailed`]).
pub fn judge(session: &Session, set: &ClaimSet) -> Result<Vec<Judgement>> {
    set.claims
        .iter()
        .map(|claim| {
            one(session, claim)
                .map_err(|error| error.while_doing(format!("warehouse/claims/{}.toml, claim `{}`", set.id, claim.id)))
        })
        .collect()
}

fn one(session: &Session, claim: &Claim) -> Result<Judgement> {
    let tests = claim.tests.iter().map(|test| run(session, test)).collect::<Result<Vec<_>>>()?;
    let verdict = weigh(&tests);
    let used: BTreeSet<DatasetId> =
        tests.iter().flat_map(|test| &test.receipt).flat_map(|receipt| receipt.datasets.clone()).collect();
    let secondary = session.secondary(&used);
    Ok(Judgement {
        id: claim.id.clone(),
        number: claim.number,
        statement: claim.statement.clone(),
        verdict,
        reason: reason(&tests, &claim.note, &session.erased(&used), &secondary),
        citation: claim.citation.clone(),
        tests,
        secondary,
    })
}

fn weigh(tests: &[Tested]) -> Verdict {
    let count = |outcome| tests.iter().filter(|test| test.outcome == outcome).count();
    let (hold, refuted) = (count(Outcome::Holds), count(Outcome::Refuted));
    if hold + refuted == 0 {
        Verdict::NotCheckable
    } else if hold == tests.len() {
        Verdict::Holds
    } else if hold == 0 {
        Verdict::Refuted
    } else {
        Verdict::HoldsInPart
    }
}

fn reason(tests: &[Tested], note: &str, erased: &[String], secondary: &[String]) -> String {
    let mut sentences: Vec<String> = tests
        .iter()
        .map(|test| {
            let definition = test.definition.trim().trim_end_matches('.');
            let prefix = match test.outcome {
                Outcome::Holds | Outcome::Refuted => "",
                Outcome::NotLoaded => "not checkable, not loaded: ",
                Outcome::Absent => "not checkable, absent: ",
            };
            format!("{definition}: {prefix}{}.", test.reason.trim_end_matches('.'))
        })
        .collect();
    if !note.is_empty() {
        sentences.push(note.trim().to_owned());
    }
    for what in erased {
        sentences.push(format!("Records were erased from its data: {what}."));
    }
    if !secondary.is_empty() {
        sentences.push(format!("Rests on a SECONDARY source: {}.", secondary.join("; ")));
    }
    sentences.join(" ")
}

fn run(session: &Session, test: &Test) -> Result<Tested> {
    if let Some(reason) = missing(session, &test.needs)? {
        return Ok(Tested {
            definition: test.definition.clone(),
            outcome: Outcome::NotLoaded,
            reason,
            numbers: Vec::new(),
            receipt: None,
        });
    }
    let answer = session.query(&test.sql)?;
    disclosure::guard(session, "a number", &test.sql, &answer)?;
    let frame = answer.frame();
    let ([cells], [texts]) = (frame.rows.as_slice(), answer.rows.as_slice()) else {
        let message = format!("the SQL returns {} rows, and a test rests on exactly one", answer.rows.len());
        return Err(Error::new(Kind::Usage, message));
    };
    let row = Row { columns: &answer.columns, cells, texts };
    let outcome = row.outcome(test)?;
    let words = match outcome {
        Outcome::Holds => &test.holds,
        Outcome::Refuted => &test.refuted,
        Outcome::NotLoaded | Outcome::Absent => test.absent.as_ref().unwrap_or(&test.refuted),
    };
    let value = |column: &str| row.place(column).ok().map(|place| texts[place].as_deref());
    let numbers = answer.columns.iter().zip(texts);
    Ok(Tested {
        definition: test.definition.clone(),
        outcome,
        reason: template::fill(words, value).map_err(|message| Error::new(Kind::Usage, message))?,
        numbers: numbers.map(|(column, value)| Number { column: column.clone(), value: value.clone() }).collect(),
        receipt: Some(session.receipt(&test.sql, &answer)?),
    })
}

/// Says which need is not met, if one is not.
fn missing(session: &Session, needs: &[Need]) -> Result<Option<String>> {
    for need in needs {
        let Some(first) = need.year else {
            if !loaded(session, &need.dataset, None)? {
                return Ok(Some(format!("nothing of {} is loaded", need.dataset)));
            }
            continue;
        };
        for year in first..=need.through.unwrap_or(first) {
            if !loaded(session, &need.dataset, Some(year))? {
                return Ok(Some(format!("no release of {} that is loaded has the year {year}", need.dataset)));
            }
        }
    }
    Ok(None)
}

/// Whether any release has a row of the dataset, or of a year of it.
fn loaded(session: &Session, dataset: &DatasetId, year: Option<i32>) -> Result<bool> {
    if !session.has(dataset.as_str()) {
        return Ok(false);
    }
    let year = year.map(|year| format!(" WHERE year = {year}")).unwrap_or_default();
    let sql = format!("SELECT count(*) AS found FROM history.{}{year}", sql::name(dataset.as_str()));
    Ok(session.query(&sql)?.frame().rows != [[Cell::Integer(0)]])
}

/// The one row that a test rests on.
struct Row<'a> {
    columns: &'a [String],
    cells: &'a [Cell],
    texts: &'a [Option<String>],
}

impl Row<'_> {
    fn place(&self, column: &str) -> Result<usize> {
        self.columns.iter().position(|name| name == column).ok_or_else(|| {
            let have = self.columns.join(", ");
            Error::new(Kind::Usage, format!("the SQL returns no column `{column}` (it returns {have})"))
        })
    }

    fn cell(&self, column: &str) -> Result<&Cell> {
        Ok(&self.cells[self.place(column)?])
    }

    fn outcome(&self, test: &Test) -> Result<Outcome> {
        if let Some(present) = &test.present
            && matches!(self.cell(present)?, Cell::Null | Cell::Integer(0))
        {
            return Ok(Outcome::Absent);
        }
        let mut holds = true;
        for expect in &test.expect {
            match self.meets(expect)? {
                Some(met) => holds &= met,
                None => return Ok(Outcome::Absent),
            }
        }
        Ok(if holds { Outcome::Holds } else { Outcome::Refuted })
    }

    /// Whether the value is as expected; `None` where there is none.
    fn meets(&self, expect: &Expect) -> Result<Option<bool>> {
        let number = match self.cell(&expect.column)? {
            Cell::Null => return Ok(None),
            Cell::Integer(value) => Some(*value as f64),
            Cell::Number(value) => Some(*value),
            Cell::Text(_) => None,
        };
        let met = match (&expect.is, expect.above, expect.below) {
            (Some(Want::Text(want)), _, _) => {
                return Ok(Some(self.texts[self.place(&expect.column)?].as_ref() == Some(want)));
            }
            (Some(Want::Number(want)), _, _) => {
                let off = expect.within.unwrap_or(0.0) * want.abs();
                number.map(|value| (value - want).abs() <= off)
            }
            (None, Some(limit), _) => number.map(|value| value > limit),
            (None, None, Some(limit)) => number.map(|value| value < limit),
            (None, None, None) => None,
        };
        met.map(Some).ok_or_else(|| {
            Error::new(Kind::Usage, format!("column `{}` is a word, and a number is expected of it", expect.column))
        })
    }
}
