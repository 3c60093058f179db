//! The two doors: a form that takes a license code or key, and a link.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{
        FromRequestParts, Path, Query, State,
        rejection::{FormRejection, PathRejection, QueryRejection},
    },
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use crate::{
    app::App,
    base::secret::{ExposeSecret, SecretString},
    license::model::License,
    store::Tx,
    usecase::{Actor, Context, Done, Failure, link, lookup, session},
    web::{
        caller::Caller,
        html::{Words, page},
        problem::Problem,
    },
};

use super::{session::open, tries::WrongTries};

#[derive(Debug, Template)]
#[template(path = "customer/door.html")]
struct Door {
    t: Words,
    here: &'static str,
    notice: Option<Notice>,
}

/// Why somebody stands at the door again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The session is over.
    Ended,
    /// Somebody logged out.
    LoggedOut,
    /// No license has this code or key.
    Unknown,
    /// The link opens nothing.
    DeadLink,
    /// Too many wrong tries.
    TooMany,
    /// The form was sent by another site.
    Foreign,
    /// The form did not arrive whole.
    Unreadable,
}

impl Notice {
    /// Whether it tells of something that went wrong.
    fn is_problem(self) -> bool {
        !matches!(self, Self::Ended | Self::LoggedOut)
    }

    fn words(self, t: Words) -> &'static str {
        match self {
            Self::Ended => t.pick(
                "会话已结束。请重新输入授权码或许可密钥。",
                "Your session is over. Enter your license code or key again.",
            ),
            Self::LoggedOut => t.pick("您已退出。", "You have logged out."),
            Self::Unknown => t.pick(
                "没有找到这个授权码或许可密钥。请从云商店的“我的应用”中完整复制，或检查输入是否有误。",
                "No license has this code or key. Copy it whole from My apps at the marketplace, or check what you typed.",
            ),
            Self::DeadLink => t.pick(
                "这个链接打不开任何许可证：它不完整，或已被新的链接取代。请从云商店重新打开，或在下面输入授权码或许可密钥。",
                "This link opens no license: it is incomplete, or a newer link has taken its place. Open it again from the \
                 marketplace, or enter your license code or key below.",
            ),
            Self::TooMany => t.pick(
                "输入错误的次数过多。请等一分钟再试。",
                "There were too many wrong tries from your address. Wait a minute, then try again.",
            ),
            Self::Foreign => t.pick(
                "这个请求来自别的网站，所以没有执行。请在本页重试。",
                "This request came from another site, so nothing was done. Try again on this page.",
            ),
            Self::Unreadable => t.pick(
                "表单没有完整到达。请重试。",
                "The form did not arrive whole. Try again.",
            ),
        }
    }
}

/// What the address says about why somebody comes.
#[derive(Debug, Default, Deserialize)]
pub struct Reason {
    ended: Option<String>,
    out: Option<String>,
}

/// `GET /l`: the form.
pub async fn form(t: Words, reason: Result<Query<Reason>, QueryRejection>) -> Response {
    let reason = reason.map_or_else(|_| Reason::default(), |Query(reason)| reason);
    let notice = match reason {
        Reason { ended: Some(_), .. } => Some(Notice::Ended),
        Reason { out: Some(_), .. } => Some(Notice::LoggedOut),
        Reason { .. } => None,
    };
    answer(t, StatusCode::OK, notice)
}

/// What the form sends.
#[derive(Debug, Deserialize)]
pub struct Typed {
    license: SecretString,
}

/// `POST /l`: opens the page of the license behind a code or key. Unknown and unreadable ones are answered alike.
pub async fn typed(
    State(app): State<App>,
    knock: Knock,
    typed: Result<Form<Typed>, FormRejection>,
) -> Result<Response, Problem> {
    let Ok(Form(Typed { license })) = typed else {
        return Ok(answer(knock.t, StatusCode::UNPROCESSABLE_ENTITY, Some(Notice::Unreadable)));
    };
    let find = move |tx: &mut Tx, ctx: Context| lookup::find(tx, ctx, &license);
    knock.enter(&app, find, (StatusCode::UNPROCESSABLE_ENTITY, Notice::Unknown)).await
}

/// `GET /l/{token}`: opens the page of the license that a link names.
pub async fn link(
    State(app): State<App>,
    knock: Knock,
    token: Result<Path<SecretString>, PathRejection>,
) -> Result<Response, Problem> {
    // What is no text opens nothing either.
    let token = token.map_or_else(|_| String::new().into(), |Path(token)| token);
    let find =
        move |tx: &mut Tx, ctx: Context| Ok(link::open(tx, ctx, token.expose_secret())?.map(|(license, _)| license));
    knock.enter(&app, find, (StatusCode::NOT_FOUND, Notice::DeadLink)).await
}

/// Who stands at a door.
#[derive(Debug)]
pub struct Knock {
    t: Words,
    caller: Caller,
    tries: Arc<WrongTries>,
}

impl FromRequestParts<App> for Knock {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Ok(t) = Words::from_request_parts(parts, app).await;
        let Ok(caller) = Caller::from_request_parts(parts, app).await;
        let tries = parts.extensions.get::<Arc<WrongTries>>().ok_or_else(Problem::internal)?;
        Ok(Self { t, caller, tries: Arc::clone(tries) })
    }
}

impl Knock {
    /// Opens the page of the license that `find` finds; otherwise says what is `wrong`.
    async fn enter<F>(self, app: &App, find: F, wrong: (StatusCode, Notice)) -> Result<Response, Problem>
    where
        F: Fn(&mut Tx, Context) -> Done<Option<License>> + Send + Sync + 'static,
    {
        let now = app.now();
        let Self { t, caller: Caller(client), tries } = self;
        if client.is_some_and(|client| tries.are_too_many(client, now)) {
            return Ok(too_many(t));
        }
        let begun = app.read::<_, Failure, _>(Actor::Signet, move |tx, ctx| {
            let Some(license) = find(tx, ctx)? else { return Ok(None) };
            session::begin(tx, ctx, license.id).map(Some)
        });
        if let Some(text) = begun.await? {
            return Ok(open(app, &text));
        }
        if let Some(client) = client {
            tries.note(client, now);
        }
        let (status, notice) = wrong;
        Ok(answer(t, status, Some(notice)))
    }
}

fn too_many(t: Words) -> Response {
    let mut response = answer(t, StatusCode::TOO_MANY_REQUESTS, Some(Notice::TooMany));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    response
}

/// The door with a word on it.
pub fn answer(t: Words, status: StatusCode, notice: Option<Notice>) -> Response {
    page(status, &Door { t, here: "/l", notice }).unwrap_or_else(IntoResponse::into_response)
}
