//! `/license/deploy`: the wizard.

use std::future::Future;

use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    base::text::Language,
    provision::{
        offer,
        password::PasswordHash,
        plan::{Cloud, Place},
        provider::{Answer, Entry},
        recipe::Recipe,
    },
    store::Tx,
    usecase::{
        Actor, Context, Failure,
        deployment::start::{self, Refusal},
        package,
        session::Session,
    },
    web::{
        customer::session::Customer,
        deployment::{self, Wanted},
        html::Words,
        problem::Problem,
        rate_limit::charge_page,
    },
};

use super::{
    agency::Agencies, body, body::Body, check::Checked, clouds, fault::Fault, lists, sealed::Sealer, step::Step,
    typed::Typed,
};

/// Somebody at the wizard: their license, and what its product needs.
pub struct Desk {
    /// The service.
    pub app: App,
    /// The language.
    pub t: Words,
    /// The license and its form token.
    pub session: Session,
    /// The product's recipe.
    pub recipe: Recipe,
    /// Where it can go.
    pub offered: Vec<Cloud>,
    /// The product's name.
    pub product: String,
    /// The version of its package; `None`: none is published.
    pub version: Option<String>,
    /// Why nothing could begin at the moment.
    pub in_the_way: Option<Refusal>,
}

/// `GET /license/deploy`: the first step.
pub async fn open(State(app): State<App>, t: Words, Customer(session): Customer) -> Result<Response, Problem> {
    let desk = match Desk::of(app, t, session).await? {
        Ok(desk) => desk,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let fault = desk.in_the_way.as_ref().map(|refusal| Fault::refused(t, refusal));
    desk.show(Step::Where, Typed::default(), fault).await
}

/// `POST /license/deploy`: a step's form.
pub async fn send(
    State(app): State<App>,
    t: Words,
    Customer(session): Customer,
    sent: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Problem> {
    let desk = match Desk::of(app, t, session).await? {
        Ok(desk) => desk,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let mut typed = Typed::of(sent.map(|Form(sent)| sent).unwrap_or_default());
    if !desk.session.sent(typed.get("form")) {
        return desk.show(Step::Where, Typed::default(), Some(Fault::stale(t))).await;
    }
    if charge_page(&desk.app, desk.session.license.id, &desk.session.license.product).is_err() {
        let step = Step::named(typed.get("step"));
        return desk.render(step, &typed, Some(&Fault::too_many(t)), &Body::Nothing);
    }
    let step = Step::named(typed.get("step"));
    match typed.get("to").to_owned().as_str() {
        "back" => desk.show(desk.beside(&typed, step, false), typed, None).await,
        "again" => desk.show(step, typed, None).await,
        _ => match desk.check(step, &mut typed).await {
            Err(fault) => desk.show(step, typed, Some(fault)).await,
            Ok(()) if step == Step::Review => desk.go(typed).await,
            Ok(()) => desk.show(desk.beside(&typed, step, true), typed, None).await,
        },
    }
}

impl Desk {
    /// For a session; the page of the license when its product cannot be deployed.
    async fn of(app: App, t: Words, session: Session) -> Result<Result<Self, Response>, Problem> {
        let id = session.license.id;
        let look = move |tx: &mut Tx, ctx: Context| {
            let Some(license) = tx.license_find(id)? else { return Ok(None) };
            let catalog = &ctx.installation.catalog;
            let Some(recipe) = catalog.recipe(&license.product).cloned() else { return Ok(None) };
            let name = catalog.product(&license.product).map(|it| it.name.clone());
            let version = package::for_recipe(tx, ctx, &license.product, &recipe.package)?.map(|it| it.version);
            let in_the_way = start::in_the_way(tx, ctx, &license, None)?;
            Ok(Some((recipe, name, version, in_the_way)))
        };
        let Some((recipe, name, version, in_the_way)) = app.read::<_, Failure, _>(Actor::Customer, look).await? else {
            return Ok(Err(Redirect::to("/license").into_response()));
        };
        let product = name.map_or_else(|| session.license.product.to_string(), |it| it.get(t.0).to_owned());
        let offered = app.clouds().offered().into_iter().chain([Cloud::Own]).collect();
        Ok(Ok(Self { app, t, session, recipe, offered, product, version, in_the_way }))
    }

    /// One of two texts that hold values.
    pub fn say(&self, zh: String, en: String) -> String {
        match self.t.0 {
            Language::Zh => zh,
            Language::En => en,
        }
    }

    /// Seals for this session.
    pub fn sealer(&self) -> Sealer<'_> {
        Sealer::new(&self.app, &self.session)
    }

    pub(super) fn steps(&self, typed: &Typed) -> Vec<Step> {
        Step::all(typed.is_own(), !self.recipe.parameters.is_empty())
    }

    /// The step after or before one.
    fn beside(&self, typed: &Typed, step: Step, after: bool) -> Step {
        let steps = self.steps(typed);
        let found = if after {
            steps.iter().find(|it| **it > step).or(steps.last())
        } else {
            steps.iter().rfind(|it| **it < step)
        };
        found.copied().unwrap_or(Step::Where)
    }

    /// Where it goes.
    pub fn place(&self, typed: &Typed) -> Checked<Place> {
        let missing = || Fault {
            step: Some(Step::Where),
            ..Fault::typed(self.t, "cloud", self.t.pick("请选择部署位置。", "Choose where it should run."))
        };
        typed.place().ok_or_else(missing)
    }

    /// What opens the account.
    pub fn credentials(&self, typed: &Typed) -> Checked<Entry> {
        let place = self.place(typed)?;
        let found = self.sealer().entry(&place, typed.get("keys"));
        found.ok_or_else(|| Fault::forgotten(self.t, Step::Credentials))
    }

    /// The hash of the password that was typed.
    pub fn hash(&self, typed: &Typed) -> Checked<PasswordHash> {
        self.sealer().hash(typed.get("hash")).ok_or_else(|| Fault::forgotten(self.t, Step::Access))
    }

    /// Asks the chosen cloud.
    pub async fn ask<T, F, Fut>(&self, typed: &Typed, question: F) -> Checked<T>
    where
        F: FnOnce(lists::Cloud, Recipe) -> Fut,
        Fut: Future<Output = Answer<T>>,
    {
        let (place, credentials) = (self.place(typed)?, self.credentials(typed)?);
        let recipe = self.recipe.clone();
        let answer = self.ask_cloud(&place, &credentials, |cloud| question(cloud, recipe)).await;
        answer.map_err(|error| Fault::cloud(self.t, &error))
    }

    /// Asks a cloud for the license's holder.
    pub async fn ask_cloud<T, F, Fut>(&self, place: &Place, entry: &Entry, question: F) -> Answer<T>
    where
        F: FnOnce(lists::Cloud) -> Fut,
        Fut: Future<Output = Answer<T>>,
    {
        deployment::ask(&self.app, self.session.license.id, place, entry, question).await
    }

    /// Shows a step; another one when only that can mend what is wrong.
    async fn show(&self, step: Step, mut typed: Typed, fault: Option<Fault>) -> Result<Response, Problem> {
        let step = fault.as_ref().and_then(|it| it.step).unwrap_or(step);
        match self.body(step, &mut typed).await {
            Ok(body) => self.render(step, &typed, fault.as_ref(), &body),
            Err(late) => {
                let fault = fault.filter(|it| it.step.is_some()).unwrap_or(late);
                let (step, body) = match fault.step {
                    Some(Step::Where) => (Step::Where, body::places(self.t, self.app.clouds(), &self.offered, &typed)),
                    Some(Step::Credentials) => (Step::Credentials, self.account(&typed)),
                    _ => (step, Body::Nothing),
                };
                self.render(step, &typed, Some(&fault), &body)
            }
        }
    }

    async fn body(&self, step: Step, typed: &mut Typed) -> Checked<Body> {
        let t = self.t;
        let (zone, flavor) = (typed.get("zone").to_owned(), typed.get("flavor").to_owned());
        match step {
            Step::Where => Ok(body::places(t, self.app.clouds(), &self.offered, typed)),
            Step::Credentials => Ok(self.account(typed)),
            Step::Server => {
                let ask = |cloud, recipe| async move { lists::servers(&cloud, &recipe, &zone).await };
                Ok(body::servers(t, self.ask(typed, ask).await?, typed))
            }
            Step::System => {
                let ask = |cloud, recipe| async move { lists::images(&cloud, &recipe, &zone, &flavor).await };
                let images = self.ask(typed, ask).await?;
                self.defaults(typed);
                Ok(body::images(t, images, &self.recipe, typed))
            }
            Step::Network => {
                let ask = |cloud, recipe| async move { lists::networks(&cloud, &recipe, &zone).await };
                Ok(body::networks(t, &self.ask(typed, ask).await?, &self.recipe, typed))
            }
            Step::Access => {
                let keys = match typed.is_own() {
                    true => Vec::new(),
                    false => self.ask(typed, |cloud, _| async move { lists::key_pairs(&cloud).await }).await?,
                };
                let kept = self.hash(typed).is_ok();
                Ok(body::access(t, keys, &self.recipe, typed, kept))
            }
            Step::Review => self.review(typed).await,
        }
    }

    /// What stands in the fields of the system's step before anybody typed there.
    fn defaults(&self, typed: &mut Typed) {
        if typed.some("disk").is_none() {
            typed.set("disk", self.recipe.minimum.disk_gib.max(offer::USUAL_DISK_GIB).to_string());
        }
        if typed.some("name").is_none() {
            let name: String = self.session.license.product.as_str().chars().take(50).collect();
            typed.set("name", format!("{name}-1"));
        }
    }

    fn account(&self, typed: &Typed) -> Body {
        let cloud = typed.cloud().unwrap_or(Cloud::Own);
        Body::Credentials(body::Access {
            how: clouds::how_to_get_keys(self.t, cloud),
            policy: self.app.clouds().policy(cloud, typed.region()).map(|it| format!("{it:#}")),
            kept: matches!(self.credentials(typed), Ok(Entry::Keys(_))),
            trust: Agencies::of(deployment::trust(&self.app, self.session.license.id, cloud)),
        })
    }

    /// Begins.
    async fn go(&self, typed: Typed) -> Result<Response, Problem> {
        let wanted = match self.wanted(&typed) {
            Ok(wanted) => wanted,
            Err(fault) => return self.show(Step::Review, typed, Some(fault)).await,
        };
        match deployment::begin(&self.app, Actor::Customer, self.session.license.id, wanted).await {
            Ok(begun) => Ok(Redirect::to(&format!("/license/deployments/{}", begun.record.id)).into_response()),
            Err(denied) => {
                let fault = Fault::denied(self.t, denied)?;
                self.show(Step::Review, typed, Some(fault)).await
            }
        }
    }

    fn wanted(&self, typed: &Typed) -> Checked<Wanted> {
        let makes = !typed.is_own();
        let has_password = makes && typed.is("login", "password");
        Ok(Wanted {
            id: Some(typed.get("id").parse().map_err(|_| Fault::stale(self.t))?),
            place: self.place(typed)?,
            credentials: makes.then(|| self.credentials(typed)).transpose()?,
            server: makes.then(|| typed.chosen()),
            password: has_password.then(|| self.hash(typed)).transpose()?,
            answers: typed.answers(&self.recipe),
        })
    }
}
