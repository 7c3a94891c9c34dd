//! The RO-Crate 1.1: the crate, every file of it, and the commit that made them.

use model::Result;
use serde_json::{Value, json};
use store::commit::Manifest;

use super::licence::Licence;
use super::{Bundle, DEVELOPERS, Files, KEYWORDS, description, title_of};
use crate::bundle::CHECKSUMS;

/// Where it stands.
pub(super) const FILE: &str = "ro-crate-metadata.json";

const CRATE: &str = "https://w3id.org/ro/crate/1.1";

/// The developers, and the publisher of the collection.
const WHO: &str = "#developers";

/// `ro-crate-metadata.json`, which tells of all other files.
pub(super) fn metadata(bundle: &Bundle<'_>, manifests: &[Manifest], identifier: &str, files: &Files) -> Result<Value> {
    let mut told = Vec::new();
    for (path, content) in files {
        told.push(json!({
            "@id": address(path),
            "@type": "File",
            "name": name(path),
            "encodingFormat": format_of(path),
            "contentSize": content.bytes(bundle.warehouse)?.to_string(),
            "sha256": content.digest().as_str(),
        }));
    }
    // Of their own digests the checksums tell nothing.
    told.push(json!({
        "@id": CHECKSUMS,
        "@type": "File",
        "name": name(CHECKSUMS),
        "encodingFormat": format_of(CHECKSUMS),
    }));
    let licences = Licence::of_all(manifests, bundle.datasets);
    // A notice in the bundle is one of its files already.
    let mut addresses: Vec<&str> = licences.iter().map(|licence| licence.path).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let elsewhere = addresses.iter().copied().filter(|path| path.starts_with("https:")).map(|path| {
        let of: Vec<&str> =
            licences.iter().filter(|licence| licence.path == path).map(|licence| licence.title.as_str()).collect();
        json!({ "@id": path, "@type": "CreativeWork", "name": of.join("; "), "url": path })
    });
    let mut graph = about(bundle, identifier, &told, &addresses);
    graph.extend(elsewhere);
    graph.append(&mut told);
    Ok(json!({ "@context": format!("{CRATE}/context"), "@graph": graph }))
}

/// The crate, who made it, and how.
fn about(bundle: &Bundle<'_>, identifier: &str, files: &[Value], licences: &[&str]) -> Vec<Value> {
    let created = bundle.snapshot.created.to_string();
    let program = format!("#tollhouse-{}", bundle.snapshot.program);
    let ids = |ids: Vec<&Value>| ids.into_iter().map(|id| json!({ "@id": id })).collect::<Vec<_>>();
    vec![
        json!({
            "@id": FILE,
            "@type": "CreativeWork",
            "conformsTo": { "@id": CRATE },
            "about": { "@id": "./" },
        }),
        json!({
            "@id": "./",
            "@type": "Dataset",
            "name": title_of(bundle),
            "description": description(bundle),
            "identifier": identifier,
            "version": bundle.snapshot.number.to_string(),
            "keywords": KEYWORDS.join(", "),
            "datePublished": created,
            "author": { "@id": WHO },
            "publisher": { "@id": WHO },
            "license": licences.iter().map(|path| json!({ "@id": path })).collect::<Vec<_>>(),
            "hasPart": ids(files.iter().map(|file| &file["@id"]).collect()),
        }),
        json!({ "@id": WHO, "@type": "Organization", "name": DEVELOPERS }),
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
    ]
}

/// What some files are; the others are called by their paths.
fn name(path: &str) -> &str {
    match path {
        "tollhouse.duckdb" => "Views over the tables",
        "README.md" => "How to read this",
        "CITATION.md" | "CITATION.cff" => "Whom to credit",
        "NOTICE" => "What the licences ask",
        "captures.csv" => "What was fetched",
        "datapackage.json" => "Tables and columns",
        CHECKSUMS => "Checksums",
        path => path,
    }
}

fn format_of(path: &str) -> &'static str {
    let ending = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, ending)| ending);
    match ending {
        _ if path.starts_with("raw/") => "application/octet-stream",
        "parquet" => "application/vnd.apache.parquet",
        "duckdb" => "application/vnd.duckdb.file",
        "json" => "application/json",
        "csv" => "text/csv",
        "md" => "text/markdown",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "toml" => "application/toml",
        "cff" => "application/yaml",
        "sql" => "application/sql",
        _ => "text/plain",
    }
}

/// A path as a relative address.
fn address(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' | b'=' => text.push(byte.into()),
            other => text += &format!("%{other:02X}"),
        }
    }
    text
}
