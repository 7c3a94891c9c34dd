//! `/metrics`: every value that is measured, in Prometheus' text format.
//!
//! Nothing is counted here. The daemon knows every value already, so that each scrape fills a registry of its own, and what
//! a restart would set to zero goes on from the ledger.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use prometheus::core::Collector;
use prometheus::{CounterVec, Gauge, GaugeVec, IntCounterVec, Opts, Registry, TextEncoder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Web;
use super::problem::{Plain, Problem};
use super::types::State as RunState;

/// Every value that is measured.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// The program's version.
    pub version: String,
    /// What this daemon calls itself in the ledger.
    pub holder: String,
    /// How many runs ended how.
    pub runs: Vec<RunsEnded>,
    /// What is measured of each job.
    pub jobs: Vec<JobMetrics>,
    /// Rows of the newest snapshot.
    pub rows: Vec<Rows>,
    /// How far the data of each dataset reach.
    pub data: Vec<Reach>,
    /// Publishers' hosts, and whether each is left alone for now.
    pub breakers: Vec<(String, bool)>,
    /// What may be asked of hosts that count.
    pub budgets: Vec<Budget>,
    /// What is left on the disk.
    pub disk_free_bytes: u64,
    /// What the warehouse takes up.
    pub disk_used_bytes: u64,
    /// The newest snapshot.
    pub snapshot_newest: Option<u64>,
    /// The newest snapshot that was found whole.
    pub snapshot_verified: Option<u64>,
    /// Name and subject of every alarm that is up.
    pub alarms: Vec<(String, String)>,
    /// When the scheduler last looked at everything.
    pub last_tick: Option<Timestamp>,
}

/// How many runs of a job ended in a state.
#[derive(Debug, Clone)]
pub struct RunsEnded {
    /// The job.
    pub job: String,
    /// The state.
    pub state: RunState,
    /// How many.
    pub runs: u64,
    /// How long they took in all.
    pub seconds: f64,
}

/// What is measured of a job.
#[derive(Debug, Clone)]
pub struct JobMetrics {
    /// The job.
    pub job: String,
    /// When a run last ended well.
    pub last_success: Option<Timestamp>,
    /// How long the last run took, in seconds.
    pub last_duration: Option<f64>,
    /// Runs that wait.
    pub queued: u64,
    /// Runs that go on.
    pub running: u64,
    /// Whether it is paused.
    pub paused: bool,
    /// When it is due next.
    pub next_due: Option<Timestamp>,
    /// What it fetched in all.
    pub fetched_bytes: u64,
    /// How often it asked a publisher.
    pub requests: u64,
}

/// Rows of a dataset in the newest snapshot.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The dataset.
    pub dataset: String,
    /// Rows that are in it.
    pub kept: u64,
    /// Rows that were turned away.
    pub rejected: u64,
    /// Rows that are sums of others and were left out.
    pub totals: u64,
    /// Rows that were read.
    pub read: u64,
}

/// How far the data of a dataset reach.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The dataset.
    pub dataset: String,
    /// The end of the newest period that it has data of.
    pub newest: Option<Timestamp>,
    /// How old they may be.
    pub promise_seconds: Option<u64>,
}

/// What may be asked of a host.
#[derive(Debug, Clone)]
pub struct Budget {
    /// The host.
    pub host: String,
    /// Requests made in the period that goes on.
    pub used: u64,
    /// Requests allowed in it.
    pub limit: u64,
}

