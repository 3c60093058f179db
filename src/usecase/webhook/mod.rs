//! Webhooks: where the merchant's own systems are told what happened here, after the Standard Webhooks specification.
//!
//! This file keeps the endpoints: addresses, filters, secrets. [`deliver`] brings events to them, [`message`] is what is sent
//! and how it is signed.

pub mod deliver;
pub mod message;

use data_encoding::BASE64;
use jiff::SignedDuration;
use url::{Host, Url};
use zeroize::Zeroizing;

use crate::{
    base::{
        ids::{EventId, SecretId, WebhookId},
        limits,
        networks::Networks,
        secret::SecretString,
    },
    license::seal::Purpose,
    store::{DeliveryRecord, DeliveryState, EventRecord, Tx, WebhookRecord, WebhookSecretRecord},
};

use super::{
    Context, Done, Failure,
    event::{self, Kind},
};

/// What every secret starts with, as the specification has it.
const PREFIX: &str = "whsec_";
/// Bytes of a secret.
const SECRET: usize = 32;
/// Secrets of one webhook that count at once.
const SECRETS: usize = 4;

/// Why a text is no address for a webhook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It is none.
    #[error("it is no address such as https://shop.example.com/signet")]
    NoAddress,
    /// It is too long.
    #[error("it has more than {} characters", limits::WEBHOOK_URL_CHARS)]
    TooLong,
    /// It carries a user name or password, which logs and lists would show.
    #[error("it holds a user name or a password: messages are signed, and need none")]
    Credentials,
    /// It is not encrypted.
    #[error("it must begin with https://; http is for addresses in `webhook_networks` only, such as 127.0.0.1")]
    NotEncrypted,
}

/// Reads the address of a webhook. `networks`: those that may be reached although they are not public; literal addresses in
/// them may do without TLS, for tests. Names are judged when they are resolved, each time.
///
/// # Errors
/// [`BadAddress`].
pub fn address(text: &str, networks: &Networks) -> Result<Url, BadAddress> {
    if text.len() > limits::WEBHOOK_URL_CHARS {
        return Err(BadAddress::TooLong);
    }
    let url: Url = text.parse().map_err(|_| BadAddress::NoAddress)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadAddress::Credentials);
    }
    let host = url.host().ok_or(BadAddress::NoAddress)?;
    let literal = match host {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if literal.is_some_and(|address| networks.contain(address)) => Ok(url),
        "http" => Err(BadAddress::NotEncrypted),
        _ => Err(BadAddress::NoAddress),
    }
}

/// Why a webhook is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There are enough.
    #[error("there are {} webhooks already: delete one first", limits::WEBHOOKS)]
    TooMany,
    /// It is told nothing.
    #[error("the webhook is disabled: enable it first")]
    Disabled,
    /// Nothing of it is dead.
    #[error("the delivery is still on its way")]
    Pending,
}

/// What of a webhook the merchant sets.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The address, checked.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The events it wants; none: all.
    pub kinds: Option<Vec<Kind>>,
    /// Whether it is told anything.
    pub enabled: Option<bool>,
}

impl Settings {
    fn onto(&self, webhook: &mut WebhookRecord) {
        if let Some(url) = &self.url {
            webhook.url.clone_from(url);
        }
        if let Some(description) = &self.description {
            webhook.description.clone_from(description);
        }
        if let Some(kinds) = &self.kinds {
            let mut names: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
            names.sort_unstable();
            names.dedup();
            webhook.kinds = names;
        }
        if let Some(enabled) = self.enabled {
            webhook.enabled = enabled;
            webhook.disabled_because = None;
        }
    }
}

/// Makes a webhook, with its first secret, which is shown only now.
///
/// # Errors
/// The database's.
pub fn create(tx: &mut Tx, ctx: Context, settings: &Settings) -> Done<Result<(WebhookRecord, SecretString), Refused>> {
    if tx.webhook_page(None, limits::WEBHOOKS)?.len() >= limits::WEBHOOKS as usize {
        return Ok(Err(Refused::TooMany));
    }
    let mut webhook = WebhookRecord {
        id: WebhookId::new(ctx.now, ctx.entropy),
        url: String::new(),
        description: String::new(),
        kinds: Vec::new(),
        enabled: true,
        disabled_because: None,
        created_at: ctx.now,
        updated_at: ctx.now,
    };
    settings.onto(&mut webhook);
    tx.webhook_insert(&webhook)?;
    let secret = new_secret(tx, ctx, webhook.id)?;
    Ok(Ok((webhook, secret)))
}

/// Changes a webhook; `None`: there is none. What is on its way to one that is disabled becomes dead letters.
///
/// # Errors
/// The database's.
pub fn change(tx: &mut Tx, ctx: Context, id: WebhookId, settings: &Settings) -> Done<Option<WebhookRecord>> {
    let Some(mut webhook) = tx.webhook_find(id)? else { return Ok(None) };
    settings.onto(&mut webhook);
    webhook.updated_at = ctx.now;
    tx.webhook_update(&webhook)?;
    if !webhook.enabled {
        tx.deliveries_give_up(id, ctx.now)?;
    }
    Ok(Some(webhook))
}

