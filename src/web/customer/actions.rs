//! The forms on the page. Each carries the session's token, so that only this page can send it.

use axum::{
    Form,
    extract::{
        Path, State,
        rejection::{FormRejection, PathRejection},
    },
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use signet_verify::request::Request;

use crate::{
    app::App,
    base::{ids::ActivationId, rate::Exhausted},
    mail,
    store::Tx,
    usecase::{
        Actor, Context, Failure, activation,
        license_file::{self, Machines},
        mail::contact::{self, Source},
        offline,
        session::Session,
    },
    web::{html::Words, problem::Problem, rate_limit::charge_page},
};

use super::{
    notice::Notice,
    page::{View, render, response_name},
    session::{Customer, close},
};

/// A form of the page.
#[derive(Deserialize)]
pub struct Sent {
    form: String,
}

type SentForm = Result<Form<Sent>, FormRejection>;

/// `POST /license/machines/{id}/free`: gives the seat of a machine back.
pub async fn free_seat(
    State(app): State<App>,
    t: Words,
    Customer(session): Customer,
    id: Result<Path<String>, PathRejection>,
    sent: SentForm,
) -> Result<Response, Problem> {
    if !is_ours(&session, &sent) {
        return refuse(&app, t, session, StatusCode::FORBIDDEN, Notice::StaleForm).await;
    }
    let license = session.license.id;
    // What is no text names no machine.
    let freed = match id.ok().and_then(|Path(id)| id.parse::<ActivationId>().ok()) {
        Some(id) => {
            let free = move |tx: &mut Tx, ctx: Context| activation::free(tx, ctx, license, id);
            app.write::<_, Failure, _>(Actor::Customer, free).await?
        }
        None => None,
    };
    match freed {
        Some(_) => Ok(Redirect::to("/license?done=freed#machines").into_response()),
        None => refuse(&app, t, session, StatusCode::NOT_FOUND, Notice::NoSuchMachine).await,
    }
}

/// `GET /license/file`: the license file for the machines that have a seat.
pub async fn license_file(State(app): State<App>, t: Words, Customer(session): Customer) -> Result<Response, Problem> {
    if let Err(exhausted) = charge_page(&app, session.license.id, &session.license.product) {
        return too_many(&app, t, session, String::new(), exhausted).await;
    }
    let license = session.license.clone();
    let name = format!("{}.lic", license.product);
    let make = move |tx: &mut Tx, ctx: Context| license_file::make(tx, ctx, &license, &Machines::All);
    match app.read::<_, Failure, _>(Actor::Customer, make).await? {
        Ok(file) => Ok(download(&name, file.bundle)),
        Err(declined) => refuse(&app, t, session, StatusCode::CONFLICT, Notice::NoFile(declined)).await,
    }
}

/// The form of a machine without network.
#[derive(Deserialize)]
pub struct Exchange {
    form: String,
    request: String,
}

/// `POST /license/offline`: the request text of a machine without network for a bundle that it takes.
pub async fn exchange(
    State(app): State<App>,
    t: Words,
    Customer(session): Customer,
    sent: Result<Form<Exchange>, FormRejection>,
) -> Result<Response, Problem> {
    let Some(Exchange { request: typed, .. }) = sent.ok().map(|Form(it)| it).filter(|it| session.sent(&it.form)) else {
        return refuse(&app, t, session, StatusCode::FORBIDDEN, Notice::StaleForm).await;
    };
    let request = match Request::parse(&typed) {
        Ok(request) => request,
        Err(error) => {
            let view = View { notice: Some(Notice::Mistyped(error)), typed, ..View::default() };
            return render(&app, t, session, StatusCode::UNPROCESSABLE_ENTITY, view).await;
        }
    };
    if let Err(exhausted) = charge_page(&app, session.license.id, &session.license.product) {
        return too_many(&app, t, session, typed, exhausted).await;
    }
    let license = session.license.id;
    let name = response_name(&session.license.product);
    let activate = move |tx: &mut Tx, ctx: Context| offline::activate_for(tx, ctx, license, &request);
    match app.write::<_, Failure, _>(Actor::Customer, activate).await? {
        Ok(exchanged) => Ok(download(&name, exchanged.bundle)),
        Err(refused) => {
            let view = View { notice: Some(Notice::NoSeat(refused.verdict.reason)), typed, ..View::default() };
            render(&app, t, session, StatusCode::CONFLICT, view).await
        }
    }
}

/// The form of who wants mail.
#[derive(Deserialize)]
pub struct Address {
    form: String,
    email: String,
}

/// `POST /license/mail`: an address for mail, or none, in the language of the page.
pub async fn set_mail(
    State(app): State<App>,
    t: Words,
    Customer(session): Customer,
    sent: Result<Form<Address>, FormRejection>,
) -> Result<Response, Problem> {
    let Some(Address { email, .. }) = sent.ok().map(|Form(it)| it).filter(|it| session.sent(&it.form)) else {
        return refuse(&app, t, session, StatusCode::FORBIDDEN, Notice::StaleForm).await;
    };
    let email = email.trim().to_owned();
    if !email.is_empty() && !mail::is_address(&email) {
        return refuse(&app, t, session, StatusCode::UNPROCESSABLE_ENTITY, Notice::NoAddress).await;
    }
    if let Err(exhausted) = charge_page(&app, session.license.id, &session.license.product) {
        return too_many(&app, t, session, String::new(), exhausted).await;
    }
    let (license, done) = (session.license.id, if email.is_empty() { "no-mail" } else { "mail" });
    let save = move |tx: &mut Tx, ctx: Context| match email.as_str() {
        "" => Ok(tx.contact_delete(license).map(drop)?),
        email => contact::set(tx, ctx, license, email, t.0, Source::Customer),
    };
    app.write::<_, Failure, _>(Actor::Customer, save).await?;
    Ok(Redirect::to(&format!("/license?done={done}")).into_response())
}

/// A bundle that the browser saves under `name`.
fn download(name: &str, bundle: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        // The names of products are slugs, which need no quoting.
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, bundle).into_response()
}

/// `POST /license/log-out`. Needs no token: whoever made a browser log out would gain nothing.
pub async fn log_out(State(app): State<App>) -> Response {
    close(&app, Redirect::to("/l?out=1"))
}

fn is_ours(session: &Session, sent: &SentForm) -> bool {
    sent.as_ref().is_ok_and(|Form(sent)| session.sent(&sent.form))
}

async fn too_many(
    app: &App,
    t: Words,
    session: Session,
    typed: String,
    exhausted: Exhausted,
) -> Result<Response, Problem> {
    let view = View { notice: Some(Notice::TooMany), typed, ..View::default() };
    let mut response = render(app, t, session, StatusCode::TOO_MANY_REQUESTS, view).await?;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(exhausted.wait));
    Ok(response)
}

async fn refuse(
    app: &App,
    t: Words,
    session: Session,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Problem> {
    render(app, t, session, status, View { notice: Some(notice), ..View::default() }).await
}
