//! The OpenAPI 3.1 document: what the code itself cannot say in one place.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::{
    IntoResponses, Modify, OpenApi,
    openapi::{
        Components, ContentBuilder, Ref, RefOr, Response, ResponseBuilder, Schema,
        schema::AnyOf,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::web::problem::Problem;

use super::v1::software::Refusal;

/// The document before the routes are added.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Signet API",
        description = "See and manage licenses, orders, the catalog, messages and alerts of a Signet service; validate and \
            activate licensed software.\n\n\
            * Management calls need a token: `Authorization: Bearer sgt_…`, made with `signet token create`. Each \
              operation names the scope it needs.\n\
            * Calls of licensed software show the license itself: `Authorization: License` and the license code or key. \
              Their answers say by `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` how many more calls a \
              minute has room for.\n\
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
        (name = "webhooks", description = "Your own systems that are told what happens."),
        (name = "mails", description = "What people are written."),
        (name = "software", description = "What licensed software calls: may it run, on which machine, for how long."),
        (name = "deployments", description = "Puts licensed software onto the customer's own server."),
        (name = "published", description = "What software fetches without a token."),
        (name = "meta", description = "About this API."),
    ),
    components(schemas(Problem, Refusal)),
    modifiers(&Credentials),
)]
pub struct Document;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let description = "A management token: `sgt_` and 43 characters. `signet token create` makes one.";
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build();
        let components = openapi.components.get_or_insert_with(Components::new);
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
        // No registered scheme of HTTP, so the header is described.
        let description = "`License`, a space, and the license code or the license key.";
        let scheme = ApiKey::Header(ApiKeyValue::with_description("Authorization", description));
        components.add_security_scheme("license", SecurityScheme::ApiKey(scheme));
    }
}

macro_rules! problems {
    ($describe:ident: $($(#[$doc:meta])* $name:ident = [$($status:literal),*];)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    [$($status),*].iter().map(|&status| (status.to_string(), RefOr::T($describe(status)))).collect()
                }
            }
        )*
    };
}

problems! { managing:
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

problems! { licensing:
    /// What a question of software may be answered with instead.
    AskProblems = [400, 401, 408, 413, 415, 422, 429, 500, 503];
    /// What a machine that wants a seat may be answered with instead.
    SeatProblems = [400, 401, 403, 408, 409, 413, 415, 422, 429, 500, 503];
    /// What a machine that wants its next lease may be answered with instead.
    LeaseProblems = [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503];
    /// What a machine that gives its seat back may be answered with instead.
    FreeProblems = [400, 401, 403, 404, 429, 500, 503];
    /// What there may be instead of a license file.
    FileProblems = [400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503];
}

problems! { redeeming:
    /// What whoever redeems a code may be answered with instead.
    RedeemProblems = [400, 401, 408, 409, 413, 415, 422, 429, 500, 503];
}

problems! { metering:
    /// What a machine that reports usage may be answered with instead.
    UsageProblems = [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503];
}

problems! { deploying:
    /// What a look at deployments may be answered with instead.
    LookProblems = [400, 401, 403, 404, 429, 500, 503];
    /// What somebody who wants to deploy may be answered with instead.
    DeployProblems = [400, 401, 403, 408, 409, 413, 415, 422, 429, 500, 502, 503];
    /// What somebody who asks something of a deployment may be answered with instead.
    WishProblems = [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503];
}

fn deploying(status: u16) -> Response {
    let description = match status {
        401 => "No license code or key was shown.",
        403 => "The license is unknown here, or does not permit it.",
        404 => "The license has no such deployment, or the service takes no agencies or does not deploy there.",
        409 => "It does not fit where things stand.",
        422 => {
            "The request can be read but not carried out; or the cloud refused, and `detail` has its code and what to do."
        }
        429 => "Too many calls; again after `Retry-After` seconds.",
        502 => "The cloud did not answer, or with an error of its own.",
        _ => everywhere(status),
    };
    response(description, Ref::from_schema_name("Problem"))
}

fn managing(status: u16) -> Response {
    let description = match status {
        401 => "The token is missing, unknown, expired or revoked.",
        403 => "The token has not the scope; the problem names it.",
        404 => "There is no such thing.",
        409 => "It does not fit where things stand.",
        422 => "The request can be read but not carried out, or its idempotency key was used for another one.",
        _ => everywhere(status),
    };
    response(description, Ref::from_schema_name("Problem"))
}

fn licensing(status: u16) -> Response {
    let (description, schema): (_, RefOr<Schema>) = match status {
        401 => ("No license code or key was shown.", Ref::from_schema_name("Problem").into()),
        403 => ("The license does not hold; `reason` says why.", Ref::from_schema_name("Refusal").into()),
        404 => ("The license has no such machine.", Ref::from_schema_name("Refusal").into()),
        409 => ("No seat, or another machine; `reason` says which.", Ref::from_schema_name("Refusal").into()),
        422 => ("The request can be read but not carried out.", Ref::from_schema_name("Problem").into()),
        429 => (
            "Too many calls, or, with a `reason`, too many new machines; again after `Retry-After` seconds.",
            Schema::AnyOf(
                AnyOf::builder().item(Ref::from_schema_name("Refusal")).item(Ref::from_schema_name("Problem")).build(),
            )
            .into(),
        ),
        _ => (everywhere(status), Ref::from_schema_name("Problem").into()),
    };
    response(description, schema)
}

fn redeeming(status: u16) -> Response {
    let description = match status {
        401 => "No code was shown.",
        409 => "The marketplace refuses the code, or the merchant has to complete its order; `type` says which.",
        422 => "What was shown is no code of a marketplace, or nothing is sold here by such codes.",
        429 => "Too many calls; again after `Retry-After` seconds.",
        503 => "The marketplace, or the database, does not answer; again after `Retry-After` seconds.",
        _ => everywhere(status),
    };
    response(description, Ref::from_schema_name("Problem"))
}

fn metering(status: u16) -> Response {
    match status {
        409 => response(
            "None of the reports counts, or the machine has no seat; `reason` says why.",
            Ref::from_schema_name("Refusal"),
        ),
        422 => response(
            "The request can be read but not carried out; or, with a `reason`, none of the reports counts.",
            Schema::AnyOf(
                AnyOf::builder().item(Ref::from_schema_name("Refusal")).item(Ref::from_schema_name("Problem")).build(),
            ),
        ),
        _ => licensing(status),
    }
}

fn everywhere(status: u16) -> &'static str {
    match status {
        400 => "The request cannot be read.",
        408 => "The body came too slowly.",
        413 => "The body is larger than 64 KiB.",
        415 => "The body is not JSON.",
        503 => "The database does not answer or is busy; try again after `Retry-After` seconds.",
        _ => StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("An error."),
    }
}

fn response(description: &str, schema: impl Into<RefOr<Schema>>) -> Response {
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}
