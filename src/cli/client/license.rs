//! Where the license comes from: never from an argument, which every user of the machine can read.

use std::{
    env,
    fs::File,
    io::{self, IsTerminal, Read},
    path::Path,
};

use anyhow::{Context as _, bail};
use zeroize::Zeroizing;

use crate::base::secret::SecretString;

/// Bytes that are read: far more than the longest license code.
const BYTES: u64 = 8 * 1024;

/// Reads the license from `file`, else from `SIGNET_LICENSE`, else from standard input.
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
        bail!("no license was given: name its file with --license-file, set SIGNET_LICENSE, or pipe it in");
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

fn limited(source: impl Read) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    source.take(BYTES).read_to_string(&mut text)?;
    Ok(text)
}
