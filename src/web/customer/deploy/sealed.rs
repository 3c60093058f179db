//! What the browser keeps of secrets between two steps: sealed under the master key, for this session and half an hour.

use data_encoding::BASE64URL_NOPAD;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    app::App,
    base::{
        secret::{ExposeSecret, SecretString},
        time::Time,
    },
    license::seal::Purpose,
    provision::{
        password::PasswordHash,
        plan::Place,
        provider::{Agency, Credentials, Entry},
    },
    usecase::session::Session,
};

/// How long it opens.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(30);

#[derive(Serialize, Deserialize)]
struct Clear {
    until: i64,
    /// Credentials are for the cloud they were typed for, and are shown to no other.
    place: Option<Place>,
    parts: Vec<String>,
}

impl Drop for Clear {
    fn drop(&mut self) {
        self.parts.zeroize();
    }
}

/// Seals and opens for one session.
pub struct Sealer<'a> {
    app: &'a App,
    session: &'a Session,
}

impl<'a> Sealer<'a> {
    /// For a session.
    pub fn new(app: &'a App, session: &'a Session) -> Self {
        Self { app, session }
    }

    /// What opens the account at a place.
    pub fn seal_entry(&self, place: &Place, entry: &Entry) -> String {
        let parts = match entry {
            Entry::Keys(keys) => {
                let token = keys.session_token.as_ref().map(|it| it.expose_secret().to_owned());
                let parts = ["keys".to_owned(), keys.access_key.clone(), keys.secret_key.expose_secret().to_owned()];
                parts.into_iter().chain(token).collect()
            }
            Entry::Agency(Agency::Trust(urn)) => vec!["trust".to_owned(), urn.clone()],
            Entry::Agency(Agency::Named(account)) => vec!["named".to_owned(), account.clone()],
        };
        self.seal("credentials", Some(place.clone()), parts)
    }

    /// What opens the account at a place; `None`: there is nothing, it is over, or it was for another.
    pub fn entry(&self, place: &Place, text: &str) -> Option<Entry> {
        let clear = self.open("credentials", text).filter(|it| it.place.as_ref() == Some(place))?;
        let parts: Vec<&str> = clear.parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["keys", access_key, secret_key, token @ ..] => Some(Entry::Keys(Credentials {
                access_key: (*access_key).to_owned(),
                secret_key: SecretString::from(*secret_key),
                session_token: token.first().map(|token| SecretString::from(*token)),
            })),
            ["trust", urn] => Some(Entry::Agency(Agency::Trust((*urn).to_owned()))),
            ["named", account] => Some(Entry::Agency(Agency::Named((*account).to_owned()))),
            _ => None,
        }
    }

    /// The hash of a password.
    pub fn seal_hash(&self, hash: &PasswordHash) -> String {
        self.seal("password", None, vec![hash.expose().to_owned()])
    }

    /// The hash again; `None`: there is none, or it is over.
    pub fn hash(&self, text: &str) -> Option<PasswordHash> {
        let clear = self.open("password", text)?;
        clear.parts.first().map(|hash| PasswordHash::kept(SecretString::from(hash.as_str())))
    }

    fn seal(&self, what: &str, place: Option<Place>, parts: Vec<String>) -> String {
        let until = self.app.now().saturating_add(LIFETIME).as_micros();
        let clear = Clear { until, place, parts };
        let clear = Zeroizing::new(serde_json::to_vec(&clear).expect("texts are JSON"));
        let master = &self.app.installation().master;
        BASE64URL_NOPAD.encode(&master.seal(Purpose::WizardCredentials, &self.aad(what), &clear, self.app.entropy()))
    }

    fn open(&self, what: &str, text: &str) -> Option<Clear> {
        let sealed = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let master = &self.app.installation().master;
        let clear = master.open(Purpose::WizardCredentials, &self.aad(what), &sealed).ok()?;
        let clear: Clear = serde_json::from_slice(&clear).ok()?;
        Time::from_micros(clear.until).filter(|until| self.app.now() < *until)?;
        Some(clear)
    }

    fn aad(&self, what: &str) -> String {
        format!("{what}/{}", self.session.form_token)
    }
}
