//! The script that a new server runs: written here, run there. It says in `templates/deploy/bootstrap.sh` what it does.
//!
//! A server's user-data can be read by every process on it and by whoever may look at the server in the cloud's console.
//! So it holds no license and no password, but a token that works once, and what makes a forged package impossible.

use std::{fmt, fmt::Write as _, io::Read as _};

use data_encoding::BASE64;
use flate2::{Compression, GzBuilder};
use secrecy::{ExposeSecret, SecretString};

use super::{
    password::PasswordHash,
    recipe::{Answers, Recipe},
};
use crate::base::{ids::DeploymentId, limits, slug::Slug};

const SCRIPT: &str = include_str!("../../templates/deploy/bootstrap.sh");
const RENEW: &str = include_str!("../../templates/deploy/renew.sh");
/// RFC 8410, section 4: what stands before the 32 bytes of an Ed25519 key.
const SPKI: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// Characters of an address of this service.
const SERVICE_CHARS: usize = 200;
/// Where cloud-init puts the script: a folder that a restart empties.
const CLOUD_PATH: &str = "/run/signet-bootstrap.sh";

/// What one deployment's script is made of.
#[derive(Debug, Clone)]
pub struct Bootstrap<'a> {
    /// Where the server reaches this service: `http` or `https`, a host, a port and a path, without a slash at the end.
    pub service: &'a str,
    /// Which deployment this is.
    pub deployment: DeploymentId,
    /// The token: works once. 43 characters of base64url.
    pub token: &'a SecretString,
    /// SHA-256 of the manifest's text, 64 hexadecimal digits in lower case.
    pub manifest_sha256: &'a str,
    /// The key that signed the manifest.
    pub key: &'a [u8; 32],
    /// What is installed.
    pub product: &'a Slug,
    /// Root's password.
    pub password: Option<&'a PasswordHash>,
    /// How it is installed.
    pub recipe: &'a Recipe,
    /// What the customer answered.
    pub answers: &'a Answers,
}

/// Why there is no script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BootstrapError {
    /// A value that could mean something else to a shell, or nothing to the server.
    #[error("the script for the server was not written: {0} has characters or a length that it cannot have")]
    Value(&'static str),
    /// The customer's answer to a parameter.
    #[error("the answer to `{0}` cannot be passed on: control characters and line breaks are not allowed")]
    Answer(String),
    /// More than clouds take.
    #[error("the script would have {bytes} bytes, but a cloud takes at most {limit}: shorten the recipe's commands")]
    TooLong {
        /// Bytes it would have.
        bytes: usize,
        /// Bytes it may have.
        limit: usize,
    },
}

/// Whether a server can take the script of `recipe` at all: with a password, an address of this service of usual length, and
/// answers as short as they may be.
///
/// # Errors
/// [`BootstrapError`].
pub fn fits(product: &Slug, recipe: &Recipe) -> Result<(), BootstrapError> {
    let answers: Answers = recipe.parameters.iter().map(|it| (it.name.clone(), String::new())).collect();
    let bootstrap = Bootstrap {
        service: "https://licenses.example.com",
        deployment: DeploymentId::from_bytes([0; 16]),
        token: &SecretString::from("t".repeat(43)),
        manifest_sha256: &"0".repeat(64),
        key: &[0; 32],
        product,
        password: Some(&PasswordHash::kept(format!("$6${}${}", "s".repeat(16), "h".repeat(86)).into())),
        recipe,
        answers: &answers,
    };
    bootstrap.script().map(drop)
}

/// The script. Holds the token, so it is not printed.
#[derive(Clone)]
pub struct Script(SecretString);

impl Script {
    /// A script as the service answered it.
    pub fn received(text: SecretString) -> Self {
        Self(text)
    }

    /// The same as cloud-init's `#cloud-config`, to be merged with more of it. Packed, so that it stays under 16 KB.
    pub fn cloud_config(&self) -> String {
        let mut packed = GzBuilder::new().mtime(0).read(self.text().as_bytes(), Compression::best());
        let mut bytes = Vec::new();
        // Reading from memory cannot fail.
        let _ = packed.read_to_end(&mut bytes);
        format!(
            "#cloud-config\nwrite_files:\n  - path: {CLOUD_PATH}\n    permissions: \"0700\"\n    encoding: gz+b64\n    \
             content: {}\nruncmd:\n  - [sh, {CLOUD_PATH}]\n  - [rm, -f, {CLOUD_PATH}]\n",
            BASE64.encode(&bytes)
        )
    }

    /// For the cloud's user-data, or to be run with `sh` as root.
    pub fn text(&self) -> &str {
        self.0.expose_secret()
    }

    /// The same as a part of a Terraform configuration (HCL), for any provider: `local.signet_user_data`.
    pub fn terraform(&self) -> String {
        format!(
            "# Not run by Signet. Pass this on as the server's user data, such as: user_data = local.signet_user_data\n\
             locals {{\n  signet_user_data = sensitive(base64decode(\"{}\"))\n}}\n",
            BASE64.encode(self.text().as_bytes())
        )
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script(…)")
    }
}

