//! The customer's page over HTTP, as a browser without a script sees it.

mod commands;
pub mod deploy;
mod doors;
mod links;
pub mod page;

use jiff::SignedDuration;
use signet::{
    base::{ids::ActivationId, secret::SecretString},
    license::model::License,
    store::Tx,
    usecase::{
        Actor, Context, Failure,
        activation::{self, Machine},
        link, merchant,
    },
};
use signet_verify::machine;

use crate::harness::{Answer, Backend, TestApp, exchange};

/// A browser: it keeps cookies and asks in one language.
pub struct Visitor<'a> {
    app: &'a TestApp,
    pub cookies: Vec<(String, String)>,
    pub headers: Vec<(&'static str, String)>,
}

impl<'a> Visitor<'a> {
    pub fn new(app: &'a TestApp) -> Self {
        Self { app, cookies: Vec::new(), headers: vec![("Accept-Language", "en".to_owned())] }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\n"), "").await
    }

    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let head = format!(
            "POST {path} HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            body.len()
        );
        self.send(&head, &body).await
    }

    async fn send(&mut self, head: &str, body: &str) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut head = format!("{head}Host: signet\r\nConnection: close\r\nCookie: {}\r\n", cookies.join("; "));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let answer = exchange(self.app.address, format!("{head}\r\n{body}").as_bytes()).await;
        for (name, value, gone) in set_cookies(&answer) {
            self.cookies.retain(|(known, _)| *known != name);
            if !gone {
                self.cookies.push((name, value));
            }
        }
        answer
    }

    /// Types a code or key and follows to the page.
    pub async fn enter(&mut self, typed: &str) -> String {
        let answer = self.post("/l", &[("license", typed)]).await;
        assert_eq!((answer.status, answer.header("Location")), (303, Some("/license")), "{}", answer.head);
        self.page().await
    }

    /// The page, which must be open.
    pub async fn page(&mut self) -> String {
        let answer = self.get("/license").await;
        assert_eq!(answer.status, 200, "{}", answer.head);
        text(&answer)
    }

    /// The token that the page's forms carry.
    pub async fn form_token(&mut self) -> String {
        let page = self.page().await;
        let (_, rest) = page.split_once("name=\"form\" value=\"").expect("a form with a token");
        rest.split('"').next().unwrap().to_owned()
    }
}

/// Name, value, and whether the browser shall forget it.
fn set_cookies(answer: &Answer) -> Vec<(String, String, bool)> {
    let lines = answer.head.lines().filter_map(|line| line.strip_prefix("Set-Cookie: "));
    let pairs = lines.map(|line| {
        let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
        (name.to_owned(), value.to_owned(), line.contains("Max-Age=0;"))
    });
    pairs.collect()
}

pub fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

/// A license issued by hand.
pub async fn issued(app: &TestApp, plan: &str) -> License {
    issued_for(app, plan, 1).await
}

/// One of a larger quantity.
pub async fn issued_for(app: &TestApp, plan: &str, quantity: u32) -> License {
    let (product, plan) = plan.split_once('/').unwrap();
    let plan = signet::catalog::PlanName { product: product.parse().unwrap(), plan: plan.parse().unwrap() };
    let by_hand = merchant::ByHand {
        plan,
        expires_at: None,
        quantity: Some(quantity),
        trial: false,
        device: None,
        customer: signet::license::model::Customer::default(),
    };
    app.write(move |tx, ctx| merchant::issue(tx, ctx, &by_hand)).await.unwrap().license
}

/// Code and key of a license.
pub async fn faces(app: &TestApp, license: &License) -> (String, String) {
    let id = license.id;
    let revealed = app.read(move |tx, ctx| merchant::reveal(tx, ctx, id)).await.unwrap();
    (revealed.code, revealed.key)
}

/// The path of the license's link.
pub async fn link_path(app: &TestApp, license: &License) -> String {
    let id = license.id;
    let url = app.read(move |tx, ctx| Ok(link::of(tx, id)?.url(ctx))).await;
    url.strip_prefix(app.app.public_url()).unwrap().to_owned()
}

/// Does something to a license as the merchant.
pub async fn act(app: &TestApp, license: &License, act: merchant::Act) {
    let id = license.id;
    app.write(move |tx, ctx| merchant::act(tx, ctx, id, act)).await.unwrap();
}

/// The service with one license, its code and its key.
pub async fn with_license(backend: Backend) -> (TestApp, License, String, String) {
    let app = TestApp::start(backend).await;
    let license = issued(&app, "atlas/standard").await;
    let (code, key) = faces(&app, &license).await;
    (app, license, code, key)
}

/// Gives a machine a seat of the license, by the license's key.
pub async fn seat(app: &TestApp, license: &License, name: &str, platform: &str) -> ActivationId {
    let machine = machine(name, platform);
    let credential = SecretString::from(faces(app, license).await.1);
    let activate = move |tx: &mut Tx, ctx: Context<'_>| activation::activate(tx, ctx, &credential, &machine);
    app.app.write::<_, Failure, _>(Actor::Software, activate).await.unwrap().unwrap().activation.id
}

fn machine(name: &str, platform: &str) -> Machine {
    Machine {
        name: Some(name.to_owned()),
        platform: Some(platform.to_owned()),
        version: Some("2.4.1".to_owned()),
        components: [("machine-id".to_owned(), machine::digest("machine-id", name))].into(),
        ..Machine::default()
    }
}

/// Gives many machines a seat, over several days, as the limit of new ones asks.
pub async fn seats(app: &TestApp, license: &License, number: usize) -> Vec<ActivationId> {
    let mut ids = Vec::new();
    for number in 0..number {
        if number % 10 == 0 {
            app.pass_days(2);
        }
        app.pass(SignedDuration::from_millis(1));
        ids.push(seat(app, license, &format!("machine-{number}"), "Debian 12").await);
    }
    ids
}
