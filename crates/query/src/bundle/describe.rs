//! What a bundle says of itself: to people, to whoever deposits it, and to programs.
//!
//! [`package`] is the Frictionless data package, [`research`] the RO-Crate.

mod licence;
mod package;
mod research;

use std::collections::BTreeSet;

use model::dataset::Dataset;
use model::{Digest, Result, ResultExt as _};
use serde::Serialize;
use serde_json::Value;
use store::commit::{Manifest, Snapshot};

use super::{Bundle, Content, Files};
use crate::lineage::{self, Terms};

/// Who made the collection.
const DEVELOPERS: &str = "The Tollhouse developers";

/// What the data are about, for whoever looks for them.
const KEYWORDS: [&str; 5] = ["opioids", "ARCOS", "overdose deaths", "prescribing", "violent crime"];

/// What is told of licences where a publisher has no page for them: the project's own, whole.
const NOTICE: &str = include_str!("../../../../NOTICE");

/// Adds the descriptions, those that tell of the other files last.
pub(super) fn add(
    bundle: &Bundle<'_>,
    manifests: &[Manifest],
    (here, persons): (&BTreeSet<Digest>, &BTreeSet<Digest>),
    files: &mut Files,
) -> Result<()> {
    let snapshot = bundle.warehouse.snapshot_digest(bundle.snapshot.number)?;
    let identifier = format!("sha256:{snapshot}");
    let mut put = |name: &str, text: String| {
        files.insert(name.to_owned(), Content::Made(text.into_bytes()));
    };
    put("README.md", readme(bundle, manifests));
    put("CITATION.md", citation(bundle.name, bundle.snapshot, manifests, bundle.datasets));
    put("CITATION.cff", cff(bundle, manifests, &identifier)?);
    put("NOTICE", NOTICE.to_owned());
    put("captures.csv", captures(bundle, manifests, here, persons));
    for (path, schema) in package::schemas(bundle, manifests) {
        put(&path, pretty(&schema)?);
    }
    put("datapackage.json", pretty(&package::descriptor(bundle, manifests, &identifier))?);
    let metadata = pretty(&research::metadata(bundle, manifests, &identifier, files)?)?;
    files.insert(research::FILE.to_owned(), Content::Made(metadata.into_bytes()));
    Ok(())
}

fn pretty(value: &Value) -> Result<String> {
    serde_json::to_string_pretty(value).or_error(model::Kind::Internal, "a description cannot be written as JSON")
}

/// What publishers ask for, each once, with the tables that it is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Credit {
    /// Whom to credit, as they ask for it.
    pub credit: String,
    /// The licence or the terms.
    pub licence: String,
    /// The tables.
    pub tables: Vec<String>,
}

/// Every credit and licence that the publishers of these data ask for. Tables that are derived owe what their inputs owe.
pub fn credits(manifests: &[Manifest], datasets: &[Dataset]) -> Vec<Credit> {
    let mut told: Vec<Credit> = Vec::new();
    for manifest in manifests.iter().filter(|manifest| manifest.derived.is_none()) {
        let Some(dataset) = datasets.iter().find(|dataset| dataset.id == manifest.dataset) else { continue };
        let (credit, licence) = (&dataset.spec.citation, &dataset.spec.licence);
        let table = manifest.dataset.to_string();
        match told.iter_mut().find(|known| known.credit == *credit && known.licence == *licence) {
            Some(known) => known.tables.push(table),
            None => told.push(Credit { credit: credit.clone(), licence: licence.clone(), tables: vec![table] }),
        }
    }
    told
}

/// How to cite a snapshot, and every credit and licence that its publishers ask for, each once.
pub fn citation(name: &str, snapshot: &Snapshot, manifests: &[Manifest], datasets: &[Dataset]) -> String {
    let year = jiff::tz::Offset::UTC.to_datetime(snapshot.created).year();
    let mut text = format!(
        "# How to cite\n\n{DEVELOPERS} ({year}). Tollhouse warehouse, snapshot {} ({name}), committed {} by tollhouse {}.\n\n\
         # Whose data these are\n\nWhoever publishes what is made of them credits their publishers, under their terms:\n",
        snapshot.number, snapshot.created, snapshot.program
    );
    for Credit { credit, licence, tables } in credits(manifests, datasets) {
        text += &format!("\n- {credit}\n  Licence: {licence}\n  Tables: {}\n", tables.join(", "));
    }
    text += "\nTables that are derived from others owe what those owe.\n";
    text
}

/// The same in the Citation File Format 1.2.0. Its texts are written as JSON, which YAML reads.
fn cff(bundle: &Bundle<'_>, manifests: &[Manifest], identifier: &str) -> Result<String> {
    let quoted = |text: &str| {
        serde_json::to_string(text).or_error(model::Kind::Internal, "a citation cannot be written as JSON")
    };
    let day: String = bundle.snapshot.created.to_string().chars().take(10).collect();
    let mut text = format!(
        "cff-version: 1.2.0\ntype: dataset\n\
         message: \"Cite this collection, and credit the publishers of the data, which the references name.\"\n\
         title: {}\nabstract: {}\nversion: {}\ndate-released: {day}\nauthors:\n  - name: {}\nkeywords:\n",
        quoted(&title_of(bundle))?,
        quoted(&description(bundle))?,
        quoted(&bundle.snapshot.number.to_string())?,
        quoted(DEVELOPERS)?,
    );
    for keyword in KEYWORDS {
        text += &format!("  - {}\n", quoted(keyword)?);
    }
    let what = quoted("The SHA-256 of the snapshot's file, by which nothing of it can change unseen.")?;
    text += &format!("identifiers:\n  - type: other\n    value: {}\n    description: {what}\n", quoted(identifier)?);
    let credits = credits(manifests, bundle.datasets);
    if !credits.is_empty() {
        text += "references:\n";
    }
    for Credit { credit, licence, tables } in credits {
        let publisher =
            manifests.iter().find(|manifest| tables.first().is_some_and(|id| *id == manifest.dataset.as_str()));
        let publisher = publisher.map(|manifest| terms(bundle, manifests, manifest).publisher).unwrap_or_default();
        text += &format!(
            "  - type: data\n    title: {}\n    authors:\n      - name: {}\n    notes: {}\n",
            quoted(&credit)?,
            quoted(&publisher)?,
            quoted(&format!("Licence: {licence}. Tables: {}.", tables.join(", ")))?,
        );
    }
    Ok(text)
}

