//! Sudden death of a service that deploys: SIGKILL at each stage, a new start on the same database, and in the end there is
//! one server, with software that runs.
//!
//! The service is the real executable, the cloud is moto with signatures checked. moto ignores client tokens, so that an
//! order too many is a server too many. Between them a proxy holds a call while the service is killed. What happens at the
//! same stage shares one moto, which takes longer to start than all the rest, and happens at the same time: most of it is
//! waiting until a dead worker's claim is over.

mod leaks;
mod machine;
mod scene;

use std::{ops::RangeInclusive, sync::Arc};

use serde_json::json;
use tokio::task::JoinSet;

use super::support::Backend;
use crate::deploy::ec2::proxy::Fate;
use machine::STEPS;
use scene::{Scene, Shared, Trap};

/// Nothing was ordered yet.
async fn dies_in_preflight(shared: Arc<Shared>) {
    // Security groups are the last that is looked at when the order is taken; then the worker looks at subnets again.
    let trap = Trap { after: "DescribeSecurityGroups", call: "DescribeSubnets", fate: Fate::HangBefore };
    let mut scene = Scene::begin(shared, Backend::Sqlite, false, Some(trap)).await;
    scene.dies_in_the_trap().await;
    assert_eq!(scene.proxy.count("RunInstances"), 0);
    scene.becomes_healthy(&[]).await;
}

/// The database says that the order may have been sent. It was not; where the cloud is known to honour its token, it is
/// sent again without a long wait.
async fn dies_before_the_order_arrives(shared: Arc<Shared>, backend: Backend) {
    let trap = Trap { after: "", call: "RunInstances", fate: Fate::HangBefore };
    let mut scene = Scene::begin(shared, backend, true, Some(trap)).await;
    scene.dies_in_the_trap().await;
    scene.becomes_healthy(&[]).await;
    assert_eq!(scene.proxy.count("RunInstances"), 2, "one never arrived");
}

/// The order was carried out, and nobody knows it but the cloud.
async fn dies_before_the_answer_comes(shared: Arc<Shared>, backend: Backend, idempotent: bool) {
    let trap = Trap { after: "", call: "RunInstances", fate: Fate::HangAfter };
    let mut scene = Scene::begin(shared, backend, idempotent, Some(trap)).await;
    scene.dies_in_the_trap().await;
    scene.becomes_healthy(&[]).await;
    assert_eq!(scene.proxy.count("RunInstances"), 1);
}

/// Between the server and its tags, and after the order was accepted.
async fn dies_after_the_order(shared: Arc<Shared>, call: &'static str) {
    let trap = Trap { after: "RunInstances", call, fate: Fate::HangBefore };
    let mut scene = Scene::begin(shared, Backend::Sqlite, false, Some(trap)).await;
    scene.dies_in_the_trap().await;
    scene.becomes_healthy(&[]).await;
    assert_eq!(scene.proxy.count("RunInstances"), 1);
}

async fn dies_once_the_server_is_there(shared: Arc<Shared>) {
    let mut scene = Scene::begin(shared, Backend::Sqlite, false, None).await;
    scene.until("stage", "bootstrap_called").await;
    scene.dies();
    scene.becomes_healthy(&[]).await;
}

/// After each call of the machine, which notices nothing but that it got no answer.
async fn dies_while_the_machine_works(shared: Arc<Shared>, backend: Backend) {
    let mut scene = Scene::begin(shared, backend, false, None).await;
    scene.becomes_healthy(&STEPS).await;
}

/// Before the cloud hears of the removal, after it was carried out, and while it is looked at.
async fn dies_while_it_removes(shared: Arc<Shared>, call: &'static str, fate: Fate) {
    let mut scene = Scene::begin(shared, Backend::Sqlite, false, None).await;
    scene.until("stage", "bootstrap_called").await;
    let script = scene.has_one_server().await;
    scene.set(call, fate);
    scene.call("POST", &format!("/{}/wish", scene.id), Some(json!({ "wish": "remove" })));
    scene.dies_in_the_trap().await;
    scene.until("status", "removed").await;
    assert_eq!(scene.has_one_server().await, script);
    let shown = scene.shown();
    let left = shown["resources"].as_array().unwrap().iter().filter(|it| it["removed_at"].is_null()).count();
    assert_eq!(left, 0, "{shown:#}");
}

