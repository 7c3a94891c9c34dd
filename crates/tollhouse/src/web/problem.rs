//! Errors as the client reads them: always `{"error", "next"}`, whatever went wrong and wherever.
//!
//! A [`Refusal`] is the daemon's; a [`Problem`] is what is sent. [`Path`], [`Query`] and [`Body`] are axum's, except that what
//! they refuse is a problem too, and that a body is an object and says that it is JSON.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// Why the daemon does not do what it was asked, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such thing.
    NotFound {
        /// What there is not.
        what: String,
        /// What to do next.
        next: String,
    },
    /// It cannot be done as things stand.
    Conflict {
        /// What is in the way.
        what: String,
        /// What to do next.
        next: String,
    },
    /// It makes no sense.
    Invalid {
        /// What is wrong with it.
        what: String,
        /// What to do next.
        next: String,
    },
    /// It cannot be done now, and it is not the client's fault.
    Unavailable {
        /// What is missing.
        what: String,
        /// What to do next.
        next: String,
    },
}

/// An error as it is sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    #[serde(skip)]
    status: StatusCode,
    /// What went wrong.
    error: String,
    /// What to do next.
    next: String,
}

impl Problem {
    /// An error with its status.
    pub fn new(status: StatusCode, error: impl Into<String>, next: impl Into<String>) -> Self {
        Self { status, error: error.into(), next: next.into() }
    }

    /// Too many questions at once.
    pub fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too many requests at once", "try again in a few seconds")
    }

    /// Something that should not happen. What it was is in the log and no client's business.
    pub fn bug() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the daemon made a mistake",
            "read its log: journalctl -u tollhouse",
        )
    }

    fn misread(status: StatusCode, error: impl Into<String>) -> Self {
        Self::new(status, error, "GET /api/v1/openapi.json says what is understood")
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, what, next) = match refusal {
            Refusal::NotFound { what, next } => (StatusCode::NOT_FOUND, what, next),
            Refusal::Conflict { what, next } => (StatusCode::CONFLICT, what, next),
            Refusal::Invalid { what, next } => (StatusCode::UNPROCESSABLE_ENTITY, what, next),
            Refusal::Unavailable { what, next } => (StatusCode::SERVICE_UNAVAILABLE, what, next),
        };
        Self::new(status, what, next)
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::misread(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::misread(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(self)).into_response()
    }
}

/// The answer to a page that there is not.
pub async fn no_such_page(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is nothing at {}", uri.path()),
        "GET /api/v1/openapi.json lists what there is",
    )
}

/// The answer to a method that a page does not have; its `Allow` names those that it has.
pub async fn no_such_method(method: Method, uri: Uri) -> Problem {
    Problem::misread(StatusCode::METHOD_NOT_ALLOWED, format!("{} cannot be asked with {method}", uri.path()))
}

/// What stands in the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub struct Path<T>(pub T);

/// What stands behind the question mark.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub struct Query<T>(pub T);

/// An object as JSON; an empty body is an object without fields.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // No form of another site's can say this, which is half of what keeps browsers from ordering in its name.
        if !says_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "a body is JSON and has to say so, even where it is empty",
                "send the header `Content-Type: application/json` (curl: --json '{}')",
            ));
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| Problem::misread(rejection.status(), rejection.body_text()))?;
        Ok(Self(read_object(&bytes)?))
    }
}

fn says_json(headers: &HeaderMap) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    said.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Reads an object first and its fields then, because serde would take a list for a struct as well.
fn read_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let object: Map<String, Value> = if bytes.is_empty() {
        Map::new()
    } else {
        serde_json::from_slice(bytes).map_err(|error| {
            let status = if error.is_data() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
            Problem::misread(status, format!("the body is no JSON object: {error}"))
        })?
    };
    serde_json::from_value(Value::Object(object)).map_err(|error| {
        Problem::misread(StatusCode::UNPROCESSABLE_ENTITY, format!("the body is not understood: {error}"))
    })
}

/// For the document: errors of a page that takes nothing.
pub struct Plain;
/// For the document: errors of a page that reads a query.
pub struct Asking;
/// For the document: errors of a page that is about something with a name.
pub struct Naming;
/// For the document: errors of an order.
pub struct Ordering;

impl IntoResponses for Plain {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        documented(&[401, 500, 503])
    }
}

impl IntoResponses for Asking {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        documented(&[400, 401, 500, 503])
    }
}

impl IntoResponses for Naming {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        documented(&[400, 401, 404, 500, 503])
    }
}

impl IntoResponses for Ordering {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        documented(&[400, 401, 403, 404, 409, 413, 415, 422, 500, 503])
    }
}

fn documented(statuses: &[u16]) -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
    let describe = |status: u16| match status {
        400 => "The path, query or body cannot be read.",
        401 => "No token, or an unknown one.",
        403 => "The token may not do this, or another site's page asked.",
        404 => "There is no such thing.",
        409 => "It cannot be done as things stand.",
        413 => "The body is larger than 16 KiB.",
        415 => "The body does not say that it is JSON.",
        422 => "The body makes no sense.",
        500 => "A mistake of the daemon's.",
        _ => "Too much at once, too slow, or something is missing.",
    };
    let response = |status: u16| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        ResponseBuilder::new().description(describe(status)).content("application/json", content).build()
    };
    statuses.iter().map(|&status| (status.to_string(), RefOr::T(response(status)))).collect()
}
