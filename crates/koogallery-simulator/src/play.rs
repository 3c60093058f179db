//! Each product line's life from purchase to release, step by step, for the demo and for a first check of a
//! merchant's service.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    call::{Call, Unsupported},
    clock::{shift_days, whole_second},
    line::Line,
    marketplace::{Exchange, Marketplace},
    random::Random,
    reply::{NoAnswer, Reply},
    verdict::{Expectation, Verdict, same_answer},
};

/// What is sold: the ids the merchant's catalog knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Goods {
    /// `productId` of the purchase.
    pub product_id: String,
    /// `skuCode` of the purchase.
    pub sku_code: Option<String>,
    /// `productId` of the upgrade; the purchase's when absent.
    pub upgrade_product_id: Option<String>,
    /// `skuCode` of the upgrade; the purchase's when absent.
    pub upgrade_sku_code: Option<String>,
    /// The quantity, when the product has one.
    pub amount: Option<u32>,
    /// What the buyer types into the product's own fields: name and value.
    pub extensions: Vec<(String, String)>,
}

impl Goods {
    /// Goods with a `productId` only.
    pub fn of_product(product_id: &str) -> Self {
        Self { product_id: product_id.to_owned(), ..Self::default() }
    }

    /// Puts the goods into a purchase.
    #[must_use]
    pub fn fill(&self, call: Call) -> Call {
        if matches!(call.line(), Line::Client | Line::Saas2) {
            // The 2.0 instance calls carry ids only; the rest is asked for by order.
            return call;
        }
        let mut call = call.product(&self.product_id);
        if let Some(sku) = &self.sku_code {
            call = call.sku(sku);
        }
        if let Some(amount) = self.amount {
            call = call.amount(amount);
        }
        if !self.extensions.is_empty() {
            let pairs: Vec<_> = self.extensions.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            call = call.extensions(&pairs);
        }
        call
    }

    /// Puts the goods' next size into a SaaS upgrade.
    #[must_use]
    pub fn fill_upgrade(&self, call: Call) -> Call {
        if call.line() != Line::Saas1 {
            return call;
        }
        let call = call.product(self.upgrade_product_id.as_deref().unwrap_or(&self.product_id));
        match self.upgrade_sku_code.as_deref().or(self.sku_code.as_deref()) {
            Some(sku) => call.sku(sku),
            None => call,
        }
    }
}

/// One step as it went.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// The product line.
    pub line: Line,
    /// What the step is, in a few words.
    pub title: String,
    /// The value of `activity`.
    pub activity: String,
    /// What may be shown of the request: no token, no key, no personal data.
    pub request: String,
    /// The answer, or why there was none.
    pub answer: Result<Reply, NoAnswer>,
    /// The verdict on it.
    pub verdict: Verdict,
}

impl StepReport {
    pub(crate) fn new(title: &str, exchange: Exchange, verdict: Verdict) -> Self {
        let Exchange { request, answer } = exchange;
        Self {
            line: request.line,
            title: title.to_owned(),
            activity: request.activity,
            request: request.summary,
            answer,
            verdict,
        }
    }

    /// Nothing failed.
    pub fn passed(&self) -> bool {
        self.verdict.passed()
    }

    /// The `license` of the answer.
    pub fn license(&self) -> Option<String> {
        self.answer.as_ref().ok()?.license()
    }

    /// The `instanceId` of the answer.
    pub fn instance_id(&self) -> Option<String> {
        self.answer.as_ref().ok()?.instance_id()
    }
}

impl Serialize for StepReport {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut step = serializer.serialize_struct("StepReport", 6)?;
        step.serialize_field("title", &self.title)?;
        step.serialize_field("request", &self.request)?;
        step.serialize_field("resultCode", &self.answer.as_ref().ok().and_then(Reply::code))?;
        step.serialize_field("milliseconds", &self.answer.as_ref().ok().map(|reply| reply.elapsed.as_millis()))?;
        step.serialize_field("passed", &self.passed())?;
        step.serialize_field("verdict", &self.verdict)?;
        step.end()
    }
}

/// Plays the line's whole life against the service; `on_step` hears of each step as it ends. It stops early when the
/// purchase gets no instance, since nothing can follow.
///
/// The steps per line: License 1.0 get, get again, refresh, expire, refresh again, release; code 2.0 refresh, freeze,
/// unfreeze, release; client buy, apply, renew, freeze, unfreeze, release; SaaS 1.0 buy, query, renew, upgrade,
/// expire, back to normal, release; SaaS 2.0 buy, query, renew, upgrade, freeze, unfreeze, release.
///
/// # Errors
/// [`Unsupported`] never in practice: each line is only asked for what it has.
pub async fn play(
    marketplace: &Marketplace,
    goods: &Goods,
    on_step: impl FnMut(&StepReport),
) -> Result<Vec<StepReport>, Unsupported> {
    let random = Random::from_system();
    let mut scene = Scene {
        marketplace,
        goods,
        order: format!("CS{}", random.capitals(15)),
        start: whole_second(marketplace.now()),
        on_step,
        steps: Vec::new(),
    };
    match marketplace.line() {
        Line::License1 => scene.license_1().await?,
        Line::Code2 => scene.code_2(&format!("PL{}", random.capitals(22))).await?,
        Line::Client => scene.client().await?,
        Line::Saas1 => scene.saas_1().await?,
        Line::Saas2 => scene.saas_2().await?,
    }
    Ok(scene.steps)
}

struct Scene<'a, F> {
    marketplace: &'a Marketplace,
    goods: &'a Goods,
    order: String,
    start: Timestamp,
    on_step: F,
    steps: Vec<StepReport>,
}

