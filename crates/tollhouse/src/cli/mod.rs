//! The command line: what can be said, and where each command lives.

mod cite;
mod claims;
mod datasets;
mod demo;
mod derived;
mod disclosure;
mod erase;
mod explain;
mod figure;
mod import;
mod pin;
mod probe;
mod recipe;
mod replay;
mod revisions;
mod run;
mod snapshot;
mod sql;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use ingest::fetch::Engine;
use model::dataset::Dataset;
use model::{Kind, Result, ResultExt as _};
use store::Warehouse;
use store::commit::Manifest;

use crate::config::Config;
use crate::progress::Progress;
use crate::project::Project;
use crate::report::EXIT_CODES;

/// Fetches public CDC, FBI and ARCOS data on opioids and violence into a warehouse of immutable snapshots, and answers
/// questions, draws figures and judges claims from any of them.
#[derive(Parser)]
#[command(name = "tollhouse", version, after_help = EXIT_CODES, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Args)]
struct Common {
    /// The warehouse: a local folder
    #[arg(long, global = true, env = "TOLLHOUSE_ROOT", default_value = "warehouse/data", value_name = "FOLDER")]
    root: PathBuf,
    /// The folder with pipelines/ and warehouse/, instead of the current one or the declarations built in
    #[arg(long, global = true, value_name = "FOLDER")]
    project: Option<PathBuf>,
    /// The configuration, instead of tollhouse.toml in the current folder
    #[arg(long, global = true, env = "TOLLHOUSE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print lists and results as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Show no progress
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run every pipeline offline against a loopback replica of the publishers, draw the figures, judge the claims
    Demo(demo::Demo),
    /// Fetch and commit now
    Run(run::Run),
    /// Read files that a person downloaded, on the same path
    Import(import::Import),
    /// Ask the real publishers for their smallest useful answers, and compare shapes with the declarations
    Probe(probe::Probe),
    /// What a person enters in a publisher's form where no API serves the data
    #[command(subcommand)]
    Recipe(recipe::Command),
    /// The catalogue: columns, units, licences, caveats, sources
    Datasets(datasets::Datasets),
    /// Count the withheld cells that follow from the published tables by adding and subtracting
    Disclosure(disclosure::Disclosure),
    /// Ask the warehouse a question; it only reads
    Sql(sql::Sql),
    /// Snapshots: the history of the warehouse
    #[command(subcommand)]
    Snapshot(snapshot::Command),
    /// Make a snapshot again from archived captures, asking nobody, and compare
    Replay(replay::Replay),
    /// What a publisher changed between two snapshots, or two releases, of a dataset
    Revisions(revisions::Revisions),
    /// Pins: names for snapshots
    #[command(subcommand)]
    Pin(pin::Command),
    /// Take a record out of every snapshot and capture, on purpose, leaving a tombstone
    Erase(erase::Erase),
    /// Figures, drawn from a snapshot to the same bytes every time
    #[command(subcommand)]
    Figure(figure::Command),
    /// Judge published statements from a snapshot
    Claims(claims::Claims),
    /// What a figure, a claim or a cell rests on
    Explain(explain::Explain),
    /// How to cite a snapshot, and every credit that its publishers ask for
    Cite(cite::Cite),
}

/// Parses the command line and does what it says.
pub fn main() -> Result<ExitCode> {
    let Cli { common, command } = Cli::parse();
    logs(common.quiet);
    let context = Context { common };
    match command {
        Command::Demo(command) => command.run(&context),
        Command::Run(command) => command.run(&context),
        Command::Import(command) => command.run(&context),
        Command::Probe(command) => command.run(&context),
        Command::Recipe(command) => command.run(&context),
        Command::Datasets(command) => command.run(&context),
        Command::Disclosure(command) => command.run(&context),
        Command::Sql(command) => command.run(&context),
        Command::Snapshot(command) => command.run(&context),
        Command::Replay(command) => command.run(&context),
        Command::Revisions(command) => command.run(&context),
        Command::Pin(command) => command.run(&context),
        Command::Erase(command) => command.run(&context),
        Command::Figure(command) => command.run(&context),
        Command::Claims(command) => command.run(&context),
        Command::Explain(command) => command.run(&context),
        Command::Cite(command) => command.run(&context),
    }
}

/// Logs go to stderr; `TOLLHOUSE_LOG` says how much of them.
fn logs(quiet: bool) {
    use std::io::IsTerminal as _;
    let default = if quiet { "error" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("TOLLHOUSE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

/// What commands share.
struct Context {
    common: Common,
}

impl Context {
    fn root(&self) -> &Path {
        &self.common.root
    }

    fn json(&self) -> bool {
        self.common.json
    }

    fn project(&self) -> Result<Project> {
        Project::load(self.common.project.as_deref())
    }

    fn config(&self) -> Result<Config> {
        Config::load(self.common.config.as_deref())
    }

    fn warehouse(&self) -> Result<Warehouse> {
        Warehouse::open(self.root())
    }

    /// The manifests of the snapshot that a reader means; none where there is no warehouse yet and no snapshot was named.
    fn manifests(&self, at: Option<&str>) -> Result<Vec<Manifest>> {
        if at.is_none() && !self.root().join("tollhouse.json").is_file() {
            return Ok(Vec::new());
        }
        let warehouse = self.warehouse()?;
        if at.is_none() && warehouse.head()?.is_none() {
            return Ok(Vec::new());
        }
        warehouse.resolve(at)?.datasets.values().map(|digest| warehouse.manifest(digest)).collect()
    }

    fn progress(&self) -> Progress {
        Progress::new(self.common.quiet)
    }

    /// The snapshot that a reader means, with a session on it.
    fn session(&self, at: Option<&str>) -> Result<query::Session> {
        let project = self.project()?;
        let warehouse = self.warehouse()?;
        query::Session::open(&warehouse, warehouse.resolve(at)?, &project.datasets, &project.vocabulary)
    }
}

/// The runtime for the network, and the engine in it.
fn network(
    project: &Project,
    config: &Config,
    warehouse: &Warehouse,
    datasets: &[&Dataset],
    replica: Option<&str>,
) -> Result<(tokio::runtime::Runtime, Engine)> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .or_error(Kind::Io, "cannot start the network runtime")?;
    let engine = {
        let _entered = runtime.enter();
        config.engine(warehouse, datasets, replica)?.reading(project.own())
    };
    Ok((runtime, engine))
}

/// Which snapshot to read.
#[derive(Args)]
struct At {
    /// A pin's name or a snapshot's number, instead of the newest snapshot
    #[arg(long, value_name = "PIN|N")]
    at: Option<String>,
}

impl At {
    /// Where a command takes the snapshot as a word too: the one that was said.
    fn or(self, word: Option<String>) -> Option<String> {
        self.at.or(word)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
