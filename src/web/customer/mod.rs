//! The page of one license, for the customer who holds it.
//!
//! Two doors lead to it: [`door`] takes a code or key in a form, or a link in the address; [`redeem`] stands behind the first for codes that
//! the marketplace made. Both open a [`session`] and
//! send the browser on to an address that holds no secret. [`page`] shows the license, [`meters`] what was used, [`state`] says in words how it
//! stands and what to do next, [`actions`] are the forms on it. Everything works without a script.
//!
//! Nothing here decides about licenses, and nothing that a page shows may reach a log.

mod actions;
mod deploy;
mod door;
mod machines;
mod meters;
mod notice;
mod page;
mod qr;
mod redeem;
mod session;
mod state;
mod tries;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};

use crate::{app::App, base::limits};

use super::{html, panic};

/// The addresses of the page.
pub fn routes(app: &App) -> Router<App> {
    Router::new()
        .route("/l", get(door::form).post(door::typed))
        .route("/l/redeem", post(redeem::redeem))
        .route("/l/{token}", get(door::link))
        .route(session::PAGE, get(page::show))
        .route("/license/machines/{id}/free", post(actions::free_seat))
        .route("/license/file", get(actions::license_file))
        .route("/license/offline", post(actions::exchange))
        .route("/license/mail", post(actions::set_mail))
        .route("/license/log-out", post(actions::log_out))
        .merge(deploy::routes())
        .layer(Extension(Arc::new(tries::WrongTries::default())))
        .layer(DefaultBodyLimit::max(limits::REQUEST_BODY_BYTES))
        .layer(middleware::from_fn_with_state(app.clone(), session::refuse_foreign))
        .layer(middleware::from_fn(panic::caught))
        .layer(middleware::from_fn(html::trouble_in_words))
}