impl<F> fmt::Debug for Scene<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scene").field("order", &self.order).finish_non_exhaustive()
    }
}

impl<F: FnMut(&StepReport)> Scene<'_, F> {
    fn line(&self) -> Line {
        self.marketplace.line()
    }

    /// The order id of a later order of the same customer.
    fn later_order(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.order)
    }

    fn in_days(&self, days: i64) -> Timestamp {
        shift_days(self.start, days)
    }

    async fn step(&mut self, title: &str, call: Call) -> &StepReport {
        let exchange = self.marketplace.call(&call).await;
        let verdict = self.marketplace.judge_against(&Expectation::success_of(&call), &exchange);
        self.tell(StepReport::new(title, exchange, verdict))
    }

    fn tell(&mut self, step: StepReport) -> &StepReport {
        (self.on_step)(&step);
        let index = self.steps.len();
        self.steps.push(step);
        &self.steps[index]
    }

    async fn buy(&mut self, title: &str) -> Result<Option<String>, Unsupported> {
        let expires = self.in_days(365);
        let mut call = self.goods.fill(Call::buy(self.line(), &self.order)?);
        if matches!(self.line(), Line::License1 | Line::Saas1) {
            call = call.expires_at(expires).period("year", 1).customer("simulated-customer", "Simulated 客户 & Co");
        }
        let first = self.step(title, call.clone()).await.clone();
        let Some(instance) = first.instance_id() else {
            return Ok(None);
        };
        let exchange = self.marketplace.call(&call).await;
        let mut verdict = self.marketplace.judge(&call, &exchange);
        if let (Ok(first), Ok(again)) = (&first.answer, &exchange.answer) {
            verdict.extend(same_answer(first, again));
        }
        self.tell(StepReport::new("the same order again, as a retry", exchange, verdict));
        Ok(Some(instance))
    }

    async fn renew(&mut self, title: &str, instance: &str, suffix: &str, days: i64) {
        let call = Call::renew(self.line(), instance, &self.later_order(suffix), self.in_days(days));
        let call = match self.line() {
            Line::License1 | Line::Saas1 => call.product(&self.goods.product_id).period("year", 1),
            Line::Code2 | Line::Client | Line::Saas2 => call.product(&self.goods.product_id),
        };
        self.step(title, call).await;
    }

    async fn query(&mut self, instance: &str) -> Result<(), Unsupported> {
        self.step("look at the instance", Call::query(self.line(), &[instance])?).await;
        Ok(())
    }

    async fn upgrade(&mut self, instance: &str) -> Result<(), Unsupported> {
        let call = Call::upgrade(self.line(), instance, &self.later_order("U1"))?;
        self.step("upgrade", self.goods.fill_upgrade(call)).await;
        Ok(())
    }

    async fn freeze_and_thaw(&mut self, instance: &str) -> Result<(), Unsupported> {
        self.step("freeze", Call::freeze(self.line(), instance)?).await;
        self.step("unfreeze", Call::unfreeze(self.line(), instance)?).await;
        Ok(())
    }

    async fn release(&mut self, instance: &str) {
        let order = match self.line() {
            Line::License1 | Line::Saas1 => self.order.clone(),
            Line::Code2 | Line::Client | Line::Saas2 => self.later_order("X1"),
        };
        self.step("release", Call::release(self.line(), instance, Some(&order))).await;
    }

    async fn license_1(&mut self) -> Result<(), Unsupported> {
        let Some(instance) = self.buy("get the license").await? else { return Ok(()) };
        self.renew("refresh: a renewal", &instance, "R1", 730).await;
        let call = Call::expire(self.line(), &instance, &self.order)?;
        self.step("expire", call).await;
        self.renew("refresh: renewed after expiry", &instance, "R2", 1_095).await;
        self.release(&instance).await;
        Ok(())
    }

    async fn code_2(&mut self, code: &str) -> Result<(), Unsupported> {
        self.renew("refresh: a renewal", code, "R1", 730).await;
        self.freeze_and_thaw(code).await?;
        self.release(code).await;
        Ok(())
    }

    async fn client(&mut self) -> Result<(), Unsupported> {
        let Some(instance) = self.buy("buy").await? else { return Ok(()) };
        let event = format!("event-{}", self.order.to_ascii_lowercase());
        let call = Call::apply_license(self.line(), &instance, &event, self.start)?
            .expires_at(self.in_days(365))
            .fingerprint("02:00:00:AA:BB:CC|DISK-0001|BOARD-0001|CPU-0001");
        self.step("a device applies for its license", call).await;
        self.renew("renew", &instance, "R1", 730).await;
        self.freeze_and_thaw(&instance).await?;
        self.release(&instance).await;
        Ok(())
    }

    async fn saas_1(&mut self) -> Result<(), Unsupported> {
        let Some(instance) = self.buy("buy").await? else { return Ok(()) };
        self.query(&instance).await?;
        self.renew("renew", &instance, "R1", 730).await;
        self.upgrade(&instance).await?;
        let call = Call::expire(self.line(), &instance, &self.order)?;
        self.step("expire", call).await;
        self.step("back to normal", Call::unfreeze(self.line(), &instance)?).await;
        self.release(&instance).await;
        Ok(())
    }

    async fn saas_2(&mut self) -> Result<(), Unsupported> {
        let Some(instance) = self.buy("buy").await? else { return Ok(()) };
        self.query(&instance).await?;
        self.renew("renew", &instance, "R1", 730).await;
        self.upgrade(&instance).await?;
        self.freeze_and_thaw(&instance).await?;
        self.release(&instance).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
