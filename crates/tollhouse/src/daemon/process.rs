//! A run as a process: begun, told to stop, killed, and read.
//!
//! The process is this program again, with the claim. Its standard input is held open: when the daemon dies, it closes, and the
//! process ends too. Its last line of output is its report; what it logs comes through here and gets the name of the run.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use model::{Error, Kind, Result, ResultExt as _};
use store::ledger::Claim;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::core::Finish;
use super::frozen::Frozen;
use crate::config::uptime;
use crate::report;
use crate::worker::Report;

/// A run that ended.
pub struct Ended {
    /// Its claim.
    pub claim: Claim,
    /// How.
    pub finish: Finish,
    /// What its process told, if it did.
    pub report: Option<Report>,
}

/// A run that goes on.
pub struct Running {
    pid: u32,
    kill: Option<oneshot::Sender<()>>,
    /// Why it was told to stop, where it was.
    pub stopping: Option<Stop>,
    /// When it was, by the clock that never jumps.
    since: Option<Duration>,
}

/// Why a run is to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Somebody, or its deadline, gave it up.
    GivenUp(String),
    /// The daemon ends.
    Draining,
}

/// Where a run is begun.
pub struct Place {
    /// The root, absolute.
    pub root: PathBuf,
    /// The replica's address, where it is asked instead of publishers.
    pub replica: Option<String>,
}

impl Running {
    /// Begins a run. What becomes of it is sent to `ended`.
    pub fn begin(place: &Place, frozen: &Arc<Frozen>, claim: Claim, ended: UnboundedSender<Ended>) -> Result<Self> {
        let mut child = spawn(place, frozen, &claim)?;
        let pid = child.id().unwrap_or_default();
        let (kill, killed) = oneshot::channel();
        // The declarations stay where they are while a process reads them.
        let frozen = Arc::clone(frozen);
        tokio::spawn(async move {
            let (finish, report) = follow(&mut child, &claim, killed).await;
            drop(frozen);
            let _daemon_has_ended = ended.send(Ended { claim, finish, report });
        });
        Ok(Self { pid, kill: Some(kill), stopping: None, since: None })
    }

    /// Tells it to stop at its next stage.
    pub fn stop(&mut self, why: Stop) {
        if self.stopping.is_none() {
            self.stopping = Some(why);
            self.since = Some(uptime());
            let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw);
            if let Some(pid) = pid {
                let _it_has_ended = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
        }
    }

    /// Ends it where it was told to stop so long ago and has not.
    pub fn kill_after(&mut self, patience: Duration, up: Duration) {
        if self.since.is_some_and(|since| up.saturating_sub(since) >= patience) {
            self.kill();
        }
    }

    /// Ends it.
    pub fn kill(&mut self) {
        if let Some(kill) = self.kill.take() {
            let _it_has_ended = kill.send(());
        }
    }
}

fn spawn(place: &Place, frozen: &Frozen, claim: &Claim) -> Result<Child> {
    let cannot = "cannot start a process for a run";
    // This very program, also where another has taken the place of its file since.
    let running = PathBuf::from("/proc/self/exe");
    let program = if running.exists() { running } else { std::env::current_exe().or_error(Kind::Io, cannot)? };
    let claim = serde_json::to_string(claim).or_error(Kind::Internal, cannot)?;
    let mut command = Command::new(program);
    command
        .arg("--root")
        .arg(&place.root)
        .arg("--project")
        .arg(frozen.folder())
        .arg("--config")
        .arg(frozen.config_path())
        .args(["--quiet", "--log-format", "json", "work", "--claim", &claim]);
    if let Some(replica) = &place.replica {
        command.args(["--replica", replica]);
    }
    command.current_dir(frozen.folder()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true).spawn().or_error(Kind::Io, cannot)
}

/// Waits for its end, passing on what it logs.
async fn follow(child: &mut Child, claim: &Claim, killed: oneshot::Receiver<()>) -> (Finish, Option<Report>) {
    // Held until it has ended: closed, it would end the process.
    let stdin = child.stdin.take();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let run = claim.run.clone();
    let logging = tokio::spawn(async move {
        let Some(stderr) = stderr else { return };
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            relay(&run, &line);
        }
    });
    let reading = tokio::spawn(async move {
        let mut text = String::new();
        if let Some(mut stdout) = stdout {
            let _what_was_read_counts = stdout.read_to_string(&mut text).await;
        }
        text
    });
    let status = tokio::select! {
        status = child.wait() => status,
        _ = killed => {
            let _it_has_ended = child.start_kill();
            child.wait().await
        }
    };
    drop(stdin);
    let told = reading.await.unwrap_or_default();
    let _all_is_logged = logging.await;
    let report: Option<Report> = told.lines().last().and_then(|line| serde_json::from_str(line).ok());
    let finish = match (&report, status) {
        (Some(report), _) => finish_of(report),
        (None, Ok(status)) => Finish::Died(format!("its process ended without a report ({status})")),
        (None, Err(error)) => Finish::Died(format!("its process could not be waited for ({error})")),
    };
    (finish, report)
}

fn finish_of(report: &Report) -> Finish {
    match &report.kind {
        None => Finish::Done { state: report.state, snapshot: report.snapshot },
        Some(kind) => Finish::Failed {
            kind: report::kind(kind),
            message: report.message.clone().unwrap_or_else(|| "it failed".to_owned()),
            hint: report.hint.clone(),
            retry: report.retry,
        },
    }
}

/// A line that a process of ours logged, logged here under the name of its run.
fn relay(run: &str, line: &str) {
    let told: Option<serde_json::Value> = serde_json::from_str(line).ok();
    let field = |name: &str| told.as_ref().and_then(|told| told.get(name));
    let Some(level) = field("level").and_then(serde_json::Value::as_str) else {
        // A panic, or the words of a library.
        tracing::error!(run, "{line}");
        return;
    };
    let mut words = String::new();
    if let Some(fields) = field("fields").and_then(serde_json::Value::as_object) {
        words = fields.get("message").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        for (name, value) in fields.iter().filter(|(name, _)| *name != "message") {
            words += &match value.as_str() {
                Some(text) => format!(" {name}={text}"),
                None => format!(" {name}={value}"),
            };
        }
    }
    match level {
        "ERROR" => tracing::error!(run, "{words}"),
        "WARN" => tracing::warn!(run, "{words}"),
        "INFO" => tracing::info!(run, "{words}"),
        _ => tracing::debug!(run, "{words}"),
    }
}

/// The error of a run that could not be begun.
pub fn not_begun(error: &Error) -> Finish {
    Finish::Failed {
        kind: error.kind(),
        message: report::in_a_line(error),
        hint: error.hint_text().map(ToOwned::to_owned),
        retry: true,
    }
}
