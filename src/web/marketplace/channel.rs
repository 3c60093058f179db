//! The channel that an address names, with the key by which its calls are checked.

use crate::{
    app::App,
    base::{limits, secret::SecretString, slug::Slug},
    catalog::{Channel, ChannelKind},
};

/// The channel and its access key, as last loaded.
pub(super) fn known(app: &App, kind: ChannelKind, slug: &Slug) -> Option<(Channel, SecretString)> {
    let installation = app.installation();
    let key = installation.access_keys.get(slug).cloned()?;
    let channel = installation.catalog.channel(slug).filter(|channel| channel.kind == kind)?;
    Some((channel.clone(), key))
}

/// The same. One that is not known may have been added by another server or a command.
pub(super) async fn find(app: &App, kind: ChannelKind, slug: &Slug) -> Option<(Channel, SecretString)> {
    if let Some(found) = known(app, kind, slug) {
        return Some(found);
    }
    match tokio::time::timeout(limits::REQUEST_TIMEOUT, app.catch_up()).await {
        Ok(Ok(())) => known(app, kind, slug),
        Ok(Err(failure)) => {
            tracing::warn!(channel.slug = %slug, "an unknown channel could not be looked up: {failure}");
            None
        }
        Err(_) => None,
    }
}
