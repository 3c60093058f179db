//! The marketplace as one product sees it: signs calls with the product's key and sends them to its URL.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    call::Call,
    clock::{Clock, millis_text},
    form,
    http::Client,
    line::{Line, Transport},
    random::Random,
    reply::{NoAnswer, Reply},
    request::{self, PreparedRequest},
    sign::{self, AccessKey},
    verdict::{Expectation, Verdict},
};

/// How long the marketplace waits for an answer.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The URL of a product's production system cannot be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} is not a URL that can be called ({reason}): give the whole address, such as https://example.com/path")]
pub struct BadUrl {
    url: String,
    reason: String,
}

/// One product's connection to the marketplace. Clones share connections and nonces.
#[derive(Debug, Clone)]
pub struct Marketplace {
    url: Url,
    key: AccessKey,
    line: Line,
    clock: Clock,
    debug: bool,
    timeout: Duration,
    client: Client,
    random: Arc<Random>,
    /// The milliseconds the last call was signed for.
    last_signed: Arc<AtomicI64>,
}

/// Collects a [`Marketplace`]'s settings.
#[derive(Debug)]
pub struct MarketplaceBuilder {
    url: String,
    key: AccessKey,
    line: Line,
    clock: Clock,
    debug: bool,
    timeout: Duration,
    client: Client,
}

impl MarketplaceBuilder {
    /// The clock calls are signed by; the machine's by default.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Lets the clock run off by that much.
    #[must_use]
    pub fn skew(mut self, skew: SignedDuration) -> Self {
        self.clock = self.clock.with_skew(skew);
        self
    }

    /// Sends every call as a debug call (`testFlag=1`).
    #[must_use]
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = debug;
        self
    }

    /// How long to wait for an answer; 5 s by default, as the marketplace. A longer wait shows how slow a slow answer
    /// is; the verdict still fails it.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Shares the connections, and the TLS settings, of `client`.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.client = client;
        self
    }

    /// The finished marketplace.
    ///
    /// # Errors
    /// [`BadUrl`] when the URL is not an absolute http or https address.
    pub fn build(self) -> Result<Marketplace, BadUrl> {
        let bad = |reason: String| BadUrl { url: self.url.clone(), reason };
        let url = Url::parse(&self.url).map_err(|error| bad(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("neither http nor https".to_owned()));
        }
        let Self { key, line, clock, debug, timeout, client, .. } = self;
        let random = Arc::new(Random::from_system());
        let last_signed = Arc::new(AtomicI64::new(i64::MIN));
        Ok(Marketplace { url, key, line, clock, debug, timeout, client, random, last_signed })
    }
}

/// A request and what came back.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What was sent.
    pub request: PreparedRequest,
    /// The answer, or why there was none.
    pub answer: Result<Reply, NoAnswer>,
}

impl Marketplace {
    /// Starts a marketplace for the product at `url` with `key`.
    pub fn builder(url: &str, key: AccessKey, line: Line) -> MarketplaceBuilder {
        MarketplaceBuilder {
            url: url.to_owned(),
            key,
            line,
            clock: Clock::machine(),
            debug: false,
            timeout: PATIENCE,
            client: Client::new(),
        }
    }

    /// The product line.
    pub fn line(&self) -> Line {
        self.line
    }

    /// The product's URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The product's key, to check or make signatures by hand.
    pub fn key(&self) -> &AccessKey {
        &self.key
    }

    /// The time the marketplace believes it is.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How long this marketplace waits for an answer.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The same marketplace with another key: every signature will be wrong.
    #[must_use]
    pub fn with_key(&self, key: AccessKey) -> Self {
        Self { key, ..self.clone() }
    }

    /// The same marketplace whose calls are all debug calls.
    #[must_use]
    pub fn debugging(&self) -> Self {
        Self { debug: true, ..self.clone() }
    }

    /// Signs `call` for now, with a fresh `businessId` and nonce. Two calls are never signed for the same
    /// millisecond, because the order of two changes of state is told by their signed times: under a clock that
    /// stands still they are 1 ms apart.
    pub fn prepare(&self, call: &Call) -> PreparedRequest {
        let now = self.now().as_millisecond();
        let next = |last: i64| if (now..now + 1_000).contains(&last) { last + 1 } else { now };
        let update = |last| Some(next(last));
        let last = self.last_signed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
        let at = last.map_or(now, next);
        self.prepare_at(call, Timestamp::from_millisecond(at).unwrap_or(Timestamp::MAX))
    }

