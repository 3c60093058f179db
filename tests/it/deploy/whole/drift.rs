//! A server that somebody deletes behind the service's back, at a cloud of the real protocol.

use serde_json::json;
use signet::{
    provision::{plan::Cloud, run::Status},
    usecase::deployment::{Deployment as Row, report},
};

use super::{Deployment, Real, Service};

impl Deployment<'_> {
    /// A look at the cloud to its end, as its holder sees it.
    async fn look(&self, credentials: serde_json::Value) -> serde_json::Value {
        let asked = self.wish("check", Some(credentials)).await;
        assert_eq!(asked["checking"], true, "{asked}");
        self.until(|it| it.next_at.is_none()).await;
        let shown = self.shown().await;
        assert_eq!((&shown["checking"], self.record().await.credentials), (&json!(false), None));
        shown
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_server_that_is_deleted_behind_our_back_is_found_to_be_gone() {
    let cloud = Real::sound(Cloud::Ec2).await;
    let service = Service::start(cloud.clouds()).await;
    let deployment = service.begin(&cloud).await;
    deployment.until_it_should_call().await;
    let id = deployment.record().await.id;
    let end = service.app.write(move |tx, ctx| {
        let mut row = Row::load(tx, id)?.unwrap();
        report::finish(tx, ctx, &mut row)?;
        row.save(tx, ctx)
    });
    end.await;

    let shown = deployment.look(cloud.credentials()).await;
    assert_eq!((&shown["status"], &shown["sighting"]["server"]), (&json!("healthy"), &json!("running")), "{shown}");
    assert_eq!(shown["sighting"]["address"], shown["address"]);
    let wrong = deployment.look(json!({ "access_key": "AKIAWRONG", "secret_key": "wrong" })).await;
    assert_eq!((&wrong["status"], &wrong["sighting"]["server"]), (&json!("healthy"), &json!(null)), "{wrong}");
    assert!(wrong["sighting"]["problem"]["advice"].as_str().unwrap().len() > 20, "{wrong}");

    cloud.terminate(&deployment.record().await).await;
    let shown = deployment.look(cloud.credentials()).await;
    assert_eq!((&shown["status"], &shown["sighting"]["server"]), (&json!("gone"), &json!("gone")), "{shown}");
    assert_eq!(shown["problem"]["kind"], "not_found");
    assert_eq!(deployment.record().await.status, Status::Gone);
    assert!(deployment.lines().await.contains("no longer at the cloud"));
}
