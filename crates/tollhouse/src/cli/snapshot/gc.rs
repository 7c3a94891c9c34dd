//! `snapshot gc`.

use std::process::ExitCode;

use clap::Args;
use model::{Error, Kind, Result};
use store::gc::{Report, Rules, Why};

use crate::cli::Context;
use crate::config::now;
use crate::output::{grouped, print_json, say, table};
use crate::work;

#[derive(Args)]
pub struct Gc {
    /// Keep the newest so many snapshots
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Keep the snapshots of so many days
    #[arg(long, value_name = "D")]
    keep_days: Option<u32>,
    /// Remove captures older than so many days that no kept snapshot names; without, all captures stay
    #[arg(long, value_name = "D")]
    captures_days: Option<u32>,
    /// Remove it
    #[arg(long)]
    apply: bool,
}

impl Gc {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let project = context.project()?;
        let warehouse = context.warehouse()?;
        let rules = Rules { newest: self.keep, days: self.keep_days, captures_days: self.captures_days };
        let report = warehouse.gc(&rules, self.apply, now())?;
        if context.json() {
            print_json(&report)?;
        } else {
            tell(&report);
        }
        if self.apply && report.at_work {
            return Err(Error::new(Kind::LostRace, "somebody writes in this warehouse: nothing was removed")
                .hint("run it again when the run is done")
                .retryable());
        }
        if report.applied {
            // The catalogue lists the snapshots; an erasure that died has left one that names parts which are gone.
            work::renew_catalogue(&project, &warehouse, "the snapshots are removed")?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn tell(report: &Report) {
    /// So many are named; --json names all.
    const NAMED: usize = 10;
    let rows = [
        ("of removed snapshots", Why::Removed),
        ("left by dead runs", Why::Leftover),
        ("captures and receipts", Why::Capture),
        ("erased records", Why::Erased),
    ];
    let rows = rows.into_iter().map(|(what, why)| {
        let files = report.files.iter().filter(|file| file.why == why).count() as u64;
        vec![what.to_owned(), grouped(files), grouped(report.bytes(why))]
    });
    say(&table(&["what", "files", "bytes"], rows));
    let left = report.files.iter().filter(|file| matches!(file.why, Why::Leftover | Why::Erased));
    let left: Vec<&str> = left.map(|file| file.path.as_str()).collect();
    left.iter().take(NAMED).for_each(|path| say(&format!("  left: {path}")));
    if left.len() > NAMED {
        say(&format!("  and {} more; --json names all", grouped((left.len() - NAMED) as u64)));
    }
    let many = |numbers: &[u64]| match numbers {
        [] => "none".to_owned(),
        [only] => only.to_string(),
        [first, .., last] => format!("{} of {first} to {last}", grouped(numbers.len() as u64)),
    };
    say(&format!(
        "Snapshots: {} kept; {} {}.",
        grouped(report.kept.len() as u64),
        if report.applied { "removed" } else { "to go" },
        many(&report.snapshots)
    ));
    let pinned = report.kept.iter().filter(|(_, why)| why.starts_with("pin"));
    for (number, why) in pinned {
        say(&format!("  {number} stays: {why}"));
    }
    if !report.read.is_empty() {
        say(&format!("Being read, and finished by a later call: {}.", many(&report.read)));
    }
    if report.at_work {
        say("A run is at work: what looks like a leftover may be its.");
    }
    if !report.applied && !report.at_work {
        say("Nothing was removed; --apply does it.");
    }
}
