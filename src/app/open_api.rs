//! Asks the marketplace's open interfaces on behalf of a channel: signed, bounded, and never more often than it may.

use std::time::Duration;

use jiff::{SignedDuration, fmt::rfc2822};
use serde_json::Value;

use crate::{
    base::{limits, rate::Limiter, secret::ExposeSecret, slug::Slug, time::Time},
    catalog::Channel,
    http::{Answer, Method, Request, Unreachable, sdk_hmac},
    marketplace::koogallery::open::{
        Call, Repeat,
        refusal::{self, Refusal, RefusalKind},
    },
    usecase::installation::OpenApiKeys,
};

use super::App;

/// How long one exchange may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Pauses before a call is sent again that was not answered, or was answered with a trouble that passes.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];
/// How old a signature may be at the gateway: a clock that is further off is the reason of its refusal.
const SIGNATURE_AGE: SignedDuration = SignedDuration::from_mins(15);

/// What all channels share.
#[derive(Debug)]
pub(super) struct OpenApi {
    /// Calls of each channel.
    budget: Option<Limiter<Slug>>,
}

impl OpenApi {
    pub(super) fn new() -> Self {
        Self { budget: Limiter::new(limits::OPEN_API_CALLS) }
    }
}

/// Why the marketplace did not tell what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTold {
    /// The channel has no `open_api`, or its keys cannot be read.
    #[error(
        "the channel has no credentials for the marketplace's open interfaces: see `open_api` in the catalog, and the log"
    )]
    NoCredentials,
    /// This service asked too often.
    #[error("the marketplace was asked too often for this channel: it is asked again in {0} s")]
    TooOften(u64),
    /// It refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It did not answer.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
}

impl NotTold {
    /// Whether nothing was asked, because this service asked enough for the moment.
    pub fn was_held_back(&self) -> bool {
        matches!(self, Self::TooOften(_))
    }

    /// Whether the same call is useless until somebody changes something.
    pub fn lasts(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.kind.lasts())
    }

    /// Whether the marketplace certainly did nothing.
    pub fn was_not_done(&self) -> bool {
        match self {
            Self::NoCredentials | Self::TooOften(_) => true,
            Self::Refused(refusal) => !matches!(refusal.kind, RefusalKind::Internal | RefusalKind::Unexpected),
            Self::Unreachable(why) => why.was_not_sent(),
        }
    }

    /// Whether the same call may succeed a little later.
    fn passes(&self) -> bool {
        match self {
            // Who asks too often is not asked again at once.
            Self::Refused(refusal) => refusal.kind.passes() && refusal.kind != RefusalKind::Busy,
            Self::Unreachable(why) => !matches!(why, Unreachable::Refused(_) | Unreachable::TooLarge { .. }),
            Self::NoCredentials | Self::TooOften(_) => false,
        }
    }
}

impl App {
    /// Asks the marketplace of `channel`. A trouble that passes is waited out for a few seconds, where the call may be sent again.
    ///
    /// # Errors
    /// [`NotTold`]; never with what was signed.
    pub async fn ask_marketplace(&self, channel: &Channel, call: &Call) -> Result<Value, NotTold> {
        let installation = self.installation();
        let site = channel.open_api.as_ref().map(|it| &it.host).ok_or(NotTold::NoCredentials)?;
        let keys = installation.open_api_keys.get(&channel.slug).ok_or(NotTold::NoCredentials)?;
        let mut pauses = PAUSES.iter();
        loop {
            if let Some(budget) = &self.0.open_api.budget {
                budget.charge(&channel.slug).map_err(|exhausted| NotTold::TooOften(exhausted.wait))?;
            }
            let told = self.ask_once(&site.addresses(), keys, call).await;
            let Err(why) = told else { return told };
            match pauses.next().filter(|_| call.repeat == Repeat::Harmless && why.passes()) {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(why),
            }
        }
    }

    /// Asks at the first address to which there is a connection.
    async fn ask_once(&self, addresses: &[String], keys: &OpenApiKeys, call: &Call) -> Result<Value, NotTold> {
        let mut last = NotTold::NoCredentials;
        for address in addresses {
            let Some(request) = signed(address, keys, call, self.now()) else { continue };
            match self.0.parts.http.send(request).await {
                Ok(answer) => return judged(&answer, self.now()),
                Err(why @ Unreachable::NoConnection { .. }) => last = why.into(),
                Err(why) => return Err(why.into()),
            }
        }
        Err(last)
    }
}

fn signed(address: &str, keys: &OpenApiKeys, call: &Call, now: Time) -> Option<Request> {
    let query = sdk_hmac::query_string(&call.query);
    let mark = if query.is_empty() { "" } else { "?" };
    let url: crate::http::Url = format!("{address}{}{mark}{query}", call.path).parse().ok()?;
    let host = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str()?),
        None => url.host_str()?.to_owned(),
    };
    let header = |name: &str, value: String| (name.to_owned(), value);
    let mut headers = vec![
        header("content-type", call.content_type.clone()),
        header("host", host),
        header(sdk_hmac::DATE, sdk_hmac::date(now)),
    ];
    let message = sdk_hmac::Message {
        method: call.method,
        path: &call.path,
        query: &call.query,
        headers: &headers,
        body: &call.body,
    };
    let authorization = sdk_hmac::authorization(keys.access_key.expose_secret(), &keys.secret_key, message);
    headers.push(header("authorization", authorization));
    headers.extend(call.headers.iter().cloned());
    let method = if call.method == "GET" { Method::GET } else { Method::POST };
    Some(Request { method, url, headers, body: call.body.clone(), timeout: PATIENCE })
}

fn judged(answer: &Answer, now: Time) -> Result<Value, NotTold> {
    refusal::judge(answer.status, &answer.body).map_err(|refusal| {
        let skewed = refusal.kind == RefusalKind::Credentials && is_off(answer, now);
        NotTold::Refused(if skewed { Refusal { kind: RefusalKind::Clock, ..refusal } } else { refusal })
    })
}

/// Whether this machine's clock and the marketplace's are too far apart for a signature.
fn is_off(answer: &Answer, now: Time) -> bool {
    let date = answer.header("date").and_then(|text| rfc2822::parse(text).ok());
    date.is_some_and(|date| (now.as_seconds() - date.timestamp().as_second()).abs() > SIGNATURE_AGE.as_secs())
}
