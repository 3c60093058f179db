//! Servers that exist already and the real service: sessions, orders, the license and its seat.

use signet::{
    provision::{provider::clouds::Clouds, run::Status},
    store::DeploymentRecord,
    usecase::merchant::{self, Act},
};

use super::machine::{Machine, Plan};
use crate::deploy::whole::{Deployment, Service};

/// A deployment that waits for its server.
struct Begun {
    service: Service,
    id: String,
    script: String,
}

impl Begun {
    async fn installing(install: &str) -> Self {
        let service = Service::installing(Clouds::default(), install).await;
        let (deployment, script) = service.own_server().await;
        let id = deployment.id;
        Self { service, id, script }
    }

    fn deployment(&self) -> Deployment<'_> {
        Deployment { service: &self.service, id: self.id.clone() }
    }

    async fn row(&self) -> DeploymentRecord {
        self.deployment().record().await
    }

    /// Runs a server. Once its deployment has failed, `then` is asked of it.
    async fn run(&self, plan: Plan, then: &str) -> Machine {
        self.deployment().boot(plan, &self.script, then).await
    }
}

#[tokio::test]
async fn boot_goes_on_when_a_failed_deployment_is_resumed() {
    let install = "[ -e /once ] || { touch /once; echo 'the first try'; exit 7; }; ./install.sh";
    let begun = Begun::installing(install).await;
    let machine = begun.run(Plan::new("/bin/sh"), "resume").await;
    let row = begun.row().await;
    assert_eq!(row.status, Status::Healthy, "{}", machine.printed());
    let lines = begun.deployment().lines().await;
    assert!(lines.contains("the first try\nthe installation failed with code 7\n"), "{lines}");
}

#[tokio::test]
async fn boot_gets_nothing_for_a_license_that_is_held() {
    let begun = Begun::installing("./install.sh").await;
    let id = begun.service.license.id;
    begun.service.app.write(move |tx, ctx| merchant::act(tx, ctx, id, Act::Suspend)).await.unwrap();
    let machine = begun.run(Plan::new("/bin/sh"), "keep").await;
    let row = begun.row().await;
    assert_eq!((row.status, row.activation_id), (Status::Kept, None));
    let trouble: serde_json::Value = serde_json::from_str(&row.trouble.unwrap()).unwrap();
    assert_eq!(trouble["code"], "license");
    assert_eq!(machine.left("environment"), "", "nothing was installed");
}

#[tokio::test]
async fn boot_of_a_second_server_with_the_same_script_is_refused_and_told() {
    let begun = Begun::installing("./install.sh").await;
    let mut plan = Plan::new("/usr/local/bin/first");
    // This one ends as soon as it has its session.
    let first = "#!/bin/sh\nsed -i 's/^open_session || exit 1$/&; exit 7/' /script && exec sh /script\n";
    plan.files.push(("usr/local/bin/first", first));
    let first = begun.run(plan, "keep").await;
    assert_eq!(first.fake.calls(), ["POST session 200"], "{}", first.printed());
    let second = begun.run(Plan::new("/bin/sh"), "keep").await;
    assert_eq!(second.fake.calls(), ["POST session 409"]);
    assert!(second.printed().contains("the token was used by another machine"), "{}", second.printed());
    assert!(begun.row().await.suspect);
    assert_eq!(begun.service.app.open_alerts().await, ["bootstrap_token_reused"]);
}
