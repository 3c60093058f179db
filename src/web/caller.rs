//! [`Caller`]: who calls, for handlers.

use std::{convert::Infallible, net::IpAddr};

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::app::App;

use super::request_log::client_address;

/// The client's address, as the log names it; `None` only for requests that came over no connection, as in tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller(pub Option<IpAddr>);

impl FromRequestParts<App> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(client_address(app.trusted_proxies(), &parts.extensions, &parts.headers)))
    }
}
