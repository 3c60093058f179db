//! The metrics listener: an address of its own, so that it can be kept private.

use std::net::SocketAddr;

use axum::{Router, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::base::limits;

use super::server;

/// Serves `/metrics` on an address of its own until `stop`.
///
/// # Errors
/// When the address is taken.
pub async fn serve(
    address: SocketAddr,
    handle: PrometheusHandle,
    stop: CancellationToken,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/metrics", get(move || std::future::ready(handle.render())));
    tokio::spawn(server::serve(limits::METRICS_CONNECTIONS, listener, router, stop));
    Ok(address)
}
