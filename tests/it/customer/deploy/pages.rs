//! The page of a deployment and its buttons.

use signet::{
    provision::{
        cleanup,
        provider::{CloudError, Trouble},
        run::{Goal, Stage, Status},
    },
    usecase::{
        deployment::{Deployment, Obstacle},
        merchant::{self, Act},
    },
};

use super::{
    super::{Visitor, faces, issued, text},
    Service, begun, location,
};

async fn token(visitor: &mut Visitor<'_>) -> String {
    visitor.form_token().await
}

#[tokio::test]
async fn another_license_sees_nothing_of_it() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let id = begun(&service, &mut visitor).await;
    let other = issued(&service.app, "atlas/standard").await;
    let mut stranger = Visitor::new(&service.app);
    stranger.enter(&faces(&service.app, &other).await.1).await;
    for rest in ["", "/events", "/script", "/remove"] {
        let answer = stranger.get(&format!("/license/deployments/{id}{rest}")).await;
        assert_eq!(answer.status, 404, "{rest}");
    }
    let form = token(&mut stranger).await;
    let path = format!("/license/deployments/{id}/wish");
    assert_eq!(stranger.post(&path, &[("form", &form), ("wish", "remove")]).await.status, 404);
    assert_eq!(service.deployment().await.goal, Goal::Deploy);
    for wrong in ["nonsense", "00000000-0000-7000-8000-000000000000"] {
        assert_eq!(visitor.get(&format!("/license/deployments/{wrong}")).await.status, 404);
    }
}

#[tokio::test]
async fn removal_is_confirmed_first() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let id = begun(&service, &mut visitor).await;
    service.work_until(Status::Healthy).await;
    let path = format!("/license/deployments/{id}");
    let page = text(&visitor.get(&format!("{path}/remove")).await);
    for expected in ["203.0.113.10", "-disk", "name=\"secret_key\"", "for good"] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert_eq!(service.deployment().await.goal, Goal::Deploy, "looking at it removes nothing");
    let form = token(&mut visitor).await;
    let sent = [("form", &*form), ("wish", "remove"), ("access_key", "AK-1"), ("secret_key", "again")];
    let answer = visitor.post(&format!("{path}/wish"), &sent).await;
    assert_eq!((answer.status, location(&answer)), (303, &*path));
    service.work_until(Status::Removed).await;
    let page = text(&visitor.get(&path).await);
    assert!(page.contains("Removed") && page.contains("removed 2 March 2026") && !page.contains("/remove\""), "{page}");
}

#[tokio::test]
async fn a_look_at_the_cloud_is_asked_for_and_told() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let id = begun(&service, &mut visitor).await;
    let path = format!("/license/deployments/{id}");
    assert!(!text(&visitor.get(&path).await).contains("/check\""), "it is watched while it is under way");
    service.work_until(Status::Healthy).await;
    assert!(text(&visitor.get(&path).await).contains(&format!("href=\"{path}/check\"")));
    let page = text(&visitor.get(&format!("{path}/check")).await);
    assert!(page.contains("name=\"secret_key\"") && page.contains("Nothing is changed"), "{page}");
    let form = token(&mut visitor).await;
    let wish = format!("{path}/wish");
    assert_eq!(visitor.post(&wish, &[("form", &form), ("wish", "check")]).await.status, 409);
    for (secret, said) in [("good", "The server runs"), ("wrong-one", "Check that access key and secret")] {
        let sent = [("form", &*form), ("wish", "check"), ("access_key", "AK-1"), ("secret_key", secret)];
        assert_eq!(visitor.post(&wish, &sent).await.status, 303);
        let page = text(&visitor.get(&path).await);
        assert!(page.contains("is being asked") && page.contains("data-events"), "{page}");
        service.app.pass(jiff::SignedDuration::from_secs(1));
        signet::jobs::deployments::round(&service.app.app, tokio::task::JoinSet::new()).await.join_all().await;
        let page = text(&visitor.get(&path).await);
        assert!(page.contains(said) && page.contains("The software runs") && !page.contains("data-events"), "{page}");
        assert_eq!(service.deployment().await.credentials, None);
    }
}

