//! The service as the client sees it: four calls, short time-outs, no redirects, bounded answers.
//!
//! Nothing an answer says is believed here: an answer is sorted into what may be a grant, what may be a refusal, and
//! what means nothing. [`super::trust`] decides by the signatures.

use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::{Method, StatusCode, Url, redirect::Policy};
use serde::{Deserialize, Deserializer, Serialize};
use signet_verify::claims::Components;

use crate::base::{
    decimal::Decimal,
    secret::{ExposeSecret, SecretString},
};

/// How long a connection may take: a script waits for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a call may take in all.
const TIMEOUT: Duration = Duration::from_secs(8);
/// Bytes of an answer: the longest carries a lease, a code and a key list.
const ANSWER_BYTES: usize = 256 * 1024;
/// Characters that are shown of a text: the service's own sentences are shorter.
const SHOWN_CHARS: usize = 500;
/// Machines that are shown when no seat is left: the service names no more.
const HOLDERS: usize = crate::base::limits::HOLDERS as usize;

/// What `POST /api/v1/activations` and `…/renew` are asked.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Question {
    /// The product; only of an activation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The software's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What people call the machine; only of an activation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Operating system and processor; only of an activation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Whether this is a container; only of an activation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<bool>,
    /// The machine.
    pub components: Components,
    /// Days to be away with a floating seat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub borrow_days: Option<u16>,
    /// What the answer has to repeat.
    pub nonce: String,
}

/// What `POST /api/v1/activations/{id}/usage` is asked.
#[derive(Debug, Clone, Serialize)]
pub struct Reports<'a> {
    /// The one report.
    pub reports: [UsageReport<'a>; 1],
    /// What the answer has to repeat.
    pub nonce: String,
}

/// What was used.
#[derive(Debug, Clone, Serialize)]
pub struct UsageReport<'a> {
    /// By which a repeat is known.
    pub id: &'a str,
    /// The meter.
    pub meter: &'a str,
    /// How much, as exact text.
    pub amount: Decimal,
}

/// The answer to an activation or a renewal.
#[derive(Debug, Clone, Deserialize)]
pub struct Grant {
    /// `lease+jwt`.
    pub lease: String,
    /// `license+jwt`.
    pub code: String,
    /// `keys+jwt`.
    pub keys: String,
    /// What the customer should know.
    #[serde(default)]
    pub warnings: Vec<Warning>,
}

/// A hint of the service.
#[derive(Debug, Clone, Deserialize)]
pub struct Warning {
    /// In words.
    #[serde(deserialize_with = "words")]
    pub detail: String,
}

/// A problem document of the service, as far as the client reads it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// In words.
    #[serde(deserialize_with = "words")]
    pub detail: String,
    /// The reason's stable name.
    pub reason: Option<String>,
    /// `validation+jwt`.
    pub signed: Option<String>,
    /// `keys+jwt`.
    pub keys: Option<String>,
    /// Who has the seats.
    pub holders: Vec<Holder>,
}

/// Who has a seat.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Holder {
    /// What its machine is called.
    #[serde(deserialize_with = "named")]
    pub name: Option<String>,
    /// Operating system and processor.
    #[serde(deserialize_with = "named")]
    pub platform: Option<String>,
    /// Since when, RFC 3339.
    #[serde(deserialize_with = "named")]
    pub since: Option<String>,
    /// When it asked last, RFC 3339.
    #[serde(deserialize_with = "named")]
    pub last_seen_at: Option<String>,
}

/// Words to be shown, which nobody signed: whoever is on the way may have written them. So nothing in them moves the
/// cursor, colours, or turns the reading direction of what stands beside them, and nobody has to scroll.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|text| shown(&text))
}

fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|text| text.as_deref().map(shown))
}

/// Such words, made harmless, and not more than anybody reads.
pub fn shown(text: &str) -> String {
    // Beside control characters: Unicode's line breaks, and its marks for the reading direction (UAX 9 §2).
    let acts = |it: char| {
        it.is_control()
            || matches!(it, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
    };
    text.chars().take(SHOWN_CHARS).map(|it| if acts(it) { '?' } else { it }).collect()
}

/// An answer, sorted but not believed.
#[derive(Debug)]
pub enum Answer {
    /// It says yes.
    Granted(Box<Grant>),
    /// It says something else, and signed that: that the seat is free, or what was counted.
    Signed(Box<Problem>),
    /// It says no, in the form of a refusal.
    Refused(Box<Problem>),
    /// It says nothing about the license: not reached, too busy, not the service. In words.
    Unclear(String),
}

/// The service, asked about one license.
#[derive(Debug)]
pub struct Server<'a> {
    http: reqwest::Client,
    address: &'a str,
    license: &'a SecretString,
}

