//! Whole deployments: a package that is really published, an order over the HTTP API, the worker, and a cloud that checks
//! signatures and requests. In [`boots`] the servers really start, with the user-data that the cloud received.

mod agencies;
mod boots;
mod clouds;
mod drift;
mod lives;
mod refusals;

use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use signet::{
    jobs,
    license::model::License,
    provision::{
        provider::clouds::Clouds,
        run::{Stage, Status},
    },
    store::DeploymentRecord,
    usecase::{deployment::wish, package},
};
use tokio::task::JoinSet;

use super::boot::machine::{Machine, Plan};
use crate::harness::{Answer, Backend, CATALOG, Settings, TestApp, exchange, slug};

pub use clouds::{Real, name};

/// The service, as servers know it.
pub const SERVICE: &str = "http://198.51.100.10";
/// Root's password.
pub const PASSWORD: &str = "Canary-Whole-7";
/// Steps after which a deployment that does not settle never will.
const STEPS: usize = 100;
const INSTALL: &str = "./install.sh";

/// A service with a published package and a license.
pub struct Service {
    pub app: Arc<TestApp>,
    pub license: License,
    pub code: String,
    pub package: Vec<u8>,
}

impl Service {
    pub async fn start(clouds: Clouds) -> Self {
        Self::installing(clouds, INSTALL).await
    }

    /// Another license of the same service, and its holder.
    pub async fn neighbour(&self) -> Self {
        let app = Arc::clone(&self.app);
        let license = crate::customer::issued(&app, "mill/fixed").await;
        let code = app.latest_code(&license).await;
        Self { app, license, code, package: self.package.clone() }
    }

    /// With other settings.
    pub async fn start_with(settings: Settings) -> Self {
        Self::made(settings, INSTALL).await
    }

    /// With another command that installs.
    pub async fn installing(clouds: Clouds, install: &str) -> Self {
        Self::made(Settings { clouds, ..Settings::default() }, install).await
    }

    async fn made(settings: Settings, install: &str) -> Self {
        let settings = Settings { known_as: Some(SERVICE), ..settings };
        let app = TestApp::start_with(Backend::Sqlite, settings).await;
        let before = "# The quantity is the number of machines.";
        app.apply_catalog(&CATALOG.replacen(before, &format!("{}{before}", recipe(install)), 1)).await;
        let package = Plan::new("").play.package;
        publish(&app, &package).await;
        let license = crate::customer::issued(&app, "mill/fixed").await;
        let code = app.latest_code(&license).await;
        Self { app: Arc::new(app), license, code, package }
    }

    /// A call of the license's holder.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|it| it.to_string()).unwrap_or_default();
        let content = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let head = format!(
            "{method} /api/v1/deployments{path} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nAuthorization: License \
             {}\r\n{content}Content-Length: {}\r\n\r\n",
            self.code,
            body.len()
        );
        exchange(self.app.address, format!("{head}{body}").as_bytes()).await
    }

    /// What an order at this cloud says.
    pub async fn order_at(&self, cloud: &Real) -> Value {
        json!({
            "place": cloud.place(), "credentials": cloud.credentials(), "server": cloud.server().await,
            "password": PASSWORD, "parameters": { "GREETING": "it's $HOME `id` 你好" },
        })
    }

    /// Orders, which must be taken.
    pub async fn order(&self, order: Value) -> Deployment<'_> {
        let begun = self.call("POST", "", Some(order)).await;
        assert_eq!(begun.status, 202, "{}", String::from_utf8_lossy(&begun.body));
        Deployment { service: self, id: begun.json()["id"].as_str().unwrap().to_owned() }
    }

    /// A deployment at this cloud that has just begun.
    pub async fn begin(&self, cloud: &Real) -> Deployment<'_> {
        self.order(self.order_at(cloud).await).await
    }

    /// A deployment onto a server that exists, and the script to run there.
    pub async fn own_server(&self) -> (Deployment<'_>, String) {
        let order = json!({ "place": { "cloud": "own" }, "parameters": { "GREETING": "hello" } });
        let begun = self.order(order).await;
        let script = self.call("GET", &format!("/{}/script", begun.id), None).await;
        assert_eq!(script.status, 200, "{script:?}");
        (begun, String::from_utf8(script.body).unwrap())
    }

    /// The package's file in the package store.
    pub fn stored(&self) -> std::path::PathBuf {
        self.app.database.folder.path().join("packages/mill").join(HEXLOWER.encode(&Sha256::digest(&self.package)))
    }
}

