//! One request, one bounded answer.

use bytes::Bytes;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use std::time::Duration;

use reqwest::{Method, Url, redirect::Policy};

use crate::base::limits;

use super::guard::{Guard, Refused};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// Sends requests, each over a connection of its own. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    guard: Guard,
}

/// What is sent. Exactly these headers, beside what HTTP itself needs.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers, as they were signed.
    pub headers: Vec<(String, String)>,
    /// The body, as it was signed.
    pub body: Vec<u8>,
    /// How long the whole exchange may take.
    pub timeout: Duration,
}

/// Headers and bodies carry signatures, tokens and passwords.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        f.debug_struct("Request").field("method", &self.method).field("host", &host).finish_non_exhaustive()
    }
}

/// What came back.
#[derive(Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, with names in lower case; values that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// The body, at most [`limits::OUTBOUND_ANSWER_BYTES`].
    pub body: Vec<u8>,
}

/// Bodies can repeat what was sent.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

impl Answer {
    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no answer. Whether the request arrived is unknown unless [`Unreachable::was_not_sent`] says so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// The address must not be reached.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No connection: the name is unknown, nobody listens, or TLS failed.
    #[error("no connection to {host}: {reason}")]
    NoConnection {
        /// Where to.
        host: String,
        /// What the system says.
        reason: String,
    },
    /// The answer did not come, or not whole, in time.
    #[error("{host} did not answer in time or broke off: {reason}")]
    NoAnswer {
        /// Where to.
        host: String,
        /// What the system says.
        reason: String,
    },
    /// The answer is larger than anything a cloud has to say.
    #[error("{host} answered with more than {limit} bytes")]
    TooLarge {
        /// Where to.
        host: String,
        /// Bytes that are read.
        limit: usize,
    },
}

impl Unreachable {
    /// Whether the request certainly never reached anybody.
    pub fn was_not_sent(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::NoConnection { .. })
    }
}

impl Client {
    /// A client that reaches what `guard` allows.
    ///
    /// # Errors
    /// When the system's certificates cannot be loaded.
    pub fn new(guard: Guard) -> Result<Self, reqwest::Error> {
        // Whoever made a client before has chosen the same; a second choice is refused, and means nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            // A connection that was idle may be closed by its other end while a call is being written: of an order nobody
            // would know what became of it. A handshake costs less than the minutes in which it is looked for.
            .pool_max_idle_per_host(0)
            .dns_resolver(std::sync::Arc::new(guard.clone()))
            .build()?;
        Ok(Self { http, guard })
    }

    /// Sends `request` once.
    ///
    /// # Errors
    /// [`Unreachable`]; an answer with any HTTP status is no error here.
    pub async fn send(&self, request: Request) -> Result<Answer, Unreachable> {
        let (host, mut response) = self.begin(request, true).await?;
        let status = response.status().as_u16();
        let text = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let headers = response.headers().iter().filter_map(text).collect();
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| unreachable(&host, &error))? {
            if body.len() + piece.len() > limits::OUTBOUND_ANSWER_BYTES {
                return Err(Unreachable::TooLarge { host, limit: limits::OUTBOUND_ANSWER_BYTES });
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status, headers, body })
    }

    /// Sends `request` once and answers with its status, how long it says that its body is, and the body as it comes, however long that takes: for each
    /// piece the request's time-out begins anew.
    ///
    /// # Errors
    /// [`Unreachable`]; an answer with any HTTP status is no error here.
    pub async fn open(
        &self,
        request: Request,
    ) -> Result<(u16, Option<u64>, BoxStream<'static, Result<Bytes, Unreachable>>), Unreachable> {
        let patience = request.timeout;
        let (host, response) = self.begin(request, false).await?;
        let (status, length) = (response.status().as_u16(), response.content_length());
        let body =
            stream::try_unfold((host, response), move |(host, mut response): (String, reqwest::Response)| async move {
                let late =
                    |_| Unreachable::NoAnswer { host: host.clone(), reason: "the body stopped coming".to_owned() };
                let piece = tokio::time::timeout(patience, response.chunk()).await.map_err(late)?;
                let piece = piece.map_err(|error| unreachable(&host, &error))?;
                Ok(piece.map(|piece| (piece, (host, response))))
            });
        Ok((status, length, body.boxed()))
    }

    /// Sends the request; `whole`: its time-out counts for the body too.
    async fn begin(&self, request: Request, whole: bool) -> Result<(String, reqwest::Response), Unreachable> {
        let host = request.url.host_str().unwrap_or_default().to_owned();
        // The resolver is never asked about an address that stands in the URL itself.
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            self.guard.check(address)?;
        }
        let mut building = self.http.request(request.method, request.url).body(request.body);
        if whole {
            building = building.timeout(request.timeout);
        }
        for (name, value) in request.headers {
            building = building.header(name, value);
        }
        let late = |_| Unreachable::NoAnswer { host: host.clone(), reason: "no answer in time".to_owned() };
        let sent = tokio::time::timeout(request.timeout, building.send()).await.map_err(late)?;
        let response = sent.map_err(|error| unreachable(&host, &error))?;
        Ok((host, response))
    }
}

/// Never with the URL, whose query may be signed.
fn unreachable(host: &str, error: &reqwest::Error) -> Unreachable {
    let mut reason = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return Unreachable::Refused(*refused);
        }
        reason = error.to_string();
        cause = error.source();
    }
    let host = host.to_owned();
    if error.is_connect() && !error.is_timeout() {
        Unreachable::NoConnection { host, reason }
    } else {
        Unreachable::NoAnswer { host, reason }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::base::networks::Networks;

    /// Regression: a cloud closed a connection that it had called persistent, and an order was lost with it.
    #[tokio::test]
    async fn regression_each_call_has_a_connection_of_its_own() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 4_096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                // What comes next on the same connection is never answered.
                let _ = stream.read(&mut head).await;
            }
        });
        let client = Client::new(Guard::new(Networks::parse(&["127.0.0.1".to_owned()]).unwrap())).unwrap();
        for call in 0..3 {
            let request = Request {
                method: Method::POST,
                url: Url::parse(&format!("http://{address}/")).unwrap(),
                headers: vec![],
                body: b"order".to_vec(),
                timeout: Duration::from_secs(10),
            };
            let answer = client.send(request).await.unwrap_or_else(|error| panic!("call {call}: {error}"));
            assert_eq!(answer.body, b"ok");
        }
    }
}
