//! A PostgreSQL URL, taken apart as libpq does it, and libpq's messages without the URL's contents.
//!
//! libpq repeats what it cannot read of a URL, the password with it, so only a URL that can be read in one way reaches
//! it. Of what it says about connections the URL's values are taken out.

use crate::base::secret::{ExposeSecret, SecretString};

/// What is added to the URL, unless it says otherwise. `tcp_user_timeout` ends a connection whose server takes nothing
/// more. One whose server vanished after it had taken a statement has nothing left to send: only keepalives notice,
/// which the kernel would begin after two hours, with the job's place at the gate held all the while.
const DEFAULTS: &[(&str, &str)] = &[
    ("connect_timeout", "3"),
    ("tcp_user_timeout", "5000"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "3"),
    ("application_name", "signet"),
];
/// libpq's options (PostgreSQL's manual, "Database Connection Control Functions"), without `replication`, which makes
/// another kind of connection. libpq would repeat an unknown name, which may be the end of a password with a `&`.
const OPTIONS: &str = "\
    service user password passfile channel_binding connect_timeout dbname host hostaddr port client_encoding \
    options application_name fallback_application_name keepalives keepalives_idle keepalives_interval \
    keepalives_count tcp_user_timeout sslmode sslnegotiation sslcompression sslcert sslkey sslcertmode sslpassword \
    sslrootcert sslcrl sslcrldir sslsni requirepeer require_auth min_protocol_version max_protocol_version \
    ssl_min_protocol_version ssl_max_protocol_version gssencmode krbsrvname gsslib gssdelegation \
    target_session_attrs load_balance_hosts scram_client_key scram_server_key oauth_issuer oauth_client_id \
    oauth_client_secret oauth_scope sslkeylogfile ssl";
/// Options that are as good as the password.
const SECRETS: &[&str] = &["password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"];
/// Said when the password could be in the message, even by chance: cutting it out of ordinary words would show it.
const WITHHELD: &str =
    "no connection; why is withheld, because it repeats the password: check host, port, database, user and password";

/// A URL that can be read in only one way.
pub(super) struct Url {
    whole: SecretString,
    /// What may be replaced by its name, longest first.
    values: Vec<(String, &'static str)>,
    /// What must never be shown.
    secrets: Vec<SecretString>,
}

impl Url {
    /// Reads `postgres://` or `postgresql://`, then `[user[:password]@][host[:port][,…]][/database][?name=value[&…]]`
    /// (RFC 3986 §3.2, with several hosts as libpq knows them).
    ///
    /// `None` for everything that has characters that must be percent-encoded: they move the border between password,
    /// host and database, and libpq would name a part of the password as the host or port that it cannot use.
    pub(super) fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"))?;
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = authority.split_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let mut url = Self { whole: text.to_owned().into(), values: Vec::new(), secrets: Vec::new() };
        url.keep("user", user)?;
        url.keep("password", password)?;
        url.keep("dbname", database)?;
        for host in hosts.split(',').filter(|_| !hosts.is_empty()) {
            url.keep("host", host_of(host)?)?;
        }
        for parameter in query.into_iter().flat_map(|query| query.split('&')) {
            let (name, value) = parameter.split_once('=')?;
            OPTIONS.split(' ').find(|option| *option == name)?;
            url.keep(name, value)?;
        }
        url.values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        Some(url)
    }

    /// Remembers a value as it is written and as it is meant; `None` when it cannot be read.
    fn keep(&mut self, name: &str, written: &str) -> Option<()> {
        let meant = decoded(written)?;
        let label = match name {
            "user" => "(user)",
            "dbname" => "(database)",
            "host" | "hostaddr" => "(host)",
            _ => "(option)",
        };
        for value in [written, &meant] {
            if value.is_empty() {
                continue;
            }
            if SECRETS.contains(&name) {
                self.secrets.push(value.to_owned().into());
            } else if !self.values.iter().any(|(known, _)| known == value) {
                self.values.push((value.to_owned(), label));
            }
        }
        Some(())
    }

    /// The URL with time-outs, unless it names them itself.
    pub(super) fn with_defaults(&self) -> SecretString {
        let mut url = self.whole.expose_secret().to_owned();
        for (name, value) in DEFAULTS {
            if !url.contains(&format!("{name}=")) {
                url.push(if url.contains('?') { '&' } else { '?' });
                url.push_str(&format!("{name}={value}"));
            }
        }
        url.into()
    }

    /// What libpq says of a connection, without host, user, database and options. A message that repeats the password
    /// is withheld, unless the password is one of the others as well and so taken out with it.
    pub(super) fn cleaned(&self, message: &str) -> String {
        let mut cleaned = message.to_owned();
        for (value, label) in &self.values {
            cleaned = without(&cleaned, value, label);
        }
        let repeated = self.secrets.iter().map(ExposeSecret::expose_secret).any(|secret| {
            let public = self.values.iter().any(|(value, _)| value == secret);
            cleaned.contains(secret) || (!public && message.contains(secret))
        });
        if repeated { WITHHELD.to_owned() } else { cleaned.trim().to_owned() }
    }
}

impl std::fmt::Debug for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Url(…)")
    }
}

/// Replaces `value` wherever it stands by itself: user `on` must not turn `connection` into nonsense.
fn without(message: &str, value: &str, label: &str) -> String {
    let inner = |char: char| char.is_alphanumeric() || char == '_';
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(value) {
        let (before, found) = rest.split_at(at);
        let (found, after) = found.split_at(value.len());
        out.push_str(before);
        let alone = !out.ends_with(inner) && !after.starts_with(inner);
        out.push_str(if alone { label } else { found });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The host in `host`, `host:port`, `[address]` or `[address]:port`.
fn host_of(text: &str) -> Option<&str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let fits = |char: char| char.is_ascii_alphanumeric() || ":.%".contains(char);
            (!address.is_empty() && address.chars().all(fits)).then_some(())?;
            (address, port)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = if port.is_empty() { "" } else { port.strip_prefix(':')? };
    (port.is_empty() || port.parse::<u16>().is_ok()).then_some(host)
}

/// Decodes a text in which every character stands for itself or is percent-encoded (RFC 3986 §2.1), and not NUL,
/// which libpq refuses.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let value = digit(bytes.next()?)? * 16 + digit(bytes.next()?)?;
                (value != 0).then_some(value)?
            }
            byte if byte.is_ascii_alphanumeric() || b"-._~!$'()*+,;:/".contains(&byte) => byte,
            _ => return None,
        });
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests;
