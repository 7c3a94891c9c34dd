//! `snapshot list`, `show`, `diff`, `verify`, `gc`, `export`, `import`.

mod gc;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use model::{Digest, Error, Kind, Result, ResultExt as _};
use query::bundle::{self, Bundle};
use serde::Serialize;
use store::Warehouse;
use store::commit::{Slice, Snapshot};
use store::pin::Pin;

use super::{At, Context, figure, pin};
use crate::config::now;
use crate::output::{complain, grouped, list, print_json, say, table, to_json};
use crate::project::Project;
use crate::work;

#[derive(Subcommand)]
pub enum Command {
    /// List the newest snapshots, newest last
    List {
        /// So many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        /// Only those before this number: the next page
        #[arg(long, value_name = "N")]
        before: Option<u64>,
        /// Those that were removed too
        #[arg(long)]
        gone: bool,
    },
    /// Show one snapshot: its datasets, captures, counts and the checks it passed
    Show {
        /// A pin's name or a number; the newest without
        #[arg(value_name = "PIN|N", conflicts_with = "at")]
        snapshot: Option<String>,
        #[command(flatten)]
        at: At,
    },
    /// Say which slices and models differ between two snapshots; `revisions` says how
    Diff {
        /// The earlier: a pin's name or a number
        #[arg(value_name = "PIN|N")]
        before: String,
        /// The later; the newest without
        #[arg(value_name = "PIN|N")]
        after: Option<String>,
    },
    /// Hash every file that snapshots and pins name, and say what is damaged and what can restore it
    ///
    /// Captures that the bundle left out, from which a warehouse was made, are counted as absent and are no damage. Of a damaged
    /// capture that no snapshot names, and of a tollhouse.duckdb that is not of the newest snapshot, a note tells: the exit code
    /// stays 0.
    Verify(verify::Verify),
    /// Remove snapshots that neither a rule nor a pin keeps, and what dead runs left; says what would go, unless --apply
    ///
    /// The newest snapshot, what a pin names and what somebody reads always stay. A snapshot stays if any rule keeps it; without
    /// a rule all do, and only leftovers go. Numbers are never used again.
    Gc(gc::Gc),
    /// Write a snapshot as one ZIP archive that plain DuckDB reads, fit for a deposit
    Export {
        /// A pin's name or a number
        #[arg(value_name = "PIN|N")]
        snapshot: String,
        /// The archive; `tollhouse-PIN.zip` here without
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Put the captures in, but for those that show persons
        #[arg(long)]
        captures: bool,
    },
    /// Take such an archive into an empty root, and verify it
    ///
    /// It is unpacked beside the root and moved there whole; what an import that died left is removed by the next.
    Import {
        /// The archive
        file: PathBuf,
    },
}

#[derive(Serialize)]
struct Line {
    number: u64,
    parent: Option<u64>,
    created: String,
    origin: &'static str,
    /// None of one that was removed.
    program: Option<String>,
    datasets: Option<usize>,
    pins: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<String>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged: Option<String>,
}

impl Command {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        match self {
            Command::List { limit, before, gone } => show_list(context, limit, before, gone),
            Command::Show { snapshot, at } => show(context, at.or(snapshot).as_deref()),
            Command::Verify(verify) => verify.run(context),
            Command::Diff { before, after } => diff(context, &before, after.as_deref()),
            Command::Gc(gc) => gc.run(context),
            Command::Export { snapshot, out, captures } => export(context, &snapshot, out, captures),
            Command::Import { file } => import(context, &file),
        }
    }
}

fn show_list(context: &Context, limit: usize, before: Option<u64>, with_gone: bool) -> Result<ExitCode> {
    let warehouse = context.warehouse()?;
    let pins = warehouse.pins()?;
    let history = warehouse.history()?;
    let numbers = history.live.iter().chain(history.gone.iter().filter(|_| with_gone)).copied();
    let mut numbers: Vec<u64> = numbers.filter(|number| before.is_none_or(|before| *number < before)).collect();
    numbers.sort_unstable();
    let older = numbers.len().saturating_sub(limit);
    let lines: Vec<Line> = numbers
        .drain(older..)
        .filter_map(|number| line(&warehouse, number, &pins, with_gone).transpose())
        .collect::<Result<_>>()?;
    list(context.json(), &["snapshot", "committed", "data", "datasets", "pins"], &lines, |line| {
        let removed = line.removed.as_ref().map(|at| format!("removed {at}"));
        let removed = line.damaged.as_ref().map(|_| "damaged".to_owned()).or(removed);
        vec![
            line.number.to_string(),
            line.created.clone(),
            line.origin.to_owned(),
            line.datasets.map_or_else(String::new, |count| count.to_string()),
            removed.unwrap_or_else(|| line.pins.join(", ")),
        ]
    })?;
    pin::complain_of_damaged(&warehouse)?;
    if older > 0 && !context.json() {
        let next = lines.first().map_or(0, |line| line.number);
        complain(&format!("{} older: tollhouse snapshot list --before {next}", grouped(older as u64)));
    }
    Ok(ExitCode::SUCCESS)
}

