//! Licenses, as they are seen: `me`, `licenses/{license}` and what hangs below it.

use axum::http::StatusCode;
use serde::Serialize;

use crate::{
    store::Tx,
    usecase::{
        Context,
        keygen::{Guest, door::SeenLicense},
    },
};

use super::{
    answer::Answer,
    call::{Call, Stop},
    document::{Count, Document, List, PageLinks, address},
    error::Fault,
    resource,
};

#[derive(Serialize)]
struct Pong {
    meta: Message,
}

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

/// Whether anybody is there.
pub fn ping() -> Answer {
    Answer::document(StatusCode::OK, &Pong { meta: Message { message: "pong" } })
}

/// The license that the address names.
///
/// # Errors
/// 404 where the guest may not see it.
pub(super) fn named(
    tx: &mut Tx,
    ctx: Context,
    guest: &Guest,
    call: &(crate::base::slug::Slug, String),
) -> Result<SeenLicense, Stop> {
    let (product, name) = call;
    let missing = || Stop::Refused(Fault::not_found("There is no such license here."));
    guest.license(tx, ctx, product, name)?.ok_or_else(missing)
}

async fn seen(call: &Call) -> Result<SeenLicense, Fault> {
    let asked = (call.product.clone(), call.name(0).to_owned());
    call.read(move |tx, ctx, guest| named(tx, ctx, guest, &asked)).await
}

/// Who asks.
///
/// # Errors
/// 403 for a token: it is no license.
pub async fn me(call: &Call) -> Result<Answer, Fault> {
    let seen = call
        .read(|_, _, guest| match guest {
            Guest::License(own) => Ok((**own).clone()),
            Guest::Token(_) => Err(Stop::Refused(Fault::not_supported("`me` for a token"))),
        })
        .await?;
    Ok(document(call, &seen))
}

/// One license.
///
/// # Errors
/// 404.
pub async fn show(call: &Call) -> Result<Answer, Fault> {
    let seen = seen(call).await?;
    Ok(document(call, &seen))
}

fn document(call: &Call, seen: &SeenLicense) -> Answer {
    Answer::document(StatusCode::OK, &Document { data: resource::license(seen, call.app.now()) })
}

/// The features that it has.
///
/// # Errors
/// 404.
pub async fn entitlements(call: &Call) -> Result<Answer, Fault> {
    let page = call.page()?;
    let seen = seen(call).await?;
    let all = resource::entitlements(&seen);
    let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
    let data = all.into_iter().skip(page.skip as usize).take(page.size as usize).collect();
    let path = address(&call.product, &format!("licenses/{}/entitlements", seen.license.id));
    let links = PageLinks::of(&path, "", page, count);
    Ok(Answer::document(StatusCode::OK, &List { data, links, meta: Count { count } }))
}

/// One feature.
///
/// # Errors
/// 404.
pub async fn entitlement(call: &Call) -> Result<Answer, Fault> {
    let seen = seen(call).await?;
    let found = resource::entitlements(&seen).into_iter().find(|it| it.id == call.name(1));
    let data = found.ok_or_else(|| Fault::not_found("The license has no such entitlement."))?;
    Ok(Answer::document(StatusCode::OK, &Document { data }))
}

/// The plan.
///
/// # Errors
/// 404.
pub async fn policy(call: &Call) -> Result<Answer, Fault> {
    let seen = seen(call).await?;
    let installation = call.app.installation();
    let plan = installation.catalog.plan(&seen.license.product, &seen.license.plan);
    Ok(Answer::document(StatusCode::OK, &Document { data: resource::policy(&seen, plan) }))
}
