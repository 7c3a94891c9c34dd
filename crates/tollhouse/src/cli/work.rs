//! `work`: one run of the daemon's, in a process of its own. Not for people.

use std::process::ExitCode;

use clap::Args;
use model::{Error, Kind, Result, ResultExt as _};
use store::ledger::Claim;

use super::Context;
use crate::output::say;
use crate::stop;
use crate::worker::{self, Bench};

#[derive(Args)]
pub struct Work {
    /// The claim, as JSON
    #[arg(long)]
    claim: String,
    /// The replica's address
    #[arg(long)]
    replica: Option<String>,
}

impl Work {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        worker::watch_parent();
        stop_when_asked()?;
        let claim: Claim = serde_json::from_str(&self.claim)
            .map_err(|cause| Error::new(Kind::Usage, "this is no claim").caused_by(cause))?;
        let (project, config) = (context.project()?, context.config()?);
        let bench =
            Bench { claim, project: &project, config: &config, root: context.root(), replica: self.replica.as_deref() };
        let report = worker::work(&bench);
        say(&serde_json::to_string(&report).or_error(Kind::Internal, "the report cannot be written as JSON")?);
        Ok(ExitCode::SUCCESS)
    }
}

/// Listens for the daemon's word in a thread of its own.
fn stop_when_asked() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .or_error(Kind::Io, "cannot listen for signals")?;
    let mut asked = {
        let _entered = runtime.enter();
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .or_error(Kind::Io, "cannot listen for signals")?
    };
    std::thread::spawn(move || {
        runtime.block_on(asked.recv());
        stop::ask();
    });
    Ok(())
}
