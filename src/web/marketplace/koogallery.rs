//! `/marketplace/koogallery/{channel}`: the one address behind which a KooGallery product stands.
//!
//! The marketplace understands nothing but HTTP 200 with `resultCode`, `resultMsg` and a `Body-Sign` over the exact
//! bytes. So whatever happens here (a wrong method, a body too large, a lost database, a panic) is
//! answered like that. No rate limit stands on this path: a call may come only once.

use std::{sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, Limited};
use tracing::Instrument;

use crate::{
    app::App,
    base::{ids::MessageId, limits, secret::SecretString, slug::Slug, time::Time},
    catalog::Channel,
    marketplace::koogallery::{
        inbound::{self as protocol, Call},
        redact::redact,
        reply::{Reply, ResultCode, body_sign},
        signature::{self, AuthFailure, Authentic, RawRequest, Transport},
    },
    store::{MessageRecord, Tx},
    usecase::{
        Actor, Context, Failure,
        alert::{self, About, AlertKind},
        inbound::{self, Handled, Inbound},
    },
};

use super::answer::{self, Encryption};

/// The signature's header. The server writes names in title case, which makes it the exact `Body-Sign`.
const BODY_SIGN: HeaderName = HeaderName::from_static("body-sign");

/// What callers of an address without a channel are told.
const NO_CHANNEL: &str = "This address belongs to no channel, or the channel's access key is not configured.";

/// A call as it came, owned, so that its handling outlives a caller who hangs up.
#[derive(Debug)]
struct Received {
    method: String,
    query: String,
    body: Vec<u8>,
}

impl Received {
    fn raw(&self) -> RawRequest<'_> {
        RawRequest { method: &self.method, query: &self.query, body: &self.body }
    }
}

/// Any method on `/marketplace/koogallery/{channel}`.
pub async fn receive(
    State(app): State<App>,
    channel: Result<Path<Slug>, axum::extract::rejection::PathRejection>,
    request: Request,
) -> Response {
    let Ok(Path(slug)) = channel else { return unknown().await };
    let Some((channel, key)) = find(&app, &slug).await else { return unknown().await };
    let known_key = key.clone();
    let handling = tokio::spawn(async move { handle(&app, channel, known_key, request).await }.in_current_span());
    match handling.await {
        Ok((reply, key)) => signed(reply, &key),
        Err(error) => {
            tracing::error!("handling a call from the marketplace failed: {error}");
            signed(Reply::of(ResultCode::InternalError), &key)
        }
    }
}

/// The channel and its access key, as last loaded.
fn known(app: &App, slug: &Slug) -> Option<(Channel, SecretString)> {
    let installation = app.installation();
    let key = installation.access_keys.get(slug).cloned()?;
    Some((installation.catalog.channel(slug)?.clone(), key))
}

/// The channel and its access key. One that is not known may have been added by another server or a command.
async fn find(app: &App, slug: &Slug) -> Option<(Channel, SecretString)> {
    if let Some(found) = known(app, slug) {
        return Some(found);
    }
    match tokio::time::timeout(limits::REQUEST_TIMEOUT, app.catch_up()).await {
        Ok(Ok(())) => known(app, slug),
        Ok(Err(failure)) => {
            tracing::warn!(channel.slug = %slug, "an unknown channel could not be looked up: {failure}");
            None
        }
        Err(_) => None,
    }
}

/// An address that belongs to no channel: there is no key to sign the answer with.
pub async fn unknown() -> Response {
    metrics::counter!("signet_marketplace_unknown_channel_total").increment(1);
    json(Reply::new(ResultCode::AuthenticationFailed, NO_CHANNEL).into_bytes())
}

