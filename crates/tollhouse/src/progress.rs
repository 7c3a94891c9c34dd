//! Long work shows that it goes on: a spinner on a terminal, plain lines elsewhere, nothing with `--quiet`.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ingest::run::Progress as Step;
use model::Result;

use crate::output::{complain, grouped};

/// Where progress goes.
pub struct Progress {
    bar: ProgressBar,
    lines: bool,
}

impl Progress {
    /// Progress for the person at the terminal, if there is one.
    pub fn new(quiet: bool) -> Self {
        use std::io::IsTerminal as _;
        let terminal = std::io::stderr().is_terminal();
        let bar = if quiet || !terminal {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
        } else {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        };
        Self { bar, lines: !quiet && !terminal }
    }

    /// A step of one dataset's run. Never fails: whoever works is not stopped from here.
    pub fn step(&self, dataset: &str, step: Step<'_>) -> Result<()> {
        match step {
            Step::Asking(url) => self.now(&format!("{dataset}: asking for {url}")),
            Step::Got { bytes, unchanged: true } => {
                self.now(&format!("{dataset}: unchanged ({} bytes held)", grouped(bytes)));
            }
            Step::Got { bytes, unchanged: false } => self.now(&format!("{dataset}: {} bytes archived", grouped(bytes))),
            Step::Reading(slice) => self.now(&format!("{dataset}: reading {slice}")),
            Step::Staged { slice, rows } => self.done(&format!("{dataset}: {slice}, {} rows", grouped(rows))),
        }
        Ok(())
    }

    /// What is being done now; on a terminal it is overwritten by what comes next.
    pub fn now(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// Something finished, worth a line of its own.
    pub fn done(&self, what: &str) {
        if self.lines {
            complain(&format!("  {what}"));
        } else {
            self.bar.println(format!("  {what}"));
        }
    }

    /// Ends it, leaving nothing on the terminal.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
