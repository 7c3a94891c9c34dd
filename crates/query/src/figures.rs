//! Figures: what `warehouse/figures/<id>/` declares, drawn from a session.
//!
//! `query.sql` gives the rows, `figure.toml` is the [`Chart`]. A figure carries in itself what it rests on: a digest of
//! its inputs, which are the two files and the *content* of all parts of the tables that the SQL names. Snapshot numbers,
//! times and addresses are not among them, so that the same data give the same bytes wherever and whenever they are
//! loaded. How it is drawn is the business of [`chart`]; what moved between two drawings is told by [`moved`].

mod moved;

use std::collections::BTreeSet;

use chart::{Chart, Provenance, Width};
use model::{DatasetId, Digest, Error, Kind, Result, ResultExt as _};

pub use self::moved::{Move, moved};
use crate::{Receipt, Session, disclosure, portable};

/// A figure as it is declared.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its name: the folder's.
    pub id: String,
    /// How it is drawn.
    pub chart: Chart,
    /// Where its rows come from: portable SQL.
    pub sql: String,
    declaration: Digest,
}

/// A figure that was drawn.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// Its name.
    pub id: String,
    /// The drawing, for a page.
    pub svg: String,
    /// The same at twice its size, in pixels.
    pub png: Vec<u8>,
    /// The drawing, for a phone: 400 units wide.
    pub phone: String,
    /// The rows behind it.
    pub csv: Vec<u8>,
    /// The same rows with their types.
    pub parquet: Vec<u8>,
    /// The digest of its inputs.
    pub inputs: Digest,
    /// What its rows rest on.
    pub receipt: Receipt,
}

/// What became of a figure that was to be drawn.
#[derive(Debug)]
pub enum Attempt {
    /// It was.
    Drawn(Box<Drawn>),
    /// It waits for tables of which the snapshot has nothing.
    Waits(Vec<String>),
    /// It could not be drawn, though its data are there.
    Failed(Error),
}

impl Spec {
    /// Reads `figure.toml` and `query.sql` of the figure called `id`. SQL that is not portable is refused here.
    pub fn parse(id: &str, figure_toml: &str, query_sql: &str) -> Result<Self> {
        let file = format!("warehouse/figures/{id}/figure.toml");
        let chart = toml::from_str(figure_toml).or_error(Kind::Usage, format!("{file} cannot be read"))?;
        portable::lint(&format!("warehouse/figures/{id}/query.sql"), query_sql)?;
        Ok(Self { id: id.to_owned(), chart, sql: query_sql.to_owned(), declaration: Digest::of(figure_toml) })
    }
}

/// Draws a figure where all of its data are loaded: of the tables that are declared, those that its SQL names.
///
/// Fails where its SQL cannot be looked at.
pub fn attempt<'a>(session: &Session, spec: &Spec, declared: impl Iterator<Item = &'a str>) -> Result<Attempt> {
    let absent = session
        .not_loaded(&spec.sql, declared)
        .map_err(|error| error.while_doing(format!("looking at figure `{}`", spec.id)))?;
    if !absent.is_empty() {
        return Ok(Attempt::Waits(absent.into_iter().map(ToOwned::to_owned).collect()));
    }
    Ok(build(session, spec).map_or_else(Attempt::Failed, |drawn| Attempt::Drawn(Box::new(drawn))))
}

/// Draws a figure. The same declaration, data and program give the same bytes.
///
/// Fails where the SQL or the chart does not fit ([`Kind::Usage`]), and where a small count would be shown that must
/// not be ([`Kind::CheckFailed`]). Where records were erased from its data, the failure says so.
pub fn build(session: &Session, spec: &Spec) -> Result<Drawn> {
    draw(session, spec).map_err(|error| {
        let erased = session.erased_behind(&spec.sql);
        if erased.is_empty() {
            return error;
        }
        let hint = error.hint_text().map(ToOwned::to_owned);
        let erased = erased.join("; ");
        let message = format!("figure `{}` cannot be drawn; records were erased from its data: {erased}", spec.id);
        let told = Error::new(error.kind(), message).caused_by(error);
        if let Some(hint) = hint { told.hint(hint) } else { told }
    })
}

fn draw(session: &Session, spec: &Spec) -> Result<Drawn> {
    let what = format!("figure `{}`", spec.id);
    let answer = session.query(&spec.sql).map_err(|error| error.while_doing(&what))?;
    disclosure::guard(session, &what, &spec.sql, &answer)?;
    let datasets = session.touched(&spec.sql)?;
    let inputs = inputs(session, spec)?;
    let mut chart = spec.chart.clone();
    let rests_on = session.rests_on(&spec.sql)?;
    for note in session.secondary(&rests_on) {
        chart.notes.push(format!("Secondary source: {note}."));
    }
    for what in session.erased(&datasets) {
        chart.notes.push(format!("Records were erased from its data: {what}."));
    }
    let absent = session.not_loaded(&spec.sql, datasets.iter().map(DatasetId::as_str))?;
    let absent = (!absent.is_empty()).then(|| format!("not loaded: {}", absent.join(", ")));
    chart.notes.extend(absent.iter().map(|absent| format!("Of its data {absent}.")));
    let provenance = provenance(session, spec, &inputs, &datasets, &rests_on);
    let cannot = || match &absent {
        Some(absent) => format!("{what} cannot be drawn; of its data {absent}"),
        None => format!("{what} cannot be drawn"),
    };
    let frame = answer.frame();
    let draw = |width| chart::svg(&chart, &frame, &provenance, width).or_error(Kind::Usage, cannot());
    let (svg, phone) = (draw(Width::Print)?, draw(Width::Phone)?);
    let png = chart::png(&svg, &provenance).or_error(Kind::Internal, cannot())?;
    let receipt = session.receipt(&spec.sql, &answer)?;
    let (csv, parquet) = (answer.to_csv()?, answer.to_parquet()?);
    Ok(Drawn { id: spec.id.clone(), svg, png, phone, csv, parquet, inputs, receipt })
}

/// The digest of everything that decides what the figure shows.
fn inputs(session: &Session, spec: &Spec) -> Result<Digest> {
    let mut text =
        format!("tollhouse figure 1\nfigure.toml {}\nquery.sql {}\n", spec.declaration, Digest::of(&spec.sql));
    for (table, parts) in session.parts(&spec.sql)? {
        for part in parts {
            text += &format!("{table} {part}\n");
        }
    }
    Ok(Digest::of(text))
}

/// What both drawings carry inside.
fn provenance(
    session: &Session,
    spec: &Spec,
    inputs: &Digest,
    datasets: &BTreeSet<DatasetId>,
    rests_on: &BTreeSet<DatasetId>,
) -> Provenance {
    let mut items = vec![
        ("figure".to_owned(), spec.id.clone()),
        ("title".to_owned(), spec.chart.title.clone()),
        (Provenance::INPUTS.to_owned(), format!("sha256:{inputs}")),
        ("origin".to_owned(), session.origin().as_str().to_owned()),
    ];
    for dataset in datasets {
        if let Some(facts) = session.facts(dataset) {
            items.push((format!("licence of {dataset}"), facts.licence.clone()));
            items.push((format!("credit of {dataset}"), facts.citation.clone()));
        }
    }
    for (place, note) in session.secondary(rests_on).into_iter().enumerate() {
        items.push((format!("secondary source {}", place + 1), note));
    }
    items.push(("program".to_owned(), crate::PROGRAM.to_owned()));
    Provenance { items }
}

#[cfg(test)]
mod tests;