/// A line of the list; none of a snapshot that was removed, unless those are wanted. One that is damaged does not hide the
/// others.
fn line(warehouse: &Warehouse, number: u64, pins: &[Pin], with_gone: bool) -> Result<Option<Line>> {
    let pins = pins.iter().filter(|pin| pin.snapshot == number).map(|pin| pin.name.clone());
    let mut line = Line {
        number,
        parent: None,
        created: String::new(),
        origin: warehouse.origin().as_str(),
        program: None,
        datasets: None,
        pins: pins.collect(),
        removed: None,
        damaged: None,
    };
    let damaged = |error: Error| match error.kind() {
        Kind::Damaged => Ok(Some(error.to_string())),
        _ => Err(error),
    };
    match warehouse.gone(number) {
        Ok(Some(_)) if !with_gone => return Ok(None),
        Ok(Some(gone)) => {
            (line.parent, line.created) = (gone.parent, gone.created.to_string());
            line.removed = Some(gone.removed.to_string());
        }
        Ok(None) => match warehouse.snapshot(number) {
            Ok(snapshot) => {
                (line.parent, line.created) = (snapshot.parent, snapshot.created.to_string());
                (line.program, line.datasets) = (Some(snapshot.program), Some(snapshot.datasets.len()));
            }
            Err(error) => line.damaged = damaged(error)?,
        },
        Err(error) => line.damaged = damaged(error)?,
    }
    Ok(Some(line))
}

/// A slice, or a model, in which two snapshots differ.
#[derive(Serialize)]
struct Difference {
    dataset: String,
    release: String,
    slice: String,
    what: &'static str,
    rows_before: Option<u64>,
    rows_after: Option<u64>,
}

fn diff(context: &Context, before: &str, after: Option<&str>) -> Result<ExitCode> {
    let warehouse = context.warehouse()?;
    let (before, after) = (warehouse.resolve(Some(before))?, warehouse.resolve(after)?);
    let slices = |snapshot: &Snapshot| -> Result<BTreeMap<[String; 3], Slice>> {
        let mut found = BTreeMap::new();
        for digest in snapshot.datasets.values() {
            let manifest = warehouse.manifest(digest)?;
            for slice in manifest.slices {
                found.insert([manifest.dataset.to_string(), slice.release.to_string(), slice.name.clone()], slice);
            }
        }
        Ok(found)
    };
    let (before, after) = (slices(&before)?, slices(&after)?);
    let keys: BTreeSet<&[String; 3]> = before.keys().chain(after.keys()).collect();
    let mut lines = Vec::new();
    for key in keys {
        let (was, is) = (before.get(key), after.get(key));
        let what = match (was, is) {
            (Some(was), Some(is)) if was.parts == is.parts => continue,
            (Some(_), Some(_)) => "changed",
            (None, _) => "added",
            (_, None) => "left",
        };
        let [dataset, release, slice] = key.clone();
        let rows = |slice: Option<&Slice>| slice.map(|slice| slice.counts.kept);
        lines.push(Difference { dataset, release, slice, what, rows_before: rows(was), rows_after: rows(is) });
    }
    if lines.is_empty() && !context.json() {
        say("The same rows, in every slice and model.");
        return Ok(ExitCode::SUCCESS);
    }
    let cell = |rows: Option<u64>| rows.map_or_else(String::new, grouped);
    list(context.json(), &["dataset", "release", "slice", "what", "rows before", "rows after"], &lines, |line| {
        let [dataset, release, slice] = [&line.dataset, &line.release, &line.slice].map(Clone::clone);
        vec![dataset, release, slice, line.what.to_owned(), cell(line.rows_before), cell(line.rows_after)]
    })?;
    Ok(ExitCode::SUCCESS)
}

