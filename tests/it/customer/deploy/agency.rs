//! The wizard and the buttons for customers who trust the merchant's account and give no keys.

use std::sync::Arc;

use serde_json::json;
use signet::{
    base::clock::SystemClock,
    provision::{plan::Cloud, run::Status},
    usecase::deployment::{Deployment, Obstacle},
};

use super::{
    super::{Visitor, text},
    Form, PASSWORD, Service, location,
};
use crate::deploy::whole::Real;

pub const URN: &str = "iam::account-7:agency:for-meadow";

pub async fn start() -> (Real, Service) {
    let cloud = Real::sound(Cloud::Huawei).await;
    let service = Service::start_at(cloud.trusting(Arc::new(SystemClock)), true).await;
    (cloud, service)
}

/// The step of the credentials at Huawei Cloud.
pub async fn at_credentials(visitor: &mut Visitor<'_>) -> Form {
    let form = Form::of(&visitor.get("/license/deploy").await);
    let form = form.typed(&[("cloud", "huawei"), ("region-huawei", "cn-north-4")]).send(visitor).await;
    assert_eq!(form.get("step"), "credentials", "{}", form.page);
    form
}

/// What a page shows in the element with this id.
pub fn shown(page: &str, id: &str) -> String {
    let (_, rest) = page.split_once(&format!("<code id=\"{id}\">")).unwrap_or_else(|| panic!("no {id}: {page}"));
    rest.split('<').next().unwrap().to_owned()
}

