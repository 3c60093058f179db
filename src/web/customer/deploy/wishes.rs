//! The buttons on a deployment's page: resume, keep, remove, check; and the script for a server that exists.

use askama::Template;
use axum::{
    Form,
    extract::{
        Path, State,
        rejection::{FormRejection, PathRejection},
    },
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use crate::{
    app::App,
    base::{ids::DeploymentId, secret::SecretString},
    provision::{
        plan::Cloud,
        provider::Entry,
        run::{NotNow, Wish},
    },
    store::Tx,
    usecase::{
        Actor, Context, Failure,
        deployment::{script, wish},
        session::Session,
    },
    web::{
        customer::session::Customer,
        deployment,
        html::{Words, page},
        problem::Problem,
    },
};

use super::{
    agency::{self, Agencies},
    check::Checked,
    fault::Fault,
    progress::{self, Row, Thing, missing, named, script_name, things},
    typed::Typed,
};

/// What a button sends.
#[derive(Deserialize)]
pub struct Sent {
    form: String,
    wish: String,
    #[serde(default)]
    access_key: String,
    #[serde(default)]
    secret_key: SecretString,
    #[serde(default)]
    session_token: SecretString,
    #[serde(default)]
    way: String,
    #[serde(default)]
    agency_urn: String,
    #[serde(default)]
    agency_account: String,
}

/// `POST /license/deployments/{id}/wish`.
pub async fn wish(
    State(app): State<App>,
    t: Words,
    Customer(session): Customer,
    id: Result<Path<String>, PathRejection>,
    sent: Result<Form<Sent>, FormRejection>,
) -> Result<Response, Problem> {
    let id = named(id)?;
    let refuse = async |fault: Fault| progress::render(&app, t, &session, id, Some(&fault)).await;
    let Some(sent) = sent.ok().map(|Form(it)| it).filter(|it| session.sent(&it.form)) else {
        return refuse(Fault::stale(t)).await;
    };
    let Ok(wished) = sent.wish.parse::<Wish>() else { return refuse(Fault::stale(t)).await };
    let credentials = match typed(&app, t, &sent) {
        Ok(credentials) => credentials,
        Err(fault) => return refuse(fault).await,
    };
    let license = session.license.id;
    let act = move |tx: &mut Tx, ctx: Context| wish::wish(tx, ctx, Some(license), id, wished, credentials.as_ref());
    match app.write::<_, Failure, _>(Actor::Customer, act).await?.ok_or_else(missing)? {
        Ok(_) => Ok(Redirect::to(&format!("/license/deployments/{id}")).into_response()),
        Err(not_now) => {
            let why = match not_now {
                NotNow::Stands { .. } => t.pick(
                    "部署的状态已经改变，没有执行任何操作。",
                    "The deployment stands otherwise by now, so nothing was done.",
                ),
                NotNow::NoServer => t.pick("这个部署在云端没有服务器。", "This deployment has no server at a cloud."),
                NotNow::Credentials => t.pick(
                    "检查需要云凭证：之前的已经删除。",
                    "Credentials are needed to look: the earlier ones were deleted.",
                ),
                NotNow::SessionTokens => t.pick(
                    "这个部署使用自填的终端节点，部署时没有同意向它发送临时凭证的安全令牌：请改用长期访问密钥。",
                    "This deployment is at an endpoint of your own, and nobody confirmed that the token of temporary credentials \
                     may be sent there: enter permanent keys instead.",
                ),
            };
            refuse(Fault { status: StatusCode::CONFLICT, ..Fault::typed(t, "", why) }).await
        }
    }
}

/// What opens the account, as it was typed; nothing when all is empty.
fn typed(app: &App, t: Words, sent: &Sent) -> Checked<Option<Entry>> {
    let (access_key, urn, account) = (&sent.access_key, &sent.agency_urn, &sent.agency_account);
    let (secret_key, session_token) = (&sent.secret_key, &sent.session_token);
    let given = agency::Sent { way: &sent.way, access_key, secret_key, session_token, urn, account };
    let trusts = app.clouds().vendor(Cloud::Huawei).is_some();
    match given.entry(t, trusts)? {
        None if !access_key.trim().is_empty() => Err(agency::no_keys(t, access_key)),
        entry => Ok(entry),
    }
}

#[derive(Template)]
#[template(path = "customer/deploy/remove.html")]
struct RemovePage<'a> {
    t: Words,
    here: String,
    id: String,
    form_token: &'a str,
    row: Row,
    things: Vec<Thing>,
    clean_up: Vec<String>,
    simulated: bool,
    makes: bool,
    asks_credentials: bool,
    trust: Option<Agencies>,
    /// What stands in the fields: nothing.
    typed: Typed,
}

