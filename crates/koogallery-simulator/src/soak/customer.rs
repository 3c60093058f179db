//! One customer: buys, lives through a few random steps, and perhaps leaves.

use jiff::{SignedDuration, Timestamp};

use super::{
    Product, Shared,
    model::{Change, Expected, Purchase, State},
    report::Tally,
    skew,
};
use crate::{
    call::{Call, Unsupported},
    clock::{shift, shift_days, whole_second},
    line::{Line, Transport},
    random::Random,
    reply::Reply,
    verdict::{Expectation, IN_PROGRESS, SUCCESS},
};

/// The first renewal goes at least this far ahead: beyond any term a catalog is likely to give a purchase whose call
/// names no expiry, so that the renewal decides.
const FIRST_RENEWAL_DAYS: i64 = 1_100;
/// How long a device's license lasts.
const DEVICE_DAYS: i64 = 25;

pub(super) struct Customer<'a> {
    pub(super) shared: &'a Shared,
    pub(super) product: &'a Product,
    pub(super) random: &'a Random,
    pub(super) tally: &'a mut Tally,
    pub(super) skew: SignedDuration,
    pub(super) order: String,
    pub(super) last_signed: Timestamp,
    /// A call was given up: what it did is not known, so nothing more is asked.
    pub(super) lost_touch: bool,
    /// The instance id, or the 2.0 code.
    pub(super) subject: String,
    pub(super) purchase: Purchase,
    /// What the purchase's call names; every retry of it names the same.
    named_expiry: Option<Timestamp>,
    furthest: Timestamp,
    first: Option<Reply>,
    applied: bool,
    /// Something about this subject was acknowledged.
    noticed: bool,
    orders: u32,
    renewals: Vec<String>,
    refunds: Vec<String>,
    upgrades: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Renew,
    RefundRenewal,
    Expire,
    Freeze,
    Thaw,
    Upgrade,
    Query,
    BuyAgain,
    Apply,
    Notify,
    SwapRenewals,
    StaleFreeze,
}