fn recipe(install: &str) -> String {
    format!(
        r#"
[product.recipe]
package = "published"
install = {install:?}
install_seconds = 30
health = "curl --fail --silent http://127.0.0.1:8080/"
health_seconds = 10
ports = [8080]
minimum = {{ vcpus = 1, memory_mib = 1024, disk_gib = 10 }}
parameters = [{{ name = "GREETING", label = {{ zh = "问候", en = "Greeting" }} }}]
outputs = [{{ label = {{ zh = "网址", en = "Address" }}, value = "http://{{ip}}:8080/" }}]

"#
    )
}

/// As `signet package publish` does: the bytes first, then the row that names them.
async fn publish(app: &TestApp, bytes: &[u8]) {
    let sha256 = HEXLOWER.encode(&Sha256::digest(bytes));
    let size = bytes.len() as u64;
    app.app.depot().put(&slug("mill"), &sha256, size, bytes, |_| {}).await.unwrap();
    let wanted = package::Wanted {
        product: slug("mill"),
        version: "1.2.3".to_owned(),
        sha256,
        size,
        file: "mill-1.2.3.tar.gz".to_owned(),
        min_version: None,
        expires_at: None,
    };
    app.write(move |tx, ctx| package::publish(tx, ctx, &wanted)).await.unwrap();
}

/// A deployment that was taken.
pub struct Deployment<'a> {
    pub service: &'a Service,
    pub id: String,
}

impl Deployment<'_> {
    pub async fn record(&self) -> DeploymentRecord {
        let id = self.id.parse().unwrap();
        self.service.app.read(move |tx, _| wish::find(tx, None, id)).await.unwrap().record
    }

    /// As its holder sees it.
    pub async fn shown(&self) -> Value {
        let shown = self.service.call("GET", &format!("/{}", self.id), None).await;
        assert_eq!(shown.status, 200);
        shown.json()
    }

    /// All lines that were said.
    pub async fn lines(&self) -> String {
        let shown = self.shown().await;
        let lines = shown["lines"].as_array().unwrap();
        lines.iter().map(|it| it["text"].as_str().unwrap().to_owned() + "\n").collect()
    }

    pub async fn wish(&self, wish: &str, credentials: Option<Value>) -> Value {
        let asked = json!({ "wish": wish, "credentials": credentials });
        let granted = self.service.call("POST", &format!("/{}/wish", self.id), Some(asked)).await;
        assert_eq!(granted.status, 200, "{}", String::from_utf8_lossy(&granted.body));
        granted.json()
    }

    /// The worker's rounds, as a process that may die.
    pub async fn round(&self) -> JoinSet<()> {
        if let Some(next) = self.record().await.next_at.filter(|next| *next > self.service.app.now()) {
            self.service.app.clock.set(next);
        }
        jobs::deployments::round(&self.service.app.app, JoinSet::new()).await
    }

    /// Works on it until it stands so.
    pub async fn until(&self, stands: impl Fn(&DeploymentRecord) -> bool) -> DeploymentRecord {
        for _ in 0..STEPS {
            let record = self.record().await;
            if stands(&record) {
                return record;
            }
            self.round().await.join_all().await;
        }
        panic!("it never came to that: {:?}\n{}", self.record().await, self.lines().await);
    }

    /// Until its server should call.
    pub async fn until_it_should_call(&self) {
        let record = self.until(|it| it.stage == Stage::BootstrapCalled || it.status != Status::Running).await;
        assert_eq!((record.status, record.stage), (Status::Running, Stage::BootstrapCalled), "{}", self.lines().await);
    }

    /// Starts a server with this user-data and waits until it is off. The service is reached through what `plan` plays.
    /// Once the deployment has failed, `then` is asked of it: until then the server waits for what comes.
    pub async fn boot(&self, mut plan: Plan, user_data: &str, then: &str) -> Machine {
        plan.script = Some(user_data.to_owned());
        plan.play.real = Some(self.service.app.address);
        let machine = tokio::task::spawn_blocking(move || plan.run());
        while !machine.is_finished() && self.record().await.status != Status::Failed {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        if self.record().await.status == Status::Failed {
            self.wish(then, None).await;
        }
        machine.await.unwrap()
    }

    /// What it made and is paid for, as its holder sees it.
    pub async fn paid(&self) -> Vec<String> {
        let shown = self.shown().await;
        let left = shown["resources"].as_array().unwrap().iter().filter(|it| it["removed_at"].is_null());
        left.map(|it| it["kind"].as_str().unwrap().to_owned()).collect()
    }
}
