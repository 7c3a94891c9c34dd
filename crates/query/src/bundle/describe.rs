//! What a bundle says of itself: to people, to whoever deposits it, and to programs.

use std::collections::BTreeSet;

use model::dataset::Dataset;
use model::{Digest, Result, ResultExt as _};
use serde_json::{Value, json};
use store::commit::{Manifest, Snapshot};

use super::Bundle;
use crate::lineage::{self, Terms};

/// The descriptions, by the names of their files.
pub(super) fn files(
    bundle: &Bundle<'_>,
    manifests: &[Manifest],
    persons: &BTreeSet<Digest>,
) -> Result<Vec<(&'static str, String)>> {
    let pretty = |value: &Value| {
        serde_json::to_string_pretty(value).or_error(model::Kind::Internal, "a description cannot be written as JSON")
    };
    Ok(vec![
        ("README.md", readme(bundle, manifests)),
        ("CITATION.md", citation(bundle.name, bundle.snapshot, manifests, bundle.datasets)),
        ("captures.csv", captures(bundle, manifests, persons)),
        ("datapackage.json", pretty(&data_package(bundle, manifests))?),
        ("ro-crate-metadata.json", pretty(&crate_metadata(bundle, manifests))?),
    ])
}

/// How to cite a snapshot, and every credit and licence that its publishers ask for, each once.
pub fn citation(name: &str, snapshot: &Snapshot, manifests: &[Manifest], datasets: &[Dataset]) -> String {
    let year = jiff::tz::Offset::UTC.to_datetime(snapshot.created).year();
    let mut text = format!(
        "# How to cite\n\nThe Tollhouse developers ({year}). Tollhouse warehouse, snapshot {} ({name}), committed {} by tollhouse {}.\n\n\
         # Whose data these are\n\nWhoever publishes what is made of them credits their publishers, under their terms:\n",
        snapshot.number, snapshot.created, snapshot.program
    );
    let mut told: Vec<(String, String, Vec<&str>)> = Vec::new();
    for manifest in manifests.iter().filter(|manifest| manifest.derived.is_none()) {
        let Some(dataset) = datasets.iter().find(|dataset| dataset.id == manifest.dataset) else { continue };
        let (credit, licence) = (&dataset.spec.citation, &dataset.spec.licence);
        match told.iter_mut().find(|(known, terms, _)| known == credit && terms == licence) {
            Some((_, _, of)) => of.push(manifest.dataset.as_str()),
            None => told.push((credit.clone(), licence.clone(), vec![manifest.dataset.as_str()])),
        }
    }
    for (credit, licence, of) in told {
        text += &format!("\n- {credit}\n  Licence: {licence}\n  Tables: {}\n", of.join(", "));
    }
    text += "\nTables that are derived from others owe what those owe.\n";
    text
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
         - `CITATION.md` says whom to credit and under which terms; they bind whoever uses the data. Data of NCHS and CMS are for \
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
fn captures(bundle: &Bundle<'_>, manifests: &[Manifest], persons: &BTreeSet<Digest>) -> String {
    let mut lines = BTreeSet::new();
    for manifest in manifests {
        for capture in manifest.slices.iter().flat_map(|slice| &slice.captures) {
            let at = bundle.warehouse.archive().exchange(&capture.exchange);
            let at = at.map(|exchange| exchange.finished.to_string()).unwrap_or_default();
            let here = match (persons.contains(&capture.sha256), bundle.captures) {
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

/// A Frictionless data package: a resource for each table.
fn data_package(bundle: &Bundle<'_>, manifests: &[Manifest]) -> Value {
    let mut resources = Vec::new();
    for manifest in manifests {
        for table in &manifest.tables {
            let parts: Vec<_> =
                manifest.slices.iter().flat_map(|slice| &slice.parts).filter(|part| part.table == table.name).collect();
            if parts.is_empty() {
                continue;
            }
            let fields = table.columns.iter().map(|column| {
                let meaning = bundle.vocabulary.get(&column.name).ok();
                json!({
                    "name": column.name,
                    "type": field_type(&column.kind),
                    "sqlType": column.kind,
                    "description": meaning.map(|meaning| meaning.about.clone()).unwrap_or_default(),
                    "unit": meaning.map(|meaning| meaning.unit.clone()).unwrap_or_default(),
                })
            });
            let terms = terms(bundle, manifests, manifest);
            resources.push(json!({
                "name": table.name.replace('_', "-"),
                "title": title(bundle, manifest),
                "path": parts.iter().map(|part| part.path.as_str()).collect::<Vec<_>>(),
                "format": "parquet",
                "mediatype": "application/vnd.apache.parquet",
                "bytes": parts.iter().map(|part| part.bytes).sum::<u64>(),
                "rows": parts.iter().map(|part| part.rows).sum::<u64>(),
                "schema": { "fields": fields.collect::<Vec<_>>() },
                "licenses": [{ "title": terms.licence }],
                "sources": [{ "title": terms.citation }],
            }));
        }
    }
    json!({
        "profile": "data-package",
        "name": format!("tollhouse-{}", bundle.name.to_lowercase()),
        "title": format!("Tollhouse: {}", bundle.name),
        "created": bundle.snapshot.created.to_string(),
        "version": bundle.snapshot.number.to_string(),
        "resources": resources,
    })
}

fn field_type(kind: &str) -> &'static str {
    match kind {
        "BIGINT" | "INTEGER" | "HUGEINT" => "integer",
        "DATE" => "date",
        "BOOLEAN" => "boolean",
        kind if kind.starts_with("DECIMAL") || kind == "DOUBLE" => "number",
        _ => "string",
    }
}

/// An RO-Crate 1.1: the crate, its files, and the commit that made them.
fn crate_metadata(bundle: &Bundle<'_>, manifests: &[Manifest]) -> Value {
    let mut graph = Vec::new();
    let mut parts = Vec::new();
    for part in manifests.iter().flat_map(|manifest| &manifest.slices).flat_map(|slice| &slice.parts) {
        parts.push(json!({ "@id": part.path }));
        graph.push(json!({
            "@id": part.path,
            "@type": "File",
            "name": part.table,
            "encodingFormat": "application/vnd.apache.parquet",
            "contentSize": part.bytes.to_string(),
            "sha256": part.sha256.as_str(),
        }));
    }
    for (path, name, format) in [
        ("tollhouse.duckdb", "Views over the tables", "application/vnd.duckdb.file"),
        ("README.md", "How to read this", "text/markdown"),
        ("CITATION.md", "Whom to credit", "text/markdown"),
        ("captures.csv", "What was fetched", "text/csv"),
        ("checksums.sha256", "Checksums", "text/plain"),
        ("datapackage.json", "Tables and columns", "application/json"),
    ] {
        parts.push(json!({ "@id": path }));
        graph.push(json!({ "@id": path, "@type": "File", "name": name, "encodingFormat": format }));
    }
    let mut licences: Vec<String> = Vec::new();
    for manifest in manifests.iter().filter(|manifest| manifest.derived.is_none()) {
        let licence = terms(bundle, manifests, manifest).licence;
        if !licence.is_empty() && !licences.contains(&licence) {
            licences.push(licence);
        }
    }
    let created = bundle.snapshot.created.to_string();
    let program = format!("#tollhouse-{}", bundle.snapshot.program);
    let mut all = vec![
        json!({
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "conformsTo": { "@id": "https://w3id.org/ro/crate/1.1" },
            "about": { "@id": "./" },
        }),
        json!({
            "@id": "./",
            "@type": "Dataset",
            "name": format!("Tollhouse: {}", bundle.name),
            "description": format!(
                "Snapshot {} of a warehouse of public data on opioid prescribing, overdose deaths and violent crime.",
                bundle.snapshot.number
            ),
            "datePublished": created,
            "license": licences.join("; "),
            "hasPart": parts,
        }),
        json!({
            "@id": program,
            "@type": "SoftwareApplication",
            "name": "tollhouse",
            "version": bundle.snapshot.program,
        }),
        json!({
            "@id": "#commit",
            "@type": "CreateAction",
            "name": format!("commit of snapshot {}", bundle.snapshot.number),
            "endTime": created,
            "instrument": { "@id": program },
            "result": { "@id": "./" },
        }),
    ];
    all.append(&mut graph);
    json!({ "@context": "https://w3id.org/ro/crate/1.1/context", "@graph": all })
}
