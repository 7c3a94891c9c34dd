//! `daemon`: the schedules at work, and what an operator sees of them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use model::{Kind, Result, ResultExt as _};

use super::Context;
use super::run::start_replica;
use crate::daemon::listen::Listen;
use crate::daemon::serve;
use crate::holding::own_name;
use crate::output::say;

#[derive(Args)]
pub struct Daemon {
    /// Where to listen: unix:PATH, or HOST:PORT, which needs --token-file
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The tokens for HOST:PORT, a line each: `read TOKEN` or `operate TOKEN`
    #[arg(long, value_name = "FILE", env = "TOLLHOUSE_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Run against the loopback replica: the program's own, or the one at an address on this machine
    #[arg(long, value_name = "BASE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    replica: Option<String>,
    /// Only see whether pipelines, configuration and tokens are good, as a start or a reload would
    #[arg(long)]
    check: bool,
}

impl Daemon {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let own = match self.replica.as_deref() {
            Some("") => Some(start_replica()?),
            _ => None,
        };
        let base = own.as_ref().map(replica::Replica::base).or(self.replica.clone().filter(|base| !base.is_empty()));
        let listen = Listen::parse(self.listen.as_deref(), self.token_file.as_deref(), context.root())?;
        let options = serve::Options {
            root: context.root().to_owned(),
            project: context.common.project.clone(),
            config: context.common.config.clone(),
            replica: base,
            tokens: listen.tokens(),
        };
        if self.check {
            let jobs = options.read(&own_name("check"))?.jobs();
            say(&format!("Pipelines, configuration and tokens are good: {jobs} jobs."));
            return Ok(ExitCode::SUCCESS);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .or_error(Kind::Io, "cannot start the daemon's runtime")?;
        runtime.block_on(async {
            let daemon = serve::Daemon::new(options)?;
            daemon.run(listen).await
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
