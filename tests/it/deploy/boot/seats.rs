//! Servers that take their seat from the real service. The rest is still [`super::fake`]'s.

use jiff::SignedDuration;
use signet::{
    catalog::PlanName,
    license::model::{Customer, License},
    usecase::{
        activation,
        merchant::{self, ByHand},
    },
};
use signet_verify::kind::Kind;

use super::{
    fake,
    machine::{Machine, Plan},
};
use crate::harness::{Backend, TestApp, slug};

/// A server of the product `mill`, on which the sample is installed as if it were that.
async fn run(app: &TestApp, pass: SignedDuration) -> (License, Machine) {
    let by_hand = ByHand {
        plan: PlanName { product: slug("mill"), plan: slug("fixed") },
        expires_at: None,
        quantity: Some(1),
        trial: false,
        device: None,
        customer: Customer::default(),
    };
    let issued = app.write(move |tx, ctx| merchant::issue(tx, ctx, &by_hand)).await.expect("a plan of the catalog");
    app.pass(pass);
    let mut plan = Plan::new("/bin/sh");
    plan.product = "mill";
    plan.play.manifest = fake::manifest(&plan.key, &plan.play.package, |it| it["aud"] = "mill/package".into());
    plan.play.license = issued.code;
    plan.play.real = Some(app.address);
    let machine = tokio::task::spawn_blocking(|| plan.run()).await.unwrap();
    (issued.license, machine)
}

#[tokio::test]
async fn boot_takes_a_seat_and_keeps_it() {
    let app = TestApp::start(Backend::Sqlite).await;
    let (license, machine) = run(&app, SignedDuration::from_secs(1)).await;
    assert_eq!(machine.fake.steps().last().unwrap(), "healthy done", "{}", machine.printed());
    let seats = app.read(move |tx, ctx| activation::list(tx, ctx, license.id, true, None, 10)).await;
    assert_eq!(seats.len(), 1, "the timer takes no second one");
    let reported = machine.fake.reports().into_iter().find_map(|it| it.activation).unwrap();
    assert_eq!(reported, seats[0].id.to_string());
    let lease = machine.file("var/lib/signet/mill/lease.jwt");
    let claims = app.read_signed(Kind::Lease, "mill", lease.trim_end()).await;
    assert_eq!(claims["activation"], reported);
    let components = claims["machine"]["components"].as_object().unwrap();
    assert!(components.contains_key("machine-id"), "{components:?}");
    assert!(machine.file("var/lib/signet/mill/keys.jwt").starts_with("ey"));
    assert_eq!(machine.left("renewed"), "0\n");
    let calls = machine.fake.calls();
    let asked: Vec<_> = calls.iter().filter(|it| it.contains("activations") || it.contains("renew")).collect();
    assert_eq!(asked, ["POST activations 201", "POST renew 200"]);
}

#[tokio::test]
async fn boot_gets_no_seat_of_a_license_that_expired() {
    let app = TestApp::start(Backend::Sqlite).await;
    let (_, machine) = run(&app, SignedDuration::from_hours(24 * 500)).await;
    assert_eq!(machine.failure(false), "license");
    let log = machine.fake.log();
    assert!(log.contains("status 403") && log.contains("no seat of the license"), "{log}");
    assert_eq!(machine.file("etc/signet/mill/license").lines().count(), 1);
}
