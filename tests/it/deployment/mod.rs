//! Deployments: the core that works on them, with a cloud that does what a test tells it, and the machine's protocol
//! over HTTP.

mod broken;
mod cloud;
mod crashes;
mod drift;
mod endpoints;
mod limits;
pub mod machine;
mod removals;
mod secrets;
mod troubles;

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;
use signet::{
    base::{ids::DeploymentId, secret::SecretString, text::Localized},
    catalog::PlanName,
    jobs,
    license::model::{Customer, License},
    provision::{
        password::PasswordHash,
        plan::{Cloud, Named, PackagePin, Place, Plan, ServerChoice},
        provider::{Credentials, Entry, Flavor, Image, Stock, clouds::Clouds},
        recipe::{Architecture, Minimum, Output, PackageSource, Recipe},
        run::{Goal, Stage, Status, Wish},
    },
    store::{DeploymentRecord, ResourceRecord},
    usecase::{
        deployment::{Deployment, Obstacle, secrets as sealed, wish},
        merchant::{self, ByHand},
    },
};
use tokio::task::JoinSet;

use crate::harness::{Backend, Settings, TestApp, slug};
use cloud::{Door, Scripted};

const SECRET: &str = "canary-secret-key";
const SESSION_TOKEN: &str = "canary-session-token";
/// The hash of a password, such as the wizard makes one.
const HASH: &str = "$6$canarysalt$canaryhash";
/// Steps after which a deployment that does not settle never will.
const STEPS: usize = 200;

pub fn flavor(stock: Stock) -> Flavor {
    Flavor { id: "small".to_owned(), vcpus: 2, memory_mib: 4_096, architecture: Architecture::X86_64, stock }
}

pub fn image(architecture: Architecture) -> Image {
    Image {
        id: "debian".to_owned(),
        name: "Debian".to_owned(),
        system: "Debian GNU/Linux 12".to_owned(),
        architecture,
        minimum_disk_gib: 10,
        minimum_memory_mib: 512,
        root_device: None,
    }
}

pub fn recipe() -> Recipe {
    Recipe {
        package: PackageSource::Published { version: None },
        install: "./install.sh".to_owned(),
        health: "true".to_owned(),
        health_seconds: 120,
        install_seconds: 600,
        ports: vec![8_080],
        minimum: Minimum { vcpus: 1, memory_mib: 512, disk_gib: 10 },
        systems: Vec::new(),
        architectures: vec![Architecture::X86_64],
        outputs: vec![Output {
            label: Localized { zh: "网址".to_owned(), en: "Address".to_owned() },
            value: "http://{ip}/".to_owned(),
        }],
        parameters: Vec::new(),
    }
}

fn plan(cloud: Cloud, kid: String) -> Plan {
    let named = |id: &str| Named { id: id.to_owned(), name: id.to_owned() };
    let server = ServerChoice {
        name: "atlas-1".to_owned(),
        zone: "zone".to_owned(),
        flavor: flavor(Stock::Normal),
        image: image(Architecture::X86_64),
        disk_gib: 40,
        network: named("net"),
        subnet: named("subnet"),
        security_group: named("group"),
        public_address_mbit: Some(5),
        key_pair: None,
        password: true,
        price: None,
    };
    Plan {
        place: Place { cloud, region: "region-1".to_owned(), endpoint: None, session_tokens: false },
        account: None,
        server: cloud.makes_servers().then_some(server),
        recipe: recipe(),
        answers: Default::default(),
        package: PackagePin { version: "1.0.0".to_owned(), kid, manifest_sha256: "a".repeat(64), size: 1_000 },
    }
}

pub fn credentials(account: &str) -> Credentials {
    Credentials {
        access_key: account.to_owned(),
        secret_key: SecretString::from(SECRET),
        session_token: Some(SecretString::from(SESSION_TOKEN)),
    }
}

/// A service with a cloud and a deployment that has just begun.
pub struct Deploying {
    pub app: TestApp,
    pub cloud: Arc<Scripted>,
    pub license: License,
    pub id: DeploymentId,
}

impl Deploying {
    pub async fn begin(backend: Backend) -> Self {
        Self::begin_at(backend, Cloud::Ec2).await
    }

