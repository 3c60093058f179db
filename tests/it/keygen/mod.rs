//! The door for software that was written for Keygen's public contract, over HTTP. Every answer's signature is checked by code
//! that shares nothing with the service's, with the address and the host exactly as they were sent.

mod access;
mod checkouts;
mod covered;
mod keys;
mod machines;
mod races;
mod second;
mod signatures;
mod validation;

use data_encoding::BASE64;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use signet::{
    base::{ids::LicenseId, secret::ExposeSecret},
    catalog::PlanName,
    license::model::Customer,
    usecase::{
        merchant::{self, Act, ByHand},
        token::{self, Scope},
    },
};

use crate::harness::{Answer, TestApp, exchange, slug};

/// The host that clients believe in.
const HOST: &str = "licenses.example.com:8443";

/// Software that holds a license of the product `mill`, at its door.
#[derive(Debug, Clone)]
struct Client {
    address: std::net::SocketAddr,
    public_key: [u8; 32],
    license: LicenseId,
    key: String,
    code: String,
    /// What `Authorization` says; `None`: nothing.
    shows: Option<String>,
    /// Where the door is.
    prefix: &'static str,
    /// What else the head says.
    headers: String,
}

impl Client {
    async fn of(app: &TestApp, plan: &'static str, machines: Option<u32>) -> Self {
        Self::bound(app, plan, machines, None).await
    }

    async fn bound(app: &TestApp, plan: &'static str, machines: Option<u32>, device: Option<&str>) -> Self {
        let by_hand = ByHand {
            plan: PlanName { product: slug("mill"), plan: slug(plan) },
            expires_at: None,
            quantity: machines,
            trial: false,
            device: device.map(str::to_owned),
            customer: Customer { id: Some("C-1".to_owned()), name: Some("Example Mills".to_owned()) },
        };
        let issued = app.write(move |tx, ctx| merchant::issue(tx, ctx, &by_hand)).await.expect("a plan of the catalog");
        app.pass(jiff::SignedDuration::from_secs(1));
        let public_key = *app.app.installation().keys.door(&slug("mill")).unwrap().public().as_bytes();
        let (license, code, key) = (issued.license.id, issued.code, issued.key.to_string());
        Self {
            address: app.address,
            public_key,
            license,
            code,
            shows: Some(format!("License {key}")),
            key,
            prefix: "/v1/accounts/mill",
            headers: String::new(),
        }
    }

    /// The same, showing something else.
    fn showing(&self, shows: Option<&str>) -> Self {
        Self { shows: shows.map(str::to_owned), ..self.clone() }
    }

    /// The same with another line in its head.
    fn with(&self, header: &str) -> Self {
        Self { headers: format!("{}{header}\r\n", self.headers), ..self.clone() }
    }

    /// The same through the other address.
    fn elsewhere(&self) -> Self {
        Self { prefix: "/keygen/mill/v1", ..self.clone() }
    }

