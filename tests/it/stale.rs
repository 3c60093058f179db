//! Catalog and keys changed by another process on the same database: the server notices at the next call.

use koogallery_simulator::{Call, Line};
use rstest::rstest;
use signet::{
    license::{jwks::Jwks, verify},
    usecase::keys,
};

use crate::harness::{Backend, CATALOG, TestApp, slug, stamp};

fn buy(order_id: &str) -> Call {
    Call::buy(Line::License1, order_id).unwrap().product("P-STANDARD-YEAR")
}

/// Which key signed a code that must verify with `jwks`.
fn signer(code: &str, jwks: &Jwks) -> String {
    verify::verify_signature(code, jwks).unwrap().kid
}

async fn rotate(app: &TestApp) -> String {
    let atlas = slug("atlas");
    app.write(move |tx, ctx| keys::rotate(tx, ctx, &atlas, None)).await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalog_applied_elsewhere_is_sold_by_at_once(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let door = app.door(Line::License1);
    door.answers(&buy("CS0001").product("P-NEW"), "000002").await;
    other.apply_catalog(&CATALOG.replace("\"P-STANDARD-MONTH\"", "\"P-NEW\"")).await;
    door.done(&buy("CS0001").product("P-NEW")).await;
    door.answers(&buy("CS0002").product("P-STANDARD-MONTH"), "000002").await;
    assert_eq!(app.licenses().await.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_added_elsewhere_is_answered_and_one_removed_is_not(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let added = format!(
        "{CATALOG}\n[[channel]]\nslug = \"second\"\nkind = \"koogallery\"\nproducts = [\"atlas\"]\n\
         access_key = {{ file = \"keys/license-1-0\" }}\n"
    );
    assert_eq!(app.get("/marketplace/koogallery/second").await.header("Body-Sign"), None);
    other.apply_catalog(&added).await;
    assert!(app.get("/marketplace/koogallery/second").await.header("Body-Sign").is_some(), "now it has a key");

    // A channel taken away sells no more, also when the server has not noticed yet.
    let (before, channel) = CATALOG.split_once("[[channel]]\nslug = \"license-1-0\"").unwrap();
    let (_, after) = channel.split_once("[[channel]]").unwrap();
    other.apply_catalog(&format!("{before}[[channel]]{after}")).await;
    let market = app.door(Line::License1).market;
    for order_id in ["CS0001", "CS0002"] {
        let reply = market.call(&buy(order_id)).await.answer.unwrap();
        assert_eq!(reply.code().as_deref(), Some("000001"), "{:?}", reply.message());
    }
    assert_eq!(app.licenses().await.len(), 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_rotated_elsewhere_signs_the_next_code_and_the_old_code_stays_true(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let door = app.door(Line::License1);
    let before = door.done(&buy("CS0001")).await;
    let first = signer(&before.license().unwrap(), &app.jwks().await);

    let second = rotate(&other).await;
    assert_ne!(first, second);
    let after = door.done(&buy("CS0002")).await;
    let jwks = app.jwks().await;
    assert_eq!(signer(&after.license().unwrap(), &jwks), second);
    assert_eq!(signer(&before.license().unwrap(), &jwks), first);
    assert_eq!(door.done(&buy("CS0001")).await.body, before.body, "the first answer stays, whatever key signed it");
    assert_eq!(other.jwks().await, jwks);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_published_keys_follow_without_a_call_between(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let before = app.jwks().await;
    let kid = rotate(&other).await;
    assert!(before.find(&kid).is_none());
    assert!(app.jwks().await.find(&kid).is_some(), "who verifies must know the key before its first code arrives");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_revoked_elsewhere_leaves_the_published_keys(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let door = app.door(Line::License1);
    let code = door.done(&buy("CS0001")).await.license().unwrap();
    let first = signer(&code, &app.jwks().await);
    let active = first.clone();
    let refused =
        other.app.write(signet::usecase::Actor::CommandLine, move |tx, ctx| keys::revoke(tx, ctx, &active, None));
    assert!(refused.await.is_err(), "a key in use is rotated first");
    assert!(app.jwks().await.find(&first).is_some());

    rotate(&other).await;
    let revoked = first.clone();
    other.write(move |tx, ctx| keys::revoke(tx, ctx, &revoked, None)).await;
    for jwks in [app.jwks().await, other.jwks().await] {
        assert!(jwks.find(&first).is_none());
        assert!(verify::verify_signature(&code, &jwks).is_err());
    }
    let product = Jwks::parse(&app.get("/products/atlas/jwks.json").await.body).unwrap();
    assert!(product.find(&first).is_none());
    signer(&door.done(&buy("CS0002")).await.license().unwrap(), &app.jwks().await);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purchases_during_rotations_are_all_answered_and_verify(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let door = app.door(Line::License1);
    let mut deliveries = tokio::task::JoinSet::new();
    for number in 0..24 {
        let request = door.market.prepare_at(&buy(&format!("CS1{number:03}")), stamp("2026-03-02T08:00:00Z"));
        let door = door.clone();
        deliveries.spawn(async move { door.send(&request).await });
    }
    let mut kids = Vec::new();
    for _ in 0..3 {
        kids.push(rotate(&other).await);
    }
    let replies = deliveries.join_all().await;
    let jwks = app.jwks().await;
    for reply in replies {
        assert_eq!(reply.code().as_deref(), Some("000000"), "{:?}", reply.message());
        signer(&reply.license().unwrap(), &jwks);
    }
    assert!(kids.iter().all(|kid| jwks.find(kid).is_some()));
    let latest = door.done(&buy("CS2000")).await.license().unwrap();
    assert_eq!(Some(&signer(&latest, &jwks)), kids.last());
}
