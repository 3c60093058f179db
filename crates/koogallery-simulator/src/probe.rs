//! The debug cases that the marketplace replays against live products every morning and afternoon, and hostile calls
//! that a service must refuse in the protocol's own form: HTTP 200, JSON, signed, with the right code.

use jiff::SignedDuration;

use crate::{
    call::{Call, Unsupported},
    clock::{shift, shift_days, whole_second},
    line::{Line, Transport},
    marketplace::Marketplace,
    play::StepReport,
    random::Random,
    reply::NoAnswer,
    request::PreparedRequest,
    sign::AccessKey,
    verdict::{Expectation, ILLEGAL, INTERNAL, SUCCESS, UNAUTHENTIC, UNKNOWN_INSTANCE, same_answer},
};

/// The order id of the marketplace's debug page.
pub const DEBUG_ORDER: &str = "CS1906666666ABCDE";
/// The product id of the marketplace's debug page.
pub const DEBUG_PRODUCT: &str = "00301-666666-0--0";
/// The instance ids of the marketplace's debug page; both spellings occur.
pub const DEBUG_INSTANCES: [&str; 2] = ["huaiweitest123456", "huaweitest123456"];

/// Larger than any call of the marketplace, and than what a service should read.
const OVERSIZE: usize = 300 * 1024;

/// Runs the debug cases and the hostile calls; `on_step` hears of each.
///
/// # Errors
/// [`Unsupported`] never in practice: each line is only asked for what it has.
pub async fn probe(
    marketplace: &Marketplace,
    on_step: impl FnMut(&StepReport),
) -> Result<Vec<StepReport>, Unsupported> {
    let mut prober = Prober { marketplace, on_step, steps: Vec::new() };
    prober.debug_cases().await?;
    prober.hostile_calls().await?;
    Ok(prober.steps)
}

/// Runs the debug cases only, twice and the second time backwards: they must succeed repeatedly and in any order.
///
/// # Errors
/// [`Unsupported`] never in practice.
pub async fn debug_cases(
    marketplace: &Marketplace,
    on_step: impl FnMut(&StepReport),
) -> Result<Vec<StepReport>, Unsupported> {
    let mut prober = Prober { marketplace, on_step, steps: Vec::new() };
    prober.debug_cases().await?;
    Ok(prober.steps)
}

struct Prober<'a, F> {
    marketplace: &'a Marketplace,
    on_step: F,
    steps: Vec<StepReport>,
}

