//! Where every call arrives and every answer is signed.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    task::Poll,
};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header, request::Parts},
    response::Response,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use percent_encoding::percent_decode_str;

use crate::{
    app::App,
    base::{limits, rate::Standing, slug::Slug},
    license::keygen::response,
    web::{
        head::{self, Oversize},
        rate_limit::{self, Slot},
    },
};

use super::{
    answer::{Answer, JSON_API},
    call::Call,
    error::{Fault, Source},
    routes,
};

const VERSION: HeaderName = HeaderName::from_static("keygen-version");
const ACCEPT_SIGNATURE: HeaderName = HeaderName::from_static("keygen-accept-signature");
const ENVIRONMENT: HeaderName = HeaderName::from_static("keygen-environment");
const ACCOUNT: HeaderName = HeaderName::from_static("keygen-account");
const DIGEST: HeaderName = HeaderName::from_static("digest");
const KEYGEN_DIGEST: HeaderName = HeaderName::from_static("keygen-digest");
const KEYGEN_DATE: HeaderName = HeaderName::from_static("keygen-date");
const SIGNATURE: HeaderName = HeaderName::from_static("keygen-signature");

/// Versions of the contract that are spoken; the last is the one when none was asked for.
const VERSIONS: [&str; 2] = ["1.7", "1.8"];
const LATEST: &str = "1.8";

/// What is signed beside the body, as the client sent it.
struct Asked {
    method: Method,
    target: String,
    host: String,
}

/// Answers one call.
pub async fn receive(State(app): State<App>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let asked = Asked { method: parts.method.clone(), target, host: host(&parts.uri, &parts.headers) };
    let slot = Slot::default();
    parts.extensions.insert(slot.clone());
    let version = version(&parts.headers);
    let Some((product, segments)) = address(&parts.uri) else { return nobodys() };
    match knows(&app, &product, &parts).await {
        Ok(true) => {}
        Ok(false) => return nobodys(),
        Err(refused) => return Answer::from(Fault::from(refused)).into_response(),
    }
    let answering = caught(within(carried_out(app.clone(), product.clone(), parts, body, segments)));
    let mut answer = answering.await.unwrap_or_else(Answer::from);
    if let Some(standing) = slot.standing() {
        answer = counted(answer, standing, app.now().as_seconds());
    }
    if asked.method == Method::HEAD {
        answer = answer.without_body();
    }
    signed(&app, &product, &asked, answer.with(VERSION, HeaderValue::from_static(version.unwrap_or(LATEST))))
}

/// The door of no product: there is no key by which the answer could be signed.
fn nobodys() -> Response {
    Answer::from(Fault::not_found("There is no such account here: it is called like the product.")).into_response()
}

/// Whether `product` has a door key, also one that was made a moment ago. To look for it anew counts for the address that asks.
async fn knows(app: &App, product: &Slug, parts: &Parts) -> Result<bool, rate_limit::Refused> {
    if app.installation().keys.door(product).is_ok() {
        return Ok(true);
    }
    rate_limit::charge_stranger(app, parts)?;
    let looked = tokio::time::timeout(limits::REQUEST_TIMEOUT, app.catch_up()).await;
    Ok(matches!(looked, Ok(Ok(()))) && app.installation().keys.door(product).is_ok())
}

/// The product and the rest of the address, decoded part by part: a part may hold a slash. One that is no UTF-8 names nothing
/// that is here, and is answered so, signed by the product's key.
fn address(uri: &Uri) -> Option<(Slug, Vec<String>)> {
    let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let mut parts: Vec<String> = uri.path().split('/').skip(1).map(decode).collect();
    if parts.last().is_some_and(String::is_empty) {
        parts.pop();
    }
    let (product, rest) = match parts.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["v1", "accounts", product, ..] => ((*product).to_owned(), 3),
        ["keygen", product, "v1", ..] => ((*product).to_owned(), 3),
        _ => return None,
    };
    Some((product.parse().ok()?, parts.split_off(rest)))
}

