//! `GET /license`: the license in words, with all that its holder needs of it.

use askama::Template;
use axum::{
    extract::{Query, State as Service, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};

use serde::Deserialize;

use crate::{
    app::App,
    base::{ids::ActivationId, limits, secret::ExposeSecret, slug::Slug, text::Language, time::Time},
    license::{model::Expiry, plan::Support},
    store::Tx,
    usecase::{
        Actor, Context, Failure, deployment,
        lookup::{self, Faces, Shown},
        mail::contact,
        session::Session,
    },
    web::{
        html::{Words, page},
        problem::Problem,
    },
};

use super::{
    deploy,
    machines::Machines,
    meters::Meter,
    notice::Notice,
    qr::{self, Drawing},
    session::{self, Customer},
    state::{Condition, day, days_between, days_in_words, minute},
};

#[derive(Template)]
#[template(path = "customer/license.html")]
struct LicensePage<'a> {
    t: Words,
    here: &'static str,
    notice: Option<Notice>,
    form_token: &'a str,
    typed: &'a str,
    product: &'a str,
    plan: &'a str,
    trial: bool,
    released: bool,
    state: State,
    term: Term,
    device: Option<&'a str>,
    machines: Machines,
    meters: Vec<Meter>,
    faces: Option<ShownFaces<'a>>,
    commands: Option<Commands>,
    support: &'a Support,
    usage_guide: Option<&'a str>,
    code_carries_expiry: bool,
    deployable: bool,
    deployments: Vec<deploy::Row>,
    mail: Option<Mail>,
}

/// Where its holder reads mail; there is none where the service sends none.
#[derive(Debug)]
struct Mail {
    /// What of the address is shown: others may look on.
    address: Option<String>,
}

/// How it stands.
#[derive(Debug)]
struct State {
    tone: &'static str,
    sign: &'static str,
    title: String,
    advice: String,
}

impl State {
    fn of(t: Words, condition: Condition, sold: bool) -> Self {
        Self {
            tone: condition.tone(),
            sign: condition.sign(),
            title: condition.title(t),
            advice: condition.advice(t, sold),
        }
    }
}

/// When it ends.
#[derive(Debug)]
struct Term {
    /// `Ends` or `Ended`.
    label: &'static str,
    ends: Option<String>,
    left: Option<String>,
    /// Why the date may be another, and how long a late renewal is waited for.
    notes: Vec<String>,
}

/// Code and key, the key also as a drawing.
struct ShownFaces<'a> {
    code: &'a str,
    key: &'a str,
    signed_key: Option<&'a str>,
    drawing: Option<Drawing>,
}

/// What to type on a machine.
#[derive(Debug)]
struct Commands {
    activate: String,
    check: String,
    request: String,
    import: String,
}

/// What the address asks of the page.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    after: Option<String>,
    done: Option<String>,
}

/// What the page shall show beside the license.
#[derive(Debug, Default)]
pub struct View {
    /// What has just happened.
    pub notice: Option<Notice>,
    /// The machine after which the list goes on.
    pub after: Option<ActivationId>,
    /// The request text as it was typed, to be mended.
    pub typed: String,
}

/// `GET /license`.
pub async fn show(
    Service(app): Service<App>,
    t: Words,
    Customer(session): Customer,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let asked = asked.map_or_else(|_| Asked::default(), |Query(asked)| asked);
    let notice = asked.done.as_deref().and_then(Notice::from_done);
    let after = asked.after.and_then(|after| after.parse().ok());
    let view = View { notice, after, ..View::default() };
    render(&app, t, session, StatusCode::OK, view).await
}

