//! Servers and the real service: sessions, orders, the license and its seat. Manifest and package come from
//! [`super::fake`].

use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde_json::json;
use sha2::{Digest, Sha256};
use signet::{
    base::ids::DeploymentId,
    catalog::PlanName,
    license::model::{Customer, License},
    provision::{
        plan::{self, Cloud, PackagePin, Place},
        run::{Goal, Stage, Status, Wish},
    },
    store::DeploymentRecord,
    usecase::{
        activation,
        deployment::{script, wish::wish},
        merchant::{self, Act, ByHand},
    },
};
use signet_verify::kind::Kind;

use super::{
    fake,
    machine::{Machine, Plan},
};
use crate::harness::{Backend, TestApp, slug};

/// A deployment of the product `mill` onto a server that exists, and its license.
struct Begun {
    app: Arc<TestApp>,
    license: License,
    id: DeploymentId,
    plan: Plan,
}

impl Begun {
    /// With the sample as its package.
    async fn with(change: impl FnOnce(&mut Plan)) -> Self {
        let app = Arc::new(TestApp::start(Backend::Sqlite).await);
        let by_hand = ByHand {
            plan: PlanName { product: slug("mill"), plan: slug("fixed") },
            expires_at: None,
            quantity: Some(1),
            trial: false,
            device: None,
            customer: Customer::default(),
        };
        let issued = app.write(move |tx, ctx| merchant::issue(tx, ctx, &by_hand)).await.expect("a plan of the catalog");
        let mut plan = Plan::new("/bin/sh");
        change(&mut plan);
        let package = plan.play.package.clone();
        plan.play.manifest = app
            .read(move |_, ctx| {
                let signer = ctx.installation.keys.signer(&slug("mill"))?;
                let sign = |input: &[u8]| signer.sign(input);
                Ok(fake::manifest_by(sign, &package, |it| it["aud"] = "mill/package".into()))
            })
            .await;
        plan.play.real = Some(app.address);
        let id = DeploymentId::from_bytes([7; 16]);
        let row = row(&app, id, &issued.license, &plan);
        app.write(move |tx, _| Ok(tx.deployment_insert(&row)?)).await;
        let license = issued.license;
        let own = license.id;
        let script = app.write(move |tx, ctx| script::for_own_server(tx, ctx, own, id)).await.unwrap().unwrap();
        plan.script = Some(script.text().replace(app.app.public_url(), "http://198.51.100.10"));
        Self { app, license, id, plan }
    }

    async fn row(&self) -> DeploymentRecord {
        let id = self.id;
        self.app.read(move |tx, _| Ok(tx.deployment_find(id)?)).await.unwrap()
    }

    /// All lines that were said.
    async fn lines(&self) -> String {
        let id = self.id;
        let lines = self.app.read(move |tx, _| Ok(tx.lines_after(id, 0, 500)?)).await;
        lines.into_iter().map(|line| line.text + "\n").collect()
    }

