//! `datasets show MODEL`: what is declared of a model, and what the newest snapshot has of it.

use std::collections::BTreeMap;

use model::{DatasetId, Digest, Result};
use query::lineage::{Terms, origins};
use query::models::Model;
use serde::Serialize;

use super::Context;
use crate::output::{grouped, print_json, say, table};
use crate::project::Project;

#[derive(Serialize)]
struct Shown {
    id: String,
    title: String,
    row: String,
    derived: bool,
    key: Vec<String>,
    period: Option<String>,
    columns: Vec<ColumnLine>,
    caveats: Vec<String>,
    sql: String,
    sql_sha256: String,
    declaration_sha256: String,
    held: Option<Held>,
}

#[derive(Serialize)]
struct ColumnLine {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    unit: String,
    basis: String,
    about: String,
}

/// What the newest snapshot has.
#[derive(Serialize)]
struct Held {
    rows: u64,
    /// Why it has none, where the model could not be made.
    failed: Option<String>,
    /// Whether it was made from another declaration than today's.
    outdated: bool,
    inputs: BTreeMap<DatasetId, Digest>,
    licence: String,
    citation: String,
    disclosure: &'static str,
}

/// Shows a model.
pub fn show(context: &Context, project: &Project, model: &Model, at: Option<&str>) -> Result<()> {
    let shown = gather(context, project, model, at)?;
    if context.json() {
        return print_json(&shown);
    }
    say(&format!("{}: {}", shown.id, shown.title));
    for (name, value) in [
        ("a row is", shown.row.as_str()),
        ("derived", "by SQL, in the commit that publishes its inputs"),
        ("key", &shown.key.join(", ")),
        ("declaration", &format!("sha256 {}", shown.declaration_sha256)),
        ("SQL", &format!("sha256 {}", shown.sql_sha256)),
    ] {
        say(&format!("  {name:<12} {value}"));
    }
    say("\nColumns");
    let rows = shown
        .columns
        .iter()
        .map(|column| vec![column.name.clone(), column.kind.clone(), column.unit.clone(), column.about.clone()]);
    say(&table(&["column", "type", "unit", "meaning"], rows));
    say("\nWhat to know before using it, beside what holds for its inputs");
    for caveat in &shown.caveats {
        say(&format!("  - {caveat}"));
    }
    say(&format!("\nHow it is made\n\n{}", shown.sql.trim_end()));
    let Some(held) = &shown.held else {
        say(
            "\nThe newest snapshot does not have it: not all of its inputs are loaded, or no run came since it was declared.",
        );
        return Ok(());
    };
    say(&format!("\nIn {}", at.map_or("the newest snapshot".to_owned(), |at| format!("snapshot {at}"))));
    match &held.failed {
        Some(why) => say(&format!("  it has no rows: {why}")),
        None => say(&format!("  {:<12} {}", "rows", grouped(held.rows))),
    }
    if held.outdated {
        say("  made from another declaration than the one above: the next run makes it anew");
    }
    for (name, value) in
        [("licence", held.licence.as_str()), ("cite as", &held.citation), ("disclosure", held.disclosure)]
    {
        say(&format!("  {name:<12} {value}"));
    }
    say(&table(
        &["made from", "manifest (sha256)"],
        held.inputs.iter().map(|(id, digest)| vec![id.to_string(), digest.to_string()]),
    ));
    Ok(())
}

fn gather(context: &Context, project: &Project, model: &Model, at: Option<&str>) -> Result<Shown> {
    let columns = model.spec.columns.iter().map(|name| {
        let meaning = project.vocabulary.get(name)?;
        Ok(ColumnLine {
            name: name.clone(),
            kind: meaning.kind.sql(),
            unit: meaning.unit.clone(),
            basis: meaning.basis.clone(),
            about: meaning.about.clone(),
        })
    });
    Ok(Shown {
        id: model.id.to_string(),
        title: model.spec.title.clone(),
        row: model.spec.row.clone(),
        derived: true,
        key: model.spec.key.clone(),
        period: model.spec.period.clone(),
        columns: columns.collect::<Result<_>>()?,
        caveats: model.spec.caveats.clone(),
        sql: model.sql.clone(),
        sql_sha256: Digest::of(&model.sql).to_string(),
        declaration_sha256: model.declaration.to_string(),
        held: held(context, project, model, at)?,
    })
}

fn held(context: &Context, project: &Project, model: &Model, at: Option<&str>) -> Result<Option<Held>> {
    let manifests = context.manifests(at)?;
    let Some(manifest) = manifests.iter().find(|manifest| manifest.dataset == model.id) else { return Ok(None) };
    let Some(derived) = &manifest.derived else { return Ok(None) };
    let terms = Terms::of(&origins(&manifests, &model.id), &project.datasets);
    Ok(Some(Held {
        rows: manifest.slices.iter().map(|slice| slice.counts.kept).sum(),
        failed: derived.failed.clone(),
        outdated: manifest.pipeline != model.declaration || derived.sql != model.sql,
        inputs: derived.inputs.clone(),
        licence: terms.licence,
        citation: terms.citation,
        disclosure: terms.disclosure.as_str(),
    }))
}