/// The answer, and the key to sign it with.
async fn handle(app: &App, channel: Channel, key: SecretString, request: Request) -> (Reply, SecretString) {
    let started = Instant::now();
    let slug = channel.slug.clone();
    let received = match read(request).await {
        Ok(received) => received,
        Err(reply) => return (reply, key),
    };
    let (channel, key, authentic) = match authenticate(app, channel, key, &received).await {
        Ok(authenticated) => authenticated,
        Err((failure, key)) => {
            let labels = [("channel", slug.to_string()), ("kind", failure.kind().to_owned())];
            metrics::counter!("signet_marketplace_authentication_failures_total", &labels).increment(1);
            let reply = Reply::new(ResultCode::AuthenticationFailed, &failure.to_string());
            sample_failure(app, &slug, &received, &reply, started).await;
            return (reply, key);
        }
    };
    let signing_key = key.clone();
    let Carried { activity, debug, reply } = carry_out(app, channel, key, received, authentic, started).await;
    let labels = [
        ("channel", slug.to_string()),
        ("activity", activity.to_owned()),
        ("code", reply.code().as_str().to_owned()),
        ("debug", debug.to_string()),
    ];
    metrics::counter!("signet_marketplace_calls_total", &labels).increment(1);
    metrics::histogram!("signet_marketplace_call_seconds", &labels[..1]).record(started.elapsed().as_secs_f64());
    (reply, signing_key)
}

/// Checks the signature; when it does not fit, once more against what another server or a command may have changed
/// meanwhile: the first call under a new access key may be one that comes only once.
async fn authenticate(
    app: &App,
    channel: Channel,
    key: SecretString,
    received: &Received,
) -> Result<(Channel, SecretString, Authentic), (AuthFailure, SecretString)> {
    let check = |channel: &Channel, key: &SecretString| {
        signature::authenticate(&received.raw(), key, &channel.windows(), app.now())
    };
    let failure = match check(&channel, &key) {
        Ok(authentic) => return Ok((channel, key, authentic)),
        Err(failure) => failure,
    };
    if !matches!(failure, AuthFailure::WrongSignature(_) | AuthFailure::Clock { .. }) || !app.catch_up_seldom().await {
        return Err((failure, key));
    }
    match known(app, &channel.slug) {
        Some((channel, key)) => match check(&channel, &key) {
            Ok(authentic) => Ok((channel, key, authentic)),
            Err(failure) => Err((failure, key)),
        },
        None => Err((failure, key)),
    }
}

/// Reads the body within its limits of size and time.
async fn read(request: Request) -> Result<Received, Reply> {
    let (parts, body) = request.into_parts();
    let limited = Limited::new(body, limits::REQUEST_BODY_BYTES).collect();
    let body = match tokio::time::timeout(limits::REQUEST_BODY_TIMEOUT, limited).await {
        Ok(Ok(collected)) => collected.to_bytes().to_vec(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("The body is larger than {} bytes.", limits::REQUEST_BODY_BYTES);
            return Err(Reply::new(ResultCode::IllegalParameter, &message));
        }
        Ok(Err(_)) => return Err(Reply::new(ResultCode::IllegalParameter, "The body did not arrive whole.")),
        Err(_) => return Err(Reply::new(ResultCode::InternalError, "The body did not arrive in time.")),
    };
    let query = parts.uri.query().unwrap_or_default().to_owned();
    Ok(Received { method: parts.method.as_str().to_owned(), query, body })
}

/// Runs the use case, the answer and the log of the call in one transaction.
async fn carry_out(
    app: &App,
    channel: Channel,
    key: SecretString,
    received: Received,
    authentic: Authentic,
    started: Instant,
) -> Carried {
    let parsed = Arc::new(protocol::parse(&received.raw(), &authentic));
    let activity = match &*parsed {
        Ok(call) => call.activity.as_str(),
        Err(_) => "rejected",
    };
    let actor = Actor::Channel(channel.slug.clone());
    let call = Arc::new(Owned { channel, key, received, authentic, started });
    let (task_call, task_parsed) = (Arc::clone(&call), Arc::clone(&parsed));
    let job = move |tx: &mut Tx, ctx: Context| {
        // The catalog may have changed since the channel was looked up: its rules are those of the snapshot, and a
        // channel that is gone sells nothing more.
        let Some(channel) = ctx.installation.catalog.channel(&task_call.channel.slug) else {
            let reply = Reply::new(ResultCode::AuthenticationFailed, NO_CHANNEL);
            return Ok(Carried { activity: "", debug: false, reply });
        };
        let transaction = Transaction { channel, call: &task_call };
        match &*task_parsed {
            Ok(parsed) => transaction.run(tx, ctx, parsed),
            Err(rejected) => transaction.reject(tx, ctx, rejected),
        }
    };
    let reply = match tokio::time::timeout(limits::REQUEST_TIMEOUT, app.write(actor.clone(), job)).await {
        Ok(Ok(carried)) => return Carried { activity, ..carried },
        Ok(Err(failure)) => {
            let failure: Failure = failure;
            tracing::error!(channel.slug = %call.channel.slug, activity, "a marketplace's call failed: {failure}");
            Reply::of(ResultCode::InternalError)
        }
        Err(_) => {
            tracing::error!(channel.slug = %call.channel.slug, activity, "a marketplace's call took too long");
            Reply::new(ResultCode::InternalError, "It took too long; try again.")
        }
    };
    // Not awaited for the answer: the database that failed may keep it waiting.
    let (app, told) = (app.clone(), reply.clone());
    tokio::spawn(async move { record_failure(&app, actor, call, parsed, told).await }.in_current_span());
    Carried { activity, debug: false, reply }
}