/// What the client believes to be the host: it checks the signature with that.
fn host(uri: &Uri, headers: &HeaderMap) -> String {
    let named = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    named.or_else(|| uri.authority().map(|it| it.as_str())).unwrap_or_default().to_owned()
}

/// The version that was asked for, where it is spoken.
fn version(headers: &HeaderMap) -> Option<&'static str> {
    let asked = headers.get(VERSION)?.to_str().ok()?.trim();
    // Published clients write it either way.
    let asked = asked.strip_prefix('v').unwrap_or(asked);
    VERSIONS.into_iter().find(|known| *known == asked)
}

async fn carried_out(
    app: App,
    product: Slug,
    parts: Parts,
    body: Body,
    segments: Vec<String>,
) -> Result<Answer, Fault> {
    heads(&parts)?;
    let (endpoint, names) = routes::find(&parts.method, &segments)?;
    let body = collected(body).await?;
    if !body.is_empty() && !is_json(&parts.headers) {
        let detail = format!("The body must be JSON: send it with `Content-Type: {JSON_API}`.");
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Fault::new(status, "MEDIA_TYPE_INVALID", "Unsupported media type", detail)
            .at(Source::Header("Content-Type")));
    }
    let query = parts.uri.query().unwrap_or_default();
    let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let call = Call { app, product, parts, names, query, body, admitted: AtomicBool::new(false) };
    let answered = Box::pin(routes::answer(endpoint, &call)).await;
    if answered.is_err() && routes::needs_guest(endpoint) && !call.admitted.load(Ordering::Relaxed) {
        // What was sent cannot be read. A stranger is not told so, and a guest's call counts all the same.
        call.read(|_, _, _| Ok(())).await?;
    }
    answered
}

/// What of the headers alone stands against an answer.
fn heads(parts: &Parts) -> Result<(), Fault> {
    match head::oversize(&parts.uri, &parts.headers) {
        None => {}
        Some(Oversize::Address) => {
            return Err(Fault::new(StatusCode::URI_TOO_LONG, "URI_TOO_LONG", "URI too long", too_large("address")));
        }
        Some(Oversize::Head) => {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Err(Fault::new(status, "HEADERS_TOO_LARGE", "Headers too large", too_large("head")));
        }
    }
    let headers = &parts.headers;
    // RFC 9112, section 3.2. The answer's signature names the host, so there must be no doubt about it.
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && parts.version == Version::HTTP_11 && parts.uri.authority().is_none()) {
        let detail = "Name the host once: answers are signed with it.";
        return Err(Fault::bad("PARAMETERS_INVALID", detail).at(Source::Header("Host")));
    }
    if headers.contains_key(VERSION) && version(headers).is_none() {
        let detail =
            format!("This door speaks the versions {}: ask for one of them, or for none.", VERSIONS.join(", "));
        return Err(Fault::bad("INVALID_API_VERSION", detail).at(Source::Header("Keygen-Version")));
    }
    let text = |name: &HeaderName| headers.get(name).map(|it| it.to_str().unwrap_or("?").trim().to_owned());
    if text(&ENVIRONMENT).is_some_and(|it| !it.is_empty()) {
        let detail = "There are no environments here: leave the header out.";
        return Err(Fault::bad("ENVIRONMENT_NOT_SUPPORTED", detail).at(Source::Header("Keygen-Environment")));
    }
    let algorithm = |value: String| {
        let named = value.split(',').find_map(|it| it.trim().strip_prefix("algorithm=").map(str::to_owned));
        named.is_some_and(|it| it.trim_matches('"') == "ed25519")
    };
    if text(&ACCEPT_SIGNATURE).is_some_and(|value| !value.is_empty() && !algorithm(value)) {
        let detail = "Answers are signed with `algorithm=\"ed25519\"` only.";
        return Err(Fault::bad("PARAMETERS_INVALID", detail).at(Source::Header("Keygen-Accept-Signature")));
    }
    Ok(())
}

