//! `snapshot list`, `show`, `verify`, `export`, `import`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use model::{Error, Kind, Result, ResultExt as _};
use query::bundle::{self, Bundle};
use serde::Serialize;
use store::Warehouse;
use store::commit::Snapshot;

use super::Context;
use crate::config::now;
use crate::output::{grouped, list, print_json, say, table};
use crate::work;

#[derive(Subcommand)]
pub enum Command {
    /// List the snapshots, newest last
    List,
    /// Show one snapshot: its datasets, captures, counts and the checks it passed
    Show {
        /// A pin's name or a number; the newest without
        #[arg(value_name = "PIN|N")]
        snapshot: Option<String>,
    },
    /// Hash every file that snapshots and pins name, and say what is damaged
    Verify {
        /// Only this snapshot: a pin's name or a number
        #[arg(value_name = "PIN|N")]
        snapshot: Option<String>,
    },
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
    program: String,
    datasets: usize,
    pins: Vec<String>,
}

impl Command {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        match self {
            Command::List => show_list(context),
            Command::Show { snapshot } => show(context, snapshot.as_deref()),
            Command::Verify { snapshot } => verify(context, snapshot.as_deref()),
            Command::Export { snapshot, out, captures } => export(context, &snapshot, out, captures),
            Command::Import { file } => import(context, &file),
        }
    }
}

fn show_list(context: &Context) -> Result<ExitCode> {
    let warehouse = context.warehouse()?;
    let pins = warehouse.pins()?;
    let mut lines = Vec::new();
    for number in warehouse.numbers()? {
        let snapshot = warehouse.snapshot(number)?;
        lines.push(Line {
            number,
            parent: snapshot.parent,
            created: snapshot.created.to_string(),
            origin: snapshot.origin.as_str(),
            program: snapshot.program,
            datasets: snapshot.datasets.len(),
            pins: pins.iter().filter(|pin| pin.snapshot == number).map(|pin| pin.name.clone()).collect(),
        });
    }
    list(context.json(), &["snapshot", "committed", "data", "datasets", "pins"], &lines, |line| {
        vec![
            line.number.to_string(),
            line.created.clone(),
            line.origin.to_owned(),
            line.datasets.to_string(),
            line.pins.join(", "),
        ]
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

fn verify(context: &Context, at: Option<&str>) -> Result<ExitCode> {
    let warehouse = context.warehouse()?;
    let numbers = at.map(|at| warehouse.resolve(Some(at))).transpose()?.map(|snapshot| vec![snapshot.number]);
    let report = warehouse.verify(numbers.as_deref())?;
    if context.json() {
        #[derive(Serialize)]
        struct Verified<'a> {
            snapshots: u64,
            files: u64,
            bytes: u64,
            damage: &'a [String],
        }
        print_json(&Verified {
            snapshots: report.snapshots,
            files: report.files,
            bytes: report.bytes,
            damage: &report.damage,
        })?;
    } else {
        for damage in &report.damage {
            say(&format!("damaged: {damage}"));
        }
        say(&format!(
            "{} snapshots, {} files, {} bytes hashed: {}.",
            report.snapshots,
            grouped(report.files),
            grouped(report.bytes),
            match report.damage.len() {
                0 => "all as committed".to_owned(),
                1 => "1 is damaged".to_owned(),
                count => format!("{count} are damaged"),
            }
        ));
    }
    Ok(ExitCode::from(u8::from(!report.damage.is_empty())))
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

fn import(context: &Context, file: &Path) -> Result<ExitCode> {
    let archive = File::open(file).or_error(Kind::Usage, format!("cannot read {}", file.display()))?;
    let (name, number) = bundle::read(std::io::BufReader::new(archive), context.root())?;
    let warehouse = Warehouse::open(context.root())?;
    let snapshot = warehouse.snapshot(number)?;
    if name != format!("snapshot-{number}") {
        warehouse.add_pin(&name, number, now())?;
    }
    work::refresh_catalogue(&context.project()?, &warehouse, &snapshot)?;
    say(&format!("Took snapshot {number} ({name}) into {}.", warehouse.root().display()));
    // Captures that did not come along are no damage.
    let report = warehouse.verify(Some(&[number]))?;
    let (absent, damage): (Vec<_>, Vec<_>) =
        report.damage.into_iter().partition(|line| line.starts_with("raw/") && line.ends_with(" is missing"));
    for line in &damage {
        say(&format!("damaged: {line}"));
    }
    say(&format!(
        "{} files hashed: {}; {} captures are named and not here.",
        grouped(report.files),
        if damage.is_empty() { "all as committed".to_owned() } else { format!("{} are damaged", damage.len()) },
        grouped(absent.len() as u64)
    ));
    Ok(ExitCode::from(u8::from(!damage.is_empty())))
}
