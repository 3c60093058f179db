//! The revocation list: what software must no longer believe although its signature holds.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    base::slug::Slug,
    usecase::{Actor, Failure, revocations},
};

use super::{
    api::{input::Filters, openapi::PublishedProblems},
    problem::Problem,
    well_known::{self, MAX_AGE},
};

/// Which list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// The product. May be left out where exactly one is sold.
    #[param(example = "atlas")]
    product: Option<String>,
    /// The number of the newest list seen before: only later entries are answered. A number higher than there is, which
    /// tells that the service was set back, is answered with the list from the start.
    #[param(minimum = 0, default = 0)]
    since: Option<u64>,
    /// The `head` of that list. Where it names another entry than ours, because the service was set back and has counted on
    /// since, the answer is the list from the start (`since` 0).
    #[param(max_length = 64)]
    head: Option<String>,
}

/// What no longer holds although its signature does.
///
/// A numbered list, signed like a license code (`revocations+jwt`): released licenses, revisions of a code that grant
/// more than the license has now, leaked keys. Keep what it names, and the highest `number` seen; while `complete` is
/// false, ask again with it. Needs no token. Answers `ETag` and heeds `If-None-Match`.
#[utoipa::path(
    get, path = "/.well-known/license-revocations.jws", tag = "published", params(Wanted),
    responses(
        (status = 200, description = "The list, as a compact JWS.", body = String, content_type = "application/jose",
            headers(
                ("ETag" = String, description = "Names these bytes; strong."),
                ("Cache-Control" = String, description = "Five minutes."),
            )),
        (status = 304, description = "`If-None-Match` named this list."),
        PublishedProblems,
    ),
)]
pub async fn revocation_list(
    State(app): State<App>,
    headers: HeaderMap,
    Filters(wanted): Filters<Wanted>,
) -> Result<Response, Problem> {
    let product = product(&app, wanted.product.as_deref()).await?;
    let since = wanted.since.unwrap_or(0);
    let list = app
        .read::<_, Failure, _>(Actor::Signet, move |tx, ctx| {
            revocations::list(tx, ctx, &product, since, wanted.head.as_deref())
        })
        .await
        .map_err(Problem::from)?;
    let etag = format!("\"{}\"", list.digest);
    let fresh = [(header::ETAG, etag.as_str()), (header::CACHE_CONTROL, MAX_AGE)];
    if names(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, fresh).into_response());
    }
    Ok((fresh, [(header::CONTENT_TYPE, "application/jose")], list.text.to_string()).into_response())
}

async fn product(app: &App, named: Option<&str>) -> Result<Slug, Problem> {
    if let Some(name) = named {
        return well_known::known(app, name).await;
    }
    // Through the database: it says when another server or the command line changed the catalog.
    let products: Vec<Slug> = app
        .read::<_, Failure, _>(Actor::Signet, |_, ctx| {
            Ok(ctx.installation.catalog.catalog().products.iter().map(|it| it.slug.clone()).collect())
        })
        .await
        .map_err(Problem::from)?;
    match <[Slug; 1]>::try_from(products) {
        Ok([only]) => Ok(only),
        Err(_) => Err(Problem::malformed(
            "Say whose list: `?product=` and the product's name, which is the `aud` of its license codes.",
        )),
    }
}

/// Whether `If-None-Match` names `etag` (RFC 9110 §13.1.2): compared weakly, because a proxy that compresses marks it so.
fn names(headers: &HeaderMap, etag: &str) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_none_match_is_read_as_rfc_9110_says() {
        let etag = "\"abc\"";
        let cases = [
            ("\"abc\"", true),
            ("W/\"abc\"", true),
            ("\"x\", \"abc\"", true),
            ("*", true),
            ("\"abcd\"", false),
            ("abc", false),
            ("", false),
        ];
        for (value, expected) in cases {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, value.parse().unwrap())]);
            assert_eq!(names(&headers, etag), expected, "{value}");
        }
        assert!(!names(&HeaderMap::new(), etag));
    }
}
