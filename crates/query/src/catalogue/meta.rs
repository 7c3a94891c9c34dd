//! The schema `meta`: what one must know about the tables, as small tables of its own.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::column::Vocabulary;
use model::dataset::Dataset;
use model::kind::StateFips;
use model::{Digest, Kind, Result};
use store::Warehouse;
use store::commit::{Covered, Slice, Snapshot};
use store::ledger::{Filter, Ledger};

use super::breaks::BREAKS;
use super::{Contents, macros};
use crate::lineage::{self, Terms};
use crate::sql::{Sheet, optional, text};

/// The statements that make and fill `meta`. With a name it tells of this snapshot and the pin of that name `alone`.
pub(super) fn statements(
    warehouse: &Warehouse,
    (snapshot, alone): (&Snapshot, Option<&str>),
    contents: &Contents,
    datasets: &[Dataset],
    vocabulary: &Vocabulary,
) -> Result<Vec<String>> {
    let sheets = [
        columns(contents, vocabulary),
        sources(contents),
        coverage(contents),
        captures(warehouse, contents),
        licences(contents, datasets),
        caveats(contents, datasets),
        lineage(contents),
        snapshots(warehouse, snapshot, alone.is_some())?,
        pins(warehouse, snapshot, alone)?,
        erasures(warehouse, snapshot)?,
        macros::sheet(&contents.names()),
    ];
    Ok(sheets.into_iter().flat_map(Sheet::statements).chain(constants()).collect())
}

/// The statements that make the tables which the program itself knows, whatever is loaded.
pub(super) fn constants() -> Vec<String> {
    [breaks(), states()].into_iter().flat_map(Sheet::statements).collect()
}

/// Every column of every table. `about` is null for one that the vocabulary no longer has.
fn columns(contents: &Contents, vocabulary: &Vocabulary) -> Sheet {
    let mut sheet = Sheet::new(
        "columns",
        "dataset VARCHAR, \"table\" VARCHAR, position INTEGER, \"column\" VARCHAR, \"type\" VARCHAR, unit VARCHAR, \
         basis VARCHAR, about VARCHAR, field_id INTEGER",
    );
    for table in &contents.tables {
        for (place, column) in table.columns.iter().enumerate() {
            let meaning = vocabulary.get(&column.name).ok();
            let some = |word: &str| optional((!word.is_empty()).then_some(word));
            sheet.row(&[
                text(table.dataset.as_str()),
                text(&table.name),
                (place + 1).to_string(),
                text(&column.name),
                text(&column.kind),
                meaning.map_or("NULL".to_owned(), |meaning| some(&meaning.unit)),
                meaning.map_or("NULL".to_owned(), |meaning| some(&meaning.basis)),
                optional(meaning.map(|meaning| &meaning.about)),
                column.id.to_string(),
            ]);
        }
    }
    sheet
}

fn slices(contents: &Contents) -> impl Iterator<Item = ([String; 3], &Slice)> {
    contents.manifests.iter().flat_map(|manifest| {
        manifest.slices.iter().map(|slice| {
            let key = [manifest.dataset.as_str(), slice.release.as_str(), slice.name.as_str()];
            (key.map(text), slice)
        })
    })
}

/// What each slice came from, and what became of its records.
fn sources(contents: &Contents) -> Sheet {
    let mut sheet = Sheet::new(
        "sources",
        "dataset VARCHAR, \"release\" VARCHAR, slice VARCHAR, grade VARCHAR, url VARCHAR, note VARCHAR, \
         captures BIGINT, \"read\" BIGINT, kept BIGINT, totals BIGINT, rejected BIGINT, notes BIGINT",
    );
    for ([dataset, release, name], slice) in slices(contents) {
        let counts = slice.counts;
        sheet.row(&[
            dataset,
            release,
            name,
            text(&slice.grade),
            text(&slice.url),
            text(&slice.note),
            slice.captures.len().to_string(),
            counts.read.to_string(),
            counts.kept.to_string(),
            counts.totals.to_string(),
            counts.rejected.to_string(),
            counts.notes.to_string(),
        ]);
    }
    sheet
}

