//! `/api/v1/deployments` as this command sees it: bounded answers, no redirects, and words that cannot act on a terminal.

use std::time::Duration;

use anyhow::{anyhow, bail};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    base::{
        ids::DeploymentId,
        secret::{ExposeSecret, SecretString},
        time::Time,
    },
    cli::client::{self, server},
};

/// How long a call may take: the service may ask a cloud for 45 seconds before it answers.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of an answer: a cloud's list of flavors is the longest.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// The service said no, in words.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct Refused {
    detail: String,
}

/// The service did not answer, or not now: the same may be asked again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Silent(String);

/// The service, asked with one license.
#[derive(Debug)]
pub struct Service {
    http: reqwest::Client,
    address: String,
    license: SecretString,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Problem {
    detail: String,
}

impl Service {
    /// A client of the service at `address`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(address: &str, license: SecretString) -> anyhow::Result<Self> {
        Ok(Self { http: server::http(TIMEOUT)?, address: address.to_owned(), license })
    }

    /// Asks `GET /api/v1/deployments…`.
    ///
    /// # Errors
    /// [`Refused`], [`Silent`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        Self::parsed(&self.ask(Method::GET, path, None).await?)
    }

    /// Asks `POST /api/v1/deployments…`.
    ///
    /// # Errors
    /// [`Refused`], [`Silent`].
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        Self::parsed(&self.ask(Method::POST, path, Some(body)).await?)
    }

    /// A text such as the script.
    ///
    /// # Errors
    /// [`Refused`], [`Silent`].
    pub async fn text(&self, path: &str) -> anyhow::Result<String> {
        let bytes = self.ask(Method::GET, path, None).await?;
        String::from_utf8(bytes).map_err(|_| anyhow!("what answered is not the service: its text is not UTF-8"))
    }

    fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> anyhow::Result<T> {
        // The error of the parser could quote what it read.
        serde_json::from_slice(bytes).map_err(|_| anyhow!("what answered is not the service, or a newer one than this"))
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Vec<u8>> {
        let mut request = self
            .http
            .request(method, format!("{}/api/v1/deployments{path}", self.address))
            .header("Authorization", format!("License {}", self.license.expose_secret()))
            .header("Accept-Language", client::words::pick(client::words::language(), "zh", "en"));
        if let Some(body) = body {
            request = request.json(body);
        }
        let (status, bytes) = server::read(request, ANSWER_BYTES).await.map_err(Silent)?;
        if status.is_success() {
            return Ok(bytes);
        }
        let said = serde_json::from_slice::<Problem>(&bytes).unwrap_or_default().detail;
        let detail = if said.is_empty() { format!("the service answered {status}") } else { server::shown(&said) };
        match status {
            // A cloud's trouble comes as 502, and is its last word on this call.
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => {
                bail!(Silent(detail))
            }
            StatusCode::INTERNAL_SERVER_ERROR => bail!("the service failed: {detail}"),
            _ => bail!(Refused { detail }),
        }
    }
}

/// A deployment. Without a list where only its head was answered.
#[derive(Debug, Clone, Deserialize)]
pub struct Whole {
    /// Its id.
    pub id: DeploymentId,
    /// What it is to come to.
    pub goal: String,
    /// How it stands.
    pub status: String,
    /// What it works on.
    pub stage: String,
    /// The cloud.
    pub cloud: String,
    /// The region.
    #[serde(deserialize_with = "words")]
    pub region: String,
    /// The version that is installed.
    #[serde(deserialize_with = "words")]
    pub version: String,
    /// The server's address.
    #[serde(default)]
    pub address: Option<String>,
    /// Why it does not go on.
    #[serde(default)]
    pub problem: Option<Obstacle>,
    /// Whether a second machine used its token.
    #[serde(default)]
    pub suspect: bool,
    /// Whether the cloud is being asked about its server.
    #[serde(default)]
    pub checking: bool,
    /// What the last such look found.
    #[serde(default)]
    pub sighting: Option<Sighting>,
    /// When it was asked for.
    #[serde(default)]
    pub created_at: Option<Time>,
    /// The stages that began.
    #[serde(default)]
    pub stages: Vec<Stage>,
    /// Lines of its log.
    #[serde(default)]
    pub lines: Vec<Line>,
    /// What it made.
    #[serde(default)]
    pub resources: Vec<Resource>,
    /// What to show.
    #[serde(default)]
    pub outputs: Vec<Output>,
    /// Set when the license does not hold any more.
    #[serde(default)]
    pub license_ended: Option<Ended>,
    /// What removes it by hand.
    #[serde(default)]
    pub clean_up: Vec<String>,
}

/// Why a deployment does not go on.
#[derive(Debug, Clone, Deserialize)]
pub struct Obstacle {
    /// The stage.
    pub stage: String,
    /// A stable name.
    #[serde(deserialize_with = "words")]
    pub kind: String,
    /// What happened.
    #[serde(deserialize_with = "words")]
    pub message: String,
    /// The cloud's code.
    #[serde(default)]
    pub code: Option<String>,
    /// The cloud's request.
    #[serde(default)]
    pub request_id: Option<String>,
    /// What to do next.
    #[serde(default, deserialize_with = "words")]
    pub advice: String,
}

/// What a look at the cloud found of the server.
#[derive(Debug, Clone, Deserialize)]
pub struct Sighting {
    /// When.
    pub at: Time,
    /// What the server does.
    #[serde(default)]
    pub server: Option<String>,
    /// Its address.
    #[serde(default)]
    pub address: Option<String>,
    /// Why nothing was found out.
    #[serde(default)]
    pub problem: Option<Obstacle>,
}

/// A license that does not hold any more.
#[derive(Debug, Clone, Deserialize)]
pub struct Ended {
    /// Why.
    pub reason: String,
    /// When the software stops.
    #[serde(default)]
    pub runs_until: Option<Time>,
}

/// A stage.
#[derive(Debug, Clone, Deserialize)]
pub struct Stage {
    /// Its name.
    #[serde(deserialize_with = "words")]
    pub stage: String,
    /// When it began.
    pub started_at: Time,
    /// When it ended.
    #[serde(default)]
    pub ended_at: Option<Time>,
    /// Seconds that it usually takes.
    #[serde(default)]
    pub expected_seconds: u64,
}

/// A line of the log.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    /// Its number.
    pub number: u64,
    /// When.
    pub at: Time,
    /// Who says it.
    #[serde(deserialize_with = "words")]
    pub source: String,
    /// What.
    #[serde(deserialize_with = "words")]
    pub text: String,
}

/// Something at the cloud.
#[derive(Debug, Clone, Deserialize)]
pub struct Resource {
    /// What it is.
    #[serde(deserialize_with = "words")]
    pub kind: String,
    /// The cloud's id.
    #[serde(deserialize_with = "words")]
    pub id: String,
    /// When it was removed.
    #[serde(default)]
    pub removed_at: Option<Time>,
}

/// Something to show when it runs.
#[derive(Debug, Clone, Deserialize)]
pub struct Output {
    /// What it is.
    #[serde(deserialize_with = "words")]
    pub label_zh: String,
    /// What it is.
    #[serde(deserialize_with = "words")]
    pub label_en: String,
    /// Its value.
    #[serde(deserialize_with = "words")]
    pub value: String,
}

/// Words from the service, which cannot act on a terminal.
///
/// # Errors
/// What is no text.
pub fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|text| server::shown(&text))
}
