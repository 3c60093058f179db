//! The wizard and the page of a deployment in headless Chromium: with a script, checked for accessibility by axe.

use std::time::Duration;

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::json;
use signet::{
    jobs,
    provision::{
        provider::{CloudError, Trouble},
        run::{Stage, Status},
    },
    usecase::deployment::{Deployment, Obstacle},
};
use tokio::task::{JoinHandle, JoinSet};

use super::{Service, agency, begun};
use crate::browser::{chromium, run, screenshots};

/// Works on deployments as the service does, while time passes.
fn worker(service: &Service) -> JoinHandle<()> {
    let (app, clock) = (service.app.app.clone(), service.app.clock.clone());
    tokio::spawn(async move {
        let mut under_way = JoinSet::new();
        loop {
            under_way = jobs::deployments::round(&app, under_way).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            clock.advance(SignedDuration::from_millis(100));
        }
    })
}

#[rstest]
#[case::in_chinese_on_a_phone("zh", "phone")]
#[case::in_english_on_a_desktop("en", "desktop")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_deploys(#[case] language: &str, #[case] size: &str) {
    let service = Service::start().await;
    let failed = failed(&service).await;
    let plan = json!({
        "language": language, "size": size, "url": service.app.app.public_url(), "chromium": chromium(),
        "folder": screenshots(), "license": { "key": service.key },
        "failed": format!("{}/license/deployments/{failed}", service.app.app.public_url()),
    });
    let worker = worker(&service);
    let output = tokio::task::spawn_blocking(move || run("deploy.mjs", &plan)).await.unwrap();
    worker.abort();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("done: deploy"), "{out}\n{err}");
}

#[rstest]
#[case::in_chinese_on_a_phone("zh", "phone")]
#[case::in_english_on_a_desktop("en", "desktop")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_trusts_the_merchant(#[case] language: &str, #[case] size: &str) {
    let (cloud, service) = agency::start().await;
    let mut visitor = service.visitor().await;
    agency::trust(&cloud, &agency::at_credentials(&mut visitor).await.page).await;
    let plan = json!({
        "language": language, "size": size, "url": service.app.app.public_url(), "chromium": chromium(),
        "folder": screenshots(), "license": { "key": service.key }, "urn": agency::URN,
    });
    let output = tokio::task::spawn_blocking(move || run("agency.mjs", &plan)).await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("done: agency"), "{out}\n{err}");
}

#[rstest]
#[case::in_chinese_on_a_phone("zh", "phone")]
#[case::in_english_on_a_desktop("en", "desktop")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_copies_the_one_command(#[case] language: &str, #[case] size: &str) {
    let service = Service::start().await;
    let plan = json!({
        "language": language, "size": size, "url": service.app.app.public_url(), "chromium": chromium(),
        "folder": screenshots(), "license": { "key": service.key },
    });
    let worker = worker(&service);
    let output = tokio::task::spawn_blocking(move || run("own.mjs", &plan)).await.unwrap();
    worker.abort();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("done: own"), "{out}\n{err}");
}

/// A deployment that the cloud refused.
async fn failed(service: &Service) -> String {
    let mut visitor = service.visitor().await;
    let id = begun(service, &mut visitor).await;
    service
        .app
        .write(move |tx, ctx| {
            let mut deployment = Deployment::load(tx, id)?.unwrap();
            let error = CloudError::new(
                Trouble::Capacity,
                ("sim.small 在 simulated-1a 已售罄", "sim.small is sold out in simulated-1a"),
            );
            let error = error.with(Some("Simulated.SoldOut".to_owned()), Some("5f1c9d7e-simulated".to_owned()));
            deployment.stop(tx, ctx, Status::Failed, &Obstacle::cloud(Stage::Accepted, &error))?;
            deployment.save(tx, ctx)
        })
        .await;
    id.to_string()
}