/// Makes both agencies as the page says.
pub async fn trust(cloud: &Real, page: &str) {
    cloud.fake().trust(json!({ "urn": URN, "external_id": shown(page, "agency-external-id") })).await;
    cloud.fake().trust(json!({ "account": "account-8", "name": shown(page, "agency-name") })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_way_with_an_agency_of_either_kind() {
    for typed in [[("way", "trust"), ("agency_urn", URN)], [("way", "named"), ("agency_account", "account-8")]] {
        let (cloud, service) = start().await;
        let mut visitor = service.visitor().await;
        let form = at_credentials(&mut visitor).await;
        assert_eq!((form.get("way"), shown(&form.page, "agency-account-id").as_str()), ("keys", "vendor-1"));
        assert_eq!(shown(&form.page, "agency-account-name"), "meadow-software");
        for expected in ["Create Trust Agency", "ecs:cloudServers:createServers", "data-copy=\"agency-external-id\""] {
            assert!(form.page.contains(expected), "{expected}: {}", form.page);
        }
        assert!(!form.page.contains(" required"), "hidden fields that must be filled keep a form from being sent");
        trust(&cloud, &form.page).await;
        let server = form.typed(&typed).send(&mut visitor).await;
        assert_eq!(server.get("step"), "server", "{}", server.page);
        let mut form = server.send(&mut visitor).await.send(&mut visitor).await.send(&mut visitor).await;
        assert_eq!(form.get("step"), "access", "{}", form.page);
        let login = [("password", PASSWORD), ("password_again", PASSWORD), ("p_SITE_NAME", "Meadow")];
        form = form.typed(&login).send(&mut visitor).await;
        let answer = form.answer(&mut visitor).await;
        let id = service.deployment().await.id;
        assert_eq!((answer.status, location(&answer)), (303, &*format!("/license/deployments/{id}")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agency_that_will_not_do_is_told_where_it_was_typed() {
    let (cloud, service) = start().await;
    let mut visitor = service.visitor().await;
    let form = at_credentials(&mut visitor).await;
    cloud.fake().trust(json!({ "urn": URN, "external_id": "of somebody else" })).await;
    let wrongs = [
        ("trust", "agency_urn", "nonsense", "looks like iam::"),
        ("trust", "agency_urn", URN, "does not trust this service"),
        ("named", "agency_account", "a b", "letters, digits and hyphens"),
        ("named", "agency_account", "account-8", "external id or name must be exactly those"),
        ("keys", "access_key", "", "Enter access key"),
    ];
    for (way, field, value, why) in wrongs {
        let answer = form.clone().typed(&[("way", way), (field, value)]).answer(&mut visitor).await;
        assert_eq!(answer.status, 422, "{way} {value}");
        let again = Form::of(&answer);
        assert_eq!((again.get("step"), again.get("way")), ("credentials", way));
        assert!(again.page.contains(why), "{why}: {}", again.page);
        let tag = again.page.split("<input").find(|tag| tag.contains(&format!("name=\"{field}\""))).unwrap();
        assert!(tag.contains("aria-invalid"), "{field}: {tag}");
        assert_eq!(again.get(field), value, "it is not typed again");
    }
    assert!(service.deployments().await.is_empty());
}

/// Who goes back and chooses keys after all gives some.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agency_is_not_taken_for_keys() {
    let (cloud, service) = start().await;
    let mut visitor = service.visitor().await;
    let form = at_credentials(&mut visitor).await;
    trust(&cloud, &form.page).await;
    let server = form.typed(&[("way", "trust"), ("agency_urn", URN)]).send(&mut visitor).await;
    let back = Form::of(&server.press("back", &mut visitor).await);
    assert_eq!((back.get("way"), back.get("agency_urn")), ("trust", URN));
    assert!(!back.page.contains("Credentials were entered"), "{}", back.page);
    let answer = back.typed(&[("way", "keys")]).answer(&mut visitor).await;
    assert_eq!((answer.status, Form::of(&answer).get("step")), (422, "credentials"));
}

/// Only where the merchant has an account, and only at its cloud.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agencies_are_offered_nowhere_else() {
    let (_cloud, service) = start().await;
    let mut visitor = service.visitor().await;
    let form = Form::of(&visitor.get("/license/deploy").await);
    let simulated = form.typed(&[("cloud", "simulated")]).send(&mut visitor).await;
    assert!(!simulated.page.contains("name=\"way\"") && simulated.page.contains(" required"), "{}", simulated.page);
    let forced = simulated.typed(&[("way", "trust"), ("agency_urn", URN)]).answer(&mut visitor).await;
    assert!(forced.status == 422 && text(&forced).contains("Agencies are not taken here"), "{}", text(&forced));

    let cloud = Real::sound(Cloud::Huawei).await;
    let service = Service::start_at(cloud.clouds(), true).await;
    let mut visitor = service.visitor().await;
    let form = at_credentials(&mut visitor).await;
    assert!(!form.page.contains("name=\"way\"") && !form.page.contains("agency"), "{}", form.page);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agencies_are_explained_in_chinese() {
    let (_cloud, service) = start().await;
    let mut visitor = service.visitor().await;
    visitor.headers = vec![("Accept-Language", "zh-CN".to_owned())];
    let page = at_credentials(&mut visitor).await.page;
    assert!(page.contains("信任委托（推荐）") && page.contains("外部 ID") && page.contains("普通账号"), "{page}");
}

/// The pages of a deployment that needs credentials, and of its removal, take an agency too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_is_resumed_and_removed_with_an_agency() {
    let (cloud, service) = start().await;
    let mut visitor = service.visitor().await;
    let form = at_credentials(&mut visitor).await;
    trust(&cloud, &form.page).await;
    let mut form = form.typed(&[("way", "trust"), ("agency_urn", URN)]).send(&mut visitor).await;
    for _ in 0..3 {
        form = form.send(&mut visitor).await;
    }
    form = form.typed(&[("login", "none"), ("p_SITE_NAME", "Meadow")]).send(&mut visitor).await;
    assert_eq!(form.answer(&mut visitor).await.status, 303);
    let record = service.deployment().await;
    let (id, stage) = (record.id, record.stage);
    let stop = Obstacle::new(stage, "expired", "the credentials were forgotten");
    service
        .app
        .write(move |tx, ctx| {
            let mut deployment = Deployment::load(tx, id)?.unwrap();
            deployment.stop(tx, ctx, Status::NeedsCredentials, &stop)?;
            deployment.save(tx, ctx)
        })
        .await;
    let path = format!("/license/deployments/{id}");
    let token = visitor.form_token().await;
    for page in [path.clone(), format!("{path}/remove")] {
        let page = text(&visitor.get(&page).await);
        let asks = page.contains("name=\"secret_key\"");
        assert_eq!(asks, page.contains("name=\"agency_urn\""), "{page}");
        assert!(!asks || !page.contains(" required"), "{page}");
    }
    let send = [("form", &*token), ("wish", "resume"), ("way", "trust"), ("agency_urn", "nonsense")];
    let refused = visitor.post(&format!("{path}/wish"), &send).await;
    assert!(refused.status == 422 && text(&refused).contains("looks like iam::"), "{}", text(&refused));
    let send = [("form", &*token), ("wish", "resume"), ("way", "trust"), ("agency_urn", URN)];
    assert_eq!(visitor.post(&format!("{path}/wish"), &send).await.status, 303);
    let record = service.deployment().await;
    assert!(record.status == Status::Running && record.credentials.is_some(), "{record:?}");
    let send = [("form", &*token), ("wish", "remove"), ("way", "named"), ("agency_account", "account-8")];
    assert_eq!(visitor.post(&format!("{path}/wish"), &send).await.status, 303);
    service.work_until(Status::Removed).await;
    assert_eq!(cloud.holds().await, [0, 0, 0]);
}
