//! Deploying from the customer's page: the wizard (部署), and the page of each deployment.
//!
//! [`wizard`] walks through the steps: each is a form, what was chosen so far travels in hidden fields ([`typed`]), and
//! what is secret travels [`sealed`]; the server keeps nothing before somebody presses Go. [`lists`] asks the cloud,
//! [`agency`] is about keys and agencies, [`check`] looks at what was typed, [`body`] is what a step shows and [`frame`] what stands around it, [`fault`] says what
//! went wrong. [`progress`] shows a deployment, [`standing`] how it stands, [`events`] tells what is new of it, [`wishes`] are
//! the buttons on it, [`words`] the names of things, and
//! [`clouds`] what pages know of a cloud. Everything works without a script.
//!
//! Nothing here decides about deployments, and nothing that somebody typed may reach a log.

mod agency;
mod body;
mod check;
mod clouds;
mod events;
mod fault;
mod frame;
mod lists;
mod progress;
mod review;
mod sealed;
mod standing;
mod step;
mod typed;
mod wishes;
mod wizard;
mod words;

use std::sync::Arc;

use axum::{
    Extension, Router,
    routing::{get, post},
};

use crate::app::App;

pub use progress::Row;

/// Where the wizard is.
pub const WIZARD: &str = "/license/deploy";

/// The addresses.
pub fn routes() -> Router<App> {
    Router::new()
        .route(WIZARD, get(wizard::open).post(wizard::send))
        .route("/license/deployments/{id}", get(progress::show))
        .route("/license/deployments/{id}/events", get(events::stream))
        .route("/license/deployments/{id}/script", get(wishes::script))
        .route("/license/deployments/{id}/remove", get(wishes::confirm))
        .route("/license/deployments/{id}/check", get(wishes::ask_to_check))
        .route("/license/deployments/{id}/wish", post(wishes::wish))
        .layer(Extension(Arc::new(events::Streams::default())))
}
