//! One call that is refused, as the crate tells of it: its kind of error, and the code.

use std::{env, sync::Arc};

use keygen_rs::{
    component::Component,
    config::get_config,
    errors::Error,
    license::{License, LicenseCheckoutOpts},
    machine::Machine,
};
use serde_json::json;

use super::{asked, setting};

/// Makes the call.
pub async fn seen(call: &str, key: &str, fingerprint: &str) -> String {
    match attempt(call, key, fingerprint).await {
        Ok(said) => said,
        Err(Error::Api(document)) => {
            let code = document.primary().and_then(|it| it.code()).unwrap_or("-");
            format!("{:?} {code}", document.kind())
        }
        Err(Error::RateLimitExceeded { limit, remaining, reset, retry_after, .. }) => {
            assert!(limit > 0 && remaining == 0 && reset > 0 && retry_after > 0);
            "RateLimitExceeded".to_owned()
        }
        Err(other) => format!("{other:?}"),
    }
}

async fn attempt(call: &str, key: &str, fingerprint: &str) -> Result<String, Error> {
    let config = get_config().expect("the settings are there");
    let answer = License::from_key(key).validate_key(&asked(fingerprint)).await?;
    if call == "validate" {
        return Ok(answer.meta.code);
    }
    let license = answer.license.unwrap_or_else(|| License::from_key(key)).with_config(config.clone());
    match call {
        "activate" => drop(license.activate(fingerprint, &[]).await?),
        "activate with a part twice" => drop(license.activate(fingerprint, &["board", "disk"].map(part)).await?),
        "ping" => {
            let now = "2026-01-01T00:00:00Z";
            let known = json!({
                "id": setting("MACHINE"), "fingerprint": fingerprint, "requireHeartbeat": true, "heartbeatStatus": "ALIVE",
                "created": now, "updated": now,
            });
            let mut machine: Machine = serde_json::from_value(known).expect("a machine");
            machine.config = Some(Arc::new(config));
            machine.ping().await?;
        }
        "look for a machine" => drop(license.machine("nobody").await?),
        "check out for a century" => {
            license.checkout(&LicenseCheckoutOpts::with_ttl(100 * 365 * 86_400)).await?;
        }
        other => panic!("{other} is no call; CALL is {:?}", env::var("CALL")),
    }
    Ok("no refusal".to_owned())
}

fn part(name: &str) -> Component {
    let now = "2026-01-01T00:00:00Z";
    let part = json!({ "id": "", "fingerprint": "board-1", "name": name, "created": now, "updated": now });
    serde_json::from_value(part).expect("a component")
}