impl Bootstrap<'_> {
    /// The script.
    ///
    /// # Errors
    /// [`BootstrapError`].
    pub fn script(&self) -> Result<Script, BootstrapError> {
        self.check()?;
        let parameters = self.parameters()?;
        let mut script = String::with_capacity(limits::USER_DATA_BYTES);
        let mut rest = SCRIPT;
        while let Some((before, name, after)) = next_value(rest) {
            script.push_str(before);
            match self.value(name, &parameters) {
                Some(value) => script.push_str(&value),
                None => {
                    let _ = write!(script, "@{name}@");
                }
            }
            rest = after;
        }
        script.push_str(rest);
        let script = compact(&script);
        let (bytes, limit) = (script.len(), limits::USER_DATA_BYTES);
        if bytes > limit {
            return Err(BootstrapError::TooLong { bytes, limit });
        }
        Ok(Script(script.into()))
    }

    /// What stands for `@name@`. Nothing that comes out of here holds a quote.
    fn value(&self, name: &str, parameters: &str) -> Option<String> {
        let base64 = |text: &str| BASE64.encode(text.as_bytes());
        Some(match name {
            "SERVICE" => self.service.to_owned(),
            "DEPLOYMENT" => self.deployment.to_string(),
            "PRODUCT" => self.product.to_string(),
            "TOKEN" => self.token.expose_secret().to_owned(),
            "KEY" => BASE64.encode(&[SPKI, self.key].concat()),
            "MANIFEST_SHA256" => self.manifest_sha256.to_owned(),
            "INSTALL_SECONDS" => self.recipe.install_seconds.to_string(),
            "HEALTH_SECONDS" => self.recipe.health_seconds.to_string(),
            "PASSWORD" => self.password.map(PasswordHash::expose).unwrap_or_default().to_owned(),
            "INSTALL" => base64(&self.recipe.install),
            "HEALTH" => base64(&self.recipe.health),
            "PARAMETERS" => base64(parameters),
            "RENEW" => RENEW.trim_end().to_owned(),
            _ => return None,
        })
    }

    fn check(&self) -> Result<(), BootstrapError> {
        let base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let address = self.service.strip_prefix("https://").or_else(|| self.service.strip_prefix("http://"));
        let service = address.is_some_and(|it| {
            it.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')
                && self.service.len() <= SERVICE_CHARS
                && !it.ends_with('/')
                && it.bytes().all(|byte| base64url(byte) || b".:/[]".contains(&byte))
        });
        let token = self.token.expose_secret();
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let password = self.password.is_none_or(|hash| {
            let crypt = |byte: u8| byte.is_ascii_alphanumeric() || b"./$=".contains(&byte);
            hash.expose().starts_with("$6$") && hash.expose().bytes().all(crypt)
        });
        let commands = [&self.recipe.install, &self.recipe.health];
        let checks = [
            ("the service's address", service),
            ("the token", token.len() == 43 && token.bytes().all(base64url)),
            ("the manifest's digest", self.manifest_sha256.len() == 64 && self.manifest_sha256.bytes().all(hex)),
            ("the password's hash", password),
            ("the recipe's command", commands.iter().all(|it| !it.trim().is_empty() && !it.contains('\0'))),
        ];
        checks.iter().find(|(_, fits)| !fits).map_or(Ok(()), |(what, _)| Err(BootstrapError::Value(what)))
    }

    /// A line `NAME=value` for each answer. The script puts `SIGNET_PARAM_` before it.
    fn parameters(&self) -> Result<String, BootstrapError> {
        let mut lines = String::new();
        for (name, value) in self.answers {
            let named = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            if !named || name.is_empty() || value.chars().any(char::is_control) {
                return Err(BootstrapError::Answer(name.chars().filter(|it| !it.is_control()).take(60).collect()));
            }
            let _ = writeln!(lines, "{}={value}", name.to_ascii_uppercase().replace('-', "_"));
        }
        Ok(lines)
    }
}

/// The text before the next `@NAME@`, the name, and the text after it.
fn next_value(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices('@').find_map(|(start, _)| {
        let (name, after) = text[start + 1..].split_once('@')?;
        let named =
            !name.is_empty() && name.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == b'_');
        named.then_some((&text[..start], name, after))
    })
}

/// Leaves out what only readers of the source need: comments and indentation are a tenth of the room there is.
fn compact(script: &str) -> String {
    let mut lines = script.lines().map(str::trim_start);
    let head: Vec<&str> = lines.by_ref().take(2).collect();
    let kept = head.into_iter().chain(lines.filter(|line| !line.starts_with("# ") && !line.is_empty()));
    kept.fold(String::with_capacity(script.len()), |mut text, line| {
        text.push_str(line);
        text.push('\n');
        text
    })
}

#[cfg(test)]
#[path = "bootstrap_tests.rs"]
mod tests;
