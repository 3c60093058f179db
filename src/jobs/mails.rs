//! Sends mail, one after the other. What is sent, and what an answer means, is decided by `usecase::mail`.

use std::time::Duration;

use crate::{
    app::App,
    base::secret::ExposeSecret,
    letters,
    mail::{self, Mailer, NotSent},
    usecase::{
        Actor, Failure,
        mail::{self as work, Became, Next, Outgoing},
    },
};

/// How often.
pub const PAUSE: Duration = Duration::from_secs(5);
/// Mails of one round.
const MAILS: u32 = 500;

/// One round over what is due.
pub async fn round(app: &App) {
    let Some(mailer) = app.mailer().cloned() else { return };
    for _ in 0..MAILS {
        let post = app.post().clone();
        let next: Result<Next, Failure> = app.write(Actor::Signet, move |tx, ctx| work::claim(tx, ctx, &post)).await;
        match next {
            Ok(Next::Send(mail)) => one(app, &mailer, *mail).await,
            Ok(Next::Settled) => {}
            Ok(Next::Nothing) => return,
            Err(failure) => {
                tracing::warn!("mail could not be claimed, the next round tries again: {failure}");
                return;
            }
        }
    }
}

async fn one(app: &App, mailer: &Mailer, outgoing: Outgoing) {
    let (id, kind) = (outgoing.id, outgoing.kind.as_str());
    let became = send(app, mailer, &outgoing).await;
    let word = match &became {
        None => return,
        Some(Became::Sent) => "sent",
        Some(Became::Later(_)) => "later",
        Some(Became::Never(_)) => "failed",
        Some(Became::Unknown(_)) => "unknown",
    };
    tracing::info!(mail.id = %id, mail.kind = kind, "mail: {word}");
    metrics::counter!("signet_mails_total", "outcome" => word).increment(1);
    let noted: Result<(), Failure> = app
        .write(Actor::Signet, move |tx, ctx| became.as_ref().map_or(Ok(()), |it| work::record(tx, ctx, &outgoing, it)))
        .await;
    if let Err(failure) = noted {
        // It stays as it is, and is given up for lost: to send it again could send it twice.
        tracing::warn!(mail.id = %id, "what became of a mail could not be noted: {failure}");
    }
}

/// `None`: somebody else is at it.
async fn send(app: &App, mailer: &Mailer, outgoing: &Outgoing) -> Option<Became> {
    let letter = match letters::write(outgoing.kind, outgoing.language, &outgoing.facts) {
        Ok(letter) => letter,
        Err(error) => return Some(Became::Never(error.to_string())),
    };
    let message = mail::Outgoing {
        id: outgoing.id.to_string(),
        to: outgoing.to.expose_secret().to_owned(),
        subject: letter.subject,
        text: letter.text,
        html: letter.html,
        at: outgoing.at,
    };
    let ready = match mailer.begin(&message).await {
        Ok(ready) => ready,
        Err(why) => return Some(became(why)),
    };
    let mine = outgoing.clone();
    let leaving: Result<bool, Failure> = app.write(Actor::Signet, move |tx, ctx| work::leaving(tx, ctx, &mine)).await;
    match leaving {
        Ok(true) => Some(ready.send().await.map_or_else(became, |()| Became::Sent)),
        Ok(false) => None,
        Err(failure) => {
            // Whether it was noted nobody knows, but nothing was sent: after the claim it is settled one way or the other.
            tracing::warn!(mail.id = %outgoing.id, "a mail could not be noted as leaving, so it was not sent: {failure}");
            None
        }
    }
}

fn became(why: NotSent) -> Became {
    match why {
        NotSent::Later(why) => Became::Later(why),
        NotSent::Never(why) => Became::Never(why),
        NotSent::Unknown(why) => Became::Unknown(why),
    }
}
