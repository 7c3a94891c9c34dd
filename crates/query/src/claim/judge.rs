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
    let asked = claim.tests.iter().zip(&tests).filter(|(_, tested)| tested.receipt.is_some());
    let rests_on = asked.map(|(test, _)| session.rests_on(&test.sql)).collect::<Result<Vec<_>>>()?;
    let secondary = session.secondary(&rests_on.into_iter().flatten().collect());
    Ok(Judgement {
        id: claim.id.clone(),
        number: claim.number,
        statement: claim.statement.clone(),
        verdict,
        over: claim.over.clone(),
        reason: reason(claim, &tests, &session.erased(&used), &secondary),
        citation: claim.citation.clone(),
        note: claim.note.trim().to_owned(),
        tests,
        secondary,
    })
}

/// By the tests that could be made: that something is not loaded here says nothing of the world.
fn weigh(tests: &[Tested]) -> Verdict {
    let tests: Vec<&Tested> = tests.iter().filter(|test| !test.context && test.outcome != Outcome::NotLoaded).collect();
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

fn reason(claim: &Claim, tests: &[Tested], erased: &[String], secondary: &[String]) -> String {
    let settled_by_nothing = claim.not_checkable.iter().map(|why| why.trim().to_owned());
    let mut sentences: Vec<String> =
        settled_by_nothing.chain(in_short(tests)).chain(telling(tests).into_iter().map(in_words)).collect();
    if !claim.note.is_empty() {
        sentences.push(claim.note.trim().to_owned());
    }
    for what in erased {
        sentences.push(format!("Records were erased from its data: {what}."));
    }
    if !secondary.is_empty() {
        sentences.push(format!("Rests on a SECONDARY source: {}.", secondary.join("; ")));
    }
    sentences.join(" ")
}

/// The tests that a reason tells of: all of a few; of many the first by which the statement holds and the first by which it does
/// not, or else the first of each outcome, because nobody quotes twenty.
fn telling(tests: &[Tested]) -> Vec<&Tested> {
    if !is_many(tests) {
        return tests.iter().collect();
    }
    let first = |outcome| tests.iter().find(|test| !test.context && test.outcome == outcome);
    let decided: Vec<&Tested> = [Outcome::Holds, Outcome::Refuted].into_iter().filter_map(first).collect();
    if !decided.is_empty() {
        return decided;
    }
    [Outcome::Undetermined, Outcome::Absent, Outcome::NotLoaded].into_iter().filter_map(first).collect()
}

fn in_words(test: &Tested) -> String {
    let definition = test.definition.trim().trim_end_matches('.');
    let prefix = match test.outcome {
        Outcome::Holds | Outcome::Refuted => "",
        Outcome::NotLoaded => "not checkable, not loaded: ",
        Outcome::Absent => "not checkable, absent: ",
        Outcome::Undetermined => "undetermined: ",
    };
    let beside = if test.context { "Told beside, without weight: " } else { "" };
    format!("{beside}{definition}: {prefix}{}.", test.reason.trim_end_matches('.'))
}

fn is_many(tests: &[Tested]) -> bool {
    tests.iter().filter(|test| !test.context).count() >= MANY
}

/// What came of many definitions, in a sentence that can be quoted by itself.
fn in_short(tests: &[Tested]) -> Option<String> {
    if !is_many(tests) {
        return None;
    }
    let count = |outcome| tests.iter().filter(|test| !test.context && test.outcome == outcome).count();
    let (holds, refuted, untried) = (count(Outcome::Holds), count(Outcome::Refuted), count(Outcome::NotLoaded));
    let open = count(Outcome::Undetermined) + count(Outcome::Absent);
    let mut parts = vec![format!("it holds by {holds}"), format!("does not by {refuted}")];
    if open > 0 {
        parts.push(format!("{open} leave{} it open", if open == 1 { "s" } else { "" }));
    }
    if untried > 0 {
        parts.push(format!("{untried} could not be tried for want of data"));
    }
    let last = parts.pop()?;
    Some(format!("By {} definitions: {} and {last}.", holds + refuted + open + untried, parts.join(", ")))
}

/// So many definitions are summed up, and not told one by one.
const MANY: usize = 4;

fn run(session: &Session, test: &Test) -> Result<Tested> {
    if let Some(reason) = missing(session, test)? {
        return Ok(Tested {
            definition: test.definition.clone(),
            context: test.context,
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
        Outcome::Undetermined => test.undetermined.as_ref().unwrap_or(&test.refuted),
    };
    let value = |column: &str| row.place(column).ok().map(|place| texts[place].as_deref());
    let numbers = answer.columns.iter().zip(texts);
    Ok(Tested {
        definition: test.definition.clone(),
        context: test.context,
        outcome,
        reason: template::fill(words, value).map_err(|message| Error::new(Kind::Usage, message))?,
        numbers: numbers.map(|(column, value)| Number { column: column.clone(), value: value.clone() }).collect(),
        receipt: Some(session.receipt(&test.sql, &answer)?),
    })
}

/// Says which need is not met, if one is not.
fn missing(session: &Session, test: &Test) -> Result<Option<String>> {
    for need in &test.needs {
        let Some(first) = need.year else {
            if !loaded(session, need, None)? {
                return Ok(Some(match &need.condition {
                    None => format!("nothing of {} is loaded", need.dataset),
                    Some(condition) => format!("nothing of {} with {condition} is loaded", need.dataset),
                }));
            }
            continue;
        };
        for year in first..=need.through.unwrap_or(first) {
            if !loaded(session, need, Some(year))? {
                let with = need.condition.as_ref().map_or_else(String::new, |condition| format!(" with {condition}"));
                return Ok(Some(format!("no release of {} that is loaded has the year {year}{with}", need.dataset)));
            }
        }
    }
    // What it reads beside.
    let absent = session.not_loaded(&test.sql, session.declared())?;
    Ok((!absent.is_empty()).then(|| format!("nothing of {} is loaded", absent.join(", "))))
}

/// Whether any release has a row that is needed, in a year where one is named.
fn loaded(session: &Session, need: &Need, year: Option<i32>) -> Result<bool> {
    if !session.has(need.dataset.as_str()) {
        return Ok(false);
    }
    let year = year.map(|year| format!("year = {year}"));
    let conditions: Vec<String> = need.condition.iter().map(|condition| format!("({condition})")).chain(year).collect();
    let only = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let sql = format!("SELECT count(*) AS found FROM history.{}{only}", sql::name(need.dataset.as_str()));
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
        let (mut refuted, mut open) = (false, false);
        for expect in &test.expect {
            match self.meets(expect)? {
                Met::Yes => {}
                Met::No => refuted = true,
                Met::Open => open = true,
                Met::NoValue => return Ok(Outcome::Absent),
            }
        }
        Ok(match (refuted, open) {
            (true, _) => Outcome::Refuted,
            (false, true) => Outcome::Undetermined,
            (false, false) => Outcome::Holds,
        })
    }

    /// Whether the value is as expected.
    fn meets(&self, expect: &Expect) -> Result<Met> {
        if let (Some(Want::Text(want)), Some(column)) = (&expect.is, &expect.column) {
            let found = &self.texts[self.place(column)?];
            return Ok(if found.is_none() { Met::NoValue } else { Met::of(found.as_ref() == Some(want)) });
        }
        let (low, high) = match (&expect.column, &expect.low, &expect.high) {
            (Some(column), ..) => (self.number(column)?, self.number(column)?),
            (None, Some(low), Some(high)) => (self.number(low)?, self.number(high)?),
            (None, ..) => (None, None),
        };
        let (Some(low), Some(high)) = (low, high) else { return Ok(Met::NoValue) };
        Ok(match (&expect.is, expect.above, expect.below) {
            (Some(Want::Number(want)), ..) => {
                let off = expect.within.unwrap_or(0.0) * want.abs();
                Met::of((low - want).abs() <= off)
            }
            (_, Some(limit), _) => Met::both(low > limit, high > limit),
            (_, _, Some(limit)) => Met::both(high < limit, low < limit),
            _ => Met::NoValue,
        })
    }

    /// The number in a column, if there is one.
    fn number(&self, column: &str) -> Result<Option<f64>> {
        match self.cell(column)? {
            Cell::Null => Ok(None),
            Cell::Integer(value) => Ok(Some(*value as f64)),
            Cell::Number(value) => Ok(Some(*value)),
            Cell::Text(_) => {
                Err(Error::new(Kind::Usage, format!("column `{column}` is a word, and a number is expected of it")))
            }
        }
    }
}

/// Whether what was expected is so.
enum Met {
    Yes,
    No,
    /// Somewhere between the bounds, yes; elsewhere, no.
    Open,
    NoValue,
}

impl Met {
    fn of(met: bool) -> Self {
        if met { Met::Yes } else { Met::No }
    }

    /// By what is so for the worse of two bounds, and for the better.
    fn both(surely: bool, perhaps: bool) -> Self {
        if perhaps && !surely { Met::Open } else { Met::of(surely) }
    }
}
