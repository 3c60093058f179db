//! getLicenseAsync: a license for each device, within what the order covers.

use koogallery_simulator::{Call, Line};
use rstest::rstest;
use signet::{
    base::limits,
    license::{
        code::device_digest,
        model::License,
        seal::Purpose,
        verify::{self, VerifyOptions},
    },
    usecase::lookup,
};
use signet_verify::{jws, kind::Kind};

use crate::harness::{Backend, Door, TestApp, stamp};

const LINE: Line = Line::Client;

fn apply(instance: &str, event: &str, fingerprint: &str) -> Call {
    let call = Call::apply_license(LINE, instance, event, stamp("2026-03-02T08:00:00Z")).unwrap();
    call.fingerprint(fingerprint).expires_at(stamp("2026-12-31T00:00:00Z"))
}

async fn bought(app: &TestApp) -> (Door, String) {
    let door = app.door(LINE);
    let (instance, _) = door.bought(&Call::buy(LINE, "CS0001").unwrap()).await;
    (door, instance)
}

async fn devices(app: &TestApp, license: &License) -> usize {
    let id = license.id;
    app.read(move |tx, _| Ok(tx.device_code_fingerprints(id)?.len())).await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_has_one_code_however_often_it_comes(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let (door, instance) = bought(&app).await;
    let license = app.license(&instance).await;
    let code = async || {
        let id = license.id;
        let found = app.read(move |tx, _| Ok(tx.device_code_find(id, "E-1", &device_digest("MAC|DISK|BOARD|CPU"))?));
        found.await.expect("a device code")
    };
    door.answers(&apply(&instance, "E-1", "MAC|DISK|BOARD|CPU"), "000004").await;
    let first = code().await;
    app.pass_days(1);
    door.answers(&apply(&instance, "E-1", "MAC|DISK|BOARD|CPU"), "000004").await;
    assert_eq!(code().await, first);
    assert_eq!(devices(&app, &license).await, 1);
    assert_eq!(app.history(&license).await, ["issued", "device_licensed"]);
    // The same device under a new application is no further seat.
    door.answers(&apply(&instance, "E-2", "MAC|DISK|BOARD|CPU"), "000004").await;
    assert_eq!(devices(&app, &license).await, 1);
}

/// Regression: the text for one device carried `typ` and `aud` of a license code, and passed for one everywhere.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_license_of_one_device_passes_for_no_license_code(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let (door, instance) = bought(&app).await;
    let license = app.license(&instance).await;
    door.answers(&apply(&instance, "E-1", "A"), "000004").await;
    let id = license.id;
    let record = app.read(move |tx, _| Ok(tx.device_code_find(id, "E-1", &device_digest("A"))?)).await.unwrap();
    let aad = format!("device-code/{}", record.id);
    let signature = app.master.open(Purpose::CodeSignature, &aad, &record.sealed_signature).unwrap();
    let text = jws::assemble(&record.payload, signature.as_slice().try_into().unwrap());

    let (keys, options) = (app.jwks().await, VerifyOptions::at(app.now()));
    let verified = verify::verify_either(&text, &keys, &options).unwrap();
    assert_eq!(verified.kind(), Kind::DeviceCode);
    assert_eq!(verified.claims.aud.to_string(), "desk/device");
    assert_eq!((verified.claims.machines, verified.claims.device), (1, Some(device_digest("A"))));
    assert!(text.len() <= limits::LICENSE_CODE_CHARS);
    assert_eq!(verify::verify_code(&text, &keys, &options).unwrap_err().as_str(), "wrong_kind");
    let shown = async |text: String| app.read(move |tx, ctx| lookup::find(tx, ctx, &text.clone().into())).await;
    assert!(shown(text).await.is_none(), "the customer page shows licenses, not devices");
    assert!(shown(app.latest_code(&license).await).await.is_some());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reason_to_refuse_has_its_code(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let (door, instance) = bought(&app).await;
    let license = app.license(&instance).await;
    door.answers(&apply(&instance, "E-1", "A").without("deviceFingerprint"), "000903").await;
    door.answers(&apply(&instance, "E-1", "A").without("expireTime"), "000902").await;
    let too_long = apply(&instance, "E-1", "A").expires_at(stamp("2027-04-02T08:00:00Z"));
    door.answers(&too_long, "000901").await;
    door.answers(&apply(&instance, "E-1", "A").expires_at(stamp("2026-01-01T00:00:00Z")), "000901").await;
    door.answers(&apply(&instance, "E-1", &"F".repeat(limits::FINGERPRINT_BYTES + 1)), "000002").await;
    door.answers(&apply(&instance, "E-1", "A").set("effectiveTime", "tomorrow"), "000002").await;
    door.answers(&apply("nobody", "E-1", "A"), "000003").await;
    assert_eq!(devices(&app, &license).await, 0);

    // The plan covers two devices.
    door.answers(&apply(&instance, "E-1", &"F".repeat(limits::FINGERPRINT_BYTES)), "000004").await;
    door.answers(&apply(&instance, "E-2", "B"), "000004").await;
    let refused = door.answers(&apply(&instance, "E-3", "C"), "000900").await;
    assert!(refused.message().unwrap().contains('2'), "{:?}", refused.message());
    door.answers(&apply(&instance, "E-4", "B"), "000004").await;
    assert_eq!(devices(&app, &license).await, 2);

    door.done(&Call::freeze(LINE, &instance).unwrap()).await;
    door.answers(&apply(&instance, "E-5", "B"), "000901").await;
    door.answers(&apply(&instance, "E-2", "B"), "000004").await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_applications_never_pass_the_limit(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let (door, instance) = bought(&app).await;
    let mut applications = tokio::task::JoinSet::new();
    for number in 0..12 {
        let request = door.market.prepare(&apply(&instance, &format!("E-{number}"), &format!("DEVICE-{number}")));
        let door = door.clone();
        applications.spawn(async move { door.send(&request).await.code().unwrap() });
    }
    let codes = applications.join_all().await;
    assert_eq!(codes.iter().filter(|code| *code == "000004").count(), 2, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| *code == "000900").count(), 10, "{codes:?}");
    assert_eq!(devices(&app, &app.license(&instance).await).await, 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_before_the_orders_details_must_come_again(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door_at("client-waiting", LINE);
    let reply = door.answers(&Call::buy(LINE, "CS0001").unwrap(), "000004").await;
    door.answers(&apply(&reply.instance_id().unwrap(), "E-1", "A"), "000901").await;
}