impl RemovePage<'_> {
    /// The page has no faults: what is wrong is said on the deployment's.
    fn field(&self) -> &'static str {
        ""
    }
}

/// `GET /license/deployments/{id}/remove`: what will be deleted, and a button.
pub async fn confirm(
    State(app): State<App>,
    t: Words,
    Customer(session): Customer,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let id = named(id)?;
    let shown = progress::look(&app, &session, id).await?;
    let row = Row::of(t, &shown.deployment);
    let makes = shown.deployment.plan.place.cloud.makes_servers();
    let template = RemovePage {
        t,
        here: format!("/license/deployments/{id}/remove"),
        id: id.to_string(),
        form_token: &session.form_token,
        simulated: row.simulated,
        row,
        things: things(t, &shown).into_iter().filter(|it| it.removed.is_none()).collect(),
        clean_up: shown.clean_up(),
        makes,
        asks_credentials: makes && shown.deployment.record.credentials.is_none() && shown.is_paid_for(),
        trust: Agencies::of(deployment::trust(&app, session.license.id, shown.deployment.plan.place.cloud)),
        typed: Typed::default(),
    };
    page(StatusCode::OK, &template)
}

#[derive(Template)]
#[template(path = "customer/deploy/check.html")]
struct CheckPage<'a> {
    t: Words,
    here: String,
    id: String,
    form_token: &'a str,
    row: Row,
    asks_credentials: bool,
    trust: Option<Agencies>,
    /// What stands in the fields: nothing.
    typed: Typed,
}

impl CheckPage<'_> {
    /// The page has no faults: what is wrong is said on the deployment's.
    fn field(&self) -> &'static str {
        ""
    }
}

/// `GET /license/deployments/{id}/check`: asks for what a look at the cloud needs.
pub async fn ask_to_check(
    State(app): State<App>,
    t: Words,
    Customer(session): Customer,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let id = named(id)?;
    let shown = progress::look(&app, &session, id).await?;
    let template = CheckPage {
        t,
        here: format!("/license/deployments/{id}/check"),
        id: id.to_string(),
        form_token: &session.form_token,
        row: Row::of(t, &shown.deployment),
        asks_credentials: true,
        trust: Agencies::of(deployment::trust(&app, session.license.id, shown.deployment.plan.place.cloud)),
        typed: Typed::default(),
    };
    page(StatusCode::OK, &template)
}

/// `GET /license/deployments/{id}/script`: for a server that exists.
pub async fn script(
    State(app): State<App>,
    t: Words,
    Customer(session): Customer,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let id = named(id)?;
    let name = script_name(&progress::look(&app, &session, id).await?.deployment);
    match script_text(&app, &session, id).await? {
        Some(text) => {
            let headers = [
                (header::CONTENT_TYPE, "text/x-shellscript; charset=utf-8".to_owned()),
                // The names of products are slugs, which need no quoting.
                (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
            ];
            Ok((headers, text).into_response())
        }
        None => {
            let why = t.pick(
                "现在没有可以运行的脚本：部署不再等待服务器。",
                "There is no script to run now: the deployment does not wait for a server.",
            );
            let fault = Fault { status: StatusCode::CONFLICT, ..Fault::typed(t, "", why) };
            progress::render(&app, t, &session, id, Some(&fault)).await
        }
    }
}

async fn script_text(app: &App, session: &Session, id: DeploymentId) -> Result<Option<String>, Problem> {
    let license = session.license.id;
    let make = move |tx: &mut Tx, ctx: Context| script::for_own_server(tx, ctx, license, id);
    let made = app.write::<_, Failure, _>(Actor::Customer, make).await?.ok_or_else(missing)?;
    Ok(made.ok().map(|script| script.text().to_owned()))
}
