//! `signet client import-file`: takes the answer to a request, or a license file, on a machine without network.

use std::{fs::File, io::Read, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use signet_verify::bundle::Bundle;

use crate::cli::terminal::outln;

use super::{
    Common, report,
    state::State,
    trust::{self, Trust},
    words::language,
};

/// Bytes that are read: one more than a bundle may have, so that [`Bundle::parse`] sees one that is too long.
const BYTES: u64 = signet_verify::bundle::BYTES as u64 + 1;

/// Arguments of `signet client import-file`.
#[derive(Debug, Args)]
pub struct ImportFile {
    #[command(flatten)]
    common: Common,
    /// The product's root key, as `signet key root` prints it; may be left out from the second time on
    // One key in 64 begins with a dash.
    #[arg(long, value_parser = trust::root_key, allow_hyphen_values = true)]
    root_key: Option<String>,
    /// The file; `-` reads standard input
    file: PathBuf,
}

/// Verifies the file as a whole, then stores what it has.
///
/// # Errors
/// When it cannot be read or anything in it does not verify, is of another product, or for another machine.
pub fn run(command: &ImportFile) -> anyhow::Result<ExitCode> {
    let shown = command.file.display();
    let bundle = Bundle::parse(&read(command)?).with_context(|| format!("{shown} is not taken"))?;
    let folder = command.common.folder()?;
    let before = folder.load()?;
    let pinned = trust::pinned(before.as_ref(), command.root_key.as_deref())?;
    let trust = Trust::new(&command.common.product, &pinned)?;
    let machine = command.common.machine(&folder)?;
    let mut state = before.unwrap_or_else(|| State::new(&command.common.product, &pinned));
    trust.import(&mut state, bundle, &machine.components).with_context(|| format!("{shown} is not taken"))?;
    folder.save(&state)?;
    outln!("{}", report::activated(&command.common.product, language()));
    Ok(ExitCode::SUCCESS)
}

fn read(command: &ImportFile) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = if command.file.as_os_str() == "-" {
        std::io::stdin().take(BYTES).read_to_string(&mut text)
    } else {
        File::open(&command.file).and_then(|file| file.take(BYTES).read_to_string(&mut text))
    };
    read.with_context(|| format!("{} cannot be read", command.file.display()))?;
    Ok(text)
}