impl<F: FnMut(&StepReport)> Prober<'_, F> {
    fn line(&self) -> Line {
        self.marketplace.line()
    }

    async fn send(&mut self, title: &str, expectation: &Expectation, request: &PreparedRequest) {
        let mut exchange = self.marketplace.send(request).await;
        if matches!(exchange.answer, Err(NoAnswer::Closed { received: 0, reused: true, .. })) {
            // A service may close a connection after a call it refused; that is no answer to this one.
            exchange = self.marketplace.send(request).await;
        }
        let verdict = self.marketplace.judge_against(expectation, &exchange);
        self.tell(StepReport::new(title, exchange, verdict));
    }

    fn tell(&mut self, step: StepReport) {
        (self.on_step)(&step);
        self.steps.push(step);
    }

    async fn debug_cases(&mut self) -> Result<(), Unsupported> {
        let debugging = self.marketplace.debugging();
        let mut cases = self.debug_calls()?;
        for round in ["debug", "again"] {
            for (title, call) in &cases {
                let exchange = debugging.call(call).await;
                let verdict = debugging.judge(call, &exchange);
                self.tell(StepReport::new(&format!("{round}: {title}"), exchange, verdict));
            }
            cases.reverse();
        }
        self.debug_purchase_is_repeatable().await
    }

    /// The same debug order twice is the same instance, also for a debug call.
    async fn debug_purchase_is_repeatable(&mut self) -> Result<(), Unsupported> {
        if self.line() == Line::Code2 {
            return Ok(());
        }
        let debugging = self.marketplace.debugging();
        let call = Call::buy(self.line(), DEBUG_ORDER)?.product(DEBUG_PRODUCT);
        let first = debugging.call(&call).await;
        let again = debugging.call(&call).await;
        let mut verdict = debugging.judge(&call, &again);
        if let (Ok(first), Ok(again)) = (&first.answer, &again.answer) {
            verdict.extend(same_answer(first, again));
        }
        self.tell(StepReport::new("debug: the same order twice", again, verdict));
        Ok(())
    }

    fn debug_calls(&self) -> Result<Vec<(String, Call)>, Unsupported> {
        let line = self.line();
        let next_year = shift_days(whole_second(self.marketplace.now()), 365);
        let mut cases = Vec::new();
        let mut add = |title: &str, call: Call| cases.push((title.to_owned(), call));
        if line != Line::Code2 {
            let buy = Call::buy(line, DEBUG_ORDER)?;
            add("buy", buy.clone().product(DEBUG_PRODUCT));
            add("buy with an empty productId", buy.product(""));
        }
        let instances: &[&str] = if line == Line::Code2 { &["PLDEBUG0000000000000000"] } else { &DEBUG_INSTANCES };
        for instance in instances {
            add(&format!("renew {instance}"), Call::renew(line, instance, DEBUG_ORDER, next_year).product(""));
            if matches!(line, Line::License1 | Line::Saas1) {
                add(&format!("expire {instance}"), Call::expire(line, instance, DEBUG_ORDER)?);
            }
            if line != Line::License1 {
                add(&format!("freeze {instance}"), Call::freeze(line, instance)?);
                add(&format!("unfreeze {instance}"), Call::unfreeze(line, instance)?);
            }
            if matches!(line, Line::Saas1 | Line::Saas2) {
                add(&format!("query {instance}"), Call::query(line, &[instance])?);
                add(&format!("upgrade {instance}"), Call::upgrade(line, instance, DEBUG_ORDER)?.product(DEBUG_PRODUCT));
            }
            if line == Line::Client {
                let apply = Call::apply_license(line, instance, "debug-event", self.marketplace.now())?;
                add(&format!("apply {instance}"), apply);
            }
            add(&format!("release {instance}"), Call::release(line, instance, Some(DEBUG_ORDER)));
        }
        if line == Line::Saas2 {
            add("notify about an order", Call::notify(line, DEBUG_ORDER)?);
        }
        if line != Line::License1 {
            // License 1.0 cannot say after the purchase that a call is for debugging.
            let nobody = format!("{}debug", if line == Line::Code2 { "PL" } else { "unknown-" });
            add("release an unknown instance", Call::release(line, &nobody, Some(DEBUG_ORDER)));
        }
        Ok(cases)
    }

    async fn hostile_calls(&mut self) -> Result<(), Unsupported> {
        let marketplace = self.marketplace;
        let line = self.line();
        let now = marketplace.now();
        let instance = DEBUG_INSTANCES[1];
        let call = Call::renew(line, instance, DEBUG_ORDER, shift_days(whole_second(now), 365)).debug();
        let good = || marketplace.prepare(&call);
        let refused = Expectation::codes(&[UNAUTHENTIC]);
        let (token, time) = match line.transport() {
            Transport::V1 => ("authToken", "timeStamp"),
            Transport::V2 => ("signature", "timestamp"),
        };
        let forged = marketplace.with_key(AccessKey::new("00000000-0000-0000-0000-000000000000")).prepare(&call);
        self.send("signed with another key", &refused, &forged).await;
        self.send("no token", &refused, &good().without_query(token)).await;
        self.send("an empty token", &refused, &good().with_query(token, "")).await;
        self.send("no time", &refused, &good().without_query(time)).await;
        self.send("a parameter changed after signing", &refused, &tampered(good())).await;
        let old = marketplace.prepare_at(&call, shift(now, SignedDuration::from_hours(-24)));
        self.send("signed a day ago", &refused, &old).await;
        let early = marketplace.prepare_at(&call, shift(now, SignedDuration::from_hours(24)));
        self.send("signed for tomorrow", &refused, &early).await;
        if line.transport() == Transport::V2 {
            self.replay(&good()).await;
        }
        self.malformed_calls().await;
        self.unknown_instances().await
    }

    async fn replay(&mut self, request: &PreparedRequest) {
        self.send("a nonce for the first time", &Expectation::codes(&[SUCCESS]), request).await;
        self.send("the same nonce again", &Expectation::codes(&[UNAUTHENTIC]), request).await;
    }

    async fn malformed_calls(&mut self) {
        let marketplace = self.marketplace;
        let now = marketplace.now();
        let illegal = Expectation::codes(&[ILLEGAL]);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        if self.line().transport() == Transport::V1 {
            let unknown = marketplace.sign_get(vec![pair("activity", "makeCoffee"), pair("testFlag", "1")], now);
            self.send("an unknown activity", &illegal, &unknown).await;
            let none = marketplace.sign_get(vec![pair("testFlag", "1")], now);
            self.send("no activity", &illegal, &none).await;
        } else {
            let body = br#"{"activity":"makeCoffee","testFlag":"1"}"#.to_vec();
            self.send("an unknown activity", &illegal, &marketplace.sign_post(body, now)).await;
            for (title, body) in [
                ("no JSON", &b"{\"activity\":"[..]),
                ("an array", b"[]"),
                ("bytes that are not UTF-8", b"\xff\xfe"),
                ("an empty body", b""),
            ] {
                self.send(title, &illegal, &marketplace.sign_post(body.to_vec(), now)).await;
            }
        }
        let wall = vec![b' '; OVERSIZE];
        let any_error = Expectation::codes(&[UNAUTHENTIC, ILLEGAL, INTERNAL]);
        self.send("a body of 300 KiB", &any_error, &marketplace.sign_post(wall, now)).await;
        for method in ["PUT", "DELETE", "PATCH"] {
            let request = marketplace.sign_post(b"{}".to_vec(), now).with_method(method);
            self.send(&format!("method {method}"), &any_error, &request).await;
        }
    }

    /// A real call that names an instance nobody sold. Codes of the 2.0 line are made elsewhere, so there an unknown
    /// one is kept for its redemption and proves nothing.
    async fn unknown_instances(&mut self) -> Result<(), Unsupported> {
        let line = self.line();
        if line == Line::Code2 {
            return Ok(());
        }
        let unknown = Expectation::codes(&[UNKNOWN_INSTANCE]);
        let random = Random::from_system();
        let instance = format!("nobody-{}", random.letters(16));
        let order = format!("CS{}", random.capitals(15));
        let renew = Call::renew(line, &instance, &order, shift_days(self.marketplace.now(), 365));
        self.send("renew an instance nobody sold", &unknown, &self.marketplace.prepare(&renew)).await;
        let release = Call::release(line, &instance, Some(&order));
        self.send("release an instance nobody sold", &unknown, &self.marketplace.prepare(&release)).await;
        if line != Line::License1 {
            let freeze = Call::freeze(line, &instance)?;
            self.send("freeze an instance nobody sold", &unknown, &self.marketplace.prepare(&freeze)).await;
        }
        Ok(())
    }
}