fn too_large(what: &str) -> String {
    format!("The {what} is larger than {} bytes. Nothing was changed.", limits::REQUEST_HEAD_BYTES)
}

async fn collected(body: Body) -> Result<axum::body::Bytes, Fault> {
    let limited = Limited::new(body, limits::REQUEST_BODY_BYTES).collect();
    match tokio::time::timeout(limits::REQUEST_BODY_TIMEOUT, limited).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let detail = format!("The body is larger than {} bytes. Nothing was changed.", limits::REQUEST_BODY_BYTES);
            Err(Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", "Payload too large", detail))
        }
        Ok(Err(_)) => Err(Fault::bad("JSON_INVALID", "The body did not arrive whole. Send the request again.")),
        Err(_) => Err(Fault::too_slow()),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == JSON_API || essence == "application/json"
}

/// A little sooner than the deadline of every request, whose answer is not signed.
async fn within(answering: impl Future<Output = Result<Answer, Fault>>) -> Result<Answer, Fault> {
    let limit = limits::REQUEST_DEADLINE - limits::KEYGEN_LEAD;
    tokio::time::timeout(limit, answering).await.unwrap_or_else(|_| Err(Fault::too_slow()))
}

/// A panic is answered like any other trouble of ours: signed.
async fn caught(answering: impl Future<Output = Result<Answer, Fault>>) -> Result<Answer, Fault> {
    let mut answering = pin!(answering);
    let answered = poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(context))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    });
    answered.await.unwrap_or_else(|| {
        tracing::error!("the handling of a request panicked");
        Err(Fault::internal())
    })
}

/// How the caller stands to the limit that is nearest.
fn counted(answer: Answer, standing: Standing, now: i64) -> Answer {
    let Standing { limit, remaining, reset } = standing;
    let number = |name: &'static str, value: u64| (HeaderName::from_static(name), HeaderValue::from(value));
    let reset = u64::try_from(now).unwrap_or(0).saturating_add(reset);
    let headers = [
        number("x-ratelimit-count", limit.saturating_sub(remaining).into()),
        number("x-ratelimit-limit", limit.into()),
        number("x-ratelimit-remaining", remaining.into()),
        number("x-ratelimit-reset", reset),
    ];
    let answer = headers.into_iter().fold(answer, |answer, (name, value)| answer.with(name, value));
    answer.with(HeaderName::from_static("x-ratelimit-window"), HeaderValue::from_static("1m"))
}

fn signed(app: &App, product: &Slug, asked: &Asked, answer: Answer) -> Response {
    let installation = app.installation();
    let signer = match installation.keys.door(product) {
        Ok(signer) => signer,
        Err(failure) => return Answer::from(Fault::from(failure)).into_response(),
    };
    let Asked { method, target, host } = asked;
    let account = product.as_str();
    let headers = response::sign(signer, account, method.as_str(), target, host, app.now(), answer.body());
    let mut response = answer.into_response();
    let all = [
        (header::DATE, &headers.date),
        (KEYGEN_DATE, &headers.date),
        (DIGEST, &headers.digest),
        (KEYGEN_DIGEST, &headers.digest),
        (SIGNATURE, &headers.signature),
    ];
    for (name, value) in all {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    if let Ok(value) = HeaderValue::from_str(account) {
        response.headers_mut().insert(ACCOUNT, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer_that_tells_nothing() {
        let Err(fault) = caught(async { panic!("canary") }).await else { panic!("it was answered") };
        let answer = Answer::from(fault);
        let body = String::from_utf8(answer.body().to_vec()).unwrap();
        assert!(body.contains("INTERNAL_ERROR") && !body.contains("canary"), "{body}");
        assert_eq!(answer.into_response().status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
