//! Sends messages to the merchant's systems.

use std::time::Duration;

use crate::{
    base::networks::Networks,
    http::{Request, Unreachable},
};

use super::App;

/// How long a receiver has for its whole answer, as the Standard Webhooks specification has it.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a receiver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// HTTP status.
    pub status: u16,
    /// Seconds for which it does not want to be told again.
    pub retry_after: Option<u32>,
}

impl App {
    /// Networks in which webhooks may be although they are not public.
    pub fn webhook_networks(&self) -> &Networks {
        &self.0.parts.webhook_networks
    }

    /// Sends a message to `url`, once.
    ///
    /// # Errors
    /// Why there is no answer, in a sentence without the address, which may hold a secret.
    pub async fn tell_webhook(&self, url: &str, headers: Vec<(String, String)>, body: String) -> Result<Told, String> {
        let url = url.parse().map_err(|_| "the address cannot be read".to_owned())?;
        let method = reqwest::Method::POST;
        let request = Request { method, url, headers, body: body.into_bytes(), timeout: PATIENCE };
        match self.0.parts.webhooks.send(request).await {
            Ok(answer) => {
                let retry_after = answer.header("retry-after").and_then(|it| it.parse().ok());
                Ok(Told { status: answer.status, retry_after })
            }
            Err(Unreachable::Refused(refused)) => Err(format!(
                "{} is not a public address: the operator can allow it with the setting `webhook_networks`",
                refused.0
            )),
            Err(error) => Err(error.to_string()),
        }
    }
}
