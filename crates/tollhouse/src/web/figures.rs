//! `/figures/<id>.svg`, `.phone.svg`, `.png`, `.csv` and `.parquet`: the figures of the newest snapshot, and what is behind.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Web;
use super::problem::{Naming, Path, Problem};
use super::types::Ending;

/// A drawing may style itself and do nothing else, also where somebody opens it on its own.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

/// The pages of this file.
pub fn router() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(figure))
}

/// A figure as a picture, or the numbers behind it.
#[utoipa::path(
    get,
    path = "/figures/{file}",
    tag = "pages",
    params(("file" = String, Path, description = "The figure's name and `.svg`, `.phone.svg`, `.png`, `.csv` or `.parquet`.", pattern = r"^[A-Za-z0-9_-]+\.(svg|phone\.svg|png|csv|parquet)$", example = "opioid-deaths-vs-dispensing-2015.svg")),
    responses(
        (status = 200, description = "The picture, or the numbers.", content(
            (Vec<u8> = "image/svg+xml"),
            (Vec<u8> = "image/png"),
            (Vec<u8> = "text/csv"),
            (Vec<u8> = "application/vnd.apache.parquet"),
        )),
        Naming,
    )
)]
async fn figure(State(web): State<Web>, Path(file): Path<String>) -> Result<Response, Problem> {
    let Some((id, ending)) = parse(&file) else {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            format!("`{file}` is not a figure"),
            "a figure is its name and `.svg`, `.phone.svg`, `.png`, `.csv` or `.parquet`; the page at / shows them",
        ));
    };
    let bytes = web.ask(move |operator| operator.figure_file(&id, ending)).await?;
    let headers = [
        (header::CONTENT_TYPE, ending.media_type()),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "private, max-age=60"),
    ];
    Ok((headers, bytes).into_response())
}

/// The parts of a file's name, which can be part of no other path.
fn parse(file: &str) -> Option<(String, Ending)> {
    let (id, ending) = file.split_once('.')?;
    let plain = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    plain.then_some(())?;
    let ending = Ending::ALL.into_iter().find(|known| known.as_str() == ending)?;
    Some((id.to_owned(), ending))
}
