//! Several servers on one database: what one changes in catalog and keys, the others notice before their next answer.

use koogallery_simulator::{AccessKey, Call, Line};
use rstest::rstest;
use signet::{
    base::secret::SecretString,
    license::{
        keys::{KeyRole, PublicKey},
        verify,
    },
    store::SigningKeyRecord,
    usecase::{keys, lookup},
};
use signet_verify::{
    claims::KeyListClaims,
    keys::{Root, read_key_list},
    read::ReadError,
};

use crate::harness::{Backend, CATALOG, TestApp, exchange, request_bytes, slug};

fn buy(order_id: &str) -> Call {
    Call::buy(Line::License1, order_id).unwrap().product("P-STANDARD-YEAR")
}

async fn rotate(app: &TestApp) -> String {
    app.write(|tx, ctx| keys::rotate(tx, ctx, &slug("atlas"), None)).await
}

async fn key_records(app: &TestApp) -> Vec<SigningKeyRecord> {
    app.read(|tx, _| Ok(tx.key_list(Some(&slug("atlas")))?)).await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalog_applied_elsewhere_is_in_force_here(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let door = app.door(Line::License1);
    door.answers(&buy("CS0001").product("P-NEW"), "000002").await;
    other.apply_catalog(&CATALOG.replace("\"P-STANDARD-YEAR\"", "\"P-STANDARD-YEAR\", \"P-NEW\"")).await;
    door.done(&buy("CS0001").product("P-NEW")).await;

    // A product more on a channel that exists: the call is read by the channel's new rules at once.
    let wider = CATALOG.replacen("products = [\"atlas\"]", "products = [\"atlas\", \"desk\"]", 1);
    assert_ne!(wider, CATALOG);
    other.apply_catalog(&wider).await;
    door.done(&buy("CS0002").product("P-PERSONAL")).await;
    // And a product less.
    other.apply_catalog(CATALOG).await;
    door.answers(&buy("CS0003").product("P-PERSONAL"), "000002").await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_added_elsewhere_answers_here(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    assert_eq!(app.get("/marketplace/koogallery/second").await.json()["resultCode"], "000001");
    let with_second = format!(
        "{CATALOG}\n[[channel]]\nslug = \"second\"\nkind = \"koogallery\"\nproducts = [\"atlas\"]\n\
         access_key = {{ file = \"keys/second\" }}\n"
    );
    std::fs::write(app.database.folder.path().join("keys/second"), "an-access-key-of-its-own\n").unwrap();
    other.apply_catalog(&with_second).await;
    let answer = app.get("/marketplace/koogallery/second").await;
    assert!(answer.header("Body-Sign").is_some(), "{}", answer.head);
    // And one that was taken away is gone with the next transaction.
    other.apply_catalog(CATALOG).await;
    app.door(Line::License1).done(&buy("CS0001")).await;
    assert!(app.get("/marketplace/koogallery/second").await.header("Body-Sign").is_none());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_rotated_elsewhere_signs_here_and_old_codes_still_verify(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let door = app.door(Line::License1);
    let first = door.done(&buy("CS0001")).await;
    let kid_of = async |code: &str| verify::verify_signature(code, &app.jwks().await).map(|it| it.kid);
    let old_kid = kid_of(&first.license().unwrap()).await.unwrap();

    let new_kid = rotate(&other).await;
    let second = door.done(&buy("CS0002")).await;
    assert_eq!(kid_of(&second.license().unwrap()).await.unwrap(), new_kid);
    assert_ne!(new_kid, old_kid);
    assert_eq!(kid_of(&first.license().unwrap()).await.unwrap(), old_kid);
    assert_eq!(door.done(&buy("CS0001")).await.body, first.body, "the first answer stays, under its old key");

    let revoked = old_kid.clone();
    other.write(move |tx, ctx| keys::revoke(tx, ctx, &revoked, None)).await;
    assert!(app.jwks().await.find(&old_kid).is_none());
    assert_eq!(kid_of(&first.license().unwrap()).await, Err(ReadError::UnknownKey { kid: old_kid }.into()));
    assert_eq!(kid_of(&second.license().unwrap()).await.unwrap(), new_kid);

    // Nobody is stranded: the license has a new code, and the old one still says whose it is.
    let (signed, _) = app.write(|tx, ctx| keys::sign_anew(tx, ctx, &slug("atlas"), None)).await;
    assert_eq!(signed, 1);
    let license = app.license(&first.instance_id().unwrap()).await;
    assert_eq!((license.rev, kid_of(&app.latest_code(&license).await).await.unwrap()), (2, new_kid));
    let old_code = SecretString::from(first.license().unwrap());
    assert!(app.read(move |tx, ctx| lookup::find(tx, ctx, &old_code)).await.is_some());
    assert_eq!(app.write(|tx, ctx| keys::sign_anew(tx, ctx, &slug("atlas"), None)).await.0, 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_rotation_publishes_the_next_list_under_the_same_root(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let records = key_records(&app).await;
    let root = records.iter().find(|it| it.role == KeyRole::Root).unwrap();
    let root = PublicKey::from_bytes(root.public_key.as_slice().try_into().unwrap()).unwrap();
    let list = async || -> KeyListClaims {
        let jws = String::from_utf8(app.get("/products/atlas/keys.jws").await.body).unwrap();
        read_key_list(&jws, &Root::new(root), "atlas", None).unwrap()
    };
    let first = list().await;
    let new_kid = rotate(&app).await;
    let second = list().await;
    assert_eq!((first.number, second.number), (1, 2));
    assert!(second.keys.iter().any(|key| key.kid == new_kid) && first.keys.iter().all(|key| key.kid != new_kid));
    let debug = records.iter().find(|it| it.role == KeyRole::Debug).unwrap();
    assert!(second.keys.iter().all(|key| key.kid != debug.kid), "a debug key stands in no list");
    assert!(app.jwks().await.find(&root.kid()).is_none(), "the root signs no codes");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotations_among_purchases_leave_no_code_without_its_key(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let door = app.door(Line::License1);
    let mut purchases = tokio::task::JoinSet::new();
    for number in 0..24 {
        let request = door.market.prepare(&buy(&format!("CS1{number:03}")));
        let door = door.clone();
        purchases.spawn(async move { door.send(&request).await });
    }
    for _ in 0..3 {
        rotate(&other).await;
    }
    let replies = purchases.join_all().await;
    let jwks = app.jwks().await;
    for reply in replies {
        assert_eq!(reply.code().as_deref(), Some("000000"), "{:?}", reply.message());
        verify::verify_signature(&reply.license().unwrap(), &jwks).unwrap();
    }
    let signing = key_records(&app).await.into_iter().filter(|it| it.role == KeyRole::Signing);
    assert_eq!(signing.count(), 4);
}

/// Regression: calls under a new access key were refused until some other transaction loaded the snapshot anew; a refresh
/// that comes only once would have been lost.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_key_changed_elsewhere_opens_the_door_with_the_first_call(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let key_file = app.database.folder.path().join("keys/renewed");
    std::fs::write(key_file, "another-access-key\n").unwrap();
    other.apply_catalog(&CATALOG.replace("keys/license-1-0\"", "keys/renewed\"")).await;
    let door = app.door(Line::License1);
    let renewed = door.market.with_key(AccessKey::new("another-access-key"));
    let call = buy("CS0001");
    let exchange = renewed.call(&call).await;
    assert!(renewed.judge(&call, &exchange).passed(), "{:?}", exchange.answer);
}

/// Regression: of calls that came together only the one that looked for the new key was let in; the others were refused
/// while it looked.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_key_changed_elsewhere_opens_the_door_to_all_that_come_at_once(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let key_file = app.database.folder.path().join("keys/renewed");
    std::fs::write(key_file, "another-access-key\n").unwrap();
    other.apply_catalog(&CATALOG.replace("keys/license-1-0\"", "keys/renewed\"")).await;
    let renewed = app.door(Line::License1).market.with_key(AccessKey::new("another-access-key"));
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..8 {
        let renewed = renewed.clone();
        calls.spawn(async move {
            let call = buy(&format!("CS000{number}"));
            let exchange = renewed.call(&call).await;
            assert!(renewed.judge(&call, &exchange).passed(), "{:?}", exchange.answer);
        });
    }
    calls.join_all().await;
    assert_eq!(app.licenses().await.len(), 8);
}

/// Regression: after a wrong signature nothing was looked up for a second, so whoever kept sending some shut out the first
/// calls under a new access key.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_at_the_door_does_not_hide_a_changed_access_key(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let door = app.door(Line::License1);
    let call = buy("CS0001");
    let forged = door.market.prepare(&call).with_query("authToken", "AAAA");
    for round in 0..3 {
        let key = format!("access-key-{round}");
        std::fs::write(app.database.folder.path().join(format!("keys/{key}")), &key).unwrap();
        let catalog = CATALOG.replace("keys/license-1-0\"", &format!("keys/{key}\""));
        assert_eq!(exchange(app.address, &request_bytes(&forged)).await.json()["resultCode"], "000001");
        other.apply_catalog(&catalog).await;
        let renewed = door.market.with_key(AccessKey::new(&key));
        let exchange = renewed.call(&call).await;
        assert!(renewed.judge(&call, &exchange).passed(), "{round}: {:?}", exchange.answer);
    }
}

/// Regression: a key file that could not be read for a moment while catalog or keys were loaded anew closed its channel for
/// good.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_key_that_cannot_be_read_for_a_moment_stays(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let key_file = app.database.folder.path().join("keys/license-1-0");
    let key = std::fs::read(&key_file).unwrap();
    // Emptied by whoever is about to write it, and not readable at all.
    std::fs::write(&key_file, "").unwrap();
    app.app.reload().await.unwrap();
    door.done(&buy("CS0001")).await;
    std::fs::remove_file(&key_file).unwrap();
    std::fs::create_dir(&key_file).unwrap();
    app.app.reload().await.unwrap();
    door.done(&buy("CS0002")).await;
    // Taken away, it closes the channel; and what lies elsewhere is another key.
    std::fs::remove_dir(&key_file).unwrap();
    app.app.reload().await.unwrap();
    let request = request_bytes(&door.market.prepare(&buy("CS0003")));
    assert_eq!(exchange(app.address, &request).await.header("Body-Sign"), None);
    std::fs::write(&key_file, key).unwrap();
    app.app.reload().await.unwrap();
    std::fs::write(app.database.folder.path().join("keys/empty"), "").unwrap();
    app.apply_catalog(&CATALOG.replace("keys/license-1-0\"", "keys/empty\"")).await;
    assert_eq!(exchange(app.address, &request).await.header("Body-Sign"), None);
}