impl<'a> Server<'a> {
    /// A client of the service at `address`, which [`address`] has checked.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(address: &'a str, license: &'a SecretString) -> anyhow::Result<Self> {
        Ok(Self { http: http(TIMEOUT)?, address, license })
    }

    /// Takes a seat.
    pub async fn activate(&self, question: &Question) -> Answer {
        self.ask(Method::POST, "/api/v1/activations", Some(question)).await
    }

    /// Asks for the next lease of the seat.
    pub async fn renew(&self, activation: &str, question: &Question) -> Answer {
        self.ask(Method::POST, &format!("/api/v1/activations/{activation}/renew"), Some(question)).await
    }

    /// Gives the seat back.
    pub async fn deactivate(&self, activation: &str) -> Answer {
        self.ask::<()>(Method::DELETE, &format!("/api/v1/activations/{activation}"), None).await
    }

    /// Reports what was used.
    pub async fn report(&self, activation: &str, reports: &Reports<'_>) -> Answer {
        self.ask(Method::POST, &format!("/api/v1/activations/{activation}/usage"), Some(reports)).await
    }

    /// The product's newest key list, for a refusal that a newer key signed.
    pub async fn key_list(&self, product: &str) -> Option<String> {
        let request = self.http.get(format!("{}/products/{product}/keys.jws", self.address));
        let (status, body) = read(request, ANSWER_BYTES).await.ok()?;
        if status == StatusCode::OK { String::from_utf8(body).ok() } else { None }
    }

    async fn ask<Q: Serialize>(&self, method: Method, path: &str, question: Option<&Q>) -> Answer {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.address))
            .header("Authorization", format!("License {}", self.license.expose_secret()));
        if let Some(question) = question {
            request = request.json(question);
        }
        match read(request, ANSWER_BYTES).await {
            Ok((status, body)) => sort(status, &body),
            Err(reason) => Answer::Unclear(reason),
        }
    }
}

