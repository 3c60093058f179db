//! A trial that becomes formal without a date. The doors ask for one; the rule stands all the same.

use koogallery_simulator::{Call, Line};
use rstest::rstest;
use signet::{
    license::model::Expiry,
    marketplace::event::{OrderRef, PlanRef, Renewal, RenewalCause, Subject},
    usecase::{outcome::Outcome, renewal},
};

use crate::harness::{Backend, TestApp, slug, time};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_that_becomes_formal_without_a_date_gets_a_guess_and_an_alert(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let trial = Call::buy(Line::License1, "CS0001").unwrap().product("P-TRIAL").trial().without("expireTime");
    let (instance, _) = app.door(Line::License1).bought(&trial).await;
    let call = Renewal {
        order: OrderRef { order_id: "CS0002".to_owned(), line_id: None },
        subject: Subject::Instance(instance.clone()),
        cause: RenewalCause::TrialToFormal,
        plan: PlanRef { product_id: Some("P-LIFETIME".to_owned()), sku_code: None },
        expires_at: None,
        period: None,
    };
    let id = app.license(&instance).await.id;
    let done = app.write(move |tx, ctx| {
        let channel = ctx.installation.catalog.channel(&slug("license-1-0")).unwrap();
        let license = tx.license_for_update(id)?.unwrap();
        renewal::renew(tx, ctx, channel, &call, license)
    });
    assert_eq!(done.await, Outcome::Done);
    let license = app.license(&instance).await;
    assert!(!license.trial);
    assert_eq!(license.expiry, Expiry::Guessed(time("2027-03-02T08:00:01Z")));
    assert_eq!(app.open_alerts().await, ["term_unknown"]);
}
