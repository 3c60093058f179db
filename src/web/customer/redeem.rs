//! Codes that the marketplace made: the page says what redeeming one means, and only then it is done.

use askama::Template;
use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{
    app::{App, redeem::NotRedeemed},
    base::secret::{ExposeSecret, SecretString},
    usecase::{Actor, Failure, redemption::Refusal, session},
    web::{
        html::{Words, page},
        problem::Problem,
    },
};

use super::{
    door::{self, Knock, Notice, Typed},
    session::open,
};

#[derive(Template)]
#[template(path = "customer/redeem.html")]
struct Consequences<'a> {
    t: Words,
    here: &'static str,
    code: &'a str,
}

/// Asks whether `code` shall be redeemed: what was typed has the form of one, and nobody has redeemed it here.
pub fn ask(t: Words, code: &SecretString) -> Response {
    let shown = Consequences { t, here: "/l", code: code.expose_secret().trim() };
    page(StatusCode::OK, &shown).unwrap_or_else(IntoResponse::into_response)
}

/// `POST /l/redeem`: redeems a code, and opens the page of its license.
pub async fn redeem(
    State(app): State<App>,
    knock: Knock,
    typed: Result<Form<Typed>, FormRejection>,
) -> Result<Response, Problem> {
    let t = knock.t;
    let Ok(Form(Typed { license: code })) = typed else {
        return Ok(door::answer(t, StatusCode::UNPROCESSABLE_ENTITY, Some(Notice::Unreadable)));
    };
    if knock.has_to_wait(&app) {
        return Ok(door::too_many(t));
    }
    let (status, notice) = match app.redeem(Actor::Customer, &code, None, knock.client()).await {
        Ok(license) => {
            let begin = move |tx: &mut _, ctx: crate::usecase::Context<'_>| session::begin(tx, ctx, license.id);
            let text = app.read::<_, Failure, _>(Actor::Signet, begin).await?;
            return Ok(open(&app, &text));
        }
        Err(NotRedeemed::TooOften(_)) => return Ok(door::too_many(t)),
        Err(NotRedeemed::Failed(failure)) => return Err(failure.into()),
        Err(NotRedeemed::NoCode | NotRedeemed::NotSold) => (StatusCode::UNPROCESSABLE_ENTITY, Notice::Unknown),
        Err(NotRedeemed::Refused(refusal)) => {
            if refusal == Refusal::Unknown {
                knock.note_wrong_try(&app);
            }
            (StatusCode::CONFLICT, Notice::Code(refusal))
        }
        Err(NotRedeemed::Waiting) => (StatusCode::CONFLICT, Notice::OrderWaits),
        Err(NotRedeemed::Unanswered) => (StatusCode::SERVICE_UNAVAILABLE, Notice::Unanswered),
        Err(NotRedeemed::NotAsked) => (StatusCode::SERVICE_UNAVAILABLE, Notice::NotAsked),
    };
    Ok(door::answer(t, status, Some(notice)))
}