    /// Signs `call` as at the given time.
    pub fn prepare_at(&self, call: &Call, at: Timestamp) -> PreparedRequest {
        let parameters = call.parameters(self.debug, &self.fresh_id());
        match call.line().transport() {
            Transport::V1 => self.sign_get(parameters, at),
            Transport::V2 => {
                let body: Map<_, _> =
                    parameters.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
                let prepared = self.sign_post(Value::Object(body).to_string().into_bytes(), at);
                let activity = call.activity().as_str().to_owned();
                PreparedRequest { activity, summary: request::summary(&parameters), ..prepared }
            }
        }
    }

    /// Signs any query parameters as a V1 call; the URL's own parameters are part of what is signed.
    pub fn sign_get(&self, parameters: Vec<(String, String)>, at: Timestamp) -> PreparedRequest {
        let summary = request::summary(&parameters);
        let activity = parameters.iter().find(|(name, _)| name == "activity").map(|(_, value)| value.clone());
        let mut all: Vec<(String, String)> = self.url.query_pairs().into_owned().collect();
        all.extend(parameters);
        let time_stamp = millis_text(at);
        all.push(("timeStamp".to_owned(), time_stamp.clone()));
        let token = sign::auth_token(&self.key, &time_stamp, &all);
        all.push(("authToken".to_owned(), token));
        self.request("GET", &all, Vec::new(), at, activity.unwrap_or_default(), summary)
    }

    /// Signs any body as a V2 call, also one that is no JSON.
    pub fn sign_post(&self, body: Vec<u8>, at: Timestamp) -> PreparedRequest {
        self.sign_post_with_nonce(body, at, &self.random.letters(32))
    }

    /// Signs any body as a V2 call under a nonce of the caller's choice.
    pub fn sign_post_with_nonce(&self, body: Vec<u8>, at: Timestamp, nonce: &str) -> PreparedRequest {
        let timestamp = at.as_millisecond().to_string();
        let signature = sign::signature(&self.key, nonce, &timestamp, &body);
        let mut all: Vec<(String, String)> = self.url.query_pairs().into_owned().collect();
        all.push(("signature".to_owned(), signature));
        all.push(("timestamp".to_owned(), timestamp));
        all.push(("nonce".to_owned(), nonce.to_owned()));
        self.request("POST", &all, body, at, String::new(), String::new())
    }

    fn request(
        &self,
        method: &str,
        query: &[(String, String)],
        body: Vec<u8>,
        signed_at: Timestamp,
        activity: String,
        summary: String,
    ) -> PreparedRequest {
        let mut url = self.url.clone();
        url.set_query(Some(&form::query(query)));
        let mut headers = vec![("Accept".to_owned(), "application/json".to_owned())];
        if method == "POST" {
            headers.push(("Content-Type".to_owned(), "application/json;charset=utf8".to_owned()));
        }
        PreparedRequest { line: self.line, activity, method: method.to_owned(), url, headers, body, signed_at, summary }
    }

    /// Sends a signed request once.
    pub async fn send(&self, request: &PreparedRequest) -> Exchange {
        let answer = self.client.exchange(request, self.timeout).await;
        Exchange { request: request.clone(), answer }
    }

    /// Sends a signed request and hangs up without reading the answer.
    ///
    /// # Errors
    /// [`NoAnswer`] when the request could not even be sent.
    pub async fn send_and_hang_up(&self, request: &PreparedRequest) -> Result<(), NoAnswer> {
        self.client.send_and_hang_up(request, self.timeout).await
    }

    /// Signs and sends `call`. When a kept connection turns out to be closed, it is signed anew and sent once more:
    /// the same nonce twice would rightly be refused had the first one arrived.
    pub async fn call(&self, call: &Call) -> Exchange {
        let exchange = self.send(&self.prepare(call)).await;
        match exchange.answer {
            Err(NoAnswer::Closed { received: 0, reused: true, .. }) => self.send(&self.prepare(call)).await,
            _ => exchange,
        }
    }

    /// Judges an answer to `call` as the marketplace would.
    pub fn judge(&self, call: &Call, exchange: &Exchange) -> Verdict {
        self.judge_against(&Expectation::success_of(call), exchange)
    }

    /// Judges an answer against any expectation.
    pub fn judge_against(&self, expectation: &Expectation, exchange: &Exchange) -> Verdict {
        Verdict::of(self.line, &self.key, expectation, exchange)
    }

    fn fresh_id(&self) -> String {
        self.random.letters(32).to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests;
