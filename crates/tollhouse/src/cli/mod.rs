//! The command line: what can be said, and where each command lives.

pub mod backfill;
mod cite;
mod claims;
mod daemon;
mod datasets;
mod demo;
mod derived;
mod disclosure;
mod erase;
mod explain;
pub mod figure;
mod import;
mod link;
mod pin;
mod probe;
mod recipe;
mod replay;
mod revisions;
pub mod run;
mod runs;
mod snapshot;
mod sql;
mod status;
mod work;

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
pub struct Common {
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
    /// How what is logged looks
    #[arg(long, global = true, env = "TOLLHOUSE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, hide_possible_values = false)]
    log_format: LogFormat,
}

/// How what is logged looks.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    /// Lines for people
    Text,
    /// An object a line, for programs
    Json,
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
    /// Deaths within 60 days of a prescription, for those who lawfully hold both files: aggregates, small counts withheld
    #[command(subcommand)]
    Link(link::Command),
    /// Run the schedules: fetch what is due, for years; serve the status page, the API and metrics
    Daemon(daemon::Daemon),
    /// What is due, what ran last, what is stale, and which alarms are up
    Status(status::Status),
    /// The ledger of runs: what was done, how it ended, and what to do about it
    Runs(runs::Runs),
    /// Hold a schedule: what comes due meanwhile is not run
    Pause(runs::Pause),
    /// Let a schedule go on
    Resume(runs::Resume),
    /// Fetch the past of a dataset, a slice at a time: prints its plan, and queues it with --apply
    Backfill(backfill::Backfill),
    /// One run of the daemon's
    #[command(hide = true)]
    Work(work::Work),
    /// How to cite a snapshot, and every credit that its publishers ask for
    Cite(cite::Cite),
}

/// Parses the command line and does what it says.
pub fn main() -> Result<ExitCode> {
    let Cli { common, command } = Cli::parse();
    let is_daemon = matches!(command, Command::Daemon(_) | Command::Work(_));
    logs(
        &common,
        if is_daemon {
            // The bell's own words are of no use to an operator.
            "info,tokio_cron_scheduler=warn"
        } else if common.quiet {
            "error"
        } else {
            "warn"
        },
    );
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
        Command::Link(command) => command.run(&context),
        Command::Daemon(command) => command.run(&context),
        Command::Status(command) => command.run(&context),
        Command::Runs(command) => command.run(&context),
        Command::Pause(command) => command.run(&context),
        Command::Resume(command) => command.run(&context),
        Command::Backfill(command) => command.run(&context),
        Command::Work(command) => command.run(&context),
        Command::Cite(command) => command.run(&context),
    }
}

/// Logs go to stderr; `TOLLHOUSE_LOG` says how much of them.
fn logs(common: &Common, default: &str) {
    use std::io::IsTerminal as _;
    let filter = tracing_subscriber::EnvFilter::try_from_env("TOLLHOUSE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    match common.log_format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
}

/// What commands share.
pub struct Context {
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
pub fn network(
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
pub struct At {
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
