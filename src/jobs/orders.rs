//! Completes orders that wait for their details: asks a source for each, oldest first.
//!
//! The source is an interface, because details come from different places: from the marketplace's order query, where the
//! channel has credentials for it, otherwise from the catalog (a default plan that the channel was given after the order
//! came).

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::SignedDuration;

use crate::{
    app::App,
    base::{ids::OrderId, limits, time::Time},
    catalog::{Channel, PlanMatch, PlanName},
    marketplace::{
        event::{OrderRef, PurchaseDetails},
        koogallery::open::order as query,
    },
    store::{OrderKind, OrderRecord},
    usecase::{
        Actor, Failure,
        order::{self, Completion, OrderInfo},
        term::Teller,
    },
};

/// How often.
pub const PAUSE: Duration = Duration::from_secs(30);

/// Pages of one round.
pub const PAGES: u32 = 100;

/// The answer of a source.
pub type Details<'a> = Pin<Box<dyn Future<Output = Result<Option<OrderInfo>, String>> + Send + 'a>>;

/// What the marketplace says.
pub type Told<'a> = Pin<Box<dyn Future<Output = Result<Option<query::Order>, String>> + Send + 'a>>;

/// Where the details of an order come from.
pub trait OrderSource: Send + Sync {
    /// The details of `order`; `None` when they are not known yet. An error says what went wrong: the next round
    /// asks again.
    fn details<'a>(&'a self, app: &'a App, order: &'a OrderRecord) -> Details<'a>;

    /// What the marketplace says of an order about which it sent a notice; `None` when nobody can ask it now.
    fn told<'a>(&'a self, app: &'a App, order: &'a OrderRecord) -> Told<'a>;
}

/// The longest pause between two questions about an order.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// Orders of which it is remembered when they are asked about next. One that is forgotten is asked about sooner.
const REMEMBERED: usize = 10_000;

/// Details from the marketplace; of channels that cannot ask it, from the catalog. The longer an order has waited in vain, the
/// less often the marketplace is asked about it: orders that nobody can complete must not use up the calls of the others.
#[derive(Debug, Default)]
pub struct Sources {
    /// When an order is asked about next.
    next: Mutex<HashMap<OrderId, Time>>,
}

impl Sources {
    fn is_due(&self, order: &OrderRecord, now: Time) -> bool {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.get(&order.id).is_none_or(|next| *next <= now)
    }

    /// Notes that it was asked about, and whether in vain.
    fn asked(&self, order: &OrderRecord, now: Time, in_vain: bool) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if !in_vain {
            next.remove(&order.id);
            return;
        }
        if next.len() >= REMEMBERED {
            next.clear();
        }
        let waited = now.since(order.created_at);
        let pause = (waited / 8).clamp(SignedDuration::ZERO, LONGEST_PAUSE);
        next.insert(order.id, now.saturating_add(pause));
    }

    /// What `ask` says of the order, where it is time for it.
    async fn in_time<T>(
        &self,
        app: &App,
        order: &OrderRecord,
        ask: impl Future<Output = Result<T, String>>,
    ) -> Result<Option<T>, String> {
        if !self.is_due(order, app.now()) {
            return Ok(None);
        }
        let told = ask.await;
        self.asked(order, app.now(), told.is_err());
        told.map(Some)
    }
}

impl OrderSource for Sources {
    fn details<'a>(&'a self, app: &'a App, order: &'a OrderRecord) -> Details<'a> {
        let installation = app.installation();
        let channel = order.channel.as_ref().and_then(|slug| installation.catalog.channel(slug)).cloned();
        match channel {
            // A code of the marketplace whose order nobody named: only the merchant can say what was bought.
            Some(_) if order.instance_id.as_deref() == Some(&*order.order_id) => Box::pin(std::future::ready(Ok(None))),
            Some(channel) if channel.open_api.is_some() => {
                Box::pin(self.in_time(app, order, asked(app, channel, order)))
            }
            channel => Box::pin(std::future::ready(Ok(default_plan(channel.as_ref(), order)))),
        }
    }

    fn told<'a>(&'a self, app: &'a App, order: &'a OrderRecord) -> Told<'a> {
        let installation = app.installation();
        let channel = order.channel.as_ref().and_then(|slug| installation.catalog.channel(slug)).cloned();
        match channel.filter(|channel| channel.open_api.is_some()) {
            Some(channel) => Box::pin(async move { self.in_time(app, order, questioned(app, &channel, order)).await }),
            None => Box::pin(std::future::ready(Ok(None))),
        }
    }
}

