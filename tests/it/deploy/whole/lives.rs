//! Orders whose answers get lost, workers that die, removals: one server, and in the end none.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use rstest::rstest;
use signet::provision::{
    plan::Cloud,
    run::{Stage, Status},
};

use super::{
    super::ec2::proxy::Fate,
    Deployment, Real, Service,
    clouds::{is_order, name},
};

/// Kills the worker as soon as a call hangs; otherwise it finishes its round.
async fn round_to_death(deployment: &Deployment<'_>, cloud: &Real) -> bool {
    let mut worker = deployment.round().await;
    loop {
        tokio::select! {
            ended = worker.join_next() => if ended.is_none() { return false },
            () = cloud.proxy.hangs.notified() => {
                worker.shutdown().await;
                return true;
            }
        }
    }
}

/// Works until it stands so, however often the worker dies. A stage whose time that took is resumed, as its holder would.
async fn through_deaths(deployment: &Deployment<'_>, cloud: &Real, ends: impl Fn(Stage, Status) -> bool) -> usize {
    let mut deaths = 0;
    for _ in 0..200 {
        let record = deployment.record().await;
        if ends(record.stage, record.status) {
            return deaths;
        }
        if matches!(record.status, Status::Failed | Status::NeedsCredentials) {
            let kind = deployment.shown().await["problem"]["kind"].clone();
            assert_eq!(kind, "deadline", "{}", deployment.lines().await);
            let wish = if record.goal.as_str() == "remove" { "remove" } else { "resume" };
            deployment.wish(wish, Some(cloud.credentials())).await;
        }
        deaths += usize::from(round_to_death(deployment, cloud).await);
    }
    panic!("it never came to that\n{}", deployment.lines().await);
}

/// Each call is cut off twice: before the cloud hears of it, and after it was carried out.
#[rstest]
#[case::ec2(Cloud::Ec2)]
#[case::huawei(Cloud::Huawei)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_workers_that_die_in_every_call_make_one_server_and_remove_it(#[case] place: Cloud) {
    let armed = Arc::new(Mutex::new(None::<BTreeMap<String, usize>>));
    let seen = armed.clone();
    let cloud = Real::start(place, move |name, _| {
        let mut seen = seen.lock().unwrap();
        let Some(seen) = seen.as_mut() else { return Fate::Pass };
        let times = seen.entry(name.to_owned()).or_default();
        *times += 1;
        match *times {
            1 => Fate::HangBefore,
            2 => Fate::HangAfter,
            _ => Fate::Pass,
        }
    })
    .await;
    let service = Service::start(cloud.clouds()).await;
    let deployment = service.begin(&cloud).await;
    *armed.lock().unwrap() = Some(BTreeMap::new());
    let deaths = through_deaths(&deployment, &cloud, |stage, _| stage == Stage::BootstrapCalled).await;
    let calls = armed.lock().unwrap().clone().unwrap();
    assert!(calls.keys().any(|it| is_order(it)) && deaths >= 10, "{deaths}: {calls:?}");
    assert_eq!((cloud.ordered().await, cloud.holds().await), (1, cloud.one()), "{}", deployment.lines().await);
    assert_eq!(deployment.paid().await.len(), 3);
    deployment.wish("remove", None).await;
    let more = through_deaths(&deployment, &cloud, |_, status| status == Status::Removed).await;
    assert!(more >= 1);
    assert_eq!((cloud.ordered().await, cloud.holds().await), (1, [0, 0, 0]), "{}", deployment.lines().await);
    assert_eq!(deployment.paid().await.len(), 0);
}

/// The order is carried out, and its answer is lost.
#[rstest]
#[case::ec2(Cloud::Ec2)]
#[case::huawei(Cloud::Huawei)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_order_whose_answer_is_lost_is_found_or_removed(
    #[case] place: Cloud,
    #[values(false, true)] cancel: bool,
) {
    let lost = Mutex::new(false);
    let cloud = Real::start(place, move |name, _| {
        let mut lost = lost.lock().unwrap();
        if *lost || !is_order(name) {
            return Fate::Pass;
        }
        *lost = true;
        Fate::LoseAnswer
    })
    .await;
    let service = Service::start(cloud.clouds()).await;
    let deployment = service.begin(&cloud).await;
    deployment.until(|it| it.sent).await;
    // Written down as sent is not sent yet: a removal that comes in between calls the order off.
    while cloud.ordered().await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    if cancel {
        deployment.wish("remove", None).await;
        deployment.until(|it| it.status == Status::Removed).await;
        assert_eq!((cloud.ordered().await, cloud.holds().await), (1, [0, 0, 0]));
        assert_eq!(deployment.paid().await.len(), 0);
    } else {
        deployment.until_it_should_call().await;
        assert_eq!((cloud.ordered().await, cloud.holds().await), (1, cloud.one()));
        assert_eq!(deployment.paid().await.len(), 3);
    }
}

#[test]
fn whole_orders_are_told_from_rehearsals() {
    assert!(is_order(&name("POST / HTTP/1.1\r\n", "Action=RunInstances&Version=1")));
    assert!(!is_order(&name("POST / HTTP/1.1\r\n", "Action=RunInstances&DryRun=true")));
    assert!(is_order(&name("POST /v1.1/p/cloudservers HTTP/1.1\r\n", "{}")));
    assert!(!is_order(&name("POST /v1.1/p/cloudservers HTTP/1.1\r\n", r#"{"dry_run":true}"#)));
    assert!(!is_order(&name("POST /v1/p/cloudservers/delete HTTP/1.1\r\n", "{}")));
}
