//! What others are told: the outbox, webhooks, mail.

mod mails;
mod outbox;
mod receiver;
mod webhooks;

use serde_json::Value;
use signet::{
    catalog::PlanName,
    license::model::{Customer, License},
    store::EventRecord,
    usecase::merchant::{self, Act, ByHand},
};

use crate::harness::{TestApp, slug};

impl TestApp {
    /// A license issued by hand.
    pub async fn issued(&self) -> License {
        let wanted = ByHand {
            plan: PlanName { product: slug("atlas"), plan: slug("standard") },
            expires_at: None,
            quantity: None,
            trial: false,
            device: None,
            customer: Customer { id: Some("c-1".to_owned()), name: Some("港口公司".to_owned()) },
        };
        self.write(move |tx, ctx| Ok(merchant::issue(tx, ctx, &wanted)?.expect("a plan").license)).await
    }

    /// The merchant does something to it.
    pub async fn act(&self, license: &License, act: Act) {
        let id = license.id;
        self.write(move |tx, ctx| merchant::act(tx, ctx, id, act).map(drop)).await;
    }

    /// The events of a license, the oldest first.
    pub async fn events(&self, license: &License) -> Vec<EventRecord> {
        let id = license.id;
        self.read(move |tx, _| Ok(tx.events_of(id, 100)?)).await
    }
}

/// What an event tells.
fn told(event: &EventRecord) -> Value {
    serde_json::from_str(&event.payload).unwrap()
}