/// What came of a call.
#[derive(Debug)]
struct Carried {
    activity: &'static str,
    debug: bool,
    reply: Reply,
}

/// Writes an authentic call that failed into the message log, with an alert: nothing of the call itself was stored, and
/// the marketplace may not come again.
async fn record_failure(
    app: &App,
    actor: Actor,
    call: Arc<Owned>,
    parsed: Arc<Result<Call, protocol::Rejected>>,
    reply: Reply,
) {
    let job = move |tx: &mut Tx, ctx: Context| {
        let transaction = Transaction { channel: &call.channel, call: &call };
        let mut message = transaction.message(ctx, &reply);
        if let Ok(parsed) = &*parsed {
            message.activity = Some(parsed.activity.as_str().to_owned());
            message.order_id.clone_from(&parsed.appear.order_id);
            message.instance_id.clone_from(&parsed.appear.instance_id);
            message.debug = parsed.debug;
        }
        if !message.debug {
            let order_id = message.order_id.as_deref();
            let detail = serde_json::json!({ "activity": message.activity, "instance_id": message.instance_id });
            let about = About { channel: Some(&call.channel.slug), order_id, detail, ..About::default() };
            alert::raise(tx, ctx, AlertKind::CallFailed, &about)?;
        }
        inbound::record(tx, &message)
    };
    if let Err(failure) = app.write(actor, job).await {
        let failure: Failure = failure;
        tracing::error!("a failed call could not be logged: {failure}");
    }
}

/// A call as it came and what its authentication told, owned, because a transaction may run more than once.
#[derive(Debug)]
struct Owned {
    channel: Channel,
    key: SecretString,
    received: Received,
    authentic: Authentic,
    started: Instant,
}

/// One run of the transaction: everything it needs, nothing it may change.
#[derive(Debug, Clone, Copy)]
struct Transaction<'a> {
    channel: &'a Channel,
    call: &'a Owned,
}

