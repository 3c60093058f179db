//! One call: signed, sent, repeated where that does no harm, and read.

use crate::{
    base::time::Time,
    http::{Answer as HttpAnswer, Method, Request, Url},
    provision::provider::{
        Answer,
        error::{CloudError, TOO_MUCH, Trouble, UNSENDABLE},
        retry::{Repeat, TIMEOUT, skewed},
        scrub::{Said, Scrub},
    },
};

use super::{
    Ec2,
    form::Form,
    refusal::Refusal,
    sign::{Signing, signed},
    xml::{ELEMENTS, Element},
};

/// Seconds by which clocks may differ: signatures hold 5 minutes.
const SKEW_SECONDS: i64 = 300;
/// The compute interface's version.
const COMPUTE_VERSION: &str = "2016-11-15";
/// The token service's.
const STS_VERSION: &str = "2011-06-15";
const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

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
        self.until_done(&self.endpoint.compute, "ec2", form, None, Repeat::Harmless).await
    }

    /// The same at the token service, whose address is `url`.
    pub(super) async fn call_sts(&self, url: &Url, form: &Form) -> Answer<Element> {
        self.until_done(url, "sts", form, None, Repeat::Harmless).await
    }

    /// The same with what must not be shown in errors.
    pub(super) async fn call_hiding(&self, form: &Form, secret: &str, repeat: Repeat) -> Answer<Element> {
        self.until_done(&self.endpoint.compute, "ec2", form, Some(secret), repeat).await
    }

    /// All pages of a list: `pages` of at most, each with at most `size` members, and together no larger than an answer may
    /// be: a page is as long as the cloud makes it, and nobody asks for more than the largest clouds have.
    pub(super) async fn pages(&self, form: &Form, size: u32, pages: u32) -> Answer<Vec<Element>> {
        let mut found = Vec::new();
        let mut next: Option<String> = None;
        let mut elements = 0;
        for _ in 0..pages {
            let mut page = form.clone().with("MaxResults", size.to_string());
            if let Some(token) = &next {
                page = page.with("NextToken", token);
            }
            let answer = self.call(&page).await?;
            next = answer.text("nextToken").map(str::to_owned);
            elements += answer.count();
            if elements > ELEMENTS {
                return Err(CloudError::new(Trouble::Unexpected, TOO_MUCH));
            }
            found.push(answer);
            if next.is_none() {
                break;
            }
        }
        Ok(found)
    }

    async fn until_done(
        &self,
        url: &Url,
        service: &str,
        form: &Form,
        secret: Option<&str>,
        repeat: Repeat,
    ) -> Answer<Element> {
        repeat.until_done(&*self.tools.entropy, || self.exchange(url, service, form, secret, repeat)).await
    }

    async fn exchange(
        &self,
        url: &Url,
        service: &str,
        form: &Form,
        secret: Option<&str>,
        repeat: Repeat,
    ) -> Answer<Element> {
        let now = self.tools.clock.now();
        let body = form.encode();
        let signing = Signing { region: &self.endpoint.region, service, now };
        let headers =
            signed(&self.credentials, signing, url.as_str(), &[("content-type", CONTENT_TYPE)], body.as_bytes());
        let headers = headers.ok_or_else(|| CloudError::new(Trouble::Credentials, UNSENDABLE))?;
        let request =
            Request { method: Method::POST, url: url.clone(), headers, body: body.into_bytes(), timeout: TIMEOUT };
        let answer = self.tools.http.send(request).await.map_err(|error| repeat.unreachable(&error));
        let read = answer.and_then(|answer| self.read(&answer, now, secret, repeat));
        read.map_err(|error| if self.endpoint.unlisted { error.of_unlisted() } else { error })
    }

    fn read(&self, answer: &HttpAnswer, now: Time, secret: Option<&str>, repeat: Repeat) -> Answer<Element> {
        if (200..300).contains(&answer.status) {
            return Element::parse(&answer.body).map_err(|_| {
                let trouble = repeat.judge(Trouble::Unavailable);
                let message = (
                    "云端的应答不是 XML：这是它的计算接口地址吗？",
                    "The cloud's answer is no XML: is this the address of its compute interface?",
                );
                CloudError::new(trouble, message)
            });
        }
        let refusal = Refusal::parse(&answer.body);
        let mut trouble = refusal.trouble(answer.status, self.credentials.session_token.is_some());
        if trouble == Trouble::Credentials && skewed(answer, now, SKEW_SECONDS) {
            trouble = Trouble::Clock;
        }
        let mut scrub = Scrub::of(&self.credentials);
        secret.iter().for_each(|secret| scrub.add(secret));
        let Refusal { code, message, request_id } = refusal;
        Err(scrub.error(repeat.judge(trouble), Said { status: answer.status, code, message, request_id }))
    }
}
