//! Licensed software, over HTTP: it shows the license, verifies every signed text with the key list that came along and the
//! root that it pins (by `signet-verify`, as customers do), and believes nothing else.

mod alike;
mod answers;
mod files;
pub mod limits;
mod races;
mod refused;
mod usage;

use serde_json::{Map, Value, json};
use signet::{
    base::{ids::LicenseId, secret::ExposeSecret},
    catalog::PlanName,
    license::{keys::KeyRole, model::Customer},
    usecase::{
        merchant::{self, Act, ByHand},
        token::{self, Scope},
    },
};
use signet_verify::{
    claims::{Asked, LeaseClaims, ValidationClaims},
    key::PublicKey,
    keys::{KeyRing, Root},
    machine, read, validation,
};

use crate::harness::{Answer, TestApp, exchange, slug};

/// One license of the product `mill`, in the hands of software.
#[derive(Debug, Clone)]
struct Software {
    address: std::net::SocketAddr,
    license: LicenseId,
    key: String,
    code: String,
    /// What `X-Forwarded-For` says, where something does.
    forwarded: Option<&'static str>,
}

impl Software {
    /// With a license for `machines` of the plan.
    async fn of(app: &TestApp, plan: &'static str, machines: Option<u32>) -> Self {
        let by_hand = ByHand {
            plan: PlanName { product: slug("mill"), plan: slug(plan) },
            expires_at: None,
            quantity: machines,
            trial: false,
            device: None,
            customer: Customer::default(),
        };
        let issued = app.write(move |tx, ctx| merchant::issue(tx, ctx, &by_hand)).await.expect("a plan of the catalog");
        app.pass(jiff::SignedDuration::from_secs(1));
        let (license, code) = (issued.license.id, issued.code);
        Self { address: app.address, license, key: issued.key.to_string(), code, forwarded: None }
    }

    /// Behind this address, as a proxy tells.
    fn behind(&self, address: &'static str) -> Self {
        Self { forwarded: Some(address), ..self.clone() }
    }

    /// Shows another text than the license key.
    fn showing(&self, credential: &str) -> Self {
        Self { key: credential.to_owned(), ..self.clone() }
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let forwarded = self.forwarded.map(|it| format!("X-Forwarded-For: {it}\r\n")).unwrap_or_default();
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nAuthorization: License {}\r\n\
             {forwarded}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        );
        exchange(self.address, request.as_bytes()).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(body)).await
    }

    async fn validate(&self) -> Answer {
        self.post("/validate", json!({})).await
    }

    /// Takes a seat for machine number `number`.
    async fn activate(&self, number: u32) -> Answer {
        let body = json!({ "components": components(number), "name": format!("host-{number}"), "platform": "linux" });
        self.post("/activations", body).await
    }

    /// The same, and it gets one: the activation's id.
    async fn seated(&self, number: u32) -> String {
        let answer = self.activate(number).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["activation"]["id"].as_str().unwrap().to_owned()
    }

    async fn renew(&self, activation: &str) -> Answer {
        self.call("POST", &format!("/activations/{activation}/renew"), None).await
    }

    async fn reports(&self, activation: &str, body: Value) -> Answer {
        self.post(&format!("/activations/{activation}/usage"), body).await
    }

    async fn deactivate(&self, activation: &str) -> Answer {
        self.call("DELETE", &format!("/activations/{activation}"), None).await
    }
}

/// What machine number `number` is made of: nothing of it is like another.
fn components(number: u32) -> Value {
    let part = |name: &str| (name.to_owned(), Value::from(machine::digest(name, &number.to_string())));
    Value::Object(Map::from_iter(["machine-id", "board", "disk"].map(part)))
}

/// An activation that nobody has.
const NOBODYS: &str = "0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a21";

/// A license key of the right form that nobody has.
fn unknown_key() -> String {
    signet::license::key::LicenseKey::generate(&signet::base::entropy::SeededEntropy::new(7)).to_string()
}

async fn act(app: &TestApp, software: &Software, act: Act) {
    let id = software.license;
    app.write(move |tx, ctx| merchant::act(tx, ctx, id, act)).await.expect("the license");
}

/// The root that software of `product` was compiled with.
async fn root(app: &TestApp, product: &str) -> Root {
    let product = slug(product);
    let keys = app.read(move |tx, _| Ok(tx.key_list(Some(&product))?)).await;
    let root = keys.iter().find(|it| it.role == KeyRole::Root).expect("a root");
    Root::new(PublicKey::from_bytes(root.public_key.as_slice().try_into().unwrap()).unwrap())
}

/// The keys that came along, believed because the root signed them.
async fn ring(app: &TestApp, product: &str, answer: &Value) -> KeyRing {
    KeyRing::from_list(answer["keys"].as_str().unwrap(), &root(app, product).await, product, None).unwrap()
}

/// What the signed part of an answer to `asked` says.
async fn signed(app: &TestApp, product: &str, answer: &Answer, asked: &Asked) -> ValidationClaims {
    let answer = answer.json();
    let ring = ring(app, product, &answer).await;
    let read = read::read_validation(answer["signed"].as_str().unwrap(), &ring, product).unwrap();
    validation::answers(&read, asked).unwrap();
    assert_eq!(
        (&answer["reason"], &answer["conclusive"]),
        (&json!(read.claims.reason), &json!(read.claims.conclusive))
    );
    read.claims
}

async fn lease(app: &TestApp, answer: &Answer) -> LeaseClaims {
    let answer = answer.json();
    let ring = ring(app, "mill", &answer).await;
    read::read_lease(answer["lease"].as_str().unwrap(), &ring, "mill").unwrap().claims
}

/// The names of an answer's members, in the order in which they stand there.
fn members(answer: &Answer) -> Vec<String> {
    let text = String::from_utf8(answer.body.clone()).unwrap();
    let mut names: Vec<String> = answer.json().as_object().unwrap().keys().cloned().collect();
    names.sort_by_key(|name| text.find(&format!("\"{name}\":")).unwrap());
    names
}

/// The names of an answer's headers, in order.
fn header_names(answer: &Answer) -> Vec<&str> {
    answer.head.lines().skip(1).map(|line| line.split_once(": ").unwrap().0).collect()
}

/// A refusal in its whole form; its reason.
#[track_caller]
fn refusal(answer: &Answer) -> String {
    assert_eq!(answer.header("Content-Type"), Some("application/problem+json"), "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["status"], answer.status);
    assert!(problem["detail"].as_str().is_some_and(|text| text.ends_with('.')), "{problem}");
    let reason = problem["reason"].as_str().unwrap().to_owned();
    assert_eq!(problem["type"], format!("/problems/{}", reason.replace('_', "-")));
    reason
}

/// A call of the merchant's own program.
async fn manage(app: &TestApp, method: &str, path: &str) -> Answer {
    let created = app.write(|tx, ctx| token::create(tx, ctx, "crm", Scope::ALL.split_last().unwrap().1, None)).await;
    let request = format!(
        "{method} /api/v1{path} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
        created.1.expose_secret()
    );
    exchange(app.address, request.as_bytes()).await
}