/// What part of its dataset each slice holds, where slices are told apart by that: a row for each column that tells it, with
/// up to a hundred of its values.
fn coverage(contents: &Contents) -> Sheet {
    /// So many values are named.
    const NAMED: usize = 100;
    let mut sheet = Sheet::new(
        "coverage",
        "dataset VARCHAR, \"release\" VARCHAR, slice VARCHAR, \"column\" VARCHAR, \"values\" BIGINT, \
         rows_without BIGINT, named VARCHAR",
    );
    for ([dataset, release, name], slice) in slices(contents) {
        for Covered { column, values, rows, null } in &slice.coverage {
            let named = rows.as_ref().filter(|rows| rows.len() <= NAMED);
            let named = named.map(|rows| rows.keys().map(String::as_str).collect::<Vec<_>>().join(", "));
            sheet.row(&[
                dataset.clone(),
                release.clone(),
                name.clone(),
                text(column),
                values.to_string(),
                null.to_string(),
                optional(named.as_deref()),
            ]);
        }
    }
    sheet
}

/// Every capture of every slice. The time and way are null where the receipt of the exchange cannot be read: a missing
/// receipt must not keep anybody from the data, and verification reports it.
fn captures(warehouse: &Warehouse, contents: &Contents) -> Sheet {
    let archive = warehouse.archive();
    let mut receipts: BTreeMap<&str, [String; 2]> = BTreeMap::new();
    let mut sheet = Sheet::new(
        "captures",
        "sha256 VARCHAR, url VARCHAR, exchange VARCHAR, fetched_at TIMESTAMP, via VARCHAR, dataset VARCHAR, \
         \"release\" VARCHAR, slice VARCHAR, position INTEGER",
    );
    for ([dataset, release, name], slice) in slices(contents) {
        for (place, capture) in slice.captures.iter().enumerate() {
            let [at, via] = receipts
                .entry(&capture.exchange)
                .or_insert_with(|| match archive.exchange(&capture.exchange) {
                    Ok(exchange) => [timestamp(&exchange.finished.to_string()), text(&exchange.via)],
                    Err(_) => ["NULL".to_owned(), "NULL".to_owned()],
                })
                .clone();
            sheet.row(&[
                text(capture.sha256.as_str()),
                text(&capture.url),
                text(&capture.exchange),
                at,
                via,
                dataset.clone(),
                release.clone(),
                name.clone(),
                (place + 1).to_string(),
            ]);
        }
    }
    sheet
}

/// A model's licence and credit are those of all that it comes from, and the strictest disclosure rule holds.
fn licences(contents: &Contents, datasets: &[Dataset]) -> Sheet {
    let mut sheet = Sheet::new(
        "licences",
        "dataset VARCHAR, title VARCHAR, publisher VARCHAR, licence VARCHAR, citation VARCHAR, disclosure VARCHAR",
    );
    for dataset in datasets {
        let spec = &dataset.spec;
        sheet.row(&[
            text(dataset.id.as_str()),
            text(&spec.title),
            text(&spec.publisher),
            text(&spec.licence),
            text(&spec.citation),
            text(spec.disclosure.as_str()),
        ]);
    }
    for (model, derivation) in lineage::models(&contents.manifests) {
        let terms = Terms::of(&lineage::origins(&contents.manifests, model), datasets);
        sheet.row(&[
            text(model.as_str()),
            text(&derivation.title),
            text(&terms.publisher),
            text(&terms.licence),
            text(&terms.citation),
            text(terms.disclosure.as_str()),
        ]);
    }
    sheet
}

/// Those of a model are its own; those of its inputs stand with them, and hold too.
fn caveats(contents: &Contents, datasets: &[Dataset]) -> Sheet {
    let mut sheet = Sheet::new("caveats", "dataset VARCHAR, position INTEGER, caveat VARCHAR");
    let declared = datasets.iter().map(|dataset| (&dataset.id, &dataset.spec.caveats));
    let derived = lineage::models(&contents.manifests).map(|(model, derivation)| (model, &derivation.caveats));
    for (dataset, caveats) in declared.chain(derived) {
        for (place, caveat) in caveats.iter().enumerate() {
            sheet.row(&[text(dataset.as_str()), (place + 1).to_string(), text(caveat)]);
        }
    }
    sheet
}

