//! `signet verify [--jwks FILE|URL] TEXT` and `signet verify --root-key X --bundle FILE`: does what Signet signed hold,
//! without asking anybody?
//!
//! Any signed text is read as the kind that it says it is; [`document`] says what each kind tells, [`bundle`] reads
//! files, [`keys`] finds the published keys.

mod bundle;
mod document;
mod keys;

use std::{
    io::{self, Read},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};
use signet_verify::{
    claims::CodeClaims,
    jws,
    keys::{Root, read_key_list},
    kind::Kind,
};

use crate::{
    base::{
        clock::{Clock, SystemClock},
        slug::Slug,
    },
    license::verify::{Verified, VerifyOptions},
};

use super::{table, terminal::outln};

pub use keys::read_keys;

use document::Document;

/// Bytes of a text on standard input: more than any signed text has.
const TEXT_BYTES: u64 = 2 * 1024 * 1024;

/// Arguments of `signet verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The published keys: a file, or an address such as https://license.example.com/.well-known/jwks.json
    #[arg(long, default_value = "http://127.0.0.1:8080/.well-known/jwks.json")]
    jwks: String,
    /// The product's root key, as `signet key root PRODUCT` prints it: for bundles and key lists
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = Root::from_x)]
    root_key: Option<Root>,
    /// The product it must be for
    #[arg(long)]
    product: Option<Slug>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// A license file, the response to an offline activation, or another bundle; needs --root-key
    #[arg(long, value_name = "FILE", requires = "root_key", conflicts_with = "text")]
    bundle: Option<PathBuf>,
    /// A license code, a lease, or any other signed text; `-` reads it from standard input, which keeps it out of the
    /// shell's history
    #[arg(required_unless_present = "bundle")]
    text: Option<String>,
}

/// Why something does not hold: a stable name, and words.
#[derive(Debug, PartialEq, Eq)]
struct Objection {
    reason: &'static str,
    detail: String,
}

impl Objection {
    fn new(reason: &'static str, error: &impl ToString) -> Self {
        Self { reason, detail: error.to_string() }
    }

    fn json(&self) -> Value {
        json!({ "valid": false, "reason": self.reason, "detail": self.detail })
    }
}

/// Verifies. Exit code 0: it holds; 1: it does not, or the keys cannot be read.
///
/// # Errors
/// When text or keys cannot be read.
pub async fn run(command: Verify) -> anyhow::Result<ExitCode> {
    let options = VerifyOptions { product: command.product.as_ref(), ..VerifyOptions::at(SystemClock.now()) };
    let found = match (&command.bundle, &command.root_key) {
        (Some(file), Some(root)) => bundle::verify(file, root, &options)?,
        _ => vec![verify_text(&command, &options).await?],
    };
    let holds = found.iter().all(Result::is_ok);
    if command.json {
        let mut all: Vec<Value> =
            found.iter().map(|it| it.as_ref().map_or_else(Objection::json, Document::json)).collect();
        match all.pop() {
            Some(only) if command.bundle.is_none() => outln!("{only}"),
            last => {
                all.extend(last);
                outln!("{}", json!({ "valid": holds, "documents": all }));
            }
        }
    } else {
        for document in &found {
            match document {
                Ok(document) => outln!("{}", table::of_pairs(document.pairs())),
                Err(objection) => outln!("NOT VALID: {}", objection.detail),
            }
        }
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A verified license code as a table for people.
pub fn shown(verified: &Verified) -> comfy_table::Table {
    let document = Document::code(verified.kind(), &CodeClaims::from(&verified.claims), &verified.kid);
    table::of_pairs(document.pairs())
}

async fn verify_text(command: &Verify, options: &VerifyOptions<'_>) -> anyhow::Result<Result<Document, Objection>> {
    let text = read_text(command.text.as_deref().unwrap_or_default())?;
    if jws::kind_of(&text) == Some(Kind::KeyList) {
        return verify_key_list(&text, command);
    }
    let published = read_keys(&command.jwks).await?;
    Ok(Document::read(&text, &published, options).map_err(|refusal| Objection::new(refusal.as_str(), &refusal)))
}

fn verify_key_list(text: &str, command: &Verify) -> anyhow::Result<Result<Document, Objection>> {
    let (Some(root), Some(product)) = (&command.root_key, &command.product) else {
        bail!("a key list is verified by its product's root: say --root-key and --product");
    };
    let list = read_key_list(text, root, product.as_str(), None);
    Ok(list.map(|list| Document::key_list(&list)).map_err(|error| Objection::new(error.as_str(), &error)))
}

fn read_text(argument: &str) -> anyhow::Result<String> {
    let mut text = argument.to_owned();
    if argument == "-" {
        text.clear();
        io::stdin().take(TEXT_BYTES).read_to_string(&mut text).context("standard input cannot be read")?;
    }
    Ok(text.trim().to_owned())
}
