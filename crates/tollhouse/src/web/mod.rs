//! The daemon over HTTP: a status page for people, JSON for programs, metrics, and the few orders that an operator gives.
//!
//! [`Operator`] is all that this part knows of the daemon; [`router`] puts it behind tokens ([`Access`]) and limits, and
//! [`serve`] answers on a socket until it is told to end. Each page is a file with a `router()`, and the OpenAPI document is
//! made from the very functions that answer.
//!
//! Absent: clocks (what is shown is reckoned from [`types::Status::now`]), the ledger, and any work of the daemon's.

mod actions;
mod api;
mod auth;
mod figures;
mod health;
mod limits;
pub mod metrics;
mod page;
mod problem;
mod serve;
#[cfg(test)]
mod tests;
pub mod types;

use std::sync::Arc;

use axum::{Router, middleware};
use tokio::sync::Semaphore;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use auth::{Access, TokenFile, Tokens};
pub use problem::Refusal;
pub use serve::serve;

use metrics::Metrics;
use problem::Problem;
use types::{
    Alarm, Breaker, DueLine, Ending, Figure, Freshness, Job, Readiness, Run, RunDetail, RunFilter, Snapshot, Status,
    Verdict,
};

/// What the web asks of the daemon. Its functions may block; they are called where that is allowed.
pub trait Operator: Send + Sync + 'static {
    /// How the daemon itself fares.
    fn status(&self) -> Result<Status, Refusal>;
    /// Every job, by name.
    fn jobs(&self) -> Result<Vec<Job>, Refusal>;
    /// A job by name.
    fn job(&self, name: &str) -> Result<Job, Refusal>;
    /// What was decided about a job's due times, newest first.
    fn due(&self, job: &str, limit: u32) -> Result<Vec<DueLine>, Refusal>;
    /// Runs, newest first.
    fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, Refusal>;
    /// A run with all that was done for it.
    fn run(&self, id: &str) -> Result<RunDetail, Refusal>;
    /// Snapshots, newest first; only those before a number.
    fn snapshots(&self, before: Option<u64>, limit: u32) -> Result<Vec<Snapshot>, Refusal>;
    /// How far the data of each dataset reach.
    fn freshness(&self) -> Result<Vec<Freshness>, Refusal>;
    /// The alarms that are up, newest first; with `cleared` also those that were.
    fn alarms(&self, cleared: bool) -> Result<Vec<Alarm>, Refusal>;
    /// The publishers' hosts that have failed lately.
    fn breakers(&self) -> Result<Vec<Breaker>, Refusal>;
    /// What became of the published statements.
    fn verdicts(&self) -> Result<Vec<Verdict>, Refusal>;
    /// The figures that were drawn.
    fn figures(&self) -> Result<Vec<Figure>, Refusal>;
    /// The bytes of a figure. Its name is letters, digits, `_` and `-` and so never a path.
    fn figure_file(&self, id: &str, ending: Ending) -> Result<Vec<u8>, Refusal>;
    /// Whether its scheduler lives. The one question that never blocks.
    fn alive(&self) -> bool;
    /// Whether the daemon can do its work.
    fn ready(&self) -> Result<Readiness, Refusal>;
    /// Every value that is measured.
    fn metrics(&self) -> Result<Metrics, Refusal>;
    /// Queues a run now.
    fn order(&self, job: &str) -> Result<Run, Refusal>;
    /// Pauses a job.
    fn pause(&self, job: &str, why: &str) -> Result<(), Refusal>;
    /// Lets a paused job go on.
    fn resume(&self, job: &str) -> Result<(), Refusal>;
    /// Queues runs that fetch the past, of these years and those between.
    fn backfill(&self, job: &str, from_year: i16, to_year: i16) -> Result<Vec<Run>, Refusal>;
    /// Asks for a run to be given up.
    fn cancel(&self, run: &str, why: &str) -> Result<(), Refusal>;
    /// Reads pipelines and configuration anew.
    fn reload(&self) -> Result<(), Refusal>;
}

/// What every page has at hand.
#[derive(Clone)]
struct Web {
    operator: Arc<dyn Operator>,
    /// One for each question that the daemon may have before it at once.
    slots: Arc<Semaphore>,
    document: Arc<OpenApi>,
}

impl Web {
    /// Asks the daemon on a thread that may block. A question outlives the request that asked it, so that it is the question
    /// that takes up a slot: whoever gives up waiting and asks again cannot pile up work.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Operator) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Problem> {
        let slot = self.slots.clone().try_acquire_owned().map_err(|_| Problem::busy())?;
        let operator = self.operator.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let answer = question(operator.as_ref());
            drop(slot);
            answer
        });
        match asked.await {
            Ok(answer) => answer.map_err(Problem::from),
            Err(error) => {
                tracing::error!(%error, "a question to the daemon was not answered");
                Err(Problem::bug())
            }
        }
    }
}

/// Everything that is served, behind tokens and limits.
pub fn router(operator: Arc<dyn Operator>, access: Access) -> Router {
    let (open, mut document) =
        OpenApiRouter::with_openapi(api::Document::openapi()).merge(health::router()).split_for_parts();
    let (guarded, rest) = OpenApiRouter::new()
        .merge(page::router())
        .merge(figures::router())
        .merge(metrics::router())
        .merge(api::router())
        .merge(actions::router())
        .split_for_parts();
    document.merge(rest);
    let slots = Arc::new(Semaphore::new(limits::AT_ONCE));
    let web = Web { operator, slots, document: Arc::new(document) };
    // Who may not come in is not told which pages there are.
    let guarded = guarded
        .fallback(problem::no_such_page)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(middleware::from_fn_with_state(Arc::new(access), auth::guard));
    let open = open.method_not_allowed_fallback(problem::no_such_method);
    limits::around(guarded.merge(open).with_state(web))
}
