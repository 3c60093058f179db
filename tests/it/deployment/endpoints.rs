//! Deployments at endpoints in no list.

use rstest::rstest;
use signet::{
    provision::{
        provider::{Entry, Trouble},
        run::{NotNow, Status, Wish},
    },
    usecase::deployment::{Deployment, wish},
};

use super::{Deploying, cloud::Play, credentials};
use crate::harness::Backend;

/// The token was taken, and the deployment failed a moment later.
#[rstest]
#[case::resume(Wish::Resume)]
#[case::remove(Wish::Remove)]
#[case::check(Wish::Check)]
#[tokio::test]
async fn a_token_that_must_not_be_sent_is_refused_when_it_is_typed(#[case] wished: Wish) {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.play("identity", Play::Refused(Trouble::Credentials));
    it.until(|record| record.status == Status::NeedsCredentials).await;
    let id = it.id;
    let ask = async |with_token: bool| {
        it.app
            .write(move |tx, ctx| {
                let mut keys = credentials("account-1");
                keys.session_token = keys.session_token.filter(|_| with_token);
                Ok(wish::wish(tx, ctx, None, id, wished, Some(&Entry::Keys(keys)))?.unwrap().map(|it| it.record.status))
            })
            .await
    };
    let endpoint = it.app.write(move |tx, ctx| {
        let mut deployment = Deployment::load(tx, id)?.unwrap();
        deployment.plan.place.endpoint = Some("https://cloud.example.com/".to_owned());
        deployment.record.plan = serde_json::json!(deployment.plan);
        deployment.save(tx, ctx)
    });
    endpoint.await;
    let before = it.record().await;
    assert_eq!(ask(true).await, Err(NotNow::SessionTokens));
    assert_eq!(it.record().await, before, "nothing changed");
    assert_ne!(ask(false).await, Err(NotNow::SessionTokens));
}