/// The page of the session's license.
///
/// # Errors
/// The database's.
pub async fn render(
    app: &App,
    t: Words,
    session: Session,
    status: StatusCode,
    view: View,
) -> Result<Response, Problem> {
    let Session { license, form_token } = session;
    let View { notice, after, typed } = view;
    let look = move |tx: &mut Tx, ctx: Context| {
        let deployments = deployment::show::page(tx, Some(license.id), None, limits::PAGE_ROWS)?;
        let deployable = ctx.installation.catalog.recipe(&license.product).is_some();
        let contact = contact::find(tx, ctx, license.id)?.map(|(address, _)| masked(address.expose_secret()));
        Ok((lookup::show(tx, ctx, license.clone(), after)?, deployments, deployable, contact))
    };
    let (shown, deployments, deployable, address) = app.read::<_, Failure, _>(Actor::Customer, look).await?;
    let condition = Condition::of(&shown.license, shown.holds_until, app.now());
    let template = LicensePage {
        t,
        here: session::PAGE,
        notice,
        form_token: &form_token,
        typed: &typed,
        product: shown.product.get(t.0),
        plan: shown.plan.get(t.0),
        trial: shown.license.trial,
        released: condition == Condition::Released,
        state: State::of(t, condition, shown.license.channel.is_some()),
        term: term(t, &shown, condition, app.now()),
        device: shown.license.device.as_deref(),
        machines: Machines::of(t, &shown),
        meters: shown.meters.iter().map(|it| Meter::of(t, it)).collect(),
        faces: shown.faces.as_ref().map(faces),
        commands: commands(app, &shown),
        support: &shown.support,
        usage_guide: shown.usage_guide.as_deref(),
        code_carries_expiry: shown.code_carries_expiry,
        deployable,
        deployments: deployments.iter().map(|it| deploy::Row::of(t, it)).collect(),
        mail: app.mailer().map(|_| Mail { address }),
    };
    page(status, &template)
}

/// `b…@example.com`.
fn masked(address: &str) -> String {
    let (name, domain) = address.rsplit_once('@').unwrap_or_default();
    format!("{}…@{domain}", name.chars().take(1).collect::<String>())
}

fn faces(faces: &Faces) -> ShownFaces<'_> {
    let signed_key = faces.signed_key.as_deref();
    ShownFaces { code: &faces.code, key: &faces.key, signed_key, drawing: qr::draw(&faces.key) }
}

fn term(t: Words, shown: &Shown, condition: Condition, now: Time) -> Term {
    let label = match condition {
        Condition::Late(_) | Condition::Over => t.pick("已于此时到期", "Ended"),
        _ => t.pick("到期", "Ends"),
    };
    let Some(at) = shown.license.expiry.at() else { return Term { label, ends: None, left: None, notes: Vec::new() } };
    let running = matches!(condition, Condition::Good | Condition::EndsSoon(_));
    let days = days_between(now, at);
    let left = running.then(|| match t.0 {
        Language::Zh => format!("还剩 {days} 天"),
        Language::En => format!("{} left", days_in_words(days)),
    });
    let mut notes = Vec::new();
    if let Some(until) = shown.holds_until.filter(|until| running && *until > at) {
        let until = day(t, until);
        notes.push(match t.0 {
            Language::Zh => format!("如果续费来得晚，软件仍可使用到 {until}。"),
            Language::En => format!("Should a renewal come late, the software goes on running until {until}."),
        });
    }
    if running && matches!(shown.license.expiry, Expiry::Estimated(_) | Expiry::Guessed(_)) {
        notes.push(
            t.pick(
                "这是按购买时间估算的日期，以云商店为准。",
                "This date is worked out from the purchase; the marketplace's own date decides.",
            )
            .to_owned(),
        );
    }
    Term { label, ends: Some(minute(t, at)), left, notes }
}

fn commands(app: &App, shown: &Shown) -> Option<Commands> {
    let (root, product) = (shown.root_key.as_ref()?, &shown.license.product);
    // One option a line, so that a narrow window breaks none. With `=`, because a key may begin with a dash.
    let command =
        |verb: &str, options: &[String]| [&[format!("signet client {verb}")], options].concat().join(" \\\n  ");
    let (product, root) = (format!("--product {product}"), format!("--root-key={root}"));
    let file = response_name(&shown.license.product);
    Some(Commands {
        activate: command("activate", &[format!("--server {}", app.public_url()), product.clone(), root.clone()]),
        check: format!("signet client check {product}"),
        request: format!("signet client request-file {product}"),
        import: command("import-file", &[product, root, file]),
    })
}

/// The file that answers a request. Slugs need no quoting.
pub fn response_name(product: &Slug) -> String {
    format!("{product}-response.json")
}