/// The license ends, the server stays: the page says when the software stops, and what is to be done.
#[tokio::test]
async fn a_license_that_ended_leaves_its_server_and_says_so() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let id = begun(&service, &mut visitor).await;
    service.work_until(Status::Healthy).await;
    let path = format!("/license/deployments/{id}");
    let page = text(&visitor.get(&path).await);
    assert!(!page.contains("is frozen.") && page.contains("id=\"clean-up\""), "{page}");
    let license = service.deployment().await.license_id;
    service.app.write(move |tx, ctx| merchant::act(tx, ctx, license, Act::Suspend)).await;
    let page = text(&visitor.get(&path).await);
    let seat = service.deployment().await.activation_id.unwrap();
    let until = service.app.read(move |tx, _| Ok(tx.activation_find(seat)?)).await.unwrap().grace_until;
    let until = until.civil().strftime("%-d %B %Y, %H:%M UTC").to_string();
    for expected in ["The license is frozen.", "stops with its lease", &until, "goes on billing"] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert_eq!(page.matches(&format!("href=\"{path}/remove\"")).count(), 2, "{page}");
    let commands = cleanup::commands(&"atlas".parse().unwrap()).join("\n");
    assert!(page.contains(&commands), "{page}");
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/deployment.md")).unwrap();
    assert!(docs.contains(&commands));
    assert_eq!(service.deployment().await.status, Status::Healthy);
}

#[tokio::test]
async fn buttons_need_the_forms_token_and_a_wish_with_a_meaning() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let id = begun(&service, &mut visitor).await;
    let path = format!("/license/deployments/{id}/wish");
    let form = token(&mut visitor).await;
    assert_eq!(visitor.post(&path, &[("form", "x"), ("wish", "remove")]).await.status, 403);
    assert_eq!(visitor.post(&path, &[("form", &form), ("wish", "dance")]).await.status, 403);
    assert_eq!(visitor.post(&path, &[("form", &form), ("wish", "keep")]).await.status, 409);
    assert_eq!(visitor.get(&format!("/license/deployments/{id}/script")).await.status, 409);
    assert_eq!(service.deployment().await.goal, Goal::Deploy);
}

/// Credentials that are over stop a deployment; the page says what the cloud said, and asks for others.
#[tokio::test]
async fn a_deployment_that_needs_credentials_asks_for_them() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let id = begun(&service, &mut visitor).await;
    service
        .app
        .write(move |tx, ctx| {
            let mut deployment = Deployment::load(tx, id)?.unwrap();
            let error = CloudError::new(Trouble::Expired, "the token <b>is over</b>");
            let error = error.with(Some("Cloud.0007".to_owned()), Some("request-7".to_owned()));
            deployment.stop(tx, ctx, Status::NeedsCredentials, &Obstacle::cloud(Stage::Accepted, &error))?;
            deployment.save(tx, ctx)
        })
        .await;
    let path = format!("/license/deployments/{id}");
    let page = text(&visitor.get(&path).await);
    for expected in [
        "Credentials are needed",
        "is over&#60;/b&#62;",
        "Cloud.0007",
        "request-7",
        "Get new ones",
        "name=\"secret_key\"",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    let form = token(&mut visitor).await;
    let half = [("form", &*form), ("wish", "resume"), ("access_key", "AK-1"), ("secret_key", "")];
    assert_eq!(visitor.post(&format!("{path}/wish"), &half).await.status, 422);
    assert_eq!(service.deployment().await.status, Status::NeedsCredentials);
    let sent = [("form", &*form), ("wish", "resume"), ("access_key", "AK-1"), ("secret_key", "good")];
    assert_eq!(visitor.post(&format!("{path}/wish"), &sent).await.status, 303);
    assert_eq!(service.deployment().await.status, Status::Running);
}

#[tokio::test]
async fn the_pages_are_strict() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let id = begun(&service, &mut visitor).await;
    for (path, connects) in [("/license/deploy".to_owned(), false), (format!("/license/deployments/{id}"), true)] {
        let answer = visitor.get(&path).await;
        let policy = answer.header("Content-Security-Policy").unwrap();
        assert_eq!(policy.contains("connect-src 'self'"), connects, "{path}: {policy}");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"), "{policy}");
        assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    }
    assert_eq!(Visitor::new(&service.app).get(&format!("/license/deployments/{id}/events")).await.status, 303);
}
