//! Machines that never ask: license files, and the exchange of a request for a bundle.

mod exchange;
mod file;

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};
use signet::{
    base::{ids::ActivationId, limits, secret::SecretString, time::Time},
    catalog::PlanName,
    license::{
        activation::{Reason, Stay},
        keys::KeyRole,
        model::{Customer, License},
    },
    store::ActivationRecord,
    usecase::{
        activation::{self, Machine},
        license_file::{self, Declined, LicenseFile, Machines, Refused},
        merchant::{self, Act, ByHand},
        offline::{self, Exchanged},
        upgrade,
    },
};
use signet_verify::{
    bundle::{Bundle, Opened},
    claims::{Components, RevocationsClaims},
    clock::TrustedTime,
    keys::Root,
    kind::Kind,
    license_file::{Verdict, verdict},
    machine::digest,
    read,
    request::Request,
    revocations::{RevocationSet, Revoked},
    stopped::Stopped,
};

use crate::harness::{Backend, CATALOG, TestApp, slug, time};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// One product with plans of every kind that matters here.
const PRESS: &str = r#"
[[product]]
slug = "press"
name = { zh = "印刷", en = "Press" }
support = { email = "support@example.com" }

[[product.plan]]
slug = "small"
name = { zh = "小", en = "Small" }
term = "1 year"
machines = 1
features = { pages = 10 }
lease = { days = 7, grace_days = 2, file_days = 30, offline_days = 60 }

[[product.plan]]
slug = "large"
name = { zh = "大", en = "Large" }
term = "1 year"
machines = 3
features = { pages = 100 }
lease = { days = 7, grace_days = 2, file_days = 30, offline_days = 60 }

[[product.plan]]
slug = "fleet"
name = { zh = "机队", en = "Fleet" }
term = "1 year"
machines = 60
features = { pages = 1000 }
machine = { new_per_day = 100 }

[[product.plan]]
slug = "floating"
name = { zh = "浮动", en = "Floating" }
term = "1 year"
machines = 2
features = { pages = 100 }
lease = { minutes = 30, floating = true, grace_days = 0, file_days = 30, offline_days = 60 }
"#;

struct Held {
    app: TestApp,
    license: License,
    key: SecretString,
}

/// A license of `plan` that ends when `expires` says, issued by hand.
async fn held(backend: Backend, plan: &'static str, expires: &str) -> Held {
    let app = TestApp::start(backend).await;
    app.apply_catalog(&format!("{CATALOG}\n{PRESS}")).await;
    let wanted = ByHand {
        plan: PlanName { product: slug("press"), plan: slug(plan) },
        expires_at: Some(time(expires)),
        quantity: None,
        trial: false,
        device: None,
        customer: Customer::default(),
    };
    let issued = app.write(move |tx, ctx| merchant::issue(tx, ctx, &wanted)).await.unwrap();
    Held { app, license: issued.license, key: issued.key.to_string().into() }
}

fn components(name: &str) -> Components {
    ["machine-id", "disk", "board"].map(|part| (part.to_owned(), digest(part, name))).into()
}

impl Held {
    async fn activate(&self, name: &str) -> ActivationRecord {
        // Activations sort by the millisecond.
        self.app.pass(SignedDuration::from_secs(1));
        let (key, machine) = (self.key.clone(), machine(name));
        self.app.write(move |tx, ctx| activation::activate(tx, ctx, &key, &machine)).await.unwrap().activation
    }

    async fn exchange(&self, name: &str) -> Result<Exchanged, Reason> {
        // As somebody types it.
        let typed = request("press", name).to_text().unwrap();
        let (key, request) = (self.key.clone(), Request::parse(&typed).unwrap());
        let exchanged = self.app.write(move |tx, ctx| offline::activate(tx, ctx, &key, &request)).await;
        exchanged.map_err(|refused| refused.verdict.reason)
    }

    async fn file(&self, machines: Machines) -> Result<LicenseFile, Declined> {
        let id = self.license.id;
        self.app
            .read(move |tx, ctx| {
                let license = tx.license_find(id)?.unwrap();
                license_file::make(tx, ctx, &license, &machines)
            })
            .await
    }

    /// What a verifier that pinned the product's root finds in a bundle.
    async fn verified(&self, bundle: &str) -> Opened {
        let records = self.app.read(|tx, _| Ok(tx.key_list(Some(&slug("press")))?)).await;
        let root = records.iter().find(|key| key.role == KeyRole::Root).unwrap();
        let root = Root::from_x(&data_encoding::BASE64URL_NOPAD.encode(&root.public_key)).unwrap();
        Bundle::parse(bundle).unwrap().open(&root, "press", None).unwrap()
    }

    async fn act(&self, act: Act) {
        let id = self.license.id;
        self.app.write(move |tx, ctx| merchant::act(tx, ctx, id, act)).await.unwrap();
    }

    async fn seats(&self) -> u32 {
        let id = self.license.id;
        self.app.read(move |tx, ctx| activation::seats(tx, ctx, id)).await
    }

    /// A bundle's texts, each verified with the service's published keys, and the key list compared with the
    /// published one.
    async fn opened(&self, bundle: &str) -> Value {
        let bundle: Value = serde_json::from_str(bundle).unwrap();
        assert_eq!((&bundle["signet"], &bundle["product"]), (&json!(1), &json!("press")));
        let published = self.app.get("/products/press/keys.jws").await;
        assert_eq!(bundle["keys"].as_str().unwrap().as_bytes(), published.body);
        let mut opened = json!({});
        for (name, kind) in [
            ("code", Kind::LicenseCode),
            ("lease", Kind::Lease),
            ("license_file", Kind::LicenseFile),
            ("revocations", Kind::Revocations),
        ] {
            if let Some(text) = bundle[name].as_str() {
                opened[name] = self.app.read_signed(kind, "press", text).await;
            }
        }
        assert_eq!(opened["code"]["sub"], self.license.id.to_string());
        self.verified(&bundle.to_string()).await;
        opened
    }
}

fn request(product: &str, name: &str) -> Request {
    let (product, name) = (product.to_owned(), name.to_owned());
    Request { components: components(&name), product, name, ..Request::default() }
}

fn machine(name: &str) -> Machine {
    Machine { name: Some(name.to_owned()), components: components(name), ..Machine::default() }
}
