//! One call: signed, sent, repeated where that does no harm, and read.

use serde_json::Value;

use crate::{
    base::{secret::ExposeSecret, time::Time},
    http::{
        Answer as HttpAnswer, Method, Request,
        sdk_hmac::{self, Message, authorization, query_string},
    },
    provision::provider::{
        Answer,
        error::{CloudError, Trouble, UNSENDABLE},
        retry::{Repeat, TIMEOUT, skewed},
        scrub::{Said, Scrub},
    },
};

use super::{Huawei, endpoint::Service, refusal::Refusal};

/// Seconds by which clocks may differ: the gateway takes 15 minutes.
const SKEW_SECONDS: i64 = 900;
const CONTENT_TYPE: &str = "application/json;charset=utf8";

/// What is called.
#[derive(Clone)]
pub struct Call {
    service: Service,
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    body: Option<Value>,
    headers: Vec<(String, String)>,
    secrets: Vec<String>,
    pub(super) repeat: Repeat,
}

impl Call {
    /// Asks for something.
    pub fn get(service: Service, path: impl Into<String>) -> Self {
        let (method, path) = (Method::GET, path.into());
        let (query, headers, secrets) = (Vec::new(), Vec::new(), Vec::new());
        Self { service, method, path, query, body: None, headers, secrets, repeat: Repeat::Harmless }
    }

    /// Sends `body`.
    pub fn post(service: Service, path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::POST, body: Some(body), ..Self::get(service, path) }
    }

    /// Deletes something.
    pub fn delete(service: Service, path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, ..Self::get(service, path) }
    }

    /// With a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// With a header, which is signed.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With something that must not be shown in errors.
    #[must_use]
    pub fn hiding(mut self, secret: &str) -> Self {
        self.secrets.push(secret.to_owned());
        self
    }

    /// Sent once.
    #[must_use]
    pub fn once(self) -> Self {
        Self { repeat: Repeat::Never, ..self }
    }
}

impl Huawei {
    /// Calls, repeats what may be repeated, and answers the JSON of what came back (`null` for an empty body).
    pub(super) async fn call(&self, call: &Call) -> Answer<Value> {
        call.repeat.until_done(&*self.tools.entropy, || self.exchange(call)).await
    }

    async fn exchange(&self, call: &Call) -> Answer<Value> {
        let now = self.tools.clock.now();
        let request = self.request(call, now)?;
        let answer = self.tools.http.send(request).await.map_err(|error| call.repeat.unreachable(&error));
        let read = answer.and_then(|answer| self.read(&answer, call, now));
        read.map_err(|error| if self.endpoint.is_unlisted() { error.of_unlisted() } else { error })
    }

    fn request(&self, call: &Call, now: Time) -> Answer<Request> {
        let mut url = self.endpoint.url(call.service)?;
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{}", call.path));
        let query = query_string(&call.query);
        url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
        let host = match (url.host_str().unwrap_or_default(), url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        let mut headers = vec![("host".to_owned(), host), (sdk_hmac::DATE.to_owned(), sdk_hmac::date(now))];
        headers.push(("content-type".to_owned(), CONTENT_TYPE.to_owned()));
        headers.extend(call.headers.iter().cloned());
        if let Some(token) = &self.credentials.session_token {
            headers.push(("x-security-token".to_owned(), token.expose_secret().to_owned()));
        }
        let body = call.body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let message = Message {
            method: call.method.as_str(),
            path: url.path(),
            query: &call.query,
            headers: &headers,
            body: &body,
        };
        let authorization = authorization(&self.credentials.access_key, &self.credentials.secret_key, message);
        headers.push(("authorization".to_owned(), authorization));
        let sound = |value: &str| value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if !headers.iter().all(|(_, value)| sound(value)) {
            return Err(CloudError::new(Trouble::Credentials, UNSENDABLE));
        }
        Ok(Request { method: call.method.clone(), url, headers, body, timeout: TIMEOUT })
    }

    fn read(&self, answer: &HttpAnswer, call: &Call, now: Time) -> Answer<Value> {
        if (200..300).contains(&answer.status) {
            if answer.body.is_empty() {
                return Ok(Value::Null);
            }
            return serde_json::from_slice(&answer.body).map_err(|_| {
                let trouble = call.repeat.judge(Trouble::Unavailable);
                let message = (
                    "云端的应答不是 JSON：这是它的接口地址吗？",
                    "The cloud's answer is no JSON: is this the address of its interface?",
                );
                CloudError::new(trouble, message)
            });
        }
        let refusal = Refusal::parse(&answer.body);
        let mut trouble = refusal.trouble(answer.status);
        if matches!(trouble, Trouble::Credentials | Trouble::Expired) && skewed(answer, now, SKEW_SECONDS) {
            trouble = Trouble::Clock;
        }
        let mut scrub = Scrub::of(&self.credentials);
        call.secrets.iter().for_each(|secret| scrub.add(secret));
        let Refusal { code, message, request_id } = refusal;
        let request_id = answer.header("x-request-id").map(str::to_owned).or(request_id);
        Err(scrub.error(call.repeat.judge(trouble), Said { status: answer.status, code, message, request_id }))
    }
}
