//! Drawings below `figures/` in the root that show what was erased since they were drawn: drawn again, or removed.
//!
//! A drawing's receipt names the captures that it rests on and the erasures that it knows of. So it is found by what lies there,
//! whoever erased and whatever he died of. Drawings that went elsewhere are not looked for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use model::{Digest, Error, Kind, Result, ResultExt as _};
use query::{Receipt, Session};
use serde::Serialize;
use store::Warehouse;

use crate::cli::figure;
use crate::project::Project;

/// A drawing that used what was erased.
#[derive(Debug, Serialize)]
pub struct Drawing {
    /// The figure.
    pub figure: String,
    /// What became of it, in words.
    pub became: String,
}

fn folder(warehouse: &Warehouse) -> PathBuf {
    warehouse.root().join("figures")
}

/// The drawings that lie there and of which this holds.
fn drawn(folder: &Path, holds: impl Fn(&Receipt) -> bool) -> Result<Vec<(String, Receipt)>> {
    let cannot = || format!("cannot read {}", folder.display());
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        entries => entries.or_error(Kind::Io, cannot())?,
    };
    for entry in entries {
        let name = entry.or_error(Kind::Io, cannot())?.file_name().to_string_lossy().into_owned();
        let Some(figure) = name.strip_suffix(".receipt.json") else { continue };
        let text = std::fs::read(folder.join(&name)).or_error(Kind::Io, cannot())?;
        // What is no receipt of ours is left alone.
        if let Ok(receipt) = serde_json::from_slice(&text)
            && holds(&receipt)
        {
            found.push((figure.to_owned(), receipt));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// The drawings that rest on captures which are to go.
pub fn told(warehouse: &Warehouse, going: &BTreeSet<Digest>) -> Result<Vec<Drawing>> {
    let rests = |receipt: &Receipt| receipt.captures.iter().any(|capture| going.contains(&capture.sha256));
    let all = drawn(&folder(warehouse), rests)?.into_iter();
    Ok(all.map(|(figure, _)| Drawing { figure, became: "is drawn again, or goes".to_owned() }).collect())
}

/// Draws again, from the same snapshots, what shows records that are erased; what cannot be drawn is removed.
pub fn again(project: &Project, warehouse: &Warehouse) -> Result<Vec<Drawing>> {
    let erasures = warehouse.erasures()?;
    let folder = folder(warehouse);
    let stale = |receipt: &Receipt| {
        erasures.iter().any(|erasure| {
            let took = |capture: &store::commit::Capture| erasure.captures.contains(&capture.sha256);
            receipt.captures.iter().any(took) && !receipt.erased.contains(&erasure.in_words())
        })
    };
    let mut all = Vec::new();
    for (figure, receipt) in drawn(&folder, stale)? {
        let became = match draw(project, warehouse, &figure, &receipt, &folder) {
            Ok(()) => format!("drawn again from snapshot {}", receipt.snapshot),
            Err(error) => {
                remove(&folder, &figure)?;
                format!("removed, because it cannot be drawn again: {error}")
            }
        };
        all.push(Drawing { figure, became });
    }
    Ok(all)
}

fn draw(project: &Project, warehouse: &Warehouse, figure: &str, receipt: &Receipt, folder: &Path) -> Result<()> {
    let spec = project.figures.iter().find(|spec| spec.id == figure).ok_or_else(|| {
        Error::new(Kind::Usage, "it is no longer declared").hint("`tollhouse figure list` shows the figures")
    })?;
    let reading = warehouse.reading(receipt.snapshot)?;
    let session = Session::open(warehouse, reading, &project.datasets, &project.vocabulary)?;
    figure::write(query::figures::build(&session, spec)?, folder).map(|_| ())
}

fn remove(folder: &Path, figure: &str) -> Result<()> {
    for ending in figure::ENDINGS {
        let path = folder.join(format!("{figure}.{ending}"));
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).or_error(Kind::Io, format!("cannot remove {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}