/// What each model was made from, a row for each input. `failed` says why there is no such table in this snapshot.
fn lineage(contents: &Contents) -> Sheet {
    let mut sheet = Sheet::new(
        "lineage",
        "model VARCHAR, input VARCHAR, manifest_sha256 VARCHAR, sql_sha256 VARCHAR, declaration_sha256 VARCHAR, \
         program VARCHAR, failed VARCHAR",
    );
    for manifest in &contents.manifests {
        let Some(derivation) = &manifest.derived else { continue };
        let mut row = |input: [String; 2]| {
            let [input, digest] = input;
            sheet.row(&[
                text(manifest.dataset.as_str()),
                input,
                digest,
                text(Digest::of(&derivation.sql).as_str()),
                text(manifest.pipeline.as_str()),
                text(&manifest.program),
                optional(derivation.failed.as_ref()),
            ]);
        };
        // One that could not be read has no inputs, and is told of all the same.
        if derivation.inputs.is_empty() {
            row(["NULL".to_owned(), "NULL".to_owned()]);
        }
        for (input, digest) in &derivation.inputs {
            row([text(input.as_str()), text(digest.as_str())]);
        }
    }
    sheet
}

fn breaks() -> Sheet {
    let mut sheet = Sheet::new(
        "breaks",
        "\"from\" DATE, until DATE, state_fips VARCHAR, \"release\" VARCHAR, datasets VARCHAR, columns VARCHAR, \
         about VARCHAR",
    );
    for entry in BREAKS {
        let date = |day: &str| format!("DATE '{day}'");
        sheet.row(&[
            date(entry.from),
            entry.until.map_or("NULL".to_owned(), date),
            optional(entry.state_fips),
            optional(entry.release),
            text(entry.datasets),
            text(entry.columns),
            text(entry.about),
        ]);
    }
    sheet
}

/// The newest snapshots, those that pins name, and the one that this catalogue shows, of which `shown` is true. `snapshot list`
/// has the others: a question must not cost more for every commit that ever was.
fn snapshots(warehouse: &Warehouse, shown: &Snapshot, alone: bool) -> Result<Sheet> {
    /// So many are told.
    const NEWEST: usize = 100;
    let mut sheet = Sheet::new(
        "snapshots",
        "snapshot BIGINT, parent BIGINT, created TIMESTAMP, origin VARCHAR, program VARCHAR, datasets BIGINT, \
         shown BOOLEAN",
    );
    let mut told = BTreeSet::new();
    if !alone {
        let live = warehouse.history()?.live;
        told.extend(live.iter().rev().take(NEWEST).copied());
        told.extend(warehouse.pins()?.into_iter().map(|pin| pin.snapshot).filter(|number| live.contains(number)));
    }
    told.insert(shown.number);
    for number in told {
        let snapshot = match warehouse.snapshot(number) {
            // Another may have been removed since, and one that is damaged is told of by verification.
            Err(error) if number != shown.number && error.kind() != Kind::Io => continue,
            read => read?,
        };
        sheet.row(&[
            snapshot.number.to_string(),
            snapshot.parent.map_or("NULL".to_owned(), |parent| parent.to_string()),
            timestamp(&snapshot.created.to_string()),
            text(snapshot.origin.as_str()),
            text(&snapshot.program),
            snapshot.datasets.len().to_string(),
            (snapshot.number == shown.number).to_string(),
        ]);
    }
    Ok(sheet)
}

