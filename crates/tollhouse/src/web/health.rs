//! `/healthz` and `/readyz`, for whoever watches the process. They need no token.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Web;
use super::problem::Problem;
use super::types::{Check, Readiness};

/// The pages of this file.
pub fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz))
}

/// Says that the process answers and its scheduler lives: one that does not is better begun anew.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "health",
    security(()),
    responses(
        (status = 200, description = "Both do.", body = String, content_type = "text/plain"),
        (status = 503, description = "The scheduler has decided nothing for two minutes.", body = String,
            content_type = "text/plain"),
    )
)]
async fn healthz(State(web): State<Web>) -> (StatusCode, &'static str) {
    if web.operator.alive() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the scheduler is stuck: see the daemon's log\n")
    }
}

/// That something is missing, as an error with its reasons.
#[derive(Serialize, ToSchema)]
struct Unready {
    /// What is missing.
    error: String,
    /// What to do next.
    next: String,
    /// Everything that was looked at; absent where nothing could be.
    #[schema(required = false)]
    checks: Vec<Check>,
}

/// Says whether the daemon can do its work.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    security(()),
    responses(
        (status = 200, description = "It can.", body = Readiness),
        (status = 500, description = "A mistake of the daemon's.", body = Problem),
        (status = 503, description = "It cannot, and why.", body = Unready),
    )
)]
async fn readyz(State(web): State<Web>) -> Result<Response, Problem> {
    let readiness = web.ask(|operator| operator.ready()).await?;
    if readiness.ready {
        return Ok(Json(readiness).into_response());
    }
    let missing: Vec<&str> =
        readiness.checks.iter().filter(|check| !check.ok).map(|check| check.text.as_str()).collect();
    let unready = Unready {
        error: format!("not ready: {}", missing.join("; ")),
        next: "tollhouse status".to_owned(),
        checks: readiness.checks,
    };
    Ok((StatusCode::SERVICE_UNAVAILABLE, Json(unready)).into_response())
}
