//! Tells the marketplaces what was used of goods that are paid by use.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    app::{App, open_api::NotTold},
    base::slug::Slug,
    marketplace::koogallery::open::usage::{self as interface, Record},
    usecase::{
        Actor, Failure,
        usage::push::{self, Push},
    },
};

/// How often.
pub const PAUSE: Duration = Duration::from_secs(30);

/// One round over what is due.
pub async fn round(app: &App) {
    let claimed: Vec<Push> = match app.write::<_, Failure, _>(Actor::Signet, push::claim).await {
        Ok(claimed) => claimed,
        Err(failure) => {
            tracing::warn!("records of use could not be claimed, the next round tries again: {failure}");
            return;
        }
    };
    let mut by_channel: BTreeMap<Slug, Vec<Push>> = BTreeMap::new();
    for push in claimed {
        by_channel.entry(push.channel.clone()).or_default().push(push);
    }
    for (channel, pushes) in by_channel {
        let told = hand_over(app, &channel, &pushes).await;
        match told {
            // One of them may be the reason: each for itself, so that it keeps back no other.
            Err(why) if why.lasts() && pushes.len() > 1 => {
                for push in pushes {
                    let told = hand_over(app, &channel, std::slice::from_ref(&push)).await;
                    note(app, &[push], &told).await;
                }
            }
            told => note(app, &pushes, &told).await,
        }
    }
}

async fn hand_over(app: &App, channel: &Slug, pushes: &[Push]) -> Result<(), NotTold> {
    let installation = app.installation();
    let channel = installation.catalog.channel(channel).ok_or(NotTold::NoCredentials)?;
    let key = installation.access_keys.get(&channel.slug).ok_or(NotTold::NoCredentials)?;
    let record = |push: &Push| Record {
        instance_id: push.instance_id.clone(),
        ten_thousandths: u64::try_from(push.total).unwrap_or(0),
        counted_at: push.counted_at,
    };
    let records: Vec<Record> = pushes.iter().map(record).collect();
    let call = interface::push(&records, key, app.now(), app.entropy().bytes());
    let call = call.map_err(|error| {
        tracing::error!("a record of use cannot be written: {error}");
        NotTold::NoCredentials
    })?;
    app.ask_marketplace(channel, &call).await.map(drop)
}

async fn note(app: &App, pushes: &[Push], told: &Result<(), NotTold>) {
    if let Err(why) = told {
        tracing::warn!("{} records of use were not handed over: {why}", pushes.len());
    }
    for push in pushes {
        let noted = match told {
            Ok(()) => {
                let push = push.clone();
                app.write::<_, Failure, _>(Actor::Signet, move |tx, ctx| push::pushed(tx, ctx, &push)).await
            }
            Err(why) if why.was_held_back() => {
                let push = push.clone();
                app.write::<_, Failure, _>(Actor::Signet, move |tx, ctx| push::put_off(tx, ctx, &push)).await
            }
            Err(why) => {
                let (push, why) = (push.clone(), why.to_string());
                app.write::<_, Failure, _>(Actor::Signet, move |tx, ctx| push::not_pushed(tx, ctx, &push, &why)).await
            }
        };
        if let Err(failure) = noted {
            // The claim ends, and the same record is sent once more.
            tracing::warn!("what became of a record of use could not be noted: {failure}");
        }
    }
}
