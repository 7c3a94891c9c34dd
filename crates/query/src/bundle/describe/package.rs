//! The Frictionless data package: a resource for each part, and a schema for each table.
//!
//! A part is a resource of its own because several files of one resource are, by the standard, one file that was cut: Parquet
//! files cannot be put together so. It is of the type `file`: a validator compares length and digest with those of the file, which
//! it can of any, and the schema tells what the columns mean. What one reads of Parquet by way of data frames is no longer what
//! stands there: whole numbers with nulls among them become fractions.

use serde_json::{Value, json};
use store::commit::{Manifest, Slice, Table};
use store::part::Part;

use super::licence::Licence;
use super::{Bundle, DEVELOPERS, KEYWORDS, description, terms, title, title_of};

/// The schemas, by their paths in the bundle.
pub(super) fn schemas(bundle: &Bundle<'_>, manifests: &[Manifest]) -> Vec<(String, Value)> {
    let tables = manifests.iter().flat_map(|manifest| &manifest.tables);
    tables.map(|table| (schema_path(table), schema(bundle, table))).collect()
}

fn schema_path(table: &Table) -> String {
    format!("schemas/{}.json", table.name)
}

fn schema(bundle: &Bundle<'_>, table: &Table) -> Value {
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
    json!({ "fields": fields.collect::<Vec<_>>() })
}

fn field_type(kind: &str) -> &'static str {
    match kind {
        "BIGINT" | "INTEGER" | "HUGEINT" => "integer",
        "DATE" => "date",
        "TIMESTAMP" => "datetime",
        "BOOLEAN" => "boolean",
        kind if kind.starts_with("DECIMAL") || kind == "DOUBLE" => "number",
        _ => "string",
    }
}

/// `datapackage.json`.
pub(super) fn descriptor(bundle: &Bundle<'_>, manifests: &[Manifest], identifier: &str) -> Value {
    let mut resources = Vec::new();
    for manifest in manifests {
        for table in &manifest.tables {
            let parts = manifest.slices.iter().flat_map(|slice| slice.parts.iter().map(move |part| (slice, part)));
            let parts: Vec<_> = parts.filter(|(_, part)| part.table == table.name).collect();
            for (place, (slice, part)) in parts.iter().enumerate() {
                let name = table.name.replace('_', "-");
                let name = if parts.len() == 1 { name } else { format!("{name}-{}", place + 1) };
                resources.push(resource(bundle, manifests, (manifest, table), (&name, slice, part)));
            }
        }
    }
    let licences = Licence::of_all(manifests, bundle.datasets);
    json!({
        "profile": "data-package",
        "name": format!("tollhouse-{}", bundle.name.to_lowercase()),
        "id": identifier,
        "title": title_of(bundle),
        "description": description(bundle),
        "keywords": KEYWORDS,
        "created": bundle.snapshot.created.to_string(),
        "version": bundle.snapshot.number.to_string(),
        "contributors": [{ "title": DEVELOPERS, "role": "author" }],
        "licenses": licences.iter().map(Licence::in_package).collect::<Vec<_>>(),
        "resources": resources,
    })
}

fn resource(
    bundle: &Bundle<'_>,
    manifests: &[Manifest],
    (manifest, table): (&Manifest, &Table),
    (name, slice, part): (&str, &Slice, &Part),
) -> Value {
    let credit = terms(bundle, manifests, manifest).citation;
    let credit = if credit.is_empty() { format!("see CITATION.md: {}", manifest.dataset) } else { credit };
    let licences = Licence::of_manifest(manifests, manifest, bundle.datasets);
    let year = part.year.map(|year| format!(", {year}")).unwrap_or_default();
    json!({
        "profile": "data-resource",
        "type": "file",
        "name": name,
        "title": format!("{}: table {}, release {}, {}{year}", title(bundle, manifest), table.name, slice.release, slice.name),
        "path": part.path,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "bytes": part.bytes,
        "hash": format!("sha256:{}", part.sha256),
        "rowCount": part.rows,
        "schema": schema_path(table),
        "licenses": licences.iter().map(Licence::in_package).collect::<Vec<_>>(),
        "sources": [{ "title": credit }],
    })
}
