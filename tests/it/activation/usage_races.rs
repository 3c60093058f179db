//! Many reports at once: the limit is met exactly, and none is counted twice.

use std::{collections::BTreeMap, sync::Arc};

use rstest::rstest;
use signet::{
    store::StoreError,
    usecase::{
        Failure,
        activation::{Became, Reported},
    },
};
use tokio::task::JoinSet;

use super::{
    activate, machine,
    usage::{Metered, report, try_reports},
};
use crate::harness::Backend;

/// Asks until there is an answer: a server under load may say that it did nothing and ask to try again.
async fn answered(it: &Metered, text: &str, id: signet::base::ids::ActivationId) -> Reported {
    for _ in 0..40 {
        match try_reports(&it.app, &it.sold, id, vec![report(text)]).await {
            Err(Failure::Store(StoreError::Contended { .. } | StoreError::Busy)) => {}
            result => return result.unwrap().unwrap(),
        }
    }
    panic!("forty times without an answer")
}

/// 32 reports of 1, each sent twice at once, by two machines; 20 fit.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_reports_at_once_meet_the_limit_exactly(#[case] backend: Backend) {
    let it = Arc::new(Metered::start(backend).await);
    let second = activate(&it.app, &it.sold.key, machine(2)).await.unwrap().activation.id;
    let mut racers = JoinSet::new();
    for number in 0..64 {
        let it = it.clone();
        racers.spawn(async move {
            let text = format!("r{} runs 1", number / 2);
            // Both of a report are its machine's: it sends it again before the first answer came.
            let id = if number / 2 % 2 == 0 { it.id } else { second };
            answered(&it, &text, id).await
        });
    }
    let mut became: BTreeMap<String, Vec<Became>> = BTreeMap::new();
    for reported in racers.join_all().await {
        let (id, what) = reported.reports.into_iter().next().unwrap();
        became.entry(id).or_default().push(what);
    }
    let times = |what: Became| became.values().filter(|both| both.contains(&what)).count();
    assert_eq!((became.len(), times(Became::Counted), times(Became::Repeated)), (32, 20, 20), "{became:?}");
    assert!(became.values().all(|both| both[0].refused().is_none() == both[1].refused().is_none()), "{became:?}");
    assert_eq!((it.total("runs").await, it.shows("runs").await), (200_000, "20 0".to_owned()));
}

/// The merchant's programs and machines add to one total.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn machines_and_merchant_at_once_lose_nothing(#[case] backend: Backend) {
    let it = Arc::new(Metered::start(backend).await);
    let mut racers = JoinSet::new();
    for number in 0..16 {
        let (reporting, adding) = (it.clone(), it.clone());
        racers.spawn(async move {
            let reported = answered(&reporting, &format!("r{number} plain 0.0001"), reporting.id).await;
            assert_eq!(reported.reports[0].1, Became::Counted);
        });
        racers.spawn(async move { adding.merchant_adds_patiently("plain", 1).await });
    }
    racers.join_all().await;
    assert_eq!((it.total("plain").await, it.shows("plain").await), (32, "0.0032 -".to_owned()));
}
