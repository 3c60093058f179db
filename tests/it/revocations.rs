//! The revocation list: what is written into it, and how it is fetched.

mod entries;
mod fetching;

use jiff::SignedDuration;
use koogallery_simulator::{Call, Line};
use rstest::rstest;
use serde_json::{Value, json};
use signet::{
    base::{limits, secret::SecretString},
    license::{activation::Reason, model::License, revocation::Cause},
    store::RevocationRecord,
    usecase::{
        activation, keys,
        merchant::{self, Act},
        upgrade,
        validate::{self, Question},
    },
};
use signet_verify::kind::Kind;

use crate::harness::{Answer, Backend, CATALOG, TestApp, exchange, slug, stamp};

const PATH: &str = "/.well-known/license-revocations.jws";

/// A list whose signature was checked with the published keys.
async fn read(app: &TestApp, product: &str, answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    app.read_signed(Kind::Revocations, product, std::str::from_utf8(&answer.body).unwrap()).await
}

async fn list(app: &TestApp, product: &str, since: u64) -> Value {
    let answer = app.get(&format!("{PATH}?product={product}&since={since}")).await;
    read(app, product, &answer).await
}

async fn entries(app: &TestApp, product: &str) -> Value {
    list(app, product, 0).await["entries"].clone()
}

async fn act(app: &TestApp, license: &License, act: Act) {
    let id = license.id;
    app.write(move |tx, ctx| merchant::act(tx, ctx, id, act)).await.unwrap();
}

/// Moves a license to another plan of its product.
async fn move_to(app: &TestApp, license: &License, plan: &'static str) {
    // History sorts by the millisecond.
    app.pass(SignedDuration::from_secs(1));
    let id = license.id;
    app.write(move |tx, ctx| {
        let license = tx.license_for_update(id)?.unwrap();
        let plan = ctx.installation.catalog.plan(&license.product, &slug(plan)).unwrap();
        upgrade::apply(tx, ctx, license, Some(plan), None, "CS-move")
    })
    .await;
}

async fn bought(app: &TestApp, order: &str, product_id: &str) -> License {
    let call = Call::buy(Line::License1, order).unwrap().product(product_id).customer("c-0001", "张三");
    let (instance, _) = app.door(Line::License1).bought(&call.expires_at(stamp("2027-03-02T08:00:00Z"))).await;
    app.license(&instance).await
}