impl<'a> Customer<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        product: &'a Product,
        random: &'a Random,
        number: u64,
        tally: &'a mut Tally,
    ) -> Self {
        let start = whole_second(product.marketplace.now());
        let line = product.marketplace.line();
        let expires =
            (line == Line::License1 || line == Line::Saas1).then(|| shift_days(start, random.between(30, 400)));
        let order = format!("CS{}{number:08}", shared.run);
        Self {
            shared,
            product,
            random,
            tally,
            skew: skew(random, shared.options.skew),
            subject: format!("PL{}{number:014}", shared.run),
            order,
            last_signed: Timestamp::MIN,
            lost_touch: false,
            purchase: Purchase::new(line, expires),
            named_expiry: expires,
            furthest: shift_days(start, FIRST_RENEWAL_DAYS),
            first: None,
            applied: false,
            noticed: false,
            orders: 0,
            renewals: Vec::new(),
            refunds: Vec::new(),
            upgrades: Vec::new(),
        }
    }

    pub(super) fn line(&self) -> Line {
        self.product.marketplace.line()
    }

    /// The customer's whole life. An unsupported step cannot come up: the choice follows the line.
    pub(super) async fn live(&mut self) {
        if self.line() != Line::Code2 && self.buy().await != Ok(true) {
            return;
        }
        for _ in 0..self.random.between(1, 8) {
            if self.ended() {
                return;
            }
            let steps = self.possible();
            if let Some(step) = self.random.pick(&steps) {
                let _ = Box::pin(self.take(*step)).await;
            }
        }
        if !self.ended() && self.random.chance(40) {
            self.release().await;
        }
        if !self.ended() && self.purchase.state() == Some(State::Released) {
            let _ = self.afterlife().await;
        }
    }

    fn ended(&self) -> bool {
        self.lost_touch || self.shared.stopped()
    }

    fn possible(&self) -> Vec<Step> {
        let line = self.line();
        let active = self.purchase.state() == Some(State::Active);
        let mut steps = vec![Step::Renew, Step::Renew];
        let mut add = |wanted: bool, step: Step| {
            if wanted {
                steps.push(step);
            }
        };
        let freezes = line != Line::License1;
        let saas = line == Line::Saas1 || line == Line::Saas2;
        add(freezes, Step::Freeze);
        add(freezes, Step::Thaw);
        add(freezes && active, Step::StaleFreeze);
        add(freezes, Step::SwapRenewals);
        add(line == Line::License1 || line == Line::Saas1, Step::Expire);
        add(freezes && active && self.purchase.refundable_to().is_some(), Step::RefundRenewal);
        add(saas && active, Step::Upgrade);
        add(saas, Step::Query);
        add(line != Line::Code2, Step::BuyAgain);
        add(line == Line::Client && active, Step::Apply);
        add(line == Line::Saas2, Step::Notify);
        steps
    }

    async fn take(&mut self, step: Step) -> Result<(), Unsupported> {
        let line = self.line();
        match step {
            Step::Renew => self.renew().await,
            Step::RefundRenewal => self.refund().await,
            Step::Expire => self.change("expire", Change::Expire).await?,
            Step::Freeze => self.change("freeze", Change::Freeze).await?,
            Step::Thaw => self.change("unfreeze", Change::Thaw).await?,
            Step::Upgrade => self.upgrade().await?,
            Step::Query => {
                let call = Call::query(line, &[&self.subject])?;
                self.deliver("query", &call, &Expectation::success_of(&call)).await;
            }
            Step::BuyAgain => self.buy_again("buy again").await?,
            Step::Apply => self.apply().await?,
            Step::Notify => {
                let call = Call::notify(line, &self.order)?;
                self.deliver("notify", &call, &Expectation::success_of(&call)).await;
            }
            Step::SwapRenewals => self.swap_renewals().await,
            Step::StaleFreeze => self.stale_freeze().await?,
        }
        Ok(())
    }

    fn purchase_call(&self) -> Result<Call, Unsupported> {
        let call = self.product.goods.fill(Call::buy(self.line(), &self.order)?);
        Ok(match (self.line().transport(), self.named_expiry) {
            (Transport::V1, Some(expires)) => {
                call.expires_at(expires).period("year", 1).customer(&format!("c-{}", self.order), "张三 a+b@c&d=e")
            }
            _ => call,
        })
    }

    /// True: the purchase was acknowledged.
    async fn buy(&mut self) -> Result<bool, Unsupported> {
        let call = self.purchase_call()?;
        let reply = self.deliver("buy", &call, &Expectation::success_of(&call)).await;
        let bought = reply.filter(|reply| matches!(reply.code().as_deref(), Some(SUCCESS | IN_PROGRESS)));
        let Some((reply, instance)) = bought.and_then(|reply| reply.instance_id().map(|id| (reply, id))) else {
            return Ok(false);
        };
        self.subject = instance;
        self.first = Some(reply);
        Ok(true)
    }

    /// The same order once more gets the same answer, whatever has happened since.
    pub(super) async fn buy_again(&mut self, step: &'static str) -> Result<(), Unsupported> {
        let call = self.purchase_call()?;
        if let Some(again) = self.deliver(step, &call, &Expectation::success_of(&call)).await
            && let Some(first) = self.first.clone()
        {
            self.compare(step, &first, &again);
        }
        Ok(())
    }

    pub(super) fn next_order(&mut self, kind: char) -> String {
        self.orders += 1;
        format!("{}{kind}{}", self.order, self.orders)
    }

    /// An expiry further ahead than any before.
    pub(super) fn next_expiry(&mut self) -> Timestamp {
        let days = self.random.between(30, 365);
        let seconds = SignedDuration::from_secs(self.random.between(0, 86_399));
        self.furthest = shift(shift_days(self.furthest, days), seconds);
        self.furthest
    }

    async fn renew(&mut self) {
        let order = self.next_order('R');
        let expires = self.next_expiry();
        self.renew_until("renew", &order, expires).await;
    }

    pub(super) async fn renew_until(&mut self, step: &'static str, order: &str, expires: Timestamp) {
        let call = self.renewal_call(order, expires);
        let reply = self.deliver(step, &call, &Expectation::success_of(&call)).await;
        let done = succeeded(reply.as_ref());
        self.purchase.renew(expires, done);
        self.noticed |= done;
        if done {
            self.renewals.push(order.to_owned());
        }
    }

    pub(super) fn renewal_call(&self, order: &str, expires: Timestamp) -> Call {
        Call::renew(self.line(), &self.subject, order, expires).product(&self.product.goods.product_id)
    }

    async fn refund(&mut self) {
        let Some(back_to) = self.purchase.refundable_to() else { return };
        // The client guide names the order that is refunded, the others the refund's own.
        let order = match (self.line(), self.renewals.last()) {
            (Line::Client, Some(renewal)) => renewal.clone(),
            _ => self.next_order('F'),
        };
        let call = Call::refund_renewal(self.line(), &self.subject, &order, back_to);
        let reply = self.deliver("refund a renewal", &call, &Expectation::success_of(&call)).await;
        let done = succeeded(reply.as_ref());
        self.purchase.refund(back_to, done);
        if done {
            self.refunds.push(order);
        }
    }

    pub(super) async fn change(&mut self, step: &'static str, change: Change) -> Result<(), Unsupported> {
        let call = self.change_call(change)?;
        let reply = self.deliver(step, &call, &Expectation::success_of(&call)).await;
        self.record(change, reply.as_ref());
        Ok(())
    }

    pub(super) fn record(&mut self, change: Change, reply: Option<&Reply>) {
        let done = succeeded(reply);
        self.noticed |= done;
        self.purchase.change(change, done, self.last_signed);
    }

    pub(super) fn change_call(&self, change: Change) -> Result<Call, Unsupported> {
        let line = self.line();
        match change {
            Change::Expire => Call::expire(line, &self.subject, &self.order),
            Change::Freeze => Call::freeze(line, &self.subject),
            Change::Thaw => Call::unfreeze(line, &self.subject),
            Change::Release => Ok(Call::release(line, &self.subject, Some(&self.order))),
        }
    }

    async fn upgrade(&mut self) -> Result<(), Unsupported> {
        let order = self.next_order('U');
        let call = Call::upgrade(self.line(), &self.subject, &order)?;
        let call = self.product.goods.fill_upgrade(call);
        let reply = self.deliver("upgrade", &call, &Expectation::success_of(&call)).await;
        if succeeded(reply.as_ref()) {
            self.upgrades.push(order);
        }
        Ok(())
    }

    async fn apply(&mut self) -> Result<(), Unsupported> {
        let event = format!("event-{}", self.order);
        let step = if self.applied { "apply again" } else { "apply for a license" };
        let start = whole_second(self.product.marketplace.now());
        // A license for a period needs an end: one that lies inside any term a catalog is likely to give.
        let call = Call::apply_license(self.line(), &self.subject, &event, start)?
            .expires_at(shift_days(start, DEVICE_DAYS))
            .fingerprint(&format!("02:00:00:AA:BB:CC|{}|BOARD|CPU", self.order));
        let reply = self.deliver(step, &call, &Expectation::success_of(&call)).await;
        self.applied |= succeeded(reply.as_ref());
        Ok(())
    }

    async fn release(&mut self) {
        let _ = self.change("release", Change::Release).await;
    }

    /// What the service's records must show of this customer.
    pub(super) fn expected(&self) -> Expected {
        let line = self.line();
        let code = line == Line::Code2;
        let (expires_at_least, expires_at_most) = self.purchase.expiry_range();
        let acknowledged = if code { self.noticed } else { self.first.is_some() };
        Expected {
            line,
            url: self.product.marketplace.url().to_string(),
            order_id: if code { String::new() } else { self.order.clone() },
            order_line_id: matches!(line, Line::Client | Line::Saas2).then(|| format!("{}-000001", self.order)),
            acknowledged,
            in_progress: self.first.as_ref().and_then(Reply::code).as_deref() == Some(IN_PROGRESS),
            instance_id: (code || acknowledged).then(|| self.subject.clone()),
            license: self.first.as_ref().and_then(Reply::license),
            states: self.purchase.states().to_vec(),
            expires_at_least,
            expires_at_most,
            renewals: self.renewals.clone(),
            refunds: self.refunds.clone(),
            upgrades: self.upgrades.clone(),
        }
    }
}

fn succeeded(reply: Option<&Reply>) -> bool {
    matches!(reply.and_then(Reply::code).as_deref(), Some(SUCCESS | IN_PROGRESS))
}
