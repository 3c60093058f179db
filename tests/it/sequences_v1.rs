//! Random sequences of calls and merchant's acts about one license, delivered over HTTP, against a model of the rules
//! that shares nothing with the service: seconds instead of instants, plain flags, one function per rule.
//!
//! On the two V1 lines, which know the most ways to change a license: License 1.0, whose refresh may lower the expiry,
//! and SaaS 1.0, which freezes, expires and refunds. A failure prints the shortest sequence that still fails.

mod model;

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use koogallery_simulator::{Call, Line};
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use signet::{
    base::time::Time,
    license::model::State,
    usecase::merchant::{self, Act},
};
use tokio::runtime::Runtime;

use self::model::{Happening, License, Standing, Term, What};
use crate::harness::{Backend, Door, TestApp};

const CASES: u32 = 64;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

prop_state_machine! {
    #![proptest_config(Config { cases: CASES, max_shrink_iters: 400, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_license_stands_where_the_rules_say_after_any_sequence(sequential 1..24 => Service);
}

/// The service with one license.
#[derive(Debug)]
struct Service {
    app: TestApp,
    door: Door,
    instance: String,
    start: Time,
}

impl StateMachineTest for Service {
    type SystemUnderTest = Self;
    type Reference = License;

    fn init_test(license: &License) -> Self {
        RUNTIME.block_on(Self::start(license))
    }

    fn apply(service: Self, license: &License, happening: Happening) -> Self {
        RUNTIME.block_on(service.happen(license, &happening));
        service
    }

    fn check_invariants(service: &Self, license: &<License as ReferenceStateMachine>::State) {
        RUNTIME.block_on(service.compare(license));
    }
}

impl Service {
    async fn start(license: &License) -> Self {
        let app = TestApp::start(Backend::Sqlite).await;
        let start = app.now();
        let product = if license.line == Line::Saas1 { "P-BASIC" } else { "P-STANDARD-YEAR" };
        let call = Call::buy(license.line, "CS0001").unwrap().product(product);
        let door = app.door(license.line);
        let request = door.market.prepare_at(&call.expires_at(at(start, license.expiry)), at(start, 0));
        let instance = door.send(&request).await.instance_id().unwrap();
        Self { app, door, instance, start }
    }

    async fn happen(&self, license: &License, happening: &Happening) {
        // The model's clock has already moved on.
        self.app.clock.set(self.start.saturating_add(SignedDuration::from_secs(license.now)));
        let Some(call) = self.call(license.line, happening.what) else {
            return self.act(license, happening.what).await;
        };
        let signed_at = at(self.start, license.now - happening.delay);
        let reply = self.door.send(&self.door.market.prepare_at(&call, signed_at)).await;
        let expected = if license.refused { "000003" } else { "000000" };
        assert_eq!(reply.code().as_deref(), Some(expected), "{happening:?}: {:?}", reply.message());
    }

    fn call(&self, line: Line, what: What) -> Option<Call> {
        let (id, order) = (self.instance.as_str(), |number: u8| format!("CS1{number:03}"));
        let until = |term: Term| at(self.start, term.end());
        Some(match what {
            What::Renew(number, term) => Call::renew(line, id, &order(number), until(term)),
            What::Refund(number, term) => Call::refund_renewal(line, id, &order(number), until(term)),
            What::Expire => Call::expire(line, id, "CS0001").unwrap(),
            What::Freeze => Call::freeze(line, id).unwrap(),
            What::Unfreeze => Call::unfreeze(line, id).unwrap(),
            What::Release => Call::release(line, id, Some("CS0001")),
            What::Suspend | What::Resume | What::Extend(_) => return None,
        })
    }

    async fn act(&self, license: &License, what: What) {
        let act = match what {
            What::Suspend => Act::Suspend,
            What::Resume => Act::Resume,
            What::Extend(term) => Act::Extend(Some(at(self.start, term.end()).into())),
            other => panic!("{other:?} is a call"),
        };
        let id = self.app.license(&self.instance).await.id;
        let changed = self.app.write(move |tx, ctx| merchant::act(tx, ctx, id, act)).await.unwrap();
        assert_eq!(merchant::refused(&changed), license.refused, "{what:?}");
    }

    async fn compare(&self, license: &License) {
        assert_eq!(self.app.licenses().await.len(), 1);
        let found = self.app.license(&self.instance).await;
        let standing = match found.standing.state() {
            State::Active => Standing::Active,
            State::Frozen => Standing::Frozen,
            State::Released => Standing::Released,
        };
        assert_eq!(standing, license.standing());
        assert_eq!(found.expiry.at(), Some(at(self.start, license.expiry).into()));
        let told = self.app.alerts().await.into_iter().map(|alert| alert.kind).collect();
        assert_eq!(license.alerts, told, "what the merchant is told");
        let orders = self.app.all_orders().await;
        assert_eq!(orders.len(), 1 + license.orders(), "the purchase and each order once: {orders:#?}");
    }
}

/// The instant `seconds` after `start`.
fn at(start: Time, seconds: i64) -> Timestamp {
    Timestamp::from_microsecond(start.as_micros()).unwrap() + SignedDuration::from_secs(seconds)
}
