//! One call of a shop, and its answer.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    base::{slug::Slug, text::truncate, time::Time},
    marketplace::shop::call::Call,
    store::Tx,
    usecase::{
        Context, Done,
        inbound::Inbound,
        issue,
        outcome::{Instance, Outcome, Purchased, Refusal},
    },
    web::marketplace::carried::{self, Appears},
};

/// The interface's name in the log.
const TRANSPORT: &str = "shop";

/// An authentic call.
#[derive(Debug)]
pub(super) struct Authenticated {
    pub(super) channel: Slug,
    pub(super) signed_at: Time,
    pub(super) parsed: Result<Call, String>,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

fn problem(status: StatusCode, name: &str, title: &str, detail: &str) -> Reply {
    let kind = format!("/problems/{name}");
    Reply { status, body: json!({ "type": kind, "title": title, "status": status.as_u16(), "detail": detail }) }
}

/// An answer on the wire.
pub(super) fn written(status: StatusCode, body: &Value) -> Response {
    let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")];
    let mut response = (status, headers, body.to_string()).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

fn shown(instance: &Instance) -> Value {
    json!({ "instance": instance.instance_id, "page": instance.front_end_url })
}

impl carried::Call for Authenticated {
    type Reply = Reply;

    fn channel(&self) -> &Slug {
        &self.channel
    }

    fn appears(&self) -> Appears {
        let call = self.parsed.as_ref().ok();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Appears {
            transport: TRANSPORT,
            activity: owned(call.map(Call::as_str)),
            order_id: owned(call.and_then(Call::order)),
            instance_id: owned(call.and_then(Call::instance)),
            // Nothing in it is secret; a body that cannot be read is not kept.
            request: call.map_or_else(String::new, |call| truncate(&format!("{call:?}"), 2_000)),
        }
    }

    fn inbound(&self, _: Context) -> Result<Inbound, String> {
        let event = self.parsed.as_ref().map_err(Clone::clone)?.event();
        Ok(Inbound { event, signed_at: self.signed_at, debug: false, nonce: None, notes: Vec::new() })
    }

    fn answered(&self, tx: &mut Tx, ctx: Context, outcome: Outcome) -> Done<Reply> {
        let ok = |body| Reply { status: StatusCode::OK, body };
        Ok(match outcome {
            Outcome::Done => ok(json!({ "done": true })),
            Outcome::Purchased(Purchased { instance, license_code }) => {
                let mut body = shown(&instance);
                body["license_code"] = license_code.into();
                if let Some(license) = tx.license_by_instance(&self.channel, &instance.instance_id)? {
                    body["license"] = license.id.to_string().into();
                    body["license_key"] = issue::reveal_key(tx, ctx, license.id)?.to_string().into();
                }
                ok(body)
            }
            Outcome::Instances(instances) => match instances.first() {
                Some(instance) => ok(shown(instance)),
                None => ok(json!({})),
            },
            Outcome::InProgress(_) => self.failed(),
            Outcome::Refused(refusal) => {
                let (status, name, title) = match &refusal {
                    Refusal::UnknownInstance(_) => (StatusCode::NOT_FOUND, "not-found", "Not found"),
                    Refusal::ReleasedInstance(_) => {
                        (StatusCode::CONFLICT, "conflict", "The request does not fit the present state")
                    }
                    _ => (StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", "The request cannot be carried out"),
                };
                problem(status, name, title, &carried::in_words(&refusal))
            }
        })
    }

    fn refused(&self, why: &str) -> Reply {
        problem(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", "The request cannot be carried out", why)
    }

    fn failed(&self) -> Reply {
        let detail = "It could not be carried out now, and nothing was changed. Send it again.";
        problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable", detail)
    }

    fn logged(reply: &Reply) -> (String, String) {
        let detail = reply.body["detail"].as_str().unwrap_or_default().to_owned();
        (reply.status.as_u16().to_string(), detail)
    }
}
