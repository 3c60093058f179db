//! `signet deploy resume`, `keep`, `remove` and `check`.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::terminal::outln;

use super::{Common, Outcome, Which, api::Whole, follow, secrets::CredentialsFrom};

/// Arguments of `signet deploy resume`.
#[derive(Debug, Args)]
pub struct Resume {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    credentials: CredentialsFrom,
    /// Watch it until it is healthy, failed or needs something
    #[arg(long)]
    follow: bool,
}

/// Arguments of `signet deploy keep`.
#[derive(Debug, Args)]
pub struct Keep {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    which: Which,
}

/// Arguments of `signet deploy remove`.
#[derive(Debug, Args)]
pub struct Remove {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    credentials: CredentialsFrom,
    /// Watch it until everything is removed
    #[arg(long)]
    follow: bool,
}

/// Arguments of `signet deploy check`.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    credentials: CredentialsFrom,
}

/// Goes on.
///
/// # Errors
/// The service's.
pub async fn resume(command: Resume) -> anyhow::Result<Outcome> {
    wish("resume", &command.common, &command.which, Some(&command.credentials), command.follow).await
}

/// Keeps.
///
/// # Errors
/// The service's.
pub async fn keep(command: Keep) -> anyhow::Result<Outcome> {
    wish("keep", &command.common, &command.which, None, false).await
}

/// Removes.
///
/// # Errors
/// The service's.
pub async fn remove(command: Remove) -> anyhow::Result<Outcome> {
    wish("remove", &command.common, &command.which, Some(&command.credentials), command.follow).await
}

/// Looks, and waits for what is found.
///
/// # Errors
/// The service's.
pub async fn check(command: Check) -> anyhow::Result<Outcome> {
    let stands = wish("check", &command.common, &command.which, Some(&command.credentials), true).await?;
    let whole: Whole = command.common.service(false)?.get(&format!("/{}", command.which.id)).await?;
    Ok(match whole.sighting.and_then(|it| it.problem).map(|it| it.kind) {
        None => stands,
        Some(kind) if kind == "credentials" || kind == "expired" => Outcome::NeedsCredentials,
        Some(_) => Outcome::Refused,
    })
}

async fn wish(
    wish: &str,
    common: &Common,
    which: &Which,
    credentials: Option<&CredentialsFrom>,
    watched: bool,
) -> anyhow::Result<Outcome> {
    let (service, id) = (common.service(false)?, which.id);
    let credentials: Option<Value> = match credentials {
        Some(from) => {
            let known: Whole = service.get(&format!("/{id}")).await?;
            from.any(&known.cloud)?
        }
        None => None,
    };
    let now: Whole = service.post(&format!("/{id}/wish"), &json!({ "wish": wish, "credentials": credentials })).await?;
    if watched {
        return follow::follow(&service, id).await;
    }
    outln!("{id} {}", crate::cli::client::server::shown(&now.status));
    Ok(match Outcome::of(&now) {
        Outcome::NeedsCredentials => Outcome::NeedsCredentials,
        // What was asked is accepted.
        _ => Outcome::Done,
    })
}
