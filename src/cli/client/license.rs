//! Where the license comes from: never from an argument, which every user of the machine can read.

use std::{
    env,
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Read},
    path::Path,
};

use anyhow::{Context as _, bail};
use zeroize::Zeroizing;

use crate::{base::secret::SecretString, cli::terminal::errln};

use super::words::{language, pick};

/// Bytes that are read: far more than the longest license code.
const BYTES: u64 = 8 * 1024;

/// Reads the license from `file`, else from `SIGNET_LICENSE`, else from standard input: from people one line, after a word
/// that asks for it.
///
/// # Errors
/// When none is there, or what is there is more than one line.
pub fn read(file: Option<&Path>) -> anyhow::Result<SecretString> {
    let text = if let Some(file) = file {
        let opened = File::open(file).and_then(limited);
        opened.with_context(|| format!("the license in {} cannot be read", file.display()))?
    } else if let Some(text) = env::var("SIGNET_LICENSE").ok().filter(|text| !text.trim().is_empty()) {
        Zeroizing::new(text)
    } else if io::stdin().is_terminal() {
        errln!(
            "{}",
            pick(
                language(),
                "请粘贴许可密钥或授权码，然后按回车：",
                "Paste the license key or code, then press Enter:"
            )
        );
        first_line(io::stdin()).context("the license cannot be read from the terminal")?
    } else {
        limited(io::stdin()).context("the license cannot be read from standard input")?
    };
    let license = text.trim();
    // What goes into a header: no line break, nothing that is not printable.
    if license.is_empty() || !license.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        bail!("a license is one line of letters, digits and signs: copy it anew");
    }
    Ok(SecretString::from(license))
}

/// What is typed: nobody knows how to end a terminal's input.
fn first_line(source: impl Read) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    BufReader::new(source.take(BYTES)).read_line(&mut text)?;
    Ok(text)
}

fn limited(source: impl Read) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    source.take(BYTES).read_to_string(&mut text)?;
    Ok(text)
}
