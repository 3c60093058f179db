//! Logs through `tracing` and figures for Prometheus.
//!
//! No secret may reach a log line: whatever holds one has a redacting `Debug`, and handlers log ids, not contents.

use std::io::IsTerminal as _;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Upper bounds of the latency histograms, in seconds; the marketplace gives up after 5.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Starts logging to standard error; a second call changes nothing.
///
/// # Errors
/// Says what is wrong with `filter`.
pub fn start_logging(filter: &str, format: LogFormat) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("the setting `log` is wrong: {error}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A log that cannot be written would be told on standard error, which is gone then: that panics.
        .log_internal_errors(false)
        // Colours are for people: in a file or a journal they are noise that breaks searching.
        .with_ansi(std::io::stderr().is_terminal());
    // A second subscriber is refused; the first one stays, which is what tests in one process need.
    let _ = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// Installs the recorder of figures.
///
/// # Errors
/// When one is installed already.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()
}
