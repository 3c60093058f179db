//! getLicense.

use koogallery_simulator::{Call, Line};
use rstest::rstest;
use signet::{
    license::{
        code::device_digest,
        model::{Expiry, State},
        plan::FeatureValue,
        verify::{self, VerifyOptions},
    },
    store::OrderStatus,
};

use super::buy;
use crate::harness::{Backend, CATALOG, PUBLIC_URL, TestApp, slug, time};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_is_answered_with_a_code_that_verifies_offline(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let reply = door.done(&buy("CS0001").set("businessId", "b-0001")).await;
    assert_eq!(reply.instance_id().as_deref(), Some("b-0001"), "the first call's businessId");

    let code = reply.license().unwrap();
    let jwks = app.jwks().await;
    let atlas = slug("atlas");
    let options = VerifyOptions { product: Some(&atlas), ..VerifyOptions::at(app.now()) };
    let verified = verify::verify_code(&code, &jwks, &options).unwrap();
    let license = app.license("b-0001").await;
    assert_eq!(verified.claims.sub, license.id);
    assert_eq!(verified.claims.iss, PUBLIC_URL);
    assert_eq!((verified.claims.machines, verified.claims.rev, verified.claims.exp), (2, 1, None));
    assert_eq!(license.standing.state(), State::Active);
    assert_eq!(license.expiry, Expiry::Estimated(time("2027-03-02T08:00:00Z")));
    assert_eq!((license.customer.id.as_deref(), license.customer.name.as_deref()), (Some("c-0001"), Some("张三")));

    let product_keys = app.get("/products/atlas/jwks.json").await;
    let product_keys = signet::license::jwks::Jwks::parse(&product_keys.body).unwrap();
    verify::verify_signature(&code, &product_keys).unwrap();
    let others = signet::license::jwks::Jwks::parse(&app.get("/products/desk/jwks.json").await.body).unwrap();
    assert!(verify::verify_signature(&code, &others).is_err(), "another product's keys must not verify it");
    let mut tampered = code.into_bytes();
    let middle = tampered.len() / 2;
    tampered[middle] = if tampered[middle] == b'A' { b'B' } else { b'A' };
    assert!(verify::verify_signature(&String::from_utf8(tampered).unwrap(), &jwks).is_err());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_with_a_new_business_id_is_answered_byte_for_byte_alike(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let first = door.done(&buy("CS0001").set("businessId", "b-0001")).await;
    app.pass_days(3);
    let again = door.done(&buy("CS0001").set("businessId", "b-0002")).await;
    assert_eq!(again.body, first.body);

    // Also after a renewal has moved the expiry, and from another server on the same database.
    door.done(&super::renew("b-0001", "CS0002", "2028-03-02T08:00:00Z")).await;
    assert_eq!(door.done(&buy("CS0001")).await.body, first.body);
    let replica = app.replica().await;
    assert_eq!(replica.door(Line::License1).done(&buy("CS0001")).await.body, first.body);
    assert_eq!(app.licenses().await.len(), 1);
    assert_eq!(app.orders("CS0001").await.len(), 1);
    assert_eq!(app.license("b-0001").await.rev, 1, "no claim of this plan's code follows the expiry");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_parallel_deliveries_make_one_license(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let mut deliveries = tokio::task::JoinSet::new();
    for number in 0..50 {
        let door = door.clone();
        let call = buy("CS0001").set("businessId", &format!("b-{number:04}"));
        let request = door.market.prepare(&call);
        deliveries.spawn(async move { door.send(&request).await });
    }
    let replies = deliveries.join_all().await;
    let first = &replies[0];
    assert_eq!(first.code().as_deref(), Some("000000"), "{:?}", first.message());
    for reply in &replies {
        assert_eq!(reply.body, first.body);
    }
    let licenses = app.licenses().await;
    assert_eq!(licenses.len(), 1);
    assert_eq!(licenses[0].instance_id, first.instance_id());
    assert_eq!(app.history(&licenses[0]).await, ["issued"]);
    assert_eq!(app.all_orders().await.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_id_that_is_taken_or_looks_like_debug_is_not_given_again(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    door.done(&buy("CS0001").set("businessId", "b-0001")).await;
    let other = door.done(&buy("CS0002").set("businessId", "b-0001")).await;
    assert_ne!(other.instance_id().as_deref(), Some("b-0001"));
    let published = door.done(&buy("CS0003").set("businessId", "huaiweitest123456")).await;
    assert_ne!(published.instance_id().as_deref(), Some("huaiweitest123456"));
    assert_eq!(app.licenses().await.len(), 3);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_product_refuses_the_purchase_until_the_catalog_knows_it(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let call = buy("CS0001").product("P-NEW");
    let refused = door.answers(&call, "000002").await;
    assert!(refused.message().unwrap().contains("P-NEW"), "{:?}", refused.message());
    assert_eq!(app.open_alerts().await, ["purchase_refused"]);
    assert_eq!(app.licenses().await.len(), 0);
    door.answers(&call, "000002").await;
    assert_eq!(app.open_alerts().await, ["purchase_refused"], "a repeat tells nothing new");
    assert_eq!(app.orders("CS0001").await[0].status, OrderStatus::Refused);

    app.apply_catalog(&CATALOG.replace("\"P-STANDARD-YEAR\"", "\"P-STANDARD-YEAR\", \"P-NEW\"")).await;
    let (instance, first) = door.bought(&call).await;
    assert_eq!(door.done(&call).await.body, first.body);
    assert_eq!(app.license(&instance).await.plan, slug("standard"));
    assert_eq!(app.orders("CS0001").await[0].status, OrderStatus::Fulfilled);
    assert_eq!(app.open_alerts().await, [] as [&str; 0], "what the alert asked for has happened");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_channels_product_is_unknown_here(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let reply = app.door(Line::License1).answers(&buy("CS0001").product("P-PERSONAL"), "000002").await;
    assert!(reply.message().unwrap().contains("P-PERSONAL"));
    assert_eq!(app.licenses().await.len(), 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sku_names_the_plan_when_the_product_id_does_not(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let (instance, _) = door.bought(&buy("CS0001").product("P-NEW-PERIOD").sku("S-CUSTOM")).await;
    assert_eq!(app.license(&instance).await.plan, slug("custom"));
    // The product id is the more exact one.
    let (instance, _) = door.bought(&buy("CS0002").product("P-LAYERS").sku("S-CUSTOM")).await;
    assert_eq!(app.license(&instance).await.plan, slug("layers"));
    // A plan that lists its product ids is sold under these only.
    door.answers(&buy("CS0003").product("P-NEW-PERIOD").sku("S-OFFLINE"), "000002").await;
    door.answers(&buy("CS0004").product("P-NEW-PERIOD").sku("S-NEW"), "000002").await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quantity_multiplies_machines_or_sets_a_feature(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let (instance, reply) = door.bought(&buy("CS0001").amount(3)).await;
    let license = app.license(&instance).await;
    assert_eq!((license.machines, license.quantity), (6, Some(3)));
    let claims = verify::verify_signature(&reply.license().unwrap(), &app.jwks().await).unwrap().claims;
    assert_eq!(claims.machines, 6);

    let (instance, _) = door.bought(&buy("CS0002").product("P-LAYERS").amount(40)).await;
    let license = app.license(&instance).await;
    assert_eq!(license.machines, 1);
    assert_eq!(license.features["layers"], FeatureValue::Number(40));
    let (instance, _) = door.bought(&buy("CS0003").amount(u32::MAX)).await;
    assert_eq!(app.license(&instance).await.machines, signet::base::limits::MACHINES);
    door.answers(&buy("CS0004").set("amount", "-1"), "000002").await;
    door.answers(&buy("CS0004").set("amount", "4294967296"), "000002").await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_machine_code_binds_the_license_to_its_device(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let extensions = [("machineCode", "00:16:3E:AA|机房"), ("note", "第二行")];
    let (instance, reply) = door.bought(&buy("CS0001").product("P-OFFLINE").extensions(&extensions)).await;
    assert_eq!(app.license(&instance).await.device.as_deref(), Some("00:16:3E:AA|机房"));
    let claims = verify::verify_signature(&reply.license().unwrap(), &app.jwks().await).unwrap().claims;
    assert_eq!(claims.device, Some(device_digest("00:16:3E:AA|机房")));
    assert_eq!(app.open_alerts().await, [] as [&str; 0]);

    // A plan that does not bind ignores it.
    let (instance, _) = door.bought(&buy("CS0002").extensions(&extensions)).await;
    assert_eq!(app.license(&instance).await.device, None);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_extension_parameters_cost_no_license(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let encode = |text: &str| data_encoding::BASE64.encode(text.as_bytes());
    let hostile = [
        "%%%".to_owned(),
        encode("not json"),
        encode("{}"),
        encode(r#"[{"name":"machineCode"}]"#),
        encode(r#"[{"name":"machineCode","value":{"a":[1]}}]"#),
        encode(&"[".repeat(5_000)),
        encode("__import__('os').system('true')"),
        "A".repeat(17_000),
    ];
    for (number, value) in hostile.iter().enumerate() {
        let order = format!("CS1{number:03}");
        let call = buy(&order).product("P-OFFLINE").set("saasExtendParams", value);
        let (instance, _) = door.bought(&call).await;
        assert_eq!(app.license(&instance).await.device, None, "{number}");
    }
    // Each is told twice: that it could not be read, and that the plan binds but the license is bound to nothing.
    let mut alerts = app.open_alerts().await;
    alerts.sort_unstable();
    let expected = [vec!["device_missing"; hostile.len()], vec!["purchase_incomplete"; hostile.len()]].concat();
    assert_eq!(alerts, expected);

    let text = "'; DROP TABLE licenses; --\u{202e}<script>\u{0}";
    let (instance, _) = door.bought(&buy("CS2000").product("P-OFFLINE").extensions(&[("machineCode", text)])).await;
    let device = app.license(&instance).await.device.unwrap();
    assert_eq!(device, "'; DROP TABLE licenses; --<script>");
    let many: Vec<_> = (0..40).map(|_| ("machineCode", "same")).collect();
    door.done(&buy("CS2001").product("P-OFFLINE").extensions(&many)).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_period_runs_by_the_calendar_and_only_one_time_goods_never_end(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let expiry = async |call: Call| app.license(&door.bought(&call.without("expireTime")).await.0).await.expiry;
    app.set_clock("2027-12-31T10:00:00Z");
    let at = |text| Expiry::Estimated(time(text));
    let guessed = |text| Expiry::Guessed(time(text));
    let lifetime = |order| buy(order).product("P-LIFETIME");
    // Each purchase is a second after the one before.
    assert_eq!(expiry(buy("CS0001").period("month", 2)).await, at("2028-02-29T10:00:01Z"));
    assert_eq!(expiry(buy("CS0002").period("year", 1)).await, at("2028-12-31T10:00:02Z"));
    assert_eq!(expiry(lifetime("CS0003").set("chargingMode", "3")).await, Expiry::Never);
    assert_eq!(app.open_alerts().await, [] as [&str; 0]);

    // Nobody says how long: the plan's own term, and the merchant is told.
    assert_eq!(expiry(buy("CS0004")).await, guessed("2028-12-31T10:00:04Z"));
    assert_eq!(app.open_alerts().await, ["term_unknown"]);
    assert_eq!(app.alerts().await[0].detail["taken"]["years"], 1);

    // A perpetual plan alone makes nothing perpetual.
    assert_eq!(expiry(lifetime("CS0005").set("chargingMode", "1")).await, guessed("2028-01-31T10:00:05Z"));
    let by_use = lifetime("CS0006").set("chargingMode", "0");
    assert_eq!(expiry(by_use).await, guessed("2028-12-31T10:00:06Z"));
    let package = lifetime("CS0007").set("chargingMode", "5");
    assert_eq!(expiry(package).await, guessed("2028-12-31T10:00:07Z"));
    let unknown = lifetime("CS0008").set("chargingMode", "9");
    assert_eq!(expiry(unknown).await, guessed("2028-12-31T10:00:08Z"));
    assert_eq!(expiry(lifetime("CS0009").without("chargingMode")).await, guessed("2028-12-31T10:00:09Z"));
    let told = app.open_alerts().await.into_iter().filter(|kind| kind == "term_unknown").count();
    assert_eq!(told, 6);
    door.answers(&buy("CS0010").set("expireTime", "20270230000000"), "000002").await;
}

/// Regression: the plan's term of a year outlived the month that was paid for.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guessed_end_gives_way_to_the_date_the_marketplace_states(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Client);
    let (instance, _) = door.bought(&Call::buy(Line::Client, "CS0001").unwrap()).await;
    let expiry = async || app.license(&instance).await.expiry;
    assert_eq!(expiry().await, Expiry::Guessed(time("2027-03-02T08:00:01Z")), "the default plan's year");
    assert_eq!(app.open_alerts().await, [] as [&str; 0], "the merchant chose that plan for calls without details");

    let renew = |order: &str, to: &str| Call::renew(Line::Client, &instance, order, crate::harness::stamp(to));
    door.done(&renew("CS0002", "2026-05-02T08:00:00Z")).await;
    assert_eq!(expiry().await, Expiry::Confirmed(time("2026-05-02T08:00:00Z")));
    assert_eq!(app.open_alerts().await, ["expiry_lowered"]);
    // From now on the expiry is stated: one that comes late lowers nothing.
    door.done(&renew("CS0003", "2026-04-02T08:00:00Z")).await;
    assert_eq!(expiry().await, Expiry::Confirmed(time("2026-05-02T08:00:00Z")));
    assert_eq!(app.open_alerts().await, ["expiry_lowered", "expiry_not_lowered"]);
}
