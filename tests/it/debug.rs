//! Debug calls: answered as a healthy product would, for ever, in any order, and never real.

use koogallery_simulator::{Call, Line};
use rstest::rstest;
use signet::license::{
    model::State,
    verify::{self, Refusal},
};
use signet_verify::read::ReadError;

use crate::harness::{Backend, TestApp, stamp};

/// The ids the marketplace's debugging page fills in.
const ORDER: &str = "CS1906666666ABCDE";
const PRODUCT: &str = "00301-666666-0--0";
const INSTANCES: [&str; 2] = ["huaiweitest123456", "huaweitest123456"];

/// Every debug call of a line about `instance`, the purchase aside.
fn later_calls(line: Line, instance: &str) -> Vec<Call> {
    let at = stamp("2028-03-02T08:00:00Z");
    let mut calls = vec![
        Call::renew(line, instance, ORDER, at).product(PRODUCT),
        Call::renew(line, instance, ORDER, at).product(""),
        Call::refund_renewal(line, instance, ORDER, at),
        Call::release(line, instance, Some(ORDER)),
    ];
    calls.extend(Call::expire(line, instance, ORDER));
    calls.extend(Call::freeze(line, instance));
    calls.extend(Call::unfreeze(line, instance));
    calls.extend(Call::upgrade(line, instance, ORDER).map(|call| call.sku("S-NEW")));
    calls.extend(Call::query(line, &[instance]));
    calls.extend(Call::apply_license(line, instance, "E-1", at));
    calls.extend(Call::notify(line, ORDER));
    calls
}