    async fn raw(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let shows = self.shows.as_ref().map(|it| format!("Authorization: {it}\r\n")).unwrap_or_default();
        let target = format!("{}/{path}", self.prefix);
        let kind =
            if self.headers.contains("Content-Type") { "" } else { "Content-Type: application/vnd.api+json\r\n" };
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{shows}{kind}{}Content-Length: {}\r\n\r\n",
            self.headers,
            body.len()
        );
        let answer = exchange(self.address, &[head.as_bytes(), body].concat()).await;
        self.check(method, &target, &answer);
        answer
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.raw(method, path, body.map(|it| it.to_string()).unwrap_or_default().as_bytes()).await
    }

    /// The answer is signed: over the bytes that came, the address and the host.
    #[track_caller]
    fn check(&self, method: &str, target: &str, answer: &Answer) {
        let header = |name: &str| answer.header(name).unwrap_or_else(|| panic!("no {name}: {}", answer.head));
        let digest = format!("sha-256={}", BASE64.encode(&Sha256::digest(&answer.body)));
        assert_eq!((header("Digest"), header("Keygen-Digest")), (digest.as_str(), digest.as_str()));
        assert_eq!(header("Date"), header("Keygen-Date"));
        let signature = header("Keygen-Signature");
        let part = |name: &str| {
            let (_, rest) = signature.split_once(&format!("{name}=\"")).unwrap();
            rest.split_once('"').unwrap().0
        };
        assert_eq!((part("keyid"), part("algorithm")), ("mill", "ed25519"));
        assert_eq!(part("headers"), "(request-target) host date digest");
        let method = method.to_lowercase();
        let text = format!(
            "(request-target): {method} {target}\nhost: {HOST}\ndate: {}\ndigest: {digest}",
            header("Keygen-Date")
        );
        let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, self.public_key);
        key.verify(text.as_bytes(), &BASE64.decode(part("signature").as_bytes()).unwrap()).expect("a good signature");
        assert!(answer.header("X-Request-Id").is_some());
        assert!(["1.7", "1.8"].contains(&header("Keygen-Version")));
    }

    /// What `validate-key` says of the license with this scope: the code.
    async fn code(&self, scope: Value) -> String {
        let answer = self.validate_key(scope).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let meta = &answer.json()["meta"];
        assert_eq!(meta["valid"], json!(meta["code"] == "VALID"));
        meta["code"].as_str().unwrap().to_owned()
    }

    async fn validate_key(&self, scope: Value) -> Answer {
        let body = json!({ "meta": { "key": self.key, "scope": scope, "nonce": 7 } });
        self.showing(None).call("POST", "licenses/actions/validate-key", Some(body)).await
    }

    async fn activate(&self, fingerprint: &str) -> Answer {
        self.call("POST", "machines", Some(self.machine(fingerprint))).await
    }

    /// A machine, as it is sent.
    fn machine(&self, fingerprint: &str) -> Value {
        json!({ "data": {
            "type": "machines",
            "attributes": { "fingerprint": fingerprint, "name": "loom", "cores": 8, "metadata": { "floor": 2 } },
            "relationships": { "license": { "data": { "type": "licenses", "id": self.license } } },
        } })
    }

    /// Activates, and it gets a seat: the machine's id.
    async fn seated(&self, fingerprint: &str) -> String {
        let answer = self.activate(fingerprint).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["data"]["id"].as_str().unwrap().to_owned()
    }
}

async fn act(app: &TestApp, client: &Client, act: Act) {
    let id = client.license;
    app.write(move |tx, ctx| merchant::act(tx, ctx, id, act)).await.expect("the license");
}

/// A token of the door of `product`.
async fn door_token(app: &TestApp, product: &'static str, expires_at: Option<&'static str>) -> String {
    let make = move |tx: &mut _, ctx: signet::usecase::Context<'_>| {
        let expires_at = expires_at.map(crate::harness::time);
        token::create_for(tx, ctx, "back office", &[Scope::Keygen], Some(&slug(product)), expires_at)
    };
    app.write(make).await.1.expose_secret().to_owned()
}

/// The one error of an answer: its code, and what it is about.
#[track_caller]
fn refused(answer: &Answer) -> (u16, String, Option<String>) {
    assert_eq!(answer.header("Content-Type"), Some("application/vnd.api+json"), "{answer:?}");
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    let [error] = errors.as_slice() else { panic!("{errors:?}") };
    assert!(!error["title"].as_str().unwrap().is_empty() && !error["detail"].as_str().unwrap().is_empty());
    let about = error["source"].as_object().map(|it| it.values().next().unwrap().as_str().unwrap().to_owned());
    (answer.status, error["code"].as_str().unwrap().to_owned(), about)
}

/// The same without what it is about.
#[track_caller]
fn code(answer: &Answer) -> (u16, String) {
    let (status, code, _) = refused(answer);
    (status, code)
}
