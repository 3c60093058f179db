//! The two doors: a form that takes a license code or key, and a link.

use std::{net::IpAddr, sync::Arc};

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
    usecase::{
        Actor, Context, Done, Failure, link, lookup,
        redemption::{self, Refusal},
        session,
    },
    web::{
        caller::Caller,
        html::{Words, page},
        problem::Problem,
    },
};

use super::{redeem, session::open, tries::WrongTries};

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
    /// The marketplace refuses its code.
    Code(Refusal),
    /// The marketplace activated its code, and nobody knows what was bought.
    OrderWaits,
    /// The marketplace has not answered yet.
    Unanswered,
    /// The marketplace cannot be asked.
    NotAsked,
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
            Self::Code(refusal) => refused(t, refusal),
            Self::OrderWaits => t.pick(
                "云商店已激活此授权码，商家还需补全订单。请联系商家，稍后再输入授权码。",
                "The marketplace activated the code, and the merchant has to complete the order. Ask the merchant, then enter \
                 the code again.",
            ),
            Self::Unanswered => t.pick(
                "云商店还没有回应。我们会继续询问，请一分钟后再输入授权码。",
                "The marketplace has not answered yet. It is asked again: enter the code once more in a minute.",
            ),
            Self::NotAsked => t.pick(
                "现在无法联系云商店，授权码没有被使用。请一分钟后再试。",
                "The marketplace cannot be asked right now, and your code was not used. Try again in a minute.",
            ),
        }
    }
}

fn refused(t: Words, refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Unknown => t.pick(
            "云商店没有这个授权码。请从云商店买家中心的订单中完整复制。",
            "The marketplace does not know this code. Copy it whole from the order in the buyer center.",
        ),
        Refusal::NotCollected => t.pick(
            "此授权码尚未领取。请先在云商店买家中心的订单中领取，再回到这里输入。",
            "The code was not collected yet. Collect it at the order in the buyer center, then enter it here again.",
        ),
        Refusal::Elsewhere => {
            t.pick("此授权码已在别处激活。请联系商家。", "The code was activated elsewhere before. Ask the merchant.")
        }
        Refusal::Ended => t.pick(
            "此授权码已失效：许可期已结束，或订单已退款。",
            "The code is no longer good: its term is over, or the order was refunded.",
        ),
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
    /// A code or key.
    pub license: SecretString,
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
    if knock.has_to_wait(&app) {
        return Ok(too_many(knock.t));
    }
    let shown = license.clone();
    let look = move |tx: &mut Tx, ctx: Context| redemption::is_open(tx, ctx, shown.expose_secret());
    if app.read::<_, Failure, _>(Actor::Signet, look).await? {
        return Ok(redeem::ask(knock.t, &license));
    }
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
    /// Their language.
    pub t: Words,
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
    /// Where they call from.
    pub fn client(&self) -> Option<IpAddr> {
        self.caller.0
    }

    /// Whether there were too many wrong tries from there.
    pub fn has_to_wait(&self, app: &App) -> bool {
        self.client().is_some_and(|client| self.tries.are_too_many(client, app.now()))
    }

    /// Counts a wrong try.
    pub fn note_wrong_try(&self, app: &App) {
        if let Some(client) = self.client() {
            self.tries.note(client, app.now());
        }
    }

    /// Opens the page of the license that `find` finds; otherwise says what is `wrong`.
    async fn enter<F>(self, app: &App, find: F, wrong: (StatusCode, Notice)) -> Result<Response, Problem>
    where
        F: Fn(&mut Tx, Context) -> Done<Option<License>> + Send + Sync + 'static,
    {
        if self.has_to_wait(app) {
            return Ok(too_many(self.t));
        }
        let begun = app.read::<_, Failure, _>(Actor::Signet, move |tx, ctx| {
            let Some(license) = find(tx, ctx)? else { return Ok(None) };
            session::begin(tx, ctx, license.id).map(Some)
        });
        if let Some(text) = begun.await? {
            return Ok(open(app, &text));
        }
        self.note_wrong_try(app);
        let (status, notice) = wrong;
        Ok(answer(self.t, status, Some(notice)))
    }
}

/// There were too many wrong tries.
pub fn too_many(t: Words) -> Response {
    let mut response = answer(t, StatusCode::TOO_MANY_REQUESTS, Some(Notice::TooMany));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    response
}

/// The door with a word on it.
pub fn answer(t: Words, status: StatusCode, notice: Option<Notice>) -> Response {
    page(status, &Door { t, here: "/l", notice }).unwrap_or_else(IntoResponse::into_response)
}