async fn assert_untouched(app: &TestApp) {
    assert_eq!(app.licenses().await, []);
    assert_eq!(app.all_orders().await, []);
    assert_eq!(app.alerts().await, []);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_debug_call_succeeds_in_any_order_and_leaves_nothing(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    for line in Line::ALL {
        let door = app.door(line);
        // Released before it was bought, and bought again afterwards: the cases come in any order.
        for round in 0..2 {
            for instance in INSTANCES.into_iter().chain(["never-created-here"]) {
                // License 1.0 marks only its purchase.
                let unmarked = line == Line::License1 && instance == "never-created-here";
                for call in later_calls(line, instance).into_iter().rev() {
                    if !unmarked {
                        let reply = door.call(&call.clone().debug()).await;
                        assert_eq!(reply.code().as_deref(), Some("000000"), "{round} {call:?}: {:?}", reply.message());
                    }
                }
            }
            if line != Line::Code2 {
                door.done(&Call::buy(line, ORDER).unwrap().product(PRODUCT).debug()).await;
            }
        }
    }
    assert_untouched(&app).await;
    let messages = app.messages().await;
    assert!(messages.len() >= 50 && messages.iter().all(|message| message.debug), "{}", messages.len());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_debug_purchase_has_the_same_answer_for_ever(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let replica = app.replica().await;
    for line in [Line::License1, Line::Client, Line::Saas2, Line::Saas1] {
        let door = app.door(line);
        let call = Call::buy(line, ORDER).unwrap().product(PRODUCT).debug();
        let first = door.done(&call).await;
        app.pass_days(2);
        assert_eq!(door.done(&call).await.body, first.body, "{line}");
        assert_eq!(replica.door(line).done(&call).await.body, first.body, "{line}");
        let other = door.done(&Call::buy(line, "CS0001").unwrap().product(PRODUCT).debug()).await;
        assert_ne!(other.instance_id(), first.instance_id(), "{line}");
    }
    assert_untouched(&app).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_debug_code_does_not_verify_with_the_published_keys(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let reply = app.door(Line::License1).done(&Call::buy(Line::License1, ORDER).unwrap().debug()).await;
    let code = reply.license().unwrap();
    let refusal = verify::verify_signature(&code, &app.jwks().await).unwrap_err();
    assert!(refusal.as_str() == "unknown_key", "{refusal}");
    let list = app.get("/products/atlas/keys.jws").await;
    let Refusal::Read(ReadError::UnknownKey { kid }) = refusal else { unreachable!("just matched") };
    assert!(!String::from_utf8(list.body).unwrap().is_empty());
    assert!(!String::from_utf8(app.get("/products/atlas/jwks.json").await.body).unwrap().contains(&kid));

    // On the customer page it is nobody's.
    let form = format!("license={code}");
    let request = format!(
        "POST /l HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nAccept-Language: en\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = crate::harness::exchange(app.address, request.as_bytes()).await;
    let page = String::from_utf8(answer.body).unwrap();
    assert!(answer.status == 422 && page.contains("No license has this code or key"), "{page}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unflagged_calls_are_debug_only_by_their_ids(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let product = |call: Call| call.product("P-STANDARD-YEAR");
    for order in [ORDER, "MOCKPERIODYEARNEW"] {
        door.done(&product(Call::buy(Line::License1, order).unwrap())).await;
    }
    let born = door.bought(&Call::buy(Line::License1, "CS0001").unwrap().debug()).await.0;
    for instance in [born.as_str(), INSTANCES[0], INSTANCES[1], "atlas-debug-0001"] {
        for call in later_calls(Line::License1, instance) {
            door.done(&call).await;
        }
    }
    assert_untouched(&app).await;

    // On another channel these ids say nothing.
    let other = app.door(Line::Saas1);
    for instance in [born.as_str(), "atlas-debug-0001"] {
        other.answers(&Call::release(Line::Saas1, instance, None), "000003").await;
    }
    // A real purchase is real, whatever its product is called.
    let (real, _) = door.bought(&product(Call::buy(Line::License1, "CS0002").unwrap())).await;
    assert_eq!(app.license(&real).await.standing.state(), State::Active);
    door.done(&Call::release(Line::License1, &real, None)).await;
    assert_eq!(app.license(&real).await.standing.state(), State::Released);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_license_is_out_of_reach_for_flagged_calls(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    for (line, product) in [(Line::Client, "P-PERSONAL"), (Line::Saas2, "P-TEAM"), (Line::Saas1, "P-BASIC")] {
        let door = app.door(line);
        let buy = Call::buy(line, "CS0001").unwrap().product(product);
        let (instance, first) = door.bought(&buy).await;
        let before = app.license(&instance).await;
        for call in later_calls(line, &instance) {
            door.done(&call.debug()).await;
        }
        let debug = door.done(&buy.clone().debug()).await;
        assert_ne!(debug.instance_id(), first.instance_id(), "{line}: a debug call learns nothing of a real order");
        assert_eq!(app.license(&instance).await, before, "{line}");
        assert_eq!(app.history(&before).await, ["issued"]);
    }
    // A real instance that bears an id of the channel's list is real.
    let door = app.door(Line::License1);
    let buy = Call::buy(Line::License1, "CS0001").unwrap().product("P-STANDARD-YEAR");
    let (instance, _) = door.bought(&buy.set("businessId", "atlas-debug-0001")).await;
    assert_eq!(instance, "atlas-debug-0001");
    door.done(&Call::release(Line::License1, &instance, None)).await;
    assert_eq!(app.license(&instance).await.standing.state(), State::Released);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_values_do_not_fail_a_debug_call(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    for line in Line::ALL {
        let door = app.door(line);
        // License 1.0's later calls carry no flag, so only their ids make them debug: these must be readable.
        let later = if line == Line::License1 { Vec::new() } else { later_calls(line, INSTANCES[0]) };
        let calls = later.into_iter().chain(Call::buy(line, ORDER));
        for call in calls {
            let broken = call.set("expireTime", "soon").set("amount", "many").set("productId", "").set("orderId", "");
            let reply = door.call(&broken.debug()).await;
            assert_eq!(reply.code().as_deref(), Some("000000"), "{line}: {:?}", reply.message());
        }
    }
    assert_untouched(&app).await;
}