/// What sends: a call may take `timeout` in all.
///
/// # Errors
/// When TLS cannot be set up.
pub fn http(timeout: Duration) -> anyhow::Result<reqwest::Client> {
    // A second installation is refused; the first one is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        // A redirect would carry the license elsewhere.
        .redirect(Policy::none())
        .user_agent(concat!("signet-client/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("TLS cannot be set up")
}

/// Sends and reads an answer of at most `limit` bytes. The error is for people and never names the license.
///
/// # Errors
/// Why there is no answer.
pub async fn read(request: reqwest::RequestBuilder, limit: usize) -> Result<(StatusCode, Vec<u8>), String> {
    let why = |error: reqwest::Error| {
        if error.is_timeout() {
            "the service did not answer in time".to_owned()
        } else if error.is_connect() {
            "the service cannot be reached".to_owned()
        } else {
            format!("the connection to the service broke: {}", error.without_url())
        }
    };
    let mut response = request.send().await.map_err(why)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(why)? {
        body.extend_from_slice(&chunk);
        if body.len() > limit {
            return Err(format!("the answer is longer than {limit} bytes"));
        }
    }
    Ok((response.status(), body))
}

fn sort(status: StatusCode, body: &[u8]) -> Answer {
    if status.is_success() {
        if let Ok(grant) = serde_json::from_slice(body) {
            return Answer::Granted(Box::new(grant));
        }
        return match serde_json::from_slice::<Problem>(body) {
            Ok(signed) if signed.signed.is_some() => Answer::Signed(Box::new(signed)),
            _ => Answer::Unclear(format!("what answered with {status} is not the service")),
        };
    }
    match serde_json::from_slice::<Problem>(body) {
        Ok(mut problem) if problem.reason.is_some() => {
            problem.holders.truncate(HOLDERS);
            Answer::Refused(Box::new(problem))
        }
        Ok(problem) if !problem.detail.is_empty() => {
            Answer::Unclear(format!("the service answered {status}: {}", problem.detail))
        }
        _ => Answer::Unclear(format!("the service answered {status}")),
    }
}

/// Reads an address as it may be given: scheme, host, port, a path before ours; without the last slash.
///
/// # Errors
/// Says what is wrong with it.
pub fn address(text: &str) -> anyhow::Result<String> {
    let url = Url::parse(text).context("an address such as https://license.example.com is needed")?;
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        bail!("an address that begins with https:// is needed");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        bail!("the address must not have a user, a query or a fragment");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether the license would go over a network unencrypted.
pub fn in_clear(address: &str) -> bool {
    let host = Url::parse(address).ok().filter(|url| url.scheme() == "http").and_then(|url| {
        let host = url.host_str()?;
        Some(host.trim_matches(['[', ']']).to_owned())
    });
    host.is_some_and(|host| host != "localhost" && !host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_with_a_path_and_refused_with_secrets() {
        assert_eq!(address("https://license.example.com/").unwrap(), "https://license.example.com");
        assert_eq!(address("http://127.0.0.1:8080/signet/").unwrap(), "http://127.0.0.1:8080/signet");
        for wrong in ["license.example.com", "ftp://a", "https://u:p@a", "https://a?x=1", "https://a#x", "file:///a"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_plain_address_elsewhere_is_in_clear() {
        for safe in ["https://a.example", "http://localhost:1", "http://127.0.0.9", "http://[::1]:8080"] {
            assert!(!in_clear(safe), "{safe}");
        }
        assert!(in_clear("http://192.0.2.1") && in_clear("http://localhost.example"));
    }

    #[test]
    fn what_is_no_refusal_of_the_service_is_unclear() {
        let unclear = |status, body: &str| {
            matches!(sort(StatusCode::from_u16(status).unwrap(), body.as_bytes()), Answer::Unclear(_))
        };
        assert!(unclear(200, "<html>log in first</html>") && unclear(200, "{}") && unclear(204, ""));
        assert!(unclear(403, "<html>") && unclear(403, "{}") && unclear(429, r#"{"detail":"slower"}"#));
        assert!(unclear(503, "") && unclear(302, ""));
        let refused = sort(StatusCode::FORBIDDEN, br#"{"reason":"license_frozen","detail":"x","holders":[]}"#);
        assert!(matches!(refused, Answer::Refused(problem) if problem.reason.as_deref() == Some("license_frozen")));
    }

    #[test]
    fn regression_what_answered_writes_no_escapes_to_the_terminal() {
        let esc = r#"\u001b]0;x\u0007\u009b2J\u202eevil\u2066\r\n"#;
        let body = format!(
            r#"{{"reason":"machine_limit","detail":"{esc}","holders":[{{"name":"{esc}","platform":"{esc}","since":"{esc}","last_seen_at":null}}]}}"#
        );
        let Answer::Refused(problem) = sort(StatusCode::FORBIDDEN, body.as_bytes()) else { panic!("{body}") };
        let holder = &problem.holders[0];
        let texts = [Some(&problem.detail), holder.name.as_ref(), holder.platform.as_ref(), holder.since.as_ref()];
        for text in texts {
            assert_eq!(text.unwrap(), "?]0;x??2J?evil???");
        }
        assert_eq!(holder.last_seen_at, None);
        let Answer::Unclear(why) = sort(StatusCode::CONFLICT, format!(r#"{{"detail":"{esc}"}}"#).as_bytes()) else {
            panic!("unclear")
        };
        assert!(!why.contains(|it: char| it.is_control()), "{why:?}");
        let grant = format!(r#"{{"lease":"a","code":"b","keys":"c","warnings":[{{"detail":"{esc}"}}]}}"#);
        let Answer::Granted(grant) = sort(StatusCode::OK, grant.as_bytes()) else { panic!("granted") };
        assert_eq!(grant.warnings[0].detail, "?]0;x??2J?evil???");
    }

    #[test]
    fn regression_what_answered_does_not_flood_the_terminal() {
        let holders = vec![r#"{"name":"x"}"#; 5_000].join(",");
        let body = format!(r#"{{"reason":"machine_limit","detail":"{}","holders":[{holders}]}}"#, "x".repeat(9_999));
        let Answer::Refused(problem) = sort(StatusCode::FORBIDDEN, body.as_bytes()) else { panic!("refused") };
        assert_eq!((problem.detail.len(), problem.holders.len()), (500, 20));
    }
}
