//! HTTP in: the only room that names axum and askama.
//!
//! * [`server`] accepts connections, [`router`] is the one list of routes, [`request_log`] writes one line a request,
//!   [`head`] knows when a request's head is too large, [`panic`] answers when a handler cannot
//! * [`marketplace`] is the marketplaces' door, [`well_known`] the published keys, [`revocations`] what no longer holds,
//!   [`health`] the probes, [`metrics`] the figures, [`api`] the management API, [`customer`] the page of one license, [`page`] the other pages for people
//! * [`keygen`] is the door for software that was written for Keygen's public contract
//! * [`bootstrap`] is what machines call while software is put onto them
//! * [`deployment`] is what API and customer page share of deployments
//! * [`html`] is what pages share, [`caller`] tells who calls
//! * [`problem`] is the one map from failures to HTTP, [`rate_limit`] counts the calls of licensed software
//!
//! Handlers read as a list: take apart, call a use case, put together. Rules live in `usecase` and `license`.

pub mod api;
pub mod bootstrap;
pub mod caller;
pub mod customer;
pub mod deployment;
pub mod head;
pub mod health;
pub mod html;
pub mod keygen;
pub mod marketplace;
pub mod metrics;
pub mod page;
mod panic;
pub mod problem;
pub mod rate_limit;
pub mod request_log;
pub mod revocations;
pub mod router;
pub mod server;
pub mod well_known;
