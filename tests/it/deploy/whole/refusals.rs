//! What clouds refuse, as a deployment's holder sees it: what happened, the cloud's code and the call's id.

use std::sync::Mutex;

use rstest::rstest;
use serde_json::json;
use signet::provision::{
    plan::Cloud,
    run::{Stage, Status},
};

use super::{super::ec2::proxy::Fate, Real, Service, clouds::is_order};

const REQUEST: &str = "11111111-2222-4333-8444-555555555555";

fn error(code: &str) -> String {
    format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>Not now.</Message></Error></Errors>\
         <RequestID>{REQUEST}</RequestID></Response>"
    )
}

/// All files of the database, as bytes.
pub fn database(service: &Service) -> Vec<u8> {
    let folder = std::fs::read_dir(service.app.database.folder.path()).unwrap();
    let files = folder.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.flat_map(|path| std::fs::read(path).unwrap()).collect()
}

pub fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[rstest]
#[case::ec2(Cloud::Ec2)]
#[case::huawei(Cloud::Huawei)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_wrong_secret_is_refused_before_anything_is_kept(#[case] place: Cloud) {
    let cloud = Real::sound(place).await;
    let service = Service::start(cloud.clouds()).await;
    let mut order = service.order_at(&cloud).await;
    order["credentials"]["secret_key"] = "canary-wrong-secret".into();
    let answer = service.call("POST", "", Some(order)).await;
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 422, "{said}");
    assert!(answer.json()["type"].as_str().unwrap().ends_with("cloud-credentials"), "{said}");
    assert!(answer.json()["detail"].as_str().unwrap().contains("Check that access key and secret"), "{said}");
    let listed = service.call("GET", "", None).await;
    assert_eq!(listed.json()["deployments"], json!([]));
    assert!(!said.contains("canary") && !holds(&database(&service), "canary-wrong-secret"));
    assert_eq!(cloud.holds().await, [0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_missing_right_stops_before_anything_is_paid_for_and_is_resumed_with_it() {
    let cloud = Real::sound(Cloud::Ec2).await;
    let service = Service::start(cloud.clouds()).await;
    let mut order = service.order_at(&cloud).await;
    order["credentials"] = cloud.looker();
    let deployment = service.order(order).await;
    let record = deployment.until(|it| it.status != Status::Running).await;
    assert_eq!((record.status, record.stage), (Status::Failed, Stage::Preflight));
    let problem = deployment.shown().await["problem"].clone();
    // AWS says `UnauthorizedOperation`, moto as the other services do.
    assert_eq!((&problem["kind"], &problem["code"]), (&"permission".into(), &"AccessDenied".into()));
    assert!(problem["message"].as_str().unwrap().contains("ec2:RunInstances"), "{problem}");
    assert_eq!(cloud.holds().await, [0, 0, 0]);
    deployment.wish("resume", Some(cloud.credentials())).await;
    deployment.until_it_should_call().await;
    assert_eq!(cloud.holds().await, cloud.one());
}

/// Sold out: it fails, with the cloud's words. Too many calls: it is tried again by itself.
#[rstest]
#[case::ec2_sold_out(Cloud::Ec2, "InsufficientInstanceCapacity", 500, Some("capacity"))]
#[case::ec2_throttled(Cloud::Ec2, "RequestLimitExceeded", 503, None)]
#[case::huawei_sold_out(Cloud::Huawei, "Ecs.0018", 400, Some("capacity"))]
#[case::huawei_throttled(Cloud::Huawei, "APIGW.0308", 429, None)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_order_that_is_refused(
    #[case] place: Cloud,
    #[case] code: &'static str,
    #[case] status: u16,
    #[case] kind: Option<&str>,
) {
    let refused = Mutex::new(false);
    let cloud = Real::start(place, move |name, _| {
        let mut refused = refused.lock().unwrap();
        if !is_order(name) || *refused {
            return Fate::Pass;
        }
        *refused = true;
        match place {
            Cloud::Ec2 => Fate::Answer(status, error(code)),
            _ => {
                let body = json!({ "error_code": code, "error_msg": "Not now.", "request_id": REQUEST });
                Fate::With(status, body.to_string(), "X-Request-Id: 11111111-2222-4333-8444-555555555555\r\n")
            }
        }
    })
    .await;
    let service = Service::start(cloud.clouds()).await;
    let deployment = service.begin(&cloud).await;
    let record = deployment.until(|it| it.status != Status::Running || it.stage == Stage::BootstrapCalled).await;
    let shown = deployment.shown().await;
    match kind {
        None => {
            assert_eq!((record.status, cloud.ordered().await), (Status::Running, 1), "{shown}");
            assert!(deployment.lines().await.contains("tried again by itself"), "{shown}");
        }
        Some(kind) => {
            assert_eq!((record.status, record.stage), (Status::Failed, Stage::Accepted), "{shown}");
            let problem = &shown["problem"];
            assert_eq!((&problem["kind"], &problem["code"]), (&kind.into(), &code.into()), "{problem}");
            assert_eq!((&problem["message"], &problem["request_id"]), (&"Not now.".into(), &REQUEST.into()));
            assert_eq!(cloud.holds().await, [0, 0, 0]);
        }
    }
    let (bytes, said) = (database(&service), shown.to_string());
    assert!(holds(&bytes, "mill-1"), "the search finds what is there");
    for secret in cloud.secrets() {
        assert!(!holds(&bytes, &secret) && !said.contains(&secret), "{secret}");
    }
}