fn show(context: &Context, at: Option<&str>) -> Result<ExitCode> {
    let warehouse = context.warehouse()?;
    let snapshot = warehouse.resolve(at)?;
    let manifests = snapshot.datasets.values().map(|digest| warehouse.manifest(digest)).collect::<Result<Vec<_>>>()?;
    if context.json() {
        #[derive(Serialize)]
        struct Shown<'a> {
            snapshot: &'a store::commit::Snapshot,
            manifests: &'a [store::commit::Manifest],
        }
        print_json(&Shown { snapshot: &snapshot, manifests: &manifests })?;
        return Ok(ExitCode::SUCCESS);
    }
    let parent = snapshot.parent.map_or_else(|| "none".to_owned(), |parent| parent.to_string());
    say(&format!(
        "Snapshot {} ({} data), committed {} by tollhouse {}; parent: {parent}.",
        snapshot.number,
        snapshot.origin.as_str(),
        snapshot.created,
        snapshot.program
    ));
    let rows = manifests.iter().flat_map(|manifest| {
        manifest.slices.iter().map(|slice| {
            vec![
                manifest.dataset.to_string(),
                slice.release.to_string(),
                slice.name.clone(),
                slice.grade.clone(),
                grouped(slice.counts.kept),
                slice.parts.len().to_string(),
                slice
                    .captures
                    .iter()
                    .map(|capture| capture.sha256.as_str()[..12].to_owned())
                    .collect::<Vec<_>>()
                    .join(" "),
            ]
        })
    });
    say(&table(&["dataset", "release", "slice", "source", "rows", "parts", "captures (sha256)"], rows));
    if !snapshot.gate.is_empty() {
        say("\nChecks that this commit passed:");
        for certificate in &snapshot.gate {
            say(&format!("  {} {} {}", certificate.dataset, certificate.release, certificate.slice));
            for check in &certificate.checks {
                say(&format!("    {}: {}", check.name, check.saw));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a snapshot is called by whoever asked for it: its pin, or its number.
pub fn name_of(asked: Option<&str>, snapshot: &Snapshot) -> String {
    match asked {
        Some(pin) if pin.parse::<u64>().is_err() => pin.to_owned(),
        _ => format!("snapshot-{}", snapshot.number),
    }
}

fn export(context: &Context, at: &str, out: Option<PathBuf>, captures: bool) -> Result<ExitCode> {
    let project = context.project()?;
    let warehouse = context.warehouse()?;
    let snapshot = warehouse.resolve(Some(at))?;
    let name = name_of(Some(at), &snapshot);
    let out = out.unwrap_or_else(|| PathBuf::from(format!("tollhouse-{name}.zip")));
    let cannot = || format!("cannot write {}", out.display());
    if out.exists() {
        return Err(Error::new(Kind::Usage, format!("{} is there already", out.display()))
            .hint("name another file with --out, or remove that one"));
    }
    // What is cut short must not pass for the archive.
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder).or_error(Kind::Io, cannot())?;
    let bundle = Bundle {
        warehouse: &warehouse,
        snapshot: &snapshot,
        name: &name,
        datasets: &project.datasets,
        vocabulary: &project.vocabulary,
        project: &project.files()?,
        drawn: &drawn(context, &project, at)?,
        captures,
    };
    let written = bundle::write(&bundle, std::io::BufWriter::new(file.as_file()))?;
    file.as_file().sync_all().or_error(Kind::Io, cannot())?;
    file.persist_noclobber(&out).or_error(Kind::Io, cannot())?;
    if context.json() {
        print_json(&written)?;
    } else {
        say(&format!(
            "Wrote {}: snapshot {}, {} files, {} bytes; {} captures in it, {} named by their digests alone.",
            out.display(),
            snapshot.number,
            grouped(written.files),
            grouped(written.bytes),
            grouped(written.captures),
            grouped(written.captures_left_out)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The figures and verdicts of a snapshot. What cannot be drawn from it, because its data are not loaded, is not among them.
fn drawn(context: &Context, project: &Project, at: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let session = context.session(Some(at))?;
    let mut found = Vec::new();
    for spec in &project.figures {
        match query::figures::build(&session, spec).and_then(figure::files) {
            Ok(files) => found.extend(files.into_iter().map(|(name, bytes)| (format!("figures/{name}"), bytes))),
            Err(error) if matches!(error.kind(), Kind::Usage | Kind::CheckFailed) => {
                complain(&format!("not in the archive, the figure {}: {error}", spec.id));
            }
            Err(error) => return Err(error),
        }
    }
    for set in &project.claims {
        let verdicts = to_json(&query::claim::judge(&session, set)?)?;
        found.push((format!("claims/{}.json", set.id), verdicts.into_bytes()));
    }
    Ok(found)
}

fn import(context: &Context, file: &Path) -> Result<ExitCode> {
    let archive = File::open(file).or_error(Kind::Usage, format!("cannot read {}", file.display()))?;
    let (name, number) = bundle::read(std::io::BufReader::new(archive), context.root(), now())?;
    let warehouse = Warehouse::open(context.root())?;
    let report = warehouse.verify(None)?;
    let (root, damage, absent) = (warehouse.root(), &report.damage, &report.absent);
    if context.json() {
        print_json(&Taken { snapshot: number, name: &name, root, files: report.files, damage, absent })?;
    } else {
        say(&format!("Took snapshot {number} ({name}) into {}.", root.display()));
        damage.iter().for_each(|line| say(&format!("damaged: {line}")));
        say(&format!(
            "{} files hashed: {}; {} captures are named and not here.",
            grouped(report.files),
            if damage.is_empty() { "all as committed".to_owned() } else { format!("{} are damaged", damage.len()) },
            grouped(absent.len() as u64)
        ));
    }
    work::renew_catalogue(&context.project()?, &warehouse, &format!("snapshot {number} is imported"))?;
    Ok(ExitCode::from(u8::from(!damage.is_empty())))
}

/// What was imported.
#[derive(Serialize)]
struct Taken<'a> {
    snapshot: u64,
    name: &'a str,
    root: &'a Path,
    files: u64,
    damage: &'a [String],
    /// The captures that did not come along.
    absent: &'a BTreeSet<Digest>,
}
