//! `/api/v1`: what can be read, as JSON, and the document that describes all of it.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoParams, Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Web;
use super::problem::{Asking, Naming, Path, Plain, Problem, Query};
use super::types::{
    Alarm, Breaker, DueLine, Freshness, Job, Limit, Run, RunDetail, RunFilter, Snapshot, Status, Verdict,
};

/// The document before the pages add themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tollhouse",
        version = "1",
        description = "The daemon of a warehouse of public data. Lists are newest first; the next page is asked for with \
                       `before`, which is the name or number of the last line. Errors are always `{\"error\", \"next\"}`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem)),
    modifiers(&Schemes),
    security(("bearer" = []), ("basic" = [])),
    tags(
        (name = "read", description = "What is known; any token."),
        (name = "operate", description = "Orders; a token that operates."),
        (name = "pages", description = "For people and Prometheus; any token."),
        (name = "health", description = "For whoever watches the process; no token."),
    )
)]
pub struct Document;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme =
            |kind, text: &str| SecurityScheme::Http(HttpBuilder::new().scheme(kind).description(Some(text)).build());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", scheme(HttpAuthScheme::Bearer, "A token of the token file."));
        components
            .add_security_scheme("basic", scheme(HttpAuthScheme::Basic, "The token as the password of any user."));
    }
}

/// The pages of this file.
pub fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(document))
        .routes(routes!(status))
        .routes(routes!(jobs))
        .routes(routes!(job))
        .routes(routes!(due))
        .routes(routes!(runs))
        .routes(routes!(run))
        .routes(routes!(snapshots))
        .routes(routes!(freshness))
        .routes(routes!(alarms))
        .routes(routes!(breakers))
        .routes(routes!(verdicts))
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "read", responses(
    (status = 200, description = "OpenAPI 3.1.", body = serde_json::Value),
    Plain,
))]
async fn document(State(web): State<Web>) -> Response {
    Json(web.document.as_ref()).into_response()
}

/// How the daemon itself fares.
#[utoipa::path(get, path = "/api/v1/status", tag = "read", responses(
    (status = 200, description = "How it fares.", body = Status),
    Plain,
))]
async fn status(State(web): State<Web>) -> Result<Json<Status>, Problem> {
    web.ask(|operator| operator.status()).await.map(Json)
}

/// Every job, by name.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "read", responses(
    (status = 200, description = "The jobs.", body = Vec<Job>),
    Plain,
))]
async fn jobs(State(web): State<Web>) -> Result<Json<Vec<Job>>, Problem> {
    web.ask(|operator| operator.jobs()).await.map(Json)
}

/// A job by name.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{job}",
    tag = "read",
    params(("job" = String, Path, description = "Its name.", example = "cdc_vsrr_state")),
    responses((status = 200, description = "The job.", body = Job), Naming)
)]
async fn job(State(web): State<Web>, Path(name): Path<String>) -> Result<Json<Job>, Problem> {
    web.ask(move |operator| operator.job(&name)).await.map(Json)
}

/// How many lines of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Lines {
    /// So many at most.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 500, default = 50)]
    limit: Limit,
}

/// What was decided about a job's due times, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{job}/due",
    tag = "read",
    params(("job" = String, Path, description = "Its name.", example = "cdc_vsrr_state"), Lines),
    responses((status = 200, description = "The due times.", body = Vec<DueLine>), Naming)
)]
async fn due(
    State(web): State<Web>,
    Path(name): Path<String>,
    Query(lines): Query<Lines>,
) -> Result<Json<Vec<DueLine>>, Problem> {
    web.ask(move |operator| operator.due(&name, lines.limit.get())).await.map(Json)
}

/// Runs, newest first.
#[utoipa::path(get, path = "/api/v1/runs", tag = "read", params(RunFilter), responses(
    (status = 200, description = "The runs.", body = Vec<Run>),
    Naming,
))]
async fn runs(State(web): State<Web>, Query(filter): Query<RunFilter>) -> Result<Json<Vec<Run>>, Problem> {
    web.ask(move |operator| operator.runs(&filter)).await.map(Json)
}

/// A run with its attempts and what they did.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{run}",
    tag = "read",
    params(("run" = String, Path, description = "Its name.", example = "arcos_transactions@20261027T030000Z")),
    responses((status = 200, description = "The run.", body = RunDetail), Naming)
)]
async fn run(State(web): State<Web>, Path(id): Path<String>) -> Result<Json<RunDetail>, Problem> {
    web.ask(move |operator| operator.run(&id)).await.map(Json)
}

/// Which snapshots are meant.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SnapshotFilter {
    /// Only those before this number: the next page.
    #[param(maximum = 4_294_967_295u64)]
    before: Option<u32>,
    /// So many at most.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 500, default = 50)]
    limit: Limit,
}

/// Snapshots, newest first.
#[utoipa::path(get, path = "/api/v1/snapshots", tag = "read", params(SnapshotFilter), responses(
    (status = 200, description = "The snapshots.", body = Vec<Snapshot>),
    Asking,
))]
async fn snapshots(
    State(web): State<Web>,
    Query(filter): Query<SnapshotFilter>,
) -> Result<Json<Vec<Snapshot>>, Problem> {
    web.ask(move |operator| operator.snapshots(filter.before.map(u64::from), filter.limit.get())).await.map(Json)
}

/// How far the data of each dataset reach.
#[utoipa::path(get, path = "/api/v1/freshness", tag = "read", responses(
    (status = 200, description = "The datasets.", body = Vec<Freshness>),
    Plain,
))]
async fn freshness(State(web): State<Web>) -> Result<Json<Vec<Freshness>>, Problem> {
    web.ask(|operator| operator.freshness()).await.map(Json)
}

/// Which alarms are meant.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AlarmFilter {
    /// Also those that are over.
    #[serde(default)]
    cleared: bool,
}

/// The alarms that are up, newest first.
#[utoipa::path(get, path = "/api/v1/alarms", tag = "read", params(AlarmFilter), responses(
    (status = 200, description = "The alarms.", body = Vec<Alarm>),
    Asking,
))]
async fn alarms(State(web): State<Web>, Query(filter): Query<AlarmFilter>) -> Result<Json<Vec<Alarm>>, Problem> {
    web.ask(move |operator| operator.alarms(filter.cleared)).await.map(Json)
}

/// The publishers' hosts that have failed lately.
#[utoipa::path(get, path = "/api/v1/breakers", tag = "read", responses(
    (status = 200, description = "The hosts.", body = Vec<Breaker>),
    Plain,
))]
async fn breakers(State(web): State<Web>) -> Result<Json<Vec<Breaker>>, Problem> {
    web.ask(|operator| operator.breakers()).await.map(Json)
}

/// What became of the published statements.
#[utoipa::path(get, path = "/api/v1/verdicts", tag = "read", responses(
    (status = 200, description = "The statements.", body = Vec<Verdict>),
    Plain,
))]
async fn verdicts(State(web): State<Web>) -> Result<Json<Vec<Verdict>>, Problem> {
    web.ask(|operator| operator.verdicts()).await.map(Json)
}