/// Huawei Cloud's orders and removals are jobs: the service dies before each call, after it, and between it and the job's end.
async fn dies_at_huawei(shared: Arc<Shared>, idempotent: bool, trap: Trap, orders: RangeInclusive<usize>) {
    let mut scene = Scene::begin(shared, Backend::Sqlite, idempotent, Some(trap)).await;
    scene.dies_in_the_trap().await;
    scene.becomes_healthy(&[]).await;
    assert!(orders.contains(&scene.orders()), "{} of {orders:?}", scene.orders());
}

/// All to their ends, so that each that fails says so.
async fn all(mut deaths: JoinSet<()>) {
    let mut failed = 0;
    while let Some(ended) = deaths.join_next().await {
        failed += usize::from(ended.is_err());
    }
    assert_eq!(failed, 0, "what failed is told above");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_service_that_is_killed_around_its_order_makes_one_server() {
    let shared = Shared::start().await;
    let mut deaths = JoinSet::new();
    deaths.spawn(dies_in_preflight(shared.clone()));
    deaths.spawn(dies_before_the_order_arrives(shared.clone(), Backend::Sqlite));
    deaths.spawn(dies_before_the_answer_comes(shared.clone(), Backend::Sqlite, false));
    deaths.spawn(dies_before_the_answer_comes(shared.clone(), Backend::Sqlite, true));
    deaths.spawn(dies_after_the_order(shared.clone(), "CreateTags"));
    deaths.spawn(dies_after_the_order(shared.clone(), "DescribeInstances"));
    all(deaths).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_service_that_is_killed_around_its_order_at_huawei_makes_one_server() {
    let shared = Shared::start_huawei().await;
    let mut deaths = JoinSet::new();
    let (before, after) = (|| Fate::HangBefore, || Fate::HangAfter);
    for (idempotent, call, fate, orders) in [
        (false, "/quotas", before(), 1..=1),
        (true, "/cloudservers", before(), 2..=2),
        // Sent again with its token unless the server shows before: it is the same one.
        (true, "/cloudservers", after(), 1..=2),
        (false, "/cloudservers", after(), 1..=1),
        (false, "/jobs/", before(), 1..=1),
    ] {
        deaths.spawn(dies_at_huawei(shared.clone(), idempotent, Trap { after: "", call, fate }, orders));
    }
    all(deaths).await;
    assert_eq!(shared.cloud.ordered().await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_service_that_is_killed_while_it_removes_at_huawei_leaves_nothing() {
    let shared = Shared::start_huawei().await;
    let mut deaths = JoinSet::new();
    deaths.spawn(dies_while_it_removes(shared.clone(), "/cloudservers/delete", Fate::HangBefore));
    deaths.spawn(dies_while_it_removes(shared.clone(), "/cloudservers/delete", Fate::HangAfter));
    all(deaths).await;
    assert_eq!((shared.cloud.ordered().await, shared.cloud.holds().await), (2, [0, 0, 0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_service_that_is_killed_while_the_machine_works_goes_on() {
    let shared = Shared::start().await;
    let mut deaths = JoinSet::new();
    deaths.spawn(dies_once_the_server_is_there(shared.clone()));
    deaths.spawn(dies_while_the_machine_works(shared.clone(), Backend::Sqlite));
    all(deaths).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_service_that_is_killed_while_it_removes_leaves_nothing() {
    let shared = Shared::start().await;
    let mut deaths = JoinSet::new();
    deaths.spawn(dies_while_it_removes(shared.clone(), "TerminateInstances", Fate::HangBefore));
    deaths.spawn(dies_while_it_removes(shared.clone(), "TerminateInstances", Fate::HangAfter));
    deaths.spawn(dies_while_it_removes(shared.clone(), "DescribeVolumes", Fate::HangBefore));
    all(deaths).await;
    assert_eq!((shared.cloud.ordered().await, shared.cloud.holds().await[0]), (3, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_service_that_is_killed_makes_one_server_on_postgres() {
    let shared = Shared::start().await;
    let mut deaths = JoinSet::new();
    deaths.spawn(dies_before_the_order_arrives(shared.clone(), Backend::Postgres));
    deaths.spawn(dies_before_the_answer_comes(shared.clone(), Backend::Postgres, false));
    deaths.spawn(dies_while_the_machine_works(shared.clone(), Backend::Postgres));
    all(deaths).await;
}