/// The pages of this file.
pub(super) fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Every value that is measured, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "pages", responses(
    (status = 200, description = "The text format.", body = String, content_type = "text/plain"),
    Plain,
))]
async fn metrics(State(web): State<Web>) -> Result<Response, Problem> {
    let measured = web.ask(|operator| operator.metrics()).await?;
    let text = in_text(&measured).map_err(|error| {
        tracing::error!(%error, "the metrics cannot be written");
        Problem::bug()
    })?;
    Ok(([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response())
}

fn in_text(measured: &Metrics) -> prometheus::Result<String> {
    let registry = Registry::new();
    of_runs(&registry, measured)?;
    of_jobs(&registry, measured)?;
    of_data(&registry, measured)?;
    of_hosts(&registry, measured)?;
    of_warehouse(&registry, measured)?;
    of_daemon(&registry, measured)?;
    TextEncoder::new().encode_to_string(&registry.gather())
}

fn of_runs(registry: &Registry, measured: &Metrics) -> prometheus::Result<()> {
    let runs = counter(registry, "tollhouse_runs_total", "Runs that ended, by how.", &["task", "state"])?;
    let opts = Opts::new("tollhouse_run_seconds_total", "How long ended runs took in all, by how they ended.");
    let seconds = registered(registry, CounterVec::new(opts, &["task", "state"])?)?;
    for ended in &measured.runs {
        let labels = [ended.job.as_str(), ended.state.as_str()];
        runs.with_label_values(&labels).inc_by(ended.runs);
        // A counter refuses to shrink by panicking; a clock that was set back is no reason for that.
        seconds.with_label_values(&labels).inc_by(ended.seconds.max(0.0));
    }
    Ok(())
}

fn of_jobs(registry: &Registry, measured: &Metrics) -> prometheus::Result<()> {
    let job = &["task"];
    let success = gauge(registry, "tollhouse_run_last_success_timestamp_seconds", "When a run last ended well.", job)?;
    let duration = gauge(registry, "tollhouse_run_last_duration_seconds", "How long the last run took.", job)?;
    let open = gauge(registry, "tollhouse_run_open", "Runs that are queued or running.", &["task", "state"])?;
    let paused = gauge(registry, "tollhouse_job_paused", "Whether the job is paused.", job)?;
    let due = gauge(registry, "tollhouse_job_next_due_timestamp_seconds", "When the job is due next.", job)?;
    let fetched = counter(registry, "tollhouse_fetched_bytes_total", "Bytes fetched from publishers.", job)?;
    let requests = counter(registry, "tollhouse_requests_total", "Requests made to publishers.", job)?;
    for one in &measured.jobs {
        let labels = [one.job.as_str()];
        set(&success, &labels, one.last_success.map(seconds_of));
        set(&duration, &labels, one.last_duration);
        set(&open, &[one.job.as_str(), RunState::Queued.as_str()], Some(one.queued as f64));
        set(&open, &[one.job.as_str(), RunState::Running.as_str()], Some(one.running as f64));
        set(&paused, &labels, Some(f64::from(u8::from(one.paused))));
        set(&due, &labels, one.next_due.map(seconds_of));
        fetched.with_label_values(&labels).inc_by(one.fetched_bytes);
        requests.with_label_values(&labels).inc_by(one.requests);
    }
    Ok(())
}

fn of_data(registry: &Registry, measured: &Metrics) -> prometheus::Result<()> {
    let dataset = &["dataset"];
    let rows = gauge(
        registry,
        "tollhouse_rows",
        "Rows of the newest snapshot, by what became of them.",
        &["dataset", "what"],
    )?;
    for one in &measured.rows {
        let counts = [("kept", one.kept), ("rejected", one.rejected), ("totals", one.totals), ("read", one.read)];
        for (what, count) in counts {
            set(&rows, &[one.dataset.as_str(), what], Some(count as f64));
        }
    }
    let newest = gauge(
        registry,
        "tollhouse_data_newest_timestamp_seconds",
        "The end of the newest period that there are data of.",
        dataset,
    )?;
    let promise = gauge(registry, "tollhouse_data_promise_seconds", "How old the data may be.", dataset)?;
    for one in &measured.data {
        set(&newest, &[one.dataset.as_str()], one.newest.map(seconds_of));
        set(&promise, &[one.dataset.as_str()], one.promise_seconds.map(|seconds| seconds as f64));
    }
    Ok(())
}

fn of_hosts(registry: &Registry, measured: &Metrics) -> prometheus::Result<()> {
    let host = &["host"];
    let open = gauge(registry, "tollhouse_breaker_open", "Whether the host is left alone for now.", host)?;
    for (name, is_open) in &measured.breakers {
        set(&open, &[name.as_str()], Some(f64::from(u8::from(*is_open))));
    }
    let used = gauge(registry, "tollhouse_budget_requests_used", "Requests made in the host's period.", host)?;
    let limit = gauge(registry, "tollhouse_budget_requests_limit", "Requests allowed in the host's period.", host)?;
    for budget in &measured.budgets {
        set(&used, &[budget.host.as_str()], Some(budget.used as f64));
        set(&limit, &[budget.host.as_str()], Some(budget.limit as f64));
    }
    Ok(())
}

fn of_warehouse(registry: &Registry, measured: &Metrics) -> prometheus::Result<()> {
    let values = [
        ("tollhouse_disk_free_bytes", "What is left on the disk.", Some(measured.disk_free_bytes)),
        ("tollhouse_disk_used_bytes", "What the warehouse takes up.", Some(measured.disk_used_bytes)),
        ("tollhouse_snapshot_newest", "Number of the newest snapshot.", measured.snapshot_newest),
        (
            "tollhouse_snapshot_verified",
            "Number of the newest snapshot that was found whole.",
            measured.snapshot_verified,
        ),
    ];
    for (name, help, value) in values {
        if let Some(value) = value {
            registered(registry, Gauge::new(name, help)?)?.set(value as f64);
        }
    }
    Ok(())
}

fn of_daemon(registry: &Registry, measured: &Metrics) -> prometheus::Result<()> {
    let alarms = gauge(registry, "tollhouse_alarm", "1 while the alarm is up.", &["name", "subject"])?;
    for (name, subject) in &measured.alarms {
        set(&alarms, &[name.as_str(), subject.as_str()], Some(1.0));
    }
    if let Some(tick) = measured.last_tick {
        let help = "When the scheduler last looked at everything.";
        registered(registry, Gauge::new("tollhouse_scheduler_last_tick_timestamp_seconds", help)?)?
            .set(seconds_of(tick));
    }
    let build = gauge(registry, "tollhouse_build_info", "1, with the program's version.", &["version"])?;
    set(&build, &[measured.version.as_str()], Some(1.0));
    let holder = gauge(registry, "tollhouse_holder_info", "1, with the daemon's name in the ledger.", &["holder"])?;
    set(&holder, &[measured.holder.as_str()], Some(1.0));
    Ok(())
}

fn counter(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    registered(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

fn gauge(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<GaugeVec> {
    registered(registry, GaugeVec::new(Opts::new(name, help), labels)?)
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

/// What is not known has no line: a zero would be a lie.
fn set(gauge: &GaugeVec, labels: &[&str], value: Option<f64>) {
    if let Some(value) = value {
        gauge.with_label_values(labels).set(value);
    }
}

fn seconds_of(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