/// The order in the marketplace's words.
async fn questioned(app: &App, channel: &Channel, order: &OrderRecord) -> Result<query::Order, String> {
    let reference = OrderRef { order_id: order.order_id.clone(), line_id: order.line_id.clone() };
    let answer = app.ask_marketplace(channel, &query::query(&reference)).await.map_err(|why| why.to_string())?;
    query::read(&answer).ok_or_else(|| "the marketplace's answer holds no order".to_owned())
}

/// What the marketplace says that was ordered.
async fn asked(app: &App, channel: Channel, order: &OrderRecord) -> Result<OrderInfo, String> {
    let told = questioned(app, &channel, order).await?;
    let line =
        told.line(order.line_id.as_deref()).ok_or("the marketplace's answer does not hold this line of the order")?;
    let (wanted, details) = told.purchase(line).ok_or("the marketplace names nothing that was ordered")?;
    match app.installation().catalog.plan_for(&channel, &wanted) {
        PlanMatch::Found(product, plan) => {
            let plan = PlanName { product: product.slug.clone(), plan: plan.slug.clone() };
            Ok(OrderInfo { plan, details, teller: Teller::Marketplace })
        }
        PlanMatch::Unknown(what) => Err(format!(
            "the marketplace says that {what} was ordered, which no plan of the catalog sells: add it to one"
        )),
    }
}

/// The default plan of the order's channel, for purchases.
fn default_plan(channel: Option<&Channel>, order: &OrderRecord) -> Option<OrderInfo> {
    let plan = channel?.default_plan.clone()?;
    (order.kind == OrderKind::Purchase).then(|| OrderInfo {
        plan,
        details: PurchaseDetails::default(),
        teller: Teller::Catalog,
    })
}

/// One round over the waiting orders behind `after`, oldest first. Those whose source knows nothing yet must not keep the
/// later ones from being asked about, so the round goes on page by page, and the next one where this one stopped: it
/// returns the last order that it asked about, `None` when that was the last of all.
pub async fn round(app: &App, source: &dyn OrderSource, mut after: Option<OrderId>) -> Option<OrderId> {
    for _ in 0..PAGES {
        let waiting: Result<Vec<OrderRecord>, Failure> =
            app.read(Actor::Signet, move |tx, _| Ok(tx.order_waiting(after, limits::PAGE_ROWS)?)).await;
        let waiting = match waiting {
            Ok(waiting) => waiting,
            Err(failure) => {
                tracing::warn!("waiting orders could not be read, the next round tries again: {failure}");
                return after;
            }
        };
        after = Some(waiting.last()?.id);
        for order in waiting {
            if order.kind == OrderKind::Notice {
                notice(app, source, &order).await;
                continue;
            }
            match source.details(app, &order).await {
                Ok(Some(info)) => complete(app, &order, info).await,
                Ok(None) => {}
                Err(reason) => {
                    tracing::warn!(order.id = %order.id, "no details of a waiting order: {reason}");
                    explain(app, &order, reason).await;
                }
            }
        }
    }
    after
}

/// An order changed in a way that only its details tell.
async fn notice(app: &App, source: &dyn OrderSource, order: &OrderRecord) {
    let told = match source.told(app, order).await {
        Ok(Some(told)) => told,
        Ok(None) => return,
        Err(reason) => return tracing::warn!(order.id = %order.id, "no details of an order that changed: {reason}"),
    };
    let id = order.id;
    let noted: Result<(), Failure> = app.write(Actor::Signet, move |tx, ctx| order::noticed(tx, ctx, id, &told)).await;
    if let Err(failure) = noted {
        tracing::warn!(order.id = %id, "what changed of an order could not be noted: {failure}");
    }
}

async fn complete(app: &App, order: &OrderRecord, info: OrderInfo) {
    let id = order.id;
    let result: Result<Completion, Failure> =
        app.write(Actor::Signet, move |tx, ctx| order::complete(tx, ctx, id, &info)).await;
    match result {
        Ok(Completion::Fulfilled(order)) => tracing::info!(order.id = %order.id, "a waiting order was completed"),
        Ok(other) => tracing::warn!(order.id = %id, "a waiting order could not be completed: {other:?}"),
        Err(failure) => tracing::warn!(order.id = %id, "a waiting order could not be completed: {failure}"),
    }
}

/// Tells the merchant why the order waits.
async fn explain(app: &App, order: &OrderRecord, why: String) {
    let id = order.id;
    let told: Result<(), Failure> = app.write(Actor::Signet, move |tx, ctx| order::explain(tx, ctx, id, &why)).await;
    if let Err(failure) = told {
        tracing::warn!(order.id = %id, "the merchant could not be told why an order waits: {failure}");
    }
}
