//! The OpenAPI 3.1 document: what the code itself cannot say in one place.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::{
    IntoResponses, Modify, OpenApi,
    openapi::{
        Components, ContentBuilder, Ref, RefOr, Response, ResponseBuilder,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::web::problem::Problem;

/// The document before the routes are added.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Signet management API",
        description = "See and manage licenses, orders, the catalog, messages and alerts of a Signet service.\n\n\
            * Every call needs a token: `Authorization: Bearer sgt_…`, made with `signet token create`. Each operation \
              names the scope it needs.\n\
            * Lists are newest first. Follow `next_cursor` as `cursor` until it is `null`; rows added meanwhile move \
              no row to another page.\n\
            * Writes take an `Idempotency-Key`: the same key with the same request gets the first answer again, with \
              `Idempotency-Replayed: true`, for at least 48 hours; failures are not remembered. Choose a new random \
              key for each thing you want done, and keep it over repeats.\n\
            * Every error is a problem (RFC 9457, `application/problem+json`). Programs decide by `type`, people \
              read `detail`.\n\
            * Times are RFC 3339 in UTC.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "licenses", description = "Licenses: what a customer may use, and until when."),
        (name = "orders", description = "What was ordered, and what became of it."),
        (name = "products", description = "What is sold, as the catalog says."),
        (name = "channels", description = "Where it is sold. Never shows a secret."),
        (name = "messages", description = "Calls from marketplaces, without their secrets."),
        (name = "alerts", description = "What somebody must look at."),
        (name = "published", description = "What software fetches without a token."),
        (name = "meta", description = "About this API."),
    ),
    components(schemas(Problem)),
    modifiers(&Bearer),
)]
pub struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let description = "A management token: `sgt_` and 43 characters. `signet token create` makes one.";
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build();
        let components = openapi.components.get_or_insert_with(Components::new);
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = [$($status:literal),*];)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    responses(&[$($status),*])
                }
            }
        )*
    };
}

problems! {
    /// What a published document may be answered with instead.
    PublishedProblems = [400, 404, 500, 503];
    /// What a list may answer instead.
    ListProblems = [400, 401, 403, 500, 503];
    /// What a look at one thing may answer instead.
    ItemProblems = [400, 401, 403, 404, 500, 503];
    /// What a write that makes something may answer instead.
    CreateProblems = [400, 401, 403, 408, 413, 415, 422, 500, 503];
    /// What a write to one thing may answer instead.
    ChangeProblems = [400, 401, 403, 404, 408, 409, 413, 415, 422, 500, 503];
}

fn responses(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    statuses.iter().map(|&status| (status.to_string(), RefOr::T(response(status)))).collect()
}

fn response(status: u16) -> Response {
    let description = match status {
        400 => "The request cannot be read.",
        401 => "The token is missing, unknown, expired or revoked.",
        403 => "The token has not the scope; the problem names it.",
        404 => "There is no such thing.",
        408 => "The body came too slowly.",
        409 => "It does not fit where things stand.",
        413 => "The body is larger than 64 KiB.",
        415 => "The body is not JSON.",
        422 => "The request can be read but not carried out, or its idempotency key was used for another one.",
        503 => "The database does not answer or is busy; try again after `Retry-After` seconds.",
        _ => StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("An error."),
    };
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}
