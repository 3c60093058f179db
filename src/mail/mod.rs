//! Mail by SMTP: one message, one connection, in two steps, so that who sends can note in between that the text is about to
//! leave. What is written, to whom and when is decided elsewhere.
//!
//! SMTP has no way to ask whether a message arrived. Until the server is about to take the text nothing was sent, and all of it
//! may be tried again; after that only the server's answer tells, and when that is lost nobody knows.

use std::time::Duration;

use lettre::{
    Address, Message,
    message::{Mailbox, MultiPart},
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::ClientId,
    },
};

use crate::base::{
    secret::{ExposeSecret, SecretString},
    text::truncate,
    time::Time,
};

/// How long everything before the text may take.
const BEGIN: Duration = Duration::from_secs(60);
/// How long the server may take over the text: RFC 5321 §4.5.3.2.6 gives it ten minutes, but then somebody else is at it.
const TEXT: Duration = Duration::from_secs(120);
/// Characters of what a server says.
const SAID_CHARS: usize = 300;

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// From the first byte on.
    Tls,
    /// After a greeting.
    StartTls,
    /// Not at all.
    None,
}

/// A server that takes mail.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub security: Security,
    /// User name and password, where it wants them.
    pub login: Option<(String, SecretString)>,
}

/// Sends mail. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailer {
    server: Server,
    from: Mailbox,
}

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Left of the `@` in its id: the same for the same message, however often it is tried.
    pub id: String,
    /// To whom.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// As text.
    pub text: String,
    /// As HTML.
    pub html: String,
    /// Its date.
    pub at: Time,
}

/// Why a message was not sent, or nobody knows whether it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// It was not, and may be tried again.
    #[error("{0}")]
    Later(String),
    /// It was not, and never will be.
    #[error("{0}")]
    Never(String),
    /// The server had the text and did not say what became of it.
    #[error("the server did not say whether it took the text: {0}")]
    Unknown(String),
}

/// A connection whose server waits for the text.
pub struct Ready {
    connection: AsyncSmtpConnection,
    text: Vec<u8>,
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ready").finish_non_exhaustive()
    }
}

/// Whether `text` is an address to which mail can be sent.
pub fn is_address(text: &str) -> bool {
    text.len() <= 254 && text.is_ascii() && text.parse::<Address>().is_ok()
}

impl Mailer {
    /// One that sends as `from`, such as `Atlas <licenses@example.com>`.
    ///
    /// # Errors
    /// When `from` is no address.
    pub fn new(server: Server, from: &str) -> Result<Self, String> {
        let from = from.parse().map_err(|_| format!("`{from}` is no address such as Atlas <licenses@example.com>"))?;
        Ok(Self { server, from })
    }

    /// Everything up to the text.
    ///
    /// # Errors
    /// [`NotSent::Later`] and [`NotSent::Never`]: nothing was sent.
    pub async fn begin(&self, message: &Outgoing) -> Result<Ready, NotSent> {
        let (to, text) = self.written(message)?;
        match tokio::time::timeout(BEGIN, self.reach(to)).await {
            Ok(Ok(connection)) => Ok(Ready { connection, text }),
            Ok(Err(error)) if error.is_permanent() => Err(NotSent::Never(said(&error))),
            Ok(Err(error)) => Err(NotSent::Later(said(&error))),
            Err(_) => Err(NotSent::Later("the server did not answer in time".to_owned())),
        }
    }

    async fn reach(&self, to: Address) -> Result<AsyncSmtpConnection, lettre::transport::smtp::Error> {
        let Server { host, port, security, login } = &self.server;
        let hello = ClientId::Domain(self.from.email.domain().to_owned());
        let tls = || TlsParameters::new_rustls(host.clone());
        let at_once = if *security == Security::Tls { Some(tls()?) } else { None };
        let server = (host.as_str(), *port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(server, Some(BEGIN), &hello, at_once, None).await?;
        if *security == Security::StartTls {
            connection.starttls(tls()?, &hello).await?;
        }
        if let Some((user, password)) = login {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        connection.command(Mail::new(Some(self.from.email.clone()), vec![])).await?;
        connection.command(Rcpt::new(to, vec![])).await?;
        connection.command(Data).await?;
        Ok(connection)
    }

    fn written(&self, message: &Outgoing) -> Result<(Address, Vec<u8>), NotSent> {
        let never = |what: &str| NotSent::Never(what.to_owned());
        let to: Address = message.to.parse().map_err(|_| never("the address is none"))?;
        let seconds = u64::try_from(message.at.as_seconds()).unwrap_or(0);
        let written = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(&message.subject)
            .message_id(Some(format!("<{}@{}>", message.id, self.from.email.domain())))
            .date(std::time::UNIX_EPOCH + Duration::from_secs(seconds))
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(message.text.clone(), message.html.clone()))
            .map_err(|_| never("the message cannot be written"))?;
        Ok((to, written.formatted()))
    }
}

impl Ready {
    /// Sends the text.
    ///
    /// # Errors
    /// [`NotSent`]; [`NotSent::Unknown`] when the answer is lost.
    pub async fn send(mut self) -> Result<(), NotSent> {
        let sent = match tokio::time::timeout(TEXT, self.connection.message(&self.text)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_permanent() => Err(NotSent::Never(said(&error))),
            Ok(Err(error)) if error.is_transient() => Err(NotSent::Later(said(&error))),
            Ok(Err(error)) => return Err(NotSent::Unknown(said(&error))),
            Err(_) => return Err(NotSent::Unknown("no answer in time".to_owned())),
        };
        // It is taken or refused by now, whatever becomes of the farewell.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.connection.quit()).await;
        sent
    }
}

/// What a server or the system says, in one line.
fn said(error: &lettre::transport::smtp::Error) -> String {
    let text = error.to_string();
    truncate(&text.split(char::is_control).collect::<Vec<_>>().join(" "), SAID_CHARS)
}

/// `Auto-Submitted: auto-generated` (RFC 3834 §5): nobody's holiday note answers it.
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
