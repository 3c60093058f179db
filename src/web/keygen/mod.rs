//! The door for software that was written for Keygen's public contract.
//!
//! Both forms of the address, `/v1/accounts/{product}/…` and `/keygen/{product}/v1/…`, lead to the same routes. This door
//! stands beside the others, not behind them: everything that leaves it, also what is too large, too slow or went wrong,
//! is a JSON:API document signed with the product's door key over the bytes that are sent and the address that was asked.
//!
//! * [`receive`] is where every call arrives and every answer is signed; [`routes`] is the one list of what is covered
//! * [`call`] is one call taken apart, [`fields`] reads its body, [`answer`] and [`error`] are what goes out
//! * [`document`] and [`resource`] are the documents, as typed structures
//! * one file per resource carries the calls out: [`validations`], [`licenses`], [`machines`], [`checkouts`]
//!
//! No rule of licensing lives here: that is `usecase::keygen`.

pub mod answer;
pub mod call;
pub mod checkouts;
pub mod document;
pub mod error;
pub mod fields;
pub mod licenses;
pub mod machines;
pub mod receive;
pub mod resource;
pub mod routes;
pub mod validations;

use axum::{Router, routing::any};

use crate::app::App;

/// The addresses of the door.
pub fn router() -> Router<App> {
    let mut router = Router::new();
    for prefix in ["/v1/accounts/{product}", "/keygen/{product}/v1"] {
        let below = format!("{prefix}/{{*rest}}");
        router = router.route(prefix, any(receive::receive)).route(&below, any(receive::receive));
        router = router.route(&format!("{prefix}/"), any(receive::receive));
    }
    router
}
