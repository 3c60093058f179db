//! Random sequences of calls about one license, against a model of a few lines.

use jiff::SignedDuration;
use koogallery_simulator::{Call, Line, PreparedRequest};
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use signet::{
    base::{
        entropy::{Entropy, SystemEntropy},
        time::Time,
    },
    license::model::State,
};
use tokio::runtime::Runtime;

use crate::harness::{Backend, Door, TestApp, stamp, time};

const LINE: Line = Line::Saas2;
/// One case: what happens, in this order.
const STEPS: std::ops::Range<usize> = 1..14;
const CASES: u32 = 24;

/// What can happen. Calls are named by the number of their order, so that some come twice.
#[derive(Debug, Clone)]
enum Step {
    Renew {
        order: u8,
        days: u16,
    },
    Refund {
        order: u8,
        days: u16,
    },
    Freeze,
    Unfreeze,
    Release,
    /// The call before last, again, as it was signed then.
    Overtaken,
    Wait {
        hours: u16,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..4_u8, 1..900_u16).prop_map(|(order, days)| Step::Renew { order, days }),
        2 => (0..4_u8, 1..900_u16).prop_map(|(order, days)| Step::Refund { order, days }),
        3 => Just(Step::Freeze),
        3 => Just(Step::Unfreeze),
        1 => Just(Step::Release),
        2 => Just(Step::Overtaken),
        2 => (1..2_000_u16).prop_map(|hours| Step::Wait { hours }),
    ];
    prop::collection::vec(step, STEPS)
}

/// The rules in short.
#[derive(Debug, Clone)]
struct Model {
    expires: Time,
    /// Nobody has stated a date yet: the first one stated wins.
    guessed: bool,
    held: bool,
    violation: bool,
    released: bool,
    last_status: Option<Time>,
    renewals: Vec<(u8, &'static str)>,
    refunds: Vec<u8>,
}

impl Model {
    fn state(&self) -> State {
        match (self.released, self.held) {
            (true, _) => State::Released,
            (false, true) => State::Frozen,
            (false, false) => State::Active,
        }
    }

    /// The answer's code; a repeat has the first one's.
    fn renew(&mut self, order: u8, to: Time, now: Time) -> &'static str {
        if let Some((_, code)) = self.renewals.iter().find(|(known, _)| *known == order) {
            return code;
        }
        let refunded = self.refunds.contains(&order);
        let code = if self.released && !refunded { "000003" } else { "000000" };
        self.renewals.push((order, code));
        if !self.released && !refunded {
            self.expires = if self.guessed { to } else { self.expires.max(to) };
            self.guessed = false;
            self.held &= self.violation || to <= now;
        }
        code
    }

    fn refund(&mut self, order: u8, to: Time) {
        if !self.refunds.contains(&order) {
            self.refunds.push(order);
            if !self.released {
                self.guessed &= to >= self.expires;
                self.expires = self.expires.min(to);
            }
        }
    }

    fn status(&mut self, frozen: bool, signed_at: Time) {
        if self.released || self.last_status.is_some_and(|last| signed_at <= last) {
            return;
        }
        self.last_status = Some(signed_at);
        let early = self.expires.since(signed_at) > SignedDuration::from_hours(72);
        self.violation = frozen && (self.violation || (early && !self.guessed));
        self.held = frozen;
    }
}

/// One license in the service and in the model.
struct Play<'a> {
    app: &'a TestApp,
    door: Door,
    instance: String,
    order: String,
    model: Model,
    sent: Vec<(PreparedRequest, Step, Time)>,
}