/// Changes what was signed: a parameter of a V1 call, a byte of a V2 body.
fn tampered(request: PreparedRequest) -> PreparedRequest {
    match request.line.transport() {
        Transport::V1 => request.with_query("orderId", "CS0000000000OTHER"),
        Transport::V2 => {
            let mut body = request.body.clone();
            body.push(b' ');
            request.with_body(body)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::{self, Style},
        testing::{
            marketplace,
            merchant::{Fault, Merchant},
        },
    };

    #[tokio::test]
    async fn an_honest_merchant_passes_on_every_line() {
        let (url, _) = Merchant::open(Fault::None).await;
        for line in Line::ALL {
            let steps = probe(&marketplace(&url, line), |_| {}).await.unwrap();
            assert!(steps.len() > 15, "{line}: {}", steps.len());
            assert!(steps.iter().all(StepReport::passed), "{}", report::steps(&steps, Style::default()));
        }
    }

    #[tokio::test]
    async fn an_accepted_replay_is_the_one_thing_found() {
        let (url, _) = Merchant::open(Fault::AcceptsReplay).await;
        let steps = probe(&marketplace(&url, Line::Client), |_| {}).await.unwrap();
        let failed: Vec<_> = steps.iter().filter(|step| !step.passed()).map(|step| step.title.as_str()).collect();
        assert_eq!(failed, ["the same nonce again"]);
    }
}
