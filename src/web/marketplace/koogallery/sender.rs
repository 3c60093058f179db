//! Who calls: the channel, its access key, and whether the signature is made with it.

use tokio::time::Instant;

use crate::{
    app::App,
    base::secret::SecretString,
    catalog::{Channel, ChannelKind},
    marketplace::koogallery::signature::{self, AuthFailure, Authentic},
};

use super::{super::channel, received::Received};

/// Checks the signature; when it does not fit, once more against what another server or a command may have changed
/// meanwhile, if that can be known before `deadline`: the first call under a new access key may be one that comes only
/// once.
///
/// # Errors
/// Why the call is not believed, and the key to sign that answer with.
pub(super) async fn authenticate(
    app: &App,
    asked: Channel,
    key: SecretString,
    received: &Received,
    deadline: Instant,
) -> Result<(Channel, SecretString, Authentic), (AuthFailure, SecretString)> {
    let check = |channel: &Channel, key: &SecretString| {
        signature::authenticate(&received.raw(), key, &channel.windows(), app.now())
    };
    let failure = match check(&asked, &key) {
        Ok(authentic) => return Ok((asked, key, authentic)),
        Err(failure) => failure,
    };
    let may_pass = matches!(failure, AuthFailure::WrongSignature(_) | AuthFailure::Clock { .. });
    if !may_pass || !matches!(tokio::time::timeout_at(deadline, app.catch_up()).await, Ok(Ok(()))) {
        return Err((failure, key));
    }
    match channel::known(app, ChannelKind::Koogallery, &asked.slug) {
        Some((channel, key)) => match check(&channel, &key) {
            Ok(authentic) => Ok((channel, key, authentic)),
            Err(failure) => Err((failure, key)),
        },
        None => Err((failure, key)),
    }
}
