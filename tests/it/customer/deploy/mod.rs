//! The wizard and the page of a deployment over HTTP, as a browser without a script sees them.

mod agency;
mod browser;
mod events;
mod form;
mod pages;
mod wizard;

use std::sync::Arc;

use jiff::SignedDuration;
use signet::{
    base::{clock::SystemClock, entropy::SystemEntropy, ids::DeploymentId},
    jobs,
    license::seal::MasterKey,
    provision::{
        provider::{
            clouds::Clouds,
            simulated::{Ground, Simulated},
        },
        run::Status,
    },
    store::DeploymentRecord,
    usecase::package,
};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{Visitor, faces, issued, text};
use crate::harness::{Answer, Backend, CATALOG, Settings, TestApp, slug};
use form::Form;

pub const SECRET: &str = "canary-wizard-secret";
pub const PASSWORD: &str = "Canary-Wizard-1";
const RECIPE: &str = r#"
[product.recipe]
package = "published"
install = "sh install.sh"
health = "true"
ports = [8080]
minimum = { vcpus = 1, memory_mib = 1024, disk_gib = 20 }
systems = ["debian", "ubuntu"]
parameters = [
    { name = "SITE_NAME", label = { zh = "站点名称", en = "Name of the site" } },
    { name = "LANGUAGE", label = { zh = "界面语言", en = "Language" }, default = "zh", choices = ["zh", "en"] },
]
outputs = [
    { label = { zh = "访问地址", en = "Address" }, value = "http://{ip}:8080/" },
    { label = { zh = "首次登录", en = "First login" }, value = "admin of {SITE_NAME}" },
]

"#;

/// A service whose customers can deploy Atlas to a cloud that is simulated.
pub struct Service {
    pub app: TestApp,
    pub key: String,
    _folder: TempDir,
}

impl Service {
    pub async fn start() -> Self {
        Self::start_with(true).await
    }

    pub async fn start_with(published: bool) -> Self {
        Self::start_at(Clouds::default(), published).await
    }

    /// With these clouds beside the simulated one.
    pub async fn start_at(clouds: Clouds, published: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let simulated = Simulated::new(Ground {
            file: folder.path().join("cloud.json"),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            master: MasterKey::generate(&SystemEntropy),
        });
        let clouds = clouds.simulating(simulated);
        let app = TestApp::start_with(Backend::Sqlite, Settings { at_home: true, clouds, ..Settings::default() }).await;
        let before = "# Two machines a unit";
        app.apply_catalog(&CATALOG.replacen(before, &format!("{RECIPE}{before}"), 1)).await;
        if published {
            publish(&app).await;
        }
        let license = issued(&app, "atlas/standard").await;
        let key = faces(&app, &license).await.1;
        Self { app, key, _folder: folder }
    }

    /// A customer with the license's page open.
    pub async fn visitor(&self) -> Visitor<'_> {
        let mut visitor = Visitor::new(&self.app);
        visitor.enter(&self.key).await;
        visitor
    }

    /// The only deployment.
    pub async fn deployment(&self) -> DeploymentRecord {
        let all = self.deployments().await;
        let [one] = all.as_slice() else { panic!("{} deployments", all.len()) };
        one.clone()
    }

    pub async fn deployments(&self) -> Vec<DeploymentRecord> {
        self.app.read(|tx, _| Ok(tx.deployment_page(None, None, 100)?)).await
    }

    /// Works on deployments until there is one that stands like that.
    pub async fn work_until(&self, status: Status) {
        let mut under_way = JoinSet::new();
        for _ in 0..600 {
            under_way = jobs::deployments::round(&self.app.app, under_way).await;
            if self.deployments().await.iter().any(|it| it.status == status) {
                return;
            }
            // The machine that is simulated takes real time; the service's clock goes with it.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            self.app.pass(SignedDuration::from_millis(100));
        }
        panic!("never {status}: {:?}", self.deployments().await.iter().map(|it| it.status).collect::<Vec<_>>());
    }
}

async fn publish(app: &TestApp) {
    let wanted = package::Wanted {
        product: slug("atlas"),
        version: "1.4.0".to_owned(),
        sha256: "ab".repeat(32),
        size: 1_000,
        file: "atlas-1.4.0.tar.gz".to_owned(),
        min_version: None,
        expires_at: None,
    };
    app.write(move |tx, ctx| package::publish(tx, ctx, &wanted)).await.unwrap();
}

/// The whole way to the review page; every step's form as it stands, with what a customer types.
pub async fn to_review(visitor: &mut Visitor<'_>) -> Form {
    let mut form = Form::of(&visitor.get("/license/deploy").await);
    for typed in steps() {
        form = form.typed(typed).send(visitor).await;
    }
    assert_eq!(form.get("step"), "review", "{}", form.page);
    form
}

/// What a customer types in each step.
pub fn steps() -> [&'static [(&'static str, &'static str)]; 6] {
    [
        &[("cloud", "simulated")],
        &[("access_key", "AK-1"), ("secret_key", SECRET), ("session_token", "canary-wizard-token")],
        &[],
        &[("name", "front-1")],
        &[],
        &[("password", PASSWORD), ("password_again", PASSWORD), ("p_SITE_NAME", "Meadow <b>")],
    ]
}

/// Begins a deployment and says which.
pub async fn begun(service: &Service, visitor: &mut Visitor<'_>) -> DeploymentId {
    let answer = to_review(visitor).await.answer(visitor).await;
    assert_eq!(answer.status, 303, "{}", text(&answer));
    service.deployment().await.id
}

pub fn location(answer: &Answer) -> &str {
    answer.header("Location").unwrap_or_else(|| panic!("{}", answer.head))
}