fn title_of(bundle: &Bundle<'_>) -> String {
    format!("Tollhouse warehouse, snapshot {} ({})", bundle.snapshot.number, bundle.name)
}

fn description(bundle: &Bundle<'_>) -> String {
    let invented = match bundle.snapshot.origin {
        store::Origin::Live => "",
        store::Origin::Replica => {
            " It came from a replica of the publishers: their real figures, unless a table says otherwise."
        }
    };
    format!(
        "Snapshot {} of a warehouse of public data on opioid prescribing, overdose deaths and violent crime.{invented}",
        bundle.snapshot.number
    )
}

fn readme(bundle: &Bundle<'_>, manifests: &[Manifest]) -> String {
    let rows = manifests.iter().map(|manifest| {
        let rows: u64 = manifest.slices.iter().flat_map(|slice| &slice.parts).map(|part| part.rows).sum();
        format!("| `{}` | {} | {rows} |\n", manifest.dataset, title(bundle, manifest))
    });
    let origin = match bundle.snapshot.origin {
        store::Origin::Live => "The data are the publishers'.",
        store::Origin::Replica => {
            "The data came from Tollhouse's replica of the publishers: their real figures, unless a table says that they are invented."
        }
    };
    format!(
        "# Tollhouse: {name}\n\nSnapshot {number} of a warehouse of public data on opioid prescribing, overdose deaths and violent \
         crime, committed {created} by tollhouse {program}. {origin}\n\n\
         DuckDB 1.4 or later opens it; start it in this folder:\n\n    duckdb tollhouse.duckdb\n    from meta.licences;\n\n\
         From elsewhere, say first where it lies: `SET VARIABLE warehouse = '/path/to/this/folder'`. In Python:\n\n    \
         import duckdb\n    warehouse = duckdb.connect('tollhouse.duckdb', read_only=True)\n\n\
         `main` has the newest release of each period, `history` all, `meta` what one must know: units, caveats, sources, breaks. The \
         Parquet files below `tables/` are ordinary ones.\n\n\
         - `sha256sum --check checksums.sha256` compares every file with what was written.\n\
         - `CITATION.md` says whom to credit and under which terms, `CITATION.cff` the same for programs, `NOTICE` what the licences \
         ask; they bind whoever uses the data. Data of NCHS and CMS are for \
         statistics only: nobody may be identified, and no withheld count worked out.\n\
         - `captures.csv` names every file that was fetched, by address, time and SHA-256, and whether it is here (`raw/`); those \
         with persons in them never are.\n\
         - `figures/` has what is drawn from these data, each with its rows and a receipt, `claims/` the verdicts on published \
         statements with their numbers.\n\
         - `project/` has the declarations, models, figures and claims; `declarations/` the pipelines that made the parts.\n\
         - `tollhouse --root FOLDER snapshot import THIS-ARCHIVE` takes it into a warehouse and verifies it.\n\n\
         | table | what it is | rows |\n|---|---|---|\n{rows}",
        name = bundle.name,
        number = bundle.snapshot.number,
        created = bundle.snapshot.created,
        program = bundle.snapshot.program,
        rows = rows.collect::<String>(),
    )
}

fn title(bundle: &Bundle<'_>, manifest: &Manifest) -> String {
    let declared = bundle.datasets.iter().find(|dataset| dataset.id == manifest.dataset);
    match (declared, &manifest.derived) {
        (Some(dataset), _) => dataset.spec.title.clone(),
        (None, Some(derived)) => derived.title.clone(),
        (None, None) => manifest.dataset.to_string(),
    }
}

fn terms(bundle: &Bundle<'_>, manifests: &[Manifest], manifest: &Manifest) -> Terms {
    Terms::of(&lineage::origins(manifests, &manifest.dataset), bundle.datasets)
}

/// Every capture, a line each.
fn captures(
    bundle: &Bundle<'_>,
    manifests: &[Manifest],
    here: &BTreeSet<Digest>,
    persons: &BTreeSet<Digest>,
) -> String {
    let mut lines = BTreeSet::new();
    for manifest in manifests {
        for capture in manifest.slices.iter().flat_map(|slice| &slice.captures) {
            let at = bundle.warehouse.archive().exchange(&capture.exchange);
            let at = at.map(|exchange| exchange.finished.to_string()).unwrap_or_default();
            let here = match (persons.contains(&capture.sha256), here.contains(&capture.sha256)) {
                (true, _) => "no: it may show persons",
                (false, true) => "yes",
                (false, false) => "no",
            };
            let url = capture.url.replace('"', "\"\"");
            lines.insert(format!("{},{},\"{url}\",{at},{here}\n", manifest.dataset, capture.sha256));
        }
    }
    format!("dataset,sha256,url,fetched_at,here\n{}", lines.into_iter().collect::<String>())
}
