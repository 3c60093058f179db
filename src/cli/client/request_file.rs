//! `signet client request-file`: what a machine without network asks for, to be typed or scanned elsewhere.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use signet_verify::request::{Request, TEXT_CHARS};

use crate::cli::terminal::outln;

use super::{Common, host_name, platform};

/// Arguments of `signet client request-file`.
#[derive(Debug, Args)]
pub struct RequestFile {
    #[command(flatten)]
    common: Common,
    /// What people call this machine; its host name by default
    #[arg(long)]
    name: Option<String>,
    /// Print one line, to be made a QR code
    #[arg(long)]
    qr: bool,
}

/// Prints the request. The license is not in it: it is entered beside it.
///
/// # Errors
/// When nothing tells this machine from others, or a name is too long.
pub fn run(command: &RequestFile) -> anyhow::Result<ExitCode> {
    let folder = command.common.folder()?;
    // A host name may be longer than what is to be typed; one that was given is not cut behind its giver's back.
    let name = command.name.clone().or_else(|| host_name().map(|name| name.chars().take(TEXT_CHARS).collect()));
    let request = Request {
        product: command.common.product.to_string(),
        name: name.unwrap_or_default(),
        platform: platform(),
        components: command.common.machine(&folder)?.components,
    };
    let text = if command.qr { request.to_qr() } else { request.to_text() };
    outln!("{}", text.context("the request cannot be written")?);
    Ok(ExitCode::SUCCESS)
}
