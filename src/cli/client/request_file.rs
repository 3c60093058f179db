//! `signet client request-file`: what a machine without network asks for, to be typed or scanned elsewhere.

use std::{io::IsTerminal as _, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};
use signet_verify::request::{Request, TEXT_CHARS};

use crate::cli::terminal::outln;

use super::{Common, host_name, platform};

/// Black on bright white, and back (ECMA-48 §8.3.117, with the bright colours that terminals add): scanners want dark on
/// light, and a terminal may be the other way round.
const DARK_ON_LIGHT: [&str; 2] = ["\x1b[30;107m", "\x1b[0m"];

/// Arguments of `signet client request-file`.
#[derive(Debug, Args)]
pub struct RequestFile {
    #[command(flatten)]
    common: Common,
    /// What people call this machine; its host name by default
    #[arg(long)]
    name: Option<String>,
    /// Draw a QR code; the line below it is what the code holds
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
    let text = text.context("the request cannot be written")?;
    if command.qr {
        outln!("{}", draw(&text, std::io::stdout().is_terminal())?);
    }
    outln!("{text}");
    Ok(ExitCode::SUCCESS)
}

/// The code of `text`, two modules to a character, with the empty border that scanners need (ISO/IEC 18004).
fn draw(text: &str, colored: bool) -> anyhow::Result<String> {
    // Screens have no scratches: the least correction makes the smallest drawing.
    let code =
        QrCode::with_error_correction_level(text, EcLevel::L).context("the request is too long for a QR code")?;
    let drawing = code.render::<Dense1x2>().build();
    if !colored {
        return Ok(drawing);
    }
    let [on, off] = DARK_ON_LIGHT;
    let lines: Vec<_> = drawing.lines().map(|line| format!("{on}{line}{off}")).collect();
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_on_a_terminal_is_dark_on_light_and_ends_so() {
        let (plain, colored) = (draw("SIGNET", false).unwrap(), draw("SIGNET", true).unwrap());
        assert_eq!(plain.lines().count(), (21 + 8usize).div_ceil(2));
        for (plain, colored) in plain.lines().zip(colored.lines()) {
            assert_eq!(colored, format!("\x1b[30;107m{plain}\x1b[0m"));
        }
        assert!(draw(&"x".repeat(5_000), false).is_err());
    }
}
