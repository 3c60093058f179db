//! Machines and licenses: the use cases of activation, on both databases. Every text that is signed is verified here as
//! software does it: with the key list that came along and the root that it pins.

mod bounds;
mod leases;
mod races;
mod seats;
mod usage;
mod usage_races;
mod verdicts;

use jiff::SignedDuration;
use signet::{
    base::{
        ids::ActivationId,
        secret::{ExposeSecret, SecretString},
        time::Time,
    },
    catalog::PlanName,
    license::{
        activation::Reason,
        keys::{KeyRole, PublicKey},
        model::{Customer, License},
    },
    store::ActivationRecord,
    usecase::{
        Actor, Failure,
        activation::{self, Granted, Machine, Outcome, Refused, Renewal},
        merchant::{self, Act, ByHand},
        validate::{self, Question},
        verdict::Verdict,
    },
};
use signet_verify::{
    claims::{Components, LeaseClaims, ValidationClaims},
    keys::{KeyRing, Root},
    kind::Kind,
    machine,
    read::{BySigningKey, read},
};

use crate::harness::{TestApp, slug};

/// A license with what its holder has in hand.
#[derive(Debug, Clone)]
struct Sold {
    license: License,
    key: SecretString,
    code: SecretString,
}

/// A plan of the product `mill`.
fn by_hand(plan: &str) -> ByHand {
    ByHand {
        plan: PlanName { product: slug("mill"), plan: slug(plan) },
        expires_at: None,
        quantity: None,
        trial: false,
        device: None,
        customer: Customer::default(),
    }
}

async fn sold(app: &TestApp, wanted: ByHand) -> Sold {
    let issued = app.write(move |tx, ctx| merchant::issue(tx, ctx, &wanted)).await.expect("a plan of the catalog");
    // What follows comes later, also in the history.
    app.pass(SignedDuration::from_secs(1));
    Sold { license: issued.license, key: issued.key.to_string().into(), code: issued.code.into() }
}

/// A license for so many machines.
async fn seats(app: &TestApp, plan: &str, machines: u32) -> Sold {
    sold(app, ByHand { quantity: Some(machines), ..by_hand(plan) }).await
}

/// Components from `name=value`.
fn components(parts: &[&str]) -> Components {
    let pairs = parts.iter().map(|part| part.split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), machine::digest(name, value))).collect()
}

/// Machine number `number`: nothing of it is like another.
fn machine(number: u32) -> Machine {
    let part = |name: &str| format!("{name}={number}");
    let parts = [part("machine-id"), part("board"), part("disk")];
    Machine {
        name: Some(format!("host-{number}")),
        platform: Some("linux".to_owned()),
        version: Some("2.4".to_owned()),
        components: components(&parts.each_ref().map(String::as_str)),
        ..Machine::default()
    }
}

async fn activate(app: &TestApp, credential: &SecretString, machine: Machine) -> Outcome<Granted> {
    try_activate(app, credential, machine).await.unwrap()
}

async fn try_activate(app: &TestApp, credential: &SecretString, machine: Machine) -> Result<Outcome<Granted>, Failure> {
    let credential = credential.clone();
    app.app.write(Actor::Software, move |tx, ctx| activation::activate(tx, ctx, &credential, &machine)).await
}

async fn renew(app: &TestApp, credential: &SecretString, id: ActivationId, renewal: Renewal) -> Outcome<Granted> {
    let credential = credential.clone();
    let renewed = app.app.write(Actor::Software, move |tx, ctx| activation::renew(tx, ctx, &credential, id, &renewal));
    renewed.await.unwrap_or_else(|failure: Failure| panic!("{failure}"))
}

async fn deactivate(app: &TestApp, credential: &SecretString, id: ActivationId) -> Outcome<Verdict> {
    let credential = credential.clone();
    let ended = app.app.write(Actor::Software, move |tx, ctx| activation::deactivate(tx, ctx, &credential, id));
    ended.await.unwrap_or_else(|failure: Failure| panic!("{failure}"))
}

async fn validate(app: &TestApp, credential: &SecretString, question: Question) -> Verdict {
    let credential = credential.clone();
    app.read(move |tx, ctx| validate::validate(tx, ctx, &credential, &question)).await
}

/// Whether the machine may run, and why.
async fn reason(app: &TestApp, credential: &SecretString, question: Question) -> Reason {
    validate(app, credential, question).await.reason
}

/// A question about this machine.
fn about(machine: &Machine) -> Question {
    Question { components: machine.components.clone(), ..Question::default() }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Outcome<T>) -> Refused {
    *outcome.expect_err("should be refused")
}

/// Those that have a seat, oldest first.
async fn seated(app: &TestApp, sold: &Sold) -> Vec<ActivationRecord> {
    let id = sold.license.id;
    app.read(move |tx, ctx| activation::list(tx, ctx, id, true, None, 100)).await
}

async fn act(app: &TestApp, sold: &Sold, act: Act) {
    let id = sold.license.id;
    app.write(move |tx, ctx| merchant::act(tx, ctx, id, act)).await.unwrap();
}

/// Changes the license itself, as an upgrade or a correction does.
async fn change(app: &TestApp, sold: &Sold, edit: fn(&mut License)) {
    let id = sold.license.id;
    app.write(move |tx, ctx| {
        let mut license = tx.license_for_update(id)?.expect("the license");
        edit(&mut license);
        license.updated_at = ctx.now;
        Ok(tx.license_update(&license)?)
    })
    .await;
}

/// The root that the software of `product` pins.
async fn root(app: &TestApp, product: &str) -> PublicKey {
    let product = slug(product);
    let records = app.read(move |tx, _| Ok(tx.key_list(Some(&product))?)).await;
    let root = records.iter().find(|it| it.role == KeyRole::Root).expect("a root");
    PublicKey::from_bytes(root.public_key.as_slice().try_into().unwrap()).unwrap()
}

/// What a text for `product` says, once it was verified by the key list `keys` and the product's root.
async fn verified<T: BySigningKey>(app: &TestApp, kind: Kind, product: &str, text: &str, keys: &str) -> T {
    assert_eq!(T::KIND, kind);
    let ring = KeyRing::from_list(keys, &Root::new(root(app, product).await), product, None).unwrap();
    read(text, &ring, product).unwrap().claims
}

/// What the lease says, verified.
async fn lease(app: &TestApp, granted: &Granted) -> LeaseClaims {
    verified(app, Kind::Lease, "mill", &granted.lease, &granted.keys).await
}

/// What a verdict says, verified.
async fn said(app: &TestApp, product: &str, verdict: &Verdict) -> ValidationClaims {
    let said: ValidationClaims = verified(app, Kind::Validation, product, &verdict.signed, &verdict.keys).await;
    assert_eq!((said.valid, said.reason.as_str()), (verdict.valid(), verdict.reason.as_str()));
    assert_eq!(said.conclusive, verdict.reason.conclusive());
    assert_eq!((said.time, &said.license), (verdict.server_time.as_micros(), &verdict.license));
    said
}

fn at(seconds: i64) -> Time {
    Time::from_micros(seconds * 1_000_000).unwrap()
}

fn text(credential: &SecretString) -> &str {
    credential.expose_secret()
}
