//! What the service asks of the marketplace by itself, and that it goes on where it was killed.

use koogallery_simulator::{
    Call, Line,
    open::{BookedOrder, Fault, OpenMarketplace},
    reply::Reply,
};
use rstest::rstest;
use serde_json::json;
use signet::{
    base::clock::{Clock as _, SystemClock},
    store::{Access, Store, StoreError, Tx, UploadRecord},
};
use tokio::task::block_in_place;

use super::{
    market::{days_from, marketplace, new_order},
    support::{Backend, Installation, Service, tail, wait_until},
};

const LINE: Line = Line::Client;
const SETTINGS: [(&str, &str); 1] = [("SIGNET_PROVIDER_NETWORKS", "127.0.0.1")];
/// The credentials: no log may show the second.
const KEYS: (&str, &str) = ("open-access-key", "canary-open-secret-key");

/// An installation whose client line asks the marketplace.
async fn installed(backend: Backend) -> (Installation, OpenMarketplace) {
    let installation = Installation::new(backend);
    let open = OpenMarketplace::open(KEYS.0, KEYS.1).await.unwrap();
    std::fs::write(installation.data().join("keys/open-access"), KEYS.0).unwrap();
    std::fs::write(installation.data().join("keys/open-secret"), KEYS.1).unwrap();
    let catalog = std::fs::read_to_string(installation.catalog()).unwrap();
    let keys = "access_key = { file = \"keys/open-access\" }, secret_key = { file = \"keys/open-secret\" }";
    let old = "default_plan = \"atlas-desk/personal\"\n";
    let asking = catalog.replacen(old, &format!("open_api = {{ {keys}, host = \"{}\" }}\n", open.url()), 1);
    assert_ne!(asking, catalog);
    std::fs::write(installation.catalog(), asking).unwrap();
    (installation, open)
}

async fn answered(installation: &Installation, call: &Call, code: &str) -> Reply {
    let reply = marketplace(installation, LINE).call(call).await.answer.unwrap();
    assert_eq!(reply.code().as_deref(), Some(code), "{:?}", reply.message());
    reply
}

fn killed(installation: &Installation, service: Service) -> Service {
    service.kill();
    installation.serve_again_with(&SETTINGS)
}

/// As if the two minutes were over for which a claim holds: the executable has no other clock than the machine's.
async fn claims_end(installation: &Installation) {
    let now = SystemClock.now();
    let store = Store::open(&installation.database_url(), Access::Tool, now).await.unwrap();
    let end = move |tx: &mut Tx| {
        for (upload, _) in tx.uploads_due(now.plus_days(1), 10)? {
            tx.upload_save(&UploadRecord { next_at: Some(now), ..upload })?;
        }
        Ok::<_, StoreError>(())
    };
    store.write(end).await.unwrap();
    store.close().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_and_a_devices_license_survive_sigkill(#[case] backend: Backend) {
    let (mut installation, open) = installed(backend).await;
    let service = block_in_place(|| installation.serve_with(&SETTINGS));
    let order = new_order();
    let buy = Call::buy(LINE, &order).unwrap();
    let instance = answered(&installation, &buy, "000004").await.instance_id().unwrap();
    let line = json!({ "chargingMode": "PERIOD", "periodType": "year", "periodNumber": 1 });
    let personal = json!({ "productId": "00301-200001-0--0" });
    open.book(BookedOrder::new(&order, "NEW").line(&format!("{order}-000001"), &line, &personal));

    // A new start looks at once.
    let service = block_in_place(|| killed(&installation, service));
    let token = block_in_place(|| installation.token("licenses:read"));
    let license = || {
        let (_, licenses) = installation.get_with_token("/api/v1/licenses?product=atlas-desk", &token);
        serde_json::from_str::<serde_json::Value>(&licenses).unwrap()["items"][0].clone()
    };
    block_in_place(|| wait_until("the order's completion", || license()["instance_id"] == instance));
    assert_eq!((&license()["plan"], &license()["state"]), (&json!("personal"), &json!("active")));

    open.applies("E-1");
    // The answer to the upload is lost with the service that waits for it.
    open.spoil([Fault::Silence]);
    let now = marketplace(&installation, LINE).now();
    let apply = Call::apply_license(LINE, &instance, "E-1", now).unwrap();
    let apply = apply.fingerprint("MAC|DISK").expires_at(days_from(now, 30));
    answered(&installation, &apply, "000004").await;
    let called = || open.calls().iter().filter(|call| call.ends_with("/market-event/E-1/file")).count();
    block_in_place(|| wait_until("the upload", || called() == 1));
    let service = block_in_place(|| killed(&installation, service));
    // The dead one's claim still holds: the marketplace asks again, and nothing comes twice.
    answered(&installation, &apply, "000004").await;
    assert_eq!((called(), open.handed_over("E-1")), (1, None));
    claims_end(&installation).await;
    block_in_place(|| wait_until("the next upload", || open.handed_over("E-1").is_some()));
    assert_eq!(called(), 2);
    let log = service.log();
    assert!(!log.contains(KEYS.1) && !log.contains("Signature="), "{}", tail(&log));
    block_in_place(|| service.stop());
}
