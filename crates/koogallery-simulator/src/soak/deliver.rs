//! Gets one call through, the way a network would: lost, doubled, repeated, or simply sent.

use jiff::{SignedDuration, Timestamp};
use tokio::{
    task::JoinSet,
    time::{Duration, Instant, sleep},
};

use super::{customer::Customer, report::Violation};
use crate::{
    call::Call,
    clock::shift,
    line::Transport,
    marketplace::Exchange,
    reply::{NoAnswer, Reply},
    request::PreparedRequest,
    verdict::{Expectation, INTERNAL, UNAUTHENTIC, same_answer},
};

/// The first pause before a retry; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Customer<'_> {
    /// The time to sign the next call for: the customer's skewed clock, but always later than the call before, because
    /// the order of two changes of state is told by their signed times.
    pub(super) fn sign_time(&mut self) -> Timestamp {
        let now = shift(self.product.marketplace.now(), self.skew);
        self.last_signed = now.max(shift(self.last_signed, SignedDuration::from_millis(1)));
        self.last_signed
    }

    pub(super) fn prepare(&mut self, call: &Call) -> PreparedRequest {
        let at = self.sign_time();
        self.product.marketplace.prepare_at(call, at)
    }

    /// Sends `call` until it is answered. None: given up, and whether it arrived is not known.
    pub(super) async fn deliver(&mut self, step: &'static str, call: &Call, expect: &Expectation) -> Option<Reply> {
        *self.tally.steps.entry(step).or_default() += 1;
        match self.random.between(0, 99) {
            0..=14 => self.lose(call).await,
            15..=24 => self.ignore(step, call, expect).await,
            25..=39 => {
                let answered = self.duplicate(step, call, expect).await;
                if answered.is_some() {
                    return answered;
                }
            }
            _ => {}
        }
        let (request, reply) = self.insist(step, call, expect).await?;
        if self.random.chance(10) {
            self.replay(step, &request, &reply, expect).await;
        }
        Some(reply)
    }

    /// The request arrives, or half of it does, and nobody is there to read the answer.
    async fn lose(&mut self, call: &Call) {
        let request = self.prepare(call);
        self.tally.calls += 1;
        self.tally.lost += 1;
        let _ = self.product.marketplace.send_and_hang_up(&request).await;
        let pause = self.random.between(0, 20);
        sleep(Duration::from_millis(u64::try_from(pause).unwrap_or_default())).await;
    }

    /// The answer comes and gets lost behind the marketplace's door.
    async fn ignore(&mut self, step: &'static str, call: &Call, expect: &Expectation) {
        let request = self.prepare(call);
        let exchange = self.product.marketplace.send(&request).await;
        self.tally.lost += 1;
        self.accept(step, expect, exchange);
    }

    /// Several signed copies at once; every answer must be good, and all of a purchase the same.
    async fn duplicate(&mut self, step: &'static str, call: &Call, expect: &Expectation) -> Option<Reply> {
        let mut copies = JoinSet::new();
        for _ in 0..self.random.between(2, 5) {
            let request = self.prepare(call);
            let marketplace = self.product.marketplace.clone();
            copies.spawn(async move { marketplace.send(&request).await });
        }
        let mut first: Option<Reply> = None;
        while let Some(done) = copies.join_next().await {
            self.tally.duplicates += 1;
            let Some(reply) = done.ok().and_then(|exchange| self.accept(step, expect, exchange)) else {
                continue;
            };
            match &first {
                Some(known) => self.compare(step, known, &reply),
                None => first = Some(reply),
            }
        }
        first
    }

    async fn insist(
        &mut self,
        step: &'static str,
        call: &Call,
        expect: &Expectation,
    ) -> Option<(PreparedRequest, Reply)> {
        let since = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let request = self.prepare(call);
            let exchange = self.product.marketplace.send(&request).await;
            if let Some(reply) = self.accept(step, expect, exchange) {
                return Some((request, reply));
            }
            if self.shared.stopped() || since.elapsed() > self.shared.options.patience {
                self.tally.given_up += 1;
                self.lost_touch = true;
                return None;
            }
            self.tally.retries += 1;
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The very same bytes once more. V1 has no nonce, so it is one more retry; V2 must refuse it.
    async fn replay(&mut self, step: &'static str, request: &PreparedRequest, reply: &Reply, expect: &Expectation) {
        let exchange = self.product.marketplace.send(request).await;
        self.tally.replays += 1;
        match request.line.transport() {
            Transport::V1 => {
                if let Some(again) = self.accept(step, expect, exchange) {
                    self.compare(step, reply, &again);
                }
            }
            Transport::V2 => {
                self.accept("the same nonce again", &Expectation::codes(&[UNAUTHENTIC]), exchange);
            }
        }
    }

    /// Counts and judges an answer. None: there was none, or the service said that it could not work just now.
    pub(super) fn accept(&mut self, step: &'static str, expect: &Expectation, exchange: Exchange) -> Option<Reply> {
        self.tally.calls += 1;
        let tolerant = self.shared.options.tolerate_outages;
        let verdict = self.product.marketplace.judge_against(expect, &exchange);
        let reply = match exchange.answer {
            Ok(reply) => reply,
            // A kept connection that the service had tidied away: no fault of anybody's.
            Err(NoAnswer::Closed { received: 0, reused: true, .. }) => return None,
            Err(_) => {
                self.tally.no_answers += 1;
                if !tolerant {
                    self.tally.verdict(self.line(), &self.order, step, &verdict);
                }
                return None;
            }
        };
        self.tally.latency(reply.elapsed);
        let busy = reply.code().as_deref() == Some(INTERNAL);
        self.tally.busy += u64::from(busy);
        if !(busy && tolerant) {
            self.tally.verdict(self.line(), &self.order, step, &verdict);
        }
        (!busy).then_some(reply)
    }

    /// Two answers to the same purchase must be the same; other calls have nothing to compare.
    pub(super) fn compare(&mut self, step: &'static str, first: &Reply, again: &Reply) {
        for result in same_answer(first, again).into_iter().filter(|r| r.outcome == crate::verdict::Outcome::Fail) {
            self.tally.violation(Violation {
                line: self.product.marketplace.line(),
                order_id: self.order.clone(),
                step: step.to_owned(),
                rule: result.rule.name().to_owned(),
                expected: result.expected,
                seen: result.seen,
            });
        }
    }
}
