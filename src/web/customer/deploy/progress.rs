//! `/license/deployments/{id}`: how a deployment goes, what came of it, and what it made.

use askama::Template;
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};

use crate::{
    app::App,
    base::{ids::DeploymentId, secret::ExposeSecret, text::Language, time::Time},
    provision::{
        plan::Cloud,
        run::{Goal, Stage, Status, Wish},
    },
    store::Tx,
    usecase::{
        Actor, Context, Failure,
        deployment::{
            Deployment,
            show::{self, Shown},
        },
        session::Session,
    },
    web::{
        customer::{session::Customer, state::minute},
        deployment,
        html::{Words, live_page},
        problem::Problem,
    },
};

use super::{
    agency::Agencies,
    clouds,
    fault::Fault,
    standing::{Looked, Over, Why, advice},
    typed::Typed,
    words,
};

/// A deployment in a list.
#[derive(Debug)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// Where.
    pub place: String,
    /// How it stands: tone, sign, title.
    pub standing: (&'static str, &'static str, &'static str),
    /// Since when.
    pub since: String,
    /// Whether nothing of it is real.
    pub simulated: bool,
}

impl Row {
    /// Of a deployment.
    pub fn of(t: Words, it: &Deployment) -> Self {
        Self {
            id: it.record.id.to_string(),
            place: place(t, it),
            standing: words::standing(t, it),
            since: minute(t, it.record.created_at),
            simulated: it.plan.place.cloud == Cloud::Simulated,
        }
    }
}

/// Where a deployment goes.
pub fn place(t: Words, it: &Deployment) -> String {
    let (cloud, region) = (clouds::name(t, it.plan.place.cloud), &it.plan.place.region);
    if region.is_empty() { cloud.to_owned() } else { format!("{cloud} · {region}") }
}

#[derive(Template)]
#[template(path = "customer/deploy/progress.html")]
struct ProgressPage<'a> {
    t: Words,
    here: String,
    id: String,
    form_token: &'a str,
    fault: Option<&'a Fault>,
    software: String,
    row: Row,
    advice: &'static str,
    running: bool,
    healthy: bool,
    simulated: bool,
    suspect: bool,
    trouble: Option<Why>,
    checking: bool,
    looked: Option<Looked>,
    stages: Vec<StageRow>,
    lines: Vec<Line>,
    last_line: i64,
    version: i64,
    outputs: Vec<(String, String, bool)>,
    resources: Vec<Thing>,
    own: Option<Own>,
    ended: Option<Over>,
    clean_up: Vec<String>,
    resume: bool,
    keep: bool,
    remove: bool,
    check: bool,
    asks_credentials: bool,
    trust: Option<Agencies>,
    /// What stands in the fields: nothing.
    typed: Typed,
}

impl ProgressPage<'_> {
    fn field(&self) -> &'static str {
        self.fault.map_or("", |it| it.field)
    }
}

/// What to do on a server that exists.
struct Own {
    /// The command; `None`: it is being prepared.
    command: Option<String>,
    /// Name of the script, for those who want to read it first.
    file: String,
}

/// A stage.
struct StageRow {
    label: &'static str,
    /// `done`, `now`, `bad` or `later`.
    tone: &'static str,
    state: &'static str,
    elapsed: String,
    expected: String,
    /// Seconds since it began, while it goes on.
    ticking: Option<i64>,
}

/// A line of the log.
struct Line {
    number: i64,
    at: String,
    source: &'static str,
    text: String,
}

/// Something at the cloud.
pub struct Thing {
    /// What it is.
    pub kind: &'static str,
    /// The cloud's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was removed.
    pub removed: Option<String>,
}

/// `GET /license/deployments/{id}`.
pub async fn show(
    State(app): State<App>,
    t: Words,
    Customer(session): Customer,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    render(&app, t, &session, named(id)?, None).await
}

/// The deployment that an address names.
///
/// # Errors
/// 404.
pub fn named(id: Result<Path<String>, PathRejection>) -> Result<DeploymentId, Problem> {
    id.ok().and_then(|Path(id)| id.parse().ok()).ok_or_else(missing)
}

/// 404.
pub fn missing() -> Problem {
    Problem::not_found("The license has no such deployment.")
}

/// The deployment with the end of its log.
///
/// # Errors
/// 404; the database's.
pub async fn look(app: &App, session: &Session, id: DeploymentId) -> Result<Shown, Problem> {
    let license = session.license.id;
    let look = move |tx: &mut Tx, ctx: Context| {
        let after = show::before_last_page(tx, id)?;
        show::one(tx, ctx, Some(license), id, after)
    };
    app.read::<_, Failure, _>(Actor::Customer, look).await?.ok_or_else(missing)
}