/// Gives a webhook a new secret; those before count for `keep` more. `None`: there is no such webhook.
///
/// # Errors
/// The database's.
pub fn rotate(tx: &mut Tx, ctx: Context, id: WebhookId, keep: SignedDuration) -> Done<Option<SecretString>> {
    if tx.webhook_find(id)?.is_none() {
        return Ok(None);
    }
    tx.webhook_secrets_end(id, ctx.now.saturating_add(keep), ctx.now)?;
    // Who rotates again and again must not make every message longer.
    for oldest in tx.webhook_secrets(id, ctx.now)?.iter().skip(SECRETS - 1) {
        tx.webhook_secret_delete(oldest.id)?;
    }
    new_secret(tx, ctx, id).map(Some)
}

fn new_secret(tx: &mut Tx, ctx: Context, webhook_id: WebhookId) -> Done<SecretString> {
    let secret: Zeroizing<[u8; SECRET]> = Zeroizing::new(ctx.entropy.bytes());
    let id = SecretId::new(ctx.now, ctx.entropy);
    let sealed = ctx.installation.master.seal(Purpose::WebhookSecret, &id.to_string(), &*secret, ctx.entropy);
    tx.webhook_secret_insert(&WebhookSecretRecord { id, webhook_id, sealed, created_at: ctx.now, expires_at: None })?;
    Ok(format!("{PREFIX}{}", BASE64.encode(&*secret)).into())
}

/// The bytes of the secrets that count now, newest first.
fn secrets(tx: &mut Tx, ctx: Context, id: WebhookId) -> Done<Vec<Zeroizing<Vec<u8>>>> {
    let open = |it: WebhookSecretRecord| {
        let master = &ctx.installation.master;
        master.open(Purpose::WebhookSecret, &it.id.to_string(), &it.sealed).map_err(Failure::from)
    };
    tx.webhook_secrets(id, ctx.now)?.into_iter().map(open).collect()
}

/// Sends a webhook a test; `None`: there is no such webhook.
///
/// # Errors
/// The database's.
pub fn test(tx: &mut Tx, ctx: Context, id: WebhookId) -> Done<Option<Result<EventRecord, Refused>>> {
    let Some(webhook) = tx.webhook_find(id)? else { return Ok(None) };
    if !webhook.enabled {
        return Ok(Some(Err(Refused::Disabled)));
    }
    let data = serde_json::json!({ "license": null, "detail": { "webhook": id } });
    let event = event::write(tx, ctx, Kind::WebhookTest, None, &data)?;
    tx.events_handed_on(&[event.id])?;
    tx.delivery_insert(&deliver::begun(ctx, &webhook, &event))?;
    Ok(Some(Ok(event)))
}

/// Sends a delivery again that was given up, or that had arrived; `None`: there is no such delivery.
///
/// # Errors
/// The database's.
pub fn replay(
    tx: &mut Tx,
    ctx: Context,
    id: WebhookId,
    event: EventId,
) -> Done<Option<Result<DeliveryRecord, Refused>>> {
    let Some(webhook) = tx.webhook_find(id)? else { return Ok(None) };
    let Some(delivery) = tx.delivery_find(id, event)? else { return Ok(None) };
    if !webhook.enabled {
        return Ok(Some(Err(Refused::Disabled)));
    }
    if delivery.state == DeliveryState::Pending {
        return Ok(Some(Err(Refused::Pending)));
    }
    let (state, next_at, since) = (DeliveryState::Pending, ctx.now, ctx.now);
    let delivery = DeliveryRecord { state, next_at, since, ended_at: None, worker: None, ..delivery };
    tx.delivery_update(&delivery)?;
    Ok(Some(Ok(delivery)))
}

/// Sends all dead letters of a webhook again, and says how many they are; `None`: there is no such webhook.
///
/// # Errors
/// The database's.
pub fn replay_dead(tx: &mut Tx, ctx: Context, id: WebhookId) -> Done<Option<Result<usize, Refused>>> {
    match tx.webhook_find(id)? {
        None => Ok(None),
        Some(webhook) if !webhook.enabled => Ok(Some(Err(Refused::Disabled))),
        Some(_) => Ok(Some(Ok(tx.deliveries_revive(id, ctx.now)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_encrypted_and_carry_no_password() {
        let none = Networks::default();
        let some = Networks::parse(&["127.0.0.0/8".to_owned(), "::1".to_owned()]).unwrap();
        for good in ["https://shop.example.com/hook?x=1", "https://203.0.113.9:8443/", "https://[2001:db8::1]/"] {
            assert!(address(good, &none).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://shop.example.com/", BadAddress::NotEncrypted),
            ("http://127.0.0.1/", BadAddress::NotEncrypted),
            ("https://user@shop.example.com/", BadAddress::Credentials),
            ("https://:secret@shop.example.com/", BadAddress::Credentials),
            ("ftp://shop.example.com/", BadAddress::NoAddress),
            ("shop.example.com", BadAddress::NoAddress),
            ("https://", BadAddress::NoAddress),
        ] {
            assert_eq!(address(bad, &none), Err(why), "{bad}");
        }
        assert_eq!(address(&format!("https://a.example/{}", "x".repeat(2_000)), &none), Err(BadAddress::TooLong));
        assert!(address("http://127.0.0.1:9/", &some).is_ok() && address("http://[::1]:9/", &some).is_ok());
        assert_eq!(address("http://localhost:9/", &some), Err(BadAddress::NotEncrypted), "a name can mean anything");
        assert_eq!(address("http://10.0.0.1/", &some), Err(BadAddress::NotEncrypted));
    }
}
