//! `figure list`, `build`, `verify`.

mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use model::{Error, Kind, Result};
use query::figures::{self, Attempt, Drawn, Spec};
use serde::Serialize;

use super::{At, Context};
use crate::output::{complain, list, print_json, save, say, to_json};
use crate::report::in_a_line;

#[derive(Subcommand)]
pub enum Command {
    /// List the figures
    List,
    /// Draw figures: SVG and PNG for a page, SVG for a phone, the numbers behind as CSV and Parquet, and the receipt
    ///
    /// Without names all of those whose data are loaded; the others are named with what they wait for.
    Build {
        /// The figures; all of them without
        #[arg(value_name = "FIGURE")]
        ids: Vec<String>,
        /// Where they go; the folder `figures` in the root without
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
        #[command(flatten)]
        at: At,
    },
    /// Draw figures again and compare: says which number moved; exits with 1 where anything differs
    ///
    /// Without --at from the snapshot that each figure's receipt names.
    Verify {
        /// The figures; all that were drawn without
        #[arg(value_name = "FIGURE")]
        ids: Vec<String>,
        /// Where they lie; the folder `figures` in the root without
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
        #[command(flatten)]
        at: At,
    },
}

#[derive(Serialize)]
struct Line {
    id: String,
    title: String,
    subtitle: String,
}

/// A figure that was drawn.
#[derive(Serialize)]
struct Built {
    figure: String,
    snapshot: u64,
    /// The drawing; the others lie beside it.
    path: PathBuf,
}

/// The files of a figure, by what their names end in.
pub const ENDINGS: [&str; 6] = ["svg", "png", "phone.svg", "csv", "parquet", RECEIPT];
/// The ending of the receipt.
pub const RECEIPT: &str = "receipt.json";

impl Command {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        match self {
            Command::List => {
                let lines: Vec<_> = project
                    .figures
                    .iter()
                    .map(|spec| Line {
                        id: spec.id.clone(),
                        title: spec.chart.title.clone(),
                        subtitle: spec.chart.subtitle.clone(),
                    })
                    .collect();
                list(context.json(), &["figure", "title", ""], &lines, |line| {
                    vec![line.id.clone(), line.title.clone(), line.subtitle.clone()]
                })?;
            }
            Command::Build { ids, out, at } => {
                let chosen = choose(&project.figures, &ids)?;
                let session = context.session(at.at.as_deref())?;
                let folder = out.unwrap_or_else(|| context.root().join("figures"));
                let (mut built, mut failed) = (Vec::new(), None);
                for spec in chosen {
                    // Asked for by name, a figure is drawn as far as its data go, and says what they lack.
                    let attempt = match ids.is_empty() {
                        true => figures::attempt(&session, spec, project.declared())?,
                        false => Attempt::Drawn(Box::new(figures::build(&session, spec)?)),
                    };
                    match attempt {
                        Attempt::Drawn(drawn) => {
                            let path = write(*drawn, &folder)?;
                            if !context.json() {
                                say(&path.display().to_string());
                            }
                            built.push(Built { figure: spec.id.clone(), snapshot: session.snapshot(), path });
                        }
                        Attempt::Waits(tables) => {
                            complain(&format!("{} is not drawn: not loaded: {}", spec.id, tables.join(", ")));
                        }
                        Attempt::Failed(error) => {
                            complain(&in_a_line(&error));
                            failed = failed.or(Some(error.kind()));
                        }
                    }
                }
                if context.json() {
                    print_json(&built)?;
                }
                if let Some(kind) = failed {
                    return Err(Error::new(kind, "not every figure could be drawn").hint("the errors above say why"));
                }
            }
            Command::Verify { ids, folder, at } => {
                let chosen = choose(&project.figures, &ids)?;
                let folder = folder.unwrap_or_else(|| context.root().join("figures"));
                return verify::run(context, &chosen, !ids.is_empty(), &folder, at.at.as_deref());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn choose<'a>(figures: &'a [Spec], ids: &[String]) -> Result<Vec<&'a Spec>> {
    if ids.is_empty() {
        return Ok(figures.iter().collect());
    }
    let find = |id: &String| {
        figures.iter().find(|spec| spec.id == *id).ok_or_else(|| {
            Error::new(Kind::Usage, format!("there is no figure `{id}`"))
                .hint("`tollhouse figure list` shows those that there are")
        })
    };
    ids.iter().map(find).collect()
}

/// Saves a figure in a folder; the drawing's path comes back. The receipt names the snapshot, so it lies beside.
pub fn write(drawn: Drawn, folder: &Path) -> Result<PathBuf> {
    let path = folder.join(format!("{}.svg", drawn.id));
    for (name, bytes) in files(drawn)? {
        save(&folder.join(name), &bytes)?;
    }
    Ok(path)
}

/// A figure as files, by their names.
pub fn files(drawn: Drawn) -> Result<Vec<(String, Vec<u8>)>> {
    let receipt = to_json(&drawn.receipt)?.into_bytes();
    let bytes = [drawn.svg.into_bytes(), drawn.png, drawn.phone.into_bytes(), drawn.csv, drawn.parquet, receipt];
    Ok(ENDINGS.iter().zip(bytes).map(|(ending, bytes)| (format!("{}.{ending}", drawn.id), bytes)).collect())
}