    /// Runs the server. Once its deployment has failed, `asked` is asked of it.
    async fn run(&mut self, asked: Option<Wish>) -> Machine {
        let plan = std::mem::replace(&mut self.plan, Plan::new("/bin/sh"));
        let machine = tokio::task::spawn_blocking(|| plan.run());
        if let Some(asked) = asked {
            while self.row().await.status != Status::Failed && !machine.is_finished() {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            let id = self.id;
            let granted = self.app.write(move |tx, ctx| wish(tx, ctx, None, id, asked, None)).await;
            granted.unwrap().unwrap_or_else(|refused| panic!("{refused}"));
        }
        machine.await.unwrap()
    }
}

fn row(app: &TestApp, id: DeploymentId, license: &License, plan: &Plan) -> DeploymentRecord {
    let pin = PackagePin {
        version: "1.2.3".to_owned(),
        kid: app.app.installation().keys.signer(&license.product).unwrap().kid().to_owned(),
        manifest_sha256: HEXLOWER.encode(&Sha256::digest(&plan.play.manifest)),
        size: plan.play.package.len() as u64,
    };
    let chosen = plan::Plan {
        place: Place { cloud: Cloud::Own, region: String::new(), endpoint: None },
        account: None,
        server: None,
        recipe: plan.recipe.clone(),
        answers: plan.answers.clone(),
        package: pin,
    };
    DeploymentRecord {
        id,
        license_id: license.id,
        product: license.product.clone(),
        provider: Cloud::Own.to_string(),
        goal: Goal::Deploy,
        status: Status::Running,
        stage: Stage::Preflight,
        plan: json!(chosen),
        attempt: None,
        attempt_at: None,
        sent: false,
        accepted: None,
        removal: None,
        address: None,
        credentials: None,
        password: None,
        trouble: None,
        machine_key: None,
        suspect: false,
        again: false,
        sequence: 0,
        activation_id: None,
        next_at: None,
        deadline_at: None,
        created_at: app.now(),
        updated_at: app.now(),
        ended_at: None,
        version: 1,
    }
}

#[tokio::test]
async fn boot_ends_with_a_deployment_that_is_healthy() {
    let mut begun = Begun::with(|_| {}).await;
    let machine = begun.run(None).await;
    let row = begun.row().await;
    assert_eq!((row.status, row.stage), (Status::Healthy, Stage::Healthy), "{}", machine.printed());
    assert!(begun.lines().await.contains("installing for mill\n"), "{}", begun.lines().await);
    let (app, id) = (&begun.app, begun.license.id);
    let seats = app.read(move |tx, ctx| activation::list(tx, ctx, id, true, None, 10)).await;
    assert_eq!(seats.len(), 1, "the timer takes no second one");
    assert_eq!(row.activation_id, Some(seats[0].id));
    let lease = machine.file("var/lib/signet/mill/lease.jwt");
    let claims = app.read_signed(Kind::Lease, "mill", lease.trim_end()).await;
    assert_eq!(claims["activation"], seats[0].id.to_string());
    let components = claims["machine"]["components"].as_object().unwrap();
    assert!(components.contains_key("machine-id"), "{components:?}");
    assert!(machine.file("var/lib/signet/mill/keys.jwt").starts_with("ey"));
    assert_eq!(machine.file("etc/signet/mill/license").trim_end(), app.latest_code(&begun.license).await);
    assert_eq!(machine.left("renewed"), "0\n");
    let calls = machine.fake.calls();
    let asked: Vec<_> = calls.iter().filter(|it| it.contains("activations") || it.contains("renew")).collect();
    assert_eq!(asked, ["POST activations 201", "POST renew 200"]);
}

#[tokio::test]
async fn boot_goes_on_when_a_failed_deployment_is_resumed() {
    let mut begun = Begun::with(|plan| {
        plan.recipe.install = "[ -e /once ] || { touch /once; echo 'the first try'; exit 7; }; ./install.sh".to_owned();
    })
    .await;
    let machine = begun.run(Some(Wish::Resume)).await;
    let row = begun.row().await;
    assert_eq!(row.status, Status::Healthy, "{}", machine.printed());
    let lines = begun.lines().await;
    assert!(lines.contains("the first try\nthe installation failed with code 7\n"), "{lines}");
}

#[tokio::test]
async fn boot_gets_nothing_for_a_license_that_is_held() {
    let mut begun = Begun::with(|_| {}).await;
    let id = begun.license.id;
    begun.app.write(move |tx, ctx| merchant::act(tx, ctx, id, Act::Suspend)).await.unwrap();
    let machine = begun.run(Some(Wish::Keep)).await;
    let row = begun.row().await;
    assert_eq!((row.status, row.activation_id), (Status::Kept, None));
    let trouble: serde_json::Value = serde_json::from_str(&row.trouble.unwrap()).unwrap();
    assert_eq!(trouble["code"], "license");
    assert_eq!(machine.left("environment"), "", "nothing was installed");
}

#[tokio::test]
async fn boot_of_a_second_server_with_the_same_script_is_refused_and_told() {
    let mut begun = Begun::with(|plan| {
        plan.how = "/usr/local/bin/first";
        // This one ends as soon as it has its session.
        let first = "#!/bin/sh\nsed -i 's/^open_session || exit 1$/&; exit 7/' /script && exec sh /script\n";
        plan.files.push(("usr/local/bin/first", first));
    })
    .await;
    let (script, play) = (begun.plan.script.clone(), begun.plan.play.clone());
    let first = begun.run(None).await;
    assert_eq!(first.fake.calls(), ["POST session 200"], "{}", first.printed());
    begun.plan.script = script;
    begun.plan.play = play;
    let second = begun.run(None).await;
    assert_eq!(second.fake.calls(), ["POST session 409"]);
    assert!(second.printed().contains("the token was used by another machine"), "{}", second.printed());
    assert!(begun.row().await.suspect);
    assert_eq!(begun.app.open_alerts().await, ["bootstrap_token_reused"]);
}
