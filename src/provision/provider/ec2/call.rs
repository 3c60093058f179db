//! One call: signed, sent, repeated where that does no harm, and read.

use std::time::Duration;

use crate::{
    base::{entropy::Entropy, secret::ExposeSecret, time::Time},
    http::{Answer as HttpAnswer, Method, Request, Unreachable, Url},
    provision::provider::{
        Answer,
        error::{CloudError, Trouble},
    },
};

use super::{
    Ec2,
    form::Form,
    refusal::Refusal,
    scrub::Scrub,
    sign::{Signing, signed},
    xml::Element,
};

/// How long one exchange may take: a page of flavors is slow on some clouds.
const TIMEOUT: Duration = Duration::from_secs(45);
/// How often a call is sent at most.
const TRIES: u32 = 5;
/// The first wait is at most this long; each further one at most twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Seconds by which clocks may differ: signatures hold 5 minutes.
const SKEW_SECONDS: i64 = 300;
/// The compute interface's version.
const COMPUTE_VERSION: &str = "2016-11-15";
/// The token service's.
const STS_VERSION: &str = "2011-06-15";
const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// Whether a call may be sent again when its answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It changes nothing, or the same thing only once.
    Harmless,
    /// It would do it twice: a lost answer is [`Trouble::Unknown`].
    Never,
}

/// A compute call of `action`.
pub fn compute(action: &str) -> Form {
    Form::new(action, COMPUTE_VERSION)
}

/// A call of the token service.
pub fn sts(action: &str) -> Form {
    Form::new(action, STS_VERSION)
}

impl Ec2 {
    /// Calls the compute interface and answers the root of what it says.
    pub(super) async fn call(&self, form: &Form) -> Answer<Element> {
        self.repeat(&self.endpoint.compute, "ec2", form, &[]).await
    }

    /// The same at the token service, whose address is `url`.
    pub(super) async fn call_sts(&self, url: &Url, form: &Form) -> Answer<Element> {
        self.repeat(url, "sts", form, &[]).await
    }

    /// The same with what must not be shown in errors.
    pub(super) async fn call_hiding(&self, form: &Form, secrets: &[&str], repeat: Repeat) -> Answer<Element> {
        match repeat {
            Repeat::Harmless => self.repeat(&self.endpoint.compute, "ec2", form, secrets).await,
            Repeat::Never => self.once(&self.endpoint.compute, "ec2", form, secrets, Repeat::Never).await,
        }
    }

    /// All pages of a list: `pages` of at most, each with at most `size` members.
    pub(super) async fn pages(&self, form: &Form, size: u32, pages: u32) -> Answer<Vec<Element>> {
        let mut found = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..pages {
            let mut page = form.clone().with("MaxResults", size.to_string());
            if let Some(token) = &next {
                page = page.with("NextToken", token);
            }
            let answer = self.call(&page).await?;
            next = answer.text("nextToken").map(str::to_owned);
            found.push(answer);
            if next.is_none() {
                break;
            }
        }
        Ok(found)
    }

    async fn repeat(&self, url: &Url, service: &str, form: &Form, secrets: &[&str]) -> Answer<Element> {
        let mut longest = FIRST_WAIT;
        for _ in 1..TRIES {
            match self.once(url, service, form, secrets, Repeat::Harmless).await {
                Err(error) if error.trouble.passes() => {}
                done => return done,
            }
            tokio::time::sleep(some_of(longest, &*self.entropy)).await;
            longest *= 2;
        }
        self.once(url, service, form, secrets, Repeat::Harmless).await
    }

    async fn once(&self, url: &Url, service: &str, form: &Form, secrets: &[&str], repeat: Repeat) -> Answer<Element> {
        let now = self.clock.now();
        let body = form.encode();
        let signing = Signing { region: &self.endpoint.region, service, now };
        let headers =
            signed(&self.credentials, signing, url.as_str(), &[("content-type", CONTENT_TYPE)], body.as_bytes());
        let headers = headers.ok_or_else(|| {
            CloudError::new(Trouble::Credentials, "The access key or the token has characters that cannot be sent.")
        })?;
        let request =
            Request { method: Method::POST, url: url.clone(), headers, body: body.into_bytes(), timeout: TIMEOUT };
        let answer = self.http.send(request).await.map_err(|error| unreachable(&error, repeat))?;
        self.read(&answer, now, secrets, repeat)
    }

    fn read(&self, answer: &HttpAnswer, now: Time, secrets: &[&str], repeat: Repeat) -> Answer<Element> {
        if (200..300).contains(&answer.status) {
            return Element::parse(&answer.body).map_err(|_| {
                let trouble = if repeat == Repeat::Never { Trouble::Unknown } else { Trouble::Unavailable };
                CloudError::new(trouble, "The cloud's answer is no XML: is this the address of its compute interface?")
            });
        }
        let refusal = Refusal::parse(&answer.body);
        let mut trouble = refusal.trouble(answer.status, self.credentials.session_token.is_some());
        if trouble == Trouble::Credentials && skewed(answer, now) {
            trouble = Trouble::Clock;
        }
        if trouble == Trouble::Unavailable && repeat == Repeat::Never {
            trouble = Trouble::Unknown;
        }
        let scrub = self.scrub(secrets);
        let message = match &refusal.message {
            Some(message) => scrub.clean(message),
            None => format!("The cloud answered with HTTP status {} and without an explanation.", answer.status),
        };
        let name = |text: String| scrub.clean(&text).chars().filter(|char| !char.is_control()).take(128).collect();
        Err(CloudError::new(trouble, &message).with(refusal.code.map(name), refusal.request_id.map(name)))
    }

    fn scrub(&self, secrets: &[&str]) -> Scrub {
        let mut scrub = Scrub::default();
        scrub.add_key(&self.credentials.access_key);
        scrub.add_key(self.credentials.secret_key.expose_secret());
        if let Some(token) = &self.credentials.session_token {
            scrub.add_key(token.expose_secret());
        }
        secrets.iter().for_each(|secret| scrub.add_text(secret));
        scrub
    }
}

/// Between half of `longest` and all of it, so that those who were refused together do not come back together.
fn some_of(longest: Duration, entropy: &dyn Entropy) -> Duration {
    let [byte] = entropy.bytes::<1>();
    longest / 2 + longest / 2 * u32::from(byte) / 255
}

fn unreachable(error: &Unreachable, repeat: Repeat) -> CloudError {
    let trouble = match error {
        Unreachable::Refused(_) => Trouble::Endpoint,
        _ if repeat == Repeat::Never && !error.was_not_sent() => Trouble::Unknown,
        Unreachable::TooLarge { .. } => Trouble::Unexpected,
        Unreachable::NoConnection { .. } | Unreachable::NoAnswer { .. } => Trouble::Unavailable,
    };
    CloudError::new(trouble, &error.to_string())
}

/// Whether the cloud's clock shows something else than ours: it then calls signatures wrong.
fn skewed(answer: &HttpAnswer, now: Time) -> bool {
    let date = answer.header("date").and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
    date.is_some_and(|date| Time::from(date.timestamp()).since(now).as_secs().abs() > SKEW_SECONDS)
}
