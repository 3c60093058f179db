//! Who calls: the channel, its access key, and whether the signature is made with it.

use tokio::time::Instant;

use crate::{
    app::App,
    base::{limits, secret::SecretString, slug::Slug},
    catalog::Channel,
    marketplace::koogallery::signature::{self, AuthFailure, Authentic},
};

use super::received::Received;

/// The channel and its access key, as last loaded.
fn known(app: &App, slug: &Slug) -> Option<(Channel, SecretString)> {
    let installation = app.installation();
    let key = installation.access_keys.get(slug).cloned()?;
    Some((installation.catalog.channel(slug)?.clone(), key))
}

/// The channel and its access key. One that is not known may have been added by another server or a command.
pub(super) async fn find(app: &App, slug: &Slug) -> Option<(Channel, SecretString)> {
    if let Some(found) = known(app, slug) {
        return Some(found);
    }
    match tokio::time::timeout(limits::REQUEST_TIMEOUT, app.catch_up()).await {
        Ok(Ok(())) => known(app, slug),
        Ok(Err(failure)) => {
            tracing::warn!(channel.slug = %slug, "an unknown channel could not be looked up: {failure}");
            None
        }
        Err(_) => None,
    }
}

/// Checks the signature; when it does not fit, once more against what another server or a command may have changed
/// meanwhile, if that can be known before `deadline`: the first call under a new access key may be one that comes only
/// once.
///
/// # Errors
/// Why the call is not believed, and the key to sign that answer with.
pub(super) async fn authenticate(
    app: &App,
    channel: Channel,
    key: SecretString,
    received: &Received,
    deadline: Instant,
) -> Result<(Channel, SecretString, Authentic), (AuthFailure, SecretString)> {
    let check = |channel: &Channel, key: &SecretString| {
        signature::authenticate(&received.raw(), key, &channel.windows(), app.now())
    };
    let failure = match check(&channel, &key) {
        Ok(authentic) => return Ok((channel, key, authentic)),
        Err(failure) => failure,
    };
    let may_pass = matches!(failure, AuthFailure::WrongSignature(_) | AuthFailure::Clock { .. });
    if !may_pass || !matches!(tokio::time::timeout_at(deadline, app.catch_up()).await, Ok(Ok(()))) {
        return Err((failure, key));
    }
    match known(app, &channel.slug) {
        Some((channel, key)) => match check(&channel, &key) {
            Ok(authentic) => Ok((channel, key, authentic)),
            Err(failure) => Err((failure, key)),
        },
        None => Err((failure, key)),
    }
}
