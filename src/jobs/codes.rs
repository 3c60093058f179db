//! Looks after codes that the marketplace made: finishes activations whose answers were lost, asks once a day how the codes
//! in use stand, and tells how many machines use them.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    app::App,
    base::{secret::SecretString, slug::Slug},
    marketplace::koogallery::open::license as interface,
    usecase::{
        Actor, Failure,
        redemption::{self, Due, standing},
    },
};

/// How often.
pub const PAUSE: Duration = Duration::from_secs(15);

/// One round over what is due.
pub async fn round(app: &App) {
    let due: Vec<Due> = match app.write::<_, Failure, _>(Actor::Signet, redemption::due).await {
        Ok(due) => due,
        Err(failure) => {
            tracing::warn!("codes of the marketplace could not be claimed, the next round tries again: {failure}");
            return;
        }
    };
    let mut used: BTreeMap<Slug, Vec<(String, u32)>> = BTreeMap::new();
    for Due { code, channel, seats } in due {
        match seats {
            None => finish(app, code, &channel).await,
            Some(seats) => {
                compare(app, &code, &channel).await;
                used.entry(channel).or_default().push((code, seats));
            }
        }
    }
    for (channel, codes) in used {
        for some in codes.chunks(interface::REPORT_CODES) {
            tell(app, &channel, some).await;
        }
    }
}

/// Looks what became of an activation whose answer was lost.
async fn finish(app: &App, code: String, channel: &Slug) {
    match app.finish_redemption(&SecretString::from(code), channel).await {
        Ok(license) => tracing::info!(license.id = %license.id, "a code whose activation was not answered is redeemed"),
        Err(why) => tracing::warn!("a code whose activation was not answered: {why}"),
    }
}

/// Asks how a code stands, and follows it.
async fn compare(app: &App, code: &str, channel: &Slug) {
    let installation = app.installation();
    let Some(asked) = installation.catalog.channel(channel) else { return };
    let told = match app.standing(asked, &code.to_owned().into()).await {
        Ok(Some(told)) => told,
        Ok(None) => return tracing::warn!("the marketplace says no documented state of a code"),
        Err(why) => return tracing::warn!("the marketplace does not say how a code stands: {why}"),
    };
    let code = code.to_owned();
    let follow = move |tx: &mut _, ctx: crate::usecase::Context<'_>| {
        standing::follow(tx, ctx, &redemption::instance_id(ctx, &code), &told)
    };
    if let Err(failure) = app.write::<_, Failure, _>(Actor::Signet, follow).await {
        tracing::warn!("what the marketplace says of a code could not be followed: {failure}");
    }
}

async fn tell(app: &App, channel: &Slug, active: &[(String, u32)]) {
    let installation = app.installation();
    let Some(asked) = installation.catalog.channel(channel) else { return };
    if let Err(why) = app.ask_marketplace(asked, &interface::report(active)).await {
        tracing::warn!("the use of {} codes could not be told, tomorrow's is: {why}", active.len());
    }
}
