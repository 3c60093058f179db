//! [`Door`]: the marketplace as one channel sees it, with the checks that every answer must pass.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use koogallery_simulator::{AccessKey, Call, Clock, Expectation, Line, Marketplace, PreparedRequest, Reply, Verdict};
use signet::base::clock::{Clock as _, ManualClock};

use super::{TestApp, access_key};

/// The marketplace's side of one channel. It shares the service's clock.
#[derive(Debug, Clone)]
pub struct Door {
    pub market: Marketplace,
    clock: Arc<ManualClock>,
}

impl Door {
    pub(super) fn new(app: &TestApp, channel: &str, line: Line) -> Self {
        let url = format!("http://{}/marketplace/koogallery/{channel}", app.address);
        let clock = Arc::clone(&app.clock);
        let shown = Arc::clone(&clock);
        let market = Marketplace::builder(&url, AccessKey::new(access_key(channel)), line)
            .clock(Clock::from_fn(move || Timestamp::from_microsecond(shown.now().as_micros()).unwrap()))
            .build()
            .unwrap();
        Self { market, clock }
    }

    /// Sends `call` a second after the one before, because the order of some calls is told by their signed times.
    /// The answer must be one the marketplace can read, whatever it says.
    pub async fn call(&self, call: &Call) -> Reply {
        self.clock.advance(SignedDuration::from_secs(1));
        self.send(&self.market.prepare(call)).await
    }

    /// Sends a signed request as it is.
    pub async fn send(&self, request: &PreparedRequest) -> Reply {
        let exchange = self.market.send(request).await;
        let reply = exchange.answer.clone().unwrap_or_else(|error| panic!("{request:?}: {error}"));
        let codes =
            ["000000", "000001", "000002", "000003", "000004", "000005", "000900", "000901", "000902", "000903"];
        passed(&self.market.judge_against(&Expectation::codes(&codes), &exchange));
        reply
    }

    /// Sends `call`, which must be answered 000000 with every field its activity needs.
    pub async fn done(&self, call: &Call) -> Reply {
        self.clock.advance(SignedDuration::from_secs(1));
        let exchange = self.market.send(&self.market.prepare(call)).await;
        passed(&self.market.judge(call, &exchange));
        let reply = exchange.answer.unwrap();
        assert_eq!(reply.code().as_deref(), Some("000000"), "{call:?}: {:?}", reply.message());
        reply
    }

    /// Sends `call`, which must be answered with `code`.
    pub async fn answers(&self, call: &Call, code: &str) -> Reply {
        let reply = self.call(call).await;
        assert_eq!(reply.code().as_deref(), Some(code), "{call:?}: {:?}", reply.message());
        reply
    }

    /// Buys: the instance id and the answer.
    pub async fn bought(&self, call: &Call) -> (String, Reply) {
        let reply = self.done(call).await;
        (reply.instance_id().expect("an instance id"), reply)
    }
}

fn passed(verdict: &Verdict) {
    let failures: Vec<_> = verdict.failures().collect();
    assert!(failures.is_empty(), "{failures:#?}");
}