/// The page.
///
/// # Errors
/// 404; the database's.
pub async fn render(
    app: &App,
    t: Words,
    session: &Session,
    id: DeploymentId,
    fault: Option<&Fault>,
) -> Result<Response, Problem> {
    let shown = look(app, session, id).await?;
    let (record, plan) = (&shown.deployment.record, &shown.deployment.plan);
    let allows = |wish| shown.deployment.position().after(wish).is_ok();
    let running = record.status == Status::Running;
    let checking = shown.deployment.is_checking();
    let product = app.installation().catalog.product(&record.product).map(|it| it.name.get(t.0).to_owned());
    let makes = plan.place.cloud.makes_servers();
    let waits = record.goal == Goal::Deploy && running && record.stage <= Stage::BootstrapCalled;
    let row = Row::of(t, &shown.deployment);
    let template = ProgressPage {
        t,
        here: format!("/license/deployments/{id}"),
        id: id.to_string(),
        form_token: &session.form_token,
        fault,
        software: format!("{} {}", product.unwrap_or_else(|| record.product.to_string()), plan.package.version),
        advice: advice(t, &shown.deployment),
        running,
        healthy: record.status == Status::Healthy,
        simulated: row.simulated,
        row,
        suspect: record.suspect,
        trouble: shown.obstacle.as_ref().map(|it| Why::of(t, it)),
        checking,
        looked: shown.deployment.sighting()?.map(|it| Looked::of(t, &it)),
        stages: stages(t, &shown, app.now()),
        lines: shown.lines.iter().map(|it| line(t, it)).collect(),
        last_line: shown.lines.last().map_or(0, |it| it.number),
        version: record.version,
        outputs: outputs(t, &shown.deployment),
        resources: things(t, &shown),
        own: (!makes && waits).then(|| Own {
            command: shown.command.as_ref().map(|it| it.expose_secret().to_owned()),
            file: script_name(&shown.deployment),
        }),
        ended: shown.ended.map(|it| Over::of(t, it, app.now())),
        clean_up: shown.clean_up(),
        resume: !running && allows(Wish::Resume),
        keep: record.status != Status::Kept && allows(Wish::Keep),
        remove: record.status != Status::Removed && !(running && record.goal == Goal::Remove),
        check: !checking && allows(Wish::Check) && makes && shown.deployment.server()?.is_some(),
        asks_credentials: makes && record.credentials.is_none(),
        trust: Agencies::of(deployment::trust(app, session.license.id, plan.place.cloud)),
        typed: Typed::default(),
    };
    live_page(fault.map_or(StatusCode::OK, |it| it.status), &template)
}

/// The file of the script for a server that exists.
pub fn script_name(deployment: &Deployment) -> String {
    format!("signet-{}.sh", deployment.record.product)
}

fn line(t: Words, it: &crate::store::LineRecord) -> Line {
    Line { number: it.number, at: second(it.at), source: words::source(t, it.source), text: it.text.clone() }
}

/// `08:00:05` in UTC, as logs have it.
pub fn second(at: Time) -> String {
    at.civil().strftime("%H:%M:%S").to_string()
}

fn stages(t: Words, shown: &Shown, now: Time) -> Vec<StageRow> {
    let record = &shown.deployment.record;
    if record.goal == Goal::Remove && shown.stages.is_empty() {
        return Vec::new();
    }
    let row = |stage: Stage| {
        let begun = shown.stages.iter().find(|it| it.stage == stage);
        let current = record.stage == stage && record.goal == Goal::Deploy;
        let ended = begun.and_then(|it| it.ended_at);
        let (tone, state) = match (begun, ended) {
            (Some(_), Some(_)) if !current || record.status == Status::Healthy => ("done", t.pick("完成", "done")),
            (Some(_), _) if current && record.status == Status::Running => ("now", t.pick("进行中", "under way")),
            (Some(_), _) if current => ("bad", t.pick("中断", "stopped")),
            (Some(_), Some(_)) => ("done", t.pick("完成", "done")),
            (Some(_), None) => ("bad", t.pick("中断", "stopped")),
            // So quick that nobody saw it begin.
            (None, _) if stage < record.stage && record.goal == Goal::Deploy => ("done", t.pick("完成", "done")),
            (None, _) => ("later", t.pick("等待", "to come")),
        };
        let seconds = begun.map(|it| it.ended_at.or(record.ended_at).unwrap_or(now).since(it.started_at).as_secs());
        StageRow {
            label: words::stage(t, stage),
            tone,
            state,
            elapsed: seconds.map(words::clock).unwrap_or_default(),
            expected: words::clock(stage.expected().as_secs()),
            ticking: seconds.filter(|_| tone == "now"),
        }
    };
    // Nobody orders or makes a server that exists.
    let made = shown.deployment.plan.place.cloud.makes_servers();
    let applies = |stage: &Stage| made || !matches!(stage, Stage::Accepted | Stage::ServerCreated);
    Stage::ALL.into_iter().filter(applies).map(row).collect()
}

/// Label, value, and whether it is an address to open.
fn outputs(t: Words, it: &Deployment) -> Vec<(String, String, bool)> {
    if it.record.status != Status::Healthy {
        return Vec::new();
    }
    let outputs = it.plan.outputs(it.record.address.as_deref()).into_iter();
    let is_link = |value: &str| value.starts_with("https://") || value.starts_with("http://");
    outputs.map(|(label, value)| (label.get(t.0).to_owned(), value.clone(), is_link(&value))).collect()
}

/// What it made.
pub fn things(t: Words, shown: &Shown) -> Vec<Thing> {
    let thing = |it: &crate::store::ResourceRecord| Thing {
        kind: words::resource(t, it.kind),
        id: it.provider_id.clone(),
        name: it.name.clone().unwrap_or_default(),
        removed: it.removed_at.map(|at| match t.0 {
            Language::Zh => format!("已删除，{}", minute(t, at)),
            Language::En => format!("removed {}", minute(t, at)),
        }),
    };
    shown.resources.iter().map(thing).collect()
}