impl Play<'_> {
    async fn step(&mut self, step: &Step) {
        self.app.pass(SignedDuration::from_secs(1));
        let now = self.app.now();
        // Dates on the wire have no fraction of a second.
        let until = |days: u16| time("2026-03-02T08:00:00Z").plus_days(days.into());
        let order = |number: u8| format!("{}-{number}", self.order);
        let (line, instance) = (LINE, &self.instance);
        let call = match step {
            Step::Renew { order: number, days } => {
                Call::renew(line, instance, &order(*number), stamp(&until(*days).to_string()))
            }
            Step::Refund { order: number, days } => {
                Call::refund_renewal(line, instance, &order(*number), stamp(&until(*days).to_string()))
            }
            Step::Freeze => Call::freeze(line, instance).unwrap(),
            Step::Unfreeze => Call::unfreeze(line, instance).unwrap(),
            Step::Release => Call::release(line, instance, None),
            Step::Overtaken => return self.overtaken().await,
            Step::Wait { hours } => return self.app.pass(SignedDuration::from_hours((*hours).into())),
        };
        let request = self.door.market.prepare(&call);
        self.sent.push((request.clone(), step.clone(), now));
        let expected = match step {
            Step::Renew { order, days } => self.model.renew(*order, until(*days), now),
            Step::Refund { order, days } => {
                self.model.refund(*order, until(*days));
                "000000"
            }
            Step::Freeze | Step::Unfreeze => {
                self.model.status(matches!(step, Step::Freeze), now);
                "000000"
            }
            _ => {
                self.model.released = true;
                "000000"
            }
        };
        let reply = self.door.send(&request).await;
        assert_eq!(reply.code().as_deref(), Some(expected), "{step:?}: {:?}", reply.message());
        self.compare(step).await;
    }

    /// A status call that took longer than the one after it: delivered late, under a nonce of its own.
    async fn overtaken(&mut self) {
        let late = self.sent.iter().rev().filter(|(_, step, _)| matches!(step, Step::Freeze | Step::Unfreeze)).nth(1);
        let Some((request, step, signed_at)) = late.cloned() else { return };
        if self.app.now().since(signed_at) > SignedDuration::from_secs(60) {
            return;
        }
        let request = self.door.market.sign_post(request.body, request.signed_at);
        self.model.status(matches!(step, Step::Freeze), signed_at);
        assert_eq!(self.door.send(&request).await.code().as_deref(), Some("000000"));
        self.compare(&Step::Overtaken).await;
    }

    async fn compare(&self, step: &Step) {
        let license = self.app.license(&self.instance).await;
        assert_eq!(license.standing.state(), self.model.state(), "after {step:?}: {:?}", self.model);
        assert_eq!(license.expiry.at(), Some(self.model.expires), "after {step:?}: {:?}", self.model);
    }
}

async fn play(app: &TestApp, number: u32, steps: &[Step]) {
    app.set_clock("2026-03-02T08:00:00Z");
    let door = app.door(LINE);
    let order = format!("CS{number:04}");
    let (instance, _) = door.bought(&Call::buy(LINE, &order).unwrap()).await;
    let expires = app.license(&instance).await.expiry.at().unwrap();
    let model = Model {
        expires,
        guessed: true,
        held: false,
        violation: false,
        released: false,
        last_status: None,
        renewals: Vec::new(),
        refunds: Vec::new(),
    };
    let mut play = Play { app, door, instance, order, model, sent: Vec::new() };
    for step in steps {
        play.step(step).await;
    }
}

/// On SQLite alone: the rules are the same code on both, and cases are many.
#[test]
fn random_sequences_follow_the_model_sqlite() {
    let seed: [u8; 32] = (&SystemEntropy as &dyn Entropy).bytes();
    let seed = match std::env::var("SIGNET_TEST_SEQUENCES") {
        Ok(text) => data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap(),
        Err(_) => seed,
    };
    let config = Config { cases: CASES, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let runtime = Runtime::new().unwrap();
    let app = runtime.block_on(TestApp::start(Backend::Sqlite));
    let number = std::sync::atomic::AtomicU32::new(0);
    let result = runner.run(&steps(), |steps| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        runtime.block_on(play(&app, number, &steps));
        Ok(())
    });
    if let Err(error) = result {
        panic!("repeat with SIGNET_TEST_SEQUENCES={}: {error}", data_encoding::HEXLOWER.encode(&seed));
    }
}