impl Transaction<'_> {
    fn run(self, tx: &mut Tx, ctx: Context, call: &Call) -> Result<Carried, Failure> {
        let inbound = Inbound {
            event: call.event.clone(),
            signed_at: self.call.authentic.signed_at,
            debug: call.debug,
            nonce: self.nonce(),
            notes: call.notes.clone(),
        };
        let handled = inbound::handle(tx, ctx, self.channel, &inbound)?;
        let (reply, debug) = match &handled {
            Handled::Replayed => return Ok(self.replayed()),
            Handled::Debug(outcome) => (self.reply(ctx, call, outcome)?, true),
            Handled::Real(outcome) => (self.reply(ctx, call, outcome)?, false),
        };
        let message = MessageRecord {
            activity: Some(call.activity.as_str().to_owned()),
            order_id: call.appear.order_id.clone(),
            instance_id: reply.instance_id().map(ToOwned::to_owned).or_else(|| call.appear.instance_id.clone()),
            license_id: ctx.journal.license(),
            debug,
            change: ctx.journal.told(),
            ..self.message(ctx, &reply)
        };
        inbound::record(tx, &message)?;
        Ok(Carried { activity: "", debug, reply })
    }

    /// Authentic but unreadable: refused, and kept so that the merchant can see why. A call that may come only once is
    /// also an alert.
    fn reject(self, tx: &mut Tx, ctx: Context, rejected: &protocol::Rejected) -> Result<Carried, Failure> {
        if !inbound::use_nonce(tx, &self.channel.slug, self.nonce().as_ref())? {
            return Ok(self.replayed());
        }
        let reply = Reply::new(ResultCode::IllegalParameter, &rejected.to_string());
        let message = MessageRecord { activity: rejected.activity.clone(), ..self.message(ctx, &reply) };
        inbound::record(tx, &message)?;
        if rejected.activity.as_deref().is_some_and(comes_once) {
            let detail = serde_json::json!({ "activity": rejected.activity, "reason": rejected.reason });
            let about = About { channel: Some(&self.channel.slug), detail, ..About::default() };
            alert::raise(tx, ctx, AlertKind::CallRejected, &about)?;
        }
        Ok(Carried { activity: "", debug: false, reply })
    }

    fn reply(self, ctx: Context, call: &Call, outcome: &crate::usecase::outcome::Outcome) -> Result<Reply, Failure> {
        let encryption = Encryption {
            key: &self.call.key,
            kind: self.channel.encrypt_type,
            seed: ctx.installation.credential_seed(),
        };
        answer::reply(call, outcome, encryption)
            .map_err(|error| Failure::Missing(format!("the answer cannot be sent: {error}")))
    }

    /// A copy of a call: refused and counted. Whoever has one copy can send a million, so none is stored.
    fn replayed(self) -> Carried {
        let labels = [("channel", self.channel.slug.to_string()), ("kind", "replay".to_owned())];
        metrics::counter!("signet_marketplace_authentication_failures_total", &labels).increment(1);
        let message = "This nonce was used before: the call is a replay.";
        Carried { activity: "", debug: false, reply: Reply::new(ResultCode::AuthenticationFailed, message) }
    }

    /// The nonce, kept until no copy of the call can pass the clock window any more.
    fn nonce(self) -> Option<(String, Time)> {
        let nonce = self.call.authentic.nonce.clone()?;
        let window = self.channel.windows().v2;
        Some((nonce, self.call.authentic.signed_at.saturating_add(window).saturating_add(window)))
    }

    fn message(self, ctx: Context, reply: &Reply) -> MessageRecord {
        let Owned { received, authentic, started, .. } = self.call;
        message(ctx, &self.channel.slug, received, authentic.transport, reply, *started)
    }
}

/// Activities that the marketplace may call only once: a refused one is gone.
fn comes_once(activity: &str) -> bool {
    ["refresh", "expire", "release"].iter().any(|verb| activity.starts_with(verb))
}

fn message(
    ctx: Context,
    channel: &Slug,
    received: &Received,
    transport: Transport,
    reply: &Reply,
    started: Instant,
) -> MessageRecord {
    MessageRecord {
        id: MessageId::new(ctx.now, ctx.entropy),
        channel: channel.clone(),
        received_at: ctx.now,
        transport: transport.as_str().to_owned(),
        activity: None,
        order_id: None,
        instance_id: None,
        license_id: None,
        debug: false,
        result_code: reply.code().as_str().to_owned(),
        result_msg: reply.message().to_owned(),
        change: None,
        duration_us: i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX),
        request: redact(&received.raw()),
    }
}

/// Writes one failed authentication a minute and channel into the message log; all are counted.
async fn sample_failure(app: &App, channel: &Slug, received: &Received, reply: &Reply, started: Instant) {
    if !app.sample_authentication_failure(channel) {
        return;
    }
    let transport = if received.method == "POST" { Transport::V2 } else { Transport::V1 };
    let (slug, received) = (
        channel.clone(),
        Received { body: received.body.clone(), method: received.method.clone(), query: received.query.clone() },
    );
    let reply = reply.clone();
    let job = move |tx: &mut Tx, ctx: Context| {
        inbound::record(tx, &message(ctx, &slug, &received, transport, &reply, started))
    };
    if let Err(failure) = app.write(Actor::Signet, job).await {
        let failure: Failure = failure;
        tracing::warn!("a failed authentication could not be logged: {failure}");
    }
}

fn signed(reply: Reply, key: &SecretString) -> Response {
    let bytes = reply.into_bytes();
    let signature = HeaderValue::from_str(&body_sign(key, &bytes));
    let mut response = json(bytes);
    if let Ok(signature) = signature {
        response.headers_mut().insert(BODY_SIGN, signature);
    }
    response
}

fn json(bytes: Vec<u8>) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response()
}