    pub async fn begin_at(backend: Backend, place: Cloud) -> Self {
        let cloud = Arc::new(Scripted::default());
        let clouds = Clouds::default().with(place, Arc::new(Door(Arc::clone(&cloud))));
        let app = TestApp::start_with(backend, Settings { clouds, ..Settings::default() }).await;
        let wanted = ByHand {
            plan: PlanName { product: slug("mill"), plan: slug("fixed") },
            expires_at: None,
            quantity: None,
            trial: false,
            device: None,
            customer: Customer::default(),
        };
        let issued = app.write(move |tx, ctx| merchant::issue(tx, ctx, &wanted)).await.expect("a plan of the catalog");
        let kid = app.app.installation().keys.signer(&slug("mill")).unwrap().kid().to_owned();
        let (license, plan) = (issued.license, plan(place, kid));
        let inserted = license.clone();
        let id = app.write(move |tx, ctx| {
            let id = DeploymentId::new(ctx.now, ctx.entropy);
            let hash = PasswordHash::kept(SecretString::from(HASH));
            let cloud = plan.place.cloud.makes_servers();
            let record = DeploymentRecord {
                id,
                license_id: inserted.id,
                product: inserted.product.clone(),
                provider: plan.place.cloud.to_string(),
                goal: Goal::Deploy,
                status: Status::Running,
                stage: Stage::Preflight,
                plan: json!(plan),
                attempt: None,
                attempt_at: None,
                sent: false,
                accepted: None,
                removal: None,
                address: None,
                credentials: cloud.then(|| sealed::seal_entry(ctx, id, &Entry::Keys(credentials("account-1")))),
                password: cloud.then(|| sealed::seal_password(ctx, id, &hash)),
                trouble: None,
                machine_key: None,
                suspect: false,
                again: false,
                sequence: 0,
                activation_id: None,
                next_at: None,
                deadline_at: None,
                created_at: ctx.now,
                updated_at: ctx.now,
                ended_at: None,
                version: 1,
                worker: None,
                absences: 0,
                sighting: None,
                before_gone: None,
            };
            tx.deployment_insert(&record)?;
            let mut deployment = Deployment { record, plan: plan.clone() };
            deployment.enter(tx, ctx, Stage::Preflight)?;
            deployment.look_again(ctx.now, 0);
            deployment.save(tx, ctx)?;
            Ok(id)
        });
        let id = id.await;
        Self { app, cloud, license, id }
    }

    pub async fn record(&self) -> DeploymentRecord {
        let id = self.id;
        self.app.read(move |tx, _| Ok(tx.deployment_find(id)?)).await.unwrap()
    }

    pub async fn obstacle(&self) -> Obstacle {
        let id = self.id;
        let deployment = self.app.read(move |tx, _| Deployment::load(tx, id)).await.unwrap();
        deployment.obstacle().unwrap().expect("an obstacle")
    }

    /// What is there and paid for.
    pub async fn paid(&self) -> Vec<String> {
        let id = self.id;
        let all: Vec<ResourceRecord> = self.app.read(move |tx, _| Ok(tx.resources_of(id)?)).await;
        let mut paid: Vec<_> = all.into_iter().filter(|it| it.removed_at.is_none()).map(|it| it.provider_id).collect();
        paid.sort();
        paid
    }

    pub async fn lines(&self) -> Vec<String> {
        let id = self.id;
        let lines = self.app.read(move |tx, _| Ok(tx.lines_after(id, 0, 6_000)?)).await;
        lines.into_iter().map(|it| it.text).collect()
    }

    /// One round of the worker, to its end.
    pub async fn round(&self) {
        jobs::deployments::round(&self.app.app, JoinSet::new()).await.join_all().await;
    }

    /// Lets time pass until the worker has something to do, and lets it.
    pub async fn step(&self) -> DeploymentRecord {
        if let Some(next) = self.record().await.next_at
            && next > self.app.now()
        {
            self.app.clock.set(next);
        }
        self.round().await;
        self.record().await
    }

    /// Steps until it stands so.
    pub async fn until(&self, stands: impl Fn(&DeploymentRecord) -> bool) -> DeploymentRecord {
        for _ in 0..STEPS {
            let record = self.step().await;
            if stands(&record) {
                return record;
            }
        }
        panic!("it never came to that: {:?}\n{:#?}", self.record().await, self.lines().await);
    }

    pub async fn until_stage(&self, stage: Stage) -> DeploymentRecord {
        self.until(|it| it.stage == stage).await
    }

    /// Steps until nothing happens any more, and checks what holds for everything that settled.
    pub async fn settled(&self, status: Status) -> DeploymentRecord {
        let record = self.until(|it| it.status != Status::Running).await;
        assert_eq!(record.status, status, "{:#?}", self.lines().await);
        assert_eq!((record.credentials.clone(), record.next_at, record.deadline_at), (None, None, None));
        record
    }

    pub async fn wish(&self, asked: Wish, account: Option<&str>) -> DeploymentRecord {
        let (id, given) = (self.id, account.map(|it| Entry::Keys(credentials(it))));
        let done = self.app.write(move |tx, ctx| wish::wish(tx, ctx, None, id, asked, given.as_ref())).await;
        done.expect("the deployment").expect("a wish that is granted").record
    }

    pub fn servers(&self) -> usize {
        self.cloud.state().servers.len()
    }

    pub fn pass(&self, seconds: i64) {
        self.app.pass(SignedDuration::from_secs(seconds));
    }
}
