//! HTTP in: the only room that names axum and askama.
//!
//! * [`server`] accepts connections, [`router`] is the one list of routes, [`request_log`] writes one line a request,
//!   [`head`] knows when a request's head is too large
//! * [`marketplace`] is the marketplaces' door, [`well_known`] the published keys, [`revocations`] what no longer holds,
//!   [`health`] the probes, [`metrics`] the figures, [`api`] the management API, [`page`] the pages for people
//! * [`problem`] is the one map from failures to HTTP
//!
//! Handlers read as a list: take apart, call a use case, put together. Rules live in `usecase` and `license`.

pub mod api;
pub mod head;
pub mod health;
pub mod marketplace;
pub mod metrics;
pub mod page;
pub mod problem;
pub mod request_log;
pub mod revocations;
pub mod router;
pub mod server;
pub mod well_known;
