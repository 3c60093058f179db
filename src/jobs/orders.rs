//! Completes orders that wait for their details: asks a source for each, oldest first.
//!
//! The source is an interface, because details come from different places: for now from the catalog (a channel
//! that was given a default plan after the order came), later from the marketplace's order query.

use std::{future::Future, pin::Pin, time::Duration};

use crate::{
    app::App,
    base::{ids::OrderId, limits},
    marketplace::event::PurchaseDetails,
    store::{OrderKind, OrderRecord},
    usecase::{
        Actor, Failure,
        order::{self, Completion, OrderInfo},
    },
};

/// How often.
pub const PAUSE: Duration = Duration::from_secs(30);

/// Pages of one round.
pub const PAGES: u32 = 100;

/// The answer of a source.
pub type Details<'a> = Pin<Box<dyn Future<Output = Result<Option<OrderInfo>, String>> + Send + 'a>>;

/// Where the details of an order come from.
pub trait OrderSource: Send + Sync {
    /// The details of `order`; `None` when they are not known yet. An error says what went wrong: the next round
    /// asks again.
    fn details<'a>(&'a self, app: &'a App, order: &'a OrderRecord) -> Details<'a>;
}

/// Details from the catalog: the default plan of the order's channel, for purchases.
#[derive(Debug, Clone, Copy, Default)]
pub struct CatalogSource;

impl OrderSource for CatalogSource {
    fn details<'a>(&'a self, app: &'a App, order: &'a OrderRecord) -> Details<'a> {
        let installation = app.installation();
        let channel = order.channel.as_ref().and_then(|slug| installation.catalog.channel(slug));
        let plan = channel.and_then(|channel| channel.default_plan.clone());
        let info = plan
            .filter(|_| order.kind == OrderKind::Purchase)
            .map(|plan| OrderInfo { plan, details: PurchaseDetails::default() });
        Box::pin(std::future::ready(Ok(info)))
    }
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
            match source.details(app, &order).await {
                Ok(Some(info)) => complete(app, &order, info).await,
                Ok(None) => {}
                Err(reason) => tracing::warn!(order.id = %order.id, "no details of a waiting order: {reason}"),
            }
        }
    }
    after
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
