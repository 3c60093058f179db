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
    provision::{password::PasswordHash, plan::Place, provider::Credentials},
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

    /// Credentials for a place.
    pub fn seal_credentials(&self, place: &Place, credentials: &Credentials) -> String {
        let token = credentials.session_token.as_ref().map(|it| it.expose_secret().to_owned());
        let parts = [credentials.access_key.clone(), credentials.secret_key.expose_secret().to_owned()];
        self.seal("credentials", Some(place.clone()), parts.into_iter().chain(token).collect())
    }

    /// The credentials for a place; `None`: there are none, they are over, or they were for another.
    pub fn credentials(&self, place: &Place, text: &str) -> Option<Credentials> {
        let clear = self.open("credentials", text).filter(|it| it.place.as_ref() == Some(place))?;
        let mut parts = clear.parts.iter();
        let mut next = || parts.next().map(|it| it.as_str());
        Some(Credentials {
            access_key: next()?.to_owned(),
            secret_key: SecretString::from(next()?),
            session_token: next().map(SecretString::from),
        })
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
