//! Hands the licenses of devices over to the marketplaces that asked for them.

use std::time::Duration;

use crate::{
    app::{App, open_api::NotTold},
    marketplace::koogallery::open::upload as interface,
    usecase::{
        Actor, Failure,
        device::upload::{self, Upload},
    },
};

/// How often.
pub const PAUSE: Duration = Duration::from_secs(10);

/// One round over what is due.
pub async fn round(app: &App) {
    let claimed: Result<Vec<Upload>, Failure> = app.write(Actor::Signet, upload::claim).await;
    match claimed {
        Ok(uploads) => {
            for upload in uploads {
                hand_over(app, upload).await;
            }
        }
        Err(failure) => tracing::warn!("device licenses could not be claimed, the next round tries again: {failure}"),
    }
}

async fn hand_over(app: &App, upload: Upload) {
    let Upload { id, channel, event_id, code, boundary } = upload;
    let installation = app.installation();
    let told = match installation.catalog.channel(&channel) {
        Some(channel) => app.ask_marketplace(channel, &interface::upload(&event_id, &code, boundary)).await,
        None => Err(NotTold::NoCredentials),
    };
    let noted: Result<(), Failure> = match told {
        Ok(_) => {
            tracing::info!(event.id = event_id, "the license of a device was handed over");
            app.write(Actor::Signet, move |tx, ctx| upload::delivered(tx, ctx, &id)).await
        }
        Err(why) if why.was_held_back() => app.write(Actor::Signet, move |tx, ctx| upload::put_off(tx, ctx, &id)).await,
        Err(why) => {
            tracing::warn!(event.id = event_id, "the license of a device was not handed over: {why}");
            let (lasting, why) = (why.lasts(), why.to_string());
            app.write(Actor::Signet, move |tx, ctx| upload::not_delivered(tx, ctx, &id, &why, lasting)).await
        }
    };
    if let Err(failure) = noted {
        // The claim ends, and it is handed over once more.
        tracing::warn!(event.id = event_id, "what became of a device license could not be noted: {failure}");
    }
}
