//! What goes wrong at the cloud and on the way there.

use std::sync::Arc;

use jiff::SignedDuration;
use rstest::rstest;
use signet::{
    base::clock::{Clock, ManualClock, SystemClock},
    provision::provider::{Progress, Provider, RemovalProgress, ResourceKind, Trouble},
};

use super::{
    ACCESS_KEY, Fake, SECRET_KEY, TOKEN, USER_DATA, attempt, credentials,
    life::{created, decided},
    order,
};

#[rstest]
#[case("sold_out", Trouble::Capacity, "Ecs.0018")]
#[case("quota", Trouble::Quota, "Ecs.0001")]
#[case("payment", Trouble::Payment, "Ecs.0003")]
#[case("token_too_old", Trouble::Attempt, "Ecs.0124")]
#[case("throttled", Trouble::Throttled, "APIGW.0308")]
#[case("unavailable", Trouble::Unknown, "APIGW.0201")]
#[tokio::test]
async fn huawei_a_refused_order(#[case] fault: &str, #[case] trouble: Trouble, #[case] code: &str) {
    let fake = Fake::start();
    let cloud = fake.cloud();
    cloud.zones().await.unwrap();
    fake.fault(fault, 1).await;
    let error = cloud.create(&order(), &attempt(1)).await.unwrap_err();
    assert_eq!((error.trouble, error.code.as_deref()), (trouble, Some(code)));
    assert_eq!(error.request_id.as_deref(), Some("request-1"));
    let calls = fake.state().await["calls"].to_string();
    assert_eq!(calls.matches("POST").count(), 1, "an order is sent once: {calls}");
}

#[tokio::test]
async fn huawei_an_order_that_does_not_fit() {
    let fake = Fake::start();
    let cloud = fake.cloud();
    let mut other = order();
    other.subnet = "wrong-1".to_owned();
    assert_eq!(cloud.rehearse(&other).await.unwrap_err().trouble, Trouble::Choice);
    cloud.create(&order(), &attempt(1)).await.unwrap();
    let error = cloud.create(&other, &attempt(1)).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Choice);
    other = order();
    other.disk_gib = 40;
    assert_eq!(cloud.create(&other, &attempt(1)).await.unwrap_err().code.as_deref(), Some("Ecs.0122"));
    let mut wrong = attempt(1);
    wrong.token = wrong.token.to_uppercase();
    assert_eq!(cloud.create(&order(), &wrong).await.unwrap_err().code.as_deref(), Some("Ecs.0123"));
}

#[tokio::test]
async fn huawei_a_lost_answer_is_unknown_and_the_server_is_found() {
    let fake = Fake::start();
    let cloud = fake.cloud();
    cloud.zones().await.unwrap();
    fake.fault("lost", 1).await;
    let error = cloud.create(&order(), &attempt(1)).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Unknown);
    let again = cloud.create(&order(), &attempt(1)).await.unwrap();
    let server = created(&cloud, &again).await;
    assert_eq!(cloud.find(&attempt(1)).await.unwrap().unwrap().server, Some(server.id));
    assert_eq!(fake.state().await["orders"].as_array().unwrap().len(), 1);
}