/// The newest runs as the ledger has them now, and what was decided about the newest due times. Other than everything else
/// here, they are not part of what a catalogue is: a run is no reason to write one anew.
pub(super) fn runs(warehouse: &Warehouse) -> Result<Vec<String>> {
    /// So many of each are told.
    const NEWEST: u32 = 1_000;
    let mut runs = Sheet::new(
        "runs",
        "run VARCHAR, job VARCHAR, \"trigger\" VARCHAR, what VARCHAR, due TIMESTAMP, state VARCHAR, attempts INTEGER, \
         queued TIMESTAMP, started TIMESTAMP, ended TIMESTAMP, kind VARCHAR, message VARCHAR, snapshot BIGINT",
    );
    let mut due = Sheet::new(
        "due",
        "job VARCHAR, due TIMESTAMP, through TIMESTAMP, count BIGINT, decision VARCHAR, run VARCHAR, decided TIMESTAMP",
    );
    // One that cannot be read is the daemon's to tell, and no reason to answer nothing else.
    if let Ok(Some(ledger)) = Ledger::look(warehouse.root()) {
        let time = |at: Timestamp| timestamp(&at.to_string());
        let maybe = |at: Option<Timestamp>| at.map_or("NULL".to_owned(), time);
        for run in ledger.runs(&Filter { limit: NEWEST, ..Filter::default() }).unwrap_or_default() {
            runs.row(&[
                text(&run.id),
                text(&run.job),
                text(run.trigger.as_str()),
                optional(run.what),
                maybe(run.due),
                text(run.state.as_str()),
                run.attempts.to_string(),
                time(run.created),
                maybe(run.started),
                maybe(run.ended),
                optional(run.kind),
                optional(run.message),
                run.snapshot.map_or("NULL".to_owned(), |number| number.to_string()),
            ]);
        }
        for line in ledger.due(None, NEWEST).unwrap_or_default() {
            due.row(&[
                text(&line.job),
                time(line.due),
                time(line.through),
                line.count.to_string(),
                text(&line.decision),
                optional(line.run),
                time(line.decided),
            ]);
        }
    }
    Ok(runs.statements().into_iter().chain(due.statements()).collect())
}

/// The pins that can be read: one that is damaged must not keep anybody from the data.
fn pins(warehouse: &Warehouse, shown: &Snapshot, alone: Option<&str>) -> Result<Sheet> {
    let mut sheet = Sheet::new("pins", "pin VARCHAR, snapshot BIGINT, created TIMESTAMP");
    let told = |pin: &store::pin::Pin| alone.is_none_or(|name| pin.name == name && pin.snapshot == shown.number);
    for pin in warehouse.pins()?.into_iter().filter(told) {
        sheet.row(&[text(&pin.name), pin.snapshot.to_string(), timestamp(&pin.created.to_string())]);
    }
    Ok(sheet)
}

/// What was erased from this snapshot, a row for each table; of the record itself nothing.
fn erasures(warehouse: &Warehouse, shown: &Snapshot) -> Result<Sheet> {
    let mut sheet = Sheet::new(
        "erasures",
        "erasure BIGINT, erased TIMESTAMP, reason VARCHAR, dataset VARCHAR, \"table\" VARCHAR, \"rows\" BIGINT",
    );
    for erasure in warehouse.erasures()? {
        if !shown.datasets.values().any(|digest| erasure.manifests.contains_key(digest)) {
            continue;
        }
        for (table, rows) in &erasure.rows {
            sheet.row(&[
                erasure.number.to_string(),
                timestamp(&erasure.erased.to_string()),
                text(&erasure.reason),
                text(erasure.dataset.as_str()),
                text(table),
                rows.to_string(),
            ]);
        }
    }
    Ok(sheet)
}

/// States by code, for joining a code to a name or an abbreviation.
fn states() -> Sheet {
    let mut sheet = Sheet::new("states", "state_fips VARCHAR, usps VARCHAR, state VARCHAR");
    for state in StateFips::all() {
        sheet.row(&[text(&state.to_string()), text(state.usps()), text(state.name())]);
    }
    sheet
}

/// A moment, in UTC and without a zone, which is how all times stand in the warehouse.
fn timestamp(rfc3339: &str) -> String {
    format!("CAST({} AS TIMESTAMP)", text(rfc3339.trim_end_matches('Z')))
}
