//! `/api/v1`: the orders that an operator gives. Each is a POST with a JSON object, which may be empty.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Web;
use super::problem::{Body, Ordering, Path, Problem, Refusal};
use super::types::{Job, Run, RunDetail};

/// The pages of this file.
pub fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .routes(routes!(order))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(backfill))
        .routes(routes!(cancel))
        .routes(routes!(reload))
}

/// An object without fields.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// A reason, for whoever reads the ledger later.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Because {
    /// Why.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 500, pattern = r"^[^\u0000-\u001f\u007f-\u009f]+$")]
    #[serde(default)]
    why: Option<Why>,
}

impl Because {
    fn into_text(self) -> String {
        self.why.map_or_else(|| "asked for over HTTP, without a reason".to_owned(), |why| why.0)
    }
}

/// A line of text. Terminals show it, and a control character would be an order to them.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Why(String);

impl TryFrom<String> for Why {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.is_empty() || text.chars().count() > 500 || text.chars().any(char::is_control) {
            return Err("a reason is one line of at most 500 characters");
        }
        Ok(Self(text))
    }
}

/// The first and the last of the years that are meant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Years {
    /// The first.
    #[schema(minimum = 1900, maximum = 2200)]
    from: i16,
    /// The last, no earlier than the first.
    #[schema(minimum = 1900, maximum = 2200)]
    to: i16,
}

/// Queues a run now.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{job}/run",
    tag = "operate",
    params(("job" = String, Path, description = "The job's name.", example = "cdc_vsrr_state")),
    request_body = Nothing,
    responses((status = 202, description = "The run that was queued.", body = Run), Ordering)
)]
async fn order(
    State(web): State<Web>,
    Path(job): Path<String>,
    Body(Nothing {}): Body<Nothing>,
) -> Result<(StatusCode, Json<Run>), Problem> {
    let run = web.ask(move |operator| operator.order(&job)).await?;
    Ok((StatusCode::ACCEPTED, Json(run)))
}

/// Pauses a job: what becomes due meanwhile is not run. A run that goes on is left alone.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{job}/pause",
    tag = "operate",
    params(("job" = String, Path, description = "The job's name.", example = "cdc_vsrr_state")),
    request_body = Because,
    responses((status = 200, description = "The job as it now stands.", body = Job), Ordering)
)]
async fn pause(
    State(web): State<Web>,
    Path(job): Path<String>,
    Body(because): Body<Because>,
) -> Result<Json<Job>, Problem> {
    web.ask(move |operator| operator.pause(&job, &because.into_text()).and_then(|()| operator.job(&job)))
        .await
        .map(Json)
}

/// Lets a paused job go on.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{job}/resume",
    tag = "operate",
    params(("job" = String, Path, description = "The job's name.", example = "cdc_vsrr_state")),
    request_body = Nothing,
    responses((status = 200, description = "The job as it now stands.", body = Job), Ordering)
)]
async fn resume(
    State(web): State<Web>,
    Path(job): Path<String>,
    Body(Nothing {}): Body<Nothing>,
) -> Result<Json<Job>, Problem> {
    web.ask(move |operator| operator.resume(&job).and_then(|()| operator.job(&job))).await.map(Json)
}

/// Queues runs that fetch the past.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{job}/backfill",
    tag = "operate",
    params(("job" = String, Path, description = "The job's name.", example = "cdc_vsrr_state")),
    request_body = Years,
    responses((status = 202, description = "The runs that were queued.", body = Vec<Run>), Ordering)
)]
async fn backfill(
    State(web): State<Web>,
    Path(job): Path<String>,
    Body(years): Body<Years>,
) -> Result<(StatusCode, Json<Vec<Run>>), Problem> {
    let sensible = 1900 <= years.from && years.from <= years.to && years.to <= 2200;
    if !sensible {
        return Err(Problem::from(Refusal::Invalid {
            what: format!("{} to {} are no years to fetch", years.from, years.to),
            next: "give the first and the last year, such as {\"from\": 2006, \"to\": 2012}".to_owned(),
        }));
    }
    let runs = web.ask(move |operator| operator.backfill(&job, years.from, years.to)).await?;
    Ok((StatusCode::ACCEPTED, Json(runs)))
}

/// Asks for a run to be given up: a queued one ends at once, a running one at its next stage.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{run}/cancel",
    tag = "operate",
    params(("run" = String, Path, description = "The run's name.", example = "arcos_transactions@20261027T030000Z")),
    request_body = Because,
    responses((status = 202, description = "The run as it now stands.", body = RunDetail), Ordering)
)]
async fn cancel(
    State(web): State<Web>,
    Path(run): Path<String>,
    Body(because): Body<Because>,
) -> Result<(StatusCode, Json<RunDetail>), Problem> {
    let given_up =
        web.ask(move |operator| operator.cancel(&run, &because.into_text()).and_then(|()| operator.run(&run))).await?;
    Ok((StatusCode::ACCEPTED, Json(given_up)))
}

/// Reads pipelines and configuration anew. What is bad is not taken over, and raises an alarm.
#[utoipa::path(
    post,
    path = "/api/v1/reload",
    tag = "operate",
    request_body = Nothing,
    responses((status = 204, description = "They are in force."), Ordering)
)]
async fn reload(State(web): State<Web>, Body(Nothing {}): Body<Nothing>) -> Result<StatusCode, Problem> {
    web.ask(|operator| operator.reload()).await?;
    Ok(StatusCode::NO_CONTENT)
}
