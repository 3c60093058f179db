//! What a machine fetches: the package with its manifest, and the license.

use std::ops::Range;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;

use crate::{
    app::App,
    base::ids::DeploymentId,
    http::download::DownloadError,
    usecase::{Actor, Failure, deployment::machine, package::Package},
    web::problem::Problem,
};

use super::Session;

/// Downloads of one deployment that are under way at once: the one that broke off unnoticed, and the one that takes its
/// place.
const DOWNLOADS_OF_DEPLOYMENT: usize = 2;
/// The same of all deployments together.
const DOWNLOADS: usize = 128;

/// `GET /api/v1/bootstrap/license`: answers `code …`.
pub(super) async fn license(State(app): State<App>, Session(session): Session) -> Result<Response, Problem> {
    let code = app
        .read::<_, Failure, _>(Actor::Software, move |tx, ctx| machine::license_code(tx, ctx, &session))
        .await?
        .map_err(super::turned)?;
    Ok(super::lines(&[("code", &code)]))
}

/// `GET /api/v1/bootstrap/manifest`: the signed text, whose digest the machine knows.
pub(super) async fn manifest(State(app): State<App>, Session(session): Session) -> Result<Response, Problem> {
    let (_, package) = pinned(&app, session).await?;
    Ok(([(header::CONTENT_TYPE, "application/jose")], package.manifest).into_response())
}

/// `GET /api/v1/bootstrap/package`: its bytes. One range is served (RFC 9110 §14), so that a download goes on where it
/// broke off.
pub(super) async fn package(
    State(app): State<App>,
    Session(session): Session,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (id, package) = pinned(&app, session).await?;
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let range = match asked.map(|text| range(text, package.size)) {
        None | Some(Asked::All) => None,
        Some(Asked::Part(range)) => Some(range),
        Some(Asked::Nothing) => {
            let size = HeaderValue::from_str(&format!("bytes */{}", package.size)).map_err(|_| Problem::internal())?;
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, size)]).into_response());
        }
    };
    let Some(place) = app.deployment_places().downloads.take_of(id, DOWNLOADS_OF_DEPLOYMENT, DOWNLOADS) else {
        let detail = "Too many downloads are under way: go on with this one in a moment.";
        let mut response =
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-downloads", "Too many downloads", detail)
                .into_response();
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        return Ok(response);
    };
    let body = bytes(&app, &package, range.clone()).await?;
    // The place is taken as long as the body is being sent: it goes with it, also when the connection breaks.
    let body = Body::from_stream(body.into_data_stream().inspect(move |_| _ = &place));
    let sent = range.clone().unwrap_or(0..package.size);
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(sent.end - sent.start));
    if range.is_some() {
        let text = format!("bytes {}-{}/{}", sent.start, sent.end - 1, package.size);
        headers.insert(header::CONTENT_RANGE, HeaderValue::from_str(&text).map_err(|_| Problem::internal())?);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

async fn pinned(app: &App, session: String) -> Result<(DeploymentId, Package), Problem> {
    let package = app
        .read::<_, Failure, _>(Actor::Software, move |tx, ctx| machine::package(tx, ctx, &session))
        .await?
        .map_err(super::turned)?;
    Ok(package)
}

async fn bytes(app: &App, package: &Package, range: Option<Range<u64>>) -> Result<Body, Problem> {
    let unavailable = |why: String| {
        tracing::error!("a package cannot be handed out: {why}");
        Problem::new(
            StatusCode::BAD_GATEWAY,
            "package-unavailable",
            "The package cannot be read",
            "Try again in a moment.",
        )
    };
    let Some(url) = &package.url else {
        let reading = app.depot().read(&package.product, &package.sha256, range).await;
        return Ok(Body::from_stream(reading.map_err(|error| unavailable(error.to_string()))?.stream));
    };
    let range = range.unwrap_or(0..package.size);
    let stream = app.fetch_package(url, package, range).await.map_err(|error| match error {
        DownloadError::Other => {
            tracing::error!("the package of {} at its own address has another size than its manifest", package.product);
            let detail = "What is kept at the package's address was changed: the merchant must publish it anew.";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "package-changed", "The package was changed", detail)
        }
        error => unavailable(error.to_string()),
    })?;
    Ok(Body::from_stream(stream.boxed()))
}

/// What a `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Everything: the header is none that is served, and may then be ignored.
    All,
    /// A part.
    Part(Range<u64>),
    /// Bytes that are not there.
    Nothing,
}

fn range(text: &str, size: u64) -> Asked {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|rest| rest.split_once('-')) else {
        return Asked::All;
    };
    let Ok(first) = first.parse::<u64>() else { return Asked::All };
    let end = match last {
        "" => size,
        last => match last.parse::<u64>() {
            Ok(last) => last.saturating_add(1).min(size),
            Err(_) => return Asked::All,
        },
    };
    if first >= size {
        return Asked::Nothing;
    }
    if first < end { Asked::Part(first..end) } else { Asked::All }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_from_a_first_byte_is_served() {
        let cases = [
            ("bytes=0-", Asked::Part(0..10)),
            ("bytes=4-", Asked::Part(4..10)),
            ("bytes=4-6", Asked::Part(4..7)),
            ("bytes=4-99", Asked::Part(4..10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=99-100", Asked::Nothing),
            ("bytes=6-4", Asked::All),
            ("bytes=-4", Asked::All),
            ("bytes=0-1,4-5", Asked::All),
            ("lines=1-", Asked::All),
            ("bytes=x-", Asked::All),
        ];
        for (text, expected) in cases {
            assert_eq!(range(text, 10), expected, "{text}");
        }
    }
}