#[rstest]
#[case("fail", Trouble::Unexpected)]
#[case("job_sold_out", Trouble::Capacity)]
#[case("unpaid", Trouble::Payment)]
#[tokio::test]
async fn huawei_a_job_that_fails_and_leaves_nothing(#[case] fault: &str, #[case] trouble: Trouble) {
    let fake = Fake::start();
    fake.fault(fault, 1).await;
    let cloud = fake.cloud();
    let accepted = cloud.create(&order(), &attempt(1)).await.unwrap();
    match decided(&cloud, &accepted).await {
        Progress::Failed { error, left } => assert_eq!((error.trouble, left), (trouble, Vec::new())),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn huawei_what_a_failed_rollback_left_is_listed_and_can_be_removed() {
    let fake = Fake::start();
    fake.fault("rollback_failed", 1).await;
    let cloud = fake.cloud();
    let accepted = cloud.create(&order(), &attempt(1)).await.unwrap();
    let Progress::Failed { error, left } = decided(&cloud, &accepted).await else { panic!("it did not fail") };
    assert_eq!((error.trouble, error.code.as_deref()), (Trouble::Leftover, Some("Ecs.0401")));
    assert!(left.iter().any(|resource| resource.kind == ResourceKind::Address));
    let removal = cloud.remove(&left).await.unwrap();
    for _ in 0..4 {
        cloud.removal(&removal).await.unwrap();
    }
    assert_eq!(cloud.removal(&removal).await.unwrap(), RemovalProgress::Done);
    let state = fake.state().await;
    assert_eq!((state["servers"].as_array().unwrap().len(), state["addresses"].as_object().unwrap().len()), (0, 0));
}

#[tokio::test]
async fn huawei_a_removal_that_fails_says_what_is_left() {
    let fake = Fake::start();
    let cloud = fake.cloud();
    let server = created(&cloud, &cloud.create(&order(), &attempt(1)).await.unwrap()).await;
    fake.fault("delete_failed", 1).await;
    let removal = cloud.remove(&server.resources[..1]).await.unwrap();
    for _ in 0..3 {
        assert_eq!(cloud.removal(&removal).await.unwrap(), RemovalProgress::Pending);
    }
    match cloud.removal(&removal).await.unwrap() {
        RemovalProgress::Failed { error, left } => {
            assert_eq!((error.code.as_deref(), left.as_slice()), (Some("Ecs.0605"), &server.resources[..1]));
        }
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case("throttled")]
#[case("unavailable")]
#[tokio::test]
async fn huawei_questions_are_repeated_but_not_for_ever(#[case] fault: &str) {
    let fake = Fake::start();
    let cloud = fake.cloud();
    fake.fault(fault, 2).await;
    assert_eq!(cloud.zones().await.unwrap().len(), 2);
    fake.fault(fault, 100).await;
    assert!(cloud.zones().await.unwrap_err().trouble.passes());
}

#[rstest]
#[case("no_project", Trouble::Permission)]
#[case("two_projects", Trouble::Unexpected)]
#[tokio::test]
async fn huawei_there_must_be_exactly_one_project(#[case] fault: &str, #[case] trouble: Trouble) {
    let fake = Fake::start();
    fake.fault(fault, 1).await;
    assert_eq!(fake.cloud().zones().await.unwrap_err().trouble, trouble);
}

#[tokio::test]
async fn huawei_wrong_clocks_are_told_from_wrong_keys() {
    let fake = Fake::start();
    let late = ManualClock::new(SystemClock.now().saturating_add(SignedDuration::from_mins(20)));
    let cloud = fake.cloud_with(credentials(SECRET_KEY, None), Arc::new(late));
    assert_eq!(cloud.identity().await.unwrap_err().trouble, Trouble::Clock);
    let cloud = fake.cloud_with(credentials("wrong", None), Arc::new(SystemClock));
    assert_eq!(cloud.identity().await.unwrap_err().trouble, Trouble::Credentials);
}

#[tokio::test]
async fn huawei_errors_hold_no_secrets() {
    let fake = Fake::start();
    let token = TOKEN.repeat(4);
    let wrong = fake.cloud_with(credentials("canary-secret-key", Some(&token)), Arc::new(SystemClock));
    let error = wrong.identity().await.unwrap_err();
    let mut errors = vec![format!("{error} {error:?}")];
    let mut order = order();
    order.image = "none".to_owned();
    let error = fake.cloud().create(&order, &attempt(1)).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("Ecs.0031"));
    errors.push(format!("{error} {error:?} {:?}", fake.cloud()));
    let script = data_encoding::BASE64.encode(USER_DATA.as_bytes());
    for error in errors {
        for secret in [ACCESS_KEY, SECRET_KEY, "canary", "FakeToken", "special=chars", &script[..16], "Signature=0"] {
            assert!(!error.contains(secret), "{secret} in {error}");
        }
    }
}
