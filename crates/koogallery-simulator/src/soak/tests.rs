use super::*;
use crate::{
    line::Line,
    testing::{
        marketplace,
        merchant::{Fault, Merchant},
    },
};

async fn run(fault: Fault, customers: u64, change: impl FnOnce(&mut SoakOptions)) -> (SoakReport, Merchant) {
    let (url, merchant) = Merchant::open(fault).await;
    let product = |line| Product { marketplace: marketplace(&url, line), goods: Goods::of_product("P1") };
    let products = Line::ALL.into_iter().map(product).collect();
    let mut options = SoakOptions::new(products, Until::Customers(customers));
    options.seed = 7;
    change(&mut options);
    (soak(options).await, merchant)
}

/// Expectations that the merchant's books do not meet.
fn broken(report: &SoakReport, merchant: &Merchant) -> usize {
    let met = |expected: &&Expected| {
        let code = expected.instance_id.clone().unwrap_or_default();
        let order = if expected.order_id.is_empty() { &code } else { &expected.order_id };
        match merchant.license(order) {
            Some(license) => {
                expected.instance_id.as_ref().is_none_or(|id| *id == license.instance)
                    && expected.allows(license.state, license.expires)
            }
            None => !expected.acknowledged,
        }
    };
    report.expectations.iter().filter(|expected| !met(expected)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_honest_merchant_passes_and_its_books_agree() {
    let (report, merchant) = run(Fault::None, 120, |options| options.parallel = 8).await;
    assert!(report.passed(), "{report}");
    assert_eq!(broken(&report, &merchant), 0, "{report}");
    assert_eq!(report.expectations.len(), 120);
    for line in Line::ALL {
        assert!(report.expectations.iter().any(|expected| expected.line == line && expected.acknowledged), "{line}");
    }
    assert!(report.lost > 0 && report.duplicates > 0 && report.replays > 0, "{report}");
    assert!(report.expectations.iter().any(|expected| expected.expires_exactly().is_some()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_break_a_rule_are_seen_at_once() {
    for (fault, rule) in [
        (Fault::NewLicenseOnRepeat, "same license"),
        (Fault::AcceptsReplay, "expected code"),
        (Fault::SecondReleaseFails, "expected code"),
        (Fault::HangsUp, "answered"),
    ] {
        let (report, _) = run(fault, 60, |_| {}).await;
        assert!(report.violations.iter().any(|violation| violation.rule == rule), "{fault:?}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_break_a_rule_are_seen_at_the_end() {
    for fault in [Fault::LowersExpiry, Fault::AppliesStaleChange] {
        let (report, merchant) = run(fault, 120, |_| {}).await;
        assert!(report.passed(), "the answers alone show nothing: {report}");
        assert!(broken(&report, &merchant) > 0, "{fault:?}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outages_are_ridden_out_when_they_are_expected() {
    let (report, merchant) = run(Fault::HangsUp, 60, |options| options.tolerate_outages = true).await;
    assert!(report.passed(), "{report}");
    assert!(report.retries > 0);
    assert_eq!(broken(&report, &merchant), 0, "{report}");
}

#[tokio::test]
async fn a_dead_service_is_given_up_and_nothing_is_claimed_of_it() {
    let product = Product { marketplace: marketplace("http://127.0.0.1:9/", Line::License1), goods: Goods::default() };
    let mut options = SoakOptions::new(vec![product], Until::Customers(2));
    options.patience = Duration::from_millis(50);
    options.tolerate_outages = true;
    let report = soak(options).await;
    assert_eq!(report.given_up, 2);
    assert!(report.expectations.iter().all(|expected| !expected.acknowledged && expected.instance_id.is_none()));
}

#[tokio::test]
async fn a_seed_repeats_its_decisions() {
    let (first, _) = run(Fault::None, 20, |options| options.parallel = 1).await;
    let (second, _) = run(Fault::None, 20, |options| options.parallel = 5).await;
    assert_eq!(first.steps, second.steps);
    assert_ne!(first.run, second.run);
}

#[tokio::test]
async fn it_stops_when_told_and_ends_in_time() {
    let (report, _) = run(Fault::None, 1_000, |options| options.stop.store(true, Ordering::Relaxed)).await;
    assert!(report.expectations.is_empty());
    let (report, _) = run(Fault::None, 0, |options| options.until = Until::Elapsed(Duration::from_millis(200))).await;
    assert!(!report.expectations.is_empty() && report.elapsed < Duration::from_secs(20));
}
