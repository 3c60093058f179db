//! Sudden death: SIGKILL at random moments under load, restart on the same data, and nothing acknowledged is lost.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use jiff::Timestamp;
use koogallery_simulator::{
    Call, Line,
    random::Random,
    soak::{Expected, SoakOptions, SoakReport, Until, soak},
};
use rstest::rstest;
use signet::{
    base::time::Time,
    cli::soak::{
        compare::compare_all,
        records::{LicenseRow, OrderRow, Records, state_named},
    },
    store::{Access, LicenseFilter, OrderFilter, Store, StoreError},
};

use super::{
    market::{goods, marketplace, products},
    support::{Backend, Installation, Service, tail},
};

const CUSTOMERS: usize = 6;
const PAGE: u32 = 100;

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// SIGNET_CRASH_KILLS sets how often, SIGNET_CRASH_SEED repeats the moments and the customers' decisions.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_to_sigkill(#[case] backend: Backend) {
    let kills = setting("SIGNET_CRASH_KILLS").unwrap_or(6);
    let random = setting("SIGNET_CRASH_SEED").map_or_else(Random::from_system, Random::seeded);
    println!("{kills} kills; SIGNET_CRASH_SEED={} repeats the moments", random.seed());
    let mut installation = Installation::new(backend);
    let service = installation.serve();

    let mut options = SoakOptions::new(products(&installation), Until::Elapsed(Duration::from_secs(24 * 3_600)));
    options.parallel = CUSTOMERS;
    options.tolerate_outages = true;
    options.patience = Duration::from_secs(120);
    options.seed = random.seed();
    let stop = Arc::clone(&options.stop);
    let load = tokio::spawn(soak(options));
    let service = die_often(&mut installation, service, &random, kills).await;
    stop.store(true, Ordering::Relaxed);
    let report = load.await.unwrap();
    print!("{report}");

    assert!(report.passed(), "{report}\n{}", tail(&service.log()));
    assert!(report.no_answers > 0, "no kill hit a call: there was no load\n{report}");
    assert!(report.expectations.iter().filter(|it| it.acknowledged).count() > CUSTOMERS, "too few purchases\n{report}");
    assert_eq!(first_answers_changed(&installation, &report).await, Vec::<String>::new());
    tokio::task::block_in_place(|| service.stop());
    let records = records(&installation).await;
    let differences = compare_all(&report.expectations, &report.run, &records);
    assert!(differences.is_empty(), "{differences:#?}\n{report}");
}

/// Kills and restarts; the moment of each death is random, so there is no condition to wait for.
async fn die_often(installation: &mut Installation, mut service: Service, random: &Random, kills: u32) -> Service {
    for _ in 0..kills {
        let moment = u64::try_from(random.between(20, 1_000)).unwrap();
        tokio::time::sleep(Duration::from_millis(moment)).await;
        service = tokio::task::block_in_place(|| {
            service.kill();
            installation.serve_again()
        });
    }
    // Half a second of life after the last death, so that what it broke can show.
    tokio::time::sleep(Duration::from_millis(500)).await;
    service
}

/// Purchases whose repetition is not answered with the first answer.
async fn first_answers_changed(installation: &Installation, report: &SoakReport) -> Vec<String> {
    let mut changed = Vec::new();
    for expected in report.expectations.iter().filter(|it| it.acknowledged && it.line != Line::Code2) {
        let again = buy_again(installation, expected).await;
        if again != (expected.instance_id.clone(), expected.license.clone()) {
            changed.push(format!("{}: {again:?} instead of {expected:?}", expected.order_id));
        }
    }
    changed
}

async fn buy_again(installation: &Installation, expected: &Expected) -> (Option<String>, Option<String>) {
    let call = goods(expected.line).fill(Call::buy(expected.line, &expected.order_id).unwrap());
    let call = match expected.line {
        Line::License1 | Line::Saas1 => call.period("year", 1),
        Line::Code2 | Line::Client | Line::Saas2 => call,
    };
    let reply = marketplace(installation, expected.line).call(&call).await.answer.unwrap();
    (reply.instance_id(), reply.license())
}

/// Everything in the database, read without the service.
async fn records(installation: &Installation) -> Records {
    let now = Time::from_micros(1_700_000_000_000_000).unwrap();
    let store = Store::open(&installation.database_url(), Access::Tool, now).await.unwrap();
    let mut records = Records::default();
    let mut after = None;
    loop {
        let read = move |tx: &mut signet::store::Tx| tx.license_page(&LicenseFilter::default(), after, PAGE);
        let page = store.read::<_, StoreError, _>(read).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        page.into_iter().for_each(|it| {
            records.add_license(LicenseRow {
                id: it.id.to_string(),
                channel: it.channel.map(|channel| channel.to_string()),
                instance_id: it.instance_id,
                state: state_named(it.standing.state().as_str()).unwrap(),
                expires_at: it.expiry.at().map(timestamp),
                created_at: timestamp(it.created_at),
            });
        });
    }
    let mut after = None;
    loop {
        let read = move |tx: &mut signet::store::Tx| tx.order_page(&OrderFilter::default(), after, PAGE);
        let page = store.read::<_, StoreError, _>(read).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        page.into_iter().for_each(|it| {
            records.add_order(OrderRow {
                channel: it.channel.map(|channel| channel.to_string()),
                kind: it.kind.as_str().to_owned(),
                status: it.status.as_str().to_owned(),
                order_id: it.order_id,
                license_id: it.license_id.map(|id| id.to_string()),
                created_at: timestamp(it.created_at),
            });
        });
    }
    store.close().await;
    records
}

fn timestamp(time: Time) -> Timestamp {
    Timestamp::from_microsecond(time.as_micros()).unwrap()
}
